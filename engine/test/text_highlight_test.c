/* Snippets: what is marked, where they are cut, which are chosen, and any bytes. Marks are written
 * [so], what was cut off ~, and several snippets are separated by " / ". */
#include "test/analyzer_sample.h"
#include "test/random_bits.h"
#include "text/text_highlight.h"

#define PLAIN .open = "[", .close = "]", .ellipsis = "~"
#define SIZED(bytes, snippets)                                                                     \
    (&(text_highlight_options){PLAIN, .size = (bytes), .count = (snippets)})
static const text_highlight_options WHOLE = {PLAIN, .size = UINT32_MAX};

static void check_snippets(int line, const text_options *options, const char *typed,
                           const char *text, size_t size, const text_highlight_options *how,
                           const char *wanted)
{
    char out[2048] = "";
    text_query query = {0};
    text_highlight highlight = {0};
    text_analyzer *analyzer = make(options);
    EXPECT(!text_query_parse(typed, strlen(typed), analyzer, TEXT_WORDS_ALL, &query, NULL));
    EXPECT(!text_highlight_make(&highlight, analyzer, &query, text, size, how, NULL));
    for (uint32_t i = 0; i < highlight.snippets_count; i++) {
        const text_snippet *snippet = &highlight.snippets[i];
        if (i) strcat(out, " / ");
        strncat(out, snippet->text, snippet->size);
    }
    if (!expect(strcmp(out, wanted) == 0, wanted, __FILE__, line)) printf("    got %s\n", out);
    text_highlight_free(&highlight);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}
#define CHECK(options, typed, text, wanted)                                                        \
    check_snippets(__LINE__, options, typed, text, sizeof(text) - 1, &WHOLE, wanted)
#define CHECK_CUT(typed, text, how, wanted)                                                        \
    check_snippets(__LINE__, &UNICODE, typed, text, sizeof(text) - 1, how, wanted)

/* ---------------------------------------------------------------- marks */

static void test_words(void)
{
    CHECK(&UNICODE, "disk", "A hard DISK, a disk!", "A hard [DISK], a [disk]!");
    CHECK(&UNICODE, "disk", "Two disks", "");
    CHECK(&ENGLISH_STOP, "disk", "Two disks", "Two [disks]");
    CHECK(&UNICODE, "cafe", "Ein Café.", "Ein [Café].");
    CHECK(&UNICODE, "strasse", "Die STRASSE, die Straße", "Die [STRASSE], die [Straße]");
    CHECK(&UNICODE, "auto*", "An automobile", "An [automobile]");
    CHECK(&UNICODE, "disk -slow", "slow disk", "slow [disk]");
    CHECK(&UNICODE, "disk absent", "slow disk", "slow [disk]"); /* whether it matches or not */
    CHECK(&UNICODE, "a b", "a b", "[a] [b]");
    CHECK(&UNICODE, "", "a b", "");
    CHECK(&UNICODE, "a", "", "");
}

static void test_phrases(void)
{
    CHECK(&UNICODE, "\"hard disk\"", "Hard: a hard, disk; disk", "Hard: a [hard, disk]; disk");
    CHECK(&UNICODE, "\"hard disk\" disk", "a hard disk, a disk", "a [hard disk], a [disk]");
    CHECK(&ENGLISH_STOP, "\"end of file\"", "the end of the file, the end of files",
          "the end of the file, the [end of files]");
    CHECK(&UNICODE, "\"a b\"", "a                                                                b",
          "[a]                                                                [b]");
}

static void test_slop(void)
{
    text_query query = {0};
    text_highlight highlight = {0};
    text_analyzer *analyzer = make(&UNICODE);
    EXPECT(!text_query_begin(&query, analyzer, NULL));
    EXPECT(!text_query_phrase(&query, "a b c", 5, 1, NULL));
    EXPECT(!text_query_end(&query, NULL));
    EXPECT(!text_highlight_make(&highlight, analyzer, &query, "a x a b x c c", 13, &WHOLE, NULL));
    EXPECT(highlight.snippets_count == 1);
    EXPECT(memcmp(highlight.snippets[0].text, "a x [a b] x [c] c", 17) == 0);
    text_highlight_free(&highlight);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}

