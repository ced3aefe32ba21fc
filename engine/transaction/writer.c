/* The write transaction.
 *
 * States, and the functions that make each transition:
 *
 *   (none) --- writer_begin ---> BEGUN
 *   BEGUN, LAGGING, SETTLED --- a change ---> LAGGING
 *   BEGUN, LAGGING, SETTLED --- a change that fails after its first step ---> FAILED
 *   LAGGING --- writer_settle ---> SETTLED
 *   BEGUN --- writer_commit ---> UNDONE, MV_OK: there is nothing to commit
 *   BEGUN, LAGGING, SETTLED --- writer_commit ---> COMMITTED, or UNDONE if it fails
 *   FAILED --- writer_commit ---> UNDONE, MV_MISUSE
 *   BEGUN, LAGGING, SETTLED, FAILED --- writer_abort ---> UNDONE
 *   BEGUN, LAGGING, SETTLED, FAILED --- the thread ends ---> LEFT
 *   LEFT --- writer_begin of another thread, writer_abort ---> UNDONE
 *
 *   state      what holds in it
 *   BEGUN      `v` is the view of the last commit; `changes` counts only garbage that was removed
 *   LAGGING    changes > 0 and v_lags: the chunks, the fresh table, the schema, or the records of
 *              segments and indexes are ahead of `v` (I10). `state` is as it will be committed
 *   SETTLED    changes > 0 and !v_lags: `v` shows all changes. No other reader shares it
 *   FAILED     is_failed: some of the changes of a call were made (I11). A call sets it before its
 *              first change and clears it after the last
 *   COMMITTED  the catalog has committed; the writer is freed, and maintenance is told
 *   LEFT       the thread that began the transaction has ended. The next writer of the process, or
 *              writer_abort, undoes it under the writers' lock
 *   UNDONE     the catalog's transaction is ended, the files that were entered are removed, their
 *              segments are marked is_undone; the writer is freed. Files stay for the sweep after
 *              LEFT, since another process may have used their names, and if the commit is in
 *              doubt, since it may have happened (I18) */
#include "transaction/writer.h"

#include <string.h>

#include "base/sorted.h"
#include "open/durability.h"
#include "open/fresh_rows.h"
#include "open/unlinked_files.h"
#include "storage/catalog_space.h"
#include "transaction/garbage.h"

/* Every TRIM_EVERY commits a writer looks whether the catalog is much larger than its data, and
 * gives free pages back for TRIM_SECONDS_MAX, beside reading the free list. To look takes 2 us, and
 * 0.3 us for each process that reads: the slots of dead readers are cleared. Chosen. */
#define TRIM_EVERY       64
#define TRIM_SECONDS_MAX 0.0005
/* How long writer_abort waits for other writers if another thread began the transaction; chosen. */
#define LEFT_SECONDS_MAX 60

/* ---------------------------------------------------------------- begin and end */

/* Settle a commit in doubt (I18). A synced commit also needs all before it synced (I12). Note
 * whether the mark "unsynced" exists: that holds until the transaction ends, since the mark changes
 * only under the writers' lock. */
static mv_err prepare_base(writer *w, mv_error *error)
{
    if (w->e->in_memory) return MV_OK;
    if (w->sync) return durability_sync(w->e, w->txn, error);
    MV_TRY(durability_settle(w->e, w->txn, error));
    return durability_is_unsynced(w->e->path, &w->is_unsynced, error);
}

/* Write the mark before a commit that is not synced (I12). Not at the begin of the transaction: one
 * that is undone must not make a synced collection unsynced. */
static mv_err mark_unsynced(const writer *w, mv_error *error)
{
    if (w->sync || w->e->in_memory || w->is_unsynced) return MV_OK;
    return durability_mark(w->e->path, error);
}

static void writer_free(writer *w)
{
    view_release(w->e, w->v);
    for (uint32_t i = 0; i < w->sealed_count; i++) segment_writer_free(w->sealed[i]);
    mem_free(w->sealed, w->sealed_capacity * sizeof(segment_writer *));
    for (uint32_t i = 0; i < w->files_count; i++) section_writer_free(w->files[i]);
    mem_free(w->files, w->files_capacity * sizeof(section_writer *));
    mem_free(w->chunks, w->chunks_capacity * sizeof *w->chunks);
    mem_arena_free(&w->arena);
    mem_arena_free(&w->scratch);
    mem_buffer_free(&w->encoded);
    mem_free(w, sizeof *w);
}

