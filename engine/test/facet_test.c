/* Counting the values of fields, held against a count over all documents; searches within the
 * commit of another result; and both when memory runs out. */
#include "test/sample.h"

#define DOCS 400u

/* Rows in segments, deleted rows, rows written again, and fresh rows. */
static mv_collection *open_mixed(void)
{
    mv_collection *c = NULL;
    uint64_t deleted;
    WORKS(sample_open(":memory:", (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(sample_write(c, MV_INSERT, 0, 300, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(sample_write(c, MV_UPSERT, 100, 150, 2));
    WORKS(sample_write(c, MV_INSERT, 300, DOCS, 1));
    for (uint32_t n = 0; n < DOCS; n += 7) WORKS(sample_delete(c, n, &deleted));
    return c;
}

/* How often `wanted` is a value, or an element of a value, of the field in all hits. */
static uint64_t count_value(mv_result *all, uint32_t field, const mv_value *wanted)
{
    size_t hits;
    uint64_t count = 0;
    (void)mv_result_hits(all, &hits);
    for (size_t i = 0; i < hits; i++) {
        mv_value value = {.kind = MV_KIND_NULL};
        WORKS(mv_result_value(all, i, field, &value, &error));
        if (value.kind != MV_KIND_LIST) count += value_equal(&value, wanted);
        for (size_t at = 0; value.kind == MV_KIND_LIST && at < value.as.list.count; at++)
            count += value_equal(&value.as.list.items[at], wanted);
    }
    return count;
}

/* The number of values that are not NULL, and of elements, in all hits. */
static uint64_t count_values(mv_result *all, uint32_t field)
{
    size_t hits;
    uint64_t count = 0;
    (void)mv_result_hits(all, &hits);
    for (size_t i = 0; i < hits; i++) {
        mv_value value = {.kind = MV_KIND_NULL};
        WORKS(mv_result_value(all, i, field, &value, &error));
        if (value.kind == MV_KIND_LIST)
            count += value.as.list.count;
        else
            count += value.kind != MV_KIND_NULL;
    }
    return count;
}

static int compare_values(const mv_value *a, const mv_value *b)
{
    if (a->kind == MV_KIND_STRING) {
        size_t size_a = a->as.string.size, size_b = b->as.string.size;
        size_t size = size_a < size_b ? size_a : size_b;
        int order = size ? memcmp(a->as.string.data, b->as.string.data, size) : 0;
        return order ? order : (size_a > size_b) - (size_a < size_b);
    }
    if (a->kind != b->kind) return a->kind == MV_KIND_UINT ? 1 : -1;
    if (a->kind == MV_KIND_REAL) return (a->as.real > b->as.real) - (a->as.real < b->as.real);
    if (a->kind == MV_KIND_BOOL) return (int)a->as.boolean - (int)b->as.boolean;
    if (a->kind == MV_KIND_UINT) return (a->as.u > b->as.u) - (a->as.u < b->as.u);
    return (a->as.i > b->as.i) - (a->as.i < b->as.i);
}

static void expect_facets(mv_collection *c, mv_result *all, uint32_t field, const mv_filter *filter)
{
    size_t count, few_count;
    uint64_t sum = 0;
    mv_facets *facets = NULL, *few = NULL;
    const char *name = sample_fields[field].name;
    doing_now("field '%s'%s", name, filter ? ", with a filter" : "");
    WORKS(mv_facets_create(c, name, strlen(name), filter, MV_TOPK_MAX, &facets, &error));
    if (!facets) return;
    const mv_facet *values = mv_facets_values(facets, &count);
    for (size_t i = 0; i < count; i++) {
        sum += values[i].count;
        EXPECT(values[i].count == count_value(all, field, &values[i].value));
        if (i == 0) continue;
        uint64_t before = values[i - 1].count;
        EXPECT(before > values[i].count ||
               (before == values[i].count &&
                compare_values(&values[i - 1].value, &values[i].value) < 0));
    }
    EXPECT(sum == count_values(all, field));
    WORKS(mv_facets_create(c, name, strlen(name), filter, 3, &few, &error));
    const mv_facet *first = few ? mv_facets_values(few, &few_count) : NULL;
    EXPECT(few && few_count == (count < 3 ? count : 3));
    for (size_t i = 0; few && i < few_count; i++)
        EXPECT(first[i].count == values[i].count && value_equal(&first[i].value, &values[i].value));
    mv_facets_free(few);
    mv_facets_free(facets);
}

static void test_values_are_counted(void)
{
    mv_collection *c = open_mixed();
    mv_result *all = NULL;
    const mv_filter filter = {.text = "flag = true OR year < 1950", .size = 26};
    const mv_filter none = {.text = "year > 3000", .size = 11};
    WORKS(mv_result_create(c, &all, &error));
    for (uint32_t field = 0; field < SAMPLE_FIELDS; field++) {
        WORKS(mv_search(c, &(mv_query){.topk = DOCS}, all, &error));
        expect_facets(c, all, field, NULL);
        WORKS(mv_search(c, &(mv_query){.topk = DOCS, .filter = &filter}, all, &error));
        expect_facets(c, all, field, &filter);
        WORKS(mv_search(c, &(mv_query){.topk = DOCS, .filter = &none}, all, &error));
        expect_facets(c, all, field, &none);
    }
    mv_result_free(all);
    WORKS(mv_close(c, &error));
}

static void test_misuse_of_facets(void)
{
    mv_collection *c = open_mixed();
    mv_facets *facets = NULL;
    EXPECT(mv_facets_create(c, "yaer", 4, NULL, 5, &facets, &error) == MV_MISUSE && !facets);
    EXPECT(strstr(error.text, "did you mean 'year'?"));
    EXPECT(mv_facets_create(c, "near", 4, NULL, 5, &facets, &error) == MV_MISUSE && !facets);
    EXPECT(mv_facets_create(c, "year", 4, NULL, 0, &facets, &error) == MV_MISUSE && !facets);
    const mv_filter wrong = {.text = "year >", .size = 6};
    EXPECT(mv_facets_create(c, "year", 4, &wrong, 5, &facets, &error) == MV_MISUSE && !facets);
    mv_facets_free(facets);
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- within a commit */

static bool is_found_within(mv_collection *c, const mv_result *pinned, mv_result *result,
                            uint32_t n, uint32_t version)
{
    size_t count;
    bool equal = false;
    sample_text text;
    mv_value id = {.kind = MV_KIND_STRING};
    mv_id of = sample_id(n, &text);
    id.as.string.data = of.data;
    id.as.string.size = of.size;
    const mv_filter filter = {.text = "id = ?", .size = 6, .args = &id, .args_count = 1};
    mv_query query = {.topk = 1, .filter = &filter, .within = pinned};
    WORKS(mv_search(c, &query, result, &error));
    (void)mv_result_hits(result, &count);
    if (count) WORKS(sample_compare(result, 0, n, version, &equal));
    return equal;
}

static void test_within_a_commit(void)
{
    uint64_t deleted;
    mv_collection *c = open_mixed();
    mv_result *pinned = NULL, *result = NULL;
    WORKS(mv_result_create(c, &pinned, &error));
    WORKS(mv_result_create(c, &result, &error));
    mv_query query = {.topk = 1, .within = pinned};
    EXPECT(mv_search(c, &query, result, &error) == MV_MISUSE); /* it is empty */
    WORKS(mv_result_pin(pinned, c, &error));
    WORKS(sample_write(c, MV_UPSERT, 1, 3, 9));
    WORKS(sample_delete(c, 310, &deleted));
    EXPECT(is_found_within(c, pinned, result, 1, 1));
    EXPECT(is_found_within(c, pinned, result, 310, 1));
    EXPECT(is_found_within(c, NULL, result, 1, 9));
    EXPECT(!is_found_within(c, NULL, result, 310, 1));
    query.more = true;
    EXPECT(mv_search(c, &query, result, &error) == MV_MISUSE);
    mv_result_free(result);
    mv_result_free(pinned);
    WORKS(mv_close(c, &error));
}

static void test_within_a_transaction(void)
{
    mv_collection *c = open_mixed(), *tx = NULL;
    mv_result *pinned = NULL, *result = NULL;
    WORKS(mv_begin(c, &tx, &error));
    WORKS(sample_write(tx, MV_UPSERT, 1, 3, 9));
    WORKS(mv_result_create(tx, &pinned, &error));
    WORKS(mv_result_create(tx, &result, &error));
    WORKS(mv_result_pin(pinned, tx, &error));
    EXPECT(is_found_within(tx, pinned, result, 1, 9));
    EXPECT(is_found_within(c, NULL, result, 1, 1));
    WORKS(sample_write(tx, MV_UPSERT, 5, 6, 9));
    mv_query query = {.topk = 1, .within = pinned};
    EXPECT(mv_search(tx, &query, result, &error) == MV_MISUSE); /* the transaction has changed */
    mv_result_free(result);
    mv_result_free(pinned);
    mv_abort(tx);
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- out of memory */

/* Count values, and search within a commit. */
static mv_err count_and_search(mv_collection *c)
{
    const mv_filter filter = {.text = "flag = true", .size = 11};
    mv_facets *facets = NULL;
    mv_result *pinned = NULL, *result = NULL;
    mv_err err = mv_facets_create(c, "title", 5, &filter, 20, &facets, &error);
    if (!err) err = mv_result_create(c, &pinned, &error);
    if (!err) err = mv_result_create(c, &result, &error);
    if (!err) err = mv_result_pin(pinned, c, &error);
    mv_query query = {.topk = 5, .filter = &filter, .within = pinned};
    if (!err) err = mv_search(c, &query, result, &error);
    mv_facets_free(facets);
    mv_result_free(result);
    mv_result_free(pinned);
    return err;
}

static void test_no_memory(void)
{
    mv_collection *c = open_mixed();
    WORKS(count_and_search(c)); /* from here on the fresh rows are in memory */
    size_t bytes = mem_bytes();
    mv_err err = MV_NO_MEMORY;
    uint64_t n = 0;
    while (err && n < 1000) {
        mem_fail_at(++n, false);
        err = count_and_search(c);
        mem_fail_at(0, false);
        EXPECT(err == MV_OK || err == MV_NO_MEMORY);
        EXPECT(mem_bytes() <= bytes + 4096); /* a view may be cached */
    }
    EXPECT(n > 10 && !err);
    WORKS(mv_close(c, &error));
}

int main(void)
{
    RUN(test_values_are_counted());
    RUN(test_misuse_of_facets());
    RUN(test_within_a_commit());
    RUN(test_within_a_transaction());
    RUN(test_no_memory());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
