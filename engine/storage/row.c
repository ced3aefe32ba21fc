/* Rows: completed, encoded, checked and decoded. The layout is in row.h. The header and the schema
 * give every offset in it, so that reading a cell is one load. */
#include "storage/row.h"

#include <math.h>
#include <string.h>

#include "base/bits.h"

/* The first 16 bytes of an encoded row. */
typedef struct row_header {
    uint32_t size;
    uint32_t id_size;
    uint32_t vectors_at;
    uint16_t fields_count;
    uint16_t vectors_count;
} row_header;

static_assert(sizeof(row_header) == 16, "the header is part of the format");
static_assert(MV_FIELDS_MAX <= UINT16_MAX && MV_VECTORS_MAX <= UINT16_MAX,
              "counts fit in a header");
static_assert(MV_ROW_SIZE_MAX < UINT32_MAX, "sizes and offsets fit in a header");

static row_header header_of(const uint8_t *bytes)
{
    row_header header;
    memcpy(&header, bytes, sizeof header);
    return header;
}

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

/* ---------------------------------------------------------------- offsets */

static size_t slot_at(uint32_t fields_count, uint32_t field)
{
    return sizeof(row_header) + 8 * bits_words(fields_count) + (size_t)8 * field;
}

static size_t norm_at(uint32_t fields_count, uint32_t vector_field)
{
    return slot_at(fields_count, fields_count) + (size_t)4 * vector_field;
}

static size_t id_at(uint32_t fields_count, uint32_t vectors_count)
{
    return slot_at(fields_count, fields_count) + round_up((size_t)4 * vectors_count, 8);
}

/* The offset of a vector, counted from the first. For vectors_count: the size of all vectors. */
static size_t vector_at(const mv_schema *schema, uint32_t vector_field)
{
    size_t at = 0;
    mv_assert(vector_field <= schema->vectors_count);
    for (uint32_t i = 0; i < vector_field; i++) at += round_up(schema->vectors[i].size, 16);
    return at;
}

static bool is_null_field(const uint8_t *bytes, uint32_t field)
{
    return (bytes[sizeof(row_header) + field / 8] >> (field % 8)) & 1; /* little-endian words */
}

/* ---------------------------------------------------------------- decoded rows */

mv_err row_create(const mv_schema *schema, mem_arena *arena, row_parts *out, mv_error *error)
{
    size_t cells_size = schema->fields_count * sizeof *out->cells;
    size_t vectors_size = schema->vectors_count * sizeof *out->vectors;
    size_t norms_size = schema->vectors_count * sizeof *out->inverse_norms;
    *out = (row_parts){
        .cells = mem_arena_alloc(arena, cells_size),
        .vectors = mem_arena_alloc(arena, vectors_size),
        .inverse_norms = mem_arena_alloc(arena, norms_size),
    };
    if (!out->cells || !out->vectors || !out->inverse_norms)
        return error_memory(error, cells_size + vectors_size + norms_size, "a document");
    for (uint32_t i = 0; i < schema->fields_count; i++) out->cells[i] = (cell){0};
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        out->vectors[i] = NULL;
        out->inverse_norms[i] = 0;
    }
    return MV_OK;
}

static mv_err missing_value(const row_parts *r, const char *kind, const char *name, mv_error *error)
{
    char id[ERROR_QUOTE_SIZE];
    return error_set(error, MV_MISUSE, "document '%s': %s '%s' is missing",
                     error_quote(r->id, r->id_size, id), kind, name);
}

/* A vector that the program gives, or has a model make of a text. */
static mv_err missing_vector(const mv_schema *schema, const row_parts *r, uint32_t at,
                             mv_error *error)
{
    char id[ERROR_QUOTE_SIZE];
    uint32_t from;
    const schema_vector *vector = &schema->vectors[at];
    const mv_embed embed = schema_embed_of(schema, vector);
    if (!embed.from || !mv_schema_find_field(schema, embed.from, strlen(embed.from), &from))
        return missing_value(r, "vector field", vector->name, error);
    error_quote(r->id, r->id_size, id);
    if (r->cells[from].state == CELL_NULL)
        return error_set(error, MV_MISUSE,
                         "document '%s': vector field '%s' is missing, and field '%s', which it is "
                         "made of, is NULL",
                         id, vector->name, embed.from);
    return error_set(error, MV_MISUSE,
                     "document '%s': vector field '%s' is missing, which model '%s' makes of field "
                     "'%s'",
                     id, vector->name, embed.model, embed.from);
}

static mv_err default_cell(const schema_field *field, mem_buffer *scratch, mem_arena *arena,
                           cell *out, mv_error *error)
{
    scratch->size = 0;
    MV_TRY(cell_from_value(field->type, &field->default_value, field->name, scratch, error));
    const uint8_t *bytes = mem_arena_copy(arena, scratch->data, scratch->size);
    if (!bytes) return error_memory(error, scratch->size, "a default value");
    *out = (cell){.bytes = bytes, .size = (uint32_t)scratch->size, .state = CELL_VALUE};
    return MV_OK;
}

