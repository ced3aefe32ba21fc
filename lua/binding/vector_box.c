/* moonvec.vector, moonvec.pack and moonvec.unpack. */
#include "vector_box.h"

void vector_push(lua_State *L, mv_type type, const void *given, size_t dim, bool as_table)
{
    const float *numbers = given;
    const uint8_t *bits = given;
    if (!as_table) {
        lua_pushlstring(L, given, mv_vector_size(type, dim));
        return;
    }
    lua_createtable(L, (int)dim, 0);
    for (size_t i = 0; i < dim; i++) {
        if (type == MV_VECTOR_BINARY)
            lua_pushinteger(L, bits[i / 8] >> (7 - i % 8) & 1);
        else
            lua_pushnumber(L, (lua_Number)numbers[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* Push the vector at 1, of any form and dimension, as a box without a metatable. */
static vector_box *push_box(lua_State *L, const char *call)
{
    error_context where = {.call = call};
    luaL_checkany(L, 1);
    size_t dim = vector_size(L, 1, &where);
    vector_box *box = lua_newuserdata(L, sizeof *box + dim * sizeof(float));
    box->dim = dim;
    vector_copy(L, 1, &where, box->numbers, dim);
    return box;
}

int vector_create(lua_State *L)
{
    push_box(L, "vector");
    luaL_getmetatable(L, VECTOR_TYPE);
    lua_setmetatable(L, -2);
    return 1;
}

int vector_pack(lua_State *L)
{
    vector_box *box = push_box(L, "pack");
    vector_push(L, MV_VECTOR_FP32, box->numbers, box->dim, false);
    return 1;
}

int vector_unpack(lua_State *L)
{
    vector_box *box = push_box(L, "unpack");
    vector_push(L, MV_VECTOR_FP32, box->numbers, box->dim, true);
    return 1;
}

/* __index: a number, or a method (upvalue 1: their table). */
static int vector_index(lua_State *L)
{
    const vector_box *box = luaL_checkudata(L, 1, VECTOR_TYPE);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_Number at = lua_tonumber(L, 2);
        if (!(at >= 1 && at <= (lua_Number)box->dim) || at != (lua_Number)(size_t)at) return 0;
        lua_pushnumber(L, (lua_Number)box->numbers[(size_t)at - 1]);
        return 1;
    }
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
}

static int vector_length(lua_State *L)
{
    const vector_box *box = luaL_checkudata(L, 1, VECTOR_TYPE);
    lua_pushinteger(L, (lua_Integer)box->dim);
    return 1;
}

static int vector_tostring(lua_State *L)
{
    const vector_box *box = luaL_checkudata(L, 1, VECTOR_TYPE);
    lua_pushfstring(L, "moonvec.vector: %d number%s", (int)box->dim, box->dim == 1 ? "" : "s");
    return 1;
}

static const luaL_Reg vector_methods[] = {
    {"pack", vector_pack},
    {"table", vector_unpack},
    {NULL, NULL},
};

static const luaL_Reg vector_metamethods[] = {
    {"__len", vector_length},
    {"__tostring", vector_tostring},
    {NULL, NULL},
};

void vector_register(lua_State *L)
{
    luaL_newmetatable(L, VECTOR_TYPE);
    luaL_setfuncs(L, vector_metamethods, 0);
    lua_newtable(L);
    luaL_setfuncs(L, vector_methods, 0);
    lua_pushcclosure(L, vector_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
