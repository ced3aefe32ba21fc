/* Building inverted lists, in stages that are cut into steps of some thousand items:
 *
 *   COUNT    elements of arrays
 *   GATHER   every value gets a number, by a hash table; which value stands in which row is noted
 *   SORT     the distinct values, by merging
 *   RANK     from a value's number to its place in the dictionary
 *   TALLY    rows of each value; then STARTS
 *   PLACE    rows, by value: they come in ascending order, so those of a value stay so
 *   PACK_VALUES, PACK_STARTS, PACK_ROWS
 *   BITMAPS
 *
 * So the cost of a column of few values is a look into the hash table for each row, and that of a
 * column of many values the sorting of them. Tables are as large as they may have to be from the
 * start: what is not used of them is never touched, and nothing has to be copied in a long step. */
#include "base/hash.h"
#include "base/order_key.h"
#include "base/os.h"
#include "index/invert_pack.h"

#define STEP_ITEMS        16384u /* a multiple of PACK_BLOCK and RUN */
#define STEP_ARRAYS       512u   /* rows of them */
#define RUN               16u    /* values sorted by insertion before merging begins */
#define VALUES_MAX        (UINT32_MAX - 1)
#define MARKS_ENTRIES_MIN 2048u /* fewer are set one by one */

typedef struct invert_build_value {
    uint64_t key; /* order key; of a string its first 8 bytes, highest first */
    const uint8_t *bytes;
    uint32_t size;
    uint32_t id; /* its number; while gathering, the last row that has it, + 1 */
} invert_build_value;

typedef struct hnsw_link_entry {
    uint32_t id;
    uint32_t row;
} hnsw_link_entry;

struct invert_builder {
    index_column column;
    mv_type type; /* of an element */
    bool is_array;
    uint32_t stage;
    uint64_t at;   /* items done of the stage */
    uint64_t room; /* values there may be, doubles counted */
    uint64_t bytes;
    invert_build_value *values; /* head.values used */
    invert_build_value *spare;  /* as many, while sorting */
    uint64_t values_room, spare_room;
    uint32_t *slots;      /* number + 1, or 0 */
    uint64_t slots_count; /* a power of two, at least 4/3 of room */
    uint64_t seed;
    hnsw_link_entry *entries;                  /* room; head.entries used */
    uint32_t *ranks;                           /* head.values */
    uint32_t *starts;                          /* head.values + 2: one more while rows are placed */
    uint32_t *rows;                            /* head.entries */
    uint64_t left, left_end, right, right_end; /* of the merge in hand */
    uint64_t rows_done;                        /* placed, while marks are made */
    uint32_t *marks;
    uint64_t *bitmaps;
    mem_buffer text;
    invert_pack_buffer packed_values, packed_starts, packed_rows;
    invert_head head;
};

/* ---------------------------------------------------------------- memory */

