/* Removing files: those that were replaced, and those that a process left unfinished when it died.
 *
 * The commit that replaces a file enters it in the catalog's garbage table. A reader of an older
 * commit, in any process, may still open the file; LMDB's reader table tells which commits are
 * being read (I8).
 *
 *   key: a number that grows with each entry (engine_state.next_garbage)
 *
 *   offset size  value
 *        0    8  since: the LMDB commit that stopped naming the file
 *        8    n  name of the file, without a terminating 0 */
#include "transaction/garbage.h"

#include <inttypes.h>
#include <string.h>

#include "open/durability.h"
#include "open/own_files.h"
#include "open/unlinked_files.h"

/* To free the pages of a file of 16 MB takes 0.3 to 1.2 ms, after the transaction if this process
 * has no thread of maintenance (unlinked_files.h). */
#define UNLINK_BYTES ((uint64_t)16 << 20)

typedef struct garbage_head {
    uint64_t since; /* commits from this one on do not name the file */
} garbage_head;

static_assert(sizeof(garbage_head) == 8, "the head of a value of the garbage table");

mv_err garbage_add(writer *w, uint64_t number, const section_file_record *file, mv_error *error)
{
    garbage_head head = {catalog_commit_number(w->txn) + 1};
    char name[SEGMENT_FILE_NAME_SIZE];
    uint8_t value[sizeof head + SEGMENT_FILE_NAME_SIZE];
    if (w->e->in_memory) return MV_OK; /* its mapping is closed with the last view that names it */
    segment_file_name(number, file, name);
    size_t name_size = strlen(name);
    mv_assert(name_size > 0);
    memcpy(value, &head, sizeof head);
    memcpy(value + sizeof head, name, name_size);
    return catalog_put_u64(w->txn, CATALOG_GARBAGE, w->state.next_garbage++, value,
                           sizeof head + name_size, error);
}

static mv_err read_entry(uint64_t key, const catalog_value *value, garbage_head *head,
                         char name[SEGMENT_FILE_NAME_SIZE], mv_error *error)
{
    if (value->size <= sizeof *head || value->size - sizeof *head >= SEGMENT_FILE_NAME_SIZE ||
        !catalog_is_intact(key, value))
        return error_set(error, MV_CORRUPT, "%s: the list of files to remove is damaged",
                         CATALOG_FILE);
    memset(name, 0, SEGMENT_FILE_NAME_SIZE);
    memcpy(head, value->bytes, sizeof *head);
    memcpy(name, value->bytes + sizeof *head, value->size - sizeof *head);
    return MV_OK;
}

/* Unlink one file. Adds the bytes that it had to *bytes. */
static mv_err unlink_file(const writer *w, const char *name, uint64_t *bytes, mv_error *error)
{
    char path[OS_PATH_SIZE];
    uint64_t number, allocated;
    section_file_record file;
    if (!segment_parse_file_name(name, &number, &file)) return MV_OK;
    MV_TRY(os_join(path, w->e->path, name, error));
    MV_TRY(os_allocated_bytes(path, &allocated, error));
    *bytes += allocated;
    return unlinked_files_add(w->e, path, error);
}

/* Unlink the files that no reader needs, and remove their entries; but not more than
 * UNLINK_BYTES and one file. Then w->leaves_garbage is set, and the next transaction goes on. If
 * the transaction is undone, or the process dies, the next one finds the entries of files that are
 * missing, which is harmless. */
static mv_err unlink_garbage(writer *w, mv_error *error)
{
    mv_err err;
    uint64_t key, bytes = 0;
    catalog_reader oldest;
    catalog_cursor *cursor = NULL;
    if ((err = catalog_oldest_reader(w->e->catalog, &oldest, error))) return err;
    for (bool found = true; found;) {
        catalog_value value;
        garbage_head head;
        char name[SEGMENT_FILE_NAME_SIZE];
        if ((err = catalog_cursor_open(w->txn, CATALOG_GARBAGE, &cursor, error))) return err;
        err = catalog_cursor_next_u64(cursor, &key, &value, &found, error);
        catalog_cursor_close(cursor);
        if (err || !found) return err;
        MV_TRY(read_entry(key, &value, &head, name, error));
        /* In a backup `since` may be a commit of the original, above all of the backup's own. */
        if (head.since > oldest.commit && head.since <= catalog_commit_number(w->txn)) return MV_OK;
        w->leaves_garbage = bytes >= UNLINK_BYTES;
        if (w->leaves_garbage) return MV_OK;
        MV_TRY(unlink_file(w, name, &bytes, error));
        MV_TRY(catalog_remove_u64(w->txn, CATALOG_GARBAGE, key, &found, error));
        w->changes++;
    }
    return err;
}

