/* Scans: the rows of a snapshot that are not deleted and match a filter, block by block: segments
 * in the order of docids, then the fresh rows. Searching, counting, iterating and deleting by
 * filter are built on them.
 *
 * A row matches when it is not deleted and the filter is true for it. */
#ifndef MV_SCAN_H
#define MV_SCAN_H

#include "open/fresh_rows.h"
#include "query/filter.h"
#include "query/order.h"
#include "read/scan_match.h"

/* Rows are offered as a list only if at most one row in this many matches: a list of 4 bytes a row
 * is then no larger than a bitmap of the segment. More rows are found no faster as a list. */
#define SCAN_LIST_ONE_IN 32u

typedef struct scan {
    const snapshot *s;
    const filter *f;  /* NULL: all rows */
    mem_arena *block; /* lent, for the filter's bitmaps */
    fresh_wants wants;
    filter_table *ft; /* the filter over the next segment, or over fresh rows; NULL: not begun */
    filter_indexes indexes; /* of the next segment */
    scan_match *texts;      /* the tests of the filter by MATCH */
    uint32_t next_segment;
    uint32_t next_row;    /* of that segment */
    const uint32_t *list; /* its matching rows from next_row on, ascending: blocks without any are
                           * skipped; NULL: all blocks are visited */
    const uint32_t *list_end;
    fresh_rows *fresh; /* a reference; NULL: not begun */
    uint32_t next_part;
    table fresh_table;                          /* the current part */
    uint64_t fresh_seen[FRESH_CHUNK_ROWS / 64]; /* of it, if fresh rows have expired */
    const fresh_codes *fresh_codes;             /* of its vectors, one per field */
    waiting_lists *fresh_lists;                 /* of its texts, one per scalar field, or NULL */
    /* The current block. */
    const table *t;          /* NULL: at the end */
    uint32_t source;         /* position of the segment in the view, or RESULT_FRESH */
    uint32_t begin;          /* first row of the block in `t` */
    uint32_t count;          /* rows of the block */
    const uint64_t *matches; /* bit 0 is row `begin`; NULL: all rows match */
    uint64_t bits[FILTER_BLOCK_ROWS / 64];
} scan;

/* Begin. `arena` gets what lasts as long as the scan. `block` gets what lasts as long as a segment;
 * the scan clears it, so that the caller does not use it. Of fresh rows the columns of the filter,
 * of `o` (may be NULL) and of one vector field (or FRESH_NO_VECTOR) are gathered. */
mv_err scan_begin(scan *sc, const snapshot *s, const filter *f, const order *o,
                  uint32_t vector_field, mem_arena *arena, mem_arena *block, mv_error *error);
/* True when the next block is the first of a segment, whose position in the view is *segment_at.
 * The functions of the next segment are then allowed. */
static inline bool scan_at_segment(const scan *sc, uint32_t *segment_at)
{
    *segment_at = sc->next_segment;
    return sc->next_row == 0 && sc->next_segment < sc->s->v->segments_count;
}
/* Bounds of the number of rows of the next segment for which the filter is true, as far as indexes
 * tell without reading rows. Deleted rows are included. */
mv_err scan_estimate(scan *sc, uint32_t *least, uint32_t *most, mv_error *error);
/* The matching rows of the next segment as a list, in no order, if they are few and an index has
 * such a list; otherwise *rows is NULL. Lent until the scan leaves the segment. */
mv_err scan_list(scan *sc, uint32_t **rows, uint32_t *count, mv_error *error);
/* The matching rows of the next segment as a bitmap: bit 0 is row 0. */
mv_err scan_segment(scan *sc, uint64_t *matches, mv_error *error);
/* Skip the next segment: the caller has searched it. */
static inline void scan_skip_segment(scan *sc)
{
    sc->next_segment++;
    sc->next_row = 0;
    sc->list = NULL;
    sc->ft = NULL;
}
/* Go to the next block, in which no row may match. sc->t is NULL at the end. */
mv_err scan_next(scan *sc, mv_error *error);
/* The lists of a text field of the current part of the fresh rows, or NULL. */
static inline waiting_lists *scan_fresh_lists(const scan *sc, uint32_t field)
{
    return sc->fresh_lists ? &sc->fresh_lists[field] : NULL;
}
/* Take over the reference to the fresh rows, so that their tables outlive the scan. Call it after
 * the last block. NULL: there are none. The caller releases it. */
static inline fresh_rows *scan_take_fresh(scan *sc)
{
    fresh_rows *fresh = sc->fresh;
    sc->fresh = NULL;
    return fresh;
}
/* Call it also after a failure. */
void scan_end(scan *sc);

/* The number of matching rows of the block. */
static inline size_t scan_matching(const scan *sc)
{
    return sc->matches ? bits_count(sc->matches, sc->count) : sc->count;
}
/* The first matching row of the block from `at` on; sc->count: there is none. */
static inline uint32_t scan_find(const scan *sc, uint32_t at)
{
    if (!sc->matches || at >= sc->count) return at;
    uint32_t word = at / 64;
    uint64_t bits = sc->matches[word] >> at % 64 << at % 64;
    while (!bits) {
        if (++word * 64 >= sc->count) return sc->count;
        bits = sc->matches[word];
    }
    return word * 64 + MV_LOWEST_BIT(bits);
}
/* The `row` of a hit on row `at` of the block. Of a fresh row it is 0: result_add finds the row. */
uint64_t scan_row(const scan *sc, uint32_t at);

/* Append the docids (u64) of all matching rows. For callers that change rows while they go through
 * them, which a scan does not allow. */
mv_err scan_docids(const snapshot *s, const mv_filter *source, mem_buffer *docids, mv_error *error);

#endif
