/* LIKE: `%` stands for any run of bytes, `_` for one character (a valid UTF-8 sequence, or else one
 * byte). Case is distinguished; ILIKE has folded pattern and text (filter_fold.c). Most patterns
 * are of a simple kind, for which comparing or searching bytes is enough. In general the pieces
 * between the `%` are searched one after the other, and each is matched where it occurs first: a
 * later occurrence would leave less text for the other pieces. So no piece is tried again, and the
 * worst case takes text × pattern steps. */
#include <simde/x86/sse2.h>
#include <string.h>

#include "query/filter_tree.h"

enum { ATOM_BYTE, ATOM_CHARACTER, ATOM_RUN };

size_t filter_like_character_size(const uint8_t *text, size_t size)
{
    mv_assert(size >= 1);
    uint8_t lead = text[0];
    size_t wanted = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
    if (wanted > size) return 1;
    for (size_t i = 1; i < wanted; i++)
        if ((text[i] & 0xC0) != 0x80) return 1;
    /* Overlong forms, surrogates and code points above U+10FFFF are not valid. */
    if ((lead == 0xE0 && text[1] < 0xA0) || (lead == 0xED && text[1] > 0x9F) ||
        (lead == 0xF0 && text[1] < 0x90) || (lead == 0xF4 && text[1] > 0x8F))
        return 1;
    return wanted;
}

static void push_atom(filter_like *like, uint8_t atom, uint8_t byte)
{
    if (atom == ATOM_RUN && like->size && like->atoms[like->size - 1] == ATOM_RUN) return;
    like->atoms[like->size] = atom;
    like->bytes[like->size++] = byte;
}

/* Push the first character of a text. Returns its size in the text. */
static size_t push_character(filter_like *like, const uint8_t *text, size_t size, bool folds)
{
    uint8_t folded[FILTER_FOLD_SIZE_MAX(4)];
    size_t taken = filter_like_character_size(text, size), pushed = taken;
    if (folds) {
        pushed = filter_fold_text(text, taken, folded);
        text = folded;
    }
    for (size_t i = 0; i < pushed; i++) push_atom(like, ATOM_BYTE, text[i]);
    return taken;
}

/* Split the pattern into atoms. False: it ends with its escape character. */
static bool split_pattern(const uint8_t *pattern, size_t size, const char *escape,
                          size_t escape_size, bool folds, filter_like *like)
{
    for (size_t i = 0; i < size;) {
        if (escape_size && size - i >= escape_size &&
            memcmp(pattern + i, escape, escape_size) == 0) {
            i += escape_size;
            if (i == size) return false;
        } else if (pattern[i] == '%' || pattern[i] == '_') {
            push_atom(like, pattern[i] == '%' ? ATOM_RUN : ATOM_CHARACTER, pattern[i]);
            i++;
            continue;
        }
        i += push_character(like, pattern + i, size - i, folds);
    }
    return true;
}

/* Recognize the simple kinds of patterns, and reduce these to their literal bytes. */
static void simplify(filter_like *like)
{
    size_t size = like->size;
    like->kind = FILTER_LIKE_GENERAL;
    bool starts_open = size && like->atoms[0] == ATOM_RUN;
    bool ends_open = size && like->atoms[size - 1] == ATOM_RUN;
    if (size == 1 && starts_open) {
        like->kind = FILTER_LIKE_ANYTHING;
        return;
    }
    for (size_t i = starts_open; i < size - ends_open; i++)
        if (like->atoms[i] != ATOM_BYTE) return;
    like->bytes += starts_open;
    like->size = size - starts_open - ends_open;
    like->kind = starts_open ? (ends_open ? FILTER_LIKE_INFIX : FILTER_LIKE_SUFFIX)
                             : (ends_open ? FILTER_LIKE_PREFIX : FILTER_LIKE_EXACT);
}

mv_err filter_like_compile(const char *pattern, size_t size, const char *escape, size_t escape_size,
                           bool folds, mem_arena *arena, filter_like *out, mv_error *error)
{
    size_t space = folds ? FILTER_FOLD_SIZE_MAX(size) : size;
    *out = (filter_like){0};
    out->bytes = mem_arena_alloc(arena, space);
    out->atoms = mem_arena_alloc(arena, space);
    if (!out->bytes || !out->atoms) return error_memory(error, space * 2, "a LIKE pattern");
    if (split_pattern((const uint8_t *)pattern, size, escape, escape_size, folds, out))
        simplify(out);
    else
        out->kind = FILTER_LIKE_NOTHING;
    return MV_OK;
}

filter_like filter_like_prefix(uint8_t *bytes, size_t size)
{
    return (filter_like){
        .kind = size ? FILTER_LIKE_PREFIX : FILTER_LIKE_ANYTHING, .bytes = bytes, .size = size};
}

/* The number of literal bytes in a row from atom `at`. */
static size_t literal_size(const filter_like *like, size_t at)
{
    size_t end = at;
    while (end < like->size && like->atoms[end] == ATOM_BYTE) end++;
    return end - at;
}

/* Match the pattern from atom *at against the text from *in, up to the next % or the end of the
 * pattern. False: they do not match. */
