/* A directory that is replaced at the worst moment: after its catalog was opened, and before it is
 * locked. The functions below stand before those of the C library. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>

#include "test/sample.h"

static void (*before_lock)(void); /* called once, when a file is locked next */
static bool cannot_exchange;

static void find_real(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

int flock(int file, int operation)
{
    int (*real)(int, int);
    void (*call)(void) = before_lock;
    find_real(&real, "flock");
    before_lock = NULL;
    if (call && !(operation & LOCK_UN)) call();
    return real(file, operation);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to,
              unsigned flags)
{
    int (*real)(int, const char *, int, const char *, unsigned);
    find_real(&real, "renameat2");
    if (!cannot_exchange) return real(from_directory, from, to_directory, to, flags);
    errno = EINVAL;
    return -1;
}

/* A closed collection with `count` documents. */
static void make(const char *path, uint32_t count)
{
    mv_collection *c = NULL;
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, count, 1));
    WORKS(mv_close(c, &error));
}

static uint64_t count_of(mv_collection *c)
{
    uint64_t count = 0;
    WORKS(mv_count(c, NULL, &count, &error));
    return count;
}

/* "path" has another collection from now on. */
static void replace(void)
{
    EXPECT(!rename(sample_path("path"), sample_path("first")));
    EXPECT(!rename(sample_path("second"), sample_path("path")));
}

static void make_both(void)
{
    make(sample_path("path"), 1);
    make(sample_path("second"), 2);
}

static void remove_both(void)
{
    WORKS(mv_destroy(sample_path("first"), &error));
    WORKS(mv_destroy(sample_path("path"), &error));
}

/* What is opened is what is at the path, and it is protected from being destroyed. */
static void test_open(void)
{
    mv_collection *c = NULL;
    make_both();
    before_lock = replace;
    WORKS(mv_open(sample_path("path"), NULL, &c, &error));
    EXPECT(count_of(c) == 2);
    EXPECT(mv_destroy(sample_path("path"), &error) == MV_BUSY);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    remove_both();
}

static mv_collection *second;

static void replace_by_open(void)
{
    replace();
    WORKS(mv_open(sample_path("path"), NULL, &second, &error));
}

/* What is destroyed is what was locked: never a collection that came to the path in between. */
static void test_destroy(void)
{
    make_both();
    before_lock = replace_by_open;
    EXPECT(mv_destroy(sample_path("path"), &error) == MV_BUSY);
    EXPECT(count_of(second) == 2);
    WORKS(mv_check(second, &error));
    WORKS(mv_close(second, &error));
    remove_both();
}

/* The same for a backup that replaces. */
static void test_replace(void)
{
    mv_collection *c = NULL;
    make_both();
    WORKS(sample_open(":memory:", (mv_open_options){0}, &c));
    before_lock = replace_by_open;
    EXPECT(mv_backup(c, sample_path("path"), &(mv_backup_options){.replace = true}, &error) ==
           MV_BUSY);
    EXPECT(count_of(second) == 2);
    WORKS(mv_close(second, &error));
    WORKS(mv_close(c, &error));
    remove_both();
}

static void test_no_exchange(void)
{
    mv_collection *c = NULL;
    make(sample_path("path"), 1);
    WORKS(sample_open(":memory:", (mv_open_options){0}, &c));
    cannot_exchange = true;
    EXPECT(mv_backup(c, sample_path("path"), &(mv_backup_options){.replace = true}, &error) ==
           MV_IO);
    EXPECT(strstr(error.text, "exchange"));
    cannot_exchange = false;
    WORKS(mv_close(c, &error));
    WORKS(mv_open(sample_path("path"), NULL, &c, &error));
    EXPECT(count_of(c) == 1);
    WORKS(mv_close(c, &error));
    WORKS(mv_destroy(sample_path("path"), &error));
    EXPECT(!rmdir(sample_place)); /* nothing is left */
    EXPECT(!mkdir(sample_place, 0777));
}

int main(void)
{
    size_t bytes = mem_bytes();
    if (!sample_place_make("claim")) return 1;
    RUN(test_open());
    RUN(test_destroy());
    RUN(test_replace());
    RUN(test_no_exchange());
    RUN(test_memory_is_freed(bytes));
    remove_tree(sample_place);
    return tests_conclude();
}
