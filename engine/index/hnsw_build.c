/* Building a graph: the phases, and how threads and slices share them. */
#include <math.h>
#include <string.h>

#include "index/hnsw_builder.h"

#define ENCODE_ROWS 64u /* in one item */
#define TURN_ITEMS  8u  /* items that a thread takes at a time */
/* A batch has at most one row for this many that are there already. Rows of a batch do not see each
 * other: at most a fifth of a row's true neighbours are missing when it looks for them. */
#define BATCH_ONE_IN 4u
/* From this many dims on AUTO tries int4 codes: a shorter int8 code takes one cache line, which a
 * code of half the size does not make fewer. */
#define HALVES_DIM 64u

/* AUTO takes fp16 codes where int8 codes would err by more than ERROR_MAX of a distance. Checked
 * before anything is built, on CHECK_ROWS rows, for distances of a tenth of the vectors' length,
 * about the smallest that nearest neighbours have. In 4 dims or more at most half of what a code
 * loses lies in the direction of another row. */
#define ERROR_MAX       0.1f
#define CHECK_ROWS      64u
#define NEAR_PARTS      10u /* near distances are one in this many of the length */
#define LOSS_SEEN_PARTS 2u  /* of the loss one in this many changes a distance */

/* A row is crowded when CROWD_MIN others, of those beside it and CROWD_OTHERS from everywhere, are
 * nearer than CROWD_LOSSES times what its code loses, in squared distances (4.5 times, in
 * distances): their order is then left to chance. AUTO takes fp16 where that is so for one row in
 * CROWDED_ONE_IN. Crowded rows had a recall of 0.7, so fewer of them cost less than 0.04 of the
 * recall. Three others are more than the one or two duplicates that many sets have. */
#define CROWD_ROWS     32u
#define CROWD_OTHERS   1024u
#define CROWD_MIN      3u
#define CROWD_LOSSES   20u
#define CROWDED_ONE_IN 8u

/* ---------------------------------------------------------------- memory */

static void *alloc_counted(hnsw_builder *b, uint64_t count, size_t size)
{
    void *block = mem_alloc_aligned(count * size + 1);
    if (block) b->bytes += count * size + 1;
    return block;
}

static void release(void *block, uint64_t count, size_t size)
{
    mem_free(block, count * size + 1);
}

static uint32_t near_room(const hnsw_builder *b)
{
    /* All links of all nodes that a node links to, or what comes to one in a batch. */
    uint32_t beyond = 2 * b->head.m * 2 * b->head.m, back = HNSW_BUILD_BATCH_MAX + 4 * b->head.m;
    return beyond > back ? beyond : back;
}

static uint32_t pool_room(const hnsw_builder *b)
{
    uint32_t most = (uint32_t)hnsw_walk_capacity(walk_ef_steps[HNSW_EF_STEPS - 1], 0);
    return b->head.ef_construction > most ? b->head.ef_construction : most;
}

static bool allocate_scratch(hnsw_builder *b)
{
    uint32_t degree = b->levels[0].stride;
    size_t walks = hnsw_walk_size(b->head.rows, degree, pool_room(b)),
           query = codes_query_size(hnsw_builder_trial_codes(b, hnsw_builder_trials(b) - 1)),
           numbers = mem_whole_lines(b->vectors.dim * sizeof(float)),
           other = query > numbers ? query : numbers,
           near = mem_whole_lines(near_room(b) * sizeof(walk_entry)),
           picked = mem_whole_lines(near_room(b) * sizeof(uint32_t));
    b->scratch_size = walks + query + other + numbers + near + picked;
    for (uint32_t t = 0; t < b->threads; t++) {
        hnsw_build_scratch *s = &b->scratch[t];
        uint8_t *at = s->block = mem_alloc_aligned(b->scratch_size);
        if (!at) return false;
        b->bytes += b->scratch_size;
        memset(at, 0, walks);
        hnsw_walk_lay_out(&s->w, at, b->head.rows, degree, pool_room(b));
        s->w.pool.capacity = b->head.ef_construction;
        s->query = at += walks;
        s->other = at += query;
        s->numbers = (float *)(void *)(at += other);
        s->near = (walk_entry *)(void *)(at += numbers);
        s->picked = (uint32_t *)(void *)(at + near);
    }
    return true;
}

