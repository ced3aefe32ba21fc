/* Full-text queries given as arrays of nodes: the trees that they become, which are refused and
 * how, and that searches, filters and highlights keep what they need of them. */
#include <math.h>

#include "test/text_sample.h"
#include "text/text_query.h"

#define COUNT(nodes) ((uint32_t)(sizeof(nodes) / sizeof *(nodes)))
#define GIVEN(...)   ((mv_match_node[]){__VA_ARGS__})
#define MATCH(...)                                                                                 \
    (mv_match)                                                                                     \
    {                                                                                              \
        GIVEN(__VA_ARGS__), COUNT(GIVEN(__VA_ARGS__))                                              \
    }
#define TEXT(kind_, s)                                                                             \
    .kind = MV_MATCH_##kind_, .text = (s), .size = sizeof(s) - 1 /* a literal                      \
                                                                  */
#define WORD(s)                                                                                    \
    {                                                                                              \
        TEXT(WORD, s)                                                                              \
    }
#define GROUP(kind_, n) .kind = MV_MATCH_##kind_, .members = (n)

/* ---------------------------------------------------------------- trees */

static mv_err read_match(mv_match match, text_query_words words, text_query *query)
{
    text_analyzer *analyzer = NULL;
    mv_err err =
        text_analyzer_make(&(text_options){.tokenizer = TEXT_WHITESPACE}, &analyzer, &error);
    if (!err) err = text_query_data_read(&match, analyzer, words, query, &error);
    text_analyzer_free(analyzer);
    return err;
}

static void is_read(int line, mv_match match, const char *wanted)
{
    text_query query = {0};
    mem_buffer out = {0};
    WORKS(read_match(match, TEXT_WORDS_ANY, &query));
    EXPECT(text_query_describe(&query, &out) && mem_buffer_append(&out, "", 1));
    if (!expect(strcmp((char *)out.data, wanted) == 0, wanted, __FILE__, line))
        printf("    got %s\n", (char *)out.data);
    mem_buffer_free(&out);
    text_query_free(&query);
}
#define IS_READ(wanted, ...) is_read(__LINE__, MATCH(__VA_ARGS__), wanted)

static void test_trees(void)
{
    IS_READ("\"disk\"", WORD("disk"));
    IS_READ("\"disk\"^2.5", {TEXT(WORD, "disk"), .boost = 2.5});
    IS_READ("\"auto\"*", {TEXT(PREFIX, "auto")});
    IS_READ("\"drive\"~1", {TEXT(FUZZY, "drive")});
    IS_READ("\"drive\"~2", {TEXT(FUZZY, "drive"), .edits = 2});
    IS_READ("phrase(\"hard disk\" ~3)", {TEXT(PHRASE, "hard disk"), .slop = 3});
    IS_READ("any(\"a\" \"b\"*)^2", {TEXT(TYPED, "a b*"), .boost = 2});
    IS_READ("all(\"a\" any(\"b\" \"c\")^3 maybe(\"d\") no(\"e\" \"f\"))", {GROUP(ALL, 4)},
            WORD("a"), {GROUP(ANY, 2), .boost = 3}, WORD("b"), WORD("c"), {GROUP(MAYBE, 1)},
            WORD("d"), {GROUP(NO, 2)}, WORD("e"), WORD("f"));
    IS_READ("all(any(\"a\" \"b\") \"c\")", {GROUP(ALL, 2)}, {GROUP(ANY, 3)}, WORD("a"), WORD(" "),
            WORD("b"), {GROUP(ANY, 2)}, {GROUP(ALL, 1)}, WORD(""), WORD("c"));
    IS_READ("nothing", {GROUP(ANY, 2)}, WORD(""), {GROUP(ALL, 1)}, WORD("\t"));
}

/* ---------------------------------------------------------------- what is refused */

static void is_refused(int line, mv_match match, mv_err code, const char *wanted)
{
    text_query query = {0};
    mv_err err = read_match(match, TEXT_WORDS_ALL, &query);
    expect(err == code && error.code == code, "the code of the error", __FILE__, line);
    if (!expect(strcmp(error.text, wanted) == 0, wanted, __FILE__, line))
        printf("    got %s\n", error.text);
    text_query_free(&query);
}
#define IS_REFUSED(wanted, ...) is_refused(__LINE__, MATCH(__VA_ARGS__), MV_MISUSE, wanted)

