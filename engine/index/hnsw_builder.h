/* A graph being built. Levels are built from the top down. A level begins as a copy of the level
 * above, whose nodes are its first ones (I15), and then inserts its other nodes in batches. All
 * nodes of a batch search for neighbours in the graph as it was before the batch, on any number of
 * threads. Then links back are added, target by target. So nothing is locked, and the graph does
 * not depend on the threads (the scheme of ParlayANN: Manohar et al., arXiv 2305.04359). */
#ifndef MV_HNSW_BUILDER_H
#define MV_HNSW_BUILDER_H

#include <string.h>

#include "base/os.h"
#include "base/splitmix.h"
#include "index/hnsw_walk.h"

/* Rows inserted last, to measure with: one in HNSW_BUILD_SAMPLE_ONE_IN, from _MIN to _MAX, but at
 * most one in HNSW_BUILD_SAMPLE_MOST: 64 of 1,024 rows, 128 of 4,096. */
#define HNSW_BUILD_SAMPLE_MIN    64u
#define HNSW_BUILD_SAMPLE_MAX    256u
#define HNSW_BUILD_SAMPLE_ONE_IN 32u
#define HNSW_BUILD_SAMPLE_MOST   16u
#define HNSW_BUILD_QUERY_KINDS   6u   /* rows of the sample, and five that are made of them, */
#define HNSW_BUILD_MADE_ONE_IN   4u   /* in shares of one for this many rows */
#define HNSW_BUILD_QUERIES_MAX   704u /* rows and made ones */
#define HNSW_BUILD_KIND_MIN      16u  /* fewer queries of a kind tell nothing about it */
#define HNSW_BUILD_CHANGE_ONE_IN 3u   /* measured again when one row in this many has changed */
#define HNSW_BUILD_BATCH_MAX     2048u
#define HNSW_BUILD_ENCODE_ROWS   64u   /* rows of an item of ENCODE */
#define HNSW_BUILD_STEP_ROWS     2048u /* whose links are followed, or moved, in a step */
#define HNSW_BUILD_COPY_NODES    512u  /* of an item of COPY_DOWN */
#define HNSW_BUILD_COLLECT_NODES 128u  /* whose links are collected in a step */
#define HNSW_BUILD_SCAN_ROWS     4096u /* compared in an item of MEASURE_SCAN */
#define HNSW_BUILD_SCAN_QUERIES  8u    /* with this many queries */
#define HNSW_BUILD_TRIALS        2u    /* kinds of codes that are measured: `codes`, `int4_codes` */

typedef enum hnsw_build_phase {
    HNSW_BUILD_DRAW,            /* one item: draw the order of rows (hnsw_order.c) */
    HNSW_BUILD_LOOK,            /* one item: look at rows, to choose the codes (hnsw_codes.c) */
    HNSW_BUILD_ENCODE,          /* items: rows / HNSW_BUILD_ENCODE_ROWS; clears their links, too */
    HNSW_BUILD_COPY_BASE,       /* nodes of the base graph, level by level */
    HNSW_BUILD_COPY_DOWN,       /* items: nodes of the level above / HNSW_BUILD_COPY_NODES */
    HNSW_BUILD_SEARCH,          /* nodes of the batch */
    HNSW_BUILD_COLLECT,         /* one item: chain links of some nodes of the batch by target */
    HNSW_BUILD_LINK,            /* targets of the batch */
    HNSW_BUILD_MEASURE_SCAN,    /* groups of queries: the nearest of the next rows */
    HNSW_BUILD_MEASURE_NEAR,    /* trials × rows of the sample: what walks with an ef need */
    HNSW_BUILD_MEASURE_RECALL,  /* trials × entries × some queries: the recall of patient walks */
    HNSW_BUILD_CHOOSE_TRIAL,    /* trials × entries: what each needs at the default recall */
    HNSW_BUILD_MEASURE_REST,    /* other queries: the recall of the walks that were chosen */
    HNSW_BUILD_CHOOSE_PATIENCE, /* recalls: the patience for each */
    HNSW_BUILD_TRIM,            /* nodes, level by level */
    HNSW_BUILD_REPAIR,          /* one item: make the next unreachable row reachable */
    HNSW_BUILD_COMPACT,         /* one item: move links together, to links_max for each node */
    HNSW_BUILD_DONE
} hnsw_build_phase;

