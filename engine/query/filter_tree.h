/* Internals of filters: the tree that the parser makes and the evaluator walks, and what their
 * files share.
 *
 *   filter_lex.c      text -> tokens
 *   filter_parse.c    tokens -> tree (filter_compile)
 *   filter_check.c    one test: field, operator and literals -> checked leaf
 *   filter_set.c      the values of IN, CONTAIN_ANY and CONTAIN_ALL
 *   filter_like.c     LIKE patterns
 *   filter_fold.c     folding case: ILIKE, COLLATE NOCASE
 *   filter_cells.c    64 cells of variable size, read together
 *   filter_text.c     tests of strings, 64 cells at once
 *   filter_array.c    tests of arrays
 *   filter_compare.c  the loops over columns of numbers
 *   filter_lookup.c   one test by inverted lists
 *   filter_table.c    a filter bound to a table: which tests the lists answer, which are scanned
 *   filter_eval.c     tree × rows -> bitmap (filter_eval_block)
 *
 * The tree is in negation normal form (I17): the parser never makes a NOT node, it turns AND into
 * OR and OR into AND below a NOT and marks the leaves as negated (De Morgan holds in three-valued
 * logic too). Without NOT above them, AND and OR are monotone, so that "unknown" and "false" have
 * the same effect: the row does not match. So a leaf answers with one bitmap, "is true", in which
 * NULL rows are unset whether it is negated or not. No second bitmap for "unknown" is needed. */
#ifndef MV_FILTER_TREE_H
#define MV_FILTER_TREE_H

#include <string.h>

#include "base/error.h"
#include "base/order_key.h"
#include "query/filter.h"

/* ---------------------------------------------------------------- tokens */

typedef enum filter_op {
    FILTER_EQ = 1,
    FILTER_NE,
    FILTER_LT,
    FILTER_LE,
    FILTER_GT,
    FILTER_GE,
} filter_op;

typedef enum filter_token_kind {
    FILTER_TOKEN_END = 0,
    FILTER_TOKEN_WORD,     /* a name or keyword: letters, digits, '_' */
    FILTER_TOKEN_VALUE,    /* a number or string: `value` */
    FILTER_TOKEN_OPERATOR, /* a comparison: `op` */
    FILTER_TOKEN_OPEN,     /* ( */
    FILTER_TOKEN_CLOSE,    /* ) */
    FILTER_TOKEN_COMMA,
    FILTER_TOKEN_ARGUMENT, /* ? */
} filter_token_kind;

typedef struct filter_token {
    filter_token_kind kind;
    filter_op op;
    const char *text; /* its first byte in the source */
    size_t size;      /* its bytes in the source */
    mv_value value;   /* a string points into the source; into the arena if it contains quotes */
} filter_token;

/* Read the token at or after source->text[*at] and move *at behind it. */
mv_err filter_lex(const mv_filter *source, size_t *at, mem_arena *arena, filter_token *out,
                  mv_error *error);

/* How many `?` the text has outside of strings. */
uint32_t filter_lex_count_arguments(const mv_filter *source);

/* Is the token this keyword (given in upper case)? */
bool filter_lex_word_is(const filter_token *token, const char *keyword);

/* The token as messages show it: in quotes, at most 40 bytes, with '?' for control characters; the
 * end of the text as "the end". */
#define FILTER_QUOTE_SIZE 48
const char *filter_lex_quote(const filter_token *token, char out[FILTER_QUOTE_SIZE]);

/* Fail with "filter:COLUMN: message", where COLUMN is the byte of `at` in the source, from 1. */
mv_err filter_lex_fail(const mv_filter *source, const char *at, mv_err code, mv_error *error,
                       const char *format, ...) MV_PRINTF(5, 6);

/* ---------------------------------------------------------------- cells */

/* 64 cells of variable size that follow each other: cell i is bytes[ends[i] .. ends[i + 1]). Behind
 * each cell FILTER_CELLS_PADDING bytes can be read. So loops without branches can read more than a
 * cell has. */
#define FILTER_CELLS_PADDING 32u
typedef struct filter_cells {
    const uint8_t *bytes;
    uint64_t readable; /* bytes from `bytes` on */
    uint32_t ends[65];
} filter_cells;

/* The cells from first_row on. False: an offset is damaged, or the cells are at the end of the
 * column, or have 2 GiB or more. Then they have to be tested one by one. */
