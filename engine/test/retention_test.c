/* Documents that expire, by a clock that the test sets: what is seen at which second, by whom, and
 * what becomes of it when there is no memory. Eviction is in spec/eviction_spec.lua. */
#include <sys/syscall.h>
#include <time.h>

#include "open/engine.h"
#include "test/sample.h"

/* ---------------------------------------------------------------- the clock */

static int64_t clock_seconds = 1000; /* since 1970 */

/* Comes before the function of the C library. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_REALTIME) return (int)syscall(SYS_clock_gettime, clock, time);
    *time = (struct timespec){.tv_sec = (time_t)clock_seconds, .tv_nsec = 500000000};
    return 0;
}

/* ---------------------------------------------------------------- documents */

#define DOCS 40000u /* three zones */

static int64_t expires[DOCS]; /* of each document; NEVER, or MISSING: there is no such document */

#define NEVER   INT64_MAX
#define MISSING INT64_MIN

static mv_err open_collection(const char *path, mv_collection **c)
{
    mv_schema *schema = NULL;
    const mv_retention retention = {.expires = "e", .max_bytes = (uint64_t)1 << 40};
    WORKS(mv_schema_create(NULL, &schema, &error));
    WORKS(mv_schema_add_field(
        schema, &(mv_field_options){.name = "e", .type = MV_INT64, .nullable = true}, &error));
    WORKS(mv_schema_add_field(schema, &(mv_field_options){.name = "n", .type = MV_INT64}, &error));
    WORKS(mv_schema_set_retention(schema, &retention, &error));
    mv_err err =
        mv_open(path, &(mv_open_options){.schema = schema, .manual_maintenance = true}, c, &error);
    mv_schema_free(schema);
    return err;
}

static mv_id id_of(uint32_t n, char text[16])
{
    return (mv_id){text, (size_t)snprintf(text, 16, "doc %u", n)};
}

/* Write documents that expire at second when[0], ..., of `when_count`, in turn. */
static mv_err put(mv_collection *c, mv_write_mode mode, uint32_t first, uint32_t end,
                  const int64_t *when, uint32_t when_count)
{
    mv_batch *batch = NULL;
    uint64_t written;
    char text[16];
    MV_TRY(mv_batch_create(c, &batch, &error));
    mv_err err = MV_OK;
    for (uint32_t n = first; n < end && !err; n++) {
        int64_t second = when[n % when_count];
        mv_id id = id_of(n, text);
        mv_value e = {.kind = second == NEVER ? MV_KIND_NULL : MV_KIND_INT, .as.i = second};
        err = mv_batch_add(batch, id.data, id.size, &error);
        if (!err) err = mv_batch_set(batch, 0, &e, &error);
        if (!err) err = mv_batch_set(batch, 1, &(mv_value){.kind = MV_KIND_INT, .as.i = n}, &error);
    }
    if (!err) err = mv_write(c, mode, batch, &written, &error);
    mv_batch_free(batch);
    for (uint32_t n = first; n < end && !err; n++) expires[n] = when[n % when_count];
    return err;
}

static uint32_t count_there(int64_t now)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < DOCS; n++) count += expires[n] > now;
    return count;
}

static uint64_t counted(mv_collection *c, bool scan)
{
    uint64_t count = UINT64_MAX;
    const mv_filter all = {"n >= 0", 6, NULL, 0};
    EXPECT(mv_count(c, scan ? &all : NULL, &count, &error) == MV_OK);
    return count;
}

static bool is_found(mv_collection *c, uint32_t n)
{
    char text[16];
    size_t count = 0;
    mv_id id = id_of(n, text);
    mv_result *found = NULL;
    WORKS(mv_result_create(c, &found, &error));
    WORKS(mv_fetch(c, &id, 1, found, &error));
    (void)mv_result_hits(found, &count);
    mv_result_free(found);
    return count == 1;
}

/* What is seen at this second is what has not expired. */
static void expect_seen(mv_collection *c, int64_t now)
{
    clock_seconds = now;
    doing_now("second %" PRId64, now);
    EXPECT(counted(c, false) == count_there(now));
    EXPECT(counted(c, true) == count_there(now));
    for (uint32_t n = 1; n < DOCS; n += DOCS / 50) EXPECT(is_found(c, n) == (expires[n] > now));
}

static void forget_all(void)
{
    for (uint32_t n = 0; n < DOCS; n++) expires[n] = MISSING;
    clock_seconds = 1000;
}

/* ---------------------------------------------------------------- tests */

/* Three zones that expire at different times, an update and fresh rows; the clock goes on, and is
 * set back. */
