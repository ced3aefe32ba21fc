/* Ranked lists against a plain program: dictionary, rows, frequencies, positions, lengths, and the
 * best rows for random terms, weights and filters. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "expect.h"
#include "index/ranked.h"
#include "ranked_old.h"
#include "sample.h"

#define TERM_BYTES_MAX 12

static uint64_t state = 1;

static uint32_t below(uint32_t limit)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 33) % limit;
}

/* Number of a term: small ones are frequent. */
static uint32_t some_term(uint32_t terms)
{
    double x = (below(1000000) + 1) / 1000001.0;
    return (uint32_t)(pow((double)terms, x) - 1);
}

static uint32_t name_of(uint32_t term, char *out)
{
    return (uint32_t)snprintf(out, TERM_BYTES_MAX, term % 3 ? "t%u" : "%u", term);
}

typedef struct corpus {
    uint32_t rows, terms;
    uint32_t *freqs;   /* rows × terms */
    uint32_t *lengths; /* rows */
    uint8_t *bytes;    /* the lengths of the lists, in a block that ends with them */
    uint64_t *docids, *later_docids;
    ranked_builder *b;
    ranked_lists lists;
} corpus;

static corpus make_corpus(uint32_t rows, uint32_t terms, uint32_t words_max, bool has_positions)
{
    corpus c = {.rows = rows, .terms = terms};
    bool more = true;
    index_part parts[RANKED_PARTS_MAX];
    c.freqs = mem_alloc_zero((size_t)rows * terms * sizeof *c.freqs);
    c.lengths = mem_alloc_zero(rows * sizeof *c.lengths);
    c.docids = mem_alloc_zero(rows * sizeof *c.docids);
    c.later_docids = mem_alloc_zero(rows * sizeof *c.docids);
    WORKS(ranked_build_begin(rows, 1.2f, 0.75f, has_positions, &c.b, &error));
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t words = below(words_max + 1);
        if (below(500) == 0) words = 70000 / (below(3) + 1);
        c.docids[row] = 10 + 2 * (uint64_t)row;
        c.later_docids[row] = 10 + 2 * (uint64_t)(rows + row);
        for (uint32_t position = 0; position < words; position++) {
            char name[TERM_BYTES_MAX];
            uint32_t term = some_term(terms), size = name_of(term, name);
            WORKS(ranked_build_add(c.b, row, name, size, position, &error));
            c.freqs[(size_t)row * terms + term]++;
            c.lengths[row]++;
        }
    }
    while (more) WORKS(ranked_build_step(c.b, 0, &more, &error));
    uint32_t count = ranked_build_parts(c.b, parts);
    WORKS(ranked_open(parts, count, rows, &c.lists, &error));
    if (c.lists.byte_lengths) {
        c.bytes = mem_alloc(rows);
        memcpy(c.bytes, c.lists.byte_lengths, rows);
        c.lists.byte_lengths = c.bytes;
    }
    EXPECT(c.lists.head.format == RANKED_FORMAT);
    EXPECT(ranked_build_bytes(c.b) > 0);
    return c;
}

static void free_corpus(corpus *c)
{
    mem_free(c->freqs, (size_t)c->rows * c->terms * sizeof *c->freqs);
    mem_free(c->lengths, c->rows * sizeof *c->lengths);
    mem_free(c->bytes, c->rows);
    mem_free(c->docids, c->rows * sizeof *c->docids);
    mem_free(c->later_docids, c->rows * sizeof *c->docids);
    ranked_build_free(c->b);
}

/* The position of a term in the dictionary; RANKED_NONE: no row has it. */
static uint32_t find_term(const corpus *c, uint32_t term)
{
    char name[TERM_BYTES_MAX];
    uint32_t first, end, size = name_of(term, name);
    WORKS(ranked_find(&c->lists, name, size, false, &first, &end, &error));
    EXPECT(end - first <= 1);
    return end > first ? first : RANKED_NONE;
}

