/* Index records to bytes and back. */
#include "storage/index_record.h"

#include <inttypes.h>
#include <string.h>

static_assert(sizeof(uint64_t) + sizeof(section_file_record) == INDEX_RECORD_SIZE,
              "the record of an index has 32 bytes");

void index_record_save(const index_record *record, uint8_t out[INDEX_RECORD_SIZE])
{
    mv_assert(section_file_is_index((section_file_kind)record->file.kind));
    memcpy(out, &record->segment, sizeof record->segment);
    memcpy(out + sizeof record->segment, &record->file, sizeof record->file);
}

mv_err index_record_load(uint64_t number, const uint8_t *bytes, size_t size, index_record *record,
                         mv_error *error)
{
    if (size == INDEX_RECORD_SIZE) {
        record->number = number;
        memcpy(&record->segment, bytes, sizeof record->segment);
        memcpy(&record->file, bytes + sizeof record->segment, sizeof record->file);
        if (section_file_is_index((section_file_kind)record->file.kind)) return MV_OK;
    }
    return error_set(error, MV_CORRUPT, "the record of index %" PRIu64 " is damaged", number);
}
