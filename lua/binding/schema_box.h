/* Schemas: Lua table -> mv_schema, and mv_schema -> Lua table with all defaults filled in. */
#ifndef MV_SCHEMA_BOX_H
#define MV_SCHEMA_BOX_H

#include "raise.h"

/* Create the schema described by the table at `index`, and push the userdata that owns it. Raises
 * on the first mistake. NULL: the engine failed (no memory), `error` is filled. */
const mv_schema *schema_read(lua_State *L, int index, mv_error *error);

/* The same for a schema of only the field, scalar or vector, that the table at `index` describes.
 */
const mv_schema *schema_read_one(lua_State *L, int index, mv_error *error);

/* Push the description of a schema, in the form that schema_read takes, with every option present.
 */
void schema_push(lua_State *L, const mv_schema *schema);

int schema_call(lua_State *L); /* moonvec.schema(table) */

/* Create the metatable of schemas. */
void schema_register(lua_State *L);

#endif
