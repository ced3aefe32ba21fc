/* Reads without a search: fetch, count, facet and iterate. */
#include "calls.h"
#include "check_args.h"
#include "push_values.h"
#include "read_values.h"

/* ---------------------------------------------------------------- fetch */

enum { OUTPUT_FIELDS, INCLUDE_VECTOR, FILTER, ARGS };
static const char *const read_options[] = {"output_fields", "include_vector", "filter", "args"};
#define FETCH_OPTIONS   2
#define ITERATE_OPTIONS 4

/* Fill the table on top with id -> document. */
static mv_err fill_documents(lua_State *L, result_box *box, const mv_schema *schema,
                             const output *out, int keys, mv_error *error)
{
    size_t count;
    (void)mv_result_hits(box->result, &count);
    int documents = lua_gettop(L);
    for (size_t i = 0; i < count; i++) {
        output_push_table(L, out, keys, 0, 0);
        mv_err err = output_fill(L, box, i, schema, out, keys, error);
        if (err) return err;
        lua_pushvalue(L, keys);
        lua_rawget(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, documents);
    }
    return MV_OK;
}

static int push_fetched(lua_State *L, result_box *box, const mv_schema *schema, const output *out,
                        int ids, const mv_id *one)
{
    size_t count;
    char quoted[MV_QUOTE_SIZE];
    mv_err err = MV_OK;
    mv_error error = {0};
    int keys = output_push_keys(L, schema, out);
    (void)mv_result_hits(box->result, &count);
    if (lua_istable(L, ids)) {
        lua_createtable(L, 0, (int)count);
        err = fill_documents(L, box, schema, out, keys, &error);
    } else if (count == 0) {
        lua_pushnil(L);
        lua_pushfstring(L, "document '%s' not found", mv_quote(one->data, one->size, quoted));
        lua_pushstring(L, mv_err_name(MV_NOT_FOUND));
        return 3;
    } else {
        output_push_table(L, out, keys, 0, 0);
        err = output_fill(L, box, 0, schema, out, keys, &error);
    }
    return err ? push_failure(L, "fetch", &error) : 1;
}

/* Fetch, and push the result; NULL: failed. A reused result that was created before a fork fails
 * with MV_BUSY in the child: the second attempt uses a new one. */
static result_box *fetch_into(lua_State *L, collection_box *owner, const id_list *list,
                              mv_error *error)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        result_box *box = result_acquire(L, 1, owner, attempt > 0, error);
        if (!box) return NULL;
        mv_err err = mv_fetch(owner->collection, list->ids, list->count, box->result, error);
        if (!err) return box;
        owned_release(L, &box->owned);
        lua_pop(L, 1);
        if (err != MV_BUSY) return NULL;
    }
    return NULL;
}

int call_fetch(lua_State *L)
{
    char text[ID_TEXT_SIZE];
    mv_id one = {NULL, 0};
    id_list list = {&one, 1};
    output out;
    mv_error error = {0};
    error_context where = {.call = "fetch"};
    collection_box *owner = check_collection(L, 1, "fetch");
    const mv_schema *schema = mv_get_schema(owner->collection);
    lua_settop(L, 3);
    int at = check_options(L, 3, "fetch", read_options, FETCH_OPTIONS);
    output_read(L, schema, "fetch", at + OUTPUT_FIELDS, at + INCLUDE_VECTOR, &out);
    if (lua_istable(L, 2)) {
        list = check_ids(L, 2, &where);
    } else {
        one = check_id(L, 2, &where, text);
    }

    result_box *box = fetch_into(L, owner, &list, &error);
    if (!box) return push_failure(L, "fetch", &error);
    int box_at = lua_gettop(L);
    if (mv_result_schema(box->result) != schema) { /* the schema changed meanwhile */
        schema = mv_result_schema(box->result);
        output_read(L, schema, "fetch", at + OUTPUT_FIELDS, at + INCLUDE_VECTOR, &out);
    }
    int pushed = push_fetched(L, box, schema, &out, 2, &one);
    result_recycle(L, 1, box_at);
    return pushed;
}

int call_count(lua_State *L)
{
    uint64_t count;
    filter_args args;
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "count");
    lua_settop(L, 3);
    const mv_filter *filter = read_filter(L, 2, 3, "count", &args);
    if (mv_count(box->collection, filter, &count, &error)) return push_failure(L, "count", &error);
    push_unsigned(L, count);
    return 1;
}

/* ---------------------------------------------------------------- facet */

enum { FACET_FILTER, FACET_ARGS, FACET_TOPK, FACET_OPTIONS };
static const char *const facet_options[FACET_OPTIONS] = {"filter", "args", "topk"};
#define FACET_TOPK_DEFAULT 20

typedef struct facets_box {
    owned_box owned;
    mv_facets *facets;
} facets_box;

static void facets_box_release(lua_State *L, owned_box *owned)
{
    facets_box *box = (facets_box *)owned;
    (void)L;
    mv_facets_free(box->facets);
    box->facets = NULL;
}

