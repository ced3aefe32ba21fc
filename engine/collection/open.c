/* Opening, creating, flushing and closing collections. */
#include <string.h>

#include "collection/dump.h"
#include "job/maintain.h"
#include "open/building.h"
#include "open/durability.h"
#include "open/known_schema.h"
#include "open/registry.h"
#include "transaction/handle.h"

/* ---------------------------------------------------------------- creating */

static mv_err create_catalog(const char *directory, const mv_schema *schema, mv_error *error)
{
    char path[OS_PATH_SIZE];
    catalog *c = NULL;
    MV_TRY(os_join(path, directory, CATALOG_FILE, error));
    mv_err err = catalog_open(path, &(catalog_options){.create = true}, &c, error);
    if (err) return err;
    err = registry_init_catalog(c, schema, true, error);
    if (!err) err = os_sync_directory(directory, error);
    catalog_close(c);
    return err;
}

static mv_err create(const char *path, const mv_schema *schema, mv_error *error)
{
    building b;
    MV_TRY(building_begin(path, &b, error));
    mv_err err = create_catalog(b.path, schema, error);
    if (!err) return building_finish(&b, path, error);
    building_undo(&b);
    return err;
}

/* ---------------------------------------------------------------- opening */

static mv_err note_entry(void *ctx, const char *name, mv_error *error)
{
    (void)name, (void)error;
    *(bool *)ctx = true;
    return MV_OK;
}

static mv_err is_empty_directory(const char *path, bool *empty, mv_error *error)
{
    char catalog_path[OS_PATH_SIZE];
    os_kind kind;
    bool has_entries = true;
    MV_TRY(os_join(catalog_path, path, CATALOG_FILE, error));
    MV_TRY(os_look(catalog_path, &kind, error));
    if (kind == OS_NOTHING) {
        has_entries = false;
        MV_TRY(os_each_entry(path, note_entry, &has_entries, error));
    }
    *empty = !has_entries;
    return MV_OK;
}

static mv_err create_missing(const char *path, const mv_open_options *options, mv_error *error)
{
    if (!options->schema)
        return error_set(error, MV_NOT_FOUND,
                         "there is no collection '%s' (give a schema to create it)", path);
    if (options->read_only)
        return error_set(error, MV_NOT_FOUND,
                         "there is no collection '%s', and read_only cannot create it", path);
    MV_TRY(schema_embed_check(options->schema, error));
    mv_err err = create(path, options->schema, error);
    /* Another process may have been faster: then its collection is opened. */
    return err == MV_EXISTS && !options->must_create ? MV_OK : err;
}

/* Compare the schema with the one that was given, if there is one. Releases the engine on failure.
 */
static mv_err compare_schema(engine *e, const mv_open_options *options, mv_error *error)
{
    const mv_schema *there_now = NULL;
    mv_err err = MV_OK;
    if (options->schema) err = known_schema_read(e, &there_now, error);
    if (there_now) err = schema_compare(options->schema, there_now, error);
    if (err) registry_release(e);
    return err;
}

static mv_err open_or_create(const char *path, const mv_open_options *options, engine **e,
                             mv_error *error)
{
    os_kind there;
    bool missing = true;
    MV_TRY(os_look(path, &there, error));
    if (there != OS_NOTHING && options->must_create)
        return error_set(error, MV_EXISTS, "'%s' exists already", path);
    if (there == OS_FILE || there == OS_OTHER)
        return error_set(error, MV_CORRUPT, "'%s' is not a collection: it is not a directory",
                         path);
    if (there == OS_DIRECTORY) MV_TRY(is_empty_directory(path, &missing, error));
    if (missing) MV_TRY(create_missing(path, options, error));
    MV_TRY(registry_open(path, options, &maintain_hooks, e, error));
    return compare_schema(*e, options, error);
}

static mv_err open_in_memory(const mv_open_options *options, engine **e, mv_error *error)
{
    if (options->read_only)
        return error_set(error, MV_MISUSE, "a collection in memory cannot be opened read_only");
    if (options->from) {
        MV_TRY(dump_load_directory(options->from, options->verify, &maintain_hooks, e, error));
        return compare_schema(*e, options, error);
    }
    if (!options->schema)
        return error_set(error, MV_MISUSE, "a collection in memory needs a schema");
    MV_TRY(schema_embed_check(options->schema, error));
    return registry_create_in_memory(options->schema, &maintain_hooks, e, error);
}

