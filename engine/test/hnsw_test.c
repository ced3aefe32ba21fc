/* Graphs without a collection: what searches find, against the exact scan, for every kind of
 * vectors and codes, odd sizes and odd data, and when a graph is made from another. */
#include "index/hnsw_plan.h"
#include "test/hnsw_sample.h"
#include "test/random_bits.h"

#define ROWS 2000u

static const mv_type types[] = {MV_VECTOR_FP32, MV_VECTOR_FP16, MV_VECTOR_INT8, MV_VECTOR_BINARY};

static void end(made_graph *made, set *s)
{
    hnsw_build_free(made->b);
    set_free(s);
}

/* ---------------------------------------------------------------- recall */

/* What AUTO and codes that would not be smaller than the vectors come to. */
static mv_quantize comes_to(mv_type type, mv_metric metric, uint32_t dim, mv_quantize quantize)
{
    if (element_size(type) == 1) return MV_QUANTIZE_NONE;
    if (quantize == MV_QUANTIZE_AUTO && metric == MV_L1) quantize = MV_QUANTIZE_FP16;
    if (quantize == MV_QUANTIZE_AUTO) /* both are near enough here, int4 is tried on wide ones */
        return dim < 64 ? MV_QUANTIZE_INT8 : MV_QUANTIZE_INT4;
    return type == MV_VECTOR_FP16 && quantize == MV_QUANTIZE_FP16 ? MV_QUANTIZE_NONE : quantize;
}

/* Every third row matches, or a few, or those on one side: all strategies find enough. */
static void test_matching(const set *s, const hnsw_graph *graph)
{
    static uint64_t third[(ROWS + 63) / 64], few[(ROWS + 63) / 64], none[(ROWS + 63) / 64],
        side[(ROWS + 63) / 64];
    memset(third, 0, sizeof third);
    memset(few, 0, sizeof few);
    memset(side, 0, sizeof side);
    float numbers[256];
    for (uint32_t row = 0; row < s->vectors.rows; row++) {
        if (row % 3 == 0) bits_set(third, row);
        if (row % 500 == 7) bits_set(few, row);
        set_vector(&s->kind, row, numbers);
        if (numbers[0] > 0) bits_set(side, row);
    }
    const uint64_t *matches[] = {third, few, side, none};
    for (uint32_t i = 0; i < 4; i++) {
        RECALL(s, graph, 0.95, .topk = 10, .pass = matches[i]);
        RECALL(s, graph, 0.99, .topk = 10, .pass = matches[i], .strategy = MV_STRATEGY_CODES);
        RECALL(s, graph, 0.99, .topk = 10, .pass = matches[i], .listed = true);
        RECALL(s, graph, 0.99, .topk = 300, .pass = matches[i], .listed = true);
        RECALL(s, graph, 0.85, .topk = 10, .pass = matches[i], .strategy = MV_STRATEGY_GRAPH);
        RECALL(s, graph, 0.9, .topk = 10, .pass = matches[i], .strategy = MV_STRATEGY_BRIDGES);
        RECALL(s, graph, 0.97, .topk = 10, .ef = 200, .pass = matches[i]);
        RECALL(s, graph, 0.9, .topk = 400, .pass = matches[i]);
    }
    RECALL(s, graph, 0.99, .topk = 10, .strategy = MV_STRATEGY_CODES);
}

