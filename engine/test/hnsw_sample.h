/* Vectors made from numbers, graphs over them, and searches held against the exact scan: for the
 * tests of index/hnsw.h, which need no collection. */
#ifndef MV_HNSW_SAMPLE_H
#define MV_HNSW_SAMPLE_H

#include <float.h>
#include <math.h>

#include "base/bits.h"
#include "base/os.h"
#include "index/flat.h"
#include "index/hnsw.h"
#include "test/sample.h"
#include "vector/element.h"

#define SET_CLUSTERS 40u

typedef enum filling {
    CLUSTERED,
    EQUAL,
    HALF_EQUAL, /* every second one the same */
    HALF_ZERO,  /* every second one zeros */
    TINY,       /* about 1e-30 */
    HUGE_ONES,  /* about 1e30 */
    LARGEST,    /* FLT_MAX / 4, of either sign */
    APART,      /* clusters ten times as far apart: too much for int4 codes, */
    FAR,        /* a hundred times: too much for int8 codes as well */
    WIDE,       /* a few numbers a million times the others: no matter for int8 codes */
    SHIFTED,    /* far from zero, close together: fp16 codes do not tell them apart */
} filling;

/* What the vectors of a set have in common. */
typedef struct set_kind {
    mv_type type;
    mv_metric metric;
    uint32_t dim;
    filling how;
} set_kind;

/* A column of vectors. Row r is made from ids[r]. */
typedef struct set {
    set_kind kind;
    codes_vectors vectors;
    uint8_t *bytes;
    float *norms;
    uint64_t *docids; /* in no order */
    uint32_t *ids;
} set;

/* About normally distributed, by the number of a row and the dimension. */
static inline float set_noise(uint64_t id, uint64_t dimension)
{
    uint64_t bits = mix(id * 4099 + dimension);
    float sum = 0;
    for (int i = 0; i < 4; i++) sum += (float)(bits >> (16 * i) & 0xffff) / 65536 - 0.5f;
    return sum * 1.7f;
}

static inline float set_number(const set_kind *kind, uint32_t id, uint32_t i)
{
    uint64_t cluster = 1000000007ull + mix(id) % SET_CLUSTERS;
    float number = set_noise(cluster, i) * 2 + set_noise(id, i) + 0.5f;
    switch (kind->how) {
    case EQUAL: return (float)(i + 1);
    case HALF_EQUAL: return id % 2 ? number : (float)(i % 3 + 1) / 2;
    case HALF_ZERO: return id % 2 ? number : 0;
    case TINY: return number * 1e-30f;
    case HUGE_ONES: return number * 1e30f;
    case LARGEST: return number < 0 ? -FLT_MAX / 4 : FLT_MAX / 4;
    case APART: return number + set_noise(cluster, i) * 18;
    case FAR: return number + set_noise(cluster, i) * 98;
    case WIDE: return i == id % kind->dim ? number * 1e6f : number;
    case SHIFTED: return number * 0.01f + 1000;
    default: return number;
    }
}

/* The vector that `id` stands for, as floats that the type holds. */
static inline void set_vector(const set_kind *kind, uint32_t id, float *out)
{
    for (uint32_t i = 0; i < kind->dim; i++) {
        float number = set_number(kind, id, i);
        if (kind->type == MV_VECTOR_INT8) number = roundf(fminf(fmaxf(number * 20, -128), 127));
        out[i] = number;
    }
}

/* The same as it is given to the engine: of vector_binary bits, one for each number above the mean.
 */
static inline void set_given(const set_kind *kind, uint32_t id, void *out)
{
    float numbers[256];
    uint8_t *bits = out;
    set_vector(kind, id, numbers);
    if (kind->type != MV_VECTOR_BINARY) {
        memcpy(out, numbers, kind->dim * sizeof *numbers);
        return;
    }
    memset(bits, 0, kind->dim / 8);
    for (uint32_t i = 0; i < kind->dim; i++)
        if (numbers[i] > 0.5f) bits[i / 8] |= (uint8_t)(0x80u >> i % 8);
}

static inline void set_free(set *s)
{
    uint32_t rows = s->vectors.rows;
    mem_free(s->bytes, rows * s->vectors.stride);
    mem_free(s->norms, rows * sizeof *s->norms);
    mem_free(s->docids, rows * sizeof *s->docids);
    mem_free(s->ids, rows * sizeof *s->ids);
}

