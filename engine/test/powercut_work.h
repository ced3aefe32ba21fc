/* The workload of powercut_test.c: writes of every kind through the public functions, by chance.
 * Runs in a child, which a failing call ends. */
#ifndef MV_POWERCUT_WORK_H
#define MV_POWERCUT_WORK_H

#include <stdlib.h>

#include "moonvec.h"
#include "test/powercut_oracle.h"

#define DIM           4u
#define LONG_ID_EVERY 97u /* documents: one of so many has an id that the catalog hashes */
#define LONG_ID_SIZE  600u
#define BIG_EVERY     211u /* one of so many does not fit on a page of the catalog */
#define BIG_SIZE      6000u
#define BULK_MIN      4096u /* documents that go straight into a segment */
#define STEPS         45
#define JOB_STEPS     8u /* of a job at once, on average */
#define SEGMENTS_MAX  5u /* more might wake the maintenance: what it does comes at no certain time */
#define FIELD_VERSION 0u
#define FIELD_TEXT    1u
#define ALL_VERSIONS  INT64_MAX

static const char *const place_names[PLACES] = {"main", "backup-1", "backup-2"};

typedef struct work {
    const char *root;
    oracle *known;
    uint32_t version; /* grows with every batch */
    mv_schema *schema;
    mv_collection *handles[2]; /* by durability; NULL: not open */
    mv_batch *batch;           /* of any handle: they have the same schema */
    mv_job *job;               /* under way, or NULL */
    uint32_t draft[DOCS];      /* versions, with the changes of the call in hand */
} work;

