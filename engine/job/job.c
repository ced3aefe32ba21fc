/* The public jobs: stepped by their owner, or run by a thread of the engine. The states of a job
 * are in job.h. */
#include <string.h>

#include "job/maintain.h"
#include "open/registry.h"
#include "transaction/handle.h"

#define SLICE_MS_MIN 0.25 /* the overhead of a slice is a few microseconds */

/* ---------------------------------------------------------------- life */

static void free_locks(mv_job *job)
{
    if (os_is_forked(job->fork_generation)) return; /* the parent's may be locked */
    os_condition_free(job->changed);
    os_mutex_free(job->mutex);
}

void job_free(mv_job *job)
{
    mv_assert(!job->has_turn || os_is_forked(job->fork_generation));
    free_locks(job);
    if (job->retains_engine) registry_release(job->e);
    mv_schema_free(job->changed_schema);
    mem_free(job, sizeof *job);
}

mv_err job_create(engine *e, bool sync, uint32_t threads, mv_job **out, mv_error *error)
{
    mv_job *job = mem_alloc_zero(sizeof *job);
    if (!job) return error_memory(error, sizeof *job, "a job");
    job->e = e;
    job->lock = OS_FILE_NONE;
    job->fork_generation = os_fork_generation();
    job->sync = sync;
    job->threads = threads;
    job->stage = JOB_EXPIRE;
    job->seals = true;
    *out = job;
    return MV_OK;
}

static uint32_t default_threads(void)
{
    uint32_t cores = os_core_count();
    return cores < JOB_THREADS_DEFAULT ? cores : JOB_THREADS_DEFAULT;
}

/* Copy the options into the job. A change of an index is made in a copy of the schema, which the
 * job keeps: a mistake is reported before the job begins. */
static mv_err read_options(mv_collection *c, mv_job *job, const mv_optimize_options *options,
                           mv_error *error)
{
    uint32_t uid, at;
    if (!options) return MV_OK;
    job->only_indexes = options->only_indexes || options->index_change;
    job->gradual.is_on = job->by_levels = options->gradual && !job->only_indexes;
    if (job->gradual.is_on) job->stage = JOB_WAIT;
    if (!options->index_change) return MV_OK;
    const mv_index_change *change = options->index_change;
    MV_TRY(schema_format_copy(mv_get_schema(c), &job->changed_schema, error));
    MV_TRY(schema_change_index(job->changed_schema, change, 0, &uid, error));
    const mv_schema *schema = job->changed_schema;
    if (mv_schema_find_field(schema, change->name, strlen(change->name), &at))
        job->change = (mv_index_change){schema->fields[at].name, schema->fields[at].index};
    else if (mv_schema_find_vector(schema, change->name, strlen(change->name), &at))
        job->change = (mv_index_change){schema->vectors[at].name, schema->vectors[at].index};
    job->stage = JOB_CHANGE;
    return MV_OK;
}

static mv_err begin_job(mv_collection *c, const mv_optimize_options *options, mv_job **out,
                        mv_error *error)
{
    engine *e = NULL;
    mv_job *job = NULL;
    uint32_t threads = options ? options->threads : 0;
    MV_TRY(handle_engine(c, &e, error));
    if (c->read_only) return error_set(error, MV_READ_ONLY, "'%s' was opened read_only", c->path);
    MV_TRY(handle_check_collection(c, error));
    if (threads > MV_THREADS_MAX)
        return error_set(error, MV_MISUSE, "threads is %u, it must be 1 to %u", threads,
                         MV_THREADS_MAX);
    if (engine_is_writing(e)) /* of another handle */
        return error_set(error, MV_BUSY, "this thread has a transaction open on '%s': end it first",
                         c->path);
    MV_TRY(job_create(e, c->durability == MV_DURABILITY_FULL, threads, &job, error));
    job->retains_engine = true;
    registry_retain(e);
    if (!job->sync) c->owes_sync = true;
    mv_err err = read_options(c, job, options, error);
    if (!job->threads) job->threads = job->gradual.is_on ? 1 : default_threads();
    job->turn_seconds = c->busy_seconds;
    if (!err) err = turn_acquire(job, error);
    if (err) {
        turn_release(job);
        job_free(job);
    } else {
        *out = job;
    }
    return err;
}

mv_err mv_optimize_begin(mv_collection *c, const mv_optimize_options *options, mv_job **out,
                         mv_error *error)
{
    *out = NULL;
    return begin_job(c, options, out, error);
}

/* Is there time left for the next step? Commits are whole steps. One that concerns many rows or
 * files takes milliseconds: a gradual job begins it early in a slice, or as the first step of one.
 */
static bool has_time(const mv_job *job, double until)
{
    job_stage stage = job->stage;
    bool is_long = stage == JOB_ENTER || stage == JOB_SWAP || stage == JOB_CLEAN;
    return os_seconds() + (job->gradual.is_on && is_long ? JOB_COMMIT_SECONDS : 0) < until;
}

/* One step, or a wait for the turn until about `until`. */
static mv_err wait_and_work(mv_job *job, double until, mv_error *error)
{
    if (!job->has_turn) MV_TRY(turn_acquire(job, error));
    MV_TRY(turn_wait(job, until, error));
    return job->is_alone ? optimize_work(job, until, error) : MV_OK;
}

