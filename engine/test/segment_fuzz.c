/* Fuzzer of segment files: a good segment, bytes of which are changed, with all checksums made
 * right again. Opening, verifying and reading either work or say MV_CORRUPT. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/os.h"
#include "storage/column_writer.h"
#include "storage/section_format.h"
#include "test/fuzz_schema.h"

#define ROWS       70u /* more than one word of a bitmap */
#define FILES      4u  /* rows, two of vectors, a column that came later */
#define PATCH_SIZE 4u  /* bytes of input to change one byte: file, offset (2), value */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The good segment. */
static mv_schema *schema;
static segment_record good;
static section_file_record good_files[FILES];
static uint8_t *good_bytes[FILES];

static mv_schema *make_schema(void)
{
    mv_schema *s;
    const mv_type list = (mv_type)(MV_ARRAY | MV_STRING);
    must(!mv_schema_create("fuzz", &s, NULL));
    must(!mv_schema_add_field(
        s, &(mv_field_options){.name = "name", .type = MV_STRING, .nullable = true}, NULL));
    must(!mv_schema_add_field(s, &(mv_field_options){.name = "tags", .type = list}, NULL));
    must(!mv_schema_add_field(
        s, &(mv_field_options){.name = "year", .type = MV_INT32, .nullable = true}, NULL));
    must(!mv_schema_add_field(s, &(mv_field_options){.name = "open", .type = MV_BOOL}, NULL));
    must(!mv_schema_add_field(
        s, &(mv_field_options){.name = "weights", .type = MV_SPARSE_FP32, .nullable = true}, NULL));
    must(!mv_schema_add_field(
        s, &(mv_field_options){.name = "tokens", .type = MV_MULTI_FP32, .dim = 2}, NULL));
    add_vectors(s);
    return s;
}

static uint64_t source_docid(void *ctx, uint32_t row)
{
    (void)ctx;
    return 10 + row;
}

static mv_err source_id(void *ctx, uint32_t row, const uint8_t **id, uint32_t *size,
                        mv_error *error)
{
    static char text[8];
    (void)ctx, (void)error;
    *size = (uint32_t)snprintf(text, sizeof text, "id%u", row);
    *id = (const uint8_t *)text;
    return MV_OK;
}

static mv_err source_cell(void *ctx, uint32_t row, uint32_t field, cell *out, mv_error *error)
{
    static mem_buffer buffer; /* kept until the end of the process */
    static const mv_value items[] = {{.kind = MV_KIND_STRING, .as.string = {"one", 3}},
                                     {.kind = MV_KIND_STRING, .as.string = {"", 0}}};
    static const uint32_t indices[] = {1, 70000, UINT32_MAX};
    static const float numbers[] = {1, -2, 1e-40f}, tokens[] = {1, 2, 3, 4};
    const mv_value values[] = {{.kind = MV_KIND_STRING, .as.string = {"a name", row % 7}},
                               {.kind = MV_KIND_LIST, .as.list = {items, row % 3}},
                               {.kind = MV_KIND_INT, .as.i = -(int64_t)row},
                               {.kind = MV_KIND_BOOL, .as.boolean = row % 2},
                               {.kind = MV_KIND_SPARSE, .as.sparse = {indices, numbers, row % 4}},
                               {.kind = MV_KIND_MULTI, .as.multi = {tokens, 2 * (row % 3)}}};
    (void)ctx;
    *out = (cell){.state = CELL_NULL};
    if (schema->fields[field].nullable && row % 5 == 0) return MV_OK;
    buffer.size = 0;
    MV_TRY(cell_from_value(schema->fields[field].type, &values[field], "field", &buffer, error));
    *out = (cell){buffer.data, (uint32_t)buffer.size, CELL_VALUE};
    return MV_OK;
}

static mv_err source_vector(void *ctx, uint32_t row, uint32_t vector_field,
                            const uint8_t **elements, float *inverse_norm, mv_error *error)
{
    static const float floats[3] = {1, 0, 0};
    static const int8_t bytes[5] = {1, 2, 3, 4, 5};
    (void)ctx, (void)row, (void)error;
    *elements = vector_field == 0 ? (const uint8_t *)floats : (const uint8_t *)bytes;
    *inverse_norm = 1;
    return MV_OK;
}

static void keep_bytes(uint32_t f, const char *path)
{
    size_t size;
    good_bytes[f] = mem_alloc(good_files[f].size + 1);
    must(good_bytes[f] != NULL);
    must(!os_read_small(path, (char *)good_bytes[f], good_files[f].size + 1, &size, NULL));
    must(size == good_files[f].size);
}

