/* Characters: their kinds, lower case, normal forms, and clusters. For tokenizers of other
 * programs, whose rules are written in terms of these; analyzers fold words instead (text_fold.h).
 * Without the library that knows characters (text_fold_is_built) nothing here may be called. */
#ifndef MV_TEXT_CHARACTER_H
#define MV_TEXT_CHARACTER_H

#include "base/mem.h"

/* Bits of text_character_kind, by general category. */
#define TEXT_LETTER      1u  /* L* */
#define TEXT_MARK        2u  /* M* */
#define TEXT_NONSPACING  4u  /* Mn */
#define TEXT_NUMBER      8u  /* N* */
#define TEXT_PUNCTUATION 16u /* P* */
#define TEXT_HIDDEN      32u /* Cc, Cf, Co */
#define TEXT_WORD        64u /* \w of regular expressions: Alphabetic, M*, Nd, Pc, Join_Control */

uint32_t text_character_kind(uint32_t c);

/* The lower case of a character, one or two characters, whatever stands beside it. Returns how
 * many. */
uint32_t text_character_lower(uint32_t c, uint32_t out[2]);

#define TEXT_CHARACTER_PARTS 24u /* of one that is decomposed: at most 18 (U+FDFA) */

/* The canonical decomposition of a character. Returns the number of its parts. */
uint32_t text_character_decompose(uint32_t c, int32_t parts[TEXT_CHARACTER_PARTS]);

/* Normal forms of Unicode Standard Annex 15. */
typedef enum text_form { TEXT_NFD, TEXT_NFC, TEXT_NFKD, TEXT_NFKC } text_form;

/* Append the normal form of a text, which is valid UTF-8, to `out`. False: no memory. */
bool text_character_normalize(text_form form, const uint8_t *text, uint32_t size, mem_buffer *out);

/* Does a cluster (Unicode Standard Annex 29, extended grapheme cluster) end between two characters?
 * *state is 0 at the beginning of a text, and kept from call to call. */
bool text_character_breaks(uint32_t before, uint32_t after, int32_t *state);

#endif
