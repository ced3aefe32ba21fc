/* Choosing, by what was measured (hnsw_measure.c), the codes and entries of searches, and the
 * patience that they need for each recall. */
#include <math.h>
#include <string.h>

#include "index/hnsw_builder.h"
#include "index/hnsw_cost.h"

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

/* A set of kinds of queries. */
#define KIND_BIT(kind) (1u << (kind))

/* Sums over queries, for each kind of them (hnsw_measure_query_kind). */
typedef struct kind_sums {
    double found[HNSW_BUILD_QUERY_KINDS], followed[HNSW_BUILD_QUERY_KINDS];
    uint32_t count[HNSW_BUILD_QUERY_KINDS], apart[HNSW_BUILD_QUERY_KINDS]; /* queries; of them */
} kind_sums;

static uint32_t end_with(const hnsw_measured_walk *m, hnsw_choice c)
{
    return c.factor < HNSW_FACTOR_STEPS ? m->trace.ends[c.least][c.factor] : UINT16_MAX;
}

/* Add what a walk finds, or a scan of codes, which finds all. */
static void add_walk(const hnsw_builder *b, uint32_t item, const hnsw_measured_walk *m,
                     hnsw_choice c, kind_sums *sums)
{
    uint32_t kind = hnsw_measure_query_kind(b, item), hits = 0, end = end_with(m, c);
    bool is_scan = c.factor == HNSW_FACTOR_STEPS;
    while (hits < m->trace.met && m->trace.times[hits] <= end) hits++;
    sums->found[kind] += is_scan ? 1 : (double)hits / hnsw_builder_hits_wanted(b);
    sums->followed[kind] += fmin(end, WALK_POOL_MAX);
    sums->count[kind]++;
    sums->apart[kind] += m->kind == PATIENCE_APART;
}

/* Add what walks for the queries of these kinds find, with the choice for each kind. Queries that
 * are seen to lie apart too late count as near. */
static void add_walks(const hnsw_builder *b, hnsw_walk_trial of, uint32_t kinds,
                      const hnsw_choice choices[PATIENCE_KINDS], kind_sums *sums)
{
    for (uint32_t item = 0; item < hnsw_measure_query_count(b); item += b->measured_one_in) {
        const hnsw_measured_walk *m = &hnsw_builder_measured(b, of.trial, item)->walks[of.entries];
        patience_kind kind = m->kind;
        if (!(kinds & KIND_BIT(kind))) continue;
        if (kind == PATIENCE_APART && kinds & KIND_BIT(PATIENCE_NEAR) &&
            m->trace.apart_since > end_with(m, choices[PATIENCE_NEAR]))
            kind = PATIENCE_NEAR;
        add_walk(b, item, m, choices[kind], sums);
    }
}

/* With a factor and a least number of candidates. */
typedef struct outcome {
    double recall;          /* of rows, or of all queries if they are few */
    double recall_of_made;  /* of the kind of made queries that has the lowest one, */
    double recall_of_apart; /* and of the kind, of those most of whose queries lie apart */
    double followed;        /* candidates, on average of rows, or of all queries if they are few */
} outcome;

/* Of queries of these kinds. `others` are found for queries of other kinds: the recall of a kind of
 * made queries is that of all of them. */
static outcome outcome_of(const hnsw_builder *b, hnsw_walk_trial of, uint32_t kinds,
                          const hnsw_choice choices[PATIENCE_KINDS], const kind_sums *others)
{
    kind_sums sums = {0};
    outcome o = {.recall = 1, .recall_of_made = 1, .recall_of_apart = 1};
    double found = 0, followed = 0, count = 0;
    add_walks(b, of, kinds, choices, &sums);
    for (uint32_t kind = 0; kind < HNSW_BUILD_QUERY_KINDS; kind++) {
        uint32_t all = sums.count[kind] + others->count[kind];
        found += sums.found[kind];
        followed += sums.followed[kind];
        count += sums.count[kind];
        if (!kind || !sums.count[kind] || all < HNSW_BUILD_KIND_MIN) continue;
        double *lowest = 2 * sums.apart[kind] > all ? &o.recall_of_apart : &o.recall_of_made;
        *lowest = fmin(*lowest, (sums.found[kind] + others->found[kind]) / all);
    }
    if (sums.count[0] >= HNSW_BUILD_KIND_MIN)
        found = sums.found[0], followed = sums.followed[0], count = sums.count[0];
    if (!(count > 0)) return o;
    o.recall = found / count;
    o.followed = followed / count;
    return o;
}

