/* Lists of sparse vectors as an index type. */
#include "index/sparse_build.h"

/* Of fewer rows the vectors are read when they are searched. */
#define SPARSE_ROWS_MIN 256u
/* Reading a vector of 120 entries into lists takes as long as writing this many bytes. */
#define SPARSE_COST_OF_ROW 5000u

static sparse_builder *sparse_builder_of(index_builder *b)
{
    return (sparse_builder *)(void *)b;
}

static const sparse_builder *sparse_builder_of_const(const index_builder *b)
{
    return (const sparse_builder *)(const void *)b;
}

static mv_err sparse_begin(const index_request *request, index_builder **out, mv_error *error)
{
    sparse_builder *b;
    MV_TRY(sparse_build_begin(&request->source->column, &b, error));
    *out = (index_builder *)(void *)b;
    return MV_OK;
}

static mv_err sparse_step(index_builder *b, double until, bool *more, mv_error *error)
{
    return sparse_build_step(sparse_builder_of(b), until, more, error);
}

static void sparse_progress(const index_builder *b, uint64_t *done, uint64_t *total)
{
    sparse_build_progress(sparse_builder_of_const(b), done, total);
}

static uint32_t sparse_parts(const index_builder *b, index_part parts[INDEX_PARTS_MAX])
{
    return sparse_build_parts(sparse_builder_of_const(b), parts);
}

static void sparse_free(index_builder *b)
{
    sparse_build_free(sparse_builder_of(b));
}

static uint64_t sparse_cost(uint32_t dim)
{
    (void)dim;
    return SPARSE_COST_OF_ROW;
}

/* ---------------------------------------------------------------- opening */

typedef struct sparse_opened {
    ranked_lists lists;
} sparse_opened;

static const ranked_lists *sparse_ranked(const index_opened *opened)
{
    return &((const sparse_opened *)(const void *)opened)->lists;
}

static mv_err sparse_open(const index_part *parts, uint32_t parts_count, const index_source *source,
                          index_opened **out, mv_error *error)
{
    sparse_opened *opened = mem_alloc(sizeof *opened);
    if (!opened) return error_memory(error, sizeof *opened, "an index of sparse vectors");
    mv_err err =
        ranked_open_weights(parts, parts_count, source->column.rows, &opened->lists, error);
    if (err)
        mem_free(opened, sizeof *opened);
    else
        *out = (index_opened *)(void *)opened;
    return err;
}

static void sparse_close(index_opened *opened)
{
    mem_free(opened, sizeof(sparse_opened));
}

static mv_err sparse_check(const index_opened *opened, mv_error *error)
{
    return ranked_check(sparse_ranked(opened), error);
}

static mv_err sparse_compare(const index_opened *opened, const index_opened *built, mv_error *error)
{
    return ranked_compare(sparse_ranked(opened), sparse_ranked(built), error);
}

static void sparse_describe(const index_opened *opened, mv_index_stats *stats)
{
    const ranked_head *head = &sparse_ranked(opened)->head;
    stats->as.sparse = (mv_sparse_stats){.entries = head->tokens, .terms = head->terms};
}

const index_type sparse_index = {
    .kind = &sparse_kind,
    .rows_min = SPARSE_ROWS_MIN,
    .open = sparse_open,
    .close = sparse_close,
    .check = sparse_check,
    .compare = sparse_compare,
    .describe = sparse_describe,
    .build_begin = sparse_begin,
    .build_step = sparse_step,
    .build_progress = sparse_progress,
    .build_parts = sparse_parts,
    .build_free = sparse_free,
    .build_cost = sparse_cost,
    .ranked = sparse_ranked,
};
