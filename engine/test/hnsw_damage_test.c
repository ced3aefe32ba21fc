/* Graphs that are damaged, memory that is short, and several threads: a damaged graph is refused or
 * answers something, a failure leaves nothing behind, and searches share a graph with each other
 * and with a builder. Every part is allocated to the byte, so that a sanitizer sees the ends. */
#include <pthread.h>
#include <stdatomic.h>

#include "test/hnsw_sample.h"

#define ROWS  500u
#define DEPTH 3u /* levels above the bottom that ROWS come to with the smallest m */

/* ---------------------------------------------------------------- copies to damage */

typedef struct copy {
    index_part parts[HNSW_PARTS_MAX];
    uint8_t *bytes[HNSW_PARTS_MAX];
    size_t sizes[HNSW_PARTS_MAX]; /* allocated */
    uint32_t count;
} copy;

static copy copy_of(const made_graph *made)
{
    copy c = {.count = made->parts_count};
    for (uint32_t i = 0; i < c.count; i++) {
        c.parts[i] = made->parts[i];
        c.sizes[i] = (size_t)made->parts[i].size;
        c.bytes[i] = mem_alloc_aligned(c.sizes[i]);
        memcpy(c.bytes[i], made->parts[i].bytes, c.sizes[i]);
        c.parts[i].bytes = c.bytes[i];
    }
    return c;
}

static void copy_free(copy *c)
{
    for (uint32_t i = 0; i < c->count; i++) mem_free(c->bytes[i], c->sizes[i]);
}

static uint32_t find(const copy *c, hnsw_part_kind kind, uint32_t level)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->parts[i].kind == kind && c->parts[i].level == level) return i;
    expect(false, "the part is there", __FILE__, __LINE__);
    return 0;
}

static hnsw_head *head_of(const copy *c)
{
    return (hnsw_head *)(void *)c->bytes[find(c, HNSW_PART_HEAD, 0)];
}

static uint32_t *numbers_of(const copy *c, hnsw_part_kind kind, uint32_t level)
{
    return (uint32_t *)(void *)c->bytes[find(c, kind, level)];
}

static mv_err open_copy(const copy *c, const set *s, hnsw_graph *graph)
{
    error.code = MV_OK;
    mv_err err = hnsw_open(c->parts, c->count, &s->vectors, graph, &error);
    EXPECT(err == MV_OK || (err == MV_CORRUPT && error.code == err && error.text[0]));
    return err;
}

/* A search either works or finds damage and leaves the hits alone. */
static mv_err search_way(const set *s, const hnsw_graph *graph, uint32_t ef, uint32_t id,
                         index_scratch *scratch, mv_strategy strategy, const uint64_t *pass)
{
    topk_entry heap[10], heap_before[10];
    topk hits;
    asked_vector a;
    index_report report = {.found = 99};
    ask(s, id, &a);
    topk_start(&hits, heap, 10, INFINITY);
    memset(heap, 0, sizeof heap);
    topk_push(&hits, (topk_entry){.distance = 1e9f, .source = 6, .row = 12345, .docid = 999999999});
    memcpy(heap_before, heap, sizeof heap);
    topk before = hits;
    index_query query = {.vectors = a.numbers,
                         .count = 1,
                         .exact = &a.exact,
                         .ef = ef,
                         .strategy = strategy,
                         .matches = pass,
                         .matching = matching_rows(s, pass),
                         .source = 5,
                         .docids = s->docids};
    mv_err err = hnsw_search(graph, &query, &hits, scratch, &report, &error);
    if (err) {
        EXPECT(err == MV_CORRUPT && error.code == MV_CORRUPT && report.found == 0);
        EXPECT(memcmp(&before, &hits, sizeof hits) == 0);
        EXPECT(memcmp(heap_before, heap, sizeof heap) == 0);
        return err;
    }
    EXPECT(hits.count <= 10 && report.found <= s->vectors.rows);
    bool is_right = true;
    for (uint32_t i = 0; i < hits.count; i++)
        is_right &= hits.heap[i].source == 6 ||
                    (hits.heap[i].row < s->vectors.rows &&
                     hits.heap[i].distance == true_distance(s, &a, (uint32_t)hits.heap[i].row));
    EXPECT(is_right);
    return MV_OK;
}

