/* c:query without its re-ranker, the steps of a cursor, and several searches in one commit. Aim: 5
 * us in addition to the search itself for ten hits, and no garbage with `into`. */
#include "calls.h"
#include "push_hits.h"
#include "push_plan.h"

/* Push the answer; returns how many values were pushed. */
static int push_answer(lua_State *L, result_box *box, const query_args *args, bool for_rerank)
{
    mv_error error = {0};
    if (push_hits(L, box, args, &error)) return push_failure(L, "query", &error);
    if (args->query.explain) push_plan(L, box->result);
    if (!for_rerank) return 1;
    lua_pushinteger(L, (lua_Integer)args->topk);
    lua_pushinteger(L, (lua_Integer)args->offset);
    return 3;
}

/* Search, and push the result; NULL: failed. A reused result that was created before a fork fails
 * with MV_BUSY in the child: the second attempt uses a new one. */
static result_box *search(lua_State *L, collection_box *owner, query_args *args, bool fresh,
                          mv_error *error)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        result_box *box = result_acquire(L, 1, owner, fresh || attempt > 0, error);
        if (!box) return NULL;
        int box_at = lua_gettop(L);
        if (args->has_vectors && args->query.vectors_count == 0) return box; /* no results */
        query_args_read_vectors(L, args, &box->scratch);
        mv_err err = mv_search(owner->collection, &args->query, box->result, error);
        lua_settop(L, box_at);
        if (!err) return box;
        owned_release(L, &box->owned);
        lua_pop(L, 1);
        if (err != MV_BUSY) return NULL;
    }
    return NULL;
}

/* Raise if the value at 2 is no table of options. A vector stands there in most other databases. */
static void check_options_table(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TTABLE)
        raise_misuse(L, "query: expected a table of options, got a %s", value_type_name(L, 2));
    lua_rawgeti(L, 2, 1);
    if (lua_type(L, -1) == LUA_TNUMBER)
        raise_misuse(L, "query: expected a table of options, got an array of numbers (did you mean "
                        "{ vector = ... }?)");
    lua_pop(L, 1);
}

int call_query(lua_State *L)
{
    query_args args;
    mv_error error;
    result_box *box;
    collection_box *owner = check_collection(L, 1, "query");
    bool for_rerank = lua_toboolean(L, 3);
    check_options_table(L);
    do { /* again if the schema changes between reading the options and searching */
        lua_settop(L, 2);
        args.schema = mv_get_schema(owner->collection);
        query_args_read(L, &args, for_rerank);
        box = search(L, owner, &args, false, &error);
    } while (!box && error.code == MV_SCHEMA_MISMATCH);
    if (!box) return push_failure(L, "query", &error);
    int box_at = lua_gettop(L);
    int pushed = push_answer(L, box, &args, for_rerank);
    result_recycle(L, 1, box_at);
    return pushed;
}

int call_query_page(lua_State *L)
{
    query_args args = {0};
    bool for_rerank = lua_toboolean(L, 3);
    lua_settop(L, 2);
    query_args_read_page(L, &args, for_rerank);
    lua_pushinteger(L, (lua_Integer)args.query.topk);
    lua_pushinteger(L, (lua_Integer)args.topk);
    lua_pushinteger(L, (lua_Integer)args.offset);
    return 3;
}

/* ---------------------------------------------------------------- steps of a cursor */

/* Read the options for a step that returns the number of hits given at 3. */
static void read_step(lua_State *L, query_args *args, const mv_schema *schema)
{
    args->schema = schema;
    query_args_read(L, args, false);
    args->query.topk = check_whole(L, 3, "query_some", "count", 1, MV_TOPK_MAX, 1);
}

/* The first step: search in the newest commit. */
static result_box *search_first(lua_State *L, collection_box *owner, query_args *args,
                                mv_error *error)
{
    result_box *box;
    do {
        lua_settop(L, 4);
        read_step(L, args, mv_get_schema(owner->collection));
        box = search(L, owner, args, true, error);
    } while (!box && error->code == MV_SCHEMA_MISMATCH);
    return box;
}

/* A further step: continue the search that filled the result at 4, and push that result. */
static result_box *search_next(lua_State *L, collection_box *owner, query_args *args,
                               mv_error *error)
{
    result_box *box = result_need_box(L, 4, owner, "query");
    read_step(L, args, mv_result_schema(box->result));
    args->query.more = true;
    query_args_read_vectors(L, args, &box->scratch);
    lua_pushvalue(L, 4);
    return mv_search(owner->collection, &args->query, box->result, error) ? NULL : box;
}

int call_query_some(lua_State *L)
{
    query_args args;
    mv_error error;
    collection_box *owner = check_collection(L, 1, "query");
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 4);
    result_box *box = lua_isnil(L, 4) ? search_first(L, owner, &args, &error)
                                      : search_next(L, owner, &args, &error);
    if (!box) return push_failure(L, "query", &error);
    int box_at = lua_gettop(L), pushed = push_answer(L, box, &args, false);
    if (pushed > 1) return pushed; /* a failure */
    lua_pushvalue(L, box_at);
    return 2;
}

/* ---------------------------------------------------------------- several searches in one commit
 */

int call_pin(lua_State *L)
{
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, "query");
    result_box *box = result_acquire(L, 1, owner, false, &error);
    if (!box) return push_failure(L, "query", &error);
    if (mv_result_pin(box->result, owner->collection, &error)) {
        owned_release(L, &box->owned);
        return push_failure(L, "query", &error);
    }
    return 1;
}

/* Search in the commit of the result at 3, and push the result; NULL: failed. */
static result_box *search_pinned(lua_State *L, collection_box *owner, query_args *args,
                                 mv_error *error)
{
    check_options_table(L);
    lua_settop(L, 3);
    result_box *pinned = result_need_box(L, 3, owner, "query");
    args->schema = mv_result_schema(pinned->result);
    query_args_read(L, args, false);
    args->query.within = pinned->result;
    return search(L, owner, args, false, error);
}

int call_query_pinned(lua_State *L)
{
    query_args args;
    mv_error error;
    collection_box *owner = check_collection(L, 1, "query");
    result_box *box = search_pinned(L, owner, &args, &error);
    if (!box) return push_failure(L, "query", &error);
    int box_at = lua_gettop(L);
    int pushed = push_answer(L, box, &args, false);
    result_recycle(L, 1, box_at);
    return pushed;
}

int call_search_pinned(lua_State *L)
{
    query_args args;
    mv_error error;
    collection_box *owner = check_collection(L, 1, "query");
    result_box *box = search_pinned(L, owner, &args, &error);
    return box ? 1 : push_failure(L, "query", &error);
}

int call_query_end(lua_State *L)
{
    collection_box *owner = check_collection_box(L, 1, "query");
    result_box *box = result_check_box(L, 2, owner, "query_end");
    if (box) owned_release(L, &box->owned);
    return 0;
}

int call_query_recycle(lua_State *L)
{
    collection_box *owner = check_collection_box(L, 1, "query");
    if (result_check_box(L, 2, owner, "query_recycle")) result_recycle(L, 1, 2);
    return 0;
}
