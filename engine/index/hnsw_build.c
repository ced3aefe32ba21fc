/* Building a graph: the phases, and how threads and slices share them. */
#include <stdlib.h>
#include <string.h>

#include "index/hnsw_builder.h"
#include "vector/element.h"

#define ENCODE_ROWS 64u  /* in one item */
#define TURN_ITEMS  8u   /* items that a thread takes at a time */
#define BATCH_PART  4u   /* a batch is at most one in so many of what is there already */
#define ERROR_MAX   0.1f /* of int8 codes, relative to distances: beyond, AUTO takes fp16 */
#define CHECK_ROWS  64u  /* whose codes are looked at for that, before anything is built */

/* ---------------------------------------------------------------- by lot */

/* splitmix64: Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void shuffle(uint32_t *list, uint32_t count, uint64_t *state)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = (uint32_t)(draw(state) % i), other = list[j];
        list[j] = list[i - 1];
        list[i - 1] = other;
    }
}

/* ---------------------------------------------------------------- memory */

static void *allocate(hnsw_builder *b, uint64_t count, size_t size)
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
    uint32_t beyond = 2 * b->head.m * 2 * b->head.m, back = BUILD_BATCH_MAX + 4 * b->head.m;
    return beyond > back ? beyond : back;
}

static uint32_t pool_room(const hnsw_builder *b)
{
    return b->head.ef_construction > 1024 ? b->head.ef_construction : 1024;
}

