/* A collection in the making: a directory beside its path, which gets the path when it is whole. So
 * others see a whole collection or none. */
#ifndef MV_BUILDING_H
#define MV_BUILDING_H

#include "base/os.h"

typedef struct building {
    char path[OS_PATH_SIZE]; /* of the directory to fill */
    os_file lock;            /* on the directory: its maker is alive */
} building;

/* Make the directory, empty. What dead processes left beside `target` is removed first. */
mv_err building_begin(const char *target, building *b, mv_error *error);
/* Give the directory its path. Synced. MV_EXISTS: there is something else than an empty directory.
 * Ends the building, in any case. */
mv_err building_finish(building *b, const char *target, mv_error *error);
/* The same in exchange for the collection at `target`, a real path, which the caller has claimed
 * (own_files.h): it is removed. Readers see one or the other at each moment. */
mv_err building_replace(building *b, const char *target, mv_error *error);
/* Remove the directory. */
void building_undo(building *b);

#endif
