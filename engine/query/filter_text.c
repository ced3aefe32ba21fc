/* Tests of strings, 64 cells at once. A test that ignores case has folded its own strings when it
 * was compiled (filter_check.c), and here folds the cells: then bytes are compared.
 *
 * A loop without branches compares at most 8 bytes and the size of each cell. Only where these are
 * right and do not decide, the whole cell is compared. */
#include "query/filter_tree.h"

/* Where a text has to stand in a cell. */
typedef enum text_place { TEXT_WHOLE, TEXT_BEGIN, TEXT_END } text_place;

static uint64_t match_text(const filter_cells *c, text_place place, const uint8_t *text,
                           size_t size, uint64_t in_question)
{
    uint8_t flags[64];
    uint64_t word, wanted = 0, mask = 0;
    if (size > c->ends[64]) return 0;
    /* Of a whole text the last bytes: ids and paths often begin alike. */
    uint32_t width = size < sizeof word ? (uint32_t)size : (uint32_t)sizeof word;
    uint32_t least = (uint32_t)size, more = place == TEXT_WHOLE ? 0 : UINT32_MAX - least;
    memcpy(&wanted, place == TEXT_BEGIN ? text : text + size - width, width);
    memset(&mask, 0xFF, width);
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t begin = c->ends[i], end = c->ends[i + 1];
        uint32_t at = place == TEXT_BEGIN ? begin : end < width ? 0 : end - width;
        memcpy(&word, c->bytes + at, sizeof word);
        flags[i] = (((word & mask) == wanted) & (end - begin - least <= more));
    }
    uint64_t matching = filter_pack(flags) & in_question;
    for (uint64_t left = size > width ? matching : 0; left; left &= left - 1) {
        uint32_t i = MV_LOWEST_BIT(left);
        uint32_t at = place == TEXT_END ? c->ends[i + 1] - least : c->ends[i];
        if (memcmp(c->bytes + at, text, size) != 0) matching &= ~((uint64_t)1 << i);
    }
    return matching;
}

static uint64_t match_set(const filter_cells *c, const filter_set *set, uint64_t in_question)
{
    uint8_t flags[64];
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t at;
        filter_head head = filter_head_of(c->bytes + c->ends[i], c->ends[i + 1] - c->ends[i]);
        flags[i] = filter_probe_has(set->probe, head, &at);
    }
    uint64_t matching = filter_pack(flags) & in_question;
    for (uint64_t left = set->probe->is_exact ? 0 : matching; left; left &= left - 1) {
        uint32_t i = MV_LOWEST_BIT(left);
        filter_key key = {.number = c->ends[i + 1] - c->ends[i], .bytes = c->bytes + c->ends[i]};
        if (filter_set_find(set, key) == FILTER_SET_NONE) matching &= ~((uint64_t)1 << i);
    }
    return matching;
}

/* Is there a test of 64 cells at once? */
static bool can_search(const filter_node *node)
{
    if (node->kind == FILTER_STRING) return node->as.string.op == FILTER_EQ;
    if (node->kind == FILTER_IN) return node->as.set->probe;
    return node->as.like.kind != FILTER_LIKE_GENERAL;
}

static uint64_t search_cells(const filter_node *node, const filter_cells *c, uint64_t in_question)
{
    if (node->kind == FILTER_IN) return match_set(c, node->as.set, in_question);
    if (node->kind == FILTER_STRING)
        return match_text(c, TEXT_WHOLE, node->as.string.bytes, node->as.string.size, in_question);
    const filter_like *like = &node->as.like;
    if (like->kind == FILTER_LIKE_INFIX) return filter_like_search(like, c, in_question);
    text_place place = like->kind == FILTER_LIKE_PREFIX   ? TEXT_BEGIN
                       : like->kind == FILTER_LIKE_SUFFIX ? TEXT_END
                                                          : TEXT_WHOLE;
    return match_text(c, place, like->bytes, like->size, in_question);
}

mv_err filter_text_search(const filter_node *node, filter_folded *folded,
                          const table_column *column, uint32_t first_row, uint64_t *matching,
                          bool *is_done, mv_error *error)
{
    filter_cells cells;
    *is_done = false;
    if (!can_search(node) || !filter_cells_load(column, first_row, &cells)) return MV_OK;
    if (node->folds) {
        if (cells.ends[64] > FILTER_FOLD_TOGETHER_MAX) return MV_OK;
        MV_TRY(filter_fold_cells(folded, &cells, error));
    }
    *is_done = true;
    *matching = search_cells(node, &cells, *matching);
    return MV_OK;
}
