/* The index of a field: its options completed and checked, by the description of its type. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "storage/schema.h"

/* How messages name a field. */
static const char *field_noun(mv_metric metric)
{
    return metric ? "vector field" : "field";
}

/* "a flat", "an invert" */
static const char *article_of(const char *word)
{
    return strchr("aeiou", *word) ? "an" : "a";
}

static double real_of(uint64_t bits)
{
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

/* Doubles that are 0 or more are in the order of their bits. */
static mv_err check_number(const char *noun, const char *name, const mv_member_info *option,
                           uint64_t value, mv_error *error)
{
    if (value >= option->min && value <= option->max) return MV_OK;
    if (option->kind == MV_MEMBER_REAL)
        return error_set(error, MV_MISUSE,
                         "%s '%s' has an index with %s %g, it must be %g to %g", noun, name,
                         option->name, real_of(value), real_of(option->min), real_of(option->max));
    return error_set(error, MV_MISUSE,
                     "%s '%s' has an index with %s %" PRIu64 ", it must be %" PRIu64 " to %" PRIu64,
                     noun, name, option->name, value, option->min, option->max);
}

/* MV_MISUSE: the metric cannot be computed from such codes; names those that it can. */
static mv_err check_quantize(const char *name, mv_metric metric, const mv_member_info *option,
                             uint64_t value, mv_error *error)
{
    char possible[128] = "";
    size_t used = 0;
    if (!metric || metric_takes_quantize(metric, (mv_quantize)value)) return MV_OK;
    for (uint32_t other = 0; option->words[other]; other++)
        if (metric_takes_quantize(metric, (mv_quantize)other) && used < sizeof possible)
            used += (size_t)snprintf(possible + used, sizeof possible - used, "%s'%s'",
                                     used ? ", " : "", option->words[other]);
    return error_set(error, MV_MISUSE,
                     "vector field '%s' has an index with %s '%s', which metric '%s' cannot use "
                     "(possible: %s)",
                     name, option->name, option->words[value], mv_metric_name(metric), possible);
}

static mv_err check_options(const char *name, mv_metric metric, const index_kind *kind,
                            const mv_index_options *options, mv_error *error)
{
    for (uint32_t i = 0; i < kind->info.options_count; i++) {
        const mv_member_info *option = &kind->info.options[i];
        uint64_t value = index_kind_get(option, options);
        if (!index_kind_has_words(option))
            MV_TRY(check_number(field_noun(metric), name, option, value, error));
        else if (value >= index_kind_words(option))
            return error_set(error, MV_MISUSE, "%s '%s' has an index with the unknown %s %" PRIu64,
                             field_noun(metric), name, option->name, value);
        else if (option->kind == MV_MEMBER_QUANTIZE)
            MV_TRY(check_quantize(name, metric, option, value, error));
    }
    return MV_OK;
}

/* "'invert', 'text' or none" */
static mv_err not_of_scalars(const char *name, mv_index_type index, mv_error *error)
{
    char names[256] = "";
    const char *known = mv_index_name(index);
    const index_kind *kind;
    size_t used = 0;
    for (uint32_t i = 0; (kind = index_kind_at(i)); i++)
        if (!kind->info.of_vectors && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s'%s'", used ? ", " : "",
                                     kind->info.name);
    return error_set(error, MV_MISUSE,
                     "field '%s' is scalar: its index is %s or none, not %d ('%s')", name, names,
                     (int)index, known ? known : "unknown");
}

static mv_err check_takes(const char *name, mv_type type, mv_metric metric, const index_kind *kind,
                          mv_error *error)
{
    if (!kind->takes || kind->takes(type, metric)) return MV_OK;
    return error_set(error, MV_MISUSE, "%s '%s' has %s %s index, which does not support %s%s",
                     field_noun(metric), name, article_of(kind->info.name), kind->info.name,
                     type_name(type), metric ? " with its metric" : "");
}

mv_err schema_index_take(const char *name, mv_type type, mv_metric metric,
                         const mv_index_options *given, mv_index_options *out, mv_error *error)
{
    static const mv_index_options none;
    const char *noun = field_noun(metric);
    mv_index_type index = given->type;
    if (index == MV_INDEX_NONE && metric) index = MV_INDEX_HNSW;
    *out = none;
    if (index == MV_INDEX_NONE) return MV_OK;
    const index_kind *kind = index_kind_find(index);
    if (!metric && (!kind || kind->info.of_vectors)) return not_of_scalars(name, index, error);
    if (!kind || !kind->info.of_vectors != !metric)
        return error_set(error, MV_MISUSE, "vector field '%s' has the unknown index type %d", name,
                         (int)index);
    if (!kind->info.options_count && memcmp(&given->as, &none.as, sizeof none.as) != 0)
        return error_set(error, MV_MISUSE, "%s '%s' has %s %s index, which takes no options", noun,
                         name, article_of(kind->info.name), kind->info.name);
    MV_TRY(check_takes(name, type, metric, kind, error));
    index_kind_complete(kind, given, out);
    return check_options(name, metric, kind, out, error);
}
