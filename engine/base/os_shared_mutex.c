/* A mutex in a file, for the threads of all processes that open it. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/os.h"

/* The content of the file. The first process that opens it initializes it; that the process is the
 * first is known by an exclusive flock, since all others keep a shared one. So the state of a mutex
 * that was locked when the machine went down is not taken over. */
typedef struct mutex_page {
    uint64_t magic;
    uint64_t size;                           /* of this struct: differs between 32 and 64 bits */
    _Atomic uint64_t words[OS_SHARED_WORDS]; /* of the users: os_shared_mutex_words */
    pthread_mutex_t mutex;
} mutex_page;

#define MUTEX_MAGIC      0x314d475449525756u /* "VWRITGM1": part of the file's format */
#define MUTEX_WAIT_SLICE 0.05                /* seconds until the clock is read again; chosen */

struct os_shared_mutex {
    os_file file;
    mutex_page *page;
};

static bool init_mutex_page(mutex_page *page)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes)) return false;
    int failed = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    if (!failed) failed = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
#ifndef __APPLE__ /* macOS has no robust mutexes: there the mutex of a dead thread stays locked */
    if (!failed) failed = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
#endif
    memset(page, 0, sizeof *page);
    if (!failed) failed = pthread_mutex_init(&page->mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    page->size = sizeof *page;
    page->magic = MUTEX_MAGIC;
    return !failed;
}

static mv_err error_layout(const char *path, mv_error *error)
{
    return error_set(
        error, MV_BUSY,
        "'%s' is in use by a process with another layout of mutexes: of 32 or 64 bits, "
        "or another version of moonvec",
        path);
}

/* Map the page, and initialize it if no other process has the file open. */
static mv_err map_mutex_page(os_shared_mutex *mutex, const char *path, mv_error *error)
{
    static const mutex_page empty;
    bool is_first = false;
    uint64_t size = 0;
    MV_TRY(os_try_lock(mutex->file, &is_first, path, error));
    if (is_first) /* written, not only made longer: a full disk is reported here */
        MV_TRY(os_write_at(mutex->file, &empty, sizeof empty, 0, path, error));
    else
        MV_TRY(os_lock_shared(mutex->file, path, error));
    MV_TRY(os_size(mutex->file, &size, path, error));
    if (size < sizeof empty) return error_layout(path, error);
    void *mapped =
        mmap(NULL, sizeof *mutex->page, PROT_READ | PROT_WRITE, MAP_SHARED, mutex->file, 0);
    if (mapped == MAP_FAILED) return error_system(error, errno, "cannot map '%s'", path);
    mutex->page = mapped;
    if (is_first && !init_mutex_page(mutex->page))
        return error_set(error, MV_IO, "'%s': the system has no mutexes for processes", path);
    /* The lock is replaced, not downgraded at once. A process that comes in between initializes the
     * page again, and is ready before this one goes on. */
    if (is_first) MV_TRY(os_lock_shared(mutex->file, path, error));
    if (mutex->page->magic != MUTEX_MAGIC || mutex->page->size != sizeof empty)
        return error_layout(path, error);
    return MV_OK;
}

mv_err os_shared_mutex_open(const char *path, os_shared_mutex **out, mv_error *error)
{
    os_shared_mutex *mutex = mem_alloc_zero(sizeof *mutex);
    if (!mutex) return error_memory(error, sizeof *mutex, "a lock");
    mv_err err = os_open_or_create(path, &mutex->file, error);
    if (!err) err = map_mutex_page(mutex, path, error);
    if (err)
        os_shared_mutex_close(mutex);
    else
        *out = mutex;
    return err;
}

/* Wait until the monotonic clock reads `until`. POSIX has waits by the real time only, so the wait
 * is cut into slices: setting the clock cannot prolong it. */
static int lock_until(pthread_mutex_t *mutex, double until)
{
#ifdef __APPLE__
    int failed;
    while ((failed = pthread_mutex_trylock(mutex)) == EBUSY && os_seconds() < until)
        (void)usleep(1000);
    return failed == EBUSY ? ETIMEDOUT : failed;
#else
    int failed;
    double left = until - os_seconds();
    do {
        struct timespec time = {0};
        double slice = left < MUTEX_WAIT_SLICE ? left : MUTEX_WAIT_SLICE;
        if (slice > 0) {
            (void)clock_gettime(CLOCK_REALTIME, &time);
            time.tv_nsec += (long)(slice * 1e9);
            time.tv_sec += time.tv_nsec / 1000000000;
            time.tv_nsec %= 1000000000;
        }
        failed = pthread_mutex_timedlock(mutex, &time); /* with time 0: without waiting */
    } while (failed == ETIMEDOUT && (left = until - os_seconds()) > 0);
    return failed;
#endif
}

os_lock_outcome os_shared_mutex_lock(os_shared_mutex *mutex, double seconds)
{
    pthread_mutex_t *m = &mutex->page->mutex;
    int failed = seconds < 0 ? pthread_mutex_lock(m) : lock_until(m, os_seconds() + seconds);
    if (failed == EDEADLK) return OS_LOCKED_BEFORE;
    if (failed == ETIMEDOUT) return OS_LOCK_TIMED_OUT;
#ifndef __APPLE__
    if (failed == EOWNERDEAD) failed = pthread_mutex_consistent(m);
#endif
    return failed ? OS_LOCK_BROKEN : OS_LOCKED;
}

_Atomic uint64_t *os_shared_mutex_words(os_shared_mutex *mutex)
{
    return mutex->page->words;
}

void os_shared_mutex_unlock(os_shared_mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->page->mutex); /* fails only if something has written to it */
}

/* The mutex is not destroyed: other processes may use it. */
void os_shared_mutex_close(os_shared_mutex *mutex)
{
    if (!mutex) return;
    if (mutex->page) (void)munmap(mutex->page, sizeof *mutex->page);
    os_unlock(mutex->file);
    os_close(mutex->file);
    mem_free(mutex, sizeof *mutex);
}
