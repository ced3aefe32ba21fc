/* os.h against the real operating system, in a temporary directory. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/os.h"
#include "test/expect.h"

static char directory[OS_PATH_SIZE];

static const char *in_directory(const char *name)
{
    static char paths[4][OS_PATH_SIZE]; /* a few may be in use at once */
    static unsigned next;
    char *path = paths[next++ % 4];
    EXPECT(!os_join(path, directory, name, NULL));
    return path;
}

static void make_file(const char *name, const char *text)
{
    EXPECT(!os_write_small(directory, name, text, strlen(text), NULL));
}

static bool file_says(const char *path, const char *text)
{
    char found[256];
    size_t size;
    return !os_read_small(path, found, sizeof found, &size, NULL) && size == strlen(text) &&
           memcmp(found, text, size) == 0;
}

static void test_join(void)
{
    char path[OS_PATH_SIZE], longest[OS_PATH_SIZE];
    mv_error error;
    EXPECT(!os_join(path, "a", "b", &error));
    EXPECT(strcmp(path, "a/b") == 0);
    memset(longest, 'x', sizeof longest);
    longest[OS_PATH_SIZE - 3] = '\0';
    EXPECT(!os_join(path, longest, "b", &error));
    EXPECT(os_join(path, longest, "bc", &error) == MV_LIMIT);
    EXPECT(strstr(error.text, "4096") && strstr(error.text, "4095"));
}

static bool is_there(const char *path, os_kind expected)
{
    os_kind kind;
    EXPECT(!os_look(path, &kind, NULL));
    return kind == expected;
}

static bool is_writable(const char *path)
{
    bool can;
    EXPECT(!os_can_write(path, &can, NULL));
    return can;
}

static uint64_t allocated_bytes(const char *path)
{
    uint64_t bytes = 1;
    EXPECT(!os_allocated_bytes(path, &bytes, NULL));
    return bytes;
}

/* Only "no such file" and "not a directory" say that nothing is there. */
static void test_errors_are_not_absence(void)
{
    char path[OS_PATH_SIZE], name[300] = {0};
    mv_error error;
    os_kind kind;
    bool is;
    uint64_t bytes;
    EXPECT(is_there(in_directory("nothing/inside"), OS_NOTHING));
    EXPECT(!symlink("loop", in_directory("loop")));
    memset(name, 'n', sizeof name - 1); /* longer than a name may be */
    for (int i = 0; i < 2; i++) {
        EXPECT(!os_join(path, directory, i ? name : "loop", NULL));
        error = (mv_error){0};
        EXPECT(os_look(path, &kind, &error) == MV_IO);
        EXPECT(strstr(error.text, "cannot look at") != NULL);
        EXPECT(os_can_write(path, &is, NULL) == MV_IO);
        EXPECT(os_allocated_bytes(path, &bytes, NULL) == MV_IO);
        EXPECT(os_is_locked_by_others(path, &is, NULL) == MV_IO);
    }
    EXPECT(!os_is_locked_by_others(in_directory("nothing"), &is, NULL) && !is);
    EXPECT(!os_remove(in_directory("loop"), NULL));
}

static void test_directories(void)
{
    mv_error error;
    char path[OS_PATH_SIZE], real[OS_PATH_SIZE];
    EXPECT(!os_join(path, directory, "inner", NULL));
    EXPECT(is_there(path, OS_NOTHING));
    EXPECT(!os_make_directory(path, NULL));
    EXPECT(is_there(path, OS_DIRECTORY));
    EXPECT(os_make_directory(path, &error) == MV_EXISTS);
    EXPECT(strstr(error.text, path) != NULL);
    EXPECT(is_writable(path));
    EXPECT(!is_writable(in_directory("nothing")));
    EXPECT(!os_sync_directory(path, NULL));
    EXPECT(os_sync_directory(in_directory("nothing"), NULL) == MV_NOT_FOUND);

    EXPECT(!symlink(path, in_directory("alias")));
    EXPECT(!os_real_path(in_directory("alias"), real, NULL));
    EXPECT(is_there(real, OS_DIRECTORY) && strstr(real, "/inner"));
    EXPECT(!os_remove(in_directory("alias"), NULL));
    EXPECT(os_real_path(in_directory("alias"), real, NULL) == MV_NOT_FOUND);

    EXPECT(os_remove_directory(directory, &error) == MV_EXISTS); /* not empty */
    EXPECT(!os_remove_directory(path, NULL));
    EXPECT(os_remove_directory(path, NULL) == MV_NOT_FOUND);
}

