/* Searching by sparse vector. */
#ifndef MV_SEARCH_SPARSE_H
#define MV_SEARCH_SPARSE_H

#include "read/search.h"

mv_err search_sparse(search *s, mv_error *error);

#endif