static void check_lists(const corpus *c)
{
    static ranked_cursor cursor;
    static uint32_t positions[100000];
    for (uint32_t row = 0; row < c->rows; row++)
        EXPECT(ranked_length(&c->lists, row) == c->lengths[row]);
    for (uint32_t term = 0; term < c->terms; term++) {
        uint32_t at = find_term(c, term), rows = 0, freq;
        for (uint32_t row = 0; row < c->rows; row++)
            rows += c->freqs[(size_t)row * c->terms + term] > 0;
        EXPECT((at == RANKED_NONE) == !rows);
        if (at == RANKED_NONE) continue;
        WORKS(ranked_cursor_begin(&cursor, &c->lists, at, &error));
        EXPECT(cursor.count == rows);
        for (uint32_t row = 0; row < c->rows; row += 1 + (below(4) == 0 ? below(300) : 0)) {
            EXPECT(ranked_cursor_freq(&cursor, row, &freq));
            EXPECT(freq == c->freqs[(size_t)row * c->terms + term]);
            if (!freq || freq > 100000 || !c->lists.positions) continue;
            EXPECT(ranked_cursor_positions(&cursor, positions));
            for (uint32_t i = 0; i < freq; i++)
                EXPECT(positions[i] < c->lengths[row] && (!i || positions[i] > positions[i - 1]));
        }
    }
}

/* Many rows at once have the same frequencies. */
static void check_freqs(const corpus *c)
{
    static ranked_cursor cursor;
    uint32_t *rows = mem_alloc(c->rows * sizeof *rows), *freqs = mem_alloc(c->rows * sizeof *freqs);
    for (uint32_t term = 0; term < c->terms; term++) {
        uint32_t at = find_term(c, term), row = 0;
        if (at == RANKED_NONE) continue;
        WORKS(ranked_cursor_begin(&cursor, &c->lists, at, &error));
        while (row < c->rows) {
            uint32_t count = 0, wanted = 1 + below(300), step = 1 + below(40);
            for (; count < wanted && row < c->rows; row += 1 + below(step)) rows[count++] = row;
            EXPECT(ranked_cursor_freqs(&cursor, rows, count, freqs));
            for (uint32_t i = 0; i < count; i++)
                EXPECT(freqs[i] == c->freqs[(size_t)rows[i] * c->terms + term]);
        }
    }
    mem_free(rows, c->rows * sizeof *rows);
    mem_free(freqs, c->rows * sizeof *freqs);
}

static void check_prefixes(const corpus *c)
{
    static const char *const prefixes[] = {"", "t", "t1", "1", "12", "zz", "t99999"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        uint32_t first, end, size = (uint32_t)strlen(prefixes[i]), wanted = 0;
        ranked_term term;
        WORKS(ranked_find(&c->lists, prefixes[i], size, true, &first, &end, &error));
        WORKS(ranked_term_at(&term, &c->lists, 0, &error));
        for (uint32_t at = 0; at < c->lists.head.terms; at++) {
            bool begins = term.size >= size && !memcmp(term.bytes, prefixes[i], size);
            wanted += begins;
            EXPECT(term.at == at && begins == (at >= first && at < end));
            WORKS(ranked_term_next(&term, &error));
        }
        EXPECT(term.at == c->lists.head.terms);
        EXPECT(end - first == wanted);
    }
}

#define LEAVES_MAX 12

/* The best rows by looking at all of them. */
static void search_plainly(const corpus *c, const uint32_t *terms, const ranked_query *q,
                           topk *hits)
{
    for (uint32_t row = 0; row < c->rows; row++) {
        double sum = 0;
        uint32_t freqs[LEAVES_MAX] = {0};
        if (q->matches && !bits_get(q->matches, row)) continue;
        for (uint32_t i = 0; i < q->count; i++) {
            double f = freqs[i] = c->freqs[(size_t)row * c->terms + terms[i]];
            if (f > 0)
                sum +=
                    (double)q->weights[i] * f / (f + (double)q->c + (double)q->d * c->lengths[row]);
        }
        float score = ranked_search_score(q->weights, freqs, q->count, q->c, q->d, c->lengths[row]);
        EXPECT(fabs((double)score - sum) <= 2e-6 * sum);
        if (score > 0)
            topk_push(hits, (topk_entry){.distance = -score,
                                         .source = q->source,
                                         .row = row,
                                         .docid = q->docids[row]});
    }
}