/* Forget what the transaction entered: the next one uses the same numbers. */
static void undo_segments(writer *w)
{
    for (uint32_t i = 0; i < w->sealed_count; i++)
        shared_segment_undo(w->e, segment_writer_record(w->sealed[i])->number);
    if (w->next_schema) shared_segment_undo_schema(w->e, w->next_schema);
}

static void remove_files(writer *w)
{
    for (uint32_t i = 0; i < w->sealed_count; i++) segment_writer_undo(w->sealed[i]);
    for (uint32_t i = 0; i < w->files_count; i++) section_writer_undo(w->files[i]);
}

/* End the transaction of the catalog. `writing` is cleared before the writers' lock is free. */
static void end_transaction(writer *w)
{
    if (!w->txn) return;
    if (w->e->writing == w) w->e->writing = NULL;
    catalog_end(w->txn);
    w->txn = NULL;
    engine_end_write(w->e);
}

/* Undo the transaction of a thread that has ended (LEFT). The caller has the writers' lock. The
 * files stay until they are swept: since that thread ended, another process may have used their
 * names. */
static void undo_left(engine *e)
{
    writer *left = e->writing;
    if (!left) return;
    mv_assert(left->thread != os_thread_id());
    undo_segments(left);
    e->writing = NULL;
    catalog_end(left->txn);
    left->txn = NULL;
    engine_end_read(e); /* not engine_end_write: the thread that writes now is another one */
    e->is_swept = false;
}

/* The transaction has changed nothing. A failure is left to the next optimize, which reports it. */
static void trim_some(const writer *w)
{
    if (catalog_commit_number(w->txn) % TRIM_EVERY) return;
    (void)catalog_space_trim_some(w->e->catalog, os_seconds() + TRIM_SECONDS_MAX, NULL);
}

mv_err writer_begin(engine *e, bool sync, bool seals, double seconds, writer **out, mv_error *error)
{
    writer *w = mem_alloc_zero(sizeof *w);
    if (!w) return error_memory(error, sizeof *w, "a transaction");
    w->e = e;
    w->thread = os_thread_id();
    w->sync = sync && !e->in_memory;
    w->seals = seals;
    mv_err err = engine_begin_write(e, w->sync, seconds, &w->txn, error);
    if (err) goto done;
    undo_left(e);
    e->writing = w;
    if ((err = prepare_base(w, error))) goto done;
    if ((err = view_open(e, w->txn, catalog_commit_number(w->txn), &w->now, &w->v, error)))
        goto done;
    w->state = w->v->state;
    w->first_docid = w->state.next_docid;
    trim_some(w);
    if ((err = garbage_collect(w, error))) goto done;
    *out = w;
    w = NULL;
done:
    writer_abort(w);
    return err;
}

/* The thread that began the transaction has ended. */
static void abort_left(writer *w)
{
    catalog *c = w->e->catalog;
    if (!engine_is_writing(w->e)) { /* else this thread's own transaction has undone it */
        if (!catalog_lock(c, LEFT_SECONDS_MAX))
            return; /* undone by the next writer; its memory leaks */
        if (w->e->writing == w) undo_left(w->e);
        catalog_unlock(c);
    }
    mv_assert(w->e->writing != w && !w->txn);
    writer_free(w);
}

void writer_abort(writer *w)
{
    if (!w || !engine_is_of_this_process(w->e)) return; /* I1 */
    if (w->thread != os_thread_id()) {
        abort_left(w);
        return;
    }
    undo_segments(w);
    if (!w->is_in_doubt) remove_files(w);
    end_transaction(w);
    unlinked_files_leave(w->e);
    writer_free(w);
}

static mv_err flush_chunks(writer *w, mv_error *error)
{
    for (uint32_t i = 0; i < w->chunks_count; i++) {
        const writer_chunk *chunk = &w->chunks[i];
        mv_assert(!i || w->chunks[i - 1].key < chunk->key);
        deletions_head head = {w->state.commit + 1, chunk->count};
        size_t size = chunk->words_count * sizeof(uint64_t);
        w->encoded.size = 0;
        if (!mem_buffer_append(&w->encoded, &head, sizeof head) ||
            !mem_buffer_append(&w->encoded, chunk->words, size))
            return error_memory(error, size, "deletions");
        MV_TRY(catalog_put_u64(w->txn, CATALOG_DELETED, chunk->key, w->encoded.data,
                               w->encoded.size, error));
    }
    w->chunks_count = 0;
    mem_arena_clear(&w->arena);
    return MV_OK;
}

