/* Elements of vectors: how wide they are and how they turn into float and back. */
#ifndef MV_ELEMENT_H
#define MV_ELEMENT_H

#include "base/error.h"

/* Bytes of one element: 4, 2 or 1; 0 when `type` is no vector type. */
size_t element_size(mv_type type);

/* The types of elements count from 0: the tables of kernels and metrics are in this order. */
#define ELEMENT_TYPES 3u
static inline uint32_t element_index(mv_type type)
{
    return (uint32_t)type - (uint32_t)MV_VECTOR_FP32;
}

/* Copy `dim` floats (unaligned is fine) to elements of `type`. A value that the type cannot hold,
 * NaN or infinity is MV_MISUSE, naming its position (from 1) and value; `out` is then undefined.
 * vector_fp16 takes up to 65,504 and rounds to nearest even; vector_int8 takes whole numbers only.
 */
mv_err element_from_floats(mv_type type, const void *floats, size_t dim, void *out,
                           mv_error *error);

/* The reverse, exact. `elements` need not be aligned. */
void element_to_floats(mv_type type, const void *elements, size_t dim, float *out);

/* 1 / Euclidean length, summed in double; 0 for the zero vector only. It is finite: lengths below
 * 1 / FLT_MAX count as that. */
float element_inverse_norm(mv_type type, const void *elements, size_t dim);

#endif
