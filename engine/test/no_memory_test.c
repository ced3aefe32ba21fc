/* Running out of memory, at every single allocation: a script of operations is repeated, each time
 * with another allocation failing (alone, or with all after it), until it gets through. Every
 * failure must be MV_NO_MEMORY, lose nothing that was acknowledged, leak nothing, and leave a
 * collection that passes its check and can do what failed when it is asked again. */
#include "test/script.h"

/* In memory the script allocates as in a directory, but for files: there only one in so many fails.
 */
#define STEP_IN_MEMORY 3u

/* One round: the n-th allocation fails. True when the script needed fewer allocations. */
static bool run(uint64_t n, bool persist, bool memory)
{
    script s = {0};
    char path[128], copy_path[128];
    unsigned entries = 0;
    size_t bytes_before = mem_bytes();
    (void)snprintf(path, sizeof path, "%s", memory ? ":memory:" : sample_path("c"));
    (void)snprintf(copy_path, sizeof copy_path, "%s", sample_path("copy"));
    int unmet_before = unmet;
    mem_fail_at(n, persist);
    mv_err err = script_run(&s, path, MV_DURABILITY_FULL, memory ? NULL : copy_path);
    mem_fail_at(0, false);
    EXPECT(err == MV_OK ||
           (!script_is_stubborn && err == MV_NO_MEMORY && error.code == MV_NO_MEMORY));
    if (s.c) {
        HOLDS(s.c, s.versions, SCRIPT_DOCUMENTS);
        WORKS(mv_check(s.c, &error));
        WORKS(write_versions(&s, MV_UPSERT, 50, SCRIPT_DOCUMENTS, 9));
        WORKS(optimize_all(s.c, 1000));
        HOLDS(s.c, s.versions, SCRIPT_DOCUMENTS);
        entries = wanted_entries(s.c);
    }
    WORKS(mv_close(s.c, &error));
    EXPECT(mem_bytes() == bytes_before);
    if (s.c && !memory) {
        WORKS(mv_open(path, &(mv_open_options){.verify = true}, &s.c, &error));
        HOLDS(s.c, s.versions, SCRIPT_DOCUMENTS);
        WORKS(mv_close(s.c, &error));
        EXPECT(count_entries(path) == entries);
    }
    if (!memory) { /* nothing half-made is left beside the collection */
        EXPECT(count_entries(sample_place) ==
               2u + (access(path, F_OK) == 0) + (access(copy_path, F_OK) == 0));
        remove_tree(path);
        remove_tree(copy_path);
    }
    if (unmet > unmet_before)
        printf("    with allocation %" PRIu64 "%s: %s: %s\n", n, persist ? " and all after it" : "",
               mv_err_name(err), error.text);
    return err == MV_OK;
}

static uint64_t rounds;

static uint64_t run_until_through(bool persist, bool memory)
{
    uint64_t n = 1, step = memory ? STEP_IN_MEMORY : 1;
    /* A failure may be made up for, so one success is not the end: a run of them is. */
    for (int through = 0; through < 20 && unmet < 20; n += step, rounds++)
        through = run(n, persist, memory) ? through + 1 : 0;
    return n - 1;
}

static void test_all_fail_from_one_on(bool memory)
{
    script_is_stubborn = false;
    (void)run_until_through(true, memory);
}

static uint64_t once; /* rounds of test_one_fails until the script got through */

static void test_one_fails(bool memory)
{
    script_is_stubborn = false;
    once = run_until_through(false, memory);
}

/* What failed works at the second attempt. */
static void test_one_fails_and_is_tried_again(bool memory)
{
    script_is_stubborn = true;
    uint64_t step = memory ? STEP_IN_MEMORY : 1;
    for (uint64_t n = 1; n < once && unmet < 20; n += step, rounds++) (void)run(n, false, memory);
}

/* Once a write of a transaction was interrupted, no later write makes the transaction valid: it
 * commits as if the interrupted write was never made, or not at all. */
static void test_interrupted_write_in_a_transaction(bool memory)
{
    bool was_interrupted = false, succeeded = false;
    for (uint64_t n = 1; !succeeded && unmet < 20; n++, rounds++) {
        mv_collection *c = NULL;
        uint8_t versions[SCRIPT_DOCUMENTS] = {0};
        uint64_t deleted = 0;
        const char *path = PLACE("transaction");
        doing_now("allocation %" PRIu64, n);
        WORKS(sample_open(path, (mv_open_options){.must_create = true}, &c));
        WORKS(sample_write(c, MV_INSERT, 20, 40, 1));
        memset(versions + 20, 1, 20);
        WORKS(optimize_all(c, 1000)); /* the rows are in a segment: replacing one allocates */
        mv_collection *tx = NULL;
        WORKS(mv_begin(c, &tx, &error));
        mem_fail_at(n, false);
        mv_err err = sample_write(tx, MV_UPSERT, 10, 30, 2);
        mem_fail_at(0, false);
        EXPECT(err == MV_OK || err == MV_NO_MEMORY);
        mv_err err_of_delete = sample_delete(tx, 39, &deleted);
        EXPECT(err_of_delete == MV_OK || (err && err_of_delete == MV_MISUSE));
        EXPECT(mv_commit(tx, &error) == err_of_delete);
        if (!err_of_delete) versions[39] = 0;
        if (!err) memset(versions + 10, 2, 20);
        HOLDS(c, versions, SCRIPT_DOCUMENTS);
        WORKS(mv_check(c, &error));
        WORKS(mv_close(c, &error));
        if (!memory) remove_tree(path);
        was_interrupted |= err_of_delete != MV_OK;
        succeeded = !err;
    }
    EXPECT(was_interrupted);
}

int main(void)
{
    if (!sample_place_make("no-memory")) return tests_conclude();
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_all_fail_from_one_on(memory));
        RUN_WITH(WHERE, test_one_fails(memory));
        RUN_WITH(WHERE, test_one_fails_and_is_tried_again(memory));
        RUN_WITH(WHERE, test_interrupted_write_in_a_transaction(memory));
    }
    remove_tree(sample_place);
    printf("%" PRIu64 " rounds, one allocation after the other failing\n", rounds);
    return tests_conclude();
}
