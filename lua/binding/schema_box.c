/* Schemas: Lua table -> mv_schema, and back. */
#include "schema_box.h"

#include "check_args.h"
#include "index_options.h"
#include "push_values.h"
#include "read_values.h"
#include "retention_options.h"
#include "vector_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA_TYPE  "moonvec.schema"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

typedef struct schema_box {
    mv_schema *schema;
} schema_box;

#define NUMBERS_END 128 /* above all numbers that have names */

/* The engine's name functions, with an int argument for check_named. */
static const char *type_of_number(int number)
{
    return mv_type_name((mv_type)number);
}

static const char *scalar_type_of_number(int number)
{
    const mv_field_options field = {.type = (mv_type)number};
    return number < MV_VECTOR && !is_field_of_vectors(&field) ? type_of_number(number) : NULL;
}

static const char *vector_type_of_number(int number)
{
    return number >= MV_VECTOR || number == MV_SPARSE_FP32 ? type_of_number(number) : NULL;
}

static const char *metric_of_number(int number)
{
    return mv_metric_name((mv_metric)number);
}

/* The number, from `first` to `end` - 1, whose name is the string at `at`. */
static int check_named(lua_State *L, int at, const error_context *where, const char *kind,
                       const char *(*name_of)(int number), int first, int end)
{
    word words[WORDS_MAX];
    size_t count = 0;
    for (int number = first; number < end && count < WORDS_MAX; number++) {
        const char *name = name_of(number);
        if (name) words[count++] = (word){name, number};
    }
    return check_word(L, at, where, kind, words, count);
}

/* ---------------------------------------------------------------- Lua -> schema */

/* The call for messages. `position`: of a field in the schema, or 0 for a field to be added. */
static const char *call_of(int position)
{
    return position ? "schema" : "add_column";
}

/* Spread the options of the entry on top. `call` becomes the prefix of messages, for example
 * "schema: field 2". */
static int spread_entry(lua_State *L, const char *kind, int position, const char *const *names,
                        int names_count, char call[64])
{
    if (position)
        (void)snprintf(call, 64, "schema: %s %d", kind, position);
    else
        (void)snprintf(call, 64, "add_column: the field");
    int entry = lua_gettop(L);
    if (lua_type(L, entry) != LUA_TTABLE)
        raise_misuse(L, "%s must be a table, got a %s", call, value_type_name(L, entry));
    int at = check_options(L, entry, call, names, names_count);
    for (int i = 0; i < 2; i++) /* options 0 and 1 are `name` and `type` */
        if (lua_isnil(L, at + i)) raise_misuse(L, "%s has no '%s'", call, names[i]);
    (void)check_string(L, at, call, "name");
    return at;
}

/* Does the entry at `index` describe a vector field: does its `type` begin with "vector" or
 * "sparse", or has it a `dim`? */
static bool is_vector_entry(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE) return false;
    lua_pushlstring(L, "dim", 3);
    lua_rawget(L, index);
    lua_pushlstring(L, "type", 4);
    lua_rawget(L, index);
    bool is_vector = !lua_isnil(L, -2) || (lua_type(L, -1) == LUA_TSTRING &&
                                           (strncmp(lua_tostring(L, -1), "vector", 6) == 0 ||
                                            strncmp(lua_tostring(L, -1), "sparse", 6) == 0));
    lua_pop(L, 2);
    return is_vector;
}

static mv_err read_field(lua_State *L, mv_schema *schema, int position, mv_error *error)
{
    enum { NAME, TYPE, NULLABLE, DEFAULT, INDEX, OPTIONS };
    static const char *const options[OPTIONS] = {"name", "type", "nullable", "default", "index"};
    char call[64];
    if (is_vector_entry(L, lua_gettop(L)))
        raise_misuse(L, "schema: field %d is a vector field, which belongs in 'vectors'", position);
    int at = spread_entry(L, "field", position, options, OPTIONS, call);
    mv_field_options field = {.name = lua_tostring(L, at + NAME)};
    error_context where = {.call = call_of(position), .field = field.name};
    field.type =
        (mv_type)check_named(L, at + TYPE, &where, "type", scalar_type_of_number, 0, MV_VECTOR);
    field.nullable = check_boolean(L, at + NULLABLE, call, "nullable", false);
    field.index = index_read(L, at + INDEX, &where, false);

    mv_value value;
    value_scratch scratch = {.used = 0};
    if (!lua_isnil(L, at + DEFAULT)) {
        read_value(L, at + DEFAULT, &where, &value, &scratch);
        field.default_value = &value;
    }
    return mv_schema_add_field(schema, &field, error);
}

