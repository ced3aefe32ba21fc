/* Beginning to read the catalog while commits are made: the number of the transaction is that of
 * the commit which it sees.
 *
 * A timer stops the reader at any instruction, until two commits have been made. LMDB alone then
 * gives a number and the tables of a later commit in one of some hundred stops. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

#include "base/os.h"
#include "storage/catalog.h"
#include "test/expect.h"

#define STOPS             1500
#define STOP_EVERY        200 /* microseconds */
#define KEY               7u
#define COMMITS_STOP      2u  /* made during a stop */
#define STOP_MILLISECONDS 100 /* at most */

static catalog *writable;
static atomic_bool must_end;
static atomic_uint_fast64_t commits;
static volatile sig_atomic_t stops, may_stop;

/* Commit n stores its own number. */
static bool commit_number(void)
{
    mv_error error;
    catalog_txn *txn = NULL;
    bool in_doubt;
    mv_err err = catalog_begin_write(writable, false, -1, &txn, &error);
    uint64_t number = err ? 0 : catalog_commit_number(txn) + 1;
    if (!err) err = catalog_put_u64(txn, CATALOG_FRESH, KEY, &number, sizeof number, &error);
    if (!err) err = catalog_commit(txn, &in_doubt, &error);
    catalog_end(txn);
    if (!err) atomic_fetch_add(&commits, 1);
    return !err;
}

static void *write_until_end(void *ctx)
{
    (void)ctx;
    while (!atomic_load(&must_end) && commit_number()) continue;
    atomic_store(&must_end, true);
    return NULL;
}

static int64_t milliseconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The reader holds no lock that the writer needs, wherever it is, but that of some C libraries'
 * allocators. Such a stop ends without commits, and the reader is not stopped again before its next
 * read. */
static void stop_reader(int number)
{
    uint64_t before = atomic_load(&commits);
    int64_t end = milliseconds_now() + STOP_MILLISECONDS;
    (void)number;
    if (!may_stop) return;
    while (atomic_load(&commits) < before + COMMITS_STOP && !atomic_load(&must_end)) {
        may_stop = milliseconds_now() < end;
        if (!may_stop) return;
        (void)poll(NULL, 0, 0);
    }
    stops++;
}

static bool start_writer(pthread_t *writer)
{
    sigset_t timer, before;
    (void)sigemptyset(&timer);
    (void)sigaddset(&timer, SIGALRM);
    (void)pthread_sigmask(SIG_BLOCK, &timer, &before);
    bool started = !pthread_create(writer, NULL, write_until_end, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void set_timer(long microseconds)
{
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* The number that the transaction sees stored. */
static uint64_t stored_number(catalog_txn *txn)
{
    uint64_t number = 0;
    catalog_value value;
    bool found = false;
    mv_err err = catalog_get_u64(txn, CATALOG_FRESH, KEY, &value, &found, NULL);
    if (!err && found && value.size == sizeof number) memcpy(&number, value.bytes, sizeof number);
    return number;
}

static void test_number_is_of_the_commit_seen(catalog *c)
{
    pthread_t writer;
    uint64_t others = 0, reads = 0;
    struct sigaction stop = {.sa_handler = stop_reader, .sa_flags = SA_RESTART};
    (void)sigaction(SIGALRM, &stop, NULL);
    if (!EXPECT(commit_number() && start_writer(&writer))) return;
    set_timer(STOP_EVERY);
    for (; stops < STOPS && !atomic_load(&must_end); reads++) {
        catalog_txn *txn = NULL;
        may_stop = true;
        if (catalog_begin_read(c, &txn, NULL)) break;
        others += stored_number(txn) != catalog_commit_number(txn);
        catalog_end(txn);
    }
    set_timer(0);
    atomic_store(&must_end, true);
    (void)pthread_join(writer, NULL);
    EXPECT(stops >= STOPS);
    EXPECT(others == 0);
    if (others)
        printf("%llu of %llu reads saw another commit\n", (unsigned long long)others,
               (unsigned long long)reads);
}

int main(void)
{
    char directory[OS_PATH_SIZE], path[OS_PATH_SIZE];
    mv_error error;
    const catalog_options options = {.create = true};
    if (os_make_temporary_directory(directory, &error) ||
        os_join(path, directory, CATALOG_FILE, &error) ||
        catalog_open(path, &options, &writable, &error)) {
        printf("%s\n", error.text);
        return 2;
    }
    RUN(test_number_is_of_the_commit_seen(writable));
    catalog_close(writable);
    catalog_remove_files(directory);
    (void)os_remove_directory(directory, NULL);
    return tests_conclude();
}
