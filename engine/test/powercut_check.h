/* What must be true of the directory found after a power cut, for powercut_test.c. Runs in a child,
 * which the first thing that is not true ends. */
#ifndef MV_POWERCUT_CHECK_H
#define MV_POWERCUT_CHECK_H

#include <inttypes.h>

#include "test/powercut_work.h"

#define FETCHES 50u

typedef enum verdict { VERDICT_WHOLE = 0, VERDICT_REFUSED = 10, VERDICT_ABSENT = 11 } verdict;

static void wrong(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
    _exit(1);
}

/* ---------------------------------------------------------------- content */

static mv_value read_field(mv_result *found, size_t at, const char *name)
{
    uint32_t field;
    mv_value value;
    must(find_field(mv_result_schema(found), name, &field), "there is no such field");
    WORK(mv_result_value(found, at, field, &value, &error));
    return value;
}

static void expect_string(mv_result *found, size_t at, const char *name, mv_value right)
{
    mv_value value = read_field(found, at, name);
    if (value.kind != MV_KIND_STRING || value.as.string.size != right.as.string.size ||
        memcmp(value.as.string.data, right.as.string.data, right.as.string.size) != 0)
        wrong("a document has a text that was not written");
}

static void expect_vector(mv_result *found, size_t at, const char *name, const float right[DIM])
{
    uint32_t field;
    float vector[DIM];
    must(find_vector(mv_result_schema(found), name, &field), "there is no such vector field");
    WORK(mv_result_vector(found, at, field, vector, DIM, &error));
    if (memcmp(vector, right, sizeof vector) != 0)
        wrong("a document has a vector that was not written");
}

static void expect_other_values(mv_result *found, size_t at, uint32_t doc, uint32_t version)
{
    doc_values right;
    doc_values_make(doc, version, &right);
    const mv_sparse *sparse = &right.sparse.as.sparse;
    const mv_multi *multi = &right.multi.as.multi;
    expect_string(found, at, "words", right.text);
    mv_value value = read_field(found, at, "sparse");
    if (value.kind != MV_KIND_SPARSE || value.as.sparse.count != sparse->count ||
        memcmp(value.as.sparse.indices, sparse->indices, sizeof right.indices) != 0 ||
        memcmp(value.as.sparse.numbers, sparse->numbers, sizeof right.numbers) != 0)
        wrong("a document has a sparse vector that was not written");
    value = read_field(found, at, "tokens");
    if (value.kind != MV_KIND_MULTI || value.as.multi.count != multi->count ||
        memcmp(value.as.multi.numbers, multi->numbers, multi->count * sizeof(float)) != 0)
        wrong("a document has several vectors that were not written");
}

/* Hit `at` is a document as the workload makes it, with all that the schema has. Gives its version.
 */
static uint32_t read_document(mv_result *found, size_t at, uint32_t *doc)
{
    mv_id id;
    float expected[DIM];
    char bytes[BIG_SIZE], mark[64];
    uint32_t has = shape_of(mv_result_schema(found));
    WORK(mv_result_id(found, at, &id, &error));
    *doc = doc_of_id(id);
    if (*doc == DOCS) wrong("a document has an id that no call gave it");
    uint32_t version = (uint32_t)read_field(found, at, "version").as.i;
    expect_string(found, at, "text", doc_text(*doc, version, bytes));
    doc_vector(*doc, version, expected);
    expect_vector(found, at, "place", expected);
    if (has & SHAPE_MARK) expect_string(found, at, mark_name(has), doc_mark(*doc, version, mark));
    if (has & SHAPE_TURN) {
        mv_value turn = read_field(found, at, "turn"), right = doc_turn(*doc, version);
        if (turn.kind != right.kind || (right.kind == MV_KIND_INT && turn.as.i != right.as.i))
            wrong("a document has a number that was not written");
    }
    doc_far(*doc, version, expected);
    if (has & SHAPE_FAR) expect_vector(found, at, "far", expected);
    expect_other_values(found, at, *doc, version);
    return version;
}

static void read_versions(mv_collection *c, uint32_t versions[ITEMS])
{
    mv_iterator *walk = NULL;
    mv_result *found = NULL;
    bool more = true;
    memset(versions, 0, ITEMS * sizeof *versions);
    WORK(mv_result_create(c, &found, &error));
    WORK(mv_iterator_open(c, NULL, &walk, &error));
    for (;;) {
        uint32_t doc;
        WORK(mv_iterator_next(walk, found, &more, &error));
        if (!more) break;
        uint32_t version = read_document(found, 0, &doc);
        if (versions[doc]) wrong("a document is there twice");
        versions[doc] = version;
    }
    versions[SHAPE] = shape_of(mv_iterator_schema(walk));
    mv_result_free(found);
    mv_iterator_close(walk);
}

