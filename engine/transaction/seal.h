/* Sealing: the fresh rows become a segment. */
#ifndef MV_SEAL_H
#define MV_SEAL_H

#include "transaction/writer.h"

/* Fresh rows are sealed when they are more than 1/16 of the documents, within these bounds. Few
 * fresh rows are left: the scan of them, one by one, does not dominate a search, and nearly all
 * documents get into indexes. At the lower bound a segment begins to be worth an index, and at the
 * upper one an index still takes little time: a process that ends finishes it (maintain.h). */
#define SEAL_ROWS_ONE_IN 16u
#define SEAL_ROWS_MIN    1024u
#define SEAL_ROWS_MAX    4096u       /* a batch of so many rows becomes a segment at once */
#define SEAL_BYTES_MAX   (64u << 20) /* as much as a merge always copies (merge_plan.c) */
/* With manual maintenance writers seal only because of the space: fresh rows make the catalog's
 * file long, and it never gets shorter. 16 MiB are 4,096 rows of 1,024 dims. */
#define SEAL_BYTES_MANUAL (16u << 20)

/* The rows to seal, in the order of docids: the fresh rows, then those of a batch. */
typedef struct sealing {
    const mv_schema *schema;
    const uint8_t **encoded; /* fresh rows, as in the catalog */
    uint64_t *docids;        /* of all rows */
    const row_parts **parts; /* rows of the batch */
    uint32_t encoded_count;
} sealing;

/* Write all fresh rows, then the `rows_count` rows of `rows`, as one segment, and settle the
 * writer. rows[i] has docid first_docid + i, above those of all fresh rows (I5). Rows whose id is
 * NULL are left out. `rows` are lent. */
mv_err seal_rows(writer *w, const row_parts *rows, uint32_t rows_count, uint64_t first_docid,
                 mv_error *error);
/* True when there are enough fresh rows for a segment. */
bool seal_is_due(const engine_state *state);
/* The same for writers, which with manual maintenance seal only when the rows take
 * SEAL_BYTES_MANUAL. */
bool seal_is_due_for_writer(const writer *w);
/* Verify a fresh row that is to be written again: a damaged one must not get a valid checksum. */
mv_err seal_check_row(const mv_schema *schema, uint64_t docid, const catalog_value *value,
                      mv_error *error);
/* The first `count` of these rows as the source of a segment. `s` is lent. */
segment_source seal_source(sealing *s, uint32_t count);

#endif
