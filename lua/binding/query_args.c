/* The options of c:query, read from Lua into an mv_query.
 *
 * check_options spreads the options over the stack in the order of the enum below, so that they can
 * be read in any order: the vector field first, because the meaning of others depends on it, and
 * the numbers of the vectors last. */
#include "query_args.h"

#include "read_match.h"
#include "read_vectors.h"
#include "vector_values.h"

#include <string.h>

enum {
    FIELD,
    VECTOR,
    ID,
    VECTORS,
    VECTORS_OF_ONE,
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
    AFTER,
    THREADS,
    TEXT,
    MATCH,
    HIGHLIGHT,
    OPTIONS
};
static const char *const query_options[OPTIONS] = {
    "field",         "vector",         "id",       "vectors",   "vectors_of_one", "topk",
    "offset",        "filter",         "args",     "min_score", "max_distance",   "params",
    "output_fields", "include_vector", "order_by", "into",      "candidates",     "rerank",
    "where",         "explain",        "after",    "threads",   "text",           "match",
    "highlight",
};

#define TOPK_DEFAULT       10 /* a page of results */
#define CANDIDATES_DEFAULT 4  /* times topk: the candidates of a re-ranker */

static const word strategies[] = {{"auto", MV_STRATEGY_AUTO},
                                  {"exact", MV_STRATEGY_EXACT},
                                  {"codes", MV_STRATEGY_CODES},
                                  {"graph", MV_STRATEGY_GRAPH},
                                  {"bridges", MV_STRATEGY_BRIDGES}};
#define STRATEGIES (sizeof strategies / sizeof *strategies)

static const error_context query_context = {.call = "query"};

const char *query_args_strategy_name(mv_strategy strategy)
{
    return word_text(strategies, STRATEGIES, (int)strategy);
}

static bool is_given(lua_State *L, const query_args *args, int option)
{
    return !lua_isnil(L, args->at + option);
}

/* ---------------------------------------------------------------- the target of the search */

/* The names of all fields of vectors. Returns how many; *last: the position of the last one that is
 * a scalar field for the engine. */
static uint32_t vector_names(const query_args *args,
                             const char *names[MV_VECTORS_MAX + MV_FIELDS_MAX], uint32_t *last)
{
    mv_vector_options vector;
    mv_field_options field;
    uint32_t count = 0;
    for (uint32_t i = 0; mv_schema_vector(args->schema, i, &vector); i++)
        names[count++] = vector.name;
    for (uint32_t i = 0; mv_schema_field(args->schema, i, &field); i++) {
        if (!is_field_of_vectors(&field)) continue;
        names[count++] = field.name;
        *last = i;
    }
    return count;
}

/* The vector field to search: the named one, or the only one of the schema. */
static void read_field(lua_State *L, query_args *args)
{
    const char *names[MV_VECTORS_MAX + MV_FIELDS_MAX];
    mv_query *query = &args->query;
    mv_field_options field;
    uint32_t position = 0, count = vector_names(args, names, &position);
    bool is_scalar = mv_schema_vector_count(args->schema) == 0; /* for the engine */
    size_t size;
    if (is_given(L, args, FIELD)) {
        (void)check_string(L, args->at + FIELD, "query", "field");
        const char *name = lua_tolstring(L, args->at + FIELD, &size);
        is_scalar = mv_schema_find_field(args->schema, name, size, &position) &&
                    mv_schema_field(args->schema, position, &field) && is_field_of_vectors(&field);
        if (!is_scalar && !mv_schema_find_vector(args->schema, name, size, &query->vector_field))
            raise_unknown(L, &query_context, "vector field", name, size, names, count);
    } else if (count == 0) {
        raise_misuse(L, "query: the collection has no vector field");
    } else if (count > 1) {
        raise_misuse(L, "query: 'field' must name one of the %u vector fields", count);
    }
    if (!is_scalar) {
        (void)mv_schema_vector(args->schema, query->vector_field, &args->field);
        query->dim = args->field.dim;
        return;
    }
    (void)mv_schema_field(args->schema, position, &field);
    args->field = (mv_vector_options){
        .name = field.name, .type = field.type, .dim = field.dim, .index = field.index};
    query->is_sparse = field.type == MV_SPARSE_FP32;
    query->is_multi = !query->is_sparse;
    query->sparse_field = query->multi_field = position;
    query->dim = field.dim;
}

