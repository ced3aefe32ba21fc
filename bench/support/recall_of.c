/* recall_of BASE QUERIES DIM l2|cosine|ip TRUTH K FOUND [KEYS LIMIT]: recall@K of the rows in
 * FOUND, one line for each block of K int32 a query (-1: none).
 *
 * TRUTH is .ivecs of exact_truth or of a published set. A found row is right if it is as near as
 * the K-th true neighbour, computed here in double precision: ties count, in any order. A row found
 * twice counts once. With KEYS, a file with an int32 for each row of BASE, a found row whose key is
 * not below LIMIT is an error. */
#include "mapped_file.h"
#include "row_distance.h"

#include <stdint.h>

#define K_MAX 1000u
#define SAME  1e-6 /* relative: float32 results of the same distance differ by less */

typedef struct set {
    const float *base, *queries;
    size_t rows, queries_count, dim;
    metric metric;
    const int32_t *keys; /* NULL: no filter */
    int32_t limit;
} set;

static double distance(const set *s, size_t q, size_t row)
{
    return row_distance(s->metric, s->queries + q * s->dim, s->base + row * s->dim, s->dim);
}

/* How many of the K rows in `found` are right. */
static size_t count_right(const set *s, size_t q, const int32_t *found, size_t k, double limit)
{
    size_t right = 0;
    for (size_t i = 0; i < k; i++) {
        int is_new = found[i] >= 0 && (size_t)found[i] < s->rows;
        if (is_new && s->keys && s->keys[found[i]] >= s->limit) {
            fprintf(stderr, "recall_of: found row %d, which the filter keeps out\n", found[i]);
            exit(1);
        }
        for (size_t j = 0; j < i && is_new; j++) is_new = found[j] != found[i];
        right += is_new && distance(s, q, (size_t)found[i]) <= limit;
    }
    return right;
}

int main(int argc, char **argv)
{
    if (argc != 8 && argc != 10) {
        fprintf(stderr,
                "usage: recall_of BASE QUERIES DIM l2|cosine|ip TRUTH K FOUND [KEYS LIMIT]\n");
        return 2;
    }
    set s = {.dim = strtoul(argv[3], NULL, 10), .metric = metric_named(argv[4])};
    size_t k = strtoul(argv[6], NULL, 10);
    size_t base_size, queries_size, truth_size, found_size, keys_size;
    if (!s.dim || !k || k > K_MAX) return fprintf(stderr, "recall_of: bad DIM or K\n"), 2;
    s.base = mapped_file(argv[1], &base_size);
    s.queries = mapped_file(argv[2], &queries_size);
    const int32_t *truth = mapped_file(argv[5], &truth_size),
                  *found = mapped_file(argv[7], &found_size);
    s.rows = base_size / s.dim / sizeof(float),
    s.queries_count = queries_size / s.dim / sizeof(float);
    if (argc == 10) {
        s.keys = mapped_file(argv[8], &keys_size);
        s.limit = (int32_t)strtol(argv[9], NULL, 10);
        if (keys_size / sizeof *s.keys != s.rows)
            return fprintf(stderr, "recall_of: %s has not a key for each row\n", argv[8]), 1;
    }
    size_t list_size =
        truth_size / sizeof(int32_t) / s.queries_count; /* the length before each list */
    if (list_size < k + 1) return fprintf(stderr, "recall_of: %s is too short\n", argv[5]), 1;

    for (size_t block = 0; block + s.queries_count * k <= found_size / sizeof(int32_t);
         block += s.queries_count * k) {
        size_t right = 0;
        for (size_t q = 0; q < s.queries_count; q++) {
            int32_t last = truth[q * list_size + k];
            if (last < 0 || (size_t)last >= s.rows)
                return fprintf(stderr, "recall_of: wrong truth\n"), 1;
            double limit = distance(&s, q, (size_t)last);
            right += count_right(&s, q, found + block + q * k, k, limit + SAME * fabs(limit));
        }
        printf("%.6f\n", (double)right / (double)(s.queries_count * k));
    }
    return 0;
}
