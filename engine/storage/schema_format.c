/* A schema as bytes, all little-endian:
 *
 *   u32 format (2 or 3), u32 next uid
 *   u8 size and bytes of the name (0: unnamed)
 *   u32 scalar fields, u32 vector fields
 *
 *   per scalar field:
 *     u32 uid, u8 type, u8 flags (1: nullable, 2: has a default, 4: has inverted lists, new
 *     in format 2), u8 size and bytes of the name
 *     with a default: u32 size and bytes of its cell
 *
 *   per vector field:
 *     u32 uid, u8 type, u8 metric, u8 index, u32 dim, u8 size and bytes of the name
 *     with an hnsw index: u32 m, u32 ef_construction, u8 quantize, u64 seed, and since format 2:
 *     u64 file number of the first graph built for these options
 *
 * The numbers of types, metrics, indexes and quantize are those of moonvec.h. Options that were
 * left out are stored as their defaults. A loaded schema is built by the functions that users build
 * theirs with, so that nothing gets in that they would refuse.
 *
 * Format 3 has the layout of format 2, and more types and metrics. A schema is written in the
 * lowest format (2 or more) that has all that it uses, so that an older moonvec reads what it
 * knows, and refuses the rest as newer. A reader of format 3 takes a number that it does not know
 * for one of a newer moonvec. */
#include <string.h>

#include "storage/cell.h"
#include "storage/schema.h"

#define SCHEMA_FORMAT     3u             /* the newest that is read */
#define SCHEMA_FORMAT_MIN 2u             /* the oldest that is written */
#define FORMAT_2_TYPE     MV_VECTOR_INT8 /* the last vector type and */
#define FORMAT_2_METRIC   MV_COSINE      /* the last metric that format 2 has */
#define FLAG_NULLABLE     1u
#define FLAG_DEFAULT      2u
#define FLAG_INVERT       4u

/* ---------------------------------------------------------------- saving */

/* Appends; once memory has run out, only remembers that. */
typedef struct writer {
    mem_buffer *out;
    bool failed;
} writer;

static void put(writer *w, const void *bytes, size_t size)
{
    if (!w->failed) w->failed = !mem_buffer_append(w->out, bytes, size);
}

static void put_u8(writer *w, uint32_t value)
{
    uint8_t byte = (uint8_t)value;
    put(w, &byte, 1);
}

static void put_u32(writer *w, uint32_t value)
{
    put(w, &value, 4);
}

static void put_name(writer *w, const char *name)
{
    size_t size = strlen(name);
    put_u8(w, (uint32_t)size);
    put(w, name, size);
}

static void put_hnsw(writer *w, const mv_hnsw_options *hnsw)
{
    put_u32(w, hnsw->m);
    put_u32(w, hnsw->ef_construction);
    put_u8(w, hnsw->quantize);
    put(w, &hnsw->seed, 8);
}

/* The size is known only after the cell: it is filled in then. */
static mv_err put_default(writer *w, const schema_field *field, mv_error *error)
{
    size_t size_at = w->out->size;
    put_u32(w, 0);
    if (w->failed) return MV_OK;
    MV_TRY(cell_from_value(field->type, &field->default_value, field->name, w->out, error));
    uint32_t size = (uint32_t)(w->out->size - size_at - 4);
    memcpy(w->out->data + size_at, &size, 4);
    return MV_OK;
}

/* The lowest format that has all that the schema uses. */
static uint32_t schema_format_needed(const mv_schema *schema)
{
    uint32_t needed = SCHEMA_FORMAT_MIN;
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        uint32_t format = type_of(schema->fields[i].type)->schema_format;
        if (format > needed) needed = format;
    }
    for (uint32_t i = 0; i < schema->vectors_count; i++)
        if (needed < 3 && (schema->vectors[i].type > FORMAT_2_TYPE ||
                           schema->vectors[i].metric > FORMAT_2_METRIC))
            needed = 3;
    return needed;
}

