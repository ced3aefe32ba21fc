/* Damage to a collection with fields of several vectors. Graphs (index_damage.h): searches go on
 * with the right hits, check names the file, optimize builds it again. Cells: a search says that
 * they are damaged, or goes on. And searches when memory is short. Nothing may be read out of
 * bounds, no assertion may fire, and nothing may hang: run it under the address sanitizer, too.
 *
 *   multi_damage_test          every 47th allocation fails
 *   multi_damage_test STEP     every STEP-th one */
#include "test/multi_sample.h"

#define DAMAGED_INDEXES   MULTI_VECTORS
#define DAMAGED_ENDING    "hnsw"
#define DAMAGE_MAY_BE_MET 1
#include "test/index_damage.h"

#define FEW    1100u /* documents of the damaged collection */
#define FRESH  40u   /* more of them, when memory is short */
#define ROUNDS 20u   /* of damage behind checksums */

static multi_model *model;

/* ---------------------------------------------------------------- graphs */

static mv_collection *open_to_damage(const char *path)
{
    mv_collection *c = NULL;
    WORKS(multi_open(path, &c));
    return c;
}

static void vectors_of_query(uint32_t field, uint32_t i, float *out)
{
    for (uint32_t at = 0; at < 3; at++) multi_vector(field, mix(1000 + i), at, out);
}

static uint32_t wrong_searches(mv_collection *c, size_t queries)
{
    static multi_truth truth;
    mv_result *result = NULL;
    uint32_t wrong = 0;
    multi_is_quiet = true; /* hits behind checksums may be others */
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t i = 0; i < 2 * MULTI_VECTORS && i < queries; i++) {
        float vectors[3 * MULTI_DIM];
        const multi_query q = {i % MULTI_VECTORS, 3, vectors};
        vectors_of_query(q.field, i, vectors);
        multi_find_truth(model, &q, &truth);
        for (int below = 0; below <= 500; below += 500)
            wrong +=
                multi_try(c, result, model, &q, &truth,
                          (multi_asked){.topk = 10, .below = below, .strategy = MV_STRATEGY_GRAPH});
    }
    mv_result_free(result);
    return wrong;
}

static mv_index_stats stats_of(mv_collection *c, uint32_t field)
{
    return multi_stats(c, field);
}

static void search_silently(mv_collection *c, uint32_t field)
{
    float vectors[3 * MULTI_DIM];
    mv_result *result = NULL;
    WORKS(mv_result_create(c, &result, &error));
    mv_query query = {.is_multi = true,
                      .multi_field = field,
                      .vectors = vectors,
                      .vectors_count = 3,
                      .dim = multi_fields[field].dim,
                      .topk = 10,
                      .strategy = MV_STRATEGY_GRAPH};
    for (uint32_t i = 0; i < 5; i++) {
        vectors_of_query(field, i, vectors);
        EXPECT(!mv_search(c, &query, result, NULL));
    }
    mv_result_free(result);
}