/* The memory of one thread. */
typedef struct hnsw_build_scratch {
    uint8_t *block;
    walk w;
    void *query;      /* prepared queries: of a node, */
    void *other;      /* of a candidate, */
    uint8_t *scanned; /* and HNSW_BUILD_SCAN_QUERIES of MEASURE_SCAN */
    float *numbers;   /* dim floats */
    walk_entry *near; /* candidates for links, ascending */
    uint32_t *picked;
    bool is_used;   /* a thread works with it */
    bool is_midway; /* a measured walk goes on in the next step: of `item`, */
    uint32_t item;
    codes_query queries[2]; /* for its query by the codes of the trial, and by b->codes, */
    walk_level level;       /* over this level */
    walk_course course;
} hnsw_build_scratch;

/* One level being built: `stride` links for each position. */
typedef struct build_level {
    uint32_t *links;
    uint32_t stride;    /* more than links_max, so that not every link back makes a node choose
                         * among its links again */
    uint32_t links_max; /* of a node in the complete graph */
    uint32_t count;
} build_level;

/* What is measured of a long walk. */
typedef struct hnsw_measured_walk {
    patience_kind kind;
    uint32_t unsure; /* candidates that may be nearer than the tenth, by the errors of codes */
    uint32_t descent_distances; /* in the levels above the bottom */
    uint32_t bottom_distances;
    uint32_t followed;
    walk_trace trace;
} hnsw_measured_walk;

/* Walks are measured from one entry, and from many: one for HNSW_BUILD_ENTRY_ROWS rows. A graph
 * that extends one with many is measured with many only. */
#define HNSW_BUILD_ENTRIES     2u
#define HNSW_BUILD_ENTRIES_MIN 64u /* many, and at most HNSW_ENTRIES_MAX */
#define HNSW_BUILD_ENTRY_ROWS  4096u

/* A walk that is tried: with the codes of a trial, from a number of entries. */
typedef struct hnsw_walk_trial {
    uint32_t trial, entries; /* hnsw_builder_trial_codes, hnsw_builder_tried_entries */
} hnsw_walk_trial;

/* What is measured of one query with the codes of one trial. */
typedef struct hnsw_measured {
    float mean_distance;              /* to the true neighbours, exact */
    float errors[HNSW_MEASURED_HITS]; /* of the distances by codes to these */
    float reach[HNSW_EF_STEPS];       /* rows of the sample: of a walk, for each of walk_ef_steps */
    float tenth, spread; /* distance of the HNSW_MEASURED_HITS-th candidate of it, and how many
                          * times as far as the first one it is */
    hnsw_measured_walk walks[HNSW_BUILD_ENTRIES];
} hnsw_measured;

typedef enum hnsw_draw_stage {
    DRAW_CLEAR,
    DRAW_MARK,
    DRAW_GATHER,
    DRAW_SHUFFLE,
    DRAW_LEVELS,
    DRAW_FORGET,
    DRAW_DONE
} hnsw_draw_stage;

typedef enum hnsw_codes_stage {
    CODES_MEAN,
    CODES_LOSS,
    CODES_DENSE,
    CODES_SETTLE
} hnsw_codes_stage;

/* The true neighbours of a query, among the rows that were scanned. */
typedef struct hnsw_nearest {
    uint32_t count;
    float distances[HNSW_MEASURED_HITS]; /* ascending */
    uint32_t rows[HNSW_MEASURED_HITS];
} hnsw_nearest;

/* The factor and the least number of candidates of walks. */
typedef struct hnsw_choice {
    uint32_t factor, least; /* their numbers; HNSW_FACTOR_STEPS: codes are scanned instead */
    double followed;        /* candidates, on average */
} hnsw_choice;

