/* Elements of vectors: how wide they are, and how they become what a program gives and gets. */
#ifndef MV_ELEMENT_H
#define MV_ELEMENT_H

#include "base/error.h"

/* Bytes of one element: 4, 2 or 1; 0 when `type` is no vector type. An element of vector_binary is
 * a byte of 8 bits; `dim` counts bits then, and is a multiple of 8. */
size_t element_size(mv_type type);
/* Elements of a vector, */
static inline size_t element_count(mv_type type, size_t dim)
{
    return type == MV_VECTOR_BINARY ? dim / 8 : dim;
}
/* and its bytes. */
static inline size_t element_row_size(mv_type type, size_t dim)
{
    return element_count(type, dim) * element_size(type);
}

/* The types of elements count from 0: the tables of kernels and metrics are in this order. */
#define ELEMENT_TYPES 4u
static inline uint32_t element_index(mv_type type)
{
    return (uint32_t)type - (uint32_t)MV_VECTOR_FP32;
}

/* Copy `dim` floats (unaligned is fine) to elements of `type`, which is not vector_binary. A value
 * that the type cannot hold, NaN or infinity is MV_MISUSE, naming its position (from 1) and value;
 * `out` is then undefined. vector_fp16 takes up to 65,504 and rounds to nearest even; vector_int8
 * takes whole numbers only. */
mv_err element_from_floats(mv_type type, const void *floats, size_t dim, void *out,
                           mv_error *error);

/* The reverse, exact. `elements` need not be aligned. */
void element_to_floats(mv_type type, const void *elements, size_t dim, float *out);

/* The same for any type: from and to what a program gives and gets, which is mv_vector_size bytes:
 * floats, or the packed bits of vector_binary. */
mv_err element_from_given(mv_type type, const void *given, size_t dim, void *out, mv_error *error);
void element_to_given(mv_type type, const void *elements, size_t dim, void *given);

/* 1 / Euclidean length, summed in double; 0 for the zero vector only. It is finite: lengths below
 * 1 / FLT_MAX count as that. Not for vector_binary. */
float element_inverse_norm(mv_type type, const void *elements, size_t dim);

#endif
