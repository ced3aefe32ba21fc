/* Reading segments: the sections of the files become the columns of a table. Their sizes are
 * verified first. */
#include "storage/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/sorted.h"

/* ---------------------------------------------------------------- records and names */

/* The first 32 bytes of a record (segment.h). */
typedef struct record_head {
    uint64_t rows;
    uint64_t first_docid;
    uint64_t last_docid;
    uint64_t files_count;
} record_head;

static_assert(sizeof(record_head) == 32, "a segment record begins with 32 bytes");
static_assert(sizeof(section_file_record) == 24, "a file record has 24 bytes");

mv_err segment_record_save(const segment_record *record, mem_buffer *out, mv_error *error)
{
    record_head head = {record->rows, record->first_docid, record->last_docid, record->files_count};
    size_t files_size = record->files_count * sizeof *record->files;
    mv_assert(record->rows >= 1 && record->rows <= SEGMENT_ROWS_MAX);
    mv_assert(record->first_docid <= record->last_docid); /* I4 */
    mv_assert(record->files_count >= 1);
    if (!mem_buffer_append(out, &head, sizeof head) ||
        !mem_buffer_append(out, record->files, files_size))
        return error_memory(error, files_size, "a segment record");
    return MV_OK;
}

mv_err segment_record_load(uint64_t number, const uint8_t *bytes, size_t size, mem_arena *arena,
                           segment_record *record, mv_error *error)
{
    record_head head;
    if (size < sizeof head) goto damaged;
    memcpy(&head, bytes, sizeof head);
    if (head.files_count < 1 || head.files_count > MV_VECTORS_MAX + MV_FIELDS_MAX + 1) goto damaged;
    if (size != sizeof head + head.files_count * sizeof(section_file_record)) goto damaged;
    if (head.rows < 1 || head.rows > SEGMENT_ROWS_MAX || head.last_docid < head.first_docid ||
        head.last_docid - head.first_docid < head.rows - 1)
        goto damaged;
    section_file_record *files = mem_arena_copy(arena, bytes + sizeof head, size - sizeof head);
    if (!files) return error_memory(error, size, "a segment record");
    *record = (segment_record){
        number, head.rows, head.first_docid, head.last_docid, (uint32_t)head.files_count, files};
    return MV_OK;
damaged:
    return error_set(error, MV_CORRUPT, "the record of segment %" PRIu64 " is damaged", number);
}

/* The ending of the name of a file of one field. */
static const char *field_ending(uint32_t kind)
{
    const index_kind *index = index_kind_of_file(kind);
    if (index) return index->file_ending;
    return kind == SECTION_FILE_COLUMN ? "col" : "vec";
}

void segment_file_name(uint64_t number, const section_file_record *file,
                       char out[SEGMENT_FILE_NAME_SIZE])
{
    if (file->kind == SECTION_FILE_ROWS)
        (void)snprintf(out, SEGMENT_FILE_NAME_SIZE, "%06" PRIu64 ".rows", number);
    else
        (void)snprintf(out, SEGMENT_FILE_NAME_SIZE, "%06" PRIu64 ".%u.%s", number,
                       (unsigned)file->column, field_ending(file->kind));
}

/* Is `text` this ending, of a finished or an unfinished file? */
static bool is_ending(const char *text, const char *ending)
{
    size_t size = strlen(ending);
    return strncmp(text, ending, size) == 0 && (!text[size] || !strcmp(text + size, ".new"));
}

/* The kind of file of one field that has this ending, or SECTION_FILE_NONE. */
static uint32_t kind_of_ending(const char *text)
{
    const index_kind *index;
    if (is_ending(text, "vec")) return SECTION_FILE_VECTORS;
    if (is_ending(text, "col")) return SECTION_FILE_COLUMN;
    for (uint32_t i = 0; (index = index_kind_at(i)); i++)
        if (index->file_kind && is_ending(text, index->file_ending)) return index->file_kind;
    return SECTION_FILE_NONE;
}

