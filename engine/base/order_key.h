/* Numbers as unsigned whole numbers in the same order, so that one comparison serves every type. */
#ifndef MV_ORDER_KEY_H
#define MV_ORDER_KEY_H

#include <string.h>

#include "base/type.h"

/* The bits of a floating-point number as a signed whole number in the same order: of a negative
 * number all bits but the sign are inverted. -0.0 comes just before 0.0. */
static inline uint32_t order_real_32(uint32_t bits)
{
    return bits ^ ((0 - (bits >> 31)) >> 1);
}
static inline uint64_t order_real_64(uint64_t bits)
{
    return bits ^ ((0 - (bits >> 63)) >> 1);
}

/* The bit that makes a fixed type signed; 0: it is not. */
static inline uint64_t order_sign(const type_traits *traits)
{
    bool is_signed = traits->kind == TYPE_SIGNED || traits->kind == TYPE_REAL;
    return is_signed ? (uint64_t)1 << (8 * traits->width - 1) : 0;
}

/* The bits of a value of a fixed type, at any address, widened by zeros. */
static inline uint64_t order_bits(const type_traits *traits, const uint8_t *bytes)
{
    uint32_t narrow;
    uint64_t wide;
    if (traits->width == 1) return *bytes;
    if (traits->width == 8) {
        memcpy(&wide, bytes, sizeof wide);
        return wide;
    }
    memcpy(&narrow, bytes, sizeof narrow);
    return narrow;
}

/* The bits of a real number as a whole number in the same order, and the other way round. */
static inline uint64_t order_real(const type_traits *traits, uint64_t bits)
{
    return traits->width == 4 ? order_real_32((uint32_t)bits) : order_real_64(bits);
}

/* The key of a value of a fixed type, at any address. Both zeros have that of 0.0. */
static inline uint64_t order_key_of(mv_type type, const uint8_t *bytes)
{
    const type_traits *traits = type_of(type);
    uint64_t bits = order_bits(traits, bytes), sign = order_sign(traits);
    if (traits->kind == TYPE_REAL) bits = bits == sign ? 0 : order_real(traits, bits);
    return bits ^ sign;
}

/* The bits of the value that has this key. */
static inline uint64_t order_bits_of_key(mv_type type, uint64_t key)
{
    const type_traits *traits = type_of(type);
    uint64_t bits = key ^ order_sign(traits);
    return traits->kind == TYPE_REAL ? order_real(traits, bits) : bits;
}

#endif
