/* Similar terms: those that a few mistakes make of another one.
 *
 * The distance is that of optimal string alignment: the number of characters inserted, deleted or
 * replaced, and of neighbours swapped, where no place is edited twice. Characters are code points.
 */
#ifndef MV_TEXT_FUZZY_H
#define MV_TEXT_FUZZY_H

#include "text/text.h"

#define TEXT_FUZZY_EDITS_MAX MV_MATCH_EDITS_MAX /* more find terms that have nothing in common */

/* A term made ready to be compared with many others. Plain memory; any thread may read it. */
typedef struct text_fuzzy {
    uint32_t edits;                 /* 1 to TEXT_FUZZY_EDITS_MAX */
    uint32_t count;                 /* characters */
    uint32_t points[TEXT_TERM_MAX]; /* the characters */
} text_fuzzy;

/* `term` is valid UTF-8 of at most TEXT_TERM_MAX bytes, and is not kept. */
void text_fuzzy_make(text_fuzzy *fuzzy, const void *term, uint32_t size, uint32_t edits);

/* The distance to a term, which is valid UTF-8; fuzzy->edits + 1 if it is more than fuzzy->edits.
 * Terms that are too long or too short are told by their length. */
uint32_t text_fuzzy_distance(const text_fuzzy *fuzzy, const void *term, uint32_t size);

#endif
