/* Measuring a graph while it is built: the patience that a search needs for each recall, how far
 * walks with an ef reach, and how much distances from codes differ from the true ones. A sample of
 * rows is inserted last, so that the graph does not have them while they are used as queries, and
 * while others are made of them (hnsw_measure_query.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/hnsw_builder.h"
#include "index/hnsw_cost.h"
#include "vector/element.h"

#define MEASURE_ROWS 512u
/* One query in FAR_ONE_IN of the sample may be farther from its neighbours than counts as near. */
#define FAR_ONE_IN 64u
/* Fewer queries of a kind tell nothing about it. */
#define KIND_QUERIES_MIN 16u
/* A part of what a recall may miss is kept in reserve, since few queries are measured; their mean
 * recall has a standard error of about 0.01. */
#define RECALL_MARGIN 0.2
/* How much a recall may be missed with the largest factor. For near queries it is enough that rows
 * have the recall with it: a scan for all of them, because another kind has it not, would make most
 * searches many times slower. */
#define RECALL_TOLERANCE 0.01
/* How many times as many candidates walks by int4 codes may follow. */
#define INT4_FOLLOWED_MAX 1.5
/* On how many candidates of a query, on average, int4 codes may leave it unsure whether they are
 * hits. Their vectors are read. */
#define INT4_UNSURE_MAX 60u

/* Hits that are wanted: a graph without the sample may have fewer rows. */
static uint32_t hits_wanted(const hnsw_builder *b)
{
    uint32_t rows = b->head.rows - b->sample;
    return rows < HNSW_MEASURED_HITS ? rows : HNSW_MEASURED_HITS;
}

