/* Indexes of an open collection: their files, opened once and shared by views as segments are.
 *
 * An index is derived data. One that is damaged, missing or of a newer format is no failure of the
 * view that names it: it is remembered with the reason, its segment is searched without, exactly,
 * and optimize builds another one. */
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
    bool is_transient;  /* could not be opened for a reason that may pass: not to be built anew */
    section_file *file; /* NULL: it could not be opened */
    const index_type *type;
    index_source source;  /* of the segment */
    index_opened *opened; /* NULL: it could not be opened */
    atomic_bool is_damaged;
    atomic_bool is_hashed;            /* its checksums were found right in this process */
    char warning[MV_ERROR_TEXT_SIZE]; /* why, when damaged; guarded by the mutex */
} shared_index;

/* Can it be searched? Then it may still be found damaged in the middle of it. */
static inline bool shared_index_is_usable(const shared_index *x)
{
    return x && !atomic_load_explicit(&x->is_damaged, memory_order_acquire);
}

/* The rows of a segment that the index in a slot is over. */
index_source shared_index_source(const mv_schema *schema, const segment *s, uint32_t slot);

/* The index of a record, which is one that `of`'s schema wants in that slot, opened at `path`
 * (NULL: in the engine's directory) unless it is open. The caller has the mutex, and counts a
 * reference if it keeps it. Fails for want of memory only. */
mv_err shared_index_open_locked(engine *e, const index_record *record, shared_segment *of,
                                uint32_t slot, const char *path, shared_index **out,
                                mv_error *error);
/* Close those of no view, but for those that `is_named` knows. The caller has the mutex. */
void shared_index_drop_others_locked(engine *e,
                                     bool (*is_named)(const void *ctx, const shared_index *x),
                                     const void *ctx);
/* It was found damaged: nobody searches it any more. The first reason given stays. */
void shared_index_note_damage(engine *e, shared_index *x, const mv_error *why);
/* May its lists be believed? Their checksums are verified at the first use in a process, a
 * millisecond for each million rows or so: a flipped bit in a graph loses a hit, in lists it makes
 * wrong ones. */
bool shared_index_is_sound(engine *e, shared_index *x);
/* Why it is not used. False, and "", when it is well. */
bool shared_index_read_warning(engine *e, shared_index *x, char out[MV_ERROR_TEXT_SIZE]);
/* "000007.2.hnsw", "000008.5.invert" */
void shared_index_file_name(const shared_index *x, char out[SEGMENT_FILE_NAME_SIZE]);
/* Verify checksums and structure. MV_CORRUPT, and then it is not searched any more. */
mv_err shared_index_verify(engine *e, shared_index *x, mv_error *error);

/* Let the engine know an index in memory, over a segment that it knows; opened at `path`. */
mv_err shared_index_adopt(engine *e, const mv_schema *schema, const index_record *record,
                          const char *path, mv_error *error);

#endif
