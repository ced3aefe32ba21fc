/* The steps are those of Hugging Face's tokenizers, with the same names there. The step BERT is
 * what nearly all models have, so characters of ASCII are looked up in a table. */
#include "embed/normalizer.h"

#include <string.h>

#include "text/text_character.h"
#include "text/text_utf8.h"

/* What a step did. */
typedef enum step_outcome { STEP_FAILED, STEP_SAME, STEP_CHANGED } step_outcome;

static step_outcome changed_if(bool has_memory)
{
    return has_memory ? STEP_CHANGED : STEP_FAILED;
}

static bool is_white_space(uint32_t c)
{
    return c != 0 && c != TEXT_UTF8_INVALID && text_utf8_is_space(c);
}

static bool append_character(mem_buffer *out, uint32_t c)
{
    if (!mem_buffer_reserve(out, 4)) return false;
    out->size += text_utf8_encode(c, out->data + out->size);
    return true;
}

/* ---------------------------------------------------------------- BERT */

/* The blocks that BERT calls Chinese characters. Some ideographs of later Unicode are not there. */
static bool is_chinese(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/* Does BERT's cleaning remove the character? White space that is a control character, too, but for
 * three, goes: U+0085 is no space here. */
static bool is_hidden(uint32_t c)
{
    if (c == '\t' || c == '\n' || c == '\r') return false;
    return c == 0 || c == 0xFFFD || text_character_kind(c) & TEXT_HIDDEN;
}

static bool append_lower(mem_buffer *out, uint32_t c)
{
    uint32_t lower[2], count = text_character_lower(c, lower);
    for (uint32_t i = 0; i < count; i++)
        if (!append_character(out, lower[i])) return false;
    return true;
}

/* A character that is not of ASCII. Marks that the decomposition of characters leaves in another
 * order than the canonical one are removed anyway, so each character is decomposed by itself. */
static bool append_bert(const normalizer_step *step, uint32_t c, mem_buffer *out)
{
    if (step->cleans) {
        if (is_hidden(c)) return true;
        if (is_white_space(c)) c = ' ';
    }
    bool is_apart = step->splits_chinese && is_chinese(c);
    int32_t parts[TEXT_CHARACTER_PARTS] = {(int32_t)c};
    uint32_t count = step->strips_accents ? text_character_decompose(c, parts) : 1;
    if (is_apart && !append_character(out, ' ')) return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t part = (uint32_t)parts[i];
        if (step->strips_accents && text_character_kind(part) & TEXT_NONSPACING) continue;
        if (step->lowers ? !append_lower(out, part) : !append_character(out, part)) return false;
    }
    return !is_apart || append_character(out, ' ');
}

static void make_ascii(normalizer_step *step)
{
    for (uint32_t c = 1; c < 128; c++) {
        step->ascii[c] = (uint8_t)c;
        if (step->lowers && c >= 'A' && c <= 'Z') step->ascii[c] = (uint8_t)(c + 32);
        if (step->cleans && (c < ' ' || c == 127)) step->ascii[c] = is_hidden(c) ? 0 : ' ';
    }
}

static step_outcome run_bert(const normalizer_step *step, const uint8_t *text, uint32_t size,
                             mem_buffer *out)
{
    if (!mem_buffer_reserve(out, size)) return STEP_FAILED;
    for (uint32_t at = 0, bytes; at < size; at += bytes) {
        uint8_t first = text[at];
        if (first < 0x80) {
            bytes = 1;
            if (!first && step->cleans) continue;
            if (first && !step->ascii[first]) continue;
            if (out->size == out->capacity && !mem_buffer_reserve(out, size - at))
                return STEP_FAILED;
            out->data[out->size++] = step->ascii[first];
            continue;
        }
        uint32_t c = text_utf8_decode(text, size, at, &bytes);
        if (!append_bert(step, c, out)) return STEP_FAILED;
    }
    return STEP_CHANGED;
}

/* ---------------------------------------------------------------- other steps */

static step_outcome run_lower(const uint8_t *text, uint32_t size, mem_buffer *out)
{
    for (uint32_t at = 0, bytes; at < size; at += bytes)
        if (!append_lower(out, text_utf8_decode(text, size, at, &bytes))) return STEP_FAILED;
    return STEP_CHANGED;
}

static bool is_ascii(const uint8_t *text, uint32_t size)
{
    uint8_t all = 0;
    for (uint32_t i = 0; i < size; i++) all |= text[i];
    return all < 0x80;
}

static step_outcome run_form(text_form form, const uint8_t *text, uint32_t size, mem_buffer *out)
{
    if (is_ascii(text, size)) return STEP_SAME;
    return changed_if(text_character_normalize(form, text, size, out));
}

