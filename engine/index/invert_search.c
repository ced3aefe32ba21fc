/* Searching inverted lists: values in the dictionary, and the rows that have them. Contents are
 * checked here, where they are read; invert.c has checked the sizes. */
#include <inttypes.h>

#include "base/order_key.h"
#include "index/invert_pack.h"

static mv_err damaged_lists(const char *what, uint32_t at, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "the inverted index is damaged: %s %u", what, at);
}

/* ---------------------------------------------------------------- the dictionary */

mv_err invert_search_number(const invert_lists *l, uint64_t key, bool after, uint32_t *position,
                            mv_error *error)
{
    /* First the block, by its base: values ascend, so the least number of a block is its first. */
    uint32_t low = 0, high = invert_pack_blocks(l->values.count);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t base = l->values.blocks[middle].base;
        if (base < key || (after && base == key))
            low = middle + 1;
        else
            high = middle;
    }
    *position = low * PACK_BLOCK < l->values.count ? low * PACK_BLOCK : l->values.count;
    if (!low) return MV_OK;
    high = *position;
    low = (low - 1) * PACK_BLOCK;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t value;
        if (!invert_pack_get(&l->values, middle, &value))
            return damaged_lists("value", middle, error);
        if (value < key || (after && value == key))
            low = middle + 1;
        else
            high = middle;
    }
    *position = low;
    return MV_OK;
}

/* The string at a position of the dictionary; false: damaged. */
static bool read_text(const invert_lists *l, uint32_t at, const uint8_t **text, size_t *size)
{
    uint64_t begin = 0, end;
    if (at && !invert_pack_get(&l->values, at - 1, &begin)) return false;
    if (!invert_pack_get(&l->values, at, &end) || begin > end || end > l->text_size) return false;
    *text = l->text + begin;
    *size = (size_t)(end - begin);
    return true;
}

mv_err invert_search_text(const invert_lists *l, const uint8_t *text, size_t size, bool after,
                          bool as_prefix, uint32_t *position, mv_error *error)
{
    uint32_t low = 0, high = l->values.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *value;
        size_t value_size;
        if (!read_text(l, middle, &value, &value_size))
            return damaged_lists("value", middle, error);
        if (as_prefix && value_size > size) value_size = size;
        size_t both = value_size < size ? value_size : size;
        int order = both ? memcmp(value, text, both) : 0;
        if (!order) order = value_size < size ? -1 : value_size > size;
        if (order < 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    *position = low;
    return MV_OK;
}

mv_err invert_search_read_numbers(const invert_lists *l, uint32_t first, uint32_t count,
                                  uint64_t keys[64], mv_error *error)
{
    mv_assert(count <= 64);
    mv_assert(first <= l->values.count);
    mv_assert(count <= l->values.count - first);
    for (uint32_t i = 0; i < count; i++)
        if (!invert_pack_get(&l->values, first + i, &keys[i]))
            return damaged_lists("value", first + i, error);
    return MV_OK;
}

mv_err invert_search_read_texts(const invert_lists *l, uint32_t first, uint32_t count,
                                uint64_t ends[65], mv_error *error)
{
    mv_assert(count <= 64);
    mv_assert(first <= l->values.count);
    mv_assert(count <= l->values.count - first);
    ends[0] = 0;
    if (first && !invert_pack_get(&l->values, first - 1, &ends[0]))
        return damaged_lists("value", first, error);
    for (uint32_t i = 0; i < count; i++)
        if (!invert_pack_get(&l->values, first + i, &ends[i + 1]) || ends[i] > ends[i + 1] ||
            ends[i + 1] > l->text_size)
            return damaged_lists("value", first + i, error);
    return MV_OK;
}

/* ---------------------------------------------------------------- slices of the rows */

/* Positions [begin, end) of ROWS. */
typedef struct slice {
    uint32_t begin;
    uint32_t end;
} slice;

static mv_err slice_of(const invert_lists *l, invert_range range, slice *out, mv_error *error)
{
    uint64_t begin, end;
    mv_assert(range.first <= range.end);
    mv_assert(range.end <= l->values.count);
    if (!invert_pack_get(&l->starts, range.first, &begin) ||
        !invert_pack_get(&l->starts, range.end, &end) || begin > end || end > l->head->entries)
        return damaged_lists("the start of value", range.first, error);
    *out = (slice){(uint32_t)begin, (uint32_t)end};
    return MV_OK;
}

mv_err invert_search_count(const invert_lists *l, invert_range range, uint32_t *rows,
                           mv_error *error)
{
    slice s;
    MV_TRY(slice_of(l, range, &s, error));
    *rows = s.end - s.begin;
    return MV_OK;
}

/* Read the rows of a slice up to the end of its first block; returns how many, 0: damaged. */
static uint32_t read_rows(const invert_lists *l, slice s, uint32_t *rows)
{
    mv_assert(s.begin < s.end);
    mv_assert(s.end <= l->rows.count);
    uint32_t block = s.begin / PACK_BLOCK, at = s.begin % PACK_BLOCK, count = PACK_BLOCK - at;
    const uint8_t *bits = invert_pack_bits(&l->rows, block);
    const invert_block *b = &l->rows.blocks[block];
    uint32_t most = 0, base = (uint32_t)b->base, width = b->width;
    if (!bits || width > 32 || b->base > UINT32_MAX) return 0;
    if (count > s.end - s.begin) count = s.end - s.begin;
    uint64_t mask = invert_pack_mask(width);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t word;
        uint32_t bit = (at + i) * width;
        memcpy(&word, bits + bit / 8, sizeof word);
        uint32_t row = base + (uint32_t)(word >> (bit % 8) & mask);
        rows[i] = row;
        most = row > most ? row : most;
    }
    return most < l->head->rows ? count : 0;
}

