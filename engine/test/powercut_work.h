/* The workload of powercut_test.c: writes of every kind through the public functions, by chance.
 * Runs in a child, which a failing call ends. */
#ifndef MV_POWERCUT_WORK_H
#define MV_POWERCUT_WORK_H

#include <stdlib.h>

#include "moonvec.h"
#include "test/powercut_oracle.h"

#define DIM           4u
#define EXPIRED_EVERY 23u /* writes of a document: one in these leaves one that has expired */
#define LONG_ID_EVERY 97u /* documents: one in this many has an id that the catalog hashes */
#define LONG_ID_SIZE  600u
#define BIG_EVERY     211u /* one in this many does not fit on a page of the catalog */
#define BIG_SIZE      6000u
#define BULK_MIN      4096u /* documents that go straight into a segment */
#define STEPS         45
#define JOB_STEPS     8u /* of a job at once, on average */
#define SEGMENTS_MAX  5u /* more might wake the maintenance, whose timing cannot be repeated */
#define ALL_VERSIONS  INT64_MAX

static const char *const place_names[PLACES] = {"main", "backup-1", "backup-2"};

typedef struct work {
    const char *root;
    oracle *known;
    uint32_t version; /* grows with every batch */
    /* Some steps do not sync. The handle that syncs then leaves maintenance to the other one: its
     * maintenance would sync at any time, so that nothing were known to be unsynced. */
    bool unsynced;
    mv_schema *schema;
    mv_collection *handles[2]; /* by durability; NULL: not open */
    mv_batch *batch;           /* of any handle: they have the same schema; NULL after a change */
    mv_job *job;               /* under way, or NULL */
    uint32_t draft[ITEMS];     /* versions, with the changes of the call that runs */
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

/* Is there no such document once it is written? */
static bool doc_has_expired(uint32_t doc, uint32_t version)
{
    return (doc + version) % EXPIRED_EVERY == 0;
}

static void doc_vector(uint32_t doc, uint32_t version, float out[DIM])
{
    for (uint32_t i = 0; i < DIM; i++) out[i] = (float)((doc * (i + 1) + version * 17) % 1000);
}

/* Values of the fields that have another index each. */
typedef struct doc_values {
    char words[32];
    uint32_t indices[2];
    float numbers[2];
    float tokens[3][DIM];
    mv_value text, sparse, multi;
} doc_values;

static void doc_values_make(uint32_t doc, uint32_t version, doc_values *out)
{
    uint32_t tokens = (doc + version) % 4;
    int size = snprintf(out->words, sizeof out->words, "d%u v%u both", doc, version);
    out->text = (mv_value){.kind = MV_KIND_STRING, .as.string = {out->words, (size_t)size}};
    out->indices[0] = doc % 500;
    out->indices[1] = 500 + version % 500;
    out->numbers[0] = 1;
    out->numbers[1] = (float)(1 + doc % 7);
    out->sparse = (mv_value){.kind = MV_KIND_SPARSE, .as.sparse = {out->indices, out->numbers, 2}};
    for (uint32_t i = 0; i < tokens * DIM; i++)
        out->tokens[i / DIM][i % DIM] = (float)((doc * (i + 1) + version * 3) % 100);
    out->multi = (mv_value){.kind = MV_KIND_MULTI, .as.multi = {out->tokens[0], tokens * DIM}};
}

static mv_schema *make_schema(void)
{
    const mv_field_options others[] = {
        {.name = "words",
         .type = MV_STRING,
         .index = {MV_INDEX_TEXT, {.text = {.tokenizer = MV_TOKENIZER_WHITESPACE}}}},
        {.name = "sparse", .type = MV_SPARSE_FP32, .index.type = MV_INDEX_SPARSE},
        {.name = "tokens",
         .type = MV_MULTI_FP32,
         .dim = DIM,
         .index = {MV_INDEX_HNSW, {.hnsw = {.m = 4, .ef_construction = 8}}}},
        {.name = "expires", .type = MV_INT64, .nullable = true}};
    /* A limit that is never reached: bytes are counted, and a check compares them. */
    const mv_retention retention = {.expires = "expires", .max_bytes = (uint64_t)1 << 40};
    mv_schema *s = NULL;
    mv_vector_options vector = {.name = "place",
                                .type = MV_VECTOR_FP32,
                                .dim = DIM,
                                .metric = MV_L2,
                                .index = {MV_INDEX_HNSW, {.hnsw = {.m = 4, .ef_construction = 8}}}};
    WORK(mv_schema_create("powercut", &s, &error));
    WORK(mv_schema_add_field(
        s, &(mv_field_options){.name = "version", .type = MV_INT64, .index.type = MV_INDEX_INVERT},
        &error));
    WORK(mv_schema_add_field(
        s, &(mv_field_options){.name = "text", .type = MV_STRING, .index.type = MV_INDEX_INVERT},
        &error));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        WORK(mv_schema_add_field(s, &others[i], &error));
    WORK(mv_schema_add_vector(s, &vector, &error));
    WORK(mv_schema_set_retention(s, &retention, &error));
    return s;
}

/* ---------------------------------------------------------------- shapes: what a schema has */

typedef enum shape {
    SHAPE_MARK = 1,  /* a string, by the name of "mark", */
    SHAPE_SIGN = 2,  /* or, with this, of "sign" */
    SHAPE_TURN = 4,  /* a number that may be NULL */
    SHAPE_FAR = 8,   /* another vector */
    SHAPE_FLAT = 16, /* no graphs over the places, */
    SHAPE_M8 = 32,   /* or, without that, others */
    SHAPE_BARE = 64, /* no lists over the texts */
    SHAPE_BITS = 7
} shape;

static const char *mark_name(uint32_t has)
{
    return has & SHAPE_SIGN ? "sign" : "mark";
}

static bool find_field(const mv_schema *s, const char *name, uint32_t *at)
{
    return mv_schema_find_field(s, name, strlen(name), at);
}

static bool find_vector(const mv_schema *s, const char *name, uint32_t *at)
{
    return mv_schema_find_vector(s, name, strlen(name), at);
}

static uint32_t shape_of(const mv_schema *s)
{
    uint32_t at, has = 0;
    mv_vector_options graph;
    mv_field_options lists;
    if (find_field(s, "sign", &at)) has |= SHAPE_MARK | SHAPE_SIGN;
    if (find_field(s, "mark", &at)) has |= SHAPE_MARK;
    if (find_field(s, "turn", &at)) has |= SHAPE_TURN;
    if (find_vector(s, "far", &at)) has |= SHAPE_FAR;
    must(find_vector(s, "place", &at) && mv_schema_vector(s, at, &graph), "there are no places");
    if (graph.index.type == MV_INDEX_FLAT) has |= SHAPE_FLAT;
    if (graph.index.as.hnsw.m == 8) has |= SHAPE_M8;
    must(find_field(s, "text", &at) && mv_schema_field(s, at, &lists), "there are no texts");
    if (lists.index.type == MV_INDEX_NONE) has |= SHAPE_BARE;
    return has;
}

static mv_value doc_mark(uint32_t doc, uint32_t version, char out[64])
{
    int size = snprintf(out, 64, "%u of %u", doc, version);
    return (mv_value){.kind = MV_KIND_STRING, .as.string = {out, (size_t)size}};
}

static mv_value doc_turn(uint32_t doc, uint32_t version)
{
    if ((doc + version) % 3 == 0) return (mv_value){.kind = MV_KIND_NULL};
    return (mv_value){.kind = MV_KIND_INT, .as.i = (int64_t)doc - (int64_t)version};
}

static void doc_far(uint32_t doc, uint32_t version, float out[DIM])
{
    for (uint32_t i = 0; i < DIM; i++) out[i] = (float)((doc * (i + 3) + version * 5) % 100 + 1);
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
    static doc_change changes[ITEMS];
    note n = {.kind = NOTE_CHANGES};
    for (uint32_t doc = 0; doc < ITEMS; doc++)
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
    mv_open_options options = {.durability = durability,
                               .manual_maintenance =
                                   w->unsynced && durability == MV_DURABILITY_FULL};
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
    mv_open_options options = {
        .schema = w->schema, .must_create = true, .manual_maintenance = w->unsynced};
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

static void set_field(mv_batch *batch, const char *name, mv_value value)
{
    uint32_t at;
    if (find_field(mv_batch_schema(batch), name, &at))
        WORK(mv_batch_set(batch, at, &value, &error));
}

static void set_vector(mv_batch *batch, const char *name, const float vector[DIM])
{
    uint32_t at;
    if (find_vector(mv_batch_schema(batch), name, &at))
        WORK(mv_batch_set_vector(batch, at, vector, DIM, &error));
}

/* A document with all that the schema has. */
static void add_document(mv_batch *batch, uint32_t doc, uint32_t version)
{
    char id_bytes[LONG_ID_SIZE], text_bytes[BIG_SIZE], mark_bytes[64];
    float vector[DIM];
    doc_values others;
    mv_id id = doc_id(doc, id_bytes);
    WORK(mv_batch_add(batch, id.data, id.size, &error));
    set_field(batch, "version", (mv_value){.kind = MV_KIND_INT, .as.i = version});
    set_field(batch, "text", doc_text(doc, version, text_bytes));
    set_field(batch, "mark", doc_mark(doc, version, mark_bytes));
    set_field(batch, "sign", doc_mark(doc, version, mark_bytes));
    set_field(batch, "turn", doc_turn(doc, version));
    mv_value expires = {.kind = doc_has_expired(doc, version) ? MV_KIND_INT : MV_KIND_NULL};
    set_field(batch, "expires", expires); /* in 1970, or never */
    doc_values_make(doc, version, &others);
    set_field(batch, "words", others.text);
    set_field(batch, "sparse", others.sparse);
    set_field(batch, "tokens", others.multi);
    doc_vector(doc, version, vector);
    set_vector(batch, "place", vector);
    doc_far(doc, version, vector);
    set_vector(batch, "far", vector);
}

/* Fill the batch with up to `count` documents and the draft with their new versions. */
static void fill_batch(work *w, mv_collection *c, mv_write_mode mode, uint32_t count)
{
    uint32_t doc = random_below(DOCS), version = ++w->version;
    if (!w->batch) WORK(mv_batch_create(c, &w->batch, &error));
    mv_batch_clear(w->batch);
    for (uint32_t tried = 0; tried < DOCS && count; tried++, doc = (doc + 1) % DOCS) {
        if (!mode_takes(mode, w->draft[doc])) continue;
        add_document(w->batch, doc, version);
        w->draft[doc] = doc_has_expired(doc, version) ? 0 : version;
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

/* ---------------------------------------------------------------- changing the schema */

static void set_value(mv_column *column, uint32_t bit, uint32_t doc, uint32_t version)
{
    char text[64];
    float vector[DIM];
    mv_value value = bit == SHAPE_MARK ? doc_mark(doc, version, text) : doc_turn(doc, version);
    doc_far(doc, version, vector);
    if (bit == SHAPE_FAR)
        WORK(mv_column_set_vector(column, vector, DIM, &error));
    else if (value.kind != MV_KIND_NULL || random_below(2))
        WORK(mv_column_set(column, &value, &error));
}

static void add_field(mv_collection *c, uint32_t bit)
{
    const mv_field_options mark = {.name = "mark", .type = MV_STRING},
                           turn = {.name = "turn", .type = MV_INT32, .nullable = true};
    const mv_vector_options far = {
        .name = "far",
        .type = MV_VECTOR_FP16,
        .dim = DIM,
        .metric = MV_COSINE,
        .index = {MV_INDEX_HNSW, {.hnsw = {.m = 4, .ef_construction = 8}}}};
    mv_column *column = NULL;
    mv_result *shown = NULL;
    WORK(mv_result_create(c, &shown, &error));
    WORK(mv_column_begin(c, bit == SHAPE_FAR ? NULL : (bit == SHAPE_MARK ? &mark : &turn),
                         bit == SHAPE_FAR ? &far : NULL, &column, &error));
    for (;;) {
        bool found;
        mv_id id;
        uint32_t at;
        mv_value version;
        WORK(mv_column_next(column, shown, &found, &error));
        if (!found) break;
        must(find_field(mv_result_schema(shown), "version", &at), "there are no versions");
        WORK(mv_result_id(shown, 0, &id, &error));
        WORK(mv_result_value(shown, 0, at, &version, &error));
        set_value(column, bit, doc_of_id(id), (uint32_t)version.as.i);
    }
    mv_result_free(shown);
    WORK(mv_column_commit(column, &error));
    mv_column_free(column);
}

static void change_index(mv_collection *c, uint32_t has, bool of_texts)
{
    const mv_index_change lists = {.name = "text", .index.type = MV_INDEX_INVERT},
                          graphs = {
                              .name = "place",
                              .index.type = MV_INDEX_HNSW,
                              .index.as.hnsw = {.m = has & SHAPE_M8 ? 8 : 4, .ef_construction = 8}};
    const mv_optimize_options options = {.index_change = of_texts ? &lists : &graphs};
    mv_job *job = NULL;
    bool more = true;
    mv_progress progress;
    if (has & (of_texts ? SHAPE_BARE : SHAPE_FLAT)) {
        WORK(mv_drop_index(c, options.index_change->name, &error));
        return;
    }
    WORK(mv_optimize_begin(c, &options, &job, &error));
    while (more) WORK(mv_optimize_step(job, 0, &more, &progress, &error));
    mv_job_free(job);
}

/* What becomes of a shape when one thing about it is changed. */
static uint32_t changed_shape(uint32_t has, uint32_t bit)
{
    if (bit == SHAPE_MARK && has & SHAPE_MARK) return has & ~(uint32_t)(SHAPE_MARK | SHAPE_SIGN);
    if (bit == SHAPE_SIGN && !(has & SHAPE_MARK)) return has;
    if (bit == SHAPE_FLAT) has &= ~(uint32_t)SHAPE_M8;
    if (bit == SHAPE_M8 && has & SHAPE_FLAT) return has;
    return has ^ bit;
}

static void step_schema(work *w, mv_durability durability)
{
    static const char *const added[] = {[SHAPE_TURN] = "turn", [SHAPE_FAR] = "far"};
    mv_collection *c = handle(w, durability);
    uint32_t has = w->known->places[0].versions[SHAPE], bit = 1u << random_below(SHAPE_BITS),
             wanted = changed_shape(has, bit);
    if (wanted == has) return;
    mv_job_free(w->job); /* one at a time */
    w->job = NULL;
    mv_batch_free(w->batch);
    w->batch = NULL;
    begin(w, CALL_SCHEMA, effect_of_write(durability), 0);
    w->draft[SHAPE] = wanted;
    announce_draft(w);
    if (bit & (SHAPE_FLAT | SHAPE_M8 | SHAPE_BARE))
        change_index(c, wanted, bit == SHAPE_BARE);
    else if (bit == SHAPE_SIGN)
        WORK(mv_alter_column(c, mark_name(has), &(mv_column_change){mark_name(wanted), false},
                             &error));
    else if (has & bit)
        WORK(mv_drop_column(c, bit == SHAPE_MARK ? mark_name(has) : added[bit], &error));
    else
        add_field(c, bit);
    must(shape_of(mv_get_schema(c)) == wanted, "the schema has not changed as it should");
    end(w);
}

/* ---------------------------------------------------------------- deleting */

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
    mv_collection *tx = NULL;
    begin(w, CALL_TRANSACTION, effect_of_write(durability), 0);
    WORK(mv_begin(handle(w, durability), &tx, &error));
    for (uint32_t writes = 1 + random_below(4); writes; writes--) {
        uint32_t count = random_below(6) ? 1 + random_below(200) : BULK_MIN;
        mv_write_mode mode = count == BULK_MIN ? MV_UPSERT : any_mode();
        if (random_below(4) == 0) {
            delete_ids(w, tx, 1 + random_below(100));
            continue;
        }
        fill_batch(w, tx, mode, count);
        write_batch(w, tx, mode);
    }
    if (random_below(5)) {
        announce_draft(w);
        WORK(mv_commit(tx, &error));
    } else {
        mv_abort(tx);
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
    if (w->known->places[at].is == PRESENT && random_below(2)) {
        begin(w, CALL_REPLACE, EFFECT_NONE, at);
        WORK(mv_backup(c, path, &(mv_backup_options){.replace = true}, &error));
    } else if (w->known->places[at].is == PRESENT) {
        begin(w, CALL_DESTROY, EFFECT_NONE, at);
        WORK(mv_destroy(path, &error));
    } else if (w->known->places[at].is == ABSENT) {
        begin(w, CALL_BACKUP, EFFECT_NONE, at);
        WORK(mv_backup(c, path, NULL, &error));
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
    switch (random_below(24)) {
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
    case 12:
    case 13:
    case 14:
    case 15: step_schema(w, durability); break;
    default: step_write(w, durability, any_count()); break;
    }
}

static void work_all(const char *root, bool unsynced)
{
    static oracle known;
    work w;
    work_start(&w, root, &known);
    w.unsynced = unsynced;
    work_create(&w);
    for (int step = 0; step < STEPS; step++) work_step(&w, unsynced ? 3 : 0);
    work_stop(&w);
}

#endif
