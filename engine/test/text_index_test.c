/* Collections with full-text fields: they have the same hits with an index and without, whatever is
 * written, sealed, merged, deleted and cancelled; and with damaged or missing files of the index:
 * queries go on, check names the file, optimize builds it again. Nothing may crash: run it under
 * the address sanitizer, too. */
#include <pthread.h>
#include <stdatomic.h>

#include "test/text_sample.h"

#define DAMAGED_INDEXES TEXT_INDEXES
#define DAMAGED_ENDING  "text"
#include "test/index_damage.h"

#define ROWS 1500u
#define MORE 700u
#define FEW  700u /* of the damaged collection */

/* The same documents without an index. */
static mv_collection *plain_of(uint32_t rows)
{
    mv_collection *c = NULL;
    WORKS(text_open(":memory:", (mv_open_options){0}, &c));
    WORKS(text_write(c, 0, rows));
    return c;
}

static mv_collection *open_texts(const char *path)
{
    mv_collection *c = NULL;
    WORKS(text_open(path, (mv_open_options){0}, &c));
    return c;
}

static void is_indexed(mv_collection *c, uint32_t segments, uint64_t rows)
{
    for (uint32_t f = 0; f < TEXT_INDEXES; f++) {
        mv_index_stats stats = text_stats(c, f);
        EXPECT(stats.segments == segments && stats.indexed_rows == rows && !stats.warning[0]);
        EXPECT(stats.as.text.terms > 0 && stats.as.text.tokens > 0);
    }
}

/* ---------------------------------------------------------------- life */

static void test_life(bool memory)
{
    mv_collection *c = open_texts(PLACE("life")), *plain = plain_of(ROWS), *reader = NULL;
    WORKS(text_write(c, 0, ROWS));
    EXPECT(text_differences(c, plain) == 0);
    WORKS(optimize_all(c, 0));
    is_indexed(c, 1, ROWS);
    EXPECT(text_differences(c, plain) == 0);
    for (int both = 0; both < 2; both++) {
        mv_collection *one = both ? c : plain;
        WORKS(text_delete(one, "number BETWEEN 20 AND 29"));
        WORKS(text_write(one, 100, 200)); /* replaces */
        WORKS(text_write(one, ROWS, ROWS + MORE));
    }
    EXPECT(text_differences(c, plain) == 0);
    WORKS(optimize_all(c, 0));
    EXPECT(text_differences(c, plain) == 0);
    WORKS(mv_check(c, &error));
    if (!memory) {
        WORKS(mv_close(c, &error));
        WORKS(mv_open(sample_path("life"), &(mv_open_options){.read_only = true}, &reader, &error));
        EXPECT(text_differences(reader, plain) == 0);
        WORKS(mv_check(reader, &error));
        WORKS(mv_close(reader, &error));
        EXPECT(files_with(sample_path("life"), ".text", NULL) == TEXT_INDEXES);
        c = open_texts(sample_path("life"));
    }
    WORKS(mv_close(c, &error));
    WORKS(mv_close(plain, &error));
    remove_tree(sample_path("life"));
}

/* Segments of few rows have no index, others one each; nothing is merged. */
static void test_many_segments(void)
{
    mv_collection *c = open_texts(":memory:"), *plain = plain_of(2000);
    for (uint32_t n = 0, size; n < 2000; n += size) {
        size = n / 100 % 4 ? 100 : 300;
        WORKS(text_write(c, n, n + size < 2000 ? n + size : 2000));
        build_only(c);
    }
    EXPECT(text_stats(c, BODY).segments > 2);
    EXPECT(text_stats(c, BODY).indexed_rows < 2000);
    EXPECT(text_differences(c, plain) == 0);
    WORKS(text_delete(c, "number > 90"));
    WORKS(text_delete(plain, "number > 90"));
    EXPECT(text_differences(c, plain) == 0);
    WORKS(mv_close(c, &error));
    WORKS(mv_close(plain, &error));
}

static void test_transaction(bool memory)
{
    mv_collection *c = open_texts(PLACE("tx")), *plain = plain_of(ROWS), *tx = NULL;
    WORKS(text_write(c, 0, ROWS));
    WORKS(optimize_all(c, 1000));
    for (int commits = 0; commits < 2; commits++) {
        WORKS(mv_begin(c, &tx, &error));
        mv_collection *changed = plain_of(ROWS);
        for (int both = 0; both < 2; both++) {
            WORKS(text_write(both ? tx : changed, ROWS - 50, ROWS + 100));
            WORKS(text_delete(both ? tx : changed, "number < 10"));
            WORKS(text_write_one(both ? tx : changed, "one", "w0 w1 w70", 9));
        }
        EXPECT(text_differences(tx, changed) == 0);
        if (commits)
            WORKS(mv_commit(tx, &error));
        else
            mv_abort(tx);
        EXPECT(text_differences(c, commits ? changed : plain) == 0);
        WORKS(mv_close(changed, &error));
    }
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    WORKS(mv_close(plain, &error));
    remove_tree(sample_path("tx"));
}

