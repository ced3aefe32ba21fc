/* Optimizing in the background: jobs that a thread of the engine runs, and maintenance that starts
 * by itself; waiting, cancelling, closing, taking over, forking. Under the thread sanitizer it
 * takes minutes, and needs TSAN_OPTIONS=die_after_fork=0. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/os.h"
#include "test/graph_sample.h"

#define TOO_FEW 1000u /* for maintenance to start by itself, */
#define SOME    4096u /* one small group, */
#define FEW     6000u
#define MANY    22000u /* several groups, if they come in several segments */

static void nap(void)
{
    (void)usleep(2000);
}

static void start(mv_collection **c, const char *path, bool manual)
{
    memset(graph_there, 0, sizeof graph_there);
    WORKS(graph_open(path, (mv_open_options){.manual_maintenance = manual}, c));
}

/* ---------------------------------------------------------------- jobs */

static void test_job(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL, *second = NULL;
    mv_progress progress = {0};
    mv_stats stats;
    bool done = false, more;
    uint64_t before = 0;
    start(&c, PLACE("job"), true);
    WORKS(graph_write(c, 0, FEW, FEW));
    WORKS(mv_optimize_start(c, &(mv_optimize_options){.threads = 2}, &job, &error));
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.is_maintained);
    EXPECT(mv_optimize_begin(c, NULL, &second, &error) == MV_BUSY && !second);
    EXPECT(mv_optimize_step(job, 0, &more, &progress, &error) == MV_MISUSE);
    while (!done) {
        WORKS(mv_job_wait(job, 0.001, &done, &error));
        mv_job_progress(job, &progress);
        EXPECT(progress.done >= before && progress.done <= progress.total);
        before = progress.done;
        RECALLS(c, 0.9, .topk = 5);
    }
    EXPECT(progress.total && progress.done == progress.total && !strcmp(progress.stage, "done"));
    WORKS(mv_job_wait(job, -1, &done, &error)); /* as often as one likes */
    EXPECT(done && graph_stats(c, PLAIN).indexed_rows == FEW);
    WORKS(mv_optimize_begin(c, NULL, &second, &error)); /* its turn is over before it is freed */
    EXPECT(mv_job_wait(second, 0, &done, &error) == MV_MISUSE);
    mv_job_progress(second, &progress);
    mv_job_free(second);
    mv_job_free(job);
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(!stats.is_maintained);
    graph_search_all(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

static bool is_at(mv_job *job, const char *stage)
{
    mv_progress progress = {0};
    mv_job_progress(job, &progress);
    return strcmp(progress.stage, stage) == 0;
}

/* Cancelled or freed it ends early, also when its collection was closed before. */
static void test_cancel(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    mv_progress progress = {0};
    bool done = false;
    start(&c, PLACE("cancelled"), true);
    WORKS(graph_write(c, 0, MANY, MANY));
    WORKS(mv_optimize_start(c, NULL, &job, &error));
    WAIT_UNTIL(is_at(job, "index"));
    mv_job_cancel(job);
    WORKS(mv_job_wait(job, -1, &done, &error));
    EXPECT(done);
    mv_job_progress(job, &progress);
    EXPECT(strcmp(progress.stage, "cancelled") == 0 && progress.done < progress.total);
    mv_job_free(job);
    EXPECT(graph_stats(c, PLAIN).segments == 0);
    if (!memory) EXPECT(graph_files(sample_path("cancelled"), ".hnsw", NULL) == 0);
    if (!memory) EXPECT(graph_files(sample_path("cancelled"), ".new", NULL) == 0);
    RECALLS(c, 1, .topk = 10);
    WORKS(mv_optimize_start(c, NULL, &job, &error));
    WORKS(mv_close(c, &error));
    nap();
    mv_job_free(job);
    if (!memory) EXPECT(graph_files(sample_path("cancelled"), ".new", NULL) == 0);
}

/* The thread that has a transaction open must not wait for a job, which may wait for it. */
static void test_beside_transaction(bool memory)
{
    mv_collection *c = NULL, *tx = NULL;
    mv_job *job = NULL;
    bool done = true;
    start(&c, PLACE("transaction"), true);
    WORKS(graph_write(c, 0, FEW, FEW));
    WORKS(mv_begin(c, &tx, &error));
    EXPECT(mv_optimize_start(tx, NULL, &job, &error) == MV_MISUSE && !job);
    EXPECT(mv_optimize_start(c, NULL, &job, &error) == MV_BUSY && !job);
    mv_abort(tx);
    WORKS(mv_optimize_start(c, NULL, &job, &error));
    WORKS(mv_begin(c, &tx, &error));
    mv_err err = mv_job_wait(job, -1, &done, &error);
    EXPECT(done ? err == MV_OK : err == MV_BUSY);
    WORKS(mv_job_wait(job, 0, &done, &error));
    mv_job_free(job);
    WORKS(graph_write(tx, 0, 10, 10));
    WORKS(mv_commit(tx, &error));
    RECALLS(c, 0.9, .topk = 10);
    WORKS(mv_close(c, &error));
}

/* A failure is told by waiting; the collection is as it was. */
static void test_failure(void)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    bool done = false;
    char name[64], full[256];
    const char *path = sample_path("failing");
    start(&c, path, true);
    WORKS(graph_write(c, 0, FEW, FEW));
    EXPECT(graph_files(path, ".vec", name));
    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    FILE *file = fopen(full, "r+b");
    EXPECT(file && !fseek(file, 5000, SEEK_SET) && fputc('x', file) == 'x' && !fclose(file));
    WORKS(mv_optimize_start(c, NULL, &job, &error));
    EXPECT(mv_job_wait(job, -1, &done, &error) == MV_CORRUPT && done);
    EXPECT(strstr(error.text, name));
    mv_job_free(job);
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- maintenance */

static bool is_maintained(mv_collection *c)
{
    mv_stats stats = {0};
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(!stats.maintenance_error[0]);
    return stats.is_maintained;
}

static mv_pending why_pending(mv_collection *c)
{
    mv_stats stats = {0};
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT((stats.pending == MV_PENDING_NONE) == (stats.pending_rows == 0));
    return stats.pending;
}

/* `why`, unless all rows are in an index: maintenance may have been faster than the test. */
static mv_pending wanted_pending(mv_collection *c, mv_pending why)
{
    mv_stats stats = {0};
    WORKS(mv_get_stats(c, &stats, &error));
    return stats.pending_rows ? why : MV_PENDING_NONE;
}

static void wait_until_maintained(mv_collection *c)
{
    WAIT_UNTIL(!is_maintained(c));
}

static void test_maintenance(bool memory, mv_durability durability)
{
    mv_collection *c = NULL;
    mv_stats stats;
    memset(graph_there, 0, sizeof graph_there);
    WORKS(graph_open(PLACE("auto"), (mv_open_options){.durability = durability}, &c));
    WORKS(graph_write(c, 0, TOO_FEW, TOO_FEW));
    EXPECT(!is_maintained(c) && graph_stats(c, PLAIN).segments == 0);
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.pending == MV_PENDING_FEW && stats.pending_rows == TOO_FEW);
    WORKS(graph_write(c, TOO_FEW, MANY, MANY));
    RECALLS(c, 0.9, .topk = 10);
    WORKS(graph_delete(c, 5, 2000, 97)); /* while it is maintained */
    wait_until_maintained(c);
    mv_index_stats index = graph_stats(c, TURNED);
    EXPECT(index.segments == 1 && index.indexed_rows == index.rows);
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.segments == 1);
    graph_search_all(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    if (memory) return;
    WORKS(mv_open(sample_path("auto"), &(mv_open_options){.verify = true}, &c, &error));
    EXPECT(!is_maintained(c));
    graph_search_all(c);
    WORKS(mv_close(c, &error));
    remove_tree(sample_path("auto"));
}

