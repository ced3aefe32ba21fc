/* Comparing ranked lists with others over the same rows (ranked.h), which may have another format.
 */
#include <string.h>

#include "index/ranked.h"

typedef struct ranked_comparison {
    ranked_term a, b;       /* of each */
    ranked_cursor *cursors; /* one for each */
    mem_buffer positions;   /* of a row, in both */
} ranked_comparison;

static mv_err ranked_differs(const char *what, uint32_t at, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "the ranked lists are not those of the rows: %s %u differs",
                     what, at);
}

/* The positions of row `at` of the current blocks. */
static mv_err compare_positions(ranked_comparison *c, uint32_t at, mv_error *error)
{
    ranked_cursor *a = &c->cursors[0], *b = &c->cursors[1];
    size_t size = a->freqs[at] * sizeof(uint32_t);
    a->at = b->at = at;
    c->positions.size = 0;
    if (!ranked_cursor_has_positions(a)) return ranked_cursor_damaged(error);
    if (!mem_buffer_reserve(&c->positions, 2 * size))
        return error_memory(error, 2 * size, "comparing ranked lists");
    uint32_t *of_a = (uint32_t *)(void *)c->positions.data, *of_b = of_a + a->freqs[at];
    if (!ranked_cursor_positions(a, of_a)) return ranked_cursor_damaged(error);
    if (!ranked_cursor_positions(b, of_b)) return ranked_cursor_damaged(error);
    if (memcmp(of_a, of_b, size) == 0) return MV_OK;
    return ranked_differs("a position in row", a->rows[at], error);
}

/* The current blocks, of as many rows. */
static mv_err compare_block_rows(ranked_comparison *c, uint32_t term, mv_error *error)
{
    ranked_cursor *a = &c->cursors[0], *b = &c->cursors[1];
    if (!ranked_cursor_read(a) || !ranked_cursor_read(b)) return ranked_cursor_damaged(error);
    size_t size = a->read_count * sizeof *a->rows;
    if (a->read_count != b->read_count || memcmp(a->rows, b->rows, size) != 0 ||
        memcmp(a->freqs, b->freqs, size) != 0)
        return ranked_differs("the list of term", term, error);
    for (uint32_t i = 0; c->a.lists->positions && i < a->read_count; i++)
        MV_TRY(compare_positions(c, i, error));
    return MV_OK;
}

/* The current terms. */
static mv_err compare_term(ranked_comparison *c, mv_error *error)
{
    ranked_cursor *a = &c->cursors[0], *b = &c->cursors[1];
    uint32_t term = c->a.at;
    const float *most = c->a.lists->most, *other_most = c->b.lists->most;
    if (c->a.size != c->b.size || memcmp(c->a.bytes, c->b.bytes, c->a.size) != 0 ||
        (most && memcmp(&most[term], &other_most[term], sizeof *most) != 0))
        return ranked_differs("term", term, error);
    MV_TRY(ranked_cursor_begin(a, c->a.lists, term, error));
    MV_TRY(ranked_cursor_begin(b, c->b.lists, term, error));
    if (a->count != b->count) return ranked_differs("the list of term", term, error);
    for (; ranked_cursor_last(a) != UINT32_MAX; a->block++, b->block++)
        MV_TRY(compare_block_rows(c, term, error));
    return MV_OK;
}

static mv_err compare_terms_and_lists(ranked_comparison *c, const ranked_lists *a,
                                      const ranked_lists *b, mv_error *error)
{
    MV_TRY(ranked_term_at(&c->a, a, 0, error));
    MV_TRY(ranked_term_at(&c->b, b, 0, error));
    while (c->a.at < a->head.terms) {
        MV_TRY(compare_term(c, error));
        MV_TRY(ranked_term_next(&c->a, error));
        MV_TRY(ranked_term_next(&c->b, error));
    }
    return MV_OK;
}

mv_err ranked_compare(const ranked_lists *a, const ranked_lists *b, mv_error *error)
{
    const ranked_head *x = &a->head, *y = &b->head;
    ranked_comparison c = {.cursors = NULL};
    mv_assert(!a->most == !b->most);
    if (x->rows != y->rows || x->terms != y->terms || x->tokens != y->tokens ||
        !a->positions != !b->positions)
        return error_set(error, MV_CORRUPT,
                         "the ranked lists are not those of the rows: %u terms, expected %u",
                         x->terms, y->terms);
    if (!(c.cursors = mem_alloc(2 * sizeof *c.cursors)))
        return error_memory(error, 2 * sizeof *c.cursors, "comparing ranked lists");
    mv_err err = compare_terms_and_lists(&c, a, b, error);
    for (uint32_t row = 0; row < x->rows && !a->most && !err; row++)
        if (ranked_length(a, row) != ranked_length(b, row))
            err = ranked_differs("the length of row", row, error);
    mem_buffer_free(&c.positions);
    mem_free(c.cursors, 2 * sizeof *c.cursors);
    return err;
}
