/* Analyzers: the terms of every tokenizer, stemming and stop words, errors, and what holds for any
 * bytes. Terms are written "the|quick|fox": one position after the other. "=" before a term: it has
 * the position of the one before it. "_" is a position without a term, and "*" behind a term says
 * that it is a prefix. */
#include "test/analyzer_sample.h"
#include "test/random_bits.h"
#include "text/text_language.h"

#define TERMS_SIZE 4096

#define WITH(...) (&(text_options){__VA_ARGS__})

/* ---------------------------------------------------------------- help */

/* Append a token to a list of terms that has `next` positions so far. Returns the number then. */
static uint32_t write_token(char out[TERMS_SIZE], const text_token *token, uint32_t next)
{
    size_t used = strlen(out);
    const char *before = used ? "|" : "";
    EXPECT(used + token->size + 16 < TERMS_SIZE);
    for (; next < token->position; next++, before = "|")
        used += (size_t)snprintf(out + used, TERMS_SIZE - used, "%s_", before);
    (void)snprintf(out + used, TERMS_SIZE - used, "%s%s%.*s%s", before,
                   token->position + 1 == next ? "=" : "", (int)token->size, token->term,
                   token->is_prefix ? "*" : "");
    return token->position + 1;
}

static void list_terms(text_analyzer *analyzer, const void *text, size_t size, bool is_query,
                       char out[TERMS_SIZE])
{
    text_token token;
    uint32_t next = 0;
    out[0] = 0;
    text_begin(analyzer, text, size, is_query);
    while (text_next(analyzer, &token)) next = write_token(out, &token, next);
}

static void check_terms(int line, const text_options *options, const char *text, size_t size,
                        bool is_query, const char *wanted)
{
    char out[TERMS_SIZE];
    text_analyzer *analyzer = make(options);
    if (!analyzer) return;
    list_terms(analyzer, text, size, is_query, out);
    if (!expect(strcmp(out, wanted) == 0, wanted, __FILE__, line)) printf("    got %s\n", out);
    text_analyzer_free(analyzer);
}
#define CHECK(options, text, wanted)                                                               \
    check_terms(__LINE__, options, text, sizeof(text) - 1, false, wanted)
#define CHECK_QUERY(options, text, wanted)                                                         \
    check_terms(__LINE__, options, text, sizeof(text) - 1, true, wanted)

static void check_refused(int line, const text_options *options, mv_err code, const char *text)
{
    text_analyzer *analyzer = NULL;
    mv_error error = {MV_OK, ""};
    mv_err err = text_analyzer_make(options, &analyzer, &error);
    expect(err == code, "the code of the error", __FILE__, line);
    if (!expect(strcmp(error.text, text) == 0, text, __FILE__, line))
        printf("    got %s\n", error.text);
    text_analyzer_free(analyzer);
}
#define CHECK_REFUSED(code, text, ...)                                                             \
    check_refused(__LINE__, &(text_options){__VA_ARGS__}, code, text)

/* ---------------------------------------------------------------- tokenizers */

static void test_whitespace(void)
{
    static const text_options WITH_STOP = {.tokenizer = TEXT_WHITESPACE, .stop_words = "The"};
    CHECK(&WHITESPACE, "", "");
    CHECK(&WHITESPACE, "  The  Caf\u00E9,\tx\u3000y\u00A0z\n", "The|Caf\u00E9,|x|y|z");
    CHECK(&WHITESPACE,
          "a\0b\xFF"
          "c\xE2\x82 d",
          "a|b|c|d");
    CHECK(&WITH_STOP, "The the cat", "_|the|cat");
}

static void test_words(void)
{
    CHECK(&UNICODE, "", "");
    CHECK(&UNICODE, "The quick (\"brown\") fox can't jump 32.3 feet, right?",
          "the|quick|brown|fox|can't|jump|32.3|feet|right");
    CHECK(&UNICODE, "e.g. 1,000;5 example.com foo_bar __x__ __ key:value",
          "e.g|1,000;5|example.com|foo_bar|__x__|key|value");
    CHECK(&UNICODE, "a.1 1.a a,b 'a' a''b", "a|1|1|a|a|b|a|a|b");
    CHECK(&UNICODE,
          "a\0b\xFF"
          "c\xE2\x82 d\xC0\xAF"
          "e\xED\xA0\x80"
          "f",
          "a|b|c|d|e|f");
}

