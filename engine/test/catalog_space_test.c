/* The space of the catalog's file: what optimize gives back to the file system, what readers of
 * older commits hold back, and that no reader loses a byte by it. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/os.h"
#include "storage/catalog_check.h"
#include "storage/catalog_layout.h"
#include "storage/catalog_space.h"
#include "test/sample.h"

#define DOCUMENTS   1000u
#define VERSIONS    4u
#define SPARE_BYTES (512u << 10) /* stays: catalog_space.c, and single pages */
#define WRITES_MAX  100000u      /* ends a test that would hang */

static uint8_t versions[DOCUMENTS];

/* ---------------------------------------------------------------- the system call */

static int hole_errno;        /* how making a hole fails; 0: not */
static unsigned holes;        /* that were made */
static void (*at_hole)(void); /* called before each; NULL: nothing */

int fallocate(int file, int mode, off_t offset, off_t size)
{
    static int (*real)(int, int, off_t, off_t);
    void *found = dlsym(RTLD_NEXT, "fallocate64");
    memcpy(&real, &found, sizeof real);
    if (at_hole) at_hole();
    errno = hole_errno;
    if (hole_errno) return -1;
    holes++;
    return real(file, mode, offset, size);
}

/* ---------------------------------------------------------------- what is done */

static void write_versions(mv_collection *c, uint8_t version)
{
    WORKS(sample_write(c, MV_UPSERT, 0, DOCUMENTS, version));
    memset(versions, version, sizeof versions);
}

/* A collection whose catalog is mostly free. */
static mv_collection *start(const char *path)
{
    mv_collection *c = NULL;
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, &c));
    for (uint8_t version = 1; version <= VERSIONS; version++) write_versions(c, version);
    hole_errno = 0;
    holes = 0;
    return c;
}

static mv_stats stats_of(mv_collection *c)
{
    mv_stats stats;
    WORKS(mv_get_stats(c, &stats, &error));
    return stats;
}

static bool is_trimmed(mv_collection *c)
{
    mv_stats stats = stats_of(c);
    return stats.catalog_free_bytes < SPARE_BYTES + stats.catalog_bytes / 8;
}

/* The commits of both meta pages are whole: a power cut may leave either, and a reader that begins
 * may see either. */
static void expect_two_commits(const char *path)
{
    char file_path[OS_PATH_SIZE];
    os_file file;
    uint64_t size;
    const void *bytes;
    size_t commits[2];
    WORKS(os_join(file_path, path, "catalog.mdb", &error));
    WORKS(os_open_read(file_path, &file, &size, &error));
    WORKS(os_map(file, size, &bytes, file_path, &error));
    memcpy(&commits[0], (const uint8_t *)bytes + LAYOUT_COMMIT_AT, sizeof *commits);
    memcpy(&commits[1], (const uint8_t *)bytes + getpagesize() + LAYOUT_COMMIT_AT, sizeof *commits);
    EXPECT(commits[0] - commits[1] == 1 || commits[1] - commits[0] == 1);
    for (int i = 0; i < 2; i++)
        WORKS(catalog_check_pages(bytes, (size_t)size, commits[i], true, path, &error));
    os_unmap(bytes, size);
    os_close(file);
}

static void finish(mv_collection *c, const char *path)
{
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    if (!strcmp(path, ":memory:")) return;
    WORKS(mv_open(path, &(mv_open_options){.verify = true}, &c, &error));
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_close(c, &error));
    WORKS(mv_destroy(path, &error));
}

/* ---------------------------------------------------------------- tests */

/* Remove the fresh rows from `first` to `end` in one commit; or put them. */
static void change_rows(catalog *c, uint64_t first, uint64_t end, bool put)
{
    static const uint8_t row[1000] = {1};
    catalog_txn *txn = NULL;
    bool found;
    WORKS(catalog_begin_write(c, true, -1, &txn, &error));
    for (uint64_t n = first; n < end; n++) {
        if (put) WORKS(catalog_put_u64(txn, CATALOG_FRESH, n, row, sizeof row, &error));
        if (!put) WORKS(catalog_remove_u64(txn, CATALOG_FRESH, n, &found, &error));
    }
    WORKS(catalog_commit(txn, &found, &error));
    catalog_end(txn);
}

