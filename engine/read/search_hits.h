/* What searches have in common that find all hits in one heap, and whose distance is the negative
 * score: by sparse vector, and by several vectors together. */
#ifndef MV_SEARCH_HITS_H
#define MV_SEARCH_HITS_H

#include "read/search.h"

/* How such a search goes over the rows of a scalar field: `index_of` gives the index of a segment
 * that can be used, or NULL, `segment` searches a segment by it, `block` a block of other rows. */
typedef struct search_hits_visitor {
    shared_index *(*index_of)(void *ctx, uint32_t source);
    mv_err (*segment)(void *ctx, shared_index *x, uint32_t source, scan *sc, mv_error *error);
    mv_err (*block)(void *ctx, const scan *sc, mv_error *error);
} search_hits_visitor;

/* `arena` gets what lasts as long as the scan. */
mv_err search_hits_scan(search *s, uint32_t field, mem_arena *arena,
                        const search_hits_visitor *visitor, void *ctx, mv_error *error);

/* The largest distance that a hit may have, rounded up to a float. search_hits_take compares
 * exactly. */
float search_hits_limit(const mv_query *q);
/* Add the hits of one page to the result, from all hits in a heap. */
mv_err search_hits_take(search *s, topk *top, uint32_t input, mv_error *error);

#endif
