/* Search through the public API against brute force in double precision: every element type and
 * metric, with rows in segments and fresh rows, with and without a filter. */
#include <math.h>

#include "test/sample.h"

#define ROWS    700u
#define DIM_MAX 100u
#define QUERIES 3u

static uint64_t random_state = 5;

typedef struct data {
    mv_type type;
    mv_metric metric;
    uint32_t dim;
    float rows[ROWS][DIM_MAX];
    bool there[ROWS];
    float queries[QUERIES * DIM_MAX];
} data;

static data d;

/* Numbers that fp16 or int8 store exactly. */
static float random_number(mv_type type)
{
    int whole = (int)(mix(random_state++) % 255) - 127;
    if (type == MV_VECTOR_INT8) return (float)whole;
    return type == MV_VECTOR_FP16 ? (float)whole / 8 : (float)whole * 0.013f;
}

static double distance(const float *a, const float *b)
{
    double dot = 0, aa = 0, bb = 0, difference = 0, absolute = 0;
    for (uint32_t i = 0; i < d.dim; i++) {
        double x = (double)a[i], y = (double)b[i];
        dot += x * y, aa += x * x, bb += y * y, difference += (x - y) * (x - y);
        absolute += fabs(x - y);
    }
    if (d.metric == MV_L2) return difference;
    if (d.metric == MV_L1) return absolute;
    return d.metric == MV_IP ? -dot : 1 - dot / sqrt(aa * bb);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* True distances of the rows from `first` on that are there, in order. */
static size_t true_distances(const float *query, uint32_t first, double *out)
{
    size_t count = 0;
    for (uint32_t n = first; n < ROWS; n++)
        if (d.there[n]) out[count++] = distance(query, d.rows[n]);
    qsort(out, count, sizeof *out, compare_doubles);
    return count;
}

/* The hits of one query vector: as many as there must be, each at the distance that its rank has.
 */
static bool hits_are_right(mv_result *result, const mv_hit *hits, size_t count, size_t at,
                           const float *query, uint32_t first, uint32_t offset, uint32_t topk)
{
    static double sorted[ROWS];
    size_t matching = true_distances(query, first, sorted);
    size_t wanted = matching <= offset ? 0 : matching - offset < topk ? matching - offset : topk;
    if (count != wanted) return false;
    for (size_t i = 0; i < count; i++) {
        mv_value n;
        if (mv_result_value(result, at + i, 0, &n, &error)) return false;
        double truth = distance(query, d.rows[n.as.i]);
        double tolerance = 1e-4 * (1 + fabs(truth));
        double score = d.metric == MV_COSINE ? 1 - hits[i].distance : -hits[i].distance;
        if (n.as.i < first || fabs(hits[i].distance - truth) > tolerance ||
            fabs(sorted[offset + i] - truth) > tolerance || hits[i].score != score)
            return false;
        if (i && (hits[i].distance < hits[i - 1].distance ||
                  (hits[i].distance == hits[i - 1].distance && hits[i].docid < hits[i - 1].docid)))
            return false;
    }
    return true;
}

static void search(mv_collection *c, uint32_t first, uint32_t offset, uint32_t topk)
{
    mv_result *result = NULL;
    mv_value argument = int_value(first);
    mv_filter filter = {.text = "n >= ?", .size = 6, .args = &argument, .args_count = 1};
    mv_query query = {.vectors = d.queries,
                      .vectors_count = QUERIES,
                      .dim = d.dim,
                      .topk = topk,
                      .offset = offset,
                      .filter = first ? &filter : NULL};
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_search(c, &query, result, &error));
    size_t count = 0, at = 0;
    const mv_hit *hits = mv_result_hits(result, &count);
    for (uint32_t input = 0; input < QUERIES; input++) {
        size_t end = at;
        while (end < count && hits[end].input == input) end++;
        EXPECT(hits_are_right(result, hits + at, end - at, at, d.queries + (size_t)input * d.dim,
                              first, offset, topk));
        at = end;
    }
    EXPECT(at == count);
    mv_result_free(result);
}

static void add_rows(mv_collection *c, uint32_t first, uint32_t last)
{
    mv_batch *batch = NULL;
    uint64_t written;
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t n = first; n < last; n++) {
        char id[8];
        mv_value value = int_value(n);
        for (uint32_t i = 0; i < d.dim; i++) d.rows[n][i] = random_number(d.type);
        d.rows[n][0] += d.rows[n][0] == 0;
        d.there[n] = true;
        int size = snprintf(id, sizeof id, "%u", n);
        WORKS(mv_batch_add(batch, id, (size_t)size, &error));
        WORKS(mv_batch_set(batch, 0, &value, &error));
        WORKS(mv_batch_set_vector(batch, 0, d.rows[n], d.dim, &error));
    }
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    mv_batch_free(batch);
}

