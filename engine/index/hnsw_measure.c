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
/* How much a recall may be missed with the largest factor. For near queries it is enough that rows
 * have the recall with it: a scan for all of them, because another kind has it not, would make most
 * searches many times slower. */
#define RECALL_TOLERANCE 0.01
/* How many times as many distances walks from many entries may compute as those from one. */
#define ENTRIES_COST_MAX 1.25
/* The same for walks by int4 codes, and those by int8 codes. */
#define INT4_DISTANCES_MAX 1.5
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
        hnsw_link_descend(b, s, &query, 0, 1);
        s->w.pool.capacity = walk_ef_steps[HNSW_EF_STEPS - 1];
        (void)hnsw_walk_over(&s->w, &query, &l);
        s->w.pool.capacity = capacity;
        m->tenth = tenth_of(&s->w.pool);
        m->spread = m->tenth / s->w.pool.entries[0].distance;
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

/* Only metrics whose distances have a zero have a spread. */
static uint16_t stored_spread(const hnsw_builder *b, float spread)
{
    float stored = ceilf(spread * HNSW_SPREAD_ONE);
    return metric_has_zero(b->vectors.metric) && stored > 0 && stored <= UINT16_MAX
               ? (uint16_t)stored
               : 0;
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
        for (uint32_t i = 0; i < b->sample; i++) list[i] = measured_of(b, trial, i)->spread;
        qsort(list, b->sample, sizeof *list, compare_floats);
        b->spreads[trial] = stored_spread(b, list[b->sample - 1 - b->sample / FAR_ONE_IN]);
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

static const uint32_t tried_entries[HNSW_BUILD_ENTRIES] = {1, HNSW_ENTRIES_MANY};

/* Take a long walk for a query, and note what it met when. `whole` is the query by b->codes. */
static void try_walk(hnsw_builder *b, hnsw_build_scratch *s, const codes_query *query,
                     const codes_query *whole, uint32_t trial, uint32_t entries,
                     hnsw_measured_walk *m)
{
    walk *w = &s->w;
    walk_patience *p = &w->patience;
    uint32_t capacity = w->pool.capacity;
    uint64_t before = w->distances_count;
    walk_level l = hnsw_builder_walk_level(b, 0);
    hnsw_link_descend(b, s, query, 0, entries);
    m->descent_distances = (uint32_t)(w->distances_count - before);
    patience_set_rank(p, patience_rank(HNSW_MEASURED_HITS, 1));
    p->near_bound = b->near_bounds[trial];
    p->spread = hnsw_patience_spread(b->spreads[trial]);
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) {
        p->factors[kind] = hnsw_tried_factors[HNSW_FACTOR_STEPS - 1];
        p->least[kind] = hnsw_tried_least[HNSW_LEAST_STEPS - 1];
    }
    w->stop = (walk_stop){.least = m->trace.wanted};
    w->pool.capacity = patience_capacity(p, entries);
    w->trace = &m->trace;
    m->trace.query = whole;
    (void)hnsw_walk_over(w, query, &l);
    w->trace = NULL;
    note_later_ends(&m->trace, patience_time(p));
    m->followed = w->followed;
    m->bottom_distances = (uint32_t)hnsw_walk_distances(w);
    m->kind = patience_kind_of(p, &w->pool);
    float tenth = tenth_of(&w->pool);
    for (m->unsure = 0; m->unsure < w->pool.count; m->unsure++)
        if (w->pool.entries[m->unsure].distance - b->code_bounds[trial] > tenth) break;
    w->pool.capacity = capacity;
    w->stop = (walk_stop){0};
    p->rank = 0;
}

void hnsw_measure_recall(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    codes_query query, whole;
    for (uint32_t trial = 0; trial < hnsw_builder_trials(b); trial++) {
        hnsw_measured *m = measured_of(b, trial, item);
        prepare_item(b, s, item, hnsw_builder_trial_codes(b, trial), &query, s->query);
        codes_prepare(&whole, &b->codes, s->numbers, s->other);
        for (uint32_t i = 0; i < HNSW_BUILD_ENTRIES; i++) {
            m->walks[i].trace = (walk_trace){.bound = m->bound, .wanted = hits_wanted(b)};
            memset(m->walks[i].trace.ends, 0xff, sizeof m->walks[i].trace.ends);
            try_walk(b, s, &query, &whole, trial, tried_entries[i], &m->walks[i]);
        }
    }
}

