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

/* Let `row` be reached from the nearest that can be. Where nobody near has room, it takes the place
 * of the last link of the nearest, and leads on to where that led. */
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
    if (nearest == HNSW_NONE) nearest = b->nodes[0]; /* nobody near can be reached */
    if (add_link(b, nearest, row)) return;
    uint32_t *last = &hnsw_builder_links(b, 0, nearest)[b->levels[0].links_max - 1],
             *own = hnsw_builder_links(b, 0, row);
    uint32_t replaced = *last, room = 0;
    while (room + 1 < b->levels[0].links_max && own[room] != HNSW_NONE && own[room] != replaced)
        room++;
    own[room] = replaced;
    *last = row;
}

void hnsw_repair_reachability(hnsw_builder *b, hnsw_build_scratch *s)
{
    walk_level l = hnsw_builder_walk_level(b, 0);
    walk_spread *spread = &b->spread;
    if (!spread->queue) {
        *spread = (walk_spread){.marks = b->held, .queue = b->back};
        hnsw_walk_spread_from(spread, &l, b->nodes[0]);
    }
    hnsw_walk_spread_on(spread, &l, HNSW_BUILD_SPREAD_ROWS);
    if (spread->next < spread->count || spread->count == b->head.rows) return;
    while (bits_get(spread->marks, b->lost)) b->lost++;
    bring_in(b, s, spread->marks, b->lost);
    bits_set(spread->marks, b->lost);
    spread->queue[spread->count++] = b->lost;
}
