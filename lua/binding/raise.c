/* Error messages, with the position of the caller.
 *
 * A method may reach C directly or through lua/moonvec, by a call or a tail call, so no fixed error
 * level is right for all. Instead, the position is that of the first Lua function up the stack that
 * is not part of moonvec: its chunk is not in the folder from which moonvec was loaded. */
#include "raise.h"

#include "synonyms.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 1024

/* In the registry, under the address of this variable: the beginning of the names of moonvec's own
 * chunks, such as "@/usr/share/lua/5.4/moonvec/". It is a string of each Lua state. */
static const char own_folder;

static void push_own_folder(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&own_folder);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* The number of bytes of a chunk's name up to its last slash, or all if it has none. */
static size_t folder_size(const char *source)
{
    size_t size = strlen(source), folder = size;
    while (folder && !strchr("/\\", source[folder - 1])) folder--;
    return folder ? folder : size;
}

/* Push "file:line: " of the caller, or "" if no caller has a line. */
static void push_position(lua_State *L)
{
    lua_Debug caller;
    size_t own_size = 0;
    push_own_folder(L);
    const char *own = lua_tolstring(L, -1, &own_size);
    for (int level = 1; lua_getstack(L, level, &caller); level++) {
        lua_getinfo(L, "Sl", &caller);
        bool is_own = own && strncmp(caller.source, own, own_size) == 0;
        if (caller.currentline <= 0 || is_own) continue;
        lua_pop(L, 1);
        lua_pushfstring(L, "%s:%d: ", caller.short_src, caller.currentline);
        return;
    }
    lua_pop(L, 1);
    lua_pushlstring(L, "", 0);
}

static _Noreturn void raise_text(lua_State *L, const char *text)
{
    push_position(L);
    lua_pushstring(L, text);
    lua_concat(L, 2);
    lua_error(L);
    __builtin_unreachable();
}

void raise_misuse(lua_State *L, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    raise_text(L, text);
}

/* Ids, and field names that do not exist, may be long and not printable. */
static size_t write_context(char *text, size_t size, const error_context *where)
{
    char quoted[MV_QUOTE_SIZE];
    int used = snprintf(text, size, "%s: ", where->call);
    if (where->document.data)
        used += snprintf(text + used, size - (size_t)used, "document '%s': ",
                         mv_quote(where->document.data, where->document.size, quoted));
    if (where->field)
        used += snprintf(text + used, size - (size_t)used,
                         "field '%s': ", mv_quote(where->field, strlen(where->field), quoted));
    if (where->argument)
        used += snprintf(text + used, size - (size_t)used, "argument %zu: ", where->argument);
    return (size_t)used;
}

void raise_at(lua_State *L, const error_context *where, const char *format, ...)
{
    char text[TEXT_SIZE];
    size_t used = write_context(text, sizeof text, where);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, sizeof text - used, format, args);
    va_end(args);
    raise_text(L, text);
}

/* "unknown option 'topK' (did you mean 'topk'?)"; without the question if `meant` is NULL. */
static _Noreturn void raise_meant(lua_State *L, const error_context *where, const char *kind,
                                  const char *given, size_t given_size, const char *meant)
{
    char quoted[MV_QUOTE_SIZE];
    (void)mv_quote(given, given_size, quoted);
    if (meant) raise_at(L, where, "unknown %s '%s' (did you mean '%s'?)", kind, quoted, meant);
    raise_at(L, where, "unknown %s '%s'", kind, quoted);
}

void raise_unknown(lua_State *L, const error_context *where, const char *kind, const char *given,
                   size_t given_size, const char *const *names, size_t names_count)
{
    const char *nearest = mv_nearest_name(given, given_size, names, names_count);
    raise_meant(L, where, kind, given, given_size, nearest);
}

/* The name that other databases call `given`, else the nearest one; NULL: none. */
static const char *find_meant(const char *given, size_t given_size, const char *const *names,
                              size_t names_count)
{
    const char *synonym = synonyms_find(given, names, names_count);
    return synonym ? synonym : mv_nearest_name(given, given_size, names, names_count);
}

/* Name the word that is meant; if none is near, all of them. */
static _Noreturn void raise_unknown_of(lua_State *L, const error_context *where, const char *kind,
                                       const char *given, size_t size, const char *const *names,
                                       size_t names_count)
{
    char list[TEXT_SIZE / 2], quoted[MV_QUOTE_SIZE];
    size_t used = 0;
    const char *meant = find_meant(given, size, names, names_count);
    if (meant || !names_count) raise_meant(L, where, kind, given, size, meant);
    for (size_t i = 0; i < names_count && used < sizeof list; i++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s'%s'", i ? ", " : "", names[i]);
    raise_at(L, where, "unknown %s '%s' (valid: %s)", kind, mv_quote(given, size, quoted), list);
}

void raise_unknown_option(lua_State *L, const error_context *where, const char *given,
                          size_t given_size, const char *const *names, size_t names_count)
{
    raise_unknown_of(L, where, "option", given, given_size, names, names_count);
}

void raise_unknown_word(lua_State *L, const error_context *where, const char *kind,
                        const char *given, const char *const *names, size_t names_count)
{
    raise_unknown_of(L, where, kind, given, strlen(given), names, names_count);
}

void raise_if_synonym(lua_State *L, const char *what, int functions, int key)
{
    size_t size;
    if (lua_type(L, key) != LUA_TSTRING) return;
    const char *given = lua_tolstring(L, key, &size);
    if (strlen(given) != size) return; /* no name has a zero byte */
    const char *meant = synonyms_find_function(L, functions, given);
    if (meant) raise_misuse(L, "%s has no '%s' (did you mean '%s'?)", what, given, meant);
}

int raise_own_call(lua_State *L)
{
    lua_Debug caller;
    if (!lua_getstack(L, 1, &caller)) return 0;
    lua_getinfo(L, "S", &caller);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&own_folder);
    lua_pushlstring(L, caller.source, folder_size(caller.source));
    lua_rawset(L, LUA_REGISTRYINDEX);
    return 0;
}

int raise_if_synonym_call(lua_State *L)
{
    lua_settop(L, 3);
    raise_if_synonym(L, luaL_checkstring(L, 1), 2, 3);
    return 0;
}

int push_failure(lua_State *L, const char *call, const mv_error *error)
{
    if (error->code == MV_MISUSE && strncmp(error->text, "filter:", 7) == 0)
        raise_text(L, error->text);
    if (error->code == MV_MISUSE) raise_misuse(L, "%s: %s", call, error->text);
    lua_pushnil(L);
    lua_pushstring(L, error->text);
    lua_pushstring(L, mv_err_name(error->code));
    return 3;
}

int push_outcome(lua_State *L, const char *call, mv_err err, const mv_error *error)
{
    if (err) return push_failure(L, call, error);
    lua_pushboolean(L, 1);
    return 1;
}

int raise_call(lua_State *L)
{
    raise_text(L, luaL_checkstring(L, 1));
}

int raise_quote_call(lua_State *L)
{
    char quoted[MV_QUOTE_SIZE];
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_pushstring(L, mv_quote(text, size, quoted));
    return 1;
}