static void test_folding(void)
{
    CHECK(&UNICODE, "Caf\u00E9 CAFE\u0301 \u00C5 A\u030A", "cafe|cafe|a|a");
    CHECK(&UNICODE, "Stra\u00DFe STRASSE \u1E9E", "strasse|strasse|ss");
    CHECK(&UNICODE, "\u0141\u00F3d\u017A \u00D8rsted \u00C6ther \u0153uvre \u00DE\u00F3r",
          "lodz|orsted|aether|oeuvre|thor");
    CHECK(&UNICODE, "\uFB01n \uFF21\uFF22 x\u00B2", "fin|ab|x|2");
    CHECK(&UNICODE, "can\u2019t so\u00ADft \u0391\u0393\u03A3", "can't|soft|\u03B1\u03B3\u03C3");
    CHECK(&UNICODE, "\u0401\u043B\u043A\u0430 \u0439", "\u0435\u043B\u043A\u0430|\u0438");
    CHECK(&UNICODE, "\u05E9\u05C1\u05B8 \u0623\u0650\u0640\u0628", "\u05E9|\u0627\u0628");
    /* Vowel signs of Devanagari make other words. */
    CHECK(&UNICODE, "\u0939\u093F\u0902\u0926\u0940", "\u0939\u093F\u0902\u0926\u0940");
    CHECK(&UNICODE, "\u2122 \u00A9 \u2192 \u25B6 \u00AD", "");
}

static void test_emoji(void)
{
    CHECK(&UNICODE, "I \u2764\uFE0F \U0001F469\u200D\U0001F467!", "i|\u2764|\U0001F469\U0001F467");
    CHECK(&UNICODE, "\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7",
          "\U0001F1E9\U0001F1EA|\U0001F1EB\U0001F1F7");
    CHECK(&UNICODE, "\U0001F44D\U0001F3FD 1\uFE0F\u20E3", "\U0001F44D\U0001F3FD|1");
}

static void test_spaceless(void)
{
    CHECK(&UNICODE, "漢字", "漢字|字");
    CHECK(&UNICODE, "東京都、abc漢", "東京|京都|都|abc|漢");
    CHECK_QUERY(&UNICODE, "東京都、abc漢", "東京|京都|_|abc|漢*");
    CHECK_QUERY(&UNICODE, "東京", "東京");
    CHECK_QUERY(&UNICODE, "漢 字", "漢*|字*");
    CHECK(&UNICODE, "2024년 LG전자", "2024|년|lg|전자|자");
    CHECK(&UNICODE, "ｶﾞｽ ガス か\u3099", "ガス|ス|ガス|ス|が"); /* half width, decomposed */
    CHECK(&UNICODE, "\u1112\u1161\u11AB\u1100\u1173\u11AF", "한글|글");
    CHECK(&UNICODE, "\u3300", "ア\u30D1|\u30D1ー|ート|ト");
    CHECK(&UNICODE, "ที่นี่", "ที่นี่|นี่");
    CHECK(&UNICODE, "\u309B \u30FB", ""); /* a mark that stands alone, a dot */
}

static void test_identifiers(void)
{
    CHECK(&CODE, "HTTPServer2Error_code", "httpserver2error_code|=http|server|2|error|code");
    CHECK(&CODE, "int x_1 = fooBar(y, $z, @q, a-b, p->q);",
          "int|x_1|=x|1|foobar|=foo|bar|y|z|q|a|b|p|q");
    CHECK(&CODE, "__init__ _ __ x_ XMLHttp ABC aB",
          "__init__|=init|x_|=x|xmlhttp|=xml|http|abc|ab|=a|b");
    CHECK(&CODE, "utf8 V2 std::vector<T> can't 3.14",
          "utf8|=utf|8|v2|=v|2|std|vector|t|can|t|3|14");
    CHECK(&CODE, "CaféÉtat größe_Wert", "cafeetat|=cafe|etat|grosse_wert|=grosse|wert");
    CHECK(&CODE, "x 変数名 y", "x|変数|数名|名|y");
    CHECK_QUERY(&CODE, "fooBar 名", "foobar|=foo|bar|名*");
    CHECK(&CODE,
          "a\0b\xFF"
          "C\U0001F600d",
          "a|b|c|d");
}

