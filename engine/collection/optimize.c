/* Optimizing: seal what is fresh, then merge neighbouring segments and drop deleted rows.
 *
 * Merging happens outside any write transaction, from the mapped old segments into new files, in
 * small steps; readers and writers go on. A short transaction then swaps the new segment in and
 * carries over the deletions that came meanwhile.
 *
 * What is merged: going from the newest segment to older ones, a segment joins the group while it
 * has at most four times the rows gathered so far, so that a large segment is copied only when a
 * good part of it is new; small segments always join. A group is worth writing when it joins
 * segments, or when deletions are many in it or copying it is cheap. */
#include <inttypes.h>
#include <string.h>

#include "collection/collection.h"

#define MERGE_RATIO        4u          /* how much larger an older segment may be to join */
#define MERGE_ALWAYS_BYTES (64u << 20) /* segments up to this are cheap to copy */
#define MERGE_DELETED_PART 20u         /* one row in so many deleted: worth a copy */

typedef enum job_stage { JOB_SEAL, JOB_PLAN, JOB_WRITE, JOB_SWAP, JOB_CLEAN, JOB_DONE } job_stage;

struct mv_job {
    engine *e;
    uint64_t fork_generation;
    bool sync;
    os_file lock;  /* exclusive, on the directory */
    bool has_flag; /* e->is_optimized is ours */
    job_stage stage;
    view *v;              /* what is being merged */
    uint32_t before;      /* segments [0, before) are still to be looked at */
    uint32_t group_begin; /* the group in hand: segments [begin, end) */
    uint32_t group_end;
    segment_writer *written; /* the new segment, or NULL when no row is left */
    segment_source source;
    uint32_t at_segment; /* where the source's walk is: a row and its number among the live ones */
    uint32_t at_row;
    uint32_t at_live;
    uint64_t done_bytes;
    uint64_t total_bytes;
};

/* ---------------------------------------------------------------- planning */

static uint64_t row_bytes(const mv_schema *schema)
{
    uint64_t bytes = 0;
    for (uint32_t v = 0; v < schema->vectors_count; v++) bytes += schema->vectors[v].size;
    return bytes + 16 * ((uint64_t)schema->fields_count + 1);
}

static uint64_t live_rows(const view_segment *s)
{
    return s->table.rows - (s->live ? s->live->deleted : 0);
}

static bool is_cheap(const mv_job *job, uint64_t rows)
{
    return rows * row_bytes(job->e->schema) <= MERGE_ALWAYS_BYTES;
}

static bool is_worn(const mv_job *job, const view_segment *s)
{
    uint64_t deleted = s->live ? s->live->deleted : 0;
    return deleted &&
           (deleted * MERGE_DELETED_PART >= s->table.rows || is_cheap(job, s->table.rows));
}

/* Find the next group, from newer to older. False: nothing is left to merge. */
static bool plan_group(mv_job *job)
{
    while (job->before) {
        uint32_t end = job->before, begin = end - 1;
        uint64_t rows = live_rows(&job->v->segments[begin]);
        while (begin) {
            const view_segment *older = &job->v->segments[begin - 1];
            uint64_t older_rows = live_rows(older);
            if (older_rows > rows * MERGE_RATIO && !is_cheap(job, older_rows)) break;
            if (older_rows + rows > SEGMENT_ROWS_MAX) break;
            rows += older_rows;
            begin--;
        }
        job->before = begin;
        job->group_begin = begin;
        job->group_end = end;
        if (end - begin > 1 || is_worn(job, &job->v->segments[begin])) return true;
    }
    return false;
}

static uint64_t group_rows(const mv_job *job)
{
    uint64_t rows = 0;
    for (uint32_t i = job->group_begin; i < job->group_end; i++)
        rows += live_rows(&job->v->segments[i]);
    return rows;
}

/* ---------------------------------------------------------------- the source: live rows of the
 * group */

static bool is_live_at(const mv_job *job)
{
    return view_is_live(&job->v->segments[job->at_segment], job->at_row);
}

static void step_row(mv_job *job)
{
    if (++job->at_row < job->v->segments[job->at_segment].table.rows) return;
    job->at_row = 0;
    job->at_segment++;
}

