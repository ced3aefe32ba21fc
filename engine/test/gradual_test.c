/* Gradual jobs: a program that writes between slices. What is counted is work, not time. */
#include "job/job.h"
#include "test/sample.h"

#define DIM 4u

static mv_err open_frames(const char *path, mv_collection **c)
{
    mv_schema *schema = NULL;
    mv_vector_options vector = {.name = "v",
                                .type = MV_VECTOR_FP32,
                                .dim = DIM,
                                .metric = MV_L2,
                                .index.type = MV_INDEX_HNSW};
    MV_TRY(mv_schema_create("frames", &schema, &error));
    mv_err err = mv_schema_add_vector(schema, &vector, &error);
    mv_open_options options = {
        .schema = schema, .manual_maintenance = true, .durability = MV_DURABILITY_NONE};
    if (!err) err = mv_open(path, &options, c, &error);
    mv_schema_free(schema);
    return err;
}

static void write_some(mv_collection *c, mv_write_mode mode, uint32_t from, uint32_t to)
{
    mv_batch *batch = NULL;
    uint64_t written;
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t n = from; n < to; n++) {
        char id[16];
        float vector[DIM];
        int size = snprintf(id, sizeof id, "%u", n);
        for (uint32_t i = 0; i < DIM; i++) vector[i] = (float)(mix(n * DIM + i) % 1000);
        WORKS(mv_batch_add(batch, id, (size_t)size, &error));
        WORKS(mv_batch_set_vector(batch, 0, vector, DIM, &error));
    }
    WORKS(mv_write(c, mode, batch, &written, &error));
    mv_batch_free(batch);
}

static void delete_one(mv_collection *c, uint32_t n)
{
    char id[16];
    uint64_t deleted = 0;
    int size = snprintf(id, sizeof id, "%u", n);
    WORKS(mv_delete(c, &(mv_id){id, (size_t)size}, 1, &deleted, &error));
    EXPECT(deleted == 1);
}

/* One slice of a job, which is begun if there is none. True at the end of the job. */
static bool do_slice(mv_collection *c, mv_job **job, double budget_ms)
{
    bool more = true;
    if (!*job) WORKS(mv_optimize_begin(c, &(mv_optimize_options){.gradual = true}, job, &error));
    WORKS(mv_optimize_step(*job, budget_ms, &more, NULL, &error));
    if (more) return false;
    mv_job_free(*job);
    *job = NULL;
    return true;
}

static void expect_all_indexed(mv_collection *c, uint64_t rows)
{
    mv_stats stats;
    mv_index_stats index;
    WORKS(mv_get_stats(c, &stats, &error));
    WORKS(mv_get_index_stats(c, 0, &index, &error));
    EXPECT(stats.documents == rows && stats.fresh_rows == 0 && stats.deleted_rows == 0);
    EXPECT(index.indexed_rows == rows && stats.segments == 1 && stats.pending_rows == 0);
    WORKS(mv_check(c, &error));
}

/* Slices that find nothing to do are few: as many as the work takes. */
static uint32_t finish(mv_collection *c, mv_job **job)
{
    uint32_t slices = 1;
    while (!do_slice(c, job, 1) && slices < 100000) slices++;
    return slices;
}

/* A row in each frame: the work per row does not grow with the number of frames. */
static void test_frames(bool memory)
{
    enum { BEFORE = 1500, FRAMES = 2200 };
    mv_collection *c = NULL;
    mv_job *job = NULL;
    WORKS(open_frames(PLACE("frames"), &c));
    write_some(c, MV_INSERT, 0, BEFORE);
    for (uint32_t n = 0; n < FRAMES; n++) {
        write_some(c, MV_INSERT, BEFORE + n, BEFORE + n + 1);
        (void)do_slice(c, &job, 0.5);
    }
    engine_work work = c->e->work;
    EXPECT(work.sealed >= BEFORE && work.sealed <= BEFORE + FRAMES);
    EXPECT(work.copied <= 3 * (BEFORE + FRAMES));
    EXPECT(work.inserted <= 2 * (BEFORE + FRAMES));
    (void)finish(c, &job);
    work = c->e->work;
    EXPECT(work.sealed == BEFORE + FRAMES);
    EXPECT(work.copied <= 4 * (BEFORE + FRAMES));
    EXPECT(work.inserted <= 2 * (BEFORE + FRAMES));
    expect_all_indexed(c, BEFORE + FRAMES);
    EXPECT(do_slice(c, &job, 1)); /* there is nothing to do */
    WORKS(mv_close(c, &error));
}

/* Few rows wait while the program writes, and are indexed once it stops. */
static void test_few_rows_wait(void)
{
    mv_collection *c = NULL;
    mv_job *job = NULL, *second = NULL;
    WORKS(open_frames(":memory:", &c));
    write_some(c, MV_INSERT, 0, 5000);
    (void)finish(c, &job);
    engine_work before = c->e->work;
    for (uint32_t n = 5000; n < 5100; n++) {
        write_some(c, MV_INSERT, n, n + 1);
        EXPECT(!do_slice(c, &job, 1));
        if (n % 10 == 9) EXPECT(!do_slice(c, &job, 1)); /* a pause of a slice is too short */
    }
    EXPECT(c->e->work.sealed == before.sealed && c->e->work.copied == before.copied);
    WORKS(mv_optimize_begin(c, NULL, &second, &error)); /* a job that waits excludes no other */
    mv_job_free(second);
    EXPECT(finish(c, &job) > 2);
    expect_all_indexed(c, 5100);
    write_some(c, MV_INSERT, 5100, 5101);
    EXPECT(!do_slice(c, &job, 1));
    EXPECT(do_slice(c, &job, 1e12)); /* a long slice does not wait */
    expect_all_indexed(c, 5101);
    WORKS(mv_close(c, &error));
}

