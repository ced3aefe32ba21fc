/* Building lists of weights from a column: in slices, given up after each of them, without memory,
 * in several gatherings of entries, and from damaged columns. */
#include <math.h>

#include "base/os.h"
#include "test/sparse_column.h"

#define ROWS 3000u

/* ---------------------------------------------------------------- columns */

/* Indexes of all sizes, numbers of both signs, rows without a vector and without entries. */
static void add_some_row(sparse_column *column, uint32_t row)
{
    uint32_t indices[20];
    float numbers[20];
    uint32_t count = (uint32_t)(mix(row) % 20), start = (uint32_t)(mix(row + 1) % 40);
    for (uint32_t i = 0; i < count; i++) {
        indices[i] = (start + i * i) * UINT32_C(123456789);
        numbers[i] = ldexpf(1, (int)(mix(row * 20 + i) % 60) - 30) * (mix(row + i) % 2 ? 1 : -1);
    }
    sparse_column_add(column, row % 13 ? &(mv_sparse){indices, numbers, count} : NULL);
}

static sparse_column some_column(void)
{
    sparse_column column = {0};
    for (uint32_t row = 0; row < ROWS; row++) add_some_row(&column, row);
    return column;
}

/* ---------------------------------------------------------------- what lists must be */

typedef struct reader {
    sparse_builder *b;
    ranked_lists lists;
    ranked_cursor *cursor;
} reader;

static reader read_lists(sparse_builder *b, uint32_t rows)
{
    reader r = {.b = b, .cursor = mem_alloc(sizeof *r.cursor)};
    index_part parts[INDEX_PARTS_MAX];
    uint32_t count = sparse_build_parts(b, parts);
    WORKS(ranked_open_weights(parts, count, rows, &r.lists, &error));
    WORKS(ranked_check(&r.lists, &error));
    return r;
}

static void end_reading(reader *r)
{
    mem_free(r->cursor, sizeof *r->cursor);
    sparse_build_free(r->b);
}

/* Begin to read the list of a number's index and sign. False: there is none. */
static bool begin_list(reader *r, uint32_t index, bool is_negative, float *most)
{
    char name[RANKED_INDEX_SIZE];
    uint32_t first, end, size = ranked_index_term(index, is_negative, name);
    WORKS(ranked_find(&r->lists, name, size, false, &first, &end, &error));
    if (first == end) return false;
    WORKS(ranked_most(&r->lists, first, most, &error));
    WORKS(ranked_cursor_begin(r->cursor, &r->lists, first, &error));
    return true;
}

/* What is stored of a number is no less, and by less than a 255th of the largest one more. */
static bool is_stored(float magnitude, float most, uint32_t freq)
{
    double stored = (double)most * freq / 255;
    return magnitude <= most && freq >= 1 && freq <= 255 &&
           stored >= (double)magnitude * (1 - 1e-12) &&
           (freq == 1 || stored - (double)most / 255 < (double)magnitude);
}

/* Every entry of the column is in the lists, and nothing else. */
static void has_all_entries(reader *r, const sparse_column *column)
{
    const uint64_t *ends = (const uint64_t *)(const void *)column->ends.data;
    uint64_t entries = 0, listed = 0;
    for (uint32_t row = 0; row < column->rows; row++) {
        uint64_t begin = row ? ends[row - 1] : 0;
        const uint8_t *bytes = column->bytes.data + begin;
        uint32_t count = sparse_count((size_t)(ends[row] - begin)), freq;
        entries += count;
        for (uint32_t i = 0; i < count; i++) {
            float number = sparse_number_at(bytes, count, i), most;
            bool found = begin_list(r, sparse_index_at(bytes, i), number < 0, &most);
            EXPECT(found && ranked_cursor_freq(r->cursor, row, &freq));
            EXPECT(found && is_stored(fabsf(number), most, freq));
        }
    }
    for (uint32_t term = 0; term < r->lists.head.terms; term++) {
        WORKS(ranked_cursor_begin(r->cursor, &r->lists, term, &error));
        listed += r->cursor->count;
    }
    EXPECT(listed == entries && r->lists.head.tokens == entries);
}

/* ---------------------------------------------------------------- slices */

static void test_lists(void)
{
    sparse_column column = some_column();
    index_column lent = sparse_column_lend(&column);
    reader r = read_lists(sparse_column_build(&lent), ROWS);
    has_all_entries(&r, &column);
    end_reading(&r);
    sparse_column_free(&column);
}