/* Bring the walk to live row `row`. The writer asks in ascending order, over and over. */
static const view_segment *seek(mv_job *job, uint32_t row)
{
    if (row < job->at_live || (row == 0 && job->at_live == 0)) {
        job->at_segment = job->group_begin;
        job->at_row = 0;
        job->at_live = 0;
        while (!is_live_at(job)) step_row(job);
    }
    while (job->at_live < row) {
        do step_row(job);
        while (!is_live_at(job));
        job->at_live++;
    }
    return &job->v->segments[job->at_segment];
}

static uint64_t merge_docid(void *ctx, uint32_t row)
{
    mv_job *job = ctx;
    return seek(job, row)->table.docids[job->at_row];
}

static mv_err merge_id(void *ctx, uint32_t row, const uint8_t **id, uint32_t *size, mv_error *error)
{
    mv_job *job = ctx;
    uint64_t long_size;
    const view_segment *s = seek(job, row);
    if (!table_cell(&s->table.ids, job->at_row, id, &long_size) || long_size > MV_ID_SIZE_MAX)
        return error_set(error, MV_CORRUPT, "segment %" PRIu64 ": the id of row %u is damaged",
                         s->shared->s->number, job->at_row);
    *size = (uint32_t)long_size;
    return MV_OK;
}

static mv_err merge_cell(void *ctx, uint32_t row, uint32_t field, cell *out, mv_error *error)
{
    mv_job *job = ctx;
    const view_segment *s = seek(job, row);
    return segment_read_cell(&s->table, job->e->schema, field, job->at_row, out, error);
}

static mv_err merge_vector(void *ctx, uint32_t row, uint32_t vector_field, const uint8_t **elements,
                           float *inverse_norm, mv_error *error)
{
    mv_job *job = ctx;
    (void)error;
    const table_vectors *vectors = &seek(job, row)->table.vectors[vector_field];
    *elements = vectors->base + (size_t)job->at_row * vectors->stride;
    *inverse_norm = vectors->inverse_norms ? vectors->inverse_norms[job->at_row] : 0;
    return MV_OK;
}

/* ---------------------------------------------------------------- writing and swapping */

/* Damage must not be copied under a fresh checksum. */
static mv_err verify_group(const mv_job *job, mv_error *error)
{
    for (uint32_t i = job->group_begin; i < job->group_end; i++) {
        const segment *s = job->v->segments[i].shared->s;
        for (uint32_t file = 0; file < s->files_count; file++)
            MV_TRY(section_file_verify(s->files[file], error));
    }
    return MV_OK;
}

static mv_err reserve_number(mv_job *job, uint64_t *number, mv_error *error)
{
    writer *w = NULL;
    MV_TRY(writer_begin(job->e, job->sync, false, &w, error));
    *number = w->state.next_segment++;
    w->changes++;
    return writer_commit(w, error);
}

/* Give up the group in hand: the next step looks at the collection anew. */
static void start_over(mv_job *job)
{
    if (job->written) segment_writer_undo(job->written);
    segment_writer_free(job->written);
    job->written = NULL;
    view_close(job->e, job->v);
    job->v = NULL;
    job->stage = JOB_PLAN;
}

static mv_err begin_writing(mv_job *job, uint64_t rows, mv_error *error)
{
    uint64_t number = 0;
    MV_TRY(verify_group(job, error));
    MV_TRY(reserve_number(job, &number, error));
    job->source =
        (segment_source){job, (uint32_t)rows, merge_docid, merge_id, merge_cell, merge_vector};
    return segment_writer_create(engine_directory(job->e), number, job->e->schema, &job->source,
                                 job->sync, &job->written, error);
}

static mv_err begin_group(mv_job *job, mv_error *error)
{
    uint64_t rows = group_rows(job);
    mv_err err = rows ? begin_writing(job, rows, error) : MV_OK;
    if (err)
        start_over(job);
    else
        job->stage = rows ? JOB_WRITE : JOB_SWAP;
    return err;
}