static void test_ngrams(void)
{
    CHECK(&NGRAM, "", "");
    CHECK(&NGRAM, " \n ", "");
    CHECK(&NGRAM, "aB", "ab|b");
    CHECK(&NGRAM, "Abcd", "abc|bcd|cd|d");
    CHECK(&NGRAM, "\t a \n\r b. ", "a b| b.|b.|.");
    CHECK(&NGRAM, "Été ﬁ", "ete|te |e f| fi|fi|i");
    CHECK(&NGRAM, "漢字か\u3099", "漢字が|字が|が");
    CHECK(&NGRAM, "a\0b\xFF", "a b| b|b");
    CHECK_QUERY(&NGRAM, " Abcd ", "abc|bcd");
    CHECK_QUERY(&NGRAM, "Abc", "abc");
    CHECK_QUERY(&NGRAM, "AB", "ab*");
    CHECK_QUERY(&NGRAM, "É", "e*");
    CHECK_QUERY(&NGRAM, "", "");
}

/* ---------------------------------------------------------------- languages */

static void test_stemming(void)
{
    CHECK(&ENGLISH, "Running runner's connections, the dog\u2019s", "run|runner|connect|the|dog");
    CHECK(WITH(.language = "german"), "Häuser Haus STRASSEN Straßen große",
          "haus|haus|strass|strass|gross");
    CHECK(WITH(.language = "french"), "l'eau Qu\u2019il continuité aujourd'hui ÉTÉS",
          "eau|il|continu|aujourd'hui|ete");
    CHECK(WITH(.language = "italian"), "dell'acqua", "acqua");
    CHECK(WITH(.language = "russian"), "книги книгу", "книг|книг");
    CHECK(WITH(.language = "turkish"), "ISI ısı İZİN izin", "is|is|iz|iz");
    CHECK(WITH(.language = "romanian"), "frații fra\u0163ii", "frat|frat");
    CHECK(WITH(.language = ""), "Running", "running");
    CHECK(WITH(.tokenizer = TEXT_CODE, .language = "english"), "parsedTokens running",
          "parsedtokens|=pars|token|run");
    CHECK_QUERY(&ENGLISH, "Running 漢字", "run|漢字");
}

static void test_stop_words(void)
{
    static const char OWN[] = "FOX caf\u00E9  don't";
    static const text_options ONLY_OWN = {.stop_words = OWN};
    static const text_options BOTH = {
        .language = "english", .language_stop_words = true, .stop_words = OWN};
    CHECK(&ENGLISH_STOP, "The end of THE foxes, don\u2019t", "_|end|_|_|fox");
    CHECK(&ONLY_OWN, "The Fox foxes CAFE\u0301 cafe x\u00E9", "the|_|foxes|_|cafe|xe");
    CHECK(&ONLY_OWN, "don\u2019t DON'T x", "_|_|x");
    CHECK(WITH(.stop_words = ""), "the fox", "the|fox");
    CHECK(&BOTH, "the fox runs", "_|_|run");
    CHECK(WITH(.language = "german", .language_stop_words = true),
          "Für alle über DASS da\u00DF Masse", "_|_|_|_|_|mass");
    CHECK(WITH(.language = "french", .language_stop_words = true), "qu'il l'eau", "_|eau");
    CHECK(WITH(.tokenizer = TEXT_CODE, .stop_words = OWN), "theFox a", "thefox|=the|_|a");
}

/* The lists are as they must be to be found: ascending, without doubles, folded. */
static void test_stop_word_lists(void)
{
    text_fold *fold = mem_alloc_zero(sizeof *fold);
    uint32_t wrong = 0, lists = 0;
    text_fold_make(fold, NULL);
    for (; text_stop_words_language(lists); lists++) {
        const char *word = text_stop_words_of(text_stop_words_language(lists)), *before = "";
        for (size_t before_size = 0, size; *word; before = word, before_size = size, word += size) {
            uint8_t folded[TEXT_TERM_MAX];
            word += *word == ' ';
            size = strcspn(word, " ");
            size_t common = size < before_size ? size : before_size;
            int order = memcmp(before, word, common);
            bool is_folded =
                text_fold_word(fold, (const uint8_t *)word, (uint32_t)size, true, folded) == size &&
                memcmp(folded, word, size) == 0;
            if (is_folded && (order < 0 || (order == 0 && before_size < size))) continue;
            printf("    %.*s\n", (int)size, word);
            wrong++;
        }
    }
    mem_free(fold, sizeof *fold);
    EXPECT(lists >= 12);
    EXPECT(wrong == 0);
}

