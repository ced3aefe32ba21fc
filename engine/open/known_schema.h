/* The schemas that the commits of an open collection have had. */
#ifndef MV_KNOWN_SCHEMA_H
#define MV_KNOWN_SCHEMA_H

#include "open/engine.h"

/* A schema that some commit has had. */
typedef struct known_schema {
    struct known_schema *next;
    mv_schema *schema;
    mem_buffer bytes; /* as the catalog has it: what tells it from others */
} known_schema;

/* The schema of the commit that `txn` sees, lent until the engine is closed: two commits have the
 * same pointer if, and only if, they have the same schema. The caller has the mutex. */
mv_err known_schema_find_locked(engine *e, catalog_txn *txn, const mv_schema **schema,
                                mv_error *error);
/* The same, of the last commit. */
mv_err known_schema_read(engine *e, const mv_schema **schema, mv_error *error);
mv_err known_schema_save(catalog_txn *txn, const mv_schema *schema, mv_error *error);
void known_schema_free_all(engine *e);

#endif
