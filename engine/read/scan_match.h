/* MATCH in filters: the rows of a table whose text matches a full-text query. */
#ifndef MV_SCAN_MATCH_H
#define MV_SCAN_MATCH_H

#include "open/snapshot.h"
#include "query/filter.h"
#include "read/text_segment.h"

/* One MATCH of a filter, prepared. A scan has a list of them. */
typedef struct scan_match {
    struct scan_match *next;
    const filter_match *test;
    text_query query;
    text_analyzer *analyzer;
    text_match match;
    mem_arena arena;        /* for the segment */
    ranked_cursor *cursors; /* one for each leaf; in the arena of the scan */
} scan_match;

/* Prepare the tests of a filter in `arena`. MV_MISUSE, MV_LIMIT: a query is wrong. Call
 * scan_match_end also after a failure. */
mv_err scan_match_begin(scan_match **list, const snapshot *s, const filter_match *tests,
                        mem_arena *arena, mv_error *error);
/* Set the bits of the rows of a segment of the view that match, those with NULL excepted. */
mv_err scan_match_segment(scan_match *list, const snapshot *s, uint32_t at,
                          const filter_match *test, uint64_t *rows, mv_error *error);
/* The same for a chunk of fresh rows, as a table, and the lists of the field. */
mv_err scan_match_fresh(scan_match *list, const snapshot *s, const table *t, waiting_lists *waiting,
                        const filter_match *test, uint64_t *rows, mv_error *error);
void scan_match_end(scan_match *list, const snapshot *s);

#endif
