/* make_data FIRST COUNT DIM SEED FILE: write rows FIRST .. FIRST + COUNT - 1 of an endless set of
 * clustered vectors as raw little-endian float32.
 *
 * A row is the centre of one of 256 clusters plus noise. Both are close to normal: the number of
 * ones in 64 random bits is binomial with standard deviation 4, and takes a nanosecond. So all
 * values are whole numbers from -127 to 127, which float32, float16 and int8 represent exactly: one
 * file and one set of true neighbours serve every element type. A row depends only on the seed and
 * its number, so rows past the end of the base set are queries of the same distribution. */
#include "random_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTERS     256u
#define CENTRE_SCALE 6 /* standard deviation 24 */
#define NOISE_SCALE  2 /* standard deviation 8 */

static void make_centres(int *centres, size_t dim, uint64_t seed)
{
    for (size_t c = 0; c < CLUSTERS; c++) {
        uint64_t state = random_stream(~seed, c);
        for (size_t i = 0; i < dim; i++)
            centres[c * dim + i] = CENTRE_SCALE * random_bits_normal(&state);
    }
}

static void make_row(float *row, const int *centres, size_t dim, uint64_t seed, uint64_t number)
{
    uint64_t state = random_stream(seed, number);
    const int *centre = centres + random_next(&state) % CLUSTERS * dim;
    for (size_t i = 0; i < dim; i++) {
        int value = centre[i] + NOISE_SCALE * random_bits_normal(&state);
        row[i] = (float)(value > 127 ? 127 : value < -127 ? -127 : value);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) return fprintf(stderr, "usage: make_data FIRST COUNT DIM SEED FILE\n"), 2;
    uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    size_t dim = strtoul(argv[3], NULL, 10);
    uint64_t seed = strtoull(argv[4], NULL, 10);
    int *centres = calloc(CLUSTERS * dim, sizeof *centres);
    float *row = calloc(dim, sizeof *row);
    FILE *file = fopen(argv[5], "wb");
    if (!dim || !centres || !row || !file) {
        return fprintf(stderr, "make_data: %s: %s\n", argv[5], strerror(errno)), 1;
    }
    make_centres(centres, dim, seed);
    for (uint64_t i = 0; i < count; i++) {
        make_row(row, centres, dim, seed, first + i);
        if (fwrite(row, sizeof *row, dim, file) != dim) break;
    }
    int failed = ferror(file);
    if (fclose(file) || failed)
        return fprintf(stderr, "make_data: %s: %s\n", argv[5], strerror(errno)), 1;
    free(centres);
    free(row);
    return 0;
}
