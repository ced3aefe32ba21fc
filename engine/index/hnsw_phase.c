/* The phases of building a graph. Each has items, on which any number of threads work:
 *
 *   phase            items               next phase, begun by hnsw_phase_advance
 *   DRAW             1                   DRAW until the order is drawn; then LOOK
 *   LOOK             1                   LOOK until the codes are chosen; then ENCODE
 *   ENCODE           blocks of rows      COPY_BASE of the highest level
 *   COPY_BASE        nodes of the base   COPY_BASE of the level below; after the bottom level,
 *                    in this level       COPY_DOWN to the highest level
 *   COPY_DOWN        blocks of nodes of  SEARCH in this level
 *                    the level above
 *   SEARCH           nodes of a batch    COLLECT
 *   COLLECT          1                   COLLECT until all nodes of the batch are done; then LINK
 *   LINK             targets of a batch  SEARCH of the next batch of the level; COPY_DOWN to the
 *                                        level below; after the bottom level, MEASURE_SCAN, or TRIM
 *                                        if it was measured
 *   MEASURE_SCAN     groups of queries   MEASURE_SCAN of the next rows; then MEASURE_NEAR
 *   MEASURE_NEAR     rows of the sample  MEASURE_RECALL
 *   MEASURE_RECALL   walks of queries    CHOOSE_TRIAL
 *   CHOOSE_TRIAL     codes and entries   MEASURE_REST
 *   MEASURE_REST     walks of queries    CHOOSE_PATIENCE
 *   CHOOSE_PATIENCE  recalls             SEARCH: the sample is the last batches of the bottom level
 *   TRIM             nodes of a level    TRIM of the level below; after the bottom level, REPAIR
 *   REPAIR           1                   REPAIR until every row is reachable (I15); then COMPACT
 *   COMPACT          1                   COMPACT until the links of all levels are moved; then DONE
 *   DONE             0                   -
 *
 * What holds from a phase on:
 *
 *   COPY_BASE        rows are encoded; unused links are HNSW_NONE
 *   SEARCH           inserted nodes have up to `stride` links. Nodes of a batch get their links
 *                    when the batch ends, so threads in SEARCH only read links
 *   REPAIR           a node has at most links_max links
 *   COMPACT          every row can be reached from the entry
 *
 * Without a base, COPY_BASE has no items. */
#include <string.h>

#include "index/hnsw_builder.h"

/* A batch has at most one row for this many rows that are in the graph. Rows of a batch do not find
 * each other, so at most a fifth of a row's true neighbours are missing when it searches for them.
 */
#define BATCH_ONE_IN 4u

void hnsw_phase_begin(hnsw_builder *b, hnsw_build_phase phase, uint32_t items)
{
    mv_assert(!b->busy);
    b->phase = phase;
    b->items = items;
    b->next_item = 0;
}

/* Copy the links of some nodes of the level above, which are the first ones of this level. At the
 * bottom a node is at the position of its row. */
static void copy_down(hnsw_builder *b, uint32_t item)
{
    uint32_t level = b->level;
    const build_level *above = &b->levels[level + 1], *l = &b->levels[level];
    mv_assert(above->count <= l->count); /* I15 */
    uint32_t begin = item * HNSW_BUILD_COPY_NODES, left = above->count - begin,
             end = left < HNSW_BUILD_COPY_NODES ? above->count : begin + HNSW_BUILD_COPY_NODES;
    for (uint32_t at = begin; at < end; at++) {
        uint32_t here = level ? at : b->nodes[at];
        uint32_t *links = hnsw_builder_links(b, level, here);
        if (links[0] != HNSW_NONE) continue; /* it has the links of the base */
        const uint32_t *from = hnsw_builder_links(b, level + 1, at);
        uint32_t count = 0;
        for (uint32_t i = 0; i < above->links_max && from[i] != HNSW_NONE; i++)
            if (count < l->stride) links[count++] = level ? from[i] : b->nodes[from[i]];
    }
}

static void next_batch(hnsw_builder *b)
{
    uint32_t end = b->new_count[b->level];
    if (!b->level && !b->is_measured) end -= b->sample;
    mv_assert(b->first <= end);
    uint32_t left = end - b->first;
    uint32_t size = b->inserted / BATCH_ONE_IN;
    if (size > HNSW_BUILD_BATCH_MAX) size = HNSW_BUILD_BATCH_MAX;
    if (size < 1) size = 1;
    b->batch = size < left ? size : left;
    mv_assert(b->inserted + b->batch <= b->levels[b->level].count);
    hnsw_phase_begin(b, HNSW_BUILD_SEARCH, b->batch);
}

/* Begin to insert the nodes of a level that are not in the level above. With a base, the new nodes
 * of the level above are inserted here again: the links copied from above are long ones only, and
 * most nodes that would link to them in a graph built without a base are in the graph already. */