static uint32_t count_vectors(lua_State *L, const query_args *args)
{
    int at = args->at + VECTORS;
    if (!lua_istable(L, at))
        raise_misuse(L, "query: 'vectors' must be an array of vectors, got a %s",
                     value_type_name(L, at));
    size_t count = check_array(L, at, &query_context, "'vectors'");
    if (count > MV_QUERY_VECTORS_MAX)
        raise_misuse(L, "query: 'vectors' has %zu vectors, the maximum is %u", count,
                     MV_QUERY_VECTORS_MAX);
    return (uint32_t)count;
}

/* The string field to search by text: the named one, or the only one with a text index. */
static void read_text_field(lua_State *L, query_args *args)
{
    const char *names[MV_FIELDS_MAX];
    mv_field_options field;
    uint32_t fields = mv_schema_field_count(args->schema), count = 0;
    for (uint32_t i = 0; i < fields; i++) {
        if (!mv_schema_field(args->schema, i, &field) || field.index.type != MV_INDEX_TEXT)
            continue;
        args->query.text_field = i;
        names[count++] = field.name;
    }
    if (!count) raise_misuse(L, "query: the collection has no field with a text index");
    if (!is_given(L, args, FIELD)) {
        if (count > 1)
            raise_misuse(L, "query: 'field' must name one of the %u fields with a text index",
                         count);
        return;
    }
    size_t size;
    (void)check_string(L, args->at + FIELD, "query", "field");
    const char *name = lua_tolstring(L, args->at + FIELD, &size);
    bool is_field = mv_schema_find_field(args->schema, name, size, &args->query.text_field);
    if (is_field && mv_schema_field(args->schema, args->query.text_field, &field) &&
        field.index.type == MV_INDEX_TEXT)
        return;
    raise_unknown(L, &query_context, "field with a text index", name, size, names, count);
}

/* `text` or `match`. */
static void read_text(lua_State *L, query_args *args, int option)
{
    static const int others[] = {VECTOR,       ID,       VECTORS, VECTORS_OF_ONE, PARAMS,
                                 MAX_DISTANCE, ORDER_BY, AFTER,   MATCH};
    int at = args->at + option;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i] != option && is_given(L, args, others[i]))
            raise_misuse(L, "query: '%s' cannot be used with '%s'", query_options[option],
                         query_options[others[i]]);
    if (option == TEXT && lua_type(L, at) != LUA_TSTRING)
        raise_misuse(L, "query: 'text' must be a string, got a %s", value_type_name(L, at));
    if (option == MATCH && !is_built(L, at, MATCH_TYPE))
        raise_misuse(L, "query: 'match' must be built by moonvec.text, got a %s%s",
                     value_type_name(L, at),
                     lua_type(L, at) == LUA_TSTRING ? " (did you mean 'text'?)" : "");
    read_text_field(L, args);
    if (option == TEXT)
        args->query.text = lua_tolstring(L, at, &args->query.text_size);
    else
        read_match(L, at, &query_context, &args->query.match);
}

/* What to search for, except the numbers of the vectors. */
static void read_target(lua_State *L, query_args *args)
{
    int given = 0;
    args->has_target = false;
    args->has_vectors = false;
    for (int option = TEXT; option <= MATCH; option++) {
        if (!is_given(L, args, option)) continue;
        read_text(L, args, option);
        return;
    }
    for (int option = VECTOR; option <= VECTORS_OF_ONE; option++)
        given += is_given(L, args, option);
    if (given > 1)
        raise_misuse(L, "query: only one of 'vector', 'vectors', 'vectors_of_one' and 'id' can be "
                        "given");
    args->has_target = given == 1;
    args->has_vectors = is_given(L, args, VECTORS);
    if (args->has_target)
        read_field(L, args);
    else if (is_given(L, args, FIELD))
        raise_misuse(L, "query: 'field' needs 'vector', 'vectors', 'id', 'text' or 'match'");
    if (is_given(L, args, ID))
        args->query.id = check_id(L, args->at + ID, &query_context, args->id_text);
    if (args->has_vectors)
        args->query.vectors_count = count_vectors(L, args);
    else if (is_given(L, args, VECTOR))
        args->query.vectors_count = 1;
    if (args->query.is_sparse) args->query.sparse_count = args->query.vectors_count;
    if (is_given(L, args, VECTORS_OF_ONE) && !args->query.is_multi)
        raise_misuse(L,
                     "query: 'vectors_of_one' needs a field of several vectors ('multi'), '%s' is "
                     "none",
                     args->field.name);
    if (args->query.is_multi && (args->query.vectors_count || args->has_vectors))
        raise_misuse(L, "query: field '%s' has several vectors ('multi'): use 'vectors_of_one'",
                     args->field.name);
}

