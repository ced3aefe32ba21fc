/* The difference between the schema of a collection and the one that it is opened with. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "storage/cell.h"
#include "storage/schema.h"

/* "field 'year' is int32 in the collection, int64 in the given schema" */
static mv_err differs(const char *field, const char *verb, const char *found, const char *wanted,
                      mv_error *error)
{
    return error_set(error, MV_SCHEMA_MISMATCH,
                     "field '%s' %s %s in the collection, %s in the given schema", field, verb,
                     found, wanted);
}

static mv_err missing_field(const char *field, const char *there, const char *not_there,
                            mv_error *error)
{
    return error_set(error, MV_SCHEMA_MISMATCH, "field '%s' is in the %s but not in the %s", field,
                     there, not_there);
}

/* Both have a default value, of the same type: compare their cells. */
static mv_err compare_default(const schema_field *wanted, const schema_field *found,
                              mv_error *error)
{
    mem_buffer a = {0}, b = {0};
    mv_assert(wanted->type == found->type);
    mv_assert(wanted->has_default && found->has_default);
    mv_err err = cell_from_value(wanted->type, &wanted->default_value, wanted->name, &a, error);
    if (!err) err = cell_from_value(found->type, &found->default_value, found->name, &b, error);
    if (!err && (a.size != b.size || (a.size && memcmp(a.data, b.data, a.size) != 0)))
        err = error_set(
            error, MV_SCHEMA_MISMATCH,
            "field '%s' has another default value in the collection than in the given schema",
            wanted->name);
    mem_buffer_free(&a);
    mem_buffer_free(&b);
    return err;
}

/* The text of an option's value: a word or a number; of stop words the first ones. */
static const char *option_text(const mv_member_info *option, const mv_index_options *options,
                               char text[ERROR_QUOTE_SIZE])
{
    uint64_t value = index_kind_get(option, options);
    double real;
    memcpy(&real, &value, sizeof real);
    if (index_kind_has_words(option)) return option->words[value];
    if (option->kind == MV_MEMBER_STOP_WORDS) {
        const char *words = index_kind_stop_words(option, options);
        if (!index_kind_has_list(words)) return words ? "true" : "false";
        error_quote(words, strlen(words), text);
    } else if (option->kind == MV_MEMBER_REAL) {
        (void)snprintf(text, ERROR_QUOTE_SIZE, "%g", real);
    } else {
        (void)snprintf(text, ERROR_QUOTE_SIZE, "%" PRIu64, value);
    }
    return text;
}

static mv_err compare_index(const char *name, const mv_index_options *wanted,
                            const mv_index_options *found, mv_error *error)
{
    const index_kind *kind = index_kind_find(wanted->type);
    if (wanted->type != found->type)
        return differs(name, "has index", mv_index_name(found->type), mv_index_name(wanted->type),
                       error);
    for (uint32_t i = 0; kind && i < kind->info.options_count; i++) {
        const mv_member_info *option = &kind->info.options[i];
        char verb[64], wanted_text[ERROR_QUOTE_SIZE], found_text[ERROR_QUOTE_SIZE];
        if (index_kind_same_value(option, wanted, found)) continue;
        (void)snprintf(verb, sizeof verb, "has an index with %s", option->name);
        return differs(name, verb, option_text(option, found, found_text),
                       option_text(option, wanted, wanted_text), error);
    }
    return MV_OK;
}

static mv_err compare_number(const char *field, const char *verb, uint64_t wanted, uint64_t found,
                             mv_error *error)
{
    char wanted_text[24], found_text[24];
    if (wanted == found) return MV_OK;
    (void)snprintf(wanted_text, sizeof wanted_text, "%" PRIu64, wanted);
    (void)snprintf(found_text, sizeof found_text, "%" PRIu64, found);
    return differs(field, verb, found_text, wanted_text, error);
}

