/* Tables: rows by columns, as filters and searches read them. A sealed segment is a table, mapped
 * from its files. Fresh rows are gathered into small tables. Nothing here owns memory. */
#ifndef MV_TABLE_H
#define MV_TABLE_H

#include "base/bits.h"
#include "base/order_key.h"
#include "storage/cell.h"
#include "storage/schema.h"

/* A zone: a summary of TABLE_ZONE_ROWS rows of a column of a fixed type. On disk:
 *
 *   offset  size  meaning
 *        0     8  min: the least order key (base/order_key.h) of the values that are not NULL
 *        8     8  max: the greatest; below min when all values are NULL
 *       16     4  number of NULLs
 *       20     4  zero */
#define TABLE_ZONE_ROWS 16384u /* part of the format */

typedef struct table_zone {
    uint64_t min;
    uint64_t max;
    uint32_t nulls;
    uint32_t reserved;
} table_zone;

static_assert(sizeof(table_zone) == 24, "a zone has 24 bytes on disk");

#define TABLE_ZONE_EMPTY ((table_zone){.min = UINT64_MAX})

/* Add a value, or NULL, to the zone. */
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
/* Is `row` the last row of its zone, in a table of `rows` rows? */
static inline bool table_zone_ends(uint32_t row, uint32_t rows)
{
    mv_assert(row < rows);
    return row % TABLE_ZONE_ROWS == TABLE_ZONE_ROWS - 1 || row == rows - 1;
}
/* The number of zones. */
static inline uint32_t table_zones(uint32_t rows)
{
    return rows / TABLE_ZONE_ROWS + (rows % TABLE_ZONE_ROWS != 0);
}

/* A scalar column. Of a fixed type: `values` has rows × cell_width bytes, aligned to 8. Of a
 * variable type: cell r is bytes[ends[r - 1] .. ends[r]), where ends[-1] counts as 0. A NULL has a
 * zero value or an empty cell. */
typedef struct table_column {
    const uint64_t *nulls;   /* bit set = NULL; pointer NULL: no row is NULL */
    const uint8_t *values;   /* fixed types */
    const uint64_t *ends;    /* variable types */
    const uint8_t *bytes;    /* variable types */
    uint64_t bytes_size;     /* of `bytes` */
    const table_zone *zones; /* NULL: the column has no zones */
} table_column;

/* A vector column: row r is at base + r × stride. `base` is NULL for fresh rows whose codes are
 * gathered instead (fresh_rows.h). */
typedef struct table_vectors {
    const uint8_t *base;
    size_t stride;
    const float *inverse_norms; /* one per row; NULL unless the metric has norms (cosine) */
} table_vectors;

typedef struct table {
    uint32_t rows;
    const uint64_t *docids;       /* ascending (I4) */
    const uint64_t *live;         /* bit set = to be seen; NULL: all rows are */
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