/* ---------------------------------------------------------------- how many hits, and how to search
 */

static void read_counts(lua_State *L, query_args *args, bool for_rerank)
{
    int at = args->at;
    args->topk = check_whole(L, at + TOPK, "query", "topk", 1, MV_TOPK_MAX, TOPK_DEFAULT);
    args->offset = check_whole(L, at + OFFSET, "query", "offset", 0, MV_TOPK_MAX, 0);
    uint32_t page = args->topk + args->offset;
    if (page > MV_TOPK_MAX)
        raise_misuse(L, "query: 'topk' + 'offset' must be at most %u, got %u", MV_TOPK_MAX, page);
    args->query.topk = args->topk;
    args->query.offset = args->offset;
    if (!for_rerank) {
        if (is_given(L, args, CANDIDATES)) raise_misuse(L, "query: 'candidates' needs 'rerank'");
        return;
    }
    uint32_t candidates = CANDIDATES_DEFAULT * args->topk + args->offset;
    if (candidates > MV_TOPK_MAX) candidates = page;
    args->query.topk =
        check_whole(L, at + CANDIDATES, "query", "candidates", 1, MV_TOPK_MAX, candidates);
    if (args->query.topk < page)
        raise_misuse(L, "query: 'candidates' must be at least 'topk' + 'offset' = %u, got %u", page,
                     args->query.topk);
    args->query.offset = 0;
}

/* `after`: a hit, which has its id in a field, or an id. */
static void read_after(lua_State *L, query_args *args)
{
    int at = args->at + AFTER;
    if (lua_istable(L, at)) {
        lua_pushliteral(L, "id");
        lua_rawget(L, at);
        lua_replace(L, at); /* keeps the id while it is used */
    }
    args->query.after = check_id(L, at, &query_context, args->after_text);
}

/* `params`: how the index is searched. Which options exist depends on the type of the index. */
static void read_params(lua_State *L, query_args *args)
{
    enum { EXACT, PLAN, RECALL, EF, REFINE, NAMES };
    static const char *const param_names[NAMES] = {"exact", "plan", "recall", "ef", "refine"};
    static const char call[] = "query: params";
    error_context where = {.call = call};
    mv_query *query = &args->query;
    int at = check_options(L, args->at + PARAMS, call, param_names, NAMES);
    if (!args->has_target) raise_misuse(L, "query: 'params' needs 'vector', 'vectors' or 'id'");
    for (int i = RECALL; i < NAMES && args->field.index.type == MV_INDEX_FLAT; i++)
        if (!lua_isnil(L, at + i))
            raise_misuse(L, "%s: the flat index of field '%s' has no option '%s'", call,
                         args->field.name, param_names[i]);
    if (query->is_multi && !lua_isnil(L, at + REFINE))
        raise_misuse(L, "%s: field '%s' has several vectors, its search has no option 'refine'",
                     call, args->field.name);
    for (int i = PLAN; i < NAMES && query->is_sparse; i++)
        if (i != RECALL && !lua_isnil(L, at + i))
            raise_misuse(L, "%s: field '%s' is sparse, its search has no option '%s'", call,
                         args->field.name, param_names[i]);
    if (check_boolean(L, at + EXACT, call, "exact", false)) query->strategy = MV_STRATEGY_EXACT;
    if (!lua_isnil(L, at + PLAN)) {
        if (!lua_isnil(L, at + EXACT))
            raise_misuse(L, "%s: only one of 'exact' and 'plan' can be given", call);
        query->strategy =
            (mv_strategy)check_word(L, at + PLAN, &where, "plan", strategies, STRATEGIES);
    }
    if (!lua_isnil(L, at + RECALL)) {
        query->recall = check_number(L, at + RECALL, call, "recall");
        if (!(query->recall > 0 && query->recall <= 1))
            raise_misuse(L, "%s: 'recall' must be more than 0 and at most 1, got %.14g", call,
                         query->recall);
        if (!lua_isnil(L, at + EF))
            raise_misuse(L, "%s: only one of 'recall' and 'ef' can be given", call);
    }
    query->ef = check_whole(L, at + EF, call, "ef", 1, MV_EF_MAX, 0);
    query->no_refine = !check_boolean(L, at + REFINE, call, "refine", true);
}