static void test_wrong_trees(void)
{
    is_refused(__LINE__, (mv_match){GIVEN(WORD("a")), 0}, MV_MISUSE,
               "full-text query: it has 0 nodes, 1 members are missing");
    IS_REFUSED("full-text query: it has 2 nodes, 1 members are missing", {GROUP(ALL, 2)},
               WORD("a"));
    IS_REFUSED("full-text query: it has 2 nodes, 4294967294 members are missing",
               {GROUP(ANY, UINT32_MAX)}, WORD("a"));
    IS_REFUSED("full-text query: it has 3 nodes, the tree ends with 2", {GROUP(ANY, 1)}, WORD("a"),
               WORD("b"));
    IS_REFUSED("full-text query: a group has no members", {GROUP(ALL, 2)}, WORD("a"),
               {GROUP(ANY, 0)});
    IS_REFUSED("full-text query: 'no' can stand in 'all' only", {GROUP(NO, 1)}, WORD("a"));
    IS_REFUSED("full-text query: 'maybe' can stand in 'all' only", {GROUP(MAYBE, 1)}, WORD("a"));
    IS_REFUSED("full-text query: 'no' can stand in 'all' only", {GROUP(ANY, 1)}, {GROUP(NO, 1)},
               WORD("a"));
    IS_REFUSED("full-text query: there is no kind of node 0", {.text = "a", .size = 1});
    IS_REFUSED("full-text query: there is no kind of node 10", {.kind = (mv_match_kind)10});
}

static void test_wrong_values(void)
{
    static const struct {
        double boost;
        const char *text;
    } BOOSTS[] = {{NAN, "nan"}, {-1, "-1"}, {INFINITY, "inf"}, {1e300, "1e+300"}, {1e6 + 1, NULL}};
    for (size_t i = 0; i < sizeof BOOSTS / sizeof *BOOSTS; i++) {
        text_query query = {0};
        mv_match match = MATCH({TEXT(WORD, "a"), .boost = BOOSTS[i].boost});
        EXPECT(read_match(match, TEXT_WORDS_ALL, &query) == MV_MISUSE);
        EXPECT(strstr(error.text, "it must be a number from 0 to 1e+06"));
        EXPECT(!BOOSTS[i].text || strstr(error.text, BOOSTS[i].text));
        text_query_free(&query);
    }
    IS_REFUSED("full-text query: a word with 3 edits; 1 to 2 are possible",
               {TEXT(FUZZY, "a"), .edits = 3});
    is_refused(__LINE__, MATCH({TEXT(PHRASE, "a b"), .slop = 65537}), MV_LIMIT,
               "full-text query: a phrase with slop 65537; 65536 is possible");
}

static void test_limits(void)
{
    static char text[MV_MATCH_SIZE_MAX + 1];
    static mv_match_node nodes[MV_MATCH_NODES_MAX + 1];
    mem_arena arena = {0};
    mv_match copy;
    memset(text, 'a', sizeof text);
    is_refused(__LINE__, MATCH({.kind = MV_MATCH_WORD, .text = text, .size = sizeof text}),
               MV_LIMIT, "full-text query: a word or phrase has 65537 bytes; 65536 are possible");
    is_refused(__LINE__, MATCH({.kind = MV_MATCH_TYPED, .text = text, .size = sizeof text}),
               MV_LIMIT, "full-text query: it has 65537 bytes; 65536 are possible");
    nodes[0] = (mv_match_node){GROUP(ANY, MV_MATCH_NODES_MAX)};
    for (uint32_t i = 1; i <= MV_MATCH_NODES_MAX; i++)
        nodes[i] = (mv_match_node){.kind = MV_MATCH_WORD, .text = text, .size = i};
    EXPECT(text_query_data_copy(&(mv_match){nodes, COUNT(nodes)}, &arena, &copy, &error) ==
           MV_LIMIT);
    EXPECT(strcmp(error.text, "full-text query: it has 1025 nodes; 1024 are possible") == 0);
    is_refused(__LINE__, (mv_match){nodes, COUNT(nodes)}, MV_LIMIT,
               "full-text query: more than 1024 words and groups");
    for (uint32_t depth = 30; depth <= 34; depth++) {
        text_query query = {0};
        for (uint32_t i = 0; i < depth; i++) nodes[i] = (mv_match_node){GROUP(ANY, 1)};
        nodes[depth] = (mv_match_node){TEXT(WORD, "a")};
        EXPECT(read_match((mv_match){nodes, depth + 1}, TEXT_WORDS_ALL, &query) ==
               (depth <= MV_MATCH_DEPTH_MAX ? MV_OK : MV_LIMIT));
        text_query_free(&query);
    }
    mem_arena_free(&arena);
}

/* ---------------------------------------------------------------- random arrays */

