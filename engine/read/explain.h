/* Explaining a search: counts and times for each segment and for the fresh rows. Without
 * mv_query.explain these functions do next to nothing. */
#ifndef MV_EXPLAIN_H
#define MV_EXPLAIN_H

#include "read/search.h"

mv_err explain_start(search *s, mv_error *error);
/* The time, for differences; 0 without explain. */
double explain_now(const search *s);
/* Count from now on for segment `source` of the view, or for RESULT_FRESH. */
void explain_begin_part(search *s, uint32_t source);
/* The matching rows of the current block were measured for each of `vectors` vectors. */
void explain_note_block(search *s, const scan *sc, uint32_t vectors);

#endif
