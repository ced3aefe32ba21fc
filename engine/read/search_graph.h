/* Searching a segment with the help of its graph. */
#ifndef MV_SEARCH_GRAPH_H
#define MV_SEARCH_GRAPH_H

#include "read/search.h"

/* Search the next segment of the scan, at position `source` of the view, if it has a graph. *done
 * is false if it has none that can be used: the segment is then to be searched exactly. */
mv_err search_graph_segment(search *s, scan *sc, uint32_t source, bool *done, mv_error *error);

/* Does a search for `wanted` hits use the graph of any segment? */
bool search_graph_is_used(const search *s, uint64_t wanted);

/* The vectors of a segment or of a chunk of fresh rows, as the exact search takes them. */
static inline flat_rows search_rows_of(const search *s, const table *t, uint32_t source)
{
    const table_vectors *vectors = &t->vectors[s->q->vector_field];
    return (flat_rows){.base = vectors->base,
                       .stride = vectors->stride,
                       .inverse_norms = vectors->inverse_norms,
                       .docids = t->docids,
                       .source = source};
}

#endif
