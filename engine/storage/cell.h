/* Cells: scalar values as stored, without their type.
 *
 * fixed types     the value, little-endian, in its own width (bool: one byte, 0 or 1)
 * string          its bytes
 * array of fixed  the elements one after the other
 * array_string    u32 count, then count × u32 end of each string, then the strings' bytes
 *
 * Cells have any address: read them with memcpy. */
#ifndef MV_CELL_H
#define MV_CELL_H

#include "base/error.h"
#include "base/mem.h"
#include "base/type.h"

typedef enum cell_state { CELL_UNSET = 0, CELL_NULL, CELL_VALUE } cell_state;

typedef struct cell {
    const uint8_t *bytes;
    uint32_t size;
    cell_state state;
} cell;

/* Bytes of one value of a fixed type (or of an array's elements, given without MV_ARRAY); 0 for
 * strings. */
static inline size_t cell_width(mv_type type)
{
    return type & MV_ARRAY ? 0 : type_of(type)->width;
}
/* True when the cells of this type differ in size: strings and all arrays. */
static inline bool cell_is_variable(mv_type type)
{
    return (type & MV_ARRAY) || type_is_text(type);
}

/* Turn a value into a cell of `type`, appended to `out`. MV_MISUSE, naming `field`, when the type
 * cannot hold it: wrong kind, out of range, a fraction for an integer, NaN, a NULL. */
mv_err cell_from_value(mv_type type, const mv_value *value, const char *field, mem_buffer *out,
                       mv_error *error);

/* The reverse. Strings and the items of lists point into `bytes` and `arena`. MV_CORRUPT when the
 * bytes are no cell of this type. */
mv_err cell_to_value(mv_type type, const uint8_t *bytes, size_t size, mem_arena *arena,
                     mv_value *value, mv_error *error);

/* MV_CORRUPT unless the bytes are a cell of `type`. */
mv_err cell_check(mv_type type, const uint8_t *bytes, size_t size, mv_error *error);

/* Elements of an array cell, or UINT32_MAX when it is damaged. */
uint32_t cell_array_count(mv_type type, const uint8_t *bytes, size_t size);
/* Element `at` (below cell_array_count) of an array_string cell; false when the cell is damaged
 * there. */
bool cell_array_string(const uint8_t *bytes, size_t size, uint32_t at, const char **data,
                       uint32_t *data_size);

#endif
