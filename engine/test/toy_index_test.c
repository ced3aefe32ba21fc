/* Two index types that this test adds (toy_index.h, which also says what a real type needs outside
 * of its own files). Through public calls, their indexes are built by optimize, searched,
 * described, checked, damaged, built again, backed up, changed and dropped. No line of storage,
 * jobs, searches or the binding is about these types. */
#include "test/toy_index.h"

#include "index/hnsw.h"
#include "index/invert.h"
#include "storage/schema.h"
#include "storage/segment.h"
#include "test/graph_sample.h"

#define ROWS      3000u
#define TOY_FIELD PLAIN

static const toy_options window_50 = {.window = 50};

static mv_index_options toy_with(toy_options own)
{
    mv_index_options options = {.type = TOY_TYPE};
    memcpy(&options.as, &own, sizeof own);
    return options;
}

/* As in graph_sample.h, with other indexes. */
static mv_schema *toy_schema(toy_options own)
{
    mv_schema *schema = NULL;
    const mv_field_options n = {
        .name = "n", .type = MV_INT32, .nullable = true, .index.type = TALLY_TYPE};
    const mv_vector_options plain = {.name = "plain",
                                     .type = MV_VECTOR_FP32,
                                     .dim = GRAPH_DIM,
                                     .metric = MV_L2,
                                     .index = toy_with(own)},
                            turned = {.name = "turned",
                                      .type = MV_VECTOR_FP16,
                                      .dim = GRAPH_DIM,
                                      .metric = MV_COSINE,
                                      .index.type = MV_INDEX_FLAT};
    WORKS(mv_schema_create("toys", &schema, &error));
    WORKS(mv_schema_add_field(schema, &n, &error));
    WORKS(mv_schema_add_vector(schema, &plain, &error));
    WORKS(mv_schema_add_vector(schema, &turned, &error));
    return schema;
}

static mv_collection *toy_collection(const char *path)
{
    mv_collection *c = NULL;
    mv_schema *schema = toy_schema(window_50);
    mv_open_options options = {.schema = schema, .manual_maintenance = true};
    WORKS(mv_open(path, &options, &c, &error));
    mv_schema_free(schema);
    return c;
}

static mv_index_stats tally_stats(mv_collection *c)
{
    mv_index_stats stats = {0};
    WORKS(mv_get_field_index_stats(c, 0, &stats, &error));
    return stats;
}

/* The strategy by which the first segment is searched. AUTO: the search failed. */
static mv_strategy strategy_used(mv_collection *c)
{
    mv_result *result = NULL;
    size_t parts = 0;
    mv_strategy strategy = MV_STRATEGY_AUTO;
    mv_query query = {.vector_field = TOY_FIELD,
                      .vectors = graph_rows[7],
                      .vectors_count = 1,
                      .dim = GRAPH_DIM,
                      .topk = 3,
                      .explain = true};
    WORKS(mv_result_create(c, &result, &error));
    if (!mv_search(c, &query, result, &error)) {
        const mv_plan_step *plan = mv_result_plan(result, &parts);
        if (parts) strategy = plan[0].last;
    }
    mv_result_free(result);
    return strategy;
}

/* Searches use the toy, and return documents that exist. */
static void search_by_toy(mv_collection *c)
{
    uint32_t before = toy_searches, last = GRAPH_DOCS_MAX;
    while (!graph_there[last - 1]) last--;
    EXPECT(strategy_used(c) == MV_STRATEGY_GRAPH);
    EXPECT(toy_searches > before);
    RECALLS(c, 0.01, TOY_FIELD, .topk = 10);
    RECALLS(c, 0.01, TOY_FIELD, .topk = 10, .from = ROWS / 2);
    RECALLS(c, 1, TOY_FIELD, .topk = 10, .from = last - 40); /* the window has all matching rows */
    RECALLS(c, 0.3, TOY_FIELD, .topk = 800);                 /* more than the window */
    before = toy_searches;
    RECALLS(c, 1, TOY_FIELD, .topk = 10, .strategy = MV_STRATEGY_EXACT);
    RECALLS(c, 1, TOY_FIELD, .topk = 1001); /* hits_max */
    EXPECT(toy_searches == before);
}

