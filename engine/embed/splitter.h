/* Splitting of a normalized text into pieces, each of which is tokenized by itself: steps that
 * follow each other, as mv_splitter_kind describes them. */
#ifndef MV_SPLITTER_H
#define MV_SPLITTER_H

#include "base/error.h"
#include "base/mem.h"

typedef struct splitter_step {
    mv_splitter_kind kind;
    bool isolates;
    mv_prepend prepends;
    uint8_t replacement[4]; /* METASPACE: a character */
    uint32_t replacement_size;
    uint8_t ascii[128]; /* the group of such a character, see splitter.c */
} splitter_step;

typedef struct splitter {
    splitter_step *steps;
    uint32_t count;
} splitter;

mv_err splitter_make(splitter *split, const mv_splitter *steps, uint32_t count, mv_error *error);
void splitter_free(splitter *split);

typedef struct split_piece {
    uint32_t begin, end; /* bytes of the text; never empty */
} split_piece;

/* The pieces of a text. The caller keeps it for the next call. */
typedef struct split_text {
    const uint8_t *text; /* in `room`, or as it was given if no step changed it */
    mem_buffer room, spare;
    mem_buffer pieces, spare_pieces; /* of split_piece */
} split_text;

static inline const split_piece *splitter_pieces(const split_text *text, uint32_t *count)
{
    *count = (uint32_t)(text->pieces.size / sizeof(split_piece));
    return (const split_piece *)(const void *)text->pieces.data;
}

/* Split a text of valid UTF-8. `is_first`: it is the beginning of the whole text. False: no memory,
 * or more than UINT32_MAX bytes would come out. */
bool splitter_run(const splitter *split, const uint8_t *text, uint32_t size, bool is_first,
                  split_text *out);

#endif
