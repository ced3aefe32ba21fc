/* The table of types, and the readers of numbers given as text. */
#include "base/type.h"

#include <stdio.h>

#include "base/timestamp.h"

/* ---------------------------------------------------------------- whole numbers as text */

/* "-?[0-9]+" */
static bool type_is_decimal(const char *text, size_t size)
{
    size_t at = size > 0 && text[0] == '-';
    if (at == size) return false;
    for (; at < size; at++)
        if (text[at] < '0' || text[at] > '9') return false;
    return true;
}

static type_reading type_read_decimal(const char *text, size_t size, type_whole *out,
                                      char why[TYPE_WHY_SIZE])
{
    if (!type_is_decimal(text, size)) {
        (void)snprintf(why, TYPE_WHY_SIZE, "is no decimal number");
        return TYPE_READ_NOTHING;
    }
    mv_assert(size > 0); /* it has a digit */
    bool negative = text[0] == '-';
    uint64_t magnitude = 0;
    for (size_t i = negative; i < size; i++)
        if (__builtin_mul_overflow(magnitude, (uint64_t)10, &magnitude) ||
            __builtin_add_overflow(magnitude, (uint64_t)(text[i] - '0'), &magnitude))
            return TYPE_READ_RANGE;
    *out = (type_whole){.negative = negative && magnitude > 0, .magnitude = magnitude};
    return TYPE_READ;
}

/* Decimal text is read as microseconds, as any 64-bit integer may be given as text. Text of fewer
 * digits is refused, since '2026' and '20261101' are meant as a year and a date. 15 digits are all
 * times before 1966-11 and after 1973-03. */
#define TIMESTAMP_DIGITS_MIN 15u

static type_reading type_read_timestamp(const char *text, size_t size, type_whole *out,
                                        char why[TYPE_WHY_SIZE])
{
    int64_t micros;
    if (type_is_decimal(text, size)) {
        if (size - (text[0] == '-') >= TIMESTAMP_DIGITS_MIN)
            return type_read_decimal(text, size, out, why);
        (void)snprintf(why, TYPE_WHY_SIZE,
                       "is no RFC 3339 date or time (as text, microseconds have at "
                       "least %u digits)",
                       TIMESTAMP_DIGITS_MIN);
        return TYPE_READ_NOTHING;
    }
    if (!timestamp_read(text, size, &micros, why, TYPE_WHY_SIZE)) return TYPE_READ_NOTHING;
    out->negative = micros < 0;
    out->magnitude = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    return TYPE_READ;
}

/* ---------------------------------------------------------------- the table */

static_assert(TYPE_COUNT == MV_ARRAY, "MV_ARRAY is a flag beside the number of the element type");

const type_traits type_table[TYPE_COUNT] = {
    [MV_STRING] = {"string", "array_string", TYPE_TEXT, 0, 1, "a string", NULL},
    [MV_BOOL] = {"bool", "array_bool", TYPE_BOOL, 1, 1, "a boolean", NULL},
    [MV_INT32] = {"int32", "array_int32", TYPE_SIGNED, 4, 1, "a number", NULL},
    [MV_INT64] = {"int64", "array_int64", TYPE_SIGNED, 8, 1, "a number", type_read_decimal},
    [MV_UINT32] = {"uint32", "array_uint32", TYPE_UNSIGNED, 4, 1, "a number", NULL},
    [MV_UINT64] = {"uint64", "array_uint64", TYPE_UNSIGNED, 8, 1, "a number", type_read_decimal},
    [MV_FLOAT] = {"float", "array_float", TYPE_REAL, 4, 1, "a number", NULL},
    [MV_DOUBLE] = {"double", "array_double", TYPE_REAL, 8, 1, "a number", NULL},
    [MV_TIMESTAMP] = {"timestamp", "array_timestamp", TYPE_SIGNED, 8, 3,
                      "a number or an RFC 3339 text", type_read_timestamp},
    [MV_SPARSE_FP32] = {"sparse_vector_fp32", NULL, TYPE_SPARSE, 0, 5, "a sparse vector", NULL},
    [MV_MULTI_FP32] = {"multi_vector_fp32", NULL, TYPE_MULTI, 0, 5, "a list of vectors", NULL},
};

const char *type_name(mv_type type)
{
    const char *name = mv_type_name(type);
    return name ? name : "unknown";
}