/* Ids lead to the same documents. */
static void check_fetch(mv_collection *c, const uint32_t versions[ITEMS])
{
    mv_result *found = NULL;
    WORK(mv_result_create(c, &found, &error));
    for (uint32_t i = 0; i < FETCHES; i++) {
        char bytes[LONG_ID_SIZE];
        uint32_t doc = random_below(DOCS), same;
        size_t count;
        mv_id id = doc_id(doc, bytes);
        WORK(mv_fetch(c, &id, 1, found, &error));
        (void)mv_result_hits(found, &count);
        if (count != (versions[doc] != 0)) wrong("an id leads to nothing, or a removed one does");
        if (count && read_document(found, 0, &same) != versions[doc])
            wrong("an id leads to another version than the one there is");
    }
    mv_result_free(found);
}

/* A search for the word that only one document has finds its newest version, or nothing. */
static void check_search(mv_collection *c, const uint32_t versions[ITEMS])
{
    mv_result *found = NULL;
    WORK(mv_result_create(c, &found, &error));
    for (uint32_t i = 0; i < FETCHES; i++) {
        char word[16];
        uint32_t doc = random_below(DOCS), same;
        size_t count;
        mv_query query = {.topk = 2};
        int size = snprintf(word, sizeof word, "d%u", doc);
        query.text = word;
        query.text_size = (size_t)size;
        must(find_field(mv_get_schema(c), "words", &query.text_field), "there are no words");
        WORK(mv_search(c, &query, found, &error));
        (void)mv_result_hits(found, &count);
        if (count != (versions[doc] != 0))
            wrong("a word is not found, or one of a removed text is");
        if (count && (read_document(found, 0, &same) != versions[doc] || same != doc))
            wrong("a word is found in another document than the one that has it");
    }
    mv_result_free(found);
}

static bool same_versions(const uint32_t a[ITEMS], const uint32_t b[ITEMS])
{
    return memcmp(a, b, ITEMS * sizeof *a) == 0;
}

static void tell_difference(const uint32_t found[ITEMS], const uint32_t expected[ITEMS])
{
    uint32_t count = 0, first = 0;
    for (uint32_t doc = ITEMS; doc--;) {
        if (found[doc] == expected[doc]) continue;
        count++;
        first = doc;
    }
    printf(
        "%u documents (%u being the schema) differ from the last acknowledged commit; the first, "
        "%u, has version %u, %u expected\n",
        count, SHAPE, first, found[first], expected[first]);
    wrong("and from the commit under way");
}

/* Exactly the last acknowledged commit, or with the changes under way, too. Tells in `known` which.
 */
static void check_content(mv_collection *c, oracle *known)
{
    static uint32_t found[ITEMS], after[ITEMS];
    const uint32_t *before = known->places[0].versions;
    read_versions(c, found);
    check_fetch(c, found);
    check_search(c, found);
    memcpy(after, before, sizeof after);
    for (uint32_t i = 0; i < known->changes_count; i++)
        after[known->changes[i].doc] = known->changes[i].version;
    note n = {.kind = NOTE_UNDONE};
    if (!same_versions(found, before)) {
        if (!same_versions(found, after)) tell_difference(found, before);
        n.kind = NOTE_DONE;
    }
    record_note(&n, sizeof n, NULL, 0);
    oracle_note(known, &n, NULL);
}

/* ---------------------------------------------------------------- opening */

static mv_err open_at(const char *root, uint32_t at, bool read_only, mv_collection **c,
                      mv_error *error)
{
    char path[OS_PATH_SIZE];
    mv_open_options options = {.verify = true, .read_only = read_only};
    MV_TRY(os_join(path, root, place_names[at], error));
    return mv_open(path, &options, c, error);
}

/* A backup is complete once it is acknowledged, and does not exist once it is destroyed. In between
 * it is complete or absent; while it is destroyed it may also be no collection. While it is
 * replaced it is the old or the new one. */
static void check_backup(const char *root, uint32_t at, oracle *known)
{
    static uint32_t found[ITEMS];
    mv_error failure;
    mv_collection *c = NULL;
    presence is = known->places[at].is;
    mv_err err = open_at(root, at, true, &c, &failure);
    if (err == MV_NOT_FOUND && is != PRESENT && is != REPLACED) {
        char path[OS_PATH_SIZE];
        WORK(os_join(path, root, place_names[at], &error));
        /* An empty directory that stays is no collection, and in the way of the next backup. */
        if (access(path, F_OK)) known->places[at].is = ABSENT;
        return;
    }
    if (err == MV_CORRUPT && is == VANISHING && strstr(failure.text, "is not a collection")) return;
    if (err || is == ABSENT) {
        printf("%s: %s\n", place_names[at], err ? failure.text : "was destroyed and is back");
        wrong("a backup is not what it must be");
    }
    read_versions(c, found);
    place *p = &known->places[at];
    if (is == REPLACED && same_versions(found, p->before))
        memcpy(p->versions, p->before, sizeof p->versions);
    if (!same_versions(found, p->versions)) wrong("a backup has another content");
    known->places[at].is = PRESENT;
    WORK(mv_close(c, &error));
}

