/* Tables: rows by columns, as filters and searches read them. A sealed segment is one, mapped from
 * its files; fresh rows are gathered into small ones. Nothing here owns memory. */
#ifndef MV_TABLE_H
#define MV_TABLE_H

#include "base/bits.h"
#include "storage/cell.h"
#include "storage/schema.h"

/* One column. Fixed types: `values` holds rows × cell_width bytes, aligned to 8. Variable types:
 * cell r is bytes[ends[r - 1] .. ends[r]), with 0 before the first. A NULL row has a zero value or
 * empty cell. */
typedef struct table_column {
    const uint64_t *nulls; /* bit set = NULL; NULL pointer: none are */
    const uint8_t *values;
    const uint64_t *ends;
    const uint8_t *bytes;
    uint64_t bytes_size;
} table_column;

/* One vector column: rows at a fixed stride, or (base NULL) anywhere. */
typedef struct table_vectors {
    const uint8_t *base;
    size_t stride;
    const void *const *list;
    const float *inverse_norms; /* cosine only, else NULL */
} table_vectors;

typedef struct table {
    uint32_t rows;
    const uint64_t *docids;       /* ascending */
    const uint64_t *live;         /* bit set = not deleted; NULL: all are */
    table_column ids;             /* variable cells */
    const table_column *columns;  /* one per scalar field of the schema */
    const table_vectors *vectors; /* one per vector field */
} table;

/* Cell `row` of a variable column. False: the offsets are damaged. */
static inline bool table_cell(const table_column *column, uint32_t row, const uint8_t **bytes,
                              uint64_t *size)
{
    uint64_t start = row ? column->ends[row - 1] : 0, end = column->ends[row];
    if (MV_UNLIKELY(start > end || end > column->bytes_size)) return false;
    *bytes = column->bytes + start;
    *size = end - start;
    return true;
}

static inline bool table_is_null(const table_column *column, uint32_t row)
{
    return column->nulls && bits_get(column->nulls, row);
}

#endif
