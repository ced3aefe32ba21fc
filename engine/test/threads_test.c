/* Several threads on one handle: some read, one writes, one optimizes, others open and close the
 * collection again and again.
 *
 *   threads_test                 until each thread has done 600 rounds
 *   threads_test ROUNDS          until each has done that many
 *
 * The writer gives all documents a new version in one transaction, so that every reader must see
 * one version everywhere, and never an older one than it saw before. Run under the thread
 * sanitizer, too: cmake -DMOONVEC_SANITIZE=thread ... ; threads_test */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/sample.h"

#define DOCUMENTS 60u
#define SPARE     20u /* documents after those, which come and go */
#define READERS   3
#define ROUNDS    600u

#ifdef __SANITIZE_THREAD__ /* it ends a forked child that starts a thread, as maintenance may */
#define CAN_FORK false
#else
#define CAN_FORK true
#endif

static mv_collection *c;
static char path[128];
static uint32_t busy_ms;
static atomic_bool stop;
static atomic_uint rounds_read, rounds_written, rounds_optimized, rounds_opened, failures;

/* What sample.h has is for one thread. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition) && atomic_fetch_add(&failures, 1) < 10)                                   \
            printf("threads_test.c:%d: not so: %s\n", __LINE__, #condition);                       \
    } while (0)
#define MUST_WORK(call)                                                                            \
    do {                                                                                           \
        mv_err must_ = (call);                                                                     \
        if (must_ && atomic_fetch_add(&failures, 1) < 10)                                          \
            printf("threads_test.c:%d: %s: %s\n", __LINE__, mv_err_name(must_), e.text);           \
    } while (0)

/* All hits are of one version, not older than *version, and as many as that version has. */
static void see_one_version(mv_result *result, int64_t *version)
{
    mv_error e;
    size_t count = 0;
    (void)mv_result_hits(result, &count);
    MUST(count >= DOCUMENTS);
    for (size_t at = 0; at < count; at++) {
        mv_value value = {0}, n = {0};
        float vector[4] = {0};
        MUST_WORK(mv_result_value(result, at, 0, &n, &e));
        MUST_WORK(mv_result_value(result, at, 1, &value, &e));
        MUST_WORK(mv_result_vector(result, at, 0, vector, 4, &e));
        MUST((int64_t)vector[0] == value.as.i && (int64_t)vector[1] == n.as.i);
        if (at == 0) {
            MUST(value.as.i >= *version);
            MUST(count == DOCUMENTS + (size_t)value.as.i % SPARE);
            *version = value.as.i;
        }
        MUST(value.as.i == *version);
    }
}

/* ---------------------------------------------------------------- writing */

static mv_err add_version(mv_batch *batch, uint32_t n, uint32_t version, mv_error *e)
{
    char id[8];
    float vector[4] = {(float)version, (float)n, 1, 0};
    mv_value values[] = {int_value(n), int_value(version)};
    int size = snprintf(id, sizeof id, "%u", n);
    mv_err err = mv_batch_add(batch, id, (size_t)size, e);
    for (uint32_t f = 0; f < 2 && !err; f++) err = mv_batch_set(batch, f, &values[f], e);
    return err ? err : mv_batch_set_vector(batch, 0, vector, 4, e);
}

/* Two halves and some deletions, in one transaction. */
static void write_version(mv_batch *batch, mv_result *result, uint32_t version)
{
    mv_error e;
    uint64_t written, deleted;
    int64_t seen = version;
    mv_collection *tx = NULL;
    MUST_WORK(mv_begin(c, &tx, &e));
    for (uint32_t half = 0; half < 2; half++) {
        mv_batch_clear(batch);
        for (uint32_t n = half * DOCUMENTS / 2; n < (half + 1) * DOCUMENTS / 2; n++)
            MUST_WORK(add_version(batch, n, version, &e));
        MUST_WORK(mv_write(tx, MV_UPSERT, batch, &written, &e));
    }
    mv_batch_clear(batch);
    for (uint32_t n = DOCUMENTS; n < DOCUMENTS + version % SPARE; n++)
        MUST_WORK(add_version(batch, n, version, &e));
    MUST_WORK(mv_write(tx, MV_UPSERT, batch, &written, &e));
    mv_filter older = {"version < ?", 11, (mv_value[]){int_value(version)}, 1};
    MUST_WORK(mv_delete_by_filter(tx, &older, &deleted, &e));
    MUST_WORK(mv_search(tx, &(mv_query){.topk = 1000}, result, &e));
    see_one_version(result, &seen);
    MUST(seen == version);
    if (version % 7 == 3)
        mv_abort(tx);
    else
        MUST_WORK(mv_commit(tx, &e));
}

