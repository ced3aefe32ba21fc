/* Searching: by vector, over all rows that pass; or without a vector, by filter and order.
 *
 * By vector a segment that has a graph is searched in the way that index/hnsw_plan.h finds cheapest
 * for the rows that pass, any other and the fresh rows by looking at all that pass. Either way as
 * many hits come back as there are, up to what was asked for. */
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
    uint64_t left_out;    /* docid of the document searched by; 0: none */
    const float *vectors; /* count × dim */
    distance_query *queries;
    topk *tops;
    uint32_t count;       /* of queries */
    hnsw_scratch scratch; /* of the engine, while graphs are searched */
    mv_plan_part *part;   /* what is being searched now */
    mv_plan_part unasked; /* that, where nobody wants to know */
} search;

/* ---------------------------------------------------------------- preparing */

static mv_err check_query(const mv_query *q, mv_error *error)
{
    if (!q->topk) return error_set(error, MV_MISUSE, "topk is 0, 1 or more expected");
    if (q->topk > MV_TOPK_MAX || q->offset > MV_TOPK_MAX || q->topk + q->offset > MV_TOPK_MAX)
        return error_set(error, MV_MISUSE, "topk and offset are %u and %u, together at most %u",
                         q->topk, q->offset, MV_TOPK_MAX);
    if ((unsigned)q->way > MV_WAY_BRIDGES)
        return error_set(error, MV_MISUSE, "there is no way %d to search", (int)q->way);
    if (q->ef > MV_EF_MAX)
        return error_set(error, MV_MISUSE, "ef is %u, at most %u expected", q->ef, MV_EF_MAX);
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
    if (q->more && q->vectors_count > 1)
        return error_set(error, MV_MISUSE, "only a search for one vector can go on");
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

/* Hits to look for: those before the page are dropped at the end, as are those given before. */
static uint64_t hits_wanted(const search *s)
{
    return (uint64_t)s->q->topk + s->q->offset + result_given_count(s->r);
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
    uint64_t wanted = hits_wanted(s) + (s->left_out ? 1 : 0);
    uint32_t capacity = (uint32_t)(wanted < documents ? wanted : documents);
    if (!capacity) capacity = 1;
    size_t elements_size = mem_whole_lines(distance_query_size(s->field->type, s->field->dim));
    s->vectors = vectors;
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

/* ---------------------------------------------------------------- accounts */

static double now(const search *s)
{
    return s->q->explain ? os_seconds() : 0;
}

/* Note from now on what is done with a segment, or with the fresh rows. */
static void begin_part(search *s, uint32_t source)
{
    s->part = &s->unasked;
    if (s->q->explain)
        s->part = &s->r->parts[source == RESULT_FRESH ? s->r->parts_count - 1 : source];
}

/* The rows of a block that pass have been looked at, each for so many vectors. */
static void note_block(search *s, const scan *sc, uint32_t vectors)
{
    if (!s->q->explain) return;
    size_t passing = scan_passing(sc);
    s->part->first = s->part->last = MV_WAY_EXACT;
    s->part->passing += passing;
    s->part->scored += passing * vectors;
}

static mv_err start_accounts(search *s, mv_error *error)
{
    const view *v = s->r->seen->v;
    s->part = &s->unasked;
    if (!s->q->explain) return MV_OK;
    uint32_t count = v->segments_count + 1;
    mv_plan_part *parts = room(s, count * sizeof *parts, error);
    if (!parts) return MV_NO_MEMORY;
    memset(parts, 0, count * sizeof *parts);
    for (uint32_t i = 0; i < v->segments_count; i++)
        parts[i].rows = view_live_rows(&v->segments[i]);
    parts[count - 1] = (mv_plan_part){.is_fresh = true, .rows = v->state.fresh_rows};
    s->r->parts = parts;
    s->r->parts_count = count;
    return MV_OK;
}

/* ---------------------------------------------------------------- by vector */

static flat_rows rows_of(const search *s, const table *t, uint32_t source)
{
    const table_vectors *vectors = &t->vectors[s->q->vector_field];
    return (flat_rows){.base = vectors->base,
                       .stride = vectors->stride,
                       .list = vectors->list,
                       .inverse_norms = vectors->inverse_norms,
                       .docids = t->docids,
                       .source = source};
}

static void search_block(search *s, const scan *sc)
{
    double begun = now(s);
    flat_rows rows = rows_of(s, sc->t, sc->source);
    note_block(s, sc, s->count);
    if (sc->source == RESULT_FRESH) rows.encoded = sc->fresh->rows;
    uint32_t step = s->count > 1 ? SHARED_BLOCK_ROWS : sc->count;
    for (uint32_t done = 0; done < sc->count; done += step) {
        uint32_t count = sc->count - done < step ? sc->count - done : step;
        for (uint32_t i = 0; i < s->count; i++)
            flat_search(&s->queries[i], &rows, sc->begin + done, count,
                        sc->pass ? sc->pass + done / 64 : NULL, &s->tops[i]);
    }
    s->part->search_seconds += now(s) - begun;
}

/* ---------------------------------------------------------------- through graphs */

/* A segment that is searched with the help of its graph. */
typedef struct graph_search {
    shared_index *g;
    const table *t;
    uint32_t source;
    uint32_t passing;     /* rows that may be hits: */
    const uint64_t *pass; /* NULL: all, or those of */
    const uint32_t *list; /* NULL: not listed */
} graph_search;

static const hnsw_way hnsw_ways[] = {[MV_WAY_CODES] = HNSW_WAY_ALL,
                                     [MV_WAY_GRAPH] = HNSW_WAY_WALK,
                                     [MV_WAY_BRIDGES] = HNSW_WAY_BRIDGES};
static const mv_way ways[] = {[HNSW_WAY_ALL] = MV_WAY_CODES,
                              [HNSW_WAY_WALK] = MV_WAY_GRAPH,
                              [HNSW_WAY_BRIDGES] = MV_WAY_BRIDGES};

static bool has_use_for_graph(const search *s, const shared_index *g)
{
    return shared_index_is_usable(g) && s->q->way != MV_WAY_EXACT &&
           s->tops[0].capacity <= HNSW_HITS_MAX;
}

static hnsw_query query_of(const search *s, const graph_search *gs, uint32_t i)
{
    return (hnsw_query){.vector = s->vectors + (size_t)i * s->field->dim,
                        .exact = &s->queries[i],
                        .ef = s->q->ef,
                        .no_refine = s->q->no_refine,
                        .way = hnsw_ways[s->q->way],
                        .pass = gs->pass,
                        .list = gs->list,
                        .passing = gs->passing,
                        .source = gs->source,
                        .docids = gs->t->docids};
}

/* Which rows of the segment may be hits, as a bitmap. */
static mv_err find_bits(search *s, scan *sc, graph_search *gs, mv_error *error)
{
    uint64_t *pass = room(s, bits_words(gs->t->rows) * sizeof *pass, error);
    if (!pass) return MV_NO_MEMORY;
    MV_TRY(scan_segment(sc, pass, error));
    gs->pass = pass;
    gs->list = NULL;
    gs->passing = (uint32_t)bits_count(pass, gs->t->rows);
    return MV_OK;
}

/* The same as a list, which is had and read faster where few rows pass: a search that 0.1 % of
 * 200,000 rows pass takes 6 us instead of 10, one of 1 % 18 instead of 24. */
static mv_err find_list(search *s, scan *sc, graph_search *gs, mv_error *error)
{
    uint32_t least, *list;
    MV_TRY(scan_estimate(sc, &least, &gs->passing, error));
    hnsw_query query = query_of(s, gs, 0);
    if (!hnsw_looks_at_all(&gs->g->graph, &query, s->tops[0].capacity)) return MV_OK;
    MV_TRY(scan_list(sc, &list, &gs->passing, error));
    gs->list = list;
    return MV_OK;
}

/* Which rows of the segment may be hits. */
static mv_err find_passing(search *s, scan *sc, graph_search *gs, mv_error *error)
{
    double begun = now(s);
    if (s->f) {
        MV_TRY(find_list(s, sc, gs, error));
        if (!gs->list) MV_TRY(find_bits(s, sc, gs, error));
    } else {
        gs->pass = gs->t->live;
        gs->passing = (uint32_t)view_live_rows(&s->r->seen->v->segments[gs->source]);
    }
    s->part->passing = gs->passing;
    s->part->filter_seconds += now(s) - begun;
    return MV_OK;
}

/* One query. *done is false where the graph is damaged; the heap is then as it was. */
static mv_err search_by_graph(search *s, const graph_search *gs, uint32_t i, bool *done,
                              mv_error *error)
{
    hnsw_account account;
    mv_error why;
    hnsw_query query = query_of(s, gs, i);
    mv_err err = hnsw_search(&gs->g->graph, &query, &s->tops[i], &s->scratch, &account, &why);
    *done = !err;
    if (err == MV_CORRUPT) shared_index_note_damage(s->r->e, gs->g, &why);
    if (err && err != MV_CORRUPT) return error_set(error, err, "%s", why.text);
    if (err) return MV_OK;
    s->part->first = ways[account.first];
    s->part->last = ways[account.last];
    s->part->scored += account.rescored;
    s->part->coded += account.scored;
    s->part->bridged += account.bridged;
    return MV_OK;
}

/* Search the segment that comes next, if it has a graph. *done is false when it is to be searched
 * like any other. */
static mv_err search_graph(search *s, scan *sc, uint32_t source, bool *done, mv_error *error)
{
    const view_segment *segment_now = &s->r->seen->v->segments[source];
    graph_search gs = {
        .g = segment_now->indexes[s->q->vector_field], .t = &segment_now->table, .source = source};
    *done = false;
    if (!has_use_for_graph(s, gs.g)) return MV_OK;
    begin_part(s, source);
    MV_TRY(find_passing(s, sc, &gs, error));
    double begun = now(s);
    flat_rows rows = rows_of(s, gs.t, source);
    for (uint32_t i = 0; i < s->count && gs.passing; i++) {
        bool found = false;
        if (shared_index_is_usable(gs.g)) MV_TRY(search_by_graph(s, &gs, i, &found, error));
        if (found) continue;
        if (gs.list) MV_TRY(find_bits(s, sc, &gs, error));
        s->part->first = s->part->last = MV_WAY_EXACT;
        s->part->scored += gs.passing;
        flat_search(&s->queries[i], &rows, 0, gs.t->rows, gs.pass, &s->tops[i]);
    }
    s->part->search_seconds += now(s) - begun;
    *done = true;
    return MV_OK;
}

/* ---------------------------------------------------------------- hits */

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
        if (result_was_given(s->r, entry->docid)) continue;
        if (skipped++ < s->q->offset) continue;
        MV_TRY(result_add(s->r, hit, error));
        taken++;
    }
    return MV_OK;
}

