/* Writing the documents of a batch. */
#ifndef MV_PUT_H
#define MV_PUT_H

#include "transaction/writer.h"

/* Write the documents of a batch. On failure the writer is spoilt (is_failed), except that
 * MV_EXISTS, MV_NOT_FOUND and MV_MISUSE found by `check_first` leave it as it was. */
mv_err put_batch(writer *w, mv_write_mode mode, const mv_batch *batch, bool check_first,
                 uint64_t *written, mv_error *error);

#endif
