/* POSIX behind os.h, for Linux and macOS.
 *
 * Interrupted calls are repeated, and short reads and writes continued. A failed fsync is reported
 * and never repeated: the kernel may have dropped the dirty pages, and a second call would succeed
 * without writing them. Every descriptor is closed on exec. */
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "base/mem.h"

#define OS_TRANSFER_SIZE_MAX                                                                       \
    ((size_t)1 << 30)                  /* bytes of one call; macOS refuses 2 GiB and more          \
                                        */
#define OS_COPY_SIZE ((size_t)1 << 18) /* bytes of the buffer of a file copy; chosen */

#define BESIDE                                                                                     \
    ".new-" /* in the name of a directory beside another one; a number, "-", a number follow */

#define RETRY(result, call)                                                                        \
    do {                                                                                           \
        (result) = (call);                                                                         \
    } while ((result) == -1 && errno == EINTR)

static_assert(PATH_MAX <= OS_PATH_SIZE, "realpath writes up to PATH_MAX bytes");
static_assert(sizeof(off_t) == 8, "compile with _FILE_OFFSET_BITS=64");

/* ---- paths and directories */

mv_err os_join(char *out, const char *directory, const char *name, mv_error *error)
{
    int size = snprintf(out, OS_PATH_SIZE, "%s/%s", directory, name);
    if (size < 0 || size >= OS_PATH_SIZE)
        return error_set(error, MV_LIMIT,
                         "path '%.64s...' is %d bytes long, at most %d are allowed", directory,
                         size, OS_PATH_SIZE - 1);
    return MV_OK;
}

mv_err os_real_path(const char *path, char *out, mv_error *error)
{
    if (!realpath(path, out)) return error_system(error, errno, "cannot resolve '%s'", path);
    return MV_OK;
}

/* *found is false only if the system says that there is nothing: any other failure is an error. */
static mv_err look(const char *path, struct stat *about, bool *found, mv_error *error)
{
    *found = stat(path, about) == 0;
    if (*found || errno == ENOENT || errno == ENOTDIR) return MV_OK;
    return error_system(error, errno, "cannot look at '%s'", path);
}

mv_err os_look(const char *path, os_kind *kind, mv_error *error)
{
    struct stat about;
    bool found;
    *kind = OS_NOTHING;
    MV_TRY(look(path, &about, &found, error));
    if (!found) return MV_OK;
    *kind = OS_OTHER;
    if (S_ISREG(about.st_mode)) *kind = OS_FILE;
    if (S_ISDIR(about.st_mode)) *kind = OS_DIRECTORY;
    return MV_OK;
}

mv_err os_look_in(const char *directory, const char *name, os_kind *kind, mv_error *error)
{
    char path[OS_PATH_SIZE];
    MV_TRY(os_join(path, directory, name, error));
    return os_look(path, kind, error);
}

mv_err os_make_directory(const char *path, mv_error *error)
{
    if (mkdir(path, OS_DIRECTORY_MODE))
        return error_system(error, errno, "cannot make the directory '%s'", path);
    return MV_OK;
}

mv_err os_make_temporary_directory(char *out, mv_error *error)
{
    static const char in_memory[] = "/dev/shm";
    const char *parent = getenv("TMPDIR");
    if (!parent || !*parent) parent = "/tmp";
    os_kind kind;
    if (!os_look(in_memory, &kind, NULL) && kind == OS_DIRECTORY && !access(in_memory, W_OK))
        parent = in_memory;
    MV_TRY(os_join(out, parent, "moonvec-XXXXXX", error));
    if (!mkdtemp(out))
        return error_system(error, errno, "cannot make a temporary directory in '%s'", parent);
    return MV_OK;
}

/* The length of a path without slashes at its end. */
static size_t trimmed_size(const char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') size--;
    return size;
}

