/* Writing the documents of a batch. */
#ifndef MV_PUT_H
#define MV_PUT_H

#include "transaction/writer.h"

/* Write the documents of a batch; *written is their number. A failure while the batch is checked
 * (`check_first`) leaves the writer as it was. After any other failure it can only be undone
 * (is_failed, I11). MV_SCHEMA_MISMATCH: the batch has another schema than the writer. */
mv_err put_batch(writer *w, mv_write_mode mode, const mv_batch *batch, bool check_first,
                 uint64_t *written, mv_error *error);

#endif
