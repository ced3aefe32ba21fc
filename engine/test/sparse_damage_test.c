/* Damaged lists of weights (ranked_damage.h), and damaged files with such lists in a collection:
 * searches go on with the right hits, check names the file, optimize builds it again. Nothing may
 * be read out of bounds, no assertion may fire, and nothing may hang: run it under the address
 * sanitizer, too. */
#include "index/index.h"
#include "test/ranked_damage.h"
#include "test/sparse_column.h"
#include "test/sparse_sample.h"

#define DAMAGED_INDEXES SPARSE_VECTORS
#define DAMAGED_ENDING  "sparse"
#include "test/index_damage.h"

#define ROWS    5000u /* two windows of a search; many blocks of the most frequent index */
#define INDEXES 60u
#define LEAVES  4u
#define HITS    10u
#define FEW     600u /* documents of the damaged collection */

/* Terms without zero bytes, so that they can be written as strings. */
#define FIRST_INDEX 0x01010101u
#define FREQUENT    "\1\1\1\1"
#define WHOLE_LIST  "\2\2\2\2" /* of exactly 256 rows: it has no tail */

static uint64_t docids[ROWS];

/* ---------------------------------------------------------------- sound lists */

static sparse_column column;
static sparse_builder *built;

static void add_row(uint32_t row)
{
    sparse_vector v = {0};
    uint32_t wanted = below(20);
    for (uint32_t i = 0; i < wanted; i++)
        sparse_add_entry(&v, FIRST_INDEX + below(1 + below(INDEXES)),
                         sparse_some_number(MIXED, row + i));
    if (row % 3) sparse_add_entry(&v, FIRST_INDEX, sparse_some_number(PLAIN, row));
    if (row % 5 == 0 && row < 5 * 256)
        sparse_add_entry(&v, 0x02020202, sparse_some_number(PLAIN, row));
    sparse_column_add(&column,
                      row % 9 || row % 5 == 0 ? &(mv_sparse){v.indices, v.numbers, v.count} : NULL);
}

static void make_lists(void)
{
    for (uint32_t row = 0; row < ROWS; row++) {
        docids[row] = 10 + 2 * (uint64_t)row;
        add_row(row);
    }
    static index_column lent;
    lent = sparse_column_lend(&column);
    built = sparse_column_build(&lent);
}

static copy copy_of(const sparse_builder *b, uint32_t rows)
{
    index_part parts[INDEX_PARTS_MAX];
    uint32_t count = sparse_build_parts(b, parts);
    return copy_of_parts(parts, count, rows);
}

static copy sound_copy(void)
{
    return copy_of(built, ROWS);
}

static mv_err open_copy(const copy *c, ranked_lists *lists)
{
    return ranked_open_weights(c->parts, c->count, c->rows, lists, &error);
}

/* ---------------------------------------------------------------- reading */

/* All blocks, and single rows. The rows are used as indexes, as those who search do. */
static bool read_list(ranked_cursor *cursor, const ranked_lists *lists, uint32_t term)
{
    uint32_t rows = lists->head.rows, *sums, freq;
    bool ok = true;
    mv_err err = ranked_cursor_begin(cursor, lists, term, &error);
    is_right_error(err);
    if (err) return false;
    sums = mem_alloc_zero(rows * sizeof *sums);
    EXPECT(cursor->count > 0 && cursor->count <= rows);
    for (; ranked_cursor_last(cursor) != UINT32_MAX && ok; cursor->block++) {
        ok = ranked_cursor_read(cursor);
        for (uint32_t i = 0; ok && i < cursor->read_count; i++) {
            sums[cursor->rows[i]] += cursor->freqs[i];
            EXPECT(cursor->freqs[i] > 0);
        }
    }
    mem_free(sums, rows * sizeof *sums);
    is_right_error(ranked_cursor_begin(cursor, lists, term, &error));
    for (uint32_t row = 0; row < rows; row += 1 + below(rows / 20 + 1))
        ok &= ranked_cursor_freq(cursor, row, &freq);
    return ok;
}

