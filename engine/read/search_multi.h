/* Searching a field of several vectors by several together. */
#ifndef MV_SEARCH_MULTI_H
#define MV_SEARCH_MULTI_H

#include "read/search.h"

mv_err search_multi(search *s, mv_error *error);

#endif