static void search_exactly(mv_collection *c)
{
    uint32_t before = toy_searches;
    EXPECT(strategy_used(c) == MV_STRATEGY_EXACT);
    RECALLS(c, 1, TOY_FIELD, .topk = 10);
    EXPECT(toy_searches == before);
}

static void holds_toys(mv_collection *c, uint64_t rows)
{
    toy_stats own;
    mv_index_stats stats = graph_stats(c, TOY_FIELD);
    memcpy(&own, &stats.as, sizeof own);
    EXPECT(stats.type == TOY_TYPE && stats.segments == 1 && !stats.warning[0]);
    EXPECT(stats.rows == rows && stats.indexed_rows == rows && stats.bytes > rows * 4);
    EXPECT(own.window == 50 && own.spread > 100 && own.spread < 130);
    stats = tally_stats(c);
    EXPECT(stats.type == TALLY_TYPE && stats.segments == 1 && stats.indexed_rows == rows);
    WORKS(mv_check(c, &error));
}

/* ---------------------------------------------------------------- types */

/* The facts of a type and its functions agree. */
static void test_tables(void)
{
    const index_kind *kind;
    EXPECT(hnsw_kind.sections_count == HNSW_PART_KINDS);
    EXPECT(invert_kind.sections_count == INVERT_PART_KINDS);
    for (uint32_t i = 0; (kind = index_kind_at(i)); i++) {
        const index_type *type = index_find(kind->info.type);
        EXPECT(mv_index_info_at(i) == &kind->info && index_kind_find(kind->info.type) == kind);
        EXPECT(!type == !kind->file_kind && !type == !kind->info.has_files &&
               !type == !kind->info.plural);
        if (!type) continue;
        EXPECT(type->kind == kind && index_of_file(kind->file_kind) == type);
        EXPECT(!type->search == !kind->info.of_vectors && !type->search == !type->scans_all);
        EXPECT(!type->describe == !kind->info.stats_count);
    }
    EXPECT(!index_find(MV_INDEX_NONE) && !index_of_file(SECTION_FILE_ROWS));
}

static void test_adding(void)
{
    index_kind twin = tally_kind;
    index_type twins = tally_index;
    twins.kind = &twin;
    WORKS(index_add(&toy_index, &error));
    EXPECT(index_add(&toy_index, &error) == MV_MISUSE);
    EXPECT(!strcmp(error.text, "index type 'toy' uses a number or name of 'toy'"));
    twin.file_kind = hnsw_kind.file_kind;
    EXPECT(index_add(&twins, &error) == MV_MISUSE);
    EXPECT(!strcmp(error.text, "index type 'tally' uses a number or name of 'hnsw'"));
    twin = tally_kind, twin.sections_first = toy_kind.sections_first + 1;
    EXPECT(index_add(&twins, &error) == MV_MISUSE);
    twin = tally_kind, twin.file_ending = "invert";
    EXPECT(index_add(&twins, &error) == MV_MISUSE);
    twin = tally_kind, twin.info.name = "flat";
    EXPECT(index_add(&twins, &error) == MV_MISUSE);
    EXPECT(!index_find(TALLY_TYPE));
    WORKS(index_add(&tally_index, &error));
}

/* ---------------------------------------------------------------- schemas */

static const char *refusal(mv_type type, mv_metric metric, mv_index_options index)
{
    mv_schema *schema = NULL;
    const mv_field_options field = {.name = "f", .type = type, .index = index};
    const mv_vector_options vector = {
        .name = "v", .type = type, .dim = 2, .metric = metric, .index = index};
    *error.text = 0;
    WORKS(mv_schema_create(NULL, &schema, &error));
    mv_err err = metric ? mv_schema_add_vector(schema, &vector, &error)
                        : mv_schema_add_field(schema, &field, &error);
    EXPECT(err == MV_MISUSE || !err);
    mv_schema_free(schema);
    return err ? error.text : "";
}

