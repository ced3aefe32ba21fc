/* Maintenance: an optimize that starts by itself, in a thread of the engine.
 *
 * A commit that leaves much to do (merge_plan_is_urgent) wakes the thread. So does a read of such a
 * commit, the first of this process: the process that made the commit may have ended before the
 * work was done. The thread is started when it is first needed, and then kept until the engine is
 * closed. It works in slices (JOB_SLICE_SECONDS), and stops between two slices when the engine is
 * closed, when another job of this process begins, or when a job of another process asks for the
 * turn.
 *
 * Groups are small (merge_plan.by_levels), and each is committed, so that a process that ends
 * loses little work. If every process ended before its first group was finished, nothing would ever
 * be done. So a process whose commits have woken the thread finishes one group when the engine is
 * closed, if that group is small. One that only reads finishes nothing. */
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
typedef struct maintain_status {
    bool is_working;   /* maintenance or a job in the background */
    bool is_elsewhere; /* when it last tried, another job had the turn, or asked for it */
    char failure[MV_ERROR_TEXT_SIZE]; /* the last one; "": none */
} maintain_status;
void maintain_get_status(engine *e, maintain_status *status);

#endif
