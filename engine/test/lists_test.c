/* Collections with indexed scalar fields: what is built when, that filters find the same with and
 * without, and what becomes of damaged files: queries go on, check names them, optimize builds them
 * again. Nothing may crash: run it under the address sanitizer, too. */
#include "storage/section_file.h"
#include "storage/section_format.h"
#include "test/graph_sample.h"

#define ROWS  3000u
#define MORE  1500u
#define FLIPS 8u /* of each section */

enum { OF_NUMBER, OF_WORD, OF_TAGS, OF_RATIO, FIELDS };

static const char *const words[] = {"amber", "birch", "cedar", "delta", "", "flint", "grove"};
#define WORDS (sizeof words / sizeof *words)

static mv_schema *schema_of(bool indexed)
{
    mv_schema *schema = NULL;
    const mv_index_options index = {.type = indexed ? MV_INDEX_INVERT : MV_INDEX_NONE};
    const mv_field_options fields[FIELDS] = {
        {"number", MV_INT64, false, NULL, index},
        {"word", MV_STRING, true, NULL, index},
        {"tags", (mv_type)(MV_ARRAY | MV_STRING), true, NULL, index},
        {"ratio", MV_DOUBLE, true, NULL, index},
    };
    WORKS(mv_schema_create("lists", &schema, &error));
    for (uint32_t f = 0; f < FIELDS; f++) WORKS(mv_schema_add_field(schema, &fields[f], &error));
    return schema;
}

static mv_value text_of(const char *text)
{
    return (mv_value){.kind = MV_KIND_STRING, .as.string = {text, strlen(text)}};
}

static void insert(mv_collection *c, uint32_t first, uint32_t end)
{
    mv_batch *batch = NULL;
    uint64_t written;
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t n = first; n < end; n++) {
        char id[16];
        int size = snprintf(id, sizeof id, "%u", n);
        mv_value number = {.kind = MV_KIND_INT, .as.i = (int64_t)(mix(n) % 2000) - 1000};
        mv_value ratio = {.kind = MV_KIND_REAL, .as.real = (double)(mix(n + 7) % 9) / 2};
        mv_value word = text_of(words[mix(n + 1) % WORDS]), tags[3];
        mv_value list = {.kind = MV_KIND_LIST, .as.list = {tags, mix(n + 3) % 4}};
        for (uint32_t i = 0; i < 3; i++) tags[i] = text_of(words[mix(n * 3 + i) % WORDS]);
        WORKS(mv_batch_add(batch, id, (size_t)size, &error));
        WORKS(mv_batch_set(batch, OF_NUMBER, &number, &error));
        if (n % 5) WORKS(mv_batch_set(batch, OF_WORD, &word, &error));
        if (n % 3) WORKS(mv_batch_set(batch, OF_TAGS, &list, &error));
        if (n % 7) WORKS(mv_batch_set(batch, OF_RATIO, &ratio, &error));
    }
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    mv_batch_free(batch);
}

static mv_collection *open_at(const char *path, const mv_schema *schema)
{
    mv_collection *c = NULL;
    mv_open_options options = {.schema = schema, .manual_maintenance = true};
    WORKS(mv_open(path, &options, &c, &error));
    return c;
}

static void optimize(mv_collection *c)
{
    mv_job *job = NULL;
    mv_progress progress;
    WORKS(mv_optimize_begin(c, NULL, &job, &error));
    for (bool more = true; more;) WORKS(mv_optimize_step(job, 0, &more, &progress, &error));
    mv_job_free(job);
}

static mv_index_stats stats_of(mv_collection *c, uint32_t field)
{
    mv_index_stats stats = {0};
    WORKS(mv_get_field_index_stats(c, field, &stats, &error));
    return stats;
}

static const char *const filters[] = {
    "number = 5",
    "number < -700",
    "number >= 10 AND number <= 400",
    "number BETWEEN -5 AND 5",
    "number != 3",
    "number IN (1, 2, 3, 4, 5, 999, 100000)",
    "word = 'cedar'",
    "word < 'c' OR word = ''",
    "word LIKE 'd%'",
    "word LIKE '%e%'",
    "NOT word LIKE '%e%'",
    "word IS NULL AND number < 0",
    "tags CONTAIN_ANY ('amber', 'nothing')",
    "NOT tags CONTAIN_ANY ('amber', 'birch')",
    "tags CONTAIN_ALL ('amber', 'birch')",
    "NOT tags CONTAIN_ALL ('amber', 'birch', 'amber')",
    "array_length(tags) = 2 AND word = 'flint'",
    "ratio > 2 OR tags CONTAIN_ANY ('grove')",
    "ratio = 0.0 AND NOT (word = 'birch' OR number > 0)",
    "id LIKE '1%' AND ratio <= 1.5",
};
#define FILTERS (sizeof filters / sizeof *filters)

