/* Sparse vectors through the public API against a naive program: fresh rows, segments with an index
 * and without, after deletes, updates and merges, in transactions, when the index or the field is
 * dropped and comes back. Hits, scores and the order of ties must be the same to the bit. */
#include "test/sparse_sample.h"

#define FIRST 1500u /* documents of the first segment */
#define MORE  2400u /* up to this one in a second segment */

static sparse_model *model; /* of the collection that is tested */

static void begin(const char *path, mv_collection **c)
{
    WORKS(sparse_open(path, c));
    model = sparse_model_of(NULL);
}

static void end(mv_collection *c)
{
    WORKS(mv_close(c, &error));
    sparse_model_free(model);
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The indexes have all documents, which are in one segment, and none that was deleted. */
static void is_indexed(mv_collection *c)
{
    static uint64_t keys[SPARSE_DOCS * SPARSE_ENTRIES];
    for (uint32_t f = 0; f < SPARSE_VECTORS; f++) {
        mv_index_stats stats = sparse_stats(c, f);
        uint64_t rows = 0, entries = 0, terms = 0;
        for (uint32_t n = 0; n < SPARSE_DOCS; n++) {
            const sparse_vector *v = &model->docs[n].vectors[f];
            rows += model->docs[n].there;
            for (uint32_t i = 0; i < v->count && model->docs[n].there; i++)
                keys[entries++] = 2ull * v->indices[i] + (v->numbers[i] < 0);
        }
        qsort(keys, (size_t)entries, sizeof *keys, compare_keys);
        for (uint64_t i = 0; i < entries; i++) terms += !i || keys[i] != keys[i - 1];
        EXPECT(stats.type == MV_INDEX_SPARSE && stats.segments == 1 && !stats.warning[0]);
        EXPECT(stats.rows == rows && stats.indexed_rows == rows && stats.bytes > 0);
        EXPECT(stats.as.sparse.entries == entries && stats.as.sparse.terms == terms);
    }
}

/* The documents are as they were written. */
static void holds_vectors(mv_collection *c)
{
    mv_result *result = NULL;
    uint64_t documents = 0, count = 0;
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t n = 0; n < SPARSE_DOCS; n++) {
        char id[16];
        mv_id one = {id, (size_t)snprintf(id, sizeof id, "%u", n)};
        if (!model->docs[n].there) continue;
        documents++;
        WORKS(mv_fetch(c, &one, 1, result, &error));
        for (uint32_t f = 0; f < SPARSE_VECTORS; f++) {
            mv_value wanted = sparse_value(&model->docs[n].vectors[f]), value;
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
        EXPECT(sparse_wrong(c, model) == 0);
        WORKS(mv_check(c, &error));
        WORKS(mv_close(c, &error));
    }
}

static void test_life(bool memory)
{
    mv_collection *c = NULL;
    begin(PLACE("life"), &c);
    EXPECT(sparse_wrong(c, model) == 0); /* empty */
    WORKS(sparse_write(c, model, 0, FIRST, 1));
    EXPECT(sparse_wrong(c, model) == 0); /* fresh rows */
    WORKS(optimize_all(c, 0));
    is_indexed(c);
    EXPECT(sparse_wrong(c, model) == 0); /* a segment */
    WORKS(sparse_write(c, model, FIRST, MORE, 1));
    build_only(c);
    EXPECT(sparse_stats(c, PLAIN).segments == 2);
    EXPECT(sparse_wrong(c, model) == 0); /* two */
    WORKS(sparse_delete(c, model, 200, 299));
    WORKS(sparse_write(c, model, 100, 200, 2)); /* replaces */
    WORKS(sparse_update(c, model, MIXED, 3));
    WORKS(sparse_write(c, model, MORE, SPARSE_DOCS, 1));
    EXPECT(sparse_wrong(c, model) == 0); /* with deleted rows, and fresh ones */
    holds_vectors(c);
    WORKS(optimize_all(c, 0));
    is_indexed(c);
    EXPECT(sparse_wrong(c, model) == 0); /* merged */
    holds_vectors(c);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    if (!memory) look_after_life(sample_path("life"));
    sparse_model_free(model);
    remove_tree(sample_path("life"));
}

/* Segments of few rows have no index, others one each; nothing is merged. */
static void test_many_segments(void)
{
    mv_collection *c = NULL;
    begin(":memory:", &c);
    for (uint32_t n = 0, size; n < FIRST; n += size) {
        size = n / 100 % 4 ? 100 : 300;
        WORKS(sparse_write(c, model, n, n + size, 1));
        build_only(c);
    }
    EXPECT(sparse_stats(c, PLAIN).segments > 2);
    EXPECT(sparse_stats(c, PLAIN).indexed_rows < FIRST);
    EXPECT(sparse_wrong(c, model) == 0);
    WORKS(sparse_delete(c, model, 900, 1000));
    EXPECT(sparse_wrong(c, model) == 0);
    end(c);
}

static void test_transaction(bool memory)
{
    mv_collection *c = NULL, *tx = NULL;
    begin(PLACE("tx"), &c);
    WORKS(sparse_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    for (int commits = 0; commits < 2; commits++) {
        sparse_model *changed = sparse_model_of(model);
        WORKS(mv_begin(c, &tx, &error));
        WORKS(sparse_write(tx, changed, FIRST - 50, FIRST + 100, 2));
        WORKS(sparse_delete(tx, changed, 0, 99));
        WORKS(sparse_update(tx, changed, PLAIN, 3));
        EXPECT(sparse_wrong(tx, changed) == 0);
        EXPECT(sparse_wrong(c, model) == 0);
        if (commits)
            WORKS(mv_commit(tx, &error));
        else
            mv_abort(tx);
        EXPECT(sparse_wrong(c, commits ? changed : model) == 0);
        sparse_model_free(changed);
    }
    WORKS(mv_check(c, &error));
    end(c);
    remove_tree(sample_path("tx"));
}

/* A job that ends after each of its steps in turn. */
static void test_cancelled(bool memory)
{
    bool more = true;
    for (uint32_t steps = 0; more && unmet < 20; steps += 1 + steps / 20) {
        mv_collection *c = NULL;
        mv_job *job = NULL;
        begin(PLACE("cancel"), &c);
        doing_now("%u steps", steps);
        WORKS(sparse_write(c, model, 0, 600, 1));
        WORKS(mv_optimize_begin(c, NULL, &job, &error));
        for (uint32_t i = 0; i < steps && more; i++)
            WORKS(mv_optimize_step(job, 0, &more, NULL, &error));
        if (steps % 2) mv_job_cancel(job);
        mv_job_free(job);
        if (steps % 8 == 1) {
            WORKS(optimize_all(c, 1000));
            is_indexed(c);
        }
        if (steps % 8 == 1 || !more) EXPECT(sparse_wrong(c, model) == 0);
        WORKS(mv_check(c, &error));
        end(c);
        remove_tree(sample_path("cancel"));
        EXPECT(steps < 10000);
    }
}

/* ---------------------------------------------------------------- pages */

/* A search that is continued comes to all documents that share an index, in order, but for those
 * that the offset skips. */
static void read_on(mv_collection *c, const mv_sparse *q, uint32_t field, mv_query query)
{
    static sparse_truth truth;
    mv_result *result = NULL;
    size_t count = 1;
    sparse_find_truth(model, field, q, &truth);
    uint32_t at = query.offset < truth.count ? query.offset : truth.count;
    query.is_sparse = true;
    query.sparse = q;
    query.sparse_count = 1;
    query.sparse_field = field;
    WORKS(mv_result_create(c, &result, &error));
    for (; count; query.more = true) {
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *hits = mv_result_hits(result, &count);
        EXPECT(count <= query.topk && (count == query.topk || at + count == truth.count));
        for (size_t i = 0; i < count && at < truth.count; i++)
            EXPECT(hits[i].score == (double)truth.hits[at++].score);
    }
    EXPECT(at == truth.count);
    mv_result_free(result);
}

static void test_pages(void)
{
    mv_collection *c = NULL;
    begin(":memory:", &c);
    WORKS(sparse_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(sparse_write(c, model, FIRST, FIRST + 200, 1));
    for (uint32_t f = 0; f < SPARSE_VECTORS; f++) {
        const sparse_queries *q = sparse_queries_of(f);
        for (uint32_t i = 0; i < 3; i++) {
            read_on(c, &q->each[i], f, (mv_query){.topk = 100});
            read_on(c, &q->each[i], f, (mv_query){.topk = 100, .offset = 30});
            read_on(c, &q->each[i], f, (mv_query){.topk = 70, .strategy = MV_STRATEGY_EXACT});
        }
    }
    end(c);
}

/* ---------------------------------------------------------------- the plan */

/* Search, and return the step of the first segment. */
static mv_plan_step step_of(mv_collection *c, mv_result *result, const mv_sparse *q, uint32_t topk,
                            mv_strategy strategy)
{
    size_t steps = 0;
    mv_query query = {.is_sparse = true,
                      .sparse = q,
                      .sparse_count = 1,
                      .topk = topk,
                      .strategy = strategy,
                      .explain = true};
    WORKS(mv_search(c, &query, result, &error));
    const mv_plan_step *plan = mv_result_plan(result, &steps);
    EXPECT(steps > 0 && !plan[0].is_fresh);
    return steps ? plan[0] : (mv_plan_step){0};
}

/* Few vectors are compared where the lists tell enough. */
static void test_plan(void)
{
    mv_collection *c = NULL;
    mv_result *result = NULL;
    begin(":memory:", &c);
    WORKS(sparse_write(c, model, 0, MORE, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_result_create(c, &result, &error));
    const sparse_queries *q = sparse_queries_of(PLAIN);
    mv_plan_step step = step_of(c, result, &q->each[0], 10, MV_STRATEGY_AUTO);
    EXPECT(step.matching == MORE && step.expected_recall == 1 && step.last == MV_STRATEGY_EXACT);
    EXPECT(step.counts.blocks_read > 0 && step.counts.exact_distances < MORE / 4);
    step = step_of(c, result, &q->each[0], 10, MV_STRATEGY_EXACT);
    EXPECT(step.counts.blocks_read == 0 && step.counts.exact_distances == MORE);
    step = step_of(c, result, &q->each[0], MORE, MV_STRATEGY_AUTO); /* nearly all are hits */
    EXPECT(step.counts.blocks_read == 0 && step.counts.exact_distances == MORE);
    step = step_of(c, result, &q->each[SPARSE_QUERIES - 1], 10, MV_STRATEGY_AUTO); /* too long */
    EXPECT(step.counts.blocks_read == 0 && step.counts.exact_distances == MORE);
    step = step_of(c, result, &q->each[6], 10, MV_STRATEGY_AUTO); /* in no list */
    EXPECT(step.counts.blocks_read == 0 && step.counts.exact_distances == 0);
    mv_result_free(result);
    end(c);
}

/* ---------------------------------------------------------------- numbers at the edges */

/* Documents with the same vector in all fields, from `first` on. */
static void write_same(mv_collection *c, uint32_t first, const sparse_vector *v, uint32_t count)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_value value = sparse_value(v), zero = int_value(0);
    WORKS(mv_batch_create(c, &batch, &error));
    for (uint32_t n = first; n < first + count; n++) {
        char id[16];
        sparse_doc *doc = &model->docs[n];
        *doc = (sparse_doc){.there = true, .order = ++model->written};
        for (uint32_t f = 0; f < SPARSE_VECTORS; f++) doc->vectors[f] = *v;
        WORKS(mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error));
        WORKS(mv_batch_set(batch, NUMBER, &zero, &error));
        for (uint32_t f = 0; f < SPARSE_VECTORS; f++) WORKS(mv_batch_set(batch, f, &value, &error));
    }
    WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
    mv_batch_free(batch);
}

static float some_float(uint64_t random)
{
    return ldexpf((float)(mix(random) >> 40) + 1, -20);
}

/* A query for which `better` has a score one bit above that of `lesser`; they share no index.
 * False: rounding does not allow one. */
static bool make_neighbours(sparse_vector *query, const sparse_vector *lesser,
                            const sparse_vector *better, uint64_t random)
{
    const mv_sparse q = {query->indices, query->numbers, 4};
    float score, other;
    *query = (sparse_vector){0};
    for (uint32_t i = 0; i < 4; i++) sparse_add_entry(query, i, some_float(random + i));
    (void)sparse_shares(&q, lesser, &score);
    float wanted = nextafterf(score, INFINITY);
    query->numbers[2] = wanted / better->numbers[0] * (float)(1 + random % 62) / 64;
    double missing = (double)wanted - (double)query->numbers[2] * (double)better->numbers[0];
    query->numbers[3] = (float)(missing / (double)better->numbers[1]);
    (void)sparse_shares(&q, better, &other);
    return other == wanted;
}

/* Is the first of the better documents the only hit? */
static bool finds_better(mv_collection *c, mv_result *result, const sparse_vector *query)
{
    const mv_sparse q = {query->indices, query->numbers, query->count};
    const sparse_asked asked = {.topk = 1};
    size_t count;
    mv_id id;
    return !sparse_search_in(c, result, PLAIN, &q, 1, &asked) && mv_result_hits(result, &count) &&
           count == 1 && !mv_result_id(result, 0, &id, &error) && id.size == 3 &&
           !memcmp(id.data, "300", 3);
}

/* The lists know scores to within rounding only: that must not hide a hit that is better by one
 * bit, neither among the rows of a segment nor behind those of another one. */
static void test_neighbouring_scores(bool two_segments)
{
    mv_collection *c = NULL;
    mv_result *result = NULL;
    uint32_t found = 0, tried = 0;
    sparse_vector query, lesser = {0}, better = {0};
    for (uint32_t i = 0; i < 2; i++) {
        sparse_add_entry(&lesser, i, some_float(i));
        sparse_add_entry(&better, 2 + i, some_float(2 + i));
    }
    begin(":memory:", &c);
    write_same(c, 0, &lesser, 300);
    if (two_segments) build_only(c);
    write_same(c, 300, &better, 300);
    build_only(c);
    EXPECT(sparse_stats(c, PLAIN).segments == (two_segments ? 2 : 1));
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t n = 0; n < 4000; n++) {
        if (!make_neighbours(&query, &lesser, &better, mix(n))) continue;
        tried++;
        found += finds_better(c, result, &query);
    }
    EXPECT(tried > 1000 && found == tried);
    mv_result_free(result);
    end(c);
}

/* Products that are 0, or nearly so, beside others: they share an index, so they are hits. */
static void test_tiny_scores(void)
{
    static const float tiny[] = {1e-45f, 1e-40f, 1e-30f, -1e-45f, -1e-38f},
                       queries[][2] = {{1e-45f, 0}, {1e-30f, 0},      {1, 1e-20f},
                                       {1e15f, 1},  {-1e-45f, 1e15f}, {1, 1e15f}};
    mv_collection *c = NULL;
    mv_result *result = NULL;
    begin(":memory:", &c);
    for (uint32_t i = 0; i < 10; i++) {
        sparse_vector v = {0};
        sparse_add_entry(&v, i % 2 ? 7 : 9, i % 2 ? tiny[i / 2] : 1 + (float)i);
        write_same(c, 100 * i, &v, 100);
    }
    build_only(c);
    WORKS(mv_result_create(c, &result, &error));
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        sparse_vector query = {0};
        doing_now("query %zu", i);
        sparse_add_entry(&query, 7, queries[i][0]);
        if (queries[i][1] != 0) sparse_add_entry(&query, 9, queries[i][1]);
        const mv_sparse q = {query.indices, query.numbers, query.count};
        EXPECT(sparse_try_all(c, result, model, PLAIN, &q) == 0);
    }
    mv_result_free(result);
    end(c);
}

