/* The plan of a query with `explain` -> Lua. */
#ifndef MV_PUSH_PLAN_H
#define MV_PUSH_PLAN_H

#include "lua_compat.h"
#include "moonvec.h"

/* Pop the hits on top of the stack and push the moonvec.plan that contains them. */
void push_plan(lua_State *L, const mv_result *result);

#endif