/* ---------------------------------------------------------------- conclusions */

/* The walks that a conclusion is about: with the codes of a trial, from a number of entries
 * (tried_entries). */
typedef struct measured_kind {
    uint32_t trial, entries;
    patience_kind kind;
} measured_kind;

/* Sums over queries, for each kind of them (hnsw_measure_query_kind). */
typedef struct kind_sums {
    double found[HNSW_BUILD_QUERY_KINDS], followed[HNSW_BUILD_QUERY_KINDS];
    uint32_t count[HNSW_BUILD_QUERY_KINDS], apart[HNSW_BUILD_QUERY_KINDS]; /* queries; of them */
} kind_sums;

/* The factor and the least number of candidates of walks. */
typedef struct choice {
    uint32_t factor, least; /* their numbers; HNSW_FACTOR_STEPS: codes are scanned instead */
    double followed;        /* candidates, on average */
} choice;

static uint32_t end_with(const hnsw_measured_walk *m, choice c)
{
    return c.factor < HNSW_FACTOR_STEPS ? m->trace.ends[c.least][c.factor] : UINT16_MAX;
}

/* Add what a walk finds. `is_scan`: codes are scanned instead. */
static void add_walk(const hnsw_builder *b, uint32_t item, const hnsw_measured_walk *m,
                     uint32_t end, bool is_scan, kind_sums *sums)
{
    uint32_t kind = hnsw_measure_query_kind(b, item), hits = 0;
    while (hits < m->trace.met && m->trace.times[hits] <= end) hits++;
    sums->found[kind] += is_scan ? 1 : (double)hits / hits_wanted(b);
    sums->followed[kind] += fmin(end, WALK_POOL_MAX);
    sums->count[kind]++;
    sums->apart[kind] += m->kind == PATIENCE_APART;
}

/* Add what walks of one kind find with a choice. `apart` is that of queries apart: those walks
 * count as near ones for which the query is seen to lie apart too late. */
static void add_walks(const hnsw_builder *b, measured_kind of, choice c, choice apart,
                      kind_sums *sums)
{
    bool is_scan = c.factor == HNSW_FACTOR_STEPS;
    for (uint32_t item = 0; item < hnsw_measure_query_count(b); item++) {
        const hnsw_measured_walk *m = &measured_of(b, of.trial, item)->walks[of.entries];
        uint32_t end = end_with(m, c);
        if (m->kind == of.kind)
            add_walk(b, item, m, end, is_scan, sums);
        else if (m->kind == PATIENCE_APART && of.kind == PATIENCE_NEAR &&
                 m->trace.apart_since > end)
            add_walk(b, item, m, end, is_scan, sums);
        else if (m->kind == PATIENCE_APART && of.kind == PATIENCE_NEAR)
            add_walk(b, item, m, end_with(m, apart), apart.factor == HNSW_FACTOR_STEPS, sums);
    }
}

/* With a factor and a least number of candidates. */
typedef struct outcome {
    double recall;          /* of rows, or of all queries if they are few */
    double recall_of_made;  /* of the kind of made queries that has the lowest one, */
    double recall_of_apart; /* and of the kind, of those most of whose queries lie apart */
    double followed;        /* candidates, on average of rows, or of all queries if they are few */
} outcome;

/* Of near queries with those apart, whose choice is made. `far` are found for the far queries: the
 * recall of a kind of made queries is that of all of them. */
static outcome outcome_of(const hnsw_builder *b, measured_kind of, choice c, choice apart,
                          const kind_sums *others)
{
    kind_sums sums = {0};
    outcome o = {.recall = 1, .recall_of_made = 1, .recall_of_apart = 1};
    double found = 0, followed = 0, count = 0;
    add_walks(b, of, c, apart, &sums);
    for (uint32_t kind = 0; kind < HNSW_BUILD_QUERY_KINDS; kind++) {
        uint32_t all = sums.count[kind] + others->count[kind];
        found += sums.found[kind];
        followed += sums.followed[kind];
        count += sums.count[kind];
        if (!kind || !sums.count[kind] || all < KIND_QUERIES_MIN) continue;
        double *lowest = 2 * sums.apart[kind] > all ? &o.recall_of_apart : &o.recall_of_made;
        *lowest = fmin(*lowest, (sums.found[kind] + others->found[kind]) / all);
    }
    if (sums.count[0] >= KIND_QUERIES_MIN)
        found = sums.found[0], followed = sums.followed[0], count = sums.count[0];
    if (!(count > 0)) return o;
    o.recall = found / count;
    o.followed = followed / count;
    return o;
}

