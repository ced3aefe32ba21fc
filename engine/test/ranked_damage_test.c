/* Damaged ranked lists: each is refused, or answers something. Nothing may be read out of bounds,
 * no assertion may fire, and nothing may hang: run it under the address sanitizer, too. Every part
 * is allocated to the byte, so that a sanitizer sees the ends. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "index/ranked.h"
#include "test/ranked_damage.h"
#include "test/ranked_old.h"

#define ROWS       5000u /* two windows of a search; many blocks of the most frequent term */
#define TERMS      60u
#define LEAVES     4u
#define HITS       10u
#define WHOLE_LIST "word0" /* of exactly 256 rows: it has no tail */
#define FREQ_MAX   200000u /* positions that are read */

static uint64_t docids[ROWS];

/* ---------------------------------------------------------------- sound lists */

static uint32_t add_words(ranked_builder *b, uint32_t row, uint32_t count)
{
    for (uint32_t position = 0; position < count; position++) {
        char name[16];
        uint32_t limit = 1 + below(TERMS),
                 size = (uint32_t)snprintf(name, sizeof name, "word%u", 1 + below(limit));
        WORKS(ranked_build_add(b, row, name, size, position, &error));
    }
    return count;
}

static ranked_builder *build(uint32_t rows, bool has_positions)
{
    ranked_builder *b = NULL;
    bool more = true;
    WORKS(ranked_build_begin(rows, 1.2f, 0.75f, has_positions, &b, &error));
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t size = row == 77 || row == rows - 2 ? 70000 : row % 9 ? below(25) : 0;
        uint32_t end = add_words(b, row, size);
        if (row % 5 == 0 && row < 5 * 256)
            WORKS(ranked_build_add(b, row, WHOLE_LIST, strlen(WHOLE_LIST), end, &error));
    }
    while (more) WORKS(ranked_build_step(b, 0, &more, &error));
    return b;
}

/* ---------------------------------------------------------------- copies to damage */

static bool in_old_format; /* copies are */

static copy copy_of(const ranked_builder *b, uint32_t rows)
{
    index_part parts[RANKED_PARTS_MAX];
    uint32_t count = ranked_build_parts(b, parts);
    if (!in_old_format) return copy_of_parts(parts, count, rows);
    ranked_lists lists;
    WORKS(ranked_open(parts, count, rows, &lists, &error));
    old_lists old = old_lists_of(&lists);
    copy c = copy_of_parts(parts, old_lists_parts(&old, parts), rows);
    old_lists_free(&old);
    return c;
}

/* ---------------------------------------------------------------- reading */

/* Positions are read into a block that holds just these. */
static void read_row_positions(const ranked_cursor *cursor, uint32_t freq)
{
    if (!cursor->lists->positions || !freq || freq > FREQ_MAX ||
        !ranked_cursor_has_positions(cursor))
        return;
    uint32_t *positions = mem_alloc(freq * sizeof *positions);
    (void)ranked_cursor_positions(cursor, positions);
    mem_free(positions, freq * sizeof *positions);
}

/* All blocks: the rows are used as indexes, as those who search do. */
static void read_blocks(ranked_cursor *cursor, const ranked_lists *lists, uint32_t term)
{
    uint32_t rows = lists->head.rows, *sums, freq;
    mv_err err = ranked_cursor_begin(cursor, lists, term, &error);
    is_right_error(err);
    if (err) return;
    sums = mem_alloc_zero(rows * sizeof *sums);
    EXPECT(cursor->count > 0 && cursor->count <= rows);
    for (; ranked_cursor_last(cursor) != UINT32_MAX; cursor->block++) {
        if (!ranked_cursor_read(cursor)) break;
        for (uint32_t i = 0; i < cursor->read_count; i++) {
            sums[cursor->rows[i]] += cursor->freqs[i];
            EXPECT(cursor->freqs[i] > 0);
        }
    }
    mem_free(sums, rows * sizeof *sums);
    is_right_error(ranked_cursor_begin(cursor, lists, term, &error));
    for (uint32_t row = 0; row < rows; row += 1 + below(rows / 20 + 1)) {
        if (!ranked_cursor_freq(cursor, row, &freq)) continue;
        read_row_positions(cursor, freq);
    }
}

