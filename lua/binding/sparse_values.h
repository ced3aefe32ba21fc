/* Sparse vectors, Lua -> engine and back: a table of numbers by index, { [17] = 0.4, [29] = 1.2 },
 * or a packed string: of n entries the n indexes, u32, then the n numbers, float32, all
 * little-endian. An index is a whole number from 0 to 2^32 - 1. */
#ifndef MV_SPARSE_VALUES_H
#define MV_SPARSE_VALUES_H

#include "owned_box.h"
#include "read_values.h"

/* Read a sparse vector of any form: sparse_size returns the number of entries, sparse_copy writes
 * them to two arrays of that size. Raises if it is none. */
size_t sparse_size(lua_State *L, int index, const error_context *where);
void sparse_copy(lua_State *L, int index, const error_context *where, uint32_t *indices,
                 float *numbers);
/* Read the sparse vector at `index` into `scratch`. */
void read_sparse(lua_State *L, int index, const error_context *where, number_scratch *scratch,
                 mv_sparse *out);
/* Push the table. */
void push_sparse(lua_State *L, const mv_sparse *sparse);

/* Read the value of a field of type `type`: a sparse vector into `scratch`, another one as by
 * read_value. */
void read_field_value(lua_State *L, int index, const error_context *where, mv_type type,
                      mv_value *value, value_scratch *values, number_scratch *scratch);

/* moonvec.pack_sparse and moonvec.unpack_sparse. */
int sparse_pack(lua_State *L);
int sparse_unpack(lua_State *L);

#endif
