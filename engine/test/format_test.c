/* Format numbers, and entries of the catalog that contradict each other. A collection with a number
 * above those that this version reads is refused with MV_WRONG_VERSION, whichever of its files says
 * so, and is left as it was. A catalog without the table of indexes is one of format 1, or damaged.
 * An id with a docid that was never assigned is MV_CORRUPT for writes, and never an index into
 * their arrays. */
#include <lmdb.h>

#include "open/engine.h"
#include "storage/section_format.h"
#include "test/sample.h"
#include "transaction/seal.h"

#define NEWER 77u

static char path[128];

static void make_collection(void)
{
    mv_collection *c = NULL;
    (void)snprintf(path, sizeof path, "%s", sample_path("c"));
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 100, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_close(c, &error));
}

/* Segments are opened when they are first used, and by `verify`. */
static mv_err open_and_use(mv_open_options options)
{
    mv_collection *c = NULL;
    mv_stats stats;
    mv_err err = mv_open(path, &options, &c, &error);
    EXPECT(!err == (c != NULL));
    if (err) return err;
    EXPECT(!options.verify);
    EXPECT(mv_check(c, &(mv_error){0}) == MV_WRONG_VERSION);
    err = mv_get_stats(c, &stats, &error);
    (void)mv_close(c, &(mv_error){0});
    return err;
}

/* Every way to open it is refused, with a text that has both numbers. */
static void expect_refusal(const char *says)
{
    for (int way = 0; way < 4; way++) {
        doing_now("read_only %d, verify %d", way % 2, way / 2);
        mv_open_options options = {.read_only = way % 2, .verify = way / 2};
        EXPECT(open_and_use(options) == MV_WRONG_VERSION);
        if (!EXPECT(strstr(error.text, says))) printf("    %s\n", error.text);
    }
}

static void expect_whole(void)
{
    mv_collection *c = NULL;
    WORKS(mv_open(path, &(mv_open_options){.verify = true}, &c, &error));
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

static catalog *begin(catalog_txn **txn)
{
    catalog *opened = NULL;
    char file[256];
    (void)snprintf(file, sizeof file, "%s/%s", path, CATALOG_FILE);
    WORKS(catalog_open(file, &(catalog_options){0}, &opened, &error));
    WORKS(catalog_begin_write(opened, false, 0, txn, &error));
    return opened;
}

static void set_state_format(uint64_t format)
{
    catalog_txn *txn = NULL;
    engine_state state;
    catalog *opened = begin(&txn);
    mv_err err = engine_load_state(txn, &state, &error);
    EXPECT(err == MV_OK || err == MV_WRONG_VERSION); /* the state is loaded in both cases */
    state.format = format;
    WORKS(engine_save_state(txn, &state, &error));
    bool in_doubt;
    WORKS(catalog_commit(txn, &in_doubt, &error));
    catalog_end(txn);
    catalog_close(opened);
}

static void test_newer_state(void)
{
    set_state_format(NEWER);
    expect_refusal("catalog.mdb: format 77 is newer than this moonvec reads (3)");
    set_state_format(ENGINE_FORMAT);
    expect_whole();
}

/* The format is the first number of the schema. Returns the one that was there. */
static uint32_t set_schema_format(uint32_t format)
{
    static const char key[] = "schema";
    uint8_t bytes[1024];
    uint32_t before = 0;
    catalog_txn *txn = NULL;
    catalog_value value = {0};
    bool found = false;
    catalog *opened = begin(&txn);
    WORKS(catalog_get(txn, CATALOG_META, key, sizeof key - 1, &value, &found, &error));
    EXPECT(found && value.size <= sizeof bytes);
    memcpy(bytes, value.bytes, value.size);
    memcpy(&before, bytes, sizeof before);
    memcpy(bytes, &format, sizeof format);
    WORKS(catalog_put(txn, CATALOG_META, key, sizeof key - 1, bytes, value.size, &error));
    bool in_doubt;
    WORKS(catalog_commit(txn, &in_doubt, &error));
    catalog_end(txn);
    catalog_close(opened);
    return before;
}

static void test_newer_schema(void)
{
    uint32_t before = set_schema_format(NEWER);
    expect_refusal(
        "the stored schema cannot be read: it has format 77, this moonvec reads up to 7");
    EXPECT(set_schema_format(before) == NEWER);
    expect_whole();
}

static uint32_t set_section_format(const char *name, uint32_t format)
{
    char full[256];
    section_header header;
    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    FILE *file = fopen(full, "r+b");
    EXPECT(file && fread(&header, sizeof header, 1, file) == 1);
    uint32_t before = header.format;
    header.format = format;
    EXPECT(file && !fseek(file, 0, SEEK_SET) && fwrite(&header, sizeof header, 1, file) == 1);
    EXPECT(file && !fclose(file));
    return before;
}

static void test_newer_segment_file(const char *name)
{
    char says[128];
    (void)snprintf(says, sizeof says, "%s: format 77 is newer than this moonvec reads (1)", name);
    EXPECT(set_section_format(name, NEWER) == SECTION_FORMAT);
    expect_refusal(says);
    EXPECT(set_section_format(name, SECTION_FORMAT) == NEWER);
    expect_whole();
}

static void drop_indexes(void)
{
    char file[256];
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi indexes;
    (void)snprintf(file, sizeof file, "%s/%s", path, CATALOG_FILE);
    EXPECT(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, CATALOG_TABLES));
    EXPECT(!mdb_env_open(env, file, MDB_NOSUBDIR, 0600) && !mdb_txn_begin(env, NULL, 0, &txn));
    EXPECT(!mdb_dbi_open(txn, "indexes", 0, &indexes) && !mdb_drop(txn, indexes, 1));
    EXPECT(!mdb_txn_commit(txn));
    mdb_env_close(env);
}

