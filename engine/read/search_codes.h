/* The exact scan with codes (index/flat_codes.h): of fresh rows, and of segments whose graph is not
 * built yet. */
#ifndef MV_SEARCH_CODES_H
#define MV_SEARCH_CODES_H

#include "read/search.h"

/* The first rows of the block of a scan, which have codes. */
typedef struct coded_rows {
    const flat_codes *codes;
    const scan *sc;
    uint32_t count; /* 0: none; a multiple of 64, or all rows of the block */
    bool by_bits;   /* their bits are looked at first */
} coded_rows;

/* The rows of the block that have codes. Makes some codes that are missing. */
coded_rows search_codes_of(search *s, const scan *sc);
/* May a search for `wanted` hits miss rows without a graph, since it looks at bits (flat_bits.h)?
 */
bool search_codes_may_miss(const search *s, uint64_t wanted);
/* Prepare the vectors of the search for these codes, unless that is done. */
mv_err search_codes_prepare(search *s, const coded_rows *rows, mv_error *error);
/* Push the nearest rows that match to the heap of vector `i`. Fresh rows are read by the thread of
 * the snapshot only. */
mv_err search_codes_push(const search *s, const coded_rows *rows, uint32_t i,
                         mv_search_counts *counts, mv_error *error);

#endif
