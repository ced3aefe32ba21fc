/* Searching a graph (K-NN-SEARCH, algorithm 5 of arXiv 1603.09320):
 *
 *   1. hnsw_plan_search chooses the strategy to try first.
 *   2. For a walk: descend through the levels to a row near the query, then walk over the bottom
 *      level from there. For a scan: measure the codes of all matching rows.
 *   3. If a walk is abandoned, or finds fewer than k matching rows: hnsw_plan_next, and 2 again.
 *   4. Candidates are scored from their vectors, nearest first, until no other can be a hit. */
#include "index/hnsw_cost.h"
#include "index/hnsw_plan.h"

#define REFINE_ROWS  8u   /* candidates that are scored exactly by one call of a kernel */
#define REFINE_AHEAD 16u  /* candidates whose vectors are prefetched */
#define REFINE_BYTES 512u /* of each vector; the processor prefetches the rest itself */
/* The errors of codes that were measured of the graph count as this many of a search. */
#define REFINE_PRIOR 8.0
/* Candidates are refined up to sqrt(2 ln of this) standard deviations at least: 2.4. */
#define REFINE_COUNT_MIN 20.0
/* Where codes err much, a walk is repeated for this many times the candidates. */
#define MORE_CANDIDATES 4u
/* A scan of codes selects 1.5 × k + this many rows to be scored exactly, and three times as many
 * with int4 codes: 69 and 207 rows for 10 hits. If these are too few, it scans for more. */
#define SCAN_EXTRA_CANDIDATES 54u

/* Make the scratch `size` bytes or more, of which the first `bits_size` are zeros. Walks leave
 * their bits as zeros, but only a search with the same layout has them at the same offset. */
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

/* Find the row where a walk over the bottom level begins. False: a link is out of range. */
static bool descend(const hnsw_graph *graph, const codes_query *query, walk *w, uint32_t *entry)
{
    walk_level levels[HNSW_LEVELS_MAX + 1];
    uint32_t top = graph->head->levels, at;
    for (uint32_t level = 1; level <= top; level++)
        levels[level] = hnsw_walk_level_of(graph, level);
    if (!hnsw_walk_descend(w, query, levels, top, 0, &at)) return false;
    *entry = graph->nodes[at];
    return *entry < graph->head->rows;
}

/* ---------------------------------------------------------------- exact scores */

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

typedef struct refining {
    const hnsw_graph *graph;
    const index_query *query;
    topk *hits;
    uint32_t rows[REFINE_ROWS]; /* to be scored by the next call of a kernel */
    float by_codes[REFINE_ROWS];
    double missed_max;             /* hits that may be missed, on average */
    bool is_again;                 /* rows may be among the hits already */
    uint32_t count;                /* of rows */
    uint32_t scored;               /* rows in all */
    double errors, squared_errors; /* of their distances by codes, summed */
} refining;

static bool is_hit(const refining *r, uint32_t row)
{
    for (uint32_t i = 0; i < r->hits->count; i++)
        if (r->hits->heap[i].row == row && r->hits->heap[i].source == r->query->source) return true;
    return false;
}

static void push(const refining *r, uint32_t row, float distance)
{
    if (!topk_may_take(r->hits, distance) || (r->is_again && is_hit(r, row))) return;
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
    for (uint32_t i = 0; i < r->count; i++) {
        double error = (double)r->by_codes[i] - (double)distances[i];
        r->errors += error;
        r->squared_errors += error * error;
        push(r, r->rows[i], distances[i]);
    }
    r->scored += r->count;
    r->count = 0;
}

/* The least distance that a row may have whose distance by its code is `by_code`, but for rare
 * ones: so many standard deviations of the errors nearer that, of as many such rows as were scored,
 * fewer hits are missed than the recall allows. (One of n normal errors exceeds sqrt(2 ln n)
 * deviations.) The error of the graph was measured with rows as queries; errors grow with the
 * distance, so that those of this search count, too. */
static double least_distance(const refining *r, float by_code)
{
    double bound = (double)r->graph->head->code_bound / 3, count = r->scored + REFINE_PRIOR,
           mean = r->errors / count,
           squares = fmax(r->squared_errors - mean * r->errors, 0) + REFINE_PRIOR * bound * bound,
           deviations = sqrt(2 * log(fmax(count / r->missed_max, REFINE_COUNT_MIN)));
    return (double)by_code - mean - deviations * sqrt(squares / count);
}

