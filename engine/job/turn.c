/* The turn: one job at a time optimizes a collection, of all processes.
 *
 * Within the process it is engine.is_optimized; among processes an exclusive lock on the directory.
 * A job of another process may be its maintenance, which gives way: who waits says so in the
 * catalog (catalog_ask_for_turn), and maintenance looks there after each slice. */
#include "job/job.h"
#include "job/maintain.h"
#include "storage/catalog.h"

/* Between two looks at a lock that another process has; chosen. */
#define TURN_POLL_SECONDS 0.002

static mv_err acquire_in_process(mv_job *job, mv_error *error)
{
    engine *e = job->e;
    os_mutex_lock(e->mutex);
    if (job->retains_engine) maintain_interrupt_locked(e);
    job->has_turn = !e->is_optimized;
    e->is_optimized = true;
    os_mutex_unlock(e->mutex);
    return job->has_turn
               ? MV_OK
               : error_set(error, MV_BUSY, "the collection is being optimized already");
}

mv_err turn_acquire(mv_job *job, double seconds, mv_error *error)
{
    mv_assert(!job->has_turn);
    MV_TRY(acquire_in_process(job, error));
    job->is_alone = job->e->in_memory;
    if (job->is_alone) return MV_OK;
    job->turn_seconds = seconds;
    job->turn_until = os_seconds() + seconds;
    MV_TRY(os_open_directory(job->e->path, &job->lock, error));
    return turn_wait(job, 0, error);
}

mv_err turn_wait(mv_job *job, double until, mv_error *error)
{
    mv_assert(job->has_turn);
    while (!job->is_alone) {
        MV_TRY(os_try_lock(job->lock, &job->is_alone, job->e->path, error));
        double now = os_seconds();
        if (job->is_alone) break;
        if (now >= job->turn_until)
            return error_set(
                error, MV_BUSY,
                "the collection is being optimized by another process: waited %.0f ms (busy_ms)",
                job->turn_seconds * 1000);
        catalog_ask_for_turn(job->e->catalog);
        if (now >= until) break;
        os_sleep(TURN_POLL_SECONDS);
    }
    return MV_OK;
}

bool turn_is_asked_for(const mv_job *job)
{
    return !job->e->in_memory && catalog_is_turn_asked_for(job->e->catalog);
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
