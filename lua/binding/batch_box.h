/* A batch of documents, owned by a collection. */
#ifndef MV_BATCH_BOX_H
#define MV_BATCH_BOX_H

#include "owned_box.h"

typedef struct batch_box {
    owned_box owned;
    mv_batch *batch;        /* NULL at first */
    number_scratch scratch; /* for vectors that are not packed */
} batch_box;

/* Push a box that is owned by the collection at `index`. */
batch_box *batch_box_push(lua_State *L, int index, collection_box *owner);

#endif