/* Prefetch what is read to score candidate `i`. */
static void prefetch_candidate(const hnsw_graph *graph, const index_query *query,
                               const walk_pool *candidates, uint32_t i)
{
    const codes_vectors *vectors = graph->codes.vectors;
    if (i >= candidates->count || graph->codes.quantize == MV_QUANTIZE_NONE) return;
    uint32_t row = candidates->entries[i].at & ~WALK_DONE;
    const uint8_t *vector = vectors->base + row * vectors->stride;
    for (size_t at = 0; at < vectors->stride && at < REFINE_BYTES; at += 64)
        MV_PREFETCH(vector + at);
    if (vectors->inverse_norms) MV_PREFETCH(&vectors->inverse_norms[row]);
    MV_PREFETCH(&query->docids[row]);
}

/* Score candidates from their vectors, nearest by codes first, and push them to `hits`. The first
 * `sorted` candidates are sorted. Ends when the next candidate can hardly be a hit. False: it came
 * to the last one before, and there would have to be more. Without codes the walk has computed
 * exact distances. */
static bool refine(refining *r, walk_pool *candidates, uint32_t sorted)
{
    const index_query *query = r->query;
    topk *hits = r->hits;
    bool is_exact = r->graph->codes.quantize == MV_QUANTIZE_NONE;
    uint32_t taken = 0,
             wanted = query->no_refine ? hits->capacity : larger(hits->capacity, REFINE_ROWS);
    mv_assert(sorted <= candidates->count);
    if (!sorted) sorted = hnsw_scan_sort(candidates, sorted);
    for (uint32_t i = 0; i < REFINE_AHEAD; i++) prefetch_candidate(r->graph, query, candidates, i);
    while (taken < candidates->count) {
        uint32_t ahead = taken + REFINE_AHEAD;
        if (ahead >= sorted && sorted < candidates->count)
            sorted = hnsw_scan_sort(candidates, sorted);
        prefetch_candidate(r->graph, query, candidates, ahead);
        const walk_entry *entry = &candidates->entries[taken++];
        uint32_t row = entry->at & ~WALK_DONE;
        mv_assert(taken == 1 || entry[-1].distance <= entry->distance); /* I16 */
        if (is_exact) {
            push(r, row, entry->distance);
            continue;
        }
        r->rows[r->count] = row;
        r->by_codes[r->count++] = entry->distance;
        if (r->count < REFINE_ROWS && taken != wanted) continue;
        score(r);
        if (taken < wanted || taken == candidates->count) continue;
        if (query->no_refine || least_distance(r, entry[1].distance) > hits->limit) return true;
    }
    if (r->count) score(r);
    if (is_exact || query->no_refine || !taken) return true;
    return least_distance(r, candidates->entries[taken - 1].distance) > hits->limit;
}

/* ---------------------------------------------------------------- strategies */

typedef struct searching {
    const hnsw_graph *graph;
    const index_query *query;
    hnsw_plan plan;
    codes_query prepared;
    walk w;
    walk_gate gate;
    uint32_t pool_max; /* allocated entries of w.pool */
    uint32_t more;     /* candidates that a walk follows at least, because codes err much */
    uint32_t entry;    /* of the bottom level */
    bool has_entry;    /* `entry` was found */
} searching;

/* Set when a walk for `ef` candidates ends. Returns the capacity of its pool. */
static uint32_t set_stop(searching *s, uint32_t ef)
{
    const hnsw_head *head = s->graph->head;
    float reach = hnsw_walk_reach(head->reach, ef);
    uint64_t capacity = hnsw_walk_capacity(ef, reach);
    s->w.patience.rank = 0;
    s->w.stop = (walk_stop){.rank = HNSW_MEASURED_HITS,
                            .least = s->plan.k,
                            .reach = reach,
                            .slack = hnsw_walk_slack(s->graph->codes.quantize, head->code_bound)};
    return capacity < head->rows ? (uint32_t)capacity : head->rows;
}

