/* How calls fail. Programming errors raise, with the line of the calling program. Runtime failures
 * return nil, message, code. */
#ifndef MV_RAISE_H
#define MV_RAISE_H

#include "lua_compat.h"
#include "moonvec.h"

/* Which argument a message is about: "insert: document 'dune': field 'year': ...". Members that do
 * not apply are NULL or 0. */
typedef struct error_context {
    const char *call;  /* "insert" */
    mv_id document;    /* its id */
    const char *field; /* name */
    size_t argument;   /* position in a filter's arguments, from 1 */
} error_context;

/* What a message calls the type of a value: "null" for what JSON libraries have in place of null.
 */
static inline const char *value_type_name(lua_State *L, int index)
{
    bool is_null = lua_islightuserdata(L, index) && !lua_touserdata(L, index);
    return is_null ? "null" : luaL_typename(L, index);
}

/* Raise the message, after the file and line of the nearest caller outside of moonvec. */
_Noreturn void raise_misuse(lua_State *L, const char *format, ...) LUA_PRINTF(2, 3);

/* The same, with the context before the message. */
_Noreturn void raise_at(lua_State *L, const error_context *where, const char *format, ...)
    LUA_PRINTF(3, 4);

/* "<context>: unknown <kind> 'topK' (did you mean 'topk'?)"; NULLs among `names` are skipped. */
_Noreturn void raise_unknown(lua_State *L, const error_context *where, const char *kind,
                             const char *given, size_t given_size, const char *const *names,
                             size_t names_count);

/* The same for an option, which is also known by what other databases call it (synonyms.c). If no
 * name is near, all are listed: "<context>: unknown option 'x' (valid: 'a', 'b')". */
_Noreturn void raise_unknown_option(lua_State *L, const error_context *where, const char *given,
                                    size_t given_size, const char *const *names,
                                    size_t names_count);

/* "<context>: unknown <kind> 'x' (valid: 'flat', 'hnsw')", or what was meant as above. For kinds
 * with few names. */
_Noreturn void raise_unknown_word(lua_State *L, const error_context *where, const char *kind,
                                  const char *given, const char *const *names, size_t names_count);

/* Report a failed engine call: raise MV_MISUSE as "<call>: <text>"; for any other code push nil,
 * text, code and return 3. A text that begins with "filter:14:" is raised without "<call>: ". */
int push_failure(lua_State *L, const char *call, const mv_error *error);

/* Push true and return 1, or push_failure if `err` is not MV_OK. */
int push_outcome(lua_State *L, const char *call, mv_err err, const mv_error *error);

/* Raise "<what> has no 'search' (did you mean 'query'?)" if other databases call one of the
 * functions in the table at `functions` like the value at `key`. Returns otherwise, so that a
 * program can still look whether another function exists. */
void raise_if_synonym(lua_State *L, const char *what, int functions, int key);

/* For lua/moonvec: raise(message), raise_if_synonym(what, functions, key), and quote(text) -> the
 * text as mv_quote writes it. raise_own_folder() is called by load_core.lua: from then on, all
 * chunks in the folder of the calling chunk are part of moonvec, and errors name the line of their
 * caller. */
int raise_call(lua_State *L);
int raise_own_call(lua_State *L);
int raise_if_synonym_call(lua_State *L);
int raise_quote_call(lua_State *L);

#endif
