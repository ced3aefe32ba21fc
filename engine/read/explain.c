/* Explaining a search: what was done with each segment, and how long it took. */
#include "read/explain.h"

#include <string.h>

double explain_now(const search *s)
{
    return s->q->explain ? os_seconds() : 0;
}

void explain_begin_part(search *s, uint32_t source)
{
    s->part = &s->not_explained;
    if (s->q->explain)
        s->part = &s->r->parts[source == RESULT_FRESH ? s->r->parts_count - 1 : source];
}

void explain_note_block(search *s, const scan *sc, uint32_t vectors)
{
    if (!s->q->explain) return;
    size_t matching = scan_matching(sc);
    s->part->first = s->part->last = MV_STRATEGY_EXACT;
    s->part->matching += matching;
    s->part->counts.exact_distances += matching * vectors;
}

mv_err explain_start(search *s, mv_error *error)
{
    const view *v = s->r->seen->v;
    s->part = &s->not_explained;
    if (!s->q->explain) return MV_OK;
    uint32_t count = v->segments_count + 1;
    mv_plan_step *parts = search_alloc(s, count * sizeof *parts, error);
    if (!parts) return MV_NO_MEMORY;
    memset(parts, 0, count * sizeof *parts);
    for (uint32_t i = 0; i < v->segments_count; i++)
        parts[i].rows = view_live_rows(&v->segments[i]);
    parts[count - 1] = (mv_plan_step){.is_fresh = true, .rows = v->state.fresh_rows};
    s->r->parts = parts;
    s->r->parts_count = count;
    return MV_OK;
}
