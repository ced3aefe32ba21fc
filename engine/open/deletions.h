/* Deletions of rows in segments: one value of the catalog for each 65,536 rows of a segment, and in
 * memory one bitmap a segment. */
#ifndef MV_DELETIONS_H
#define MV_DELETIONS_H

#include "storage/catalog.h"
#include "storage/segment.h"

typedef struct deletions_head {
    uint64_t last_change; /* commit */
    uint64_t count;       /* bits set */
} deletions_head;

static inline uint64_t deletions_key(uint64_t segment_number, uint32_t row)
{
    return segment_number << 16 | row / SEGMENT_CHUNK_ROWS;
}
/* Words of the bitmap of the chunk that `row` is in. */
static inline size_t deletions_words(uint32_t rows, uint32_t row)
{
    uint32_t first = row / SEGMENT_CHUNK_ROWS * SEGMENT_CHUNK_ROWS;
    return bits_words(rows - first < SEGMENT_CHUNK_ROWS ? rows - first : SEGMENT_CHUNK_ROWS);
}

/* Which rows of a segment are not deleted, shared by views. */
typedef struct live_rows {
    uint32_t refs;        /* guarded by the engine's mutex */
    uint64_t last_change; /* commit of the last deletion */
    uint64_t deleted;
    size_t words;
    uint64_t bits[];
} live_rows;

/* The live rows of a segment, read by a cursor over CATALOG_DELETED. *out is NULL if no row is
 * deleted. `known` (may be NULL): live rows of an earlier commit, shared if nothing was deleted
 * since. The caller has the engine's mutex. */
mv_err deletions_open_live(catalog_cursor *cursor, const segment *s, live_rows *known,
                           live_rows **out, mv_error *error);
void deletions_close_live(live_rows *live); /* NULL is fine */

#endif
