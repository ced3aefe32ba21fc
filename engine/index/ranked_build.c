/* Building ranked lists, in memory. Occurrences come row by row. Each term has a stream of bytes,
 * in a chain of chunks that grow from 16 bytes to 1 KiB, as in Lucene's indexing chain:
 *
 *   for each row   the difference of the row to the one before, less one, as a varint;
 *                  for each position the difference to the one before in the row, plus one;
 *                  a zero, which ends the row
 *
 * Then, in steps: the terms are sorted, by buckets of their first two bytes, and each stream is
 * read and packed into its list. */
#include <string.h>

#include "base/hash.h"
#include "base/os.h"
#include "index/ranked_pack.h"
#include "index/ranked_read.h"
#include "index/ranked_write.h"

#define CHUNK_UNIT  16u /* bytes: chunks are numbered in these units */
#define CHUNK_MAX   1024u
#define CHUNK_LINK  4u /* bytes at the end of a chunk: the number of the next one */
#define SLAB_SIZE   ((size_t)1 << 20)
#define SLAB_UNITS  ((uint32_t)(SLAB_SIZE / CHUNK_UNIT))
#define BUCKETS     65536u
#define STEP_TERMS  64u
#define TERMS_MAX   (UINT32_MAX / 2)
#define SLOTS_FIRST 1024u
/* Lengths are bytes if at most one in this many is too large: those are searched for. Chosen. */
#define LONG_ONE_IN 64u

typedef struct ranked_word {
    uint64_t text;            /* offset of its bytes in b->text */
    uint32_t first_chunk;     /* of its stream */
    uint32_t chunk, at, size; /* the last chunk, bytes used and bytes for the stream in it */
    uint32_t row, position;   /* of the last occurrence */
    uint32_t rows;
    uint32_t hash;
    uint8_t text_size;
    bool is_open; /* the last row has no zero yet */
} ranked_word;

struct ranked_builder {
    ranked_head head;
    float k1, b;
    uint32_t row, position; /* of the last occurrence of any term */
    bool has_row;
    ranked_word *words;
    uint32_t words_capacity;
    uint32_t *slots; /* hash table: number of the word + 1, or 0 */
    uint32_t slots_count;
    mem_buffer text;
    uint8_t **slabs;
    uint32_t slabs_count, slabs_capacity;
    uint32_t units; /* of the last slab in use */
    uint32_t *lengths;
    uint32_t *order;       /* words by their bytes */
    uint32_t *buckets;     /* where each begins in `order`, and one more */
    uint32_t bucket, next; /* steps that are done */
    bool is_done;
    ranked_writer out;
    mem_buffer short_lengths, longs, row_positions;
};

/* ---------------------------------------------------------------- memory */

static mv_err no_memory_for_lists(size_t size, mv_error *error)
{
    return error_memory(error, size, "ranked lists");
}

static size_t slots_size(uint32_t count)
{
    return count * sizeof(uint32_t);
}

void ranked_build_free(ranked_builder *b)
{
    if (!b) return;
    mem_free(b->words, b->words_capacity * sizeof *b->words);
    mem_free(b->slots, slots_size(b->slots_count));
    for (uint32_t i = 0; i < b->slabs_count; i++) mem_free(b->slabs[i], SLAB_SIZE);
    mem_free(b->slabs, b->slabs_capacity * sizeof *b->slabs);
    mem_free(b->lengths, ((size_t)b->head.rows + 1) * sizeof *b->lengths);
    mem_free(b->order, ((size_t)b->head.terms + 1) * sizeof *b->order);
    mem_free(b->buckets, (BUCKETS + 1) * sizeof *b->buckets);
    mem_buffer *buffers[] = {&b->text, &b->longs, &b->short_lengths, &b->row_positions};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) mem_buffer_free(buffers[i]);
    ranked_write_free(&b->out);
    mem_free(b, sizeof *b);
}

uint64_t ranked_build_bytes(const ranked_builder *b)
{
    return sizeof *b + b->words_capacity * sizeof *b->words + slots_size(b->slots_count) +
           b->slabs_count * SLAB_SIZE + b->head.rows * sizeof *b->lengths + b->text.capacity +
           ranked_write_bytes(&b->out) + b->short_lengths.capacity +
           (b->order ? b->head.terms * sizeof *b->order + BUCKETS * sizeof *b->buckets : 0);
}

