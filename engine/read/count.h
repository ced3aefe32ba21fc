/* Counting documents. */
#ifndef MV_COUNT_H
#define MV_COUNT_H

#include "open/snapshot.h"

/* All documents that have not expired. Reads no rows, unless a fresh row has expired. */
mv_err count_documents(const snapshot *s, uint64_t *count, mv_error *error);

#endif
