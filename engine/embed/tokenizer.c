/* The order of the steps, and what is cut, are those of Model2Vec's `StaticModel.tokenize` and of
 * Hugging Face's `TokenizerImpl::encode`. */
#include "embed/tokenizer.h"

#include <string.h>

#include "text/text_character.h"
#include "text/text_utf8.h"

#define TEXT_SIZE_MAX (UINT32_MAX / 4) /* bytes of a text: its normal form has to fit 32 bits */

/* ---------------------------------------------------------------- added tokens */

/* Make the set of the added tokens with this is_normalized. Texts of normalized ones go through the
 * normalizer. */
static mv_err make_added(const tokenizer *t, added_tokens *set, const mv_embedder_options *options,
                         bool is_normalized, mv_error *error)
{
    size_t texts_size = mem_array_size(options->added_count, sizeof(mv_text));
    size_t tokens_size = mem_array_size(options->added_count, sizeof *set->tokens);
    mem_buffer bytes = {0};
    normal_text normal = {0};
    mv_text *texts = mem_alloc(texts_size);
    mv_err err = MV_OK;
    set->tokens = mem_alloc(tokens_size);
    set->count = options->added_count;
    bool has_memory = texts && set->tokens;
    for (uint32_t i = 0; has_memory && i < set->count; i++) {
        const mv_added_token *given = &options->added[i];
        const uint8_t *text = (const uint8_t *)given->text.data;
        size_t size = given->text.size;
        set->tokens[i] = *given;
        texts[i] = (mv_text){NULL, 0};
        if (given->is_normalized != is_normalized || !size || size > TEXT_SIZE_MAX) continue;
        if (is_normalized) {
            has_memory = normalizer_run(&t->normal, text, (uint32_t)size, &normal);
            if (!has_memory) break;
            text = normal.text;
            size = normal.size;
        }
        texts[i].size = size;
        has_memory = mem_buffer_append(&bytes, text, size);
        if (size) set->begins[text[0]] = true;
    }
    if (!has_memory) err = error_memory(error, texts_size, "added tokens");
    size_t at = 0; /* the texts are behind each other in `bytes`, which does not move any more */
    for (uint32_t i = 0; !err && i < set->count; i++) {
        if (texts[i].size) texts[i].data = (const char *)bytes.data + at;
        at += texts[i].size;
    }
    if (!err) err = token_trie_make(&set->trie, texts, set->count, error);
    mem_free(texts, texts_size);
    mem_buffer_free(&bytes);
    mem_buffer_free(&normal.room);
    mem_buffer_free(&normal.spare);
    return err;
}

static void free_added(added_tokens *set)
{
    token_trie_free(&set->trie);
    mem_free(set->tokens, mem_array_size(set->count, sizeof *set->tokens));
    *set = (added_tokens){0};
}

static bool is_white(uint32_t c)
{
    return c != 0 && c != TEXT_UTF8_INVALID && text_utf8_is_space(c);
}

/* The first byte of the character before `at` > 0. */
static uint32_t previous_character(const uint8_t *text, uint32_t at)
{
    do at--;
    while (at > 0 && (text[at] & 0xC0) == 0x80);
    return at;
}

/* Does a word go on at either side of text[begin..end]? */
static bool is_inside_word(const uint8_t *text, uint32_t size, uint32_t begin, uint32_t end)
{
    uint32_t bytes;
    if (begin > 0) {
        uint32_t before = previous_character(text, begin);
        if (text_character_kind(text_utf8_decode(text, size, before, &bytes)) & TEXT_WORD)
            return true;
    }
    return end < size && text_character_kind(text_utf8_decode(text, size, end, &bytes)) & TEXT_WORD;
}

typedef struct added_match {
    uint32_t begin, end, id;
} added_match;

/* The next added token at or behind *from, which moves behind it. White space before it is taken
 * from `done` on. */
