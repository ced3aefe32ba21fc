/* Collections: opening, closing, and how they look from Lua. */
#include "calls.h"
#include "check_args.h"
#include "push_values.h"
#include "schema_box.h"

#include <stdio.h>
#include <string.h>

/* What Lua's collector is told an open collection weighs: it cannot see the engine's memory, and
 * 200 dropped collections stayed alive before it was told, 1 after. */
#define COLLECTION_KIB 256

#define MEMORY_PATH ":memory:"

/* ---------------------------------------------------------------- opening */

static collection_box *push_box(lua_State *L, const char *path)
{
    size_t size = strlen(path) + 1;
    collection_box *box = lua_newuserdata(L, sizeof *box + size);
    box->collection = NULL;
    box->parts = NULL;
    box->calls = 0;
    box->is_closing = false;
    memcpy(box->path, path, size);
    lua_createtable(L, SLOT_BACKGROUND, 0);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, SLOT_COLLECTION);
    lua_setuservalue(L, -2);
    luaL_getmetatable(L, COLLECTION_TYPE);
    lua_setmetatable(L, -2);
    return box;
}

static const word durabilities[] = {{"full", MV_DURABILITY_FULL}, {"none", MV_DURABILITY_NONE}};
static const word maintenances[] = {{"auto", false}, {"manual", true}};

static const char *check_path(lua_State *L, const char *call)
{
    size_t size;
    if (lua_type(L, 1) != LUA_TSTRING)
        raise_misuse(L, "%s: the path must be a string, got a %s", call, luaL_typename(L, 1));
    const char *path = lua_tolstring(L, 1, &size);
    if (strlen(path) != size) raise_misuse(L, "%s: the path has a zero byte in it", call);
    return path;
}

/* Open with the options at `options_at` and the schema at `schema_at` (0: the option `schema`). */
static int open_collection(lua_State *L, const char *call, int options_at, int schema_at)
{
    enum { READ_ONLY, DURABILITY, VERIFY, MAINTENANCE, SCHEMA, OPTIONS };
    static const char *const options[OPTIONS] = {"read_only", "durability", "verify", "maintenance",
                                                 "schema"};
    const char *path = check_path(L, call);
    error_context where = {.call = call};
    mv_error error = {0};
    int at = check_options(L, options_at, call, options, schema_at ? SCHEMA : OPTIONS);
    mv_open_options open = {
        .must_create = schema_at != 0,
        .read_only = check_boolean(L, at + READ_ONLY, call, "read_only", false),
        .verify = check_boolean(L, at + VERIFY, call, "verify", false),
    };
    if (!lua_isnil(L, at + DURABILITY))
        open.durability =
            (mv_durability)check_word(L, at + DURABILITY, &where, "durability", durabilities, 2);
    if (!lua_isnil(L, at + MAINTENANCE))
        open.manual_maintenance =
            check_word(L, at + MAINTENANCE, &where, "maintenance", maintenances, 2);
    if (!schema_at && !lua_isnil(L, at + SCHEMA)) schema_at = at + SCHEMA;
    if (schema_at && !(open.schema = schema_read(L, schema_at, &error)))
        return push_failure(L, "schema", &error);

    collection_box *box = push_box(L, path);
    if (mv_open(path, &open, &box->collection, &error)) return push_failure(L, call, &error);
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

int call_destroy_path(lua_State *L)
{
    mv_error error = {0};
    if (mv_destroy(check_path(L, "destroy"), &error)) return push_failure(L, "destroy", &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---------------------------------------------------------------- closing */

int call_close(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection_box(L, 1, "close");
    if (collection_close(L, box, &error)) return push_failure(L, "close", &error);
    lua_pushboolean(L, 1);
    return 1;
}

int call_gc(lua_State *L)
{
    collection_box *box = luaL_testudata(L, 1, COLLECTION_TYPE);
    if (box) box->calls = 0; /* nobody is left who could be calling */
    if (box) (void)collection_close(L, box, NULL);
    return 0;
}

/* Close and remove. What is in memory is gone with the closing. */
int call_destroy(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "destroy");
    if (box->calls > 1) raise_misuse(L, "destroy: collection '%s' is at work", box->path);
    box->calls--; /* so that closing need not wait for this very call */
    mv_err err = collection_close(L, box, &error);
    box->calls++;
    if (err) return push_failure(L, "destroy", &error);
    if (strcmp(box->path, MEMORY_PATH) != 0 && mv_destroy(box->path, &error))
        return push_failure(L, "destroy", &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---------------------------------------------------------------- looks */

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
    if (!box->collection) {
        lua_pushfstring(L, "moonvec.collection: %s (closed)", box->path);
    } else if (mv_count(box->collection, NULL, &count, &error)) {
        lua_pushfstring(L, "moonvec.collection: %s (%s)", box->path, error.text);
    } else {
        write_grouped(number, count);
        lua_pushfstring(L, "moonvec.collection: %s (%s document%s)", box->path, number,
                        count == 1 ? "" : "s");
    }
    return 1;
}

static int push_schema(lua_State *L)
{
    schema_push(L, mv_get_schema(check_collection(L, 1, "schema")->collection));
    return 1;
}

/* c.insert, c.path, c.schema */
int call_index(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    if (!lua_isnil(L, -1) || lua_type(L, 2) != LUA_TSTRING) return 1;
    const char *name = lua_tostring(L, 2);
    if (strcmp(name, "path") == 0) {
        lua_pushstring(L, check_collection_box(L, 1, "path")->path);
    } else if (strcmp(name, "schema") == 0) {
        collection_box *box = check_collection(L, 1, "schema");
        lua_pushcfunction(L, push_schema);
        lua_pushvalue(L, 1);
        call_guarded(L, box, 1);
    }
    return 1;
}
