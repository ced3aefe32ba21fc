/* Selecting without a vector: by filter and order. */
#include "read/select.h"

#include "read/explain.h"

static mv_err select_from_block(const scan *sc, order_heap *heap, mv_error *error)
{
    for (uint32_t at = scan_find(sc, 0); at < sc->count; at = scan_find(sc, at + 1))
        MV_TRY(order_push(heap, sc->t, sc->begin + at, sc->source, scan_row(sc, at), error));
    return MV_OK;
}

/* A scan visits rows oldest first. Without keys of an order, the first ones are the result. */
static bool has_enough(const order_heap *heap)
{
    return !heap->o->count && heap->count == heap->capacity;
}

/* Begin behind the document `after` of the query. */
static mv_err begin_after(search *s, const order *o, order_heap *heap, mv_error *error)
{
    scan sc;
    mv_hit hit;
    uint32_t source;
    bool found = false;
    MV_TRY(result_need(s->r, &s->q->after, &hit, error));
    MV_TRY(
        scan_begin(&sc, s->r->seen, NULL, o, FRESH_NO_VECTOR, &s->r->arena, &s->r->block, error));
    mv_err err = MV_OK;
    while (!err && !found) {
        while (scan_at_segment(&sc, &source) && source != hit.source) scan_skip_segment(&sc);
        err = scan_next(&sc, error);
        if (err || !sc.t) break;
        for (uint32_t at = 0; at < sc.count && !found; at++) {
            found = sc.t->docids[sc.begin + at] == hit.docid;
            if (found) err = order_begin_after(heap, sc.t, sc.begin + at, error);
        }
    }
    scan_end(&sc);
    mv_assert(found || err);
    return err;
}

mv_err select_rows(search *s, mv_error *error)
{
    scan sc;
    order o;
    order_heap heap;
    const mv_schema *schema = s->r->seen->v->schema;
    MV_TRY(order_parse(schema, s->q->order_by, &o, error));
    uint64_t documents = s->r->seen->v->state.documents, wanted = search_hits_wanted(s);
    uint32_t capacity = (uint32_t)(wanted < documents ? wanted : documents);
    if (!capacity) return MV_OK;
    MV_TRY(order_start(&heap, &o, schema, capacity, &s->r->arena, error));
    if (s->q->after.data) MV_TRY(begin_after(s, &o, &heap, error));
    MV_TRY(
        scan_begin(&sc, s->r->seen, s->f, &o, FRESH_NO_VECTOR, &s->r->arena, &s->r->block, error));
    mv_err err = MV_OK;
    double begun = explain_now(s);
    while (!has_enough(&heap) && !(err = scan_next(&sc, error)) && sc.t) {
        explain_begin_step(s, sc.source);
        explain_note_block(s, &sc, 0, 0);
        if ((err = select_from_block(&sc, &heap, error))) break;
        s->step->filter_seconds += explain_now(s) - begun;
        begun = explain_now(s);
    }
    scan_end(&sc);
    if (err) return err;
    order_finish(&heap);
    uint32_t skipped = 0;
    for (uint32_t i = 0; i < heap.count && s->r->hits_count < s->q->topk; i++) {
        const order_entry *entry = &heap.entries[i];
        if (result_was_returned(s->r, entry->docid) || skipped++ < s->q->offset) continue;
        MV_TRY(result_add(
            s->r, (mv_hit){.docid = entry->docid, .source = entry->source, .row = entry->row},
            error));
    }
    return MV_OK;
}
