/* Measuring a graph while it is built: the ef that a search needs, and how much distances from
 * codes differ from the true ones. A sample of rows is inserted last, so that the graph does not
 * have them while they are used as queries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/hnsw_builder.h"
#include "vector/element.h"

/* Recall on the sample that the default ef must reach. 0.95 is promised; the mean recall of 256
 * rows has a standard error of about 0.005. */
#define MEASURE_RECALL 0.97
#define MEASURE_ROWS   512u
/* How much lower the recall of int4 codes may be, at the ef that int8 codes need: with that ef a
 * search by int4 codes still has the promised recall. */
#define INT4_RECALL_LOSS_MAX 0.02

static float *recalls_of(const hnsw_builder *b, uint32_t trial, uint32_t item)
{
    mv_assert(trial < hnsw_builder_trials(b));
    mv_assert(item < b->sample);
    return &b->recalls[(trial * b->sample + item) * HNSW_EF_STEPS];
}

/* The true neighbours by codes, among the rows that are not in the sample. */
static void find_near(const hnsw_builder *b, const codes_query *query, topk *hits)
{
    uint32_t rows[MEASURE_ROWS];
    float distances[MEASURE_ROWS];
    for (uint32_t begin = 0; begin < b->head.rows; begin += MEASURE_ROWS) {
        uint32_t count = 0;
        for (uint32_t row = begin; row < begin + MEASURE_ROWS && row < b->head.rows; row++)
            if (!bits_get(b->sampled, row)) rows[count++] = row;
        codes_to_rows(query, rows, count, distances);
        for (uint32_t i = 0; i < count; i++)
            if (topk_may_take(hits, distances[i]))
                topk_push(hits,
                          (topk_entry){.distance = distances[i], .row = rows[i], .docid = rows[i]});
    }
    topk_finish(hits);
}

/* The errors of distances by the codes of a trial, to the true neighbours. */
static void measure_code_errors(hnsw_builder *b, const codes_query *query,
                                const distance_query *exact, uint32_t trial, uint32_t item,
                                const topk *hits)
{
    const codes_vectors *v = &b->vectors;
    float *errors = &b->errors[(trial * b->sample + item) * HNSW_MEASURED_HITS], spread = 0;
    for (uint32_t i = 0; i < HNSW_MEASURED_HITS; i++) {
        float distance, by_codes;
        errors[i] = 0;
        if (!exact || i >= hits->count) continue;
        uint32_t near = (uint32_t)hits->heap[i].row;
        codes_to_rows(query, &near, 1, &by_codes);
        distance_to_rows(exact, v->base + near * v->stride, v->stride,
                         v->inverse_norms ? v->inverse_norms + near : NULL, 1, &distance);
        errors[i] = fabsf(distance - by_codes);
        if (!isfinite(errors[i])) errors[i] = 0;
        spread += fabsf(distance) / HNSW_MEASURED_HITS;
    }
    b->near_distances[item] = isfinite(spread) ? spread : 0;
}

/* The reach of a walk for each step: by how much its ef-th distance is larger than its tenth,
 * relative to the tenth. Only metrics whose distances have a zero have one. */
static void reach_of_walk(const walk *w, mv_metric metric, float *reach)
{
    for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) {
        uint32_t ef = walk_ef_steps[step];
        reach[step] = INFINITY;
        if (!metric_has_zero(metric) || w->pool.count < ef || w->pool.count < HNSW_MEASURED_HITS)
            continue;
        float tenth = w->pool.entries[HNSW_MEASURED_HITS - 1].distance,
              growth = (w->pool.entries[ef - 1].distance - tenth) / fabsf(tenth);
        if (growth >= 0) reach[step] = growth; /* not NaN */
    }
}

static uint32_t sample_row(const hnsw_builder *b, uint32_t item)
{
    return b->order[b->order_count - b->sample + item];
}

void hnsw_measure_reach(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    topk hits;
    topk_entry heap[HNSW_MEASURED_HITS];
    codes_query query;
    distance_query exact;
    const codes_vectors *v = &b->vectors;
    uint32_t row = sample_row(b, item), capacity = s->w.pool.capacity;
    codes_prepare_row(&query, &b->codes, row, s->query);
    topk_start(&hits, heap, HNSW_MEASURED_HITS, INFINITY);
    find_near(b, &query, &hits);
    b->bounds[item] = hits.count ? heap[hits.count - 1].distance : INFINITY;
    element_to_given(v->type, v->base + row * v->stride, v->dim, s->numbers);
    bool ok = !distance_prepare(&exact, v->type, v->metric, s->numbers, v->dim, s->other, NULL);
    walk_level l = hnsw_builder_walk_level(b, 0);
    for (uint32_t trial = 0; trial < hnsw_builder_trials(b); trial++) {
        codes_prepare_row(&query, hnsw_builder_trial_codes(b, trial), row, s->query);
        uint32_t entry = hnsw_link_entry(b, s, &query, 0);
        s->w.pool.capacity = walk_ef_steps[HNSW_EF_STEPS - 1];
        (void)hnsw_walk_level_from(&s->w, &query, &l, entry);
        s->w.pool.capacity = capacity;
        reach_of_walk(&s->w, v->metric, recalls_of(b, trial, item));
        measure_code_errors(b, &query, ok ? &exact : NULL, trial, item, &hits);
    }
}

