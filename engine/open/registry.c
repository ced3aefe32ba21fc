/* The registry of open collections, and the life of an engine.
 *
 * LMDB must not open a file twice in one process. Every handle, Lua state and thread that opens a
 * collection therefore gets the same engine, found by the real path (I1).
 *
 * States of an engine:
 *
 *   ABSENT --- open_engine, read_only ---> READING --- allow_writing ---> WRITING
 *   ABSENT --- open_engine, to write ------------------------------------> WRITING
 *   READING, WRITING --- registry_release: 1 reference, has_threads ---> STOPPING
 *   STOPPING --- registry_release: no threads, or another reference ---> READING, WRITING
 *   READING, WRITING --- registry_release: last reference, close_engine ---> CLOSED
 *   READING, WRITING, STOPPING --- fork, in the child ---> FOREIGN
 *   FOREIGN --- registry_release: last reference ---> forgotten, never freed
 *
 *   state     what holds in it
 *   ABSENT    the list has no engine of this process with the path. A failed opening stays here
 *   READING   in the list; read_only; the catalog is open for reading. While no transaction is
 *             active, reopen_with_lock (engine.c) may open the catalog again
 *   WRITING   in the list; !read_only; the catalog is open for writing
 *   STOPPING  in the list; maintenance is being joined, without locks. Another thread may open the
 *             collection meanwhile, and gets this engine
 *   CLOSED    not in the list; memory freed. Entered under the process lock: another thread finds
 *             the engine whole or not at all
 *   FOREIGN   fork_generation is not that of this process; registry_open passes over it
 *
 * An engine in memory is WRITING from the start, and not in the list: no path leads to it.
 *
 * The order in which things end. A reference is held by each handle, result, iterator, column and
 * job, so that their snapshots and views have ended when the last reference is released:
 *
 *    1. mv_close: the handle's transaction is undone, and its unsynced commits are synced.
 *    2. Without locks: maintenance is told to stop and joined (hooks->stop_threads). Repeated while
 * it is started again.
 *    3. Under the process lock, from here on: the engine leaves the list.
 *    4. The newest view is released, and with it the last reference to segments and indexes.
 *    5. Indexes are closed, then segments: an index has a reference to its segment.
 *    6. Scratches of searches are freed, and files that were unlinked are closed.
 *    7. The catalog is closed (LMDB's environment), and the file of last uses.
 *    8. The presence lock is released: from now on mv_destroy may remove the collection.
 *    9. The schemas, which views, results and callers of mv_get_schema point to, are freed.
 *   10. The mutex and the engine are freed.
 *
 * In a forked child. fork() copies every object, but no thread. LMDB's environment must neither be
 * used nor closed there, since closing would clear the parent's reader slots. So the child leaves
 * the catalogs of its parent open: a mapping and four descriptors each, once per fork. What happens
 * to an object of the parent:
 *
 *   engine      FOREIGN. With the last reference it leaves the list, and the descriptors of the
 *               presence lock and of last uses are closed. The lock is never unlocked, which would
 *               release the parent's, too
 *   handle      goes on: its next call opens an engine of the child (handle_engine) and forgets the
 *               parent's transaction and its unsynced commits. In memory: MV_BUSY
 *   writer      never used; writer_abort returns at once, since the transaction is the parent's
 *   batch       MV_BUSY; can be freed
 *   result      MV_BUSY until it is filled again; clearing forgets the parent's snapshot
 *   iterator    MV_BUSY; closing frees its memory and forgets snapshot and cursor
 *   column      MV_BUSY; freeing forgets the parent's writer and snapshot
 *   job         MV_BUSY, progress "cancelled"; freeing forgets its thread, mutex, group and files,
 *               and closes the descriptor of its lock without unlocking it
 *   maintenance has no thread in the child, and the engine it belongs to is not used
 *
 * The process lock is held by the forking thread over fork: the child finds it free (base/os.c). */
#include "open/registry.h"

#include <string.h>

#include "open/durability.h"
#include "open/fresh_rows.h"
#include "open/known_schema.h"
#include "open/last_use.h"
#include "open/own_files.h"
#include "open/unlinked_files.h"
#include "open/view.h"

static engine *engines; /* guarded by the process lock */

/* ---------------------------------------------------------------- opening and closing an engine */

