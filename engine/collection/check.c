/* Checking a collection. */
#include "open/verify.h"
#include "transaction/handle.h"

mv_err mv_check(mv_collection *c, mv_error *error)
{
    engine *e = NULL;
    MV_TRY(handle_engine(c, &e, error));
    MV_TRY(handle_check_collection(c, error));
    for (;;) {
        snapshot s;
        MV_TRY(snapshot_open(e, &s, error));
        mv_err err = verify_content(&s, error);
        if (!err) err = verify_indexes(&s, error);
        snapshot_close(&s);
        if (err != MV_BUSY)
            return err; /* MV_BUSY: two commits came meanwhile, and pages were used again */
    }
}
