/* Schemas: built field by field, and changed. Each field is checked when it is added. */
#include "storage/schema.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "storage/cell.h"
#include "vector/element.h"

/* ---------------------------------------------------------------- names */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* `what` says what has the name. `extra`: one more character that is allowed after the first; or 0.
 */
static mv_err check_name(const char *what, const char *name, char extra, mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    if (!name || !*name) return error_set(error, MV_MISUSE, "the name of a %s is missing", what);
    size_t size = strlen(name);
    error_quote(name, size, quoted);
    if (size > MV_NAME_SIZE_MAX)
        return error_set(error, MV_MISUSE, "%s name '%s' has %zu bytes, at most %u are allowed",
                         what, quoted, size, MV_NAME_SIZE_MAX);
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        if (is_letter(c) || (i > 0 && ((c >= '0' && c <= '9') || c == extra))) continue;
        return error_set(
            error, MV_MISUSE,
            "%s name '%s' may only have letters, digits%s and '_', and must not begin with a digit",
            what, quoted, extra ? ", '-'" : "");
    }
    return MV_OK;
}

static mv_err check_field_name(const mv_schema *schema, const char *name, mv_error *error)
{
    static const char *const reserved[] = {"id", "score", "distance"};
    static const char *const keywords[] = {"true", "false",
                                           "not"}; /* may begin a test of a filter */
    MV_TRY(check_name("field", name, 0, error));
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(name, reserved[i]) == 0)
            return error_set(error, MV_MISUSE, "field name '%s' is reserved", name);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcasecmp(name, keywords[i]) == 0)
            return error_set(error, MV_MISUSE, "field name '%s' is a keyword of filters", name);
    uint32_t position;
    if (mv_schema_find_field(schema, name, strlen(name), &position) ||
        mv_schema_find_vector(schema, name, strlen(name), &position))
        return error_set(error, MV_MISUSE, "field '%s' is in the schema twice", name);
    return MV_OK;
}

/* ---------------------------------------------------------------- building */

mv_err mv_schema_create(const char *name, mv_schema **schema, mv_error *error)
{
    *schema = NULL;
    if (name && *name) MV_TRY(check_name("collection", name, '-', error));
    mv_schema *created = mem_alloc_zero(sizeof *created);
    if (!created) return error_memory(error, sizeof *created, "a schema");
    if (name) memcpy(created->name, name, strlen(name));
    created->next_uid = 1;
    *schema = created;
    return MV_OK;
}

/* Check a default value and copy it: to a cell and back, so that it has the form of stored values.
 */
static mv_err take_default(mv_schema *schema, schema_field *field, const mv_value *value,
                           mv_error *error)
{
    if (!value || (value->kind == MV_KIND_NULL && field->nullable)) return MV_OK;
    mem_buffer bytes = {0};
    mv_err err = cell_from_value(field->type, value, field->name, &bytes, error);
    if (!err && !schema_field_fits(field, bytes.size))
        err = error_set(error, MV_MISUSE, "field '%s' wants vectors of %u numbers", field->name,
                        field->dim);
    if (err) {
        error_prefix(error, err, "default value: ");
        goto done;
    }
    const uint8_t *kept = mem_arena_copy(&schema->arena, bytes.data, bytes.size);
    if (!kept) {
        err = error_memory(error, bytes.size, "a default value");
        goto done;
    }
    err =
        cell_to_value(field->type, kept, bytes.size, &schema->arena, &field->default_value, error);
    field->has_default = !err;
done:
    mem_buffer_free(&bytes);
    return err;
}

/* Only several vectors in a field have a dim. */
static mv_err check_field_dim(const mv_field_options *options, mv_error *error)
{
    bool has_dim = type_is_multi(options->type);
    if (has_dim ? options->dim >= 1 && options->dim <= MV_DIM_MAX : !options->dim) return MV_OK;
    if (has_dim)
        return error_set(error, MV_MISUSE, "field '%s' has dim %u, it must be 1 to %u",
                         options->name, options->dim, MV_DIM_MAX);
    return error_set(error, MV_MISUSE, "field '%s' is %s, which has no dim", options->name,
                     type_name(options->type));
}

