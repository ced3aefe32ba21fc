/* Searching a graph (K-NN-SEARCH, algorithm 5 of arXiv 1603.09320):
 *
 *   1. hnsw_plan_search chooses the strategy to try first.
 *   2. For a walk: descend through the levels to a row near the query, then walk over the bottom
 *      level from there. For a scan: measure the codes of all matching rows.
 *   3. If a walk is abandoned, or finds fewer than k matching rows: hnsw_plan_next, and 2 again.
 *   4. Candidates are scored from their vectors, nearest first, until no other can be a hit. If
 * they come to an end before, and the query declares a recall: walk for more candidates, or scan,
 *      and 4 again. */
#include "index/hnsw_cost.h"
#include "index/hnsw_plan.h"

#define REFINE_ROWS  8u   /* candidates that are scored exactly by one call of a kernel */
#define REFINE_AHEAD 16u  /* candidates whose vectors are prefetched */
#define REFINE_BYTES 512u /* of each vector; the processor prefetches the rest itself */
/* The errors of codes that were measured of the graph count as this many of a search. */
#define REFINE_PRIOR 8.0
/* Candidates are refined up to sqrt(2 ln of this) standard deviations at least: 2.4. */
#define REFINE_COUNT_MIN 20.0
/* Where codes err much, a walk is repeated for this many times the candidates. Codes are
 * scanned at most SCANS_MAX times. */
#define MORE_CANDIDATES 4u
#define SCANS_MAX       4u
/* A scan of codes selects 1.5 × k + this many rows to be scored exactly, and three times as many
 * with int4 codes: 69 and 207 rows for 10 hits. If these are too few, it scans for more. */
#define SCAN_EXTRA_CANDIDATES 54u

/* Searches that take turns in a thread. 2 to 6 gave the same speed within the noise, 8 and more
 * were slower: what they prefetch is no longer in the first-level cache when it is read. */
#define SEARCHES_IN_TURN 4u

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

/* Find the entries of a walk over the bottom level. False: a link is out of range. */
static bool descend(const hnsw_graph *graph, const codes_query *query, walk *w, uint32_t width)
{
    walk_level levels[HNSW_LEVELS_MAX + 1];
    uint32_t top = graph->head->levels;
    for (uint32_t level = 1; level <= top; level++)
        levels[level] = hnsw_walk_level_of(graph, level);
    return hnsw_walk_descend(w, query, levels, top, 0, graph->nodes, width);
}

/* ---------------------------------------------------------------- exact scores */

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

typedef struct refining {
    const hnsw_graph *graph;
    const index_query *query;
    const distance_query *exact;
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
                                    .docid = r->query->docids ? r->query->docids[row] : row});
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
    distance_to_list(r->exact, list, vectors->inverse_norms ? norms : NULL, r->count, distances);
    for (uint32_t i = 0; i < r->count; i++) {
        double error = (double)r->by_codes[i] - (double)distances[i];
        if (isfinite(error)) {
            r->errors += error;
            r->squared_errors += error * error;
        }
        push(r, r->rows[i], distances[i]);
    }
    r->scored += r->count;
    r->count = 0;
}

/* The least distance that a row may have whose distance by its code is `by_code`, but for rare
 * ones: it is nearer by a number of standard deviations of the errors, chosen so that, of as many
 * such rows as were scored, fewer hits are missed than the recall allows. (One of n normal errors
 * exceeds sqrt(2 ln n) deviations.) The error of the graph was measured with rows as queries;
 * errors grow with the distance, so that those of this search count, too. */
static double least_distance(const refining *r, float by_code)
{
    double bound = (double)r->graph->head->code_bound / 3, count = r->scored + REFINE_PRIOR,
           mean = r->errors / count,
           squares = fmax(r->squared_errors - mean * r->errors, 0) + REFINE_PRIOR * bound * bound,
           deviations = sqrt(2 * log(fmax(count / r->missed_max, REFINE_COUNT_MIN)));
    return (double)by_code - mean - deviations * sqrt(squares / count);
}

