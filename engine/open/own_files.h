/* Which files of a directory are a collection's. Whatever removes or replaces files asks here.
 * Content decides, except for the files listed at own_files_identify and own_files_remove. */
#ifndef MV_OWN_FILES_H
#define MV_OWN_FILES_H

#include "base/os.h"

/* The name of the catalog while its collection is removed. */
#define DESTROYED_FILE "destroyed.mdb"

/* Is this file of the directory one of a collection? Some are taken for one by their names: an
 * unfinished file (`.new`), which may contain anything, the lock files of the catalog, which
 * opening writes again, and the file of last uses. The caller knows that there is a collection, or
 * was one in the making. A file of a segment or index whose header is damaged is not recognized. */
mv_err own_files_identify(const char *directory, const char *name, bool *is_ours, mv_error *error);
/* Claim the collection in `directory`, a real path, for removing or replacing it: from now on it
 * cannot be opened. A claim ends when *claim is closed. MV_CORRUPT: there is no collection, or none
 * that can be recognized. MV_BUSY: it is open, or claimed by another. */
mv_err own_files_claim(const char *directory, os_file *claim, mv_error *error);
/* Find a file that is not of a collection. `other` becomes its name, or "". */
mv_err own_files_find_other(const char *directory, char other[OS_PATH_SIZE], mv_error *error);
/* Remove the claimed collection in `directory`, and the directory unless it has other files, which
 * stay. A file that the catalog names is removed whatever is in it. If the collection was written
 * without syncing before the machine last went down, so is every file with the name of a segment or
 * index, since its content may never have reached the disk. Synced. If that fails or the process
 * dies, the rest can be claimed and removed again. */
mv_err own_files_remove(const char *directory, mv_error *error);
/* Remove a directory in which all files are known to be of a collection that nobody has seen, as
 * far as that is possible. Not synced. */
void own_files_discard(const char *directory);
/* The same for a directory that a dead process left, unless it has other files or is open. The
 * caller has locked it. */
void own_files_sweep(const char *directory);

#endif
