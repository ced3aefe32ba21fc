/* Analyzers for the tests of everything that reads text, and checks of what comes out. */
#ifndef MV_ANALYZER_SAMPLE_H
#define MV_ANALYZER_SAMPLE_H

#include "test/expect.h"
#include "text/text.h"
#include "text/text_utf8.h"

static const text_options UNICODE = {.tokenizer = TEXT_UNICODE};
static const text_options CODE = {.tokenizer = TEXT_CODE};
static const text_options NGRAM = {.tokenizer = TEXT_NGRAM};
static const text_options WHITESPACE = {.tokenizer = TEXT_WHITESPACE};
static const text_options ENGLISH = {.language = "english"};
static const text_options ENGLISH_STOP = {.language = "english", .language_stop_words = true};

static inline text_analyzer *make(const text_options *options)
{
    text_analyzer *analyzer = NULL;
    mv_error error = {MV_OK, ""};
    if (!EXPECT(text_analyzer_make(options, &analyzer, &error) == MV_OK))
        printf("    %s\n", error.text);
    return analyzer;
}

static inline bool is_utf8(const void *bytes, size_t size)
{
    uint32_t character;
    for (uint32_t at = 0; at < size; at += character)
        if (text_utf8_decode(bytes, (uint32_t)size, at, &character) == TEXT_UTF8_INVALID)
            return false;
    return true;
}

#endif
