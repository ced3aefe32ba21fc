/* Full-text queries: what people type and what programs build, written as text_query_describe does;
 * limits, errors, and any bytes. */
#include "test/analyzer_sample.h"
#include "test/random_bits.h"
#include "text/text_query.h"

/* ---------------------------------------------------------------- help */

static void check_description(int line, const text_query *query, const char *wanted)
{
    mem_buffer out = {0};
    EXPECT(text_query_describe(query, &out) && mem_buffer_append(&out, "", 1));
    if (!expect(strcmp((char *)out.data, wanted) == 0, wanted, __FILE__, line))
        printf("    got %s\n", (char *)out.data);
    mem_buffer_free(&out);
}

static void check_typed(int line, const text_options *options, text_query_words words,
                        const char *typed, size_t size, const char *wanted)
{
    text_query query = {0};
    mv_error error = {MV_OK, ""};
    text_analyzer *analyzer = make(options);
    EXPECT(text_query_parse(typed, size, analyzer, words, &query, &error) == MV_OK);
    check_description(line, &query, wanted);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}
#define CHECK_ALL(options, typed, wanted)                                                          \
    check_typed(__LINE__, options, TEXT_WORDS_ALL, typed, sizeof(typed) - 1, wanted)
#define CHECK_ANY(options, typed, wanted)                                                          \
    check_typed(__LINE__, options, TEXT_WORDS_ANY, typed, sizeof(typed) - 1, wanted)

/* A query being built, by functions that take a string. */
typedef struct builder {
    text_query query;
    text_analyzer *analyzer;
    mv_error error;
    mv_err err; /* the first one */
} builder;

static void begin(builder *b, const text_options *options)
{
    *b = (builder){.analyzer = make(options)};
    b->err = text_query_begin(&b->query, b->analyzer, &b->error);
}
static void note(builder *b, mv_err err)
{
    if (!b->err) b->err = err;
}
static void word(builder *b, const char *text)
{
    note(b, text_query_word(&b->query, text, strlen(text), &b->error));
}
static void prefix(builder *b, const char *text)
{
    note(b, text_query_prefix(&b->query, text, strlen(text), &b->error));
}
static void fuzzy(builder *b, const char *text, uint32_t edits)
{
    note(b, text_query_fuzzy(&b->query, text, strlen(text), edits, &b->error));
}
static void phrase(builder *b, const char *text, uint32_t slop)
{
    note(b, text_query_phrase(&b->query, text, strlen(text), slop, &b->error));
}
static void typed(builder *b, const char *text, text_query_words words)
{
    note(b, text_query_parse_into(&b->query, text, strlen(text), words, &b->error));
}
static void boost(builder *b, float factor)
{
    note(b, text_query_boost(&b->query, factor, &b->error));
}
static void open_group(builder *b, text_node_kind kind)
{
    note(b, text_query_open(&b->query, kind, &b->error));
}
static void close_group(builder *b)
{
    note(b, text_query_close(&b->query, &b->error));
}
static void discard(builder *b)
{
    text_query_free(&b->query);
    text_analyzer_free(b->analyzer);
}

static void finish(int line, builder *b, const char *wanted)
{
    if (!b->err) b->err = text_query_end(&b->query, &b->error);
    if (expect(b->err == MV_OK, "there is no error", __FILE__, line))
        check_description(line, &b->query, wanted);
    else
        printf("    %s\n", b->error.text);
    discard(b);
}
#define FINISH(b, wanted) finish(__LINE__, b, wanted)

static void finish_refused(int line, builder *b, mv_err code, const char *text)
{
    if (!b->err) b->err = text_query_end(&b->query, &b->error);
    expect(b->err == code, "the code of the error", __FILE__, line);
    if (!expect(strcmp(b->error.text, text) == 0, text, __FILE__, line))
        printf("    got %s\n", b->error.text);
    discard(b);
}
#define FINISH_REFUSED(b, code, text) finish_refused(__LINE__, b, code, text)

/* ---------------------------------------------------------------- typed */

