/* Searching by vector. A segment with a graph is searched with its help. All other rows
 * are compared one by one, by codes where there are some (search_codes.h). Either way a search
 * returns as many hits as rows match, up to topk. */
#include "read/search_vector.h"

#include "read/explain.h"
#include "read/search_codes.h"
#include "read/search_graph.h"
#include "read/search_hits.h"
#include "vector/element.h"

/* With several vectors, a block of this many rows is searched for all vectors before the next
 * block: its bytes are still in the cache. */
#define SHARED_BLOCK_ROWS FLAT_BLOCK_ROWS

/* ---------------------------------------------------------------- preparing */

/* The stored vector of document `id`, as it would be given. */
static mv_err vector_of_id(search *s, const uint8_t **vector, mv_error *error)
{
    mv_hit hit;
    const uint8_t *elements = NULL;
    MV_TRY(result_need(s->r, &s->q->id, &hit, error));
    MV_TRY(result_elements(s->r, &hit, s->q->vector_field, &elements, error));
    uint8_t *given = search_alloc(s, s->vector_size, error);
    if (!given) return MV_NO_MEMORY;
    element_to_given(s->field->type, elements, s->field->dim, given);
    *vector = given;
    s->left_out = hit.docid;
    return MV_OK;
}

/* Prepare vector `i`. Only vectors that come from outside are checked: a stored one may be from an
 * older version that accepted longer ones. */
static mv_err prepare_vector(search *s, uint32_t i, void *elements, mv_error *error)
{
    const schema_vector *field = s->field;
    const uint8_t *vector = s->vectors + i * s->vector_size;
    MV_TRY(distance_prepare(&s->queries[i], field->type, field->metric, vector, field->dim,
                            elements, error));
    if (!s->q->vectors) return MV_OK;
    mv_err err = metric_check_numbers(field->metric, field->type, vector, field->dim, error);
    return err ? error_prefix(error, err, "field '%s': ", field->name) : MV_OK;
}

static mv_err prepare(search *s, mv_error *error)
{
    const mv_query *q = s->q;
    const uint8_t *vectors = q->vectors;
    s->vector_size = mv_vector_size(s->field->type, s->field->dim);
    s->count = vectors ? q->vectors_count : 1;
    if (!vectors)
        MV_TRY(vector_of_id(s, &vectors, error));
    else if (q->dim != s->field->dim)
        return error_set(error, MV_MISUSE, "vector has %u numbers, field '%s' wants %u", q->dim,
                         s->field->name, s->field->dim);
    size_t elements_size = mem_whole_lines(distance_query_size(s->field->type, s->field->dim));
    s->vectors = vectors;
    s->queries = search_alloc(s, s->count * sizeof *s->queries, error);
    s->tops = search_alloc(s, s->count * sizeof *s->tops, error);
    s->is_found = search_alloc(s, s->count * sizeof *s->is_found, error);
    uint8_t *elements = search_alloc(s, mem_array_size(s->count, elements_size), error);
    if (!s->queries || !s->tops || !s->is_found || !elements) return MV_NO_MEMORY;
    for (uint32_t i = 0; i < s->count; i++)
        MV_TRY(prepare_vector(s, i, elements + i * elements_size, error));
    return MV_OK;
}

/* ---------------------------------------------------------------- by vector */

/* The rows of a block, to be searched for all vectors. */
typedef struct block_search {
    const search *s;
    const scan *sc;
    flat_rows rows;
    coded_rows coded; /* the first of them, which have codes */
} block_search;

static mv_err search_block_for(void *ctx, team_member *me, uint32_t first, uint32_t end)
{
    const block_search *b = ctx;
    const search *s = b->s;
    const scan *sc = b->sc;
    uint32_t step = end - first > 1 ? SHARED_BLOCK_ROWS : sc->count;
    for (uint32_t i = first; i < end && b->coded.count; i++)
        MV_TRY(search_codes_push(s, &b->coded, i, &me->counts, &me->error));
    for (uint32_t done = b->coded.count; done < sc->count; done += step) {
        uint32_t count = sc->count - done < step ? sc->count - done : step;
        for (uint32_t i = first; i < end; i++)
            flat_search(&s->queries[i], &b->rows, sc->begin + done, count,
                        sc->matches ? sc->matches + done / 64 : NULL, &s->tops[i]);
    }
    return MV_OK;
}

static mv_err search_block(search *s, const scan *sc, mv_error *error)
{
    double begun = explain_now(s);
    mv_err err;
    block_search b = {.s = s, .sc = sc, .coded = search_codes_of(s, sc)};
    team *t = s->team;
    uint32_t turn = (s->count + t->count - 1) / t->count;
    explain_note_block(s, sc, b.coded.count, s->count);
    b.rows = search_rows_of(s, sc->t, sc->source);
    if (b.coded.count) MV_TRY(search_codes_prepare(s, &b.coded, error));
    if (sc->source != RESULT_FRESH) {
        err = team_run(t, search_block_for, &b, s->count, turn, error);
    } else { /* by the thread of the snapshot alone */
        team_member *me = &t->members[0];
        if ((err = search_block_for(&b, me, 0, s->count))) *error = me->error;
    }
    team_take_counts(t, &s->step->counts);
    s->step->search_seconds += explain_now(s) - begun;
    return err;
}

