/* Opening segments, and sharing them between views. */
#include "open/shared_segment.h"

shared_segment *shared_segment_find_locked(engine *e, const mv_schema *schema, uint64_t number)
{
    for (shared_segment *shared = e->segments; shared; shared = shared->next)
        if (shared->s->number == number && shared->schema == schema && !shared->is_undone)
            return shared;
    return NULL;
}

/* The same segment under another schema, the last opened one first: its files are shared. */
static const segment *find_under_other_schema(const engine *e, uint64_t number)
{
    for (const shared_segment *shared = e->segments; shared; shared = shared->next)
        if (shared->s->number == number && !shared->is_undone) return shared->s;
    return NULL;
}

static mv_err open_segment_locked(engine *e, const mv_schema *schema, const segment_record *record,
                                  const char *const *paths, shared_segment **out, mv_error *error)
{
    shared_segment *shared = mem_alloc_zero(sizeof *shared);
    if (!shared) return error_memory(error, sizeof *shared, "a segment");
    segment_paths where = {engine_directory(e), paths, find_under_other_schema(e, record->number)};
    mv_err err = segment_open(schema, record, &where, &shared->s, error);
    if (err) {
        mem_free(shared, sizeof *shared);
        return err;
    }
    shared->schema = schema;
    shared->next = e->segments;
    e->segments = shared;
    *out = shared;
    return MV_OK;
}

mv_err shared_segment_get_locked(engine *e, const mv_schema *schema, const segment_record *record,
                                 shared_segment **out, mv_error *error)
{
    if ((*out = shared_segment_find_locked(e, schema, record->number))) return MV_OK;
    return open_segment_locked(e, schema, record, NULL, out, error);
}

mv_err shared_segment_register(engine *e, const mv_schema *schema, const segment_record *record,
                               const char *const *paths, mv_error *error)
{
    shared_segment *shared = NULL;
    mv_assert(e->in_memory);
    os_mutex_lock(e->mutex);
    mv_err err = open_segment_locked(e, schema, record, paths, &shared, error);
    os_mutex_unlock(e->mutex);
    return err;
}

void shared_segment_undo(engine *e, uint64_t number)
{
    os_mutex_lock(e->mutex);
    for (shared_segment *shared = e->segments; shared; shared = shared->next)
        if (shared->s->number == number) shared->is_undone = true;
    os_mutex_unlock(e->mutex);
}

void shared_segment_undo_schema(engine *e, const mv_schema *schema)
{
    os_mutex_lock(e->mutex);
    for (shared_segment *shared = e->segments; shared; shared = shared->next)
        if (shared->schema == schema) shared->is_undone = true;
    os_mutex_unlock(e->mutex);
}
