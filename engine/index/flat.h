/* Exact search: every row that may be a hit is scored. */
#ifndef MV_FLAT_H
#define MV_FLAT_H

#include "index/topk.h"
#include "vector/distance.h"

/* Rows scored at once: their distances and row numbers stay in the first-level cache. */
#define FLAT_BLOCK_ROWS 512u

/* Rows to be scanned: at a fixed stride from `base`, or (base NULL) each where `list` says. */
typedef struct flat_rows {
    const uint8_t *base;
    size_t stride;
    const void *const *list;
    const float *inverse_norms; /* NULL: the metric has none */
    const uint64_t *docids;
    uint32_t source;               /* what the hits get as source */
    const uint8_t *const *encoded; /* the hits get these addresses as row; NULL: the row's number */
} flat_rows;

/* Score rows [begin, begin + count) that are set in `pass` (bit 0 is row `begin`; NULL: all rows)
 * and push them. */
void flat_search(const distance_query *query, const flat_rows *rows, uint32_t begin, uint32_t count,
                 const uint64_t *pass, topk *hits);

#endif
