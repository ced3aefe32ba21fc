/* The tokens of a piece whose scores have the greatest sum, found by dynamic programming from left
 * to right (Viterbi), as in SentencePiece (Kudo 2018, "Subword Regularization"). A character that
 * is no token by itself may also be unknown, at a cost. */
#include "embed/token_model.h"
#include "text/text_utf8.h"

/* The best way to an end. */
typedef struct unigram_node {
    double score;
    uint32_t begin; /* of its last token; MV_TOKEN_NONE: there is no way yet */
    uint32_t token; /* the last one; that of unknown text, too */
} unigram_node;

static void offer_unigram(unigram_node *node, double score, uint32_t begin, uint32_t token)
{
    if (node->begin == MV_TOKEN_NONE || score > node->score)
        *node = (unigram_node){score, begin, token};
}

/* Offer all tokens that begin at `at`. */
static void extend_unigram(const token_model *model, const uint8_t *piece, uint32_t size,
                           uint32_t at, uint32_t character_size, unigram_node *nodes)
{
    double score = nodes[at].score;
    trie_cursor cursor = TRIE_ROOT;
    bool has_character = false;
    for (uint32_t end = at; end < size && token_trie_step(&model->trie, &cursor, piece[end]);) {
        end++;
        if (cursor.token == MV_TOKEN_NONE) continue;
        offer_unigram(&nodes[end], score + model->scores[cursor.token], at, cursor.token);
        if (end - at == character_size) has_character = true;
    }
    if (!has_character)
        offer_unigram(&nodes[at + character_size], score + model->unknown_score, at,
                      model->unknown);
}

/* A run of unknown text is one token, unless that run is a token, or each of its bytes has one. */
static bool add_unknown(const token_model *model, const uint8_t *text, uint32_t size,
                        token_room *room)
{
    bool is_added;
    uint32_t id = token_trie_find(&model->trie, text, size);
    if (id != MV_TOKEN_NONE) return token_room_add(room, id);
    if (!token_model_add_bytes(model, text, size, room, &is_added)) return false;
    return is_added || token_room_add(room, model->unknown);
}

/* Walk back along the best way: let `token` of each node that it passes be where it goes on. */
static void turn_unigram(unigram_node *nodes, uint32_t size)
{
    uint32_t next = size, at = size;
    while (at > 0) {
        uint32_t begin = nodes[at].begin;
        nodes[at].begin = next; /* where the token that begins at `at` ends; unused at the end */
        next = at;
        at = begin;
    }
    nodes[0].begin = next;
}

bool unigram_run(const token_model *model, const uint8_t *piece, uint32_t size, token_room *room)
{
    uint32_t bytes;
    room->nodes.size = 0;
    if (!mem_buffer_reserve(&room->nodes, ((size_t)size + 1) * sizeof(unigram_node))) return false;
    unigram_node *nodes = (unigram_node *)(void *)room->nodes.data;
    for (uint32_t i = 0; i <= size; i++) nodes[i] = (unigram_node){0, MV_TOKEN_NONE, 0};
    nodes[0].begin = 0;
    for (uint32_t at = 0; at < size; at += bytes) {
        text_utf8_decode(piece, size, at, &bytes);
        extend_unigram(model, piece, size, at, bytes, nodes);
    }
    turn_unigram(nodes, size);
    for (uint32_t at = 0, end; at < size; at = end) {
        end = nodes[at].begin;
        if (nodes[end].token != model->unknown) {
            if (!token_room_add(room, nodes[end].token)) return false;
            continue;
        }
        while (end < size && nodes[nodes[end].begin].token == model->unknown)
            end = nodes[end].begin;
        if (!add_unknown(model, piece + at, end - at, room)) return false;
    }
    return true;
}
