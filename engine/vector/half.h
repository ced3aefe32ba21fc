/* Conversions between float and IEEE 754 half precision (fp16, as 16 bits), in portable C. */
#ifndef MV_HALF_H
#define MV_HALF_H

#include <string.h>

#include "base/config.h"

#define HALF_MAX 65504.0f

/* Exact, also for infinity and NaN. */
static inline float half_to_float(uint16_t half)
{
    uint32_t exponent = (half >> 10) & 31, fraction = half & 1023u;
    float magnitude;
    if (exponent == 0) {
        magnitude = (float)fraction * 0x1p-24f;
    } else {
        uint32_t bits = (exponent == 31 ? 255 : exponent + 127 - 15) << 23 | fraction << 13;
        memcpy(&magnitude, &bits, sizeof bits);
    }
    return half & 0x8000 ? -magnitude : magnitude;
}

/* The nearest half; of two equally near ones, the even one. |value| must be at most HALF_MAX. */
static inline uint16_t half_from_float(float value)
{
    uint32_t bits;
    mv_assert(value >= -HALF_MAX);
    mv_assert(value <= HALF_MAX);
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 31 << 15;
    uint32_t exponent = bits >> 23 & 255, number = bits & 0x7fffff;
    uint32_t dropped = 13; /* low bits of `number` that a half does not have */
    if (exponent > 127 - 15) {
        number |= (exponent - (127 - 15)) << 23;
    } else if (exponent >= 127 - 25) { /* subnormal as a half, counted in 2^-24 */
        number |= 0x800000;
        dropped = 126 - exponent;
    } else {
        return (uint16_t)sign;
    }
    uint32_t odd = number >> dropped & 1;
    /* A carry out of the fraction increments the exponent, as it should. */
    return (uint16_t)(sign | (number + (1u << (dropped - 1)) - 1 + odd) >> dropped);
}

#endif