mv_err writer_check(const writer *w, mv_error *error)
{
    if (!w->is_failed) return MV_OK;
    return error_set(error, MV_MISUSE,
                     "an earlier write of this transaction failed: it can only be undone");
}

mv_err writer_settle(writer *w, mv_error *error)
{
    if (!w->v_lags) return MV_OK;
    view *settled = NULL;
    MV_TRY(flush_chunks(w, error));
    MV_TRY(engine_save_state(w->txn, &w->state, error));
    MV_TRY(view_open(w->e, w->txn, 0, &w->now, &settled, error));
    view_release(w->e, w->v);
    w->v = settled;
    w->v_lags = false;
    mv_assert(!w->chunks_count); /* I10 */
    mv_assert(!w->next_schema || w->v->schema == w->next_schema);
    return MV_OK;
}

mv_err writer_commit(writer *w, mv_error *error)
{
    mv_err err = MV_OK;
    mv_assert(engine_is_of_this_process(w->e)); /* I1 */
    mv_assert(w->txn);
    if ((err = writer_check(w, error))) goto done;
    if (!w->changes) goto done;               /* nothing to commit */
    mv_assert(!w->next_schema || !w->v_lags); /* all segments are under the new schema */
    if ((err = flush_chunks(w, error))) goto done;
    w->state.commit++;
    if ((err = engine_save_state(w->txn, &w->state, error))) goto done;
    if ((err = mark_unsynced(w, error))) goto done;
    err = catalog_commit(w->txn, &w->is_in_doubt, error);
    if (w->is_in_doubt && !w->e->in_memory) (void)durability_mark_in_doubt(w->e->path, NULL);
    end_transaction(w);
    if (!err) {
        if (w->seals) w->e->hooks->on_commit(w->e, w->v, w->sync);
        unlinked_files_leave(w->e);
        writer_free(w);
        return MV_OK;
    }
    if (w->is_in_doubt)
        (void)error_prefix(error, err, "it is not known whether the changes were committed: ");
done:
    writer_abort(w);
    return err;
}

/* ---------------------------------------------------------------- deleting a row */

static_assert(offsetof(writer_chunk, key) == 0, "sorted_lower_bound reads the first member");

/* The deletions of the chunk that has `row`. They are read from the catalog when the transaction
 * first needs them. *out is valid until the next call. */
static mv_err open_chunk(writer *w, const segment *s, uint32_t row, writer_chunk **out,
                         mv_error *error)
{
    uint64_t key = deletions_key(s->number, row);
    uint32_t at = sorted_lower_bound(w->chunks, sizeof *w->chunks, w->chunks_count, key);
    if (at < w->chunks_count && w->chunks[at].key == key) {
        *out = &w->chunks[at];
        return MV_OK;
    }
    writer_chunk *chunks =
        mem_grow(w->chunks, &w->chunks_capacity, w->chunks_count, sizeof *chunks);
    if (!chunks) return error_memory(error, (w->chunks_count + 1) * sizeof *chunks, "deletions");
    w->chunks = chunks;
    size_t words = deletions_words(s->table.rows, row), size = words * sizeof(uint64_t);
    writer_chunk chunk = {
        .key = key, .words = mem_arena_alloc(&w->arena, size), .words_count = words};
    if (!chunk.words) return error_memory(error, size, "deletions");
    memset(chunk.words, 0, size);
    catalog_value value;
    bool found;
    MV_TRY(catalog_get_u64(w->txn, CATALOG_DELETED, key, &value, &found, error));
    if (found) {
        deletions_head head;
        if (value.size != sizeof head + size)
            return error_set(error, MV_CORRUPT, "%s: the deletions of segment %llu are damaged",
                             CATALOG_FILE, (unsigned long long)s->number);
        memcpy(&head, value.bytes, sizeof head);
        memcpy(chunk.words, value.bytes + sizeof head, size);
        chunk.count = head.count;
    }
    *out = &w->chunks[at];
    memmove(*out + 1, *out, (w->chunks_count - at) * sizeof chunk);
    **out = chunk;
    w->chunks_count++;
    return MV_OK;
}