bool filter_cells_load(const table_column *column, uint32_t first_row, filter_cells *out);

/* ---------------------------------------------------------------- sets */

/* A value of a set: a number or a string. */
typedef struct filter_key {
    uint64_t number; /* the bits of a number, widened by zeros, -0.0 as 0.0; or a string's size */
    const uint8_t *bytes; /* of a string; NULL for a number */
} filter_key;

/* What a probe compares: of a number, its bits; of a string, its first 8 bytes, filled up with
 * zeros, and its size. */
typedef struct filter_head {
    uint64_t word;
    uint64_t size; /* of a number: 0 */
} filter_head;

/* Is a value in a set? Without a branch: a hash selects a slot, the slot a head, and the value is
 * compared with that head alone, since no two heads of the set have the same slot. A free slot
 * selects head 0, which is in another slot and so differs from all values of the free one. */
typedef struct filter_probe {
    filter_head *heads;
    uint8_t *slots; /* positions in `heads` */
    uint64_t factor;
    uint32_t shift;
    uint32_t heads_count;
    bool is_exact; /* no string of the set has more than 8 bytes: equal heads are equal values */
} filter_probe;

#define FILTER_HEADS_MAX 256u

/* The distinct values of a list: an open-addressing hash table of positions in `keys`. */
typedef struct filter_set {
    filter_key *keys;
    uint32_t *slots; /* position + 1, or 0 if the slot is free; at most a quarter is used */
    uint32_t count;
    uint32_t slots_count; /* a power of two */
    uint64_t seed;       /* of the hash: from an address, so that input cannot be made to collide */
    filter_probe *probe; /* NULL: the set has too many values */
} filter_set;

#define FILTER_SET_NONE UINT32_MAX /* no position */

mv_err filter_set_create(mem_arena *arena, filter_set **out, mv_error *error);
/* Add a value unless the set has it. A string is copied into the arena. */
mv_err filter_set_add(filter_set *set, filter_key key, mem_arena *arena, mv_error *error);
/* After the last value: make the probe. */
mv_err filter_set_finish(filter_set *set, mem_arena *arena, mv_error *error);
/* Position of the value in `keys`, or FILTER_SET_NONE. */
uint32_t filter_set_find(const filter_set *set, filter_key key);
/* Unset the bits of `mask` whose values, of a fixed type, are not in the set (with `negated`: are
 * in the set). */
void filter_set_mask(const filter_set *set, mv_type type, const uint8_t *values, uint32_t count,
                     bool negated, uint64_t *mask);

/* The key of a cell, or of an element of an array. `type` is that of a single value. */
filter_key filter_set_key_of(mv_type type, const uint8_t *bytes, size_t size);

/* The head of a string. 8 bytes must be readable, however few it has. */
static inline filter_head filter_head_of(const uint8_t *bytes, uint32_t size)
{
    filter_head head = {.size = size};
    memcpy(&head.word, bytes, sizeof head.word);
    if (size < sizeof head.word) head.word &= ((uint64_t)1 << 8 * size) - 1;
    return head;
}
/* The slot of a head. */
static inline size_t filter_probe_slot(const filter_probe *p, filter_head head)
{
    return (size_t)((head.word ^ head.size * 0x9e3779b97f4a7c15u) * p->factor >> p->shift);
}
/* Does the set have a value with this head? Then *at is the position of the head. */
static inline bool filter_probe_has(const filter_probe *p, filter_head head, uint32_t *at)
{
    const filter_head *own = &p->heads[ *at = p->slots[filter_probe_slot(p, head)]];
    return ((own->word ^ head.word) | (own->size ^ head.size)) == 0;
}

/* ---------------------------------------------------------------- patterns */

typedef enum filter_like_kind {
    FILTER_LIKE_NOTHING = 1, /* matches no text: the pattern ends with its escape character */
    FILTER_LIKE_ANYTHING,    /* % */
    FILTER_LIKE_EXACT,       /* abc */
    FILTER_LIKE_PREFIX,      /* abc% */
    FILTER_LIKE_SUFFIX,      /* %abc */
    FILTER_LIKE_INFIX,       /* %abc% */
    FILTER_LIKE_GENERAL,
} filter_like_kind;

/* A compiled pattern. GENERAL: one atom for each literal byte, each `_` and each run of `%`. The
 * other kinds: the literal bytes. */