static mv_err write_group(mv_job *job, mv_error *error)
{
    bool more = true;
    mv_err err = segment_writer_step(job->written, &more, error);
    if (err) start_over(job);
    if (err || more) return err;
    job->done_bytes += group_rows(job) * row_bytes(job->e->schema);
    job->stage = JOB_SWAP;
    return MV_OK;
}

/* Rows deleted since the view was taken: delete them in the new segment too. The segment's position
 * in the writer's view is `now`. */
static mv_err carry_deletions(writer *w, const view_segment *old, const view_segment *now,
                              mv_error *error)
{
    const uint64_t *then = old->table.live, *live = now->table.live;
    if (!live) return MV_OK;
    for (size_t word = 0; word < bits_words(old->table.rows); word++) {
        uint64_t gone = (then ? then[word] : UINT64_MAX) & ~live[word];
        for (; gone; gone &= gone - 1) {
            size_t row = word * 64 + MV_LOWEST_BIT(gone);
            if (row < old->table.rows)
                MV_TRY(writer_mark_deleted(w, old->table.docids[row], error));
        }
    }
    return MV_OK;
}

static const view_segment *find_segment(const view *v, const engine_segment *shared)
{
    for (uint32_t i = 0; i < v->segments_count; i++)
        if (v->segments[i].shared == shared) return &v->segments[i];
    return NULL;
}

/* In one transaction: the old segments out, the new one in, newer deletions carried over. */
static mv_err swap(mv_job *job, writer *w, mv_error *error)
{
    view *before = w->v;
    view_keep(job->e, before); /* entering the new segment replaces it */
    mv_err err = MV_OK;
    for (uint32_t i = job->group_begin; i < job->group_end && !err; i++) {
        const engine_segment *shared = job->v->segments[i].shared;
        if (!find_segment(before, shared))
            err = error_set(error, MV_BUSY, "segment %" PRIu64 " was replaced meanwhile",
                            shared->s->number);
        else
            err = writer_drop_segment(w, shared->s->number, error);
    }
    if (!err && job->written) {
        segment_writer *written = job->written;
        job->written = NULL;
        err = writer_enter_segment(w, written, error);
    }
    if (!err) err = writer_settle(w, error);
    for (uint32_t i = job->group_begin; i < job->group_end && !err; i++) {
        const view_segment *old = &job->v->segments[i];
        err = carry_deletions(w, old, find_segment(before, old->shared), error);
    }
    view_close(job->e, before);
    return err;
}

static mv_err swap_group(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    MV_TRY(writer_begin(job->e, job->sync, false, &w, error));
    mv_err err = swap(job, w, error);
    if (err)
        writer_abort(w);
    else
        err = writer_commit(w, error);
    if (err)
        start_over(job);
    else
        job->stage = JOB_PLAN;
    return err;
}

/* ---------------------------------------------------------------- stages */

static mv_err seal(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    MV_TRY(writer_begin(job->e, job->sync, false, &w, error));
    mv_err err = writer_seal(w, NULL, 0, 0, error);
    if (err)
        writer_abort(w);
    else
        err = writer_commit(w, error);
    if (!err) job->stage = JOB_PLAN;
    return err;
}

/* See the last commit, once the seal is in it. */
static mv_err look(mv_job *job, mv_error *error)
{
    snapshot s;
    MV_TRY(snapshot_open(job->e, &s, error));
    job->v = s.v;
    view_keep(job->e, job->v);
    snapshot_close(&s);
    job->before = job->v->segments_count;
    job->total_bytes = job->done_bytes;
    mv_job rehearsal = *job;
    while (plan_group(&rehearsal))
        job->total_bytes += group_rows(&rehearsal) * row_bytes(job->e->schema);
    return MV_OK;
}

/* In memory: let go of segments that no reader can name any more. Only with the writers' lock,
 * which keeps others from entering new ones. */
static mv_err drop_replaced(const writer *w, mv_error *error)
{
    uint64_t oldest;
    MV_TRY(catalog_oldest_reader(w->e->catalog, &oldest, error));
    if (oldest >= catalog_commit_number(w->txn)) view_drop_others(w->e, w->v);
    return MV_OK;
}

