/* Walks over a level (SEARCH-LAYER, algorithm 2 of arXiv 1603.09320), and when they end.
 *
 * A walk has a pool of candidates, sorted by distance. It takes the nearest candidates whose links
 * were not followed, measures the rows that they link to, and inserts these into the pool. It ends
 * when
 *
 *   a. every candidate in the pool was followed;
 *   b. in a search for a recall, its patience is over (hnsw_patience.h);
 *   c. in a search with an ef, the next candidate is farther than the limit (walk_stop), so that
 *      others are unlikely to be hits;
 *   d. it is abandoned, because a scan of the codes would take less time.
 *
 * A gated walk is abandoned early when what it has met shows that another strategy would be faster.
 * Of a search for 10 hits, let the first 2,000 distances be those of a walk without a filter
 * (`usual`), and let 10 % of all rows match (`share`). With an even spread, 200 of 2,000 rows
 * match:
 *
 *   matching   conclusion
 *   230        As expected. A smaller rank is enough (cost_rank_part), so the walk needs about
 *              0.77 × 2,000 × (1 / 0.115)^0.85 = 9,700 distances in all. It continues if the other
 *              7,700 take no longer than another strategy (distances_max).
 *   150        Not too few, but 0.75 × 2,000 × (1 / 0.075)^0.85 = 13,600 distances are needed. The
 *              walk is abandoned if the other 11,600 take longer than another strategy:
 *              WALK_TOO_COSTLY.
 *   80         Below 0.6 × 200 (GATE_MATCHES_PART_MIN): the matching rows lie elsewhere, so that it
 *              would find rows at the border of all matching rows. WALK_FEW_MATCHES: bridges or a
 *              scan are better.
 *
 * This is decided after `usual` distances and then after each half as many (should_abandon), not
 * earlier: the first rows that a walk meets depend on where it came from. For the same reason it is
 * checked once more at the end whether the nearest candidates match less often than others
 * (has_few_matches_nearest).
 *
 * The links of two candidates are followed together, so that twice as many cache misses are waited
 * for at once. This is worth more than the few unneeded distances: 4 to 12 % more queries a second
 * on 100 to 784 dims. Three candidates together gave no more. */
#include "index/hnsw_walk.h"

#include <math.h>
#include <string.h>

#include "index/hnsw_cost.h"

const uint32_t walk_ef_steps[HNSW_EF_STEPS] = {16,  24,  32,  48,  64,  96,  128,
                                               192, 256, 384, 512, 768, 1024};

float hnsw_walk_reach(const float reach[HNSW_EF_STEPS], uint64_t ef)
{
    uint32_t step = 0;
    if (ef <= HNSW_MEASURED_HITS) return 0;
    while (step < HNSW_EF_STEPS && walk_ef_steps[step] < ef) step++;
    if (step == HNSW_EF_STEPS) return INFINITY;
    float from = (float)(step ? walk_ef_steps[step - 1] : HNSW_MEASURED_HITS),
          to = (float)walk_ef_steps[step], low = step ? reach[step - 1] : 0,
          fraction = logf((float)ef / from) / logf(to / from);
    mv_assert(fraction >= 0);
    mv_assert(fraction <= 1);
    return low + fraction * (reach[step] - low);
}

static uint32_t seen_count(uint32_t positions, uint32_t degree)
{
    return positions / 64 + 4096 + WALK_WIDTH * degree;
}

size_t hnsw_walk_bits_size(uint32_t positions)
{
    return mem_whole_lines(bits_words(positions) * sizeof(uint64_t));
}

size_t hnsw_walk_size(uint32_t positions, uint32_t degree, uint32_t capacity)
{
    return pool_size(capacity) + mem_whole_lines(seen_count(positions, degree) * sizeof(uint32_t)) +
           mem_whole_lines(WALK_WIDTH * degree * sizeof(uint32_t)) +
           mem_whole_lines(WALK_WIDTH * degree * sizeof(float));
}