typedef struct filter_like {
    filter_like_kind kind;
    uint8_t *bytes; /* of literal atoms: the byte */
    uint8_t *atoms; /* GENERAL: the kind of each atom, private to filter_like.c */
    size_t size;    /* of both arrays */
} filter_like;

/* `escape` is a character of escape_size bytes; 0: the pattern has no escape character. `folds`:
 * the pattern is for folded texts (filter_fold.c). */
mv_err filter_like_compile(const char *pattern, size_t size, const char *escape, size_t escape_size,
                           bool folds, mem_arena *arena, filter_like *out, mv_error *error);
/* The pattern of all texts that begin with these bytes, which stay the caller's. */
filter_like filter_like_prefix(uint8_t *bytes, size_t size);
bool filter_like_match(const filter_like *like, const uint8_t *text, size_t size);
/* Search 64 cells for an INFIX pattern: returns those of the cells in question that match. */
uint64_t filter_like_search(const filter_like *like, const filter_cells *cells,
                            uint64_t in_question);

/* The size in bytes of the character at the start of `text`, which has at least one byte. 1 if it
 * is not valid UTF-8. */
size_t filter_like_character_size(const uint8_t *text, size_t size);

/* ---------------------------------------------------------------- folding case */

/* The simple case folding of a character: status C and S of Unicode's CaseFolding.txt. */
uint32_t filter_fold_character(uint32_t code_point);

/* A folded character takes at most half as many bytes more. */
#define FILTER_FOLD_SIZE_MAX(size) ((size) + (size) / 2)

/* Fold the characters of `text` into `out`, which has space for FILTER_FOLD_SIZE_MAX(size) bytes;
 * bytes that are not UTF-8 stay as they are. Returns the size of the folded text. */
size_t filter_fold_text(const uint8_t *text, size_t size, uint8_t *out);

/* Where cells are folded, one or 64 at a time. Starts with nothing but the arena. */
typedef struct filter_folded {
    mem_arena *arena;
    uint8_t *bytes;
    size_t space; /* size of `bytes` */
} filter_folded;

/* Replace the cell by its folded text, valid until the next call with `folded`. */
mv_err filter_fold_cell(filter_folded *folded, const uint8_t **bytes, uint64_t *size,
                        mv_error *error);
/* Replace the cells by their folded texts, valid until the next call with `folded`. Their bytes
 * must not be more than FILTER_FOLD_TOGETHER_MAX. */
#define FILTER_FOLD_TOGETHER_MAX ((size_t)256 << 10) /* about what the second-level cache holds */
mv_err filter_fold_cells(filter_folded *folded, filter_cells *cells, mv_error *error);

/* ---------------------------------------------------------------- the tree */

/* In place of a field's position: the id of the document. */
#define FILTER_FIELD_ID UINT32_MAX

typedef enum filter_kind {
    FILTER_CONSTANT = 1, /* as.truth, for every row, NULL or not */
    FILTER_IS_NULL,
    FILTER_RANGE,       /* number in as.range */
    FILTER_STRING,      /* string compared with as.string */
    FILTER_IN,          /* value in as.set */
    FILTER_LIKE,        /* string matches as.like */
    FILTER_MATCH,       /* text matches as.match */
    FILTER_LENGTH,      /* number of elements in as.range */
    FILTER_CONTAIN_ANY, /* some element is in as.set */
    FILTER_CONTAIN_ALL, /* every value of as.set is an element */
    FILTER_AND,
    FILTER_OR,
} filter_kind;

/* Closed range: a value is in it if value - low <= span, modulo the width of the type. The value of
 * a floating-point number is its order_real (base/order_key.h). */
typedef struct filter_range {
    uint64_t low;
    uint64_t span;
} filter_range;

typedef struct filter_node filter_node;