static hnsw_measured *measured_of(const hnsw_builder *b, uint32_t trial, uint32_t item)
{
    mv_assert(trial < hnsw_builder_trials(b));
    mv_assert(item < HNSW_BUILD_QUERIES_MAX);
    return &b->measured[trial * HNSW_BUILD_QUERIES_MAX + item];
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
static void measure_code_errors(const hnsw_builder *b, const codes_query *query,
                                const distance_query *exact, const topk *hits, hnsw_measured *m)
{
    const codes_vectors *v = &b->vectors;
    float spread = 0;
    for (uint32_t i = 0; i < HNSW_MEASURED_HITS; i++) {
        float distance, by_codes;
        m->errors[i] = 0;
        if (!exact || i >= hits->count) continue;
        uint32_t near = (uint32_t)hits->heap[i].row;
        codes_to_rows(query, &near, 1, &by_codes);
        distance_to_rows(exact, v->base + near * v->stride, v->stride,
                         v->inverse_norms ? v->inverse_norms + near : NULL, 1, &distance);
        m->errors[i] = fabsf(distance - by_codes);
        if (!isfinite(m->errors[i])) m->errors[i] = 0;
        spread += fabsf(distance) / HNSW_MEASURED_HITS;
    }
    m->mean_distance = isfinite(spread) ? spread : 0;
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

static float tenth_of(const walk_pool *pool)
{
    return pool->count < HNSW_MEASURED_HITS ? INFINITY
                                            : pool->entries[HNSW_MEASURED_HITS - 1].distance;
}

/* Prepare query `item` for a column of codes. It stays in s->numbers as a program would give it. */
static void prepare_item(const hnsw_builder *b, hnsw_build_scratch *s, uint32_t item,
                         const codes_column *codes, codes_query *query, void *memory)
{
    hnsw_measure_query_make(b, item, s->numbers, s->other);
    codes_prepare(query, codes, s->numbers, memory);
}

void hnsw_measure_near(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    topk hits;
    topk_entry heap[HNSW_MEASURED_HITS];
    codes_query query;
    distance_query exact;
    const codes_vectors *v = &b->vectors;
    uint32_t capacity = s->w.pool.capacity;
    bool is_row = item < b->sample;
    prepare_item(b, s, item, &b->codes, &query, s->query);
    topk_start(&hits, heap, HNSW_MEASURED_HITS, INFINITY);
    find_near(b, &query, &hits);
    bool ok = !distance_prepare(&exact, v->type, v->metric, s->numbers, v->dim, s->other, NULL);
    walk_level l = hnsw_builder_walk_level(b, 0);
    for (uint32_t trial = 0; trial < hnsw_builder_trials(b); trial++) {
        hnsw_measured *m = measured_of(b, trial, item);
        m->bound = hits.count ? heap[hits.count - 1].distance : INFINITY;
        if (!is_row) continue;
        codes_prepare(&query, hnsw_builder_trial_codes(b, trial), s->numbers, s->query);
        uint32_t entry = hnsw_link_entry(b, s, &query, 0);
        s->w.pool.capacity = walk_ef_steps[HNSW_EF_STEPS - 1];
        (void)hnsw_walk_level_from(&s->w, &query, &l, entry);
        s->w.pool.capacity = capacity;
        m->tenth = tenth_of(&s->w.pool);
        reach_of_walk(&s->w, v->metric, m->reach);
        measure_code_errors(b, &query, ok ? &exact : NULL, &hits, m);
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
    mv_assert(b->sample > 0);
    for (uint32_t item = 0; item < b->sample; item++)
        for (uint32_t i = 0; i < HNSW_MEASURED_HITS; i++)
            squares += (double)measured_of(b, trial, item)->errors[i] *
                       measured_of(b, trial, item)->errors[i];
    return sqrt(squares / (b->sample * HNSW_MEASURED_HITS));
}

void hnsw_measure_conclude_near(hnsw_builder *b)
{
    float list[HNSW_BUILD_SAMPLE_MAX];
    mv_assert(b->sample > 0);
    mv_assert(b->sample <= HNSW_BUILD_SAMPLE_MAX);
    for (uint32_t trial = 0; trial < hnsw_builder_trials(b); trial++) {
        float bound = (float)(3 * code_error(b, trial));
        b->code_bounds[trial] = isfinite(bound) ? bound : 0;
        for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) {
            for (uint32_t i = 0; i < b->sample; i++)
                list[i] = measured_of(b, trial, i)->reach[step];
            qsort(list, b->sample, sizeof *list, compare_floats);
            b->reach[trial][step] = list[b->sample / 2];
        }
        for (uint32_t i = 0; i < b->sample; i++) list[i] = measured_of(b, trial, i)->tenth;
        qsort(list, b->sample, sizeof *list, compare_floats);
        b->near_bounds[trial] = list[b->sample - 1 - b->sample / FAR_ONE_IN];
    }
}

/* A walk that met all true neighbours was not continued: with larger factors it would have ended
 * later, at the earliest when `factor` times the candidates of the last change were followed. */
static void note_later_ends(walk_trace *t, uint32_t time)
{
    for (uint32_t least = 0; t->met == t->wanted && least < HNSW_LEAST_STEPS; least++)
        for (uint32_t i = t->ended[least]; i < HNSW_FACTOR_STEPS; i++)
            t->ends[least][i] = (uint16_t)fmin(hnsw_tried_factors[i] * (float)time, TRACE_TIME_MAX);
}

/* Take a long walk for query `item`, and note what it met when. */
static void try_codes(hnsw_builder *b, hnsw_build_scratch *s, uint32_t trial, uint32_t item)
{
    codes_query query, whole;
    hnsw_measured *m = measured_of(b, trial, item);
    walk *w = &s->w;
    walk_patience *p = &w->patience;
    uint32_t capacity = w->pool.capacity;
    prepare_item(b, s, item, hnsw_builder_trial_codes(b, trial), &query, s->query);
    codes_prepare(&whole, &b->codes, s->numbers, s->other);
    uint32_t entry = hnsw_link_entry(b, s, &query, 0);
    walk_level l = hnsw_builder_walk_level(b, 0);
    m->trace = (walk_trace){.query = &whole, .bound = m->bound, .wanted = hits_wanted(b)};
    memset(m->trace.ends, 0xff, sizeof m->trace.ends);
    patience_set_rank(p, patience_rank(HNSW_MEASURED_HITS, 1));
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) {
        p->factors[kind] = hnsw_tried_factors[HNSW_FACTOR_STEPS - 1];
        p->least[kind] = hnsw_tried_least[HNSW_LEAST_STEPS - 1];
    }
    w->stop = (walk_stop){.least = m->trace.wanted};
    w->pool.capacity = p->rank;
    w->trace = &m->trace;
    (void)hnsw_walk_level_from(w, &query, &l, entry);
    w->trace = NULL;
    note_later_ends(&m->trace, patience_time(p));
    m->tenth = tenth_of(&w->pool);
    for (m->unsure = 0; m->unsure < w->pool.count; m->unsure++)
        if (w->pool.entries[m->unsure].distance - b->code_bounds[trial] > m->tenth) break;
    w->pool.capacity = capacity;
    w->stop = (walk_stop){0};
    p->rank = 0;
}

void hnsw_measure_recall(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    for (uint32_t trial = 0; trial < hnsw_builder_trials(b); trial++) try_codes(b, s, trial, item);
}

/* ---------------------------------------------------------------- conclusions */

/* What would have been with `factor` and `least` (their numbers). */
typedef struct outcome {
    double recall;         /* of the kind of queries that has the lowest one */
    double recall_of_rows; /* near queries: of those that are rows; 0: there are none */
    double followed; /* candidates, on average of the queries that are rows, or of all if none is */
} outcome;

static outcome outcome_of(const hnsw_builder *b, uint32_t trial, patience_kind nearness,
                          uint32_t factor, uint32_t least)
{
    double found[HNSW_BUILD_QUERY_KINDS] = {0}, followed[HNSW_BUILD_QUERY_KINDS] = {0}, all = 0,
           all_followed = 0, wanted = hits_wanted(b);
    uint32_t count[HNSW_BUILD_QUERY_KINDS] = {0}, all_count = 0;
    for (uint32_t item = 0; item < hnsw_measure_query_count(b); item++) {
        const hnsw_measured *m = measured_of(b, trial, item);
        bool is_near = m->tenth <= b->near_bounds[trial];
        uint32_t kind = hnsw_measure_query_kind(b, item), end = m->trace.ends[least][factor],
                 hits = 0;
        if (is_near != (nearness == PATIENCE_NEAR)) continue;
        while (hits < m->trace.met && m->trace.times[hits] <= end) hits++;
        found[kind] += hits / wanted;
        followed[kind] += fmin(end, WALK_POOL_MAX);
        count[kind]++;
    }
    outcome o = {.recall = 1};
    for (uint32_t kind = 0; kind < HNSW_BUILD_QUERY_KINDS; kind++) {
        all += found[kind], all_followed += followed[kind], all_count += count[kind];
        if (count[kind] >= KIND_QUERIES_MIN) o.recall = fmin(o.recall, found[kind] / count[kind]);
    }
    if (!all_count) return o;
    o.recall = fmin(o.recall, all / all_count);
    o.followed = all_followed / all_count;
    if (nearness == PATIENCE_FAR || !count[0]) return o;
    o.recall_of_rows = found[0] / count[0];
    o.followed = followed[0] / count[0];
    return o;
}

/* The factor and the least number of candidates with which walks have this recall and follow the
 * fewest candidates. */
typedef struct choice {
    uint32_t factor, least; /* their numbers; HNSW_FACTOR_STEPS: no factor has the recall */
    double followed;
} choice;

static choice choose_patience(const hnsw_builder *b, uint32_t trial, patience_kind nearness,
                              double recall)
{
    double aim = recall + (1 - recall) * RECALL_MARGIN;
    choice best = {HNSW_FACTOR_STEPS, HNSW_LEAST_STEPS - 1, WALK_POOL_MAX};
    for (uint32_t least = 0; least < HNSW_LEAST_STEPS; least++) {
        for (uint32_t factor = 0; factor < HNSW_FACTOR_STEPS; factor++) {
            bool is_last = factor + 1 == HNSW_FACTOR_STEPS && least + 1 == HNSW_LEAST_STEPS;
            outcome o = outcome_of(b, trial, nearness, factor, least);
            if (is_last ? fmax(o.recall, o.recall_of_rows) < recall - RECALL_TOLERANCE
                        : o.recall < aim)
                continue;
            if (best.factor == HNSW_FACTOR_STEPS || o.followed < best.followed)
                best = (choice){factor, least, o.followed};
            break; /* larger factors follow more */
        }
    }
    return best;
}

static double mean_unsure(const hnsw_builder *b, uint32_t trial)
{
    double unsure = 0;
    for (uint32_t item = 0; item < b->sample; item++) unsure += measured_of(b, trial, item)->unsure;
    return unsure / b->sample;
}

/* Under AUTO, int4 codes are taken if few vectors must be read, and if walks by them have the
 * recall that walks by int8 codes have, following about as many candidates. */
static uint32_t choose_trial(const hnsw_builder *b)
{
    if (hnsw_builder_trials(b) < 2) return 0;
    if (b->head.quantize == MV_QUANTIZE_INT4) return 1;
    if (mean_unsure(b, 1) > INT4_UNSURE_MAX) return 0;
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) {
        choice whole = choose_patience(b, 0, (patience_kind)kind, MV_RECALL_DEFAULT),
               half = choose_patience(b, 1, (patience_kind)kind, MV_RECALL_DEFAULT);
        if (half.factor == HNSW_FACTOR_STEPS && whole.factor < HNSW_FACTOR_STEPS) return 0;
        if (half.followed > INT4_FOLLOWED_MAX * whole.followed) return 0;
    }
    return 1;
}

