/* Graphs from files: sizes are checked when a graph is opened, everything else by hnsw_check. */
#include "index/hnsw.h"

#include <inttypes.h>
#include <math.h>

#include "index/hnsw_walk.h"

/* ---------------------------------------------------------------- opening */

static const index_part *find_part(const index_part *parts, uint32_t count, hnsw_part_kind kind,
                                   uint32_t level)
{
    for (uint32_t i = 0; i < count; i++)
        if (parts[i].kind == kind && parts[i].level == level) return &parts[i];
    return NULL;
}

/* The bytes of a part that must have `size` of them. */
static mv_err need_graph_part(const index_part *parts, uint32_t count, hnsw_part_kind kind,
                              uint32_t level, uint64_t size, const void **bytes, mv_error *error)
{
    const index_part *part = find_part(parts, count, kind, level);
    if (!part || part->size != size || !part->bytes)
        return error_set(error, MV_CORRUPT,
                         "part %d of level %u of the graph has %" PRIu64 " bytes, %" PRIu64
                         " expected",
                         (int)kind, level, part ? part->size : 0, size);
    *bytes = part->bytes;
    return MV_OK;
}

/* The format is read before the size is known, which depends on it. */
static mv_err check_graph_head(const hnsw_head *head, uint64_t size, const codes_vectors *vectors,
                               mv_error *error)
{
    uint64_t expected = head->format < 4 ? HNSW_HEAD_SIZE_UP_TO_3 : sizeof *head;
    if (head->format > HNSW_FORMAT)
        return error_set(error, MV_CORRUPT, "the graph has format %u, this moonvec reads up to %u",
                         head->format, HNSW_FORMAT);
    if (size != expected)
        return error_set(error, MV_CORRUPT,
                         "the head of the graph has %" PRIu64 " bytes, %" PRIu64 " expected", size,
                         expected);
    if (head->rows != vectors->rows)
        return error_set(error, MV_CORRUPT, "the graph has %u rows, its segment %u", head->rows,
                         vectors->rows);
    mv_quantize last = head->format == 1 ? MV_QUANTIZE_INT8 : MV_QUANTIZE_INT4;
    bool ok = head->format && head->rows && head->m >= MV_HNSW_M_MIN && head->m <= MV_HNSW_M_MAX &&
              head->quantize >= MV_QUANTIZE_NONE && head->quantize <= last &&
              metric_takes_quantize(vectors->metric, (mv_quantize)head->quantize) &&
              head->levels >= 1 && head->levels <= HNSW_LEVELS_MAX && head->ef >= 1 &&
              (head->format < 4 || (head->entries && head->entries <= HNSW_ENTRIES_MAX)) &&
              isfinite(head->code_error) && isfinite(head->code_bound);
    return ok ? MV_OK : error_set(error, MV_CORRUPT, "the head of the graph is damaged");
}

static mv_err open_codes(const index_part *parts, uint32_t count, const codes_vectors *vectors,
                         mv_quantize quantize, codes_column *codes, mv_error *error)
{
    const void *bytes = NULL;
    *codes = (codes_column){.quantize = quantize,
                            .vectors = vectors,
                            .base = vectors->base,
                            .stride = codes_stride(quantize, vectors)};
    if (quantize == MV_QUANTIZE_NONE) return MV_OK;
    MV_TRY(need_graph_part(parts, count, HNSW_PART_CODES, 0, codes_size(quantize, vectors), &bytes,
                           error));
    codes->base = bytes;
    if (quantize == MV_QUANTIZE_FP16) return MV_OK;
    MV_TRY(need_graph_part(parts, count, HNSW_PART_MEAN, 0, vectors->dim * sizeof(float), &bytes,
                           error));
    codes->mean = bytes;
    return MV_OK;
}

static mv_err open_levels(const index_part *parts, uint32_t count, hnsw_graph *graph,
                          mv_error *error)
{
    const void *bytes = NULL;
    const hnsw_head *head = graph->head;
    uint64_t below = head->rows;
    for (uint32_t level = 1; level <= head->levels; level++) {
        const index_part *part = find_part(parts, count, HNSW_PART_UPLINKS, level);
        uint64_t node_size = head->m * sizeof(uint32_t), nodes = part ? part->size / node_size : 0;
        if (!nodes || nodes > below || part->size % node_size)
            return error_set(error, MV_CORRUPT, "level %u of the graph has %" PRIu64 " nodes",
                             level, nodes);
        graph->uplinks[level - 1] = part->bytes;
        graph->nodes_count[level - 1] = (uint32_t)nodes;
        below = nodes;
    }
    MV_TRY(need_graph_part(parts, count, HNSW_PART_NODES, 0,
                           (uint64_t)graph->nodes_count[0] * sizeof(uint32_t), &bytes, error));
    graph->nodes = bytes;
    return MV_OK;
}

