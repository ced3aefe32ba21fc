/* Ranked lists: for each term the rows that have it, and how much it counts there; made so that the
 * k best rows for some terms are found without reading all of their lists. There are two kinds.
 *
 * Lists of a text have how often a row has the term, its frequency f, and at which positions. The
 * score of a row is the sum, over the terms of a query, of the weight of the term times
 *
 *   f / (f + c + d × length)
 *
 * which is BM25 for fitting weights, c and d (Robertson, Zaragoza: The Probabilistic Relevance
 * Framework, 2009).
 *
 * Lists of weights are those of sparse vectors. The terms are the indexes: 4 bytes, the highest
 * first; a fifth one, '-', follows in the lists of negative numbers. A number is stored as the
 * frequency 1 to 255, the magnitude in units of 1 / 255 of the largest one of its list, rounded up.
 * The score of a row is the sum of the weights of the terms times
 *
 *   f / 255
 *
 * A list is cut into blocks of 128 rows. Each block has a bound of this fraction,
 * so that blocks whose rows cannot be among the best are skipped (Ding, Suel: Faster top-k document
 * retrieval using block-max indexes, SIGIR 2011).
 *
 * The lists know no statistics of the collection: weights, c and d come with the query. The bounds
 * hold for the c and d of the head, which are those of the segment; for others they are widened.
 *
 * Lists are a set of arrays, the parts, in a mapped file or in the memory of the builder. They are
 * built once and never changed. */
#ifndef MV_RANKED_H
#define MV_RANKED_H

#include "index/index.h"
#include "index/invert_pack.h"

#define RANKED_BLOCK       128u
#define RANKED_TERM_MAX    255u /* bytes of a term */
#define RANKED_TERMS_BLOCK 16u

/* The parts. Their numbers are part of the file format. STARTS and ENDS are packed sequences
 * (invert_pack.h): an array of blocks in the part itself, their bits in the part after it. */
typedef enum ranked_part_kind {
    RANKED_PART_HEAD = 0,        /* ranked_head */
    RANKED_PART_ENDS = 1,        /* for each block of terms: its end in TERMS */
    RANKED_PART_ENDS_BITS = 2,   /* its bits */
    RANKED_PART_TERMS = 3,       /* the blocks of terms, see below */
    RANKED_PART_STARTS = 4,      /* for each term: where its list begins in LISTS */
    RANKED_PART_STARTS_BITS = 5, /* its bits */
    RANKED_PART_LISTS = 6,       /* the lists, see below */
    RANKED_PART_POSITIONS = 7,   /* the positions of whole blocks, see below; may be missing */
    RANKED_PART_LENGTHS = 8, /* for each row a u8 or u16: its length; the most: it is in LONGS */
    RANKED_PART_LONGS = 9,   /* pairs of u32, ascending: a row and its length */
    RANKED_PART_MOST = 10,   /* lists of weights: for each term a float, its largest magnitude */
    RANKED_PART_KINDS
} ranked_part_kind;

#define RANKED_PARTS_MAX RANKED_PART_KINDS

/* The head, as it is in the file. */
typedef struct ranked_head {
    uint32_t format; /* 3; 1 and 2 are read, too */
    uint32_t rows;   /* of the segment */
    uint32_t terms;  /* distinct ones */
    uint32_t longs;  /* pairs in LONGS */
    uint64_t tokens; /* sum of all lengths; lists of weights: of all counts */
    float c, d;      /* for which the bounds of blocks hold; lists of weights: 0 */
    uint32_t flags;  /* RANKED_WITHOUT_POSITIONS, ... */
    uint32_t zero;
} ranked_head;

#define RANKED_FORMAT            3u
#define RANKED_WITHOUT_POSITIONS 1u
#define RANKED_OF_WEIGHTS        2u
#define RANKED_BYTE_LENGTHS      4u /* LENGTHS is of u8 */

static_assert(sizeof(ranked_head) == 40, "the head of ranked lists has 40 bytes on disk");

