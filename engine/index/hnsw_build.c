/* Building a graph: its memory, and the public functions. The phases are in hnsw_phase.c, threads
 * in hnsw_threads.c. */
#include <math.h>
#include <string.h>

#include "index/hnsw_builder.h"
#include "index/hnsw_cost.h"

/* ---------------------------------------------------------------- memory */

/* The largest number of candidates for the links of a node: the links of all nodes that it links
 * to, or the links back to it in one batch. */
static uint32_t near_count_max(const hnsw_builder *b)
{
    uint32_t beyond = 2 * b->head.m * 2 * b->head.m, back = HNSW_BUILD_BATCH_MAX + 4 * b->head.m;
    return beyond > back ? beyond : back;
}

/* The largest pool of a walk: of inserting, or of measuring. */
static uint32_t pool_capacity_max(const hnsw_builder *b)
{
    uint32_t most = (uint32_t)hnsw_walk_capacity(walk_ef_steps[HNSW_EF_STEPS - 1], 0),
             rows = b->head.rows;
    most = rows < WALK_POOL_MAX ? most > rows ? most : rows : WALK_POOL_MAX;
    return b->head.ef_construction > most ? b->head.ef_construction : most;
}

bool hnsw_build_allocate_scratch(hnsw_builder *b)
{
    uint32_t degree = b->levels[0].stride;
    size_t bits = hnsw_walk_bits_size(b->head.rows),
           walks = bits + hnsw_walk_size(b->head.rows, degree, pool_capacity_max(b)),
           query = codes_query_size(hnsw_builder_trial_codes(b, hnsw_builder_trials(b) - 1)),
           numbers = mem_whole_lines(b->vectors.dim * sizeof(float)),
           other = query > numbers ? query : numbers, scanned = HNSW_BUILD_SCAN_QUERIES * query,
           near = mem_whole_lines(near_count_max(b) * sizeof(walk_entry)),
           picked = mem_whole_lines(near_count_max(b) * sizeof(uint32_t));
    b->scratch_size = walks + query + other + scanned + numbers + near + picked;
    for (uint32_t t = 0; t < b->threads; t++) {
        hnsw_build_scratch *s = &b->scratch[t];
        uint8_t *at = s->block = mem_alloc_aligned(b->scratch_size);
        if (!at) return false;
        b->bytes += b->scratch_size;
        memset(at, 0, bits);
        hnsw_walk_lay_out(&s->w, at, at + bits, b->head.rows, degree, pool_capacity_max(b));
        s->w.pool.capacity = b->head.ef_construction;
        s->query = at += walks;
        s->other = at += query;
        s->scanned = at += other;
        s->numbers = (float *)(void *)(at += scanned);
        s->near = (walk_entry *)(void *)(at += numbers);
        s->picked = (uint32_t *)(void *)(at + near);
    }
    return true;
}

void hnsw_build_free(hnsw_builder *b)
{
    if (!b) return;
    uint32_t rows = b->head.rows;
    hnsw_codes_end_look(b);
    hnsw_builder_release(b->code_bytes, codes_size(b->codes.quantize, &b->vectors), 1);
    hnsw_builder_release(b->int4_bytes, codes_size(MV_QUANTIZE_INT4, &b->vectors), 1);
    hnsw_builder_release(b->mean, b->vectors.dim, sizeof *b->mean);
    for (uint32_t level = 0; level <= HNSW_LEVELS_MAX; level++)
        hnsw_builder_release(b->levels[level].links, b->levels[level].count,
                             b->levels[level].stride * sizeof(uint32_t));
    hnsw_builder_release(b->nodes, b->levels[1].count, sizeof *b->nodes);
    hnsw_builder_release(b->positions, b->positions_count, sizeof *b->positions);
    hnsw_builder_release(b->order, rows, sizeof *b->order);
    hnsw_builder_release(b->new_positions, b->new_count[1], sizeof *b->new_positions);
    hnsw_builder_release(b->back, rows, sizeof *b->back);
    hnsw_builder_release(b->after, (uint64_t)HNSW_BUILD_BATCH_MAX * b->head.m, sizeof *b->after);
    hnsw_builder_release(b->targets, (uint64_t)HNSW_BUILD_BATCH_MAX * b->head.m,
                         sizeof *b->targets);
    hnsw_builder_release(b->measured, HNSW_BUILD_TRIALS * HNSW_BUILD_QUERIES_MAX,
                         sizeof *b->measured);
    hnsw_builder_release(b->nearest, HNSW_BUILD_QUERIES_MAX, sizeof *b->nearest);
    hnsw_builder_release(b->sampled, bits_words(rows), sizeof *b->sampled);
    hnsw_builder_release(b->reinserted, bits_words(rows), sizeof *b->reinserted);
    for (uint32_t t = 0; b->scratch && t < b->threads; t++)
        mem_free(b->scratch[t].block, b->scratch_size);
    mem_free(b->scratch, b->threads * sizeof *b->scratch);
    os_condition_free(b->condition);
    os_mutex_free(b->mutex);
    mem_free(b, sizeof *b);
}

