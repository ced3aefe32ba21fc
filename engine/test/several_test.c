/* Queries with several vectors: the hits are those of a query for each, with any number of threads;
 * and the hits are right where a graph turns out to be damaged on the way. */
#include "index/hnsw.h"
#include "storage/section_format.h"
#include "test/graph_sample.h"

#define DOCS    12000u
#define VECTORS 70u
#define TOPK    12u

static float vectors[VECTORS][GRAPH_DIM];
static mv_hit singles[VECTORS * TOPK];
static size_t singles_count[VECTORS];

static void make_vectors(void)
{
    for (uint32_t at = 0; at < VECTORS; at++)
        for (uint32_t i = 0; i < GRAPH_DIM; i++)
            vectors[at][i] = (float)((int)(mix(555555 + at * 100 + i) % 1023) - 511) / 8;
}

/* Search for each vector alone. */
static void search_singles(mv_collection *c, mv_query query)
{
    mv_result *result = NULL;
    WORKS(mv_result_create(c, &result, &error));
    query.vectors_count = 1;
    for (uint32_t at = 0; at < VECTORS; at++) {
        query.vectors = vectors[at];
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *hits = mv_result_hits(result, &singles_count[at]);
        EXPECT(singles_count[at] <= TOPK);
        memcpy(singles + at * TOPK, hits, singles_count[at] * sizeof *hits);
    }
    mv_result_free(result);
}

/* Hits of a query for all vectors are those of the single ones, to the bit. */
static bool are_same(const mv_hit *hits, size_t count)
{
    size_t at = 0;
    for (uint32_t input = 0; input < VECTORS; input++) {
        for (size_t i = 0; i < singles_count[input]; i++, at++) {
            const mv_hit *one = &singles[input * TOPK + i];
            if (at == count || hits[at].input != input || hits[at].docid != one->docid ||
                hits[at].distance != one->distance || hits[at].score != one->score)
                return false;
        }
    }
    return at == count;
}

static void expect_same(mv_collection *c, mv_query query)
{
    mv_result *result = NULL;
    query.dim = GRAPH_DIM;
    search_singles(c, query);
    WORKS(mv_result_create(c, &result, &error));
    query.vectors = vectors;
    query.vectors_count = VECTORS;
    for (query.threads = 0; query.threads <= 4; query.threads++) {
        size_t count;
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *hits = mv_result_hits(result, &count);
        EXPECT(are_same(hits, count));
    }
    mv_result_free(result);
}

static void expect_all_same(mv_collection *c)
{
    mv_value argument = int_value(DOCS / 3);
    mv_filter filter = {.text = "n >= ?", .size = 6, .args = &argument, .args_count = 1};
    for (uint32_t field = 0; field < GRAPH_FIELDS; field++) {
        expect_same(c, (mv_query){.vector_field = field, .topk = TOPK});
        expect_same(c, (mv_query){.vector_field = field, .topk = 1});
        expect_same(c, (mv_query){.vector_field = field, .topk = TOPK, .offset = 5});
        expect_same(c, (mv_query){.vector_field = field, .topk = TOPK, .ef = 20});
        expect_same(c, (mv_query){.vector_field = field, .topk = TOPK, .filter = &filter});
        expect_same(c,
                    (mv_query){.vector_field = field, .topk = TOPK, .strategy = MV_STRATEGY_EXACT});
        expect_same(c,
                    (mv_query){.vector_field = field, .topk = TOPK, .strategy = MV_STRATEGY_CODES});
    }
}