static void test_scripts(void)
{
    CHECK(&UNICODE, "東京", "これは東京都です", "これは[東京]都です");
    CHECK(&UNICODE, "東京都", "これは東京都です", "これは[東京都]です");
    CHECK(&UNICODE, "都", "東京都です、都", "東京[都]です、[都]");
    CHECK(&UNICODE, "か\u3099", "ひか\u3099し", "ひ[か\u3099]し");
    CHECK(&CODE, "foo", "int fooBar, foo;", "int [foo]Bar, [foo];");
    CHECK(&CODE, "fooBar", "int fooBar, foo_bar, bar;", "int [fooBar], [foo_bar], bar;");
    CHECK(&NGRAM, "iske", "diskette", "d[iske]tte");
    CHECK(&NGRAM, "tt", "diskette, TT", "diske[tt]e, [TT]");
    CHECK(&NGRAM, "k", "disk", "dis[k]");
    CHECK(&WHITESPACE, "C++", "in C++ or c++", "in [C++] or c++");
}

static void test_escapes(void)
{
    static const text_highlight_options HTML = {.size = UINT32_MAX, .escapes_html = true};
    static const text_highlight_options RAW = {.size = UINT32_MAX};
    static const char TEXT[] = "<i>\"R&D\"</i> isn't";
    check_snippets(__LINE__, &UNICODE, "d", TEXT, sizeof TEXT - 1, &HTML,
                   "&lt;i&gt;&quot;R&amp;<b>D</b>&quot;&lt;/i&gt; isn&#39;t");
    check_snippets(__LINE__, &UNICODE, "d", TEXT, sizeof TEXT - 1, &RAW,
                   "<i>\"R&<b>D</b>\"</i> isn't");
    check_snippets(__LINE__, &WHITESPACE, "a&b", "x a&b", 5, &HTML, "x <b>a&amp;b</b>");
}