static void delete_some(mv_collection *c, uint32_t every)
{
    for (uint32_t n = 0; n < ROWS; n += every) {
        char id[8];
        uint64_t deleted;
        int size = snprintf(id, sizeof id, "%u", n);
        WORKS(mv_delete(c, &(mv_id){id, (size_t)size}, 1, &deleted, &error));
        d.there[n] = false;
    }
}

static void search_all(mv_collection *c)
{
    search(c, 0, 0, 10);
    search(c, 0, 5, 1);
    search(c, 0, 0, MV_TOPK_MAX);
    search(c, 350, 3, 20);
    search(c, 690, 0, 20);
    search(c, ROWS, 0, 20);
}

static mv_err open_one(mv_type type, mv_metric metric, uint32_t dim, mv_collection **c)
{
    mv_schema *schema = NULL;
    mv_field_options n = {.name = "n", .type = MV_INT32};
    mv_vector_options v = {
        .name = "v", .type = type, .dim = dim, .metric = metric, .index.type = MV_INDEX_FLAT};
    mv_err err = mv_schema_create(NULL, &schema, &error);
    if (!err) err = mv_schema_add_field(schema, &n, &error);
    if (!err) err = mv_schema_add_vector(schema, &v, &error);
    mv_open_options options = {.schema = schema, .manual_maintenance = true};
    if (!err) err = mv_open(":memory:", &options, c, &error);
    mv_schema_free(schema);
    return err;
}

static void test_hits(mv_type type, mv_metric metric, uint32_t dim)
{
    mv_collection *c = NULL;
    memset(&d, 0, sizeof d);
    d.type = type, d.metric = metric, d.dim = dim;
    doing_now("type %d, metric %d, dim %u", (int)type, (int)metric, dim);
    for (uint32_t i = 0; i < QUERIES * dim; i++) d.queries[i] = random_number(type);
    for (uint32_t i = 0; i < QUERIES; i++) d.queries[i * dim] += d.queries[i * dim] == 0;
    WORKS(open_one(type, metric, dim, &c));
    search_all(c); /* nothing there */
    add_rows(c, 0, 300);
    search_all(c); /* all fresh */
    WORKS(optimize_all(c, 1000));
    delete_some(c, 7);
    search_all(c); /* all sealed, some deleted */
    mv_collection *tx = NULL;
    WORKS(mv_begin(c, &tx, &error));
    add_rows(tx, 300, ROWS);
    search_all(tx); /* some of the open transaction */
    delete_some(tx, 3);
    search_all(tx);
    WORKS(mv_commit(tx, &error));
    search_all(c);
    WORKS(optimize_all(c, 1000));
    search_all(c);
    WORKS(mv_close(c, &error));
}

/* Numbers whose products overflow: still k hits, in an order that is the same each time. */
static void test_overflow(mv_metric metric)
{
    static const float vectors[][2] = {{1e15f, 1e15f},   {1e15f, -1e15f}, {-1e15f, 1e15f},
                                       {-1e15f, -1e15f}, {1, 1},          {1e-40f, 1e-40f}};
    enum { COUNT_OF_VECTORS = sizeof vectors / sizeof *vectors };
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    uint64_t written;
    mv_value value = int_value(1);
    WORKS(open_one(MV_VECTOR_FP32, metric, 2, &c));
    WORKS(mv_batch_create(c, &batch, &error));
    for (size_t i = 0; i < COUNT_OF_VECTORS; i++) {
        char id = (char)('a' + i);
        WORKS(mv_batch_add(batch, &id, 1, &error));
        WORKS(mv_batch_set(batch, 0, &value, &error));
        WORKS(mv_batch_set_vector(batch, 0, vectors[i], 2, &error));
    }
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    WORKS(mv_result_create(c, &result, &error));
    for (size_t i = 0; i < COUNT_OF_VECTORS; i++) {
        size_t count = 0;
        mv_query query = {.vectors = vectors[i], .vectors_count = 1, .dim = 2, .topk = 10};
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *hits = mv_result_hits(result, &count);
        EXPECT(count == COUNT_OF_VECTORS);
        for (size_t at = 0; at < count; at++) {
            EXPECT(!isnan(hits[at].distance) && !isnan(hits[at].score));
            EXPECT(!at || hits[at].distance >= hits[at - 1].distance);
        }
    }
    mv_result_free(result);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
}