mv_err ranked_build_begin(uint32_t rows, float k1, float b_, bool has_positions,
                          ranked_builder **out, mv_error *error)
{
    ranked_builder *b = mem_alloc_zero(sizeof *b);
    size_t lengths_size = ((size_t)rows + 1) * sizeof *b->lengths;
    if (!b) return no_memory_for_lists(sizeof *b, error);
    b->head = (ranked_head){.format = RANKED_FORMAT,
                            .rows = rows,
                            .flags = has_positions ? 0 : RANKED_WITHOUT_POSITIONS};
    b->out.rows = rows;
    b->k1 = k1;
    b->b = b_;
    b->slots_count = SLOTS_FIRST;
    b->slots = mem_alloc_zero(slots_size(b->slots_count));
    b->lengths = mem_alloc_zero(lengths_size);
    if (!b->slots || !b->lengths) {
        ranked_build_free(b);
        return no_memory_for_lists(lengths_size, error);
    }
    *out = b;
    return MV_OK;
}

/* ---------------------------------------------------------------- streams */

static uint8_t *chunk_bytes(const ranked_builder *b, uint32_t chunk)
{
    return b->slabs[chunk / SLAB_UNITS] + (size_t)(chunk % SLAB_UNITS) * CHUNK_UNIT;
}

/* A chunk of `size` bytes; a slab that has no place for it is left as it is. False: no memory. */
static bool new_chunk(ranked_builder *b, uint32_t size, uint32_t *chunk)
{
    uint32_t units = size / CHUNK_UNIT;
    if (!b->slabs_count || b->units + units > SLAB_UNITS) {
        uint8_t **slabs = mem_grow(b->slabs, &b->slabs_capacity, b->slabs_count, sizeof *slabs);
        if (!slabs) return false;
        b->slabs = slabs;
        if (b->slabs_count == UINT32_MAX / SLAB_UNITS) return false;
        if (!(b->slabs[b->slabs_count] = mem_alloc(SLAB_SIZE))) return false;
        b->slabs_count++;
        b->units = 0;
    }
    *chunk = (b->slabs_count - 1) * SLAB_UNITS + b->units;
    b->units += units;
    return true;
}

static bool put_byte(ranked_builder *b, ranked_word *w, uint8_t byte)
{
    if (MV_UNLIKELY(w->at == w->size)) {
        uint32_t size = w->size + CHUNK_LINK, chunk;
        if (size < CHUNK_MAX) size *= 2;
        if (!new_chunk(b, size, &chunk)) return false;
        memcpy(chunk_bytes(b, w->chunk) + w->size, &chunk, sizeof chunk);
        w->chunk = chunk;
        w->at = 0;
        w->size = size - CHUNK_LINK;
    }
    chunk_bytes(b, w->chunk)[w->at++] = byte;
    return true;
}

static bool put_varint(ranked_builder *b, ranked_word *w, uint32_t number)
{
    uint8_t bytes[5];
    uint32_t size = ranked_write_varint(number, bytes);
    if (MV_LIKELY(w->at + size <= w->size)) {
        memcpy(chunk_bytes(b, w->chunk) + w->at, bytes, size);
        w->at += size;
        return true;
    }
    for (uint32_t i = 0; i < size; i++)
        if (!put_byte(b, w, bytes[i])) return false;
    return true;
}

/* A reader of a stream. */
typedef struct stream {
    const ranked_builder *b;
    uint32_t chunk, at, size;
} stream;

static uint8_t next_byte(stream *s)
{
    if (s->at == s->size) {
        memcpy(&s->chunk, chunk_bytes(s->b, s->chunk) + s->size, sizeof s->chunk);
        uint32_t size = s->size + CHUNK_LINK;
        s->size = (size < CHUNK_MAX ? 2 * size : size) - CHUNK_LINK;
        s->at = 0;
    }
    return chunk_bytes(s->b, s->chunk)[s->at++];
}

