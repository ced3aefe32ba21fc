/* c:query without its re-ranker. Aim: 5 us over the search itself for ten hits, no garbage with
 * `into`.
 *
 * The options are spread over the stack in the order of the enum below, so that each is read when
 * those it depends on are known. A vector is read last: nothing that could run other Lua code comes
 * between filling the scratch numbers and searching. */
#include "calls.h"
#include "check_args.h"
#include "push_values.h"
#include "read_values.h"
#include "read_vectors.h"

#include <string.h>

enum {
    FIELD,
    VECTOR,
    ID,
    VECTORS,
    TOPK,
    OFFSET,
    FILTER,
    ARGS,
    MIN_SCORE,
    MAX_DISTANCE,
    PARAMS,
    OUTPUT_FIELDS,
    INCLUDE_VECTOR,
    ORDER_BY,
    INTO,
    CANDIDATES,
    RERANK,
    WHERE,
    EXPLAIN,
    OPTIONS
};
static const char *const query_options[OPTIONS] = {
    "field", "vector",     "id",           "vectors", "topk",          "offset",         "filter",
    "args",  "min_score",  "max_distance", "params",  "output_fields", "include_vector", "order_by",
    "into",  "candidates", "rerank",       "where",   "explain",
};

#define TOPK_DEFAULT       10 /* a page of results */
#define CANDIDATES_DEFAULT 4  /* × topk: what a re-ranker sees */

typedef struct query_args {
    const mv_schema *schema;
    int at;        /* stack index of the first option */
    uint32_t topk; /* as given; query.topk is larger for a re-ranker */
    uint32_t offset;
    mv_vector_options field; /* the vector field, if has_target */
    bool has_target;         /* one of vector, vectors, id */
    double min_score;
    double max_distance;
    mv_query query;
    char id_text[ID_TEXT_SIZE];
    filter_args filter;
    output out;
} query_args;

/* ---------------------------------------------------------------- arguments */

/* Which vector field: the one named, or the only one. */
static void read_field(lua_State *L, query_args *args)
{
    uint32_t count = mv_schema_vector_count(args->schema);
    if (!lua_isnil(L, args->at + FIELD)) {
        size_t size;
        error_context where = {.call = "query"};
        (void)check_string(L, args->at + FIELD, "query", "field");
        const char *name = lua_tolstring(L, args->at + FIELD, &size);
        if (!mv_schema_find_vector(args->schema, name, size, &args->query.vector_field)) {
            mv_vector_options vector;
            const char *names[MV_VECTORS_MAX];
            for (uint32_t i = 0; i < count; i++)
                names[i] = mv_schema_vector(args->schema, i, &vector) ? vector.name : NULL;
            raise_unknown(L, &where, "vector field", name, names, count);
        }
    } else if (count == 0) {
        raise_misuse(L, "query: the collection has no vector field");
    } else if (count > 1) {
        raise_misuse(L, "query: 'field' must name one of the %u vector fields", count);
    }
    (void)mv_schema_vector(args->schema, args->query.vector_field, &args->field);
    args->query.dim = args->field.dim;
}

/* What is searched for, but for the numbers. */
static void read_target(lua_State *L, query_args *args)
{
    int given = 0;
    for (int i = VECTOR; i <= VECTORS; i++) given += !lua_isnil(L, args->at + i);
    if (given > 1) raise_misuse(L, "query: only one of 'vector', 'vectors' and 'id' can be given");
    args->has_target = given == 1;
    if (args->has_target)
        read_field(L, args);
    else if (!lua_isnil(L, args->at + FIELD))
        raise_misuse(L, "query: 'field' without a vector to search for");
    if (!lua_isnil(L, args->at + ID)) {
        error_context where = {.call = "query"};
        args->query.id = check_id(L, args->at + ID, &where, args->id_text);
    }
    if (!lua_isnil(L, args->at + VECTORS)) {
        if (!lua_istable(L, args->at + VECTORS))
            raise_misuse(L, "query: 'vectors' must be an array of vectors, got a %s",
                         luaL_typename(L, args->at + VECTORS));
        error_context where = {.call = "query"};
        size_t count = check_array(L, args->at + VECTORS, &where, "'vectors'");
        if (count > MV_QUERY_VECTORS_MAX)
            raise_misuse(L, "query: 'vectors' has %zu vectors, at most %u are possible", count,
                         MV_QUERY_VECTORS_MAX);
        args->query.vectors_count = (uint32_t)count;
    } else if (!lua_isnil(L, args->at + VECTOR)) {
        args->query.vectors_count = 1;
    }
}

