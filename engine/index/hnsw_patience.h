/* When a walk has seen enough: patience.
 *
 * A walk follows the links of candidates, nearest first. Each time that a row becomes one of the
 * `rank` nearest found so far, the walk notes how many candidates it had followed (the time of the
 * change). It ends when it has followed `factor` times as many as at the time of the change before
 * the last `spare` ones. So a search whose nearest rows are soon found ends soon, and a search that
 * still finds nearer ones goes on, by as much as it needed so far:
 *
 *   candidates followed   0 ........ 40 ............................ 120
 *                              the last change but `spare`           end, with a factor of 3
 *
 * Only the order of distances counts, so the rule is the same for every metric. `rank` is twice
 * the number of hits and 28 more (48 for 10 hits), and a fifth of it is spared: what matters is how
 * often changes still happen, and the time of a single change says little. With rank 10 and none
 * spared the factor for the same recall differed from query to query so much that searches took 1.2
 * to 1.9 times as many distances as with the best fixed ef of each set and kind of query; with rank
 * 48 and 9 spared 1.0 to 1.2 times. With this rank a factor holds for 1 to 10 hits; for more it
 * grows a little (hnsw_patience.c).
 *
 * A factor above PATIENCE_LATE_FACTOR holds for the first PATIENCE_EARLY candidates only, unless
 * the query is far (patience_follow) or declares more than the largest recall that is measured.
 * Such factors serve near queries that soon find one of several clusters. With 286,000 rows of 768
 * dims the factor was 12, and the slowest hundredth of queries like rows, which were slow to find
 * the only cluster, took 12.4 ms; now they take 2.4, all queries 0.37 instead of 0.66 on average.
 * Recall 0.991 instead of 0.993, of points between two clusters 0.902 instead of 0.919. 768 to
 * 1,536 early candidates and late factors of 6 and 8 found no more of these.
 *
 * It ends no sooner than after `least` candidates: the first rows it meets are those around its
 * entry, and a query between two clusters meets one of them first.
 *
 * A search of several graphs, one for each segment, has hits already when it comes to the second
 * one. If the farthest of them is near (near_bound), then only changes by rows that are no farther
 * count, since others are no hits, and none is spared. So a walk ends at `least` where its graph
 * has few hits to add, instead of finding its own nearest rows, however far they are. With graphs
 * of 200,000, 37,000, and four of 16,000 and 8,000 rows of 768 dims a search took 0.7 instead
 * of 1.04 ms, the slowest hundredth 2.1 instead of 4.0 ms; recall 0.987 instead of 0.995, of points
 * between two clusters 0.954 instead of 0.962. Without the condition that the farthest is near,
 * uniform directions had 0.84 instead of 0.986: there a walk meets the first such row late. With a
 * fifth spared, inner products of queries unlike the rows had 0.944 instead of 0.953. (The walks of
 * Lucene's segments share the worst of the k hits, too: MultiLeafKnnCollector.)
 *
 * How much patience a query needs depends on where it lies (patience_kind):
 *
 *   near    its HNSW_MEASURED_HITS-th candidate is no farther than the same one of nearly all
 *           queries that were rows (near_bound);
 *   apart   the same, but this candidate is many times as far as the nearest one (spread). Such a
 *           query lies between two rows of different clusters, near them and apart from all others;
 *   outer   this candidate is farther, but no farther than those of queries among the rows: rows
 *           with noise, and rows at the border (outer_bound);
 *   far     all others.
 *
 * `least` and `factor` of each kind are measured when the graph is built (hnsw_measure.c). Outer
 * queries have their own, since they need less than far ones. With 800,000 rows of 768 dims no walk
 * had a recall of 0.95 for uniform directions, so codes were scanned for all queries that were not
 * near: one in 20 of queries like rows, and most of those with noise, took 27 ms. As outer ones
 * they take 0.3 ms on average, with a recall of 0.97.
 *
 * After Teofili, Lin: Patience in proximity, ECIR 2025, who wait for a fixed number of candidates
 * without a change. */
#ifndef MV_HNSW_PATIENCE_H
#define MV_HNSW_PATIENCE_H

#include <math.h>
#include <string.h>

#include "index/hnsw.h"
#include "index/hnsw_pool.h"

#define PATIENCE_SPARE_ONE_IN 5u
#define PATIENCE_TIMES_MAX    (2 * HNSW_HITS_MAX / PATIENCE_SPARE_ONE_IN + 8)

typedef enum patience_kind {
    PATIENCE_NEAR = 0,
    PATIENCE_FAR,
    PATIENCE_APART,
    PATIENCE_OUTER
} patience_kind;

#define PATIENCE_KINDS 4u

#define PATIENCE_EARLY       512.0f
#define PATIENCE_LATE_FACTOR 4.0f

/* The recalls for which factors are measured. */
extern const double hnsw_recalls[HNSW_RECALLS];

typedef struct walk_patience {
    uint32_t rank; /* 0: the walk does not end by this rule */
    uint32_t spare;
    uint32_t least[PATIENCE_KINDS]; /* candidates that are followed at any rate */
    float factors[PATIENCE_KINDS];  /* infinite: the rule never ends it */
    float near_bound, outer_bound, spread;
    float bound; /* farther rows are no hits, and do not count as changes; infinite: all count */
    float early, late; /* PATIENCE_EARLY and PATIENCE_LATE_FACTOR for this search */
    uint32_t usual[PATIENCE_KINDS]; /* candidates that are usually followed; 0: not known */
    uint64_t changes;               /* so far */
    uint32_t times[PATIENCE_TIMES_MAX]; /* of the last spare + 1 changes, one after the other */
} walk_patience;

