/* The plan of optimize: groups of neighbouring segments to be merged, and segments that lack an
 * index.
 *
 * From the newest segment to older ones, a segment joins the group if it has at most four times the
 * rows that are in the group so far: a large segment is copied only if at least a fifth of the
 * result is newer. Small segments always join. A group is written if it has several segments, or if
 * it has many deleted rows, or some and is cheap to copy. A single segment that is not written may
 * still lack an index.
 *
 * Maintenance and gradual jobs merge by levels instead, as an LSM tree does (by_levels): a
 * segment joins if it has at most three times the rows, and a segment with deleted rows is written
 * when a fifth of them are. So a row is rewritten a number of times that grows with the logarithm
 * of all rows. A larger segment joins, too, if the group stays small and if copying the segment
 * takes no longer than inserting the newer rows in its graphs: copying a row of 768 dims takes a
 * 24th of that. Simulated for a million rows of 768 dims (merge_plan_test.c), each is copied 10.5
 * times and inserted in 2.2 graphs, and there are up to 4 segments. With twice the rows it is 9.7,
 * 2.2 and 4, with four times 10.5, 2.1 and 3, but large segments are copied for fewer newer rows.
 * By the number of rows alone it was 7.1, 2.5 and 4, and while a large group was worked on, the
 * rows that came meanwhile lay in segments of 16,000. */
#ifndef MV_MERGE_PLAN_H
#define MV_MERGE_PLAN_H

#include "open/snapshot.h"

/* An iteration over the groups of a view. The current group is the segments [begin, end). */
typedef struct merge_plan {
    const mv_schema *schema;
    const view *v;
    uint32_t first;  /* segments [0, first) are not planned at all */
    uint32_t before; /* segments [first, before) are not planned yet */
    uint32_t begin;
    uint32_t end;
    bool only_indexes; /* groups are the segments that lack an index */
    bool by_levels;    /* merge by levels; where rows lack an index, groups are small, so that
                        * finished work is soon kept. A small group may leave newer segments of the
                        * view out: the next plan takes a new view */
    bool only_small;   /* leave groups out that are not small */
    bool merges; /* write the group as one segment; false: it is one segment that lacks an index */
} merge_plan;

/* `v` is lent. `only_indexes`: build what is missing, merge nothing. */
merge_plan merge_plan_start(const view *v, bool only_indexes);
/* By levels, only small groups, of the segments that are newer than the one with this number. */
merge_plan merge_plan_start_newer(const view *v, uint64_t number);
/* Find the next group, from newer to older. False: there is no other group. */
bool merge_plan_next(merge_plan *p);

/* Rows of the group that are not deleted. */
uint64_t merge_plan_rows(const merge_plan *p);
/* True when the indexes of the segment, which is one of the group, may be extended by the other
 * rows of the group, instead of being rebuilt: it has at least half of the rows of the group,
 * and at least half of its own rows are left. Of a graph that lost more, most links are repaired
 * ones. Three quarters deleted at random from 10,000 rows of 384 dims: recall at ef 64 was 0.83,
 * and 0.86 rebuilt, in twice the time. */
bool merge_plan_may_extend(const merge_plan *p, const view_segment *s);
/* The rows of the group that are inserted in indexes: all, but those of a segment whose indexes are
 * extended. */
uint64_t merge_plan_inserted_rows(const merge_plan *p);
/* True when copying rows of the group takes some tenths of a second at most, and few rows are
 * inserted in an index. */
bool merge_plan_is_small(const merge_plan *p);
/* True when an index is to be built in this slot (index_slot.h) of the group. */
bool merge_plan_builds(const merge_plan *p, uint32_t slot);
/* The cost of the group in the unit of mv_progress: bytes to be written. The cost of an index is
 * the number of bytes that are written in the time that building it takes. */
uint64_t merge_plan_write_cost(const merge_plan *p);
uint64_t merge_plan_build_cost(const merge_plan *p, uint32_t slot);

/* The cost of all that an optimize would do now, sealing the fresh rows included. 0: nothing. */
uint64_t merge_plan_rest_cost(const view *v);
/* True when there is enough to do that maintenance should do it. */
bool merge_plan_is_urgent(const view *v);
/* Rows of the segments [first, v->segments_count) that lack an index. */
uint64_t merge_plan_lacking_rows(const view *v, uint32_t first);
/* True when enough rows lack an index for maintenance to begin at once. */
bool merge_plan_lacks_many(const view *v, uint32_t first);
/* Rows that an index should have but does not have yet, the fresh rows among them. */
uint64_t merge_plan_pending_rows(const view *v);

#endif
