/* The best rows for some terms: MaxScore over windows of rows (Turtle, Flood: Query evaluation:
 * strategies and optimizations, 1995), with the bounds of blocks (Ding, Suel, SIGIR 2011).
 *
 * A window is WINDOW_ROWS rows. In each, a term can add at most the largest bound of its blocks
 * there. Terms are sorted by that; as long as the sum of the smallest ones is not enough for a hit,
 * these terms are not essential: a row that has no other term is no hit. So
 *
 *   1. the blocks of essential terms are read, and scores are added up for each row of the window,
 *      unless the bound of a block and those of all other terms together are not enough;
 *   2. each row with a score is looked up in the lists of the other terms, largest bound first,
 *      until it is clear that it is no hit.
 *
 * A window in which all bounds together are not enough is skipped. Where the filter passes few
 * rows, others are left out before they are scored; where it passes very few, these are looked up
 * in all lists instead. One list alone is read without windows.
 *
 * Scores are whole numbers while they are added, so that their order does not matter: of the
 * largest possible score about 2^30. */
#include <math.h>
#include <string.h>

#include "index/ranked_read.h"

#define WINDOW_ROWS  4096u
#define WINDOW_WORDS (WINDOW_ROWS / 64)
#define SCORE_MAX    1073741824.0 /* 2^30: one more bit is left for rounding */
/* With this many matching rows in a window or fewer, each is looked up in all lists. Measured on
 * package descriptions: at 12 rows a look-up takes 0.94 of the time, at 20 rows 1.1, at 41
 * rows 1.4. */
#define FEW_MATCHES 16u

typedef struct search_leaf {
    ranked_cursor *cursor;
    float weight; /* score of the fraction 1 */
    float c, d;
    uint32_t most;  /* that it can add in this window */
    uint32_t below; /* the sum of `most` of the leaves before it, in the order of the window */
} search_leaf;

typedef struct ranking {
    const ranked_query *q;
    topk *hits;
    ranked_counts *counts;
    search_leaf *leaves; /* in the order of the window */
    uint32_t count;      /* of them */
    uint32_t *scores;    /* of the window */
    uint64_t *touched;   /* bit set: the row has a score */
    double unit;         /* of scores */
    float factor;        /* of bounds */
    uint32_t floor;      /* a score that is no more is no hit */
    uint32_t begin, end; /* the window */
    bool is_selective;   /* at most half of all rows match: others get no score */
    bool is_damaged;
} ranking;

size_t ranked_search_size(uint32_t leaves)
{
    return mem_whole_lines(leaves * sizeof(search_leaf)) +
           mem_whole_lines(WINDOW_ROWS * sizeof(uint32_t)) + WINDOW_WORDS * sizeof(uint64_t);
}

/* All terms count, also those that no row of these lists has: scores are the same in all segments.
 */
static double unit_of(const float *weights, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += (double)weights[i];
    return SCORE_MAX / sum;
}

/* At least 1, so that a row that matches is a hit, however little its terms weigh. */
static uint32_t score_of(const search_leaf *leaf, uint32_t freq, uint32_t length)
{
    return 1 + (uint32_t)(leaf->weight * ranked_fraction(freq, leaf->c, leaf->d, length));
}

/* The same in lists of weights, but rounded up: a row that has a term has a score, however little
 * the term counts. */
static uint32_t weight_score(const search_leaf *leaf, uint32_t freq)
{
    return 1 + (uint32_t)(leaf->weight * ranked_weight_fraction(freq));
}

static uint32_t bound_score(const ranking *r, const search_leaf *leaf, uint32_t bound)
{
    float fraction = (float)bound * (1.0f / 255) * r->factor;
    return (uint32_t)(leaf->weight * (fraction < 1 ? fraction : 1)) + 3;
}

/* Rows come in the order of their docids, so that a row that is as good as the last hit of a full
 * heap is no hit. */