/* The position of the string field with a text index that has the name at `index`. */
static uint32_t check_highlighted(lua_State *L, int index, const query_args *args)
{
    mv_field_options field;
    uint32_t position;
    size_t size;
    char quoted[MV_QUOTE_SIZE];
    const char *name = check_string(L, index, "query: highlight", "fields");
    (void)lua_tolstring(L, index, &size);
    if (!mv_schema_find_field(args->schema, name, size, &position) ||
        !mv_schema_field(args->schema, position, &field) || field.type != MV_STRING ||
        field.index.type != MV_INDEX_TEXT)
        raise_misuse(L, "query: highlight: '%s' is no string field with a text index",
                     mv_quote(name, size, quoted));
    return position;
}

static void read_highlighted_fields(lua_State *L, int index, query_args *args)
{
    error_context where = {.call = "query: highlight"};
    if (!lua_istable(L, index))
        raise_misuse(L, "query: highlight: 'fields' must be an array of names, got a %s",
                     value_type_name(L, index));
    size_t count = check_array(L, index, &where, "'fields'");
    if (count > HIGHLIGHT_FIELDS_MAX)
        raise_misuse(L, "query: highlight: 'fields' has %zu names, the maximum is %d", count,
                     HIGHLIGHT_FIELDS_MAX);
    args->highlight_count = (uint32_t)count;
    for (uint32_t i = 0; i < args->highlight_count; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        args->highlight_fields[i] = check_highlighted(L, lua_gettop(L), args);
        lua_pop(L, 1);
    }
}

/* `highlight`: true, or a table of options. */
static void read_highlight(lua_State *L, query_args *args)
{
    enum { FIELDS, OPEN, CLOSE, SIZE, COUNT, HTML, NAMES };
    static const char *const names[NAMES] = {"fields", "open", "close", "size", "count", "html"};
    static const char call[] = "query: highlight";
    int at = args->at + HIGHLIGHT;
    mv_field_options field;
    mv_highlight *how = &args->highlight;
    if (!args->query.text && !args->query.match.nodes)
        raise_misuse(L, "query: 'highlight' needs 'text' or 'match'");
    *how = (mv_highlight){0};
    args->highlight_fields[0] = args->query.text_field;
    bool is_text =
        mv_schema_field(args->schema, args->query.text_field, &field) && field.type == MV_STRING;
    args->highlight_count = is_text;
    if (lua_isboolean(L, at)) {
        if (!lua_toboolean(L, at)) args->highlight_count = 0;
        return;
    }
    at = check_options(L, at, call, names, NAMES);
    if (!lua_isnil(L, at + FIELDS)) read_highlighted_fields(L, at + FIELDS, args);
    if (!lua_isnil(L, at + OPEN)) how->open = check_string(L, at + OPEN, call, "open");
    if (!lua_isnil(L, at + CLOSE)) how->close = check_string(L, at + CLOSE, call, "close");
    how->size = check_whole(L, at + SIZE, call, "size", 1, UINT32_MAX, 0);
    how->count = check_whole(L, at + COUNT, call, "count", 1, MV_SNIPPETS_MAX, 0);
    how->escape_html = check_boolean(L, at + HTML, call, "html", false);
}

/* ---------------------------------------------------------------- all options */

void query_args_read(lua_State *L, query_args *args, bool for_rerank)
{
    int at = args->at = check_options(L, 2, "query", query_options, OPTIONS);
    mv_query *query = &args->query;
    memset(query, 0, sizeof *query);
    query->schema = args->schema;
    read_target(L, args);
    read_counts(L, args, for_rerank);
    if (is_given(L, args, PARAMS)) read_params(L, args);
    args->highlight_count = 0;
    if (is_given(L, args, HIGHLIGHT)) read_highlight(L, args);
    if (is_given(L, args, MIN_SCORE)) {
        args->min_score = check_number(L, at + MIN_SCORE, "query", "min_score");
        query->min_score = &args->min_score;
    }
    if (is_given(L, args, MAX_DISTANCE)) {
        args->max_distance = check_number(L, at + MAX_DISTANCE, "query", "max_distance");
        query->max_distance = &args->max_distance;
    }
    if (is_given(L, args, ORDER_BY))
        query->order_by = check_string(L, at + ORDER_BY, "query", "order_by");
    if (is_given(L, args, AFTER)) read_after(L, args);
    args->into = is_given(L, args, INTO) ? at + INTO : 0;
    if (args->into && !lua_istable(L, args->into))
        raise_misuse(L, "query: 'into' must be a table, got a %s", value_type_name(L, args->into));
    query->explain = check_boolean(L, at + EXPLAIN, "query", "explain", false);
    query->threads = check_whole(L, at + THREADS, "query", "threads", 1, MV_THREADS_MAX, 1);
    query->filter = read_filter(L, at + FILTER, at + ARGS, "query", &args->filter);
    output_read(L, args->schema, "query", at + OUTPUT_FIELDS, at + INCLUDE_VECTOR, &args->out);
    args->out.has_score = true;
}