/* ---------------------------------------------------------------- hits */

static mv_err search_all(search *s, scan *sc, mv_error *error)
{
    for (;;) {
        uint32_t source;
        bool done = false;
        if (scan_at_segment(sc, &source)) MV_TRY(search_graph_segment(s, sc, source, &done, error));
        if (done) {
            scan_skip_segment(sc);
            continue;
        }
        double begun = explain_now(s);
        MV_TRY(scan_next(sc, error));
        if (!sc->t) return MV_OK;
        explain_begin_step(s, sc->source);
        s->step->filter_seconds += explain_now(s) - begun;
        MV_TRY(search_block(s, sc, error));
    }
}

/* Fill the heaps with the `wanted` nearest rows of each vector. */
static mv_err find_nearest(search *s, uint64_t wanted, mv_error *error)
{
    scan sc;
    uint32_t capacity = search_capacity(s, wanted + (s->left_out ? 1 : 0));
    uint64_t entries = (uint64_t)s->count * capacity;
    topk_entry *heaps = search_alloc(s, mem_array_size(entries, sizeof *heaps), error);
    if (!heaps) return MV_NO_MEMORY;
    for (uint32_t i = 0; i < s->count; i++)
        topk_start(&s->tops[i], heaps + (size_t)i * capacity, capacity,
                   search_hits_limit(s->q, s->field->metric));
    explain_begin_round(s);
    MV_TRY(scan_begin(&sc, s->r->seen, s->f, NULL, s->q->vector_field, &s->r->arena, &s->r->block,
                      error));
    team workers;
    uint32_t threads = s->q->threads ? s->q->threads : 1;
    team_begin(&workers, s->r->e, threads < s->count ? threads : s->count);
    s->team = &workers;
    mv_err err = search_all(s, &sc, error);
    s->team = NULL;
    team_end(&workers);
    scan_end(&sc);
    return err;
}

/* May a search for `wanted` hits miss some, by graphs or by bits? */
static bool may_miss(void *ctx, uint64_t wanted)
{
    return search_graph_is_used(ctx, wanted) || search_codes_may_miss(ctx, wanted);
}

static mv_err find_one(void *ctx, uint64_t wanted, topk **top, mv_error *error)
{
    search *s = ctx;
    *top = s->tops;
    return find_nearest(s, wanted, error);
}

/* Search for one vector in rounds. */
static mv_err search_in_rounds(search *s, uint32_t input, hit_page page, mv_error *error)
{
    const hit_finder finder = {s, may_miss, find_one};
    page.first = s->r->hits_count;
    return search_hits_in_rounds(s, &finder, input, page, error);
}

/* Search for each vector alone. */
static mv_err search_pages(search *s, hit_page page, mv_error *error)
{
    search one = *s;
    one.count = 1;
    for (uint32_t i = 0; i < s->count; i++) {
        s->r->returned.size = 0; /* of the vector before */
        result_sort_returned(s->r);
        one.vectors = s->vectors + i * s->vector_size;
        one.queries = s->queries + i;
        one.coded = NULL;
        MV_TRY(search_in_rounds(&one, i, page, error));
    }
    return MV_OK;
}

/* Find the document `after` of the query, and its distance to the vector of the search. */
static mv_err find_after(search *s, mv_hit *after, mv_error *error)
{
    const uint8_t *elements = NULL;
    const schema_vector *field = s->field;
    float distance, inverse_norm = 1;
    MV_TRY(result_need(s->r, &s->q->after, after, error));
    MV_TRY(result_elements(s->r, after, s->q->vector_field, &elements, error));
    if (metric_has_norms(field->metric))
        inverse_norm = element_inverse_norm(field->type, elements, field->dim);
    const void *row = elements;
    distance_to_list(&s->queries[0], &row, &inverse_norm, 1, &distance);
    after->distance = (double)distance + 0.0;
    return MV_OK;
}

/* Search for all vectors at once, by one round. */
static mv_err search_once(search *s, hit_page page, mv_error *error)
{
    MV_TRY(find_nearest(s, result_returned_count(s->r) + page.end, error));
    page.is_alone = s->count == 1;
    for (uint32_t i = 0; i < s->count; i++) {
        page.found = 0;
        page.first = s->r->hits_count;
        MV_TRY(search_hits_take(s, &s->tops[i], i, &page, error));
    }
    return MV_OK;
}

mv_err search_vector(search *s, mv_error *error)
{
    const mv_query *q = s->q;
    const mv_schema *schema = s->r->seen->v->schema;
    if (q->vector_field >= schema->vectors_count)
        return error_set(error, MV_MISUSE, "there is no vector field %u, the schema has %u",
                         q->vector_field, schema->vectors_count);
    s->field = &schema->vectors[q->vector_field];
    MV_TRY(prepare(s, error));
    hit_page page = search_hits_page(s, s->field->metric);
    mv_hit after;
    if (q->after.data) {
        MV_TRY(find_after(s, &after, error));
        page.after = &after;
        return search_in_rounds(s, 0, page, error);
    }
    bool is_page = page.offset && may_miss(s, q->topk);
    if (is_page) page.goal = q->topk;
    MV_TRY(is_page ? search_pages(s, page, error) : search_once(s, page, error));
    result_prefetch_ids(s->r);
    return MV_OK;
}