void hnsw_walk_lay_out(walk *w, void *bits, void *memory, uint32_t positions, uint32_t degree,
                       uint32_t capacity)
{
    uint8_t *at = memory;
    w->visited = bits;
    w->seen_capacity = seen_count(positions, degree);
    w->seen = (uint32_t *)(void *)at;
    at += mem_whole_lines(w->seen_capacity * sizeof *w->seen);
    w->rows = (uint32_t *)(void *)at;
    at += mem_whole_lines(WALK_WIDTH * degree * sizeof *w->rows);
    w->distances = (float *)(void *)at;
    at += mem_whole_lines(WALK_WIDTH * degree * sizeof *w->distances);
    w->pool.entries = (walk_entry *)(void *)at;
    w->pool.count = 0;
    w->pool.capacity = w->pool_max = capacity;
    w->stop = (walk_stop){0};
    w->patience.rank = 0;
    w->trace = NULL;
    w->distances_max = 0;
}

/* Write the links of `at` that were not visited yet to `fresh`, and mark them. Returns their
 * number, or -1: a link is out of range. */
static inline int unvisited_links(const walk *w, const walk_level *level, uint32_t at,
                                  uint32_t *fresh)
{
    const uint32_t *links = level->links + (size_t)at * level->degree;
    uint32_t found = 0;
    for (uint32_t i = 0; i < level->degree; i++) {
        uint32_t link = links[i];
        if (MV_UNLIKELY(link >= level->count)) {
            if (link == HNSW_NONE) break;
            return -1;
        }
        uint64_t bit = (uint64_t)1 << (link % 64), *word = &w->visited[link / 64];
        fresh[found] = link;
        found += !(*word & bit);
        *word |= bit;
    }
    return (int)found;
}

/* Should the walk be abandoned for another strategy? First asked when it has computed as many
 * distances as a walk without a filter: what it meets before depends on where it came from. Then it
 * compares the matching rows it met with the number that an even spread would give, and estimates
 * from their rate how long the rest would take. */
static bool should_abandon(walk *w, walk_gate *gate)
{
    uint64_t scored = hnsw_walk_distances(w);
    if (scored < gate->next_check) return false;
    gate->next_check = scored + gate->usual / 2;
    double even = (double)scored * gate->share;
    if (even >= GATE_EXPECTED_MATCHES_MIN &&
        (double)gate->matches_met < even * GATE_MATCHES_PART_MIN) {
        w->end = WALK_FEW_MATCHES;
        return true;
    }
    double local = ((double)gate->matches_met + 1) / ((double)scored + 1),
           usual = (double)gate->usual, left;
    if (w->patience.rank) usual *= cost_rank_part(gate->k, local);
    left = usual * cost_walk_growth(local) - (double)scored;
    if (left <= (double)w->distances_max && scored <= w->distances_max) return false;
    w->end = WALK_TOO_COSTLY;
    return true;
}

/* Do few of the rows nearest to the query match? Asked at the end, because should_abandon also
 * counts rows that the walk met far from the query. */
static bool has_few_matches_nearest(const walk *w, const walk_gate *gate)
{
    double nearest = GATE_EXPECTED_MATCHES_MIN / gate->share;
    uint32_t count = nearest < w->pool.count ? (uint32_t)nearest : w->pool.count, matching = 0;
    for (uint32_t i = 0; i < count; i++)
        matching += bits_get(gate->matches, w->pool.entries[i].at & ~WALK_DONE);
    return matching < count * gate->share * GATE_MATCHES_PART_MIN;
}

/* Put the matching rows into the pool of hits. Returns how many count as changes. */
static inline uint32_t push_matches(const walk *w, walk_gate *gate, const uint32_t *rows,
                                    const float *distances, uint32_t count)
{
    uint32_t changes = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!bits_get(gate->matches, rows[i])) continue;
        gate->matches_met++;
        uint32_t position = pool_insert(&gate->hits, distances[i], rows[i]);
        changes += patience_counts(&w->patience, position, distances[i]);
    }
    return changes;
}

