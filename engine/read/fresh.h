/* Fresh rows as small tables: gathered from the catalog, a chunk at a time, with the columns asked
 * for. */
#ifndef MV_FRESH_H
#define MV_FRESH_H

#include "open/snapshot.h"

/* Rows gathered at a time: as many as are scored at once (FLAT_BLOCK_ROWS), so that their pointers,
 * distances and fixed columns stay in the first-level cache. */
#define FRESH_CHUNK_ROWS 512u

#define FRESH_NO_VECTOR UINT32_MAX

/* What to gather. */
typedef struct fresh_wants {
    bool id;
    const bool *fields;    /* one per scalar field; NULL: none */
    uint32_t vector_field; /* or FRESH_NO_VECTOR */
} fresh_wants;

/* Where one column is gathered; the table shows it to readers. */
typedef struct fresh_column {
    uint64_t *nulls;
    uint8_t *values; /* fixed types */
    uint64_t *ends;  /* variable types */
} fresh_column;

/* Reusable: starts as zeros; its buffers grow once. */
typedef struct fresh_reader {
    const mv_schema *schema;
    catalog_cursor *cursor;
    fresh_wants wants;
    table table;          /* the chunk in hand: docids, the columns wanted */
    const uint8_t **rows; /* encoded, in the catalog's pages */
    uint64_t *docids;
    const void **vectors;
    float *inverse_norms;
    fresh_column *gathered; /* one per scalar field, then one for the ids */
    table_column *columns;
    table_vectors *all_vectors;
    mem_arena arena;   /* all of the above and the columns' fixed parts */
    mem_buffer *bytes; /* variable cells: one per scalar field, then one for the ids */
    uint32_t buffers_count;
} fresh_reader;

/* Begin to read the fresh rows of a snapshot. The caller calls fresh_close in any case. */
mv_err fresh_open(fresh_reader *r, const snapshot *s, const fresh_wants *wants, mv_error *error);
/* Gather the next rows into r->table; zero rows at the end. */
mv_err fresh_next(fresh_reader *r, mv_error *error);
void fresh_close(fresh_reader *r); /* keeps the buffers */
void fresh_free(fresh_reader *r);

#endif