/* walk_patience.spread, as it is stored. */
static inline float hnsw_patience_spread(uint32_t stored)
{
    return stored ? (float)stored / HNSW_SPREAD_ONE : INFINITY;
}
/* From how many entries walks for a recall over the bottom level begin. */
static inline uint32_t hnsw_patience_entries(const hnsw_head *head)
{
    return head->format < 4 ? 1 : head->entries;
}
/* walk_patience.outer_bound. In older graphs no query is outer. */
static inline float hnsw_patience_outer_bound(const hnsw_head *head)
{
    return head->format < 5 ? head->near_bound : head->outer_bound;
}
/* False for graphs with few rows, and for those of the formats 1 and 2. */
bool hnsw_patience_is_measured(const hnsw_head *head);
/* The factor, and the least number of candidates for HNSW_MEASURED_HITS, with which walks of a
 * graph have this recall: more than 0, at most 1. An infinite factor: no walk has it. */
typedef struct patience_need {
    float factor, least;
} patience_need;
patience_need hnsw_patience_needed(const hnsw_head *head, patience_kind kind, double recall);

/* The rank for `k` hits where this share of all rows matches. Fewer matching rows lie among as many
 * candidates, so that a smaller rank takes as many. Fewer than HNSW_MEASURED_HITS hits are not
 * found sooner: for one hit with a rank of 30 the recall was 0.77 where it was 0.94 for ten. */
static inline uint32_t patience_rank(uint32_t k, double share)
{
    uint32_t hits = k < HNSW_MEASURED_HITS ? HNSW_MEASURED_HITS : k;
    return 2 * hits + 4 + (uint32_t)(24 * sqrt(sqrt(share)));
}

static inline void patience_set_rank(walk_patience *p, uint32_t rank)
{
    p->rank = rank;
    p->spare = rank / PATIENCE_SPARE_ONE_IN;
    p->bound = INFINITY;
    mv_assert(p->spare < PATIENCE_TIMES_MAX);
}

/* Capacity of the pool of a walk from a number of entries, when it begins. */
static inline uint32_t patience_capacity(const walk_patience *p, uint32_t entries)
{
    return p->rank > entries ? p->rank : entries;
}

/* Set all but the counts of a walk. */
void hnsw_patience_set(walk_patience *p, const hnsw_head *head, double recall, uint32_t k,
                       double share);

/* The farthest of k hits of other segments is this far; infinite: these have fewer. `slack` is as
 * in walk_stop. After hnsw_patience_set. */
static inline void patience_set_bound(walk_patience *p, float farthest, float slack)
{
    if (!(farthest <= p->near_bound)) return;
    p->bound = farthest + slack;
    p->spare = 0;
}

static inline void patience_begin(walk_patience *p)
{
    p->changes = 0;
    memset(p->times, 0, (p->spare + 1) * sizeof *p->times);
}

/* Does a row at this position of the nearest count as a change? */
static inline bool patience_counts(const walk_patience *p, uint32_t position, float distance)
{
    return position < p->rank && distance <= p->bound;
}

/* Note `count` changes among the nearest, after `followed` candidates. */
static inline void patience_note(walk_patience *p, uint32_t count, uint32_t followed)
{
    for (; count; count--) p->times[p->changes++ % (p->spare + 1)] = followed;
}

/* The time of the last change that is not spared, 0 if there was none. */
static inline uint32_t patience_time(const walk_patience *p)
{
    return p->times[p->changes % (p->spare + 1)];
}

/* `candidates` are all rows that the walk has met, whether they match or not; over bridges only
 * matching ones. */
static inline patience_kind patience_kind_of(const walk_patience *p, const walk_pool *candidates)
{
    const walk_entry *entries = candidates->entries;
    if (candidates->count < HNSW_MEASURED_HITS) return PATIENCE_FAR;
    float tenth = entries[HNSW_MEASURED_HITS - 1].distance;
    if (!(tenth <= p->outer_bound)) return PATIENCE_FAR;
    if (tenth > p->near_bound) return PATIENCE_OUTER;
    bool is_apart = isfinite(p->spread) && tenth > p->spread * entries[0].distance;
    return is_apart ? PATIENCE_APART : PATIENCE_NEAR;
}

/* Is the query farther than near? */
static inline bool patience_is_beyond(patience_kind kind)
{
    return kind == PATIENCE_FAR || kind == PATIENCE_OUTER;
}

/* How many candidates a walk follows by a factor, after a change at `time`. */
static inline float patience_follow(const walk_patience *p, patience_kind kind, float factor,
                                    float time)
{
    float most = fmaxf(p->late * time, p->early);
    return patience_is_beyond(kind) ? factor * time : fminf(factor * time, most);
}

/* How many candidates the walk is to follow, by what it has found so far. */
static inline uint32_t patience_due(const walk_patience *p, patience_kind kind)
{
    if (isinf(p->factors[kind])) return UINT32_MAX;
    float due = patience_follow(p, kind, p->factors[kind], (float)patience_time(p));
    if (!(due > (float)p->least[kind])) return p->least[kind];
    return due < (float)UINT32_MAX ? (uint32_t)due : UINT32_MAX;
}

#endif
