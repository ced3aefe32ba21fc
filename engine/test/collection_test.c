/* A collection through the public API, end to end, on disk and in memory: every document is
 * compared value by value with what was written.
 *
 *   collection_test               everything
 *   collection_test SEED [STEPS]  random operations with another seed, as many */
#include "test/sample.h"

#define DOCUMENTS 400u

static uint64_t random_state = 1;

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(mix(random_state++) % limit);
}

static void set_versions(uint8_t *versions, uint32_t first, uint32_t last, uint32_t version)
{
    for (uint32_t n = first; n < last; n++) versions[n] = (uint8_t)version;
}

/* ---------------------------------------------------------------- writing */

static void test_modes(const char *path)
{
    mv_collection *c = NULL;
    uint8_t versions[DOCUMENTS] = {0};
    uint64_t deleted = 0;
    WORKS(sample_open(path, (mv_open_options){.must_create = true}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 300, 1));
    set_versions(versions, 0, 300, 1);
    EXPECT(sample_write(c, MV_INSERT, 299, 310, 2) == MV_EXISTS);
    EXPECT(sample_write(c, MV_UPDATE, 290, 301, 2) == MV_NOT_FOUND);
    HOLDS(c, versions, DOCUMENTS);
    WORKS(sample_write(c, MV_UPSERT, 200, 350, 2));
    set_versions(versions, 200, 350, 2);
    WORKS(sample_write(c, MV_UPDATE, 0, 60, 3));
    set_versions(versions, 0, 60, 3);
    for (uint32_t n = 0; n < DOCUMENTS; n += 3) {
        WORKS(sample_delete(c, n, &deleted));
        EXPECT(deleted == (versions[n] != 0));
        versions[n] = 0;
    }
    HOLDS(c, versions, DOCUMENTS);
    WORKS(optimize_all(c, 1000));
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_check(c, &error));
    WORKS(sample_write(c, MV_UPSERT, 0, DOCUMENTS, 4)); /* rows of segments are replaced */
    set_versions(versions, 0, DOCUMENTS, 4);
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* Only the fields set change, NULL included; what is left out keeps its value. */
static void test_update_of_some_fields(const char *path)
{
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    mv_value value = {.kind = MV_KIND_NULL}, got;
    sample_text text;
    uint64_t written;
    mv_id id = sample_id(7, &text);
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 20, 1));
    for (int sealed = 0; sealed < 2; sealed++) {
        WORKS(mv_batch_create(c, &batch, &error));
        WORKS(mv_batch_add(batch, id.data, id.size, &error));
        WORKS(mv_batch_set(batch, YEAR, &value, &error));
        WORKS(mv_write(c, MV_UPDATE, batch, &written, &error));
        EXPECT(mv_write(c, MV_UPSERT, batch, &written, &error) == MV_MISUSE); /* title is missing */
        mv_batch_free(batch);
        WORKS(mv_result_create(c, &result, &error));
        WORKS(mv_fetch(c, &id, 1, result, &error));
        for (int f = 0; f < SAMPLE_FIELDS; f++) {
            sample_text wanted_text;
            mv_value wanted = f == YEAR ? value : sample_value(7, 1, f, &wanted_text);
            WORKS(mv_result_value(result, 0, (uint32_t)f, &got, &error));
            EXPECT(value_equal(&got, &wanted));
        }
        mv_result_free(result);
        WORKS(optimize_all(c, 1000));
    }
    WORKS(mv_close(c, &error));
}

/* More documents than are sealed at once: straight to a segment, ids twice in the batch included.
 */
