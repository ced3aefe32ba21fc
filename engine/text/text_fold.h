/* Folding words: case, compatibility forms and accents. */
#ifndef MV_TEXT_FOLD_H
#define MV_TEXT_FOLD_H

#include "base/config.h"

#define TEXT_FOLD_SIMPLE_END 0x800u /* the characters of one or two bytes */
#define TEXT_FOLD_POINTS     576u   /* code points of a folded word before it is cut */

/* A letter that a language folds otherwise. */
typedef struct text_letter {
    uint16_t from, to;
} text_letter;

/* How text is folded. */
typedef struct text_fold {
    const text_letter *letters; /* of the language; ends with from 0. NULL: none */
    /* What a character becomes if it stays one character, whatever stands beside it; else 0. The
     * second table keeps accents. */
    uint16_t simple[2][TEXT_FOLD_SIMPLE_END];
} text_fold;

/* Was the engine built with the library that knows characters? If not, nothing below may be called.
 */
bool text_fold_is_built(void);

void text_fold_make(text_fold *fold, const text_letter *letters);

/* Fold a word, which is valid UTF-8. `keeps_accents` leaves accents, for stemming and stop words;
 * folding the result without it takes them. Writes at most TEXT_TERM_MAX bytes, whole characters,
 * and returns their number, which may be 0. */
uint32_t text_fold_word(const text_fold *fold, const uint8_t *text, uint32_t size,
                        bool keeps_accents, uint8_t *out);

/* The same as code points, without accents. Returns their number. */
uint32_t text_fold_points(const text_fold *fold, const uint8_t *text, uint32_t size,
                          int32_t points[TEXT_FOLD_POINTS]);

/* General categories: M* (a mark, written with the character before it), Lu or Lt, N*. */
bool text_fold_is_mark(int32_t code_point);
bool text_fold_is_upper(int32_t code_point);
bool text_fold_is_number(int32_t code_point);

#endif