struct hnsw_builder {
    codes_vectors vectors;
    hnsw_head head;
    hnsw_base base;
    codes_column codes;
    uint8_t *code_bytes; /* owned; NULL under NONE */
    /* int4 codes, by which searches walk. Links are made by the int8 codes in `codes`. They exist
     * under INT4, and under AUTO until it is measured whether they find enough. */
    codes_column int4_codes;
    uint8_t *int4_bytes; /* owned; NULL: none */
    float *mean;
    /* Choosing the codes. */
    hnsw_codes_stage codes_stage;
    uint32_t codes_at;    /* of the stage: rows that are done */
    uint32_t dense;       /* of them in dense clusters */
    mv_quantize quantize; /* asked for, and at last chosen */
    bool wants_int4;      /* beside int8 codes */
    void *look;           /* memory for looking at rows */
    build_level levels[HNSW_LEVELS_MAX + 1];
    uint32_t *nodes; /* rows of the nodes above the bottom */
    /* Of each node of the base above the bottom: its position in the new graph. HNSW_NONE: its row
     * was deleted. */
    uint32_t *positions;
    uint32_t positions_count;
    uint32_t *order; /* new rows in random order: those of higher levels first */
    uint32_t order_count;
    hnsw_draw_stage draw_stage;
    uint32_t draw_at;                        /* of the stage: rows that are done */
    uint32_t new_rows;                       /* those that are not of the base */
    uint64_t drawn;                          /* state of splitmix_draw */
    uint32_t new_count[HNSW_LEVELS_MAX + 1]; /* how many of `order` are in a level */
    /* Of each of the first new_count[1] rows of `order`: its position above the bottom. */
    uint32_t *new_positions;
    /* The current batch. */
    uint32_t level;
    uint32_t first;    /* index in `order` of the batch's first row */
    uint32_t batch;    /* rows of the batch */
    uint32_t inserted; /* nodes of the level before the batch */
    uint32_t *back;    /* for each position the last link to it of this batch, or HNSW_NONE */
    uint32_t *after;   /* for each link of the batch the one before it with the same target */
    /* The positions that the batch links to. In SEARCH: m links picked by each node of the batch.
     */
    uint32_t *targets;
    uint32_t targets_count;
    uint32_t collected; /* nodes of the batch */
    /* Measuring, with queries: the sample, and those made of it (hnsw_measure_query.c). */
    uint32_t sample;          /* the last rows of `order` */
    uint32_t measured_one_in; /* one query in this many was measured; 1 after MEASURE_REST */
    bool is_measured;
    hnsw_measured *measured; /* trials × HNSW_BUILD_QUERIES_MAX */
    hnsw_nearest *nearest;   /* HNSW_BUILD_QUERIES_MAX */
    uint32_t scanned;        /* rows: those before were compared with all queries */
    hnsw_choice choices[HNSW_BUILD_TRIALS][HNSW_BUILD_ENTRIES][PATIENCE_KINDS];
    uint32_t trial, entries; /* that were chosen */
    float reach[HNSW_BUILD_TRIALS][HNSW_EF_STEPS];
    float code_bounds[HNSW_BUILD_TRIALS];
    double code_errors[HNSW_BUILD_TRIALS];
    float near_bounds[HNSW_BUILD_TRIALS], outer_bounds[HNSW_BUILD_TRIALS];
    uint16_t spreads[HNSW_BUILD_TRIALS]; /* as hnsw_head has it */
    uint64_t *sampled;                   /* bits: rows of the sample */
    uint64_t *reinserted; /* bits: rows of the base that are inserted again, as a sample */
    bool renews_upper;    /* the levels above the bottom are rebuilt, of the same nodes of the
                           * base, and new ones */
    /* Reaching, compacting. */
    walk_traversal traversal;
    uint32_t unreached; /* every row before it is reachable */
    uint32_t compacted; /* nodes of the level */
    /* Work. */
    hnsw_build_phase phase;
    uint32_t items;
    uint32_t next_item;
    uint32_t busy;        /* threads at an item */
    uint32_t midway;      /* scratches with an unfinished item */
    bool is_out_of_range; /* a vector is beyond the range of fp16 codes */
    bool has_no_memory;   /* an allocation failed: the work has ended */
    os_mutex *mutex;
    os_condition *condition;
    double until;
    uint32_t threads;
    hnsw_build_scratch *scratch;
    size_t scratch_size;
    uint64_t bytes;
    uint64_t rows_done;
};

/* ---- memory, counted in b->bytes */

static inline void *hnsw_builder_alloc(hnsw_builder *b, uint64_t count, size_t size)
{
    uint64_t bytes = count * size + 1;
    void *block = mem_alloc_aligned(mem_array_size(bytes, 1));
    if (block) b->bytes += bytes;
    return block;
}
/* Free a block of hnsw_builder_alloc. Does not change b->bytes. */
static inline void hnsw_builder_release(void *block, uint64_t count, size_t size)
{
    mem_free(block, (size_t)(count * size + 1));
}
/* Remove all links of positions [begin, end). */
static inline void hnsw_builder_clear_links(const build_level *l, uint32_t begin, uint32_t end)
{
    size_t size = l->stride * sizeof *l->links;
    mv_assert(begin <= end);
    mv_assert(end <= l->count);
    memset(l->links + (size_t)begin * l->stride, 0xff, (end - begin) * size);
}

/* ---- hnsw_codes.c */

/* Choose the codes by which links are made, and int4 codes to be tried. First begin. Then look at
 * some more rows, until look returns false: all is looked at. Then settle, which allocates the
 * codes. Begin and settle return false if there is no memory. */