mv_err os_make_directory_beside(const char *path, char *out, mv_error *error)
{
    static atomic_uint count;
    size_t size = trimmed_size(path);
    for (;;) {
        int length = snprintf(out, OS_PATH_SIZE, "%.*s" BESIDE "%ld-%u", (int)size, path,
                              (long)getpid(), atomic_fetch_add(&count, 1));
        if (length < 0 || length >= OS_PATH_SIZE)
            return error_set(error, MV_LIMIT, "the path '%.64s...' is too long", path);
        if (!mkdir(out, OS_DIRECTORY_MODE)) return MV_OK;
        if (errno != EEXIST) /* EEXIST: left by a dead process with the same process id */
            return error_system(error, errno, "cannot make the directory '%s'", path);
    }
}

mv_err os_rename_directory(const char *from, const char *to, mv_error *error)
{
    if (rename(from, to))
        return error_system(error, errno, "cannot rename the directory '%s' to '%s'", from, to);
    return MV_OK;
}

mv_err os_exchange_directories(const char *one, const char *other, mv_error *error)
{
#if defined(__APPLE__)
    int failed = renamex_np(one, other, RENAME_SWAP);
#elif defined(RENAME_EXCHANGE)
    int failed = renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
#else
    int failed = -1;
    errno = ENOSYS;
#endif
    if (failed)
        return error_system(error, errno, "cannot exchange the directories '%s' and '%s'", one,
                            other);
    return MV_OK;
}

mv_err os_parent(const char *path, char *out, mv_error *error)
{
    size_t size = trimmed_size(path);
    while (size > 0 && path[size - 1] != '/') size--;
    while (size > 1 && path[size - 1] == '/') size--;
    if (size >= OS_PATH_SIZE)
        return error_set(error, MV_LIMIT, "the path '%.64s...' is too long", path);
    memcpy(out, size ? path : ".", size ? size : 1);
    out[size ? size : 1] = 0;
    return MV_OK;
}

mv_err os_sync_parent(const char *path, mv_error *error)
{
    char parent[OS_PATH_SIZE];
    MV_TRY(os_parent(path, parent, error));
    return os_sync_directory(parent, error);
}

/* Is `text` "<digits><end>..."? Then *rest is what follows `end`. */
static bool skip_number(const char *text, const char *end, const char **rest)
{
    size_t digits = strspn(text, "0123456789");
    size_t size = strlen(end);
    *rest = text + digits + size;
    return digits > 0 && strncmp(text + digits, end, size) == 0;
}

bool os_is_name_beside(const char *path, const char *name)
{
    size_t size = trimmed_size(path), begin = size;
    const char *rest;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    if (strncmp(name, path + begin, size - begin) != 0) return false;
    rest = name + (size - begin);
    if (strncmp(rest, BESIDE, sizeof BESIDE - 1) != 0) return false;
    return skip_number(rest + sizeof BESIDE - 1, "-", &rest) && skip_number(rest, "", &rest) &&
           !*rest;
}

mv_err os_open_directory(const char *path, os_file *file, mv_error *error)
{
    RETRY(*file, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (*file == OS_FILE_NONE) return error_system(error, errno, "cannot open '%s'", path);
    return MV_OK;
}

mv_err os_remove_directory(const char *path, mv_error *error)
{
    if (rmdir(path)) return error_system(error, errno, "cannot remove the directory '%s'", path);
    return MV_OK;
}

mv_err os_remove(const char *path, mv_error *error)
{
    if (unlink(path) && errno != ENOENT)
        return error_system(error, errno, "cannot remove '%s'", path);
    return MV_OK;
}

mv_err os_remove_in(const char *directory, const char *name, mv_error *error)
{
    char path[OS_PATH_SIZE];
    MV_TRY(os_join(path, directory, name, error));
    return os_remove(path, error);
}

mv_err os_rename(const char *from, const char *to, mv_error *error)
{
    if (rename(from, to)) return error_system(error, errno, "cannot rename '%s' to '%s'", from, to);
    return MV_OK;
}

mv_err os_copy(const char *from, const char *to, mv_error *error)
{
    mv_err err = MV_OK;
    os_file source = OS_FILE_NONE, target = OS_FILE_NONE;
    uint64_t size = 0;
    uint8_t *buffer = mem_alloc(OS_COPY_SIZE);
    if (!buffer) return error_memory(error, OS_COPY_SIZE, "copying a file");

    if ((err = os_open_read(from, &source, &size, error))) goto done;
    if ((err = os_create(to, &target, error))) goto done;
    for (uint64_t at = 0; at < size;) {
        size_t count = size - at < OS_COPY_SIZE ? (size_t)(size - at) : OS_COPY_SIZE;
        if ((err = os_read_at(source, buffer, count, at, from, error))) goto done;
        if ((err = os_write_at(target, buffer, count, at, to, error))) goto done;
        at += count;
    }
    err = os_sync(target, to, error);
done:
    if (err && target != OS_FILE_NONE) (void)os_remove(to, NULL);
    os_close(target);
    os_close(source);
    mem_free(buffer, OS_COPY_SIZE);
    return err;
}

mv_err os_link_or_copy(const char *from, const char *to, mv_error *error)
{
    if (!linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW)) return MV_OK;
    switch (errno) {
    case EXDEV:
    case EPERM:
    case EMLINK:
    case ENOSYS:
    case EOPNOTSUPP: return os_copy(from, to, error);
    default: return error_system(error, errno, "cannot link '%s' to '%s'", from, to);
    }
}

