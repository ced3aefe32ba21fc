/* From a text to the ids of its tokens, as Model2Vec and Hugging Face's tokenizers do it: cut,
 * added tokens, normalizer, added tokens of normalized text, splitter, model, filter. */
#ifndef MV_TOKENIZER_H
#define MV_TOKENIZER_H

#include "embed/normalizer.h"
#include "embed/splitter.h"
#include "embed/token_model.h"

/* Tokens that are looked for in a text before anything else. */
typedef struct added_tokens {
    token_trie trie;        /* its tokens are positions in `tokens` */
    bool begins[256];       /* does one begin with this byte? */
    mv_added_token *tokens; /* without their texts */
    uint32_t count;
} added_tokens;

typedef struct tokenizer {
    added_tokens raw, normalized; /* looked for before and after normalization */
    normalizer normal;
    splitter split;
    token_model model;
    uint32_t dropped;        /* this token is left out; MV_TOKEN_NONE: none is */
    uint32_t truncates_at;   /* tokens before that; UINT32_MAX: no limit */
    uint32_t max_tokens;     /* and after it */
    uint64_t max_characters; /* of a text */
} tokenizer;

/* Memory that a call needs. Starts as {0}; the caller keeps it for the next text. */
typedef struct tokenizer_room {
    mem_buffer text; /* the text, if it had to be mended */
    normal_text normal;
    split_text split;
    token_room tokens;
} tokenizer_room;

/* Starts as {0}; after a failure it has to be freed, too. */
mv_err tokenizer_make(tokenizer *t, const mv_embedder_options *options, mv_error *error);
void tokenizer_free(tokenizer *t);

/* The tokens of a text: *ids is in the room. */
mv_err tokenizer_run(const tokenizer *t, mv_text text, tokenizer_room *room, const uint32_t **ids,
                     uint32_t *count, mv_error *error);
void tokenizer_room_free(tokenizer_room *room);

#endif