static void test_no_table_of_indexes(void)
{
    mv_collection *reader = NULL, *c = NULL;
    drop_indexes();
    for (int way = 0; way < 4; way++) {
        mv_open_options options = {.read_only = way % 2, .verify = way / 2};
        EXPECT(mv_open(path, &options, &c, &error) == MV_CORRUPT && !c);
        EXPECT(strcmp(error.text, "catalog.mdb: the table of indexes is missing") == 0);
    }
    set_state_format(1);
    WORKS(mv_open(path, &(mv_open_options){.read_only = true}, &reader, &error));
    WORKS(mv_check(reader, &error));
    WORKS(mv_open(path, &(mv_open_options){.manual_maintenance = true}, &c, &error));
    WORKS(sample_write(c, MV_INSERT, 100, 200, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_check(c, &error));
    WORKS(mv_check(reader, &error));
    WORKS(mv_close(reader, &error));
    WORKS(mv_close(c, &error));
    set_state_format(ENGINE_FORMAT); /* the table is there now */
    expect_whole();
}

/* Give document 5 another docid in the table of ids; 0: one that was never assigned. Returns the
 * docid that it had. */
static uint64_t set_docid(uint64_t docid)
{
    sample_text text;
    mv_id id = sample_id(5, &text);
    catalog_txn *txn = NULL;
    engine_state state;
    bool found = false;
    uint64_t before = 0;
    catalog *opened = begin(&txn);
    WORKS(engine_load_state(txn, &state, &error));
    WORKS(catalog_id_get(txn, id.data, id.size, &before, &found, &error));
    EXPECT(found);
    WORKS(
        catalog_id_put(txn, id.data, id.size, docid ? docid : state.next_docid + 1000000, &error));
    bool in_doubt;
    WORKS(catalog_commit(txn, &in_doubt, &error));
    catalog_end(txn);
    catalog_close(opened);
    return before;
}

/* Writes of few documents and of a whole segment replace document 5. */
static void test_docid_never_assigned(void)
{
    uint64_t right = set_docid(0);
    mv_collection *c = NULL;
    WORKS(mv_open(path, &(mv_open_options){.manual_maintenance = true}, &c, &error));
    EXPECT(sample_write(c, MV_UPSERT, 0, 10, 2) == MV_CORRUPT);
    EXPECT(sample_write(c, MV_UPSERT, 0, SEAL_ROWS_MAX, 2) == MV_CORRUPT);
    EXPECT(strstr(error.text, "was never assigned"));
    WORKS(mv_close(c, &error));
    EXPECT(set_docid(right) > right);
    expect_whole();
}

int main(void)
{
    if (!sample_place_make("format")) return tests_conclude();
    make_collection();
    RUN(test_newer_state());
    RUN(test_newer_schema());
    RUN(test_newer_segment_file("000001.rows"));
    RUN(test_newer_segment_file("000001.10.vec"));
    RUN(test_no_table_of_indexes());
    RUN(test_docid_never_assigned());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