/* A job that ends after each of its steps in turn; in memory, where no files can be left, after
 * some. */
static void test_cancelled(bool memory)
{
    mv_collection *plain = plain_of(ROWS);
    bool more = true;
    for (uint32_t steps = 0; more && unmet < 20; steps += memory ? 5 : 1) {
        mv_collection *c = open_texts(PLACE("cancel"));
        mv_job *job = NULL;
        doing_now("%u steps", steps);
        WORKS(text_write(c, 0, ROWS));
        WORKS(mv_optimize_begin(c, NULL, &job, &error));
        for (uint32_t i = 0; i < steps && more; i++)
            WORKS(mv_optimize_step(job, 0, &more, NULL, &error));
        if (steps % 2) mv_job_cancel(job);
        mv_job_free(job);
        if (steps % 4 == 0 || !more) EXPECT(text_differences(c, plain) == 0);
        if (steps % 4 == 1) {
            WORKS(optimize_all(c, 1000));
            is_indexed(c, 1, ROWS);
            EXPECT(text_differences(c, plain) == 0);
        }
        WORKS(mv_check(c, &error));
        uint64_t files = text_stats(c, BODY).segments + text_stats(c, LABELS).segments;
        WORKS(mv_close(c, &error));
        if (!memory) EXPECT(files_with(sample_path("cancel"), ".text", NULL) == files);
        remove_tree(sample_path("cancel"));
        EXPECT(steps < 10000);
    }
    WORKS(mv_close(plain, &error));
}

/* ---------------------------------------------------------------- pages */

/* A search that is continued comes to all hits in order, but for those that the offset skips. */
static void test_pages(void)
{
    mv_collection *c = open_texts(":memory:");
    mv_result *result = NULL, *all_hits = NULL;
    mv_query query = {.text = "w0 w5", .text_size = 5, .text_field = BODY, .topk = ROWS};
    size_t count = 1, all;
    WORKS(text_write(c, 0, ROWS));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_result_create(c, &result, &error));
    WORKS(mv_result_create(c, &all_hits, &error));
    WORKS(mv_search(c, &query, all_hits, &error));
    const mv_hit *hits = mv_result_hits(all_hits, &all);
    size_t at = query.offset = 30;
    query.topk = 50;
    for (; count; query.more = true) {
        WORKS(mv_search(c, &query, result, &error));
        const mv_hit *next = mv_result_hits(result, &count);
        EXPECT(at + count <= all && (count == query.topk || at + count == all));
        for (size_t i = 0; i < count && at < all; i++) EXPECT(next[i].docid == hits[at++].docid);
    }
    EXPECT(all > 100 && at == all);
    mv_result_free(result);
    mv_result_free(all_hits);
    WORKS(mv_close(c, &error));
}

/* ---------------------------------------------------------------- unusual texts */

static const char *const special_queries[] = {
    "again", "\"again once\"", "\"again again\"", "\"x y\"", "filler*", "last",     "\"end last\"",
    "bad",   "\"bad bytes\"",  "\"b a b a a\"",   "",        "-",       "\xff\xfe", "w0",
};
#define SPECIAL_QUERIES (sizeof special_queries / sizeof *special_queries)

static void repeat(mv_collection *c, const char *id, const char *text, uint32_t times,
                   const char *end)
{
    size_t size = strlen(text), end_size = strlen(end), all = size * times + end_size;
    char *bytes = mem_alloc(all);
    for (uint32_t i = 0; i < times; i++) memcpy(bytes + i * size, text, size);
    memcpy(bytes + all - end_size, end, end_size);
    WORKS(text_write_one(c, id, bytes, all));
    mem_free(bytes, all);
}