mv_err invert_search_list(const invert_lists *l, invert_range range, uint32_t *rows,
                          mv_error *error)
{
    slice s;
    mv_assert(l->head->has_rows);
    MV_TRY(slice_of(l, range, &s, error));
    for (uint32_t count; s.begin < s.end; s.begin += count, rows += count)
        if (!(count = read_rows(l, s, rows))) return damaged_lists("entry", s.begin, error);
    return MV_OK;
}

/* Flip (or set) the bits of the rows in a slice. */
static mv_err mark_rows(const invert_lists *l, slice s, bool flips, uint64_t *bits, mv_error *error)
{
    uint32_t rows[PACK_BLOCK];
    for (uint32_t count; s.begin < s.end; s.begin += count) {
        if (!(count = read_rows(l, s, rows))) return damaged_lists("entry", s.begin, error);
        if (flips)
            for (uint32_t i = 0; i < count; i++)
                bits[rows[i] / 64] ^= (uint64_t)1 << (rows[i] % 64);
        else
            for (uint32_t i = 0; i < count; i++) bits_set(bits, rows[i]);
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- scalars */

/* Checkpoints: the positions in ROWS for which the set of rows before them is known without ROWS.
 * Number 0 is the beginning, 1 to `marks` are the marks, marks + 1 is the end. */
static uint32_t checkpoint_at(const invert_lists *l, uint32_t number)
{
    mv_assert(number <= l->head->marks + 1);
    return number == 0 ? 0 : number <= l->head->marks ? l->marks[number - 1] : l->head->entries;
}

static uint32_t distance(uint32_t a, uint32_t b)
{
    return a < b ? b - a : a - b;
}

static uint32_t nearest_checkpoint(const invert_lists *l, uint32_t at)
{
    uint32_t best = 0;
    for (uint32_t number = 1; number <= l->head->marks + 1; number++)
        if (distance(checkpoint_at(l, number), at) < distance(checkpoint_at(l, best), at))
            best = number;
    return best;
}

/* The cheapest way to mark the rows of a slice: one by one, or as the difference of the rows before
 * two checkpoints, corrected by the rows between these and the ends of the slice. */
typedef struct marking {
    bool is_direct;
    uint32_t from, to; /* numbers of checkpoints */
    uint64_t cost;     /* rough nanoseconds */
} marking;

static marking cheapest_marking(const invert_lists *l, slice s)
{
    marking w = {.from = nearest_checkpoint(l, s.begin), .to = nearest_checkpoint(l, s.end)};
    uint64_t direct = (uint64_t)(s.end - s.begin) * INVERT_COST_ROW_NS;
    w.cost = ((uint64_t)distance(checkpoint_at(l, w.from), s.begin) +
              distance(checkpoint_at(l, w.to), s.end)) *
                 INVERT_COST_ROW_NS +
             bits_words(l->head->rows) / INVERT_COST_WORDS_PER_NS;
    w.is_direct = l->head->has_rows && direct <= w.cost;
    if (w.is_direct) w.cost = direct;
    return w;
}

/* Flip the bits of all rows before a checkpoint. */
static void flip_before(const invert_lists *l, uint32_t number, uint64_t *restrict bits)
{
    size_t words = bits_words(l->head->rows);
    mv_assert(number <= l->head->marks + 1);
    if (number == 0) return;
    if (number <= l->head->marks) {
        const uint64_t *bitmap = l->bitmaps + (number - 1) * words;
        for (size_t i = 0; i < words; i++) bits[i] ^= bitmap[i];
    } else {
        for (size_t i = 0; i < words; i++) bits[i] ^= l->nulls ? ~l->nulls[i] : UINT64_MAX;
    }
}

/* Flip the bits of all rows between a checkpoint and position `at` of ROWS. */
static mv_err flip_between(const invert_lists *l, uint32_t number, uint32_t at, uint64_t *bits,
                           mv_error *error)
{
    uint32_t from = checkpoint_at(l, number);
    slice s = from < at ? (slice){from, at} : (slice){at, from};
    if (s.begin == s.end) return MV_OK;
    if (!l->head->has_rows || s.end > l->head->entries) return damaged_lists("mark", number, error);
    return mark_rows(l, s, true, bits, error);
}

static mv_err add_scalars(const invert_lists *l, slice s, uint64_t *bits, mv_error *error)
{
    marking w = cheapest_marking(l, s);
    if (w.is_direct) return mark_rows(l, s, true, bits, error);
    flip_before(l, w.from, bits);
    flip_before(l, w.to, bits);
    MV_TRY(flip_between(l, w.from, s.begin, bits, error));
    return flip_between(l, w.to, s.end, bits, error);
}

/* ---------------------------------------------------------------- arrays */

/* The bitmap of a value's list; NULL: it has none. */
static const uint64_t *bitmap_of(const invert_lists *l, uint32_t value)
{
    uint32_t low = 0, high = l->head->marks;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (l->marks[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < l->head->marks && l->marks[low] == value;
    return found ? l->bitmaps + low * bits_words(l->head->rows) : NULL;
}

/* Set the bits of the rows in the list of one value. */
static mv_err add_value(const invert_lists *l, uint32_t value, uint64_t *bits, mv_error *error)
{
    slice s;
    const uint64_t *bitmap = bitmap_of(l, value);
    if (bitmap) {
        for (size_t i = 0; i < bits_words(l->head->rows); i++) bits[i] |= bitmap[i];
        return MV_OK;
    }
    MV_TRY(slice_of(l, (invert_range){value, value + 1}, &s, error));
    return mark_rows(l, s, false, bits, error);
}

/* ---------------------------------------------------------------- scalars and arrays */

mv_err invert_search_cost(const invert_lists *l, invert_range range, uint64_t *cost,
                          mv_error *error)
{
    slice s;
    *cost = 0;
    if (range.first == range.end) return MV_OK;
    MV_TRY(slice_of(l, range, &s, error));
    if (!l->is_array) {
        *cost = cheapest_marking(l, s).cost;
        return MV_OK;
    }
    uint64_t rows = s.end - s.begin, most = bits_words(l->head->rows) / INVERT_COST_WORDS_PER_NS *
                                            (uint64_t)(range.end - range.first);
    *cost = range.end - range.first == 1 && bitmap_of(l, range.first) ? most
                                                                      : rows * INVERT_COST_ROW_NS;
    return MV_OK;
}

mv_err invert_search_add(const invert_lists *l, invert_range range, uint64_t *bits, mv_error *error)
{
    slice s;
    size_t over = l->head->rows % 64;
    if (range.first == range.end) return MV_OK;
    if (l->is_array) {
        for (uint32_t value = range.first; value < range.end; value++)
            MV_TRY(add_value(l, value, bits, error));
    } else {
        MV_TRY(slice_of(l, range, &s, error));
        MV_TRY(add_scalars(l, s, bits, error));
    }
    if (over) bits[l->head->rows / 64] &= ((uint64_t)1 << over) - 1;
    return MV_OK;
}
