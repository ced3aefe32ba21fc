/* Plain lines of JSON (json_line.h), after the grammar of RFC 8259. No token contains "\n", so that
 * every function stops there. Each returns the position behind what it has read, or NULL. */
#include "json_line.h"

#include "check_args.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Digits of a whole number that a double always holds. */
#define WHOLE_DIGITS_MAX 15
/* Digits of another number; chosen. */
#define REAL_DIGITS_MAX 64

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r') at++;
    return at;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---------------------------------------------------------------- strings */

/* The first byte that is not an ordinary one: a quotation mark, a backslash, a control character.
 */
static const char *skip_ordinary(const char *at)
{
    while ((unsigned char)*at >= ' ' && *at != '"' && *at != '\\') at++;
    return at;
}

/* Four hexadecimal digits. */
static const char *read_unit(const char *at, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, at++) {
        char lower = (char)(*at | 0x20);
        if (is_digit(*at))
            *unit = *unit * 16 + (uint32_t)(*at - '0');
        else if (lower >= 'a' && lower <= 'f')
            *unit = *unit * 16 + (uint32_t)(lower - 'a') + 10;
        else
            return NULL;
    }
    return at;
}

static size_t put_utf8(uint32_t c, char *to)
{
    size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size; i-- > 1; c >>= 6) to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(first[size] | c);
    return size;
}

/* \uXXXX, behind the "u": a character, or the first half of a surrogate pair, then the second
 * follows. Writes up to 4 bytes, fewer than it reads. */
static const char *read_unicode(const char *at, char *to, size_t *size)
{
    uint32_t c, low;
    if (!(at = read_unit(at, &c)) || (c & 0xFC00) == 0xDC00) return NULL;
    if ((c & 0xFC00) == 0xD800) {
        if (at[0] != '\\' || at[1] != 'u') return NULL;
        if (!(at = read_unit(at + 2, &low)) || (low & 0xFC00) != 0xDC00) return NULL;
        c = 0x10000 + ((c & 0x3FF) << 10) + (low & 0x3FF);
    }
    *size = put_utf8(c, to);
    return at;
}