/* Push an array of { value, count }. */
static void push_facets(lua_State *L, const mv_facets *facets)
{
    size_t count;
    const mv_facet *values = mv_facets_values(facets, &count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 2);
        push_value(L, &values[i].value);
        lua_setfield(L, -2, "value");
        set_unsigned(L, "count", values[i].count);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

int call_facet(lua_State *L)
{
    size_t size;
    filter_args args;
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, "facet");
    lua_settop(L, 3);
    (void)check_string(L, 2, "facet", "field");
    const char *field = lua_tolstring(L, 2, &size);
    int at = check_options(L, 3, "facet", facet_options, FACET_OPTIONS);
    uint32_t topk =
        check_whole(L, at + FACET_TOPK, "facet", "topk", 1, MV_TOPK_MAX, FACET_TOPK_DEFAULT);
    const mv_filter *filter = read_filter(L, at + FACET_FILTER, at + FACET_ARGS, "facet", &args);

    facets_box *box = owned_push(L, 1, owner, sizeof *box, facets_box_release);
    if (mv_facets_create(owner->collection, field, size, filter, topk, &box->facets, &error)) {
        owned_release(L, &box->owned);
        return push_failure(L, "facet", &error);
    }
    push_facets(L, box->facets);
    owned_release(L, &box->owned);
    return 1;
}

/* ---------------------------------------------------------------- iterate */

/* The result borrows from the iterator, so it is released first. */
typedef struct iterator_box {
    result_box result; /* first, because it begins with the owned_box */
    mv_iterator *iterator;
    output out;
    const char *call; /* for messages: "iterate", or the call that goes through the documents */
    bool is_for_loop; /* a failure raises, because a `for` loop would take nil, message for the end
                       */
} iterator_box;

static void iterator_box_release(lua_State *L, owned_box *owned)
{
    iterator_box *box = (iterator_box *)owned;
    result_release(L, owned);
    mv_iterator_close(box->iterator);
    box->iterator = NULL;
}

/* Upvalues of iterate_step. */
enum { UP_ITERATOR = 1, UP_COLLECTION, UP_ENDED };

static int fail_next(lua_State *L, const iterator_box *box, const mv_error *error)
{
    if (box->is_for_loop) raise_misuse(L, "%s: %s", box->call, error->text);
    return push_failure(L, box->call, error);
}

static int push_next(lua_State *L, iterator_box *box)
{
    bool found = false;
    mv_error error = {0};
    if (mv_iterator_next(box->iterator, box->result.result, &found, &error))
        return fail_next(L, box, &error);
    if (!found) {
        lua_pushboolean(L, 1);
        lua_replace(L, lua_upvalueindex(UP_ENDED));
        owned_release(L, &box->result.owned);
        return 0;
    }
    const mv_schema *schema = mv_iterator_schema(box->iterator);
    int keys = output_push_keys(L, schema, &box->out);
    output_push_table(L, &box->out, keys, 0, 0);
    if (output_fill(L, &box->result, 0, schema, &box->out, keys, &error))
        return fail_next(L, box, &error);
    return 1;
}

/* Returns the next document, or nothing at the end. */
static int iterate_step(lua_State *L)
{
    iterator_box *box = lua_touserdata(L, lua_upvalueindex(UP_ITERATOR));
    collection_box *owner = box->result.owned.owner;
    lua_settop(L, 0);
    if (!owner && lua_toboolean(L, lua_upvalueindex(UP_ENDED))) return 0;
    if (!owner) raise_misuse(L, "%s: the iterator or its collection is closed", box->call);
    lua_pushvalue(L, lua_upvalueindex(UP_COLLECTION)); /* at 1, as in every call */
    return push_next(L, box);
}

/* The function that Lua calls: iterate_step (upvalue 1) as a guarded call of the collection
 * (upvalue 2). */
static int iterate_next(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, lua_upvalueindex(1));
    call_guarded(L, lua_touserdata(L, 1), 0);
    return lua_gettop(L) - 1;
}

/* Returns the iterator function, nil, nil, and the box, which Lua 5.4 and later close at the end of
 * the loop. A failure of a `for` loop raises, because the loop would call nil and not say the
 * message. */
static int push_iterator(lua_State *L, const char *call, bool is_for_loop)
{
    filter_args args;
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, call);
    lua_settop(L, 2);
    int at = check_options(L, 2, call, read_options, ITERATE_OPTIONS);
    const mv_filter *filter = read_filter(L, at + FILTER, at + ARGS, call, &args);

    iterator_box *box = owned_push(L, 1, owner, sizeof *box, iterator_box_release);
    int box_at = lua_gettop(L);
    box->call = call;
    box->is_for_loop = is_for_loop;
    const mv_schema *schema = mv_get_schema(owner->collection);
    output_read(L, schema, call, at + OUTPUT_FIELDS, at + INCLUDE_VECTOR, &box->out);
    mv_err err = mv_result_create(owner->collection, &box->result.result, &error);
    if (!err) err = mv_iterator_open(owner->collection, filter, &box->iterator, &error);
    if (err) {
        owned_release(L, &box->result.owned);
        if (err == MV_MISUSE || !is_for_loop) return push_failure(L, call, &error);
        raise_misuse(L, "%s: %s", call, error.text);
    }
    if (mv_iterator_schema(box->iterator) != schema) /* it changed meanwhile */
        output_read(L, mv_iterator_schema(box->iterator), call, at + OUTPUT_FIELDS,
                    at + INCLUDE_VECTOR, &box->out);
    lua_pushvalue(L, box_at);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, 0);
    lua_pushcclosure(L, iterate_step, 3);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, iterate_next, 2);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, box_at);
    return 4;
}

int call_iterate(lua_State *L)
{
    return push_iterator(L, "iterate", true);
}

int call_update_documents(lua_State *L)
{
    return push_iterator(L, "update_by_filter", false);
}

int call_export_documents(lua_State *L)
{
    return push_iterator(L, "export", false);
}
