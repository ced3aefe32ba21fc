/* Making every node of the bottom level reachable from the entry (I15).
 *
 * Trimming drops links of nodes that have too many. It chooses among the links of one node, and
 * does not see which other nodes link to a target. So a node may be left that no path from the
 * entry leads to, and no search would find it.
 *
 * A breadth-first traversal from the entry marks the reachable nodes. When its queue is used up and
 * nodes are left, the first node without a mark, `x`, is linked like this:
 *
 *   1. Search for the neighbours of x, as when x was inserted. Of the marked nodes found, the
 *      nearest one with an unused link gets a link to x.
 *   2. If none has an unused link, the last link of the nearest one, `n`, is replaced. It leads to
 *      a node `y`, which may be reachable through n only. So x is put between them: n -> y becomes
 *      n -> x -> y. For the link to y, x uses an unused link or replaces its own last one. No
 *      marked node was reachable through x, so this makes none unreachable.
 *
 * Then x is marked and put into the queue, and the traversal continues from x: all that can be
 * reached from x is now reachable, too. Each x is marked, so there are at most as many as rows. */
#include "index/hnsw_builder.h"

/* Add a link at the bottom level. False: all links of `from` are used. */
static bool add_link(const hnsw_builder *b, uint32_t from, uint32_t to)
{
    uint32_t *links = hnsw_builder_links(b, 0, from);
    for (uint32_t i = 0; i < b->levels[0].links_max; i++) {
        if (links[i] == to) return true;
        if (links[i] != HNSW_NONE) continue;
        links[i] = to;
        return true;
    }
    return false;
}

/* Make `row` reachable, by steps 1 and 2 above. */
static void link_unreachable(hnsw_builder *b, hnsw_build_scratch *s, const uint64_t *marks,
                             uint32_t row)
{
    codes_query query;
    mv_assert(!bits_get(marks, row));
    mv_assert(bits_get(marks, b->nodes[0])); /* the entry */
    codes_prepare_row(&query, &b->codes, row, s->query);
    walk_level l = hnsw_builder_walk_level(b, 0);
    hnsw_link_descend(b, s, &query, 0, 1);
    (void)hnsw_walk_over(&s->w, &query, &l);
    uint32_t nearest = HNSW_NONE;
    for (uint32_t i = 0; i < s->w.pool.count; i++) {
        uint32_t at = s->w.pool.entries[i].at & ~WALK_DONE;
        if (!bits_get(marks, at)) continue;
        if (add_link(b, at, row)) return;
        if (nearest == HNSW_NONE) nearest = at;
    }
    if (nearest == HNSW_NONE) nearest = b->nodes[0]; /* the entry: no reachable one was found */
    if (add_link(b, nearest, row)) return;
    uint32_t *last = &hnsw_builder_links(b, 0, nearest)[b->levels[0].links_max - 1],
             *own = hnsw_builder_links(b, 0, row);
    uint32_t replaced = *last, unused = 0;
    while (unused + 1 < b->levels[0].links_max && own[unused] != HNSW_NONE &&
           own[unused] != replaced)
        unused++;
    own[unused] = replaced;
    *last = row;
    mv_assert(replaced != HNSW_NONE); /* all links of `nearest` are used */
    mv_assert(replaced != row);
}

void hnsw_repair_reachability(hnsw_builder *b, hnsw_build_scratch *s)
{
    walk_level l = hnsw_builder_walk_level(b, 0);
    walk_traversal *traversal = &b->traversal;
    if (!traversal->queue) {
        *traversal = (walk_traversal){.marks = b->sampled, .queue = b->back};
        hnsw_walk_traversal_begin(traversal, &l, b->nodes[0]);
    }
    hnsw_walk_traversal_step(traversal, &l, HNSW_BUILD_STEP_ROWS);
    if (traversal->next < traversal->count || traversal->count == b->head.rows) return;
    while (bits_get(traversal->marks, b->unreached)) b->unreached++;
    mv_assert(b->unreached < b->head.rows);
    link_unreachable(b, s, traversal->marks, b->unreached);
    bits_set(traversal->marks, b->unreached);
    traversal->queue[traversal->count++] = b->unreached;
}
