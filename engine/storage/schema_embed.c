/* Which texts the vectors of a field are made of, and by which model (mv_embed). The text field is
 * kept by its uid, so that it may be renamed. */
#include <string.h>

#include "storage/schema.h"

static mv_err take_source(const mv_schema *schema, const char *name, const char *from,
                          uint32_t *uid, mv_error *error)
{
    uint32_t at;
    if (!mv_schema_find_field(schema, from, strlen(from), &at)) {
        mv_err err = schema_unknown_field(schema, from, strlen(from), false, error);
        return error_prefix(error, err, "vector field '%s': embed: ", name);
    }
    const schema_field *field = &schema->fields[at];
    *uid = field->uid;
    if (field->type == MV_STRING) return MV_OK;
    return error_set(error, MV_MISUSE, "vector field '%s': embed: field '%s' is %s, not string",
                     name, from, type_name(field->type));
}

/* Copies a name or a fingerprint; NULL becomes "". */
static mv_err take_label(mv_schema *schema, const char *name, const char *what, const char *text,
                         const char **copy, mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    size_t size = text ? strlen(text) : 0;
    if (size > MV_NAME_SIZE_MAX)
        return error_set(error, MV_MISUSE,
                         "vector field '%s': embed: %s '%s' has %zu bytes, at most %u are allowed",
                         name, what, error_quote(text, size, quoted), size, MV_NAME_SIZE_MAX);
    *copy = mem_arena_copy(&schema->arena, size ? text : "", size + 1);
    return *copy ? MV_OK : error_memory(error, size + 1, "the model of a field");
}

mv_err schema_embed_take(mv_schema *schema, const char *name, const mv_embed *given,
                         schema_vector *vector, mv_error *error)
{
    if (!given->from) return MV_OK;
    MV_TRY(take_source(schema, name, given->from, &vector->embed_uid, error));
    if (!given->model || !*given->model)
        return error_set(error, MV_MISUSE,
                         "vector field '%s': embed: the name of the model is missing", name);
    MV_TRY(take_label(schema, name, "model", given->model, &vector->embed_model, error));
    return take_label(schema, name, "fingerprint", given->fingerprint, &vector->embed_fingerprint,
                      error);
}

mv_embed schema_embed_of(const mv_schema *schema, const schema_vector *vector)
{
    mv_embed embed = {NULL, vector->embed_model, vector->embed_fingerprint};
    for (uint32_t i = 0; vector->embed_uid && i < schema->fields_count; i++)
        if (schema->fields[i].uid == vector->embed_uid) embed.from = schema->fields[i].name;
    mv_assert(!vector->embed_uid == !embed.from); /* a field that is embedded is not dropped */
    return embed;
}

mv_err schema_embed_check(const mv_schema *schema, mv_error *error)
{
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        const schema_vector *vector = &schema->vectors[i];
        if (!vector->embed_uid || *vector->embed_fingerprint) continue;
        return error_set(error, MV_MISUSE,
                         "vector field '%s': embed: the fingerprint of model '%s' is not known "
                         "(the model is not given)",
                         vector->name, vector->embed_model);
    }
    return MV_OK;
}

const schema_vector *schema_embed_find(const mv_schema *schema, const schema_field *field)
{
    for (uint32_t i = 0; i < schema->vectors_count; i++)
        if (schema->vectors[i].embed_uid == field->uid) return &schema->vectors[i];
    return NULL;
}
