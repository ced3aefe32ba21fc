/* Searching by vector, or by the vector of a document. */
#ifndef MV_SEARCH_VECTOR_H
#define MV_SEARCH_VECTOR_H

#include "read/search.h"

mv_err search_vector(search *s, mv_error *error);

#endif