mv_err schema_add_field(mv_schema *schema, const mv_field_options *options, bool is_stored,
                        mv_error *error)
{
    MV_TRY(check_field_name(schema, options->name, error));
    if (element_size(options->type))
        return error_set(error, MV_MISUSE, "field '%s' is scalar, %s is a type of vector fields",
                         options->name, type_name(options->type));
    if (!mv_type_name(options->type))
        return error_set(error, MV_MISUSE, "field '%s' has the unknown type %d", options->name,
                         (int)options->type);
    if (schema->fields_count == MV_FIELDS_MAX)
        return error_set(error, MV_MISUSE, "field '%s': a schema has at most %u scalar fields",
                         options->name, MV_FIELDS_MAX);

    MV_TRY(check_field_dim(options, error));
    schema_field field = {.uid = schema->next_uid,
                          .type = options->type,
                          .nullable = options->nullable,
                          .dim = options->dim};
    MV_TRY(schema_index_take(options->name, options->type, schema_field_metric(&field),
                             &options->index, &schema->arena, &field.index, error));
    if (!is_stored) MV_TRY(schema_index_check(options->name, options->type, &field.index, error));
    memcpy(field.name, options->name, strlen(options->name));
    MV_TRY(take_default(schema, &field, options->default_value, error));
    schema_field *fields =
        mem_grow(schema->fields, &schema->fields_capacity, schema->fields_count, sizeof field);
    if (!fields) return error_memory(error, sizeof field, "the fields of a schema");
    schema->fields = fields;
    schema->fields[schema->fields_count++] = field;
    schema->next_uid++;
    return MV_OK;
}

mv_err mv_schema_add_field(mv_schema *schema, const mv_field_options *options, mv_error *error)
{
    return schema_add_field(schema, options, false, error);
}

/* ", 'l2'" behind the names that are in `list` already; at first without the comma. */
static void list_name(char *list, size_t list_size, const char *name)
{
    size_t size = strlen(list);
    (void)snprintf(list + size, list_size - size, "%s'%s'", size ? ", " : "", name);
}

static mv_err check_metric(const mv_vector_options *options, mv_error *error)
{
    char possible[256] = "";
    const char *metric = mv_metric_name(options->metric);
    if (!metric)
        return error_set(error, MV_MISUSE, "vector field '%s' has the unknown metric %d",
                         options->name, (int)options->metric);
    if (metric_takes_type(options->metric, options->type)) return MV_OK;
    for (int other = 1; mv_metric_name((mv_metric)other); other++)
        if (metric_takes_type((mv_metric)other, options->type))
            list_name(possible, sizeof possible, mv_metric_name((mv_metric)other));
    return error_set(error, MV_MISUSE,
                     "vector field '%s' is %s, which has no metric '%s' (possible: %s)",
                     options->name, type_name(options->type), metric, possible);
}

static mv_err check_vector(const mv_schema *schema, const mv_vector_options *options,
                           mv_error *error)
{
    const char *name = options->name;
    MV_TRY(check_field_name(schema, name, error));
    if (!mv_type_name(options->type))
        return error_set(error, MV_MISUSE, "vector field '%s' has the unknown type %d", name,
                         (int)options->type);
    if (!element_size(options->type))
        return error_set(error, MV_MISUSE, "vector field '%s' is %s, which is no vector type", name,
                         type_name(options->type));
    if (options->dim < 1 || options->dim > MV_DIM_MAX)
        return error_set(error, MV_MISUSE, "vector field '%s' has dim %u, it must be 1 to %u", name,
                         options->dim, MV_DIM_MAX);
    if (options->type == MV_VECTOR_BINARY && options->dim % 8)
        return error_set(error, MV_MISUSE,
                         "vector field '%s' has dim %u, that of %s must be a multiple of 8", name,
                         options->dim, type_name(options->type));
    MV_TRY(check_metric(options, error));
    if (schema->vectors_count == MV_VECTORS_MAX)
        return error_set(error, MV_MISUSE,
                         "vector field '%s': a schema has at most %u vector fields", name,
                         MV_VECTORS_MAX);
    return MV_OK;
}

