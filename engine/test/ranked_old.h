/* Ranked lists of texts in formats 1 and 2, which are read but no longer written: made of lists of
 * the newest format. Blocks and positions are the same. */
#ifndef MV_RANKED_OLD_H
#define MV_RANKED_OLD_H

#include "index/ranked_read.h"
#include "test/sample.h"

typedef struct old_lists {
    ranked_head head;
    const ranked_lists *from;
    mem_buffer terms, lists, lengths, longs;
    uint64_t *end_of, *start_of; /* of each term */
    invert_pack_buffer ends, starts;
} old_lists;

static inline void old_append(mem_buffer *buffer, const void *bytes, size_t size)
{
    EXPECT(mem_buffer_append(buffer, bytes, size));
}

static inline void old_append_varint(old_lists *o, uint32_t number)
{
    uint8_t bytes[5];
    old_append(&o->lists, bytes, ranked_write_varint(number, bytes));
}

/* A tail, which the cursor has just read. */
static inline void old_append_tail(old_lists *o, ranked_cursor *c)
{
    uint32_t row = c->blocks_count ? c->blocks[c->blocks_count - 1].last : UINT32_MAX, freq;
    old_append(&o->lists, &c->tail_bound, 1);
    c->block = c->blocks_count;
    for (uint32_t i = 0; i < c->read_count; i++) {
        old_append_varint(o, c->rows[i] - row - 1);
        old_append_varint(o, c->freqs[i] - 1);
        row = c->rows[i];
    }
    for (uint32_t i = 0; o->from->positions && i < c->read_count; i++) {
        EXPECT(ranked_cursor_freq(c, c->rows[i], &freq));
        uint32_t *positions = mem_alloc(freq * sizeof *positions);
        EXPECT(ranked_cursor_positions(c, positions));
        for (uint32_t j = 0; j < freq; j++)
            old_append_varint(o, positions[j] - (j ? positions[j - 1] : 0));
        mem_free(positions, freq * sizeof *positions);
    }
}

static inline void old_append_list(old_lists *o, const ranked_term *term, ranked_cursor *c)
{
    static const uint8_t zeros[4] = {0};
    WORKS(ranked_cursor_begin(c, o->from, term->at, &error));
    old_append(&o->terms, term->bytes, term->size);
    o->end_of[term->at] = o->terms.size;
    o->start_of[term->at] = o->lists.size;
    old_append(&o->lists, &c->count, sizeof c->count);
    if (c->blocks_count)
        old_append(&o->lists, c->blocks, (size_t)(c->tail - (const uint8_t *)c->blocks));
    if (c->count % RANKED_BLOCK) old_append_tail(o, c);
    old_append(&o->lists, zeros, (4 - o->lists.size % 4) % 4);
}

static inline void old_append_lengths(old_lists *o)
{
    o->head.longs = 0;
    for (uint32_t row = 0; row < o->head.rows; row++) {
        uint32_t pair[2] = {row, ranked_length(o->from, row)};
        uint16_t stored = (uint16_t)(pair[1] < UINT16_MAX ? pair[1] : UINT16_MAX);
        old_append(&o->lengths, &stored, sizeof stored);
        if (stored < UINT16_MAX) continue;
        old_append(&o->longs, pair, sizeof pair);
        o->head.longs++;
    }
}

static inline void old_pack(invert_pack_buffer *out, const uint64_t *numbers, uint32_t count)
{
    for (uint32_t at = 0; at < count; at += PACK_BLOCK)
        EXPECT(
            invert_pack_add(out, numbers + at, count - at < PACK_BLOCK ? count - at : PACK_BLOCK));
    EXPECT(invert_pack_finish(out));
}

/* `from` must live as long. */
static inline old_lists old_lists_of(const ranked_lists *from)
{
    static const uint8_t zeros[RANKED_PADDING] = {0};
    uint32_t terms = from->head.terms;
    old_lists o = {.head = from->head, .from = from};
    ranked_cursor *cursor = mem_alloc(sizeof *cursor);
    ranked_term term;
    o.head.format = from->positions ? 1 : 2;
    o.head.flags &= ~RANKED_BYTE_LENGTHS;
    o.end_of = mem_alloc((terms + 1) * sizeof *o.end_of);
    o.start_of = mem_alloc((terms + 1) * sizeof *o.start_of);
    WORKS(ranked_term_at(&term, from, 0, &error));
    while (term.at < terms) {
        old_append_list(&o, &term, cursor);
        WORKS(ranked_term_next(&term, &error));
    }
    old_append(&o.lists, zeros, sizeof zeros);
    old_append_lengths(&o);
    old_pack(&o.ends, o.end_of, terms);
    old_pack(&o.starts, o.start_of, terms);
    mem_free(cursor, sizeof *cursor);
    return o;
}

static inline uint32_t old_lists_parts(const old_lists *o, index_part parts[RANKED_PARTS_MAX])
{
    const index_part all[] = {
        {RANKED_PART_HEAD, 0, &o->head, sizeof o->head},
        {RANKED_PART_ENDS, 0, o->ends.blocks.data, o->ends.blocks.size},
        {RANKED_PART_ENDS_BITS, 0, o->ends.bits.data, o->ends.bits.size},
        {RANKED_PART_TERMS, 0, o->terms.data, o->terms.size},
        {RANKED_PART_STARTS, 0, o->starts.blocks.data, o->starts.blocks.size},
        {RANKED_PART_STARTS_BITS, 0, o->starts.bits.data, o->starts.bits.size},
        {RANKED_PART_LISTS, 0, o->lists.data, o->lists.size},
        {RANKED_PART_POSITIONS, 0, o->from->positions, o->from->positions_size},
        {RANKED_PART_LENGTHS, 0, o->lengths.data, o->lengths.size},
        {RANKED_PART_LONGS, 0, o->longs.data, o->longs.size}};
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].size) parts[count++] = all[i];
    return count;
}

static inline void old_lists_free(old_lists *o)
{
    mem_buffer *buffers[] = {&o->terms, &o->lists, &o->lengths, &o->longs};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) mem_buffer_free(buffers[i]);
    mem_free(o->end_of, (o->head.terms + 1) * sizeof *o->end_of);
    mem_free(o->start_of, (o->head.terms + 1) * sizeof *o->start_of);
    invert_pack_free(&o->ends);
    invert_pack_free(&o->starts);
}

#endif