/* Set the patience of a walk. Returns the capacity of its pool at the beginning. */
static uint32_t set_patience(searching *s)
{
    hnsw_patience_set(&s->w.patience, s->graph->head, s->plan.recall, s->plan.k, s->plan.share);
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++)
        s->w.patience.least[kind] = larger(s->w.patience.least[kind], s->more);
    s->w.stop = (walk_stop){.least = s->plan.k};
    uint32_t capacity = larger(s->w.patience.rank, s->more);
    return capacity < s->pool_max ? capacity : s->pool_max;
}

/* How many rows a scan of codes selects. It measures all matching rows, so it misses hits only by
 * the errors of codes, which are larger for int4. */
static uint32_t scan_capacity(const searching *s)
{
    uint32_t selected = s->plan.k + s->plan.k / 2 + SCAN_EXTRA_CANDIDATES;
    return s->graph->codes.quantize == MV_QUANTIZE_INT4 ? 3 * selected : selected;
}

/* Capacity of the matching rows that a gated walk finds. With codes, several times the number of
 * hits is needed to be refined. */
static uint32_t gated_hits(searching *s)
{
    uint32_t rows = s->graph->head->rows, wanted;
    if (s->plan.recall <= 0) return set_stop(s, s->plan.ef);
    wanted = 4 * patience_rank(s->plan.k, s->plan.share);
    if (wanted > WALK_POOL_MAX) wanted = WALK_POOL_MAX;
    return wanted < rows ? wanted : rows;
}

/* Lay out the memory for every strategy in `scratch`. */
static mv_err lay_out_search(searching *s, index_scratch *scratch, mv_error *error)
{
    uint32_t rows = s->graph->head->rows, degree = 2 * s->graph->head->m, hits = gated_hits(s),
             pool_max = larger(hits, hnsw_scan_entries(scan_capacity(s)));
    if (s->plan.recall > 0) {
        pool_max = larger(pool_max, rows < WALK_POOL_MAX ? rows : WALK_POOL_MAX);
    } else if (s->query->matches) {
        pool_max = larger(pool_max, hnsw_plan_gated_pool(&s->plan, hits));
        pool_max = larger(pool_max, set_stop(s, hnsw_plan_bridged_ef(&s->plan, WALK_FEW_MATCHES)));
    }
    s->pool_max = pool_max;
    size_t walk_bytes = hnsw_walk_size(rows, degree, pool_max), hits_bytes = pool_size(hits),
           query_bytes = codes_query_size(&s->graph->codes),
           size = walk_bytes + hits_bytes + query_bytes;
    if (!reserve_scratch(scratch, (uint64_t)rows << 32 | degree,
                         bits_words(rows) * sizeof(uint64_t), size))
        return error_memory(error, size, "a search");
    hnsw_walk_lay_out(&s->w, scratch->block, rows, degree, pool_max);
    s->gate.hits.entries = (walk_entry *)(void *)(scratch->block + walk_bytes);
    codes_prepare(&s->prepared, &s->graph->codes, s->query->vector,
                  scratch->block + walk_bytes + hits_bytes);
    return MV_OK;
}

/* Find s->entry, once for all walks of the search. False: a link is out of range. */
static bool find_entry(searching *s)
{
    if (!s->has_entry) s->has_entry = descend(s->graph, &s->prepared, &s->w, &s->entry);
    return s->has_entry;
}

/* Scan the codes of all matching rows. Refines what it selects, and scans again for the next ones
 * if the hits are not settled then. */
static void scan_and_refine(searching *s, refining *r, index_report *report)
{
    walk_pool *pool = &s->w.pool;
    float beyond = -INFINITY;
    uint32_t capacity = scan_capacity(s);
    report->found = 0;
    for (;;) {
        pool->capacity = capacity;
        mv_assert(hnsw_scan_entries(capacity) <= s->pool_max);
        hnsw_scan_codes(&s->w, s->query, &s->prepared, beyond);
        report->found += pool->count;
        bool is_settled = refine(r, pool, 0);
        if (is_settled || pool->count < capacity) return;
        beyond = pool->entries[pool->count - 1].distance;
    }
}

/* Walk by one strategy. `before` is how the walk before it ended. *candidates are the matching rows
 * that it found. False: a link is out of range. */