static uint64_t count(mv_collection *c, const char *text)
{
    uint64_t found = 0;
    mv_filter filter = {.text = text, .size = strlen(text)};
    WORKS(mv_count(c, &filter, &found, &error));
    return found;
}

/* How many filters count differently in the two. */
static uint32_t differences(mv_collection *a, mv_collection *b)
{
    uint32_t different = 0;
    for (size_t i = 0; i < FILTERS; i++) different += count(a, filters[i]) != count(b, filters[i]);
    return different;
}

/* The same documents without an index. */
static mv_collection *plain_of(uint32_t rows)
{
    mv_schema *schema = schema_of(false);
    mv_collection *c = open_at(":memory:", schema);
    insert(c, 0, rows);
    mv_schema_free(schema);
    return c;
}

static void remove_some(mv_collection *c)
{
    uint64_t deleted;
    mv_filter filter = {.text = "number BETWEEN 0 AND 30", .size = 23};
    WORKS(mv_delete_by_filter(c, &filter, &deleted, &error));
}

/* ---------------------------------------------------------------- life */

static void test_life(bool memory)
{
    mv_schema *schema = schema_of(true);
    mv_collection *c = open_at(PLACE("life"), schema), *plain = plain_of(ROWS);
    EXPECT(stats_of(c, OF_WORD).type == MV_INDEX_INVERT && stats_of(c, OF_WORD).segments == 0);
    insert(c, 0, ROWS);
    EXPECT(differences(c, plain) == 0);
    optimize(c);
    for (uint32_t f = 0; f < FIELDS; f++) {
        mv_index_stats stats = stats_of(c, f);
        EXPECT(stats.segments == 1 && stats.indexed_rows == ROWS && stats.rows == ROWS);
        EXPECT(stats.bytes > 0 && !stats.warning[0] && stats.type == MV_INDEX_INVERT);
    }
    EXPECT(differences(c, plain) == 0);
    remove_some(c);
    remove_some(plain);
    insert(c, ROWS, ROWS + MORE);
    insert(plain, ROWS, ROWS + MORE);
    EXPECT(differences(c, plain) == 0);
    EXPECT(stats_of(c, OF_TAGS).indexed_rows < stats_of(c, OF_TAGS).rows);
    WORKS(mv_check(c, &error));
    optimize(c); /* merges */
    EXPECT(stats_of(c, OF_TAGS).indexed_rows == stats_of(c, OF_TAGS).rows);
    EXPECT(stats_of(c, OF_TAGS).segments == 1);
    EXPECT(differences(c, plain) == 0);
    WORKS(mv_check(c, &error));
    WORKS(mv_backup(c, sample_path("copy"), NULL, &error));
    mv_collection *copy = open_at(sample_path("copy"), NULL);
    EXPECT(stats_of(copy, OF_NUMBER).segments == 1 && stats_of(copy, OF_RATIO).segments == 1);
    EXPECT(differences(copy, plain) == 0);
    WORKS(mv_check(copy, &error));
    WORKS(mv_close(copy, &error));
    if (!memory) {
        WORKS(mv_close(c, &error));
        EXPECT(graph_files(sample_path("life"), ".invert", NULL) == FIELDS);
        c = open_at(sample_path("life"), schema);
        EXPECT(stats_of(c, OF_WORD).segments == 1 && differences(c, plain) == 0);
    }
    mv_index_stats stats;
    EXPECT(mv_get_field_index_stats(c, FIELDS, &stats, &error) == MV_MISUSE);
    WORKS(mv_close(c, &error));
    WORKS(mv_close(plain, &error));
    mv_schema_free(schema);
    remove_tree(sample_path("life"));
    remove_tree(sample_path("copy"));
}

/* Too few rows for lists to be worth a file. */
static void test_few_rows(void)
{
    mv_schema *schema = schema_of(true);
    mv_collection *c = open_at(":memory:", schema);
    insert(c, 0, 500);
    optimize(c);
    EXPECT(stats_of(c, OF_NUMBER).segments == 0 && stats_of(c, OF_NUMBER).rows == 500);
    insert(c, 500, 1100);
    optimize(c);
    EXPECT(stats_of(c, OF_NUMBER).segments == 1);
    WORKS(mv_close(c, &error));
    mv_schema_free(schema);
}

