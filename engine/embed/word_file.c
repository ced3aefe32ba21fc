/* The formats (mv_embedder_open_words):
 *
 * text      lines of a word, and its numbers in decimal, separated by single spaces or tabs; a word
 *           may contain spaces, since the last numbers of a line are counted. fastText and word2vec
 *           write a first line with the number of words and of numbers, GloVe does not.
 * binary    that first line; then for each word its bytes, a space, and its numbers as float32,
 *           little-endian; a line feed may stand before a word (word2vec writes one behind the
 *           numbers).
 *
 * A file with a first line is binary if its second line is not a line of text with as many numbers
 * as the first says. */
#include "embed/word_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/os.h"

#define LINE_SIZE_MAX (1u << 24) /* bytes: 65,535 numbers of up to 250 bytes */

/* A part of the file. */
typedef struct file_part {
    const uint8_t *at, *end;
} file_part;

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line, without white space at its end. False: the file is at its end. */
static bool next_line(file_part *file, file_part *line)
{
    if (file->at == file->end) return false;
    const uint8_t *feed = memchr(file->at, '\n', (size_t)(file->end - file->at));
    line->at = file->at;
    line->end = feed ? feed : file->end;
    file->at = feed ? feed + 1 : file->end;
    while (line->end > line->at && is_blank(line->end[-1])) line->end--;
    return true;
}

/* ---------------------------------------------------------------- numbers */

static const double POWERS_OF_TEN[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define POWER_MAX 22

static double scale_number(uint64_t digits, int32_t power)
{
    double number = (double)digits;
    for (; power > POWER_MAX; power -= POWER_MAX) number *= POWERS_OF_TEN[POWER_MAX];
    for (; power < -POWER_MAX; power += POWER_MAX) number /= POWERS_OF_TEN[POWER_MAX];
    return power < 0 ? number / POWERS_OF_TEN[-power] : number * POWERS_OF_TEN[power];
}

/* Read "e-05" at *at. False: it is none. */
static bool read_exponent(const uint8_t **at, const uint8_t *end, int32_t *power)
{
    const uint8_t *p = *at + 1;
    int32_t exponent = 0;
    bool is_negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end || *p < '0' || *p > '9') return false;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if (exponent < 1000) exponent = exponent * 10 + (*p - '0');
    *power += is_negative ? -exponent : exponent;
    *at = p;
    return true;
}

/* Read a decimal number that fills text[0..size]. The nearest double, or the one beside it,
 * whatever the locale, and several times as fast as strtod. False: it is none, or none that is
 * finite as a float. */