/* Bounds of scores that are no floats. */
static void test_bounds(void)
{
    static const double bounds[] = {-INFINITY, -1e300, -1e-300, 0, 1e-300, 1e300, INFINITY};
    static sparse_truth truth;
    const mv_sparse *q = &sparse_queries_of(MIXED)->each[0];
    mv_collection *c = NULL;
    mv_result *result = NULL;
    begin(":memory:", &c);
    WORKS(sparse_write(c, model, 0, FIRST, 1));
    build_only(c);
    WORKS(mv_result_create(c, &result, &error));
    sparse_find_truth(model, MIXED, q, &truth);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        sparse_asked asked = {.topk = 10, .least = &bounds[i]};
        EXPECT(!sparse_try(c, result, model, MIXED, q, &truth, asked));
        asked = (sparse_asked){.topk = 10, .most = &bounds[i]};
        EXPECT(!sparse_try(c, result, model, MIXED, q, &truth, asked));
    }
    mv_result_free(result);
    end(c);
}

/* ---------------------------------------------------------------- nothing to find */

/* All vectors NULL, all empty, none at all. */
static void test_nothing_to_find(void)
{
    for (int kind = 0; kind < 3; kind++) {
        mv_collection *c = NULL;
        mv_batch *batch = NULL;
        const sparse_vector empty = {0};
        mv_value none = sparse_value(&empty), number = int_value(3);
        uint64_t written;
        begin(":memory:", &c);
        doing_now("kind %d", kind);
        WORKS(mv_batch_create(c, &batch, &error));
        for (uint32_t n = 0; n < 500 && kind; n++) {
            char id[16];
            WORKS(mv_batch_add(batch, id, (size_t)snprintf(id, 16, "%u", n), &error));
            for (uint32_t f = 0; f < SPARSE_VECTORS; f++)
                if (f != MIXED || kind == 1) WORKS(mv_batch_set(batch, f, &none, &error));
            WORKS(mv_batch_set(batch, NUMBER, &number, &error));
            model->docs[n] = (sparse_doc){.there = true, .number = 3, .order = ++model->written};
            model->docs[n].vectors[MIXED].is_null = kind == 2;
        }
        if (kind) WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
        mv_batch_free(batch);
        WORKS(optimize_all(c, 1000));
        EXPECT(sparse_stats(c, MIXED).segments == (kind ? 1 : 0));
        WORKS(mv_check(c, &error));
        EXPECT(sparse_wrong(c, model) == 0);
        end(c);
    }
}

