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
    if (of_weights) return format >= 3 && flags == (RANKED_WITHOUT_POSITIONS | RANKED_OF_WEIGHTS);
    if (format >= 3) return !(flags & ~(RANKED_WITHOUT_POSITIONS | RANKED_BYTE_LENGTHS));
    return flags == (format == 2 ? RANKED_WITHOUT_POSITIONS : 0);
}

/* Terms in a block. */
static uint32_t terms_block(const ranked_head *head)
{
    return head->format >= 3 ? RANKED_TERMS_BLOCK : 1;
}

static uint32_t terms_blocks(const ranked_head *head)
{
    return head->terms / terms_block(head) + (head->terms % terms_block(head) != 0);
}

/* Open what all lists have. */
static mv_err open_lists(const index_part *parts, uint32_t parts_count, uint32_t rows,
                         bool of_weights, ranked_lists *lists, mv_error *error)
{
    const index_part *head, *terms, *bytes;
    *lists = (ranked_lists){0};
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_HEAD, sizeof lists->head, &head, error));
    if (head->size != sizeof lists->head) return bad_size(RANKED_PART_HEAD, head->size, error);
    memcpy(&lists->head, head->bytes, sizeof lists->head);
    const ranked_head *h = &lists->head;
    if (h->format > RANKED_FORMAT)
        return error_set(error, MV_WRONG_VERSION,
                         "the ranked lists have format %u, this moonvec reads up to %u", h->format,
                         RANKED_FORMAT);
    if (!h->format || h->rows != rows || !(h->c >= 0 && h->c < INFINITY) ||
        !(h->d >= 0 && h->d < INFINITY) || h->zero ||
        !are_flags_right(h->format, h->flags, of_weights))
        return error_set(error, MV_CORRUPT, "the head of the ranked lists is damaged");
    MV_TRY(open_ranked_packed(parts, parts_count, RANKED_PART_ENDS, terms_blocks(h), &lists->ends,
                              error));
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

static mv_err open_lengths(const index_part *parts, uint32_t count, ranked_lists *lists,
                           mv_error *error)
{
    const index_part *lengths, *longs;
    const ranked_head *h = &lists->head;
    bool are_bytes = h->flags & RANKED_BYTE_LENGTHS;
    uint64_t size = (uint64_t)h->rows * (are_bytes ? sizeof(uint8_t) : sizeof(uint16_t)),
             longs_size = (uint64_t)h->longs * 2 * sizeof(uint32_t);
    MV_TRY(need_ranked(parts, count, RANKED_PART_LENGTHS, size, &lengths, error));
    MV_TRY(need_ranked(parts, count, RANKED_PART_LONGS, longs_size, &longs, error));
    if (lengths->size != size) return bad_size(RANKED_PART_LENGTHS, lengths->size, error);
    if (longs->size != longs_size) return bad_size(RANKED_PART_LONGS, longs->size, error);
    lists->byte_lengths = are_bytes ? lengths->bytes : NULL;
    lists->lengths = are_bytes ? NULL : lengths->bytes;
    lists->longs = longs->bytes;
    return MV_OK;
}

mv_err ranked_open(const index_part *parts, uint32_t parts_count, uint32_t rows,
                   ranked_lists *lists, mv_error *error)
{
    const index_part *positions;
    MV_TRY(open_lists(parts, parts_count, rows, false, lists, error));
    bool has_positions = !(lists->head.flags & RANKED_WITHOUT_POSITIONS);
    MV_TRY(need_ranked(parts, parts_count, RANKED_PART_POSITIONS,
                       has_positions ? RANKED_PADDING : 0, &positions, error));
    if (!has_positions && positions->size)
        return bad_size(RANKED_PART_POSITIONS, positions->size, error);
    lists->positions = positions->bytes;
    lists->positions_size = positions->size;
    return open_lengths(parts, parts_count, lists, error);
}