static void test_words(void)
{
    CHECK_ALL(&UNICODE, "", "nothing");
    CHECK_ALL(&UNICODE, " \t?! ()", "nothing");
    CHECK_ALL(&UNICODE, "Disk", "\"disk\"");
    CHECK_ALL(&UNICODE, "  hard   DISK ", "all(\"hard\" \"disk\")");
    CHECK_ANY(&UNICODE, "hard disk", "any(\"hard\" \"disk\")");
    CHECK_ANY(&UNICODE, "disk", "\"disk\"");
    CHECK_ALL(&UNICODE, "disk-drive", "phrase(\"disk drive\" ~0)");
    CHECK_ANY(&UNICODE, "disk-drive fast", "any(phrase(\"disk drive\" ~0) \"fast\")");
    CHECK_ALL(&UNICODE, "don't (stop)", "all(\"don't\" \"stop\")");
    CHECK_ALL(&WHITESPACE, "C++ say:\"Hi\\\"", "all(\"C++\" \"say:\" \"Hi\\\\\")");
    CHECK_ALL(&UNICODE,
              "a\0b\xFF"
              "c",
              "all(\"a\" \"b\" \"c\")");
}

static void test_phrases(void)
{
    CHECK_ALL(&UNICODE, "\"hard disk\"", "phrase(\"hard disk\" ~0)");
    CHECK_ALL(&UNICODE, "\"disk\"", "\"disk\"");
    CHECK_ALL(&UNICODE, "\"hard disk", "phrase(\"hard disk\" ~0)");
    CHECK_ALL(&UNICODE, "fast\"hard disk\"ssd", "all(\"fast\" phrase(\"hard disk\" ~0) \"ssd\")");
    CHECK_ALL(&UNICODE, "\"\" \" \" \"", "nothing");
    CHECK_ALL(&UNICODE, "“hard disk” „fest“", "all(phrase(\"hard disk\" ~0) \"fest\")");
    CHECK_ANY(&UNICODE, "fast \"hard disk\" ssd",
              "all(phrase(\"hard disk\" ~0) maybe(\"fast\" \"ssd\"))");
    CHECK_ANY(&UNICODE, "\"hard disk\"", "phrase(\"hard disk\" ~0)");
}

static void test_signs(void)
{
    CHECK_ALL(&UNICODE, "disk -slow", "all(\"disk\" no(\"slow\"))");
    CHECK_ALL(&UNICODE, "-slow +disk -\"hard tape\" +\"a b\"",
              "all(\"disk\" phrase(\"a b\" ~0) no(\"slow\") no(phrase(\"hard tape\" ~0)))");
    CHECK_ANY(&UNICODE, "disk -slow fast", "all(any(\"disk\" \"fast\") no(\"slow\"))");
    CHECK_ANY(&UNICODE, "disk +ssd fast", "all(\"ssd\" maybe(\"disk\" \"fast\"))");
    CHECK_ANY(&UNICODE, "disk +ssd -slow", "all(\"ssd\" maybe(\"disk\") no(\"slow\"))");
    CHECK_ANY(&UNICODE, "disk +?!", "\"disk\"");
    CHECK_ALL(&UNICODE, "- disk + fast -", "all(\"disk\" \"fast\")");
    CHECK_ALL(&UNICODE, "--verbose ++x", "all(\"verbose\" \"x\")");
    CHECK_ALL(&UNICODE, "-slow", "all(no(\"slow\"))");
    CHECK_ALL(&UNICODE, "-disk-drive", "all(no(phrase(\"disk drive\" ~0)))");
}

static void test_or(void)
{
    CHECK_ALL(&UNICODE, "disk OR drive", "any(\"disk\" \"drive\")");
    CHECK_ALL(&UNICODE, "fast disk OR drive OR \"solid state\" cheap",
              "all(\"fast\" any(\"disk\" \"drive\" phrase(\"solid state\" ~0)) \"cheap\")");
    CHECK_ALL(&UNICODE, "OR disk OR", "\"disk\"");
    CHECK_ALL(&UNICODE, "disk OR OR drive", "any(\"disk\" \"drive\")");
    CHECK_ALL(&UNICODE, "disk or drive", "all(\"disk\" \"or\" \"drive\")");
    CHECK_ALL(&UNICODE, "\"OR\"", "\"or\"");
    CHECK_ALL(&UNICODE, "disk OR -slow", "all(\"disk\" no(\"slow\"))");
    CHECK_ALL(&UNICODE, "disk OR ?! fast", "all(\"disk\" \"fast\")");
    CHECK_ANY(&UNICODE, "fast disk OR drive", "any(\"fast\" \"disk\" \"drive\")");
    CHECK_ANY(&UNICODE, "fast +disk OR drive", "all(any(\"disk\" \"drive\") maybe(\"fast\"))");
    CHECK_ANY(&UNICODE, "fast \"hard disk\" OR ssd",
              "all(any(phrase(\"hard disk\" ~0) \"ssd\") maybe(\"fast\"))");
}

