/* Walking a level of a graph: best-first search from an entry, with a bounded pool of candidates
 * (SEARCH-LAYER, algorithm 2 of arXiv 1603.09320). Both searching and building use it. */
#ifndef MV_HNSW_WALK_H
#define MV_HNSW_WALK_H

#include "base/bits.h"
#include "index/hnsw.h"
#include "index/hnsw_patience.h"

#define WALK_WIDTH 2u /* candidates whose links are followed together */
/* A walk over bridges begins from this many rows, spread over the matching rows. They are enough
 * that one is near the query if the matching rows lie in a few clusters, and few compared with the
 * hundreds of candidates of a walk. */
#define BRIDGE_SEEDS      16u
#define HNSW_FACTOR_STEPS 13u /* factors of patience that are tried when a graph is measured */
#define HNSW_LEAST_STEPS  6u  /* and least numbers of candidates */
/* A walk that has followed this many candidates is expected to follow as many as others do for
 * queries of its kind. Each one more costs a far query about 1 us, but with fewer the kind is less
 * sure: of 200 rows of 100 dims with noise, 41 were taken for far ones with 16, 26 with 32, and 13
 * with 64. */
#define WALK_USUAL_FROM   32u
#define WALK_DONE         0x80000000u /* in walk_entry.at: its links have been followed */

/* One level: `degree` links for each position. Unused links are HNSW_NONE, and come last. */
typedef struct walk_level {
    const uint32_t *links;
    uint32_t degree;
    uint32_t count;       /* of positions */
    const uint32_t *rows; /* the row at each position; NULL: positions are rows */
} walk_level;

/* When a walk ends before the links of all candidates have been followed: when the next candidate
 * is farther than the one at `rank` by more than `reach` times the distance of that one, and
 * farther than the one at `least`. So easy queries do not fill a pool as large as hard ones need.
 * At recall 0.95 | 0.99 this gave 38 | 48 % more queries a second on heavy-tailed vectors of 100
 * dims, 18 | 28 % on histograms of 128 dims, 19 | 43 % on embeddings of 768 dims. The 99th
 * percentile of the times stayed and the median fell, so their ratio grew.
 *
 * Al-Jazzazi et al., Distance adaptive beam search, arXiv 2505.15636. */
typedef struct walk_stop {
    uint32_t rank; /* from 1; 0: the walk never ends early */
    uint32_t least;
    float reach;
    float slack; /* added to that limit: distances may be wrong by this much */
} walk_stop;

/* The values of ef for which `reach` is measured: the median, over walks, of how much larger the
 * ef-th distance is than the 10th, relative to the 10th. */
extern const uint32_t walk_ef_steps[HNSW_EF_STEPS];
/* The reach of any ef, interpolated between the measured ones; infinite beyond them. */
float hnsw_walk_reach(const float reach[HNSW_EF_STEPS], uint64_t ef);
/* Capacity of a walk for `ef` candidates. A walk that may end early has half as many again: half of
 * the walks end before ef candidates, the others may go on beyond. */
static inline uint64_t hnsw_walk_capacity(uint64_t ef, float reach)
{
    return isfinite(reach) ? ef + ef / 2 : ef;
}

/* The slack of walks by the codes of a graph, whose distances seldom differ by more than its
 * code_bound from the true ones. With the whole bound of int4 codes few walks would end early, and
 * queries a second were 10 % lower at the same recall. Without slack they were 5 % higher, but the
 * slowest queries slower.
 */
static inline float hnsw_walk_slack(const hnsw_graph *graph)
{
    float bound = graph->head->code_bound;
    return graph->codes.quantize == MV_QUANTIZE_INT4 ? bound / 3 : bound;
}

/* Why a walk ended. An abandoned walk leaves the search to another strategy. */
typedef enum walk_end {
    WALK_WHOLE = 0,
    WALK_FEW_MATCHES, /* abandoned: far fewer rows match here than elsewhere. The matching rows that
                       * were met lie at the border of all matching rows, and their distances say
                       * little about how near others are */
    WALK_TOO_COSTLY,  /* abandoned: it would take longer than another strategy */
} walk_end;

