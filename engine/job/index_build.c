/* Building the indexes of a segment before the segment is entered in the catalog, so that no commit
 * has a large segment without its indexes.
 *
 * The indexes are built one after the other, so that one builder's memory is needed at a time:
 *
 *   stage        what a step does                next, by the function that makes it
 *   NEXT         find the next slot to build     VERIFY_BASE: begin_next
 *                                                the end, if there is none: begin_next
 *   VERIFY_BASE  a piece of a base's checksum    ROWS: begin_building
 *   ROWS         a step of the builder           WRITE: begin_index_file
 *   WRITE        a piece of the file             NEXT: finish_file
 *
 * A failure in any stage abandons the group (job.h), and index_build_end frees everything.
 *
 * A builder may start from indexes that are there (bases, see index_type.can_extend). A graph has
 * one at most: that of a segment which makes up at least half of the new one, and has kept at least
 * half of its rows (merge_plan_may_extend). It copies the links of its base and inserts only the
 * other rows. A text index merges the lists of all segments that have one. The checksums of bases
 * are verified first: damage must not be copied under a new checksum. A damaged base is marked, and
 * the bases are chosen again. */
#include "job/job.h"
#include "transaction/writer_files.h"

#define WRITE_BYTES ((size_t)512 << 10) /* written in a step: 0.2 ms in memory */

uint32_t index_build_count(const mv_job *job)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < index_slot_count(job->schema); slot++)
        count += merge_plan_builds(&job->p, slot);
    return count;
}

mv_err index_build_begin(mv_job *job, uint64_t first_number, mv_error *error)
{
    job_build *b = &job->build;
    size_t size = index_slot_count(job->schema) * sizeof *b->indexes;
    mv_assert(!b->indexes); /* I13: the last group ended by index_build_end */
    *b = (job_build){.next_number = first_number};
    if (!(b->indexes = mem_alloc_zero(size))) return error_memory(error, size, "indexes");
    return MV_OK;
}

/* ---------------------------------------------------------------- bases */

static size_t rows_size(const shared_index *x)
{
    return x->of->s->table.rows * sizeof(uint32_t);
}

static bool is_fit_as_base(const mv_job *job, const shared_index *x)
{
    const job_build *b = &job->build;
    return shared_index_is_usable(x) && x->number >= index_slot_since(job->schema, b->slot) &&
           b->type->can_extend(x->opened, index_slot_options(job->schema, b->slot));
}

static bool can_have_bases(const mv_job *job)
{
    const job_build *b = &job->build;
    if (!b->type->can_extend) return false;
    /* A graph over a field of several vectors: its rows are vectors, not rows of the segment. */
    return b->type->merges_all || b->slot < job->schema->vectors_count;
}

/* Leave one base: that of the segment with the most rows, if it may be extended. */
static void keep_largest(mv_job *job)
{
    job_build *b = &job->build;
    uint64_t most = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->bases_count; i++) {
        const view_segment *s = &job->v->segments[b->bases[i].at];
        uint64_t rows = view_live_rows(s);
        if (rows <= most || !merge_plan_may_extend(&job->p, s)) continue;
        most = rows;
        kept = 1;
        b->bases[0] = b->bases[i];
    }
    b->bases_count = kept;
}

static mv_err choose_bases(mv_job *job, mv_error *error)
{
    job_build *b = &job->build;
    b->bases_count = b->base_at = 0;
    for (uint32_t i = job->p.begin; i < job->p.end && can_have_bases(job); i++) {
        shared_index *x = job->v->segments[i].indexes[b->slot];
        if (!is_fit_as_base(job, x)) continue;
        job_base *bases = mem_grow(b->bases, &b->bases_capacity, b->bases_count, sizeof *b->bases);
        if (!bases) return error_memory(error, sizeof *bases, "indexes");
        b->bases = bases;
        b->bases[b->bases_count++] = (job_base){.index = x, .at = i};
    }
    if (!b->type->merges_all) keep_largest(job);
    return MV_OK;
}

