/* LIKE: `%` is any run of bytes, `_` one character (a UTF-8 sequence, or one byte where there is
 * none). Case counts. Most patterns are one of five simple kinds, for which comparing or searching
 * bytes is enough. In general the pieces between the `%` are found one after the other, each at its
 * first place: a later place leaves less text for the rest, so nothing is ever tried again, and at
 * worst it takes text × pattern steps. */
#include <simde/x86/sse2.h>
#include <string.h>

#include "query/filter_tree.h"

enum { ATOM_BYTE, ATOM_CHARACTER, ATOM_RUN };

size_t filter_like_character_size(const uint8_t *text, size_t size)
{
    uint8_t lead = text[0];
    size_t wanted = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
    if (wanted > size) return 1;
    for (size_t i = 1; i < wanted; i++)
        if ((text[i] & 0xC0) != 0x80) return 1;
    /* Overlong forms, surrogates and what is above U+10FFFF. */
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

/* Take the pattern apart. False: it ends with its escape character. */
static bool split_pattern(const char *pattern, size_t size, const char *escape, size_t escape_size,
                          filter_like *like)
{
    for (size_t i = 0; i < size;) {
        if (escape_size && size - i >= escape_size &&
            memcmp(pattern + i, escape, escape_size) == 0) {
            i += escape_size;
            if (i == size) return false;
            size_t escaped = filter_like_character_size((const uint8_t *)pattern + i, size - i);
            while (escaped--) push_atom(like, ATOM_BYTE, (uint8_t)pattern[i++]);
            continue;
        }
        uint8_t c = (uint8_t)pattern[i++];
        push_atom(like, c == '%' ? ATOM_RUN : c == '_' ? ATOM_CHARACTER : ATOM_BYTE, c);
    }
    return true;
}

/* Recognize a simple pattern and keep only its literal bytes. */
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
                           mem_arena *arena, filter_like *out, mv_error *error)
{
    *out = (filter_like){0};
    out->bytes = mem_arena_alloc(arena, size);
    out->atoms = mem_arena_alloc(arena, size);
    if (!out->bytes || !out->atoms) return error_memory(error, size * 2, "a LIKE pattern");
    if (split_pattern(pattern, size, escape, escape_size, out))
        simplify(out);
    else
        out->kind = FILTER_LIKE_NOTHING;
    return MV_OK;
}

/* How many bytes to be found stand together at `at`. */
static size_t literal_size(const filter_like *like, size_t at)
{
    size_t end = at;
    while (end < like->size && like->atoms[end] == ATOM_BYTE) end++;
    return end - at;
}

/* Follow the pattern from atom *at and the text from *in, up to the next % or the pattern's end.
 * False: they differ before. */
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
    while (at < like->size) { /* at a %: find the first place where the piece behind it matches */
        size_t piece = ++at, place = in, literal = literal_size(like, piece);
        if (piece == like->size) return true;
        for (;;) {
            const uint8_t *found = text + place;
            if (literal) found = memmem(found, size - place, like->bytes + piece, literal);
            if (!found) return false;
            at = piece, in = place = (size_t)(found - text);
            /* The last piece has to reach the end of the text. */
            if (match_piece(like, text, size, &at, &in) && (at < like->size || in == size)) break;
            if (place == size) return false;
            /* By characters, so that `_` never meets the second half of one. */
            place += filter_like_character_size(text + place, size - place);
        }
    }
    return in == size;
}

/* Bit i: bytes[i] is `first` and bytes[i + distance] is `last`, for 64 places. */
static inline uint64_t find_pairs(const uint8_t *bytes, size_t distance, simde__m128i first,
                                  simde__m128i last)
{
    uint64_t places = 0;
    for (uint32_t i = 0; i < 64; i += 16) {
        simde__m128i near = simde_mm_loadu_si128((const simde__m128i *)(const void *)(bytes + i)),
                     far = simde_mm_loadu_si128(
                         (const simde__m128i *)(const void *)(bytes + i + distance)),
                     both = simde_mm_and_si128(simde_mm_cmpeq_epi8(near, first),
                                               simde_mm_cmpeq_epi8(far, last));
        places |= (uint64_t)(uint32_t)simde_mm_movemask_epi8(both) << i;
    }
    return places;
}

/* The same near the end of what can be read. */
static uint64_t find_last_pairs(const uint8_t *bytes, size_t distance, size_t readable,
                                uint8_t first, uint8_t last)
{
    uint64_t places = 0;
    for (size_t i = 0; i < 64 && i + distance < readable; i++)
        places |= (uint64_t)(bytes[i] == first && bytes[i + distance] == last) << i;
    return places;
}

/* Where the first and the last byte stand at the right distance is found for 64 places at a time;
 * cells only matter there. */
bool filter_like_search(const filter_like *like, const table_column *column, uint32_t first_row,
                        uint64_t *pass)
{
    const uint64_t *ends = column->ends + first_row;
    uint64_t begin = first_row ? ends[-1] : 0, before = begin;
    for (uint32_t i = 0; i < 64; before = ends[i++])
        if (before > ends[i]) return false;
    if (ends[63] > column->bytes_size) return false;

    const uint8_t *bytes = column->bytes;
    uint8_t first = like->bytes[0], last = like->bytes[like->size - 1];
    simde__m128i firsts = simde_mm_set1_epi8((char)first), lasts = simde_mm_set1_epi8((char)last);
    size_t distance = like->size - 1;
    uint64_t matches = 0;
    uint32_t in = 0;
    for (uint64_t at = begin; at < ends[63]; at += 64) {
        size_t readable = column->bytes_size - at;
        uint64_t places = readable >= 64 + distance
                              ? find_pairs(bytes + at, distance, firsts, lasts)
                              : find_last_pairs(bytes + at, distance, readable, first, last);
        while (places) {
            uint64_t place = at + MV_LOWEST_BIT(places);
            if (place >= ends[63]) break;
            while (ends[in] <= place) in++;
            places &= places - 1;
            if (ends[in] - place < like->size) continue; /* reaches into the next in */
            if (memcmp(bytes + place, like->bytes, like->size) != 0) continue;
            matches |= (uint64_t)1 << in;
            uint64_t rest = ends[in] - at; /* which has been decided */
            places = rest < 64 ? places & UINT64_MAX << rest : 0;
        }
    }
    *pass = matches;
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
