/* Searching a field of several vectors by several together: the score of a document is the sum,
 * over the vectors of the query, of the largest inner product with one of its vectors (MaxSim,
 * ColBERT).
 *
 * A segment with a graph over all vectors of its rows is searched in two steps. For each vector of
 * the query the graph finds the nearest vectors. A row then has at most, for each vector of the
 * query, the product with the first of its vectors that was found, or, if none was, that of the
 * last one found of any row: the bounds of the threshold algorithm (Fagin, Lotem, Naor: Optimal
 * aggregation algorithms for middleware, PODS 2001). The rows are compared exactly in the order of
 * their bounds, until no bound is more than the score of the k-th row, or, long before that, until
 * no hit was among many rows (the patience). If the rows come to an end while there are hits among
 * them, more vectors are asked of the graph, or all other rows are compared, whichever is cheaper.
 */
#include "read/search_multi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "read/explain.h"
#include "read/search_hits.h"

#define COMPARED_AT_ONCE 256u /* vectors of a row */
/* For k hits: vectors asked of the graph for each of the query, and how many times as many if they
 * are not enough. */
#define VECTORS_FOR(k) (4 * (uint64_t)(k) > 128 ? 4 * (uint64_t)(k) : 128)
#define VECTORS_MORE   4u
/* A row that is compared as the n-th and is a hit lets n / 2 + PATIENCE_FOR(k) further rows be
 * compared. A recall above the default lets more, as the share that may be missed is smaller. */
#define PATIENCE_FOR(k) VECTORS_FOR(k)
/* Numbers that are multiplied in the time in which a walk finds a vector, times 10: rows may be
 * missed by a graph, so it must be that much cheaper than to compare all rows. */
#define NUMBERS_OF_VECTOR 4e5

typedef struct multi_search {
    search *s;
    const schema_field *field;
    const float *vectors; /* of the query, one after the other */
    uint32_t count;       /* of them */
    distance_query *queries;
    topk top;
    team *team;
    mem_arena *arena; /* cleared for each segment */
} multi_search;

/* A row of which a vector was found. */
typedef struct multi_row {
    uint32_t row;
    uint32_t list; /* the last vector of the query, + 1, that found it; 0: the slot is empty */
    double bound;  /* of its score */
} multi_row;

/* The search of one segment by its graph. */
typedef struct multi_graph {
    multi_search *t;
    shared_index *x;
    const table *of;
    uint32_t source;
    const uint64_t *vectors; /* bit set: the vector is of a matching row; NULL: all are */
    uint32_t vectors_count;  /* of matching rows */
    topk *tops;              /* for each vector of the query the nearest ones */
    bool *is_found;
    uint64_t *compared;                /* bit set: the row was compared */
    bool is_tried;                     /* the graph was searched */
    uint64_t compared_count, last_hit; /* rows compared, and up to the last one that was a hit */
} multi_graph;

static const view *multi_view(const multi_search *t)
{
    return t->s->r->seen->v;
}

static void *multi_alloc(const multi_search *t, size_t size, mv_error *error)
{
    void *block = mem_arena_alloc(t->arena, size + !size);
    if (!block) (void)error_memory(error, size, "a search by several vectors");
    return block;
}

/* ---------------------------------------------------------------- comparing rows */

/* The largest inner product of one vector of the query with `count` vectors. */
static float best_product(const multi_search *t, const distance_query *query,
                          const uint8_t *vectors, size_t count)
{
    size_t stride = schema_field_stride(t->field);
    float distances[COMPARED_AT_ONCE], least = INFINITY;
    for (size_t done = 0, now; done < count; done += now) {
        now = count - done < COMPARED_AT_ONCE ? count - done : COMPARED_AT_ONCE;
        distance_to_rows(query, vectors + done * stride, stride, NULL, now, distances);
        for (size_t i = 0; i < now; i++) least = distances[i] < least ? distances[i] : least;
    }
    return 0 - least;
}

