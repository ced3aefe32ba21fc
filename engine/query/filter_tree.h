/* Inside of filters: the tree between the parser and the evaluator, and what their files share.
 *
 *   filter_lex.c      text -> tokens
 *   filter_parse.c    tokens -> tree (filter_compile)
 *   filter_check.c    one test: field, operator and literals -> checked leaf
 *   filter_set.c      the values of IN and CONTAIN
 *   filter_like.c     LIKE patterns
 *   filter_compare.c  the loops over columns of numbers
 *   filter_lookup.c   one test by inverted lists
 *   filter_table.c    a filter before a table: what lists answer, and what is left
 *   filter_eval.c     tree × rows -> bitmap (filter_eval_block)
 *
 * The tree is in negation normal form: the parser never makes a NOT node, it turns AND into OR and
 * OR into AND below a NOT and marks the leaves as negated (De Morgan holds in three-valued logic
 * too). Without NOT above them, AND and OR are monotone, and there "unknown" and "false" end the
 * same: the row does not pass. So a leaf answers with one bitmap, "is true", in which NULL rows are
 * unset whether it is negated or not, and no second bitmap for "unknown" is carried anywhere. */
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
    const char *text; /* where it starts in the source */
    size_t size;      /* bytes of it there */
    mv_value
        value; /* strings point into the source, or into the arena when they have quotes inside */
} filter_token;

/* Read the token at or after text[*at] and move *at behind it. */
mv_err filter_lex(const mv_filter *source, size_t *at, mem_arena *arena, filter_token *out,
                  mv_error *error);

/* How many `?` the text has, those inside strings not counted. */
uint32_t filter_lex_count_arguments(const mv_filter *source);

/* Is the token this keyword (given in upper case)? */
bool filter_lex_word_is(const filter_token *token, const char *keyword);

/* The token for a message: quoted, cut short, without control characters; "the end" for the end. */
#define FILTER_QUOTE_SIZE 48
const char *filter_lex_quote(const filter_token *token, char out[FILTER_QUOTE_SIZE]);

/* Fail with "filter:COLUMN: message", the column being that of `at` in the source. */
mv_err filter_lex_fail(const mv_filter *source, const char *at, mv_err code, mv_error *error,
                       const char *format, ...) MV_PRINTF(5, 6);

/* ---------------------------------------------------------------- sets */

/* A value of a set: the bits of a number, widened (-0.0 as 0.0), with bytes NULL; or a string. */
typedef struct filter_key {
    uint64_t number; /* of a string: its size */
    const uint8_t *bytes;
} filter_key;

/* The values of a list without doubles: an open-addressing hash table of positions in `keys`. */
typedef struct filter_set {
    filter_key *keys;
    uint32_t *slots; /* position + 1, or 0; at most a quarter is in use */
    uint32_t count;
    uint32_t slots_count; /* a power of two */
    uint64_t seed;        /* differs by run, so that nobody can choose values that collide */
} filter_set;

#define FILTER_SET_NONE UINT32_MAX

mv_err filter_set_create(mem_arena *arena, filter_set **out, mv_error *error);
/* Add a value unless it is there. Copies strings into the arena. */
mv_err filter_set_add(filter_set *set, filter_key key, mem_arena *arena, mv_error *error);
/* Position of the value in `keys`, or FILTER_SET_NONE. */
uint32_t filter_set_find(const filter_set *set, filter_key key);
/* Unset the bits of `mask` whose values, of a fixed type, are not in the set (are, if negated). */
void filter_set_mask(const filter_set *set, mv_type type, const uint8_t *values, uint32_t count,
                     bool negated, uint64_t *mask);

/* The key of a cell, or of an array's element, of `type` (without MV_ARRAY). */
filter_key filter_set_key_of(mv_type type, const uint8_t *bytes, size_t size);

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

/* A pattern taken apart: one atom per byte to be found, per `_` and per run of `%`. The simple
 * kinds have literals only. */
typedef struct filter_like {
    filter_like_kind kind;
    uint8_t *bytes; /* the byte, for literal atoms */
    uint8_t *atoms; /* what each is: private to filter_like.c */
    size_t size;
} filter_like;

/* `escape` has escape_size bytes, 0 for none. */
mv_err filter_like_compile(const char *pattern, size_t size, const char *escape, size_t escape_size,
                           mem_arena *arena, filter_like *out, mv_error *error);
bool filter_like_match(const filter_like *like, const uint8_t *text, size_t size);
/* An infix pattern and 64 cells at once, which lie one behind the other: bit i of *pass = cell
 * first_row + i matches. False, and *pass untouched: some offset of them is damaged. */
bool filter_like_search(const filter_like *like, const table_column *column, uint32_t first_row,
                        uint64_t *pass);