bool hnsw_codes_begin(hnsw_builder *b);
bool hnsw_codes_look(hnsw_builder *b);
bool hnsw_codes_settle(hnsw_builder *b);
void hnsw_codes_end_look(hnsw_builder *b); /* free the memory for looking, if there is some */
/* Encode a block of rows, and clear their links. */
void hnsw_codes_encode(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
/* A vector is out of the range of its code: use the vectors instead of codes. */
void hnsw_codes_drop(hnsw_builder *b);

/* ---- hnsw_build.c */

/* Allocate what depends on the order, and on the codes. False: no memory. */
bool hnsw_build_allocate_levels(hnsw_builder *b);
bool hnsw_build_allocate_scratch(hnsw_builder *b);

/* ---- hnsw_phase.c */

void hnsw_phase_begin(hnsw_builder *b, hnsw_build_phase phase, uint32_t items);
/* Begin the phase that follows. All items of the present phase are done. */
void hnsw_phase_advance(hnsw_builder *b);
/* Work on one item of the present phase. Any number of threads may work on different items. False:
 * the item is not finished, it goes on with the same scratch in the next step. */
bool hnsw_phase_work(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);

/* ---- hnsw_threads.c */

/* Work on the phases with b->threads threads until `until` (os_seconds) or DONE. */
void hnsw_threads_run(hnsw_builder *b, double until);

/* ---- hnsw_order.c */

/* Fill `order`, and clear `back`, which it uses: one step. False: that was the last. */
bool hnsw_order_draw(hnsw_builder *b);
/* Number of nodes above the bottom that keep the links of the base. */
uint32_t hnsw_order_base_nodes(const hnsw_builder *b);
void hnsw_order_lay_out(hnsw_builder *b); /* the nodes above the bottom */
void hnsw_order_draw_sample(hnsw_builder *b);

/* ---- hnsw_link.c */

/* Choose at most `max` links of a node among its candidates `near`, sorted by distance. A candidate
 * is left out if it is nearer to a candidate chosen before than to the node
 * (SELECT-NEIGHBORS-HEURISTIC, algorithm 4 of arXiv 1603.09320). Returns how many are in s->picked.
 */
uint32_t hnsw_link_choose(hnsw_builder *b, hnsw_build_scratch *s, const walk_entry *near,
                          uint32_t count, uint32_t max, uint32_t level);
void hnsw_link_copy_base(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_link_search(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_link_back(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_link_trim(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
/* Chain the links of the next nodes of the batch by target. */
void hnsw_link_collect_targets(hnsw_builder *b);

/* ---- hnsw_measure.c */

/* First: the true neighbours by codes, among the next HNSW_BUILD_SCAN_ROWS rows. */
void hnsw_measure_scan(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
/* Then: the error of codes, the reach of walks. */
void hnsw_measure_near(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_measure_conclude_near(hnsw_builder *b);
/* Then: the recall with each factor of patience. The codes and entries are chosen by one query in
 * `measured_one_in`; then the rest of the queries walk with these. False: the step ends midway. The
 * item is continued with the same scratch. */
uint32_t hnsw_measure_recall_items(const hnsw_builder *b);
uint32_t hnsw_measure_rest_items(const hnsw_builder *b);
bool hnsw_measure_recall(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);

/* ---- hnsw_choose.c */

/* What walks need that have the default recall, with the codes of one trial and from one number of
 * entries. */
void hnsw_choose_for_trial(hnsw_builder *b, uint32_t item);
/* Choose the codes and the number of entries, and set the measured numbers of the head but the
 * patience. */
void hnsw_choose_conclude(hnsw_builder *b);
/* Set the patience for one of hnsw_recalls, and the ef if it is the default recall. */
void hnsw_choose_patience(hnsw_builder *b, uint32_t item);

/* ---- hnsw_measure_query.c */

/* The number of queries: first the rows of the sample, then those of each other kind. */
uint32_t hnsw_measure_query_count(const hnsw_builder *b);
/* The largest n of which one query in n still leaves HNSW_BUILD_KIND_MIN of each kind, at least 1;
 * 1 for large graphs. */
uint32_t hnsw_measure_query_one_in(const hnsw_builder *b);
/* 0 for rows of the sample, up to HNSW_BUILD_QUERY_KINDS - 1. */
uint32_t hnsw_measure_query_kind(const hnsw_builder *b, uint32_t item);
/* Is it a row, a row with noise, or between two rows? */
bool hnsw_measure_query_is_among_rows(const hnsw_builder *b, uint32_t item);
/* Make query `item`, as a program would give it. `given` and `other` are dim floats. */
void hnsw_measure_query_make(const hnsw_builder *b, uint32_t item, float *given, float *other);

/* ---- hnsw_repair.c */

/* Link rows that cannot be reached from the entry: one step. */
void hnsw_repair_reachability(hnsw_builder *b, hnsw_build_scratch *s);

/* ---- reading the builder */

/* The new row of a row of the base. HNSW_NONE: it was deleted, or `old` is out of range. */
static inline uint32_t hnsw_row_now(const hnsw_base *base, uint32_t old)
{
    return old < base->graph->head->rows ? base->rows[old] : HNSW_NONE;
}
/* The level in its present state, for a walk. */
static inline walk_level hnsw_builder_walk_level(const hnsw_builder *b, uint32_t level)
{
    const build_level *l = &b->levels[level];
    return (walk_level){l->links, l->stride, l->count, level ? b->nodes : NULL};
}
static inline uint32_t hnsw_builder_row_of(const hnsw_builder *b, uint32_t level, uint32_t at)
{
    return level ? b->nodes[at] : at;
}
static inline uint32_t *hnsw_builder_links(const hnsw_builder *b, uint32_t level, uint32_t at)
{
    return b->levels[level].links + (size_t)at * b->levels[level].stride;
}
/* Where the node that is `i`-th in `order` lies in a level. */
static inline uint32_t hnsw_builder_position(const hnsw_builder *b, uint32_t level, uint32_t i)
{
    return level ? b->new_positions[i] : b->order[i];
}
/* The codes that are measured in trial 0, or in trial 1 if there are int4 codes. */
static inline const codes_column *hnsw_builder_trial_codes(const hnsw_builder *b, uint32_t trial)
{
    return trial ? &b->int4_codes : &b->codes;
}
static inline uint32_t hnsw_builder_trials(const hnsw_builder *b)
{
    return b->int4_bytes ? 2 : 1;
}
static inline hnsw_measured *hnsw_builder_measured(const hnsw_builder *b, uint32_t trial,
                                                   uint32_t item)
{
    mv_assert(trial < hnsw_builder_trials(b));
    mv_assert(item < HNSW_BUILD_QUERIES_MAX);
    return &b->measured[trial * HNSW_BUILD_QUERIES_MAX + item];
}
/* One entry for a number of rows, from `min` to `max`. */
static inline uint32_t hnsw_builder_entries(const hnsw_builder *b, uint32_t rows, uint32_t min,
                                            uint32_t max)
{
    uint32_t entries = b->head.rows / rows;
    if (entries > max) entries = max;
    return entries < min ? min : entries;
}
/* The `i`-th number of entries that is tried, of HNSW_BUILD_ENTRIES. */
static inline uint32_t hnsw_builder_tried_entries(const hnsw_builder *b, uint32_t i)
{
    return i ? hnsw_builder_entries(b, HNSW_BUILD_ENTRY_ROWS, HNSW_BUILD_ENTRIES_MIN,
                                    HNSW_ENTRIES_MAX)
             : 1;
}
/* The first number of entries that is tried. */
static inline uint32_t hnsw_builder_entries_first(const hnsw_builder *b)
{
    return b->base.graph && hnsw_patience_entries(b->base.graph->head) > 1;
}
/* The walks that are measured of each query: by all codes, from all numbers of entries. */
static inline uint32_t hnsw_builder_walks(const hnsw_builder *b)
{
    return hnsw_builder_trials(b) * (HNSW_BUILD_ENTRIES - hnsw_builder_entries_first(b));
}
static inline hnsw_walk_trial hnsw_builder_walk(const hnsw_builder *b, uint32_t i)
{
    uint32_t first = hnsw_builder_entries_first(b), count = HNSW_BUILD_ENTRIES - first;
    return (hnsw_walk_trial){i / count, first + i % count};
}
/* Hits that are wanted of a measured walk: a graph without the sample may have fewer rows. */
static inline uint32_t hnsw_builder_hits_wanted(const hnsw_builder *b)
{
    uint32_t rows = b->head.rows - b->sample;
    return rows < HNSW_MEASURED_HITS ? rows : HNSW_MEASURED_HITS;
}
/* Find the entries of a walk over `level`: the nearest `width` nodes found in the level above. */
void hnsw_link_descend(hnsw_builder *b, hnsw_build_scratch *s, const codes_query *query,
                       uint32_t level, uint32_t width);

#endif
