/* Packing sequences of numbers. */
#include "index/invert_pack.h"

/* The width for differences up to `most`. */
static uint32_t bits_needed(uint64_t most)
{
    uint32_t width = most ? 64 - (uint32_t)__builtin_clzll(most) : 0;
    return width > PACK_WIDEST ? 64 : width;
}

bool invert_pack_add(invert_pack_buffer *p, const uint64_t *numbers, uint32_t count)
{
    uint64_t least = UINT64_MAX, most = 0;
    mv_assert(1 <= count);
    mv_assert(count <= PACK_BLOCK);
    mv_assert(p->bits.size % PACK_UNIT == 0); /* no tail yet */
    mv_assert(p->bits.size / PACK_UNIT <= UINT32_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (numbers[i] < least) least = numbers[i];
        if (numbers[i] > most) most = numbers[i];
    }
    invert_block block = {.base = least,
                          .offset = (uint32_t)(p->bits.size / PACK_UNIT),
                          .width = bits_needed(most - least)};
    size_t size = (size_t)block.width * PACK_UNIT;
    if (!mem_buffer_append(&p->blocks, &block, sizeof block) ||
        !mem_buffer_reserve(&p->bits, size + PACK_TAIL))
        return false;
    uint8_t *bits = p->bits.data + p->bits.size;
    memset(bits, 0, size + PACK_TAIL);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t word;
        uint32_t bit = i * block.width;
        memcpy(&word, bits + bit / 8, sizeof word);
        word |= (numbers[i] - least) << (bit % 8);
        memcpy(bits + bit / 8, &word, sizeof word);
    }
    p->bits.size += size;
    return true;
}

bool invert_pack_finish(invert_pack_buffer *p)
{
    static const uint8_t zeros[PACK_TAIL] = {0};
    return mem_buffer_append(&p->bits, zeros, sizeof zeros);
}

void invert_pack_free(invert_pack_buffer *p)
{
    mem_buffer_free(&p->blocks);
    mem_buffer_free(&p->bits);
}
