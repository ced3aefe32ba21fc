/* The record of an index over a segment (a graph or inverted lists): a value of the table `indexes`
 * of the catalog. Its key is the number of the index's file. These numbers come from the same
 * counter as the numbers of segments, and are used once (I7).
 *
 *   offset  size  meaning
 *        0     8  number of the segment whose rows are indexed
 *        8    24  the file (section_file_record): kind of an index type (base/index_kind.h), uid
 *                 of the field, size, checksum
 *
 * An index is derived from its segment: a lost one is built again. */
#ifndef MV_INDEX_RECORD_H
#define MV_INDEX_RECORD_H

#include "storage/section_file.h"

typedef struct index_record {
    uint64_t number;  /* of the file of the index */
    uint64_t segment; /* number of the segment */
    section_file_record file;
} index_record;

#define INDEX_RECORD_SIZE 32u

void index_record_save(const index_record *record, uint8_t out[INDEX_RECORD_SIZE]);
/* MV_CORRUPT: the size or the kind of file is not that of an index record. */
mv_err index_record_load(uint64_t number, const uint8_t *bytes, size_t size, index_record *record,
                         mv_error *error);

#endif
