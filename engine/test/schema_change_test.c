/* Changing the schema through the C functions: what they refuse, what they leave alone, and what
 * goes on meanwhile - jobs, results, iterators, batches, other threads, a forked child. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "test/sample.h"

#define DOCUMENTS 400u
#define CHANGES   40u /* rounds of them, beside threads */
#define ROUNDS    40u /* of each of these threads, at least */

static uint8_t versions[DOCUMENTS];

/* Segments with deleted rows. */
static void start(mv_collection **c, const char *path)
{
    uint64_t deleted;
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, c));
    for (uint32_t n = 0; n < DOCUMENTS; n++) versions[n] = 1;
    WORKS(sample_write(*c, MV_INSERT, 0, DOCUMENTS, 1));
    for (uint32_t n = 3; n < DOCUMENTS; n += 5) {
        WORKS(sample_delete(*c, n, &deleted));
        versions[n] = 0;
    }
}

static mv_err rename_field(mv_collection *c, const char *name, const char *new_name)
{
    return mv_alter_column(c, name, &(mv_column_change){.new_name = new_name}, &error);
}

static mv_err search_by(mv_collection *c, const mv_schema *schema, mv_result *result)
{
    float vector[SAMPLE_DIM_MAX];
    sample_vector(1, 1, COSINE, vector);
    mv_query query = {.vectors = vector, .vectors_count = 1, .dim = SAMPLE_DIM_MAX, .topk = 3};
    query.schema = schema;
    return mv_search(c, &query, result, &error);
}

/* ---------------------------------------------------------------- what others have open */

static void test_pointers(bool memory)
{
    mv_collection *c = NULL;
    mv_result *result = NULL;
    mv_iterator *walk = NULL;
    mv_batch *batch = NULL;
    uint64_t written;
    bool equal, found;
    start(&c, PLACE("pointers"));
    const mv_schema *before = mv_get_schema(c);
    EXPECT(mv_get_schema(c) == before);
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_iterator_open(c, NULL, &walk, &error));
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(sample_add(batch, 3, 2));
    WORKS(sample_fetch(c, result, 0, 1, &equal));
    EXPECT(equal && mv_result_schema(result) == before && mv_iterator_schema(walk) == before);

    WORKS(rename_field(c, "title", "name"));
    const mv_schema *renamed = mv_get_schema(c);
    EXPECT(renamed != before && mv_result_schema(result) == before);
    WORKS(sample_compare(result, 0, 0, 1, &equal));
    EXPECT(equal);
    EXPECT(search_by(c, before, result) == MV_SCHEMA_MISMATCH);
    WORKS(search_by(c, renamed, result));
    WORKS(search_by(c, NULL, result));
    EXPECT(mv_result_schema(result) == renamed);
    WORKS(mv_write(c, MV_UPSERT, batch, &written, &error)); /* its rows are as ever */
    versions[3] = 2;
    WORKS(rename_field(c, "name", "title"));
    EXPECT(mv_get_schema(c) == before);

    WORKS(mv_drop_column(c, "codes", &error));
    EXPECT(mv_write(c, MV_UPSERT, batch, &written, &error) == MV_SCHEMA_MISMATCH);
    uint32_t at, walked = 0;
    EXPECT(!mv_schema_find_field(mv_get_schema(c), "codes", 5, &at));
    for (;; walked++) { /* the iterator sees the commit it began with, and its schema */
        WORKS(mv_iterator_next(walk, result, &found, &error));
        if (!found) break;
        EXPECT(mv_result_schema(result) == before);
        mv_value codes;
        WORKS(mv_result_value(result, 0, CODES, &codes, &error));
        EXPECT(codes.kind == MV_KIND_LIST);
    }
    EXPECT(walked == DOCUMENTS - DOCUMENTS / 5);
    mv_result_free(result);
    mv_iterator_close(walk);
    mv_batch_free(batch);
    WORKS(sample_add_column(c, false, CODES, "codes", versions));
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- what is refused */

