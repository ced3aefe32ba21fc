/* Background jobs: the methods wait, progress and cancel. */
#ifndef MV_JOB_BOX_H
#define MV_JOB_BOX_H

#include "lua_compat.h"

#define JOB_TYPE "moonvec.job"

/* Create the metatable of jobs. */
void job_register(lua_State *L);

#endif