static void test_bulk(const char *path)
{
    enum { MANY = 6000 };
    static uint8_t versions[MANY];
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_stats stats;
    uint64_t written = 0;
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 100, 1));
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t version = 2; version <= 4; version++)
        for (uint32_t n = 50; n < MANY; n += version) WORKS(sample_add(batch, n, version));
    EXPECT(mv_write(c, MV_INSERT, batch, &written, &error) == MV_EXISTS && written == 0);
    WORKS(mv_write(c, MV_UPSERT, batch, &written, &error));
    EXPECT(written == mv_batch_count(batch));
    set_versions(versions, 0, 100, 1);
    for (uint32_t version = 2; version <= 4; version++)
        for (uint32_t n = 50; n < MANY; n += version) versions[n] = (uint8_t)version;
    HOLDS(c, versions, MANY);
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.segments == 1 && stats.fresh_rows == 0);
    WORKS(mv_check(c, &error));
    WORKS(mv_write(c, MV_UPSERT, batch, &written, &error)); /* all of them again */
    HOLDS(c, versions, MANY);
    WORKS(optimize_all(c, 1000));
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.segments == 1 && stats.deleted_rows == 0);
    HOLDS(c, versions, MANY);
    WORKS(mv_check(c, &error));
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
}

/* An insert names the documents of its batch that have the same id: in a batch written one by one,
 * in one checked first (in a transaction), and in bulk. */
static void test_id_twice(const char *path)
{
    enum { ONE_BY_ONE, CHECKED, BULK, WAYS, FEW = 20, MANY = 6000 };
    mv_collection *c = NULL;
    uint64_t written;
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    for (uint32_t way = ONE_BY_ONE; way < WAYS; way++) {
        mv_batch *batch = NULL;
        mv_collection *to = c; /* or its transaction */
        char wanted[128];
        uint32_t count = way == BULK ? MANY : FEW, first = way * MANY;
        WORKS(mv_batch_create(c, &batch, &error));
        for (uint32_t i = 0; i < count; i++) WORKS(sample_add(batch, first + i, 1));
        WORKS(sample_add(batch, first + 3, 2));
        if (way == CHECKED) WORKS(mv_begin(c, &to, &error));
        EXPECT(mv_write(to, MV_INSERT, batch, &written, &error) == MV_EXISTS && written == 0);
        (void)snprintf(wanted, sizeof wanted,
                       "documents 4 and %u of the batch have the same id 'd%06u'", count + 1,
                       first + 3);
        EXPECT(strcmp(error.text, wanted) == 0);
        WORKS(mv_write(to, MV_UPSERT, batch, &written, &error));
        EXPECT(written == count + 1);
        EXPECT(mv_write(to, MV_INSERT, batch, &written, &error) == MV_EXISTS);
        EXPECT(strstr(error.text, "exists already"));
        if (way == CHECKED) WORKS(mv_commit(to, &error));
        mv_batch_free(batch);
    }
    WORKS(mv_close(c, &error));
}

/* A batch of another schema must not be taken for one of this. */
static void test_foreign_batch(void)
{
    mv_collection *c[2] = {NULL};
    mv_batch *batch = NULL;
    uint64_t written;
    mv_value value = {.kind = MV_KIND_STRING, .as.string = {"x", 1}};
    for (int i = 0; i < 2; i++) {
        mv_schema *schema = NULL;
        WORKS(mv_schema_create("", &schema, &error));
        WORKS(mv_schema_add_field(
            schema, &(mv_field_options){.name = "a", .type = i ? MV_INT64 : MV_STRING}, &error));
        WORKS(mv_open(":memory:", &(mv_open_options){.schema = schema}, &c[i], &error));
        mv_schema_free(schema);
    }
    WORKS(mv_batch_create(c[0], &batch, &error));
    WORKS(mv_batch_add(batch, "id", 2, &error));
    WORKS(mv_batch_set(batch, 0, &value, &error));
    EXPECT(mv_write(c[1], MV_INSERT, batch, &written, &error) == MV_SCHEMA_MISMATCH);
    mv_batch_free(batch);
    WORKS(mv_close(c[0], &error));
    WORKS(mv_close(c[1], &error));
}

/* ---------------------------------------------------------------- transactions */

