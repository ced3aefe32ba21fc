/* The writer: one write transaction on a collection, from its begin to commit or undo.
 *
 * New rows go to the fresh table, or, when there are many, straight into a segment. A row that dies
 * is removed from the fresh table or marked in the bitmap of its segment; marks are gathered in
 * memory and written once, before the commit or before the transaction reads. */
#ifndef MV_WRITER_H
#define MV_WRITER_H

#include "open/snapshot.h"
#include "transaction/batch.h"

/* Deletions of one chunk of one segment, not yet in the catalog. */
typedef struct writer_chunk {
    uint64_t key;
    uint64_t *words; /* in the arena */
    size_t words_count;
    uint64_t count;
} writer_chunk;

typedef struct writer {
    engine *e;
    catalog_txn *txn;
    bool sync;          /* durability full */
    bool seals;         /* maintenance auto */
    bool is_failed;     /* a change broke off half-way: only undoing is left */
    engine_state state; /* as it will be committed */
    view *v;            /* segments as of now; its live rows lag behind the chunks */
    bool v_lags;
    uint64_t changes;     /* grows with every change: results from before are stale */
    writer_chunk *chunks; /* sorted by key */
    uint32_t chunks_count;
    uint32_t chunks_capacity;
    segment_writer **sealed; /* segments written by this transaction */
    uint32_t sealed_count;
    uint32_t sealed_capacity;
    section_writer **files; /* of indexes and columns entered by this transaction */
    uint32_t files_count;
    uint32_t files_capacity;
    const mv_schema *next_schema; /* another one, that this transaction changes to; or NULL */
    mem_arena arena;              /* bitmaps of the chunks */
    mem_arena scratch;            /* the row in hand */
    mem_buffer encoded;
} writer;

mv_err writer_begin(engine *e, bool sync, bool seals, writer **out, mv_error *error);
/* Ends the transaction in any case. A failure leaves the collection as it was. */
mv_err writer_commit(writer *w, mv_error *error);
void writer_abort(writer *w); /* NULL is fine; in a forked child the parent's is only let go of */

/* Delete a document by its id. */
mv_err writer_delete_id(writer *w, const void *id, size_t id_size, bool *found, mv_error *error);
/* Remove the row of a docid, which is not deleted. Its id stays in the table of ids. */
mv_err writer_delete_row(writer *w, uint64_t docid, mv_error *error);
/* Mark a row of a segment deleted that was deleted, and counted, before. */
mv_err writer_mark_deleted(writer *w, uint64_t docid, mv_error *error);
/* Write all gathered deletions and bring `v` up to date. */
mv_err writer_settle(writer *w, mv_error *error);

/* The row of a docid wherever it is, taken apart into `out` (made by row_create); lent until the
 * next change. MV_CORRUPT when it is nowhere. */
mv_err writer_read(writer *w, uint64_t docid, row_parts *out, mv_error *error);

/* The document as it will be: what is given over the old row, or over the defaults. Into
 * w->encoded. */
mv_err writer_encode(writer *w, const row_parts *given, const uint64_t *old_docid, mv_error *error);
mv_err writer_exists(const row_parts *r, mv_error *error);  /* MV_EXISTS, naming the document */
mv_err writer_missing(const row_parts *r, mv_error *error); /* MV_NOT_FOUND */

#endif
