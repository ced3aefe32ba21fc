/* Folding case: Unicode's simple case folding, which maps one character to one character.
 *
 * Text is folded before it is compared, on both sides, so that every test compares bytes and `_`
 * still stands for one character. A folded text may have another size: U+212A, the sign of kelvin
 * (3 bytes), becomes k, and U+023A (2 bytes) becomes U+2C65 (3 bytes). Full folding (ss for U+00DF)
 * would make several characters of one, and accents are letters of their own in some languages:
 * neither is done.
 *
 * 16 bytes of ASCII take one step, and most steps are taken four at a time. Other characters are
 * looked up in ranges (fold_table.lua). */
#include <simde/x86/sse2.h>
#include <string.h>

#include "query/filter_fold_table.h"
#include "query/filter_tree.h"
#include "text/text_utf8.h"

/* Few ranges begin in one block. A binary search of all took four times as long: 3.9 million texts
 * of 40 Cyrillic bytes a second instead of 15. */
uint32_t filter_fold_character(uint32_t code_point)
{
    uint32_t block = code_point / FOLD_BLOCK;
    if (block >= sizeof FOLD_BLOCKS) return code_point;
    const fold_range *range = &FOLD_RANGES[FOLD_BLOCKS[block]];
    while (range[1].first <= code_point) range++;
    uint32_t at = code_point - range->first; /* huge if the first range is behind it */
    if (at > range->span || at & (range->stride - 1u)) return code_point;
    return (uint32_t)((int32_t)code_point + range->delta);
}

/* The character of a valid sequence of 2 to 4 bytes. */
static uint32_t decode_character(const uint8_t *text, size_t size)
{
    uint32_t code_point = text[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) code_point = code_point << 6 | (text[i] & 0x3F);
    return code_point;
}

/* Fold 16 bytes of ASCII. Returns which bytes are others. */
static inline uint32_t fold_16(const uint8_t *text, uint8_t *out)
{
    const simde__m128i before_A = simde_mm_set1_epi8('A' - 1),
                       behind_Z = simde_mm_set1_epi8('Z' + 1),
                       to_lower = simde_mm_set1_epi8('a' - 'A');
    simde__m128i bytes = simde_mm_loadu_si128((const simde__m128i *)(const void *)text);
    simde__m128i is_upper = simde_mm_and_si128(simde_mm_cmpgt_epi8(bytes, before_A),
                                               simde_mm_cmplt_epi8(bytes, behind_Z));
    bytes = simde_mm_add_epi8(bytes, simde_mm_and_si128(is_upper, to_lower));
    simde_mm_storeu_si128((simde__m128i *)(void *)out, bytes);
    return (uint32_t)simde_mm_movemask_epi8(bytes);
}

/* Fold the ASCII that `text` begins with, and return its size. */
static size_t fold_ascii(const uint8_t *text, size_t size, uint8_t *out)
{
    size_t at = 0;
    for (; size - at >= 64; at += 64) {
        uint32_t others = 0;
        for (size_t i = at; i < at + 64; i += 16) others |= fold_16(text + i, out + i);
        if (others) break; /* found below */
    }
    for (; size - at >= 16; at += 16) {
        uint64_t others = fold_16(text + at, out + at);
        if (others) return at + MV_LOWEST_BIT(others);
    }
    for (; at < size && text[at] < 0x80; at++)
        out[at] = text[at] >= 'A' && text[at] <= 'Z' ? text[at] + ('a' - 'A') : text[at];
    return at;
}

size_t filter_fold_text(const uint8_t *text, size_t size, uint8_t *out)
{
    size_t at = 0, to = 0;
    for (;;) {
        if (at < size && text[at] < 0x80) {
            size_t ascii = fold_ascii(text + at, size - at, out + to);
            at += ascii, to += ascii;
        }
        if (at == size) break;
        size_t character = filter_like_character_size(text + at, size - at);
        if (character == 1) /* not UTF-8 */
            out[to++] = text[at];
        else
            to += text_utf8_encode(filter_fold_character(decode_character(text + at, character)),
                                   out + to);
        at += character;
    }
    mv_assert(to <= FILTER_FOLD_SIZE_MAX(size));
    return to;
}

/* Zeros behind folded cells, so that searches read as freely as in a column. */
#define FOLD_PADDING 128u

/* Make space for `size` bytes of text to be folded. */
static mv_err reserve_folded(filter_folded *folded, uint64_t size, mv_error *error)
{
    size_t wanted = mem_array_size(FILTER_FOLD_SIZE_MAX(size) + FOLD_PADDING, 1);
    if (folded->space >= wanted) return MV_OK;
    if (wanted < folded->space * 2) wanted = folded->space * 2;
    uint8_t *bytes = mem_arena_alloc(folded->arena, wanted);
    if (!bytes) return error_memory(error, wanted, "folding the case of strings");
    folded->bytes = bytes;
    folded->space = wanted;
    return MV_OK;
}

mv_err filter_fold_cell(filter_folded *folded, const uint8_t **bytes, uint64_t *size,
                        mv_error *error)
{
    MV_TRY(reserve_folded(folded, *size, error));
    *size = filter_fold_text(*bytes, (size_t)*size, folded->bytes);
    *bytes = folded->bytes;
    return MV_OK;
}

mv_err filter_fold_cells(filter_folded *folded, filter_cells *cells, mv_error *error)
{
    const uint8_t *text = cells->bytes;
    size_t size = cells->ends[64];
    mv_assert(size <= FILTER_FOLD_TOGETHER_MAX);
    MV_TRY(reserve_folded(folded, size, error));
    if (fold_ascii(text, size, folded->bytes) != size) {
        /* Cell by cell: a sequence of UTF-8 never goes on in the next cell. */
        size_t at = 0, end;
        for (uint32_t i = 1; i <= 64; i++, at = end) {
            end = cells->ends[i];
            size = cells->ends[i - 1] +
                   filter_fold_text(text + at, end - at, folded->bytes + cells->ends[i - 1]);
            cells->ends[i] = (uint32_t)size;
        }
    }
    memset(folded->bytes + size, 0, FOLD_PADDING);
    cells->bytes = folded->bytes;
    cells->readable = size + FOLD_PADDING;
    return MV_OK;
}