/* Steps 4 to 10. */
static void close_engine(engine *e)
{
    if (!e) return;
    mv_assert(engine_is_of_this_process(e)); /* I1 */
    mv_assert(!e->active);
    mv_assert(!e->maintainer && !e->jobs_running);
    view *newest = e->newest;
    e->newest = NULL;
    view_release(e, newest);
    fresh_rows_release(e, e->fresh);
    e->fresh = NULL;
    view_close_unused(e, NULL);
    mv_assert(!e->indexes); /* I3: no view is left that names one */
    mv_assert(!e->segments);
    engine_free_scratches(e);
    unlinked_files_close_all(e);
    catalog_close(e->catalog);
    last_use_close(e);
    os_unlock(e->presence);
    os_close(e->presence);
    known_schema_free_all(e);
    os_mutex_free(e->mutex);
    os_mutex_free(e->fresh_mutex);
    mem_free(e, sizeof *e);
}

static mv_err missing_catalog(const engine *e, mv_error *error)
{
    char path[OS_PATH_SIZE];
    os_file file = OS_FILE_NONE;
    uint64_t size;
    bool is_destroyed, got = true;
    MV_TRY(own_files_identify(e->path, DESTROYED_FILE, &is_destroyed, error));
    if (is_destroyed) {
        MV_TRY(os_join(path, e->path, DESTROYED_FILE, error));
        if (!os_open_read(path, &file, &size, NULL))
            (void)os_try_lock_shared(file, &got, path, NULL);
        os_close(file);
        if (!got) return error_set(error, MV_BUSY, "'%s' is being destroyed", e->path);
        return error_set(
            error, MV_CORRUPT,
            "'%s' is not a collection any more: the process that destroyed it has died "
            "(destroy it again to remove the rest)",
            e->path);
    }
    return error_set(error, MV_CORRUPT, "'%s' is not a collection: it has no %s", e->path,
                     CATALOG_FILE);
}

/* *got is false when the catalog was replaced meanwhile. */
static mv_err try_lock_presence(engine *e, bool *got, mv_error *error)
{
    char path[OS_PATH_SIZE];
    uint64_t size;
    MV_TRY(os_join(path, e->path, CATALOG_FILE, error));
    mv_err err = os_open_read(path, &e->presence, &size, error);
    if (err == MV_NOT_FOUND) return missing_catalog(e, error);
    if (err) return err;
    MV_TRY(os_try_lock_shared(e->presence, got, path, error));
    if (!*got) return error_set(error, MV_BUSY, "'%s' is being destroyed or replaced", e->path);
    *got = os_is_file_at(e->presence, path);
    return MV_OK;
}

static mv_err lock_presence(engine *e, mv_error *error)
{
    for (bool got = false; !got;) {
        os_close(e->presence);
        e->presence = OS_FILE_NONE;
        MV_TRY(try_lock_presence(e, &got, error));
    }
    return MV_OK;
}

static mv_err load_schema(engine *e, mv_error *error)
{
    catalog_txn *txn = NULL;
    engine_state state;
    const mv_schema *schema;
    MV_TRY(engine_check_unlocked(e, error));
    MV_TRY(catalog_begin_read(e->catalog, &txn, error));
    mv_err err = engine_load_state(txn, &state, error);
    os_mutex_lock(e->mutex);
    if (!err) err = known_schema_find_locked(e, txn, &schema, error);
    os_mutex_unlock(e->mutex);
    catalog_end(txn);
    return err;
}

static mv_err open_engine(const char *real_path, const mv_open_options *options,
                          const engine_hooks *hooks, engine **out, mv_error *error)
{
    engine *e = NULL;
    mv_err err;
    MV_TRY(durability_check(real_path, error));
    MV_TRY(engine_create(hooks, &e, error));
    memcpy(e->path, real_path, strlen(real_path) + 1);
    if ((err = lock_presence(e, error))) goto done;
    if ((err = engine_open_catalog(e, options->read_only, options->verify, error))) goto done;
    if ((err = load_schema(e, error))) goto done;
    *out = e;
    e = NULL;
done:
    close_engine(e);
    return err;
}

/* READING -> WRITING. The catalog is opened again, and so no transaction may be active. On failure
 * it is opened for reading; if that fails too, the next transaction reports it. */