/* Search each way that follows links. MV_CORRUPT when all find damage. */
static mv_err search_copy(const set *s, const hnsw_graph *graph, uint32_t ef, uint32_t id,
                          index_scratch *scratch)
{
    static uint64_t half[(ROWS + 63) / 64];
    memset(half, 0x55, s->vectors.rows / 64 * sizeof *half);
    mv_err walked = search_way(s, graph, ef, id, scratch, MV_STRATEGY_GRAPH, NULL),
           gated = search_way(s, graph, ef, id, scratch, MV_STRATEGY_GRAPH, half),
           bridged = search_way(s, graph, ef, id, scratch, MV_STRATEGY_BRIDGES, half);
    return walked && gated && bridged ? MV_CORRUPT : MV_OK;
}

/* After the search that found damage, the same scratch serves a sound graph. */
static void still_serves(const made_graph *made, const set *s, index_scratch *scratch)
{
    index_scratch fresh = {0};
    asked_vector a;
    topk_entry heaps[2][10];
    topk hits[2];
    index_report found[2] = {{0}};
    ask(s, 4000000100u, &a);
    for (int i = 0; i < 2; i++) {
        index_query query = {.vectors = a.numbers,
                             .count = 1,
                             .exact = &a.exact,
                             .ef = 40,
                             .strategy = MV_STRATEGY_GRAPH,
                             .matching = s->vectors.rows,
                             .source = 5,
                             .docids = s->docids};
        memset(heaps[i], 0, sizeof heaps[i]);
        topk_start(&hits[i], heaps[i], 10, INFINITY);
        WORKS(hnsw_search(&made->graph, &query, &hits[i], i ? &fresh : scratch, &found[i], &error));
        topk_finish(&hits[i]);
    }
    EXPECT(found[0].found == found[1].found && hits[0].count == hits[1].count);
    EXPECT(memcmp(heaps[0], heaps[1], sizeof heaps[0]) == 0);
    index_scratch_free(&fresh);
}

/* ---------------------------------------------------------------- heads and sizes */

