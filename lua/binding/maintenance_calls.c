/* Calls about a whole collection: flush, check, backup, dump, meta, stats. */
#include "calls.h"
#include "check_args.h"
#include "index_options.h"
#include "owned_box.h"
#include "push_values.h"
#include "read_values.h"

#include <inttypes.h>
#include <stdio.h>

int call_flush(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "flush");
    return push_outcome(L, "flush", mv_flush(box->collection, &error), &error);
}

int call_check(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "check");
    return push_outcome(L, "check", mv_check(box->collection, &error), &error);
}

int call_backup(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "backup");
    enum { COPY, REPLACE, OPTIONS };
    static const char *const names[OPTIONS] = {"copy", "replace"};
    lua_settop(L, 3);
    const char *path = check_string(L, 2, "backup", "path");
    int at = check_options(L, 3, "backup", names, OPTIONS);
    mv_backup_options options = {
        .copy = check_boolean(L, at + COPY, "backup", "copy", false),
        .replace = check_boolean(L, at + REPLACE, "backup", "replace", false),
    };
    return push_outcome(L, "backup", mv_backup(box->collection, path, &options, &error), &error);
}

/* ---------------------------------------------------------------- dump */

typedef struct dump_box {
    owned_box owned;
    mv_dump *dump;
} dump_box;

static void dump_box_release(lua_State *L, owned_box *owned)
{
    dump_box *box = (dump_box *)owned;
    (void)L;
    mv_dump_close(box->dump);
    box->dump = NULL;
}

/* Returns the dump as a string. Lua copies a new string, so its memory is needed twice. */
int call_dump(lua_State *L)
{
    mv_error error = {0};
    uint64_t size;
    size_t got = 0;
    collection_box *owner = check_collection(L, 1, "dump");
    if (!lua_isnoneornil(L, 2))
        raise_misuse(L, "dump: takes no argument, it returns a string (did you mean 'backup'?)");
    lua_settop(L, 1);
    dump_box *box = owned_push(L, 1, owner, sizeof *box, dump_box_release);
    mv_err err = mv_dump_open(owner->collection, &box->dump, &size, &error);
    if (!err) {
        void *bytes = lua_newuserdata(L, (size_t)size); /* fits: the files are mapped */
        err = mv_dump_read(box->dump, bytes, (size_t)size, &got, &error);
        if (!err) lua_pushlstring(L, bytes, got);
    }
    owned_release(L, &box->owned);
    return err ? push_failure(L, "dump", &error) : 1;
}

/* ---------------------------------------------------------------- meta */

/* (key) -> value or nil; (key, value) -> true. NULL removes the key. */
int call_meta(lua_State *L)
{
    char out[MV_META_VALUE_SIZE_MAX];
    size_t key_size, size;
    bool found;
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "meta");
    bool sets = !lua_isnoneornil(L, 3);
    lua_settop(L, 3);
    if (lua_type(L, 2) != LUA_TSTRING)
        raise_misuse(L, "meta: 'key' must be a string, got a %s", value_type_name(L, 2));
    const char *key = lua_tolstring(L, 2, &key_size), *value = NULL;
    if (!sets) {
        if (mv_get_meta(box->collection, key, key_size, out, &size, &found, &error))
            return push_failure(L, "meta", &error);
        if (found)
            lua_pushlstring(L, out, size);
        else
            lua_pushnil(L);
        return 1;
    }
    size = 0;
    if (lua_touserdata(L, 3) != (const void *)&null_marker) {
        if (lua_type(L, 3) != LUA_TSTRING)
            raise_misuse(L, "meta: 'value' must be a string or moonvec.null, got a %s",
                         value_type_name(L, 3));
        value = lua_tolstring(L, 3, &size);
    }
    mv_err err = mv_set_meta(box->collection, key, key_size, value, size, &error);
    return push_outcome(L, "meta", err, &error);
}

/* ---------------------------------------------------------------- stats */

/* Add the stats of field `name` to the table on top. False: the schema has changed since `schema`,
 * nothing is added. */
static bool add_index(lua_State *L, const char *name, const mv_index_stats *stats,
                      const mv_schema *schema)
{
    if (stats->schema != schema) return false;
    index_push_stats(L, stats);
    lua_setfield(L, -2, name);
    return true;
}