static void make_whole(void)
{
    mv_collection *c = open_to_damage(whole);
    model = mem_alloc_zero(sizeof *model);
    WORKS(multi_write(c, model, 0, FEW, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- cells */

/* Where a section of this kind and column is in the rows of the collection; 0: nowhere. */
static uint64_t section_of(const char *rows, uint32_t kind, uint32_t field)
{
    size_t size = 0;
    section_header header;
    section_entry entry = {0};
    uint64_t offset = 0;
    uint8_t *bytes = file_bytes(whole, rows, &size);
    memcpy(&header, bytes, sizeof header);
    for (uint32_t i = 0; i < header.sections; i++) {
        memcpy(&entry, bytes + header.table_offset + i * sizeof entry, sizeof entry);
        if (entry.kind == kind && entry.column == field + 1) offset = entry.offset;
    }
    mem_free(bytes, size);
    return offset;
}

static void write_behind(const char *rows, uint64_t offset, const void *bytes, size_t size)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", hurt, rows);
    FILE *file = fopen(path, "r+b");
    EXPECT(file && !fseek(file, (long)offset, SEEK_SET) && fwrite(bytes, 1, size, file) == size);
    if (file) (void)fclose(file);
}

/* Search in every way, also by the damaged documents. Returns how often damage was found. */
static uint32_t search_damaged(mv_collection *c, uint32_t field)
{
    float vectors[3 * MULTI_DIM];
    mv_result *result = NULL;
    uint32_t found = 0;
    WORKS(mv_result_create(c, &result, &error));
    vectors_of_query(field, 0, vectors);
    const multi_query q = {field, 3, vectors};
    for (uint32_t i = 0; i < 8; i++) {
        const multi_hit by = {.n = i / 2};
        const multi_asked asked = {.topk = 10,
                                   .strategy = i % 2 ? MV_STRATEGY_GRAPH : MV_STRATEGY_AUTO,
                                   .left_out = i < 6 ? &by : NULL};
        mv_err err = multi_search_in(c, result, &q, &asked);
        EXPECT(!err || (err == MV_CORRUPT && error.code == err));
        if (err) EXPECT(strstr(error.text, multi_fields[field].name));
        found += err != MV_OK;
    }
    mv_result_free(result);
    return found;
}

/* The end of the vectors of document 1 is moved, behind the checksums and before them. */
static void test_damaged_ends(uint32_t field)
{
    char rows[64];
    const uint64_t stride = multi_fields[field].dim * sizeof(float);
    const uint64_t ends[] = {0, 1, 4, stride + 1, stride - 4, 1u << 20, 1ull << 40, UINT64_MAX - 3};
    EXPECT(files_with(whole, ".rows", rows) == 1);
    uint64_t offset = section_of(rows, SECTION_ENDS, field);
    EXPECT(offset > 0);
    copy_collection(whole, hurt);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        mv_collection *c = open_to_damage(hurt);
        doing_now("%s: an end is %" PRIu64, multi_fields[field].name, ends[i]);
        EXPECT(wrong_searches(c, 1) == 0);
        write_behind(rows, offset + sizeof ends[i], &ends[i], sizeof ends[i]);
        EXPECT(search_damaged(c, field) > 0 || ends[i] % stride == 0);
        EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, rows));
        WORKS(mv_close(c, &error));
        if (!multi_open(hurt, &c)) {
            (void)search_damaged(c, field);
            EXPECT(mv_check(c, &error) == MV_CORRUPT);
        }
        EXPECT(c || error.code == MV_CORRUPT);
        WORKS(mv_close(c, &error));
        copy_collection(whole, hurt);
    }
}

/* Numbers that no vector has: searches answer something, check finds them. */
static void test_damaged_numbers(uint32_t field)
{
    char rows[64];
    EXPECT(files_with(whole, ".rows", rows) == 1);
    uint64_t offset = section_of(rows, SECTION_BYTES, field);
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e38f};
    EXPECT(offset > 0);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        float numbers[24];
        for (uint32_t at = 0; at < 24; at++) numbers[at] = at % 2 ? -odd[i] : odd[i];
        copy_collection(whole, hurt);
        mv_collection *c = open_to_damage(hurt);
        doing_now("%s: %g", multi_fields[field].name, (double)odd[i]);
        EXPECT(wrong_searches(c, 1) == 0);
        write_behind(rows, offset, numbers, sizeof numbers);
        EXPECT(search_damaged(c, field) > 0); /* by the document of the numbers */
        EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, rows));
        WORKS(mv_close(c, &error));
    }
}

/* Random bytes in all of the rows. */
static void test_damaged_rows(void)
{
    char rows[64];
    EXPECT(files_with(whole, ".rows", rows) == 1);
    for (uint32_t n = 0; n < 10; n++) {
        copy_collection(whole, hurt);
        mv_collection *c = open_to_damage(hurt);
        EXPECT(wrong_searches(c, 1) == 0);
        for (uint32_t f = 0; f < MULTI_VECTORS; f++) {
            uint64_t offset = section_of(rows, n % 2 ? SECTION_ENDS : SECTION_BYTES, f);
            for (uint32_t i = 0; i < 1000; i++) {
                uint8_t byte = (uint8_t)mix(n * 1000 + i);
                uint64_t at = mix(i + 7 * n) % (FEW * sizeof(uint64_t));
                write_behind(rows, offset + at, &byte, 1);
            }
            (void)search_damaged(c, f);
        }
        EXPECT(mv_check(c, &error) == MV_CORRUPT);
        WORKS(mv_close(c, &error));
    }
}

