/* Text indexes in schemas: their bytes, stop words, options that exclude each other. */
#include "test/schema_sample.h"

/* A text index is stored as in format 4, unless it has what came with format 5. */
static void test_text_bytes(void)
{
    static const char wanted[] =
        "\x04\0\0\0\x02\0\0\0\x05texts\x01\0\0\0\0\0\0\0"
        "\x01\0\0\0\x01\x08\x01t\x04"                          /* uid, type, flags, name, index */
        "\x01\x07\x01\0\0\0\0\0\0\x04\x40\0\0\0\0\0\0\xe0\x3f" /* 2.5 and 0.5 are k1 and b */
        "\x22\x11\0\0\0\0\0\0";                                /* index_since */
    mv_error error;
    mem_buffer bytes = {0};
    mv_schema *schema = new_schema("texts"), *loaded;
    mv_field_options t = {.name = "t", .type = MV_STRING, .index.type = MV_INDEX_TEXT};
    t.index.as.text =
        (mv_text_options){MV_TOKENIZER_CODE, ENGLISH, MV_STOP_WORDS_OF_LANGUAGE, 2.5, 0.5, 0};
    EXPECT(!mv_schema_add_field(schema, &t, &error));
    schema->fields[0].index_since = 0x1122;
    EXPECT(!schema_format_save(schema, &bytes, &error) && bytes.size == sizeof wanted - 1);
    EXPECT(memcmp(bytes.data, wanted, sizeof wanted - 1) == 0);
    EXPECT(!schema_format_load(bytes.data, bytes.size, &loaded, &error));
    EXPECT(!schema_compare(schema, loaded, &error));
    mv_schema_free(loaded);

    schema->fields[0].index.as.text.without_positions = 1;
    bytes.size = 0;
    EXPECT(!schema_format_save(schema, &bytes, &error) && bytes.size == sizeof wanted);
    EXPECT(bytes.data[0] == 5 && bytes.data[bytes.size - 9] == 1);
    EXPECT(!schema_format_load(bytes.data, bytes.size, &loaded, &error));
    EXPECT(!schema_compare(schema, loaded, &error));
    EXPECT(loaded->fields[0].index_since == 0x1122);
    mv_schema_free(loaded);
    bytes.data[bytes.size - 9] = 2;
    EXPECT_ERROR(schema_format_load(bytes.data, bytes.size, &loaded, &error), MV_CORRUPT,
                 "the stored schema cannot be read: field 't' has an index with the unknown "
                 "positions 2");
    mv_schema_free(schema);
    mem_buffer_free(&bytes);
}

