/* Choosing the kernels, preparing queries, and turning results of kernels into distances. */
#include "vector/distance.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vector/cpu.h"
#include "vector/element.h"
#include "vector/kernel.h"

/* ---------------------------------------------------------------- choosing */

/* The kernels that are built in, fastest first. */
static const struct {
    const distance_kernels *kernels;
    bool (*can_run)(void); /* NULL: on every machine that the build is for */
} choices[] = {
#if defined(CPU_X86)
    {&kernel_avx512, cpu_has_avx512},
    {&kernel_avx2, cpu_has_avx2},
    {&kernel_sse2, NULL},
#elif defined(CPU_ARM64)
    {&kernel_neon, NULL},
#endif
    {&kernel_scalar, NULL},
};

/* The first kernels named `name` (NULL: of any name) that can run here, or NULL. */
static const distance_kernels *choose(const char *name)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (name && strcmp(name, choices[i].kernels->name) != 0) continue;
        if (!choices[i].can_run || choices[i].can_run()) return choices[i].kernels;
    }
    return NULL;
}

const distance_kernels *distance_by_name(const char *name)
{
    return choose(name);
}

const distance_kernels *distance_best(void)
{
    /* No lock is needed: threads that make the first call at the same time choose the same. */
    static _Atomic(const distance_kernels *) chosen;
    const distance_kernels *kernels = atomic_load_explicit(&chosen, memory_order_acquire);
    if (kernels) return kernels;
    const char *wanted = getenv("MOONVEC_SIMD");
    if (wanted) kernels = choose(wanted);
    if (!kernels) kernels = choose(NULL);
    mv_assert(kernels); /* the scalar ones can always run */
    atomic_store_explicit(&chosen, kernels, memory_order_release);
    return kernels;
}

const char *mv_simd_name(void)
{
    return distance_best()->name;
}

/* ---------------------------------------------------------------- queries */

/* The type of a query's elements for rows of `type`. */
static mv_type query_type(mv_type type)
{
    return type == MV_VECTOR_FP16 ? MV_VECTOR_FP32 : type;
}

size_t distance_query_size(mv_type type, size_t dim)
{
    return element_row_size(query_type(type), dim);
}

mv_err distance_prepare(distance_query *query, mv_type type, mv_metric metric, const void *vector,
                        size_t dim, void *elements, mv_error *error)
{
    MV_TRY(element_from_given(query_type(type), vector, dim, elements, error));
    float inverse_norm = 0;
    if (metric_has_norms(metric)) {
        if (query_type(type) == MV_VECTOR_FP32) element_scale_floats(elements, dim);
        inverse_norm = element_inverse_norm(query_type(type), elements, dim);
        if (!(inverse_norm > 0))
            return error_set(error, MV_MISUSE,
                             "the vector is all zeros, %s wants one with a direction",
                             metric_table[metric].name);
    }
    const distance_kernels *kernels = distance_best();
    const metric_family family = metric_kernels(metric);
    const uint32_t kind = element_index(type);
    mv_assert(kind < ELEMENT_TYPES);
    mv_assert(kernels->rows[family][kind]); /* the metric takes the type */
    *query = (distance_query){
        .type = type,
        .family = family,
        .finish = metric_finish_of(metric),
        .dim = element_count(type, dim),
        .inverse_norm = inverse_norm,
        .elements = elements,
        .rows = kernels->rows[family][kind],
        .list = kernels->list[family][kind],
    };
    return MV_OK;
}

/* ---------------------------------------------------------------- distances */

/* Turn results of a kernel into distances, in place. What overflowed is infinite or NaN. */
static void finish_distances(const distance_query *query, const float *inverse_norms, size_t count,
                             float *out)
{
    if (query->finish == METRIC_NEGATED) {
        /* 0 - x instead of -x, so that 0 does not become -0. */
        for (size_t i = 0; i < count; i++) out[i] = 0 - out[i];
    } else if (query->finish == METRIC_ANGLE) {
        /* In double, so that the product of both norms cannot overflow. Rounding may take a
         * distance out of 0 to 2. */
        for (size_t i = 0; i < count; i++) {
            double distance = 1 - (double)out[i] * query->inverse_norm * inverse_norms[i];
            double within = distance < 0 ? 0 : distance > 2 ? 2 : distance;
            out[i] = isfinite(distance) ? (float)within : INFINITY;
        }
    }
}