static void read_weights(ranked_cursor *cursor, const ranked_lists *lists)
{
    uint32_t first, end, size, terms = lists->head.terms;
    ranked_term term;
    for (uint32_t i = 0; i < 6; i++) {
        char name[RANKED_INDEX_SIZE];
        size = ranked_index_term(FIRST_INDEX + below(INDEXES + 1), i % 2, name);
        mv_err err = ranked_find(lists, name, size, false, &first, &end, &error);
        is_right_error(err);
        if (err) continue;
        EXPECT(first <= end && end <= terms && end - first <= 1);
        if (first < end) (void)read_list(cursor, lists, first);
    }
    for (uint32_t i = 0; i < 5 && terms; i++) {
        float most;
        mv_err err = ranked_term_at(&term, lists, below(terms), &error);
        is_right_error(err);
        EXPECT(err || (term.size > 0 && term.size <= RANKED_TERM_MAX));
        err = ranked_most(lists, below(terms), &most, &error);
        is_right_error(err);
        EXPECT(err || (most > 0 && most <= MV_VECTOR_NUMBER_MAX));
    }
}

static void search_weights(ranked_cursor *cursors, const ranked_lists *lists, uint32_t share)
{
    uint32_t rows = lists->head.rows, matching = 0, count = 0;
    size_t words_size = bits_words(rows) * sizeof(uint64_t), size = ranked_search_size(LEAVES);
    uint64_t *matches = mem_alloc_zero(words_size);
    ranked_cursor *readers[LEAVES];
    float weights[LEAVES];
    topk_entry heap[HITS];
    topk hits;
    ranked_counts counts = {0};
    for (uint32_t row = 0; row < rows; row++)
        if (!below(share)) bits_set(matches, row), matching++;
    for (uint32_t i = 0; i < LEAVES && lists->head.terms; i++) {
        uint32_t term = below(lists->head.terms);
        if (ranked_cursor_begin(&cursors[count], lists, term, &error)) continue;
        weights[count] = below(4) ? 0.1f + (float)below(100) : 1e30f;
        readers[count] = &cursors[count];
        count++;
    }
    ranked_query query = {.lists = lists,
                          .weights = weights,
                          .cursors = readers,
                          .count = count,
                          .matches = matches,
                          .matching = matching,
                          .docids = docids};
    void *memory = mem_alloc_aligned(size);
    topk_start(&hits, heap, HITS, INFINITY);
    is_right_error(ranked_search(&query, &hits, memory, &counts, &error));
    for (uint32_t i = 0; i < hits.count; i++)
        EXPECT(heap[i].row < rows && bits_get(matches, (uint32_t)heap[i].row));
    mem_free(memory, size);
    mem_free(matches, words_size);
}

static mv_err read_copy(const copy *c)
{
    ranked_lists lists;
    mv_err err = open_copy(c, &lists);
    EXPECT(!err || err == MV_CORRUPT || err == MV_WRONG_VERSION);
    EXPECT(!err || (error.code == err && error.text[0]));
    refused += err != MV_OK;
    if (err) return err;
    ranked_cursor *cursors = mem_alloc(LEAVES * sizeof *cursors);
    read_weights(cursors, &lists);
    search_weights(cursors, &lists, 1);
    search_weights(cursors, &lists, 400);
    mem_free(cursors, LEAVES * sizeof *cursors);
    err = ranked_check(&lists, &error);
    EXPECT(!err || (err == MV_CORRUPT && error.code == err && error.text[0]));
    return err;
}

