/* Where words begin and end: Unicode Standard Annex 29, rules WB3 to WB16. */
#ifndef MV_TEXT_WORD_H
#define MV_TEXT_WORD_H

#include "base/config.h"

/* The property Word_Break. word_table.lua has the same order. */
typedef enum text_word_class {
    WORD_OTHER,
    WORD_CR,
    WORD_LF,
    WORD_NEWLINE,
    WORD_EXTEND,
    WORD_ZWJ,
    WORD_FORMAT,
    WORD_KATAKANA,
    WORD_HEBREW,
    WORD_LETTER,
    WORD_SINGLE_QUOTE,
    WORD_DOUBLE_QUOTE,
    WORD_MID_NUM_LET,
    WORD_MID_LETTER,
    WORD_MID_NUM,
    WORD_NUMERIC,
    WORD_EXTEND_NUM_LET,
    WORD_SPACE,
    WORD_REGIONAL,
} text_word_class;

/* The byte of a character: its class and these flags. */
#define WORD_CLASS_MASK   0x1Fu
#define WORD_SEARCHABLE   0x20u /* a letter, a number or an emoji */
#define WORD_PICTOGRAPHIC 0x40u /* Extended_Pictographic */
#define WORD_SPACELESS    0x80u /* a letter of a script that does not separate words by spaces */

/* The byte of a character. TEXT_UTF8_INVALID: that of a line break, which nothing joins. */
uint8_t text_word_byte(uint32_t code_point);

/* Does a character of this byte belong to the one before it (WB4)? */
static inline bool text_word_is_joined(uint8_t byte)
{
    uint32_t word_class = byte & WORD_CLASS_MASK;
    return word_class >= WORD_EXTEND && word_class <= WORD_FORMAT;
}

/* Whose rules text_word_end follows. For search, ':' joins no letters (as in Unicode since 15.1:
 * "key:value" is two words), and a spaceless character is no part of a word. */
typedef enum text_word_rules { WORD_RULES_UNICODE, WORD_RULES_SEARCH } text_word_rules;

/* The end of the segment that begins at `at` < size. *flags: the flags of all of its characters. */
uint32_t text_word_end(const uint8_t *text, uint32_t size, uint32_t at, text_word_rules rules,
                       uint8_t *flags);

#endif