static void test_invalid_bytes(void)
{
    CHECK(&UNICODE, "disk",
          "\xFF x\xFE\xFD disk\xC3 \xE2\x82"
          "x\xA9",
          "x\uFFFD [disk]\uFFFD \uFFFDx");
    CHECK_CUT("disk", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80 disk", SIZED(6, 1), "[disk]");
    CHECK_CUT("disk", "x\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80 disk", SIZED(6, 1), "~[disk]");
}

/* ---------------------------------------------------------------- cutting, choosing */

#define LOREM "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor "

static void test_cutting(void)
{
    CHECK_CUT("amet", LOREM, SIZED(30, 1), "~dolor sit [amet] consectetur~");
    CHECK_CUT("lorem", LOREM, SIZED(20, 1), "[lorem] ipsum dolor~");
    CHECK_CUT("tempor", LOREM, SIZED(20, 1), "~do eiusmod [tempor]");
    CHECK_CUT("amet", LOREM, SIZED(1, 1), "~[a]~");
    CHECK_CUT("amet", LOREM, SIZED(4, 1), "~[amet]~");
    CHECK_CUT("disk", "  disk  ", SIZED(20, 1), "[disk]");
    CHECK_CUT("漢字", "a 漢字", SIZED(1, 1), "~[漢]~");
    check_snippets(__LINE__, &NGRAM, "\"k ta\"", "disk        tape", 16, SIZED(4, 3),
                   "~[k]~ / ~[ta]p~");
    CHECK_CUT("消去", "全ての文書を消去してから始める", SIZED(18, 1), "~書を[消去]して~");
    CHECK_CUT("x", "e\u0301e\u0301e\u0301-x-e\u0301e\u0301", SIZED(9, 1), "~e\u0301-[x]-e\u0301~");
}

#define FILLER                                                                                     \
    "filler filler filler filler filler filler filler filler filler filler filler filler filler "

static void test_choosing(void)
{
    CHECK_CUT("hard disk", "disk " FILLER "hard disk " FILLER "hard", SIZED(14, 1),
              "~[hard] [disk]~");
    CHECK_CUT("hard disk", "disk " FILLER "disk disk hard " FILLER "hard", SIZED(14, 2),
              "[disk] filler~ / ~[disk] [disk] [hard]~");
    CHECK_CUT("a b c", "a " FILLER "a b " FILLER "c " FILLER "a", SIZED(10, 2),
              "~[a] [b]~ / ~[c]~");
    CHECK_CUT("a", "a " FILLER "a a " FILLER "a", SIZED(10, 10),
              "[a] filler~ / ~[a] [a]~ / ~filler [a]");
    CHECK_CUT("a b", "a b", SIZED(1, 9), "[a]~ / ~[b]");
    CHECK_CUT("a", FILLER, SIZED(20, 3), "");
    CHECK_CUT("a", FILLER, (&(text_highlight_options){PLAIN, .size = 20, .or_beginning = true}),
              "filler filler filler~");
    CHECK_CUT("a", " ", (&(text_highlight_options){PLAIN, .size = 20, .or_beginning = true}), "");
}

/* A word that counts more, and the default options. */
static void test_boosts(void)
{
    static const char TEXT[] = "hard disk " FILLER FILLER FILLER "fast";
    static const text_highlight_options DEFAULT = {0};
    text_query query = {0};
    text_highlight highlight = {0};
    text_analyzer *analyzer = make(&UNICODE);
    EXPECT(!text_query_begin(&query, analyzer, NULL));
    EXPECT(!text_query_parse_into(&query, "hard disk", 9, TEXT_WORDS_ALL, NULL));
    EXPECT(!text_query_boost(&query, 3, NULL));
    EXPECT(!text_query_word(&query, "fast", 4, NULL));
    EXPECT(!text_query_end(&query, NULL));
    EXPECT(
        !text_highlight_make(&highlight, analyzer, &query, TEXT, sizeof TEXT - 1, &DEFAULT, NULL));
    EXPECT(highlight.snippets_count == 1);
    const text_snippet *snippet = &highlight.snippets[0];
    EXPECT(snippet->end == sizeof TEXT - 1);
    EXPECT(snippet->end - snippet->begin > 140 && snippet->end - snippet->begin <= 160);
    EXPECT(memcmp(snippet->text, "\u2026filler", 9) == 0);
    EXPECT(memcmp(snippet->text + snippet->size - 11, "<b>fast</b>", 11) == 0);
    text_highlight_free(&highlight);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}

static void test_limits(void)
{
    static char text[TEXT_HIGHLIGHT_TEXT_MAX + 100];
    text_query query = {0};
    text_highlight highlight = {0};
    mv_error error;
    text_analyzer *analyzer = make(&UNICODE);
    EXPECT(!text_query_parse("a b", 3, analyzer, TEXT_WORDS_ALL, &query, NULL));
    EXPECT(text_highlight_make(&highlight, analyzer, &query, "a", 1, SIZED(1, 33), &error) ==
           MV_LIMIT);
    EXPECT(strcmp(error.text, "highlighting: 33 snippets; 32 are possible") == 0);
    for (size_t i = 0; i < sizeof text; i++) text[i] = "a "[i % 2];
    text[sizeof text - 2] = 'b';
    EXPECT(!text_highlight_make(&highlight, analyzer, &query, text, sizeof text, SIZED(100, 32),
                                NULL));
    EXPECT(highlight.snippets_count == 32);
    EXPECT(!text_highlight_make(&highlight, analyzer, &query, text, sizeof text, &WHOLE, NULL));
    EXPECT(highlight.snippets_count == 1);
    EXPECT(highlight.snippets[0].text[highlight.snippets[0].size - 1] == '~');
    text_highlight_free(&highlight);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}

/* ---------------------------------------------------------------- any text */

/* Marks are balanced, not empty and not nested. */
static bool are_marks_right(const text_snippet *snippet)
{
    bool is_open = false;
    for (size_t i = 0; i < snippet->size; i++) {
        char c = snippet->text[i];
        if (c != '[' && c != ']') continue;
        if (is_open == (c == '[')) return false;
        if (c == ']' && snippet->text[i - 1] == '[') return false;
        is_open = c == '[';
    }
    return !is_open;
}

/* The number of promises that the snippets break. */
static uint32_t broken_promises(const text_highlight *highlight, uint32_t size,
                                uint32_t snippet_size)
{
    uint32_t broken = 0, end = 0;
    for (uint32_t i = 0; i < highlight->snippets_count; i++) {
        const text_snippet *snippet = &highlight->snippets[i];
        broken += snippet->begin < end || snippet->begin >= snippet->end || snippet->end > size;
        broken += snippet->end - snippet->begin > snippet_size &&
                  snippet->end - snippet->begin > 4; /* the only character */
        broken += !is_utf8(snippet->text, snippet->size) || !are_marks_right(snippet);
        broken += snippet->size == 0;
        end = snippet->end;
    }
    return broken;
}

static size_t random_pieces(char *text, uint32_t pieces_max)
{
    static const char *const PIECES[] = {"a",    "b ", "ab",   " ",   "\xE2", "\x80",   "漢",
                                         "字",   "\"", "-",    "foo", "Bar",  "\u0301", "\u3300",
                                         "\xFF", "x*", "the ", "\n",  "_",    "disks"};
    size_t size = 0;
    for (uint32_t i = random_bits() % (pieces_max + 1); i; i--) {
        const char *piece = PIECES[random_bits() % (sizeof PIECES / sizeof *PIECES)];
        memcpy(text + size, piece, strlen(piece));
        size += strlen(piece);
    }
    return size;
}

static void test_any_text(void)
{
    static const text_options *const ALL[] = {&UNICODE, &CODE, &NGRAM, &WHITESPACE, &ENGLISH_STOP};
    text_query query = {0};
    text_highlight highlight = {0};
    uint32_t broken = 0, snippets = 0;
    for (size_t o = 0; o < sizeof ALL / sizeof *ALL; o++) {
        text_analyzer *analyzer = make(ALL[o]);
        for (uint32_t round = 0; round < 20000; round++) {
            char typed[256], text[1024];
            text_highlight_options options = {PLAIN, .size = 1 + random_bits() % 60,
                                              .count = 1 + random_bits() % 5,
                                              .or_beginning = round % 2};
            size_t typed_size = random_pieces(typed, 6), size = random_pieces(text, 60);
            broken += text_query_parse(typed, typed_size, analyzer, TEXT_WORDS_ANY, &query, NULL) !=
                      MV_OK;
            broken += text_highlight_make(&highlight, analyzer, &query, text, size, &options,
                                          NULL) != MV_OK;
            broken += broken_promises(&highlight, (uint32_t)size, options.size);
            snippets += highlight.snippets_count;
        }
        text_analyzer_free(analyzer);
    }
    EXPECT(broken == 0);
    EXPECT(snippets > 20000);
    text_highlight_free(&highlight);
    text_query_free(&query);
}

/* Write the text as it should be marked: words, and those of a phrase where it is, as one mark. The
 * words of a document are letters. */
static void mark_naively(const char *text, const char *word, const char *phrase, char *out)
{
    size_t size = strlen(text), phrase_size = strlen(phrase);
    int8_t marked[128] = {0}; /* letters, and spaces within phrases */
    for (size_t i = 0; i < size; i++) {
        if (text[i] == *word) marked[i] = 1;
        if (strncmp(text + i, phrase, phrase_size) == 0) memset(marked + i, 1, phrase_size);
    }
    for (size_t i = 0; i < size; i++) {
        if (marked[i] && (i == 0 || !marked[i - 1])) *out++ = '[';
        *out++ = text[i];
        if (marked[i] && !marked[i + 1]) *out++ = ']';
    }
    *out = 0;
}

static void test_compared(void)
{
    text_query query = {0};
    text_highlight highlight = {0};
    text_analyzer *analyzer = make(&WHITESPACE);
    uint32_t wrong = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        char text[64] = "", typed[16], phrase[8], word[2] = {(char)('a' + random_bits() % 3), 0};
        char wanted[256], got[256] = "";
        size_t size = 1 + random_bits() % 20 * 2, phrase_size = 3 + random_bits() % 2 * 2;
        for (size_t i = 0; i < size; i++) text[i] = i % 2 ? ' ' : (char)('a' + random_bits() % 3);
        for (size_t i = 0; i < phrase_size; i++)
            phrase[i] = i % 2 ? ' ' : (char)('a' + random_bits() % 3);
        phrase[phrase_size] = 0;
        (void)snprintf(typed, sizeof typed, "%s \"%s\"", word, phrase);
        EXPECT(!text_query_parse(typed, strlen(typed), analyzer, TEXT_WORDS_ANY, &query, NULL));
        EXPECT(!text_highlight_make(&highlight, analyzer, &query, text, size, &WHOLE, NULL));
        mark_naively(text, word, phrase, wanted);
        if (!strchr(wanted, '[')) wanted[0] = 0;
        if (highlight.snippets_count)
            strncat(got, highlight.snippets[0].text, highlight.snippets[0].size);
        if (strcmp(got, wanted) == 0) continue;
        if (wrong++ < 5) printf("    %s: got %s, wanted %s\n", typed, got, wanted);
    }
    EXPECT(wrong == 0);
    text_highlight_free(&highlight);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}

