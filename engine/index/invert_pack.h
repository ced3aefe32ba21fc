/* Packed sequences: numbers in blocks of 128, each the block's least number and a difference of as
 * few bits as all of the block need. Any number can be read by itself. */
#ifndef MV_INVERT_PACK_H
#define MV_INVERT_PACK_H

#include <string.h>

#include "index/invert.h"

#define PACK_BLOCK 128u
#define PACK_UNIT  16u /* bytes of a block for each bit of width */
#define PACK_TAIL                                                                                  \
    16u /* zeros behind the last block: eight bytes are read wherever a number begins */
#define PACK_WIDEST 56u /* bits, read in one go wherever they begin; wider ones take 64 */

typedef struct invert_block {
    uint64_t base;
    uint32_t offset; /* of its bits, in units */
    uint32_t width;  /* bits of a number */
} invert_block;

static_assert(sizeof(invert_block) == 16, "a block of a packed sequence has 16 bytes on disk");

static inline uint32_t invert_pack_blocks(uint32_t count)
{
    return count / PACK_BLOCK + (count % PACK_BLOCK != 0);
}

/* The bits of a block, or NULL: they are out of bounds. */
static inline const uint8_t *invert_pack_bits(const invert_packed *p, uint32_t block)
{
    const invert_block *b = &p->blocks[block];
    uint64_t end = ((uint64_t)b->offset + b->width) * PACK_UNIT + PACK_TAIL;
    bool fits = b->width <= 64 && end <= p->bits_size;
    return MV_LIKELY(fits) ? p->bits + (uint64_t)b->offset * PACK_UNIT : NULL;
}

static inline uint64_t invert_pack_mask(uint32_t width)
{
    return width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
}

/* Number `at` of a block. Of widths above PACK_WIDEST only 64 is written, which is aligned; of
 * damaged ones something is read. */
static inline uint64_t invert_pack_read(const uint8_t *bits, uint32_t width, uint32_t at)
{
    uint64_t word;
    uint32_t bit = at * width;
    memcpy(&word, bits + bit / 8, sizeof word);
    return word >> (bit % 8) & invert_pack_mask(width);
}

/* False: damaged. */
static inline bool invert_pack_get(const invert_packed *p, uint32_t at, uint64_t *out)
{
    uint32_t block = at / PACK_BLOCK;
    const uint8_t *bits = invert_pack_bits(p, block);
    if (!bits) return false;
    *out = p->blocks[block].base + invert_pack_read(bits, p->blocks[block].width, at % PACK_BLOCK);
    return true;
}

/* A sequence being packed. */
typedef struct invert_pack_buffer {
    mem_buffer blocks;
    mem_buffer bits;
} invert_pack_buffer;

/* Append a block of 1 to 128 numbers. Only the last block may have fewer than 128. */
bool invert_pack_add(invert_pack_buffer *p, const uint64_t *numbers, uint32_t count);
/* Call once, behind the last block. */
bool invert_pack_finish(invert_pack_buffer *p);
void invert_pack_free(invert_pack_buffer *p);

#endif