/* Prefetch what is read to score candidate `i`. */
static MV_ALWAYS_INLINE void prefetch_candidate(const hnsw_graph *graph, const index_query *query,
                                                const walk_pool *candidates, uint32_t i)
{
    const codes_vectors *vectors = graph->codes.vectors;
    if (i >= candidates->count || graph->codes.quantize == MV_QUANTIZE_NONE) return;
    uint32_t row = candidates->entries[i].at & ~WALK_DONE;
    const uint8_t *vector = vectors->base + row * vectors->stride;
    for (size_t at = 0; at < vectors->stride && at < REFINE_BYTES; at += 64)
        MV_PREFETCH(vector + at);
    if (vectors->inverse_norms) MV_PREFETCH(&vectors->inverse_norms[row]);
    if (query->docids) MV_PREFETCH(&query->docids[row]);
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

/* A search for one vector. */
typedef struct searching {
    const hnsw_graph *graph;
    const index_query *query;
    hnsw_plan plan;
    uint32_t at;        /* position of the vector in the query */
    void *query_memory; /* of `prepared` */
    codes_query prepared;
    float farthest; /* of k hits that were found in other segments; infinite: they are fewer */
    walk w;
    walk_gate gate;
    bool has_entries;      /* the pool has entries of the bottom level, or rows of a walk over it */
    uint32_t more;         /* candidates that a walk follows at least, because codes err much */
    walk_pool *candidates; /* found by the last walk: matching rows */
    refining refined;
    index_report report;
    /* Of a search that takes turns with others. */
    uint32_t level_at; /* the level of the walk */
    walk_level level;
    walk_course course;
    bool has_walked; /* over the bottom level */
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
                            .slack = hnsw_walk_slack(s->graph)};
    return capacity < head->rows ? (uint32_t)capacity : head->rows;
}

/* From how many entries a walk over the bottom level begins. */
static uint32_t entries_wanted(const searching *s)
{
    uint32_t entries = s->plan.recall > 0 ? hnsw_patience_entries(s->graph->head) : 1;
    return entries < s->w.pool_max ? entries : s->w.pool_max;
}

/* Set the patience of a walk. Returns the capacity of its pool at the beginning. */
static uint32_t set_patience(searching *s)
{
    walk_patience *p = &s->w.patience;
    hnsw_patience_set(p, s->graph->head, s->plan.recall, s->plan.k, s->plan.share);
    patience_set_bound(p, s->farthest, hnsw_walk_slack(s->graph));
    p->usual[PATIENCE_NEAR] = p->usual[PATIENCE_APART] = 0;
    p->usual[PATIENCE_FAR] = hnsw_plan_usual_beyond(&s->plan, PATIENCE_FAR);
    p->usual[PATIENCE_OUTER] = hnsw_plan_usual_beyond(&s->plan, PATIENCE_OUTER);
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++)
        p->least[kind] = larger(p->least[kind], s->more);
    s->w.stop = (walk_stop){.least = s->plan.k};
    uint32_t capacity = larger(patience_capacity(p, entries_wanted(s)), s->more);
    return capacity < s->w.pool_max ? capacity : s->w.pool_max;
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

/* Lay out the memory of `count` searches, for every strategy, in `scratch`. They differ by the
 * vector alone. The bits of all walks come first: where these are depends on the graph and `count`
 * only. */
static mv_err lay_out_searches(searching *s, uint32_t count, index_scratch *scratch,
                               mv_error *error)
{
    uint32_t rows = s->graph->head->rows, degree = 2 * s->graph->head->m, hits = gated_hits(s),
             pool_max = larger(hits, hnsw_scan_entries(scan_capacity(s)));
    if (s->plan.recall > 0) {
        pool_max = larger(pool_max, rows < WALK_POOL_MAX ? rows : WALK_POOL_MAX);
    } else if (s->query->matches) {
        pool_max = larger(pool_max, hnsw_plan_gated_pool(&s->plan, hits));
        pool_max = larger(pool_max, set_stop(s, hnsw_plan_bridged_ef(&s->plan, WALK_FEW_MATCHES)));
    }
    size_t bits_bytes = hnsw_walk_bits_size(rows),
           walk_bytes = hnsw_walk_size(rows, degree, pool_max), hits_bytes = pool_size(hits),
           other_bytes = walk_bytes + hits_bytes + codes_query_size(&s->graph->codes),
           size = count * (bits_bytes + other_bytes);
    if (!reserve_scratch(scratch, (uint64_t)rows << 32 | degree << 16 | count, count * bits_bytes,
                         size))
        return error_memory(error, size, "a search");
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *bits = scratch->block + i * bits_bytes,
                *other = scratch->block + count * bits_bytes + i * other_bytes;
        s[i] = s[0];
        hnsw_walk_lay_out(&s[i].w, bits, other, rows, degree, pool_max);
        s[i].gate.hits.entries = (walk_entry *)(void *)(other + walk_bytes);
        s[i].query_memory = other + walk_bytes + hits_bytes;
    }
    return MV_OK;
}

