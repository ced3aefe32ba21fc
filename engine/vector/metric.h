/* Traits of metrics: everything that the engine needs to know about a metric.
 *
 * A metric is a number in moonvec.h and a row of the table in metric.c. All other files call the
 * functions below, and never compare metrics. So a new metric changes none of them. A new kernel
 * family is a name in metric_family, a reference kernel in kernel_scalar.c, and a SIMD kernel in
 * kernel_body.h. */
#ifndef MV_METRIC_H
#define MV_METRIC_H

#include "vector/element.h"

/* What a kernel computes of a query and a row. */
typedef enum metric_family {
    METRIC_DOT,     /* inner product */
    METRIC_L2,      /* sum of squared differences */
    METRIC_L1,      /* sum of absolute differences */
    METRIC_HAMMING, /* number of different bits */
    METRIC_FAMILIES
} metric_family;

/* How the result of a kernel becomes a distance (distance.c). */
typedef enum metric_finish {
    METRIC_AS_IS,   /* the distance is the result */
    METRIC_NEGATED, /* the distance is minus the result */
    METRIC_ANGLE    /* 1 - result × both inverse norms */
} metric_finish;

typedef struct metric_traits {
    const char *name;
    metric_family family;
    metric_finish finish;
    uint32_t types;         /* element types that the metric takes: bits, by element_index */
    uint32_t default_types; /* element types whose default metric it is: bits, by element_index */
    uint32_t quantizes;     /* codes that its graphs may use: bits, by mv_quantize */
    bool has_norms;         /* rows have inverse norms and are compared as if they were normalized;
                             * the zero vector is refused */
    bool has_zero;          /* distances are 0 between equal vectors and never negative, so that
                             * ratios of distances have a meaning */
    bool is_squared;        /* a distance is proportional to the square of a length */
    float code_squares;     /* of int8 and int4 codes: distance / |q - x|²; 0: it is -<q, x> */
    double score_offset;    /* score = score_offset - distance */
} metric_traits;

/* Inverse norms of rows with which a distance is as exact as floats are: those of rows of length
 * 2^-100 to 2^126. Products with shorter rows may lose digits, those with longer ones overflow. */
#define METRIC_NORM_MIN 0x1p-126f
#define METRIC_NORM_MAX 0x1p100f

enum { METRIC_COUNT = MV_HAMMING + 1 };
/* Indexed by mv_metric, from 1. */
extern const metric_traits metric_table[METRIC_COUNT];

static inline bool metric_has_norms(mv_metric metric)
{
    return metric_table[metric].has_norms;
}
static inline bool metric_has_zero(mv_metric metric)
{
    return metric_table[metric].has_zero;
}
static inline bool metric_is_squared(mv_metric metric)
{
    return metric_table[metric].is_squared;
}
static inline float metric_code_squares(mv_metric metric)
{
    return metric_table[metric].code_squares;
}
static inline metric_family metric_kernels(mv_metric metric)
{
    return metric_table[metric].family;
}
static inline metric_finish metric_finish_of(mv_metric metric)
{
    return metric_table[metric].finish;
}
static inline bool metric_takes_type(mv_metric metric, mv_type type)
{
    return metric_table[metric].types >> element_index(type) & 1;
}
static inline bool metric_takes_quantize(mv_metric metric, mv_quantize quantize)
{
    return metric_table[metric].quantizes >> quantize & 1;
}
static inline double metric_score(mv_metric metric, double distance)
{
    return metric_table[metric].score_offset - distance;
}
/* The largest distance with a score of at least `min_score`. */
static inline double metric_distance_limit(mv_metric metric, double min_score)
{
    return metric_table[metric].score_offset - min_score;
}

/* Check the numbers of a vector or query, as a program gives it. MV_MISUSE: a number is beyond
 * MV_VECTOR_NUMBER_MAX, and the metric has no norms. The error names its position, from 1. */
mv_err metric_check_numbers(mv_metric metric, mv_type type, const void *given, size_t dim,
                            mv_error *error);

#endif