static void test_refusals(bool memory)
{
    mv_collection *c = NULL, *tx = NULL;
    mv_column *column = NULL;
    mv_result *result = NULL;
    bool found;
    const mv_field_options field = {.name = "more", .type = MV_INT32};
    const mv_value one = int_value(1), text = {.kind = MV_KIND_STRING, .as.string = {"x", 1}};
    start(&c, PLACE("refusals"));
    WORKS(mv_result_create(c, &result, &error));

    WORKS(mv_begin(c, &tx, &error));
    EXPECT(mv_column_begin(tx, &field, NULL, &column, &error) == MV_MISUSE && !column);
    EXPECT(mv_drop_column(tx, "year", &error) == MV_MISUSE);
    EXPECT(rename_field(tx, "year", "when") == MV_MISUSE);
    EXPECT(mv_drop_index(tx, "near", &error) == MV_MISUSE);
    EXPECT(mv_drop_index(c, "near", &error) == MV_BUSY);
    mv_abort(tx);

    WORKS(mv_column_begin(c, &field, NULL, &column, &error));
    EXPECT(mv_begin(c, &tx, &error) == MV_BUSY && sample_write(c, MV_UPSERT, 0, 1, 2) == MV_BUSY);
    EXPECT(mv_drop_column(c, "year", &error) == MV_BUSY);
    EXPECT(mv_column_set(column, &one, &error) == MV_MISUSE); /* no document yet */
    WORKS(mv_column_next(column, result, &found, &error));
    WORKS(mv_column_set(column, &one, &error));
    EXPECT(mv_column_set(column, &one, &error) == MV_MISUSE);            /* twice */
    EXPECT(mv_column_next(column, result, &found, &error) == MV_MISUSE); /* failed before */
    EXPECT(mv_column_commit(column, &error) == MV_MISUSE);
    mv_result_clear(result);
    mv_column_free(column);

    WORKS(mv_column_begin(c, &field, NULL, &column, &error));
    WORKS(mv_column_next(column, result, &found, &error));
    EXPECT(mv_column_set(column, &text, &error) == MV_MISUSE && strstr(error.text, "'d000000'"));
    mv_result_clear(result);
    mv_column_free(column);

    WORKS(mv_column_begin(c, &field, NULL, &column, &error));
    EXPECT(mv_column_commit(column, &error) == MV_MISUSE); /* none has a value */
    mv_column_free(column);
    EXPECT(mv_get_schema(c) && mv_schema_field_count(mv_get_schema(c)) == SAMPLE_FIELDS);
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_check(c, &error));
    mv_result_free(result);
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- a job that is under way */

static mv_err step_until(mv_job *job, const char *stage, mv_progress *progress)
{
    bool more = true;
    mv_err err = MV_OK;
    do err = mv_optimize_step(job, 0, &more, progress, &error);
    while (!err && more && strcmp(progress->stage, stage) != 0);
    return err;
}

/* A new name does not disturb it; a field that goes or comes does: then it begins again. */
static void test_job(bool memory, bool matters)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    mv_progress progress = {0};
    mv_stats stats;
    start(&c, PLACE("job"));
    WORKS(optimize_all(c, 1000));
    WORKS(sample_write(c, MV_UPSERT, 0, 200, 2));
    for (uint32_t n = 0; n < 200; n++) versions[n] = 2;
    WORKS(mv_optimize_begin(c, NULL, &job, &error));
    WORKS(step_until(job, "merge", &progress));
    for (int i = 0; i < 3; i++) { /* into the group */
        bool more;
        WORKS(mv_optimize_step(job, 0, &more, &progress, &error));
    }
    WORKS(rename_field(c, "year", "when"));
    if (matters) {
        WORKS(mv_drop_column(c, "half", &error));
        WORKS(sample_add_column(c, true, HALF, "half", versions));
        WORKS(mv_drop_column(c, "codes", &error));
        WORKS(sample_add_column(c, false, CODES, "codes", versions));
    }
    WORKS(step_until(job, "done", &progress));
    EXPECT(progress.done == progress.total);
    mv_job_free(job);
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.segments == 1 && stats.deleted_rows == 0);
    WORKS(rename_field(c, "when", "year"));
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- a forked child */

