/* The facts of the index type `sparse`: names, numbers of the format (index_kind.h). The lists are
 * in index/ranked.h. */
#include "base/index_kind.h"
#include "base/type.h"

#define SPARSE_STAT(member) offsetof(mv_index_stats, as.sparse.member)

static const mv_member_info sparse_stats_list[] = {
    {.name = "entries", .kind = MV_MEMBER_U64, .offset = SPARSE_STAT(entries)},
    {.name = "terms", .kind = MV_MEMBER_U32, .offset = SPARSE_STAT(terms)},
};

static bool takes_sparse(mv_type type, mv_metric metric)
{
    (void)metric;
    return type == MV_SPARSE_FP32;
}

const index_kind sparse_kind = {
    .info = {.type = MV_INDEX_SPARSE,
             .name = "sparse",
             .plural = "lists",
             .has_files = true,
             .stats_count = sizeof sparse_stats_list / sizeof *sparse_stats_list,
             .stats = sparse_stats_list},
    .file_kind = 7,
    .file_ending = "sparse",
    .sections_first = 64,
    .sections_count = 11,
    .schema_format = 5,
    .takes = takes_sparse,
};