static void test_prefixes(void)
{
    CHECK_ALL(&UNICODE, "Auto*", "\"auto\"*");
    CHECK_ALL(&UNICODE, "auto*, (fast*) -slow*.", "all(\"auto\"* \"fast\"* no(\"slow\"*))");
    CHECK_ALL(&UNICODE, "auto*mobile", "phrase(\"auto mobile\" ~0)");
    CHECK_ALL(&UNICODE, "* ** -* \"auto*\"", "\"auto\"");
    CHECK_ALL(&UNICODE, "foo-auto*", "phrase(\"foo auto*\" ~0)");
    CHECK_ALL(&CODE, "fooBa*", "any(\"fooba\"* phrase(\"foo ba*\" ~0))");
}

static void test_scripts_without_spaces(void)
{
    CHECK_ALL(&UNICODE, "東京都", "phrase(\"東京 京都\" ~0)");
    CHECK_ALL(&UNICODE, "東 東京", "all(\"東\"* \"東京\")");
    CHECK_ANY(&UNICODE, "東京都の x", "any(\"東京\" \"京都\" \"都の\" \"x\")");
    CHECK_ANY(&UNICODE, "+東京都", "phrase(\"東京 京都\" ~0)");
    CHECK_ANY(&UNICODE, "\"東京都\"", "phrase(\"東京 京都\" ~0)");
    CHECK_ALL(&UNICODE, "abc漢", "phrase(\"abc 漢*\" ~0)");
    CHECK_ANY(&UNICODE, "-東京都", "all(no(phrase(\"東京 京都\" ~0)))");
    CHECK_ALL(&NGRAM, "diskette", "phrase(\"dis isk ske ket ett tte\" ~0)");
    CHECK_ANY(&NGRAM, "disk ab", "any(phrase(\"dis isk\" ~0) \"ab\"*)");
}

static void test_identifiers(void)
{
    CHECK_ALL(&CODE, "fooBar", "any(\"foobar\" phrase(\"foo bar\" ~0))");
    CHECK_ALL(&CODE, "\"x = fooBar\"", "phrase(\"x foo bar\" ~0)");
    CHECK_ALL(&CODE, "std::fooBar", "phrase(\"std foo bar\" ~0)");
    CHECK_ALL(&CODE, "fooBar.baz", "phrase(\"foo bar baz\" ~0)");
    CHECK_ALL(&CODE, "__init__", "any(\"__init__\" \"init\")");
    CHECK_ALL(&CODE, "__", "nothing");
    CHECK_ANY(&CODE, "fooBar x", "any(any(\"foobar\" phrase(\"foo bar\" ~0)) \"x\")");
}

static void test_languages(void)
{
    CHECK_ALL(&ENGLISH_STOP, "the running disks", "all(\"run\" \"disk\")");
    CHECK_ALL(&ENGLISH_STOP, "\"the end of the file\"", "phrase(\"end _ _ file\" ~0)");
    CHECK_ALL(&ENGLISH_STOP, "the", "nothing");
    CHECK_ALL(&ENGLISH_STOP, "the OR disk", "\"disk\"");
    CHECK_ALL(&ENGLISH_STOP, "the -of", "nothing");
    CHECK_ALL(&ENGLISH_STOP, "the -slow", "all(no(\"slow\"))");
    CHECK_ALL(&ENGLISH_STOP, "the* running*", "all(\"the\"* \"run\"*)");
    CHECK_ALL(&((text_options){
                  .tokenizer = TEXT_CODE, .language = "english", .language_stop_words = true}),
              "theFox theOf", "all(any(\"thefox\" \"fox\") \"theof\")");
}

/* ---------------------------------------------------------------- built */

