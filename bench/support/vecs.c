/* Converts files of vectors between the formats of published sets (.fvecs, .bvecs, .hvecs: records
 * of an int32 dimension and the values: float32, uint8 or float16) and of the bench (raw
 * float32).
 *
 *   vecs raw IN OUT ROWS     IN to raw float32, at most ROWS rows (0: all)
 *   vecs fvecs IN DIM OUT    raw float32 to .fvecs */
#include "mapped_file.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static void fail(const char *path, const char *text)
{
    fprintf(stderr, "vecs: %s: %s\n", path, text);
    exit(1);
}

static float half_to_float(uint16_t half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    float value = exponent == 0    ? ldexpf((float)mantissa, -24)
                  : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                   : ldexpf((float)(1024 + mantissa), exponent - 25);
    return half & 0x8000 ? -value : value;
}

/* Bytes of a value, by the extension of the file name. */
static size_t value_size(const char *path)
{
    size_t length = strlen(path);
    const char *end = length > 6 ? path + length - 6 : "";
    if (!strcmp(end, ".fvecs")) return 4;
    if (!strcmp(end, ".hvecs")) return 2;
    if (!strcmp(end, ".bvecs")) return 1;
    fail(path, "should end in .fvecs, .hvecs or .bvecs");
    return 0;
}

static void read_values(float *row, const uint8_t *bytes, size_t dim, size_t size)
{
    for (size_t i = 0; i < dim; i++) {
        uint16_t half;
        if (size == 4)
            memcpy(row + i, bytes + 4 * i, 4);
        else if (size == 1)
            row[i] = bytes[i];
        else
            memcpy(&half, bytes + 2 * i, 2), row[i] = half_to_float(half);
    }
}

static void to_raw(const char *in, FILE *out, size_t rows_max)
{
    size_t size, value = value_size(in);
    const uint8_t *bytes = mapped_file(in, &size);
    int32_t dim = 0;
    if (size >= sizeof dim) memcpy(&dim, bytes, sizeof dim);
    if (dim < 1 || dim > 65535) fail(in, "does not begin with a dimension");
    size_t record = sizeof dim + value * (size_t)dim, rows = size / record;
    if (size % record) fail(in, "has a size that is not a whole number of vectors");
    if (rows_max && rows > rows_max) rows = rows_max;
    float *row = calloc((size_t)dim, sizeof *row);
    if (!row) fail(in, "out of memory");
    for (size_t i = 0; i < rows; i++) {
        if (memcmp(bytes + i * record, &dim, sizeof dim))
            fail(in, "has vectors of different dimensions");
        read_values(row, bytes + i * record + sizeof dim, (size_t)dim, value);
        fwrite(row, sizeof *row, (size_t)dim, out);
    }
    free(row);
}

static void to_fvecs(const char *in, size_t dim, FILE *out)
{
    size_t size;
    const float *values = mapped_file(in, &size);
    int32_t head = (int32_t)dim;
    if (!dim || size % (dim * sizeof *values)) fail(in, "has not a whole number of vectors");
    for (size_t i = 0; i < size / dim / sizeof *values; i++) {
        fwrite(&head, sizeof head, 1, out);
        fwrite(values + i * dim, sizeof *values, dim, out);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return fprintf(stderr, "usage: vecs raw IN OUT ROWS | vecs fvecs IN DIM OUT\n"), 2;
    int is_raw = !strcmp(argv[1], "raw");
    const char *path = argv[is_raw ? 3 : 4];
    FILE *out = fopen(path, "wb");
    if (!out) fail(path, strerror(errno));
    if (is_raw)
        to_raw(argv[2], out, strtoul(argv[4], NULL, 10));
    else
        to_fvecs(argv[2], strtoul(argv[3], NULL, 10), out);
    int failed = ferror(out);
    if (fclose(out) || failed) fail(path, strerror(errno));
    return 0;
}
