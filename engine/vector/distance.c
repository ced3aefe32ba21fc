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
#if defined(CPU_X86_64)
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

/* Turn results of a kernel into distances, in place. */
static void finish_distances(const distance_query *query, const float *inverse_norms, size_t count,
                             float *out)
{
    if (query->finish == METRIC_AS_IS) {
        for (size_t i = 0; i < count; i++) out[i] = distance_or_worst(out[i]);
    } else if (query->finish == METRIC_NEGATED) {
        /* 0 - x instead of -x, so that 0 does not become -0. */
        for (size_t i = 0; i < count; i++) out[i] = distance_or_worst(0 - out[i]);
    } else {
        /* In double, so that the product of both norms cannot overflow. Rounding may take a
         * distance out of 0 to 2. */
        for (size_t i = 0; i < count; i++) {
            double distance = 1 - (double)out[i] * query->inverse_norm * inverse_norms[i];
            double within = distance < 0 ? 0 : distance > 2 ? 2 : distance;
            out[i] = isfinite(distance) ? (float)within : INFINITY;
        }
    }
}

void distance_to_rows(const distance_query *query, const uint8_t *rows, size_t stride,
                      const float *inverse_norms, size_t count, float *out)
{
    mv_assert(inverse_norms || query->finish != METRIC_ANGLE);
    query->rows(query->elements, rows, stride, count, query->dim, out);
    finish_distances(query, inverse_norms, count, out);
}

void distance_to_list(const distance_query *query, const void *const *rows,
                      const float *inverse_norms, size_t count, float *out)
{
    mv_assert(inverse_norms || query->finish != METRIC_ANGLE);
    query->list(query->elements, rows, count, query->dim, out);
    finish_distances(query, inverse_norms, count, out);
}
