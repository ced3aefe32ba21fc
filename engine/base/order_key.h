/* Order keys: values of every fixed type as unsigned 64-bit integers in the same order, so that one
 * comparison serves all types. Zones hold them on disk: the mapping cannot change. */
#ifndef MV_ORDER_KEY_H
#define MV_ORDER_KEY_H

#include <string.h>

#include "base/type.h"

/* The bits of a floating-point number as a signed integer in the same order: in a negative number
 * all bits but the sign are inverted. -0.0 comes just before 0.0. The function is its own inverse.
 */
static inline uint32_t order_real_32(uint32_t bits)
{
    return bits ^ ((0 - (bits >> 31)) >> 1);
}
static inline uint64_t order_real_64(uint64_t bits)
{
    return bits ^ ((0 - (bits >> 63)) >> 1);
}

/* The sign bit of a fixed type; 0 for unsigned types. */
static inline uint64_t order_sign(const type_traits *traits)
{
    bool is_signed = traits->kind == TYPE_SIGNED || traits->kind == TYPE_REAL;
    return is_signed ? (uint64_t)1 << (8 * traits->width - 1) : 0;
}

/* The bits of a value of a fixed type, extended by zeros to 64. `bytes` may have any address. */
static inline uint64_t order_bits(const type_traits *traits, const uint8_t *bytes)
{
    uint32_t narrow;
    uint64_t wide;
    if (traits->width == 1) return *bytes;
    if (traits->width == 8) {
        memcpy(&wide, bytes, sizeof wide);
        return wide;
    }
    mv_assert(traits->width == 4);
    memcpy(&narrow, bytes, sizeof narrow);
    return narrow;
}

/* order_real_32 or order_real_64, by the width of the type. */
static inline uint64_t order_real(const type_traits *traits, uint64_t bits)
{
    return traits->width == 4 ? order_real_32((uint32_t)bits) : order_real_64(bits);
}

/* The key of a value of a fixed type. `bytes` may have any address. -0.0 has the key of 0.0. */
static inline uint64_t order_key_of(mv_type type, const uint8_t *bytes)
{
    const type_traits *traits = type_of(type);
    uint64_t bits = order_bits(traits, bytes), sign = order_sign(traits);
    if (traits->kind == TYPE_REAL) bits = bits == sign ? 0 : order_real(traits, bits);
    return bits ^ sign;
}

/* The bits of the value that has this key: the inverse of order_key_of. */
static inline uint64_t order_bits_of_key(mv_type type, uint64_t key)
{
    const type_traits *traits = type_of(type);
    uint64_t bits = key ^ order_sign(traits);
    return traits->kind == TYPE_REAL ? order_real(traits, bits) : bits;
}

#endif
