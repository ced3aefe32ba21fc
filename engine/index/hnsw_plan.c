/* Costs were fitted to searches of 100,000 and 200,000 rows of 100, 128 and 768 dims, selectivities
 * of 100 to 1 %, on a machine with AVX-512; `./run bench hybrid` shows how far from the best way
 * they lead. */
#include "index/hnsw_plan.h"

/* Nanoseconds for a row, and for each byte of its code: among all that pass, which come in order;
 * and on a walk, where links and candidates are part of it. */
#define ALL_ROW   2.5
#define ALL_BYTE  0.033
#define WALK_ROW  22.0
#define WALK_BYTE 0.055
#define BRIDGE    18.0 /* for each link of a candidate, of bridges and keeping order */

/* Rows scored for each link of a candidate: on a walk (0.3 to 0.6), and over bridges (0.4 to 1). */
#define WALKED_ROWS  0.5
#define BRIDGED_ROWS 0.9

/* So many more candidates walks over bridges need for 10 hits; and where few rows pass near the
 * query: hits are then at the border of those that do, and others hardly farther. */
#define BRIDGED_EF             100.0
#define BRIDGED_EF_FEW_MATCHES 360.0

/* Bridges find less than is found by looking at all, so they have to be cheaper by so many times.
 */
#define BRIDGES_TIMES 1.5

/* A walk is also begun where it is not the cheapest way, but would be by so many times if the rows
 * that pass were those near the query. */
#define NEAR_TIMES 3.0

/* More candidates are slower to keep in order than rows are to look at. */
#define POOL_MAX 8192u

/* Of a walk over bridges, after one that ended so. */
static double bridges_cost(const hnsw_plan *plan, walk_end end)
{
    double links = 2.0 * plan->graph->head->m * hnsw_plan_bridged_ef(plan, end);
    return links * (BRIDGE + BRIDGED_ROWS * plan->step_cost);
}

void hnsw_plan_search(hnsw_plan *plan, const hnsw_graph *graph, const hnsw_query *query, uint32_t k,
                      mv_strategy *strategy)
{
    uint32_t rows = graph->head->rows, matching = query->matching;
    double bytes = (double)graph->codes.stride, near, even;
    *plan = (hnsw_plan){.graph = graph, .k = k < matching ? k : matching};
    plan->share = matching ? (double)matching / rows : 1;
    uint64_t ef = query->ef ? query->ef : hnsw_search_default_ef(graph, k);
    if (ef < k) ef = k;
    plan->ef = ef < rows ? (uint32_t)ef : rows;
    plan->all_cost = matching * (ALL_ROW + ALL_BYTE * bytes);
    plan->step_cost = WALK_ROW + WALK_BYTE * bytes;
    plan->usual = (uint64_t)(plan->ef * 2.0 * graph->head->m * WALKED_ROWS);
    plan->is_forced = query->strategy != MV_STRATEGY_AUTO;
    *strategy = query->list ? MV_STRATEGY_CODES : query->strategy;
    if (*strategy != MV_STRATEGY_AUTO) return;
    near = (double)plan->usual * plan->step_cost;
    even = near * hnsw_walk_spread_by(plan->share);
    if (!query->ef) even *= hnsw_walk_gated_ef(plan->ef, plan->share) / plan->ef;
    if (even <= plan->all_cost || near * NEAR_TIMES <= plan->all_cost)
        *strategy = MV_STRATEGY_GRAPH;
    else
        *strategy = MV_STRATEGY_CODES;
}

bool hnsw_plan_scans_codes(const hnsw_graph *graph, const hnsw_query *query, uint32_t k)
{
    hnsw_plan plan;
    mv_strategy strategy;
    hnsw_plan_search(&plan, graph, query, k, &strategy);
    return strategy == MV_STRATEGY_CODES;
}

uint32_t hnsw_plan_bridged_ef(const hnsw_plan *plan, walk_end end)
{
    double more = end == WALK_FEW_MATCHES ? BRIDGED_EF_FEW_MATCHES : BRIDGED_EF;
    if (plan->k > HNSW_MEASURED_HITS) more *= sqrt((double)plan->k / HNSW_MEASURED_HITS);
    return (uint32_t)fmin(plan->ef + more, plan->graph->head->rows);
}

mv_strategy hnsw_plan_next(const hnsw_plan *plan, mv_strategy gone, walk_end end)
{
    bool may_bridge = gone == MV_STRATEGY_GRAPH && end != WALK_WHOLE;
    return may_bridge && bridges_cost(plan, end) * BRIDGES_TIMES < plan->all_cost
               ? MV_STRATEGY_BRIDGES
               : MV_STRATEGY_CODES;
}

uint64_t hnsw_plan_most(const hnsw_plan *plan, mv_strategy strategy)
{
    double cost = plan->all_cost;
    if (strategy == MV_STRATEGY_GRAPH)
        cost = fmin(cost, bridges_cost(plan, WALK_TOO_COSTLY) * BRIDGES_TIMES);
    return (uint64_t)(cost / plan->step_cost);
}

uint32_t hnsw_plan_gated_pool(const hnsw_plan *plan, uint32_t hits)
{
    double candidates = fmin(hits / plan->share, plan->graph->head->rows);
    return (uint32_t)fmax(fmin(candidates, POOL_MAX), hits);
}
