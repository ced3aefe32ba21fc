/* A search in progress: what the files that search share. */
#ifndef MV_SEARCH_H
#define MV_SEARCH_H

#include "index/flat.h"
#include "read/result.h"
#include "read/scan.h"
#include "read/team.h"

typedef struct search {
    const mv_query *q;
    mv_result *r;
    const schema_vector *field; /* that is searched; NULL: without a vector */
    filter *f;                  /* NULL: all rows match */
    uint64_t left_out;          /* docid of the document whose vector is searched for; 0: none */
    const uint8_t *vectors;     /* `count` of vector_size bytes each, as they are given */
    size_t vector_size;
    distance_query *queries;     /* one per vector */
    flat_codes_query *coded;     /* the same for codes of rows without a graph; NULL: not yet */
    topk *tops;                  /* one per vector */
    uint32_t count;              /* of vectors */
    bool has_bits;               /* `coded` is prepared for bits, too */
    bool has_encoded;            /* rows, for this and later searches (waiting_codes.h) */
    bool *is_found;              /* one per vector: a graph has found its hits */
    team *team;                  /* that searches; NULL: nothing is searched now */
    mv_plan_step *step;          /* of what is being searched now */
    mv_plan_step discarded_step; /* that step, without explain */
} search;

/* Allocate what lasts as long as the result's hits. NULL: MV_NO_MEMORY, and `error` is filled. */
static inline void *search_alloc(search *s, size_t size, mv_error *error)
{
    void *block = mem_arena_alloc(&s->r->arena, size);
    if (!block) (void)error_memory(error, size, "a query");
    return block;
}

/* How many hits to select without a vector. Hits before the offset, and hits that the result
 * returned before, are dropped at the end. */
static inline uint64_t search_hits_wanted(const search *s)
{
    return (uint64_t)s->q->topk + s->q->offset + result_returned_count(s->r);
}

/* Must the search be exact? */
static inline bool search_is_exact(const search *s)
{
    return s->q->strategy == MV_STRATEGY_EXACT ||
           (s->q->strategy == MV_STRATEGY_AUTO && s->q->recall >= 1);
}

/* Entries of a heap for `wanted` hits; 1 if there are no documents, because no heap may be empty.
 */
static inline uint32_t search_capacity(const search *s, uint64_t wanted)
{
    uint64_t documents = s->r->seen->v->state.documents;
    uint64_t capacity = wanted < documents ? wanted : documents;
    return capacity ? (uint32_t)capacity : 1;
}

#endif
