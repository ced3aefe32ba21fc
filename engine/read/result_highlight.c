/* Snippets of the text of a hit, with the words that were searched for marked. */
#include "read/result.h"

/* What was searched for, as the analyzer of a field reads it. */
typedef struct result_query {
    struct result_query *next;
    uint32_t field;
    text_query query;
} result_query;

void result_highlight_forget(mv_result *r)
{
    for (result_query *q = r->queries; q; q = q->next) text_query_free(&q->query);
    r->queries = NULL;
    r->match = (mv_match){0};
}

/* The text of a hit in a string field. NULL: the field is NULL. */
static mv_err text_of_hit(mv_result *r, size_t position, uint32_t field, mv_value *value,
                          mv_error *error)
{
    const mv_schema *schema = mv_result_schema(r);
    MV_TRY(result_check(r, error));
    if (!r->match.count)
        return error_set(error, MV_MISUSE, "highlights need hits of a search by text");
    if (field >= schema->fields_count || schema->fields[field].type != MV_STRING ||
        schema->fields[field].index.type != MV_INDEX_TEXT)
        return error_set(error, MV_MISUSE, "highlights need a string field with a text index");
    return mv_result_value(r, position, field, value, error);
}

/* Read what was searched for as the field reads it, once for all hits. */
static mv_err query_of_field(mv_result *r, uint32_t field, text_analyzer *analyzer,
                             const text_query **out, mv_error *error)
{
    result_query *q = r->queries;
    while (q && q->field != field) q = q->next;
    if (!q) {
        q = mem_arena_alloc(&r->arena, sizeof *q);
        if (!q) return error_memory(error, sizeof *q, "highlights");
        *q = (result_query){.field = field};
        mv_err err = text_query_data_read(&r->match, analyzer, TEXT_WORDS_ANY, &q->query, error);
        if (err) {
            text_query_free(&q->query);
            return err;
        }
        q->next = r->queries;
        r->queries = q;
    }
    *out = &q->query;
    return MV_OK;
}

mv_err mv_result_highlight(mv_result *r, size_t position, const mv_highlight *how,
                           const mv_snippet **snippets, uint32_t *count, mv_error *error)
{
    mv_value value;
    text_analyzer *analyzer;
    const text_query *query;
    *count = 0;
    MV_TRY(text_of_hit(r, position, how->field, &value, error));
    if (value.kind == MV_KIND_NULL) return MV_OK;
    const mv_index_options *index = &mv_result_schema(r)->fields[how->field].index;
    text_highlight_options options = {.open = how->open,
                                      .close = how->close,
                                      .size = how->size,
                                      .count = how->count,
                                      .escapes_html = how->escape_html};
    if (!r->highlight && !(r->highlight = mem_alloc_zero(sizeof *r->highlight)))
        return error_memory(error, sizeof *r->highlight, "highlights");
    MV_TRY(engine_acquire_analyzer(r->e, index, MV_STRING, &analyzer, error));
    mv_err err = query_of_field(r, how->field, analyzer, &query, error);
    if (!err)
        err = text_highlight_make(r->highlight, analyzer, query, value.as.string.data,
                                  value.as.string.size, &options, error);
    engine_release_analyzer(r->e, index, MV_STRING, analyzer);
    if (err) return err;
    *count = r->highlight->snippets_count;
    for (uint32_t i = 0; i < *count; i++)
        r->snippets[i] =
            (mv_snippet){r->highlight->snippets[i].text, r->highlight->snippets[i].size};
    *snippets = r->snippets;
    return MV_OK;
}