const uint64_t *writer_deleted_chunk(const writer *w, const segment *s, uint32_t row)
{
    uint64_t key = deletions_key(s->number, row);
    uint32_t at = sorted_lower_bound(w->chunks, sizeof *w->chunks, w->chunks_count, key);
    return at < w->chunks_count && w->chunks[at].key == key ? w->chunks[at].words : NULL;
}

static mv_err missing_row(uint64_t docid, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "%s: no row has docid %llu", CATALOG_FILE,
                     (unsigned long long)docid);
}

/* The docids of fresh rows are above those of all segments (I5). */
static bool is_fresh(const writer *w, uint64_t docid)
{
    return !w->v->segments_count ||
           docid > w->v->segments[w->v->segments_count - 1].shared->s->last_docid;
}

mv_err writer_mark_deleted(writer *w, uint64_t docid, mv_error *error)
{
    uint32_t at, row;
    writer_chunk *chunk = NULL;
    if (!view_find(w->v, docid, &at, &row)) return missing_row(docid, error);
    MV_TRY(open_chunk(w, w->v->segments[at].shared->s, row, &chunk, error));
    if (bits_get(chunk->words, row % SEGMENT_CHUNK_ROWS)) return missing_row(docid, error);
    bits_set(chunk->words, row % SEGMENT_CHUNK_ROWS);
    chunk->count++;
    w->changes++;
    w->v_lags = true;
    return MV_OK;
}

static mv_err remove_fresh(writer *w, uint64_t docid, mv_error *error)
{
    catalog_value value;
    bool found;
    MV_TRY(catalog_get_u64(w->txn, CATALOG_FRESH, docid, &value, &found, error));
    if (!found) return missing_row(docid, error);
    w->state.fresh_rows--;
    w->state.fresh_bytes -= value.size;
    if (w->v->schema->retention.max_bytes) w->state.bytes -= value.size;
    w->changes++;
    w->v_lags = true;
    return catalog_remove_u64(w->txn, CATALOG_FRESH, docid, &found, error);
}

/* Subtract the size of a row in a segment. */
static mv_err uncount_bytes(writer *w, uint64_t docid, mv_error *error)
{
    row_parts parts;
    size_t size;
    if (!w->v->schema->retention.max_bytes) return MV_OK;
    mem_arena_clear(&w->scratch);
    MV_TRY(row_create(w->v->schema, &w->scratch, &parts, error));
    MV_TRY(writer_read(w, docid, &parts, error));
    MV_TRY(row_encoded_size(w->v->schema, &parts, &size, error));
    w->state.bytes -= size;
    return MV_OK;
}

static mv_err delete_sealed(writer *w, uint64_t docid, mv_error *error)
{
    MV_TRY(uncount_bytes(w, docid, error));
    return writer_mark_deleted(w, docid, error);
}

mv_err writer_delete_row(writer *w, uint64_t docid, bool is_there, mv_error *error)
{
    MV_TRY(is_fresh(w, docid) ? remove_fresh(w, docid, error) : delete_sealed(w, docid, error));
    w->state.documents--;
    if (!is_there) w->state.expired++;
    return MV_OK;
}

/* Has the document of this row expired? */
static mv_err read_expired(writer *w, uint64_t docid, bool *expired, mv_error *error)
{
    uint32_t at, row;
    const uint8_t *encoded = NULL;
    *expired = false;
    if (!is_fresh(w, docid)) {
        if (!view_find(w->v, docid, &at, &row)) return missing_row(docid, error);
        *expired =
            view_is_live(&w->v->segments[at], row) && !view_is_seen(&w->v->segments[at], row);
        return MV_OK;
    }
    if (w->now < w->state.fresh_expires) return MV_OK;
    MV_TRY(fresh_rows_find(w->txn, w->v->schema, docid, &encoded, error));
    if (!encoded) return MV_OK; /* it is being written: a row of a batch that becomes a segment */
    *expired = row_expires(w->v->schema, encoded) <= w->now;
    return MV_OK;
}