mv_err mv_schema_add_vector(mv_schema *schema, const mv_vector_options *options, mv_error *error)
{
    MV_TRY(check_vector(schema, options, error));
    schema_vector vector = {
        .uid = schema->next_uid,
        .type = options->type,
        .metric = options->metric,
        .dim = options->dim,
        .size = (uint32_t)element_row_size(options->type, options->dim),
    };
    memcpy(vector.name, options->name, strlen(options->name));
    MV_TRY(schema_index_take(options->name, options->type, options->metric, &options->index,
                             &schema->arena, &vector.index, error));
    MV_TRY(schema_embed_take(schema, options->name, &options->embed, &vector, error));
    schema_vector *vectors =
        mem_grow(schema->vectors, &schema->vectors_capacity, schema->vectors_count, sizeof vector);
    if (!vectors) return error_memory(error, sizeof vector, "the fields of a schema");
    schema->vectors = vectors;
    schema->vectors[schema->vectors_count++] = vector;
    schema->next_uid++;
    return MV_OK;
}

void mv_schema_free(mv_schema *schema)
{
    if (!schema) return;
    mem_free(schema->fields, schema->fields_capacity * sizeof *schema->fields);
    mem_free(schema->vectors, schema->vectors_capacity * sizeof *schema->vectors);
    mem_arena_free(&schema->arena);
    mem_free(schema, sizeof *schema);
}

/* ---------------------------------------------------------------- changing */

/* MV_MISUSE, suggesting the nearest name of all fields. */
static mv_err no_such_field(const mv_schema *schema, const char *name, mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    const char *names[MV_FIELDS_MAX + MV_VECTORS_MAX];
    size_t count = 0, size = strlen(name);
    for (uint32_t i = 0; i < schema->fields_count; i++) names[count++] = schema->fields[i].name;
    for (uint32_t i = 0; i < schema->vectors_count; i++) names[count++] = schema->vectors[i].name;
    const char *nearest = mv_nearest_name(name, size, names, count);
    return error_set(error, MV_MISUSE,
                     nearest ? "unknown field '%s' (did you mean '%s'?)" : "unknown field '%s'",
                     error_quote(name, size, quoted), nearest);
}

static schema_field *find_field(const mv_schema *schema, const char *name)
{
    uint32_t at;
    return mv_schema_find_field(schema, name, strlen(name), &at) ? &schema->fields[at] : NULL;
}

static schema_vector *find_vector(const mv_schema *schema, const char *name)
{
    uint32_t at;
    return mv_schema_find_vector(schema, name, strlen(name), &at) ? &schema->vectors[at] : NULL;
}

mv_err schema_drop_field(mv_schema *schema, const char *name, uint32_t *uid, mv_error *error)
{
    schema_field *field = find_field(schema, name);
    schema_vector *vector = find_vector(schema, name);
    mv_assert(!field || !vector); /* a name is used once */
    if (field && field->uid == schema->retention.expires_uid)
        return error_set(error, MV_MISUSE,
                         "field '%s' says when documents expire: change 'expires' first", name);
    const schema_vector *embedded = field ? schema_embed_find(schema, field) : NULL;
    if (embedded)
        return error_set(error, MV_MISUSE,
                         "field '%s' has the texts of vector field '%s': drop that one first", name,
                         embedded->name);
    if (field) {
        *uid = field->uid;
        size_t after = (size_t)(schema->fields + schema->fields_count - (field + 1));
        memmove(field, field + 1, after * sizeof *field);
        schema->fields_count--;
    } else if (vector) {
        *uid = vector->uid;
        size_t after = (size_t)(schema->vectors + schema->vectors_count - (vector + 1));
        memmove(vector, vector + 1, after * sizeof *vector);
        schema->vectors_count--;
    } else {
        return no_such_field(schema, name, error);
    }
    return MV_OK;
}

mv_err schema_rename_field(mv_schema *schema, const char *name, const char *new_name,
                           mv_error *error)
{
    schema_field *field = find_field(schema, name);
    schema_vector *vector = find_vector(schema, name);
    if (!field && !vector) return no_such_field(schema, name, error);
    if (strcmp(name, new_name) == 0) return MV_OK;
    MV_TRY(check_field_name(schema, new_name, error));
    memcpy(field ? field->name : vector->name, new_name, strlen(new_name) + 1);
    return MV_OK;
}

