/* The k nearest entries seen so far. They are kept in a heap whose top is the worst of them (I16):
 * the farthest, and of equally far ones that with the greatest docid. */
#ifndef MV_TOPK_H
#define MV_TOPK_H

#include "base/config.h"

typedef struct topk_entry {
    float distance;
    uint32_t source; /* meaning is the caller's: the segment of the row */
    uint64_t row;    /* meaning is the caller's */
    uint64_t docid;
} topk_entry;

typedef struct topk {
    topk_entry *heap; /* memory of the caller for `capacity` entries */
    uint32_t count;
    uint32_t capacity; /* at least 1 */
    float limit;       /* only entries at most this far are added; falls once the heap is full */
} topk;

/* Start empty. Entries farther than `limit` are ignored (INFINITY: no limit). */
void topk_start(topk *t, topk_entry *heap, uint32_t capacity, float limit);
/* Add the entry if it is one of the k nearest so far. */
void topk_push(topk *t, topk_entry entry);
/* Sort the entries, best first. No entry may be pushed afterwards. */
void topk_finish(topk *t);

/* Could an entry at `distance` be added? A cheap test for inner loops: topk_push decides ties. */
static inline bool topk_may_take(const topk *t, float distance)
{
    return distance <= t->limit;
}

#endif