/* Is the outcome enough for a recall? A part of what may be missed is kept in reserve, since few
 * queries are measured: their mean recall has a standard error of about 0.01 with the largest
 * sample, and of more with a smaller one. Of queries that lie apart twice as much is kept, so that
 * half as much is enough of those that are seen to lie apart too late and count as near: near
 * queries are most of all, and their patience costs most. */
static bool is_enough(const hnsw_builder *b, patience_kind kind, const outcome *o, double recall)
{
    double reserve = fmin(0.2 * sqrt((double)HNSW_BUILD_SAMPLE_MAX / b->sample), 0.4),
           of_missed = (1 - recall) * reserve, twice = kind == PATIENCE_APART ? 2 : 1,
           apart = kind == PATIENCE_NEAR ? 0.5 : twice;
    return o->recall >= recall + twice * of_missed &&
           o->recall_of_made >= recall + twice * of_missed &&
           o->recall_of_apart >= recall + apart * of_missed;
}

/* Choose for one kind: so that walks for the queries of `kinds` have the recall, and follow the
 * fewest candidates. The choice for far queries is made for the outer ones, too. */
static void choose_for_kind(const hnsw_builder *b, hnsw_walk_trial of, patience_kind kind,
                            uint32_t kinds, double recall, const kind_sums *others,
                            hnsw_choice choices[PATIENCE_KINDS])
{
    hnsw_choice best = {HNSW_FACTOR_STEPS, HNSW_LEAST_STEPS - 1, WALK_POOL_MAX};
    for (uint32_t least = 0; least < HNSW_LEAST_STEPS; least++) {
        for (uint32_t factor = 0; factor < HNSW_FACTOR_STEPS; factor++) {
            bool is_last = factor + 1 == HNSW_FACTOR_STEPS && least + 1 == HNSW_LEAST_STEPS;
            choices[kind] = (hnsw_choice){factor, least, 0};
            if (kind == PATIENCE_FAR) choices[PATIENCE_OUTER] = choices[kind];
            outcome o = outcome_of(b, of, kinds, choices, others);
            bool is_nearly =
                o.recall >= recall - RECALL_TOLERANCE &&
                (!patience_is_beyond(kind) || o.recall_of_made >= recall - RECALL_TOLERANCE);
            if (!is_enough(b, kind, &o, recall) && !(is_last && is_nearly)) continue;
            if (best.factor == HNSW_FACTOR_STEPS || o.followed < best.followed)
                best = (hnsw_choice){factor, least, o.followed};
            break; /* larger factors follow no fewer */
        }
    }
    choices[kind] = best;
    if (kind == PATIENCE_FAR) choices[PATIENCE_OUTER] = best;
}

static uint32_t count_queries(const kind_sums *sums)
{
    uint32_t count = 0;
    for (uint32_t kind = 0; kind < HNSW_BUILD_QUERY_KINDS; kind++) count += sums->count[kind];
    return count;
}

