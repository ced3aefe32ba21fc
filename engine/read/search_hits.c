/* From the nearest rows to the hits of a page (search_hits.h). */
#include "read/search_hits.h"

#include <math.h>
#include <stdlib.h>

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
    mv_err err = scan_begin(&sc, r->seen, s->f, &wanted, FRESH_NO_VECTOR, arena, &r->block, error);
    if (!err) err = visit_rows(s, &sc, visitor, ctx, error);
    scan_end(&sc);
    return err;
}

/* ---------------------------------------------------------------- pages */

hit_page search_hits_page(const search *s, mv_metric metric)
{
    const mv_query *q = s->q;
    uint64_t offset = q->more ? 0 : q->offset; /* the first step has skipped those hits */
    uint64_t end = offset + q->topk;
    return (hit_page){.metric = metric,
                      .offset = offset,
                      .end = end,
                      .goal = end,
                      .first = s->r->hits_count,
                      .is_alone = true};
}

float search_hits_limit(const mv_query *q, mv_metric metric)
{
    double limit = INFINITY;
    if (q->max_distance) limit = *q->max_distance;
    if (q->min_score) limit = fmin(limit, metric_distance_limit(metric, *q->min_score));
    return nextafterf((float)limit, INFINITY);
}

static bool is_near_enough(const mv_query *q, const mv_hit *hit)
{
    return (!q->min_score || hit->score >= *q->min_score) &&
           (!q->max_distance || hit->distance <= *q->max_distance);
}

/* Does hit `a` come before `b`, less than 0, or after it? */
static int compare_hits(const void *a, const void *b)
{
    const mv_hit *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return (x->docid > y->docid) - (x->docid < y->docid);
}

/* An earlier round found it, and it is returned. Few hits are compared: a page shared by rounds. */
static bool is_on_page(const search *s, const hit_page *page, size_t end, uint64_t docid)
{
    for (size_t i = page->first; i < end; i++)
        if (s->r->hits[i].docid == docid) return true;
    return false;
}

mv_err search_hits_take(search *s, topk *top, uint32_t input, hit_page *page, mv_error *error)
{
    size_t earlier = s->r->hits_count;
    topk_finish(top); /* sorts the hits, best first (I16) */
    mv_assert(top->count <= top->capacity);
    for (uint32_t i = 0; i < top->count && page->found < page->goal; i++) {
        const topk_entry *entry = &top->heap[i];
        double distance = (double)entry->distance + 0.0; /* turns -0 into 0 */
        mv_hit hit = {.docid = entry->docid,
                      .source = entry->source,
                      .row = entry->source == RESULT_FRESH ? 0 : entry->row,
                      .input = input,
                      .distance = distance};
        hit.score = metric_score(page->metric, distance);
        if (entry->docid == s->left_out || !is_near_enough(s->q, &hit)) continue;
        if (result_was_returned(s->r, entry->docid)) continue;
        if (is_on_page(s, page, earlier, entry->docid)) continue;
        uint64_t position = page->found++;
        if (page->after && compare_hits(&hit, page->after) <= 0) {
            MV_TRY(result_skip(s->r, entry->docid, error));
            page->end++; /* it takes no place on the page */
            page->offset++;
            continue;
        }
        if (position >= page->end) continue;
        if (position >= page->offset)
            MV_TRY(result_add(s->r, hit, error));
        else if (page->is_alone)
            MV_TRY(result_skip(s->r, entry->docid, error));
    }
    return MV_OK;
}

mv_err search_hits_in_rounds(search *s, const hit_finder *f, uint32_t input, hit_page page,
                             mv_error *error)
{
    size_t rounds = 0;
    for (;;) {
        topk *top;
        size_t before = s->r->hits_count - page.first;
        uint64_t returned = result_returned_count(s->r);
        /* An exact search finds all hits that are left, in order. */
        if (!page.after && !f->may_miss(f->ctx, returned + before + page.goal - page.found))
            page.goal = page.end > page.goal ? page.end : page.goal; /* never fewer: a graph's */
        MV_TRY(f->find(f->ctx, returned + before + page.goal - page.found, &top, error));
        MV_TRY(search_hits_take(s, top, input, &page, error));
        rounds += s->r->hits_count - page.first > before;
        if (page.found < page.goal || page.goal >= page.end) break;
        result_sort_returned(s->r);
        page.goal *= 2;
    }
    if (rounds > 1)
        qsort(s->r->hits + page.first, s->r->hits_count - page.first, sizeof *s->r->hits,
              compare_hits);
    return MV_OK;
}
