/* Batches: documents to be written, as rows in parts (row_parts) whose bytes the batch owns. The
 * writer reads the struct; the functions are the public mv_batch_... of moonvec.h. */
#ifndef MV_BATCH_H
#define MV_BATCH_H

#include "storage/row.h"

struct mv_batch {
    mv_schema *schema;  /* a copy: the batch outlives the collection's handle, and its schema */
    mem_arena arena;    /* bytes and arrays of the rows */
    mem_buffer scratch; /* of the value that is being set */
    row_parts *rows;    /* members that were not set: CELL_UNSET, or a NULL vector */
    uint32_t count;     /* of rows */
    uint32_t capacity;  /* of `rows` */
    bool is_begun;      /* the last row can still be set */
    uint64_t fork_generation;
};

#endif
