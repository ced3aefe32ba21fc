/* Threads that build a graph. b->mutex guards the phase and its items (`phase`, `items`,
 * `next_item`, `busy`, `midway`, and which scratches are used), and `is_out_of_range`. Everything
 * else belongs to the thread that works on an item, or to the thread that advances the phase while
 * no other works. A thread takes a few items at a time, and waits only when all items of the phase
 * are taken and others still work on some. */
#include "index/hnsw_builder.h"

/* Items a thread takes at a time in phases whose items take about a microsecond, so that it locks
 * the mutex seldom. */
#define TURN_ITEMS 16u

typedef struct worker {
    hnsw_builder *b;
    os_thread *thread;
} worker;

static uint32_t turn_items(hnsw_build_phase phase)
{
    bool is_quick =
        phase == HNSW_BUILD_COPY_BASE || phase == HNSW_BUILD_LINK || phase == HNSW_BUILD_TRIM;
    return is_quick ? TURN_ITEMS : 1;
}

/* A scratch for this thread; first those with an unfinished item: the thread that began it may not
 * be there in this step. There are as many as threads. */
static hnsw_build_scratch *take_scratch_locked(hnsw_builder *b)
{
    hnsw_build_scratch *s = NULL;
    for (uint32_t t = 0; t < b->threads; t++) {
        hnsw_build_scratch *other = &b->scratch[t];
        if (!other->is_used && (!s || (other->is_midway && !s->is_midway))) s = other;
    }
    mv_assert(s != NULL);
    s->is_used = true;
    return s;
}

/* Work on `count` items from `begin` on, without the mutex. False: the last one is not finished. */
static bool work_on_items(hnsw_builder *b, hnsw_build_scratch *s, uint32_t begin, uint32_t count)
{
    bool is_finished = true;
    b->busy++;
    os_mutex_unlock(b->mutex);
    for (uint32_t i = 0; i < count; i++) is_finished = hnsw_phase_work(b, s, begin + i);
    os_mutex_lock(b->mutex);
    mv_assert(b->busy > 0);
    b->busy--;
    return is_finished;
}

/* Do a turn: go on with an unfinished item, or take the next items. False: there is none. */
static bool do_turn_locked(hnsw_builder *b)
{
    uint32_t left = b->items - b->next_item, most = turn_items(b->phase),
             turn = left < most ? left : most;
    if (!turn && !b->midway) return false;
    hnsw_build_scratch *s = take_scratch_locked(b);
    if (s->is_midway) {
        b->midway--;
        turn = 1;
    } else {
        s->item = b->next_item;
        b->next_item += turn;
    }
    if (turn && !work_on_items(b, s, s->item, turn)) b->midway++;
    s->is_used = false;
    return turn > 0;
}

/* Work on items until the graph is complete or the time is over. The thread that finishes the last
 * item of a phase begins the next phase. */
static void work_on_graph(void *ctx)
{
    worker *me = ctx;
    hnsw_builder *b = me->b;
    os_mutex_lock(b->mutex);
    bool is_first = true;
    while (b->phase != HNSW_BUILD_DONE && !b->has_no_memory &&
           (is_first || os_seconds() < b->until)) {
        is_first = false;
        bool has_worked = do_turn_locked(b);
        if (b->next_item < b->items || b->midway) continue;
        if (!b->busy) {
            hnsw_phase_advance(b);
            os_condition_signal_all(b->condition);
        } else if (!has_worked) {
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
        workers[started] = (worker){b, NULL};
        if (os_thread_start(work_on_graph, &workers[started], &workers[started].thread, NULL))
            break;
    }
    workers[0] = (worker){b, NULL};
    work_on_graph(&workers[0]);
    for (uint32_t t = 1; t < started; t++) os_thread_join(workers[t].thread);
}