/* The options of a vector field. */
enum {
    VECTOR_NAME,
    VECTOR_TYPE_AT,
    VECTOR_DIM,
    VECTOR_METRIC,
    VECTOR_INDEX,
    VECTOR_NULLABLE,
    VECTOR_MULTI,
    VECTOR_EMBED,
    VECTOR_OPTIONS
};

/* The option `embed` at `index`. */
static void read_embed(lua_State *L, int index, const error_context *where, mv_embed *embed)
{
    enum { FROM, MODEL, FINGERPRINT, OPTIONS };
    static const char *const options[OPTIONS] = {"from", "model", "fingerprint"};
    char call[192];
    if (lua_isnil(L, index)) return;
    (void)snprintf(call, sizeof call, "%s: field '%s': embed", where->call, where->field);
    int at = check_options(L, index, call, options, OPTIONS);
    embed->from = check_string(L, at + FROM, call, "from");
    embed->model = check_string(L, at + MODEL, call, "model");
    if (!lua_isnil(L, at + FINGERPRINT))
        embed->fingerprint = check_string(L, at + FINGERPRINT, call, "fingerprint");
}

/* A field of sparse vectors, whose options are at `at`: for the engine a scalar field. */
static mv_err read_sparse_field(lua_State *L, mv_schema *schema, int at, const char *call,
                                const error_context *where, mv_error *error)
{
    mv_field_options field = {.name = where->field, .type = MV_SPARSE_FP32};
    if (!lua_isnil(L, at + VECTOR_DIM))
        raise_at(L, where, "a sparse vector has no 'dim': its indexes are from 0 to 4294967295");
    if (!lua_isnil(L, at + VECTOR_METRIC) && !is_text(L, at + VECTOR_METRIC, "ip"))
        raise_at(L, where, "the metric of sparse vectors is 'ip'");
    field.nullable = check_boolean(L, at + VECTOR_NULLABLE, call, "nullable", false);
    field.index = index_read_sparse(L, at + VECTOR_INDEX, where);
    return mv_schema_add_field(schema, &field, error);
}

/* A field of several vectors, likewise. */
static mv_err read_multi_field(lua_State *L, mv_schema *schema, int at, const char *call,
                               const error_context *where, mv_error *error)
{
    mv_field_options field = {.name = where->field, .type = MV_MULTI_FP32};
    if (!is_text(L, at + VECTOR_TYPE_AT, "vector_fp32"))
        raise_at(L, where, "several vectors in a field ('multi') are of type 'vector_fp32'");
    if (!lua_isnil(L, at + VECTOR_METRIC) && !is_text(L, at + VECTOR_METRIC, "ip"))
        raise_at(L, where, "the metric of several vectors in a field ('multi') is 'ip'");
    if (lua_isnil(L, at + VECTOR_DIM)) raise_at(L, where, "'dim' is missing");
    field.dim = check_whole(L, at + VECTOR_DIM, call, "dim", 1, MV_DIM_MAX, 0);
    field.nullable = check_boolean(L, at + VECTOR_NULLABLE, call, "nullable", false);
    field.index = index_read(L, at + VECTOR_INDEX, where, true);
    return mv_schema_add_field(schema, &field, error);
}