static void set_floor(ranking *r)
{
    const topk *hits = r->hits;
    double least = 0;
    if (isfinite(hits->limit)) {
        double score = -(double)hits->limit, next = (double)nextafterf(-hits->limit, INFINITY);
        least = hits->count == hits->capacity ? (score + next) / 2 : score - (next - score);
    }
    double floor = least * r->unit - 2;
    r->floor = floor > 0 ? floor < SCORE_MAX * 2 ? (uint32_t)floor : UINT32_MAX : 0;
}

static void push_ranked_row(ranking *r, uint32_t row, uint32_t score)
{
    float distance = -(float)(score / r->unit);
    if (!topk_may_take(r->hits, distance)) return;
    topk_push(r->hits, (topk_entry){.distance = distance,
                                    .source = r->q->source,
                                    .row = row,
                                    .docid = r->q->docids[row]});
    set_floor(r);
}

/* What a leaf can add in the window. Its cursor goes to the first block there. */
static uint32_t most_in_window(const ranking *r, const search_leaf *leaf)
{
    ranked_cursor *c = leaf->cursor;
    uint32_t bound = 0;
    ranked_cursor_skip(c, r->begin);
    for (uint32_t block = c->block; block <= c->blocks_count; block++) {
        uint32_t first =
            block ? c->blocks[block - 1].last : 0; /* of the block, or the row before */
        if (first >= r->end) break;
        if (block == c->blocks_count) {
            if (c->count % RANKED_BLOCK && c->tail_bound > bound) bound = c->tail_bound;
        } else if (c->blocks[block].bound > bound) {
            bound = c->blocks[block].bound;
        }
    }
    return bound ? bound_score(r, leaf, bound) : 0;
}

/* Sort the leaves by what they can add. Returns the sum. */
static uint32_t order_leaves(ranking *r)
{
    search_leaf *leaves = r->leaves;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        search_leaf leaf = leaves[i];
        uint32_t at = i;
        leaf.most = most_in_window(r, &leaf);
        for (; at && leaves[at - 1].most > leaf.most; at--) leaves[at] = leaves[at - 1];
        leaves[at] = leaf;
    }
    for (uint32_t i = 0; i < r->count; i++) {
        leaves[i].below = sum;
        sum += leaves[i].most;
    }
    return sum;
}

/* Copy those of `count` rows that match, and their frequencies. Returns how many. */
static uint32_t keep_matches(const ranking *r, const uint32_t *rows, const uint32_t *freqs,
                             uint32_t count, uint32_t *kept_rows, uint32_t *kept_freqs)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        kept_rows[kept] = rows[i];
        kept_freqs[kept] = freqs[i];
        kept += bits_get(r->q->matches, rows[i]);
    }
    return kept;
}

/* Add the scores of `count` rows of the window that have the term of a leaf. */
static inline void add_scores(ranking *r, const search_leaf *leaf, const uint32_t *rows,
                              const uint32_t *freqs, uint32_t count)
{
    const ranked_lists *lists = r->q->lists;
    uint32_t scores[RANKED_BLOCK];
    if (lists->most)
        for (uint32_t i = 0; i < count; i++) scores[i] = weight_score(leaf, freqs[i]);
    else
        for (uint32_t i = 0; i < count; i++)
            scores[i] = score_of(leaf, freqs[i], ranked_length(lists, rows[i]));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = rows[i] - r->begin;
        r->scores[at] += scores[i];
        r->touched[at / 64] |= (uint64_t)1 << at % 64;
    }
}

/* Add those of the current block of a leaf. */
static void add_block(ranking *r, const search_leaf *leaf)
{
    ranked_cursor *c = leaf->cursor;
    uint32_t rows[RANKED_BLOCK], freqs[RANKED_BLOCK];
    r->counts->blocks_read++;
    if (!ranked_cursor_read(c)) {
        r->is_damaged = true;
        return;
    }
    uint32_t from = 0, to = c->read_count;
    while (from < to && c->rows[from] < r->begin) from++;
    while (to > from && c->rows[to - 1] >= r->end) to--;
    if (r->is_selective)
        add_scores(r, leaf, rows, freqs,
                   keep_matches(r, c->rows + from, c->freqs + from, to - from, rows, freqs));
    else
        add_scores(r, leaf, c->rows + from, c->freqs + from, to - from);
}