#define REFUSES(text, ...) EXPECT(!strcmp(refusal(__VA_ARGS__), text))

static void test_refusals(void)
{
    const mv_index_options of_tally = {.type = TALLY_TYPE};
    REFUSES("", MV_VECTOR_FP32, MV_L2, toy_with(window_50));
    REFUSES("vector field 'v' has a toy index, which does not support vector_fp32 with its metric",
            MV_VECTOR_FP32, MV_IP, toy_with(window_50));
    REFUSES("field 'f' has a tally index, which does not support string", MV_STRING, (mv_metric)0,
            of_tally);
    REFUSES("vector field 'v' has an index with window 100001, it must be 1 to 100000",
            MV_VECTOR_FP32, MV_L2, toy_with((toy_options){.window = 100001}));
    REFUSES("vector field 'v' has an index with the unknown order 2", MV_VECTOR_FP32, MV_L2,
            toy_with((toy_options){.order = 2}));
    REFUSES("vector field 'v' has an index with salt 2, it must be 3 to 18446744073709551615",
            MV_VECTOR_FP32, MV_L2, toy_with((toy_options){.salt = 2}));
    REFUSES("vector field 'v' has the unknown index type 101", MV_VECTOR_FP32, MV_L2, of_tally);
    REFUSES(
        "field 'f' is scalar: its index is 'invert', 'text', 'sparse', 'tally' or none, not 100 "
        "('toy')",
        MV_INT32, (mv_metric)0, toy_with(window_50));
}

/* Schemas with these types have format 3, other schemas format 2. Damaged bytes are refused. */
static void test_schema_bytes(void)
{
    mem_buffer bytes = {0};
    mv_vector_options v;
    mv_field_options f;
    mv_schema *schema = toy_schema((toy_options){.window = 9, .order = 1, .salt = UINT64_MAX}),
              *loaded = NULL;
    WORKS(schema_format_save(schema, &bytes, &error));
    EXPECT(bytes.data[0] == 3);
    WORKS(schema_format_load(bytes.data, bytes.size, &loaded, &error));
    WORKS(schema_compare(schema, loaded, &error));
    EXPECT(mv_schema_vector(loaded, 0, &v) && mv_schema_field(loaded, 0, &f));
    toy_options own = toy_options_of(&v.index);
    EXPECT(own.window == 9 && own.order == 1 && own.salt == UINT64_MAX);
    EXPECT(f.index.type == TALLY_TYPE && toy_options_of(&f.index).window == 64);
    mv_schema_free(loaded);
    for (size_t size = 0; size < bytes.size; size++)
        EXPECT(schema_format_load(bytes.data, size, &loaded, &error) == MV_CORRUPT && !loaded);
    for (size_t at = 0; at < bytes.size; at++) {
        bytes.data[at] ^= 0x55;
        if (!schema_format_load(bytes.data, bytes.size, &loaded, &error)) mv_schema_free(loaded);
        bytes.data[at] ^= 0x55;
    }
    bytes.data[0] = 2; /* a format that has no such fields */
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_CORRUPT);
    EXPECT(strstr(error.text, "field 'n' has unknown flags 9"));
    bytes.data[0] = 8; /* newer */
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_WRONG_VERSION);
    mem_buffer_free(&bytes);
    mv_schema_free(schema);

    WORKS(mv_schema_create(NULL, &schema, &error));
    WORKS(mv_schema_add_vector(
        schema,
        &(mv_vector_options){.name = "v", .type = MV_VECTOR_FP32, .dim = 2, .metric = MV_L2},
        &error));
    WORKS(schema_format_save(schema, &bytes, &error));
    EXPECT(bytes.data[0] == 2);
    mem_buffer_free(&bytes);
    mv_schema_free(schema);
}

