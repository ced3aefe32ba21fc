/* A script of operations on the sample collection, for tests that make the world fail under it: it
 * stops at the first failure, and knows what was acknowledged until then. */
#ifndef MV_SCRIPT_H
#define MV_SCRIPT_H

#include <dirent.h>

#include "test/sample.h"

#define SCRIPT_DOCUMENTS 60u

typedef struct script {
    mv_collection *c;
    uint8_t versions[SCRIPT_DOCUMENTS]; /* as acknowledged */
} script;

static bool script_is_stubborn; /* what failed is tried once more */

#define TRY(call) ((call) == MV_OK ? MV_OK : script_is_stubborn ? (call) : error.code)

/* Forward a failure, as it is met in the middle of a program. */
#define STEP(call)                                                                                 \
    do {                                                                                           \
        mv_err step_ = TRY(call);                                                                  \
        if (step_) return step_;                                                                   \
    } while (0)

static mv_err write_versions(script *s, mv_write_mode mode, uint32_t first, uint32_t last,
                             uint32_t version)
{
    STEP(sample_write(s->c, mode, first, last, version));
    for (uint32_t n = first; n < last; n++) s->versions[n] = (uint8_t)version;
    return MV_OK;
}

static mv_err read_back(mv_result *result, mv_collection *c)
{
    bool equal;
    size_t count;
    float vector[SAMPLE_DIM_MAX];
    mv_value arguments[] = {int_value(1950), {.kind = MV_KIND_STRING, .as.string = {"%a%", 3}}};
    mv_filter filter = {"year > ? AND NOT title LIKE ? OR flag = true", 44, arguments, 2};
    sample_vector(1, 1, COSINE, vector);
    mv_query query = {.vectors = vector, .vectors_count = 1, .dim = SAMPLE_DIM_MAX, .topk = 5};
    query.filter = &filter;
    STEP(mv_search(c, &query, result, &error));
    STEP(mv_search(c, &(mv_query){.topk = 5, .order_by = "title DESC, year"}, result, &error));
    STEP(sample_fetch(c, result, 3, 1, &equal));
    (void)mv_result_hits(result, &count);
    return count ? sample_compare(result, 0, 3, 1, &equal) : MV_OK;
}

static mv_err read_all(script *s)
{
    mv_result *result = NULL;
    STEP(mv_result_create(s->c, &result, &error));
    mv_err err = read_back(result, s->c);
    mv_result_free(result);
    return err;
}

static mv_err walk(script *s)
{
    mv_result *result = NULL;
    mv_iterator *iterator = NULL;
    mv_filter filter = {"big > 0 OR small < 500", 22, NULL, 0};
    uint64_t count;
    bool found = true;
    mv_err err = mv_result_create(s->c, &result, &error);
    if (!err) err = mv_iterator_open(s->c, &filter, &iterator, &error);
    while (!err && found) err = mv_iterator_next(iterator, result, &found, &error);
    if (!err) err = mv_count(s->c, &filter, &count, &error);
    mv_result_free(result);
    mv_iterator_close(iterator);
    return err;
}

static mv_err delete_first(script *s)
{
    uint64_t deleted;
    mv_filter filter = {"id = 'd000001'", 14, NULL, 0};
    STEP(sample_delete(s->c, 0, &deleted));
    s->versions[0] = 0;
    STEP(mv_delete_by_filter(s->c, &filter, &deleted, &error));
    s->versions[1] = 0;
    return MV_OK;
}

static mv_err transact(script *s)
{
    uint8_t before[SCRIPT_DOCUMENTS];
    uint64_t deleted;
    memcpy(before, s->versions, sizeof before);
    mv_collection *outside = s->c, *tx = NULL;
    STEP(mv_begin(outside, &tx, &error));
    s->c = tx;
    mv_err err = write_versions(s, MV_INSERT, 40, 50, 3);
    if (!err) err = sample_delete(s->c, 5, &deleted);
    if (!err) s->versions[5] = 0;
    if (!err) err = TRY(read_all(s));
    if (!err) err = TRY(walk(s));
    if (!err)
        err = mv_commit(tx, &error);
    else
        mv_abort(tx);
    s->c = outside;
    if (err) memcpy(s->versions, before, sizeof before);
    return err;
}

