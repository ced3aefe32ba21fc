/* The hits of searches that find all of them in one heap (search_hits.h). */
#include "read/search_hits.h"

#include <math.h>

#include "read/explain.h"

static mv_err visit_rows(search *s, scan *sc, const search_hits_visitor *visitor, void *ctx,
                         mv_error *error)
{
    for (;;) {
        uint32_t source;
        shared_index *x = scan_at_segment(sc, &source) ? visitor->index_of(ctx, source) : NULL;
        if (x) {
            explain_begin_step(s, source);
            MV_TRY(visitor->segment(ctx, x, source, sc, error));
            scan_skip_segment(sc);
            continue;
        }
        double begun = explain_now(s);
        MV_TRY(scan_next(sc, error));
        if (!sc->t) return MV_OK;
        explain_begin_step(s, sc->source);
        s->step->filter_seconds += explain_now(s) - begun;
        begun = explain_now(s);
        MV_TRY(visitor->block(ctx, sc, error));
        s->step->search_seconds += explain_now(s) - begun;
    }
}

mv_err search_hits_scan(search *s, uint32_t field, mem_arena *arena,
                        const search_hits_visitor *visitor, void *ctx, mv_error *error)
{
    mv_result *r = s->r;
    order wanted = {.count = 1, .keys = {{.field = field}}};
    scan sc;
    explain_begin_round(s);
    mv_err err = scan_begin(&sc, r->seen, s->f, &wanted, FRESH_NO_VECTOR, &r->fresh, arena,
                            &r->block, error);
    if (!err) err = visit_rows(s, &sc, visitor, ctx, error);
    scan_end(&sc);
    return err;
}

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
