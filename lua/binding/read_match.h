/* Full-text queries built by moonvec.text -> mv_match. */
#ifndef MV_READ_MATCH_H
#define MV_READ_MATCH_H

#include "raise.h"

/* Name in the registry of the metatable of full-text queries. */
#define MATCH_TYPE "moonvec.match"

/* The query at `index`, which is_built(L, index, MATCH_TYPE) is true for. Pushes the block of its
 * nodes, which must stay on the stack while it is used. The texts are lent by Lua. Raises if a
 * program has put something else in its tables; the engine checks whether the nodes are a tree. */
void read_match(lua_State *L, int index, const error_context *where, mv_match *match);

#endif
