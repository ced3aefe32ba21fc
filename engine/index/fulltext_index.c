/* Full text as an index type. */
#include "base/os.h"
#include "index/analysis.h"
#include "index/ranked.h"

/* Smaller segments get no index: searches make lists of them in memory (open/waiting_lists.h). */
#define FULLTEXT_ROWS_MIN 256u
/* Reading a text into lists takes as long as writing this many bytes. */
#define FULLTEXT_COST_OF_ROW 4000u
#define TEXT_STEP_BYTES      (8u << 10) /* of texts, read between two looks at the clock */
#define MERGE_STEP_TERMS     16u        /* the same of merged lists */

typedef struct fulltext_opened {
    ranked_lists lists;
    const index_column *column;
} fulltext_opened;

typedef struct fulltext_builder {
    const index_column *column;
    analysis terms;
    ranked_builder *lists;
    uint32_t row;                       /* the next one */
    const index_base *base, *bases_end; /* the next one, or that whose lists are being merged */
    ranked_merge merge;
} fulltext_builder;

static const fulltext_opened *opened_text(const index_opened *opened)
{
    return (const fulltext_opened *)(const void *)opened;
}

/* ---------------------------------------------------------------- building */

static fulltext_builder *builder_of(index_builder *b)
{
    return (fulltext_builder *)(void *)b;
}

static const fulltext_builder *builder_of_const(const index_builder *b)
{
    return (const fulltext_builder *)(const void *)b;
}

static void fulltext_free(index_builder *builder)
{
    fulltext_builder *b = builder_of(builder);
    ranked_merge_end(&b->merge);
    analysis_end(&b->terms);
    ranked_build_free(b->lists);
    mem_free(b, sizeof *b);
}

static mv_err fulltext_begin(const index_request *request, index_builder **out, mv_error *error)
{
    fulltext_builder *b = mem_alloc_zero(sizeof *b);
    const mv_text_options *options = &request->options->as.text;
    if (!b) return error_memory(error, sizeof *b, "a full-text index");
    b->column = &request->source->column;
    b->base = request->bases;
    b->bases_end = request->bases + request->bases_count;
    mv_err err = analysis_begin(&b->terms, b->column, request->options, error);
    if (!err)
        err = ranked_build_begin(b->column->rows, (float)options->k1, (float)options->b,
                                 !options->without_positions, &b->lists, error);
    if (err)
        fulltext_free((index_builder *)(void *)b);
    else
        *out = (index_builder *)(void *)b;
    return err;
}

static mv_err add_term(void *ctx, const char *term, uint32_t size, uint32_t position,
                       mv_error *error)
{
    const fulltext_builder *b = ctx;
    return ranked_build_add(b->lists, b->row, term, size, position, error);
}

/* Add a row; one with NULL has no terms. Returns its bytes in *size. */
static mv_err add_row(fulltext_builder *b, size_t *size, mv_error *error)
{
    const index_column *column = b->column;
    const uint8_t *cell;
    *size = 0;
    if (column->nulls && bits_get(column->nulls, b->row)) return MV_OK;
    MV_TRY(analysis_value(column, b->row, &cell, size, error));
    return analysis_cell(&b->terms, cell, *size, add_term, b, error);
}

/* Read texts into lists, up to the next base. *more is false if that was reached. */
static mv_err read_texts(fulltext_builder *b, double until, bool *more, mv_error *error)
{
    uint32_t end = b->base < b->bases_end ? b->base->first : b->column->rows;
    size_t read = 0, size;
    while (b->row < end) {
        MV_TRY(add_row(b, &size, error));
        b->row++;
        read += size + 64;
        if (read < TEXT_STEP_BYTES) continue;
        read = 0;
        if (os_seconds() >= until) break;
    }
    *more = b->row < end;
    return MV_OK;
}

