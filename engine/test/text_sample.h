/* A collection with full-text fields and one of sparse vectors, for the tests of its life, of
 * damage and of failures: documents made from a number, and queries whose hits are compared with
 * those of a collection that has no index yet: its lists are made in memory, by searches. The soak
 * of full text (spec/text_soak.lua) compares with a plain program. */
#ifndef MV_TEXT_SAMPLE_H
#define MV_TEXT_SAMPLE_H

#include <math.h>

#include "test/collection_files.h"

enum { BODY, LABELS, NUMBER, WEIGHTS, TEXT_FIELDS };
#define TEXT_INDEXES    2u
#define TEXT_VOCABULARY 80u
#define TEXT_HITS       60u

static uint32_t text_without_positions; /* option of the indexes of collections that are made */

static inline mv_err text_schema(mv_schema **schema)
{
    const mv_index_options text = {.type = MV_INDEX_TEXT,
                                   .as.text.without_positions = text_without_positions};
    const mv_field_options fields[TEXT_FIELDS] = {
        {"body", MV_STRING, true, NULL, text, 0},
        {"labels", (mv_type)(MV_ARRAY | MV_STRING), true, NULL, text, 0},
        {.name = "number", .type = MV_INT32},
        {"weights", MV_SPARSE_FP32, true, NULL, {.type = MV_INDEX_SPARSE}, 0},
    };
    mv_err err = mv_schema_create("texts", schema, &error);
    for (uint32_t f = 0; f < TEXT_FIELDS && !err; f++)
        err = mv_schema_add_field(*schema, &fields[f], &error);
    return err;
}

static inline mv_err text_open(const char *path, mv_open_options options, mv_collection **c)
{
    mv_schema *schema = NULL;
    *c = NULL;
    mv_err err = text_schema(&schema);
    options.schema = schema;
    options.manual_maintenance = true;
    if (!err) err = mv_open(path, &options, c, &error);
    mv_schema_free(schema);
    return err;
}

static inline mv_value text_value(const char *bytes, size_t size)
{
    return (mv_value){.kind = MV_KIND_STRING, .as.string = {bytes, size}};
}

/* Small numbers are frequent, as words are. */
static inline int text_word(uint64_t random, char *out)
{
    return snprintf(out, 16, "w%u",
                    (unsigned)(mix(random) % (1 + mix(random + 1) % TEXT_VOCABULARY)));
}

static inline mv_value text_body(uint32_t n, char *out)
{
    size_t size = 0;
    if (n % 11 == 0) return (mv_value){.kind = MV_KIND_NULL};
    for (uint32_t i = 0; i < mix(n) % 30 && n % 13; i++) {
        size += (size_t)text_word(n * 100ull + i, out + size);
        out[size++] = i % 5 ? ' ' : '.';
    }
    return text_value(out, size);
}

/* A weight for every word of the vocabulary that divides the number. */
static inline mv_err text_set_weights(mv_batch *batch, uint32_t n)
{
    uint32_t indices[TEXT_VOCABULARY];
    float numbers[TEXT_VOCABULARY];
    mv_value value = {.kind = MV_KIND_SPARSE, .as.sparse = {indices, numbers, 0}};
    for (uint32_t i = 1; i < TEXT_VOCABULARY; i++) {
        if (n % i) continue;
        indices[value.as.sparse.count] = i;
        numbers[value.as.sparse.count++] = (float)(mix(n + i) % 1000) / 100 - 2;
    }
    return n % 17 ? mv_batch_set(batch, WEIGHTS, &value, &error) : MV_OK;
}

static inline mv_err text_add(mv_batch *batch, uint32_t n)
{
    char id[16], text[512], labels[4][16];
    mv_value items[4], number = int_value((int32_t)(mix(n + 5) % 100)), body = text_body(n, text);
    mv_value list = {.kind = MV_KIND_LIST, .as.list = {items, (size_t)(mix(n + 3) % 5)}};
    for (uint32_t i = 0; i < 4; i++)
        items[i] = text_value(labels[i], (size_t)text_word(n * 77ull + i, labels[i]));
    mv_err err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error);
    if (!err) err = mv_batch_set(batch, BODY, &body, &error);
    if (!err && n % 7) err = mv_batch_set(batch, LABELS, &list, &error);
    if (!err) err = mv_batch_set(batch, NUMBER, &number, &error);
    return err ? err : text_set_weights(batch, n);
}

static inline mv_err text_write(mv_collection *c, uint32_t first, uint32_t end)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(c, &batch, &error);
    for (uint32_t n = first; n < end && !err; n++) err = text_add(batch, n);
    if (!err) err = mv_write(c, MV_UPSERT, batch, &written, &error);
    mv_batch_free(batch);
    return err;
}

