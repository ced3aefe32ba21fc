/* Slowing writers down while many rows lack an index, since searches then take longer.
 *
 * A write waits after its commit. The wait for each of its rows grows with the number of rows that
 * lack an index: none up to a limit, 1 ms at twice the limit, 2 ms at most; one write waits for 5 s
 * at most. So writers settle at the speed of maintenance, without any measure of it. They wait only
 * while searches look at such rows (engine_note_waiting): a load without searches runs at full
 * speed. A wait ends early when the searches end, or when maintenance has caught up. */
#ifndef MV_SLOWDOWN_H
#define MV_SLOWDOWN_H

#include "open/view.h"

/* Count the rows of a commit that lack an index. */
void slowdown_note_view(engine *e, const view *v);
/* engine_hooks.slow_down */
void slowdown_wait(engine *e, uint64_t rows, uint64_t limit);

#endif
