/* The hits of searches that find all of them in one heap (search_hits.h). */
#include "read/search_hits.h"

#include <math.h>

float search_hits_limit(const mv_query *q)
{
    double limit = INFINITY;
    if (q->max_distance) limit = *q->max_distance;
    if (q->min_score) limit = fmin(limit, -*q->min_score);
    return nextafterf((float)limit, INFINITY);
}

mv_err search_hits_take(search *s, topk *top, uint32_t input, mv_error *error)
{
    const mv_query *q = s->q;
    mv_result *r = s->r;
    uint32_t skipped = 0, taken = 0;
    topk_finish(top);
    for (uint32_t i = 0; i < top->count && taken < q->topk; i++) {
        const topk_entry *entry = &top->heap[i];
        mv_hit hit = {.docid = entry->docid,
                      .source = entry->source,
                      .row = entry->row,
                      .input = input,
                      .distance = (double)entry->distance + 0.0}; /* turns -0 into 0 */
        hit.score = 0 - hit.distance;
        if (q->min_score && hit.score < *q->min_score) break;
        if (q->max_distance && hit.distance > *q->max_distance) break;
        if (result_was_returned(r, entry->docid) || skipped++ < q->offset) continue;
        MV_TRY(result_add(r, hit, error));
        taken++;
    }
    return MV_OK;
}