static bool allocate_levels(hnsw_builder *b)
{
    for (uint32_t level = 0; level <= b->head.levels; level++) {
        build_level *l = &b->levels[level];
        l->links_max = level ? b->head.m : 2 * b->head.m;
        l->stride = l->links_max + l->links_max / 4;
        if (!(l->links = hnsw_builder_alloc(b, l->count, l->stride * sizeof(uint32_t))))
            return false;
        if (level) hnsw_builder_clear_links(l, 0, l->count);
    }
    return true;
}

bool hnsw_build_allocate_levels(hnsw_builder *b)
{
    b->levels[0].count = b->head.rows;
    b->levels[1].count = hnsw_order_base_nodes(b) + b->new_count[1];
    b->nodes = hnsw_builder_alloc(b, b->levels[1].count, sizeof *b->nodes);
    b->new_positions = hnsw_builder_alloc(b, b->new_count[1], sizeof *b->new_positions);
    if (!b->nodes || !b->new_positions) return false;
    if (b->base.graph) {
        b->positions_count = b->base.graph->nodes_count[0];
        if (!(b->positions = hnsw_builder_alloc(b, b->positions_count, sizeof *b->positions)))
            return false;
    }
    hnsw_order_lay_out(b);
    return allocate_levels(b);
}

/* ---------------------------------------------------------------- begin and end */

static bool allocate_first(hnsw_builder *b)
{
    uint64_t links = (uint64_t)HNSW_BUILD_BATCH_MAX * b->head.m;
    uint32_t rows = b->head.rows;
    size_t words = bits_words(rows);
    b->order = hnsw_builder_alloc(b, rows, sizeof *b->order);
    b->back = hnsw_builder_alloc(b, rows, sizeof *b->back);
    b->sampled = hnsw_builder_alloc(b, words, sizeof *b->sampled);
    b->reinserted = hnsw_builder_alloc(b, words, sizeof *b->reinserted);
    b->after = hnsw_builder_alloc(b, links, sizeof *b->after);
    b->targets = hnsw_builder_alloc(b, links, sizeof *b->targets);
    b->measured =
        hnsw_builder_alloc(b, HNSW_BUILD_TRIALS * HNSW_BUILD_QUERIES_MAX, sizeof *b->measured);
    b->nearest = hnsw_builder_alloc(b, HNSW_BUILD_QUERIES_MAX, sizeof *b->nearest);
    b->mutex = os_mutex_create();
    b->condition = os_condition_create();
    b->scratch = mem_alloc_zero(b->threads * sizeof *b->scratch);
    if (!b->order || !b->back || !b->sampled || !b->reinserted || !b->after || !b->targets ||
        !b->measured || !b->nearest || !b->mutex || !b->condition || !b->scratch)
        return false;
    memset(b->sampled, 0, words * sizeof *b->sampled);
    memset(b->reinserted, 0, words * sizeof *b->reinserted);
    return true;
}

