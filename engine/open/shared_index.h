/* Indexes of an open collection: the files of indexes over segments. Each is opened
 * once, and shared by views as segments are.
 *
 * An index is derived data (I14). If its file is damaged, missing or of a newer format, the view
 * that names it still opens: the index is kept with the reason, its segment is searched exactly,
 * and optimize builds the index again. */
#ifndef MV_SHARED_INDEX_H
#define MV_SHARED_INDEX_H

#include "open/index_slot.h"
#include "open/shared_segment.h"
#include "storage/index_record.h"

typedef struct shared_index {
    struct shared_index *next;
    uint64_t number;            /* of its file */
    section_file_record record; /* of the file: kind, field, size */
    shared_segment *of;         /* whose rows it is over; kept open by it */
    uint32_t refs;              /* views that name it; guarded by the mutex */
    bool is_transient;          /* a failure to open that may pass: the index is not built again */
    section_file *file;         /* NULL: it could not be opened */
    const index_type *type;     /* of the index */
    index_source source;        /* the rows of the segment */
    index_opened *opened;       /* NULL: it could not be opened */
    atomic_bool is_damaged;
    atomic_bool is_hashed;            /* its checksums were found right in this process */
    char warning[MV_ERROR_TEXT_SIZE]; /* why, when damaged; guarded by the mutex */
} shared_index;

/* True when it can be searched. A search may still find it damaged. */
static inline bool shared_index_is_usable(const shared_index *x)
{
    return x && !atomic_load_explicit(&x->is_damaged, memory_order_acquire);
}

/* A scalar column of a table, as indexes take it. */
index_column shared_index_column(const schema_field *field, const table *t, uint32_t at);
/* The rows of a segment that the index in a slot is over. */
index_source shared_index_source(const mv_schema *schema, const segment *s, uint32_t slot);

/* The index of a record, which is one that `of`'s schema wants in that slot, opened at `path`
 * (NULL: in the engine's directory) unless it is open. The caller has the mutex, and increments
 * `refs` before it releases the mutex. Fails with MV_NO_MEMORY only. */
mv_err shared_index_open_locked(engine *e, const index_record *record, shared_segment *of,
                                uint32_t slot, const char *path, shared_index **out,
                                mv_error *error);
/* Close the indexes that no view names and for which `is_named` is false. The caller has the mutex.
 */
void shared_index_drop_others_locked(engine *e,
                                     bool (*is_named)(const void *ctx, const shared_index *x),
                                     const void *ctx);
/* Free the memory of their files first, in memory, until `until` (os_seconds). False: some is left.
 */
bool shared_index_discard_others_locked(engine *e,
                                        bool (*is_named)(const void *ctx, const shared_index *x),
                                        const void *ctx, double until);
/* Map what is in the page cache of the file of a usable index (os_pages_prefault). */
void shared_index_prefault(const engine *e, const shared_index *x);
/* Mark the index as damaged: it is not searched any more. The first reason given is kept. */
void shared_index_note_damage(engine *e, shared_index *x, const mv_error *why);
/* True when its lists can be trusted. Their checksums are verified at the first use in a process,
 * which takes about 1 ms per million rows: a flipped bit in a graph loses a hit, in lists it makes
 * wrong hits. */
bool shared_index_is_sound(engine *e, shared_index *x);
/* The reason why it is not used. False, and "", when it is usable. */
bool shared_index_read_warning(engine *e, shared_index *x, char out[MV_ERROR_TEXT_SIZE]);
/* "000007.2.hnsw", "000008.5.invert" */
void shared_index_file_name(const shared_index *x, char out[SEGMENT_FILE_NAME_SIZE]);
/* Verify checksums and structure. MV_CORRUPT also marks it as damaged. */
mv_err shared_index_verify(engine *e, shared_index *x, mv_error *error);
/* After that: compare it with one that is built again, if its type can be (index_compare) and it
 * was built for the present options. MV_CORRUPT: they differ. */
mv_err shared_index_compare(engine *e, shared_index *x, const mv_schema *schema, uint32_t slot,
                            mv_error *error);

/* Register an index in memory, opened at `path`, over a segment that the engine has open. */
mv_err shared_index_adopt(engine *e, const mv_schema *schema, const index_record *record,
                          const char *path, mv_error *error);

#endif