/* What the last commit freed is still of the one before. */
static void test_last_two(void)
{
    char directory[128], path[256];
    catalog *c = NULL;
    catalog_txn *txn = NULL;
    catalog_space before, after;
    uint64_t page = 0;
    bool more = true, wants;
    (void)snprintf(directory, sizeof directory, "%s", sample_path("raw"));
    (void)snprintf(path, sizeof path, "%s/catalog.mdb", directory);
    WORKS(os_make_directory(directory, &error));
    WORKS(catalog_open(path, &(catalog_options){.create = true}, &c, &error));
    change_rows(c, 0, 3000, true);
    change_rows(c, 0, 1500, false);
    change_rows(c, 1500, 2900, false);
    holes = 0;
    WORKS(catalog_space_measure(c, &before, &error));
    while (more) {
        WORKS(catalog_begin_write(c, true, -1, &txn, &error));
        WORKS(catalog_space_trim(c, 0, &page, &more, &error));
        catalog_end(txn);
    }
    WORKS(catalog_space_measure(c, &after, &error));
    EXPECT(holes && after.allocated_bytes < before.allocated_bytes - (1u << 20));
    EXPECT(after.allocated_bytes > after.used_bytes + (1u << 20));
    expect_two_commits(directory);
    WORKS(catalog_space_wants_commit(c, &wants, &error));
    EXPECT(wants);
    catalog_close(c);
    remove_tree(directory);
}

static void test_given_back(bool memory)
{
    const char *path = PLACE("c");
    mv_collection *c = start(path);
    mv_stats before = stats_of(c);
    EXPECT(!is_trimmed(c) && !before.oldest_reader.pid);
    WORKS(optimize_all(c, 1000));
    EXPECT(holes && is_trimmed(c) && stats_of(c).catalog_bytes < before.catalog_bytes / 2);
    if (!memory) expect_two_commits(path);
    WORKS(optimize_all(c, 1000)); /* what the last commits before had freed */
    holes = 0;
    WORKS(optimize_all(c, 1000));
    EXPECT(!holes);
    HOLDS(c, versions, DOCUMENTS);
    write_versions(c, VERSIONS + 1); /* into the holes */
    finish(c, path);
}

/* With the shortest steps, and commits between them. */
static void test_steps(void)
{
    const char *path = sample_path("steps");
    mv_collection *c = start(path);
    mv_job *job = NULL;
    bool more = true;
    WORKS(mv_optimize_begin(c, NULL, &job, &error));
    for (uint32_t step = 0; more; step++) {
        uint32_t n = step * 7 % DOCUMENTS;
        WORKS(mv_optimize_step(job, 0, &more, NULL, &error));
        WORKS(sample_write(c, MV_UPSERT, n, n + 1, (uint8_t)(step % 100 + 1)));
        versions[n] = (uint8_t)(step % 100 + 1);
    }
    mv_job_free(job);
    EXPECT(holes > 1);
    finish(c, path);
}

/* Does the iterator, of an older commit, return every document in this version? */
static void expect_all(mv_collection *c, mv_iterator *iterator, uint8_t version)
{
    mv_result *shown = NULL;
    WORKS(mv_result_create(c, &shown, &error));
    for (uint32_t n = 0; n < DOCUMENTS; n++) {
        bool found = false, equal = false;
        WORKS(mv_iterator_next(iterator, shown, &found, &error));
        if (!EXPECT(found)) break;
        WORKS(sample_compare(shown, 0, n, version, &equal));
        EXPECT(equal);
    }
    mv_result_free(shown);
}

/* What a reader may still see stays until it ends, be it fresh rows or segments. */
static void test_reader(bool fresh)
{
    const char *path = sample_path("reader");
    mv_collection *c = start(path);
    mv_iterator *iterator = NULL;
    if (!fresh) WORKS(optimize_all(c, 1000));
    WORKS(mv_iterator_open(c, NULL, &iterator, &error));
    EXPECT(!stats_of(c).oldest_reader.pid);
    for (uint8_t version = VERSIONS + 1; version <= 2 * VERSIONS; version++)
        write_versions(c, version);
    WORKS(optimize_all(c, 1000));
    mv_oldest_reader oldest = stats_of(c).oldest_reader;
    EXPECT(oldest.pid == (uint64_t)getpid() && oldest.commits >= VERSIONS);
    EXPECT(oldest.catalog_bytes > DOCUMENTS * 100 && (oldest.file_bytes > 0) == !fresh);
    EXPECT(!is_trimmed(c));
    expect_all(c, iterator, VERSIONS);
    mv_iterator_close(iterator);
    EXPECT(!stats_of(c).oldest_reader.pid);
    WORKS(optimize_all(c, 1000));
    EXPECT(holes && is_trimmed(c));
    finish(c, path);
}

