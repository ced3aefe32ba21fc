/* Fields of several vectors through the public API against a naive program (MaxSim): fresh rows,
 * segments with a graph and without, after deletes, updates and merges, in transactions, when the
 * index or the field is dropped and comes back. Hits, scores and the order of ties must be the same
 * to the bit, but for hits that a search by graph may miss. */
#include "test/multi_sample.h"

#define FIRST 1200u /* documents of the first segment */
#define MORE  2400u /* up to this one in a second segment */

static multi_model *model; /* of the collection that is tested */

static multi_model *copy_of(const multi_model *other)
{
    multi_model *m = mem_alloc_zero(sizeof *m);
    if (other) *m = *other;
    return m;
}

static void begin(const char *path, mv_collection **c)
{
    WORKS(multi_open(path, c));
    model = copy_of(NULL);
}

static void free_model(void)
{
    mem_free(model, sizeof *model);
}

static void end(mv_collection *c)
{
    WORKS(mv_close(c, &error));
    free_model();
}

/* All documents are in one segment with graphs. */
static void is_indexed(mv_collection *c)
{
    uint64_t rows = 0;
    for (uint32_t n = 0; n < MULTI_DOCS; n++) rows += model->docs[n].there;
    for (uint32_t f = 0; f < MULTI_VECTORS; f++) {
        mv_index_stats stats = multi_stats(c, f);
        EXPECT(stats.type == MV_INDEX_HNSW && stats.segments == 1 && !stats.warning[0]);
        EXPECT(stats.rows == rows && stats.indexed_rows == rows && stats.bytes > 0);
    }
}

/* The documents are as they were written. */
static void holds_vectors(mv_collection *c)
{
    float numbers[MULTI_NUMBERS];
    mv_result *result = NULL;
    uint64_t documents = 0, count = 0;
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t n = 0; n < MULTI_DOCS; n++) {
        char id[16];
        mv_id one = {id, (size_t)snprintf(id, sizeof id, "%u", n)};
        if (!model->docs[n].there) continue;
        documents++;
        WORKS(mv_fetch(c, &one, 1, result, &error));
        for (uint32_t f = 0; f < MULTI_VECTORS; f++) {
            mv_value value, wanted = multi_value(f, numbers, multi_of(model, f, n, numbers));
            WORKS(mv_result_value(result, 0, f, &value, &error));
            EXPECT(value_equal(&value, &wanted));
        }
    }
    mv_result_free(result);
    WORKS(mv_count(c, NULL, &count, &error));
    EXPECT(count == documents);
}

/* ---------------------------------------------------------------- life */

static void look_after_life(const char *path)
{
    mv_collection *c = NULL;
    for (int read_only = 0; read_only < 2; read_only++) {
        mv_open_options options = {.read_only = read_only, .manual_maintenance = true};
        WORKS(mv_open(path, &options, &c, &error));
        EXPECT(multi_wrong(c, model, 6) == 0);
        WORKS(mv_check(c, &error));
        WORKS(mv_close(c, &error));
    }
}