static uint32_t next_varint(stream *s)
{
    uint32_t number = 0, shift = 0;
    uint8_t byte;
    do {
        byte = next_byte(s);
        number |= (uint32_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return number;
}

/* ---------------------------------------------------------------- adding */

static bool grow_slots(ranked_builder *b)
{
    uint32_t count = b->slots_count * 2, *slots = mem_alloc_zero(slots_size(count));
    if (!slots) return false;
    for (uint32_t i = 0; i < b->head.terms; i++) {
        uint32_t at = b->words[i].hash & (count - 1);
        while (slots[at]) at = (at + 1) & (count - 1);
        slots[at] = i + 1;
    }
    mem_free(b->slots, slots_size(b->slots_count));
    b->slots = slots;
    b->slots_count = count;
    return true;
}

static bool add_word(ranked_builder *b, const char *term, uint32_t size, uint32_t hash,
                     uint32_t slot, ranked_word **out)
{
    ranked_word *words = mem_grow(b->words, &b->words_capacity, b->head.terms, sizeof *words), *w;
    if (!words) return false;
    b->words = words;
    w = &words[b->head.terms];
    *w = (ranked_word){.text = b->text.size, .hash = hash, .text_size = (uint8_t)size};
    w->size = CHUNK_UNIT - CHUNK_LINK;
    if (!new_chunk(b, CHUNK_UNIT, &w->chunk) || !mem_buffer_append(&b->text, term, size))
        return false;
    w->first_chunk = w->chunk;
    b->slots[slot] = ++b->head.terms;
    *out = w;
    return true;
}

/* The word of a term, an old or a new one. NULL: no memory. */
static ranked_word *word_of(ranked_builder *b, const char *term, uint32_t size)
{
    uint32_t hash = (uint32_t)hash_bytes(term, size, 0), mask = b->slots_count - 1;
    uint32_t slot = hash & mask;
    ranked_word *w;
    for (; b->slots[slot]; slot = (slot + 1) & mask) {
        w = &b->words[b->slots[slot] - 1];
        if (w->hash == hash && w->text_size == size && !memcmp(b->text.data + w->text, term, size))
            return w;
    }
    if (!add_word(b, term, size, hash, slot, &w)) return NULL;
    if (b->head.terms * 2 > b->slots_count && !grow_slots(b)) return NULL;
    return w;
}

/* The word of a term, an old or a new one. */
static mv_err get_word(ranked_builder *b, const char *term, uint32_t size, ranked_word **w,
                       mv_error *error)
{
    mv_assert(size > 0);
    mv_assert(size <= RANKED_TERM_MAX);
    mv_assert(!b->order);
    if (b->head.terms == TERMS_MAX || b->text.size > UINT32_MAX)
        return error_set(error, MV_LIMIT, "a segment has more than %u different terms", TERMS_MAX);
    *w = word_of(b, term, size);
    return *w ? MV_OK : no_memory_for_lists(b->text.size, error);
}

/* Begin the next row of a word. False: no memory. */
static bool begin_row(ranked_builder *b, ranked_word *w, uint32_t row)
{
    uint32_t before = w->is_open ? w->row : UINT32_MAX;
    mv_assert(row < b->head.rows);
    mv_assert(!w->is_open || row > before);
    if (w->is_open && !put_byte(b, w, 0)) return false;
    w->is_open = true;
    w->row = row;
    w->rows++;
    return put_varint(b, w, row - before - 1);
}

mv_err ranked_build_add(ranked_builder *b, uint32_t row, const char *term, uint32_t size,
                        uint32_t position, mv_error *error)
{
    bool is_new_position = !b->has_row || row != b->row || position != b->position;
    b->lengths[row] += is_new_position;
    b->has_row = true;
    b->row = row;
    b->position = position;
    ranked_word *w;
    bool ok = true;
    MV_TRY(get_word(b, term, size, &w, error));
    if (!w->is_open || w->row != row) {
        ok = begin_row(b, w, row) && put_varint(b, w, position + 1);
    } else if (position != w->position) { /* else an alternative of itself */
        ok = put_varint(b, w, position - w->position + 1);
    }
    w->position = position;
    return ok ? MV_OK : no_memory_for_lists(SLAB_SIZE, error);
}

/* Put the positions of a row; NULL: any `count` of them. False: no memory. */
static bool put_positions(ranked_builder *b, ranked_word *w, const uint32_t *positions,
                          uint32_t count)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t position = positions ? positions[i] : i;
        if (!put_varint(b, w, position - before + 1)) return false;
        before = position;
    }
    w->position = before;
    return true;
}

mv_err ranked_build_add_rows(ranked_builder *b, const char *term, uint32_t size,
                             const uint32_t *rows, const uint32_t *freqs, uint32_t count,
                             const uint32_t *positions, mv_error *error)
{
    ranked_word *w = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i] != INDEX_ROW_DELETED) {
            if (!w) MV_TRY(get_word(b, term, size, &w, error)); /* of deleted rows: no word */
            if (w->is_open && rows[i] <= w->row) return ranked_cursor_damaged(error);
            if (!begin_row(b, w, rows[i]) || !put_positions(b, w, positions, freqs[i]))
                return no_memory_for_lists(SLAB_SIZE, error);
        }
        if (positions) positions += freqs[i];
    }
    return MV_OK;
}