/* A re-ranker gets the candidates and makes the cut itself. */
static void read_counts(lua_State *L, query_args *args, bool for_rerank)
{
    int at = args->at;
    args->topk = check_whole(L, at + TOPK, "query", "topk", 1, MV_TOPK_MAX, TOPK_DEFAULT);
    args->offset = check_whole(L, at + OFFSET, "query", "offset", 0, MV_TOPK_MAX, 0);
    uint32_t page = args->topk + args->offset;
    if (page > MV_TOPK_MAX)
        raise_misuse(L, "query: 'topk' and 'offset' together are at most %u, got %u", MV_TOPK_MAX,
                     page);
    args->query.topk = args->topk;
    args->query.offset = args->offset;
    if (!for_rerank) {
        if (!lua_isnil(L, at + CANDIDATES))
            raise_misuse(L, "query: 'candidates' without a 'rerank'");
        return;
    }
    uint32_t candidates = CANDIDATES_DEFAULT * args->topk + args->offset;
    if (candidates > MV_TOPK_MAX) candidates = page; /* more than that, the engine refuses */
    args->query.topk =
        check_whole(L, at + CANDIDATES, "query", "candidates", 1, MV_TOPK_MAX, candidates);
    if (args->query.topk < page)
        raise_misuse(L, "query: 'candidates' is %u, topk and offset want %u at least",
                     args->query.topk, page);
    args->query.offset = 0;
}

static const char *const strategy_names[] = {[MV_STRATEGY_AUTO] = "auto",
                                             [MV_STRATEGY_EXACT] = "exact",
                                             [MV_STRATEGY_CODES] = "codes",
                                             [MV_STRATEGY_GRAPH] = "graph",
                                             [MV_STRATEGY_BRIDGES] = "bridges"};
#define STRATEGIES (sizeof strategy_names / sizeof *strategy_names)

static mv_strategy read_strategy(lua_State *L, int index, const char *call)
{
    error_context where = {.call = call};
    const char *name = check_string(L, index, call, "plan");
    for (size_t strategy = 0; strategy < STRATEGIES; strategy++)
        if (strcmp(name, strategy_names[strategy]) == 0) return (mv_strategy)strategy;
    raise_unknown(L, &where, "plan", name, strategy_names, STRATEGIES);
}

/* How the index is searched; what there is to say depends on its type. */
static void read_params(lua_State *L, query_args *args)
{
    enum { EXACT, PLAN, EF, REFINE, NAMES };
    static const char *const param_names[NAMES] = {"exact", "plan", "ef", "refine"};
    static const char call[] = "query: params";
    mv_query *query = &args->query;
    int at = check_options(L, args->at + PARAMS, call, param_names, NAMES);
    if (!args->has_target) raise_misuse(L, "query: 'params' without a vector to search for");
    for (int i = EF; i < NAMES && args->field.index.type == MV_INDEX_FLAT; i++)
        if (!lua_isnil(L, at + i))
            raise_misuse(L, "%s: the flat index of field '%s' has no option '%s'", call,
                         args->field.name, param_names[i]);
    if (check_boolean(L, at + EXACT, call, "exact", false)) query->strategy = MV_STRATEGY_EXACT;
    if (!lua_isnil(L, at + PLAN)) {
        if (!lua_isnil(L, at + EXACT))
            raise_misuse(L, "%s: only one of 'exact' and 'plan' can be given", call);
        query->strategy = read_strategy(L, at + PLAN, call);
    }
    query->ef = check_whole(L, at + EF, call, "ef", 1, MV_EF_MAX, 0);
    query->no_refine = !check_boolean(L, at + REFINE, call, "refine", true);
}