static bool find_added(const added_tokens *set, const uint8_t *text, uint32_t size, uint32_t *from,
                       uint32_t done, added_match *match)
{
    uint32_t bytes = 0;
    if (!set->trie.text_size) return false;
    while (*from < size) {
        uint32_t begin = *from;
        uint32_t at =
            set->begins[text[begin]]
                ? token_trie_longest(&set->trie, TRIE_ROOT, text + begin, size - begin, &bytes)
                : MV_TOKEN_NONE;
        *from += at == MV_TOKEN_NONE ? 1 : bytes;
        if (at == MV_TOKEN_NONE) continue;
        const mv_added_token *token = &set->tokens[at];
        uint32_t end = begin + bytes;
        if (token->is_word && is_inside_word(text, size, begin, end)) continue;
        while (token->takes_left && begin > done) {
            uint32_t before = previous_character(text, begin);
            if (!is_white(text_utf8_decode(text, size, before, &bytes))) break;
            begin = before;
        }
        while (token->takes_right && end < size &&
               is_white(text_utf8_decode(text, size, end, &bytes)))
            end += bytes;
        *match = (added_match){begin, end, token->id};
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- make */

static int compare_lengths(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}

static uint32_t token_length(const mv_text *text)
{
    uint32_t count = 0;
    for (size_t i = 0; i < text->size; i++) count += ((uint8_t)text->data[i] & 0xC0) != 0x80;
    return count;
}

/* The median length of a token in characters, of the vocabulary and the added tokens that it lacks,
 * rounded down. */
static mv_err median_length(const tokenizer *t, const mv_embedder_options *options,
                            uint32_t *median, mv_error *error)
{
    size_t size =
        mem_array_size((uint64_t)options->tokens_count + options->added_count, sizeof(uint32_t));
    uint32_t *lengths = mem_alloc(size), count = 0;
    if (!lengths) return error_memory(error, size, "the lengths of tokens");
    for (uint32_t i = 0; i < options->tokens_count; i++)
        if (options->tokens[i].data) lengths[count++] = token_length(&options->tokens[i]);
    for (uint32_t i = 0; i < options->added_count; i++) {
        const mv_text *text = &options->added[i].text;
        if (token_trie_find(&t->model.trie, text->data, text->size) == MV_TOKEN_NONE)
            lengths[count++] = token_length(text);
    }
    qsort(lengths, count, sizeof *lengths, compare_lengths);
    *median = count ? (lengths[(count - 1) / 2] + lengths[count / 2]) / 2 : 0;
    mem_free(lengths, size);
    return MV_OK;
}

mv_err tokenizer_make(tokenizer *t, const mv_embedder_options *options, mv_error *error)
{
    uint32_t median = 0;
    MV_TRY(normalizer_make(&t->normal, options->normalizers, options->normalizers_count, error));
    MV_TRY(splitter_make(&t->split, options->splitters, options->splitters_count, error));
    MV_TRY(token_model_make(&t->model, options, error));
    MV_TRY(make_added(t, &t->raw, options, false, error));
    MV_TRY(make_added(t, &t->normalized, options, true, error));
    MV_TRY(median_length(t, options, &median, error));
    t->dropped = options->drops_unknown ? options->unknown_id : MV_TOKEN_NONE;
    t->truncates_at = options->truncates_at ? options->truncates_at : UINT32_MAX;
    t->max_tokens = options->max_tokens ? options->max_tokens : UINT32_MAX;
    t->max_characters = options->max_tokens ? (uint64_t)options->max_tokens * median : UINT64_MAX;
    return MV_OK;
}

void tokenizer_free(tokenizer *t)
{
    normalizer_free(&t->normal);
    splitter_free(&t->split);
    token_model_free(&t->model);
    free_added(&t->raw);
    free_added(&t->normalized);
}

void tokenizer_room_free(tokenizer_room *room)
{
    mem_buffer *buffers[] = {
        &room->text,         &room->normal.room,  &room->normal.spare,       &room->split.room,
        &room->split.spare,  &room->split.pieces, &room->split.spare_pieces, &room->tokens.ids,
        &room->tokens.nodes, &room->tokens.queue};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) mem_buffer_free(buffers[i]);
}

/* ---------------------------------------------------------------- run */

/* The part of a text that is read: at most `characters`, and *is_valid UTF-8? */
static uint32_t cut_text(const uint8_t *text, uint32_t size, uint64_t characters, bool *is_valid)
{
    uint32_t at = 0, bytes;
    *is_valid = true;
    for (; at < size && characters; at += bytes, characters--) {
        bytes = 1;
        if (text[at] >= 0x80 && text_utf8_decode(text, size, at, &bytes) == TEXT_UTF8_INVALID)
            *is_valid = false;
    }
    return at;
}

/* Copy a text to `out`, with U+FFFD for each byte that is not UTF-8. */
static bool mend_text(const uint8_t *text, uint32_t size, mem_buffer *out)
{
    out->size = 0;
    for (uint32_t at = 0, bytes; at < size; at += bytes) {
        uint32_t c = text_utf8_decode(text, size, at, &bytes);
        const void *from = c == TEXT_UTF8_INVALID ? (const void *)"\xEF\xBF\xBD" : text + at;
        if (!mem_buffer_append(out, from, c == TEXT_UTF8_INVALID ? 3 : bytes)) return false;
    }
    return true;
}

/* Split and tokenize a part of a normalized text. */
static bool run_part(const tokenizer *t, const uint8_t *text, uint32_t size, bool is_first,
                     tokenizer_room *room)
{
    uint32_t count;
    if (!splitter_run(&t->split, text, size, is_first, &room->split)) return false;
    const split_piece *pieces = splitter_pieces(&room->split, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!token_model_run(&t->model, room->split.text + pieces[i].begin,
                             pieces[i].end - pieces[i].begin, &room->tokens))
            return false;
    return true;
}

/* Normalize a part of a text, and find the added tokens of normalized text. */
static bool run_normalized(const tokenizer *t, const uint8_t *text, uint32_t size, bool is_first,
                           tokenizer_room *room)
{
    added_match match;
    uint32_t from = 0, done = 0;
    if (!normalizer_run(&t->normal, text, size, &room->normal)) return false;
    text = room->normal.text;
    size = room->normal.size;
    is_first = is_first && room->normal.keeps_start;
    while (find_added(&t->normalized, text, size, &from, done, &match)) {
        if (match.begin > done &&
            !run_part(t, text + done, match.begin - done, is_first && !done, room))
            return false;
        if (!token_room_add(&room->tokens, match.id)) return false;
        done = match.end;
    }
    return done == size || run_part(t, text + done, size - done, is_first && !done, room);
}

static bool run_raw(const tokenizer *t, const uint8_t *text, uint32_t size, tokenizer_room *room)
{
    added_match match;
    uint32_t from = 0, done = 0;
    while (find_added(&t->raw, text, size, &from, done, &match)) {
        if (match.begin > done && !run_normalized(t, text + done, match.begin - done, !done, room))
            return false;
        if (!token_room_add(&room->tokens, match.id)) return false;
        done = match.end;
    }
    return done == size || run_normalized(t, text + done, size - done, !done, room);
}

mv_err tokenizer_run(const tokenizer *t, mv_text text, tokenizer_room *room, const uint32_t **ids,
                     uint32_t *count, mv_error *error)
{
    bool is_valid;
    const uint8_t *bytes = (const uint8_t *)text.data;
    if (text.size > TEXT_SIZE_MAX)
        return error_set(error, MV_LIMIT, "the text has %zu bytes, at most %u can be embedded",
                         text.size, TEXT_SIZE_MAX);
    uint32_t size = cut_text(bytes, (uint32_t)text.size, t->max_characters, &is_valid);
    room->tokens.ids.size = 0;
    bool has_memory = is_valid || mend_text(bytes, size, &room->text);
    if (has_memory && !is_valid) {
        bytes = room->text.data;
        size = (uint32_t)room->text.size;
    }
    if (!has_memory || (size && !run_raw(t, bytes, size, room)))
        return error_memory(error, text.size, "the tokens of a text");
    uint32_t *all = (uint32_t *)(void *)room->tokens.ids.data, kept = 0;
    uint32_t all_count = (uint32_t)(room->tokens.ids.size / sizeof *all);
    if (all_count > t->truncates_at) all_count = t->truncates_at;
    for (uint32_t i = 0; i < all_count && kept < t->max_tokens; i++)
        if (all[i] != t->dropped) all[kept++] = all[i];
    *ids = all;
    *count = kept;
    return MV_OK;
}