void ranked_build_set_length(ranked_builder *b, uint32_t row, uint32_t length)
{
    mv_assert(row < b->head.rows);
    b->lengths[row] = length;
}

/* ---------------------------------------------------------------- sorting */

static uint32_t bucket_of(const ranked_builder *b, const ranked_word *w)
{
    const uint8_t *text = b->text.data + w->text;
    return (uint32_t)text[0] << 8 | (w->text_size > 1 ? text[1] : 0);
}

/* Put the words into buckets, in no order within each. */
static bool fill_buckets(ranked_builder *b)
{
    uint32_t terms = b->head.terms;
    b->buckets = mem_alloc_zero((BUCKETS + 1) * sizeof *b->buckets);
    b->order = mem_alloc(((size_t)terms + 1) * sizeof *b->order);
    if (!b->buckets || !b->order) return false;
    for (uint32_t i = 0; i < terms; i++) b->buckets[bucket_of(b, &b->words[i])]++;
    for (uint32_t i = 0, sum = 0; i <= BUCKETS; i++) {
        uint32_t count = b->buckets[i];
        b->buckets[i] = sum += count;
    }
    for (uint32_t i = terms; i-- > 0;) b->order[--b->buckets[bucket_of(b, &b->words[i])]] = i;
    return true;
}

static bool is_word_before(const ranked_builder *b, uint32_t i, uint32_t j)
{
    const ranked_word *x = &b->words[i], *y = &b->words[j];
    uint32_t common = x->text_size < y->text_size ? x->text_size : y->text_size;
    int order = memcmp(b->text.data + x->text, b->text.data + y->text, common);
    return order ? order < 0 : x->text_size < y->text_size;
}

static void sift_down(const ranked_builder *b, uint32_t *words, uint32_t at, uint32_t count)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_word_before(b, words[child], words[child + 1])) child++;
        if (!is_word_before(b, words[at], words[child])) return;
        uint32_t word = words[at];
        words[at] = words[child];
        words[child] = word;
    }
}

/* A heap sort: without memory of its own, and never slow. */
static void sort_bucket(const ranked_builder *b, uint32_t bucket)
{
    uint32_t *words = b->order + b->buckets[bucket];
    uint32_t count = b->buckets[bucket + 1] - b->buckets[bucket];
    for (uint32_t i = count / 2; i-- > 0;) sift_down(b, words, i, count);
    for (uint32_t left = count; left > 1; left--) {
        uint32_t word = words[0];
        words[0] = words[left - 1];
        words[left - 1] = word;
        sift_down(b, words, 0, left - 1);
    }
}

/* ---------------------------------------------------------------- packing */

static bool has_positions(const ranked_builder *b)
{
    return !(b->head.flags & RANKED_WITHOUT_POSITIONS);
}

/* The rows of a block. Their positions, as differences, are in row_positions of the builder, unless
 * lists have none. */
typedef struct packing {
    uint32_t rows[RANKED_BLOCK], freqs[RANKED_BLOCK];
    uint32_t before; /* the row before the block; UINT32_MAX: none */
    uint32_t count;
    float most;
} packing;

/* Read rows from a stream, until the block is full or the list ends. False: no memory. */
static bool read_stream_rows(ranked_builder *b, stream *s, uint32_t count, packing *p)
{
    uint32_t row = p->before;
    p->count = count;
    p->most = 0;
    b->row_positions.size = 0;
    for (uint32_t i = 0; i < count; i++) {
        row += next_varint(s) + 1;
        p->rows[i] = row;
        p->freqs[i] = 0;
        for (uint32_t code; (code = next_varint(s)) != 0; p->freqs[i]++) {
            uint32_t difference = code - 1;
            if (!has_positions(b)) continue;
            if (!mem_buffer_append(&b->row_positions, &difference, sizeof difference)) return false;
        }
        float fraction =
            ranked_fraction(p->freqs[i], ranked_norm(b->head.c, b->head.d, b->lengths[row]));
        if (fraction > p->most) p->most = fraction;
    }
    return true;
}

static bool pack_list_rows(ranked_builder *b, const packing *p)
{
    const ranked_rows rows = {.rows = p->rows,
                              .freqs = p->freqs,
                              .count = p->count,
                              .before = p->before,
                              .positions = (const uint32_t *)(const void *)b->row_positions.data,
                              .positions_count =
                                  (uint32_t)(b->row_positions.size / sizeof(uint32_t)),
                              .bound = ranked_stored_bound(p->most)};
    return ranked_write_rows(&b->out, &rows);
}

