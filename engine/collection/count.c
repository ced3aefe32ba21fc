/* Counting the rows that pass. */
#include "collection/collection.h"
#include "collection/scan.h"

mv_err mv_count(mv_collection *c, const mv_filter *source, uint64_t *count, mv_error *error)
{
    mv_err err;
    snapshot s = {0};
    filter *f = NULL;
    fresh_reader fresh = {0};
    mem_arena arena = {0}, block = {0};
    scan sc;
    *count = 0;
    MV_TRY(collection_snapshot(c, &s, error));
    if (!source) {
        *count = s.v->state.documents;
        snapshot_close(&s);
        return MV_OK;
    }
    if ((err = filter_compile(s.v->schema, source, &arena, &f, error))) goto done;
    if ((err = scan_start(&sc, &s, f, NULL, FRESH_NO_VECTOR, &fresh, &arena, &block, error)))
        goto done;
    while (!(err = scan_next(&sc, error)) && sc.t) *count += scan_passing(&sc);
    scan_end(&sc);
done:
    fresh_free(&fresh);
    mem_arena_free(&arena);
    mem_arena_free(&block);
    snapshot_close(&s);
    return err;
}