static void test_one_kind(mv_type type, mv_metric metric, mv_quantize quantize)
{
    doing_now("type %d, metric %d, quantize %d", (int)type, (int)metric, (int)quantize);
    static const uint32_t dims[] = {
        [MV_L2] = 24, [MV_IP] = 33, [MV_COSINE] = 65, [MV_L1] = 25, [MV_HAMMING] = 104};
    uint32_t dim = dims[metric];
    set s = set_range((set_kind){type, metric, dim, CLUSTERED}, 0, ROWS);
    made_graph made = build(&s, (how_to_build){.options = options_with(quantize)});
    const hnsw_graph *graph = &made.graph;
    const hnsw_head *head = graph->head;
    EXPECT(head->quantize == (uint32_t)comes_to(type, metric, dim, quantize));
    EXPECT(head->ef >= 10 && head->ef <= 256);
    /* The errors that were measured are those of the codes. */
    if (head->quantize == MV_QUANTIZE_NONE) EXPECT(head->code_error <= 1e-6f);
    if (head->quantize == MV_QUANTIZE_FP16)
        EXPECT(head->code_error > 1e-6f && head->code_error < 0.002f);
    if (head->quantize == MV_QUANTIZE_INT8)
        EXPECT(head->code_error > 1e-4f && head->code_error < 0.02f);
    RECALL(&s, graph, 0.93, .topk = 10, .strategy = MV_STRATEGY_GRAPH);
    RECALL(&s, graph, 0.9, .topk = 1, .strategy = MV_STRATEGY_GRAPH);
    RECALL(&s, graph, 0.97, .topk = 10, .ef = 200, .strategy = MV_STRATEGY_GRAPH);
    RECALL(&s, graph, 0.9, .topk = 100);
    RECALL(&s, graph, 0.9, .topk = 100, .ef = 10); /* ef < k: as many as are asked for */
    if (head->quantize == MV_QUANTIZE_INT4)
        EXPECT(head->code_error > 0.002f && head->code_error < 0.3f);
    RECALL(&s, graph, head->quantize == MV_QUANTIZE_INT4 ? 0.5 : 0.88, .topk = 10,
           .no_refine = true);
    RECALL(&s, graph, 0.99, .topk = ROWS + 100, .queries = 3);
    RECALL(&s, graph, 0.99, .topk = 10, .ef = 1000000, .queries = 10);
    test_matching(&s, graph);
    end(&made, &s);
}

/* A graph over elements of one byte has no codes, with any quantize: one run is enough. */
static void run_kinds(void)
{
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        for (mv_metric metric = MV_L2; metric <= MV_HAMMING; metric++) {
            bool has_int8 = metric_takes_quantize(metric, MV_QUANTIZE_INT8);
            if (!metric_takes_type(metric, types[t])) continue;
            if (element_size(types[t]) == 1) {
                RUN(test_one_kind(types[t], metric,
                                  has_int8 ? MV_QUANTIZE_INT8 : MV_QUANTIZE_AUTO));
                continue;
            }
            for (mv_quantize quantize = MV_QUANTIZE_AUTO; quantize <= MV_QUANTIZE_INT4; quantize++)
                if (metric_takes_quantize(metric, quantize))
                    RUN(test_one_kind(types[t], metric, quantize));
        }
    }
}

/* ---------------------------------------------------------------- the same again */

static void test_sameness(mv_quantize quantize)
{
    doing_now("threads and slices, quantize %d", (int)quantize);
    set s = set_range((set_kind){MV_VECTOR_FP32, MV_COSINE, 17, CLUSTERED}, 0, 1200);
    how_to_build how = {.options = options_with(quantize)};
    made_graph first = build(&s, how);
    for (uint32_t threads = 1; threads <= 4; threads *= 2) {
        how.threads = threads;
        for (int slices = 0; slices < 2; slices++) {
            how.in_slices = slices;
            made_graph reinserted = build(&s, how);
            EXPECT(same_parts(&first, &reinserted));
            hnsw_build_free(reinserted.b);
        }
    }
    how.options.seed = 2;
    made_graph other = build(&s, how);
    const index_part *links = first.parts;
    while (links->kind != HNSW_PART_LINKS) links++;
    EXPECT(memcmp(links->bytes, other.graph.links, (size_t)links->size) != 0);
    RECALL(&s, &other.graph, 0.97, .topk = 10, .ef = 200);
    hnsw_build_free(other.b);
    end(&first, &s);
}

/* ---------------------------------------------------------------- odd sizes */

