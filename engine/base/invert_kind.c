/* The facts of the index type `invert`: names, numbers of the format (index_kind.h). The lists are
 * in index/invert.h. */
#include "base/index_kind.h"
#include "base/type.h"

static bool takes_ordered(mv_type type, mv_metric metric)
{
    (void)metric;
    return !type_is_of_vectors(type);
}

const index_kind invert_kind = {
    .info = {.type = MV_INDEX_INVERT, .name = "invert", .plural = "lists", .has_files = true},
    .file_kind = 5,
    .file_ending = "invert",
    .sections_first = 32,
    .sections_count = 10,
    .schema_format = 2,
    .takes = takes_ordered,
};
