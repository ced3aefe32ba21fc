/* Normalization of texts before they are tokenized: steps that follow each other, as
 * mv_normalizer_kind describes them. */
#ifndef MV_NORMALIZER_H
#define MV_NORMALIZER_H

#include "embed/charsmap.h"

typedef struct normalizer_step {
    mv_normalizer_kind kind;
    bool splits_chinese, strips_accents, lowers, cleans; /* BERT */
    bool left, right;                                    /* STRIP */
    bool only_blank;                                     /* SPACES */
    uint32_t spaces_min;                                 /* SPACES */
    mem_buffer pattern, content;
    charsmap map;       /* CHARSMAP: its bytes are in `pattern` */
    uint8_t ascii[128]; /* BERT: what such a character becomes; 0: nothing */
} normalizer_step;

typedef struct normalizer {
    normalizer_step *steps;
    uint32_t count;
} normalizer;

/* Copies all that it keeps. Starts as {0}; after a failure it has to be freed, too. */
mv_err normalizer_make(normalizer *normal, const mv_normalizer *steps, uint32_t count,
                       mv_error *error);
void normalizer_free(normalizer *normal);

/* A text on its way through the steps. */
typedef struct normal_text {
    const uint8_t *text; /* in `room`, or as it was given if no step changed it */
    uint32_t size;
    bool keeps_start; /* its first character is, or comes from, the first of the given text */
    mem_buffer room, spare;
} normal_text;

/* Normalize a text of valid UTF-8; the caller keeps `out` for the next call. False: no memory, or
 * more than UINT32_MAX bytes would come out. */
bool normalizer_run(const normalizer *normal, const uint8_t *text, uint32_t size, normal_text *out);

#endif
