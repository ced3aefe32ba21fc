/* Durability: the mark of unsynced commits, and syncing what a catalog names (I12). */
#ifndef MV_DURABILITY_H
#define MV_DURABILITY_H

#include "open/engine.h"

#define UNSYNCED_FILE "unsynced" /* holds the boot id: there are commits that were not synced */

/* Refuse (MV_CORRUPT) a collection written without syncing before the machine last went down. */
mv_err durability_check(const char *directory, mv_error *error);
bool durability_is_unsynced(const char *directory);
/* True for the name of a mark that a process left unfinished when it died. The caller has the
 * writers' lock, under which alone marks are written. */
bool durability_is_unfinished_mark(const char *name);
/* Write the mark, synced: commits from now on are not synced. */
mv_err durability_mark(const char *directory, mv_error *error);
/* Sync a file of the collection. MV_NOT_FOUND. */
mv_err durability_sync_file(const char *directory, const char *name, mv_error *error);
/* Sync the catalog and every file that `txn` names, then remove the mark. The caller has the
 * writers' lock. */
mv_err durability_sync(engine *e, catalog_txn *txn, mv_error *error);

#endif
