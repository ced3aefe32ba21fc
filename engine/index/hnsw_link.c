/* Linking the nodes of a level: INSERT, algorithm 1 of arXiv 1603.09320, for a batch of nodes.
 *
 *   hnsw_link_search           searches for the neighbours of a node, and picks m links
 *   hnsw_link_collect_targets  makes the picked links of all nodes of the batch real, and chains
 *                              them by target
 *   hnsw_link_back             adds the links back of a target. If they do not fit, links are
 *                              chosen again among all of them
 *
 * hnsw_link_choose chooses links among candidates, hnsw_link_copy_base copies the links of an older
 * graph, and hnsw_link_trim reduces the links of a node to links_max. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/hnsw_builder.h"

#define CHOOSE_ROWS 8u /* chosen links that a candidate is compared with at a time */

/* A candidate is left out if its squared distance to a chosen link, times this, is less than that
 * to the node. Above 1 nodes keep more links (Vamana: Subramanya et al., NeurIPS 2019). On word
 * vectors 1.1 saves 13 % of the distances at recall 0.95 and 33 % at 0.99; 1.2 saves 18 and 39 %.
 * On image descriptors 1.1 is neutral, and 1.2 costs 18 % at 0.99. Distances without a zero (inner
 * products) cannot be scaled. */
#define CHOOSE_SLACK 1.1f

/* Candidates this near count as equal to the node. They get at most half of its links: else a node
 * among many equal rows would link to equal rows only, and a walk that enters could not leave. */
#define CHOOSE_EQUAL 1e-4f /* of the squared distance of the farthest candidate */

/* A ratio of squared distances as one of the metric's distances. */
static float link_ratio(mv_metric metric, float of_squares)
{
    return metric_is_squared(metric) ? of_squares : sqrtf(of_squares);
}

uint32_t hnsw_link_choose(hnsw_builder *b, hnsw_build_scratch *s, const walk_entry *near,
                          uint32_t count, uint32_t max, uint32_t level)
{
    uint32_t rows[2 * MV_HNSW_M_MAX], chosen = 0;
    mv_assert(max <= 2 * MV_HNSW_M_MAX);
    mv_assert(max <= b->levels[level].stride);
    mv_metric metric = b->vectors.metric;
    bool has_zero = metric_has_zero(metric);
    float slack = has_zero ? link_ratio(metric, CHOOSE_SLACK) : 1;
    float equal =
        has_zero && count ? near[count - 1].distance * link_ratio(metric, CHOOSE_EQUAL) : -INFINITY;
    float distances[CHOOSE_ROWS];
    for (uint32_t i = 0; i < count && chosen < max; i++) {
        uint32_t at = near[i].at & ~WALK_DONE, row = hnsw_builder_row_of(b, level, at);
        bool is_hidden = false;
        codes_query query;
        if (chosen >= max / 2 && near[i].distance < equal) continue;
        if (chosen) codes_prepare_row(&query, &b->codes, row, s->other);
        for (uint32_t done = 0; done < chosen && !is_hidden; done += CHOOSE_ROWS) {
            uint32_t step = chosen - done < CHOOSE_ROWS ? chosen - done : CHOOSE_ROWS;
            codes_to_rows(&query, rows + done, step, distances);
            for (uint32_t j = 0; j < step; j++)
                is_hidden |= distances[j] * slack < near[i].distance;
        }
        if (is_hidden) continue;
        rows[chosen] = row;
        s->picked[chosen++] = at;
    }
    return chosen;
}

