/* Gradual jobs: slices of a program that writes between them, such as a game that optimizes for 2
 * ms in each frame. Whatever is done for a few rows at once (a segment, a merge, a graph) would be
 * done again for the next few. So a gradual job does what maintenance does: it seals when there are
 * enough fresh rows (seal_is_due), and merges by levels (merge_plan.small_groups).
 *
 * What is left is done as by any other job, but only once the program stops writing: when slices
 * were left over, since the last write, for as long as the work is going to take. So if the program
 * writes again at once, at most as much time was wasted as was left over. */
#include "job/job.h"

#define BYTES_OF_MS 1e6 /* in the unit of mv_progress: what is written in a millisecond */
/* A slice that is left over counts as at least MS_MIN, so that waiting ends with any budget. One of
 * MS_LONG or more does not wait: no program with frames has such slices. Chosen. */
#define MS_MIN  0.5
#define MS_LONG 1000.0

static void begin_sealing(mv_job *job)
{
    job->seal_before = job->v->state.next_docid;
    job->has_worked = true;
    job->stage = JOB_COPY;
}

/* Is there a group of the plan? */
static bool has_group(const mv_job *job)
{
    merge_plan next = job->p;
    return merge_plan_next(&next);
}

static void begin_plan(mv_job *job)
{
    job->has_worked = true;
    job->stage = JOB_PLAN;
}

/* Nothing is due. */
static void do_rest(mv_job *job, bool is_written)
{
    double rest_ms = (double)merge_plan_rest_cost(job->v) / BYTES_OF_MS;
    if (is_written) job->spare_ms = 0;
    if (rest_ms > 0 && (job->spare_ms >= rest_ms || job->slice_ms >= MS_LONG)) {
        job->finishes = true;
        job->small_groups = false;
        begin_sealing(job);
    } else if (rest_ms > 0 && !(is_written && job->has_worked)) {
        job->is_idle = true;
        job->spare_ms += job->slice_ms > MS_MIN ? job->slice_ms : MS_MIN;
    } else {
        job->stage = JOB_DONE; /* what is left, if anything is, came with later writes */
    }
}

mv_err gradual_look(mv_job *job, mv_error *error)
{
    mv_assert(job->is_gradual && !job->finishes);
    MV_TRY(optimize_take_view(job, error));
    uint64_t commits = job->v->state.commit;
    bool is_written = commits != job->commits_seen + job->commits_made;
    job->commits_seen = commits;
    job->commits_made = 0;
    if (job->v->expired)
        job->stage = JOB_EXPIRE;
    else if (seal_is_due(&job->v->state))
        begin_sealing(job);
    else if (has_group(job))
        begin_plan(job);
    else if (job->must_clean)
        job->stage = JOB_CLEAN;
    else
        do_rest(job, is_written);
    if (job->stage == JOB_PLAN) return MV_OK;
    view_release(job->e, job->v);
    job->v = NULL;
    return MV_OK;
}

void gradual_have_sealed(mv_job *job)
{
    job->stage = job->finishes ? JOB_PLAN : JOB_WAIT;
}
