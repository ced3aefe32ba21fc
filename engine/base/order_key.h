/* Numbers as unsigned whole numbers in the same order, so that one comparison serves every type. */
#ifndef MV_ORDER_KEY_H
#define MV_ORDER_KEY_H

#include <string.h>

#include "base/config.h"
#include "moonvec.h"

/* The bits of a floating-point number as a signed whole number in the same order: those of negative
 * ones, but for the sign, are turned round. -0.0 comes just before 0.0. */
static inline uint32_t order_real_32(uint32_t bits)
{
    return bits ^ ((0 - (bits >> 31)) >> 1);
}
static inline uint64_t order_real_64(uint64_t bits)
{
    return bits ^ ((0 - (bits >> 63)) >> 1);
}

/* The bit that makes a type of numbers signed; 0: none does. */
static inline uint64_t order_sign(mv_type type)
{
    switch (type) {
    case MV_INT32:
    case MV_FLOAT: return (uint64_t)1 << 31;
    case MV_INT64:
    case MV_DOUBLE: return (uint64_t)1 << 63;
    default: return 0;
    }
}

/* The key of a value of a fixed type, at any address. Both zeros have that of 0.0. */
static inline uint64_t order_key_of(mv_type type, const uint8_t *bytes)
{
    uint32_t narrow;
    uint64_t wide;
    switch (type) {
    case MV_BOOL: return *bytes;
    case MV_INT64:
    case MV_UINT64: memcpy(&wide, bytes, sizeof wide); return wide ^ order_sign(type);
    case MV_DOUBLE:
        memcpy(&wide, bytes, sizeof wide);
        return wide == order_sign(type) ? wide : order_real_64(wide) ^ order_sign(type);
    default:
        memcpy(&narrow, bytes, sizeof narrow);
        if (type == MV_FLOAT && narrow != (uint32_t)order_sign(type))
            narrow = order_real_32(narrow);
        else if (type == MV_FLOAT)
            narrow = 0;
        return narrow ^ order_sign(type);
    }
}

#endif