static void test_read_and_write(void)
{
    mv_error error;
    char path[OS_PATH_SIZE], bytes[16];
    os_file file, again;
    uint64_t size;
    EXPECT(!os_join(path, directory, "data", NULL));
    EXPECT(os_open_read(path, &file, &size, &error) == MV_NOT_FOUND && file == OS_FILE_NONE);
    EXPECT(strstr(error.text, path) != NULL);
    EXPECT(!os_create(path, &file, NULL));
    EXPECT(os_create(path, &again, NULL) == MV_EXISTS && again == OS_FILE_NONE);
    EXPECT(!os_write_at(file, "world", 5, 6, path, NULL));
    EXPECT(!os_write_at(file, "hello ", 6, 0, path, NULL));
    EXPECT(!os_sync(file, path, NULL));
    EXPECT(!os_size(file, &size, path, NULL) && size == 11);
    EXPECT(!os_read_at(file, bytes, 11, 0, path, NULL) && memcmp(bytes, "hello world", 11) == 0);
    EXPECT(os_read_at(file, bytes, 6, 6, path, &error) == MV_CORRUPT);
    EXPECT(strstr(error.text, "11") && strstr(error.text, "12"));
    EXPECT(os_write_at(file, "x", 1, UINT64_MAX, path, NULL) == MV_LIMIT);
    EXPECT(os_read_at(file, bytes, 1, INT64_MAX, path, NULL) == MV_LIMIT);
    os_close(file);
    os_close(OS_FILE_NONE);

    EXPECT(!os_open_read(path, &file, &size, NULL) && size == 11);
    EXPECT(os_write_at(file, "x", 1, 0, path, NULL) == MV_IO); /* opened for reading */
    const void *mapped;
    EXPECT(!os_map(file, 11, &mapped, path, NULL) && memcmp(mapped, "hello world", 11) == 0);
    os_close(file);
    EXPECT(memcmp(mapped, "hello", 5) == 0); /* a mapping outlives its file */
    os_unmap(mapped, 11);
    EXPECT(!os_map(OS_FILE_NONE, 0, &mapped, path, NULL) && !mapped);
    os_unmap(NULL, 0);
    EXPECT(os_map(OS_FILE_NONE, 1, &mapped, path, NULL) == MV_IO && !mapped);
    bool has_addresses = SIZE_MAX > UINT32_MAX; /* the low 32 bits of this size are few bytes */
    mv_err err = os_map(OS_FILE_NONE, ((uint64_t)1 << 32) + 11, &mapped, path, NULL);
    EXPECT(err == (has_addresses ? MV_IO : MV_LIMIT) && !mapped);

    EXPECT(is_there(path, OS_FILE));
    EXPECT(allocated_bytes(path) > 0);
    EXPECT(os_open_read(directory, &file, &size, NULL) == MV_IO);
    EXPECT(!os_remove(path, NULL));
    EXPECT(!os_remove(path, NULL));
    EXPECT(allocated_bytes(path) == 0);
}

/* Does each byte of the file have the value that `expected` gives to its part of a tenth? */
static bool file_has_parts(os_file file, const char *path, size_t size, const char *expected)
{
    uint8_t bytes[1u << 12];
    bool ok = true;
    for (size_t at = 0; at < size; at += sizeof bytes) {
        ok &= !os_read_at(file, bytes, sizeof bytes, at, path, NULL);
        for (size_t i = 0; i < sizeof bytes; i++) ok &= bytes[i] == expected[at / (size / 10)];
    }
    return ok;
}

/* Page faults while a page of each 64 KiB of a file is read, after os_pages_prefault with this
 * path. */
static long faults_after_prefault(const char *path, const char *given)
{
    enum { MIB = 16 };
    uint64_t size;
    struct rusage before, after;
    const void *mapped = NULL;
    os_file file;
    volatile uint8_t sum = 0;
    EXPECT(!os_open_read(path, &file, &size, NULL) && size == MIB << 20);
    EXPECT(!os_map(file, size, &mapped, path, NULL));
    os_close(file);
    os_pages_prefault(mapped, size, given);
    EXPECT(!getrusage(RUSAGE_SELF, &before));
    for (uint64_t at = 0; at < size; at += 65536) sum ^= ((const uint8_t *)mapped)[at];
    EXPECT(!getrusage(RUSAGE_SELF, &after));
    EXPECT(sum == 0);
    os_unmap(mapped, size);
    return after.ru_minflt - before.ru_minflt;
}

static void test_prefault(void)
{
    enum { CHUNK = 1 << 20, CHUNKS = 16, FAULTS = CHUNKS * 16 };
    char path[OS_PATH_SIZE];
    os_file file;
    uint8_t *zeros = mem_alloc_zero(CHUNK);
    EXPECT(!os_join(path, directory, "prefault", NULL) && !os_create(path, &file, NULL));
    for (uint64_t i = 0; i < CHUNKS; i++)
        EXPECT(!os_write_at(file, zeros, CHUNK, i * CHUNK, path, NULL));
    os_close(file);
    mem_free(zeros, CHUNK);
#ifdef __linux__
    EXPECT(faults_after_prefault(path, path) < FAULTS / 8);
#endif
    /* A file that may not be written: mincore does not tell what is in the cache. */
    EXPECT(faults_after_prefault(path, "/nonexistent") >= 0);
    os_pages_prefault(NULL, 0, path);
    EXPECT(!os_remove(path, NULL));
}