bool segment_parse_file_name(const char *name, uint64_t *number, section_file_record *file)
{
    if (*name < '0' || *name > '9') return false;
    char *rest;
    unsigned long long parsed = strtoull(name, &rest, 10);
    *number = parsed;
    *file = (section_file_record){.kind = SECTION_FILE_ROWS};
    if (is_ending(rest, ".rows")) return true;
    if (*rest++ != '.' || *rest < '0' || *rest > '9') return false;
    file->column = (uint32_t)strtoull(rest, &rest, 10);
    if (*rest++ != '.') return false;
    file->kind = kind_of_ending(rest);
    return file->kind != SECTION_FILE_NONE;
}

bool segment_is_unfinished_name(const char *name)
{
    uint64_t number;
    section_file_record file;
    size_t size = strlen(name);
    return segment_parse_file_name(name, &number, &file) && size > 4 &&
           strcmp(name + size - 4, ".new") == 0;
}

/* ---------------------------------------------------------------- opening */

static mv_err wrong_files(const segment *s, mv_error *error)
{
    return error_set(error, MV_CORRUPT,
                     "segment %" PRIu64 ": its files are not those of the schema", s->number);
}

/* The file of a field; NULL: there is none. */
static const section_file *find_file(const segment *s, section_file_kind kind, uint32_t uid)
{
    for (uint32_t file = 1; file < s->files_count; file++) {
        section_file_record r = section_file_describe(s->files[file]);
        if (r.kind == (uint32_t)kind && r.column == uid) return s->files[file];
    }
    return NULL;
}

/* Find a section. MV_CORRUPT: it is missing or has not `size` bytes. */
static mv_err need_section(const segment *s, const section_file *file, section_kind kind,
                           uint32_t column, uint64_t size, const uint8_t **bytes, mv_error *error)
{
    section found = section_file_find(file, kind, column);
    if (!found.bytes || found.size != size)
        return error_set(error, MV_CORRUPT,
                         "segment %" PRIu64 ": section %d of column %u has %" PRIu64
                         " bytes, %" PRIu64 " expected",
                         s->number, (int)kind, (unsigned)column, found.size, size);
    *bytes = found.bytes;
    return MV_OK;
}

static mv_err bind_variable(const segment *s, const section_file *file, section_kind ends_kind,
                            section_kind bytes_kind, uint32_t column, table_column *out,
                            mv_error *error)
{
    const uint8_t *ends = NULL;
    MV_TRY(need_section(s, file, ends_kind, column, (uint64_t)s->table.rows * sizeof(uint64_t),
                        &ends, error));
    section bytes = section_file_find(file, bytes_kind, column);
    out->ends = (const uint64_t *)(const void *)ends;
    out->bytes = bytes.bytes
                     ? bytes.bytes
                     : ends; /* without bytes all cells are empty, but do not point to NULL */
    out->bytes_size = bytes.size;
    return MV_OK;
}

/* Zones are optional: old segments have none. */
static mv_err bind_zones(const segment *s, const section_file *file, const schema_field *field,
                         table_column *out, mv_error *error)
{
    const uint8_t *zones = NULL;
    if (!section_file_find(file, SECTION_ZONES, field->uid).bytes) return MV_OK;
    MV_TRY(need_section(s, file, SECTION_ZONES, field->uid,
                        table_zones(s->table.rows) * sizeof(table_zone), &zones, error));
    out->zones = (const table_zone *)(const void *)zones;
    return MV_OK;
}

