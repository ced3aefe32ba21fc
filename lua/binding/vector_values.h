/* Values that are vectors, Lua -> engine and back: sparse vectors, and several vectors in a field.
 * For the engine both are values of scalar fields.
 *
 * A sparse vector is a table of numbers by index, { [17] = 0.4, [29] = 1.2 }, or a packed string:
 * of n entries the n indexes, u32, then the n numbers, float32, all little-endian. An index is a
 * whole number from 0 to 2^32 - 1. */
#ifndef MV_VECTOR_VALUES_H
#define MV_VECTOR_VALUES_H

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
/* Read the several vectors at `index` into `scratch`: an array of vectors of any form, or a packed
 * string of all of them, one after the other. Raises if one has not `dim` numbers. */
void read_multi(lua_State *L, int index, const error_context *where, uint32_t dim,
                number_scratch *scratch, mv_multi *out);
/* Push the array of vectors, as tables or as packed strings. */
void push_multi(lua_State *L, const mv_multi *multi, uint32_t dim, bool as_tables);

/* Push the table. */
void push_sparse(lua_State *L, const mv_sparse *sparse);

/* Is it a field of vectors, though a scalar field for the engine? */
static inline bool is_field_of_vectors(const mv_field_options *field)
{
    return field->type == MV_SPARSE_FP32 || field->type == MV_MULTI_FP32;
}

/* Read the value of a field: vectors into `scratch`, others as by read_value. */
void read_field_value(lua_State *L, int index, const error_context *where,
                      const mv_field_options *field, mv_value *value, value_scratch *values,
                      number_scratch *scratch);

/* moonvec.pack_sparse and moonvec.unpack_sparse. */
int sparse_pack(lua_State *L);
int sparse_unpack(lua_State *L);

#endif
