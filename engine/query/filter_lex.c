/* The tokens of the filter language, and how messages point at them. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/filter_tree.h"

/* Bytes of a number. The longest exact decimal value of a double has 1,077. */
#define NUMBER_SIZE_MAX 1100u

/* The tests of <ctype.h> depend on the host program's locale, these do not. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

mv_err filter_lex_fail(const mv_filter *source, const char *at, mv_err code, mv_error *error,
                       const char *format, ...)
{
    char text[MV_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(error, code, "filter:%zu: %.480s", (size_t)(at - source->text) + 1, text);
}

const char *filter_lex_quote(const filter_token *token, char out[FILTER_QUOTE_SIZE])
{
    enum { SHOWN_MAX = 40 };
    if (token->kind == FILTER_TOKEN_END) return "the end";
    size_t shown = token->size;
    static_assert(SHOWN_MAX + sizeof "'...'" <= FILTER_QUOTE_SIZE, "a quoted token fits");
    if (shown > SHOWN_MAX) {
        shown = SHOWN_MAX;
        while (shown > 1 && ((uint8_t)token->text[shown] & 0xC0) == 0x80) shown--;
    }
    char *to = out;
    *to++ = '\'';
    for (size_t i = 0; i < shown; i++) *to++ = (uint8_t)token->text[i] < ' ' ? '?' : token->text[i];
    (void)strcpy(to, shown < token->size ? "...'" : "'");
    return out;
}

bool filter_lex_word_is(const filter_token *token, const char *keyword)
{
    if (token->kind != FILTER_TOKEN_WORD) return false;
    for (size_t i = 0; i < token->size; i++) {
        char c = token->text[i];
        if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
        if (c != keyword[i]) return false; /* also at the keyword's end: no name has a 0 */
    }
    return keyword[token->size] == 0;
}

uint32_t filter_lex_count_arguments(const mv_filter *source)
{
    uint32_t count = 0;
    bool in_string = false; /* the two quotes of a '' end the string and begin it again */
    for (size_t i = 0; i < source->size; i++) {
        if (source->text[i] == '\'') in_string = !in_string;
        if (source->text[i] == '?' && !in_string) count++;
    }
    return count;
}

/* ---------------------------------------------------------------- numbers */

/* The text of a number, split. */
typedef struct number {
    const char *whole; /* digits before the point */
    size_t whole_size;
    const char *fraction; /* digits behind the point */
    size_t fraction_size;
    int exponent;
    bool negative;
    bool is_real; /* has a point or an exponent */
} number;

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && is_digit(*at)) at++;
    return at;
}

/* Read the number that starts at `at`. Returns its end, or NULL if it is malformed. Exponents
 * beyond a million are cut: the result is zero or infinite anyway. */
static const char *read_number(const char *at, const char *end, number *out)
{
    *out = (number){.negative = *at == '-'};
    if (*at == '-' || *at == '+') at++;
    out->whole = at;
    at = skip_digits(at, end);
    out->whole_size = (size_t)(at - out->whole);
    if (at < end && *at == '.') {
        out->is_real = true;
        out->fraction = ++at;
        at = skip_digits(at, end);
        out->fraction_size = (size_t)(at - out->fraction);
    }
    if (out->whole_size + out->fraction_size == 0) return NULL;
    if (at < end && (*at == 'e' || *at == 'E')) {
        out->is_real = true;
        at++;
        bool below = at < end && *at == '-';
        if (at < end && (*at == '-' || *at == '+')) at++;
        const char *digits = at;
        at = skip_digits(at, end);
        if (at == digits) return NULL;
        for (const char *d = digits; d < at; d++)
            if (out->exponent < 100000) out->exponent = out->exponent * 10 + (*d - '0');
        if (below) out->exponent = -out->exponent;
    }
    return at < end && (is_name(*at) || *at == '.') ? NULL : at;
}

/* A signed number if it fits, else an unsigned one; false: it fits neither. */
static bool number_to_integer(const number *n, mv_value *out)
{
    uint64_t magnitude = 0;
    for (size_t i = 0; i < n->whole_size; i++)
        if (__builtin_mul_overflow(magnitude, (uint64_t)10, &magnitude) ||
            __builtin_add_overflow(magnitude, (uint64_t)(n->whole[i] - '0'), &magnitude))
            return false;
    if (magnitude > (uint64_t)INT64_MAX + n->negative) {
        *out = (mv_value){.kind = MV_KIND_UINT, .as.u = magnitude};
        return !n->negative;
    }
    uint64_t bits = n->negative ? 0 - magnitude : magnitude;
    *out = (mv_value){.kind = MV_KIND_INT};
    memcpy(&out->as.i, &bits, sizeof bits);
    return true;
}

/* strtod expects the decimal point of the host program's locale: its text gets no point. */
static double number_to_real(const number *n)
{
    mv_assert(n->whole_size + n->fraction_size <= NUMBER_SIZE_MAX);
    char text[NUMBER_SIZE_MAX + 32];
    char *to = text;
    if (n->negative) *to++ = '-';
    memcpy(to, n->whole, n->whole_size);
    to += n->whole_size;
    if (n->fraction_size) memcpy(to, n->fraction, n->fraction_size);
    to += n->fraction_size;
    (void)snprintf(to, 24, "e%d", n->exponent - (int)n->fraction_size);
    return strtod(text, NULL);
}