static bool is_list_found_damaged(const copy *c, const char *name)
{
    ranked_lists lists;
    uint32_t first = 0, end = 0, freq;
    ranked_cursor *cursor = mem_alloc(sizeof *cursor);
    WORKS(open_copy(c, &lists));
    WORKS(ranked_find(&lists, name, (uint32_t)strlen(name), false, &first, &end, &error));
    bool ok = read_list(cursor, &lists, first);
    ok = ok && !ranked_cursor_begin(cursor, &lists, first, &error);
    for (uint32_t row = 0; ok && row < c->rows; row++) ok = ranked_cursor_freq(cursor, row, &freq);
    mem_free(cursor, sizeof *cursor);
    (void)read_copy(c);
    EXPECT(ranked_check(&lists, &error) == MV_CORRUPT || ok);
    return !ok;
}

/* ---------------------------------------------------------------- lists of weights */

static void test_sound(void)
{
    copy c = sound_copy();
    ranked_lists lists;
    WORKS(read_copy(&c));
    WORKS(open_copy(&c, &lists));
    EXPECT(lists.head.terms > INDEXES && lists.head.tokens > ROWS && lists.most);
    EXPECT(refused == 0 && damaged == 0);
    EXPECT(list_of(&c, FREQUENT).count > 6 * RANKED_BLOCK);
    EXPECT(list_of(&c, WHOLE_LIST).count == 2 * RANKED_BLOCK);
    EXPECT(!is_list_found_damaged(&c, FREQUENT) && !is_list_found_damaged(&c, WHOLE_LIST));
    copy_free(&c);
}

static void test_head_values(void)
{
    static const uint32_t counts[] = {0, 1, INDEXES, 127, 128, 1u << 20, 1u << 31, UINT32_MAX};
    static const float floats[] = {-1, NAN, INFINITY, 1e38f, 1e-45f};
    for (size_t i = 0; i < 3 * sizeof counts / sizeof *counts; i++) {
        copy c = sound_copy();
        ranked_head *head = part_of(&c, RANKED_PART_HEAD);
        *(i % 3 == 0 ? &head->terms : i % 3 == 1 ? &head->longs : &head->rows) = counts[i / 3];
        mv_err err = read_copy(&c);
        EXPECT(err == MV_CORRUPT || i % 3 == 1);
        copy_free(&c);
    }
    for (size_t i = 0; i < 2 * sizeof floats / sizeof *floats; i++) {
        copy c = sound_copy();
        ranked_head *head = part_of(&c, RANKED_PART_HEAD);
        *(i % 2 ? &head->c : &head->d) = floats[i / 2];
        (void)read_copy(&c);
        copy_free(&c);
    }
}

/* A largest magnitude that no list has. */
static void test_most(void)
{
    static const float values[] = {NAN, INFINITY, -INFINITY, 0, -0.0f, -1, 1.1e15f, 1e38f};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        copy c = sound_copy();
        ranked_lists lists;
        float *most = part_of(&c, RANKED_PART_MOST), one;
        uint32_t terms = (uint32_t)(c.sizes[find_part(&c, RANKED_PART_MOST)] / sizeof *most),
                 at = below(terms);
        doing_now("the largest of %u is %g", at, (double)values[i]);
        most[at] = values[i];
        EXPECT(read_copy(&c) == MV_CORRUPT);
        WORKS(open_copy(&c, &lists));
        EXPECT(ranked_most(&lists, at, &one, &error) == MV_CORRUPT);
        copy_free(&c);
    }
}

/* Each member of a block that lists of weights use, with every value that is at an end of
 * something. */
