/* What is measured while building: how many candidates a search needs, and how far distances from
 * codes are from the true ones. A sample of rows is held back until the end, so that the graph does
 * not know them when they are searched for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/hnsw_builder.h"
#include "vector/element.h"

#define MEASURE_RECALL 0.97 /* wanted of a search that sets no ef: 0.95 and a margin */
#define MEASURE_ROWS   512u

/* The true neighbours by codes, into hits. */
static void find_near(const hnsw_builder *b, const codes_query *query, topk *hits)
{
    uint32_t rows[MEASURE_ROWS];
    float distances[MEASURE_ROWS];
    for (uint32_t begin = 0; begin < b->head.rows; begin += MEASURE_ROWS) {
        uint32_t count = 0;
        for (uint32_t row = begin; row < begin + MEASURE_ROWS && row < b->head.rows; row++)
            if (!bits_get(b->held, row)) rows[count++] = row;
        codes_to_rows(query, rows, count, distances);
        for (uint32_t i = 0; i < count; i++)
            if (topk_may_take(hits, distances[i]))
                topk_push(hits,
                          (topk_entry){.distance = distances[i], .row = rows[i], .docid = rows[i]});
    }
    topk_finish(hits);
}

static void measure_codes(hnsw_builder *b, build_scratch *s, uint32_t item, uint32_t row,
                          const topk *hits)
{
    distance_query exact;
    const codes_vectors *v = &b->vectors;
    float spread = 0;
    element_to_floats(v->type, v->base + row * v->stride, v->dim, s->numbers);
    bool ok = !distance_prepare(&exact, v->type, v->metric, s->numbers, v->dim, s->other, NULL);
    for (uint32_t i = 0; i < HNSW_MEASURED_HITS; i++) {
        float distance, *error = &b->errors[item * HNSW_MEASURED_HITS + i];
        *error = 0;
        if (!ok || i >= hits->count) continue;
        uint64_t near = hits->heap[i].row;
        distance_to_rows(&exact, v->base + near * v->stride, v->stride,
                         v->inverse_norms ? v->inverse_norms + near : NULL, 1, &distance);
        *error = fabsf(distance - hits->heap[i].distance);
        if (!isfinite(*error)) *error = 0;
        spread += fabsf(distance) / HNSW_MEASURED_HITS;
    }
    b->spreads[item] = isfinite(spread) ? spread : 0;
}

/* By how much the distances of a walk grow from the tenth to that of each step. Inner products have
 * no zero from which that could be told. */
static void measure_reach(const walk *w, mv_metric metric, float *reach)
{
    for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) {
        uint32_t ef = walk_ef_steps[step];
        reach[step] = INFINITY;
        if (metric == MV_IP || w->pool.count < ef || w->pool.count < HNSW_MEASURED_HITS) continue;
        float tenth = w->pool.entries[HNSW_MEASURED_HITS - 1].distance,
              growth = (w->pool.entries[ef - 1].distance - tenth) / fabsf(tenth);
        if (growth >= 0) reach[step] = growth; /* not NaN */
    }
}

static uint32_t sample_row(const hnsw_builder *b, uint32_t item)
{
    return b->order[b->order_count - b->sample + item];
}

void build_measure(hnsw_builder *b, build_scratch *s, uint32_t item)
{
    topk hits;
    topk_entry heap[HNSW_MEASURED_HITS];
    codes_query query;
    uint32_t row = sample_row(b, item), capacity = s->w.pool.capacity;
    codes_prepare_row(&query, &b->codes, row, s->query);
    topk_start(&hits, heap, HNSW_MEASURED_HITS, INFINITY);
    find_near(b, &query, &hits);
    b->bounds[item] = hits.count ? heap[hits.count - 1].distance : INFINITY;
    walk_level l = build_walk_level(b, 0);
    uint32_t entry = build_entry(b, s, &query, 0);
    s->w.pool.capacity = walk_ef_steps[HNSW_EF_STEPS - 1];
    (void)walk_level_from(&s->w, &query, &l, entry);
    measure_reach(&s->w, b->vectors.metric, &b->recalls[item * HNSW_EF_STEPS]);
    s->w.pool.capacity = capacity;
    measure_codes(b, s, item, row, &hits);
}

static int compare_floats(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void build_conclude_reach(hnsw_builder *b)
{
    float list[BUILD_SAMPLE_MAX];
    for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) {
        for (uint32_t i = 0; i < b->sample; i++) list[i] = b->recalls[i * HNSW_EF_STEPS + step];
        qsort(list, b->sample, sizeof *list, compare_floats);
        b->head.reach[step] = list[b->sample / 2];
    }
}

