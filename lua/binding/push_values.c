/* Values, vectors and documents -> Lua. */
#include "push_values.h"

#include "check_args.h"
#include "vector_box.h"
#include "vector_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DOUBLE_WHOLE_MAX 9007199254740991 /* a double cannot represent every larger integer */

void push_integer(lua_State *L, int64_t number)
{
    if (LUA_HAS_INTEGERS || (number >= -DOUBLE_WHOLE_MAX && number <= DOUBLE_WHOLE_MAX)) {
#if LUA_HAS_INTEGERS
        lua_pushinteger(L, number);
#else
        lua_pushnumber(L, (lua_Number)number);
#endif
        return;
    }
    char text[ID_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    lua_pushstring(L, text);
}

void push_unsigned(lua_State *L, uint64_t number)
{
    if (number <= INT64_MAX) {
        push_integer(L, (int64_t)number);
        return;
    }
    char text[ID_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    lua_pushstring(L, text);
}

void set_unsigned(lua_State *L, const char *key, uint64_t number)
{
    push_unsigned(L, number);
    lua_setfield(L, -2, key);
}

void set_number(lua_State *L, const char *key, double number)
{
    lua_pushnumber(L, number);
    lua_setfield(L, -2, key);
}

void set_boolean(lua_State *L, const char *key, bool boolean)
{
    lua_pushboolean(L, boolean);
    lua_setfield(L, -2, key);
}

void set_string(lua_State *L, const char *key, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

static void push_scalar(lua_State *L, const mv_value *value)
{
    switch (value->kind) {
    case MV_KIND_BOOL: lua_pushboolean(L, value->as.boolean); break;
    case MV_KIND_INT: push_integer(L, value->as.i); break;
    case MV_KIND_UINT: push_unsigned(L, value->as.u); break;
    case MV_KIND_REAL: lua_pushnumber(L, (lua_Number)value->as.real); break;
    case MV_KIND_STRING: lua_pushlstring(L, value->as.string.data, value->as.string.size); break;
    case MV_KIND_SPARSE: push_sparse(L, &value->as.sparse); break;
    case MV_KIND_NULL:
    case MV_KIND_MULTI: /* push_multi */
    case MV_KIND_LIST:
    case MV_KIND_MATCH: lua_pushnil(L); break;
    }
}

void push_value(lua_State *L, const mv_value *value)
{
    if (value->kind != MV_KIND_LIST) {
        push_scalar(L, value);
        return;
    }
    lua_createtable(L, (int)value->as.list.count, 0);
    for (size_t i = 0; i < value->as.list.count; i++) {
        push_scalar(L, &value->as.list.items[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* ---------------------------------------------------------------- output fields */

static const char *field_name(const mv_schema *schema, uint32_t position)
{
    mv_field_options field;
    return mv_schema_field(schema, position, &field) ? field.name : NULL;
}

static const char *vector_name(const mv_schema *schema, uint32_t position)
{
    mv_vector_options vector;
    return mv_schema_vector(schema, position, &vector) ? vector.name : NULL;
}

void raise_unknown_field(lua_State *L, const error_context *where, const mv_schema *schema,
                         const char *given, size_t given_size)
{
    const char *names[MV_FIELDS_MAX + MV_VECTORS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < mv_schema_field_count(schema); i++)
        names[count++] = field_name(schema, i);
    for (uint32_t i = 0; i < mv_schema_vector_count(schema); i++)
        names[count++] = vector_name(schema, i);
    raise_unknown(L, where, "field", given, given_size, names, count);
}

bool is_hit_key(const char *name, size_t size)
{
    static const char *const keys[] = {"id", "score", "distance"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i]) == size && memcmp(name, keys[i], size) == 0) return true;
    return false;
}

/* Add all fields of sparse and of several vectors, or all others. */
static void add_fields(const mv_schema *schema, bool of_vectors, output *out)
{
    mv_field_options field;
    for (uint32_t i = 0; mv_schema_field(schema, i, &field); i++)
        if (of_vectors == is_field_of_vectors(&field) && out->fields_count < MV_FIELDS_MAX)
            out->fields[out->fields_count++] = (uint16_t)i;
}

/* True if a field of sparse or of several vectors is named. */
static bool read_named_fields(lua_State *L, const mv_schema *schema, const char *call, int list,
                              output *out)
{
    mv_field_options field;
    bool names_vectors = false;
    error_context where = {.call = call};
    if (lua_type(L, list) != LUA_TTABLE)
        raise_misuse(L, "%s: 'output_fields' must be an array of names, got a %s", call,
                     value_type_name(L, list));
    size_t count = check_array(L, list, &where, "'output_fields'");
    for (size_t i = 1; i <= count; i++) {
        size_t size;
        uint32_t position;
        lua_rawgeti(L, list, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            raise_misuse(L, "%s: 'output_fields' must hold names, element %zu is a %s", call, i,
                         value_type_name(L, -1));
        const char *name = lua_tolstring(L, -1, &size);
        if (mv_schema_find_field(schema, name, size, &position)) {
            if (out->fields_count < MV_FIELDS_MAX)
                out->fields[out->fields_count++] = (uint16_t)position;
            (void)mv_schema_field(schema, position, &field);
            names_vectors |= is_field_of_vectors(&field);
        } else if (mv_schema_find_vector(schema, name, size, &position)) {
            if (out->vectors_count < MV_VECTORS_MAX)
                out->vectors[out->vectors_count++] = (uint16_t)position;
        } else if (!is_hit_key(name, size)) {
            raise_unknown_field(L, &where, schema, name, size);
        }
        lua_pop(L, 1);
    }
    return names_vectors;
}

void output_read(lua_State *L, const mv_schema *schema, const char *call, int fields_at,
                 int include_at, output *out)
{
    out->fields_count = 0;
    out->vectors_count = 0;
    out->has_score = false;
    bool names_vectors = false;
    if (lua_isnil(L, fields_at))
        add_fields(schema, false, out);
    else
        names_vectors = read_named_fields(L, schema, call, fields_at, out);

    out->vectors_as_tables = is_text(L, include_at, "table");
    if (!lua_isnil(L, include_at) && !lua_isboolean(L, include_at) && !out->vectors_as_tables)
        raise_misuse(L, "%s: 'include_vector' must be true, false or 'table'", call);
    if (lua_toboolean(L, include_at) && out->vectors_count == 0 && !names_vectors) {
        out->vectors_count = mv_schema_vector_count(schema);
        for (uint32_t i = 0; i < out->vectors_count; i++) out->vectors[i] = (uint16_t)i;
        add_fields(schema, true, out);
    }
}

/* ---------------------------------------------------------------- documents */

int output_push_keys(lua_State *L, const mv_schema *schema, const output *out)
{
    int keys = lua_gettop(L) + 1;
    luaL_checkstack(L, (int)(out->fields_count + out->vectors_count) + 12, "too many fields");
    lua_pushlstring(L, "id", 2);
    lua_pushlstring(L, "score", 5);
    lua_pushlstring(L, "distance", 8);
    for (uint32_t i = 0; i < out->fields_count; i++)
        lua_pushstring(L, field_name(schema, out->fields[i]));
    for (uint32_t i = 0; i < out->vectors_count; i++)
        lua_pushstring(L, vector_name(schema, out->vectors[i]));
    return keys;
}

/* Pop the value on top, and set it in the table below it. `key`: stack index of the key. */
static void set_key(lua_State *L, int key)
{
    lua_pushvalue(L, key);
    lua_insert(L, -2);
    lua_rawset(L, -3);
}

/* Remove all keys of the table on top except the first three, which are always overwritten. */
static void clear_document(lua_State *L, int keys)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        if (lua_rawequal(L, -1, keys) || lua_rawequal(L, -1, keys + 1) ||
            lua_rawequal(L, -1, keys + 2))
            continue;
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, -4);
    }
}

void output_push_table(lua_State *L, const output *out, int keys, int reuse, size_t position)
{
    if (reuse) {
        lua_rawgeti(L, reuse, (int)position);
        if (lua_istable(L, -1)) {
            clear_document(L, keys);
            return;
        }
        lua_pop(L, 1);
    }
    lua_createtable(L, 0, (out->has_score ? 3 : 1) + (int)(out->fields_count + out->vectors_count));
}

static mv_err fill_vectors(lua_State *L, result_box *box, size_t position, const mv_schema *schema,
                           const output *out, int keys, mv_error *error)
{
    for (uint32_t i = 0; i < out->vectors_count; i++) {
        mv_vector_options vector;
        if (!mv_schema_vector(schema, out->vectors[i], &vector)) continue;
        float *scratch = number_scratch_reserve(L, &box->scratch, vector.dim);
        mv_err err =
            mv_result_vector(box->result, position, out->vectors[i], scratch, vector.dim, error);
        if (err) return err;
        vector_push(L, vector.type, scratch, vector.dim, out->vectors_as_tables);
        set_key(L, keys + 3 + (int)out->fields_count + (int)i);
    }
    return MV_OK;
}

mv_err output_fill(lua_State *L, result_box *box, size_t position, const mv_schema *schema,
                   const output *out, int keys, mv_error *error)
{
    size_t count;
    mv_id id;
    mv_err err = mv_result_id(box->result, position, &id, error);
    if (err) return err;
    lua_pushlstring(L, id.data, id.size);
    set_key(L, keys);
    if (out->has_score) {
        const mv_hit *hit = mv_result_hits(box->result, &count) + position;
        lua_pushnumber(L, (lua_Number)hit->score);
        set_key(L, keys + 1);
        lua_pushnumber(L, (lua_Number)hit->distance);
        set_key(L, keys + 2);
    }
    for (uint32_t i = 0; i < out->fields_count; i++) {
        mv_value value;
        mv_field_options field;
        if ((err = mv_result_value(box->result, position, out->fields[i], &value, error)))
            return err;
        if (value.kind == MV_KIND_NULL) continue;
        if (value.kind == MV_KIND_MULTI && mv_schema_field(schema, out->fields[i], &field))
            push_multi(L, &value.as.multi, field.dim, out->vectors_as_tables);
        else
            push_value(L, &value);
        set_key(L, keys + 3 + (int)i);
    }
    return fill_vectors(L, box, position, schema, out, keys, error);
}
