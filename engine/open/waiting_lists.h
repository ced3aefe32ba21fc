/* Ranked lists (index/ranked.h) of texts that have no full-text index yet: of a chunk of fresh
 * rows, or of a segment that waits for its index.
 *
 * They are in the memory of the process only. The first search makes them, which takes about three
 * times as long as reading the texts; without them each search would read the texts again. They are
 * freed with the chunk, or with the last view in which the segment has no index. */
#ifndef MV_WAITING_LISTS_H
#define MV_WAITING_LISTS_H

#include "open/shared_index.h"

/* The most that the texts of all segments of a view take. Others are read by each search. */
#define WAITING_LISTS_BYTES_MAX ((uint64_t)64 << 20)

/* Begins as {0}. */
typedef struct waiting_lists {
    uint32_t refs;        /* views; guarded by the engine's mutex; 0: a chunk has it */
    atomic_bool is_busy;  /* a search makes them */
    atomic_bool is_ready; /* what follows is set, and does not change any more */
    const index_type *type;
    index_source source;
    index_opened *opened;
    uint8_t *memory; /* of its parts */
    size_t size;
} waiting_lists;

/* Does the schema want ranked lists of a text field? */
bool waiting_lists_are_wanted(const mv_schema *schema, uint32_t field);
/* Lists of no row yet, with a reference. NULL: there is no memory, and searches do without. */
waiting_lists *waiting_lists_create(void);
/* The caller has the engine's mutex. NULL is fine. */
void waiting_lists_release_locked(waiting_lists *w);
/* Free what lists of a chunk have. */
void waiting_lists_free(waiting_lists *w);
/* The lists of a field of a table, which are made if they were not. The columns of the table live
 * as long as `w`, and are the same in every call. NULL: the texts are to be read, because the rows
 * are few, another thread makes the lists, or they cannot be made. */
const struct ranked_lists *waiting_lists_get(waiting_lists *w, const mv_schema *schema,
                                             uint32_t field, const table *t);

#endif
