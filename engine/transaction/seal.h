/* Sealing: fresh rows become a segment. */
#ifndef MV_SEAL_H
#define MV_SEAL_H

#include "transaction/writer.h"

/* Fresh rows are sealed into a segment when they pass a sixteenth of the collection within these
 * bounds, so that scanning them row by row never dominates a search, nor many tiny segments. */
#define SEAL_ROWS_MIN  4096u
#define SEAL_ROWS_MAX  65536u
#define SEAL_BYTES_MAX (64u << 20)

/* Write all fresh rows, and `rows_count` more given in `rows` with docids from `first_docid` on, as
 * one segment. Rows whose id is NULL are left out. */
mv_err seal_rows(writer *w, const row_parts *rows, uint32_t rows_count, uint64_t first_docid,
                 mv_error *error);
bool seal_is_due(const writer *w);

#endif