/* Progress goes up to the end, however small the slices are, and each slice may be the last. */
static void test_slices(void)
{
    sparse_column column = some_column();
    index_column lent = sparse_column_lend(&column);
    bool more = true;
    uint32_t steps = 0;
    for (uint32_t limit = 0; more; limit++) {
        sparse_builder *b = NULL;
        uint64_t before = 0, done, total = 0;
        size_t bytes = mem_bytes();
        doing_now("%u slices", limit);
        WORKS(sparse_build_begin(&lent, &b, &error));
        for (steps = 0; steps < limit && more; steps++, before = done) {
            WORKS(sparse_build_step(b, 0, &more, &error));
            sparse_build_progress(b, &done, &total);
            EXPECT(done >= before && done <= total);
        }
        EXPECT(more || before == total);
        sparse_build_free(b);
        EXPECT(mem_bytes() == bytes);
    }
    EXPECT(steps > 4);
    sparse_column_free(&column);
}

static mv_err build_all(const index_column *column)
{
    sparse_builder *b = NULL;
    bool more = true;
    mv_err err = sparse_build_begin(column, &b, &error);
    while (!err && more) err = sparse_build_step(b, os_seconds() + 1000, &more, &error);
    sparse_build_free(b);
    return err;
}

static void test_without_memory(bool persist)
{
    sparse_column column = some_column();
    index_column lent = sparse_column_lend(&column);
    mv_err err = MV_NO_MEMORY;
    uint64_t n = 1;
    for (; err && unmet < 20; n++) {
        size_t bytes = mem_bytes();
        doing_now("allocation %" PRIu64, n);
        mem_fail_at(n, persist);
        err = build_all(&lent);
        mem_fail_at(0, false);
        EXPECT(!err || (err == MV_NO_MEMORY && error.code == err && error.text[0]));
        EXPECT(mem_bytes() == bytes);
    }
    EXPECT(n > 20);
    sparse_column_free(&column);
}

/* ---------------------------------------------------------------- many entries */

#define LONG_ROWS 260u /* of MV_SPARSE_MAX entries: more entries than are gathered at a time */

/* Row n has the numbers n + 1, n + 2, ... */
static void add_long_row(sparse_column *column, uint32_t row, uint32_t *indices, float *numbers)
{
    for (uint32_t i = 0; i < MV_SPARSE_MAX; i++) {
        indices[i] = 3 * i;
        numbers[i] = (float)(row + i + 1);
    }
    sparse_column_add(column, &(mv_sparse){indices, numbers, MV_SPARSE_MAX});
}

/* Rows are walked over again for terms that did not fit the first time. */
static void test_several_gatherings(void)
{
    sparse_column column = {0};
    size_t size = MV_SPARSE_MAX * sizeof(uint32_t);
    uint32_t *indices = mem_alloc(size), walks = 0, freq;
    float *numbers = mem_alloc(size);
    sparse_builder *b = NULL;
    for (uint32_t row = 0; row < LONG_ROWS; row++) add_long_row(&column, row, indices, numbers);
    mem_free(indices, size);
    mem_free(numbers, size);
    index_column lent = sparse_column_lend(&column);
    WORKS(sparse_build_begin(&lent, &b, &error));
    uint64_t before = 0, done, total;
    bool more = true;
    for (uint32_t stood = 0; more; before = done) { /* it stands while entries are gathered */
        WORKS(sparse_build_step(b, 0, &more, &error));
        sparse_build_progress(b, &done, &total);
        stood = done == before ? stood + 1 : 0;
        walks += stood == LONG_ROWS / 2;
    }
    EXPECT(walks == 2);
    reader r = read_lists(b, LONG_ROWS);
    EXPECT(r.lists.head.terms == MV_SPARSE_MAX);
    EXPECT(r.lists.head.tokens == (uint64_t)LONG_ROWS * MV_SPARSE_MAX);
    for (uint32_t i = 0; i < MV_SPARSE_MAX; i += i % 4096 ? 4095 : 1) {
        float most = 0;
        EXPECT(begin_list(&r, 3 * i, false, &most) && r.cursor->count == LONG_ROWS);
        EXPECT(most == (float)(LONG_ROWS + i));
        for (uint32_t row = 0; row < LONG_ROWS; row++) {
            EXPECT(ranked_cursor_freq(r.cursor, row, &freq));
            EXPECT(is_stored((float)(row + i + 1), most, freq));
        }
    }
    end_reading(&r);
    sparse_column_free(&column);
}

/* ---------------------------------------------------------------- columns at the edges */