static void test_blocks(const char *name, uint32_t number)
{
    static const uint32_t words[] = {
        0,        1,        127,        ROWS - 1,   ROWS,           1u << 20,
        1u << 30, 1u << 31, 0x3fffffff, 0x40000000, UINT32_MAX - 1, UINT32_MAX};
    static const uint8_t bytes[] = {0, 1, 7, 30, 31, 32, 33, 64, 127, 128, 255};
    for (size_t i = 0; i < 2 * sizeof words / sizeof *words; i++) {
        copy c = sound_copy();
        ranked_block *blocks = list_of(&c, name).blocks;
        *(i % 2 ? &blocks[number].last : &blocks[number].bits) = words[i / 2];
        doing_now("%s block %u, word %zu is %u", name, number, i % 2, words[i / 2]);
        bool found = is_list_found_damaged(&c, name);
        EXPECT(found || words[i / 2] < ROWS || read_copy(&c) == MV_CORRUPT);
        copy_free(&c);
    }
    for (size_t i = 0; i < 3 * sizeof bytes / sizeof *bytes; i++) {
        copy c = sound_copy();
        ranked_block *b = &list_of(&c, name).blocks[number];
        uint8_t *byte[] = {&b->row_bits, &b->freq_bits, &b->bound};
        *byte[i % 3] = bytes[i / 3];
        doing_now("%s block %u, byte %zu is %u", name, number, i % 3, bytes[i / 3]);
        bool found = is_list_found_damaged(&c, name);
        EXPECT(found || i % 3 == 2 || bytes[i / 3] <= 32);
        copy_free(&c);
    }
}

/* A bound below what is in the block would hide rows. */
static void test_low_bound(void)
{
    copy c = sound_copy();
    ranked_block *blocks = list_of(&c, FREQUENT).blocks;
    EXPECT(blocks[0].bound > 100);
    blocks[0].bound = 100;
    EXPECT(read_copy(&c) == MV_CORRUPT);
    copy_free(&c);
}

/* Few rows: each byte of each part, several values. */
static void test_small(uint32_t rows)
{
    sparse_column small = {0};
    for (uint32_t row = 0; row < rows; row++) {
        sparse_vector v = {0};
        for (uint32_t i = 0; i <= row % 3; i++)
            sparse_add_entry(&v, FIRST_INDEX + below(4), sparse_some_number(MIXED, row + i));
        sparse_column_add(&small, &(mv_sparse){v.indices, v.numbers, v.count});
    }
    index_column lent = sparse_column_lend(&small);
    sparse_builder *b = sparse_column_build(&lent);
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
    sparse_build_free(b);
    sparse_column_free(&small);
}

/* ---------------------------------------------------------------- files of a collection */

static sparse_model *model;

static mv_collection *open_to_damage(const char *path)
{
    mv_collection *c = NULL;
    WORKS(sparse_open(path, &c));
    return c;
}

static uint32_t wrong_searches(mv_collection *c, size_t queries)
{
    sparse_is_quiet = true; /* hits behind checksums may be others */
    return sparse_wrong_few(c, model, queries);
}

static mv_index_stats stats_of(mv_collection *c, uint32_t field)
{
    return sparse_stats(c, field);
}

static void search_silently(mv_collection *c, uint32_t field)
{
    mv_result *result = NULL;
    const sparse_queries *q = sparse_queries_of(field);
    WORKS(mv_result_create(c, &result, &error));
    mv_query query = {.is_sparse = true,
                      .sparse_field = field,
                      .sparse = q->each,
                      .sparse_count = SPARSE_QUERIES,
                      .topk = 10};
    EXPECT(!mv_search(c, &query, result, NULL));
    mv_result_free(result);
}

static void make_whole(void)
{
    mv_collection *c = open_to_damage(whole);
    model = sparse_model_of(NULL);
    WORKS(sparse_write(c, model, 0, FEW, 1));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_close(c, &error));
}

