/* A job by levels that works on a large group does small groups of newer segments first. */
#include "job/job.h"
#include "test/graph_sample.h"

#define LARGE 12000u /* rows of the large group, */
#define SMALL 4096u  /* and of each newer segment */

/* Step the job until it reaches a stage. */
static mv_err step_until(mv_job *job, job_stage stage)
{
    mv_err err = MV_OK;
    while (!err && job->stage != stage && job->stage != JOB_DONE)
        err = newer_groups_work(job, os_seconds() + JOB_SLICE_SECONDS, &error);
    return err;
}

/* Begin a job as maintenance does, and step it until it inserts the rows of the large group in a
 * graph. */
static mv_err begin_large(mv_collection *c, mv_job **job)
{
    engine *e = NULL;
    mv_job *newer = NULL;
    mv_err err = handle_engine(c, &e, &error);
    if (!err) err = job_create(e, false, 1, job, &error);
    if (!err) err = job_create(e, false, 1, &newer, &error);
    if (err) return err;
    (*job)->by_levels = true;
    newer_groups_lend(*job, newer);
    (*job)->seals = false;
    err = turn_acquire(*job, &error);
    return err ? err : step_until(*job, JOB_INDEX);
}

static void end(mv_job *job)
{
    newer_groups_end(job);
    job_free(job->newer);
    turn_release(job);
    job_free(job);
}

/* The rows of the newest segments, from the oldest to the newest. */
static void see_segments(mv_collection *c, uint32_t *count, uint64_t rows[8], uint64_t *lacking)
{
    engine *e = NULL;
    snapshot s;
    *count = 0;
    WORKS(handle_engine(c, &e, &error));
    WORKS(snapshot_open(e, &s, &error));
    for (; *count < s.v->segments_count && *count < 8; ++*count)
        rows[*count] = s.v->segments[*count].table.rows;
    *lacking = merge_plan_lacking_rows(s.v, 0);
    snapshot_close(&s);
}

/* Step until a small group has begun and ended. Returns how many steps of the small group there
 * were. */
static uint32_t do_newer(mv_job *job)
{
    uint32_t steps = 0;
    job->newer_at = 0;
    do {
        WORKS(newer_groups_work(job, os_seconds() + JOB_SLICE_SECONDS, &error));
        steps += job->newer_is_on;
    } while (job->newer_is_on);
    return steps;
}

static void test_newer_first(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    uint32_t count;
    uint64_t rows[8], lacking;
    memset(graph_there, 0, sizeof graph_there);
    WORKS(graph_open(PLACE("newer"), (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(graph_write(c, 0, LARGE, LARGE));
    WORKS(begin_large(c, &job));
    EXPECT(job->stage == JOB_INDEX && !merge_plan_is_small(&job->p));
    EXPECT(do_newer(job) == 0); /* no segment waits */
    EXPECT(job->stage == JOB_INDEX);

    WORKS(graph_write(c, LARGE, LARGE + SMALL, SMALL));
    WORKS(graph_write(c, LARGE + SMALL, LARGE + 2 * SMALL, SMALL));
    WORKS(graph_delete(c, 0, LARGE + 2 * SMALL, 37));
    see_segments(c, &count, rows, &lacking);
    EXPECT(count == 3 && rows[0] == LARGE && rows[1] == SMALL && rows[2] == SMALL);
    EXPECT(do_newer(job) > 0);
    EXPECT(do_newer(job) == 0);      /* no newer segment waits any more, */
    EXPECT(job->stage == JOB_INDEX); /* and the large group is where it was */
    see_segments(c, &count, rows, &lacking);
    EXPECT(count == 2 && rows[0] == LARGE && rows[1] > SMALL && lacking > LARGE / 2);
    EXPECT(lacking <= LARGE);
    RECALLS(c, 0.9, .topk = 5);

    WORKS(step_until(job, JOB_DONE));
    end(job);
    see_segments(c, &count, rows, &lacking);
    EXPECT(lacking == 0);
    RECALLS(c, 0.9, .topk = 5);
    graph_search_all(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* The large group has as much time as a small one took, before the next one begins. */
static void test_shares_time(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    memset(graph_there, 0, sizeof graph_there);
    WORKS(graph_open(PLACE("shares"), (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(graph_write(c, 0, LARGE, LARGE));
    WORKS(begin_large(c, &job));
    WORKS(graph_write(c, LARGE, LARGE + SMALL, SMALL));
    double began = os_seconds();
    EXPECT(do_newer(job) > 0);
    EXPECT(job->newer_at > os_seconds());
    EXPECT(job->newer_at - began >= 2 * (os_seconds() - began) * 0.9);
    WORKS(graph_write(c, LARGE + SMALL, LARGE + 2 * SMALL, SMALL));
    job->newer_at = os_seconds() + 1000;
    WORKS(step_until(job, JOB_SWAP));
    EXPECT(!job->newer_is_on && job->stage == JOB_SWAP);
    end(job);
    WORKS(mv_close(c, &error));
}

/* A job that ends in the middle of a small group leaves nothing of either. */
static void test_abandoned(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    uint64_t rows[8], lacking;
    uint32_t count;
    memset(graph_there, 0, sizeof graph_there);
    WORKS(graph_open(PLACE("abandoned"), (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(graph_write(c, 0, LARGE, LARGE));
    WORKS(begin_large(c, &job));
    WORKS(graph_write(c, LARGE, LARGE + SMALL, SMALL));
    job->newer_at = 0;
    while (!job->newer_is_on || job->newer->stage != JOB_INDEX)
        WORKS(newer_groups_work(job, os_seconds() + JOB_SLICE_SECONDS, &error));
    end(job);
    see_segments(c, &count, rows, &lacking);
    EXPECT(count == 2 && lacking == LARGE + SMALL);
    if (!memory) EXPECT(graph_files(sample_path("abandoned"), ".hnsw", NULL) == 0);
    if (!memory) EXPECT(graph_files(sample_path("abandoned"), ".new", NULL) == 0);
    RECALLS(c, 1, .topk = 5);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

int main(void)
{
    if (!sample_place_make("newer_groups")) return tests_conclude();
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_newer_first(memory));
        RUN_WITH(WHERE, test_shares_time(memory));
        RUN_WITH(WHERE, test_abandoned(memory));
    }
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
