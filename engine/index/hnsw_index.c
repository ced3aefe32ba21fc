/* The functions of the index type `hnsw` (index.h). */
#include "index/hnsw.h"

/* Linking a row takes as long as writing LINK_COST_OF_ROW bytes, and LINK_COST_OF_NUMBER bytes for
 * each number of its vector. These only weigh the progress of optimize, so orders of magnitude are
 * enough. */
#define LINK_COST_OF_NUMBER 200u
#define LINK_COST_OF_ROW    20000u

static_assert(HNSW_PARTS_MAX <= INDEX_PARTS_MAX, "a graph has no more parts than an index");
static_assert(HNSW_NONE == INDEX_ROW_DELETED, "hnsw_base.rows is index_request.base_rows");

static const hnsw_graph *graph_of(const index_opened *opened)
{
    return (const hnsw_graph *)(const void *)opened;
}

static mv_err hnsw_index_open(const index_part *parts, uint32_t parts_count,
                              const index_source *source, index_opened **out, mv_error *error)
{
    hnsw_graph *graph = mem_alloc(sizeof *graph);
    if (!graph) return error_memory(error, sizeof *graph, "a graph");
    mv_err err = hnsw_open(parts, parts_count, &source->vectors, graph, error);
    if (err)
        mem_free(graph, sizeof *graph);
    else
        *out = (index_opened *)(void *)graph;
    return err;
}

static void hnsw_index_close(index_opened *opened)
{
    mem_free(opened, sizeof(hnsw_graph));
}

static mv_err hnsw_index_check(const index_opened *opened, mv_error *error)
{
    return hnsw_check(graph_of(opened), error);
}

static void hnsw_index_describe(const index_opened *opened, mv_index_stats *stats)
{
    const hnsw_head *head = graph_of(opened)->head;
    stats->as.hnsw = (mv_hnsw_stats){.quantize = (mv_quantize)head->quantize,
                                     .code_error = (double)head->code_error,
                                     .ef = head->ef};
}

/* ---------------------------------------------------------------- building */

static hnsw_builder *graph_builder(index_builder *b)
{
    return (hnsw_builder *)(void *)b;
}

static const hnsw_builder *graph_builder_const(const index_builder *b)
{
    return (const hnsw_builder *)(const void *)b;
}

static bool hnsw_index_can_extend(const index_opened *base, const mv_index_options *options)
{
    const hnsw_graph *graph = graph_of(base);
    return hnsw_fits(graph, &options->as.hnsw) &&
           graph->head->ef_construction == options->as.hnsw.ef_construction;
}

static mv_err hnsw_index_begin(const index_request *request, index_builder **out, mv_error *error)
{
    hnsw_builder *b = NULL;
    hnsw_base base = {0};
    if (request->bases_count)
        base = (hnsw_base){graph_of(request->bases->opened), request->bases->rows};
    MV_TRY(hnsw_build_begin(&request->source->vectors, &request->options->as.hnsw, &base,
                            request->threads, &b, error));
    *out = (index_builder *)(void *)b;
    return MV_OK;
}

static mv_err hnsw_index_step(index_builder *b, double until, bool *more, mv_error *error)
{
    return hnsw_build_step(graph_builder(b), until, more, error);
}

static void hnsw_index_progress(const index_builder *b, uint64_t *done, uint64_t *total)
{
    hnsw_build_progress(graph_builder_const(b), done, total);
}

static uint32_t hnsw_index_parts(const index_builder *b, index_part parts[INDEX_PARTS_MAX])
{
    return hnsw_build_parts(graph_builder_const(b), parts);
}

static void hnsw_index_free(index_builder *b)
{
    hnsw_build_free(graph_builder(b));
}

static uint64_t hnsw_index_cost(uint32_t dim)
{
    return LINK_COST_OF_ROW + (uint64_t)dim * LINK_COST_OF_NUMBER;
}

/* ---------------------------------------------------------------- searching */

static bool hnsw_index_scans_all(const index_opened *opened, const index_query *query, uint32_t k)
{
    return hnsw_plan_scans_codes(graph_of(opened), query, k);
}

static mv_err hnsw_index_search(const index_opened *opened, const index_query *query, topk *hits,
                                index_scratch *scratch, index_report *report, mv_error *error)
{
    return hnsw_search(graph_of(opened), query, hits, scratch, report, error);
}

const index_type hnsw_index = {
    .kind = &hnsw_kind,
    .rows_min = HNSW_ROWS_MIN,
    .open = hnsw_index_open,
    .close = hnsw_index_close,
    .check = hnsw_index_check,
    .describe = hnsw_index_describe,
    .can_extend = hnsw_index_can_extend,
    .build_begin = hnsw_index_begin,
    .build_step = hnsw_index_step,
    .build_progress = hnsw_index_progress,
    .build_parts = hnsw_index_parts,
    .build_free = hnsw_index_free,
    .build_cost = hnsw_index_cost,
    .hits_max = HNSW_HITS_MAX,
    .scans_all = hnsw_index_scans_all,
    .search = hnsw_index_search,
};