static mv_err compare_field(const schema_field *wanted, const schema_field *found, mv_error *error)
{
    const char *name = wanted->name;
    if (wanted->type != found->type)
        return differs(name, "is", type_name(found->type), type_name(wanted->type), error);
    MV_TRY(compare_number(name, "has dim", wanted->dim, found->dim, error));
    if (wanted->nullable != found->nullable)
        return differs(name, "is", found->nullable ? "nullable" : "not nullable",
                       wanted->nullable ? "nullable" : "not nullable", error);
    if (wanted->has_default != found->has_default)
        return differs(name, "has", found->has_default ? "a default value" : "no default value",
                       wanted->has_default ? "one" : "none", error);
    MV_TRY(compare_index(name, &wanted->index, &found->index, error));
    return wanted->has_default ? compare_default(wanted, found, error) : MV_OK;
}

/* A fingerprint that is not given is like any. */
static mv_err compare_embed(const char *name, const mv_embed *wanted, const mv_embed *found,
                            mv_error *error)
{
    if (!wanted->from && !found->from) return MV_OK;
    if (!wanted->from || !found->from)
        return error_set(error, MV_SCHEMA_MISMATCH, "field '%s' %s", name,
                         found->from ? "embeds texts in the collection, not in the given schema"
                                     : "embeds texts in the given schema, not in the collection");
    if (strcmp(wanted->from, found->from) != 0)
        return differs(name, "embeds field", found->from, wanted->from, error);
    if (strcmp(wanted->model, found->model) != 0)
        return differs(name, "embeds by model", found->model, wanted->model, error);
    if (!*wanted->fingerprint || strcmp(wanted->fingerprint, found->fingerprint) == 0) return MV_OK;
    return error_set(
        error, MV_SCHEMA_MISMATCH,
        "field '%s' has vectors of model '%s' with fingerprint '%s', that of the given "
        "one is '%s'",
        name, found->model, found->fingerprint, wanted->fingerprint);
}

static mv_err compare_vector(const mv_schema *wanted_schema, const schema_vector *wanted,
                             const mv_schema *found_schema, const schema_vector *found,
                             mv_error *error)
{
    const char *name = wanted->name;
    mv_embed wanted_embed = schema_embed_of(wanted_schema, wanted),
             found_embed = schema_embed_of(found_schema, found);
    if (wanted->type != found->type)
        return differs(name, "is", type_name(found->type), type_name(wanted->type), error);
    MV_TRY(compare_number(name, "has dim", wanted->dim, found->dim, error));
    if (wanted->metric != found->metric)
        return differs(name, "has metric", mv_metric_name(found->metric),
                       mv_metric_name(wanted->metric), error);
    MV_TRY(compare_embed(name, &wanted_embed, &found_embed, error));
    return compare_index(name, &wanted->index, &found->index, error);
}

/* MV_SCHEMA_MISMATCH: a scalar field of `a` is no scalar field of `b`, or a vector field of `a` no
 * vector field of `b`. */
static mv_err find_all(const mv_schema *a, const mv_schema *b, const char *a_is, const char *b_is,
                       mv_error *error)
{
    uint32_t at;
    for (uint32_t i = 0; i < a->fields_count; i++) {
        const char *name = a->fields[i].name;
        if (!mv_schema_find_field(b, name, strlen(name), &at))
            return missing_field(name, a_is, b_is, error);
    }
    for (uint32_t i = 0; i < a->vectors_count; i++) {
        const char *name = a->vectors[i].name;
        if (!mv_schema_find_vector(b, name, strlen(name), &at))
            return missing_field(name, a_is, b_is, error);
    }
    return MV_OK;
}

static mv_err retention_differs(const char *option, const char *found, const char *wanted,
                                mv_error *error)
{
    return error_set(error, MV_SCHEMA_MISMATCH,
                     "'%s' is %s in the collection, %s in the given schema", option, found, wanted);
}

static mv_err compare_limit(const char *option, uint64_t wanted, uint64_t found, mv_error *error)
{
    char wanted_text[24] = "not set", found_text[24] = "not set";
    if (wanted == found) return MV_OK;
    if (wanted) (void)snprintf(wanted_text, sizeof wanted_text, "%" PRIu64, wanted);
    if (found) (void)snprintf(found_text, sizeof found_text, "%" PRIu64, found);
    return retention_differs(option, found_text, wanted_text, error);
}

