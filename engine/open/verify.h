/* Verifying a commit as a whole. */
#ifndef MV_VERIFY_H
#define MV_VERIFY_H

#include "open/snapshot.h"

/* Verify all that a snapshot shows, except the content of its index files, which no answer depends
 * on (I14). A snapshot of a writer must be of the last commit: the writer has changed nothing.
 * MV_CORRUPT: the text names the file. MV_BUSY: two commits came meanwhile, and pages were used
 * again; a snapshot of a writer never meets that. */
mv_err verify_content(const snapshot *s, mv_error *error);
/* Verify the index files. */
mv_err verify_indexes(const snapshot *s, mv_error *error);

#endif