static bool match_piece(const filter_like *like, const uint8_t *text, size_t size, size_t *at,
                        size_t *in)
{
    for (; *at < like->size && like->atoms[*at] != ATOM_RUN; ++*at) {
        if (*in == size) return false;
        if (like->atoms[*at] == ATOM_CHARACTER) {
            *in += filter_like_character_size(text + *in, size - *in);
        } else {
            if (like->bytes[*at] != text[*in]) return false;
            ++*in;
        }
    }
    return true;
}

static bool match_general(const filter_like *like, const uint8_t *text, size_t size)
{
    size_t at = 0, in = 0;
    if (!match_piece(like, text, size, &at, &in)) return false;
    while (at < like->size) { /* at a %: find the first occurrence of the piece behind it */
        mv_assert(like->atoms[at] == ATOM_RUN);
        size_t piece = ++at, from = in, literal = literal_size(like, piece);
        if (piece == like->size) return true;
        for (;;) {
            const uint8_t *found = text + from;
            if (literal) found = memmem(found, size - from, like->bytes + piece, literal);
            if (!found) return false;
            at = piece, in = from = (size_t)(found - text);
            /* The last piece must end where the text ends. */
            if (match_piece(like, text, size, &at, &in) && (at < like->size || in == size)) break;
            if (from == size) return false;
            /* Advance by characters, so that `_` never matches the rest of a character. */
            from += filter_like_character_size(text + from, size - from);
        }
    }
    return in == size;
}

/* For 64 positions: bit i is set if bytes[i] is `first` and bytes[i + distance] is `last`. */
static inline uint64_t find_pairs(const uint8_t *bytes, size_t distance, simde__m128i first,
                                  simde__m128i last)
{
    uint64_t pairs = 0;
    for (uint32_t i = 0; i < 64; i += 16) {
        simde__m128i near = simde_mm_loadu_si128((const simde__m128i *)(const void *)(bytes + i)),
                     far = simde_mm_loadu_si128(
                         (const simde__m128i *)(const void *)(bytes + i + distance)),
                     both = simde_mm_and_si128(simde_mm_cmpeq_epi8(near, first),
                                               simde_mm_cmpeq_epi8(far, last));
        pairs |= (uint64_t)(uint32_t)simde_mm_movemask_epi8(both) << i;
    }
    return pairs;
}

/* The same near the end of the column, of which `readable` bytes are left. */
static uint64_t find_last_pairs(const uint8_t *bytes, size_t distance, size_t readable,
                                uint8_t first, uint8_t last)
{
    uint64_t pairs = 0;
    for (size_t i = 0; i < 64 && i + distance < readable; i++)
        pairs |= (uint64_t)(bytes[i] == first && bytes[i + distance] == last) << i;
    return pairs;
}

/* Search the bytes of all 64 cells as one text: for 64 positions at a time, find those where the
 * first and the last byte of the pattern are at the right distance. Only there the cell is
 * determined, and the whole pattern compared. */
bool filter_like_search(const filter_like *like, const table_column *column, uint32_t first_row,
                        uint64_t *matching)
{
    mv_assert(like->kind == FILTER_LIKE_INFIX);
    mv_assert(like->size >= 1);
    const uint64_t *ends = column->ends + first_row;
    uint64_t begin = first_row ? ends[-1] : 0, before = begin;
    for (uint32_t i = 0; i < 64; before = ends[i++])
        if (before > ends[i]) return false;
    if (ends[63] > column->bytes_size) return false;

    const uint8_t *bytes = column->bytes;
    uint8_t first = like->bytes[0], last = like->bytes[like->size - 1];
    simde__m128i firsts = simde_mm_set1_epi8((int8_t)first),
                 lasts = simde_mm_set1_epi8((int8_t)last);
    size_t distance = like->size - 1;
    uint64_t matches = 0;
    uint32_t which = 0;
    for (uint64_t at = begin; at < ends[63]; at += 64) {
        size_t readable = (size_t)(column->bytes_size - at);
        uint64_t pairs = readable >= 64 + distance
                             ? find_pairs(bytes + at, distance, firsts, lasts)
                             : find_last_pairs(bytes + at, distance, readable, first, last);
        while (pairs) {
            uint64_t found = at + MV_LOWEST_BIT(pairs);
            if (found >= ends[63]) break;
            while (ends[which] <= found) which++;
            pairs &= pairs - 1;
            if (ends[which] - found < like->size) continue; /* it reaches into the next cell */
            if (memcmp(bytes + found, like->bytes, like->size) != 0) continue;
            matches |= (uint64_t)1 << which;
            uint64_t rest = ends[which] - at; /* the rest of this cell is decided */
            pairs = rest < 64 ? pairs & UINT64_MAX << rest : 0;
        }
    }
    *matching = matches;
    return true;
}

bool filter_like_match(const filter_like *like, const uint8_t *text, size_t size)
{
    switch (like->kind) {
    case FILTER_LIKE_NOTHING: return false;
    case FILTER_LIKE_ANYTHING: return true;
    case FILTER_LIKE_EXACT: return size == like->size && memcmp(text, like->bytes, size) == 0;
    case FILTER_LIKE_PREFIX:
        return size >= like->size && memcmp(text, like->bytes, like->size) == 0;
    case FILTER_LIKE_SUFFIX:
        return size >= like->size && memcmp(text + size - like->size, like->bytes, like->size) == 0;
    case FILTER_LIKE_INFIX:
        return size >= like->size && memmem(text, size, like->bytes, like->size) != NULL;
    case FILTER_LIKE_GENERAL: return match_general(like, text, size);
    }
    return false;
}
