/* Selecting without a vector: by filter and order. */
#ifndef MV_SELECT_H
#define MV_SELECT_H

#include "read/search.h"

/* Find the first topk hits in the query's order; without one, in the order of insertion. */
mv_err select_rows(search *s, mv_error *error);

#endif
