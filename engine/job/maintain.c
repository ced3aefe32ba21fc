/* The thread of maintenance.
 *
 * It has no reference to the engine: with one, the engine would never be closed. Releasing the last
 * reference stops the thread first (registry.c, step 2). */
#include "job/maintain.h"

#include <string.h>

/* The pause after a failure. It is doubled after each failure that follows, up to the maximum.
 * Chosen so that a full disk costs little: a failed merge may have written a whole group. */
#define PAUSE_SECONDS     10.0
#define PAUSE_SECONDS_MAX 640.0

typedef struct maintainer {
    engine *e;
    os_thread *thread;
    os_condition
        *changed;   /* with the engine's mutex, which guards all members below but the atomic */
    bool is_wanted; /* to optimize */
    bool is_working;
    bool must_end;              /* the thread */
    bool sync;                  /* durability of the handle that woke it */
    atomic_bool is_interrupted; /* stop after the current slice */
    double pause;               /* seconds, after the last failure; 0: none */
    double not_before;          /* os_seconds until which it is not woken */
    char failure[MV_ERROR_TEXT_SIZE];
} maintainer;

/* ---------------------------------------------------------------- the thread */

static mv_err optimize(maintainer *m, bool sync, mv_error *error)
{
    mv_job *job = NULL;
    MV_TRY(job_create(m->e, sync, JOB_THREADS_MAINTENANCE, &job, error));
    job->keeps_synced = true;
    job->stage = JOB_PLAN; /* not SEAL: writers seal when there are enough fresh rows */
    mv_err err = job_acquire_turn(job, error);
    while (!err && job->stage != JOB_DONE && !atomic_load(&m->is_interrupted))
        err = optimize_work(job, os_seconds() + JOB_SLICE_SECONDS, error);
    job_release_turn(job);
    job_free(job);
    return err;
}

/* MV_BUSY is no failure: another job has the turn. */
static void note_outcome_locked(maintainer *m, mv_err err, const mv_error *error)
{
    m->failure[0] = 0;
    if (!err || err == MV_BUSY) {
        m->pause = 0;
        m->not_before = 0;
        return;
    }
    memcpy(m->failure, error->text, sizeof m->failure);
    m->pause = m->pause > 0 ? m->pause * 2 : PAUSE_SECONDS;
    if (m->pause > PAUSE_SECONDS_MAX) m->pause = PAUSE_SECONDS_MAX;
    m->not_before = os_seconds() + m->pause;
}

static void run_maintainer(void *ctx)
{
    maintainer *m = ctx;
    engine *e = m->e;
    os_mutex_lock(e->mutex);
    for (;;) {
        while (!m->must_end && !m->is_wanted) os_condition_wait(m->changed, e->mutex, -1);
        if (m->must_end) break;
        bool sync = m->sync;
        m->is_wanted = false;
        m->is_working = true;
        atomic_store(&m->is_interrupted, false);
        os_mutex_unlock(e->mutex);
        mv_error error;
        mv_err err = optimize(m, sync, &error);
        os_mutex_lock(e->mutex);
        note_outcome_locked(m, err, &error);
        m->is_working = false;
        os_condition_signal_all(m->changed);
    }
    os_mutex_unlock(e->mutex);
}

/* ---------------------------------------------------------------- from outside */

/* NULL: there is no memory, or no thread. That is not reported: the next commit tries again. */
static maintainer *start_locked(engine *e)
{
    maintainer *m = mem_alloc_zero(sizeof *m);
    if (!m) return NULL;
    m->e = e;
    m->changed = os_condition_create();
    if (m->changed && !os_thread_start(run_maintainer, m, &m->thread, NULL)) return m;
    os_condition_free(m->changed);
    mem_free(m, sizeof *m);
    return NULL;
}

void maintain_interrupt_locked(engine *e)
{
    maintainer *m = e->maintainer; /* it lives on: the caller has a reference to the engine */
    if (m) m->is_wanted = false;
    while (m && m->is_working) {
        atomic_store(&m->is_interrupted, true);
        os_condition_wait(m->changed, e->mutex, -1);
    }
}

void maintain_clear_error(engine *e)
{
    os_mutex_lock(e->mutex);
    if (e->maintainer) {
        e->maintainer->failure[0] = 0;
        e->maintainer->pause = 0;
        e->maintainer->not_before = 0;
    }
    os_mutex_unlock(e->mutex);
}

bool maintain_status(engine *e, char error_text[MV_ERROR_TEXT_SIZE])
{
    os_mutex_lock(e->mutex);
    const maintainer *m = e->maintainer;
    bool working = e->jobs_running || (m && (m->is_working || m->is_wanted));
    if (m)
        memcpy(error_text, m->failure, sizeof m->failure);
    else
        error_text[0] = 0;
    os_mutex_unlock(e->mutex);
    return working;
}

/* ---------------------------------------------------------------- hooks of the engine */

/* Wake the thread if the commit leaves enough to do: only counts are compared. */
static void wake(engine *e, const view *v, bool sync)
{
    if (!merge_plan_is_urgent(v)) return;
    os_mutex_lock(e->mutex);
    if (!e->maintainer) e->maintainer = start_locked(e);
    maintainer *m = e->maintainer;
    if (m && !m->must_end && os_seconds() >= m->not_before) {
        m->sync = sync;
        m->is_wanted = true;
        os_condition_signal_all(m->changed);
    }
    os_mutex_unlock(e->mutex);
}

static bool has_threads(engine *e)
{
    os_mutex_lock(e->mutex);
    bool has = e->maintainer;
    os_mutex_unlock(e->mutex);
    return has;
}

static void stop_threads(engine *e)
{
    os_mutex_lock(e->mutex);
    maintainer *m = e->maintainer;
    if (m) {
        m->must_end = true;
        atomic_store(&m->is_interrupted, true);
        os_condition_signal_all(m->changed);
    }
    os_mutex_unlock(e->mutex);
    if (!m) return;
    mv_assert(m->e == e);
    os_thread_join(m->thread);
    mv_assert(!m->is_working);
    os_mutex_lock(e->mutex);
    e->maintainer = NULL;
    os_mutex_unlock(e->mutex);
    os_condition_free(m->changed);
    mem_free(m, sizeof *m);
}

const engine_hooks maintain_hooks = {
    .on_commit = wake, .has_threads = has_threads, .stop_threads = stop_threads};
