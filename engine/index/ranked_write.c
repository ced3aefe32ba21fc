/* Writing ranked lists (ranked_write.h). */
#include "index/ranked_pack.h" /* before the headers that forbid malloc: simde uses it */
#include "index/ranked_read.h"
#include "index/ranked_write.h"

void ranked_write_free(ranked_writer *w)
{
    mem_buffer *buffers[] = {&w->terms, &w->lists, &w->blocks, &w->bits, &w->tail};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) mem_buffer_free(buffers[i]);
    invert_pack_free(&w->ends);
    invert_pack_free(&w->starts);
}

uint64_t ranked_write_bytes(const ranked_writer *w)
{
    return w->terms.capacity + w->lists.capacity + w->ends.blocks.capacity + w->ends.bits.capacity +
           w->starts.blocks.capacity + w->starts.bits.capacity;
}

/* ---------------------------------------------------------------- a list */

void ranked_write_begin(ranked_writer *w)
{
    w->blocks.size = w->bits.size = w->tail.size = 0;
}

static bool append_packed(mem_buffer *buffer, const uint32_t *numbers, uint32_t bits)
{
    uint32_t words = ranked_pack_words(bits);
    if (!mem_buffer_reserve(buffer, words * sizeof(uint32_t))) return false;
    ranked_pack_write(numbers, bits, (uint32_t *)(void *)(buffer->data + buffer->size));
    buffer->size += words * sizeof(uint32_t);
    return true;
}

bool ranked_write_block(ranked_writer *w, const uint32_t *rows, const uint32_t *freqs,
                        uint32_t before, ranked_block block)
{
    uint32_t differences[RANKED_BLOCK], less_one[RANKED_BLOCK];
    for (uint32_t i = 0; i < RANKED_BLOCK; i++) {
        differences[i] = rows[i] - before - 1;
        less_one[i] = freqs[i] - 1;
        before = rows[i];
    }
    block.last = before;
    block.bits = (uint32_t)(w->bits.size / 4);
    block.row_bits = (uint8_t)ranked_pack_width(differences, RANKED_BLOCK);
    block.freq_bits = (uint8_t)ranked_pack_width(less_one, RANKED_BLOCK);
    return mem_buffer_append(&w->blocks, &block, sizeof block) &&
           append_packed(&w->bits, differences, block.row_bits) &&
           append_packed(&w->bits, less_one, block.freq_bits);
}

bool ranked_write_tail_number(ranked_writer *w, uint32_t number)
{
    uint8_t bytes[5];
    return mem_buffer_append(&w->tail, bytes, ranked_write_varint(number, bytes));
}

bool ranked_write_tail(ranked_writer *w, const uint32_t *rows, const uint32_t *freqs,
                       uint32_t count, uint32_t before, uint8_t bound)
{
    bool ok = mem_buffer_append(&w->tail, &bound, 1);
    for (uint32_t i = 0; i < count && ok; i++) {
        ok = ranked_write_tail_number(w, rows[i] - before - 1) &&
             ranked_write_tail_number(w, freqs[i] - 1);
        before = rows[i];
    }
    return ok;
}

static bool flush_packed(ranked_writer *w)
{
    bool ok = !w->pack_count || (invert_pack_add(&w->ends, w->pack_ends, w->pack_count) &&
                                 invert_pack_add(&w->starts, w->pack_starts, w->pack_count));
    w->pack_count = 0;
    return ok;
}

bool ranked_write_list(ranked_writer *w, const void *term, uint32_t size, uint32_t rows)
{
    static const uint8_t zeros[4] = {0};
    bool ok = mem_buffer_append(&w->terms, term, size);
    w->pack_ends[w->pack_count] = w->terms.size;
    w->pack_starts[w->pack_count++] = w->lists.size;
    ok = ok && mem_buffer_append(&w->lists, &rows, sizeof rows) &&
         mem_buffer_append(&w->lists, w->blocks.data, w->blocks.size) &&
         mem_buffer_append(&w->lists, w->bits.data, w->bits.size) &&
         mem_buffer_append(&w->lists, w->tail.data, w->tail.size) &&
         mem_buffer_append(&w->lists, zeros, (4 - w->lists.size % 4) % 4);
    return ok && (w->pack_count < PACK_BLOCK || flush_packed(w));
}

/* ---------------------------------------------------------------- the parts */

bool ranked_write_end(ranked_writer *w)
{
    static const uint8_t zeros[RANKED_PADDING] = {0};
    return flush_packed(w) && invert_pack_finish(&w->ends) && invert_pack_finish(&w->starts) &&
           mem_buffer_append(&w->lists, zeros, sizeof zeros);
}

uint32_t ranked_write_part(const mem_buffer *buffer, ranked_part_kind kind, index_part *part)
{
    if (!buffer->size) return 0;
    *part = (index_part){kind, 0, buffer->data, buffer->size};
    return 1;
}

uint32_t ranked_write_parts(const ranked_writer *w, index_part *parts)
{
    uint32_t count = 0;
    count += ranked_write_part(&w->ends.blocks, RANKED_PART_ENDS, parts + count);
    count += ranked_write_part(&w->ends.bits, RANKED_PART_ENDS_BITS, parts + count);
    count += ranked_write_part(&w->terms, RANKED_PART_TERMS, parts + count);
    count += ranked_write_part(&w->starts.blocks, RANKED_PART_STARTS, parts + count);
    count += ranked_write_part(&w->starts.bits, RANKED_PART_STARTS_BITS, parts + count);
    count += ranked_write_part(&w->lists, RANKED_PART_LISTS, parts + count);
    return count;
}
