/* Changes of the schema. Adding a field takes several calls: column_begin, then column_next and
 * column_set for each document, then column_commit. Between column_next and column_set,
 * lua/moonvec/collection.lua calls the user's function that computes the value. */
#include "calls.h"
#include "check_args.h"
#include "push_values.h"
#include "read_values.h"
#include "read_vectors.h"
#include "retention_options.h"
#include "schema_box.h"
#include "vector_values.h"

#include <stdio.h>
#include <string.h>

/* Push a table with the name, dim and model of a vector field, the field that it is made of, and
 * the default text of that. */
static void push_embed(lua_State *L, const mv_schema *schema, const mv_vector_options *vector)
{
    uint32_t position;
    mv_field_options from;
    lua_createtable(L, 0, 6);
    set_string(L, "name", vector->name);
    set_unsigned(L, "dim", vector->dim);
    set_string(L, "from", vector->embed.from);
    set_string(L, "model", vector->embed.model);
    set_string(L, "fingerprint", vector->embed.fingerprint);
    if (!mv_schema_find_field(schema, vector->embed.from, strlen(vector->embed.from), &position) ||
        !mv_schema_field(schema, position, &from) || !from.default_value)
        return;
    push_value(L, from.default_value);
    lua_setfield(L, -2, "default");
}

int call_embeds(lua_State *L)
{
    mv_vector_options vector;
    mv_field_options field;
    bool has_text_index = false;
    int count = 0;
    const mv_schema *schema = mv_get_schema(check_collection(L, 1, "schema")->collection);
    for (uint32_t i = 0; mv_schema_vector(schema, i, &vector); i++) {
        if (!vector.embed.from) continue;
        if (!count) lua_newtable(L);
        push_embed(L, schema, &vector);
        lua_rawseti(L, -2, ++count);
    }
    if (!count) return 0;
    for (uint32_t i = 0; mv_schema_field(schema, i, &field); i++)
        has_text_index |= field.index.type == MV_INDEX_TEXT;
    lua_pushboolean(L, has_text_index);
    return 2;
}

int call_drop_index(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "drop_index");
    lua_settop(L, 2);
    const char *name = check_string(L, 2, "drop_index", "name");
    return push_outcome(L, "drop_index", mv_drop_index(box->collection, name, &error), &error);
}

int call_drop_column(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "drop_column");
    lua_settop(L, 2);
    const char *name = check_string(L, 2, "drop_column", "name");
    return push_outcome(L, "drop_column", mv_drop_column(box->collection, name, &error), &error);
}

int call_alter_column(lua_State *L)
{
    enum { RENAME, NULLABLE, TYPE, DEFAULT, DIM, METRIC, INDEX, OPTIONS };
    static const char *const options[OPTIONS] = {"rename", "nullable", "type", "default",
                                                 "dim",    "metric",   "index"};
    static const char call[] = "alter_column";
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, call);
    lua_settop(L, 3);
    const char *name = check_string(L, 2, call, "name");
    int at = check_options(L, 3, call, options, OPTIONS);
    if (!lua_isnil(L, at + INDEX))
        raise_misuse(L, "%s: use create_index or drop_index to change the index", call);
    for (int i = TYPE; i < INDEX; i++)
        if (!lua_isnil(L, at + i))
            raise_misuse(L,
                         "%s: '%s' cannot be changed (only 'rename', and 'nullable' to true): "
                         "add a new column and drop this one",
                         call, options[i]);
    mv_column_change change = {.nullable =
                                   check_boolean(L, at + NULLABLE, call, "nullable", false)};
    if (!lua_isnil(L, at + NULLABLE) && !change.nullable)
        raise_misuse(L, "%s: 'nullable' can only be changed to true", call);
    if (!lua_isnil(L, at + RENAME)) change.new_name = check_string(L, at + RENAME, call, "rename");
    if (!change.new_name && !change.nullable)
        raise_misuse(L, "%s: expected 'rename' or 'nullable'", call);
    return push_outcome(L, call, mv_alter_column(box->collection, name, &change, &error), &error);
}

int call_alter(lua_State *L)
{
    static const char *const options[RETENTION_OPTIONS] = {RETENTION_OPTIONS_NAMES};
    static const char call[] = "alter";
    mv_error error = {0};
    mv_retention retention;
    collection_box *box = check_collection(L, 1, call);
    lua_settop(L, 2);
    if (lua_type(L, 2) != LUA_TTABLE)
        raise_misuse(L, "alter: expected a table of options, got %s", value_type_name(L, 2));
    int at = check_options(L, 2, call, options, RETENTION_OPTIONS);
    mv_schema_retention(mv_get_schema(box->collection), &retention);
    retention_read(L, at, call, &retention);
    return push_outcome(L, call, mv_set_retention(box->collection, &retention, &error), &error);
}

/* ---------------------------------------------------------------- adding a column */

/* A column that is being added. The result borrows from the column, so it is released first. */
typedef struct column_box {
    result_box result; /* first, because it begins with the owned_box */
    mv_column *column;
    output out;
    bool is_vector;
    bool is_indexed;
    mv_type type;           /* of the vector field */
    mv_field_options field; /* of a scalar field, without `name` and defaults */
    uint32_t dim;
    char name[MV_NAME_SIZE_MAX + 1];
} column_box;

