/* A record of everything that this process does to the files below one directory, for
 * powercut_test.c: the functions below stand before those of the C library, do what these do, and
 * take down what was done. The lock files beside a catalog are left out: they mean nothing after a
 * start of the machine. What the functions miss is found by comparing the replayed record with the
 * directory.
 *
 * The record lies in memory shared with the process that forked this one. Include this file first:
 * it needs the names of the C library as they are. */
#ifndef MV_POWERCUT_RECORD_H
#define MV_POWERCUT_RECORD_H

#undef _FILE_OFFSET_BITS /* else `open` would be another name of `open64`: both are wanted */
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define RECORD_SIZE_MAX ((size_t)1 << 30) /* reserved, and used as far as it is written to */
#define RECORD_PATH_MAX 4096
#define FILES_MAX       1024 /* descriptors */
#define RECORD_ALIGN    8u

typedef enum op_kind {
    OP_CREATE,         /* payload: name */
    OP_MAKE_DIRECTORY, /* payload: name */
    OP_LINK,           /* payload: name */
    OP_RENAME,         /* payload: old name and new name, in one directory */
    OP_EXCHANGE,       /* payload: two names, in one directory */
    OP_REMOVE,         /* payload: name */
    OP_WRITE,          /* payload: bytes */
    OP_WRITE_SYNCED,   /* the same, on the disk when the call returns */
    OP_HOLE,           /* likewise: its bytes are zeros, and a cut may leave the old ones */
    OP_RESIZE,
    OP_SYNC, /* of a file or a directory */
    OP_NOTE, /* payload: the test's own */
} op_kind;

/* One operation; its payload follows. Names end with a zero. */
typedef struct op {
    uint64_t number;    /* 0, 1, ... */
    uint64_t inode;     /* of the file, or of the directory that is synced */
    uint64_t directory; /* inode of the directory whose entries change */
    uint64_t offset;    /* of a write; the size of a resize */
    uint32_t size;      /* of the payload */
    uint32_t kind;
} op;

typedef struct record {
    uint64_t ops;
    size_t size; /* bytes in use after this head */
    bool is_full;
    uint8_t reserved[7];
} record;

static inline const uint8_t *op_bytes(const op *o)
{
    return (const uint8_t *)(o + 1);
}

/* The first operation, and the one after `o`; NULL at the end. */
static inline const op *record_at(const record *r, size_t offset)
{
    return offset < r->size ? (const op *)(const void *)((const uint8_t *)(r + 1) + offset) : NULL;
}

