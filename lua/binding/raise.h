/* How calls fail. A mistake of the calling program raises, with the line of the program; what the
 * world did comes back as nil, text, code. */
#ifndef MV_RAISE_H
#define MV_RAISE_H

#include "lua_compat.h"
#include "moonvec.h"

/* Where in the arguments a value stands, for messages: "insert: document 'dune': field 'year':
 * ...". Members that do not apply are NULL or 0. */
typedef struct error_context {
    const char *call;     /* "insert" */
    const char *document; /* id */
    const char *field;    /* name */
    size_t argument;      /* of a filter, from 1 */
} error_context;

/* Raise `format`, preceded by file and line of the nearest caller outside of moonvec. */
_Noreturn void raise_misuse(lua_State *L, const char *format, ...) LUA_PRINTF(2, 3);

/* The same, preceded by the place. */
_Noreturn void raise_at(lua_State *L, const error_context *where, const char *format, ...)
    LUA_PRINTF(3, 4);

/* "<place>: unknown <kind> 'topK' (did you mean 'topk'?)"; NULLs among `names` are skipped. */
_Noreturn void raise_unknown(lua_State *L, const error_context *where, const char *kind,
                             const char *given, const char *const *names, size_t names_count);

/* "<place>: unknown <kind> 'ivf' (valid: 'flat', 'hnsw')", or with the nearest, as above. For kinds
 * with few names. */
_Noreturn void raise_unknown_word(lua_State *L, const error_context *where, const char *kind,
                                  const char *given, const char *const *names, size_t names_count);

/* The answer to an engine call that failed: pushes nil, text, code and returns 3, or raises
 * MV_MISUSE as
 * "<call>: <text>" ("filter:14: ..." stays as it is: it says where by itself). */
int push_failure(lua_State *L, const char *call, const mv_error *error);

/* raise(message) for the Lua half. */
int raise_call(lua_State *L);

#endif