/* Rows made from `ids`. All of it is allocated to the byte, so that a sanitizer sees the ends. */
static inline set set_create(set_kind kind, const uint32_t *ids, uint32_t rows)
{
    float given[256];
    bool is_held = true;
    set s = {.kind = kind};
    size_t stride = element_row_size(kind.type, kind.dim);
    s.bytes = mem_alloc(rows * stride);
    s.norms = mem_alloc(rows * sizeof *s.norms);
    s.docids = mem_alloc(rows * sizeof *s.docids);
    s.ids = mem_alloc(rows * sizeof *s.ids);
    for (uint32_t row = 0; row < rows; row++) {
        uint8_t *at = s.bytes + row * stride;
        set_given(&kind, ids[row], given);
        is_held &= !element_from_given(kind.type, given, kind.dim, at, NULL);
        s.norms[row] = kind.metric == MV_COSINE ? element_inverse_norm(kind.type, at, kind.dim) : 0;
        s.docids[row] = row * 7919ull % 1000003; /* a prime and a larger one: all different */
        s.ids[row] = ids[row];
    }
    EXPECT(is_held);
    s.vectors = (codes_vectors){.type = kind.type,
                                .metric = kind.metric,
                                .dim = kind.dim,
                                .rows = rows,
                                .base = s.bytes,
                                .stride = stride,
                                .inverse_norms = kind.metric == MV_COSINE ? s.norms : NULL};
    return s;
}

/* `rows` rows made from `first` and the numbers after it. */
static inline set set_range(set_kind kind, uint32_t first, uint32_t rows)
{
    uint32_t *ids = mem_alloc(rows * sizeof *ids);
    for (uint32_t row = 0; row < rows; row++) ids[row] = first + row;
    set s = set_create(kind, ids, rows);
    mem_free(ids, rows * sizeof *ids);
    return s;
}

/* ---------------------------------------------------------------- building */

typedef struct made_graph {
    hnsw_builder *b;
    index_part parts[HNSW_PARTS_MAX];
    uint32_t parts_count;
    hnsw_graph graph;
} made_graph;

typedef struct how_to_build {
    mv_hnsw_options options;
    hnsw_base base;
    uint32_t threads; /* 0: 1 */
    bool in_slices;   /* of no time at all */
} how_to_build;

static inline mv_hnsw_options options_with(mv_quantize quantize)
{
    return (mv_hnsw_options){.m = 12, .ef_construction = 80, .seed = 1, .quantize = quantize};
}

static inline mv_err try_build(const set *s, const how_to_build *how, made_graph *made)
{
    *made = (made_graph){0};
    mv_err err = hnsw_build_begin(&s->vectors, &how->options, &how->base,
                                  how->threads ? how->threads : 1, &made->b, &error);
    if (err) return err;
    for (bool more = true; more;)
        MV_TRY(hnsw_build_step(made->b, how->in_slices ? os_seconds() : INFINITY, &more, &error));
    made->parts_count = hnsw_build_parts(made->b, made->parts);
    return hnsw_open(made->parts, made->parts_count, &s->vectors, &made->graph, &error);
}

/* What hnsw.h says of the memory of a builder. */
static inline uint64_t bytes_bound(const set *s, const how_to_build *how)
{
    uint64_t rows = s->vectors.rows, dim = s->vectors.dim, m = how->options.m, code = 0;
    mv_quantize quantize = how->options.quantize;
    if (element_size(s->kind.type) > 1 && quantize != MV_QUANTIZE_NONE)
        code = quantize == MV_QUANTIZE_INT8   ? dim + 11
               : quantize == MV_QUANTIZE_INT4 ? dim + dim / 2 + 23
                                              : 2 * dim + 23;
    uint64_t thread = rows / 5 + 48 * m * m + 8 * how->options.ef_construction + 24 * dim + 131072;
    return rows * (code + 10 * m + 32) + (how->threads ? how->threads : 1) * thread + 16384 * m +
           1280 * 1024;
}

/* Everything that must hold of any graph is checked. */
static inline made_graph build(const set *s, how_to_build how)
{
    made_graph made;
    uint64_t done = 0, total = 0;
    WORKS(try_build(s, &how, &made));
    WORKS(hnsw_check(&made.graph, &error));
    hnsw_build_progress(made.b, &done, &total);
    EXPECT(done == total && total == s->vectors.rows);
    EXPECT(hnsw_build_bytes(made.b) > 0 && hnsw_build_bytes(made.b) <= mem_bytes());
    EXPECT(hnsw_build_bytes(made.b) <= bytes_bound(s, &how));
    return made;
}

