/* The schemas of all commits that an open collection has read. */
#ifndef MV_KNOWN_SCHEMA_H
#define MV_KNOWN_SCHEMA_H

#include "open/engine.h"

/* A schema of some commit. */
typedef struct known_schema {
    struct known_schema *next;
    mv_schema *schema;
    mem_buffer bytes; /* its encoding in the catalog; equal bytes are the same schema */
} known_schema;

/* The schema of the commit that `txn` sees, lent until the engine is closed: two commits have the
 * same pointer if, and only if, they have the same schema. The caller has the mutex. */
mv_err known_schema_find_locked(engine *e, catalog_txn *txn, const mv_schema **schema,
                                mv_error *error);
/* The schema of the last commit, lent likewise. */
mv_err known_schema_read(engine *e, const mv_schema **schema, mv_error *error);
/* Write the schema of the commit that `txn` makes. */
mv_err known_schema_save(catalog_txn *txn, const mv_schema *schema, mv_error *error);
/* Only when the engine is closed. */
void known_schema_free_all(engine *e);

#endif
