/* The best rows for some terms: a merge of the short lists, then MaxScore over windows of rows
 * (Turtle, Flood: Query evaluation: strategies and optimizations, 1995) with the bounds of blocks
 * (Ding, Suel, SIGIR 2011).
 *
 * The shortest lists are read whole and merged into one, which has the sum of the scores of each
 * row. Other terms can only add to them, so no row is a hit that stays below the k best of these
 * sums: the search begins with a floor.
 *
 * A window is WINDOW_ROWS rows. In each, a term that is not merged can add at most the largest
 * bound of its blocks there. Terms are sorted by that; as long as the sum of the smallest ones is
 * not enough for a hit, these terms are not essential: a row that has no other term, merged ones
 * included, is no hit. So
 *
 *   1. candidates are the merged rows, and the rows of the essential terms. Their scores are added
 *      up for each row of the window; rows from one source alone are taken as they are. A block is
 *      not read if its bound and those of all other terms together are not enough;
 *   2. candidates are looked up in the lists of the other terms, largest bound first. After each
 *      list, those that are clearly no hits are left out.
 *
 * Candidates go through these steps together, in loops without a branch on what a row has. One by
 * one, a search for 8 words took 1.3 times as long: branches were mispredicted, and scores were
 * computed one at a time.
 *
 * A window in which all bounds together are not enough is skipped. Where the filter passes few
 * rows, others are left out before they are scored; where it passes very few, these are the
 * candidates, and all terms are looked up. A long list alone is read without windows.
 *
 * Scores are whole numbers while they are added, so that their order does not matter: of the
 * largest possible score about 2^30. */
#include <math.h>
#include <string.h>

#include "index/ranked_read.h"

#define WINDOW_ROWS       4096u
#define FIRST_WINDOW_ROWS 512u /* a multiple of 64 */
#define WINDOW_WORDS      (WINDOW_ROWS / 64)
#define SCORE_MAX         1073741824.0 /* 2^30: one more bit is left for rounding */
/* With this many matching rows in a window or fewer, each is looked up in all lists. Measured on
 * package descriptions: with 2 rows a search for 8 words takes 0.81 of the time, with 41 rows it
 * would take 1.13. */
#define FEW_MATCHES 8u
/* The most rows that all merges together read. Measured on package descriptions: with twice as many
 * a search for 5 words takes 1.1 of the time, with half as many one for 8 words 1.02. */
#define MERGE_MAX 4096u
/* Merged scores are counted by their high bits to find a floor. */
#define FLOOR_SHIFT   22
#define FLOOR_BUCKETS 512u

typedef struct search_leaf {
    ranked_cursor *cursor;
    float weight;   /* score of the fraction 1 */
    uint32_t most;  /* that it can add in this window */
    uint32_t below; /* the sum of `most` of the leaves before it, in the order of the window */
} search_leaf;

/* Rows, ascending, and their scores. */
typedef struct scored_rows {
    uint32_t *rows, *scores;
    uint32_t count;
} scored_rows;

typedef struct ranking {
    const ranked_query *q;
    topk *hits;
    ranked_counts *counts;
    search_leaf *leaves;        /* those not merged, in the order of the window */
    uint32_t count;             /* of them */
    scored_rows merged;         /* the rows of short lists that match */
    scored_rows spare;          /* memory for the next merge */
    double unit;                /* of scores */
    float factor;               /* of bounds */
    float norms[UINT8_MAX + 1]; /* ranked_norm of short lengths */
    uint32_t floor;             /* a score that is no more is no hit */
    uint32_t least;             /* what `floor` is at least, because of the merged rows */
    bool is_selective;          /* at most half of all rows match: others get no score */
    bool is_damaged;

    /* The window. */
    uint32_t begin, end;
    scored_rows here;       /* its merged rows */
    uint32_t here_end;      /* the first merged row behind it */
    uint32_t here_most;     /* the largest score of `here` */
    uint32_t sum;           /* what all leaves can add */
    uint32_t *scores;       /* of all rows of the window */
    uint64_t *touched;      /* bit set: the row has a score */
    scored_rows candidates; /* at most WINDOW_ROWS */
    uint32_t *freqs;        /* of the candidates, in the list that they are looked up in */
} ranking;

