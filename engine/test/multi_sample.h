/* A collection with fields of several vectors, for the tests of its life, of damage and of
 * failures: documents made from a number and a version, a model of what is in the collection, and
 * searches whose hits are compared with those that the model computes. Numbers are multiples of
 * 1/64 and small, so that products and sums of them are exact: scores must be the same to the
 * bit. */
#ifndef MV_MULTI_SAMPLE_H
#define MV_MULTI_SAMPLE_H

#include <math.h>

#include "test/sample.h"

#define MULTI_DOCS    2600u
#define MULTI_DIM     8u   /* of the field with the longer vectors */
#define MULTI_MANY    150u /* vectors of a document, at most */
#define MULTI_NUMBERS (MULTI_MANY * MULTI_DIM)
#define MULTI_NULL    UINT32_MAX /* instead of a count of vectors */

/* Up to 3 vectors, or none; one or NULL, of some documents very many. The fields of vectors come
 * first. */
enum { TOKENS, MANY, MULTI_VECTORS, NUMBER = MULTI_VECTORS, MULTI_FIELDS };

#define MULTI_GRAPH                                                                                \
    {                                                                                              \
        .type = MV_INDEX_HNSW, .as.hnsw = {.m = 8, .ef_construction = 12 }                         \
    }

static const mv_field_options multi_fields[MULTI_FIELDS] = {
    {.name = "tokens", .type = MV_MULTI_FP32, .dim = MULTI_DIM, .index = MULTI_GRAPH},
    {.name = "many", .type = MV_MULTI_FP32, .nullable = true, .dim = 3, .index = MULTI_GRAPH},
    {.name = "number", .type = MV_INT32, .index.type = MV_INDEX_INVERT},
};

static inline mv_err multi_schema(mv_schema **schema)
{
    mv_err err = mv_schema_create("multi", schema, &error);
    for (uint32_t f = 0; f < MULTI_FIELDS && !err; f++)
        err = mv_schema_add_field(*schema, &multi_fields[f], &error);
    return err;
}

static inline mv_err multi_open(const char *path, mv_collection **c)
{
    mv_schema *schema = NULL;
    *c = NULL;
    mv_err err = multi_schema(&schema);
    mv_open_options options = {.schema = schema, .manual_maintenance = true};
    if (!err) err = mv_open(path, &options, c, &error);
    mv_schema_free(schema);
    return err;
}

/* ---------------------------------------------------------------- documents */

/* Number `d` of a random vector: a multiple of 1/64 in a range of (range + 1) / 64 around 0. */
static inline float multi_number(uint64_t random, uint32_t d, int range)
{
    return (float)((int)(random >> 8 * d & 0xff & (unsigned)range) - range / 2) / 64;
}

/* Vector `i` of some: near one of 40 directions, with the bias that they share. */
static inline void multi_vector(uint32_t field, uint64_t random, uint32_t i, float *out)
{
    uint64_t direction = mix(mix(random + i) % 40), bias = mix(random + 1000),
             own = mix(random + 2000 + i);
    uint32_t dim = multi_fields[field].dim;
    for (uint32_t d = 0; d < dim; d++)
        out[i * dim + d] =
            multi_number(direction, d, 255) + multi_number(bias, d, 63) + multi_number(own, d, 15);
}

/* The vectors of a document. Returns how many. */
static inline uint32_t multi_make(uint32_t field, uint32_t n, uint32_t version, float *out)
{
    uint64_t random = mix(n * 1000003ull + version * 7919ull + field);
    uint32_t count = n % 5 ? 1 + (uint32_t)(random % 3) : 0;
    if (field == MANY) count = n % 303 == 50 ? MULTI_MANY : n % 7 ? 1 : MULTI_NULL;
    for (uint32_t i = 0; count != MULTI_NULL && i < count; i++) multi_vector(field, random, i, out);
    return count;
}

static inline mv_value multi_value(uint32_t field, const float *numbers, uint32_t count)
{
    if (count == MULTI_NULL) return (mv_value){.kind = MV_KIND_NULL};
    size_t all = (size_t)count * multi_fields[field].dim;
    return (mv_value){.kind = MV_KIND_MULTI, .as.multi = {numbers, all}};
}

/* What must be in the collection. */
typedef struct multi_doc {
    bool there;
    int32_t number;
    uint64_t order;                   /* docids ascend with it */
    uint32_t versions[MULTI_VECTORS]; /* 0: no vectors */
} multi_doc;

typedef struct multi_model {
    uint64_t written;
    multi_doc docs[MULTI_DOCS];
} multi_model;

