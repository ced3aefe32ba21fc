/* Packing: sealing fresh rows in short steps, for gradual jobs. Sealing them in one transaction
 * (transaction/seal.c) takes 2 ms for 1,000 rows of 384 dims.
 *
 *   COPY   copy a piece of the fresh rows, as of the commit that is the last one then
 *   PACK   write a piece of the segment, from the copies
 *   ENTER  commit: the segment in, its rows out of the table of fresh rows
 *
 * ENTER takes 0.1 ms for 1,000 rows of 384 dims, and 3 ms for 20,000.
 *
 * A fresh row never changes, but other writers may delete or seal it before ENTER. A row that was
 * deleted is deleted in the new segment, too. If rows were sealed, the new segment is dropped. */
#include "job/job.h"
#include "transaction/writer_files.h"

#define PACK_STEP_ROWS  512u
#define PACK_STEP_BYTES ((uint64_t)512 << 10) /* copied in a step */
/* The most of one segment. As a rule there are fewer, so that the table is emptied at once. */
#define PACK_BYTES_MAX SEAL_BYTES_MAX

static mv_err no_memory_for_rows(uint64_t size, mv_error *error)
{
    return error_memory(error, (size_t)size, "fresh rows");
}

void pack_end(mv_job *job)
{
    job_pack *p = &job->pack;
    if (p->written) {
        segment_writer_undo(p->written);
        segment_writer_free(p->written);
    }
    mem_arena_free(&p->rows);
    mem_free(p->encoded, p->encoded_capacity * sizeof *p->encoded);
    mem_free(p->docids, p->docids_capacity * sizeof *p->docids);
    *p = (job_pack){0};
}

/* ---------------------------------------------------------------- COPY */

static mv_err copy_row(job_pack *p, uint64_t docid, const catalog_value *value, mv_error *error)
{
    const uint8_t **encoded =
        mem_grow(p->encoded, &p->encoded_capacity, p->s.encoded_count, sizeof *encoded);
    if (!encoded) return no_memory_for_rows(p->bytes, error);
    p->encoded = encoded;
    uint64_t *docids = mem_grow(p->docids, &p->docids_capacity, p->s.encoded_count, sizeof *docids);
    if (!docids) return no_memory_for_rows(p->bytes, error);
    p->docids = docids;
    uint8_t *copy = mem_arena_copy(&p->rows, value->bytes, value->size);
    if (!copy) return no_memory_for_rows(p->bytes + value->size, error);
    encoded[p->s.encoded_count] = copy;
    docids[p->s.encoded_count++] = docid;
    p->bytes += value->size;
    return MV_OK;
}

static bool is_full(const job_pack *p)
{
    return p->s.encoded_count == SEGMENT_ROWS_MAX || p->bytes >= PACK_BYTES_MAX;
}

/* Copy the next rows of this commit. *more is false when those were the last for this segment. */
static mv_err copy_rows(mv_job *job, const snapshot *s, bool *more, mv_error *error)
{
    job_pack *p = &job->pack;
    uint64_t stop_bytes = p->bytes + PACK_STEP_BYTES;
    uint32_t stop_rows = p->s.encoded_count + PACK_STEP_ROWS;
    catalog_cursor *cursor = NULL;
    mv_err err = catalog_cursor_open(s->txn, CATALOG_FRESH, &cursor, error);
    if (!err && p->s.encoded_count)
        catalog_cursor_seek_u64(cursor, p->docids[p->s.encoded_count - 1] + 1);
    *more = true;
    while (!err && *more && p->bytes < stop_bytes && p->s.encoded_count < stop_rows) {
        uint64_t docid;
        catalog_value value;
        err = catalog_cursor_next_u64(cursor, &docid, &value, more, error);
        if (err || !*more) break;
        *more = docid < job->gradual.seal_before;
        if (!*more) break;
        err = seal_check_row(job->schema, docid, &value, error);
        if (!err) err = copy_row(p, docid, &value, error);
        *more = !is_full(p);
    }
    catalog_cursor_close(cursor);
    return err;
}

static mv_err begin_pack_segment(mv_job *job, mv_error *error)
{
    job_pack *p = &job->pack;
    uint64_t number = 0;
    bool got;
    MV_TRY(optimize_reserve_numbers(job, 1, &number, &got, error));
    if (!got) return MV_OK;
    p->s.schema = job->schema;
    p->s.encoded = p->encoded;
    p->s.docids = p->docids;
    p->source = seal_source(&p->s, p->s.encoded_count);
    MV_TRY(segment_writer_create(engine_directory(job->e), number, job->schema, &p->source, true,
                                 &p->written, error));
    job->stage = JOB_PACK;
    return MV_OK;
}

mv_err pack_copy(mv_job *job, mv_error *error)
{
    job_pack *p = &job->pack;
    snapshot s;
    bool more = true;
    if (p->is_copied) return begin_pack_segment(job, error);
    MV_TRY(snapshot_open(job->e, &s, error));
    if (!p->s.encoded_count) job->schema = s.v->schema;
    mv_err err = MV_OK;
    if (job->schema == s.v->schema)
        err = copy_rows(job, &s, &more, error);
    else
        pack_end(job); /* begin again */
    snapshot_close(&s);
    if (err || more) return err;
    p->is_copied = p->s.encoded_count > 0;
    if (!p->is_copied) gradual_end_packing(job);
    return MV_OK;
}

/* ---------------------------------------------------------------- PACK */

mv_err pack_write(mv_job *job, mv_error *error)
{
    bool more = true;
    MV_TRY(segment_writer_step(job->pack.written, &more, error));
    if (!more) job->stage = JOB_ENTER;
    return MV_OK;
}

