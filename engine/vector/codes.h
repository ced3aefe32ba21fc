/* Codes: what a graph measures distances with.
 *
 * A codes_vectors is a column as stored. A codes_column is what stands for it in a graph: the
 * stored vectors themselves (MV_QUANTIZE_NONE), a copy as vector_fp16, int8 codes, or int4 codes.
 *
 * int8 codes are locally adaptive (LVQ: Aguerrebere et al., arXiv 2304.04759): the mean of the
 * column is taken off (after normalizing, if the metric has norms), and what is left is divided by
 * a scale of its own for each vector, so that its largest number becomes 127. One scale for all
 * would spend most of the 8 bits on a few large values. A distance is then one integer inner
 * product and a multiplication:
 *
 *   l2       |q - x|²      = |q|² + |x|² - 2 <q, x>
 *   cosine   1 - <q, x>    = |q - x|² / 2, both normalized
 *   ip       -<q + mean, x + mean> = -<q, x> - <mean, x> - <q, mean> - <mean, mean>
 *
 * x and q being the decoded ones: that the lengths belong to the codes, not to the vectors they
 * stand for, makes the error of a distance shrink with the distance.
 *
 * An int4 code is the upper half of each number of an int8 code c: h = (c + 128) / 16, which stands
 * for the number 2h - 15. Its scale is such that the inner product with the int8 code it was made
 * of is that one's square, so that what is nearer to a vector than others seems neither farther nor
 * nearer for the codes' lengths; the bias is that of the int8 code. */
#ifndef MV_CODES_H
#define MV_CODES_H

#include "vector/distance.h"

/* A vector column as stored. */
typedef struct codes_vectors {
    mv_type type;
    mv_metric metric;
    uint32_t dim;
    uint32_t rows;
    const uint8_t *base;
    size_t stride;
    const float *inverse_norms; /* NULL: the metric has none */
} codes_vectors;

/* What an int8 or int4 code is to be multiplied with, and what its distances begin with. It lies
 * behind the code, where it comes with the code's last cache line. On disk as is. */
typedef struct codes_scale {
    float scale;
    float bias;
} codes_scale;

typedef struct codes_column {
    mv_quantize quantize; /* never AUTO */
    const codes_vectors *vectors;
    const uint8_t *base; /* of codes: of the vectors themselves under NONE */
    size_t stride;
    const float *mean; /* INT8 and INT4: dim numbers */
} codes_column;

/* Bytes from one code to the next: int8 and int4 codes are packed, at a multiple of four bytes.
 * Filled up to whole cache lines they were no faster on 100 to 784 dims, and took up to 28 % more
 * space. */
size_t codes_stride(mv_quantize quantize, const codes_vectors *vectors);
/* Bytes of all codes: kernels read int8 and int4 codes in whole vectors, so something has to lie
 * behind the last. 0 under NONE. */
uint64_t codes_size(mv_quantize quantize, const codes_vectors *vectors);

/* The numbers of row `row`, as float, normalized if the metric has norms. Not of vector_binary. */
void codes_vector_of_row(const codes_vectors *vectors, uint32_t row, float *out);

/* The mean of the column: of a sample of at most 8,192 rows. `scratch` has room for dim floats. */
void codes_find_mean(const codes_vectors *vectors, float *mean, float *scratch);

/* Make the code of row `row` in `code` (stride bytes, aligned to 4). `scratch` has room for dim
 * floats. False: the type has no code for it (fp16 beyond its range). Not for INT4: */
bool codes_encode(mv_quantize quantize, const codes_vectors *vectors, const float *mean,
                  uint32_t row, uint8_t *code, float *scratch);
/* What the code of row `row` loses: the squared length of the difference between the row and what
 * the code stands for. Infinite when the type has no code for it. `quantize` is FP16 or INT8,
 * `code` and `numbers` are scratch for codes_encode. */
double codes_loss(mv_quantize quantize, const codes_vectors *vectors, const float *mean,
                  uint32_t row, uint8_t *code, float *numbers);
/* Make the int4 code of an int8 code (each aligned to 4). */
void codes_as_int4(const codes_vectors *vectors, const uint8_t *code, uint8_t *half);
/* The scale of an int8 code. */
const codes_scale *codes_scale_of(const codes_vectors *vectors, const uint8_t *code);

/* A query, prepared for a column. */
typedef struct codes_query {
    const codes_column *column;
    distance_codes_fn dot; /* INT8 and INT4 */
    const int8_t *code;
    int32_t total; /* of the code's numbers */
    float multiplier;
    float bias;
    size_t code_size;      /* bytes of a row's code that are read */
    distance_query stored; /* NONE and FP16 */
} codes_query;

/* Bytes that a prepared query needs: `memory` below, aligned to 64, which must live as long. */
size_t codes_query_size(const codes_column *column);
/* Prepare for a vector as it is given, floats aligned, that distance_prepare has accepted for
 * the stored vectors. */
void codes_prepare(codes_query *query, const codes_column *column, const void *vector,
                   void *memory);
/* Prepare for row `row` of the column itself. */
void codes_prepare_row(codes_query *query, const codes_column *column, uint32_t row, void *memory);

/* Distances to rows, in the scale of the metric (distance.h), never NaN. Rows must be in the
 * column. What will be read for rows to come is prefetched. */
void codes_to_rows(const codes_query *query, const uint32_t *rows, uint32_t count, float *out);

#endif
