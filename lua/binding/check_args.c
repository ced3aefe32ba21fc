/* Read arguments of calls: options tables, numbers, strings, arrays, ids. */
#include "check_args.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_name(const char *given, size_t size, const char *const *names, int names_count)
{
    for (int i = 0; i < names_count; i++)
        if (strlen(names[i]) == size && memcmp(given, names[i], size) == 0) return i;
    return -1;
}

int check_options(lua_State *L, int table, const char *call, const char *const *names,
                  int names_count)
{
    int first = lua_gettop(L) + 1;
    error_context where = {.call = call};
    luaL_checkstack(L, names_count + 4, "too many options");
    lua_settop(L, first - 1 + names_count);
    if (lua_isnoneornil(L, table)) return first;
    if (lua_type(L, table) != LUA_TTABLE)
        raise_misuse(L, "%s: options must be a table, got a %s", call, value_type_name(L, table));

    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            raise_misuse(L, "%s: an option's name must be a string, got a %s", call,
                         value_type_name(L, -2));
        size_t size;
        const char *given = lua_tolstring(L, -2, &size);
        int position = find_name(given, size, names, names_count);
        if (position < 0) raise_unknown_option(L, &where, given, size, names, (size_t)names_count);
        lua_replace(L, first + position);
    }
    return first;
}

int options_call(lua_State *L)
{
    const char *names[WORDS_MAX];
    int names_count = lua_gettop(L) - 2;
    luaL_argcheck(L, names_count >= 0 && names_count <= WORDS_MAX, 3, "number of names");
    for (int i = 0; i < names_count; i++) names[i] = luaL_checkstring(L, 3 + i);
    (void)check_options(L, 2, luaL_checkstring(L, 1), names, names_count);
    return names_count;
}

bool check_boolean(lua_State *L, int index, const char *call, const char *name, bool otherwise)
{
    if (lua_isnil(L, index)) return otherwise;
    if (lua_type(L, index) != LUA_TBOOLEAN)
        raise_misuse(L, "%s: '%s' must be true or false, got a %s", call, name,
                     value_type_name(L, index));
    return lua_toboolean(L, index);
}

uint32_t check_whole(lua_State *L, int index, const char *call, const char *name, uint32_t min,
                     uint32_t max, uint32_t otherwise)
{
    int64_t whole;
    if (lua_isnil(L, index)) return otherwise;
    if (lua_type(L, index) != LUA_TNUMBER)
        raise_misuse(L, "%s: '%s' must be a whole number, got a %s", call, name,
                     value_type_name(L, index));
    if (!is_whole(L, index, &whole) || whole < min || whole > max)
        raise_misuse(L, "%s: '%s' must be a whole number from %u to %u, got %.14g", call, name, min,
                     max, lua_tonumber(L, index));
    return (uint32_t)whole;
}

double check_number(lua_State *L, int index, const char *call, const char *name)
{
    if (lua_type(L, index) != LUA_TNUMBER)
        raise_misuse(L, "%s: '%s' must be a number, got a %s", call, name,
                     value_type_name(L, index));
    return lua_tonumber(L, index);
}

const char *check_string(lua_State *L, int index, const char *call, const char *name)
{
    if (lua_type(L, index) != LUA_TSTRING)
        raise_misuse(L, "%s: '%s' must be a string, got a %s", call, name,
                     value_type_name(L, index));
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    if (strlen(text) != size) raise_misuse(L, "%s: '%s' contains a zero byte", call, name);
    return text;
}

bool is_text(lua_State *L, int index, const char *text)
{
    size_t size;
    if (lua_type(L, index) != LUA_TSTRING) return false;
    const char *given = lua_tolstring(L, index, &size);
    return size == strlen(text) && memcmp(given, text, size) == 0;
}

bool is_built(lua_State *L, int index, const char *type)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return false;
    luaL_getmetatable(L, type);
    bool is_equal = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_equal;
}

int check_word(lua_State *L, int index, const error_context *where, const char *kind,
               const word *words, size_t words_count)
{
    const char *texts[WORDS_MAX];
    char quoted[MV_QUOTE_SIZE];
    if (lua_type(L, index) != LUA_TSTRING)
        raise_at(L, where, "%s must be a string, got a %s", kind, value_type_name(L, index));
    size_t size;
    const char *given = lua_tolstring(L, index, &size);
    if (strlen(given) != size)
        raise_at(L, where, "%s '%s' contains a zero byte", kind, mv_quote(given, size, quoted));
    for (size_t i = 0; i < words_count; i++) {
        if (strcmp(given, words[i].text) == 0) return words[i].value;
        texts[i] = words[i].text;
    }
    raise_unknown_word(L, where, kind, given, texts, words_count);
}

