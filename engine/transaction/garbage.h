/* Files that the catalog no longer names. */
#ifndef MV_GARBAGE_H
#define MV_GARBAGE_H

#include "transaction/writer.h"

/* A file that the catalog names no longer: unlinked once no reader can name it. */
mv_err garbage_add(writer *w, uint64_t number, const section_file_record *file, mv_error *error);

/* Unlink files that no reader can name any more, and once what a dead process left half-written. */
mv_err garbage_collect(writer *w, mv_error *error);

#endif