/* Is the distance right? Not if a sum overflowed, or the inverse norm is out of the range in which
 * it is exact. `inverse_norm` is 1 if the metric has none. */
static inline int is_right(float distance, float inverse_norm)
{
    /* Without branches, so that compilers can vectorize the loops below. */
    return (fabsf(distance) <= FLT_MAX) & (inverse_norm >= METRIC_NORM_MIN) &
           (inverse_norm <= METRIC_NORM_MAX);
}

static bool are_right(const distance_query *query, const float *inverse_norms, size_t count,
                      const float *distances)
{
    int right = 1;
    if (query->finish == METRIC_ANGLE)
        for (size_t i = 0; i < count; i++) right &= is_right(distances[i], inverse_norms[i]);
    else
        for (size_t i = 0; i < count; i++) right &= is_right(distances[i], 1);
    return right;
}

/* The distance to one row, computed in double, where no sum of products of floats overflows. */
static float measure_in_double(const distance_query *query, const void *row)
{
    enum { PIECE = 64 };
    float a[PIECE], b[PIECE];
    double sum = 0, squares = 0;
    mv_assert(query->type != MV_VECTOR_BINARY); /* its distances are small numbers */
    for (size_t at = 0; at < query->dim; at += PIECE) {
        size_t count = query->dim - at < PIECE ? query->dim - at : PIECE;
        const uint8_t *of_query = query->elements, *of_row = row;
        mv_type type = query_type(query->type);
        element_to_floats(type, of_query + at * element_size(type), count, a);
        element_to_floats(query->type, of_row + at * element_size(query->type), count, b);
        for (size_t i = 0; i < count; i++) {
            double difference = (double)a[i] - b[i];
            squares += (double)b[i] * b[i];
            if (query->family == METRIC_DOT)
                sum += (double)a[i] * b[i];
            else
                sum += query->family == METRIC_L2 ? difference * difference : fabs(difference);
        }
    }
    if (query->finish == METRIC_AS_IS) return distance_or_worst((float)sum);
    if (query->finish == METRIC_NEGATED) return distance_or_worst((float)(0 - sum));
    double distance = 1 - sum * query->inverse_norm / sqrt(squares);
    return distance_or_worst((float)(distance < 0 ? 0 : distance > 2 ? 2 : distance));
}

/* Compute the distance to `row` again if it is not right. */
static void correct(const distance_query *query, const float *inverse_norms, size_t i,
                    const void *row, float *out)
{
    float inverse_norm = query->finish == METRIC_ANGLE ? inverse_norms[i] : 1;
    if (!is_right(out[i], inverse_norm)) out[i] = measure_in_double(query, row);
}

void distance_to_rows(const distance_query *query, const uint8_t *rows, size_t stride,
                      const float *inverse_norms, size_t count, float *out)
{
    mv_assert(inverse_norms || query->finish != METRIC_ANGLE);
    query->rows(query->elements, rows, stride, count, query->dim, out);
    finish_distances(query, inverse_norms, count, out);
    if (are_right(query, inverse_norms, count, out)) return;
    for (size_t i = 0; i < count; i++) correct(query, inverse_norms, i, rows + i * stride, out);
}

void distance_to_list(const distance_query *query, const void *const *rows,
                      const float *inverse_norms, size_t count, float *out)
{
    mv_assert(inverse_norms || query->finish != METRIC_ANGLE);
    query->list(query->elements, rows, count, query->dim, out);
    finish_distances(query, inverse_norms, count, out);
    if (are_right(query, inverse_norms, count, out)) return;
    for (size_t i = 0; i < count; i++) correct(query, inverse_norms, i, rows[i], out);
}