/* Bytes of the character at the start of `text` (size 1 or more); 1 when it is no valid UTF-8. */
size_t filter_like_character_size(const uint8_t *text, size_t size);

/* ---------------------------------------------------------------- the tree */

/* Stands for the document's id where a field's position is asked for. */
#define FILTER_FIELD_ID UINT32_MAX

typedef enum filter_kind {
    FILTER_CONSTANT = 1, /* as.truth, for every row */
    FILTER_IS_NULL,
    FILTER_RANGE,       /* number in as.range */
    FILTER_STRING,      /* string compared with as.string */
    FILTER_IN,          /* value in as.set */
    FILTER_LIKE,        /* string matches as.like */
    FILTER_LENGTH,      /* number of elements in as.range */
    FILTER_CONTAIN_ANY, /* some element is in as.set */
    FILTER_CONTAIN_ALL, /* every value of as.set is an element */
    FILTER_AND,
    FILTER_OR,
} filter_kind;

/* Closed range: value - low <= span, modulo the width of the type, where the value of a
 * floating-point number is its order_real. */
typedef struct filter_range {
    uint64_t low;
    uint64_t span;
} filter_range;

typedef struct filter_node filter_node;

struct filter_node {
    filter_kind kind;
    bool negated;       /* leaves: true where the test is false */
    uint32_t field;     /* leaves: position, or FILTER_FIELD_ID */
    mv_type type;       /* of that field */
    const char *name;   /* and its name, for messages; in the arena */
    uint32_t cost;      /* ns for 64 rows (filter_cost.h): members of a group are sorted by it */
    uint32_t or_depth;  /* OR nodes on the longest way down from here, this one counted */
    uint32_t number;    /* among all nodes */
    uint64_t low, high; /* RANGE, and IN of numbers: the order keys that may pass, negation aside */
    filter_node *next;  /* in the same group */
    union {
        bool truth;
        filter_range range;
        struct {
            filter_op op; /* EQ, LT or GT: the others are their negations */
            const uint8_t *bytes;
            size_t size;
        } string;
        filter_set *set;
        filter_like like;
        filter_node *members; /* AND, OR: cheapest first */
    } as;
};

struct filter {
    filter_node *root;
    uint32_t nodes_count;
    bool uses_id;
    uint64_t fields[MV_FIELDS_MAX / 64]; /* bit f: field f is looked at */
};

/* ---------------------------------------------------------------- parsing */

/* Parse the source into f->root, checked against the schema, with the arguments bound. */
mv_err filter_parse(const mv_schema *schema, const mv_filter *source, mem_arena *arena, filter *f,
                    mv_error *error);

/* ---------------------------------------------------------------- checking */

/* A value in the filter: where it stands, what it is, and which argument it came from. */
typedef struct filter_value {
    mv_value value;
    const char *at;
    uint32_t argument; /* from 1; 0: a literal */
} filter_value;

/* What filter_check.c needs to know to make leaves. */
typedef struct filter_context {
    const mv_schema *schema;
    const mv_filter *source;
    mem_arena *arena;
    filter *filter;  /* notes the fields used */
    mem_buffer cell; /* scratch; the owner frees it */
    mv_error *error;
} filter_context;

/* A leaf without a test yet, of the field that the token names. */
mv_err filter_check_field(filter_context *c, const filter_token *name, bool negated,
                          filter_node **leaf);
/* Fail unless the field can be tested in this way. `test` is for the message: "LIKE". */
mv_err filter_check_scalar(filter_context *c, const filter_node *leaf, const char *test,
                           const char *at);
mv_err filter_check_string(filter_context *c, const filter_node *leaf, const char *test,
                           const char *at);
mv_err filter_check_array(filter_context *c, const filter_node *leaf, const char *test,
                          const char *at);

/* Complete a leaf. They may turn it into another kind of leaf that says the same. */
mv_err filter_check_compare(filter_context *c, filter_node *leaf, filter_op op,
                            const filter_value *value);
/* BETWEEN of numbers in one test. False: it takes two comparisons. */
bool filter_check_can_span(const filter_node *leaf, const filter_value *from,
                           const filter_value *to);
mv_err filter_check_span(filter_context *c, filter_node *leaf, const filter_value *from,
                         const filter_value *to);
mv_err filter_check_length(filter_context *c, filter_node *leaf, filter_op op,
                           const filter_value *value);
mv_err filter_check_like(filter_context *c, filter_node *leaf, const filter_value *pattern,
                         const filter_value *escape);
void filter_check_null(filter_node *leaf);
/* Lists: begin, add each value, end. `kind` is FILTER_IN or one of FILTER_CONTAIN_. */
mv_err filter_check_list_begin(filter_context *c, filter_node *leaf, filter_kind kind);
mv_err filter_check_list_add(filter_context *c, filter_node *leaf, const filter_value *value);
void filter_check_list_end(filter_node *leaf);
void filter_check_constant(filter_node *leaf, bool truth);

