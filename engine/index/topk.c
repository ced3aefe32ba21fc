/* The k nearest, by a bounded heap (base/heap.h). */
#include "index/topk.h"

#include "base/heap.h"

static bool is_worse(const void *ctx, const void *first, const void *second)
{
    const topk_entry *a = first, *b = second;
    (void)ctx;
    if (a->distance != b->distance) return a->distance > b->distance;
    return a->docid > b->docid;
}

void topk_start(topk *t, topk_entry *heap, uint32_t capacity, float limit)
{
    mv_assert(heap);
    mv_assert(capacity >= 1);
    *t = (topk){.heap = heap, .capacity = capacity, .limit = limit};
}

void topk_push(topk *t, topk_entry entry)
{
    mv_assert(t->count <= t->capacity);
    if (!topk_may_take(t, entry.distance)) return;
    if (t->count < t->capacity) {
        heap_sift_up(t->heap, t->count++, &entry, sizeof entry, is_worse, NULL);
    } else {
        if (!is_worse(NULL, &t->heap[0], &entry)) return;
        heap_sift_down(t->heap, t->count, 0, &entry, sizeof entry, is_worse, NULL);
    }
    mv_assert(t->heap[0].distance <= t->limit); /* I16 */
    if (t->count == t->capacity) t->limit = t->heap[0].distance;
}

void topk_finish(topk *t)
{
    for (uint32_t count = t->count; count > 1; count--) {
        topk_entry last = t->heap[count - 1];
        t->heap[count - 1] = t->heap[0];
        heap_sift_down(t->heap, count - 1, 0, &last, sizeof last, is_worse, NULL);
        mv_assert(!is_worse(NULL, &t->heap[0], &t->heap[count - 1])); /* I16 */
    }
}