static void test_file_names(void)
{
    char name[SEGMENT_FILE_NAME_SIZE];
    uint64_t number;
    section_file_record file = {.kind = toy_kind.file_kind, .column = 12};
    segment_file_name(345, &file, name);
    EXPECT(!strcmp(name, "000345.12.toy"));
    file = (section_file_record){0};
    EXPECT(segment_parse_file_name("000346.13.toy.new", &number, &file));
    EXPECT(number == 346 && file.column == 13 && file.kind == toy_kind.file_kind);
    EXPECT(!segment_parse_file_name("000346.13.toyx", &number, &file));
    EXPECT(!segment_parse_file_name("000346.13.", &number, &file));
}

/* ---------------------------------------------------------------- a life */

static void test_life(bool memory)
{
    const char *path = memory ? ":memory:" : sample_path("life");
    memset(graph_there, 0, sizeof graph_there);
    mv_collection *c = toy_collection(path);
    WORKS(graph_write(c, 0, 400, 400));
    WORKS(optimize_all(c, 0));
    EXPECT(graph_stats(c, TOY_FIELD).segments == 0 && tally_stats(c).segments == 1); /* rows_min */
    WORKS(graph_write(c, 400, ROWS, 1000));
    WORKS(optimize_all(c, 0));
    holds_toys(c, ROWS);
    search_by_toy(c);
    EXPECT(toy_extended == 0);

    WORKS(graph_delete(c, 0, ROWS, 10));
    WORKS(graph_write(c, ROWS, ROWS + 500, 500));
    RECALLS(c, 0.01, TOY_FIELD, .topk = 10); /* with fresh rows, and deleted rows in the toy */
    WORKS(optimize_all(c, 5));
    EXPECT(toy_extended == 1);
    toy_extended = 0;
    holds_toys(c, ROWS - ROWS / 10 + 500);
    search_by_toy(c);
    if (!memory) EXPECT(graph_files(path, ".toy", NULL) == 1);

    const char *copy = sample_path(memory ? "of_memory" : "copy");
    WORKS(mv_backup(c, copy, NULL, &error));
    WORKS(mv_close(c, &error));
    EXPECT(toy_opened == 0);
    c = toy_collection(copy); /* the given schema agrees with the stored one */
    EXPECT(graph_files(copy, ".toy", NULL) == 1 && graph_files(copy, ".tally", NULL) == 1);
    holds_toys(c, ROWS - ROWS / 10 + 500);
    search_by_toy(c);
    WORKS(mv_close(c, &error));
    WORKS(mv_destroy(copy, &error));
    EXPECT(access(copy, F_OK) != 0);
}

static void test_mismatch(void)
{
    mv_collection *c = NULL;
    mv_schema *schema = toy_schema((toy_options){.window = 60});
    EXPECT(mv_open(sample_path("life"), &(mv_open_options){.schema = schema}, &c, &error) ==
           MV_SCHEMA_MISMATCH);
    EXPECT(
        strstr(error.text, "field 'plain' has an index with window 50 in the collection, 60 in"));
    mv_schema_free(schema);
    schema = toy_schema((toy_options){.window = 50, .order = 1});
    EXPECT(mv_open(sample_path("life"), &(mv_open_options){.schema = schema}, &c, &error) ==
           MV_SCHEMA_MISMATCH);
    EXPECT(strstr(error.text, "has an index with order rising in the collection, falling in"));
    mv_schema_free(schema);
}

/* ---------------------------------------------------------------- damage */

static const char *file_in(const char *path, const char *ending)
{
    static char joined[256];
    char name[64] = "";
    EXPECT(graph_files(path, ending, name) == 1);
    (void)snprintf(joined, sizeof joined, "%s/%s", path, name);
    return joined;
}

