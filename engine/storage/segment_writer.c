/* Writing segments: one section after the other, each in a walk over all rows of the source. So a
 * segment of any size needs one buffer for each file. The walks are cut into steps for callers with
 * a time budget: the state between steps is the current walk and its next row. */
#include <string.h>

#include "storage/segment.h"

/* A step ends after this many bytes, which are written into memory in 0.2 ms, */
#define SEGMENT_STEP_BYTES (512u << 10)
#define STEP_ROWS          8192u /* or after this many rows, in columns of few bytes; chosen */

typedef enum walk_kind {
    WALK_DOCIDS,
    WALK_ID_ENDS,
    WALK_ID_BYTES,
    WALK_NULLS,
    WALK_VALUES,
    WALK_ZONES,
    WALK_ENDS,
    WALK_BYTES,
    WALK_VECTORS,
    WALK_NORMS
} walk_kind;

/* A section to write. */
typedef struct walk_plan {
    walk_kind kind;
    uint32_t field; /* position among scalar or vector fields */
    uint32_t file;  /* 0: the rows; else the position of the vector field + 1 */
} walk_plan;

struct segment_writer {
    const mv_schema *schema;
    segment_source source;
    segment_record record;
    bool sync;
    section_writer **files;
    const char **paths;
    walk_plan *walks;
    uint32_t walks_count;
    uint32_t walks_capacity;
    uint32_t at;         /* the current walk */
    uint32_t next_row;   /* its next row */
    uint64_t end;        /* in walks over variable cells: the end of the last one */
    uint64_t null_word;  /* in walks over NULLs: the word being filled */
    table_zone zone;     /* in walks over zones: the zone being filled */
    uint32_t files_done; /* files finished */
};

static void plan_walk(segment_writer *w, walk_kind kind, uint32_t field, uint32_t file)
{
    mv_assert(w->walks_count < w->walks_capacity);
    mv_assert(file < w->record.files_count);
    w->walks[w->walks_count++] = (walk_plan){kind, field, file};
}

static void plan(segment_writer *w)
{
    plan_walk(w, WALK_DOCIDS, 0, 0);
    plan_walk(w, WALK_ID_ENDS, 0, 0);
    plan_walk(w, WALK_ID_BYTES, 0, 0);
    for (uint32_t f = 0; f < w->schema->fields_count; f++) {
        bool variable = cell_is_variable(w->schema->fields[f].type);
        if (w->schema->fields[f].nullable) plan_walk(w, WALK_NULLS, f, 0);
        plan_walk(w, variable ? WALK_ENDS : WALK_VALUES, f, 0);
        plan_walk(w, variable ? WALK_BYTES : WALK_ZONES, f, 0);
    }
    for (uint32_t v = 0; v < w->schema->vectors_count; v++) {
        plan_walk(w, WALK_VECTORS, v, v + 1);
        if (metric_has_norms(w->schema->vectors[v].metric)) plan_walk(w, WALK_NORMS, v, v + 1);
    }
}

mv_err segment_writer_create(const char *directory, uint64_t number, const mv_schema *schema,
                             const segment_source *source, bool sync, segment_writer **out,
                             mv_error *error)
{
    mv_err err = MV_OK;
    uint32_t files_count = schema->vectors_count + 1;
    mv_assert(source->rows >= 1 && source->rows <= SEGMENT_ROWS_MAX);
    segment_writer *w = mem_alloc_zero(sizeof *w);
    if (!w) return error_memory(error, sizeof *w, "a segment");
    w->schema = schema;
    w->source = *source;
    w->sync = sync;
    w->record =
        (segment_record){.number = number, .rows = source->rows, .files_count = files_count};
    w->record.first_docid = source->docid(source->ctx, 0);
    w->record.last_docid = source->docid(source->ctx, source->rows - 1);
    mv_assert(w->record.first_docid <= w->record.last_docid); /* I4 */
    w->walks_capacity = 3 + 3 * schema->fields_count + 2 * schema->vectors_count;
    w->walks = mem_alloc(w->walks_capacity * sizeof *w->walks);
    w->files = mem_alloc_zero(files_count * sizeof *w->files);
    w->paths = mem_alloc_zero(files_count * sizeof *w->paths);
    w->record.files = mem_alloc_zero(files_count * sizeof *w->record.files);
    if (!w->walks || !w->files || !w->paths || !w->record.files) {
        err = error_memory(error, w->walks_capacity * sizeof *w->walks, "a segment");
        goto done;
    }
    plan(w);
    for (uint32_t file = 0; file < files_count; file++) {
        section_file_record r = {.kind = file ? SECTION_FILE_VECTORS : SECTION_FILE_ROWS,
                                 .column = file ? schema->vectors[file - 1].uid : 0};
        char name[SEGMENT_FILE_NAME_SIZE];
        segment_file_name(number, &r, name);
        err = section_writer_create(directory, name, (section_file_kind)r.kind, r.column, number,
                                    source->rows, &w->files[file], error);
        if (err) goto done;
        w->paths[file] = section_writer_path(w->files[file]);
        if (sync) section_writer_write_behind(w->files[file]);
    }
    *out = w;
    w = NULL;
done:
    segment_writer_free(w);
    return err;
}

