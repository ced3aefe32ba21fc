/* 64 cells of variable size, read together. */
#include "query/filter_tree.h"

bool filter_cells_load(const table_column *column, uint32_t first_row, filter_cells *out)
{
    const uint64_t *ends = column->ends + first_row;
    uint64_t begin = first_row ? ends[-1] : 0, wide = 0;
    uint32_t damaged = 0;
    if (begin > column->bytes_size || ends[63] > column->bytes_size) return false;
    out->ends[0] = 0;
    for (uint32_t i = 0; i < 64; i++) {
        uint64_t end = ends[i] - begin;
        wide |= end;
        out->ends[i + 1] = (uint32_t)end;
    }
    if (wide >> 31) return false;
    /* Below 2^31 a difference has its highest bit set only where an end is below the one before. */
    for (uint32_t i = 0; i < 64; i++) damaged |= out->ends[i + 1] - out->ends[i];
    if (damaged >> 31) return false;
    out->bytes = column->bytes + begin;
    out->readable = column->bytes_size - begin;
    return out->readable >= out->ends[64] + FILTER_CELLS_PADDING;
}
