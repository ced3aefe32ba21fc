/* A sample collection for tests: documents made from a number and a version, so that a test can
 * keep what must be there as an array of versions (0: not there) and compare every value of it. */
#ifndef MV_SAMPLE_H
#define MV_SAMPLE_H

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "moonvec.h"
#include "test/expect.h"

/* The call must succeed; the text of its error is shown when it does not. */
#define WORKS(call)                                                                                \
    do {                                                                                           \
        mv_err works_ = (call);                                                                    \
        expect(works_ == MV_OK, #call, __FILE__, __LINE__);                                        \
        if (works_) printf("    %s: %s\n", mv_err_name(works_), error.text);                       \
    } while (0)

static mv_error error; /* of the last call that failed */

static inline uint64_t mix(uint64_t z) /* splitmix64 */
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---------------------------------------------------------------- directories */

static char sample_place[64];

static inline bool sample_place_make(const char *name)
{
    bool memory = access("/dev/shm", W_OK) == 0; /* faster, where there is one */
    (void)snprintf(sample_place, sizeof sample_place, "%s/moonvec-%s-XXXXXX",
                   memory ? "/dev/shm" : "/tmp", name);
    if (mkdtemp(sample_place)) return true;
    printf("no temporary directory\n");
    return false;
}

static inline const char *sample_path(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", sample_place, name);
    return path;
}

/* Where to put a collection, in tests that run in memory as well. */
#define PLACE(name) (memory ? ":memory:" : sample_path(name))
#define WHERE       (memory ? "in memory" : "in a directory") /* for RUN_WITH */

static inline int remove_one(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about, (void)kind, (void)at;
    return remove(path);
}

static inline void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---------------------------------------------------------------- schema */

enum { TITLE, YEAR, BIG, COUNT, RATIO, SMALL, FLAG, TAGS, CODES, SAMPLE_FIELDS };
enum { COSINE, NEAR, HALF, SAMPLE_VECTORS };
#define SAMPLE_DIM_MAX 24

static const mv_field_options sample_fields[SAMPLE_FIELDS] = {
    {.name = "title", .type = MV_STRING},
    {.name = "year", .type = MV_INT32, .nullable = true},
    {.name = "big", .type = MV_INT64},
    {.name = "count", .type = MV_UINT64},
    {.name = "ratio", .type = MV_DOUBLE, .nullable = true},
    {.name = "small", .type = MV_FLOAT},
    {.name = "flag", .type = MV_BOOL},
    {.name = "tags", .type = MV_ARRAY | MV_STRING, .nullable = true},
    {.name = "codes", .type = MV_ARRAY | MV_INT32},
};

static const mv_vector_options sample_vectors[SAMPLE_VECTORS] = {
    {.name = "cosine",
     .type = MV_VECTOR_FP32,
     .dim = SAMPLE_DIM_MAX,
     .metric = MV_COSINE,
     .index.type = MV_INDEX_FLAT},
    {.name = "near",
     .type = MV_VECTOR_INT8,
     .dim = 5,
     .metric = MV_L2,
     .index.type = MV_INDEX_FLAT},
    {.name = "half",
     .type = MV_VECTOR_FP16,
     .dim = 7,
     .metric = MV_IP,
     .index.type = MV_INDEX_FLAT},
};

static inline mv_err sample_schema(mv_schema **schema)
{
    mv_err err = mv_schema_create("sample", schema, &error);
    for (int f = 0; f < SAMPLE_FIELDS && !err; f++)
        err = mv_schema_add_field(*schema, &sample_fields[f], &error);
    for (int v = 0; v < SAMPLE_VECTORS && !err; v++)
        err = mv_schema_add_vector(*schema, &sample_vectors[v], &error);
    if (err) mv_schema_free(*schema);
    return err;
}

static inline mv_err sample_open(const char *path, mv_open_options options, mv_collection **c)
{
    mv_schema *schema = NULL;
    *c = NULL;
    mv_err err = sample_schema(&schema);
    if (err) return err;
    options.schema = schema;
    err = mv_open(path, &options, c, &error);
    mv_schema_free(schema);
    return err;
}

/* ---------------------------------------------------------------- documents */

typedef struct sample_text {
    char bytes[MV_ID_SIZE_MAX + 64];
    mv_value items[4];
} sample_text;

/* Mostly short; some at the sizes where keys change their form. */
static inline mv_id sample_id(uint32_t n, sample_text *text)
{
    static const size_t sizes[] = {500, 501, 1024, 1023, 12, 499, 511, 512};
    size_t size = (size_t)snprintf(text->bytes, sizeof text->bytes, "d%06u", n);
    if (n % 50 == 7) {
        size_t longer = sizes[n / 50 % 8];
        memset(text->bytes + size, (int)(n & 0xff), longer - size);
        size = longer;
    }
    return (mv_id){text->bytes, size};
}

static inline mv_value string_value(char *bytes, size_t size, uint64_t random)
{
    for (size_t i = 0; i < size; i++) bytes[i] = (char)mix(random + i);
    return (mv_value){.kind = MV_KIND_STRING, .as.string = {bytes, size}};
}

static inline mv_value int_value(int64_t i)
{
    return (mv_value){.kind = MV_KIND_INT, .as.i = i};
}

static inline mv_value list_value(sample_text *text, int field, uint64_t random)
{
    size_t count = (size_t)(random % 5);
    for (size_t i = 0; i < count; i++) {
        uint64_t r = mix(random + i);
        text->items[i] = field == TAGS ? string_value(text->bytes + 16 * i, (size_t)(r % 9), r)
                                       : int_value((int32_t)(uint32_t)r);
    }
    return (mv_value){.kind = MV_KIND_LIST, .as.list = {text->items, count}};
}

/* What the collection gives back for field `field` of version `version` of document `n`. */
static inline mv_value sample_value(uint32_t n, uint32_t version, int field, sample_text *text)
{
    uint64_t random = mix(n * 1000003ull + version * 7919ull + (unsigned)field);
    if (sample_fields[field].nullable && random % 5 == 0) return (mv_value){.kind = MV_KIND_NULL};
    switch (field) {
    case TITLE: return string_value(text->bytes, (size_t)(random % 40), random);
    case YEAR: return int_value(1900 + (int64_t)(random % 120));
    case BIG:
        if (random % 16 == 0) return int_value(INT64_MIN);
        return int_value(random % 16 == 1 ? INT64_MAX : (int64_t)random);
    case COUNT:
        if (random <= INT64_MAX) return int_value((int64_t)random);
        return (mv_value){.kind = MV_KIND_UINT, .as.u = random};
    case RATIO: return (mv_value){.kind = MV_KIND_REAL, .as.real = (double)random / 3};
    case SMALL: return (mv_value){.kind = MV_KIND_REAL, .as.real = (double)(random % 8000) / 8};
    case FLAG: return (mv_value){.kind = MV_KIND_BOOL, .as.boolean = random % 2};
    default: return list_value(text, field, random);
    }
}

/* Values that every element type holds exactly. */
static inline void sample_vector(uint32_t n, uint32_t version, int vector, float *out)
{
    for (uint32_t i = 0; i < sample_vectors[vector].dim; i++) {
        uint64_t random = mix(n * 1000003ull + version * 7919ull + 100u * (unsigned)vector + i);
        out[i] = (float)((int)(random % 255) - 127);
    }
    out[0] += out[0] == 0; /* never the zero vector */
}

static inline mv_err sample_add(mv_batch *batch, uint32_t n, uint32_t version)
{
    sample_text text;
    mv_id id = sample_id(n, &text);
    mv_err err = mv_batch_add(batch, id.data, id.size, &error);
    for (int f = 0; f < SAMPLE_FIELDS && !err; f++) {
        mv_value value = sample_value(n, version, f, &text);
        err = mv_batch_set(batch, (uint32_t)f, &value, &error);
    }
    for (int v = 0; v < SAMPLE_VECTORS && !err; v++) {
        float vector[SAMPLE_DIM_MAX];
        sample_vector(n, version, v, vector);
        err = mv_batch_set_vector(batch, (uint32_t)v, vector, sample_vectors[v].dim, &error);
    }
    mv_vector_options more; /* added by the test: any vector will do */
    const float ones[SAMPLE_DIM_MAX] = {1, 1, 1};
    for (uint32_t v = SAMPLE_VECTORS; !err && mv_schema_vector(mv_batch_schema(batch), v, &more);
         v++)
        err = mv_batch_set_vector(batch, v, ones, more.dim, &error);
    return err;
}

/* Write documents [first, last) in this version, all in one call. */
static inline mv_err sample_write(mv_collection *c, mv_write_mode mode, uint32_t first,
                                  uint32_t last, uint32_t version)
{
    mv_batch *batch = NULL;
    uint64_t written = 0;
    mv_err err = mv_batch_create(c, &batch, &error);
    for (uint32_t n = first; n < last && !err; n++) err = sample_add(batch, n, version);
    if (!err) err = mv_write(c, mode, batch, &written, &error);
    if (!err && written != last - first) err = error.code = MV_IO;
    mv_batch_free(batch);
    return err;
}

/* Add a field to the sample: document n, in its version, gets what sample_value and sample_vector
 * say of field number `as`. */
static inline mv_err sample_fill_column(mv_column *column, mv_result *shown, bool is_vector, int as,
                                        const uint8_t *versions)
{
    for (;;) {
        bool found;
        mv_id id;
        sample_text text;
        float vector[SAMPLE_DIM_MAX];
        mv_err err = mv_column_next(column, shown, &found, &error);
        if (err || !found) return err;
        if ((err = mv_result_id(shown, 0, &id, &error))) return err;
        char digits[7] = {0};
        memcpy(digits, id.data + 1, sizeof digits - 1); /* of "d000001", which may go on */
        uint32_t n = (uint32_t)strtoul(digits, NULL, 10);
        mv_value value = is_vector ? int_value(0) : sample_value(n, versions[n], as, &text);
        if (is_vector) sample_vector(n, versions[n], as, vector);
        err = is_vector ? mv_column_set_vector(column, vector, sample_vectors[as].dim, &error)
                        : mv_column_set(column, &value, &error);
        if (err) return err;
    }
}

static inline mv_err sample_add_column(mv_collection *c, bool is_vector, int as, const char *name,
                                       const uint8_t *versions)
{
    mv_column *column = NULL;
    mv_result *shown = NULL;
    mv_field_options field = sample_fields[is_vector ? 0 : as];
    mv_vector_options vector = sample_vectors[is_vector ? as : 0];
    field.name = vector.name = name;
    mv_err err = mv_result_create(c, &shown, &error);
    if (!err)
        err = mv_column_begin(c, is_vector ? NULL : &field, is_vector ? &vector : NULL, &column,
                              &error);
    if (!err) err = sample_fill_column(column, shown, is_vector, as, versions);
    mv_result_free(shown);
    if (!err) err = mv_column_commit(column, &error);
    mv_column_free(column);
    return err;
}

static inline mv_err sample_delete(mv_collection *c, uint32_t n, uint64_t *deleted)
{
    sample_text text;
    mv_id id = sample_id(n, &text);
    return mv_delete(c, &id, 1, deleted, &error);
}

/* ---------------------------------------------------------------- comparing */

static inline bool value_equal(const mv_value *a, const mv_value *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case MV_KIND_NULL: return true;
    case MV_KIND_BOOL: return a->as.boolean == b->as.boolean;
    case MV_KIND_INT: return a->as.i == b->as.i;
    case MV_KIND_UINT: return a->as.u == b->as.u;
    case MV_KIND_REAL: return memcmp(&a->as.real, &b->as.real, sizeof a->as.real) == 0;
    case MV_KIND_STRING:
        return a->as.string.size == b->as.string.size &&
               (!a->as.string.size ||
                memcmp(a->as.string.data, b->as.string.data, a->as.string.size) == 0);
    case MV_KIND_LIST:
        if (a->as.list.count != b->as.list.count) return false;
        for (size_t i = 0; i < a->as.list.count; i++)
            if (!value_equal(&a->as.list.items[i], &b->as.list.items[i])) return false;
        return true;
    case MV_KIND_SPARSE:
        return a->as.sparse.count == b->as.sparse.count &&
               memcmp(a->as.sparse.indices, b->as.sparse.indices,
                      a->as.sparse.count * sizeof *a->as.sparse.indices) == 0 &&
               memcmp(a->as.sparse.numbers, b->as.sparse.numbers,
                      a->as.sparse.count * sizeof *a->as.sparse.numbers) == 0;
    case MV_KIND_MULTI:
        return a->as.multi.count == b->as.multi.count &&
               memcmp(a->as.multi.numbers, b->as.multi.numbers, 4 * a->as.multi.count) == 0;
    case MV_KIND_MATCH: return false; /* no document has it */
    }
    return false;
}

