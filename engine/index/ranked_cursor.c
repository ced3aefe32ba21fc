/* Reading one list of ranked lists (ranked.h). */
#include "index/ranked_pack.h"
#include "index/ranked_read.h"

mv_err ranked_cursor_damaged(mv_error *error)
{
    return error_set(error, MV_CORRUPT, "a list of the ranked lists is damaged");
}

/* ---------------------------------------------------------------- tails */

/* Read the rows of a tail, the first of which is at least `first`, from bit *at on. False: they are
 * damaged, or go beyond bit `end`. */
static bool read_tail_rows(ranked_cursor *c, uint32_t first, uint32_t count, uint64_t *at,
                           uint64_t end)
{
    uint32_t span = c->lists->head.rows - first - count, low = ranked_low_bits(span, count), i = 0;
    uint64_t ones = *at + (uint64_t)count * low, last = ones + count + (span >> low), next = ones;
    if (last < end) end = last;
    if (ones >= end) return false;
    for (i = 0; i < count; i++)
        c->rows[i] = ranked_read_bits(c->tail, *at + (uint64_t)i * low, low);
    for (i = 0; i < count && next < end; next += 32) {
        uint64_t bits = ranked_read_bits(c->tail, next, 32);
        for (; bits && i < count; bits &= bits - 1, i++) {
            *at = next + MV_LOWEST_BIT(bits) + 1;
            c->rows[i] += first + i + ((uint32_t)(*at - 1 - ones - i) << low);
        }
    }
    return i == count && *at <= end && ranked_is_ascending(c->rows, count, c->lists->head.rows);
}

/* Read the tail as the current block. */
static bool read_tail(ranked_cursor *c)
{
    uint32_t count = c->count % RANKED_BLOCK, least = UINT32_MAX;
    uint64_t first = c->blocks_count ? (uint64_t)c->blocks[c->blocks_count - 1].last + 1 : 0;
    uint64_t end = (uint64_t)(c->end - c->tail) * 8, at = 16;
    if (end < at || first + count > c->lists->head.rows ||
        !read_tail_rows(c, (uint32_t)first, count, &at, end))
        return false;
    uint32_t bits = ranked_tail_widths[c->tail[1] & 7];
    if (end - at < count * bits) return false;
    for (uint32_t i = 0; i < count; i++, at += bits) {
        c->freqs[i] = 1 + ranked_read_bits(c->tail, at, bits);
        least = c->freqs[i] < least ? c->freqs[i] : least;
    }
    bits = c->tail[1] >> 3;
    c->tail_position_bits = (uint8_t)(bits < 31 ? bits : 32);
    c->tail_positions = at;
    return least > 0;
}

/* The same in formats 1 and 2. */
static bool read_varint_tail(ranked_cursor *c)
{
    uint32_t count = c->count % RANKED_BLOCK, row = UINT32_MAX, difference;
    const uint8_t *at = c->tail + 1;
    if (c->blocks_count) row = c->blocks[c->blocks_count - 1].last;
    for (uint32_t i = 0; i < count; i++) {
        if (!ranked_read_varint(&at, c->end, &difference) ||
            !ranked_read_varint(&at, c->end, &c->freqs[i]))
            return false;
        uint64_t next = (uint64_t)(uint32_t)(row + 1) + difference;
        if (next >= c->lists->head.rows || c->freqs[i] == UINT32_MAX) return false;
        c->rows[i] = row = (uint32_t)next;
        c->freqs[i]++;
    }
    c->tail_position_bits = 0;
    c->tail_positions = (uint64_t)(at - c->tail) * 8;
    return true;
}

static bool read_any_tail(ranked_cursor *c)
{
    return c->lists->head.format >= 3 ? read_tail(c) : read_varint_tail(c);
}

/* ---------------------------------------------------------------- lists */

static bool is_block_in_bounds(const ranked_cursor *c, const ranked_block *b)
{
    uint64_t words = ranked_pack_words(b->row_bits) + ranked_pack_words(b->freq_bits);
    return b->row_bits <= 32 && b->freq_bits <= 32 &&
           ((uint64_t)b->bits + words) * 4 <= (uint64_t)(c->end - c->bits);
}

/* Read the count of a list, and go to what is behind it. */
static bool read_count(const ranked_lists *lists, const uint8_t **at, const uint8_t *end,
                       uint32_t *count)
{
    if (lists->head.format < 3) {
        if ((*at - lists->lists) % 4 || end - *at < 4) return false;
        memcpy(count, *at, sizeof *count);
        *at += sizeof *count;
    } else {
        if (!ranked_read_varint(at, end, count)) return false;
        if (*count >= RANKED_BLOCK) *at += -(*at - lists->lists) & 3;
    }
    return *count && *count <= lists->head.rows && *at <= end;
}

