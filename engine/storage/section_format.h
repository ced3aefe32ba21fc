/* The structs of the file format of section_file.h, shared by its reader and writer. */
#ifndef MV_SECTION_FORMAT_H
#define MV_SECTION_FORMAT_H

#include <string.h>

#include "base/hash.h"

#define SECTION_MAGIC          "moonvec"
#define SECTION_FORMAT         1u
#define SECTION_FILE_NAME_SIZE 64 /* SEGMENT_FILE_NAME_SIZE: of the name in errors, with its 0 */

typedef struct section_header {
    char magic[8]; /* SECTION_MAGIC */
    uint32_t kind; /* section_file_kind */
    uint32_t format;
    uint64_t segment;
    uint64_t rows;
    uint64_t file_size;
    uint64_t table_offset;
    uint32_t column;
    uint32_t sections;
    uint64_t checksum; /* section_header_checksum */
} section_header;

typedef struct section_entry {
    uint32_t kind; /* section_kind */
    uint32_t column;
    uint64_t offset;
    uint64_t size;
    uint64_t checksum;
} section_entry;

static_assert(sizeof(section_header) == 64, "a header has 64 bytes on disk");
static_assert(sizeof(section_entry) == 32, "a section entry has 32 bytes on disk");
static_assert(offsetof(section_header, checksum) == 56, "the checksum is the last member");
static_assert(sizeof SECTION_MAGIC == 8, "the magic has 8 bytes with its 0");

/* The checksum of the header before its own, continued over the `sections` entries of the table. */
static inline uint64_t section_header_checksum(const section_header *header, const void *entries)
{
    uint64_t seed = hash_bytes(header, offsetof(section_header, checksum), 0);
    return hash_bytes(entries, header->sections * sizeof(section_entry), seed);
}

#endif
