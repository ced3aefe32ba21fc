/* Building inverted lists, in stages. Each stage is divided into steps of some thousand items.
 *
 *   COUNT        count the elements of arrays
 *   GATHER       number the distinct values, by a hash table; note all pairs (number, row)
 *   SORT         sort the distinct values, by merge sort
 *   RANK         make the table from a value's number to its position in the dictionary
 *   TALLY        count the rows of each value
 *   SUM          add the counts up: where the rows of each value begin (STARTS)
 *   SCATTER      write the row of each pair there (a counting sort; rows of a value stay in order)
 *   PACK_VALUES  pack the dictionary
 *   PACK_STARTS  pack STARTS
 *   PACK_ROWS    pack ROWS
 *   BITMAPS      make the marks and their bitmaps
 *
 * A column of few values costs a look into the hash table for each row, a column of many values the
 * sorting of these. Tables are allocated once, for the greatest possible number of entries: memory
 * that is not needed is never touched, and no step is made long by copying a table that grows. */
#include "base/hash.h"
#include "base/order_key.h"
#include "base/os.h"
#include "index/invert_pack.h"

/* Items of a step: 0.1 ms on average for a million 64-bit numbers. */
#define STEP_ITEMS 4096u
/* Rows of a step of COUNT or GATHER over arrays, which have several elements each. */
#define STEP_ARRAYS 256u
#define SORT_RUN    16u              /* values that are sorted by insertion before merging begins */
#define VALUES_MAX  (UINT32_MAX - 1) /* a number + 1 must fit in 32 bits */
/* Bitmaps are made for this many entries or more: marking fewer one by one takes about 2 us. */
#define MARKS_ENTRIES_MIN 2048u

static_assert(STEP_ITEMS % PACK_BLOCK == 0, "only the last block may have fewer numbers");
static_assert(STEP_ITEMS % SORT_RUN == 0, "a step sorts whole runs");

/* A distinct value. */
typedef struct invert_build_value {
    uint64_t key;         /* order key; of a string its first 8 bytes, the first one highest */
    const uint8_t *bytes; /* of a string, in the column; NULL for numbers */
    uint32_t size;        /* of the string */
    uint32_t id;          /* GATHER: the last row that has it, + 1; from SORT on: its number */
} invert_build_value;

/* A pair: the value with this number is in this row. */
typedef struct invert_build_entry {
    uint32_t id;
    uint32_t row;
} invert_build_entry;

struct invert_builder {
    index_column column;
    mv_type type; /* of an element */
    bool is_array;
    uint32_t stage;
    uint64_t at;                /* items of the stage that are done */
    uint64_t entries_max;       /* rows, or elements of all arrays: bounds entries and values */
    uint64_t bytes;             /* allocated, without mem_buffers */
    invert_build_value *values; /* head.values are used */
    invert_build_value *spare;  /* SORT: the target of a merge */
    uint64_t values_capacity, spare_capacity;
    uint32_t *slots;                           /* GATHER: hash table: number + 1, or 0 if free */
    uint64_t slots_count;                      /* a power of two, at least 4/3 of entries_max */
    uint64_t seed;                             /* of the hash */
    invert_build_entry *entries;               /* entries_max; head.entries are used */
    uint32_t *ranks;                           /* head.values: position by number */
    uint32_t *starts;                          /* head.values + 2: one more for SCATTER */
    uint32_t *rows;                            /* head.entries */
    uint64_t left, left_end, right, right_end; /* SORT: the current merge */
    uint64_t rows_done;                        /* BITMAPS: rows before the last mark */
    uint32_t *marks;
    uint64_t *bitmaps;
    mem_buffer text;
    invert_pack_buffer packed_values, packed_starts, packed_rows;
    invert_head head;
};

/* ---------------------------------------------------------------- memory */

/* Allocate zeros for `count` items; at least one, so that NULL always means no memory. */
static mv_err alloc_array(invert_builder *b, void **out, uint64_t count, size_t size,
                          mv_error *error)
{
    size_t bytes = mem_array_size(count ? count : 1, size);
    if (!(*out = mem_alloc_zero(bytes))) return error_memory(error, bytes, "inverted lists");
    b->bytes += bytes;
    return MV_OK;
}
#define ALLOCATE(b, member, count)                                                                 \
    do {                                                                                           \
        void *block_ = NULL;                                                                       \
        MV_TRY(alloc_array((b), &block_, (count), sizeof *(b)->member, error));                    \
        (b)->member = block_;                                                                      \
    } while (0)