static void test_transactions(const char *path)
{
    mv_collection *c = NULL, *tx = NULL, *other = NULL, *second = NULL;
    uint8_t versions[DOCUMENTS] = {0}, before[DOCUMENTS];
    uint64_t deleted = 0;
    bool memory = strcmp(path, ":memory:") == 0;
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    if (!memory) WORKS(sample_open(path, (mv_open_options){0}, &other));
    WORKS(sample_write(c, MV_INSERT, 0, 100, 1));
    WORKS(optimize_all(c, 1000));
    set_versions(versions, 0, 100, 1);
    memcpy(before, versions, sizeof versions);

    WORKS(mv_begin(c, &tx, &error));
    EXPECT(mv_begin(c, &second, &error) == MV_BUSY && mv_begin(tx, &second, &error) == MV_MISUSE);
    WORKS(sample_write(tx, MV_INSERT, 100, 200, 2));
    WORKS(sample_write(tx, MV_UPSERT, 50, 60, 3));
    WORKS(sample_delete(tx, 10, &deleted));
    set_versions(versions, 100, 200, 2);
    set_versions(versions, 50, 60, 3);
    versions[10] = 0;
    HOLDS(tx, versions, DOCUMENTS);
    EXPECT(sample_write(tx, MV_INSERT, 199, 250, 4) == MV_EXISTS);
    EXPECT(sample_write(tx, MV_UPDATE, 190, 201, 4) == MV_NOT_FOUND);
    HOLDS(tx, versions, DOCUMENTS);
    HOLDS(c, before, DOCUMENTS); /* the collection's own handle stays outside */
    EXPECT(sample_write(c, MV_INSERT, 300, 301, 1) == MV_BUSY); /* would wait for itself */
    EXPECT(sample_delete(c, 1, &deleted) == MV_BUSY && mv_in_transaction(c));
    if (other) {
        HOLDS(other, before, DOCUMENTS);
        EXPECT(sample_write(other, MV_INSERT, 300, 301, 1) == MV_BUSY && mv_in_transaction(other));
    }
    EXPECT(mv_check(tx, &error) == MV_MISUSE && mv_flush(tx, &error) == MV_MISUSE);
    EXPECT(mv_backup(tx, sample_path("of-transaction"), NULL, &error) == MV_MISUSE);
    WORKS(mv_commit(tx, &error));
    HOLDS(c, versions, DOCUMENTS);
    if (other) HOLDS(other, versions, DOCUMENTS);

    WORKS(mv_begin(c, &tx, &error));
    WORKS(sample_write(tx, MV_UPSERT, 0, DOCUMENTS, 5));
    mv_abort(tx);
    EXPECT(!mv_in_transaction(c) && mv_commit(c, &error) == MV_MISUSE);
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_begin(c, &tx, &error));
    WORKS(sample_write(tx, MV_UPSERT, 0, DOCUMENTS, 5));
    WORKS(mv_close(tx, &error)); /* undoes */
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_begin(c, &tx, &error));
    WORKS(sample_write(tx, MV_UPSERT, 0, DOCUMENTS, 6));
    if (memory) mv_abort(tx);
    WORKS(mv_check(other ? other : c, &error));
    WORKS(mv_close(c, &error)); /* undoes, too */
    if (other) HOLDS(other, versions, DOCUMENTS);
    if (other) WORKS(sample_write(other, MV_UPSERT, 0, 1, 7));
    WORKS(mv_close(other, &error));
}

/* Segments of a transaction that was undone are removed, also while a result still uses them. */
static void test_undone_segments(const char *path)
{
    enum { MANY = 5000 };
    static uint8_t versions[MANY];
    mv_collection *c = NULL, *tx = NULL;
    mv_result *result = NULL;
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_begin(c, &tx, &error));
    WORKS(sample_write(tx, MV_INSERT, 0, MANY, 1));
    WORKS(mv_search(tx, &(mv_query){.topk = 10}, result, &error));
    mv_abort(tx);
    WORKS(sample_write(c, MV_INSERT, 0, MANY, 2));
    set_versions(versions, 0, MANY, 2);
    HOLDS(c, versions, MANY);
    mv_result_free(result);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* A result of a transaction is not valid after the next change: reading it is MV_MISUSE. */
