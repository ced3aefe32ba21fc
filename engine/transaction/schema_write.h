/* Changing the schema within a write transaction. */
#ifndef MV_SCHEMA_WRITE_H
#define MV_SCHEMA_WRITE_H

#include "transaction/writer.h"

/* Let this commit have another schema. The view keeps the old one until writer_settle, before which
 * all segments must have been brought to the new one. */
mv_err schema_write_begin(writer *w, const mv_schema *schema, mv_error *error);
/* Change the index of a field. What does not fit any more is dropped; nothing is built. */
mv_err schema_write_index(writer *w, const mv_index_change *change, mv_error *error);

#endif