/* Find the row in the new segment of each row of a base. */
static mv_err map_base(mv_job *job, job_base *base, index_base *out, mv_error *error)
{
    const view_segment *s = &job->v->segments[base->at];
    uint32_t row_now = 0;
    if (!(base->rows = mem_alloc(rows_size(base->index))))
        return error_memory(error, rows_size(base->index), "the rows of an index");
    for (uint32_t i = job->p.begin; i < base->at; i++)
        row_now += (uint32_t)view_live_rows(&job->v->segments[i]);
    *out = (index_base){.opened = base->index->opened, .rows = base->rows, .first = row_now};
    for (uint32_t row = 0; row < s->table.rows; row++)
        base->rows[row] = view_is_live(s, row) ? row_now++ : INDEX_ROW_DELETED;
    out->end = row_now;
    mv_assert(row_now <= job->build.over->table.rows); /* I14 */
    return MV_OK;
}

static mv_err map_bases(mv_job *job, mv_error *error)
{
    job_build *b = &job->build;
    size_t size = b->bases_count * sizeof *b->lent;
    if (!b->bases_count) return MV_OK;
    if (!(b->lent = mem_alloc(size))) return error_memory(error, size, "indexes");
    for (uint32_t i = 0; i < b->bases_count; i++)
        MV_TRY(map_base(job, &b->bases[i], &b->lent[i], error));
    return MV_OK;
}

static void free_bases(job_build *b)
{
    for (uint32_t i = 0; i < b->bases_count; i++)
        mem_free(b->bases[i].rows, rows_size(b->bases[i].index));
    mem_free(b->lent, b->bases_count * sizeof *b->lent);
    mem_free(b->bases, b->bases_capacity * sizeof *b->bases);
    b->lent = NULL;
    b->bases = NULL;
    b->bases_count = b->bases_capacity = 0;
}

/* ---------------------------------------------------------------- one index */

/* Free what belongs to the index being built; finished ones stay. */
static void end_one(job_build *b)
{
    if (b->builder) b->type->build_free(b->builder);
    b->builder = NULL;
    section_file_check_end(&b->check);
    free_bases(b);
    section_writer_free(b->file); /* unfinished: removed */
    b->file = NULL;
}

static mv_err open_built(mv_job *job, mv_error *error)
{
    job_build *b = &job->build;
    b->over = b->built;
    if (b->over) return MV_OK;
    if (job->p.merges) {
        segment_paths paths = {.paths = segment_writer_paths(job->written)};
        MV_TRY(segment_open(job->schema, segment_writer_record(job->written), &paths, &b->built,
                            error));
        b->over = b->built;
    } else {
        b->over = job->v->segments[job->p.begin].shared->s;
    }
    return MV_OK;
}

static mv_err begin_next(mv_job *job, bool *more, mv_error *error)
{
    job_build *b = &job->build;
    const mv_schema *schema = job->schema;
    while (b->slot < index_slot_count(schema) && !merge_plan_builds(&job->p, b->slot)) b->slot++;
    *more = b->slot < index_slot_count(schema);
    if (!*more) return MV_OK;
    MV_TRY(open_built(job, error));
    b->type = index_slot_type(schema, b->slot);
    b->source = shared_index_source(schema, b->over, b->slot);
    MV_TRY(choose_bases(job, error));
    b->stage = INDEX_BUILD_VERIFY_BASE;
    return MV_OK;
}

static mv_err begin_building(mv_job *job, mv_error *error)
{
    job_build *b = &job->build;
    mv_assert(!b->builder);
    mv_assert(b->over->table.rows > 0);
    MV_TRY(map_bases(job, error));
    index_request request = {.source = &b->source,
                             .options = index_slot_options(job->schema, b->slot),
                             .bases = b->lent,
                             .bases_count = b->bases_count,
                             .threads = job->threads};
    MV_TRY(b->type->build_begin(&request, &b->builder, error));
    b->stage = INDEX_BUILD_ROWS;
    return MV_OK;
}

static mv_err verify_base(mv_job *job, mv_error *error)
{
    job_build *b = &job->build;
    bool more = false;
    mv_error why;
    if (b->base_at == b->bases_count) return begin_building(job, error);
    shared_index *x = b->bases[b->base_at].index;
    mv_err err = section_file_verify_step(x->file, &b->check, &more, &why);
    if (err == MV_CORRUPT) {
        shared_index_note_damage(job->e, x, &why);
        section_file_check_end(&b->check);
        return choose_bases(job, error);
    }
    if (err) return error_set(error, err, "%s", why.text);
    if (more) return MV_OK;
    section_file_check_end(&b->check);
    b->base_at++;
    return MV_OK;
}

/* ---------------------------------------------------------------- the file */