static void test_few_rows(void)
{
    static const uint32_t counts[] = {1, 2, 3, 4, 5, 17, 100, 1023};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (mv_quantize quantize = MV_QUANTIZE_AUTO; quantize <= MV_QUANTIZE_INT4; quantize++) {
            uint32_t rows = counts[i];
            doing_now("%u rows, quantize %d", rows, (int)quantize);
            set s = set_range((set_kind){MV_VECTOR_FP32, MV_L2, 5, CLUSTERED}, 0, rows);
            mv_hnsw_options options = options_with(quantize);
            options.m = rows % 2 ? MV_HNSW_M_MIN : 16;
            made_graph made = build(&s, (how_to_build){.options = options});
            RECALL(&s, &made.graph, 0.98, .topk = 10, .ef = 100);
            if (rows <= 100) RECALL(&s, &made.graph, 1, .topk = 1000, .queries = 5);
            end(&made, &s);
        }
    }
}

static void test_options(void)
{
    static const uint32_t ms[] = {MV_HNSW_M_MIN, 5, 16, MV_HNSW_M_MAX};
    static const uint32_t efs[] = {MV_HNSW_EF_CONSTRUCTION_MIN, 100, MV_HNSW_EF_CONSTRUCTION_MAX};
    set s = set_range((set_kind){MV_VECTOR_FP32, MV_L2, 9, CLUSTERED}, 0, 700);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 3; j++) {
            doing_now("m %u, ef_construction %u", ms[i], efs[j]);
            mv_hnsw_options options = {.m = ms[i], .ef_construction = efs[j], .seed = 99};
            made_graph made = build(&s, (how_to_build){.options = options});
            EXPECT(made.graph.head->m == ms[i] && made.graph.head->seed == 99);
            EXPECT(made.graph.head->ef_construction == efs[j]);
            RECALL(&s, &made.graph, 0.9, .topk = 10, .ef = 100);
            hnsw_build_free(made.b);
        }
    }
    set_free(&s);
}

/* ---------------------------------------------------------------- odd data */

/* Vectors of a type that the metric is for. */
static set_kind kind_of(mv_metric metric, uint32_t dim, filling how)
{
    if (metric == MV_HAMMING) return (set_kind){MV_VECTOR_BINARY, metric, dim * 4 / 8 * 8, how};
    return (set_kind){MV_VECTOR_FP32, metric, dim, how};
}

static void test_filling(filling how, mv_metric metric, double floor)
{
    for (mv_quantize quantize = MV_QUANTIZE_AUTO; quantize <= MV_QUANTIZE_INT4; quantize++) {
        if (!metric_takes_quantize(metric, quantize)) continue;
        doing_now("filling %d, metric %d, quantize %d", (int)how, (int)metric, (int)quantize);
        set s = set_range(kind_of(metric, 11, how), 0, 900);
        made_graph made = build(&s, (how_to_build){.options = options_with(quantize)});
        EXPECT(made.graph.head->quantize != MV_QUANTIZE_AUTO);
        EXPECT(isfinite(made.graph.head->code_error) && isfinite(made.graph.head->code_bound));
        RECALL(&s, &made.graph, floor, .topk = 10, .ef = 200);
        RECALL(&s, &made.graph, 0, .topk = 10);
        RECALL(&s, &made.graph, floor, .topk = 1000, .queries = 3);
        end(&made, &s);
    }
}

/* AUTO sees that int8 codes do not tell the rows of a cluster apart. */
static void test_crowds(mv_metric metric)
{
    doing_now("far clusters, metric %d", (int)metric);
    set s = set_range((set_kind){MV_VECTOR_FP32, metric, 24, FAR}, 0, ROWS);
    made_graph made = build(&s, (how_to_build){.options = options_with(MV_QUANTIZE_AUTO)});
    EXPECT(made.graph.head->quantize == MV_QUANTIZE_FP16);
    RECALL(&s, &made.graph, 0.93, .topk = 10);
    end(&made, &s);
}

/* AUTO sees that fp16 codes do not tell rows apart that lie close together, far from zero. */
static void test_shifted(mv_metric metric)
{
    doing_now("far from zero, metric %d", (int)metric);
    set s = set_range((set_kind){MV_VECTOR_FP32, metric, 24, SHIFTED}, 0, ROWS);
    made_graph made = build(&s, (how_to_build){.options = options_with(MV_QUANTIZE_AUTO)});
    EXPECT(made.graph.head->quantize == MV_QUANTIZE_NONE);
    RECALL(&s, &made.graph, 0.93, .topk = 10);
    end(&made, &s);
}