static bool read_decimal(const uint8_t *text, size_t size, float *out)
{
    const uint8_t *at = text, *end = text + size;
    uint64_t digits = 0;
    int32_t power = 0;
    bool has_digit = false, has_point = false;
    bool is_negative = size && *at == '-';
    if (size && (*at == '-' || *at == '+')) at++;
    for (; at < end; at++) {
        if (*at == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (*at < '0' || *at > '9') break;
        has_digit = true;
        bool is_kept = digits < UINT64_MAX / 10 - 1; /* later digits do not matter */
        if (is_kept) digits = digits * 10 + (uint64_t)(*at - '0');
        if (has_point && is_kept) power--;
        if (!has_point && !is_kept && power < 100000) power++;
    }
    if (!has_digit) return false;
    if (at < end && (*at == 'e' || *at == 'E') && !read_exponent(&at, end, &power)) return false;
    double number = digits ? scale_number(digits, power) : 0;
    *out = (float)(is_negative ? -number : number);
    return at == end && isfinite(*out);
}

/* Read a whole number that fills text[0..size]. */
static bool read_digits(const uint8_t *text, size_t size, uint64_t *out)
{
    if (!size || size > 18) return false;
    *out = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

/* ---------------------------------------------------------------- text */

/* The last field of a line, which it loses. NULL: it has none, or one field only. */
static const uint8_t *last_field(file_part *line, size_t *size)
{
    const uint8_t *at = line->end;
    while (at > line->at && !is_blank(at[-1])) at--;
    if (at == line->at) return NULL;
    *size = (size_t)(line->end - at);
    line->end = at - 1;
    return at;
}

static uint32_t count_blanks(file_part line)
{
    uint32_t count = 0;
    for (const uint8_t *at = line.at; at < line.end; at++) count += is_blank(*at);
    return count;
}

/* Is the line "count dim"? */
static bool read_header(file_part line, uint64_t *count, uint64_t *dim)
{
    size_t size;
    const uint8_t *field = last_field(&line, &size);
    return field && read_digits(field, size, dim) && *dim > 0 &&
           read_digits(line.at, (size_t)(line.end - line.at), count);
}

/* Read the numbers of a line from its end; the rest is its word. Returns the position of a
 * number that is none, from 1; 0: all are. */
static uint32_t read_line(file_part *line, float *numbers, uint32_t dim)
{
    for (uint32_t i = dim; i > 0; i--) {
        size_t size = 0;
        const uint8_t *field = last_field(line, &size);
        if (!field || !read_decimal(field, size, &numbers[i - 1])) return i;
    }
    return line->at == line->end ? dim : 0;
}

static uint64_t count_lines(file_part file)
{
    uint64_t count = 0;
    for (file_part line; next_line(&file, &line); count++) {
    }
    return count;
}

/* Memory for all lines that a file can have: at least two bytes for a number, and two for a word.
 */
static mv_err make_rows(token_rows *rows, file_part file, uint32_t dim, mv_error *error)
{
    uint64_t most = (uint64_t)(file.end - file.at) / (2 * (uint64_t)dim + 1) + 1;
    uint64_t lines = count_lines(file);
    size_t size = mem_array_size(lines < most ? lines : most, (size_t)dim * sizeof(float));
    rows->memory = mem_alloc(size);
    if (!rows->memory) return error_memory(error, size, "word vectors");
    rows->memory_size = size;
    rows->bytes = (const uint8_t *)rows->memory;
    rows->type = MV_TENSOR_F32;
    rows->dim = dim;
    return MV_OK;
}

static mv_err bad_line(file_part line, uint64_t number, uint32_t position, uint32_t dim,
                       mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    size_t size = 0;
    uint32_t blanks = count_blanks(line);
    if (blanks < dim)
        return error_set(error, MV_CORRUPT, "line %llu has %u numbers behind its word, expected %u",
                         (unsigned long long)number, (unsigned)blanks, (unsigned)dim);
    const uint8_t *field = line.end;
    for (uint32_t i = dim + 1; i > position && field; i--) field = last_field(&line, &size);
    return error_set(error, MV_CORRUPT,
                     "line %llu: number %u of %u is %s, expected a finite number",
                     (unsigned long long)number, (unsigned)position, (unsigned)dim,
                     error_quote(field, field ? size : 0, quoted));
}

/* Read lines from `file`, the first of which has number `line_number`. */
static mv_err read_text_rows(word_list *words, token_rows *rows, file_part file,
                             uint64_t line_number, uint32_t dim, mv_error *error)
{
    MV_TRY(make_rows(rows, file, dim, error));
    float *numbers = rows->memory;
    for (file_part line; next_line(&file, &line); line_number++) {
        file_part word = line;
        if (line.at == line.end) continue;
        uint32_t bad = line.end - line.at > (ptrdiff_t)LINE_SIZE_MAX ? 1 : count_blanks(line) < dim;
        if (!bad) bad = read_line(&word, numbers, dim);
        if (bad) return bad_line(line, line_number, bad, dim, error);
        MV_TRY(word_list_add(words, word.at, (size_t)(word.end - word.at), error));
        numbers += dim;
    }
    rows->count = words->count;
    return MV_OK;
}

/* ---------------------------------------------------------------- binary */

static mv_err bad_word(uint64_t number, uint64_t count, const char *what, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "word %llu of %llu %s", (unsigned long long)number,
                     (unsigned long long)count, what);
}

static mv_err read_binary(word_list *words, token_rows *rows, file_part file, uint64_t count,
                          uint32_t dim, mv_error *error)
{
    size_t row_size = (size_t)dim * sizeof(float);
    /* A row has its numbers, a space, and at least a byte of a word. */
    if (count > (uint64_t)(file.end - file.at) / (row_size + 2))
        return error_set(error, MV_CORRUPT,
                         "the first line promises %llu words with %u numbers, the file has %llu "
                         "bytes",
                         (unsigned long long)count, (unsigned)dim,
                         (unsigned long long)rows->file_size);
    size_t size = mem_array_size(count, sizeof *rows->offsets);
    rows->offsets = mem_alloc(size);
    if (!rows->offsets) return error_memory(error, size, "the places of word vectors");
    rows->count = count;
    rows->bytes = rows->file;
    rows->type = MV_TENSOR_F32;
    rows->dim = dim;
    for (uint64_t i = 0; i < count; i++) {
        if (file.at < file.end && *file.at == '\n') file.at++;
        const uint8_t *space = memchr(file.at, ' ', (size_t)(file.end - file.at));
        if (!space) return bad_word(i + 1, count, "has no end", error);
        if (space == file.at) return bad_word(i + 1, count, "is empty", error);
        if ((size_t)(file.end - space - 1) < row_size)
            return bad_word(i + 1, count, "lacks numbers: the file is too short", error);
        MV_TRY(word_list_add(words, file.at, (size_t)(space - file.at), error));
        rows->offsets[i] = (uint64_t)(space + 1 - rows->file);
        file.at = space + 1 + row_size;
    }
    while (file.at < file.end && (*file.at == '\n' || is_blank(*file.at))) file.at++;
    if (file.at < file.end)
        return error_set(error, MV_CORRUPT, "there are %llu bytes behind the last of %llu words",
                         (unsigned long long)(file.end - file.at), (unsigned long long)count);
    return MV_OK;
}

/* ---------------------------------------------------------------- either */

/* Is the next line one of text with `dim` numbers? */
static mv_err is_text_next(file_part file, uint32_t dim, bool *is_text, mv_error *error)
{
    file_part line;
    size_t size = (size_t)dim * sizeof(float);
    float *numbers = mem_alloc(size);
    if (!numbers) return error_memory(error, size, "a word vector");
    *is_text =
        next_line(&file, &line) && count_blanks(line) >= dim && read_line(&line, numbers, dim) == 0;
    mem_free(numbers, size);
    return MV_OK;
}

/* The number of numbers in the first line of a file without a header. */
static mv_err guess_dim(file_part line, uint32_t *dim, mv_error *error)
{
    float number;
    size_t size;
    for (*dim = 0; *dim <= MV_DIM_MAX; ++*dim) {
        const uint8_t *field = last_field(&line, &size);
        if (!field || !read_decimal(field, size, &number)) break;
    }
    if (*dim == 0 || *dim > MV_DIM_MAX)
        return error_set(error, MV_CORRUPT,
                         "line 1 is neither \"count dim\" nor a word and its numbers");
    return MV_OK;
}

mv_err word_file_read(word_list *words, token_rows *rows, uint64_t *hash, mv_error *error)
{
    file_part file = {rows->file, rows->file + rows->file_size}, line, behind;
    uint64_t count = 0, wide = 0;
    uint32_t dim = 0;
    bool has_header = false, is_text = true;
    if (!rows->file || !next_line(&file, &line))
        return error_set(error, MV_CORRUPT, "the file is empty");
    behind = file;
    has_header = read_header(line, &count, &wide);
    if (has_header && wide > MV_DIM_MAX)
        return error_set(error, MV_LIMIT, "the words have %llu numbers, at most %u are supported",
                         (unsigned long long)wide, MV_DIM_MAX);
    dim = (uint32_t)wide;
    if (has_header)
        MV_TRY(is_text_next(behind, dim, &is_text, error));
    else
        MV_TRY(guess_dim(line, &dim, error));
    if (!is_text) {
        MV_TRY(read_binary(words, rows, behind, count, dim, error));
        rows->tokens_count = words->count;
        *hash = token_rows_hash(rows);
        return MV_OK;
    }
    if (!has_header) behind.at = rows->file;
    MV_TRY(read_text_rows(words, rows, behind, has_header ? 2 : 1, dim, error));
    if (has_header && words->count != count)
        return error_set(error, MV_CORRUPT, "line 1 promises %llu words, the file has %u",
                         (unsigned long long)count, (unsigned)words->count);
    *hash = hash_bytes(rows->file, (size_t)rows->file_size, 0);
    os_unmap(rows->file, rows->file_size);
    rows->file = NULL;
    rows->file_size = 0;
    rows->tokens_count = words->count;
    return MV_OK;
}