static bool walk_by(searching *s, mv_strategy strategy, walk_end before, walk_pool **candidates)
{
    walk_level bottom = hnsw_walk_level_of(s->graph, 0);
    bool is_patient = s->plan.recall > 0, is_gated = s->query->matches != NULL;
    *candidates = &s->w.pool;
    if (!find_entry(s)) return false;
    s->w.pool_max = s->pool_max;
    s->w.distances_max = 0;
    if (!s->plan.is_forced && (is_gated || is_patient))
        s->w.distances_max = hnsw_plan_distances_max(&s->plan, strategy);
    if (strategy == MV_STRATEGY_BRIDGES && is_gated) {
        uint32_t ef = hnsw_plan_bridged_ef(&s->plan, before);
        s->w.pool.capacity = is_patient ? set_patience(s) : set_stop(s, ef);
        for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) s->w.patience.least[kind] = ef / 2;
        return hnsw_bridge_search(&s->w, &s->gate, &s->prepared, &bottom, s->entry);
    }
    s->w.pool.capacity = is_patient ? set_patience(s) : set_stop(s, s->plan.ef);
    if (!is_gated) return hnsw_walk_level_from(&s->w, &s->prepared, &bottom, s->entry);
    s->gate.hits.capacity = gated_hits(s);
    if (!is_patient) s->w.pool.capacity = hnsw_plan_gated_pool(&s->plan, s->gate.hits.capacity);
    mv_assert(s->w.pool.capacity <= s->pool_max);
    *candidates = &s->gate.hits;
    return hnsw_walk_gated_from(&s->w, &s->gate, &s->prepared, &bottom, s->entry);
}

/* The candidates of a walk, `found` of them, were too few for the errors of codes: walk again for
 * several times as many, or scan. False: neither. */
static bool next_try(searching *s, uint32_t found, mv_strategy *strategy)
{
    s->more = MORE_CANDIDATES * found;
    if (!s->query->matches && s->more <= s->pool_max) return true;
    if (s->plan.is_forced) return false;
    *strategy = MV_STRATEGY_CODES;
    return true;
}

mv_err hnsw_search(const hnsw_graph *graph, const index_query *query, topk *hits,
                   index_scratch *scratch, index_report *report, mv_error *error)
{
    searching s = {.graph = graph, .query = query};
    walk_pool *candidates = NULL;
    mv_strategy strategy;
    mv_assert(query->matching <= graph->head->rows);
    walk_end before = WALK_WHOLE;
    *report = (index_report){0};
    hnsw_plan_search(&s.plan, graph, query, hits->capacity, &strategy);
    MV_TRY(lay_out_search(&s, scratch, error));
    s.gate.matches = query->matches;
    s.gate.share = s.plan.share;
    s.gate.k = s.plan.k;
    s.gate.usual = s.plan.is_forced ? 0 : s.plan.usual;
    double missed = 1 - fmin(s.plan.recall > 0 ? s.plan.recall : MV_RECALL_DEFAULT, 0.999);
    refining r = {
        .graph = graph, .query = query, .hits = hits, .missed_max = missed * hits->capacity};
    report->first = strategy;
    while (strategy != MV_STRATEGY_CODES) {
        if (!walk_by(&s, strategy, before, &candidates)) {
            (void)error_set(error, MV_CORRUPT, "a link of the graph is out of range");
            if (!r.is_again) return MV_CORRUPT;
            report->is_damaged = true; /* hits were pushed: the search is finished without links */
            strategy = MV_STRATEGY_CODES;
            break;
        }
        report->found = candidates->count;
        report->counts.followed += s.w.followed;
        before = s.w.end;
        if (before || report->found < s.plan.k) {
            strategy = hnsw_plan_next(&s.plan, strategy, before);
            continue;
        }
        bool is_settled = refine(&r, candidates, candidates->count);
        if (is_settled || s.plan.recall <= 0 || report->found >= query->matching) break;
        r.is_again = true;
        if (!next_try(&s, report->found, &strategy)) break;
    }
    report->last = strategy;
    if (strategy == MV_STRATEGY_CODES) scan_and_refine(&s, &r, report);
    report->counts.exact_distances = r.scored;
    report->counts.code_distances = s.w.distances_count;
    report->counts.bridged = s.gate.bridged;
    return MV_OK;
}
