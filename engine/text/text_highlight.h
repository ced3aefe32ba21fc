/* Snippets of a text, with the words that a full-text query found in them marked. */
#ifndef MV_TEXT_HIGHLIGHT_H
#define MV_TEXT_HIGHLIGHT_H

#include "text/text_match.h"

#define TEXT_HIGHLIGHT_COUNT_MAX    32u
#define TEXT_HIGHLIGHT_SIZE_DEFAULT 160u       /* bytes: two lines */
#define TEXT_HIGHLIGHT_TEXT_MAX     (1u << 20) /* bytes; chosen. What lies behind is not read */

typedef struct text_highlight_options {
    const char *open, *close; /* around marked words; NULL: "<b>" and "</b>" */
    const char *ellipsis;     /* where text was cut off; NULL: U+2026 */
    uint32_t size;            /* of a snippet, bytes of the text; 0: the default. One snippet of
                                 UINT32_MAX is all of the text */
    uint32_t count;           /* snippets, at most; 0: one */
    bool escapes_html;        /* write < > & " ' of the text as HTML does. Marks are written as they
                                 are in any case */
    bool or_beginning;        /* a text without marked words gives one snippet of its beginning */
} text_highlight_options;

typedef struct text_snippet {
    const char *text; /* valid UTF-8, whatever the text is */
    size_t size;
    uint32_t begin, end; /* the bytes of the text that it shows */
} text_snippet;

typedef struct text_highlight_mark {
    uint32_t begin, end; /* bytes of the text; begins ascend, marks may overlap */
    uint32_t term;       /* of the document */
    bool is_shown;       /* it is in a snippet that was chosen */
} text_highlight_mark;

/* What a query found in the document, by its terms. */
typedef struct text_highlight_term {
    uint32_t weight;
    uint32_t count; /* in the window that is being looked at */
} text_highlight_term;

/* The snippets, and memory that is used again for the next text. Begins as {0}. Used by one thread
 * at a time. */
typedef struct text_highlight {
    text_snippet snippets[TEXT_HIGHLIGHT_COUNT_MAX]; /* in the order of the text, not overlapping */
    uint32_t snippets_count;

    mem_buffer out; /* their text */
    text_match match;
    uint32_t *ends; /* of each token: the end of its mark; 0: it is not marked */
    uint32_t ends_capacity;
    text_highlight_term *terms; /* of each term of the document */
    uint32_t terms_capacity;
    text_highlight_mark *marks;
    uint32_t marks_count, marks_capacity;
} text_highlight;

void text_highlight_free(text_highlight *highlight);

/* Make the snippets of a text. `text` and `query` are not kept; the snippets are lent until the
 * next call.
 *
 * Marked are the words of the query that are not below `no`, whether the text matches or not, and
 * those of a sequence only where the sequence is found. Neighbours in a sequence are one mark. A
 * mark is around the word as it is written, but around the identifier's part or the characters that
 * were found. Snippets are chosen by the boosts of the different words in them, words that an
 * earlier choice has shown counting little; then by the number of marks. They are cut at white
 * space, if there is some near, or else between two characters. Bytes that are not UTF-8 become
 * U+FFFD, one for several in a row.
 *
 * MV_LIMIT: more than TEXT_HIGHLIGHT_COUNT_MAX snippets. MV_NO_MEMORY. */
mv_err text_highlight_make(text_highlight *highlight, text_analyzer *analyzer,
                           const text_query *query, const void *text, size_t size,
                           const text_highlight_options *options, mv_error *error);

#endif