static inline const op *record_next(const record *r, const op *o)
{
    size_t after = (size_t)(op_bytes(o) - (const uint8_t *)(r + 1)) + o->size;
    return record_at(r, (after + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN);
}

/* NULL: no memory. */
static record *record_create(void)
{
    void *memory = mmap(NULL, RECORD_SIZE_MAX, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void record_free(record *r)
{
    if (r) (void)munmap(r, RECORD_SIZE_MAX);
}

/* ---------------------------------------------------------------- recording */

static record *recording; /* NULL: nothing is recorded */
static char recorded_path[RECORD_PATH_MAX];
static bool is_recorded[FILES_MAX];                              /* by descriptor */
static pthread_mutex_t record_mutex = PTHREAD_MUTEX_INITIALIZER; /* LMDB copies in two threads */

/* From here on record into `r` what happens below `path`, a real path. */
static void record_start(record *r, const char *path)
{
    (void)snprintf(recorded_path, sizeof recorded_path, "%s", path);
    recording = r;
}

static void record_stop(void)
{
    recording = NULL;
}

static void record_add(op o, const void *bytes, const void *more, size_t more_size)
{
    size_t first_size = o.size;
    size_t payload = (first_size + more_size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
    (void)pthread_mutex_lock(&record_mutex);
    record *r = recording;
    if (sizeof *r + r->size + sizeof o + payload > RECORD_SIZE_MAX) {
        r->is_full = true;
    } else {
        uint8_t *to = (uint8_t *)(r + 1) + r->size;
        o.number = r->ops++;
        o.size = (uint32_t)(first_size + more_size);
        memcpy(to, &o, sizeof o);
        if (bytes && first_size) memcpy(to + sizeof o, bytes, first_size);
        if (more && more_size) memcpy(to + sizeof o + first_size, more, more_size);
        r->size += sizeof o + payload;
    }
    (void)pthread_mutex_unlock(&record_mutex);
}

static void record_note(const void *head, size_t head_size, const void *rest, size_t rest_size)
{
    if (recording)
        record_add((op){.kind = OP_NOTE, .size = (uint32_t)head_size}, head, rest, rest_size);
}

static bool ends_in(const char *path, size_t path_size, const char *end)
{
    size_t size = strlen(end);
    return path_size >= size && strcmp(path + path_size - size, end) == 0;
}

static bool path_is_recorded(const char *path)
{
    size_t size = strlen(recorded_path), path_size = strlen(path);
    if (!recording || strncmp(path, recorded_path, size) != 0) return false;
    if (path[size] != '/' && path[size] != '\0') return false;
    return !ends_in(path, path_size, "-lock") && !ends_in(path, path_size, "-writers");
}

static uint64_t inode_of_path(const char *path)
{
    struct stat about;
    return stat(path, &about) ? 0 : (uint64_t)about.st_ino;
}

static uint64_t inode_of_file(int file)
{
    struct stat about;
    return fstat(file, &about) ? 0 : (uint64_t)about.st_ino;
}

static const char *last_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

static uint64_t inode_of_parent(const char *path)
{
    char parent[RECORD_PATH_MAX];
    (void)snprintf(parent, sizeof parent, "%.*s", (int)(last_name(path) - path - 1), path);
    return inode_of_path(parent);
}

/* A change of the entry of `path`, and for a rename of the one named `to`. */
static void record_entry(op_kind kind, const char *path, const char *to, uint64_t inode)
{
    const char *name = last_name(path);
    op o = {.kind = kind,
            .inode = inode,
            .directory = inode_of_parent(path),
            .size = (uint32_t)strlen(name) + 1};
    record_add(o, name, to, to ? strlen(to) + 1 : 0);
}

static bool file_is_recorded(int file)
{
    return recording && file >= 0 && file < FILES_MAX && is_recorded[file];
}

static op_kind kind_of_write(int file)
{
    return fcntl(file, F_GETFL) & O_DSYNC ? OP_WRITE_SYNCED : OP_WRITE;
}

static void record_write(op_kind kind, int file, const void *bytes, size_t size, uint64_t offset)
{
    op o = {.kind = kind, .inode = inode_of_file(file), .offset = offset, .size = (uint32_t)size};
    record_add(o, bytes, NULL, 0);
}

/* ---------------------------------------------------------------- before the C library's */

static void find_real(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

static int opened(int file, const char *path, bool is_new)
{
    if (file < 0 || file >= FILES_MAX) return file;
    is_recorded[file] = path_is_recorded(path);
    if (is_recorded[file] && is_new) record_entry(OP_CREATE, path, NULL, inode_of_file(file));
    return file;
}

#define RECORD_OPEN(name)                                                                          \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        int (*real)(const char *, int, ...);                                                       \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                                  \
        va_end(rest);                                                                              \
        find_real(&real, #name);                                                                   \
        bool is_new = flags & O_CREAT && path_is_recorded(path) && access(path, F_OK) != 0;        \
        return opened(real(path, flags, mode), path, is_new);                                      \
    }
RECORD_OPEN(open)
#ifdef __GLIBC__ /* to other C libraries, these names are the same functions */
RECORD_OPEN(open64)
#endif

int close(int file)
{
    int (*real)(int);
    find_real(&real, "close");
    if (file >= 0 && file < FILES_MAX) is_recorded[file] = false;
    return real(file);
}

#define RECORD_PWRITE(name, offset_type)                                                           \
    ssize_t name(int file, const void *bytes, size_t size, offset_type offset)                     \
    {                                                                                              \
        ssize_t (*real)(int, const void *, size_t, offset_type);                                   \
        find_real(&real, #name);                                                                   \
        ssize_t written = real(file, bytes, size, offset);                                         \
        if (written > 0 && file_is_recorded(file))                                                 \
            record_write(kind_of_write(file), file, bytes, (size_t)written, (uint64_t)offset);     \
        return written;                                                                            \
    }
RECORD_PWRITE(pwrite, off_t)
#ifdef __GLIBC__
RECORD_PWRITE(pwrite64, off64_t)
#endif

ssize_t write(int file, const void *bytes, size_t size)
{
    ssize_t (*real)(int, const void *, size_t);
    find_real(&real, "write");
    ssize_t written = real(file, bytes, size);
    if (written > 0 && file_is_recorded(file))
        record_write(kind_of_write(file), file, bytes, (size_t)written,
                     (uint64_t)(lseek(file, 0, SEEK_CUR) - written));
    return written;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    ssize_t (*real)(int, const struct iovec *, int);
    find_real(&real, "writev");
    ssize_t written = real(file, parts, count);
    if (written <= 0 || !file_is_recorded(file)) return written;
    uint64_t offset = (uint64_t)(lseek(file, 0, SEEK_CUR) - written);
    for (size_t left = (size_t)written; left; parts++) {
        size_t size = parts->iov_len < left ? parts->iov_len : left;
        if (size) record_write(kind_of_write(file), file, parts->iov_base, size, offset);
        offset += size;
        left -= size;
    }
    return written;
}

#define RECORD_TRUNCATE(name, offset_type)                                                         \
    int name(int file, offset_type size)                                                           \
    {                                                                                              \
        int (*real)(int, offset_type);                                                             \
        find_real(&real, #name);                                                                   \
        int rc = real(file, size);                                                                 \
        if (!rc && file_is_recorded(file))                                                         \
            record_add(                                                                            \
                (op){.kind = OP_RESIZE, .inode = inode_of_file(file), .offset = (uint64_t)size},   \
                NULL, NULL, 0);                                                                    \
        return rc;                                                                                 \
    }
RECORD_TRUNCATE(ftruncate, off_t)
#ifdef __GLIBC__
RECORD_TRUNCATE(ftruncate64, off64_t)
#endif

#define RECORD_HOLE(name, offset_type)                                                             \
    int name(int file, int mode, offset_type offset, offset_type size)                             \
    {                                                                                              \
        static const uint8_t zeros[1u << 16];                                                      \
        int (*real)(int, int, offset_type, offset_type);                                           \
        find_real(&real, #name);                                                                   \
        int rc = real(file, mode, offset, size);                                                   \
        if (rc || !file_is_recorded(file)) return rc;                                              \
        for (offset_type done = 0, step; done < size; done += step) {                              \
            step =                                                                                 \
                size - done < (offset_type)sizeof zeros ? size - done : (offset_type)sizeof zeros; \
            record_write(OP_HOLE, file, zeros, (size_t)step, (uint64_t)(offset + done));           \
        }                                                                                          \
        return rc;                                                                                 \
    }
RECORD_HOLE(fallocate, off_t)
#ifdef __GLIBC__
RECORD_HOLE(fallocate64, off64_t)
#endif

/* What is recorded need not reach the real disk. */
#define RECORD_SYNC(name)                                                                          \
    int name(int file)                                                                             \
    {                                                                                              \
        int (*real)(int);                                                                          \
        find_real(&real, #name);                                                                   \
        if (!file_is_recorded(file)) return real(file);                                            \
        record_add((op){.kind = OP_SYNC, .inode = inode_of_file(file)}, NULL, NULL, 0);            \
        return 0;                                                                                  \
    }
RECORD_SYNC(fsync)
RECORD_SYNC(fdatasync)

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *);
    find_real(&real, "rename");
    uint64_t inode = inode_of_path(from);
    int rc = real(from, to);
    if (!rc && path_is_recorded(to)) record_entry(OP_RENAME, from, last_name(to), inode);
    return rc;
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to,
              unsigned flags)
{
    int (*real)(int, const char *, int, const char *, unsigned);
    find_real(&real, "renameat2");
    uint64_t inode = inode_of_path(from);
    int rc = real(from_directory, from, to_directory, to, flags);
    if (!rc && path_is_recorded(to)) record_entry(OP_EXCHANGE, from, last_name(to), inode);
    return rc;
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    int (*real)(int, const char *, int, const char *, int);
    find_real(&real, "linkat");
    int rc = real(from_directory, from, to_directory, to, flags);
    if (!rc && path_is_recorded(to)) record_entry(OP_LINK, to, NULL, inode_of_path(to));
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    int (*real)(const char *, mode_t);
    find_real(&real, "mkdir");
    int rc = real(path, mode);
    if (!rc && path_is_recorded(path))
        record_entry(OP_MAKE_DIRECTORY, path, NULL, inode_of_path(path));
    return rc;
}

#define RECORD_REMOVE(name)                                                                        \
    int name(const char *path)                                                                     \
    {                                                                                              \
        int (*real)(const char *);                                                                 \
        find_real(&real, #name);                                                                   \
        int rc = real(path);                                                                       \
        if (!rc && path_is_recorded(path)) record_entry(OP_REMOVE, path, NULL, 0);                 \
        return rc;                                                                                 \
    }
RECORD_REMOVE(unlink)
RECORD_REMOVE(rmdir)

#endif
