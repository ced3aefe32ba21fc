/* Walking a level of a graph: best-first from an entry, with a bounded pool of candidates. What
 * searching and building have in common. */
#ifndef MV_HNSW_WALK_H
#define MV_HNSW_WALK_H

#include "base/bits.h"
#include "index/hnsw.h"
#include "index/hnsw_pool.h"

#define WALK_WIDTH 2u /* candidates whose links are followed at a time */
/* Rows spread over those that match, from which a walk over bridges begins: enough that one is near
 * the query where the matching rows lie in a few clusters, and few beside its hundreds of
 * candidates. */
#define BRIDGE_SEEDS 16u
#define WALK_DONE    0x80000000u /* in walk_entry.at: its links have been followed */

/* One level: `degree` links for each position, HNSW_NONE behind the last. */
typedef struct walk_level {
    const uint32_t *links;
    uint32_t degree;
    uint32_t count;       /* of positions */
    const uint32_t *rows; /* of positions; NULL: they are rows */
} walk_level;

/* When a walk ends before all candidates have been followed: where the next one is farther than the
 * one at `rank`, by more than `reach` times that one's distance, and farther than the one at
 * `least`. Easy queries then do not fill a pool as large as hard ones need. At the same recall,
 * 0.95 | 0.99, this gave 38 | 48 % more queries a second on heavy-tailed vectors of 100 dims, 18 |
 * 28 % on histograms of 128, 19 | 43 % on embeddings of 768; the slowest of a hundred became no
 * slower, but the median faster, and with it their ratio larger.
 *
 * Al-Jazzazi et al., Distance adaptive beam search, arXiv 2505.15636. */
typedef struct walk_stop {
    uint32_t rank; /* from 1; 0: not at all */
    uint32_t least;
    float reach;
    float slack; /* added to how far that is: distances may be wrong by so much */
} walk_stop;

/* The numbers of candidates (ef) for which is measured how far walks reach: by how much, relative
 * to the 10th distance, the ef-th is larger in half of the walks. */
extern const uint32_t walk_ef_steps[HNSW_EF_STEPS];
/* The same for any ef: between what was measured; infinite beyond. */
float hnsw_walk_reach(const float reach[HNSW_EF_STEPS], uint64_t ef);
/* A walk for `ef` candidates that may stop before keeps half as many again: half of walks stop
 * before ef, others go on. */
static inline uint64_t hnsw_walk_capacity(uint64_t ef, float reach)
{
    return isfinite(reach) ? ef + ef / 2 : ef;
}

/* The slack of walks by codes whose distances are seldom farther than `code_bound` from the true
 * ones. With all of what int4 codes have of it few walks would stop before the end: at the same
 * recall that took 10 % of the queries a second, none of it gave 5 % more but slower slowest ones.
 */
static inline float hnsw_walk_slack(mv_quantize quantize, float code_bound)
{
    return quantize == MV_QUANTIZE_INT4 ? code_bound / 3 : code_bound;
}

/* The memory of a walk, all lent. Between walks no bit of `visited` is set. */
typedef struct walk {
    walk_pool pool;
    walk_stop stop;
    uint64_t *visited; /* bits, one for each position */
    uint32_t *seen;    /* positions whose bits are set, as far as there is room */
    uint32_t seen_capacity;
    uint32_t *rows;   /* of the links in hand */
    float *distances; /* to them */
    uint64_t scored;  /* distances computed, ever */
} walk;

/* Searching for rows that pass a filter: every row is a candidate, and those that pass are kept
 * apart as hits, which tell when to stop. How much longer that takes depends on how many pass where
 * the query is, which shows on the way. */
typedef enum walk_end {
    WALK_WHOLE = 0,
    WALK_FEW_MATCHES, /* gave up: far fewer pass here than elsewhere. What is met then are
                       * hits at the border of those that pass, of which the distance tells little
                       */
    WALK_TOO_COSTLY,  /* gave up: it would take longer than other ways */
} walk_end;

typedef struct walk_gate {
    const uint64_t *pass;
    double share;       /* of all rows that pass */
    uint64_t usual;     /* distances a walk takes where all rows pass; 0: never give up */
    uint64_t most;      /* distances that take as long as the other ways */
    const float *reach; /* of the graph */
    uint32_t ef;        /* where all rows pass; where few do, a walk sees more of the graph for each
                         * hit, and fewer are enough. 0: stop as w->stop says */
    walk_pool hits;
    uint32_t room; /* for hits */
    walk_end end;
    uint64_t passed;  /* distances computed to rows that pass */
    uint64_t bridged; /* rows whose links were followed without looking at them */
    uint64_t begun;   /* w->scored when the walk began */
    uint64_t next_check;
} walk_gate;

