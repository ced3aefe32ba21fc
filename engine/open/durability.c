/* The marks of commits that are not on disk, and syncing them.
 *
 * Two small files beside the catalog, and not values in it, since they must be readable when the
 * catalog cannot be trusted. Only the holder of the writers' lock removes one.
 *
 * "unsynced": there are commits that were not synced. With durability none LMDB's pages reach the
 * disk in any order, so that after a power cut the file may have any content. The mark begins with
 * the boot id of the machine: if the machine was started again since, nothing in the collection is
 * trusted.
 *
 *   <boot id>              nothing has tried to sync these commits
 *   <boot id> syncing N    a sync of LMDB's commit N began. It is under way if its process has the
 *                          writers' lock, else it failed or its process died
 *
 * A sync that fails may be the only one that says so: the system may have dropped the bytes, and
 * the next sync of the file succeeds without them. Therefore the mark says "syncing" before the
 * first byte is synced. The next sync that finds it so writes all bytes again, syncs them, and
 * verifies the collection, since what was dropped may be read from the disk in its old state.
 *
 * "in-doubt": a commit failed, but its last write, that of LMDB's meta page, may still reach the
 * disk. LMDB goes on with the commit before, and so with the pages and file numbers that the failed
 * commit used. So before the next change the meta pages are written again and synced: then the
 * commit has not happened. The mark holds for the running machine only. After a power cut the disk
 * has either commit, as a whole. */
#include "open/durability.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "open/verify.h"

#define MARK_SIZE_MAX 95u
#define UUID_SIZE     36u

typedef enum mark_kind { MARK_NONE, MARK_UNSYNCED, MARK_SYNCING } mark_kind;

typedef struct mark {
    mark_kind kind;
    uint64_t commit; /* of MARK_SYNCING: the LMDB commit to sync */
} mark;

/* MV_CORRUPT: the mark is of an earlier start of the machine. */
static mv_err read_mark(const char *directory, mark *out, mv_error *error)
{
    char path[OS_PATH_SIZE], marked[MARK_SIZE_MAX + 1] = {0}, now[64] = {0};
    unsigned long long commit = 0;
    size_t size;
    *out = (mark){MARK_NONE, 0};
    MV_TRY(os_join(path, directory, UNSYNCED_FILE, error));
    mv_err err = os_read_small(path, marked, MARK_SIZE_MAX, &size, error);
    if (err == MV_NOT_FOUND) return MV_OK;
    if (err) return err;
    MV_TRY(os_boot_id(now, error));
    size_t now_size = strlen(now);
    if (strncmp(marked, now, now_size) == 0) {
        if (!marked[now_size]) out->kind = MARK_UNSYNCED;
        if (marked[now_size] == ' ') out->kind = MARK_SYNCING; /* the rest may have been cut */
        if (sscanf(marked + now_size, " syncing %llu", &commit) == 1) out->commit = commit;
    }
    if (out->kind) return MV_OK;
    return error_set(error, MV_CORRUPT,
                     "'%s' was written without syncing and the machine went down before a flush: "
                     "its content cannot be trusted",
                     directory);
}

/* Needs no space on the disk: the block of the mark has some left. */
static mv_err mark_syncing(const char *directory, uint64_t commit, mv_error *error)
{
    char path[OS_PATH_SIZE], now[64] = {0}, syncing[32];
    os_file file;
    int size = snprintf(syncing, sizeof syncing, " syncing %llu", (unsigned long long)commit);
    mv_assert(size > 0 && (size_t)size < sizeof syncing);
    MV_TRY(os_boot_id(now, error));
    MV_TRY(os_join(path, directory, UNSYNCED_FILE, error));
    MV_TRY(os_open_write(path, &file, error));
    mv_err err = os_write_at(file, syncing, (size_t)size, strlen(now), path, error);
    os_close(file);
    return err;
}

static mv_err has_file(const char *directory, const char *name, bool *has, mv_error *error)
{
    os_kind kind;
    MV_TRY(os_look_in(directory, name, &kind, error));
    *has = kind != OS_NOTHING;
    return MV_OK;
}

mv_err durability_is_unsynced(const char *directory, bool *unsynced, mv_error *error)
{
    return has_file(directory, UNSYNCED_FILE, unsynced, error);
}

mv_err durability_is_durable(const char *directory, bool *durable, mv_error *error)
{
    bool unsynced, in_doubt;
    MV_TRY(durability_is_unsynced(directory, &unsynced, error));
    MV_TRY(has_file(directory, IN_DOUBT_FILE, &in_doubt, error));
    *durable = !unsynced && !in_doubt;
    return MV_OK;
}

bool durability_is_unfinished_mark(const char *name)
{
    static const char begin[] = UNSYNCED_FILE ".", end[] = ".new";
    size_t size = strlen(name);
    return size >= sizeof begin + sizeof end - 2 && memcmp(name, begin, sizeof begin - 1) == 0 &&
           strcmp(name + size - (sizeof end - 1), end) == 0;
}