/* Rows are deleted and replaced while they are packed. */
static void test_changes_while_packing(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    uint32_t deleted = 0, slices = 0;
    WORKS(open_frames(PLACE("packing"), &c));
    write_some(c, MV_INSERT, 0, 3000);
    while (!do_slice(c, &job, 0) && ++slices < 1000000) {
        if (deleted < 500 && slices % 2) {
            delete_one(c, deleted * 5);
            write_some(c, MV_UPSERT, deleted * 5 + 1, deleted * 5 + 2);
            deleted++;
        }
    }
    while (!do_slice(c, &job, 1e12)) continue;
    EXPECT(deleted > 0);
    WORKS(mv_check(c, &error));
    mv_stats stats;
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.documents == 3000 - deleted && stats.fresh_rows == 0);
    for (uint32_t n = 0; n < 3000; n++) {
        char id[16];
        size_t count;
        mv_result *result = NULL;
        int size = snprintf(id, sizeof id, "%u", n);
        if (n % 100) continue;
        WORKS(mv_result_create(c, &result, &error));
        WORKS(mv_fetch(c, &(mv_id){id, (size_t)size}, 1, result, &error));
        (void)mv_result_hits(result, &count);
        EXPECT((count == 1) == !(n % 5 == 0 && n / 5 < deleted));
        mv_result_free(result);
    }
    WORKS(mv_close(c, &error));
}

/* Another writer seals what is being packed. */
static void test_sealed_meanwhile(void)
{
    mv_collection *c = NULL, *sealer = NULL;
    mv_job *job = NULL;
    const char *path = sample_path("sealed");
    WORKS(open_frames(path, &c));
    WORKS(mv_open(path, &(mv_open_options){.durability = MV_DURABILITY_NONE}, &sealer, &error));
    write_some(c, MV_INSERT, 0, 2000);
    uint32_t slices = 0;
    while (!job || job->stage != JOB_PACK) {
        (void)do_slice(c, &job, 0);
        if (!EXPECT(++slices < 1000)) break;
    }
    write_some(sealer, MV_INSERT, 2000, 2001); /* there are enough rows: it seals them */
    WORKS(mv_close(sealer, &error));
    while (!do_slice(c, &job, 1e12)) continue;
    expect_all_indexed(c, 2001);
    WORKS(mv_close(c, &error));
}

/* Change a byte of document n in the catalog's file. */
static void damage_fresh_row(const char *path, uint32_t n)
{
    char file[256];
    float vector[DIM];
    uint8_t *bytes = NULL;
    uint64_t size;
    os_file opened = OS_FILE_NONE;
    for (uint32_t i = 0; i < DIM; i++) vector[i] = (float)(mix(n * DIM + i) % 1000);
    (void)snprintf(file, sizeof file, "%s/%s", path, CATALOG_FILE);
    WORKS(os_open_write(file, &opened, &error));
    WORKS(os_size(opened, &size, file, &error));
    bytes = mem_alloc((size_t)size);
    WORKS(os_read_at(opened, bytes, (size_t)size, 0, file, &error));
    for (size_t at = 0; at + sizeof vector <= size; at++)
        if (!memcmp(bytes + at, vector, sizeof vector))
            WORKS(os_write_at(opened, "x", 1, at, file, &error));
    mem_free(bytes, (size_t)size);
    os_close(opened);
}

/* A row that comes while others are packed is written again, but not if it is damaged. */
static void test_damaged_meanwhile(void)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    const char *path = sample_path("damaged");
    bool more = true;
    mv_err err = MV_OK;
    WORKS(open_frames(path, &c));
    write_some(c, MV_INSERT, 0, 2000);
    for (uint32_t slices = 0; !job || job->stage != JOB_PACK; slices++) {
        (void)do_slice(c, &job, 0);
        if (!EXPECT(slices < 1000)) break;
    }
    write_some(c, MV_INSERT, 2000, 2001);
    damage_fresh_row(path, 2000);
    while (more && !err) err = mv_optimize_step(job, 1, &more, NULL, &error);
    EXPECT(err == MV_CORRUPT && strstr(error.text, "fresh row 2001 is damaged"));
    EXPECT(mv_check(c, &error) == MV_CORRUPT);
    mv_job_free(job);
    WORKS(mv_close(c, &error));
}

int main(void)
{
    if (!sample_place_make("gradual")) return 1;
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_frames(memory));
        RUN_WITH(WHERE, test_changes_while_packing(memory));
    }
    RUN(test_few_rows_wait());
    RUN(test_sealed_meanwhile());
    RUN(test_damaged_meanwhile());
    remove_tree(sample_place);
    return tests_conclude();
}