/* A column that was added later has its own file. The others are in the file of rows. */
static mv_err bind_column(const segment *s, const schema_field *field, table_column *out,
                          mv_error *error)
{
    const section_file *file = find_file(s, SECTION_FILE_COLUMN, field->uid);
    if (!file) file = s->files[0];
    section nulls = section_file_find(file, SECTION_NULLS, field->uid);
    if (nulls.bytes) {
        const uint8_t *bits = NULL;
        MV_TRY(need_section(s, file, SECTION_NULLS, field->uid,
                            bits_words(s->table.rows) * sizeof(uint64_t), &bits, error));
        out->nulls = (const uint64_t *)(const void *)bits;
    }
    if (cell_is_variable(field->type))
        return bind_variable(s, file, SECTION_ENDS, SECTION_BYTES, field->uid, out, error);
    MV_TRY(bind_zones(s, file, field, out, error));
    return need_section(s, file, SECTION_VALUES, field->uid,
                        (uint64_t)s->table.rows * cell_width(field->type), &out->values, error);
}

static mv_err bind_vectors(const segment *s, const schema_vector *field, table_vectors *out,
                           mv_error *error)
{
    const section_file *file = find_file(s, SECTION_FILE_VECTORS, field->uid);
    if (!file) return wrong_files(s, error);
    MV_TRY(need_section(s, file, SECTION_VECTORS, field->uid, (uint64_t)s->table.rows * field->size,
                        &out->base, error));
    out->stride = field->size;
    if (!metric_has_norms(field->metric)) return MV_OK;
    const uint8_t *norms = NULL;
    MV_TRY(need_section(s, file, SECTION_INVERSE_NORMS, field->uid,
                        (uint64_t)s->table.rows * sizeof(float), &norms, error));
    out->inverse_norms = (const float *)(const void *)norms;
    return MV_OK;
}

static mv_err bind_table(segment *s, const mv_schema *schema, mv_error *error)
{
    const section_file *rows = s->files[0];
    const uint8_t *docids = NULL;
    MV_TRY(need_section(s, rows, SECTION_DOCIDS, 0, (uint64_t)s->table.rows * sizeof(uint64_t),
                        &docids, error));
    s->table.docids = (const uint64_t *)(const void *)docids;
    if (s->table.docids[0] != s->first_docid || s->table.docids[s->table.rows - 1] != s->last_docid)
        return error_set(error, MV_CORRUPT,
                         "segment %" PRIu64 ": its docids are not those of the catalog", s->number);
    MV_TRY(bind_variable(s, rows, SECTION_ID_ENDS, SECTION_ID_BYTES, 0, &s->table.ids, error));
    for (uint32_t f = 0; f < schema->fields_count; f++)
        MV_TRY(bind_column(s, &schema->fields[f], &s->columns[f], error));
    for (uint32_t v = 0; v < schema->vectors_count; v++)
        MV_TRY(bind_vectors(s, &schema->vectors[v], &s->vectors[v], error));
    s->table.columns = s->columns;
    s->table.vectors = s->vectors;
    return MV_OK;
}

static bool has_field(const mv_schema *schema, uint32_t uid)
{
    for (uint32_t f = 0; f < schema->fields_count; f++)
        if (schema->fields[f].uid == uid) return true;
    return false;
}

static bool has_vector(const mv_schema *schema, uint32_t uid)
{
    for (uint32_t v = 0; v < schema->vectors_count; v++)
        if (schema->vectors[v].uid == uid) return true;
    return false;
}

/* Is the file one that the schema expects? The first file has the rows, each other file a field. */
static bool is_expected(const mv_schema *schema, const segment_record *record, uint32_t file)
{
    const section_file_record *r = &record->files[file];
    if (file == 0) return r->kind == SECTION_FILE_ROWS;
    for (uint32_t other = 1; other < file; other++)
        if (record->files[other].column == r->column) return false;
    return r->kind == SECTION_FILE_VECTORS
               ? has_vector(schema, r->column)
               : r->kind == SECTION_FILE_COLUMN && has_field(schema, r->column);
}

