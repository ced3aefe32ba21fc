/* Most steps put each character into a group: a piece is a run of characters of one group.
 * METASPACE and BYTES also rewrite the text. */
#include "embed/splitter.h"

#include <string.h>

#include "text/text_character.h"
#include "text/text_utf8.h"

/* Groups of characters. */
enum {
    GROUP_GAP = 0, /* between pieces, in none */
    GROUP_ALONE,   /* each is a piece */
    GROUP_FIRST,   /* runs of these are pieces */
    GROUP_SECOND,  /* and runs of these */
};

static bool add_piece(mem_buffer *pieces, uint32_t begin, uint32_t end)
{
    split_piece piece = {begin, end};
    return begin == end || mem_buffer_append(pieces, &piece, sizeof piece);
}

/* ---------------------------------------------------------------- runs */

static bool is_gap(uint32_t c)
{
    return c != 0 && c != TEXT_UTF8_INVALID && text_utf8_is_space(c);
}

/* Rust's is_ascii_punctuation, which has symbols like + and $, too, or a category P*. */
static bool is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
               (c >= '{' && c <= '~');
    return text_character_kind(c) & TEXT_PUNCTUATION;
}

static uint8_t group_of(const splitter_step *step, uint32_t c)
{
    uint8_t matched = step->isolates ? GROUP_ALONE : GROUP_SECOND;
    switch (step->kind) {
    case MV_SPLIT_BERT:
        return is_gap(c) ? GROUP_GAP : is_punctuation(c) ? GROUP_ALONE : GROUP_FIRST;
    case MV_SPLIT_WHITESPACE: return is_gap(c) ? GROUP_GAP : GROUP_FIRST;
    case MV_SPLIT_WORDS:
        if (is_gap(c)) return GROUP_GAP;
        return text_character_kind(c) & TEXT_WORD ? GROUP_FIRST : GROUP_SECOND;
    case MV_SPLIT_PUNCTUATION: return is_punctuation(c) ? matched : GROUP_FIRST;
    case MV_SPLIT_DIGITS: return text_character_kind(c) & TEXT_NUMBER ? matched : GROUP_FIRST;
    default: return GROUP_FIRST;
    }
}

static bool split_runs(const splitter_step *step, const uint8_t *text, split_piece piece,
                       mem_buffer *pieces)
{
    uint32_t begin = piece.begin;
    uint8_t running = GROUP_GAP;
    for (uint32_t at = piece.begin, bytes; at < piece.end; at += bytes) {
        uint8_t group;
        bytes = 1;
        if (text[at] < 0x80)
            group = step->ascii[text[at]];
        else
            group = group_of(step, text_utf8_decode(text, piece.end, at, &bytes));
        if (group == running && group != GROUP_ALONE) continue;
        if (running != GROUP_GAP && !add_piece(pieces, begin, at)) return false;
        begin = at;
        running = group;
    }
    return running == GROUP_GAP || add_piece(pieces, begin, piece.end);
}

/* ---------------------------------------------------------------- METASPACE */

static bool begins_with(const splitter_step *step, const uint8_t *text, uint32_t size)
{
    return size >= step->replacement_size &&
           memcmp(text, step->replacement, step->replacement_size) == 0;
}