/* Find where a walk over the bottom level begins. A second walk begins from the nearest rows that
 * the one before met. False: a link is out of range. */
static bool find_entries(searching *s)
{
    uint32_t wanted = entries_wanted(s);
    if (!s->has_entries) s->has_entries = descend(s->graph, &s->prepared, &s->w, wanted);
    if (s->w.pool.count > wanted) s->w.pool.count = wanted;
    return s->has_entries;
}

/* Scan the codes of all matching rows. Refines what it selects, and scans again for the next ones
 * if the hits are not settled then. Of rows whose codes are equally far, some may be left out. */
static void scan_and_refine(searching *s)
{
    walk_pool *pool = &s->w.pool;
    float beyond = -INFINITY;
    uint32_t capacity = scan_capacity(s), capacity_max = hnsw_scan_capacity_max(s->w.pool_max);
    s->report.found = 0;
    for (uint32_t scans = 0; scans < SCANS_MAX; scans++) {
        pool->capacity = capacity;
        mv_assert(hnsw_scan_entries(capacity) <= s->w.pool_max);
        hnsw_scan_codes(&s->w, s->query, &s->prepared, beyond);
        s->report.found += pool->count;
        bool is_settled = refine(&s->refined, pool, 0);
        if (is_settled || pool->count < capacity) return;
        beyond = pool->entries[pool->count - 1].distance;
        capacity = MORE_CANDIDATES * capacity < capacity_max ? MORE_CANDIDATES * capacity
                                                             : larger(capacity, capacity_max);
    }
}

/* Prepare a walk over the bottom level without a gate, or over bridges. */
static void prepare_walk(searching *s, mv_strategy strategy, uint32_t ef)
{
    bool is_patient = s->plan.recall > 0, is_gated = s->query->matches != NULL;
    s->candidates = &s->w.pool;
    s->w.distances_max = 0;
    if (!s->plan.is_forced && (is_gated || is_patient))
        s->w.distances_max = hnsw_plan_distances_max(&s->plan, strategy);
    s->w.pool.capacity = is_patient ? set_patience(s) : set_stop(s, ef);
}

/* Walk by one strategy. `before` is how the walk before it ended. False: a link is out of range. */
static bool walk_by(searching *s, mv_strategy strategy, walk_end before)
{
    walk_level bottom = hnsw_walk_level_of(s->graph, 0);
    bool is_gated = s->query->matches != NULL;
    if (!find_entries(s)) return false;
    if (strategy == MV_STRATEGY_BRIDGES && is_gated) {
        uint32_t ef = hnsw_plan_bridged_ef(&s->plan, before);
        prepare_walk(s, strategy, ef);
        for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) s->w.patience.least[kind] = ef / 2;
        memset(s->w.patience.usual, 0, sizeof s->w.patience.usual);
        return hnsw_bridge_search(&s->w, &s->gate, &s->prepared, &bottom,
                                  s->w.pool.entries[0].at & ~WALK_DONE);
    }
    prepare_walk(s, strategy, s->plan.ef);
    if (!is_gated) return hnsw_walk_over(&s->w, &s->prepared, &bottom);
    s->gate.hits.capacity = gated_hits(s);
    if (s->plan.recall <= 0)
        s->w.pool.capacity = hnsw_plan_gated_pool(&s->plan, s->gate.hits.capacity);
    mv_assert(s->w.pool.capacity <= s->w.pool_max);
    s->candidates = &s->gate.hits;
    return hnsw_walk_over_gated(&s->w, &s->gate, &s->prepared, &bottom);
}

