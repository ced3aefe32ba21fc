/* A search in progress: what its parts share. */
#ifndef MV_SEARCH_H
#define MV_SEARCH_H

#include "index/flat.h"
#include "read/result.h"
#include "read/scan.h"

typedef struct search {
    const mv_query *q;
    mv_result *r;
    const schema_vector *field;
    filter *f;
    uint64_t left_out;      /* docid of the document searched by; 0: none */
    const uint8_t *vectors; /* `count`, as they are given */
    size_t vector_size;
    distance_query *queries;
    topk *tops;
    uint32_t count;             /* of queries */
    index_scratch scratch;      /* of the engine, while graphs are searched */
    mv_plan_step *part;         /* what is being searched now */
    mv_plan_step not_explained; /* that, where nobody wants to know */
} search;

/* Memory that lasts as long as the result's hits. NULL: there is none, and `error` is filled. */
static inline void *search_alloc(search *s, size_t size, mv_error *error)
{
    void *block = mem_arena_alloc(&s->r->arena, size);
    if (!block) (void)error_memory(error, size, "a query");
    return block;
}

/* How many hits to look for. Those before the page are dropped at the end, as are those that the
 * result gave before. */
static inline uint64_t search_hits_wanted(const search *s)
{
    return (uint64_t)s->q->topk + s->q->offset + result_given_count(s->r);
}

#endif
