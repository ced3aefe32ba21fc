/* exact_truth BASE QUERIES DIM K l2|cosine|ip [FILE [KEYS LIMIT]]: the true nearest neighbours, in
 * double precision.
 *
 * BASE and QUERIES are files of raw float32. Prints one line a query: K pairs "row:distance",
 * nearest first, ties by the smaller row. With FILE, the row numbers are written there as .ivecs,
 * each list after its length, and nothing is printed. KEYS is a file with an int32 for each row of
 * BASE: only rows with a key below LIMIT count. This program shares no code with the engine that
 * it judges. It uses all cores that the process may use; each thread has its own queries. */
#include "mapped_file.h"
#include "row_distance.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#define K_MAX 1000u

typedef struct neighbour {
    double distance;
    size_t row;
} neighbour;

static void dot_products(const float *a, const float *b, size_t dim, double *ab, double *bb)
{
    double sum_ab[8] = {0}, sum_bb[8] = {0};
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

static double distance(const float *query, const float *row, size_t dim, metric kind,
                       double query_norm)
{
    double product, row_norm;
    dot_products(query, row, dim, &product, &row_norm);
    if (kind == COSINE) return 1 - product / sqrt(query_norm * row_norm);
    return kind == IP ? -product : query_norm + row_norm - 2 * product;
}

/* Insert into a short sorted list. Rows come in increasing order, so a tie goes last. */
static void keep(neighbour *list, size_t k, size_t *count, neighbour candidate)
{
    if (*count == k && candidate.distance >= list[k - 1].distance) return;
    size_t i = *count < k ? (*count)++ : k - 1;
    for (; i > 0 && list[i - 1].distance > candidate.distance; i--) list[i] = list[i - 1];
    list[i] = candidate;
}

typedef struct search {
    const float *base, *queries;
    size_t rows, queries_count, dim, k;
    metric metric;
    const int32_t *keys; /* NULL: all rows count */
    int32_t limit;
    neighbour *lists; /* k of each query */
    size_t *counts;
} search;

/* The queries of one thread: `first`, `first` + `step`, ... */
typedef struct worker {
    const search *search;
    size_t first, step;
    pthread_t thread;
} worker;

/* Compare one block of rows with all queries, then the next: the block stays in the cache. */
static void *work(void *argument)
{
    const worker *w = argument;
    const search *s = w->search;
    size_t block_rows = (256u << 10) / sizeof(float) / s->dim + 1;
    for (size_t block = 0; block < s->rows; block += block_rows) {
        size_t end = block + block_rows < s->rows ? block + block_rows : s->rows;
        for (size_t q = w->first; q < s->queries_count; q += w->step) {
            const float *query = s->queries + q * s->dim;
            double norm, same;
            dot_products(query, query, s->dim, &norm, &same);
            for (size_t row = block; row < end; row++) {
                if (s->keys && s->keys[row] >= s->limit) continue;
                double d = distance(query, s->base + row * s->dim, s->dim, s->metric, norm);
                keep(s->lists + q * s->k, s->k, &s->counts[q], (neighbour){d, row});
            }
        }
    }
    return NULL;
}

static void run(const search *s)
{
    cpu_set_t set;
    size_t count = sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
    worker *workers = calloc(count, sizeof *workers);
    if (!workers) fprintf(stderr, "exact_truth: out of memory\n"), exit(1);
    for (size_t i = 0; i < count; i++) {
        workers[i] = (worker){.search = s, .first = i, .step = count};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            perror("exact_truth"), exit(1);
    }
    for (size_t i = 0; i < count; i++) pthread_join(workers[i].thread, NULL);
    free(workers);
}

static void print_lists(const search *s)
{
    for (size_t q = 0; q < s->queries_count; q++) {
        const neighbour *list = s->lists + q * s->k;
        for (size_t i = 0; i < s->counts[q]; i++)
            printf("%zu:%.17g ", list[i].row, list[i].distance);
        putchar('\n');
    }
}

static int write_lists(const search *s, const char *path)
{
    FILE *file = fopen(path, "wb");
    for (size_t q = 0; file && q < s->queries_count; q++) {
        int32_t count = (int32_t)s->counts[q];
        fwrite(&count, sizeof count, 1, file);
        for (size_t i = 0; i < s->counts[q]; i++) {
            int32_t row = (int32_t)s->lists[q * s->k + i].row;
            fwrite(&row, sizeof row, 1, file);
        }
    }
    int failed = !file || ferror(file);
    if ((file && fclose(file)) || failed) return perror(path), 1;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 7 && argc != 9) {
        fprintf(stderr, "usage: exact_truth BASE QUERIES DIM K l2|cosine|ip [FILE [KEYS LIMIT]]\n");
        return 2;
    }
    search s = {.dim = strtoul(argv[3], NULL, 10), .k = strtoul(argv[4], NULL, 10)};
    if (!s.dim || !s.k || s.k > K_MAX) return fprintf(stderr, "exact_truth: bad DIM or K\n"), 2;
    s.metric = metric_named(argv[5]);
    size_t base_size, queries_size, keys_size;
    s.base = mapped_file(argv[1], &base_size);
    s.queries = mapped_file(argv[2], &queries_size);
    s.rows = base_size / s.dim / sizeof(float),
    s.queries_count = queries_size / s.dim / sizeof(float);
    if (argc == 9) {
        s.keys = mapped_file(argv[7], &keys_size);
        s.limit = (int32_t)strtol(argv[8], NULL, 10);
        if (keys_size / sizeof *s.keys != s.rows)
            return fprintf(stderr, "exact_truth: %s has not a key for each row\n", argv[7]), 1;
    }
    s.lists = calloc(s.queries_count * s.k, sizeof *s.lists);
    s.counts = calloc(s.queries_count, sizeof *s.counts);
    if (!s.lists || !s.counts) return fprintf(stderr, "exact_truth: out of memory\n"), 1;
    run(&s);
    int failed = argc > 6 ? write_lists(&s, argv[6]) : (print_lists(&s), 0);
    free(s.lists);
    free(s.counts);
    return failed;
}