static const char add_column[] = "add_column";

static void column_box_release(lua_State *L, owned_box *owned)
{
    column_box *box = (column_box *)owned;
    result_release(L, owned);
    mv_column_free(box->column);
    box->column = NULL;
}

static mv_err begin(column_box *box, mv_collection *collection, const mv_schema *one,
                    mv_error *error)
{
    mv_field_options field = {.name = NULL};
    mv_vector_options vector = {.name = NULL};
    box->is_vector = mv_schema_vector(one, 0, &vector);
    if (!box->is_vector) (void)mv_schema_field(one, 0, &field);
    box->is_indexed =
        box->is_vector ? vector.index.type != MV_INDEX_FLAT : field.index.type != MV_INDEX_NONE;
    box->type = vector.type;
    box->field = (mv_field_options){.type = field.type, .dim = field.dim};
    box->dim = vector.dim;
    (void)snprintf(box->name, sizeof box->name, "%s", box->is_vector ? vector.name : field.name);
    return mv_column_begin(collection, box->is_vector ? NULL : &field,
                           box->is_vector ? &vector : NULL, &box->column, error);
}

/* Push a column whose documents have the fields that the options at 3 and 4 name. NULL: failed, or
 * *changed is true: the schema changed between reading these options and beginning. */
static column_box *push_column(lua_State *L, collection_box *owner, const mv_schema *one,
                               bool *changed, mv_error *error)
{
    column_box *box = owned_push(L, 1, owner, sizeof *box, column_box_release);
    const mv_schema *schema = mv_get_schema(owner->collection);
    output_read(L, schema, add_column, 3, 4, &box->out);
    mv_err err = mv_result_create(owner->collection, &box->result.result, error);
    if (!err) err = begin(box, owner->collection, one, error);
    *changed = !err && mv_column_schema(box->column) != schema;
    if (!err && !*changed) return box;
    owned_release(L, &box->result.owned);
    return NULL;
}

int call_column_begin(lua_State *L)
{
    bool changed;
    column_box *box;
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, add_column);
    lua_settop(L, 4);
    const mv_schema *one = schema_read_one(L, 2, &error);
    if (!one) return push_failure(L, add_column, &error);
    do {
        lua_settop(L, 5);
        box = push_column(L, owner, one, &changed, &error);
    } while (changed);
    if (!box) return push_failure(L, add_column, &error);
    lua_pushvalue(L, 6);
    lua_pushboolean(L, box->is_indexed);
    return 2;
}

/* The column at 2. Raises if it is released. */
static column_box *check_column(lua_State *L)
{
    column_box *box = luaL_testudata(L, 2, OWNED_TYPE);
    if (!box || !box->column) raise_misuse(L, "%s: the column is committed or aborted", add_column);
    return box;
}

int call_column_next(lua_State *L)
{
    bool found = false;
    mv_error error = {0};
    (void)check_collection(L, 1, add_column);
    column_box *box = check_column(L);
    if (mv_column_next(box->column, box->result.result, &found, &error))
        return push_failure(L, add_column, &error);
    if (!found) {
        lua_pushboolean(L, 0);
        return 1;
    }
    const mv_schema *schema = mv_column_schema(box->column);
    int keys = output_push_keys(L, schema, &box->out);
    output_push_table(L, &box->out, keys, 0, 0);
    if (output_fill(L, &box->result, 0, schema, &box->out, keys, &error))
        return push_failure(L, add_column, &error);
    return 1;
}

int call_column_set(lua_State *L)
{
    mv_err err;
    mv_error error = {0};
    (void)check_collection(L, 1, add_column);
    column_box *box = check_column(L);
    error_context where = {.call = add_column, .field = box->name};
    where.document.data = lua_tolstring(L, 3, &where.document.size);
    lua_settop(L, 4);
    if (box->is_vector) {
        mv_vector_options vector = {.name = box->name, .type = box->type, .dim = box->dim};
        const void *given = read_vector(L, 4, &where, &vector, &box->result.scratch);
        err = mv_column_set_vector(box->column, given, box->dim, &error);
    } else {
        mv_value value;
        value_scratch scratch = {.used = 0};
        read_field_value(L, 4, &where, &box->field, &value, &scratch, &box->result.scratch);
        err = mv_column_set(box->column, &value, &error);
    }
    return push_outcome(L, add_column, err, &error);
}

int call_column_commit(lua_State *L)
{
    mv_error error = {0};
    (void)check_collection(L, 1, add_column);
    column_box *box = check_column(L);
    mv_result_clear(box->result.result);
    mv_err err = mv_column_commit(box->column, &error);
    owned_release(L, &box->result.owned);
    return push_outcome(L, add_column, err, &error);
}

int call_column_abort(lua_State *L)
{
    owned_box *owned = luaL_testudata(L, 2, OWNED_TYPE);
    if (owned) owned_release(L, owned);
    return 0;
}