/* With int4 codes, whose errors are much larger here, a search refines more candidates and finds as
 * much. */
static void test_halves(mv_metric metric)
{
    doing_now("clusters apart, metric %d", (int)metric);
    set s = set_range((set_kind){MV_VECTOR_FP32, metric, 80, APART}, 0, ROWS);
    made_graph whole = build(&s, (how_to_build){.options = options_with(MV_QUANTIZE_INT8)});
    RECALL(&s, &whole.graph, 0.93, .topk = 10);
    made_graph half = build(&s, (how_to_build){.options = options_with(MV_QUANTIZE_INT4)});
    EXPECT(half.graph.head->quantize == MV_QUANTIZE_INT4);
    EXPECT(half.graph.head->code_error > 8 * whole.graph.head->code_error);
    RECALL(&s, &half.graph, 0.93, .topk = 10);
    hnsw_build_free(half.b);
    end(&whole, &s);
}

static void run_fillings(void)
{
    RUN(test_halves(MV_L2));
    RUN(test_halves(MV_COSINE));
    RUN(test_crowds(MV_L2));
    RUN(test_crowds(MV_COSINE));
    RUN(test_shifted(MV_L1));
    RUN(test_filling(EQUAL, MV_L1, 1));
    RUN(test_filling(EQUAL, MV_HAMMING, 1));
    RUN(test_filling(HALF_EQUAL, MV_L1, 0.97));
    RUN(test_filling(HALF_EQUAL, MV_HAMMING, 0.97));
    RUN(test_filling(HALF_ZERO, MV_L1, 0.97));
    RUN(test_filling(HALF_ZERO, MV_HAMMING, 0.97));
    RUN(test_filling(TINY, MV_L1, 0)); /* fp16 codes are zeros or next to it */
    RUN(test_filling(HUGE_ONES, MV_L1, 0.97));
    RUN(test_filling(LARGEST, MV_L1, 0)); /* sums are infinite */
    RUN(test_filling(FAR, MV_L1, 0.93));
    RUN(test_filling(WIDE, MV_L1, 0.9));
    RUN(test_filling(EQUAL, MV_L2, 1));
    RUN(test_filling(EQUAL, MV_IP, 1));
    RUN(test_filling(EQUAL, MV_COSINE, 1));
    RUN(test_filling(HALF_EQUAL, MV_L2, 0.97));
    RUN(test_filling(HALF_EQUAL, MV_COSINE, 0.97));
    RUN(test_filling(HALF_EQUAL, MV_IP, 0.9));
    RUN(test_filling(HALF_ZERO, MV_L2, 0.97));
    RUN(test_filling(HALF_ZERO, MV_IP, 0.9));
    RUN(test_filling(TINY, MV_L2, 0)); /* squares are zeros or next to it */
    RUN(test_filling(TINY, MV_IP, 0));
    RUN(test_filling(TINY, MV_COSINE, 0));  /* one over the length is FLT_MAX at most */
    RUN(test_filling(HUGE_ONES, MV_L2, 0)); /* squares are infinite */
    RUN(test_filling(HUGE_ONES, MV_IP, 0));
    RUN(test_filling(HUGE_ONES, MV_COSINE, 0.97));
    RUN(test_filling(LARGEST, MV_L2, 0));
    RUN(test_filling(LARGEST, MV_IP, 0));
    RUN(test_filling(LARGEST, MV_COSINE, 0));
    RUN(test_filling(WIDE, MV_L2, 0.9));
}

/* Of zeros and ones the squared distance is the number of different ones: the graph over the bits
 * is the graph over these numbers. What is measured differs, since the queries do. */
