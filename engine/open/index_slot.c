/* Which index a segment should have in each slot, as the schema says. */
#include "open/index_slot.h"

#include "index/hnsw.h"

section_file_kind index_slot_kind(const mv_schema *schema, uint32_t slot)
{
    mv_index_type type = slot < schema->vectors_count
                             ? schema->vectors[slot].index
                             : schema->fields[slot - schema->vectors_count].index;
    if (type == MV_INDEX_HNSW) return SECTION_FILE_HNSW;
    return type == MV_INDEX_INVERT ? SECTION_FILE_INVERT : SECTION_FILE_NONE;
}

uint32_t index_slot_uid(const mv_schema *schema, uint32_t slot)
{
    return slot < schema->vectors_count ? schema->vectors[slot].uid
                                        : schema->fields[slot - schema->vectors_count].uid;
}

uint64_t index_slot_since(const mv_schema *schema, uint32_t slot)
{
    return slot < schema->vectors_count ? schema->vectors[slot].index_since : 0;
}

uint32_t index_slot_rows_min(section_file_kind kind)
{
    return kind == SECTION_FILE_HNSW ? HNSW_ROWS_MIN : INVERT_ROWS_MIN;
}

bool index_slot_of_file(const mv_schema *schema, const section_file_record *record, uint32_t *slot)
{
    for (*slot = 0; *slot < index_slot_count(schema); ++*slot)
        if (index_slot_uid(schema, *slot) == record->column)
            return index_slot_kind(schema, *slot) == (section_file_kind)record->kind;
    return false;
}