/* `others`: what all other leaves can add. */
static void add_leaf(ranking *r, const search_leaf *leaf, uint32_t others)
{
    ranked_cursor *c = leaf->cursor;
    while (!r->is_damaged) {
        uint32_t bound = ranked_cursor_bound(c);
        if (!bound) return;
        if (bound_score(r, leaf, bound) + others > r->floor)
            add_block(r, leaf);
        else
            r->counts->blocks_skipped++;
        /* A block that goes on behind the window stays the current one. */
        uint32_t last = ranked_cursor_last(c);
        if (last >= r->end - 1) return;
        c->block++;
        if (c->block <= c->blocks_count && c->blocks[c->block - 1].last >= r->end - 1) return;
    }
}

/* Add what the leaves before `count` give to the score of a row, and push it if it is a hit. */
static void finish_row(ranking *r, uint32_t row, uint32_t score, uint32_t count)
{
    bool has_weights = r->q->lists->most != NULL;
    uint32_t length = has_weights ? 0 : ranked_length(r->q->lists, row), freq;
    for (uint32_t i = count; i-- > 0;) {
        const search_leaf *leaf = &r->leaves[i];
        if (score + leaf->below + leaf->most <= r->floor) return;
        if (!ranked_cursor_freq(leaf->cursor, row, &freq)) r->is_damaged = true;
        if (freq) score += has_weights ? weight_score(leaf, freq) : score_of(leaf, freq, length);
    }
    if (score > r->floor) push_ranked_row(r, row, score);
}

static uint64_t matches_at(const ranking *r, uint32_t word)
{
    uint32_t at = r->begin / 64 + word;
    if (!r->q->matches) return UINT64_MAX;
    return at < bits_words(r->q->lists->head.rows) ? r->q->matches[at] : 0;
}

static void search_few(ranking *r)
{
    for (uint32_t word = 0; word < WINDOW_WORDS; word++)
        for (uint64_t left = matches_at(r, word); left; left &= left - 1)
            finish_row(r, r->begin + word * 64 + MV_LOWEST_BIT(left), 0, r->count);
}

static void search_window(ranking *r, uint32_t sum)
{
    uint32_t essential = 0, count = r->count;
    while (essential < count && r->leaves[essential].below + r->leaves[essential].most <= r->floor)
        essential++;
    for (uint32_t i = essential; i < count; i++)
        add_leaf(r, &r->leaves[i], sum - r->leaves[i].most);
    for (uint32_t word = 0; word < WINDOW_WORDS; word++) {
        uint64_t all = r->touched[word], left = all & matches_at(r, word);
        for (; left; left &= left - 1) {
            uint32_t at = word * 64 + MV_LOWEST_BIT(left);
            if (r->scores[at] + (essential ? r->leaves[essential].below : 0) > r->floor)
                finish_row(r, r->begin + at, r->scores[at], essential);
        }
        for (; all; all &= all - 1) r->scores[word * 64 + MV_LOWEST_BIT(all)] = 0;
        r->touched[word] = 0;
    }
}

static uint32_t count_matches(const ranking *r)
{
    size_t count = 0;
    if (!r->q->matches) return r->end - r->begin;
    for (uint32_t word = 0; word < WINDOW_WORDS && count <= FEW_MATCHES; word++)
        count += (size_t)__builtin_popcountll(matches_at(r, word));
    return (uint32_t)count;
}

