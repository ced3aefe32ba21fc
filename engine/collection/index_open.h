/* Indexes of an open collection: the files of graphs and inverted lists over segments, opened once
 * and shared by views as segments are.
 *
 * An index is derived data. One that is damaged, missing or of a newer format is no failure of the
 * view that names it: it is remembered with the reason, its segment is searched without, exactly,
 * and optimize builds it anew. */
#ifndef MV_INDEX_OPEN_H
#define MV_INDEX_OPEN_H

#include "collection/engine.h"
#include "index/hnsw.h"
#include "index/invert.h"
#include "storage/index_record.h"

#define INVERT_ROWS_MIN 1024u /* below, looking at every row takes some microseconds */

typedef struct engine_index {
    struct engine_index *next;
    uint64_t number;            /* of its file */
    section_file_record record; /* of the file: kind, field, size */
    engine_segment *of;         /* whose rows it is over; kept open by it */
    uint32_t refs;              /* views that name it; guarded by the mutex */
    bool is_passing;    /* could not be opened for a reason that may pass: not to be built anew */
    section_file *file; /* NULL: it could not be opened */
    codes_vectors vectors; /* of the segment, for the graph */
    hnsw_graph graph;      /* of SECTION_FILE_HNSW */
    invert_column column;  /* of the segment, for the lists */
    invert_lists lists;    /* of SECTION_FILE_INVERT */
    atomic_bool is_damaged;
    atomic_bool is_hashed;            /* its checksums were found right in this process */
    char warning[MV_ERROR_TEXT_SIZE]; /* why, when damaged; guarded by the mutex */
} engine_index;

/* The indexes of a segment have slots: one for each vector field, then one for each scalar field.
 */
static inline uint32_t index_slots(const mv_schema *schema)
{
    return schema->vectors_count + schema->fields_count;
}
static inline uint32_t index_slot_of_field(const mv_schema *schema, uint32_t field)
{
    return schema->vectors_count + field;
}
/* The kind of file that the schema wants there, or 0: none. */
section_file_kind index_wanted(const mv_schema *schema, uint32_t slot);
/* The field's uid. */
uint32_t index_uid(const mv_schema *schema, uint32_t slot);
/* The number of the first file that was built for the options the schema has; 0: any fits. */
uint64_t index_since(const mv_schema *schema, uint32_t slot);
/* A segment of fewer rows is as fast without. */
uint32_t index_rows_min(section_file_kind kind);

/* Can it be searched? Then it may still be found damaged in the middle of it. */
static inline bool index_is_usable(const engine_index *x)
{
    return x && !atomic_load_explicit(&x->is_damaged, memory_order_acquire);
}

/* The vectors and the scalars of a segment, as indexes take them. */
codes_vectors index_vectors(const mv_schema *schema, const segment *s, uint32_t vector_field);
invert_column index_column(const mv_schema *schema, const segment *s, uint32_t field);

/* The index of a record, which is one that `of`'s schema wants in that slot, opened at `path`
 * (NULL: in the engine's directory) unless it is open. The caller has the mutex, and counts a
 * reference if it keeps it. Fails for want of memory only. */
mv_err index_open_locked(engine *e, const index_record *record, engine_segment *of, uint32_t slot,
                         const char *path, engine_index **out, mv_error *error);
/* Close those of no view, but for those that `is_named` knows. The caller has the mutex. */
void index_drop_others_locked(engine *e, bool (*is_named)(const void *ctx, const engine_index *x),
                              const void *ctx);
/* It was found damaged: nobody searches it any more. The first reason given stays. */
void index_note_damage(engine *e, engine_index *x, const mv_error *why);
/* May its lists be believed? Their checksums are verified at the first use in a process, a
 * millisecond for each million rows or so: a flipped bit in a graph loses a hit, in lists it makes
 * wrong ones. */
bool index_is_sound(engine *e, engine_index *x);
/* Why it is not used. False, and "", when it is well. */
bool index_read_warning(engine *e, engine_index *x, char out[MV_ERROR_TEXT_SIZE]);
/* "000007.2.hnsw", "000008.5.invert" */
void index_file_name(const engine_index *x, char out[SEGMENT_FILE_NAME_SIZE]);
/* Verify checksums and structure. MV_CORRUPT, and then it is not searched any more. */
mv_err index_verify(engine *e, engine_index *x, mv_error *error);

/* Memory for a search of a graph: taken from those that the engine keeps, and given back. */
hnsw_scratch graph_take_scratch(engine *e);
void graph_give_scratch(engine *e, hnsw_scratch scratch);
void graph_free_scratches(engine *e);

#endif
