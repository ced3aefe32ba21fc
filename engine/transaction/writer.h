/* The writer: one write transaction on a collection, from its begin to its commit or undoing. The
 * states are in writer.c.
 *
 * New rows go to the fresh table, or, when there are many, directly into a segment. A row that is
 * deleted or replaced is removed from the fresh table, or marked in the bitmap of its segment.
 * Marks are collected in memory, and written once: before the commit, or before the transaction
 * reads. */
#ifndef MV_WRITER_H
#define MV_WRITER_H

#include "open/snapshot.h"
#include "transaction/batch.h"

/* Deletions of one chunk of one segment, not yet in the catalog. */
typedef struct writer_chunk {
    uint64_t key;    /* deletions_key */
    uint64_t *words; /* all deletions of the chunk, in the arena */
    size_t words_count;
    uint64_t count; /* bits set (I9) */
} writer_chunk;

typedef struct writer {
    engine *e;
    catalog_txn *txn;
    uint64_t thread;      /* that began it */
    bool sync;            /* durability full */
    bool is_unsynced;     /* the mark "unsynced" exists: files are renamed without being synced */
    bool seals;           /* maintenance auto: seal as soon as it pays, wake maintenance */
    bool is_failed;       /* a change was interrupted: the transaction can only be undone (I11) */
    bool is_in_doubt;     /* the commit failed, and may have happened nevertheless (I18) */
    engine_state state;   /* as it will be committed */
    uint64_t first_docid; /* state.next_docid when the transaction began */
    view *v;              /* of the last settled state */
    int64_t now;          /* the second that decides what has expired; read once (view_open) */
    bool v_lags;          /* `v` lags behind the changes (I10) */
    bool leaves_garbage;  /* files that no reader needs are left for the next transaction */
    uint64_t changes;     /* grows with every change: older results are stale */
    writer_chunk *chunks; /* sorted by key */
    uint32_t chunks_count;
    uint32_t chunks_capacity;
    segment_writer **sealed; /* segments written by this transaction */
    uint32_t sealed_count;
    uint32_t sealed_capacity;
    section_writer **files; /* of indexes and columns, entered by this transaction */
    uint32_t files_count;
    uint32_t files_capacity;
    const mv_schema *next_schema; /* that this transaction changes to; NULL: none */
    mem_arena arena;              /* bitmaps of the chunks */
    mem_arena scratch;            /* of the current row */
    mem_buffer encoded;           /* the current row, or value */
} writer;

/* Begin a transaction: waits as engine_begin_write does. It belongs to the calling thread. */
mv_err writer_begin(engine *e, bool sync, bool seals, double seconds, writer **out,
                    mv_error *error);
/* Ends the transaction in any case. After a failure the collection is as it was before the
 * transaction. If the last write of the commit failed, a power cut may still bring the commit back
 * until the next writer has settled it (durability.h); the text says so. */
mv_err writer_commit(writer *w, mv_error *error);
/* Undo the transaction. NULL is fine. In a forked child the parent's transaction is left alone.
 * Another thread may call it when the thread that began the transaction has ended; then it waits
 * for other writers. */
void writer_abort(writer *w);

/* MV_MISUSE: the transaction has failed, and can only be undone (I11). */
mv_err writer_check(const writer *w, mv_error *error);

/* Find a document by its id. *found: there is a row; *is_there: and it has not expired. */
mv_err writer_find(writer *w, const void *id, size_t id_size, uint64_t *docid, bool *found,
                   bool *is_there, mv_error *error);
/* Delete a document by its id. *found is false when there is none, or it has expired. */
mv_err writer_delete_id(writer *w, const void *id, size_t id_size, bool *found, mv_error *error);
/* Delete the row of a docid. Its id stays in the table of ids. `is_there` as by writer_find.
 * MV_CORRUPT: there is no such row, or it was deleted before. */
mv_err writer_delete_row(writer *w, uint64_t docid, bool is_there, mv_error *error);
/* The bitmap of deleted rows of the chunk of a segment that has `row`, if this transaction deleted
 * one of them; else NULL: the view has it. Lent until the next change. */
const uint64_t *writer_deleted_chunk(const writer *w, const segment *s, uint32_t row);
/* Mark a row of a segment as deleted whose document was deleted, and counted, before. */
mv_err writer_mark_deleted(writer *w, uint64_t docid, mv_error *error);
/* Write the collected deletions and the state, and replace `v` by a view of the present state. Call
 * it before anything within the transaction reads (I10). */
mv_err writer_settle(writer *w, mv_error *error);

/* Read the row of a docid, fresh or in a segment, into `out` (made by row_create). Its bytes are
 * lent until the next change. MV_CORRUPT: there is no such row. */
mv_err writer_read(writer *w, uint64_t docid, row_parts *out, mv_error *error);

/* The size of a document when it is encoded, counted for max_bytes; 0 without that limit. MV_LIMIT:
 * it is larger than the limit alone. */
mv_err writer_counted_size(const writer *w, const row_parts *r, uint64_t *size, mv_error *error);
/* Encode a document into w->encoded: the members that `given` sets, the others from the old row,
 * or, if there is none (NULL), the defaults. */
mv_err writer_encode(writer *w, const row_parts *given, const uint64_t *old_docid, mv_error *error);
/* Fill `error` for this document: MV_EXISTS, MV_NOT_FOUND. */
mv_err writer_exists(const row_parts *r, mv_error *error);
mv_err writer_missing(const row_parts *r, mv_error *error);

#endif
