/* The rows of a merged segment: those of the group's segments that are not deleted, by docid (I4).
 * The job has the position of the last row that was asked for. */
#include <inttypes.h>

#include "job/job.h"

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

/* Go to row `row` of the new segment, and return its old segment. The writer asks for rows in
 * ascending order, once for each column: a lower row begins from the start of the group. */
static const view_segment *seek(mv_job *job, uint32_t row)
{
    mv_assert(row < job->source.rows);
    if (row < job->at_live || (row == 0 && job->at_live == 0)) {
        job->at_segment = job->p.begin;
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
    return segment_read_cell(&s->table, job->schema, field, job->at_row, out, error);
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

segment_source merge_source(mv_job *job)
{
    return (segment_source){
        job, (uint32_t)merge_plan_rows(&job->p), merge_docid, merge_id, merge_cell, merge_vector};
}
