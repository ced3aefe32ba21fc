/* Analyzers: from text to the terms of a full-text index.
 *
 * The same analyzer reads documents and queries, so that both give the same terms. Text is UTF-8;
 * bytes that are not, and NUL, separate words, and are in no term.
 *
 * unicode: words by Unicode Standard Annex 29, if they contain a letter, a number or an emoji. Text
 * of scripts that do not separate words by spaces (Chinese, Japanese, Korean, Thai, Lao, Khmer,
 * Burmese) as overlapping pairs of characters.
 *
 * code: identifiers, that is letters, digits and '_'; all else separates. An identifier of several
 * parts gives the whole and the parts: of HTTPServer2Error_code the terms httpserver2error_code,
 * http, server, 2, error and code. Text of scripts without spaces as above.
 *
 * ngram: all characters, three at a time, to find any part of a text. White space of any kind and
 * length is one space; at the ends it is left out.
 *
 * whitespace: what stands between white space, as it is.
 *
 * All but `whitespace` fold: case (fully: ß and SS are ss), compatibility forms, and accents (Å is
 * a, ø is o, ł is l, æ is ae) are ignored, and so are characters that are not shown. Languages and
 * stop words are about words: they leave text of scripts without spaces as it is.
 *
 * An analyzer is used by one thread at a time. */
#ifndef MV_TEXT_H
#define MV_TEXT_H

#include "base/config.h"
#include "moonvec.h"

typedef enum text_tokenizer {
    TEXT_UNICODE = 0,
    TEXT_CODE = 1,
    TEXT_NGRAM = 2,
    TEXT_WHITESPACE = 3,
} text_tokenizer;

#define TEXT_TOKENIZERS_COUNT 4

/* "unicode", "code", ...; NULL: there is none of this number. */
const char *text_tokenizer_name(text_tokenizer tokenizer);

#define TEXT_TERM_MAX 255u /* bytes of a term: its size fits a byte */

typedef struct text_options {
    text_tokenizer tokenizer;
    const char *language;     /* for stemming, as Snowball names it: "english". NULL or "": no
                                 stemming. `unicode` and `code` only */
    bool language_stop_words; /* leave out the stop words of `language` */
    const char *stop_words; /* leave out these, too, which spaces separate; in any case of letters.
                               Not with `ngram`. Copied. NULL or "": none */
} text_options;

/* The options of an index of texts, which are complete. What they point to is lent. */
text_options text_options_of(const mv_text_options *index);
/* What text_analyzer_make refuses. */
mv_err text_options_check(const text_options *options, mv_error *error);

typedef struct text_token {
    const char *term;  /* lent until the next call; UTF-8, without a zero byte behind it */
    uint32_t size;     /* bytes, 1 to TEXT_TERM_MAX. A longer term is cut between two characters */
    uint32_t position; /* grows by 1 from word to word, counting stop words. Terms that share one
                          are alternatives: an identifier and the first of its parts */
    uint32_t begin, end; /* the bytes of the text that it stands for, for highlighting. `begin`
                            never decreases; the range is never empty */
    bool is_prefix;      /* in queries: any term that begins with this one will do */
} text_token;

typedef struct text_analyzer text_analyzer;

/* Make an analyzer. On success the caller frees *out. Takes less than a millisecond.
 * MV_MISUSE: no such tokenizer or language, or an option that the tokenizer does not have.
 * MV_WRONG_VERSION: this build lacks the library that the options need; the text names it.
 * An analyzer takes 12 KB, and 260 KB more if it has a language or stop words. */
mv_err text_analyzer_make(const text_options *options, text_analyzer **out, mv_error *error);
void text_analyzer_free(text_analyzer *analyzer); /* NULL is fine */

/* Begin to read a text of at most UINT32_MAX bytes, which the caller keeps until it has the last
 * token. Cannot fail, nor can text_next: neither takes memory.
 *
 * Runs of characters are read by groups of n: 2 characters of scripts without spaces, 3 with
 * `ngram`. A document gives a term at each character of the run, so that the last ones are shorter:
 * ABCD gives AB, BC, CD, D. A query gives groups of n only, and if the run is shorter than n, all
 * of it as one prefix. Positions count characters in both, so that a phrase fits. */
void text_begin(text_analyzer *analyzer, const void *text, size_t size, bool is_query);

/* The next token. False: there is none. */
bool text_next(text_analyzer *analyzer, text_token *token);

#endif
