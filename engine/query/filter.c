/* Compiling filters. */
#include "query/filter.h"

#include "query/filter_tree.h"

static mv_err check_source(const mv_filter *source, mv_error *error)
{
    if (source->size > MV_FILTER_SIZE_MAX)
        return error_set(error, MV_LIMIT, "the filter has %zu bytes, at most %u are allowed",
                         source->size, MV_FILTER_SIZE_MAX);
    uint32_t wanted = filter_lex_count_arguments(source);
    if (wanted != source->args_count)
        return error_set(error, MV_MISUSE, "the filter has %u '?', %u arguments were given", wanted,
                         source->args_count);
    return MV_OK;
}

mv_err filter_compile(const mv_schema *schema, const mv_filter *source, mem_arena *arena,
                      filter **out, mv_error *error)
{
    MV_TRY(check_source(source, error));
    filter *f = mem_arena_alloc(arena, sizeof *f);
    if (!f) return error_memory(error, sizeof *f, "a filter");
    *f = (filter){0};
    MV_TRY(filter_parse(schema, source, arena, f, error));
    mv_assert(f->root);
    *out = f;
    return MV_OK;
}

bool filter_uses_field(const filter *f, uint32_t field)
{
    mv_assert(field < MV_FIELDS_MAX);
    return bits_get(f->fields, field);
}

bool filter_uses_id(const filter *f)
{
    return f->uses_id;
}

const filter_match *filter_matches(const filter *f)
{
    return f->matches;
}
