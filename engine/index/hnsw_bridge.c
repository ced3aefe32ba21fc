/* The strategy `bridges`: a walk whose candidates are matching rows only. It is for filters under
 * which a walk over all rows would take too long.
 *
 *   candidate (matches) ---link---> bridge (does not match) ---link---> new candidate (matches)
 *
 * A link to a row that does not match is followed to the links of that row (the bridge) without
 * computing a distance to the bridge. A candidate uses bridges until it has led to as many new
 * matching rows as it has links. The walk begins at the row found in the levels above, and at
 * BRIDGE_SEEDS matching rows spread over the segment: from a row without matching rows around it,
 * the walk would not find any.
 *
 * Patel et al., ACORN, arXiv 2403.04871; Sehgal, Salihoglu, NaviX, arXiv 2506.23397. */
#include "index/hnsw_walk.h"

#define LISTS_AHEAD 6u /* bridges whose links are prefetched */

/* Find matching rows that are spread over the segment. The rows are divided into BRIDGE_SEEDS
 * ranges; of each, its first matching row or the next one after the range. Returns their number. */
static uint32_t seed_rows(const uint64_t *matches, uint32_t rows, uint32_t *out)
{
    size_t words = bits_words(rows), at = 0;
    uint32_t found = 0;
    for (uint32_t range = 0; range < BRIDGE_SEEDS; range++) {
        size_t begin = words * range / BRIDGE_SEEDS;
        if (at < begin) at = begin;
        while (at < words && !matches[at]) at++;
        if (at == words) break;
        out[found++] = (uint32_t)at * 64 + MV_LOWEST_BIT(matches[at]);
        at++;
    }
    mv_assert(found <= BRIDGE_SEEDS);
    return found;
}

typedef struct bridging {
    walk *w;
    walk_gate *gate;
    const codes_query *query;
    const walk_level *level;
    uint32_t seen;    /* used entries of w->seen */
    uint32_t changes; /* among the nearest, for the patience of the walk */
    bool overflow;    /* w->seen does not have all positions whose bits are set */
} bridging;

/* Measure the `count` rows from w->seen[b->seen] on, and make candidates of those within `limit`.
 * Counts the rows as seen. Returns the lowest position at which one was inserted. */
static uint32_t add_candidates(bridging *b, uint32_t count, float limit)
{
    walk *w = b->w;
    uint32_t nearest = w->pool.capacity, most = WALK_WIDTH * b->level->degree;
    for (uint32_t done = 0, step; done < count; done += step, b->seen += step) {
        const uint32_t *rows = w->seen + b->seen;
        step = count - done < most ? count - done : most;
        codes_to_rows(b->query, rows, step, w->distances);
        for (uint32_t i = 0; i < step; i++) {
            if (w->distances[i] > limit) continue;
            uint32_t position = pool_insert(&w->pool, w->distances[i], rows[i]);
            if (position < nearest) nearest = position;
            b->changes += patience_counts(&w->patience, position, w->distances[i]);
        }
    }
    w->distances_count += count;
    return nearest;
}

/* Append the rows linked from `at` that match and were not visited to `fresh`, and mark them as
 * visited. Write those that do not match to `others` (may be NULL), without marking them. No branch
 * depends on which of them match. False: a link is out of range. */
static bool sort_links(const bridging *b, uint32_t at, uint32_t *fresh, uint32_t *found,
                       uint32_t *others, uint32_t *others_found)
{
    const walk_level *level = b->level;
    const uint32_t *links = level->links + (size_t)at * level->degree;
    const uint64_t *all_matches = b->gate->matches;
    uint64_t *visited = b->w->visited;
    uint32_t matching = *found, failing = 0, link = 0;
    for (uint32_t i = 0; i < level->degree; i++) {
        link = links[i];
        if (MV_UNLIKELY(link >= level->count)) break;
        uint64_t word = visited[link / 64], matches = all_matches[link / 64] >> link % 64 & 1,
                 is_new = ~(word >> link % 64) & 1;
        fresh[matching] = link;
        matching += (uint32_t)(matches & is_new);
        if (others) others[failing] = link;
        failing += (uint32_t)(~matches & is_new);
        visited[link / 64] = word | matches << link % 64;
    }
    *found = matching;
    if (others) *others_found = failing;
    return link < level->count || link == HNSW_NONE;
}

