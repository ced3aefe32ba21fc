/* What depends on the language: stop words, elisions, stemming. */
#ifndef MV_TEXT_LANGUAGE_H
#define MV_TEXT_LANGUAGE_H

#include "text/text.h"
#include "text/text_fold.h"

typedef struct text_language text_language;

/* Refuse a language that there is none of, and stop words that are not there. */
mv_err text_language_check(const text_options *options, mv_error *error);

/* The letters that the language folds otherwise; NULL: none. */
const text_letter *text_language_letters(const char *language);

/* `fold` is kept; NULL: words are taken as they are (`whitespace`). The options have been checked.
 */
mv_err text_language_make(const text_options *options, const text_fold *fold, text_language **out,
                          mv_error *error);
void text_language_free(text_language *language);

/* The term of a word, which has been folded with its accents. The term is valid until the next
 * call. False: the word is a stop word. */
bool text_language_term(text_language *language, const uint8_t *word, uint32_t size,
                        const uint8_t **term, uint32_t *term_size);

/* The stop words of a language, ascending, separated by spaces, as they are when folded with
 * accents. NULL: there are none. Of the languages with stop words, the i-th name; NULL: no more. */
const char *text_stop_words_of(const char *language);
const char *text_stop_words_language(size_t i);

#endif