/* A flush that comes while maintenance works stays true. */
static void test_flush_stays(void)
{
    mv_collection *c = NULL;
    mv_stats stats;
    memset(graph_there, 0, sizeof graph_there);
    WORKS(graph_open(sample_path("flushed"), (mv_open_options){.durability = MV_DURABILITY_NONE},
                     &c));
    WORKS(graph_write(c, 0, MANY, MANY));
    WORKS(mv_flush(c, &error));
    while (is_maintained(c)) {
        WORKS(mv_get_stats(c, &stats, &error));
        EXPECT(stats.durable);
        nap();
    }
    EXPECT(graph_stats(c, PLAIN).segments == 1);
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.durable);
    WORKS(mv_close(c, &error));
}

/* Manual means manual. */
static void test_manual(void)
{
    mv_collection *c = NULL;
    start(&c, ":memory:", true);
    WORKS(graph_write(c, 0, MANY, MANY));
    EXPECT(!is_maintained(c) && graph_stats(c, PLAIN).segments == 0);
    WORKS(mv_close(c, &error));
}

/* Closing stops it in the middle of a large group, and leaves nothing half-made. Opening starts
 * nothing, the first read goes on. */
static void test_close(void)
{
    mv_collection *c = NULL;
    const char *path = sample_path("closed");
    start(&c, path, false);
    WORKS(graph_write(c, 0, MANY, MANY));
    WAIT_UNTIL(graph_files(path, ".hnsw", NULL)); /* of two, which are committed at once */
    WORKS(mv_close(c, &error));
    EXPECT(graph_files(path, ".new", NULL) == 0);
    WORKS(mv_open(path, &(mv_open_options){.read_only = true}, &c, &error));
    EXPECT(!is_maintained(c) && why_pending(c) == wanted_pending(c, MV_PENDING_READ_ONLY));
    WORKS(mv_close(c, &error));
    WORKS(mv_open(path, &(mv_open_options){.manual_maintenance = true}, &c, &error));
    EXPECT(!is_maintained(c) && why_pending(c) == wanted_pending(c, MV_PENDING_MANUAL));
    WORKS(mv_close(c, &error));
    WORKS(mv_open(path, &(mv_open_options){.verify = true}, &c, &error));
    RECALLS(c, 0.9, .topk = 10);
    for (int i = 0; i < 20; i++) { /* open and close while it is at work: each time it goes on */
        mv_collection *other = NULL;
        WORKS(graph_write(c, 0, 1, 1));
        WORKS(mv_open(path, NULL, &other, &error));
        WORKS(mv_close(c, &error));
        c = other;
    }
    wait_until_maintained(c);
    EXPECT(graph_stats(c, PLAIN).segments == 1);
    WORKS(mv_close(c, &error));
    remove_tree(path);
}