static void read_dictionary(ranked_cursor *cursor, const ranked_lists *lists)
{
    uint32_t first, end, size, terms = lists->head.terms;
    ranked_term term;
    for (uint32_t i = 0; i < 6; i++) {
        char name[16];
        size = (uint32_t)snprintf(name, sizeof name, "word%u", below(TERMS + 1));
        if (i == 5) size = 5;
        mv_err err = ranked_find(lists, name, size, i == 5, &first, &end, &error);
        is_right_error(err);
        if (err) continue;
        EXPECT(first <= end && end <= terms && (i == 5 || end - first <= 1));
        if (first < end) read_blocks(cursor, lists, first);
    }
    for (uint32_t i = 0; i < 5 && terms; i++) {
        mv_err err = ranked_term_at(&term, lists, below(terms), &error);
        is_right_error(err);
        while (!err && below(20)) {
            EXPECT(term.at < terms && term.size > 0 && term.size <= RANKED_TERM_MAX);
            is_right_error(err = ranked_term_next(&term, &error));
            if (term.at == terms) break;
        }
    }
}

/* A list of several terms, as a prefix makes it. */
static bool begin_of_rows(ranked_cursor *cursor, const ranked_lists *lists)
{
    static uint32_t rows[300], freqs[300];
    static ranked_block blocks[300 / RANKED_BLOCK];
    uint32_t count = lists->head.rows / 3 < 300 ? lists->head.rows / 3 : 300;
    if (!count) return false;
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = i ? rows[i - 1] + 1 + below(3) : below(3);
        freqs[i] = 1 + below(5);
    }
    ranked_cursor_of_rows(cursor, lists, rows, freqs, count, blocks);
    return true;
}

static void search_damaged(ranked_cursor *cursors, const ranked_lists *lists, uint32_t share)
{
    uint32_t rows = lists->head.rows, matching = 0, count = 0;
    size_t words_size = bits_words(rows) * sizeof(uint64_t), size = ranked_search_size(LEAVES);
    uint64_t *matches = mem_alloc_zero(words_size ? words_size : 1);
    ranked_cursor *readers[LEAVES] = {0};
    float weights[LEAVES];
    topk_entry heap[HITS];
    topk hits;
    ranked_counts counts = {0};
    for (uint32_t row = 0; row < rows; row++)
        if (!below(share)) bits_set(matches, row), matching++;
    for (uint32_t i = 0; i < LEAVES; i++, count++) {
        weights[i] = 0.1f + (float)below(100);
        uint32_t term = lists->head.terms ? below(lists->head.terms) : 0;
        bool ok = i == LEAVES - 1
                      ? begin_of_rows(&cursors[i], lists)
                      : lists->head.terms && !ranked_cursor_begin(&cursors[i], lists, term, &error);
        readers[i] = ok ? &cursors[i] : NULL;
    }
    ranked_query query = {lists, weights, readers,  count, 0.3f,
                          0.05f, matches, matching, 3,     docids};
    if (below(2)) query.c = lists->head.c > 0 ? lists->head.c : 1, query.d = lists->head.d;
    void *memory = mem_alloc_aligned(size);
    topk_start(&hits, heap, HITS, INFINITY);
    is_right_error(ranked_search(&query, &hits, memory, &counts, &error));
    for (uint32_t i = 0; i < hits.count; i++)
        EXPECT(heap[i].row < rows && bits_get(matches, (uint32_t)heap[i].row));
    mem_free(memory, size);
    mem_free(matches, words_size ? words_size : 1);
}

/* Damaged lists are merged, or refused. */
static void merge_damaged(const ranked_lists *lists)
{
    ranked_builder *b = NULL;
    ranked_merge m = {0};
    bool more = true;
    uint32_t rows = lists->head.rows, *now = mem_alloc((rows + 1) * sizeof *now);
    for (uint32_t row = 0; row < rows; row++) now[row] = row;
    WORKS(ranked_build_begin(rows, 1.2f, 0.75f, lists->positions, &b, &error));
    mv_err err = ranked_merge_begin(&m, b, lists, now, &error);
    while (!err && more) err = ranked_merge_step(&m, b, &more, &error);
    is_right_error(err);
    for (more = !err; more;) WORKS(ranked_build_step(b, 0, &more, &error));
    ranked_merge_end(&m);
    ranked_build_free(b);
    mem_free(now, (rows + 1) * sizeof *now);
}

