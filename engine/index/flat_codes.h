/* Codes for the exact scan of rows that have no graph: int8 copies of the vectors, and how far each
 * copy is from its vector. They bound each distance from below, so that the scan reads a quarter of
 * the bytes, and the vectors only of rows that may be among the nearest. Its hits are those of
 * flat_search, unless bits are used.
 *
 * For a query q and a row x, decoded from their codes as q' and x':
 *
 *   l2       |q - x| >= |q' - x'| - |q - q'| - |x - x'|           the triangle inequality
 *   cosine   |q - x|² / 2, both normalized
 *   ip       <q, x> <= <q', x'> + |q| |x - x'| + |x'| |q - q'|    the Cauchy-Schwarz inequality
 *
 * Beside them each row has a code of 1 bit a dimension (flat_bits.h), for searches that need not be
 * exact. */
#ifndef MV_FLAT_CODES_H
#define MV_FLAT_CODES_H

#include "index/flat_bits.h"
#include "vector/codes.h"

/* What a code lost. */
typedef struct flat_code_error {
    float loss;   /* at least |x - x'|; infinite: the row must be measured */
    float length; /* |x'| */
} flat_code_error;

/* The codes of up to vectors.rows rows, in memory of the caller. It must not be moved. */
typedef struct flat_codes {
    codes_vectors vectors; /* type, metric, dim, rows */
    bool wants_bits;       /* searches of this field need not be exact */
    codes_column column;   /* int8 */
    flat_code_error *errors;
    flat_bits bits; /* rows 0: not wanted, or too few dims */
} flat_codes;

/* Are there such codes of vectors of this kind, and are they worth it? */
bool flat_codes_can(mv_type type, mv_metric metric, uint32_t dim);
/* Begin with no row encoded. `memory` has flat_codes_size bytes, aligned to 16. fc->vectors has the
 * type, metric, dim and rows, and fc->wants_bits is set. */
size_t flat_codes_size(const flat_codes *fc);
void flat_codes_begin(flat_codes *fc, uint8_t *memory);
/* Floats of the scratch memory that flat_codes_encode takes. */
size_t flat_codes_scratch(uint32_t dim);
/* Encode a stored vector as row `row`. */
void flat_codes_encode(flat_codes *fc, uint32_t row, const void *elements, float inverse_norm,
                       float *scratch);
/* Copy row `from_row` of `from`, of vectors of the same kind. */
void flat_codes_copy(flat_codes *fc, uint32_t row, const flat_codes *from, uint32_t from_row);

/* A query, prepared for codes of one field. */
typedef struct flat_codes_query {
    codes_query query;
    float loss;           /* at least |q - q'| */
    float length;         /* at least |q| */
    float decoded_length; /* |q'| */
    float *numbers;       /* of q, normalized if the metric has norms */
    flat_bits_query bits; /* flat_codes_prepare_bits */
} flat_codes_query;

/* Bytes of `memory` for a prepared query, aligned to 64; it must live as long as the query. */
size_t flat_codes_query_size(const flat_codes *fc);
/* Prepare the query for a vector as a program gives it, which distance_prepare has accepted. */
void flat_codes_prepare(flat_codes_query *q, const flat_codes *fc, const void *vector,
                        void *memory);
/* Prepare the query for the bits of these codes, too. */
void flat_codes_prepare_bits(flat_codes_query *q, const flat_codes *fc);
/* A lower bound of the distance to each of `count` encoded rows. It may be NaN: then nothing is
 * known. `fc` has the same kind of vectors as the one that the query was prepared for. */
void flat_codes_bounds(const flat_codes_query *q, const flat_codes *fc, const uint32_t *rows,
                       uint32_t count, float *bounds);

#endif