/* ---------------------------------------------------------------- one row of each kind of section
 */

static mv_err write_null_bit(segment_writer *w, section_writer *file, const cell *c, uint32_t row,
                             mv_error *error)
{
    if (c->state == CELL_NULL) w->null_word |= (uint64_t)1 << (row % 64);
    if (row % 64 != 63 && row + 1 != w->source.rows) return MV_OK;
    uint64_t word = w->null_word;
    w->null_word = 0;
    return section_writer_add(file, &word, sizeof word, error);
}

static mv_err write_zone(segment_writer *w, section_writer *file, const cell *c, mv_type type,
                         uint32_t row, mv_error *error)
{
    table_zone_add(&w->zone, type, c->state == CELL_NULL ? NULL : c->bytes);
    if (!table_zone_ends(row, w->source.rows)) return MV_OK;
    table_zone zone = w->zone;
    w->zone = TABLE_ZONE_EMPTY;
    return section_writer_add(file, &zone, sizeof zone, error);
}

static mv_err write_cell(segment_writer *w, const walk_plan *walk, section_writer *file,
                         uint32_t row, mv_error *error)
{
    static const uint8_t zeros[8] = {0};
    cell c;
    MV_TRY(w->source.cell(w->source.ctx, row, walk->field, &c, error));
    mv_assert(c.state != CELL_UNSET);
    switch (walk->kind) {
    case WALK_NULLS: return write_null_bit(w, file, &c, row, error);
    case WALK_ZONES:
        return write_zone(w, file, &c, w->schema->fields[walk->field].type, row, error);
    case WALK_VALUES: {
        size_t width = cell_width(w->schema->fields[walk->field].type);
        return section_writer_add(file, c.state == CELL_NULL ? zeros : c.bytes, width, error);
    }
    case WALK_ENDS:
        if (c.state != CELL_NULL) w->end += c.size;
        return section_writer_add(file, &w->end, sizeof w->end, error);
    default: return c.state == CELL_NULL ? MV_OK : section_writer_add(file, c.bytes, c.size, error);
    }
}

static mv_err write_id(segment_writer *w, const walk_plan *walk, section_writer *file, uint32_t row,
                       mv_error *error)
{
    const uint8_t *id;
    uint32_t size;
    MV_TRY(w->source.id(w->source.ctx, row, &id, &size, error));
    if (walk->kind == WALK_ID_BYTES) return section_writer_add(file, id, size, error);
    w->end += size;
    return section_writer_add(file, &w->end, sizeof w->end, error);
}

static mv_err write_row(segment_writer *w, const walk_plan *walk, section_writer *file,
                        uint32_t row, mv_error *error)
{
    switch (walk->kind) {
    case WALK_DOCIDS: {
        uint64_t docid = w->source.docid(w->source.ctx, row);
        return section_writer_add(file, &docid, sizeof docid, error);
    }
    case WALK_ID_ENDS:
    case WALK_ID_BYTES: return write_id(w, walk, file, row, error);
    case WALK_VECTORS:
    case WALK_NORMS: {
        const uint8_t *elements;
        float inverse_norm;
        MV_TRY(w->source.vector(w->source.ctx, row, walk->field, &elements, &inverse_norm, error));
        if (walk->kind == WALK_NORMS)
            return section_writer_add(file, &inverse_norm, sizeof inverse_norm, error);
        return section_writer_add(file, elements, w->schema->vectors[walk->field].size, error);
    }
    default: return write_cell(w, walk, file, row, error);
    }
}