mv_err os_sync_directory(const char *path, mv_error *error)
{
    int directory;
    RETRY(directory, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory == -1) return error_system(error, errno, "cannot open the directory '%s'", path);
    int failed;
    RETRY(failed, fsync(directory));
    /* EINVAL: the file system cannot sync directories. It orders their changes itself. */
    mv_err err = MV_OK;
    if (failed && errno != EINVAL)
        err = error_system(error, errno, "cannot sync the directory '%s'", path);
    os_close(directory);
    return err;
}

mv_err os_can_write(const char *path, bool *can, mv_error *error)
{
    *can = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
    if (*can) return MV_OK;
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case EPERM:
    case EROFS: return MV_OK;
    default: return error_system(error, errno, "cannot look at '%s'", path);
    }
}

mv_err os_each_entry(const char *path,
                     mv_err (*entry)(void *ctx, const char *name, mv_error *error), void *ctx,
                     mv_error *error)
{
    DIR *directory = opendir(path);
    if (!directory) return error_system(error, errno, "cannot list the directory '%s'", path);
    mv_err err = MV_OK;
    while (!err) {
        errno = 0;
        const struct dirent *found = readdir(directory);
        if (!found) {
            if (errno) err = error_system(error, errno, "cannot list the directory '%s'", path);
            break;
        }
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0) continue;
        err = entry(ctx, found->d_name, error);
    }
    (void)closedir(directory);
    return err;
}

/* ---- files */

#ifdef __linux__
#define PATHS_OF_FILES "/proc/self/fd/"
#else
#define PATHS_OF_FILES "/dev/fd/"
#endif

void os_occupy_standard_files(void)
{
    /* open returns the lowest free number. If it fails, there is nothing that could be done. */
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
        if (fcntl(file, F_GETFD) == -1 && errno == EBADF) (void)!open("/dev/null", O_RDWR);
}