/* The vectors of a row; none, if it is NULL. */
static mv_err vectors_of_row(const multi_search *t, const table *of, uint32_t row,
                             const uint8_t **vectors, size_t *count, mv_error *error)
{
    const table_column *column = &of->columns[t->s->q->multi_field];
    uint64_t size;
    *count = 0;
    if (table_is_null(column, row)) return MV_OK;
    if (!table_cell(column, row, vectors, &size) || !schema_field_fits(t->field, (size_t)size))
        return error_set(error, MV_CORRUPT, "the vectors of row %u of '%s' are damaged", row,
                         t->field->name);
    *count = (size_t)size / schema_field_stride(t->field);
    return MV_OK;
}

/* Compare a row of a table, and push it. */
static mv_err compare_multi(multi_search *t, const table *of, uint32_t source, uint32_t row,
                            uint64_t hit_row, mv_error *error)
{
    const uint8_t *vectors;
    size_t count;
    double score = 0;
    MV_TRY(vectors_of_row(t, of, row, &vectors, &count, error));
    if (!count || of->docids[row] == t->s->left_out) return MV_OK;
    for (uint32_t i = 0; i < t->count; i++)
        score += (double)best_product(t, &t->queries[i], vectors, count);
    t->s->step->counts.exact_distances += count * t->count;
    topk_push(&t->top, (topk_entry){.distance = 0 - (float)score,
                                    .source = source,
                                    .row = hit_row,
                                    .docid = of->docids[row]});
    return MV_OK;
}

static mv_err compare_multi_block(void *ctx, const scan *sc, mv_error *error)
{
    multi_search *t = ctx;
    explain_note_block(t->s, sc, 0, 0);
    for (uint32_t at = scan_find(sc, 0); at < sc->count; at = scan_find(sc, at + 1))
        MV_TRY(compare_multi(t, sc->t, sc->source, sc->begin + at, scan_row(sc, at), error));
    return MV_OK;
}