/* Any array is a query or is refused, and what is a query can be described and is copied whole. */
static void test_random_arrays(void)
{
    static const char *const TEXTS[] = {"a", "b c", "", "d* -e", "fg"};
    uint32_t read = 0, refused = 0;
    for (uint64_t round = 0; round < 20000; round++) {
        mv_match_node nodes[12];
        uint32_t count = (uint32_t)(mix(round) % 12);
        text_query query = {0}, of_copy = {0};
        mem_buffer out = {0}, out_of_copy = {0};
        mem_arena arena = {0};
        mv_match copy;
        for (uint32_t i = 0; i < count; i++) {
            uint64_t lot = mix(round * 100 + i);
            const char *text = TEXTS[lot / 16 % 5];
            nodes[i] = (mv_match_node){.kind = (mv_match_kind)(lot % 11),
                                       .text = text,
                                       .size = strlen(text),
                                       .members = (uint32_t)(lot / 1024 % 4),
                                       .edits = (uint32_t)(lot / 4096 % 3),
                                       .boost = (double)(lot / 65536 % 3)};
        }
        mv_match match = {nodes, count};
        WORKS(text_query_data_copy(&match, &arena, &copy, &error));
        mv_err err = read_match(match, (text_query_words)(round % 2), &query);
        EXPECT(read_match(copy, (text_query_words)(round % 2), &of_copy) == err);
        EXPECT(err == MV_OK || err == MV_MISUSE);
        if (!err) {
            EXPECT(text_query_describe(&query, &out));
            EXPECT(text_query_describe(&of_copy, &out_of_copy));
            EXPECT(out.size == out_of_copy.size &&
                   memcmp(out.data, out_of_copy.data, out.size) == 0);
        }
        read += !err;
        refused += err != MV_OK;
        mem_buffer_free(&out);
        mem_buffer_free(&out_of_copy);
        text_query_free(&query);
        text_query_free(&of_copy);
        mem_arena_free(&arena);
    }
    EXPECT(read > 500 && refused > 500);
}

/* ---------------------------------------------------------------- in a collection */

static mv_collection *open_disks(void)
{
    static const char *const BODIES[] = {"a fast hard disk", "a hard old disk drive", "tape drive"};
    mv_collection *c = NULL;
    WORKS(text_open(":memory:", (mv_open_options){0}, &c));
    for (uint32_t i = 0; i < 3; i++)
        WORKS(text_write_one(c, (const char[]){(char)('1' + i), 0}, BODIES[i], strlen(BODIES[i])));
    return c;
}

/* A query that is made invalid when a call has returned. */
static mv_match lend(mv_match_node nodes[3], char text[8])
{
    memcpy(text, "disk", 5);
    nodes[0] = (mv_match_node){GROUP(ALL, 2)};
    nodes[1] = (mv_match_node){.kind = MV_MATCH_WORD, .text = text, .size = 4};
    nodes[2] = (mv_match_node){TEXT(PREFIX, "ha")};
    return (mv_match){nodes, 3};
}

static void take_back(mv_match_node nodes[3], char text[8])
{
    memset(nodes, 0xFF, 3 * sizeof *nodes);
    memset(text, 0xFF, 8);
}

static mv_err search_match(mv_collection *c, mv_match match, mv_result *result)
{
    return mv_search(c, &(mv_query){.match = match, .text_field = BODY, .topk = 10}, result,
                     &error);
}

static void test_search(void)
{
    mv_collection *c = open_disks();
    mv_result *result = NULL;
    mv_match_node nodes[3];
    char text[8];
    size_t count;
    uint32_t snippets_count;
    const mv_snippet *snippets;
    WORKS(mv_result_create(c, &result, &error));
    for (int twice = 0; twice < 2; twice++) {
        WORKS(search_match(c, lend(nodes, text), result));
        take_back(nodes, text);
        (void)mv_result_hits(result, &count);
        EXPECT(count == 2);
        for (size_t i = 0; i < count; i++) {
            WORKS(mv_result_highlight(result, i, &(mv_highlight){.field = BODY}, &snippets,
                                      &snippets_count, &error));
            EXPECT(snippets_count == 1 && memmem(snippets->text, snippets->size, "<b>hard", 7));
        }
        EXPECT(mv_result_highlight(result, 0, &(mv_highlight){.field = LABELS}, &snippets,
                                   &snippets_count, &error) == MV_MISUSE);
    }
    EXPECT(search_match(c, MATCH({GROUP(ALL, 1)}, {GROUP(NO, 1)}, WORD("a")), result) == MV_MISUSE);
    EXPECT(strstr(error.text, "only excludes"));
    WORKS(search_match(c, MATCH(WORD("...")), result));
    (void)mv_result_hits(result, &count);
    EXPECT(count == 0);
    mv_query both = {.text = "a", .text_size = 1, .match = MATCH(WORD("a")), .topk = 1};
    EXPECT(mv_search(c, &both, result, &error) == MV_MISUSE);
    WORKS(mv_search(c, &(mv_query){.topk = 1}, result, &error));
    EXPECT(mv_result_highlight(result, 0, &(mv_highlight){.field = BODY}, &snippets,
                               &snippets_count, &error) == MV_MISUSE);
    mv_result_free(result);
    WORKS(mv_close(c, &error));
}

