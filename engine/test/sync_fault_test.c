/* Syncs that fail on a disk that forgets: after a failed sync the pages count as clean, so that the
 * next sync of the file succeeds without them.
 *
 * The model of the disk stands behind the C library's calls (system_faults.h). It has, of each
 * file, what was synced since it was written. Names of files are on the disk at once. A collection
 * that was reported durable must be whole when only that is left, and one that was not is refused
 * or whole. In some rounds the system also forgets the pages themselves, as when it needs the
 * memory: then the old content is read from the disk. */
#include "test/system_faults.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test/sample.h"

#define PAGE       4096u
#define PAGES_MAX  1024u /* of one file */
#define FILES_MAX  512u
#define DOCUMENTS  60u
#define CUT        "cut" /* the collection as the disk has it */
#define COLLECTION "c"

/* ---------------------------------------------------------------- the disk */

typedef struct disk_file {
    ino_t inode;
    uint8_t *platter; /* PAGES_MAX pages */
    size_t size;
    bool dirty[PAGES_MAX];
} disk_file;

static disk_file *files[FILES_MAX];
static size_t files_count;
static bool forgets;        /* a failed sync also loses the pages themselves */
static size_t forgets_page; /* only the dirty page of this position; SIZE_MAX: all */
static size_t dirty_pages;  /* at the last sync that failed */
static bool is_partial; /* a sync that fails writes the pages of the trees, not the meta pages */

static void must(bool ok, const char *what)
{
    if (ok) return;
    printf("sync_fault_test: %s\n", what);
    exit(2);
}

static void disk_clear(void)
{
    for (size_t i = 0; i < files_count; i++) {
        mem_free(files[i]->platter, PAGES_MAX * PAGE);
        mem_free(files[i], sizeof *files[i]);
    }
    files_count = 0;
}

/* NULL: not a file of a collection. */
static disk_file *disk_find(int file, bool create)
{
    struct stat about;
    char link[64], path[512];
    must(!fstat(file, &about), "fstat failed");
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (!S_ISREG(about.st_mode) || size < 0) return NULL;
    path[size] = 0;
    if (strncmp(path, sample_place, strlen(sample_place)) != 0 || strstr(path, "-lock"))
        return NULL;
    for (size_t i = 0; i < files_count; i++)
        if (files[i]->inode == about.st_ino) return files[i];
    if (!create) return NULL;
    must(files_count < FILES_MAX, "too many files");
    disk_file *f = files[files_count++] = mem_alloc_zero(sizeof *f);
    must(f != NULL, "no memory");
    f->platter = mem_alloc_zero(PAGES_MAX * PAGE);
    must(f->platter != NULL, "no memory");
    f->inode = about.st_ino;
    return f;
}

/* An inode may be used again for a new file. */
static void disk_open(int file)
{
    struct stat about;
    disk_file *f = disk_find(file, true);
    must(!fstat(file, &about), "fstat failed");
    if (!f || about.st_size) return;
    f->size = 0;
    memset(f->platter, 0, PAGES_MAX * PAGE);
    memset(f->dirty, 0, sizeof f->dirty);
}

static void disk_write(int file, off64_t at, size_t size)
{
    disk_file *f = disk_find(file, true);
    if (!f) return;
    size_t last = ((size_t)at + size - 1) / PAGE;
    must(last < PAGES_MAX, "a file is too large");
    for (size_t page = (size_t)at / PAGE; page <= last; page++) f->dirty[page] = true;
}

/* The page gets its old content again: zeros, if it never reached the disk. */
static void forget_page(const disk_file *f, int file, size_t page, size_t size)
{
    REAL_ONE(pwrite_function, WIDE("pwrite"))
    size_t at = page * PAGE, count = size > at + PAGE ? PAGE : size - at;
    if (at >= size) return;
    must(real(file, f->platter + at, count, (off64_t)at) == (ssize_t)count, "cannot write");
}

static void disk_sync(int synced, off64_t at, size_t size, bool failed)
{
    disk_file *f = disk_find(synced, false);
    struct stat about;
    char link[64];
    if (!f) return;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", synced);
    int file = open(link, O_RDWR);
    must(file != -1 && !fstat(file, &about), "cannot open");
    size_t end = size == SIZE_MAX ? PAGES_MAX : ((size_t)at + size - 1) / PAGE + 1;
    for (size_t page = (size_t)at / PAGE; page < end; page++) {
        if (!f->dirty[page]) continue;
        f->dirty[page] = false;
        if (!failed || (is_partial && page > 1))
            must(pread(file, f->platter + page * PAGE, PAGE, (off_t)(page * PAGE)) >= 0,
                 "cannot read");
        else if (forgets && (forgets_page == SIZE_MAX || forgets_page == dirty_pages++))
            forget_page(f, file, page, (size_t)about.st_size);
    }
    if ((!failed || is_partial) && (size_t)about.st_size > f->size) f->size = (size_t)about.st_size;
    (void)close(file);
}