#define RELEASE(b, member, count)                                                                  \
    do {                                                                                           \
        uint64_t count_ = (count);                                                                 \
        size_t bytes_ = (size_t)(count_ ? count_ : 1) * sizeof *(b)->member;                       \
        if ((b)->member) (b)->bytes -= bytes_;                                                     \
        mem_free((b)->member, bytes_);                                                             \
        (b)->member = NULL;                                                                        \
    } while (0)

void invert_build_free(invert_builder *b)
{
    if (!b) return;
    RELEASE(b, values, b->values_capacity);
    RELEASE(b, spare, b->spare_capacity);
    RELEASE(b, slots, b->slots_count);
    RELEASE(b, entries, b->entries_max);
    RELEASE(b, ranks, b->head.values);
    RELEASE(b, starts, b->head.values + 2ull);
    RELEASE(b, rows, b->head.entries);
    RELEASE(b, marks, b->head.marks);
    RELEASE(b, bitmaps, b->head.marks * (uint64_t)bits_words(b->column.rows));
    mem_buffer_free(&b->text);
    invert_pack_free(&b->packed_values);
    invert_pack_free(&b->packed_starts);
    invert_pack_free(&b->packed_rows);
    mem_free(b, sizeof *b);
}

uint64_t invert_build_bytes(const invert_builder *b)
{
    return b->bytes + b->text.capacity + b->packed_values.blocks.capacity +
           b->packed_values.bits.capacity + b->packed_starts.blocks.capacity +
           b->packed_starts.bits.capacity + b->packed_rows.blocks.capacity +
           b->packed_rows.bits.capacity;
}

/* ---------------------------------------------------------------- cells */

static mv_err damaged_cell(uint32_t row, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "row %u of the column is damaged", row);
}

static bool is_null_row(const invert_builder *b, uint32_t row)
{
    return b->column.nulls && bits_get(b->column.nulls, row);
}

/* The cell of a row, of a type of variable size; false: damaged. */
static bool cell_of(const invert_builder *b, uint32_t row, const uint8_t **bytes, size_t *size)
{
    uint64_t begin = row ? b->column.ends[row - 1] : 0, end = b->column.ends[row];
    if (begin > end || end > b->column.bytes_size || end - begin > UINT32_MAX) return false;
    *size = (size_t)(end - begin);
    *bytes = *size ? b->column.bytes + begin : (const uint8_t *)"";
    return true;
}

static uint64_t first_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t key = 0;
    memcpy(&key, bytes, size < sizeof key ? size : sizeof key);
    return __builtin_bswap64(key);
}

static invert_build_value build_value_of(mv_type type, const uint8_t *bytes, size_t size)
{
    if (!type_is_text(type)) return (invert_build_value){.key = order_key_of(type, bytes)};
    return (invert_build_value){
        .key = first_bytes(bytes, size), .bytes = bytes, .size = (uint32_t)size};
}

static int compare_values(const invert_build_value *a, const invert_build_value *b)
{
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    if (!a->bytes) return 0;
    uint32_t both = a->size < b->size ? a->size : b->size;
    int order = both > 8 ? memcmp(a->bytes + 8, b->bytes + 8, both - 8) : 0;
    return order ? order : a->size < b->size ? -1 : a->size > b->size;
}

/* ---------------------------------------------------------------- COUNT, GATHER */

static mv_err count_elements(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    for (uint32_t row = (uint32_t)begin; row < end; row++) {
        const uint8_t *bytes;
        size_t size;
        if (is_null_row(b, row)) continue;
        if (!cell_of(b, row, &bytes, &size)) return damaged_cell(row, error);
        uint32_t count = b->column.array_count(b->column.type, bytes, size);
        if (count == UINT32_MAX) return damaged_cell(row, error);
        b->entries_max += count;
    }
    return MV_OK;
}