void hnsw_measure_conclude(hnsw_builder *b)
{
    uint32_t trial = choose_trial(b);
    double spread = 0;
    b->head.quantize = (uint32_t)hnsw_builder_trial_codes(b, trial)->quantize;
    b->head.changed = 0;
    b->head.ef = (uint32_t)choose_patience(b, trial, PATIENCE_NEAR, MV_RECALL_DEFAULT).followed + 1;
    b->head.near_bound = b->near_bounds[trial];
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) {
        for (uint32_t level = 0; level < HNSW_RECALLS; level++) {
            choice c = choose_patience(b, trial, (patience_kind)kind, hnsw_recalls[level]);
            uint8_t factor = HNSW_FACTOR_NONE;
            if (c.factor < HNSW_FACTOR_STEPS)
                factor = (uint8_t)(hnsw_tried_factors[c.factor] * HNSW_FACTOR_ONE);
            b->head.patience[kind][level] =
                (hnsw_patience){factor, (uint8_t)(hnsw_tried_least[c.least] / HNSW_LEAST_UNIT)};
        }
    }
    memcpy(b->head.reach, b->reach[trial], sizeof b->head.reach);
    b->head.code_bound = b->code_bounds[trial];
    for (uint32_t i = 0; i < b->sample; i++) spread += measured_of(b, trial, i)->mean_distance;
    b->head.code_error = spread > 0 ? (float)(code_error(b, trial) / (spread / b->sample)) : 0;
    if (!isfinite(b->head.code_error)) b->head.code_error = 0;
}