static void test_refusals(void)
{
    CHECK_REFUSED(MV_MISUSE, "there is no tokenizer 9", .tokenizer = (text_tokenizer)9);
    CHECK_REFUSED(MV_MISUSE, "tokenizer 'ngram' takes no language: its terms stay as they are",
                  .tokenizer = TEXT_NGRAM, .language = "english");
    CHECK_REFUSED(MV_MISUSE, "tokenizer 'ngram' takes no stop words: it has no words",
                  .tokenizer = TEXT_NGRAM, .stop_words = "a");
    CHECK_REFUSED(MV_MISUSE, "stop words of a language need the option 'language'",
                  .language_stop_words = true);
    CHECK_REFUSED(MV_MISUSE, "unknown language 'englisch' (did you mean 'english'?)",
                  .language = "englisch");
    CHECK_REFUSED(
        MV_MISUSE,
        "there is no list of stop words for language 'tamil'; there are lists for danish, "
        "dutch, english, finnish, french, german, italian, norwegian, portuguese, russian, "
        "spanish, swedish",
        .language = "tamil", .language_stop_words = true);
    mv_error error;
    text_analyzer *analyzer = NULL;
    EXPECT(text_analyzer_make(&(text_options){.language = "klingonisch"}, &analyzer, &error) ==
           MV_MISUSE);
    EXPECT(strstr(error.text, "unknown language 'klingonisch'; there are "));
    EXPECT(strstr(error.text, "french"));
    EXPECT(strcmp(text_tokenizer_name(TEXT_CODE), "code") == 0);
    EXPECT(text_tokenizer_name((text_tokenizer)TEXT_TOKENIZERS_COUNT) == NULL);
}

/* Without memory there is an error, and nothing is lost. */
static void test_no_memory(void)
{
    static const text_options OPTIONS = {.language = "english", .language_stop_words = true};
    size_t bytes = mem_bytes();
    mv_err err = MV_NO_MEMORY;
    for (uint64_t n = 1; err; n++) {
        text_analyzer *analyzer = NULL;
        mem_fail_at(n, false);
        err = text_analyzer_make(&OPTIONS, &analyzer, NULL);
        mem_fail_at(0, false);
        EXPECT(err == MV_OK || err == MV_NO_MEMORY);
        text_analyzer_free(analyzer);
    }
    EXPECT(mem_bytes() == bytes);
}

/* ---------------------------------------------------------------- places, sizes */

static void check_places(int line, const text_options *options, const char *text,
                         const char *wanted)
{
    char out[TERMS_SIZE] = "";
    text_token token;
    text_analyzer *analyzer = make(options);
    text_begin(analyzer, text, strlen(text), false);
    for (size_t used = 0; text_next(analyzer, &token) && used < TERMS_SIZE / 2;)
        used += (size_t)snprintf(out + used, TERMS_SIZE - used, "%s%.*s", used ? "|" : "",
                                 (int)(token.end - token.begin), text + token.begin);
    if (!expect(strcmp(out, wanted) == 0, wanted, __FILE__, line)) printf("    got %s\n", out);
    text_analyzer_free(analyzer);
}
#define CHECK_PLACES(options, text, wanted) check_places(__LINE__, options, text, wanted)

static void test_places(void)
{
    CHECK_PLACES(&ENGLISH, "(Running) Café, dogs!", "Running|Café|dogs");
    CHECK_PLACES(&UNICODE, "x東京都 か\u3099", "x|東京|京都|都|か\u3099");
    CHECK_PLACES(&CODE, "_HTTPServer_x", "_HTTPServer_x|HTTP|Server|x");
    CHECK_PLACES(&NGRAM, "Ab  c", "Ab  |b  c|  c|c");
    CHECK_PLACES(&WHITESPACE, " A  b", "A|b");
    CHECK_PLACES(WITH(.language = "french"), "l'eau", "l'eau");
}