size_t ranked_search_size(uint32_t leaves)
{
    return mem_whole_lines(leaves * sizeof(search_leaf)) +
           (4 * WINDOW_ROWS + 4 * MERGE_MAX) * sizeof(uint32_t) + WINDOW_WORDS * sizeof(uint64_t);
}

/* All terms count, also those that no row of these lists has: scores are the same in all segments.
 */
static double unit_of(const float *weights, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += (double)weights[i];
    return SCORE_MAX / sum;
}

/* At least 1, so that a row that matches is a hit, however little its terms weigh. The conversion
 * is signed, as SSE2 has it. */
static uint32_t score_of(float weight, uint32_t freq, float norm)
{
    return 1 + (uint32_t)(int32_t)(weight * ranked_fraction(freq, norm));
}

/* The same in lists of weights, but rounded up: a row that has a term has a score, however little
 * the term counts. */
static uint32_t weight_score(float weight, uint32_t freq)
{
    return 1 + (uint32_t)(weight * ranked_weight_fraction(freq));
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
    if (r->floor < r->least) r->floor = r->least;
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

/* ---------------------------------------------------------------- rows and scores */

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

/* Most lengths are bytes, and few of them are in LONGS: then the loop has no branch. */
static void read_norms(const ranking *r, const uint32_t *rows, uint32_t count, float *norms)
{
    const ranked_lists *lists = r->q->lists;
    bool are_bytes = lists->byte_lengths;
    for (uint32_t i = 0; i < count && lists->byte_lengths; i++) {
        uint32_t length = lists->byte_lengths[rows[i]];
        norms[i] = r->norms[length];
        are_bytes &= length < UINT8_MAX;
    }
    for (uint32_t i = 0; i < count && !are_bytes; i++)
        norms[i] = ranked_norm(r->q->c, r->q->d, ranked_length(lists, rows[i]));
}

/* The scores of rows, at most a block, that have the term of a leaf. */
static void score_rows(const ranking *r, const search_leaf *leaf, const uint32_t *rows,
                       const uint32_t *freqs, uint32_t count, uint32_t *restrict scores)
{
    float norms[RANKED_BLOCK];
    if (r->q->lists->most) {
        for (uint32_t i = 0; i < count; i++) scores[i] = weight_score(leaf->weight, freqs[i]);
    } else {
        read_norms(r, rows, count, norms);
        for (uint32_t i = 0; i < count; i++) scores[i] = score_of(leaf->weight, freqs[i], norms[i]);
    }
}

/* The rows of a block, and what a leaf gives them. */
typedef struct scored_block {
    const uint32_t *rows;
    uint32_t count;
    uint32_t scores[RANKED_BLOCK];
    uint32_t kept_rows[RANKED_BLOCK], kept_freqs[RANKED_BLOCK]; /* memory for `rows` */
} scored_block;

/* Score the rows of the current block from `begin` to before `end`; with `only_matches` no others
 * than those that match. False: the block is damaged. */
static bool score_block(ranking *r, const search_leaf *leaf, uint32_t begin, uint32_t end,
                        bool only_matches, scored_block *out)
{
    ranked_cursor *c = leaf->cursor;
    r->counts->blocks_read++;
    if (!ranked_cursor_read(c)) {
        r->is_damaged = true;
        return false;
    }
    uint32_t from = c->rows[0] < begin ? ranked_cursor_find(c, begin) : 0,
             to = ranked_cursor_last(c) < end ? c->read_count : ranked_cursor_find(c, end);
    const uint32_t *freqs = c->freqs + from;
    out->rows = c->rows + from;
    out->count = to - from;
    if (only_matches) {
        out->count = keep_matches(r, out->rows, freqs, out->count, out->kept_rows, out->kept_freqs);
        out->rows = out->kept_rows;
        freqs = out->kept_freqs;
    }
    score_rows(r, leaf, out->rows, freqs, out->count, out->scores);
    return true;
}

/* ---------------------------------------------------------------- short lists */

/* Merge the rows of a block with those of `merged` from *at on, into `spare`. */
static void merge_block(ranking *r, const scored_block *block, uint32_t *at)
{
    const scored_rows *from = &r->merged;
    scored_rows *to = &r->spare;
    uint32_t i = *at, j = 0, n = to->count;
    while (i < from->count && j < block->count) {
        uint32_t a = from->rows[i], b = block->rows[j];
        to->rows[n] = a < b ? a : b;
        to->scores[n++] = (a <= b ? from->scores[i] : 0) + (b <= a ? block->scores[j] : 0);
        i += a <= b;
        j += b <= a;
    }
    for (; j < block->count; j++, n++) {
        to->rows[n] = block->rows[j];
        to->scores[n] = block->scores[j];
    }
    to->count = n;
    *at = i;
}

/* Merge the list of a leaf with `merged`. */
static void merge_leaf(ranking *r, const search_leaf *leaf)
{
    ranked_cursor *c = leaf->cursor;
    scored_rows from = r->merged, *to = &r->spare;
    scored_block block;
    uint32_t at = 0;
    to->count = 0;
    for (; ranked_cursor_last(c) != UINT32_MAX; c->block++) {
        if (!score_block(r, leaf, 0, UINT32_MAX, r->q->matches, &block)) return;
        merge_block(r, &block, &at);
    }
    memcpy(to->rows + to->count, from.rows + at, (from.count - at) * sizeof *to->rows);
    memcpy(to->scores + to->count, from.scores + at, (from.count - at) * sizeof *to->scores);
    to->count += from.count - at;
    r->merged = *to;
    r->spare = from;
}

/* No row is a hit that has less than the k best merged rows. One that has as much may be, and in
 * the end scores are compared as floats, which have 24 bits. */
static void set_least(ranking *r)
{
    uint32_t buckets[FLOOR_BUCKETS] = {0}, bucket = FLOOR_BUCKETS, above = 0;
    if (r->merged.count < r->hits->capacity) return;
    for (uint32_t i = 0; i < r->merged.count; i++) buckets[r->merged.scores[i] >> FLOOR_SHIFT]++;
    while (above < r->hits->capacity) above += buckets[--bucket];
    uint32_t score = bucket << FLOOR_SHIFT, rounding = (score >> 22) + 2;
    r->least = score > rounding ? score - rounding : 0;
    set_floor(r);
}

static void merge_short_lists(ranking *r)
{
    uint64_t read = 0;
    for (uint32_t i = 1; i < r->count; i++) {
        search_leaf leaf = r->leaves[i];
        uint32_t at = i;
        for (; at && r->leaves[at - 1].cursor->count > leaf.cursor->count; at--)
            r->leaves[at] = r->leaves[at - 1];
        r->leaves[at] = leaf;
    }
    for (; r->count && !r->is_damaged; r->leaves++, r->count--) {
        read += (uint64_t)r->merged.count + r->leaves->cursor->count;
        if (read > MERGE_MAX) break;
        merge_leaf(r, r->leaves);
    }
    set_least(r);
}

/* ---------------------------------------------------------------- bounds of a window */

/* What a leaf can add in the window. Its cursor goes to the first block there. */
static uint32_t most_in_window(const ranking *r, const search_leaf *leaf)
{
    ranked_cursor *c = leaf->cursor;
    uint32_t bound = 0;
    ranked_cursor_skip(c, r->begin);
    for (uint32_t block = c->block; block < c->blocks_count; block++) {
        if (c->blocks[block].bound > bound) bound = c->blocks[block].bound;
        if (c->blocks[block].last >= r->end - 1) return bound_score(r, leaf, bound);
    }
    if (c->block <= c->blocks_count && c->count % RANKED_BLOCK && c->tail_bound > bound)
        bound = c->tail_bound;
    return bound ? bound_score(r, leaf, bound) : 0;
}

/* Sort the leaves by what they can add. */
static void order_leaves(ranking *r)
{
    search_leaf *leaves = r->leaves;
    for (uint32_t i = 0; i < r->count; i++) {
        search_leaf leaf = leaves[i];
        uint32_t at = i;
        leaf.most = most_in_window(r, &leaf);
        for (; at && leaves[at - 1].most > leaf.most; at--) leaves[at] = leaves[at - 1];
        leaves[at] = leaf;
    }
    r->sum = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        leaves[i].below = r->sum;
        r->sum += leaves[i].most;
    }
}

