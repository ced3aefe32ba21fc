/* MATCH in filters. A segment with a text index answers for all its rows by its ranked lists
 * (text_segment.h), and so do rows that wait for one (waiting_lists.h). The texts of other rows are
 * read. */
#include "read/scan_match.h"

#include <string.h>

#include "read/result.h"

static mv_err make_match(scan_match **list, const snapshot *s, const filter_match *test,
                         mem_arena *arena, mv_error *error)
{
    const schema_field *field = &s->v->schema->fields[test->field];
    scan_match *m = mem_arena_alloc(arena, sizeof *m);
    if (!m) return error_memory(error, sizeof *m, "a filter");
    *m = (scan_match){.test = test, .next = *list};
    MV_TRY(engine_acquire_analyzer(s->e, &field->index, field->type, &m->analyzer, error));
    *list = m; /* scan_match_end frees what it has, also after a failure */
    MV_TRY(text_query_data_read(&test->what, m->analyzer, TEXT_WORDS_ALL, &m->query, error));
    size_t cursors_size = (m->query.leaves_count + 1) * sizeof *m->cursors;
    m->cursors = mem_arena_alloc(arena, cursors_size);
    return m->cursors ? MV_OK : error_memory(error, cursors_size, "a filter");
}

mv_err scan_match_begin(scan_match **list, const snapshot *s, const filter_match *tests,
                        mem_arena *arena, mv_error *error)
{
    for (; tests; tests = tests->next) MV_TRY(make_match(list, s, tests, arena, error));
    return MV_OK;
}

/* By the lists of the segment. MV_CORRUPT: they are damaged. */
static mv_err match_lists(scan_match *m, const ranked_lists *lists, const index_column *column,
                          uint64_t *rows, mv_error *error)
{
    analysis terms = analysis_lend(column, m->analyzer);
    text_segment s = {.lists = lists,
                      .query = &m->query,
                      .cursors = m->cursors,
                      .terms = &terms,
                      .match = &m->match};
    mem_arena_clear(&m->arena);
    size_t size = m->query.leaves_count * sizeof *s.leaves;
    if (!(s.leaves = mem_arena_alloc(&m->arena, size)))
        return error_memory(error, size, "a filter");
    MV_TRY(text_segment_find(&s, &m->arena, error));
    bits_fill(rows, column->rows);
    return text_segment_match(&s, rows, &m->arena, error);
}

/* By reading the texts. */
static mv_err match_cells(scan_match *m, const index_column *column, uint64_t *rows,
                          mv_error *error)
{
    analysis terms = analysis_lend(column, m->analyzer);
    memset(rows, 0, bits_words(column->rows) * sizeof *rows);
    for (uint32_t row = 0; row < column->rows; row++) {
        bool matches;
        if (column->nulls && bits_get(column->nulls, row)) continue;
        MV_TRY(analysis_match(&terms, row, &m->match, error));
        MV_TRY(text_match_query(&m->match, &m->query, &matches, NULL, error));
        if (matches) bits_set(rows, row);
    }
    return MV_OK;
}

/* By the lists, or without any by reading the texts. MV_CORRUPT: the lists are damaged. */
static mv_err match_table(scan_match *m, const snapshot *s, const table *t,
                          const ranked_lists *lists, uint64_t *rows, mv_error *error)
{
    uint32_t field = m->test->field;
    index_column column = shared_index_column(&s->v->schema->fields[field], t, field);
    if (!m->query.leaves_count) {
        memset(rows, 0, bits_words(t->rows) * sizeof *rows);
        return MV_OK;
    }
    if (!lists) return match_cells(m, &column, rows, error);
    MV_TRY(match_lists(m, lists, &column, rows, error));
    for (size_t i = 0; column.nulls && i < bits_words(t->rows); i++) rows[i] &= ~column.nulls[i];
    return MV_OK;
}

static scan_match *match_of(scan_match *list, const filter_match *test)
{
    while (list->test != test) list = list->next;
    return list;
}

mv_err scan_match_segment(scan_match *list, const snapshot *s, uint32_t at,
                          const filter_match *test, uint64_t *rows, mv_error *error)
{
    const table *t = &s->v->segments[at].table;
    scan_match *m = match_of(list, test);
    shared_index *x;
    mv_error why;
    const ranked_lists *lists = text_segment_lists(s, at, test->field, &x);
    mv_err err = match_table(m, s, t, lists, rows, &why);
    if (err == MV_CORRUPT && x) {
        shared_index_note_damage(s->e, x, &why);
        return match_table(m, s, t, NULL, rows, error);
    }
    return err ? error_set(error, err, "%s", why.text) : MV_OK;
}

mv_err scan_match_fresh(scan_match *list, const snapshot *s, const table *t, waiting_lists *waiting,
                        const filter_match *test, uint64_t *rows, mv_error *error)
{
    const ranked_lists *lists = waiting_lists_get(waiting, s->v->schema, test->field, t);
    return match_table(match_of(list, test), s, t, lists, rows, error);
}

void scan_match_end(scan_match *list, const snapshot *s)
{
    for (scan_match *m = list; m; m = m->next) {
        const schema_field *field = &s->v->schema->fields[m->test->field];
        engine_release_analyzer(s->e, &field->index, field->type, m->analyzer);
        text_query_free(&m->query);
        text_match_free(&m->match);
        mem_arena_free(&m->arena);
    }
}
