/* The patience of a search: from the recall that it asks for and what was measured of the graph. */
#include "index/hnsw_patience.h"

/* By how much the factor grows for ten times as many hits. It raised the recall of 100 hits from
 * 0.918 to 0.925 where that of ten was 0.963, for inner products of 6,000 rows of very different
 * lengths. */
#define MORE_HITS 0.2f

const double hnsw_recalls[HNSW_RECALLS] = {0.8, 0.9, 0.95, 0.98, 0.99};

/* Of graphs that were not measured: because they have few rows, or their files are older. At least
 * what was measured of ten sets of 100 to 768 dims. */
static const patience_need usual_needs[HNSW_RECALLS] = {
    {2, 64}, {2.5f, 96}, {4, 96}, {5, 128}, {7, 128}};

bool hnsw_patience_is_measured(const hnsw_head *head)
{
    return head->patience[PATIENCE_FAR][0].factor != 0;
}

/* What was measured for a kind, for each recall. Older formats do not have all kinds, and no query
 * is of these. */
static const hnsw_patience *measured_of(const hnsw_head *head, patience_kind kind)
{
    if (kind == PATIENCE_APART && head->format >= 4) return head->apart;
    if (kind == PATIENCE_OUTER && head->format >= 5) return head->outer;
    return head->patience[kind == PATIENCE_NEAR ? PATIENCE_NEAR : PATIENCE_FAR];
}

static patience_need need_at(const hnsw_head *head, patience_kind kind, uint32_t level)
{
    if (!hnsw_patience_is_measured(head)) return usual_needs[level];
    hnsw_patience measured = measured_of(head, kind)[level];
    float factor = (float)measured.factor / HNSW_FACTOR_ONE,
          least = (float)measured.least * HNSW_LEAST_UNIT;
    return (patience_need){measured.factor == HNSW_FACTOR_NONE ? INFINITY : factor, least};
}

/* Between the measured recalls, and above them, both grow with the logarithm of what may be missed.
 * Below the lowest they are those of the lowest. */
patience_need hnsw_patience_needed(const hnsw_head *head, patience_kind kind, double recall)
{
    uint32_t level = 1;
    while (level + 1 < HNSW_RECALLS && hnsw_recalls[level] < recall) level++;
    patience_need low = need_at(head, kind, level - 1), high = need_at(head, kind, level);
    double missed = log(1 - fmin(recall, 0.9999)), from = log(1 - hnsw_recalls[level - 1]),
           to = log(1 - hnsw_recalls[level]), part = fmax((missed - from) / (to - from), 0);
    if (part == 0) return low;
    if (isinf(low.factor) || isinf(high.factor) || recall >= 1)
        return (patience_need){INFINITY, high.least};
    patience_need need = {low.factor + (float)part * (high.factor - low.factor),
                          low.least + (float)part * (high.least - low.least)};
    if (part >
        1) { /* each level was chosen alone: one of both may be lower than in the level before */
        need.factor = fmaxf(need.factor, high.factor);
        need.least = fmaxf(need.least, high.least);
    }
    return need;
}

void hnsw_patience_set(walk_patience *p, const hnsw_head *head, double recall, uint32_t k,
                       double share)
{
    uint32_t rank = patience_rank(k, share);
    double least_part = (double)rank / patience_rank(HNSW_MEASURED_HITS, 1) / share;
    float more = k > HNSW_MEASURED_HITS ? 1 + MORE_HITS * log10f((float)k / HNSW_MEASURED_HITS) : 1;
    bool is_measured = recall <= hnsw_recalls[HNSW_RECALLS - 1];
    patience_set_rank(p, rank);
    p->early = is_measured ? (float)(PATIENCE_EARLY * fmax(least_part, 1)) : INFINITY;
    p->late = PATIENCE_LATE_FACTOR * more;
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) {
        patience_need need = hnsw_patience_needed(head, (patience_kind)kind, recall);
        p->factors[kind] = need.factor * more;
        p->least[kind] = (uint32_t)fmin(need.least * least_part, UINT32_MAX / 2) + 1;
    }
    p->spread = hnsw_patience_spread(head->format < 4 ? 0 : head->spread);
    bool has_bounds = hnsw_patience_is_measured(head);
    p->near_bound = has_bounds ? head->near_bound : -INFINITY;
    p->outer_bound = has_bounds ? hnsw_patience_outer_bound(head) : -INFINITY;
}