#define TRACE_TIME_MAX (UINT16_MAX - 1)

/* What a walk met when, and when it would have ended with other patience, for measuring. Times are
 * numbers of candidates followed. */
typedef struct walk_trace {
    const codes_query *query;           /* by which `bound` is a distance */
    float bound;                        /* rows that are no farther are wanted */
    uint32_t wanted;                    /* how many of these; more are equally far */
    uint32_t met;                       /* of them */
    uint16_t apart_since;               /* when the query was seen to lie apart (patience_kind);
                                         * UINT16_MAX: it is not */
    uint16_t times[HNSW_MEASURED_HITS]; /* when each of these was met */
    uint16_t ends[HNSW_LEAST_STEPS][HNSW_FACTOR_STEPS]; /* with each least number of candidates and
                                                         * factor; UINT16_MAX: it went on */
    uint32_t ended[HNSW_LEAST_STEPS];                   /* how many of the factors have ended it */
} walk_trace;

/* The factors that are tried, ascending, and the least numbers of candidates. */
extern const float hnsw_tried_factors[HNSW_FACTOR_STEPS];
extern const uint32_t hnsw_tried_least[HNSW_LEAST_STEPS];

/* The memory of a walk, all lent. Between walks no bit of `visited` is set. A walk visits
 * positions, and computes distances to their rows. */
typedef struct walk {
    walk_pool pool;
    uint32_t pool_max; /* allocated entries of `pool`. A patient walk grows to them as it goes on */
    walk_stop stop;
    walk_patience patience;
    walk_trace *trace;      /* NULL: none */
    uint64_t distances_max; /* that take as long as the best other strategy; 0: never abandon it */
    walk_end end;
    uint32_t followed;         /* candidates whose links were followed, since the walk began */
    uint64_t distances_before; /* distances_count when it began */
    uint64_t *visited;         /* bits, one for each position */
    uint32_t *seen;            /* positions whose bits are set, up to seen_capacity */
    uint32_t seen_capacity;
    uint32_t *rows;           /* of the links that are followed now */
    float *distances;         /* to these rows */
    uint64_t distances_count; /* distances computed in all walks with this memory */
} walk;

/* A gated walk searches for rows that match a filter. Every row is a candidate, and the matching
 * rows are kept in a pool of their own (hits), whose distances tell when to end. How much longer
 * that takes than a walk without a filter depends on how many rows match near the query. This shows
 * only during the walk: it counts the matching rows it meets, and is abandoned when they are too
 * few or when another strategy would have been faster. */
typedef struct walk_gate {
    const uint64_t *matches; /* bit set: the row matches */
    double share;            /* of all rows: those that match */
    uint64_t usual; /* distances a walk computes where all rows match; 0: never abandon it */
    uint32_t k;     /* hits wanted */
    walk_pool hits;
    uint64_t matches_met; /* distances computed to matching rows */
    uint64_t bridged;     /* rows whose links were followed without computing their distance */
    uint64_t next_check;
} walk_gate;

/* A walk over a level, as far as it has come. */
typedef struct walk_course {
    walk *w;
    const codes_query *query;
    const walk_level *level;
    uint32_t *fresh;      /* positions to be measured, in w->seen */
    const uint32_t *rows; /* their rows */
    uint32_t found;       /* how many these are */
    uint32_t seen;        /* positions in w->seen */
    uint32_t now;         /* the first candidate in the pool that was not followed */
    float limit;          /* distance of the farthest useful candidate */
    bool overflow;        /* w->seen does not have all positions whose bits are set */
    bool in_range;        /* all links and rows were so far */
    bool has_followed;    /* the next step measures */
} walk_course;

/* Bytes of the memory of a walk over levels of at most `positions` and `degree`, with pools of at
 * most `capacity`: of the bits, and of all else. */
size_t hnsw_walk_bits_size(uint32_t positions);
size_t hnsw_walk_size(uint32_t positions, uint32_t degree, uint32_t capacity);
/* Lay out a walk. `bits` are all zeros, or were those of a walk before. */
void hnsw_walk_lay_out(walk *w, void *bits, void *memory, uint32_t positions, uint32_t degree,
                       uint32_t capacity);

