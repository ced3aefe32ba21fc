/* Cells: scalar values as stored, without their type. Of a type whose values or
 * elements have w bytes:
 *
 *   fixed type      the value, little-endian, in w bytes; bool: 0 or 1
 *   string          its bytes
 *   array of fixed  w bytes for each element
 *   sparse vector   see vector/sparse.h
 *   several vectors their numbers, one vector after the other: float32
 *
 *   offset    size  array_string
 *        0       4  count n
 *        4      4n  u32 end of each string, counted from the first string
 *   4 + 4n       -  the bytes of the strings, up to the end of the cell
 *
 * Cells may have any address: read them with memcpy. */
#ifndef MV_CELL_H
#define MV_CELL_H

#include "base/error.h"
#include "base/mem.h"
#include "base/type.h"

typedef enum cell_state { CELL_UNSET = 0, CELL_NULL, CELL_VALUE } cell_state;

typedef struct cell {
    const uint8_t *bytes; /* lent; without meaning unless `state` is CELL_VALUE */
    uint32_t size;
    cell_state state;
} cell;

/* Bytes of a value of a fixed type; 0 for types whose cells differ in size. */
static inline size_t cell_width(mv_type type)
{
    return type & MV_ARRAY ? 0 : type_of(type)->width;
}
/* Do the cells of this type differ in size? Those of strings, vectors and all arrays do. */
static inline bool cell_is_variable(mv_type type)
{
    return (type & MV_ARRAY) || type_is_text(type) || type_is_of_vectors(type);
}

/* Append the cell of a value to `out`. MV_MISUSE, naming `field`: the type cannot hold the value
 * (wrong kind, out of range, a fraction for an integer, NaN, NULL). Then `out` may have grown. */
mv_err cell_from_value(mv_type type, const mv_value *value, const char *field, mem_buffer *out,
                       mv_error *error);

/* The value of a cell. Strings point into `bytes`, the items of lists are in `arena`. MV_CORRUPT:
 * the bytes are no cell of this type. */
mv_err cell_to_value(mv_type type, const uint8_t *bytes, size_t size, mem_arena *arena,
                     mv_value *value, mv_error *error);

/* MV_CORRUPT unless the bytes are a cell of `type`. */
mv_err cell_check(mv_type type, const uint8_t *bytes, size_t size, mv_error *error);

/* Elements of a cell of an array type; UINT32_MAX: it is damaged. */
uint32_t cell_array_count(mv_type type, const uint8_t *bytes, size_t size);
/* Element `at` (below cell_array_count) of a cell of array_string. False: the cell is damaged
 * there. */
bool cell_array_string(const uint8_t *bytes, size_t size, uint32_t at, const char **data,
                       uint32_t *data_size);

#endif
