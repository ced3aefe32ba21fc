/* Indexes of fields: Lua tables -> mv_index_options and back, by what the engine tells of each type
 * (mv_index_info_at): a new type of dense vectors or of scalar fields needs nothing here. */
#ifndef MV_INDEX_OPTIONS_H
#define MV_INDEX_OPTIONS_H

#include "raise.h"

/* Read the index at stack place `index`, for a vector field or a scalar field: the name of a type,
 * or a table with it as `type`, and options. Nil: type MV_INDEX_NONE. */
mv_index_options index_read(lua_State *L, int index, const error_context *where, bool of_vectors);
/* The same of a field of sparse vectors: "sparse", which is the default, or "flat", which is none.
 */
mv_index_options index_read_sparse(lua_State *L, int index, const error_context *where);

/* Push { type = ..., and the options }. */
void index_push(lua_State *L, const mv_index_options *options);

/* Push what c:stats().indexes[field] is. */
void index_push_stats(lua_State *L, const mv_index_stats *stats);

#endif
