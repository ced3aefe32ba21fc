/* Opening and sharing graphs. */
#include "collection/graph.h"

#include <string.h>

void graph_file_name(const engine_graph *g, char out[SEGMENT_FILE_NAME_SIZE])
{
    section_file_record record = {.kind = SECTION_FILE_HNSW, .column = g->uid};
    segment_file_name(g->number, &record, out);
}

codes_vectors graph_vectors(const mv_schema *schema, const segment *s, uint32_t vector_field)
{
    const schema_vector *field = &schema->vectors[vector_field];
    const table_vectors *vectors = &s->table.vectors[vector_field];
    return (codes_vectors){.type = field->type,
                           .metric = field->metric,
                           .dim = field->dim,
                           .rows = s->table.rows,
                           .base = vectors->base,
                           .stride = vectors->stride,
                           .inverse_norms = vectors->inverse_norms};
}

/* ---------------------------------------------------------------- opening */

/* The sections of the file are the parts of the graph. */
static mv_err bind_parts(engine_graph *g, mv_error *error)
{
    hnsw_part parts[HNSW_PARTS_MAX];
    uint32_t count = section_file_count(g->file), kind, level;
    if (count > HNSW_PARTS_MAX)
        return error_set(error, MV_CORRUPT, "%u sections, %u are possible", count, HNSW_PARTS_MAX);
    for (uint32_t at = 0; at < count; at++) {
        section part = section_file_at(g->file, at, &kind, &level);
        if (kind < SECTION_HNSW_FIRST || kind >= SECTION_HNSW_FIRST + HNSW_PART_KINDS)
            return error_set(error, MV_CORRUPT, "section %u has kind %u, %d to %d expected", at,
                             kind, SECTION_HNSW_FIRST, SECTION_HNSW_FIRST + HNSW_PART_KINDS - 1);
        parts[at] = (hnsw_part){.kind = (hnsw_part_kind)(kind - SECTION_HNSW_FIRST),
                                .level = level,
                                .bytes = part.bytes,
                                .size = part.size};
    }
    return hnsw_open(parts, count, &g->vectors, &g->graph, error);
}

static mv_err open_file(const engine *e, engine_graph *g, const index_record *record,
                        const char *path, mv_error *error)
{
    char name[SEGMENT_FILE_NAME_SIZE], joined[OS_PATH_SIZE];
    graph_file_name(g, name);
    if (!path) {
        if (e->in_memory) return error_set(error, MV_CORRUPT, "%s: it is not in memory", name);
        MV_TRY(os_join(joined, e->path, name, error));
        path = joined;
    }
    MV_TRY(section_file_open(path, name, record->number, g->of->s->table.rows, &record->file,
                             &g->file, error));
    mv_err err = bind_parts(g, error);
    if (err) return error_prefix(error, err, "%s: ", name);
    section_file_read_ahead(g->file);
    return MV_OK;
}

static engine_graph *find_open(const engine *e, uint64_t number)
{
    for (engine_graph *g = e->graphs; g; g = g->next)
        if (g->number == number && !g->is_passing) return g;
    return NULL;
}

static void graph_free(engine_graph *g)
{
    section_file_close(g->file);
    mem_free(g, sizeof *g);
}

mv_err graph_open_locked(engine *e, const index_record *record, engine_segment *of,
                         uint32_t vector_field, const char *path, engine_graph **out,
                         mv_error *error)
{
    mv_error why;
    if ((*out = find_open(e, record->number))) return MV_OK;
    engine_graph *g = mem_alloc_zero(sizeof *g);
    if (!g) return error_memory(error, sizeof *g, "a graph");
    g->number = record->number;
    g->of = of;
    g->uid = record->file.column;
    g->vectors = graph_vectors(of->schema, of->s, vector_field);
    g->size = record->file.size;
    mv_err err = open_file(e, g, record, path, &why);
    if (err == MV_NO_MEMORY) {
        graph_free(g);
        return error_set(error, err, "%s", why.text);
    }
    if (err) {
        g->is_passing = err != MV_CORRUPT && err != MV_WRONG_VERSION;
        memcpy(g->warning, why.text, sizeof g->warning);
        atomic_init(&g->is_damaged, true);
        section_file_close(g->file);
        g->file = NULL;
    }
    of->refs++;
    g->next = e->graphs;
    e->graphs = g;
    *out = g;
    return MV_OK;
}

void graph_drop_others_locked(engine *e, bool (*is_named)(const void *ctx, const engine_graph *g),
                              const void *ctx)
{
    for (engine_graph **link = &e->graphs; *link;) {
        engine_graph *g = *link;
        if (g->refs || is_named(ctx, g)) {
            link = &g->next;
            continue;
        }
        *link = g->next;
        g->of->refs--;
        graph_free(g);
    }
}

/* ---------------------------------------------------------------- damage */

void graph_note_damage(engine *e, engine_graph *g, const mv_error *why)
{
    char name[SEGMENT_FILE_NAME_SIZE];
    mv_error text = *why;
    graph_file_name(g, name);
    if (strncmp(text.text, name, strlen(name)) != 0)
        (void)error_prefix(&text, MV_CORRUPT, "%s: ", name);
    os_mutex_lock(e->mutex);
    if (!g->warning[0]) memcpy(g->warning, text.text, sizeof g->warning);
    os_mutex_unlock(e->mutex);
    atomic_store_explicit(&g->is_damaged, true, memory_order_release);
}

bool graph_read_warning(engine *e, engine_graph *g, char out[MV_ERROR_TEXT_SIZE])
{
    os_mutex_lock(e->mutex);
    memcpy(out, g->warning, sizeof g->warning);
    os_mutex_unlock(e->mutex);
    return out[0] != 0;
}

mv_err graph_verify(engine *e, engine_graph *g, mv_error *error)
{
    mv_error why = {0};
    char name[SEGMENT_FILE_NAME_SIZE];
    if (!graph_is_usable(g)) {
        (void)graph_read_warning(e, g, why.text);
        return error_set(error, g->is_passing ? MV_IO : MV_CORRUPT, "%s", why.text);
    }
    graph_file_name(g, name);
    mv_err err = section_file_verify(g->file, &why);
    if (!err && (err = hnsw_check(&g->graph, &why))) (void)error_prefix(&why, err, "%s: ", name);
    if (err == MV_CORRUPT) graph_note_damage(e, g, &why);
    return err ? error_set(error, err, "%s", why.text) : MV_OK;
}

/* ---------------------------------------------------------------- memory of searches */

hnsw_scratch graph_take_scratch(engine *e)
{
    hnsw_scratch scratch = {0};
    os_mutex_lock(e->mutex);
    if (e->scratches_count) scratch = e->scratches[--e->scratches_count];
    os_mutex_unlock(e->mutex);
    return scratch;
}

void graph_give_scratch(engine *e, hnsw_scratch scratch)
{
    bool kept = false;
    if (!scratch.block) return;
    os_mutex_lock(e->mutex);
    if (e->scratches_count < ENGINE_SCRATCHES_MAX) {
        e->scratches[e->scratches_count++] = scratch;
        kept = true;
    }
    os_mutex_unlock(e->mutex);
    if (!kept) hnsw_scratch_free(&scratch);
}

void graph_free_scratches(engine *e)
{
    while (e->scratches_count) hnsw_scratch_free(&e->scratches[--e->scratches_count]);
}
