/* Searching by sparse vector: the documents that share an index with it, best first by the inner
 * product. The result is exact.
 *
 * In a segment with lists, candidates are the best rows by the numbers of the lists, which are
 * rounded up, and without what has the other sign than the number of the query. So the score of a
 * candidate is at least its inner product, and no other row has more than the last candidate. The
 * candidates are then compared by their vectors. If these do not prove that all hits are among
 * them, more candidates are taken; at last all rows are compared, as in a segment without lists. */
#include "read/search_sparse.h"

#include <math.h>
#include <string.h>

#include "index/ranked.h"
#include "read/explain.h"
#include "read/search_hits.h"
#include "vector/sparse.h"

/* Candidates for k hits, and how many times as many the next time. Measured with SPLADE-like
 * vectors: nearly always the first ones are enough. */
#define CANDIDATES_FOR(k) (2 * (uint64_t)(k) + 32)
#define CANDIDATES_MORE   8u
#define ROWS_OF_CANDIDATE 4u    /* comparing this many rows costs as much as a candidate */
#define SPARSE_QUERY_MAX  4096u /* entries; with more no lists are read: a cursor has 1.3 KB */
#define SCORE_SLACK       1e-6  /* relative: what the floats of a score lose */
#define SCORE_UNITS       0x1p30
/* Weights are at least this. Less would be lost when scores become floats; a weight that is too
 * large only makes more candidates. */
#define SPARSE_WEIGHT_MIN 1e-30f

typedef struct sparse_search {
    search *s;
    sparse_query query;
    topk top;
    bool has_after; /* only hits behind this document: */
    mv_hit after;
    uint32_t input;       /* mv_hit.input of the hits */
    mem_arena *of_vector; /* cleared for each vector that is searched for */
    mem_arena *arena;     /* cleared for each segment */
} sparse_search;

/* The lists of a segment that can add to a score. */
typedef struct sparse_lists {
    const ranked_lists *lists;
    ranked_cursor *cursors;
    ranked_cursor **each;
    float *weights;
    uint32_t count;
    bool has_other_sign; /* there are lists that can take from a score */
} sparse_lists;

static const view *sparse_view(const sparse_search *t)
{
    return t->s->r->seen->v;
}

static void *sparse_alloc(const sparse_search *t, size_t size, mv_error *error)
{
    void *block = mem_arena_alloc(t->arena, size + !size);
    if (!block) (void)error_memory(error, size, "a search by sparse vector");
    return block;
}

/* ---------------------------------------------------------------- comparing rows */

/* Compare a row; false: it is no hit. */
static bool compare_row(const sparse_search *t, const uint8_t *bytes, size_t size,
                        topk_entry *entry)
{
    uint32_t shared;
    entry->distance = 0 - sparse_product(&t->query, bytes, size, &shared);
    if (!shared || entry->docid == t->s->left_out) return false;
    if (!t->has_after) return true;
    double distance = (double)entry->distance;
    return distance > t->after.distance ||
           (distance == t->after.distance && entry->docid > t->after.docid);
}

static mv_err damaged_vector(uint64_t docid, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "the sparse vector of the row with docid %llu is damaged",
                     (unsigned long long)docid);
}

/* Compare row `row` of a table, if it is not NULL. */
static mv_err compare_table_row(const sparse_search *t, const table *of, uint32_t row,
                                topk_entry *entry, bool *is_hit, mv_error *error)
{
    const table_column *column = &of->columns[t->s->q->sparse_field];
    const uint8_t *bytes;
    uint64_t size;
    entry->docid = of->docids[row];
    *is_hit = false;
    if (table_is_null(column, row)) return MV_OK;
    if (!table_cell(column, row, &bytes, &size) || size % SPARSE_ENTRY)
        return damaged_vector(entry->docid, error);
    *is_hit = compare_row(t, bytes, (size_t)size, entry);
    return MV_OK;
}

static mv_err compare_block(void *ctx, const scan *sc, mv_error *error)
{
    sparse_search *t = ctx;
    explain_note_block(t->s, sc, 0, 1);
    for (uint32_t at = scan_find(sc, 0); at < sc->count; at = scan_find(sc, at + 1)) {
        topk_entry entry = {.source = sc->source, .row = scan_row(sc, at)};
        bool is_hit;
        MV_TRY(compare_table_row(t, sc->t, sc->begin + at, &entry, &is_hit, error));
        if (is_hit) topk_push(&t->top, entry);
    }
    return MV_OK;
}

