/* The hits of a query -> Lua. */
#ifndef MV_PUSH_HITS_H
#define MV_PUSH_HITS_H

#include "query_args.h"

/* Push the hits of a result: an array of hits, or with `vectors` an array of such arrays. The table
 * at args->into is reused, with the tables in it. On failure `error` is filled, and the stack may
 * hold unfinished tables. */
mv_err push_hits(lua_State *L, result_box *box, const query_args *args, mv_error *error);

#endif