const char *word_text(const word *words, size_t words_count, int value)
{
    for (size_t i = 0; i < words_count; i++)
        if (words[i].value == value) return words[i].text;
    return "unknown";
}

int word_call(lua_State *L)
{
    word words[WORDS_MAX];
    int count = lua_gettop(L) - 3;
    luaL_argcheck(L, count >= 1 && count <= WORDS_MAX, 4, "number of words");
    error_context where = {.call = luaL_checkstring(L, 1)};
    for (int i = 0; i < count; i++) words[i] = (word){luaL_checkstring(L, 4 + i), i};
    (void)check_word(L, 3, &where, luaL_checkstring(L, 2), words, (size_t)count);
    lua_settop(L, 3);
    return 1;
}

/* ---------------------------------------------------------------- whole numbers */

bool is_cdata_integer(lua_State *L, int index, mv_value *value)
{
    char *end = NULL;
    if (lua_type(L, index) != LUA_TYPE_CDATA || !luaL_callmeta(L, index, "__tostring"))
        return false;
    const char *text = luaL_checkstring(L, -1);
    value->kind = MV_KIND_INT;
    value->as.i = strtoll(text, &end, 10);
    bool is_integer = end != text && strcmp(end, "LL") == 0;
    if (end != text && strcmp(end, "ULL") == 0) {
        uint64_t number = strtoull(text, NULL, 10);
        value->kind = number > INT64_MAX ? MV_KIND_UINT : MV_KIND_INT;
        value->as.u = number;
        is_integer = true;
    }
    lua_pop(L, 1);
    return is_integer;
}

bool is_whole(lua_State *L, int index, int64_t *whole)
{
    mv_value value;
    if (is_cdata_integer(L, index, &value)) {
        *whole = value.as.i;
        return value.kind == MV_KIND_INT;
    }
    if (lua_type(L, index) != LUA_TNUMBER) return false;
#if LUA_HAS_INTEGERS
    if (lua_isinteger(L, index)) {
        *whole = lua_tointeger(L, index);
        return true;
    }
#endif
    return is_whole_number(lua_tonumber(L, index), whole);
}

bool is_whole_number(double number, int64_t *whole)
{
    if (!(number > -9007199254740992.0 && number < 9007199254740992.0)) return false;
    *whole = (int64_t)number;
    return (double)*whole == number;
}

/* ---------------------------------------------------------------- arrays and ids */

size_t check_array(lua_State *L, int index, const error_context *where, const char *what)
{
    size_t count = compat_length(L, index);
    size_t keys_count = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        keys_count++;
        lua_pop(L, 1);
    }
    if (keys_count != count)
        raise_at(L, where, "%s must have the keys 1, 2, 3, ... and no others", what);
    return count;
}

mv_id check_id(lua_State *L, int index, const error_context *where, char text[ID_TEXT_SIZE])
{
    mv_id id = {NULL, 0};
    int64_t whole;
    if (lua_type(L, index) == LUA_TSTRING) {
        id.data = lua_tolstring(L, index, &id.size);
        if (id.size < 1 || id.size > MV_ID_SIZE_MAX)
            raise_at(L, where, "an id has 1 to %u bytes, got %zu", MV_ID_SIZE_MAX, id.size);
    } else if (is_whole(L, index, &whole)) {
        id.data = text;
        id.size = (size_t)snprintf(text, ID_TEXT_SIZE, "%" PRId64, whole);
    } else if (lua_type(L, index) == LUA_TNUMBER) {
        raise_at(L, where, "an id is a string or a whole number, got %.17g",
                 lua_tonumber(L, index));
    } else {
        raise_at(L, where, "an id is a string or a whole number, got a %s",
                 value_type_name(L, index));
    }
    return id;
}

void *check_block(lua_State *L, size_t count, size_t size)
{
    if (count && size > (SIZE_MAX - 1) / count)
        raise_misuse(L, "not enough memory for %zu times %zu bytes", count, size);
    return lua_newuserdata(L, count * size + 1);
}

id_list check_ids(lua_State *L, int index, const error_context *where)
{
    id_list list = {NULL, check_array(L, index, where, "an array of ids")};
    list.ids = check_block(L, list.count, sizeof(mv_id) + ID_TEXT_SIZE);
    char *texts = (char *)(list.ids + list.count);
    for (size_t i = 0; i < list.count; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        list.ids[i] = check_id(L, -1, where, texts + i * ID_TEXT_SIZE);
        lua_pop(L, 1); /* the string stays in the table */
    }
    return list;
}