mv_err os_open_read(const char *path, os_file *file, uint64_t *size, mv_error *error)
{
    *file = OS_FILE_NONE;
    /* os_discard has to write to the mapping of a file in memory. */
    bool in_memory = !strncmp(path, PATHS_OF_FILES, sizeof PATHS_OF_FILES - 1);
    int opened, flags = in_memory ? O_RDWR : O_RDONLY;
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    RETRY(opened, open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (opened == -1) return error_system(error, errno, "cannot open '%s'", path);
    struct stat about;
    mv_err err = MV_OK;
    if (fstat(opened, &about))
        err = error_system(error, errno, "cannot open '%s'", path);
    else if (!S_ISREG(about.st_mode))
        err = error_set(error, MV_IO, "cannot open '%s': not a regular file", path);
    if (err) {
        os_close(opened);
        return err;
    }
    *file = opened;
    *size = (uint64_t)about.st_size;
    return MV_OK;
}

mv_err os_open_write(const char *path, os_file *file, mv_error *error)
{
    RETRY(*file, open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (*file == OS_FILE_NONE) return error_system(error, errno, "cannot open '%s'", path);
    return MV_OK;
}

mv_err os_create(const char *path, os_file *file, mv_error *error)
{
    RETRY(*file, open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, OS_FILE_MODE));
    if (*file == OS_FILE_NONE) return error_system(error, errno, "cannot create '%s'", path);
    return MV_OK;
}

mv_err os_open_or_create(const char *path, os_file *file, mv_error *error)
{
    RETRY(*file, open(path, O_CREAT | O_RDWR | O_CLOEXEC, OS_FILE_MODE));
    if (*file == OS_FILE_NONE) return error_system(error, errno, "cannot open '%s' to write", path);
    return MV_OK;
}

mv_err os_create_in_memory(const char *label, os_file *file, mv_error *error)
{
#ifdef __linux__
    char name[200]; /* the kernel accepts up to 249 bytes */
    (void)snprintf(name, sizeof name, "%s", label);
    *file = memfd_create(name, MFD_CLOEXEC);
    if (*file != OS_FILE_NONE) return MV_OK;
    if (errno != ENOSYS && errno != EPERM)
        return error_system(error, errno, "cannot make '%s' in memory", label);
#endif
    const char *directory = getenv("TMPDIR");
    char path[OS_PATH_SIZE];
    MV_TRY(os_join(path, directory && *directory ? directory : "/tmp", "moonvec-XXXXXX", error));
    *file = mkostemp(path, O_CLOEXEC);
    if (*file == OS_FILE_NONE)
        return error_system(error, errno, "cannot make '%s' as '%s'", label, path);
    (void)unlink(path);
    return MV_OK;
}

void os_path_of_file(os_file file, char out[64])
{
    (void)snprintf(out, 64, PATHS_OF_FILES "%d", file);
}

static mv_err check_file_range(size_t size, uint64_t offset, const char *path, mv_error *error)
{
    if (offset <= INT64_MAX && size <= INT64_MAX - offset) return MV_OK;
    return error_set(error, MV_LIMIT,
                     "%zu bytes at byte %llu of '%s' are beyond what a file can hold", size,
                     (unsigned long long)offset, path);
}

static size_t next_transfer(size_t left)
{
    return left < OS_TRANSFER_SIZE_MAX ? left : OS_TRANSFER_SIZE_MAX;
}

mv_err os_write_at(os_file file, const void *bytes, size_t size, uint64_t offset, const char *path,
                   mv_error *error)
{
    mv_assert(bytes || size == 0);
    MV_TRY(check_file_range(size, offset, path, error));
    const uint8_t *from = bytes;
    for (size_t done = 0; done < size;) {
        ssize_t written;
        RETRY(written,
              pwrite(file, from + done, next_transfer(size - done), (off_t)(offset + done)));
        if (written == -1)
            return error_system(error, errno, "cannot write %zu bytes at byte %llu of '%s'", size,
                                (unsigned long long)offset, path);
        done += (size_t)written;
        mv_assert(done <= size);
    }
    return MV_OK;
}

/* Read `size` bytes, or up to the end of the file. *done is the number of bytes read. */
static mv_err read_up_to(os_file file, void *bytes, size_t size, uint64_t offset, size_t *done,
                         const char *path, mv_error *error)
{
    uint8_t *to = bytes;
    for (*done = 0; *done < size;) {
        ssize_t got;
        RETRY(got, pread(file, to + *done, next_transfer(size - *done), (off_t)(offset + *done)));
        if (got == -1)
            return error_system(error, errno, "cannot read %zu bytes at byte %llu of '%s'", size,
                                (unsigned long long)offset, path);
        if (got == 0) break;
        *done += (size_t)got;
    }
    mv_assert(*done <= size);
    return MV_OK;
}

mv_err os_read_at(os_file file, void *bytes, size_t size, uint64_t offset, const char *path,
                  mv_error *error)
{
    size_t done;
    MV_TRY(check_file_range(size, offset, path, error));
    MV_TRY(read_up_to(file, bytes, size, offset, &done, path, error));
    if (done < size)
        return error_set(error, MV_CORRUPT, "'%s' ends at byte %llu, expected at least %llu bytes",
                         path, (unsigned long long)(offset + done),
                         (unsigned long long)(offset + size));
    return MV_OK;
}

mv_err os_sync(os_file file, const char *path, mv_error *error)
{
    int failed;
#ifdef __APPLE__
    /* fsync of macOS leaves the data in the cache of the disk. Not every file system has the
     * stronger call. */
    RETRY(failed, fcntl(file, F_FULLFSYNC));
    if (failed != -1) return MV_OK;
    if (errno != ENOTSUP && errno != EINVAL)
        return error_system(error, errno, "cannot sync '%s'", path);
#endif
    RETRY(failed, fsync(file));
    if (failed) return error_system(error, errno, "cannot sync '%s'", path);
    return MV_OK;
}

/* Where the first data at byte `at` or behind it begins. `at`: also if that is not known. */
static uint64_t first_data(os_file file, uint64_t at)
{
#ifdef SEEK_DATA
    off_t data = lseek(file, (off_t)at, SEEK_DATA);
    if (data != -1) return (uint64_t)data;
    if (errno == ENXIO) return UINT64_MAX; /* a hole up to the end of the file */
#endif
    (void)file;
    return at;
}

/* Where the first hole at byte `at` or behind it begins, if that is known. Linux looks at each page
 * of a file in memory up to there: 1 ms for 20 MB. */
static uint64_t first_hole(os_file file, uint64_t at)
{
    off_t hole = -1;
#ifdef SEEK_HOLE
    hole = lseek(file, (off_t)at, SEEK_HOLE);
#endif
    (void)file, (void)at;
    return hole == -1 ? UINT64_MAX : (uint64_t)hole;
}

mv_err os_make_hole(os_file file, uint64_t offset, uint64_t size, bool *can, const char *path,
                    mv_error *error)
{
    *can = false;
    MV_TRY(check_file_range(0, offset + size, path, error));
#ifdef __linux__
    int failed = 0;
    if (first_data(file, offset) < offset + size)
        RETRY(failed, fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                                (off_t)size));
    *can = !failed;
    if (failed && errno != EOPNOTSUPP && errno != ENOSYS)
        return error_system(error, errno, "cannot free %llu bytes at byte %llu of '%s'",
                            (unsigned long long)size, (unsigned long long)offset, path);
#else
    (void)file;
#endif
    return MV_OK;
}