static inline uint32_t multi_of(const multi_model *m, uint32_t field, uint32_t n, float *out)
{
    uint32_t version = m->docs[n].versions[field];
    return version ? multi_make(field, n, version, out) : 0;
}

static inline mv_err multi_set(mv_batch *batch, uint32_t field, uint32_t n, uint32_t version)
{
    float numbers[MULTI_NUMBERS];
    mv_value value = multi_value(field, numbers, multi_make(field, n, version, numbers));
    return mv_batch_set(batch, field, &value, &error);
}

static inline mv_err multi_add(mv_batch *batch, multi_model *m, uint32_t n, uint32_t version)
{
    char id[16];
    mv_value number = int_value((int32_t)(mix(n) % 1000));
    m->docs[n] = (multi_doc){true, (int32_t)number.as.i, ++m->written, {version, version}};
    mv_err err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error);
    if (!err) err = mv_batch_set(batch, NUMBER, &number, &error);
    for (uint32_t f = 0; f < MULTI_VECTORS && !err; f++) err = multi_set(batch, f, n, version);
    return err;
}

/* Write documents [first, end) in this version, to the collection and to the model. */
static inline mv_err multi_write(mv_collection *c, multi_model *m, uint32_t first, uint32_t end,
                                 uint32_t version)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(c, &batch, &error);
    for (uint32_t n = first; n < end && !err; n++) err = multi_add(batch, m, n, version);
    if (!err) err = mv_write(c, MV_UPSERT, batch, &written, &error);
    mv_batch_free(batch);
    return err;
}

/* Change one field of every ninth document. */
static inline mv_err multi_update(mv_collection *c, multi_model *m, uint32_t field,
                                  uint32_t version)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(c, &batch, &error);
    for (uint32_t n = 0; n < MULTI_DOCS && !err; n += 9) {
        char id[16];
        if (!m->docs[n].there) continue;
        m->docs[n].order = ++m->written;
        m->docs[n].versions[field] = version;
        err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &error);
        if (!err) err = multi_set(batch, field, n, version);
    }
    if (!err) err = mv_write(c, MV_UPDATE, batch, &written, &error);
    mv_batch_free(batch);
    return err;
}

/* Delete the documents whose number is from `least` to `most`. */
static inline mv_err multi_delete(mv_collection *c, multi_model *m, int32_t least, int32_t most)
{
    uint64_t deleted;
    const mv_value bounds[] = {int_value(least), int_value(most)};
    const char *text = "number BETWEEN ? AND ?";
    mv_filter filter = {.text = text, .size = strlen(text), .args = bounds, .args_count = 2};
    for (uint32_t n = 0; n < MULTI_DOCS; n++)
        if (m->docs[n].number >= least && m->docs[n].number <= most) m->docs[n].there = false;
    return mv_delete_by_filter(c, &filter, &deleted, &error);
}

/* ---------------------------------------------------------------- true hits */

typedef struct multi_query {
    uint32_t field, count;
    const float *vectors;
} multi_query;

typedef struct multi_hit {
    float score;
    uint32_t n; /* of the document */
    uint64_t order;
} multi_hit;

typedef struct multi_truth {
    uint32_t count;
    multi_hit hits[MULTI_DOCS]; /* all documents with vectors, best first */
    uint32_t at[MULTI_DOCS];    /* where a document is among them; `count`: it is not there */
} multi_truth;