/* Write a piece with its spaces replaced to `out`, split before each replacement. */
static bool split_metaspace(const splitter_step *step, const uint8_t *text, split_piece piece,
                            bool prepends, mem_buffer *out, mem_buffer *pieces)
{
    const uint8_t *from = text + piece.begin;
    uint32_t size = piece.end - piece.begin, begin = (uint32_t)out->size;
    bool has_mark = from[0] == ' ' || begins_with(step, from, size);
    if (!mem_buffer_reserve(out, ((size_t)size + 1) * step->replacement_size)) return false;
    uint8_t *to = out->data + out->size;
    if (prepends && !has_mark) {
        memcpy(to, step->replacement, step->replacement_size);
        to += step->replacement_size;
    }
    for (uint32_t at = 0; at < size; at++) {
        bool is_mark = from[at] == ' ' || begins_with(step, from + at, size - at);
        uint32_t end = (uint32_t)(to - out->data);
        if (is_mark && step->isolates && end > begin) {
            if (!add_piece(pieces, begin, end)) return false;
            begin = end;
        }
        if (from[at] == ' ') {
            memcpy(to, step->replacement, step->replacement_size);
            to += step->replacement_size;
        } else {
            *to++ = from[at];
        }
    }
    out->size = (size_t)(to - out->data);
    return out->size <= UINT32_MAX && add_piece(pieces, begin, (uint32_t)out->size);
}

/* ---------------------------------------------------------------- BYTES */

/* What the regular expression of GPT-2 tells apart. */
enum { BYTES_LETTER, BYTES_NUMBER, BYTES_SPACE, BYTES_OTHER };

static uint32_t bytes_class(uint32_t c)
{
    if (is_gap(c)) return BYTES_SPACE;
    uint32_t kind = text_character_kind(c);
    return kind & TEXT_LETTER ? BYTES_LETTER : kind & TEXT_NUMBER ? BYTES_NUMBER : BYTES_OTHER;
}

/* The size of 's, 't, 're, 've, 'm, 'll or 'd at `text`, or 0. */
static uint32_t contraction_size(const uint8_t *text, uint32_t size)
{
    if (size < 2 || text[0] != '\'') return 0;
    if (text[1] == 's' || text[1] == 't' || text[1] == 'm' || text[1] == 'd') return 2;
    if (size < 3) return 0;
    bool is_long = (text[1] == 'r' && text[2] == 'e') || (text[1] == 'v' && text[2] == 'e') ||
                   (text[1] == 'l' && text[2] == 'l');
    return is_long ? 3 : 0;
}

/* The end of the next match of
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * at `at` < size: some part of it matches at any character. */
static uint32_t match_end(const uint8_t *text, uint32_t size, uint32_t at)
{
    uint32_t bytes, first = at + contraction_size(text + at, size - at), last = at, spaces = 0;
    if (first > at) return first;
    bool has_blank = text[at] == ' ' && at + 1 < size;
    uint32_t begin = has_blank ? at + 1 : at;
    uint32_t kind = bytes_class(text_utf8_decode(text, size, begin, &bytes));
    bool is_run = kind != BYTES_SPACE;
    uint32_t end = is_run ? begin : at;
    for (; end < size; end += bytes, spaces++) {
        uint32_t c = text_utf8_decode(text, size, end, &bytes);
        if (bytes_class(c) != (is_run ? kind : BYTES_SPACE)) break;
        last = end;
    }
    /* White space before something else leaves its last character to that. */
    return !is_run && end < size && spaces > 1 ? last : end;
}

/* Bytes that stand for themselves as characters; the others are U+0100, U+0101, ... in their order:
 * 0 to 32, 127 to 160, 173. */
static uint32_t character_of_byte(uint8_t byte)
{
    if (byte <= 32) return 0x100u + byte;
    if (byte < 127) return byte;
    if (byte <= 160) return 0x121u + (byte - 127u);
    return byte == 173 ? 0x143u : byte;
}

static bool append_byte_characters(const uint8_t *bytes, uint32_t size, mem_buffer *out)
{
    if (!mem_buffer_reserve(out, (size_t)size * 2)) return false;
    for (uint32_t i = 0; i < size; i++)
        out->size += text_utf8_encode(character_of_byte(bytes[i]), out->data + out->size);
    return out->size <= UINT32_MAX;
}

