/* Graphs in a collection: built by optimize, opened in place, kept through merges, searched; and
 * damaged, missing, half-written ones. */
#include <fcntl.h>
#include <sys/file.h>

#include "storage/section_file.h"
#include "storage/section_format.h"
#include "test/graph_sample.h"

#define MANY 6000u

static const mv_open_options by_hand = {.manual_maintenance = true};

static void start(void)
{
    memset(graph_there, 0, sizeof graph_there);
}

/* ---------------------------------------------------------------- building */

static void expect_indexed(mv_collection *c, uint64_t rows, uint64_t indexed)
{
    for (uint32_t field = 0; field < GRAPH_FIELDS; field++) {
        mv_index_stats stats = graph_stats(c, field);
        EXPECT(stats.type == MV_INDEX_HNSW && stats.rows == rows && !stats.warning[0]);
        EXPECT(stats.indexed_rows == indexed && (stats.segments > 0) == (indexed > 0));
        EXPECT((stats.as.hnsw.quantize != MV_QUANTIZE_AUTO) == (indexed > 0));
        EXPECT((stats.bytes > 0) == (indexed > 0) && (stats.as.hnsw.ef > 0) == (indexed > 0));
    }
}

/* Progress never goes back, and tells when graphs are built. */
static void optimize_watched(mv_collection *c)
{
    mv_job *job = NULL;
    mv_progress progress = {.stage = ""};
    uint64_t done = 0, indexing = 0;
    WORKS(mv_optimize_begin(c, &(mv_optimize_options){.threads = 2}, &job, &error));
    for (bool more = job; more;) {
        WORKS(mv_optimize_step(job, 0, &more, &progress, &error));
        EXPECT(progress.done >= done && progress.done <= progress.total);
        done = progress.done;
        indexing += strcmp(progress.stage, "index") == 0;
    }
    EXPECT(done == progress.total && strcmp(progress.stage, "done") == 0 && indexing > 2);
    mv_job_free(job);
}

/* Pages, and the search of the last one continued: no hit comes twice. */
static void expect_continued(mv_collection *c)
{
    enum { TOPK = 10, PAGES = 3, STEPS = 10 };
    static bool seen[MANY + 1]; /* by docid */
    mv_result *result = NULL;
    mv_query query = {.vectors = graph_rows[1],
                      .vectors_count = 1,
                      .dim = GRAPH_DIM,
                      .topk = TOPK,
                      .ef = 8,
                      .strategy = MV_STRATEGY_GRAPH};
    memset(seen, 0, sizeof seen);
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t step = 0; step < STEPS; step++) {
        size_t count;
        query.offset = step < PAGES ? step * TOPK : (PAGES - 1) * TOPK;
        query.more = step >= PAGES;
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *hits = mv_result_hits(result, &count);
        EXPECT(count == TOPK);
        for (size_t i = 0; i < count; i++) {
            EXPECT(hits[i].docid < MANY + 1);
            EXPECT(!seen[hits[i].docid]);
            seen[hits[i].docid] = true;
        }
    }
    mv_result_free(result);
}