static void write_special(mv_collection *c)
{
    WORKS(text_write_one(c, "empty", "", 0));
    WORKS(text_write_one(c, "zeros", "\0\0 a\0b \0", 8));
    WORKS(text_write_one(c, "spaces", " \t\n ", 4));
    WORKS(text_write_one(c, "bad", "bad \xff\xfe\x80 bytes \xc3", 14));
    WORKS(text_write_one(c, "cut", "bad bytes \xf0\x9f\x98", 13));
    repeat(c, "again", "again ", 70000, "once");
    repeat(c, "reverse", "y x ", 70000, ""); /* no "y y": each x is behind a y, and before one */
    repeat(c, "far", "b a ", 70000, "a");
    repeat(c, "long", "filler17 filler ", 655360, "end last"); /* 10 MiB */
    repeat(c, "word", "x", 1 << 20, "");                       /* one word of 1 MiB */
    repeat(c, "marks", "\xcc\x81", 1 << 16, "");               /* marks that combine with nothing */
}

static void test_unusual_texts(bool memory)
{
    mv_collection *c = open_texts(PLACE("unusual")), *plain = plain_of(400);
    WORKS(text_write(c, 0, 400));
    write_special(c);
    write_special(plain);
    WORKS(optimize_all(c, 1000));
    is_indexed(c, 1, 411);
    EXPECT(text_differences_of(c, plain, special_queries, SPECIAL_QUERIES) == 0);
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
    WORKS(mv_close(plain, &error));
    remove_tree(sample_path("unusual"));
}

/* Nothing to find: all rows NULL, all empty, none at all. */
static void test_nothing_to_find(void)
{
    for (int kind = 0; kind < 3; kind++) {
        mv_collection *c = open_texts(":memory:");
        mv_result *result = NULL;
        mv_batch *batch = NULL;
        mv_value empty = text_value("", 0), list = {.kind = MV_KIND_LIST}, number = int_value(3);
        uint64_t written;
        size_t count = 1;
        WORKS(mv_batch_create(c, &batch, &error));
        for (uint32_t n = 0; n < 500 && kind; n++) {
            char id[16];
            WORKS(mv_batch_add(batch, id, (size_t)snprintf(id, 16, "%u", n), &error));
            WORKS(mv_batch_set(batch, NUMBER, &number, &error));
            if (kind == 1) WORKS(mv_batch_set(batch, BODY, &empty, &error));
            if (kind == 1) WORKS(mv_batch_set(batch, LABELS, &list, &error));
        }
        if (kind) WORKS(mv_write(c, MV_INSERT, batch, &written, &error));
        mv_batch_free(batch);
        WORKS(optimize_all(c, 1000));
        WORKS(mv_check(c, &error));
        WORKS(mv_result_create(c, &result, &error));
        for (size_t i = 0; i < 2 * TEXT_QUERIES; i++) {
            WORKS(text_search_in(c, result, i % 2, text_queries[i / 2], i % 3 == 0));
            (void)mv_result_hits(result, &count);
            EXPECT(count == 0);
        }
        mv_result_free(result);
        WORKS(mv_close(c, &error));
    }
}

/* ---------------------------------------------------------------- threads */

#define DOCUMENTS 600u
#define REWRITTEN 40u /* in one transaction: all of them have the word of its version */
#define ROUNDS    200u

static mv_collection *shared;
static atomic_uint failures, rounds_left;

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition) && atomic_fetch_add(&failures, 1) < 10)                                   \
            printf("text_index_test.c:%d: not so: %s\n", __LINE__, #condition);                    \
    } while (0)

static size_t count_hits(mv_collection *c, mv_result *result, const char *text)
{
    mv_error e;
    size_t count = 0;
    mv_query query = {
        .text = text, .text_size = strlen(text), .text_field = BODY, .topk = DOCUMENTS + 1};
    MUST(!mv_search(c, &query, result, &e));
    (void)mv_result_hits(result, &count);
    return count;
}

static void *read_texts(void *unused)
{
    mv_error e;
    mv_result *result = NULL;
    (void)unused;
    MUST(!mv_result_create(shared, &result, &e));
    for (uint32_t round = 0; atomic_load(&rounds_left); round++) {
        char text[32];
        (void)snprintf(text, sizeof text, "\"always version%u\"", round % ROUNDS);
        size_t found = count_hits(shared, result, text);
        MUST(found == 0 || found == REWRITTEN);
        MUST(count_hits(shared, result, "always") == DOCUMENTS);
        MUST(count_hits(shared, result, "version*") == REWRITTEN);
    }
    mv_result_free(result);
    return NULL;
}