static void test_stale_results(const char *path)
{
    mv_collection *c = NULL, *tx = NULL;
    mv_result *result = NULL;
    mv_id id;
    bool equal = false;
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 10, 1));
    WORKS(mv_result_create(c, &result, &error));
    EXPECT(mv_result_id(result, 0, &id, &error) == MV_MISUSE);
    WORKS(mv_begin(c, &tx, &error));
    WORKS(sample_fetch(tx, result, 3, 1, &equal));
    EXPECT(equal);
    WORKS(sample_write(tx, MV_UPSERT, 3, 4, 2));
    EXPECT(mv_result_id(result, 0, &id, &error) == MV_MISUSE);
    WORKS(sample_fetch(tx, result, 3, 2, &equal));
    EXPECT(equal);
    WORKS(mv_commit(tx, &error));
    EXPECT(mv_result_id(result, 0, &id, &error) == MV_MISUSE);
    WORKS(
        sample_fetch(c, result, 3, 2, &equal)); /* outside of a transaction: the commit is pinned */
    WORKS(sample_write(c, MV_UPSERT, 0, 10, 3));
    WORKS(optimize_all(c, 1000));
    WORKS(sample_compare(result, 0, 3, 2, &equal));
    EXPECT(equal);
    mv_result_free(result);
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- iterating */

static uint32_t walk(mv_collection *c, uint32_t write_every, uint32_t version, bool expect_all)
{
    mv_iterator *iterator = NULL;
    mv_result *result = NULL;
    uint32_t n = 0;
    bool found = true, equal = false;
    uint64_t deleted;
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_iterator_open(c, NULL, &iterator, &error));
    for (;; n++) {
        WORKS(mv_iterator_next(iterator, result, &found, &error));
        if (!found) break;
        if (expect_all) {
            WORKS(sample_compare(result, 0, n, version, &equal));
            EXPECT(equal);
        }
        if (write_every && n % write_every == 0) {
            WORKS(sample_write(c, MV_UPSERT, n, n + 1, version + 1));
            WORKS(sample_delete(c, n + 1, &deleted));
        }
        if (write_every && n == 100 && expect_all) WORKS(optimize_all(c, 1000));
    }
    mv_result_free(result);
    mv_iterator_close(iterator);
    return n;
}

