/* Opening and checking ranked lists, and their dictionary (ranked.h). */
#include <inttypes.h>
#include <string.h>

#include "index/ranked_read.h"

/* ---------------------------------------------------------------- opening */

static const index_part *find_ranked(const index_part *parts, uint32_t count, ranked_part_kind kind)
{
    for (uint32_t i = 0; i < count; i++)
        if (parts[i].kind == (uint32_t)kind && !parts[i].level) return &parts[i];
    return NULL;
}

static mv_err bad_size(ranked_part_kind kind, uint64_t size, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "part %d of the ranked lists has %" PRIu64 " bytes",
                     (int)kind, size);
}

static mv_err need_ranked(const index_part *parts, uint32_t count, ranked_part_kind kind,
                          uint64_t least, const index_part **out, mv_error *error)
{
    static const index_part none = {0};
    const index_part *part = find_ranked(parts, count, kind);
    if (!part) part = &none;
    if (part->size < least || (part->size && !part->bytes))
        return bad_size(kind, part->size, error);
    *out = part;
    return MV_OK;
}

static mv_err open_ranked_packed(const index_part *parts, uint32_t count, ranked_part_kind kind,
                                 uint32_t numbers, invert_packed *packed, mv_error *error)
{
    const index_part *blocks, *bits;
    uint64_t size = (uint64_t)invert_pack_blocks(numbers) * sizeof(invert_block);
    MV_TRY(need_ranked(parts, count, kind, size, &blocks, error));
    if (blocks->size != size) return bad_size(kind, blocks->size, error);
    MV_TRY(need_ranked(parts, count, kind + 1, numbers ? PACK_TAIL : 0, &bits, error));
    *packed = (invert_packed){blocks->bytes, bits->bytes, bits->size, numbers};
    return MV_OK;
}

/* Are these flags those of lists of this format and kind? */
static bool are_flags_right(uint32_t format, uint32_t flags, bool of_weights)
{
    if (of_weights) return format == 2 && flags == (RANKED_WITHOUT_POSITIONS | RANKED_OF_WEIGHTS);
    return flags == (format == 2 ? RANKED_WITHOUT_POSITIONS : 0);
}

/* Open what all lists have. */
static mv_err open_lists(const index_part *parts, uint32_t parts_count, uint32_t rows,
                         bool of_weights, ranked_lists *lists, mv_error *error)
{
    const index_part *head, *terms, *bytes;
    *lists = (ranked_lists){0};
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_HEAD, sizeof *lists->head, &head, error));
    if (head->size != sizeof *lists->head) return bad_size(RANKED_PART_HEAD, head->size, error);
    const ranked_head *h = lists->head = head->bytes;
    if (h->format > RANKED_FORMAT)
        return error_set(error, MV_WRONG_VERSION,
                         "the ranked lists have format %u, this moonvec reads up to %u", h->format,
                         RANKED_FORMAT);
    if (!h->format || h->rows != rows || !(h->c >= 0 && h->c < INFINITY) ||
        !(h->d >= 0 && h->d < INFINITY) || h->zero ||
        !are_flags_right(h->format, h->flags, of_weights))
        return error_set(error, MV_CORRUPT, "the head of the ranked lists is damaged");
    MV_TRY(open_ranked_packed(parts, parts_count, RANKED_PART_ENDS, h->terms, &lists->ends, error));
    MV_TRY(open_ranked_packed(parts, parts_count, RANKED_PART_STARTS, h->terms, &lists->starts,
                              error));
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_TERMS, 0, &terms, error));
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_LISTS, RANKED_PADDING, &bytes, error));
    lists->terms = terms->bytes;
    lists->terms_size = terms->size;
    lists->lists = bytes->bytes;
    lists->lists_size = bytes->size;
    return MV_OK;
}