static mv_err begin_gathering(invert_builder *b, mv_error *error)
{
    if (!b->is_array) b->entries_max = b->column.rows;
    if (b->entries_max > VALUES_MAX)
        return error_set(error, MV_LIMIT,
                         "the arrays have %llu elements, an inverted index has at most %u",
                         (unsigned long long)b->entries_max, VALUES_MAX);
    b->slots_count = 64;
    while (b->slots_count / 4 * 3 < b->entries_max) b->slots_count *= 2;
    b->seed = (uint64_t)(uintptr_t)b * 0x9e3779b97f4a7c15u;
    b->values_capacity = b->entries_max;
    ALLOCATE(b, values, b->values_capacity);
    ALLOCATE(b, entries, b->entries_max);
    ALLOCATE(b, slots, b->slots_count);
    return MV_OK;
}

/* Note that the row has the value. Rows come in ascending order. */
static void note_value(invert_builder *b, const invert_build_value *value, uint32_t row)
{
    mv_assert(b->head.values < b->slots_count); /* so there is a free slot */
    mv_assert(b->head.values <= b->values_capacity);
    uint64_t h = value->key ^ b->seed, mask = b->slots_count - 1;
    if (value->bytes) {
        h = hash_bytes(value->bytes, value->size, b->seed);
    } else { /* the finalizer of MurmurHash3, as in filter_set.c */
        h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
        h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
        h ^= h >> 33;
    }
    uint64_t at = h & mask;
    while (b->slots[at] && compare_values(&b->values[b->slots[at] - 1], value) != 0)
        at = (at + 1) & mask;
    if (!b->slots[at]) {
        b->values[b->head.values] = *value;
        b->slots[at] = ++b->head.values;
    }
    uint32_t number = b->slots[at] - 1;
    if (b->values[number].id == row + 1) return; /* the array has the value twice */
    mv_assert(b->head.entries < b->entries_max);
    b->values[number].id = row + 1;
    b->entries[b->head.entries++] = (invert_build_entry){number, row};
}

static mv_err gather_array(invert_builder *b, uint32_t row, mv_error *error)
{
    const uint8_t *cell, *bytes;
    size_t size, width = type_of(b->type)->width;
    if (!cell_of(b, row, &cell, &size)) return damaged_cell(row, error);
    uint32_t count = b->column.array_count(b->column.type, cell, size);
    if (count == UINT32_MAX) return damaged_cell(row, error);
    for (uint32_t i = 0; i < count; i++) {
        const char *data = NULL;
        uint32_t data_size = 0;
        bytes = cell + i * width;
        if (type_is_text(b->type)) {
            if (!b->column.array_string(cell, size, i, &data, &data_size))
                return damaged_cell(row, error);
            bytes = (const uint8_t *)data;
        }
        invert_build_value value = build_value_of(b->type, bytes, data_size);
        note_value(b, &value, row);
    }
    return MV_OK;
}