mv_err mv_optimize_step(mv_job *job, double budget_ms, bool *more, mv_progress *progress,
                        mv_error *error)
{
    mv_err err = MV_OK;
    if (budget_ms > 0 && budget_ms < SLICE_MS_MIN) budget_ms = SLICE_MS_MIN;
    double until = os_seconds() + budget_ms / 1000;
    if (os_is_forked(job->fork_generation)) return error_set_forked(error, "the job");
    if (job->thread)
        return error_set(error, MV_MISUSE, "the job runs in the background: wait for it");
    if (engine_is_writing(job->e))
        return error_set(error, MV_BUSY, "this thread has a transaction open: end it first");
    job->gradual.slice_ms = budget_ms;
    job->gradual.is_idle = false;
    do {
        if (atomic_load(&job->is_cancelled)) break;
        err = wait_and_work(job, until, error);
    } while (!err && job->stage != JOB_DONE && !job->gradual.is_idle && has_time(job, until));
    job->gradual.idle_slices = job->gradual.is_idle ? job->gradual.idle_slices + 1 : 0;
    if (job->gradual.idle_slices > 1)
        turn_release(job); /* it waits: others may optimize meanwhile */
    if (atomic_load(&job->is_cancelled)) optimize_abandon_group(job);
    *more = job->stage != JOB_DONE && !atomic_load(&job->is_cancelled);
    if (progress) *progress = optimize_progress(job);
    if (!err && job->stage == JOB_DONE) maintain_clear_error(job->e);
    return err;
}

/* ---------------------------------------------------------------- in the background */

/* Publish the progress of a job in the background, and whether it is over. */
static void publish_progress(mv_job *job, bool is_over)
{
    mv_progress progress = optimize_progress(job);
    if (is_over && job->stage != JOB_DONE && atomic_load(&job->is_cancelled))
        progress.stage = "cancelled";
    os_mutex_lock(job->mutex);
    job->progress = progress;
    job->is_over = is_over;
    if (is_over) os_condition_signal_all(job->changed);
    os_mutex_unlock(job->mutex);
}

static void count_running(engine *e, int change)
{
    os_mutex_lock(e->mutex);
    mv_assert(change > 0 || e->jobs_running > 0);
    e->jobs_running += (uint32_t)change;
    os_mutex_unlock(e->mutex);
}

/* The thread of a job. It releases its turn before it publishes that it is over: who has waited for
 * it can begin another job. */
static void run_job(void *ctx)
{
    mv_job *job = ctx;
    mv_err err = MV_OK;
    while (!err && job->stage != JOB_DONE && !atomic_load(&job->is_cancelled)) {
        double until = os_seconds() + JOB_SLICE_SECONDS;
        err = wait_and_work(job, until, &job->failure);
        publish_progress(job, false);
    }
    bool done = job->stage == JOB_DONE;
    if (!err) job->failure.code = MV_OK;
    if (done) maintain_clear_error(job->e);
    turn_release(job);
    if (done) job->stage = JOB_DONE; /* releasing the turn went back to PLAN */
    count_running(job->e, -1);
    publish_progress(job, true);
}

mv_err mv_optimize_start(mv_collection *c, const mv_optimize_options *options, mv_job **out,
                         mv_error *error)
{
    mv_job *job = NULL;
    *out = NULL;
    MV_TRY(begin_job(c, options, &job, error));
    mv_err err = MV_OK;
    job->keeps_synced = true;
    job->progress = optimize_progress(job);
    job->mutex = os_mutex_create();
    job->changed = os_condition_create();
    if (!job->mutex || !job->changed) {
        err = error_memory(error, sizeof(void *), "a lock");
        goto done;
    }
    count_running(job->e, 1);
    if ((err = os_thread_start(run_job, job, &job->thread, error))) count_running(job->e, -1);
done:
    if (err) {
        turn_release(job);
        job_free(job);
    } else {
        *out = job;
    }
    return err;
}

mv_err mv_job_wait(mv_job *job, double seconds, bool *done, mv_error *error)
{
    mv_err err = MV_OK;
    double until = os_seconds() + seconds;
    *done = false;
    if (os_is_forked(job->fork_generation)) return error_set_forked(error, "the job");
    if (!job->thread)
        return error_set(error, MV_MISUSE, "the job does not run in the background: step it");
    bool must_not_block = engine_is_writing(job->e);
    os_mutex_lock(job->mutex);
    while (!job->is_over && !must_not_block) {
        double left = seconds < 0 ? -1 : until - os_seconds();
        if (seconds >= 0 && left <= 0) break;
        os_condition_wait(job->changed, job->mutex, left);
    }
    *done = job->is_over;
    if (job->is_over && job->failure.code)
        err = error_set(error, job->failure.code, "%s", job->failure.text);
    os_mutex_unlock(job->mutex);
    if (!*done && must_not_block && seconds != 0)
        return error_set(error, MV_BUSY,
                         "the job may wait for the transaction that this thread has open");
    return err;
}

void mv_job_progress(mv_job *job, mv_progress *progress)
{
    if (os_is_forked(job->fork_generation)) {
        *progress = (mv_progress){.stage = "cancelled"}; /* the parent's */
    } else if (job->thread) {
        os_mutex_lock(job->mutex);
        *progress = job->progress;
        os_mutex_unlock(job->mutex);
    } else {
        *progress = optimize_progress(job);
    }
}

void mv_job_cancel(mv_job *job)
{
    atomic_store(&job->is_cancelled, true);
}

void mv_job_free(mv_job *job)
{
    if (!job) return;
    mv_job_cancel(job);
    if (os_is_forked(job->fork_generation)) {
        os_close(job->lock);         /* not unlocked: the parent has the lock */
        os_thread_join(job->thread); /* frees the struct: there is no such thread */
        job_free(job);
        return;
    }
    if (job->thread)
        os_thread_join(job->thread); /* it ends after its slice, also if it waits for a writer */
    else
        turn_release(job);
    job_free(job);
}
