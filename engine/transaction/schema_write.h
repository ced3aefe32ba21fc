/* Changing the schema within a write transaction: every segment is brought to the new schema in it.
 */
#ifndef MV_SCHEMA_WRITE_H
#define MV_SCHEMA_WRITE_H

#include "transaction/writer.h"

/* Give the commit another schema. The view keeps the old one until writer_settle; before that the
 * caller brings every segment to the new schema. */
mv_err schema_write_begin(writer *w, const mv_schema *schema, mv_error *error);
/* Change the index of a field. Indexes of another type are dropped; none is built. MV_MISUSE. */
mv_err schema_write_index(writer *w, const mv_index_change *change, mv_error *error);

#endif
