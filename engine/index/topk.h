/* The k nearest seen so far: a binary heap with the worst on top, ties broken by docid. */
#ifndef MV_TOPK_H
#define MV_TOPK_H

#include "base/config.h"

typedef struct topk_entry {
    float distance;
    uint32_t source; /* the caller's: where the row is */
    uint64_t row;    /* the caller's */
    uint64_t docid;
} topk_entry;

typedef struct topk {
    topk_entry *heap; /* room for `capacity`, the caller's memory */
    uint32_t count;
    uint32_t capacity; /* at least 1 */
    float limit;       /* only entries at most this far are taken; shrinks when the heap is full */
} topk;

/* Start empty; entries farther than `limit` (INFINITY: none) will not be taken. */
void topk_start(topk *t, topk_entry *heap, uint32_t capacity, float limit);
void topk_push(topk *t, topk_entry entry);
/* Sort the entries best first; the heap is spent. */
void topk_finish(topk *t);

/* Could an entry at `distance` still be taken? Cheap, for inner loops; topk_push decides ties. */
static inline bool topk_may_take(const topk *t, float distance)
{
    return distance <= t->limit;
}

#endif