/* In a child: a call that fails ends it. */
#define WORK(call_)                                                                                \
    do {                                                                                           \
        mv_error error = {.code = MV_OK};                                                          \
        if (call_) {                                                                               \
            printf("powercut_work.h:%d: %s\n", __LINE__, error.text);                              \
            fflush(stdout);                                                                        \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* ---------------------------------------------------------------- documents */

static mv_id doc_id(uint32_t doc, char out[LONG_ID_SIZE])
{
    int size = snprintf(out, LONG_ID_SIZE, "doc-%05u", doc);
    if (doc % LONG_ID_EVERY) return (mv_id){out, (size_t)size};
    memset(out + size, '.', LONG_ID_SIZE - (size_t)size);
    return (mv_id){out, LONG_ID_SIZE};
}

/* The document with such an id, or DOCS. */
static uint32_t doc_of_id(mv_id id)
{
    char text[10] = {0}, expected[LONG_ID_SIZE];
    if (id.size < sizeof text - 1) return DOCS;
    memcpy(text, id.data, sizeof text - 1);
    uint32_t doc = (uint32_t)strtoul(text + 4, NULL, 10);
    if (doc >= DOCS) return DOCS;
    mv_id right = doc_id(doc, expected);
    return right.size == id.size && memcmp(right.data, id.data, id.size) == 0 ? doc : DOCS;
}

static mv_value doc_text(uint32_t doc, uint32_t version, char out[BIG_SIZE])
{
    size_t size = doc % BIG_EVERY ? (doc * 31 + version * 7) % 40 : BIG_SIZE;
    memset(out, 'a' + (int)((doc + version) % 26), size);
    return (mv_value){.kind = MV_KIND_STRING, .as.string = {out, size}};
}

static void doc_vector(uint32_t doc, uint32_t version, float out[DIM])
{
    for (uint32_t i = 0; i < DIM; i++) out[i] = (float)((doc * (i + 1) + version * 17) % 1000);
}

static mv_schema *make_schema(void)
{
    mv_schema *s = NULL;
    mv_vector_options vector = {"place",        MV_VECTOR_FP32, DIM, MV_L2, MV_INDEX_HNSW,
                                {.m = 4, .ef_construction = 8}};
    WORK(mv_schema_create("powercut", &s, &error));
    WORK(mv_schema_add_field(s, &(mv_field_options){"version", MV_INT64, false, NULL}, &error));
    WORK(mv_schema_add_field(s, &(mv_field_options){"text", MV_STRING, false, NULL}, &error));
    WORK(mv_schema_add_vector(s, &vector, &error));
    return s;
}

/* ---------------------------------------------------------------- announcing */

static void announce(work *w, note n)
{
    record_note(&n, sizeof n, NULL, 0);
    oracle_note(w->known, &n, NULL);
}

static void begin(work *w, call what, effect leaves, uint32_t at)
{
    announce(w, (note){.kind = NOTE_BEGIN, .call = what, .effect = leaves, .place = at});
    memcpy(w->draft, w->known->places[0].versions, sizeof w->draft);
}

static void end(work *w)
{
    announce(w, (note){.kind = NOTE_END});
}

/* The call under way will make the committed versions those of the draft. */
static void announce_draft(work *w)
{
    static doc_change changes[DOCS];
    note n = {.kind = NOTE_CHANGES};
    for (uint32_t doc = 0; doc < DOCS; doc++)
        if (w->draft[doc] != w->known->places[0].versions[doc])
            changes[n.changes_count++] = (doc_change){doc, w->draft[doc]};
    record_note(&n, sizeof n, changes, n.changes_count * sizeof *changes);
    oracle_note(w->known, &n, changes);
}

static effect effect_of_write(mv_durability durability)
{
    return durability == MV_DURABILITY_FULL ? EFFECT_SYNCS : EFFECT_UNSYNCED;
}

/* ---------------------------------------------------------------- opening and closing */

static char *path_of(const work *w, uint32_t at, char out[OS_PATH_SIZE])
{
    must(!os_join(out, w->root, place_names[at], NULL), "a path is too long");
    return out;
}

static mv_collection *handle(work *w, mv_durability durability)
{
    char path[OS_PATH_SIZE];
    mv_open_options options = {.durability = durability};
    if (!w->handles[durability])
        WORK(mv_open(path_of(w, 0, path), &options, &w->handles[durability], &error));
    return w->handles[durability];
}

static void close_handle(work *w, mv_durability durability)
{
    if (!w->handles[durability]) return;
    begin(w, CALL_FLUSH, durability == MV_DURABILITY_NONE ? EFFECT_SYNCS : EFFECT_NONE, 0);
    WORK(mv_close(w->handles[durability], &error));
    w->handles[durability] = NULL;
    end(w);
}

static void work_start(work *w, const char *root, oracle *known)
{
    *w = (work){.root = root, .known = known, .schema = make_schema()};
    for (uint32_t doc = 0; doc < DOCS; doc++)
        if (w->version < known->places[0].versions[doc])
            w->version = known->places[0].versions[doc];
}

static void work_create(work *w)
{
    char path[OS_PATH_SIZE];
    mv_open_options options = {.schema = w->schema, .must_create = true};
    begin(w, CALL_CREATE, EFFECT_NONE, 0);
    WORK(mv_open(path_of(w, 0, path), &options, &w->handles[MV_DURABILITY_FULL], &error));
    end(w);
}

static void work_stop(work *w)
{
    mv_job_free(w->job);
    mv_batch_free(w->batch);
    close_handle(w, MV_DURABILITY_NONE);
    close_handle(w, MV_DURABILITY_FULL);
    mv_schema_free(w->schema);
}

/* ---------------------------------------------------------------- writing */

static bool mode_takes(mv_write_mode mode, uint32_t version)
{
    if (mode == MV_INSERT) return version == 0;
    return mode == MV_UPSERT || version != 0;
}

/* Fill the batch with up to `count` documents and the draft with their new versions. */
static void fill_batch(work *w, mv_collection *c, mv_write_mode mode, uint32_t count)
{
    uint32_t doc = random_below(DOCS), version = ++w->version;
    if (!w->batch) WORK(mv_batch_create(c, &w->batch, &error));
    mv_batch_clear(w->batch);
    for (uint32_t tried = 0; tried < DOCS && count; tried++, doc = (doc + 1) % DOCS) {
        char id_bytes[LONG_ID_SIZE], text_bytes[BIG_SIZE];
        float vector[DIM];
        if (!mode_takes(mode, w->draft[doc])) continue;
        mv_id id = doc_id(doc, id_bytes);
        mv_value number = {.kind = MV_KIND_INT, .as.i = version};
        mv_value text = doc_text(doc, version, text_bytes);
        doc_vector(doc, version, vector);
        WORK(mv_batch_add(w->batch, id.data, id.size, &error));
        WORK(mv_batch_set(w->batch, FIELD_VERSION, &number, &error));
        WORK(mv_batch_set(w->batch, FIELD_TEXT, &text, &error));
        WORK(mv_batch_set_vector(w->batch, 0, vector, DIM, &error));
        w->draft[doc] = version;
        count--;
    }
}

static void write_batch(work *w, mv_collection *c, mv_write_mode mode)
{
    uint64_t written;
    WORK(mv_write(c, mode, w->batch, &written, &error));
    must(written == mv_batch_count(w->batch), "a write wrote less than its batch");
}

static mv_write_mode any_mode(void)
{
    return (mv_write_mode)(MV_INSERT + random_below(3));
}

static void step_write(work *w, mv_durability durability, uint32_t count)
{
    mv_collection *c = handle(w, durability);
    mv_write_mode mode = count >= BULK_MIN ? MV_UPSERT : any_mode();
    begin(w, count >= BULK_MIN ? CALL_BULK : CALL_WRITE, effect_of_write(durability), 0);
    fill_batch(w, c, mode, count);
    announce_draft(w);
    write_batch(w, c, mode);
    end(w);
}

static void delete_ids(work *w, mv_collection *c, uint32_t count)
{
    static char bytes[DOCS][LONG_ID_SIZE];
    static mv_id ids[DOCS];
    uint32_t first = random_below(DOCS - count);
    uint64_t deleted;
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = doc_id(first + i, bytes[i]);
        w->draft[first + i] = 0;
    }
    if (!mv_in_transaction(c)) announce_draft(w);
    WORK(mv_delete(c, ids, count, &deleted, &error));
}

/* Those that were not written for the longest time. */
static void delete_oldest(work *w, mv_collection *c)
{
    int64_t oldest = ALL_VERSIONS;
    uint64_t deleted;
    for (uint32_t doc = 0; doc < DOCS; doc++)
        if (w->draft[doc] && w->draft[doc] < oldest) oldest = w->draft[doc];
    for (uint32_t doc = 0; doc < DOCS; doc++)
        if (w->draft[doc] <= oldest) w->draft[doc] = 0;
    announce_draft(w);
    mv_value argument = {.kind = MV_KIND_INT, .as.i = oldest};
    mv_filter filter = {"version <= ?", 12, &argument, 1};
    WORK(mv_delete_by_filter(c, &filter, &deleted, &error));
}

static void step_delete(work *w, mv_durability durability)
{
    mv_collection *c = handle(w, durability);
    begin(w, CALL_DELETE, effect_of_write(durability), 0);
    if (random_below(4))
        delete_ids(w, c, 1 + random_below(random_below(2) ? 5 : 300));
    else
        delete_oldest(w, c);
    end(w);
}

static void step_transaction(work *w, mv_durability durability)
{
    mv_collection *c = handle(w, durability);
    begin(w, CALL_TRANSACTION, effect_of_write(durability), 0);
    WORK(mv_begin(c, &error));
    for (uint32_t writes = 1 + random_below(4); writes; writes--) {
        uint32_t count = random_below(6) ? 1 + random_below(200) : BULK_MIN;
        mv_write_mode mode = count == BULK_MIN ? MV_UPSERT : any_mode();
        if (random_below(4) == 0) {
            delete_ids(w, c, 1 + random_below(100));
            continue;
        }
        fill_batch(w, c, mode, count);
        write_batch(w, c, mode);
    }
    if (random_below(5)) {
        announce_draft(w);
        WORK(mv_commit(c, &error));
    } else {
        mv_abort(c);
    }
    end(w);
}

/* ---------------------------------------------------------------- looking after */

/* Some steps of a job, so that other steps of the workload come between; or all. */
static void step_optimize(work *w, mv_durability durability, bool to_the_end)
{
    bool more = true;
    mv_progress progress;
    begin(w, CALL_OPTIMIZE, EFFECT_EITHER, 0);
    if (!w->job) WORK(mv_optimize_begin(handle(w, durability), NULL, &w->job, &error));
    do WORK(mv_optimize_step(w->job, 0, &more, &progress, &error));
    while (more && (to_the_end || random_below(JOB_STEPS)));
    if (!more) {
        mv_job_free(w->job);
        w->job = NULL;
    }
    end(w);
}

static void step_flush(work *w, mv_durability durability)
{
    mv_collection *c = handle(w, durability);
    begin(w, CALL_FLUSH, EFFECT_SYNCS, 0);
    WORK(mv_flush(c, &error));
    end(w);
}

static void step_reopen(work *w, mv_durability durability)
{
    mv_job_free(w->job);
    w->job = NULL;
    mv_batch_free(w->batch);
    w->batch = NULL;
    close_handle(w, durability);
    (void)handle(w, durability);
}

static void step_backup(work *w, mv_durability durability)
{
    char path[OS_PATH_SIZE];
    uint32_t at = 1 + random_below(PLACES - 1);
    mv_collection *c = handle(w, durability);
    (void)path_of(w, at, path);
    if (w->known->places[at].is == PRESENT) {
        begin(w, CALL_DESTROY, EFFECT_NONE, at);
        WORK(mv_destroy(path, &error));
    } else if (w->known->places[at].is == ABSENT) {
        begin(w, CALL_BACKUP, EFFECT_NONE, at);
        WORK(mv_backup(c, path, &error));
    } else {
        return; /* half destroyed by the cut before */
    }
    end(w);
}

static uint64_t segments_count(work *w, mv_durability durability)
{
    mv_stats stats;
    WORK(mv_get_stats(handle(w, durability), &stats, &error));
    return stats.segments;
}

static uint32_t any_count(void)
{
    switch (random_below(4)) {
    case 0: return 1;
    case 1: return 1 + random_below(5);
    case 2: return 1 + random_below(300);
    default: return 300 + random_below(600);
    }
}

/* One in `unsynced_odds` steps is made without syncing; 0: none. */
static void work_step(work *w, uint32_t unsynced_odds)
{
    bool unsynced = unsynced_odds && random_below(unsynced_odds) == 0;
    mv_durability durability = unsynced ? MV_DURABILITY_NONE : MV_DURABILITY_FULL;
    if (w->job && random_below(2)) {
        step_optimize(w, durability, false);
        return;
    }
    while (segments_count(w, durability) >= SEGMENTS_MAX) step_optimize(w, durability, true);
    switch (random_below(20)) {
    case 0: step_write(w, durability, BULK_MIN + random_below(500)); break;
    case 1:
    case 2:
    case 3: step_delete(w, durability); break;
    case 4:
    case 5:
    case 6: step_transaction(w, durability); break;
    case 7: step_optimize(w, durability, false); break;
    case 8: step_optimize(w, durability, true); break;
    case 9: step_flush(w, durability); break;
    case 10: step_reopen(w, durability); break;
    case 11: step_backup(w, durability); break;
    default: step_write(w, durability, any_count()); break;
    }
}

static void work_all(const char *root, bool unsynced)
{
    static oracle known;
    work w;
    work_start(&w, root, &known);
    work_create(&w);
    for (int step = 0; step < STEPS; step++) work_step(&w, unsynced ? 3 : 0);
    work_stop(&w);
}

#endif
