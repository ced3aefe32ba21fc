/* Engines in memory with the content of a dump or of a directory. */
#ifndef MV_DUMP_H
#define MV_DUMP_H

#include "open/engine.h"

/* From a dump, of which every byte is verified. Segments and indexes are yet to be checked
 * (mv_check): whoever made the dump could make checksums, too. */
mv_err dump_load(const void *bytes, size_t size, const engine_hooks *hooks, engine **e,
                 mv_error *error);
/* From the collection at `path`, which is only read. */
mv_err dump_load_directory(const char *path, bool verify, const engine_hooks *hooks, engine **e,
                           mv_error *error);

#endif