static mv_err read_vector_field(lua_State *L, mv_schema *schema, int position, mv_error *error)
{
    static const char *const options[VECTOR_OPTIONS] = {"name",  "type",     "dim",   "metric",
                                                        "index", "nullable", "multi", "embed"};
    char call[64];
    int at = spread_entry(L, "vector", position, options, VECTOR_OPTIONS, call);
    mv_vector_options vector = {.name = lua_tostring(L, at + VECTOR_NAME)};
    error_context where = {.call = call_of(position), .field = vector.name};
    vector.type = (mv_type)check_named(L, at + VECTOR_TYPE_AT, &where, "type",
                                       vector_type_of_number, 0, NUMBERS_END);
    bool is_multi = check_boolean(L, at + VECTOR_MULTI, call, "multi", false);
    if (!lua_isnil(L, at + VECTOR_EMBED) && (is_multi || vector.type == MV_SPARSE_FP32))
        raise_at(L, &where, "a field of %s cannot 'embed'",
                 is_multi ? "several vectors" : "sparse vectors");
    if (is_multi) return read_multi_field(L, schema, at, call, &where, error);
    if (vector.type == MV_SPARSE_FP32) return read_sparse_field(L, schema, at, call, &where, error);
    if (!lua_isnil(L, at + VECTOR_NULLABLE))
        raise_at(L, &where, "only a sparse vector, and several in a field, may be 'nullable'");
    if (lua_isnil(L, at + VECTOR_DIM)) raise_at(L, &where, "'dim' is missing");
    vector.dim = check_whole(L, at + VECTOR_DIM, call, "dim", 1, MV_DIM_MAX, 0);
    vector.metric = lua_isnil(L, at + VECTOR_METRIC)
                        ? mv_metric_default(vector.type)
                        : (mv_metric)check_named(L, at + VECTOR_METRIC, &where, "metric",
                                                 metric_of_number, 1, NUMBERS_END);
    vector.index = index_read(L, at + VECTOR_INDEX, &where, true);
    read_embed(L, at + VECTOR_EMBED, &where, &vector.embed);
    if (vector.embed.from && !position) { /* the collection has this field */
        mv_field_options from = {.name = vector.embed.from, .type = MV_STRING};
        mv_err err = mv_schema_add_field(schema, &from, error);
        if (err) return err;
    }
    return mv_schema_add_vector(schema, &vector, error);
}

static mv_err read_entries(lua_State *L, int list, const char *name, mv_schema *schema,
                           mv_err (*read)(lua_State *, mv_schema *, int, mv_error *),
                           mv_error *error)
{
    if (lua_isnil(L, list)) return MV_OK;
    if (lua_type(L, list) != LUA_TTABLE)
        raise_misuse(L, "schema: '%s' must be an array of tables, got a %s", name,
                     value_type_name(L, list));
    int count = (int)lua_rawlen(L, list);
    lua_pushnil(L);
    if (count == 0 && lua_next(L, list))
        raise_misuse(L, "schema: '%s' must be an array of tables", name);
    int top = lua_gettop(L);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        mv_err err = read(L, schema, i, error);
        if (err) return err;
        lua_settop(L, top);
    }
    return MV_OK;
}

/* Push a userdata that will own a schema. */
static schema_box *push_box(lua_State *L)
{
    schema_box *box = lua_newuserdata(L, sizeof *box);
    box->schema = NULL;
    luaL_getmetatable(L, SCHEMA_TYPE);
    lua_setmetatable(L, -2);
    return box;
}

const mv_schema *schema_read_one(lua_State *L, int index, mv_error *error)
{
    schema_box *box = push_box(L);
    int box_at = lua_gettop(L);
    mv_err err = mv_schema_create(NULL, &box->schema, error);
    lua_pushvalue(L, index);
    if (!err)
        err = is_vector_entry(L, index) ? read_vector_field(L, box->schema, 0, error)
                                        : read_field(L, box->schema, 0, error);
    lua_settop(L, box_at);
    return err ? NULL : box->schema;
}

const mv_schema *schema_read(lua_State *L, int index, mv_error *error)
{
    enum { NAME, FIELDS, VECTORS, RETENTION, OPTIONS = RETENTION + RETENTION_OPTIONS };
    static const char *const options[OPTIONS] = {"name", "fields", "vectors",
                                                 RETENTION_OPTIONS_NAMES};
    mv_retention retention = {0};
    if (lua_type(L, index) != LUA_TTABLE)
        raise_misuse(L, "schema: expected a table, got a %s", value_type_name(L, index));

    schema_box *box = push_box(L);
    int box_at = lua_gettop(L);
    int at = check_options(L, index, "schema", options, OPTIONS);
    const char *name =
        lua_isnil(L, at + NAME) ? NULL : check_string(L, at + NAME, "schema", "name");
    retention_read(L, at + RETENTION, "schema", &retention);
    mv_err err = mv_schema_create(name, &box->schema, error);
    if (!err) err = read_entries(L, at + FIELDS, "fields", box->schema, read_field, error);
    if (!err) err = read_entries(L, at + VECTORS, "vectors", box->schema, read_vector_field, error);
    if (!err) err = mv_schema_set_retention(box->schema, &retention, error);
    lua_settop(L, box_at);
    return err ? NULL : box->schema;
}

