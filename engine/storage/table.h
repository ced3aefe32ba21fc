/* Tables: rows by columns, as filters and searches read them. A sealed segment is one, mapped from
 * its files; fresh rows are gathered into small ones. Nothing here owns memory. */
#ifndef MV_TABLE_H
#define MV_TABLE_H

#include "base/bits.h"
#include "base/order_key.h"
#include "storage/cell.h"
#include "storage/schema.h"

/* What is known of so many rows of a column of a fixed type. */
#define TABLE_ZONE_ROWS 16384u

typedef struct table_zone {
    uint64_t
        min; /* order keys (base/order_key.h) of the values that are not NULL; min > max when */
    uint64_t max; /* all are */
    uint32_t nulls;
    uint32_t reserved; /* zero */
} table_zone;

static_assert(sizeof(table_zone) == 24, "a zone has 24 bytes on disk");

#define TABLE_ZONE_EMPTY ((table_zone){.min = UINT64_MAX})

/* Take a value, or NULL, into the zone. */
static inline void table_zone_add(table_zone *zone, mv_type type, const uint8_t *value)
{
    if (!value) {
        zone->nulls++;
        return;
    }
    uint64_t key = order_key_of(type, value);
    if (key < zone->min) zone->min = key;
    if (key > zone->max) zone->max = key;
}
/* Is this row, of so many, the last of its zone? */
static inline bool table_zone_ends(uint32_t row, uint32_t rows)
{
    return row % TABLE_ZONE_ROWS == TABLE_ZONE_ROWS - 1 || row == rows - 1;
}
static inline uint32_t table_zones(uint32_t rows)
{
    return rows / TABLE_ZONE_ROWS + (rows % TABLE_ZONE_ROWS != 0);
}

/* One column. Fixed types: `values` holds rows × cell_width bytes, aligned to 8. Variable types:
 * cell r is bytes[ends[r - 1] .. ends[r]), with 0 before the first. A NULL row has a zero value or
 * empty cell. */
typedef struct table_column {
    const uint64_t *nulls; /* bit set = NULL; NULL pointer: none are */
    const uint8_t *values;
    const uint64_t *ends;
    const uint8_t *bytes;
    uint64_t bytes_size;
    const table_zone *zones; /* NULL: none are there */
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