/* Terms ascend by their bytes. 16 of them are a block; the last one has fewer. A term, as it is in
 * TERMS:
 *
 *   u8                in the low four bits how many bytes are those of the term before it in the
 *                     block (at most 15); in the high four how many follow; 0: the next u8 is that
 *   bytes             that follow, one or more
 *
 * A list, as it is in LISTS:
 *
 *   varint            count: rows (7 bits a byte, lowest first)
 *   zeros             up to a multiple of 4 bytes in LISTS, if there are whole blocks
 *   ranked_block × n  n = count / 128 whole blocks
 *   bits              of each whole block: 128 rows, then 128 frequencies (ranked_pack.h)
 *   the tail          of the other m = count % 128 rows, if there are any
 *
 * A tail:
 *
 *   u8                the bound, as ranked_block has it
 *   u8                bits of a frequency in the low three bits: 0, 1, 2, 3, 4, 8, 16 or 32; of a
 *                     position in the high five: 0 to 30, and 31 for 32 of them
 *   bits              lowest first: the rows; the frequencies, each less one; the positions
 *
 * The rows of a tail are in the code of Elias and Fano (Vigna: Quasi-succinct indices, WSDM 2013).
 * Let `first` be the row behind the whole blocks, and x of row number i be row - first - i, which
 * is at most span = rows of the segment - first - m. With l = floor(log2(span / m)), or 0: of each
 * x the l lowest bits; then, of each x, as many zeros as x >> l is more than that of the x before,
 * and a one.
 *
 * Positions are differences to the one before in the row (of the first one: the position). Those of
 * a whole block are in POSITIONS, from a multiple of 4 bytes on, of position_bits each. POSITIONS
 * ends with RANKED_PADDING zero bytes, as LISTS.
 *
 * Lists without positions (RANKED_WITHOUT_POSITIONS) have no POSITIONS. In their blocks `positions`
 * and `position_bits` are 0, and a tail ends with the frequencies.
 *
 * Lists of weights (RANKED_OF_WEIGHTS) have neither positions nor the parts LENGTHS and LONGS.
 *
 * Formats 1 (with positions) and 2 (without) differ in this:
 *
 *   - a block of terms is one term, as it is;
 *   - lengths are of u16;
 *   - a list begins at a multiple of 4 bytes with its count as u32, and so do its blocks;
 *   - a tail is a u8, the bound; then varints: of each row its difference to the row before, less
 *     one (of the first row of a list: the row), and its frequency, less one; then the positions.
 */
typedef struct ranked_block {
    uint32_t last;      /* row */
    uint32_t bits;      /* offset of its bits, in units of 4 bytes behind the blocks of the list */
    uint32_t positions; /* offset in POSITIONS, in units of 4 bytes */
    uint8_t row_bits, freq_bits, position_bits;
    uint8_t bound; /* of what the weight is multiplied with, in units of 1 / 255, rounded up */
} ranked_block;

#define RANKED_PADDING 16u

static_assert(sizeof(ranked_block) == 16, "a block of ranked lists has 16 bytes on disk");

/* Opened lists. They own no memory: parts must live as long as they are used. */
typedef struct ranked_lists {
    ranked_head head; /* a copy: the sizes of all parts, which have been checked */
    invert_packed ends, starts;
    const uint8_t *terms;
    uint64_t terms_size;
    const uint8_t *lists;
    uint64_t lists_size;
    const uint8_t *positions; /* NULL: the lists have none */
    uint64_t positions_size;
    const uint8_t *byte_lengths; /* NULL: they are in `lengths` */
    const uint16_t *lengths;
    const uint32_t *longs;
    const float *most; /* NULL: lists of a text */
} ranked_lists;

/* Open lists over their parts. Checks the head and all sizes; the contents of parts are checked
 * wherever they are read. MV_CORRUPT: a check failed. MV_WRONG_VERSION: a newer format. */