static void test_time_passes(bool memory)
{
    static const int64_t when[] = {1100, NEVER, 1200, 1101, 5000, NEVER, 1150}, early[] = {1050},
                         fresh[] = {1090, 1120, NEVER};
    mv_collection *c = NULL;
    forget_all();
    WORKS(open_collection(PLACE("time"), &c));
    WORKS(put(c, MV_INSERT, 0, 20000, when, 7));
    WORKS(put(c, MV_INSERT, 20000, 39000, early, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(put(c, MV_INSERT, 39000, DOCS, fresh, 3));
    WORKS(put(c, MV_UPSERT, 100, 160, fresh, 3));
    static const int64_t seconds[] = {1000, 1049, 1050, 1089, 1090, 1099, 1100, 1101, 1120,
                                      1149, 1150, 1200, 4999, 5000, 1101, 1049, 1000, 1130};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) expect_seen(c, seconds[i]);
    uint32_t there = count_there(1130), stored = 0;
    WORKS(optimize_all(c, 1000));
    for (uint32_t n = 0; n < DOCS; n++) { /* expired documents never come back */
        stored += expires[n] != MISSING;
        if (expires[n] <= 1130) expires[n] = MISSING;
    }
    expect_seen(c, 1000);
    mv_stats stats;
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.documents == there && stats.expired == stored - there && !stats.deleted_rows);
    WORKS(mv_check(c, &error));
    expect_seen(c, 1160);
    WORKS(mv_close(c, &error));
    if (memory) return;
    WORKS(open_collection(sample_path("time"), &c));
    expect_seen(c, 1199);
    expect_seen(c, 1200);
    WORKS(mv_close(c, &error));
    remove_tree(sample_path("time"));
}

/* A transaction and an iterator see one time, whatever the clock says meanwhile. */
static void test_one_time(bool memory)
{
    static const int64_t soon[] = {1010};
    mv_collection *c = NULL, *tx = NULL;
    mv_iterator *walk = NULL;
    mv_result *shown = NULL;
    bool found = true;
    uint32_t walked = 0;
    forget_all();
    WORKS(open_collection(PLACE("one"), &c));
    WORKS(put(c, MV_INSERT, 0, 5000, soon, 1));
    WORKS(put(c, MV_INSERT, 5000, 5100, soon, 1));
    WORKS(mv_result_create(c, &shown, &error));
    WORKS(mv_iterator_open(c, NULL, &walk, &error));
    WORKS(mv_begin(c, &tx, &error));
    clock_seconds = 1020;
    EXPECT(counted(c, true) == 0);
    EXPECT(counted(tx, true) == 5100 && counted(tx, false) == 5100);
    EXPECT(is_found(tx, 7) && is_found(tx, 5001) && !is_found(c, 7) && !is_found(c, 5001));
    EXPECT(put(tx, MV_INSERT, 7, 8, soon, 1) == MV_EXISTS);
    WORKS(put(tx, MV_UPDATE, 8, 9, soon, 1));
    EXPECT(counted(tx, true) == 5100);
    WORKS(mv_commit(tx, &error));
    for (; found; walked += found) WORKS(mv_iterator_next(walk, shown, &found, &error));
    EXPECT(walked == 5100);
    mv_iterator_close(walk);
    mv_result_free(shown);
    EXPECT(counted(c, true) == 0 && !is_found(c, 8));
    WORKS(put(c, MV_INSERT, 7, 8, &(int64_t){NEVER}, 1));
    EXPECT(counted(c, false) == 1);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    if (!memory) remove_tree(sample_path("one"));
}

/* A job ends, also if the fresh row that was to expire first has been deleted. */
static void test_deleted_before(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    char text[16];
    mv_id id = id_of(0, text);
    uint64_t deleted;
    bool more = true;
    forget_all();
    WORKS(open_collection(PLACE("before"), &c));
    WORKS(put(c, MV_INSERT, 0, 1, &(int64_t){1010}, 1));
    WORKS(mv_delete(c, &id, 1, &deleted, &error));
    clock_seconds = 1020;
    WORKS(mv_optimize_begin(c, NULL, &job, &error));
    for (int step = 0; more && step < 100; step++)
        WORKS(mv_optimize_step(job, 0, &more, NULL, &error));
    EXPECT(!more);
    mv_job_free(job);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    if (!memory) remove_tree(sample_path("before"));
}