/* Where no job ever runs, writers give back what goes beyond 16 MiB. */
static void test_writers(bool memory)
{
    const char *path = PLACE("writers");
    mv_collection *c = start(path);
    mv_iterator *iterator = NULL;
    uint8_t version = VERSIONS;
    WORKS(mv_iterator_open(c, NULL, &iterator, &error));
    while (stats_of(c).catalog_bytes < 24u << 20) write_versions(c, ++version);
    EXPECT(!holes);
    mv_iterator_close(iterator);
    /* A commit gives back for half a millisecond at most: how many it takes depends on the machine. */
    for (uint32_t i = 0; i < WRITES_MAX && stats_of(c).catalog_bytes >= 19u << 20; i++) {
        WORKS(sample_write(c, MV_UPSERT, i % 150, i % 150 + 1, 1));
        versions[i % 150] = 1;
    }
    EXPECT(holes && stats_of(c).catalog_bytes < 19u << 20);
    finish(c, path);
}

/* A file system without holes costs nothing but the space; a failure is one, and can be repeated.
 */
static void test_failures(void)
{
    const char *path = sample_path("failures");
    mv_collection *c = start(path);
    hole_errno = EOPNOTSUPP;
    WORKS(optimize_all(c, 1000));
    EXPECT(!is_trimmed(c));
    hole_errno = EIO;
    EXPECT(optimize_all(c, 1000) == MV_IO && strstr(error.text, "catalog.mdb"));
    HOLDS(c, versions, DOCUMENTS);
    hole_errno = 0;
    WORKS(optimize_all(c, 1000));
    EXPECT(is_trimmed(c));
    finish(c, path);
}

/* Start a process that reads until it is killed. */
static pid_t start_reader(const char *path)
{
    int ready[2];
    char byte = 0;
    EXPECT(!pipe(ready));
    pid_t child = fork();
    if (child < 0) _exit(1); /* kill(-1, ...) is for all processes of the machine */
    if (!child) {
        mv_collection *c = NULL;
        mv_iterator *iterator = NULL;
        bool ok = !mv_open(path, &(mv_open_options){.read_only = true}, &c, &error) &&
                  !mv_iterator_open(c, NULL, &iterator, &error);
        ok = write(ready[1], ok ? "y" : "n", 1) == 1;
        for (;;) (void)pause();
    }
    EXPECT(read(ready[0], &byte, 1) == 1 && byte == 'y');
    (void)close(ready[0]);
    (void)close(ready[1]);
    return child;
}

/* A stopped process holds all back, and is named. When it is dead, writers find that out. */
static void test_other_process(void)
{
    const char *path = sample_path("process");
    mv_collection *c = start(path);
    pid_t child = start_reader(path);
    EXPECT(!kill(child, SIGSTOP));
    for (uint8_t version = 1; version <= VERSIONS; version++) write_versions(c, version);
    EXPECT(stats_of(c).oldest_reader.pid == (uint64_t)child);
    EXPECT(!kill(child, SIGKILL) && waitpid(child, NULL, 0) == child);
    uint64_t size = stats_of(c).catalog_bytes;
    child = start_reader(path);
    EXPECT(!kill(child, SIGKILL) && waitpid(child, NULL, 0) == child);
    for (uint32_t commit = 0; commit < 300; commit++)
        WORKS(sample_write(c, MV_UPSERT, 0, 50, VERSIONS));
    EXPECT(stats_of(c).catalog_bytes < size + (1u << 20)); /* 300 commits free 10 MB */
    WORKS(optimize_all(c, 1000));
    EXPECT(is_trimmed(c));
    finish(c, path);
}

/* A process that dies before any of the holes leaves a sound collection. */
static unsigned holes_to_live;

static void maybe_die(void)
{
    if (!holes_to_live--) _exit(3);
}

static void test_death(void)
{
    const char *path = sample_path("death");
    int status = 0;
    for (unsigned n = 0; WEXITSTATUS(status) == 3 || !n; n += n / 4 + 1) {
        WORKS(mv_close(start(path), &error));
        pid_t child = fork();
        if (!child) {
            mv_collection *c = NULL;
            holes_to_live = n;
            at_hole = maybe_die;
            mv_err err = mv_open(path, NULL, &c, &error);
            _exit(err ? 1 : optimize_all(c, 1000) != MV_OK);
        }
        EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status));
        EXPECT(WEXITSTATUS(status) == 3 || WEXITSTATUS(status) == 0);
        mv_collection *c = NULL;
        WORKS(mv_open(path, &(mv_open_options){.verify = true}, &c, &error));
        finish(c, path);
    }
}

int main(void)
{
    if (!sample_place_make("catalog-space")) return tests_conclude();
    RUN(test_last_two());
    for (int memory = 0; memory < 2; memory++) RUN_WITH(WHERE, test_given_back(memory));
    RUN(test_steps());
    RUN(test_reader(true));
    RUN(test_reader(false));
    for (int memory = 0; memory < 2; memory++) RUN_WITH(WHERE, test_writers(memory));
    RUN(test_failures());
    RUN(test_other_process());
    RUN(test_death());
    remove_tree(sample_place);
    return tests_conclude();
}
