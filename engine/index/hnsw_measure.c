/* Measuring a graph while it is built: the patience that a search needs for each recall, how far
 * walks with an ef reach, and how much distances from codes differ from the true ones. A sample of
 * rows is inserted last, so that the graph does not have them while they are used as queries, and
 * while others are made of them (hnsw_measure_query.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/hnsw_builder.h"
#include "vector/element.h"

#define MEASURE_ROWS 256u /* whose codes stay in the L2 cache while queries are compared */
#define WALK_STEPS   64u  /* of a walk between two looks at the clock: about 20 us */
/* One query in FAR_ONE_IN of the sample may be farther from its neighbours than counts as near. */
#define FAR_ONE_IN 64u

/* Insert a row, unless HNSW_MEASURED_HITS others are as near. Rows come in ascending order. */
static void note_nearest(hnsw_nearest *n, float distance, uint32_t row)
{
    uint32_t at = n->count;
    if (at == HNSW_MEASURED_HITS && !(distance < n->distances[--at])) return;
    for (; at && n->distances[at - 1] > distance; at--) {
        n->distances[at] = n->distances[at - 1];
        n->rows[at] = n->rows[at - 1];
    }
    n->distances[at] = distance;
    n->rows[at] = row;
    if (n->count < HNSW_MEASURED_HITS) n->count++;
}

/* Compare queries with the next rows that are not in the sample. */
static void scan_rows(const hnsw_builder *b, const codes_query *queries, uint32_t queries_count,
                      hnsw_nearest *nearest)
{
    uint32_t rows[MEASURE_ROWS],
        left = b->head.rows - b->scanned,
        end = left < HNSW_BUILD_SCAN_ROWS ? b->head.rows : b->scanned + HNSW_BUILD_SCAN_ROWS;
    float distances[MEASURE_ROWS];
    for (uint32_t begin = b->scanned; begin < end; begin += MEASURE_ROWS) {
        uint32_t count = 0;
        for (uint32_t row = begin; row < begin + MEASURE_ROWS && row < end; row++)
            if (!bits_get(b->sampled, row)) rows[count++] = row;
        for (uint32_t q = 0; q < queries_count; q++) {
            codes_to_rows(&queries[q], rows, count, distances);
            for (uint32_t i = 0; i < count; i++) note_nearest(&nearest[q], distances[i], rows[i]);
        }
    }
}