/* The options, which stand at 2; of what args->schema has. */
static void read_query(lua_State *L, query_args *args, bool for_rerank)
{
    int at = args->at = check_options(L, 2, "query", query_options, OPTIONS);
    mv_query *query = &args->query;
    memset(query, 0, sizeof *query);
    query->schema = args->schema;
    read_target(L, args);
    read_counts(L, args, for_rerank);
    if (!lua_isnil(L, at + PARAMS)) read_params(L, args);
    if (!lua_isnil(L, at + MIN_SCORE)) {
        args->min_score = check_number(L, at + MIN_SCORE, "query", "min_score");
        query->min_score = &args->min_score;
    }
    if (!lua_isnil(L, at + MAX_DISTANCE)) {
        args->max_distance = check_number(L, at + MAX_DISTANCE, "query", "max_distance");
        query->max_distance = &args->max_distance;
    }
    if (!lua_isnil(L, at + ORDER_BY))
        query->order_by = check_string(L, at + ORDER_BY, "query", "order_by");
    if (!lua_isnil(L, at + INTO) && !lua_istable(L, at + INTO))
        raise_misuse(L, "query: 'into' must be a table, got a %s", luaL_typename(L, at + INTO));
    query->explain = check_boolean(L, at + EXPLAIN, "query", "explain", false);
    query->filter = read_filter(L, at + FILTER, at + ARGS, "query", &args->filter);
    output_read(L, args->schema, "query", at + OUTPUT_FIELDS, at + INCLUDE_VECTOR, &args->out);
    args->out.has_score = true;
}

/* ---------------------------------------------------------------- numbers */

static void read_many(lua_State *L, query_args *args, number_room *room)
{
    size_t size = mv_vector_size(args->field.type, args->field.dim);
    error_context where = {.call = "query"};
    uint8_t *given = lua_newuserdata(L, args->query.vectors_count * size + 1);
    for (uint32_t i = 0; i < args->query.vectors_count; i++) {
        lua_rawgeti(L, args->at + VECTORS, (int)i + 1);
        memcpy(given + i * size, read_vector(L, lua_gettop(L), &where, &args->field, room), size);
        lua_pop(L, 1);
    }
    args->query.vectors = given;
}

static void read_one(lua_State *L, query_args *args, number_room *room)
{
    error_context where = {.call = "query"};
    size_t size = mv_vector_size(args->field.type, args->field.dim);
    const void *vector = read_vector(L, args->at + VECTOR, &where, &args->field, room);
    if ((uintptr_t)vector % _Alignof(float)) {
        float *aligned = number_room_reserve(L, room, size / sizeof *aligned + 1);
        memcpy(aligned, vector, size);
        vector = aligned;
    }
    args->query.vectors = vector;
}

static void read_numbers(lua_State *L, query_args *args, number_room *room)
{
    if (!lua_isnil(L, args->at + VECTORS))
        read_many(L, args, room);
    else if (args->query.vectors_count == 1)
        read_one(L, args, room);
}

/* ---------------------------------------------------------------- hits */

/* Push hits [from, to) as an array, into the table at `reuse` unless that is 0. */
static mv_err push_hits(lua_State *L, result_box *box, const query_args *args, size_t from,
                        size_t to, int reuse, int keys, mv_error *error)
{
    if (reuse) {
        lua_pushvalue(L, reuse);
    } else {
        lua_createtable(L, (int)(to - from), 0);
    }
    int list = lua_gettop(L);
    for (size_t i = from; i < to; i++) {
        output_push_table(L, &args->out, keys, reuse, i - from + 1);
        mv_err err = output_fill(L, box, i, args->schema, &args->out, keys, error);
        if (err) return err;
        lua_rawseti(L, list, (int)(i - from) + 1);
    }
    if (!reuse) return MV_OK;
    for (size_t i = lua_rawlen(L, list); i > to - from; i--) { /* surplus from last time */
        lua_pushnil(L);
        lua_rawseti(L, list, (int)i);
    }
    return MV_OK;
}

