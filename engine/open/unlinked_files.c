#include "open/unlinked_files.h"

/* Take out one that was unlinked at `before` (os_seconds) or earlier. Returns its descriptor, or
 * OS_FILE_NONE. *left: the seconds until the next one is that old; -1: there is none. */
static os_file take(engine *e, double before, double *left)
{
    os_file file = OS_FILE_NONE;
    *left = -1;
    if (!atomic_load(&e->unlinked_count)) return file;
    os_mutex_lock(e->mutex);
    uint32_t count = atomic_load(&e->unlinked_count);
    if (count && e->unlinked[0].at <= before) {
        file = e->unlinked[0].file;
        for (uint32_t i = 1; i < count; i++) e->unlinked[i - 1] = e->unlinked[i];
        atomic_store(&e->unlinked_count, count - 1);
    } else if (count) {
        *left = e->unlinked[0].at - before;
    }
    os_mutex_unlock(e->mutex);
    return file;
}

static bool keep(engine *e, os_file file)
{
    os_mutex_lock(e->mutex);
    uint32_t count = atomic_load(&e->unlinked_count);
    bool has_place = count < ENGINE_UNLINKED_MAX;
    if (has_place) {
        e->unlinked[count] = (engine_unlinked){file, os_seconds()};
        atomic_store(&e->unlinked_count, count + 1);
    }
    os_mutex_unlock(e->mutex);
    return has_place;
}

mv_err unlinked_files_add(engine *e, const char *path, mv_error *error)
{
    os_file file = OS_FILE_NONE;
    uint64_t size;
    if (os_open_read(path, &file, &size, NULL)) file = OS_FILE_NONE; /* its pages are freed now */
    mv_err err = os_remove(path, error);
    if (file != OS_FILE_NONE && (err || !keep(e, file))) os_close(file);
    return err;
}

static void unmap_closed(engine *e)
{
    os_mutex_lock(e->mutex);
    section_file *closed = e->closed;
    e->closed = NULL;
    os_mutex_unlock(e->mutex);
    section_file_unmap(closed);
}

double unlinked_files_close_due(engine *e)
{
    double left;
    os_file file;
    unmap_closed(e);
    while ((file = take(e, os_seconds() - UNLINKED_SECONDS, &left)) != OS_FILE_NONE) os_close(file);
    return left;
}

void unlinked_files_close_all(engine *e)
{
    double left;
    os_file file;
    unmap_closed(e);
    while ((file = take(e, os_seconds(), &left)) != OS_FILE_NONE) os_close(file);
}

void unlinked_files_leave(engine *e)
{
    if (atomic_load(&e->unlinked_count) && !e->hooks->has_threads(e)) unlinked_files_close_all(e);
}
