/* Lua -> vectors: a table of numbers, a string of packed little-endian float32, or a
 * moonvec.vector. A vector_binary is a table or moonvec.vector of zeros and ones, or a string of
 * packed bits. */
#ifndef MV_READ_VECTORS_H
#define MV_READ_VECTORS_H

#include "owned_box.h"

typedef struct vector_box {
    size_t dim;
    float numbers[];
} vector_box;

#define VECTOR_TYPE "moonvec.vector"

/* The vector at `index` for `field`, as the engine takes it (mv_vector_size bytes), not necessarily
 * aligned. It is lent by Lua, or written into `scratch`. Raises with both numbers if the size is
 * wrong.
 */
const void *read_vector(lua_State *L, int index, const error_context *where,
                        const mv_vector_options *field, number_scratch *scratch);

/* Read a vector of any dimension: vector_size returns the dimension, vector_copy writes that many
 * floats to `out`. */
size_t vector_size(lua_State *L, int index, const error_context *where);
void vector_copy(lua_State *L, int index, const error_context *where, float *out, size_t dim);

#endif