/* Closing finishes a small group that this process has written, also if it was not yet begun; in a
 * process that only reads it does not. Two graphs of few rows are merged, one of them copied. */
static void test_close_finishes(void)
{
    mv_collection *c = NULL;
    const char *path = sample_path("finished");
    start(&c, path, false);
    for (uint32_t round = 0; round < 4; round++) {
        WORKS(graph_write(c, round * SOME, (round + 1) * SOME, SOME));
        WORKS(mv_close(c, &error));
        WORKS(mv_open(path, &(mv_open_options){.manual_maintenance = true}, &c, &error));
        mv_index_stats index = graph_stats(c, TURNED);
        EXPECT(index.segments == 1 && index.indexed_rows == (round + 1) * SOME);
        EXPECT(why_pending(c) == MV_PENDING_NONE);
        WORKS(mv_close(c, &error));
        WORKS(mv_open(path, NULL, &c, &error));
    }
    RECALLS(c, 0.9, .topk = 10);
    EXPECT(!is_maintained(c));
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    remove_tree(path);
}

/* Who optimizes gets the turn, and does it all. */
static void test_take_over(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    bool done;
    start(&c, PLACE("taken"), false);
    WORKS(graph_write(c, 0, MANY, MANY));
    WORKS(mv_optimize_start(c, NULL, &job, &error));
    WORKS(graph_write(c, 100, 200, 100)); /* does not wake it: another is at it */
    WORKS(mv_job_wait(job, -1, &done, &error));
    mv_job_free(job);
    WORKS(optimize_all(c, 1000));
    wait_until_maintained(c);
    EXPECT(graph_stats(c, PLAIN).indexed_rows == MANY);
    graph_search_all(c);
    WORKS(mv_close(c, &error));
}