static int compare_floats(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The root mean square of the measured errors. */
static double code_error(const hnsw_builder *b, uint32_t trial)
{
    double squares = 0;
    uint32_t count = b->sample * HNSW_MEASURED_HITS;
    const float *errors = b->errors + (size_t)trial * count;
    mv_assert(count > 0);
    for (uint32_t i = 0; i < count; i++) squares += (double)errors[i] * errors[i];
    return sqrt(squares / count);
}

void hnsw_measure_conclude_reach(hnsw_builder *b)
{
    float list[HNSW_BUILD_SAMPLE_MAX];
    mv_assert(b->sample > 0);
    mv_assert(b->sample <= HNSW_BUILD_SAMPLE_MAX);
    for (uint32_t trial = 0; trial < hnsw_builder_trials(b); trial++) {
        float bound = (float)(3 * code_error(b, trial));
        b->code_bounds[trial] = isfinite(bound) ? bound : 0;
        for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) {
            for (uint32_t i = 0; i < b->sample; i++) list[i] = recalls_of(b, trial, i)[step];
            qsort(list, b->sample, sizeof *list, compare_floats);
            b->reach[trial][step] = list[b->sample / 2];
        }
    }
}

/* The number of candidates of a walk whose distance to the query is at most `bound`. */
static uint32_t count_near(const walk *w, const codes_query *query, float bound)
{
    uint32_t rows[64], near = 0;
    float distances[64];
    for (uint32_t done = 0; done < w->pool.count; done += 64) {
        uint32_t step = w->pool.count - done < 64 ? w->pool.count - done : 64;
        for (uint32_t i = 0; i < step; i++) rows[i] = w->pool.entries[done + i].at & ~WALK_DONE;
        codes_to_rows(query, rows, step, distances);
        for (uint32_t i = 0; i < step; i++) near += distances[i] <= bound;
    }
    return near;
}

static void try_codes(hnsw_builder *b, hnsw_build_scratch *s, uint32_t trial, uint32_t item)
{
    codes_query query, whole;
    uint32_t capacity = s->w.pool.capacity, wanted = HNSW_MEASURED_HITS;
    if (b->head.rows - b->sample < wanted) wanted = b->head.rows - b->sample;
    codes_prepare_row(&query, hnsw_builder_trial_codes(b, trial), sample_row(b, item), s->query);
    codes_prepare_row(&whole, &b->codes, sample_row(b, item), s->other);
    uint32_t entry = hnsw_link_entry(b, s, &query, 0);
    walk_level l = hnsw_builder_walk_level(b, 0);
    float slack = hnsw_walk_slack(query.column->quantize, b->code_bounds[trial]);
    for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) {
        float *recall = &recalls_of(b, trial, item)[step], reach = b->reach[trial][step];
        s->w.pool.capacity = (uint32_t)hnsw_walk_capacity(walk_ef_steps[step], reach);
        s->w.stop = (walk_stop){.rank = HNSW_MEASURED_HITS,
                                .least = HNSW_MEASURED_HITS,
                                .reach = reach,
                                .slack = slack};
        (void)hnsw_walk_level_from(&s->w, &query, &l, entry);
        uint32_t right = count_near(&s->w, &whole, b->bounds[item]);
        if (right > wanted) right = wanted; /* several rows at the same distance */
        *recall = wanted ? (float)right / (float)wanted : 1;
        if (right == wanted) { /* more candidates cannot find less */
            for (; step < HNSW_EF_STEPS; step++) recalls_of(b, trial, item)[step] = 1;
        }
    }
    s->w.pool.capacity = capacity;
    s->w.stop = (walk_stop){0};
}

void hnsw_measure_recall(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    for (uint32_t trial = 0; trial < hnsw_builder_trials(b); trial++) try_codes(b, s, trial, item);
}

/* The mean recall of the sample, 0 to 1. */
static double recall_at(const hnsw_builder *b, uint32_t trial, uint32_t step)
{
    double recall = 0;
    for (uint32_t i = 0; i < b->sample; i++) recall += recalls_of(b, trial, i)[step];
    return recall / b->sample;
}

/* The first step whose recall is high enough, or the last step. */
static uint32_t step_needed(const hnsw_builder *b, uint32_t trial)
{
    uint32_t step = 0;
    while (step + 1 < HNSW_EF_STEPS && recall_at(b, trial, step) < MEASURE_RECALL) step++;
    return step;
}

/* Under AUTO, int4 codes are taken if their recall is nearly that of int8 codes. */
static uint32_t choose_trial(const hnsw_builder *b)
{
    if (hnsw_builder_trials(b) < 2) return 0;
    if (b->head.quantize == MV_QUANTIZE_INT4) return 1;
    uint32_t step = step_needed(b, 0);
    return recall_at(b, 1, step) >= recall_at(b, 0, step) - INT4_RECALL_LOSS_MAX;
}

void hnsw_measure_conclude(hnsw_builder *b)
{
    uint32_t trial = choose_trial(b);
    double spread = 0;
    b->head.quantize = (uint32_t)hnsw_builder_trial_codes(b, trial)->quantize;
    b->head.changed = 0;
    b->head.ef = walk_ef_steps[step_needed(b, trial)];
    memcpy(b->head.reach, b->reach[trial], sizeof b->head.reach);
    b->head.code_bound = b->code_bounds[trial];
    for (uint32_t i = 0; i < b->sample; i++) spread += b->near_distances[i];
    b->head.code_error = spread > 0 ? (float)(code_error(b, trial) / (spread / b->sample)) : 0;
    if (!isfinite(b->head.code_error)) b->head.code_error = 0;
}