/* Make a directory with what the disk has of the collection, after a start of the machine. */
static void disk_cut(const char *from, const char *to)
{
    DIR *directory = opendir(from);
    must(directory && !mkdir(to, 0700), "cannot make a directory");
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[512];
        if (entry->d_name[0] == '.' || strstr(entry->d_name, "-lock")) continue;
        (void)snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        int file = open(path, O_RDONLY);
        const disk_file *f = disk_find(file, true);
        must(file != -1 && f, "cannot open");
        (void)close(file);
        (void)snprintf(path, sizeof path, "%s/%s", to, entry->d_name);
        file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
        if (!strcmp(entry->d_name, "unsynced") && f->size) f->platter[0] ^= 1; /* another boot id */
        must(file != -1 && write(file, f->platter, f->size) == (ssize_t)f->size, "cannot write");
        if (!strcmp(entry->d_name, "unsynced") && f->size) f->platter[0] ^= 1;
        (void)close(file);
    }
    (void)closedir(directory);
}

/* ---------------------------------------------------------------- the rounds */

/* What comes after the sync that failed, to make the commits durable. */
typedef enum remedy { FLUSH_AGAIN, CLOSE_AND_FLUSH, WRITE_SYNCED, OTHER_PROCESS, REMEDIES } remedy;
static const char *const remedy_names[REMEDIES] = {"flush again", "close, open and flush",
                                                   "a synced write on top", "another process"};

typedef struct trial {
    mv_collection *c;
    char path[128];
    char cut_path[128];
    uint8_t versions[DOCUMENTS];
} trial;

static mv_err write_all(trial *t, uint32_t first, uint32_t last, uint8_t version)
{
    mv_err err = sample_write(t->c, MV_UPSERT, first, last, version);
    for (uint32_t n = first; n < last && !err; n++) t->versions[n] = version;
    return err;
}

/* The collection as it is on the disk. */
static void expect_on_disk(trial *t, bool durable)
{
    mv_collection *c = NULL;
    disk_cut(t->path, t->cut_path);
    mv_err err = mv_open(t->cut_path, &(mv_open_options){.verify = true}, &c, &error);
    EXPECT(!err || (!durable && err == MV_CORRUPT));
    if (err && durable) printf("    %s\n", error.text);
    if (!err) HOLDS(c, t->versions, DOCUMENTS);
    (void)mv_close(c, NULL);
    remove_tree(t->cut_path);
}

static mv_err flush_in_child(trial *t)
{
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        unmet = 0;
        mv_err err = mv_flush(t->c, &error);
        if (!err) expect_on_disk(t, true);
        fflush(stdout);
        _exit(unmet ? 1 : err ? 2 : 0);
    }
    int status = 0;
    must(child > 0 && waitpid(child, &status, 0) == child, strerror(errno));
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) != 1);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? MV_OK : MV_CORRUPT;
}

static mv_err apply(trial *t, remedy how)
{
    mv_collection *strict = NULL;
    mv_err err = MV_OK;
    switch (how) {
    case CLOSE_AND_FLUSH:
        err = mv_close(t->c, &error);
        t->c = NULL;
        if (!err) EXPECT(access(t->path, F_OK) == 0);
        if (sample_open(t->path, (mv_open_options){.durability = MV_DURABILITY_NONE}, &t->c))
            return error.code;
        return mv_flush(t->c, &error);
    case WRITE_SYNCED:
        err = mv_open(t->path, &(mv_open_options){0}, &strict, &error);
        mv_collection *lax = t->c;
        t->c = strict;
        if (!err) err = write_all(t, 50, 60, 7);
        t->c = lax;
        (void)mv_close(strict, NULL);
        return err;
    case OTHER_PROCESS: return flush_in_child(t);
    default: return mv_flush(t->c, &error);
    }
}

/* Write, flush while sync `n` fails, then apply the remedy. False: no sync failed any more. */
static bool run(uint64_t n, remedy how)
{
    trial t = {0};
    mv_stats stats = {0};
    bool in_child = how == OTHER_PROCESS;
    (void)snprintf(t.path, sizeof t.path, "%s", sample_path(COLLECTION));
    (void)snprintf(t.cut_path, sizeof t.cut_path, "%s", sample_path(CUT));
    doing_now("sync %" PRIu64 ", %s%s", n, remedy_names[how], forgets ? ", pages lost" : "");
    WORKS(sample_open(t.path, (mv_open_options){.durability = MV_DURABILITY_NONE}, &t.c));
    WORKS(write_all(&t, 0, 40, 1));
    WORKS(optimize_all(t.c, 1000));
    WORKS(write_all(&t, 20, 30, 2));
    WORKS(mv_flush(t.c, &error));
    expect_on_disk(&t, true);

    WORKS(write_all(&t, 10, 25, 3));
    WORKS(optimize_all(t.c, 1000));
    WORKS(write_all(&t, 20, 50, 4));
    atomic_store(&countdown, n);
    mv_err err = mv_flush(t.c, &error);
    bool through = atomic_load(&countdown) > 0;
    atomic_store(&countdown, 0);
    EXPECT(err == (through ? MV_OK : MV_IO));
    if (!forgets) {
        WORKS(mv_get_stats(t.c, &stats, &error));
        EXPECT(stats.durable == through);
    }
    expect_on_disk(&t, through);
    if (!through) {
        err = apply(&t, how);
        EXPECT(!err || (forgets && err == MV_CORRUPT));
        if (err && how == FLUSH_AGAIN) EXPECT(strstr(error.text, "bytes are lost") != NULL);
        if (!err && !in_child) expect_on_disk(&t, true);
    }
    (void)mv_close(t.c, NULL);
    remove_tree(t.path);
    disk_clear();
    return through;
}

