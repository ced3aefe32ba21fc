/* The registry of open collections: LMDB must not be opened twice in one process, so that every
 * handle, Lua state and thread that opens a collection gets the same engine, found by the real
 * path.
 *
 * After a fork the child finds its parent's engines in the list. It must not touch their catalogs,
 * nor close them, since LMDB would clear the parent's reader slots: it leaves them alone (a mapping
 * and four descriptors each, once) and opens anew. */
#include <string.h>

#include "collection/maintain.h"

static engine *engines; /* guarded by the process lock */

/* ---------------------------------------------------------------- the state in the catalog */

static const char state_key[] = "state";

mv_err engine_load_state(catalog_txn *txn, engine_state *state, mv_error *error)
{
    catalog_value value;
    bool found;
    MV_TRY(catalog_get(txn, CATALOG_META, state_key, sizeof state_key - 1, &value, &found, error));
    if (!found || value.size < sizeof *state)
        return error_set(error, MV_CORRUPT, "%s: the state is missing", CATALOG_FILE);
    memcpy(state, value.bytes, sizeof *state);
    if (state->format > ENGINE_FORMAT)
        return error_set(error, MV_WRONG_VERSION,
                         "%s: format %llu is newer than this moonvec reads (%u)", CATALOG_FILE,
                         (unsigned long long)state->format, ENGINE_FORMAT);
    return MV_OK;
}

mv_err engine_save_state(catalog_txn *txn, const engine_state *state, mv_error *error)
{
    return catalog_put(txn, CATALOG_META, state_key, sizeof state_key - 1, state, sizeof *state,
                       error);
}

/* ---------------------------------------------------------------- opening and closing an engine */

static bool is_of_this_process(const engine *e)
{
    return e->fork_generation == os_fork_generation();
}

static void engine_close(engine *e)
{
    if (!e) return;
    view_close(e, e->newest);
    view_drop_others(e, NULL);
    graph_free_scratches(e);
    catalog_close(e->catalog);
    os_unlock(e->presence);
    os_close(e->presence);
    engine_free_schemas(e);
    os_mutex_free(e->mutex);
    mem_free(e, sizeof *e);
}

static mv_err engine_new(engine **out, mv_error *error)
{
    engine *e = mem_alloc_zero(sizeof *e);
    if (!e) return error_memory(error, sizeof *e, "a collection");
    e->refs = 1;
    e->presence = OS_FILE_NONE;
    e->fork_generation = os_fork_generation();
    if (!(e->mutex = os_mutex_create())) {
        mem_free(e, sizeof *e);
        return error_memory(error, sizeof(void *), "a lock");
    }
    *out = e;
    return MV_OK;
}

/* Collections of format 1 that were written before there were indexes have no table of them. They
 * get one when they are opened to be written; later ones lack it only when they are damaged. */
static mv_err complete_catalog(catalog *c, bool read_only, mv_error *error)
{
    catalog_txn *txn = NULL;
    engine_state state;
    if (catalog_has_indexes(c)) return MV_OK;
    MV_TRY(catalog_begin_read(c, &txn, error));
    mv_err err = engine_load_state(txn, &state, error);
    catalog_end(txn);
    if (err) return err;
    if (state.format >= 2)
        return error_set(error, MV_CORRUPT, "%s: the table of indexes is missing", CATALOG_FILE);
    return read_only ? MV_OK : catalog_create_indexes(c, error);
}

static mv_err open_catalog(engine *e, bool read_only, bool verify, mv_error *error)
{
    char path[OS_PATH_SIZE];
    catalog_options options = {.read_only = read_only, .verify = verify};
    catalog *opened = NULL;
    MV_TRY(os_join(path, e->path, CATALOG_FILE, error));
    mv_err err = catalog_open(path, &options, &opened, error);
    if (err == MV_NOT_FOUND)
        return error_set(error, MV_CORRUPT, "'%s' is not a collection: it has no %s", e->path,
                         CATALOG_FILE);
    if (!err) err = complete_catalog(opened, read_only, error);
    if (err) {
        catalog_close(opened);
        return err;
    }
    e->catalog = opened;
    e->read_only = read_only;
    return MV_OK;
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
    if (!err) err = engine_find_schema_locked(e, txn, &schema, error);
    os_mutex_unlock(e->mutex);
    catalog_end(txn);
    return err;
}

static mv_err engine_open(const char *real_path, const mv_open_options *options, engine **out,
                          mv_error *error)
{
    engine *e = NULL;
    mv_err err;
    MV_TRY(durability_check(real_path, error));
    MV_TRY(engine_new(&e, error));
    memcpy(e->path, real_path, strlen(real_path) + 1);
    if ((err = take_presence(e, error))) goto done;
    if ((err = open_catalog(e, options->read_only, options->verify, error))) goto done;
    if ((err = load_schema(e, error))) goto done;
    *out = e;
    e = NULL;
done:
    engine_close(e);
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
    if ((err = open_catalog(e, false, false, error))) (void)open_catalog(e, true, false, NULL);
done:
    os_mutex_unlock(e->mutex);
    return err;
}