mv_err ranked_open(const index_part *parts, uint32_t parts_count, uint32_t rows,
                   ranked_lists *lists, mv_error *error)
{
    const index_part *positions, *lengths, *longs;
    MV_TRY(open_lists(parts, parts_count, rows, false, lists, error));
    const ranked_head *h = lists->head;
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_POSITIONS, h->flags ? 0 : RANKED_PADDING,
                       &positions, error));
    if (h->flags && positions->size) return bad_size(RANKED_PART_POSITIONS, positions->size, error);
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_LENGTHS, rows * sizeof(uint16_t), &lengths,
                       error));
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_LONGS,
                       (uint64_t)h->longs * 2 * sizeof(uint32_t), &longs, error));
    if (lengths->size != rows * sizeof(uint16_t))
        return bad_size(RANKED_PART_LENGTHS, lengths->size, error);
    if (longs->size != (uint64_t)h->longs * 2 * sizeof(uint32_t))
        return bad_size(RANKED_PART_LONGS, longs->size, error);
    lists->positions = positions->bytes;
    lists->positions_size = positions->size;
    lists->lengths = lengths->bytes;
    lists->longs = longs->bytes;
    return MV_OK;
}

mv_err ranked_open_weights(const index_part *parts, uint32_t parts_count, uint32_t rows,
                           ranked_lists *lists, mv_error *error)
{
    const index_part *most;
    MV_TRY(open_lists(parts, parts_count, rows, true, lists, error));
    uint64_t size = (uint64_t)lists->head->terms * sizeof *lists->most;
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_MOST, size, &most, error));
    if (most->size != size) return bad_size(RANKED_PART_MOST, most->size, error);
    lists->most = most->bytes ? most->bytes : (const float *)(const void *)lists->lists;
    return MV_OK;
}

/* ---------------------------------------------------------------- the dictionary */

static mv_err damaged_terms(mv_error *error)
{
    return error_set(error, MV_CORRUPT, "the terms of the ranked lists are damaged");
}

mv_err ranked_term(const ranked_lists *lists, uint32_t at, const char **term, uint32_t *size,
                   mv_error *error)
{
    uint64_t begin = 0, end;
    mv_assert(at < lists->head->terms);
    if ((at && !invert_pack_get(&lists->ends, at - 1, &begin)) ||
        !invert_pack_get(&lists->ends, at, &end) || end > lists->terms_size || end <= begin ||
        end - begin > RANKED_TERM_MAX)
        return damaged_terms(error);
    *term = (const char *)lists->terms + begin;
    *size = (uint32_t)(end - begin);
    return MV_OK;
}

/* The first term that is not before `term`, or, if `after`, does not begin with it either. */
static mv_err lower_bound(const ranked_lists *lists, const char *term, uint32_t size, bool after,
                          uint32_t from, uint32_t *at, mv_error *error)
{
    uint32_t low = from, high = lists->head->terms;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, other_size;
        const char *other;
        MV_TRY(ranked_term(lists, middle, &other, &other_size, error));
        uint32_t common = other_size < size ? other_size : size;
        int order = memcmp(other, term, common);
        bool is_before = order < 0 || (!order && (other_size < size || after));
        if (is_before)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return MV_OK;
}

mv_err ranked_find(const ranked_lists *lists, const char *term, uint32_t size, bool as_prefix,
                   uint32_t *first, uint32_t *end, mv_error *error)
{
    const char *found;
    uint32_t found_size;
    MV_TRY(lower_bound(lists, term, size, false, 0, first, error));
    *end = *first;
    if (as_prefix) return lower_bound(lists, term, size, true, *first, end, error);
    if (*first == lists->head->terms) return MV_OK;
    MV_TRY(ranked_term(lists, *first, &found, &found_size, error));
    *end += found_size == size && !memcmp(found, term, size);
    return MV_OK;
}

mv_err ranked_most(const ranked_lists *lists, uint32_t at, float *most, mv_error *error)
{
    mv_assert(at < lists->head->terms);
    *most = lists->most[at];
    return *most > 0 && *most <= MV_VECTOR_NUMBER_MAX ? MV_OK : ranked_cursor_damaged(error);
}

uint32_t ranked_index_term(uint32_t index, bool is_negative, char term[RANKED_INDEX_SIZE])
{
    for (uint32_t i = 0; i < 4; i++) term[i] = (char)(uint8_t)(index >> (24 - 8 * i));
    term[4] = '-';
    return 4 + is_negative;
}

/* ---------------------------------------------------------------- checking */

/* The bound of the current block is right, of lists of weights. */
static bool are_weights_bound(const ranked_cursor *c)
{
    for (uint32_t i = 0; i < c->read_count; i++)
        if (c->freqs[i] > ranked_cursor_bound(c)) return false;
    return true;
}