static void test_building(void)
{
    builder b;
    begin(&b, &UNICODE);
    FINISH(&b, "nothing");

    begin(&b, &UNICODE);
    open_group(&b, TEXT_NODE_ANY);
    word(&b, "disk");
    boost(&b, 2);
    fuzzy(&b, "drive", 1);
    close_group(&b);
    open_group(&b, TEXT_NODE_NO);
    word(&b, "slow");
    close_group(&b);
    phrase(&b, "hard disk", 3);
    boost(&b, 0.5f);
    open_group(&b, TEXT_NODE_MAYBE);
    prefix(&b, "auto");
    word(&b, "cheap");
    close_group(&b);
    FINISH(&b, "all(any(\"disk\" \"drive\"~1^2) no(\"slow\") phrase(\"hard disk\" ~3) "
               "maybe(\"auto\"* \"cheap\")^0.5)");

    /* A group of one member is that member, with both boosts; one of none is left out. */
    begin(&b, &UNICODE);
    boost(&b, 2);
    open_group(&b, TEXT_NODE_ALL);
    boost(&b, 3);
    open_group(&b, TEXT_NODE_ANY);
    open_group(&b, TEXT_NODE_ANY);
    boost(&b, 5);
    word(&b, "?!");
    close_group(&b);
    word(&b, "disk");
    close_group(&b);
    close_group(&b);
    FINISH(&b, "\"disk\"^6");

    begin(&b, &UNICODE);
    open_group(&b, TEXT_NODE_ANY);
    typed(&b, "hard disk -slow", TEXT_WORDS_ALL);
    typed(&b, "ssd", TEXT_WORDS_ANY);
    typed(&b, "", TEXT_WORDS_ANY);
    close_group(&b);
    FINISH(&b, "any(all(\"hard\" \"disk\" no(\"slow\")) \"ssd\")");
}

static void test_similar_words(void)
{
    builder b;
    begin(&b, &CODE);
    fuzzy(&b, "fooBar", 2);
    fuzzy(&b, "bar", 2);
    fuzzy(&b, "a.b", 1);
    fuzzy(&b, "", 1);
    FINISH(&b, "all(any(\"foobar\"~2 phrase(\"foo bar\" ~0)) \"bar\"~2 phrase(\"a b\" ~0))");
    begin(&b, &UNICODE);
    fuzzy(&b, "disk", 3);
    FINISH_REFUSED(&b, MV_MISUSE, "full-text query: a word with 3 edits; 1 to 2 are possible");
    begin(&b, &NGRAM);
    fuzzy(&b, "disk", 1);
    FINISH_REFUSED(&b, MV_MISUSE,
                   "full-text query: with tokenizer 'ngram' there are no similar words: it has no "
                   "words");
}

static void test_refusals(void)
{
    builder b;
    begin(&b, &UNICODE);
    open_group(&b, TEXT_NODE_ANY);
    open_group(&b, TEXT_NODE_NO);
    FINISH_REFUSED(&b, MV_MISUSE, "full-text query: 'no' can stand in 'all' only");
    begin(&b, &UNICODE);
    close_group(&b);
    FINISH_REFUSED(&b, MV_MISUSE, "full-text query: a group is closed that is not open");
    begin(&b, &UNICODE);
    open_group(&b, TEXT_NODE_ALL);
    FINISH_REFUSED(&b, MV_MISUSE, "full-text query: a group is not closed");
    begin(&b, &UNICODE);
    boost(&b, -1);
    FINISH_REFUSED(&b, MV_MISUSE,
                   "full-text query: boost is -1; it must be a number from 0 to 1e+06");
    begin(&b, &UNICODE);
    phrase(&b, "a b", 65537);
    FINISH_REFUSED(&b, MV_LIMIT, "full-text query: a phrase with slop 65537; 65536 is possible");
    begin(&b, &UNICODE);
    for (int i = 0; i < 4; i++) {
        boost(&b, 1e3f);
        open_group(&b, TEXT_NODE_ANY);
        word(&b, "a");
        word(&b, "b");
    }
    for (int i = 0; i < 4; i++) close_group(&b);
    FINISH_REFUSED(&b, MV_LIMIT,
                   "full-text query: the boosts of a word make 1.001e+06; 1e+06 is "
                   "possible");
}

