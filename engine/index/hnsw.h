/* Graph index: a hierarchical navigable small world graph over the rows of one vector column.
 *
 * A graph is a set of arrays (parts) that lie in a mapped file or in the builder's memory. It is
 * built once and never changed. Its rows are those of the segment, 0 to rows - 1. Walks compute
 * distances from codes (codes.h) or from the vectors themselves.
 *
 * Malkov, Yashunin: Efficient and robust approximate nearest neighbor search using hierarchical
 * navigable small world graphs, arXiv 1603.09320. */
#ifndef MV_HNSW_H
#define MV_HNSW_H

#include <stddef.h>

#include "index/index.h"

#define HNSW_ROWS_MIN      1024u /* measuring every row of fewer is as fast */
#define HNSW_LEVELS_MAX    16u
#define HNSW_HITS_MAX      2048u /* of a search: a sorted pool is too slow for more */
#define HNSW_EF_UNMEASURED 128u  /* head.ef of a graph that is too small to be measured */
#define HNSW_EF_STEPS      13u   /* values of ef that are measured (walk_ef_steps), */
#define HNSW_MEASURED_HITS 10u   /* in searches for this many hits */

/* The patience of walks (hnsw_patience.h), as it is measured. */
#define HNSW_RECALLS     5u   /* for this number of recalls (hnsw_recalls) */
#define HNSW_FACTOR_ONE  16u  /* the factor 1 as it is stored */
#define HNSW_FACTOR_NONE 255u /* no walk has this recall */
#define HNSW_LEAST_UNIT  4u   /* of the least number of candidates */
#define HNSW_SPREAD_ONE  256u /* a spread of 1 as it is stored */

/* From at most how many nodes of level 1 walks over the bottom begin. */
#define HNSW_ENTRIES_MAX 256u

/* ---------------------------------------------------------------- graphs */

/* The arrays of a graph (index_part). UPLINKS have a level.
 *
 * Levels are nested: the nodes of level l are the first nodes_count(l) of the NODES part, so that a
 * node has the same position in every level above the bottom, where its position is its row. */
typedef enum hnsw_part_kind {
    HNSW_PART_HEAD = 0,    /* hnsw_head */
    HNSW_PART_MEAN = 1,    /* of int8 and int4 codes: dim floats */
    HNSW_PART_CODES = 2,   /* fp16, int8, int4: codes_size */
    HNSW_PART_LINKS = 3,   /* rows × 2m u32: rows, then HNSW_NONE */
    HNSW_PART_NODES = 4,   /* u32: the row of each node of level 1 and up, highest levels first */
    HNSW_PART_UPLINKS = 5, /* one for each level from 1 up: its nodes × m u32: positions */
    HNSW_PART_KINDS
} hnsw_part_kind;

#define HNSW_NONE UINT32_MAX

#define HNSW_PARTS_MAX (HNSW_PART_KINDS - 1 + HNSW_LEVELS_MAX)

/* What walks need for a recall (hnsw_patience.h). */
typedef struct hnsw_patience {
    uint8_t factor; /* × HNSW_FACTOR_ONE */
    uint8_t least;  /* / HNSW_LEAST_UNIT */
} hnsw_patience;

/* Everything about a graph that is not an array, as it stands in a file. */
typedef struct hnsw_head {
    uint32_t format; /* 1; 2: int4 codes; 3: patience; 4: entries, queries apart; 5: outer ones */
    uint32_t rows;
    uint32_t m;
    uint32_t ef_construction;
    uint64_t seed;
    uint32_t quantize; /* mv_quantize, not AUTO */
    uint32_t levels;   /* above the bottom */
    uint32_t ef; /* candidates that a search for HNSW_MEASURED_HITS usually follows. In the formats
                  * 1 and 2 the ef that a recall of 0.97 was measured to need */
    float code_error;           /* mv_index_stats */
    float code_bound;           /* distances from codes seldom differ by more from the true ones */
    uint32_t changed;           /* rows added and dropped since the graph was measured */
    float reach[HNSW_EF_STEPS]; /* walk_stop.reach for each of walk_ef_steps */
    float near_bound;           /* walk_patience.near_bound */
    hnsw_patience patience[2][HNSW_RECALLS]; /* of near and of far queries; zeros: not measured */
    uint32_t reserved[1];                    /* zeros */
    /* Format 4. */
    hnsw_patience apart[HNSW_RECALLS]; /* patience of queries apart from the rows near them */
    uint16_t spread;                   /* walk_patience.spread × HNSW_SPREAD_ONE; 0: infinite */
    uint16_t entries;    /* of walks for a recall over the bottom level: 1 to HNSW_ENTRIES_MAX */
    uint16_t far_ef;     /* like ef: of far queries; 0: not measured */
    /* Format 5. */
    float outer_bound; /* walk_patience.outer_bound */
    hnsw_patience outer[HNSW_RECALLS];
    uint16_t outer_ef; /* like far_ef */
} hnsw_head;