/* Where this share of the rows passes a walk sees more of the graph for each hit: what it needs of
 * the ef with which as much is found where all pass. */
double hnsw_walk_gated_ef(uint32_t ef, double share);

/* Bytes that a walk of levels with up to `positions` and `degree` and pools up to `capacity` needs.
 */
size_t hnsw_walk_size(uint32_t positions, uint32_t degree, uint32_t capacity);
/* Lay a walk out in `memory`, which is all zeros at first or was laid out the same way before. */
void hnsw_walk_lay_out(walk *w, void *memory, uint32_t positions, uint32_t degree,
                       uint32_t capacity);

/* Fill the pool with what is nearest to the query, from `entry` on. Marks of WALK_DONE are all set.
 * False: a link, or the row of a node, is out of range. */
bool hnsw_walk_level_from(walk *w, const codes_query *query, const walk_level *level,
                          uint32_t entry);

/* The same at the bottom, for rows that pass. */
bool hnsw_walk_gated_from(walk *w, walk_gate *gate, const codes_query *query,
                          const walk_level *level, uint32_t entry);
/* Let only rows that pass be candidates, over bridges (hnsw_bridge.c). The entry need not pass. */
bool hnsw_bridge_search(walk *w, walk_gate *gate, const codes_query *query, const walk_level *level,
                        uint32_t entry);
/* Fill the pool, which needs room for hnsw_all_capacity(its capacity) entries, with the nearest of
 * all rows that may be hits, in no order: the first `sorted` being in theirs, hnsw_all_sort goes on
 * and returns how many are then. */
uint32_t hnsw_all_capacity(uint32_t capacity);
void hnsw_all_search(walk *w, const index_query *asked, const codes_query *query);
uint32_t hnsw_all_sort(walk_pool *pool, uint32_t sorted);

/* Go down from the first node of the topmost of `levels` (levels[1] to levels[top]) to the nearest
 * that is found in level `bottom` + 1; its position is *at. False: a link is out of range. */
bool hnsw_walk_down(walk *w, const codes_query *query, const walk_level *levels, uint32_t top,
                    uint32_t bottom, uint32_t *at);

/* ---- of the walks (hnsw_walk.c, hnsw_bridge.c) */

static inline void hnsw_walk_prefetch_links(const walk_level *level, uint32_t at)
{
    const uint32_t *links = level->links + (size_t)at * level->degree;
    for (uint32_t i = 0; i < level->degree; i += 16) MV_PREFETCH(links + i);
}

/* Unset the marks of what is in `seen`, or all where some had no room in it. */
static inline void hnsw_walk_forget(walk *w, const walk_level *level, uint32_t seen, bool overflow)
{
    if (overflow) {
        memset(w->visited, 0, bits_words(level->count) * sizeof *w->visited);
        return;
    }
    for (uint32_t i = 0; i < seen; i++) w->visited[w->seen[i] / 64] = 0;
}

/* How far candidates may be: no farther than the last of a full pool. NaN, by which nothing is too
 * far, where infinities meet. */
static inline float hnsw_walk_limit(const walk_stop *stop, const walk_pool *pool)
{
    float worst =
        pool->count == pool->capacity ? pool->entries[pool->count - 1].distance : INFINITY;
    if (!stop->rank || pool->count < stop->rank || pool->count < stop->least) return worst;
    float distance = pool->entries[stop->rank - 1].distance,
          least = pool->entries[stop->least - 1].distance,
          limit = distance + stop->reach * fabsf(distance) + stop->slack;
    if (limit < least) limit = least;
    return limit > worst ? worst : limit;
}

/* Spreading over a level. What is in the queue, which has room for the whole level, is marked. */
typedef struct walk_spread {
    uint64_t *marks;
    uint32_t *queue;
    uint32_t next; /* in the queue: whose links are followed next */
    uint32_t count;
} walk_spread;

/* Begin anew at `at`; marks and queue are set. */
void hnsw_walk_spread_from(walk_spread *s, const walk_level *level, uint32_t at);
/* Follow the links of at most `most` more. Links must be in range. */
void hnsw_walk_spread_on(walk_spread *s, const walk_level *level, uint32_t most);

/* Level `level` of a finished graph. */
static inline walk_level hnsw_walk_level_of(const hnsw_graph *graph, uint32_t level)
{
    if (!level) return (walk_level){graph->links, 2 * graph->head->m, graph->head->rows, NULL};
    return (walk_level){graph->uplinks[level - 1], graph->head->m, graph->nodes_count[level - 1],
                        graph->nodes};
}

#endif
