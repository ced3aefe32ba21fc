/* Two index types that are not part of the engine, as small as types can be.
 *
 * `toy`, for vector fields: the rows sorted by the first number of their vectors. A search measures
 * the rows whose first numbers are nearest to that of the query (the window).
 * `tally`, for scalar fields: the number of rows and the sum of the values. No search uses it.
 *
 * Besides its own files, a third real type needs these lines, at most ten:
 *
 *   moonvec.h           1  its number in mv_index_type
 *                       4  a struct of its options (two of them), where it has any
 *                       1  that struct in the union of mv_index_options
 *   base/index_kind.h   1  its name in INDEX_KINDS
 *
 * Types that are added while the program runs, as these are, need none: their options are in
 * mv_index_options.as.reserved. */
#ifndef MV_TOY_INDEX_H
#define MV_TOY_INDEX_H

#include <stdlib.h>
#include <string.h>

#include "index/index.h"

#define TOY_TYPE   ((mv_index_type)100)
#define TALLY_TYPE ((mv_index_type)101)
#define TOY_MAGIC  0x796f74u

static uint32_t toy_opened, toy_searches, toy_extended;

/* ---------------------------------------------------------------- facts */

typedef struct toy_options {
    uint32_t window; /* rows that a search measures */
    uint32_t order;  /* of the first numbers; 0: rising, 1: falling */
    uint64_t salt;   /* unused; an option of 64 bits */
} toy_options;

typedef struct toy_stats {
    double spread; /* the largest first number minus the smallest */
    uint32_t window;
} toy_stats;

#define TOY_OPTION(member) (offsetof(mv_index_options, as) + offsetof(toy_options, member))
#define TOY_STAT(member)   (offsetof(mv_index_stats, as) + offsetof(toy_stats, member))

static_assert(sizeof(toy_options) <= sizeof(((mv_index_options *)0)->as),
              "options fit in the union");
static_assert(sizeof(toy_stats) <= sizeof(((mv_index_stats *)0)->as), "stats fit in the union");

static const char *const toy_orders[] = {"rising", "falling", NULL};
static const mv_member_info toy_option_infos[] = {
    {"window", MV_MEMBER_U32, TOY_OPTION(window), NULL, 1, 100000, 64},
    {"order", MV_MEMBER_WORD, TOY_OPTION(order), toy_orders, 0, 0, 0},
    {"salt", MV_MEMBER_U64, TOY_OPTION(salt), NULL, 3, UINT64_MAX, 7},
};
static const mv_member_info toy_stat_infos[] = {
    {.name = "spread", .kind = MV_MEMBER_REAL, .offset = TOY_STAT(spread)},
    {.name = "window", .kind = MV_MEMBER_U32, .offset = TOY_STAT(window)},
};

static bool toy_takes(mv_type type, mv_metric metric)
{
    return type == MV_VECTOR_FP32 && metric == MV_L2;
}

static bool tally_takes(mv_type type, mv_metric metric)
{
    return type == MV_INT32 && !metric;
}

static const index_kind toy_kind = {.info = {.type = TOY_TYPE,
                                             .name = "toy",
                                             .plural = "toys",
                                             .has_files = true,
                                             .of_vectors = true,
                                             .options_count = 3,
                                             .stats_count = 2,
                                             .options = toy_option_infos,
                                             .stats = toy_stat_infos},
                                    .file_kind = 90,
                                    .file_ending = "toy",
                                    .sections_first = 200,
                                    .sections_count = 2,
                                    .schema_format = 3,
                                    .takes = toy_takes};
static const index_kind tally_kind = {.info = {.type = TALLY_TYPE,
                                               .name = "tally",
                                               .plural = "tallies",
                                               .has_files = true,
                                               .options_count = 1,
                                               .options = toy_option_infos},
                                      .file_kind = 91,
                                      .file_ending = "tally",
                                      .sections_first = 202,
                                      .sections_count = 1,
                                      .schema_format = 3,
                                      .takes = tally_takes};

static inline toy_options toy_options_of(const mv_index_options *options)
{
    toy_options own;
    memcpy(&own, &options->as, sizeof own);
    return own;
}

/* ---------------------------------------------------------------- toy: opening */

typedef struct toy_head {
    uint32_t magic;
    uint32_t rows;
    uint32_t window;
    uint32_t order;
} toy_head;

typedef struct toy {
    const toy_head *head;
    const uint32_t *rows; /* sorted */
    const codes_vectors *vectors;
} toy;