static inline int multi_compare_hits(const void *a, const void *b)
{
    const multi_hit *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

static inline float multi_score(const multi_query *q, const float *vectors, uint32_t count)
{
    uint32_t dim = multi_fields[q->field].dim;
    double sum = 0;
    for (uint32_t i = 0; i < q->count; i++) {
        float best = -1e30f;
        for (uint32_t j = 0; j < count; j++) {
            float product = 0;
            for (uint32_t d = 0; d < dim; d++)
                product += q->vectors[i * dim + d] * vectors[j * dim + d];
            best = product > best ? product : best;
        }
        sum += (double)best;
    }
    return (float)sum;
}

static inline void multi_find_truth(const multi_model *m, const multi_query *q, multi_truth *truth)
{
    float numbers[MULTI_NUMBERS];
    truth->count = 0;
    for (uint32_t n = 0; n < MULTI_DOCS; n++) {
        uint32_t count = m->docs[n].there ? multi_of(m, q->field, n, numbers) : 0;
        if (!count || count == MULTI_NULL) continue;
        truth->hits[truth->count++] =
            (multi_hit){multi_score(q, numbers, count), n, m->docs[n].order};
    }
    qsort(truth->hits, truth->count, sizeof *truth->hits, multi_compare_hits);
    for (uint32_t n = 0; n < MULTI_DOCS; n++) truth->at[n] = truth->count;
    for (uint32_t i = 0; i < truth->count; i++) truth->at[truth->hits[i].n] = i;
}

/* ---------------------------------------------------------------- searching */

/* How to search. */
typedef struct multi_asked {
    uint32_t topk, offset;
    int32_t below;              /* a filter on the number; 0: none */
    const multi_hit *left_out;  /* search by the vectors of this document */
    const double *least, *most; /* min_score, max_distance */
    mv_strategy strategy;
    uint32_t threads;
} multi_asked;

/* What searches by graph found of the best hits. */
static uint64_t multi_found, multi_wanted;
static bool multi_is_quiet; /* wrong hits are expected: do not print them */

static inline mv_err multi_search_in(mv_collection *c, mv_result *result, const multi_query *q,
                                     const multi_asked *asked)
{
    char id[16];
    mv_value below = int_value(asked->below);
    mv_filter filter = {.text = "number < ?", .size = 10, .args = &below, .args_count = 1};
    mv_query query = {.is_multi = true,
                      .multi_field = q->field,
                      .vectors = asked->left_out ? NULL : q->vectors,
                      .vectors_count = asked->left_out ? 0 : q->count,
                      .dim = multi_fields[q->field].dim,
                      .topk = asked->topk,
                      .offset = asked->offset,
                      .filter = asked->below ? &filter : NULL,
                      .min_score = asked->least,
                      .max_distance = asked->most,
                      .strategy = asked->strategy,
                      .threads = asked->threads};
    if (asked->left_out)
        query.id = (mv_id){id, (size_t)snprintf(id, sizeof id, "%u", asked->left_out->n)};
    return mv_search(c, &query, result, &error);
}

/* Which document a hit is; MULTI_DOCS: none. */
static inline uint32_t multi_number_of(mv_result *result, size_t position)
{
    mv_id id;
    char name[16] = {0};
    if (mv_result_id(result, position, &id, &error) || id.size >= sizeof name) return MULTI_DOCS;
    memcpy(name, id.data, id.size);
    unsigned long n = strtoul(name, NULL, 10);
    return n < MULTI_DOCS ? (uint32_t)n : MULTI_DOCS;
}

static inline bool multi_is_wanted(const multi_model *m, const multi_asked *asked,
                                   const multi_hit *hit)
{
    double score = (double)hit->score;
    if (asked->left_out && hit->n == asked->left_out->n) return false;
    if (asked->below && m->docs[hit->n].number >= asked->below) return false;
    return (!asked->least || score >= *asked->least) && (!asked->most || -score <= *asked->most);
}

/* The hits of the truth that are asked for, and those that the offset skips. Returns how many. */
static inline uint32_t multi_choose(const multi_model *m, const multi_truth *truth,
                                    const multi_asked *asked, const multi_hit **chosen)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < truth->count && count < asked->topk + asked->offset; i++)
        if (multi_is_wanted(m, asked, &truth->hits[i])) chosen[count++] = &truth->hits[i];
    return count;
}

/* As many hits as there must be, all of them wanted, with the right scores, in order. */
static inline bool multi_is_sound(mv_result *result, const multi_model *m, const multi_truth *truth,
                                  const multi_asked *asked, uint32_t wanted)
{
    size_t count;
    const mv_hit *hits = mv_result_hits(result, &count);
    const multi_hit *before = NULL;
    if (count != wanted) return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t n = multi_number_of(result, i);
        if (n == MULTI_DOCS || truth->at[n] == truth->count) return false;
        const multi_hit *hit = &truth->hits[truth->at[n]];
        if (hits[i].score != (double)hit->score || hits[i].distance != 0 - hits[i].score)
            return false;
        if (!multi_is_wanted(m, asked, hit) || (before && hit <= before)) return false;
        before = hit;
    }
    return true;
}

/* Are these the hits of the truth that are asked for? A search by graph may miss some. */
static inline bool multi_is_right(mv_result *result, const multi_model *m, const multi_truth *truth,
                                  const multi_asked *asked)
{
    static const multi_hit *chosen[MULTI_DOCS];
    size_t all;
    const mv_hit *hits = mv_result_hits(result, &all);
    uint32_t count = multi_choose(m, truth, asked, chosen), found = 0;
    uint32_t wanted = count > asked->offset ? count - asked->offset : 0;
    if (!multi_is_sound(result, m, truth, asked, wanted)) return false;
    for (uint32_t i = 0; i < wanted; i++) {
        if (asked->strategy != MV_STRATEGY_GRAPH &&
            multi_number_of(result, i) != chosen[asked->offset + i]->n)
            return false;
        found += hits[i].score >= (double)chosen[count - 1]->score;
    }
    if (asked->strategy == MV_STRATEGY_GRAPH) multi_found += found, multi_wanted += wanted;
    return true;
}

