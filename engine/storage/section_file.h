/* Section files: the immutable files of a segment, and of its indexes.
 *
 *   header    64 bytes: magic, kind, format, segment, rows, sizes, checksum of header and section
 * table sections  each at a multiple of 64 bytes, zeros between table     32 bytes a section: kind,
 * column, offset, size, XXH3 of its bytes
 *
 * A file is written under a temporary name, synced, renamed, and named by the catalog only then.
 * Opening verifies header, table and all bounds; section checksums are verified on demand. Reading
 * is in place, from a read-only mapping. */
#ifndef MV_SECTION_FILE_H
#define MV_SECTION_FILE_H

#include "base/index_kind.h"

/* The numbers are part of the format. Those of indexes, 3 and 5 until now, are
 * index_kind.file_kind. In the header of an index, `segment` is the file's own number. */
typedef enum section_file_kind {
    SECTION_FILE_NONE = 0,
    SECTION_FILE_ROWS = 1,    /* ids, docids, the scalar columns that were there then */
    SECTION_FILE_VECTORS = 2, /* one vector field */
    SECTION_FILE_COLUMN = 4,  /* one scalar column, added later */
} section_file_kind;

/* A file that the table of indexes names, or else that of segments? */
static inline bool section_file_is_index(section_file_kind kind)
{
    return index_kind_of_file((uint32_t)kind) != NULL;
}

/* Those of indexes are 16 and more (index_kind.sections_first), one for each kind of part. */

typedef enum section_kind {
    SECTION_DOCIDS = 1,  /* u64 × rows, ascending */
    SECTION_ID_ENDS = 2, /* u64 × rows */
    SECTION_ID_BYTES = 3,
    SECTION_NULLS = 4,  /* bitmap; absent when no row is NULL */
    SECTION_VALUES = 5, /* width × rows */
    SECTION_ENDS = 6,   /* u64 × rows */
    SECTION_BYTES = 7,
    SECTION_VECTORS = 8,       /* vector size × rows */
    SECTION_INVERSE_NORMS = 9, /* float × rows; cosine only */
    SECTION_ZONES = 10,        /* table_zone for each TABLE_ZONE_ROWS; fixed types only */
} section_kind;

#define SECTION_ALIGN 64u
#define SECTIONS_MAX  8192u

/* ---- reading */

typedef struct section_file section_file;

typedef struct section {
    const uint8_t *bytes;
    uint64_t size;
} section;

/* What the catalog says of a file, and what the file must say of itself. */
typedef struct section_file_record {
    uint32_t kind;     /* section_file_kind */
    uint32_t column;   /* uid of the field; 0 for rows */
    uint64_t size;     /* bytes */
    uint64_t checksum; /* the header's */
} section_file_record;

/* Map the file at `path`. MV_CORRUPT: it is not the file of the record. `name` is what errors call
 * it. */
mv_err section_file_open(const char *path, const char *name, uint64_t segment, uint64_t rows,
                         const section_file_record *record, section_file **out, mv_error *error);
void section_file_close(section_file *file); /* NULL is fine */
/* One more who closes it. Those who share a file among threads hold a lock for this, and to close.
 */
section_file *section_file_keep(section_file *file);
/* What it says of itself, and what errors call it. */
section_file_record section_file_describe(const section_file *file);
const char *section_file_name(const section_file *file);
/* Nothing is read ahead of what is touched until this is called. */
void section_file_read_ahead(const section_file *file);
/* The section of a kind and column, or size 0 and bytes NULL. */
section section_file_find(const section_file *file, section_kind kind, uint32_t column);
/* The whole file, as mapped. */
const void *section_file_bytes(const section_file *file, uint64_t *size);
uint32_t section_file_count(const section_file *file); /* sections */
/* Section `at` of the file's table, in the order written. */
section section_file_at(const section_file *file, uint32_t at, uint32_t *kind, uint32_t *column);
/* Verify the checksum of every section. */
mv_err section_file_verify(const section_file *file, mv_error *error);
/* The same in steps of a few megabytes. *more is false when the whole file was found well. */
typedef struct section_check { /* starts as zeros */
    uint32_t section;
    uint64_t offset;          /* in that section */
    struct hash_stream *hash; /* of a section that takes several steps */
} section_check;
mv_err section_file_verify_step(const section_file *file, section_check *check, bool *more,
                                mv_error *error);
void section_file_check_end(section_check *check); /* in any case; to zeros again */

/* ---- writing */

typedef struct section_writer section_writer;

/* Begin a file of `rows` rows under a temporary name in `directory`, locked against those who
 * remove leftovers; directory NULL: in memory, without a name. Nobody else writes that segment: an
 * unfinished file there is a leftover too, and replaced. */
mv_err section_writer_create(const char *directory, const char *name, section_file_kind kind,
                             uint32_t column, uint64_t segment, uint64_t rows, section_writer **out,
                             mv_error *error);
mv_err section_writer_begin(section_writer *w, section_kind kind, uint32_t column, mv_error *error);
mv_err section_writer_add(section_writer *w, const void *bytes, size_t size, mv_error *error);
/* Write header and table, sync if asked, give the file its name, fill the record. */
mv_err section_writer_finish(section_writer *w, bool sync, section_file_record *record,
                             mv_error *error);
/* A path to open the finished file by, while the writer lives. */
const char *section_writer_path(const section_writer *w);
/* Undo: remove the file, finished or not. */
void section_writer_undo(section_writer *w);
/* Release; a file not finished is removed. NULL is fine. */
void section_writer_free(section_writer *w);
uint64_t section_writer_bytes(const section_writer *w); /* written so far */

#endif
