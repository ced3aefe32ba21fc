/* A bounded heap. */
#include "index/topk.h"

static bool is_worse(const topk_entry *a, const topk_entry *b)
{
    if (a->distance != b->distance) return a->distance > b->distance;
    return a->docid > b->docid;
}

void topk_start(topk *t, topk_entry *heap, uint32_t capacity, float limit)
{
    *t = (topk){.heap = heap, .capacity = capacity, .limit = limit};
}

static void sift_down(topk_entry *heap, uint32_t count, uint32_t at, topk_entry entry)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) break;
        if (child + 1 < count && is_worse(&heap[child + 1], &heap[child])) child++;
        if (!is_worse(&heap[child], &entry)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = entry;
}

static void sift_up(topk_entry *heap, uint32_t at, topk_entry entry)
{
    while (at) {
        uint32_t parent = (at - 1) / 2;
        if (!is_worse(&entry, &heap[parent])) break;
        heap[at] = heap[parent];
        at = parent;
    }
    heap[at] = entry;
}

void topk_push(topk *t, topk_entry entry)
{
    if (!topk_may_take(t, entry.distance)) return;
    if (t->count < t->capacity) {
        sift_up(t->heap, t->count++, entry);
    } else {
        if (!is_worse(&t->heap[0], &entry)) return;
        sift_down(t->heap, t->count, 0, entry);
    }
    if (t->count == t->capacity) t->limit = t->heap[0].distance;
}

void topk_finish(topk *t)
{
    for (uint32_t count = t->count; count > 1; count--) {
        topk_entry worst = t->heap[0], last = t->heap[count - 1];
        t->heap[count - 1] = worst;
        sift_down(t->heap, count - 1, 0, last);
    }
}