const float hnsw_tried_factors[HNSW_FACTOR_STEPS] = {1.5f, 1.75f, 2, 2.25f, 2.5f, 3, 3.5f,
                                                     4,    5,     6, 8,     10,   12};
const uint32_t hnsw_tried_least[HNSW_LEAST_STEPS] = {32, 48, 64, 96, 128, 192};

/* Note the rows that the walk met, and with which patience it would end now. True: there is nothing
 * left to be learnt. */
static bool note_trace(walk *w, const uint32_t *rows, uint32_t count)
{
    walk_trace *t = w->trace;
    float distances[64], time = (float)patience_time(&w->patience);
    uint16_t now = (uint16_t)(w->followed < TRACE_TIME_MAX ? w->followed : TRACE_TIME_MAX);
    for (uint32_t done = 0, step; done < count; done += step) {
        step = count - done < 64 ? count - done : 64;
        codes_to_rows(t->query, rows + done, step, distances);
        for (uint32_t i = 0; i < step; i++)
            if (distances[i] <= t->bound && t->met < t->wanted) t->times[t->met++] = now;
    }
    patience_kind kind = patience_kind_of(&w->patience, &w->pool);
    if (kind != PATIENCE_APART)
        t->apart_since = UINT16_MAX;
    else if (t->apart_since == UINT16_MAX)
        t->apart_since = now;
    if (w->pool.count < w->stop.least) return false;
    for (uint32_t least = 0; least < HNSW_LEAST_STEPS; least++) {
        uint32_t *ended = &t->ended[least];
        if (w->followed < hnsw_tried_least[least]) return false;
        while (*ended < HNSW_FACTOR_STEPS &&
               (float)w->followed >=
                   patience_follow(&w->patience, kind, hnsw_tried_factors[*ended], time))
            t->ends[least][(*ended)++] = now;
    }
    return t->met == t->wanted;
}

/* ---------------------------------------------------------------- a course, turn by turn */

/* The functions of a course are compiled for courses with a gate (at the bottom level, where
 * positions are rows), for those without one (NULL), and for those that take turns. */

/* Begin from the entries in the pool. False: one is out of range, and nothing is to be ended. */
static inline bool course_begin(walk_course *c, walk *w, walk_gate *gate, const codes_query *query,
                                const walk_level *level)
{
    walk_pool *pool = &w->pool;
    uint32_t count = 0;
    *c = (walk_course){.w = w, .query = query, .level = level, .in_range = true};
    mv_assert(pool->capacity > 0);
    mv_assert(pool->count > 0);
    mv_assert(pool->count <= w->seen_capacity);
    hnsw_walk_begin(w);
    pool_keep(pool);
    for (uint32_t i = 0; i < pool->count && c->in_range; i++) {
        walk_entry entry = {pool->entries[i].distance, pool->entries[i].at & ~WALK_DONE};
        c->in_range = entry.at < level->count;
        if (!c->in_range || bits_get(w->visited, entry.at)) continue; /* twice: damaged nodes */
        pool->entries[count++] = entry;
        w->seen[c->seen++] = entry.at;
        bits_set(w->visited, entry.at);
        if (gate) (void)push_matches(w, gate, &entry.at, &entry.distance, 1);
        if (w->trace) (void)note_trace(w, &entry.at, 1);
    }
    pool->count = count;
    pool_keep(pool);
    if (!c->in_range) hnsw_walk_clear_visited(w, level, c->seen, false);
    return c->in_range;
}

/* Follow the links of the next candidates: c->fresh are the positions to be measured. False: the
 * walk ends. */
