/* Graphs of an open collection: the files of hnsw graphs, opened once and shared by views as
 * segments are.
 *
 * A graph is derived data. One that is damaged, missing or of a newer format is no failure of the
 * view that names it: it is remembered with the reason, its segment is searched exactly, and
 * optimize builds it anew. */
#ifndef MV_GRAPH_H
#define MV_GRAPH_H

#include "collection/engine.h"
#include "index/hnsw.h"
#include "storage/index_record.h"

typedef struct engine_graph {
    struct engine_graph *next;
    uint64_t number;    /* of its file */
    engine_segment *of; /* whose rows it links; kept open by it */
    uint32_t uid;       /* of the vector field */
    uint32_t refs;      /* views that name it; guarded by the mutex */
    bool is_passing;    /* could not be opened for a reason that may pass: not to be built anew */
    section_file *file; /* NULL: it could not be opened */
    uint64_t size;      /* bytes of the file, as the catalog has it */
    codes_vectors vectors; /* of the segment, for the graph */
    hnsw_graph graph;
    atomic_bool is_damaged;
    char warning[MV_ERROR_TEXT_SIZE]; /* why, when damaged; guarded by the mutex */
} engine_graph;

/* Can it be searched? Then it may still be found damaged in the middle of it. */
static inline bool graph_is_usable(const engine_graph *g)
{
    return g && !atomic_load_explicit(&g->is_damaged, memory_order_acquire);
}

/* The vectors of a segment, as indexes take them. */
codes_vectors graph_vectors(const mv_schema *schema, const segment *s, uint32_t vector_field);

/* The graph of a record over a vector field of `of`'s schema, opened at `path` (NULL: in the
 * engine's directory) unless it is open. The caller has the mutex, and counts a reference if it
 * keeps it. Fails for want of memory only. */
mv_err graph_open_locked(engine *e, const index_record *record, engine_segment *of,
                         uint32_t vector_field, const char *path, engine_graph **out,
                         mv_error *error);
/* Close those of no view, but for those that `is_named` knows. The caller has the mutex. */
void graph_drop_others_locked(engine *e, bool (*is_named)(const void *ctx, const engine_graph *g),
                              const void *ctx);
/* It was found damaged: nobody searches it any more. The first reason given stays. */
void graph_note_damage(engine *e, engine_graph *g, const mv_error *why);
/* Why it is not used. False, and "", when it is well. */
bool graph_read_warning(engine *e, engine_graph *g, char out[MV_ERROR_TEXT_SIZE]);
/* "000007.2.hnsw" */
void graph_file_name(const engine_graph *g, char out[SEGMENT_FILE_NAME_SIZE]);
/* Verify checksums and structure. MV_CORRUPT, and then it is not searched any more. */
mv_err graph_verify(engine *e, engine_graph *g, mv_error *error);

/* Memory for a search: taken from those that the engine keeps, and given back. */
hnsw_scratch graph_take_scratch(engine *e);
void graph_give_scratch(engine *e, hnsw_scratch scratch);
void graph_free_scratches(engine *e);

#endif
