/* Getting rid of files: those that a merge replaced, once no reader in any process can name them,
 * and those that a process left half-written when it died.
 *
 * A replaced file is entered in the garbage table by the commit that replaces it. A reader of an
 * older commit may still want to open it; LMDB's reader table tells which commits are being read.
 */
#include "transaction/garbage.h"

#include <inttypes.h>
#include <string.h>

#include "open/durability.h"

typedef struct garbage_head {
    uint64_t since; /* LMDB commit number from which on nobody new names the file */
} garbage_head;

mv_err garbage_add(writer *w, uint64_t number, const section_file_record *file, mv_error *error)
{
    garbage_head head = {catalog_commit_number(w->txn) + 1};
    char name[SEGMENT_FILE_NAME_SIZE];
    uint8_t value[sizeof head + SEGMENT_FILE_NAME_SIZE];
    if (w->e->in_memory) return MV_OK; /* closed with the last view that has it */
    segment_file_name(number, file, name);
    size_t name_size = strlen(name);
    memcpy(value, &head, sizeof head);
    memcpy(value + sizeof head, name, name_size);
    return catalog_put_u64(w->txn, CATALOG_GARBAGE, w->state.next_garbage++, value,
                           sizeof head + name_size, error);
}

/* Unlink and forget what is old enough. A crash in between unlinks again: no harm. */
static mv_err unlink_garbage(writer *w, mv_error *error)
{
    mv_err err;
    uint64_t oldest, key;
    catalog_cursor *cursor = NULL;
    if ((err = catalog_oldest_reader(w->e->catalog, &oldest, error))) return err;
    for (bool found = true; found;) {
        catalog_value value;
        garbage_head head;
        char name[SEGMENT_FILE_NAME_SIZE] = {0};
        if ((err = catalog_cursor_open(w->txn, CATALOG_GARBAGE, &cursor, error))) return err;
        err = catalog_cursor_next_u64(cursor, &key, &value, &found, error);
        catalog_cursor_close(cursor);
        if (err || !found) return err;
        if (value.size <= sizeof head || value.size - sizeof head >= sizeof name ||
            !catalog_is_intact(&key, sizeof key, &value))
            return error_set(error, MV_CORRUPT, "%s: the list of files to remove is damaged",
                             CATALOG_FILE);
        memcpy(&head, value.bytes, sizeof head);
        memcpy(name, value.bytes + sizeof head, value.size - sizeof head);
        /* A number that is still to come is of the collection that this one is a backup of. */
        if (head.since > oldest && head.since <= catalog_commit_number(w->txn)) return MV_OK;
        uint64_t number;
        section_file_record file;
        if (segment_parse_file_name(name, &number, &file))
            MV_TRY(os_remove_in(w->e->path, name, error));
        MV_TRY(catalog_remove_u64(w->txn, CATALOG_GARBAGE, key, &found, error));
        w->changes++;
    }
    return err;
}

/* Does the catalog name this file? */
static mv_err is_named(writer *w, uint64_t number, const section_file_record *file, bool *named,
                       mv_error *error)
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

/* Remove a file of a segment or index that the catalog does not know, unless someone is writing it:
 * then it is locked. */
static mv_err sweep_entry(void *ctx, const char *name, mv_error *error)
{
    writer *w = ctx;
    uint64_t number, size;
    section_file_record record;
    bool named, got = false;
    char path[OS_PATH_SIZE];
    os_file file;
    if (durability_is_unfinished_mark(name)) return os_remove_in(w->e->path, name, error);
    if (!segment_parse_file_name(name, &number, &record)) return MV_OK;
    MV_TRY(is_named(w, number, &record, &named, error));
    if (named) return MV_OK;
    MV_TRY(os_join(path, w->e->path, name, error));
    if (os_open_read(path, &file, &size, NULL)) return MV_OK; /* gone meanwhile */
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
    if (garbage || w->e->is_swept) return MV_OK; /* a reader may still want what is in the list */
    MV_TRY(os_each_entry(w->e->path, sweep_entry, w, error));
    w->e->is_swept = true;
    return MV_OK;
}
