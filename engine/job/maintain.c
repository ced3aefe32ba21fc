/* The thread of maintenance.
 *
 * It has no reference to the engine: with one, the engine would never be closed. Releasing the last
 * reference stops the thread first (registry.c, step 2). */
#include "job/maintain.h"

#include <string.h>

#include "job/slowdown.h"
#include "open/unlinked_files.h"

/* The pause after a failure, or when another job has the turn or asks for it. It is doubled after
 * each failure that follows, up to the maximum. Chosen so that a full disk costs little: a failed
 * merge may have written a whole group. */
#define PAUSE_SECONDS     10.0
#define PAUSE_SECONDS_MAX 640.0

typedef struct maintainer {
    engine *e;
    os_thread *thread;
    os_condition
        *changed;   /* with the engine's mutex, which guards all members below but the atomic */
    bool is_wanted; /* to optimize */
    bool is_working;
    bool is_owed;               /* a commit of this process woke it, and not all is done */
    bool must_end;              /* the thread */
    bool sync;                  /* durability of the handle that woke it */
    atomic_bool is_interrupted; /* stop after the current slice, */
    atomic_bool may_finish;     /* or after the current group, if that is small */
    double pause;               /* seconds, after the last failure; 0: none */
    double again_at;            /* os_seconds at which it tries again, and is not woken before; 0:
                                 * when it is woken */
    bool is_elsewhere;          /* another job had the turn, or asked for it, when it last tried */
    char failure[MV_ERROR_TEXT_SIZE];
} maintainer;

/* ---------------------------------------------------------------- the thread */

/* The work may have been done meanwhile, by another job. */
static mv_err look_for_work(engine *e, bool *is_urgent, mv_error *error)
{
    snapshot s;
    MV_TRY(snapshot_open(e, &s, error));
    *is_urgent = merge_plan_is_urgent(s.v);
    snapshot_close(&s);
    return MV_OK;
}

static bool must_stop(maintainer *m, const mv_job *job)
{
    if (!atomic_load(&m->is_interrupted)) return false;
    if (!atomic_load(&m->may_finish) || job->was_kept_out) return true;
    return job->v && !merge_plan_is_small(&job->p);
}

/* Not before the short commit that enters a finished group. */
static bool can_give_way(const mv_job *job)
{
    return job->stage != JOB_DONE && (job->stage != JOB_SWAP || job->was_kept_out);
}

static mv_err work(maintainer *m, mv_job *job, mv_error *error)
{
    mv_err err = turn_acquire(job, error);
    while (!err && job->stage != JOB_DONE && !must_stop(m, job)) {
        bool ends_group = job->stage == JOB_SWAP;
        if (atomic_load(&m->is_interrupted) && job->stage == JOB_EXPIRE)
            job->stage = JOB_PLAN; /* closing does not wait until all expired rows are removed */
        err = newer_groups_work(job, os_seconds() + JOB_SLICE_SECONDS, error);
        (void)unlinked_files_close_due(m->e);
        if (ends_group && atomic_load(&m->is_interrupted)) break;
        if (!err && can_give_way(job) && turn_is_asked_for(job))
            err = error_set(error, MV_BUSY, "a job of another process waits for the turn");
    }
    return err;
}

static uint32_t default_maintenance_threads(void)
{
    uint32_t half = os_core_count() / 2;
    return half < 1 ? 1 : half < JOB_THREADS_MAINTENANCE ? half : JOB_THREADS_MAINTENANCE;
}

static mv_err optimize(maintainer *m, bool sync, mv_error *error)
{
    mv_job *job = NULL, *newer = NULL;
    bool is_urgent = false;
    MV_TRY(look_for_work(m->e, &is_urgent, error));
    if (!is_urgent) return MV_OK;
    uint32_t threads = atomic_load(&m->e->maintenance_threads);
    MV_TRY(job_create(m->e, sync, threads ? threads : default_maintenance_threads(), &job, error));
    job->keeps_synced = true;
    job->by_levels = true;
    job->seals = false; /* writers do when there are enough fresh rows */
    mv_err err = job_create(m->e, sync, job->threads, &newer, error);
    if (!err) {
        newer_groups_lend(job, newer);
        err = work(m, job, error);
        newer_groups_end(job);
        job_free(newer);
    }
    turn_release(job);
    job_free(job);
    return err;
}

