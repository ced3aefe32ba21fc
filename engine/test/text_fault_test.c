/* Search by text and by sparse vector when memory is short: a collection is opened, searched,
 * written, searched in a transaction and optimized, over and over, each time with another
 * allocation failing. A failure must say what happened, lose nothing, leak nothing and leave no
 * file behind.
 *
 *   text_fault_test          every 11th allocation
 *   text_fault_test STEP     every STEP-th one; with 1 it takes 30 s */
#include "test/text_sample.h"

#define ROWS 300u /* enough for an index */
#define MORE 300u /* and for a second one, and for merging both */

static char base[128], path[128];
static mv_collection *truth; /* of all rows */

static void make_base(void)
{
    mv_collection *c = NULL;
    WORKS(text_open(base, (mv_open_options){0}, &c));
    WORKS(text_write(c, 0, ROWS));
    WORKS(optimize_all(c, 1000));
    WORKS(text_delete(c, "id = '5'"));
    WORKS(mv_close(c, &error));
    WORKS(text_open(":memory:", (mv_open_options){0}, &truth));
    WORKS(text_write(truth, 0, ROWS + MORE));
    WORKS(text_delete(truth, "id = '5'"));
}

/* ---------------------------------------------------------------- the script */

static mv_err search(mv_collection *c)
{
    mv_result *result = NULL;
    mv_err err = mv_result_create(c, &result, &error);
    for (size_t i = 0; i < TEXT_INDEXES * TEXT_QUERIES && !err; i++)
        err = text_search_in(c, result, i % TEXT_INDEXES, text_queries[i / TEXT_INDEXES], i % 3);
    if (!err) err = text_search_weights(c, result, false);
    if (!err) err = text_search_weights(c, result, true);
    mv_result_free(result);
    return err;
}

/* With one thread, so that what fails is the same each time. */
static mv_err optimize(mv_collection *c)
{
    mv_job *job = NULL;
    bool more = true;
    mv_err err = mv_optimize_begin(c, &(mv_optimize_options){.threads = 1}, &job, &error);
    while (!err && more) err = mv_optimize_step(job, 1000, &more, NULL, &error);
    mv_job_free(job);
    return err;
}

static mv_err transact(mv_collection *c)
{
    mv_collection *tx = NULL;
    mv_err err = mv_begin(c, &tx, &error);
    if (err) return err;
    err = text_write(tx, ROWS, ROWS + MORE);
    if (!err) err = search(tx);
    if (!err) return mv_commit(tx, &error);
    mv_abort(tx);
    return err;
}

static mv_err run_script(mv_collection **c)
{
    mv_err err = text_open(path, (mv_open_options){0}, c);
    if (!err) err = search(*c);
    if (!err) err = transact(*c);
    if (!err) err = search(*c);
    if (!err) err = optimize(*c);
    if (!err) err = search(*c);
    if (!err) err = mv_check(*c, &error);
    return err;
}

/* ---------------------------------------------------------------- after it */

static void look_again(void)
{
    mv_collection *c = NULL;
    WORKS(text_open(path, (mv_open_options){.verify = true}, &c));
    if (!c) return;
    WORKS(text_write(c, ROWS, ROWS + MORE));
    WORKS(optimize(c));
    for (uint32_t f = 0; f < TEXT_INDEXES; f++) {
        mv_index_stats stats = text_stats(c, f);
        EXPECT(stats.segments == 1 && stats.indexed_rows == ROWS + MORE - 1 && !stats.warning[0]);
    }
    EXPECT(text_stats(c, WEIGHTS).indexed_rows == ROWS + MORE - 1);
    EXPECT(text_differences_of(c, truth, text_queries + 5, 2) == 0);
    WORKS(mv_close(c, &error));
    EXPECT(files_with(path, ".text", NULL) == TEXT_INDEXES);
    /* . .. the catalog and its two lock files, rows, sparse vectors */
    EXPECT(files_with(path, "", NULL) == 6 + TEXT_INDEXES + 1);
}

static uint64_t rounds, failed;

/* True when the script got through. */
static bool run_without_memory(uint64_t n, bool persist)
{
    mv_collection *c = NULL;
    size_t bytes = mem_bytes();
    copy_collection(base, path);
    doing_now("allocation %" PRIu64 "%s", n, persist ? " and all after it" : "");
    mem_fail_at(n, persist);
    mv_err err = run_script(&c);
    mem_fail_at(0, false);
    EXPECT(!err || (err == MV_NO_MEMORY && error.code == err && error.text[0]));
    WORKS(mv_close(c, &error));
    EXPECT(mem_bytes() == bytes);
    rounds++;
    failed += err != MV_OK;
    if (n % 5 == 0 || !err) look_again();
    return !err;
}

/* A failure may be made up for, so one success is not the end: a run of them is. */
static void test_every_allocation(bool persist, uint64_t step)
{
    uint64_t n = 1;
    for (int through = 0; through < 10 && unmet < 20; n += step)
        through = run_without_memory(n, persist) ? through + 1 : 0;
}

int main(int argc, char **argv)
{
    uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 11;
    if (!step) step = 1;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("text-fault")) return tests_conclude();
    (void)snprintf(base, sizeof base, "%s", sample_path("base"));
    (void)snprintf(path, sizeof path, "%s", sample_path("c"));
    make_base();
    RUN(test_every_allocation(false, step));
    RUN(test_every_allocation(true, step));
    WORKS(mv_close(truth, &error));
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    printf("%" PRIu64 " rounds, %" PRIu64 " failed\n", rounds, failed);
    return tests_conclude();
}