/* ---------------------------------------------------------------- changing the schema */

static void test_index_is_changed(bool memory)
{
    static const mv_index_change to[] = {{.name = "plain", .index.type = MV_INDEX_NONE},
                                         {.name = "plain", .index.type = MV_INDEX_SPARSE}};
    mv_collection *c = NULL;
    begin(PLACE("change"), &c);
    WORKS(sparse_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            WORKS(mv_drop_index(c, "plain", &error));
        else
            run_job(c, &(mv_optimize_options){.index_change = &to[i % 2]});
        EXPECT(sparse_stats(c, PLAIN).segments == (uint64_t)(i % 2));
        EXPECT(sparse_wrong(c, model) == 0);
        WORKS(mv_check(c, &error));
    }
    is_indexed(c);
    mv_job *job = NULL;
    const mv_index_change wrong = {.name = "plain", .index.type = MV_INDEX_TEXT};
    EXPECT(mv_optimize_begin(c, &(mv_optimize_options){.index_change = &wrong}, &job, &error) ||
           mv_optimize_step(job, 1000, &(bool){true}, NULL, &error) == MV_MISUSE);
    mv_job_free(job);
    end(c);
    remove_tree(sample_path("change"));
}

static void search_late(mv_collection *c, uint32_t field)
{
    static sparse_truth truth;
    mv_result *result = NULL;
    const sparse_queries *q = sparse_queries_of(PLAIN);
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t i = 0; i < SPARSE_QUERIES; i++) {
        sparse_find_truth(model, PLAIN, &q->each[i], &truth);
        EXPECT(
            !sparse_try(c, result, model, field, &q->each[i], &truth, (sparse_asked){.topk = 20}));
    }
    mv_result_free(result);
}

