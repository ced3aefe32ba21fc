/* Collections: open, close, destroy, and the metamethods of their userdata. */
#include "calls.h"
#include "check_args.h"
#include "push_values.h"
#include "schema_box.h"

#include <stdio.h>
#include <string.h>

/* Size of the garbage collector step after an open, because the collector cannot see the engine's
 * memory. Measured: 200 unreferenced collections stayed open without this step, 1 with it. */
#define COLLECTION_KIB 256

#define MEMORY_PATH ":memory:"

#define BUSY_MS_MAX 86400000u /* a day */

/* ---------------------------------------------------------------- opening */

static collection_box *push_box(lua_State *L, const char *path)
{
    size_t size = strlen(path) + 1;
    collection_box *box = lua_newuserdata(L, sizeof *box + size);
    memset(box, 0, sizeof *box);
    memcpy(box->path, path, size);
    lua_createtable(L, SLOT_RESULTS + RESULTS_KEPT - 1, 0);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, SLOT_COLLECTION);
    lua_setuservalue(L, -2);
    luaL_getmetatable(L, COLLECTION_TYPE);
    lua_setmetatable(L, -2);
    return box;
}

static const word durabilities[] = {{"full", MV_DURABILITY_FULL}, {"none", MV_DURABILITY_NONE}};
static uint32_t check_busy_ms(lua_State *L, int index, const char *call)
{
    uint32_t ms = check_whole(L, index, call, "busy_ms", 0, BUSY_MS_MAX, MV_BUSY_MS);
    return ms ? ms : MV_BUSY_AT_ONCE; /* 0 is the engine's default */
}

static uint64_t check_slowdown_rows(lua_State *L, int index, const char *call)
{
    uint32_t rows = check_whole(L, index, call, "slowdown_rows", 0, UINT32_MAX, MV_SLOWDOWN_ROWS);
    return rows ? rows : MV_SLOWDOWN_NEVER; /* 0 is the engine's default */
}

static const word maintenances[] = {{"auto", false}, {"manual", true}};

/* Does the table at `index` have this key? */
static bool has_key(lua_State *L, int index, const char *key)
{
    if (lua_type(L, index) != LUA_TTABLE) return false;
    lua_pushstring(L, key);
    lua_rawget(L, index);
    bool has = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return has;
}

/* Options and a schema in the other's place. */
static void check_order(lua_State *L, const char *call, int options_at, int schema_at)
{
    bool is_schema = has_key(L, options_at, "fields") || has_key(L, options_at, "vectors");
    if (!schema_at && is_schema)
        raise_misuse(L, "%s: expected options, got a schema (did you mean { schema = ... }?)",
                     call);
    if (schema_at && has_key(L, schema_at, "schema"))
        raise_misuse(L, "%s: expected (path, schema, options), argument 2 has the option 'schema'",
                     call);
}

/* After `err`, is another attempt worthwhile? Collections that are garbage may hold the memory, or
 * the addresses of a 32-bit process, until Lua collects them. */
static bool has_freed_memory(lua_State *L, mv_err err)
{
    if (err != MV_NO_MEMORY) return false;
    (void)lua_gc(L, LUA_GCCOLLECT, 0);
    return true;
}

/* Open with the options at `options_at` and the schema at `schema_at`. If `schema_at` is 0, open an
 * existing collection, or create it with the option `schema`. */