static void test_bits_as_numbers(void)
{
    enum { BITS = 72 };
    set_kind kind = {MV_VECTOR_BINARY, MV_HAMMING, BITS, CLUSTERED};
    doing_now("bits as numbers");
    set bits = set_range(kind, 0, ROWS);
    set numbers = set_range((set_kind){MV_VECTOR_INT8, MV_L2, BITS, CLUSTERED}, 0, ROWS);
    for (uint32_t row = 0; row < ROWS; row++)
        for (uint32_t i = 0; i < BITS; i++)
            numbers.bytes[row * BITS + i] = bits.bytes[row * BITS / 8 + i / 8] >> (7 - i % 8) & 1;
    made_graph of_bits = build(&bits, (how_to_build){.options = options_with(MV_QUANTIZE_AUTO)});
    made_graph of_numbers =
        build(&numbers, (how_to_build){.options = options_with(MV_QUANTIZE_AUTO)});
    mv_assert(of_bits.parts[0].kind == HNSW_PART_HEAD);
    of_bits.parts[0] = of_numbers.parts[0];
    EXPECT(same_parts(&of_bits, &of_numbers));
    end(&of_bits, &bits);
    end(&of_numbers, &numbers);
}

/* ---------------------------------------------------------------- from another graph */

typedef enum going {
    NONE_GOES,
    TENTH,
    HALF_OF_ALL,
    ENTRIES,
    UPPER,
    CLUSTERS,
    ALL_BUT_ONE,
    GOINGS
} going;

static bool goes(going which, const set *s, const hnsw_graph *graph, uint32_t row)
{
    uint32_t id = s->ids[row], top = graph->nodes_count[graph->head->levels - 1];
    switch (which) {
    case TENTH: return mix(id + 7) % 10 == 0;
    case HALF_OF_ALL: return mix(id + 7) % 2 == 0;
    case CLUSTERS: return mix(id) % SET_CLUSTERS < SET_CLUSTERS / 2;
    case ALL_BUT_ONE: return row != 77;
    case ENTRIES:
    case UPPER:
        for (uint32_t i = 0; i < (which == UPPER ? graph->nodes_count[0] : top); i++)
            if (graph->nodes[i] == row) return true;
        return false;
    default: return false;
    }
}

/* The rows of `s` that stay, with half of the new ones before and half of them behind. */
static set replace(const set *s, const hnsw_graph *graph, going which, uint32_t first_new,
                   uint32_t new_count, uint32_t *rows_now)
{
    uint32_t rows = s->vectors.rows, count = 0;
    uint32_t *ids = mem_alloc((rows + new_count) * sizeof *ids);
    for (; count < new_count / 2; count++) ids[count] = first_new + count;
    for (uint32_t row = 0; row < rows; row++) {
        rows_now[row] = goes(which, s, graph, row) ? HNSW_NONE : count;
        if (rows_now[row] != HNSW_NONE) ids[count++] = s->ids[row];
    }
    for (uint32_t i = new_count / 2; i < new_count; i++) ids[count++] = first_new + i;
    set next = set_create(s->kind, ids, count);
    mem_free(ids, (rows + new_count) * sizeof *ids);
    return next;
}

/* `base` is the graph of the set `s`. */
static void test_extending(const set *s, const made_graph *base, going which, uint32_t new_count,
                           mv_quantize quantize)
{
    static uint32_t rows_now[ROWS];
    doing_now("%d going, %u coming, metric %d, quantize %d", (int)which, new_count,
              (int)s->kind.metric, (int)quantize);
    mv_hnsw_options options = options_with(quantize);
    set next = replace(s, &base->graph, which, 500000, new_count, rows_now);
    how_to_build how = {.options = options, .base = {&base->graph, rows_now}};
    made_graph made = build(&next, how);
    RECALL(&next, &made.graph, 0.97, .topk = 10, .ef = 200);
    how.threads = 2, how.in_slices = true;
    made_graph reinserted = build(&next, how);
    EXPECT(same_parts(&made, &reinserted));
    hnsw_build_free(reinserted.b);
    asked by_default = {.topk = 10, .queries = 200};
    double floor = 0.9;
    if (which == TENTH || which == CLUSTERS) {
        how.options.m++, how.in_slices = false;
        how_to_build anew = how;
        anew.base = (hnsw_base){0};
        made_graph without_base = build(&next, anew);
        if (which == TENTH) { /* for other options the graph is built as without the base */
            made_graph other = build(&next, how);
            EXPECT(same_parts(&other, &without_base));
            hnsw_build_free(other.b);
        }
        /* Where half the clusters went and are searched for, a new graph has not always 0.9 either.
         */
        floor = fmin(0.9, recall_of(&next, &without_base.graph, by_default) - 0.01);
        hnsw_build_free(without_base.b);
    }
    expect_recall(recall_of(&next, &made.graph, by_default), floor, "recall of defaults", __FILE__,
                  __LINE__);
    hnsw_build_free(made.b);
    set_free(&next);
}

