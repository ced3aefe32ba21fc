/* Filters: text -> checked tree -> bitmap over the rows of a table. */
/* clang-format off */
/*
 *   filter := filter OR filter | filter AND filter | NOT filter | ( filter ) | test
 *   test   := name [nocase] (= | != | <> | < | <= | > | >=) value [nocase]
 *           | name [nocase] [NOT] BETWEEN value AND value | name [nocase] [NOT] IN list
 *           | name [nocase] [NOT] STARTS WITH value [nocase]
 *           | name [NOT] (LIKE | ILIKE) value [ESCAPE value] | name IS [NOT] NULL
 *           | name [NOT] MATCH value
 *           | name [NOT] CONTAIN_ANY list | name [NOT] CONTAIN_ALL list
 *           | array_length(name) (= | ... | >=) value | true | false
 *   nocase := COLLATE NOCASE
 *   value  := integer | float | 'string' | true | false | ?
 *   list   := ( value, ... ) | ( ) | ?
 *
 * NOT binds tightest, then AND, then OR. The logic is SQL's, with three values: a row matches where
 * the filter is true, not where it is unknown.
 *
 * - A test of a NULL cell is unknown, and so is a comparison with an argument that is NULL.
 * - IN () is false, even for NULL. CONTAIN_ANY () is false and CONTAIN_ALL () is true for every
 *   array that is not NULL.
 * - Values are converted to the type of the field, by the same rules as inserted values. A `float`
 *   field compares with the value rounded to its precision, so that price = 0.1 finds what was
 *   stored as 0.1. Whole-number fields accept 1965.0, not 1965.5; 64-bit ones accept decimal
 *   strings. Timestamps accept RFC 3339 text (at >= '2026-11-01'). Values out of range are refused.
 * - Strings are compared byte by byte. LIKE distinguishes case; its `%` stands for any run of
 *   bytes, its `_` for one UTF-8 character (for one byte where the text is not valid UTF-8).
 * - ILIKE and COLLATE NOCASE ignore case: both sides are folded (filter_fold.c), then compared byte
 *   by byte. NOCASE is spelled as in SQLite, which knows ASCII only.
 * - MATCH is true where the text has what a person typed (text/text_query.h): all words, "phrases",
 *   no -excluded ones, this OR that, begin*. An argument can also be a query as data
 *   (MV_KIND_MATCH). The field needs a text index.
 * - `id` is tested like a string field that is never NULL.
 *
 * To add an operator: the places to change, in order. Where an existing kind of node can express it
 * (STARTS WITH makes a LIKE whose pattern is a prefix), only those marked with * are needed.
 *
 *   * grammar          above; lua/moonvec/types.lua; README.md, "Filters"; CHANGELOG.md
 *   * words            filter_parse.c: WORD_TESTS and parse_word_test
 *     signs            filter_lex.c: OPERATORS; a comparison also in filter_check.c: keys_of
 *     kind and data    filter_tree.h: filter_kind, struct filter_node
 *   * checks           filter_check.c: a function filter_check_...() that completes the leaf, and its
 *                      cost in filter_cost.h
 *     cells            filter_tree.h: filter_text_matches (strings); filter_array.c:
 *                      filter_array_matches (arrays); filter_eval.c: mask_leaf (numbers)
 *     64 cells         filter_text.c: search_cells; filter_array.c: filter_array_search; without
 *                      them, cells are tested one by one, which is slower but right
 *     zones            filter_tree.h: filter_zone_is_outside, filter_zone_is_inside (numbers only)
 *     inverted lists   filter_lookup.c: lookup_method_of and what it names; without it, rows
 *                      are scanned, which is slower but right
 *   * Lua builder      lua/moonvec/filter.lua, and its signature in lua/moonvec/types.lua
 *   * tests            engine/test/filter_test.c, filter_lists_test.c (put_test);
 *                      spec/filter_errors_spec.lua, filter_builder_spec.lua (the Lua builder),
 *                      support/filter_random.lua (STRING_TESTS and the like: against SQLite)
 */
