/* What searches have in common: from the nearest rows to the hits of a page; and how those by
 * sparse vector, and by several vectors together, go over all rows. */
#ifndef MV_SEARCH_HITS_H
#define MV_SEARCH_HITS_H

#include "read/search.h"

/* How a search goes over the rows of a scalar field: `index_of` gives the index of a segment
 * that can be used, or NULL, `segment` searches a segment by it, `block` a block of other rows. */
typedef struct search_hits_visitor {
    shared_index *(*index_of)(void *ctx, uint32_t source);
    mv_err (*segment)(void *ctx, shared_index *x, uint32_t source, scan *sc, mv_error *error);
    mv_err (*block)(void *ctx, const scan *sc, mv_error *error);
} search_hits_visitor;

/* `arena` gets what lasts as long as the scan. */
mv_err search_hits_scan(search *s, uint32_t field, mem_arena *arena,
                        const search_hits_visitor *visitor, void *ctx, mv_error *error);

/* Where a search is in the sequence of the hits for one vector, or for several together, best
 * first. */
typedef struct hit_page {
    mv_metric metric;
    uint64_t offset, end; /* the hits at these positions are returned */
    uint64_t goal;        /* how many hits of the sequence the next round finds */
    uint64_t found;       /* how many hits earlier rounds found */
    size_t first;         /* position of the first hit of the page in the result */
    const mv_hit *after;  /* only hits behind this one are returned; NULL: all */
    bool is_alone;        /* of one page: it is noted which hits stand before it */
} hit_page;

/* The page that the query asks for, found by one round. */
hit_page search_hits_page(const search *s, mv_metric metric);
/* The largest distance that a hit may have, rounded up to a float. search_hits_take compares
 * exactly. */
float search_hits_limit(const mv_query *q, mv_metric metric);
/* Move on in the sequence by the rows of `top` that no earlier round found. Hits of the page are
 * added to the result. */
mv_err search_hits_take(search *s, topk *top, uint32_t input, hit_page *page, mv_error *error);

/* How the nearest rows are found. */
typedef struct hit_finder {
    void *ctx;
    /* May a search for `wanted` hits miss some? */
    bool (*may_miss)(void *ctx, uint64_t wanted);
    /* Search; *top is lent until the next call. */
    mv_err (*find)(void *ctx, uint64_t wanted, topk **top, mv_error *error);
} hit_finder;

/* Search in rounds. A search of a graph for more hits is another approximation: it does not begin
 * with the hits of a search for fewer. So a page is not cut out of one search that is as large as
 * the page is deep. It is cut out of a sequence of rounds, which depends on `topk` and not on the
 * offset: the first finds topk hits, and each further one as many more as there are, leaving out
 * those of earlier rounds. Pages with the same topk never share a hit. With page.after the page
 * begins behind that hit, at whatever position it is; hits before it take no place. */
mv_err search_hits_in_rounds(search *s, const hit_finder *f, uint32_t input, hit_page page,
                             mv_error *error);

#endif
