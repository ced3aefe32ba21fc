/* Dumps: the files of a collection in one block of bytes.
 *
 * All numbers are little-endian. The header:
 *
 *   offset  size  meaning
 *        0     8  "mvdump" and two zero bytes
 *        8     4  format: 1
 *       12     4  number of files n, at least 1
 *       16     8  size of the dump
 *       24     8  checksum (XXH3) of the entries, seeded by that of bytes 0 to 23
 *       32   88n  an entry for each file
 *
 * An entry (88 bytes):
 *
 *   offset  size  meaning
 *        0    64  name, filled up with zeros; that of the first file is "catalog.mdb"
 *       64     8  offset in the dump: the next multiple of 64 after what stands before
 *       72     8  size
 *       80     8  checksum (XXH3) of the file's bytes
 *
 * The files follow in the order of their entries, each at its offset, with zeros in between. The
 * dump ends with the last file. */
#ifndef MV_DUMP_FORMAT_H
#define MV_DUMP_FORMAT_H

#include "base/error.h"

#define DUMP_FORMAT    1u
#define DUMP_NAME_SIZE 64u /* SEGMENT_FILE_NAME_SIZE */
#define DUMP_ALIGN     64u
#define DUMP_FILES_MAX (1u << 24) /* chosen: so that sizes do not overflow */

/* A file of a dump. `offset` and `checksum` are computed when the head is written. */
typedef struct dump_file {
    char name[DUMP_NAME_SIZE];
    uint64_t offset;
    uint64_t size;
    uint64_t checksum;
} dump_file;

static_assert(sizeof(dump_file) == 88, "an entry of a dump has 88 bytes");

/* Bytes of the header and of the entries. */
size_t dump_format_head_size(uint32_t files_count);
/* Compute the offsets of files whose other members are set, and write the head to `out`
 * (dump_format_head_size). Returns the size of the dump. */
uint64_t dump_format_write(dump_file *files, uint32_t files_count, uint8_t *out);
/* Verify every byte of a dump. *files_count is the number of its files. MV_CORRUPT.
 * MV_WRONG_VERSION: a newer moonvec wrote it. */
mv_err dump_format_verify(const uint8_t *bytes, size_t size, uint32_t *files_count,
                          mv_error *error);
/* File `at` of a verified dump. */
dump_file dump_format_file(const uint8_t *bytes, uint32_t at);

#endif
