/* Searching a graph: down from level to level, a walk over the bottom one, or what else is planned,
 * and exact scores for the best that were met. */
#include "index/hnsw_plan.h"

#define REFINE_ROWS  8u   /* candidates scored exactly at a time */
#define REFINE_AHEAD 16u  /* candidates on their way */
#define REFINE_BYTES 512u /* of each; of what is longer the processor brings the rest */
/* Rows that a scan of codes keeps to be scored exactly, beyond 1.5 for each hit (twice as many of
 * int4 codes): 69 for 10 hits, about 7 times as many as are found. `./run bench fit` shows the
 * recall of a scan. */
#define ALL_POOL 54u

/* `size` bytes, beginning with `bits_size` zeros. Walks leave them as zeros, but begin at the same
 * place only for the same layout. */
static bool reserve_scratch(index_scratch *scratch, uint64_t layout, size_t bits_size, size_t size)
{
    if (scratch->size < size) {
        index_scratch_free(scratch);
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
uint64_t hnsw_search_default_ef(const hnsw_graph *graph, uint32_t k)
{
    return graph->head->ef + (k > HNSW_MEASURED_HITS ? (k - HNSW_MEASURED_HITS) * 3ull / 2 : 0);
}

static bool descend(const hnsw_graph *graph, const codes_query *query, walk *w, uint32_t *entry)
{
    walk_level levels[HNSW_LEVELS_MAX + 1];
    uint32_t top = graph->head->levels, at;
    for (uint32_t level = 1; level <= top; level++)
        levels[level] = hnsw_walk_level_of(graph, level);
    if (!hnsw_walk_down(w, query, levels, top, 0, &at)) return false;
    *entry = graph->nodes[at];
    return *entry < graph->head->rows;
}

/* ---------------------------------------------------------------- exact scores */

typedef struct refining {
    const hnsw_graph *graph;
    const index_query *query;
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
static void bring(const hnsw_graph *graph, const index_query *query, const walk_pool *met,
                  uint32_t i)
{
    const codes_vectors *vectors = graph->codes.vectors;
    if (i >= met->count || graph->codes.quantize == MV_QUANTIZE_NONE) return;
    uint32_t row = met->entries[i].at & ~WALK_DONE;
    const uint8_t *vector = vectors->base + row * vectors->stride;
    for (size_t at = 0; at < vectors->stride && at < REFINE_BYTES; at += 64)
        MV_PREFETCH(vector + at);
    if (vectors->inverse_norms) MV_PREFETCH(&vectors->inverse_norms[row]);
    MV_PREFETCH(&query->docids[row]);
}

/* Score candidates, of which the first `sorted` are in the order of their codes, in that order
 * until none that follows could be among the hits. Returns how many were scored. */
static uint32_t refine(const hnsw_graph *graph, const index_query *query, walk_pool *met,
                       uint32_t sorted, topk *hits)
{
    refining r = {.graph = graph, .query = query, .hits = hits};
    bool is_exact = graph->codes.quantize == MV_QUANTIZE_NONE;
    uint32_t looked = 0, wanted = hits->capacity;
    if (!sorted) sorted = hnsw_all_sort(met, sorted);
    for (uint32_t i = 0; i < REFINE_AHEAD; i++) bring(graph, query, met, i);
    while (looked < met->count) {
        uint32_t ahead = looked + REFINE_AHEAD;
        if (ahead >= sorted && sorted < met->count) sorted = hnsw_all_sort(met, sorted);
        bring(graph, query, met, ahead);
        const walk_entry *entry = &met->entries[looked++];
        uint32_t row = entry->at & ~WALK_DONE;
        mv_assert(looked == 1 || entry[-1].distance <= entry->distance);
        if (is_exact) {
            push(&r, row, entry->distance);
            continue;
        }
        r.rows[r.count++] = row;
        if (r.count < REFINE_ROWS && looked != wanted) continue;
        score(&r);
        if (looked < wanted) continue;
        if (query->no_refine) break;
        float next = looked < met->count ? entry[1].distance : INFINITY;
        if (next - graph->head->code_bound > hits->limit) break;
    }
    if (r.count) score(&r);
    return is_exact ? 0 : looked;
}

/* ---------------------------------------------------------------- the ways */

typedef struct searching {
    const hnsw_graph *graph;
    const index_query *query;
    hnsw_plan plan;
    codes_query prepared;
    walk w;
    walk_gate gate;
    uint32_t entry;
    bool has_entry;
} searching;

/* When a walk for `ef` candidates stops. Returns how many it keeps. */
static uint32_t stop_at(searching *s, uint32_t ef)
{
    const hnsw_head *head = s->graph->head;
    float reach = hnsw_walk_reach(head->reach, ef);
    uint64_t capacity = hnsw_walk_capacity(ef, reach);
    s->w.stop = (walk_stop){.rank = HNSW_MEASURED_HITS,
                            .least = s->plan.k,
                            .reach = reach,
                            .slack = hnsw_walk_slack(s->graph->codes.quantize, head->code_bound)};
    return capacity < head->rows ? (uint32_t)capacity : head->rows;
}

/* Of all rows that pass the nearest are certain, but for what codes hide: int4 codes more. */
static uint32_t pool_of_all(const searching *s)
{
    uint32_t kept = s->plan.k + s->plan.k / 2 + ALL_POOL;
    return s->graph->codes.quantize == MV_QUANTIZE_INT4 ? 2 * kept : kept;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Lay out what any way may need in `scratch`. */
static mv_err place(searching *s, index_scratch *scratch, mv_error *error)
{
    uint32_t rows = s->graph->head->rows, degree = 2 * s->graph->head->m,
             hits = stop_at(s, s->plan.ef), room = larger(hits, hnsw_all_capacity(pool_of_all(s)));
    if (s->query->pass) {
        room = larger(room, hnsw_plan_gated_pool(&s->plan, hits));
        room = larger(room, stop_at(s, hnsw_plan_bridged_ef(&s->plan, WALK_FEW_MATCHES)));
    }
    size_t walk_bytes = hnsw_walk_size(rows, degree, room), hits_bytes = pool_size(hits),
           query_bytes = codes_query_size(&s->graph->codes),
           size = walk_bytes + hits_bytes + query_bytes;
    if (!reserve_scratch(scratch, (uint64_t)rows << 32 | degree,
                         bits_words(rows) * sizeof(uint64_t), size))
        return error_memory(error, size, "a search");
    hnsw_walk_lay_out(&s->w, scratch->block, rows, degree, room);
    s->gate.hits.entries = (walk_entry *)(void *)(scratch->block + walk_bytes);
    codes_prepare(&s->prepared, &s->graph->codes, s->query->vector,
                  scratch->block + walk_bytes + hits_bytes);
    return MV_OK;
}

/* The row from which the bottom is walked, found once. */
static bool find_entry(searching *s)
{
    if (!s->has_entry) s->has_entry = descend(s->graph, &s->prepared, &s->w, &s->entry);
    return s->has_entry;
}

/* Go one way, after one that ended so. *met is what it found. False: a link is out of range. */
static bool go(searching *s, mv_strategy strategy, walk_end before, walk_pool **met)
{
    walk_level bottom = hnsw_walk_level_of(s->graph, 0);
    *met = &s->w.pool;
    s->gate.end = WALK_WHOLE;
    s->gate.most = s->plan.is_forced ? 0 : hnsw_plan_most(&s->plan, strategy);
    if (strategy == MV_STRATEGY_CODES) {
        s->w.pool.capacity = pool_of_all(s);
        hnsw_all_search(&s->w, s->query, &s->prepared);
        return true;
    }
    if (!find_entry(s)) return false;
    if (!s->query->pass) {
        s->w.pool.capacity = stop_at(s, s->plan.ef);
        return hnsw_walk_level_from(&s->w, &s->prepared, &bottom, s->entry);
    }
    if (strategy == MV_STRATEGY_BRIDGES) {
        s->w.pool.capacity = stop_at(s, hnsw_plan_bridged_ef(&s->plan, before));
        return hnsw_bridge_search(&s->w, &s->gate, &s->prepared, &bottom, s->entry);
    }
    s->gate.hits.capacity = stop_at(s, s->plan.ef);
    s->w.pool.capacity = hnsw_plan_gated_pool(&s->plan, s->gate.hits.capacity);
    *met = &s->gate.hits;
    return hnsw_walk_gated_from(&s->w, &s->gate, &s->prepared, &bottom, s->entry);
}

mv_err hnsw_search(const hnsw_graph *graph, const index_query *query, topk *hits,
                   index_scratch *scratch, index_account *account, mv_error *error)
{
    searching s = {.graph = graph, .query = query};
    walk_pool *met;
    mv_strategy strategy;
    walk_end before = WALK_WHOLE;
    *account = (index_account){0};
    hnsw_plan_search(&s.plan, graph, query, hits->capacity, &strategy);
    MV_TRY(place(&s, scratch, error));
    s.gate.pass = query->pass;
    s.gate.share = s.plan.share;
    s.gate.usual = s.plan.is_forced ? 0 : s.plan.usual;
    s.gate.reach = graph->head->reach;
    s.gate.ef = query->ef ? 0 : s.plan.ef;
    account->first = strategy;
    for (;;) {
        if (!go(&s, strategy, before, &met))
            return error_set(error, MV_CORRUPT, "a link of the graph is out of range");
        account->found = met->count;
        if (strategy == MV_STRATEGY_CODES || (!s.gate.end && account->found >= s.plan.k)) break;
        before = s.gate.end;
        strategy = hnsw_plan_next(&s.plan, strategy, before);
    }
    account->last = strategy;
    account->counts.code_distances = s.w.scored;
    account->counts.bridged = s.gate.bridged;
    account->counts.exact_distances =
        refine(graph, query, met, strategy == MV_STRATEGY_CODES ? 0 : met->count, hits);
    return MV_OK;
}
