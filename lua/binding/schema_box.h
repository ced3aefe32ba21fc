/* Schemas: a Lua table -> mv_schema, and back, completed. */
#ifndef MV_SCHEMA_BOX_H
#define MV_SCHEMA_BOX_H

#include "raise.h"

/* Build the schema described by the table at `index` and push the userdata that owns it. Raises on
 * the first mistake. NULL: the engine failed (no memory), `error` is filled. */
const mv_schema *schema_read(lua_State *L, int index, mv_error *error);

/* The same with the one field described by the table at `index`, scalar or vector as its type says.
 */
const mv_schema *schema_read_one(lua_State *L, int index, mv_error *error);

/* Push the description of a schema: what schema_read takes, with nothing left out. */
void schema_push(lua_State *L, const mv_schema *schema);

int schema_call(lua_State *L); /* moonvec.schema(table) */

/* Make the metatable. */
void schema_register(lua_State *L);

#endif