static void refuse_head(const made_graph *made, const set *s, hnsw_head head, const char *what)
{
    copy c = copy_of(made);
    hnsw_graph graph;
    *head_of(&c) = head;
    expect(open_copy(&c, s, &graph) == MV_CORRUPT, what, __FILE__, __LINE__);
    copy_free(&c);
}
#define REFUSE(field, value)                                                                       \
    do {                                                                                           \
        hnsw_head head_ = *made->graph.head;                                                       \
        head_.field = (value);                                                                     \
        refuse_head(made, s, head_, "head with " #field " = " #value " is refused");               \
    } while (0)

static void test_head(const made_graph *made, const set *s)
{
    const hnsw_head *good = made->graph.head;
    REFUSE(format, 0);
    REFUSE(format, HNSW_FORMAT + 1);
    REFUSE(format, UINT32_MAX);
    REFUSE(rows, 0);
    REFUSE(rows, good->rows - 1);
    REFUSE(rows, good->rows + 1);
    REFUSE(rows, UINT32_MAX);
    REFUSE(m, 0);
    REFUSE(m, MV_HNSW_M_MIN - 1);
    REFUSE(m, good->m + 1);
    REFUSE(m, MV_HNSW_M_MAX + 1);
    REFUSE(m, UINT32_MAX);
    REFUSE(quantize, MV_QUANTIZE_AUTO);
    REFUSE(quantize, MV_QUANTIZE_INT4 + 1);
    REFUSE(quantize, UINT32_MAX);
    REFUSE(levels, 0);
    REFUSE(levels, good->levels + 1);
    REFUSE(levels, HNSW_LEVELS_MAX);
    REFUSE(levels, HNSW_LEVELS_MAX + 1);
    REFUSE(levels, UINT32_MAX);
    REFUSE(ef, 0);
    REFUSE(format, 3); /* whose head is shorter */
    REFUSE(entries, 0);
    REFUSE(entries, HNSW_ENTRIES_MAX + 1);
    REFUSE(code_error, NAN);
    REFUSE(code_error, INFINITY);
    REFUSE(code_bound, NAN);
    REFUSE(code_bound, -INFINITY);
    if (good->quantize == MV_QUANTIZE_INT4) REFUSE(format, 1); /* which has no such codes */
    if (good->quantize == MV_QUANTIZE_INT4) REFUSE(quantize, MV_QUANTIZE_INT8);
    if (good->quantize == MV_QUANTIZE_INT8) REFUSE(quantize, MV_QUANTIZE_INT4);
    if (good->quantize == MV_QUANTIZE_NONE) REFUSE(quantize, MV_QUANTIZE_INT8);
    if (good->quantize != MV_QUANTIZE_FP16) REFUSE(quantize, MV_QUANTIZE_FP16);
}

/* What a head may say and no size tells from the truth: searches stay within the arrays. */
static void test_odd_head(const made_graph *made, const set *s)
{
    index_scratch scratch = {0};
    static const float reaches[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, -1};
    for (int field = 0; field < 12; field++) {
        copy c = copy_of(made);
        hnsw_graph graph;
        hnsw_head *head = head_of(&c);
        if (field == 0) head->ef = UINT32_MAX;
        if (field == 1) head->levels--;
        if (field == 2) head->code_bound = -FLT_MAX;
        if (field == 3) head->code_bound = FLT_MAX;
        if (field == 4) head->quantize = MV_QUANTIZE_NONE;
        if (field == 5)
            head->ef_construction = UINT32_MAX, head->seed = 0, head->changed = UINT32_MAX;
        for (uint32_t i = 0; field >= 6 && i < HNSW_EF_STEPS; i++)
            head->reach[i] = reaches[field - 6];
        if (!open_copy(&c, s, &graph))
            WORKS(search_copy(s, &graph, 0, 4000000000u + (uint32_t)field, &scratch));
        else
            EXPECT(field == 1 || field == 5); /* may be refused, too */
        copy_free(&c);
    }
    index_scratch_free(&scratch);
}

static void test_sizes(const made_graph *made, const set *s)
{
    static const int64_t changes[] = {-1, 1, -4, 4, -64, INT64_MIN};
    index_scratch scratch = {0};
    hnsw_graph graph;
    for (uint32_t i = 0; i < made->parts_count; i++) {
        copy c = copy_of(made);
        const index_part part = c.parts[i];
        for (size_t n = 0; n < sizeof changes / sizeof *changes; n++) {
            c.parts[i] = part;
            c.parts[i].size = changes[n] == INT64_MIN ? 0 : part.size + (uint64_t)changes[n];
            /* How many nodes are in the levels from 2 up is told by nothing else. */
            bool may_be = part.kind == HNSW_PART_UPLINKS && part.level > 1 && changes[n] == -64;
            mv_err err = open_copy(&c, s, &graph);
            EXPECT(err == MV_CORRUPT || may_be);
            if (!err && may_be) (void)search_copy(s, &graph, 20, 4000000000u, &scratch);
        }
        c.parts[i] = part;
        c.parts[i].size = UINT64_MAX;
        EXPECT(open_copy(&c, s, &graph) == MV_CORRUPT);
        c.parts[i].size = part.size;
        c.parts[i].kind = HNSW_PART_KINDS; /* not there */
        EXPECT(open_copy(&c, s, &graph) == MV_CORRUPT);
        c.parts[i] = part;
        c.parts[i].level++;
        EXPECT(open_copy(&c, s, &graph) == MV_CORRUPT);
        c.parts[i] = part;
        WORKS(open_copy(&c, s, &graph));
        copy_free(&c);
    }
    index_scratch_free(&scratch);
    EXPECT(hnsw_open(NULL, 0, &s->vectors, &graph, &error) == MV_CORRUPT);
    codes_vectors fewer = s->vectors;
    fewer.rows--;
    EXPECT(hnsw_open(made->parts, made->parts_count, &fewer, &graph, &error) == MV_CORRUPT);
}

/* ---------------------------------------------------------------- links */

/* Change one number of a part; the check must find it. Searches must not leave the arrays: when the
 * number is out of range and is met, they say so. */
static void refuse_number(const made_graph *made, const set *s, hnsw_part_kind kind, uint32_t level,
                          size_t at, uint32_t value, const char *text, int line)
{
    index_scratch scratch = {0};
    hnsw_graph graph;
    copy c = copy_of(made);
    numbers_of(&c, kind, level)[at] = value;
    WORKS(open_copy(&c, s, &graph));
    error.text[0] = '\0';
    expect(hnsw_check(&graph, &error) == MV_CORRUPT && error.code == MV_CORRUPT,
           "damage is found by the check", __FILE__, line);
    expect(strstr(error.text, text) != NULL, text, __FILE__, line);
    if (!strstr(error.text, text)) printf("    it says: %s\n", error.text);
    for (uint32_t n = 0; n < 5; n++)
        (void)search_copy(s, &graph, n * 20, 4000000000u + n, &scratch);
    still_serves(made, s, &scratch);
    index_scratch_free(&scratch);
    copy_free(&c);
}
#define REFUSE_NUMBER(kind, level, at, value, text)                                                \
    refuse_number(made, s, kind, level, at, value, text, __LINE__)

static void test_links(const made_graph *made, const set *s)
{
    const hnsw_graph *graph = &made->graph;
    uint32_t m = graph->head->m, row = graph->nodes[0];
    for (uint32_t level = 0; level <= graph->head->levels; level++) {
        hnsw_part_kind kind = level ? HNSW_PART_UPLINKS : HNSW_PART_LINKS;
        uint32_t count = level ? graph->nodes_count[level - 1] : graph->head->rows;
        uint32_t degree = level ? m : 2 * m, node = level ? 0 : row;
        const uint32_t *links = level ? graph->uplinks[level - 1] : graph->links;
        size_t first = (size_t)node * degree;
        if (links[first] == HNSW_NONE || links[first + 1] == HNSW_NONE) continue;
        REFUSE_NUMBER(kind, level, first, count, "out of range");
        REFUSE_NUMBER(kind, level, first, HNSW_NONE - 1, "out of range");
        REFUSE_NUMBER(kind, level, first, 0x80000000u, "out of range");
        REFUSE_NUMBER(kind, level, first, node, "itself");
        REFUSE_NUMBER(kind, level, first + 1, links[first], "twice");
        REFUSE_NUMBER(kind, level, first, HNSW_NONE, "behind its last");
        /* Everything of a level's last node, where the array ends. */
        size_t last = (size_t)count * degree - degree;
        REFUSE_NUMBER(kind, level, last, count, "out of range");
    }
    uint32_t nodes = graph->nodes_count[0];
    REFUSE_NUMBER(HNSW_PART_NODES, 0, 0, graph->head->rows, "row of its own");
    REFUSE_NUMBER(HNSW_PART_NODES, 0, 0, UINT32_MAX, "row of its own");
    REFUSE_NUMBER(HNSW_PART_NODES, 0, nodes - 1, graph->head->rows, "row of its own");
    REFUSE_NUMBER(HNSW_PART_NODES, 0, nodes - 1, UINT32_MAX, "row of its own");
    REFUSE_NUMBER(HNSW_PART_NODES, 0, 1, graph->nodes[0], "row of its own");
}

/* Damage that every search meets is found by every search. */
static void test_searches_find(const made_graph *made, const set *s)
{
    const hnsw_head *head = made->graph.head;
    for (int what = 0; what < 4; what++) {
        index_scratch scratch = {0};
        hnsw_graph graph;
        copy c = copy_of(made);
        uint32_t *nodes = numbers_of(&c, HNSW_PART_NODES, 0);
        if (what == 0) nodes[0] = head->rows; /* where all begin */
        if (what == 1)
            for (uint32_t i = 0; i < made->graph.nodes_count[0]; i++) nodes[i] = UINT32_MAX - 1;
        if (what == 2) numbers_of(&c, HNSW_PART_UPLINKS, head->levels)[0] = head->rows;
        if (what == 3)
            for (uint32_t row = 0; row < head->rows; row++)
                numbers_of(&c, HNSW_PART_LINKS, 0)[(size_t)row * 2 * head->m] = head->rows;
        WORKS(open_copy(&c, s, &graph));
        for (uint32_t n = 0; n < 5; n++)
            EXPECT(search_copy(s, &graph, n * 50, 4000000000u + n, &scratch) == MV_CORRUPT);
        still_serves(made, s, &scratch);
        index_scratch_free(&scratch);
        copy_free(&c);
    }
}

/* A row to which no link leads any more. */
static void test_unreachable(const made_graph *made, const set *s)
{
    copy c = copy_of(made);
    hnsw_graph graph;
    const hnsw_head *head = made->graph.head;
    uint32_t degree = 2 * head->m, lost = 0, *links = numbers_of(&c, HNSW_PART_LINKS, 0);
    for (bool is_above = true; is_above; lost += is_above) {
        is_above = false;
        for (uint32_t i = 0; i < made->graph.nodes_count[0]; i++)
            is_above |= made->graph.nodes[i] == lost;
    }
    for (uint32_t row = 0; row < head->rows; row++) {
        uint32_t *own = links + (size_t)row * degree, kept = 0;
        for (uint32_t i = 0; i < degree; i++)
            if (own[i] != lost) own[kept++] = own[i];
        while (kept < degree) own[kept++] = HNSW_NONE;
    }
    WORKS(open_copy(&c, s, &graph));
    EXPECT(hnsw_check(&graph, &error) == MV_CORRUPT && strstr(error.text, "cannot be reached"));
    char text[32];
    (void)snprintf(text, sizeof text, "node %u ", lost);
    EXPECT(strstr(error.text, text));
    copy_free(&c);
}

/* All links of the bottom lead among twelve rows: a search that needs more candidates, because its
 * codes err much, gets no more of them, and ends. */
static void test_few_reachable(const made_graph *made, const set *s)
{
    copy c = copy_of(made);
    hnsw_graph graph;
    index_scratch scratch = {0};
    uint32_t degree = 2 * made->graph.head->m, *links = numbers_of(&c, HNSW_PART_LINKS, 0);
    for (size_t i = 0; i < (size_t)made->graph.head->rows * degree; i++)
        links[i] = (uint32_t)(i % 12);
    head_of(&c)->code_bound = 1e9f;
    WORKS(open_copy(&c, s, &graph));
    for (uint32_t id = ROWS; id < ROWS + 10; id++) (void)search_copy(s, &graph, 0, id, &scratch);
    index_scratch_free(&scratch);
    copy_free(&c);
}

/* Change random numbers in all parts: nothing crashes, in searches or when such a graph is
 * extended.
 */
static void test_by_lot(const made_graph *made, const set *s, uint32_t rounds)
{
    static uint32_t rows_now[ROWS];
    index_scratch scratch = {0};
    uint64_t state = 20;
    uint32_t refused = 0, met = 0;
    for (uint32_t row = 0; row < ROWS; row++) rows_now[row] = row;
    for (uint32_t round = 0; round < rounds; round++) {
        copy c = copy_of(made);
        hnsw_graph graph;
        for (uint64_t changes = 1 + mix(state++) % 8; changes--;) {
            uint32_t part = (uint32_t)(mix(state++) % c.count);
            uint32_t *number =
                (uint32_t *)(void *)c.bytes[part] + mix(state++) % (c.sizes[part] / 4);
            switch (mix(state++) % 4) {
            case 0: *number ^= 1u << mix(state) % 32; break;
            case 1: *number = (uint32_t)mix(state); break;
            case 2: *number += (uint32_t)(mix(state) % 5) - 2; break;
            default: *number = UINT32_MAX - (uint32_t)(mix(state) % 3); break;
            }
            state++;
        }
        if (open_copy(&c, s, &graph)) {
            refused++;
        } else {
            mv_err checked = hnsw_check(&graph, &error);
            EXPECT(checked == MV_OK || checked == MV_CORRUPT);
            for (uint32_t n = 0; n < 3; n++)
                met += search_copy(s, &graph, n * 40, (uint32_t)mix(state + n), &scratch) != MV_OK;
            if (!checked && round % 8 == 0) { /* only then is it built upon */
                made_graph next;
                how_to_build how = {.options = options_with(MV_QUANTIZE_AUTO),
                                    .base = {&graph, rows_now}};
                how.options.m = graph.head->m;
                WORKS(try_build(s, &how, &next));
                hnsw_build_free(next.b);
            }
        }
        copy_free(&c);
    }
    still_serves(made, s, &scratch);
    index_scratch_free(&scratch);
    EXPECT(refused > 0 && refused < rounds);
    EXPECT(met > 0 && met < 3 * rounds);
}

/* Codes that are there, of the right sizes, but of no use to the metric. */
static void test_codes_of_others(const made_graph *made, const set *s)
{
    const mv_quantize quantizes[] = {MV_QUANTIZE_FP16, MV_QUANTIZE_INT8, MV_QUANTIZE_INT4};
    static uint8_t zeros[ROWS * 256];
    for (int i = 0; i < 3; i++) {
        mv_quantize quantize = quantizes[i];
        uint64_t size = codes_size(quantize, &s->vectors);
        hnsw_graph graph;
        copy c = copy_of(made);
        index_part parts[HNSW_PARTS_MAX];
        uint32_t count = c.count;
        EXPECT(size <= sizeof zeros && count + 2 <= HNSW_PARTS_MAX);
        memcpy(parts, c.parts, count * sizeof *parts);
        parts[count++] = (index_part){HNSW_PART_CODES, 0, zeros, size};
        parts[count++] = (index_part){HNSW_PART_MEAN, 0, zeros, s->vectors.dim * sizeof(float)};
        head_of(&c)->quantize = (uint32_t)quantize;
        head_of(&c)->format = HNSW_FORMAT;
        mv_err err = hnsw_open(parts, count, &s->vectors, &graph, &error);
        EXPECT(err == (metric_takes_quantize(s->kind.metric, quantize) ? MV_OK : MV_CORRUPT));
        copy_free(&c);
    }
}

static void test_damage(mv_metric metric, mv_quantize quantize)
{
    set_kind kind = {MV_VECTOR_FP32, metric, 13, CLUSTERED};
    if (metric == MV_HAMMING) kind.type = MV_VECTOR_BINARY, kind.dim = 64;
    set s = set_range(kind, 0, ROWS);
    mv_hnsw_options options = options_with(quantize);
    options.m = MV_HNSW_M_MIN;
    made_graph made = build(&s, (how_to_build){.options = options});
    EXPECT(made.graph.head->levels >= DEPTH);
    test_head(&made, &s);
    test_odd_head(&made, &s);
    test_sizes(&made, &s);
    test_links(&made, &s);
    test_searches_find(&made, &s);
    test_unreachable(&made, &s);
    test_few_reachable(&made, &s);
    test_by_lot(&made, &s, 400);
    if (quantize == MV_QUANTIZE_NONE) test_codes_of_others(&made, &s);
    hnsw_build_free(made.b);
    set_free(&s);
}

/* ---------------------------------------------------------------- memory */

/* Fail the n-th allocation, with all after it or alone, until nothing fails. Gives how many rounds
 * that took. */
static uint64_t build_without_memory(const set *s, const how_to_build *how, bool persist)
{
    size_t bytes = mem_bytes();
    uint64_t n = 1;
    /* A thread that cannot be started is done without, so one success is not the end. */
    for (int through = 0; through < 8; n++) {
        made_graph made;
        mem_fail_at(n, persist);
        mv_err err = try_build(s, how, &made);
        mem_fail_at(0, false);
        EXPECT(err == MV_OK || (err == MV_NO_MEMORY && error.code == MV_NO_MEMORY));
        if (!err) WORKS(hnsw_check(&made.graph, &error));
        hnsw_build_free(made.b);
        EXPECT(mem_bytes() == bytes);
        through = err ? 0 : through + 1;
    }
    return n;
}

static void test_no_memory_in_build(void)
{
    static uint32_t rows_now[ROWS];
    for (mv_quantize quantize = MV_QUANTIZE_AUTO; quantize <= MV_QUANTIZE_INT4; quantize++) {
        set s = set_range((set_kind){MV_VECTOR_FP32, MV_L2, 6, CLUSTERED}, 0, 120);
        how_to_build how = {.options = options_with(quantize), .threads = 2};
        EXPECT(build_without_memory(&s, &how, true) > 15);
        EXPECT(build_without_memory(&s, &how, false) > 15);
        made_graph base = build(&s, how);
        set next = set_range(s.kind, 0, 150);
        for (uint32_t row = 0; row < 120; row++) rows_now[row] = row;
        how.base = (hnsw_base){&base.graph, rows_now};
        EXPECT(build_without_memory(&next, &how, true) > 15);
        hnsw_build_free(base.b);
        set_free(&next);
        set_free(&s);
    }
}

static void test_no_memory_in_search(void)
{
    size_t bytes = mem_bytes();
    set s = set_range((set_kind){MV_VECTOR_FP32, MV_COSINE, 30, CLUSTERED}, 0, ROWS);
    made_graph made = build(&s, (how_to_build){.options = options_with(MV_QUANTIZE_AUTO)});
    set small = set_range(s.kind, 9000, 50);
    made_graph other = build(&small, (how_to_build){.options = options_with(MV_QUANTIZE_NONE)});
    index_scratch scratch = {0};
    asked_vector a;
    topk_entry heap[10];
    topk hits;
    index_report found = {.found = 99};
    ask(&s, 4000000000u, &a);
    index_query query = {.vectors = a.numbers,
                         .count = 1,
                         .exact = &a.exact,
                         .ef = 100,
                         .strategy = MV_STRATEGY_GRAPH,
                         .matching = s.vectors.rows,
                         .source = 5,
                         .docids = s.docids};
    topk_start(&hits, heap, 10, INFINITY);
    mem_fail_at(1, true);
    EXPECT(hnsw_search(&made.graph, &query, &hits, &scratch, &found, &error) == MV_NO_MEMORY);
    EXPECT(hnsw_check(&made.graph, &error) == MV_NO_MEMORY);
    mem_fail_at(2, true);
    EXPECT(hnsw_check(&made.graph, &error) == MV_NO_MEMORY);
    mem_fail_at(0, false);
    EXPECT(hits.count == 0 && found.found == 0);
    EXPECT(scratch.size == 0 || scratch.block);
    WORKS(hnsw_search(&made.graph, &query, &hits, &scratch, &found, &error));
    EXPECT(hits.count == 10);
    /* Warm: for the same, for less, and for another graph in between. */
    mem_fail_at(1, true);
    for (uint32_t n = 0; n < 12; n++) {
        const hnsw_graph *graph = n % 3 ? &made.graph : &other.graph;
        query.ef = 100 - n;
        query.docids = n % 3 ? s.docids : small.docids;
        query.matching = n % 3 ? s.vectors.rows : small.vectors.rows;
        topk_start(&hits, heap, 10, INFINITY);
        WORKS(hnsw_search(graph, &query, &hits, &scratch, &found, &error));
        EXPECT(hits.count == 10);
    }
    /* What is larger fails, and leaves a scratch that can grow later. */
    query.ef = ROWS, query.docids = s.docids;
    topk_start(&hits, heap, 10, INFINITY);
    size_t size = scratch.size;
    EXPECT(hnsw_search(&made.graph, &query, &hits, &scratch, &found, &error) == MV_NO_MEMORY);
    EXPECT(hits.count == 0);
    mem_fail_at(0, false);
    WORKS(hnsw_search(&made.graph, &query, &hits, &scratch, &found, &error));
    EXPECT(hits.count == 10 && scratch.size > size);
    index_scratch_free(&scratch);
    EXPECT(!scratch.block && !scratch.size);
    hnsw_build_free(made.b);
    hnsw_build_free(other.b);
    set_free(&s);
    set_free(&small);
    EXPECT(mem_bytes() == bytes);
}

/* ---------------------------------------------------------------- threads */

typedef struct searcher {
    const set *s;
    const hnsw_graph *graph;
    uint32_t first; /* which queries */
    uint32_t done;
    bool is_wrong;
} searcher;

static atomic_bool is_built;

/* Search until the builder is through. What is found must be what a lone thread found. */
static void *search_on(void *ctx)
{
    searcher *me = ctx;
    index_scratch scratch = {0};
    topk_entry heap[10], truth[10];
    topk hits;
    index_report found = {0};
    mv_error e;
    for (uint32_t n = 0; n < 20 || !atomic_load(&is_built); n++) {
        asked_vector a;
        set_vector(&me->s->kind, 4000000000u + me->first, a.numbers);
        me->is_wrong |= distance_prepare(&a.exact, me->s->kind.type, me->s->kind.metric, a.numbers,
                                         me->s->kind.dim, a.elements, &e) != MV_OK;
        index_query query = {.vectors = a.numbers,
                             .count = 1,
                             .exact = &a.exact,
                             .ef = 50,
                             .strategy = MV_STRATEGY_GRAPH,
                             .matching = me->s->vectors.rows,
                             .source = 5,
                             .docids = me->s->docids};
        topk_start(&hits, heap, 10, INFINITY);
        me->is_wrong |= hnsw_search(me->graph, &query, &hits, &scratch, &found, &e) != MV_OK;
        topk_finish(&hits);
        me->is_wrong |= hits.count != 10;
        if (n) me->is_wrong |= memcmp(heap, truth, sizeof heap) != 0;
        memcpy(truth, heap, sizeof truth);
        me->done++;
    }
    index_scratch_free(&scratch);
    return NULL;
}

/* Two search the graph that another is made from. */
static void test_threads(mv_quantize quantize)
{
    static uint32_t rows_now[ROWS];
    set s = set_range((set_kind){MV_VECTOR_FP32, MV_L2, 13, CLUSTERED}, 0, ROWS);
    how_to_build how = {.options = options_with(quantize), .threads = 3};
    made_graph made = build(&s, how), next = {0};
    set more = set_range(s.kind, 0, 2 * ROWS);
    searcher searchers[2] = {{.s = &s, .graph = &made.graph, .first = 1},
                             {.s = &s, .graph = &made.graph, .first = 2}};
    pthread_t threads[2];
    for (uint32_t row = 0; row < ROWS; row++) rows_now[row] = row % 9 ? row : HNSW_NONE;
    atomic_store(&is_built, false);
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&threads[i], NULL, search_on, &searchers[i]) == 0);
    how.base = (hnsw_base){&made.graph, rows_now};
    for (int round = 0; round < 3; round++) {
        how.in_slices = round == 2;
        WORKS(try_build(&more, &how, &next));
        WORKS(hnsw_check(&next.graph, &error));
        hnsw_build_free(next.b);
    }
    atomic_store(&is_built, true);
    for (int i = 0; i < 2; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
        EXPECT(!searchers[i].is_wrong && searchers[i].done >= 20);
    }
    hnsw_build_free(made.b);
    set_free(&s);
    set_free(&more);
}

