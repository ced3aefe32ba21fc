/* Elements of vectors: their sizes, and conversions from and to vectors as a program gives and gets
 * them. */
#ifndef MV_ELEMENT_H
#define MV_ELEMENT_H

#include "base/error.h"

/* Bytes of one element: 4, 2 or 1; 0 if `type` is no vector type. An element of vector_binary is a
 * byte of 8 bits; its `dim` counts bits, and is a multiple of 8. */
size_t element_size(mv_type type);
/* Number of elements of a vector. */
static inline size_t element_count(mv_type type, size_t dim)
{
    return type == MV_VECTOR_BINARY ? dim / 8 : dim;
}
/* Bytes of a stored vector. */
static inline size_t element_row_size(mv_type type, size_t dim)
{
    return element_count(type, dim) * element_size(type);
}

/* Element types counted from 0, which is the order of the tables of kernels and metrics. */
#define ELEMENT_TYPES 4u
static inline uint32_t element_index(mv_type type)
{
    return (uint32_t)type - (uint32_t)MV_VECTOR_FP32;
}

/* Convert `dim` floats, which need not be aligned, to elements of `type`, which is not
 * vector_binary. vector_fp16 takes numbers from -65,504 to 65,504, and rounds to nearest even.
 * vector_int8 takes whole numbers only. MV_MISUSE: a value is NaN, infinite, or not in the range of
 * the type; the error names its position (from 1) and the value, and `out` is undefined. */
mv_err element_from_floats(mv_type type, const void *floats, size_t dim, void *out,
                           mv_error *error);

/* Convert elements, which need not be aligned, to floats. The result is exact. */
void element_to_floats(mv_type type, const void *elements, size_t dim, float *out);

/* The same for any type. A vector as a program gives and gets it has mv_vector_size bytes: floats,
 * or the packed bits of vector_binary. */
mv_err element_from_given(mv_type type, const void *given, size_t dim, void *out, mv_error *error);
void element_to_given(mv_type type, const void *elements, size_t dim, void *given);

/* 1 / Euclidean length, summed in double. It is 0 for the zero vector only, and at most FLT_MAX for
 * very short vectors. Not for vector_binary. */
float element_inverse_norm(mv_type type, const void *elements, size_t dim);

/* Multiply all floats by the power of two that makes the Euclidean length 0.5 or more and less than
 * 1. The direction stays the same, exactly but for numbers that become subnormal. The zero vector
 * stays as it is. */
void element_scale_floats(float *floats, size_t dim);

#endif