static int open_collection(lua_State *L, const char *call, int options_at, int schema_at)
{
    enum {
        READ_ONLY,
        DURABILITY,
        VERIFY,
        PREFAULT,
        MAINTENANCE,
        THREADS,
        BUSY_MS,
        SLOWDOWN_ROWS,
        MODELS, /* read by lua/moonvec/models.lua */
        SCHEMA,
        FROM,
        OPTIONS
    };
    static const char *const options[OPTIONS] = {
        "read_only",           "durability", "verify",        "prefault", "maintenance",
        "maintenance_threads", "busy_ms",    "slowdown_rows", "models",   "schema",
        "from"};
    const char *path = check_string(L, 1, call, "path");
    error_context where = {.call = call};
    mv_error error = {0};
    check_order(L, call, options_at, schema_at);
    int at = check_options(L, options_at, call, options, schema_at ? SCHEMA : OPTIONS);
    mv_open_options open = {
        .must_create = schema_at != 0,
        .read_only = check_boolean(L, at + READ_ONLY, call, "read_only", false),
        .verify = check_boolean(L, at + VERIFY, call, "verify", false),
        .prefault = check_boolean(L, at + PREFAULT, call, "prefault", false),
    };
    open.busy_ms = check_busy_ms(L, at + BUSY_MS, call);
    open.slowdown_rows = check_slowdown_rows(L, at + SLOWDOWN_ROWS, call);
    open.maintenance_threads =
        check_whole(L, at + THREADS, call, "maintenance_threads", 1, MV_THREADS_MAX, 0);
    if (!lua_isnil(L, at + DURABILITY))
        open.durability =
            (mv_durability)check_word(L, at + DURABILITY, &where, "durability", durabilities, 2);
    if (!lua_isnil(L, at + MAINTENANCE))
        open.manual_maintenance =
            check_word(L, at + MAINTENANCE, &where, "maintenance", maintenances, 2);
    if (!schema_at && !lua_isnil(L, at + FROM))
        open.from = check_string(L, at + FROM, call, "from");
    if (!schema_at && !lua_isnil(L, at + SCHEMA)) schema_at = at + SCHEMA;
    if (schema_at && !(open.schema = schema_read(L, schema_at, &error)))
        return push_failure(L, "schema", &error);

    collection_box *box = push_box(L, path);
    mv_err err = mv_open(path, &open, &box->collection, &error);
    if (has_freed_memory(L, err)) err = mv_open(path, &open, &box->collection, &error);
    if (err) return push_failure(L, call, &error);
    (void)lua_gc(L, LUA_GCSTEP, (LUA_GC_SIZE)COLLECTION_KIB);
    return 1;
}

int call_open(lua_State *L)
{
    lua_settop(L, 2);
    return open_collection(L, "open", 2, 0);
}

int call_create_and_open(lua_State *L)
{
    lua_settop(L, 3);
    return open_collection(L, "create_and_open", 3, 2);
}

/* load(dump, options) -> collection in memory */
int call_load(lua_State *L)
{
    enum { MAINTENANCE, THREADS, BUSY_MS, SCHEMA, MODELS, OPTIONS };
    static const char *const options[OPTIONS] = {"maintenance", "maintenance_threads", "busy_ms",
                                                 "schema", "models"};
    error_context where = {.call = "load"};
    mv_open_options open = {0};
    mv_error error = {0};
    size_t size;
    lua_settop(L, 2);
    if (lua_type(L, 1) != LUA_TSTRING)
        raise_misuse(L, "load: a dump is a string, got a %s", value_type_name(L, 1));
    const char *bytes = lua_tolstring(L, 1, &size);
    int at = check_options(L, 2, "load", options, OPTIONS);
    open.busy_ms = check_busy_ms(L, at + BUSY_MS, "load");
    open.maintenance_threads =
        check_whole(L, at + THREADS, "load", "maintenance_threads", 1, MV_THREADS_MAX, 0);
    if (!lua_isnil(L, at + MAINTENANCE))
        open.manual_maintenance =
            check_word(L, at + MAINTENANCE, &where, "maintenance", maintenances, 2);
    if (!lua_isnil(L, at + SCHEMA) && !(open.schema = schema_read(L, at + SCHEMA, &error)))
        return push_failure(L, "schema", &error);

    collection_box *box = push_box(L, MEMORY_PATH);
    mv_err err = mv_load(bytes, size, &open, &box->collection, &error);
    if (has_freed_memory(L, err)) err = mv_load(bytes, size, &open, &box->collection, &error);
    if (err) return push_failure(L, "load", &error);
    (void)lua_gc(L, LUA_GCSTEP, (LUA_GC_SIZE)COLLECTION_KIB);
    return 1;
}