static step_outcome run_strip_accents(const uint8_t *text, uint32_t size, mem_buffer *out)
{
    if (is_ascii(text, size)) return STEP_SAME;
    for (uint32_t at = 0, bytes; at < size; at += bytes) {
        uint32_t c = text_utf8_decode(text, size, at, &bytes);
        if (!(text_character_kind(c) & TEXT_MARK) && !append_character(out, c)) return STEP_FAILED;
    }
    return STEP_CHANGED;
}

static step_outcome run_strip(const normalizer_step *step, const uint8_t *text, uint32_t size,
                              mem_buffer *out)
{
    uint32_t begin = size, end = 0;
    for (uint32_t at = 0, bytes; at < size; at += bytes) {
        bool is_space = is_white_space(text_utf8_decode(text, size, at, &bytes));
        if (!is_space && begin == size) begin = at;
        if (!is_space) end = at + bytes;
    }
    if (!step->left) begin = 0;
    if (!step->right) end = size;
    if (begin == 0 && end == size) return STEP_SAME;
    if (begin < end && !mem_buffer_append(out, text + begin, end - begin)) return STEP_FAILED;
    return STEP_CHANGED;
}

static step_outcome run_replace(const normalizer_step *step, const uint8_t *text, uint32_t size,
                                mem_buffer *out)
{
    const uint8_t *pattern = step->pattern.data;
    size_t pattern_size = step->pattern.size;
    uint32_t begin = 0;
    for (uint32_t at = 0; at + pattern_size <= size;) {
        const uint8_t *found = memchr(text + at, pattern[0], size - at);
        if (!found) break;
        at = (uint32_t)(found - text);
        if (at + pattern_size > size || memcmp(found, pattern, pattern_size) != 0) {
            at++;
            continue;
        }
        if (!mem_buffer_append(out, text + begin, at - begin) ||
            !mem_buffer_append(out, step->content.data, step->content.size))
            return STEP_FAILED;
        at += (uint32_t)pattern_size;
        begin = at;
    }
    if (begin == 0) return STEP_SAME;
    return changed_if(mem_buffer_append(out, text + begin, size - begin));
}

static step_outcome run_spaces(const normalizer_step *step, const uint8_t *text, uint32_t size,
                               mem_buffer *out)
{
    for (uint32_t at = 0, bytes; at < size;) {
        uint32_t end = at, spaces = 0;
        for (; end < size; end += bytes, spaces++) {
            uint32_t c = text_utf8_decode(text, size, end, &bytes);
            if (!(step->only_blank ? c == ' ' : is_white_space(c))) break;
        }
        bool is_replaced = spaces && spaces >= step->spaces_min;
        if (!spaces) {
            text_utf8_decode(text, size, at, &bytes);
            end = at + bytes;
        }
        if (is_replaced ? !mem_buffer_append(out, step->content.data, step->content.size)
                        : !mem_buffer_append(out, text + at, end - at))
            return STEP_FAILED;
        at = end;
    }
    return STEP_CHANGED;
}

static step_outcome run_prepend(const normalizer_step *step, const uint8_t *text, uint32_t size,
                                mem_buffer *out)
{
    if (!size) return STEP_SAME;
    return changed_if(mem_buffer_append(out, step->content.data, step->content.size) &&
                      mem_buffer_append(out, text, size));
}