struct filter_node {
    filter_kind kind;
    bool negated;       /* leaves only: true where the test is false */
    bool folds;         /* tests of strings: the case is folded, in the node and of the cells */
    uint32_t field;     /* leaves: position of the field, or FILTER_FIELD_ID */
    mv_type type;       /* leaves: type of the field */
    const char *name;   /* leaves: name of the field, for messages; in the arena */
    uint32_t cost;      /* ns for 64 rows (filter_cost.h): members of a group are sorted by it */
    uint32_t or_depth;  /* the most OR nodes on a path from here to a leaf, this node included */
    uint32_t number;    /* unique, below nodes_count (I17) */
    uint64_t low, high; /* RANGE, IN of numbers: bounds of the order keys for which the test,
                         * without the negation, is true */
    filter_node *next;  /* next member of the same group */
    union {
        bool truth;
        filter_range range;
        struct {
            filter_op op; /* EQ, LT or GT; the other comparisons are negations of these */
            const uint8_t *bytes;
            size_t size;
        } string;
        filter_set *set;
        filter_like like;
        const filter_match *match;
        filter_node *members; /* AND, OR: cheapest first */
    } as;
};

struct filter {
    filter_node *root;
    uint32_t nodes_count;
    bool uses_id;
    const filter_match *matches;
    uint64_t fields[MV_FIELDS_MAX / 64]; /* bit f is set if field f is tested */
};

static_assert(MV_FIELDS_MAX % 64 == 0, "filter.fields has one bit for each field");

/* ---------------------------------------------------------------- parsing */

/* Parse the source into f->root, checked against the schema, with the arguments bound. */
mv_err filter_parse(const mv_schema *schema, const mv_filter *source, mem_arena *arena, filter *f,
                    mv_error *error);

/* ---------------------------------------------------------------- checking */

/* A value in the text of the filter. */
typedef struct filter_value {
    mv_value value;
    const char *at;    /* its position in the text, for messages */
    uint32_t argument; /* number of the argument, from 1; 0: a literal */
} filter_value;

/* What the functions of filter_check.c share. */
typedef struct filter_context {
    const mv_schema *schema;
    const mv_filter *source;
    mem_arena *arena; /* owns all that the tree consists of */
    filter *filter;   /* gets `fields`, `uses_id` and nodes_count */
    mem_buffer cell;  /* scratch; freed by the owner of the context */
    mv_error *error;
} filter_context;

/* Create a leaf for the field that the token names. Its test is still missing. */
mv_err filter_check_field(filter_context *c, const filter_token *name, bool negated,
                          filter_node **leaf);
/* Fail unless the field is of a single value, of a string, or an array. `test` is the operator that
 * the message names ("LIKE"), `at` its position in the text. */
mv_err filter_check_scalar(filter_context *c, const filter_node *leaf, const char *test,
                           const char *at);
mv_err filter_check_string(filter_context *c, const filter_node *leaf, const char *test,
                           const char *at);
mv_err filter_check_array(filter_context *c, const filter_node *leaf, const char *test,
                          const char *at);
/* The test of this leaf ignores case: COLLATE NOCASE, at `at`. Fail unless it is of a string. */
mv_err filter_check_nocase(filter_context *c, filter_node *leaf, const char *at);

/* Complete a leaf: check the values against the type of the field, and set kind, cost and data. The
 * result may be an equivalent leaf of a simpler kind. */
mv_err filter_check_compare(filter_context *c, filter_node *leaf, filter_op op,
                            const filter_value *value);
/* Can BETWEEN be one range? Otherwise (strings, NULL) it takes two comparisons. */
bool filter_check_can_span(const filter_node *leaf, const filter_value *from,
                           const filter_value *to);
mv_err filter_check_span(filter_context *c, filter_node *leaf, const filter_value *from,
                         const filter_value *to);
mv_err filter_check_length(filter_context *c, filter_node *leaf, filter_op op,
                           const filter_value *value);
mv_err filter_check_like(filter_context *c, filter_node *leaf, const filter_value *pattern,
                         const filter_value *escape);
mv_err filter_check_prefix(filter_context *c, filter_node *leaf, const filter_value *prefix);
mv_err filter_check_match(filter_context *c, filter_node *leaf, const filter_value *what,
                          const char *at);
void filter_check_null(filter_node *leaf);
/* Lists: begin, add each value, end. `kind` is FILTER_IN or one of FILTER_CONTAIN_. */
mv_err filter_check_list_begin(filter_context *c, filter_node *leaf, filter_kind kind);
mv_err filter_check_list_add(filter_context *c, filter_node *leaf, const filter_value *value);
mv_err filter_check_list_end(filter_context *c, filter_node *leaf);
void filter_check_constant(filter_node *leaf, bool truth);

/* ---------------------------------------------------------------- tests of strings */