/* Indexes that come, go, are renamed, and come with a new field. */
static void change_index(mv_collection *c, const char *name)
{
    mv_job *job = NULL;
    mv_progress progress;
    mv_index_change change = {.name = name, .index.type = MV_INDEX_INVERT};
    mv_optimize_options options = {.index_change = &change};
    WORKS(mv_optimize_begin(c, &options, &job, &error));
    for (bool more = true; more;) WORKS(mv_optimize_step(job, 0, &more, &progress, &error));
    mv_job_free(job);
}

static void test_changes(bool memory)
{
    mv_schema *schema = schema_of(false);
    mv_collection *c = open_at(PLACE("changes"), schema), *plain = plain_of(ROWS);
    mv_job *job = NULL;
    mv_index_change wrong = {.name = "word", .index.type = MV_INDEX_HNSW};
    insert(c, 0, ROWS);
    EXPECT(stats_of(c, OF_WORD).type == MV_INDEX_NONE);
    change_index(c, "word");
    change_index(c, "tags");
    EXPECT(stats_of(c, OF_WORD).segments == 1 && stats_of(c, OF_TAGS).segments == 1);
    EXPECT(differences(c, plain) == 0);
    EXPECT(mv_optimize_begin(c, &(mv_optimize_options){.index_change = &wrong}, &job, &error) ||
           mv_optimize_step(job, 0, &(bool){false}, &(mv_progress){0}, &error));
    EXPECT(strstr(error.text, "its index is 'invert', 'text', 'sparse' or none"));
    mv_job_free(job);
    WORKS(mv_drop_index(c, "word", &error));
    EXPECT(stats_of(c, OF_WORD).type == MV_INDEX_NONE && stats_of(c, OF_WORD).segments == 0);
    WORKS(mv_alter_column(c, "tags", &(mv_column_change){.new_name = "labels"}, &error));
    EXPECT(stats_of(c, OF_TAGS).segments == 1);
    EXPECT(count(c, "labels CONTAIN_ANY ('amber')") == count(plain, "tags CONTAIN_ANY ('amber')"));
    EXPECT(count(c, "word = 'cedar'") == count(plain, "word = 'cedar'"));
    WORKS(mv_check(c, &error));
    WORKS(mv_drop_column(c, "labels", &error));
    if (!memory) EXPECT(graph_files(sample_path("changes"), ".invert", NULL) <= 2);

    mv_column *column = NULL;
    mv_value seven = {.kind = MV_KIND_INT, .as.i = 7};
    mv_field_options field = {
        .name = "added", .type = MV_INT32, .default_value = &seven, .index.type = MV_INDEX_INVERT};
    WORKS(mv_column_begin(c, &field, NULL, &column, &error));
    WORKS(mv_column_commit(column, &error));
    mv_column_free(column);
    EXPECT(count(c, "added = 7") == ROWS && count(c, "added < 7") == 0);
    optimize(c);
    EXPECT(stats_of(c, OF_RATIO).segments ==
           1); /* the column takes the position of the dropped one */
    EXPECT(count(c, "added = 7") == ROWS && count(c, "added != 7") == 0);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    WORKS(mv_close(plain, &error));
    mv_schema_free(schema);
    remove_tree(sample_path("changes"));
}

/* All but the rows that are too few to wake maintenance, which may be through with the others
 * before these are written. */
static bool most_rows_have_lists(mv_collection *c, uint32_t rows)
{
    for (uint32_t f = 0; f < FIELDS; f++)
        if (stats_of(c, f).indexed_rows + 8192 <= rows) return false;
    return true;
}

/* Many rows without lists are reason enough to build them without being asked. */
static void test_maintenance(void)
{
    mv_schema *schema = schema_of(true);
    mv_collection *c = NULL, *plain = plain_of(24000);
    mv_open_options options = {.schema = schema};
    WORKS(mv_open(":memory:", &options, &c, &error));
    for (uint32_t first = 0; first < 24000; first += 6000) insert(c, first, first + 6000);
    WAIT_UNTIL(most_rows_have_lists(c, 24000));
    EXPECT(differences(c, plain) == 0);
    WORKS(mv_close(c, &error));
    WORKS(mv_close(plain, &error));
    mv_schema_free(schema);
}

/* ---------------------------------------------------------------- damage */

static uint8_t bytes[1 << 20];
static size_t bytes_size;

