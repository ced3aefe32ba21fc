/* Optimizing: seal the fresh rows, then merge neighbouring segments, drop deleted rows and build
 * indexes, group by group (merge_plan.h). job.h has the stages.
 *
 * Everything that takes long happens outside any write transaction, in small steps, from the mapped
 * old segments into new files. Readers and writers go on. A short transaction then replaces the old
 * segments by the new one and its indexes, and carries over the rows that were deleted meanwhile.
 * If the schema was changed meanwhile so that the new files do not fit, the group is abandoned and
 * planned again. */
#include <inttypes.h>

#include "job/job.h"
#include "open/durability.h"
#include "storage/catalog_space.h"
#include "transaction/retention.h"
#include "transaction/schema_write.h"
#include "transaction/seal.h"
#include "transaction/writer_files.h"

/* Rows of segments that one commit removes: other writers wait for some milliseconds. */
#define EXPIRED_PER_COMMIT 2048u
#define EXPIRED_PER_STEP   128u /* the same of a gradual job, in less than a millisecond */

/* ---------------------------------------------------------------- transactions of a job */

/* A job in the background may outlive a flush by its handle, or the handle. A synced collection
 * must stay synced: the job commits without syncing only if the last commit was not synced either.
 */
static mv_err wants_sync(const mv_job *job, bool *wanted, mv_error *error)
{
    bool unsynced;
    *wanted = job->sync;
    if (job->sync || !job->keeps_synced || job->e->in_memory) return MV_OK;
    MV_TRY(durability_is_unsynced(job->e->path, &unsynced, error));
    *wanted = !unsynced;
    return MV_OK;
}

/* Begin a transaction of the job. *w is NULL when other writers have the collection until the step
 * must end: then the caller changes nothing, and the next step tries again. */
static mv_err begin_write(mv_job *job, writer **w, mv_error *error)
{
    for (;;) {
        bool sync, wanted = true;
        double seconds = job->until - os_seconds();
        *w = NULL;
        MV_TRY(wants_sync(job, &sync, error));
        mv_err err = writer_begin(job->e, sync, false, seconds > 0 ? seconds : 0, w, error);
        job->was_kept_out = err == MV_BUSY;
        if (job->was_kept_out) return MV_OK;
        if (err) return err;
        if (!sync) err = wants_sync(job, &wanted, error);
        if (!err && sync == wanted) return MV_OK;
        writer_abort(*w); /* it was synced while this thread waited for the writers' lock */
        if (err) return err;
    }
}

/* Commit, unless `err` says that the transaction is to be undone. */
static mv_err end_write(mv_job *job, writer *w, mv_err err, mv_error *error)
{
    bool has_changes = w->changes > 0;
    if (err)
        writer_abort(w);
    else
        err = writer_commit(w, error);
    job->gradual.commits_made += !err && has_changes;
    return err;
}

mv_err optimize_reserve_numbers(mv_job *job, uint64_t count, uint64_t *first, bool *got,
                                mv_error *error)
{
    writer *w = NULL;
    MV_TRY(begin_write(job, &w, error));
    *got = w != NULL;
    if (!w) return MV_OK;
    *first = w->state.next_segment;
    w->state.next_segment += count;
    w->changes++;
    return end_write(job, w, MV_OK, error);
}

/* ---------------------------------------------------------------- writing */

void optimize_abandon_group(mv_job *job)
{
    mv_assert(!job->newer_is_on);
    pack_end(job);
    section_file_check_end(&job->check);
    index_build_end(job);
    if (job->written) segment_writer_undo(job->written);
    segment_writer_free(job->written);
    job->written = NULL;
    view_release(job->e, job->v);
    job->v = NULL;
    job->stage = job->gradual.is_on ? JOB_WAIT : JOB_PLAN;
    job->by_levels |= job->gradual.is_on;
    job->gradual.finishes = false;
}

/* Begin with a group. Its files are verified first: damage must not be copied with a valid
 * checksum. A group without rows is only removed. */
static void begin_group(mv_job *job)
{
    mv_assert(job->p.begin < job->p.end);
    mv_assert(!job->written && !job->build.indexes); /* I13 */
    job->check_segment = job->p.begin;
    job->check_file = 0;
    job->stage = merge_plan_rows(&job->p) || !job->p.merges ? JOB_VERIFY : JOB_SWAP;
}