/* The candidates of a walk, `found` of them, were too few for the errors of codes: walk again for
 * several times as many, or scan. False: neither. */
static bool next_try(searching *s, uint32_t found, mv_strategy *strategy)
{
    bool found_more = found >= s->more; /* else it followed all that links lead to */
    s->more = MORE_CANDIDATES * found;
    if (found_more && !s->query->matches && s->more <= s->w.pool_max) return true;
    if (s->plan.is_forced) return false;
    *strategy = MV_STRATEGY_CODES;
    return true;
}

/* Begin the search for vector `at`. */
static void begin_search(searching *s, uint32_t at, topk *hits)
{
    double recall = s->plan.recall > 0 ? s->plan.recall : MV_RECALL_DEFAULT;
    s->at = at;
    s->has_entries = false;
    s->more = 0;
    s->farthest = hits[at].count == hits[at].capacity ? hits[at].limit : INFINITY;
    s->refined = (refining){.graph = s->graph,
                            .query = s->query,
                            .exact = &s->query->exact[at],
                            .hits = &hits[at],
                            .missed_max = (1 - fmin(recall, 0.999)) * hits->capacity};
    s->w.distances_count = 0;
    s->gate.bridged = 0;
    s->report = (index_report){0};
    codes_prepare(&s->prepared, &s->graph->codes,
                  (const uint8_t *)s->query->vectors + at * s->query->vector_size, s->query_memory);
}

/* Go on after the walk by `strategy`: push its hits, and walk again or scan while they are too few
 * or not settled. False: a link is out of range, and no hit was pushed. */
static bool end_search(searching *s, mv_strategy strategy)
{
    while (strategy != MV_STRATEGY_CODES) {
        walk_end before = s->w.end;
        s->report.found = s->candidates->count;
        s->report.counts.followed += s->w.followed;
        if (before || s->report.found < s->plan.k) {
            strategy = hnsw_plan_next(&s->plan, strategy, before);
        } else {
            bool is_settled = refine(&s->refined, s->candidates, s->candidates->count);
            if (is_settled || s->plan.recall <= 0 || s->report.found >= s->query->matching) break;
            s->refined.is_again = true;
            if (!next_try(s, s->report.found, &strategy)) break;
        }
        if (strategy == MV_STRATEGY_CODES || walk_by(s, strategy, before)) continue;
        if (!s->refined.is_again) return false;
        s->report.is_damaged = true; /* hits were pushed: the search is finished without links */
        strategy = MV_STRATEGY_CODES;
    }
    s->report.last = strategy;
    if (strategy == MV_STRATEGY_CODES) scan_and_refine(s);
    s->report.counts.exact_distances = s->refined.scored;
    s->report.counts.code_distances = s->w.distances_count;
    s->report.counts.bridged = s->gate.bridged;
    return true;
}

/* Add what a search did to the report of all. */
static void report_search(const searching *s, mv_strategy first, index_report *report)
{
    if (report->searched) report->searched[s->at] = true;
    report->is_damaged |= s->report.is_damaged;
    index_add_counts(&report->counts, &s->report.counts);
    if (s->at < s->query->count - 1) return;
    report->first = first;
    report->last = s->report.last;
    report->found = s->report.found;
}

static bool search_single(searching *s, uint32_t at, topk *hits, mv_strategy first,
                          index_report *report)
{
    begin_search(s, at, hits);
    if (first != MV_STRATEGY_CODES && !walk_by(s, first, WALK_WHOLE)) return false;
    if (!end_search(s, first)) return false;
    report_search(s, first, report);
    return true;
}

/* ---------------------------------------------------------------- searches in turn */

/* A walk over a graph that is larger than the cache waits for memory: for links, for codes, and for
 * the vectors of its candidates. Where a query has several vectors, several searches take turns in
 * one thread, and each prefetches what its next turn reads. A search that has ended makes room for
 * the next one. On 200,000 rows of 128 dims this gave 1.2 times the queries a second, on 100,000
 * rows of 768 dims 1.15 times: a walk alone prefetches, too, and most of its time is spent on the
 * pool. Prefetching the codes of one walk row by row, while another inserts its rows, gave no more.
 */