/* A handle without an engine. */
static mv_err create_handle(const char *path, const mv_open_options *options, mv_collection **out,
                            mv_error *error)
{
    size_t path_size = strlen(path) + 1;
    if (options->maintenance_threads > MV_THREADS_MAX)
        return error_set(error, MV_MISUSE, "maintenance_threads is %u, it must be 1 to %u",
                         options->maintenance_threads, MV_THREADS_MAX);
    os_occupy_standard_files();
    mv_collection *c = mem_alloc_zero(sizeof *c);
    if (!c || !(c->path = mem_alloc(path_size))) {
        mem_free(c, sizeof *c);
        return error_memory(error, sizeof *c + path_size, "a collection");
    }
    memcpy(c->path, path, path_size);
    c->read_only = options->read_only;
    c->verify = options->verify;
    c->prefault = options->prefault;
    c->manual_maintenance = options->manual_maintenance;
    c->durability = options->durability;
    c->maintenance_threads = options->maintenance_threads;
    if (options->busy_ms != MV_BUSY_AT_ONCE)
        c->busy_seconds = (options->busy_ms ? options->busy_ms : MV_BUSY_MS) / 1000.0;
    c->slowdown_rows = options->slowdown_rows ? options->slowdown_rows : MV_SLOWDOWN_ROWS;
    *out = c;
    return MV_OK;
}

/* Map the indexes of the last commit (mv_open_options.prefault). */
static mv_err prefault_indexes(engine *e, mv_error *error)
{
    snapshot s;
    if (e->in_memory) return MV_OK;
    MV_TRY(snapshot_open(e, &s, error));
    for (uint32_t i = 0; i < s.v->segments_count; i++)
        for (uint32_t slot = 0; slot < index_slot_count(s.v->schema); slot++) {
            const shared_index *x = s.v->segments[i].indexes[slot];
            if (shared_index_is_usable(x)) shared_index_prefault(e, x);
        }
    snapshot_close(&s);
    return MV_OK;
}

/* End opening: `err` is what opening the engine returned. */
static mv_err finish_handle(mv_collection *c, mv_err err, mv_collection **collection,
                            mv_error *error)
{
    if (err)
        c->e = NULL;
    else if (c->verify)
        err = mv_check(c, error);
    if (!err && c->prefault) err = prefault_indexes(c->e, error);
    if (!err && c->maintenance_threads)
        atomic_store(&c->e->maintenance_threads, c->maintenance_threads);
    if (err)
        (void)mv_close(c, NULL);
    else
        *collection = c;
    return err;
}

mv_err mv_open(const char *path, const mv_open_options *options, mv_collection **collection,
               mv_error *error)
{
    static const mv_open_options defaults = {0};
    mv_collection *c = NULL;
    if (!options) options = &defaults;
    *collection = NULL;
    if (!*path) return error_set(error, MV_MISUSE, "the path is empty");
    bool in_memory = strcmp(path, MEMORY_PATH) == 0;
    if (options->from && !in_memory)
        return error_set(error, MV_MISUSE, "'from' needs the path " MEMORY_PATH ", got '%s'", path);
    MV_TRY(create_handle(path, options, &c, error));
    mv_err err = in_memory ? open_in_memory(options, &c->e, error)
                           : open_or_create(path, options, &c->e, error);
    return finish_handle(c, err, collection, error);
}

mv_err mv_load(const void *bytes, size_t size, const mv_open_options *options,
               mv_collection **collection, mv_error *error)
{
    mv_open_options checked = options ? *options : (mv_open_options){0};
    mv_collection *c = NULL;
    *collection = NULL;
    if (checked.read_only || checked.from)
        return error_set(error, MV_MISUSE, "read_only and from are no options of loading a dump");
    checked.verify = true; /* whoever made the dump could make checksums, too */
    MV_TRY(create_handle(MEMORY_PATH, &checked, &c, error));
    mv_err err = dump_load(bytes, size, &maintain_hooks, &c->e, error);
    if (!err) err = compare_schema(c->e, &checked, error);
    return finish_handle(c, err, collection, error);
}

mv_err mv_flush(mv_collection *c, mv_error *error)
{
    engine *e = NULL;
    catalog_txn *txn = NULL;
    bool durable;
    MV_TRY(handle_engine(c, &e, error));
    MV_TRY(handle_check_collection(c, error));
    if (e->in_memory || c->read_only) return MV_OK;
    MV_TRY(durability_is_durable(e->path, &durable, error));
    if (durable) return MV_OK;
    MV_TRY(engine_begin_write(e, true, c->busy_seconds, &txn, error));
    mv_err err = durability_sync(e, txn, error);
    catalog_end(txn);
    engine_end_write(e);
    if (!err) c->owes_sync = false;
    return err;
}

mv_err mv_close(mv_collection *c, mv_error *error)
{
    mv_err err = MV_OK;
    if (!c) return MV_OK;
    if (c->of) {
        mv_abort(c);
        return MV_OK;
    }
    if (c->e) {
        while (c->begun) mv_abort(c->begun);
        if (c->owes_sync && !handle_is_forked(c)) err = mv_flush(c, error);
        registry_release(c->e);
    }
    mem_free(c->path, strlen(c->path) + 1);
    mem_free(c, sizeof *c);
    return err;
}

const char *mv_path(const mv_collection *c)
{
    return c->path;
}

const mv_schema *mv_get_schema(mv_collection *c)
{
    return handle_schema(c);
}