/* One more field, in a file of its own. */
static void add_column(void)
{
    const mv_type list = (mv_type)(MV_ARRAY | MV_INT32);
    column_writer *column = NULL;
    section_writer *file = NULL;
    must(!mv_schema_add_field(schema, &(mv_field_options){.name = "late", .type = list}, NULL));
    const schema_field *field = &schema->fields[schema->fields_count - 1];
    must(!column_writer_create(NULL, 1, ROWS, field, NULL, &column, NULL));
    for (uint32_t row = 0; row < ROWS; row++) {
        const uint32_t numbers[3] = {row, row + 1, row + 2};
        const cell c = {(const uint8_t *)numbers, row % 3 * 4, CELL_VALUE};
        must(!(row % 4 ? column_writer_add(column, &c, NULL) : column_writer_skip(column, NULL)));
    }
    must(!column_writer_finish(column, false, &good_files[FILES - 1], &file, NULL));
    keep_bytes(FILES - 1, section_writer_path(file));
    section_writer_free(file);
    column_writer_free(column);
}

static void make_segment(void)
{
    schema = make_schema();
    segment_source source = {.rows = ROWS,
                             .docid = source_docid,
                             .id = source_id,
                             .cell = source_cell,
                             .vector = source_vector};
    segment_writer *writer;
    must(!segment_writer_create(NULL, 1, schema, &source, false, &writer, NULL));
    for (bool more = true; more;) must(!segment_writer_step(writer, &more, NULL));
    good = *segment_writer_record(writer);
    must(good.files_count == FILES - 1);
    memcpy(good_files, good.files, good.files_count * sizeof *good_files);
    for (uint32_t f = 0; f < good.files_count; f++) keep_bytes(f, segment_writer_paths(writer)[f]);
    segment_writer_free(writer);
    add_column();
    good.files_count = FILES;
}

/* Make all checksums right that are where they should be. */
static void repair_checksums(uint8_t *bytes, section_file_record *record)
{
    section_header header;
    memcpy(&header, bytes, sizeof header);
    uint64_t space = record->size - header.table_offset;
    if (header.table_offset > record->size || header.sections > space / sizeof(section_entry))
        return;
    for (uint32_t i = 0; i < header.sections; i++) {
        uint8_t *at = bytes + header.table_offset + i * sizeof(section_entry);
        section_entry entry;
        memcpy(&entry, at, sizeof entry);
        if (entry.offset > record->size || entry.size > record->size - entry.offset) continue;
        entry.checksum = hash_bytes(bytes + entry.offset, entry.size, 0);
        memcpy(at, &entry, sizeof entry);
    }
    header.checksum = section_header_checksum(&header, bytes + header.table_offset);
    memcpy(bytes, &header, sizeof header);
    record->checksum = header.checksum;
    record->kind = header.kind;
}

static void read_everything(const segment *s, mem_arena *arena)
{
    row_parts parts;
    mv_value value;
    uint32_t row;
    must(!row_create(schema, arena, &parts, NULL));
    for (row = 0; row < s->table.rows; row++) {
        mv_err err = segment_read_row(&s->table, schema, row, &parts, NULL);
        must(!err || err == MV_CORRUPT);
        if (err) continue;
        for (uint32_t f = 0; f < schema->fields_count; f++) {
            const cell *c = &parts.cells[f];
            if (c->state != CELL_VALUE) continue;
            err = cell_to_value(schema->fields[f].type, c->bytes, c->size, arena, &value, NULL);
            must(!err || err == MV_CORRUPT);
        }
    }
    for (uint64_t docid = 0; docid < 100; docid++)
        must(!segment_find_row(s, docid, &row) || row < s->table.rows);
}

static void open_and_read(const section_file_record *files, const char *const *paths)
{
    segment_record record = good;
    section_file_record lent[FILES];
    memcpy(lent, files, sizeof lent);
    record.files = lent;
    segment *s = NULL;
    mem_arena arena = {0};
    mv_error error;
    if (!segment_open(schema, &record, &(segment_paths){.paths = paths}, &s, &error)) {
        read_everything(s, &arena);
        mv_err err = segment_verify(s, schema, &error);
        must(!err || err == MV_CORRUPT);
    } else {
        must(error.code == MV_CORRUPT || error.code == MV_WRONG_VERSION);
    }
    segment_close(s, NULL);
    mem_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!schema) make_segment();
    section_file_record files[FILES];
    os_file opened[FILES];
    char names[FILES][64];
    const char *paths[FILES];
    memcpy(files, good_files, sizeof files);
    for (uint32_t f = 0; f < FILES; f++) {
        uint8_t *bytes = mem_alloc(files[f].size);
        must(bytes != NULL);
        memcpy(bytes, good_bytes[f], files[f].size);
        for (size_t at = 0; size - at >= PATCH_SIZE; at += PATCH_SIZE)
            if (data[at] % FILES == f)
                bytes[(data[at + 1] + 256u * data[at + 2]) % files[f].size] ^= data[at + 3];
        repair_checksums(bytes, &files[f]);
        must(!os_create_in_memory("fuzz", &opened[f], NULL));
        must(!os_write_at(opened[f], bytes, files[f].size, 0, "fuzz", NULL));
        mem_free(bytes, files[f].size);
        os_path_of_file(opened[f], names[f]);
        paths[f] = names[f];
    }
    open_and_read(files, paths);
    for (uint32_t f = 0; f < FILES; f++) os_close(opened[f]);
    return 0;
}