static inline bool course_follow(walk_course *c, walk_gate *gate)
{
    walk *w = c->w;
    const walk_level *level = c->level;
    const walk_pool *nearest_hits = gate ? &gate->hits : &w->pool;
    if (c->now >= w->pool.count || !c->in_range) return false;
    if (c->seen + WALK_WIDTH * level->degree > w->seen_capacity) {
        c->overflow = true;
        c->seen = 0;
    }
    if (w->patience.rank && hnsw_walk_has_seen_enough(w, nearest_hits->count)) return false;
    if (gate && gate->usual && should_abandon(w, gate)) return false;
    c->limit = hnsw_walk_limit(&w->stop, w->patience.rank ? &w->pool : nearest_hits);
    if (w->pool.entries[c->now].distance > c->limit) return false;
    uint32_t taken = 0, found = 0;
    c->fresh = w->seen + c->seen;
    for (uint32_t i = c->now; i < w->pool.count && taken < WALK_WIDTH; i++) {
        uint32_t at = w->pool.entries[i].at;
        if (at & WALK_DONE) continue;
        w->pool.entries[i].at |= WALK_DONE;
        int more = unvisited_links(w, level, at, c->fresh + found);
        if (more < 0)
            c->in_range = false;
        else
            found += (uint32_t)more;
        taken++;
    }
    c->seen += found;
    c->found = found;
    w->followed += taken;
    c->rows = c->fresh;
    if (!level->rows) return true;
    for (uint32_t i = 0; i < found; i++) {
        w->rows[i] = level->rows[c->fresh[i]];
        c->in_range &= w->rows[i] < c->query->column->vectors->rows;
    }
    c->rows = w->rows;
    c->overflow |= !c->in_range;
    return c->in_range;
}

/* Prefetch the links of the candidates that are the next ones now. */
static MV_ALWAYS_INLINE void prefetch_next_links(const walk_course *c)
{
    const walk_pool *pool = &c->w->pool;
    for (uint32_t i = c->now, ahead = 0; i < pool->count && ahead < WALK_WIDTH; i++) {
        if (pool->entries[i].at & WALK_DONE) continue;
        hnsw_walk_prefetch_links(c->level, pool->entries[i].at);
        ahead++;
    }
}

/* Measure the positions that course_follow has found, and insert them into the pool. False: the
 * walk ends. */
static inline bool course_measure(walk_course *c, walk_gate *gate, bool takes_turns)
{
    walk *w = c->w;
    const walk_level *level = c->level;
    uint32_t found = c->found, now = c->now;
    if (takes_turns) {
        codes_to_prefetched_rows(c->query, c->rows, found, w->distances);
    } else {
        prefetch_next_links(c);
        codes_to_rows(c->query, c->rows, found, w->distances);
    }
    w->distances_count += found;
    uint32_t nearest = w->pool.capacity,
             changes = gate ? push_matches(w, gate, c->rows, w->distances, found) : 0;
    for (uint32_t i = 0; i < found; i++) {
        if (w->distances[i] > c->limit) continue;
        uint32_t position = pool_insert(&w->pool, w->distances[i], c->fresh[i]);
        if (position < nearest) nearest = position;
        if (!takes_turns && position < now + WALK_WIDTH)
            hnsw_walk_prefetch_links(level, c->fresh[i]);
        if (!gate) changes += patience_counts(&w->patience, position, w->distances[i]);
    }
    if (w->patience.rank) patience_note(&w->patience, changes, w->followed);
    if (MV_UNLIKELY(w->trace != NULL) && note_trace(w, c->rows, found)) return false;
    if (nearest <= now)
        now = nearest;
    else
        while (now < w->pool.count && w->pool.entries[now].at & WALK_DONE) now++;
    c->now = now;
    if (takes_turns) prefetch_next_links(c);
    return true;
}

/* False: a link, or the row of a position, was out of range. */
static inline bool course_end(const walk_course *c)
{
    walk *w = c->w;
    bool was_cut = w->pool.count == w->pool_max && w->pool_max < c->level->count;
    if (w->patience.rank && w->distances_max && c->now == w->pool.count && was_cut)
        w->end = WALK_TOO_COSTLY;
    hnsw_walk_clear_visited(w, c->level, c->seen, c->overflow || !c->in_range);
    return c->in_range;
}

static inline bool walk_over(walk *w, walk_gate *gate, const codes_query *query,
                             const walk_level *level)
{
    walk_course c;
    if (!course_begin(&c, w, gate, query, level)) return false;
    while (course_follow(&c, gate) && course_measure(&c, gate, false)) continue;
    return course_end(&c);
}

