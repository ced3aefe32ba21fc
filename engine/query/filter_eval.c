/* Evaluating a filter over a block of rows: the tests that inverted lists have not answered
 * (filter_table.c).
 *
 * A bitmap is passed down the tree. On entry it has the rows that are still to be decided, on
 * return those of them for which the node is true. So an AND passes one bitmap through its members,
 * the cheapest first, and the costly ones test only the rows that the others left. An OR tests with
 * each member only the rows for which no member was true yet. */
#include <string.h>

#include "query/filter_tree.h"

typedef struct filter_block {
    const filter_table *ft;
    const table *t;
    uint32_t begin;
    uint32_t count;
    size_t words;
    filter_folded *folded;
    mv_error *error;
} filter_block;

static const table_column *column_of(const filter_node *node, const filter_block *b)
{
    return node->field == FILTER_FIELD_ID ? &b->t->ids : &b->t->columns[node->field];
}

/* ---------------------------------------------------------------- cells */

static mv_err fail_damaged(const filter_node *node, const filter_block *b, uint32_t row)
{
    return error_set(b->error, MV_CORRUPT, "field '%s' of row %u is damaged", node->name, row);
}

/* Test the 64 cells of a word of the mask at once. *is_done is false, and nothing was done, if they
 * have to be tested one by one. */
static mv_err test_together(const filter_node *node, const filter_block *b, size_t word,
                            uint32_t *marks, uint64_t *mask, bool *is_done)
{
    /* Cells in question, of 64: testing all takes 0.5 to 3 ns a cell, one alone 5 to 30 ns. */
    enum { WORTH_IT = 12 };
    uint32_t row = b->begin + (uint32_t)word * 64;
    uint64_t matching = *mask;
    *is_done = false;
    if (word * 64 + 64 > b->count) return MV_OK;
    if (*mask != UINT64_MAX && MV_POPCOUNT(*mask) < WORTH_IT) return MV_OK;
    const table_column *column = column_of(node, b);
    if (node->type & MV_ARRAY)
        *is_done = filter_array_search(node, column, row, marks, &matching);
    else
        MV_TRY(filter_text_search(node, b->folded, column, row, &matching, is_done, b->error));
    if (*is_done) *mask = node->negated ? *mask & ~matching : matching;
    return MV_OK;
}

/* The result of the test for one cell, before negation. */
static mv_err test_cell(const filter_node *node, const filter_block *b, uint32_t row,
                        uint32_t *marks, bool *result)
{
    const uint8_t *bytes;
    uint64_t size;
    if (!table_cell(column_of(node, b), row, &bytes, &size)) return fail_damaged(node, b, row);
    if (!size) bytes = (const uint8_t *)""; /* memcmp and the like take no NULL */
    if (!(node->type & MV_ARRAY)) {
        if (node->folds) MV_TRY(filter_fold_cell(b->folded, &bytes, &size, b->error));
        *result = filter_text_matches(node, bytes, (size_t)size);
        return MV_OK;
    }
    if (!filter_array_matches(node, bytes, (size_t)size, row, marks, result))
        return fail_damaged(node, b, row);
    return MV_OK;
}