/* Choose some terms, and open their lists. Returns how many. */
static uint32_t choose_terms(const corpus *c, uint32_t *terms, float *weights)
{
    uint32_t count = 0;
    for (uint32_t wanted = 1 + below(LEAVES_MAX); wanted; wanted--) {
        uint32_t term = some_term(c->terms);
        bool is_new = find_term(c, term) != RANKED_NONE;
        for (uint32_t j = 0; j < count; j++) is_new &= terms[j] != term;
        if (!is_new) continue;
        terms[count] = term;
        weights[count++] = 0.1f + (float)below(1000) / 100;
    }
    return count;
}

/* Ties included, the hits are those of the plain program. The lists are searched twice, as those of
 * two segments. */
static void check_search(const corpus *c, uint32_t round)
{
    static ranked_cursor cursors[LEAVES_MAX];
    ranked_cursor *readers[LEAVES_MAX];
    topk_entry heap[100], plain_heap[100];
    topk hits, plain;
    ranked_counts counts = {0};
    uint32_t terms[LEAVES_MAX], k = 1 + below(100), matching = 0;
    uint32_t share = round % 3 == 0 ? 1 : round % 3 == 1 ? 3 : 100;
    float weights[LEAVES_MAX];
    uint64_t *matches = mem_alloc_zero((bits_words(c->rows) + 1) * sizeof *matches);
    for (uint32_t row = 0; row < c->rows; row++)
        if (below(share) == 0) bits_set(matches, row), matching++;
    float stretch = 0.5f + (float)below(100) / 50; /* another mean length than that of the lists */
    uint32_t count = choose_terms(c, terms, weights);
    ranked_query q = {.lists = &c->lists,
                      .weights = weights,
                      .cursors = readers,
                      .count = count,
                      .c = c->lists.head.c,
                      .d = c->lists.head.d * stretch,
                      .matches = share == 1 && round % 2 ? NULL : matches,
                      .matching = matching,
                      .docids = c->docids};
    topk_start(&hits, heap, k, INFINITY);
    topk_start(&plain, plain_heap, k, INFINITY);
    void *memory = mem_alloc_aligned(ranked_search_size(count));
    for (q.source = 0; q.source < 2; q.source++) {
        for (uint32_t i = 0; i < count; i++) {
            readers[i] = &cursors[i];
            WORKS(ranked_cursor_begin(readers[i], &c->lists, find_term(c, terms[i]), &error));
        }
        WORKS(ranked_search(&q, &hits, memory, &counts, &error));
        search_plainly(c, terms, &q, &plain);
        q.docids = c->later_docids;
    }
    topk_finish(&hits);
    topk_finish(&plain);
    EXPECT(hits.count == plain.count);
    for (uint32_t i = 0; i < hits.count && i < plain.count; i++)
        EXPECT(heap[i].distance == plain_heap[i].distance && heap[i].row == plain_heap[i].row &&
               heap[i].source == plain_heap[i].source);
    mem_free(memory, ranked_search_size(count));
    mem_free(matches, (bits_words(c->rows) + 1) * sizeof *matches);
}

static uint64_t size_of_parts(const corpus *c)
{
    index_part parts[RANKED_PARTS_MAX];
    uint64_t size = 0;
    for (uint32_t i = ranked_build_parts(c->b, parts); i-- > 0;) size += parts[i].size;
    return size;
}

/* Merge lists into a builder: rows that `is_kept` says, as rows from `first` on. Returns the row
 * behind them. */