/* The same file, if another binding of the segment has it open. */
static section_file *find_open_file(const segment *open, const section_file_record *wanted)
{
    for (uint32_t file = 0; open && file < open->files_count; file++) {
        section_file_record r = section_file_describe(open->files[file]);
        if (r.kind == wanted->kind && r.column == wanted->column && r.size == wanted->size &&
            r.checksum == wanted->checksum)
            return open->files[file];
    }
    return NULL;
}

static mv_err open_segment_file(segment *s, const segment_record *record, uint32_t file,
                                const segment_paths *paths, mv_error *error)
{
    const section_file_record *r = &record->files[file];
    section_file *open = find_open_file(paths->open, r);
    if (open) {
        s->files[file] = section_file_keep(open);
        return MV_OK;
    }
    char name[SEGMENT_FILE_NAME_SIZE], joined[OS_PATH_SIZE];
    const char *path = paths->paths ? paths->paths[file] : NULL;
    segment_file_name(s->number, r, name);
    if (!path && !paths->directory)
        return error_set(error, MV_CORRUPT, "%s: the file in memory is missing", name);
    if (!path) {
        MV_TRY(os_join(joined, paths->directory, name, error));
        path = joined;
    }
    return section_file_open(path, name, s->number, record->rows, r, &s->files[file], error);
}

mv_err segment_open(const mv_schema *schema, const segment_record *record,
                    const segment_paths *paths, segment **out, mv_error *error)
{
    mv_err err = MV_OK;
    mv_assert(record->rows >= 1 && record->rows <= SEGMENT_ROWS_MAX);
    segment *s = mem_alloc_zero(sizeof *s);
    if (!s) return error_memory(error, sizeof *s, "a segment");
    s->number = record->number;
    s->first_docid = record->first_docid;
    s->last_docid = record->last_docid;
    s->table.rows = (uint32_t)record->rows;
    s->fields_count = schema->fields_count;
    s->vectors_count = schema->vectors_count;
    s->files_count = record->files_count;
    s->columns = mem_alloc_zero(s->fields_count * sizeof *s->columns);
    s->vectors = mem_alloc_zero(s->vectors_count * sizeof *s->vectors);
    s->files = mem_alloc_zero(s->files_count * sizeof *s->files);
    if (!s->columns || !s->vectors || !s->files) {
        err = error_memory(error, s->fields_count * sizeof *s->columns, "a segment");
        goto done;
    }
    for (uint32_t file = 0; file < s->files_count; file++) {
        if (!is_expected(schema, record, file)) {
            err = wrong_files(s, error);
            goto done;
        }
        if ((err = open_segment_file(s, record, file, paths, error))) goto done;
    }
    if ((err = bind_table(s, schema, error))) goto done;
    for (uint32_t file = 0; file < s->files_count; file++) section_file_read_ahead(s->files[file]);
    *out = s;
    s = NULL;
done:
    segment_close(s, NULL);
    return err;
}

void segment_close(segment *s, section_file **closed)
{
    if (!s) return;
    for (uint32_t file = 0; s->files && file < s->files_count; file++)
        section_file_close(s->files[file], closed);
    mem_free(s->files, s->files_count * sizeof *s->files);
    mem_free(s->columns, s->fields_count * sizeof *s->columns);
    mem_free(s->vectors, s->vectors_count * sizeof *s->vectors);
    mem_free(s, sizeof *s);
}

/* ---------------------------------------------------------------- reading */

bool segment_find_row(const segment *s, uint64_t docid, uint32_t *row)
{
    if (docid < s->first_docid || docid > s->last_docid) return false;
    const uint64_t *docids = s->table.docids;
    uint32_t last = s->table.rows - 1;
    if (s->last_docid - s->first_docid == last) /* no gaps */
        *row = (uint32_t)(docid - s->first_docid);
    else /* docids that are damaged, out of order, still give a row of the segment */
        *row = sorted_lower_bound(docids, sizeof *docids, last, docid);
    return docids[*row] == docid;
}

static mv_err damaged_segment_cell(const char *name, uint32_t row, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "row %u of '%s' is damaged", row, name);
}

