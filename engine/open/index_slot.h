/* Slots: a segment has one slot per field of its schema, for the index over that field. */
#ifndef MV_INDEX_SLOT_H
#define MV_INDEX_SLOT_H

#include "index/index.h"
#include "storage/schema.h"
#include "storage/section_file.h"

/* The number of slots: one for each vector field, then one for each scalar field. */
static inline uint32_t index_slot_count(const mv_schema *schema)
{
    return schema->vectors_count + schema->fields_count;
}
static inline uint32_t index_slot_of_field(const mv_schema *schema, uint32_t field)
{
    return schema->vectors_count + field;
}
/* The options of the index that the schema has for the slot. Its type; NULL: one without files. */
const mv_index_options *index_slot_options(const mv_schema *schema, uint32_t slot);
const index_type *index_slot_type(const mv_schema *schema, uint32_t slot);
/* The uid of the slot's field. */
uint32_t index_slot_uid(const mv_schema *schema, uint32_t slot);
/* The number of the first file that was built for the present options; files with lower numbers
 * were built for other options. 0: every file fits. */
uint64_t index_slot_since(const mv_schema *schema, uint32_t slot);
/* Find the slot of an index file. False: the schema has no such index. */
bool index_slot_of_file(const mv_schema *schema, const section_file_record *record, uint32_t *slot);

#endif
