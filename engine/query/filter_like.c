/* LIKE: `%` stands for any run of bytes, `_` for one character (a valid UTF-8 sequence, or else one
 * byte). Case is distinguished; ILIKE has folded pattern and text (filter_fold.c). Most patterns
 * are of a simple kind, for which comparing or searching bytes is enough. In general the pieces
 * between the `%` are searched one after the other, and each is matched where it occurs first: a
 * later occurrence would leave less text for the other pieces. So no piece is tried again, and the
 * worst case takes text × pattern steps. */
#include <string.h>

#include "query/filter_tree.h"
#include "vector/distance.h"

enum { ATOM_BYTE, ATOM_CHARACTER, ATOM_RUN };

#define TOGETHER_MAX 65536u /* bytes of cells that are searched as one text: 8 KiB of hits */

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

/* Find the pattern of an INFIX at each of `count` positions: bit i of `hits` is set if it stands at
 * bytes[i]. Bits up to the end of the last word have a meaning, too. Returns whether any is set. */
static bool find_pattern(const filter_like *like, const uint8_t *bytes, uint64_t readable,
                         size_t count, uint64_t *hits)
{
    size_t size = like->size, words = bits_words(count), safe = 0;
    if (readable >= size) safe = (size_t)((readable - size + 1) / 64);
    if (safe > words) safe = words;
    bool any = safe && distance_best()->find(bytes, safe, like->bytes, size, hits);
    /* Near the end of the column the kernel would read behind it. */
    if (safe < words) memset(hits + safe, 0, (words - safe) * sizeof *hits);
    for (size_t at = safe * 64; at < count && readable - at >= size; at++) {
        if (memcmp(bytes + at, like->bytes, size) != 0) continue;
        bits_set(hits, at);
        any = true;
    }
    return any;
}

/* At least 57 bits from bit `at` on. */
static inline uint64_t bits_from(const uint64_t *bits, uint32_t at)
{
    uint64_t word;
    memcpy(&word, (const uint8_t *)bits + at / 8, sizeof word);
    return word >> at % 8;
}

static bool has_bit(const uint64_t *bits, uint32_t at, uint32_t count)
{
    for (; count > 56; at += 56, count -= 56)
        if (bits_from(bits, at) << 8) return true;
    return bits_from(bits, at) & ~(UINT64_MAX << count);
}

/* The cells in which a hit has space for a text of `size` bytes. No branches: the sizes of cells
 * are hard to predict. */
static uint64_t cells_with_hits(const filter_cells *c, int32_t size, const uint64_t *hits)
{
    int32_t counts[64], too_many = 0; /* positions where the text ends within the cell */
    uint8_t flags[64];
    for (uint32_t i = 0; i < 64; i++) {
        int32_t count = (int32_t)(c->ends[i + 1] - c->ends[i]) - size + 1;
        counts[i] = count > 0 ? count : 0;
        too_many |= 56 - count;
    }
    if (too_many < 0) {
        for (uint32_t i = 0; i < 64; i++) flags[i] = has_bit(hits, c->ends[i], (uint32_t)counts[i]);
    } else {
        for (uint32_t i = 0; i < 64; i++)
            flags[i] = (bits_from(hits, c->ends[i]) & ~(UINT64_MAX << counts[i])) != 0;
    }
    return filter_pack(flags);
}

/* Search all cells as one text. */
static uint64_t search_together(const filter_like *like, const filter_cells *c)
{
    uint64_t hits[TOGETHER_MAX / 64 + 1];
    uint32_t size = c->ends[64];
    hits[bits_words(size)] = 0;
    if (!find_pattern(like, c->bytes, c->readable, size, hits)) return 0;
    return cells_with_hits(c, (int32_t)like->size, hits);
}

/* Search one cell, a part after the other. */
static bool search_alone(const filter_like *like, const filter_cells *c, uint32_t i)
{
    uint64_t hits[TOGETHER_MAX / 64 + 1];
    for (size_t at = c->ends[i], end = c->ends[i + 1]; end - at >= like->size; at += TOGETHER_MAX) {
        size_t count = end - at - like->size + 1;
        if (count > TOGETHER_MAX) count = TOGETHER_MAX;
        hits[bits_words(count)] = 0;
        if (find_pattern(like, c->bytes + at, c->readable - at, count, hits) &&
            has_bit(hits, 0, (uint32_t)count))
            return true;
        if (count < TOGETHER_MAX) break;
    }
    return false;
}

uint64_t filter_like_search(const filter_like *like, const filter_cells *cells,
                            uint64_t in_question)
{
    uint64_t matches = 0;
    mv_assert(like->kind == FILTER_LIKE_INFIX);
    mv_assert(like->size >= 1);
    if (like->size > cells->ends[64]) return 0;
    if (cells->ends[64] <= TOGETHER_MAX) return search_together(like, cells) & in_question;
    for (uint64_t left = in_question; left; left &= left - 1) {
        uint32_t i = MV_LOWEST_BIT(left);
        matches |= (uint64_t)search_alone(like, cells, i) << i;
    }
    return matches;
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