/* The errors of distances by the codes of a trial, to the true neighbours. */
static void measure_code_errors(const hnsw_builder *b, const codes_query *query,
                                const distance_query *exact, const hnsw_nearest *nearest,
                                hnsw_measured *m)
{
    const codes_vectors *v = &b->vectors;
    float spread = 0;
    for (uint32_t i = 0; i < HNSW_MEASURED_HITS; i++) {
        float distance, by_codes;
        m->errors[i] = 0;
        if (!exact || i >= nearest->count) continue;
        uint32_t near = nearest->rows[i];
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

void hnsw_measure_scan(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    codes_query queries[HNSW_BUILD_SCAN_QUERIES];
    size_t size = codes_query_size(&b->codes);
    uint32_t first = item * HNSW_BUILD_SCAN_QUERIES, left = hnsw_measure_query_count(b) - first,
             count = left < HNSW_BUILD_SCAN_QUERIES ? left : HNSW_BUILD_SCAN_QUERIES;
    for (uint32_t i = 0; i < count; i++) {
        prepare_item(b, s, first + i, &b->codes, &queries[i], s->scanned + i * size);
        if (!b->scanned) b->nearest[first + i].count = 0;
    }
    scan_rows(b, queries, count, &b->nearest[first]);
}

void hnsw_measure_near(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    codes_query query;
    distance_query exact;
    const codes_vectors *v = &b->vectors;
    uint32_t capacity = s->w.pool.capacity, trial = item / b->sample;
    item %= b->sample;
    hnsw_measured *m = hnsw_builder_measured(b, trial, item);
    prepare_item(b, s, item, hnsw_builder_trial_codes(b, trial), &query, s->query);
    bool ok = !distance_prepare(&exact, v->type, v->metric, s->numbers, v->dim, s->other, NULL);
    walk_level l = hnsw_builder_walk_level(b, 0);
    hnsw_link_descend(b, s, &query, 0, 1);
    s->w.pool.capacity = walk_ef_steps[HNSW_EF_STEPS - 1];
    (void)hnsw_walk_over(&s->w, &query, &l);
    s->w.pool.capacity = capacity;
    m->tenth = tenth_of(&s->w.pool);
    m->spread = m->tenth / s->w.pool.entries[0].distance;
    reach_of_walk(&s->w, v->metric, m->reach);
    measure_code_errors(b, &query, ok ? &exact : NULL, &b->nearest[item], m);
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
            squares += (double)hnsw_builder_measured(b, trial, item)->errors[i] *
                       hnsw_builder_measured(b, trial, item)->errors[i];
    return sqrt(squares / (b->sample * HNSW_MEASURED_HITS));
}

/* Only metrics whose distances have a zero have a spread. */
static uint16_t stored_spread(const hnsw_builder *b, float spread)
{
    float stored = ceilf(spread * HNSW_SPREAD_ONE);
    return metric_has_zero(b->vectors.metric) && stored > 0 && stored <= UINT16_MAX
               ? (uint16_t)stored
               : 0;
}

/* Beyond which distance of its tenth neighbour a query is far, and no outer one: midway between the
 * farthest query that lies among the rows, and the nearest one that does not. If some of the latter
 * are nearer, it is that of the former. */
static float outer_bound(const hnsw_builder *b)
{
    float among = -INFINITY, strange = INFINITY;
    for (uint32_t item = 0; item < hnsw_measure_query_count(b); item++) {
        const hnsw_nearest *n = &b->nearest[item];
        float tenth = n->count ? n->distances[n->count - 1] : NAN;
        if (hnsw_measure_query_is_among_rows(b, item))
            among = fmaxf(among, tenth);
        else
            strange = fminf(strange, tenth);
    }
    return strange > among ? among + (strange - among) / 2 : among;
}

void hnsw_measure_conclude_near(hnsw_builder *b)
{
    float list[HNSW_BUILD_SAMPLE_MAX];
    mv_assert(b->sample > 0);
    mv_assert(b->sample <= HNSW_BUILD_SAMPLE_MAX);
    for (uint32_t trial = 0; trial < hnsw_builder_trials(b); trial++) {
        b->code_errors[trial] = code_error(b, trial);
        float bound = (float)(3 * b->code_errors[trial]);
        b->code_bounds[trial] = isfinite(bound) ? bound : 0;
        for (uint32_t step = 0; step < HNSW_EF_STEPS; step++) {
            for (uint32_t i = 0; i < b->sample; i++)
                list[i] = hnsw_builder_measured(b, trial, i)->reach[step];
            qsort(list, b->sample, sizeof *list, compare_floats);
            b->reach[trial][step] = list[b->sample / 2];
        }
        for (uint32_t i = 0; i < b->sample; i++)
            list[i] = hnsw_builder_measured(b, trial, i)->tenth;
        qsort(list, b->sample, sizeof *list, compare_floats);
        b->near_bounds[trial] = list[b->sample - 1 - b->sample / FAR_ONE_IN];
        b->outer_bounds[trial] = fmaxf(b->near_bounds[trial], outer_bound(b));
        for (uint32_t i = 0; i < b->sample; i++)
            list[i] = hnsw_builder_measured(b, trial, i)->spread;
        qsort(list, b->sample, sizeof *list, compare_floats);
        b->spreads[trial] = stored_spread(b, list[b->sample - 1 - b->sample / FAR_ONE_IN]);
    }
}

/* A walk that met all true neighbours was not continued: with larger factors it would have ended
 * later, at the earliest when as many candidates were followed as patience_follow says. */
static void note_later_ends(walk_trace *t, const walk_patience *p, patience_kind kind)
{
    for (uint32_t least = 0; t->met == t->wanted && least < HNSW_LEAST_STEPS; least++)
        for (uint32_t i = t->ended[least]; i < HNSW_FACTOR_STEPS; i++)
            t->ends[least][i] = (uint16_t)fmin(
                patience_follow(p, kind, hnsw_tried_factors[i], (float)patience_time(p)),
                TRACE_TIME_MAX);
}

/* Begin a long walk for a query (s->queries[0]), which notes what it meets when. */
static void begin_measured_walk(hnsw_builder *b, hnsw_build_scratch *s, uint32_t trial,
                                uint32_t entries, hnsw_measured_walk *m)
{
    walk *w = &s->w;
    walk_patience *p = &w->patience;
    uint64_t before = w->distances_count;
    hnsw_link_descend(b, s, &s->queries[0], 0, entries);
    m->descent_distances = (uint32_t)(w->distances_count - before);
    patience_set_rank(p, patience_rank(HNSW_MEASURED_HITS, 1));
    p->near_bound = b->near_bounds[trial];
    p->outer_bound = b->outer_bounds[trial];
    p->spread = hnsw_patience_spread(b->spreads[trial]);
    p->early = PATIENCE_EARLY;
    p->late = PATIENCE_LATE_FACTOR;
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) {
        p->factors[kind] = hnsw_tried_factors[HNSW_FACTOR_STEPS - 1];
        p->least[kind] = hnsw_tried_least[HNSW_LEAST_STEPS - 1];
    }
    w->stop = (walk_stop){.least = m->trace.wanted};
    w->pool.capacity = patience_capacity(p, entries);
    w->trace = &m->trace;
    s->level = hnsw_builder_walk_level(b, 0);
    s->is_midway = hnsw_walk_course_begin(&s->course, w, &s->queries[0], &s->level);
}

static void end_measured_walk(const hnsw_builder *b, hnsw_build_scratch *s, uint32_t trial,
                              hnsw_measured_walk *m)
{
    walk *w = &s->w;
    walk_patience *p = &w->patience;
    (void)hnsw_walk_course_end(&s->course);
    w->trace = NULL;
    m->followed = w->followed;
    m->bottom_distances = (uint32_t)hnsw_walk_distances(w);
    m->kind = patience_kind_of(p, &w->pool);
    note_later_ends(&m->trace, p, m->kind);
    float tenth = tenth_of(&w->pool);
    for (m->unsure = 0; m->unsure < w->pool.count; m->unsure++)
        if (w->pool.entries[m->unsure].distance - b->code_bounds[trial] > tenth) break;
    w->pool.capacity = b->head.ef_construction;
    w->stop = (walk_stop){0};
    p->rank = 0;
    s->is_midway = false;
}

/* The true neighbours are by b->codes, whatever codes the walk uses. */
static void begin_recall(hnsw_builder *b, hnsw_build_scratch *s, uint32_t query,
                         hnsw_walk_trial of, hnsw_measured_walk *m)
{
    const hnsw_nearest *nearest = &b->nearest[query];
    prepare_item(b, s, query, hnsw_builder_trial_codes(b, of.trial), &s->queries[0], s->query);
    codes_prepare(&s->queries[1], &b->codes, s->numbers, s->other);
    m->trace =
        (walk_trace){.query = &s->queries[1],
                     .bound = nearest->count ? nearest->distances[nearest->count - 1] : INFINITY,
                     .wanted = hnsw_builder_hits_wanted(b)};
    memset(m->trace.ends, 0xff, sizeof m->trace.ends);
    begin_measured_walk(b, s, of.trial, hnsw_builder_tried_entries(b, of.entries), m);
}

/* Queries that walk by all codes and from all numbers of entries: 0, measured_one_in, and so on. */
static uint32_t tried_queries(const hnsw_builder *b)
{
    return (hnsw_measure_query_count(b) + b->measured_one_in - 1) / b->measured_one_in;
}

uint32_t hnsw_measure_recall_items(const hnsw_builder *b)
{
    return tried_queries(b) * hnsw_builder_walks(b);
}

uint32_t hnsw_measure_rest_items(const hnsw_builder *b)
{
    return hnsw_measure_query_count(b) - tried_queries(b);
}

bool hnsw_measure_recall(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    uint32_t one_in = b->measured_one_in, tried = tried_queries(b), query = item % tried * one_in;
    bool is_rest = b->phase == HNSW_BUILD_MEASURE_REST, more = true;
    hnsw_walk_trial of = {b->trial, b->entries};
    if (is_rest)
        query = item + item / (one_in - 1) + 1;
    else
        of = hnsw_builder_walk(b, item / tried);
    hnsw_measured_walk *m = &hnsw_builder_measured(b, of.trial, query)->walks[of.entries];
    if (!s->is_midway) begin_recall(b, s, query, of, m);
    while (more) {
        for (uint32_t i = 0; i < WALK_STEPS && more; i++) more = hnsw_walk_course_step(&s->course);
        if (more && os_seconds() >= b->until) return false;
    }
    end_measured_walk(b, s, of.trial, m);
    return true;
}