static mv_err allow_writing(engine *e, mv_error *error)
{
    mv_err err = MV_OK;
    os_mutex_lock(e->mutex);
    if (!e->read_only) goto done;
    if (e->active) {
        err = error_set(error, MV_BUSY,
                        "'%s' is being read by a read_only handle of this process: close its "
                        "iterators and results first",
                        e->path);
        goto done;
    }
    catalog_close(e->catalog);
    e->catalog = NULL;
    if ((err = engine_open_catalog(e, false, false, error)))
        (void)engine_open_catalog(e, true, false, NULL);
    last_use_close(e); /* no read is active; a writer may create the file */
done:
    os_mutex_unlock(e->mutex);
    return err;
}

static mv_err open_locked(const char *real_path, const mv_open_options *options,
                          const engine_hooks *hooks, engine **out, mv_error *error)
{
    for (engine *e = engines; e; e = e->next) {
        if (!engine_is_of_this_process(e) || strcmp(e->path, real_path) != 0) continue;
        if (!options->read_only) MV_TRY(allow_writing(e, error));
        e->refs++;
        *out = e;
        return MV_OK;
    }
    MV_TRY(open_engine(real_path, options, hooks, out, error));
    (*out)->next = engines;
    engines = *out;
    return MV_OK;
}

mv_err registry_open(const char *path, const mv_open_options *options, const engine_hooks *hooks,
                     engine **out, mv_error *error)
{
    char real_path[OS_PATH_SIZE];
    MV_TRY(os_real_path(path, real_path, error));
    os_process_lock();
    mv_err err = open_locked(real_path, options, hooks, out, error);
    os_process_unlock();
    return err;
}

void registry_retain(engine *e)
{
    os_process_lock();
    mv_assert(e->refs > 0);
    mv_assert(engine_is_of_this_process(e)); /* I1 */
    e->refs++;
    os_process_unlock();
}

static void unlink_locked(engine *e)
{
    for (engine **link = &engines; *link; link = &(*link)->next)
        if (*link == e) {
            *link = e->next;
            return;
        }
}

void registry_release(engine *e)
{
    if (!e) return;
    os_process_lock();
    mv_assert(e->refs > 0);
    while (e->refs == 1 && engine_is_of_this_process(e) && e->hooks->has_threads(e)) {
        os_process_unlock(); /* stopping takes time; another thread may open the collection */
        e->hooks->stop_threads(e);
        os_process_lock();
    }
    bool last = --e->refs == 0;
    if (last) unlink_locked(e);
    if (last && engine_is_of_this_process(e))
        close_engine(e); /* under the lock: another open must not find it half closed */
    else if (last) {     /* FOREIGN */
        os_close(e->presence);
        last_use_close(e);
    }
    os_process_unlock();
}

/* ---------------------------------------------------------------- creating */

mv_err registry_init_catalog(catalog *c, const mv_schema *schema, bool sync, mv_error *error)
{
    engine_state state = {.format = engine_format_needed(schema),
                          .next_docid = 1,
                          .next_segment = 1,
                          .fresh_expires = SCHEMA_NEVER};
    catalog_txn *txn = NULL;
    MV_TRY(catalog_begin_write(c, sync, 0, &txn, error)); /* no other process knows the file */
    mv_err err = engine_save_state(txn, &state, error);
    if (!err) err = known_schema_save(txn, schema, error);
    bool in_doubt; /* the caller removes the catalog that it could not create */
    if (!err) err = catalog_commit(txn, &in_doubt, error);
    catalog_end(txn);
    return err;
}

/* LMDB opens files by name only. These files are unlinked as soon as they are open. */
mv_err registry_create_in_memory(const mv_schema *schema, const engine_hooks *hooks, engine **out,
                                 mv_error *error)
{
    engine *e = NULL;
    char directory[OS_PATH_SIZE], path[OS_PATH_SIZE];
    MV_TRY(engine_create(hooks, &e, error));
    e->in_memory = true;
    mv_err err = os_make_temporary_directory(directory, error);
    if (err) goto done;
    if ((err = os_join(path, directory, CATALOG_FILE, error))) goto done;
    err = catalog_open(path, &(catalog_options){.create = true}, &e->catalog, error);
    catalog_remove_files(directory);
    (void)os_remove_directory(directory, NULL);
    if (err) goto done;
    if ((err = registry_init_catalog(e->catalog, schema, false, error))) goto done;
    if ((err = load_schema(e, error))) goto done;
    *out = e;
    e = NULL;
done:
    close_engine(e);
    return err;
}
