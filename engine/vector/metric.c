/* The table of metrics, and their names for those who use the library. */
#include "vector/metric.h"

#include <string.h>

#define TYPE(type)     (1u << ((type)-MV_VECTOR_FP32))
#define NUMBER_TYPES   (TYPE(MV_VECTOR_FP32) | TYPE(MV_VECTOR_FP16) | TYPE(MV_VECTOR_INT8))
#define QUANTIZE(way)  (1u << (way))
#define WITHOUT_CODES  (QUANTIZE(MV_QUANTIZE_AUTO) | QUANTIZE(MV_QUANTIZE_NONE))
#define WITH_FP16      (WITHOUT_CODES | QUANTIZE(MV_QUANTIZE_FP16))
#define WITH_ALL_CODES (WITH_FP16 | QUANTIZE(MV_QUANTIZE_INT8) | QUANTIZE(MV_QUANTIZE_INT4))

const metric_traits metric_table[] = {
    [MV_L2] = {.name = "l2",
               .family = METRIC_L2,
               .finish = METRIC_AS_IS,
               .types = NUMBER_TYPES,
               .quantizes = WITH_ALL_CODES,
               .has_zero = true,
               .is_squared = true,
               .code_squares = 1},
    [MV_IP] = {.name = "ip",
               .family = METRIC_DOT,
               .finish = METRIC_NEGATED,
               .types = NUMBER_TYPES,
               .quantizes = WITH_ALL_CODES},
    [MV_COSINE] = {.name = "cosine",
                   .family = METRIC_DOT,
                   .finish = METRIC_ANGLE,
                   .types = NUMBER_TYPES,
                   .default_types = NUMBER_TYPES,
                   .quantizes = WITH_ALL_CODES,
                   .has_norms = true,
                   .has_zero = true,
                   .is_squared = true, /* 1 - cosine is half the squared distance */
                   .code_squares = 0.5f,
                   .score_offset = 1},
};

#define METRICS (sizeof metric_table / sizeof *metric_table)

const char *mv_metric_name(mv_metric metric)
{
    return (size_t)metric < METRICS ? metric_table[metric].name : NULL;
}

bool mv_metric_from_name(const char *name, size_t size, mv_metric *metric)
{
    for (size_t i = 1; i < METRICS; i++) {
        const char *own = metric_table[i].name;
        if (strlen(own) != size || memcmp(own, name, size) != 0) continue;
        *metric = (mv_metric)i;
        return true;
    }
    return false;
}

mv_metric mv_metric_default(mv_type type)
{
    size_t metric = METRICS - 1;
    while (metric &&
           !(element_size(type) && metric_table[metric].default_types >> element_index(type) & 1))
        metric--;
    return (mv_metric)metric;
}