static mv_err search_all(search *s, scan *sc, mv_error *error)
{
    for (;;) {
        uint32_t source;
        bool done = false;
        if (scan_at_segment(sc, &source)) MV_TRY(search_graph(s, sc, source, &done, error));
        if (done) {
            scan_skip_segment(sc);
            continue;
        }
        double begun = now(s);
        MV_TRY(scan_next(sc, error));
        if (!sc->t) return MV_OK;
        begin_part(s, sc->source);
        s->part->filter_seconds += now(s) - begun;
        search_block(s, sc);
    }
}

static mv_err search_by_vector(search *s, mv_error *error)
{
    scan sc;
    const mv_schema *schema = s->r->seen->v->schema;
    if (s->q->vector_field >= schema->vectors_count)
        return error_set(error, MV_MISUSE, "there is no vector field %u", s->q->vector_field);
    s->field = &schema->vectors[s->q->vector_field];
    MV_TRY(prepare(s, error));
    MV_TRY(scan_start(&sc, s->r->seen, s->f, NULL, s->q->vector_field, &s->r->fresh, &s->r->arena,
                      &s->r->block, error));
    s->scratch = engine_take_scratch(s->r->e);
    mv_err err = search_all(s, &sc, error);
    engine_give_scratch(s->r->e, s->scratch);
    scan_end(&sc);
    for (uint32_t i = 0; i < s->count && !err; i++) err = take_hits(s, i, error);
    if (!err) result_bring_ids(s->r);
    return err;
}

