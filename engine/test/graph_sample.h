/* A collection with two indexed vector fields, for the tests of graphs: documents made from a
 * number, and searches held against brute force. */
#ifndef MV_GRAPH_SAMPLE_H
#define MV_GRAPH_SAMPLE_H

#include <dirent.h>
#include <math.h>

#include "test/sample.h"

#define GRAPH_DOCS_MAX 40000u
#define GRAPH_DIM      8u

enum { PLAIN, TURNED, GRAPH_FIELDS }; /* fp32 under L2, fp16 under cosine */

static float graph_rows[GRAPH_DOCS_MAX][GRAPH_DIM];
static bool graph_there[GRAPH_DOCS_MAX];

static inline mv_err graph_open(const char *path, mv_open_options options, mv_collection **c)
{
    mv_schema *schema = NULL;
    mv_vector_options plain = {.name = "plain",
                               .type = MV_VECTOR_FP32,
                               .dim = GRAPH_DIM,
                               .metric = MV_L2,
                               .index.type = MV_INDEX_HNSW,
                               .index.as.hnsw = {.m = 8, .ef_construction = 60}};
    mv_vector_options turned = plain;
    turned.name = "turned", turned.type = MV_VECTOR_FP16, turned.metric = MV_COSINE;
    *c = NULL;
    mv_err err = mv_schema_create("graphs", &schema, &error);
    if (!err)
        err = mv_schema_add_field(
            schema,
            &(mv_field_options){.name = "n", .type = MV_INT32, .index.type = MV_INDEX_INVERT},
            &error);
    if (!err) err = mv_schema_add_vector(schema, &plain, &error);
    if (!err) err = mv_schema_add_vector(schema, &turned, &error);
    options.schema = schema;
    if (!err) err = mv_open(path, &options, c, &error);
    mv_schema_free(schema);
    return err;
}

static inline void graph_make_row(uint32_t n)
{
    for (uint32_t i = 0; i < GRAPH_DIM; i++) /* fp16 holds these exactly */
        graph_rows[n][i] = (float)((int)(mix(n * 100ull + i) % 1023) - 511) / 8;
    graph_rows[n][0] += graph_rows[n][0] == 0;
}

/* Write documents [first, last) in calls of `batch_size`: 4,096 and more become a segment each. */
static inline mv_err graph_write(mv_collection *c, uint32_t first, uint32_t last,
                                 uint32_t batch_size)
{
    mv_batch *batch = NULL;
    mv_err err = mv_batch_create(c, &batch, &error);
    for (uint32_t n = first; n < last && !err; n++) {
        char id[16];
        uint64_t written;
        mv_value value = int_value(n);
        graph_make_row(n);
        graph_there[n] = true;
        err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error);
        if (!err) err = mv_batch_set(batch, 0, &value, &error);
        for (uint32_t v = 0; v < GRAPH_FIELDS && !err; v++)
            err = mv_batch_set_vector(batch, v, graph_rows[n], GRAPH_DIM, &error);
        if (err || (mv_batch_count(batch) < batch_size && n + 1 < last)) continue;
        err = mv_write(c, MV_UPSERT, batch, &written, &error);
        mv_batch_clear(batch);
    }
    mv_batch_free(batch);
    return err;
}

static inline mv_err graph_delete(mv_collection *c, uint32_t first, uint32_t last, uint32_t every)
{
    mv_err err = MV_OK;
    for (uint32_t n = first; n < last && !err; n += every) {
        char id[16];
        uint64_t deleted;
        mv_id one = {id, (size_t)snprintf(id, sizeof id, "%u", n)};
        err = mv_delete(c, &one, 1, &deleted, &error);
        graph_there[n] = false;
    }
    return err;
}

/* ---------------------------------------------------------------- searching */

static inline double graph_distance(uint32_t field, const float *a, const float *b)
{
    double dot = 0, aa = 0, bb = 0, difference = 0;
    for (uint32_t i = 0; i < GRAPH_DIM; i++) {
        double x = (double)a[i], y = (double)b[i];
        dot += x * y, aa += x * x, bb += y * y, difference += (x - y) * (x - y);
    }
    return field == PLAIN ? difference : 1 - dot / sqrt(aa * bb);
}

/* The number that would be at position `at` if the `count` numbers were in order (Hoare's
 * quickselect). Moves them. */
static inline double graph_nth(double *numbers, size_t count, size_t at)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        double pivot = numbers[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (numbers[i] < pivot) i++;
            while (numbers[j] > pivot) j--;
            if (i >= j) break;
            double swapped = numbers[i];
            numbers[i++] = numbers[j];
            numbers[j--] = swapped;
        }
        if (at <= j)
            high = j;
        else
            low = j + 1;
    }
    return numbers[at];
}

typedef struct graph_asked {
    uint32_t field;
    uint32_t topk;
    uint32_t ef;
    uint32_t from; /* a filter: n >= from; 0: none */
    mv_strategy strategy;
} graph_asked;