static void begin_inserting(hnsw_builder *b)
{
    uint32_t level = b->level;
    b->first = level < b->head.levels && !b->base.graph ? b->new_count[level + 1] : 0;
    b->inserted = b->levels[level].count - (b->new_count[level] - b->first);
    if (!b->inserted) { /* the first node has no other to link to */
        b->inserted = 1;
        b->first = 1;
    }
    next_batch(b);
}

static void begin_level(hnsw_builder *b, uint32_t level)
{
    uint32_t nodes = level < b->head.levels ? b->levels[level + 1].count : 0;
    b->level = level;
    hnsw_phase_begin(b, HNSW_BUILD_COPY_DOWN,
                     (nodes + HNSW_BUILD_COPY_NODES - 1) / HNSW_BUILD_COPY_NODES);
}

static void begin_trim(hnsw_builder *b, uint32_t level)
{
    b->level = level;
    hnsw_phase_begin(b, HNSW_BUILD_TRIM, b->levels[level].count);
}

static void begin_compacting(hnsw_builder *b, uint32_t level)
{
    b->level = level;
    b->compacted = 0;
    hnsw_phase_begin(b, HNSW_BUILD_COMPACT, 1);
}

static void compact(hnsw_builder *b)
{
    build_level *l = &b->levels[b->level];
    uint32_t left = l->count - b->compacted,
             end = left < HNSW_BUILD_STEP_ROWS ? l->count : b->compacted + HNSW_BUILD_STEP_ROWS;
    mv_assert(b->compacted <= l->count);
    mv_assert(l->links_max <= l->stride); /* links move towards the beginning */
    for (size_t at = b->compacted; at < end; at++)
        memmove(l->links + at * l->links_max, l->links + at * l->stride,
                l->links_max * sizeof *l->links);
    b->compacted = end;
}

static void begin_copying_base(hnsw_builder *b)
{
    if (b->base.graph && b->level <= b->base.graph->head->levels)
        hnsw_phase_begin(b, HNSW_BUILD_COPY_BASE,
                         b->level ? b->base.graph->nodes_count[b->level - 1]
                                  : b->base.graph->head->rows);
    else
        hnsw_phase_begin(b, HNSW_BUILD_COPY_BASE, 0);
}

/* The order is drawn. If the graph is to be measured again, the codes are chosen again, too. */
static void begin_looking(hnsw_builder *b)
{
    if (b->is_measured) b->quantize = (mv_quantize)b->head.quantize;
    b->has_no_memory = !hnsw_build_allocate_levels(b) || !hnsw_codes_begin(b);
    hnsw_phase_begin(b, HNSW_BUILD_LOOK, 1);
}

static void begin_encoding(hnsw_builder *b)
{
    b->has_no_memory = !hnsw_codes_settle(b) || !hnsw_build_allocate_scratch(b);
    if (b->has_no_memory) return;
    hnsw_order_draw_sample(b);
    b->rows_done = b->head.rows - b->order_count;
    hnsw_phase_begin(b, HNSW_BUILD_ENCODE,
                     (b->head.rows + HNSW_BUILD_ENCODE_ROWS - 1) / HNSW_BUILD_ENCODE_ROWS);
}

/* Compare groups of queries with the rows from b->scanned on. */
static void begin_scanning(hnsw_builder *b)
{
    hnsw_phase_begin(b, HNSW_BUILD_MEASURE_SCAN,
                     (hnsw_measure_query_count(b) + HNSW_BUILD_SCAN_QUERIES - 1) /
                         HNSW_BUILD_SCAN_QUERIES);
}

/* After MEASURE_SCAN to CHOOSE_PATIENCE. */
static void advance_measuring(hnsw_builder *b)
{
    uint32_t trials = hnsw_builder_trials(b);
    switch (b->phase) {
    case HNSW_BUILD_MEASURE_SCAN:
        b->scanned += HNSW_BUILD_SCAN_ROWS;
        if (b->scanned < b->head.rows)
            begin_scanning(b);
        else
            hnsw_phase_begin(b, HNSW_BUILD_MEASURE_NEAR, b->sample * trials);
        break;
    case HNSW_BUILD_MEASURE_NEAR:
        hnsw_measure_conclude_near(b);
        b->measured_one_in = hnsw_measure_query_one_in(b);
        hnsw_phase_begin(b, HNSW_BUILD_MEASURE_RECALL, hnsw_measure_recall_items(b));
        break;
    case HNSW_BUILD_MEASURE_RECALL:
        hnsw_phase_begin(b, HNSW_BUILD_CHOOSE_TRIAL, hnsw_builder_walks(b));
        break;
    case HNSW_BUILD_CHOOSE_TRIAL:
        hnsw_choose_conclude(b);
        hnsw_phase_begin(b, HNSW_BUILD_MEASURE_REST, hnsw_measure_rest_items(b));
        break;
    case HNSW_BUILD_MEASURE_REST:
        b->measured_one_in = 1;
        hnsw_phase_begin(b, HNSW_BUILD_CHOOSE_PATIENCE, HNSW_RECALLS);
        break;
    case HNSW_BUILD_CHOOSE_PATIENCE:
        b->is_measured = true;
        next_batch(b);
        break;
    default: mv_assert(false); break;
    }
}

