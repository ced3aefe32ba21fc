/* System calls that fail: the n-th write, sync, open, rename, map or resize of a script of
 * operations, for every n until the script gets through. LMDB's calls are met as well as ours
 * (system_faults.h).
 *
 * A failure must be reported with a code that says what happened, lose nothing that was
 * acknowledged, and leave no descriptor open; opened again, the collection passes its check. */
#include "test/system_faults.h"

#include "base/os.h"
#include "test/script.h"

/* ---------------------------------------------------------------- the rounds */

/* Open what is there now that nothing fails any more. `in_doubt`: the commit that failed may have
 * happened. */
static void look_again(script *s, const char *path, bool in_doubt)
{
    mv_collection *c = NULL;
    WORKS(mv_open(path, &(mv_open_options){.verify = true}, &c, &error));
    if (!c) return;
    if (!in_doubt) HOLDS(c, s->versions, SCRIPT_DOCUMENTS);
    s->c = c;
    WORKS(write_versions(s, MV_UPSERT, 50, SCRIPT_DOCUMENTS, 9));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_check(c, &error));
    if (!in_doubt) HOLDS(c, s->versions, SCRIPT_DOCUMENTS);
    unsigned entries = wanted_entries(c);
    WORKS(mv_close(c, &error));
    EXPECT(count_entries(path) == entries);
}

static bool run(fault kind, uint64_t n, bool persists, mv_durability durability)
{
    script s = {0};
    char path[128], copy_path[128];
    bool equal = false;
    unsigned descriptors = count_entries("/proc/self/fd");
    size_t bytes_before = mem_bytes();
    int unmet_before = unmet;
    (void)snprintf(path, sizeof path, "%s", sample_path("c"));
    (void)snprintf(copy_path, sizeof copy_path, "%s", sample_path("copy"));
    atomic_store(&fault_now, kind);
    atomic_store(&fault_persists, persists);
    atomic_store(&countdown, n);
    mv_err err = script_run(&s, path, durability, copy_path), first = err;
    mv_error first_error = error;
    EXPECT(!err || (says_what_happened(kind, err) && error.code == err));
    if (s.c) { /* the handle may be past use, but does not blame the data */
        err = sample_verify(s.c, s.versions, SCRIPT_DOCUMENTS, &equal);
        EXPECT(err ? err != MV_CORRUPT : equal);
    }
    bool opened = s.c != NULL;
    err = mv_close(s.c, &error);
    EXPECT(!err || durability == MV_DURABILITY_NONE);
    bool through = !first && !err && atomic_load(&countdown) > 1;
    atomic_store(&countdown, 0);
    EXPECT(mem_bytes() == bytes_before);
    EXPECT(count_entries("/proc/self/fd") == descriptors);
    if (opened) look_again(&s, path, kind == TAKE_BACKS && first);
    EXPECT(count_entries(sample_place) ==
           2u + (access(path, F_OK) == 0) + (access(copy_path, F_OK) == 0));
    remove_tree(path);
    remove_tree(copy_path);
    if (unmet > unmet_before)
        printf("    after %s %" PRIu64 "%s, durability %d: %s: %s\n", fault_names[kind], n,
               persists ? " and all after it" : "", durability, mv_err_name(first),
               first ? first_error.text : "");
    return through;
}

static uint64_t rounds;

static void test_every_call(fault kind, bool persists, mv_durability durability)
{
    for (uint64_t n = 1; unmet < 30 && !run(kind, n, persists, durability); n++) rounds++;
}

/* Destroying that succeeds leaves nothing; destroying that fails can be repeated. */
static bool destroy_once(fault kind, uint64_t n)
{
    mv_collection *c = NULL;
    const char *path = sample_path("d");
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 10, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_close(c, &error));
    atomic_store(&fault_now, kind);
    atomic_store(&fault_persists, false);
    atomic_store(&countdown, n);
    mv_err err = mv_destroy(path, &error);
    bool through = atomic_load(&countdown) > 0;
    atomic_store(&countdown, 0);
    EXPECT(!err || says_what_happened(kind, err));
    if (err && access(path, F_OK) == 0) WORKS(mv_destroy(path, &error));
    EXPECT(access(path, F_OK) != 0);
    remove_tree(path);
    return through;
}

static void test_destroy(fault kind)
{
    for (uint64_t n = 1; unmet < 30 && !destroy_once(kind, n); n++) rounds++;
}

/* ---------------------------------------------------------------- a file that is removed */

static uint32_t removals;
static os_file removal_lock = OS_FILE_NONE;

/* As the garbage collection of another process does, between the creation of a file of a segment or
 * index and its lock: remove it, the second time with a lock on it. */
static void remove_new_file(int file)
{
    char link[64], path[256];
    uint64_t size;
    bool got;
    os_close(removal_lock);
    removal_lock = OS_FILE_NONE;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 4 || memcmp(path + length - 4, ".new", 4) != 0 || ++removals % 3 == 0) return;
    path[length] = 0;
    if (removals % 3 == 2) {
        WORKS(os_open_read(path, &removal_lock, &size, &error));
        WORKS(os_try_lock(removal_lock, &got, path, &error));
        EXPECT(got);
    }
    WORKS(os_remove(path, &error));
}

/* A file that is removed before it is locked is created again. */
static void test_removed_before_lock(void)
{
    mv_collection *c = NULL;
    const char *path = sample_path("removed");
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 50, 1));
    saw_open = remove_new_file;
    WORKS(optimize_all(c, 1000));
    saw_open = NULL;
    os_close(removal_lock);
    EXPECT(removals >= 3);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    remove_tree(path);
}

int main(void)
{
    if (!sample_place_make("system-fault")) return tests_conclude();
    for (int kind = 0; kind < FAULTS; kind++) {
        const char *name = fault_names[kind];
        RUN_WITH(name, test_destroy((fault)kind));
        RUN_WITH(name, test_every_call((fault)kind, false, MV_DURABILITY_FULL));
        RUN_WITH(name, test_every_call((fault)kind, true, MV_DURABILITY_FULL));
        RUN_WITH(name, test_every_call((fault)kind, false, MV_DURABILITY_NONE));
        RUN_WITH(name, test_every_call((fault)kind, true, MV_DURABILITY_NONE));
    }
    RUN(test_removed_before_lock());
    remove_tree(sample_place);
    printf("%" PRIu64 " rounds, one system call after the other failing\n", rounds);
    return tests_conclude();
}
