/* Texts that wait for a full-text index, searched by several threads at once while their lists are
 * made, and while another thread writes; then with deleted rows, under a filter, and beside an
 * index, which gives the same hits and scores. */
#include <pthread.h>
#include <stdatomic.h>

#include "test/sample.h"

#define BATCH    48u /* rows of a commit: chunks with and without lists */
#define ROWS     (60 * BATCH)
#define SEGMENT  6000u /* rows that become a segment at once */
#define THREADS  3u
#define SEARCHES 60u

static mv_collection *c;
static atomic_uint committed; /* rows 0 to before it are there */
static bool is_deleted;       /* rows with b3 are deleted, and row 4 */

static bool has_text(uint32_t n)
{
    return n % 10 != 0;
}

/* Words of row n: "all", and its remainders. */
static bool has_word(uint32_t n, char letter, uint32_t remainder)
{
    return has_text(n) && !(is_deleted && (n == 4 || n % 11 == 3)) &&
           n % (letter == 'a' ? 7 : 11) == remainder;
}

static mv_err open_texts(void)
{
    mv_schema *schema = NULL;
    mv_field_options field = {
        .name = "body", .type = MV_STRING, .nullable = true, .index.type = MV_INDEX_TEXT};
    mv_err err = mv_schema_create("texts", &schema, &error);
    if (!err) err = mv_schema_add_field(schema, &field, &error);
    mv_open_options options = {.schema = schema, .manual_maintenance = true};
    if (!err) err = mv_open(":memory:", &options, &c, &error);
    mv_schema_free(schema);
    return err;
}

static mv_err write_texts(uint32_t first, uint32_t end, mv_error *own)
{
    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(c, &batch, own);
    for (uint32_t n = first; n < end && !err; n++) {
        char id[16], text[64];
        int size = snprintf(text, sizeof text, "all a%u b%u", n % 7, n % 11);
        mv_value body = {.kind = MV_KIND_STRING, .as.string = {text, (size_t)size}};
        err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), own);
        if (!err && has_text(n)) err = mv_batch_set(batch, 0, &body, own);
    }
    if (!err) err = mv_write(c, MV_INSERT, batch, &written, own);
    mv_batch_free(batch);
    return err;
}

/* How many of the rows from 0 to before `end` have a4, and with `both` b5, too. */
static size_t count_rows_with(uint32_t end, bool both)
{
    size_t count = 0;
    for (uint32_t n = 0; n < end; n++)
        count += has_word(n, 'a', 4) && (!both || has_word(n, 'b', 5));
    return count;
}

/* Search by the text, or filter by it. False: hits that should be there are missing, or others are.
 */
static bool finds(mv_result *result, const char *text, bool both, bool by_filter)
{
    mv_error own;
    mv_value argument = {.kind = MV_KIND_STRING, .as.string = {text, strlen(text)}};
    mv_filter filter = {.text = "body MATCH ?", .size = 12, .args = &argument, .args_count = 1};
    mv_query q = {.topk = ROWS + SEGMENT};
    size_t count, least = count_rows_with(atomic_load(&committed), both);
    if (by_filter) {
        q.filter = &filter;
    } else {
        q.text = text;
        q.text_size = strlen(text);
    }
    if (mv_search(c, &q, result, &own)) return false;
    const mv_hit *hits = mv_result_hits(result, &count);
    size_t most = count_rows_with(atomic_load(&committed) + BATCH, both);
    bool right = count >= least && count <= most;
    for (size_t i = 0; i < count; i++) {
        mv_id id;
        if (mv_result_id(result, i, &id, &own)) return false;
        uint32_t n = 0;
        for (size_t at = 0; at < id.size; at++) n = 10 * n + (uint32_t)(id.data[at] - '0');
        right &= has_word(n, 'a', 4) && (!both || has_word(n, 'b', 5));
        right &= by_filter || hits[i].score > 0;
    }
    return right;
}