int call_destroy_path(lua_State *L)
{
    mv_error error = {0};
    lua_settop(L, 1);
    const char *path = check_string(L, 1, "destroy", "path");
    return push_outcome(L, "destroy", mv_destroy(path, &error), &error);
}

/* ---------------------------------------------------------------- closing */

int call_close(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection_box(L, 1, "close");
    bool undoes = !box->is_transaction && box->collection && mv_in_transaction(box->collection);
    int results = push_outcome(L, "close", collection_close(L, box, &error), &error);
    if (results > 1 || !undoes) return results;
    lua_pushliteral(L, "a transaction was open: it has been undone");
    return 2;
}

int call_gc(lua_State *L)
{
    collection_box *box = luaL_testudata(L, 1, COLLECTION_TYPE);
    if (box) box->calls = 0; /* no call can be active: it would refer to the collection */
    if (box) (void)collection_close(L, box, NULL);
    return 0;
}

/* Close, then remove the files. A collection in memory has none. */
int call_destroy(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "destroy");
    if (box->is_transaction)
        raise_misuse(L, "destroy: not in a transaction: this concerns the whole collection");
    if (box->calls > 1)
        raise_misuse(L, "destroy: collection '%s' is in use by another call", box->path);
    box->calls--; /* so that closing does not wait for this call itself */
    mv_err err = collection_close(L, box, &error);
    box->calls++;
    if (!err && strcmp(box->path, MEMORY_PATH) != 0) err = mv_destroy(box->path, &error);
    return push_outcome(L, "destroy", err, &error);
}

/* ---------------------------------------------------------------- metamethods */

int call_length(lua_State *L)
{
    uint64_t count;
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "#");
    if (mv_count(box->collection, NULL, &count, &error)) raise_misuse(L, "%s", error.text);
    push_unsigned(L, count);
    return 1;
}

/* 1204 -> "1,204" */
static void write_grouped(char out[32], uint64_t number)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *to = out;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
}

int call_tostring(lua_State *L)
{
    uint64_t count;
    char number[32];
    mv_error error = {0};
    collection_box *box = check_collection_box(L, 1, "tostring");
    const char *type = box->is_transaction ? "moonvec.transaction" : "moonvec.collection";
    if (!box->collection) {
        lua_pushfstring(L, "%s: %s (%s)", type, box->path,
                        box->is_transaction ? "ended" : "closed");
    } else if (mv_count(box->collection, NULL, &count, &error)) {
        lua_pushfstring(L, "%s: %s (%s)", type, box->path, error.text);
    } else {
        write_grouped(number, count);
        lua_pushfstring(L, "%s: %s (%s document%s)", type, box->path, number,
                        count == 1 ? "" : "s");
    }
    return 1;
}

static int push_schema(lua_State *L)
{
    schema_push(L, mv_get_schema(check_collection(L, 1, "schema")->collection));
    return 1;
}

/* Raise if the key at 2 is a method that ends a transaction in other databases. */
static void raise_if_end(lua_State *L)
{
    static const char *const ends[] = {"commit", "rollback", "abort"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (is_text(L, 2, ends[i]))
            raise_misuse(L,
                         "a transaction has no '%s': it is committed when its function returns, "
                         "and undone when its function raises",
                         ends[i]);
}

/* __index: a method, `path` or `schema`. Any other key is nil, but one that other databases have
 * for a method raises. */
int call_index(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    if (!lua_isnil(L, -1)) return 1;
    if (is_text(L, 2, "path")) {
        lua_pushstring(L, check_collection_box(L, 1, "path")->path);
    } else if (is_text(L, 2, "schema")) {
        collection_box *box = check_collection(L, 1, "schema");
        lua_pushcfunction(L, push_schema);
        lua_pushvalue(L, 1);
        call_guarded(L, box, 1);
    } else if (check_collection_box(L, 1, "index")->is_transaction) {
        raise_if_end(L);
        raise_if_synonym(L, "a transaction", lua_upvalueindex(1), 2);
    } else {
        raise_if_synonym(L, "a collection", lua_upvalueindex(1), 2);
    }
    return 1;
}
