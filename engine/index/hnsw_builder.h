/* A graph being built. Levels are built from the top down: each begins as a copy of the one above,
 * whose nodes come first in it, and then takes in its other nodes in batches. All nodes of a batch
 * look for their neighbours in the graph as it was before the batch, by any number of threads; then
 * links back are added, target by target. So nothing is locked and the result does not depend on
 * the threads (the scheme of ParlayANN: Manohar et al., arXiv 2305.04359). */
#ifndef MV_HNSW_BUILDER_H
#define MV_HNSW_BUILDER_H

#include "base/os.h"
#include "index/hnsw_walk.h"

#define HNSW_BUILD_SAMPLE_MAX    256u /* rows held back to measure with, */
#define HNSW_BUILD_SAMPLE_ONE_IN 8u   /* at most one in so many */
#define HNSW_BUILD_CHANGE_ONE_IN 5u   /* measured anew when one row in so many has changed */
#define HNSW_BUILD_BATCH_MAX     2048u
#define HNSW_BUILD_SPREAD_ROWS   8192u /* whose links are followed, or moved, at a time */
#define HNSW_BUILD_TRIALS        2u /* kinds of codes that are measured: those in `codes`, `halves` */

typedef enum hnsw_build_phase {
    HNSW_BUILD_ENCODE,  /* items: rows / ENCODE_ROWS; their links are cleared as well */
    HNSW_BUILD_ADOPT,   /* nodes of the base graph, level by level */
    HNSW_BUILD_SEARCH,  /* nodes of the batch */
    HNSW_BUILD_LINK,    /* targets of the batch */
    HNSW_BUILD_MEASURE, /* rows of the sample */
    HNSW_BUILD_TRY,     /* the same, by what was measured */
    HNSW_BUILD_TRIM,    /* nodes, level by level */
    HNSW_BUILD_REPAIR,  /* one item, as often as it takes: bring in what cannot be reached */
    HNSW_BUILD_COMPACT, /* the same: links closer together, as they are kept */
    HNSW_BUILD_DONE
} hnsw_build_phase;

/* The memory of one thread. */
typedef struct hnsw_build_scratch {
    uint8_t *block;
    walk w;
    void *query;      /* prepared queries: of a node, */
    void *other;      /* and of a candidate */
    float *numbers;   /* dim floats */
    walk_entry *near; /* candidates for links, ascending */
    uint32_t *picked;
} hnsw_build_scratch;

/* One level being built: links of `stride` for each position. */
typedef struct build_level {
    uint32_t *links;
    uint32_t stride;    /* room for links: more than there may be in the end, so that a node is not
                         * thinned out at every link back */
    uint32_t links_max; /* in the end */
    uint32_t count;
} build_level;

