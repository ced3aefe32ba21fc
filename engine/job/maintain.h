/* Maintenance: an optimize that starts by itself, in a thread of the engine.
 *
 * A commit that leaves much to do (merge_plan_is_urgent) wakes the thread. It is started when it is
 * first needed, and then kept until the engine is closed. It works in slices (JOB_SLICE_SECONDS),
 * and stops between two slices when the engine is closed, or when another job of this process
 * begins. */
#ifndef MV_MAINTAIN_H
#define MV_MAINTAIN_H

#include "job/job.h"

/* The hooks of every engine: a commit wakes maintenance, closing the engine stops it. */
extern const engine_hooks maintain_hooks;

/* Interrupt the maintenance, and wait until it has stopped: for the rest of a slice, or for the end
 * of a transaction of another thread or process. The calling thread has no transaction open. The
 * caller has the mutex, which is released while it waits. */
void maintain_interrupt_locked(engine *e);
/* Forget the last failure: an optimize has succeeded. */
void maintain_clear_error(engine *e);
/* True when maintenance or a job in the background is running. error_text: the last failure of
 * maintenance, or "". */
bool maintain_status(engine *e, char error_text[MV_ERROR_TEXT_SIZE]);

#endif