static void *search_texts(void *wrong)
{
    mv_result *result = NULL;
    mv_error own;
    if (mv_result_create(c, &result, &own)) {
        *(int *)wrong = 1;
        return NULL;
    }
    for (uint32_t i = 0; i < SEARCHES; i++) {
        bool by_filter = i % 3 == 0;
        if (!finds(result, "a4", false, by_filter)) *(int *)wrong += 1;
        if (!finds(result, "\"a4 b5\"", true, by_filter)) *(int *)wrong += 1;
    }
    mv_result_free(result);
    return NULL;
}

static void *write_rows(void *wrong)
{
    mv_error own;
    for (uint32_t first = 0; first < ROWS; first += BATCH) {
        if (write_texts(first, first + BATCH, &own)) *(int *)wrong += 1;
        atomic_store(&committed, first + BATCH);
    }
    return NULL;
}

static void run_threads(bool writes)
{
    pthread_t threads[THREADS + 1];
    int wrong[THREADS + 1] = {0};
    uint32_t count = THREADS + writes;
    for (uint32_t i = 0; i < count; i++)
        EXPECT(
            !pthread_create(&threads[i], NULL, i < THREADS ? search_texts : write_rows, &wrong[i]));
    for (uint32_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        EXPECT(!wrong[i]);
    }
}

static void test_fresh(void)
{
    WORKS(open_texts());
    run_threads(true);
    run_threads(false);
}

static void test_segment(void)
{
    WORKS(write_texts(ROWS, ROWS + SEGMENT, &error));
    atomic_store(&committed, ROWS + SEGMENT);
    run_threads(false);
}

static mv_err delete_rows(void)
{
    uint64_t deleted;
    mv_filter filter = {.text = "body MATCH 'b3' OR id = '4'", .size = 27};
    return mv_delete_by_filter(c, &filter, &deleted, &error);
}

/* The hits of a search under a filter, best first. Returns how many. */
static size_t search_filtered(mv_result *result, uint64_t *docids, double *scores)
{
    size_t count;
    mv_filter filter = {.text = "body MATCH 'b1 OR b2 OR b4'", .size = 27};
    mv_query q = {.text = "a4 b2", .text_size = 5, .topk = ROWS + SEGMENT, .filter = &filter};
    WORKS(mv_search(c, &q, result, &error));
    const mv_hit *hits = mv_result_hits(result, &count);
    for (size_t i = 0; i < count; i++) {
        docids[i] = hits[i].docid;
        scores[i] = hits[i].score;
    }
    return count;
}

/* Searches that read the texts, that make the lists and that use them, and those by an index. */
static void test_scores(void)
{
    static uint64_t docids[ROWS + SEGMENT], first_docids[ROWS + SEGMENT];
    static double scores[ROWS + SEGMENT], first_scores[ROWS + SEGMENT];
    mv_result *result = NULL;
    WORKS(mv_result_create(c, &result, &error));
    WORKS(delete_rows());
    is_deleted = true;
    size_t expected = 0, count = search_filtered(result, first_docids, first_scores);
    for (uint32_t n = 0; n < ROWS + SEGMENT; n++)
        expected += has_word(n, 'b', 2) ||
                    (has_word(n, 'a', 4) && (has_word(n, 'b', 1) || has_word(n, 'b', 4)));
    EXPECT(count == expected);
    for (int round = 0; round < 6; round++) {
        if (round == 5) WORKS(optimize_all(c, 1000));
        EXPECT(search_filtered(result, docids, scores) == count);
        for (size_t i = 0; i < count; i++)
            EXPECT(docids[i] == first_docids[i] && scores[i] == first_scores[i]);
    }
    mv_result_free(result);
    run_threads(false);
    WORKS(mv_close(c, &error));
}

int main(void)
{
    RUN(test_fresh());
    RUN(test_segment());
    RUN(test_scores());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
