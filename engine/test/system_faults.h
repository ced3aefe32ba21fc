/* System calls that fail: the functions here come before those of the C library for everything that
 * is linked, LMDB included. For tests of one file: include this first. */
#ifndef MV_SYSTEM_FAULTS_H
#define MV_SYSTEM_FAULTS_H

#undef _FILE_OFFSET_BITS /* `open` and `open64` are two names here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "moonvec.h"
#include "storage/catalog_layout.h"

/* ---------------------------------------------------------------- the calls */

/* The name of a function with offsets of 64 bits. Other C libraries than glibc have one name only.
 */
#ifdef __GLIBC__
#define WIDE(name) name "64"
#else
#define WIDE(name) name
#endif

/* META_WRITES: LMDB's write of its meta page takes effect, and fails. TAKE_BACKS: the write after
 * it, by which LMDB takes it back, fails as well, without effect. */
typedef enum fault {
    WRITES,
    SHORT_WRITES,
    SYNCS,
    META_WRITES,
    TAKE_BACKS,
    OPENS,
    RENAMES,
    MAPS,
    RESIZES,
    FAULTS
} fault;
static const char *const fault_names[FAULTS] = {
    "write", "short write", "sync", "meta page", "take-back", "open", "rename", "map", "resize"};
static const int fault_errnos[FAULTS] = {ENOSPC, ENOSPC, EIO,    EIO,   EIO,
                                         EMFILE, EIO,    ENOMEM, ENOSPC};

/* What a test that models a disk wants to see. */
static void (*saw_write)(int file, off64_t at, size_t size);
static void (*saw_sync)(int file, off64_t at, size_t size, bool failed); /* SIZE_MAX: to the end */
static void (*saw_open)(int file);

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

typedef ssize_t (*pwrite_function)(int, const void *, size_t, off64_t);
typedef ssize_t (*writev_function)(int, const struct iovec *, int);
typedef ssize_t (*write_function)(int, const void *, size_t);
typedef int (*sync_function)(int);
typedef int (*rename_function)(const char *, const char *);
typedef int (*ftruncate_function)(int, off_t);
typedef int (*open_function)(const char *, int, ...);
typedef void *(*mmap_function)(void *, size_t, int, int, int, off64_t);

/* What LMDB writes of a meta page, and writes nowhere else: all from the size of the map on. */
#define META_WRITE_SIZE (LAYOUT_META_SIZE - (LAYOUT_VERSION_AT + 4 + LAYOUT_NUMBER_SIZE))

static bool syncs_writes(int file)
{
    return (fcntl(file, F_GETFL) & O_DSYNC) != 0;
}

static ssize_t write_at(pwrite_function real, int file, const void *bytes, size_t size, off64_t at)
{
    if (fails(WRITES)) return -1;
    if (size == META_WRITE_SIZE && (fails(META_WRITES) || fails(TAKE_BACKS))) {
        if (atomic_load(&fault_now) == TAKE_BACKS) {
            atomic_store(&fault_now, WRITES);
            atomic_store(&countdown, 1);
        }
        if (real(file, bytes, size, at) > 0 && saw_write) saw_write(file, at, size);
        if (saw_sync && syncs_writes(file)) saw_sync(file, at, size, false);
        errno = EIO;
        return -1;
    }
    if (size > 1 && fails(SHORT_WRITES)) { /* and then the disk is full */
        atomic_store(&fault_now, WRITES);
        atomic_store(&countdown, 1);
        size /= 2;
    }
    ssize_t written = real(file, bytes, size, at);
    if (written > 0 && saw_write) saw_write(file, at, (size_t)written);
    if (written > 0 && saw_sync && syncs_writes(file)) saw_sync(file, at, (size_t)written, false);
    return written;
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at)
{
    REAL_ONE(pwrite_function, WIDE("pwrite"))
    return write_at(real, file, bytes, size, at);
}

#ifdef __GLIBC__
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at)
{
    REAL_ONE(pwrite_function, WIDE("pwrite"))
    return write_at(real, file, bytes, size, at);
}
#endif

ssize_t writev(int file, const struct iovec *parts, int count)
{
    REAL_ONE(writev_function, "writev")
    if (fails(WRITES)) return -1;
    off_t at = lseek(file, 0, SEEK_CUR);
    ssize_t written = real(file, parts, count);
    if (written > 0 && saw_write) saw_write(file, at, (size_t)written);
    return written;
}

ssize_t write(int file, const void *bytes, size_t size)
{
    REAL_ONE(write_function, "write")
    return fails(WRITES) ? -1 : real(file, bytes, size);
}

static int sync_file(sync_function real, int file)
{
    int result = fails(SYNCS) ? -1 : real(file), error = errno;
    if (saw_sync) saw_sync(file, 0, SIZE_MAX, result != 0);
    errno = error;
    return result;
}

int fsync(int file)
{
    REAL_ONE(sync_function, "fsync")
    return sync_file(real, file);
}

int fdatasync(int file)
{
    REAL_ONE(sync_function, "fdatasync")
    return sync_file(real, file);
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
    if (fails(OPENS)) return -1;
    int file = real(path, flags, mode);
    if (file != -1 && flags & O_CREAT && saw_open) saw_open(file);
    return file;
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

#ifdef __GLIBC__
int open64(const char *path, int flags, ...)
{
    va_list arguments;
    REAL_ONE(open_function, WIDE("open"))
    va_start(arguments, flags);
    int file = open_file(real, path, flags, arguments);
    va_end(arguments);
    return file;
}
#endif

/* Only maps of files: memory is another test's matter. */
void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
    REAL_ONE(mmap_function, WIDE("mmap"))
    return file != -1 && fails(MAPS) ? MAP_FAILED : real(at, size, protection, flags, file, offset);
}

#ifdef __GLIBC__
void *mmap64(void *at, size_t size, int protection, int flags, int file, off64_t offset)
{
    REAL_ONE(mmap_function, WIDE("mmap"))
    return file != -1 && fails(MAPS) ? MAP_FAILED : real(at, size, protection, flags, file, offset);
}
#endif

static inline bool says_what_happened(fault kind, mv_err err)
{
    switch (kind) {
    case WRITES:
    case SHORT_WRITES: return err == MV_NO_SPACE || err == MV_IO;
    case MAPS: return err == MV_NO_MEMORY;
    case RESIZES: return err == MV_NO_SPACE || err == MV_IO;
    default: return err == MV_IO;
    }
}

#endif
