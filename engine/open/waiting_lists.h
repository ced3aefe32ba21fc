/* Ranked lists (index/ranked.h) of texts that have no full-text index: of a chunk of fresh rows, or
 * of a segment that has none because it is new or small.
 *
 * They are in the memory of the process only. Searches make them, each for about as long as it
 * takes to read the texts, so that two to nine searches make them. Until then searches read the
 * texts. The lists are freed with the chunk, or with the last view in which the segment has no
 * index. */
#ifndef MV_WAITING_LISTS_H
#define MV_WAITING_LISTS_H

#include "open/shared_index.h"

/* The most that the texts of all segments of a view take that get lists. Others are read by each
 * search. Chosen: the lists take about a third of it, in each process. */
#define WAITING_LISTS_BYTES_MAX ((uint64_t)64 << 20)

/* Begins as {0}. */
typedef struct waiting_lists {
    uint32_t refs;        /* views; guarded by the engine's mutex; 0: a chunk has it */
    atomic_bool is_ready; /* the lists are complete: nothing changes any more */
    atomic_bool is_busy;  /* a thread makes them, and has what follows for itself */
    bool has_failed;      /* they cannot be made: a text is damaged */
    const index_type *type;
    index_source source;
    index_builder *builder; /* NULL: not begun, or complete */
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
/* Free what the lists of a chunk have; `w` itself is in the chunk. */
void waiting_lists_free(waiting_lists *w);
/* The lists of a field of a table; if they are not complete, go on to make them. The columns of the
 * table live as long as `w`, and are the same in every call. NULL: the texts are to be read,
 * because the lists are not complete, the rows are few, or `w` is NULL. */
const struct ranked_lists *waiting_lists_get(waiting_lists *w, const mv_schema *schema,
                                             uint32_t field, const table *t);

#endif
