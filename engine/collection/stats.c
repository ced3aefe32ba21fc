/* What a collection holds and takes up. */
#include "collection/maintain.h"

static uint64_t disk_bytes(const engine *e, const view *v)
{
    char path[OS_PATH_SIZE];
    uint64_t bytes = 0;
    if (e->in_memory) return 0;
    if (!os_join(path, e->path, CATALOG_FILE, NULL)) bytes += os_allocated_bytes(path);
    for (uint32_t i = 0; i < v->segments_count; i++)
        for (uint32_t file = 0; file < v->segments[i].shared->s->files_count; file++) {
            const char *name = section_file_name(v->segments[i].shared->s->files[file]);
            if (!os_join(path, e->path, name, NULL)) bytes += os_allocated_bytes(path);
        }
    for (uint32_t i = 0; i < v->segments_count; i++)
        for (uint32_t field = 0; field < v->schema->vectors_count; field++) {
            const engine_graph *g = v->segments[i].graphs[field];
            char name[SEGMENT_FILE_NAME_SIZE];
            if (!g) continue;
            graph_file_name(g, name);
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
    stats->is_maintained = maintain_look(s.e, stats->maintenance_error);
    stats->durable = !s.e->in_memory && !durability_is_unsynced(s.e->path);
    snapshot_close(&s);
    return MV_OK;
}

/* ---------------------------------------------------------------- the index of a vector field */

static void add_graph(const view_segment *s, engine_graph *g, uint64_t *largest,
                      mv_index_stats *stats)
{
    const hnsw_head *head = g->graph.head;
    uint64_t rows = s->table.rows - (s->live ? s->live->deleted : 0);
    stats->indexed_rows += rows;
    stats->graphs++;
    stats->bytes += g->size;
    if (stats->graphs > 1 && rows <= *largest) return;
    *largest = rows;
    stats->quantize = (mv_quantize)head->quantize;
    stats->code_error = (double)head->code_error;
    stats->ef = head->ef;
}

mv_err mv_get_index_stats(mv_collection *c, uint32_t vector_field, mv_index_stats *stats,
                          mv_error *error)
{
    snapshot s;
    uint64_t largest = 0;
    *stats = (mv_index_stats){0};
    MV_TRY(collection_snapshot(c, &s, error));
    mv_err err = MV_OK;
    if (vector_field >= s.v->schema->vectors_count) {
        err = error_set(error, MV_MISUSE, "there is no vector field %u", vector_field);
        goto done;
    }
    stats->schema = s.v->schema;
    stats->type = s.v->schema->vectors[vector_field].index;
    stats->rows = s.v->state.documents;
    for (uint32_t i = 0; i < s.v->segments_count; i++) {
        engine_graph *g = s.v->segments[i].graphs[vector_field];
        if (graph_is_usable(g))
            add_graph(&s.v->segments[i], g, &largest, stats);
        else if (g && !stats->warning[0])
            (void)graph_read_warning(s.e, g, stats->warning);
    }
done:
    snapshot_close(&s);
    return err;
}