static void test_limits(void)
{
    static char text[TEXT_QUERY_SIZE_MAX + 1];
    builder b;
    memset(text, ' ', sizeof text);
    begin(&b, &UNICODE);
    note(&b, text_query_parse_into(&b.query, text, sizeof text, TEXT_WORDS_ALL, &b.error));
    FINISH_REFUSED(&b, MV_LIMIT, "full-text query: it has 65537 bytes; 65536 are possible");
    begin(&b, &UNICODE);
    note(&b, text_query_word(&b.query, text, sizeof text, &b.error));
    FINISH_REFUSED(&b, MV_LIMIT,
                   "full-text query: a word or phrase has 65537 bytes; 65536 are possible");
    for (uint32_t i = 0; i < sizeof text; i += 2) text[i] = 'a';
    begin(&b, &UNICODE);
    note(&b, text_query_phrase(&b.query, text, 2050, 0, &b.error));
    FINISH_REFUSED(&b, MV_LIMIT, "full-text query: more than 1024 terms");
    begin(&b, &UNICODE);
    note(&b, text_query_parse_into(&b.query, text, 2048, TEXT_WORDS_ANY, &b.error));
    FINISH_REFUSED(&b, MV_LIMIT, "full-text query: more than 1024 words and groups");
    begin(&b, &UNICODE);
    for (uint32_t i = 0; i < 33; i++) open_group(&b, i % 2 ? TEXT_NODE_ALL : TEXT_NODE_ANY);
    FINISH_REFUSED(&b, MV_LIMIT, "full-text query: more than 32 groups in groups");
}

/* The deepest groups, with two members each, so that they stay. */
static void test_depth(void)
{
    builder b;
    uint32_t count;
    begin(&b, &CODE);
    for (uint32_t i = 0; i < 32; i++) {
        open_group(&b, i % 2 ? TEXT_NODE_ALL : TEXT_NODE_ANY);
        word(&b, "a");
    }
    word(&b, "fooBar");
    for (uint32_t i = 0; i < 32; i++) close_group(&b);
    EXPECT(b.err == MV_OK);
    EXPECT(text_query_end(&b.query, &b.error) == MV_OK);
    EXPECT(text_query_leaves(&b.query, &count)[0].boost == 32);
    EXPECT(count == 4);
    mem_buffer out = {0};
    EXPECT(text_query_describe(&b.query, &out));
    EXPECT(out.size > 32 * 6);
    mem_buffer_free(&out);
    discard(&b);
}

/* ---------------------------------------------------------------- leaves */

static void test_leaves(void)
{
    static const struct {
        const char *term;
        text_leaf_kind kind;
        float boost;
    } WANTED[] = {{"disk", TEXT_LEAF_TERM, 8},
                  {"hard", TEXT_LEAF_TERM, 1},
                  {"disk", TEXT_LEAF_PREFIX, 1},
                  {"disk", TEXT_LEAF_FUZZY, 3}};
    builder b;
    uint32_t count;
    begin(&b, &UNICODE);
    open_group(&b, TEXT_NODE_NO);
    word(&b, "tape");
    word(&b, "hard");
    close_group(&b);
    word(&b, "disk");
    phrase(&b, "hard disk", 0);
    prefix(&b, "disk");
    boost(&b, 3);
    open_group(&b, TEXT_NODE_ANY);
    boost(&b, 2);
    word(&b, "disk");
    fuzzy(&b, "disk", 1);
    close_group(&b);
    EXPECT(b.err == MV_OK && text_query_end(&b.query, &b.error) == MV_OK);
    const text_leaf *leaves = text_query_leaves(&b.query, &count);
    EXPECT(count == 4 && b.query.leaves_count == 5);
    for (uint32_t i = 0; i < 4; i++) {
        doing_now("leaf %u", i);
        EXPECT(strlen(WANTED[i].term) == leaves[i].size);
        EXPECT(memcmp(WANTED[i].term, leaves[i].term, leaves[i].size) == 0);
        EXPECT(leaves[i].kind == WANTED[i].kind && leaves[i].boost == WANTED[i].boost);
        EXPECT(text_query_leaf_matches(&leaves[i], "disk", 4) == (i != 1));
        EXPECT(text_query_leaf_matches(&leaves[i], "disks", 5) == (i > 1));
        EXPECT(text_query_leaf_matches(&leaves[i], "dik", 3) == (i == 3));
    }
    discard(&b);
}

static bool has_positive(const char *text, text_query_words words, uint32_t *leaves_count)
{
    builder b;
    begin(&b, &UNICODE);
    typed(&b, text, words);
    EXPECT(b.err == MV_OK && text_query_end(&b.query, &b.error) == MV_OK);
    bool is_so = b.query.has_positive;
    *leaves_count = b.query.leaves_count;
    discard(&b);
    return is_so;
}

