/* What optimize has to do: groups of neighbouring segments to be merged, and segments that lack
 * an index.
 *
 * Going from the newest segment to older ones, a segment joins the group while it has at most four
 * times the rows gathered so far, so that a large segment is copied only when a good part of it is
 * new; small segments always join. A group is worth writing when it joins segments, or when
 * deletions are many in it or copying it is cheap. A segment on its own that is not worth writing
 * may still want an index. */
#ifndef MV_MERGE_PLAN_H
#define MV_MERGE_PLAN_H

#include "open/snapshot.h"

/* A walk over the groups of a view. The group in hand is its segments [begin, end). */
typedef struct merge_plan {
    const mv_schema *schema;
    const view *v;
    uint32_t before; /* segments [0, before) are still to be looked at */
    uint32_t begin;
    uint32_t end;
    bool only_indexes; /* groups are the segments that lack an index */
    bool merges; /* the group is to be written anew; else it is one segment that lacks an index */
} merge_plan;

/* `v` is lent. `only_indexes`: build what is missing, merge nothing. */
merge_plan merge_plan_start(const view *v, bool only_indexes);
/* Find the next group, from newer to older. False: nothing is left to do. */
bool merge_plan_next(merge_plan *p);

/* Rows of the group that are not deleted. */
uint64_t merge_plan_rows(const merge_plan *p);
/* Is an index to be built in this slot (index_open.h) of the group? */
bool merge_plan_builds(const merge_plan *p, uint32_t slot);
/* What the group costs, in the unit of mv_progress: bytes to be written, and for indexes, which
 * take longer, as much as makes the scale even. */
uint64_t merge_plan_write_cost(const merge_plan *p);
uint64_t merge_plan_build_cost(const merge_plan *p, uint32_t slot);

/* Should all this be done without being asked for? */
bool merge_plan_is_urgent(const view *v);

#endif