/* Find a list. */
static bool find_ranked_list(const ranked_lists *lists, uint32_t term, const uint8_t **at,
                             const uint8_t **end, uint32_t *count)
{
    uint64_t start, limit = lists->lists_size - RANKED_PADDING, last = limit;
    mv_assert(term < lists->head.terms);
    if (!invert_pack_get(&lists->starts, term, &start) ||
        (term + 1 < lists->head.terms && !invert_pack_get(&lists->starts, term + 1, &last)) ||
        last > limit || start > last)
        return false;
    *at = lists->lists + start;
    *end = lists->lists + last;
    return read_count(lists, at, *end, count);
}

mv_err ranked_cursor_count(const ranked_lists *lists, uint32_t term, uint32_t *count,
                           mv_error *error)
{
    const uint8_t *at, *end;
    return find_ranked_list(lists, term, &at, &end, count) ? MV_OK : ranked_cursor_damaged(error);
}

mv_err ranked_cursor_begin(ranked_cursor *c, const ranked_lists *lists, uint32_t term,
                           mv_error *error)
{
    const uint8_t *at;
    if (!find_ranked_list(lists, term, &at, &c->end, &c->count))
        return ranked_cursor_damaged(error);
    c->lists = lists;
    c->given_rows = NULL;
    c->blocks_count = c->count / RANKED_BLOCK;
    c->blocks = (const ranked_block *)(const void *)at;
    uint64_t blocks_size = (uint64_t)c->blocks_count * sizeof *c->blocks, bits = 0;
    if (blocks_size > (uint64_t)(c->end - at)) return ranked_cursor_damaged(error);
    c->bits = at + blocks_size;
    if (c->blocks_count) {
        const ranked_block *last = &c->blocks[c->blocks_count - 1];
        if (!is_block_in_bounds(c, last)) return ranked_cursor_damaged(error);
        bits = ((uint64_t)last->bits + ranked_pack_words(last->row_bits) +
                ranked_pack_words(last->freq_bits)) *
               4;
    }
    c->tail = c->bits + bits;
    c->block = 0;
    c->read_block = RANKED_NONE;
    c->at = c->read_count = 0;
    if (!(c->count % RANKED_BLOCK)) return MV_OK;
    c->block = c->blocks_count;
    if (c->tail >= c->end || !ranked_cursor_read(c)) return ranked_cursor_damaged(error);
    c->tail_bound = *c->tail;
    c->tail_last = c->rows[c->read_count - 1];
    c->block = 0;
    return MV_OK;
}

static uint8_t bound_of_given(const ranked_cursor *c, uint32_t first, uint32_t end)
{
    const ranked_head *head = &c->lists->head;
    float most = 0;
    for (uint32_t i = first; i < end; i++) {
        uint32_t length = ranked_length(c->lists, c->given_rows[i]);
        most =
            fmaxf(most, ranked_fraction(c->given_freqs[i], ranked_norm(head->c, head->d, length)));
    }
    return ranked_stored_bound(most);
}

void ranked_cursor_of_rows(ranked_cursor *c, const ranked_lists *lists, const uint32_t *rows,
                           const uint32_t *freqs, uint32_t count, ranked_block *blocks)
{
    mv_assert(count > 0);
    mv_assert(rows[count - 1] < lists->head.rows);
    c->lists = lists;
    c->given_rows = rows;
    c->given_freqs = freqs;
    c->count = count;
    c->blocks_count = count / RANKED_BLOCK;
    c->blocks = blocks;
    c->block = c->at = c->read_count = 0;
    c->read_block = RANKED_NONE;
    for (uint32_t i = 0; i < c->blocks_count; i++) {
        uint32_t end = (i + 1) * RANKED_BLOCK;
        blocks[i] = (ranked_block){.last = rows[end - 1],
                                   .bound = bound_of_given(c, end - RANKED_BLOCK, end)};
    }
    c->tail_last = rows[count - 1];
    c->tail_bound = bound_of_given(c, c->blocks_count * RANKED_BLOCK, count);
}

void ranked_cursor_skip(ranked_cursor *c, uint32_t row)
{
    uint32_t step = 1, low = c->block, high;
    if (low >= c->blocks_count) {
        if (low == c->blocks_count && ranked_cursor_last(c) < row) c->block++;
        return;
    }
    if (c->blocks[low].last >= row) return;
    while (low + step < c->blocks_count && c->blocks[low + step].last < row) {
        low += step;
        step *= 2;
    }
    high = low + step < c->blocks_count ? low + step : c->blocks_count;
    while (low + 1 < high) { /* blocks[low] is before, `high` is not, or is the tail */
        uint32_t middle = low + (high - low) / 2;
        if (c->blocks[middle].last < row)
            low = middle;
        else
            high = middle;
    }
    c->block = high;
    if (high == c->blocks_count && ranked_cursor_last(c) < row) c->block++;
}