static void test_life(bool memory)
{
    mv_collection *c = NULL;
    begin(PLACE("life"), &c);
    EXPECT(multi_wrong(c, model, 0) == 0); /* empty */
    WORKS(multi_write(c, model, 0, FIRST, 1));
    EXPECT(multi_wrong(c, model, 1) == 0); /* fresh rows */
    WORKS(optimize_all(c, 0));
    is_indexed(c);
    EXPECT(multi_wrong(c, model, 2) == 0); /* a segment */
    WORKS(multi_write(c, model, FIRST, MORE, 1));
    build_only(c);
    EXPECT(multi_stats(c, TOKENS).segments == 2);
    EXPECT(multi_wrong(c, model, 3) == 0); /* two */
    WORKS(multi_delete(c, model, 200, 299));
    WORKS(multi_write(c, model, 100, 200, 2)); /* replaces */
    WORKS(multi_update(c, model, MANY, 3));
    WORKS(multi_write(c, model, MORE, MULTI_DOCS, 1));
    EXPECT(multi_wrong(c, model, 4) == 0); /* with deleted rows, and fresh ones */
    holds_vectors(c);
    WORKS(optimize_all(c, 0));
    is_indexed(c);
    EXPECT(multi_wrong(c, model, 5) == 0); /* merged */
    holds_vectors(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    if (!memory) look_after_life(sample_path("life"));
    free_model();
    remove_tree(sample_path("life"));
}

/* Segments of few rows have no graph. */
static void test_many_segments(void)
{
    mv_collection *c = NULL;
    begin(":memory:", &c);
    for (uint32_t n = 0, size; n < FIRST + 900; n += size) {
        size = n == 600 ? FIRST : 100;
        WORKS(multi_write(c, model, n, n + size, 1));
        build_only(c);
    }
    mv_index_stats stats = multi_stats(c, TOKENS);
    EXPECT(stats.segments == 1 && stats.indexed_rows == FIRST && stats.rows == FIRST + 900);
    EXPECT(multi_wrong(c, model, 1) == 0);
    WORKS(multi_delete(c, model, 500, 999));
    EXPECT(multi_wrong(c, model, 2) == 0);
    end(c);
}

static void test_transaction(bool memory)
{
    mv_collection *c = NULL, *tx = NULL;
    begin(PLACE("tx"), &c);
    WORKS(multi_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    for (int commits = 0; commits < 2; commits++) {
        multi_model *changed = copy_of(model), *before = model;
        WORKS(mv_begin(c, &tx, &error));
        WORKS(multi_write(tx, changed, FIRST - 50, FIRST + 100, 2));
        WORKS(multi_delete(tx, changed, 0, 99));
        WORKS(multi_update(tx, changed, TOKENS, 3));
        EXPECT(multi_wrong(tx, changed, 1) == 0);
        EXPECT(multi_wrong(c, model, 2) == 0);
        if (commits)
            WORKS(mv_commit(tx, &error));
        else
            mv_abort(tx);
        if (commits) model = changed, changed = before;
        EXPECT(multi_wrong(c, model, 3) == 0);
        mem_free(changed, sizeof *changed);
    }
    WORKS(mv_check(c, &error));
    end(c);
    remove_tree(sample_path("tx"));
}

/* ---------------------------------------------------------------- pages */

/* Pages share no hit, and leave none of the documents with vectors out. `more`: as steps of one
 * search, else by offsets. */
static void read_on(mv_collection *c, const multi_query *q, uint32_t documents,
                    mv_strategy strategy, bool more)
{
    static bool is_met[MULTI_DOCS];
    mv_query query = {.is_multi = true,
                      .multi_field = q->field,
                      .vectors = q->vectors,
                      .vectors_count = q->count,
                      .dim = multi_fields[q->field].dim,
                      .topk = 70,
                      .strategy = strategy};
    mv_result *result = NULL;
    size_t count = 1;
    uint32_t met = 0;
    memset(is_met, 0, sizeof is_met);
    WORKS(mv_result_create(c, &result, &error));
    while (count && met <= documents) {
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *hits = mv_result_hits(result, &count);
        for (size_t i = 0; i < count; i++, met++) {
            uint32_t n = multi_number_of(result, i);
            EXPECT(n < MULTI_DOCS && !is_met[n]);
            if (n < MULTI_DOCS) is_met[n] = true;
            EXPECT(!i || hits[i].score <= hits[i - 1].score);
        }
        EXPECT(count == query.topk || met == documents);
        query.more = more;
        if (!more) query.offset += query.topk;
    }
    EXPECT(met == documents);
    mv_result_free(result);
}

static void test_pages(void)
{
    static multi_truth truth;
    float vectors[3 * MULTI_DIM];
    mv_collection *c = NULL;
    begin(":memory:", &c);
    WORKS(multi_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(multi_write(c, model, FIRST, FIRST + 200, 1));
    for (uint32_t f = 0; f < MULTI_VECTORS; f++) {
        for (uint32_t i = 0; i < 3; i++) multi_vector(f, mix(i), i, vectors);
        const multi_query q = {f, 3, vectors};
        multi_find_truth(model, &q, &truth);
        read_on(c, &q, truth.count, MV_STRATEGY_AUTO, false);
        read_on(c, &q, truth.count, MV_STRATEGY_AUTO, true);
        read_on(c, &q, truth.count, MV_STRATEGY_GRAPH, false);
        read_on(c, &q, truth.count, MV_STRATEGY_GRAPH, true);
    }
    end(c);
}

/* Documents with one vector that is near to one of the two vectors of the query; every 100th has
 * one that is near to none, and is better: a search by graph finds it only among very many. */
static void write_hidden(mv_collection *c)
{
    mv_batch *batch = NULL;
    uint64_t written;
    const mv_value number = int_value(0);
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t n = 0; n < FIRST; n++) {
        char id[16];
        bool is_hidden = n % 100 == 50;
        float near = (float)(100 + n % 60) / 100, vector[MULTI_DIM] = {0};
        vector[n % 2] = near;
        if (is_hidden) vector[0] = vector[1] = 0.9f;
        mv_value value = multi_value(TOKENS, vector, 1);
        WORKS(mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error));
        WORKS(mv_batch_set(batch, NUMBER, &number, &error));
        WORKS(mv_batch_set(batch, TOKENS, &value, &error));
    }
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    mv_batch_free(batch);
}

/* A search by graph for more hits finds better ones, too: pages are still of one sequence. */
static void test_pages_of_hidden(void)
{
    const float vectors[2 * MULTI_DIM] = {[0] = 1, [MULTI_DIM + 1] = 1};
    const multi_query q = {TOKENS, 2, vectors};
    mv_collection *c = NULL;
    mv_result *result = NULL;
    size_t count;
    begin(":memory:", &c);
    write_hidden(c);
    build_only(c);
    WORKS(mv_result_create(c, &result, &error));
    const multi_asked asked = {.topk = 70, .strategy = MV_STRATEGY_GRAPH};
    WORKS(multi_search_in(c, result, &q, &asked));
    const mv_hit *hits = mv_result_hits(result, &count);
    EXPECT(count == 70 && hits[0].score < 1.7); /* it did not find those of 1.8 */
    mv_result_free(result);
    read_on(c, &q, FIRST, MV_STRATEGY_EXACT, false);
    read_on(c, &q, FIRST, MV_STRATEGY_GRAPH, false);
    read_on(c, &q, FIRST, MV_STRATEGY_GRAPH, true);
    end(c);
}

/* ---------------------------------------------------------------- the plan, threads */

/* Search by a graph, with this many threads. Returns the hits, and the step of the segment. */
static mv_plan_step step_of(mv_collection *c, mv_result *result, const multi_query *q,
                            mv_query query)
{
    size_t steps = 0;
    query.is_multi = query.explain = true;
    query.vectors = q->vectors;
    query.vectors_count = q->count;
    query.multi_field = q->field;
    query.dim = multi_fields[q->field].dim;
    WORKS(mv_search(c, &query, result, &error));
    const mv_plan_step *plan = mv_result_plan(result, &steps);
    EXPECT(steps > 0 && !plan[0].is_fresh);
    return steps ? plan[0] : (mv_plan_step){0};
}

/* Fewer vectors are compared where the graph is used, and the hits do not depend on threads. */
static void test_plan(void)
{
    float vectors[9 * MULTI_DIM], numbers[MULTI_NUMBERS];
    const multi_query q = {TOKENS, 9, vectors};
    mv_collection *c = NULL;
    mv_result *one = NULL, *other = NULL;
    uint64_t all = 0;
    begin(":memory:", &c);
    WORKS(multi_write(c, model, 0, MORE, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_result_create(c, &one, &error));
    WORKS(mv_result_create(c, &other, &error));
    for (uint32_t n = 0; n < MORE; n++) all += multi_of(model, TOKENS, n, numbers);
    for (uint32_t i = 0; i < q.count; i++) multi_vector(TOKENS, 77, i, vectors);
    mv_plan_step step = step_of(c, one, &q, (mv_query){.topk = 10});
    EXPECT(step.last == MV_STRATEGY_EXACT && step.expected_recall == 1 && step.matching == MORE);
    EXPECT(step.counts.exact_distances == all * q.count && !step.counts.code_distances);
    step = step_of(c, one, &q, (mv_query){.topk = 10, .strategy = MV_STRATEGY_GRAPH, .recall = 1});
    EXPECT(step.last == MV_STRATEGY_EXACT && step.expected_recall == 1);
    step = step_of(c, one, &q, (mv_query){.topk = 5000, .strategy = MV_STRATEGY_GRAPH});
    EXPECT(step.last == MV_STRATEGY_EXACT && step.expected_recall == 1);
    step = step_of(c, one, &q, (mv_query){.topk = 1, .strategy = MV_STRATEGY_GRAPH});
    EXPECT(step.last == MV_STRATEGY_GRAPH && step.expected_recall < 1);
    EXPECT(step.counts.code_distances > 0 && step.counts.exact_distances < all * q.count / 2);
    for (uint32_t threads = 2; threads < 12; threads++) {
        mv_plan_step same = step_of(c, other, &q,
                                    (mv_query){.topk = 1 + threads % 2 * 9,
                                               .strategy = MV_STRATEGY_GRAPH,
                                               .threads = threads});
        if (threads % 2) continue;
        EXPECT(multi_number_of(one, 0) == multi_number_of(other, 0));
        EXPECT(same.counts.exact_distances == step.counts.exact_distances);
    }
    mv_result_free(one);
    mv_result_free(other);
    end(c);
}

/* As many vectors as a query may have; a document with more of them is searched for by the first
 * ones. */
static void test_most_vectors(void)
{
    static float vectors[(MV_MULTI_MAX + 1) * MULTI_DIM];
    static multi_truth truth;
    const multi_query q = {TOKENS, MV_MULTI_MAX, vectors};
    const mv_value value = multi_value(TOKENS, vectors, MV_MULTI_MAX + 1), number = int_value(1);
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    uint64_t written;
    begin(":memory:", &c);
    WORKS(multi_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    for (uint32_t i = 0; i < MV_MULTI_MAX; i++) multi_vector(TOKENS, 5, i, vectors);
    for (uint32_t d = 0; d < MULTI_DIM; d++) vectors[MV_MULTI_MAX * MULTI_DIM + d] = 1e3f;
    multi_find_truth(model, &q, &truth);
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t threads = 1; threads < 3; threads++) {
        multi_asked asked = {.topk = 10, .threads = threads};
        EXPECT(!multi_try(c, result, model, &q, &truth, asked));
        asked.strategy = MV_STRATEGY_GRAPH;
        EXPECT(!multi_try(c, result, model, &q, &truth, asked));
    }
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(mv_batch_add(batch, "9999", 4, &error));
    WORKS(mv_batch_set(batch, TOKENS, &value, &error));
    WORKS(mv_batch_set(batch, NUMBER, &number, &error));
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    mv_batch_free(batch);
    const multi_hit big = {.n = 9999};
    EXPECT(!multi_try(c, result, model, &q, &truth, (multi_asked){.topk = 10, .left_out = &big}));
    mv_result_free(result);
    end(c);
}

/* Bounds of scores that are no floats. */
static void test_bounds(void)
{
    static const double bounds[] = {-INFINITY, -1e300, -1e-300, 0, 1e-300, 1e300, INFINITY};
    static multi_truth truth;
    float vectors[3 * MULTI_DIM];
    const multi_query q = {TOKENS, 3, vectors};
    mv_collection *c = NULL;
    mv_result *result = NULL;
    begin(":memory:", &c);
    WORKS(multi_write(c, model, 0, FIRST, 1));
    build_only(c);
    for (uint32_t i = 0; i < q.count; i++) multi_vector(TOKENS, 31, i, vectors);
    multi_find_truth(model, &q, &truth);
    WORKS(mv_result_create(c, &result, &error));
    for (size_t i = 0; i < 2 * sizeof bounds / sizeof *bounds; i++) {
        multi_asked asked = {.topk = 10,
                             .strategy = i % 2 ? MV_STRATEGY_GRAPH : MV_STRATEGY_AUTO,
                             .least = &bounds[i / 2]};
        EXPECT(!multi_try(c, result, model, &q, &truth, asked));
        asked.most = asked.least, asked.least = NULL;
        EXPECT(!multi_try(c, result, model, &q, &truth, asked));
    }
    mv_result_free(result);
    end(c);
}

/* ---------------------------------------------------------------- nothing to find */

/* No documents; all of them without vectors: a graph over none. */
static void test_nothing_to_find(void)
{
    for (uint32_t count = 0; count <= FIRST; count += FIRST) {
        const mv_value none = multi_value(TOKENS, NULL, 0), number = int_value(3);
        mv_collection *c = NULL;
        mv_batch *batch = NULL;
        uint64_t written;
        begin(":memory:", &c);
        doing_now("%u documents", count);
        WORKS(mv_batch_create(c, &batch, &error));
        for (uint32_t n = 0; n < count; n++) {
            char id[16];
            WORKS(mv_batch_add(batch, id, (size_t)snprintf(id, 16, "%u", n), &error));
            WORKS(mv_batch_set(batch, TOKENS, &none, &error));
            WORKS(mv_batch_set(batch, NUMBER, &number, &error));
            model->docs[n] = (multi_doc){.there = true, .number = 3, .order = ++model->written};
        }
        if (count) WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
        EXPECT(multi_wrong(c, model, 0) == 0);
        WORKS(optimize_all(c, 1000));
        EXPECT(multi_stats(c, TOKENS).indexed_rows == count);
        EXPECT(multi_stats(c, MANY).indexed_rows == count);
        WORKS(mv_check(c, &error));
        EXPECT(multi_wrong(c, model, 1) == 0);
        WORKS(multi_update(c, model, TOKENS, 1));
        EXPECT(multi_wrong(c, model, 2) == 0);
        mv_batch_free(batch);
        end(c);
    }
}

/* ---------------------------------------------------------------- changing the schema */

static void test_index_is_changed(void)
{
    static const mv_index_change to[] = {{.name = "tokens", .index.type = MV_INDEX_FLAT},
                                         {.name = "tokens", .index = MULTI_GRAPH}};
    mv_collection *c = NULL;
    begin(sample_path("change"), &c);
    WORKS(multi_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 2)
            WORKS(mv_drop_index(c, "tokens", &error));
        else
            run_job(c, &(mv_optimize_options){.index_change = &to[i % 2]});
        EXPECT(multi_stats(c, TOKENS).segments == (uint64_t)(i % 2));
        EXPECT(multi_wrong(c, model, i) == 0);
        WORKS(mv_check(c, &error));
    }
    is_indexed(c);
    mv_job *job = NULL;
    const mv_index_change wrong = {.name = "tokens", .index.type = MV_INDEX_INVERT};
    EXPECT(mv_optimize_begin(c, &(mv_optimize_options){.index_change = &wrong}, &job, &error) ||
           mv_optimize_step(job, 1000, &(bool){true}, NULL, &error) == MV_MISUSE);
    mv_job_free(job);
    end(c);
    remove_tree(sample_path("change"));
}

/* Field `position` has the vectors of `tokens`. */
static void search_late(mv_collection *c, uint32_t position)
{
    static multi_truth truth;
    float vectors[3 * MULTI_DIM];
    const multi_query q = {TOKENS, 3, vectors};
    mv_result *result = NULL;
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t i = 0; i < q.count; i++) multi_vector(TOKENS, position, i, vectors);
    multi_find_truth(model, &q, &truth);
    for (int i = 0; i < 2; i++) {
        const multi_asked asked = {.topk = 20,
                                   .strategy = i ? MV_STRATEGY_GRAPH : MV_STRATEGY_AUTO};
        mv_query query = {.is_multi = true,
                          .multi_field = position,
                          .vectors = vectors,
                          .vectors_count = q.count,
                          .dim = MULTI_DIM,
                          .topk = asked.topk,
                          .strategy = asked.strategy};
        WORKS(mv_search(c, &query, result, &error));
        EXPECT(multi_is_right(result, model, &truth, &asked));
    }
    mv_result_free(result);
}

