/* Scalar values in: documents' fields, defaults, and the arguments of filters. */
#ifndef MV_READ_VALUES_H
#define MV_READ_VALUES_H

#include "raise.h"

/* Memory for lists and arguments. A few values need none from Lua, so that a query in a frame loop
 * makes no garbage. Starts with `used` 0. */
#define VALUES_FEW 32
typedef struct value_room {
    size_t used;
    mv_value few[VALUES_FEW];
} value_room;

/* moonvec.null is a light userdata with this address. */
extern const char null_marker;

/* Read the value at `index`, whatever it is for: the engine checks it. Strings are lent by Lua. The
 * items of a list go into `room` when they fit, else into a block that is pushed: what `value`
 * points to lives as long as that, `room`, and the Lua value. */
void read_value(lua_State *L, int index, const error_context *where, mv_value *value,
                value_room *room);

/* A filter with its arguments. */
typedef struct filter_args {
    mv_filter filter;
    value_room room;
} filter_args;

/* The filter at `filter_index`: text, with the arguments in the table at `args_index`, or one built
 * by moonvec.filter. NULL when there is none. Pushes blocks that must stay until the filter was
 * used. */
const mv_filter *read_filter(lua_State *L, int filter_index, int args_index, const char *call,
                             filter_args *out);

/* The metatable of filters built as data, in the registry. */
#define FILTER_TYPE "moonvec.filter"

#endif