static mv_err alloc_array(invert_builder *b, void **out, uint64_t count, size_t size,
                          mv_error *error)
{
    size_t bytes = (size_t)(count ? count : 1) * size;
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
    RELEASE(b, values, b->values_room);
    RELEASE(b, spare, b->spare_room);
    RELEASE(b, slots, b->slots_count);
    RELEASE(b, entries, b->room);
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

/* The variable cell of a row; false: damaged. */
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

/* ---------------------------------------------------------------- counting, gathering */

static mv_err count_elements(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    for (uint32_t row = (uint32_t)begin; row < end; row++) {
        const uint8_t *bytes;
        size_t size;
        if (is_null_row(b, row)) continue;
        if (!cell_of(b, row, &bytes, &size)) return damaged_cell(row, error);
        uint32_t count = b->column.array_count(b->column.type, bytes, size);
        if (count == UINT32_MAX) return damaged_cell(row, error);
        b->room += count;
    }
    return MV_OK;
}

static mv_err begin_gathering(invert_builder *b, mv_error *error)
{
    if (!b->is_array) b->room = b->column.rows;
    if (b->room > VALUES_MAX)
        return error_set(error, MV_LIMIT, "%llu elements are more than inverted lists hold",
                         (unsigned long long)b->room);
    b->slots_count = 64;
    while (b->slots_count / 4 * 3 < b->room) b->slots_count *= 2;
    b->seed = (uint64_t)(uintptr_t)b * 0x9e3779b97f4a7c15u;
    b->values_room = b->room;
    ALLOCATE(b, values, b->values_room);
    ALLOCATE(b, entries, b->room);
    ALLOCATE(b, slots, b->slots_count);
    return MV_OK;
}

/* Note that the value stands in the row. */
static void note_value(invert_builder *b, const invert_build_value *value, uint32_t row)
{
    uint64_t h = value->key ^ b->seed, mask = b->slots_count - 1;
    if (value->bytes) {
        h = hash_bytes(value->bytes, value->size, b->seed);
    } else { /* the finalizer of MurmurHash3 */
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
    if (b->values[number].id == row + 1) return; /* twice in an array */
    b->values[number].id = row + 1;
    b->entries[b->head.entries++] = (hnsw_link_entry){number, row};
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

/* ---------------------------------------------------------------- sorting */

static mv_err begin_sorting(invert_builder *b, mv_error *error)
{
    RELEASE(b, slots, b->slots_count);
    b->spare_room = b->head.values;
    ALLOCATE(b, spare, b->spare_room);
    return MV_OK;
}

/* The first pass sorts runs, each that follows merges pairs of what is sorted. */
static uint32_t sort_passes(const invert_builder *b)
{
    uint32_t passes = 1;
    for (uint64_t sorted = RUN; sorted < b->head.values; sorted *= 2) passes++;
    return passes;
}

static void sort_runs(invert_builder *b, uint64_t begin, uint64_t end)
{
    for (uint64_t i = begin; i < end; i++) b->values[i].id = (uint32_t)i;
    for (uint64_t run = begin; run < end; run += RUN)
        for (uint64_t i = run + 1; i < end && i < run + RUN; i++) {
            invert_build_value value = b->values[i];
            uint64_t at = i;
            for (; at > run && compare_values(&b->values[at - 1], &value) > 0; at--)
                b->values[at] = b->values[at - 1];
            b->values[at] = value;
        }
}

/* Places [begin, end) of what the pass that merges runs of `width` makes. */
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
        b->spare[at] = b->values[takes_left ? b->left++ : b->right++];
    }
}

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
        merge_runs(b, (uint64_t)RUN << (pass - 1), begin - first, stop - first);
        if (stop != first + count) continue;
        invert_build_value *sorted = b->spare;
        uint64_t room = b->spare_room;
        b->spare = b->values, b->spare_room = b->values_room;
        b->values = sorted, b->values_room = room;
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- placing rows */

static mv_err begin_ranking(invert_builder *b, mv_error *error)
{
    RELEASE(b, spare, b->spare_room);
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

/* Shifted by two, so that after placing, starts[v] is where value v begins. */
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

static mv_err begin_placing(invert_builder *b, mv_error *error)
{
    ALLOCATE(b, rows, b->head.entries);
    return MV_OK;
}

static mv_err place_rows(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    (void)error;
    for (uint64_t i = begin; i < end; i++)
        b->rows[b->starts[b->ranks[b->entries[i].id] + 1]++] = b->entries[i].row;
    return MV_OK;
}

/* ---------------------------------------------------------------- packing */

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
    RELEASE(b, entries, b->room);
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
    RELEASE(b, values, b->values_room);
    /* Few values: the bitmaps say it all. */
    b->head.has_rows = b->is_array || b->head.values > INVERT_MARKS_MAX + 1;
    return MV_OK;
}

static mv_err pack_rows(invert_builder *b, uint64_t begin, uint64_t end, mv_error *error)
{
    if (!b->head.has_rows) return MV_OK;
    return pack_numbers(b->rows, &b->packed_rows, begin, end, error);
}

/* ---------------------------------------------------------------- bitmaps */

/* Is the list of an array's value long enough for a bitmap of its own? */
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
    PLACE,
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
    [PLACE] = {begin_placing, place_rows},
    [PACK_VALUES] = {begin_packing, pack_values},
    [PACK_STARTS] = {NULL, pack_starts},
    [PACK_ROWS] = {begin_packing_rows, pack_rows},
    [BITMAPS] = {begin_bitmaps, fill_bitmaps},
};

/* How many items the stage has, as far as is known when it begins. */
static uint64_t stage_items(const invert_builder *b, uint32_t stage)
{
    switch (stage) {
    case COUNT: return b->is_array ? b->column.rows : 0;
    case GATHER: return b->column.rows;
    case SORT: return (uint64_t)b->head.values * sort_passes(b);
    case TALLY:
    case PLACE:
    case PACK_ROWS: return b->head.entries;
    case PACK_STARTS: return b->head.values + 1ull;
    case BITMAPS: return b->head.marks;
    default: return b->head.values; /* SUM: the last start comes from placing */
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

static mv_err do_some(invert_builder *b, mv_error *error)
{
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
