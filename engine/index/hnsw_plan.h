/* Choosing the strategy of a search: a walk through the graph, a walk over bridges, or a scan of
 * the codes of all matching rows.
 *
 * Each strategy has a cost in nanoseconds, computed from the constants of hnsw_cost.h. Before a
 * search it is known how many rows match, but not where they lie relative to the query. So a walk
 * is begun wherever it would be the cheapest strategy if the matching rows lie near the query, and
 * is abandoned (hnsw_walk.c) when another strategy turns out to be cheaper. No search takes much
 * more than twice the time of its best strategy. No times are measured at run time, so that the
 * same search takes the same strategy everywhere. */
#ifndef MV_HNSW_PLAN_H
#define MV_HNSW_PLAN_H

#include "index/hnsw_walk.h"

typedef struct hnsw_plan {
    const hnsw_graph *graph;
    uint32_t k;       /* hits wanted, at most the number of matching rows */
    double recall;    /* that the query asks for; 0: it sets ef instead */
    uint32_t ef;      /* of a walk. With a recall: candidates that it usually follows */
    double share;     /* of all rows: those that match */
    double scan_cost; /* ns to scan the codes of all matching rows */
    double step_cost; /* ns for each distance of a walk */
    uint64_t usual;   /* distances that a walk computes where all rows match */
    bool is_forced;   /* the query names the strategy: a walk is not abandoned */
} hnsw_plan;

/* Plan a search for `k` hits. *strategy is the one to try first. */
void hnsw_plan_search(hnsw_plan *plan, const hnsw_graph *graph, const index_query *query,
                      uint32_t k, mv_strategy *strategy);
/* How many candidates a walk for a far or an outer query usually follows. 0: not known. */
uint32_t hnsw_plan_usual_beyond(const hnsw_plan *plan, patience_kind kind);
/* The strategy to fall back to after `tried` was abandoned, a walk for the reason `end`. */
mv_strategy hnsw_plan_next(const hnsw_plan *plan, mv_strategy tried, walk_end end);
/* Candidates of a walk over bridges that follows a walk with this end. */
uint32_t hnsw_plan_bridged_ef(const hnsw_plan *plan, walk_end end);
/* How many distances of a walk take as long as the best other strategy. */
uint64_t hnsw_plan_distances_max(const hnsw_plan *plan, mv_strategy strategy);
/* Capacity of the candidates of a gated walk whose pool of matching rows has `hits`. */
uint32_t hnsw_plan_gated_pool(const hnsw_plan *plan, uint32_t hits);

#endif