mv_err row_complete(const mv_schema *schema, row_parts *r, mem_arena *arena, mv_error *error)
{
    mv_err err = MV_OK;
    mem_buffer scratch = {0};
    for (uint32_t i = 0; i < schema->fields_count && !err; i++) {
        const schema_field *field = &schema->fields[i];
        if (r->cells[i].state != CELL_UNSET) continue;
        if (field->has_default)
            err = default_cell(field, &scratch, arena, &r->cells[i], error);
        else if (field->nullable)
            r->cells[i].state = CELL_NULL;
        else
            err = missing_value(r, "field", field->name, error);
    }
    for (uint32_t i = 0; i < schema->vectors_count && !err; i++)
        if (!r->vectors[i]) err = missing_vector(schema, r, i, error);
    mem_buffer_free(&scratch);
    return err;
}

/* ---------------------------------------------------------------- encoding */

/* The size up to the end of the last variable cell. */
static size_t scalars_size(const mv_schema *schema, const row_parts *r)
{
    size_t size = id_at(schema->fields_count, schema->vectors_count) + r->id_size;
    for (uint32_t i = 0; i < schema->fields_count; i++)
        if (r->cells[i].state == CELL_VALUE && cell_is_variable(schema->fields[i].type))
            size += r->cells[i].size;
    return size;
}

mv_err row_encoded_size(const mv_schema *schema, const row_parts *r, size_t *size, mv_error *error)
{
    char id[ERROR_QUOTE_SIZE];
    *size = round_up(scalars_size(schema, r), 16) + vector_at(schema, schema->vectors_count);
    if (*size <= MV_ROW_SIZE_MAX) return MV_OK;
    return error_set(error, MV_LIMIT, "document '%s' has %zu bytes, at most %u are allowed",
                     error_quote(r->id, r->id_size, id), *size, MV_ROW_SIZE_MAX);
}

/* Write the slot of a cell, and the bytes of a variable cell at `at`. Returns the offset of the
 * next variable cell. */
static size_t encode_cell(const mv_schema *schema, const row_parts *r, uint32_t field, size_t at,
                          uint8_t *out)
{
    const cell *from = &r->cells[field];
    uint8_t *slot = out + slot_at(schema->fields_count, field);
    mv_assert(from->state != CELL_UNSET);
    if (from->state == CELL_NULL) {
        out[sizeof(row_header) + field / 8] |= (uint8_t)(1u << (field % 8));
        return at;
    }
    if (!cell_is_variable(schema->fields[field].type)) {
        mv_assert(from->size == cell_width(schema->fields[field].type));
        memcpy(slot, from->bytes, from->size);
        return at;
    }
    uint32_t range[2] = {(uint32_t)at, from->size};
    memcpy(slot, range, sizeof range);
    if (from->size) memcpy(out + at, from->bytes, from->size);
    return at + from->size;
}

void row_encode(const mv_schema *schema, const row_parts *r, uint8_t *out)
{
    size_t at = id_at(schema->fields_count, schema->vectors_count), end = scalars_size(schema, r);
    size_t vectors = round_up(end, 16);
    row_header header = {
        .size = (uint32_t)(vectors + vector_at(schema, schema->vectors_count)),
        .id_size = r->id_size,
        .vectors_at = (uint32_t)vectors,
        .fields_count = (uint16_t)schema->fields_count,
        .vectors_count = (uint16_t)schema->vectors_count,
    };
    mv_assert(r->id_size >= 1 && r->id_size <= MV_ID_SIZE_MAX);
    mv_assert(header.size <= MV_ROW_SIZE_MAX);
    memset(out, 0, at);
    memcpy(out, &header, sizeof header);
    memcpy(out + at, r->id, r->id_size);
    at += r->id_size;
    for (uint32_t i = 0; i < schema->fields_count; i++) at = encode_cell(schema, r, i, at, out);
    mv_assert(at == end);
    memset(out + end, 0, vectors - end);
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        size_t size = schema->vectors[i].size, padded = round_up(size, 16);
        memcpy(out + norm_at(schema->fields_count, i), &r->inverse_norms[i], 4);
        memcpy(out + vectors, r->vectors[i], size);
        memset(out + vectors + size, 0, padded - size);
        mv_assert(r->vectors[i] != NULL);
        vectors += padded;
    }
    mv_assert(vectors == header.size);
}

/* ---------------------------------------------------------------- checking */

static mv_err damaged_row(const char *what, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "a stored document is damaged: %s", what);
}

