/* Making every node of the bottom level reachable: after trimming, a node may be left to which no
 * path of links leads. */
#include "index/hnsw_builder.h"

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

/* Make `row` reachable: link to it from the nearest reachable position that has an unused link. If
 * none of those found has one, the last link of the nearest is replaced by a link to `row`, and
 * `row` gets a link to the position that was linked before, so that this stays reachable. */
static void bring_in(hnsw_builder *b, hnsw_build_scratch *s, const uint64_t *marks, uint32_t row)
{
    codes_query query;
    codes_prepare_row(&query, &b->codes, row, s->query);
    walk_level l = hnsw_builder_walk_level(b, 0);
    (void)hnsw_walk_level_from(&s->w, &query, &l, hnsw_link_entry(b, s, &query, 0));
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
    while (bits_get(traversal->marks, b->lost)) b->lost++;
    bring_in(b, s, traversal->marks, b->lost);
    bits_set(traversal->marks, b->lost);
    traversal->queue[traversal->count++] = b->lost;
}