/* Is this hit version `version` of document `n`, every value of it? A failure to read it is
 * returned. */
static inline mv_err sample_compare(mv_result *result, size_t position, uint32_t n,
                                    uint32_t version, bool *equal)
{
    sample_text text;
    mv_id id, wanted_id = sample_id(n, &text);
    *equal = false;
    mv_err err = mv_result_id(result, position, &id, &error);
    if (err) return err;
    if (id.size != wanted_id.size || memcmp(id.data, wanted_id.data, id.size) != 0) return MV_OK;
    for (int f = 0; f < SAMPLE_FIELDS; f++) {
        mv_value value, wanted = sample_value(n, version, f, &text);
        if ((err = mv_result_value(result, position, (uint32_t)f, &value, &error))) return err;
        if (!value_equal(&value, &wanted)) return MV_OK;
    }
    for (int v = 0; v < SAMPLE_VECTORS; v++) {
        float vector[SAMPLE_DIM_MAX], wanted[SAMPLE_DIM_MAX];
        uint32_t dim = sample_vectors[v].dim;
        sample_vector(n, version, v, wanted);
        if ((err = mv_result_vector(result, position, (uint32_t)v, vector, dim, &error)))
            return err;
        if (memcmp(vector, wanted, dim * sizeof *vector) != 0) return MV_OK;
    }
    *equal = true;
    return MV_OK;
}

