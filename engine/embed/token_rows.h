/* The matrix of an embedder: a row of numbers for each token, in a mapped file or in memory. Any
 * alignment; read-only once it is opened. */
#ifndef MV_TOKEN_ROWS_H
#define MV_TOKEN_ROWS_H

#include "base/error.h"

typedef struct token_rows {
    const uint8_t *file; /* the mapped file; NULL: there is none */
    uint64_t file_size;
    float *memory; /* rows in memory; NULL: they are in the file */
    size_t memory_size;

    const uint8_t *bytes; /* of the first row */
    mv_tensor_type type;
    uint32_t dim;
    uint64_t count;
    uint64_t *offsets; /* of each row, from `bytes`. NULL: they follow each other */
    uint32_t *rows;    /* the row of each token. NULL: its id */
    float *weights;    /* of each token. NULL: 1 */
    uint32_t tokens_count;
} token_rows;

/* Map a file. */
mv_err token_rows_map(token_rows *rows, const char *path, mv_error *error);
/* Use the tensors of options, which are in the mapped file, for tokens with ids below `ids_count`.
 * MV_CORRUPT: they do not fit. */
mv_err token_rows_use(token_rows *rows, const mv_embedder_options *options, uint32_t ids_count,
                      mv_error *error);
void token_rows_close(token_rows *rows);

/* Add to `sum` (dim floats) the rows of tokens, times their weights. */
void token_rows_add(const token_rows *rows, const uint32_t *ids, uint32_t count, float *sum);
/* The first of these tokens whose row or weight is not finite; `count`: all are finite. */
uint32_t token_rows_find_bad(const token_rows *rows, const uint32_t *ids, uint32_t count);

/* A hash of the sizes and of samples of the file or memory. */
uint64_t token_rows_hash(const token_rows *rows);

#endif
