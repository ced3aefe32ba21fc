/* The facts of the index type `hnsw`: names, options, numbers of the format (index_kind.h). The
 * graphs are in index/hnsw.h. */
#include "base/index_kind.h"
#include "base/type.h"

#define OPTION_AT(member) offsetof(mv_index_options, as.hnsw.member)
#define STAT_AT(member)   offsetof(mv_index_stats, as.hnsw.member)

/* A stored schema has the values of the options in this order. */
static const mv_member_info hnsw_options[] = {
    {"m", MV_MEMBER_U32, OPTION_AT(m), NULL, MV_HNSW_M_MIN, MV_HNSW_M_MAX, MV_HNSW_M_DEFAULT},
    {"ef_construction", MV_MEMBER_U32, OPTION_AT(ef_construction), NULL,
     MV_HNSW_EF_CONSTRUCTION_MIN, MV_HNSW_EF_CONSTRUCTION_MAX, MV_HNSW_EF_CONSTRUCTION_DEFAULT},
    {"quantize", MV_MEMBER_QUANTIZE, OPTION_AT(quantize), names_of_quantizers, 0, 0,
     MV_QUANTIZE_AUTO},
    {"seed", MV_MEMBER_U64, OPTION_AT(seed), NULL, 1, UINT64_MAX, MV_HNSW_SEED_DEFAULT},
};

static const mv_member_info hnsw_stats[] = {
    {.name = "quantize",
     .kind = MV_MEMBER_QUANTIZE,
     .offset = STAT_AT(quantize),
     .words = names_of_quantizers},
    {.name = "code_error", .kind = MV_MEMBER_REAL, .offset = STAT_AT(code_error)},
    {.name = "ef", .kind = MV_MEMBER_U32, .offset = STAT_AT(ef)},
};

const index_kind hnsw_kind = {
    .info = {.type = MV_INDEX_HNSW,
             .name = "hnsw",
             .plural = "graphs",
             .has_files = true,
             .of_vectors = true,
             .options_count = sizeof hnsw_options / sizeof *hnsw_options,
             .stats_count = sizeof hnsw_stats / sizeof *hnsw_stats,
             .options = hnsw_options,
             .stats = hnsw_stats},
    .file_kind = 3,
    .file_ending = "hnsw",
    .sections_first = 16,
    .sections_count = 6,
    .schema_format = 1,
};
