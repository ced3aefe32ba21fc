/* Lua -> scalar values and lists: fields of documents, defaults, and arguments of filters. */
#ifndef MV_READ_VALUES_H
#define MV_READ_VALUES_H

#include "raise.h"

/* Memory for the items of lists and for arguments. Up to VALUES_FEW values need no memory from Lua,
 * so that a query in a frame loop makes no garbage. Initialize `used` to 0. */
#define VALUES_FEW 32
typedef struct value_scratch {
    size_t used;
    mv_value few[VALUES_FEW];
} value_scratch;

/* moonvec.null is a light userdata with the address of this variable. */
extern const char null_marker;

/* Read the value at `index`. The engine checks whether its kind fits the field. Strings are lent by
 * Lua. The items of a list are stored in `scratch` if they fit, else in a block that is pushed. So
 * `value` is valid while `scratch`, that block and the Lua value are. */
void read_value(lua_State *L, int index, const error_context *where, mv_value *value,
                value_scratch *scratch);

/* A filter and the memory of its arguments. */
typedef struct filter_args {
    mv_filter filter;
    value_scratch scratch;
} filter_args;

/* The filter at `filter_index`: a text whose arguments are in the table at `args_index`, or a
 * filter built by moonvec.filter. NULL if it is nil. Pushes values that must stay on the stack
 * while the filter is used. */
const mv_filter *read_filter(lua_State *L, int filter_index, int args_index, const char *call,
                             filter_args *out);

/* Name in the registry of the metatable of filters built by moonvec.filter. */
#define FILTER_TYPE "moonvec.filter"

#endif
