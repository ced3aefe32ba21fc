/* Every constant of the choice is in hnsw_cost.h, with its reason or the command that fits it. */
#include "index/hnsw_plan.h"

#include "index/hnsw_cost.h"

/* ns of a walk over bridges that follows a walk with this end. */
static double bridges_cost(const hnsw_plan *plan, walk_end end)
{
    double links = 2.0 * plan->graph->head->m * hnsw_plan_bridged_ef(plan, end);
    return links * (COST_BRIDGE_LINK_NS + BRIDGE_DISTANCES_PER_LINK * plan->step_cost);
}

/* How many candidates a walk for a query of a kind usually follows where all rows match, if it is
 * `ef` for MV_RECALL_DEFAULT and HNSW_MEASURED_HITS. */
static double usual_ef(const hnsw_head *head, patience_kind kind, uint32_t ef, double recall,
                       uint32_t k)
{
    float late = patience_is_beyond(kind) ? INFINITY : PATIENCE_LATE_FACTOR;
    patience_need need = hnsw_patience_needed(head, kind, recall),
                  usual = hnsw_patience_needed(head, kind, MV_RECALL_DEFAULT);
    double rank = (double)patience_rank(k, 1) / patience_rank(HNSW_MEASURED_HITS, 1),
           most = fminf(usual.factor, late),
           more = most > 0 ? fminf(need.factor, late) / most : 1;
    return ef * rank * more + 1;
}

uint32_t hnsw_plan_usual_beyond(const hnsw_plan *plan, patience_kind kind)
{
    const hnsw_head *head = plan->graph->head;
    uint32_t ef = head->format < 5 ? 0 : kind == PATIENCE_OUTER ? head->outer_ef : head->far_ef;
    mv_assert(patience_is_beyond(kind));
    if (isinf(hnsw_patience_needed(head, kind, plan->recall).factor)) return UINT32_MAX;
    if (!ef || isinf(hnsw_patience_needed(head, kind, MV_RECALL_DEFAULT).factor)) return 0;
    double all = usual_ef(head, kind, ef, plan->recall, plan->k);
    return (uint32_t)fmin(all * pow(plan->share, -BEYOND_GROWTH_POWER), UINT32_MAX);
}

void hnsw_plan_search(hnsw_plan *plan, const hnsw_graph *graph, const index_query *query,
                      uint32_t k, mv_strategy *strategy)
{
    uint32_t rows = graph->head->rows, matching = query->matching;
    double bytes = (double)graph->codes.stride, near, even;
    *plan = (hnsw_plan){.graph = graph, .k = k < matching ? k : matching};
    plan->share = matching ? (double)matching / rows : 1;
    if (!query->ef) plan->recall = query->recall > 0 ? query->recall : MV_RECALL_DEFAULT;
    uint64_t ef = query->ef ? query->ef
                            : (uint64_t)usual_ef(graph->head, PATIENCE_NEAR, graph->head->ef,
                                                 plan->recall, k);
    if (ef < k) ef = k;
    plan->ef = ef < rows ? (uint32_t)ef : rows;
    mv_assert(plan->share > 0);
    plan->scan_cost = matching * (COST_SCAN_ROW_NS + COST_SCAN_BYTE_NS * bytes);
    plan->step_cost = COST_WALK_ROW_NS + COST_WALK_BYTE_NS * bytes;
    plan->usual = (uint64_t)(plan->ef * 2.0 * graph->head->m * WALK_DISTANCES_PER_LINK);
    plan->is_forced = query->strategy != MV_STRATEGY_AUTO;
    *strategy = query->list ? MV_STRATEGY_CODES : query->strategy;
    if (*strategy != MV_STRATEGY_AUTO) return;
    near = (double)plan->usual * plan->step_cost;
    even = near * cost_walk_growth(plan->share);
    if (plan->recall > 0) even *= cost_rank_part(plan->k, plan->share);
    if (even <= plan->scan_cost || near * NEAR_ADVANTAGE_MIN <= plan->scan_cost)
        *strategy = MV_STRATEGY_GRAPH;
    else
        *strategy = MV_STRATEGY_CODES;
}

bool hnsw_plan_scans_codes(const hnsw_graph *graph, const index_query *query, uint32_t k)
{
    hnsw_plan plan;
    mv_strategy strategy;
    hnsw_plan_search(&plan, graph, query, k, &strategy);
    return strategy == MV_STRATEGY_CODES;
}

uint32_t hnsw_plan_bridged_ef(const hnsw_plan *plan, walk_end end)
{
    double more = end == WALK_FEW_MATCHES ? BRIDGE_EXTRA_EF_FEW_NEAR : BRIDGE_EXTRA_EF;
    if (plan->k > HNSW_MEASURED_HITS) more *= sqrt((double)plan->k / HNSW_MEASURED_HITS);
    return (uint32_t)fmin(plan->ef + more, plan->graph->head->rows);
}

mv_strategy hnsw_plan_next(const hnsw_plan *plan, mv_strategy tried, walk_end end)
{
    bool may_bridge = tried == MV_STRATEGY_GRAPH && end != WALK_WHOLE && plan->share < 1;
    return may_bridge && bridges_cost(plan, end) * BRIDGE_ADVANTAGE_MIN < plan->scan_cost
               ? MV_STRATEGY_BRIDGES
               : MV_STRATEGY_CODES;
}

uint64_t hnsw_plan_distances_max(const hnsw_plan *plan, mv_strategy strategy)
{
    double cost = plan->scan_cost;
    if (strategy == MV_STRATEGY_GRAPH && plan->share < 1)
        cost = fmin(cost, bridges_cost(plan, WALK_TOO_COSTLY) * BRIDGE_ADVANTAGE_MIN);
    return (uint64_t)(cost / plan->step_cost);
}

uint32_t hnsw_plan_gated_pool(const hnsw_plan *plan, uint32_t hits)
{
    double candidates = fmin(hits / plan->share, plan->graph->head->rows);
    return (uint32_t)fmax(fmin(candidates, WALK_POOL_MAX), hits);
}