/* ---------------------------------------------------------------- short of memory */

static mv_err search_short(mv_collection *c, uint32_t field)
{
    float vectors[3 * MULTI_DIM];
    mv_result *result = NULL;
    const multi_query q = {field, 3, vectors};
    const multi_hit by = {.n = 51};
    const multi_asked asked[] = {{.topk = 10, .strategy = MV_STRATEGY_GRAPH},
                                 {.topk = 10, .strategy = MV_STRATEGY_GRAPH, .below = 500},
                                 {.topk = 10, .threads = 2, .offset = 20},
                                 {.topk = 5, .left_out = &by}};
    vectors_of_query(field, 1, vectors);
    mv_err err = mv_result_create(c, &result, &error);
    for (size_t i = 0; i < sizeof asked / sizeof *asked && !err; i++)
        err = multi_search_in(c, result, &q, &asked[i]);
    mv_result_free(result);
    return err;
}

static mv_err transact(mv_collection *c)
{
    multi_model ignored = *model;
    mv_collection *tx = NULL;
    mv_err err = mv_begin(c, &tx, &error);
    if (err) return err;
    err = multi_write(tx, &ignored, FEW, FEW + FRESH, 1);
    for (uint32_t f = 0; f < MULTI_VECTORS && !err; f++) err = search_short(tx, f);
    if (!err) return mv_commit(tx, &error);
    mv_abort(tx);
    return err;
}

/* With one thread, so that what fails is the same each time. */
static mv_err optimize_short(mv_collection *c)
{
    mv_job *job = NULL;
    bool more = true;
    mv_err err = mv_optimize_begin(c, &(mv_optimize_options){.threads = 1, .only_indexes = true},
                                   &job, &error);
    while (!err && more) err = mv_optimize_step(job, 1000, &more, NULL, &error);
    mv_job_free(job);
    return err;
}

static mv_err run_script(mv_collection **c)
{
    mv_err err = multi_open(hurt, c);
    for (uint32_t f = 0; f < MULTI_VECTORS && !err; f++) err = search_short(*c, f);
    if (!err) err = transact(*c);
    if (!err) err = optimize_short(*c);
    for (uint32_t f = 0; f < MULTI_VECTORS && !err; f++) err = search_short(*c, f);
    return err ? err : mv_check(*c, &error);
}

/* True when the script got through. */
static bool run_without_memory(uint64_t n, bool persist)
{
    mv_collection *c = NULL;
    size_t bytes = mem_bytes();
    copy_collection(whole, hurt);
    doing_now("allocation %" PRIu64 "%s", n, persist ? " and all after it" : "");
    mem_fail_at(n, persist);
    mv_err err = run_script(&c);
    mem_fail_at(0, false);
    EXPECT(!err || (err == MV_NO_MEMORY && error.code == err && error.text[0]));
    WORKS(mv_close(c, &error));
    EXPECT(mem_bytes() == bytes);
    c = open_to_damage(hurt);
    EXPECT(wrong_searches(c, 2) == 0 || !err); /* after success there are more documents */
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    return !err;
}

/* A failure may be made up for, so one success is not the end: a run of them is. */
static void test_every_allocation(bool persist, uint64_t step)
{
    uint64_t n = 1;
    for (int through = 0; through < 5 && unmet < 20; n += step)
        through = run_without_memory(n, persist) ? through + 1 : 0;
}

/* ---------------------------------------------------------------- */

int main(int argc, char **argv)
{
    uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 47;
    if (!step) step = 1;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("multi-damage")) return tests_conclude();
    damage_begin();
    for (uint32_t field = 0; field < MULTI_VECTORS; field++) {
        RUN_WITH(file_names[field], test_damage(field));
        RUN_WITH(file_names[field], test_missing(field));
        RUN_WITH(file_names[field], test_damage_behind_checksums(field, ROUNDS, 2000));
        RUN_WITH(file_names[field], test_damaged_ends(field));
        RUN_WITH(file_names[field], test_damaged_numbers(field));
    }
    RUN(test_damaged_rows());
    RUN(test_every_allocation(false, step));
    RUN(test_every_allocation(true, step));
    damage_end();
    mem_free(model, sizeof *model);
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