static mv_err write_versions(uint32_t version, uint32_t first, uint32_t count)
{
    mv_error e;
    mv_batch *batch = NULL;
    char id[16], text[64];
    uint64_t written;
    mv_value number = int_value(1);
    mv_err err = mv_batch_create(shared, &batch, &e);
    for (uint32_t n = first; n < first + count && !err; n++) {
        size_t size = (size_t)snprintf(text, sizeof text, "always %s%u w%u",
                                       n < REWRITTEN ? "version" : "other", version, n);
        mv_value body = text_value(text, size);
        err = mv_batch_add(batch, id, (size_t)snprintf(id, sizeof id, "%u", n), &e);
        if (!err) err = mv_batch_set(batch, BODY, &body, &e);
        if (!err) err = mv_batch_set(batch, NUMBER, &number, &e);
    }
    if (!err) err = mv_write(shared, MV_UPSERT, batch, &written, &e);
    mv_batch_free(batch);
    return err;
}

static void *write_texts(void *unused)
{
    (void)unused;
    for (uint32_t round = 1; atomic_load(&rounds_left); round++) {
        MUST(!write_versions(round % ROUNDS, 0, REWRITTEN));
        atomic_fetch_sub(&rounds_left, 1);
    }
    return NULL;
}

static void *optimize_texts(void *unused)
{
    (void)unused;
    for (uint32_t round = 0; atomic_load(&rounds_left); round++) {
        mv_error e;
        mv_job *job = NULL;
        bool done = false;
        MUST(!mv_optimize_start(shared, NULL, &job, &e));
        if (round % 3 == 0) mv_job_cancel(job);
        MUST(!mv_job_wait(job, -1, &done, &e) && done);
        mv_job_free(job);
    }
    return NULL;
}

static void test_threads(bool memory)
{
    void *(*const work[])(void *) = {read_texts, read_texts, write_texts, optimize_texts};
    pthread_t threads[4];
    shared = open_texts(PLACE("threads"));
    atomic_store(&rounds_left, ROUNDS);
    WORKS(write_versions(0, 0, DOCUMENTS));
    WORKS(optimize_all(shared, 1000));
    for (int i = 0; i < 4; i++) EXPECT(!pthread_create(&threads[i], NULL, work[i], NULL));
    for (int i = 0; i < 4; i++) (void)pthread_join(threads[i], NULL);
    EXPECT(atomic_load(&failures) == 0);
    WORKS(mv_check(shared, &error));
    WORKS(mv_close(shared, &error));
    remove_tree(sample_path("threads"));
}

/* ---------------------------------------------------------------- damage */

static mv_collection *truth;

static mv_collection *open_to_damage(const char *path)
{
    return open_texts(path);
}

static uint32_t wrong_searches(mv_collection *c, size_t queries)
{
    return text_differences_of(c, truth, text_queries,
                               queries < TEXT_QUERIES ? queries : TEXT_QUERIES);
}

static mv_index_stats stats_of(mv_collection *c, uint32_t field)
{
    return text_stats(c, field);
}

static void search_silently(mv_collection *c, uint32_t field)
{
    mv_result *result = NULL;
    mv_query query = {.text = "w0 w1 w2", .text_size = 8, .text_field = field, .topk = TEXT_HITS};
    WORKS(mv_result_create(c, &result, &error));
    EXPECT(!mv_search(c, &query, result, NULL));
    mv_result_free(result);
}

static void make_whole(void)
{
    mv_collection *c = open_texts(whole);
    WORKS(text_write(c, 0, FEW));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_close(c, &error));
    truth = plain_of(FEW);
    WORKS(optimize_all(truth, 1000)); /* which is faster, and as right */
}

static void test_all_damage(void)
{
    damage_begin();
    for (uint32_t field = 0; field < TEXT_INDEXES; field++) {
        RUN_WITH(file_names[field], test_damage(field));
        RUN_WITH(file_names[field], test_missing(field));
        RUN_WITH(file_names[field], test_damage_behind_checksums(field, 100, 10));
    }
    damage_end();
    WORKS(mv_close(truth, &error));
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("text-index")) return tests_conclude();
    for (int without = 0; without < 2; without++) {
        text_without_positions = (uint32_t)without;
        for (int memory = 0; memory < 2; memory++) RUN_WITH(WHERE, test_life(memory));
        RUN(test_many_segments());
        RUN(test_threads(true));
        RUN_WITH(without ? "in memory" : "in a directory", test_unusual_texts(without));
        test_all_damage();
    }
    text_without_positions = 0;
    for (int memory = 0; memory < 2; memory++) {
        RUN_WITH(WHERE, test_transaction(memory));
        RUN_WITH(WHERE, test_cancelled(memory));
    }
    RUN(test_threads(false));
    RUN(test_pages());
    RUN(test_nothing_to_find());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