static void *writer(void *unused)
{
    mv_error e;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    (void)unused;
    MUST_WORK(mv_batch_create(c, &batch, &e));
    MUST_WORK(mv_result_create(c, &result, &e));
    for (uint32_t version = 2; !atomic_load(&stop); version++) {
        write_version(batch, result, version);
        atomic_fetch_add(&rounds_written, 1);
    }
    mv_batch_free(batch);
    mv_result_free(result);
    return NULL;
}

/* ---------------------------------------------------------------- reading */

static void walk(mv_result *result, int64_t *version)
{
    mv_error e;
    mv_iterator *iterator = NULL;
    bool found = true;
    uint32_t count = 0;
    mv_value value = {0};
    MUST_WORK(mv_iterator_open(c, NULL, &iterator, &e));
    if (!iterator) return;
    for (; found; count += found) {
        MUST_WORK(mv_iterator_next(iterator, result, &found, &e));
        if (!found) break;
        MUST_WORK(mv_result_value(result, 0, 1, &value, &e));
        MUST(count == 0 ? value.as.i >= *version : value.as.i == *version);
        *version = value.as.i;
    }
    MUST(count == DOCUMENTS + (uint32_t)*version % SPARE);
    mv_result_clear(result);
    mv_iterator_close(iterator);
}

static void *reader(void *unused)
{
    mv_error e;
    mv_result *result = NULL;
    int64_t version = 1;
    float vector[4] = {1, 2, 3, 4};
    (void)unused;
    MUST_WORK(mv_result_create(c, &result, &e));
    while (!atomic_load(&stop)) {
        mv_filter filter = {"n >= 0", 6, NULL, 0};
        mv_query query = {.vectors = vector, .vectors_count = 1, .dim = 4, .topk = 1000};
        query.filter = &filter;
        MUST(!mv_in_transaction(c)); /* that of another thread is not ours */
        MUST_WORK(mv_search(c, &query, result, &e));
        see_one_version(result, &version);
        MUST_WORK(mv_search(c, &(mv_query){.topk = 1000, .order_by = "n DESC"}, result, &e));
        see_one_version(result, &version);
        MUST_WORK(mv_fetch(c, (mv_id[]){{"0", 1}, {"7", 1}}, 2, result, &e));
        walk(result, &version);
        atomic_fetch_add(&rounds_read, 1);
    }
    mv_result_free(result);
    return NULL;
}

/* ---------------------------------------------------------------- looking after */

static void *optimizer(void *unused)
{
    mv_error e;
    (void)unused;
    while (!atomic_load(&stop)) {
        mv_job *job = NULL;
        mv_progress progress;
        mv_stats stats;
        bool more = true;
        MUST_WORK(mv_optimize_begin(c, NULL, &job, &e));
        while (job && more) MUST_WORK(mv_optimize_step(job, 0, &more, &progress, &e));
        mv_job_free(job);
        MUST_WORK(mv_check(c, &e));
        MUST_WORK(mv_get_stats(c, &stats, &e));
        MUST_WORK(mv_flush(c, &e));
        atomic_fetch_add(&rounds_optimized, 1);
    }
    return NULL;
}

static void *opener(void *unused)
{
    mv_error e;
    (void)unused;
    while (!atomic_load(&stop)) {
        mv_collection *other = NULL;
        uint64_t count = 0;
        bool read_only = atomic_load(&rounds_opened) % 2;
        MUST_WORK(mv_open(path, &(mv_open_options){.read_only = read_only}, &other, &e));
        if (other) MUST_WORK(mv_count(other, NULL, &count, &e));
        MUST(count >= DOCUMENTS);
        MUST_WORK(mv_close(other, &e));
        atomic_fetch_add(&rounds_opened, 1);
    }
    return NULL;
}

/* ---------------------------------------------------------------- */

static mv_err open_collection(mv_durability durability)
{
    mv_schema *schema = NULL;
    mv_vector_options v = {.name = "v",
                           .type = MV_VECTOR_FP32,
                           .dim = 4,
                           .metric = MV_COSINE,
                           .index.type = MV_INDEX_FLAT};
    mv_err err = mv_schema_create(NULL, &schema, &error);
    static const char *const names[] = {"n", "version"};
    for (int f = 0; f < 2 && !err; f++)
        err = mv_schema_add_field(schema, &(mv_field_options){.name = names[f], .type = MV_INT32},
                                  &error);
    if (!err) err = mv_schema_add_vector(schema, &v, &error);
    mv_open_options options = {.schema = schema, .durability = durability, .busy_ms = busy_ms};
    if (!err) err = mv_open(path, &options, &c, &error);
    mv_schema_free(schema);
    return err;
}