static int schema_gc(lua_State *L)
{
    schema_box *box = luaL_testudata(L, 1, SCHEMA_TYPE);
    if (box) mv_schema_free(box->schema);
    if (box) box->schema = NULL;
    return 0;
}

/* ---------------------------------------------------------------- schema -> Lua */

static void push_field(lua_State *L, const mv_field_options *field)
{
    lua_createtable(L, 0, 5);
    set_string(L, "name", field->name);
    set_string(L, "type", mv_type_name(field->type));
    lua_pushboolean(L, field->nullable);
    lua_setfield(L, -2, "nullable");
    if (field->default_value) {
        push_value(L, field->default_value);
        lua_setfield(L, -2, "default");
    }
    if (field->index.type == MV_INDEX_NONE) return;
    index_push(L, &field->index);
    lua_setfield(L, -2, "index");
}

static void push_vector_field(lua_State *L, const mv_vector_options *vector)
{
    lua_createtable(L, 0, 5);
    set_string(L, "name", vector->name);
    set_string(L, "type", mv_type_name(vector->type));
    lua_pushinteger(L, (lua_Integer)vector->dim);
    lua_setfield(L, -2, "dim");
    set_string(L, "metric", mv_metric_name(vector->metric));
    index_push(L, &vector->index);
    lua_setfield(L, -2, "index");
    if (!vector->embed.from) return;
    lua_createtable(L, 0, 3);
    set_string(L, "from", vector->embed.from);
    set_string(L, "model", vector->embed.model);
    if (*vector->embed.fingerprint) set_string(L, "fingerprint", vector->embed.fingerprint);
    lua_setfield(L, -2, "embed");
}

/* A field of sparse or of several vectors. */
static void push_field_of_vectors(lua_State *L, const mv_field_options *field)
{
    static const mv_index_options flat = {.type = MV_INDEX_FLAT};
    bool is_multi = field->type == MV_MULTI_FP32;
    lua_createtable(L, 0, 7);
    set_string(L, "name", field->name);
    set_string(L, "type", mv_type_name(is_multi ? MV_VECTOR_FP32 : field->type));
    if (is_multi) set_boolean(L, "multi", true);
    if (is_multi) set_unsigned(L, "dim", field->dim);
    set_string(L, "metric", mv_metric_name(MV_IP));
    lua_pushboolean(L, field->nullable);
    lua_setfield(L, -2, "nullable");
    index_push(L, field->index.type == MV_INDEX_NONE ? &flat : &field->index);
    lua_setfield(L, -2, "index");
}

void schema_push(lua_State *L, const mv_schema *schema)
{
    mv_field_options field;
    mv_vector_options vector;
    mv_retention retention;
    int count = 0;
    lua_createtable(L, 0, 7);
    if (*mv_schema_name(schema)) set_string(L, "name", mv_schema_name(schema));

    lua_createtable(L, (int)mv_schema_field_count(schema), 0);
    for (uint32_t i = 0; mv_schema_field(schema, i, &field); i++) {
        if (is_field_of_vectors(&field)) continue;
        push_field(L, &field);
        lua_rawseti(L, -2, ++count);
    }
    lua_setfield(L, -2, "fields");

    lua_createtable(L, (int)mv_schema_vector_count(schema), 0);
    for (uint32_t i = 0; mv_schema_vector(schema, i, &vector); i++) {
        push_vector_field(L, &vector);
        lua_rawseti(L, -2, (int)i + 1);
    }
    count = (int)mv_schema_vector_count(schema);
    for (uint32_t i = 0; mv_schema_field(schema, i, &field); i++) {
        if (!is_field_of_vectors(&field)) continue;
        push_field_of_vectors(L, &field);
        lua_rawseti(L, -2, ++count);
    }
    lua_setfield(L, -2, "vectors");
    mv_schema_retention(schema, &retention);
    retention_set(L, &retention);
}

int schema_call(lua_State *L)
{
    mv_error error = {0};
    luaL_checkany(L, 1);
    const mv_schema *schema = schema_read(L, 1, &error);
    if (!schema) return push_failure(L, "schema", &error);
    schema_push(L, schema);
    return 1;
}

void schema_register(lua_State *L)
{
    luaL_newmetatable(L, SCHEMA_TYPE);
    lua_pushcfunction(L, schema_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
