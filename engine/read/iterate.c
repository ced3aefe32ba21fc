/* Iterators: the documents that match a filter, one at a time, of one commit. */
#include "open/registry.h"
#include "read/result.h"
#include "read/scan.h"
#include "transaction/handle.h"

/* Outside a transaction the iterator scans its own snapshot. Within a transaction, whose writes
 * move rows, it lists the docids of all matching rows when it is opened, and finds each row when it
 * is asked for. */
struct mv_iterator {
    engine *e; /* a reference */
    uint64_t fork_generation;
    const mv_schema *schema; /* of the commit; lent by the engine */
    snapshot s;              /* of the commit, or of the transaction when it was opened */
    mem_arena arena, block;  /* of the scan */
    scan sc;
    uint32_t at; /* next row of the block */
    /* Of an iterator within a transaction: */
    mv_collection *c;
    const writer *w;        /* NULL: it scans */
    uint64_t writer_number; /* of the transaction */
    mem_buffer docids;      /* u64, of all matching rows */
    size_t next_docid;      /* position in `docids` */
};

static mv_err start_scan(mv_iterator *it, const mv_filter *source, mv_error *error)
{
    filter *f = NULL;
    if (source) MV_TRY(filter_compile(it->s.v->schema, source, &it->arena, &f, error));
    return scan_begin(&it->sc, &it->s, f, NULL, FRESH_NO_VECTOR, &it->arena, &it->block, error);
}

mv_err mv_iterator_open(mv_collection *c, const mv_filter *source, mv_iterator **iterator,
                        mv_error *error)
{
    mv_err err;
    *iterator = NULL;
    mv_iterator *it = mem_alloc_zero(sizeof *it);
    if (!it) return error_memory(error, sizeof *it, "an iterator");
    it->fork_generation = os_fork_generation();
    if ((err = handle_snapshot(c, &it->s, error))) goto done;
    it->e = it->s.e;
    it->schema = it->s.v->schema;
    registry_retain(it->e);
    if ((it->w = c->w)) {
        it->c = c;
        it->writer_number = atomic_load(&it->e->writers_begun);
        err = scan_docids(&it->s, source, &it->docids, error);
    } else {
        err = start_scan(it, source, error);
    }
    if (err) goto done;
    *iterator = it;
    it = NULL;
done:
    mv_iterator_close(it);
    return err;
}

static mv_err next_of_scan(mv_iterator *it, mv_result *result, bool *found, mv_error *error)
{
    MV_TRY(result_begin_lent(result, it->e, &it->s, error));
    MV_TRY(engine_check_unlocked(it->e, error));
    while (!it->sc.t || (it->at = scan_find(&it->sc, it->at)) == it->sc.count) {
        it->at = 0;
        MV_TRY(scan_next(&it->sc, error));
        if (!it->sc.t) return MV_OK;
    }
    *found = true;
    mv_hit hit = {.docid = it->sc.t->docids[it->sc.begin + it->at],
                  .source = it->sc.source,
                  .row = scan_row(&it->sc, it->at)};
    it->at++;
    return result_add(result, hit, error);
}

static mv_err next_of_docids(mv_iterator *it, mv_result *result, bool *found, mv_error *error)
{
    const uint64_t *docids = (const uint64_t *)(const void *)it->docids.data;
    size_t count = it->docids.size / sizeof *docids;
    if (!engine_is_writing_number(it->e, it->writer_number))
        return error_set(error, MV_MISUSE, "the transaction of this iterator has ended");
    MV_TRY(result_begin(result, it->c, error));
    while (it->next_docid < count && !*found) {
        mv_hit hit;
        MV_TRY(result_find_docid(result->seen, docids[it->next_docid++], &hit, found, error));
        if (*found) return result_add(result, hit, error);
    }
    return MV_OK;
}

mv_err mv_iterator_next(mv_iterator *it, mv_result *result, bool *found, mv_error *error)
{
    *found = false;
    if (os_is_forked(it->fork_generation)) return error_set_forked(error, "the iterator");
    return it->w ? next_of_docids(it, result, found, error)
                 : next_of_scan(it, result, found, error);
}

const mv_schema *mv_iterator_schema(const mv_iterator *it)
{
    return it->schema;
}

void mv_iterator_close(mv_iterator *it)
{
    if (!it) return;
    if (!os_is_forked(it->fork_generation)) { /* else the scan and the snapshot are the parent's */
        scan_end(&it->sc);
        snapshot_close(&it->s);
    }
    mem_arena_free(&it->arena);
    mem_arena_free(&it->block);
    mem_buffer_free(&it->docids);
    registry_release(it->e);
    mem_free(it, sizeof *it);
}