/* A base can be extended if it fits the options, and if one of its nodes above the bottom is left
 * to lead to the others. Otherwise the graph is built without it. */
static bool is_usable(const hnsw_base *base, const mv_hnsw_options *options)
{
    const hnsw_graph *graph = base->graph;
    if (!graph || !hnsw_fits(graph, options)) return false;
    for (uint32_t i = 0; i < graph->nodes_count[0]; i++)
        if (hnsw_row_now(base, graph->nodes[i]) != HNSW_NONE) return true;
    return false;
}

static mv_err no_memory_for_graph(const hnsw_builder *b, mv_error *error)
{
    return error_memory(error, b->bytes, "building a graph");
}

mv_err hnsw_build_begin(const codes_vectors *vectors, const mv_hnsw_options *options,
                        const hnsw_base *base, uint32_t threads, hnsw_builder **out,
                        mv_error *error)
{
    hnsw_builder *b = mem_alloc_zero(sizeof *b);
    *out = NULL;
    if (!b) return error_memory(error, sizeof *b, "building a graph");
    mv_assert(vectors->rows > 0);
    mv_assert(options->m >= MV_HNSW_M_MIN);
    mv_assert(options->m <= MV_HNSW_M_MAX);
    b->vectors = *vectors;
    if (base && is_usable(base, options)) b->base = *base;
    b->threads = threads < 1 ? 1 : threads > MV_THREADS_MAX ? MV_THREADS_MAX : threads;
    b->head = (hnsw_head){.rows = vectors->rows,
                          .m = options->m,
                          .ef_construction = options->ef_construction,
                          .seed = options->seed,
                          .quantize = (uint32_t)options->quantize,
                          .ef = HNSW_EF_UNMEASURED,
                          .entries = 1};
    for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) b->head.reach[step] = INFINITY;
    if (b->base.graph) {
        const hnsw_head *old = b->base.graph->head;
        b->head.quantize = old->quantize;
        b->head.ef = old->ef;
        memcpy(b->head.reach, old->reach, sizeof b->head.reach);
        memcpy(b->head.patience, old->patience, sizeof b->head.patience);
        if (old->format >= 4) {
            memcpy(b->head.apart, old->apart, sizeof b->head.apart);
            b->head.spread = old->spread;
        }
        b->head.entries = (uint16_t)hnsw_patience_entries(old);
        b->head.near_bound = old->near_bound;
        b->head.outer_bound = hnsw_patience_outer_bound(old);
        if (old->format >= 5) {
            memcpy(b->head.outer, old->outer, sizeof b->head.outer);
            b->head.far_ef = old->far_ef;
            b->head.outer_ef = old->outer_ef;
        }
        b->head.code_error = old->code_error;
        b->head.code_bound = old->code_bound;
    }
    b->quantize = options->quantize;
    if (!allocate_first(b)) {
        mv_err err = no_memory_for_graph(b, error);
        hnsw_build_free(b);
        return err;
    }
    hnsw_phase_begin(b, HNSW_BUILD_DRAW, 1);
    *out = b;
    return MV_OK;
}

mv_err hnsw_build_step(hnsw_builder *b, double until, bool *more, mv_error *error)
{
    hnsw_threads_run(b, until);
    *more = b->phase != HNSW_BUILD_DONE;
    return b->has_no_memory ? no_memory_for_graph(b, error) : MV_OK;
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
    mv_assert(b->phase == HNSW_BUILD_DONE);
    parts[count++] = (index_part){HNSW_PART_HEAD, 0, &b->head, sizeof b->head};
    bool is_int4 = b->head.quantize == MV_QUANTIZE_INT4;
    if (b->head.quantize >= MV_QUANTIZE_INT8)
        parts[count++] = (index_part){HNSW_PART_MEAN, 0, b->mean, b->vectors.dim * sizeof *b->mean};
    if (b->code_bytes)
        parts[count++] = (index_part){HNSW_PART_CODES, 0, is_int4 ? b->int4_bytes : b->code_bytes,
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
    mv_assert(count <= HNSW_PARTS_MAX);
    return count;
}