static inline bool same_parts(const made_graph *a, const made_graph *b)
{
    if (a->parts_count != b->parts_count) return false;
    for (uint32_t i = 0; i < a->parts_count; i++) {
        const index_part *x = &a->parts[i], *y = &b->parts[i];
        if (x->kind != y->kind || x->level != y->level || x->size != y->size ||
            memcmp(x->bytes, y->bytes, (size_t)x->size) != 0)
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- searching */

/* A query prepared for the vectors themselves. */
typedef struct asked_vector {
    float numbers[256]; /* as they are given: of vector_binary packed bits */
    float elements[256];
    distance_query exact;
} asked_vector;

static inline void ask(const set *s, uint32_t id, asked_vector *a)
{
    set_given(&s->kind, id, a->numbers);
    if (distance_prepare(&a->exact, s->kind.type, s->kind.metric, a->numbers, s->kind.dim,
                         a->elements, &error))
        expect(false, "a query is taken", __FILE__, __LINE__);
}

static inline float true_distance(const set *s, const asked_vector *a, uint32_t row)
{
    float distance;
    distance_to_rows(&a->exact, s->bytes + row * s->vectors.stride, s->vectors.stride,
                     &s->norms[row], 1, &distance);
    return distance;
}

typedef struct asked {
    uint32_t topk;
    uint32_t ef;
    const uint64_t *pass;
    bool listed; /* they are handed over as a list, backwards */
    bool no_refine;
    mv_strategy strategy;
    uint32_t queries; /* 0: 40 */
} asked;

/* Are the hits in order, different, matching, and scored exactly? */
static inline bool hits_are_right(const set *s, const asked_vector *a, const topk *hits,
                                  const uint64_t *pass)
{
    for (uint32_t i = 0; i < hits->count; i++) {
        const topk_entry *hit = &hits->heap[i], *before = hit - 1;
        if (hit->row >= s->vectors.rows || hit->docid != s->docids[hit->row] || hit->source != 5)
            return false;
        if (pass && !bits_get(pass, (size_t)hit->row)) return false;
        if (hit->distance != true_distance(s, a, (uint32_t)hit->row)) return false;
        if (i && (hit->distance < before->distance ||
                  (hit->distance == before->distance && hit->docid <= before->docid)))
            return false;
    }
    return true;
}

/* The number of matching rows that a query must give. */
static inline uint32_t matching_rows(const set *s, const uint64_t *pass)
{
    return pass ? (uint32_t)bits_count(pass, s->vectors.rows) : s->vectors.rows;
}

static inline uint32_t *list_backwards(const set *s, const uint64_t *pass)
{
    uint32_t *list = mem_alloc(s->vectors.rows * sizeof *list), count = 0;
    for (uint32_t row = s->vectors.rows; row--;)
        if (bits_get(pass, row)) list[count++] = row;
    return list;
}

static inline void search_exactly(const set *s, const asked_vector *a, const uint64_t *pass,
                                  topk *hits)
{
    flat_rows rows = {.base = s->bytes,
                      .stride = s->vectors.stride,
                      .inverse_norms = s->vectors.inverse_norms,
                      .docids = s->docids,
                      .source = 5};
    flat_search(&a->exact, &rows, 0, s->vectors.rows, pass, hits);
    topk_finish(hits);
}

/* The share of the true neighbours that searches find: -1 when hits are wrong. Queries are made
 * like the rows, from numbers that no row has. */
static inline double recall_of(const set *s, const hnsw_graph *graph, asked how)
{
    static topk_entry heap[16384], truth_heap[16384];
    uint32_t *list = how.listed ? list_backwards(s, how.pass) : NULL;
    index_scratch scratch = {0};
    asked_vector a;
    uint32_t met = 0, wanted = 0, queries = how.queries ? how.queries : 40;
    bool right = true;
    for (uint32_t n = 0; n < queries && right; n++) {
        topk hits, truth;
        index_report report = {0};
        ask(s, 4000000001u + n, &a);
        topk_start(&truth, truth_heap, how.topk, INFINITY);
        search_exactly(s, &a, how.pass, &truth);
        topk_start(&hits, heap, how.topk, INFINITY);
        index_query query = {.vectors = a.numbers,
                             .count = 1,
                             .exact = &a.exact,
                             .ef = how.ef,
                             .no_refine = how.no_refine,
                             .strategy = how.strategy,
                             .matches = how.listed ? NULL : how.pass,
                             .list = how.listed ? list : NULL,
                             .matching = matching_rows(s, how.pass),
                             .source = 5,
                             .docids = s->docids};
        right = !hnsw_search(graph, &query, &hits, &scratch, &report, &error);
        topk_finish(&hits);
        right = right && hits_are_right(s, &a, &hits, how.pass) && hits.count == truth.count;
        for (uint32_t i = 0; i < hits.count && i < truth.count; i++)
            met += hits.heap[i].distance <= truth.heap[truth.count - 1].distance;
        wanted += truth.count;
    }
    index_scratch_free(&scratch);
    if (list) mem_free(list, s->vectors.rows * sizeof *list);
    return right ? (wanted ? (double)met / wanted : 1) : -1;
}

/* `recall` as it was asked for, shown when it is below the floor. */
static inline void expect_recall(double recall, double floor, const char *what, const char *file,
                                 int line)
{
    expect(recall >= floor, what, file, line);
    if (recall < floor) printf("    it is %g, not %g\n", recall, floor);
}
#define RECALL(s, graph, floor, ...)                                                               \
    expect_recall(recall_of((s), (graph), (asked){__VA_ARGS__}), (floor),                          \
                  "recall of " #__VA_ARGS__, __FILE__, __LINE__)

#endif