mv_err ranked_open(const index_part *parts, uint32_t parts_count, uint32_t rows,
                   ranked_lists *lists, mv_error *error);
/* The same for lists of weights. */
mv_err ranked_open_weights(const index_part *parts, uint32_t parts_count, uint32_t rows,
                           ranked_lists *lists, mv_error *error);

/* Check everything: the dictionary is in order, each list has its rows in order, and positions.
 * MV_CORRUPT. */
mv_err ranked_check(const ranked_lists *lists, mv_error *error);

/* Are both the lists of the same rows? For lists that have been checked, of any format, both of a
 * text or both of weights. MV_CORRUPT: they differ. */
mv_err ranked_compare(const ranked_lists *a, const ranked_lists *b, mv_error *error);

/* ---------------------------------------------------------------- terms and lists */

#define RANKED_NONE UINT32_MAX

/* The terms from position *first to before *end: that term, if it is there, or with `as_prefix` all
 * that begin with it. MV_CORRUPT. */
mv_err ranked_find(const ranked_lists *lists, const char *term, uint32_t size, bool as_prefix,
                   uint32_t *first, uint32_t *end, mv_error *error);

/* A reader of terms, in their order. */
typedef struct ranked_term {
    const ranked_lists *lists;
    uint32_t at;   /* the current one; head->terms: the reader is behind the last one */
    uint32_t size; /* of its bytes */
    char bytes[RANKED_TERM_MAX];
    const uint8_t *next, *end; /* the rest of its block */
} ranked_term;

/* Go to a term, or behind the last one. MV_CORRUPT. */
mv_err ranked_term_at(ranked_term *term, const ranked_lists *lists, uint32_t at, mv_error *error);
/* Go to the next one. MV_CORRUPT. */
mv_err ranked_term_next(ranked_term *term, mv_error *error);

/* The largest magnitude of a term, of lists of weights. MV_CORRUPT. */
mv_err ranked_most(const ranked_lists *lists, uint32_t at, float *most, mv_error *error);
/* The term of an index of a sparse vector. Returns its size. */
#define RANKED_INDEX_SIZE 5u
uint32_t ranked_index_term(uint32_t index, bool is_negative, char term[RANKED_INDEX_SIZE]);
/* The length of a row that is in LONGS. */
uint32_t ranked_long_length(const ranked_lists *lists, uint32_t row);
/* The length of a row, of lists of a text. */
static inline uint32_t ranked_length(const ranked_lists *lists, uint32_t row)
{
    uint32_t most = lists->byte_lengths ? UINT8_MAX : UINT16_MAX,
             length = lists->byte_lengths ? lists->byte_lengths[row] : lists->lengths[row];
    return MV_LIKELY(length < most) ? length : ranked_long_length(lists, row);
}

/* Where a reader of one list is. A cursor is at a block; its rows are read when they are needed.
 * Large: 1.3 KB. */
typedef struct ranked_cursor {
    const ranked_lists *lists;
    const ranked_block *blocks;
    const uint8_t *bits, *tail, *end; /* behind the blocks; behind the list, or what bounds it */
    uint32_t count;                   /* of rows in the list */
    uint32_t blocks_count;            /* whole ones */
    uint32_t block;      /* the current one; blocks_count: the tail; more: the list has ended */
    uint32_t read_block; /* whose rows are in `rows`; RANKED_NONE: none */
    uint32_t read_count; /* of them */
    uint32_t at;         /* in `rows`: for ranked_cursor_freq */
    uint32_t tail_last;  /* last row of the tail */
    uint8_t tail_bound, tail_position_bits;
    uint64_t tail_positions;                  /* the bit of the tail at which they begin */
    const uint32_t *given_rows, *given_freqs; /* instead of a list; NULL: none */
    uint32_t rows[RANKED_BLOCK]; /* behind those read: UINT32_MAX, for ranked_cursor_find */
    uint32_t freqs[RANKED_BLOCK];
} ranked_cursor;

