/* Explaining a search: a step (mv_plan_step) with counts and times for each segment, and one for
 * the fresh rows. Without mv_query.explain the counts go to a step that is discarded. */
#ifndef MV_EXPLAIN_H
#define MV_EXPLAIN_H

#include "read/search.h"

/* Call once the result sees its commit. */
mv_err explain_begin(search *s, mv_error *error);
/* The time in seconds, for differences; 0 without explain. */
double explain_now(const search *s);
/* From now on s->step is that of segment `source` of the view, or of RESULT_FRESH. */
void explain_begin_step(search *s, uint32_t source);
/* A further round of the search begins: steps count matching rows once, and add up all else. */
void explain_begin_round(search *s);
/* Count the matching rows of the current block. The distances of those from row `first` of the
 * block on to `vectors` vectors are computed. */
void explain_note_block(search *s, const scan *sc, uint32_t first, uint32_t vectors);

#endif