/* Make `at` the only entry of the next walk. False: it, or its row, is out of range. */
bool hnsw_walk_enter(walk *w, const codes_query *query, const walk_level *level, uint32_t at);
/* The entries of a walk over the bottom level, by rows, of what a walk over level 1 has found. */
void hnsw_walk_enter_bottom(walk *w, const uint32_t *nodes);
/* Walk over a level. The entries of the pool, one or more, are where it begins; then the pool has
 * the nearest positions found, whose WALK_DONE bits may be set. False: a link, or the row of a
 * position, is out of range. */
bool hnsw_walk_over(walk *w, const codes_query *query, const walk_level *level);

/* The same by steps, so that several walks can take turns: a step prefetches what the next one
 * of the same walk reads, and the others' steps give that time to arrive. A step that returns false
 * was the last. After a beginning that returns true, the end is to be called; each returns false
 * where a link or a row is out of range. */
bool hnsw_walk_course_begin(walk_course *c, walk *w, const codes_query *query,
                            const walk_level *level);
bool hnsw_walk_course_step(walk_course *c);
bool hnsw_walk_course_end(const walk_course *c);

/* The same for matching rows, which go to gate->hits. At the bottom level. */
bool hnsw_walk_over_gated(walk *w, walk_gate *gate, const codes_query *query,
                          const walk_level *level);
/* The same with matching rows as the only candidates (hnsw_bridge.c), from one entry, which need
 * not match. */
bool hnsw_bridge_search(walk *w, walk_gate *gate, const codes_query *query, const walk_level *level,
                        uint32_t entry);
/* Scan the codes of all matching rows (hnsw_scan.c). Fills the pool with the nearest of those whose
 * distance is more than `beyond`, in no order. The pool must have hnsw_scan_entries(its capacity)
 * entries. hnsw_scan_sort sorts further entries after the first `sorted`, and returns how many are
 * sorted then. */
uint32_t hnsw_scan_entries(uint32_t capacity);
/* The largest capacity of a pool with this number of entries. */
uint32_t hnsw_scan_capacity_max(uint32_t entries);
void hnsw_scan_codes(walk *w, const index_query *request, const codes_query *query, float beyond);
uint32_t hnsw_scan_sort(walk_pool *pool, uint32_t sorted);

/* How many nodes a descent to `bottom` finds in a level: `width` in the last two, one in those
 * above. With one in level 2 as well, a descent sometimes ended in a cluster that has none of the
 * hits, and the walk over the bottom did not come out of it. */
static inline uint32_t hnsw_walk_descent_width(uint32_t level, uint32_t bottom, uint32_t width)
{
    return level <= bottom + 2 ? width : 1;
}
/* Descend from the first node of level `top`, by the nearest nodes found in each of the levels from
 * `top` to `bottom` + 1. The nearest `width` that are found in the last of them become the entries
 * of a walk over `bottom`. `nodes` has the row of each node. False: a link is out of range. */
bool hnsw_walk_descend(walk *w, const codes_query *query, const walk_level *levels, uint32_t top,
                       uint32_t bottom, const uint32_t *nodes, uint32_t width);

/* ---- shared by the walks (hnsw_walk.c, hnsw_bridge.c) */

/* Prepare the counts of a walk that begins. */
static inline void hnsw_walk_begin(walk *w)
{
    w->end = WALK_WHOLE;
    w->followed = 0;
    w->distances_before = w->distances_count;
    if (w->patience.rank) patience_begin(&w->patience);
}

static inline uint64_t hnsw_walk_distances(const walk *w)
{
    return w->distances_count - w->distances_before;
}

/* About how many distances more the walk will compute until it has followed `due` candidates. It is
 * too low, since the walk may find more that makes it go on. */
static inline double hnsw_walk_left(const walk *w, uint32_t due)
{
    double each = (double)hnsw_walk_distances(w) / (w->followed + 1);
    return each * ((double)due - w->followed);
}