/* Find the merged rows of the window. */
static void find_here(ranking *r)
{
    const scored_rows *all = &r->merged;
    uint32_t first = r->here_end, at = first, most = 0;
    for (; at < all->count && all->rows[at] < r->end; at++)
        if (all->scores[at] > most) most = all->scores[at];
    r->here = (scored_rows){all->rows + first, all->scores + first, at - first};
    r->here_end = at;
    r->here_most = most;
}

static uint32_t words_of_window(const ranking *r)
{
    return (uint32_t)bits_words(r->end - r->begin);
}

/* The bits of the matching rows of the window. */
static uint64_t matches_at(const ranking *r, uint32_t word)
{
    return r->q->matches ? r->q->matches[r->begin / 64 + word] : UINT64_MAX;
}

static uint32_t count_matches(const ranking *r)
{
    size_t count = 0;
    if (!r->q->matches) return r->end - r->begin;
    for (uint32_t word = 0; word < words_of_window(r) && count <= FEW_MATCHES; word++)
        count += (size_t)__builtin_popcountll(matches_at(r, word));
    return (uint32_t)count;
}

/* ---------------------------------------------------------------- candidates */

/* Rows that are hits if they get `others`, or less, become candidates. */
static void take_rows(ranking *r, const uint32_t *rows, const uint32_t *scores, uint32_t count,
                      uint32_t others, const uint64_t *matches)
{
    scored_rows *to = &r->candidates;
    uint32_t kept = to->count;
    if (count > WINDOW_ROWS - kept) { /* blocks have rows in common */
        r->is_damaged = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        to->rows[kept] = rows[i];
        to->scores[kept] = scores[i];
        kept += (scores[i] + others > r->floor) & (!matches || bits_get(matches, rows[i]));
    }
    to->count = kept;
}