/* Search for a few vectors, and compare the hits with all rows: each exists, matches, has the right
 * distance and is in order, and there are as many as rows match. Returns the share of the true
 * neighbours that was found; less than 0: the hits are wrong. */
static inline double graph_recall(mv_collection *c, graph_asked asked)
{
    enum { SEARCHES = 20 };
    static double truth[GRAPH_DOCS_MAX];
    mv_result *result = NULL;
    uint32_t met = 0, wanted = 0;
    mv_value argument = int_value(asked.from);
    mv_filter filter = {.text = "n >= ?", .size = 6, .args = &argument, .args_count = 1};
    mv_err err = mv_result_create(c, &result, &error);
    for (uint32_t at = 0; at < SEARCHES && !err; at++) {
        float vector[GRAPH_DIM];
        size_t count = 0, there = 0;
        double last = -1;
        for (uint32_t i = 0; i < GRAPH_DIM; i++)
            vector[i] = (float)((int)(mix(777777 + at * 100 + i) % 1023) - 511) / 8;
        mv_query query = {.vector_field = asked.field,
                          .vectors = vector,
                          .vectors_count = 1,
                          .dim = GRAPH_DIM,
                          .topk = asked.topk,
                          .filter = asked.from ? &filter : NULL,
                          .ef = asked.ef,
                          .strategy = asked.strategy};
        if ((err = mv_search(c, &query, result, &error))) break;
        const mv_hit *hits = mv_result_hits(result, &count);
        for (uint32_t n = asked.from; n < GRAPH_DOCS_MAX; n++)
            if (graph_there[n]) truth[there++] = graph_distance(asked.field, vector, graph_rows[n]);
        size_t most = there < asked.topk ? there : asked.topk;
        double farthest = most ? graph_nth(truth, there, most - 1) : 0;
        bool right = count == most;
        for (size_t i = 0; i < count && right; i++) {
            mv_value n = {0};
            right = !mv_result_value(result, i, 0, &n, &error) && graph_there[n.as.i] &&
                    n.as.i >= asked.from && hits[i].distance >= last &&
                    fabs(graph_distance(asked.field, vector, graph_rows[n.as.i]) -
                         hits[i].distance) <= 1e-3 * (1 + fabs(hits[i].distance));
            last = hits[i].distance;
            met += hits[i].distance <= farthest + 1e-3 * (1 + fabs(last));
        }
        if (!right) {
            printf("    %zu hits of %zu, or wrong ones\n", count, most);
            met = 0, wanted = 1;
            mv_result_free(result);
            return -1;
        }
        wanted += (uint32_t)most;
    }
    mv_result_free(result);
    if (err) printf("    %s\n", error.text);
    return err ? -1 : wanted ? (double)met / wanted : 1;
}

#define RECALLS(c, floor, ...)                                                                     \
    do {                                                                                           \
        double recall_ = graph_recall((c), (graph_asked){__VA_ARGS__});                            \
        expect(recall_ >= (floor), "recall of " #__VA_ARGS__ " >= " #floor, __FILE__, __LINE__);   \
        if (recall_ < (floor)) printf("    it is %g\n", recall_);                                  \
    } while (0)

/* Through graphs, with and without a filter, and where graphs are not worth it. */
static inline void graph_search_all(mv_collection *c)
{
    uint32_t last = GRAPH_DOCS_MAX;
    while (!graph_there[last - 1]) last--;
    for (uint32_t field = 0; field < GRAPH_FIELDS; field++) {
        RECALLS(c, 0.9, field, .topk = 10);
        RECALLS(c, 0.95, field, .topk = 10, .ef = 200);
        RECALLS(c, 0.9, field, .topk = 10, .from = 500);
        RECALLS(c, 1, field, .topk = 10, .strategy = MV_STRATEGY_EXACT);
        RECALLS(c, 1, field, .topk = 10, .from = last - 900);
        RECALLS(c, 1, field, .topk = 3000); /* more than a walk is good for */
    }
}

/* ---------------------------------------------------------------- files */

/* How many names in the directory end so; the last one found goes to `name`. */
static inline uint32_t graph_files(const char *path, const char *ending, char name[64])
{
    uint32_t count = 0;
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        size_t size = strlen(entry->d_name), end = strlen(ending);
        if (size < end || strcmp(entry->d_name + size - end, ending) != 0) continue;
        if (name) (void)snprintf(name, 64, "%.63s", entry->d_name);
        count++;
    }
    if (directory) (void)closedir(directory);
    return count;
}

/* Copy a collection that is not open. */
static inline void graph_copy(const char *from, const char *to)
{
    char command[512];
    remove_tree(to);
    (void)snprintf(command, sizeof command, "cp -r %s %s", from, to);
    EXPECT(system(command) == 0);
}

static inline mv_index_stats graph_stats(mv_collection *c, uint32_t field)
{
    mv_index_stats stats = {0};
    WORKS(mv_get_index_stats(c, field, &stats, &error));
    return stats;
}

#endif
