/* Newer groups first. A job by levels may work for minutes on a large group. The segments that
 * writers seal meanwhile would wait for their indexes as long, and each search would scan their
 * rows. So the job puts its group aside when newer segments wait, and does one small group of them
 * by a second job, which borrows the turn:
 *
 *   job->newer   what a step of the job does          next, by the function that makes it
 *   NULL         a step of the large group            a job: newer_groups_work, segments wait
 *   a job        a step of that job's group           NULL: newer_groups_work, the group is done
 *
 * The second job plans segments that are newer than all of the large group, so the two groups have
 * no segment in common. After a small group, the large one has as much time as that took, so that
 * writers at full speed do not keep it from ending. */
#include "job/job.h"

/* The position in `v` of the first segment that is newer than the group in progress. */
static uint32_t first_newer(const mv_job *job, const view *v)
{
    uint64_t newest = job->v->segments[job->p.end - 1].shared->s->number;
    for (uint32_t i = 0; i < v->segments_count; i++)
        if (v->segments[i].shared->s->number == newest) return i + 1;
    return v->segments_count;
}

merge_plan newer_groups_plan(const mv_job *job, const view *v)
{
    merge_plan p = merge_plan_start(v, false);
    p.first = first_newer(job, v);
    p.by_levels = true;
    p.only_small = true;
    return p;
}

static mv_err look_for_waiting(const mv_job *job, bool *found, mv_error *error)
{
    snapshot s;
    MV_TRY(snapshot_open(job->e, &s, error));
    merge_plan p = newer_groups_plan(job, s.v);
    *found = merge_plan_lacks_many(s.v, p.first) && merge_plan_next(&p);
    snapshot_close(&s);
    return MV_OK;
}

static bool may_look(mv_job *job)
{
    bool is_in_group =
        job->stage == JOB_VERIFY || job->stage == JOB_WRITE || job->stage == JOB_INDEX;
    double now = os_seconds();
    if (!is_in_group || !job->by_levels || job->gradual.is_on || job->large) return false;
    if (now < job->newer_at || merge_plan_is_small(&job->p)) return false;
    job->newer_at = now + JOB_SLICE_SECONDS;
    return true;
}

static mv_err begin_newer(mv_job *job, mv_error *error)
{
    MV_TRY(job_create(job->e, job->sync, job->threads, &job->newer, error));
    job->newer->keeps_synced = job->keeps_synced;
    job->newer->by_levels = true;
    job->newer->large = job;
    job->newer->stage = JOB_PLAN;
    job->newer->has_turn = job->newer->is_alone = true; /* those of `job` */
    job->newer_began = os_seconds();
    return MV_OK;
}

void newer_groups_end(mv_job *job)
{
    if (!job->newer) return;
    optimize_abandon_group(job->newer);
    job->newer->has_turn = job->newer->is_alone = false;
    job_free(job->newer);
    job->newer = NULL;
    double now = os_seconds();
    job->newer_at = now + (now - job->newer_began);
}

mv_err newer_groups_work(mv_job *job, double until, bool *worked, mv_error *error)
{
    bool is_group_done;
    *worked = job->newer;
    if (!job->newer && may_look(job)) MV_TRY(look_for_waiting(job, worked, error));
    if (!*worked) return MV_OK;
    if (!job->newer) MV_TRY(begin_newer(job, error));
    bool was_swapping = job->newer->stage == JOB_SWAP;
    mv_err err = optimize_work(job->newer, until, error);
    is_group_done = was_swapping && job->newer->stage == JOB_PLAN;
    if (err || is_group_done || job->newer->stage == JOB_CLEAN) newer_groups_end(job);
    return err;
}