/* ---------------------------------------------------------------- without a vector */

static mv_err select_block(const scan *sc, order_heap *heap, mv_error *error)
{
    for (uint32_t at = scan_find(sc, 0); at < sc->count; at = scan_find(sc, at + 1))
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
    const mv_schema *schema = s->r->seen->v->schema;
    MV_TRY(order_parse(schema, s->q->order_by, &o, error));
    uint64_t documents = s->r->seen->v->state.documents, wanted = hits_wanted(s);
    uint32_t capacity = (uint32_t)(wanted < documents ? wanted : documents);
    if (!capacity) return MV_OK;
    MV_TRY(order_start(&heap, &o, schema, capacity, &s->r->arena, error));
    MV_TRY(scan_start(&sc, s->r->seen, s->f, &o, FRESH_NO_VECTOR, &s->r->fresh, &s->r->arena,
                      &s->r->block, error));
    mv_err err = MV_OK;
    double begun = now(s);
    while (!has_enough(&heap) && !(err = scan_next(&sc, error)) && sc.t) {
        begin_part(s, sc.source);
        note_block(s, &sc, 0);
        if ((err = select_block(&sc, &heap, error))) break;
        s->part->filter_seconds += now(s) - begun;
        begun = now(s);
    }
    scan_end(&sc);
    if (err) return err;
    order_finish(&heap);
    uint32_t skipped = 0;
    for (uint32_t i = 0; i < heap.count && s->r->hits_count < s->q->topk; i++) {
        const order_entry *entry = &heap.entries[i];
        if (result_was_given(s->r, entry->docid) || skipped++ < s->q->offset) continue;
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
    mv_err err = query->more ? result_go_on(result, error) : result_start(result, c, error);
    if (!err && query->schema && query->schema != mv_result_schema(result))
        err = error_set(error, MV_SCHEMA_MISMATCH,
                        "the schema was changed since the query was made: make it anew");
    if (!err) err = start_accounts(&s, error);
    if (!err && query->filter)
        err = filter_compile(result->seen->v->schema, query->filter, &result->arena, &s.f, error);
    if (!err)
        err =
            query->vectors || query->id.data ? search_by_vector(&s, error) : select_rows(&s, error);
    if (err) mv_result_clear(result);
    return err;
}
