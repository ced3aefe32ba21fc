/* Analyzers: options, and the choice of the tokenizer. */
#include "text/text.h"

#include <string.h>

#include "base/error.h"
#include "base/index_kind.h"
#include "base/mem.h"
#include "base/type.h"
#include "text/text_state.h"
#include "text/text_utf8.h"

static const char *const TOKENIZER_NAMES[TEXT_TOKENIZERS_COUNT] = {
    [TEXT_UNICODE] = "unicode",
    [TEXT_CODE] = "code",
    [TEXT_NGRAM] = "ngram",
    [TEXT_WHITESPACE] = "whitespace",
};

const char *text_tokenizer_name(text_tokenizer tokenizer)
{
    return (size_t)tokenizer < TEXT_TOKENIZERS_COUNT ? TOKENIZER_NAMES[tokenizer] : NULL;
}

text_options text_options_of(const mv_text_options *index)
{
    bool has_list = index_kind_has_list(index->stop_words);
    return (text_options){.tokenizer = (text_tokenizer)index->tokenizer,
                          .language = index->language ? names_of_languages[index->language] : NULL,
                          .language_stop_words = index->stop_words && !has_list,
                          .stop_words = has_list ? index->stop_words : NULL};
}

mv_err text_options_check(const text_options *options, mv_error *error)
{
    const char *name = text_tokenizer_name(options->tokenizer);
    if (!name)
        return error_set(error, MV_MISUSE, "there is no tokenizer %d", (int)options->tokenizer);
    if (options->tokenizer != TEXT_WHITESPACE && !text_fold_is_built())
        return error_set(
            error, MV_WRONG_VERSION,
            "tokenizer '%s' needs utf8proc, which this build of moonvec does not have: "
            "build it where utf8proc is installed (Debian: libutf8proc-dev)",
            name);
    bool has_words = options->tokenizer == TEXT_UNICODE || options->tokenizer == TEXT_CODE;
    if (!has_words && options->language && *options->language)
        return error_set(error, MV_MISUSE,
                         "tokenizer '%s' takes no language: its terms stay as they are", name);
    if (options->tokenizer == TEXT_NGRAM && options->stop_words && *options->stop_words)
        return error_set(error, MV_MISUSE,
                         "tokenizer 'ngram' takes no stop words: it has no words");
    return text_language_check(options, error);
}

/* What the tokenizers look ASCII up in. */
static void fill_ascii(text_analyzer *a)
{
    for (int c = 0; c < 256; c++) {
        bool is_lower = c >= 'a' && c <= 'z', is_digit = c >= '0' && c <= '9';
        if (is_lower || is_digit || c == '_')
            a->ascii[c] = (uint8_t)c;
        else if (c >= 'A' && c <= 'Z')
            a->ascii[c] = (uint8_t)(c - 'A' + 'a');
        else
            a->ascii[c] = c >= 0x80 ? TEXT_ASCII_OTHER : TEXT_ASCII_SPACE;
    }
    for (const char *mid = ".,;'"; *mid; mid++) a->ascii[(uint8_t)*mid] = TEXT_ASCII_MID;
    for (const text_letter *letter = a->fold.letters; letter && letter->from; letter++)
        if (letter->from < 0x80) a->ascii[letter->from] = TEXT_ASCII_OTHER;
}

mv_err text_analyzer_make(const text_options *options, text_analyzer **out, mv_error *error)
{
    MV_TRY(text_options_check(options, error));
    text_analyzer *a = mem_alloc_zero(sizeof *a);
    if (!a) return error_memory(error, sizeof *a, "an analyzer");
    bool is_folding = options->tokenizer != TEXT_WHITESPACE;
    a->tokenizer = options->tokenizer;
    if (is_folding) text_fold_make(&a->fold, text_language_letters(options->language));
    fill_ascii(a);
    if ((options->language && *options->language) ||
        (options->stop_words && *options->stop_words)) {
        a->keeps_accents = true;
        mv_err err = text_language_make(options, is_folding ? &a->fold : NULL, &a->language, error);
        if (err) {
            text_analyzer_free(a);
            return err;
        }
    }
    *out = a;
    return MV_OK;
}

void text_analyzer_free(text_analyzer *analyzer)
{
    if (!analyzer) return;
    text_language_free(analyzer->language);
    mem_free(analyzer, sizeof *analyzer);
}

void text_begin(text_analyzer *analyzer, const void *text, size_t size, bool is_query)
{
    mv_assert(size <= UINT32_MAX);
    analyzer->text = text;
    analyzer->size = (uint32_t)size;
    analyzer->at = 0;
    analyzer->position = 0;
    analyzer->is_query = is_query;
    analyzer->run.group = 0;
    analyzer->identifier = (text_identifier){0, 0};
    if (analyzer->tokenizer == TEXT_NGRAM) text_run_begin(analyzer, 3);
}

/* The tokenizer `whitespace`. */
static bool next_between_spaces(text_analyzer *a, text_token *token)
{
    uint32_t bytes = 0;
    while (a->at < a->size) {
        uint32_t begin = a->at, size = 0;
        for (; a->at < a->size; a->at += bytes) {
            uint32_t c = text_utf8_decode(a->text, a->size, a->at, &bytes);
            if (text_utf8_is_space(c)) break;
            if (a->at + bytes - begin <= TEXT_TERM_MAX) size = a->at + bytes - begin;
        }
        if (size == 0) {
            a->at += bytes;
            continue;
        }
        memcpy(a->word, a->text + begin, size);
        if (text_state_token(a, token, size, begin, a->at)) return true;
    }
    return false;
}

bool text_next(text_analyzer *analyzer, text_token *token)
{
    switch (analyzer->tokenizer) {
    case TEXT_UNICODE: return text_unicode_next(analyzer, token);
    case TEXT_CODE: return text_code_next(analyzer, token);
    case TEXT_NGRAM: return text_run_next(analyzer, token);
    default: return next_between_spaces(analyzer, token);
    }
}
