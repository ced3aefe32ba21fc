/* Checking a batch before its first document is written. */
#ifndef MV_PUT_CHECK_H
#define MV_PUT_CHECK_H

#include "transaction/writer.h"

/* Check that put_batch would write this batch: fails as put_batch would, and changes nothing. The
 * batch has the writer's schema. */
mv_err put_check(writer *w, mv_write_mode mode, const mv_batch *batch, mv_error *error);

/* MV_EXISTS: rows `first` and `again` of the batch have the same id. The text counts them from 1.
 */
mv_err put_check_twice(const mv_batch *batch, uint32_t first, uint32_t again, mv_error *error);

#endif
