/* What a collection forgets by itself, within a write transaction: documents that have expired, and
 * those beyond the limits (mv_retention). After a failure the transaction can only be undone (I11):
 * the caller sees to that. */
#ifndef MV_RETENTION_H
#define MV_RETENTION_H

#include "transaction/writer.h"

/* Remove documents that have expired: all fresh ones, and up to `most` of segments. Adds to
 * *removed. */
mv_err retention_expire(writer *w, uint64_t most, uint64_t *removed, mv_error *error);
/* Documents were written, with docids from `first` on. Remove some that have expired, and as many
 * as the limits demand. */
mv_err retention_apply(writer *w, uint64_t first, mv_error *error);
/* The schema has changed, and with it the limits or the sizes of rows: count bytes again, if they
 * are limited, and remove what the limits demand. The writer is settled, before and after. */
mv_err retention_apply_schema(writer *w, mv_error *error);

#endif
