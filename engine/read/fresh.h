/* Fresh rows as small tables: a chunk of rows at a time is gathered from the catalog, with the
 * wanted columns only. */
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
    const bool *fields;    /* one per scalar field, lent; NULL: none */
    uint32_t vector_field; /* or FRESH_NO_VECTOR */
} fresh_wants;

/* The arrays into which one column is gathered. A table_column points to them. */
typedef struct fresh_column {
    uint64_t *nulls; /* a bit per row */
    uint8_t *values; /* fixed types */
    uint64_t *ends;  /* variable types: where the row's bytes end in the buffer */
} fresh_column;

/* All zero at first. It can be opened again after it was closed, and then uses its memory again. */
typedef struct fresh_reader {
    const mv_schema *schema;
    catalog_cursor *cursor;
    fresh_wants wants;
    table table;                /* the current chunk: docids and the wanted columns */
    const uint8_t **rows;       /* encoded, in the catalog's pages */
    uint64_t *docids;           /* of the chunk */
    const void **vectors;       /* of the wanted vector field, in the catalog's pages */
    float *inverse_norms;       /* of these vectors */
    fresh_column *gathered;     /* one per scalar field, then one for the ids */
    table_column *columns;      /* one per scalar field; of the table */
    table_vectors *all_vectors; /* one per vector field; of the table */
    mem_arena arena;            /* all of the above, and the arrays of the columns */
    mem_buffer *bytes;          /* variable cells: one per scalar field, then one for the ids */
    uint32_t buffers_count;     /* of `bytes` */
} fresh_reader;

/* Begin to read the fresh rows of a snapshot, by docid. The caller calls fresh_close in any case.
 */
mv_err fresh_open(fresh_reader *r, const snapshot *s, const fresh_wants *wants, mv_error *error);
/* Gather the next chunk into r->table, valid until the next call. At the end it has no rows. */
mv_err fresh_next(fresh_reader *r, mv_error *error);
void fresh_close(fresh_reader *r); /* keeps the memory */
void fresh_free(fresh_reader *r);

#endif