static mv_err begin_writing(mv_job *job, mv_error *error)
{
    bool merges = job->p.merges;
    /* One for each slot: an index that is found damaged meanwhile is also built. */
    uint64_t number = 0, indexes = index_build_count(job) ? index_slot_count(job->schema) : 0;
    bool got;
    MV_TRY(optimize_reserve_numbers(job, merges + indexes, &number, &got, error));
    if (!got) return MV_OK;
    MV_TRY(index_build_begin(job, number + merges, error));
    job->stage = JOB_INDEX;
    if (!merges) return MV_OK;
    job->source = merge_source(job);
    job->stage = JOB_WRITE;
    return segment_writer_create(engine_directory(job->e), number, job->schema, &job->source, true,
                                 &job->written, error);
}

/* True when the file is copied, or an index is built from it. */
static bool is_read(const mv_job *job, const section_file *file)
{
    const mv_schema *schema = job->schema;
    section_file_record record = section_file_describe(file);
    if (job->p.merges) return true;
    for (uint32_t slot = 0; slot < index_slot_count(schema); slot++) {
        bool is_its_own = index_slot_uid(schema, slot) == record.column;
        bool may_be_inside = record.kind == SECTION_FILE_ROWS && slot >= schema->vectors_count;
        if ((is_its_own || may_be_inside) && merge_plan_builds(&job->p, slot)) return true;
    }
    return false;
}

static mv_err verify_group(mv_job *job, mv_error *error)
{
    if (job->check_segment == job->p.end) return begin_writing(job, error);
    const segment *s = job->v->segments[job->check_segment].shared->s;
    bool more = false;
    if (is_read(job, s->files[job->check_file]))
        MV_TRY(section_file_verify_step(s->files[job->check_file], &job->check, &more, error));
    if (more) return MV_OK;
    section_file_check_end(&job->check);
    if (++job->check_file < s->files_count) return MV_OK;
    job->check_file = 0;
    job->check_segment++;
    return MV_OK;
}

static mv_err write_group(mv_job *job, mv_error *error)
{
    bool more = true;
    MV_TRY(segment_writer_step(job->written, &more, error));
    if (more) return MV_OK;
    job->done_bytes += merge_plan_write_cost(&job->p);
    job->stage = JOB_INDEX;
    return MV_OK;
}

static mv_err index_group(mv_job *job, double until, mv_error *error)
{
    bool more = true;
    MV_TRY(index_build_step(job, until, &more, error));
    if (!more) job->stage = JOB_SWAP;
    return MV_OK;
}

/* ---------------------------------------------------------------- swapping */

/* Delete the rows in the new segment that were deleted since the job's view was taken. `old` and
 * `now` are an old segment in the job's view and in the writer's. */
static mv_err carry_deletions(writer *w, const view_segment *old, const view_segment *now,
                              mv_error *error)
{
    const uint64_t *then = old->live ? old->live->bits : NULL,
                   *live = now->live ? now->live->bits : NULL;
    if (!live) return MV_OK;
    for (size_t word = 0; word < bits_words(old->table.rows); word++) {
        uint64_t deleted = (then ? then[word] : UINT64_MAX) & ~live[word];
        for (; deleted; deleted &= deleted - 1) {
            size_t row = word * 64 + MV_LOWEST_BIT(deleted);
            if (row < old->table.rows)
                MV_TRY(writer_mark_deleted(w, old->table.docids[row], error));
        }
    }
    return MV_OK;
}

/* Find a segment of the job's view in another view, which may have it under another schema. */
static const view_segment *find_segment(const view *v, const view_segment *old)
{
    for (uint32_t i = 0; i < v->segments_count; i++)
        if (v->segments[i].shared->s->number == old->shared->s->number) return &v->segments[i];
    return NULL;
}

/* Remove the old segments, enter the new one, and carry over deletions. */
static mv_err swap_segments(mv_job *job, writer *w, const view *before, mv_error *error)
{
    for (uint32_t i = job->p.begin; i < job->p.end; i++)
        MV_TRY(writer_files_drop_segment(w, job->v->segments[i].shared->s->number, error));
    segment_writer *written = job->written;
    job->written = NULL;
    if (written) MV_TRY(writer_files_add_segment(w, written, error));
    MV_TRY(index_build_enter(job, w, error));
    MV_TRY(writer_settle(w, error));
    for (uint32_t i = job->p.begin; i < job->p.end; i++) {
        const view_segment *old = &job->v->segments[i];
        MV_TRY(carry_deletions(w, old, find_segment(before, old), error));
    }
    return MV_OK;
}