static mv_err gather_range(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    size_t width = type_of(b->type)->width, size = 0;
    for (uint32_t row = (uint32_t)begin; row < end; row++) {
        const uint8_t *bytes;
        if (is_null_row(b, row)) continue;
        if (b->is_array) {
            MV_TRY(gather_array(b, row, error));
            continue;
        }
        if (!type_is_text(b->type))
            bytes = b->column.values + row * width;
        else if (!cell_of(b, row, &bytes, &size))
            return damaged_cell(row, error);
        invert_build_value value = build_value_of(b->type, bytes, size);
        note_value(b, &value, row);
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- SORT */

static mv_err begin_sorting(invert_builder *b, mv_error *error)
{
    RELEASE(b, slots, b->slots_count);
    b->spare_capacity = b->head.values;
    ALLOCATE(b, spare, b->spare_capacity);
    return MV_OK;
}

/* The first pass sorts runs. Each following pass merges pairs of sorted sequences. */
static uint32_t sort_passes(const invert_builder *b)
{
    uint32_t passes = 1;
    for (uint64_t sorted = SORT_RUN; sorted < b->head.values; sorted *= 2) passes++;
    return passes;
}

static void sort_runs(invert_builder *b, uint64_t begin, uint64_t end)
{
    for (uint64_t i = begin; i < end; i++) b->values[i].id = (uint32_t)i;
    for (uint64_t run = begin; run < end; run += SORT_RUN)
        for (uint64_t i = run + 1; i < end && i < run + SORT_RUN; i++) {
            invert_build_value value = b->values[i];
            uint64_t at = i;
            for (; at > run && compare_values(&b->values[at - 1], &value) > 0; at--)
                b->values[at] = b->values[at - 1];
            b->values[at] = value;
        }
}

/* Merge pairs of sequences of `width` values: positions [begin, end) of the result. The state of
 * the current pair is kept in the builder, for the next step. */
static void merge_runs(invert_builder *b, uint64_t width, uint64_t begin, uint64_t end)
{
    uint64_t count = b->head.values;
    for (uint64_t at = begin; at < end; at++) {
        if (at % (2 * width) == 0) {
            b->left = at;
            b->left_end = b->right = at + width < count ? at + width : count;
            b->right_end = at + 2 * width < count ? at + 2 * width : count;
        }
        bool takes_left = b->right == b->right_end ||
                          (b->left < b->left_end &&
                           compare_values(&b->values[b->left], &b->values[b->right]) < 0);
        mv_assert(takes_left ? b->left < b->left_end : b->right < b->right_end);
        b->spare[at] = b->values[takes_left ? b->left++ : b->right++];
    }
}

/* Items [begin, end) of all passes: pass p has the items from p * head.values. */
static mv_err sort_values(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    uint64_t count = b->head.values;
    (void)error;
    for (uint64_t stop; begin < end; begin = stop) {
        uint64_t pass = begin / count, first = pass * count;
        stop = end < first + count ? end : first + count;
        if (pass == 0) {
            sort_runs(b, begin, stop);
            continue;
        }
        merge_runs(b, (uint64_t)SORT_RUN << (pass - 1), begin - first, stop - first);
        if (stop != first + count) continue;
        invert_build_value *sorted = b->spare;
        uint64_t capacity = b->spare_capacity;
        b->spare = b->values, b->spare_capacity = b->values_capacity;
        b->values = sorted, b->values_capacity = capacity;
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- RANK, TALLY, SUM, SCATTER */

static mv_err begin_ranking(invert_builder *b, mv_error *error)
{
    RELEASE(b, spare, b->spare_capacity);
    ALLOCATE(b, ranks, b->head.values);
    ALLOCATE(b, starts, b->head.values + 2ull);
    return MV_OK;
}

static mv_err rank(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    (void)error;
    for (uint64_t i = begin; i < end; i++) b->ranks[b->values[i].id] = (uint32_t)i;
    return MV_OK;
}

/* The rows of value v are counted in starts[v + 2]. So SUM makes starts[v + 1] the begin of v,
 * which SCATTER advances to the end of v, the begin of v + 1. After it, starts[v] is the begin of
 * v. */
static mv_err tally(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    (void)error;
    for (uint64_t i = begin; i < end; i++) b->starts[b->ranks[b->entries[i].id] + 2]++;
    return MV_OK;
}

static mv_err sum(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    (void)error;
    for (uint64_t i = begin; i < end; i++) b->starts[i + 1] += b->starts[i];
    return MV_OK;
}

static mv_err begin_scattering(invert_builder *b, mv_error *error)
{
    ALLOCATE(b, rows, b->head.entries);
    return MV_OK;
}

static mv_err scatter(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    (void)error;
    for (uint64_t i = begin; i < end; i++)
        b->rows[b->starts[b->ranks[b->entries[i].id] + 1]++] = b->entries[i].row;
    return MV_OK;
}

/* ---------------------------------------------------------------- PACK_... */

static mv_err out_of_memory(mv_error *error)
{
    return error_memory(error, STEP_ITEMS, "inverted lists");
}

static mv_err pack_values(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    for (uint64_t first = begin; first < end; first += PACK_BLOCK) {
        uint64_t numbers[PACK_BLOCK];
        uint32_t count = end - first < PACK_BLOCK ? (uint32_t)(end - first) : PACK_BLOCK;
        for (uint32_t i = 0; i < count; i++) {
            const invert_build_value *value = &b->values[first + i];
            if (value->bytes && !mem_buffer_append(&b->text, value->bytes, value->size))
                return error_memory(error, b->text.size, "inverted lists");
            numbers[i] = value->bytes ? b->text.size : value->key;
        }
        if (!invert_pack_add(&b->packed_values, numbers, count)) return out_of_memory(error);
    }
    return MV_OK;
}

static mv_err pack_numbers(const uint32_t *from, invert_pack_buffer *to, uint64_t begin,
                           uint64_t end, mv_error *error)
{
    for (uint64_t first = begin; first < end; first += PACK_BLOCK) {
        uint64_t numbers[PACK_BLOCK];
        uint32_t count = end - first < PACK_BLOCK ? (uint32_t)(end - first) : PACK_BLOCK;
        for (uint32_t i = 0; i < count; i++) numbers[i] = from[first + i];
        if (!invert_pack_add(to, numbers, count)) return out_of_memory(error);
    }
    return MV_OK;
}

static mv_err begin_packing(invert_builder *b, mv_error *error)
{
    (void)error;
    RELEASE(b, entries, b->entries_max);
    RELEASE(b, ranks, b->head.values);
    return MV_OK;
}

static mv_err pack_starts(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    return pack_numbers(b->starts, &b->packed_starts, begin, end, error);
}

static mv_err begin_packing_rows(invert_builder *b, mv_error *error)
{
    (void)error;
    RELEASE(b, values, b->values_capacity);
    /* With few values, every list is the difference of two bitmaps. */
    b->head.has_rows = b->is_array || b->head.values > INVERT_MARKS_MAX + 1;
    return MV_OK;
}

static mv_err pack_rows(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    if (!b->head.has_rows) return MV_OK;
    return pack_numbers(b->rows, &b->packed_rows, begin, end, error);
}

/* ---------------------------------------------------------------- BITMAPS */

/* Arrays: is the list of the value long enough for a bitmap of its own? */
static bool wants_bitmap(const invert_builder *b, uint32_t value)
{
    uint64_t count = b->starts[value + 1] - b->starts[value];
    return count * INVERT_BITMAP_ONE_IN >= b->column.rows && count >= MARKS_ENTRIES_MIN;
}

static mv_err begin_bitmaps(invert_builder *b, mv_error *error)
{
    uint32_t values = b->head.values, entries = b->head.entries, count = 0;
    if (!invert_pack_finish(&b->packed_values) || !invert_pack_finish(&b->packed_starts) ||
        !invert_pack_finish(&b->packed_rows))
        return out_of_memory(error);
    if (b->is_array)
        for (uint32_t v = 0; v < values; v++) count += wants_bitmap(b, v);
    else if (!b->head.has_rows)
        count = values ? values - 1 : 0;
    else if (entries >= MARKS_ENTRIES_MIN)
        count = INVERT_MARKS_MAX;
    ALLOCATE(b, marks, count);
    b->head.marks = count;
    ALLOCATE(b, bitmaps, count * (uint64_t)bits_words(b->column.rows));
    count = 0;
    for (uint32_t v = 0; b->is_array && v < values; v++)
        if (wants_bitmap(b, v)) b->marks[count++] = v;
    for (; !b->is_array && count < b->head.marks; count++)
        b->marks[count] = b->head.has_rows
                              ? (uint32_t)((uint64_t)entries * (count + 1) / (INVERT_MARKS_MAX + 1))
                              : b->starts[count + 1];
    return MV_OK;
}

static mv_err fill_bitmaps(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    size_t words = bits_words(b->column.rows);
    (void)error;
    for (uint64_t mark = begin; mark < end; mark++) {
        uint64_t *bitmap = b->bitmaps + mark * words;
        uint64_t first = b->rows_done, stop = b->marks[mark];
        if (b->is_array) {
            first = b->starts[b->marks[mark]];
            stop = b->starts[b->marks[mark] + 1];
        } else if (mark) {
            memcpy(bitmap, bitmap - words, words * sizeof *bitmap);
        }
        mv_assert(first <= stop);
        mv_assert(stop <= b->head.entries);
        for (uint64_t i = first; i < stop; i++) bits_set(bitmap, b->rows[i]);
        b->rows_done = stop;
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- steps */

typedef mv_err begin_function(invert_builder *b, mv_error *error);
typedef mv_err work_function(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error);

enum {
    COUNT,
    GATHER,
    SORT,
    RANK,
    TALLY,
    SUM,
    SCATTER,
    PACK_VALUES,
    PACK_STARTS,
    PACK_ROWS,
    BITMAPS,
    STAGES
};

static const struct {
    begin_function *begin;
    work_function *work;
} stages[STAGES] = {
    [COUNT] = {NULL, count_elements},
    [GATHER] = {begin_gathering, gather_range},
    [SORT] = {begin_sorting, sort_values},
    [RANK] = {begin_ranking, rank},
    [TALLY] = {NULL, tally},
    [SUM] = {NULL, sum},
    [SCATTER] = {begin_scattering, scatter},
    [PACK_VALUES] = {begin_packing, pack_values},
    [PACK_STARTS] = {NULL, pack_starts},
    [PACK_ROWS] = {begin_packing_rows, pack_rows},
    [BITMAPS] = {begin_bitmaps, fill_bitmaps},
};

/* The number of items of the stage. For later stages than the current one it is not known yet. */
static uint64_t stage_items(const invert_builder *b, uint32_t stage)
{
    switch (stage) {
    case COUNT: return b->is_array ? b->column.rows : 0;
    case GATHER: return b->column.rows;
    case SORT: return (uint64_t)b->head.values * sort_passes(b);
    case TALLY:
    case SCATTER:
    case PACK_ROWS: return b->head.entries;
    case PACK_STARTS: return b->head.values + 1ull;
    case BITMAPS: return b->head.marks;
    default: return b->head.values; /* SUM: SCATTER makes the last start */
    }
}

mv_err invert_build_begin(const index_column *column, invert_builder **out, mv_error *error)
{
    invert_builder *b = mem_alloc_zero(sizeof *b);
    if (!b) return error_memory(error, sizeof *b, "inverted lists");
    b->column = *column;
    b->type = type_element(column->type);
    b->is_array = column->type & MV_ARRAY;
    b->bytes = sizeof *b;
    b->head = (invert_head){
        .format = INVERT_FORMAT, .type = (uint32_t)column->type, .rows = column->rows};
    *out = b;
    return MV_OK;
}

/* One step of the current stage. */
static mv_err do_some(invert_builder *b, mv_error *error)
{
    mv_assert(b->stage < STAGES);
    if (!b->at && stages[b->stage].begin) MV_TRY(stages[b->stage].begin(b, error));
    uint64_t items = stage_items(b, b->stage), step = STEP_ITEMS;
    if (b->stage == BITMAPS) step = 1;
    if (b->stage <= GATHER && b->is_array) step = STEP_ARRAYS;
    uint64_t end = items - b->at < step ? items : b->at + step;
    if (end > b->at) MV_TRY(stages[b->stage].work(b, b->at, end, error));
    b->at = end;
    if (end < items) return MV_OK;
    b->at = 0;
    b->stage++;
    return MV_OK;
}

mv_err invert_build_step(invert_builder *b, double until, bool *more, mv_error *error)
{
    do {
        *more = b->stage < STAGES;
        if (!*more) return MV_OK;
        MV_TRY(do_some(b, error));
    } while (os_seconds() < until);
    *more = b->stage < STAGES;
    return MV_OK;
}

void invert_build_progress(const invert_builder *b, uint64_t *done, uint64_t *total)
{
    enum { PARTS = 1000 };
    uint64_t items = b->stage < STAGES ? stage_items(b, b->stage) : 0;
    *total = STAGES * PARTS;
    *done = b->stage * PARTS + (items ? b->at * PARTS / items : 0);
    mv_assert(*done <= *total);
}

static void put_part(index_part *parts, uint32_t *count, invert_part_kind kind, const void *bytes,
                     uint64_t size)
{
    parts[(*count)++] = (index_part){kind, 0, bytes, size};
}

static void put_packed(index_part *parts, uint32_t *count, invert_part_kind kind,
                       const invert_pack_buffer *p)
{
    put_part(parts, count, kind, p->blocks.data, p->blocks.size);
    put_part(parts, count, (invert_part_kind)(kind + 1), p->bits.data, p->bits.size);
}

uint32_t invert_build_parts(const invert_builder *b, index_part parts[INVERT_PARTS_MAX])
{
    uint32_t count = 0;
    mv_assert(b->stage == STAGES);
    put_part(parts, &count, INVERT_PART_HEAD, &b->head, sizeof b->head);
    put_packed(parts, &count, INVERT_PART_VALUES, &b->packed_values);
    if (type_is_text(b->type))
        put_part(parts, &count, INVERT_PART_TEXT, b->text.data, b->text.size);
    put_packed(parts, &count, INVERT_PART_STARTS, &b->packed_starts);
    if (b->head.has_rows) put_packed(parts, &count, INVERT_PART_ROWS, &b->packed_rows);
    put_part(parts, &count, INVERT_PART_MARKS, b->marks, b->head.marks * sizeof *b->marks);
    put_part(parts, &count, INVERT_PART_BITMAPS, b->bitmaps,
             b->head.marks * bits_words(b->column.rows) * sizeof *b->bitmaps);
    return count;
}
