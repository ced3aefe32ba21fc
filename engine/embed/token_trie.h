/* The tokens of a vocabulary in a trie: which of them begin at a place of a text?
 *
 * A node has its children one after the other, in the order of their bytes. Where only one token is
 * left below a node there are no more nodes: the rest of the token is compared with its text. So
 * there is about one node per token. Read-only once it is made. */
#ifndef MV_TOKEN_TRIE_H
#define MV_TOKEN_TRIE_H

#include "base/error.h"

typedef struct trie_node {
    uint32_t first;    /* of its children */
    uint32_t token;    /* that ends here, or MV_TOKEN_NONE */
    uint32_t tail;     /* the only token below; then there are no children. Or MV_TOKEN_NONE */
    uint16_t children; /* how many */
    uint8_t byte;      /* that leads here */
} trie_node;

typedef struct token_trie {
    trie_node *nodes; /* the first is the root */
    uint32_t nodes_count, nodes_capacity;
    uint8_t *text;    /* of all tokens, by id */
    size_t text_size; /* less than 4 GB */
    uint32_t *begins; /* tokens_count + 1 places in `text` */
    uint32_t tokens_count;
    uint32_t roots[256]; /* the child of the root for a byte; 0: none */
} token_trie;

/* Make a trie of tokens by id. Empty ones and those with data NULL are left out; of two equal ones
 * the later counts. Starts as {0}; after a failure it has to be freed, too. */
mv_err token_trie_make(token_trie *trie, const mv_text *tokens, uint32_t count, mv_error *error);
void token_trie_free(token_trie *trie);

/* A place in the trie. */
typedef struct trie_cursor {
    uint32_t node;
    uint32_t depth; /* bytes from the root */
    uint32_t token; /* that ends here, or MV_TOKEN_NONE */
} trie_cursor;

#define TRIE_ROOT ((trie_cursor){0, 0, MV_TOKEN_NONE})

/* The child of a node for a byte; 0: none. */
static inline uint32_t token_trie_child(const token_trie *trie, uint32_t node, uint8_t byte)
{
    if (node == 0) return trie->roots[byte];
    uint32_t low = trie->nodes[node].first, end = low + trie->nodes[node].children, high = end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (trie->nodes[middle].byte < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && trie->nodes[low].byte == byte ? low : 0;
}

/* Go on by a byte. False: no token goes on so, and the cursor is as it was. */
static inline bool token_trie_step(const token_trie *trie, trie_cursor *cursor, uint8_t byte)
{
    uint32_t tail = trie->nodes[cursor->node].tail;
    if (tail == MV_TOKEN_NONE) {
        uint32_t child = token_trie_child(trie, cursor->node, byte);
        if (!child) return false;
        cursor->node = child;
        cursor->depth++;
        cursor->token = trie->nodes[child].token;
        return true;
    }
    uint32_t begin = trie->begins[tail], size = trie->begins[tail + 1] - begin;
    if (cursor->depth >= size || trie->text[begin + cursor->depth] != byte) return false;
    cursor->depth++;
    cursor->token = cursor->depth == size ? tail : MV_TOKEN_NONE;
    return true;
}

/* Go on by all bytes of a text. */
bool token_trie_walk(const token_trie *trie, trie_cursor *cursor, const void *text, size_t size);

/* The token with this text, or MV_TOKEN_NONE. */
uint32_t token_trie_find(const token_trie *trie, const void *text, size_t size);

/* The longest token that begins at text[0] and goes on from `cursor`; *token_size is its size from
 * there. MV_TOKEN_NONE: there is none. */
uint32_t token_trie_longest(const token_trie *trie, trie_cursor cursor, const uint8_t *text,
                            uint32_t size, uint32_t *token_size);

#endif
