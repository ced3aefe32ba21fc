/* Full-text queries matched against one document: by hand, and compared with an evaluation that
 * tries everything; similar terms compared with the whole table of distances. */
#include "test/analyzer_sample.h"
#include "test/random_bits.h"
#include "text/text_match.h"

/* ---------------------------------------------------------------- by hand */

static void check_match(int line, const text_options *options, const char *typed, const char *text,
                        bool wanted)
{
    text_query query = {0};
    text_match match = {0};
    bool matches = !wanted;
    text_analyzer *analyzer = make(options);
    EXPECT(!text_query_parse(typed, strlen(typed), analyzer, TEXT_WORDS_ALL, &query, NULL));
    EXPECT(!text_match_read(&match, analyzer, text, strlen(text), NULL));
    EXPECT(!text_match_query(&match, &query, &matches, NULL, NULL));
    if (!expect(matches == wanted, typed, __FILE__, line)) printf("    in %s\n", text);
    text_match_free(&match);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}
#define CHECK_FOUND(options, typed, text)     check_match(__LINE__, options, typed, text, true)
#define CHECK_NOT_FOUND(options, typed, text) check_match(__LINE__, options, typed, text, false)

static void test_words(void)
{
    CHECK_FOUND(&UNICODE, "disk", "A hard DISK.");
    CHECK_NOT_FOUND(&UNICODE, "disk", "Two disks.");
    CHECK_NOT_FOUND(&UNICODE, "disk", "");
    CHECK_FOUND(&ENGLISH_STOP, "disk", "Two disks.");
    CHECK_FOUND(&UNICODE, "cafe OR tea", "Café");
    CHECK_FOUND(&UNICODE, "hard disk", "disk, hard");
    CHECK_NOT_FOUND(&UNICODE, "hard disk", "disk");
    CHECK_NOT_FOUND(&UNICODE, "disk -slow", "slow disk");
    CHECK_FOUND(&UNICODE, "disk -slow", "fast disk");
    CHECK_FOUND(&UNICODE, "-slow", "fast disk");
    CHECK_NOT_FOUND(&UNICODE, "?", "fast disk");
    CHECK_FOUND(&UNICODE, "aut*", "An automobile");
    CHECK_NOT_FOUND(&UNICODE, "automobiles*", "An automobile");
}

static void test_phrases(void)
{
    CHECK_FOUND(&UNICODE, "\"hard disk\"", "a hard disk");
    CHECK_FOUND(&UNICODE, "\"hard disk\"", "a hard, hard - disk");
    CHECK_NOT_FOUND(&UNICODE, "\"hard disk\"", "a disk so hard");
    CHECK_NOT_FOUND(&UNICODE, "\"hard disk\"", "a hard floppy disk");
    CHECK_FOUND(&UNICODE, "\"a b a b c\"", "a b a b a b c");
    CHECK_FOUND(&ENGLISH_STOP, "\"end of file\"", "the end of files");
    /* Any word for a stop word. */
    CHECK_FOUND(&ENGLISH_STOP, "\"end of file\"", "the end marker file");
    CHECK_NOT_FOUND(&ENGLISH_STOP, "\"end of file\"", "the end file");
    CHECK_FOUND(&UNICODE, "disk-drive", "Disk, drive");
}

static void test_scripts(void)
{
    CHECK_FOUND(&UNICODE, "東京都", "これは東京都です");
    CHECK_FOUND(&UNICODE, "都", "これは東京都");
    CHECK_NOT_FOUND(&UNICODE, "東都", "東京京都");
    CHECK_NOT_FOUND(&UNICODE, "東京都", "東京と京都");
    CHECK_FOUND(&CODE, "fooBar", "int foo_bar;");
    CHECK_FOUND(&CODE, "fooBar", "int foobar;");
    CHECK_FOUND(&CODE, "bar", "int fooBar;");
    CHECK_FOUND(&CODE, "\"foo_bar baz\"", "fooBar(baz)");
    CHECK_NOT_FOUND(&CODE, "fooBar", "bar foo");
    CHECK_FOUND(&NGRAM, "iske", "diskette");
    CHECK_FOUND(&NGRAM, "tt", "diskette");
    CHECK_FOUND(&NGRAM, "te", "diskette");
    CHECK_FOUND(&NGRAM, "\"k t\"", "disk  tape");
    CHECK_NOT_FOUND(&NGRAM, "kett", "diskete");
}

