/* Writing ranked lists, one list after the other (ranked.h). For the builders: that of texts
 * (ranked_build.c) and that of sparse vectors (sparse_build.c). All functions return false when
 * there is no memory. */
#ifndef MV_RANKED_WRITE_H
#define MV_RANKED_WRITE_H

#include "index/ranked.h"

/* A packed sequence, and the block of it that is being filled. */
typedef struct ranked_numbers {
    invert_pack_buffer packed;
    uint64_t block[PACK_BLOCK];
    uint32_t count; /* in the block */
} ranked_numbers;

/* Begins as zeros, but for `rows`. */
typedef struct ranked_writer {
    uint32_t rows; /* of the segment */
    mem_buffer terms, lists, positions;
    ranked_numbers ends, starts;
    mem_buffer blocks, bits, tail; /* of the list being written */
    uint32_t terms_count;
    char last[RANKED_TERM_MAX]; /* the last term of the block of terms */
    uint32_t last_size;
} ranked_writer;

/* RANKED_BLOCK rows of a list, or those of its tail. */
typedef struct ranked_rows {
    const uint32_t *rows, *freqs;
    uint32_t count;
    uint32_t before;           /* the row before them in the list; UINT32_MAX: none */
    const uint32_t *positions; /* as differences (ranked.h); NULL: the lists have none */
    uint32_t positions_count;
    uint8_t bound;
} ranked_rows;

void ranked_write_free(ranked_writer *w);
uint64_t ranked_write_bytes(const ranked_writer *w); /* allocated */

/* Begin a list; its rows follow: whole blocks, and at most one tail. */
void ranked_write_begin(ranked_writer *w);
bool ranked_write_rows(ranked_writer *w, const ranked_rows *r);
/* End the list: its term, above all terms before, and how many rows it has. */
bool ranked_write_list(ranked_writer *w, const void *term, uint32_t size, uint32_t rows);

/* After the last list. */
bool ranked_write_end(ranked_writer *w);
/* Append the parts that all lists have, but for the head, and the positions if there are any.
 * Returns how many. */
uint32_t ranked_write_parts(const ranked_writer *w, index_part *parts);

/* Append a part, unless it is empty. */
uint32_t ranked_write_part(const mem_buffer *buffer, ranked_part_kind kind, index_part *part);

#endif
