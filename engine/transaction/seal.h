/* Sealing: the fresh rows become a segment. */
#ifndef MV_SEAL_H
#define MV_SEAL_H

#include "transaction/writer.h"

/* Fresh rows are sealed when they are more than 1/16 of the documents, within these bounds. Chosen
 * so that neither the scan of fresh rows, one by one, nor many small segments dominate a search. */
#define SEAL_ROWS_ONE_IN 16u
#define SEAL_ROWS_MIN    4096u
#define SEAL_ROWS_MAX    65536u
#define SEAL_BYTES_MAX   (64u << 20) /* as much as a merge always copies (merge_plan.c) */

/* Write all fresh rows, then the `rows_count` rows of `rows`, as one segment, and settle the
 * writer. rows[i] has docid first_docid + i, above those of all fresh rows (I5). Rows whose id is
 * NULL are left out. `rows` are lent. */
mv_err seal_rows(writer *w, const row_parts *rows, uint32_t rows_count, uint64_t first_docid,
                 mv_error *error);
/* True when there are enough fresh rows for a segment. */
bool seal_is_due(const writer *w);

#endif