static void test_iterators(const char *path)
{
    mv_collection *c = NULL, *tx = NULL;
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 200, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(sample_write(c, MV_INSERT, 200, 300, 1));
    EXPECT(walk(c, 10, 1, true) == 300); /* one commit, also while others are made */
    WORKS(sample_write(c, MV_UPSERT, 0, 300, 2));
    WORKS(mv_begin(c, &tx, &error)); /* in a transaction: what is still there when its turn comes */
    EXPECT(walk(tx, 0, 2, true) == 300);
    EXPECT(walk(tx, 300, 2, false) == 299); /* 1 was deleted, 0 replaced after it was met */
    mv_abort(tx);
    EXPECT(walk(c, 0, 2, true) == 300);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- optimizing, copying, removing */

/* Writes and deletions between the slices of an optimization stay. */
static void test_optimize_in_slices(const char *path)
{
    enum { MANY = 20000 };
    static uint8_t versions[MANY];
    mv_collection *c = NULL;
    mv_job *job = NULL, *second = NULL;
    mv_progress progress = {0};
    uint64_t deleted, done = 0;
    uint32_t slices = 0;
    memset(versions, 0, sizeof versions);
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    for (uint32_t n = 0; n < MANY; n += 5000) WORKS(sample_write(c, MV_INSERT, n, n + 5000, 1));
    set_versions(versions, 0, MANY, 1);
    WORKS(mv_optimize_begin(c, NULL, &job, &error));
    EXPECT(mv_optimize_begin(c, NULL, &second, &error) == MV_BUSY);
    for (bool more = true; more; slices++) {
        WORKS(mv_optimize_step(job, 0, &more, &progress, &error));
        EXPECT(progress.done >= done && progress.done <= progress.total);
        done = progress.done;
        for (int i = 0; i < 10; i++) {
            uint32_t n = below(MANY - 1);
            WORKS(sample_delete(c, n, &deleted));
            versions[n] = 0;
            n = below(MANY - 1);
            WORKS(sample_write(c, MV_UPSERT, n, n + 1, 2 + slices % 100));
            versions[n] = (uint8_t)(2 + slices % 100);
        }
    }
    mv_job_free(job);
    EXPECT(slices > 5);
    HOLDS(c, versions, MANY);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* A step that fails leaves everything as it was, and the job goes on with the next. */
static void test_optimize_after_failure(const char *path)
{
    uint8_t versions[DOCUMENTS] = {0};
    mv_collection *c = NULL, *tx = NULL, *other = NULL;
    mv_progress progress;
    uint64_t deleted;
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, &other));
    for (uint32_t round = 1; round <= 40; round++) {
        mv_job *job = NULL;
        WORKS(sample_write(c, MV_UPSERT, 0, 100 * (1 + round % 4), round));
        set_versions(versions, 0, 100 * (1 + round % 4), round);
        WORKS(sample_delete(c, round, &deleted));
        versions[round] = 0;
        WORKS(mv_optimize_begin(c, NULL, &job, &error));
        uint32_t slices = 0, failures = 0;
        for (bool more = true; more; slices++) {
            bool in_the_way = slices == round % 14 && !failures;
            if (in_the_way) WORKS(mv_begin(other, &tx, &error));
            mv_err err = mv_optimize_step(job, 0, &more, &progress, &error);
            EXPECT(in_the_way ? err == MV_OK || err == MV_BUSY : err == MV_OK);
            if (err) failures++, more = true;
            mv_abort(tx);
            tx = NULL;
        }
        mv_job_free(job);
        HOLDS(c, versions, DOCUMENTS);
        WORKS(mv_check(c, &error));
    }
    WORKS(mv_close(c, &error));
    WORKS(mv_close(other, &error));
}

static uint32_t count_segment_files(const char *path)
{
    char command[256];
    unsigned count = 0;
    (void)snprintf(command, sizeof command, "ls %s | grep -c '\\.\\(rows\\|vec\\)'", path);
    FILE *pipe = popen(command, "r");
    if (!pipe || fscanf(pipe, "%u", &count) != 1) count = UINT32_MAX;
    if (pipe) (void)pclose(pipe);
    return count;
}

/* With some reader at any time, files that are replaced go as soon as no reader can name them. */
static void replace_beside_readers(mv_collection *c, const char *path)
{
    mv_result *pins[2] = {NULL};
    for (int i = 0; i < 2; i++) WORKS(mv_result_create(c, &pins[i], &error));
    for (uint32_t round = 1; round <= 10; round++) {
        WORKS(mv_search(c, &(mv_query){.topk = 1}, pins[round % 2], &error));
        WORKS(sample_write(c, MV_UPSERT, 0, 300, round));
        WORKS(optimize_all(c, 1000));
    }
    EXPECT(count_segment_files(path) <= 5 * (1 + SAMPLE_VECTORS)); /* a round makes two segments */
    for (int i = 0; i < 2; i++) mv_result_free(pins[i]);
}