static mv_err lex_number(const mv_filter *source, filter_token *token, mv_error *error)
{
    number n;
    const char *end = read_number(token->text, source->text + source->size, &n);
    if (!end) return filter_lex_fail(source, token->text, MV_MISUSE, error, "malformed number");
    token->kind = FILTER_TOKEN_VALUE;
    token->size = (size_t)(end - token->text);
    if (token->size > NUMBER_SIZE_MAX)
        return filter_lex_fail(source, token->text, MV_LIMIT, error,
                               "the number has %zu characters, at most %u are allowed", token->size,
                               NUMBER_SIZE_MAX);
    if (!n.is_real && number_to_integer(&n, &token->value)) return MV_OK;
    token->value = (mv_value){.kind = MV_KIND_REAL, .as.real = number_to_real(&n)};
    if (isinf(token->value.as.real))
        return filter_lex_fail(source, token->text, MV_MISUSE, error, "the number is too large");
    return MV_OK;
}

/* ---------------------------------------------------------------- strings and operators */

static mv_err lex_string(const mv_filter *source, filter_token *token, mem_arena *arena,
                         mv_error *error)
{
    const char *begin = token->text + 1, *end = source->text + source->size, *at = begin;
    size_t quotes = 0;
    for (;; at++) {
        if (at < end) at = memchr(at, '\'', (size_t)(end - at));
        if (!at || at == end)
            return filter_lex_fail(source, token->text, MV_MISUSE, error,
                                   "the string that begins here has no end");
        if (at + 1 == end || at[1] != '\'') break;
        quotes++, at++;
    }
    token->kind = FILTER_TOKEN_VALUE;
    token->size = (size_t)(at + 1 - token->text);
    size_t size = (size_t)(at - begin);
    const char *data = begin;
    if (quotes) {
        char *copy = mem_arena_alloc(arena, size - quotes), *to = copy;
        if (!copy) return error_memory(error, size - quotes, "a string of the filter");
        for (const char *from = begin; from < at; from++) {
            *to++ = *from;
            if (*from == '\'') from++;
        }
        data = copy;
        size -= quotes;
    }
    token->value = (mv_value){.kind = MV_KIND_STRING, .as.string = {data, size}};
    return MV_OK;
}

/* The operators that are signs. */
static const struct {
    char text[3];
    filter_op op;    /* 0: an operator of other languages, which is refused with a hint */
    char instead[4]; /* the hint */
} OPERATORS[] = {
    /* longest first */
    {"<=", FILTER_LE, ""}, {">=", FILTER_GE, ""}, {"!=", FILTER_NE, ""}, {"<>", FILTER_NE, ""},
    {"==", 0, "="},        {"~=", 0, "!="},       {"&&", 0, "AND"},      {"||", 0, "OR"},
    {"=", FILTER_EQ, ""},  {"<", FILTER_LT, ""},  {">", FILTER_GT, ""},  {"!", 0, "NOT"},
};

static mv_err lex_operator(const mv_filter *source, filter_token *token, mv_error *error)
{
    size_t left = source->size - (size_t)(token->text - source->text);
    for (size_t i = 0; i < sizeof OPERATORS / sizeof *OPERATORS; i++) {
        size_t size = strlen(OPERATORS[i].text);
        if (size > left || memcmp(token->text, OPERATORS[i].text, size) != 0) continue;
        if (!OPERATORS[i].op)
            return filter_lex_fail(source, token->text, MV_MISUSE, error,
                                   "no operator '%s' (write '%s')", OPERATORS[i].text,
                                   OPERATORS[i].instead);
        token->kind = FILTER_TOKEN_OPERATOR;
        token->op = OPERATORS[i].op;
        token->size = size;
        return MV_OK;
    }
    if (*token->text == '"')
        return filter_lex_fail(source, token->text, MV_MISUSE, error,
                               "strings are in single quotes, names in none");
    char quoted[FILTER_QUOTE_SIZE];
    token->kind = FILTER_TOKEN_WORD;
    token->size = filter_like_character_size((const uint8_t *)token->text, left);
    return filter_lex_fail(source, token->text, MV_MISUSE, error, "unexpected character %s",
                           filter_lex_quote(token, quoted));
}

mv_err filter_lex(const mv_filter *source, size_t *at, mem_arena *arena, filter_token *out,
                  mv_error *error)
{
    const char *text = source->text;
    while (*at < source->size && is_space(text[*at])) ++*at;
    *out = (filter_token){.kind = FILTER_TOKEN_END, .text = text + *at};
    if (*at == source->size) return MV_OK;

    char c = text[*at];
    out->size = 1;
    switch (c) {
    case '(': out->kind = FILTER_TOKEN_OPEN; break;
    case ')': out->kind = FILTER_TOKEN_CLOSE; break;
    case ',': out->kind = FILTER_TOKEN_COMMA; break;
    case '?': out->kind = FILTER_TOKEN_ARGUMENT; break;
    case '\'': MV_TRY(lex_string(source, out, arena, error)); break;
    default:
        if (is_digit(c) || c == '.' || c == '+' || c == '-') {
            MV_TRY(lex_number(source, out, error));
        } else if (is_name(c)) {
            out->kind = FILTER_TOKEN_WORD;
            while (*at + out->size < source->size && is_name(text[*at + out->size])) out->size++;
        } else {
            MV_TRY(lex_operator(source, out, error));
        }
    }
    *at += out->size;
    return MV_OK;
}
