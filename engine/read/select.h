/* Selecting without a vector: by filter and order. */
#ifndef MV_SELECT_H
#define MV_SELECT_H

#include "read/search.h"

/* Find the first hits in the query's order, by insertion without one. */
mv_err select_rows(search *s, mv_error *error);

#endif
