/* Building the ranked lists of a column of sparse vectors: lists of weights (ranked.h). */
#ifndef MV_SPARSE_BUILD_H
#define MV_SPARSE_BUILD_H

#include "index/ranked.h"

typedef struct sparse_builder sparse_builder;

/* The column is lent as long as the builder lives. MV_NO_MEMORY. */
mv_err sparse_build_begin(const index_column *column, sparse_builder **out, mv_error *error);
/* Work until `until` (os_seconds), at least a little. *more is false when the lists are complete.
 * MV_NO_MEMORY. MV_CORRUPT: a vector is damaged. MV_LIMIT. */
mv_err sparse_build_step(sparse_builder *b, double until, bool *more, mv_error *error);
void sparse_build_progress(const sparse_builder *b, uint64_t *done, uint64_t *total);
/* The parts of the complete lists, lent by the builder. Returns their number. */
uint32_t sparse_build_parts(const sparse_builder *b, index_part parts[INDEX_PARTS_MAX]);
void sparse_build_free(sparse_builder *b); /* NULL is fine */

#endif
