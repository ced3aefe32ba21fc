/* The registry of open collections: which engines this process has. */
#ifndef MV_REGISTRY_H
#define MV_REGISTRY_H

#include "open/engine.h"

/* Get the engine of an existing collection. It is opened with `hooks` if this process has not
 * opened it yet. */
mv_err registry_open(const char *path, const mv_open_options *options, const engine_hooks *hooks,
                     engine **out, mv_error *error);
/* A new collection in memory. */
mv_err registry_create_in_memory(const mv_schema *schema, const engine_hooks *hooks, engine **out,
                                 mv_error *error);
void registry_keep(engine *e); /* one more reference */
/* Give up a reference; the last one closes the engine. In a forked child the parent's engine is
 * only let go of. NULL is fine. */
void registry_release(engine *e);

#endif