/* A mark of unsynced commits begins with a boot id, a UUID. What follows was not synced, and may be
 * anything after a power cut. A mark of doubt is empty. */
mv_err durability_identify_mark(const char *path, const char *name, bool *is_ours, mv_error *error)
{
    char text[MARK_SIZE_MAX];
    size_t size;
    bool is_doubt = strcmp(name, IN_DOUBT_FILE) == 0;
    mv_err err = os_read_small(path, text, sizeof text, &size, error);
    *is_ours = !err && (!is_doubt || size == 0);
    for (size_t i = 0; *is_ours && i < size && i < UUID_SIZE; i++)
        *is_ours = text[i] == '-' || isxdigit((unsigned char)text[i]);
    return err == MV_LIMIT ? MV_OK : err;
}

mv_err durability_check(const char *directory, mv_error *error)
{
    mark found;
    return read_mark(directory, &found, error);
}

mv_err durability_mark(const char *directory, mv_error *error)
{
    char now[64] = {0};
    MV_TRY(os_boot_id(now, error));
    return os_write_small(directory, UNSYNCED_FILE, now, strlen(now), error);
}

mv_err durability_mark_in_doubt(const char *directory, mv_error *error)
{
    char path[OS_PATH_SIZE];
    os_file file;
    MV_TRY(os_join(path, directory, IN_DOUBT_FILE, error));
    mv_err err = os_create(path, &file, error);
    if (err) return err == MV_EXISTS ? MV_OK : err;
    os_owner_inherit(path, directory);
    os_close(file);
    return MV_OK;
}

/* ---------------------------------------------------------------- the files of a commit */

typedef mv_err (*file_action)(const char *directory, const char *name, mv_error *error);

static mv_err sync_file(const char *directory, const char *name, mv_error *error)
{
    char path[OS_PATH_SIZE];
    os_file file;
    uint64_t size;
    MV_TRY(os_join(path, directory, name, error));
    MV_TRY(os_open_read(path, &file, &size, error));
    mv_err err = os_sync(file, path, error);
    os_close(file);
    return err;
}

static mv_err rewrite_file(const char *directory, const char *name, mv_error *error)
{
    char path[OS_PATH_SIZE];
    MV_TRY(os_join(path, directory, name, error));
    return os_rewrite(path, UINT64_MAX, error);
}

typedef struct file_visit {
    const char *directory;
    file_action action;
} file_visit;

static mv_err visit_segment(void *ctx, uint64_t number, const catalog_value *value, mv_error *error)
{
    const file_visit *visit = ctx;
    mem_arena arena = {0};
    segment_record record;
    mv_err err = segment_record_load(number, value->bytes, value->size, &arena, &record, error);
    for (uint32_t file = 0; !err && file < record.files_count; file++) {
        char name[SEGMENT_FILE_NAME_SIZE];
        segment_file_name(number, &record.files[file], name);
        err = visit->action(visit->directory, name, error);
        if (err == MV_NOT_FOUND)
            err = error_set(error, MV_CORRUPT, "%s: the file is missing", name);
    }
    mem_arena_free(&arena);
    return err;
}

/* A missing index file loses no data: it is passed over, and optimize builds the index again. */
static mv_err visit_index(void *ctx, uint64_t number, const catalog_value *value, mv_error *error)
{
    const file_visit *visit = ctx;
    index_record record;
    char name[SEGMENT_FILE_NAME_SIZE];
    MV_TRY(index_record_load(number, value->bytes, value->size, &record, error));
    segment_file_name(number, &record.file, name);
    mv_err err = visit->action(visit->directory, name, error);
    return err == MV_NOT_FOUND ? MV_OK : err;
}

/* Call `action` for each file that the catalog names. */
static mv_err each_file(engine *e, catalog_txn *txn, file_action action, mv_error *error)
{
    file_visit visit = {e->path, action};
    MV_TRY(catalog_each_u64(txn, CATALOG_SEGMENTS, visit_segment, &visit, error));
    return catalog_each_u64(txn, CATALOG_INDEXES, visit_index, &visit, error);
}

/* Sync also a file that was renamed without being synced, of a transaction that was undone or whose
 * process died. No commit names it, but its name outlives the mark, and so must its header: by that
 * it is recognized. One that cannot be opened is of somebody else. */
static mv_err sync_unnamed(void *ctx, const char *name, mv_error *error)
{
    uint64_t number, size;
    section_file_record record;
    char path[OS_PATH_SIZE];
    os_file file;
    const char *const *directory = ctx;
    if (!segment_parse_file_name(name, &number, &record) || segment_is_unfinished_name(name))
        return MV_OK;
    MV_TRY(os_join(path, *directory, name, error));
    if (os_open_read(path, &file, &size, NULL)) return MV_OK;
    mv_err err = os_sync(file, path, error);
    os_close(file);
    return err;
}

