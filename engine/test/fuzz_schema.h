/* What the fuzzers of bytes that belong to a schema share. */
#ifndef MV_FUZZ_SCHEMA_H
#define MV_FUZZ_SCHEMA_H

#include <stdbool.h>
#include <stdlib.h>

#include "moonvec.h"

static inline void must(bool ok)
{
    if (!ok) abort();
}

/* Add a field of floats and one of bytes, both without an index. */
static inline void add_vectors(mv_schema *schema)
{
    must(!mv_schema_add_vector(schema,
                               &(mv_vector_options){.name = "v",
                                                    .type = MV_VECTOR_FP32,
                                                    .dim = 3,
                                                    .metric = MV_COSINE,
                                                    .index.type = MV_INDEX_FLAT},
                               NULL));
    must(!mv_schema_add_vector(schema,
                               &(mv_vector_options){.name = "w",
                                                    .type = MV_VECTOR_INT8,
                                                    .dim = 5,
                                                    .metric = MV_L2,
                                                    .index.type = MV_INDEX_FLAT},
                               NULL));
}

#endif
