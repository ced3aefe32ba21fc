/* Inverted lists: for each value of a scalar or array column the rows that have it.
 *
 * The distinct values, sorted, are the dictionary. ROWS has the rows sorted by (value, row). So
 * every test of a value (equal, below, between, beginning with) is a range of positions in the
 * dictionary and a slice of ROWS. Long slices are not read row by row. For scalars there are
 * bitmaps of the rows before certain positions of ROWS (marks), for arrays bitmaps of long lists.
 * With these, at most a few rows in a hundred are set one by one.
 *
 * Lists are a set of arrays, the parts, in a mapped file or in the memory of the builder. They are
 * built once and never changed. NULL rows are in no list. */
#ifndef MV_INVERT_H
#define MV_INVERT_H

#include "index/index.h"

/* ---------------------------------------------------------------- lists */

/* The parts. Their numbers are part of the file format. VALUES, STARTS and ROWS are packed
 * sequences (invert_pack.h): an array of blocks in the part itself, their bits in the part after
 * it. */
typedef enum invert_part_kind {
    INVERT_PART_HEAD = 0,        /* invert_head */
    INVERT_PART_VALUES = 1,      /* for each value: a number's order key (base/order_key.h), or the
                                  * end of a string in TEXT. Ascending */
    INVERT_PART_VALUES_BITS = 2, /* its bits */
    INVERT_PART_TEXT = 3,        /* strings only: all values, one behind the other */
    INVERT_PART_STARTS = 4, /* values + 1 numbers: where the rows of each value begin in ROWS */
    INVERT_PART_STARTS_BITS = 5, /* its bits */
    INVERT_PART_ROWS = 6,        /* row numbers, ordered by value, then by row */
    INVERT_PART_ROWS_BITS = 7,   /* its bits */
    INVERT_PART_MARKS = 8,       /* u32 for each mark, ascending (invert_head) */
    INVERT_PART_BITMAPS = 9,     /* a bitmap of all rows for each mark */
    INVERT_PART_KINDS
} invert_part_kind;

#define INVERT_PARTS_MAX INVERT_PART_KINDS

/* The head, as it is in the file.
 *
 *   offset  size  meaning
 *        0     4  format: INVERT_FORMAT
 *        4     4  type: mv_type of the column
 *        8     4  rows of the segment
 *       12     4  values: number of distinct values
 *       16     4  entries: sum of the lengths of all lists
 *       20     4  marks
 *       24     4  has_rows: 1 if there is a part ROWS, else 0
 *       28     4  reserved: 0
 *
 * A mark of a scalar is a position in ROWS; its bitmap has the rows before it. If there are at most
 * INVERT_MARKS_MAX + 1 values, every list begins at a mark, and ROWS is left out. A mark of an
 * array is a value; its bitmap has the rows of its list. */
typedef struct invert_head {
    uint32_t format;
    uint32_t type;
    uint32_t rows;
    uint32_t values;
    uint32_t entries;
    uint32_t marks;
    uint32_t has_rows;
    uint32_t reserved;
} invert_head;

#define INVERT_FORMAT 1u
/* Marks of scalars. They cut ROWS into 16 equal parts, so that at each end of a slice at most a
 * 32nd of ROWS is set row by row. */
#define INVERT_MARKS_MAX 15u
/* Arrays: a list has a bitmap when at least one row in this many is in it. The bitmap then takes 16
 * bits or less for each row of the list, and is taken over in a sixteenth of the time in which the
 * rows are marked one by one (INVERT_COST_ROW_NS). */
#define INVERT_BITMAP_ONE_IN 16u

static_assert(sizeof(invert_head) == 32, "the head of inverted lists has 32 bytes on disk");

/* A packed sequence of numbers (invert_pack.h). */
typedef struct invert_packed {
    const struct invert_block *blocks;
    const uint8_t *bits;
    uint64_t bits_size;
    uint32_t count;
} invert_packed;

/* Opened lists. They own no memory: parts and NULLs must live as long as they are used. */
typedef struct invert_lists {
    const invert_head *head;
    mv_type type; /* of a value: without MV_ARRAY */
    bool is_array;
    const uint64_t *nulls; /* of the column */
    invert_packed values;
    const uint8_t *text;
    uint64_t text_size;
    invert_packed starts;
    invert_packed rows;
    const uint32_t *marks;
    const uint64_t *bitmaps;
    index_part parts[INVERT_PARTS_MAX]; /* what they were opened from */
    uint32_t parts_count;
} invert_lists;