static inline const toy *toy_of(const index_opened *opened)
{
    return (const toy *)(const void *)opened;
}

static inline float toy_number(const codes_vectors *vectors, uint32_t row)
{
    float number;
    memcpy(&number, vectors->base + (size_t)row * vectors->stride, sizeof number);
    return number;
}

static mv_err toy_open(const index_part *parts, uint32_t parts_count, const index_source *source,
                       index_opened **out, mv_error *error)
{
    const toy_head *head = parts_count == 2 ? parts[0].bytes : NULL;
    if (!head || parts[0].size != sizeof *head || head->magic != TOY_MAGIC ||
        head->rows != source->vectors.rows || parts[1].size != head->rows * sizeof(uint32_t))
        return error_set(error, MV_CORRUPT, "it is no toy");
    toy *t = mem_alloc(sizeof *t);
    if (!t) return error_memory(error, sizeof *t, "a toy");
    *t = (toy){head, parts[1].bytes, &source->vectors};
    *out = (index_opened *)(void *)t;
    toy_opened++;
    return MV_OK;
}

static void toy_close(index_opened *opened)
{
    mem_free(opened, sizeof(toy));
    toy_opened--;
}

static mv_err toy_check(const index_opened *opened, mv_error *error)
{
    const toy *t = toy_of(opened);
    size_t size = bits_words(t->head->rows) * sizeof(uint64_t);
    uint64_t *met = mem_alloc_zero(size);
    bool ok = true;
    if (!met) return error_memory(error, size, "checking a toy");
    for (uint32_t i = 0; i < t->head->rows && ok; i++) {
        ok = t->rows[i] < t->head->rows && !bits_get(met, t->rows[i]);
        if (ok) bits_set(met, t->rows[i]);
        if (!ok || !i) continue;
        float before = toy_number(t->vectors, t->rows[i - 1]),
              now = toy_number(t->vectors, t->rows[i]);
        ok = t->head->order ? before >= now : before <= now;
    }
    mem_free(met, size);
    return ok ? MV_OK : error_set(error, MV_CORRUPT, "a row is out of order");
}

static void toy_describe(const index_opened *opened, mv_index_stats *stats)
{
    const toy *t = toy_of(opened);
    uint32_t first = t->rows[0], last = t->rows[t->head->rows - 1];
    toy_stats own = {.window = t->head->window};
    if (first < t->head->rows && last < t->head->rows) /* toy_open checked only sizes */
        own.spread = fabs((double)(toy_number(t->vectors, last) - toy_number(t->vectors, first)));
    memcpy(&stats->as, &own, sizeof own);
}

/* ---------------------------------------------------------------- toy: building */

typedef struct toy_builder {
    toy_head head;
    const codes_vectors *vectors;
    uint32_t at; /* rows that toy_build_progress counts as done */
    uint32_t *rows;
} toy_builder;

static const codes_vectors *toy_sorted; /* for qsort; tests build one toy at a time */
static bool toy_falls;

static int toy_compare(const void *a, const void *b)
{
    float x = toy_number(toy_sorted, *(const uint32_t *)a),
          y = toy_number(toy_sorted, *(const uint32_t *)b);
    int order = (x > y) - (x < y);
    return toy_falls ? -order : order;
}

static bool toy_can_extend(const index_opened *base, const mv_index_options *options)
{
    return toy_of(base)->head->order == toy_options_of(options).order;
}

static mv_err toy_build_begin(const index_request *request, index_builder **out, mv_error *error)
{
    const toy *base = request->bases_count ? toy_of(request->bases->opened) : NULL;
    toy_options options = toy_options_of(request->options);
    toy_builder *b = mem_alloc_zero(sizeof *b);
    if (!b) return error_memory(error, sizeof *b, "a toy");
    b->vectors = &request->source->vectors;
    b->head = (toy_head){TOY_MAGIC, b->vectors->rows, options.window, options.order};
    if (!(b->rows = mem_alloc(b->head.rows * sizeof *b->rows))) {
        mem_free(b, sizeof *b);
        return error_memory(error, b->head.rows * sizeof *b->rows, "a toy");
    }
    for (uint32_t row = 0; row < b->head.rows; row++) b->rows[row] = row;
    /* The base must be as index_request says. */
    for (uint32_t row = 0, last = 0; base && row < base->head->rows; row++) {
        uint32_t now = request->bases->rows[row];
        if (now == INDEX_ROW_DELETED) continue;
        if (now < last || toy_number(base->vectors, row) != toy_number(b->vectors, now)) abort();
        last = now;
    }
    toy_extended += base != NULL;
    *out = (index_builder *)(void *)b;
    return MV_OK;
}

