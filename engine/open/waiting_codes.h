/* Codes of the vectors of a segment that waits for its graph (flat_codes.h).
 *
 * They are in the memory of the process only. Searches make them, some rows at a time, so that none
 * takes much longer: the rows that have none yet are measured by their vectors. They are freed with
 * the last view in which the segment has no graph. */
#ifndef MV_WAITING_CODES_H
#define MV_WAITING_CODES_H

#include "index/flat_codes.h"
#include "open/shared_segment.h"

/* The most that the codes of all segments of a view take. Other segments are searched by their
 * vectors. */
#define WAITING_CODES_BYTES_MAX ((uint64_t)256 << 20)

typedef struct waiting_codes {
    uint32_t refs;       /* views; guarded by the engine's mutex */
    uint32_t field;      /* vector field */
    atomic_bool is_busy; /* a search is encoding rows */
    atomic_uint encoded; /* rows, from the first one on; a multiple of 64, or all rows */
    uint8_t *memory;     /* of `codes`; NULL: no row was encoded */
    flat_codes codes;
} waiting_codes;

/* Codes of no row yet, with a reference. NULL: the field can have none, or there is no memory:
 * searches then do without. */
waiting_codes *waiting_codes_create(const mv_schema *schema, const segment *s, uint32_t field);
/* The caller has the engine's mutex. NULL is fine. */
void waiting_codes_release_locked(waiting_codes *w);
/* How many rows have codes. */
static inline uint32_t waiting_codes_encoded(const waiting_codes *w)
{
    return atomic_load_explicit(&w->encoded, memory_order_acquire);
}
/* Encode some more rows. Returns how many have codes by now. */
uint32_t waiting_codes_advance(waiting_codes *w);
/* Bytes of the codes of all rows. */
uint64_t waiting_codes_bytes(const waiting_codes *w);

#endif