/* After TRIM to COMPACT. */
static void advance_trimming(hnsw_builder *b)
{
    switch (b->phase) {
    case HNSW_BUILD_TRIM:
        if (b->level)
            begin_trim(b, b->level - 1);
        else
            hnsw_phase_begin(b, HNSW_BUILD_REPAIR, 1);
        break;
    case HNSW_BUILD_REPAIR:
        if (b->traversal.count < b->head.rows)
            hnsw_phase_begin(b, HNSW_BUILD_REPAIR, 1);
        else
            begin_compacting(b, b->head.levels);
        break;
    case HNSW_BUILD_COMPACT:
        if (b->compacted < b->levels[b->level].count) {
            hnsw_phase_begin(b, HNSW_BUILD_COMPACT, 1);
        } else if (b->level) {
            begin_compacting(b, b->level - 1);
        } else {
            b->rows_done = b->head.rows;
            b->head.format = HNSW_FORMAT;
            hnsw_phase_begin(b, HNSW_BUILD_DONE, 0);
        }
        break;
    default: mv_assert(false); break;
    }
}

void hnsw_phase_advance(hnsw_builder *b)
{
    mv_assert(!b->busy);
    mv_assert(b->next_item == b->items);
    switch (b->phase) {
    case HNSW_BUILD_DRAW:
        if (b->draw_stage == DRAW_DONE)
            begin_looking(b);
        else
            hnsw_phase_begin(b, HNSW_BUILD_DRAW, 1);
        break;
    case HNSW_BUILD_LOOK:
        if (b->codes_stage == CODES_SETTLE)
            begin_encoding(b);
        else
            hnsw_phase_begin(b, HNSW_BUILD_LOOK, 1);
        break;
    case HNSW_BUILD_ENCODE:
        if (b->is_out_of_range) hnsw_codes_drop(b);
        b->level = b->head.levels;
        begin_copying_base(b);
        break;
    case HNSW_BUILD_COPY_BASE:
        if (b->level) {
            b->level--;
            begin_copying_base(b);
        } else {
            begin_level(b, b->head.levels);
        }
        break;
    case HNSW_BUILD_COPY_DOWN: begin_inserting(b); break;
    case HNSW_BUILD_SEARCH:
        b->collected = b->targets_count = 0;
        hnsw_phase_begin(b, HNSW_BUILD_COLLECT, 1);
        break;
    case HNSW_BUILD_COLLECT:
        if (b->collected < b->batch)
            hnsw_phase_begin(b, HNSW_BUILD_COLLECT, 1);
        else
            hnsw_phase_begin(b, HNSW_BUILD_LINK, b->targets_count);
        break;
    case HNSW_BUILD_LINK:
        b->inserted += b->batch;
        b->first += b->batch;
        if (!b->level) b->rows_done += b->batch;
        next_batch(b);
        if (b->batch) break;
        if (b->level)
            begin_level(b, b->level - 1);
        else if (!b->is_measured)
            begin_scanning(b);
        else
            begin_trim(b, b->head.levels);
        break;
    case HNSW_BUILD_TRIM:
    case HNSW_BUILD_REPAIR:
    case HNSW_BUILD_COMPACT: advance_trimming(b); break;
    case HNSW_BUILD_DONE: break;
    default: advance_measuring(b); break;
    }
}

bool hnsw_phase_work(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    mv_assert(item < b->items);
    switch (b->phase) {
    case HNSW_BUILD_DRAW: (void)hnsw_order_draw(b); break;
    case HNSW_BUILD_LOOK: (void)hnsw_codes_look(b); break;
    case HNSW_BUILD_ENCODE: hnsw_codes_encode(b, s, item); break;
    case HNSW_BUILD_COPY_BASE: hnsw_link_copy_base(b, s, item); break;
    case HNSW_BUILD_COPY_DOWN: copy_down(b, item); break;
    case HNSW_BUILD_SEARCH: hnsw_link_search(b, s, item); break;
    case HNSW_BUILD_COLLECT: hnsw_link_collect_targets(b); break;
    case HNSW_BUILD_LINK: hnsw_link_back(b, s, item); break;
    case HNSW_BUILD_MEASURE_SCAN: hnsw_measure_scan(b, s, item); break;
    case HNSW_BUILD_MEASURE_NEAR: hnsw_measure_near(b, s, item); break;
    case HNSW_BUILD_MEASURE_RECALL:
    case HNSW_BUILD_MEASURE_REST: return hnsw_measure_recall(b, s, item);
    case HNSW_BUILD_CHOOSE_TRIAL: hnsw_choose_for_trial(b, item); break;
    case HNSW_BUILD_CHOOSE_PATIENCE: hnsw_choose_patience(b, item); break;
    case HNSW_BUILD_TRIM: hnsw_link_trim(b, s, item); break;
    case HNSW_BUILD_REPAIR: hnsw_repair_reachability(b, s); break;
    case HNSW_BUILD_COMPACT: compact(b); break;
    case HNSW_BUILD_DONE: break;
    }
    return true;
}