/* MV_CORRUPT: a list is damaged. */
mv_err ranked_cursor_damaged(mv_error *error);
/* The rows of a list. MV_CORRUPT. */
mv_err ranked_cursor_count(const ranked_lists *lists, uint32_t term, uint32_t *count,
                           mv_error *error);
/* Begin to read the list of a term. MV_CORRUPT. */
mv_err ranked_cursor_begin(ranked_cursor *cursor, const ranked_lists *lists, uint32_t term,
                           mv_error *error);
/* Begin to read `count` rows, one or more, ascending, and their frequencies instead of a list. They
 * are lent, and so are `blocks`: count / RANKED_BLOCK of them, which are filled. Such a cursor has
 * no positions. */
void ranked_cursor_of_rows(ranked_cursor *cursor, const ranked_lists *lists, const uint32_t *rows,
                           const uint32_t *freqs, uint32_t count, ranked_block *blocks);
/* The last row of the current block; UINT32_MAX: the list has ended. */
static inline uint32_t ranked_cursor_last(const ranked_cursor *cursor)
{
    if (cursor->block < cursor->blocks_count) return cursor->blocks[cursor->block].last;
    return cursor->block == cursor->blocks_count && cursor->count % RANKED_BLOCK ? cursor->tail_last
                                                                                 : UINT32_MAX;
}
/* Bound of the current block, in units of 1 / 255; 0: the list has ended. */
static inline uint32_t ranked_cursor_bound(const ranked_cursor *cursor)
{
    if (cursor->block < cursor->blocks_count) return cursor->blocks[cursor->block].bound;
    return cursor->block == cursor->blocks_count && cursor->count % RANKED_BLOCK
               ? cursor->tail_bound
               : 0;
}
/* Go to the first block, from the current one on, whose last row is `row` or more. */
void ranked_cursor_skip(ranked_cursor *cursor, uint32_t row);
/* Read the rows and frequencies of the current block. False: it is damaged. */
bool ranked_cursor_read(ranked_cursor *cursor);
/* The first row of the block that has been read that is not before `row`, and there is one. The
 * steps depend neither on how many rows the block has nor on what is compared. */
static inline uint32_t ranked_cursor_find(const ranked_cursor *cursor, uint32_t row)
{
    uint32_t at = 0;
    for (uint32_t step = RANKED_BLOCK / 2; step; step /= 2)
        at += step & -(uint32_t)(cursor->rows[at + step - 1] < row);
    return at;
}
/* How often `row` has the term; 0: not. Rows must be asked for in ascending order. False: damaged.
 */
bool ranked_cursor_freq(ranked_cursor *cursor, uint32_t row, uint32_t *freq);
/* The same for `count` rows, ascending: freqs[i] is how often rows[i] has the term. */
bool ranked_cursor_freqs(ranked_cursor *cursor, const uint32_t *rows, uint32_t count,
                         uint32_t *freqs);
/* Do the lists, which have positions, have as many as the frequency of the row that
 * ranked_cursor_freq has found says? A damaged frequency is no size to allocate. */
bool ranked_cursor_has_positions(const ranked_cursor *cursor);
/* The positions of that row: `freq` numbers, ascending. False: damaged. */
bool ranked_cursor_positions(const ranked_cursor *cursor, uint32_t *positions);
/* How many positions the rows of the block that has been read have together. False: damaged. */
bool ranked_cursor_count_positions(const ranked_cursor *cursor, uint32_t *count);
/* These positions, row after row. False: damaged. */
bool ranked_cursor_all_positions(const ranked_cursor *cursor, uint32_t *positions);

/* ---------------------------------------------------------------- searching */

