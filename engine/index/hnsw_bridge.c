/* A way to the rows that pass a filter where a walk over all rows would take too long: only rows
 * that pass are candidates. A link to one that does not is followed to what that one links to,
 * without looking at its vector, until a candidate has led to as many rows that pass as it has
 * links. The walk begins at the row found in the levels above and at rows spread over those that
 * pass: where none of them is near the query, it would not find the way.
 *
 * Patel et al., ACORN, arXiv 2403.04871; Sehgal, Salihoglu, NaviX, arXiv 2506.23397. */
#include "index/hnsw_walk.h"

#define LISTS_AHEAD 6u /* bridges whose links are on their way */

/* Rows spread over those that pass: the first at or after the beginning of each part. */
static uint32_t spread_rows(const uint64_t *pass, uint32_t rows, uint32_t *out)
{
    size_t words = bits_words(rows), at = 0;
    uint32_t found = 0;
    for (uint32_t part = 0; part < BRIDGE_SEEDS; part++) {
        size_t begin = words * part / BRIDGE_SEEDS;
        if (at < begin) at = begin;
        while (at < words && !pass[at]) at++;
        if (at == words) break;
        out[found++] = (uint32_t)at * 64 + MV_LOWEST_BIT(pass[at]);
        at++;
    }
    return found;
}

typedef struct bridging {
    walk *w;
    walk_gate *gate;
    const codes_query *query;
    const walk_level *level;
    uint32_t seen;
    bool overflow; /* not all that is marked is in w->seen */
} bridging;

/* Mark rows as seen that w->seen[b->seen] has, and make candidates of them. Returns the place of
 * the nearest. */
static uint32_t take(bridging *b, uint32_t count, float limit)
{
    walk *w = b->w;
    uint32_t nearest = w->pool.capacity, most = WALK_WIDTH * b->level->degree;
    for (uint32_t done = 0, part; done < count; done += part, b->seen += part) {
        const uint32_t *rows = w->seen + b->seen;
        part = count - done < most ? count - done : most;
        codes_to_rows(b->query, rows, part, w->distances);
        for (uint32_t i = 0; i < part; i++) {
            if (w->distances[i] > limit) continue;
            uint32_t place = pool_insert(&w->pool, w->distances[i], rows[i]);
            if (place < nearest) nearest = place;
        }
    }
    w->scored += count;
    return nearest;
}

/* Rows linked from `at` that pass and were not seen yet, appended to `fresh`; those that do not
 * pass into `others`, which may be NULL. No branch depends on which they are. False: a link is out
 * of range. */
static bool sort_links(const bridging *b, uint32_t at, uint32_t *fresh, uint32_t *found,
                       uint32_t *others, uint32_t *others_found)
{
    const walk_level *level = b->level;
    const uint32_t *links = level->links + (size_t)at * level->degree;
    const uint64_t *pass = b->gate->pass;
    uint64_t *visited = b->w->visited;
    uint32_t matching = *found, failing = 0, link = 0;
    for (uint32_t i = 0; i < level->degree; i++) {
        link = links[i];
        if (MV_UNLIKELY(link >= level->count)) break;
        uint64_t word = visited[link / 64], passes = pass[link / 64] >> link % 64 & 1,
                 is_new = ~(word >> link % 64) & 1;
        fresh[matching] = link;
        matching += (uint32_t)(passes & is_new);
        if (others) others[failing] = link;
        failing += (uint32_t)(~passes & is_new);
        visited[link / 64] = word | passes << link % 64;
    }
    *found = matching;
    if (others) *others_found = failing;
    return link < level->count || link == HNSW_NONE;
}

/* Follow the links of candidate `at`, over bridges where few of them pass. */
static bool follow(bridging *b, uint32_t at, float limit, uint32_t *nearest)
{
    walk *w = b->w;
    uint32_t degree = b->level->degree, *fresh = w->seen + b->seen, *bridges = w->rows, found = 0,
             bridges_count = 0, used = 0;
    *nearest = w->pool.capacity;
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
    *nearest = take(b, found, limit);
    for (uint32_t i = 0; i < used; i++) w->seen[b->seen++] = bridges[i];
    return true;
}

/* The entry is a candidate, but no hit where it does not pass. */
static void drop_entry(walk_pool *pool, const uint64_t *pass, uint32_t entry)
{
    uint32_t at = 0;
    if (bits_get(pass, entry)) return;
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
             count = 1 + spread_rows(gate->pass, level->count, starts + 1), fresh = 0;
    bool in_range = true;
    pool_clear(&w->pool);
    gate->end = WALK_WHOLE;
    gate->begun = w->scored;
    for (uint32_t i = 0; i < count; i++) {
        if (bits_get(w->visited, starts[i])) continue;
        bits_set(w->visited, starts[i]);
        w->seen[fresh++] = starts[i];
    }
    (void)take(&b, fresh, INFINITY);
    while (now < w->pool.count && in_range) {
        if (b.seen + 3 * level->degree > w->seen_capacity) {
            b.overflow = true;
            b.seen = 0;
        }
        float limit = hnsw_walk_limit(&w->stop, &w->pool);
        if (w->pool.entries[now].distance > limit) break;
        if (gate->most && w->scored - gate->begun + gate->bridged > gate->most) {
            gate->end = WALK_TOO_COSTLY;
            break;
        }
        uint32_t at = w->pool.entries[now].at;
        w->pool.entries[now].at |= WALK_DONE;
        in_range = follow(&b, at, limit, &nearest);
        if (nearest < now) now = nearest;
        while (now < w->pool.count && w->pool.entries[now].at & WALK_DONE) now++;
    }
    drop_entry(&w->pool, gate->pass, entry);
    hnsw_walk_forget(w, level, b.seen, b.overflow || !in_range);
    return in_range;
}
