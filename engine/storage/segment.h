/* Segments: many rows, written once, mapped, and read in place as a table.
 *
 *   000001.rows     segment 1: ids, docids, scalar columns
 *   000001.7.vec    segment 1: the vectors of the field with uid 7 (a rename needs no new file)
 *   000001.9.col    segment 1: the scalar field with uid 9, added after the segment was written
 *   000002.7.hnsw   file 2: a graph over the vectors with uid 7 (storage/index_record.h)
 *   000003.5.invert file 3: inverted lists over the scalar field with uid 5
 *
 * The rows of a segment are sorted by docid. The ranges of docids of segments are disjoint (I4).
 *
 * The record of a segment in the catalog, whose key is the number of the segment:
 *
 *   offset  size  meaning
 *        0     8  rows
 *        8     8  first docid
 *       16     8  last docid
 *       24     8  number of files n
 *       32   24n  the files (section_file_record): the rows, then one for each vector field and for
 *                 each column that was added later */
#ifndef MV_SEGMENT_H
#define MV_SEGMENT_H

#include "storage/row.h"
#include "storage/section_file.h"
#include "storage/table.h"

#define SEGMENT_ROWS_MAX       (1u << 30) /* chosen: twice the number fits in 32 bits */
#define SEGMENT_FILE_NAME_SIZE 64
#define SEGMENT_CHUNK_ROWS     65536u /* rows of one value of the table `deleted`; format */

/* A record, decoded. */
typedef struct segment_record {
    uint64_t number;
    uint64_t rows;
    uint64_t first_docid;
    uint64_t last_docid;
    uint32_t files_count; /* at least 1 */
    section_file_record *files;
} segment_record;

/* Append the bytes of a record to `out`. */
mv_err segment_record_save(const segment_record *record, mem_buffer *out, mv_error *error);
/* Decode a record. Its `files` are in `arena`. MV_CORRUPT: the bytes are no record. */
mv_err segment_record_load(uint64_t number, const uint8_t *bytes, size_t size, mem_arena *arena,
                           segment_record *record, mv_error *error);
void segment_file_name(uint64_t number, const section_file_record *file,
                       char out[SEGMENT_FILE_NAME_SIZE]);
/* Is this the name of a file of a segment or index, finished or not? Then *number is its number,
 * and *file has its kind and column. */
bool segment_parse_file_name(const char *name, uint64_t *number, section_file_record *file);
/* Is this such a name of a file that is not finished? */
bool segment_is_unfinished_name(const char *name);

/* ---- reading */

typedef struct segment {
    uint64_t number;
    uint64_t first_docid;
    uint64_t last_docid;
    table table; /* `live` is not set */
    table_column *columns;
    table_vectors *vectors;
    uint32_t fields_count;
    uint32_t vectors_count;
    uint32_t files_count;
    section_file **files;
} segment;

/* Where to find the files of a segment. */
typedef struct segment_paths {
    const char *directory;
    const char *const *paths;   /* instead of a directory: one a file; NULL for files of `open` */
    const struct segment *open; /* the same segment under another schema, to share files; or NULL */
} segment_paths;

/* Open the files of a segment, and bind their columns to the fields of `schema`. */
mv_err segment_open(const mv_schema *schema, const segment_record *record,
                    const segment_paths *paths, segment **out, mv_error *error);
/* Its files are closed as section_file_close does. NULL is fine. */
void segment_close(segment *s, section_file **closed);
/* The row of a docid. False: the segment has no such docid. */
bool segment_find_row(const segment *s, uint64_t docid, uint32_t *row);
/* Verify every checksum, offset and cell. */
mv_err segment_verify(const segment *s, const mv_schema *schema, mv_error *error);
/* Decode a row, or a cell, of any table. row_create made `out`. MV_CORRUPT: it is damaged. */
mv_err segment_read_row(const table *t, const mv_schema *schema, uint32_t row, row_parts *out,
                        mv_error *error);
mv_err segment_read_cell(const table *t, const mv_schema *schema, uint32_t field, uint32_t row,
                         cell *out, mv_error *error);

/* ---- writing */

/* The rows to write, in ascending order of docid. What the functions return is lent until the next
 * call. */
typedef struct segment_source {
    void *ctx;
    uint32_t rows; /* at least 1 */
    uint64_t (*docid)(void *ctx, uint32_t row);
    mv_err (*id)(void *ctx, uint32_t row, const uint8_t **id, uint32_t *size, mv_error *error);
    mv_err (*cell)(void *ctx, uint32_t row, uint32_t field, cell *out, mv_error *error);
    mv_err (*vector)(void *ctx, uint32_t row, uint32_t vector_field, const uint8_t **elements,
                     float *inverse_norm, mv_error *error);
} segment_source;

typedef struct segment_writer segment_writer;

/* Create the files of segment `number` in `directory` (NULL: in memory). The source is lent as long
 * as the writer lives. */
mv_err segment_writer_create(const char *directory, uint64_t number, const mv_schema *schema,
                             const segment_source *source, bool sync, segment_writer **out,
                             mv_error *error);
/* Write the next few megabytes, which takes a few milliseconds. *more is false when all files are
 * finished. */
mv_err segment_writer_step(segment_writer *w, bool *more, mv_error *error);
uint64_t segment_writer_bytes(const segment_writer *w);
/* When the writer is finished: the record, and the path of each file. Both are lent. */
const segment_record *segment_writer_record(const segment_writer *w);
const char *const *segment_writer_paths(const segment_writer *w);
/* Remove all files written. For a commit that failed. */
void segment_writer_undo(segment_writer *w);
/* Free the writer. Unfinished files are removed. NULL is fine. */
void segment_writer_free(segment_writer *w);

#endif
