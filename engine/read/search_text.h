/* Searching by text. */
#ifndef MV_SEARCH_TEXT_H
#define MV_SEARCH_TEXT_H

#include "read/search.h"

mv_err search_text(search *s, mv_error *error);

#endif
