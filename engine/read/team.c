/* Threads that share the vectors of a query. A member takes the next items whenever it has done its
 * last ones, so that none waits for slower ones but at the end. */
#include "read/team.h"

/* Take turns until no item is left. The caller has the mutex. */
static void take_turns_locked(team *t, team_member *me)
{
    while (t->next_item < t->items) {
        uint32_t begin = t->next_item, left = t->items - begin;
        uint32_t end = begin + (left < t->turn ? left : t->turn);
        t->next_item = end;
        t->busy++;
        os_mutex_unlock(t->mutex);
        mv_err err = t->work(t->ctx, me, begin, end);
        os_mutex_lock(t->mutex);
        mv_assert(t->busy > 0);
        t->busy--;
        if (!err) continue;
        if (!t->err) {
            t->err = err;
            t->error = me->error;
        }
        t->next_item = t->items;
    }
}

static void run_member(void *ctx)
{
    team_member *me = ctx;
    team *t = me->team;
    os_mutex_lock(t->mutex);
    while (!t->is_over) {
        take_turns_locked(t, me);
        if (!t->busy) os_condition_signal_all(t->condition);
        if (!t->is_over) os_condition_wait(t->condition, t->mutex, -1);
    }
    os_mutex_unlock(t->mutex);
}

static team_member *add_member(team *t)
{
    team_member *m = &t->members[t->count];
    m->team = t;
    m->thread = NULL;
    m->counts = (mv_search_counts){0};
    m->scratch = engine_acquire_scratch(t->e);
    return m;
}

void team_begin(team *t, engine *e, uint32_t threads)
{
    mv_assert(threads >= 1);
    mv_assert(threads <= MV_THREADS_MAX);
    t->e = e;
    t->count = 0;
    (void)add_member(t);
    t->count = 1;
    t->mutex = NULL;
    t->condition = NULL;
    t->items = t->next_item = t->busy = 0;
    t->err = MV_OK;
    t->is_over = false;
    if (threads == 1) return;
    t->mutex = os_mutex_create();
    t->condition = os_condition_create();
    if (!t->mutex || !t->condition) return;
    for (; t->count < threads; t->count++) {
        team_member *m = add_member(t);
        if (!os_thread_start(run_member, m, &m->thread, NULL)) continue;
        engine_release_scratch(e, m->scratch);
        break;
    }
}

mv_err team_run(team *t, team_work *work, void *ctx, uint32_t items, uint32_t turn, mv_error *error)
{
    team_member *me = &t->members[0];
    mv_assert(turn > 0);
    if (t->count == 1) {
        t->err = work(ctx, me, 0, items);
        if (t->err) *error = me->error;
        return t->err;
    }
    os_mutex_lock(t->mutex);
    mv_assert(!t->busy);
    t->work = work;
    t->ctx = ctx;
    t->items = items;
    t->next_item = 0;
    t->turn = turn;
    t->err = MV_OK;
    os_condition_signal_all(t->condition);
    take_turns_locked(t, me);
    while (t->busy) os_condition_wait(t->condition, t->mutex, -1);
    os_mutex_unlock(t->mutex);
    if (t->err) *error = t->error;
    return t->err;
}

void team_take_counts(team *t, mv_search_counts *sum)
{
    for (uint32_t i = 0; i < t->count; i++) {
        index_add_counts(sum, &t->members[i].counts);
        t->members[i].counts = (mv_search_counts){0};
    }
}

void team_end(team *t)
{
    if (t->count > 1) {
        os_mutex_lock(t->mutex);
        t->is_over = true;
        os_condition_signal_all(t->condition);
        os_mutex_unlock(t->mutex);
    }
    for (uint32_t i = 0; i < t->count; i++) {
        os_thread_join(t->members[i].thread);
        engine_release_scratch(t->e, t->members[i].scratch);
    }
    os_condition_free(t->condition);
    os_mutex_free(t->mutex);
}
