/* What the catalog knows of an index over a segment, a graph or inverted lists: a value of its
 * table `indexes`, by the number of the index's file. Numbers come from the same counter as those
 * of segments and are never used again.
 *
 *   segment   u64, the number of the segment whose rows it is over
 *   file      section_file_record, 24 bytes: kind that of an index type (base/index_kind.h), the
 * uid of the field
 *
 * An index is derived from its segment: what is lost is built anew. */
#ifndef MV_INDEX_RECORD_H
#define MV_INDEX_RECORD_H

#include "storage/section_file.h"

typedef struct index_record {
    uint64_t number;
    uint64_t segment;
    section_file_record file;
} index_record;

#define INDEX_RECORD_SIZE 32u

void index_record_save(const index_record *record, uint8_t out[INDEX_RECORD_SIZE]);
/* MV_CORRUPT. */
mv_err index_record_load(uint64_t number, const uint8_t *bytes, size_t size, index_record *record,
                         mv_error *error);

#endif