/* Begin the walk over a level, from the entries in the pool. */
static bool begin_course(searching *s, uint32_t level)
{
    s->level_at = level;
    s->level = hnsw_walk_level_of(s->graph, level);
    if (level) {
        s->w.pool.capacity = hnsw_walk_descent_width(level, 0, entries_wanted(s));
        s->w.stop = (walk_stop){0};
        s->w.patience.rank = 0;
    } else {
        s->has_entries = true;
        prepare_walk(s, MV_STRATEGY_GRAPH, s->plan.ef);
    }
    return hnsw_walk_course_begin(&s->course, &s->w, &s->prepared, &s->level);
}

/* End the walk over a level, and go on in the next one. */
static bool end_course(searching *s)
{
    if (!hnsw_walk_course_end(&s->course)) return false;
    s->has_walked = !s->level_at;
    if (s->level_at == 1) hnsw_walk_enter_bottom(&s->w, s->graph->nodes);
    if (!s->has_walked) return begin_course(s, s->level_at - 1);
    for (uint32_t i = 0; i < REFINE_AHEAD; i++)
        prefetch_candidate(s->graph, s->query, s->candidates, i);
    return true;
}

static bool begin_turns(searching *s, uint32_t at, topk *hits)
{
    begin_search(s, at, hits);
    uint32_t top = s->graph->head->levels;
    walk_level level = hnsw_walk_level_of(s->graph, top);
    s->has_walked = false;
    return hnsw_walk_enter(&s->w, &s->prepared, &level, 0) && begin_course(s, top);
}

/* *more is false when the search has ended. False: a link is out of range. */
static bool take_turn(searching *s, bool *more)
{
    *more = !s->has_walked;
    if (s->has_walked) return end_search(s, MV_STRATEGY_GRAPH);
    return hnsw_walk_course_step(&s->course) || end_course(s);
}

/* Search for all vectors by walks over the graph, `width` at a time. */
static bool search_in_turn(searching *searches, uint32_t width, topk *hits, index_report *report)
{
    searching *active[SEARCHES_IN_TURN];
    uint32_t next = 0, count = searches->query->count;
    bool in_range = true;
    for (uint32_t i = 0; i < width && in_range; i++) {
        active[i] = &searches[i];
        in_range = begin_turns(active[i], next++, hits);
        if (!in_range) width = i;
    }
    while (width) {
        for (uint32_t i = width; i-- > 0;) {
            bool more, is_right = take_turn(active[i], &more);
            if (is_right && more) continue;
            if (is_right) report_search(active[i], MV_STRATEGY_GRAPH, report);
            bool goes_on = is_right && in_range && next < count;
            if (goes_on) is_right = goes_on = begin_turns(active[i], next++, hits);
            in_range &= is_right;
            if (!goes_on) active[i] = active[--width];
        }
    }
    return in_range;
}

mv_err hnsw_search(const hnsw_graph *graph, const index_query *query, topk *hits,
                   index_scratch *scratch, index_report *report, mv_error *error)
{
    searching s[SEARCHES_IN_TURN];
    uint32_t width = 1;
    mv_strategy first;
    bool in_range = true;
    mv_assert(query->count > 0);
    mv_assert(query->matching <= graph->head->rows);
    *report = (index_report){.searched = report->searched};
    s[0] = (searching){.graph = graph, .query = query};
    hnsw_plan_search(&s->plan, graph, query, hits->capacity, &first);
    if (first == MV_STRATEGY_GRAPH && !query->matches)
        width = query->count < SEARCHES_IN_TURN ? query->count : SEARCHES_IN_TURN;
    s->gate.matches = query->matches;
    s->gate.share = s->plan.share;
    s->gate.k = s->plan.k;
    s->gate.usual = s->plan.is_forced ? 0 : s->plan.usual;
    MV_TRY(lay_out_searches(s, width, scratch, error));
    if (width > 1)
        in_range = search_in_turn(s, width, hits, report);
    else
        for (uint32_t i = 0; i < query->count && in_range; i++)
            in_range = search_single(s, i, hits, first, report);
    if (in_range && !report->is_damaged) return MV_OK;
    (void)error_set(error, MV_CORRUPT, "a link of the graph is out of range");
    return in_range ? MV_OK : MV_CORRUPT;
}
