/* Full-text queries as data: lua/moonvec/text.lua has them as an array of nodes, as the engine. */
#include "read_match.h"

#include "check_args.h"

#include <string.h>

static const word kinds[] = {
    {"word", MV_MATCH_WORD},     {"prefix", MV_MATCH_PREFIX}, {"fuzzy", MV_MATCH_FUZZY},
    {"phrase", MV_MATCH_PHRASE}, {"typed", MV_MATCH_TYPED},   {"all", MV_MATCH_ALL},
    {"any", MV_MATCH_ANY},       {"no", MV_MATCH_NO},         {"maybe", MV_MATCH_MAYBE},
};

/* Push the member of the table at `index`; returns where it is. */
static int push_member(lua_State *L, int index, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
    return lua_gettop(L);
}

static uint32_t read_count(lua_State *L, int index, const error_context *where, const char *name)
{
    uint32_t count =
        check_whole(L, push_member(L, index, name), where->call, name, 0, UINT32_MAX, 0);
    lua_pop(L, 1);
    return count;
}

/* The node at `index`. Its text stays valid: the table refers to it. */
static void read_node(lua_State *L, int index, const error_context *where, mv_match_node *node)
{
    if (!lua_istable(L, index))
        raise_at(L, where, "a node of a full-text query is a %s", value_type_name(L, index));
    int at = push_member(L, index, "kind");
    memset(node, 0, sizeof *node);
    node->kind = (mv_match_kind)check_word(L, at, where, "kind of full-text query", kinds,
                                           sizeof kinds / sizeof *kinds);
    if (lua_type(L, push_member(L, index, "text")) == LUA_TSTRING)
        node->text = lua_tolstring(L, -1, &node->size);
    if (!lua_isnil(L, push_member(L, index, "boost")))
        node->boost = check_number(L, -1, where->call, "boost");
    lua_settop(L, at - 1);
    node->members = read_count(L, index, where, "members");
    node->edits = read_count(L, index, where, "edits");
    node->slop = read_count(L, index, where, "slop");
}

void read_match(lua_State *L, int index, const error_context *where, mv_match *match)
{
    luaL_checkstack(L, LUA_MINSTACK, "too many full-text queries");
    int at = push_member(L, index, "nodes");
    if (!lua_istable(L, at))
        raise_at(L, where, "the nodes of a full-text query are a %s", value_type_name(L, at));
    size_t count = compat_length(L, at);
    if (count > MV_MATCH_NODES_MAX)
        raise_at(L, where, "a full-text query has %zu nodes, the maximum is %u", count,
                 MV_MATCH_NODES_MAX);
    mv_match_node *nodes = check_block(L, count, sizeof *nodes);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, at, (int)i + 1);
        read_node(L, at + 2, where, &nodes[i]);
        lua_pop(L, 1);
    }
    lua_remove(L, at); /* the query refers to it */
    *match = (mv_match){nodes, (uint32_t)count};
}