mv_err schema_format_save(const mv_schema *schema, mem_buffer *out, mv_error *error)
{
    size_t start = out->size;
    mv_err err = MV_OK;
    writer w = {.out = out};
    put_u32(&w, schema_format_needed(schema));
    put_u32(&w, schema->next_uid);
    put_name(&w, schema->name);
    put_u32(&w, schema->fields_count);
    put_u32(&w, schema->vectors_count);
    for (uint32_t i = 0; i < schema->fields_count && !err; i++) {
        const schema_field *field = &schema->fields[i];
        put_u32(&w, field->uid);
        put_u8(&w, field->type);
        put_u8(&w, (field->nullable ? FLAG_NULLABLE : 0) | (field->has_default ? FLAG_DEFAULT : 0) |
                       (field->index == MV_INDEX_INVERT ? FLAG_INVERT : 0));
        put_name(&w, field->name);
        if (field->has_default) err = put_default(&w, field, error);
    }
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        const schema_vector *vector = &schema->vectors[i];
        put_u32(&w, vector->uid);
        put_u8(&w, vector->type);
        put_u8(&w, vector->metric);
        put_u8(&w, vector->index);
        put_u32(&w, vector->dim);
        put_name(&w, vector->name);
        if (vector->index != MV_INDEX_HNSW) continue;
        put_hnsw(&w, &vector->hnsw);
        put(&w, &vector->index_since, 8);
    }
    if (!err && w.failed) err = error_memory(error, out->size - start, "the bytes of a schema");
    if (err) out->size = start;
    return err;
}

/* ---------------------------------------------------------------- loading */

/* Reads zeros after the end and remembers that it did. */
typedef struct reader {
    const uint8_t *at;
    size_t left;
    bool failed;
} reader;

/* The next `size` bytes, or NULL when there are not as many. */
static const uint8_t *get(reader *r, size_t size)
{
    if (r->failed || size > r->left) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *bytes = r->at;
    r->at += size;
    r->left -= size;
    return bytes;
}

static uint8_t get_u8(reader *r)
{
    const uint8_t *bytes = get(r, 1);
    return bytes ? *bytes : 0;
}

static uint32_t get_u32(reader *r)
{
    uint32_t value = 0;
    const uint8_t *bytes = get(r, 4);
    if (bytes) memcpy(&value, bytes, 4);
    return value;
}

static uint64_t get_u64(reader *r)
{
    uint64_t value = 0;
    const uint8_t *bytes = get(r, 8);
    if (bytes) memcpy(&value, bytes, 8);
    return value;
}

static void get_name(reader *r, char out[UINT8_MAX + 1])
{
    size_t size = get_u8(r);
    const uint8_t *bytes = get(r, size);
    if (!bytes || memchr(bytes, 0, size)) {
        r->failed = true;
        size = 0;
    }
    if (size) memcpy(out, bytes, size);
    out[size] = 0;
}

static mv_err cut_short(mv_error *error)
{
    return error_set(error, MV_CORRUPT, "it ends too early");
}

static mv_err load_field(mv_schema *schema, reader *r, mv_error *error)
{
    char name[UINT8_MAX + 1];
    mv_value default_value;
    uint32_t uid = get_u32(r), type = get_u8(r), flags = get_u8(r);
    get_name(r, name);
    mv_field_options options = {.name = name,
                                .type = (mv_type)type,
                                .nullable = flags & FLAG_NULLABLE,
                                .index = flags & FLAG_INVERT ? MV_INDEX_INVERT : MV_INDEX_NONE};
    if (flags & FLAG_DEFAULT) {
        uint32_t size = get_u32(r);
        const uint8_t *bytes = get(r, size);
        if (!bytes) return cut_short(error);
        MV_TRY(cell_to_value(options.type, bytes, size, &schema->arena, &default_value, error));
        options.default_value = &default_value;
    }
    if (r->failed) return cut_short(error);
    if (flags > (FLAG_NULLABLE | FLAG_DEFAULT | FLAG_INVERT))
        return error_set(error, MV_CORRUPT, "field '%s' has unknown flags %u", name, flags);
    MV_TRY(mv_schema_add_field(schema, &options, error));
    schema->fields[schema->fields_count - 1].uid = uid;
    return MV_OK;
}

/* Zeros would be taken for options left out. */
static mv_err load_hnsw(mv_hnsw_options *hnsw, reader *r, const char *name, mv_error *error)
{
    hnsw->m = get_u32(r);
    hnsw->ef_construction = get_u32(r);
    hnsw->quantize = (mv_quantize)get_u8(r);
    hnsw->seed = get_u64(r);
    if (r->failed) return cut_short(error);
    if (!hnsw->m || !hnsw->ef_construction || !hnsw->seed)
        return error_set(error, MV_CORRUPT,
                         "vector field '%s' has an index with a 0 in its options", name);
    return MV_OK;
}