void hnsw_build_free(hnsw_builder *b)
{
    if (!b) return;
    uint64_t rows = b->head.rows;
    release(b->code_bytes, codes_size(b->codes.quantize, &b->vectors), 1);
    release(b->half_bytes, codes_size(MV_QUANTIZE_INT4, &b->vectors), 1);
    release(b->mean, b->vectors.dim, sizeof *b->mean);
    for (uint32_t level = 0; level <= HNSW_LEVELS_MAX; level++)
        release(b->levels[level].links, b->levels[level].count,
                b->levels[level].stride * sizeof(uint32_t));
    release(b->nodes, b->levels[1].count, sizeof *b->nodes);
    release(b->positions, b->positions_count, sizeof *b->positions);
    release(b->order, rows, sizeof *b->order);
    release(b->new_positions, b->new_count[1], sizeof *b->new_positions);
    release(b->back, rows, sizeof *b->back);
    release(b->after, (uint64_t)HNSW_BUILD_BATCH_MAX * b->head.m, sizeof *b->after);
    release(b->targets, (uint64_t)HNSW_BUILD_BATCH_MAX * b->head.m, sizeof *b->targets);
    release(b->recalls, HNSW_BUILD_TRIALS * HNSW_BUILD_SAMPLE_MAX,
            HNSW_EF_STEPS * sizeof *b->recalls);
    release(b->bounds, HNSW_BUILD_SAMPLE_MAX, sizeof *b->bounds);
    release(b->errors, HNSW_BUILD_TRIALS * HNSW_BUILD_SAMPLE_MAX,
            HNSW_MEASURED_HITS * sizeof *b->errors);
    release(b->spreads, HNSW_BUILD_SAMPLE_MAX, sizeof *b->spreads);
    release(b->held, bits_words(rows), sizeof *b->held);
    release(b->again, bits_words(rows), sizeof *b->again);
    for (uint32_t t = 0; b->scratch && t < b->threads; t++)
        mem_free(b->scratch[t].block, b->scratch_size);
    mem_free(b->scratch, b->threads * sizeof *b->scratch);
    os_condition_free(b->condition);
    os_mutex_free(b->mutex);
    mem_free(b, sizeof *b);
}

static void clear_links(const build_level *l, uint32_t begin, uint32_t end)
{
    size_t size = l->stride * sizeof *l->links;
    memset(l->links + (size_t)begin * l->stride, 0xff, (end - begin) * size);
}

static bool allocate_levels(hnsw_builder *b)
{
    for (uint32_t level = 0; level <= b->head.levels; level++) {
        build_level *l = &b->levels[level];
        l->links_max = level ? b->head.m : 2 * b->head.m;
        l->stride = l->links_max + l->links_max / 4;
        if (!(l->links = alloc_counted(b, l->count, l->stride * sizeof(uint32_t)))) return false;
        if (level) clear_links(l, 0, l->count);
    }
    return true;
}