static void test_holes(void)
{
    static uint8_t ones[10u << 16];
    const size_t part = sizeof ones / 10;
    static const char expected[10] = {1, 1, 0, 0, 1, 1, 1, 1, 0, 0};
    const char *path = in_directory("holes");
    uint64_t before, after, size;
    bool can;
    os_file file;
    memset(ones, 1, sizeof ones);
    EXPECT(!os_create(path, &file, NULL));
    EXPECT(!os_write_at(file, ones, sizeof ones, 0, path, NULL));
    EXPECT(!os_allocated_of(file, &before, path, NULL));
    EXPECT(!os_make_hole(file, 2 * part, 2 * part, &can, path, NULL));
    if (can) { /* else the file system has none */
        EXPECT(!os_make_hole(file, 8 * part, 2 * part, &can, path, NULL) && can);
        EXPECT(!os_make_hole(file, 8 * part, 2 * part, &can, path, NULL) && can); /* it is one */
        EXPECT(file_has_parts(file, path, sizeof ones, expected));
        EXPECT(!os_rewrite(path, UINT64_MAX, NULL));
        EXPECT(file_has_parts(file, path, sizeof ones, expected));
        EXPECT(!os_allocated_of(file, &after, path, NULL) && after <= before - 4 * part);
        EXPECT(!os_size(file, &size, path, NULL) && size == sizeof ones);
    }
    os_close(file);
    EXPECT(!os_remove(path, NULL));
}

static void test_pipe_is_refused(void)
{
    os_file file;
    uint64_t size;
    const char *path = in_directory("pipe");
    EXPECT(!mkfifo(path, 0600));
    EXPECT(is_there(path, OS_OTHER));
    EXPECT(os_open_read(path, &file, &size, NULL) == MV_IO);
    EXPECT(!os_remove(path, NULL));
}

static mv_err count_names(void *ctx, const char *name, mv_error *error)
{
    int *count = ctx;
    (void)name;
    if (++*count == 100) return error_set(error, MV_BUSY, "enough");
    return MV_OK;
}

static void test_small_files(void)
{
    char path[OS_PATH_SIZE], bytes[8];
    size_t size;
    mv_error error;
    EXPECT(!os_join(path, directory, "small", NULL));
    make_file("small", "first");
    EXPECT(file_says(path, "first"));
    make_file("small", "second");
    EXPECT(file_says(path, "second"));
    EXPECT(!os_read_small(path, bytes, 6, &size, NULL) && size == 6);
    EXPECT(os_read_small(path, bytes, 5, &size, &error) == MV_LIMIT);
    EXPECT(os_write_small(in_directory("nothing"), "small", "x", 1, NULL) == MV_NOT_FOUND);

    make_file("other", "");
    int count = 0;
    EXPECT(!os_each_entry(directory, count_names, &count, NULL));
    EXPECT(count == 2); /* and no temporary file left */
    count = 99;
    EXPECT(os_each_entry(directory, count_names, &count, &error) == MV_BUSY && count == 100);
    EXPECT(os_each_entry(in_directory("nothing"), count_names, &count, NULL) == MV_NOT_FOUND);
    EXPECT(!os_rename(path, in_directory("other"), NULL));
    EXPECT(file_says(in_directory("other"), "second"));
    EXPECT(os_rename(path, in_directory("other"), NULL) == MV_NOT_FOUND);
    EXPECT(!os_remove(in_directory("other"), NULL));
}

static void test_link(void)
{
    char from[OS_PATH_SIZE], to[OS_PATH_SIZE];
    EXPECT(!os_join(from, directory, "from", NULL) && !os_join(to, directory, "to", NULL));
    make_file("from", "linked");
    EXPECT(!os_link_or_copy(from, to, NULL));
    EXPECT(file_says(to, "linked"));
    EXPECT(os_link_or_copy(from, to, NULL) == MV_EXISTS);
    EXPECT(!os_remove(to, NULL));
    EXPECT(os_link_or_copy(in_directory("nothing"), to, NULL) == MV_NOT_FOUND);

    /* Between file systems, where this machine has another one at hand, it copies. */
    const char *elsewhere = "/dev/shm/moonvec-os-test";
    if (is_writable("/dev/shm")) {
        EXPECT(!os_remove(elsewhere, NULL));
        EXPECT(!os_link_or_copy(from, elsewhere, NULL));
        EXPECT(file_says(elsewhere, "linked"));
        EXPECT(os_link_or_copy(from, elsewhere, NULL) == MV_EXISTS);
        EXPECT(file_says(elsewhere, "linked"));
        EXPECT(!os_remove(elsewhere, NULL));
    }
    EXPECT(!os_remove(from, NULL));
}