/* Fetch document `n` and compare it; version 0: it must not be there. */
static inline mv_err sample_fetch(mv_collection *c, mv_result *result, uint32_t n, uint32_t version,
                                  bool *equal)
{
    sample_text text;
    size_t count = 0;
    mv_id id = sample_id(n, &text);
    *equal = false;
    mv_err err = mv_fetch(c, &id, 1, result, &error);
    if (err) return err;
    (void)mv_result_hits(result, &count);
    if (count && version) return sample_compare(result, 0, n, version, equal);
    *equal = !count && !version;
    return MV_OK;
}

/* Does the collection hold exactly the documents of `versions`? */
static inline mv_err sample_verify(mv_collection *c, const uint8_t *versions,
                                   uint32_t versions_count, bool *equal)
{
    mv_result *result = NULL;
    mv_iterator *iterator = NULL;
    uint64_t count = 0, wanted = 0, walked = 0;
    mv_err err = mv_result_create(c, &result, &error);
    *equal = true;
    for (uint32_t n = 0; n < versions_count && !err && *equal; n++) {
        wanted += versions[n] != 0;
        err = sample_fetch(c, result, n, versions[n], equal);
        if (!err && !*equal) printf("    document %u is not version %u\n", n, versions[n]);
    }
    if (!err) err = mv_count(c, NULL, &count, &error);
    if (!err) err = mv_iterator_open(c, NULL, &iterator, &error);
    for (bool found = true; !err && found; walked += found)
        err = mv_iterator_next(iterator, result, &found, &error);
    mv_result_free(result);
    mv_iterator_close(iterator);
    if (err || !*equal) return err;
    *equal = count == wanted && walked == wanted;
    if (!*equal)
        printf("    %" PRIu64 " documents counted, %" PRIu64 " walked, %" PRIu64 " expected\n",
               count, walked, wanted);
    return MV_OK;
}

