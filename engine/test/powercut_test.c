/* Power cuts: an acknowledged write survives them.
 *
 *   powercut_test [STATES [SEED]]
 *
 * A workload runs in a child, and all that it does to files is recorded. The record is then
 * replayed on a model of a disk and cut off at random places; what a real disk might hold then, of
 * what was not synced some, torn or nothing, is written to a directory. There the collection must
 * open with every check, hold exactly the last acknowledged commit or that and the one under way,
 * and go on working. What it does then is recorded in turn, and cut off again. Written without
 * syncing, the collection must be refused rather than show anything else. */
#include "test/powercut_record.h"

#include <signal.h>
#include <sys/wait.h>

#include "test/expect.h"
#include "test/powercut_check.h"

#define STATES_DEFAULT  70u /* the first workload syncs, the second does not */
#define SEED_DEFAULT    1u
#define STATES_PER_WORK 50u
#define AGAIN_EVERY     8u /* states: one in this many is cut again, */
#define AGAIN_STATES    4u /* so often */

typedef enum turn { TURN_FIRST, TURN_AGAIN, TURNS } turn;

static char root[OS_PATH_SIZE];
static uint64_t seed;
static uint32_t work_number;
static uint32_t refused, absent;
static uint32_t states[TURNS], by_call[CALLS_COUNT], by_style[CUT_STYLES_COUNT];

static const char *const call_names[] = {
#define CALL_NAME(name, text) text,
    CALLS(CALL_NAME)};

static const char *const style_names[] = {
#define CUT_STYLE_NAME(name, text) text,
    CUT_STYLES(CUT_STYLE_NAME)};

/* ---------------------------------------------------------------- directories and children */

static mv_err remove_entry(void *ctx, const char *name, mv_error *error)
{
    char path[OS_PATH_SIZE];
    os_kind kind;
    MV_TRY(os_join(path, ctx, name, error));
    MV_TRY(os_look(path, &kind, error));
    if (kind != OS_DIRECTORY) return os_remove(path, error);
    MV_TRY(os_each_entry(path, remove_entry, path, error));
    return os_remove_directory(path, error);
}

static void empty_root(void)
{
    mv_error error;
    must(!os_each_entry(root, remove_entry, root, &error), error.text);
}

/* Start a child that records into `r` (NULL: nothing). True in the child. */
static bool fork_child(record *r, pid_t *child)
{
    (void)fflush(stdout);
    *child = fork();
    must(*child >= 0, "cannot fork");
    if (*child) return false;
    (void)alarm(HANG_SECONDS);
    if (r) record_start(r, root);
    return true;
}