static bool has_only_zeros(const uint8_t *bytes, size_t size)
{
    return !size || (!bytes[0] && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* A hole is read, too: after a failed sync, bytes that the file system found no space for may be in
 * memory only. */
mv_err os_rewrite(const char *path, uint64_t size_max, mv_error *error)
{
    os_file file = OS_FILE_NONE;
    uint64_t size = 0, end;
    uint8_t *buffer = mem_alloc(OS_COPY_SIZE);
    if (!buffer) return error_memory(error, OS_COPY_SIZE, "writing a file again");
    mv_err err = os_open_write(path, &file, error);
    if (!err) err = os_size(file, &size, path, error);
    if (size > size_max) size = size_max;
    for (uint64_t at = 0; !err && at < size;) {
        uint64_t data = first_data(file, at);
        bool in_hole = data > at;
        end = in_hole ? data : first_hole(file, at);
        if (end > size) end = size;
        size_t count = end - at < OS_COPY_SIZE ? (size_t)(end - at) : OS_COPY_SIZE;
        err = os_read_at(file, buffer, count, at, path, error);
        if (!err && !(in_hole && has_only_zeros(buffer, count)))
            err = os_write_at(file, buffer, count, at, path, error);
        at += count;
    }
    if (!err) err = os_sync(file, path, error);
    os_close(file);
    mem_free(buffer, OS_COPY_SIZE);
    return err;
}

mv_err os_free_bytes(os_file file, uint64_t *bytes)
{
    struct statvfs about;
    int failed;
    RETRY(failed, fstatvfs(file, &about));
    if (failed) return MV_IO;
    *bytes = (uint64_t)about.f_bavail * about.f_frsize;
    return MV_OK;
}

mv_err os_size(os_file file, uint64_t *size, const char *path, mv_error *error)
{
    struct stat about;
    if (fstat(file, &about)) return error_system(error, errno, "cannot get the size of '%s'", path);
    *size = (uint64_t)about.st_size;
    return MV_OK;
}

bool os_is_file_at(os_file file, const char *path)
{
    struct stat one, other;
    return !fstat(file, &one) && !stat(path, &other) && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

void os_close_on_exec(os_file file)
{
    int flags = fcntl(file, F_GETFD);
    if (flags != -1) (void)fcntl(file, F_SETFD, flags | FD_CLOEXEC);
}

mv_err os_allocated_bytes(const char *path, uint64_t *bytes, mv_error *error)
{
    struct stat about;
    bool found;
    MV_TRY(look(path, &about, &found, error));
    *bytes = found ? (uint64_t)about.st_blocks * 512 : 0;
    return MV_OK;
}

mv_err os_allocated_of(os_file file, uint64_t *bytes, const char *path, mv_error *error)
{
    struct stat about;
    if (fstat(file, &about)) return error_system(error, errno, "cannot look at '%s'", path);
    *bytes = (uint64_t)about.st_blocks * 512;
    return MV_OK;
}

void os_close(os_file file)
{
    /* Not repeated when interrupted: the descriptor is closed then, and another thread may already
     * have it. */
    if (file != OS_FILE_NONE) (void)close(file);
}

static mv_err try_lock(os_file file, int operation, bool *got, const char *path, mv_error *error)
{
    int failed;
    RETRY(failed, flock(file, operation | LOCK_NB));
    *got = !failed;
    if (failed && errno != EWOULDBLOCK) return error_system(error, errno, "cannot lock '%s'", path);
    return MV_OK;
}

mv_err os_try_lock(os_file file, bool *got, const char *path, mv_error *error)
{
    return try_lock(file, LOCK_EX, got, path, error);
}

mv_err os_try_lock_shared(os_file file, bool *got, const char *path, mv_error *error)
{
    return try_lock(file, LOCK_SH, got, path, error);
}

mv_err os_is_locked_by_others(const char *path, bool *locked, mv_error *error)
{
    os_file file;
    uint64_t size;
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *locked = false;
    mv_err err = os_open_read(path, &file, &size, error);
    if (err) return err == MV_NOT_FOUND ? MV_OK : err;
    if (fcntl(file, F_GETLK, &held))
        err = error_system(error, errno, "cannot look at the locks of '%s'", path);
    else
        *locked = held.l_type != F_UNLCK;
    os_close(file);
    return err;
}

mv_err os_lock_shared(os_file file, const char *path, mv_error *error)
{
    int failed;
    RETRY(failed, flock(file, LOCK_SH));
    return failed ? error_system(error, errno, "cannot lock '%s'", path) : MV_OK;
}

void os_unlock(os_file file)
{
    if (file != OS_FILE_NONE) (void)flock(file, LOCK_UN);
}

mv_err os_read_small(const char *path, char *out, size_t capacity, size_t *size, mv_error *error)
{
    os_file file;
    uint64_t ignored; /* 0 for files of /proc */
    char beyond;
    size_t rest = 0;
    *size = 0;
    MV_TRY(os_open_read(path, &file, &ignored, error));
    mv_err err = read_up_to(file, out, capacity, 0, size, path, error);
    if (!err && *size == capacity) err = read_up_to(file, &beyond, 1, capacity, &rest, path, error);
    if (!err && rest)
        err = error_set(error, MV_LIMIT, "'%s' is larger than the %zu bytes expected", path,
                        capacity);
    os_close(file);
    return err;
}

/* Create a file with a unique name beside `name`: NAME.<process>-<count>.new */
static mv_err create_beside(const char *directory, const char *name, char *path, os_file *file,
                            mv_error *error)
{
    static atomic_uint count;
    mv_err err;
    do {
        char unique[OS_PATH_SIZE];
        (void)snprintf(unique, sizeof unique, "%s.%ld-%u.new", name, (long)getpid(),
                       atomic_fetch_add(&count, 1));
        MV_TRY(os_join(path, directory, unique, error));
        err = os_create(path, file, error);
    } while (err == MV_EXISTS);
    return err;
}

mv_err os_write_small(const char *directory, const char *name, const char *bytes, size_t size,
                      mv_error *error)
{
    char path[OS_PATH_SIZE], temporary[OS_PATH_SIZE];
    os_file file;
    MV_TRY(os_join(path, directory, name, error));
    MV_TRY(create_beside(directory, name, temporary, &file, error));

    os_owner_inherit(temporary, directory);
    mv_err err = os_write_at(file, bytes, size, 0, temporary, error);
    if (!err) err = os_sync(file, temporary, error);
    if (!err) err = os_rename(temporary, path, error);
    os_close(file);
    if (err) {
        (void)os_remove(temporary, NULL);
        return err;
    }
    return os_sync_directory(directory, error);
}

mv_err os_map(os_file file, uint64_t size, const void **bytes, const char *path, mv_error *error)
{
    *bytes = NULL;
    if (size == 0) return MV_OK;
    if ((size_t)size != size)
        return error_set(error, MV_LIMIT,
                         "cannot map %llu bytes of '%s': a %u-bit program has addresses for %zu",
                         (unsigned long long)size, path, OS_ADDRESS_BITS, SIZE_MAX);
    void *mapped = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        return error_system(error, errno, "cannot map %llu bytes of '%s'", (unsigned long long)size,
                            path);
    *bytes = mapped;
    return MV_OK;
}

void os_discard(const void *bytes, uint64_t size)
{
#ifdef MADV_REMOVE
    void *at = (void *)(uintptr_t)bytes;
    if (!mprotect(at, (size_t)size, PROT_READ | PROT_WRITE))
        (void)madvise(at, (size_t)size, MADV_REMOVE);
#else
    (void)bytes, (void)size;
#endif
}

void os_advise_random(const void *bytes, uint64_t size)
{
    if (size) (void)posix_madvise((void *)(uintptr_t)bytes, (size_t)size, POSIX_MADV_RANDOM);
}

void os_advise_normal(const void *bytes, uint64_t size)
{
    if (size) (void)posix_madvise((void *)(uintptr_t)bytes, (size_t)size, POSIX_MADV_NORMAL);
}

void os_unmap(const void *bytes, uint64_t size)
{
    if (size) (void)munmap((void *)(uintptr_t)bytes, (size_t)size);
}

/* ---- threads, processes, time */

struct os_mutex {
    pthread_mutex_t mutex;
};

os_mutex *os_mutex_create(void)
{
    os_mutex *mutex = mem_alloc(sizeof *mutex);
    if (mutex && pthread_mutex_init(&mutex->mutex, NULL)) {
        mem_free(mutex, sizeof *mutex);
        return NULL;
    }
    return mutex;
}

void os_mutex_lock(os_mutex *mutex)
{
    int failed = pthread_mutex_lock(&mutex->mutex);
    mv_assert(!failed);
    (void)failed;
}

void os_mutex_unlock(os_mutex *mutex)
{
    int failed = pthread_mutex_unlock(&mutex->mutex);
    mv_assert(!failed);
    (void)failed;
}

void os_mutex_free(os_mutex *mutex)
{
    if (!mutex) return;
    int failed = pthread_mutex_destroy(&mutex->mutex); /* EBUSY: it is locked */
    mv_assert(!failed);
    (void)failed;
    mem_free(mutex, sizeof *mutex);
}

struct os_condition {
    pthread_cond_t condition;
};

os_condition *os_condition_create(void)
{
    pthread_condattr_t attributes;
    os_condition *condition = mem_alloc(sizeof *condition);
    if (!condition || pthread_condattr_init(&attributes)) goto failed;
#ifndef __APPLE__ /* macOS has relative waits instead */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    int status = pthread_cond_init(&condition->condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (!status) return condition;
failed:
    mem_free(condition, sizeof *condition);
    return NULL;
}

void os_condition_wait(os_condition *condition, os_mutex *mutex, double seconds)
{
    if (seconds < 0 || seconds > 1e9) { /* above, time_t could overflow */
        (void)pthread_cond_wait(&condition->condition, &mutex->mutex);
        return;
    }
    struct timespec time = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
#ifdef __APPLE__
    (void)pthread_cond_timedwait_relative_np(&condition->condition, &mutex->mutex, &time);
#else
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    time.tv_sec += now.tv_sec;
    time.tv_nsec += now.tv_nsec;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    (void)pthread_cond_timedwait(&condition->condition, &mutex->mutex, &time);
#endif
}

void os_condition_signal_all(os_condition *condition)
{
    (void)pthread_cond_broadcast(&condition->condition);
}

void os_condition_free(os_condition *condition)
{
    if (!condition) return;
    (void)pthread_cond_destroy(&condition->condition);
    mem_free(condition, sizeof *condition);
}

struct os_thread {
    pthread_t thread; /* exists only in the process of fork_generation */
    uint64_t fork_generation;
    void (*run)(void *ctx);
    void *ctx;
};

static void *run_thread(void *ctx)
{
    os_thread *thread = ctx;
    thread->run(thread->ctx);
    return NULL;
}

mv_err os_thread_start(void (*run)(void *ctx), void *ctx, os_thread **out, mv_error *error)
{
    sigset_t all, before;
    mv_assert(run != NULL);
    os_thread *thread = mem_alloc(sizeof *thread);
    if (!thread) return error_memory(error, sizeof *thread, "a thread");
    *thread = (os_thread){.run = run, .ctx = ctx, .fork_generation = os_fork_generation()};
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(&thread->thread, NULL, run_thread, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status) {
        mem_free(thread, sizeof *thread);
        return error_system(error, status, "cannot start a thread");
    }
    *out = thread;
    return MV_OK;
}

void os_thread_join(os_thread *thread)
{
    if (!thread) return;
    if (!os_is_forked(thread->fork_generation)) (void)pthread_join(thread->thread, NULL);
    mem_free(thread, sizeof *thread);
}

uint32_t os_core_count(void)
{
#ifdef __linux__
    cpu_set_t cores;
    if (!sched_getaffinity(0, sizeof cores, &cores) && CPU_COUNT(&cores) > 0)
        return (uint32_t)CPU_COUNT(&cores);
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}

static pthread_mutex_t process_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_handlers = PTHREAD_ONCE_INIT;
static _Atomic uint64_t fork_generation;

static void before_fork(void)
{
    (void)pthread_mutex_lock(&process_mutex);
}

static void after_fork_in_parent(void)
{
    (void)pthread_mutex_unlock(&process_mutex);
}

static void after_fork_in_child(void)
{
    /* Initialized again, not unlocked: on some systems the thread of the child does not count as
     * the one that locked. */
    process_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    atomic_fetch_add(&fork_generation, 1);
}

static void register_fork_handlers(void)
{
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void os_process_lock(void)
{
    (void)pthread_once(&fork_handlers, register_fork_handlers);
    (void)pthread_mutex_lock(&process_mutex);
}

void os_process_unlock(void)
{
    (void)pthread_mutex_unlock(&process_mutex);
}

uint64_t os_fork_generation(void)
{
    (void)pthread_once(&fork_handlers, register_fork_handlers);
    return atomic_load(&fork_generation);
}

uint64_t os_thread_id(void)
{
    static atomic_uint_fast64_t last;
    static _Thread_local uint64_t of_this_thread;
    if (!of_this_thread) of_this_thread = atomic_fetch_add(&last, 1) + 1;
    return of_this_thread;
}

void os_sleep(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds};
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    (void)nanosleep(&time, NULL); /* a signal ends it early */
}

double os_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double mv_seconds(void)
{
    return os_seconds();
}

int64_t os_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

mv_err os_boot_id(char out[64], mv_error *error)
{
    size_t size = 63;
#ifdef __APPLE__
    if (sysctlbyname("kern.bootsessionuuid", out, &size, NULL, 0))
        return error_system(error, errno, "cannot read kern.bootsessionuuid");
#else
    MV_TRY(os_read_small("/proc/sys/kernel/random/boot_id", out, 63, &size, error));
#endif
    mv_assert(size <= 63);
    out[size] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return MV_OK;
}