static mv_err swap(mv_job *job, writer *w, mv_error *error)
{
    for (uint32_t i = job->p.begin; i < job->p.end; i++) {
        const view_segment *old = &job->v->segments[i];
        if (!find_segment(w->v, old))
            return error_set(error, MV_BUSY,
                             "segment %" PRIu64 " was replaced while it was optimized",
                             old->shared->s->number);
    }
    if (!job->p.merges) return index_build_enter(job, w, error);
    view *before = w->v;
    view_retain(job->e, before); /* settling the writer replaces it */
    mv_err err = swap_segments(job, w, before, error);
    view_release(job->e, before);
    return err;
}

static mv_err swap_group(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    MV_TRY(begin_write(job, &w, error));
    if (!w) return MV_OK;
    if (!schema_compare_has_same_files(job->schema, w->v->schema)) { /* the files do not fit */
        writer_abort(w);
        optimize_abandon_group(job);
        return MV_OK;
    }
    MV_TRY(end_write(job, w, swap(job, w, error), error));
    if (job->p.merges) job->e->work.copied += merge_plan_rows(&job->p);
    job->e->work.inserted += merge_plan_inserted_rows(&job->p);
    index_build_end(job);
    job->gradual.must_clean = true;
    job->stage = job->by_levels && job->gradual.is_on ? JOB_WAIT : JOB_PLAN;
    if (!job->by_levels) return MV_OK;
    view_release(job->e, job->v);
    job->v = NULL;
    return MV_OK;
}

/* ---------------------------------------------------------------- stages */

static mv_err change_index_first(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    MV_TRY(begin_write(job, &w, error));
    if (!w) return MV_OK;
    mv_err err = end_write(job, w, schema_write_index(w, &job->change, error), error);
    if (!err) job->stage = JOB_EXPIRE;
    return err;
}

static mv_err seal(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    MV_TRY(begin_write(job, &w, error));
    if (!w) return MV_OK;
    mv_err err = end_write(job, w, seal_rows(w, NULL, 0, 0, error), error);
    if (!err) job->stage = JOB_PLAN;
    return err;
}

static mv_err enter_packed(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    MV_TRY(begin_write(job, &w, error));
    if (!w) return MV_OK;
    mv_err err = end_write(job, w, pack_enter(job, w, error), error);
    if (!job->pack.written) job->e->work.sealed += job->pack.s.encoded_count;
    pack_end(job);
    job->stage = JOB_COPY;
    return err;
}

mv_err optimize_take_view(mv_job *job, mv_error *error)
{
    snapshot s;
    mv_assert(!job->v);
    MV_TRY(snapshot_open(job->e, &s, error));
    job->v = s.v;
    view_retain(job->e, job->v);
    job->schema = job->v->schema;
    snapshot_close(&s);
    job->p = merge_plan_start(job->v, job->only_indexes);
    job->p.by_levels = job->by_levels;
    if (job->newer_than) job->p = merge_plan_start_newer(job->v, job->newer_than);
    job->total_bytes = job->done_bytes;
    for (merge_plan rehearsal = job->p; merge_plan_next(&rehearsal);) {
        job->total_bytes += merge_plan_write_cost(&rehearsal);
        for (uint32_t slot = 0; slot < index_slot_count(job->schema); slot++)
            job->total_bytes += merge_plan_build_cost(&rehearsal, slot);
    }
    return MV_OK;
}

/* In memory: close the segments that no reader can name any more. The caller has the writers' lock:
 * no other thread enters a segment meanwhile. */
static mv_err drop_replaced(const mv_job *job, const writer *w, bool *more, mv_error *error)
{
    catalog_reader oldest;
    MV_TRY(catalog_oldest_reader(w->e->catalog, &oldest, error));
    if (oldest.commit >= catalog_commit_number(w->txn))
        *more = !view_discard_unused(w->e, w->v, job->until);
    return MV_OK;
}

/* Unlink the replaced files that no reader needs: the begin of a transaction unlinks some, and the
 * stage stays until none is left. Make a commit, if there is no other change, where the next stage
 * needs one. */
static mv_err clean(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    bool wants_commit = false, ends = !job->gradual.is_on || job->gradual.finishes;
    view_release(job->e, job->v);
    job->v = NULL;
    MV_TRY(begin_write(job, &w, error));
    if (!w) return MV_OK;
    bool more = w->leaves_garbage;
    mv_err err = job->e->in_memory ? drop_replaced(job, w, &more, error) : MV_OK;
    if (!err && ends) err = catalog_space_wants_commit(job->e->catalog, &wants_commit, error);
    w->changes += wants_commit;
    err = end_write(job, w, err, error);
    if (err || more) return err;
    job->gradual.must_clean = false;
    job->stage = ends ? JOB_TRIM : JOB_WAIT;
    return MV_OK;
}

