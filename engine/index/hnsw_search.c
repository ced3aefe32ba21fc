/* Searching a graph: down from level to level, a walk over the bottom one, and exact scores for the
 * best that were met. */
#include <math.h>
#include <string.h>

#include "index/hnsw_walk.h"

#define REFINE_ROWS  8u   /* candidates scored exactly at a time */
#define REFINE_AHEAD 16u  /* candidates on their way */
#define REFINE_BYTES 512u /* of each; of what is longer the processor brings the rest */

void hnsw_scratch_free(hnsw_scratch *scratch)
{
    mem_free(scratch->block, scratch->size);
    *scratch = (hnsw_scratch){0};
}

/* `size` bytes, beginning with `bits_size` zeros. Walks leave them as zeros, but begin at the same
 * place only for the same layout. */
static bool reserve(hnsw_scratch *scratch, uint64_t layout, size_t bits_size, size_t size)
{
    if (scratch->size < size) {
        hnsw_scratch_free(scratch);
        scratch->block = mem_alloc_aligned(size);
        if (!scratch->block) return false;
        scratch->size = size;
        scratch->layout = 0;
    }
    if (scratch->layout != layout) memset(scratch->block, 0, bits_size);
    scratch->layout = layout;
    return true;
}

/* What the graph was measured to need is for HNSW_MEASURED_HITS. */
uint64_t hnsw_default_ef(const hnsw_graph *graph, uint32_t k)
{
    return graph->head->ef + (k > HNSW_MEASURED_HITS ? (k - HNSW_MEASURED_HITS) * 3ull / 2 : 0);
}

/* How many candidates a walk keeps, and when it stops. Where some rows are no hits, all these
 * numbers grow, so that there are as many among those that are. */
static uint32_t plan_walk(const hnsw_graph *graph, const hnsw_query *query, uint32_t k,
                          walk_stop *stop)
{
    const hnsw_head *head = graph->head;
    uint64_t ef = query->ef ? query->ef : hnsw_default_ef(graph, k), rows = head->rows,
             passing = query->pass && query->passing ? query->passing : rows, enough = k;
    if (ef < k) ef = k;
    if (passing < rows) enough += (uint64_t)(3 * sqrtf((float)k)); /* they are not spread evenly */
    float reach = walk_reach(head->reach, ef);
    uint64_t capacity = walk_capacity(ef, reach) * rows / passing, least = enough * rows / passing,
             rank = HNSW_MEASURED_HITS * rows / passing, most = rows < MV_EF_MAX ? rows : MV_EF_MAX;
    *stop = (walk_stop){.rank = (uint32_t)(rank < rows ? rank : rows),
                        .least = (uint32_t)(least < rows ? least : rows),
                        .reach = reach,
                        .slack = head->code_bound};
    return (uint32_t)(capacity < most ? capacity : most);
}

static bool descend(const hnsw_graph *graph, const codes_query *query, walk *w, uint32_t *entry)
{
    walk_level levels[HNSW_LEVELS_MAX + 1];
    uint32_t top = graph->head->levels, at;
    for (uint32_t level = 1; level <= top; level++) levels[level] = walk_level_of(graph, level);
    if (!walk_down(w, query, levels, top, 0, &at)) return false;
    *entry = graph->nodes[at];
    return *entry < graph->head->rows;
}

/* ---------------------------------------------------------------- exact scores */

typedef struct refining {
    const hnsw_graph *graph;
    const hnsw_query *query;
    topk *hits;
    uint32_t rows[REFINE_ROWS];
    uint32_t count;
} refining;

static void push(const refining *r, uint32_t row, float distance)
{
    if (!topk_may_take(r->hits, distance)) return;
    topk_push(r->hits, (topk_entry){.distance = distance,
                                    .source = r->query->source,
                                    .row = row,
                                    .docid = r->query->docids[row]});
}