static void run_extensions(void)
{
    static const struct {
        uint32_t new_count;
        mv_metric metric;
        mv_quantize quantize;
    } kinds[] = {{600, MV_L2, MV_QUANTIZE_AUTO}, {0, MV_COSINE, MV_QUANTIZE_FP16},
                 {1, MV_IP, MV_QUANTIZE_NONE},   {300, MV_COSINE, MV_QUANTIZE_INT4},
                 {400, MV_L1, MV_QUANTIZE_AUTO}, {500, MV_HAMMING, MV_QUANTIZE_AUTO}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        set s = set_range(kind_of(kinds[i].metric, 20, CLUSTERED), 0, ROWS);
        mv_hnsw_options options = options_with(kinds[i].quantize);
        made_graph base = build(&s, (how_to_build){.options = options});
        for (going which = NONE_GOES; which < GOINGS; which++)
            RUN(test_extending(&s, &base, which, kinds[i].new_count, kinds[i].quantize));
        end(&base, &s);
    }
}

/* Rows go and come, again and again: `going` in a hundred, and as many new ones and `growth` more
 * in each round. */
static void test_chain(uint32_t going_part, uint32_t growth)
{
    static uint32_t ids[2 * ROWS], rows_now[2 * ROWS];
    uint32_t next_id = ROWS;
    doing_now("a chain of extensions, %u %% going, %u more", going_part, growth);
    mv_hnsw_options options = options_with(MV_QUANTIZE_AUTO);
    set_kind kind = {MV_VECTOR_FP32, MV_L2, 16, CLUSTERED};
    set s = set_range(kind, 0, ROWS);
    made_graph made = build(&s, (how_to_build){.options = options});
    for (uint32_t round = 0; round < 10; round++) {
        uint32_t count = 0;
        for (uint32_t row = 0; row < s.vectors.rows; row++) {
            bool is_gone = mix(s.ids[row] * 64ull + round) % 100 < going_part;
            rows_now[row] = is_gone ? HNSW_NONE : count;
            if (!is_gone) ids[count++] = s.ids[row];
        }
        while (count < ROWS + growth * (round + 1)) ids[count++] = next_id++;
        set next = set_create(kind, ids, count);
        how_to_build how = {.options = options, .base = {&made.graph, rows_now}};
        made_graph extended = build(&next, how);
        end(&made, &s);
        made = extended, s = next;
        made.graph.codes.vectors = &s.vectors;
    }
    made_graph fresh = build(&s, (how_to_build){.options = options});
    for (uint32_t ef = 10; ef <= 640; ef *= 4) {
        asked how = {.topk = 10, .ef = ef, .queries = 200};
        double recall = recall_of(&s, &fresh.graph, how);
        EXPECT(recall > 0.9);
        expect_recall(recall_of(&s, &made.graph, how), recall - 0.01, "recall of the chain",
                      __FILE__, __LINE__);
    }
    hnsw_build_free(fresh.b);
    end(&made, &s);
}

/* ---------------------------------------------------------------- the pool of a walk */

/* The pool has the nearest of the rows inserted so far, in order, also when its capacity grows.
 */