mv_err ranked_open_weights(const index_part *parts, uint32_t parts_count, uint32_t rows,
                           ranked_lists *lists, mv_error *error)
{
    const index_part *most;
    MV_TRY(open_lists(parts, parts_count, rows, true, lists, error));
    uint64_t size = (uint64_t)lists->head.terms * sizeof *lists->most;
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

/* Go to before the first term of a block. */
static bool begin_terms(ranked_term *t, uint32_t block)
{
    const ranked_lists *lists = t->lists;
    uint64_t begin = 0, end;
    if ((block && !invert_pack_get(&lists->ends, block - 1, &begin)) ||
        !invert_pack_get(&lists->ends, block, &end) || end > lists->terms_size || begin > end)
        return false;
    t->size = 0;
    t->next = lists->terms + begin;
    t->end = lists->terms + end;
    return true;
}

/* Read the next term of a block. */
static bool read_term(ranked_term *t)
{
    const uint8_t *at = t->next;
    if (t->end - at < 2) return false;
    uint32_t shared = *at & 15, size = *at >> 4;
    at++;
    if (!size) size = *at++;
    if (!size || size > (size_t)(t->end - at) || shared > t->size ||
        shared + size > RANKED_TERM_MAX)
        return false;
    memcpy(t->bytes + shared, at, size);
    t->size = shared + size;
    t->next = at + size;
    return true;
}

/* Read the only term of a block: formats 1 and 2. */
static bool read_only_term(ranked_term *t)
{
    if (t->end == t->next || t->end - t->next > (ptrdiff_t)RANKED_TERM_MAX) return false;
    t->size = (uint32_t)(t->end - t->next);
    memcpy(t->bytes, t->next, t->size);
    return true;
}

mv_err ranked_term_next(ranked_term *t, mv_error *error)
{
    const ranked_head *head = &t->lists->head;
    uint32_t block = terms_block(head);
    if (++t->at == head->terms) return MV_OK;
    if (t->at % block == 0 && !begin_terms(t, t->at / block)) return damaged_terms(error);
    return (block > 1 ? read_term(t) : read_only_term(t)) ? MV_OK : damaged_terms(error);
}

mv_err ranked_term_at(ranked_term *t, const ranked_lists *lists, uint32_t at, mv_error *error)
{
    uint32_t block = terms_block(&lists->head);
    mv_assert(at <= lists->head.terms);
    t->lists = lists;
    t->at = at == lists->head.terms ? at : at - at % block;
    if (t->at == lists->head.terms) return MV_OK;
    t->at--; /* of the first one UINT32_MAX: the next one is 0 */
    do MV_TRY(ranked_term_next(t, error));
    while (t->at < at);
    return MV_OK;
}

/* Is a term before `bytes`, or, if `after`, does it at least begin with them? */
static bool is_term_before(const ranked_term *t, const char *bytes, uint32_t size, bool after)
{
    uint32_t common = t->size < size ? t->size : size;
    int order = memcmp(t->bytes, bytes, common);
    return order < 0 || (!order && (t->size < size || after));
}

/* Go to the first term that is not before `bytes`, or, if `after`, does not begin with them either.
 */
static mv_err find_term(ranked_term *t, const ranked_lists *lists, const char *bytes, uint32_t size,
                        bool after, mv_error *error)
{
    uint32_t block = terms_block(&lists->head), low = 0, high = terms_blocks(&lists->head);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        MV_TRY(ranked_term_at(t, lists, middle * block, error));
        if (is_term_before(t, bytes, size, after))
            low = middle + 1;
        else
            high = middle;
    }
    MV_TRY(ranked_term_at(t, lists, low ? (low - 1) * block : 0, error));
    while (t->at < lists->head.terms && is_term_before(t, bytes, size, after))
        MV_TRY(ranked_term_next(t, error));
    return MV_OK;
}

mv_err ranked_find(const ranked_lists *lists, const char *term, uint32_t size, bool as_prefix,
                   uint32_t *first, uint32_t *end, mv_error *error)
{
    ranked_term t;
    MV_TRY(find_term(&t, lists, term, size, false, error));
    *first = t.at;
    *end = *first + (t.at < lists->head.terms && t.size == size && !memcmp(t.bytes, term, size));
    if (!as_prefix) return MV_OK;
    MV_TRY(find_term(&t, lists, term, size, true, error));
    *end = t.at;
    return *end >= *first ? MV_OK : damaged_terms(error);
}

mv_err ranked_most(const ranked_lists *lists, uint32_t at, float *most, mv_error *error)
{
    mv_assert(at < lists->head.terms);
    *most = lists->most[at];
    return *most > 0 && *most <= MV_VECTOR_NUMBER_MAX ? MV_OK : ranked_cursor_damaged(error);
}

uint32_t ranked_index_term(uint32_t index, bool is_negative, char term[RANKED_INDEX_SIZE])
{
    for (uint32_t i = 0; i < 4; i++) term[i] = (char)(uint8_t)(index >> (24 - 8 * i));
    term[4] = '-';
    return 4 + is_negative;
}

uint32_t ranked_long_length(const ranked_lists *lists, uint32_t row)
{
    uint32_t low = 0, high = lists->head.longs;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lists->longs[2 * (size_t)middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return high ? lists->longs[2 * (size_t)low + 1] : 0;
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
    const ranked_head *head = &c->lists->head;
    for (uint32_t i = 0; i < c->read_count; i++) {
        uint32_t length = ranked_length(c->lists, c->rows[i]);
        float fraction = ranked_fraction(c->freqs[i], ranked_norm(head->c, head->d, length));
        if (fraction * 255 > (float)ranked_cursor_bound(c)) return false;
    }
    return true;
}

/* There is nothing where the positions of the current block would be: behind a tail only zeros, up
 * to a whole byte, in formats 1 and 2 to a multiple of 4 bytes. */
static bool is_without_positions(const ranked_cursor *c)
{
    uint64_t end = (uint64_t)(c->end - c->tail) * 8, unit = c->lists->head.format >= 3 ? 8 : 32;
    uint32_t rest = 0;
    if (c->block < c->blocks_count)
        return !c->blocks[c->block].positions && !c->blocks[c->block].position_bits;
    if (end - c->tail_positions >= unit || c->tail_position_bits) return false;
    for (uint64_t at = c->tail_positions; at < end; at++) rest |= ranked_read_bits(c->tail, at, 1);
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
    ranked_term term, before = {.size = 0};
    uint64_t occurrences = 0, tokens = 0;
    mem_buffer positions = {0};
    ranked_cursor *c = mem_alloc(sizeof *c);
    mv_err err = c ? ranked_term_at(&term, lists, 0, error)
                   : error_memory(error, sizeof *c, "checking ranked lists");
    while (!err && term.at < lists->head.terms) {
        uint32_t common = term.size < before.size ? term.size : before.size;
        int order = memcmp(before.bytes, term.bytes, common);
        if (order > 0 || (!order && before.size >= term.size)) err = damaged_terms(error);
        if (!err) err = check_list(c, lists, term.at, &positions, &occurrences, error);
        before = term;
        if (!err) err = ranked_term_next(&term, error);
    }
    if (lists->most) tokens = occurrences;
    for (uint32_t row = 0; row < lists->head.rows && !lists->most && !err; row++)
        tokens += ranked_length(lists, row);
    if (!err && (tokens != lists->head.tokens || occurrences < tokens))
        err = error_set(error, MV_CORRUPT, "the lengths of the ranked lists are damaged");
    mem_buffer_free(&positions);
    mem_free(c, sizeof *c);
    return err;
}
