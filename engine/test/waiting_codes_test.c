/* Segments that wait for a graph, searched by several threads at once while their codes are made,
 * with deleted rows and under a filter. The truth is computed in double precision. */
#include <math.h>
#include <pthread.h>

#include "test/sample.h"

#define ROWS     9000u /* several searches encode them */
#define DIM      128u  /* with codes of bits */
#define THREADS  4u
#define SEARCHES 12u
#define TOPK     10u

static float rows[ROWS][DIM];
static mv_collection *c;

static void make_row(uint32_t n, float *out)
{
    for (uint32_t i = 0; i < DIM; i++) out[i] = (float)(int)(mix(n * 100ull + i) % 2001) - 1000;
}

static bool is_deleted(uint32_t n)
{
    return n % 7 == 0;
}

static mv_err open_rows(void)
{
    mv_schema *schema = NULL;
    mv_err err = mv_schema_create("rows", &schema, &error);
    if (!err)
        err =
            mv_schema_add_field(schema, &(mv_field_options){.name = "n", .type = MV_INT32}, &error);
    if (!err)
        err = mv_schema_add_vector(schema,
                                   &(mv_vector_options){.name = "v",
                                                        .type = MV_VECTOR_FP32,
                                                        .dim = DIM,
                                                        .metric = MV_L2,
                                                        .index.type = MV_INDEX_HNSW},
                                   &error);
    mv_open_options options = {.schema = schema, .manual_maintenance = true};
    if (!err) err = mv_open(":memory:", &options, &c, &error);
    mv_schema_free(schema);
    return err;
}

static mv_err write_rows(void)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(c, &batch, &error);
    for (uint32_t n = 0; n < ROWS && !err; n++) {
        char id[16];
        mv_value value = int_value(n % 100);
        make_row(n, rows[n]);
        err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error);
        if (!err) err = mv_batch_set(batch, 0, &value, &error);
        if (!err) err = mv_batch_set_vector(batch, 0, rows[n], DIM, &error);
    }
    if (!err) err = mv_write(c, MV_INSERT, batch, &written, &error);
    mv_batch_free(batch);
    for (uint32_t n = 0; n < ROWS && !err; n += 7) {
        char text[16];
        mv_id id = {text, (size_t)snprintf(text, sizeof text, "%u", n)};
        err = mv_delete(c, &id, 1, &written, &error);
    }
    return err;
}

/* The distance of the last of the nearest rows. */
static double last_of_nearest(const float *query, int64_t filter)
{
    double nearest[TOPK];
    uint32_t count = 0;
    for (uint32_t n = 0; n < ROWS; n++) {
        double distance = 0;
        if (is_deleted(n) || (filter >= 0 && n % 100 > filter)) continue;
        for (uint32_t i = 0; i < DIM; i++) {
            double d = (double)query[i] - (double)rows[n][i];
            distance += d * d;
        }
        if (count == TOPK && distance >= nearest[TOPK - 1]) continue;
        uint32_t at = count < TOPK ? count++ : TOPK - 1;
        for (; at && nearest[at - 1] > distance; at--) nearest[at] = nearest[at - 1];
        nearest[at] = distance;
    }
    return nearest[TOPK - 1];
}

static bool is_right(mv_result *result, const float *query, int64_t filter)
{
    mv_error own;
    mv_value argument = int_value(filter);
    mv_filter where = {.text = "n <= ?", .size = 6, .args = &argument, .args_count = 1};
    mv_query q = {.vectors = query,
                  .vectors_count = 1,
                  .dim = DIM,
                  .topk = TOPK,
                  .filter = filter >= 0 ? &where : NULL};
    size_t count;
    if (mv_search(c, &q, result, &own)) return false;
    const mv_hit *hits = mv_result_hits(result, &count);
    return count == TOPK && fabs(hits[TOPK - 1].distance - last_of_nearest(query, filter)) <
                                1e-5 * hits[TOPK - 1].distance;
}

static void *search_rows(void *wrong)
{
    mv_result *result = NULL;
    mv_error own;
    if (mv_result_create(c, &result, &own)) {
        *(int *)wrong = 1;
        return NULL;
    }
    for (uint32_t i = 0; i < SEARCHES; i++) {
        float query[DIM];
        make_row(ROWS + i, query);
        if (!is_right(result, query, i % 3 ? -1 : 20)) *(int *)wrong += 1;
    }
    mv_result_free(result);
    return NULL;
}

static void test_threads_together(void)
{
    pthread_t threads[THREADS];
    int wrong[THREADS] = {0};
    WORKS(open_rows());
    WORKS(write_rows());
    for (uint32_t i = 0; i < THREADS; i++)
        EXPECT(!pthread_create(&threads[i], NULL, search_rows, &wrong[i]));
    for (uint32_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        EXPECT(!wrong[i]);
    }
}

/* Most rows are measured by their codes alone, once searches have made all codes, and by their
 * graph when they have one. */
static void test_counts(void)
{
    mv_result *result = NULL;
    size_t steps;
    float query[DIM];
    WORKS(mv_result_create(c, &result, &error));
    make_row(ROWS, query);
    mv_query q = {.vectors = query, .vectors_count = 1, .dim = DIM, .topk = TOPK, .explain = true};
    for (uint32_t i = 0; i < ROWS / 512 + 1; i++) WORKS(mv_search(c, &q, result, &error));
    const mv_plan_step *plan = mv_result_plan(result, &steps);
    EXPECT(steps == 2 && plan[0].last == MV_STRATEGY_EXACT);
    EXPECT(plan[0].counts.code_distances == ROWS - ROWS / 7 - 1);
    EXPECT(plan[0].counts.exact_distances < ROWS / 4);
    WORKS(optimize_all(c, 1000));
    WORKS(mv_search(c, &q, result, &error));
    plan = mv_result_plan(result, &steps);
    EXPECT(steps == 2 && plan[0].last != MV_STRATEGY_EXACT);
    mv_result_free(result);
    WORKS(mv_close(c, &error));
}

/* Pages by an offset share no hit. */
static void test_pages(void)
{
    mv_result *result = NULL;
    float query[DIM];
    uint64_t docids[3 * TOPK];
    size_t found = 0, count;
    WORKS(mv_result_create(c, &result, &error));
    make_row(ROWS + 1, query);
    mv_query q = {.vectors = query, .vectors_count = 1, .dim = DIM, .topk = TOPK};
    double last = 0;
    for (; q.offset < 3 * TOPK; q.offset += TOPK) {
        WORKS(mv_search(c, &q, result, &error));
        const mv_hit *hits = mv_result_hits(result, &count);
        EXPECT(count == TOPK && hits[0].distance >= last);
        for (size_t i = 0; i < count && found < 3 * TOPK; i++) {
            for (size_t at = 0; at < found; at++) EXPECT(docids[at] != hits[i].docid);
            docids[found++] = hits[i].docid;
            last = hits[i].distance;
        }
    }
    mv_result_free(result);
}

int main(void)
{
    RUN(test_threads_together());
    RUN(test_pages());
    RUN(test_counts());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
