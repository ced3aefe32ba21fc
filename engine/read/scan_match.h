/* MATCH in filters: the rows of a table whose text matches what a person typed. */
#ifndef MV_SCAN_MATCH_H
#define MV_SCAN_MATCH_H

#include "open/snapshot.h"
#include "read/text_segment.h"

/* One MATCH of a filter, prepared. A scan has a list of those that it has met. */
typedef struct scan_match {
    struct scan_match *next;
    uint32_t field;
    const uint8_t *text; /* of the filter, by whose address it is found */
    text_query query;
    text_analyzer *analyzer;
    text_match match;
    mem_arena arena;        /* for the segment */
    ranked_cursor *cursors; /* one for each leaf; in the arena of the scan */
} scan_match;

/* Set the bits of the rows of `t` that match, those with NULL excepted. `at`: the position of the
 * segment in the view; RESULT_FRESH: fresh rows. `list` is that of the scan, whose members are in
 * `arena`. */
mv_err scan_match_rows(scan_match **list, const snapshot *s, uint32_t at, const table *t,
                       uint32_t field, const uint8_t *text, size_t size, mem_arena *arena,
                       uint64_t *rows, mv_error *error);
void scan_match_end(scan_match *list, const snapshot *s);

#endif
