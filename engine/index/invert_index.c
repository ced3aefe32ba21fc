/* Inverted lists as an index type. */
#include "index/invert.h"

#define LISTS_ROWS_MIN 1024u /* below, looking at every row takes some microseconds */
/* Sorting a row into lists takes as long as writing this many bytes. */
#define LISTS_COST_OF_ROW 200u

static_assert(INVERT_PARTS_MAX <= INDEX_PARTS_MAX, "lists have no more parts than an index");

/* Lists, and what they are checked against. */
typedef struct invert_opened {
    invert_lists lists;
    const index_column *column;
} invert_opened;

static const invert_opened *opened_lists(const index_opened *opened)
{
    return (const invert_opened *)(const void *)opened;
}

static mv_err invert_index_open(const index_part *parts, uint32_t parts_count,
                                const index_source *source, index_opened **out, mv_error *error)
{
    invert_opened *opened = mem_alloc(sizeof *opened);
    if (!opened) return error_memory(error, sizeof *opened, "inverted lists");
    opened->column = &source->column;
    mv_err err = invert_open(parts, parts_count, &source->column, &opened->lists, error);
    if (err)
        mem_free(opened, sizeof *opened);
    else
        *out = (index_opened *)(void *)opened;
    return err;
}

static void invert_index_close(index_opened *opened)
{
    mem_free(opened, sizeof(invert_opened));
}

static mv_err invert_index_check(const index_opened *opened, mv_error *error)
{
    const invert_opened *o = opened_lists(opened);
    return invert_check(&o->lists, o->column, error);
}

static const invert_lists *invert_index_lists(const index_opened *opened)
{
    return &opened_lists(opened)->lists;
}

/* ---------------------------------------------------------------- building */

static invert_builder *lists_builder(index_builder *b)
{
    return (invert_builder *)(void *)b;
}

static const invert_builder *lists_builder_const(const index_builder *b)
{
    return (const invert_builder *)(const void *)b;
}

static mv_err invert_index_begin(const index_request *request, index_builder **out, mv_error *error)
{
    invert_builder *b = NULL;
    MV_TRY(invert_build_begin(&request->source->column, &b, error));
    *out = (index_builder *)(void *)b;
    return MV_OK;
}

static mv_err invert_index_step(index_builder *b, double until, bool *more, mv_error *error)
{
    return invert_build_step(lists_builder(b), until, more, error);
}

static void invert_index_progress(const index_builder *b, uint64_t *done, uint64_t *total)
{
    invert_build_progress(lists_builder_const(b), done, total);
}

static uint32_t invert_index_parts(const index_builder *b, index_part parts[INDEX_PARTS_MAX])
{
    return invert_build_parts(lists_builder_const(b), parts);
}

static void invert_index_free(index_builder *b)
{
    invert_build_free(lists_builder(b));
}

static uint64_t invert_index_cost(uint32_t dim)
{
    (void)dim;
    return LISTS_COST_OF_ROW;
}

const index_type invert_index = {
    .kind = &invert_kind,
    .rows_min = LISTS_ROWS_MIN,
    .open = invert_index_open,
    .close = invert_index_close,
    .check = invert_index_check,
    .build_begin = invert_index_begin,
    .build_step = invert_index_step,
    .build_progress = invert_index_progress,
    .build_parts = invert_index_parts,
    .build_free = invert_index_free,
    .build_cost = invert_index_cost,
    .lists = invert_index_lists,
};