static bool all_have_done(uint32_t rounds, bool memory)
{
    return atomic_load(&rounds_read) >= rounds && atomic_load(&rounds_written) >= rounds &&
           atomic_load(&rounds_optimized) >= rounds &&
           (memory || atomic_load(&rounds_opened) >= rounds);
}

static void test_threads(bool memory, mv_durability durability, uint32_t rounds)
{
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    pthread_t threads[READERS + 3];
    uint32_t count = 0;
    (void)snprintf(path, sizeof path, "%s", memory ? ":memory:" : sample_path("shared"));
    atomic_store(&stop, false);
    rounds_read = rounds_written = rounds_optimized = rounds_opened = 0;
    WORKS(open_collection(durability));
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(mv_result_create(c, &result, &error));
    write_version(batch, result, 1);
    mv_batch_free(batch);
    mv_result_free(result);
    EXPECT(pthread_create(&threads[count++], NULL, writer, NULL) == 0);
    EXPECT(pthread_create(&threads[count++], NULL, optimizer, NULL) == 0);
    if (!memory) EXPECT(pthread_create(&threads[count++], NULL, opener, NULL) == 0);
    for (int i = 0; i < READERS; i++)
        EXPECT(pthread_create(&threads[count++], NULL, reader, NULL) == 0);
    WAIT_UNTIL(all_have_done(rounds, memory));
    atomic_store(&stop, true);
    while (count) EXPECT(pthread_join(threads[--count], NULL) == 0);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    if (!memory) remove_tree(path);
    EXPECT(atomic_load(&failures) == 0);
}

/* ---------------------------------------------------------------- a thread that ends too early */

static mv_collection *left; /* the transaction of a thread that ended without ending it */

static void *begin_and_end(void *batch)
{
    mv_error e;
    uint64_t written;
    MUST_WORK(mv_begin(c, &left, &e));
    MUST_WORK(mv_write(left, MV_UPSERT, batch, &written, &e));
    return NULL;
}

static void *write_outside(void *batch)
{
    mv_error e;
    uint64_t written;
    MUST_WORK(mv_write(c, MV_UPSERT, batch, &written, &e));
    return NULL;
}

static void *write_without_waiting(void *batch)
{
    mv_error e;
    mv_collection *second = NULL;
    uint64_t written;
    MUST(mv_write(c, MV_UPSERT, batch, &written, &e) == MV_BUSY);
    MUST(mv_begin(c, &second, &e) == MV_BUSY && !second);
    MUST(mv_write(left, MV_UPSERT, batch, &written, &e) == MV_BUSY); /* another thread's */
    MUST(mv_commit(left, &e) == MV_BUSY);
    MUST(!mv_in_transaction(c));
    return NULL;
}

static void run_in_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, run, argument) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
}

static mv_err fill(mv_batch *batch, uint32_t version, uint32_t count)
{
    mv_err err = MV_OK;
    mv_batch_clear(batch);
    for (uint32_t n = 0; n < count && !err; n++) err = add_version(batch, n, version, &error);
    return err;
}

static int64_t version_of_all(void)
{
    mv_result *result = NULL;
    mv_value value = {0};
    size_t count = 0;
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_search(c, &(mv_query){.topk = 10000}, result, &error));
    (void)mv_result_hits(result, &count);
    for (size_t at = 0; at < count; at++) {
        int64_t before = value.as.i;
        WORKS(mv_result_value(result, at, 1, &value, &error));
        EXPECT(!at || value.as.i == before);
    }
    mv_result_free(result);
    return value.as.i;
}

/* A thread ends in a transaction. The next writer undoes it, of this process or another; the handle
 * may be freed before or after, or never, when the collection's handle is closed. With `many` rows
 * the transaction has written files. */
