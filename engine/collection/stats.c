/* Statistics of a collection and of its indexes. */
#include <string.h>

#include "job/maintain.h"
#include "open/durability.h"
#include "read/count.h"
#include "storage/catalog_space.h"
#include "transaction/garbage.h"
#include "transaction/handle.h"

static mv_err add_file_bytes(const engine *e, const char *name, uint64_t *total, mv_error *error)
{
    char path[OS_PATH_SIZE];
    uint64_t bytes;
    MV_TRY(os_join(path, e->path, name, error));
    MV_TRY(os_allocated_bytes(path, &bytes, error));
    *total += bytes;
    return MV_OK;
}

static mv_err add_disk_bytes(const engine *e, const view *v, uint64_t *total, mv_error *error)
{
    if (e->in_memory) return MV_OK;
    MV_TRY(add_file_bytes(e, CATALOG_FILE, total, error));
    for (uint32_t i = 0; i < v->segments_count; i++)
        for (uint32_t file = 0; file < v->segments[i].shared->s->files_count; file++) {
            const char *name = section_file_name(v->segments[i].shared->s->files[file]);
            MV_TRY(add_file_bytes(e, name, total, error));
        }
    for (uint32_t i = 0; i < v->segments_count; i++)
        for (uint32_t slot = 0; slot < index_slot_count(v->schema); slot++) {
            const shared_index *x = v->segments[i].indexes[slot];
            char name[SEGMENT_FILE_NAME_SIZE];
            if (!x) continue;
            shared_index_file_name(x, name);
            MV_TRY(add_file_bytes(e, name, total, error));
        }
    return MV_OK;
}

/* The catalog, and what the oldest reader holds back. */
static mv_err add_space(const snapshot *s, mv_stats *stats, mv_error *error)
{
    catalog_space space;
    mv_oldest_reader *oldest = &stats->oldest_reader;
    MV_TRY(catalog_space_measure(s->e->catalog, &space, error));
    stats->catalog_bytes = space.allocated_bytes;
    if (space.allocated_bytes > space.used_bytes)
        stats->catalog_free_bytes = space.allocated_bytes - space.used_bytes;
    oldest->pid = space.oldest.pid;
    oldest->commits = space.oldest_behind;
    oldest->catalog_bytes = space.held_bytes;
    if (!oldest->pid || s->e->in_memory) return MV_OK;
    return garbage_held_bytes(s->e, s->txn, space.oldest.commit, &oldest->file_bytes, error);
}

/* Why rows wait for an index. */
static mv_pending why_pending(const mv_collection *c, const view *v, const maintain_status *status)
{
    if (!merge_plan_pending_rows(v)) return MV_PENDING_NONE;
    if (status->is_working) return MV_PENDING_WORKING;
    if (c->read_only) return MV_PENDING_READ_ONLY;
    if (c->manual_maintenance) return MV_PENDING_MANUAL;
    if (!merge_plan_is_urgent(v)) return MV_PENDING_FEW;
    if (status->failure[0]) return MV_PENDING_FAILED;
    return status->is_elsewhere ? MV_PENDING_ELSEWHERE : MV_PENDING_DUE;
}

mv_err mv_get_stats(mv_collection *c, mv_stats *stats, mv_error *error)
{
    snapshot s;
    *stats = (mv_stats){0};
    MV_TRY(handle_snapshot(c, &s, error));
    const view *v = s.v;
    for (uint32_t i = 0; i < v->segments_count; i++)
        stats->deleted_rows += view_deleted_rows(&v->segments[i]);
    stats->segments = v->segments_count;
    stats->fresh_rows = v->state.fresh_rows;
    stats->memory_bytes = mem_bytes();
    stats->commit = v->state.commit;
    maintain_status status;
    maintain_get_status(s.e, &status);
    stats->is_maintained = status.is_working;
    memcpy(stats->maintenance_error, status.failure, sizeof status.failure);
    stats->pending_rows = merge_plan_pending_rows(v);
    stats->slowed_ms = atomic_load(&s.e->slowed_us) / 1000;
    stats->pending = why_pending(c, v, &status);
    stats->bytes = v->state.bytes;
    stats->expired = v->state.expired;
    stats->evicted = v->state.evicted;
    stats->hits = atomic_load(&s.e->hits);
    stats->misses = atomic_load(&s.e->misses);
    mv_err err = count_documents(&s, &stats->documents, error);
    if (!err) err = add_disk_bytes(s.e, v, &stats->disk_bytes, error);
    if (!err) err = add_space(&s, stats, error);
    if (!err && !s.e->in_memory) err = durability_is_durable(s.e->path, &stats->durable, error);
    snapshot_close(&s);
    return err;
}

/* ---------------------------------------------------------------- the index of a field */

/* Sum over the segments. Facts that differ between graphs (`as`) are those of the largest one. */
static void add_index_stats(const snapshot *s, uint32_t slot, mv_index_stats *stats)
{
    uint64_t largest = 0;
    stats->schema = s->v->schema;
    stats->rows = s->v->state.documents;
    for (uint32_t i = 0; i < s->v->segments_count; i++) {
        const view_segment *over = &s->v->segments[i];
        shared_index *x = over->indexes[slot];
        uint64_t rows = view_live_rows(over);
        if (!shared_index_is_usable(x)) {
            if (x && !stats->warning[0]) (void)shared_index_read_warning(s->e, x, stats->warning);
            continue;
        }
        stats->indexed_rows += rows;
        stats->bytes += x->record.size;
        if (stats->segments++ && rows <= largest) continue;
        largest = rows;
        if (x->type->describe) x->type->describe(x->opened, stats);
    }
    mv_assert(stats->segments <= s->v->segments_count);
}

static mv_err read_stats(mv_collection *c, bool of_vector, uint32_t field, mv_index_stats *stats,
                         mv_error *error)
{
    snapshot s;
    mv_err err = MV_OK;
    *stats = (mv_index_stats){0};
    MV_TRY(handle_snapshot(c, &s, error));
    const mv_schema *schema = s.v->schema;
    if (field >= (of_vector ? schema->vectors_count : schema->fields_count)) {
        err = error_set(error, MV_MISUSE, "there is no %s field %u",
                        of_vector ? "vector" : "scalar", field);
    } else {
        uint32_t slot = of_vector ? field : index_slot_of_field(schema, field);
        stats->type = index_slot_options(schema, slot)->type;
        add_index_stats(&s, slot, stats);
    }
    snapshot_close(&s);
    return err;
}

mv_err mv_get_index_stats(mv_collection *c, uint32_t vector_field, mv_index_stats *stats,
                          mv_error *error)
{
    return read_stats(c, true, vector_field, stats, error);
}

mv_err mv_get_field_index_stats(mv_collection *c, uint32_t field, mv_index_stats *stats,
                                mv_error *error)
{
    return read_stats(c, false, field, stats, error);
}