/* Is the outcome enough for a recall? A part of what may be missed is kept in reserve, since few
 * queries are measured; their mean recall has a standard error of about 0.01. Of queries that lie
 * apart more is kept, so that none is needed of those that are seen to lie apart too late and count
 * as near: near queries are most of all, and their patience costs most. */
static bool is_enough(patience_kind kind, const outcome *o, double recall)
{
    double missed = 1 - recall, aim = recall + (kind == PATIENCE_APART ? 0.4 : 0.2) * missed;
    return o->recall >= aim && o->recall_of_made >= aim &&
           o->recall_of_apart >= (kind == PATIENCE_NEAR ? recall : aim);
}

/* The choice with which walks have a recall and follow the fewest candidates. */
static choice choose_of_kind(const hnsw_builder *b, measured_kind of, double recall, choice apart,
                             const kind_sums *others)
{
    choice best = {HNSW_FACTOR_STEPS, HNSW_LEAST_STEPS - 1, WALK_POOL_MAX};
    for (uint32_t least = 0; least < HNSW_LEAST_STEPS; least++) {
        for (uint32_t factor = 0; factor < HNSW_FACTOR_STEPS; factor++) {
            bool is_last = factor + 1 == HNSW_FACTOR_STEPS && least + 1 == HNSW_LEAST_STEPS;
            outcome o = outcome_of(b, of, (choice){factor, least, 0}, apart, others);
            bool is_nearly =
                o.recall >= recall - RECALL_TOLERANCE &&
                (of.kind != PATIENCE_FAR || o.recall_of_made >= recall - RECALL_TOLERANCE);
            if (!is_enough(of.kind, &o, recall) && !(is_last && is_nearly)) continue;
            if (best.factor == HNSW_FACTOR_STEPS || o.followed < best.followed)
                best = (choice){factor, least, o.followed};
            break; /* larger factors follow more */
        }
    }
    return best;
}

/* Choose the patience of each kind. */
static void choose_patience(const hnsw_builder *b, uint32_t trial, uint32_t entries, double recall,
                            choice choices[PATIENCE_KINDS])
{
    choice none = {0};
    kind_sums nothing = {0}, far = {0};
    measured_kind of = {trial, entries, PATIENCE_FAR};
    choices[PATIENCE_FAR] = choose_of_kind(b, of, recall, none, &nothing);
    add_walks(b, of, choices[PATIENCE_FAR], none, &far);
    of.kind = PATIENCE_APART;
    choices[PATIENCE_APART] = choose_of_kind(b, of, recall, none, &far);
    of.kind = PATIENCE_NEAR;
    choices[PATIENCE_NEAR] = choose_of_kind(b, of, recall, choices[PATIENCE_APART], &far);
}

static double mean_unsure(const hnsw_builder *b, uint32_t trial)
{
    double unsure = 0;
    for (uint32_t item = 0; item < b->sample; item++)
        unsure += measured_of(b, trial, item)->walks[0].unsure;
    return unsure / b->sample;
}

/* About how many distances a search for a row computes that follows this many candidates. */
static double distances_of(const hnsw_builder *b, uint32_t trial, uint32_t entries, double followed)
{
    double descent = 0, bottom = 0, all_followed = 0;
    for (uint32_t item = 0; item < b->sample; item++) {
        const hnsw_measured_walk *m = &measured_of(b, trial, item)->walks[entries];
        descent += m->descent_distances;
        bottom += m->bottom_distances;
        all_followed += m->followed;
    }
    return descent / b->sample + followed * bottom / fmax(all_followed, 1);
}