/* Without memory there is an error, and a text like one before takes no memory. */
static void test_memory(void)
{
    static const char TEXT[] = "one two " FILLER "three, one disk";
    text_query query = {0};
    text_analyzer *analyzer = make(&UNICODE);
    EXPECT(!text_query_parse("one dis*", 8, analyzer, TEXT_WORDS_ANY, &query, NULL));
    mv_err err = MV_NO_MEMORY;
    for (uint64_t n = 1; err; n++) {
        text_highlight highlight = {0};
        mem_fail_at(n, false);
        err = text_highlight_make(&highlight, analyzer, &query, TEXT, sizeof TEXT - 1, SIZED(20, 3),
                                  NULL);
        EXPECT(err == MV_OK || (err == MV_NO_MEMORY && highlight.snippets_count == 0));
        mem_fail_at(0, false);
        EXPECT(!text_highlight_make(&highlight, analyzer, &query, TEXT, sizeof TEXT - 1,
                                    SIZED(20, 3), NULL));
        mem_fail_at(1, true);
        EXPECT(!text_highlight_make(&highlight, analyzer, &query, TEXT, sizeof TEXT - 1,
                                    SIZED(20, 3), NULL));
        EXPECT(highlight.snippets_count == 2);
        mem_fail_at(0, false);
        text_highlight_free(&highlight);
    }
    text_query_free(&query);
    text_analyzer_free(analyzer);
}

static void run_with_libraries(void)
{
    RUN(test_words());
    RUN(test_phrases());
    RUN(test_slop());
    RUN(test_scripts());
    RUN(test_escapes());
    RUN(test_invalid_bytes());
    RUN(test_cutting());
    RUN(test_choosing());
    RUN(test_boosts());
    RUN(test_limits());
    RUN(test_any_text());
    RUN(test_memory());
}

/* In a build without the libraries that know characters and languages. */
static void test_without_libraries(void)
{
    CHECK(&WHITESPACE, "\"b c\" a", "a b c", "[a] [b c]");
}

int main(void)
{
    bool has_libraries = false;
#if defined(MV_HAVE_UTF8PROC) && defined(MV_HAVE_STEMMER)
    has_libraries = true;
#endif
    size_t bytes = mem_bytes();
    if (has_libraries) run_with_libraries();
    RUN(test_without_libraries());
    RUN(test_compared());
    RUN(test_memory_is_freed(bytes));
    return tests_conclude();
}