mv_err hnsw_open(const index_part *parts, uint32_t parts_count, const codes_vectors *vectors,
                 hnsw_graph *graph, mv_error *error)
{
    const void *bytes = NULL;
    *graph = (hnsw_graph){0};
    const index_part *head = find_part(parts, parts_count, HNSW_PART_HEAD, 0);
    if (!head || !head->bytes || head->size < HNSW_HEAD_SIZE_UP_TO_3)
        return error_set(error, MV_CORRUPT, "the graph has no head");
    graph->head = head->bytes;
    MV_TRY(check_graph_head(graph->head, head->size, vectors, error));
    MV_TRY(open_codes(parts, parts_count, vectors, (mv_quantize)graph->head->quantize,
                      &graph->codes, error));
    uint64_t links = (uint64_t)graph->head->rows * 2 * graph->head->m * sizeof(uint32_t);
    MV_TRY(need_graph_part(parts, parts_count, HNSW_PART_LINKS, 0, links, &bytes, error));
    graph->links = bytes;
    return open_levels(parts, parts_count, graph, error);
}

/* ---------------------------------------------------------------- checking */

static mv_err bad_link(uint32_t level, uint32_t at, const char *what, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "level %u of the graph: node %u %s", level, at, what);
}

static mv_err check_links(const walk_level *l, uint32_t level, uint32_t at, mv_error *error)
{
    const uint32_t *links = l->links + (size_t)at * l->degree;
    uint32_t count = 0;
    while (count < l->degree && links[count] != HNSW_NONE) count++;
    for (uint32_t i = count; i < l->degree; i++)
        if (links[i] != HNSW_NONE) return bad_link(level, at, "has a link behind its last", error);
    for (uint32_t i = 0; i < count; i++) {
        if (links[i] >= l->count) return bad_link(level, at, "has a link out of range", error);
        if (links[i] == at) return bad_link(level, at, "links to itself", error);
        for (uint32_t j = 0; j < i; j++)
            if (links[i] == links[j]) return bad_link(level, at, "links to another twice", error);
    }
    return MV_OK;
}

static mv_err check_reach(const hnsw_graph *graph, mv_error *error)
{
    uint32_t rows = graph->head->rows;
    size_t marks_size = bits_words(rows) * sizeof(uint64_t), queue_size = rows * sizeof(uint32_t);
    mv_assert(graph->nodes_count[0] > 0); /* checked by open_levels */
    uint64_t *marks = mem_alloc_zero(marks_size);
    uint32_t *queue = mem_alloc(queue_size);
    mv_err err = MV_OK;
    if (!marks || !queue) {
        err = error_memory(error, queue_size, "checking a graph");
        goto done;
    }
    /* From the entry alone, although a search begins at the nearest node found above the bottom. */
    for (uint32_t i = 0; i < graph->nodes_count[0]; i++) {
        if (graph->nodes[i] >= rows || bits_get(marks, graph->nodes[i])) {
            err = bad_link(1, i, "has no row of its own", error);
            goto done;
        }
        bits_set(marks, graph->nodes[i]);
    }
    walk_level bottom = hnsw_walk_level_of(graph, 0);
    walk_traversal traversal = {.marks = marks, .queue = queue};
    hnsw_walk_traversal_begin(&traversal, &bottom, graph->nodes[0]);
    hnsw_walk_traversal_step(&traversal, &bottom, rows);
    for (uint32_t row = 0; traversal.count < rows && row < rows && !err; row++)
        if (!bits_get(marks, row)) err = bad_link(0, row, "cannot be reached", error);
done:
    mem_free(marks, marks_size);
    mem_free(queue, queue_size);
    return err;
}

mv_err hnsw_check(const hnsw_graph *graph, mv_error *error)
{
    for (uint32_t level = 0; level <= graph->head->levels; level++) {
        walk_level l = hnsw_walk_level_of(graph, level);
        for (uint32_t at = 0; at < l.count; at++) MV_TRY(check_links(&l, level, at, error));
    }
    return check_reach(graph, error);
}

bool hnsw_fits(const hnsw_graph *graph, const mv_hnsw_options *options)
{
    mv_quantize quantize = (mv_quantize)graph->head->quantize;
    mv_assert(quantize != MV_QUANTIZE_AUTO);
    return graph->head->m == options->m &&
           (options->quantize == MV_QUANTIZE_AUTO || options->quantize == quantize ||
            quantize == MV_QUANTIZE_NONE); /* codes were not smaller, or out of range */
}