/* A term is cut between two characters; what it stands for is not. */
static void test_long_terms(void)
{
    static const text_options *const ALL[] = {&UNICODE, &CODE, &WHITESPACE, &ENGLISH};
    static char text[3001];
    for (size_t o = 0; o < sizeof ALL / sizeof *ALL; o++) {
        for (int kind = 0; kind < 2; kind++) {
            text_token token;
            text_analyzer *analyzer = make(ALL[o]);
            memset(text, 'q', sizeof text);
            for (size_t i = 1; kind && i + 1 < sizeof text; i += 2) memcpy(text + i, "\u0436", 2);
            doing_now("tokenizer %d, kind %d", (int)ALL[o]->tokenizer, kind);
            text_begin(analyzer, text, 3000 + (size_t)kind, false);
            EXPECT(text_next(analyzer, &token));
            EXPECT(token.size == 255);
            EXPECT(token.begin == 0 && token.end == 3000 + (uint32_t)kind);
            EXPECT(!text_next(analyzer, &token));
            text_begin(analyzer, text + 1, 3000, false);
            EXPECT(text_next(analyzer, &token));
            EXPECT(token.size == (kind ? 254 : 255)); /* letters of two bytes */
            text_analyzer_free(analyzer);
        }
    }
}

/* ---------------------------------------------------------------- any text */

/* Words of ASCII are read by a loop of their own, and so are simple letters. A soft hyphen behind
 * each character means nothing, and leads every word the long way. */
static void test_ways_agree(void)
{
    static const char *const PIECES[] = {"a", "B",      "z",      "0", "9",   "_",  "'",
                                         ".", ",",      ";",      ":", " ",   "-",  "Q",
                                         "e", "\u00E9", "\u0436", "s", "ing", "the"};
    static const text_options *const ALL[] = {&UNICODE, &CODE, &ENGLISH};
    uint32_t wrong = 0;
    for (size_t o = 0; o < sizeof ALL / sizeof *ALL; o++) {
        text_analyzer *analyzer = make(ALL[o]);
        for (int round = 0; round < 20000; round++) {
            char plain[256], hyphens[512], terms[TERMS_SIZE], long_way[TERMS_SIZE];
            size_t plain_size = 0, hyphens_size = 0;
            for (uint32_t i = random_bits() % 24; i; i--) {
                const char *piece = PIECES[random_bits() % (round % 2 ? 20 : 18)];
                for (const char *c = piece; *c; c++) {
                    plain[plain_size++] = hyphens[hyphens_size++] = *c;
                    if (((uint8_t)c[1] & 0xC0) == 0x80) continue;
                    memcpy(hyphens + hyphens_size, "\u00AD", 2);
                    hyphens_size += 2;
                }
            }
            plain[plain_size] = 0;
            list_terms(analyzer, plain, plain_size, false, terms);
            list_terms(analyzer, hyphens, hyphens_size, false, long_way);
            if (strcmp(terms, long_way) == 0) continue;
            if (wrong++ < 5) printf("    %s: %s, the long way %s\n", plain, terms, long_way);
        }
        text_analyzer_free(analyzer);
    }
    EXPECT(wrong == 0);
}

/* The number of promises that the tokens of a text break. */
static uint32_t broken_promises(text_analyzer *analyzer, const uint8_t *text, uint32_t size,
                                bool is_query)
{
    text_token token;
    uint32_t broken = 0, begin = 0, position = 0, count = 0;
    text_begin(analyzer, text, size, is_query);
    while (text_next(analyzer, &token)) {
        broken += token.size == 0 || token.size > TEXT_TERM_MAX;
        broken += !is_utf8(token.term, token.size) || memchr(token.term, 0, token.size) != NULL;
        broken += token.begin < begin || token.begin >= token.end || token.end > size;
        broken += token.position < position || (token.is_prefix && !is_query);
        begin = token.begin;
        position = token.position;
        count++;
    }
    return broken + (count > 20 * size) + text_next(analyzer, &token);
}