static void test_positive(void)
{
    uint32_t leaves;
    for (text_query_words words = TEXT_WORDS_ALL; words <= TEXT_WORDS_ANY; words++) {
        EXPECT(has_positive("disk -slow", words, &leaves) && leaves == 2);
        EXPECT(has_positive("\"hard disk\"", words, &leaves));
        EXPECT(!has_positive("-slow -\"a b\"", words, &leaves) && leaves == 3);
        EXPECT(!has_positive(" ?! \"\" OR", words, &leaves) && leaves == 0);
    }
    builder b;
    begin(&b, &UNICODE);
    word(&b, "disk");
    open_group(&b, TEXT_NODE_ANY);
    word(&b, "fast");
    typed(&b, "-slow", TEXT_WORDS_ALL); /* any(fast, all(no(slow))) */
    close_group(&b);
    EXPECT(text_query_end(&b.query, &b.error) == MV_OK);
    EXPECT(!b.query.has_positive);
    discard(&b);
    begin(&b, &UNICODE);
    open_group(&b, TEXT_NODE_MAYBE);
    word(&b, "disk");
    close_group(&b);
    EXPECT(text_query_end(&b.query, &b.error) == MV_OK);
    EXPECT(!b.query.has_positive && b.query.positive_count == 1);
    discard(&b);
}

/* ---------------------------------------------------------------- any text */

static void test_any_text(void)
{
    static const char *const PIECES[] = {"\"", "-",    "+",   "OR", " ",  "*",
                                         "a",  "B",    "the", "(",  "\\", "\xE2",
                                         "“",  "東京", "\0",  "_x", "fB", " OR "};
    static const text_options *const ALL[] = {&UNICODE, &CODE, &NGRAM, &WHITESPACE, &ENGLISH_STOP};
    text_query query = {0};
    mem_buffer out = {0};
    uint32_t failed = 0;
    for (size_t o = 0; o < sizeof ALL / sizeof *ALL; o++) {
        text_analyzer *analyzer = make(ALL[o]);
        for (uint32_t round = 0; round < 20000; round++) {
            char text[256];
            size_t size = 0;
            for (uint32_t i = random_bits() % 30; i; i--) {
                const char *piece = PIECES[random_bits() % (sizeof PIECES / sizeof *PIECES)];
                size_t piece_size = *piece ? strlen(piece) : 1;
                memcpy(text + size, piece, piece_size);
                size += piece_size;
            }
            out.size = 0;
            failed += text_query_parse(text, size, analyzer, (text_query_words)(round % 2), &query,
                                       NULL) != MV_OK;
            failed += !text_query_describe(&query, &out);
            failed += (query.nodes_count == 0) != (query.leaves_count == 0);
            failed += query.has_positive && query.positive_count == 0;
        }
        text_analyzer_free(analyzer);
    }
    EXPECT(failed == 0);
    mem_buffer_free(&out);
    text_query_free(&query);
}

/* A warm query takes no memory; without memory there is an error. */
static void test_memory(void)
{
    static const char TYPED[] = "some words \"and a phrase\" -without +this OR that auto*";
    text_query query = {0};
    text_analyzer *analyzer = make(&UNICODE);
    mem_fail_at(1, false);
    EXPECT(text_query_parse(TYPED, sizeof TYPED - 1, analyzer, TEXT_WORDS_ANY, &query, NULL) ==
           MV_NO_MEMORY);
    mem_fail_at(0, false);
    EXPECT(text_query_parse(TYPED, sizeof TYPED - 1, analyzer, TEXT_WORDS_ANY, &query, NULL) ==
           MV_OK);
    mem_fail_at(1, true);
    EXPECT(text_query_parse(TYPED, sizeof TYPED - 1, analyzer, TEXT_WORDS_ALL, &query, NULL) ==
           MV_OK);
    mem_fail_at(0, false);
    text_query_free(&query);
    text_analyzer_free(analyzer);
}

static void run_with_libraries(void)
{
    RUN(test_words());
    RUN(test_phrases());
    RUN(test_signs());
    RUN(test_or());
    RUN(test_prefixes());
    RUN(test_scripts_without_spaces());
    RUN(test_identifiers());
    RUN(test_languages());
    RUN(test_building());
    RUN(test_similar_words());
    RUN(test_refusals());
    RUN(test_limits());
    RUN(test_depth());
    RUN(test_leaves());
    RUN(test_positive());
    RUN(test_any_text());
    RUN(test_memory());
}

/* In a build without the libraries that know characters and languages. */
static void test_without_libraries(void)
{
    CHECK_ALL(&WHITESPACE, "a \"b c\" -d", "all(\"a\" phrase(\"b c\" ~0) no(\"d\"))");
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
    RUN(test_memory_is_freed(bytes));
    return tests_conclude();
}
