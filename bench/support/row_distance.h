/* The distance of two rows in double precision, in simple loops, for the bench. */
#ifndef BENCH_ROW_DISTANCE_H
#define BENCH_ROW_DISTANCE_H

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef enum metric { L2, COSINE, IP } metric;

/* "l2", "cosine" or "ip"; any other name means l2. */
static inline metric metric_named(const char *name)
{
    return !strcmp(name, "cosine") ? COSINE : !strcmp(name, "ip") ? IP : L2;
}

static inline double row_distance(metric kind, const float *a, const float *b, size_t dim)
{
    double ab = 0, aa = 0, bb = 0, l2 = 0;
    for (size_t i = 0; i < dim; i++) {
        double x = (double)a[i], y = (double)b[i];
        ab += x * y, aa += x * x, bb += y * y, l2 += (x - y) * (x - y);
    }
    return kind == IP ? -ab : kind == COSINE ? 1 - ab / sqrt(aa * bb) : l2;
}

#endif