bool hnsw_walk_course_begin(walk_course *c, walk *w, const codes_query *query,
                            const walk_level *level)
{
    if (!course_begin(c, w, NULL, query, level)) return false;
    prefetch_next_links(c);
    return true;
}

bool hnsw_walk_course_step(walk_course *c)
{
    c->has_followed = !c->has_followed;
    if (!c->has_followed) return course_measure(c, NULL, true);
    if (!course_follow(c, NULL)) return false;
    codes_prefetch_rows(c->query, c->rows, c->found);
    return true;
}

bool hnsw_walk_course_end(const walk_course *c)
{
    return course_end(c);
}

bool hnsw_walk_enter(walk *w, const codes_query *query, const walk_level *level, uint32_t at)
{
    float distance;
    if (at >= level->count) return false;
    uint32_t row = level->rows ? level->rows[at] : at;
    if (row >= query->column->vectors->rows) return false;
    codes_to_rows(query, &row, 1, &distance);
    w->distances_count++;
    w->pool.entries[0] = (walk_entry){distance, at};
    w->pool.count = 1;
    return true;
}

void hnsw_walk_enter_bottom(walk *w, const uint32_t *nodes)
{
    walk_entry *entries = w->pool.entries;
    for (uint32_t i = 0; i < w->pool.count; i++) entries[i].at = nodes[entries[i].at & ~WALK_DONE];
}

bool hnsw_walk_over(walk *w, const codes_query *query, const walk_level *level)
{
    return walk_over(w, NULL, query, level);
}

bool hnsw_walk_over_gated(walk *w, walk_gate *gate, const codes_query *query,
                          const walk_level *level)
{
    mv_assert(!level->rows); /* positions are rows */
    mv_assert(gate->share > 0);
    pool_clear(&gate->hits);
    gate->matches_met = 0;
    gate->next_check = gate->usual;
    if (!walk_over(w, gate, query, level)) return false;
    if (gate->usual && !w->end && has_few_matches_nearest(w, gate)) w->end = WALK_FEW_MATCHES;
    return true;
}

bool hnsw_walk_descend(walk *w, const codes_query *query, const walk_level *levels, uint32_t top,
                       uint32_t bottom, const uint32_t *nodes, uint32_t width)
{
    uint32_t capacity = w->pool.capacity, rank = w->patience.rank;
    walk_stop stop = w->stop;
    mv_assert(bottom <= top);
    mv_assert(top > 0);
    mv_assert(top <= HNSW_LEVELS_MAX);
    mv_assert(width <= w->pool_max);
    w->stop = (walk_stop){0};
    w->patience.rank = 0;
    bool in_range = hnsw_walk_enter(w, query, &levels[top], 0);
    for (uint32_t level = top; level > bottom && in_range; level--) {
        w->pool.capacity = hnsw_walk_descent_width(level, bottom, width);
        in_range = hnsw_walk_over(w, query, &levels[level]);
    }
    if (in_range && !bottom) hnsw_walk_enter_bottom(w, nodes);
    w->pool.capacity = capacity;
    w->stop = stop;
    w->patience.rank = rank;
    return in_range;
}

void hnsw_walk_traversal_begin(walk_traversal *s, const walk_level *level, uint32_t at)
{
    mv_assert(at < level->count);
    memset(s->marks, 0, bits_words(level->count) * sizeof *s->marks);
    bits_set(s->marks, at);
    s->queue[0] = at;
    s->next = 0;
    s->count = 1;
}

void hnsw_walk_traversal_step(walk_traversal *s, const walk_level *level, uint32_t most)
{
    for (; s->next < s->count && most; s->next++, most--) {
        const uint32_t *links = level->links + (size_t)s->queue[s->next] * level->degree;
        for (uint32_t i = 0; i < level->degree && links[i] != HNSW_NONE; i++) {
            if (bits_get(s->marks, links[i])) continue;
            bits_set(s->marks, links[i]);
            s->queue[s->count++] = links[i];
        }
    }
}