/* Do the rows of a block ascend, from the row behind `before` to the last one? 128 differences of
 * up to 24 bits cannot go around 2^32, so that the last row is proof enough. */
static bool is_block_ascending(const ranked_cursor *c, const ranked_block *b, uint32_t before)
{
    if (c->rows[RANKED_BLOCK - 1] != b->last) return false;
    if (b->row_bits > 24) return ranked_is_ascending(c->rows, RANKED_BLOCK, c->lists->head.rows);
    return b->last < c->lists->head.rows && (before == UINT32_MAX || before < b->last);
}

/* Is no frequency 2^32, stored as one less? It is 0 as a number of 32 bits. */
static bool has_all_freqs(const ranked_cursor *c, const ranked_block *b)
{
    bool ok = true;
    for (uint32_t i = 0; i < RANKED_BLOCK && b->freq_bits == 32; i++) ok &= c->freqs[i] != 0;
    return ok;
}

/* Read a whole block. What is read is used as indexes. */
static bool unpack_ranked_block(ranked_cursor *c)
{
    const ranked_block *b = &c->blocks[c->block];
    uint32_t before = c->block ? b[-1].last : UINT32_MAX;
    if (!is_block_in_bounds(c, b)) return false;
    const uint8_t *bits = c->bits + (size_t)b->bits * 4;
    ranked_pack_read(bits, b->row_bits, c->rows);
    ranked_pack_sum(before, c->rows);
    ranked_pack_read(bits + (size_t)ranked_pack_words(b->row_bits) * 4, b->freq_bits, c->freqs);
    for (uint32_t i = 0; i < RANKED_BLOCK; i++) c->freqs[i]++;
    return has_all_freqs(c, b) && is_block_ascending(c, b, before);
}

bool ranked_cursor_read(ranked_cursor *c)
{
    bool ok = true;
    if (c->read_block == c->block) return true;
    mv_assert(c->block <= c->blocks_count);
    c->at = 0;
    c->read_count = c->block < c->blocks_count ? RANKED_BLOCK : c->count % RANKED_BLOCK;
    if (c->given_rows) {
        size_t from = (size_t)c->block * RANKED_BLOCK;
        memcpy(c->rows, c->given_rows + from, c->read_count * sizeof *c->rows);
        memcpy(c->freqs, c->given_freqs + from, c->read_count * sizeof *c->freqs);
    } else {
        ok = c->block == c->blocks_count ? read_any_tail(c) : unpack_ranked_block(c);
    }
    memset(c->rows + c->read_count, 0xff, (RANKED_BLOCK - c->read_count) * sizeof *c->rows);
    c->read_block = ok ? c->block : RANKED_NONE;
    return ok;
}

bool ranked_cursor_freq(ranked_cursor *c, uint32_t row, uint32_t *freq)
{
    *freq = 0;
    if (ranked_cursor_last(c) < row) ranked_cursor_skip(c, row);
    if (c->block > c->blocks_count || ranked_cursor_last(c) == UINT32_MAX) return true;
    if (!ranked_cursor_read(c)) return false;
    c->at = ranked_cursor_find(c, row);
    if (c->rows[c->at] == row) *freq = c->freqs[c->at];
    return true;
}

bool ranked_cursor_freqs(ranked_cursor *c, const uint32_t *rows, uint32_t count, uint32_t *freqs)
{
    for (uint32_t i = 0; i < count;) {
        ranked_cursor_skip(c, rows[i]);
        uint32_t last = ranked_cursor_last(c);
        if (last == UINT32_MAX) {
            memset(freqs + i, 0, (count - i) * sizeof *freqs);
            return true;
        }
        if (!ranked_cursor_read(c)) return false;
        for (; i < count && rows[i] <= last; i++) {
            uint32_t at = ranked_cursor_find(c, rows[i]);
            freqs[i] = c->freqs[at] & -(uint32_t)(c->rows[at] == rows[i]);
        }
    }
    return true;
}

/* ---------------------------------------------------------------- positions */

/* Bits in which positions are. */
typedef struct position_bits {
    const uint8_t *bytes;
    uint64_t at, end; /* the first bit; behind the last one that there can be */
    uint32_t width;   /* of a position */
} position_bits;

/* Formats 1 and 2 have varints instead in a tail. */
static bool has_varint_positions(const ranked_cursor *c)
{
    return c->block == c->blocks_count && c->lists->head.format < 3;
}