static void test_column_comes_later(void)
{
    mv_collection *c = NULL;
    begin(sample_path("late"), &c);
    WORKS(multi_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(multi_write(c, model, FIRST, FIRST + 100, 1)); /* fresh */
    sample_copy_field(c, TOKENS, "late");
    search_late(c, MULTI_FIELDS); /* without an index */
    build_only(c);
    EXPECT(multi_stats(c, MULTI_FIELDS).segments == 1);
    search_late(c, MULTI_FIELDS);
    WORKS(mv_check(c, &error));
    WORKS(mv_drop_column(c, "tokens", &error));
    search_late(c, MULTI_FIELDS - 1);
    WORKS(optimize_all(c, 1000)); /* merges the column */
    EXPECT(multi_stats(c, MULTI_FIELDS - 1).indexed_rows == FIRST + 100);
    search_late(c, MULTI_FIELDS - 1);
    WORKS(mv_drop_column(c, "late", &error));
    uint32_t at;
    EXPECT(!mv_schema_find_field(mv_get_schema(c), "late", 4, &at));
    WORKS(mv_check(c, &error));
    end(c);
    remove_tree(sample_path("late"));
}

/* A document without the field gets the default value. */
static void test_default(void)
{
    static const float numbers[] = {1, 2, 3, 4};
    const mv_value value = {.kind = MV_KIND_MULTI, .as.multi = {numbers, 4}};
    mv_field_options field = {
        .name = "pairs", .type = MV_MULTI_FP32, .dim = 2, .default_value = &value};
    mv_schema *schema = NULL;
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    mv_result *result = NULL;
    uint64_t written;
    WORKS(mv_schema_create("defaults", &schema, &error));
    field.dim = 3;
    EXPECT(mv_schema_add_field(schema, &field, &error) == MV_MISUSE);
    EXPECT(!strcmp(error.text, "default value: field 'pairs' wants vectors of 3 numbers"));
    field.dim = 2;
    WORKS(mv_schema_add_field(schema, &field, &error));
    WORKS(mv_open(":memory:", &(mv_open_options){.schema = schema}, &c, &error));
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(mv_batch_add(batch, "a", 1, &error));
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    WORKS(mv_result_create(c, &result, &error));
    mv_query query = {
        .is_multi = true, .vectors = numbers, .vectors_count = 1, .dim = 2, .topk = 1};
    WORKS(mv_search(c, &query, result, &error));
    size_t count;
    const mv_hit *hits = mv_result_hits(result, &count);
    EXPECT(count == 1 && hits[0].score == 11); /* 1 * 3 + 2 * 4 */
    mv_value got;
    WORKS(mv_result_value(result, 0, 0, &got, &error));
    EXPECT(value_equal(&got, &value));
    mv_result_free(result);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
    mv_schema_free(schema);
}

static void test_other_dim(void)
{
    mv_collection *c = NULL, *again = NULL;
    mv_schema *schema = NULL;
    begin(sample_path("dim"), &c);
    WORKS(mv_schema_create("multi", &schema, &error));
    for (uint32_t f = 0; f < MULTI_FIELDS; f++) {
        mv_field_options field = multi_fields[f];
        field.dim += f == MANY;
        WORKS(mv_schema_add_field(schema, &field, &error));
    }
    EXPECT(mv_open(sample_path("dim"), &(mv_open_options){.schema = schema}, &again, &error) ==
           MV_SCHEMA_MISMATCH);
    EXPECT(!strcmp(error.text, "field 'many' has dim 3 in the collection, 4 in the given schema"));
    mv_schema_free(schema);
    end(c);
    remove_tree(sample_path("dim"));
}

/* ---------------------------------------------------------------- refusals */

static void is_refused(mv_collection *c, mv_query query, const char *text)
{
    mv_result *result = NULL;
    size_t count = 1;
    query.is_multi = true;
    WORKS(mv_result_create(c, &result, &error));
    doing_now("%s", text);
    EXPECT(mv_search(c, &query, result, &error) == MV_MISUSE && strstr(error.text, text));
    (void)mv_result_hits(result, &count);
    EXPECT(count == 0);
    mv_result_free(result);
}

static void test_refused_queries(void)
{
    static float vectors[(MV_MULTI_MAX + 1) * MULTI_DIM];
    static const float nan[MULTI_DIM] = {1, NAN}, large[MULTI_DIM] = {2e15f};
    const mv_sparse sparse = {NULL, NULL, 0};
    const mv_id id = {"1", 1}, nobody = {"nobody", 6};
    const double not_a_number = NAN;
    mv_collection *c = NULL;
    mv_result *result = NULL;
    begin(":memory:", &c);
    WORKS(multi_write(c, model, 0, 10, 1));
    mv_query query = {.vectors = vectors, .vectors_count = 1, .dim = MULTI_DIM, .topk = 3},
             with = query;
    with.multi_field = NUMBER, is_refused(c, with, "field 'number' is int32");
    with = query, with.multi_field = MULTI_FIELDS, is_refused(c, with, "there is no field 3");
    with = query, with.id = id, is_refused(c, with, "not both");
    with = query, with.vectors = NULL, is_refused(c, with, "one of them");
    with = query, with.vectors_count = 0, is_refused(c, with, "it must be 1 to");
    with = query, with.vectors_count = MV_MULTI_MAX + 1, is_refused(c, with, "1025 vectors");
    with = query, with.dim = 3, is_refused(c, with, "3 numbers, field 'tokens' wants 8");
    with = query, with.text = "x", is_refused(c, with, "a text");
    with = query, with.order_by = "number", is_refused(c, with, "order_by");
    with = query, with.is_sparse = true, with.sparse = &sparse, is_refused(c, with, "sparse");
    with = query, with.after = id, is_refused(c, with, "after");
    with = query, with.min_score = &not_a_number, is_refused(c, with, "NaN");
    with = query, with.max_distance = &not_a_number, is_refused(c, with, "NaN");
    with = query, with.vectors = nan, is_refused(c, with, "field 'tokens'");
    with = query, with.vectors = large, is_refused(c, with, "field 'tokens'");
    WORKS(mv_result_create(c, &result, &error));
    with = (mv_query){.is_multi = true, .id = nobody, .topk = 3};
    EXPECT(mv_search(c, &with, result, &error) == MV_NOT_FOUND && strstr(error.text, "'nobody'"));
    mv_result_free(result);
    EXPECT(multi_wrong(c, model, 0) == 0);
    end(c);
}

static void is_not_taken(mv_collection *c, uint32_t field, mv_value value, const char *text)
{
    mv_batch *batch = NULL;
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(mv_batch_add(batch, "a", 1, &error));
    doing_now("%s", text);
    EXPECT(mv_batch_set(batch, field, &value, &error) == MV_MISUSE && strstr(error.text, text));
    EXPECT(mv_batch_count(batch) == 0);
    mv_batch_free(batch);
}

static void test_refused_values(void)
{
    static const float numbers[2 * MULTI_DIM] = {1},
                                   odd[] = {NAN, INFINITY, -INFINITY, 1.1e15f, -1e38f};
    mv_value value = multi_value(TOKENS, numbers, 1);
    mv_collection *c = NULL;
    begin(":memory:", &c);
    is_not_taken(c, NUMBER, value, "got a list of vectors");
    is_not_taken(c, TOKENS, int_value(1), "field 'tokens' wants a list of vectors, got a number");
    is_not_taken(c, TOKENS, (mv_value){.kind = MV_KIND_LIST}, "got a list");
    is_not_taken(c, TOKENS, (mv_value){.kind = MV_KIND_NULL}, "'tokens' is not nullable");
    for (size_t count = 1; count < 2 * MULTI_DIM; count++) {
        value.as.multi.count = count;
        if (count != MULTI_DIM)
            is_not_taken(c, TOKENS, value, "field 'tokens' wants vectors of 8 numbers, got ");
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const float vector[MULTI_DIM] = {0, 0, 0, odd[i]};
        is_not_taken(c, TOKENS, multi_value(TOKENS, vector, 1), "not from -1e15 to 1e15");
    }
    end(c);
}

static void test_refused_fields(void)
{
    static const struct {
        mv_field_options field;
        const char *text;
    } cases[] = {
        {{.name = "f", .type = MV_MULTI_FP32}, "field 'f' has dim 0, it must be 1 to 65535"},
        {{.name = "f", .type = MV_MULTI_FP32, .dim = 65536}, "field 'f' has dim 65536, it must"},
        {{.name = "f", .type = MV_INT32, .dim = 1}, "field 'f' is int32, which has no dim"},
        {{.name = "f", .type = MV_SPARSE_FP32, .dim = 8}, "which has no dim"},
        {{.name = "f", .type = MV_MULTI_FP32, .dim = 2, .index.type = MV_INDEX_INVERT}, "type 3"},
        {{.name = "f", .type = MV_MULTI_FP32, .dim = 2, .index.type = MV_INDEX_TEXT}, "'f'"},
        {{.name = "f", .type = MV_MULTI_FP32, .dim = 2, .index.type = MV_INDEX_SPARSE}, "'f'"},
        {{.name = "f", .type = MV_INT32, .index.type = MV_INDEX_HNSW}, "field 'f' is scalar"},
        {{.name = "f",
          .type = MV_MULTI_FP32,
          .dim = 2,
          .index = {.type = MV_INDEX_HNSW, .as.hnsw.m = 3}},
         "index with m 3"},
        {{.name = "f", .type = (mv_type)(MV_ARRAY | MV_MULTI_FP32), .dim = 2}, "unknown type"},
    };
    mv_schema *schema = NULL;
    WORKS(mv_schema_create("refused", &schema, &error));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        doing_now("%s", cases[i].text);
        EXPECT(mv_schema_add_field(schema, &cases[i].field, &error) == MV_MISUSE);
        EXPECT(strstr(error.text, cases[i].text));
    }
    EXPECT(mv_schema_field_count(schema) == 0);
    mv_schema_free(schema);
}

/* ---------------------------------------------------------------- */

static void test_recall(void)
{
    EXPECT(multi_wanted > 10000 && (double)multi_found >= 0.9 * (double)multi_wanted);
    printf("searches by graph found %" PRIu64 " of %" PRIu64 " hits\n", multi_found, multi_wanted);
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("multi")) return tests_conclude();
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_life(memory));
        RUN_WITH(WHERE, test_transaction(memory));
    }
    RUN(test_index_is_changed());
    RUN(test_column_comes_later());
    RUN(test_many_segments());
    RUN(test_pages());
    RUN(test_pages_of_hidden());
    RUN(test_plan());
    RUN(test_most_vectors());
    RUN(test_bounds());
    RUN(test_nothing_to_find());
    RUN(test_default());
    RUN(test_other_dim());
    RUN(test_refused_queries());
    RUN(test_refused_values());
    RUN(test_refused_fields());
    RUN(test_recall());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