/* Would another strategy take less time than the rest of the walk, which is to follow `due`
 * candidates by what it has found so far? */
static inline bool hnsw_walk_is_too_costly(const walk *w, patience_kind kind, uint32_t due)
{
    const walk_patience *p = &w->patience;
    uint32_t usual = p->usual[kind];
    if (!w->distances_max || w->followed < (usual ? WALK_USUAL_FROM : p->least[PATIENCE_FAR]))
        return false;
    if (due < usual) due = usual;
    if (due <= w->followed) /* it goes on because it has found too few matching rows */
        return hnsw_walk_distances(w) > w->distances_max;
    return hnsw_walk_left(w, due) > (double)w->distances_max;
}

/* By its patience: is the walk to end now, with `found` matching rows? Abandons it if it would take
 * too long. If it goes on, the pool is made large enough for the candidates to be followed. */
static inline bool hnsw_walk_has_seen_enough(walk *w, uint32_t found)
{
    patience_kind kind = patience_kind_of(&w->patience, &w->pool);
    uint32_t due = patience_due(&w->patience, kind);
    if (w->followed >= due && found >= w->stop.least) return true;
    if (hnsw_walk_is_too_costly(w, kind, due)) {
        w->end = WALK_TOO_COSTLY;
        return true;
    }
    if (due < w->followed) due = w->followed; /* too few matching rows were found */
    uint32_t wanted = due < w->pool_max / 2 ? due + due / 4 : w->pool_max;
    if (wanted > w->pool.capacity) pool_grow(&w->pool, wanted);
    return false;
}

static MV_ALWAYS_INLINE void hnsw_walk_prefetch_links(const walk_level *level, uint32_t at)
{
    const uint32_t *links = level->links + (size_t)at * level->degree;
    for (uint32_t i = 0; i < level->degree; i += 16) MV_PREFETCH(links + i);
}

/* Clear the bits of the `seen` positions; all bits, if `seen` could not hold them all. */
static inline void hnsw_walk_clear_visited(walk *w, const walk_level *level, uint32_t seen,
                                           bool overflow)
{
    if (overflow) {
        memset(w->visited, 0, bits_words(level->count) * sizeof *w->visited);
        return;
    }
    for (uint32_t i = 0; i < seen; i++) w->visited[w->seen[i] / 64] = 0;
}

/* The largest distance of a useful candidate: by the rule of walk_stop, and at most that of the
 * last entry of a full pool. It may be NaN where infinities meet; then no candidate is too far. */
static inline float hnsw_walk_limit(const walk_stop *stop, const walk_pool *pool)
{
    float worst =
        pool->count == pool->capacity ? pool->entries[pool->count - 1].distance : INFINITY;
    if (!stop->rank || pool->count < stop->rank || pool->count < stop->least) return worst;
    mv_assert(stop->least > 0);
    float distance = pool->entries[stop->rank - 1].distance,
          least = pool->entries[stop->least - 1].distance,
          limit = distance + stop->reach * fabsf(distance) + stop->slack;
    if (limit < least) limit = least;
    return limit > worst ? worst : limit;
}

/* A breadth-first traversal of a level. A position in the queue is marked. The queue can hold the
 * whole level. */
typedef struct walk_traversal {
    uint64_t *marks;
    uint32_t *queue;
    uint32_t next; /* index in the queue: its links are followed next */
    uint32_t count;
} walk_traversal;

/* Begin at position `at`. Clears the marks. */
void hnsw_walk_traversal_begin(walk_traversal *s, const walk_level *level, uint32_t at);
/* Follow the links of at most `most` more positions. Links must be in range. */
void hnsw_walk_traversal_step(walk_traversal *s, const walk_level *level, uint32_t most);

/* Level `level` of a finished graph. */
static inline walk_level hnsw_walk_level_of(const hnsw_graph *graph, uint32_t level)
{
    if (!level) return (walk_level){graph->links, 2 * graph->head->m, graph->head->rows, NULL};
    return (walk_level){graph->uplinks[level - 1], graph->head->m, graph->nodes_count[level - 1],
                        graph->nodes};
}

#endif
