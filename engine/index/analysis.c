/* The terms of a string field (analysis.h). */
#include "index/analysis.h"

#include "base/type.h"

mv_err analysis_make(mv_type type, const mv_index_options *options, text_analyzer **out,
                     mv_error *error)
{
    text_options how = text_options_of(&options->as.text);
    if (type & MV_ARRAY) how = (text_options){.tokenizer = TEXT_WHITESPACE};
    return text_analyzer_make(&how, out, error);
}

mv_err analysis_begin(analysis *a, const index_column *column, const mv_index_options *options,
                      mv_error *error)
{
    *a = (analysis){.column = column};
    if (column->type & MV_ARRAY) return MV_OK;
    return analysis_make(column->type, options, &a->analyzer, error);
}

void analysis_end(analysis *a)
{
    text_analyzer_free(a->analyzer);
    a->analyzer = NULL;
}

static mv_err damaged_text(mv_error *error)
{
    return error_set(error, MV_CORRUPT, "a value of the text column is damaged");
}

mv_err analysis_value(const index_column *column, uint32_t row, const uint8_t **cell, size_t *size,
                      mv_error *error)
{
    return index_column_cell(column, row, cell, size) ? MV_OK : damaged_text(error);
}

/* Elements of no bytes are left out, long ones are cut. */
static mv_err visit_elements(const analysis *a, const uint8_t *cell, size_t size,
                             analysis_visit *visit, void *ctx, mv_error *error)
{
    const index_column *column = a->column;
    uint32_t count = column->array_count(column->type, cell, size);
    if (count == UINT32_MAX) return damaged_text(error);
    for (uint32_t i = 0; i < count; i++) {
        const char *term;
        uint32_t term_size;
        if (!column->array_string(cell, size, i, &term, &term_size)) return damaged_text(error);
        if (term_size > TEXT_TERM_MAX) term_size = TEXT_TERM_MAX;
        if (term_size) MV_TRY(visit(ctx, term, term_size, i, error));
    }
    return MV_OK;
}

mv_err analysis_cell(const analysis *a, const uint8_t *cell, size_t size, analysis_visit *visit,
                     void *ctx, mv_error *error)
{
    text_token token;
    if (!a->analyzer) return visit_elements(a, cell, size, visit, ctx, error);
    text_begin(a->analyzer, cell, size, false);
    while (text_next(a->analyzer, &token))
        MV_TRY(visit(ctx, token.term, token.size, token.position, error));
    return MV_OK;
}

static mv_err add_to_match(void *ctx, const char *term, uint32_t size, uint32_t position,
                           mv_error *error)
{
    text_token token = {.term = term, .size = size, .position = position};
    return text_match_add(ctx, &token, error);
}

mv_err analysis_match(const analysis *a, uint32_t row, text_match *match, mv_error *error)
{
    const uint8_t *cell;
    size_t size;
    MV_TRY(analysis_value(a->column, row, &cell, &size, error));
    if (a->analyzer) return text_match_read(match, a->analyzer, cell, size, error);
    text_match_begin(match);
    return visit_elements(a, cell, size, add_to_match, match, error);
}
