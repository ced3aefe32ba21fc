/* Filters: text -> checked program -> bitmap over the rows of a table.
 *
 *   filter := filter OR filter | filter AND filter | NOT filter | ( filter ) | test
 *   test   := name (= | != | <> | < | <= | > | >=) value | name [NOT] BETWEEN value AND value
 *           | name [NOT] IN list | name [NOT] LIKE value [ESCAPE value] | name IS [NOT] NULL
 *           | name [NOT] CONTAIN_ANY list | name [NOT] CONTAIN_ALL list
 *           | array_length(name) (= | ... | >=) value | true | false
 *   value  := integer | float | 'string' | true | false | ?
 *   list   := ( value, ... ) | ( ) | ?
 *
 * NOT binds tightest, then AND, then OR. Logic is SQL's with three values: a row passes when the
 * filter is true, not when it is unknown. What a user may wonder about:
 *
 * - A test of NULL, and a comparison with an argument that is NULL, is unknown. IN () is false even
 * for NULL, CONTAIN_ANY () false and CONTAIN_ALL () true for all but NULL.
 * - Values are converted to the type of the field as when they are inserted: a `float` field
 * compares with the value rounded to its precision, so that price = 0.1 finds what was stored as
 * 0.1; whole-number fields take 1965.0 but not 1965.5; 64-bit ones take decimal strings; timestamps
 * take RFC 3339 text (at >= '2026-11-01'); what is out of range is refused.
 * - Strings compare byte by byte. LIKE minds case, and its `_` is one UTF-8 character.
 * - `id` is tested like a string field that is never NULL. */
#ifndef MV_FILTER_H
#define MV_FILTER_H

#include "base/mem.h"
#include "index/invert.h"
#include "storage/table.h"

/* Rows evaluated at once: bitmaps of a block stay in the first-level cache. */
#define FILTER_BLOCK_ROWS TABLE_ZONE_ROWS

typedef struct filter filter;

/* Parse, check against the schema and bind the arguments. The filter and its copies of literals
 * live in `arena`. MV_MISUSE: "filter:14: expected a value after '>='", the number being the column
 * (byte, from 1) in the text; unknown fields name the nearest one. Depth, tests and lists are
 * bounded (moonvec.h). */
mv_err filter_compile(const mv_schema *schema, const mv_filter *source, mem_arena *arena,
                      filter **out, mv_error *error);

/* Does the filter look at this scalar field? At the id? (What must be gathered for fresh rows.) */
bool filter_uses_field(const filter *f, uint32_t field);
bool filter_uses_id(const filter *f);

/* The inverted lists over the columns of a table. */
typedef struct filter_indexes {
    const invert_lists **lists; /* one per scalar field, NULL where there are none; NULL: nowhere.
                                 * Those found damaged are taken out, and told of: */
    void (*note_damage)(void *ctx, uint32_t field, const mv_error *why);
    void *ctx;
} filter_indexes;

/* A filter before a table. */
typedef struct filter_table filter_table;

/* Put the filter before a table, to be run over its rows: looks into dictionaries, reads no rows
 * yet. All is lent as long as it is used. `arena` is cleared, and has all that it needs. */
mv_err filter_table_begin(const filter *f, const table *t, const filter_indexes *indexes,
                          mem_arena *arena, filter_table **out, mv_error *error);
/* How many rows of the table pass, at least and at most, as far as is known without looking at
 * rows; deleted ones are counted. A test of one scalar field by its lists is known exactly. */
void filter_table_estimate(const filter_table *ft, uint32_t *least, uint32_t *most);
/* The rows that pass, deleted ones among them, one by one in no order, where the lists of one
 * scalar field answer for the whole filter; else *rows is NULL. There are as many as
 * filter_table_estimate says.
 */
mv_err filter_table_list(filter_table *ft, uint32_t **rows, mv_error *error);
/* Evaluate rows [begin, begin + count) into `pass` (bit i = row begin + i passes; deleted rows are
 * not looked at: and with `live` afterwards). `begin` is a multiple of 64, count at most
 * FILTER_BLOCK_ROWS. The first call has the lists answer for the whole table. MV_CORRUPT: damaged
 * cells. */
mv_err filter_eval_block(filter_table *ft, uint32_t begin, uint32_t count, uint64_t *pass,
                         mv_error *error);

#endif
