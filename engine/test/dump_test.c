/* Dumps: a collection comes back from one with everything in it, and bytes that are no sound dump
 * are refused. Nothing may crash: run it under the address sanitizer, too. */
#include "base/hash.h"
#include "storage/dump_format.h"
#include "test/random_bits.h"
#include "test/sample.h"

#define DOCUMENTS 1500u
#define HOSTILE   600 /* dumps with right checksums over wrong bytes */

static uint8_t versions[DOCUMENTS];

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

/* The dump of a collection, read in pieces of `piece` bytes. */
static bytes dump_of(mv_collection *c, size_t piece)
{
    mv_dump *dump = NULL;
    uint64_t size = 0;
    bytes out = {0};
    WORKS(mv_dump_open(c, &dump, &size, &error));
    out.data = mem_alloc((size_t)size);
    for (size_t got = 1; got && out.size < size; out.size += got) {
        size_t left = (size_t)size - out.size;
        WORKS(mv_dump_read(dump, out.data + out.size, piece < left ? piece : left, &got, &error));
    }
    size_t got = 1;
    WORKS(mv_dump_read(dump, &piece, sizeof piece, &got, &error));
    EXPECT(out.size == size && got == 0);
    mv_dump_close(dump);
    return out;
}

static void bytes_free(bytes *b)
{
    mem_free(b->data, b->size);
    *b = (bytes){0};
}

/* Add a graph and inverted lists to the sample. */
static void add_indexes(mv_collection *c)
{
    static const mv_index_change changes[] = {
        {"cosine", {.type = MV_INDEX_HNSW, .as.hnsw = {.m = 4, .ef_construction = 20}}},
        {"year", {.type = MV_INDEX_INVERT, .as = {{0}}}},
    };
    for (int i = 0; i < 2; i++) {
        mv_job *job = NULL;
        mv_progress progress;
        bool more = true;
        const mv_optimize_options options = {.threads = 1, .index_change = &changes[i]};
        WORKS(mv_optimize_begin(c, &options, &job, &error));
        while (more && !mv_optimize_step(job, 1e9, &more, &progress, &error)) {
        }
        EXPECT(!more);
        mv_job_free(job);
    }
}

static uint64_t indexed_rows(mv_collection *c)
{
    mv_index_stats graph = {0}, lists = {0};
    WORKS(mv_get_index_stats(c, COSINE, &graph, &error));
    WORKS(mv_get_field_index_stats(c, YEAR, &lists, &error));
    EXPECT(!graph.warning[0] && !lists.warning[0]);
    return graph.indexed_rows + lists.indexed_rows;
}

/* A sample with a segment, its indexes, deleted and fresh rows. */
static mv_collection *filled(const char *path, uint32_t documents)
{
    mv_collection *c = NULL;
    uint64_t deleted = 0;
    memset(versions, 0, sizeof versions);
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, documents, 1));
    memset(versions, 1, documents);
    if (documents == DOCUMENTS) add_indexes(c);
    WORKS(sample_write(c, MV_UPSERT, 3, 7, 2));
    memset(versions + 3, 2, 4);
    WORKS(sample_delete(c, 1, &deleted));
    versions[1] = 0;
    return c;
}

/* ---------------------------------------------------------------- there and back */

static void test_round_trip(bool memory)
{
    mv_collection *c = filled(PLACE("original"), DOCUMENTS), *back = NULL;
    uint64_t indexed = indexed_rows(c);
    bytes dump = dump_of(c, 1000), again = dump_of(c, SIZE_MAX);
    EXPECT(dump.size == again.size);
    WORKS(mv_load(dump.data, dump.size, &(mv_open_options){.manual_maintenance = true}, &back,
                  &error));
    bytes_free(&dump);
    bytes_free(&again);
    HOLDS(back, versions, DOCUMENTS);
    EXPECT(indexed && indexed_rows(back) == indexed);
    WORKS(mv_check(back, &error));

    WORKS(sample_write(back, MV_UPSERT, 10, 20, 3)); /* the original stays as it is */
    HOLDS(c, versions, DOCUMENTS);
    memset(versions + 10, 3, 10);
    WORKS(optimize_all(back, 1e9));
    HOLDS(back, versions, DOCUMENTS);
    WORKS(mv_close(c, &error));
    WORKS(mv_close(back, &error));
    if (!memory) WORKS(mv_destroy(sample_path("original"), &error));
}

