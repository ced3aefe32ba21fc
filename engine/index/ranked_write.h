/* Writing ranked lists, one list after the other (ranked.h). For the builders: that of texts
 * (ranked_build.c) and that of sparse vectors (sparse_build.c). All functions return false when
 * there is no memory. */
#ifndef MV_RANKED_WRITE_H
#define MV_RANKED_WRITE_H

#include "index/ranked.h"

/* Begins as zeros. */
typedef struct ranked_writer {
    mem_buffer terms, lists;
    invert_pack_buffer ends, starts;
    uint64_t pack_ends[PACK_BLOCK], pack_starts[PACK_BLOCK]; /* of the block being filled */
    uint32_t pack_count;
    mem_buffer blocks, bits, tail; /* of the list being written */
} ranked_writer;

void ranked_write_free(ranked_writer *w);
uint64_t ranked_write_bytes(const ranked_writer *w); /* allocated */

/* Begin a list; any number of blocks follow, and at most one tail. */
void ranked_write_begin(ranked_writer *w);
/* A block of RANKED_BLOCK rows, of which the one before is `before` (UINT32_MAX: none). `block` has
 * the bound, and what belongs to positions; the rest is filled in. */
bool ranked_write_block(ranked_writer *w, const uint32_t *rows, const uint32_t *freqs,
                        uint32_t before, ranked_block block);
/* The tail of `count` rows, without positions: they may follow by ranked_write_tail_number. */
bool ranked_write_tail(ranked_writer *w, const uint32_t *rows, const uint32_t *freqs,
                       uint32_t count, uint32_t before, uint8_t bound);
bool ranked_write_tail_number(ranked_writer *w, uint32_t number);
/* End the list: its term, above all terms before, and how many rows it has. */
bool ranked_write_list(ranked_writer *w, const void *term, uint32_t size, uint32_t rows);

/* After the last list. */
bool ranked_write_end(ranked_writer *w);
/* Append the parts that all lists have, but for the head. Returns how many. */
uint32_t ranked_write_parts(const ranked_writer *w, index_part *parts);

/* Append a part, unless it is empty. */
uint32_t ranked_write_part(const mem_buffer *buffer, ranked_part_kind kind, index_part *part);

#endif