/* ---------------------------------------------------------------- ENTER */

/* The table of fresh rows at ENTER, compared with the new segment. */
typedef struct fresh_now {
    mem_arena arena;
    uint64_t *newer_docids; /* fresh rows that came later, */
    catalog_value *newer;   /* and copies of them */
    uint64_t *deleted;      /* docids of the segment's rows that were deleted meanwhile */
    uint32_t newer_count, deleted_count;
    uint64_t newer_bytes;
} fresh_now;

static mv_err copy_newer(fresh_now *now, uint64_t docid, const catalog_value *value,
                         mv_error *error)
{
    uint8_t *copy = mem_arena_copy(&now->arena, value->bytes, value->size);
    if (!copy) return no_memory_for_rows(now->newer_bytes + value->size, error);
    now->newer_docids[now->newer_count] = docid;
    now->newer[now->newer_count++] = (catalog_value){copy, value->size};
    now->newer_bytes += value->size;
    return MV_OK;
}

/* Copy the rows that came after those of the new segment. */
static mv_err find_newer(const mv_job *job, const writer *w, fresh_now *now, mv_error *error)
{
    const job_pack *p = &job->pack;
    bool found = true;
    catalog_cursor *cursor = NULL;
    mv_err err = catalog_cursor_open(w->txn, CATALOG_FRESH, &cursor, error);
    if (!err) catalog_cursor_seek_u64(cursor, p->docids[p->s.encoded_count - 1] + 1);
    while (!err) {
        uint64_t docid;
        catalog_value value;
        err = catalog_cursor_next_u64(cursor, &docid, &value, &found, error);
        if (err || !found) break;
        err = seal_check_row(w->v->schema, docid, &value, error);
        if (!err) err = copy_newer(now, docid, &value, error);
    }
    catalog_cursor_close(cursor);
    return err;
}

/* Find the rows of the new segment that were deleted meanwhile. */
static mv_err find_deleted(const mv_job *job, const writer *w, fresh_now *now, mv_error *error)
{
    const job_pack *p = &job->pack;
    uint32_t at = 0, count = p->s.encoded_count;
    bool found = true;
    catalog_cursor *cursor = NULL;
    if (w->state.fresh_rows == (uint64_t)count + now->newer_count) return MV_OK; /* none */
    mv_err err = catalog_cursor_open(w->txn, CATALOG_FRESH, &cursor, error);
    while (!err && at < count) {
        uint64_t docid = UINT64_MAX;
        catalog_value value;
        err = catalog_cursor_next_u64(cursor, &docid, &value, &found, error);
        if (!found) docid = UINT64_MAX;
        while (at < count && p->docids[at] < docid)
            now->deleted[now->deleted_count++] = p->docids[at++];
        at += at < count && p->docids[at] == docid;
    }
    catalog_cursor_close(cursor);
    return err;
}

static mv_err look_at_fresh(const mv_job *job, const writer *w, fresh_now *now, mv_error *error)
{
    uint64_t count = job->pack.s.encoded_count, most = w->state.fresh_rows;
    now->deleted = mem_arena_alloc(&now->arena, mem_array_size(count, sizeof *now->deleted));
    now->newer_docids = mem_arena_alloc(&now->arena, mem_array_size(most, sizeof(uint64_t)));
    now->newer = mem_arena_alloc(&now->arena, mem_array_size(most, sizeof *now->newer));
    if (!now->deleted || !now->newer_docids || !now->newer)
        return no_memory_for_rows(most * sizeof *now->newer, error);
    MV_TRY(find_newer(job, w, now, error));
    return find_deleted(job, w, now, error);
}

/* Empty the table, and put the few rows back that came meanwhile: that is quicker than removing all
 * others one by one. */
static mv_err replace_fresh(writer *w, const fresh_now *now, mv_error *error)
{
    MV_TRY(catalog_clear(w->txn, CATALOG_FRESH, error));
    for (uint32_t i = 0; i < now->newer_count; i++)
        MV_TRY(catalog_put_u64(w->txn, CATALOG_FRESH, now->newer_docids[i], now->newer[i].bytes,
                               now->newer[i].size, error));
    w->state.fresh_rows = now->newer_count;
    w->state.fresh_bytes = now->newer_bytes;
    return MV_OK;
}

/* Can the new segment be entered: has the schema the same files, and did no other writer seal? */
static bool can_enter(const mv_job *job, const view *v)
{
    const view_segment *last = v->segments_count ? &v->segments[v->segments_count - 1] : NULL;
    return schema_compare_has_same_files(job->schema, v->schema) &&
           (!last || last->shared->s->last_docid < job->pack.docids[0]); /* I5 */
}

static mv_err enter_rows(mv_job *job, writer *w, mv_error *error)
{
    fresh_now now = {0};
    segment_writer *written = job->pack.written;
    mv_err err = look_at_fresh(job, w, &now, error);
    if (err) goto done;
    job->pack.written = NULL;
    if ((err = writer_files_add_segment(w, written, error))) goto done;
    if ((err = replace_fresh(w, &now, error))) goto done;
    if ((err = writer_settle(w, error))) goto done;
    for (uint32_t i = 0; i < now.deleted_count && !err; i++)
        err = writer_mark_deleted(w, now.deleted[i], error);
done:
    mem_arena_free(&now.arena);
    return err;
}

mv_err pack_enter(mv_job *job, writer *w, mv_error *error)
{
    if (!can_enter(job, w->v)) return MV_OK; /* nothing is committed */
    return enter_rows(job, w, error);
}