static void test_pool(void)
{
    enum { MOST = 100, ROUNDS = 20000 };
    static walk_entry entries[MOST + 2 * POOL_BLOCK];
    walk_pool pool = {.entries = entries, .capacity = MOST / 10};
    float wanted[MOST + 1];
    uint32_t count = 0, wrong = 0;
    doing_now("the pool");
    pool_clear(&pool);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        if (round % 50 == 0)
            pool_grow(&pool, pool.capacity + random_bits() % (MOST + 1 - pool.capacity));
        float distance = (float)(random_bits() % 1000);
        (void)pool_insert(&pool, distance, round);
        uint32_t at = count;
        for (; at && wanted[at - 1] > distance; at--) wanted[at] = wanted[at - 1];
        wanted[at] = distance;
        count = count < pool.capacity ? count + 1 : pool.capacity;
        wrong += pool.count != count;
        for (uint32_t i = 0; i < count; i++) wrong += entries[i].distance != wanted[i];
        if (round % 500 == 499) {
            pool.capacity = 1 + random_bits() % MOST;
            pool_clear(&pool);
            count = 0;
        }
    }
    EXPECT(wrong == 0);
}

/* ---------------------------------------------------------------- kinds of queries */

/* The kind of a query all of whose candidates are this far. */
static patience_kind kind_at(const hnsw_head *head, float distance)
{
    walk_entry entries[HNSW_MEASURED_HITS];
    walk_patience patience;
    walk_pool pool = {
        .entries = entries, .count = HNSW_MEASURED_HITS, .capacity = HNSW_MEASURED_HITS};
    for (uint32_t i = 0; i < HNSW_MEASURED_HITS; i++) entries[i] = (walk_entry){distance, i};
    hnsw_patience_set(&patience, head, 0.95, HNSW_MEASURED_HITS, 1);
    return patience_kind_of(&patience, &pool);
}

/* Outer queries lie between near and far ones, and have a patience of their own. */
static void test_outer(void)
{
    set_kind kind = {MV_VECTOR_FP32, MV_COSINE, 64, CLUSTERED};
    set s = set_range(kind, 0, ROWS);
    made_graph made = build(&s, (how_to_build){.options = options_with(MV_QUANTIZE_AUTO)});
    hnsw_head head = *made.graph.head;
    walk_patience patience;
    doing_now("outer queries");
    EXPECT(head.format == HNSW_FORMAT && isfinite(head.outer_bound));
    EXPECT(head.outer_bound > head.near_bound);
    EXPECT(kind_at(&head, head.near_bound) == PATIENCE_NEAR);
    EXPECT(kind_at(&head, nextafterf(head.near_bound, INFINITY)) == PATIENCE_OUTER);
    EXPECT(kind_at(&head, head.outer_bound) == PATIENCE_OUTER);
    EXPECT(kind_at(&head, nextafterf(head.outer_bound, INFINITY)) == PATIENCE_FAR);
    EXPECT(kind_at(&head, NAN) == PATIENCE_FAR);
    for (uint32_t i = 0; i < HNSW_RECALLS; i++) {
        head.patience[PATIENCE_FAR][i].factor = HNSW_FACTOR_NONE;
        head.outer[i] = (hnsw_patience){3 * HNSW_FACTOR_ONE, 64 / HNSW_LEAST_UNIT};
    }
    hnsw_patience_set(&patience, &head, 0.95, HNSW_MEASURED_HITS, 1);
    EXPECT(isinf(patience.factors[PATIENCE_FAR]) && patience.factors[PATIENCE_OUTER] == 3);
    head.format = 4; /* which has none */
    EXPECT(kind_at(&head, nextafterf(head.near_bound, INFINITY)) == PATIENCE_FAR);
    end(&made, &s);
}

/* What walks for far and outer queries usually follow is in the head, and grows as fewer rows match.
 */