static bool allocate_nodes(hnsw_builder *b)
{
    uint64_t rows = b->head.rows;
    b->levels[0].count = (uint32_t)rows;
    b->order = alloc_counted(b, rows, sizeof *b->order);
    b->back = alloc_counted(b, rows, sizeof *b->back);
    b->held = alloc_counted(b, bits_words(rows), sizeof *b->held);
    b->again = alloc_counted(b, bits_words(rows), sizeof *b->again);
    if (!b->order || !b->back || !b->held || !b->again) return false;
    memset(b->held, 0, bits_words(rows) * sizeof *b->held);
    memset(b->again, 0, bits_words(rows) * sizeof *b->again);
    hnsw_order_draw(b);
    memset(b->back, 0xff, rows * sizeof *b->back);
    b->levels[1].count = hnsw_order_base_alive(b) + b->new_count[1];
    b->nodes = alloc_counted(b, b->levels[1].count, sizeof *b->nodes);
    b->new_positions = alloc_counted(b, b->new_count[1], sizeof *b->new_positions);
    if (!b->nodes || !b->new_positions) return false;
    if (b->base.graph) {
        b->positions_count = b->base.graph->nodes_count[0];
        if (!(b->positions = alloc_counted(b, b->positions_count, sizeof *b->positions)))
            return false;
    }
    hnsw_order_lay_out(b);
    return allocate_levels(b);
}

/* ---------------------------------------------------------------- codes */

/* Would such codes be near enough? Looked at on a few rows, by what is lost of their lengths. */
static bool codes_are_near(const hnsw_builder *b, mv_quantize quantize, float *numbers,
                           uint8_t *code)
{
    double lost = 0, whole = 0;
    uint32_t step = b->vectors.rows / CHECK_ROWS + 1;
    for (uint64_t row = 0; row < b->vectors.rows; row += step) {
        lost += codes_loss(quantize, &b->vectors, b->mean, (uint32_t)row, code, numbers);
        for (uint32_t i = 0; i < b->vectors.dim; i++) {
            double number = (double)numbers[i] - b->mean[i];
            whole += number * number;
        }
    }
    return lost <= whole * (ERROR_MAX / NEAR_PARTS) * (ERROR_MAX / NEAR_PARTS) *
                       (LOSS_SEEN_PARTS * LOSS_SEEN_PARTS);
}

/* Is `other` another vector, and nearer than `limit`? */
static bool is_crowding(const float *numbers, const float *other, uint32_t dim, double limit)
{
    double squares = 0;
    for (uint32_t i = 0; i < dim && squares < limit; i++) {
        double difference = (double)numbers[i] - other[i];
        squares += difference * difference;
    }
    return squares > 0 && squares < limit;
}

/* Do rows lie in crowds whose members codes do not tell apart? In clusters that are far apart a
 * code spends its bits on the distance between them: with 20 clusters 100 times as far apart as
 * they are wide the recall was 0.7. Looked at are the rows beside a row and some from everywhere,
 * which misses small crowds among many rows. */
static bool is_crowded(const hnsw_builder *b, mv_quantize quantize, float *numbers, float *other,
                       uint8_t *code)
{
    const codes_vectors *v = &b->vectors;
    uint32_t crowded = 0, checked = 0, step = v->rows / CROWD_ROWS + 1,
             stride = v->rows / CROWD_OTHERS + 1;
    for (uint64_t row = 0; row < v->rows; row += step, checked++) {
        uint32_t near = 0;
        double limit =
            CROWD_LOSSES * codes_loss(quantize, v, b->mean, (uint32_t)row, code, numbers);
        uint64_t begin = row < CROWD_ROWS ? 0 : row - CROWD_ROWS, end = row + CROWD_ROWS;
        for (uint64_t at = begin; at < end && at < v->rows && near < CROWD_MIN; at++) {
            codes_vector_of_row(v, (uint32_t)at, other);
            near += is_crowding(numbers, other, v->dim, limit);
        }
        for (uint64_t at = 0; at < v->rows && near < CROWD_MIN; at += stride) {
            codes_vector_of_row(v, (uint32_t)at, other);
            near += is_crowding(numbers, other, v->dim, limit);
        }
        crowded += near >= CROWD_MIN;
    }
    return crowded * CROWDED_ONE_IN > checked;
}

