/* What a collection forgets by itself, as options in Lua: of a schema, and of `alter`. */
#ifndef MV_RETENTION_OPTIONS_H
#define MV_RETENTION_OPTIONS_H

#include "raise.h"

/* The names of the options, for check_options. */
#define RETENTION_OPTIONS       4
#define RETENTION_OPTIONS_NAMES "expires", "max_documents", "max_bytes", "evict"

/* Read the options whose values are on the stack from `at` on. One that is nil leaves *retention as
 * it is; false takes away what it has. Strings are lent by Lua. */
void retention_read(lua_State *L, int at, const char *call, mv_retention *retention);

/* Set the options that are in use in the table on top. */
void retention_set(lua_State *L, const mv_retention *retention);

#endif
