/* The index of a field: its options completed and checked, by the description of its type. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/schema.h"
#include "text/text.h"

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
        return error_set(error, MV_MISUSE, "%s '%s' has an index with %s %g, it must be %g to %g",
                         noun, name, option->name, real_of(value), real_of(option->min),
                         real_of(option->max));
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
        if (option->kind == MV_MEMBER_STOP_WORDS) continue; /* take_lists */
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

/* ---------------------------------------------------------------- stop words */

typedef struct stop_word {
    const char *text;
    size_t size;
} stop_word;

static int compare_stop_words(const void *a, const void *b)
{
    const stop_word *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

/* Find the words of a list, at most MV_STOP_WORDS_MAX. MV_MISUSE: there are more, or a long one. */
static mv_err split_stop_words(const char *name, const char *list, stop_word *words, size_t *count,
                               mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    *count = 0;
    for (const char *at = list + strspn(list, " "); *at; at += strspn(at, " ")) {
        stop_word word = {at, strcspn(at, " ")};
        if (word.size > MV_STOP_WORD_SIZE_MAX)
            return error_set(
                error, MV_MISUSE,
                "field '%s' has an index with the stop word '%s' of %zu bytes, at most "
                "%u are allowed",
                name, error_quote(at, word.size, quoted), word.size, MV_STOP_WORD_SIZE_MAX);
        if (*count == MV_STOP_WORDS_MAX)
            return error_set(error, MV_MISUSE,
                             "field '%s' has an index with more than %u stop words", name,
                             MV_STOP_WORDS_MAX);
        words[(*count)++] = word;
        at += word.size;
    }
    return MV_OK;
}

/* Write the words in order, each once, with single spaces between them. */
static void join_stop_words(stop_word *words, size_t count, char *out)
{
    char *at = out;
    qsort(words, count, sizeof *words, compare_stop_words);
    for (size_t i = 0; i < count; i++) {
        if (i && compare_stop_words(&words[i - 1], &words[i]) == 0) continue;
        if (at > out) *at++ = ' ';
        memcpy(at, words[i].text, words[i].size);
        at += words[i].size;
    }
    *at = 0;
}

/* A list in the form in which lists are stored and compared. One without words is NULL. */
static mv_err take_list(const char *name, const char *list, mem_arena *arena, const char **out,
                        mv_error *error)
{
    size_t size = MV_STOP_WORDS_MAX * sizeof(stop_word), list_size = strlen(list) + 1, count;
    stop_word *words = mem_alloc(size);
    *out = NULL;
    if (!words) return error_memory(error, size, "stop words");
    mv_err err = split_stop_words(name, list, words, &count, error);
    if (!err && count) {
        char *joined = mem_arena_alloc(arena, list_size);
        if (joined)
            join_stop_words(words, count, joined);
        else
            err = error_memory(error, list_size, "stop words");
        *out = joined;
    }
    mem_free(words, size);
    return err;
}

/* Copy what the options point to. */
static mv_err take_lists(const char *name, const index_kind *kind, mem_arena *arena,
                         mv_index_options *options, mv_error *error)
{
    for (uint32_t i = 0; i < kind->info.options_count; i++) {
        const mv_member_info *option = &kind->info.options[i];
        if (option->kind != MV_MEMBER_STOP_WORDS) continue;
        const char *words = index_kind_stop_words(option, options);
        if (index_kind_has_list(words))
            MV_TRY(take_list(name, words, arena, &words, error));
        else if (words)
            words = MV_STOP_WORDS_OF_LANGUAGE;
        index_kind_set(option, (uintptr_t)words, options);
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- types of indexes */

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
                         const mv_index_options *given, mem_arena *arena, mv_index_options *out,
                         mv_error *error)
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
    MV_TRY(take_lists(name, kind, arena, out, error));
    return check_options(name, metric, kind, out, error);
}

mv_err schema_index_check(const char *name, mv_type type, const mv_index_options *index,
                          mv_error *error)
{
    if (index->type != MV_INDEX_TEXT || type & MV_ARRAY) return MV_OK;
    text_options options = text_options_of(&index->as.text);
    mv_err err = text_options_check(&options, error);
    return err ? error_prefix(error, err, "field '%s': ", name) : MV_OK;
}
