/* Fuzzer of analyzers: any bytes, read by every tokenizer as a document and as a query. Terms are
 * valid UTF-8 of 1 to 255 bytes, and their places go forward within the text. */
#include "test/fuzz_must.h"
#include "text/text.h"
#include "text/text_utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char STOP_WORDS[] = "fox \u00E9t\u00E9";

static const text_options OPTIONS[] = {
    {.tokenizer = TEXT_UNICODE},
    {.tokenizer = TEXT_CODE},
    {.tokenizer = TEXT_NGRAM},
    {.tokenizer = TEXT_WHITESPACE, .stop_words = STOP_WORDS},
#ifdef MV_HAVE_STEMMER
    {.tokenizer = TEXT_UNICODE, .language = "english", .language_stop_words = true},
    {.tokenizer = TEXT_UNICODE, .language = "french", .stop_words = STOP_WORDS},
    {.tokenizer = TEXT_UNICODE, .language = "turkish"},
    {.tokenizer = TEXT_CODE, .language = "german", .language_stop_words = true},
#endif
};
#define ANALYZERS (sizeof OPTIONS / sizeof *OPTIONS)

static void check_token(const text_token *token, const text_token *before, size_t size,
                        size_t options)
{
    uint32_t bytes;
    MUST(token->size > 0 && token->size <= TEXT_TERM_MAX);
    MUST(token->begin < token->end && token->end <= size);
    MUST(token->begin >= before->begin);
    MUST(token->position >= before->position);
    for (uint32_t at = 0; at < token->size; at += bytes)
        MUST(text_utf8_decode((const uint8_t *)token->term, token->size, at, &bytes) !=
             TEXT_UTF8_INVALID);
}

static void read_text(text_analyzer *analyzer, const uint8_t *data, size_t size, bool is_query,
                      size_t options)
{
    text_token before = {0}, token;
    text_begin(analyzer, data, size, is_query);
    for (; text_next(analyzer, &token); before = token) {
        check_token(&token, &before, size, options);
        MUST(is_query || !token.is_prefix);
    }
    MUST(!text_next(analyzer, &token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static text_analyzer *analyzers[ANALYZERS];
    for (size_t options = 0; options < ANALYZERS; options++) {
        mv_error error;
        if (!analyzers[options])
            must(text_analyzer_make(&OPTIONS[options], &analyzers[options], &error) == MV_OK,
                 error.text, options);
        read_text(analyzers[options], data, size, false, options);
        read_text(analyzers[options], data, size, true, options);
    }
    return 0;
}