/* Push the table with the stats of all indexes. *changed: the schema changed meanwhile, so the
 * table is incomplete. */
static mv_err push_indexes(lua_State *L, mv_collection *collection, bool *changed, mv_error *error)
{
    mv_vector_options vector;
    mv_field_options field;
    mv_index_stats stats;
    mv_err err = MV_OK;
    const mv_schema *schema = mv_get_schema(collection);
    *changed = false;
    lua_newtable(L);
    for (uint32_t i = 0; !err && !*changed && mv_schema_field(schema, i, &field); i++) {
        if (field.index.type == MV_INDEX_NONE) continue;
        err = mv_get_field_index_stats(collection, i, &stats, error);
        *changed = !err && !add_index(L, field.name, &stats, schema);
    }
    for (uint32_t i = 0; !err && !*changed && mv_schema_vector(schema, i, &vector); i++) {
        err = mv_get_index_stats(collection, i, &stats, error);
        *changed = !err && !add_index(L, vector.name, &stats, schema);
    }
    if (err) *changed = mv_get_schema(collection) != schema;
    return err;
}

/* By mv_pending. */
static const char *const pending_names[] = {"none", "working", "elsewhere", "due",
                                            "few",  "failed",  "manual",    "read_only"};

/* Set the member "oldest_reader" of the table on top. */
static void set_oldest_reader(lua_State *L, const mv_oldest_reader *oldest)
{
    lua_createtable(L, 0, 4);
    set_unsigned(L, "pid", oldest->pid);
    set_unsigned(L, "commits", oldest->commits);
    set_unsigned(L, "catalog_bytes", oldest->catalog_bytes);
    set_unsigned(L, "file_bytes", oldest->file_bytes);
    lua_setfield(L, -2, "oldest_reader");
}

int call_stats(lua_State *L)
{
    mv_error error = {0};
    mv_stats stats;
    mv_err err;
    bool changed;
    collection_box *box = check_collection(L, 1, "stats");
    if (mv_get_stats(box->collection, &stats, &error)) return push_failure(L, "stats", &error);
    lua_createtable(L, 0, 23);
    set_unsigned(L, "documents", stats.documents);
    set_unsigned(L, "segments", stats.segments);
    set_unsigned(L, "fresh_rows", stats.fresh_rows);
    set_unsigned(L, "deleted_rows", stats.deleted_rows);
    set_unsigned(L, "disk_bytes", stats.disk_bytes);
    set_unsigned(L, "catalog_bytes", stats.catalog_bytes);
    set_unsigned(L, "catalog_free_bytes", stats.catalog_free_bytes);
    if (stats.oldest_reader.pid) set_oldest_reader(L, &stats.oldest_reader);
    set_unsigned(L, "memory_bytes", stats.memory_bytes);
    set_unsigned(L, "commit", stats.commit);
    set_boolean(L, "durable", stats.durable);
    set_boolean(L, "background", stats.is_maintained);
    if (*stats.maintenance_error) set_string(L, "background_error", stats.maintenance_error);
    set_unsigned(L, "pending_rows", stats.pending_rows);
    if (stats.pending != MV_PENDING_NONE) set_string(L, "pending", pending_names[stats.pending]);
    set_unsigned(L, "slowed_ms", stats.slowed_ms);
    set_unsigned(L, "bytes", stats.bytes);
    set_unsigned(L, "expired", stats.expired);
    set_unsigned(L, "evicted", stats.evicted);
    set_unsigned(L, "hits", stats.hits);
    set_unsigned(L, "misses", stats.misses);
    set_string(L, "simd", mv_simd_name());
    int top = lua_gettop(L);
    do {
        lua_settop(L, top);
        err = push_indexes(L, box->collection, &changed, &error);
    } while (changed);
    if (err) return push_failure(L, "stats", &error);
    lua_setfield(L, -2, "indexes");
    return 1;
}

int call_seconds(lua_State *L)
{
    lua_pushnumber(L, mv_seconds());
    return 1;
}

int call_hash(lua_State *L)
{
    char digits[17];
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    (void)snprintf(digits, sizeof digits, "%016" PRIx64, mv_hash(bytes, size));
    lua_pushstring(L, digits);
    return 1;
}
