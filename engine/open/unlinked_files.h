/* Files that were unlinked and are still open. The process that closes the last descriptor or
 * mapping of a file frees its pages: 0.2 to 0.6 s for 1 GB. A writer that did so under the writers'
 * lock would keep all others waiting, so it hands the descriptor to the thread of maintenance. That
 * closes it after UNLINKED_SECONDS: by then, processes that search have read a newer commit and
 * unmapped the file, and so do not pay for it in a search.
 *
 * Unmapping takes long, too. So the thread also unmaps the files that are closed with the last view
 * that names them (engine.closed), which any query or write may release. */
#ifndef MV_UNLINKED_FILES_H
#define MV_UNLINKED_FILES_H

#include "open/engine.h"

#define UNLINKED_SECONDS 5.0 /* chosen */

/* Unlink a file. Its pages are freed by one of the calls below. A file that does not exist is no
 * error. */
mv_err unlinked_files_add(engine *e, const char *path, mv_error *error);
/* Close those that were unlinked UNLINKED_SECONDS ago, and unmap closed ones. Returns the seconds until the next one is to
 * be closed, or -1 if there is none. Called without locks. */
double unlinked_files_close_due(engine *e);
/* Close and unmap all. */
void unlinked_files_close_all(engine *e);
/* Close all if this process has no thread of maintenance, which would. Called without locks. */
void unlinked_files_leave(engine *e);

#endif
