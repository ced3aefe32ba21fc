/* When documents were last used: read, as the hit of a query or by its id, or written. For eviction
 * of those used least recently, and kept only in collections that have it.
 *
 * Times are in a file of their own, catalog.mdb-uses, a slot of 8 bytes for each docid modulo
 * LAST_USE_SLOTS; in memory it has no name. Documents whose docids differ by a multiple
 * of it share a slot, and each counts as used when the other is. All processes write to the file
 * without locks, and it is never synced: what is lost or torn makes a document look older or newer
 * than it is. */
#ifndef MV_LAST_USE_H
#define MV_LAST_USE_H

#include "open/engine.h"

#define LAST_USE_FILE  "catalog.mdb-uses"
#define LAST_USE_SLOTS (1u << 20) /* the file has at most 8 MiB */

/* The `count` documents from `docid` on are used now. Does nothing where the file cannot be
 * written, as by a read_only process without permission. */
void last_use_note(engine *e, uint64_t docid, uint64_t count);
/* When a document was last used (os_now); 0: it is not known. */
uint64_t last_use_of(engine *e, uint64_t docid);
void last_use_close(engine *e);

#endif