static mv_err check_cells(const mv_schema *schema, const uint8_t *bytes, size_t cells_at,
                          size_t cells_end, mv_error *error)
{
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        const schema_field *field = &schema->fields[i];
        const uint8_t *slot = bytes + slot_at(schema->fields_count, i);
        if (is_null_field(bytes, i)) {
            if (!field->nullable) return damaged_row("NULL in a field that is not nullable", error);
        } else if (cell_is_variable(field->type)) {
            uint32_t range[2];
            memcpy(range, slot, sizeof range);
            if (range[0] < cells_at || range[0] > cells_end || range[1] > cells_end - range[0])
                return damaged_row("a value lies outside of its row", error);
        } else {
            MV_TRY(cell_check(field->type, slot, cell_width(field->type), error));
        }
    }
    for (uint32_t i = schema->fields_count; i % 64; i++)
        if (is_null_field(bytes, i)) return damaged_row("NULL in a field that is not there", error);
    return MV_OK;
}

static mv_err check_norms(const mv_schema *schema, const uint8_t *bytes, mv_error *error)
{
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        float norm = row_inverse_norm(schema, bytes, i);
        bool has_norm = metric_has_norms(schema->vectors[i].metric);
        if (has_norm ? !(norm > 0 && isfinite(norm)) : norm != 0)
            return damaged_row("the inverse norm of a vector", error);
    }
    return MV_OK;
}

mv_err row_check(const mv_schema *schema, const uint8_t *bytes, size_t size, mv_error *error)
{
    size_t id = id_at(schema->fields_count, schema->vectors_count);
    if (size < id || size > MV_ROW_SIZE_MAX) return damaged_row("its size", error);
    row_header header = header_of(bytes);
    if (header.size != size) return damaged_row("its size", error);
    if (header.fields_count != schema->fields_count ||
        header.vectors_count != schema->vectors_count)
        return damaged_row("the number of its fields", error);
    if (header.vectors_at > size || header.vectors_at % 16 ||
        size - header.vectors_at != vector_at(schema, schema->vectors_count))
        return damaged_row("the offset of its vectors", error);
    if (header.id_size < 1 || header.id_size > MV_ID_SIZE_MAX ||
        id + header.id_size > header.vectors_at)
        return damaged_row("the size of its id", error);
    MV_TRY(check_cells(schema, bytes, id + header.id_size, header.vectors_at, error));
    return check_norms(schema, bytes, error);
}

/* ---------------------------------------------------------------- reading */

void row_id(const uint8_t *bytes, const uint8_t **id, uint32_t *id_size)
{
    row_header header = header_of(bytes);
    *id = bytes + id_at(header.fields_count, header.vectors_count);
    *id_size = header.id_size;
}

void row_cell(const mv_schema *schema, const uint8_t *bytes, uint32_t field, cell *out)
{
    mv_assert(field < schema->fields_count);
    const uint8_t *slot = bytes + slot_at(schema->fields_count, field);
    mv_type type = schema->fields[field].type;
    if (is_null_field(bytes, field)) {
        *out = (cell){.state = CELL_NULL};
    } else if (cell_is_variable(type)) {
        uint32_t range[2];
        memcpy(range, slot, sizeof range);
        *out = (cell){.bytes = bytes + range[0], .size = range[1], .state = CELL_VALUE};
    } else {
        *out = (cell){.bytes = slot, .size = (uint32_t)cell_width(type), .state = CELL_VALUE};
    }
}

int64_t row_expires(const mv_schema *schema, const uint8_t *bytes)
{
    uint32_t field;
    cell c;
    if (!schema_retention_field(schema, &field)) return SCHEMA_NEVER;
    row_cell(schema, bytes, field, &c);
    return c.state == CELL_NULL ? SCHEMA_NEVER
                                : schema_retention_second(schema->fields[field].type, c.bytes);
}

const uint8_t *row_vector(const mv_schema *schema, const uint8_t *bytes, uint32_t vector_field)
{
    mv_assert(vector_field < schema->vectors_count);
    mv_assert(header_of(bytes).vectors_count == schema->vectors_count);
    return bytes + header_of(bytes).vectors_at + vector_at(schema, vector_field);
}

float row_inverse_norm(const mv_schema *schema, const uint8_t *bytes, uint32_t vector_field)
{
    float norm;
    mv_assert(vector_field < schema->vectors_count);
    memcpy(&norm, bytes + norm_at(schema->fields_count, vector_field), sizeof norm);
    return norm;
}

void row_decode(const mv_schema *schema, const uint8_t *bytes, row_parts *out)
{
    row_id(bytes, &out->id, &out->id_size);
    for (uint32_t i = 0; i < schema->fields_count; i++) row_cell(schema, bytes, i, &out->cells[i]);
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        out->vectors[i] = row_vector(schema, bytes, i);
        out->inverse_norms[i] = row_inverse_norm(schema, bytes, i);
    }
}

void row_overlay(const mv_schema *schema, const row_parts *from, row_parts *to)
{
    for (uint32_t f = 0; f < schema->fields_count; f++)
        if (from->cells[f].state != CELL_UNSET) to->cells[f] = from->cells[f];
    for (uint32_t v = 0; v < schema->vectors_count; v++) {
        if (!from->vectors[v]) continue;
        to->vectors[v] = from->vectors[v];
        to->inverse_norms[v] = from->inverse_norms[v];
    }
}
