/* The thread that optimizes by itself.
 *
 * It has no reference to the engine, or it would never be closed: whoever gives up the last one
 * stops it first (registry_release), with no lock held. A forked child opens an engine of its own,
 * which has no thread yet. */
#include "job/maintain.h"

#include <string.h>

#define SLICE_SECONDS     0.01
#define PAUSE_SECONDS     10.0 /* after a failure; doubled after each that follows, */
#define PAUSE_SECONDS_MAX 640.0
#define THREADS           1u /* of a build: the other cores are the program's */

typedef struct maintainer {
    engine *e;
    os_thread *thread;
    os_condition *changed; /* with the engine's mutex, which guards all but is_interrupted */
    bool is_wanted;
    bool is_working;
    bool stops; /* for good */
    bool sync;
    atomic_bool is_interrupted;
    double pause; /* after the last failure; 0: none */
    double not_before;
    char failure[MV_ERROR_TEXT_SIZE];
} maintainer;

/* ---------------------------------------------------------------- the thread */

static mv_err optimize(maintainer *m, bool sync, mv_error *error)
{
    mv_job *job = NULL;
    MV_TRY(job_create(m->e, sync, THREADS, &job, error));
    job->keeps_durable = true;
    job->stage = JOB_PLAN; /* fresh rows are sealed when they are many, by those who write them */
    mv_err err = job_take_turn(job, error);
    while (!err && job->stage != JOB_DONE && !atomic_load(&m->is_interrupted))
        err = optimize_work(job, os_seconds() + SLICE_SECONDS, error);
    job_give_up(job);
    job_free(job);
    return err;
}

/* With the mutex. Being told that another job is at it is no failure. */
static void note_outcome(maintainer *m, mv_err err, const mv_error *error)
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
        while (!m->stops && !m->is_wanted) os_condition_wait(m->changed, e->mutex, -1);
        if (m->stops) break;
        bool sync = m->sync;
        m->is_wanted = false;
        m->is_working = true;
        atomic_store(&m->is_interrupted, false);
        os_mutex_unlock(e->mutex);
        mv_error error;
        mv_err err = optimize(m, sync, &error);
        os_mutex_lock(e->mutex);
        note_outcome(m, err, &error);
        m->is_working = false;
        os_condition_signal_all(m->changed);
    }
    os_mutex_unlock(e->mutex);
}

/* ---------------------------------------------------------------- from outside */

/* With the mutex. NULL: there is no memory or no thread to be had, and nobody to be told. */
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
    maintainer *m = e->maintainer; /* stays: the caller has a reference to the engine */
    if (m) m->is_wanted = false;
    while (m && m->is_working) {
        atomic_store(&m->is_interrupted, true);
        os_condition_wait(m->changed, e->mutex, -1);
    }
}

void maintain_forget_error(engine *e)
{
    os_mutex_lock(e->mutex);
    if (e->maintainer) {
        e->maintainer->failure[0] = 0;
        e->maintainer->pause = 0;
        e->maintainer->not_before = 0;
    }
    os_mutex_unlock(e->mutex);
}

bool maintain_look(engine *e, char error_text[MV_ERROR_TEXT_SIZE])
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

/* Start the maintenance if the commit left enough to do: looks at counts only. A failure is quiet.
 */
static void wake(engine *e, const view *v, bool sync)
{
    if (!merge_plan_is_urgent(v)) return;
    os_mutex_lock(e->mutex);
    if (!e->maintainer) e->maintainer = start_locked(e);
    maintainer *m = e->maintainer;
    if (m && !m->stops && os_seconds() >= m->not_before) {
        m->sync = sync;
        m->is_wanted = true;
        os_condition_signal_all(m->changed);
    }
    os_mutex_unlock(e->mutex);
}

static bool has_threads(engine *e)
{
    os_mutex_lock(e->mutex);
    bool has = e->maintainer || e->orphans;
    os_mutex_unlock(e->mutex);
    return has;
}

static void stop_threads(engine *e)
{
    os_mutex_lock(e->mutex);
    maintainer *m = e->maintainer;
    if (m) {
        m->stops = true;
        atomic_store(&m->is_interrupted, true);
        os_condition_signal_all(m->changed);
    }
    os_mutex_unlock(e->mutex);
    if (m) {
        os_thread_join(m->thread);
        os_mutex_lock(e->mutex);
        e->maintainer = NULL;
        os_mutex_unlock(e->mutex);
        os_condition_free(m->changed);
        mem_free(m, sizeof *m);
    }
    job_join_orphans(e);
}

const engine_hooks maintain_hooks = {
    .on_commit = wake, .has_threads = has_threads, .stop_threads = stop_threads};