static const char *read_escape(const char *at, char *to, size_t *size)
{
    static const char codes[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    if (*at == 'u') return read_unicode(at + 1, to, size);
    const char *code = *at ? strchr(codes, *at) : NULL;
    if (!code) return NULL;
    *to = bytes[code - codes];
    *size = 1;
    return at + 1;
}

/* The rest of a string with escapes; `first`: its first byte, `at`: its first backslash. */
static const char *read_escaped(json_line *line, const char *first, const char *at, mv_value *value)
{
    char *text = line->texts + line->texts_size;
    size_t room = sizeof line->texts - line->texts_size, size = 0;
    for (;;) {
        size_t ordinary = (size_t)(at - first), escaped;
        if (ordinary + 4 > room - size) return NULL;
        memcpy(text + size, first, ordinary);
        size += ordinary;
        if (*at == '"') break;
        if (*at != '\\' || !(first = read_escape(at + 1, text + size, &escaped))) return NULL;
        size += escaped;
        at = skip_ordinary(first);
    }
    line->texts_size += size;
    value->as.string.data = text;
    value->as.string.size = size;
    return at + 1;
}

/* A string, behind its quotation mark. */
static const char *read_string(json_line *line, const char *first, mv_value *value)
{
    const char *at = skip_ordinary(first);
    value->kind = MV_KIND_STRING;
    if (*at == '\\') return read_escaped(line, first, at, value);
    value->as.string.data = first;
    value->as.string.size = (size_t)(at - first);
    return *at == '"' ? at + 1 : NULL;
}

/* ---------------------------------------------------------------- numbers */

/* Append digits to `digits`. Returns NULL if there is none, or no room. */
static const char *read_digits(const char *at, char *digits, size_t *size)
{
    if (!is_digit(*at)) return NULL;
    for (; is_digit(*at); at++) {
        if (*size == REAL_DIGITS_MAX) return NULL;
        digits[(*size)++] = *at;
    }
    return at;
}

/* The exponent behind an "e". */
static const char *read_exponent(const char *at, int *exponent)
{
    bool is_small = *at == '-';
    at += *at == '-' || *at == '+';
    const char *first = at;
    for (; is_digit(*at) && at - first < 4; at++) *exponent = *exponent * 10 + (*at - '0');
    if (is_small) *exponent = -*exponent;
    return at == first || is_digit(*at) ? NULL : at;
}

/* A number with a point or an exponent, behind its sign. strtod expects the decimal point of the
 * host program's locale, so it gets a whole number and an exponent. */
static const char *read_real(const char *at, bool is_negative, mv_value *value)
{
    char text[REAL_DIGITS_MAX + 16];
    size_t size = 0;
    int exponent = 0;
    if (!(at = read_digits(at, text, &size))) return NULL;
    size_t whole_size = size;
    if (*at != '.' && *at != 'e' && *at != 'E') return NULL;
    if (*at == '.' && !(at = read_digits(at + 1, text, &size))) return NULL;
    if ((*at == 'e' || *at == 'E') && !(at = read_exponent(at + 1, &exponent))) return NULL;
    exponent -= (int)(size - whole_size);
    (void)snprintf(text + size, sizeof text - size, "e%d", exponent);
    double number = strtod(text, NULL);
    if (!isfinite(number)) return NULL;
    bool is_whole = !(number == 0 && is_negative) && is_whole_number(number, &value->as.i);
    value->kind = is_whole ? MV_KIND_INT : MV_KIND_REAL;
    if (is_negative && is_whole) value->as.i = -value->as.i;
    if (!is_whole) value->as.real = is_negative ? -number : number;
    return at;
}

static const char *read_number(const char *at, mv_value *value)
{
    bool is_negative = *at == '-';
    const char *first = at += is_negative;
    int64_t whole = 0;
    for (; is_digit(*at) && at - first <= WHOLE_DIGITS_MAX; at++) whole = whole * 10 + (*at - '0');
    if (at == first || (*first == '0' && at - first > 1)) return NULL;
    if (is_digit(*at) || *at == '.' || *at == 'e' || *at == 'E')
        return read_real(first, is_negative, value);
    if (at - first > WHOLE_DIGITS_MAX || (is_negative && !whole)) return NULL;
    value->kind = MV_KIND_INT;
    value->as.i = is_negative ? -whole : whole;
    return at;
}

/* ---------------------------------------------------------------- values */

static const char *read_literal(const char *at, const char *literal)
{
    size_t size = strlen(literal);
    return strncmp(at, literal, size) == 0 ? at + size : NULL;
}

/* Any value but an array, an object and null. */
static const char *read_scalar(json_line *line, const char *at, mv_value *value)
{
    switch (*at) {
    case '"': return read_string(line, at + 1, value);
    case 't':
    case 'f':
        value->kind = MV_KIND_BOOL;
        value->as.boolean = *at == 't';
        return read_literal(at, value->as.boolean ? "true" : "false");
    default: return read_number(at, value);
    }
}

/* An array, behind its bracket. */
static const char *read_array(json_line *line, const char *at, mv_value *value)
{
    mv_value *items = line->items + line->items_count;
    size_t room = JSON_ITEMS_MAX - line->items_count, count = 0;
    at = skip_space(at);
    if (*at != ']') {
        for (;;) {
            if (count == room || !(at = read_scalar(line, at, &items[count++]))) return NULL;
            at = skip_space(at);
            if (*at != ',') break;
            at = skip_space(at + 1);
        }
    }
    line->items_count += count;
    value->kind = MV_KIND_LIST;
    value->as.list.items = items;
    value->as.list.count = count;
    return *at == ']' ? at + 1 : NULL;
}

static const char *read_value_of_member(json_line *line, const char *at, mv_value *value)
{
    if (*at == '[') return read_array(line, at + 1, value);
    if (*at != 'n') return read_scalar(line, at, value);
    value->kind = MV_KIND_NULL;
    return read_literal(at, "null");
}

static const char *read_member(json_line *line, const char *at)
{
    if (*at != '"' || line->members_count == JSON_MEMBERS_MAX) return NULL;
    json_member *member = &line->members[line->members_count++];
    member->key = at + 1;
    at = skip_ordinary(at + 1);
    member->key_size = (size_t)(at - member->key);
    if (*at != '"') return NULL;
    at = skip_space(at + 1);
    return *at == ':' ? read_value_of_member(line, skip_space(at + 1), &member->value) : NULL;
}

const char *json_line_read(json_line *line, const char *at)
{
    line->members_count = line->items_count = line->texts_size = 0;
    at = skip_space(at);
    if (*at != '{') return NULL;
    do {
        if (!(at = read_member(line, skip_space(at + 1)))) return NULL;
        at = skip_space(at);
    } while (*at == ',');
    if (*at != '}') return NULL;
    at = skip_space(at + 1);
    return *at == '\n' ? at + 1 : NULL;
}