/* ---------------------------------------------------------------- stepping */

static mv_err begin_walk(segment_writer *w, const walk_plan *walk, mv_error *error)
{
    static const section_kind kinds[] = {
        [WALK_DOCIDS] = SECTION_DOCIDS,     [WALK_ID_ENDS] = SECTION_ID_ENDS,
        [WALK_ID_BYTES] = SECTION_ID_BYTES, [WALK_NULLS] = SECTION_NULLS,
        [WALK_VALUES] = SECTION_VALUES,     [WALK_ZONES] = SECTION_ZONES,
        [WALK_ENDS] = SECTION_ENDS,         [WALK_BYTES] = SECTION_BYTES,
        [WALK_VECTORS] = SECTION_VECTORS,   [WALK_NORMS] = SECTION_INVERSE_NORMS,
    };
    uint32_t uid = 0;
    if (walk->kind >= WALK_VECTORS)
        uid = w->schema->vectors[walk->field].uid;
    else if (walk->kind >= WALK_NULLS)
        uid = w->schema->fields[walk->field].uid;
    w->end = 0;
    w->null_word = 0;
    w->zone = TABLE_ZONE_EMPTY;
    return section_writer_begin(w->files[walk->file], kinds[walk->kind], uid, error);
}

/* After the last walk: finish one file a step, since syncing takes long. */
static mv_err finish_next_file(segment_writer *w, mv_error *error)
{
    mv_assert(w->files_done < w->record.files_count);
    MV_TRY(section_writer_finish(w->files[w->files_done], w->sync, &w->record.files[w->files_done],
                                 error));
    w->files_done++;
    return MV_OK;
}

mv_err segment_writer_step(segment_writer *w, bool *more, mv_error *error)
{
    *more = true;
    if (w->at == w->walks_count) {
        MV_TRY(finish_next_file(w, error));
        *more = w->files_done < w->record.files_count;
        return MV_OK;
    }
    const walk_plan *walk = &w->walks[w->at];
    section_writer *file = w->files[walk->file];
    mv_assert(w->next_row < w->source.rows);
    if (w->next_row == 0) MV_TRY(begin_walk(w, walk, error));
    uint64_t stop_bytes = section_writer_bytes(file) + SEGMENT_STEP_BYTES;
    uint32_t stop_row =
        w->source.rows - w->next_row > STEP_ROWS ? w->next_row + STEP_ROWS : w->source.rows;
    while (w->next_row < stop_row && section_writer_bytes(file) < stop_bytes) {
        MV_TRY(write_row(w, walk, file, w->next_row, error));
        w->next_row++;
    }
    if (w->next_row == w->source.rows) {
        w->next_row = 0;
        w->at++;
    }
    return MV_OK;
}

uint64_t segment_writer_bytes(const segment_writer *w)
{
    uint64_t total = 0;
    for (uint32_t file = 0; file < w->record.files_count; file++)
        total += section_writer_bytes(w->files[file]);
    return total;
}

const segment_record *segment_writer_record(const segment_writer *w)
{
    mv_assert(w->files_done == w->record.files_count);
    return &w->record;
}

const char *const *segment_writer_paths(const segment_writer *w)
{
    return w->paths;
}

void segment_writer_undo(segment_writer *w)
{
    for (uint32_t file = 0; file < w->record.files_count; file++)
        section_writer_undo(w->files[file]);
}

void segment_writer_free(segment_writer *w)
{
    if (!w) return;
    for (uint32_t file = 0; w->files && file < w->record.files_count; file++)
        section_writer_free(w->files[file]);
    mem_free(w->files, w->record.files_count * sizeof *w->files);
    mem_free(w->paths, w->record.files_count * sizeof *w->paths);
    mem_free(w->record.files, w->record.files_count * sizeof *w->record.files);
    mem_free(w->walks, w->walks_capacity * sizeof *w->walks);
    mem_free(w, sizeof *w);
}
