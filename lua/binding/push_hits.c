/* Hits -> Lua tables. With `into`, the tables of an earlier answer are filled again, so that a
 * query in a frame loop makes no garbage. */
#include "push_hits.h"

/* Push the table at `reuse`, or a new one when `reuse` is 0; returns its stack index. */
static int push_list(lua_State *L, int reuse, size_t count)
{
    if (reuse)
        lua_pushvalue(L, reuse);
    else
        lua_createtable(L, (int)count, 0);
    return lua_gettop(L);
}

/* Remove the elements above `count` that an earlier answer left in a reused table. */
static void cut_list(lua_State *L, int list, size_t count)
{
    for (size_t i = compat_length(L, list); i > count; i--) {
        lua_pushnil(L);
        lua_rawseti(L, list, (int)i);
    }
}

/* Set `highlights` of the hit on top: for each field an array of snippets. */
static mv_err push_highlights(lua_State *L, result_box *box, const query_args *args,
                              size_t position, mv_error *error)
{
    lua_createtable(L, 0, (int)args->highlight_count);
    for (uint32_t i = 0; i < args->highlight_count; i++) {
        mv_highlight how = args->highlight;
        mv_field_options field;
        const mv_snippet *snippets;
        uint32_t count;
        how.field = args->highlight_fields[i];
        mv_err err = mv_result_highlight(box->result, position, &how, &snippets, &count, error);
        if (err || !mv_schema_field(args->schema, how.field, &field)) return err;
        lua_createtable(L, (int)count, 0);
        for (uint32_t j = 0; j < count; j++) {
            lua_pushlstring(L, snippets[j].text, snippets[j].size);
            lua_rawseti(L, -2, (int)j + 1);
        }
        lua_setfield(L, -2, field.name);
    }
    lua_setfield(L, -2, "highlights");
    return MV_OK;
}

/* Push the hits at positions `from` to `to` - 1 as an array. */
static mv_err push_range(lua_State *L, result_box *box, const query_args *args, size_t from,
                         size_t to, int reuse, int keys, mv_error *error)
{
    int list = push_list(L, reuse, to - from);
    for (size_t i = from; i < to; i++) {
        output_push_table(L, &args->out, keys, reuse, i - from + 1);
        mv_err err = output_fill(L, box, i, args->schema, &args->out, keys, error);
        if (!err && args->highlight_count) err = push_highlights(L, box, args, i, error);
        if (err) return err;
        lua_rawseti(L, list, (int)(i - from) + 1);
    }
    if (reuse) cut_list(L, list, to - from);
    return MV_OK;
}

/* Push an array with one array of hits for each of `vectors`. */
static mv_err push_results(lua_State *L, result_box *box, const query_args *args, int keys,
                           mv_error *error)
{
    size_t count;
    size_t from = 0;
    const mv_hit *hits = mv_result_hits(box->result, &count);
    int list = push_list(L, args->into, args->query.vectors_count);
    for (uint32_t i = 0; i < args->query.vectors_count; i++) {
        size_t to = from;
        while (to < count && hits[to].input == i) to++;
        lua_rawgeti(L, list, (int)i + 1);
        int reuse = lua_istable(L, -1) ? lua_gettop(L) : 0;
        mv_err err = push_range(L, box, args, from, to, reuse, keys, error);
        if (err) return err;
        lua_rawseti(L, list, (int)i + 1);
        lua_settop(L, list);
        from = to;
    }
    cut_list(L, list, args->query.vectors_count);
    return MV_OK;
}

mv_err push_hits(lua_State *L, result_box *box, const query_args *args, mv_error *error)
{
    size_t count;
    int keys = output_push_keys(L, args->schema, &args->out);
    if (args->has_vectors) return push_results(L, box, args, keys, error);
    (void)mv_result_hits(box->result, &count);
    return push_range(L, box, args, 0, count, args->into, keys, error);
}