/* Room for the codes of all rows, to `column`. */
static uint8_t *allocate_codes(hnsw_builder *b, mv_quantize quantize, codes_column *column)
{
    uint64_t size = codes_size(quantize, &b->vectors);
    *column = (codes_column){.quantize = quantize,
                             .vectors = &b->vectors,
                             .stride = codes_stride(quantize, &b->vectors),
                             .mean = b->mean};
    uint64_t used = (uint64_t)b->vectors.rows * column->stride;
    uint8_t *bytes = alloc_counted(b, size, 1);
    if (bytes) memset(bytes + used, 0, size - used);
    column->base = bytes;
    return bytes;
}

/* What AUTO means: the smallest of the codes that the metric may use, if they tell rows apart. int8
 * codes fail where rows lie in crowds, and then the vectors are copied as fp16. If no int8 codes
 * are possible, fp16 codes have to prove themselves, too. */
static mv_quantize choose_quantize(const hnsw_builder *b, float *numbers, uint8_t *code)
{
    const codes_vectors *v = &b->vectors;
    bool has_int8 = metric_takes_quantize(v->metric, MV_QUANTIZE_INT8);
    mv_quantize wide = v->type == MV_VECTOR_FP16 ? MV_QUANTIZE_NONE : MV_QUANTIZE_FP16,
                tried = has_int8 ? MV_QUANTIZE_INT8 : wide;
    if (tried == MV_QUANTIZE_NONE || !metric_takes_quantize(v->metric, tried))
        return MV_QUANTIZE_NONE;
    bool is_near = codes_are_near(b, tried, numbers, code) &&
                   !is_crowded(b, tried, numbers, numbers + v->dim, code);
    return is_near ? tried : has_int8 ? wide : MV_QUANTIZE_NONE;
}

/* The quantize that was asked for, or what AUTO means, where there are codes that are smaller than
 * the elements. False: no memory. */
static bool settle_quantize(hnsw_builder *b, mv_quantize *quantize)
{
    const codes_vectors *v = &b->vectors;
    *quantize = (mv_quantize)b->head.quantize;
    if (element_size(v->type) == 1) *quantize = MV_QUANTIZE_NONE;
    if (*quantize == MV_QUANTIZE_FP16 && v->type == MV_VECTOR_FP16) *quantize = MV_QUANTIZE_NONE;
    if (*quantize == MV_QUANTIZE_NONE || *quantize == MV_QUANTIZE_FP16) return true;
    size_t size = codes_stride(MV_QUANTIZE_INT8, v) + codes_stride(MV_QUANTIZE_FP16, v);
    float *numbers = mem_alloc_aligned(2 * v->dim * sizeof *numbers);
    uint8_t *code = mem_alloc_aligned(size);
    b->mean = alloc_counted(b, v->dim, sizeof *b->mean);
    bool ok = numbers && code && b->mean;
    if (ok && b->base.graph && b->base.graph->codes.mean)
        memcpy(b->mean, b->base.graph->codes.mean, v->dim * sizeof *b->mean);
    else if (ok)
        codes_find_mean(v, b->mean, numbers);
    if (ok && *quantize == MV_QUANTIZE_AUTO) *quantize = choose_quantize(b, numbers, code);
    mem_free(numbers, 2 * v->dim * sizeof *numbers);
    mem_free(code, size);
    return ok;
}

static bool choose_codes(hnsw_builder *b)
{
    const codes_vectors *v = &b->vectors;
    mv_quantize quantize;
    bool has_halves = b->head.quantize == MV_QUANTIZE_INT4 ||
                      (b->head.quantize == MV_QUANTIZE_AUTO && v->dim >= HALVES_DIM &&
                       metric_takes_quantize(v->metric, MV_QUANTIZE_INT4));
    if (!settle_quantize(b, &quantize)) return false;
    b->head.quantize = (uint32_t)quantize;
    if (quantize == MV_QUANTIZE_NONE) {
        b->codes = (codes_column){
            .quantize = quantize, .vectors = &b->vectors, .base = v->base, .stride = v->stride};
        return true;
    }
    if (quantize == MV_QUANTIZE_INT4) quantize = MV_QUANTIZE_INT8;
    if (!(b->code_bytes = allocate_codes(b, quantize, &b->codes))) return false;
    if (quantize != MV_QUANTIZE_INT8 || !has_halves) return true;
    return (b->half_bytes = allocate_codes(b, MV_QUANTIZE_INT4, &b->halves)) != NULL;
}