mv_err segment_read_cell(const table *t, const mv_schema *schema, uint32_t field, uint32_t row,
                         cell *out, mv_error *error)
{
    mv_assert(field < schema->fields_count);
    mv_assert(row < t->rows);
    const table_column *column = &t->columns[field];
    mv_type type = schema->fields[field].type;
    *out = (cell){.state = CELL_NULL};
    if (table_is_null(column, row)) return MV_OK;
    out->state = CELL_VALUE;
    if (!cell_is_variable(type)) {
        out->size = (uint32_t)cell_width(type);
        out->bytes = column->values + (size_t)row * out->size;
        return MV_OK;
    }
    uint64_t size;
    if (!table_cell(column, row, &out->bytes, &size) || size > MV_ROW_SIZE_MAX)
        return damaged_segment_cell(schema->fields[field].name, row, error);
    out->size = (uint32_t)size;
    return MV_OK;
}

mv_err segment_read_row(const table *t, const mv_schema *schema, uint32_t row, row_parts *out,
                        mv_error *error)
{
    uint64_t size;
    mv_assert(row < t->rows);
    if (!table_cell(&t->ids, row, &out->id, &size) || size > MV_ID_SIZE_MAX)
        return damaged_segment_cell("id", row, error);
    out->id_size = (uint32_t)size;
    for (uint32_t f = 0; f < schema->fields_count; f++)
        MV_TRY(segment_read_cell(t, schema, f, row, &out->cells[f], error));
    for (uint32_t v = 0; v < schema->vectors_count; v++) {
        const table_vectors *vectors = &t->vectors[v];
        out->vectors[v] = vectors->base + (size_t)row * vectors->stride;
        out->inverse_norms[v] = vectors->inverse_norms ? vectors->inverse_norms[row] : 0;
    }
    return MV_OK;
}

static mv_err verify_column(const segment *s, const mv_schema *schema, uint32_t field,
                            mv_error *error)
{
    const table_zone *zones = s->table.columns[field].zones;
    const char *name = schema->fields[field].name;
    table_zone zone = TABLE_ZONE_EMPTY;
    for (uint32_t row = 0; row < s->table.rows; row++) {
        cell c;
        MV_TRY(segment_read_cell(&s->table, schema, field, row, &c, error));
        if (c.state == CELL_VALUE &&
            (!schema_field_fits(&schema->fields[field], c.size) ||
             cell_check(schema->fields[field].type, c.bytes, c.size, NULL)))
            return damaged_segment_cell(name, row, error);
        if (!zones) continue;
        table_zone_add(&zone, schema->fields[field].type, c.state == CELL_NULL ? NULL : c.bytes);
        if (!table_zone_ends(row, s->table.rows)) continue;
        if (memcmp(&zones[row / TABLE_ZONE_ROWS], &zone, sizeof zone) != 0)
            return error_set(error, MV_CORRUPT,
                             "segment %" PRIu64 ": zone %u of '%s' is not that of its values",
                             s->number, row / TABLE_ZONE_ROWS, name);
        zone = TABLE_ZONE_EMPTY;
    }
    return MV_OK;
}

mv_err segment_verify(const segment *s, const mv_schema *schema, mv_error *error)
{
    for (uint32_t file = 0; file < s->files_count; file++)
        MV_TRY(section_file_verify(s->files[file], error));
    for (uint32_t row = 0; row < s->table.rows; row++) {
        const uint8_t *id;
        uint64_t size;
        if (!table_cell(&s->table.ids, row, &id, &size) || size < 1 || size > MV_ID_SIZE_MAX)
            return damaged_segment_cell("id", row, error);
        if (row && s->table.docids[row] <= s->table.docids[row - 1])
            return damaged_segment_cell("docid", row, error);
    }
    for (uint32_t field = 0; field < schema->fields_count; field++)
        MV_TRY(verify_column(s, schema, field, error));
    return MV_OK;
}
