/* Which commits survive a power cut: the mark of unsynced commits, and syncing. */
#ifndef MV_DURABILITY_H
#define MV_DURABILITY_H

#include "open/engine.h"

#define UNSYNCED_FILE "unsynced" /* holds the boot id: there are commits that were not synced */

/* Refuse (MV_CORRUPT) a collection written without syncing before the machine last went down. */
mv_err durability_check(const char *directory, mv_error *error);
bool durability_is_unsynced(const char *directory);
/* Is this the name of a mark that a process died over? Nobody is writing one while the caller has
 * the writers' lock. */
bool durability_is_unfinished_mark(const char *name);
/* Leave the mark that commits from now on are not synced. */
mv_err durability_mark(const char *directory, mv_error *error);
mv_err durability_sync_file(const char *directory, const char *name, mv_error *error);
/* Sync every file that the transaction sees and remove the mark. The caller has the writers' lock.
 */
mv_err durability_sync(engine *e, catalog_txn *txn, mv_error *error);

#endif
