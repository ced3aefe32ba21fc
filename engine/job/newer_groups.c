/* Newer groups first. A job by levels may work for minutes on a large group. The segments that
 * writers seal meanwhile would wait for their indexes as long, and each search would scan their
 * rows. So the job puts its group aside when newer segments wait, and does one small group of them
 * by a second job, which borrows the turn:
 *
 *   newer_is_on  what a step of the job does          next, by the function that makes it
 *   false        a step of the large group            true: begin_newer, segments wait
 *   true         a step of the small group            false: newer_groups_end, the group is done
 *
 * The second job plans segments that are newer than all of the large group, so the two groups have
 * no segment in common. After a small group, the large one has as much time as that took, so that
 * writers at full speed do not keep it from ending.
 *
 * If a small group fails, the large one goes on, and no other small group begins before it. The
 * next plan has the newest segments first, so it meets the failure again and reports it. */
#include <math.h>

#include "job/job.h"

static uint64_t newest_of_group(const mv_job *job)
{
    return job->v->segments[job->p.end - 1].shared->s->number;
}

static mv_err look_for_waiting(const mv_job *job, bool *found, mv_error *error)
{
    snapshot s;
    MV_TRY(snapshot_open(job->e, &s, error));
    merge_plan p = merge_plan_start_newer(s.v, newest_of_group(job));
    *found = merge_plan_lacks_many(s.v, p.first) && merge_plan_next(&p);
    snapshot_close(&s);
    return MV_OK;
}

static bool may_look(const mv_job *job)
{
    bool is_in_group =
        job->stage == JOB_VERIFY || job->stage == JOB_WRITE || job->stage == JOB_INDEX;
    if (!job->newer || job->newer_is_on || !is_in_group) return false;
    return os_seconds() >= job->newer_at && !merge_plan_is_small(&job->p);
}

static void begin_newer(mv_job *job)
{
    job->newer_is_on = true;
    job->newer_began = os_seconds();
    job->newer->newer_than = newest_of_group(job);
    job->newer->stage = JOB_PLAN;
    job->newer->has_turn = job->newer->is_alone = true; /* those of `job` */
}

void newer_groups_lend(mv_job *job, mv_job *newer)
{
    mv_assert(job->by_levels && !job->gradual.is_on);
    newer->keeps_synced = job->keeps_synced;
    newer->by_levels = true;
    job->newer = newer;
}

void newer_groups_end(mv_job *job)
{
    if (!job->newer_is_on) return;
    optimize_abandon_group(job->newer);
    job->newer->has_turn = job->newer->is_alone = false;
    job->newer_is_on = false;
    double now = os_seconds();
    job->newer_at = now + (now - job->newer_began);
}

/* Do a step of the small group, and end it when it is done. */
static mv_err work_on_newer(mv_job *job, double until, mv_error *error)
{
    bool was_swapping = job->newer->stage == JOB_SWAP;
    mv_err err = optimize_work(job->newer, until, error);
    bool is_done =
        (was_swapping && job->newer->stage == JOB_PLAN) || job->newer->stage == JOB_CLEAN;
    if (err || is_done) newer_groups_end(job);
    if (err) job->newer_at = INFINITY;
    return MV_OK;
}

mv_err newer_groups_work(mv_job *job, double until, mv_error *error)
{
    bool waits = false;
    if (may_look(job)) {
        job->newer_at = os_seconds() + JOB_SLICE_SECONDS;
        MV_TRY(look_for_waiting(job, &waits, error));
    }
    if (waits) begin_newer(job);
    return job->newer_is_on ? work_on_newer(job, until, error) : optimize_work(job, until, error);
}
