/* Scans: all rows of a snapshot that are alive and pass a filter, block by block, oldest first.
 * What searching, counting, iterating and deleting by filter have in common. */
#ifndef MV_SCAN_H
#define MV_SCAN_H

#include "query/filter.h"
#include "query/order.h"
#include "read/fresh.h"

/* Rows are offered as a list only if at most one row in this many matches: a list of 4 bytes a row
 * is then no larger than a bitmap of the segment. */
#define SCAN_LIST_ONE_IN 32u

typedef struct scan {
    const snapshot *s;
    const filter *f;     /* NULL: all rows */
    fresh_reader *fresh; /* lent */
    mem_arena *block;    /* lent, for the filter's bitmaps */
    fresh_wants wants;
    filter_table *ft;       /* before the segment, or fresh rows, in hand */
    filter_indexes indexes; /* of the segment in hand */
    uint32_t next_segment;
    uint32_t next_row;    /* of that segment */
    const uint32_t *list; /* its rows that count, ascending: only blocks that have some are come
                           * to; NULL: all blocks are */
    const uint32_t *list_end;
    bool fresh_is_open;
    /* The block in hand. */
    const table *t;  /* NULL: at the end */
    uint32_t source; /* position of the segment in the view, or RESULT_FRESH */
    uint32_t begin;
    uint32_t count;
    const uint64_t *pass; /* bit 0 is row `begin`; NULL: all rows */
    uint64_t bits[FILTER_BLOCK_ROWS / 64];
} scan;

/* Begin. `arena` keeps what lasts as long as the scan, `block` what lasts as long as a segment: no
 * one else touches it. Of fresh rows the columns of the filter, of `o` (may be NULL) and one vector
 * field (or FRESH_NO_VECTOR) are gathered. */
mv_err scan_start(scan *sc, const snapshot *s, const filter *f, const order *o,
                  uint32_t vector_field, fresh_reader *fresh, mem_arena *arena, mem_arena *block,
                  mv_error *error);
/* Is the next block the first of a segment? Then its position in the view. */
static inline bool scan_at_segment(const scan *sc, uint32_t *segment_at)
{
    *segment_at = sc->next_segment;
    return sc->next_row == 0 && sc->next_segment < sc->s->v->segments_count;
}
/* At least and at most how many rows of the segment that comes next pass the filter, as far as
 * indexes tell without reading rows; deleted ones are counted. */
mv_err scan_estimate(scan *sc, uint32_t *least, uint32_t *most, mv_error *error);
/* Which rows of the segment that comes next count, one by one in no order, where they are few and
 * an index has them so; else *rows is NULL. Lent until the segment is left. */
mv_err scan_list(scan *sc, uint32_t **rows, uint32_t *count, mv_error *error);
/* Which rows of the segment that comes next count, all at once: into `pass`, bit 0 being row 0. */
mv_err scan_segment(scan *sc, uint64_t *pass, mv_error *error);
/* Leave that segment out: the caller has looked at it. */
static inline void scan_skip_segment(scan *sc)
{
    sc->next_segment++;
    sc->next_row = 0;
    sc->list = NULL;
    sc->ft = NULL;
}
/* Go to the next block, which may have no row that passes. sc->t is NULL at the end. */
mv_err scan_next(scan *sc, mv_error *error);
/* Call in any case. */
void scan_end(scan *sc);

/* How many rows of the block pass. */
static inline size_t scan_matching(const scan *sc)
{
    return sc->pass ? bits_count(sc->pass, sc->count) : sc->count;
}
/* The first row of the block, from `at` on, that passes; sc->count: none does. */
static inline uint32_t scan_find(const scan *sc, uint32_t at)
{
    if (!sc->pass || at >= sc->count) return at;
    uint32_t word = at / 64;
    uint64_t bits = sc->pass[word] >> at % 64 << at % 64;
    while (!bits) {
        if (++word * 64 >= sc->count) return sc->count;
        bits = sc->pass[word];
    }
    return word * 64 + MV_LOWEST_BIT(bits);
}
/* What a hit on row `at` of the block has as its row. */
uint64_t scan_row(const scan *sc, uint32_t at);

/* Append the docids (u64) of all rows that pass. For those who change rows meanwhile, which would
 * pull them from under a scan. */
mv_err scan_docids(const snapshot *s, const mv_filter *source, mem_buffer *docids, mv_error *error);

#endif