/* Add to the scores of the window. */
static void add_rows(ranking *r, const uint32_t *rows, const uint32_t *scores, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = rows[i] - r->begin;
        r->scores[at] += scores[i];
        r->touched[at / 64] |= (uint64_t)1 << at % 64;
    }
}

/* Rows that have a score in the window, and are hits if they get `others`, become candidates. */
static void collect_rows(ranking *r, uint32_t others)
{
    scored_rows *to = &r->candidates;
    uint32_t kept = 0;
    for (uint32_t word = 0; word < words_of_window(r); word++) {
        uint64_t left = r->touched[word], matches = matches_at(r, word);
        r->touched[word] = 0;
        for (; left; left &= left - 1) {
            uint32_t bit = MV_LOWEST_BIT(left), at = word * 64 + bit;
            to->rows[kept] = r->begin + at;
            to->scores[kept] = r->scores[at];
            kept += (r->scores[at] + others > r->floor) & (uint32_t)(matches >> bit & 1);
            r->scores[at] = 0;
        }
    }
    to->count = kept;
}

/* Add the current block of a leaf to the scores, or take its rows if no others are added. */
static void add_block(ranking *r, const search_leaf *leaf, bool is_only)
{
    scored_block b;
    if (!score_block(r, leaf, r->begin, r->end, r->is_selective, &b)) return;
    if (is_only)
        take_rows(r, b.rows, b.scores, b.count, leaf->below,
                  r->is_selective ? NULL : r->q->matches);
    else
        add_rows(r, b.rows, b.scores, b.count);
}