static mv_err compare_retention(const mv_schema *wanted, const mv_schema *found, mv_error *error)
{
    static const char *const rules[] = {"oldest", "least_recent"};
    mv_retention a, b;
    mv_schema_retention(wanted, &a);
    mv_schema_retention(found, &b);
    const char *a_field = a.expires ? a.expires : "not set",
               *b_field = b.expires ? b.expires : "not set";
    if (strcmp(a_field, b_field) != 0) return retention_differs("expires", b_field, a_field, error);
    MV_TRY(compare_limit("max_documents", a.max_documents, b.max_documents, error));
    MV_TRY(compare_limit("max_bytes", a.max_bytes, b.max_bytes, error));
    if (a.evict == b.evict) return MV_OK;
    return retention_differs("evict", rules[b.evict], rules[a.evict], error);
}

mv_err schema_compare(const mv_schema *wanted, const mv_schema *found, mv_error *error)
{
    uint32_t at;
    if (*wanted->name && *found->name && strcmp(wanted->name, found->name) != 0)
        return error_set(error, MV_SCHEMA_MISMATCH,
                         "the collection is named '%s', the given schema '%s'", found->name,
                         wanted->name);
    for (uint32_t i = 0; i < wanted->fields_count; i++) {
        const schema_field *field = &wanted->fields[i];
        if (mv_schema_find_field(found, field->name, strlen(field->name), &at))
            MV_TRY(compare_field(field, &found->fields[at], error));
        else if (mv_schema_find_vector(found, field->name, strlen(field->name), &at))
            return differs(field->name, "is", type_name(found->vectors[at].type),
                           type_name(field->type), error);
    }
    for (uint32_t i = 0; i < wanted->vectors_count; i++) {
        const schema_vector *vector = &wanted->vectors[i];
        if (mv_schema_find_vector(found, vector->name, strlen(vector->name), &at))
            MV_TRY(compare_vector(wanted, vector, found, &found->vectors[at], error));
        else if (mv_schema_find_field(found, vector->name, strlen(vector->name), &at))
            return differs(vector->name, "is", type_name(found->fields[at].type),
                           type_name(vector->type), error);
    }
    MV_TRY(find_all(wanted, found, "given schema", "collection", error));
    MV_TRY(find_all(found, wanted, "collection", "given schema", error));
    return compare_retention(wanted, found, error);
}

bool schema_compare_has_same_rows(const mv_schema *a, const mv_schema *b)
{
    if (a->fields_count != b->fields_count || a->vectors_count != b->vectors_count) return false;
    for (uint32_t f = 0; f < a->fields_count; f++)
        if (a->fields[f].uid != b->fields[f].uid || a->fields[f].type != b->fields[f].type ||
            a->fields[f].nullable != b->fields[f].nullable || a->fields[f].dim != b->fields[f].dim)
            return false;
    for (uint32_t v = 0; v < a->vectors_count; v++)
        if (a->vectors[v].uid != b->vectors[v].uid || a->vectors[v].type != b->vectors[v].type ||
            a->vectors[v].dim != b->vectors[v].dim || a->vectors[v].metric != b->vectors[v].metric)
            return false;
    return true;
}

bool schema_compare_has_same_files(const mv_schema *a, const mv_schema *b)
{
    if (!schema_compare_has_same_rows(a, b)) return false;
    for (uint32_t f = 0; f < a->fields_count; f++)
        if (!index_kind_same_options(&a->fields[f].index, &b->fields[f].index) ||
            a->fields[f].index_since != b->fields[f].index_since)
            return false;
    for (uint32_t v = 0; v < a->vectors_count; v++)
        if (!index_kind_same_options(&a->vectors[v].index, &b->vectors[v].index) ||
            a->vectors[v].index_since != b->vectors[v].index_since)
            return false;
    return true;
}
