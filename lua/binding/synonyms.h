/* What other vector databases call the things of moonvec, for "did you mean". */
#ifndef MV_SYNONYMS_H
#define MV_SYNONYMS_H

#include "lua_compat.h"

/* The option or word among `names` that other databases call `given`; NULL: none. NULL entries are
 * skipped. */
const char *synonyms_find(const char *given, const char *const *names, size_t names_count);

/* The function or method that other databases call `given`, among the keys of the table at `index`;
 * NULL: none. */
const char *synonyms_find_function(lua_State *L, int index, const char *given);

#endif
