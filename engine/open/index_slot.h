/* Slots: a segment has one slot per field of its schema, for the index over that field. */
#ifndef MV_INDEX_SLOT_H
#define MV_INDEX_SLOT_H

#include "index/index.h"
#include "storage/schema.h"
#include "storage/section_file.h"

/* The indexes of a segment have slots: one for each vector field, then one for each scalar field.
 */
static inline uint32_t index_slot_count(const mv_schema *schema)
{
    return schema->vectors_count + schema->fields_count;
}
static inline uint32_t index_slot_of_field(const mv_schema *schema, uint32_t field)
{
    return schema->vectors_count + field;
}
/* The index that the schema wants there, and its type; NULL: none that has files. */
const mv_index_options *index_slot_options(const mv_schema *schema, uint32_t slot);
const index_type *index_slot_type(const mv_schema *schema, uint32_t slot);
/* The field's uid. */
uint32_t index_slot_uid(const mv_schema *schema, uint32_t slot);
/* The number of the first file that was built for the options the schema has; 0: any fits. */
uint64_t index_slot_since(const mv_schema *schema, uint32_t slot);
/* The slot of an index file; false: the schema wants no such index. */
bool index_slot_of_file(const mv_schema *schema, const section_file_record *record, uint32_t *slot);

#endif