static bool matches_slop(uint32_t slop, const char *words, const char *text)
{
    text_query query = {0};
    text_match match = {0};
    bool matches = false;
    text_analyzer *analyzer = make(&UNICODE);
    EXPECT(!text_query_begin(&query, analyzer, NULL));
    EXPECT(!text_query_phrase(&query, words, strlen(words), slop, NULL));
    EXPECT(!text_query_end(&query, NULL));
    EXPECT(!text_match_read(&match, analyzer, text, strlen(text), NULL));
    EXPECT(!text_match_query(&match, &query, &matches, NULL, NULL));
    text_match_free(&match);
    text_query_free(&query);
    text_analyzer_free(analyzer);
    return matches;
}

static void test_slop(void)
{
    EXPECT(matches_slop(0, "a b c", "x a b c"));
    EXPECT(!matches_slop(0, "a b c", "a x b c"));
    EXPECT(matches_slop(1, "a b c", "a x b c"));
    EXPECT(matches_slop(1, "a b c", "a b x c"));
    EXPECT(!matches_slop(1, "a b c", "a x b x c"));
    EXPECT(matches_slop(2, "a b c", "a x b x c"));
    EXPECT(matches_slop(0, "a b c", "a x b a b c"));
    EXPECT(!matches_slop(100, "a b", "b a"));
    EXPECT(!matches_slop(100, "a a", "b a"));
    EXPECT(matches_slop(65536, "a b", "a x x x x x b"));
}

static void test_frequencies(void)
{
    static const char TYPED[] = "disk* \"hard drive\" disk -tape nothing";
    static const char TEXT[] = "Disk, disks, diskette; a drive. disk";
    static const uint32_t WANTED[] = {4, 0, 1, 2, 0}; /* disk*, hard, drive, disk, nothing */
    text_query query = {0};
    text_match match = {0};
    uint32_t frequencies[5] = {9, 9, 9, 9, 9}, count;
    bool matches;
    text_analyzer *analyzer = make(&UNICODE);
    EXPECT(!text_query_parse(TYPED, sizeof TYPED - 1, analyzer, TEXT_WORDS_ALL, &query, NULL));
    EXPECT(!text_match_read(&match, analyzer, TEXT, sizeof TEXT - 1, NULL));
    EXPECT(!text_match_query(&match, &query, &matches, frequencies, NULL));
    EXPECT(!matches);
    (void)text_query_leaves(&query, &count);
    EXPECT(count == 5 && memcmp(frequencies, WANTED, sizeof WANTED) == 0);
    EXPECT(text_match_length(&match) == 6);
    text_match_free(&match);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}

static uint32_t length_of(const text_options *options, const char *text)
{
    text_match match = {0};
    text_analyzer *analyzer = make(options);
    EXPECT(!text_match_read(&match, analyzer, text, strlen(text), NULL));
    uint32_t length = text_match_length(&match);
    text_match_free(&match);
    text_analyzer_free(analyzer);
    return length;
}

static void test_lengths(void)
{
    EXPECT(length_of(&UNICODE, "") == 0);
    EXPECT(length_of(&UNICODE, "a b, a") == 3);
    EXPECT(length_of(&CODE, "int fooBar = HTTPServer;") == 5);
    EXPECT(length_of(&ENGLISH_STOP, "the end of the file") == 2);
    EXPECT(length_of(&UNICODE, "東京都") == 3);
    EXPECT(length_of(&NGRAM, "disk") == 4);
}

/* ---------------------------------------------------------------- similar terms */