static bool split_bytes(const splitter_step *step, const uint8_t *text, split_piece piece,
                        mem_buffer *out, mem_buffer *pieces)
{
    mem_buffer spaced = {0}; /* the piece with a space before it, if it gets one */
    const uint8_t *from = text + piece.begin;
    uint32_t size = piece.end - piece.begin;
    bool has_memory = true;
    if (step->prepends != MV_PREPEND_NEVER && from[0] != ' ') {
        has_memory = mem_buffer_append(&spaced, " ", 1) && mem_buffer_append(&spaced, from, size);
        from = spaced.data;
        size++;
    }
    for (uint32_t at = 0, end; has_memory && at < size; at = end) {
        uint32_t begin = (uint32_t)out->size;
        end = step->isolates ? match_end(from, size, at) : size;
        has_memory = append_byte_characters(from + at, end - at, out) &&
                     add_piece(pieces, begin, (uint32_t)out->size);
    }
    mem_buffer_free(&spaced);
    return has_memory;
}

/* ---------------------------------------------------------------- all steps */

static bool run_splitter(const splitter_step *step, bool is_first, split_text *out)
{
    uint32_t count;
    const split_piece *pieces = splitter_pieces(out, &count);
    bool is_rewritten = step->kind == MV_SPLIT_METASPACE || step->kind == MV_SPLIT_BYTES;
    out->spare.size = 0;
    out->spare_pieces.size = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_done;
        bool prepends = step->prepends == MV_PREPEND_ALWAYS ||
                        (step->prepends == MV_PREPEND_FIRST && is_first && pieces[i].begin == 0);
        if (step->kind == MV_SPLIT_METASPACE)
            is_done = split_metaspace(step, out->text, pieces[i], prepends, &out->spare,
                                      &out->spare_pieces);
        else if (step->kind == MV_SPLIT_BYTES)
            is_done = split_bytes(step, out->text, pieces[i], &out->spare, &out->spare_pieces);
        else
            is_done = split_runs(step, out->text, pieces[i], &out->spare_pieces);
        if (!is_done) return false;
    }
    mem_buffer full = out->spare_pieces;
    out->spare_pieces = out->pieces;
    out->pieces = full;
    if (is_rewritten) {
        full = out->spare;
        out->spare = out->room;
        out->room = full;
        out->text = full.data;
    }
    return true;
}

bool splitter_run(const splitter *split, const uint8_t *text, uint32_t size, bool is_first,
                  split_text *out)
{
    out->text = text;
    out->pieces.size = 0;
    if (!add_piece(&out->pieces, 0, size)) return false;
    for (uint32_t i = 0; i < split->count; i++)
        if (!run_splitter(&split->steps[i], is_first, out)) return false;
    return true;
}

mv_err splitter_make(splitter *split, const mv_splitter *steps, uint32_t count, mv_error *error)
{
    size_t size = mem_array_size(count, sizeof *split->steps);
    split->steps = mem_alloc_zero(size);
    if (!split->steps) return error_memory(error, size, "a splitter");
    split->count = count;
    for (uint32_t i = 0; i < count; i++) {
        splitter_step *step = &split->steps[i];
        step->kind = steps[i].kind;
        step->isolates = steps[i].isolates;
        step->prepends = steps[i].prepends;
        if (step->kind == MV_SPLIT_METASPACE) {
            uint32_t bytes = 0;
            size_t given = steps[i].replacement.size;
            const uint8_t *text = (const uint8_t *)steps[i].replacement.data;
            if (!given || given > 4 ||
                text_utf8_decode(text, (uint32_t)given, 0, &bytes) == TEXT_UTF8_INVALID ||
                bytes != given)
                return error_set(error, MV_CORRUPT,
                                 "the replacement of Metaspace must be one character");
            memcpy(step->replacement, text, given);
            step->replacement_size = (uint32_t)given;
        }
        for (uint32_t c = 0; c < 128; c++) step->ascii[c] = group_of(step, c);
    }
    return MV_OK;
}

void splitter_free(splitter *split)
{
    mem_free(split->steps, mem_array_size(split->count, sizeof *split->steps));
    *split = (splitter){0};
}