/* Flip one byte of the file. */
static void flip(const char *file_path, long at)
{
    FILE *file = fopen(file_path, "r+b");
    EXPECT(file && fseek(file, at, SEEK_SET) == 0);
    int byte = file ? fgetc(file) : 0;
    EXPECT(file && fseek(file, at, SEEK_SET) == 0 && fputc(byte ^ 0x80, file) != EOF);
    if (file) (void)fclose(file);
}

/* Offsets of the sections: the first follows the header, and each begins at a multiple of 64. */
#define HEAD_AT 64L
#define ROWS_AT 128L

/* A damaged index is not used by searches, is named by stats and check, and is built again. */
static void is_left_out(mv_collection *c, const char *ending)
{
    char name[64] = "";
    EXPECT(graph_files(sample_path("life"), ending, name) == 1);
    search_exactly(c);
    EXPECT(graph_stats(c, TOY_FIELD).segments == 0);
    EXPECT(strstr(graph_stats(c, TOY_FIELD).warning, name));
    EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, name));
    WORKS(optimize_all(c, 0));
    holds_toys(c, ROWS - ROWS / 10 + 500);
    search_by_toy(c);
}

static void test_damage(void)
{
    const char *path = sample_path("life");
    flip(file_in(path, ".toy"), HEAD_AT); /* found at opening */
    mv_collection *c = toy_collection(path);
    is_left_out(c, ".toy");
    WORKS(mv_close(c, &error));

    flip(file_in(path, ".toy"), ROWS_AT + 3); /* a row out of range: found by a search */
    c = toy_collection(path);
    EXPECT(graph_stats(c, TOY_FIELD).segments == 1 && !graph_stats(c, TOY_FIELD).warning[0]);
    uint32_t before = toy_searches;
    EXPECT(strategy_used(c) == MV_STRATEGY_EXACT && toy_searches == before + 1);
    is_left_out(c, ".toy");
    WORKS(mv_close(c, &error));

    flip(file_in(path, ".toy"), ROWS_AT); /* another row: found by check */
    c = toy_collection(path);
    EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, ".toy: the checksum of"));
    is_left_out(c, ".toy");
    flip(file_in(path, ".tally"), HEAD_AT);
    EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, ".tally: the checksum of"));
    EXPECT(strstr(tally_stats(c).warning, ".tally: the checksum of"));
    WORKS(optimize_all(c, 0));
    holds_toys(c, ROWS - ROWS / 10 + 500);
    WORKS(mv_close(c, &error));

    EXPECT(remove(file_in(path, ".toy")) == 0);
    c = toy_collection(path);
    EXPECT(strstr(graph_stats(c, TOY_FIELD).warning, "is missing"));
    search_exactly(c);
    WORKS(optimize_all(c, 0));
    holds_toys(c, ROWS - ROWS / 10 + 500);
    WORKS(mv_close(c, &error));
    EXPECT(toy_opened == 0);
}

/* ---------------------------------------------------------------- changes */

static void change(mv_collection *c, const char *name, mv_index_options index)
{
    const mv_index_change changed = {.name = name, .index = index};
    mv_job *job = NULL;
    mv_progress progress;
    bool more = true;
    WORKS(mv_optimize_begin(c, &(mv_optimize_options){.index_change = &changed}, &job, &error));
    while (more) {
        mv_err err = mv_optimize_step(job, 0, &more, &progress, &error);
        WORKS(err);
        if (err) break;
    }
    mv_job_free(job);
    WORKS(mv_check(c, &error));
}