static void note_outcome_locked(maintainer *m, mv_err err, const mv_error *error)
{
    m->failure[0] = 0;
    m->is_elsewhere = err == MV_BUSY;
    if (!err) {
        m->pause = 0;
        m->again_at = 0;
        if (!atomic_load(&m->is_interrupted)) m->is_owed = false;
        return;
    }
    if (m->is_elsewhere) {
        m->pause = 0;
        m->again_at = os_seconds() + PAUSE_SECONDS;
        return;
    }
    memcpy(m->failure, error->text, sizeof m->failure);
    m->pause = m->pause > 0 ? m->pause * 2 : PAUSE_SECONDS;
    if (m->pause > PAUSE_SECONDS_MAX) m->pause = PAUSE_SECONDS_MAX;
    m->again_at = os_seconds() + m->pause;
}

/* Of two times to wait, of which a negative one has no end, the shorter. */
static double shorter(double one, double other)
{
    return one < 0 || (other >= 0 && other < one) ? other : one;
}

/* Wait until there is something to do. False: the thread must end. */
static bool wait_for_work_locked(maintainer *m)
{
    for (;;) {
        os_mutex_unlock(m->e->mutex);
        double unlinked = unlinked_files_close_due(m->e);
        os_mutex_lock(m->e->mutex);
        double left = m->again_at > 0 ? m->again_at - os_seconds() : -1;
        if (m->must_end) return m->is_wanted && atomic_load(&m->may_finish);
        if (m->is_wanted || (m->again_at > 0 && left <= 0)) return true;
        if (m->e->closed) continue; /* to be unmapped */
        os_condition_wait(m->changed, m->e->mutex, shorter(left, unlinked));
    }
}

static void run_maintainer(void *ctx)
{
    maintainer *m = ctx;
    engine *e = m->e;
    os_mutex_lock(e->mutex);
    while (wait_for_work_locked(m)) {
        bool sync = m->sync;
        m->is_wanted = false;
        m->is_working = true;
        atomic_store(&m->is_interrupted, m->must_end);
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
        e->maintainer->again_at = 0;
        e->maintainer->is_elsewhere = false;
    }
    os_mutex_unlock(e->mutex);
}

void maintain_get_status(engine *e, maintain_status *status)
{
    os_mutex_lock(e->mutex);
    const maintainer *m = e->maintainer;
    *status = (maintain_status){.is_working = e->jobs_running > 0};
    if (m) {
        status->is_working |= m->is_working || m->is_wanted;
        status->is_elsewhere = m->is_elsewhere;
        memcpy(status->failure, m->failure, sizeof m->failure);
    }
    os_mutex_unlock(e->mutex);
}

/* ---------------------------------------------------------------- hooks of the engine */

/* Wake the thread if there is enough to do in this view, or files are to be closed: only counts are
 * compared. */
static void wake(engine *e, const view *v, bool sync, bool is_own_commit)
{
    bool is_urgent = merge_plan_is_urgent(v);
    if (!is_urgent && !atomic_load(&e->unlinked_count)) return;
    os_mutex_lock(e->mutex);
    if (!e->maintainer) e->maintainer = start_locked(e);
    maintainer *m = e->maintainer;
    if (m && !m->must_end) {
        m->sync = sync;
        m->is_owed |= is_urgent && is_own_commit;
        if (is_urgent && os_seconds() >= m->again_at) m->is_wanted = true;
        os_condition_signal_all(m->changed);
    }
    os_mutex_unlock(e->mutex);
}

static void wake_by_commit(engine *e, const view *v, bool sync)
{
    slowdown_note_view(e, v);
    wake(e, v, sync, true);
}

static void wake_by_read(engine *e, const view *v, bool sync)
{
    if (atomic_load(&e->looked_at) == v->number) return;
    atomic_store(&e->looked_at, v->number);
    slowdown_note_view(e, v);
    wake(e, v, sync, false);
}

static bool wake_locked(engine *e)
{
    if (e->maintainer) os_condition_signal_all(e->maintainer->changed);
    return e->maintainer;
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
        atomic_store(&m->may_finish, m->is_owed && !e->in_memory);
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
    unlinked_files_close_all(e);
}

const engine_hooks maintain_hooks = {.on_commit = wake_by_commit,
                                     .slow_down = slowdown_wait,
                                     .on_read = wake_by_read,
                                     .wake_locked = wake_locked,
                                     .has_threads = has_threads,
                                     .stop_threads = stop_threads};