/* Choose the patience of each kind. Outer queries have that of far ones if they are few. */
static void choose_patience(const hnsw_builder *b, hnsw_walk_trial of, double recall,
                            hnsw_choice choices[PATIENCE_KINDS])
{
    const uint32_t near = KIND_BIT(PATIENCE_NEAR), apart = KIND_BIT(PATIENCE_APART),
                   outer = KIND_BIT(PATIENCE_OUTER), far = KIND_BIT(PATIENCE_FAR);
    kind_sums others = {0}, outer_ones = {0};
    choose_for_kind(b, of, PATIENCE_FAR, far | outer, recall, &others, choices);
    add_walks(b, of, outer, choices, &outer_ones);
    add_walks(b, of, far, choices, &others);
    if (count_queries(&outer_ones) >= HNSW_BUILD_KIND_MIN)
        choose_for_kind(b, of, PATIENCE_OUTER, outer, recall, &others, choices);
    add_walks(b, of, outer, choices, &others);
    choose_for_kind(b, of, PATIENCE_APART, apart, recall, &others, choices);
    choose_for_kind(b, of, PATIENCE_NEAR, near | apart, recall, &others, choices);
}

static double mean_unsure(const hnsw_builder *b, uint32_t trial)
{
    double unsure = 0, walks = 0;
    uint32_t entries = hnsw_builder_entries_first(b);
    for (uint32_t item = 0; item < b->sample; item += b->measured_one_in, walks++)
        unsure += hnsw_builder_measured(b, trial, item)->walks[entries].unsure;
    return unsure / walks;
}

/* About how many distances a search for a row computes that follows this many candidates. */
static double distances_of(const hnsw_builder *b, uint32_t trial, uint32_t entries, double followed)
{
    double descent = 0, bottom = 0, all_followed = 0, walks = 0;
    for (uint32_t item = 0; item < b->sample; item += b->measured_one_in, walks++) {
        const hnsw_measured_walk *m = &hnsw_builder_measured(b, trial, item)->walks[entries];
        descent += m->descent_distances;
        bottom += m->bottom_distances;
        all_followed += m->followed;
    }
    return descent / walks + followed * bottom / fmax(all_followed, 1);
}

/* From how many entries searches by the codes of a trial begin: the index of
 * hnsw_builder_tried_entries. A walk from one entry leads to the rows around it first. Where
 * clusters are apart, a query between two of them has hits in both, and only great patience finds
 * those in the other one; rows, which cannot be told from such queries, then need the same
 * patience. The nearest nodes of level 1 are in both clusters. On 200,000 rows of 768 dims in 1,000
 * clusters a search for a row computed half as many distances with 64 entries, 790 of them in level
 * 1, and queries between two clusters followed a third of the candidates. 16 and 32 entries gave
 * less. Many entries are taken where they cost little more: of queries that are not measured, fewer
 * miss the cluster of their hits.
 *
 * Large graphs have more: on 800,000 such rows queries between two clusters had a recall of 0.89
 * with 64 entries, of 0.94 with 195, and searches for rows took 1.4 times as long. */
static uint32_t choose_entries(const hnsw_builder *b, uint32_t trial, double *distances)
{
    uint32_t first = hnsw_builder_entries_first(b), best = first;
    for (uint32_t i = first; i < HNSW_BUILD_ENTRIES; i++) {
        double needed = distances_of(b, trial, i, b->choices[trial][i][PATIENCE_NEAR].followed);
        if (i > first && needed > ENTRIES_COST_MAX * *distances) continue;
        *distances = needed;
        best = i;
    }
    return best;
}

/* Under AUTO, int4 codes are taken if few vectors must be read, and if walks by them have the
 * recall that walks by int8 codes have, at about the same number of distances. */
static uint32_t choose_trial(const hnsw_builder *b)
{
    double whole_distances, half_distances;
    if (hnsw_builder_trials(b) < 2) return 0;
    if (b->head.quantize == MV_QUANTIZE_INT4) return 1;
    if (mean_unsure(b, 1) > INT4_UNSURE_MAX) return 0;
    const hnsw_choice *whole = b->choices[0][choose_entries(b, 0, &whole_distances)],
                      *half = b->choices[1][choose_entries(b, 1, &half_distances)];
    if (half_distances > INT4_DISTANCES_MAX * whole_distances) return 0;
    for (uint32_t kind = 0; kind < PATIENCE_KINDS; kind++) {
        if (half[kind].factor == HNSW_FACTOR_STEPS && whole[kind].factor < HNSW_FACTOR_STEPS)
            return 0;
        if (patience_is_beyond((patience_kind)kind) &&
            half[kind].followed > INT4_DISTANCES_MAX * whole[kind].followed)
            return 0;
    }
    return 1;
}