/* ---------------------------------------------------------------- by inverted lists */

/* What the lists of its field say to a test. */
typedef struct filter_lookup {
    const invert_lists *lists;
    invert_range *runs; /* of values; scalars: ascending, disjoint, those of what passes (negation
                         * is in them); arrays: one for each value of the set that is there */
    uint32_t runs_count;
    bool is_none;       /* CONTAIN_ALL: some value is in no row */
    uint32_t low, high; /* bounds of the number of rows that pass */
    uint64_t cost;      /* rough nanoseconds that filter_lookup_mark takes */
} filter_lookup;

/* Rough nanoseconds that filter_lookup_find takes; UINT64_MAX: it is no test for these lists. */
uint64_t filter_lookup_price(const filter_node *leaf, const invert_lists *lists);
/* Find the values. MV_CORRUPT: the lists are damaged. */
mv_err filter_lookup_find(const filter_node *leaf, const invert_lists *lists, mem_arena *arena,
                          filter_lookup *out, mv_error *error);
/* Let `into`, over the lists of the same scalar field, be what both say, or either. Then it has to
 * be weighed again: bounds and cost are those of before. */
mv_err filter_lookup_merge(filter_lookup *into, const filter_lookup *other, bool both,
                           mem_arena *arena, mv_error *error);
mv_err filter_lookup_weigh(filter_lookup *merged, mv_error *error);
/* The rows of the segment that pass, one by one in no order: lookup->high of them, into `rows`.
 * Only where it can tell: */
static inline bool filter_lookup_can_list(const filter_lookup *lookup)
{
    const invert_lists *l = lookup->lists;
    return !l->is_array && l->head->has_rows && lookup->low == lookup->high;
}
mv_err filter_lookup_list(const filter_lookup *lookup, uint32_t *rows, mv_error *error);
/* The rows of the segment that pass, into `bits`; `spare` is as large. MV_CORRUPT as above. */
mv_err filter_lookup_mark(const filter_node *leaf, const filter_lookup *lookup, uint64_t *bits,
                          uint64_t *spare, mv_error *error);

/* ---------------------------------------------------------------- before a table */

typedef enum filter_stage {
    FILTER_SCAN = 0, /* rows are looked at */
    FILTER_DEAR,     /* leaf: lists may answer, but finding the values takes a while */
    FILTER_FOUND,    /* leaf: `lookup` has the values */
    FILTER_MARKED,   /* `bits` is the answer */
    FILTER_PARTLY,   /* AND, OR: `bits` is the answer of some members, which are `FILTER_DONE` */
    FILTER_DONE,     /* the group answers for this member */
    FILTER_MERGED,   /* another member does, of the same field: `merged_into` */
} filter_stage;

typedef struct filter_state {
    filter_stage stage;
    uint32_t low, high; /* bounds of the number of rows that pass */
    filter_lookup lookup;
    uint64_t *bits;       /* of all rows of the table */
    uint32_t merged_into; /* number of the node */
    bool is_merged;       /* others are merged into this one */
    bool is_tried;        /* its group has asked for `bits` */
    uint32_t *marks;      /* CONTAIN_ALL, while rows are looked at */
} filter_state;

struct filter_table {
    const filter *f;
    const table *t;
    filter_indexes indexes;
    mem_arena *arena;
    filter_state *states; /* by number of the node */
    bool is_made;         /* what lists answer is in bitmaps */
    uint64_t *free_bits;  /* a bitmap that nobody needs any more, or NULL */
    uint64_t *spare;      /* of blocks: two for each OR on the way down */
};

/* Estimate all tests, again where lists were found damaged. */
mv_err filter_table_estimate_tests(filter_table *ft, mv_error *error);
/* Let lists answer what they can, and make ready for rows. */
mv_err filter_table_make(filter_table *ft, mv_error *error);

/* ---------------------------------------------------------------- comparing */

/* For each of `count` values of a fixed type: unset its bit in `mask` unless the value is in the
 * range (not in it, when negated). Words of the mask that are 0 are skipped. */
void filter_compare_range(mv_type type, const uint8_t *values, uint32_t count,
                          const filter_range *range, bool negated, uint64_t *mask);

/* The same for the values of a set, each compared with all of the column: faster than
 * filter_set_mask up to FILTER_FEW. */
#define FILTER_FEW 12u
void filter_compare_few(mv_type type, const uint8_t *values, uint32_t count, const filter_set *set,
                        bool negated, uint64_t *mask);

/* Bit i = flags[i], each 0 or 1. The product moves the lowest bits of eight bytes, none meeting
 * another, into the highest byte. */
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