static void test_fork(void)
{
    mv_collection *c = NULL;
    mv_column *column = NULL;
    mv_result *result = NULL;
    int status = 1;
    bool found;
    start(&c, sample_path("fork"));
    const mv_value one = int_value(1);
    const mv_field_options field = {.name = "more", .type = MV_INT32, .default_value = &one};
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_column_begin(c, &field, NULL, &column, &error));
    WORKS(mv_column_next(column, result, &found, &error));
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bool right = mv_column_next(column, result, &found, &error) == MV_BUSY &&
                     mv_column_set(column, &one, &error) == MV_BUSY &&
                     mv_column_commit(column, &error) == MV_BUSY;
        mv_result_free(result);
        mv_column_free(column);
        _exit(right ? 0 : 1);
    }
    EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    mv_result_free(result);
    WORKS(mv_column_commit(column, &error));
    mv_column_free(column);
    HOLDS(c, versions, DOCUMENTS);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- threads */

static mv_collection *shared;
static atomic_bool stop;
static atomic_uint searched, walked, written, too_late, went_wrong;

static bool is_late(mv_err err)
{
    if (err == MV_SCHEMA_MISMATCH) atomic_fetch_add(&too_late, 1);
    if (err && err != MV_SCHEMA_MISMATCH) atomic_fetch_add(&went_wrong, 1);
    return err != MV_OK;
}

/* Every hit has all that the sample has, wherever it stands now. */
static void check_hits(mv_result *result)
{
    size_t count;
    uint32_t at;
    const mv_schema *schema = mv_result_schema(result);
    (void)mv_result_hits(result, &count);
    for (size_t i = 0; i < count; i++) {
        mv_error why;
        mv_id id;
        mv_value big, right;
        sample_text text;
        float vector[SAMPLE_DIM_MAX], expected[SAMPLE_DIM_MAX];
        bool ok = !mv_result_id(result, i, &id, &why) &&
                  mv_schema_find_field(schema, "big", 3, &at) &&
                  !mv_result_value(result, i, at, &big, &why) &&
                  mv_schema_find_vector(schema, "half", 4, &at) &&
                  !mv_result_vector(result, i, at, vector, 7, &why);
        if (ok) {
            char digits[7] = {0};
            memcpy(digits, id.data + 1, sizeof digits - 1);
            uint32_t n = (uint32_t)strtoul(digits, NULL, 10);
            right = sample_value(n, 1, BIG, &text);
            sample_vector(n, 1, HALF, expected);
            ok = value_equal(&big, &right) && !memcmp(vector, expected, 7 * sizeof *vector);
        }
        if (!ok) atomic_fetch_add(&went_wrong, 1);
    }
}

static void *search_on(void *ctx)
{
    mv_result *result = NULL;
    mv_error why;
    float vector[SAMPLE_DIM_MAX];
    (void)ctx;
    sample_vector(1, 1, HALF, vector);
    if (mv_result_create(shared, &result, &why)) return NULL;
    while (!atomic_load(&stop)) {
        uint32_t at = 0;
        const mv_schema *schema = mv_get_schema(shared);
        if (!mv_schema_find_vector(schema, "half", 4, &at)) atomic_fetch_add(&went_wrong, 1);
        mv_filter filter = {"small >= 0", 10, NULL, 0};
        mv_query query = {.vector_field = at, .vectors = vector, .vectors_count = 1, .dim = 7};
        query.topk = 20;
        query.filter = &filter;
        query.schema = schema;
        if (is_late(mv_search(shared, &query, result, &why))) continue;
        check_hits(result);
        atomic_fetch_add(&searched, 1);
    }
    mv_result_free(result);
    return NULL;
}

static void *walk_on(void *ctx)
{
    mv_result *result = NULL;
    mv_error why;
    (void)ctx;
    if (mv_result_create(shared, &result, &why)) return NULL;
    while (!atomic_load(&stop)) {
        mv_iterator *walk = NULL;
        bool found = true;
        if (is_late(mv_iterator_open(shared, NULL, &walk, &why))) continue;
        while (found) {
            if (is_late(mv_iterator_next(walk, result, &found, &why))) break;
            if (found) check_hits(result);
        }
        mv_result_clear(result);
        mv_iterator_close(walk);
        atomic_fetch_add(&walked, 1);
    }
    mv_result_free(result);
    return NULL;
}