static void encode_rows(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    uint32_t end =
        (item + 1) * ENCODE_ROWS < b->head.rows ? (item + 1) * ENCODE_ROWS : b->head.rows;
    bool is_in_range = true;
    clear_links(&b->levels[0], item * ENCODE_ROWS, end);
    for (uint32_t row = item * ENCODE_ROWS; row < end && b->code_bytes; row++) {
        uint8_t *code = b->code_bytes + row * b->codes.stride;
        is_in_range &= codes_encode(b->codes.quantize, &b->vectors, b->mean, row, code, s->numbers);
        if (b->half_bytes) codes_as_int4(&b->vectors, code, b->half_bytes + row * b->halves.stride);
    }
    if (is_in_range) return;
    os_mutex_lock(b->mutex);
    b->is_beyond = true;
    os_mutex_unlock(b->mutex);
}

/* A vector has no code: go on with the vectors themselves. */
static void drop_codes(hnsw_builder *b)
{
    uint64_t size = codes_size(b->codes.quantize, &b->vectors);
    release(b->code_bytes, size, 1);
    b->bytes -= size + 1;
    b->code_bytes = NULL;
    b->head.quantize = MV_QUANTIZE_NONE;
    b->head.code_error = b->head.code_bound = 0;
    b->codes.quantize = MV_QUANTIZE_NONE;
    b->codes.base = b->vectors.base;
    b->codes.stride = b->vectors.stride;
}

/* ---------------------------------------------------------------- phases */

static void begin_phase(hnsw_builder *b, hnsw_build_phase phase, uint32_t items)
{
    b->phase = phase;
    b->items = items;
    b->next_item = 0;
}