#define HNSW_FORMAT            5u /* the newest */
#define HNSW_HEAD_SIZE_UP_TO_3 128u

static_assert(offsetof(hnsw_head, apart) == HNSW_HEAD_SIZE_UP_TO_3, "as formats up to 3 have it");
static_assert(offsetof(hnsw_head, outer_bound) == 144, "as format 4 has zeros there");
static_assert(sizeof(hnsw_head) == 160, "the head of a graph has 160 bytes on disk");

/* A graph that can be searched. Owns nothing. */
typedef struct hnsw_graph {
    const hnsw_head *head;
    codes_column codes;
    const uint32_t *links;
    const uint32_t *nodes;
    const uint32_t *uplinks[HNSW_LEVELS_MAX]; /* level 1 is [0] */
    uint32_t nodes_count[HNSW_LEVELS_MAX];
} hnsw_graph;

/* Make a graph of its parts; `vectors` is lent. Sizes and the head are checked here. Links are
 * checked by every search when it follows them, so a search never leaves the arrays. MV_CORRUPT. */
mv_err hnsw_open(const index_part *parts, uint32_t parts_count, const codes_vectors *vectors,
                 hnsw_graph *graph, mv_error *error);

/* Check everything (I15): links are in range, no node links to itself or to another twice, every
 * row is reachable from the entry, levels agree. MV_CORRUPT, naming level and row. */
mv_err hnsw_check(const hnsw_graph *graph, mv_error *error);

/* ---------------------------------------------------------------- searching */

/* Would a search for `k` hits among query->matching rows scan the codes of all of them? */
bool hnsw_plan_scans_codes(const hnsw_graph *graph, const index_query *query, uint32_t k);

/* See index_type.search. MV_CORRUPT: a link is out of range. */
mv_err hnsw_search(const hnsw_graph *graph, const index_query *query, topk *hits,
                   index_scratch *scratch, index_report *report, mv_error *error);

/* ---------------------------------------------------------------- building */

/* A graph to extend: that of a segment whose rows go into the new segment. */
typedef struct hnsw_base {
    const hnsw_graph *graph; /* NULL: none */
    const uint32_t *rows;    /* for each of its rows the new row, ascending, or HNSW_NONE: the row
                              * was deleted. Lent until the builder is freed */
} hnsw_base;

/* Can a graph with these options be built by extending this one? */
bool hnsw_fits(const hnsw_graph *graph, const mv_hnsw_options *options);

typedef struct hnsw_builder hnsw_builder;

/* Begin. `vectors` and `base` are lent until the builder is freed. `threads`: 1 to MV_THREADS_MAX
 * threads work in a step, the caller's included. The graph does not depend on the number of threads
 * nor on the length of steps. */
mv_err hnsw_build_begin(const codes_vectors *vectors, const mv_hnsw_options *options,
                        const hnsw_base *base, uint32_t threads, hnsw_builder **out,
                        mv_error *error);
/* Work until `until` (os_seconds), at least a little. *more is false when the graph is complete. */
mv_err hnsw_build_step(hnsw_builder *b, double until, bool *more, mv_error *error);
/* Rows that are linked, of all rows. */
void hnsw_build_progress(const hnsw_builder *b, uint64_t *done, uint64_t *total);
/* The parts of the complete graph, lent by the builder. Returns their number. */
uint32_t hnsw_build_parts(const hnsw_builder *b, index_part parts[HNSW_PARTS_MAX]);
/* Bytes that the builder has allocated, at most
 *   rows × (codes_stride, where there are codes: of int8 and int4 ones together under INT4, and
 *           under AUTO from 64 dims on + 10 m + 32)
 *   + threads × (rows / 5 + 48 m² + 8 ef_construction + 24 dim + 128 KiB) + 16 KiB × m
 *   + 1,280 KiB,
 * and where a base has nodes above the bottom of more rows than that, 5 m + 8 for each of them. */
uint64_t hnsw_build_bytes(const hnsw_builder *b);
void hnsw_build_free(hnsw_builder *b); /* NULL is fine */

#endif
