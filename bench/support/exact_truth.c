/* exact_truth BASE QUERIES DIM K l2|cosine: the true nearest neighbours, in double precision.
 *
 * BASE and QUERIES are files of make_data. Prints one line a query: K pairs "row:distance", nearest
 * first, ties by the smaller row. It shares no code with the engine that it judges. */
#include "mapped_file.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define K_MAX 1000u

typedef struct neighbour {
    double distance;
    size_t row;
} neighbour;

static void dot_products(const float *a, const float *b, size_t dim, double *ab, double *bb)
{
    double sum_ab[8] = { 0 }, sum_bb[8] = { 0 };
    size_t i = 0;
    for (; i + 8 <= dim; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            sum_ab[k] += (double)a[i + k] * (double)b[i + k];
            sum_bb[k] += (double)b[i + k] * (double)b[i + k];
        }
    }
    for (; i < dim; i++) {
        sum_ab[0] += (double)a[i] * (double)b[i];
        sum_bb[0] += (double)b[i] * (double)b[i];
    }
    *ab = *bb = 0;
    for (size_t k = 0; k < 8; k++) *ab += sum_ab[k], *bb += sum_bb[k];
}

static double distance(const float *query, const float *row, size_t dim, bool cosine, double query_norm)
{
    double product, row_norm;
    dot_products(query, row, dim, &product, &row_norm);
    return cosine ? 1 - product / sqrt(query_norm * row_norm) : query_norm + row_norm - 2 * product;
}

/* Insertion into a short sorted list; rows come in growing order, so a tie goes behind. */
static void keep(neighbour *list, size_t k, size_t *count, neighbour candidate)
{
    if (*count == k && candidate.distance >= list[k - 1].distance) return;
    size_t i = *count < k ? (*count)++ : k - 1;
    for (; i > 0 && list[i - 1].distance > candidate.distance; i--) list[i] = list[i - 1];
    list[i] = candidate;
}

int main(int argc, char **argv)
{
    if (argc != 6) return fprintf(stderr, "usage: exact_truth BASE QUERIES DIM K l2|cosine\n"), 2;
    size_t dim = strtoul(argv[3], NULL, 10), k = strtoul(argv[4], NULL, 10), base_size, queries_size;
    bool cosine = !strcmp(argv[5], "cosine");
    if (!dim || !k || k > K_MAX) return fprintf(stderr, "exact_truth: bad DIM or K\n"), 2;
    const float *base = mapped_file(argv[1], &base_size);
    const float *queries = mapped_file(argv[2], &queries_size);
    size_t rows = base_size / dim / sizeof(float), queries_count = queries_size / dim / sizeof(float);

    for (size_t q = 0; q < queries_count; q++) {
        neighbour list[K_MAX];
        size_t count = 0;
        const float *query = queries + q * dim;
        double norm, same;
        dot_products(query, query, dim, &norm, &same);
        for (size_t row = 0; row < rows; row++) {
            keep(list, k, &count, (neighbour){ distance(query, base + row * dim, dim, cosine, norm), row });
        }
        for (size_t i = 0; i < count; i++) printf("%zu:%.17g ", list[i].row, list[i].distance);
        putchar('\n');
    }
    return 0;
}
