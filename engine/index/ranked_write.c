/* Writing ranked lists (ranked_write.h). */
#include "index/ranked_pack.h" /* before the headers that forbid malloc: simde uses it */

#include "index/ranked_read.h"
#include "index/ranked_write.h"

void ranked_write_free(ranked_writer *w)
{
    mem_buffer *buffers[] = {&w->terms, &w->lists, &w->positions, &w->blocks, &w->bits, &w->tail};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) mem_buffer_free(buffers[i]);
    invert_pack_free(&w->ends.packed);
    invert_pack_free(&w->starts.packed);
}

static uint64_t numbers_bytes(const ranked_numbers *n)
{
    return n->packed.blocks.capacity + n->packed.bits.capacity;
}

uint64_t ranked_write_bytes(const ranked_writer *w)
{
    return w->terms.capacity + w->lists.capacity + w->positions.capacity + numbers_bytes(&w->ends) +
           numbers_bytes(&w->starts);
}

/* ---------------------------------------------------------------- small things */

static bool flush_numbers(ranked_numbers *n)
{
    bool ok = !n->count || invert_pack_add(&n->packed, n->block, n->count);
    n->count = 0;
    return ok;
}

static bool append_number(ranked_numbers *n, uint64_t number)
{
    n->block[n->count++] = number;
    return n->count < PACK_BLOCK || flush_numbers(n);
}

/* Zeros up to a multiple of 4 bytes. */
static bool append_padding(mem_buffer *buffer)
{
    static const uint8_t zeros[4] = {0};
    return mem_buffer_append(buffer, zeros, (4 - buffer->size % 4) % 4);
}

/* Make the buffer as long as bit `end` needs, with zeros, and reserve what is read behind it. */
static bool extend_bits(mem_buffer *buffer, uint64_t end)
{
    size_t extra = (size_t)((end + 7) / 8) - buffer->size;
    if (!mem_buffer_reserve(buffer, extra + sizeof(uint64_t))) return false;
    memset(buffer->data + buffer->size, 0, extra + sizeof(uint64_t));
    buffer->size += extra;
    return true;
}