/* Exact search, one segment, deletions and fresh rows, several segments. */
static void test_same(void)
{
    mv_collection *c = NULL;
    WORKS(graph_open(sample_path("same"), (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(graph_write(c, 0, DOCS, DOCS));
    expect_all_same(c);
    WORKS(optimize_all(c, 1000));
    expect_all_same(c);
    WORKS(graph_delete(c, 0, DOCS, 7));
    WORKS(graph_write(c, DOCS, DOCS + 700, 100));
    expect_all_same(c);
    WORKS(graph_write(c, DOCS + 700, DOCS + 5700, 5000));
    expect_all_same(c);
    WORKS(mv_close(c, &error));
}

static void test_mistakes(void)
{
    mv_collection *c = NULL;
    mv_result *result = NULL;
    mv_query query = {.vectors = vectors, .vectors_count = 2, .dim = GRAPH_DIM, .topk = 1};
    WORKS(mv_open(sample_path("same"), &(mv_open_options){.read_only = true}, &c, &error));
    WORKS(mv_result_create(c, &result, &error));
    query.threads = MV_THREADS_MAX;
    WORKS(mv_search(c, &query, result, &error));
    query.threads = MV_THREADS_MAX + 1;
    EXPECT(mv_search(c, &query, result, &error) == MV_MISUSE);
    EXPECT(strcmp(error.text, "threads is 65, it must be at most 64") == 0);
    mv_result_free(result);
    WORKS(mv_close(c, &error));
}

/* Let a link of every 400th row lead nowhere, in the only graph of a field. */
static void damage_links(const char *path, uint32_t field)
{
    enum { LINKS = 16 + HNSW_PART_LINKS, DEGREE = 16, EVERY = 400 };
    const uint32_t nowhere = 0x7fffffff;
    char name[64], ending[16], full[256];
    section_header header;
    section_entry entry = {0};
    (void)snprintf(ending, sizeof ending, ".%u.hnsw", 2 + field); /* uids follow the field's */
    EXPECT(graph_files(path, ending, name) == 1);
    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    FILE *file = fopen(full, "r+b");
    EXPECT(file && fread(&header, sizeof header, 1, file) == 1);
    if (!file) return;
    EXPECT(!fseek(file, (long)header.table_offset, SEEK_SET));
    while (entry.kind != LINKS && fread(&entry, sizeof entry, 1, file) == 1) continue;
    EXPECT(entry.kind == LINKS);
    for (uint64_t at = 0; at < entry.size; at += EVERY * DEGREE * sizeof nowhere) {
        EXPECT(!fseek(file, (long)(entry.offset + at), SEEK_SET));
        EXPECT(fwrite(&nowhere, sizeof nowhere, 1, file) == 1);
    }
    EXPECT(!fclose(file));
}

/* Each vector has as many hits as one alone, none twice, and with the distances of documents. */
static void expect_right(mv_collection *c, uint32_t threads)
{
    size_t count = 0;
    mv_result *result = NULL;
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_search(c,
                    &(mv_query){.vectors = vectors,
                                .vectors_count = VECTORS,
                                .dim = GRAPH_DIM,
                                .topk = TOPK,
                                .strategy = MV_STRATEGY_GRAPH,
                                .threads = threads},
                    result, &error));
    const mv_hit *hits = mv_result_hits(result, &count);
    EXPECT(count == VECTORS * TOPK);
    for (size_t i = 0; i < count; i++) {
        mv_value n = {0};
        EXPECT(hits[i].input == i / TOPK);
        WORKS(mv_result_value(result, i, 0, &n, &error));
        double distance = graph_distance(PLAIN, vectors[i / TOPK], graph_rows[n.as.i]);
        EXPECT(fabs(distance - hits[i].distance) <= 1e-3 * (1 + distance));
        for (size_t j = i - i % TOPK; j < i; j++) {
            EXPECT(hits[j].docid != hits[i].docid);
            EXPECT(hits[j].distance <= hits[i].distance);
        }
    }
    mv_result_free(result);
}

/* Some searches are through, others on the way, when one finds the damage. */
static void test_damage(void)
{
    mv_collection *c = NULL;
    char path[128];
    (void)snprintf(path, sizeof path, "%s", sample_path("damaged"));
    for (uint32_t threads = 1; threads <= 3; threads++) {
        WORKS(graph_open(path, (mv_open_options){.manual_maintenance = true}, &c));
        WORKS(graph_write(c, 0, DOCS, DOCS));
        WORKS(optimize_all(c, 1000));
        WORKS(mv_close(c, &error));
        damage_links(path, PLAIN);
        WORKS(mv_open(path, &(mv_open_options){.manual_maintenance = true}, &c, &error));
        EXPECT(!graph_stats(c, PLAIN).warning[0]);
        expect_right(c, threads);
        EXPECT(graph_stats(c, PLAIN).warning[0]);
        expect_same(c, (mv_query){.topk = TOPK});
        WORKS(mv_close(c, &error));
        WORKS(mv_destroy(path, &error));
    }
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("several")) return tests_conclude();
    make_vectors();
    RUN(test_same());
    RUN(test_mistakes());
    RUN(test_damage());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
