/* A collection with fields of sparse vectors, for the tests of its life and of damage: documents
 * made from a number and a version, a model of what is in the collection, and searches whose hits
 * are compared with those that the model computes. They must be the same to the bit: a product of
 * two floats is exact in double precision, and both sides add by ascending index. */
#ifndef MV_SPARSE_SAMPLE_H
#define MV_SPARSE_SAMPLE_H

#include <math.h>

#include "test/sample.h"

#define SPARSE_DOCS       3000u
#define SPARSE_ENTRIES    24u   /* of a vector, at most */
#define SPARSE_VOCABULARY 300u  /* different indexes of a field */
#define SPARSE_LONG       5000u /* entries of a long query: for more than 4,096 no list is read */
#define SPARSE_OUTLIER    17u   /* a document with a number that dwarfs all others of its index */

/* Positive numbers; of both signs, with NULLs, empty vectors and the outlier; of all magnitudes,
 * denormal ones among them. The fields of vectors come first. */
enum { PLAIN, MIXED, WILD, SPARSE_VECTORS, NUMBER = SPARSE_VECTORS, SPARSE_FIELDS };

static const mv_field_options sparse_fields[SPARSE_FIELDS] = {
    {.name = "plain", .type = MV_SPARSE_FP32, .index.type = MV_INDEX_SPARSE},
    {.name = "mixed", .type = MV_SPARSE_FP32, .nullable = true, .index.type = MV_INDEX_SPARSE},
    {.name = "wild", .type = MV_SPARSE_FP32, .index.type = MV_INDEX_SPARSE},
    {.name = "number", .type = MV_INT32, .index.type = MV_INDEX_INVERT},
};

static inline mv_err sparse_open(const char *path, mv_collection **c)
{
    mv_schema *schema = NULL;
    *c = NULL;
    mv_err err = mv_schema_create("sparse", &schema, &error);
    for (uint32_t f = 0; f < SPARSE_FIELDS && !err; f++)
        err = mv_schema_add_field(schema, &sparse_fields[f], &error);
    mv_open_options options = {.schema = schema, .manual_maintenance = true};
    if (!err) err = mv_open(path, &options, c, &error);
    mv_schema_free(schema);
    return err;
}

/* ---------------------------------------------------------------- documents */

typedef struct sparse_vector {
    bool is_null;
    uint32_t count;
    uint32_t indices[SPARSE_ENTRIES]; /* ascending */
    float numbers[SPARSE_ENTRIES];
} sparse_vector;

/* Small ranks are frequent, as words are. Of all fields but the first, indexes of any 32 bits. */
static inline uint32_t sparse_some_index(uint32_t field, uint64_t random)
{
    double share = (double)(mix(random) % 1000000) / 1e6;
    uint32_t rank = (uint32_t)pow(SPARSE_VOCABULARY, share) - 1;
    return field == PLAIN ? rank : rank * UINT32_C(2654435761);
}

static inline float sparse_some_number(uint32_t field, uint64_t random)
{
    float number = (float)(1 + mix(random) % 192) / 64; /* few different ones, so that scores tie */
    if (field == WILD) number = ldexpf(1 + number / 4, (int)(mix(random + 1) % 199) - 149);
    return field != PLAIN && mix(random + 2) % 3 == 0 ? -number : number;
}

/* Add an entry, unless the index is there. */
static inline void sparse_add_entry(sparse_vector *v, uint32_t index, float number)
{
    uint32_t at = v->count;
    for (uint32_t i = 0; i < v->count; i++)
        if (v->indices[i] == index) return;
    for (; at && v->indices[at - 1] > index; at--) {
        v->indices[at] = v->indices[at - 1];
        v->numbers[at] = v->numbers[at - 1];
    }
    v->indices[at] = index;
    v->numbers[at] = number;
    v->count++;
}

static inline sparse_vector sparse_make(uint32_t field, uint32_t n, uint32_t version)
{
    sparse_vector v = {.is_null = field == MIXED && n % 7 == 0};
    uint64_t random = mix(n * 1000003ull + version * 7919ull + field);
    uint32_t wanted =
        v.is_null || (field == MIXED && n % 11 == 0) ? 0 : 1 + (uint32_t)(random % 22);
    if (field == MIXED && n == SPARSE_OUTLIER) sparse_add_entry(&v, 0, MV_VECTOR_NUMBER_MAX);
    for (uint32_t i = 0; i < wanted; i++)
        sparse_add_entry(&v, sparse_some_index(field, random + 10 * i),
                         sparse_some_number(field, random + 10 * i + 5));
    return v;
}

