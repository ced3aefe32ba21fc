/* Searching: by vector, exactly, over all rows that pass; or without a vector, by filter and order.
 */
#include <math.h>
#include <string.h>

#include "collection/result.h"
#include "collection/scan.h"
#include "index/flat.h"
#include "vector/element.h"

/* Rows scored for all vectors before the next: what was read is still in the cache. */
#define SHARED_BLOCK_ROWS FLAT_BLOCK_ROWS

typedef struct search {
    const mv_query *q;
    mv_result *r;
    const schema_vector *field;
    filter *f;
    uint64_t left_out; /* docid of the document searched by; 0: none */
    distance_query *queries;
    topk *tops;
    uint32_t count; /* of queries */
} search;

/* ---------------------------------------------------------------- preparing */

static mv_err check_query(const mv_query *q, mv_error *error)
{
    if (!q->topk) return error_set(error, MV_MISUSE, "topk is 0, 1 or more expected");
    if (q->topk > MV_TOPK_MAX || q->offset > MV_TOPK_MAX || q->topk + q->offset > MV_TOPK_MAX)
        return error_set(error, MV_MISUSE, "topk and offset are %u and %u, together at most %u",
                         q->topk, q->offset, MV_TOPK_MAX);
    if (q->vectors && q->id.data)
        return error_set(error, MV_MISUSE, "search by a vector or by an id, not both");
    if (q->vectors && (q->vectors_count < 1 || q->vectors_count > MV_QUERY_VECTORS_MAX))
        return error_set(error, MV_MISUSE, "%u vectors at once, 1 to %u expected", q->vectors_count,
                         MV_QUERY_VECTORS_MAX);
    bool has_vector = q->vectors || q->id.data;
    if (has_vector && q->order_by)
        return error_set(error, MV_MISUSE,
                         "order_by does not go with a vector: hits are ordered by score");
    if (!has_vector && (q->min_score || q->max_distance))
        return error_set(error, MV_MISUSE, "min_score and max_distance need a vector");
    if ((q->min_score && isnan(*q->min_score)) || (q->max_distance && isnan(*q->max_distance)))
        return error_set(error, MV_MISUSE, "min_score or max_distance is NaN");
    return MV_OK;
}

static void *room(search *s, size_t size, mv_error *error)
{
    void *block = mem_arena_alloc(&s->r->arena, size);
    if (!block) (void)error_memory(error, size, "a query");
    return block;
}

/* The stored vector of document `id`, as floats. */
static mv_err vector_of_id(search *s, const float **vector, mv_error *error)
{
    mv_hit hit;
    bool found;
    const uint8_t *elements = NULL;
    const mv_id *id = &s->q->id;
    MV_TRY(result_find(s->r->seen, id->data, id->size, &hit, &found, error));
    if (!found) {
        char quoted[ERROR_QUOTE_SIZE];
        return error_set(error, MV_NOT_FOUND, "document '%s' not found",
                         error_quote(id->data, id->size, quoted));
    }
    MV_TRY(result_elements(s->r, &hit, s->q->vector_field, &elements, error));
    float *floats = room(s, s->field->dim * sizeof *floats, error);
    if (!floats) return MV_NO_MEMORY;
    element_to_floats(s->field->type, elements, s->field->dim, floats);
    *vector = floats;
    s->left_out = hit.docid;
    return MV_OK;
}

/* The farthest distance a hit may have, rounded up: what is between is sorted out at the end. */
static float distance_limit(const search *s)
{
    double limit = INFINITY;
    if (s->q->max_distance) limit = *s->q->max_distance;
    if (s->q->min_score)
        limit =
            fmin(limit, s->field->metric == MV_COSINE ? 1 - *s->q->min_score : -*s->q->min_score);
    return nextafterf((float)limit, INFINITY);
}