void build_try(hnsw_builder *b, build_scratch *s, uint32_t item)
{
    codes_query query;
    uint32_t capacity = s->w.pool.capacity, wanted = HNSW_MEASURED_HITS;
    if (b->head.rows - b->sample < wanted) wanted = b->head.rows - b->sample;
    codes_prepare_row(&query, &b->codes, sample_row(b, item), s->query);
    uint32_t entry = build_entry(b, s, &query, 0);
    walk_level l = build_walk_level(b, 0);
    for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) {
        uint32_t right = 0;
        float *recall = &b->recalls[item * HNSW_EF_STEPS + step];
        float reach = b->head.reach[step];
        s->w.pool.capacity = (uint32_t)walk_capacity(walk_ef_steps[step], reach);
        s->w.stop =
            (walk_stop){.rank = HNSW_MEASURED_HITS, .least = HNSW_MEASURED_HITS, .reach = reach};
        (void)walk_level_from(&s->w, &query, &l, entry);
        for (uint32_t i = 0; i < s->w.pool.count && i < wanted; i++)
            right += s->w.pool.entries[i].distance <= b->bounds[item];
        *recall = wanted ? (float)right / (float)wanted : 1;
        if (right == wanted) { /* more candidates cannot find less */
            for (; step < HNSW_EF_STEPS; step++) b->recalls[item * HNSW_EF_STEPS + step] = 1;
        }
    }
    s->w.pool.capacity = capacity;
    s->w.stop = (walk_stop){0};
}

void build_conclude(hnsw_builder *b)
{
    double squares = 0, spread = 0;
    b->head.changed = 0;
    b->head.ef = walk_ef_steps[HNSW_EF_STEPS - 1];
    for (uint32_t step = HNSW_EF_STEPS; step-- > 0;) {
        double recall = 0;
        for (uint32_t i = 0; i < b->sample; i++) recall += b->recalls[i * HNSW_EF_STEPS + step];
        if (recall >= MEASURE_RECALL * b->sample) b->head.ef = walk_ef_steps[step];
    }
    for (uint32_t i = 0; i < b->sample * HNSW_MEASURED_HITS; i++)
        squares += (double)b->errors[i] * b->errors[i];
    for (uint32_t i = 0; i < b->sample; i++) spread += b->spreads[i];
    double error = sqrt(squares / (b->sample * HNSW_MEASURED_HITS));
    b->head.code_error = spread > 0 ? (float)(error / (spread / b->sample)) : 0;
    b->head.code_bound = (float)(3 * error);
    if (!isfinite(b->head.code_error)) b->head.code_error = 0;
    if (!isfinite(b->head.code_bound)) b->head.code_bound = 0;
}

/* ---------------------------------------------------------------- reaching everything */

static bool add_link(const hnsw_builder *b, uint32_t from, uint32_t to)
{
    uint32_t *links = build_links(b, 0, from);
    for (uint32_t i = 0; i < b->levels[0].links_max; i++) {
        if (links[i] == to) return true;
        if (links[i] != HNSW_NONE) continue;
        links[i] = to;
        return true;
    }
    return false;
}

/* Let `row` be reached from the nearest that can be. Where nobody near has room, it takes the place
 * of the last link of the nearest, and leads on to where that led. */
static void bring_in(hnsw_builder *b, build_scratch *s, const uint64_t *marks, uint32_t row)
{
    codes_query query;
    codes_prepare_row(&query, &b->codes, row, s->query);
    walk_level l = build_walk_level(b, 0);
    (void)walk_level_from(&s->w, &query, &l, build_entry(b, s, &query, 0));
    uint32_t nearest = HNSW_NONE;
    for (uint32_t i = 0; i < s->w.pool.count; i++) {
        uint32_t at = s->w.pool.entries[i].at & ~WALK_DONE;
        if (!bits_get(marks, at)) continue;
        if (add_link(b, at, row)) return;
        if (nearest == HNSW_NONE) nearest = at;
    }
    if (nearest == HNSW_NONE) nearest = b->nodes[0]; /* nobody near can be reached */
    if (add_link(b, nearest, row)) return;
    uint32_t *last = &build_links(b, 0, nearest)[b->levels[0].links_max - 1],
             *own = build_links(b, 0, row);
    uint32_t replaced = *last, room = 0;
    while (room + 1 < b->levels[0].links_max && own[room] != HNSW_NONE && own[room] != replaced)
        room++;
    own[room] = replaced;
    *last = row;
}

void build_reach(hnsw_builder *b, build_scratch *s)
{
    walk_level l = build_walk_level(b, 0);
    walk_spread *spread = &b->spread;
    if (!spread->queue) {
        *spread = (walk_spread){.marks = b->held, .queue = b->back};
        walk_spread_from(spread, &l, b->nodes[0]);
    }
    walk_spread_on(spread, &l, BUILD_SPREAD_ROWS);
    if (spread->next < spread->count || spread->count == b->head.rows) return;
    while (bits_get(spread->marks, b->lost)) b->lost++;
    bring_in(b, s, spread->marks, b->lost);
    bits_set(spread->marks, b->lost);
    spread->queue[spread->count++] = b->lost;
}
