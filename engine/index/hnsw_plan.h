/* Which way to search: a walk through the graph, a walk over bridges in it, or a scan of all rows
 * that may be hits.
 *
 * Each way has a cost, in nanoseconds, computed from the constants of hnsw_cost.h. Before a search
 * it is known how many rows match, but not where they lie relative to the query. So a walk is begun
 * wherever it is the cheapest way if they lie near, and is given up (hnsw_walk.c) when another way
 * turns out to be cheaper: no search takes much more than twice the time of its best way. Times are
 * not measured where searches run, so that the same search goes the same way everywhere. */
#ifndef MV_HNSW_PLAN_H
#define MV_HNSW_PLAN_H

#include "index/hnsw_walk.h"

typedef struct hnsw_plan {
    const hnsw_graph *graph;
    uint32_t k;       /* hits wanted, of those that pass */
    uint32_t ef;      /* of a walk */
    double share;     /* of rows that pass */
    double all_cost;  /* of looking at all that pass */
    double step_cost; /* of a distance on a walk */
    uint64_t usual;   /* distances of a walk where all rows pass */
    bool is_forced;   /* the query names the way: a walk is not left */
} hnsw_plan;

/* Plan a search for `k` hits; *way is the first to go. */
void hnsw_plan_search(hnsw_plan *plan, const hnsw_graph *graph, const index_query *query,
                      uint32_t k, mv_strategy *strategy);
/* The way that is left where the one gone was given up. */
mv_strategy hnsw_plan_next(const hnsw_plan *plan, mv_strategy gone, walk_end end);
/* Candidates of a walk over bridges, after one that ended so. */
uint32_t hnsw_plan_bridged_ef(const hnsw_plan *plan, walk_end end);
/* Distances of a walk that take as long as the best other way. */
uint64_t hnsw_plan_most(const hnsw_plan *plan, mv_strategy strategy);
/* Candidates of a walk for rows that pass, of which a share of `plan->ef` are hits. */
uint32_t hnsw_plan_gated_pool(const hnsw_plan *plan, uint32_t hits);

#endif