static int compare_near(const void *a, const void *b)
{
    const walk_entry *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int compare_at(const void *a, const void *b)
{
    const walk_entry *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Remove duplicates and `at` itself from `near`, compute the distances of the rest to `at`, and
 * sort them. Returns their number. */
static uint32_t measure_near(hnsw_builder *b, hnsw_build_scratch *s, uint32_t level, uint32_t at,
                             walk_entry *near, uint32_t count)
{
    uint32_t kept = 0, rows[64];
    float distances[64];
    codes_query query;
    qsort(near, count, sizeof *near, compare_at);
    for (uint32_t i = 0; i < count; i++)
        if (near[i].at != at && (!kept || near[kept - 1].at != near[i].at)) near[kept++] = near[i];
    codes_prepare_row(&query, &b->codes, hnsw_builder_row_of(b, level, at), s->query);
    for (uint32_t done = 0; done < kept; done += 64) {
        uint32_t step = kept - done < 64 ? kept - done : 64;
        for (uint32_t i = 0; i < step; i++)
            rows[i] = hnsw_builder_row_of(b, level, near[done + i].at);
        codes_to_rows(&query, rows, step, distances);
        for (uint32_t i = 0; i < step; i++) near[done + i].distance = distances[i];
    }
    qsort(near, kept, sizeof *near, compare_near);
    return kept;
}

static void set_links(const hnsw_builder *b, uint32_t level, uint32_t at, const uint32_t *picked,
                      uint32_t count)
{
    uint32_t *links = hnsw_builder_links(b, level, at);
    mv_assert(at < b->levels[level].count);
    mv_assert(count <= b->levels[level].stride);
    memcpy(links, picked, count * sizeof *links);
    for (uint32_t i = count; i < b->levels[level].stride; i++) links[i] = HNSW_NONE;
}

static uint32_t count_links(const uint32_t *links, uint32_t stride)
{
    uint32_t count = 0;
    while (count < stride && links[count] != HNSW_NONE) count++;
    return count;
}

static bool is_among(const uint32_t *links, uint32_t count, uint32_t at)
{
    for (uint32_t i = 0; i < count; i++)
        if (links[i] == at) return true;
    return false;
}

/* ---------------------------------------------------------------- batches */

void hnsw_link_descend(hnsw_builder *b, hnsw_build_scratch *s, const codes_query *query,
                       uint32_t level, uint32_t width)
{
    walk_level levels[HNSW_LEVELS_MAX + 1];
    for (uint32_t i = level; i <= b->head.levels; i++) levels[i] = hnsw_builder_walk_level(b, i);
    (void)hnsw_walk_descend(&s->w, query, levels, b->head.levels, level, b->nodes, width);
}

/* Remove `at` from the candidates. Returns how many are left. */
static uint32_t remove_candidate(walk_entry *near, uint32_t count, uint32_t at)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if ((near[i].at & ~WALK_DONE) != at) near[kept++] = near[i];
    return kept;
}

/* From how many nodes of the level above the search for the neighbours of a new node begins: one
 * for INSERT_ENTRY_ROWS rows. From one, it ended in a wrong cluster more often, and so did the
 * searches that followed these links: with 800,000 rows of 768 dims, near queries needed a factor
 * (hnsw_patience.h) of 12 for a recall of 0.9, and with 32 one of 6. Building took 3 % longer.
 * 60,000 rows of 128 dims gained nothing from 32, and took 15 % longer. */
#define INSERT_ENTRIES_MAX 32u
#define INSERT_ENTRY_ROWS  2048u

void hnsw_link_search(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    codes_query query;
    uint32_t level = b->level, at = hnsw_builder_position(b, level, b->first + item),
             ef = b->head.ef_construction, most = ef < INSERT_ENTRIES_MAX ? ef : INSERT_ENTRIES_MAX;
    codes_prepare_row(&query, &b->codes, hnsw_builder_row_of(b, level, at), s->query);
    walk_level l = hnsw_builder_walk_level(b, level);
    hnsw_link_descend(b, s, &query, level, hnsw_builder_entries(b, INSERT_ENTRY_ROWS, 1, most));
    (void)hnsw_walk_over(&s->w, &query, &l);
    uint32_t count = remove_candidate(s->w.pool.entries, s->w.pool.count,
                                      at); /* it is in the level above, too */
    uint32_t m = b->head.m, *picks = b->targets + (size_t)item * m;
    count = hnsw_link_choose(b, s, s->w.pool.entries, count, m, level);
    /* They become links after the batch: other threads may read the links of this node now. */
    for (uint32_t i = 0; i < m; i++) picks[i] = i < count ? s->picked[i] : HNSW_NONE;
}

/* Put the picked links of a node of the batch before the links that it has. Returns how many were
 * picked. */
static uint32_t set_picked_links(hnsw_builder *b, uint32_t at, const uint32_t *picks)
{
    uint32_t stride = b->levels[b->level].stride, m = b->head.m, count = 0;
    uint32_t *links = hnsw_builder_links(b, b->level, at), list[MV_HNSW_M_MAX * 5 / 2];
    mv_assert(stride <= sizeof list / sizeof *list);
    while (count < m && picks[count] != HNSW_NONE) list[count] = picks[count], count++;
    uint32_t picked = count;
    for (uint32_t i = 0; i < stride && links[i] != HNSW_NONE && count < stride; i++)
        if (!is_among(list, picked, links[i])) list[count++] = links[i];
    set_links(b, b->level, at, list, count);
    return picked;
}

void hnsw_link_collect_targets(hnsw_builder *b)
{
    uint32_t m = b->head.m, i = b->collected, left = b->batch - i,
             end = left < HNSW_BUILD_COLLECT_NODES ? b->batch : i + HNSW_BUILD_COLLECT_NODES;
    mv_assert(b->batch <= HNSW_BUILD_BATCH_MAX);
    for (; i < end; i++) {
        uint32_t at = hnsw_builder_position(b, b->level, b->first + i);
        /* The picks of later nodes are not overwritten: there are never more targets than picks. */
        uint32_t picked = set_picked_links(b, at, b->targets + (size_t)i * m);
        mv_assert(b->targets_count <= i * m);
        const uint32_t *links = hnsw_builder_links(b, b->level, at);
        for (uint32_t j = 0; j < picked; j++) {
            uint32_t *last = &b->back[links[j]];
            if (*last == HNSW_NONE) b->targets[b->targets_count++] = links[j];
            b->after[i * m + j] = *last;
            *last = i * m + j;
        }
    }
    b->collected = end;
}

void hnsw_link_back(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    uint32_t level = b->level, at = b->targets[item], m = b->head.m;
    const build_level *l = &b->levels[level];
    uint32_t *links = hnsw_builder_links(b, level, at), count = count_links(links, l->stride),
             coming = 0;
    mv_assert(b->back[at] != HNSW_NONE); /* a target */
    for (uint32_t i = b->back[at]; i != HNSW_NONE; i = b->after[i]) coming++;
    if (count + coming <= l->stride) {
        for (uint32_t i = b->back[at]; i != HNSW_NONE; i = b->after[i]) {
            uint32_t from = hnsw_builder_position(b, level, b->first + i / m);
            if (!is_among(links, count, from)) links[count++] = from;
        }
    } else {
        walk_entry *near = s->near;
        for (uint32_t i = 0; i < count; i++) near[i].at = links[i];
        for (uint32_t i = b->back[at]; i != HNSW_NONE; i = b->after[i])
            near[count++].at = hnsw_builder_position(b, level, b->first + i / m);
        count = measure_near(b, s, level, at, near, count);
        count = hnsw_link_choose(b, s, near, count, l->links_max, level);
        set_links(b, level, at, s->picked, count);
    }
    b->back[at] = HNSW_NONE;
}

void hnsw_link_trim(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    const build_level *l = &b->levels[b->level];
    uint32_t *links = hnsw_builder_links(b, b->level, item), count = count_links(links, l->stride);
    if (count <= l->links_max) return;
    for (uint32_t i = 0; i < count; i++) s->near[i].at = links[i];
    count = measure_near(b, s, b->level, item, s->near, count);
    count = hnsw_link_choose(b, s, s->near, count, l->links_max, b->level);
    set_links(b, b->level, item, s->picked, count);
}

/* ---------------------------------------------------------------- the base graph */

/* The new position of a node of the base. HNSW_NONE: its row was deleted. */
static uint32_t new_position_of(const hnsw_builder *b, uint32_t level, uint32_t old)
{
    if (level) return old < b->base.graph->nodes_count[level - 1] ? b->positions[old] : HNSW_NONE;
    return hnsw_row_now(&b->base, old);
}

/* True when the row at a position is inserted again: it then lies at the bottom only. */
static bool is_reinserted(const hnsw_builder *b, uint32_t level, uint32_t at)
{
    return !level && bits_get(b->reinserted, at);
}

/* Copy the links of a node of the base. A link to a deleted node is replaced: the links of that
 * node become candidates (as in FreshDiskANN: Singh et al., arXiv 2105.09613). A link to a row that
 * is inserted again is left out. Were it replaced, the neighbours of that row would be linked to
 * each other, and the row, as a query of the sample, would find them too easily: of 10,000 rows of
 * 128 dims, three quarters of them deleted by region, ef was measured as 24 where 48 are needed,
 * and the recall was 0.93. */
void hnsw_link_copy_base(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    walk_level old = hnsw_walk_level_of(b->base.graph, b->level);
    uint32_t at = new_position_of(b, b->level, item), found = 0;
    const build_level *l = &b->levels[b->level];
    bool is_whole = true;
    if (at == HNSW_NONE || is_reinserted(b, b->level, at)) return;
    const uint32_t *links = old.links + (size_t)item * old.degree;
    for (uint32_t i = 0; i < old.degree && links[i] != HNSW_NONE; i++) {
        uint32_t now = new_position_of(b, b->level, links[i]);
        if (now != HNSW_NONE) {
            if (!is_reinserted(b, b->level, now)) s->near[found++].at = now;
            continue;
        }
        is_whole = false;
        if (links[i] >= old.count) continue;
        const uint32_t *beyond = old.links + (size_t)links[i] * old.degree;
        for (uint32_t j = 0; j < old.degree && beyond[j] != HNSW_NONE; j++) {
            now = new_position_of(b, b->level, beyond[j]);
            if (now != HNSW_NONE && !is_reinserted(b, b->level, now)) s->near[found++].at = now;
        }
    }
    if (is_whole) {
        mv_assert(found <= l->stride);
        for (uint32_t i = 0; i < found; i++) s->picked[i] = s->near[i].at;
    } else {
        found = measure_near(b, s, b->level, at, s->near, found);
        found = hnsw_link_choose(b, s, s->near, found, l->links_max, b->level);
    }
    set_links(b, b->level, at, s->picked, found);
}
