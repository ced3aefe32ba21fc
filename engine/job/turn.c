/* The turn: of all processes, one job at a time optimizes a collection.
 *
 * Within a process engine.is_optimized marks it, among processes an exclusive flock on the
 * directory. The owner may be the maintenance of another process. A job that waits asks it to give
 * way, by a deadline in memory that all processes share (catalog_shared_word). Maintenance reads it
 * after each slice. */
#include "job/job.h"
#include "job/maintain.h"
#include "storage/catalog.h"

#define POLL_SECONDS 0.002 /* between two attempts to lock the directory; chosen */
#define ASK_SECONDS  1.0   /* how long a request is valid; chosen */

/* ---------------------------------------------------------------- asking for the turn */

/* The word holds the time until which the request is valid, in milliseconds of os_seconds: the
 * request of a process that died expires. 0: no job asks. */
static void set_request(const mv_job *job, double until)
{
    atomic_store(catalog_shared_word(job->e->catalog, CATALOG_WORD_TURN), (uint64_t)(until * 1000));
}

bool turn_is_asked_for(const mv_job *job)
{
    if (job->e->in_memory) return false;
    double until =
               (double)atomic_load(catalog_shared_word(job->e->catalog, CATALOG_WORD_TURN)) / 1000,
           left = until - os_seconds();
    return left > 0 && left <= ASK_SECONDS;
}

/* ---------------------------------------------------------------- the turn */

static mv_err acquire_in_process(mv_job *job, mv_error *error)
{
    engine *e = job->e;
    os_mutex_lock(e->mutex);
    if (job->retains_engine) maintain_interrupt_locked(e);
    job->has_turn = !e->is_optimized;
    e->is_optimized = true;
    os_mutex_unlock(e->mutex);
    return job->has_turn ? MV_OK
                         : error_set(error, MV_BUSY, "the collection is being optimized already");
}

/* Try to acquire the turn among processes (is_alone), and ask for it if another has it. Maintenance
 * does not ask. A job that acquires it ends all requests; others that wait ask again. */
static mv_err try_alone(mv_job *job, mv_error *error)
{
    MV_TRY(os_try_lock(job->lock, &job->is_alone, job->e->path, error));
    double now = os_seconds();
    if (job->retains_engine) set_request(job, job->is_alone ? 0 : now + ASK_SECONDS);
    if (job->is_alone || now < job->turn_until) return MV_OK;
    return error_set(error, MV_BUSY,
                     "the collection is being optimized by another process: waited %.0f ms "
                     "(busy_ms)",
                     job->turn_seconds * 1000);
}

mv_err turn_acquire(mv_job *job, mv_error *error)
{
    mv_assert(!job->has_turn);
    MV_TRY(acquire_in_process(job, error));
    job->is_alone = job->e->in_memory;
    if (job->is_alone) return MV_OK;
    job->turn_until = os_seconds() + job->turn_seconds;
    MV_TRY(os_open_directory(job->e->path, &job->lock, error));
    return try_alone(job, error);
}

mv_err turn_wait(mv_job *job, double until, mv_error *error)
{
    mv_assert(job->has_turn);
    if (job->is_alone) return MV_OK;
    do {
        MV_TRY(try_alone(job, error));
        if (job->is_alone || atomic_load(&job->is_cancelled)) return MV_OK;
        os_sleep(POLL_SECONDS);
    } while (os_seconds() < until);
    return MV_OK;
}

void turn_release(mv_job *job)
{
    engine *e = job->e;
    optimize_abandon_group(job);
    os_unlock(job->lock);
    os_close(job->lock);
    job->lock = OS_FILE_NONE;
    os_mutex_lock(e->mutex);
    mv_assert(!job->has_turn || e->is_optimized);
    if (job->has_turn) e->is_optimized = false;
    atomic_store(&e->looked_at, 0); /* it may leave work: the next read looks again */
    os_mutex_unlock(e->mutex);
    job->has_turn = false;
    job->is_alone = false;
}