/* A list of as many rows as a block has, and of one more and one less. */
static void test_whole_blocks(void)
{
    sparse_column column = {0};
    for (uint32_t row = 0; row < 300; row++) {
        const uint32_t indices[] = {0, 7, UINT32_MAX};
        const float numbers[] = {-1, 1 + (float)row, 1e-45f};
        uint32_t first = row < 127 ? 0 : row < 128 ? 1 : row < 129 ? 2 : 3;
        sparse_column_add(&column, &(mv_sparse){indices + first, numbers + first, 3 - first});
    }
    index_column lent = sparse_column_lend(&column);
    reader r = read_lists(sparse_column_build(&lent), 300);
    EXPECT(r.lists.head.terms == 3);
    has_all_entries(&r, &column);
    end_reading(&r);
    sparse_column_free(&column);
}

/* No row, or none that has an entry. */
static void test_empty(void)
{
    static const mv_sparse nothing = {0};
    const mv_sparse *const vectors[] = {NULL, &nothing};
    for (uint32_t i = 0; i < 4; i++) {
        sparse_column column = {0};
        for (uint32_t row = 0; row < i * 100; row++) sparse_column_add(&column, vectors[i % 2]);
        index_column lent = sparse_column_lend(&column);
        reader r = read_lists(sparse_column_build(&lent), column.rows);
        float most;
        EXPECT(r.lists.head.terms == 0 && !begin_list(&r, 0, false, &most));
        end_reading(&r);
        sparse_column_free(&column);
    }
}

/* A damaged cell, or one that lies outside of the column. */
/* A number, an index or a row more makes other lists. */
static void test_comparing(void)
{
    static const uint32_t indices[] = {3, 70, 900}, others[] = {3, 70, 901};
    static const float numbers[] = {1, -2, 3}, less[] = {1, -2, 2.9f};
    const mv_sparse versions[] = {
        {indices, numbers, 3}, {indices, less, 3}, {others, numbers, 3}, {indices, numbers, 2}};
    sparse_column columns[4] = {{{0}, {0}, {0}, 0}};
    index_column lent[4];
    sparse_builder *built[4];
    ranked_lists lists[4];
    for (int i = 0; i < 4; i++) {
        index_part parts[INDEX_PARTS_MAX];
        for (uint32_t row = 0; row < 300; row++)
            sparse_column_add(&columns[i], &versions[row == 150 ? i : 0]);
        lent[i] = sparse_column_lend(&columns[i]);
        built[i] = sparse_column_build(&lent[i]);
        WORKS(ranked_open_weights(parts, sparse_build_parts(built[i], parts), 300, &lists[i],
                                  &error));
        EXPECT(ranked_compare(&lists[0], &lists[i], &error) == (i ? MV_CORRUPT : MV_OK));
    }
    for (int i = 0; i < 4; i++) {
        sparse_build_free(built[i]);
        sparse_column_free(&columns[i]);
    }
}

static void test_damaged_columns(void)
{
    for (uint32_t kind = 0; kind < 6; kind++) {
        sparse_column column = some_column();
        index_column lent = sparse_column_lend(&column);
        uint64_t *ends = (uint64_t *)(void *)column.ends.data;
        uint32_t row = 100, nan = 0x7fc00000;
        while (ends[row] - ends[row - 1] < 24) row++;
        uint8_t *cell = column.bytes.data + ends[row - 1];
        uint32_t count = sparse_count((size_t)(ends[row] - ends[row - 1]));
        doing_now("kind %u", kind);
        switch (kind) {
        case 0: memcpy(cell + 4, cell, 4); break; /* an index twice */
        case 1: memcpy(cell + (size_t)4 * count, &nan, 4); break;
        case 2: memset(cell + (size_t)4 * count, 0, 4); break; /* a number that is 0 */
        case 3: ends[row] -= 4; break;                         /* half an entry */
        case 4: ends[row] = lent.bytes_size + 8; break;
        default: ends[row] = ends[row - 1] - 8;
        }
        size_t bytes = mem_bytes();
        EXPECT(build_all(&lent) == MV_CORRUPT && strstr(error.text, "the sparse vector of row "));
        EXPECT(mem_bytes() == bytes);
        sparse_column_free(&column);
    }
}

int main(void)
{
    RUN(test_lists());
    RUN(test_slices());
    RUN(test_without_memory(false));
    RUN(test_without_memory(true));
    RUN(test_several_gatherings());
    RUN(test_whole_blocks());
    RUN(test_empty());
    RUN(test_comparing());
    RUN(test_damaged_columns());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
