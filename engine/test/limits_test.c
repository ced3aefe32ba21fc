/* Collections at their limits, through the public API: values, ids, sizes and numbers as large as
 * they may be, and larger. */
#include "test/sample.h"

/* ---------------------------------------------------------------- values at their limits */

static void test_ids(const char *path)
{
    enum { IDS = MV_ID_SIZE_MAX };
    static char bytes[IDS + 1];
    mv_collection *c = NULL;
    mv_schema *schema = NULL;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    uint64_t written = 0, deleted = 0;
    memset(bytes, 'x', sizeof bytes); /* each id is the beginning of the next */
    WORKS(mv_schema_create(NULL, &schema, &error));
    WORKS(mv_open(path, &(mv_open_options){.schema = schema}, &c, &error));
    mv_schema_free(schema);
    WORKS(mv_batch_create(c, &batch, &error));
    EXPECT(mv_batch_add(batch, bytes, 0, &error) == MV_MISUSE);
    EXPECT(mv_batch_add(batch, bytes, IDS + 1, &error) == MV_MISUSE);
    for (size_t size = 1; size <= IDS; size++)
        if (mv_batch_add(batch, bytes, size, &error)) EXPECT(false);
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    EXPECT(written == IDS);
    WORKS(mv_result_create(c, &result, &error));
    for (int sealed = 0; sealed < 2; sealed++) {
        size_t right = 0;
        for (size_t size = 1; size <= IDS; size++) {
            mv_id id = {bytes, size}, got = {0};
            size_t count = 0;
            if (mv_fetch(c, &id, 1, result, &error)) continue;
            (void)mv_result_hits(result, &count);
            if (count == 1 && !mv_result_id(result, 0, &got, &error)) right += got.size == size;
        }
        EXPECT(right == IDS);
        WORKS(optimize_all(c, 1000));
    }
    mv_id outside[] = {{bytes, 0}, {bytes, IDS + 1}};
    WORKS(mv_delete(c, outside, 2, &deleted, &error));
    EXPECT(deleted == 0);
    mv_id around[] = {{bytes, 500}, {bytes, 501}, {bytes, 501}};
    WORKS(mv_delete(c, around, 3, &deleted, &error));
    EXPECT(deleted == 2);
    WORKS(mv_check(c, &error));
    mv_result_free(result);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
}

#define INT(x)                                                                                     \
    {                                                                                              \
        .kind = MV_KIND_INT, .as.i = (x)                                                           \
    }
#define UINT(x)                                                                                    \
    {                                                                                              \
        .kind = MV_KIND_UINT, .as.u = (x)                                                          \
    }
#define REAL(x)                                                                                    \
    {                                                                                              \
        .kind = MV_KIND_REAL, .as.real = (x)                                                       \
    }

typedef struct extreme {
    mv_type type;
    mv_value values[3];
} extreme;

static const extreme extremes[] = {
    {MV_INT32, {INT(INT32_MIN), INT(INT32_MAX), INT(0)}},
    {MV_INT64, {INT(INT64_MIN), INT(INT64_MAX), INT(-1)}},
    {MV_UINT32, {INT(0), INT(UINT32_MAX), INT(1)}},
    {MV_UINT64, {INT(0), UINT(UINT64_MAX), UINT((uint64_t)INT64_MAX + 1)}},
    {MV_FLOAT, {REAL(-3.4028234663852886e38), REAL(1.401298464324817e-45), REAL(-0.0)}},
    {MV_DOUBLE, {REAL(-1.7976931348623157e308), REAL(5e-324), REAL(-0.0)}},
    {MV_STRING,
     {{.kind = MV_KIND_STRING, .as.string = {"", 0}},
      {.kind = MV_KIND_STRING, .as.string = {"\0\xff\0", 3}},
      {.kind = MV_KIND_STRING, .as.string = {"'", 1}}}},
    {MV_BOOL,
     {{.kind = MV_KIND_BOOL, .as.boolean = true},
      {.kind = MV_KIND_BOOL, .as.boolean = false},
      {.kind = MV_KIND_BOOL, .as.boolean = true}}},
};
enum { EXTREMES = sizeof extremes / sizeof *extremes, FORMS = 5 };

/* Form 0 to 2: the value, and a list of it alone; 3: the empty list; 4: what the default says. */
static mv_value extreme_value(uint32_t at, uint32_t form, bool list)
{
    const extreme *e = &extremes[at];
    if (form == 4) return list ? (mv_value){.kind = MV_KIND_NULL} : e->values[1];
    if (!list) return e->values[form % 3];
    return (mv_value){.kind = MV_KIND_LIST,
                      .as.list = {form == 3 ? NULL : &e->values[form], form == 3 ? 0 : 1}};
}