static void test_changes(void)
{
    const char *path = sample_path("life");
    char first[64] = "", second[64] = "";
    toy_stats own;
    mv_collection *c = toy_collection(path);
    EXPECT(graph_files(path, ".toy", first) == 1);
    change(c, "plain", toy_with((toy_options){.window = 51, .order = 1}));
    EXPECT(graph_files(path, ".toy", second) == 1 && strcmp(first, second) != 0);
    mv_index_stats stats = graph_stats(c, TOY_FIELD);
    memcpy(&own, &stats.as, sizeof own);
    EXPECT(own.window == 51);
    search_by_toy(c);
    change(c, "plain", toy_with((toy_options){.window = 51, .order = 1})); /* nothing to do */
    EXPECT(graph_files(path, ".toy", first) == 1 && strcmp(first, second) == 0);

    change(c, "n", (mv_index_options){.type = MV_INDEX_INVERT});
    EXPECT(graph_files(path, ".tally", NULL) == 0 && graph_files(path, ".invert", NULL) == 1);
    change(c, "n", (mv_index_options){.type = TALLY_TYPE});
    EXPECT(graph_files(path, ".tally", NULL) == 1 && graph_files(path, ".invert", NULL) == 0);
    uint32_t before = toy_searches;
    change(c, "plain", (mv_index_options){.type = MV_INDEX_HNSW});
    EXPECT(graph_files(path, ".toy", NULL) == 0 && graph_files(path, ".hnsw", NULL) == 1);
    RECALLS(c, 0.9, TOY_FIELD, .topk = 10);
    EXPECT(toy_searches == before && graph_stats(c, TOY_FIELD).type == MV_INDEX_HNSW);
    change(c, "plain", toy_with(window_50));
    EXPECT(graph_files(path, ".toy", NULL) == 1 && graph_files(path, ".hnsw", NULL) == 0);
    search_by_toy(c);

    WORKS(mv_drop_index(c, "plain", &error));
    WORKS(mv_drop_index(c, "n", &error));
    EXPECT(graph_stats(c, TOY_FIELD).type == MV_INDEX_FLAT);
    EXPECT(tally_stats(c).type == MV_INDEX_NONE);
    search_exactly(c);
    WORKS(mv_check(c, &error));
    WORKS(optimize_all(c, 0));
    EXPECT(graph_files(path, ".toy", NULL) == 0 && graph_files(path, ".tally", NULL) == 0);

    change(c, "plain", toy_with(window_50));
    WORKS(mv_drop_column(c, "plain", &error));
    WORKS(optimize_all(c, 0));
    EXPECT(graph_files(path, ".toy", NULL) == 0);
    WORKS(mv_close(c, &error));
    EXPECT(toy_opened == 0);
}

/* Unfinished files of a process that died are removed by the next writer, and all files by
 * mv_destroy. */
static void test_leftovers(void)
{
    const char *path = sample_path("end"), *const left[] = {"000900.2.toy", "000901.1.tally.new"};
    char joined[256];
    mv_collection *c = toy_collection(path);
    memset(graph_there, 0, sizeof graph_there);
    WORKS(graph_write(c, 0, ROWS, ROWS));
    WORKS(optimize_all(c, 0));
    WORKS(mv_close(c, &error));
    for (int times = 0; times < 2; times++) {
        for (int i = 0; i < 2; i++) {
            (void)snprintf(joined, sizeof joined, "%s/%s", path, left[i]);
            FILE *file = fopen(joined, "wb");
            EXPECT(file && fclose(file) == 0);
        }
        EXPECT(graph_files(path, ".toy", NULL) == 2);
        if (times) break; /* for mv_destroy */
        c = toy_collection(path);
        WORKS(graph_write(c, ROWS, ROWS + 1, 1));
        EXPECT(graph_files(path, ".toy", NULL) == 1 && graph_files(path, ".new", NULL) == 0);
        WORKS(mv_close(c, &error));
    }
    WORKS(mv_destroy(path, &error));
    EXPECT(access(path, F_OK) != 0);
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("toys")) {
        printf("no temporary directory\n0 passed, 1 failed\n");
        return 1;
    }
    RUN(test_tables());
    RUN(test_adding());
    RUN(test_tables());
    RUN(test_refusals());
    RUN(test_schema_bytes());
    RUN(test_file_names());
    RUN(test_life(true));
    RUN(test_life(false));
    RUN(test_mismatch());
    RUN(test_damage());
    RUN(test_changes());
    RUN(test_leftovers());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
