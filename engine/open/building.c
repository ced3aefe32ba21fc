/* Making collections beside their paths.
 *
 * A directory that a process makes has the name PATH.new-<process>-<number>, and is locked (flock)
 * until it is renamed or removed. An unlocked one was left by a process that died. It is removed by
 * the next process that makes a collection at the path, if all files in it are of a collection. */
#include "open/building.h"

#include "open/own_files.h"

/* Lock the directory. *got: no other process has it locked, and it is still at its path. */
static mv_err try_lock_directory(const char *path, os_file *lock, bool *got, mv_error *error)
{
    *got = false;
    mv_err err = os_open_directory(path, lock, error);
    if (!err) err = os_try_lock(*lock, got, path, error);
    if (!err && *got) *got = os_is_file_at(*lock, path);
    if (err || !*got) {
        os_close(*lock);
        *lock = OS_FILE_NONE;
    }
    return err;
}

/* ---------------------------------------------------------------- leftovers */

typedef struct sweep {
    const char *target;
    const char *parent;
} sweep;

static mv_err sweep_beside(void *ctx, const char *name, mv_error *error)
{
    const sweep *s = ctx;
    char path[OS_PATH_SIZE];
    os_file lock = OS_FILE_NONE;
    bool got;
    if (!os_is_name_beside(s->target, name)) return MV_OK;
    MV_TRY(os_join(path, s->parent, name, error));
    if (!try_lock_directory(path, &lock, &got, NULL) && got) own_files_sweep(path);
    os_close(lock);
    return MV_OK;
}

static void sweep_leftovers(const char *target)
{
    char parent[OS_PATH_SIZE];
    sweep s = {target, parent};
    if (!os_parent(target, parent, NULL)) (void)os_each_entry(parent, sweep_beside, &s, NULL);
}

/* ---------------------------------------------------------------- making */

mv_err building_begin(const char *target, building *b, mv_error *error)
{
    bool got = false;
    b->lock = OS_FILE_NONE;
    sweep_leftovers(target);
    while (!got) {
        MV_TRY(os_make_directory_beside(target, b->path, error));
        mv_err err = try_lock_directory(b->path, &b->lock, &got, error);
        if (err && err != MV_NOT_FOUND) { /* else another process has swept it before the lock */
            (void)os_remove_directory(b->path, NULL);
            return err;
        }
    }
    return MV_OK;
}

static void end_lock(building *b)
{
    os_unlock(b->lock);
    os_close(b->lock);
    b->lock = OS_FILE_NONE;
}

typedef struct inheritance {
    const char *directory;
    char parent[OS_PATH_SIZE]; /* of the target */
} inheritance;

static mv_err inherit_entry(void *ctx, const char *name, mv_error *error)
{
    const inheritance *i = ctx;
    char path[OS_PATH_SIZE];
    MV_TRY(os_join(path, i->directory, name, error));
    os_owner_inherit(path, i->parent);
    return MV_OK;
}

/* The directory goes last: while it is root's, no other user changes what is in it. */
static mv_err inherit_owner(const building *b, const char *target, mv_error *error)
{
    inheritance i = {.directory = b->path};
    MV_TRY(os_parent(target, i.parent, error));
    MV_TRY(os_each_entry(b->path, inherit_entry, &i, error));
    os_owner_inherit(b->path, i.parent);
    return MV_OK;
}

mv_err building_finish(building *b, const char *target, mv_error *error)
{
    mv_err err = inherit_owner(b, target, error);
    if (!err) err = os_rename_directory(b->path, target, error);
    if (err) {
        building_undo(b);
        return err;
    }
    end_lock(b);
    return os_sync_parent(target, error);
}

mv_err building_replace(building *b, const char *target, mv_error *error)
{
    os_file old = OS_FILE_NONE;
    bool got;
    mv_err err = try_lock_directory(target, &old, &got, error); /* so that nobody sweeps it, too */
    if (!err && !got) err = error_set(error, MV_BUSY, "another process works on '%s'", target);
    if (!err) err = inherit_owner(b, target, error);
    if (!err) err = os_exchange_directories(b->path, target, error);
    if (err) {
        os_close(old);
        building_undo(b);
        return err;
    }
    err = os_sync_parent(target, error);
    if (!err) err = own_files_remove(b->path, error);
    os_close(old);
    end_lock(b);
    return err;
}

void building_undo(building *b)
{
    own_files_discard(b->path);
    end_lock(b);
}