/* A document by the names of the fields that there are. */
static mv_err add_by_name(mv_batch *batch, uint32_t n, mv_error *why)
{
    sample_text text, id_text;
    mv_field_options field;
    mv_vector_options vector;
    mv_id id = sample_id(n, &id_text);
    mv_err err = mv_batch_add(batch, id.data, id.size, why);
    for (uint32_t at = 0; !err && mv_schema_field(mv_batch_schema(batch), at, &field); at++) {
        mv_value value = {.kind = MV_KIND_NULL};
        for (int f = 0; f < SAMPLE_FIELDS; f++)
            if (!strcmp(field.name, sample_fields[f].name)) value = sample_value(n, 1, f, &text);
        if (value.kind != MV_KIND_NULL) err = mv_batch_set(batch, at, &value, why);
    }
    for (uint32_t at = 0; !err && mv_schema_vector(mv_batch_schema(batch), at, &vector); at++) {
        float numbers[SAMPLE_DIM_MAX] = {1};
        for (int v = 0; v < SAMPLE_VECTORS; v++)
            if (!strcmp(vector.name, sample_vectors[v].name)) sample_vector(n, 1, v, numbers);
        err = mv_batch_set_vector(batch, at, numbers, vector.dim, why);
    }
    return err;
}

static void *write_on(void *ctx)
{
    mv_error why;
    (void)ctx;
    for (uint32_t n = 0; !atomic_load(&stop); n = (n + 1) % DOCUMENTS) {
        mv_batch *batch = NULL;
        uint64_t count;
        mv_err err = mv_batch_create(shared, &batch, &why);
        if (!err) err = add_by_name(batch, n, &why);
        if (!err) err = mv_write(shared, MV_UPSERT, batch, &count, &why);
        mv_batch_free(batch);
        if (!is_late(err)) atomic_fetch_add(&written, 1);
    }
    return NULL;
}

static bool all_have_worked(void)
{
    return atomic_load(&searched) >= ROUNDS && atomic_load(&walked) >= ROUNDS &&
           atomic_load(&written) >= ROUNDS;
}

/* Change until all have worked, or something fails. Returns the number of rounds. */
static uint32_t change_on(void)
{
    static uint8_t ones[DOCUMENTS];
    uint32_t changes = 0;
    int unmet_before = unmet;
    memset(ones, 1, sizeof ones);
    while (unmet == unmet_before && (changes < CHANGES || !all_have_worked())) {
        const mv_index_change graphs = {"cosine",
                                        {MV_INDEX_HNSW, {.hnsw = {.m = 4, .ef_construction = 8}}}};
        mv_job *job = NULL;
        mv_progress progress;
        WORKS(sample_add_column(shared, false, RATIO, "again", ones));
        WORKS(mv_drop_column(shared, changes % 2 ? "again" : "ratio", &error));
        WORKS(sample_add_column(shared, true, NEAR, "beside", ones));
        WORKS(mv_optimize_begin(shared, &(mv_optimize_options){.index_change = &graphs}, &job,
                                &error));
        WORKS(step_until(job, "done", &progress));
        mv_job_free(job);
        WORKS(mv_drop_column(shared, "near", &error));
        WORKS(rename_field(shared, "beside", "near"));
        WORKS(mv_drop_index(shared, "cosine", &error));
        if (changes % 2 == 0) WORKS(rename_field(shared, "again", "ratio"));
        changes++;
    }
    return changes;
}

static void test_threads(void)
{
    void *(*const work[])(void *) = {search_on, walk_on, write_on};
    pthread_t threads[3];
    start(&shared, sample_path("threads"));
    for (int i = 0; i < 3; i++) EXPECT(pthread_create(&threads[i], NULL, work[i], NULL) == 0);
    uint32_t changes = change_on();
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(atomic_load(&went_wrong) == 0);
    WORKS(mv_check(shared, &error));
    WORKS(mv_close(shared, &error));
    printf("%u rounds of changes, beside %u searches, %u walks, %u writes; %u were too late\n",
           changes, atomic_load(&searched), atomic_load(&walked), atomic_load(&written),
           atomic_load(&too_late));
}

int main(void)
{
    if (!sample_place_make("schema-change")) return tests_conclude();
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_pointers(memory));
        RUN_WITH(WHERE, test_refusals(memory));
        RUN_WITH(WHERE, test_job(memory, false));
        remove_tree(sample_path("job"));
        RUN_WITH(WHERE, test_job(memory, true));
    }
    RUN(test_fork());
    RUN(test_threads());
    RUN(test_memory_is_freed(0));
    remove_tree(sample_place);
    return tests_conclude();
}
