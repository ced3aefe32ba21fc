/* What utf8proc knows of characters, for tokenizers. */
#ifdef MV_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

#include "text/text_character.h"
#include "text/text_utf8.h"

#ifdef MV_HAVE_UTF8PROC

/* The bits of a general category. */
static const uint8_t CHARACTER_KINDS[UTF8PROC_CATEGORY_CO + 1] = {
    [UTF8PROC_CATEGORY_LU] = TEXT_LETTER | TEXT_WORD,
    [UTF8PROC_CATEGORY_LL] = TEXT_LETTER | TEXT_WORD,
    [UTF8PROC_CATEGORY_LT] = TEXT_LETTER | TEXT_WORD,
    [UTF8PROC_CATEGORY_LM] = TEXT_LETTER | TEXT_WORD,
    [UTF8PROC_CATEGORY_LO] = TEXT_LETTER | TEXT_WORD,
    [UTF8PROC_CATEGORY_MN] = TEXT_MARK | TEXT_NONSPACING | TEXT_WORD,
    [UTF8PROC_CATEGORY_MC] = TEXT_MARK | TEXT_WORD,
    [UTF8PROC_CATEGORY_ME] = TEXT_MARK | TEXT_WORD,
    [UTF8PROC_CATEGORY_ND] = TEXT_NUMBER | TEXT_WORD,
    [UTF8PROC_CATEGORY_NL] = TEXT_NUMBER | TEXT_WORD,
    [UTF8PROC_CATEGORY_NO] = TEXT_NUMBER,
    [UTF8PROC_CATEGORY_PC] = TEXT_PUNCTUATION | TEXT_WORD,
    [UTF8PROC_CATEGORY_PD] = TEXT_PUNCTUATION,
    [UTF8PROC_CATEGORY_PS] = TEXT_PUNCTUATION,
    [UTF8PROC_CATEGORY_PE] = TEXT_PUNCTUATION,
    [UTF8PROC_CATEGORY_PI] = TEXT_PUNCTUATION,
    [UTF8PROC_CATEGORY_PF] = TEXT_PUNCTUATION,
    [UTF8PROC_CATEGORY_PO] = TEXT_PUNCTUATION,
    [UTF8PROC_CATEGORY_CC] = TEXT_HIDDEN,
    [UTF8PROC_CATEGORY_CF] = TEXT_HIDDEN,
    [UTF8PROC_CATEGORY_CO] = TEXT_HIDDEN,
};

/* Letters in circles and squares, which are symbols by category, but Alphabetic; and Join_Control.
 */
static bool is_word_otherwise(uint32_t c)
{
    return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
           (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189) || c == 0x200C ||
           c == 0x200D;
}

uint32_t text_character_kind(uint32_t c)
{
    uint32_t category = (uint32_t)utf8proc_get_property((int32_t)c)->category;
    uint32_t kind = category <= UTF8PROC_CATEGORY_CO ? CHARACTER_KINDS[category] : 0;
    return c >= 0x200C && is_word_otherwise(c) ? kind | TEXT_WORD : kind;
}

uint32_t text_character_lower(uint32_t c, uint32_t out[2])
{
    if (c == 0x130) { /* the one character whose lower case is two, if no language is known */
        out[0] = 'i', out[1] = 0x307;
        return 2;
    }
    out[0] = (uint32_t)utf8proc_tolower((int32_t)c);
    return 1;
}

uint32_t text_character_decompose(uint32_t c, int32_t parts[TEXT_CHARACTER_PARTS])
{
    int last_class = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char((int32_t)c, parts, TEXT_CHARACTER_PARTS,
                                                     UTF8PROC_DECOMPOSE, &last_class);
    if (count < 0 || count > (utf8proc_ssize_t)TEXT_CHARACTER_PARTS) {
        parts[0] = (int32_t)c;
        return 1;
    }
    return (uint32_t)count;
}

bool text_character_normalize(text_form form, const uint8_t *text, uint32_t size, mem_buffer *out)
{
    bool composes = form == TEXT_NFC || form == TEXT_NFKC;
    utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    if (form == TEXT_NFKD || form == TEXT_NFKC) options |= UTF8PROC_COMPAT;
    utf8proc_ssize_t length = (utf8proc_ssize_t)size;
    if (length < 0) return false; /* where addresses have 32 bits; no text of 2 GiB is kept there */
    utf8proc_ssize_t count = utf8proc_decompose(text, length, NULL, 0, options);
    if (count < 0) return mem_buffer_append(out, text, size);
    size_t points_size = mem_array_size((uint64_t)count + 1, sizeof(int32_t));
    int32_t *points = mem_alloc(points_size);
    if (!points) return false;
    utf8proc_decompose(text, length, points, count, options);
    if (composes)
        count = utf8proc_normalize_utf32(points, count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    bool is_done = mem_buffer_reserve(out, (size_t)count * 4);
    for (utf8proc_ssize_t i = 0; is_done && i < count; i++)
        out->size += text_utf8_encode((uint32_t)points[i], out->data + out->size);
    mem_free(points, points_size);
    return is_done;
}

bool text_character_breaks(uint32_t before, uint32_t after, int32_t *state)
{
    return utf8proc_grapheme_break_stateful((int32_t)before, (int32_t)after, state);
}

#else /* text_fold_is_built has been asked before */

uint32_t text_character_kind(uint32_t c)
{
    (void)c;
    return 0;
}

uint32_t text_character_lower(uint32_t c, uint32_t out[2])
{
    out[0] = c;
    return 1;
}

uint32_t text_character_decompose(uint32_t c, int32_t parts[TEXT_CHARACTER_PARTS])
{
    parts[0] = (int32_t)c;
    return 1;
}

bool text_character_normalize(text_form form, const uint8_t *text, uint32_t size, mem_buffer *out)
{
    (void)form;
    return mem_buffer_append(out, text, size);
}

bool text_character_breaks(uint32_t before, uint32_t after, int32_t *state)
{
    (void)before, (void)after, (void)state;
    return true;
}

#endif