struct hnsw_builder {
    codes_vectors vectors;
    hnsw_head head;
    hnsw_base base;
    codes_column codes;
    uint8_t *code_bytes; /* owned; NULL under NONE */
    /* int4 codes, which searches walk by instead of the int8 codes that links are made with: under
     * INT4, and under AUTO until it is measured whether they find enough. */
    codes_column halves;
    uint8_t *half_bytes; /* owned; NULL: none */
    float *mean;
    build_level levels[HNSW_LEVELS_MAX + 1];
    uint32_t *nodes; /* rows of the nodes above the bottom */
    uint32_t
        *positions; /* of nodes of the base above the bottom: where they are now, or HNSW_NONE */
    uint32_t positions_count; /* nodes of the base above the bottom */
    uint32_t *order;          /* new rows, by lot: those of higher levels first */
    uint32_t order_count;
    uint32_t new_count[HNSW_LEVELS_MAX + 1]; /* how many of `order` are in a level */
    uint32_t
        *new_positions; /* of the first new_count[1] of `order`, in the levels above the bottom */
    /* The batch in hand. */
    uint32_t level;
    uint32_t first; /* in `order`, of the batch */
    uint32_t batch;
    uint32_t taken;    /* nodes that the level has before the batch */
    uint32_t *back;    /* for each position the last link to it of this batch, or HNSW_NONE */
    uint32_t *after;   /* for each link of the batch the one before it with the same target */
    uint32_t *targets; /* rows linked to; before that, of each node of the batch m links picked */
    uint32_t targets_count;
    /* Measuring. */
    uint32_t sample; /* the last rows of `order` */
    bool is_measured;
    float *recalls; /* trials × sample × steps of ef; before that how far walks reach */
    float *bounds;  /* sample: distance of the last of the true neighbours */
    float *errors;  /* trials × sample × HNSW_MEASURED_HITS: difference of the distances */
    float reach[HNSW_BUILD_TRIALS][HNSW_EF_STEPS];
    float code_bounds[HNSW_BUILD_TRIALS];
    float *spreads;  /* sample: mean exact distance to the near ones */
    uint64_t *held;  /* bits: rows of the sample */
    uint64_t *again; /* bits: rows of the base taken in as if they were new */
    /* Reaching, compacting. */
    walk_spread spread;
    uint32_t lost;      /* no row before it is out of reach */
    uint32_t compacted; /* nodes of the level */
    /* Work. */
    hnsw_build_phase phase;
    uint32_t items;
    uint32_t next_item;
    uint32_t busy;  /* threads at an item */
    bool is_beyond; /* a vector is beyond the range of fp16 codes */
    os_mutex *mutex;
    os_condition *condition;
    double until;
    uint32_t threads;
    hnsw_build_scratch *scratch;
    size_t scratch_size;
    uint64_t bytes;
    uint64_t rows_done;
};

/* hnsw_order.c */

/* Fill `order`; needs `back`, and leaves it in disorder. */
void hnsw_order_draw(hnsw_builder *b);
/* Nodes of the base above the bottom that are still there. */
uint32_t hnsw_order_base_alive(const hnsw_builder *b);
void hnsw_order_lay_out(hnsw_builder *b); /* the nodes above the bottom */
void hnsw_order_draw_sample(hnsw_builder *b);

/* hnsw_link.c */

/* Choose at most `max` of `near` (ascending) for a node: a candidate that is nearer to one chosen
 * before than to the node is left out. Returns how many are in s->picked. */
uint32_t hnsw_link_choose(hnsw_builder *b, hnsw_build_scratch *s, const walk_entry *near,
                          uint32_t count, uint32_t max, uint32_t level);
void hnsw_link_adopt(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_link_search(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_link_back(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_link_trim(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
/* Thread the links of the batch by target. */
void hnsw_link_collect_targets(hnsw_builder *b);

/* hnsw_measure.c */

/* The true neighbours by codes, the error of codes, how far walks reach; */
void hnsw_measure_search(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_measure_conclude_reach(hnsw_builder *b);
/* How much is found with each number of candidates; */
void hnsw_measure_try(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item);
void hnsw_measure_conclude(
    hnsw_builder *b); /* to the head: with which codes is searched, and how. */
/* Link what cannot be reached from the entry, a piece at a time. */
void hnsw_repair_reachability(hnsw_builder *b, hnsw_build_scratch *s);

/* The new row of a row of the base, or HNSW_NONE. */
static inline uint32_t hnsw_row_now(const hnsw_base *base, uint32_t old)
{
    return old < base->graph->head->rows ? base->rows[old] : HNSW_NONE;
}
/* The level as it is now, for a walk. */
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
/* What is measured in trial `trial`, 0 or, where there are halves, 1. */
static inline const codes_column *hnsw_builder_trial_codes(const hnsw_builder *b, uint32_t trial)
{
    return trial ? &b->halves : &b->codes;
}
static inline uint32_t hnsw_builder_trials(const hnsw_builder *b)
{
    return b->half_bytes ? 2 : 1;
}
/* Where to begin a walk of `level`: the nearest found above. */
uint32_t hnsw_link_entry(hnsw_builder *b, hnsw_build_scratch *s, const codes_query *query,
                         uint32_t level);

#endif