static void test_file_in_memory(void)
{
    os_file file, second;
    uint64_t size;
    char path[64], bytes[4];
    EXPECT(!os_create_in_memory("a label", &file, NULL));
    EXPECT(!os_write_at(file, "1234", 4, 0, "memory", NULL));
    os_path_of_file(file, path);
    EXPECT(!os_open_read(path, &second, &size, NULL) && size == 4);
    EXPECT(!os_read_at(second, bytes, 4, 0, path, NULL) && memcmp(bytes, "1234", 4) == 0);
    os_close(second);
    os_close(file);
}

static void test_lock(void)
{
    os_file first, second;
    uint64_t size;
    bool got;
    char path[OS_PATH_SIZE];
    EXPECT(!os_join(path, directory, "lock", NULL));
    make_file("lock", "");
    EXPECT(!os_open_read(path, &first, &size, NULL));
    EXPECT(!os_open_read(path, &second, &size, NULL));
    EXPECT(!os_try_lock(first, &got, path, NULL) && got);
    EXPECT(!os_try_lock(first, &got, path, NULL) && got);
    EXPECT(!os_try_lock(second, &got, path, NULL) && !got);
    os_close(first);
    EXPECT(!os_try_lock(second, &got, path, NULL) && got);
    os_close(second);
    EXPECT(os_try_lock(OS_FILE_NONE, &got, path, NULL) == MV_IO && !got);
    EXPECT(!os_remove(path, NULL));
}

static os_mutex *mutex;
static long counter, process_counter;

static void *count_up(void *thread_id)
{
    *(uint64_t *)thread_id = os_thread_id();
    for (int i = 0; i < 10000; i++) {
        os_mutex_lock(mutex);
        counter++;
        os_mutex_unlock(mutex);
        os_process_lock();
        process_counter++;
        os_process_unlock();
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[2];
    uint64_t ids[2] = {0};
    mutex = os_mutex_create();
    EXPECT(mutex != NULL);
    for (int i = 0; i < 2; i++) EXPECT(!pthread_create(&threads[i], NULL, count_up, &ids[i]));
    for (int i = 0; i < 2; i++) EXPECT(!pthread_join(threads[i], NULL));
    EXPECT(counter == 20000 && process_counter == 20000);
    EXPECT(os_thread_id() != 0 && os_thread_id() == os_thread_id());
    EXPECT(ids[0] != 0 && ids[0] != os_thread_id() && ids[1] != os_thread_id());
    os_mutex_free(mutex);
    os_mutex_free(NULL);
    mem_fail_at(1, false);
    EXPECT(os_mutex_create() == NULL);
}

static void *hold_process_lock(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        os_process_lock();
        usleep(100);
        os_process_unlock();
    }
    return NULL;
}

/* Fork while another thread goes in and out of the lock: every child must find it free. */
static void test_fork(void)
{
    pthread_t thread;
    uint64_t generation = os_fork_generation();
    EXPECT(!pthread_create(&thread, NULL, hold_process_lock, NULL));
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(HANG_SECONDS); /* a lock that is not free must not hang the test */
            os_process_lock();
            os_process_unlock();
            _exit(os_fork_generation() == generation + 1 ? 0 : 1);
        }
        int status = -1;
        EXPECT(child > 0 && waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    EXPECT(!pthread_join(thread, NULL));
    EXPECT(os_fork_generation() == generation);
}

static void test_time(void)
{
    char first[64], second[64];
    double before = os_seconds();
    usleep(2000);
    double passed_time = os_seconds() - before;
    EXPECT(passed_time >= 0.002);
    EXPECT(!os_boot_id(first, NULL) && !os_boot_id(second, NULL));
    EXPECT(strlen(first) >= 16 && strcmp(first, second) == 0);
}

static void test_everything_is_removed(void)
{
    EXPECT(!os_remove_directory(directory, NULL));
}

int main(void)
{
    char made[] = "/tmp/moonvec-os-test-XXXXXX";
    if (!mkdtemp(made) || os_real_path(made, directory, NULL)) {
        printf("no temporary directory\n");
        return tests_conclude();
    }
    RUN(test_join());
    RUN(test_directories());
    RUN(test_errors_are_not_absence());
    RUN(test_read_and_write());
    RUN(test_holes());
    RUN(test_prefault());
    RUN(test_pipe_is_refused());
    RUN(test_small_files());
    RUN(test_link());
    RUN(test_file_in_memory());
    RUN(test_lock());
    RUN(test_threads());
    RUN(test_fork());
    RUN(test_time());
    RUN(test_memory_is_freed(0));
    RUN(test_everything_is_removed());
    return tests_conclude();
}