static mv_err compare_multi_matches(multi_search *t, uint32_t source, const uint64_t *matches,
                                    mv_error *error)
{
    const table *of = &multi_view(t)->segments[source].table;
    for (uint32_t word = 0; word < bits_words(of->rows); word++) {
        for (uint64_t left = matches[word]; left; left &= left - 1) {
            uint32_t row = word * 64 + MV_LOWEST_BIT(left);
            MV_TRY(compare_multi(t, of, source, row, row, error));
        }
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- vectors and their rows */

/* Where the vectors of a row end, counted over all rows. */
static uint64_t vectors_end(const multi_graph *g, uint32_t row)
{
    const table_column *column = &g->of->columns[g->t->s->q->multi_field];
    return column->ends[row] / schema_field_stride(g->t->field);
}

/* The row of a vector; the number of rows: of none. */
static uint32_t row_of_vector(const multi_graph *g, uint64_t vector)
{
    uint32_t low = 0, high = g->of->rows;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (vectors_end(g, middle) <= vector)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Find the vectors of the matching rows. */
static mv_err find_vectors(multi_graph *g, const uint64_t *matches, uint32_t matching,
                           mv_error *error)
{
    uint32_t all = g->x->source.vectors.rows;
    g->vectors_count = all;
    if (matching == g->of->rows) return MV_OK;
    uint64_t *bits = multi_alloc(g->t, bits_words(all) * sizeof *bits, error);
    if (!bits) return MV_NO_MEMORY;
    memset(bits, 0, bits_words(all) * sizeof *bits);
    g->vectors_count = 0;
    for (uint32_t word = 0; word < bits_words(g->of->rows); word++) {
        for (uint64_t left = matches[word]; left; left &= left - 1) {
            uint32_t row = word * 64 + MV_LOWEST_BIT(left);
            uint64_t at = row ? vectors_end(g, row - 1) : 0, end = vectors_end(g, row);
            for (; at < end && at < all; at++, g->vectors_count++) bits_set(bits, (uint32_t)at);
        }
    }
    g->vectors = bits;
    return MV_OK;
}

/* ---------------------------------------------------------------- by a graph */

static mv_err search_vectors_for(void *ctx, team_member *me, uint32_t begin, uint32_t end)
{
    multi_graph *g = ctx;
    const multi_search *t = g->t;
    const mv_query *q = t->s->q;
    index_report report = {.searched = g->is_found + begin};
    index_query query = {.vectors = t->vectors + (size_t)begin * t->field->dim,
                         .vector_size = schema_field_stride(t->field),
                         .count = end - begin,
                         .exact = &t->queries[begin],
                         .recall = q->recall,
                         .ef = q->ef,
                         .strategy = q->strategy,
                         .matches = g->vectors,
                         .matching = g->vectors_count};
    mv_err err = index_search(g->x->type, g->x->opened, &query, &g->tops[begin], &me->scratch,
                              &report, &me->error);
    if (err == MV_CORRUPT || report.is_damaged)
        shared_index_note_damage(t->s->r->e, g->x, &me->error);
    if (err && err != MV_CORRUPT) return err;
    index_add_counts(&me->counts, &report.counts);
    return MV_OK;
}

/* For each vector of the query, find the `wanted` nearest vectors. *found is false if the graph is
 * damaged. */
static mv_err search_vectors(multi_graph *g, uint32_t wanted, bool *found, mv_error *error)
{
    multi_search *t = g->t;
    topk_entry *heaps =
        multi_alloc(t, mem_array_size((size_t)t->count * wanted, sizeof *heaps), error);
    if (!heaps) return MV_NO_MEMORY;
    for (uint32_t i = 0; i < t->count; i++)
        topk_start(&g->tops[i], heaps + (size_t)i * wanted, wanted, INFINITY);
    memset(g->is_found, 0, t->count * sizeof *g->is_found);
    uint32_t turn = (t->count + t->team->count - 1) / t->team->count;
    MV_TRY(team_run(t->team, search_vectors_for, g, t->count, turn, error));
    team_take_counts(t->team, &t->s->step->counts);
    *found = true;
    for (uint32_t i = 0; i < t->count; i++) {
        topk_finish(&g->tops[i]);
        *found &= g->is_found[i];
    }
    return MV_OK;
}

/* The slot of a row in a table of `mask` + 1 slots. */
static multi_row *slot_of_row(multi_row *slots, uint32_t mask, uint32_t row)
{
    uint32_t at = row * UINT32_C(2654435769) & mask;
    while (slots[at].list && slots[at].row != row) at = (at + 1) & mask;
    return &slots[at];
}

/* Add to the bounds of the rows what one vector of the query found: each row once, the nearest
 * vector first. `last` is the product that all rows have been given. */
static void add_list(multi_graph *g, uint32_t list, multi_row *slots, uint32_t mask, double last)
{
    const topk *found = &g->tops[list];
    for (uint32_t i = 0; i < found->count; i++) {
        uint32_t row = row_of_vector(g, found->heap[i].row);
        if (row == g->of->rows) continue;
        multi_row *slot = slot_of_row(slots, mask, row);
        if (slot->list == list + 1) continue;
        slot->row = row;
        slot->list = list + 1;
        slot->bound += -(double)found->heap[i].distance - last;
    }
}

static int compare_bounds(const void *a, const void *b)
{
    const multi_row *x = a, *y = b;
    return (x->bound < y->bound) - (x->bound > y->bound);
}

/* The rows of the vectors that were found, and bounds of their scores, largest first. */
static mv_err gather_rows(multi_graph *g, multi_row **rows, uint32_t *count, mv_error *error)
{
    const multi_search *t = g->t;
    uint64_t found = 0;
    uint32_t mask = 63;
    for (uint32_t i = 0; i < t->count; i++) found += g->tops[i].count;
    while (mask < 2 * found) mask = 2 * mask + 1;
    multi_row *slots = multi_alloc(t, ((size_t)mask + 1) * sizeof *slots, error);
    if (!slots) return MV_NO_MEMORY;
    memset(slots, 0, ((size_t)mask + 1) * sizeof *slots);
    double sum = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const topk *top = &g->tops[i];
        double last = top->count ? -(double)top->heap[top->count - 1].distance : 0;
        sum += last;
        add_list(g, i, slots, mask, last);
    }
    *count = 0;
    for (uint32_t i = 0; i <= mask; i++) {
        if (!slots[i].list) continue;
        slots[*count] = slots[i];
        slots[(*count)++].bound += sum;
    }
    qsort(slots, *count, sizeof *slots, compare_bounds);
    *rows = slots;
    return MV_OK;
}

/* Compare rows in the order of their bounds. *done is true if no other row is expected to be a hit.
 */
static mv_err compare_rows(multi_graph *g, const multi_row *rows, uint32_t count, uint64_t patience,
                           bool *done, mv_error *error)
{
    multi_search *t = g->t;
    *done = false;
    for (uint32_t i = 0; i < count && !*done; i++) {
        uint32_t row = rows[i].row;
        uint32_t hits = t->top.count;
        float limit = t->top.limit;
        bool is_full = hits == t->top.capacity;
        *done = is_full ? rows[i].bound <= -(double)limit : rows[i].bound < -(double)limit;
        if (*done) break;
        if (bits_get(g->compared, row)) continue;
        bits_set(g->compared, row);
        g->compared_count++;
        MV_TRY(compare_multi(t, g->of, g->source, row, row, error));
        if (t->top.count > hits || t->top.limit < limit) g->last_hit = g->compared_count;
        *done = g->compared_count >= g->last_hit + g->last_hit / 2 + patience;
    }
    return MV_OK;
}

/* How many times as much patience the recall of the query needs as the default. */
static double effort_of(const mv_query *q)
{
    return q->recall > MV_RECALL_DEFAULT ? (1 - MV_RECALL_DEFAULT) / (1 - q->recall) : 1;
}

/* Is a walk that finds `wanted` vectors for each of the query expected to be much cheaper than
 * comparing `all` vectors with them? */
static bool is_worth_walking(const multi_search *t, const shared_index *x, uint64_t wanted,
                             uint32_t all)
{
    bool is_forced = t->s->q->strategy == MV_STRATEGY_GRAPH;
    return all && wanted <= x->type->hits_max &&
           (is_forced || (double)wanted * NUMBERS_OF_VECTOR < (double)all * t->field->dim);
}

/* Search the graph for more and more vectors, and compare their rows. */
static mv_err search_graph_rounds(multi_graph *g, bool *done, mv_error *error)
{
    uint64_t k = g->t->top.capacity;
    uint64_t patience = (uint64_t)fmin((double)PATIENCE_FOR(k) * effort_of(g->t->s->q), 0x1p62);
    *done = false;
    for (uint64_t wanted = VECTORS_FOR(k);
         !*done && is_worth_walking(g->t, g->x, wanted, g->vectors_count); wanted *= VECTORS_MORE) {
        multi_row *rows;
        uint32_t count;
        bool found;
        g->is_tried = true;
        MV_TRY(search_vectors(g, (uint32_t)wanted, &found, error));
        if (!found) return MV_OK;
        MV_TRY(gather_rows(g, &rows, &count, error));
        MV_TRY(compare_rows(g, rows, count, patience, done, error));
    }
    return MV_OK;
}

/* Search a segment by its graph. *done is false if its other matching rows are to be compared:
 * `matches` has them. */
static mv_err search_multi_graph(multi_search *t, shared_index *x, uint32_t source,
                                 uint64_t *matches, uint32_t matching, bool *tried, bool *done,
                                 mv_error *error)
{
    multi_graph g = {
        .t = t, .x = x, .source = source, .of = &multi_view(t)->segments[source].table};
    size_t words = bits_words(g.of->rows);
    *done = false;
    MV_TRY(find_vectors(&g, matches, matching, error));
    g.tops = multi_alloc(t, t->count * sizeof *g.tops, error);
    g.is_found = multi_alloc(t, t->count * sizeof *g.is_found, error);
    g.compared = multi_alloc(t, words * sizeof *g.compared, error);
    if (!g.tops || !g.is_found || !g.compared) return MV_NO_MEMORY;
    memset(g.compared, 0, words * sizeof *g.compared);
    MV_TRY(search_graph_rounds(&g, done, error));
    *tried = g.is_tried;
    for (size_t i = 0; i < words; i++) matches[i] &= ~g.compared[i];
    return MV_OK;
}

/* ---------------------------------------------------------------- segments and fresh rows */

/* The index of a segment; NULL: it has none that can be used. */
static shared_index *multi_index_of(void *ctx, uint32_t source)
{
    const multi_search *t = ctx;
    const view *v = multi_view(t);
    const mv_query *q = t->s->q;
    shared_index *x = v->segments[source].indexes[index_slot_of_field(v->schema, q->multi_field)];
    bool is_exact = q->strategy == MV_STRATEGY_EXACT || q->recall >= 1;
    return !is_exact && shared_index_is_usable(x) && x->type->search ? x : NULL;
}

static bool multi_may_miss(void *ctx, uint64_t wanted)
{
    const multi_search *t = ctx;
    uint64_t vectors = VECTORS_FOR(search_capacity(t->s, wanted));
    for (uint32_t i = 0; i < multi_view(t)->segments_count; i++) {
        const shared_index *x = multi_index_of(ctx, i);
        if (x && is_worth_walking(t, x, vectors, x->source.vectors.rows)) return true;
    }
    return false;
}

static mv_err search_multi_segment(void *ctx, shared_index *x, uint32_t source, scan *sc,
                                   mv_error *error)
{
    multi_search *t = ctx;
    mem_arena_clear(t->arena);
    const table *of = &multi_view(t)->segments[source].table;
    uint64_t *matches = multi_alloc(t, bits_words(of->rows) * sizeof *matches, error);
    mv_plan_step *step = t->s->step;
    bool done, tried = false;
    if (!matches) return MV_NO_MEMORY;
    double begun = explain_now(t->s);
    MV_TRY(scan_segment(sc, matches, error));
    uint32_t matching = (uint32_t)bits_count(matches, of->rows);
    step->matching += matching;
    step->filter_seconds += explain_now(t->s) - begun;
    begun = explain_now(t->s);
    MV_TRY(search_multi_graph(t, x, source, matches, matching, &tried, &done, error));
    step->first = tried ? MV_STRATEGY_GRAPH : MV_STRATEGY_EXACT;
    step->last = done ? MV_STRATEGY_GRAPH : MV_STRATEGY_EXACT;
    step->expected_recall = done ? 0 : 1; /* of documents the graph tells nothing */
    if (!done) MV_TRY(compare_multi_matches(t, source, matches, error));
    step->search_seconds += explain_now(t->s) - begun;
    return MV_OK;
}

static mv_err search_all_multi(multi_search *t, mv_error *error)
{
    static const search_hits_visitor visitor = {multi_index_of, search_multi_segment,
                                                compare_multi_block};
    search *s = t->s;
    uint32_t threads = s->q->threads ? s->q->threads : 1;
    team workers;
    team_begin(&workers, s->r->e, threads < t->count ? threads : t->count);
    t->team = &workers;
    mv_err err = search_hits_scan(s, s->q->multi_field, &s->r->arena, &visitor, t, error);
    team_end(&workers);
    return err;
}

/* ---------------------------------------------------------------- the query */

static mv_err find_multi(void *ctx, uint64_t wanted, topk **top, mv_error *error)
{
    multi_search *t = ctx;
    uint32_t capacity = search_capacity(t->s, wanted);
    topk_entry *heap = search_alloc(t->s, mem_array_size(capacity, sizeof *heap), error);
    if (!heap) return MV_NO_MEMORY;
    topk_start(&t->top, heap, capacity, search_hits_limit(t->s->q, MV_IP));
    *top = &t->top;
    return search_all_multi(t, error);
}

/* Prepare the vectors of the query, and search. */
static mv_err search_prepared(multi_search *t, const float *vectors, uint32_t count,
                              mv_error *error)
{
    const schema_field *field = t->field;
    const hit_finder finder = {t, multi_may_miss, find_multi};
    hit_page page = search_hits_page(t->s, MV_IP);
    size_t size = mem_whole_lines(distance_query_size(MV_VECTOR_FP32, field->dim));
    t->vectors = vectors;
    t->count = count;
    t->queries = search_alloc(t->s, count * sizeof *t->queries, error);
    uint8_t *elements = search_alloc(t->s, mem_array_size(count, size), error);
    if (!t->queries || !elements) return MV_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const float *vector = vectors + (size_t)i * field->dim;
        mv_err err = metric_check_numbers(MV_IP, MV_VECTOR_FP32, vector, field->dim, error);
        if (!err)
            err = distance_prepare(&t->queries[i], MV_VECTOR_FP32, MV_IP, vector, field->dim,
                                   elements + i * size, error);
        if (err) return error_prefix(error, err, "field '%s': ", field->name);
    }
    if (page.offset) page.goal = t->s->q->topk;
    return search_hits_in_rounds(t->s, &finder, 0, page, error);
}

/* Search for the vectors of a document. One without vectors has no hits. */
static mv_err search_multi_by_id(multi_search *t, mv_error *error)
{
    mv_hit hit;
    cell c;
    MV_TRY(result_need(t->s->r, &t->s->q->id, &hit, error));
    MV_TRY(result_cell(t->s->r, &hit, t->s->q->multi_field, &c, error));
    t->s->left_out = hit.docid;
    if (c.state != CELL_VALUE || !c.size) return MV_OK;
    if (!schema_field_fits(t->field, c.size) || cell_check(MV_MULTI_FP32, c.bytes, c.size, NULL))
        return error_set(error, MV_CORRUPT, "the vectors of a document in '%s' are damaged",
                         t->field->name);
    size_t count = c.size / schema_field_stride(t->field);
    if (count > MV_MULTI_MAX) count = MV_MULTI_MAX;
    float *vectors = search_alloc(t->s, c.size, error);
    if (!vectors) return MV_NO_MEMORY;
    memcpy(vectors, c.bytes, c.size);
    return search_prepared(t, vectors, (uint32_t)count, error);
}

mv_err search_multi(search *s, mv_error *error)
{
    const mv_query *q = s->q;
    const mv_schema *schema = s->r->seen->v->schema;
    if (q->multi_field >= schema->fields_count)
        return error_set(error, MV_MISUSE, "there is no field %u, the schema has %u",
                         q->multi_field, schema->fields_count);
    const schema_field *field = &schema->fields[q->multi_field];
    if (!type_is_multi(field->type))
        return error_set(error, MV_MISUSE,
                         "field '%s' is %s, it cannot be searched by several vectors together",
                         field->name, type_name(field->type));
    if (q->vectors && q->dim != field->dim)
        return error_set(error, MV_MISUSE, "vectors have %u numbers, field '%s' wants %u", q->dim,
                         field->name, field->dim);
    multi_search t = {.s = s, .field = field, .arena = &s->r->scratch};
    mv_err err = q->vectors ? search_prepared(&t, q->vectors, q->vectors_count, error)
                            : search_multi_by_id(&t, error);
    mem_arena_trim(t.arena, RESULT_SCRATCH_KEPT);
    if (!err) result_prefetch_ids(s->r);
    return err;
}
