/* Counting the documents that match a filter. */
#include "read/scan.h"
#include "transaction/handle.h"

/* Count the next segment by its indexes alone, without reading rows. *counted is false if they do
 * not tell exactly, or if rows of the segment are deleted. */
static mv_err count_segment(scan *sc, uint64_t *count, bool *counted, mv_error *error)
{
    uint32_t at, least, most;
    *counted = false;
    if (!scan_at_segment(sc, &at) || sc->s->v->segments[at].live) return MV_OK;
    MV_TRY(scan_estimate(sc, &least, &most, error));
    *counted = least == most;
    if (!*counted) return MV_OK;
    *count += least;
    scan_skip_segment(sc);
    return MV_OK;
}

static mv_err count_all(scan *sc, uint64_t *count, mv_error *error)
{
    for (;;) {
        bool counted;
        MV_TRY(count_segment(sc, count, &counted, error));
        if (counted) continue;
        MV_TRY(scan_next(sc, error));
        if (!sc->t) return MV_OK;
        *count += scan_matching(sc);
    }
}

mv_err mv_count(mv_collection *c, const mv_filter *source, uint64_t *count, mv_error *error)
{
    mv_err err;
    snapshot s = {0};
    filter *f = NULL;
    mem_arena arena = {0}, block = {0};
    scan sc;
    *count = 0;
    MV_TRY(handle_snapshot(c, &s, error));
    if (!source) {
        *count = s.v->state.documents;
        snapshot_close(&s);
        return MV_OK;
    }
    if ((err = filter_compile(s.v->schema, source, &arena, &f, error))) goto done;
    if ((err = scan_begin(&sc, &s, f, NULL, FRESH_NO_VECTOR, &arena, &block, error))) goto done;
    err = count_all(&sc, count, error);
    scan_end(&sc);
done:
    mem_arena_free(&arena);
    mem_arena_free(&block);
    snapshot_close(&s);
    return err;
}