/* Every largest magnitude is one that no list has: all rows are compared. */
static void test_most_behind_checksums(uint32_t field)
{
    static const float values[] = {NAN, INFINITY, 0, -1, 1e38f};
    section_header header;
    section_entry entry = {0};
    memcpy(&header, whole_bytes[field], sizeof header);
    for (uint32_t i = 0; entry.kind != sparse_kind.sections_first + RANKED_PART_MOST; i++) {
        EXPECT(i < header.sections);
        if (i == header.sections) return;
        memcpy(&entry, whole_bytes[field] + header.table_offset + i * sizeof entry, sizeof entry);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char path[512];
        hurt_with(field, whole_bytes[field], whole_sizes[field]);
        mv_collection *c = open_to_damage(hurt);
        doing_now("all are %g", (double)values[i]);
        EXPECT(wrong_searches(c, SIZE_MAX) == 0);
        (void)snprintf(path, sizeof path, "%s/%s", hurt, file_names[field]);
        FILE *file = fopen(path, "r+b");
        EXPECT(file && !fseek(file, (long)entry.offset, SEEK_SET));
        for (uint64_t at = 0; file && at < entry.size; at += sizeof *values)
            EXPECT(fwrite(&values[i], sizeof *values, 1, file) == 1);
        if (file) (void)fclose(file);
        EXPECT(wrong_searches(c, SIZE_MAX) == 0);
        EXPECT(strstr(stats_of(c, field).warning, file_names[field]));
        WORKS(mv_close(c, &error));
    }
}

/* A vector that is damaged behind the checksums is no damage of the index. */
static void test_damaged_vectors(void)
{
    char rows[64], path[256];
    copy_collection(whole, hurt);
    EXPECT(files_with(hurt, ".rows", rows) == 1);
    (void)snprintf(path, sizeof path, "%s/%s", hurt, rows);
    mv_collection *c = open_to_damage(hurt);
    EXPECT(wrong_searches(c, SIZE_MAX) == 0);
    size_t size = 0;
    uint8_t *whole_file = file_bytes(hurt, rows, &size);
    section_header header;
    memcpy(&header, whole_file, sizeof header);
    FILE *file = fopen(path, "r+b");
    EXPECT(file);
    for (uint32_t i = 0; file && i < header.sections; i++) {
        section_entry entry;
        memcpy(&entry, whole_file + header.table_offset + i * sizeof entry, sizeof entry);
        (void)fseek(file, (long)entry.offset, SEEK_SET);
        for (uint64_t at = 0; at < entry.size; at++) (void)fputc((int)(mix(at) & 0xff), file);
    }
    if (file) (void)fclose(file);
    mem_free(whole_file, size);
    (void)wrong_searches(c, SIZE_MAX);
    for (uint32_t f = 0; f < SPARSE_VECTORS; f++) EXPECT(!stats_of(c, f).warning[0]);
    EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, rows));
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- */

static void test_lists(void)
{
    RUN(test_sound());
    RUN(test_head());
    RUN(test_head_values());
    RUN(test_sizes());
    for (int kind = RANKED_PART_ENDS; kind <= RANKED_PART_LISTS; kind++)
        RUN(test_bytes((ranked_part_kind)kind, 150));
    RUN(test_bytes(RANKED_PART_MOST, 150));
    RUN(test_most());
    RUN(test_packed_blocks(RANKED_PART_ENDS));
    RUN(test_packed_blocks(RANKED_PART_STARTS));
    RUN(test_counts(FREQUENT));
    RUN(test_counts(WHOLE_LIST));
    RUN(test_tail(FREQUENT));
    RUN(test_blocks(FREQUENT, 0));
    RUN(test_blocks(FREQUENT, 5));
    RUN(test_blocks(WHOLE_LIST, 1));
    RUN(test_low_bound());
    RUN(test_small(1));
    RUN(test_small(3));
    RUN(test_small(129));
    RUN(test_small(256));
    printf("%u refused, %u reads found damage, %u answered\n", refused, damaged, answered);
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("sparse-damage")) return tests_conclude();
    make_lists();
    test_lists();
    sparse_build_free(built);
    sparse_column_free(&column);
    damage_begin();
    for (uint32_t field = 0; field < SPARSE_VECTORS; field++) {
        RUN_WITH(file_names[field], test_damage(field));
        RUN_WITH(file_names[field], test_missing(field));
        RUN_WITH(file_names[field], test_damage_behind_checksums(field, 100, 10));
        RUN_WITH(file_names[field], test_most_behind_checksums(field));
    }
    RUN(test_damaged_vectors());
    damage_end();
    sparse_model_free(model);
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
