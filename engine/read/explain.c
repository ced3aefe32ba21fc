/* Explaining a search: what was done with each segment, and how long it took. */
#include "read/explain.h"

#include <string.h>

double explain_now(const search *s)
{
    return s->q->explain ? os_seconds() : 0;
}

void explain_begin_step(search *s, uint32_t source)
{
    mv_assert(source == RESULT_FRESH || source < s->r->seen->v->segments_count);
    s->step = &s->discarded_step;
    if (s->q->explain)
        s->step = &s->r->steps[source == RESULT_FRESH ? s->r->steps_count - 1 : source];
}

void explain_begin_round(search *s)
{
    for (size_t i = 0; i < s->r->steps_count; i++) s->r->steps[i].matching = 0;
}

void explain_note_block(search *s, const scan *sc, uint32_t first, uint32_t vectors)
{
    if (!s->q->explain) return;
    size_t matching = scan_matching(sc);
    s->step->first = s->step->last = MV_STRATEGY_EXACT;
    s->step->expected_recall = 1;
    s->step->matching += matching;
    if (!vectors || first == sc->count) return;
    const uint64_t *rest = sc->matches ? sc->matches + first / 64 : NULL;
    size_t measured = rest ? bits_count(rest, sc->count - first) : sc->count - first;
    s->step->counts.exact_distances += measured * vectors;
}

mv_err explain_begin(search *s, mv_error *error)
{
    const view *v = s->r->seen->v;
    s->step = &s->discarded_step;
    if (!s->q->explain) return MV_OK;
    uint32_t count = v->segments_count + 1;
    mv_plan_step *steps = search_alloc(s, count * sizeof *steps, error);
    if (!steps) return MV_NO_MEMORY;
    memset(steps, 0, count * sizeof *steps);
    for (uint32_t i = 0; i < v->segments_count; i++)
        steps[i].rows = view_seen_rows(&v->segments[i]);
    steps[count - 1] = (mv_plan_step){.is_fresh = true, .rows = v->state.fresh_rows};
    s->r->steps = steps;
    s->r->steps_count = count;
    return MV_OK;
}
