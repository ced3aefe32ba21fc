/* Inverted lists: for each value of a scalar or array column the rows that have it.
 *
 * The distinct values are sorted, and the rows are sorted by (value, row), so that every test of a
 * value - equal, below, between, beginning with - is a range of positions in the dictionary and a
 * slice of the rows. Long slices are not walked: bitmaps of what lies before certain places
 * (scalars), or of whole lists (arrays), leave at most a few rows in a hundred to be set one by
 * one.
 *
 * Lists are a set of arrays (parts) that lie in a mapped file or in the builder's memory; they are
 * built once and never changed. Rows that are NULL are in no list. */
#ifndef MV_INVERT_H
#define MV_INVERT_H

#include "index/index.h"

/* ---------------------------------------------------------------- lists */

/* The arrays, by which lists are kept in a file. The numbers are part of the format. VALUES are, of
 * numbers, their order keys (base/order_key.h), of strings where each ends in TEXT. STARTS has one
 * entry more than there are values: where in ROWS the rows of each begin. Three parts are packed
 * (invert_pack.h): an array of blocks, and their bits. */
typedef enum invert_part_kind {
    INVERT_PART_HEAD = 0, /* invert_head */
    INVERT_PART_VALUES = 1,
    INVERT_PART_VALUES_BITS = 2,
    INVERT_PART_TEXT = 3, /* of strings */
    INVERT_PART_STARTS = 4,
    INVERT_PART_STARTS_BITS = 5,
    INVERT_PART_ROWS = 6,
    INVERT_PART_ROWS_BITS = 7,
    INVERT_PART_MARKS = 8,   /* u32 × marks, ascending */
    INVERT_PART_BITMAPS = 9, /* a bitmap of all rows for each mark */
    INVERT_PART_KINDS
} invert_part_kind;

#define INVERT_PARTS_MAX INVERT_PART_KINDS

/* Everything about lists that is not an array, as it stands in a file. */
typedef struct invert_head {
    uint32_t format;  /* INVERT_FORMAT */
    uint32_t type;    /* mv_type, of the column */
    uint32_t rows;    /* of the segment */
    uint32_t values;  /* distinct ones */
    uint32_t entries; /* rows in all lists together */
    /* Scalars: a mark is a place in ROWS, its bitmap has the rows before it. With few values every
     * list begins at a mark, and there are no ROWS. Arrays: a mark is a value, its bitmap has the
     * rows of its list. */
    uint32_t marks;
    uint32_t has_rows;
    uint32_t reserved; /* zero */
} invert_head;

#define INVERT_FORMAT    1u
#define INVERT_MARKS_MAX 15u /* of scalars: what may be set one by one is a 32nd at each end */
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

/* Lists that can be searched. Own nothing. */
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
    index_part parts[INVERT_PARTS_MAX]; /* what they were made of */
    uint32_t parts_count;
} invert_lists;

/* Make lists of their parts; of `column` type, rows and NULLs are looked at. Sizes are checked, the
 * rest wherever it is used. MV_CORRUPT. */
mv_err invert_open(const index_part *parts, uint32_t parts_count, const index_column *column,
                   invert_lists *lists, mv_error *error);

/* Are these the lists of this column, in every byte? Builds them anew to know (invert_build_bytes
 * of memory). MV_CORRUPT. */
mv_err invert_check(const invert_lists *lists, const index_column *column, mv_error *error);

/* ---------------------------------------------------------------- searching */

/* Values [first, end) of the dictionary. */
typedef struct invert_range {
    uint32_t first;
    uint32_t end;
} invert_range;

/* All of these answer MV_CORRUPT where the lists are found damaged. */

/* The position of the first value that is not below the given one, or, with `after`, above it; of
 * numbers by order key. */
mv_err invert_search_number(const invert_lists *lists, uint64_t key, bool after, uint32_t *position,
                            mv_error *error);
/* The same of strings, of which with `as_prefix` only so many bytes count as `text` has. */
mv_err invert_search_text(const invert_lists *lists, const uint8_t *text, size_t size, bool after,
                          bool as_prefix, uint32_t *position, mv_error *error);
/* The numbers' keys of values [first, first + count), count at most 64. */
mv_err invert_search_read_numbers(const invert_lists *lists, uint32_t first, uint32_t count,
                                  uint64_t keys[64], mv_error *error);
/* The strings: value first + i is lists->text[ends[i] .. ends[i + 1]). */
mv_err invert_search_read_texts(const invert_lists *lists, uint32_t first, uint32_t count,
                                uint64_t ends[65], mv_error *error);
/* How many rows the lists of the range have together: of scalars so many different ones. */
mv_err invert_search_count(const invert_lists *lists, invert_range range, uint32_t *rows,
                           mv_error *error);
/* Those of scalars, as many as invert_search_count says, in no order. head->has_rows must be set.
 */
mv_err invert_search_list(const invert_lists *lists, invert_range range, uint32_t *rows,
                          mv_error *error);
/* About how many nanoseconds invert_search_add takes. Fitted by `./run bench fit`: the time to
 * decode a row and set its bit (1.1 to 1.2 where the bitmap is in a cache, more elsewhere), and the
 * words of a range's two bitmaps that are taken over in a nanosecond. */
#define INVERT_COST_ROW_NS       2u
#define INVERT_COST_WORDS_PER_NS 2u
mv_err invert_search_cost(const invert_lists *lists, invert_range range, uint64_t *cost,
                          mv_error *error);
/* Set the bits of all rows in the lists of the range. Of scalars none of them may be set already.
 * After a failure `bits` is undefined. */
mv_err invert_search_add(const invert_lists *lists, invert_range range, uint64_t *bits,
                         mv_error *error);

/* ---------------------------------------------------------------- building */

typedef struct invert_builder invert_builder;

/* Begin. `column` is lent until the builder is freed. */
mv_err invert_build_begin(const index_column *column, invert_builder **out, mv_error *error);
/* Work until `until` (os_seconds), at least a little. *more is false when the lists stand.
 * MV_CORRUPT: a cell is damaged. MV_LIMIT: more than 2^32 - 2 elements. */
mv_err invert_build_step(invert_builder *b, double until, bool *more, mv_error *error);
void invert_build_progress(const invert_builder *b, uint64_t *done, uint64_t *total);
/* The finished lists' parts, lent by the builder; returns how many. */
uint32_t invert_build_parts(const invert_builder *b, index_part parts[INVERT_PARTS_MAX]);
/* Bytes that the builder has allocated: at most 64 for each value (each element of an array), 4 for
 * each row and 64 KiB, beside strings; of which what many equal values do not need is never
 * touched. */
uint64_t invert_build_bytes(const invert_builder *b);
void invert_build_free(invert_builder *b); /* NULL is fine */

#endif
