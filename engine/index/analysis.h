/* The terms of a string field: of a text those that an analyzer finds (text/text.h), of an array of
 * strings its elements, unchanged. */
#ifndef MV_ANALYSIS_H
#define MV_ANALYSIS_H

#include "index/index.h"
#include "text/text_match.h"

typedef struct analysis {
    const index_column *column; /* lent: how its cells are read */
    text_analyzer *analyzer;    /* NULL: of an array */
} analysis;

/* The analyzer of what people ask in a field of this type, and of its texts. `options` are complete
 * ones of a text index. Of an array of strings it splits at white space. As text_analyzer_make. */
mv_err analysis_make(mv_type type, const mv_index_options *options, text_analyzer **out,
                     mv_error *error);

/* Begin. `options` are complete ones of a text index. The column is lent; of an array its type and
 * functions are used. As text_analyzer_make. */
mv_err analysis_begin(analysis *a, const index_column *column, const mv_index_options *options,
                      mv_error *error);
void analysis_end(analysis *a);

/* The same with an analyzer that is lent: analysis_end is not called. */
static inline analysis analysis_lend(const index_column *column, text_analyzer *analyzer)
{
    return (analysis){column, column->type & MV_ARRAY ? NULL : analyzer};
}

/* The value of a row of a column, which is not NULL. MV_CORRUPT: it lies outside of the column. */
mv_err analysis_value(const index_column *column, uint32_t row, const uint8_t **cell, size_t *size,
                      mv_error *error);

/* What is done with a term: it is lent. */
typedef mv_err analysis_visit(void *ctx, const char *term, uint32_t size, uint32_t position,
                              mv_error *error);

/* Visit the terms of a cell. MV_CORRUPT: the cell is damaged. */
mv_err analysis_cell(const analysis *a, const uint8_t *cell, size_t size, analysis_visit *visit,
                     void *ctx, mv_error *error);

/* Make the terms of a row, which is not NULL, a document (text/text_match.h). MV_CORRUPT: its cell
 * is damaged. */
mv_err analysis_match(const analysis *a, uint32_t row, text_match *match, mv_error *error);

#endif
