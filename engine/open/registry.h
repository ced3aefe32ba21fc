/* The registry of open collections: the engines of this process, by real path (I1). */
#ifndef MV_REGISTRY_H
#define MV_REGISTRY_H

#include "open/engine.h"

/* Get the engine of an existing collection, with one more reference. It is opened with `hooks` if
 * this process has not opened it yet. MV_BUSY: the collection is being destroyed, or `options` want
 * to write while a read_only handle of this process is reading. */
mv_err registry_open(const char *path, const mv_open_options *options, const engine_hooks *hooks,
                     engine **out, mv_error *error);
/* Write the first commit of a new collection: its schema, and a state without documents. */
mv_err registry_init_catalog(catalog *c, const mv_schema *schema, bool sync, mv_error *error);
/* Create a collection in memory. Its engine is not in the registry: no path leads to it. */
mv_err registry_create_in_memory(const mv_schema *schema, const engine_hooks *hooks, engine **out,
                                 mv_error *error);
/* Take one more reference. The caller has one already. */
void registry_retain(engine *e);
/* Release a reference. The last one closes the engine (the order is in registry.c), and so may wait
 * for threads: the caller holds no lock. In a forked child an engine of the parent is forgotten,
 * not closed. NULL is fine. */
void registry_release(engine *e);

#endif
