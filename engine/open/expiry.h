/* The rows of a segment that readers see: neither deleted nor expired. */
#ifndef MV_EXPIRY_H
#define MV_EXPIRY_H

#include "open/deletions.h"
#include "open/shared_segment.h"

/* Derive the rows that are seen at second `now`, with a reference for the caller. `live`: those not
 * deleted (NULL: all). `field` says when they expire. *seen is NULL if no row of `live` has
 * expired; *until is the second at which the next one does. The caller has the engine's mutex. */
mv_err expiry_derive_locked(shared_segment *shared, uint32_t field, const live_rows *live,
                            int64_t now, live_rows **seen, int64_t *until, mv_error *error);
void expiry_free(struct expiry *x); /* NULL is fine */

#endif
