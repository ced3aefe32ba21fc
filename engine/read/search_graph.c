/* Searching a segment by its index, with the strategy that the index expects to be cheapest for the
 * rows that match the filter. An index never decides what is right (I14): where it is found
 * damaged, the segment is searched exactly. */
#include "read/search_graph.h"

#include <string.h>

#include "read/explain.h"

#define GRAPH_TURN_VECTORS 32u /* that a thread takes at a time, at most */

/* A segment that is searched by its index, and its matching rows. */
typedef struct graph_search {
    const search *s;
    shared_index *g;
    const table *t;
    uint32_t source;
    uint32_t matching;       /* how many rows match */
    const uint64_t *matches; /* a bitmap of them; NULL: all rows match, or they are in `list` */
    const uint32_t *list;    /* a list of them; NULL: they are not listed */
    mv_strategy first, last; /* for the last vector; AUTO: it was not searched for */
} graph_search;

static bool has_use_for_graph(const search *s, const shared_index *g, uint32_t capacity)
{
    return shared_index_is_usable(g) && g->type->search && !search_is_exact(s) &&
           capacity <= g->type->hits_max;
}

bool search_graph_is_used(const search *s, uint64_t wanted)
{
    const view *v = s->r->seen->v;
    for (uint32_t i = 0; i < v->segments_count; i++)
        if (has_use_for_graph(s, v->segments[i].indexes[s->q->vector_field],
                              search_capacity(s, wanted)))
            return true;
    return false;
}

/* The query for `count` vectors, from vector `first` on. */
static index_query query_of(const search *s, const graph_search *gs, uint32_t first, uint32_t count)
{
    return (index_query){.vectors = s->vectors + first * s->vector_size,
                         .vector_size = s->vector_size,
                         .count = count,
                         .exact = &s->queries[first],
                         .recall = s->q->recall,
                         .ef = s->q->ef,
                         .no_refine = s->q->no_refine,
                         .strategy = s->q->strategy,
                         .matches = gs->matches,
                         .list = gs->list,
                         .matching = gs->matching,
                         .source = gs->source,
                         .docids = gs->t->docids};
}

/* Find the matching rows as a bitmap. */
static mv_err find_bits(search *s, scan *sc, graph_search *gs, mv_error *error)
{
    uint64_t *matches = search_alloc(s, bits_words(gs->t->rows) * sizeof *matches, error);
    if (!matches) return MV_NO_MEMORY;
    MV_TRY(scan_segment(sc, matches, error));
    gs->matches = matches;
    gs->list = NULL;
    gs->matching = (uint32_t)bits_count(matches, gs->t->rows);
    return MV_OK;
}

/* Find the matching rows as a list, if the index would look at each of them anyway. Few rows are
 * listed and read faster than a bitmap: if 0.1 % of 200,000 rows match, a search takes 6 us instead
 * of 10, if 1 % match 18 us instead of 24. */
static mv_err find_list(search *s, scan *sc, graph_search *gs, mv_error *error)
{
    uint32_t least, *list;
    MV_TRY(scan_estimate(sc, &least, &gs->matching, error));
    index_query query = query_of(s, gs, 0, s->count);
    if (!gs->g->type->scans_all(gs->g->opened, &query, s->tops[0].capacity)) return MV_OK;
    MV_TRY(scan_list(sc, &list, &gs->matching, error));
    gs->list = list;
    return MV_OK;
}

/* Find the matching rows of the segment. */
static mv_err find_matching(search *s, scan *sc, graph_search *gs, mv_error *error)
{
    double begun = explain_now(s);
    if (s->f) {
        MV_TRY(find_list(s, sc, gs, error));
        if (!gs->list) MV_TRY(find_bits(s, sc, gs, error));
    } else {
        gs->matches = gs->t->live;
        gs->matching = (uint32_t)view_seen_rows(&s->r->seen->v->segments[gs->source]);
    }
    s->step->matching = gs->matching;
    s->step->filter_seconds += explain_now(s) - begun;
    return MV_OK;
}

/* Search for some of the vectors. Where the index is damaged, is_found stays false and the heap is
 * as it was. */
static mv_err search_graph_for(void *ctx, team_member *me, uint32_t begin, uint32_t end)
{
    graph_search *gs = ctx;
    const search *s = gs->s;
    index_query query = query_of(s, gs, begin, end - begin);
    index_report report = {.searched = s->is_found + begin};
    if (!shared_index_is_usable(gs->g)) return MV_OK;
    mv_err err = index_search(gs->g->type, gs->g->opened, &query, &s->tops[begin], &me->scratch,
                              &report, &me->error);
    if (err == MV_CORRUPT || report.is_damaged)
        shared_index_note_damage(s->r->e, gs->g, &me->error);
    if (err && err != MV_CORRUPT) return err;
    index_add_counts(&me->counts, &report.counts);
    if (end == s->count) {
        gs->first = report.first;
        gs->last = report.last;
    }
    return MV_OK;
}

/* Search for all vectors. */
static mv_err search_by_graph(search *s, graph_search *gs, mv_error *error)
{
    team *t = s->team;
    uint32_t turns = s->count / (t->count * GRAPH_TURN_VECTORS) + 1, /* of each member */
        turn = s->count / (t->count * turns) + 1;
    memset(s->is_found, 0, s->count * sizeof *s->is_found);
    MV_TRY(team_run(t, search_graph_for, gs, s->count, turn, error));
    team_take_counts(t, &s->step->counts);
    s->step->first = gs->first;
    s->step->last = gs->last;
    s->step->expected_recall = s->q->recall > 0 ? s->q->recall : MV_RECALL_DEFAULT;
    if (s->q->ef) s->step->expected_recall = 0;
    return MV_OK;
}

/* Search exactly for the vectors whose hits were not found. */
static mv_err search_not_found(search *s, scan *sc, graph_search *gs, mv_error *error)
{
    flat_rows rows = search_rows_of(s, gs->t, gs->source);
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->is_found[i]) continue;
        if (gs->list) MV_TRY(find_bits(s, sc, gs, error));
        s->step->first = s->step->last = MV_STRATEGY_EXACT;
        s->step->expected_recall = 1;
        s->step->counts.exact_distances += gs->matching;
        flat_search(&s->queries[i], &rows, 0, gs->t->rows, gs->matches, &s->tops[i]);
    }
    return MV_OK;
}

mv_err search_graph_segment(search *s, scan *sc, uint32_t source, bool *done, mv_error *error)
{
    const view_segment *segment_now = &s->r->seen->v->segments[source];
    graph_search gs = {.s = s,
                       .g = segment_now->indexes[s->q->vector_field],
                       .t = &segment_now->table,
                       .source = source};
    mv_assert(source == sc->next_segment && !sc->next_row);
    *done = false;
    if (!has_use_for_graph(s, gs.g, s->tops[0].capacity)) return MV_OK;
    explain_begin_step(s, source);
    MV_TRY(find_matching(s, sc, &gs, error));
    double begun = explain_now(s);
    if (gs.matching) {
        MV_TRY(search_by_graph(s, &gs, error));
        MV_TRY(search_not_found(s, sc, &gs, error));
    }
    s->step->search_seconds += explain_now(s) - begun;
    *done = true;
    return MV_OK;
}