static mv_err extremes_open(const char *path, mv_collection **c)
{
    mv_schema *schema = NULL;
    mv_err err = mv_schema_create(NULL, &schema, &error);
    for (uint32_t at = 0; at < 2 * EXTREMES && !err; at++) {
        char name[8];
        const extreme *e = &extremes[at / 2];
        mv_field_options field = {.name = name, .type = e->type, .default_value = &e->values[1]};
        (void)snprintf(name, sizeof name, "f%u", at);
        if (at % 2)
            field = (mv_field_options){.name = name, .type = MV_ARRAY | e->type, .nullable = true};
        err = mv_schema_add_field(schema, &field, &error);
    }
    if (!err) err = mv_open(path, &(mv_open_options){.schema = schema}, c, &error);
    mv_schema_free(schema);
    return err;
}

static void test_extremes(const char *path)
{
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    uint64_t written = 0;
    WORKS(extremes_open(path, &c));
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t form = 0; form < FORMS; form++) {
        char id = (char)('a' + form);
        WORKS(mv_batch_add(batch, &id, 1, &error));
        for (uint32_t at = 0; at < 2 * EXTREMES && form < 4; at++) {
            mv_value value = extreme_value(at / 2, form, at % 2);
            WORKS(mv_batch_set(batch, at, &value, &error));
        }
    }
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    WORKS(mv_result_create(c, &result, &error));
    for (int sealed = 0; sealed < 2; sealed++) {
        WORKS(mv_search(c, &(mv_query){.topk = FORMS}, result, &error));
        for (uint32_t form = 0; form < FORMS; form++)
            for (uint32_t at = 0; at < 2 * EXTREMES; at++) {
                mv_value got, wanted = extreme_value(at / 2, form, at % 2);
                WORKS(mv_result_value(result, form, at, &got, &error));
                EXPECT(value_equal(&got, &wanted));
            }
        WORKS(optimize_all(c, 1000));
    }
    WORKS(mv_check(c, &error));
    mv_result_free(result);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- limits of sizes and numbers */

static mv_err open_wide(const char *path, uint32_t fields, uint32_t vectors, uint32_t dim,
                        mv_collection **c)
{
    mv_schema *schema = NULL;
    char name[MV_NAME_SIZE_MAX + 1];
    mv_err err = mv_schema_create(NULL, &schema, &error);
    for (uint32_t i = 0; i < fields + vectors && !err; i++) {
        (void)snprintf(name, sizeof name, "%c%063u", i < fields ? 'f' : 'v', i);
        mv_field_options field = {.name = name, .type = MV_STRING, .nullable = true};
        mv_vector_options vector = {.name = name,
                                    .type = MV_VECTOR_FP32,
                                    .dim = dim,
                                    .metric = MV_L2,
                                    .index.type = MV_INDEX_FLAT};
        err = i < fields ? mv_schema_add_field(schema, &field, &error)
                         : mv_schema_add_vector(schema, &vector, &error);
    }
    if (!err) err = mv_open(path, &(mv_open_options){.schema = schema}, c, &error);
    mv_schema_free(schema);
    return err;
}

static void test_wide(const char *path)
{
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    uint64_t written;
    float vector[2] = {1, 2}, got[2];
    mv_value value = {.kind = MV_KIND_STRING, .as.string = {"last", 4}}, got_value;
    WORKS(open_wide(path, MV_FIELDS_MAX, MV_VECTORS_MAX, 2, &c));
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(mv_batch_add(batch, "a", 1, &error));
    WORKS(mv_batch_set(batch, MV_FIELDS_MAX - 1, &value, &error));
    for (uint32_t v = 0; v < MV_VECTORS_MAX; v++)
        WORKS(mv_batch_set_vector(batch, v, vector, 2, &error));
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    WORKS(mv_result_create(c, &result, &error));
    for (int sealed = 0; sealed < 2; sealed++) {
        WORKS(mv_fetch(c, &(mv_id){"a", 1}, 1, result, &error));
        WORKS(mv_result_value(result, 0, MV_FIELDS_MAX - 1, &got_value, &error));
        EXPECT(value_equal(&value, &got_value));
        WORKS(mv_result_vector(result, 0, MV_VECTORS_MAX - 1, got, 2, &error));
        EXPECT(got[1] == 2);
        WORKS(optimize_all(c, 1000));
    }
    WORKS(mv_check(c, &error));
    mv_result_free(result);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
}

