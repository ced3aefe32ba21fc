/* Durability: the marks of commits that are not on disk, and syncing what a catalog names (I12). */
#ifndef MV_DURABILITY_H
#define MV_DURABILITY_H

#include "open/engine.h"

#define UNSYNCED_FILE "unsynced" /* there are commits that were not synced */
#define IN_DOUBT_FILE "in-doubt" /* a failed commit may still reach the disk */

/* Refuse (MV_CORRUPT) a collection written without syncing before the machine last went down. */
mv_err durability_check(const char *directory, mv_error *error);
/* Are there commits that were not synced? */
mv_err durability_is_unsynced(const char *directory, bool *unsynced, mv_error *error);
/* Are all commits on disk, and no other? */
mv_err durability_is_durable(const char *directory, bool *durable, mv_error *error);
/* True for the name of a mark that a process left unfinished when it died. The caller has the
 * writers' lock, under which alone such marks are written. */
bool durability_is_unfinished_mark(const char *name);
/* Is the file at `path` what its name says, UNSYNCED_FILE or IN_DOUBT_FILE? */
mv_err durability_identify_mark(const char *path, const char *name, bool *is_ours, mv_error *error);
/* Write the mark "unsynced", synced: commits from now on are not synced. */
mv_err durability_mark(const char *directory, mv_error *error);
/* Write the mark "in-doubt", after a commit whose outcome is not known. The caller has the
 * writers' lock. */
mv_err durability_mark_in_doubt(const char *directory, mv_error *error);

/* For both of these the caller has the writers' lock, and `txn` has changed nothing yet. */

/* Take back a commit in doubt (I18). Call it before any change. */
mv_err durability_settle(engine *e, catalog_txn *txn, mv_error *error);
/* Settle, sync the catalog and every file that `txn` names, then remove the mark "unsynced"; do
 * nothing if there is no mark. After a failure nothing counts as synced: the next call writes all
 * bytes again and verifies them. MV_CORRUPT: the system has lost some; the text names the file. */
mv_err durability_sync(engine *e, catalog_txn *txn, mv_error *error);

#endif
