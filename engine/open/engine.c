/* The engine of one open collection: its state in the catalog, and where its transactions begin and
 * end. */
#include "open/engine.h"

#include <string.h>

/* ---------------------------------------------------------------- the state in the catalog */

static const char state_key[] = "state";

mv_err engine_load_state(catalog_txn *txn, engine_state *state, mv_error *error)
{
    catalog_value value;
    bool found;
    MV_TRY(catalog_get(txn, CATALOG_META, state_key, sizeof state_key - 1, &value, &found, error));
    if (!found || value.size < ENGINE_STATE_SIZE)
        return error_set(error, MV_CORRUPT, "%s: the state is missing", CATALOG_FILE);
    *state = (engine_state){.fresh_expires = SCHEMA_NEVER};
    memcpy(state, value.bytes, value.size < sizeof *state ? value.size : sizeof *state);
    if (state->format > ENGINE_FORMAT)
        return error_set(error, MV_WRONG_VERSION,
                         "%s: format %llu is newer than this moonvec reads (%u)", CATALOG_FILE,
                         (unsigned long long)state->format, ENGINE_FORMAT);
    return MV_OK;
}

mv_err engine_save_state(catalog_txn *txn, const engine_state *state, mv_error *error)
{
    size_t size = state->format > ENGINE_FORMAT_MIN ? sizeof *state : ENGINE_STATE_SIZE;
    return catalog_put(txn, CATALOG_META, state_key, sizeof state_key - 1, state, size, error);
}

/* ---------------------------------------------------------------- creating */

mv_err engine_create(const engine_hooks *hooks, engine **out, mv_error *error)
{
    engine *e = mem_alloc_zero(sizeof *e);
    if (!e) return error_memory(error, sizeof *e, "a collection");
    e->hooks = hooks;
    e->refs = 1;
    e->presence = OS_FILE_NONE;
    atomic_init(&e->last_uses, ENGINE_FILE_UNOPENED);
    e->fork_generation = os_fork_generation();
    e->mutex = os_mutex_create();
    e->fresh_mutex = os_mutex_create();
    if (!e->mutex || !e->fresh_mutex) {
        os_mutex_free(e->mutex);
        os_mutex_free(e->fresh_mutex);
        mem_free(e, sizeof *e);
        return error_memory(error, sizeof(void *), "a lock");
    }
    *out = e;
    return MV_OK;
}

/* The first collections of format 1 have no table of indexes. They get one when they are opened for
 * writing. From format 2 on, a collection without this table is damaged. */
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