static mv_err load_vector(mv_schema *schema, reader *r, uint32_t format, mv_error *error)
{
    char name[UINT8_MAX + 1];
    uint64_t index_since = 0;
    uint32_t uid = get_u32(r);
    mv_vector_options options = {.name = name};
    options.type = (mv_type)get_u8(r);
    options.metric = (mv_metric)get_u8(r);
    options.index = (mv_index_type)get_u8(r);
    options.dim = get_u32(r);
    get_name(r, name);
    if (r->failed) return cut_short(error);
    if (format >= 3 && (!element_size(options.type) || !mv_metric_name(options.metric)))
        return error_set(error, MV_WRONG_VERSION,
                         "vector field '%s' has type %d and metric %d, which a newer moonvec knows",
                         name, (int)options.type, (int)options.metric);
    if (options.index == MV_INDEX_NONE)
        return error_set(error, MV_CORRUPT, "vector field '%s' has the unknown index type 0", name);
    if (options.index == MV_INDEX_HNSW) {
        MV_TRY(load_hnsw(&options.hnsw, r, name, error));
        if (format >= 2) index_since = get_u64(r);
        if (r->failed) return cut_short(error);
    }
    MV_TRY(mv_schema_add_vector(schema, &options, error));
    schema->vectors[schema->vectors_count - 1].uid = uid;
    schema->vectors[schema->vectors_count - 1].index_since = index_since;
    return MV_OK;
}

static uint32_t uid_at(const mv_schema *schema, uint32_t at)
{
    return at < schema->fields_count ? schema->fields[at].uid
                                     : schema->vectors[at - schema->fields_count].uid;
}

static mv_err check_uids(const mv_schema *schema, mv_error *error)
{
    uint32_t count = schema->fields_count + schema->vectors_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t uid = uid_at(schema, i);
        if (uid == 0 || uid >= schema->next_uid)
            return error_set(error, MV_CORRUPT, "field number %u is not between 1 and %u", uid,
                             schema->next_uid);
        for (uint32_t j = 0; j < i; j++)
            if (uid_at(schema, j) == uid)
                return error_set(error, MV_CORRUPT, "field number %u is there twice", uid);
    }
    return MV_OK;
}

static mv_err load(reader *r, mv_schema **schema, mv_error *error)
{
    char name[UINT8_MAX + 1];
    uint32_t format = get_u32(r), next_uid = get_u32(r);
    if (format > SCHEMA_FORMAT)
        return error_set(error, MV_WRONG_VERSION, "it has format %u, this moonvec reads up to %u",
                         format, SCHEMA_FORMAT);
    if (format == 0) return error_set(error, MV_CORRUPT, "it has format 0");
    get_name(r, name);
    uint32_t fields = get_u32(r), vectors = get_u32(r);
    if (r->failed) return cut_short(error);
    if (next_uid == 0) return error_set(error, MV_CORRUPT, "its next field number is 0");
    MV_TRY(mv_schema_create(name, schema, error));
    for (uint32_t i = 0; i < fields; i++) MV_TRY(load_field(*schema, r, error));
    for (uint32_t i = 0; i < vectors; i++) MV_TRY(load_vector(*schema, r, format, error));
    if (r->left) return error_set(error, MV_CORRUPT, "%zu bytes are left over at its end", r->left);
    (*schema)->next_uid = next_uid;
    return check_uids(*schema, error);
}

mv_err schema_format_load(const void *bytes, size_t size, mv_schema **schema, mv_error *error)
{
    reader r = {.at = bytes, .left = size};
    *schema = NULL;
    mv_err err = load(&r, schema, error);
    if (!err) return MV_OK;
    mv_schema_free(*schema);
    *schema = NULL;
    if (err == MV_NO_MEMORY) return err;
    if (err != MV_WRONG_VERSION)
        err = MV_CORRUPT; /* what is misuse in a program is damage in a file */
    return error_prefix(error, err, "the stored schema cannot be read: ");
}

mv_err schema_format_copy(const mv_schema *schema, mv_schema **copy, mv_error *error)
{
    mem_buffer bytes = {0};
    *copy = NULL;
    mv_err err = schema_format_save(schema, &bytes, error);
    if (!err) err = schema_format_load(bytes.data, bytes.size, copy, error);
    mem_buffer_free(&bytes);
    return err;
}