/* Those of the block that has been read, from its first row on. */
static position_bits positions_of_block(const ranked_cursor *c)
{
    if (c->block == c->blocks_count)
        return (position_bits){c->tail, c->tail_positions, (uint64_t)(c->end - c->tail) * 8,
                               c->tail_position_bits};
    const ranked_block *b = &c->blocks[c->block];
    return (position_bits){c->lists->positions, (uint64_t)b->positions * 4 * 8,
                           (c->lists->positions_size - RANKED_PADDING) * 8, b->position_bits};
}

/* Can the positions of `rows` rows, `count` in all, begin at `bits->at`? Without bits all positions
 * are 0, and a row has one. */
static bool has_place(const position_bits *bits, uint64_t rows, uint64_t count)
{
    return bits->width <= 32 && (bits->width || count == rows) &&
           bits->at + count * bits->width <= bits->end;
}

/* Have varints place for `count` positions? Each has a byte or more. */
static bool has_place_for_varints(const ranked_cursor *c, uint64_t count)
{
    return count <= (size_t)(c->end - c->tail) - c->tail_positions / 8;
}

/* Those of row `c->at`. False: damaged. */
static bool find_positions(const ranked_cursor *c, position_bits *out)
{
    uint64_t before = 0;
    for (uint32_t i = 0; i < c->at; i++) before += c->freqs[i];
    *out = positions_of_block(c);
    out->at += before * out->width;
    return has_place(out, 1, c->freqs[c->at]);
}

/* Read the positions of a row. */
static void read_row_positions(position_bits *bits, uint32_t freq, uint32_t *positions)
{
    uint32_t position = 0;
    for (uint32_t i = 0; i < freq; i++, bits->at += bits->width)
        positions[i] = position += ranked_read_bits(bits->bytes, bits->at, bits->width);
}

/* The same of varints; NULL: pass over them. False: damaged. */
static bool read_row_varints(const ranked_cursor *c, const uint8_t **at, uint32_t freq,
                             uint32_t *positions)
{
    uint32_t position = 0, difference;
    for (uint32_t i = 0; i < freq; i++) {
        if (!ranked_read_varint(at, c->end, &difference)) return false;
        position += difference;
        if (positions) positions[i] = position;
    }
    return true;
}

bool ranked_cursor_has_positions(const ranked_cursor *c)
{
    position_bits bits;
    mv_assert(c->read_block == c->block);
    mv_assert(c->at < c->read_count);
    mv_assert(!c->given_rows);
    mv_assert(c->lists->positions);
    if (!has_varint_positions(c)) return find_positions(c, &bits);
    return has_place_for_varints(c, c->freqs[c->at]);
}

/* Formats 1 and 2: positions of row `c->at` of the tail. */
static bool read_varint_positions(const ranked_cursor *c, uint32_t *positions)
{
    const uint8_t *at = c->tail + c->tail_positions / 8;
    for (uint32_t i = 0; i < c->at; i++)
        if (!read_row_varints(c, &at, c->freqs[i], NULL)) return false;
    return read_row_varints(c, &at, c->freqs[c->at], positions);
}

bool ranked_cursor_positions(const ranked_cursor *c, uint32_t *positions)
{
    position_bits bits;
    mv_assert(c->read_block == c->block);
    if (has_varint_positions(c)) return read_varint_positions(c, positions);
    if (!find_positions(c, &bits)) return false;
    read_row_positions(&bits, c->freqs[c->at], positions);
    return true;
}

bool ranked_cursor_count_positions(const ranked_cursor *c, uint32_t *count)
{
    uint64_t sum = 0;
    mv_assert(c->read_block == c->block);
    for (uint32_t i = 0; i < c->read_count; i++) sum += c->freqs[i];
    *count = (uint32_t)sum;
    if (has_varint_positions(c)) return has_place_for_varints(c, sum);
    position_bits bits = positions_of_block(c);
    return has_place(&bits, c->read_count, sum);
}

bool ranked_cursor_all_positions(const ranked_cursor *c, uint32_t *positions)
{
    position_bits bits = positions_of_block(c);
    bool are_varints = has_varint_positions(c), ok = true;
    const uint8_t *at = are_varints ? c->tail + c->tail_positions / 8 : NULL;
    mv_assert(c->read_block == c->block);
    mv_assert(c->lists->positions);
    for (uint32_t i = 0; i < c->read_count && ok; positions += c->freqs[i++]) {
        if (are_varints)
            ok = read_row_varints(c, &at, c->freqs[i], positions);
        else
            read_row_positions(&bits, c->freqs[i], positions);
    }
    return ok;
}
