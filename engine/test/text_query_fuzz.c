/* Fuzzer of full-text queries: any bytes as what a person typed, and any bytes as a document. No
 * query fails but by its size; snippets are valid UTF-8 in the order of the text; and in a document
 * that matches, or has one of the words, something is marked. */
#include "test/analyzer_sample.h"
#include "test/fuzz_must.h"
#include "text/text_highlight.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const text_options OPTIONS[] = {
    {.tokenizer = TEXT_UNICODE},
    {.tokenizer = TEXT_CODE},
    {.tokenizer = TEXT_NGRAM},
    {.tokenizer = TEXT_WHITESPACE},
#ifdef MV_HAVE_STEMMER
    {.tokenizer = TEXT_UNICODE, .language = "english", .language_stop_words = true},
    {.tokenizer = TEXT_CODE, .language = "german", .language_stop_words = true},
#endif
};
#define ANALYZERS (sizeof OPTIONS / sizeof *OPTIONS)

static void check_query(const text_query *query, size_t options)
{
    mem_buffer out = {0};
    uint32_t count;
    const text_leaf *leaves = text_query_leaves(query, &count);
    for (uint32_t i = 0; i < count; i++)
        MUST(text_query_leaf_matches(&leaves[i], leaves[i].term, leaves[i].size));
    MUST(count <= query->leaves_count);
    MUST(count > 0 || !query->has_positive);
    MUST(text_query_describe(query, &out));
    MUST(is_utf8((char *)out.data, out.size));
    mem_buffer_free(&out);
}

static void check_snippets(const text_highlight *highlight, size_t size, size_t options)
{
    for (uint32_t i = 0, end = 0; i < highlight->snippets_count; i++) {
        const text_snippet *snippet = &highlight->snippets[i];
        MUST(snippet->begin >= end && snippet->begin < snippet->end && snippet->end <= size);
        MUST(is_utf8(snippet->text, snippet->size));
        end = snippet->end;
    }
}

/* Is a word of the query in the document, not counting sequences? */
static bool has_word(const text_query *query, const uint32_t *frequencies)
{
    for (uint32_t n = 0; n < query->nodes_count; n++) {
        const text_node *node = &query->nodes[n];
        if (node->kind == TEXT_NODE_NO) n = node->end - 1;
        if (node->kind != TEXT_NODE_WORDS || node->items_count > 1) continue;
        if (frequencies[query->items[node->first_item].number]) return true;
    }
    return false;
}

static void check_document(text_analyzer *analyzer, const text_query *query, const uint8_t *text,
                           size_t size, uint8_t lot, size_t options)
{
    static text_match match;
    static text_highlight highlight;
    static uint32_t frequencies[TEXT_QUERY_TERMS_MAX];
    text_highlight_options how = {
        .size = 1 + lot % 64, .count = 1 + lot % 7, .or_beginning = lot % 2};
    bool matches;
    MUST(!text_match_read(&match, analyzer, text, size, NULL));
    MUST(text_match_length(&match) <= match.tokens_count);
    MUST(!text_match_query(&match, query, &matches, frequencies, NULL));
    MUST(!matches || query->nodes_count);
    MUST(!text_highlight_make(&highlight, analyzer, query, text, size, &how, NULL));
    check_snippets(&highlight, size, options);
    bool is_marked = highlight.marks_count > 0;
    MUST(is_marked || !has_word(query, frequencies));
    MUST(is_marked || !matches || !query->has_positive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static text_analyzer *analyzers[ANALYZERS];
    static text_query query;
    if (size < 2) return 0;
    uint8_t lot = data[0];
    size_t typed_size = data[1] < size - 2 ? data[1] : size - 2;
    for (size_t options = 0; options < ANALYZERS; options++) {
        mv_error error = {MV_OK, ""};
        if (!analyzers[options])
            must(text_analyzer_make(&OPTIONS[options], &analyzers[options], &error) == MV_OK,
                 error.text, options);
        mv_err err = text_query_parse(data + 2, typed_size, analyzers[options],
                                      (text_query_words)(lot >> 7), &query, &error);
        must(err == MV_OK || err == MV_LIMIT, error.text, options);
        if (err) continue;
        check_query(&query, options);
        check_document(analyzers[options], &query, data + 2 + typed_size, size - 2 - typed_size,
                       lot & 127, options);
    }
    return 0;
}