static uint32_t merge_rows(ranked_builder *b, const ranked_lists *lists, uint32_t first,
                           bool (*is_kept)(uint32_t row))
{
    ranked_merge m = {0};
    uint32_t rows = lists->head.rows, *now = mem_alloc(rows * sizeof *now);
    bool more = true;
    for (uint32_t row = 0; row < rows; row++) now[row] = is_kept(row) ? first++ : INDEX_ROW_DELETED;
    WORKS(ranked_merge_begin(&m, b, lists, now, &error));
    while (more) WORKS(ranked_merge_step(&m, b, &more, &error));
    ranked_merge_end(&m);
    mem_free(now, rows * sizeof *now);
    return first;
}

static bool keep_all(uint32_t row)
{
    (void)row;
    return true;
}

static bool keep_some(uint32_t row)
{
    return row % 3 != 1 && row / 100 % 4 != 2;
}

static void open_built(corpus *c)
{
    index_part parts[RANKED_PARTS_MAX];
    bool more = true;
    while (more) WORKS(ranked_build_step(c->b, 0, &more, &error));
    WORKS(ranked_open(parts, ranked_build_parts(c->b, parts), c->rows, &c->lists, &error));
    WORKS(ranked_check(&c->lists, &error));
}

/* Merged alone, the lists are the same. */
static void check_merged_alone(const corpus *c)
{
    corpus copy = {.rows = c->rows};
    WORKS(ranked_build_begin(c->rows, 1.2f, 0.75f, c->lists.positions, &copy.b, &error));
    EXPECT(merge_rows(copy.b, &c->lists, 0, keep_all) == c->rows);
    open_built(&copy);
    WORKS(ranked_compare(&c->lists, &copy.lists, &error));
    ranked_build_free(copy.b);
}

/* Some of the rows, then one that is read, then all rows. */
static void check_merged(const corpus *c)
{
    uint32_t rows = 0, terms = c->terms;
    for (uint32_t row = 0; row < c->rows; row++) rows += keep_some(row);
    rows += 1 + c->rows;
    corpus all = {.rows = rows, .terms = terms};
    all.freqs = mem_alloc_zero((size_t)rows * terms * sizeof *all.freqs);
    all.lengths = mem_alloc_zero(rows * sizeof *all.lengths);
    WORKS(ranked_build_begin(rows, 1.2f, 0.75f, c->lists.positions, &all.b, &error));
    uint32_t at = merge_rows(all.b, &c->lists, 0, keep_some), now = 0;
    char name[TERM_BYTES_MAX];
    WORKS(ranked_build_add(all.b, at, name, name_of(0, name), 0, &error));
    all.freqs[(size_t)at * terms] = all.lengths[at] = 1;
    EXPECT(merge_rows(all.b, &c->lists, at + 1, keep_all) == rows);
    for (uint32_t i = 0; i < 2 * c->rows; i++) {
        uint32_t row = i % c->rows;
        if (i < c->rows && !keep_some(row)) continue;
        now += now == at;
        memcpy(&all.freqs[(size_t)now * terms], &c->freqs[(size_t)row * terms],
               terms * sizeof *all.freqs);
        all.lengths[now++] = c->lengths[row];
    }
    open_built(&all);
    check_lists(&all);
    mem_free(all.freqs, (size_t)rows * terms * sizeof *all.freqs);
    mem_free(all.lengths, rows * sizeof *all.lengths);
    ranked_build_free(all.b);
}

/* The same lists in the format before are read, too. */
static void check_old_format(corpus c)
{
    index_part parts[RANKED_PARTS_MAX];
    ranked_lists newest = c.lists;
    old_lists old = old_lists_of(&newest);
    WORKS(ranked_open(parts, old_lists_parts(&old, parts), c.rows, &c.lists, &error));
    EXPECT(c.lists.head.format < RANKED_FORMAT);
    WORKS(ranked_check(&c.lists, &error));
    check_lists(&c);
    check_freqs(&c);
    check_prefixes(&c);
    for (uint32_t round = 0; round < 20; round++) check_search(&c, round);
    check_merged_alone(&c);
    old_lists_free(&old);
}