static void test_filter(void)
{
    mv_collection *c = open_disks();
    mv_result *result = NULL;
    mv_iterator *iterator = NULL;
    mv_match_node nodes[3];
    char text[8];
    bool found = true;
    uint32_t count = 0;
    mv_value value = {.kind = MV_KIND_MATCH, .as.match = lend(nodes, text)};
    mv_filter filter = {.text = "body MATCH ?", .size = 12, .args = &value, .args_count = 1};
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_iterator_open(c, &filter, &iterator, &error));
    take_back(nodes, text);
    for (; found; count += found) WORKS(mv_iterator_next(iterator, result, &found, &error));
    EXPECT(count == 2);
    mv_result_free(result);
    mv_iterator_close(iterator);
    WORKS(mv_close(c, &error));
}

/* A wrong query is refused where there is nothing to search, too. */
static void test_wrong_filter(void)
{
    mv_collection *c = NULL;
    mv_batch *batch = NULL;
    uint64_t count;
    mv_value value = {.kind = MV_KIND_MATCH, .as.match = MATCH({GROUP(ALL, 2)}, WORD("a"))};
    mv_filter filter = {.text = "body MATCH ?", .size = 12, .args = &value, .args_count = 1};
    WORKS(text_open(":memory:", (mv_open_options){0}, &c));
    EXPECT(mv_count(c, &filter, &count, &error) == MV_MISUSE);
    EXPECT(strcmp(error.text, "full-text query: it has 2 nodes, 1 members are missing") == 0);
    value.as.match.count = MV_MATCH_NODES_MAX + 1;
    EXPECT(mv_count(c, &filter, &count, &error) == MV_LIMIT);
    EXPECT(strncmp(error.text, "filter:12: ", 11) == 0);
    value.as.match = MATCH({TEXT(FUZZY, "a"), .edits = 9});
    EXPECT(mv_delete_by_filter(c, &filter, &count, &error) == MV_MISUSE);
    value.as.match = MATCH(WORD("a"));
    WORKS(mv_count(c, &filter, &count, &error));
    filter.text = "body = ?    ";
    EXPECT(mv_count(c, &filter, &count, &error) == MV_MISUSE);
    WORKS(mv_batch_create(c, &batch, &error));
    WORKS(mv_batch_add(batch, "a", 1, &error));
    EXPECT(mv_batch_set(batch, BODY, &value, &error) == MV_MISUSE);
    mv_batch_free(batch);
    WORKS(mv_close(c, &error));
}

/* With each allocation failing once. */
static void test_no_memory(void)
{
    mv_collection *c = open_disks();
    mv_result *result = NULL;
    mv_match_node nodes[3];
    char text[8];
    uint32_t snippets_count;
    uint64_t count;
    const mv_snippet *snippets;
    mv_value value = {.kind = MV_KIND_MATCH, .as.match = lend(nodes, text)};
    mv_filter filter = {.text = "body MATCH ?", .size = 12, .args = &value, .args_count = 1};
    mv_err err = MV_NO_MEMORY;
    for (uint64_t n = 1; err && n < 1000; n++) {
        mem_fail_at(n, false);
        err = mv_result_create(c, &result, &error);
        if (!err) err = search_match(c, value.as.match, result);
        if (!err)
            err = mv_result_highlight(result, 0, &(mv_highlight){.field = BODY}, &snippets,
                                      &snippets_count, &error);
        if (!err) err = mv_count(c, &filter, &count, &error);
        mem_fail_at(0, false);
        EXPECT(!err || err == MV_NO_MEMORY);
        mv_result_free(result);
        result = NULL;
    }
    EXPECT(!err);
    WORKS(mv_close(c, &error));
}

int main(void)
{
    RUN(test_trees());
    RUN(test_wrong_trees());
    RUN(test_wrong_values());
    RUN(test_limits());
    RUN(test_random_arrays());
    RUN(test_search());
    RUN(test_filter());
    RUN(test_wrong_filter());
    RUN(test_no_memory());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
