/* The table of index types. */
#include "index/index.h"

#include <math.h>

#define TYPES_ADDED_MAX 4u

#define INDEX_ADDRESS(name) &name##_index,
static const index_type *const index_types[] = {INDEX_KINDS(INDEX_ADDRESS)};
#undef INDEX_ADDRESS

static const index_type *types_added[TYPES_ADDED_MAX];
static uint32_t types_added_count;

static const index_type *index_at(uint32_t position)
{
    const uint32_t count = sizeof index_types / sizeof *index_types;
    if (position < count) return index_types[position];
    position -= count;
    return position < types_added_count ? types_added[position] : NULL;
}

const index_type *index_find(mv_index_type type)
{
    const index_type *found;
    for (uint32_t i = 0; (found = index_at(i)); i++)
        if (found->kind->info.type == type) return found;
    return NULL;
}

const index_type *index_of_file(uint32_t file_kind)
{
    const index_kind *kind = index_kind_of_file(file_kind);
    return kind ? index_find(kind->info.type) : NULL;
}

mv_err index_add(const index_type *type, mv_error *error)
{
    mv_assert(type->kind->info.has_files);
    mv_assert(!type->search == !type->kind->info.of_vectors);
    if (types_added_count == TYPES_ADDED_MAX)
        return error_set(error, MV_MISUSE, "index type '%s': at most %u can be added",
                         type->kind->info.name, TYPES_ADDED_MAX);
    MV_TRY(index_kind_add(type->kind, error));
    types_added[types_added_count++] = type;
    return MV_OK;
}

void index_scratch_free(index_scratch *scratch)
{
    mem_free(scratch->block, scratch->size);
    *scratch = (index_scratch){0};
}

mv_err index_compare(const index_type *type, const index_opened *opened, const index_source *source,
                     const mv_index_options *options, mv_error *error)
{
    index_request request = {.source = source, .options = options, .threads = 1};
    index_part parts[INDEX_PARTS_MAX];
    index_builder *b = NULL;
    index_opened *built = NULL;
    bool more = true;
    if (!type->compare) return MV_OK;
    MV_TRY(type->build_begin(&request, &b, error));
    mv_err err = MV_OK;
    while (!err && more) err = type->build_step(b, INFINITY, &more, error);
    if (!err) err = type->open(parts, type->build_parts(b, parts), source, &built, error);
    if (!err) err = type->compare(opened, built, error);
    if (built) type->close(built);
    type->build_free(b);
    return err;
}

mv_err index_search(const index_type *type, const index_opened *opened, const index_query *query,
                    topk *hits, index_scratch *scratch, index_report *report, mv_error *error)
{
    mv_assert(hits->capacity <= type->hits_max);
    mv_assert(query->strategy != MV_STRATEGY_EXACT);
    mv_assert(!query->matches || !query->list); /* one of the two at most */
    if (scratch->user != type) {
        scratch->user = type;
        scratch->layout = 0;
    }
    return type->search(opened, query, hits, scratch, report, error);
}
