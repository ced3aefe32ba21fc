/* Deletions of rows in segments: a bitmap per segment in memory, and in the catalog's table of
 * deletions a value for each chunk of SEGMENT_CHUNK_ROWS rows that has deleted rows. Bits are only
 * ever set, until the segment is dropped, and the count is the number of bits (I9).
 *
 *   key: number of the segment << 16 | number of the chunk
 *
 *   offset size   value
 *        0    8   last_change: the commit that set the last bit
 *        8    8   count of set bits
 *       16  8 n   n words of bits, little-endian; bit 0 is the chunk's first row; 1: deleted */
#ifndef MV_DELETIONS_H
#define MV_DELETIONS_H

#include "storage/catalog.h"
#include "storage/segment.h"

typedef struct deletions_head {
    uint64_t last_change; /* commit */
    uint64_t count;       /* bits set */
} deletions_head;

static_assert(sizeof(deletions_head) == 16, "the head of a value of the table of deletions");
static_assert(SEGMENT_ROWS_MAX / SEGMENT_CHUNK_ROWS <= 1u << 16, "a chunk's number has 16 bits");

static inline uint64_t deletions_key(uint64_t segment_number, uint32_t row)
{
    return segment_number << 16 | row / SEGMENT_CHUNK_ROWS;
}
/* The number of words of the chunk that has `row`. */
static inline size_t deletions_words(uint32_t rows, uint32_t row)
{
    uint32_t first = row / SEGMENT_CHUNK_ROWS * SEGMENT_CHUNK_ROWS;
    return bits_words(rows - first < SEGMENT_CHUNK_ROWS ? rows - first : SEGMENT_CHUNK_ROWS);
}

/* The rows of a segment that are not deleted. Shared by views, and never changed. */
typedef struct live_rows {
    uint32_t refs;        /* guarded by the engine's mutex */
    uint64_t last_change; /* commit of the last deletion */
    uint64_t deleted;     /* rows */
    size_t words;         /* of `bits` */
    uint64_t bits[];      /* bit 0 is row 0; 1: not deleted */
} live_rows;

/* The live rows of a segment, with a reference for the caller, read by a cursor over
 * CATALOG_DELETED. *out is NULL if no row is deleted. `known` (may be NULL): live rows of an
 * earlier commit, which are shared if no row was deleted since. The caller has the engine's mutex,
 * in both functions. */
mv_err deletions_acquire_live(catalog_cursor *cursor, const segment *s, live_rows *known,
                              live_rows **out, mv_error *error);
void deletions_release_live(live_rows *live); /* NULL is fine */

#endif