static void test_life(bool memory)
{
    mv_collection *c = NULL;
    mv_stats stats;
    start();
    WORKS(graph_open(PLACE("life"), by_hand, &c));
    WORKS(graph_write(c, 0, MANY, MANY));
    expect_indexed(c, MANY, 0);
    RECALLS(c, 1, .topk = 10);
    optimize_watched(c);
    expect_indexed(c, MANY, MANY);
    WORKS(mv_check(c, &error));
    graph_search_all(c);
    expect_continued(c);

    WORKS(graph_write(c, MANY, MANY + 100, 50)); /* fresh rows */
    WORKS(graph_delete(c, 0, MANY, 9));
    expect_indexed(c, MANY + 100 - 667, MANY - 667);
    graph_search_all(c);
    WORKS(optimize_all(c, 5)); /* starts from the graph that is there */
    expect_indexed(c, MANY + 100 - 667, MANY + 100 - 667);
    graph_search_all(c);
    WORKS(mv_check(c, &error));

    WORKS(graph_write(c, 1000, 1500, 500)); /* replaced rows, in a second segment */
    WORKS(graph_write(c, MANY + 100, MANY + 5000, 4900));
    graph_search_all(c);
    WORKS(optimize_all(c, 5));
    WORKS(mv_get_stats(c, &stats, &error));
    EXPECT(stats.segments == 1 && !stats.maintenance_error[0] && !stats.is_maintained);
    graph_search_all(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* As another process sees it: opened again, it has the same contents, and files that were replaced
 * are gone.
 */
static void test_reopen(void)
{
    mv_collection *c = NULL;
    const char *path = sample_path("life"), *copy = sample_path("copy");
    WORKS(mv_open(path, &(mv_open_options){.read_only = true, .verify = true}, &c, &error));
    graph_search_all(c);
    WORKS(mv_backup(c, copy, NULL, &error));
    WORKS(mv_close(c, &error));
    EXPECT(graph_files(path, ".hnsw", NULL) == GRAPH_FIELDS);
    EXPECT(graph_files(copy, ".hnsw", NULL) == GRAPH_FIELDS);
    EXPECT(graph_files(path, ".new", NULL) == 0 && graph_files(path, ".vec", NULL) == GRAPH_FIELDS);
    WORKS(mv_open(copy, &(mv_open_options){.verify = true}, &c, &error));
    mv_index_stats stats = graph_stats(c, TURNED);
    EXPECT(stats.segments == 1 && stats.indexed_rows == stats.rows);
    graph_search_all(c);
    WORKS(mv_close(c, &error));
    WORKS(mv_destroy(copy, &error));
    EXPECT(access(copy, F_OK) != 0);
}

/* Nothing is lost while a graph is built beside writers, and deletions are carried over. */
static void test_beside_writers(bool memory)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    mv_progress progress;
    start();
    WORKS(graph_open(PLACE("beside"), by_hand, &c));
    WORKS(graph_write(c, 0, MANY, MANY));
    WORKS(graph_write(c, MANY, 2 * MANY, MANY));
    WORKS(mv_optimize_begin(c, NULL, &job, &error));
    uint32_t slices = 0;
    for (bool more = true; more; slices++) {
        WORKS(mv_optimize_step(job, 0, &more, &progress, &error));
        if (slices % 3) continue;
        WORKS(graph_delete(c, slices * 7 % MANY, slices * 7 % MANY + 1, 1));
        WORKS(graph_write(c, MANY + slices % MANY, MANY + slices % MANY + 1, 1));
    }
    mv_job_free(job);
    EXPECT(slices > 10);
    graph_search_all(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- damage */

static const char *damaged_path(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", sample_path("life"), name);
    return path;
}

/* Set all bytes of the file's sections of one kind. */
static void spoil(const char *name, uint32_t kind, int byte)
{
    section_header header;
    section_entry entry;
    FILE *file = fopen(damaged_path(name), "r+b");
    EXPECT(file && fread(&header, sizeof header, 1, file) == 1);
    for (uint32_t i = 0; file && i < header.sections; i++) {
        (void)fseek(file, (long)(header.table_offset + i * sizeof entry), SEEK_SET);
        if (fread(&entry, sizeof entry, 1, file) != 1 || entry.kind != kind) continue;
        (void)fseek(file, (long)entry.offset, SEEK_SET);
        for (uint64_t at = 0; at < entry.size; at++) (void)fputc(byte, file);
    }
    if (file) (void)fclose(file);
}

typedef enum harm { HARM_REMOVE, HARM_HEADER, HARM_HEAD, HARM_LINKS, HARM_END, HARMS } harm;

static const char *const harm_names[HARMS] = {"no file", "the header", "the head", "the links",
                                              "the end"};

static void do_harm(const char *name, harm what)
{
    switch (what) {
    case HARM_REMOVE: EXPECT(remove(damaged_path(name)) == 0); break;
    case HARM_HEADER: {
        FILE *file = fopen(damaged_path(name), "r+b");
        EXPECT(file && fputc('x', file) == 'x' && fclose(file) == 0);
        break;
    }
    case HARM_HEAD: spoil(name, hnsw_kind.sections_first, 0x7e); break;
    case HARM_LINKS: spoil(name, hnsw_kind.sections_first + 4, 0x7e); break;
    default: EXPECT(truncate(damaged_path(name), 100) == 0);
    }
}

/* A graph that is damaged harms nothing but speed: named by stats and check, and rebuilt. */
static void test_damage(harm what)
{
    mv_collection *c = NULL;
    mv_stats before, after;
    char name[64] = "", name_now[64] = "";
    const char *path = sample_path("life");
    EXPECT(graph_files(path, ".hnsw", name) == GRAPH_FIELDS);
    do_harm(name, what);
    WORKS(mv_open(path, &by_hand, &c, &error));
    WORKS(mv_get_stats(c, &before, &error));
    for (uint32_t field = 0; field < GRAPH_FIELDS; field++) {
        RECALLS(c, 0.9, field, .topk = 10);
        RECALLS(c, 0.9, field, .topk = 10, .from = 500);
    }
    uint32_t warnings = 0;
    for (uint32_t field = 0; field < GRAPH_FIELDS; field++) {
        mv_index_stats stats = graph_stats(c, field);
        warnings += strstr(stats.warning, name) != NULL;
        EXPECT((stats.indexed_rows == 0) == (stats.warning[0] != 0));
    }
    EXPECT(warnings == 1);
    EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, name));
    mv_collection *verified = NULL;
    EXPECT(mv_open(path, &(mv_open_options){.verify = true}, &verified, &error) == MV_CORRUPT);
    WORKS(optimize_all(c, 1000));
    WORKS(mv_check(c, &error));
    WORKS(mv_get_stats(c, &after, &error));
    EXPECT(after.segments == before.segments); /* no vector was copied */
    expect_indexed(c, after.documents, after.documents);
    graph_search_all(c);
    WORKS(graph_delete(c, 2, 3, 1)); /* unlinks files that have no reader */
    WORKS(mv_close(c, &error));
    EXPECT(graph_files(path, ".hnsw", name_now) == GRAPH_FIELDS);
    EXPECT(access(damaged_path(name), F_OK) != 0);
}

/* An index in which check finds damage in an open collection is rebuilt, too. A right checksum does
 * not prove that the links are right. */
static void test_damage_found_by_check(void)
{
    mv_collection *c = NULL;
    char name[64] = "";
    const char *path = sample_path("life");
    WORKS(mv_open(path, &by_hand, &c, &error));
    WORKS(mv_check(c, &error));
    EXPECT(graph_files(path, ".hnsw", name) == GRAPH_FIELDS);
    spoil(name, hnsw_kind.sections_first + 5,
          0); /* what comes down at a wrong node finds its way */
    EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, name));
    RECALLS(c, 0.9, .topk = 10);
    WORKS(optimize_all(c, 1000));
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* Damaged vectors do not become a graph that looks well. */
static void test_damaged_vectors(void)
{
    mv_collection *c = NULL;
    char name[64] = "";
    const char *path = sample_path("raw");
    start();
    WORKS(graph_open(path, by_hand, &c));
    WORKS(graph_write(c, 0, MANY, MANY));
    WORKS(mv_close(c, &error));
    EXPECT(graph_files(path, ".vec", name) == GRAPH_FIELDS);
    char full[256];
    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    FILE *file = fopen(full, "r+b");
    EXPECT(file && !fseek(file, 1000, SEEK_SET) && fputc('x', file) == 'x' && !fclose(file));
    WORKS(mv_open(path, &by_hand, &c, &error));
    EXPECT(optimize_all(c, 1000) == MV_CORRUPT && strstr(error.text, name));
    EXPECT(graph_files(path, ".hnsw", NULL) == 0 && graph_files(path, ".new", NULL) == 0);
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- giving up */

static uint32_t count_files(const char *path)
{
    return graph_files(path, "", NULL);
}

/* A job freed or cancelled at any moment leaves no file behind. */
static void test_cancel(const char *path)
{
    mv_collection *c = NULL;
    mv_progress progress;
    start();
    WORKS(graph_open(path, by_hand, &c));
    WORKS(graph_write(c, 0, MANY, MANY));
    uint32_t files = count_files(path), steps = 1, in_graphs = 0;
    size_t bytes = mem_bytes();
    for (bool more = true; more && steps < 1000000; steps = steps * 3 / 2 + 1) {
        mv_job *job = NULL;
        WORKS(mv_optimize_begin(c, NULL, &job, &error));
        more = true;
        for (uint32_t i = 0; i < steps && more; i++)
            WORKS(mv_optimize_step(job, 0, &more, &progress, &error));
        in_graphs += more && strcmp(progress.stage, "index") == 0;
        if (more && steps % 2) {
            mv_job_cancel(job);
            bool goes_on = true;
            WORKS(mv_optimize_step(job, 1000, &goes_on, &progress, &error));
            EXPECT(!goes_on);
        }
        mv_job_free(job);
        EXPECT(!more || count_files(path) == files);
        EXPECT(!more || mem_bytes() <= bytes + 4096);
    }
    EXPECT(in_graphs > 1);
    expect_indexed(c, MANY, MANY);
    WORKS(mv_close(c, &error));
}

/* What a process left when it died goes with the first write; what is being written stays. */
static void test_leftovers(const char *path)
{
    static const char *const names[] = {"000900.2.hnsw", "000901.2.hnsw.new", "000902.3.hnsw.new"};
    mv_collection *c = NULL;
    char full[3][256];
    int files[3];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(full[i], sizeof full[i], "%s/%s", path, names[i]);
        files[i] = open(full[i], O_CREAT | O_RDWR, 0600);
        EXPECT(files[i] >= 0);
    }
    EXPECT(flock(files[2], LOCK_EX) == 0);
    WORKS(mv_open(path, &by_hand, &c, &error));
    WORKS(graph_delete(c, 1, 2, 1));
    EXPECT(access(full[0], F_OK) && access(full[1], F_OK) && !access(full[2], F_OK));
    WORKS(mv_close(c, &error));
    for (int i = 0; i < 3; i++) (void)close(files[i]);
    WORKS(mv_open(path, &by_hand, &c, &error));
    WORKS(graph_delete(c, 3, 4, 1));
    EXPECT(access(full[2], F_OK));
    EXPECT(graph_files(path, ".hnsw", NULL) == GRAPH_FIELDS);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- misuse, many queries */

static void test_misuse(void)
{
    mv_collection *c = NULL;
    mv_job *job = NULL;
    mv_index_stats stats;
    mv_result *result = NULL;
    float vector[GRAPH_DIM] = {1};
    WORKS(mv_open(sample_path("life"), &by_hand, &c, &error));
    EXPECT(mv_get_index_stats(c, GRAPH_FIELDS, &stats, &error) == MV_MISUSE);
    EXPECT(mv_optimize_begin(c, &(mv_optimize_options){.threads = 65}, &job, &error) == MV_MISUSE &&
           !job);
    EXPECT(strstr(error.text, "threads is 65"));
    WORKS(mv_result_create(c, &result, &error));
    mv_query query = {
        .vectors = vector, .vectors_count = 1, .dim = GRAPH_DIM, .topk = 1, .ef = MV_EF_MAX + 1};
    EXPECT(mv_search(c, &query, result, &error) == MV_MISUSE);
    mv_result_free(result);
    WORKS(mv_close(c, &error));
}

/* Several vectors in one call find what each finds alone; the same is found each time, and after
 * the first time without any memory. */
static void test_several_vectors(void)
{
    enum { VECTORS = 5, TOPK = 7 };
    mv_collection *c = NULL;
    mv_result *together = NULL, *alone = NULL;
    float vectors[VECTORS * GRAPH_DIM];
    size_t count = 0, one = 0;
    for (uint32_t i = 0; i < VECTORS * GRAPH_DIM; i++) vectors[i] = (float)(mix(i) % 100) - 50;
    WORKS(mv_open(sample_path("life"), &by_hand, &c, &error));
    WORKS(mv_result_create(c, &together, &error));
    WORKS(mv_result_create(c, &alone, &error));
    mv_query query = {.vectors = vectors, .vectors_count = VECTORS, .dim = GRAPH_DIM, .topk = TOPK};
    WORKS(mv_search(c, &query, together, &error));
    const mv_hit *all = mv_result_hits(together, &count);
    EXPECT(count == VECTORS * TOPK);
    query.vectors_count = 1;
    for (uint32_t i = 0; i < VECTORS; i++, query.vectors = vectors + i * GRAPH_DIM) {
        WORKS(mv_search(c, &query, alone, &error));
        const mv_hit *hits = mv_result_hits(alone, &one);
        EXPECT(one == TOPK);
        for (size_t at = 0; at < one; at++)
            EXPECT(hits[at].docid == all[i * TOPK + at].docid &&
                   hits[at].distance == all[i * TOPK + at].distance);
    }
    query.vectors = vectors;
    size_t bytes = mem_bytes();
    mem_fail_at(1, true);
    for (uint32_t i = 0; i < 50; i++) WORKS(mv_search(c, &query, alone, &error));
    mem_fail_at(0, false);
    EXPECT(mem_bytes() == bytes);
    mv_result_free(together);
    mv_result_free(alone);
    WORKS(mv_close(c, &error));
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("graphs")) return tests_conclude();
    RUN(test_life(true));
    RUN(test_beside_writers(true));
    RUN(test_beside_writers(false));
    RUN(test_damaged_vectors());
    RUN(test_cancel(sample_path("cancel")));
    RUN(test_leftovers(sample_path("cancel")));
    RUN(test_life(false));
    RUN(test_reopen());
    RUN(test_several_vectors());
    RUN(test_misuse());
    for (int what = 0; what < HARMS; what++) RUN_WITH(harm_names[what], test_damage((harm)what));
    RUN(test_damage_found_by_check());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