/* Few documents that are many bytes go straight to a segment; one that is too large fails alone. */
static void test_large(const char *path)
{
    enum { ROWS = 260 };
    static float vector[MV_DIM_MAX];
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_stats stats;
    uint64_t written, count;
    size_t size = MV_ROW_SIZE_MAX;
    char *bytes = mem_alloc_zero(size);
    mv_value value = {.kind = MV_KIND_STRING, .as.string = {bytes, size}};
    WORKS(open_wide(path, 1, 1, MV_DIM_MAX, &c));
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t n = 0; n < ROWS; n++) {
        char id[8];
        vector[n] = 1;
        WORKS(mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error));
        WORKS(mv_batch_set_vector(batch, 0, vector, MV_DIM_MAX, &error));
    }
    mv_collection *tx = NULL;
    WORKS(mv_begin(c, &tx, &error));
    WORKS(mv_write(tx, MV_INSERT, batch, &written, &error));
    mv_batch_clear(batch);
    WORKS(mv_batch_add(batch, "large", 5, &error));
    WORKS(mv_batch_set(batch, 0, &value, &error));
    WORKS(mv_batch_set_vector(batch, 0, vector, MV_DIM_MAX, &error));
    EXPECT(mv_write(tx, MV_UPSERT, batch, &written, &error) == MV_LIMIT);
    WORKS(mv_commit(tx, &error));
    mv_batch_clear(batch);
    value.as.string.size = size / 2;
    WORKS(mv_batch_add(batch, "large", 5, &error));
    WORKS(mv_batch_set(batch, 0, &value, &error));
    WORKS(mv_batch_set_vector(batch, 0, vector, MV_DIM_MAX, &error));
    WORKS(mv_write(c, MV_UPSERT, batch, &written, &error));
    WORKS(mv_count(c, NULL, &count, &error));
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(count == ROWS + 1 && stats.segments == 1 && stats.fresh_rows == 1);
    WORKS(mv_check(c, &error));
    mv_batch_free(batch);
    mem_free(bytes, size);
    WORKS(mv_close(c, &error));
}

/* More snapshots held than there are reader slots: the rest is refused, writing goes on. */
static void test_reader_slots(const char *path)
{
    enum { READERS = 1200 };
    static mv_iterator *iterators[READERS];
    mv_collection *c = NULL;
    uint32_t opened = 0;
    uint64_t count;
    WORKS(sample_open(path, (mv_open_options){0}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 10, 1));
    mv_err err = MV_OK;
    while (opened < READERS && !(err = mv_iterator_open(c, NULL, &iterators[opened], &error)))
        opened++;
    EXPECT(err == MV_LIMIT && opened > 1000);
    WORKS(sample_write(c, MV_UPSERT, 5, 20, 2));
    EXPECT(mv_count(c, NULL, &count, &error) == MV_LIMIT);
    while (opened) mv_iterator_close(iterators[--opened]);
    WORKS(mv_count(c, NULL, &count, &error));
    EXPECT(count == 20);
    WORKS(optimize_all(c, 1000));
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

static void test_many_small(const char *path)
{
    enum { MANY = 100000, PART = 1000 };
    mv_collection *c = NULL;
    mv_schema *schema = NULL;
    mv_batch *batch = NULL;
    mv_stats stats;
    uint64_t written = 0, count = 0, deleted = 0;
    WORKS(mv_schema_create(NULL, &schema, &error));
    WORKS(mv_schema_add_field(schema, &(mv_field_options){.name = "n", .type = MV_INT32}, &error));
    WORKS(mv_open(path, &(mv_open_options){.schema = schema}, &c, &error));
    mv_schema_free(schema);
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t n = 0; n < MANY;) {
        mv_batch_clear(batch);
        for (uint32_t end = n + PART; n < end; n++) {
            char id[16];
            mv_value value = int_value(n);
            int size = snprintf(id, sizeof id, "%u", n);
            if (mv_batch_add(batch, id, (size_t)size, &error) ||
                mv_batch_set(batch, 0, &value, &error))
                EXPECT(false);
        }
        WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    }
    mv_filter filter = {.text = "n >= 30000 AND n < 60000", .size = 24};
    WORKS(mv_count(c, &filter, &count, &error));
    EXPECT(count == 30000);
    WORKS(mv_delete_by_filter(c, &filter, &deleted, &error));
    EXPECT(deleted == 30000);
    WORKS(optimize_all(c, 5));
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.documents == 70000 && stats.fresh_rows == 0 && stats.deleted_rows == 0);
    WORKS(mv_check(c, &error));
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
}

static void run_everywhere(bool memory)
{
    RUN_WITH(WHERE, test_many_small(PLACE("small")));
    RUN_WITH(WHERE, test_ids(PLACE("ids")));
    RUN_WITH(WHERE, test_extremes(PLACE("extremes")));
    RUN_WITH(WHERE, test_wide(PLACE("wide")));
    RUN_WITH(WHERE, test_large(PLACE("large")));
    RUN_WITH(WHERE, test_reader_slots(PLACE("slots")));
}

int main(void)
{
    if (!sample_place_make("limits")) return tests_conclude();
    run_everywhere(false);
    run_everywhere(true);
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
