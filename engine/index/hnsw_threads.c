/* Threads that build a graph. b->mutex guards the phase and its items (`phase`, `items`,
 * `next_item`, `busy`), and `is_out_of_range`. Everything else belongs to the thread that works on
 * an item, or to the thread that advances the phase while no other works. A thread takes a few
 * items at a time, and waits only when all items of the phase are taken and others still work on
 * some. */
#include "index/hnsw_builder.h"

/* Items that a thread takes at a time, so that it locks the mutex seldom. An item that measures
 * takes as long as several searches: these are taken one by one. */
#define TURN_ITEMS 8u

typedef struct worker {
    hnsw_builder *b;
    hnsw_build_scratch *s;
    os_thread *thread;
} worker;

/* Work on items until the graph is complete or the time is over. The thread that finishes the last
 * item of a phase begins the next phase. */
static void work_on_graph(void *ctx)
{
    worker *me = ctx;
    hnsw_builder *b = me->b;
    os_mutex_lock(b->mutex);
    bool is_first = true;
    while (b->phase != HNSW_BUILD_DONE && (is_first || os_seconds() < b->until)) {
        is_first = false;
        uint32_t begin = b->next_item, left = b->items - begin;
        uint32_t most = b->phase == HNSW_BUILD_MEASURE_NEAR || b->phase == HNSW_BUILD_MEASURE_RECALL
                            ? 1
                            : TURN_ITEMS;
        uint32_t turn = left < most ? left : most;
        if (turn) {
            b->next_item += turn;
            b->busy++;
            os_mutex_unlock(b->mutex);
            for (uint32_t i = 0; i < turn; i++) hnsw_phase_work(b, me->s, begin + i);
            os_mutex_lock(b->mutex);
            mv_assert(b->busy > 0);
            b->busy--;
        }
        if (b->next_item < b->items) continue;
        if (!b->busy) {
            hnsw_phase_advance(b);
            os_condition_signal_all(b->condition);
        } else if (!turn) {
            os_condition_wait(b->condition, b->mutex, -1);
        }
    }
    os_condition_signal_all(b->condition);
    os_mutex_unlock(b->mutex);
}

void hnsw_threads_run(hnsw_builder *b, double until)
{
    worker workers[MV_THREADS_MAX];
    mv_assert(b->threads >= 1);
    mv_assert(b->threads <= MV_THREADS_MAX);
    b->until = until;
    uint32_t started = 1;
    /* Threads end with the step, so that a fork between steps copies no thread's work. If a thread
     * cannot be started, the others do its share. */
    for (; started < b->threads; started++) {
        workers[started] = (worker){b, &b->scratch[started], NULL};
        if (os_thread_start(work_on_graph, &workers[started], &workers[started].thread, NULL))
            break;
    }
    workers[0] = (worker){b, &b->scratch[0], NULL};
    work_on_graph(&workers[0]);
    for (uint32_t t = 1; t < started; t++) os_thread_join(workers[t].thread);
}
