/* Checking a batch before its first document is written. */
#ifndef MV_PUT_CHECK_H
#define MV_PUT_CHECK_H

#include "transaction/writer.h"

/* Would this batch be written? Fails with what put_batch would fail with; changes nothing. */
mv_err put_check(writer *w, mv_write_mode mode, const mv_batch *batch, mv_error *error);

#endif