/* From how many entries searches by the codes of a trial begin: the number of tried_entries. A walk
 * from one entry leads to the rows around it first. Where clusters are apart, a query between two
 * of them has hits in both, and only great patience finds those in the other one; rows, which
 * cannot be told from such queries, then need the same patience. The nearest nodes of level 1 are
 * in both clusters. On 200,000 rows of 768 dims in 1,000 clusters a search for a row computed half
 * as many distances with 64 entries, 790 of them in level 1, and queries between two clusters
 * followed a third of the candidates. 16 and 32 entries gave less, also where the levels above had
 * as many. Many entries are taken where they cost little more: of queries that are not measured,
 * fewer miss the cluster of their hits. */
static uint32_t choose_entries(const hnsw_builder *b, uint32_t trial, double *distances)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < HNSW_BUILD_ENTRIES; i++) {
        choice choices[PATIENCE_KINDS];
        choose_patience(b, trial, i, MV_RECALL_DEFAULT, choices);
        double needed = distances_of(b, trial, i, choices[PATIENCE_NEAR].followed);
        if (i && needed > ENTRIES_COST_MAX * *distances) continue;
        *distances = needed;
        best = i;
    }
    return best;
}

/* Under AUTO, int4 codes are taken if few vectors must be read, and if walks by them have the
 * recall that walks by int8 codes have, at about the same number of distances. */
static uint32_t choose_trial(const hnsw_builder *b)
{
    choice whole[PATIENCE_KINDS], half[PATIENCE_KINDS];
    double whole_distances, half_distances;
    if (hnsw_builder_trials(b) < 2) return 0;
    if (b->head.quantize == MV_QUANTIZE_INT4) return 1;
    if (mean_unsure(b, 1) > INT4_UNSURE_MAX) return 0;
    choose_patience(b, 0, choose_entries(b, 0, &whole_distances), MV_RECALL_DEFAULT, whole);
    choose_patience(b, 1, choose_entries(b, 1, &half_distances), MV_RECALL_DEFAULT, half);
    if (half_distances > INT4_DISTANCES_MAX * whole_distances) return 0;
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) {
        if (half[kind].factor == HNSW_FACTOR_STEPS && whole[kind].factor < HNSW_FACTOR_STEPS)
            return 0;
        if (kind == PATIENCE_FAR && half[kind].followed > INT4_DISTANCES_MAX * whole[kind].followed)
            return 0;
    }
    return 1;
}

static hnsw_patience stored_patience(choice c)
{
    uint8_t factor = HNSW_FACTOR_NONE;
    if (c.factor < HNSW_FACTOR_STEPS)
        factor = (uint8_t)(hnsw_tried_factors[c.factor] * HNSW_FACTOR_ONE);
    return (hnsw_patience){factor, (uint8_t)(hnsw_tried_least[c.least] / HNSW_LEAST_UNIT)};
}

void hnsw_measure_conclude(hnsw_builder *b)
{
    uint32_t trial = choose_trial(b);
    double spread = 0, distances;
    choice choices[PATIENCE_KINDS];
    uint32_t entries = choose_entries(b, trial, &distances);
    choose_patience(b, trial, entries, MV_RECALL_DEFAULT, choices);
    b->head.quantize = (uint32_t)hnsw_builder_trial_codes(b, trial)->quantize;
    b->head.changed = 0;
    b->head.ef = (uint32_t)choices[PATIENCE_NEAR].followed + 1;
    b->head.near_bound = b->near_bounds[trial];
    b->head.spread = b->spreads[trial];
    b->head.entries = (uint16_t)tried_entries[entries];
    for (uint32_t level = 0; level < HNSW_RECALLS; level++) {
        choose_patience(b, trial, entries, hnsw_recalls[level], choices);
        b->head.patience[PATIENCE_NEAR][level] = stored_patience(choices[PATIENCE_NEAR]);
        b->head.patience[PATIENCE_FAR][level] = stored_patience(choices[PATIENCE_FAR]);
        b->head.apart[level] = stored_patience(choices[PATIENCE_APART]);
    }
    memcpy(b->head.reach, b->reach[trial], sizeof b->head.reach);
    b->head.code_bound = b->code_bounds[trial];
    for (uint32_t i = 0; i < b->sample; i++) spread += measured_of(b, trial, i)->mean_distance;
    b->head.code_error = spread > 0 ? (float)(code_error(b, trial) / (spread / b->sample)) : 0;
    if (!isfinite(b->head.code_error)) b->head.code_error = 0;
}
