/* The tokenizer `code`: identifiers, and their parts.
 *
 * A new part begins behind '_', where letters and digits meet, before a capital behind another
 * letter, and before the last capital of several if a small letter follows: HTTPServer2Error_code
 * is HTTP, Server, 2, Error, code. The whole has the position of the first part, so that it and a
 * phrase of the parts are both found, and a phrase goes on behind either. Languages apply to parts,
 * and to identifiers of one part. */
#include "text/text_state.h"
#include "text/text_utf8.h"
#include "text/text_word.h"

/* What a character is in an identifier. */
typedef enum code_kind {
    CODE_NONE,      /* not in identifiers */
    CODE_SPACELESS, /* a letter that is read in runs */
    CODE_JOINED,    /* belongs to the character before */
    CODE_UNDERSCORE,
    CODE_DIGIT,
    CODE_SMALL, /* a small letter, or one of a script without capitals */
    CODE_CAPITAL,
} code_kind;

/* The kind of the character at `at` < size, and its size. */
static code_kind kind_at(const text_analyzer *a, uint32_t at, uint32_t *bytes)
{
    uint8_t first = a->text[at];
    *bytes = 1;
    if (first < 0x80) {
        if (first >= 'a' && first <= 'z') return CODE_SMALL;
        if (first >= 'A' && first <= 'Z') return CODE_CAPITAL;
        if (first >= '0' && first <= '9') return CODE_DIGIT;
        return first == '_' ? CODE_UNDERSCORE : CODE_NONE;
    }
    uint32_t c = text_utf8_decode(a->text, a->size, at, bytes);
    uint8_t byte = text_word_byte(c);
    uint32_t word_class = byte & WORD_CLASS_MASK;
    if (text_word_is_joined(byte)) return CODE_JOINED;
    if (byte & WORD_SPACELESS) return CODE_SPACELESS;
    bool is_emoji =
        word_class == WORD_REGIONAL || (word_class == WORD_OTHER && (byte & WORD_PICTOGRAPHIC));
    if (!(byte & WORD_SEARCHABLE) || is_emoji) return CODE_NONE;
    if (text_fold_is_number((int32_t)c)) return CODE_DIGIT;
    return text_fold_is_upper((int32_t)c) ? CODE_CAPITAL : CODE_SMALL;
}

/* The end of the identifier at `at`. */
static uint32_t identifier_end(const text_analyzer *a, uint32_t at)
{
    uint32_t bytes;
    while (at < a->size && kind_at(a, at, &bytes) > CODE_SPACELESS) at += bytes;
    return at;
}

/* The first character of a part at or behind `at`. */
static uint32_t skip_underscores(const text_analyzer *a, uint32_t at, uint32_t end)
{
    uint32_t bytes;
    while (at < end && kind_at(a, at, &bytes) <= CODE_UNDERSCORE) at += bytes;
    return at;
}

/* The end of the part at `at`. */
static uint32_t part_end(const text_analyzer *a, uint32_t at, uint32_t end)
{
    uint32_t bytes, last = at; /* the last character that is not joined */
    code_kind before = kind_at(a, at, &bytes);
    bool are_capitals = false; /* it and the one before it are capitals */
    for (at += bytes; at < end; at += bytes) {
        code_kind kind = kind_at(a, at, &bytes);
        if (kind == CODE_JOINED) continue;
        if (kind == CODE_UNDERSCORE) return at;
        if ((kind == CODE_DIGIT) != (before == CODE_DIGIT)) return at;
        if (kind == CODE_CAPITAL && before == CODE_SMALL) return at;
        if (kind == CODE_SMALL && are_capitals) return last;
        are_capitals = kind == CODE_CAPITAL && before == CODE_CAPITAL;
        before = kind;
        last = at;
    }
    return end;
}

/* Fold text[begin..end) into a->word. Returns its size. */
static uint32_t fold_part(text_analyzer *a, uint32_t begin, uint32_t end, bool keeps_accents)
{
    return text_fold_word(&a->fold, a->text + begin, end - begin, keeps_accents, a->word);
}

/* A token of the next part of the identifier. False: there is none, or it is a stop word. */
static bool read_part(text_analyzer *a, text_token *token)
{
    text_identifier *identifier = &a->identifier;
    uint32_t begin = skip_underscores(a, identifier->at, identifier->end);
    if (begin == identifier->end) {
        identifier->at = begin;
        return false;
    }
    uint32_t end = part_end(a, begin, identifier->end);
    identifier->at = end;
    uint32_t size = fold_part(a, begin, end, a->keeps_accents);
    return text_state_token(a, token, size, begin, end);
}

/* Begin with the identifier at a->at. Gives a token of the whole of it if it has several parts. */
static bool read_whole(text_analyzer *a, text_token *token)
{
    text_identifier *identifier = &a->identifier;
    uint32_t begin = a->at, end = identifier_end(a, begin);
    identifier->at = begin;
    identifier->end = a->at = end;
    uint32_t part = skip_underscores(a, begin, end);
    if (part == end || (part == begin && part_end(a, part, end) == end)) return false;
    uint32_t size = fold_part(a, begin, end, false);
    if (size == 0) return false;
    text_state_place(a, token, begin, end); /* its position is that of the first part */
    token->term = (const char *)a->word;
    token->size = size;
    return true;
}

bool text_code_next(text_analyzer *a, text_token *token)
{
    for (;;) {
        if (a->run.group) {
            if (text_run_next(a, token)) return true;
            a->run.group = 0;
        }
        while (a->identifier.at < a->identifier.end)
            if (read_part(a, token)) return true;
        if (a->at == a->size) return false;

        uint32_t bytes;
        code_kind kind = kind_at(a, a->at, &bytes);
        if (kind == CODE_SPACELESS)
            text_run_begin(a, 2);
        else if (kind < CODE_UNDERSCORE)
            a->at += bytes;
        else if (read_whole(a, token))
            return true;
    }
}
