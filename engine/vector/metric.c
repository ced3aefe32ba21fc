/* The table of metrics, and the public functions for their names. */
#include "vector/metric.h"

#include <math.h>
#include <string.h>

#define METRIC_TYPE(type) (1u << ((type)-MV_VECTOR_FP32))
#define METRIC_OF_NUMBERS                                                                          \
    (METRIC_TYPE(MV_VECTOR_FP32) | METRIC_TYPE(MV_VECTOR_FP16) | METRIC_TYPE(MV_VECTOR_INT8))
#define METRIC_OF_BITS            METRIC_TYPE(MV_VECTOR_BINARY)
#define METRIC_QUANTIZE(quantize) (1u << (quantize))
#define METRIC_UNCODED            (METRIC_QUANTIZE(MV_QUANTIZE_AUTO) | METRIC_QUANTIZE(MV_QUANTIZE_NONE))
#define METRIC_FP16_CODES         (METRIC_UNCODED | METRIC_QUANTIZE(MV_QUANTIZE_FP16))
#define METRIC_ALL_CODES                                                                           \
    (METRIC_FP16_CODES | METRIC_QUANTIZE(MV_QUANTIZE_INT8) | METRIC_QUANTIZE(MV_QUANTIZE_INT4))

const metric_traits metric_table[METRIC_COUNT] = {
    [MV_L2] = {.name = "l2",
               .family = METRIC_L2,
               .finish = METRIC_AS_IS,
               .types = METRIC_OF_NUMBERS,
               .quantizes = METRIC_ALL_CODES,
               .has_zero = true,
               .is_squared = true,
               .code_squares = 1},
    [MV_IP] = {.name = "ip",
               .family = METRIC_DOT,
               .finish = METRIC_NEGATED,
               .types = METRIC_OF_NUMBERS,
               .quantizes = METRIC_ALL_CODES},
    [MV_COSINE] = {.name = "cosine",
                   .family = METRIC_DOT,
                   .finish = METRIC_ANGLE,
                   .types = METRIC_OF_NUMBERS,
                   .default_types = METRIC_OF_NUMBERS,
                   .quantizes = METRIC_ALL_CODES,
                   .has_norms = true,
                   .has_zero = true,
                   .is_squared = true, /* 1 - cosine is half the squared distance */
                   .code_squares = 0.5f,
                   .score_offset = 1},
    /* int8 and int4 codes estimate inner products, from which no absolute differences follow. */
    [MV_L1] = {.name = "l1",
               .family = METRIC_L1,
               .finish = METRIC_AS_IS,
               .types = METRIC_OF_NUMBERS,
               .quantizes = METRIC_FP16_CODES,
               .has_zero = true},
    [MV_HAMMING] = {.name = "hamming",
                    .family = METRIC_HAMMING,
                    .finish = METRIC_AS_IS,
                    .types = METRIC_OF_BITS,
                    .default_types = METRIC_OF_BITS,
                    .quantizes = METRIC_UNCODED,
                    .has_zero = true,
                    .is_squared = true}, /* of vectors of zeros and ones: |q - x|² */
};

mv_err metric_check_numbers(mv_metric metric, mv_type type, const void *given, size_t dim,
                            mv_error *error)
{
    if (metric_has_norms(metric) || type == MV_VECTOR_BINARY) return MV_OK;
    for (size_t i = 0; i < dim; i++) {
        float number;
        memcpy(&number, (const uint8_t *)given + i * sizeof number, sizeof number);
        if (!(fabsf(number) <= MV_VECTOR_NUMBER_MAX))
            return error_set(error, MV_MISUSE,
                             "number %zu of the vector is %.9g, metric %s takes numbers from "
                             "-1e15 to 1e15",
                             i + 1, (double)number, metric_table[metric].name);
    }
    return MV_OK;
}

const char *mv_metric_name(mv_metric metric)
{
    return (size_t)metric < METRIC_COUNT ? metric_table[metric].name : NULL;
}

bool mv_metric_from_name(const char *name, size_t size, mv_metric *metric)
{
    for (size_t i = 1; i < METRIC_COUNT; i++) {
        const char *own = metric_table[i].name;
        if (strlen(own) != size || memcmp(own, name, size) != 0) continue;
        *metric = (mv_metric)i;
        return true;
    }
    return false;
}

mv_metric mv_metric_default(mv_type type)
{
    size_t metric = METRIC_COUNT - 1;
    while (metric &&
           !(element_size(type) && metric_table[metric].default_types >> element_index(type) & 1))
        metric--;
    return (mv_metric)metric;
}
