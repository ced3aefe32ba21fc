/* Section files: the immutable files of a segment, and of its indexes.
 *
 * A file has a header, sections, and a table of the sections. All numbers are little-endian.
 *
 *   offset  size  header
 *        0     8  magic: "moonvec" and a 0
 *        8     4  kind of the file (section_file_kind)
 *       12     4  format, 1
 *       16     8  number of the segment; in the file of an index the number of that file
 *       24     8  rows
 *       32     8  size of the file
 *       40     8  offset of the table, a multiple of 64
 *       48     4  uid of the field; 0 for rows
 *       52     4  number of sections n
 *       56     8  XXH3 of the table, seeded by the XXH3 of the 56 bytes before
 *       64     -  the sections, each at a multiple of 64, with zeros between them
 *    table   32n  an entry for each section; the table ends where the file ends
 *
 *   offset  size  entry of the table
 *        0     4  kind of the section (section_kind)
 *        4     4  uid of the field, or 0; in a graph the level
 *        8     8  offset of the section
 *       16     8  size of the section
 *       24     8  XXH3 of the bytes of the section
 *
 * A file is written under a temporary name, synced and renamed. Only then the catalog names it.
 * Opening verifies the header, the table and all bounds. The checksums of sections are verified on
 * demand. Sections are read in place, from a read-only mapping. */
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

#define SECTION_ALIGN 64u /* bytes of a cache line */
#define SECTIONS_MAX                                                                               \
    8192u /* a file of rows with MV_FIELDS_MAX fields has 3 + 3 × 1,024 at most                   \
           */

/* ---- reading */

typedef struct section_file section_file;

typedef struct section {
    const uint8_t *bytes;
    uint64_t size;
} section;

/* A file in a record of the catalog, 24 bytes. The file must have this size and kind, and its
 * header this checksum. */
typedef struct section_file_record {
    uint32_t kind;     /* section_file_kind */
    uint32_t column;   /* uid of the field; 0 for rows */
    uint64_t size;     /* bytes of the file */
    uint64_t checksum; /* that of the header */
} section_file_record;

/* Map the file at `path`. MV_CORRUPT: it is missing, damaged, or not the file of the record. Errors
 * call it `name`. */
mv_err section_file_open(const char *path, const char *name, uint64_t segment, uint64_t rows,
                         const section_file_record *record, section_file **out, mv_error *error);
/* Is the file at `path` a section file, whole or not? Its content tells: it begins with the magic,
 * or with the zeros that stand there until the header is written. MV_NOT_FOUND. */
mv_err section_file_identify(const char *path, bool *is_ours, mv_error *error);
/* Free some of the memory of a file in memory that is not read again, before it is closed: closing
 * one of 30 MB takes 4 ms. False: nothing is left to free, or the file has other references. */
bool section_file_discard(section_file *file);
/* Release a reference; the last one closes the file. NULL is fine. A file that is closed goes into
 * the list `closed`, for section_file_unmap: unmapping 1.7 GB takes 30 to 80 ms. `closed` NULL: it
 * is unmapped now. */
void section_file_close(section_file *file, section_file **closed);
/* Unmap all files of a list. NULL is fine. */
void section_file_unmap(section_file *closed);
/* Acquire one more reference. Callers that share a file among threads hold a lock for this and for
 * closing. */
section_file *section_file_keep(section_file *file);
/* The record of the file, from its header; and its name in errors. */
section_file_record section_file_describe(const section_file *file);
const char *section_file_name(const section_file *file);
/* Turn on the read-ahead of the mapping, which is off after opening. */
void section_file_read_ahead(const section_file *file);
/* Map what is in the page cache of the file at `path`, which this one is (os_pages_prefault). */
void section_file_prefault(const section_file *file, const char *path);
/* The section of a kind and column; without one, bytes NULL and size 0. */
section section_file_find(const section_file *file, section_kind kind, uint32_t column);
/* The whole file, as mapped. */
const void *section_file_bytes(const section_file *file, uint64_t *size);
uint32_t section_file_count(const section_file *file); /* sections */
/* Section `at` (below section_file_count) of the table. Sections are in the order written. */
section section_file_at(const section_file *file, uint32_t at, uint32_t *kind, uint32_t *column);
/* Verify the checksum of every section. */
mv_err section_file_verify(const section_file *file, mv_error *error);
/* The same in steps of 4 MiB. *more is false when the whole file is verified. */
typedef struct section_check { /* starts as zeros */
    uint32_t section;
    uint64_t offset;          /* in that section */
    struct hash_stream *hash; /* of a section that takes several steps */
} section_check;
mv_err section_file_verify_step(const section_file *file, section_check *check, bool *more,
                                mv_error *error);
/* Release what a check holds. Call it in any case. `check` is zeros after it. */
void section_file_check_end(section_check *check);

/* ---- writing */

typedef struct section_writer section_writer;

/* Create a file of `rows` rows under a temporary name in `directory`; NULL: in memory, without a
 * name. The file is locked: an unlocked unfinished file is one of a dead process, and is removed by
 * the garbage collection. A number is written by one process only (I7), so an unfinished file of
 * this name is such a leftover, too, and is replaced. */
mv_err section_writer_create(const char *directory, const char *name, section_file_kind kind,
                             uint32_t column, uint64_t segment, uint64_t rows, section_writer **out,
                             mv_error *error);
/* The file will be synced: start to write its bytes to the disk as they come, so that the sync does
 * not take long. */
void section_writer_write_behind(section_writer *w);
/* Begin the next section. The one before ends. MV_LIMIT: the file has SECTIONS_MAX. */
mv_err section_writer_begin(section_writer *w, section_kind kind, uint32_t column, mv_error *error);
/* Append bytes to the section. */
mv_err section_writer_add(section_writer *w, const void *bytes, size_t size, mv_error *error);
/* Write header and table, sync if `sync` is set, rename the file to its name, fill the record. */
mv_err section_writer_finish(section_writer *w, bool sync, section_file_record *record,
                             mv_error *error);
/* A path by which the finished file can be opened, until the writer is freed. */
const char *section_writer_path(const section_writer *w);
/* Remove the file, finished or not. */
void section_writer_undo(section_writer *w);
/* Free the writer. An unfinished file is removed. NULL is fine. */
void section_writer_free(section_writer *w);
uint64_t section_writer_bytes(const section_writer *w); /* bytes of the file so far */

#endif