static void read_file(const char *directory, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    bytes_size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    EXPECT(file && bytes_size && bytes_size < sizeof bytes);
    if (file) (void)fclose(file);
}

static void write_file(const char *directory, const char *name, size_t size)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    EXPECT(file && fwrite(bytes, 1, size, file) == size);
    if (file) (void)fclose(file);
}

/* A collection with a damaged file: is it found at opening, or by check? Queries go on in any case,
 * right ones where it is found; then it is rebuilt. */
static void use_damaged(const char *path, mv_collection *plain, const char *name, bool at_opening)
{
    mv_collection *c = open_at(path, NULL);
    uint32_t different = differences(c, plain), warnings = 0;
    for (uint32_t f = 0; f < FIELDS; f++) warnings += stats_of(c, f).warning[0] != 0;
    EXPECT(!at_opening || (warnings == 1 && different == 0));
    mv_err err = mv_check(c, &error);
    EXPECT(err == MV_CORRUPT && strstr(error.text, name));
    EXPECT(differences(c, plain) == 0); /* no query uses it any more */
    optimize(c);
    EXPECT(mv_check(c, &error) == MV_OK && differences(c, plain) == 0);
    for (uint32_t f = 0; f < FIELDS; f++) {
        mv_index_stats stats = stats_of(c, f);
        EXPECT(!stats.warning[0] && stats.segments == 1);
    }
    WORKS(mv_close(c, &error));
}

static void test_damage(void)
{
    char name[64], other[64] = "";
    mv_schema *schema = schema_of(true);
    mv_collection *c = open_at(sample_path("whole"), schema), *plain = plain_of(ROWS);
    const char *path = sample_path("hurt");
    char hurt[128];
    (void)snprintf(hurt, sizeof hurt, "%s", path);
    insert(c, 0, ROWS);
    optimize(c);
    WORKS(mv_close(c, &error));
    for (uint32_t f = 0; f < FIELDS; f++) {
        graph_copy(sample_path("whole"), hurt);
        DIR *directory = opendir(hurt);
        struct dirent *entry;
        char ending[32];
        (void)snprintf(ending, sizeof ending, ".%u.invert", f + 1);
        name[0] = 0;
        while (directory && (entry = readdir(directory)))
            if (strstr(entry->d_name, ending)) (void)snprintf(name, 64, "%.63s", entry->d_name);
        if (directory) (void)closedir(directory);
        read_file(hurt, name);
        section_header header;
        memcpy(&header, bytes, sizeof header);
        for (uint32_t s = 0; s < header.sections; s++) {
            section_entry section_now;
            memcpy(&section_now, bytes + header.table_offset + s * sizeof section_now,
                   sizeof section_now);
            for (uint32_t i = 0; i < FLIPS && section_now.size; i++) {
                graph_copy(sample_path("whole"), hurt);
                read_file(hurt, name);
                bytes[section_now.offset + mix(i * 31 + s) % section_now.size] ^=
                    (uint8_t)(1 << mix(i) % 8);
                write_file(hurt, name, bytes_size);
                use_damaged(hurt, plain, name, false);
            }
        }
        for (uint32_t i = 0; i < 4; i++) {
            graph_copy(sample_path("whole"), hurt);
            read_file(hurt, name);
            write_file(hurt, name, (size_t)(mix(i) % bytes_size));
            use_damaged(hurt, plain, name, true);
            graph_copy(sample_path("whole"), hurt);
            read_file(hurt, name);
            bytes[mix(i + 9) % sizeof header] ^= 4;
            write_file(hurt, name, bytes_size);
            use_damaged(hurt, plain, name, true);
        }
        if (*other) { /* another field's */
            graph_copy(sample_path("whole"), hurt);
            read_file(hurt, other);
            write_file(hurt, name, bytes_size);
            use_damaged(hurt, plain, name, true);
        }
        memcpy(other, name, sizeof other);
    }
    remove_tree(hurt);
    remove_tree(sample_path("whole"));
    WORKS(mv_close(plain, &error));
    mv_schema_free(schema);
}

/* ---------------------------------------------------------------- */

int main(void)
{
    if (!sample_place_make("lists")) return tests_conclude();
    size_t before = mem_bytes();
    RUN(test_life(true));
    RUN(test_life(false));
    RUN(test_few_rows());
    RUN(test_changes(true));
    RUN(test_changes(false));
    RUN(test_maintenance());
    RUN(test_damage());
    RUN(test_memory_is_freed(before));
    remove_tree(sample_place);
    return tests_conclude();
}