/* Copy the level above, whose nodes are the first here: at the bottom, by their rows. */
static void copy_down(hnsw_builder *b, uint32_t level)
{
    const build_level *above = &b->levels[level + 1], *l = &b->levels[level];
    for (uint32_t at = 0; at < above->count; at++) {
        uint32_t here = level ? at : b->nodes[at];
        uint32_t *links = hnsw_builder_links(b, level, here);
        if (links[0] != HNSW_NONE) continue; /* of the base */
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
    uint32_t left = end - b->first;
    uint32_t size = b->taken / BATCH_ONE_IN;
    if (size > HNSW_BUILD_BATCH_MAX) size = HNSW_BUILD_BATCH_MAX;
    if (size < 1) size = 1;
    b->batch = size < left ? size : left;
    begin_phase(b, HNSW_BUILD_SEARCH, b->batch);
}

/* Take in the nodes of a level that are not in the one above. With a base those are taken in as
 * well: from above they bring far links only, and of the others that would link to them in a graph
 * made from nothing most are there already. */
static void begin_level(hnsw_builder *b, uint32_t level)
{
    b->level = level;
    b->first = level < b->head.levels && !b->base.graph ? b->new_count[level + 1] : 0;
    if (level < b->head.levels) copy_down(b, level);
    b->taken = b->levels[level].count - (b->new_count[level] - b->first);
    if (!b->taken) { /* the very first node has nobody to link to */
        b->taken = 1;
        b->first = 1;
    }
    next_batch(b);
}

static void begin_trim(hnsw_builder *b, uint32_t level)
{
    b->level = level;
    begin_phase(b, HNSW_BUILD_TRIM, b->levels[level].count);
}

static void begin_compacting(hnsw_builder *b, uint32_t level)
{
    b->level = level;
    b->compacted = 0;
    begin_phase(b, HNSW_BUILD_COMPACT, 1);
}

static void compact(hnsw_builder *b)
{
    build_level *l = &b->levels[b->level];
    uint32_t left = l->count - b->compacted,
             end = left < HNSW_BUILD_SPREAD_ROWS ? l->count : b->compacted + HNSW_BUILD_SPREAD_ROWS;
    for (size_t at = b->compacted; at < end; at++)
        memmove(l->links + at * l->links_max, l->links + at * l->stride,
                l->links_max * sizeof *l->links);
    b->compacted = end;
}

static void begin_adopting(hnsw_builder *b)
{
    if (b->base.graph && b->level <= b->base.graph->head->levels)
        begin_phase(b, HNSW_BUILD_ADOPT,
                    b->level ? b->base.graph->nodes_count[b->level - 1]
                             : b->base.graph->head->rows);
    else
        begin_phase(b, HNSW_BUILD_ADOPT, 0);
}

/* What comes after the phase that is through. Nobody else is at work. */
static void advance_phase(hnsw_builder *b)
{
    switch (b->phase) {
    case HNSW_BUILD_ENCODE:
        if (b->is_beyond) drop_codes(b);
        b->level = b->head.levels;
        begin_adopting(b);
        break;
    case HNSW_BUILD_ADOPT:
        if (b->level) {
            b->level--;
            begin_adopting(b);
        } else {
            begin_level(b, b->head.levels);
        }
        break;
    case HNSW_BUILD_SEARCH:
        hnsw_link_collect_targets(b);
        begin_phase(b, HNSW_BUILD_LINK, b->targets_count);
        break;
    case HNSW_BUILD_LINK:
        b->taken += b->batch;
        b->first += b->batch;
        if (!b->level) b->rows_done += b->batch;
        next_batch(b);
        if (b->batch) break;
        if (b->level)
            begin_level(b, b->level - 1);
        else if (!b->is_measured)
            begin_phase(b, HNSW_BUILD_MEASURE, b->sample);
        else
            begin_trim(b, b->head.levels);
        break;
    case HNSW_BUILD_MEASURE:
        hnsw_measure_conclude_reach(b);
        begin_phase(b, HNSW_BUILD_TRY, b->sample);
        break;
    case HNSW_BUILD_TRY:
        hnsw_measure_conclude(b);
        b->is_measured = true;
        next_batch(b);
        break;
    case HNSW_BUILD_TRIM:
        if (b->level)
            begin_trim(b, b->level - 1);
        else
            begin_phase(b, HNSW_BUILD_REPAIR, 1);
        break;
    case HNSW_BUILD_REPAIR:
        if (b->spread.count < b->head.rows)
            begin_phase(b, HNSW_BUILD_REPAIR, 1);
        else
            begin_compacting(b, b->head.levels);
        break;
    case HNSW_BUILD_COMPACT:
        if (b->compacted < b->levels[b->level].count) {
            begin_phase(b, HNSW_BUILD_COMPACT, 1);
        } else if (b->level) {
            begin_compacting(b, b->level - 1);
        } else {
            b->rows_done = b->head.rows;
            b->head.format = b->head.quantize == MV_QUANTIZE_INT4 ? HNSW_FORMAT : 1;
            begin_phase(b, HNSW_BUILD_DONE, 0);
        }
        break;
    case HNSW_BUILD_DONE: break;
    }
}

static void do_item(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    switch (b->phase) {
    case HNSW_BUILD_ENCODE: encode_rows(b, s, item); break;
    case HNSW_BUILD_ADOPT: hnsw_link_adopt(b, s, item); break;
    case HNSW_BUILD_SEARCH: hnsw_link_search(b, s, item); break;
    case HNSW_BUILD_LINK: hnsw_link_back(b, s, item); break;
    case HNSW_BUILD_MEASURE: hnsw_measure_search(b, s, item); break;
    case HNSW_BUILD_TRY: hnsw_measure_try(b, s, item); break;
    case HNSW_BUILD_TRIM: hnsw_link_trim(b, s, item); break;
    case HNSW_BUILD_REPAIR: hnsw_repair_reachability(b, s); break;
    case HNSW_BUILD_COMPACT: compact(b); break;
    case HNSW_BUILD_DONE: break;
    }
}

/* ---------------------------------------------------------------- threads */

typedef struct worker {
    hnsw_builder *b;
    hnsw_build_scratch *s;
    os_thread *thread;
} worker;

/* Take items until there are none or the time is over. The last thread at a phase begins the next.
 */
static void work(void *ctx)
{
    worker *me = ctx;
    hnsw_builder *b = me->b;
    os_mutex_lock(b->mutex);
    bool is_first = true;
    while (b->phase != HNSW_BUILD_DONE && (is_first || os_seconds() < b->until)) {
        is_first = false;
        uint32_t begin = b->next_item, left = b->items - begin;
        uint32_t most =
            b->phase == HNSW_BUILD_MEASURE || b->phase == HNSW_BUILD_TRY ? 1 : TURN_ITEMS;
        uint32_t turn = left < most ? left : most;
        if (turn) {
            b->next_item += turn;
            b->busy++;
            os_mutex_unlock(b->mutex);
            for (uint32_t i = 0; i < turn; i++) do_item(b, me->s, begin + i);
            os_mutex_lock(b->mutex);
            b->busy--;
        }
        if (b->next_item < b->items) continue;
        if (!b->busy) {
            advance_phase(b);
            os_condition_signal_all(b->condition);
        } else if (!turn) {
            os_condition_wait(b->condition, b->mutex, -1);
        }
    }
    os_condition_signal_all(b->condition);
    os_mutex_unlock(b->mutex);
}

bool hnsw_build_step(hnsw_builder *b, double until)
{
    worker workers[MV_THREADS_MAX];
    b->until = until;
    uint32_t started = 1;
    /* Threads last as long as a step: nothing has to be undone when the process forks in between.
     * One that cannot be started is done without. */
    for (; started < b->threads; started++) {
        workers[started] = (worker){b, &b->scratch[started], NULL};
        if (os_thread_start(work, &workers[started], &workers[started].thread, NULL)) break;
    }
    workers[0] = (worker){b, &b->scratch[0], NULL};
    work(&workers[0]);
    for (uint32_t t = 1; t < started; t++) os_thread_join(workers[t].thread);
    return b->phase != HNSW_BUILD_DONE;
}

/* ---------------------------------------------------------------- begin and end */

static bool allocate_rest(hnsw_builder *b)
{
    uint64_t links = (uint64_t)HNSW_BUILD_BATCH_MAX * b->head.m;
    b->after = alloc_counted(b, links, sizeof *b->after);
    b->targets = alloc_counted(b, links, sizeof *b->targets);
    b->recalls = alloc_counted(b, HNSW_BUILD_TRIALS * HNSW_BUILD_SAMPLE_MAX,
                               HNSW_EF_STEPS * sizeof *b->recalls);
    b->bounds = alloc_counted(b, HNSW_BUILD_SAMPLE_MAX, sizeof *b->bounds);
    b->errors = alloc_counted(b, HNSW_BUILD_TRIALS * HNSW_BUILD_SAMPLE_MAX,
                              HNSW_MEASURED_HITS * sizeof *b->errors);
    b->spreads = alloc_counted(b, HNSW_BUILD_SAMPLE_MAX, sizeof *b->spreads);
    b->mutex = os_mutex_create();
    b->condition = os_condition_create();
    b->scratch = mem_alloc_zero(b->threads * sizeof *b->scratch);
    return b->after && b->targets && b->recalls && b->bounds && b->errors && b->spreads &&
           b->mutex && b->condition && b->scratch && allocate_scratch(b);
}

/* A base is gone on with as it is; for other options, and without a node above the bottom that
 * would lead to the others, the graph is built from nothing. */
static bool is_usable(const hnsw_base *base, const mv_hnsw_options *options)
{
    const hnsw_graph *graph = base->graph;
    if (!graph || !hnsw_fits(graph, options)) return false;
    for (uint32_t i = 0; i < graph->nodes_count[0]; i++)
        if (hnsw_row_now(base, graph->nodes[i]) != HNSW_NONE) return true;
    return false;
}

mv_err hnsw_build_begin(const codes_vectors *vectors, const mv_hnsw_options *options,
                        const hnsw_base *base, uint32_t threads, hnsw_builder **out,
                        mv_error *error)
{
    hnsw_builder *b = mem_alloc_zero(sizeof *b);
    *out = NULL;
    if (!b) return error_memory(error, sizeof *b, "building a graph");
    b->vectors = *vectors;
    if (base && is_usable(base, options)) b->base = *base;
    b->threads = threads < 1 ? 1 : threads > MV_THREADS_MAX ? MV_THREADS_MAX : threads;
    b->head = (hnsw_head){.rows = vectors->rows,
                          .m = options->m,
                          .ef_construction = options->ef_construction,
                          .seed = options->seed,
                          .quantize = (uint32_t)options->quantize,
                          .ef = HNSW_EF_UNMEASURED};
    for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) b->head.reach[step] = INFINITY;
    if (b->base.graph) {
        const hnsw_head *old = b->base.graph->head;
        b->head.quantize = old->quantize;
        b->head.ef = old->ef;
        memcpy(b->head.reach, old->reach, sizeof b->head.reach);
        b->head.code_error = old->code_error;
        b->head.code_bound = old->code_bound;
    }
    if (!choose_codes(b) || !allocate_nodes(b) || !allocate_rest(b)) {
        mv_err err = error_memory(error, b->bytes, "building a graph");
        hnsw_build_free(b);
        return err;
    }
    hnsw_order_draw_sample(b);
    b->rows_done = b->head.rows - b->order_count;
    begin_phase(b, HNSW_BUILD_ENCODE, (b->head.rows + ENCODE_ROWS - 1) / ENCODE_ROWS);
    *out = b;
    return MV_OK;
}