static mv_err prepare(search *s, mv_error *error)
{
    const mv_query *q = s->q;
    const float *vectors = q->vectors;
    s->count = vectors ? q->vectors_count : 1;
    if (!vectors)
        MV_TRY(vector_of_id(s, &vectors, error));
    else if (q->dim != s->field->dim)
        return error_set(error, MV_MISUSE, "vector has %u numbers, field '%s' wants %u", q->dim,
                         s->field->name, s->field->dim);
    uint64_t documents = s->r->seen->v->state.documents;
    uint64_t wanted = (uint64_t)q->topk + q->offset + (s->left_out ? 1 : 0);
    uint32_t capacity = (uint32_t)(wanted < documents ? wanted : documents);
    if (!capacity) capacity = 1;
    size_t elements_size = (distance_query_size(s->field->type, s->field->dim) + 63) & ~(size_t)63;
    s->queries = room(s, s->count * sizeof *s->queries, error);
    s->tops = room(s, s->count * sizeof *s->tops, error);
    topk_entry *heaps = room(s, (size_t)s->count * capacity * sizeof *heaps, error);
    uint8_t *elements = room(s, s->count * elements_size, error);
    if (!s->queries || !s->tops || !heaps || !elements) return MV_NO_MEMORY;
    for (uint32_t i = 0; i < s->count; i++) {
        MV_TRY(distance_prepare(&s->queries[i], s->field->type, s->field->metric,
                                vectors + (size_t)i * s->field->dim, s->field->dim,
                                elements + i * elements_size, error));
        topk_start(&s->tops[i], heaps + (size_t)i * capacity, capacity, distance_limit(s));
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- by vector */

static void search_block(search *s, const scan *sc)
{
    const table_vectors *vectors = &sc->t->vectors[s->q->vector_field];
    flat_rows rows = {.base = vectors->base,
                      .stride = vectors->stride,
                      .list = vectors->list,
                      .inverse_norms = vectors->inverse_norms,
                      .docids = sc->t->docids,
                      .source = sc->source};
    if (sc->source == RESULT_FRESH) rows.encoded = sc->fresh->rows;
    uint32_t step = s->count > 1 ? SHARED_BLOCK_ROWS : sc->count;
    for (uint32_t done = 0; done < sc->count; done += step) {
        uint32_t count = sc->count - done < step ? sc->count - done : step;
        for (uint32_t i = 0; i < s->count; i++)
            flat_search(&s->queries[i], &rows, sc->begin + done, count,
                        sc->pass ? sc->pass + done / 64 : NULL, &s->tops[i]);
    }
}

static bool is_near_enough(const mv_query *q, const mv_hit *hit)
{
    return (!q->min_score || hit->score >= *q->min_score) &&
           (!q->max_distance || hit->distance <= *q->max_distance);
}

/* Move what one heap found to the hits. */
static mv_err take_hits(search *s, uint32_t input, mv_error *error)
{
    topk *top = &s->tops[input];
    uint32_t skipped = 0, taken = 0;
    topk_finish(top);
    for (uint32_t i = 0; i < top->count && taken < s->q->topk; i++) {
        const topk_entry *entry = &top->heap[i];
        double distance = (double)entry->distance + 0.0; /* -0 becomes 0 */
        mv_hit hit = {.docid = entry->docid,
                      .source = entry->source,
                      .row = entry->row,
                      .input = input,
                      .distance = distance};
        hit.score = s->field->metric == MV_COSINE ? 1 - distance : 0.0 - distance;
        if (entry->docid == s->left_out || !is_near_enough(s->q, &hit)) continue;
        if (skipped++ < s->q->offset) continue;
        MV_TRY(result_add(s->r, hit, error));
        taken++;
    }
    return MV_OK;
}

static mv_err search_by_vector(search *s, mv_error *error)
{
    scan sc;
    const mv_schema *schema = s->r->e->schema;
    if (s->q->vector_field >= schema->vectors_count)
        return error_set(error, MV_MISUSE, "there is no vector field %u", s->q->vector_field);
    s->field = &schema->vectors[s->q->vector_field];
    MV_TRY(prepare(s, error));
    MV_TRY(scan_start(&sc, s->r->seen, s->f, NULL, s->q->vector_field, &s->r->fresh, &s->r->arena,
                      &s->r->block, error));
    mv_err err;
    while (!(err = scan_next(&sc, error)) && sc.t) search_block(s, &sc);
    scan_end(&sc);
    for (uint32_t i = 0; i < s->count && !err; i++) err = take_hits(s, i, error);
    return err;
}

/* ---------------------------------------------------------------- without a vector */

static mv_err select_block(const scan *sc, order_heap *heap, mv_error *error)
{
    for (uint32_t at = 0; at < sc->count; at++)
        if (scan_passes(sc, at))
            MV_TRY(order_push(heap, sc->t, sc->begin + at, sc->source, scan_row(sc, at), error));
    return MV_OK;
}

/* Rows come oldest first: without keys the first ones are the result. */
static bool has_enough(const order_heap *heap)
{
    return !heap->o->count && heap->count == heap->capacity;
}

static mv_err select_rows(search *s, mv_error *error)
{
    scan sc;
    order o;
    order_heap heap;
    const mv_schema *schema = s->r->e->schema;
    MV_TRY(order_parse(schema, s->q->order_by, &o, error));
    uint64_t documents = s->r->seen->v->state.documents,
             wanted = (uint64_t)s->q->topk + s->q->offset;
    uint32_t capacity = (uint32_t)(wanted < documents ? wanted : documents);
    if (!capacity) return MV_OK;
    MV_TRY(order_start(&heap, &o, schema, capacity, &s->r->arena, error));
    MV_TRY(scan_start(&sc, s->r->seen, s->f, &o, FRESH_NO_VECTOR, &s->r->fresh, &s->r->arena,
                      &s->r->block, error));
    mv_err err = MV_OK;
    while (!has_enough(&heap) && !(err = scan_next(&sc, error)) && sc.t)
        if ((err = select_block(&sc, &heap, error))) break;
    scan_end(&sc);
    if (err) return err;
    order_finish(&heap);
    for (uint32_t i = s->q->offset; i < heap.count; i++) {
        const order_entry *entry = &heap.entries[i];
        MV_TRY(result_add(
            s->r, (mv_hit){.docid = entry->docid, .source = entry->source, .row = entry->row},
            error));
    }
    return MV_OK;
}

mv_err mv_search(mv_collection *c, const mv_query *query, mv_result *result, mv_error *error)
{
    search s = {.q = query, .r = result};
    MV_TRY(check_query(query, error));
    mv_err err = result_start(result, c, error);
    if (!err && query->filter)
        err = filter_compile(result->e->schema, query->filter, &result->arena, &s.f, error);
    if (!err)
        err =
            query->vectors || query->id.data ? search_by_vector(&s, error) : select_rows(&s, error);
    if (err) mv_result_clear(result);
    return err;
}
