/* The hits of searches that find all of them in one heap, and whose distance is the negative score.
 */
#ifndef MV_SEARCH_HITS_H
#define MV_SEARCH_HITS_H

#include "read/search.h"

/* The largest distance that a hit may have, rounded up to a float. search_hits_take compares
 * exactly. */
float search_hits_limit(const mv_query *q);
/* Add the hits of one page to the result, from all hits in a heap. */
mv_err search_hits_take(search *s, topk *top, uint32_t input, mv_error *error);

#endif
