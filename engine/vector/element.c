/* Conversions of vector elements. They run once for each vector that is written or fetched, and
 * never in a scan, so plain loops are fast enough. */
#include "vector/element.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "vector/half.h"

size_t element_size(mv_type type)
{
    switch (type) {
    case MV_VECTOR_FP32: return 4;
    case MV_VECTOR_FP16: return 2;
    case MV_VECTOR_INT8:
    case MV_VECTOR_BINARY: return 1;
    default: return 0;
    }
}

static float float_at(const void *floats, size_t at)
{
    float value;
    memcpy(&value, (const uint8_t *)floats + at * sizeof value, sizeof value);
    return value;
}

static mv_err refuse(mv_error *error, size_t at, float value, const char *holds)
{
    return error_set(error, MV_MISUSE, "number %zu of the vector is %.9g, %s", at + 1,
                     (double)value, holds);
}

mv_err element_from_floats(mv_type type, const void *floats, size_t dim, void *out, mv_error *error)
{
    uint8_t *bytes = out;
    mv_assert(type != MV_VECTOR_BINARY);
    mv_assert(element_size(type) > 0);
    for (size_t i = 0; i < dim; i++) {
        float value = float_at(floats, i);
        if (type == MV_VECTOR_INT8) {
            if (!(value >= -128 && value <= 127) || value != truncf(value))
                return refuse(error, i, value, "vector_int8 holds whole numbers from -128 to 127");
            bytes[i] = (uint8_t)(int8_t)value;
        } else if (type == MV_VECTOR_FP16) {
            if (!(fabsf(value) <= HALF_MAX))
                return refuse(error, i, value, "vector_fp16 holds numbers from -65504 to 65504");
            uint16_t half = half_from_float(value);
            memcpy(bytes + i * sizeof half, &half, sizeof half);
        } else if (!isfinite(value)) {
            return refuse(error, i, value, "vector_fp32 holds finite numbers");
        }
    }
    if (type == MV_VECTOR_FP32) memcpy(out, floats, dim * sizeof(float));
    return MV_OK;
}

void element_to_floats(mv_type type, const void *elements, size_t dim, float *out)
{
    const uint8_t *bytes = elements;
    mv_assert(type != MV_VECTOR_BINARY);
    mv_assert(element_size(type) > 0);
    if (type == MV_VECTOR_FP32) {
        memcpy(out, elements, dim * sizeof *out);
    } else if (type == MV_VECTOR_FP16) {
        for (size_t i = 0; i < dim; i++) {
            uint16_t half;
            memcpy(&half, bytes + i * sizeof half, sizeof half);
            out[i] = half_to_float(half);
        }
    } else {
        for (size_t i = 0; i < dim; i++) out[i] = (int8_t)bytes[i];
    }
}

size_t mv_vector_size(mv_type type, size_t dim)
{
    if (type == MV_VECTOR_BINARY) return dim / 8;
    return element_size(type) ? dim * sizeof(float) : 0;
}

mv_err element_from_given(mv_type type, const void *given, size_t dim, void *out, mv_error *error)
{
    if (type != MV_VECTOR_BINARY) return element_from_floats(type, given, dim, out, error);
    memcpy(out, given, mv_vector_size(type, dim));
    return MV_OK;
}

void element_to_given(mv_type type, const void *elements, size_t dim, void *given)
{
    if (type == MV_VECTOR_BINARY)
        memcpy(given, elements, mv_vector_size(type, dim));
    else
        element_to_floats(type, elements, dim, given);
}

/* The sum of the squares. In double, where no square of a float overflows or becomes 0. */
static double sum_of_squares(mv_type type, const void *elements, size_t dim)
{
    enum { PIECE = 256, SUMS = 4 }; /* independent sums, so that additions overlap */
    static_assert(PIECE % SUMS == 0, "a padded piece fits in its array");
    float piece[PIECE];
    const uint8_t *bytes = elements;
    double sums[SUMS] = {0};
    for (size_t at = 0; at < dim; at += PIECE) {
        size_t count = dim - at < PIECE ? dim - at : PIECE;
        element_to_floats(type, bytes + at * element_size(type), count, piece);
        while (count % SUMS) piece[count++] = 0;
        for (size_t i = 0; i < count; i += SUMS)
            for (size_t lane = 0; lane < SUMS; lane++)
                sums[lane] += (double)piece[i + lane] * piece[i + lane];
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

float element_inverse_norm(mv_type type, const void *elements, size_t dim)
{
    double sum = sum_of_squares(type, elements, dim);
    return sum > 0 ? (float)fmin(1 / sqrt(sum), (double)FLT_MAX) : 0;
}

void element_scale_floats(float *floats, size_t dim)
{
    int exponent;
    double sum = sum_of_squares(MV_VECTOR_FP32, floats, dim);
    if (!(sum > 0 && isfinite(sum))) return; /* zero, or NaN from a damaged file */
    (void)frexp(sqrt(sum), &exponent);
    double factor = ldexp(1, -exponent);
    for (size_t i = 0; i < dim; i++) floats[i] = (float)(floats[i] * factor);
}
