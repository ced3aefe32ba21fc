/* moonvec.core: the C half of the Lua module. The tables at the end are its contents; the Lua half
 * is in lua/moonvec. */
#include "calls.h"
#include "check_args.h"
#include "read_values.h"
#include "schema_box.h"
#include "vector_box.h"

/* Methods of a collection. lua/moonvec/collection.lua adds those that are Lua. */
static const luaL_Reg collection_methods[] = {
    {"backup", call_backup},
    {"check", call_check},
    {"close", call_close},
    {"count", call_count},
    {"delete", call_delete},
    {"delete_by_filter", call_delete_by_filter},
    {"destroy", call_destroy},
    {"fetch", call_fetch},
    {"flush", call_flush},
    {"insert", call_insert},
    {"iterate", call_iterate},
    {"stats", call_stats},
    {"update", call_update},
    {"upsert", call_upsert},
    {NULL, NULL},
};

static const luaL_Reg collection_metamethods[] = {
    {"__close", call_gc},          {"__gc", call_gc}, {"__len", call_length},
    {"__tostring", call_tostring}, {NULL, NULL},
};

static const luaL_Reg part_metamethods[] = {
    {"__close", part_gc},
    {"__gc", part_gc},
    {NULL, NULL},
};

/* Functions of the module, and the raw steps that the Lua half makes methods of. */
static const luaL_Reg core_functions[] = {
    {"abort", call_abort},
    {"begin", call_begin},
    {"commit", call_commit},
    {"create_and_open", call_create_and_open},
    {"destroy", call_destroy_path},
    {"open", call_open},
    {"optimize_abandon", call_optimize_abandon},
    {"optimize_step", call_optimize_step},
    {"options", options_call},
    {"pack", vector_pack},
    {"query", call_query},
    {"raise", raise_call},
    {"schema", schema_call},
    {"unpack", vector_unpack},
    {"vector", vector_create},
    {NULL, NULL},
};

/* A new metatable on the stack, hidden from Lua. */
static void push_metatable(lua_State *L, const char *name, const luaL_Reg *metamethods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, metamethods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

MV_API int luaopen_moonvec_core(lua_State *L);

MV_API int luaopen_moonvec_core(lua_State *L)
{
    schema_register(L);
    vector_register(L);
    push_metatable(L, PART_TYPE, part_metamethods);
    lua_pop(L, 1);

    lua_newtable(L);
    luaL_setfuncs(L, core_functions, 0);

    push_metatable(L, COLLECTION_TYPE, collection_metamethods);
    lua_newtable(L);
    luaL_setfuncs(L, collection_methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "methods");
    lua_pushcclosure(L, call_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);

    luaL_newmetatable(L, FILTER_TYPE);
    lua_setfield(L, -2, "filter_metatable");
    /* The address is the value; nobody writes through it. */
    lua_pushlightuserdata(L, (void *)(uintptr_t)&null_marker);
    lua_setfield(L, -2, "null");
    lua_pushstring(L, mv_simd_name());
    lua_setfield(L, -2, "simd");
    lua_pushstring(L, "moonvec " MV_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
