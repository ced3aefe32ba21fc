/* Batches: documents on their way in, taken apart into rows whose bytes the batch owns. The writer
 * reads the struct; the functions are the public mv_batch_... of moonvec.h. */
#ifndef MV_BATCH_H
#define MV_BATCH_H

#include "storage/row.h"

struct mv_batch {
    mv_schema *schema; /* a copy: the collection may be closed, or its schema changed, meanwhile */
    mem_arena arena;   /* bytes and arrays of the rows */
    mem_buffer scratch;
    row_parts *rows; /* what was not set: CELL_UNSET, or a NULL vector */
    uint32_t count;
    uint32_t capacity;
    bool is_begun; /* the last row may be set further */
    uint64_t fork_generation;
};

#endif
