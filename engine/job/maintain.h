/* Maintenance: optimize that starts by itself, in a thread of the engine.
 *
 * A commit that leaves much to do (merge_plan_is_urgent) wakes the thread, which is started the
 * first time and then kept until the last handle is closed. It works in slices of a few
 * milliseconds and stops between two of them when the engine is closed, or when somebody optimizes:
 * that job takes over. */
#ifndef MV_MAINTAIN_H
#define MV_MAINTAIN_H

#include "job/job.h"

/* How the engine of a collection reaches its maintenance: a commit wakes it, closing the engine
 * stops it. */
extern const engine_hooks maintain_hooks;

/* Make it stop what it does, and wait for that: a slice, or the end of a transaction of another
 * thread or process. Not with a transaction open in this thread. The caller has the mutex, which is
 * let go of meanwhile. */
void maintain_interrupt_locked(engine *e);
/* An optimize ended well. */
void maintain_forget_error(engine *e);
/* Is it at work, and what stopped it last ("": nothing)? */
bool maintain_look(engine *e, char error_text[MV_ERROR_TEXT_SIZE]);

#endif
