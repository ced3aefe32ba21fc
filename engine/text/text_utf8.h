/* Characters as UTF-8. */
#ifndef MV_TEXT_UTF8_H
#define MV_TEXT_UTF8_H

#include "base/config.h"

#define TEXT_UTF8_INVALID UINT32_MAX

/* The character at `at` < size, and the size of it in bytes. A byte that is not part of valid UTF-8
 * (overlong forms and surrogates are not) is TEXT_UTF8_INVALID, size 1. */
static inline uint32_t text_utf8_decode(const uint8_t *text, uint32_t size, uint32_t at,
                                        uint32_t *bytes)
{
    uint8_t first = text[at];
    *bytes = 1;
    if (first < 0x80) return first;
    if (first < 0xC2 || first > 0xF4) return TEXT_UTF8_INVALID;
    uint32_t wanted = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size - at < wanted) return TEXT_UTF8_INVALID;
    uint32_t code_point = first & (0x7Fu >> wanted);
    for (uint32_t i = 1; i < wanted; i++) {
        uint8_t byte = text[at + i];
        if ((byte & 0xC0) != 0x80) return TEXT_UTF8_INVALID;
        code_point = code_point << 6 | (byte & 0x3F);
    }
    if (wanted == 3 && (code_point < 0x800 || (code_point >= 0xD800 && code_point <= 0xDFFF)))
        return TEXT_UTF8_INVALID;
    if (wanted == 4 && (code_point < 0x10000 || code_point > 0x10FFFF)) return TEXT_UTF8_INVALID;
    *bytes = wanted;
    return code_point;
}

/* Write a character as 1 to 4 bytes, and return their number. */
static inline uint32_t text_utf8_encode(uint32_t code_point, uint8_t out[4])
{
    if (code_point < 0x80) {
        out[0] = (uint8_t)code_point;
        return 1;
    }
    uint32_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (uint32_t i = size - 1; i; i--, code_point >>= 6) out[i] = 0x80 | (code_point & 0x3F);
    out[0] = (uint8_t)(0xF00u >> size | code_point);
    return size;
}

/* Does the character separate words whatever the tokenizer: White_Space, NUL, or not UTF-8? */
static inline bool text_utf8_is_space(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000 || c == TEXT_UTF8_INVALID;
}

#endif
