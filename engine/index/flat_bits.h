/* Codes of 1 bit a dimension, which bound distances before the int8 codes of flat_codes.h do: they
 * take an eighth of the bytes.
 *
 * They are those of RaBitQ (Gao and Long, arXiv 2405.12497), without centroids. Vectors are rotated
 * by one rotation, which was drawn at random, and each of its numbers becomes the bit of its sign.
 * For a query q, a row x, and the vector s of the signs of the rotated x,
 *
 *   <q, x> ≈ <rotated q, s> |x|² / <rotated x, s>
 *
 * Over random rotations the error has a deviation of at most
 *
 *   |q| |x| tan(angle of rotated x and s) / sqrt(dims - 1)
 *
 * The bounds allow FLAT_BITS_DEVIATIONS of them. A normal error is larger for 3 rows in 100,000,
 * which are then left out if their bound is also above the distance of the farthest of the nearest
 * rows found so far.
 * Measured with 100,000 rows of 768 dims in clusters and 100 queries of each of five kinds: the
 * bound was above the distance for 3 to 10 rows in 10 millions, none of which was among the ten
 * nearest.
 *
 * The rotated query is rounded to int8, so that its inner product with signs is a sum of bytes. */
#ifndef MV_FLAT_BITS_H
#define MV_FLAT_BITS_H

#include "vector/distance.h"

#define FLAT_BITS_DEVIATIONS 4.0f

/* What the distance to a row needs beside its bits. */
typedef struct flat_bits_scale {
    float multiplier; /* |x|² / <rotated x, s> */
    float deviation;  /* of the estimated <q, x>, for |q| = 1; infinite: nothing is known */
    float squares;    /* |x|² */
} flat_bits_scale;

/* The codes of up to `rows` rows, in memory of the caller. */
typedef struct flat_bits {
    uint32_t dim; /* of the vectors */
    uint32_t rows;
    float code_squares; /* metric_code_squares of the metric */
    uint8_t *base;
    flat_bits_scale *scales;
} flat_bits;

/* Are such codes of `dim` dims worth it? */
bool flat_bits_can(uint32_t dim);
/* Begin with no row encoded. fb->dim and fb->rows are set; `memory` has flat_bits_size bytes,
 * aligned to 4. */
size_t flat_bits_size(const flat_bits *fb);
void flat_bits_begin(flat_bits *fb, uint8_t *memory);
/* Floats of the scratch memory that flat_bits_encode and flat_bits_prepare take. */
uint32_t flat_bits_scratch(uint32_t dim);
/* Encode the numbers of a vector, normalized if the metric has norms, as row `row`. */
void flat_bits_encode(flat_bits *fb, uint32_t row, const float *numbers, float *scratch);
/* Copy row `from_row` of `from`, of vectors of the same kind. */
void flat_bits_copy(flat_bits *fb, uint32_t row, const flat_bits *from, uint32_t from_row);

/* A query, prepared for codes of one field. */
typedef struct flat_bits_query {
    const int8_t *code; /* of the rotated query */
    int32_t total;      /* sum of the numbers of `code` */
    float scale;        /* a number of the rotated query is scale × its number in `code` */
    float length;       /* |q| */
    float loss;         /* what the code lost: |rotated q - scale × code| */
} flat_bits_query;

/* Bytes of `code`, memory of the caller that lives as long as the query. */
size_t flat_bits_code_size(uint32_t dim);
/* Prepare the query for the numbers of a vector, normalized if the metric has norms. */
void flat_bits_prepare(flat_bits_query *q, uint32_t dim, const float *numbers, int8_t *code,
                       float *scratch);
/* Lower bounds of the distances to encoded rows, but for the chance said above. NaN: nothing is
 * known. */
void flat_bits_bounds(const flat_bits_query *q, const flat_bits *fb, const uint32_t *rows,
                      uint32_t count, float *bounds);

#endif