static void test_from_directory(void)
{
    const char *path = sample_path("directory");
    mv_collection *c = filled(path, DOCUMENTS), *copy = NULL;
    uint64_t indexed = indexed_rows(c);
    const mv_open_options options = {.from = path, .manual_maintenance = true};
    WORKS(mv_open(":memory:", &options, &copy, &error)); /* while it is open here */
    HOLDS(copy, versions, DOCUMENTS);
    EXPECT(indexed_rows(copy) == indexed);
    WORKS(mv_close(copy, &error));
    WORKS(mv_close(c, &error));
    WORKS(mv_open(":memory:", &options, &copy, &error)); /* and while it is not */
    WORKS(mv_destroy(path, &error));
    HOLDS(copy, versions, DOCUMENTS);
    WORKS(mv_check(copy, &error));
    WORKS(mv_close(copy, &error));

    EXPECT(mv_open(":memory:", &options, &copy, &error) == MV_NOT_FOUND);
    EXPECT(mv_open(sample_path("other"), &options, &copy, &error) == MV_MISUSE);
}

/* ---------------------------------------------------------------- what is no dump */

static void test_every_byte(void)
{
    mv_collection *c = filled(":memory:", 10), *back = NULL;
    bytes dump = dump_of(c, SIZE_MAX);
    uint32_t loaded = 0, odd = 0;
    WORKS(mv_close(c, &error));
    for (size_t size = 0; size < dump.size; size++)
        loaded += mv_load(dump.data, size, NULL, &back, &error) == MV_OK;
    for (size_t at = 0; at < dump.size; at++) {
        dump.data[at] ^= (uint8_t)(1u << at % 8);
        mv_err err = mv_load(dump.data, dump.size, NULL, &back, &error);
        loaded += err == MV_OK;
        odd += err != MV_CORRUPT && err != MV_WRONG_VERSION;
        dump.data[at] ^= (uint8_t)(1u << at % 8);
    }
    EXPECT(loaded == 0 && odd == 0);
    WORKS(mv_load(dump.data, dump.size, NULL, &back, &error));
    HOLDS(back, versions, 10);
    WORKS(mv_close(back, &error));
    bytes_free(&dump);
}

/* Compute all checksums of a dump again. */
static void seal(bytes *dump)
{
    dump_file files[64];
    uint32_t count = 0;
    memcpy(&count, dump->data + 12, sizeof count);
    if (count > 64) return;
    for (uint32_t i = 0; i < count; i++) {
        files[i] = dump_format_file(dump->data, i);
        if (files[i].offset <= dump->size && files[i].size <= dump->size - files[i].offset)
            files[i].checksum = hash_bytes(dump->data + files[i].offset, (size_t)files[i].size, 0);
    }
    (void)dump_format_write(files, count, dump->data);
}

/* Bytes changed by someone who can compute checksums. What is loaded can be read through. */
static void test_hostile(void)
{
    mv_collection *c = filled(":memory:", DOCUMENTS), *back = NULL;
    mv_result *result = NULL;
    bytes sound = dump_of(c, SIZE_MAX), dump = {mem_alloc(sound.size), sound.size};
    uint32_t refused = 0, odd = 0;
    WORKS(mv_close(c, &error));
    for (int round = 0; round < HOSTILE; round++) {
        memcpy(dump.data, sound.data, sound.size);
        uint32_t files_count;
        memcpy(&files_count, dump.data + 12, sizeof files_count);
        dump_file file = dump_format_file(dump.data, random_bits() % files_count);
        for (uint32_t changes = 1 + random_bits() % 4; changes; changes--) {
            size_t at = round % 8 ? (size_t)(file.offset + random_bits() % file.size)
                                  : 32 + random_bits() % (files_count * sizeof file);
            dump.data[at] = (uint8_t)(random_bits() % 2 ? random_bits() : dump.data[at] ^ 1u);
        }
        seal(&dump);
        mv_err err = mv_load(dump.data, dump.size, NULL, &back, &error);
        refused += err != MV_OK;
        odd += err == MV_MISUSE || err == MV_IO;
        if (err) continue;
        WORKS(mv_result_create(back, &result, &error));
        for (uint32_t n = 0; n < DOCUMENTS; n += 10) {
            bool equal;
            (void)sample_fetch(back, result, n, versions[n], &equal);
        }
        mv_result_free(result);
        (void)mv_close(back, &error);
    }
    EXPECT(refused > HOSTILE / 2 && odd == 0);
    bytes_free(&dump);
    bytes_free(&sound);
}

int main(void)
{
    size_t bytes_before = mem_bytes();
    if (!sample_place_make("dump")) return 1;
    for (int memory = 0; memory < 2; memory++) RUN_WITH(WHERE, test_round_trip(memory));
    RUN(test_from_directory());
    RUN(test_every_byte());
    RUN(test_hostile());
    RUN(test_memory_is_freed(bytes_before));
    remove_tree(sample_place);
    return tests_conclude();
}