/* In small steps, the same job going on after a failure. */
static mv_err optimize(script *s)
{
    mv_job *job = NULL;
    mv_progress progress;
    bool more = true;
    STEP(mv_optimize_begin(s->c, NULL, &job, &error));
    mv_err err = MV_OK;
    while (!err && more) err = TRY(mv_optimize_step(job, 0, &more, &progress, &error));
    mv_job_free(job);
    return err;
}

static mv_err change_index(script *s, mv_index_type index)
{
    const mv_index_change change = {sample_vectors[COSINE].name, {index, {{0}}}};
    mv_job *job = NULL;
    mv_progress progress;
    bool more = true;
    STEP(mv_optimize_begin(s->c, &(mv_optimize_options){.index_change = &change}, &job, &error));
    mv_err err = MV_OK;
    while (!err && more) err = TRY(mv_optimize_step(job, 0, &more, &progress, &error));
    mv_job_free(job);
    return err;
}

/* Every kind of change. What is left in the end, and where one failed, other steps can live with.
 */
static mv_err change_schema(script *s)
{
    STEP(sample_add_column(s->c, false, TAGS, "labels", s->versions));
    STEP(sample_add_column(s->c, true, HALF, "pair", s->versions));
    STEP(mv_alter_column(s->c, "labels", &(mv_column_change){.new_name = "marks"}, &error));
    STEP(change_index(s, MV_INDEX_HNSW));
    STEP(sample_add_column(s->c, false, RATIO, "share", s->versions));
    STEP(read_all(s));
    STEP(mv_drop_column(s->c, "marks", &error));
    STEP(mv_drop_column(s->c, "pair", &error));
    STEP(mv_drop_index(s->c, sample_vectors[COSINE].name, &error));
    return MV_OK;
}

/* Out of the collection and into memory. */
static mv_err dump_and_load(script *s)
{
    static uint8_t bytes[1u << 20];
    mv_collection *loaded = NULL;
    mv_dump *dump = NULL;
    uint64_t size = 0;
    size_t got = 0;
    STEP(mv_dump_open(s->c, &dump, &size, &error));
    mv_err err = size <= sizeof bytes ? mv_dump_read(dump, bytes, sizeof bytes, &got, &error)
                                      : (error.code = MV_LIMIT);
    mv_dump_close(dump);
    if (err) return err;
    STEP(mv_load(bytes, got, &(mv_open_options){.manual_maintenance = true}, &loaded, &error));
    return mv_close(loaded, &error);
}

/* `copy_path` may be NULL: no backup. */
static mv_err script_run(script *s, const char *path, mv_durability durability,
                         const char *copy_path)
{
    mv_stats stats;
    mv_open_options options = {.verify = true, .durability = durability};
    STEP(sample_open(path, options, &s->c));
    STEP(write_versions(s, MV_INSERT, 0, 40, 1));
    STEP(read_all(s));
    STEP(optimize(s));
    STEP(write_versions(s, MV_UPSERT, 20, 30, 2));
    STEP(delete_first(s));
    STEP(transact(s));
    STEP(change_schema(s));
    STEP(read_all(s));
    STEP(optimize(s));
    STEP(walk(s));
    STEP(mv_get_stats(s->c, &stats, &error));
    if (copy_path) STEP(mv_backup(s->c, copy_path, NULL, &error));
    STEP(dump_and_load(s));
    STEP(mv_check(s->c, &error));
    return MV_OK;
}

/* Of the directory of an optimized collection: . .. the catalog and its two lock files, the rows
 * and vectors of a segment. */
static unsigned wanted_entries(mv_collection *c)
{
    return 2 + 3 + 1 + mv_schema_vector_count(mv_get_schema(c));
}

static unsigned count_entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    while (directory && readdir(directory)) count++;
    if (directory) (void)closedir(directory);
    return count;
}

#endif