/* Unlink what was replaced, as far as no reader holds it: beginning to write does that. */
static mv_err clean(mv_job *job, mv_error *error)
{
    writer *w = NULL;
    view_close(job->e, job->v);
    job->v = NULL;
    MV_TRY(writer_begin(job->e, job->sync, false, &w, error));
    mv_err err = job->e->in_memory ? drop_replaced(w, error) : MV_OK;
    if (err)
        writer_abort(w);
    else
        err = writer_commit(w, error);
    if (!err) job->stage = JOB_DONE;
    return err;
}

/* One small step. A failure leaves a job that may be stepped again. */
static mv_err work(mv_job *job, mv_error *error)
{
    switch (job->stage) {
    case JOB_SEAL: return seal(job, error);
    case JOB_PLAN:
        if (!job->v) MV_TRY(look(job, error));
        if (plan_group(job)) return begin_group(job, error);
        job->stage = JOB_CLEAN;
        return MV_OK;
    case JOB_WRITE: return write_group(job, error);
    case JOB_SWAP: return swap_group(job, error);
    case JOB_CLEAN: return clean(job, error);
    case JOB_DONE: break;
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- the public job */

static mv_err take_turn(mv_job *job, mv_error *error)
{
    bool got = true;
    os_mutex_lock(job->e->mutex);
    job->has_flag = !job->e->is_optimized;
    job->e->is_optimized = true;
    os_mutex_unlock(job->e->mutex);
    if (job->has_flag && !job->e->in_memory) {
        MV_TRY(os_open_directory(job->e->path, &job->lock, error));
        MV_TRY(os_try_lock(job->lock, &got, job->e->path, error));
    }
    return job->has_flag && got
               ? MV_OK
               : error_set(error, MV_BUSY, "the collection is being optimized already");
}

mv_err mv_optimize_begin(mv_collection *c, mv_job **out, mv_error *error)
{
    engine *e = NULL;
    *out = NULL;
    MV_TRY(collection_engine(c, &e, error));
    if (c->read_only) return error_set(error, MV_READ_ONLY, "'%s' was opened read_only", c->path);
    if (collection_transaction(c))
        return error_set(error, MV_MISUSE, "a transaction is open");
    mv_job *job = mem_alloc_zero(sizeof *job);
    if (!job) return error_memory(error, sizeof *job, "a job");
    job->e = e;
    job->lock = OS_FILE_NONE;
    job->fork_generation = os_fork_generation();
    job->sync = c->durability == MV_DURABILITY_FULL;
    if (!job->sync) c->owes_sync = true;
    registry_keep(e);
    mv_err err = take_turn(job, error);
    if (err)
        mv_job_free(job);
    else
        *out = job;
    return err;
}

static const char *stage_name(job_stage stage)
{
    if (stage == JOB_SEAL) return "seal";
    return stage == JOB_DONE ? "done" : "merge";
}

mv_err mv_optimize_step(mv_job *job, double budget_ms, bool *more, mv_progress *progress,
                        mv_error *error)
{
    mv_err err = MV_OK;
    double until = os_seconds() + budget_ms / 1000;
    if (job->fork_generation != os_fork_generation())
        return error_set(error, MV_BUSY, "the job is from before the process forked");
    do err = work(job, error);
    while (!err && job->stage != JOB_DONE && os_seconds() < until);
    *more = job->stage != JOB_DONE;
    uint64_t writing = job->written ? segment_writer_bytes(job->written) : 0;
    uint64_t done = job->done_bytes + writing;
    *progress = (mv_progress){done < job->total_bytes && *more ? done : job->total_bytes,
                              job->total_bytes, stage_name(job->stage)};
    return err;
}

void mv_job_free(mv_job *job)
{
    if (!job) return;
    if (job->fork_generation == os_fork_generation()) {
        start_over(job);
        os_mutex_lock(job->e->mutex);
        if (job->has_flag) job->e->is_optimized = false;
        os_mutex_unlock(job->e->mutex);
        os_unlock(job->lock);
    }
    os_close(job->lock);
    registry_release(job->e);
    mem_free(job, sizeof *job);
}