/* Append the low `width` bits of each number, from bit *at on. */
static bool append_bits(mem_buffer *buffer, uint64_t *at, const uint32_t *numbers, uint32_t count,
                        uint32_t width)
{
    uint64_t mask = ((uint64_t)1 << width) - 1, word;
    if (!extend_bits(buffer, *at + (uint64_t)count * width)) return false;
    for (uint32_t i = 0; i < count; i++, *at += width) {
        memcpy(&word, buffer->data + *at / 8, sizeof word);
        word |= (numbers[i] & mask) << *at % 8;
        memcpy(buffer->data + *at / 8, &word, sizeof word);
    }
    return true;
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

static bool write_block(ranked_writer *w, const ranked_rows *r)
{
    uint32_t differences[RANKED_BLOCK], less_one[RANKED_BLOCK], before = r->before;
    for (uint32_t i = 0; i < RANKED_BLOCK; i++) {
        differences[i] = r->rows[i] - before - 1;
        less_one[i] = r->freqs[i] - 1;
        before = r->rows[i];
    }
    ranked_block block = {.last = before,
                          .bits = (uint32_t)(w->bits.size / 4),
                          .positions = (uint32_t)(w->positions.size / 4),
                          .row_bits = (uint8_t)ranked_pack_width(differences, RANKED_BLOCK),
                          .freq_bits = (uint8_t)ranked_pack_width(less_one, RANKED_BLOCK),
                          .position_bits =
                              (uint8_t)ranked_pack_width(r->positions, r->positions_count),
                          .bound = r->bound};
    uint64_t at = (uint64_t)w->positions.size * 8;
    return mem_buffer_append(&w->blocks, &block, sizeof block) &&
           append_packed(&w->bits, differences, block.row_bits) &&
           append_packed(&w->bits, less_one, block.freq_bits) &&
           append_bits(&w->positions, &at, r->positions, r->positions_count, block.position_bits) &&
           append_padding(&w->positions);
}

/* The rows, in the code of Elias and Fano. */
static bool write_tail_rows(ranked_writer *w, const ranked_rows *r, uint64_t *at)
{
    uint32_t first = r->before + 1, span = w->rows - first - r->count,
             low = ranked_low_bits(span, r->count), x[RANKED_BLOCK];
    for (uint32_t i = 0; i < r->count; i++) x[i] = r->rows[i] - first - i;
    if (!append_bits(&w->tail, at, x, r->count, low)) return false;
    uint64_t ones = *at;
    *at += r->count + (x[r->count - 1] >> low);
    if (!extend_bits(&w->tail, *at)) return false;
    for (uint32_t i = 0; i < r->count; i++) {
        uint64_t bit = ones + i + (x[i] >> low);
        w->tail.data[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
    return true;
}

static bool write_tail(ranked_writer *w, const ranked_rows *r)
{
    uint32_t less_one[RANKED_BLOCK], code = 0,
                                     width = ranked_pack_width(r->positions, r->positions_count);
    for (uint32_t i = 0; i < r->count; i++) less_one[i] = r->freqs[i] - 1;
    while (ranked_tail_widths[code] < ranked_pack_width(less_one, r->count)) code++;
    if (width > 30) width = 32;
    uint8_t head[2] = {r->bound, (uint8_t)((width < 31 ? width : 31) << 3 | code)};
    uint64_t at = 16;
    return mem_buffer_append(&w->tail, head, sizeof head) && write_tail_rows(w, r, &at) &&
           append_bits(&w->tail, &at, less_one, r->count, ranked_tail_widths[code]) &&
           append_bits(&w->tail, &at, r->positions, r->positions_count, width);
}

bool ranked_write_rows(ranked_writer *w, const ranked_rows *r)
{
    mv_assert(r->count > 0);
    return r->count == RANKED_BLOCK ? write_block(w, r) : write_tail(w, r);
}

/* Append a term to its block, without the bytes that the term before has. */
static bool write_term(ranked_writer *w, const char *term, uint32_t size)
{
    uint32_t shared = 0;
    bool ok = true;
    if (w->terms_count++ % RANKED_TERMS_BLOCK == 0) {
        ok = w->terms_count == 1 || append_number(&w->ends, w->terms.size);
        w->last_size = 0;
    }
    while (shared < 15 && shared < w->last_size && shared < size && w->last[shared] == term[shared])
        shared++;
    uint32_t rest = size - shared;
    uint8_t head[2] = {(uint8_t)(shared | (rest < 16 ? rest << 4 : 0)), (uint8_t)rest};
    memcpy(w->last, term, size);
    w->last_size = size;
    return ok && mem_buffer_append(&w->terms, head, rest < 16 ? 1 : 2) &&
           mem_buffer_append(&w->terms, term + shared, rest);
}

bool ranked_write_list(ranked_writer *w, const void *term, uint32_t size, uint32_t rows)
{
    uint8_t count[5];
    return write_term(w, term, size) && append_number(&w->starts, w->lists.size) &&
           mem_buffer_append(&w->lists, count, ranked_write_varint(rows, count)) &&
           (rows < RANKED_BLOCK || append_padding(&w->lists)) &&
           mem_buffer_append(&w->lists, w->blocks.data, w->blocks.size) &&
           mem_buffer_append(&w->lists, w->bits.data, w->bits.size) &&
           mem_buffer_append(&w->lists, w->tail.data, w->tail.size);
}

/* ---------------------------------------------------------------- the parts */

bool ranked_write_end(ranked_writer *w)
{
    static const uint8_t zeros[RANKED_PADDING] = {0};
    return (!w->terms_count || append_number(&w->ends, w->terms.size)) && flush_numbers(&w->ends) &&
           flush_numbers(&w->starts) && invert_pack_finish(&w->ends.packed) &&
           invert_pack_finish(&w->starts.packed) &&
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
    count += ranked_write_part(&w->ends.packed.blocks, RANKED_PART_ENDS, parts + count);
    count += ranked_write_part(&w->ends.packed.bits, RANKED_PART_ENDS_BITS, parts + count);
    count += ranked_write_part(&w->terms, RANKED_PART_TERMS, parts + count);
    count += ranked_write_part(&w->starts.packed.blocks, RANKED_PART_STARTS, parts + count);
    count += ranked_write_part(&w->starts.packed.bits, RANKED_PART_STARTS_BITS, parts + count);
    count += ranked_write_part(&w->lists, RANKED_PART_LISTS, parts + count);
    return count;
}
