/* Jobs in the background: wait, progress, cancel. */
#ifndef MV_JOB_BOX_H
#define MV_JOB_BOX_H

#include "lua_compat.h"

#define JOB_TYPE "moonvec.job"

/* Make the metatable. */
void job_register(lua_State *L);

#endif