/* Without positions the same rows are found, in fewer bytes. */
static void test_corpus(uint32_t rows, uint32_t terms, uint32_t words_max)
{
    uint64_t sizes[2], begin = state;
    for (int has_positions = 0; has_positions < 2; has_positions++) {
        state = begin;
        corpus c = make_corpus(rows, terms, words_max, has_positions);
        EXPECT(!c.lists.positions == !has_positions);
        EXPECT(!c.lists.byte_lengths == (words_max >= UINT8_MAX));
        sizes[has_positions] = size_of_parts(&c);
        WORKS(ranked_check(&c.lists, &error));
        check_lists(&c);
        check_freqs(&c);
        check_prefixes(&c);
        for (uint32_t round = 0; round < 150; round++) check_search(&c, round);
        check_old_format(c);
        check_merged_alone(&c);
        check_merged(&c);
        free_corpus(&c);
    }
    EXPECT(sizes[0] < sizes[1]);
}

static void test_corpora(void)
{
    test_corpus(1, 1, 3);
    test_corpus(10, 5, 3);
    test_corpus(127, 3, 5);
    test_corpus(128, 2, 9);
    test_corpus(1000, 50, 20);
    test_corpus(4100, 600, 6); /* most lists are short */
    test_corpus(8200, 20, 12); /* the last window has 8 rows */
    test_corpus(9000, 300, 30);
    test_corpus(20000, 60, 8);
    test_corpus(700, 90, 900); /* lengths are no bytes */
}

/* Lists of 300 rows of 200 words; in one row a word is another one, or two words changed places. */
static ranked_builder *build_nearly(bool has_positions, bool other_word, bool other_place,
                                    ranked_lists *lists)
{
    static const char *const words[] = {"a", "b", "c", "d", "e", "f", "g"};
    ranked_builder *b = NULL;
    index_part parts[RANKED_PARTS_MAX];
    bool more = true;
    WORKS(ranked_build_begin(300, 1.2f, 0.75f, has_positions, &b, &error));
    for (uint32_t row = 0; row < 300; row++) {
        for (uint32_t position = 0; position < 200; position++) {
            bool is_there = row == 77 && (position == 20 || position == 21);
            uint32_t word = (row + position) % 6;
            if (is_there && other_place) word = (row + 41 - position) % 6;
            if (is_there && other_word) word = 6;
            WORKS(ranked_build_add(b, row, words[word], 1, position, &error));
        }
    }
    while (more) WORKS(ranked_build_step(b, 0, &more, &error));
    WORKS(ranked_open(parts, ranked_build_parts(b, parts), 300, lists, &error));
    return b;
}

static void test_comparing(void)
{
    for (int has_positions = 0; has_positions < 2; has_positions++) {
        ranked_lists lists, same, word, place, without;
        ranked_builder *built[] = {build_nearly(has_positions, false, false, &lists),
                                   build_nearly(has_positions, false, false, &same),
                                   build_nearly(has_positions, true, false, &word),
                                   build_nearly(has_positions, false, true, &place),
                                   build_nearly(!has_positions, false, false, &without)};
        WORKS(ranked_compare(&lists, &same, &error));
        EXPECT(ranked_compare(&lists, &word, &error) == MV_CORRUPT);
        EXPECT(ranked_compare(&word, &lists, &error) == MV_CORRUPT);
        EXPECT(!ranked_compare(&lists, &place, &error) == !has_positions);
        EXPECT(ranked_compare(&lists, &without, &error) == MV_CORRUPT);
        for (size_t i = 0; i < sizeof built / sizeof *built; i++) ranked_build_free(built[i]);
    }
}

int main(void)
{
    RUN(test_corpora());
    RUN(test_comparing());
    return tests_conclude();
}