static void test_every_sync(remedy how, bool pages_too)
{
    forgets = pages_too;
    forgets_page = SIZE_MAX;
    atomic_store(&fault_now, SYNCS);
    uint64_t n = 1;
    while (unmet < 30 && !run(n, how)) n++;
    EXPECT(n > 5); /* the files of a segment, the directory, the catalog, the mark */
}

/* One page has an old content, which is whole in itself. */
static void test_every_page(void)
{
    size_t pages = 0;
    forgets = true;
    atomic_store(&fault_now, SYNCS);
    for (uint64_t n = 1; unmet < 30; n++) {
        bool through = false;
        forgets_page = 0;
        do {
            dirty_pages = 0;
            through = run(n, FLUSH_AGAIN);
            pages += !through;
        } while (++forgets_page < dirty_pages && unmet < 30);
        if (through) break;
    }
    EXPECT(pages > 20);
}

/* The collection as it is on the disk has the documents of one of the two. */
static void expect_either(trial *t, const uint8_t other[DOCUMENTS])
{
    mv_collection *c = NULL;
    mv_result *result = NULL;
    bool is_other = false;
    disk_cut(t->path, t->cut_path);
    WORKS(mv_open(t->cut_path, &(mv_open_options){.verify = true}, &c, &error));
    if (c) {
        WORKS(mv_result_create(c, &result, &error));
        WORKS(sample_fetch(c, result, 10, other[10], &is_other));
        mv_result_free(result);
        HOLDS(c, is_other ? other : t->versions, DOCUMENTS);
    }
    (void)mv_close(c, NULL);
    remove_tree(t->cut_path);
}

/* A commit fails that the disk has, and that LMDB takes back. Then sync `n` of the next commit
 * fails. False: there is no such sync. */
static bool write_after_doubt(uint64_t n)
{
    trial t = {0};
    uint8_t in_doubt[DOCUMENTS];
    (void)snprintf(t.path, sizeof t.path, "%s", sample_path(COLLECTION));
    (void)snprintf(t.cut_path, sizeof t.cut_path, "%s", sample_path(CUT));
    doing_now("sync %" PRIu64 " after a commit in doubt", n);
    WORKS(sample_open(t.path, (mv_open_options){0}, &t.c));
    WORKS(write_all(&t, 0, 40, 1));
    WORKS(write_all(&t, 0, 40, 2));
    memcpy(in_doubt, t.versions, sizeof in_doubt);
    memset(in_doubt + 10, 3, 20);
    atomic_store(&fault_now, META_WRITES);
    atomic_store(&countdown, 1);
    EXPECT(write_all(&t, 10, 30, 3) == MV_IO);
    EXPECT(strstr(error.text, "not known") != NULL);
    EXPECT(mv_flush(t.c, &error) == MV_IO);
    expect_either(&t, in_doubt);
    WORKS(mv_close(t.c, &error));

    WORKS(sample_open(t.path, (mv_open_options){0}, &t.c));
    HOLDS(t.c, t.versions, DOCUMENTS);
    is_partial = true;
    atomic_store(&fault_now, SYNCS);
    atomic_store(&countdown, n);
    mv_err err = write_all(&t, 0, 40, 4);
    bool failed = atomic_load(&countdown) == 0;
    atomic_store(&countdown, 0);
    is_partial = false;
    EXPECT(err == (failed ? MV_IO : MV_OK));
    expect_either(&t, in_doubt);
    WORKS(write_all(&t, 5, 25, 5));
    WORKS(mv_flush(t.c, &error));
    expect_on_disk(&t, true);
    WORKS(mv_close(t.c, &error));
    remove_tree(t.path);
    disk_clear();
    return failed;
}

static void test_commit_in_doubt(void)
{
    uint64_t n = 1;
    forgets = false;
    while (unmet < 30 && write_after_doubt(n)) n++;
    EXPECT(n > 2);
}

int main(void)
{
    if (!sample_place_make("sync-fault")) return tests_conclude();
    saw_write = disk_write;
    saw_sync = disk_sync;
    saw_open = disk_open;
    for (int how = 0; how < REMEDIES; how++) {
        RUN_WITH(remedy_names[how], test_every_sync((remedy)how, false));
        RUN_WITH(remedy_names[how], test_every_sync((remedy)how, true));
    }
    RUN(test_every_page());
    RUN(test_commit_in_doubt());
    remove_tree(sample_place);
    return tests_conclude();
}