static void start_ranking(ranking *r, const ranked_query *q, topk *hits, void *memory,
                          ranked_counts *counts)
{
    uint8_t *at = memory;
    const ranked_head *head = &q->lists->head;
    *r = (ranking){.q = q, .hits = hits, .counts = counts, .factor = 1};
    r->is_selective = q->matches && q->matching <= head->rows / 2;
    r->leaves = (search_leaf *)(void *)at;
    at += mem_whole_lines(q->count * sizeof *r->leaves);
    r->scores = (uint32_t *)(void *)at;
    at += mem_whole_lines(WINDOW_ROWS * sizeof *r->scores);
    r->touched = (uint64_t *)(void *)at;
    memset(r->scores, 0, WINDOW_ROWS * sizeof *r->scores);
    memset(r->touched, 0, WINDOW_WORDS * sizeof *r->touched);
    r->unit = unit_of(q->weights, q->count);
    for (uint32_t i = 0; i < q->count; i++)
        if (q->cursors[i])
            r->leaves[r->count++] =
                (search_leaf){.cursor = q->cursors[i],
                              .weight = (float)((double)q->weights[i] * r->unit),
                              .c = q->c,
                              .d = q->d};
    /* (f + c' + d' × length) / (f + c + d × length) is at most the larger of c' / c and d' / d. */
    if (head->c > q->c) r->factor = head->c / q->c;
    if (head->d > r->factor * q->d) r->factor = head->d / q->d;
    if (!(r->factor <= 255)) r->factor = 255;
    r->factor *= 1.00001f;
    set_floor(r);
}

/* One list: there is nothing to add up. */
static void search_list(ranking *r)
{
    const search_leaf *leaf = &r->leaves[0];
    const ranked_lists *lists = r->q->lists;
    ranked_cursor *c = leaf->cursor;
    for (uint32_t bound; (bound = ranked_cursor_bound(c)) && !r->is_damaged; c->block++) {
        if (bound_score(r, leaf, bound) <= r->floor) {
            r->counts->blocks_skipped++;
            continue;
        }
        r->counts->blocks_read++;
        if (!ranked_cursor_read(c)) {
            r->is_damaged = true;
            return;
        }
        for (uint32_t i = 0; i < c->read_count; i++) {
            uint32_t row = c->rows[i];
            uint32_t score = lists->most
                                 ? weight_score(leaf, c->freqs[i])
                                 : score_of(leaf, c->freqs[i], ranked_length(lists, row));
            if (score > r->floor && (!r->q->matches || bits_get(r->q->matches, row)))
                push_ranked_row(r, row, score);
        }
    }
}

static void search_windows(ranking *r)
{
    uint32_t rows = r->q->lists->head.rows;
    for (uint32_t begin = 0; begin < rows && !r->is_damaged; begin += WINDOW_ROWS) {
        r->begin = begin;
        r->end = rows - begin < WINDOW_ROWS ? rows : begin + WINDOW_ROWS;
        uint32_t matching = count_matches(r);
        if (!matching) continue;
        uint32_t sum = order_leaves(r);
        if (sum <= r->floor) continue;
        if (r->q->matches && matching <= FEW_MATCHES)
            search_few(r);
        else
            search_window(r, sum);
    }
}

mv_err ranked_search(const ranked_query *q, topk *hits, void *memory, ranked_counts *counts,
                     mv_error *error)
{
    ranking r;
    if (!q->count || !q->matching) return MV_OK;
    start_ranking(&r, q, hits, memory, counts);
    if (r.count == 1)
        search_list(&r);
    else if (r.count)
        search_windows(&r);
    if (r.is_damaged) return error_set(error, MV_CORRUPT, "a list of the ranked lists is damaged");
    return MV_OK;
}

float ranked_search_score(const float *weights, const uint32_t *freqs, uint32_t count, float c,
                          float d, uint32_t length)
{
    double unit = unit_of(weights, count);
    uint32_t score = 0;
    for (uint32_t i = 0; i < count; i++) {
        search_leaf leaf = {.weight = (float)((double)weights[i] * unit), .c = c, .d = d};
        if (freqs[i]) score += score_of(&leaf, freqs[i], length);
    }
    return (float)(score / unit);
}