static void test_usual(void)
{
    set s = set_range((set_kind){MV_VECTOR_FP32, MV_COSINE, 64, CLUSTERED}, 0, ROWS);
    made_graph made = build(&s, (how_to_build){.options = options_with(MV_QUANTIZE_AUTO)});
    hnsw_head head = *made.graph.head;
    hnsw_graph graph = {.head = &head};
    hnsw_plan plan = {.graph = &graph, .k = HNSW_MEASURED_HITS, .recall = 0.95, .share = 1};
    doing_now("usual candidates");
    for (uint32_t i = 0; i < HNSW_RECALLS; i++) {
        head.patience[PATIENCE_FAR][i] =
            (hnsw_patience){(uint8_t)((i + 2) * HNSW_FACTOR_ONE), 64 / HNSW_LEAST_UNIT};
        head.outer[i] = head.patience[PATIENCE_FAR][i];
    }
    head.far_ef = 300;
    head.outer_ef = 100;
    EXPECT(hnsw_plan_usual_beyond(&plan, PATIENCE_FAR) == 301);
    EXPECT(hnsw_plan_usual_beyond(&plan, PATIENCE_OUTER) == 101);
    plan.share = 0.1;
    EXPECT(hnsw_plan_usual_beyond(&plan, PATIENCE_FAR) > 500);
    plan.share = 1;
    plan.recall = 0.99;
    EXPECT(hnsw_plan_usual_beyond(&plan, PATIENCE_FAR) == 451);
    head.patience[PATIENCE_FAR][4].factor = HNSW_FACTOR_NONE;
    EXPECT(hnsw_plan_usual_beyond(&plan, PATIENCE_FAR) == UINT32_MAX);
    plan.recall = 0.95;
    head.far_ef = 0; /* graphs from before the field was written */
    EXPECT(hnsw_plan_usual_beyond(&plan, PATIENCE_FAR) == 0);
    head.format = 4;
    EXPECT(hnsw_plan_usual_beyond(&plan, PATIENCE_OUTER) == 0);
    end(&made, &s);
}

/* A walk that has followed `followed` candidates, with 10 distances each. */
static bool is_too_costly(walk_patience p, uint32_t followed, uint32_t due)
{
    walk w = {.patience = p,
              .distances_max = 10000,
              .followed = followed,
              .distances_count = 10 * (followed + 1)};
    return hnsw_walk_is_too_costly(&w, PATIENCE_FAR, due);
}

/* A walk is abandoned when the rest of it takes longer than another strategy. */
static void test_too_costly(void)
{
    walk_patience known = {.least[PATIENCE_FAR] = 200, .usual[PATIENCE_FAR] = 2000},
                  few = {.least[PATIENCE_FAR] = 200, .usual[PATIENCE_FAR] = 900},
                  unknown = {.least[PATIENCE_FAR] = 200};
    EXPECT(!is_too_costly(known, WALK_USUAL_FROM - 1, 64));
    EXPECT(is_too_costly(known, WALK_USUAL_FROM, 64));
    EXPECT(!is_too_costly(known, 1200, 2000)); /* the rest takes less */
    EXPECT(!is_too_costly(few, WALK_USUAL_FROM, 64));
    EXPECT(is_too_costly(few, WALK_USUAL_FROM, 1100));
    EXPECT(!is_too_costly(unknown, 199, 2000));
    EXPECT(is_too_costly(unknown, 200, 2000));
    EXPECT(!is_too_costly(unknown, 900, 800)); /* too few matching rows were found until now */
    EXPECT(is_too_costly(unknown, 1000, 800));
}

int main(void)
{
    double began = os_seconds();
    RUN(test_pool());
    size_t bytes = mem_bytes();
    run_kinds();
    RUN(test_sameness(MV_QUANTIZE_INT8));
    RUN(test_sameness(MV_QUANTIZE_NONE));
    RUN(test_sameness(MV_QUANTIZE_INT4));
    RUN(test_few_rows());
    RUN(test_options());
    run_fillings();
    RUN(test_outer());
    RUN(test_usual());
    RUN(test_too_costly());
    RUN(test_bits_as_numbers());
    run_extensions();
    RUN(test_chain(30, 0));
    RUN(test_chain(5, 0));
    RUN(test_chain(0, ROWS / 10));
    RUN(test_memory_is_freed(bytes));
    printf("%.1f seconds\n", os_seconds() - began);
    return tests_conclude();
}
