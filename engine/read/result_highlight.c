/* Snippets of the text of a hit, with the words that were searched for marked. */
#include "read/result.h"

/* The text of a hit in a string field. NULL: the field is NULL. */
static mv_err text_of_hit(mv_result *r, size_t position, uint32_t field, mv_value *value,
                          mv_error *error)
{
    const mv_schema *schema = mv_result_schema(r);
    MV_TRY(result_check(r, error));
    if (field >= schema->fields_count || schema->fields[field].type != MV_STRING ||
        schema->fields[field].index.type != MV_INDEX_TEXT)
        return error_set(error, MV_MISUSE, "highlights need a string field with a text index");
    return mv_result_value(r, position, field, value, error);
}

mv_err mv_result_highlight(mv_result *r, size_t position, const mv_highlight *how,
                           const mv_snippet **snippets, uint32_t *count, mv_error *error)
{
    mv_value value;
    text_analyzer *analyzer;
    text_query query = {0};
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
    mv_err err =
        text_query_parse(how->text, how->text_size, analyzer, TEXT_WORDS_ANY, &query, error);
    if (!err)
        err = text_highlight_make(r->highlight, analyzer, &query, value.as.string.data,
                                  value.as.string.size, &options, error);
    engine_release_analyzer(r->e, index, analyzer);
    text_query_free(&query);
    if (err) return err;
    *count = r->highlight->snippets_count;
    for (uint32_t i = 0; i < *count; i++)
        r->snippets[i] =
            (mv_snippet){r->highlight->snippets[i].text, r->highlight->snippets[i].size};
    *snippets = r->snippets;
    return MV_OK;
}