static bool allocate_scratch(hnsw_builder *b)
{
    uint32_t degree = b->levels[0].stride;
    size_t walks = walk_size(b->head.rows, degree, pool_room(b)),
           query = codes_query_size(&b->codes),
           numbers = mem_whole_lines(b->vectors.dim * sizeof(float)),
           other = query > numbers ? query : numbers,
           near = mem_whole_lines(near_room(b) * sizeof(walk_entry)),
           picked = mem_whole_lines(near_room(b) * sizeof(uint32_t));
    b->scratch_size = walks + query + other + numbers + near + picked;
    for (uint32_t t = 0; t < b->threads; t++) {
        build_scratch *s = &b->scratch[t];
        uint8_t *at = s->block = mem_alloc_aligned(b->scratch_size);
        if (!at) return false;
        b->bytes += b->scratch_size;
        memset(at, 0, walks);
        walk_place(&s->w, at, b->head.rows, degree, pool_room(b));
        s->w.capacity = b->head.ef_construction;
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
    release(b->mean, b->vectors.dim, sizeof *b->mean);
    for (uint32_t level = 0; level <= HNSW_LEVELS_MAX; level++)
        release(b->levels[level].links, b->levels[level].count,
                b->levels[level].stride * sizeof(uint32_t));
    release(b->nodes, b->levels[1].count, sizeof *b->nodes);
    release(b->positions, b->positions_count, sizeof *b->positions);
    release(b->order, rows, sizeof *b->order);
    release(b->new_positions, b->new_count[1], sizeof *b->new_positions);
    release(b->back, rows, sizeof *b->back);
    release(b->after, (uint64_t)BUILD_BATCH_MAX * b->head.m, sizeof *b->after);
    release(b->targets, (uint64_t)BUILD_BATCH_MAX * b->head.m, sizeof *b->targets);
    release(b->recalls, BUILD_SAMPLE_MAX, MEASURE_STEPS * sizeof *b->recalls);
    release(b->errors, BUILD_SAMPLE_MAX, MEASURE_TOP * sizeof *b->errors);
    release(b->spreads, BUILD_SAMPLE_MAX, sizeof *b->spreads);
    release(b->held, bits_words(rows), sizeof *b->held);
    release(b->again, bits_words(rows), sizeof *b->again);
    for (uint32_t t = 0; b->scratch && t < b->threads; t++)
        mem_free(b->scratch[t].block, b->scratch_size);
    mem_free(b->scratch, b->threads * sizeof *b->scratch);
    os_condition_free(b->condition);
    os_mutex_free(b->mutex);
    mem_free(b, sizeof *b);
}

/* ---------------------------------------------------------------- planning */

/* The highest level in which new nodes find one of the base to link to: a new one above would come
 * down with no link to any of the base. */
static uint32_t levels_alive(const hnsw_builder *b)
{
    const hnsw_graph *base = b->base.graph;
    uint32_t first = 0, level = 1;
    if (!base) return HNSW_LEVELS_MAX;
    while (first < base->nodes_count[0] && (base->nodes[first] >= base->head->rows ||
                                            b->base.rows[base->nodes[first]] == HNSW_NONE))
        first++;
    while (level < base->head->levels && first < base->nodes_count[level]) level++;
    return level;
}

static uint32_t sample_wanted(const hnsw_builder *b)
{
    uint32_t most = b->head.rows / BUILD_SAMPLE_PART;
    return most < BUILD_SAMPLE_MAX ? most : BUILD_SAMPLE_MAX;
}

/* Where so much has changed that the default of searches is measured anew, and few of the rows are
 * new ones, a sample of the others is taken out and comes in again. Those above the bottom stay.
 * `b->back` tells of each row whether it is of the base. */
static void draw_again(hnsw_builder *b, uint32_t new_count)
{
    const hnsw_graph *base = b->base.graph;
    uint32_t rows = b->head.rows, went = base->head->rows - (rows - new_count);
    uint64_t changed = (uint64_t)base->head->changed + new_count + went;
    b->head.changed = changed < rows ? (uint32_t)changed : rows;
    b->is_measured = changed * BUILD_CHANGE_PART < rows;
    uint32_t wanted = sample_wanted(b);
    if (b->is_measured || new_count >= 2 * wanted) return;
    uint64_t state = ~b->head.seed;
    for (uint32_t i = 0; i < wanted; i++) {
        uint32_t row = (uint32_t)(draw(&state) % rows);
        if (b->back[row] != HNSW_NONE) bits_set(b->again, row);
    }
    for (uint32_t i = 0; i < base->nodes_count[0]; i++) {
        uint32_t old = base->nodes[i], row = old < base->head->rows ? b->base.rows[old] : HNSW_NONE;
        if (row != HNSW_NONE) bits_unset(b->again, row);
    }
}

/* Which rows come in, in which order, and how many go to which level. */
static void draw_order(hnsw_builder *b)
{
    const hnsw_graph *base = b->base.graph;
    uint32_t rows = b->head.rows, old_count = base ? base->head->rows : 0, new_count = rows;
    for (uint32_t row = 0; row < rows; row++) b->back[row] = HNSW_NONE;
    for (uint32_t old = 0; old < old_count; old++) {
        if (b->base.rows[old] == HNSW_NONE) continue;
        b->back[b->base.rows[old]] = old;
        new_count--;
    }
    if (base) draw_again(b, new_count);
    b->order_count = 0;
    for (uint32_t row = 0; row < rows; row++)
        if (b->back[row] == HNSW_NONE || bits_get(b->again, row)) b->order[b->order_count++] = row;
    uint64_t state = b->head.seed ^ (uint64_t)b->order_count << 32 ^ old_count;
    shuffle(b->order, b->order_count, &state);
    double share = b->order_count, kept_of_one = 1;
    uint32_t level = 0, highest = levels_alive(b);
    b->new_count[0] = b->order_count;
    /* One in m goes up; what is left over at the end, by lot. */
    for (level = 1; level <= HNSW_LEVELS_MAX; level++) {
        share /= b->head.m;
        kept_of_one = (double)(draw(&state) >> 11) * 0x1p-53;
        uint32_t count = (uint32_t)(share + kept_of_one);
        if ((share < 1 && !base) || level > highest) count = 0;
        b->new_count[level] = count < b->new_count[level - 1] ? count : b->new_count[level - 1];
    }
    if (!base && !b->new_count[1]) b->new_count[1] = 1;
}

/* Lay out the nodes above the bottom: highest levels first, in each those of the base first. */
static void lay_out_nodes(hnsw_builder *b)
{
    const hnsw_graph *base = b->base.graph;
    uint32_t placed = 0, base_levels = base ? base->head->levels : 0;
    for (uint32_t level = HNSW_LEVELS_MAX; level >= 1; level--) {
        uint32_t begin = level < base_levels ? base->nodes_count[level] : 0;
        uint32_t end = level <= base_levels ? base->nodes_count[level - 1] : 0;
        for (uint32_t old = begin; old < end; old++) {
            uint32_t row =
                base->nodes[old] < base->head->rows ? b->base.rows[base->nodes[old]] : HNSW_NONE;
            b->positions[old] = row == HNSW_NONE ? HNSW_NONE : placed;
            if (row != HNSW_NONE) b->nodes[placed++] = row;
        }
        begin = level < HNSW_LEVELS_MAX ? b->new_count[level + 1] : 0;
        for (uint32_t i = begin; i < b->new_count[level]; i++) {
            b->new_positions[i] = placed;
            b->nodes[placed++] = b->order[i];
        }
        b->levels[level].count = placed;
        if (placed && !b->head.levels) b->head.levels = level;
    }
}

static uint32_t base_nodes_alive(const hnsw_builder *b)
{
    const hnsw_graph *base = b->base.graph;
    uint32_t alive = 0;
    for (uint32_t i = 0; base && i < base->nodes_count[0]; i++)
        alive += base->nodes[i] < base->head->rows && b->base.rows[base->nodes[i]] != HNSW_NONE;
    return alive;
}

static bool allocate_levels(hnsw_builder *b)
{
    for (uint32_t level = 0; level <= b->head.levels; level++) {
        build_level *l = &b->levels[level];
        l->links_max = level ? b->head.m : 2 * b->head.m;
        l->stride = l->links_max + l->links_max / 4;
        if (!(l->links = allocate(b, l->count, l->stride * sizeof(uint32_t)))) return false;
        memset(l->links, 0xff, (size_t)l->count * l->stride * sizeof(uint32_t));
    }
    return true;
}

static bool allocate_nodes(hnsw_builder *b)
{
    uint64_t rows = b->head.rows;
    b->levels[0].count = (uint32_t)rows;
    b->order = allocate(b, rows, sizeof *b->order);
    b->back = allocate(b, rows, sizeof *b->back);
    b->held = allocate(b, bits_words(rows), sizeof *b->held);
    b->again = allocate(b, bits_words(rows), sizeof *b->again);
    if (!b->order || !b->back || !b->held || !b->again) return false;
    memset(b->held, 0, bits_words(rows) * sizeof *b->held);
    memset(b->again, 0, bits_words(rows) * sizeof *b->again);
    draw_order(b);
    memset(b->back, 0xff, rows * sizeof *b->back);
    b->levels[1].count = base_nodes_alive(b) + b->new_count[1];
    b->nodes = allocate(b, b->levels[1].count, sizeof *b->nodes);
    b->new_positions = allocate(b, b->new_count[1], sizeof *b->new_positions);
    if (!b->nodes || !b->new_positions) return false;
    if (b->base.graph) {
        b->positions_count = b->base.graph->nodes_count[0];
        if (!(b->positions = allocate(b, b->positions_count, sizeof *b->positions))) return false;
    }
    lay_out_nodes(b);
    return allocate_levels(b);
}

/* ---------------------------------------------------------------- codes */

/* Would int8 codes be near enough? Looked at on a few rows, by what is lost of their lengths. */
static bool int8_is_near(hnsw_builder *b, float *numbers, uint8_t *code)
{
    const codes_vectors *v = &b->vectors;
    double lost = 0, whole = 0;
    uint32_t step = v->rows / CHECK_ROWS + 1;
    for (uint64_t row = 0; row < v->rows; row += step) {
        (void)codes_encode(MV_QUANTIZE_INT8, v, b->mean, (uint32_t)row, code, numbers);
        float scale = codes_scale_of(v, code)->scale;
        for (uint32_t i = 0; i < v->dim; i++) {
            double number = (double)numbers[i] - b->mean[i];
            double difference = number - (double)(int8_t)code[i] * scale;
            lost += difference * difference;
            whole += number * number;
        }
    }
    /* A distance that is a tenth of the lengths still has an error below ERROR_MAX. */
    return lost <= whole * (ERROR_MAX / 10) * (ERROR_MAX / 10) * 4;
}

static bool choose_codes(hnsw_builder *b)
{
    const codes_vectors *v = &b->vectors;
    size_t stride = codes_stride(MV_QUANTIZE_INT8, v);
    mv_quantize quantize = (mv_quantize)b->head.quantize;
    if (quantize == MV_QUANTIZE_NONE || v->type == MV_VECTOR_INT8) quantize = MV_QUANTIZE_NONE;
    if (quantize == MV_QUANTIZE_FP16 && v->type == MV_VECTOR_FP16) quantize = MV_QUANTIZE_NONE;
    if (quantize == MV_QUANTIZE_AUTO || quantize == MV_QUANTIZE_INT8) {
        if (!(b->mean = allocate(b, v->dim, sizeof *b->mean))) return false;
        float *numbers = mem_alloc_aligned(v->dim * sizeof *numbers);
        uint8_t *code = mem_alloc_aligned(stride);
        if (numbers && code) {
            if (b->base.graph && b->base.graph->codes.mean)
                memcpy(b->mean, b->base.graph->codes.mean, v->dim * sizeof *b->mean);
            else
                codes_find_mean(v, b->mean, numbers);
            if (quantize == MV_QUANTIZE_AUTO)
                quantize = int8_is_near(b, numbers, code) ? MV_QUANTIZE_INT8
                           : v->type == MV_VECTOR_FP16    ? MV_QUANTIZE_NONE
                                                          : MV_QUANTIZE_FP16;
        }
        bool ok = numbers && code;
        mem_free(numbers, v->dim * sizeof *numbers);
        mem_free(code, stride);
        if (!ok) return false;
    }
    b->head.quantize = (uint32_t)quantize;
    b->codes = (codes_column){
        .quantize = quantize, .vectors = &b->vectors, .base = v->base, .mean = b->mean};
    b->codes.stride = codes_stride(quantize, v);
    if (quantize == MV_QUANTIZE_NONE) return true;
    uint64_t size = codes_size(quantize, v), used = v->rows * (uint64_t)b->codes.stride;
    if (!(b->code_bytes = allocate(b, size, 1))) return false;
    memset(b->code_bytes + used, 0, size - used);
    b->codes.base = b->code_bytes;
    return true;
}

static void encode(hnsw_builder *b, build_scratch *s, uint32_t item)
{
    uint32_t end =
        (item + 1) * ENCODE_ROWS < b->head.rows ? (item + 1) * ENCODE_ROWS : b->head.rows;
    bool is_in_range = true;
    for (uint32_t row = item * ENCODE_ROWS; row < end; row++) {
        is_in_range &= codes_encode(b->codes.quantize, &b->vectors, b->mean, row,
                                    b->code_bytes + row * b->codes.stride, s->numbers);
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

static void begin_phase(hnsw_builder *b, build_phase phase, uint32_t items)
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
        uint32_t *links = build_links(b, level, here);
        if (links[0] != HNSW_NONE) continue; /* of the base */
        const uint32_t *from = build_links(b, level + 1, at);
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
    uint32_t size = b->taken / BATCH_PART;
    if (size > BUILD_BATCH_MAX) size = BUILD_BATCH_MAX;
    if (size < 1) size = 1;
    b->batch = size < left ? size : left;
    begin_phase(b, BUILD_SEARCH, b->batch);
}

/* Take in the nodes of a level that are not in the one above. With a base those are taken in as
 * well: from above they bring links among themselves only, and of the others that will link to
 * them in a graph made from nothing most are there already. */
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
    begin_phase(b, BUILD_TRIM, b->levels[level].count);
}

/* The links of a level closer together, as they are kept. */
static void compact(hnsw_builder *b, uint32_t level)
{
    build_level *l = &b->levels[level];
    for (size_t at = 1; at < l->count; at++)
        memmove(l->links + at * l->links_max, l->links + at * l->stride,
                l->links_max * sizeof *l->links);
}

static void begin_adopting(hnsw_builder *b)
{
    if (b->base.graph && b->level <= b->base.graph->head->levels)
        begin_phase(b, BUILD_ADOPT,
                    b->level ? b->base.graph->nodes_count[b->level - 1]
                             : b->base.graph->head->rows);
    else
        begin_phase(b, BUILD_ADOPT, 0);
}

/* What comes after the phase that is through. Nobody else is at work. */
static void advance(hnsw_builder *b)
{
    switch (b->phase) {
    case BUILD_ENCODE:
        if (b->is_beyond) drop_codes(b);
        b->level = b->head.levels;
        begin_adopting(b);
        break;
    case BUILD_ADOPT:
        if (b->level) {
            b->level--;
            begin_adopting(b);
        } else {
            begin_level(b, b->head.levels);
        }
        break;
    case BUILD_SEARCH:
        build_collect_targets(b);
        begin_phase(b, BUILD_LINK, b->targets_count);
        break;
    case BUILD_LINK:
        b->taken += b->batch;
        b->first += b->batch;
        if (!b->level) b->rows_done += b->batch;
        next_batch(b);
        if (b->batch) break;
        if (b->level)
            begin_level(b, b->level - 1);
        else if (!b->is_measured)
            begin_phase(b, BUILD_MEASURE, b->sample);
        else
            begin_trim(b, b->head.levels);
        break;
    case BUILD_MEASURE:
        if (b->sample) build_conclude(b);
        b->is_measured = true;
        next_batch(b);
        break;
    case BUILD_TRIM:
        if (b->level)
            begin_trim(b, b->level - 1);
        else
            begin_phase(b, BUILD_REACH, 1);
        break;
    case BUILD_REACH:
        for (uint32_t level = 0; level <= b->head.levels; level++) compact(b, level);
        b->rows_done = b->head.rows;
        begin_phase(b, BUILD_DONE, 0);
        break;
    case BUILD_DONE: break;
    }
}

static void do_item(hnsw_builder *b, build_scratch *s, uint32_t item)
{
    switch (b->phase) {
    case BUILD_ENCODE: encode(b, s, item); break;
    case BUILD_ADOPT: build_adopt(b, s, item); break;
    case BUILD_SEARCH: build_search(b, s, item); break;
    case BUILD_LINK: build_link(b, s, item); break;
    case BUILD_MEASURE: build_measure(b, s, item); break;
    case BUILD_TRIM: build_trim(b, s, item); break;
    case BUILD_REACH: build_reach(b, s); break;
    case BUILD_DONE: break;
    }
}

/* ---------------------------------------------------------------- threads */

typedef struct worker {
    hnsw_builder *b;
    build_scratch *s;
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
    while (b->phase != BUILD_DONE && (is_first || os_seconds() < b->until)) {
        is_first = false;
        uint32_t begin = b->next_item, left = b->items - begin;
        uint32_t turn = left < TURN_ITEMS ? left : TURN_ITEMS;
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
            advance(b);
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
    return b->phase != BUILD_DONE;
}

/* ---------------------------------------------------------------- begin and end */

static bool allocate_rest(hnsw_builder *b)
{
    uint64_t links = (uint64_t)BUILD_BATCH_MAX * b->head.m;
    b->after = allocate(b, links, sizeof *b->after);
    b->targets = allocate(b, links, sizeof *b->targets);
    b->recalls = allocate(b, BUILD_SAMPLE_MAX, MEASURE_STEPS * sizeof *b->recalls);
    b->errors = allocate(b, BUILD_SAMPLE_MAX, MEASURE_TOP * sizeof *b->errors);
    b->spreads = allocate(b, BUILD_SAMPLE_MAX, sizeof *b->spreads);
    b->mutex = os_mutex_create();
    b->condition = os_condition_create();
    b->scratch = mem_alloc_zero(b->threads * sizeof *b->scratch);
    return b->after && b->targets && b->recalls && b->errors && b->spreads && b->mutex &&
           b->condition && b->scratch && allocate_scratch(b);
}

/* Hold a sample back, unless what the base was measured to need still holds. */
static void draw_sample(hnsw_builder *b)
{
    uint32_t most = b->new_count[0] - b->new_count[1], wanted = sample_wanted(b);
    b->sample = b->is_measured ? 0 : wanted < most ? wanted : most;
    for (uint32_t i = 0; i < b->sample; i++) bits_set(b->held, b->order[b->order_count - 1 - i]);
    b->is_measured = !b->sample;
}

bool hnsw_fits(const hnsw_graph *graph, const mv_hnsw_options *options)
{
    mv_quantize quantize = (mv_quantize)graph->head->quantize;
    return graph->head->m == options->m &&
           (options->quantize == MV_QUANTIZE_AUTO || options->quantize == quantize ||
            quantize == MV_QUANTIZE_NONE); /* it had no codes, or none that were smaller */
}

/* A base is gone on with as it is; for other options, and without a node above the bottom that
 * would lead to the others, the graph is built from nothing. */
static bool is_usable(const hnsw_base *base, const mv_hnsw_options *options)
{
    const hnsw_graph *graph = base->graph;
    if (!graph || !hnsw_fits(graph, options)) return false;
    for (uint32_t i = 0; i < graph->nodes_count[0]; i++)
        if (graph->nodes[i] < graph->head->rows && base->rows[graph->nodes[i]] != HNSW_NONE)
            return true;
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
    b->head = (hnsw_head){.format = HNSW_FORMAT,
                          .rows = vectors->rows,
                          .m = options->m,
                          .ef_construction = options->ef_construction,
                          .seed = options->seed,
                          .quantize = (uint32_t)options->quantize,
                          .ef = HNSW_EF_UNMEASURED};
    if (b->base.graph) {
        const hnsw_head *old = b->base.graph->head;
        b->head.quantize = old->quantize;
        b->head.ef = old->ef;
        b->head.code_error = old->code_error;
        b->head.code_bound = old->code_bound;
    }
    if (!choose_codes(b) || !allocate_nodes(b) || !allocate_rest(b)) {
        mv_err err = error_memory(error, b->bytes, "building a graph");
        hnsw_build_free(b);
        return err;
    }
    draw_sample(b);
    b->rows_done = b->head.rows - b->order_count;
    bool has_codes = b->head.quantize != MV_QUANTIZE_NONE;
    begin_phase(b, BUILD_ENCODE, has_codes ? (b->head.rows + ENCODE_ROWS - 1) / ENCODE_ROWS : 0);
    *out = b;
    return MV_OK;
}

void hnsw_build_progress(const hnsw_builder *b, uint64_t *done, uint64_t *total)
{
    *done = b->rows_done < b->head.rows || b->phase == BUILD_DONE ? b->rows_done : b->head.rows;
    *total = b->head.rows;
}

uint64_t hnsw_build_bytes(const hnsw_builder *b)
{
    return b->bytes;
}

uint32_t hnsw_build_parts(const hnsw_builder *b, hnsw_part parts[HNSW_PARTS_MAX])
{
    uint32_t count = 0;
    uint64_t rows = b->head.rows;
    const build_level *bottom = &b->levels[0];
    parts[count++] = (hnsw_part){HNSW_PART_HEAD, 0, &b->head, sizeof b->head};
    if (b->head.quantize == MV_QUANTIZE_INT8)
        parts[count++] = (hnsw_part){HNSW_PART_MEAN, 0, b->mean, b->vectors.dim * sizeof *b->mean};
    if (b->code_bytes)
        parts[count++] = (hnsw_part){HNSW_PART_CODES, 0, b->code_bytes,
                                     codes_size(b->codes.quantize, &b->vectors)};
    parts[count++] = (hnsw_part){HNSW_PART_LINKS, 0, bottom->links,
                                 rows * bottom->links_max * sizeof *bottom->links};
    parts[count++] =
        (hnsw_part){HNSW_PART_NODES, 0, b->nodes, b->levels[1].count * sizeof *b->nodes};
    for (uint32_t level = 1; level <= b->head.levels; level++) {
        const build_level *l = &b->levels[level];
        parts[count++] = (hnsw_part){HNSW_PART_UPLINKS, level, l->links,
                                     (uint64_t)l->count * l->links_max * sizeof *l->links};
    }
    return count;
}