#define HOLDS(c, versions, versions_count)                                                         \
    do {                                                                                           \
        bool equal_ = false;                                                                       \
        WORKS(sample_verify((c), (versions), (versions_count), &equal_));                          \
        expect(equal_, "holds " #versions, __FILE__, __LINE__);                                    \
    } while (0)

static inline mv_err optimize_all(mv_collection *c, double budget_ms)
{
    mv_job *job = NULL;
    mv_progress progress;
    bool more = true;
    mv_err err = mv_optimize_begin(c, NULL, &job, &error);
    while (!err && more) err = mv_optimize_step(job, budget_ms, &more, &progress, &error);
    mv_job_free(job);
    return err;
}

/* Run all steps of an optimize with these options. */
static inline void run_job(mv_collection *c, const mv_optimize_options *options)
{
    mv_job *job = NULL;
    bool more = true;
    WORKS(mv_optimize_begin(c, options, &job, &error));
    while (more) WORKS(mv_optimize_step(job, 1000, &more, NULL, &error));
    mv_job_free(job);
}

/* Seal fresh rows as a segment of their own, with indexes. */
static inline void build_only(mv_collection *c)
{
    run_job(c, &(mv_optimize_options){.only_indexes = true});
}

/* Add a scalar field `name` that is like another one: every document gets its value once more. */
static inline void sample_copy_field(mv_collection *c, uint32_t field, const char *name)
{
    mv_column *column = NULL;
    mv_result *shown = NULL;
    mv_field_options options;
    EXPECT(mv_schema_field(mv_get_schema(c), field, &options));
    options.name = name;
    WORKS(mv_result_create(c, &shown, &error));
    WORKS(mv_column_begin(c, &options, NULL, &column, &error));
    for (bool found = true; found;) {
        mv_value value;
        WORKS(mv_column_next(column, shown, &found, &error));
        if (!found) break;
        WORKS(mv_result_value(shown, 0, field, &value, &error));
        WORKS(mv_column_set(column, &value, &error));
    }
    mv_result_free(shown);
    WORKS(mv_column_commit(column, &error));
    mv_column_free(column);
}

#endif
