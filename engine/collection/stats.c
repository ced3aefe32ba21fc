/* What a collection holds and takes up. */
#include "collection/collection.h"

static uint64_t disk_bytes(const engine *e, const view *v)
{
    char path[OS_PATH_SIZE];
    uint64_t bytes = 0;
    if (e->in_memory) return 0;
    if (!os_join(path, e->path, CATALOG_FILE, NULL)) bytes += os_allocated_bytes(path);
    for (uint32_t i = 0; i < v->segments_count; i++)
        for (uint32_t file = 0; file < v->segments[i].shared->s->files_count; file++) {
            char name[SEGMENT_FILE_NAME_SIZE];
            segment_name_of_file(v->segments[i].shared->s, e->schema, file, name);
            if (!os_join(path, e->path, name, NULL)) bytes += os_allocated_bytes(path);
        }
    return bytes;
}

mv_err mv_get_stats(mv_collection *c, mv_stats *stats, mv_error *error)
{
    snapshot s;
    *stats = (mv_stats){0};
    MV_TRY(collection_snapshot(c, &s, error));
    const view *v = s.v;
    for (uint32_t i = 0; i < v->segments_count; i++)
        stats->deleted_rows += v->segments[i].live ? v->segments[i].live->deleted : 0;
    stats->documents = v->state.documents;
    stats->segments = v->segments_count;
    stats->fresh_rows = v->state.fresh_rows;
    stats->disk_bytes = disk_bytes(s.e, v);
    stats->memory_bytes = mem_bytes();
    stats->commit = v->state.commit;
    stats->durable = !s.e->in_memory && !durability_is_unsynced(s.e->path);
    snapshot_close(&s);
    return MV_OK;
}
