/* Lua values -> mv_value.
 *
 * A whole number becomes an integer on every Lua version, so that 1965 means the same where all
 * numbers are doubles. A float of 2^53 or more stays a float, because it may have been rounded; the
 * engine refuses it for 64-bit fields. */
#include "read_values.h"

#include "check_args.h"
#include "read_match.h"

#include <string.h>

const char null_marker = 0;

static void read_number(lua_State *L, int index, mv_value *value)
{
    double number = lua_tonumber(L, index);
    bool is_negative_zero = number == 0 && 1 / number < 0;
    if (!is_negative_zero && is_whole(L, index, &value->as.i)) {
        value->kind = MV_KIND_INT;
        return;
    }
    value->kind = MV_KIND_REAL;
    value->as.real = number;
}

/* Read any value except a list. False: not a value. */
static bool read_scalar(lua_State *L, int index, mv_value *value)
{
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        value->kind = MV_KIND_BOOL;
        value->as.boolean = lua_toboolean(L, index);
        return true;
    case LUA_TNUMBER: read_number(L, index, value); return true;
    case LUA_TSTRING:
        value->kind = MV_KIND_STRING;
        value->as.string.data = lua_tolstring(L, index, &value->as.string.size);
        return true;
    case LUA_TLIGHTUSERDATA:
        value->kind = MV_KIND_NULL;
        return lua_touserdata(L, index) == (const void *)&null_marker;
    case LUA_TYPE_CDATA: return is_cdata_integer(L, index, value);
    default: return false;
    }
}

/* Memory for `count` values: in `scratch` if they fit, else in a block that is pushed. */
static mv_value *reserve_values(lua_State *L, value_scratch *scratch, size_t count)
{
    if (count > VALUES_FEW - scratch->used) return check_block(L, count, sizeof(mv_value));
    mv_value *values = scratch->few + scratch->used;
    scratch->used += count;
    return values;
}

static void read_list(lua_State *L, int index, const error_context *where, mv_value *value,
                      value_scratch *scratch)
{
    size_t count = check_array(L, index, where, "a list");
    mv_value *items = reserve_values(L, scratch, count);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        if (!read_scalar(L, lua_gettop(L), &items[i]))
            raise_at(L, where, "element %zu of the list is a %s", i + 1, value_type_name(L, -1));
        if (items[i].kind == MV_KIND_NULL)
            raise_at(L, where, "element %zu of the list is moonvec.null", i + 1);
        lua_pop(L, 1); /* a string stays valid: the table refers to it */
    }
    value->kind = MV_KIND_LIST;
    value->as.list.items = items;
    value->as.list.count = count;
}

void read_value(lua_State *L, int index, const error_context *where, mv_value *value,
                value_scratch *scratch)
{
    if (is_built(L, index, MATCH_TYPE)) {
        value->kind = MV_KIND_MATCH;
        read_match(L, index, where, &value->as.match);
    } else if (lua_type(L, index) == LUA_TTABLE) {
        read_list(L, index, where, value, scratch);
    } else if (!read_scalar(L, index, value)) {
        raise_at(L, where, "expected a value, got a %s", value_type_name(L, index));
    }
}

/* ---------------------------------------------------------------- filters */

static void read_args(lua_State *L, int index, const char *call, filter_args *out)
{
    if (lua_isnil(L, index)) return;
    if (lua_type(L, index) != LUA_TTABLE)
        raise_misuse(L, "%s: 'args' must be a table, got a %s", call, value_type_name(L, index));
    size_t count = compat_length(L, index);
    if (!count) {
        for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
            if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "n") != 0)
                raise_misuse(L, "%s: 'args' must be an array, got a table with other keys", call);
    }
    if (count > MV_FILTER_TESTS_MAX * 2) /* BETWEEN takes two */
        raise_misuse(L, "%s: 'args' has %zu values, the maximum is %u", call, count,
                     MV_FILTER_TESTS_MAX * 2);
    mv_value *values = reserve_values(L, &out->scratch, count);
    luaL_checkstack(L, (int)count + 4,
                    "too many filter arguments"); /* each list may push a block */

    error_context where = {.call = call};
    for (size_t i = 0; i < count; i++) {
        where.argument = i + 1;
        lua_rawgeti(L, index, (int)i + 1);
        int at = lua_gettop(L);
        read_value(L, at, &where, &values[i], &out->scratch);
        lua_remove(L, at); /* it stays valid: the table refers to it */
    }
    out->filter.args = values;
    out->filter.args_count = (uint32_t)count;
}

const mv_filter *read_filter(lua_State *L, int filter_index, int args_index, const char *call,
                             filter_args *out)
{
    memset(&out->filter, 0, sizeof out->filter);
    out->scratch.used = 0;
    if (lua_isnil(L, filter_index)) {
        if (!lua_isnil(L, args_index)) raise_misuse(L, "%s: 'args' needs 'filter'", call);
        return NULL;
    }
    if (is_built(L, filter_index, FILTER_TYPE)) {
        if (!lua_isnil(L, args_index))
            raise_misuse(
                L, "%s: 'args' must be nil, a filter built by moonvec.filter has its own arguments",
                call);
        lua_pushlstring(L, "args", 4);
        lua_rawget(L, filter_index);
        args_index = lua_gettop(L);
        lua_pushlstring(L, "text", 4);
        lua_rawget(L, filter_index);
        filter_index = args_index + 1;
    }
    if (lua_type(L, filter_index) != LUA_TSTRING)
        raise_misuse(L, "%s: 'filter' must be a string or built by moonvec.filter, got a %s", call,
                     value_type_name(L, filter_index));
    out->filter.text = lua_tolstring(L, filter_index, &out->filter.size);
    read_args(L, args_index, call, out);
    return &out->filter;
}