/* Open lists over their parts. Of `column` the type, the number of rows and the NULLs are used.
 * Checks the head and all sizes; the contents of parts are checked wherever they are read.
 * MV_CORRUPT: a check failed. MV_WRONG_VERSION: a newer format. */
mv_err invert_open(const index_part *parts, uint32_t parts_count, const index_column *column,
                   invert_lists *lists, mv_error *error);

/* Are these the lists of this column, byte for byte? Builds the lists again to compare, which takes
 * as much memory as building (invert_build_bytes). MV_CORRUPT: no. */
mv_err invert_check(const invert_lists *lists, const index_column *column, mv_error *error);

/* ---------------------------------------------------------------- searching */

/* Values [first, end) of the dictionary. */
typedef struct invert_range {
    uint32_t first;
    uint32_t end;
} invert_range;

/* All of these fail with MV_CORRUPT if they find damage. */

/* The position of the first number whose order key is at least `key`; with `after`: above `key`.
 * values.count if there is none. */
mv_err invert_search_number(const invert_lists *lists, uint64_t key, bool after, uint32_t *position,
                            mv_error *error);
/* The same for strings. With `as_prefix` only the first `size` bytes of each are compared. */
mv_err invert_search_text(const invert_lists *lists, const uint8_t *text, size_t size, bool after,
                          bool as_prefix, uint32_t *position, mv_error *error);
/* The order keys of values [first, first + count); count is at most 64. */
mv_err invert_search_read_numbers(const invert_lists *lists, uint32_t first, uint32_t count,
                                  uint64_t keys[64], mv_error *error);
/* The same for strings: value first + i is lists->text[ends[i] .. ends[i + 1]). */
mv_err invert_search_read_texts(const invert_lists *lists, uint32_t first, uint32_t count,
                                uint64_t ends[65], mv_error *error);
/* The sum of the lengths of the lists in the range. For scalars that is the number of rows; a row
 * of an array can be in several lists. */
mv_err invert_search_count(const invert_lists *lists, invert_range range, uint32_t *rows,
                           mv_error *error);
/* Scalars: the rows in the range, in no order. `rows` has space for as many as invert_search_count
 * says. head->has_rows must be set. */
mv_err invert_search_list(const invert_lists *lists, invert_range range, uint32_t *rows,
                          mv_error *error);
/* About how many nanoseconds invert_search_add takes. Fitted by `./run bench fit`: the time to
 * decode a row and set its bit (1.1 to 1.2 where the bitmap is in a cache, more elsewhere), and the
 * words of a range's two bitmaps that are taken over in a nanosecond. */
#define INVERT_COST_ROW_NS       2u
#define INVERT_COST_WORDS_PER_NS 2u
mv_err invert_search_cost(const invert_lists *lists, invert_range range, uint64_t *cost,
                          mv_error *error);
/* Set the bits of all rows in the range. For scalars none of these bits may be set before. After a
 * failure `bits` is undefined. */
mv_err invert_search_add(const invert_lists *lists, invert_range range, uint64_t *bits,
                         mv_error *error);

/* ---------------------------------------------------------------- building */

typedef struct invert_builder invert_builder;

/* Create a builder. `column` must live as long as the builder. */
mv_err invert_build_begin(const index_column *column, invert_builder **out, mv_error *error);
/* Build until the time `until` (os_seconds), at least one step. *more is false when the lists are
 * finished. MV_CORRUPT: a cell is damaged. MV_LIMIT: more than 2^32 - 2 elements. */
mv_err invert_build_step(invert_builder *b, double until, bool *more, mv_error *error);
void invert_build_progress(const invert_builder *b, uint64_t *done, uint64_t *total);
/* The parts of the finished lists; returns how many. Valid until the builder is freed. */
uint32_t invert_build_parts(const invert_builder *b, index_part parts[INVERT_PARTS_MAX]);
/* Bytes that the builder has allocated: at most 64 for each value (of arrays: each element), 4 for
 * each row, and 64 KiB, plus the strings. Memory that equal values do not need is never touched. */
uint64_t invert_build_bytes(const invert_builder *b);
void invert_build_free(invert_builder *b); /* NULL is fine */

#endif
