/* Garbage: files that the catalog has stopped naming. A file is unlinked only after the commit that
 * stopped naming it, and when no reader of an older commit is left (I8). */
#ifndef MV_GARBAGE_H
#define MV_GARBAGE_H

#include "transaction/writer.h"

/* Enter a file that this transaction stops naming. In memory there is nothing to unlink. */
mv_err garbage_add(writer *w, uint64_t number, const section_file_record *file, mv_error *error);

/* Unlink the files that no reader can name any more, some in each transaction, so that it stays
 * short: writer.leaves_garbage tells that there are others. Once per engine, also remove the files
 * that dead processes left unfinished. */
mv_err garbage_collect(writer *w, mv_error *error);

/* The sum of the sizes of the files that a reader of commit `oldest`, or of a later one, may still
 * name. */
mv_err garbage_held_bytes(engine *e, catalog_txn *txn, uint64_t oldest, uint64_t *bytes,
                          mv_error *error);

#endif
