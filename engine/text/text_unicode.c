/* The tokenizer `unicode`.
 *
 * Words of ASCII are read and folded in one loop over a table. A word in which another byte turns
 * up is read again from its beginning, by the rules of text_word.c. */
#include "text/text_state.h"
#include "text/text_utf8.h"
#include "text/text_word.h"

static bool is_ascii_letter(uint8_t folded)
{
    return folded >= 'a';
}
static bool is_ascii_digit(uint8_t folded)
{
    return folded >= '0' && folded <= '9';
}

/* Does the byte at `at`, one of . , ; ' join what stands on both sides? (WB6, WB7, WB11, WB12) */
static bool joins_ascii(const text_analyzer *a, uint32_t at)
{
    uint8_t mid = a->text[at];
    uint8_t before = a->ascii[a->text[at - 1]], behind = a->ascii[a->text[at + 1]];
    if (is_ascii_digit(before)) return is_ascii_digit(behind);
    return (mid == '.' || mid == '\'') && is_ascii_letter(before) && is_ascii_letter(behind);
}

/* Read a word of ASCII at `begin` into a->word. Returns its size, and its end in *end. 0: it is not
 * ASCII, or it is too long. */
static uint32_t read_ascii(text_analyzer *a, uint32_t begin, uint32_t *end)
{
    uint32_t at = begin, size = 0;
    for (; at < a->size; at++) {
        uint8_t folded = a->ascii[a->text[at]];
        if (folded <= TEXT_ASCII_OTHER) {
            if (folded == TEXT_ASCII_OTHER) return 0;
            if (folded == TEXT_ASCII_SPACE || at + 1 == a->size) break;
            if (a->ascii[a->text[at + 1]] == TEXT_ASCII_OTHER) return 0;
            if (!joins_ascii(a, at)) break;
            folded = a->text[at];
        }
        if (size == TEXT_TERM_MAX) return 0;
        a->word[size++] = folded;
    }
    *end = at;
    return size;
}

/* Does a word contain more than '_'? */
static bool is_searchable(const uint8_t *word, uint32_t size)
{
    uint32_t i = 0;
    while (i < size && word[i] == '_') i++;
    return i < size;
}

/* Read the segment at a->at, by the rules for all characters. The size of the folded word in
 * a->word; 0: the segment is not a word. */
static uint32_t read_segment(text_analyzer *a)
{
    uint8_t flags;
    uint32_t begin = a->at;
    a->at = text_word_end(a->text, a->size, begin, WORD_RULES_SEARCH, &flags);
    if (!(flags & WORD_SEARCHABLE)) return 0;
    return text_fold_word(&a->fold, a->text + begin, a->at - begin, a->keeps_accents, a->word);
}

/* Is the character at a->at spaceless? */
static bool is_at_spaceless(const text_analyzer *a)
{
    uint32_t bytes;
    return text_word_byte(text_utf8_decode(a->text, a->size, a->at, &bytes)) & WORD_SPACELESS;
}

bool text_unicode_next(text_analyzer *a, text_token *token)
{
    for (;;) {
        if (a->run.group) {
            if (text_run_next(a, token)) return true;
            a->run.group = 0;
        }
        while (a->at < a->size && a->ascii[a->text[a->at]] <= TEXT_ASCII_MID) a->at++;
        if (a->at == a->size) return false;

        uint32_t begin = a->at, end;
        uint32_t size = a->text[begin] < 0x80 ? read_ascii(a, begin, &end) : 0;
        if (size > 0) {
            a->at = end;
            if (!is_searchable(a->word, size)) continue;
        } else if (is_at_spaceless(a)) {
            text_run_begin(a, 2);
            continue;
        } else {
            size = read_segment(a);
        }
        if (text_state_token(a, token, size, begin, a->at)) return true;
    }
}
