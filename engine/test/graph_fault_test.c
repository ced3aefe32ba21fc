/* Graphs in a world that fails: a collection with graphs is opened, searched, written and
 * optimized, over and over, each time with another allocation, write, sync, open, rename, map or
 * resize failing.
 *
 * A failure must say what happened, lose nothing, leak nothing and leave no file behind. A graph
 * that cannot be opened for the moment is no failure. */
#include "test/system_faults.h"

#include "test/graph_sample.h"

#define ROWS 1500u /* few, since each round checks them; searches walk the graph all the same */
#define MORE 20u

static char base[128], path[128];

static void make_base(void)
{
    mv_collection *c = NULL;
    WORKS(graph_open(base, (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(graph_write(c, 0, ROWS, ROWS));
    WORKS(optimize_all(c, 1000));
    EXPECT(graph_stats(c, PLAIN).segments == 1);
    WORKS(graph_delete(c, 7, 300, 50));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- the script */

static mv_err search(mv_collection *c)
{
    mv_result *result = NULL;
    mv_err err = mv_result_create(c, &result, &error);
    for (uint32_t field = 0; field < GRAPH_FIELDS && !err; field++) {
        size_t count = 0;
        mv_query query = {.vector_field = field,
                          .vectors = graph_rows[1],
                          .vectors_count = 1,
                          .dim = GRAPH_DIM,
                          .topk = 10,
                          .strategy = MV_STRATEGY_GRAPH};
        if ((err = mv_search(c, &query, result, &error))) break;
        (void)mv_result_hits(result, &count);
        EXPECT(count == 10);
    }
    mv_result_free(result);
    return err;
}

/* With one thread, so that what fails is the same each time. */
static mv_err optimize(mv_collection *c)
{
    mv_job *job = NULL;
    mv_progress progress;
    bool more = true;
    mv_err err = mv_optimize_begin(c, &(mv_optimize_options){.threads = 1}, &job, &error);
    while (!err && more) err = mv_optimize_step(job, 1, &more, &progress, &error);
    mv_job_free(job);
    return err;
}

static mv_err run_script(mv_collection **c)
{
    mv_index_stats stats;
    mv_err err = mv_open(path, &(mv_open_options){.manual_maintenance = true}, c, &error);
    if (!err) err = search(*c);
    if (!err) err = graph_write(*c, ROWS, ROWS + MORE, MORE);
    if (!err) err = optimize(*c);
    if (!err) err = search(*c);
    if (!err) err = mv_get_index_stats(*c, PLAIN, &stats, &error);
    return err;
}

/* ---------------------------------------------------------------- after it */

static void look_again(void)
{
    mv_collection *c = NULL;
    WORKS(
        mv_open(path, &(mv_open_options){.verify = true, .manual_maintenance = true}, &c, &error));
    if (!c) return;
    WORKS(graph_write(c, ROWS, ROWS + MORE, MORE));
    WORKS(optimize(c));
    mv_index_stats stats = graph_stats(c, TURNED);
    EXPECT(stats.segments == 1 && stats.rows == ROWS - 6 + MORE &&
           stats.indexed_rows == stats.rows);
    EXPECT(!stats.warning[0]);
    RECALLS(c, 0.9, .topk = 10);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    /* . .. the catalog and its two lock files, rows, lists; vectors and graphs */
    EXPECT(graph_files(path, "", NULL) == 7 + 2 * GRAPH_FIELDS);
}

static unsigned descriptors(void)
{
    return graph_files("/proc/self/fd", "", NULL);
}

/* True when the script got through without meeting the failure. */
static bool run_without_memory(uint64_t n, bool persist)
{
    mv_collection *c = NULL;
    size_t bytes = mem_bytes();
    int unmet_before = unmet;
    graph_copy(base, path);
    mem_fail_at(n, persist);
    mv_err err = run_script(&c);
    mem_fail_at(0, false);
    EXPECT(!err || (err == MV_NO_MEMORY && error.code == err));
    WORKS(mv_close(c, &error));
    EXPECT(mem_bytes() == bytes);
    look_again();
    if (unmet > unmet_before)
        printf("    after allocation %" PRIu64 "%s\n", n, persist ? " and all after it" : "");
    return !err;
}

static bool run_with_fault(fault kind, uint64_t n, bool persists)
{
    mv_collection *c = NULL;
    size_t bytes = mem_bytes();
    int unmet_before = unmet;
    graph_copy(base, path);
    unsigned before = descriptors();
    atomic_store(&fault_now, kind);
    atomic_store(&fault_persists, persists);
    atomic_store(&countdown, n);
    mv_err err = run_script(&c);
    EXPECT(!err || (says_what_happened(kind, err) && error.code == err));
    mv_err closed = mv_close(c, &error);
    bool through = !err && !closed && atomic_load(&countdown) > 1;
    atomic_store(&countdown, 0);
    EXPECT(mem_bytes() == bytes);
    EXPECT(descriptors() == before);
    look_again();
    if (unmet > unmet_before)
        printf("    after %s %" PRIu64 "%s: %s\n", fault_names[kind], n,
               persists ? " and all after it" : "", err ? mv_err_name(err) : "got through");
    return through;
}

static uint64_t rounds;

/* A failure may be made up for, so one success is not the end: a run of them is. */
static void test_every_allocation(bool persist)
{
    uint64_t n = 1;
    for (int through = 0; through < 10 && unmet < 20; n++)
        through = run_without_memory(n, persist) ? through + 1 : 0;
    rounds += n;
}

static void test_every_system_call(fault kind, bool persist)
{
    for (uint64_t n = 1; unmet < 20 && !run_with_fault(kind, n, persist); n++) rounds++;
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("graph-fault")) return tests_conclude();
    (void)snprintf(base, sizeof base, "%s", sample_path("base"));
    (void)snprintf(path, sizeof path, "%s", sample_path("c"));
    make_base();
    RUN(test_every_allocation(false));
    RUN(test_every_allocation(true));
    for (int kind = 0; kind < FAULTS; kind++) {
        RUN_WITH(fault_names[kind], test_every_system_call((fault)kind, false));
        RUN_WITH(fault_names[kind], test_every_system_call((fault)kind, true));
    }
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    printf("%" PRIu64 " rounds\n", rounds);
    return tests_conclude();
}
