/* Slowing writers down, while indexes fall behind and searches have to look at many rows without.
 *
 * A write waits after its commit, for each of its rows the longer the more rows lack an index: not
 * at all up to a limit, 1 ms at twice the limit, 2 ms at most. So writers settle at the speed of
 * maintenance, without any measure of it. They wait only while there are readers: a load that
 * nobody waits for runs at full speed. */
#ifndef MV_SLOWDOWN_H
#define MV_SLOWDOWN_H

#include "open/view.h"

/* A commit is read: tell the writers of all processes that there are readers. */
void slowdown_note_read(engine *e);
/* Count the rows of a commit that lack an index. */
void slowdown_note_view(engine *e, const view *v);
/* engine_hooks.slow_down */
void slowdown_wait(engine *e, uint64_t rows, uint64_t limit);

#endif