/* Append the list of a word. False: no memory. */
static bool pack_word(ranked_builder *b, const ranked_word *w)
{
    packing p = {.before = UINT32_MAX};
    stream s = {b, w->first_chunk, 0, CHUNK_UNIT - CHUNK_LINK};
    bool ok = true;
    ranked_write_begin(&b->out);
    for (uint32_t done = 0; done < w->rows && ok; done += p.count) {
        uint32_t left = w->rows - done;
        ok = read_stream_rows(b, &s, left < RANKED_BLOCK ? left : RANKED_BLOCK, &p) &&
             pack_list_rows(b, &p);
        p.before = p.rows[p.count - 1];
    }
    return ok && ranked_write_list(&b->out, b->text.data + w->text, w->text_size, w->rows);
}

/* ---------------------------------------------------------------- steps */

/* Make LENGTHS and LONGS. False: no memory. */
static bool end_lengths(ranked_builder *b)
{
    uint32_t no_bytes = 0;
    for (uint32_t row = 0; row < b->head.rows; row++) no_bytes += b->lengths[row] >= UINT8_MAX;
    bool are_bytes = no_bytes <= b->head.rows / LONG_ONE_IN;
    uint32_t most = are_bytes ? UINT8_MAX : UINT16_MAX;
    if (are_bytes) b->head.flags |= RANKED_BYTE_LENGTHS;
    for (uint32_t row = 0; row < b->head.rows; row++) {
        uint32_t length = b->lengths[row], pair[2] = {row, length};
        uint16_t stored = (uint16_t)(length < most ? length : most);
        uint8_t byte = (uint8_t)stored;
        if (!(are_bytes ? mem_buffer_append(&b->short_lengths, &byte, sizeof byte)
                        : mem_buffer_append(&b->short_lengths, &stored, sizeof stored)))
            return false;
        if (length < most) continue;
        if (!mem_buffer_append(&b->longs, pair, sizeof pair)) return false;
        b->head.longs++;
    }
    return true;
}

/* The streams are complete, and so are the lengths. */
static bool end_streams(ranked_builder *b)
{
    for (uint32_t row = 0; row < b->head.rows; row++) b->head.tokens += b->lengths[row];
    double mean = b->head.rows ? (double)b->head.tokens / b->head.rows : 0;
    b->head.c = b->k1 * (1 - b->b);
    b->head.d = (float)(mean > 0 ? (double)(b->k1 * b->b) / mean : 0);
    for (uint32_t i = 0; i < b->head.terms; i++)
        if (!put_byte(b, &b->words[i], 0)) return false;
    return end_lengths(b) && fill_buckets(b);
}

static bool end_lists(ranked_builder *b)
{
    static const uint8_t zeros[RANKED_PADDING] = {0};
    b->is_done = true;
    return ranked_write_end(&b->out) &&
           (!has_positions(b) || mem_buffer_append(&b->out.positions, zeros, sizeof zeros));
}

/* Sort and pack some words. */
static bool pack_some(ranked_builder *b)
{
    for (uint32_t left = STEP_TERMS; left && b->next < b->head.terms; left--) {
        while (b->next == b->buckets[b->bucket]) sort_bucket(b, b->bucket++);
        if (!pack_word(b, &b->words[b->order[b->next++]])) return false;
    }
    return b->next < b->head.terms || end_lists(b);
}

mv_err ranked_build_step(ranked_builder *b, double until, bool *more, mv_error *error)
{
    bool ok = true;
    if (!b->order) ok = end_streams(b);
    while (ok && !b->is_done) {
        ok = pack_some(b);
        if (os_seconds() >= until) break;
    }
    if (!ok) return no_memory_for_lists(b->out.lists.size + b->out.positions.size, error);
    if (b->out.lists.size / 4 > UINT32_MAX || b->out.positions.size / 4 > UINT32_MAX)
        return error_set(error, MV_LIMIT, "the full-text index of a segment takes over 16 GiB");
    *more = !b->is_done;
    return MV_OK;
}

uint32_t ranked_build_parts(const ranked_builder *b, index_part parts[RANKED_PARTS_MAX])
{
    uint32_t count = 0;
    mv_assert(b->is_done);
    parts[count++] = (index_part){RANKED_PART_HEAD, 0, &b->head, sizeof b->head};
    count += ranked_write_parts(&b->out, parts + count);
    count += ranked_write_part(&b->out.positions, RANKED_PART_POSITIONS, parts + count);
    count += ranked_write_part(&b->short_lengths, RANKED_PART_LENGTHS, parts + count);
    count += ranked_write_part(&b->longs, RANKED_PART_LONGS, parts + count);
    return count;
}
