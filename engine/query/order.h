/* Ordering rows by columns: "year DESC, title". NULL is smaller than every value, as in SQLite.
 * Rows with equal keys are ordered by docid, older rows first. */
#ifndef MV_ORDER_H
#define MV_ORDER_H

#include "base/mem.h"
#include "storage/table.h"

typedef struct order_key {
    uint32_t field; /* position in the schema, or ORDER_BY_ID */
    bool descending;
} order_key;

#define ORDER_BY_ID UINT32_MAX

typedef struct order {
    uint32_t count; /* 0: by docid */
    order_key keys[MV_ORDER_BY_MAX];
} order;

/* Parse `text` (NULL: no keys). MV_MISUSE: a syntax error, an unknown field or an array field,
 * which has no order. MV_LIMIT: more than MV_ORDER_BY_MAX keys. */
mv_err order_parse(const mv_schema *schema, const char *text, order *out, mv_error *error);
/* Does the order compare this scalar field? The id? */
bool order_uses_field(const order *o, uint32_t field);
bool order_uses_id(const order *o);

/* The value of one key in one row. */
typedef struct order_value {
    bool is_null;
    uint32_t size;       /* bytes of `text` */
    uint64_t number;     /* fixed types: the order key (base/order_key.h) */
    const uint8_t *text; /* strings; NULL for fixed types and for NULL */
} order_value;

/* A row among the first ones. */
typedef struct order_entry {
    uint64_t docid;
    uint64_t row;        /* meaning is the caller's */
    uint32_t source;     /* meaning is the caller's */
    order_value *values; /* one per key */
} order_entry;

/* The first `capacity` rows of those offered, in a heap whose top is the last of them (I16). */
typedef struct order_heap {
    const order *o;
    const mv_schema *schema;
    mem_arena *arena; /* owns the entries and the copies of strings */
    order_entry *entries;
    uint32_t count;
    uint32_t capacity;
    const order_entry *after; /* only rows behind this one are added; NULL: all */
} order_heap;

/* Start empty. `o`, `schema` and `arena` must live as long as the heap is used. */
mv_err order_start(order_heap *heap, const order *o, const mv_schema *schema, uint32_t capacity,
                   mem_arena *arena, mv_error *error);
/* From now on add only rows that come after row `row` of `t`. MV_CORRUPT. */
mv_err order_begin_after(order_heap *heap, const table *t, uint32_t row, mv_error *error);
/* Add row `row` of `t` if it is one of the first so far. Its entry gets `source` and `caller_row`.
 * MV_CORRUPT: a cell is damaged. */
mv_err order_push(order_heap *heap, const table *t, uint32_t row, uint32_t source,
                  uint64_t caller_row, mv_error *error);
/* Sort the entries, the first one first. No row may be pushed afterwards. */
void order_finish(order_heap *heap);

#endif