/* A list is kept in order, each word once, and copied. */
static void test_stop_words(void)
{
    static const struct {
        const char *given, *kept;
        uint8_t format;
    } cases[] = {
        {NULL, NULL, 4},   {"", NULL, 4},
        {"   ", NULL, 4},  {MV_STOP_WORDS_OF_LANGUAGE, MV_STOP_WORDS_OF_LANGUAGE, 4},
        {"the", "the", 5}, {" the  of a the ab a ", "a ab of the", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mv_error error;
        mem_buffer bytes = {0};
        char given[32];
        mv_field_options t;
        mv_schema *schema = new_schema(""), *loaded;
        (void)snprintf(given, sizeof given, "%s", cases[i].given ? cases[i].given : "");
        EXPECT(!add_text(schema, cases[i].given ? given : NULL, &error));
        memset(given, 'x', sizeof given);
        EXPECT(!schema_format_save(schema, &bytes, &error) && bytes.data[0] == cases[i].format);
        EXPECT(!schema_format_load(bytes.data, bytes.size, &loaded, &error));
        EXPECT(!schema_compare(schema, loaded, &error));
        EXPECT(schema_compare_has_same_files(schema, loaded));
        mv_schema_free(schema);
        EXPECT(mv_schema_field(loaded, 0, &t));
        const char *kept = t.index.as.text.stop_words;
        EXPECT(!kept == !cases[i].kept && (!kept || !strcmp(kept, cases[i].kept)));
        mv_schema_free(loaded);
        mem_buffer_free(&bytes);
    }
}

/* As many words as there may be, and more; as long, and longer. */
static void test_stop_word_limits(void)
{
    enum { SIZE = 1025 * 5 + 1 };
    mv_error error;
    char *list = mem_alloc(SIZE), word[66];
    mv_schema *schema = new_schema(""), *copy;
    for (int i = 0; i < 1025; i++) (void)snprintf(list + (size_t)i * 5, 6, "%04d ", i);
    EXPECT_ERROR(add_text(schema, list, &error), MV_MISUSE,
                 "field 't' has an index with more than 1024 stop words");
    list[1024 * 5] = 0;
    EXPECT(!add_text(schema, list, &error));
    EXPECT(!schema_format_copy(schema, &copy, &error) && !schema_compare(schema, copy, &error));
    mv_schema_free(copy);
    mv_schema_free(schema);
    mem_free(list, SIZE);

    memset(word, 'w', sizeof word);
    word[65] = 0;
    schema = new_schema("");
    EXPECT(add_text(schema, word, &error) == MV_MISUSE);
    EXPECT(strstr(error.text, "...' of 65 bytes, at most 64 are allowed"));
    word[64] = 0;
    EXPECT(!add_text(schema, word, &error));
    mv_schema_free(schema);
}

/* Options that exclude each other are refused when they are given. A schema that has them is read:
 * an older moonvec took them. */
static void test_text_options(void)
{
    static const struct {
        mv_text_options options;
        const char *text;
    } cases[] = {
        {{.tokenizer = MV_TOKENIZER_NGRAM, .language = ENGLISH},
         "field 't': tokenizer 'ngram' takes no language: its terms stay as they are"},
        {{.tokenizer = MV_TOKENIZER_WHITESPACE, .language = ENGLISH},
         "field 't': tokenizer 'whitespace' takes no language: its terms stay as they are"},
        {{.tokenizer = MV_TOKENIZER_NGRAM, .stop_words = "the"},
         "field 't': tokenizer 'ngram' takes no stop words: it has no words"},
        {{.stop_words = MV_STOP_WORDS_OF_LANGUAGE},
         "field 't': stop words of a language need the option 'language'"},
        {{.language = 2, .stop_words = MV_STOP_WORDS_OF_LANGUAGE},
         "field 't': there is no list of stop words for language 'armenian'; there are lists for "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mv_error error;
        uint32_t uid;
        mem_buffer bytes = {0};
        mv_schema *schema = new_schema(""), *loaded;
        mv_field_options t = {.name = "t", .type = MV_STRING, .index.type = MV_INDEX_TEXT};
        mv_index_change change = {.name = "t", .index.type = MV_INDEX_TEXT};
        t.index.as.text = change.index.as.text = cases[i].options;
        EXPECT(mv_schema_add_field(schema, &t, &error) == MV_MISUSE);
        EXPECT(strstr(error.text, cases[i].text) == error.text);
        EXPECT(!mv_schema_field_count(schema) && !add_text(schema, NULL, &error));
        EXPECT(schema_change_index(schema, &change, 1, &uid, &error) == MV_MISUSE);
        EXPECT(strstr(error.text, cases[i].text) == error.text);
        EXPECT(schema->fields[0].index.as.text.language == ENGLISH);
        t.type = array_of(MV_STRING); /* which does not use these options */
        t.name = "list";
        EXPECT(!mv_schema_add_field(schema, &t, &error));
        schema->fields[0].index.as.text = schema->fields[1].index.as.text;
        EXPECT(!schema_format_save(schema, &bytes, &error));
        EXPECT(!schema_format_load(bytes.data, bytes.size, &loaded, &error));
        EXPECT(!schema_compare(schema, loaded, &error));
        mv_schema_free(loaded);
        mv_schema_free(schema);
        mem_buffer_free(&bytes);
    }
}

static const char *stop_words_difference(const char *wanted, const char *found)
{
    static mv_error error;
    mv_schema *a = new_schema(""), *b = new_schema("");
    EXPECT(!add_text(a, wanted, &error) && !add_text(b, found, &error));
    mv_err err = schema_compare(a, b, &error);
    EXPECT(schema_compare_has_same_files(a, b) == !err);
    mv_schema_free(a);
    mv_schema_free(b);
    return err ? error.text : "";
}

static void test_compare_stop_words(void)
{
    EXPECT(!strcmp(stop_words_difference("the a", "a the the"), ""));
    EXPECT(!strcmp(stop_words_difference("the a", "the"),
                   "field 't' has an index with stop_words the in the collection, a the in the "
                   "given schema"));
    EXPECT(!strcmp(stop_words_difference(NULL, "the"),
                   "field 't' has an index with stop_words the in the collection, false in the "
                   "given schema"));
    EXPECT(!strcmp(stop_words_difference("the", MV_STOP_WORDS_OF_LANGUAGE),
                   "field 't' has an index with stop_words true in the collection, the in the "
                   "given schema"));
}

/* ---------------------------------------------------------------- */

int main(void)
{
    RUN(test_text_bytes());
    RUN(test_text_options());
    RUN(test_stop_words());
    RUN(test_stop_word_limits());
    RUN(test_compare_stop_words());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
