/* What an analyzer is inside: for the tokenizers. */
#ifndef MV_TEXT_STATE_H
#define MV_TEXT_STATE_H

#include "text/text.h"
#include "text/text_fold.h"
#include "text/text_language.h"

#define TEXT_CHARACTER_MAX (TEXT_TERM_MAX / 3) /* bytes: a group of three fits a term */
#define TEXT_WINDOW        32u                 /* characters; one of the text gives at most 18 */

/* A folded character with the marks that belong to it, and the bytes of the text that it is of. */
typedef struct text_character {
    uint32_t begin, end;
    uint8_t size;
    uint8_t bytes[TEXT_CHARACTER_MAX];
} text_character;

/* A run of characters that is read in groups. */
typedef struct text_run {
    text_character window[TEXT_WINDOW]; /* those that are in no term yet, in a ring */
    uint32_t first, count;              /* of the window */
    uint32_t group;                     /* characters in a term; 0: no run is being read */
    bool has_ended;                     /* all of the run was read */
    bool has_begun;                     /* a character was read */
    bool is_told;                       /* a term was given */
} text_run;

/* An identifier whose parts are being read. */
typedef struct text_identifier {
    uint32_t at, end; /* of its part that is not yet read; at == end: none is being read */
} text_identifier;

struct text_analyzer {
    text_tokenizer tokenizer;
    bool is_query;
    bool keeps_accents; /* of folded words: for `language`, which takes them */
    const uint8_t *text;
    uint32_t size, at;       /* of the text */
    uint32_t position;       /* of the next token */
    text_language *language; /* NULL: neither stemming nor stop words */
    text_run run;
    text_identifier identifier;
    uint8_t word[TEXT_TERM_MAX + 1];
    uint8_t ascii[256]; /* of each byte: TEXT_ASCII_..., or the folded letter, digit or '_' */
    text_fold fold;
};

#define TEXT_ASCII_SPACE 0 /* separates words */
#define TEXT_ASCII_MID   1 /* may stand within words: . , ; ' */
#define TEXT_ASCII_OTHER 2 /* not ASCII, or a letter that the language folds otherwise */

/* Fill in all of a token but its term. */
static inline void text_state_place(const text_analyzer *a, text_token *token, uint32_t begin,
                                    uint32_t end)
{
    mv_assert(begin < end && end <= a->size);
    token->position = a->position;
    token->begin = begin;
    token->end = end;
    token->is_prefix = false;
}

/* Make a token of a->word, of `size` bytes, and count its position. False: it is a stop word, or
 * nothing was left of it, and then it has no position. */
static inline bool text_state_token(text_analyzer *a, text_token *token, uint32_t size,
                                    uint32_t begin, uint32_t end)
{
    const uint8_t *term = a->word;
    if (size == 0) return false;
    text_state_place(a, token, begin, end);
    a->position++;
    if (a->language && !text_language_term(a->language, a->word, size, &term, &size)) return false;
    token->term = (const char *)term;
    token->size = size;
    return true;
}

/* The tokenizers. */
bool text_unicode_next(text_analyzer *a, text_token *token);
bool text_code_next(text_analyzer *a, text_token *token);

/* Begin a run at a->at: of spaceless characters (group 2), or of the rest of the text (group 3). */
void text_run_begin(text_analyzer *a, uint32_t group);
/* The next term of the run. False: it has ended, and a->at is behind it. */
bool text_run_next(text_analyzer *a, text_token *token);

#endif
