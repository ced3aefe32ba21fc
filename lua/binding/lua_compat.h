/* One C source for Lua 5.1 to 5.5 and LuaJIT: functions that older versions lack, under their newer
 * names.
 *
 * LuaJIT has some of them, but the binding uses only symbols of plain Lua 5.1, so that one binary
 * works for both. */
#ifndef MV_LUA_COMPAT_H
#define MV_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

#define LUA_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

/* lua_type of a cdata in LuaJIT; no type of the other Lua versions has this number. */
#define LUA_TYPE_CDATA 10

#if LUA_VERSION_NUM < 502

#define lua_rawlen       lua_objlen
#define lua_getuservalue lua_getfenv
#define lua_setuservalue lua_setfenv
#define luaL_setfuncs    compat_setfuncs
#define luaL_testudata   compat_testudata

#define luaL_checkversion(L) ((void)(L)) /* there is one ABI, which LuaJIT shares */

/* Set functions in the table below the `upvalues_count` values on top, which all functions share.
 */
static inline void compat_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues_count)
{
    int table = lua_gettop(L) - upvalues_count;
    for (; functions->name; functions++) {
        for (int i = 1; i <= upvalues_count; i++) lua_pushvalue(L, table + i);
        lua_pushcclosure(L, functions->func, upvalues_count);
        lua_setfield(L, table, functions->name);
    }
    lua_settop(L, table);
}

static inline void *compat_testudata(lua_State *L, int index, const char *type_name)
{
    void *block = lua_touserdata(L, index);
    if (!block || !lua_getmetatable(L, index)) return NULL;
    luaL_getmetatable(L, type_name);
    if (!lua_rawequal(L, -1, -2)) block = NULL;
    lua_pop(L, 2);
    return block;
}

#endif

/* The raw length; SIZE_MAX if it does not fit, as may happen with holes in a table. */
static inline size_t compat_length(lua_State *L, int index)
{
    unsigned long long length = lua_rawlen(L, index);
    return (size_t)length == length ? (size_t)length : SIZE_MAX;
}

/* The type that lua_gc reads for the size of a step. */
#if LUA_VERSION_NUM < 505
#define LUA_GC_SIZE int
#else
#define LUA_GC_SIZE size_t
#endif

#if LUA_VERSION_NUM < 503
#define LUA_HAS_INTEGERS 0
#else
#define LUA_HAS_INTEGERS 1
#endif

#endif