static void score(refining *r)
{
    const codes_vectors *vectors = r->graph->codes.vectors;
    const void *list[REFINE_ROWS];
    float norms[REFINE_ROWS], distances[REFINE_ROWS];
    for (uint32_t i = 0; i < r->count; i++) {
        list[i] = vectors->base + r->rows[i] * vectors->stride;
        if (vectors->inverse_norms) norms[i] = vectors->inverse_norms[r->rows[i]];
    }
    distance_to_list(r->query->exact, list, vectors->inverse_norms ? norms : NULL, r->count,
                     distances);
    for (uint32_t i = 0; i < r->count; i++) push(r, r->rows[i], distances[i]);
    r->count = 0;
}

/* Prefetch what scoring candidate `i` reads. */
static void bring(const hnsw_graph *graph, const hnsw_query *query, const walk *w, uint32_t i)
{
    const codes_vectors *vectors = graph->codes.vectors;
    if (i >= w->count || graph->codes.quantize == MV_QUANTIZE_NONE) return;
    uint32_t row = w->pool[i].at & ~WALK_DONE;
    const uint8_t *vector = vectors->base + row * vectors->stride;
    for (size_t at = 0; at < vectors->stride && at < REFINE_BYTES; at += 64)
        MV_PREFETCH(vector + at);
    if (vectors->inverse_norms) MV_PREFETCH(&vectors->inverse_norms[row]);
    MV_PREFETCH(&query->docids[row]);
}

/* Score candidates in the order of their codes until none that follows could be among the hits. */
static uint32_t refine(const hnsw_graph *graph, const hnsw_query *query, const walk *w, topk *hits)
{
    refining r = {.graph = graph, .query = query, .hits = hits};
    bool is_exact = graph->codes.quantize == MV_QUANTIZE_NONE, is_enough = false;
    uint32_t found = 0;
    for (uint32_t i = 0; i < REFINE_AHEAD; i++) bring(graph, query, w, i);
    for (uint32_t i = 0; i < w->count; i++) {
        uint32_t row = w->pool[i].at & ~WALK_DONE;
        if (query->pass && !bits_get(query->pass, row)) continue;
        found++;
        if (is_enough) continue;
        bring(graph, query, w, i + REFINE_AHEAD);
        if (is_exact) {
            push(&r, row, w->pool[i].distance);
            continue;
        }
        r.rows[r.count++] = row;
        if (r.count < REFINE_ROWS && found != hits->capacity) continue;
        score(&r);
        if (found < hits->capacity) continue;
        is_enough =
            query->no_refine ||
            (i + 1 < w->count && w->pool[i + 1].distance - graph->head->code_bound > hits->limit);
    }
    if (r.count) score(&r);
    return found;
}

mv_err hnsw_search(const hnsw_graph *graph, const hnsw_query *query, topk *hits,
                   hnsw_scratch *scratch, uint32_t *found, mv_error *error)
{
    codes_query prepared;
    walk w;
    walk_stop stop;
    const hnsw_head *head = graph->head;
    uint32_t degree = 2 * head->m, capacity = plan_walk(graph, query, hits->capacity, &stop), entry;
    size_t query_size = codes_query_size(&graph->codes);
    size_t size = walk_size(head->rows, degree, capacity) + query_size;
    *found = 0;
    if (!reserve(scratch, (uint64_t)head->rows << 32 | degree,
                 bits_words(head->rows) * sizeof(uint64_t), size))
        return error_memory(error, size, "a search");
    walk_place(&w, scratch->block, head->rows, degree, capacity);
    w.stop = stop;
    void *memory = scratch->block + (scratch->size - query_size) / 64 * 64;
    codes_prepare(&prepared, &graph->codes, query->vector, memory);
    walk_level bottom = walk_level_of(graph, 0);
    if (!descend(graph, &prepared, &w, &entry) || !walk_level_from(&w, &prepared, &bottom, entry))
        return error_set(error, MV_CORRUPT, "a link of the graph is out of range");
    *found = refine(graph, query, &w, hits);
    return MV_OK;
}