/* The exit code of a child; one that died of a signal, or leaked, has failed. */
static int wait_for(pid_t child)
{
    int status = 0;
    must(waitpid(child, &status, 0) == child, "cannot wait for a child");
    if (WIFSIGNALED(status)) printf("died of signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---------------------------------------------------------------- one state */

static cut choose_cut(const op *o)
{
    cut c = {.style = (cut_style)random_below(CUT_STYLES_COUNT), .in_flight = o};
    c.odds = 1 + random_below(7);
    uint64_t back = (uint64_t)1 << random_below(10);
    c.until = o->number + 1 - random_below(back < o->number ? back : o->number + 1);
    return c;
}

static void replay(const record *r, disk *d, oracle *known, uint32_t wanted, turn t);

/* Cut now, and judge what is found. One of some is then cut again in what it does next. */
static void test_state(const disk *d, const oracle *known, const op *o, turn t)
{
    static oracle expected;
    uint32_t number = states[TURN_FIRST] + states[TURN_AGAIN];
    pid_t child;
    cut c = choose_cut(o);
    disk *platter = disk_cut(d, &c);
    bool again = t == TURN_FIRST && states[TURN_FIRST] % AGAIN_EVERY == 0;
    record *r = again ? record_create() : NULL;
    empty_root();
    disk_store(platter, root);
    expected = *known;
    if (fork_child(r, &child)) {
        verdict v = check_all(root, &expected);
        record_stop();
        _exit((int)v);
    }
    int code = wait_for(child);
    states[t]++;
    by_call[known->now.call]++;
    by_style[c.style]++;
    refused += code == VERDICT_REFUSED;
    absent += code == VERDICT_ABSENT;
    doing_now("state %u of seed %llu: %s, operation %llu, during: %s, kept: %s", number,
              (unsigned long long)seed, t == TURN_FIRST ? "first cut" : "second cut",
              (unsigned long long)o->number, call_names[known->now.call], style_names[c.style]);
    if (EXPECT(code == VERDICT_WHOLE || code == VERDICT_REFUSED || code == VERDICT_ABSENT) &&
        again && r->ops) {
        static oracle known_again;
        known_again = *known;
        replay(r, platter, &known_again, AGAIN_STATES, TURN_AGAIN);
    }
    record_free(r);
    disk_free(platter);
}

/* ---------------------------------------------------------------- replaying */

/* How often each operation is to be cut off: half of the cuts anywhere, half where it is not a mere
 * write. */
static uint8_t *choose_places(const record *r, uint32_t wanted)
{
    size_t ops = (size_t)r->ops, rare_count = 0;
    uint64_t *rare = mem_alloc(ops * sizeof *rare);
    uint8_t *cuts = mem_alloc_zero(ops);
    must(rare && cuts, "out of memory");
    for (const op *o = record_at(r, 0); o; o = record_next(r, o))
        if (o->kind != OP_WRITE) rare[rare_count++] = o->number;
    for (uint32_t i = 0; i < wanted; i++)
        cuts[random_below(2) && rare_count ? rare[random_below(rare_count)]
                                           : random_below(r->ops)]++;
    mem_free(rare, ops * sizeof *rare);
    return cuts;
}

/* Replay the record and cut the power `wanted` times on the way. An operation that is cut off has a
 * random part of its effect; a sync has none. */
static void replay(const record *r, disk *d, oracle *known, uint32_t wanted, turn t)
{
    uint8_t *cuts = choose_places(r, wanted);
    for (const op *o = record_at(r, 0); o; o = record_next(r, o)) {
        uint64_t keep = random_state;
        if (o->kind != OP_SYNC) disk_apply(d, o);
        for (uint8_t i = 0; i < cuts[o->number]; i++) test_state(d, known, o, t);
        if (o->kind == OP_SYNC) disk_apply(d, o);
        oracle_read(known, o);
        random_state = keep + cuts[o->number];
    }
    mem_free(cuts, (size_t)r->ops);
}

/* A workload, cut off `wanted` times. */
static void test_cuts(uint32_t wanted)
{
    static oracle known;
    pid_t child;
    record *r = record_create();
    must(r != NULL, "out of memory");
    empty_root();
    uint64_t inode = inode_of_path(root);
    random_state = seed * 1000003 + work_number;
    if (fork_child(r, &child)) {
        work_all(root, work_number % 2);
        record_stop();
        _exit(0);
    }
    must(wait_for(child) == 0 && !r->is_full, "the workload failed");

    disk *d = disk_create(inode);
    const cut everything = {.style = CUT_EVERYTHING};
    for (const op *o = record_at(r, 0); o; o = record_next(r, o)) disk_apply(d, o);
    disk *all = disk_cut(d, &everything);
    disk_compare(all, root);
    disk_free(all);
    disk_free(d);

    d = disk_create(inode);
    known = (oracle){.synced = SYNCED};
    replay(r, d, &known, wanted, TURN_FIRST);
    disk_free(d);
    record_free(r);
}

static void say_statistics(double seconds)
{
    printf("cut once: %u, cut again while going on: %u; refused as unsynced: %u, not there: %u\n",
           states[TURN_FIRST], states[TURN_AGAIN], refused, absent);
    for (uint32_t i = 0; i < CALLS_COUNT; i++)
        printf("%s%s: %u", i ? ", " : "cut during: ", call_names[i], by_call[i]);
    for (uint32_t i = 0; i < CUT_STYLES_COUNT; i++)
        printf("%s%s: %u", i ? ", " : "\nkept of what was not synced: ", style_names[i],
               by_style[i]);
    printf("\n%.0f seconds\n", seconds);
}

int main(int argc, char **argv)
{
    char made[OS_PATH_SIZE];
    uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : STATES_DEFAULT;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : SEED_DEFAULT;
    if (!wanted || argc > 3) {
        printf("usage: powercut_test [STATES [SEED]]\n");
        return 2;
    }
    must(!os_make_temporary_directory(made, NULL) && !os_real_path(made, root, NULL),
         "no temporary directory");
    double start = os_seconds();
    while (states[TURN_FIRST] < wanted) {
        uint64_t left = wanted - states[TURN_FIRST];
        char name[32];
        (void)snprintf(name, sizeof name, "workload %u", work_number);
        RUN_WITH(name, test_cuts(left < STATES_PER_WORK ? (uint32_t)left : STATES_PER_WORK));
        work_number++;
    }
    say_statistics(os_seconds() - start);
    empty_root();
    (void)os_remove_directory(root, NULL);
    return tests_conclude();
}