static inline mv_value sparse_value(const sparse_vector *v)
{
    if (v->is_null) return (mv_value){.kind = MV_KIND_NULL};
    return (mv_value){.kind = MV_KIND_SPARSE, .as.sparse = {v->indices, v->numbers, v->count}};
}

/* What must be in the collection. */
typedef struct sparse_doc {
    bool there;
    int32_t number;
    uint64_t order; /* docids ascend with it */
    sparse_vector vectors[SPARSE_VECTORS];
} sparse_doc;

typedef struct sparse_model {
    uint64_t written;
    sparse_doc docs[SPARSE_DOCS];
} sparse_model;

/* A copy, or an empty model. Freed by sparse_model_free. */
static inline sparse_model *sparse_model_of(const sparse_model *other)
{
    sparse_model *m = mem_alloc_zero(sizeof *m);
    if (other) *m = *other;
    return m;
}

static inline void sparse_model_free(sparse_model *m)
{
    mem_free(m, sizeof *m);
}

static inline mv_err sparse_add(mv_batch *batch, sparse_model *m, uint32_t n, uint32_t version)
{
    char id[16];
    sparse_doc *doc = &m->docs[n];
    *doc = (sparse_doc){.there = true, .order = ++m->written, .number = (int32_t)(mix(n) % 1000)};
    mv_value number = int_value(doc->number);
    mv_err err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error);
    if (!err) err = mv_batch_set(batch, NUMBER, &number, &error);
    for (uint32_t f = 0; f < SPARSE_VECTORS && !err; f++) {
        doc->vectors[f] = sparse_make(f, n, version);
        mv_value value = sparse_value(&doc->vectors[f]);
        err = mv_batch_set(batch, f, &value, &error);
    }
    return err;
}

/* Write documents [first, end) in this version, to the collection and to the model. */
static inline mv_err sparse_write(mv_collection *c, sparse_model *m, uint32_t first, uint32_t end,
                                  uint32_t version)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(c, &batch, &error);
    for (uint32_t n = first; n < end && !err; n++) err = sparse_add(batch, m, n, version);
    if (!err) err = mv_write(c, MV_UPSERT, batch, &written, &error);
    mv_batch_free(batch);
    return err;
}

/* Change one field of every third document. */
static inline mv_err sparse_update(mv_collection *c, sparse_model *m, uint32_t field,
                                   uint32_t version)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(c, &batch, &error);
    for (uint32_t n = 0; n < SPARSE_DOCS && !err; n += 3) {
        char id[16];
        sparse_doc *doc = &m->docs[n];
        if (!doc->there) continue;
        doc->order = ++m->written;
        doc->vectors[field] = sparse_make(field, n, version);
        mv_value value = sparse_value(&doc->vectors[field]);
        err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error);
        if (!err) err = mv_batch_set(batch, field, &value, &error);
    }
    if (!err) err = mv_write(c, MV_UPDATE, batch, &written, &error);
    mv_batch_free(batch);
    return err;
}

/* Delete the documents whose number is from `least` to `most`. */
static inline mv_err sparse_delete(mv_collection *c, sparse_model *m, int32_t least, int32_t most)
{
    uint64_t deleted;
    const mv_value bounds[] = {int_value(least), int_value(most)};
    const char *text = "number BETWEEN ? AND ?";
    mv_filter filter = {.text = text, .size = strlen(text), .args = bounds, .args_count = 2};
    for (uint32_t n = 0; n < SPARSE_DOCS; n++)
        if (m->docs[n].number >= least && m->docs[n].number <= most) m->docs[n].there = false;
    return mv_delete_by_filter(c, &filter, &deleted, &error);
}

/* ---------------------------------------------------------------- queries */

#define SPARSE_QUERIES 9u

typedef struct sparse_queries {
    bool is_made;
    mv_sparse each[SPARSE_QUERIES]; /* ascending */
    sparse_vector vectors[SPARSE_QUERIES];
    uint32_t long_indices[SPARSE_LONG];
    float long_numbers[SPARSE_LONG];
} sparse_queries;

