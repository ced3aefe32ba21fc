/* System calls that fail: the n-th write, sync, open, rename, map or resize of a script of
 * operations, for every n until the script gets through. LMDB's calls are met as well as ours: the
 * functions here come before those of the C library for everything that is linked.
 *
 * A failure must be reported with a code that says what happened, lose nothing that was
 * acknowledged, and leave no descriptor open; opened again, the collection passes its check. */
#undef _FILE_OFFSET_BITS /* `open` and `open64` are two names here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "test/script.h"

/* ---------------------------------------------------------------- the calls */

typedef enum fault { WRITES, SHORT_WRITES, SYNCS, OPENS, RENAMES, MAPS, RESIZES, FAULTS } fault;
static const char *const fault_names[FAULTS] = {"write",  "short write", "sync",  "open",
                                                "rename", "map",         "resize"};
static const int fault_errnos[FAULTS] = {ENOSPC, ENOSPC, EIO, EMFILE, EIO, ENOMEM, ENOSPC};

static atomic_uint_fast64_t countdown; /* 0: off */
static atomic_int fault_now;
static atomic_bool fault_persists;

static bool fails(fault kind)
{
    uint_fast64_t n = atomic_load(&countdown);
    if (!n || (fault)atomic_load(&fault_now) != kind) return false;
    if (n > 1) {
        atomic_store(&countdown, n - 1);
        return false;
    }
    if (!atomic_load(&fault_persists)) atomic_store(&countdown, 0);
    errno = fault_errnos[kind];
    return true;
}

/* The C library's function of that name, as a pointer `real` of the type given. */
#define REAL_ONE(type, name)                                                                       \
    static type real;                                                                              \
    if (!real) {                                                                                   \
        void *found_ = dlsym(RTLD_NEXT, name);                                                     \
        memcpy(&real, &found_, sizeof real);                                                       \
    }

typedef ssize_t (*pwrite_function)(int, const void *, size_t, off_t);
typedef ssize_t (*writev_function)(int, const struct iovec *, int);
typedef ssize_t (*write_function)(int, const void *, size_t);
typedef int (*sync_function)(int);
typedef int (*rename_function)(const char *, const char *);
typedef int (*ftruncate_function)(int, off_t);
typedef int (*open_function)(const char *, int, ...);
typedef void *(*mmap_function)(void *, size_t, int, int, int, off_t);

static ssize_t write_at(pwrite_function real, int file, const void *bytes, size_t size, off_t at)
{
    if (fails(WRITES)) return -1;
    if (size > 1 && fails(SHORT_WRITES)) { /* and then the disk is full */
        atomic_store(&fault_now, WRITES);
        atomic_store(&countdown, 1);
        size /= 2;
    }
    return real(file, bytes, size, at);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at)
{
    REAL_ONE(pwrite_function, "pwrite")
    return write_at(real, file, bytes, size, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at)
{
    REAL_ONE(pwrite_function, "pwrite64")
    return write_at(real, file, bytes, size, at);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    REAL_ONE(writev_function, "writev")
    return fails(WRITES) ? -1 : real(file, parts, count);
}

ssize_t write(int file, const void *bytes, size_t size)
{
    REAL_ONE(write_function, "write")
    return fails(WRITES) ? -1 : real(file, bytes, size);
}

int fsync(int file)
{
    REAL_ONE(sync_function, "fsync")
    return fails(SYNCS) ? -1 : real(file);
}

int fdatasync(int file)
{
    REAL_ONE(sync_function, "fdatasync")
    return fails(SYNCS) ? -1 : real(file);
}

int rename(const char *from, const char *to)
{
    REAL_ONE(rename_function, "rename")
    return fails(RENAMES) ? -1 : real(from, to);
}

int ftruncate(int file, off_t size)
{
    REAL_ONE(ftruncate_function, "ftruncate")
    return fails(RESIZES) ? -1 : real(file, size);
}

static int open_file(open_function real, const char *path, int flags, va_list arguments)
{
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    return fails(OPENS) ? -1 : real(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    REAL_ONE(open_function, "open")
    va_start(arguments, flags);
    int file = open_file(real, path, flags, arguments);
    va_end(arguments);
    return file;
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    REAL_ONE(open_function, "open64")
    va_start(arguments, flags);
    int file = open_file(real, path, flags, arguments);
    va_end(arguments);
    return file;
}

/* Only maps of files: memory is another test's matter. */
void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
    REAL_ONE(mmap_function, "mmap")
    return file != -1 && fails(MAPS) ? MAP_FAILED : real(at, size, protection, flags, file, offset);
}

void *mmap64(void *at, size_t size, int protection, int flags, int file, off64_t offset)
{
    REAL_ONE(mmap_function, "mmap64")
    return file != -1 && fails(MAPS) ? MAP_FAILED : real(at, size, protection, flags, file, offset);
}

/* ---------------------------------------------------------------- the rounds */

static bool says_what_happened(fault kind, mv_err err)
{
    switch (kind) {
    case WRITES:
    case SHORT_WRITES: return err == MV_NO_SPACE || err == MV_IO;
    case MAPS: return err == MV_NO_MEMORY;
    case RESIZES: return err == MV_NO_SPACE || err == MV_IO;
    default: return err == MV_IO;
    }
}

/* Open what is there now that nothing fails any more. */
static void look_again(script *s, const char *path)
{
    mv_collection *c = NULL;
    WORKS(mv_open(path, &(mv_open_options){.verify = true}, &c, &error));
    if (!c) return;
    HOLDS(c, s->versions, SCRIPT_DOCUMENTS);
    s->c = c;
    WORKS(write_versions(s, MV_UPSERT, 50, SCRIPT_DOCUMENTS, 9));
    WORKS(optimize_all(c, 1000));
    HOLDS(c, s->versions, SCRIPT_DOCUMENTS);
    WORKS(mv_close(c, &error));
    EXPECT(count_entries(path) == 2 + 2 + 1 + SAMPLE_VECTORS); /* . .. catalog, lock, segment */
}

static bool run(fault kind, uint64_t n, bool persists, mv_durability durability)
{
    script s = {0};
    char path[128], copy_path[128];
    bool equal = false;
    unsigned descriptors = count_entries("/proc/self/fd");
    size_t bytes_before = mem_bytes();
    int failed_before = failed;
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
    if (opened) look_again(&s, path);
    EXPECT(count_entries(sample_place) ==
           2u + (access(path, F_OK) == 0) + (access(copy_path, F_OK) == 0));
    remove_tree(path);
    remove_tree(copy_path);
    if (failed > failed_before)
        printf("    after %s %" PRIu64 "%s, durability %d: %s: %s\n", fault_names[kind], n,
               persists ? " and all after it" : "", durability, mv_err_name(first),
               first ? first_error.text : "");
    return through;
}

int main(void)
{
    uint64_t rounds = 0;
    if (!sample_place_make("system-fault")) {
        printf("no temporary directory\n0 passed, 1 failed\n");
        return 1;
    }
    for (int kind = 0; kind < FAULTS; kind++)
        for (int way = 0; way < 4; way++)
            for (uint64_t n = 1; failed < 30; n++, rounds++)
                if (run((fault)kind, n, way % 2, way / 2 ? MV_DURABILITY_NONE : MV_DURABILITY_FULL))
                    break;
    remove_tree(sample_place);
    printf("%" PRIu64 " rounds, one system call after the other failing\n", rounds);
    return report();
}
