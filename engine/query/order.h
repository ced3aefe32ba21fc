/* Ordering rows by columns: "year DESC, title". NULLs are the smallest, as in SQLite; ties go to
 * the older row. */
#ifndef MV_ORDER_H
#define MV_ORDER_H

#include "base/mem.h"
#include "storage/table.h"

typedef struct order_key {
    uint32_t field; /* position; ORDER_BY_ID for the id */
    bool descending;
} order_key;

#define ORDER_BY_ID UINT32_MAX

typedef struct order {
    uint32_t count; /* 0: by docid */
    order_key keys[MV_ORDER_BY_MAX];
} order;

/* Parse `text` (NULL: no keys). MV_MISUSE names what is wrong; array fields have no order. */
mv_err order_parse(const mv_schema *schema, const char *text, order *out, mv_error *error);
bool order_uses_field(const order *o, uint32_t field);
bool order_uses_id(const order *o);

/* A key made comparable: whole numbers, or text. */
typedef struct order_value {
    bool is_null;
    uint32_t size;       /* of the text */
    uint64_t number;     /* keeps the order of every fixed type */
    const uint8_t *text; /* NULL for fixed types */
} order_value;

/* The first rows by order, bounded. */
typedef struct order_entry {
    uint64_t docid;
    uint64_t row;
    uint32_t source;
    order_value *values; /* one per key */
} order_entry;

typedef struct order_heap {
    const order *o;
    const mv_schema *schema;
    mem_arena *arena;     /* entries and copies of strings */
    order_entry *entries; /* heap, the last in order on top */
    uint32_t count;
    uint32_t capacity;
} order_heap;

mv_err order_start(order_heap *heap, const order *o, const mv_schema *schema, uint32_t capacity,
                   mem_arena *arena, mv_error *error);
/* Capacity is the most entries wanted. Offer row `row` of `t`, known to the caller as (source,
 * caller_row). MV_CORRUPT: damaged cells. */
mv_err order_push(order_heap *heap, const table *t, uint32_t row, uint32_t source,
                  uint64_t caller_row, mv_error *error);
/* Sort the entries, first first. */
void order_finish(order_heap *heap);

#endif