static inline bool filter_text_compare(const filter_node *node, const uint8_t *bytes, size_t size)
{
    const uint8_t *wanted = node->as.string.bytes;
    size_t wanted_size = node->as.string.size;
    if (node->as.string.op == FILTER_EQ)
        return size == wanted_size && memcmp(bytes, wanted, size) == 0;
    int order = memcmp(bytes, wanted, size < wanted_size ? size : wanted_size);
    if (order == 0) order = size < wanted_size ? -1 : size > wanted_size;
    return node->as.string.op == FILTER_LT ? order < 0 : order > 0;
}

/* The result of a STRING, an IN or a LIKE for one string, before negation. If the node folds case,
 * the string must be folded. `bytes` is not NULL. Inline: a call would double the time of `=`. */
static inline bool filter_text_matches(const filter_node *node, const uint8_t *bytes, size_t size)
{
    if (node->kind == FILTER_STRING) return filter_text_compare(node, bytes, size);
    if (node->kind == FILTER_LIKE) return filter_like_match(&node->as.like, bytes, size);
    mv_assert(node->kind == FILTER_IN); /* no other kind tests strings */
    filter_key key = filter_set_key_of(node->type, bytes, size);
    return filter_set_find(node->as.set, key) != FILTER_SET_NONE;
}

/* Test 64 cells at once: *matching has the cells in question on entry, those of them that match,
 * before negation, on return. *is_done is false, and nothing was done, if the cells have to be
 * tested one by one. */
mv_err filter_text_search(const filter_node *node, filter_folded *folded,
                          const table_column *column, uint32_t first_row, uint64_t *matching,
                          bool *is_done, mv_error *error);

/* ---------------------------------------------------------------- tests of arrays */

/* The result of a CONTAIN_ANY, a CONTAIN_ALL or a LENGTH for one cell, before negation. `marks` is
 * that of the filter_state. False: the cell is damaged. */
bool filter_array_matches(const filter_node *node, const uint8_t *bytes, size_t size, uint32_t row,
                          uint32_t *marks, bool *result);
/* Test 64 cells at once: *matching has the cells in question on entry, those of them that match,
 * before negation, on return. False: nothing was done, the cells have to be tested one by one. */
bool filter_array_search(const filter_node *node, const table_column *column, uint32_t first_row,
                         uint32_t *marks, uint64_t *matching);

/* ---------------------------------------------------------------- by inverted lists */

/* What a test matches in the dictionary of its field. Runs of scalars are the matching values, in
 * ascending order and disjoint unless the lists are damaged; a negated test has the complement.
 * Runs of arrays are the values of the set that the dictionary has, one run each; negation is left
 * to filter_lookup_mark. */
typedef struct filter_lookup {
    const invert_lists *lists;
    invert_range *runs;
    uint32_t runs_count;
    bool is_none;       /* CONTAIN_ALL: a value of the set is in no row */
    uint32_t low, high; /* bounds of the number of matching rows */
    uint64_t cost;      /* rough nanoseconds that filter_lookup_mark takes */
} filter_lookup;

/* Rough nanoseconds that filter_lookup_find takes. UINT64_MAX: the lists cannot answer the test. */
uint64_t filter_lookup_price(const filter_node *leaf, const invert_lists *lists);
/* Find the matching values, and estimate their rows. Requires a price below UINT64_MAX. MV_CORRUPT:
 * the lists are damaged. */
mv_err filter_lookup_find(const filter_node *leaf, const invert_lists *lists, mem_arena *arena,
                          filter_lookup *out, mv_error *error);
/* Replace the runs of `into` by the values that are in both (`both`) or in at least one of the two
 * lookups. Both must be of the same scalar field. low, high and cost are unchanged: call
 * filter_lookup_weigh after the last merge to compute them again. */
mv_err filter_lookup_merge(filter_lookup *into, const filter_lookup *other, bool both,
                           mem_arena *arena, mv_error *error);
mv_err filter_lookup_weigh(filter_lookup *merged, mv_error *error);
/* Can the matching rows be listed? Only if their number is known exactly. */
static inline bool filter_lookup_can_list(const filter_lookup *lookup)
{
    const invert_lists *l = lookup->lists;
    return !l->is_array && l->head->has_rows && lookup->low == lookup->high;
}
/* Write the matching rows, in no order, to `rows`, which has space for lookup->high of them. */
mv_err filter_lookup_list(const filter_lookup *lookup, uint32_t *rows, mv_error *error);
/* Write a bitmap of the matching rows to `bits`. `spare` is scratch of the same size, needed by
 * CONTAIN_ALL. MV_CORRUPT: the lists are damaged. */