void query_args_read_page(lua_State *L, query_args *args, bool for_rerank)
{
    args->at = check_options(L, 2, "query", query_options, OPTIONS);
    read_counts(L, args, for_rerank);
}

/* ---------------------------------------------------------------- the numbers of the vectors */

static void read_several(lua_State *L, query_args *args, number_scratch *scratch)
{
    size_t size = mv_vector_size(args->field.type, args->field.dim);
    uint8_t *given = check_block(L, args->query.vectors_count, size);
    for (uint32_t i = 0; i < args->query.vectors_count; i++) {
        lua_rawgeti(L, args->at + VECTORS, (int)i + 1);
        const void *vector = read_vector(L, lua_gettop(L), &query_context, &args->field, scratch);
        memcpy(given + i * size, vector, size);
        lua_pop(L, 1);
    }
    args->query.vectors = given;
}

/* A packed string is used where it is, unless it is not aligned. */
static void read_single(lua_State *L, query_args *args, number_scratch *scratch)
{
    size_t size = mv_vector_size(args->field.type, args->field.dim);
    const void *vector = read_vector(L, args->at + VECTOR, &query_context, &args->field, scratch);
    if ((uintptr_t)vector % _Alignof(float)) {
        float *aligned = number_scratch_reserve(L, scratch, size / sizeof *aligned + 1);
        memcpy(aligned, vector, size);
        vector = aligned;
    }
    args->query.vectors = vector;
}

/* Two walks over all vectors: the first one counts their entries. */
static void read_several_sparse(lua_State *L, query_args *args)
{
    uint32_t count = args->query.sparse_count;
    int list = args->at + VECTORS;
    size_t entries = 0;
    mv_sparse *all = check_block(L, count, sizeof *all);
    for (uint32_t i = 0; i < count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        all[i].count = sparse_size(L, lua_gettop(L), &query_context);
        entries += all[i].count;
        lua_pop(L, 1);
    }
    uint32_t *indices = check_block(L, entries, sizeof *indices);
    float *numbers = check_block(L, entries, sizeof *numbers);
    for (uint32_t i = 0; i < count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        sparse_copy(L, lua_gettop(L), &query_context, indices, numbers);
        lua_pop(L, 1);
        all[i].indices = indices;
        all[i].numbers = numbers;
        indices += all[i].count;
        numbers += all[i].count;
    }
    args->query.sparse = all;
}

static void read_sparse_vectors(lua_State *L, query_args *args, number_scratch *scratch)
{
    if (args->has_vectors) {
        read_several_sparse(L, args);
    } else if (args->query.sparse_count == 1) {
        read_sparse(L, args->at + VECTOR, &query_context, scratch, &args->sparse);
        args->query.sparse = &args->sparse;
    }
}

static void read_together(lua_State *L, query_args *args, number_scratch *scratch)
{
    mv_multi multi;
    read_multi(L, args->at + VECTORS_OF_ONE, &query_context, args->field.dim, scratch, &multi);
    size_t count = multi.count / args->field.dim;
    if (count < 1 || count > MV_MULTI_MAX)
        raise_misuse(L, "query: 'vectors_of_one' has %zu vectors, it must have 1 to %u", count,
                     MV_MULTI_MAX);
    args->query.vectors = multi.numbers;
    args->query.vectors_count = (uint32_t)count;
}

void query_args_read_vectors(lua_State *L, query_args *args, number_scratch *scratch)
{
    if (args->query.is_multi) {
        if (is_given(L, args, VECTORS_OF_ONE)) read_together(L, args, scratch);
        return;
    }
    if (args->query.is_sparse) {
        read_sparse_vectors(L, args, scratch);
        return;
    }
    if (args->has_vectors)
        read_several(L, args, scratch);
    else if (args->query.vectors_count == 1)
        read_single(L, args, scratch);
}