/* The same of lists of a text. */
static bool is_bound_right(const ranked_cursor *c)
{
    const ranked_head *head = c->lists->head;
    for (uint32_t i = 0; i < c->read_count; i++) {
        uint32_t length = ranked_length(c->lists, c->rows[i]);
        float fraction = ranked_fraction(c->freqs[i], head->c, head->d, length);
        if (fraction * 255 > (float)ranked_cursor_bound(c)) return false;
    }
    return true;
}

/* There is nothing where the positions of the current block would be: behind a tail only zeros, up
 * to a multiple of 4 bytes. */
static bool is_without_positions(const ranked_cursor *c)
{
    uint32_t rest = 0;
    if (c->block < c->blocks_count)
        return !c->blocks[c->block].positions && !c->blocks[c->block].position_bits;
    if (c->end - c->tail_positions > 3) return false;
    for (const uint8_t *at = c->tail_positions; at < c->end; at++) rest |= *at;
    return !rest;
}

/* Positions ascend in each row of the current block. */
static mv_err check_positions(ranked_cursor *c, mem_buffer *positions, mv_error *error)
{
    for (c->at = 0; c->at < c->read_count; c->at++) {
        uint32_t freq = c->freqs[c->at];
        if (!ranked_cursor_has_positions(c)) return ranked_cursor_damaged(error);
        size_t size = mem_array_size(freq, sizeof(uint32_t));
        positions->size = 0;
        if (!mem_buffer_reserve(positions, size))
            return error_memory(error, size, "checking ranked lists");
        uint32_t *at = (uint32_t *)(void *)positions->data;
        if (!ranked_cursor_positions(c, at)) return ranked_cursor_damaged(error);
        for (uint32_t i = 1; i < freq; i++)
            if (at[i] <= at[i - 1]) return ranked_cursor_damaged(error);
    }
    return MV_OK;
}

static mv_err check_list(ranked_cursor *c, const ranked_lists *lists, uint32_t term,
                         mem_buffer *positions, uint64_t *postings, mv_error *error)
{
    uint32_t rows = 0, row = 0;
    float most;
    if (lists->most) MV_TRY(ranked_most(lists, term, &most, error));
    MV_TRY(ranked_cursor_begin(c, lists, term, error));
    for (; ranked_cursor_last(c) != UINT32_MAX; c->block++) {
        if (!ranked_cursor_read(c)) return ranked_cursor_damaged(error);
        if (rows && c->rows[0] <= row) return ranked_cursor_damaged(error);
        row = ranked_cursor_last(c);
        for (uint32_t i = 0; i < c->read_count; i++) *postings += lists->most ? 1 : c->freqs[i];
        rows += c->read_count;
        bool is_right = lists->most ? are_weights_bound(c) : is_bound_right(c);
        if (!is_right || (!lists->positions && !is_without_positions(c)))
            return ranked_cursor_damaged(error);
        if (lists->positions) MV_TRY(check_positions(c, positions, error));
    }
    return rows == c->count ? MV_OK : ranked_cursor_damaged(error);
}

mv_err ranked_check(const ranked_lists *lists, mv_error *error)
{
    const char *term, *before = NULL;
    uint32_t size, before_size = 0;
    uint64_t occurrences = 0, tokens = 0;
    mem_buffer positions = {0};
    ranked_cursor *c = mem_alloc(sizeof *c);
    mv_err err = c ? MV_OK : error_memory(error, sizeof *c, "checking ranked lists");
    for (uint32_t at = 0; at < lists->head->terms && !err; at++) {
        if ((err = ranked_term(lists, at, &term, &size, error))) break;
        uint32_t common = size < before_size ? size : before_size;
        int order = before ? memcmp(before, term, common) : -1;
        if (order > 0 || (!order && before_size >= size)) err = damaged_terms(error);
        if (!err) err = check_list(c, lists, at, &positions, &occurrences, error);
        before = term;
        before_size = size;
    }
    if (lists->most) tokens = occurrences;
    for (uint32_t row = 0; row < lists->head->rows && !lists->most && !err; row++)
        tokens += ranked_length(lists, row);
    if (!err && (tokens != lists->head->tokens || occurrences < tokens))
        err = error_set(error, MV_CORRUPT, "the lengths of the ranked lists are damaged");
    mem_buffer_free(&positions);
    mem_free(c, sizeof *c);
    return err;
}