void hnsw_build_progress(const hnsw_builder *b, uint64_t *done, uint64_t *total)
{
    *done =
        b->rows_done < b->head.rows || b->phase == HNSW_BUILD_DONE ? b->rows_done : b->head.rows;
    *total = b->head.rows;
}

uint64_t hnsw_build_bytes(const hnsw_builder *b)
{
    return b->bytes;
}

uint32_t hnsw_build_parts(const hnsw_builder *b, index_part parts[HNSW_PARTS_MAX])
{
    uint32_t count = 0;
    uint64_t rows = b->head.rows;
    const build_level *bottom = &b->levels[0];
    parts[count++] = (index_part){HNSW_PART_HEAD, 0, &b->head, sizeof b->head};
    bool is_halved = b->head.quantize == MV_QUANTIZE_INT4;
    if (b->head.quantize >= MV_QUANTIZE_INT8)
        parts[count++] = (index_part){HNSW_PART_MEAN, 0, b->mean, b->vectors.dim * sizeof *b->mean};
    if (b->code_bytes)
        parts[count++] = (index_part){HNSW_PART_CODES, 0, is_halved ? b->half_bytes : b->code_bytes,
                                      codes_size((mv_quantize)b->head.quantize, &b->vectors)};
    parts[count++] = (index_part){HNSW_PART_LINKS, 0, bottom->links,
                                  rows * bottom->links_max * sizeof *bottom->links};
    parts[count++] =
        (index_part){HNSW_PART_NODES, 0, b->nodes, b->levels[1].count * sizeof *b->nodes};
    for (uint32_t level = 1; level <= b->head.levels; level++) {
        const build_level *l = &b->levels[level];
        parts[count++] = (index_part){HNSW_PART_UPLINKS, level, l->links,
                                      (uint64_t)l->count * l->links_max * sizeof *l->links};
    }
    return count;
}