static mv_err refuse_entry(void *ctx, const char *name, mv_error *error)
{
    (void)ctx;
    return error_set(error, MV_MISUSE, "'%s' of the collection destroyed is left", name);
}

static bool is_unrecognized(mv_err err, const mv_error *failure)
{
    return err == MV_CORRUPT && strstr(failure->text, "too damaged to be recognized");
}

/* Destroy the collection. If not even its catalog is recognized, which is so only after writes that
 * were not synced (`may_fail`), nothing is changed, as with the directory of another program. */
static void destroy_main(work *w, bool may_fail)
{
    char path[OS_PATH_SIZE];
    mv_error failure;
    os_kind kind;
    (void)path_of(w, 0, path);
    begin(w, CALL_DESTROY, EFFECT_NONE, 0);
    mv_err err = mv_destroy(path, &failure);
    if (may_fail && is_unrecognized(err, &failure)) return;
    if (err) wrong(failure.text);
    end(w);
    WORK(os_look(path, &kind, &error));
    if (kind == OS_DIRECTORY) WORK(os_each_entry(path, refuse_entry, NULL, &error));
    if (kind != OS_NOTHING) wrong("the directory of the collection destroyed is left");
}

/* It was written without syncing. It is refused, and can be destroyed. */
static void end_refused(const char *root, oracle *known)
{
    work w;
    work_start(&w, root, known);
    destroy_main(&w, true);
    _exit(VERDICT_REFUSED);
}

/* The cut came while it was destroyed. That goes on where it was; at the end only an empty
 * directory may be left. */
static void end_vanishing(const char *root)
{
    char path[OS_PATH_SIZE];
    mv_error failure;
    WORK(os_join(path, root, place_names[0], &error));
    mv_err err = mv_destroy(path, &failure);
    if (err && err != MV_CORRUPT) wrong(failure.text);
    if (err) WORK(os_each_entry(path, refuse_entry, NULL, &error));
    if (!err && !access(path, F_OK)) wrong("the directory of the collection destroyed is left");
    _exit(VERDICT_ABSENT);
}

/* Open the collection. If it is correct that it cannot be opened, end the child. */
static mv_collection *open_main(const char *root, oracle *known)
{
    mv_error failure;
    mv_collection *c = NULL;
    bool read_only = random_below(4) == 0;
    mv_err err = open_at(root, 0, read_only, &c, &failure);
    presence is = known->places[0].is;
    if (err == MV_NOT_FOUND && is != PRESENT) _exit(VERDICT_ABSENT);
    if (err == MV_CORRUPT && is == VANISHING && strstr(failure.text, "is not a collection"))
        end_vanishing(root);
    bool refused = err == MV_CORRUPT && strstr(failure.text, "without syncing");
    if (refused && known->synced != SYNCED) end_refused(root, known);
    if (err) wrong(failure.text);
    if (is == ABSENT) wrong("it was destroyed, and exists again");
    if (known->synced == UNSYNCED) wrong("it was written without syncing, and could be opened");
    if (!read_only) return c;
    WORK(mv_close(c, &error));
    WORK(open_at(root, 0, false, &c, &error));
    return c;
}

/* ---------------------------------------------------------------- going on */

static mv_err find_leftover(void *ctx, const char *name, mv_error *error)
{
    (void)ctx;
    size_t size = strlen(name);
    if (size < 4 || strcmp(name + size - 4, ".new") != 0) return MV_OK;
    return error_set(error, MV_MISUSE, "'%s' is left over", name);
}

/* The collection can be written, closed, opened and removed as if the power was never cut. */
static void go_on(const char *root, oracle *known)
{
    char path[OS_PATH_SIZE];
    mv_collection *c = NULL;
    work w;
    work_start(&w, root, known);
    for (uint32_t steps = 1 + random_below(3); steps; steps--) {
        if (random_below(2))
            work_step(&w, 0);
        else if (random_below(2))
            step_write(&w, MV_DURABILITY_FULL, BULK_MIN);
        else
            step_optimize(&w, MV_DURABILITY_FULL, true);
    }
    step_write(&w, MV_DURABILITY_FULL, 1);
    work_stop(&w);

    WORK(open_at(root, 0, false, &c, &error));
    check_content(c, known);
    mv_collection *tx = NULL; /* the steps above may all have found nothing to write */
    WORK(mv_begin(c, &tx, &error));
    WORK(mv_commit(tx, &error));
    WORK(mv_close(c, &error));
    WORK(os_each_entry(path_of(&w, 0, path), find_leftover, NULL, &error));
    destroy_main(&w, false);
}

/* The whole judgement over the directory `root`. `known` is what was known at the cut. */
static verdict check_all(const char *root, oracle *known)
{
    for (uint32_t at = 1; at < PLACES; at++) check_backup(root, at, known);
    mv_collection *c = open_main(root, known);
    check_content(c, known);
    WORK(mv_close(c, &error));
    go_on(root, known);
    return VERDICT_WHOLE;
}

#endif
