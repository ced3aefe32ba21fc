/* The models that turn a piece of text into tokens. All are read-only once they are made. */
#ifndef MV_TOKEN_MODEL_H
#define MV_TOKEN_MODEL_H

#include "base/mem.h"
#include "embed/token_trie.h"

/* What two neighbouring tokens become. */
typedef struct token_merge {
    uint64_t pair; /* left << 32 | right; of no merge: UINT64_MAX */
    uint32_t rank; /* the lowest is merged first */
    uint32_t merged;
} token_merge;

typedef struct token_model {
    mv_token_model kind;
    token_trie trie;
    uint32_t unknown; /* or MV_TOKEN_NONE */
    bool has_byte_tokens, fuses_unknown, takes_whole;
    uint32_t piece_size_max;
    mem_buffer prefix, suffix;
    uint32_t byte_tokens[256]; /* if has_byte_tokens; MV_TOKEN_NONE: one of them is missing */

    trie_cursor inside; /* WORD_PIECE: where the tokens behind the prefix begin in the trie */
    bool has_inside;    /* there are such tokens */
    double *scores;     /* UNIGRAM, by token */
    double unknown_score;
    token_merge *merges; /* BPE: a hash table with open addressing */
    uint32_t merges_bits;
} token_model;

/* Memory that a model needs while it works. The caller keeps it for the next call. */
typedef struct token_room {
    mem_buffer ids;   /* of uint32_t: the tokens so far */
    mem_buffer nodes; /* of a model */
    mem_buffer queue; /* of BPE */
} token_room;

/* Make the model of options, which the caller has checked. Starts as {0}; after a failure it has to
 * be freed, too. */
mv_err token_model_make(token_model *model, const mv_embedder_options *options, mv_error *error);
void token_model_free(token_model *model);

/* Append the tokens of a piece, which is not empty, to room->ids. False: no memory. */
bool token_model_run(const token_model *model, const uint8_t *piece, uint32_t size,
                     token_room *room);

/* For the models in their own files. Append a token; MV_TOKEN_NONE: none. False: no memory. */
static inline bool token_room_add(token_room *room, uint32_t id)
{
    return id == MV_TOKEN_NONE || mem_buffer_append(&room->ids, &id, sizeof id);
}
/* Append the tokens of its bytes for an unknown text: *is_added, if the model has all of them.
 * False: no memory. */
bool token_model_add_bytes(const token_model *model, const uint8_t *text, uint32_t size,
                           token_room *room, bool *is_added);

/* The models (unigram.c, bpe.c): as token_model_run and token_model_make. */
bool unigram_run(const token_model *model, const uint8_t *piece, uint32_t size, token_room *room);
mv_err bpe_make(token_model *model, const mv_merge *merges, uint32_t count, mv_error *error);
bool bpe_run(const token_model *model, const uint8_t *piece, uint32_t size, token_room *room);

#endif