/* `others`: what all other terms can add. */
static void add_leaf(ranking *r, const search_leaf *leaf, uint32_t others, bool is_only)
{
    ranked_cursor *c = leaf->cursor;
    while (!r->is_damaged) {
        uint32_t bound = ranked_cursor_bound(c);
        if (!bound) return;
        if (bound_score(r, leaf, bound) + others > r->floor)
            add_block(r, leaf, is_only);
        else
            r->counts->blocks_skipped++;
        /* A block that goes on behind the window stays the current one. */
        uint32_t last = ranked_cursor_last(c);
        if (last >= r->end - 1) return;
        c->block++;
        if (c->block <= c->blocks_count && c->blocks[c->block - 1].last >= r->end - 1) return;
    }
}

/* The rows that match are the candidates. */
static void find_few(ranking *r)
{
    for (uint32_t word = 0; word < words_of_window(r); word++)
        r->touched[word] = matches_at(r, word);
    add_rows(r, r->here.rows, r->here.scores, r->here.count);
    collect_rows(r, r->sum);
}

/* The rows of the leaves from `essential` on, and the merged ones. */
static void find_candidates(ranking *r, uint32_t essential)
{
    const scored_rows *here = &r->here;
    r->candidates.count = 0;
    if (essential == r->count) {
        take_rows(r, here->rows, here->scores, here->count, r->sum, NULL);
    } else if (essential + 1 == r->count && !here->count) {
        add_leaf(r, &r->leaves[essential], r->leaves[essential].below, true);
    } else {
        add_rows(r, here->rows, here->scores, here->count);
        for (uint32_t i = essential; i < r->count; i++)
            add_leaf(r, &r->leaves[i], r->sum - r->leaves[i].most + r->here_most, false);
        collect_rows(r, r->leaves[essential].below);
    }
}

/* Add what a list gives to the candidates, and leave out those that are no hits whatever is in the
 * lists of the leaves before. */
static void look_up_candidates(ranking *r, const search_leaf *leaf)
{
    const scored_rows found = r->candidates;
    if (!ranked_cursor_freqs(leaf->cursor, found.rows, found.count, r->freqs)) {
        r->is_damaged = true;
        return;
    }
    r->candidates.count = 0;
    for (uint32_t from = 0; from < found.count; from += RANKED_BLOCK) {
        uint32_t count = found.count - from < RANKED_BLOCK ? found.count - from : RANKED_BLOCK;
        uint32_t freqs[RANKED_BLOCK], scores[RANKED_BLOCK];
        for (uint32_t i = 0; i < count; i++) freqs[i] = r->freqs[from + i] ? r->freqs[from + i] : 1;
        score_rows(r, leaf, found.rows + from, freqs, count, scores);
        for (uint32_t i = 0; i < count; i++)
            scores[i] = found.scores[from + i] + (r->freqs[from + i] ? scores[i] : 0);
        take_rows(r, found.rows + from, scores, count, leaf->below, NULL);
    }
}

static void search_window(ranking *r, bool is_few)
{
    const scored_rows *c = &r->candidates;
    uint32_t essential = 0;
    while (essential < r->count &&
           (is_few || r->leaves[essential].below + r->leaves[essential].most <= r->floor))
        essential++;
    if (is_few)
        find_few(r);
    else
        find_candidates(r, essential);
    for (uint32_t i = essential; i-- > 0 && c->count && !r->is_damaged;)
        look_up_candidates(r, &r->leaves[i]);
    for (uint32_t i = 0; i < c->count && !r->is_damaged; i++)
        if (c->scores[i] > r->floor) push_ranked_row(r, c->rows[i], c->scores[i]);
}