/* Push an array of results, one for each vector. */
static mv_err push_results(lua_State *L, result_box *box, const query_args *args, int reuse,
                           int keys, mv_error *error)
{
    size_t count;
    size_t from = 0;
    const mv_hit *hits = mv_result_hits(box->result, &count);
    if (reuse) {
        lua_pushvalue(L, reuse);
    } else {
        lua_createtable(L, (int)args->query.vectors_count, 0);
    }
    int list = lua_gettop(L);
    for (uint32_t i = 0; i < args->query.vectors_count; i++) {
        size_t to = from;
        while (to < count && hits[to].input == i) to++;
        lua_rawgeti(L, list, (int)i + 1);
        int reuse_one = lua_istable(L, -1) ? lua_gettop(L) : 0;
        mv_err err = push_hits(L, box, args, from, to, reuse_one, keys, error);
        if (err) return err;
        lua_rawseti(L, list, (int)i + 1);
        lua_settop(L, list);
        from = to;
    }
    for (size_t i = lua_rawlen(L, list); i > args->query.vectors_count; i--) {
        lua_pushnil(L);
        lua_rawseti(L, list, (int)i);
    }
    return MV_OK;
}

/* Set `hits`, on top, in a table that tells how they were found, and push that. */
static void push_plan(lua_State *L, const mv_result *result)
{
    static const char *const counts[] = {"rows", "matches", "exact_distances", "code_distances",
                                         "bridged"};
    size_t count;
    double filter_ms = 0, search_ms = 0;
    uint64_t sums[5] = {0};
    const mv_plan_step *steps = mv_result_plan(result, &count);
    lua_newtable(L);
    lua_insert(L, -2);
    lua_setfield(L, -2, "hits");
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        const mv_plan_step *step = &steps[i];
        const uint64_t numbers[] = {step->rows, step->matching, step->counts.exact_distances,
                                    step->counts.code_distances, step->counts.bridged};
        lua_newtable(L);
        set_string(L, "of", step->is_fresh ? "fresh rows" : "segment");
        set_string(L, "plan", step->last ? strategy_names[step->last] : "nothing");
        if (step->first != step->last) set_string(L, "abandoned", strategy_names[step->first]);
        for (int n = 0; n < 5; n++) {
            set_unsigned(L, counts[n], numbers[n]);
            sums[n] += numbers[n];
        }
        set_number(L, "filter_ms", step->filter_seconds * 1e3);
        set_number(L, "search_ms", step->search_seconds * 1e3);
        filter_ms += step->filter_seconds * 1e3;
        search_ms += step->search_seconds * 1e3;
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "steps");
    for (int n = 0; n < 5; n++) set_unsigned(L, counts[n], sums[n]);
    set_number(L, "filter_ms", filter_ms);
    set_number(L, "search_ms", search_ms);
}

static int push_answer(lua_State *L, result_box *box, const query_args *args, bool for_rerank)
{
    size_t count;
    mv_error error = {0};
    int reuse = lua_istable(L, args->at + INTO) ? args->at + INTO : 0;
    int keys = output_push_keys(L, args->schema, &args->out);
    (void)mv_result_hits(box->result, &count);
    mv_err err = lua_isnil(L, args->at + VECTORS)
                     ? push_hits(L, box, args, 0, count, reuse, keys, &error)
                     : push_results(L, box, args, reuse, keys, &error);
    if (err) return push_failure(L, "query", &error);
    if (args->query.explain) push_plan(L, box->result);
    if (!for_rerank) return 1;
    lua_pushinteger(L, (lua_Integer)args->topk);
    lua_pushinteger(L, (lua_Integer)args->offset);
    return 3;
}

/* ---------------------------------------------------------------- the call */

/* Search into a result, which is pushed. One kept from before a fork answers MV_BUSY in the child:
 * then a new one is tried. */