mv_err filter_lookup_mark(const filter_node *leaf, const filter_lookup *lookup, uint64_t *bits,
                          uint64_t *spare, mv_error *error);

/* ---------------------------------------------------------------- bound to a table */

/* How a node is evaluated. filter_table_begin makes the leaves SCAN, DEFERRED, FOUND or MERGED;
 * filter_table_mark goes on from there. */
typedef enum filter_stage {
    FILTER_SCAN = 0, /* by scanning rows */
    FILTER_DEFERRED, /* leaf: lists can answer, but finding the values is costly: only if it pays */
    FILTER_FOUND,    /* leaf: `lookup` has the matching values */
    FILTER_MARKED,   /* `bits` is the answer */
    FILTER_PARTLY,   /* AND, OR: `bits` is the answer of the members that are FILTER_DONE */
    FILTER_DONE,     /* member: its answer is in the bitmap of its group */
    FILTER_MERGED,   /* member: it is part of the lookup of another member, `merged_into` */
} filter_stage;

/* What is known about a node for one table. */
typedef struct filter_state {
    filter_stage stage;
    uint32_t low, high;   /* bounds of the number of matching rows */
    filter_lookup lookup; /* FOUND and later */
    uint64_t *bits;       /* MARKED, PARTLY: one bit for each row of the table */
    uint32_t *rows;       /* of a test for ids that were looked up: `high` rows; else NULL */
    uint32_t merged_into; /* MERGED: number of that node */
    bool is_merged;       /* other members are merged into this one */
    bool is_tried;        /* its group has tried to get its bitmap */
    uint32_t *marks; /* CONTAIN_ALL, SCAN: for each value of the set, the last row + 1 with it */
} filter_state;

struct filter_table {
    const filter *f;
    const table *t;
    filter_indexes indexes;
    mem_arena *arena;
    filter_state *states; /* by the number of the node */
    bool is_marked;       /* filter_table_mark is done */
    uint64_t *free_bits;  /* a bitmap of the table that is free to be used again, or NULL */
    uint64_t *spare; /* scratch of filter_eval.c: two bitmaps of a block for each OR on a path */
    filter_folded folded; /* scratch of filter_eval.c */
};

/* Estimate all tests. Starts again without the lists that are found damaged. */
mv_err filter_table_estimate_tests(filter_table *ft, mv_error *error);
/* Make the bitmaps of what the lists answer more cheaply than a scan, and allocate what scanning
 * the rest needs. */
mv_err filter_table_mark(filter_table *ft, mv_error *error);

/* Zones of a column of numbers, for a RANGE or an IN. Outside: the test, negation aside, is false
 * for every value of the zone. Inside: it is true for every value. */
static inline bool filter_zone_is_outside(const filter_node *leaf, const table_zone *zone)
{
    mv_assert(leaf->kind == FILTER_RANGE || leaf->kind == FILTER_IN);
    return leaf->high < zone->min || leaf->low > zone->max;
}
static inline bool filter_zone_is_inside(const filter_node *leaf, const table_zone *zone)
{
    return leaf->kind == FILTER_RANGE && leaf->low <= zone->min && zone->max <= leaf->high;
}

/* ---------------------------------------------------------------- comparing */

/* For each of `count` values of a fixed type: unset its bit in `mask` unless the value is in the
 * range (with `negated`: if it is in the range). Words of the mask that are 0 are skipped. */
void filter_compare_range(mv_type type, const uint8_t *values, uint32_t count,
                          const filter_range *range, bool negated, uint64_t *mask);

/* The same for a set with a probe: 3 to 10 times as fast as filter_set_mask. */
void filter_compare_set(mv_type type, const uint8_t *values, uint32_t count, const filter_set *set,
                        bool negated, uint64_t *mask);

/* Bit i is flags[i], which is 0 or 1. The product moves the lowest bits of eight bytes, without
 * carries between them, into the highest byte. */
static inline uint64_t filter_pack(const uint8_t flags[64])
{
    uint64_t packed = 0;
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, flags + i * 8, 8);
        packed |= (eight * 0x0102040810204080u >> 56) << (i * 8);
    }
    return packed;
}

#endif