/* *named: does the catalog name this file? */
static mv_err is_file_named(writer *w, uint64_t number, const section_file_record *file,
                            bool *named, mv_error *error)
{
    catalog_value value;
    segment_record record;
    mem_arena arena = {0};
    catalog_table named_in =
        section_file_is_index((section_file_kind)file->kind) ? CATALOG_INDEXES : CATALOG_SEGMENTS;
    MV_TRY(catalog_get_u64(w->txn, named_in, number, &value, named, error));
    if (!*named || named_in == CATALOG_INDEXES) return MV_OK;
    mv_err err = segment_record_load(number, value.bytes, value.size, &arena, &record, error);
    *named = false;
    for (uint32_t i = 0; !err && i < record.files_count; i++)
        *named |= record.files[i].kind == file->kind && record.files[i].column == file->column;
    mem_arena_free(&arena);
    return err;
}

/* Remove a file of a segment or index that the catalog does not name. A file that another process
 * is writing is locked, and stays. */
static mv_err sweep_entry(void *ctx, const char *name, mv_error *error)
{
    writer *w = ctx;
    uint64_t number, size;
    section_file_record record;
    bool named, is_ours, got = false;
    char path[OS_PATH_SIZE];
    os_file file;
    if (durability_is_unfinished_mark(name)) return os_remove_in(w->e->path, name, error);
    if (!segment_parse_file_name(name, &number, &record)) return MV_OK;
    MV_TRY(is_file_named(w, number, &record, &named, error));
    if (named) return MV_OK;
    MV_TRY(own_files_identify(w->e->path, name, &is_ours, error));
    if (!is_ours) return MV_OK;
    MV_TRY(os_join(path, w->e->path, name, error));
    /* Removed meanwhile, or not to be opened by this process: a leftover may stay. */
    if (os_open_read(path, &file, &size, NULL)) return MV_OK;
    mv_err err = os_try_lock(file, &got, path, error);
    if (!err && got) err = os_remove(path, error);
    os_close(file);
    return err;
}

mv_err garbage_collect(writer *w, mv_error *error)
{
    uint64_t garbage;
    if (w->e->in_memory) return MV_OK;
    MV_TRY(catalog_count(w->txn, CATALOG_GARBAGE, &garbage, error));
    if (garbage) {
        MV_TRY(unlink_garbage(w, error));
        MV_TRY(catalog_count(w->txn, CATALOG_GARBAGE, &garbage, error));
    }
    if (garbage || w->e->is_swept) return MV_OK; /* what is listed is not named, and may be read */
    MV_TRY(os_each_entry(w->e->path, sweep_entry, w, error));
    w->e->is_swept = true;
    return MV_OK;
}

typedef struct held_files {
    engine *e;
    uint64_t oldest;
    uint64_t bytes;
} held_files;

static mv_err add_held(void *ctx, uint64_t key, const catalog_value *value, mv_error *error)
{
    held_files *held = ctx;
    garbage_head head;
    char name[SEGMENT_FILE_NAME_SIZE], path[OS_PATH_SIZE];
    uint64_t bytes;
    MV_TRY(read_entry(key, value, &head, name, error));
    if (head.since <= held->oldest) return MV_OK;
    MV_TRY(os_join(path, held->e->path, name, error));
    MV_TRY(os_allocated_bytes(path, &bytes, error));
    held->bytes += bytes;
    return MV_OK;
}

mv_err garbage_held_bytes(engine *e, catalog_txn *txn, uint64_t oldest, uint64_t *bytes,
                          mv_error *error)
{
    held_files held = {e, oldest, 0};
    mv_err err = catalog_each_u64(txn, CATALOG_GARBAGE, add_held, &held, error);
    *bytes = held.bytes;
    return err;
}