static result_box *search(lua_State *L, collection_box *owner, query_args *args, bool fresh,
                          mv_error *error)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        result_box *box = result_take(L, 1, owner, fresh || attempt > 0, error);
        if (!box) return NULL;
        int box_at = lua_gettop(L);
        if (!lua_isnil(L, args->at + VECTORS) && args->query.vectors_count == 0)
            return box; /* no vectors, no results */
        read_numbers(L, args, &box->room);
        mv_err err = mv_search(owner->collection, &args->query, box->result, error);
        lua_settop(L, box_at);
        if (!err) return box;
        owned_release(L, &box->part);
        lua_pop(L, 1);
        if (err != MV_BUSY) return NULL;
    }
    return NULL;
}

int call_query(lua_State *L)
{
    query_args args;
    mv_error error;
    result_box *box;
    collection_box *owner = check_collection(L, 1, "query");
    bool for_rerank = lua_toboolean(L, 3);
    if (lua_type(L, 2) != LUA_TTABLE)
        raise_misuse(L, "query: expected a table of options, got a %s", luaL_typename(L, 2));
    do { /* again when the schema is changed between reading and searching */
        lua_settop(L, 2);
        args.schema = mv_get_schema(owner->collection);
        read_query(L, &args, for_rerank);
        box = search(L, owner, &args, false, &error);
    } while (!box && error.code == MV_SCHEMA_MISMATCH);
    if (!box) return push_failure(L, "query", &error);
    int box_at = lua_gettop(L);
    int pushed = push_answer(L, box, &args, for_rerank);
    result_put_back(L, 1, box_at);
    return pushed;
}

/* ---------------------------------------------------------------- more and more */

/* Go on with the search that filled the result at 4. */
static result_box *search_on(lua_State *L, collection_box *owner, query_args *args, mv_error *error)
{
    result_box *box = result_check_box(L, 4, owner, "query_some");
    if (!box->result) raise_misuse(L, "query: the search is over, or its collection closed");
    args->schema = mv_result_schema(box->result);
    read_query(L, args, false);
    args->query.more = true;
    args->query.topk = check_whole(L, 3, "query_some", "count", 1, MV_TOPK_MAX, 1);
    read_numbers(L, args, &box->room);
    lua_pushvalue(L, 4);
    return mv_search(owner->collection, &args->query, box->result, error) ? NULL : box;
}

int call_query_some(lua_State *L)
{
    query_args args;
    mv_error error;
    result_box *box;
    collection_box *owner = check_collection(L, 1, "query");
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 4);
    if (!lua_isnil(L, 4)) {
        box = search_on(L, owner, &args, &error);
    } else {
        do {
            lua_settop(L, 4);
            args.schema = mv_get_schema(owner->collection);
            read_query(L, &args, false);
            args.query.topk = check_whole(L, 3, "query_some", "count", 1, MV_TOPK_MAX, 1);
            box = search(L, owner, &args, true, &error);
        } while (!box && error.code == MV_SCHEMA_MISMATCH);
    }
    if (!box) return push_failure(L, "query", &error);
    int box_at = lua_gettop(L), pushed = push_answer(L, box, &args, false);
    if (pushed > 1) return pushed; /* a failure */
    lua_pushvalue(L, box_at);
    return 2;
}

int call_query_page(lua_State *L)
{
    query_args args = {0};
    bool for_rerank = lua_toboolean(L, 3);
    lua_settop(L, 2);
    args.at = check_options(L, 2, "query", query_options, OPTIONS);
    read_counts(L, &args, for_rerank);
    lua_pushinteger(L, (lua_Integer)args.query.topk);
    lua_pushinteger(L, (lua_Integer)args.topk);
    lua_pushinteger(L, (lua_Integer)args.offset);
    return 3;
}

int call_query_end(lua_State *L)
{
    collection_box *owner = check_collection_box(L, 1, "query");
    owned_release(L, &result_check_box(L, 2, owner, "query_end")->part);
    return 0;
}