/* The child of a process that is being maintained has no such thread, and gets its own. */
static void test_fork(void)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    int status = 0, unmet_before = unmet;
    bool done;
    mv_progress progress;
    start(&c, sample_path("forked"), false);
    WORKS(graph_write(c, 0, MANY, MANY));
    WORKS(mv_optimize_start(c, NULL, &job, &error));
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        EXPECT(mv_job_wait(job, -1, &done, &error) == MV_BUSY);
        mv_job_progress(job, &progress);
        mv_job_cancel(job);
        mv_job_free(job);
        WORKS(graph_write(c, 0, 10, 10));
        RECALLS(c, 0.9, .topk = 10);
        WORKS(mv_close(c, &error));
        (void)fflush(stdout);
        _exit(unmet > unmet_before);
    }
    EXPECT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    WORKS(mv_job_wait(job, -1, &done, &error));
    mv_job_free(job);
    graph_search_all(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* A disk error, here damage, stops it and is told; nothing else is the worse for it. */
static void test_maintenance_failing(void)
{
    mv_collection *c = NULL;
    mv_stats stats = {0};
    char name[64], full[256];
    const char *path = sample_path("unwell");
    start(&c, path, true);
    WORKS(graph_write(c, 0, MANY - 10, MANY));
    EXPECT(graph_files(path, ".vec", name));
    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    FILE *file = fopen(full, "r+b");
    EXPECT(file && !fseek(file, 5000, SEEK_SET) && fputc('x', file) == 'x' && !fclose(file));
    WORKS(mv_close(c, &error));
    WORKS(mv_open(path, NULL, &c, &error));
    double before = os_seconds();
    WORKS(graph_write(c, MANY - 10, MANY - 5, 5));
    do {
        nap();
        WORKS(mv_get_stats(c, &stats, &error));
    } while (stats.is_maintained);
    EXPECT(strstr(stats.maintenance_error, name));
    WORKS(graph_write(c, MANY - 5, MANY, 5)); /* too soon to try again, unless that took long */
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(!stats.is_maintained || os_seconds() - before > 10);
    EXPECT(stats.documents == MANY);
    WORKS(mv_close(c, &error));
}

/* Readers and writers beside it, and what it leaves when all is done. */
static atomic_bool stop;
static atomic_uint searches;

static void *search_all_the_time(void *ctx)
{
    mv_collection *c = ctx;
    mv_error e;
    mv_result *result = NULL;
    float vector[GRAPH_DIM] = {3, 1, 4, 1, 5, 9, 2, 6};
    mv_query query = {.vectors = vector, .vectors_count = 1, .dim = GRAPH_DIM, .topk = 10};
    if (mv_result_create(c, &result, &e)) return NULL;
    while (!atomic_load(&stop)) {
        size_t count = 0;
        if (mv_search(c, &query, result, &e)) break;
        (void)mv_result_hits(result, &count);
        if (count != 10) break;
        query.vector_field ^= 1;
        if (atomic_fetch_add(&searches, 1) % 4 == 0) nap(); /* the machine may have one core */
    }
    if (!atomic_load(&stop)) printf("    a search failed: %s\n", e.text);
    mv_result_free(result);
    return NULL;
}

static void test_beside_readers(bool memory)
{
    mv_collection *c = NULL;
    pthread_t readers[2];
    atomic_store(&stop, false);
    atomic_store(&searches, 0);
    start(&c, PLACE("busy"), false);
    WORKS(graph_write(c, 0, 10000, 5000));
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&readers[i], NULL, search_all_the_time, c) == 0);
    WORKS(graph_write(c, 10000, MANY, MANY));
    for (uint32_t round = 0; is_maintained(c); round++) {
        uint32_t at = round * 31 % (MANY - 10);
        nap();
        if (round > 100) continue; /* slow builds would start again, for all the deleted rows */
        WORKS(graph_write(c, at, at + 10, 10));
        WORKS(graph_delete(c, at, at + 3, 1));
    }
    WAIT_UNTIL(atomic_load(&searches) > 10);
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) EXPECT(pthread_join(readers[i], NULL) == 0);
    EXPECT(graph_stats(c, PLAIN).segments >= 1);
    graph_search_all(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("maintain")) return tests_conclude();
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_job(memory));
        RUN_WITH(WHERE, test_cancel(memory));
        RUN_WITH(WHERE, test_beside_transaction(memory));
        RUN_WITH(WHERE, test_take_over(memory));
        RUN_WITH(WHERE, test_beside_readers(memory));
        RUN_WITH(WHERE, test_maintenance(memory, MV_DURABILITY_FULL));
    }
    RUN(test_maintenance(false, MV_DURABILITY_NONE));
    RUN(test_flush_stays());
    RUN(test_manual());
    RUN(test_failure());
    RUN(test_close());
    RUN(test_close_finishes());
#ifdef __SANITIZE_THREAD__ /* it ends a forked child that starts a thread: "dup thread" */
    printf("test_fork is left out: the thread sanitizer supports no threads in a forked child\n");
#else
    RUN(test_fork());
#endif
    RUN(test_maintenance_failing());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
