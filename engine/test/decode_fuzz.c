/* Fuzzer of everything that is read from catalog values (schemas, rows, cells, segment records) and
 * from dumps and learnt models. The first byte chooses which. Damaged bytes are refused, and what
 * is accepted can be read through. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "embed/learnt_model.h"
#include "storage/dump_format.h"
#include "storage/row.h"
#include "storage/segment.h"
#include "test/fuzz_schema.h"
#include "vector/sparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const mv_type types[] = {
    MV_STRING,
    MV_BOOL,
    MV_INT32,
    MV_DOUBLE,
    (mv_type)(MV_ARRAY | MV_STRING),
    (mv_type)(MV_ARRAY | MV_BOOL),
    (mv_type)(MV_ARRAY | MV_FLOAT),
    MV_SPARSE_FP32,
    MV_MULTI_FP32,
};
#define TYPES (sizeof types / sizeof *types)

static const mv_schema *row_schema(void)
{
    static mv_schema *schema;
    if (schema) return schema;
    must(!mv_schema_create("fuzz", &schema, NULL));
    for (size_t t = 0; t < TYPES; t++) {
        char name[8];
        (void)snprintf(name, sizeof name, "f%u", (unsigned)t);
        const mv_field_options options = {.name = name,
                                          .type = types[t],
                                          .nullable = t % 2,
                                          .dim = types[t] == MV_MULTI_FP32 ? 3 : 0};
        must(!mv_schema_add_field(schema, &options, NULL));
    }
    add_vectors(schema);
    return schema;
}

/* A schema that loads must save to bytes that load to the same. */
static void try_schema(const uint8_t *bytes, size_t size)
{
    mv_schema *schema, *again;
    mem_buffer saved = {0};
    if (schema_format_load(bytes, size, &schema, NULL)) return;
    must(!schema_format_save(schema, &saved, NULL));
    must(!schema_format_load(saved.data, saved.size, &again, NULL));
    must(!schema_compare(schema, again, NULL));
    mem_buffer_free(&saved);
    mv_schema_free(schema);
    mv_schema_free(again);
}

/* A search compares cells that it did not check but for their size. */
static void compare_sparse(const uint8_t *bytes, size_t size, mem_arena *arena)
{
    sparse_query query;
    uint32_t shared;
    if (size % SPARSE_ENTRY) return;
    must(!sparse_prepare(&query, bytes, size, arena, NULL));
    (void)sparse_product(&query, bytes, size, &shared);
    must(shared == sparse_count(size));
}

static void read_cell(mv_type type, const uint8_t *bytes, size_t size, mem_arena *arena)
{
    mv_value value;
    bool accepted = cell_check(type, bytes, size, NULL) == MV_OK;
    bool is_value = cell_to_value(type, bytes, size, arena, &value, NULL) == MV_OK;
    must(accepted == is_value || (is_value && type == MV_MULTI_FP32)); /* numbers are checked */
    if (type == MV_SPARSE_FP32) compare_sparse(bytes, size, arena);
    if (!(type & MV_ARRAY)) return;
    uint32_t count = cell_array_count(type, bytes, size);
    must(!accepted || count != UINT32_MAX);
    if (type != (MV_ARRAY | MV_STRING) || count == UINT32_MAX) return;
    for (uint32_t i = 0; i < count; i++) {
        const char *text;
        uint32_t text_size;
        if (cell_array_string(bytes, size, i, &text, &text_size))
            must(text_size <= size && text >= (const char *)bytes &&
                 text + text_size <= (const char *)bytes + size);
    }
}

static void try_row(const uint8_t *bytes, size_t size, mem_arena *arena)
{
    const mv_schema *schema = row_schema();
    row_parts parts;
    if (row_check(schema, bytes, size, NULL)) return;
    must(!row_create(schema, arena, &parts, NULL));
    row_decode(schema, bytes, &parts);
    must(parts.id >= bytes && parts.id + parts.id_size <= bytes + size);
    for (uint32_t f = 0; f < schema->fields_count; f++)
        if (parts.cells[f].state == CELL_VALUE)
            read_cell(schema->fields[f].type, parts.cells[f].bytes, parts.cells[f].size, arena);
    for (uint32_t v = 0; v < schema->vectors_count; v++)
        must(parts.vectors[v] >= bytes &&
             parts.vectors[v] + schema->vectors[v].size <= bytes + size);
}

/* The files of a dump that is accepted lie within it. */
static void try_dump(const uint8_t *bytes, size_t size)
{
    uint32_t files_count;
    if (dump_format_verify(bytes, size, &files_count, NULL)) return;
    for (uint32_t at = 0; at < files_count; at++) {
        dump_file file = dump_format_file(bytes, at);
        must(file.offset <= size && file.size <= size - file.offset);
        must(strlen(file.name) < sizeof file.name);
    }
}

/* A learnt model that is accepted embeds a text. */
static void try_learnt(const uint8_t *bytes, size_t size)
{
    mv_learnt *model;
    mv_learnt_info info;
    if (size < sizeof(learnt_model_header)) return;
    uint8_t *block = mem_alloc(size);
    must(block != NULL);
    memcpy(block, bytes, size);
    if (learnt_model_make(block, size, &model, NULL)) return; /* takes the block */
    mv_learnt_describe(model, &info);
    float *vector = mem_alloc(info.dim * sizeof *vector);
    must(vector && !mv_learnt_embed(model, "red apple red", 13, vector, NULL));
    mem_free(vector, info.dim * sizeof *vector);
    mv_learnt_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    /* In a block of its own: aligned, and a byte too far is seen. */
    size_t bytes_size = size - 2;
    uint8_t *bytes = mem_alloc(bytes_size);
    must(bytes != NULL);
    memcpy(bytes, data + 2, bytes_size);
    mem_arena arena = {0};
    segment_record record;
    switch (data[0] % 6) {
    case 0: try_schema(bytes, bytes_size); break;
    case 1: try_row(bytes, bytes_size, &arena); break;
    case 2: read_cell(types[data[1] % TYPES], bytes, bytes_size, &arena); break;
    case 3: try_dump(bytes, bytes_size); break;
    case 4: try_learnt(bytes, bytes_size); break;
    default: (void)segment_record_load(1, bytes, bytes_size, &arena, &record, NULL);
    }
    mem_arena_free(&arena);
    mem_free(bytes, bytes_size);
    return 0;
}
