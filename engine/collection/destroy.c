/* Removing a collection that no process has open. */
#include "open/own_files.h"

mv_err mv_destroy(const char *path, mv_error *error)
{
    char real_path[OS_PATH_SIZE];
    os_file claim;
    os_kind there;
    MV_TRY(os_look(path, &there, error));
    if (there == OS_NOTHING)
        return error_set(error, MV_NOT_FOUND, "there is no collection '%s'", path);
    if (there != OS_DIRECTORY)
        return error_set(error, MV_CORRUPT, "'%s' is not a collection: it is not a directory",
                         path);
    MV_TRY(os_real_path(path, real_path, error));
    MV_TRY(own_files_claim(real_path, &claim, error));
    mv_err err = own_files_remove(real_path, error);
    os_close(claim);
    return err;
}