/* Call it before the mark is removed, after the files that the catalog names. */
static mv_err sync_directory(engine *e, mv_error *error)
{
    const char *directory = e->path;
    MV_TRY(os_each_entry(directory, sync_unnamed, &directory, error));
    return os_sync_directory(directory, error);
}

/* ---------------------------------------------------------------- syncing */

mv_err durability_settle(engine *e, catalog_txn *txn, mv_error *error)
{
    bool in_doubt, unsynced;
    MV_TRY(has_file(e->path, IN_DOUBT_FILE, &in_doubt, error));
    if (!in_doubt) return MV_OK;
    MV_TRY(durability_is_unsynced(e->path, &unsynced, error));
    if (unsynced) /* the catalog is synced here, too */
        MV_TRY(mark_syncing(e->path, catalog_commit_number(txn), error));
    MV_TRY(catalog_rewrite(e->catalog, txn, false, error));
    e->is_swept = false; /* files of the commit that was taken back are leftovers now */
    return os_remove_in(e->path, IN_DOUBT_FILE, error);
}

/* An index that lost bytes is removed, so that a search does not meet it: optimize builds it again.
 */
static mv_err drop_damaged_indexes(const snapshot *s, mv_error *error)
{
    for (uint32_t i = 0; i < s->v->segments_count; i++)
        for (uint32_t slot = 0; slot < index_slot_count(s->v->schema); slot++) {
            shared_index *x = s->v->segments[i].indexes[slot];
            char name[SEGMENT_FILE_NAME_SIZE];
            mv_err err = x ? shared_index_verify(s->e, x, error) : MV_OK;
            if (err && err != MV_CORRUPT) return err;
            if (!err) continue;
            shared_index_file_name(x, name);
            MV_TRY(os_remove_in(s->e->path, name, error));
        }
    return MV_OK;
}

/* Have all bytes of the last commit been there to be written again? */
static mv_err verify_last_commit(engine *e, catalog_txn *txn, mv_error *error)
{
    snapshot s = {.e = e, .txn = txn, .is_of_writer = true};
    mv_err err = view_open(e, txn, catalog_commit_number(txn), &s.now, &s.v, error);
    if (!err) {
        err = verify_content(&s, error);
        if (!err) err = drop_damaged_indexes(&s, error);
        snapshot_close(&s);
    }
    return err;
}

static mv_err bytes_are_lost(mv_err err, mv_error *error)
{
    return err == MV_CORRUPT ? error_prefix(error, err, "a sync failed, and bytes are lost: ")
                             : err;
}

/* `commit`: that of the sync that failed. */
static mv_err sync_again(engine *e, catalog_txn *txn, uint64_t commit, mv_error *error)
{
    if (catalog_commit_number(txn) < commit)
        return bytes_are_lost(
            error_set(error, MV_CORRUPT, "%s: its last commit is %llu, not %llu", CATALOG_FILE,
                      (unsigned long long)catalog_commit_number(txn), (unsigned long long)commit),
            error);
    MV_TRY(catalog_rewrite(e->catalog, txn, true, error));
    mv_err err = catalog_verify(e->catalog, txn, error); /* before LMDB walks its tables */
    if (err == MV_BUSY) err = MV_CORRUPT; /* no meta page has the commit, and nobody else writes */
    if (!err) err = each_file(e, txn, rewrite_file, error);
    if (err) return bytes_are_lost(err, error);
    MV_TRY(sync_directory(e, error));
    return bytes_are_lost(verify_last_commit(e, txn, error), error);
}

static mv_err sync_first(engine *e, catalog_txn *txn, mv_error *error)
{
    MV_TRY(mark_syncing(e->path, catalog_commit_number(txn), error));
    MV_TRY(each_file(e, txn, sync_file, error));
    MV_TRY(sync_directory(e, error));
    return catalog_sync(e->catalog, error);
}

/* The mark goes last: after a power cut in between, the collection is still refused. If the disk
 * may still have it, it comes back, so that the next sync does not count as done. */
static mv_err remove_mark(const char *directory, uint64_t commit, mv_error *error)
{
    MV_TRY(os_remove_in(directory, UNSYNCED_FILE, error));
    mv_err err = os_sync_directory(directory, error);
    if (err && !durability_mark(directory, NULL)) (void)mark_syncing(directory, commit, NULL);
    return err;
}

mv_err durability_sync(engine *e, catalog_txn *txn, mv_error *error)
{
    mark found;
    mv_assert(!e->in_memory);
    mv_assert(!e->read_only);
    MV_TRY(durability_settle(e, txn, error));
    MV_TRY(read_mark(e->path, &found, error));
    if (found.kind == MARK_NONE) return MV_OK;
    MV_TRY(found.kind == MARK_SYNCING ? sync_again(e, txn, found.commit, error)
                                      : sync_first(e, txn, error));
    return remove_mark(e->path, catalog_commit_number(txn), error);
}
