/* filter_keys random|pole BASE DIM l2|cosine|ip SEED FILE
 * filter_keys near|far BASE DIM l2|cosine|ip SEED FILE POOL COUNT
 *
 * Keys for filters of a known selectivity: a permutation of 0 .. rows - 1, written as int32, so
 * that "key < N" matches N rows.
 *
 * random: not correlated with the vectors.
 * pole: the rank by distance from a pole, a point in the set: "key < N" matches the N rows around
 * it. The pole is the mean of the AROUND nearest neighbours of a random row, including that row,
 * scaled to length 1 unless the metric is l2. (A single row is worse: in many dimensions its own
 * noise makes it as far from its neighbours as from other rows.)
 *
 * near, far: write the COUNT rows of POOL that are nearest to the pole, or farthest from it, as raw
 * float32. As queries, most of their neighbours match a filter on the ranks, or do not. */
#include "mapped_file.h"
#include "random_rows.h"
#include "row_distance.h"

#define AROUND 100u

typedef struct vectors {
    const float *values;
    size_t rows, dim;
    metric metric;
} vectors;

typedef struct ranked {
    double distance;
    size_t row;
} ranked;

static void *memory(size_t count, size_t size)
{
    void *bytes = calloc(count ? count : 1, size);
    if (!bytes) fprintf(stderr, "filter_keys: out of memory\n"), exit(1);
    return bytes;
}

static vectors read_vectors(const char *path, const char *dim, const char *metric_name)
{
    vectors v = {.dim = strtoul(dim, NULL, 10), .metric = metric_named(metric_name)};
    size_t size;
    v.values = mapped_file(path, &size);
    if (!v.dim || size % (v.dim * sizeof(float))) {
        fprintf(stderr, "filter_keys: %s has not a whole number of vectors\n", path);
        exit(1);
    }
    v.rows = size / v.dim / sizeof(float);
    return v;
}

static int by_distance(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* All rows by their distance from a point, nearest first. */
static ranked *rank_rows(const vectors *v, const float *point)
{
    ranked *list = memory(v->rows, sizeof *list);
    for (size_t row = 0; row < v->rows; row++) {
        list[row].row = row;
        list[row].distance = row_distance(v->metric, point, v->values + row * v->dim, v->dim);
    }
    qsort(list, v->rows, sizeof *list, by_distance);
    return list;
}

static float *find_pole(const vectors *base, uint64_t *state)
{
    const float *seed_row = base->values + random_next(state) % base->rows * base->dim;
    ranked *list = rank_rows(base, seed_row);
    float *pole = memory(base->dim, sizeof *pole);
    size_t count = base->rows < AROUND ? base->rows : AROUND;
    for (size_t n = 0; n < count; n++) {
        const float *row = base->values + list[n].row * base->dim;
        double length = 0;
        for (size_t i = 0; i < base->dim; i++) length += (double)row[i] * (double)row[i];
        float scale = base->metric == L2 || length == 0 ? 1 : (float)(1 / sqrt(length));
        for (size_t i = 0; i < base->dim; i++) pole[i] += scale * row[i] / (float)count;
    }
    free(list);
    return pole;
}

static void write_random(size_t rows, uint64_t *state, FILE *file)
{
    int32_t *keys = memory(rows, sizeof *keys);
    for (size_t i = 0; i < rows; i++) {
        size_t j = random_next(state) % (i + 1);
        keys[i] = keys[j];
        keys[j] = (int32_t)i;
    }
    fwrite(keys, sizeof *keys, rows, file);
    free(keys);
}

static void write_ranks(const vectors *base, const float *pole, FILE *file)
{
    ranked *list = rank_rows(base, pole);
    int32_t *keys = memory(base->rows, sizeof *keys);
    for (size_t rank = 0; rank < base->rows; rank++) keys[list[rank].row] = (int32_t)rank;
    fwrite(keys, sizeof *keys, base->rows, file);
    free(keys);
    free(list);
}

static void write_queries(const vectors *pool, const float *pole, int is_far, size_t count,
                          FILE *file)
{
    ranked *list = rank_rows(pool, pole);
    if (count > pool->rows) count = pool->rows;
    for (size_t i = 0; i < count; i++) {
        size_t row = list[is_far ? pool->rows - 1 - i : i].row;
        fwrite(pool->values + row * pool->dim, sizeof(float), pool->dim, file);
    }
    free(list);
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    int is_keys = !strcmp(kind, "random") || !strcmp(kind, "pole"), is_far = !strcmp(kind, "far");
    if (argc != (is_keys ? 7 : 9) || (!is_keys && !is_far && strcmp(kind, "near"))) {
        fprintf(stderr, "usage: filter_keys random|pole BASE DIM l2|cosine|ip SEED FILE\n"
                        "       filter_keys near|far ... FILE POOL COUNT\n");
        return 2;
    }
    vectors base = read_vectors(argv[2], argv[3], argv[4]);
    if (!base.rows || base.rows > INT32_MAX)
        return fprintf(stderr, "filter_keys: %s has no rows, or too many\n", argv[2]), 1;
    uint64_t state = random_stream(strtoull(argv[5], NULL, 10), UINT64_MAX - 1);
    FILE *file = fopen(argv[6], "wb");
    if (!file) return perror(argv[6]), 1;
    if (!strcmp(kind, "random")) {
        write_random(base.rows, &state, file);
    } else {
        float *pole = find_pole(&base, &state);
        if (is_keys) {
            write_ranks(&base, pole, file);
        } else {
            vectors pool = read_vectors(argv[7], argv[3], argv[4]);
            write_queries(&pool, pole, is_far, strtoul(argv[8], NULL, 10), file);
        }
        free(pole);
    }
    int failed = ferror(file);
    if (fclose(file) || failed) return perror(argv[6]), 1;
    return 0;
}