static hnsw_patience stored_patience(hnsw_choice c)
{
    uint8_t factor = HNSW_FACTOR_NONE;
    if (c.factor < HNSW_FACTOR_STEPS)
        factor = (uint8_t)(hnsw_tried_factors[c.factor] * HNSW_FACTOR_ONE);
    return (hnsw_patience){factor, (uint8_t)(hnsw_tried_least[c.least] / HNSW_LEAST_UNIT)};
}

void hnsw_choose_for_trial(hnsw_builder *b, uint32_t item)
{
    hnsw_walk_trial of = hnsw_builder_walk(b, item);
    choose_patience(b, of, MV_RECALL_DEFAULT, b->choices[of.trial][of.entries]);
}

void hnsw_choose_conclude(hnsw_builder *b)
{
    double spread = 0, distances;
    uint32_t trial = b->trial = choose_trial(b);
    uint32_t entries = b->entries = choose_entries(b, trial, &distances);
    b->head.quantize = (uint32_t)hnsw_builder_trial_codes(b, trial)->quantize;
    b->head.changed = 0;
    b->head.near_bound = b->near_bounds[trial];
    b->head.outer_bound = b->outer_bounds[trial];
    b->head.spread = b->spreads[trial];
    b->head.entries = (uint16_t)hnsw_builder_tried_entries(b, entries);
    memcpy(b->head.reach, b->reach[trial], sizeof b->head.reach);
    b->head.code_bound = b->code_bounds[trial];
    for (uint32_t i = 0; i < b->sample; i++)
        spread += hnsw_builder_measured(b, trial, i)->mean_distance;
    b->head.code_error = spread > 0 ? (float)(b->code_errors[trial] / (spread / b->sample)) : 0;
    if (!isfinite(b->head.code_error)) b->head.code_error = 0;
}

/* How many candidates walks for the queries of these kinds follow on average. 0: too few of them
 * are measured. */
static uint16_t mean_followed(const hnsw_builder *b, hnsw_walk_trial of, uint32_t kinds,
                              const hnsw_choice choices[PATIENCE_KINDS])
{
    kind_sums sums = {0};
    double followed = 0;
    add_walks(b, of, kinds, choices, &sums);
    for (uint32_t kind = 0; kind < HNSW_BUILD_QUERY_KINDS; kind++) followed += sums.followed[kind];
    uint32_t count = count_queries(&sums);
    return count < HNSW_BUILD_KIND_MIN ? 0 : (uint16_t)(followed / count + 1);
}

void hnsw_choose_patience(hnsw_builder *b, uint32_t item)
{
    hnsw_choice choices[PATIENCE_KINDS];
    const hnsw_walk_trial of = {b->trial, b->entries};
    choose_patience(b, of, hnsw_recalls[item], choices);
    if (hnsw_recalls[item] == MV_RECALL_DEFAULT) {
        b->head.ef = (uint32_t)choices[PATIENCE_NEAR].followed + 1;
        b->head.far_ef = mean_followed(b, of, KIND_BIT(PATIENCE_FAR), choices);
        /* Where hardly any query is far, the outer ones are of very different kinds. */
        b->head.outer_ef =
            b->head.far_ef ? mean_followed(b, of, KIND_BIT(PATIENCE_OUTER), choices) : 0;
    }
    b->head.patience[PATIENCE_NEAR][item] = stored_patience(choices[PATIENCE_NEAR]);
    b->head.patience[PATIENCE_FAR][item] = stored_patience(choices[PATIENCE_FAR]);
    b->head.apart[item] = stored_patience(choices[PATIENCE_APART]);
    b->head.outer[item] = stored_patience(choices[PATIENCE_OUTER]);
}
