/* Tests of strings, 64 cells at once. A test that ignores case has folded its own strings when it
 * was compiled (filter_check.c), and here folds the cells: then bytes are compared. */
#include "query/filter_tree.h"

bool filter_text_can_search(const filter_node *node)
{
    return node->kind == FILTER_LIKE && node->as.like.kind == FILTER_LIKE_INFIX;
}

mv_err filter_text_search(const filter_node *node, filter_folded *folded,
                          const table_column *column, uint32_t first_row, uint64_t *matching,
                          bool *is_done, mv_error *error)
{
    table_column cells;
    mv_assert(filter_text_can_search(node));
    if (node->folds) {
        MV_TRY(filter_fold_cells(folded, column, first_row, &cells, error));
        *is_done = cells.ends && filter_like_search(&node->as.like, &cells, 0, matching);
    } else {
        *is_done = filter_like_search(&node->as.like, column, first_row, matching);
    }
    return MV_OK;
}
