/* Making the trie: the tokens are sorted, and a node is a range of them that share a beginning. The
 * nodes are made in the order of their depth, so that the children of each stand together; the
 * ranges of nodes whose children are not made yet are a queue. */
#include "embed/token_trie.h"

#include <string.h>

#include "base/mem.h"

typedef struct sorted_token {
    const uint8_t *text;
    uint32_t size, id;
} sorted_token;

static int compare_sorted_tokens(const void *one, const void *other)
{
    const sorted_token *a = one, *b = other;
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    if (order) return order;
    if (a->size != b->size) return a->size < b->size ? -1 : 1;
    return a->id < b->id ? -1 : 1;
}

/* Copy the texts of all tokens. */
static mv_err copy_token_texts(token_trie *trie, const mv_text *tokens, uint32_t count,
                               mv_error *error)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < count; i++) size += tokens[i].data ? tokens[i].size : 0;
    if (size > UINT32_MAX || count >= MV_TOKEN_NONE)
        return error_set(error, MV_LIMIT, "the vocabulary is larger than 4 GB");
    trie->text = mem_alloc((size_t)size);
    trie->text_size = (size_t)size;
    trie->tokens_count = count;
    trie->begins = mem_alloc(mem_array_size((uint64_t)count + 1, sizeof *trie->begins));
    if (!trie->text || !trie->begins) return error_memory(error, size, "a vocabulary");
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        trie->begins[i] = at;
        if (!tokens[i].data || !tokens[i].size) continue;
        memcpy(trie->text + at, tokens[i].data, tokens[i].size);
        at += (uint32_t)tokens[i].size;
    }
    trie->begins[count] = at;
    return MV_OK;
}

/* Sort the tokens that have a text, and keep the last of equal ones. Returns their number. */
static uint32_t sort_tokens(const token_trie *trie, sorted_token *sorted)
{
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < trie->tokens_count; i++) {
        uint32_t size = trie->begins[i + 1] - trie->begins[i];
        if (size) sorted[count++] = (sorted_token){trie->text + trie->begins[i], size, i};
    }
    qsort(sorted, count, sizeof *sorted, compare_sorted_tokens);
    for (uint32_t i = 0; i < count; i++) {
        bool is_repeated = i + 1 < count && sorted[i].size == sorted[i + 1].size &&
                           memcmp(sorted[i].text, sorted[i + 1].text, sorted[i].size) == 0;
        if (!is_repeated) sorted[kept++] = sorted[i];
    }
    return kept;
}

/* The tokens below a node, of which all bytes up to `depth` are equal. */
typedef struct trie_range {
    uint32_t begin, end, depth;
} trie_range;

/* Add a node, and its range. */
static bool add_trie_node(token_trie *trie, trie_range **ranges, uint32_t *ranges_capacity,
                          uint8_t byte, trie_range range)
{
    trie_node *nodes =
        mem_grow(trie->nodes, &trie->nodes_capacity, trie->nodes_count, sizeof *nodes);
    if (!nodes) return false;
    trie->nodes = nodes;
    trie_range *grown = mem_grow(*ranges, ranges_capacity, trie->nodes_count, sizeof *grown);
    if (!grown) return false;
    *ranges = grown;
    grown[trie->nodes_count] = range;
    nodes[trie->nodes_count++] =
        (trie_node){.token = MV_TOKEN_NONE, .tail = MV_TOKEN_NONE, .byte = byte};
    return true;
}

/* Fill the node `at`, and add its children. */
static bool fill_trie_node(token_trie *trie, uint32_t at, const sorted_token *sorted,
                           trie_range **ranges, uint32_t *ranges_capacity)
{
    trie_range range = (*ranges)[at];
    if (range.begin < range.end && sorted[range.begin].size == range.depth)
        trie->nodes[at].token = sorted[range.begin++].id;
    if (range.end - range.begin == 1) {
        trie->nodes[at].tail = sorted[range.begin].id;
        return true;
    }
    trie->nodes[at].first = trie->nodes_count;
    for (uint32_t begin = range.begin, end; begin < range.end; begin = end) {
        uint8_t byte = sorted[begin].text[range.depth];
        for (end = begin + 1; end < range.end && sorted[end].text[range.depth] == byte;) end++;
        if (!add_trie_node(trie, ranges, ranges_capacity, byte,
                           (trie_range){begin, end, range.depth + 1}))
            return false;
        trie->nodes[at].children++;
    }
    return true;
}

mv_err token_trie_make(token_trie *trie, const mv_text *tokens, uint32_t count, mv_error *error)
{
    size_t sorted_size = mem_array_size(count, sizeof(sorted_token));
    trie_range *ranges = NULL;
    uint32_t ranges_capacity = 0;
    MV_TRY(copy_token_texts(trie, tokens, count, error));
    sorted_token *sorted = mem_alloc(sorted_size);
    bool is_made = false;
    if (sorted) {
        uint32_t kept = sort_tokens(trie, sorted);
        is_made = add_trie_node(trie, &ranges, &ranges_capacity, 0, (trie_range){0, kept, 0});
        for (uint32_t at = 0; is_made && at < trie->nodes_count; at++)
            is_made = fill_trie_node(trie, at, sorted, &ranges, &ranges_capacity);
    }
    mem_free(sorted, sorted_size);
    mem_free(ranges, ranges_capacity * sizeof *ranges);
    if (!is_made) return error_memory(error, sorted_size, "a vocabulary");
    for (uint32_t i = 0; i < trie->nodes[0].children; i++) {
        uint32_t child = trie->nodes[0].first + i;
        trie->roots[trie->nodes[child].byte] = child;
    }
    return MV_OK;
}

void token_trie_free(token_trie *trie)
{
    mem_free(trie->nodes, trie->nodes_capacity * sizeof *trie->nodes);
    mem_free(trie->text, trie->text_size);
    mem_free(trie->begins, mem_array_size((uint64_t)trie->tokens_count + 1, sizeof *trie->begins));
    *trie = (token_trie){0};
}

bool token_trie_walk(const token_trie *trie, trie_cursor *cursor, const void *text, size_t size)
{
    const uint8_t *bytes = text;
    for (size_t i = 0; i < size; i++)
        if (!token_trie_step(trie, cursor, bytes[i])) return false;
    return true;
}

uint32_t token_trie_find(const token_trie *trie, const void *text, size_t size)
{
    trie_cursor cursor = TRIE_ROOT;
    return token_trie_walk(trie, &cursor, text, size) ? cursor.token : MV_TOKEN_NONE;
}

uint32_t token_trie_longest(const token_trie *trie, trie_cursor cursor, const uint8_t *text,
                            uint32_t size, uint32_t *token_size)
{
    uint32_t token = MV_TOKEN_NONE;
    for (uint32_t i = 0; i < size && token_trie_step(trie, &cursor, text[i]);) {
        i++;
        if (cursor.token != MV_TOKEN_NONE) token = cursor.token, *token_size = i;
    }
    return token;
}