/* Merge the lists of the next base. *more is false if they are merged. */
static mv_err merge_base(fulltext_builder *b, double until, bool *more, mv_error *error)
{
    const ranked_lists *lists = &opened_text(b->base->opened)->lists;
    if (!b->merge.lists)
        MV_TRY(ranked_merge_begin(&b->merge, b->lists, lists, b->base->rows, error));
    *more = true;
    do {
        for (uint32_t left = MERGE_STEP_TERMS; left && *more; left--)
            MV_TRY(ranked_merge_step(&b->merge, b->lists, more, error));
    } while (*more && os_seconds() < until);
    if (*more) return MV_OK;
    ranked_merge_end(&b->merge);
    b->row = b->base->end;
    b->base++;
    return MV_OK;
}

static mv_err fulltext_step(index_builder *builder, double until, bool *more, mv_error *error)
{
    fulltext_builder *b = builder_of(builder);
    *more = true;
    while (b->row < b->column->rows || b->base < b->bases_end) {
        MV_TRY(read_texts(b, until, more, error));
        if (!*more && b->base < b->bases_end) MV_TRY(merge_base(b, until, more, error));
        if (*more || os_seconds() >= until) {
            *more = true;
            return MV_OK;
        }
    }
    return ranked_build_step(b->lists, until, more, error);
}

static void fulltext_progress(const index_builder *builder, uint64_t *done, uint64_t *total)
{
    const fulltext_builder *b = builder_of_const(builder);
    *done = b->row;
    *total = b->column->rows;
}

static uint32_t fulltext_parts(const index_builder *b, index_part parts[INDEX_PARTS_MAX])
{
    return ranked_build_parts(builder_of_const(b)->lists, parts);
}

static uint64_t fulltext_cost(uint32_t dim)
{
    (void)dim;
    return FULLTEXT_COST_OF_ROW;
}

/* ---------------------------------------------------------------- opening */

static mv_err fulltext_open(const index_part *parts, uint32_t parts_count,
                            const index_source *source, index_opened **out, mv_error *error)
{
    fulltext_opened *opened = mem_alloc(sizeof *opened);
    if (!opened) return error_memory(error, sizeof *opened, "a full-text index");
    opened->column = &source->column;
    mv_err err = ranked_open(parts, parts_count, source->column.rows, &opened->lists, error);
    if (err)
        mem_free(opened, sizeof *opened);
    else
        *out = (index_opened *)(void *)opened;
    return err;
}

static void fulltext_close(index_opened *opened)
{
    mem_free(opened, sizeof(fulltext_opened));
}

static mv_err fulltext_check(const index_opened *opened, mv_error *error)
{
    return ranked_check(&opened_text(opened)->lists, error);
}

static mv_err fulltext_compare(const index_opened *opened, const index_opened *built,
                               mv_error *error)
{
    return ranked_compare(&opened_text(opened)->lists, &opened_text(built)->lists, error);
}

static void fulltext_describe(const index_opened *opened, mv_index_stats *stats)
{
    const ranked_head *head = &opened_text(opened)->lists.head;
    stats->as.text = (mv_text_stats){.tokens = head->tokens, .terms = head->terms};
}

static const ranked_lists *fulltext_ranked(const index_opened *opened)
{
    return &opened_text(opened)->lists;
}

/* Changed options are another index (index_slot_since). */
static bool fulltext_can_extend(const index_opened *base, const mv_index_options *options)
{
    const ranked_head *head = &opened_text(base)->lists.head;
    return options->as.text.without_positions || !(head->flags & RANKED_WITHOUT_POSITIONS);
}

const index_type fulltext_index = {
    .kind = &fulltext_kind,
    .rows_min = FULLTEXT_ROWS_MIN,
    .open = fulltext_open,
    .close = fulltext_close,
    .check = fulltext_check,
    .compare = fulltext_compare,
    .describe = fulltext_describe,
    .can_extend = fulltext_can_extend,
    .merges_all = true,
    .build_begin = fulltext_begin,
    .build_step = fulltext_step,
    .build_progress = fulltext_progress,
    .build_parts = fulltext_parts,
    .build_free = fulltext_free,
    .build_cost = fulltext_cost,
    .ranked = fulltext_ranked,
};