/* Steps of 1,000 rows, which do nothing, and a last step that sorts. */
static mv_err toy_build_step(index_builder *opaque, double until, bool *more, mv_error *error)
{
    toy_builder *b = (toy_builder *)(void *)opaque;
    (void)until, (void)error;
    *more = b->at < b->head.rows;
    if (*more) {
        b->at += b->head.rows - b->at < 1000 ? b->head.rows - b->at : 1000;
        return MV_OK;
    }
    toy_sorted = b->vectors;
    toy_falls = b->head.order;
    qsort(b->rows, b->head.rows, sizeof *b->rows, toy_compare);
    return MV_OK;
}

static void toy_build_progress(const index_builder *opaque, uint64_t *done, uint64_t *total)
{
    const toy_builder *b = (const toy_builder *)(const void *)opaque;
    *done = b->at;
    *total = b->head.rows;
}

static uint32_t toy_build_parts(const index_builder *opaque, index_part parts[INDEX_PARTS_MAX])
{
    const toy_builder *b = (const toy_builder *)(const void *)opaque;
    parts[0] = (index_part){0, 0, &b->head, sizeof b->head};
    parts[1] = (index_part){1, 0, b->rows, b->head.rows * sizeof *b->rows};
    return 2;
}

static void toy_build_free(index_builder *opaque)
{
    toy_builder *b = (toy_builder *)(void *)opaque;
    mem_free(b->rows, b->head.rows * sizeof *b->rows);
    mem_free(b, sizeof *b);
}

static uint64_t toy_build_cost(uint32_t dim)
{
    return 100 + dim;
}

/* ---------------------------------------------------------------- toy: searching */

static bool toy_scans_all(const index_opened *opened, const index_query *query, uint32_t k)
{
    const toy *t = toy_of(opened);
    return query->matching <= (k > t->head->window ? k : t->head->window);
}

static bool toy_matches(const index_query *query, uint32_t row)
{
    return !query->matches || bits_get(query->matches, row);
}

/* Find the `wanted` matching rows whose first numbers are nearest to the query's. False: a row is
 * out of range. */
static bool toy_gather(const toy *t, const index_query *query, const float *vector, uint32_t wanted,
                       uint32_t *rows, uint32_t *count)
{
    uint32_t all = t->head->rows, low = 0, high = all;
    float first = vector[0];
    float target = t->head->order ? -first : first, sign = t->head->order ? -1 : 1;
    for (uint32_t i = 0; i < all; i++)
        if (t->rows[i] >= all) return false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sign * toy_number(t->vectors, t->rows[middle]) < target)
            low = middle + 1;
        else
            high = middle;
    }
    for (*count = 0; *count < wanted && (low || high < all);) {
        bool back = high == all;
        if (low && high < all)
            back = target - sign * toy_number(t->vectors, t->rows[low - 1]) <
                   sign * toy_number(t->vectors, t->rows[high]) - target;
        uint32_t row = t->rows[back ? --low : high++];
        if (toy_matches(query, row)) rows[(*count)++] = row;
    }
    return true;
}

