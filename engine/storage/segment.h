/* Segments: many rows, written once, mapped and read in place as a table.
 *
 *   000001.rows     ids, docids, scalar columns
 *   000001.7.vec    the vectors of the field with uid 7 (a rename needs no new file)
 *   000001.9.col    the scalar field with uid 9, added when the segment was there already
 *   000002.7.hnsw   a graph over them (storage/index_record.h), with a number of its own
 *   000003.5.invert inverted lists over the scalar field with uid 5, likewise
 *
 * A segment's rows are sorted by docid, and the docid ranges of segments do not overlap. */
#ifndef MV_SEGMENT_H
#define MV_SEGMENT_H

#include "storage/row.h"
#include "storage/section_file.h"
#include "storage/table.h"

#define SEGMENT_ROWS_MAX       (1u << 30)
#define SEGMENT_FILE_NAME_SIZE 64
#define SEGMENT_CHUNK_ROWS     65536u /* rows whose deletions stand in one catalog value */

/* What the catalog knows of a segment. */
typedef struct segment_record {
    uint64_t number;
    uint64_t rows;
    uint64_t first_docid;
    uint64_t last_docid;
    uint32_t files_count; /* the rows, then a file for each vector field and each column added */
    section_file_record *files;
} segment_record;

mv_err segment_record_save(const segment_record *record, mem_buffer *out, mv_error *error);
/* `files` is made in `arena`. MV_CORRUPT. */
mv_err segment_record_load(uint64_t number, const uint8_t *bytes, size_t size, mem_arena *arena,
                           segment_record *record, mv_error *error);
void segment_file_name(uint64_t number, const section_file_record *file,
                       char out[SEGMENT_FILE_NAME_SIZE]);
/* Is this the name of a file of a segment or index (also an unfinished one)? Then *number tells
 * which, and *file its kind and column. */
bool segment_parse_file_name(const char *name, uint64_t *number, section_file_record *file);

/* ---- reading */

typedef struct segment {
    uint64_t number;
    uint64_t first_docid;
    uint64_t last_docid;
    table table; /* without `live` */
    table_column *columns;
    table_vectors *vectors;
    uint32_t fields_count;
    uint32_t vectors_count;
    uint32_t files_count;
    section_file **files;
} segment;

/* Where the files of a segment are. */
typedef struct segment_paths {
    const char *directory;
    const char *const *paths; /* if given, one for each file, instead; NULL where `open` has it */
    const struct segment
        *open; /* the same segment under another schema: files in both are shared */
} segment_paths;

/* Open the files of a segment and bind them to the fields of `schema`. */
mv_err segment_open(const mv_schema *schema, const segment_record *record,
                    const segment_paths *place, segment **out, mv_error *error);
void segment_close(segment *s); /* NULL is fine */
/* The row of a docid. False: the segment has no such docid. */
bool segment_find_row(const segment *s, uint64_t docid, uint32_t *row);
/* Verify every checksum, offset and cell. */
mv_err segment_verify(const segment *s, const mv_schema *schema, mv_error *error);
/* Take row `row` of any table apart; MV_CORRUPT. `out` is made by row_create. */
mv_err segment_read_row(const table *t, const mv_schema *schema, uint32_t row, row_parts *out,
                        mv_error *error);
mv_err segment_read_cell(const table *t, const mv_schema *schema, uint32_t field, uint32_t row,
                         cell *out, mv_error *error);

/* ---- writing */

/* Rows to be written, in ascending order of docid. All is lent until the next call. */
typedef struct segment_source {
    void *ctx;
    uint32_t rows;
    uint64_t (*docid)(void *ctx, uint32_t row);
    mv_err (*id)(void *ctx, uint32_t row, const uint8_t **id, uint32_t *size, mv_error *error);
    mv_err (*cell)(void *ctx, uint32_t row, uint32_t field, cell *out, mv_error *error);
    mv_err (*vector)(void *ctx, uint32_t row, uint32_t vector_field, const uint8_t **elements,
                     float *inverse_norm, mv_error *error);
} segment_source;

typedef struct segment_writer segment_writer;

/* Begin segment `number` in `directory` (NULL: in memory). The source must last as long as the
 * writer. */
mv_err segment_writer_create(const char *directory, uint64_t number, const mv_schema *schema,
                             const segment_source *source, bool sync, segment_writer **out,
                             mv_error *error);
/* Go on for a bounded piece (about a millisecond or two). *more is false when all files stand. */
mv_err segment_writer_step(segment_writer *w, bool *more, mv_error *error);
uint64_t segment_writer_bytes(const segment_writer *w);
/* When finished: the record (lent) and the paths of the files (lent, one per file). */
const segment_record *segment_writer_record(const segment_writer *w);
const char *const *segment_writer_paths(const segment_writer *w);
/* Remove all files written: the commit that would have named them failed. */
void segment_writer_undo(segment_writer *w);
/* Release; unfinished files are removed. NULL is fine. */
void segment_writer_free(segment_writer *w);

#endif
