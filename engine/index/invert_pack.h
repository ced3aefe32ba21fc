/* Packed sequences of numbers. A block of 128 numbers stores its least number, and the difference
 * of each number from it in as few bits as the greatest difference needs. Any number can be read
 * without the others. */
#ifndef MV_INVERT_PACK_H
#define MV_INVERT_PACK_H

#include <string.h>

#include "index/invert.h"

#define PACK_BLOCK 128u
#define PACK_UNIT  16u /* bytes of a block for each bit of width */
/* Zero bytes behind the last block: eight bytes are read at the byte in which a number begins. */
#define PACK_TAIL 16u
/* Up to 56 bits can be read by one load of eight bytes, at whichever bit they begin. Wider
 * differences take 64 bits, which begin at a byte. */
#define PACK_WIDEST 56u

static_assert(PACK_UNIT * 8 == PACK_BLOCK, "a bit of width is a bit for each number");
static_assert(PACK_TAIL >= sizeof(uint64_t), "the last number is read by a load of eight bytes");

/* A block, as it is in the file.
 *
 *   offset  size  meaning
 *        0     8  base: the least number
 *        8     4  offset of its bits, in units of PACK_UNIT bytes
 *       12     4  width: bits of a difference, 0 to PACK_WIDEST, or 64 */
typedef struct invert_block {
    uint64_t base;
    uint32_t offset;
    uint32_t width;
} invert_block;

static_assert(sizeof(invert_block) == 16, "a block of a packed sequence has 16 bytes on disk");

static inline uint32_t invert_pack_blocks(uint32_t count)
{
    return count / PACK_BLOCK + (count % PACK_BLOCK != 0);
}

/* The bits of a block; NULL: they are out of bounds, the block is damaged. */
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

/* The difference of number `at` of a block. A damaged width from 57 to 63 gives a wrong number, but
 * reads within bounds. */
static inline uint64_t invert_pack_read(const uint8_t *bits, uint32_t width, uint32_t at)
{
    uint64_t word;
    uint32_t bit = at * width;
    memcpy(&word, bits + bit / 8, sizeof word);
    return word >> (bit % 8) & invert_pack_mask(width);
}

/* Number `at` of the sequence; false: its block is damaged. */
static inline bool invert_pack_get(const invert_packed *p, uint32_t at, uint64_t *out)
{
    uint32_t block = at / PACK_BLOCK;
    const uint8_t *bits = invert_pack_bits(p, block);
    if (!bits) return false;
    *out = p->blocks[block].base + invert_pack_read(bits, p->blocks[block].width, at % PACK_BLOCK);
    return true;
}

/* A sequence that is being packed. Starts as zeros. */
typedef struct invert_pack_buffer {
    mem_buffer blocks;
    mem_buffer bits;
} invert_pack_buffer;

/* Append a block of 1 to 128 numbers. Only the last block may have fewer than 128. False: no
 * memory. */
bool invert_pack_add(invert_pack_buffer *p, const uint64_t *numbers, uint32_t count);
/* Append the tail. Call once, after the last block. False: no memory. */
bool invert_pack_finish(invert_pack_buffer *p);
void invert_pack_free(invert_pack_buffer *p);

#endif
