/* search_cost COLLECTION QUERIES DIM TOPK SEARCHES: microseconds of a search through the C API, to
 * compare with the same from Lua. Opens the collection as support/call_loop.lua does, and uses the
 * queries in turn. Prints "figure search" for mv_search alone, and "figure ids" for mv_search and
 * reading the ids of all hits. */
#include "mapped_file.h"
#include "moonvec.h"

#include <string.h>
#include <time.h>

typedef struct bench {
    mv_collection *collection;
    mv_result *result;
    const float *queries;
    size_t queries_count;
    mv_query query;
} bench;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void must(mv_err err, const mv_error *error)
{
    if (!err) return;
    fprintf(stderr, "search_cost: %s\n", error->text);
    exit(1);
}

/* Microseconds of one of `searches` searches. */
static double run(bench *b, size_t searches, bool read_ids)
{
    mv_error error;
    size_t bytes = 0;
    double begin = seconds();
    for (size_t i = 0; i < searches; i++) {
        size_t count;
        b->query.vectors = b->queries + i % b->queries_count * b->query.dim;
        must(mv_search(b->collection, &b->query, b->result, &error), &error);
        mv_result_hits(b->result, &count);
        for (size_t k = 0; read_ids && k < count; k++) {
            mv_id id;
            must(mv_result_id(b->result, k, &id, &error), &error);
            bytes += id.size;
        }
    }
    double elapsed = seconds() - begin;
    __asm__ volatile("" : : "r"(bytes)); /* the compiler must assume that it is used */
    return 1e6 * elapsed / (double)searches;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return fprintf(stderr, "usage: search_cost COLLECTION QUERIES DIM TOPK SEARCHES\n"), 2;
    uint32_t dim = (uint32_t)strtoul(argv[3], NULL, 10),
             topk = (uint32_t)strtoul(argv[4], NULL, 10);
    size_t searches = strtoul(argv[5], NULL, 10), size;
    mv_error error;
    bench b = {.query = {.vectors_count = 1, .dim = dim, .topk = topk}};
    b.queries = mapped_file(argv[2], &size);
    b.queries_count = size / sizeof(float) / dim;
    if (!b.queries_count || !searches) return fprintf(stderr, "search_cost: nothing to do\n"), 2;

    must(mv_open(argv[1], NULL, &b.collection, &error), &error);
    must(mv_result_create(b.collection, &b.result, &error), &error);
    run(&b, searches / 10 + 1, true); /* warms up */
    printf("figure search %.3f\n", run(&b, searches, false));
    printf("figure ids %.3f\n", run(&b, searches, true));
    mv_result_free(b.result);
    must(mv_close(b.collection, &error), &error);
    return 0;
}