/* Compare all matching rows of a segment. */
static mv_err compare_matches(sparse_search *t, uint32_t source, const uint64_t *matches,
                              mv_error *error)
{
    const table *of = &sparse_view(t)->segments[source].table;
    for (uint32_t word = 0; word < bits_words(of->rows); word++) {
        for (uint64_t left = matches[word]; left; left &= left - 1) {
            uint32_t row = word * 64 + MV_LOWEST_BIT(left);
            topk_entry entry = {.source = source, .row = row};
            bool is_hit;
            MV_TRY(compare_table_row(t, of, row, &entry, &is_hit, error));
            if (is_hit) topk_push(&t->top, entry);
        }
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- candidates */

/* Begin to read the list of a term, for a number of the query. */
static mv_err open_list(sparse_lists *l, uint32_t term, float number, mv_error *error)
{
    float most;
    ranked_cursor *cursor = &l->cursors[l->count];
    MV_TRY(ranked_most(l->lists, term, &most, error));
    MV_TRY(ranked_cursor_begin(cursor, l->lists, term, error));
    l->each[l->count] = cursor;
    l->weights[l->count++] = fmaxf(fabsf(number) * most, SPARSE_WEIGHT_MIN);
    return MV_OK;
}

/* The two lists of an index are next to each other. */
static mv_err open_lists_of(sparse_lists *l, uint32_t index, float number, mv_error *error)
{
    char name[RANKED_INDEX_SIZE];
    ranked_term found;
    uint32_t first, at, size = ranked_index_term(index, false, name);
    MV_TRY(ranked_find(l->lists, name, size, false, &first, &at, error));
    if (first < at && number > 0) MV_TRY(open_list(l, first, number, error));
    if (first < at && number < 0) l->has_other_sign = true;
    if (at == l->lists->head.terms) return MV_OK;
    MV_TRY(ranked_term_at(&found, l->lists, at, error));
    if (found.size != RANKED_INDEX_SIZE || memcmp(found.bytes, name, RANKED_INDEX_SIZE) != 0)
        return MV_OK;
    if (number < 0) return open_list(l, at, number, error);
    l->has_other_sign = true;
    return MV_OK;
}

static mv_err open_sparse_lists(const sparse_search *t, sparse_lists *l, mv_error *error)
{
    uint32_t count = t->query.count;
    l->cursors = sparse_alloc(t, count * sizeof *l->cursors, error);
    l->each = sparse_alloc(t, count * sizeof *l->each, error);
    l->weights = sparse_alloc(t, count * sizeof *l->weights, error);
    if (!l->cursors || !l->each || !l->weights) return MV_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        MV_TRY(open_lists_of(l, t->query.indices[i], t->query.numbers[i], error));
    return MV_OK;
}

/* How far below its inner product the score of a candidate may be, by rounding. */
static double score_slack(const sparse_lists *l, double score)
{
    double sum = 0;
    for (uint32_t i = 0; i < l->count; i++) sum += (double)l->weights[i];
    return fabs(score) * SCORE_SLACK + sum * (l->count + 8) / SCORE_UNITS;
}

/* At least the score of each row that is not among the candidates, and may be a hit. */
static double score_of_others(const sparse_lists *l, const topk *candidates)
{
    double least = -(double)candidates->limit;
    if (candidates->count < candidates->capacity) return l->has_other_sign ? 0 : -INFINITY;
    return least + score_slack(l, least);
}

/* Compare the candidates. Those that are hits come to the front; returns how many in *hits, and in
 * *is_proven if no other row of the segment can be a hit. */
static mv_err compare_candidates(sparse_search *t, const sparse_lists *l, topk *candidates,
                                 uint32_t *hits, bool *is_proven, mv_error *error)
{
    double others = score_of_others(l, candidates);
    uint32_t better = 0; /* than all others */
    *hits = 0;
    for (uint32_t i = 0; i < candidates->count; i++) {
        topk_entry entry = candidates->heap[i];
        const table *of = &sparse_view(t)->segments[entry.source].table;
        bool is_hit;
        MV_TRY(compare_table_row(t, of, (uint32_t)entry.row, &entry, &is_hit, error));
        if (!is_hit) continue;
        better += -(double)entry.distance > others;
        candidates->heap[(*hits)++] = entry;
    }
    for (uint32_t i = 0; i < t->top.count; i++) better += -(double)t->top.heap[i].distance > others;
    t->s->step->counts.exact_distances += candidates->count;
    *is_proven = others == -INFINITY || better >= t->top.capacity;
    return MV_OK;
}

/* Find candidates among the matching rows, and take the hits among them. *done is false if they do
 * not prove that they have all hits; *more is true if more candidates may do so. */
static mv_err search_candidates(sparse_search *t, const sparse_lists *l, uint32_t source,
                                const uint64_t *matches, uint32_t count, uint32_t matching,
                                bool *more, bool *done, mv_error *error)
{
    topk candidates;
    ranked_counts counts = {0};
    uint32_t hits;
    topk_entry *heap = sparse_alloc(t, count * sizeof *heap, error);
    void *memory = sparse_alloc(t, ranked_search_size(l->count), error);
    if (!heap || !memory) return MV_NO_MEMORY;
    double limit = (double)t->top.limit;
    topk_start(&candidates, heap, count, (float)(limit + score_slack(l, limit)));
    for (uint32_t i = 0; i < l->count; i++) {
        l->each[i]->block = 0;
        l->each[i]->at = 0;
    }
    ranked_query query = {.lists = l->lists,
                          .weights = l->weights,
                          .cursors = l->each,
                          .count = l->count,
                          .matches = matches,
                          .matching = matching,
                          .source = source,
                          .docids = sparse_view(t)->segments[source].table.docids};
    MV_TRY(ranked_search(&query, &candidates, memory, &counts, error));
    t->s->step->counts.blocks_read += counts.blocks_read;
    t->s->step->counts.blocks_skipped += counts.blocks_skipped;
    MV_TRY(compare_candidates(t, l, &candidates, &hits, done, error));
    for (uint32_t i = 0; *done && i < hits; i++) topk_push(&t->top, heap[i]);
    *more = !*done && candidates.count == candidates.capacity;
    return MV_OK;
}

/* Search the lists of a segment. *done is false if all rows are to be compared. */
static mv_err search_lists_of(sparse_search *t, const ranked_lists *lists, uint32_t source,
                              const uint64_t *matches, uint32_t matching, bool *done,
                              mv_error *error)
{
    sparse_lists l = {.lists = lists};
    uint64_t count = CANDIDATES_FOR(t->top.capacity);
    *done = false;
    if (t->query.count > SPARSE_QUERY_MAX || count * ROWS_OF_CANDIDATE > matching) return MV_OK;
    MV_TRY(open_sparse_lists(t, &l, error));
    for (bool more = true; more && count * ROWS_OF_CANDIDATE <= matching; count *= CANDIDATES_MORE)
        MV_TRY(search_candidates(t, &l, source, matches, (uint32_t)count, matching, &more, done,
                                 error));
    return MV_OK;
}

/* ---------------------------------------------------------------- segments and fresh rows */

/* The index of a segment; NULL: it has none that can be used. */
static shared_index *index_of(void *ctx, uint32_t source)
{
    const sparse_search *t = ctx;
    const view *v = sparse_view(t);
    uint32_t slot = index_slot_of_field(v->schema, t->s->q->sparse_field);
    shared_index *x = v->segments[source].indexes[slot];
    bool is_exact = t->s->q->strategy == MV_STRATEGY_EXACT;
    return x && !is_exact && x->type->ranked && shared_index_is_sound(t->s->r->e, x) ? x : NULL;
}

static mv_err search_segment(void *ctx, shared_index *x, uint32_t source, scan *sc, mv_error *error)
{
    sparse_search *t = ctx;
    mem_arena_clear(t->arena);
    const table *of = &sparse_view(t)->segments[source].table;
    uint64_t *matches = sparse_alloc(t, bits_words(of->rows) * sizeof *matches, error);
    bool done;
    if (!matches) return MV_NO_MEMORY;
    mv_plan_step *step = t->s->step;
    double begun = explain_now(t->s);
    MV_TRY(scan_segment(sc, matches, error));
    uint32_t matching = (uint32_t)bits_count(matches, of->rows);
    step->first = step->last = MV_STRATEGY_EXACT;
    step->expected_recall = 1;
    step->matching += matching;
    step->filter_seconds += explain_now(t->s) - begun;
    begun = explain_now(t->s);
    mv_err err =
        search_lists_of(t, x->type->ranked(x->opened), source, matches, matching, &done, error);
    if (err && err != MV_CORRUPT) return err;
    if (err || !done) {
        step->counts.exact_distances += matching;
        MV_TRY(compare_matches(t, source, matches, error));
    }
    if (err) shared_index_note_damage(t->s->r->e, x, error); /* the vectors are sound */
    step->search_seconds += explain_now(t->s) - begun;
    return MV_OK;
}

static mv_err search_all_rows(sparse_search *t, mv_error *error)
{
    static const search_hits_visitor visitor = {index_of, search_segment, compare_block};
    return search_hits_scan(t->s, t->s->q->sparse_field, t->of_vector, &visitor, t, error);
}

/* ---------------------------------------------------------------- the query */

/* Find the document `after` of the query, and its distance. One without a vector has distance 0. */
static mv_err find_sparse_after(sparse_search *t, mv_error *error)
{
    cell c;
    uint32_t shared;
    MV_TRY(result_need(t->s->r, &t->s->q->after, &t->after, error));
    MV_TRY(result_cell(t->s->r, &t->after, t->s->q->sparse_field, &c, error));
    t->after.distance = 0;
    if (c.state == CELL_VALUE && !sparse_is_sound(c.bytes, c.size))
        return damaged_vector(t->after.docid, error);
    if (c.state == CELL_VALUE)
        t->after.distance = 0 - (double)sparse_product(&t->query, c.bytes, c.size, &shared);
    t->has_after = true;
    return MV_OK;
}

/* Search for a stored vector. */
static mv_err search_stored(sparse_search *t, const uint8_t *bytes, size_t size, mv_error *error)
{
    const mv_query *q = t->s->q;
    hit_page page = search_hits_page(t->s, MV_IP);
    uint32_t capacity = search_capacity(t->s, result_returned_count(t->s->r) + page.end);
    size_t heap_size = mem_array_size(capacity, sizeof(topk_entry));
    topk_entry *heap = mem_arena_alloc(t->of_vector, heap_size);
    if (!heap) return error_memory(error, heap_size, "a search by sparse vector");
    MV_TRY(sparse_prepare(&t->query, bytes, size, t->of_vector, error));
    topk_start(&t->top, heap, capacity, search_hits_limit(q, MV_IP));
    if (q->after.data) MV_TRY(find_sparse_after(t, error));
    MV_TRY(search_all_rows(t, error));
    page.is_alone = !q->sparse || q->sparse_count == 1;
    return search_hits_take(t->s, &t->top, t->input, &page, error);
}

static mv_err search_given(sparse_search *t, const mv_sparse *given, const char *name,
                           mv_error *error)
{
    mem_buffer bytes = {0};
    mv_err err = sparse_encode(name, given, &bytes, error);
    if (!err) err = search_stored(t, bytes.data, bytes.size, error);
    mem_buffer_free(&bytes);
    return err;
}

/* Search for the vector of a document. A document without one has no hits. */
static mv_err search_by_id(sparse_search *t, mv_error *error)
{
    mv_hit hit;
    cell c;
    MV_TRY(result_need(t->s->r, &t->s->q->id, &hit, error));
    MV_TRY(result_cell(t->s->r, &hit, t->s->q->sparse_field, &c, error));
    t->s->left_out = hit.docid;
    if (c.state == CELL_VALUE && !sparse_is_sound(c.bytes, c.size))
        return damaged_vector(hit.docid, error);
    return c.state == CELL_VALUE ? search_stored(t, c.bytes, c.size, error) : MV_OK;
}

mv_err search_sparse(search *s, mv_error *error)
{
    const mv_query *q = s->q;
    const mv_schema *schema = s->r->seen->v->schema;
    mem_arena of_vector = {0};
    mv_err err = MV_OK;
    if (q->sparse_field >= schema->fields_count)
        return error_set(error, MV_MISUSE, "there is no field %u, the schema has %u",
                         q->sparse_field, schema->fields_count);
    const schema_field *field = &schema->fields[q->sparse_field];
    if (!type_is_sparse(field->type))
        return error_set(error, MV_MISUSE,
                         "field '%s' is %s, it cannot be searched by sparse vector", field->name,
                         type_name(field->type));
    sparse_search t = {.s = s, .of_vector = &of_vector, .arena = &s->r->scratch};
    if (!q->sparse) err = search_by_id(&t, error);
    for (uint32_t i = 0; q->sparse && !err && i < q->sparse_count; i++) {
        t.input = i;
        err = search_given(&t, &q->sparse[i], field->name, error);
        mem_arena_clear(&of_vector);
    }
    mem_arena_free(&of_vector);
    mem_arena_trim(t.arena, RESULT_SCRATCH_KEPT);
    if (!err) result_prefetch_ids(s->r);
    return err;
}
