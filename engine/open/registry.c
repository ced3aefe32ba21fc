/* The registry of open collections: LMDB must not be opened twice in one process, so that every
 * handle, Lua state and thread that opens a collection gets the same engine, found by the real
 * path.
 *
 * After a fork the child finds its parent's engines in the list. It must not touch their catalogs,
 * nor close them, since LMDB would clear the parent's reader slots: it leaves them alone (a mapping
 * and four descriptors each, once) and opens anew. */
#include "open/registry.h"

#include <string.h>

#include "open/durability.h"
#include "open/known_schema.h"
#include "open/view.h"

static engine *engines; /* guarded by the process lock */

/* ---------------------------------------------------------------- opening and closing an engine */

static void close_engine(engine *e)
{
    if (!e) return;
    view_close(e, e->newest);
    view_drop_others(e, NULL);
    engine_free_scratches(e);
    catalog_close(e->catalog);
    os_unlock(e->presence);
    os_close(e->presence);
    known_schema_free_all(e);
    os_mutex_free(e->mutex);
    mem_free(e, sizeof *e);
}

static mv_err take_presence(engine *e, mv_error *error)
{
    char path[OS_PATH_SIZE];
    uint64_t size;
    bool got;
    MV_TRY(os_join(path, e->path, CATALOG_FILE, error));
    mv_err err = os_open_read(path, &e->presence, &size, error);
    if (err == MV_NOT_FOUND)
        return error_set(error, MV_CORRUPT, "'%s' is not a collection: it has no %s", e->path,
                         CATALOG_FILE);
    if (err) return err;
    MV_TRY(os_try_lock_shared(e->presence, &got, path, error));
    return got ? MV_OK : error_set(error, MV_BUSY, "'%s' is being destroyed", e->path);
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
    if ((err = take_presence(e, error))) goto done;
    if ((err = engine_open_catalog(e, options->read_only, options->verify, error))) goto done;
    if ((err = load_schema(e, error))) goto done;
    *out = e;
    e = NULL;
done:
    close_engine(e);
    return err;
}

/* A reader's engine becomes a writer's. Only between transactions. */
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

void registry_keep(engine *e)
{
    os_process_lock();
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
    while (e->refs == 1 && engine_is_of_this_process(e) && e->hooks->has_threads(e)) {
        os_process_unlock(); /* they may take a moment; who opens meanwhile finds the engine */
        e->hooks->stop_threads(e);
        os_process_lock();
    }
    bool last = --e->refs == 0;
    if (last) unlink_locked(e);
    if (last && engine_is_of_this_process(e))
        close_engine(e); /* under the lock: a new open must find it closed */
    else if (last)
        os_close(e->presence);
    os_process_unlock();
}

/* ---------------------------------------------------------------- in memory */

/* LMDB wants files with names: they get them in a private directory for the moment of opening. */
mv_err registry_create_in_memory(const mv_schema *schema, const engine_hooks *hooks, engine **out,
                                 mv_error *error)
{
    engine *e = NULL;
    catalog_txn *txn = NULL;
    char directory[OS_PATH_SIZE], path[OS_PATH_SIZE], lock_path[OS_PATH_SIZE];
    MV_TRY(engine_create(hooks, &e, error));
    e->in_memory = true;
    mv_err err = os_make_temporary_directory(directory, error);
    if (err) goto done;
    if ((err = os_join(path, directory, CATALOG_FILE, error))) goto done;
    if ((err = os_join(lock_path, directory, CATALOG_LOCK_FILE, error))) goto done;
    err = catalog_open(path, &(catalog_options){.create = true}, &e->catalog, error);
    (void)os_remove(path, NULL);
    (void)os_remove(lock_path, NULL);
    (void)os_remove_directory(directory, NULL);
    if (err) goto done;
    if ((err = catalog_begin_write(e->catalog, false, &txn, error))) goto done;
    err = engine_save_state(
        txn, &(engine_state){.format = ENGINE_FORMAT, .next_docid = 1, .next_segment = 1}, error);
    if (!err) err = known_schema_save(txn, schema, error);
    if (err) {
        catalog_end(txn);
        goto done;
    }
    if ((err = catalog_commit(txn, error))) goto done;
    if ((err = load_schema(e, error))) goto done;
    *out = e;
    e = NULL;
done:
    close_engine(e);
    return err;
}