/* clang-format on */
#ifndef MV_FILTER_H
#define MV_FILTER_H

#include "base/mem.h"
#include "index/invert.h"
#include "storage/table.h"

/* Rows evaluated at once. The bitmaps of a block (2 KiB each) stay in the first-level cache, and a
 * block that begins at a multiple of it has one zone. */
#define FILTER_BLOCK_ROWS TABLE_ZONE_ROWS

typedef struct filter filter;

/* Parse the text, check it against the schema and bind the arguments. The filter and its copies of
 * literals live in `arena`. MV_MISUSE: "filter:14: expected a value after '>='", where 14 is the
 * byte in the text, counted from 1; an unknown field is reported with the nearest name. MV_LIMIT:
 * the depth, the number of tests or a list exceeds its limit (moonvec.h). */
mv_err filter_compile(const mv_schema *schema, const mv_filter *source, mem_arena *arena,
                      filter **out, mv_error *error);

/* Does the filter test this scalar field? The id? Only these columns are filled for fresh rows. */
bool filter_uses_field(const filter *f, uint32_t field);
bool filter_uses_id(const filter *f);

/* A test by MATCH. */
typedef struct filter_match {
    uint32_t field;
    mv_match what; /* what is typed is a query of one node. In the arena of the filter */
    const struct filter_match *next;
} filter_match;

/* The tests by MATCH of the filter; NULL: it has none. */
const filter_match *filter_matches(const filter *f);

/* The inverted lists over the columns of a table. */
typedef struct filter_indexes {
    /* One per scalar field, NULL where the field has none. NULL: no field has lists. An entry is
     * set to NULL when its lists are found damaged, after note_damage (may be NULL) was called. */
    const invert_lists **lists;
    void (*note_damage)(void *ctx, uint32_t field, const mv_error *why);
    /* Set the bits of the rows of the table for which the test is true. NULL: the filter has no
     * MATCH. */
    mv_err (*match)(void *ctx, const filter_match *test, const table *t, uint64_t *rows,
                    mv_error *error);
    /* Find the row of the table with this id. NULL: the ids of all rows are compared. */
    mv_err (*find_id)(void *ctx, const table *t, const uint8_t *id, size_t size, uint32_t *row,
                      bool *found, mv_error *error);
    void *ctx;
} filter_indexes;

/* A filter bound to one table: what its inverted lists answer, and what is left to scan. */
typedef struct filter_table filter_table;

/* Bind the filter to a table and estimate its tests: searches dictionaries, reads no rows yet. `f`,
 * `t` and the lists must live as long as *out is used. `arena` is cleared first; *out and all its
 * memory are in it. */
mv_err filter_table_begin(const filter *f, const table *t, const filter_indexes *indexes,
                          mem_arena *arena, filter_table **out, mv_error *error);
/* The least and the greatest number of rows that can match, deleted rows included, as far as it is
 * known without reading rows. Both are the same for a test of one scalar field by its lists. */
void filter_table_estimate(const filter_table *ft, uint32_t *least, uint32_t *most);
/* The matching rows as an array, in no order, deleted rows included. *rows is NULL unless the lists
 * of one scalar field answer the whole filter. Their number is that of filter_table_estimate. */
mv_err filter_table_list(filter_table *ft, uint32_t **rows, mv_error *error);
/* Evaluate rows [begin, begin + count) into `matching`: bit i is set if row begin + i matches.
 * Deleted rows are treated like others: combine the result with table.live. `begin` is a multiple
 * of 64, `count` at most FILTER_BLOCK_ROWS. The first call marks the rows that the lists find, for
 * the whole table. MV_CORRUPT: damaged cells. */
mv_err filter_eval_block(filter_table *ft, uint32_t begin, uint32_t count, uint64_t *matching,
                         mv_error *error);

#endif