/* Test cells of variable size. The mask has no NULL rows. */
static mv_err test_cells(const filter_node *node, const filter_block *b, uint64_t *mask)
{
    uint32_t *marks = b->ft->states[node->number].marks;
    for (size_t word = 0; word < b->words; word++) {
        uint64_t matching = 0;
        bool is_done, result;
        MV_TRY(test_together(node, b, word, marks, &mask[word], &is_done));
        if (is_done) continue;
        for (uint64_t left = mask[word]; left; left &= left - 1) {
            uint32_t bit = MV_LOWEST_BIT(left), row = b->begin + (uint32_t)word * 64 + bit;
            MV_TRY(test_cell(node, b, row, marks, &result));
            matching |= (uint64_t)(result != node->negated) << bit;
        }
        mask[word] = matching;
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- nodes */

/* Unset the rows that are NULL; with `keeps_nulls` those that are not. */
static void mask_nulls(const filter_node *node, const filter_block *b, bool keeps_nulls,
                       uint64_t *mask)
{
    const uint64_t *nulls = column_of(node, b)->nulls;
    if (!nulls) {
        if (keeps_nulls) memset(mask, 0, b->words * sizeof *mask);
        return;
    }
    nulls += b->begin / 64;
    for (size_t i = 0; i < b->words; i++) mask[i] &= keeps_nulls ? nulls[i] : ~nulls[i];
}

/* Has the test of numbers the same result, *result, for all rows of the block that are not NULL, by
 * their zones? */
static bool zones_decide(const filter_node *node, const filter_block *b, bool *result)
{
    const table_zone *zones = column_of(node, b)->zones;
    if (!zones) return false;
    bool outside = true, inside = node->kind == FILTER_RANGE;
    for (uint32_t row = b->begin; row < b->begin + b->count;
         row = (row / TABLE_ZONE_ROWS + 1) * TABLE_ZONE_ROWS) {
        const table_zone *zone = &zones[row / TABLE_ZONE_ROWS];
        outside = outside && filter_zone_is_outside(node, zone);
        inside = inside && filter_zone_is_inside(node, zone);
    }
    *result = outside ? node->negated : !node->negated;
    return outside || inside;
}

static mv_err mask_leaf(const filter_node *node, const filter_block *b, uint64_t *mask)
{
    if (node->kind == FILTER_CONSTANT) {
        if (!node->as.truth) memset(mask, 0, b->words * sizeof *mask);
        return MV_OK;
    }
    bool is_null_test = node->kind == FILTER_IS_NULL;
    mask_nulls(node, b, is_null_test && !node->negated, mask);
    if (is_null_test) return MV_OK;

    if (cell_is_variable(node->type)) return test_cells(node, b, mask);
    mv_assert(node->kind == FILTER_RANGE || node->kind == FILTER_IN);
    bool result;
    if (zones_decide(node, b, &result)) {
        if (!result) memset(mask, 0, b->words * sizeof *mask);
        return MV_OK;
    }
    const uint8_t *values = column_of(node, b)->values + (size_t)b->begin * cell_width(node->type);
    if (node->kind == FILTER_RANGE)
        filter_compare_range(node->type, values, b->count, &node->as.range, node->negated, mask);
    else if (node->as.set->probe)
        filter_compare_set(node->type, values, b->count, node->as.set, node->negated, mask);
    else
        filter_set_mask(node->as.set, node->type, values, b->count, node->negated, mask);
    return MV_OK;
}

/* Is the answer of this member in the bitmap of its group? */
static bool is_answered(const filter_block *b, const filter_node *member)
{
    filter_stage stage = b->ft->states[member->number].stage;
    return stage == FILTER_DONE || stage == FILTER_MERGED;
}

static bool is_empty(const uint64_t *mask, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (mask[i]) return false;
    return true;
}

/* Unset the rows of `mask` for which the node is not true. `spare` has two bitmaps for each OR on
 * the path to a leaf. Recursion is as deep as parentheses and NOT were (MV_FILTER_DEPTH_MAX). */
static mv_err mask_node(const filter_node *node, const filter_block *b, uint64_t *mask,
                        uint64_t *spare)
{
    const filter_state *state = &b->ft->states[node->number];
    const uint64_t *bits = state->bits ? state->bits + b->begin / 64 : NULL;
    if (state->stage == FILTER_MARKED || (bits && node->kind == FILTER_AND))
        for (size_t i = 0; i < b->words; i++) mask[i] &= bits[i];
    if (state->stage == FILTER_MARKED) return MV_OK;
    if (node->kind == FILTER_AND) {
        for (const filter_node *member = node->as.members; member; member = member->next) {
            if (is_answered(b, member)) continue;
            if (is_empty(mask, b->words)) break;
            MV_TRY(mask_node(member, b, mask, spare));
        }
        return MV_OK;
    }
    if (node->kind != FILTER_OR) return mask_leaf(node, b, mask);
    mv_assert(!node->negated); /* I17 */

    /* left: rows for which no member was true yet */
    uint64_t *left = spare, *tried = spare + b->words;
    spare += 2 * b->words;
    for (size_t i = 0; i < b->words; i++) left[i] = bits ? mask[i] & ~bits[i] : mask[i];
    for (const filter_node *member = node->as.members; member; member = member->next) {
        if (is_answered(b, member)) continue;
        if (is_empty(left, b->words)) break;
        memcpy(tried, left, b->words * sizeof *tried);
        MV_TRY(mask_node(member, b, tried, spare));
        for (size_t i = 0; i < b->words; i++) left[i] &= ~tried[i];
    }
    for (size_t i = 0; i < b->words; i++) mask[i] &= ~left[i];
    return MV_OK;
}

mv_err filter_eval_block(filter_table *ft, uint32_t begin, uint32_t count, uint64_t *matching,
                         mv_error *error)
{
    mv_assert(begin % 64 == 0);
    mv_assert(count <= FILTER_BLOCK_ROWS);
    mv_assert(begin <= ft->t->rows);
    mv_assert(count <= ft->t->rows - begin);
    filter_block b = {.ft = ft,
                      .t = ft->t,
                      .begin = begin,
                      .count = count,
                      .words = bits_words(count),
                      .folded = &ft->folded,
                      .error = error};
    if (!ft->is_marked) MV_TRY(filter_table_mark(ft, error));
    const filter_state *root = &ft->states[ft->f->root->number];
    if (root->stage == FILTER_MARKED) {
        memcpy(matching, root->bits + begin / 64, b.words * sizeof *matching);
        /* The block may end within a word of the table's bitmap. */
        if (count % 64) matching[count / 64] &= ((uint64_t)1 << count % 64) - 1;
        return MV_OK;
    }
    bits_fill(matching, count);
    return mask_node(ft->f->root, &b, matching, ft->spare);
}