static void test_backup(const char *path)
{
    uint8_t versions[DOCUMENTS] = {0};
    char copy_path[128];
    mv_collection *c = NULL, *copy = NULL;
    mv_result *pin = NULL;
    (void)snprintf(copy_path, sizeof copy_path, "%s", sample_path("copy"));
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    WORKS(mv_result_create(c, &pin, &error));
    for (int i = 0; i < 200; i++) WORKS(sample_write(c, MV_UPSERT, 0, 1, 1)); /* numbers grow */
    for (uint32_t round = 1; round <= 5; round++) { /* with files waiting to be unlinked */
        WORKS(sample_write(c, MV_UPSERT, 0, 300, round));
        WORKS(mv_search(c, &(mv_query){.topk = 1}, pin, &error));
        WORKS(optimize_all(c, 1000));
    }
    WORKS(sample_write(c, MV_UPSERT, 250, 350, 6));
    set_versions(versions, 0, 250, 5);
    set_versions(versions, 250, 350, 6);
    WORKS(mv_backup(c, copy_path, NULL, &error));
    EXPECT(mv_backup(c, copy_path, NULL, &error) == MV_EXISTS);
    WORKS(sample_write(c, MV_UPSERT, 0, 300, 7));
    WORKS(mv_open(copy_path, &(mv_open_options){.verify = true}, &copy, &error));
    HOLDS(copy, versions, DOCUMENTS);
    replace_beside_readers(copy, copy_path);
    WORKS(sample_write(copy, MV_UPSERT, 0, 300, 11));
    WORKS(optimize_all(copy, 1000));
    EXPECT(count_segment_files(copy_path) == 1 + SAMPLE_VECTORS);
    WORKS(mv_check(copy, &error));
    EXPECT(mv_destroy(copy_path, &error) == MV_BUSY);
    WORKS(mv_close(copy, &error));
    WORKS(mv_destroy(copy_path, &error));
    EXPECT(access(copy_path, F_OK) != 0 && mv_destroy(copy_path, &error) == MV_NOT_FOUND);
    mv_result_free(pin);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

static void test_opening(void)
{
    mv_collection *c = NULL, *tx = NULL, *reader = NULL;
    mv_schema *schema = NULL;
    bool equal = false;
    uint64_t deleted;
    mv_result *result = NULL;
    EXPECT(mv_open(sample_path("open"), NULL, &c, &error) == MV_NOT_FOUND);
    WORKS(sample_open(sample_path("open"), (mv_open_options){0}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 10, 1));
    WORKS(mv_open(sample_path("open"), &(mv_open_options){.read_only = true}, &reader, &error));
    EXPECT(sample_write(reader, MV_INSERT, 20, 21, 1) == MV_READ_ONLY);
    EXPECT(mv_begin(reader, &tx, &error) == MV_READ_ONLY);
    WORKS(sample_delete(c, 5, &deleted));
    WORKS(mv_result_create(reader, &result, &error));
    WORKS(sample_fetch(reader, result, 5, 0, &equal));
    EXPECT(equal);
    mv_result_free(result);
    WORKS(mv_close(c, &error));
    WORKS(mv_close(reader, &error));
    EXPECT(sample_open(sample_path("open"), (mv_open_options){.must_create = true}, &c) ==
           MV_EXISTS);
    WORKS(mv_schema_create("other", &schema, &error));
    EXPECT(mv_open(sample_path("open"), &(mv_open_options){.schema = schema}, &c, &error) ==
           MV_SCHEMA_MISMATCH);
    mv_schema_free(schema);
    WORKS(mv_destroy(sample_path("open"), &error));
}

/* ---------------------------------------------------------------- random operations */

#define MANY_DOCUMENTS 9000u /* enough for batches that become segments at once */

typedef struct model {
    uint8_t versions[MANY_DOCUMENTS];
    uint8_t committed[MANY_DOCUMENTS]; /* when the transaction began */
    uint32_t documents;
    mv_collection *tx; /* the open transaction, or NULL */
} model;

static void delete_flagged(mv_collection *c, model *m)
{
    mv_filter filter = {.text = "flag = true AND year > 1950", .size = 27};
    uint64_t deleted, wanted = 0;
    for (uint32_t n = 0; n < m->documents; n++) {
        sample_text text;
        if (!m->versions[n] || !sample_value(n, m->versions[n], FLAG, &text).as.boolean) continue;
        mv_value year = sample_value(n, m->versions[n], YEAR, &text);
        if (year.kind == MV_KIND_NULL || year.as.i <= 1950) continue;
        m->versions[n] = 0;
        wanted++;
    }
    WORKS(mv_delete_by_filter(c, &filter, &deleted, &error));
    EXPECT(deleted == wanted);
}

static void write_some(mv_collection *c, model *m, mv_write_mode mode)
{
    uint32_t n = below(m->documents), last = n + below(m->documents - n) + 1;
    uint32_t version = 1 + below(200);
    bool all = true;
    for (uint32_t i = n; i < last && mode != MV_UPSERT; i++)
        all = all && (m->versions[i] != 0) == (mode == MV_UPDATE);
    mv_err err = sample_write(c, mode, n, last, version);
    EXPECT(err == (all ? MV_OK : mode == MV_INSERT ? MV_EXISTS : MV_NOT_FOUND));
    if (!err) set_versions(m->versions, n, last, version);
}

static void delete_some(mv_collection *c, model *m)
{
    for (uint32_t i = 0; i < m->documents / 100; i++) {
        uint64_t deleted;
        uint32_t n = below(m->documents);
        WORKS(sample_delete(c, n, &deleted));
        EXPECT(deleted == (m->versions[n] != 0));
        m->versions[n] = 0;
    }
}

static void transact(mv_collection *c, model *m)
{
    mv_collection *tx = m->tx;
    m->tx = NULL;
    if (!tx) {
        memcpy(m->committed, m->versions, sizeof m->versions);
        WORKS(mv_begin(c, &m->tx, &error));
    } else if (below(2)) {
        WORKS(mv_commit(tx, &error));
    } else {
        mv_abort(tx);
        memcpy(m->versions, m->committed, sizeof m->versions);
    }
}

static void random_step(mv_collection *c, model *m)
{
    mv_collection *through = m->tx ? m->tx : c;
    switch (below(10)) {
    case 0:
    case 1: transact(c, m); break;
    case 2:
        if (!m->tx) WORKS(optimize_all(c, 1000));
        break;
    case 3:
    case 4: write_some(through, m, MV_UPSERT); break;
    case 5: write_some(through, m, MV_INSERT); break;
    case 6: write_some(through, m, MV_UPDATE); break;
    case 7: delete_flagged(through, m); break;
    default: delete_some(through, m); break;
    }
}

static void test_random(const char *path, uint32_t documents, int steps)
{
    static model m;
    mv_collection *c = NULL;
    m = (model){.documents = documents};
    WORKS(sample_open(path, (mv_open_options){.durability = MV_DURABILITY_NONE}, &c));
    for (int step = 0; step < steps && !unmet; step++) {
        random_step(c, &m);
        if (step % 8 == 0) HOLDS(m.tx ? m.tx : c, m.versions, documents);
        if (m.tx && step % 8 == 4) HOLDS(c, m.committed, documents);
        if (!m.tx && step % 50 == 49) WORKS(mv_check(c, &error));
    }
    mv_abort(m.tx);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

static void run_everywhere(bool memory, int steps)
{
    RUN_WITH(WHERE, test_modes(PLACE("modes")));
    RUN_WITH(WHERE, test_update_of_some_fields(PLACE("update")));
    RUN_WITH(WHERE, test_bulk(PLACE("bulk")));
    RUN_WITH(WHERE, test_id_twice(PLACE("twice")));
    RUN_WITH(WHERE, test_transactions(PLACE("transactions")));
    RUN_WITH(WHERE, test_undone_segments(PLACE("undone")));
    RUN_WITH(WHERE, test_stale_results(PLACE("stale")));
    RUN_WITH(WHERE, test_iterators(PLACE("iterators")));
    RUN_WITH(WHERE, test_optimize_in_slices(PLACE("slices")));
    RUN_WITH(WHERE, test_backup(PLACE("backup")));
    RUN_WITH(WHERE, test_random(PLACE("random"), 400, 400));
    RUN_WITH(WHERE, test_random(PLACE("random-many"), MANY_DOCUMENTS, steps));
}

int main(int count, char **arguments)
{
    if (!sample_place_make("collection")) return tests_conclude();
    if (count > 1) random_state = strtoull(arguments[1], NULL, 10);
    int steps = count > 2 ? atoi(arguments[2]) : 60;
    run_everywhere(false, steps);
    run_everywhere(true, steps);
    RUN(test_foreign_batch());
    RUN(test_optimize_after_failure(sample_path("failure")));
    RUN(test_opening());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
