/* moonvec.vector, a vector that is read once and used many times, and packed strings. */
#ifndef MV_VECTOR_BOX_H
#define MV_VECTOR_BOX_H

#include "read_vectors.h"

int vector_create(lua_State *L); /* moonvec.vector(v) */
int vector_pack(lua_State *L);   /* moonvec.pack(v), v:pack() */
int vector_unpack(lua_State *L); /* moonvec.unpack(v), v:table() */

/* Create the metatable of vectors. */
void vector_register(lua_State *L);

/* Push a vector as the engine gives it (mv_vector_size bytes of `type`), as a table of numbers or
 * as a packed string. */
void vector_push(lua_State *L, mv_type type, const void *given, size_t dim, bool as_table);

#endif