/* Search, and compare with the truth. Returns 1 if something is wrong. */
static inline uint32_t multi_try(mv_collection *c, mv_result *result, const multi_model *m,
                                 const multi_query *q, const multi_truth *truth, multi_asked asked)
{
    size_t count = 0;
    mv_err err = multi_search_in(c, result, q, &asked);
    if (!err && multi_is_right(result, m, truth, &asked)) return 0;
    if (multi_is_quiet) return 1;
    if (err) printf("    %s: %s\n", mv_err_name(err), error.text);
    (void)mv_result_hits(result, &count);
    printf("    %zu hits, other ones than must be: field %u, %u vectors, topk %u, offset %u, "
           "number < %d, strategy %d%s%s%s\n",
           count, q->field, q->count, asked.topk, asked.offset, asked.below, (int)asked.strategy,
           asked.left_out ? ", by id" : "", asked.least ? ", min_score" : "",
           asked.most ? ", max_distance" : "");
    return 1;
}

/* Search in many ways. Returns how many searches were wrong. */
static inline uint32_t multi_try_all(mv_collection *c, mv_result *result, const multi_model *m,
                                     const multi_query *q)
{
    static multi_truth truth;
    uint32_t wrong = 0;
    multi_find_truth(m, q, &truth);
    double least = truth.count ? (double)truth.hits[truth.count / 3].score : 0, most = -least;
    const multi_asked asked[] = {
        {.topk = 10},
        {.topk = 1},
        {.topk = 100},
        {.topk = 10, .below = 500},
        {.topk = 10, .below = 10},
        {.topk = 10, .below = 2},
        {.topk = 10, .offset = 35},
        {.topk = 10, .offset = 5, .below = 500},
        {.topk = 2 * MULTI_DOCS},
        {.topk = 1000, .below = 500},
        {.topk = 2 * MULTI_DOCS, .least = &least},
        {.topk = 20, .most = &most, .offset = 5},
        {.topk = 20, .most = &most, .threads = 2},
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        multi_asked one = asked[i];
        wrong += multi_try(c, result, m, q, &truth, one);
        /* A walk for many hits takes long. */
        one.strategy =
            (i + q->count) % 3 && one.topk <= 100 ? MV_STRATEGY_GRAPH : MV_STRATEGY_EXACT;
        wrong += multi_try(c, result, m, q, &truth, one);
    }
    return wrong;
}

/* Search by the vectors of a document, which may have none. */
static inline uint32_t multi_try_document(mv_collection *c, mv_result *result, const multi_model *m,
                                          uint32_t field, uint32_t n)
{
    static multi_truth truth;
    float numbers[MULTI_NUMBERS];
    const multi_hit hit = {.n = n};
    uint32_t count = multi_of(m, field, n, numbers), wrong = 0;
    if (!m->docs[n].there) return 0;
    if (count == MULTI_NULL) count = 0;
    const multi_query q = {field, count, numbers};
    multi_find_truth(m, &q, &truth);
    if (!count) truth.count = 0;
    for (uint32_t i = 0; i < 2; i++)
        wrong += multi_try(c, result, m, &q, &truth,
                           (multi_asked){.topk = 10,
                                         .left_out = &hit,
                                         .strategy = i ? MV_STRATEGY_GRAPH : MV_STRATEGY_AUTO});
    return wrong;
}

/* Queries of 1 and 6 vectors, which are new ones for each `turn`. Returns how many searches
 * were wrong. */
static inline uint32_t multi_wrong(mv_collection *c, const multi_model *m, uint32_t turn)
{
    mv_result *result = NULL;
    uint32_t wrong = 0;
    WORKS(mv_result_create(c, &result, &error));
    for (uint32_t f = 0; f < MULTI_VECTORS; f++) {
        for (uint32_t count = 1; count <= 6; count += 5) {
            float vectors[9 * MULTI_DIM];
            for (uint32_t i = 0; i < count; i++)
                multi_vector(f, mix(1000 * turn + count), i, vectors);
            wrong += multi_try_all(c, result, m, &(multi_query){f, count, vectors});
        }
        for (uint32_t n = turn % 50; n < MULTI_DOCS; n += 500)
            wrong += multi_try_document(c, result, m, f, n);
    }
    mv_result_free(result);
    return wrong;
}

static inline mv_index_stats multi_stats(mv_collection *c, uint32_t field)
{
    mv_index_stats stats = {0};
    WORKS(mv_get_field_index_stats(c, field, &stats, &error));
    return stats;
}

#endif
