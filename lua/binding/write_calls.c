/* insert, upsert, update and delete. A call reads all its documents into one batch, then writes the
 * batch: all of it or nothing. */
#include "batch_box.h"
#include "calls.h"
#include "check_args.h"
#include "push_values.h"
#include "read_values.h"
#include "read_vectors.h"
#include "vector_values.h"

static void batch_box_release(lua_State *L, owned_box *owned)
{
    batch_box *box = (batch_box *)owned;
    mv_batch_free(box->batch);
    box->batch = NULL;
    number_scratch_free(L, &box->scratch);
}

batch_box *batch_box_push(lua_State *L, int index, collection_box *owner)
{
    return owned_push(L, index, owner, sizeof(batch_box), batch_box_release);
}

/* Add the field whose key and value are on top of the stack to the current document. */
static mv_err read_member(lua_State *L, batch_box *box, const mv_schema *schema,
                          error_context *where, mv_error *error)
{
    size_t size;
    uint32_t position;
    int value_at = lua_gettop(L);
    if (lua_type(L, value_at - 1) != LUA_TSTRING)
        raise_at(L, where, "a document's keys must be field names, got a %s",
                 value_type_name(L, value_at - 1));
    const char *key = lua_tolstring(L, value_at - 1, &size);

    if (mv_schema_find_field(schema, key, size, &position)) {
        mv_value value;
        mv_field_options field;
        value_scratch scratch = {.used = 0};
        (void)mv_schema_field(schema, position, &field);
        where->field = key;
        read_field_value(L, value_at, where, &field, &value, &scratch, &box->scratch);
        where->field = NULL;
        return mv_batch_set(box->batch, position, &value, error);
    }
    if (mv_schema_find_vector(schema, key, size, &position)) {
        mv_vector_options vector;
        (void)mv_schema_vector(schema, position, &vector);
        const void *given = read_vector(L, value_at, where, &vector, &box->scratch);
        return mv_batch_set_vector(box->batch, position, given, vector.dim, error);
    }
    /* Documents from fetch and query can be written again, so the keys they add are ignored. */
    if (is_hit_key(key, size)) return MV_OK;
    raise_unknown_field(L, where, schema, key, size);
}

/* Add the document on top of the stack. `position`: its index in the array, 0 for a single
 * document.
 */
static mv_err read_document(lua_State *L, batch_box *box, const mv_schema *schema, const char *call,
                            size_t position, mv_error *error)
{
    char text[ID_TEXT_SIZE];
    error_context where = {.call = call};
    int document = lua_gettop(L);
    if (lua_type(L, document) != LUA_TTABLE)
        raise_misuse(L, "%s: document %zu must be a table, got a %s", call, position,
                     value_type_name(L, document));
    lua_pushlstring(L, "id", 2);
    lua_rawget(L, document);
    if (lua_isnil(L, -1) && position == 0) raise_misuse(L, "%s: the document has no 'id'", call);
    if (lua_isnil(L, -1)) raise_misuse(L, "%s: document %zu has no 'id'", call, position);
    mv_id id = check_id(L, -1, &where, text);
    mv_err err = mv_batch_add(box->batch, id.data, id.size, error);
    if (err) return err;

    where.document = id;
    lua_pushnil(L);
    while (lua_next(L, document)) {
        int value_at = lua_gettop(L);
        if ((err = read_member(L, box, schema, &where, error))) return err;
        lua_settop(L, value_at - 1);
    }
    return MV_OK;
}

/* Is the table at `index` one document, rather than an array of them? */
static bool is_document(lua_State *L, int index)
{
    lua_pushlstring(L, "id", 2);
    lua_rawget(L, index);
    bool is_one = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (is_one || lua_rawlen(L, index) > 0) return is_one;
    lua_pushnil(L);
    is_one = lua_next(L, index); /* keys, but neither id nor [1]: a document that lacks its id */
    lua_settop(L, index);
    return is_one;
}

static mv_err read_documents(lua_State *L, batch_box *box, const mv_schema *schema,
                             const char *call, int index, mv_error *error)
{
    int top = lua_gettop(L);
    if (is_document(L, index)) {
        lua_pushvalue(L, index);
        return read_document(L, box, schema, call, 0, error);
    }
    error_context where = {.call = call};
    size_t count = check_array(L, index, &where, "an array of documents");
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, index, (int)i);
        mv_err err = read_document(L, box, schema, call, i, error);
        if (err) return err;
        lua_settop(L, top);
    }
    return MV_OK;
}

/* Write the documents at 2. MV_SCHEMA_MISMATCH: the schema changed between reading and writing. */
static mv_err write_batch(lua_State *L, collection_box *owner, mv_write_mode mode, const char *call,
                          uint64_t *written, mv_error *error)
{
    batch_box *box = batch_box_push(L, 1, owner);
    mv_err err = mv_batch_create(owner->collection, &box->batch, error);
    if (!err) err = read_documents(L, box, mv_batch_schema(box->batch), call, 2, error);
    if (!err && mv_batch_count(box->batch) > 0)
        err = mv_write(owner->collection, mode, box->batch, written, error);
    owned_release(L, &box->owned);
    lua_settop(L, 2);
    return err;
}

static int write_documents(lua_State *L, mv_write_mode mode, const char *call)
{
    uint64_t written = 0;
    mv_err err;
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, call);
    lua_settop(L, 2);
    if (lua_type(L, 2) != LUA_TTABLE)
        raise_misuse(L, "%s: expected a document or an array of them, got a %s", call,
                     value_type_name(L, 2));

    do err = write_batch(L, owner, mode, call, &written, &error);
    while (err == MV_SCHEMA_MISMATCH);
    if (err) return push_failure(L, call, &error);
    push_unsigned(L, written);
    return 1;
}

int call_insert(lua_State *L)
{
    return write_documents(L, MV_INSERT, "insert");
}

int call_upsert(lua_State *L)
{
    return write_documents(L, MV_UPSERT, "upsert");
}

int call_update(lua_State *L)
{
    return write_documents(L, MV_UPDATE, "update");
}

int call_update_write(lua_State *L)
{
    return write_documents(L, MV_UPDATE, "update_by_filter");
}

int call_delete(lua_State *L)
{
    char text[ID_TEXT_SIZE];
    mv_id one;
    id_list list = {&one, 1};
    uint64_t deleted;
    mv_error error = {0};
    error_context where = {.call = "delete"};
    collection_box *box = check_collection(L, 1, "delete");
    lua_settop(L, 2);
    if (lua_istable(L, 2)) {
        list = check_ids(L, 2, &where);
    } else {
        one = check_id(L, 2, &where, text);
    }
    if (mv_delete(box->collection, list.ids, list.count, &deleted, &error))
        return push_failure(L, "delete", &error);
    push_unsigned(L, deleted);
    return 1;
}

int call_delete_by_filter(lua_State *L)
{
    uint64_t deleted;
    filter_args args;
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "delete_by_filter");
    lua_settop(L, 3);
    const mv_filter *filter = read_filter(L, 2, 3, "delete_by_filter", &args);
    if (!filter)
        raise_misuse(L, "delete_by_filter: expected a filter ('true' deletes all documents)");
    if (mv_delete_by_filter(box->collection, filter, &deleted, &error))
        return push_failure(L, "delete_by_filter", &error);
    push_unsigned(L, deleted);
    return 1;
}