/* Threads that meet a vector without a code all at once: the graph is built without codes. */
static void test_beyond_range(void)
{
    for (uint32_t threads = 1; threads <= 4; threads += 3) {
        for (mv_metric metric = MV_L2; metric <= MV_COSINE; metric++) {
            set s = set_range((set_kind){MV_VECTOR_FP32, metric, 7, HUGE_ONES}, 0, ROWS);
            how_to_build how = {.options = options_with(MV_QUANTIZE_FP16), .threads = threads};
            made_graph made = build(&s, how);
            EXPECT(made.graph.head->quantize ==
                   (metric == MV_COSINE ? MV_QUANTIZE_FP16 : MV_QUANTIZE_NONE));
            hnsw_build_free(made.b);
            set_free(&s);
        }
    }
}

/* ---------------------------------------------------------------- */

int main(void)
{
    double began = os_seconds();
    size_t bytes = mem_bytes();
    RUN(test_damage(MV_L2, MV_QUANTIZE_INT8));
    RUN(test_damage(MV_COSINE, MV_QUANTIZE_NONE));
    RUN(test_damage(MV_IP, MV_QUANTIZE_FP16));
    RUN(test_damage(MV_L1, MV_QUANTIZE_NONE));
    RUN(test_damage(MV_HAMMING, MV_QUANTIZE_NONE));
    RUN(test_damage(MV_COSINE, MV_QUANTIZE_INT4));
    RUN(test_no_memory_in_build());
    RUN(test_no_memory_in_search());
    RUN(test_threads(MV_QUANTIZE_INT8));
    RUN(test_threads(MV_QUANTIZE_INT4));
    RUN(test_threads(MV_QUANTIZE_NONE));
    RUN(test_beyond_range());
    RUN(test_memory_is_freed(bytes));
    printf("%.1f seconds\n", os_seconds() - began);
    return tests_conclude();
}