/* Follow the links of candidate `at`, with bridges if few of the linked rows match. At most 3 ×
 * degree rows are seen: fewer than 2 × degree matching ones, and degree bridges. *nearest is as for
 * add_candidates. False: a link is out of range. */
static bool follow(bridging *b, uint32_t at, float limit, uint32_t *nearest)
{
    walk *w = b->w;
    uint32_t degree = b->level->degree, *fresh = w->seen + b->seen, *bridges = w->rows, found = 0,
             bridges_count = 0, used = 0;
    *nearest = w->pool.capacity;
    mv_assert(b->seen + 3 * degree <= w->seen_capacity);
    if (!sort_links(b, at, fresh, &found, bridges, &bridges_count)) return false;
    for (uint32_t i = 0; i < bridges_count && i < LISTS_AHEAD; i++)
        hnsw_walk_prefetch_links(b->level, bridges[i]);
    for (; used < bridges_count && found < degree; used++) {
        if (used + LISTS_AHEAD < bridges_count)
            hnsw_walk_prefetch_links(b->level, bridges[used + LISTS_AHEAD]);
        bits_set(w->visited, bridges[used]);
        if (!sort_links(b, bridges[used], fresh, &found, NULL, NULL)) return false;
    }
    b->gate->bridged += used;
    mv_assert(found <= 2 * degree);
    *nearest = add_candidates(b, found, limit);
    for (uint32_t i = 0; i < used; i++) w->seen[b->seen++] = bridges[i];
    return true;
}

/* Remove the entry from the pool if it does not match: it was a candidate, but is no hit. */
static void drop_entry(walk_pool *pool, const uint64_t *matches, uint32_t entry)
{
    uint32_t at = 0;
    if (bits_get(matches, entry)) return;
    while (at < pool->count && (pool->entries[at].at & ~WALK_DONE) != entry) at++;
    if (at == pool->count) return;
    pool->count--;
    memmove(&pool->entries[at], &pool->entries[at + 1], (pool->count - at) * sizeof *pool->entries);
}

bool hnsw_bridge_search(walk *w, walk_gate *gate, const codes_query *query, const walk_level *level,
                        uint32_t entry)
{
    bridging b = {.w = w, .gate = gate, .query = query, .level = level};
    uint32_t now = 0, nearest, starts[BRIDGE_SEEDS + 1] = {entry},
             count = 1 + seed_rows(gate->matches, level->count, starts + 1), fresh = 0;
    bool in_range = true;
    mv_assert(!level->rows); /* the bottom level: positions are rows */
    mv_assert(entry < level->count);
    mv_assert(w->pool.capacity > 0);
    hnsw_walk_begin(w);
    pool_clear(&w->pool);
    for (uint32_t i = 0; i < count; i++) {
        if (bits_get(w->visited, starts[i])) continue;
        bits_set(w->visited, starts[i]);
        w->seen[fresh++] = starts[i];
    }
    (void)add_candidates(&b, fresh, INFINITY);
    while (now < w->pool.count && in_range) {
        if (b.seen + 3 * level->degree > w->seen_capacity) {
            b.overflow = true;
            b.seen = 0;
        }
        if (w->patience.rank && hnsw_walk_has_seen_enough(w, w->pool.count)) break;
        float limit = hnsw_walk_limit(&w->stop, &w->pool);
        if (w->pool.entries[now].distance > limit) break;
        if (w->distances_max && hnsw_walk_distances(w) + gate->bridged > w->distances_max) {
            w->end = WALK_TOO_COSTLY;
            break;
        }
        uint32_t at = w->pool.entries[now].at;
        w->pool.entries[now].at |= WALK_DONE;
        b.changes = 0;
        in_range = follow(&b, at, limit, &nearest);
        w->followed++;
        if (w->patience.rank) patience_note(&w->patience, b.changes, w->followed);
        if (nearest < now) now = nearest;
        while (now < w->pool.count && w->pool.entries[now].at & WALK_DONE) now++;
    }
    /* All rows that bridges lead to were followed, and there may be others. */
    if (w->patience.rank && w->distances_max && now == w->pool.count) w->end = WALK_FEW_MATCHES;
    drop_entry(&w->pool, gate->matches, entry);
    hnsw_walk_clear_visited(w, level, b.seen, b.overflow || !in_range);
    return in_range;
}
