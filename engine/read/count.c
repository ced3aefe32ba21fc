/* Counting the documents that match a filter. */
#include "read/count.h"

#include "read/scan.h"
#include "transaction/handle.h"

/* Count the next segment by its indexes alone, without reading rows. *counted is false if they do
 * not tell exactly, or if rows of the segment are deleted or have expired. */
static mv_err count_segment(scan *sc, uint64_t *count, bool *counted, mv_error *error)
{
    uint32_t at, least, most;
    *counted = false;
    if (!scan_at_segment(sc, &at) || sc->s->v->segments[at].table.live) return MV_OK;
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

/* Count the fresh rows that have not expired. */
static mv_err count_fresh(const snapshot *s, uint32_t expires, uint64_t *count, mv_error *error)
{
    fresh_rows *fresh = NULL;
    const mv_schema *schema = s->v->schema;
    bool *wanted = mem_alloc_zero(schema->fields_count);
    if (!wanted) return error_memory(error, schema->fields_count, "fresh rows");
    wanted[expires] = true;
    fresh_wants wants = {.fields = wanted, .vector_field = FRESH_NO_VECTOR};
    mv_err err = fresh_rows_acquire(s, &wants, &fresh, error);
    mem_free(wanted, schema->fields_count);
    if (err) return err;
    for (uint32_t i = 0; i < fresh->parts_count; i++) {
        uint64_t seen[FRESH_CHUNK_ROWS / 64];
        fresh_rows_see(s, &fresh->parts[i], expires, seen);
        *count += bits_count(seen, fresh->parts[i].chunk->table.rows);
    }
    fresh_rows_release(s->e, fresh);
    return MV_OK;
}

mv_err count_documents(const snapshot *s, uint64_t *count, mv_error *error)
{
    uint32_t expires;
    *count = s->v->state.documents - s->v->expired;
    if (!snapshot_expired_field(s, &expires)) return MV_OK;
    *count -= s->v->state.fresh_rows;
    return count_fresh(s, expires, count, error);
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
        err = count_documents(&s, count, error);
        snapshot_close(&s);
        return err;
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
