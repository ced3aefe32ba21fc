/* Byte pair encoding (Sennrich, Haddow, Birch 2016): the characters of a piece are tokens, and
 * neighbours are merged, always those whose merge has the lowest rank, and of equal ones the first.
 * A queue has the possible merges, and some that became impossible, which are skipped. */
#include "base/heap.h"
#include "embed/token_model.h"
#include "text/text_utf8.h"

#define NO_PAIR   UINT64_MAX
#define NO_SYMBOL UINT32_MAX

/* A token of the piece, in a list of both directions. */
typedef struct bpe_symbol {
    uint32_t token;
    uint32_t before, after; /* NO_SYMBOL: none */
    uint32_t is_merged;     /* into the one before it */
} bpe_symbol;

typedef struct bpe_candidate {
    uint32_t rank, at; /* of the left symbol */
    uint32_t merged;
} bpe_candidate;

/* ---------------------------------------------------------------- merges */

static uint64_t pair_of(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

static uint32_t pair_slot(const token_model *model, uint64_t pair)
{
    return (uint32_t)(pair * 0x9E3779B97F4A7C15u >> (64 - model->merges_bits));
}

/* The merge of a pair, or the free slot for it. */
static token_merge *find_merge(const token_model *model, uint64_t pair)
{
    uint32_t mask = (1u << model->merges_bits) - 1, slot = pair_slot(model, pair);
    while (model->merges[slot].pair != NO_PAIR && model->merges[slot].pair != pair)
        slot = (slot + 1) & mask;
    return &model->merges[slot];
}

mv_err bpe_make(token_model *model, const mv_merge *merges, uint32_t count, mv_error *error)
{
    uint32_t bits = 4;
    while (bits < 31 && (uint64_t)1 << bits < (uint64_t)count * 2) bits++;
    if (count > 1u << 29)
        return error_set(error, MV_LIMIT, "the tokenizer has %u merges", (unsigned)count);
    size_t size = sizeof *model->merges << bits;
    model->merges = mem_alloc(size);
    if (!model->merges) return error_memory(error, size, "the merges of a tokenizer");
    model->merges_bits = bits;
    for (uint32_t i = 0; i < 1u << bits; i++) model->merges[i].pair = NO_PAIR;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tokens = model->trie.tokens_count;
        if (merges[i].left >= tokens || merges[i].right >= tokens || merges[i].merged >= tokens)
            return error_set(error, MV_CORRUPT, "merge %u is of a token that does not exist",
                             (unsigned)i + 1);
        uint64_t pair = pair_of(merges[i].left, merges[i].right);
        *find_merge(model, pair) = (token_merge){pair, i, merges[i].merged};
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- symbols */

static bool append_symbol(token_room *room, uint32_t token)
{
    uint32_t count = (uint32_t)(room->nodes.size / sizeof(bpe_symbol));
    bpe_symbol symbol = {.token = token, .before = count - 1, .after = count + 1};
    if (token == MV_TOKEN_NONE) return true;
    return mem_buffer_append(&room->nodes, &symbol, sizeof symbol);
}

/* The token of a character, with the prefix of all but the first and the suffix of the last. */
static uint32_t character_token(const token_model *model, const uint8_t *text, uint32_t size,
                                bool is_first, bool is_last)
{
    trie_cursor cursor = TRIE_ROOT;
    const token_trie *trie = &model->trie;
    if (!is_first && !token_trie_walk(trie, &cursor, model->prefix.data, model->prefix.size))
        return MV_TOKEN_NONE;
    if (!token_trie_walk(trie, &cursor, text, size)) return MV_TOKEN_NONE;
    if (is_last && !token_trie_walk(trie, &cursor, model->suffix.data, model->suffix.size))
        return MV_TOKEN_NONE;
    return cursor.token;
}

/* The symbols of the tokens of bytes. *is_added is false if one of them has none. */
static bool append_byte_symbols(const token_model *model, const uint8_t *text, uint32_t size,
                                token_room *room, bool *is_added)
{
    *is_added = model->has_byte_tokens;
    for (uint32_t i = 0; i < size && *is_added; i++)
        *is_added = model->byte_tokens[text[i]] != MV_TOKEN_NONE;
    for (uint32_t i = 0; i < size && *is_added; i++)
        if (!append_symbol(room, model->byte_tokens[text[i]])) return false;
    return true;
}

/* Put the characters of a piece into room->nodes. */
static bool read_symbols(const token_model *model, const uint8_t *piece, uint32_t size,
                         token_room *room)
{
    bool is_unknown = false; /* an unknown token waits to be appended */
    room->nodes.size = 0;
    for (uint32_t at = 0, bytes; at < size; at += bytes) {
        bool is_added;
        text_utf8_decode(piece, size, at, &bytes);
        uint32_t token = character_token(model, piece + at, bytes, at == 0, at + bytes == size);
        if (token != MV_TOKEN_NONE) {
            if (is_unknown && !append_symbol(room, model->unknown)) return false;
            is_unknown = false;
            if (!append_symbol(room, token)) return false;
            continue;
        }
        if (!append_byte_symbols(model, piece + at, bytes, room, &is_added)) return false;
        if (is_added) continue;
        if (is_unknown && !model->fuses_unknown && !append_symbol(room, model->unknown))
            return false;
        is_unknown = true;
    }
    if (is_unknown && !append_symbol(room, model->unknown)) return false;
    size_t count = room->nodes.size / sizeof(bpe_symbol);
    if (!count) return true;
    bpe_symbol *symbols = (bpe_symbol *)(void *)room->nodes.data;
    symbols[0].before = NO_SYMBOL;
    symbols[count - 1].after = NO_SYMBOL;
    return true;
}

/* ---------------------------------------------------------------- merging */

/* On top of the heap is what is merged next. */
static bool is_merged_earlier(const void *ctx, const void *a, const void *b)
{
    const bpe_candidate *one = a, *other = b;
    (void)ctx;
    return one->rank != other->rank ? one->rank < other->rank : one->at < other->at;
}

/* Put the merge of a symbol and the one after it into the queue, if there is one. */
static bool push_candidate(const token_model *model, const bpe_symbol *symbols, uint32_t at,
                           mem_buffer *queue)
{
    uint32_t after = at == NO_SYMBOL ? NO_SYMBOL : symbols[at].after;
    if (after == NO_SYMBOL) return true;
    const token_merge *merge = find_merge(model, pair_of(symbols[at].token, symbols[after].token));
    if (merge->pair == NO_PAIR) return true;
    bpe_candidate candidate = {merge->rank, at, merge->merged};
    if (!mem_buffer_append(queue, &candidate, sizeof candidate)) return false;
    uint32_t count = (uint32_t)(queue->size / sizeof candidate);
    heap_sift_up(queue->data, count - 1, &candidate, sizeof candidate, is_merged_earlier, NULL);
    return true;
}

static bpe_candidate pop_candidate(mem_buffer *queue)
{
    bpe_candidate *all = (bpe_candidate *)(void *)queue->data;
    bpe_candidate top = all[0];
    uint32_t count = (uint32_t)(queue->size / sizeof top) - 1;
    bpe_candidate last = all[count];
    queue->size -= sizeof top;
    if (count) heap_sift_down(all, count, 0, &last, sizeof last, is_merged_earlier, NULL);
    return top;
}

/* Can the candidate still be merged? Its symbols may have been merged with others. */
static bool is_possible(const token_model *model, const bpe_symbol *symbols,
                        const bpe_candidate *candidate)
{
    const bpe_symbol *left = &symbols[candidate->at];
    if (left->is_merged || left->after == NO_SYMBOL) return false;
    const token_merge *merge = find_merge(model, pair_of(left->token, symbols[left->after].token));
    return merge->pair != NO_PAIR && merge->merged == candidate->merged;
}

static bool merge_symbols(const token_model *model, bpe_symbol *symbols, uint32_t count,
                          mem_buffer *queue)
{
    queue->size = 0;
    for (uint32_t i = 0; i + 1 < count; i++)
        if (!push_candidate(model, symbols, i, queue)) return false;
    while (queue->size) {
        bpe_candidate next = pop_candidate(queue);
        if (!is_possible(model, symbols, &next)) continue;
        bpe_symbol *left = &symbols[next.at], *right = &symbols[left->after];
        left->token = next.merged;
        left->after = right->after;
        right->is_merged = true;
        if (left->after != NO_SYMBOL) symbols[left->after].before = next.at;
        if (!push_candidate(model, symbols, left->before, queue)) return false;
        if (!push_candidate(model, symbols, next.at, queue)) return false;
    }
    return true;
}

bool bpe_run(const token_model *model, const uint8_t *piece, uint32_t size, token_room *room)
{
    if (model->takes_whole) {
        uint32_t token = token_trie_find(&model->trie, piece, size);
        if (token != MV_TOKEN_NONE) return token_room_add(room, token);
    }
    if (!read_symbols(model, piece, size, room)) return false;
    bpe_symbol *symbols = (bpe_symbol *)(void *)room->nodes.data;
    uint32_t count = (uint32_t)(room->nodes.size / sizeof *symbols);
    if (!merge_symbols(model, symbols, count, &room->queue)) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!symbols[i].is_merged && !token_room_add(room, symbols[i].token)) return false;
    return true;
}
