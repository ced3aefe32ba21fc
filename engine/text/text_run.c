/* Runs of characters that are read in overlapping groups: two characters of scripts without spaces,
 * or three of any text.
 *
 * A character is a folded code point with the marks behind it. They are read into a window one
 * after the other, so that a run may be as long as the text. */
#include <string.h>

#include "text/text_state.h"
#include "text/text_utf8.h"
#include "text/text_word.h"

void text_run_begin(text_analyzer *a, uint32_t group)
{
    mv_assert(group == 2 || group == 3);
    a->run.first = a->run.count = 0;
    a->run.group = group;
    a->run.has_ended = a->run.has_begun = a->run.is_told = false;
}

/* ---------------------------------------------------------------- the window */

static text_character *character_at(text_run *run, uint32_t i)
{
    return &run->window[(run->first + i) % TEXT_WINDOW];
}

static void drop_characters(text_run *run, uint32_t count)
{
    run->first = (run->first + count) % TEXT_WINDOW;
    run->count -= count;
}

static void push_point(text_run *run, int32_t point, uint32_t begin, uint32_t end)
{
    if (run->count == TEXT_WINDOW) return;
    text_character *character = character_at(run, run->count++);
    character->begin = begin;
    character->end = end;
    character->size = (uint8_t)text_utf8_encode((uint32_t)point, character->bytes);
    run->has_begun = true;
}

/* Add a mark to the last character, unless it has too many. */
static void push_mark(text_character *character, int32_t point)
{
    uint8_t bytes[4];
    uint32_t size = text_utf8_encode((uint32_t)point, bytes);
    if (character->size + size > TEXT_CHARACTER_MAX) return;
    memcpy(character->bytes + character->size, bytes, size);
    character->size = (uint8_t)(character->size + size);
}

/* ---------------------------------------------------------------- reading */

/* Letters that folding leaves as they are: Chinese, Japanese, Korean. */
static bool is_plain(uint32_t c)
{
    return (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA) ||
           (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3);
}

/* Does a Korean letter `c` (of the block Jamo) go on with the syllable of `before`? */
static bool joins_syllable(uint32_t before, uint32_t c)
{
    bool is_vowel = c >= 0x1160 && c <= 0x11A7, is_final = c >= 0x11A8 && c <= 0x11FF;
    if (is_vowel) return before >= 0x1100 && before <= 0x115F;
    bool is_open = before >= 0xAC00 && before <= 0xD7A3 && (before - 0xAC00) % 28 == 0;
    return is_final && (is_open || (before >= 0x1160 && before <= 0x11A7));
}

/* The end of the character `c`, whose bytes end at `at`, with all that belongs to it. */
static uint32_t character_end(const text_analyzer *a, uint32_t c, uint32_t at)
{
    uint32_t bytes;
    for (; at < a->size; at += bytes) {
        uint32_t next = text_utf8_decode(a->text, a->size, at, &bytes);
        if (!text_word_is_joined(text_word_byte(next)) && !joins_syllable(c, next)) break;
        c = next;
    }
    return at;
}

/* Read the character `c` at a->at into the window: none or several, folded. */
static void read_character(text_analyzer *a, uint32_t c, uint32_t bytes)
{
    int32_t points[TEXT_FOLD_POINTS];
    text_run *run = &a->run;
    uint32_t begin = a->at, end = character_end(a, c, begin + bytes), own = run->count;
    a->at = end;
    if (is_plain(c) && end == begin + bytes) {
        push_point(run, (int32_t)c, begin, end);
        return;
    }
    uint32_t count = text_fold_points(&a->fold, a->text + begin, end - begin, points);
    for (uint32_t i = 0; i < count; i++) {
        if (run->count > own && text_fold_is_mark(points[i]))
            push_mark(character_at(run, run->count - 1), points[i]);
        else
            push_point(run, points[i], begin, end);
    }
}

/* Read the next character of a run of spaceless ones. */
static bool read_spaceless(text_analyzer *a)
{
    uint32_t bytes;
    if (a->at == a->size) return false;
    uint32_t c = text_utf8_decode(a->text, a->size, a->at, &bytes);
    if (!(text_word_byte(c) & WORD_SPACELESS)) return false;
    read_character(a, c, bytes);
    return true;
}

/* Read the next character of the text, with a space before it where white space is. */
static bool read_any(text_analyzer *a)
{
    uint32_t c = 0, bytes = 0, begin = a->at;
    for (; a->at < a->size; a->at += bytes) {
        c = text_utf8_decode(a->text, a->size, a->at, &bytes);
        if (!text_utf8_is_space(c)) break;
    }
    if (a->at == a->size) return false;
    if (a->at > begin && a->run.has_begun) push_point(&a->run, ' ', begin, a->at);
    uint8_t lower = a->ascii[c < 0x80 ? c : 0x80];
    bool is_alone = a->at + 1 == a->size || a->text[a->at + 1] < 0x80;
    if (c < 0x80 && lower != TEXT_ASCII_OTHER && is_alone) {
        push_point(&a->run, lower > TEXT_ASCII_OTHER ? lower : (int32_t)c, a->at, a->at + 1);
        a->at++;
    } else {
        read_character(a, c, bytes);
    }
    return true;
}

/* ---------------------------------------------------------------- terms */

/* Make a term of the first `count` characters of the window. */
static void join_characters(text_analyzer *a, text_token *token, uint32_t count)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        const text_character *character = character_at(&a->run, i);
        memcpy(a->word + size, character->bytes, character->size);
        size += character->size;
    }
    mv_assert(size > 0 && size <= TEXT_TERM_MAX);
    text_state_place(a, token, character_at(&a->run, 0)->begin,
                     character_at(&a->run, count - 1)->end);
    token->term = (const char *)a->word;
    token->size = size;
}

bool text_run_next(text_analyzer *a, text_token *token)
{
    text_run *run = &a->run;
    while (run->count < run->group && !run->has_ended)
        run->has_ended = !(run->group == 2 ? read_spaceless(a) : read_any(a));
    if (run->count == 0) return false;
    bool is_whole = run->count >= run->group;
    if (is_whole || !a->is_query) {
        join_characters(a, token, is_whole ? run->group : run->count);
        drop_characters(run, 1);
        run->is_told = true;
        a->position++;
        return true;
    }
    bool is_short = !run->is_told;
    if (is_short) {
        join_characters(a, token, run->count);
        token->is_prefix = true;
    }
    a->position += run->count; /* the next word has the position that it has in a document */
    drop_characters(run, run->count);
    return is_short;
}