/* Equal distances: the older document first, and the one searched by is not among the hits. */
static void test_ties(void)
{
    mv_collection *c = NULL;
    mv_result *result = NULL;
    size_t count = 0;
    memset(&d, 0, sizeof d);
    d.type = MV_VECTOR_INT8, d.metric = MV_L2, d.dim = 1;
    WORKS(open_one(d.type, d.metric, 1, &c));
    add_rows(c, 0, ROWS);
    WORKS(mv_result_create(c, &result, &error));
    for (int sealed = 0; sealed < 2; sealed++) {
        mv_query query = {.id = {"5", 1}, .topk = ROWS};
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *hits = mv_result_hits(result, &count);
        EXPECT(count == ROWS - 1);
        for (size_t i = 1; i < count; i++)
            EXPECT(hits[i].distance > hits[i - 1].distance ||
                   (hits[i].distance == hits[i - 1].distance && hits[i].docid > hits[i - 1].docid));
        for (size_t i = 0; i < count; i++) EXPECT(hits[i].docid != 6);
        double limit = 100;
        query.max_distance = &limit;
        WORKS(mv_search(c, &query, result, &error));
        size_t near = 0, got = 0;
        for (uint32_t n = 0; n < ROWS; n++)
            near += n != 5 && distance(d.rows[5], d.rows[n]) <= limit;
        (void)mv_result_hits(result, &got);
        EXPECT(got == near);
        WORKS(optimize_all(c, 1000));
    }
    mv_id missing = {"none", 4};
    EXPECT(mv_search(c, &(mv_query){.id = missing, .topk = 1}, result, &error) == MV_NOT_FOUND);
    mv_result_free(result);
    WORKS(mv_close(c, &error));
}

/* Vectors of vector_binary are packed bits wherever they go in and out. */
static void test_bits(void)
{
    enum { BYTES = 5, QUERIES_OF_BITS = 3 };
    static uint8_t rows[ROWS][BYTES];
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    uint64_t written;
    uint8_t queries[1 + QUERIES_OF_BITS * BYTES]; /* the first byte aside: at odd addresses */
    WORKS(open_one(MV_VECTOR_BINARY, MV_HAMMING, BYTES * 8, &c));
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t n = 0; n < ROWS; n++) {
        char id[8];
        mv_value value = int_value(n);
        for (uint32_t i = 0; i < BYTES; i++) rows[n][i] = (uint8_t)mix(n * 100ull + i);
        WORKS(mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error));
        WORKS(mv_batch_set(batch, 0, &value, &error));
        WORKS(mv_batch_set_vector(batch, 0, rows[n], BYTES * 8, &error));
    }
    EXPECT(mv_batch_add(batch, "x", 1, &error) == MV_OK);
    EXPECT(mv_batch_set_vector(batch, 0, rows[0], BYTES, &error) == MV_MISUSE);
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t i = 0; i < sizeof queries; i++) queries[i] = (uint8_t)mix(i + 77777);
    for (int sealed = 0; sealed < 2; sealed++) {
        size_t count = 0;
        uint32_t wrong = 0;
        mv_query query = {.vectors = queries + 1,
                          .vectors_count = QUERIES_OF_BITS,
                          .dim = BYTES * 8,
                          .topk = ROWS};
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *hits = mv_result_hits(result, &count);
        EXPECT(count == QUERIES_OF_BITS * ROWS);
        for (size_t at = 0; at < count; at++) {
            uint8_t bits[BYTES] = {0};
            mv_value n = {0};
            uint32_t different = 0;
            wrong += mv_result_value(result, at, 0, &n, &error) ||
                     mv_result_vector(result, at, 0, bits, BYTES * 8, &error) ||
                     memcmp(bits, rows[n.as.i], BYTES) != 0;
            for (uint32_t i = 0; i < BYTES * 8; i++)
                different +=
                    (bits[i / 8] ^ queries[1 + hits[at].input * BYTES + i / 8]) >> i % 8 & 1;
            wrong += hits[at].distance != different || hits[at].score != -(double)different;
            wrong += at % ROWS && hits[at].distance < hits[at - 1].distance;
        }
        EXPECT(wrong == 0);
        WORKS(optimize_all(c, 1000));
    }
    mv_result_free(result);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
}

int main(void)
{
    static const mv_type types[] = {MV_VECTOR_FP32, MV_VECTOR_FP16, MV_VECTOR_INT8};
    static const uint32_t dims[] = {1, 3, 32, DIM_MAX};
    for (size_t type = 0; type < 3; type++)
        for (int metric = MV_L2; metric <= MV_L1; metric++)
            for (size_t dim = 0; dim < 4; dim++)
                RUN(test_hits(types[type], (mv_metric)metric, dims[dim]));
    RUN(test_overflow(MV_L2));
    RUN(test_overflow(MV_IP));
    RUN(test_overflow(MV_L1));
    RUN(test_ties());
    RUN(test_bits());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