/* Each allocation of a read and of a write fails once, when they find expired documents. */
static void test_no_memory(void)
{
    static const int64_t when[] = {1100, NEVER};
    for (uint64_t n = 1, through = 0; through < 3 && unmet < 20; n++) {
        mv_collection *c = NULL;
        uint64_t count = 0;
        size_t bytes_before = mem_bytes();
        doing_now("allocation %" PRIu64, n);
        forget_all();
        WORKS(open_collection(":memory:", &c));
        WORKS(put(c, MV_INSERT, 0, 4200, when, 2));
        WORKS(put(c, MV_INSERT, 4200, 4300, when, 2));
        clock_seconds = 1100;
        mem_fail_at(n, false);
        mv_err err = mv_count(c, NULL, &count, &error);
        mv_err err_of_write = put(c, MV_INSERT, 4300, 4310, when, 2);
        mem_fail_at(0, false);
        EXPECT(err == MV_OK || err == MV_NO_MEMORY);
        EXPECT(err || count == 2150);
        EXPECT(err_of_write == MV_OK || err_of_write == MV_NO_MEMORY);
        through = err || err_of_write ? 0 : through + 1;
        expect_seen(c, 1100);
        WORKS(mv_check(c, &error));
        WORKS(mv_close(c, &error));
        EXPECT(mem_bytes() == bytes_before);
    }
}

/* Add to the bytes that the state of the collection at `path` counts. */
static void change_counted_bytes(const char *path, uint64_t added)
{
    catalog_txn *txn = NULL;
    catalog *opened = NULL;
    engine_state state;
    bool in_doubt;
    char file[256];
    (void)snprintf(file, sizeof file, "%s/%s", path, CATALOG_FILE);
    WORKS(catalog_open(file, &(catalog_options){0}, &opened, &error));
    WORKS(catalog_begin_write(opened, false, 0, &txn, &error));
    WORKS(engine_load_state(txn, &state, &error));
    EXPECT(state.format == 3);
    state.bytes += added;
    WORKS(engine_save_state(txn, &state, &error));
    WORKS(catalog_commit(txn, &in_doubt, &error));
    catalog_end(txn);
    catalog_close(opened);
}

static void test_check_counts_bytes(void)
{
    const char *path = sample_path("bytes");
    mv_collection *c = NULL;
    forget_all();
    WORKS(open_collection(path, &c));
    WORKS(put(c, MV_INSERT, 0, 5000, &(int64_t){NEVER}, 1));
    WORKS(put(c, MV_UPSERT, 10, 20, &(int64_t){NEVER}, 1));
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    change_counted_bytes(path, 1);
    WORKS(open_collection(path, &c));
    EXPECT(mv_check(c, &error) == MV_CORRUPT);
    EXPECT(strstr(error.text, "the count of the documents' bytes is wrong"));
    WORKS(mv_close(c, &error));
    remove_tree(path);
}

/* Only a schema with a retention has format 6, whose bytes are checked. */
static void test_stored_schema(void)
{
    mem_buffer bytes = {0};
    mv_schema *schema = NULL, *loaded = NULL;
    mv_retention read;
    const mv_retention given = {"e", 7, UINT64_MAX, MV_EVICT_LEAST_RECENT}, none = {0};
    WORKS(mv_schema_create(NULL, &schema, &error));
    WORKS(mv_schema_add_field(schema, &(mv_field_options){.name = "e", .type = MV_UINT32}, &error));
    WORKS(schema_format_save(schema, &bytes, &error));
    EXPECT(bytes.data[0] == 2);
    WORKS(mv_schema_set_retention(schema, &given, &error));
    bytes.size = 0;
    WORKS(schema_format_save(schema, &bytes, &error));
    EXPECT(bytes.data[0] == 6);
    WORKS(schema_format_load(bytes.data, bytes.size, &loaded, &error));
    WORKS(schema_compare(schema, loaded, &error));
    mv_schema_retention(loaded, &read);
    EXPECT(strcmp(read.expires, "e") == 0 && read.max_documents == 7);
    EXPECT(read.max_bytes == UINT64_MAX && read.evict == MV_EVICT_LEAST_RECENT);
    WORKS(mv_schema_set_retention(loaded, &none, &error));
    EXPECT(schema_compare(schema, loaded, &error) == MV_SCHEMA_MISMATCH);
    mv_schema_free(loaded);
    for (size_t size = 0; size < bytes.size; size++)
        EXPECT(schema_format_load(bytes.data, size, &loaded, &error) == MV_CORRUPT && !loaded);
    bytes.data[bytes.size - 1] = 2; /* a rule of eviction that is not known */
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_CORRUPT);
    bytes.data[bytes.size - 1] = 1;
    bytes.data[bytes.size - 21] = 9; /* a field that is not there */
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_CORRUPT);
    EXPECT(strstr(error.text, "documents expire by field number 9, which is missing"));
    mem_buffer_free(&bytes);
    mv_schema_free(schema);
}

int main(void)
{
    if (!sample_place_make("retention")) return tests_conclude();
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_time_passes(memory));
        RUN_WITH(WHERE, test_one_time(memory));
        RUN_WITH(WHERE, test_deleted_before(memory));
    }
    RUN(test_no_memory());
    RUN(test_stored_schema());
    RUN(test_check_counts_bytes());
    remove_tree(sample_place);
    return tests_conclude();
}
