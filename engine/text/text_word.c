/* Where words begin and end, by the rules of Unicode Standard Annex 29 (the table is of the version
 * that its head names). A segment is read once, from left to right: the rules look at most one
 * character ahead, not counting those that belong to another one. */
#include "text/text_word.h"

#include "text/text_utf8.h"
#include "text/text_word_table.h"

uint8_t text_word_byte(uint32_t code_point)
{
    if (code_point == TEXT_UTF8_INVALID) return WORD_NEWLINE;
    uint32_t block = code_point / WORD_BLOCK, last = sizeof WORD_BLOCKS / sizeof *WORD_BLOCKS - 1;
    const uint32_t *range = &WORD_RANGES[WORD_BLOCKS[block < last ? block : last]];
    while (range[1] >> 8 <= code_point) range++;
    return (uint8_t)*range;
}

/* A position in a text, and the character there. */
typedef struct word_cursor {
    const uint8_t *text;
    uint32_t size, at;
    text_word_rules rules;
    uint32_t bytes;             /* of the character; 0 at the end */
    uint8_t flags;              /* of the character */
    text_word_class word_class; /* of the character */
} word_cursor;

/* Look at the character at cursor->at. */
static void read_cursor(word_cursor *cursor)
{
    cursor->bytes = 0;
    if (cursor->at == cursor->size) return;
    uint32_t c = text_utf8_decode(cursor->text, cursor->size, cursor->at, &cursor->bytes);
    uint8_t byte = text_word_byte(c);
    cursor->flags = (uint8_t)(byte & ~WORD_CLASS_MASK);
    cursor->word_class = (text_word_class)(byte & WORD_CLASS_MASK);
    if (cursor->rules == WORD_RULES_SEARCH && ((byte & WORD_SPACELESS) || c == ':'))
        cursor->word_class = WORD_OTHER;
}

/* The class of the next character that does not belong to the one at the cursor. */
static text_word_class class_behind(const word_cursor *cursor)
{
    word_cursor ahead = *cursor;
    do {
        ahead.at += ahead.bytes;
        read_cursor(&ahead);
    } while (ahead.bytes && ahead.word_class >= WORD_EXTEND && ahead.word_class <= WORD_FORMAT);
    return ahead.bytes ? ahead.word_class : WORD_NEWLINE;
}

static bool is_word_letter(text_word_class c)
{
    return c == WORD_LETTER || c == WORD_HEBREW;
}

/* Can `c` stand between two letters, or two digits, of one word? */
static bool is_mid_letter(text_word_class c)
{
    return c == WORD_MID_LETTER || c == WORD_MID_NUM_LET || c == WORD_SINGLE_QUOTE;
}
static bool is_mid_number(text_word_class c)
{
    return c == WORD_MID_NUM || c == WORD_MID_NUM_LET || c == WORD_SINGLE_QUOTE;
}

/* Does the character at the cursor go on with a segment whose last characters that are not joined
 * (WB4) are of the classes `before` and, before that one, `first`? Rules WB5 to WB13b. */
static bool goes_on(text_word_class first, text_word_class before, const word_cursor *cursor)
{
    text_word_class c = cursor->word_class;
    switch (before) {
    case WORD_HEBREW:
        if (c == WORD_SINGLE_QUOTE) return true;                                        /* 7a */
        if (c == WORD_DOUBLE_QUOTE && class_behind(cursor) == WORD_HEBREW) return true; /* 7b */
        /* fall through */
    case WORD_LETTER:
        if (is_mid_letter(c)) return is_word_letter(class_behind(cursor));         /* 6 */
        return is_word_letter(c) || c == WORD_NUMERIC || c == WORD_EXTEND_NUM_LET; /* 5, 9, 13a */
    case WORD_NUMERIC:
        if (is_mid_number(c)) return class_behind(cursor) == WORD_NUMERIC;         /* 12 */
        return is_word_letter(c) || c == WORD_NUMERIC || c == WORD_EXTEND_NUM_LET; /* 8, 10, 13a */
    case WORD_KATAKANA: return c == WORD_KATAKANA || c == WORD_EXTEND_NUM_LET;     /* 13 */
    case WORD_EXTEND_NUM_LET:                                                      /* 13a, 13b */
        return is_word_letter(c) || c == WORD_NUMERIC || c == WORD_KATAKANA ||
               c == WORD_EXTEND_NUM_LET;
    case WORD_DOUBLE_QUOTE: return first == WORD_HEBREW && c == WORD_HEBREW; /* 7c */
    default:
        return (is_word_letter(first) && is_mid_letter(before) && is_word_letter(c)) || /* 7 */
               (first == WORD_NUMERIC && is_mid_number(before) && c == WORD_NUMERIC);   /* 11 */
    }
}

uint32_t text_word_end(const uint8_t *text, uint32_t size, uint32_t at, text_word_rules rules,
                       uint8_t *flags)
{
    word_cursor cursor = {.text = text, .size = size, .at = at, .rules = rules};
    read_cursor(&cursor);
    mv_assert(cursor.bytes > 0);
    text_word_class neighbour = cursor.word_class; /* of the character before the cursor */
    text_word_class before = neighbour;            /* that of the last one that is not joined */
    text_word_class first = WORD_OTHER;            /* and of the one before that */
    bool is_odd = before == WORD_REGIONAL;         /* number of regional indicators */
    for (*flags = 0;;) {
        *flags |= cursor.flags;
        cursor.at += cursor.bytes;
        read_cursor(&cursor);
        text_word_class c = cursor.word_class;
        if (!cursor.bytes) break;
        if (neighbour >= WORD_CR && neighbour <= WORD_NEWLINE) {
            if (neighbour == WORD_CR && c == WORD_LF) cursor.at += cursor.bytes; /* 3 */
            break;                                                               /* 3a */
        }
        bool is_joined = c >= WORD_EXTEND && c <= WORD_FORMAT; /* 4 */
        if (!is_joined) {
            bool is_emoji = neighbour == WORD_ZWJ && cursor.flags & WORD_PICTOGRAPHIC; /* 3c */
            bool is_space = neighbour == WORD_SPACE && c == WORD_SPACE;                /* 3d */
            bool is_flag = is_odd && before == WORD_REGIONAL && c == WORD_REGIONAL;    /* 15, 16 */
            if (!is_emoji && !is_space && !is_flag && !goes_on(first, before, &cursor)) break;
            is_odd = c == WORD_REGIONAL && !is_flag;
            first = before;
            before = c;
        }
        neighbour = c;
    }
    return cursor.at;
}
