/* A column of sparse vectors in memory, and its index, without a collection. */
#ifndef MV_SPARSE_COLUMN_H
#define MV_SPARSE_COLUMN_H

#include "index/sparse_build.h"
#include "test/sample.h"
#include "vector/sparse.h"

/* Begins as zeros. */
typedef struct sparse_column {
    mem_buffer bytes, ends, nulls;
    uint32_t rows;
} sparse_column;

/* Append a row; NULL: it has no vector. */
static inline void sparse_column_add(sparse_column *column, const mv_sparse *v)
{
    uint64_t no_bits = 0;
    if (column->rows % 64 == 0) EXPECT(mem_buffer_append(&column->nulls, &no_bits, sizeof no_bits));
    if (v)
        WORKS(sparse_encode("v", v, &column->bytes, &error));
    else
        bits_set((uint64_t *)(void *)column->nulls.data, column->rows);
    uint64_t end = column->bytes.size;
    EXPECT(mem_buffer_append(&column->ends, &end, sizeof end));
    column->rows++;
}

static inline index_column sparse_column_lend(const sparse_column *column)
{
    return (index_column){.type = MV_SPARSE_FP32,
                          .rows = column->rows,
                          .nulls = (const uint64_t *)(const void *)column->nulls.data,
                          .ends = (const uint64_t *)(const void *)column->ends.data,
                          .bytes = column->bytes.data,
                          .bytes_size = column->bytes.size};
}

static inline void sparse_column_free(sparse_column *column)
{
    mem_buffer_free(&column->bytes);
    mem_buffer_free(&column->ends);
    mem_buffer_free(&column->nulls);
}

/* Complete lists over the column, which is lent. */
static inline sparse_builder *sparse_column_build(const index_column *column)
{
    sparse_builder *b = NULL;
    bool more = true;
    WORKS(sparse_build_begin(column, &b, &error));
    while (more) WORKS(sparse_build_step(b, 0, &more, &error));
    return b;
}

#endif