/* The whole table of optimal string alignment. */
static uint32_t table_distance(const uint32_t *a, uint32_t a_count, const uint32_t *b,
                               uint32_t b_count)
{
    uint32_t d[32][32];
    for (uint32_t i = 0; i <= a_count; i++)
        for (uint32_t j = 0; j <= b_count; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            uint32_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[a_count][b_count];
}

static uint32_t points_of(const void *term, uint32_t size, uint32_t points[32])
{
    uint32_t count = 0, bytes;
    for (uint32_t at = 0; at < size && count < 31; at += bytes)
        points[count++] = text_utf8_decode(term, size, at, &bytes);
    return count;
}

static uint32_t naive_distance(const void *a, uint32_t a_size, const void *b, uint32_t b_size)
{
    uint32_t a_points[32], b_points[32];
    uint32_t a_count = points_of(a, a_size, a_points), b_count = points_of(b, b_size, b_points);
    return table_distance(a_points, a_count, b_points, b_count);
}

static uint32_t distance(const char *a, const char *b, uint32_t edits)
{
    text_fuzzy fuzzy;
    text_fuzzy_make(&fuzzy, a, (uint32_t)strlen(a), edits);
    return text_fuzzy_distance(&fuzzy, b, (uint32_t)strlen(b));
}

static void test_distances(void)
{
    EXPECT(distance("disk", "disk", 1) == 0);
    EXPECT(distance("disk", "disc", 1) == 1);
    EXPECT(distance("disk", "dsik", 1) == 1); /* swapped */
    EXPECT(distance("disk", "dik", 1) == 1);
    EXPECT(distance("disk", "dishk", 1) == 1);
    EXPECT(distance("disk", "dusc", 1) == 2);
    EXPECT(distance("disk", "dusc", 2) == 2);
    EXPECT(distance("ca", "abc", 2) == 3); /* with edits within a swap it would be 2 */
    EXPECT(distance("größe", "grüße", 1) == 1);
    EXPECT(distance("漢字", "漢", 1) == 1);
    EXPECT(distance("ab", "", 2) == 2);
    EXPECT(distance("a", "bcd", 2) == 3);
    EXPECT(distance("disk", "another", 2) == 3);
}

static uint32_t random_term(uint8_t *term)
{
    static const uint32_t LETTERS[] = {'a', 'b', 'c', 0xE4, 0x6F22, 0x1F600};
    uint32_t size = 0;
    for (uint32_t i = random_bits() % 9; i; i--)
        size += text_utf8_encode(LETTERS[random_bits() % (random_bits() % 2 ? 3 : 6)], term + size);
    return size;
}

static void test_any_distance(void)
{
    uint32_t wrong = 0, near = 0;
    for (uint32_t round = 0; round < 300000; round++) {
        uint8_t a[64], b[64];
        text_fuzzy fuzzy;
        uint32_t a_size = random_term(a), b_size = random_term(b), edits = 1 + round % 2;
        uint32_t wanted = naive_distance(a, a_size, b, b_size);
        if (wanted > edits) wanted = edits + 1;
        text_fuzzy_make(&fuzzy, a, a_size, edits);
        wrong += text_fuzzy_distance(&fuzzy, b, b_size) != wanted;
        near += wanted <= edits;
    }
    EXPECT(wrong == 0);
    EXPECT(near > 10000);
}

/* The longest terms. */
static void test_long_distance(void)
{
    char a[256], b[256];
    memset(a, 'x', sizeof a);
    a[255] = 0;
    memcpy(b, a, sizeof b);
    EXPECT(distance(a, b, 2) == 0);
    b[254] = 'y';
    EXPECT(distance(a, b, 2) == 1);
    b[0] = 'y';
    EXPECT(distance(a, b, 2) == 2);
    EXPECT(distance(a, b, 1) == 2);
    b[253] = 0;
    EXPECT(distance(a, b, 2) == 3);
}

/* ---------------------------------------------------------------- compared */

/* A document as a list of tokens. */
typedef struct naive_token {
    char term[64];
    uint32_t size, position;
} naive_token;

typedef struct naive_document {
    naive_token tokens[256];
    uint32_t count;
} naive_document;

static void naive_read(naive_document *document, text_analyzer *analyzer, const char *text)
{
    text_token token;
    document->count = 0;
    text_begin(analyzer, text, strlen(text), false);
    while (text_next(analyzer, &token) && document->count < 256) {
        naive_token *t = &document->tokens[document->count++];
        t->size = token.size;
        t->position = token.position;
        memcpy(t->term, token.term, token.size);
    }
}

static bool naive_asks(const text_leaf *leaf, const naive_token *token)
{
    if (leaf->kind == TEXT_LEAF_FUZZY)
        return naive_distance(leaf->term, leaf->size, token->term, token->size) <=
               leaf->fuzzy->edits;
    if (token->size < leaf->size || memcmp(token->term, leaf->term, leaf->size) != 0) return false;
    return leaf->kind == TEXT_LEAF_PREFIX || token->size == leaf->size;
}

/* Can the items from i on be placed, the one before them being at `position`, with `slop` left? */
static bool naive_sequence(const naive_document *document, const text_query *q,
                           const text_node *node, uint32_t i, uint32_t position, uint32_t slop)
{
    if (i == node->items_count) return true;
    const text_item *item = &q->items[node->first_item + i];
    for (uint32_t t = 0; t < document->count; t++) {
        const naive_token *token = &document->tokens[t];
        if (!naive_asks(&q->leaves[item->number], token)) continue;
        uint32_t least = i ? position + item->position - item[-1].position : token->position;
        if (token->position < least || token->position - least > slop) continue;
        if (naive_sequence(document, q, node, i + 1, token->position,
                           slop - (token->position - least)))
            return true;
    }
    return false;
}

static bool naive_match(const naive_document *document, const text_query *q, uint32_t n)
{
    const text_node *node = &q->nodes[n];
    uint32_t found = 0, members = 0;
    if (node->kind == TEXT_NODE_WORDS) return naive_sequence(document, q, node, 0, 0, node->slop);
    for (uint32_t member = n + 1; member < node->end; member = q->nodes[member].end, members++)
        found += naive_match(document, q, member);
    switch (node->kind) {
    case TEXT_NODE_ALL: return found == members;
    case TEXT_NODE_ANY: return found > 0;
    case TEXT_NODE_NO: return found == 0;
    default: return true;
    }
}

static bool are_frequencies_right(const naive_document *document, const text_query *q,
                                  const uint32_t *frequencies)
{
    uint32_t count;
    const text_leaf *leaves = text_query_leaves(q, &count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t wanted = 0;
        for (uint32_t t = 0; t < document->count; t++)
            wanted += naive_asks(&leaves[i], &document->tokens[t]);
        if (wanted != frequencies[i]) return false;
    }
    return true;
}

/* Words that are alike, so that much is found. */
static void random_words(char *text, uint32_t words_max)
{
    static const char *const WORDS[] = {"a",    "b",    "ab",     "aba", "abab", "fooBar",
                                        "foo",  "bar",  "Foo_",   "the", "of",   "running",
                                        "runs", "漢字", "字漢漢", "a-b", "b, a", "x"};
    uint32_t count = random_bits() % (words_max + 1);
    for (text[0] = 0; count; count--) {
        strcat(text, WORDS[random_bits() % (sizeof WORDS / sizeof *WORDS)]);
        strcat(text, " ");
    }
}

static void random_member(text_query *q, bool is_ngram)
{
    char text[256];
    uint32_t lot = random_bits();
    random_words(text, lot % 2 ? 1 : 3);
    if (lot / 2 % 4 == 0) (void)text_query_boost(q, (float)(lot / 8 % 3), NULL);
    mv_err err;
    switch (lot / 64 % 6) {
    case 0: err = text_query_prefix(q, text, strlen(text), NULL); break;
    case 1:
        if (!is_ngram) {
            err = text_query_fuzzy(q, text, strlen(text), 1 + lot / 1024 % 2, NULL);
            break;
        } /* fall through */
    case 2: err = text_query_word(q, text, strlen(text), NULL); break;
    case 3: err = text_query_parse_into(q, text, strlen(text), lot / 1024 % 2, NULL); break;
    default: err = text_query_phrase(q, text, strlen(text), lot / 1024 % 5, NULL); break;
    }
    EXPECT(err == MV_OK);
}

/* Groups in groups, of all kinds where they may stand. */
static void random_query(text_query *q, text_analyzer *analyzer, bool is_ngram)
{
    text_node_kind kinds[8] = {TEXT_NODE_ALL};
    uint32_t depth = 0;
    EXPECT(text_query_begin(q, analyzer, NULL) == MV_OK);
    for (uint32_t i = random_bits() % 9; i; i--) {
        uint32_t lot = random_bits();
        text_node_kind kind =
            (text_node_kind)(1 + lot / 4 % (kinds[depth] == TEXT_NODE_ALL ? 4 : 2));
        if (lot % 4 == 0 && depth > 0) {
            depth--;
            EXPECT(text_query_close(q, NULL) == MV_OK);
        } else if (lot % 4 == 1 && depth < 7) {
            kinds[++depth] = kind;
            EXPECT(text_query_open(q, kind, NULL) == MV_OK);
        } else {
            random_member(q, is_ngram);
        }
    }
    for (; depth; depth--) EXPECT(text_query_close(q, NULL) == MV_OK);
    EXPECT(text_query_end(q, NULL) == MV_OK);
}

static void print_difference(const text_query *q, const char *text, bool matches)
{
    mem_buffer out = {0};
    (void)(text_query_describe(q, &out) && mem_buffer_append(&out, "", 1));
    printf("    %s %s %s\n", (char *)out.data, matches ? "is found in" : "is not found in", text);
    mem_buffer_free(&out);
}

static void test_compared(void)
{
    static const text_options *const ALL[] = {&UNICODE, &CODE, &NGRAM, &WHITESPACE, &ENGLISH_STOP};
    static naive_document document;
    static uint32_t frequencies[TEXT_QUERY_TERMS_MAX];
    text_query query = {0};
    text_match match = {0};
    uint32_t wrong = 0, found = 0;
    for (size_t o = 0; o < sizeof ALL / sizeof *ALL; o++) {
        text_analyzer *analyzer = make(ALL[o]);
        for (uint32_t round = 0; round < 6000; round++) {
            char text[512];
            bool matches;
            random_query(&query, analyzer, ALL[o] == &NGRAM);
            for (uint32_t i = 0; i < 4; i++) {
                random_words(text, 12);
                naive_read(&document, analyzer, text);
                EXPECT(!text_match_read(&match, analyzer, text, strlen(text), NULL));
                EXPECT(!text_match_query(&match, &query, &matches, frequencies, NULL));
                bool wanted = query.nodes_count && naive_match(&document, &query, 0);
                found += matches;
                if (matches == wanted && are_frequencies_right(&document, &query, frequencies))
                    continue;
                if (wrong++ < 5) print_difference(&query, text, matches);
            }
        }
        text_analyzer_free(analyzer);
    }
    EXPECT(wrong == 0);
    EXPECT(found > 10000);
    text_match_free(&match);
    text_query_free(&query);
}

/* ---------------------------------------------------------------- memory */

/* A document that is as large as those before takes no memory; without memory there is an error,
 * and the next document is as any other. */
static void test_memory(void)
{
    static const char TEXT[] = "one two three four five six seven eight nine ten, and disks";
    static const char TYPED[] = "\"one two\" dis* -eleven";
    text_query query = {0};
    bool matches = false;
    text_analyzer *analyzer = make(&UNICODE);
    EXPECT(!text_query_parse(TYPED, sizeof TYPED - 1, analyzer, TEXT_WORDS_ALL, &query, NULL));
    mv_err err = MV_NO_MEMORY;
    for (uint64_t n = 1; err; n++) {
        text_match match = {0};
        mem_fail_at(n, false);
        err = text_match_read(&match, analyzer, TEXT, sizeof TEXT - 1, NULL);
        if (!err) err = text_match_query(&match, &query, &matches, NULL, NULL);
        EXPECT(err == MV_OK || err == MV_NO_MEMORY);
        mem_fail_at(0, false);
        EXPECT(!text_match_read(&match, analyzer, TEXT, sizeof TEXT - 1, NULL));
        EXPECT(!text_match_query(&match, &query, &matches, NULL, NULL) && matches);
        mem_fail_at(1, true);
        EXPECT(!text_match_read(&match, analyzer, TEXT, sizeof TEXT - 1, NULL));
        EXPECT(!text_match_query(&match, &query, &matches, NULL, NULL) && matches);
        mem_fail_at(0, false);
        text_match_free(&match);
    }
    text_query_free(&query);
    text_analyzer_free(analyzer);
}

static void run_with_libraries(void)
{
    RUN(test_words());
    RUN(test_phrases());
    RUN(test_scripts());
    RUN(test_slop());
    RUN(test_frequencies());
    RUN(test_lengths());
    RUN(test_compared());
    RUN(test_memory());
}

/* Nanoseconds per term of a dictionary, few of which are similar. */
static void measure_distance(uint32_t edits)
{
    static uint8_t terms[4096][16];
    static uint32_t sizes[4096];
    text_fuzzy fuzzy;
    uint32_t near = 0;
    for (uint32_t i = 0; i < 4096; i++) {
        sizes[i] = 4 + random_bits() % 9;
        for (uint32_t j = 0; j < sizes[i]; j++)
            terms[i][j] = (uint8_t) "etaoinshrdlu"[random_bits() % 12];
    }
    text_fuzzy_make(&fuzzy, "retinal", 7, edits);
    clock_t begin = clock();
    for (uint32_t round = 0; round < 1000; round++)
        for (uint32_t i = 0; i < 4096; i++)
            near += text_fuzzy_distance(&fuzzy, terms[i], sizes[i]) <= edits;
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    printf("distances up to %u: %.0f ns a term, %u of %u are near\n", edits, seconds * 1e9 / 4096e3,
           near, 4096000);
}

/* Documents per second, for `text_match_test speed`. */
static void measure(void)
{
    static const char TEXT[] =
        "A hard disk drive is an electro-mechanical data storage device that "
        "stores and retrieves digital data using magnetic storage";
    static const char *const TYPED[] = {"disk", "hard disk \"data storage\" -tape", "stor*"};
    text_analyzer *analyzer = make(&UNICODE);
    for (size_t i = 0; i < 4; i++) {
        text_query query = {0};
        text_match match = {0};
        bool matches = false;
        (void)text_query_begin(&query, analyzer, NULL);
        if (i < 3)
            (void)text_query_parse_into(&query, TYPED[i], strlen(TYPED[i]), TEXT_WORDS_ALL, NULL);
        else
            (void)text_query_fuzzy(&query, "magnettic", 9, 2, NULL);
        (void)text_query_end(&query, NULL);
        clock_t begin = clock();
        for (int round = 0; round < 300000; round++) {
            (void)text_match_read(&match, analyzer, TEXT, sizeof TEXT - 1, NULL);
            (void)text_match_query(&match, &query, &matches, NULL, NULL);
        }
        double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
        printf("%s: %.0f documents of 19 words a second, %s\n", i < 3 ? TYPED[i] : "magnettic~2",
               300000 / seconds, matches ? "found" : "not found");
        text_match_free(&match);
        text_query_free(&query);
    }
    text_analyzer_free(analyzer);
}

int main(int count, char **arguments)
{
    bool has_libraries = false;
#if defined(MV_HAVE_UTF8PROC) && defined(MV_HAVE_STEMMER)
    has_libraries = true;
#endif
    if (count > 1 && strcmp(arguments[1], "speed") == 0) {
        measure();
        measure_distance(1);
        measure_distance(2);
        return 0;
    }
    size_t bytes = mem_bytes();
    RUN(test_distances());
    RUN(test_any_distance());
    RUN(test_long_distance());
    if (has_libraries) run_with_libraries();
    RUN(test_memory_is_freed(bytes));
    return tests_conclude();
}
