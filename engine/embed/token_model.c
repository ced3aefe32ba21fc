/* What the models have in common, and the two simple ones. */
#include "embed/token_model.h"

#include <math.h>
#include <stdio.h>

#include "text/text_utf8.h"

#define UNKNOWN_PENALTY 10.0 /* SentencePiece: below the lowest score of a token */

/* ---------------------------------------------------------------- make */

static void find_byte_tokens(token_model *model)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        int size = snprintf(name, sizeof name, "<0x%02X>", byte);
        model->byte_tokens[byte] = token_trie_find(&model->trie, name, (size_t)size);
    }
}

static mv_err make_unigram(token_model *model, const mv_embedder_options *options, mv_error *error)
{
    size_t size = mem_array_size(options->tokens_count, sizeof *model->scores);
    double lowest = INFINITY;
    model->scores = mem_alloc(size);
    if (!model->scores) return error_memory(error, size, "the scores of tokens");
    for (uint32_t i = 0; i < options->tokens_count; i++) {
        double score = options->tokens[i].data ? options->scores[i] : 0;
        if (!isfinite(score))
            return error_set(error, MV_CORRUPT, "the score of token %u is not finite", (unsigned)i);
        model->scores[i] = score;
        if (options->tokens[i].data && score < lowest) lowest = score;
    }
    model->unknown_score = lowest - UNKNOWN_PENALTY;
    return MV_OK;
}

mv_err token_model_make(token_model *model, const mv_embedder_options *options, mv_error *error)
{
    model->kind = options->model;
    model->unknown = options->unknown_id;
    model->has_byte_tokens = options->has_byte_tokens;
    model->fuses_unknown = options->fuses_unknown;
    model->takes_whole = options->takes_whole;
    model->piece_size_max = options->piece_size_max;
    MV_TRY(token_trie_make(&model->trie, options->tokens, options->tokens_count, error));
    if (!mem_buffer_append(&model->prefix, options->prefix.data, options->prefix.size) ||
        !mem_buffer_append(&model->suffix, options->suffix.data, options->suffix.size))
        return error_memory(error, options->prefix.size + options->suffix.size, "a model");
    find_byte_tokens(model);
    model->inside = TRIE_ROOT;
    model->has_inside =
        token_trie_walk(&model->trie, &model->inside, model->prefix.data, model->prefix.size);
    if (model->kind == MV_UNIGRAM) return make_unigram(model, options, error);
    if (model->kind == MV_BPE)
        return bpe_make(model, options->merges, options->merges_count, error);
    return MV_OK;
}

void token_model_free(token_model *model)
{
    mem_free(model->scores, mem_array_size(model->trie.tokens_count, sizeof *model->scores));
    if (model->merges) mem_free(model->merges, sizeof *model->merges << model->merges_bits);
    token_trie_free(&model->trie);
    mem_buffer_free(&model->prefix);
    mem_buffer_free(&model->suffix);
    *model = (token_model){0};
}

/* ---------------------------------------------------------------- run */

/* Add the tokens of bytes, if the model has tokens for all of them: *is_added. False: no memory. */
bool token_model_add_bytes(const token_model *model, const uint8_t *text, uint32_t size,
                           token_room *room, bool *is_added)
{
    *is_added = false;
    if (!model->has_byte_tokens) return true;
    for (uint32_t i = 0; i < size; i++)
        if (model->byte_tokens[text[i]] == MV_TOKEN_NONE) return true;
    *is_added = true;
    for (uint32_t i = 0; i < size; i++)
        if (!token_room_add(room, model->byte_tokens[text[i]])) return false;
    return true;
}

static bool has_more_characters(const uint8_t *text, uint32_t size, uint32_t most)
{
    uint32_t count = 0;
    if (size <= most) return false;
    for (uint32_t i = 0; i < size; i++) count += (text[i] & 0xC0) != 0x80;
    return count > most;
}

/* The longest token first, and so on behind it. If that comes to an end, all of the piece is
 * unknown. */
static bool run_word_piece(const token_model *model, const uint8_t *piece, uint32_t size,
                           token_room *room)
{
    size_t before = room->ids.size;
    bool is_known = !has_more_characters(piece, size, model->piece_size_max);
    for (uint32_t at = 0, bytes = 0; is_known && at < size; at += bytes) {
        if (at > 0 && !model->has_inside) {
            is_known = false;
            break;
        }
        uint32_t id = token_trie_longest(&model->trie, at ? model->inside : TRIE_ROOT, piece + at,
                                         size - at, &bytes);
        is_known = id != MV_TOKEN_NONE;
        if (is_known && !token_room_add(room, id)) return false;
    }
    if (is_known) return true;
    room->ids.size = before;
    return token_room_add(room, model->unknown);
}

bool token_model_run(const token_model *model, const uint8_t *piece, uint32_t size,
                     token_room *room)
{
    uint32_t id;
    switch (model->kind) {
    case MV_UNIGRAM: return unigram_run(model, piece, size, room);
    case MV_BPE: return bpe_run(model, piece, size, room);
    case MV_WORD_LEVEL:
        id = token_trie_find(&model->trie, piece, size);
        return token_room_add(room, id == MV_TOKEN_NONE ? model->unknown : id);
    default: return run_word_piece(model, piece, size, room);
    }
}