typedef struct ranked_query {
    const ranked_lists *lists;
    const float *weights;    /* of the terms; the same for all segments of a collection */
    ranked_cursor **cursors; /* of their lists; NULL: no row has the term */
    uint32_t count;          /* of terms */
    float c, d;              /* of lists of a text */
    const uint64_t *matches; /* bit set: the row may be a hit; NULL: all may */
    uint32_t matching;       /* how many these are */
    uint32_t source;         /* topk_entry.source of the hits */
    const uint64_t *docids;  /* of all rows */
} ranked_query;

typedef struct ranked_counts {
    uint64_t blocks_read, blocks_skipped; /* of lists */
} ranked_counts;

/* Push the best rows to `hits`, with -score as their distance: all that match and have a term, or
 * the best ones if there are more. A score does not depend on the other rows of the lists, nor on
 * the order in which it was added up. `memory` are ranked_search_size bytes, aligned to 64.
 * MV_CORRUPT. */
size_t ranked_search_size(uint32_t leaves);
mv_err ranked_search(const ranked_query *query, topk *hits, void *memory, ranked_counts *counts,
                     mv_error *error);

/* The same score of one row, which need not be in lists: `freqs` for each of `count` weights. */
float ranked_search_score(const float *weights, const uint32_t *freqs, uint32_t count, float c,
                          float d, uint32_t length);

/* ---------------------------------------------------------------- building */

typedef struct ranked_builder ranked_builder;

/* Begin lists over `rows` rows, with bounds for BM25 by k1 and b, and with positions or without. */
mv_err ranked_build_begin(uint32_t rows, float k1, float b, bool has_positions,
                          ranked_builder **out, mv_error *error);
/* Add an occurrence of a term: by ascending row, and in a row by ascending position. Terms that
 * share a position are alternatives: they count once for the length. MV_NO_MEMORY. MV_LIMIT. */
mv_err ranked_build_add(ranked_builder *b, uint32_t row, const char *term, uint32_t size,
                        uint32_t position, mv_error *error);
/* Add the occurrences of a term that is in other lists of a text, in rows that get no others of it:
 * the next block of its rows, as new rows, ascending; INDEX_ROW_DELETED ones are left out.
 * `positions` of all of them, row after row; NULL: the lists have none. Lengths are not changed.
 * MV_CORRUPT: a row does not ascend. MV_NO_MEMORY. MV_LIMIT. */
mv_err ranked_build_add_rows(ranked_builder *b, const char *term, uint32_t size,
                             const uint32_t *rows, const uint32_t *freqs, uint32_t count,
                             const uint32_t *positions, mv_error *error);
/* Set the length of a row whose terms are added by ranked_build_add_rows. */
void ranked_build_set_length(ranked_builder *b, uint32_t row, uint32_t length);
/* After all rows: work until `until` (os_seconds), at least a little. *more is false when the lists
 * are complete. */
mv_err ranked_build_step(ranked_builder *b, double until, bool *more, mv_error *error);
/* The parts of the complete lists, lent by the builder. Returns their number. */
uint32_t ranked_build_parts(const ranked_builder *b, index_part parts[RANKED_PARTS_MAX]);
uint64_t ranked_build_bytes(const ranked_builder *b); /* allocated */
void ranked_build_free(ranked_builder *b);            /* NULL is fine */

/* A reader of the lists of a text that adds them to a builder (ranked_merge.c). Begins as zeros. */
typedef struct ranked_merge {
    const ranked_lists *lists;
    const uint32_t *rows; /* index_base.rows */
    ranked_term term;     /* the next one */
    ranked_cursor *cursor;
    mem_buffer positions; /* of a block */
} ranked_merge;

/* Begin to read lists, which are lent, and set the lengths of their rows. MV_CORRUPT. */
mv_err ranked_merge_begin(ranked_merge *m, ranked_builder *b, const ranked_lists *lists,
                          const uint32_t *rows, mv_error *error);
/* Add some lists. *more is false when all were added. MV_CORRUPT. */
mv_err ranked_merge_step(ranked_merge *m, ranked_builder *b, bool *more, mv_error *error);
void ranked_merge_end(ranked_merge *m);

#endif