/* Give free pages of the catalog back, in a transaction that has taken none of them. */
static mv_err trim_catalog(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    bool more = true;
    mv_err err = MV_OK;
    MV_TRY(begin_write(job, &w, error));
    if (!w) return MV_OK;
    double until = os_seconds() + JOB_SLICE_SECONDS; /* other writers wait */
    if (until > job->until) until = job->until;
    if (!w->changes) /* else a reader has ended: its files were unlinked */
        err = catalog_space_trim(job->e->catalog, until, &job->trim_page, &more, error);
    err = end_write(job, w, err, error);
    if (!err && !more) job->stage = JOB_DONE;
    return err;
}

static mv_err choose_group(mv_job *job, mv_error *error)
{
    if (!job->v) MV_TRY(optimize_take_view(job, error));
    if (merge_plan_next(&job->p))
        begin_group(job);
    else
        job->stage = JOB_CLEAN;
    return MV_OK;
}

/* Are there rows that have expired? */
static mv_err look_for_expired(const mv_job *job, bool *found, mv_error *error)
{
    snapshot s;
    MV_TRY(snapshot_open(job->e, &s, error));
    *found = s.v->expired || snapshot_fresh_expired(&s) != INT64_MIN;
    snapshot_close(&s);
    return MV_OK;
}

/* Remove expired rows, so that merging leaves them out. If there are none, the step seals. */
static mv_err expire(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    bool found;
    uint64_t removed = 0;
    MV_TRY(look_for_expired(job, &found, error));
    if (!found) {
        job->stage = job->gradual.is_on ? JOB_WAIT : job->seals ? JOB_SEAL : JOB_PLAN;
        return job->stage == JOB_SEAL ? seal(job, error) : MV_OK;
    }
    MV_TRY(begin_write(job, &w, error));
    if (!w) return MV_OK;
    uint64_t most = job->gradual.is_on ? EXPIRED_PER_STEP : EXPIRED_PER_COMMIT;
    return end_write(job, w, retention_expire(w, most, &removed, error), error);
}

static mv_err work_on_group(mv_job *job, double until, mv_error *error)
{
    switch (job->stage) {
    case JOB_COPY: return pack_copy(job, error);
    case JOB_PACK: return pack_write(job, error);
    case JOB_ENTER: return enter_packed(job, error);
    case JOB_VERIFY: return verify_group(job, error);
    case JOB_WRITE: return write_group(job, error);
    case JOB_INDEX: return index_group(job, until, error);
    default: return swap_group(job, error);
    }
}

mv_err optimize_work(mv_job *job, double until, mv_error *error)
{
    mv_err err;
    mv_assert(job->has_turn);
    mv_assert(job->is_alone);
    job->until = until;
    switch (job->stage) {
    case JOB_CHANGE: return change_index_first(job, error);
    case JOB_EXPIRE: return expire(job, error);
    case JOB_SEAL: return seal(job, error);
    case JOB_WAIT: return gradual_look(job, error);
    case JOB_PLAN: return choose_group(job, error);
    case JOB_CLEAN: return clean(job, error);
    case JOB_TRIM: return trim_catalog(job, error);
    case JOB_DONE: return MV_OK;
    default:
        mv_assert(job->v || job->stage < JOB_PLAN); /* I13 */
        if ((err = work_on_group(job, until, error))) optimize_abandon_group(job);
        return err;
    }
}

/* ---------------------------------------------------------------- progress */

static const char *stage_name(const mv_job *job)
{
    if (job->has_turn && !job->is_alone) return "wait";
    switch (job->stage) {
    case JOB_CHANGE:
    case JOB_EXPIRE:
    case JOB_SEAL:
    case JOB_COPY:
    case JOB_PACK:
    case JOB_ENTER: return "seal";
    case JOB_WAIT: return "wait";
    case JOB_INDEX: return "index";
    case JOB_DONE: return "done";
    default: return "merge";
    }
}

mv_progress optimize_progress(mv_job *job)
{
    uint64_t done = job->done_bytes;
    if (job->stage == JOB_WRITE && job->written) {
        uint64_t written = segment_writer_bytes(job->written), all = merge_plan_write_cost(&job->p);
        done += written < all ? written : all;
    }
    if (job->stage == JOB_INDEX) done += index_build_done(job);
    if (done > job->total_bytes || job->stage == JOB_DONE) done = job->total_bytes;
    if (done > job->shown_bytes) job->shown_bytes = done;
    return (mv_progress){job->shown_bytes, job->total_bytes, stage_name(job)};
}