/* Search for vector `at`. False: a row is out of range. */
static bool toy_search_one(const toy *t, const index_query *query, uint32_t at, topk *hits,
                           uint32_t *rows, index_report *report)
{
    const uint8_t *vector = (const uint8_t *)query->vectors + at * query->vector_size;
    uint32_t wanted = t->head->window > hits->capacity ? t->head->window : hits->capacity,
             count = query->matching;
    if (query->list)
        memcpy(rows, query->list, count * sizeof *rows);
    else if (!toy_gather(t, query, (const float *)(const void *)vector, wanted, rows, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        float distance;
        distance_to_rows(&query->exact[at], t->vectors->base + (size_t)rows[i] * t->vectors->stride,
                         t->vectors->stride, NULL, 1, &distance);
        topk_push(hits, (topk_entry){distance, query->source, rows[i], query->docids[rows[i]]});
    }
    if (report->searched) report->searched[at] = true;
    report->found = count;
    report->counts.exact_distances += count;
    return true;
}

static mv_err toy_search(const index_opened *opened, const index_query *query, topk *hits,
                         index_scratch *scratch, index_report *report, mv_error *error)
{
    const toy *t = toy_of(opened);
    size_t size = t->head->rows * sizeof(uint32_t);
    toy_searches++;
    if (scratch->size < size) {
        index_scratch_free(scratch);
        if (!(scratch->block = mem_alloc_aligned(size))) return error_memory(error, size, "a toy");
        scratch->size = size;
    }
    *report = (index_report){
        .searched = report->searched, .first = MV_STRATEGY_GRAPH, .last = MV_STRATEGY_GRAPH};
    for (uint32_t i = 0; i < query->count; i++)
        if (!toy_search_one(t, query, i, &hits[i], (uint32_t *)(void *)scratch->block, report))
            return error_set(error, MV_CORRUPT, "a row of the toy is out of range");
    return MV_OK;
}

static const index_type toy_index = {
    .kind = &toy_kind,
    .rows_min = 500,
    .open = toy_open,
    .close = toy_close,
    .check = toy_check,
    .describe = toy_describe,
    .can_extend = toy_can_extend,
    .build_begin = toy_build_begin,
    .build_step = toy_build_step,
    .build_progress = toy_build_progress,
    .build_parts = toy_build_parts,
    .build_free = toy_build_free,
    .build_cost = toy_build_cost,
    .hits_max = 1000,
    .scans_all = toy_scans_all,
    .search = toy_search,
};

/* ---------------------------------------------------------------- tally */

/* The only part of the index. The builder is the same struct. */
typedef struct tally {
    int64_t sum;
    uint64_t rows;
} tally;

typedef struct tally_opened {
    const tally *stored;
    const index_column *column;
} tally_opened;

static tally tally_of_column(const index_column *column)
{
    tally t = {.rows = column->rows};
    for (uint32_t row = 0; row < column->rows; row++) {
        int32_t value;
        if (column->nulls && bits_get(column->nulls, row)) continue;
        memcpy(&value, column->values + row * sizeof value, sizeof value);
        t.sum += value;
    }
    return t;
}

static mv_err tally_open(const index_part *parts, uint32_t parts_count, const index_source *source,
                         index_opened **out, mv_error *error)
{
    if (parts_count != 1 || parts[0].size != sizeof(tally))
        return error_set(error, MV_CORRUPT, "it is no tally");
    tally_opened *o = mem_alloc(sizeof *o);
    if (!o) return error_memory(error, sizeof *o, "a tally");
    *o = (tally_opened){parts[0].bytes, &source->column};
    *out = (index_opened *)(void *)o;
    toy_opened++;
    return MV_OK;
}

static void tally_close(index_opened *opened)
{
    mem_free(opened, sizeof(tally_opened));
    toy_opened--;
}

static mv_err tally_check(const index_opened *opened, mv_error *error)
{
    const tally_opened *o = (const tally_opened *)(const void *)opened;
    tally now = tally_of_column(o->column);
    if (now.sum == o->stored->sum && now.rows == o->stored->rows) return MV_OK;
    return error_set(error, MV_CORRUPT, "the sum is wrong");
}

static mv_err tally_build_begin(const index_request *request, index_builder **out, mv_error *error)
{
    tally *t = mem_alloc(sizeof *t);
    if (!t) return error_memory(error, sizeof *t, "a tally");
    *t = tally_of_column(&request->source->column);
    *out = (index_builder *)(void *)t;
    return MV_OK;
}

static mv_err tally_build_step(index_builder *b, double until, bool *more, mv_error *error)
{
    (void)b, (void)until, (void)error;
    *more = false;
    return MV_OK;
}

static void tally_build_progress(const index_builder *b, uint64_t *done, uint64_t *total)
{
    (void)b;
    *done = *total = 1;
}

static uint32_t tally_build_parts(const index_builder *b, index_part parts[INDEX_PARTS_MAX])
{
    parts[0] = (index_part){0, 0, b, sizeof(tally)};
    return 1;
}

static void tally_build_free(index_builder *b)
{
    mem_free(b, sizeof(tally));
}

static const index_type tally_index = {
    .kind = &tally_kind,
    .rows_min = 100,
    .open = tally_open,
    .close = tally_close,
    .check = tally_check,
    .build_begin = tally_build_begin,
    .build_step = tally_build_step,
    .build_progress = tally_build_progress,
    .build_parts = tally_build_parts,
    .build_free = tally_build_free,
    .build_cost = toy_build_cost,
};

#endif
