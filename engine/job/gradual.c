/* Gradual jobs: slices of a program that writes between them, such as a game that optimizes for 2
 * ms in each frame. A segment, a merge or a graph that is made for a few rows would be made again
 * for the next few. So a gradual job does what maintenance does: it seals when there are enough
 * fresh rows (seal_is_due), and merges by levels (merge_plan.by_levels).
 *
 * What is then left, such as the last few rows, waits until the program stops writing. It is done
 * as by any other job, once idle slices since the last write have had as much time together as the
 * work is estimated to take. So if the program writes again right after that, the work that has to
 * be done again took no longer than the slices that were idle. */
#include "job/job.h"

#define BYTES_PER_MS 1e6 /* written in a millisecond; in the unit of mv_progress */
/* An idle slice counts as at least IDLE_MS_MIN, so that waiting ends with any budget. A job with
 * slices of LONG_SLICE_MS or more does not wait: no program with frames has these. Both chosen. */
#define IDLE_MS_MIN   0.5
#define LONG_SLICE_MS 1000.0

static void begin_copying(mv_job *job)
{
    job->gradual.seal_before = job->v->state.next_docid;
    job->gradual.has_worked = true;
    job->stage = JOB_COPY;
}

static bool has_group(const mv_job *job)
{
    merge_plan next = job->p;
    return merge_plan_next(&next);
}

static void begin_plan(mv_job *job)
{
    job->gradual.has_worked = true;
    job->stage = JOB_PLAN;
}

/* Nothing is due. Finish the remaining work, or let this slice be idle, or end the job if no work
 * remains. `is_written`: others have committed since the job last looked. If the job has worked
 * since it began, it ends then, too: the remaining work came with these writes, and the next job
 * does it. */
static void finish_or_wait(mv_job *job, bool is_written)
{
    double rest_ms = (double)merge_plan_rest_cost(job->v) / BYTES_PER_MS;
    if (is_written) job->gradual.spare_ms = 0;
    if (rest_ms > 0 &&
        (job->gradual.spare_ms >= rest_ms || job->gradual.slice_ms >= LONG_SLICE_MS)) {
        job->gradual.finishes = true;
        job->by_levels = false;
        begin_copying(job);
    } else if (rest_ms > 0 && !(is_written && job->gradual.has_worked)) {
        job->gradual.is_idle = true;
        job->gradual.spare_ms +=
            job->gradual.slice_ms > IDLE_MS_MIN ? job->gradual.slice_ms : IDLE_MS_MIN;
    } else {
        job->stage = JOB_DONE;
    }
}

mv_err gradual_look(mv_job *job, mv_error *error)
{
    mv_assert(job->gradual.is_on && !job->gradual.finishes);
    MV_TRY(optimize_take_view(job, error));
    uint64_t commits = job->v->state.commit;
    bool is_written = commits != job->gradual.commits_seen + job->gradual.commits_made;
    job->gradual.commits_seen = commits;
    job->gradual.commits_made = 0;
    if (job->v->expired)
        job->stage = JOB_EXPIRE;
    else if (seal_is_due(&job->v->state))
        begin_copying(job);
    else if (has_group(job))
        begin_plan(job);
    else if (job->gradual.must_clean)
        job->stage = JOB_CLEAN;
    else
        finish_or_wait(job, is_written);
    if (job->stage == JOB_PLAN) return MV_OK;
    view_release(job->e, job->v);
    job->v = NULL;
    return MV_OK;
}

void gradual_end_packing(mv_job *job)
{
    job->stage = job->gradual.finishes ? JOB_PLAN : JOB_WAIT;
}
