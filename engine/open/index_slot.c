/* Which index a segment should have in each slot, as the schema says. */
#include "open/index_slot.h"

const mv_index_options *index_slot_options(const mv_schema *schema, uint32_t slot)
{
    mv_assert(slot < index_slot_count(schema));
    return slot < schema->vectors_count ? &schema->vectors[slot].index
                                        : &schema->fields[slot - schema->vectors_count].index;
}

const index_type *index_slot_type(const mv_schema *schema, uint32_t slot)
{
    return index_find(index_slot_options(schema, slot)->type);
}

uint32_t index_slot_uid(const mv_schema *schema, uint32_t slot)
{
    mv_assert(slot < index_slot_count(schema));
    return slot < schema->vectors_count ? schema->vectors[slot].uid
                                        : schema->fields[slot - schema->vectors_count].uid;
}

uint64_t index_slot_since(const mv_schema *schema, uint32_t slot)
{
    mv_assert(slot < index_slot_count(schema));
    return slot < schema->vectors_count ? schema->vectors[slot].index_since
                                        : schema->fields[slot - schema->vectors_count].index_since;
}

bool index_slot_of_file(const mv_schema *schema, const section_file_record *record, uint32_t *slot)
{
    for (*slot = 0; *slot < index_slot_count(schema); ++*slot)
        if (index_slot_uid(schema, *slot) == record->column) {
            const index_type *wanted = index_slot_type(schema, *slot);
            return wanted && wanted->kind->file_kind == record->kind;
        }
    return false;
}
