/* The writer: one write transaction on a collection, from its begin to commit or undo.
 *
 * New rows go to the fresh table, or, when there are many, straight into a segment. A row that dies
 * is removed from the fresh table or marked in the bitmap of its segment; marks are gathered in
 * memory and written once, before the commit or before the transaction reads. */
#ifndef MV_WRITER_H
#define MV_WRITER_H

#include "collection/batch.h"
#include "open/snapshot.h"

/* Fresh rows are sealed into a segment when they pass a sixteenth of the collection within these
 * bounds, so that scanning them row by row never dominates a search, nor many tiny segments. */
#define SEAL_ROWS_MIN  4096u
#define SEAL_ROWS_MAX  65536u
#define SEAL_BYTES_MAX (64u << 20)

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

/* Write the documents of a batch. On failure the writer is spoilt (is_failed), except that
 * MV_EXISTS, MV_NOT_FOUND and MV_MISUSE found by `check_first` leave it as it was. */
mv_err writer_put(writer *w, mv_write_mode mode, const mv_batch *batch, bool check_first,
                  uint64_t *written, mv_error *error);
mv_err writer_delete_id(writer *w, const void *id, size_t id_size, bool *found, mv_error *error);
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

/* ---- writer_check.c */

/* Would this batch be written? Fails with what writer_put would fail with; changes nothing. */
mv_err writer_check(writer *w, mv_write_mode mode, const mv_batch *batch, mv_error *error);

/* ---- seal.c */

/* Write all fresh rows, and `rows_count` more given in `rows` with docids from `first_docid` on, as
 * one segment. Rows whose id is NULL are left out. */
mv_err writer_seal(writer *w, const row_parts *rows, uint32_t rows_count, uint64_t first_docid,
                   mv_error *error);
bool writer_wants_seal(const writer *w);
/* Take over a finished segment: into the catalog, and into the view. Takes `written`. */
mv_err writer_enter_segment(writer *w, segment_writer *written, mv_error *error);
/* Take over the finished file of an index, which replaces one over the same field. The segment is
 * there already. Takes `written`. The view lags behind until writer_settle. */
mv_err writer_enter_index(writer *w, const index_record *record, section_writer *written,
                          mv_error *error);

/* Keep the finished file of something that is being entered: it is removed when the transaction is
 * undone. Takes `written`. */
mv_err writer_keep_file(writer *w, section_writer *written, mv_error *error);

/* ---- schema_change.c */

/* Let this commit have another schema. The view keeps the old one until writer_settle, before which
 * all segments must have been brought to the new one. */
mv_err writer_begin_schema(writer *w, const mv_schema *schema, mv_error *error);
/* Add the finished file of a field to a segment. Takes `written`. */
mv_err writer_enter_column(writer *w, uint64_t segment_number, const section_file_record *file,
                           section_writer *written, mv_error *error);
/* Change the index of a field. What does not fit any more is dropped; nothing is built. */
mv_err writer_change_index(writer *w, const mv_index_change *change, mv_error *error);

/* ---- garbage.c */

/* A file that the catalog names no longer: unlinked once no reader can name it. */
mv_err writer_add_garbage(writer *w, uint64_t number, const section_file_record *file,
                          mv_error *error);

/* Forget a segment: its record, its deletions, its indexes, and the files once no reader can name
 * them. */
mv_err writer_drop_segment(writer *w, uint64_t number, mv_error *error);
/* Forget the indexes over a segment: those of the field with this uid, or of all (0). */
mv_err writer_drop_indexes(writer *w, uint64_t segment_number, uint32_t uid, mv_error *error);
/* Unlink files that no reader can name any more, and once what a dead process left half-written. */
mv_err writer_collect_garbage(writer *w, mv_error *error);

#endif