mv_err schema_widen_field(mv_schema *schema, const char *name, mv_error *error)
{
    schema_field *field = find_field(schema, name);
    if (!field && find_vector(schema, name))
        return error_set(error, MV_MISUSE, "vector field '%s' cannot be nullable", name);
    if (!field) return no_such_field(schema, name, error);
    field->nullable = true;
    return MV_OK;
}

mv_err schema_change_index(mv_schema *schema, const mv_index_change *change, uint64_t since,
                           uint32_t *uid, mv_error *error)
{
    schema_field *field = find_field(schema, change->name);
    schema_vector *vector = find_vector(schema, change->name);
    if (!field && !vector) return no_such_field(schema, change->name, error);
    mv_index_options *index = field ? &field->index : &vector->index, changed;
    MV_TRY(schema_index_take(change->name, field ? field->type : vector->type,
                             field ? schema_field_metric(field) : vector->metric, &change->index,
                             &schema->arena, &changed, error));
    if (field) MV_TRY(schema_index_check(change->name, field->type, &changed, error));
    if (!index_kind_same_options(&changed, index)) {
        const index_kind *kind = index_kind_find(changed.type);
        bool has_options = kind && kind->info.options_count; /* else any file of the type fits */
        *(field ? &field->index_since : &vector->index_since) = has_options ? since : 0;
    }
    *index = changed;
    *uid = field ? field->uid : vector->uid;
    return MV_OK;
}

/* ---------------------------------------------------------------- reading */

const char *mv_schema_name(const mv_schema *schema)
{
    return schema->name;
}

uint32_t mv_schema_field_count(const mv_schema *schema)
{
    return schema->fields_count;
}

uint32_t mv_schema_vector_count(const mv_schema *schema)
{
    return schema->vectors_count;
}

bool mv_schema_field(const mv_schema *schema, uint32_t position, mv_field_options *options)
{
    if (position >= schema->fields_count) return false;
    const schema_field *field = &schema->fields[position];
    *options = (mv_field_options){
        .name = field->name,
        .type = field->type,
        .nullable = field->nullable,
        .default_value = field->has_default ? &field->default_value : NULL,
        .index = field->index,
        .dim = field->dim,
    };
    return true;
}

bool mv_schema_vector(const mv_schema *schema, uint32_t position, mv_vector_options *options)
{
    if (position >= schema->vectors_count) return false;
    const schema_vector *vector = &schema->vectors[position];
    *options = (mv_vector_options){
        .name = vector->name,
        .type = vector->type,
        .dim = vector->dim,
        .metric = vector->metric,
        .index = vector->index,
        .embed = schema_embed_of(schema, vector),
    };
    return true;
}

static bool name_is(const char *own, const char *name, size_t size)
{
    return size <= MV_NAME_SIZE_MAX && memcmp(own, name, size) == 0 && own[size] == 0;
}

bool mv_schema_find_field(const mv_schema *schema, const char *name, size_t size,
                          uint32_t *position)
{
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        if (!name_is(schema->fields[i].name, name, size)) continue;
        *position = i;
        return true;
    }
    return false;
}

bool mv_schema_find_vector(const mv_schema *schema, const char *name, size_t size,
                           uint32_t *position)
{
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        if (!name_is(schema->vectors[i].name, name, size)) continue;
        *position = i;
        return true;
    }
    return false;
}

mv_err schema_unknown_field(const mv_schema *schema, const char *name, size_t size, bool vectors,
                            mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    const char *names[MV_FIELDS_MAX];
    uint32_t count = vectors ? schema->vectors_count : schema->fields_count, position;
    error_quote(name, size, quoted);
    if (vectors ? mv_schema_find_field(schema, name, size, &position)
                : mv_schema_find_vector(schema, name, size, &position))
        return error_set(error, MV_MISUSE, "field '%s' is a %s field, not a %s field", quoted,
                         vectors ? "scalar" : "vector", vectors ? "vector" : "scalar");
    for (uint32_t i = 0; i < count; i++)
        names[i] = vectors ? schema->vectors[i].name : schema->fields[i].name;
    const char *nearest = mv_nearest_name(name, size, names, count);
    return error_set(error, MV_MISUSE,
                     nearest ? "unknown field '%s' (did you mean '%s'?)" : "unknown field '%s'",
                     quoted, nearest);
}