static inline mv_err text_delete(mv_collection *c, const char *filter_text)
{
    uint64_t deleted;
    mv_filter filter = {.text = filter_text, .size = strlen(filter_text)};
    return mv_delete_by_filter(c, &filter, &deleted, &error);
}

/* A document with one text, as it is. */
static inline mv_err text_write_one(mv_collection *c, const char *id, const char *bytes,
                                    size_t size)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_value body = text_value(bytes, size), number = int_value(1);
    mv_err err = mv_batch_create(c, &batch, &error);
    if (!err) err = mv_batch_add(batch, id, strlen(id), &error);
    if (!err) err = mv_batch_set(batch, BODY, &body, &error);
    if (!err) err = mv_batch_set(batch, NUMBER, &number, &error);
    if (!err) err = mv_write(c, MV_UPSERT, batch, &written, &error);
    mv_batch_free(batch);
    return err;
}

/* ---------------------------------------------------------------- searching */

static const char *const text_queries[] = {
    "w0",          "w1 w2 w3",     "w70",          "w2 nowhere", "nowhere",
    "\"w0 w1\"",   "\"w1 w0 w0\"", "\"w0 w0\" w5", "+w3 -w1 w2", "+w1 +w2",
    "w7 OR w9 w0", "w1*",          "w* -w0",       "\"w2 w1*\"", "+w4 -\"w0 w1\"",
};
#define TEXT_QUERIES (sizeof text_queries / sizeof *text_queries)

static inline mv_err text_search_in(mv_collection *c, mv_result *result, uint32_t field,
                                    const char *text, bool filtered)
{
    mv_filter filter = {.text = "number < 30", .size = 11};
    mv_query query = {.text = text,
                      .text_size = strlen(text),
                      .text_field = field,
                      .topk = TEXT_HITS,
                      .filter = filtered ? &filter : NULL};
    return mv_search(c, &query, result, &error);
}

/* Search by two sparse vectors, or by that of a document. */
static inline mv_err text_search_weights(mv_collection *c, mv_result *result, bool by_id)
{
    static const uint32_t indices[] = {3, 1, 20};
    static const float numbers[] = {1, 0.5f, -2};
    static const mv_sparse vectors[] = {{indices, numbers, 3}, {indices, numbers, 1}};
    mv_filter filter = {.text = "number < 30", .size = 11};
    mv_query query = {.is_sparse = true,
                      .sparse_field = WEIGHTS,
                      .sparse = by_id ? NULL : vectors,
                      .sparse_count = by_id ? 0 : 2,
                      .topk = 8,
                      .filter = by_id ? &filter : NULL};
    if (by_id) query.id = (mv_id){"48", 2};
    return mv_search(c, &query, result, &error);
}

static inline bool text_same_hits(mv_result *a, mv_result *b)
{
    size_t count, other_count;
    const mv_hit *hits = mv_result_hits(a, &count), *others = mv_result_hits(b, &other_count);
    if (count != other_count) return false;
    for (size_t i = 0; i < count; i++) {
        mv_id id, other;
        if (mv_result_id(a, i, &id, &error) || mv_result_id(b, i, &other, &error)) return false;
        if (id.size != other.size || memcmp(id.data, other.data, id.size) != 0) return false;
        if (fabs(hits[i].score - others[i].score) > 1e-5 * fabs(others[i].score)) return false;
    }
    return true;
}

/* How many queries have other hits in the two. */
static inline uint32_t text_differences_of(mv_collection *a, mv_collection *b,
                                           const char *const *queries, size_t queries_count)
{
    mv_result *x = NULL, *y = NULL;
    uint32_t different = 0;
    WORKS(mv_result_create(a, &x, &error));
    WORKS(mv_result_create(b, &y, &error));
    for (size_t i = 0; i < 2 * TEXT_INDEXES * queries_count; i++) {
        const char *query = queries[i / (2 * TEXT_INDEXES)];
        uint32_t field = i / 2 % TEXT_INDEXES;
        WORKS(text_search_in(a, x, field, query, i % 2));
        WORKS(text_search_in(b, y, field, query, i % 2));
        different += !text_same_hits(x, y);
    }
    for (int by_id = 0; by_id < 2; by_id++) {
        WORKS(text_search_weights(a, x, by_id));
        WORKS(text_search_weights(b, y, by_id));
        different += !text_same_hits(x, y);
    }
    mv_result_free(x);
    mv_result_free(y);
    return different;
}

static inline uint32_t text_differences(mv_collection *a, mv_collection *b)
{
    return text_differences_of(a, b, text_queries, TEXT_QUERIES);
}

static inline mv_index_stats text_stats(mv_collection *c, uint32_t field)
{
    mv_index_stats stats = {0};
    WORKS(mv_get_field_index_stats(c, field, &stats, &error));
    return stats;
}

#endif