mv_err writer_find(writer *w, const void *id, size_t id_size, uint64_t *docid, bool *found,
                   bool *is_there, mv_error *error)
{
    bool expired = false;
    MV_TRY(catalog_id_get(w->txn, id, id_size, docid, found, error));
    if (*found && w->v->schema->retention.expires_uid)
        MV_TRY(read_expired(w, *docid, &expired, error));
    *is_there = *found && !expired;
    return MV_OK;
}

mv_err writer_delete_id(writer *w, const void *id, size_t id_size, bool *found, mv_error *error)
{
    uint64_t docid;
    bool has_row;
    *found = false;
    if (id_size < 1 || id_size > MV_ID_SIZE_MAX) return MV_OK; /* no document has such an id */
    mv_assert(!w->is_failed);                                  /* I11 */
    MV_TRY(writer_find(w, id, id_size, &docid, &has_row, found, error));
    if (!has_row) return MV_OK;
    w->is_failed = true; /* until both tables are changed (I11) */
    bool removed;
    MV_TRY(writer_delete_row(w, docid, *found, error));
    MV_TRY(catalog_id_remove(w->txn, id, id_size, &removed, error));
    w->is_failed = false;
    return MV_OK;
}

/* ---------------------------------------------------------------- reading and encoding rows */

mv_err writer_read(writer *w, uint64_t docid, row_parts *out, mv_error *error)
{
    uint32_t at, row;
    if (!is_fresh(w, docid)) {
        if (!view_find(w->v, docid, &at, &row)) return missing_row(docid, error);
        return segment_read_row(&w->v->segments[at].table, w->v->schema, row, out, error);
    }
    const uint8_t *encoded = NULL;
    MV_TRY(fresh_rows_find(w->txn, w->v->schema, docid, &encoded, error));
    if (!encoded) return missing_row(docid, error);
    row_decode(w->v->schema, encoded, out);
    return MV_OK;
}

static mv_err check_counted(const writer *w, const row_parts *r, size_t size, mv_error *error)
{
    uint64_t most = w->v->schema->retention.max_bytes;
    char id[ERROR_QUOTE_SIZE];
    if (!most || size <= most) return MV_OK;
    return error_set(error, MV_LIMIT,
                     "document '%s' has %zu bytes, max_bytes of the collection is %llu",
                     error_quote(r->id, r->id_size, id), size, (unsigned long long)most);
}

mv_err writer_counted_size(const writer *w, const row_parts *r, uint64_t *size, mv_error *error)
{
    size_t encoded;
    *size = 0;
    if (!w->v->schema->retention.max_bytes) return MV_OK;
    MV_TRY(row_encoded_size(w->v->schema, r, &encoded, error));
    *size = encoded;
    return check_counted(w, r, encoded, error);
}

static mv_err encode_row(writer *w, const row_parts *r, mv_error *error)
{
    size_t size;
    MV_TRY(row_encoded_size(w->v->schema, r, &size, error));
    MV_TRY(check_counted(w, r, size, error));
    w->encoded.size = 0;
    if (!mem_buffer_reserve(&w->encoded, size)) return error_memory(error, size, "a row");
    row_encode(w->v->schema, r, w->encoded.data);
    w->encoded.size = size;
    return MV_OK;
}

mv_err writer_encode(writer *w, const row_parts *given, const uint64_t *old_docid, mv_error *error)
{
    row_parts whole;
    mem_arena_clear(&w->scratch);
    MV_TRY(row_create(w->v->schema, &w->scratch, &whole, error));
    if (old_docid) MV_TRY(writer_read(w, *old_docid, &whole, error));
    row_overlay(w->v->schema, given, &whole);
    whole.id = given->id;
    whole.id_size = given->id_size;
    if (!old_docid) MV_TRY(row_complete(w->v->schema, &whole, &w->scratch, error));
    return encode_row(w, &whole, error);
}

mv_err writer_exists(const row_parts *r, mv_error *error)
{
    char id[ERROR_QUOTE_SIZE];
    return error_set(error, MV_EXISTS, "document '%s' exists already",
                     error_quote(r->id, r->id_size, id));
}

mv_err writer_missing(const row_parts *r, mv_error *error)
{
    char id[ERROR_QUOTE_SIZE];
    return error_set(error, MV_NOT_FOUND, "document '%s' not found",
                     error_quote(r->id, r->id_size, id));
}