static void test_column_comes_later(bool memory)
{
    mv_collection *c = NULL;
    begin(PLACE("late"), &c);
    WORKS(sparse_write(c, model, 0, FIRST, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(sparse_write(c, model, FIRST, FIRST + 100, 1)); /* fresh */
    sample_copy_field(c, PLAIN, "late");
    search_late(c, SPARSE_FIELDS); /* without an index */
    build_only(c);
    EXPECT(sparse_stats(c, SPARSE_FIELDS).segments == 1);
    search_late(c, SPARSE_FIELDS);
    WORKS(mv_check(c, &error));
    WORKS(mv_drop_column(c, "plain", &error));
    search_late(c, SPARSE_FIELDS - 1);
    WORKS(optimize_all(c, 1000)); /* merges the column */
    EXPECT(sparse_stats(c, SPARSE_FIELDS - 1).indexed_rows == FIRST + 100);
    search_late(c, SPARSE_FIELDS - 1);
    WORKS(mv_drop_column(c, "late", &error));
    uint32_t at;
    EXPECT(!mv_schema_find_field(mv_get_schema(c), "late", 4, &at));
    WORKS(mv_check(c, &error));
    end(c);
    remove_tree(sample_path("late"));
}

/* ---------------------------------------------------------------- refusals */

static void is_refused(mv_collection *c, mv_query query, const char *text)
{
    mv_result *result = NULL;
    size_t count = 1;
    query.is_sparse = true;
    WORKS(mv_result_create(c, &result, &error));
    EXPECT(mv_search(c, &query, result, &error) == MV_MISUSE && strstr(error.text, text));
    (void)mv_result_hits(result, &count);
    EXPECT(count == 0);
    mv_result_free(result);
}

static void test_refusals(void)
{
    static const uint32_t indices[] = {4, 9, 4};
    static const float numbers[] = {1, NAN, 1}, dense[4] = {1};
    const mv_sparse one = {indices, numbers, 1}, nan = {indices, numbers, 2},
                    twice[] = {{indices, numbers, 1}, {indices, (float[]){1, 1, 1}, 3}};
    const mv_id id = {"0", 1}, nobody = {"nobody", 6};
    const double not_a_number = NAN;
    mv_collection *c = NULL;
    mv_result *result = NULL;
    begin(":memory:", &c);
    WORKS(sparse_write(c, model, 0, 10, 1));
    mv_query query = {.sparse = &one, .sparse_count = 1, .topk = 3}, with = query;
    with.sparse_field = NUMBER, is_refused(c, with, "field 'number' is int32");
    with = query, with.sparse_field = SPARSE_FIELDS, is_refused(c, with, "there is no field 4");
    with = query, with.id = id, is_refused(c, with, "one of them");
    with = query, with.sparse = NULL, is_refused(c, with, "one of them");
    with = query, with.sparse_count = 0, is_refused(c, with, "it must be 1 to");
    with = query, with.sparse_count = MV_QUERY_VECTORS_MAX + 1, is_refused(c, with, "it must be 1");
    with = query, with.text = "x", is_refused(c, with, "a text");
    with = query, with.order_by = "number", is_refused(c, with, "order_by");
    with = query, with.vectors = dense, with.vectors_count = 1, is_refused(c, with, "dense");
    with = query, with.min_score = &not_a_number, is_refused(c, with, "NaN");
    with = query, with.sparse = &nan, is_refused(c, with, "field 'plain': the number at index 9");
    with = query, with.sparse = twice, with.sparse_count = 2, is_refused(c, with, "index 4 twice");
    with.after = id, is_refused(c, with, "several vectors");
    with = query, with.after = id, with.offset = 1, is_refused(c, with, "an offset");
    WORKS(mv_result_create(c, &result, &error));
    with = (mv_query){.is_sparse = true, .id = nobody, .topk = 3};
    EXPECT(mv_search(c, &with, result, &error) == MV_NOT_FOUND && strstr(error.text, "'nobody'"));
    mv_result_free(result);
    EXPECT(sparse_wrong(c, model) == 0);
    end(c);
}

/* ---------------------------------------------------------------- */

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("sparse")) return tests_conclude();
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_life(memory));
        RUN_WITH(WHERE, test_transaction(memory));
        RUN_WITH(WHERE, test_cancelled(memory));
        RUN_WITH(WHERE, test_index_is_changed(memory));
        RUN_WITH(WHERE, test_column_comes_later(memory));
    }
    RUN(test_many_segments());
    RUN(test_pages());
    RUN(test_plan());
    RUN(test_neighbouring_scores(false));
    RUN(test_neighbouring_scores(true));
    RUN(test_tiny_scores());
    RUN(test_bounds());
    RUN(test_nothing_to_find());
    RUN(test_refusals());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