/* ---------------------------------------------------------------- searches */

static void start_ranking(ranking *r, const ranked_query *q, topk *hits, void *memory,
                          ranked_counts *counts)
{
    const ranked_head *head = &q->lists->head;
    *r = (ranking){.q = q, .hits = hits, .counts = counts, .leaves = memory, .factor = 1};
    r->is_selective = q->matches && q->matching <= head->rows / 2;
    uint32_t *words =
        (uint32_t *)(void *)((uint8_t *)memory + mem_whole_lines(q->count * sizeof *r->leaves));
    r->touched = (uint64_t *)(void *)words;
    words += 2 * WINDOW_WORDS;
    r->scores = words;
    r->freqs = words + WINDOW_ROWS;
    r->candidates = (scored_rows){words + 2 * WINDOW_ROWS, words + 3 * WINDOW_ROWS, 0};
    words += 4 * WINDOW_ROWS;
    r->merged = (scored_rows){words, words + MERGE_MAX, 0};
    r->spare = (scored_rows){words + 2 * MERGE_MAX, words + 3 * MERGE_MAX, 0};
    r->unit = unit_of(q->weights, q->count);
    for (uint32_t i = 0; i < q->count; i++)
        if (q->cursors[i])
            r->leaves[r->count++] = (search_leaf){
                .cursor = q->cursors[i], .weight = (float)((double)q->weights[i] * r->unit)};
    for (uint32_t length = 0; length <= UINT8_MAX; length++)
        r->norms[length] = ranked_norm(q->c, q->d, length);
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
    ranked_cursor *c = leaf->cursor;
    scored_block b;
    for (uint32_t bound; (bound = ranked_cursor_bound(c)); c->block++) {
        if (bound_score(r, leaf, bound) <= r->floor) {
            r->counts->blocks_skipped++;
            continue;
        }
        if (!score_block(r, leaf, 0, UINT32_MAX, false, &b)) return;
        for (uint32_t i = 0; i < b.count; i++)
            if (b.scores[i] > r->floor && (!r->q->matches || bits_get(r->q->matches, b.rows[i])))
                push_ranked_row(r, b.rows[i], b.scores[i]);
    }
}

/* Unless there is a floor already, the first windows are smaller, since all terms are essential
 * until there is one: 0.94 of the time for the slowest queries of two words. */
static void search_windows(ranking *r)
{
    uint32_t rows = r->q->lists->head.rows, size = r->floor ? WINDOW_ROWS : FIRST_WINDOW_ROWS;
    memset(r->scores, 0, WINDOW_ROWS * sizeof *r->scores);
    memset(r->touched, 0, WINDOW_WORDS * sizeof *r->touched);
    for (r->begin = 0; r->begin < rows && !r->is_damaged; r->begin = r->end) {
        r->end = rows - r->begin < size ? rows : r->begin + size;
        if (size < WINDOW_ROWS) size *= 2;
        find_here(r);
        uint32_t matching = count_matches(r);
        if (!matching) continue;
        order_leaves(r);
        if (r->sum + r->here_most > r->floor)
            search_window(r, r->q->matches && matching <= FEW_MATCHES);
    }
}

mv_err ranked_search(const ranked_query *q, topk *hits, void *memory, ranked_counts *counts,
                     mv_error *error)
{
    ranking r;
    if (!q->count || !q->matching) return MV_OK;
    start_ranking(&r, q, hits, memory, counts);
    if (r.count > 1) merge_short_lists(&r);
    if (r.count == 1 && !r.merged.count)
        search_list(&r);
    else if (!r.is_damaged)
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
        float weight = (float)((double)weights[i] * unit);
        if (freqs[i]) score += score_of(weight, freqs[i], ranked_norm(c, d, length));
    }
    return (float)(score / unit);
}
