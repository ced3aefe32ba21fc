/* Making collections in memory from the files of others. */
#ifndef MV_MEMORY_LOAD_H
#define MV_MEMORY_LOAD_H

#include "open/image.h"

/* Write the catalog to the new file `catalog_path`, and list the files that it names in `files`. */
typedef mv_err memory_source(void *ctx, const char *catalog_path, image *files, mv_error *error);

/* Create a collection in memory with these files. With `verify` all pages of the catalog are
 * verified before LMDB reads it. Segments and indexes are verified as far as opening them does. An
 * index that is not among the files is left out. */
mv_err memory_load(memory_source *source, void *ctx, bool verify, const engine_hooks *hooks,
                   engine **out, mv_error *error);

#endif