static void test_thread_ends_in_transaction(bool memory, uint32_t many)
{
    mv_batch *batch = NULL;
    uint32_t version = 1;
    (void)snprintf(path, sizeof path, "%s", memory ? ":memory:" : sample_path("left"));
    WORKS(open_collection(MV_DURABILITY_NONE));
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(fill(batch, version, many));
    run_in_thread(write_outside, batch);
    for (int round = 0; round < 4; round++) {
        WORKS(fill(batch, 1000, many));
        run_in_thread(begin_and_end, batch);
        EXPECT(version_of_all() == version);
        if (round == 0) mv_abort(left); /* before the next writer */
        if (!memory && round == 1 &&
            CAN_FORK) { /* a process that opens it again is not kept out, either */
            pid_t child = fork();
            if (child == 0) {
                mv_error e;
                uint64_t deleted;
                mv_id id = {"0", 1};
                alarm(HANG_SECONDS);
                _exit(mv_delete(c, &id, 1, &deleted, &e) == MV_OK && deleted == 1 ? 0 : 1);
            }
            int status = 1;
            EXPECT(waitpid(child, &status, 0) == child && status == 0);
        }
        WORKS(fill(batch, ++version, many));
        if (round == 2) {
            mv_collection *own = NULL;
            mv_job *job = NULL;
            uint64_t written;
            WORKS(mv_begin(c, &own, &error)); /* undoes it, and is this thread's */
            EXPECT(mv_in_transaction(c));
            EXPECT(mv_optimize_start(c, NULL, &job, &error) == MV_BUSY && !job);
            mv_abort(left);
            EXPECT(mv_in_transaction(c));
            WORKS(mv_write(own, MV_UPSERT, batch, &written, &error));
            WORKS(mv_commit(own, &error));
        } else {
            run_in_thread(write_outside, batch);
        }
        EXPECT(version_of_all() == version);
        if (round == 1) EXPECT(mv_commit(left, &error) == MV_BUSY);
    } /* in the last round: never */
    WORKS(mv_check(c, &error));
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
    if (!memory) remove_tree(path);
    EXPECT(atomic_load(&failures) == 0);
}

static mv_column *left_column;

static void *begin_column(void *unused)
{
    mv_error e;
    (void)unused;
    MUST_WORK(
        mv_column_begin(c, &(mv_field_options){.name = "more", .type = MV_INT32, .nullable = true},
                        NULL, &left_column, &e));
    return NULL;
}

/* A thread ends while it adds a field: nothing is added, and others write. */
static void test_thread_ends_in_column(bool memory)
{
    mv_batch *batch = NULL;
    (void)snprintf(path, sizeof path, "%s", memory ? ":memory:" : sample_path("left-column"));
    WORKS(open_collection(MV_DURABILITY_NONE));
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(fill(batch, 1, 10));
    run_in_thread(write_outside, batch);
    for (int round = 0; round < 2; round++) {
        run_in_thread(begin_column, NULL);
        EXPECT(mv_column_commit(left_column, &error) == MV_BUSY);
        if (round == 0) run_in_thread(write_outside, batch); /* before it is freed */
        EXPECT(mv_column_commit(left_column, &error) == MV_BUSY);
        mv_column_free(left_column);
        run_in_thread(write_outside, batch);
        EXPECT(mv_schema_field_count(mv_get_schema(c)) == 2);
    }
    WORKS(mv_check(c, &error));
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
    if (!memory) remove_tree(path);
    EXPECT(atomic_load(&failures) == 0);
}

/* busy_ms: how long a write waits for a transaction. */
static void test_waiting(bool memory)
{
    mv_batch *batch = NULL;
    struct timespec before, after;
    (void)snprintf(path, sizeof path, "%s", memory ? ":memory:" : sample_path("busy"));
    busy_ms = MV_BUSY_AT_ONCE;
    WORKS(open_collection(MV_DURABILITY_NONE));
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(fill(batch, 1, 10));
    WORKS(mv_begin(c, &left, &error));
    run_in_thread(write_without_waiting, batch);
    mv_abort(left);
    run_in_thread(write_outside, batch);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
    busy_ms = 200;
    WORKS(open_collection(MV_DURABILITY_NONE));
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(fill(batch, 1, 10));
    WORKS(mv_begin(c, &left, &error));
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    run_in_thread(write_without_waiting, batch); /* waits twice */
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    EXPECT((double)(after.tv_sec - before.tv_sec) +
               (double)(after.tv_nsec - before.tv_nsec) / 1e9 >=
           0.4);
    mv_abort(left);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
    busy_ms = 0;
    if (!memory) remove_tree(path);
    EXPECT(atomic_load(&failures) == 0);
}

int main(int count, char **arguments)
{
    uint32_t rounds = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : ROUNDS;
    if (!sample_place_make("threads")) return tests_conclude();
    RUN(test_threads(false, MV_DURABILITY_FULL, rounds));
    RUN(test_threads(false, MV_DURABILITY_NONE, rounds));
    RUN(test_threads(true, MV_DURABILITY_FULL, rounds));
    for (int memory = 0; memory < 2; memory++) {
        RUN(test_thread_ends_in_transaction(memory, 10));
        RUN(test_thread_ends_in_transaction(memory, 5000));
        RUN(test_thread_ends_in_column(memory));
        RUN(test_waiting(memory));
    }
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
