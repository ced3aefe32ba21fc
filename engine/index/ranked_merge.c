/* Merging lists of texts: the lists of a segment are added to those of a new one, which has its
 * rows at other places, without reading its texts again. */
#include "index/ranked.h"

mv_err ranked_merge_begin(ranked_merge *m, ranked_builder *b, const ranked_lists *lists,
                          const uint32_t *rows, mv_error *error)
{
    mv_assert(!m->cursor && !lists->most);
    if (!(m->cursor = mem_alloc(sizeof *m->cursor)))
        return error_memory(error, sizeof *m->cursor, "merging ranked lists");
    m->lists = lists;
    m->rows = rows;
    for (uint32_t row = 0; row < lists->head.rows; row++)
        if (rows[row] != INDEX_ROW_DELETED)
            ranked_build_set_length(b, rows[row], ranked_length(lists, row));
    return ranked_term_at(&m->term, lists, 0, error);
}

void ranked_merge_end(ranked_merge *m)
{
    mem_free(m->cursor, sizeof *m->cursor);
    mem_buffer_free(&m->positions);
    *m = (ranked_merge){0};
}

/* A damaged frequency is no number of positions to write. */
static bool has_right_freqs(const ranked_cursor *c)
{
    for (uint32_t i = 0; i < c->read_count; i++)
        if (c->freqs[i] > ranked_length(c->lists, c->rows[i])) return false;
    return true;
}

/* Read the positions of the current block. */
static mv_err read_block_positions(ranked_merge *m, mv_error *error)
{
    uint32_t count;
    if (!ranked_cursor_count_positions(m->cursor, &count)) return ranked_cursor_damaged(error);
    m->positions.size = 0;
    if (!mem_buffer_reserve(&m->positions, count * sizeof(uint32_t)))
        return error_memory(error, count * sizeof(uint32_t), "merging ranked lists");
    uint32_t *positions = (uint32_t *)(void *)m->positions.data;
    if (!ranked_cursor_all_positions(m->cursor, positions)) return ranked_cursor_damaged(error);
    return MV_OK;
}

static mv_err merge_list_block(ranked_merge *m, ranked_builder *b, mv_error *error)
{
    ranked_cursor *c = m->cursor;
    uint32_t rows[RANKED_BLOCK];
    const uint32_t *positions = NULL;
    if (!ranked_cursor_read(c)) return ranked_cursor_damaged(error);
    if (!has_right_freqs(c)) return ranked_cursor_damaged(error);
    if (m->lists->positions) {
        MV_TRY(read_block_positions(m, error));
        positions = (const uint32_t *)(const void *)m->positions.data;
    }
    for (uint32_t i = 0; i < c->read_count; i++) rows[i] = m->rows[c->rows[i]];
    return ranked_build_add_rows(b, m->term.bytes, m->term.size, rows, c->freqs, c->read_count,
                                 positions, error);
}

mv_err ranked_merge_step(ranked_merge *m, ranked_builder *b, bool *more, mv_error *error)
{
    *more = m->term.at < m->lists->head.terms;
    if (!*more) return MV_OK;
    ranked_cursor *c = m->cursor;
    MV_TRY(ranked_cursor_begin(c, m->lists, m->term.at, error));
    for (; ranked_cursor_last(c) != UINT32_MAX; c->block++) MV_TRY(merge_list_block(m, b, error));
    return ranked_term_next(&m->term, error);
}