mv_err engine_open_catalog(engine *e, bool read_only, bool verify, mv_error *error)
{
    char path[OS_PATH_SIZE];
    catalog_options options = {.read_only = read_only, .verify = verify};
    catalog *opened = NULL;
    mv_assert(!e->catalog); /* LMDB must not open a file twice in one process */
    mv_assert(!e->active);
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

/* ---------------------------------------------------------------- transactions */

mv_err engine_check_unlocked(engine *e, mv_error *error)
{
    char lock_path[OS_PATH_SIZE];
    bool locked;
    if (!e->catalog || !catalog_is_unlocked(e->catalog)) return MV_OK;
    MV_TRY(os_join(lock_path, e->path, CATALOG_LOCK_FILE, error));
    MV_TRY(os_is_locked_by_others(lock_path, &locked, error));
    if (!locked) return MV_OK;
    return error_set(
        error, MV_BUSY,
        "'%s' is open in another process, and this process has no permission to write '%s', "
        "where readers register to be safe from changes",
        e->path, CATALOG_LOCK_FILE);
}

/* An engine that reads without a lock opens its catalog again if it can lock by now. */
static mv_err reopen_with_lock(engine *e, mv_error *error)
{
    char lock_path[OS_PATH_SIZE];
    bool lockable;
    if (e->active || !e->catalog || !catalog_is_unlocked(e->catalog)) return MV_OK;
    MV_TRY(os_join(lock_path, e->path, CATALOG_LOCK_FILE, error));
    MV_TRY(os_can_write(lock_path, &lockable, error));
    if (!lockable) return MV_OK;
    catalog_close(e->catalog);
    e->catalog = NULL;
    return engine_open_catalog(e, true, false, error);
}

static mv_err engine_begin_transaction(engine *e, mv_error *error)
{
    os_mutex_lock(e->mutex);
    mv_err err = reopen_with_lock(e, error);
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
    mv_assert(e->active > 0);
    e->active--;
    os_mutex_unlock(e->mutex);
}

mv_err engine_begin_read(engine *e, catalog_txn **txn, mv_error *error)
{
    MV_TRY(engine_begin_transaction(e, error));
    mv_err err = catalog_begin_read(e->catalog, txn, error);
    if (err) engine_end_read(e);
    return err;
}

mv_err engine_begin_write(engine *e, bool sync, double seconds, catalog_txn **txn, mv_error *error)
{
    MV_TRY(engine_begin_transaction(e, error));
    mv_err err = catalog_begin_write(e->catalog, sync, seconds, txn, error);
    if (err) {
        engine_end_read(e);
        return err;
    }
    mv_assert(!engine_is_writing(e));
    atomic_fetch_add(&e->writers_begun, 1);
    atomic_store(&e->writing_thread, os_thread_id());
    return MV_OK;
}

void engine_end_write(engine *e)
{
    /* The writers' lock is free already: `writing_thread` may be another thread's by now. */
    uint64_t thread = os_thread_id();
    (void)atomic_compare_exchange_strong(&e->writing_thread, &thread, 0);
    engine_end_read(e);
}

bool engine_is_writing(const engine *e)
{
    return atomic_load(&e->writing_thread) == os_thread_id();
}

bool engine_is_writing_number(const engine *e, uint64_t number)
{
    return engine_is_writing(e) && atomic_load(&e->writers_begun) == number;
}

/* ---------------------------------------------------------------- memory of searches */

void engine_note_waiting(engine *e)
{
    _Atomic uint64_t *word = catalog_shared_word(e->catalog, CATALOG_WORD_SEARCH);
    if (word) atomic_store(word, (uint64_t)(os_seconds() * 1000));
}

index_scratch engine_acquire_scratch(engine *e)
{
    index_scratch scratch = {0};
    os_mutex_lock(e->mutex);
    mv_assert(e->scratches_count <= ENGINE_SCRATCHES_MAX);
    if (e->scratches_count) scratch = e->scratches[--e->scratches_count];
    os_mutex_unlock(e->mutex);
    return scratch;
}

void engine_release_scratch(engine *e, index_scratch scratch)
{
    bool kept = false;
    if (!scratch.block) return; /* nothing was allocated in it */
    os_mutex_lock(e->mutex);
    if (e->scratches_count < ENGINE_SCRATCHES_MAX) {
        e->scratches[e->scratches_count++] = scratch;
        kept = true;
    }
    os_mutex_unlock(e->mutex);
    if (!kept) index_scratch_free(&scratch);
}

void engine_free_scratches(engine *e)
{
    while (e->scratches_count) index_scratch_free(&e->scratches[--e->scratches_count]);
    while (e->analyzers_count) text_analyzer_free(e->analyzers[--e->analyzers_count].analyzer);
}

/* ---------------------------------------------------------------- analyzers */

mv_err engine_acquire_analyzer(engine *e, const mv_index_options *options, mv_type type,
                               text_analyzer **out, mv_error *error)
{
    *out = NULL;
    os_mutex_lock(e->mutex);
    for (uint32_t i = 0; i < e->analyzers_count && !*out; i++) {
        if (e->analyzers[i].type != type ||
            !index_kind_same_options(&e->analyzers[i].options, options))
            continue;
        *out = e->analyzers[i].analyzer;
        e->analyzers[i] = e->analyzers[--e->analyzers_count];
    }
    os_mutex_unlock(e->mutex);
    return *out ? MV_OK : analysis_make(type, options, out, error);
}

void engine_release_analyzer(engine *e, const mv_index_options *options, mv_type type,
                             text_analyzer *analyzer)
{
    bool kept = false;
    if (!analyzer) return;
    os_mutex_lock(e->mutex);
    if (e->analyzers_count < ENGINE_ANALYZERS_MAX) {
        e->analyzers[e->analyzers_count++] = (engine_analyzer){*options, type, analyzer};
        kept = true;
    }
    os_mutex_unlock(e->mutex);
    if (!kept) text_analyzer_free(analyzer);
}