static mv_err begin_index_file(mv_job *job, mv_error *error)
{
    job_build *b = &job->build;
    section_file_record record = {.kind = b->type->kind->file_kind,
                                  .column = index_slot_uid(job->schema, b->slot)};
    char name[SEGMENT_FILE_NAME_SIZE];
    mv_assert(!b->file);
    b->parts_count = b->type->build_parts(b->builder, b->parts);
    mv_assert(b->parts_count > 0);
    mv_assert(b->parts_count <= INDEX_PARTS_MAX);
    b->part_at = 0;
    b->part_offset = 0;
    segment_file_name(b->next_number, &record, name);
    MV_TRY(section_writer_create(engine_directory(job->e), name, (section_file_kind)record.kind,
                                 record.column, b->next_number, b->over->table.rows, &b->file,
                                 error));
    section_writer_write_behind(b->file);
    b->stage = INDEX_BUILD_WRITE;
    return MV_OK;
}

static mv_err build_rows(mv_job *job, double until, mv_error *error)
{
    bool more = true;
    MV_TRY(job->build.type->build_step(job->build.builder, until, &more, error));
    return more ? MV_OK : begin_index_file(job, error);
}

static mv_err finish_file(mv_job *job, mv_error *error)
{
    job_build *b = &job->build;
    job_index *made = &b->indexes[b->slot];
    mv_assert(b->part_at == b->parts_count);
    mv_assert(!made->file);
    made->record = (index_record){.number = b->next_number++, .segment = b->over->number};
    MV_TRY(section_writer_finish(b->file, true, &made->record.file, error));
    made->file = b->file;
    b->file = NULL;
    end_one(b);
    job->done_bytes += merge_plan_build_cost(&job->p, b->slot);
    b->slot++;
    b->stage = INDEX_BUILD_NEXT;
    return MV_OK;
}

static mv_err write_piece(mv_job *job, mv_error *error)
{
    job_build *b = &job->build;
    if (b->part_at == b->parts_count) return finish_file(job, error);
    const index_part *part = &b->parts[b->part_at];
    section_kind kind = (section_kind)(b->type->kind->sections_first + part->kind);
    if (!b->part_offset) MV_TRY(section_writer_begin(b->file, kind, part->level, error));
    uint64_t left = part->size - b->part_offset;
    size_t size = left < WRITE_BYTES ? (size_t)left : WRITE_BYTES;
    if (size)
        MV_TRY(section_writer_add(b->file, (const uint8_t *)part->bytes + b->part_offset, size,
                                  error));
    b->part_offset += size;
    if (b->part_offset < part->size) return MV_OK;
    b->part_at++;
    b->part_offset = 0;
    return MV_OK;
}

mv_err index_build_step(mv_job *job, double until, bool *more, mv_error *error)
{
    *more = true;
    switch (job->build.stage) {
    case INDEX_BUILD_NEXT: return begin_next(job, more, error);
    case INDEX_BUILD_VERIFY_BASE: return verify_base(job, error);
    case INDEX_BUILD_ROWS: return build_rows(job, until, error);
    case INDEX_BUILD_WRITE: return write_piece(job, error);
    }
    return MV_OK;
}

uint64_t index_build_done(const mv_job *job)
{
    const job_build *b = &job->build;
    uint64_t done = 0, total = 1;
    if (!b->builder) return 0; /* between two indexes */
    b->type->build_progress(b->builder, &done, &total);
    mv_assert(done <= total);
    double fraction = total ? (double)done / (double)total : 0;
    return (uint64_t)(fraction * (double)merge_plan_build_cost(&job->p, b->slot));
}

/* ---------------------------------------------------------------- what was built */

mv_err index_build_enter(mv_job *job, writer *w, mv_error *error)
{
    job_build *b = &job->build;
    for (uint32_t slot = 0; b->indexes && slot < index_slot_count(job->schema); slot++) {
        section_writer *file = b->indexes[slot].file;
        if (!file) continue;
        b->indexes[slot].file = NULL;
        MV_TRY(writer_files_add_index(w, &b->indexes[slot].record, file, error));
    }
    return MV_OK;
}

void index_build_end(mv_job *job)
{
    job_build *b = &job->build;
    uint32_t slots = b->indexes ? index_slot_count(job->schema) : 0;
    end_one(b);
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (!b->indexes[slot].file) continue;
        section_writer_undo(b->indexes[slot].file);
        section_writer_free(b->indexes[slot].file);
    }
    mem_free(b->indexes, slots * sizeof *b->indexes);
    segment_close(b->built, NULL);
    *b = (job_build){0};
}