static mv_err open_locked(const char *real_path, const mv_open_options *options, engine **out,
                          mv_error *error)
{
    for (engine *e = engines; e; e = e->next) {
        if (!is_of_this_process(e) || strcmp(e->path, real_path) != 0) continue;
        if (!options->read_only) MV_TRY(allow_writing(e, error));
        e->refs++;
        *out = e;
        return MV_OK;
    }
    MV_TRY(engine_open(real_path, options, out, error));
    (*out)->next = engines;
    engines = *out;
    return MV_OK;
}

mv_err registry_open(const char *path, const mv_open_options *options, engine **out,
                     mv_error *error)
{
    char real_path[OS_PATH_SIZE];
    MV_TRY(os_real_path(path, real_path, error));
    os_process_lock();
    mv_err err = open_locked(real_path, options, out, error);
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
    while (e->refs == 1 && is_of_this_process(e) && maintain_has_threads(e)) {
        os_process_unlock(); /* they may take a moment; who opens meanwhile finds the engine */
        maintain_stop(e);
        os_process_lock();
    }
    bool last = --e->refs == 0;
    if (last) unlink_locked(e);
    if (last && is_of_this_process(e))
        engine_close(e); /* under the lock: a new open must find it closed */
    else if (last)
        os_close(e->presence);
    os_process_unlock();
}

/* ---------------------------------------------------------------- in memory */

/* LMDB wants files with names: they get them in a private directory for the moment of opening. */
mv_err registry_create_in_memory(const mv_schema *schema, engine **out, mv_error *error)
{
    engine *e = NULL;
    catalog_txn *txn = NULL;
    char directory[OS_PATH_SIZE], path[OS_PATH_SIZE], lock_path[OS_PATH_SIZE];
    MV_TRY(engine_new(&e, error));
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
    if (!err) err = engine_save_schema(txn, schema, error);
    if (err) {
        catalog_end(txn);
        goto done;
    }
    if ((err = catalog_commit(txn, error))) goto done;
    if ((err = load_schema(e, error))) goto done;
    *out = e;
    e = NULL;
done:
    engine_close(e);
    return err;
}

/* ---------------------------------------------------------------- transactions */

mv_err engine_check_unlocked(engine *e, mv_error *error)
{
    char lock_path[OS_PATH_SIZE];
    if (!e->catalog || !catalog_is_unlocked(e->catalog)) return MV_OK;
    MV_TRY(os_join(lock_path, e->path, CATALOG_LOCK_FILE, error));
    if (!os_is_locked_by_others(lock_path)) return MV_OK;
    return error_set(
        error, MV_BUSY,
        "'%s' is open in another process, and this one may not write '%s', by which it would "
        "be protected from changes: give it the permission",
        e->path, CATALOG_LOCK_FILE);
}

/* A reader without a lock looks whether it can have one now. */
static mv_err relock(engine *e, mv_error *error)
{
    char lock_path[OS_PATH_SIZE];
    if (e->active || !e->catalog || !catalog_is_unlocked(e->catalog)) return MV_OK;
    MV_TRY(os_join(lock_path, e->path, CATALOG_LOCK_FILE, error));
    if (os_look(lock_path) != OS_FILE || !os_can_write(lock_path)) return MV_OK;
    catalog_close(e->catalog);
    e->catalog = NULL;
    return open_catalog(e, true, false, error);
}

static mv_err engine_enter(engine *e, mv_error *error)
{
    os_mutex_lock(e->mutex);
    mv_err err = relock(e, error);
    if (!err) err = engine_check_unlocked(e, error);
    if (!err && !e->catalog)
        err = error_set(error, MV_IO, "'%s': its catalog could not be opened again", e->path);
    if (!err) e->active++;
    os_mutex_unlock(e->mutex);
    return err;
}

void engine_end_read(engine *e)
{
    os_mutex_lock(e->mutex);
    e->active--;
    os_mutex_unlock(e->mutex);
}

mv_err engine_begin_read(engine *e, catalog_txn **txn, mv_error *error)
{
    MV_TRY(engine_enter(e, error));
    mv_err err = catalog_begin_read(e->catalog, txn, error);
    if (err) engine_end_read(e);
    return err;
}

mv_err engine_begin_write(engine *e, bool sync, catalog_txn **txn, mv_error *error)
{
    uint64_t thread = os_thread_id();
    if (atomic_load(&e->writing_thread) == thread)
        return error_set(error, MV_BUSY, "this thread has a transaction open on '%s' already",
                         e->in_memory ? ":memory:" : e->path);
    MV_TRY(engine_enter(e, error));
    mv_err err = catalog_begin_write(e->catalog, sync, txn, error);
    if (err) {
        engine_end_read(e);
        return err;
    }
    atomic_fetch_add(&e->writers_begun, 1);
    atomic_store(&e->writing_thread, thread);
    return MV_OK;
}

void engine_end_write(engine *e)
{
    uint64_t thread = os_thread_id(); /* the lock is free: another thread may write by now */
    (void)atomic_compare_exchange_strong(&e->writing_thread, &thread, 0);
    engine_end_read(e);
}

bool engine_is_writing(engine *e, uint64_t number)
{
    return atomic_load(&e->writing_thread) == os_thread_id() &&
           atomic_load(&e->writers_begun) == number;
}