/* Read everything in every way. Returns what opening and checking say. */
static mv_err read_copy(const copy *c)
{
    ranked_lists lists;
    mv_err err = ranked_open(c->parts, c->count, c->rows, &lists, &error);
    EXPECT(!err || err == MV_CORRUPT || err == MV_WRONG_VERSION);
    EXPECT(!err || (error.code == err && error.text[0]));
    refused += err != MV_OK;
    if (err) return err;
    ranked_cursor *cursors = mem_alloc(LEAVES * sizeof *cursors);
    read_dictionary(cursors, &lists);
    search_damaged(cursors, &lists, 1);
    search_damaged(cursors, &lists, 400);
    for (uint32_t i = 0; i < 10; i++) (void)ranked_length(&lists, below(c->rows));
    mem_free(cursors, LEAVES * sizeof *cursors);
    merge_damaged(&lists);
    err = ranked_check(&lists, &error);
    EXPECT(!err || (err == MV_CORRUPT && error.code == err && error.text[0]));
    return err;
}

/* ---------------------------------------------------------------- the parts as they are */

static ranked_builder *built;
static bool has_positions; /* `built` has them */

static copy sound_copy(void)
{
    return copy_of(built, ROWS);
}

static mv_err open_copy(const copy *c, ranked_lists *lists)
{
    return ranked_open(c->parts, c->count, c->rows, lists, &error);
}

static void test_sound(void)
{
    copy c = copy_of(built, ROWS);
    ranked_lists lists;
    uint32_t before = refused + damaged;
    WORKS(read_copy(&c));
    WORKS(ranked_open(c.parts, c.count, ROWS, &lists, &error));
    EXPECT(lists.head.longs == 2 && lists.head.terms == TERMS + 1);
    EXPECT(refused + damaged == before);
    EXPECT(!lists.positions == !has_positions);
    copy_free(&c);
}

/* Positions are there if the head says so, and only then. */
static void test_flags(void)
{
    for (uint32_t format = 0; format < 5; format++) {
        for (uint32_t flags = 0; flags < 16; flags++) {
            copy c = copy_of(built, ROWS);
            ranked_head *head = part_of(&c, RANKED_PART_HEAD);
            mv_err wanted = format > RANKED_FORMAT ? MV_WRONG_VERSION : MV_CORRUPT;
            if (format == head->format && flags == head->flags) wanted = MV_OK;
            doing_now("format %u, flags %u", format, flags);
            head->format = format;
            head->flags = flags;
            EXPECT(read_copy(&c) == wanted);
            copy_free(&c);
        }
    }
}

/* ---------------------------------------------------------------- the head and sizes */

static void test_head_values(void)
{
    static const float floats[] = {0, -1, NAN, INFINITY, 1e38f, 1e-45f};
    static const uint32_t counts[] = {0, 1, TERMS, 127, 128, 1u << 20, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < 2 * sizeof floats / sizeof *floats; i++) {
        copy c = copy_of(built, ROWS);
        ranked_head *head = part_of(&c, RANKED_PART_HEAD);
        *(i % 2 ? &head->c : &head->d) = floats[i / 2];
        (void)read_copy(&c);
        copy_free(&c);
    }
    for (size_t i = 0; i < 3 * sizeof counts / sizeof *counts; i++) {
        copy c = copy_of(built, ROWS);
        ranked_head *head = part_of(&c, RANKED_PART_HEAD);
        *(i % 3 == 0 ? &head->terms : i % 3 == 1 ? &head->longs : &head->rows) = counts[i / 3];
        (void)read_copy(&c);
        copy_free(&c);
    }
}

/* ---------------------------------------------------------------- hostile lists */

/* Read one list in every way; is it found to be damaged when all of it is read, or without
 * positions when it is checked? */
