/* Codes: compressed copies of vectors, with which a graph measures distances.
 *
 * A codes_vectors is a column as stored. A codes_column is the representation of that column in a
 * graph: the stored vectors (MV_QUANTIZE_NONE), copies as vector_fp16, int8 codes or int4 codes.
 *
 * int8 codes are locally adaptive (LVQ: Aguerrebere et al., arXiv 2304.04759). The vector is
 * normalized if the metric has norms, the mean of the column is subtracted, and the result is
 * divided by a scale of its own for each vector, so that its largest number becomes 127 or -127.
 * One scale for all vectors would spend most of the 8 bits on a few large values. A distance is one
 * integer inner product <q, x> of decoded codes, and a multiplication:
 *
 *   l2       |q - x|²      = |q|² + |x|² - 2 <q, x>
 *   cosine   1 - <q, x>    = |q - x|² / 2, both normalized
 *   ip       -<q + mean, x + mean> = -<q, x> - <mean, x> - <q, mean> - <mean, mean>
 *
 * |q| and |x| are the lengths of the decoded codes, not of the vectors. With these lengths the
 * error of a distance shrinks with the distance.
 *
 * An int4 code has the upper 4 bits of each number c of an int8 code: u = (c + 128) / 16, from 0 to
 * 15, which is decoded as 2u - 15. Its scale is chosen so that the inner product of the int4 code
 * and its int8 code is the squared length of the int8 code. So the estimate is not biased by the
 * length of the int4 code. Its bias (codes_scale) is that of the int8 code.
 *
 * The bytes of a code, in memory and in files. Codes follow each other, codes_stride bytes apart.
 *
 *   code    offset                   size       meaning
 *   int8    0                        dim        numbers from -127 to 127, one byte each
 *           dim rounded up to 4      8          codes_scale
 *   int4    0                        n          byte i: number i in the lower 4 bits, number n + i
 *                                               in the upper 4 bits
 *           n = (dim + 7) / 8 × 4    8          codes_scale
 *   fp16    0                        2 × dim    IEEE 754 halves */
#ifndef MV_CODES_H
#define MV_CODES_H

#include "vector/distance.h"

#define CODES_LINE             64u  /* bytes of a cache line */
#define CODES_PREFETCHED_BYTES 512u /* of long codes */

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

/* Follows the numbers of an int8 or int4 code, so that it is read with their last cache line. */
typedef struct codes_scale {
    float scale; /* a decoded number is scale × the number of the code */
    float bias;  /* the term of a distance that depends on this code alone */
} codes_scale;

static_assert(sizeof(codes_scale) == 8, "a scale has 8 bytes on disk");

typedef struct codes_column {
    mv_quantize quantize; /* never AUTO */
    const codes_vectors *vectors;
    const uint8_t *base; /* of the codes; of the vectors under NONE */
    size_t stride;       /* bytes from one code to the next */
    const float *mean;   /* INT8 and INT4: dim numbers */
} codes_column;

/* Bytes from one code to the next. int8 and int4 codes begin at multiples of four bytes. Padded to
 * whole cache lines they were no faster on 100 to 784 dims, and took up to 28 % more space. */
size_t codes_stride(mv_quantize quantize, const codes_vectors *vectors);
/* Bytes of all codes. Kernels read int8 and int4 codes by whole SIMD vectors, so the last code is
 * followed by padding. 0 under NONE. */
uint64_t codes_size(mv_quantize quantize, const codes_vectors *vectors);

/* The numbers of row `row` as floats, normalized if the metric has norms. Not for vector_binary. */
void codes_vector_of_row(const codes_vectors *vectors, uint32_t row, float *out);

/* The mean of the column, computed from a sample of codes_mean_rows rows, at most 8,192. Of these
 * [begin, end) are added to it: pieces come in order. `scratch` is dim floats. */
uint32_t codes_mean_rows(const codes_vectors *vectors);
void codes_find_mean(const codes_vectors *vectors, uint32_t begin, uint32_t end, float *mean,
                     float *scratch);

/* Encode row `row` as FP16 or INT8 into `code` (codes_stride bytes, aligned to 4). `scratch` is dim
 * floats, and has the numbers of codes_vector_of_row afterwards. False: a number is out of the
 * range of fp16. */
bool codes_encode(mv_quantize quantize, const codes_vectors *vectors, const float *mean,
                  uint32_t row, uint8_t *code, float *scratch);
/* The quantization error of row `row`: the squared distance between the row and its decoded code.
 * Infinite if codes_encode fails. `quantize` is FP16 or INT8; `code` and `numbers` are as for
 * codes_encode. */
double codes_loss(mv_quantize quantize, const codes_vectors *vectors, const float *mean,
                  uint32_t row, uint8_t *code, float *numbers);
/* Make the int4 code of an int8 code (both aligned to 4). */
void codes_as_int4(const codes_vectors *vectors, const uint8_t *int8_code, uint8_t *int4_code);
/* The scale of an int8 code. */
const codes_scale *codes_scale_of(const codes_vectors *vectors, const uint8_t *code);

/* A query, prepared for a column. */
typedef struct codes_query {
    const codes_column *column;
    distance_codes_fn dot; /* INT8 and INT4; NULL under NONE and FP16 */
    const int8_t *code;    /* of the query, as `dot` takes it */
    int32_t total;         /* sum of the numbers of `code` */
    float multiplier;      /* of <code, row's code> × the row's scale */
    float bias;            /* the term of a distance that depends on the query alone */
    size_t code_size;      /* bytes of a row's code that are read */
    distance_query stored; /* NONE and FP16 */
} codes_query;

/* Bytes of `memory` for a prepared query. The memory must be aligned to 64 and live as long as the
 * query. */
size_t codes_query_size(const codes_column *column);
/* Prepare the query for a vector as a program gives it (element.h), floats aligned.
 * distance_prepare must have accepted the vector for the stored vectors. */
void codes_prepare(codes_query *query, const codes_column *column, const void *vector,
                   void *memory);
/* Prepare the query for row `row` of the column. */
void codes_prepare_row(codes_query *query, const codes_column *column, uint32_t row, void *memory);

/* Distances to `count` rows of the column, as the metric has them (distance.h), never NaN. The
 * codes of later rows are prefetched while earlier ones are measured. */
void codes_to_rows(const codes_query *query, const uint32_t *rows, uint32_t count, float *out);
/* The same after codes_prefetch_rows, with other work in between that gives the codes time to
 * arrive. */
void codes_to_prefetched_rows(const codes_query *query, const uint32_t *rows, uint32_t count,
                              float *out);

/* Prefetch the cache lines of the codes of `count` rows, or of the beginning of long codes: the
 * processor prefetches the rest itself. */
static MV_ALWAYS_INLINE void codes_prefetch_rows(const codes_query *query, const uint32_t *rows,
                                                 uint32_t count)
{
    const codes_column *column = query->column;
    const float *inverse_norms = query->dot ? NULL : column->vectors->inverse_norms;
    size_t stride = column->stride,
           size = stride <= DISTANCE_WHOLE_CODES ? stride : CODES_PREFETCHED_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *code = column->base + rows[i] * stride;
        size_t before = (uintptr_t)code % CODES_LINE;
        for (size_t at = 0; at < before + size; at += CODES_LINE) MV_PREFETCH(code - before + at);
        if (inverse_norms) MV_PREFETCH(&inverse_norms[rows[i]]);
    }
}

#endif