static uint32_t random_text(uint8_t *text, uint32_t space)
{
    static const uint32_t FIRST[] = {0,      'a',     0x80,    0x300,  0x600,  0xE00,
                                     0x1100, 0x2000,  0x3040,  0x4E00, 0xAC00, 0xFB00,
                                     0xFF00, 0x1F1E6, 0x1F440, 0xE0000};
    uint32_t size = 0, wanted = random_bits() % (space - 4);
    while (size < wanted) {
        uint32_t lot = random_bits();
        if (lot % 8 == 0)
            text[size++] = (uint8_t)(lot >> 8);
        else
            size += text_utf8_encode(FIRST[lot / 8 % 16] + lot / 128 % 128, text + size);
    }
    return size;
}

static void test_any_bytes(void)
{
    static const text_options *const ALL[] = {&UNICODE, &CODE, &NGRAM, &WHITESPACE, &ENGLISH};
    uint8_t text[300];
    for (size_t o = 0; o < sizeof ALL / sizeof *ALL; o++) {
        uint32_t broken = 0;
        text_analyzer *analyzer = make(ALL[o]);
        for (int round = 0; round < 4000; round++) {
            uint32_t size = random_text(text, sizeof text);
            broken += broken_promises(analyzer, text, size, round % 2);
        }
        EXPECT(broken == 0);
        text_analyzer_free(analyzer);
    }
}

/* Every character gives what it gives when read the long way, alone or before a mark of accent. */
static void test_all_characters(void)
{
    text_analyzer *analyzer = make(&UNICODE);
    uint32_t wrong = 0;
    for (uint32_t c = 1; c <= 0x10FFFF; c++) {
        uint8_t text[8];
        char terms[TERMS_SIZE], long_way[TERMS_SIZE];
        if (c >= 0xD800 && c <= 0xDFFF) c = 0xE000;
        uint32_t size = text_utf8_encode(c, text);
        list_terms(analyzer, text, size, false, terms);
        memcpy(text + size, "\u00AD", 2);
        list_terms(analyzer, text, size + 2, false, long_way);
        if (strcmp(terms, long_way) == 0) continue;
        if (wrong++ < 5) printf("    U+%04X: %s, the long way %s\n", c, terms, long_way);
    }
    EXPECT(wrong == 0);
    text_analyzer_free(analyzer);
}

/* ---------------------------------------------------------------- builds */

/* What a build without the libraries refuses. */
static void test_missing_libraries(void)
{
#ifndef MV_HAVE_UTF8PROC
    CHECK_REFUSED(MV_WRONG_VERSION,
                  "tokenizer 'ngram' needs utf8proc, which this build of moonvec does not have: "
                  "build it where utf8proc is installed (Debian: libutf8proc-dev)",
                  .tokenizer = TEXT_NGRAM);
#elif !defined(MV_HAVE_STEMMER)
    CHECK_REFUSED(MV_WRONG_VERSION,
                  "language 'english' needs Snowball's stemmers, which this build of moonvec does "
                  "not have: build it where libstemmer is installed (Debian: libstemmer-dev)",
                  .language = "english");
#endif
    CHECK(&WHITESPACE, "a b", "a|b");
}

static void run_with_characters(void)
{
    RUN(test_words());
    RUN(test_folding());
    RUN(test_emoji());
    RUN(test_spaceless());
    RUN(test_identifiers());
    RUN(test_ngrams());
    RUN(test_stop_word_lists());
    RUN(test_all_characters());
}

static void run_with_languages(void)
{
    RUN(test_stemming());
    RUN(test_stop_words());
    RUN(test_refusals());
    RUN(test_no_memory());
    RUN(test_places());
    RUN(test_long_terms());
    RUN(test_ways_agree());
    RUN(test_any_bytes());
}

int main(void)
{
    bool has_characters = false, has_stemmers = false;
#ifdef MV_HAVE_UTF8PROC
    has_characters = true;
#endif
#ifdef MV_HAVE_STEMMER
    has_stemmers = true;
#endif
    RUN(test_missing_libraries());
    RUN(test_whitespace());
    if (has_characters) run_with_characters();
    if (has_characters && has_stemmers) run_with_languages();
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
