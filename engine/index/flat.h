/* Exact search: the distance to every matching row is computed. */
#ifndef MV_FLAT_H
#define MV_FLAT_H

#include "index/topk.h"
#include "vector/distance.h"

/* Rows scored at once. Their distances, row numbers and addresses (8 KiB) stay in the first-level
 * cache. */
#define FLAT_BLOCK_ROWS 512u

/* The rows of a table: row r is at base + r * stride. */
typedef struct flat_rows {
    const uint8_t *base;
    size_t stride;
    const float *inverse_norms; /* NULL: the metric has none */
    const uint64_t *docids;
    uint32_t source; /* of the hits; the `row` of a hit is r */
} flat_rows;

/* Score rows [begin, begin + count) whose bit is set in `matching` (bit 0 is row `begin`; NULL: all
 * rows), and push them. */
void flat_search(const distance_query *query, const flat_rows *rows, uint32_t begin, uint32_t count,
                 const uint64_t *matching, topk *hits);

#endif