static bool is_list_found_damaged(const copy *c, const char *name)
{
    ranked_lists lists;
    uint32_t first = 0, end = 0, freq;
    bool ok = true;
    ranked_cursor *cursor = mem_alloc(sizeof *cursor);
    WORKS(ranked_open(c->parts, c->count, c->rows, &lists, &error));
    WORKS(ranked_find(&lists, name, (uint32_t)strlen(name), false, &first, &end, &error));
    read_blocks(cursor, &lists, first);
    if (ranked_cursor_begin(cursor, &lists, first, &error)) ok = false;
    for (uint32_t row = 0; ok && row < c->rows; row++) {
        if (!ranked_cursor_freq(cursor, row, &freq)) ok = false;
        if (!ok || !freq) continue;
        ok = !lists.positions || ranked_cursor_has_positions(cursor);
        if (ok) read_row_positions(cursor, freq);
    }
    mem_free(cursor, sizeof *cursor);
    (void)read_copy(c);
    bool is_sound = ranked_check(&lists, &error) != MV_CORRUPT;
    EXPECT(!is_sound || ok);
    return !ok || (!lists.positions && !is_sound);
}

/* Each member of a block of a list, with every value that is at an end of something. */
static void test_blocks(const char *name, uint32_t number)
{
    static const uint32_t words[] = {
        0,        1,        127,        ROWS - 1,   ROWS,           1u << 20,
        1u << 30, 1u << 31, 0x3fffffff, 0x40000000, UINT32_MAX - 1, UINT32_MAX};
    static const uint8_t bytes[] = {0, 1, 7, 30, 31, 32, 33, 64, 127, 128, 255};
    for (size_t i = 0; i < 3 * sizeof words / sizeof *words; i++) {
        copy c = copy_of(built, ROWS);
        ranked_block *b = &list_of(&c, name).blocks[number];
        *(i % 3 == 0 ? &b->last : i % 3 == 1 ? &b->bits : &b->positions) = words[i / 3];
        doing_now("%s, block %u, word %zu is %u", name, number, i % 3, words[i / 3]);
        (void)is_list_found_damaged(&c, name);
        copy_free(&c);
    }
    for (size_t i = 0; i < 4 * sizeof bytes / sizeof *bytes; i++) {
        copy c = copy_of(built, ROWS);
        ranked_block *b = &list_of(&c, name).blocks[number];
        uint8_t *byte[] = {&b->row_bits, &b->freq_bits, &b->position_bits, &b->bound};
        *byte[i % 4] = bytes[i / 4];
        doing_now("%s, block %u, byte %zu is %u", name, number, i % 4, bytes[i / 4]);
        bool found = is_list_found_damaged(&c, name);
        EXPECT(found || i % 4 == 3 || bytes[i / 4] <= 32);
        copy_free(&c);
    }
}

/* A last row beyond all rows does not make the list look as if it had ended. */
static void test_last_row_beyond_rows(void)
{
    copy c = copy_of(built, ROWS);
    ranked_block *blocks = list_of(&c, "word1").blocks;
    blocks[3].last = ROWS;
    EXPECT(is_list_found_damaged(&c, "word1"));
    copy_free(&c);
}

/* Frequencies of 32 bits: 2^32 wraps to 0, and what is less is no size to allocate. */
static void test_frequencies(void)
{
    static const uint32_t values[] = {UINT32_MAX, UINT32_MAX - 1, 1u << 31, 1u << 20};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        copy c = copy_of(built, ROWS);
        found_list list = list_of(&c, "word1");
        ranked_block *blocks = list.blocks;
        /* 128 numbers of 32 bits are read from what is behind, too. */
        uint32_t *bits = (uint32_t *)(void *)(blocks + list.count / 128);
        blocks[0].freq_bits = 32;
        for (uint32_t j = 0; j < 128; j++) bits[blocks[0].row_bits * 4u + j] = values[i];
        doing_now("frequencies of %u", values[i]);
        EXPECT(is_list_found_damaged(&c, "word1"));
        blocks[0].position_bits = 0; /* as many positions as one likes, of no bits */
        EXPECT(is_list_found_damaged(&c, "word1"));
        copy_free(&c);
    }
}

/* The last list ends where LISTS ends but for its padding, with varints that go on. */
static void test_tail_at_the_end(void)
{
    for (uint32_t cut = 0; cut < 24; cut++) {
        copy c = copy_of(built, ROWS);
        uint32_t at = find_part(&c, RANKED_PART_LISTS);
        memset(c.bytes[at] + c.sizes[at] - RANKED_PADDING - cut, 0xff, RANKED_PADDING + cut);
        (void)read_copy(&c);
        resize_part(&c, at, c.sizes[at] - cut);
        memset(c.bytes[at] + c.sizes[at] - RANKED_PADDING, 0x80, RANKED_PADDING);
        (void)read_copy(&c);
        copy_free(&c);
    }
}