static bool is_removed_by_nmt(uint32_t c)
{
    return (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
           c == 0x9F;
}

static bool is_space_by_nmt(uint32_t c)
{
    return c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
}

static step_outcome run_nmt(const uint8_t *text, uint32_t size, mem_buffer *out)
{
    for (uint32_t at = 0, bytes; at < size; at += bytes) {
        uint32_t c = text_utf8_decode(text, size, at, &bytes);
        if (is_removed_by_nmt(c)) continue;
        if (!append_character(out, is_space_by_nmt(c) ? ' ' : c)) return STEP_FAILED;
    }
    return STEP_CHANGED;
}

static step_outcome run_step(const normalizer_step *step, const uint8_t *text, uint32_t size,
                             mem_buffer *out)
{
    switch (step->kind) {
    case MV_NORMALIZE_BERT: return run_bert(step, text, size, out);
    case MV_NORMALIZE_LOWER: return run_lower(text, size, out);
    case MV_NORMALIZE_NFD: return run_form(TEXT_NFD, text, size, out);
    case MV_NORMALIZE_NFC: return run_form(TEXT_NFC, text, size, out);
    case MV_NORMALIZE_NFKD: return run_form(TEXT_NFKD, text, size, out);
    case MV_NORMALIZE_NFKC: return run_form(TEXT_NFKC, text, size, out);
    case MV_NORMALIZE_STRIP_ACCENTS: return run_strip_accents(text, size, out);
    case MV_NORMALIZE_STRIP: return run_strip(step, text, size, out);
    case MV_NORMALIZE_REPLACE: return run_replace(step, text, size, out);
    case MV_NORMALIZE_SPACES: return run_spaces(step, text, size, out);
    case MV_NORMALIZE_PREPEND: return run_prepend(step, text, size, out);
    case MV_NORMALIZE_CHARSMAP: return changed_if(charsmap_apply(&step->map, text, size, out));
    case MV_NORMALIZE_NMT: return run_nmt(text, size, out);
    }
    return STEP_SAME;
}

/* ---------------------------------------------------------------- all steps */

/* Does a changed text still begin with the character that the text before the step began with, or
 * with what was put before or in place of it? Not if characters were removed there. */
static bool keeps_start(const normalizer_step *step, const uint8_t *text, uint32_t size)
{
    uint32_t bytes, next;
    if (!size) return false;
    uint32_t c = text_utf8_decode(text, size, 0, &bytes);
    switch (step->kind) {
    case MV_NORMALIZE_BERT: return !step->cleans || !is_hidden(c);
    case MV_NORMALIZE_STRIP: return !step->left || !is_white_space(c);
    case MV_NORMALIZE_STRIP_ACCENTS: return !(text_character_kind(c) & TEXT_MARK);
    case MV_NORMALIZE_SPACES: /* a run takes the place of its last character */
        return bytes == size || !is_white_space(c) || step->only_blank ||
               !is_white_space(text_utf8_decode(text, size, bytes, &next));
    case MV_NORMALIZE_NMT: return !is_removed_by_nmt(c);
    default: return true;
    }
}

bool normalizer_run(const normalizer *normal, const uint8_t *text, uint32_t size, normal_text *out)
{
    out->text = text;
    out->size = size;
    out->keeps_start = true;
    for (uint32_t i = 0; i < normal->count; i++) {
        const normalizer_step *step = &normal->steps[i];
        out->spare.size = 0;
        step_outcome outcome = run_step(step, out->text, out->size, &out->spare);
        if (outcome == STEP_FAILED || out->spare.size > UINT32_MAX) return false;
        if (outcome == STEP_SAME) continue;
        out->keeps_start = out->keeps_start && keeps_start(step, out->text, out->size);
        mem_buffer full = out->spare;
        out->spare = out->room;
        out->room = full;
        out->text = full.data;
        out->size = (uint32_t)full.size;
    }
    return true;
}

static mv_err make_step(normalizer_step *step, const mv_normalizer *given, mv_error *error)
{
    step->kind = given->kind;
    step->cleans = given->cleans;
    step->splits_chinese = given->splits_chinese;
    step->strips_accents = given->strips_accents;
    step->lowers = given->lowers;
    step->left = given->left;
    step->right = given->right;
    step->only_blank = given->only_blank;
    step->spaces_min = given->spaces_min;
    make_ascii(step);
    if (!mem_buffer_append(&step->pattern, given->pattern.data, given->pattern.size) ||
        !mem_buffer_append(&step->content, given->content.data, given->content.size))
        return error_memory(error, given->pattern.size + given->content.size, "a normalizer");
    if (step->kind == MV_NORMALIZE_REPLACE && !step->pattern.size)
        return error_set(error, MV_CORRUPT, "a normalizer replaces an empty text");
    if (step->kind == MV_NORMALIZE_CHARSMAP)
        return charsmap_read(&step->map, step->pattern.data, step->pattern.size, error);
    return MV_OK;
}

mv_err normalizer_make(normalizer *normal, const mv_normalizer *steps, uint32_t count,
                       mv_error *error)
{
    size_t size = mem_array_size(count, sizeof *normal->steps);
    normal->steps = mem_alloc_zero(size);
    if (!normal->steps) return error_memory(error, size, "a normalizer");
    normal->count = count;
    for (uint32_t i = 0; i < count; i++) MV_TRY(make_step(&normal->steps[i], &steps[i], error));
    return MV_OK;
}

void normalizer_free(normalizer *normal)
{
    for (uint32_t i = 0; i < normal->count; i++) {
        mem_buffer_free(&normal->steps[i].pattern);
        mem_buffer_free(&normal->steps[i].content);
    }
    mem_free(normal->steps, mem_array_size(normal->count, sizeof *normal->steps));
    *normal = (normalizer){0};
}