static inline int sparse_compare_indices(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* All indexes of the field, and many that no document has. */
static inline void sparse_make_long(sparse_queries *q, uint32_t field)
{
    uint32_t spread = field == PLAIN ? 1 : UINT32_C(2654435761);
    for (uint32_t i = 0; i < SPARSE_LONG; i++) q->long_indices[i] = i * spread;
    qsort(q->long_indices, SPARSE_LONG, sizeof *q->long_indices, sparse_compare_indices);
    for (uint32_t i = 0; i < SPARSE_LONG; i++) q->long_numbers[i] = sparse_some_number(field, i);
}

/* Random ones; the most frequent index alone, of either sign; two indexes whose numbers differ by
 * 20 orders of magnitude; indexes that no document has; no entry; the long one. */
static inline const sparse_queries *sparse_queries_of(uint32_t field)
{
    static sparse_queries made[SPARSE_VECTORS];
    sparse_queries *q = &made[field];
    uint32_t second = field == PLAIN ? 1 : UINT32_C(2654435761);
    if (q->is_made) return q;
    q->is_made = true;
    for (uint32_t i = 0; i < 3; i++) q->vectors[i] = sparse_make(field, 1000001 + 101 * i, 0);
    sparse_add_entry(&q->vectors[3], 0, 0.75f);
    sparse_add_entry(&q->vectors[4], 0, -2);
    sparse_add_entry(&q->vectors[5], 0, 1e10f);
    sparse_add_entry(&q->vectors[5], second, 1e-10f);
    sparse_add_entry(&q->vectors[6], 1000001, 1);
    sparse_make_long(q, field);
    for (uint32_t i = 0; i < SPARSE_QUERIES; i++)
        q->each[i] = (mv_sparse){q->vectors[i].indices, q->vectors[i].numbers, q->vectors[i].count};
    q->each[SPARSE_QUERIES - 1] = (mv_sparse){q->long_indices, q->long_numbers, SPARSE_LONG};
    return q;
}

/* ---------------------------------------------------------------- true hits */

typedef struct sparse_hit {
    float score;
    uint32_t n; /* of the document */
    uint64_t order;
} sparse_hit;

typedef struct sparse_truth {
    uint32_t count;
    sparse_hit hits[SPARSE_DOCS]; /* all documents that share an index with the query, best first */
} sparse_truth;

static inline int sparse_compare_hits(const void *a, const void *b)
{
    const sparse_hit *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

static inline bool sparse_shares(const mv_sparse *q, const sparse_vector *v, float *score)
{
    double sum = 0;
    bool shares = false;
    for (size_t i = 0, j = 0; i < q->count && j < v->count;) {
        if (q->indices[i] == v->indices[j]) {
            sum += (double)q->numbers[i++] * (double)v->numbers[j++];
            shares = true;
        } else if (q->indices[i] < v->indices[j]) {
            i++;
        } else {
            j++;
        }
    }
    *score = (float)sum;
    return shares;
}

static inline void sparse_find_truth(const sparse_model *m, uint32_t field, const mv_sparse *q,
                                     sparse_truth *truth)
{
    truth->count = 0;
    for (uint32_t n = 0; n < SPARSE_DOCS; n++) {
        const sparse_doc *doc = &m->docs[n];
        sparse_hit hit = {.n = n, .order = doc->order};
        if (doc->there && sparse_shares(q, &doc->vectors[field], &hit.score))
            truth->hits[truth->count++] = hit;
    }
    qsort(truth->hits, truth->count, sizeof *truth->hits, sparse_compare_hits);
}

/* ---------------------------------------------------------------- searching */

/* How to search. */
typedef struct sparse_asked {
    uint32_t topk, offset;
    int32_t below;              /* a filter on the number; 0: none */
    const sparse_hit *after;    /* NULL: none */
    const sparse_hit *left_out; /* search by the vector of this document; NULL: by a vector */
    const double *least, *most; /* min_score, max_distance */
    mv_strategy strategy;
} sparse_asked;

static inline bool sparse_is_wanted(const sparse_model *m, const sparse_asked *asked,
                                    const sparse_hit *hit)
{
    double score = (double)hit->score;
    if (asked->left_out && hit->n == asked->left_out->n) return false;
    if (asked->after && sparse_compare_hits(hit, asked->after) <= 0) return false;
    if (asked->below && m->docs[hit->n].number >= asked->below) return false;
    return (!asked->least || score >= *asked->least) && (!asked->most || -score <= *asked->most);
}

/* Are these hits those of the truth that are asked for? */
static inline bool sparse_is_right(mv_result *result, size_t first, size_t count,
                                   const sparse_model *m, const sparse_truth *truth,
                                   const sparse_asked *asked)
{
    size_t all, at = 0;
    uint32_t skipped = 0;
    const mv_hit *hits = mv_result_hits(result, &all) + first;
    for (uint32_t i = 0; i < truth->count && at < asked->topk; i++) {
        mv_id id;
        const sparse_hit *wanted = &truth->hits[i];
        if (!sparse_is_wanted(m, asked, wanted) || skipped++ < asked->offset) continue;
        if (at == count || mv_result_id(result, first + at, &id, &error)) return false;
        char name[16];
        int size = snprintf(name, sizeof name, "%u", wanted->n);
        if (id.size != (size_t)size || memcmp(id.data, name, id.size) != 0) return false;
        if (hits[at].score != (double)wanted->score || hits[at].distance != -hits[at].score)
            return false;
        at++;
    }
    return at == count;
}

static inline mv_err sparse_search_in(mv_collection *c, mv_result *result, uint32_t field,
                                      const mv_sparse *vectors, uint32_t count,
                                      const sparse_asked *asked)
{
    char ids[2][16];
    mv_value below = int_value(asked->below);
    mv_filter filter = {.text = "number < ?", .size = 10, .args = &below, .args_count = 1};
    mv_query query = {.is_sparse = true,
                      .sparse_field = field,
                      .sparse = asked->left_out ? NULL : vectors,
                      .sparse_count = asked->left_out ? 0 : count,
                      .topk = asked->topk,
                      .offset = asked->offset,
                      .filter = asked->below ? &filter : NULL,
                      .min_score = asked->least,
                      .max_distance = asked->most,
                      .strategy = asked->strategy};
    if (asked->left_out)
        query.id = (mv_id){ids[0], (size_t)snprintf(ids[0], 16, "%u", asked->left_out->n)};
    if (asked->after)
        query.after = (mv_id){ids[1], (size_t)snprintf(ids[1], 16, "%u", asked->after->n)};
    return mv_search(c, &query, result, &error);
}

static bool sparse_is_quiet; /* wrong hits are expected: do not print them */

/* Search, and compare with the truth. Returns 1 if something is wrong. */
static inline uint32_t sparse_try(mv_collection *c, mv_result *result, const sparse_model *m,
                                  uint32_t field, const mv_sparse *q, const sparse_truth *truth,
                                  sparse_asked asked)
{
    size_t count = 0;
    mv_err err = sparse_search_in(c, result, field, q, 1, &asked);
    if (!err) (void)mv_result_hits(result, &count);
    if (!err && sparse_is_right(result, 0, count, m, truth, &asked)) return 0;
    if (sparse_is_quiet) return 1;
    if (err) printf("    %s: %s\n", mv_err_name(err), error.text);
    printf("    %zu hits, other ones than must be: field %u, %zu entries, topk %u, offset %u, "
           "number < %d%s%s%s%s\n",
           count, field, q->count, asked.topk, asked.offset, asked.below,
           asked.after ? ", after" : "", asked.left_out ? ", by id" : "",
           asked.least ? ", min_score" : "", asked.most ? ", max_distance" : "");
    return 1;
}

/* Search for one vector in many ways. Returns how many searches were wrong. */
static inline uint32_t sparse_try_all(mv_collection *c, mv_result *result, const sparse_model *m,
                                      uint32_t field, const mv_sparse *q)
{
    static sparse_truth truth;
    uint32_t wrong = 0;
    sparse_find_truth(m, field, q, &truth);
    const sparse_hit *some = truth.count ? &truth.hits[truth.count / 3] : NULL;
    double least = some ? (double)some->score : 0, most = -least;
    const sparse_asked asked[] = {
        {.topk = 1},
        {.topk = 10},
        {.topk = 100},
        {.topk = 2 * SPARSE_DOCS},
        {.topk = 10, .below = 500},
        {.topk = 1000, .below = 500},
        {.topk = 10, .below = 10},
        {.topk = 10, .below = 2},
        {.topk = 10, .offset = 35},
        {.topk = 10, .offset = 35, .below = 500},
        {.topk = 40, .strategy = MV_STRATEGY_EXACT},
        {.topk = 10, .after = some},
        {.topk = 10, .after = some, .below = 500},
        {.topk = 2 * SPARSE_DOCS, .least = &least},
        {.topk = 2 * SPARSE_DOCS, .most = &most},
        {.topk = 20, .least = &least, .most = &most, .offset = 5},
    };
    size_t ways = q->count < SPARSE_LONG ? sizeof asked / sizeof *asked : 4; /* it takes long */
    for (size_t i = 0; i < ways; i++) wrong += sparse_try(c, result, m, field, q, &truth, asked[i]);
    return wrong;
}

/* Search by the vector of a document, and behind it, which may have none. */
static inline uint32_t sparse_try_document(mv_collection *c, mv_result *result,
                                           const sparse_model *m, uint32_t field, uint32_t n)
{
    static sparse_truth truth;
    const sparse_doc *doc = &m->docs[n];
    const sparse_vector *v = &doc->vectors[field];
    const mv_sparse q = {v->indices, v->numbers, v->count};
    sparse_hit hit = {.n = n, .order = doc->order};
    uint32_t wrong = 0;
    if (!doc->there) return 0;
    sparse_find_truth(m, field, &q, &truth);
    wrong +=
        sparse_try(c, result, m, field, &q, &truth, (sparse_asked){.topk = 10, .left_out = &hit});
    sparse_vector other = sparse_make(field, n + 1, 9);
    const mv_sparse p = {other.indices, other.numbers, other.count};
    sparse_find_truth(m, field, &p, &truth);
    (void)sparse_shares(&p, v, &hit.score);
    return wrong +
           sparse_try(c, result, m, field, &p, &truth, (sparse_asked){.topk = 10, .after = &hit});
}

/* All queries at once. */
static inline uint32_t sparse_try_several(mv_collection *c, mv_result *result,
                                          const sparse_model *m, uint32_t field,
                                          const sparse_queries *q)
{
    static sparse_truth truth;
    const sparse_asked asked = {.topk = 10, .offset = 3, .below = 700};
    uint32_t wrong = 0;
    size_t count = 0, first = 0, end;
    WORKS(sparse_search_in(c, result, field, q->each, SPARSE_QUERIES, &asked));
    const mv_hit *hits = mv_result_hits(result, &count);
    for (uint32_t i = 0; i < SPARSE_QUERIES; i++, first = end) {
        for (end = first; end < count && hits[end].input == i;) end++;
        sparse_find_truth(m, field, &q->each[i], &truth);
        wrong += !sparse_is_right(result, first, end - first, m, &truth, &asked);
    }
    return wrong + (first != count);
}

/* Search in every way. Returns how many searches were wrong. */
static inline uint32_t sparse_wrong(mv_collection *c, const sparse_model *m)
{
    mv_result *result = NULL;
    uint32_t wrong = 0;
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t f = 0; f < SPARSE_VECTORS; f++) {
        const sparse_queries *q = sparse_queries_of(f);
        for (uint32_t i = 0; i < SPARSE_QUERIES; i++)
            wrong += sparse_try_all(c, result, m, f, &q->each[i]);
        for (uint32_t n = 0; n < SPARSE_DOCS; n += 211)
            wrong += sparse_try_document(c, result, m, f, n);
        wrong += sparse_try_several(c, result, m, f, q);
    }
    mv_result_free(result);
    return wrong;
}

/* The first `queries` queries of each field, but for the long one, with a filter and without. */
static inline uint32_t sparse_wrong_few(mv_collection *c, const sparse_model *m, size_t queries)
{
    static sparse_truth truth;
    mv_result *result = NULL;
    uint32_t wrong = 0;
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t f = 0; f < SPARSE_VECTORS; f++) {
        const sparse_queries *q = sparse_queries_of(f);
        for (uint32_t i = 0; i < SPARSE_QUERIES - 1 && i < queries; i++) {
            sparse_asked asked = {.topk = 10};
            sparse_find_truth(m, f, &q->each[i], &truth);
            wrong += sparse_try(c, result, m, f, &q->each[i], &truth, asked);
            asked.below = 500;
            wrong += sparse_try(c, result, m, f, &q->each[i], &truth, asked);
        }
    }
    mv_result_free(result);
    return wrong;
}

static inline mv_index_stats sparse_stats(mv_collection *c, uint32_t field)
{
    mv_index_stats stats = {0};
    WORKS(mv_get_field_index_stats(c, field, &stats, &error));
    return stats;
}

#endif