static void test_longs(void)
{
    static const uint32_t values[] = {0, 1, 76, 77, 78, ROWS, UINT32_MAX};
    for (uint32_t i = 0; i < 4 * 7; i++) {
        copy c = copy_of(built, ROWS);
        uint32_t *longs = part_of(&c, RANKED_PART_LONGS);
        uint8_t *lengths = part_of(&c, RANKED_PART_LENGTHS);
        size_t width = c.sizes[find_part(&c, RANKED_PART_LENGTHS)] / ROWS;
        longs[i % 4] = values[i / 4];
        for (uint32_t row = i; row < ROWS; row += 7)
            memset(lengths + row * width, i % 2 ? 0 : 0xff, width);
        EXPECT(read_copy(&c) == MV_CORRUPT);
        copy_free(&c);
    }
}

/* Where lists without positions would have them, there is nothing. */
static void test_stray_positions(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        copy c = copy_of(built, ROWS);
        uint32_t at = find_part(&c, RANKED_PART_LISTS);
        ranked_block *blocks = list_of(&c, "word1").blocks;
        if (i == 0) blocks[2].positions = 1;
        if (i == 1) blocks[2].position_bits = 1;
        if (i == 2) resize_part(&c, at, c.sizes[at] + 4); /* behind the tail of the last list */
        EXPECT(read_copy(&c) == MV_CORRUPT);
        copy_free(&c);
    }
}

/* Few rows: each byte of each part, several values. */
static void test_small(uint32_t rows)
{
    ranked_builder *b = NULL;
    bool more = true;
    WORKS(ranked_build_begin(rows, 1.2f, 0.75f, has_positions, &b, &error));
    for (uint32_t row = 0; row < rows; row++) (void)add_words(b, row, 1 + below(3));
    while (more) WORKS(ranked_build_step(b, 0, &more, &error));
    copy sound = copy_of(b, rows);
    for (uint32_t part = 0; part < sound.count; part++) {
        size_t size = sound.sizes[part], step = 1 + size / 300;
        for (size_t at = 0; at < size; at += step) {
            copy c = copy_of(b, rows);
            c.bytes[part][at] ^= (uint8_t)(at % 3 == 0 ? 0xff : 1u << below(8));
            doing_now("%u rows, byte %zu of part %u", rows, at, c.parts[part].kind);
            (void)read_copy(&c);
            copy_free(&c);
        }
    }
    WORKS(read_copy(&sound));
    copy_free(&sound);
    ranked_build_free(b);
}

/* ---------------------------------------------------------------- */

static void test_all(void)
{
    built = build(ROWS, has_positions);
    RUN(test_sound());
    RUN(test_flags());
    RUN(test_head());
    RUN(test_head_values());
    RUN(test_sizes());
    for (int kind = RANKED_PART_ENDS; kind <= RANKED_PART_LONGS; kind++)
        if (kind != RANKED_PART_POSITIONS || has_positions)
            RUN(test_bytes((ranked_part_kind)kind, in_old_format ? 50 : 100));
    RUN(test_packed_blocks(RANKED_PART_ENDS));
    RUN(test_packed_blocks(RANKED_PART_STARTS));
    RUN(test_counts("word1"));
    RUN(test_counts(WHOLE_LIST));
    RUN(test_tail("word1"));
    RUN(test_tail("word60"));
    RUN(test_blocks("word1", 0));
    RUN(test_blocks("word1", 5));
    RUN(test_blocks(WHOLE_LIST, 1));
    RUN(test_last_row_beyond_rows());
    if (has_positions)
        RUN(test_frequencies());
    else
        RUN(test_stray_positions());
    RUN(test_tail_at_the_end());
    RUN(test_longs());
    RUN(test_small(1));
    RUN(test_small(3));
    RUN(test_small(129));
    RUN(test_small(256));
    ranked_build_free(built);
}

int main(void)
{
    for (uint32_t row = 0; row < ROWS; row++) docids[row] = 10 + 2 * (uint64_t)row;
    for (int i = 0; i < 4; i++) {
        has_positions = i % 2;
        in_old_format = i / 2;
        test_all();
    }
    printf("%u refused, %u reads found damage, %u answered\n", refused, damaged, answered);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
