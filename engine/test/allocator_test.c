/* The allocator of a program: it gets every block, with the right sizes and alignments, and may
 * have no memory. */
#define MV_MEM_OWNER
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

#include "moonvec.h"
#include "test/expect.h"

#define DIM  16
#define ROWS 3000

/* What is in front of each block. Blocks are aligned to 64 bytes, as the header is. */
typedef struct header {
    size_t size;
    uint8_t filler[64 - sizeof(size_t)];
} header;

typedef struct counts {
    size_t bytes; /* of all blocks */
    size_t blocks;
    size_t largest_alignment;
    size_t wrong;  /* blocks that came back with another size */
    size_t budget; /* bytes that there may be at most */
} counts;

static void *count_block(void *ctx, void *block, size_t old_size, size_t size, size_t alignment)
{
    counts *c = ctx;
    header *old = block ? (header *)block - 1 : NULL;
    header *now = NULL;
    if (old && old->size != old_size) c->wrong++;
    if (size) {
        if (alignment > c->largest_alignment) c->largest_alignment = alignment;
        if (c->bytes - (old ? old->size : 0) + size > c->budget) return NULL;
        now = aligned_alloc(64, (sizeof *now + size + 63) & ~(size_t)63);
        if (!now) return NULL;
        *now = (header){.size = size};
        memset(now + 1, 0xa5, size); /* zeros must come from the engine */
        c->bytes += size;
        c->blocks++;
    }
    if (old) {
        if (now) memcpy(now + 1, old + 1, size < old_size ? size : old_size);
        c->bytes -= old->size;
        c->blocks--;
        free(old);
    }
    return now ? now + 1 : NULL;
}

static mv_err add_row(mv_batch *batch, uint32_t n, mv_error *error)
{
    float vector[DIM];
    for (uint32_t i = 0; i < DIM; i++) vector[i] = (float)((n * 31 + i * 17) % 101) - 50.0f;
    MV_TRY(mv_batch_add(batch, (const char *)&n, sizeof n, error));
    return mv_batch_set_vector(batch, 0, vector, DIM, error);
}

static mv_err fill(mv_collection *c, mv_error *error)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(c, &batch, error);
    for (uint32_t n = 1; !err && n <= ROWS; n++) err = add_row(batch, n, error);
    if (!err) err = mv_write(c, MV_INSERT, batch, &written, error);
    mv_batch_free(batch);
    return err;
}

static mv_err search(mv_collection *c, size_t *hits, mv_error *error)
{
    float vector[DIM] = {1, 2, 3};
    mv_query query = {.vectors = vector, .vectors_count = 1, .dim = DIM, .topk = 10};
    mv_result *result = NULL;
    mv_err err = mv_result_create(c, &result, error);
    if (!err) err = mv_search(c, &query, result, error);
    if (!err) mv_result_hits(result, hits);
    mv_result_free(result);
    return err;
}

static mv_err build_graph(mv_collection *c, mv_error *error)
{
    mv_job *job = NULL;
    bool more = true;
    mv_err err = mv_optimize_begin(c, &(mv_optimize_options){.threads = 1}, &job, error);
    while (!err && more) err = mv_optimize_step(job, 1000, &more, NULL, error);
    mv_job_free(job);
    return err;
}

/* A collection in memory: written, indexed, searched and closed. */
static mv_err use(size_t *hits, mv_error *error)
{
    mv_schema *schema = NULL;
    mv_collection *c = NULL;
    mv_vector_options v = {.name = "v", .type = MV_VECTOR_FP32, .dim = DIM, .metric = MV_L2};
    v.index.type = MV_INDEX_HNSW;
    mv_err err = mv_schema_create("docs", &schema, error);
    if (!err) err = mv_schema_add_vector(schema, &v, error);
    mv_open_options options = {.schema = schema, .manual_maintenance = true};
    if (!err) err = mv_open(":memory:", &options, &c, error);
    if (!err) err = fill(c, error);
    if (!err) err = build_graph(c, error);
    if (!err) err = search(c, hits, error);
    mv_schema_free(schema);
    mv_err closed = mv_close(c, error);
    return err ? err : closed;
}

static counts all;

static void test_gets_every_block(void)
{
    mv_error error;
    size_t hits = 0;
    all.budget = SIZE_MAX;
    EXPECT(use(&hits, &error) == MV_OK);
    EXPECT(hits == 10);
    EXPECT(all.wrong == 0);
    EXPECT(all.largest_alignment == 64);
    EXPECT(all.bytes == mem_bytes());
}

/* Each budget ends the work at another place; each time all is given back but what the first use
 * has left for the process. */
static void test_may_have_no_memory(void)
{
    mv_error error;
    size_t hits, left = all.bytes, blocks = all.blocks, failed = 0;
    for (size_t budget = 1024;; budget += budget / 8) {
        all.budget = left + budget;
        mv_err err = use(&hits, &error);
        EXPECT(err == MV_OK || err == MV_NO_MEMORY);
        EXPECT(all.bytes == left && all.blocks == blocks && all.wrong == 0);
        if (!err) break;
        failed++;
    }
    EXPECT(failed > 10);
}

int main(void)
{
    mv_set_allocator(count_block, &all);
    RUN(test_gets_every_block());
    RUN(test_may_have_no_memory());
    return tests_conclude();
}
