#include "read/search_codes.h"

#include <string.h>

/* Rows whose distances are bounded at once. The heap is full after the first ones, so that most of
 * the others are left out. */
#define BOUNDED_ROWS 64u

/* Of fewer matching rows in a block, int8 codes are looked at alone. To prepare a query for bits
 * takes as long as 130 of them: 14 us at 1,536 dims. */
#define BITS_ROWS_MIN 128u

bool search_codes_may_miss(const search *s, uint64_t wanted)
{
    const index_type *type = index_slot_type(s->r->seen->v->schema, s->q->vector_field);
    return type && !search_is_exact(s) && search_capacity(s, wanted) <= type->hits_max &&
           flat_codes_can(s->field->type, s->field->metric, s->field->dim) &&
           flat_bits_can(s->field->dim);
}

static coded_rows coded_rows_of(const search *s, const scan *sc, const flat_codes *codes,
                                uint32_t count)
{
    bool by_bits = count && codes->bits.rows && scan_matching(sc) >= BITS_ROWS_MIN &&
                   search_codes_may_miss(s, s->tops[0].capacity);
    return (coded_rows){codes, sc, count, by_bits};
}

coded_rows search_codes_of(search *s, const scan *sc)
{
    uint32_t field = s->q->vector_field;
    if (sc->source == RESULT_FRESH) {
        const fresh_codes *fresh = &sc->fresh_codes[field];
        return coded_rows_of(s, sc, &fresh->codes, fresh->is_used ? sc->count : 0);
    }
    const view *v = s->r->seen->v;
    waiting_codes *w = v->segments[sc->source].codes[field];
    if (index_slot_type(v->schema, field) &&
        !shared_index_is_usable(v->segments[sc->source].indexes[field]))
        engine_note_waiting(s->r->e);
    uint32_t end = sc->begin + sc->count, encoded = w ? waiting_codes_encoded(w) : 0;
    if (w && encoded < end && !s->has_encoded) {
        encoded = waiting_codes_advance(w);
        s->has_encoded = true;
    }
    if (encoded > end) encoded = end;
    return coded_rows_of(s, sc, w ? &w->codes : NULL,
                         encoded > sc->begin ? encoded - sc->begin : 0);
}

static mv_err prepare_codes(search *s, const flat_codes *codes, mv_error *error)
{
    size_t size = mem_whole_lines(flat_codes_query_size(codes));
    if (s->coded) return MV_OK;
    flat_codes_query *coded = search_alloc(s, s->count * sizeof *coded, error);
    uint8_t *memory = search_alloc(s, mem_array_size(s->count + 1, size), error);
    if (!coded || !memory) return MV_NO_MEMORY;
    memory += -(uintptr_t)memory % CODES_LINE;
    for (uint32_t i = 0; i < s->count; i++)
        flat_codes_prepare(&coded[i], codes, s->vectors + i * s->vector_size, memory + i * size);
    s->coded = coded;
    s->has_bits = false;
    return MV_OK;
}

mv_err search_codes_prepare(search *s, const coded_rows *rows, mv_error *error)
{
    MV_TRY(prepare_codes(s, rows->codes, error));
    for (uint32_t i = 0; i < s->count && rows->by_bits && !s->has_bits; i++)
        flat_codes_prepare_bits(&s->coded[i], rows->codes);
    s->has_bits |= rows->by_bits;
    return MV_OK;
}

/* The stored vector of a row of the block. */
static mv_err vector_of(const search *s, const scan *sc, uint32_t row, const void **elements,
                        float *inverse_norm, mv_error *error)
{
    const snapshot *seen = s->r->seen;
    const table_vectors *vectors = &sc->t->vectors[s->q->vector_field];
    const uint8_t *encoded = NULL;
    if (sc->source != RESULT_FRESH) {
        *elements = vectors->base + (size_t)row * vectors->stride;
        *inverse_norm = vectors->inverse_norms ? vectors->inverse_norms[row] : 0;
        return MV_OK;
    }
    MV_TRY(result_fresh_row(seen, sc->t->docids[row], &encoded, error));
    *elements = row_vector(seen->v->schema, encoded, s->q->vector_field);
    *inverse_norm = row_inverse_norm(seen->v->schema, encoded, s->q->vector_field);
    return MV_OK;
}

/* Measure rows by their vectors, and push them. */
static mv_err push_measured(const search *s, const scan *sc, uint32_t i, const uint32_t *rows,
                            uint32_t count, mv_error *error)
{
    const void *list[BOUNDED_ROWS];
    float norms[BOUNDED_ROWS], distances[BOUNDED_ROWS];
    for (uint32_t at = 0; at < count; at++)
        MV_TRY(vector_of(s, sc, rows[at], &list[at], &norms[at], error));
    distance_to_list(&s->queries[i], list, norms, count, distances);
    for (uint32_t at = 0; at < count; at++)
        topk_push(&s->tops[i], (topk_entry){.distance = distances[at],
                                            .source = sc->source,
                                            .row = scan_row(sc, rows[at] - sc->begin),
                                            .docid = sc->t->docids[rows[at]]});
    return MV_OK;
}

/* Keep the rows whose bound is no farther than `limit`, or NaN. */
static uint32_t keep_within(uint32_t *rows, const float *bounds, uint32_t count, float limit)
{
    uint32_t kept = 0;
    for (uint32_t at = 0; at < count; at++) {
        rows[kept] = rows[at];
        kept += !(bounds[at] > limit);
    }
    return kept;
}

/* Bound the distances of rows, and measure those that may be among the nearest. */
static mv_err push_rows(const search *s, const coded_rows *from, uint32_t i, uint32_t *rows,
                        uint32_t count, mv_search_counts *counts, mv_error *error)
{
    float bounds[BOUNDED_ROWS];
    flat_codes_bounds(&s->coded[i], from->codes, rows, count, bounds);
    uint32_t kept = keep_within(rows, bounds, count, s->tops[i].limit);
    counts->code_distances += count;
    counts->exact_distances += kept;
    return push_measured(s, from->sc, i, rows, kept, error);
}

/* Keep those of the rows that may be among the nearest by their bits, if these are looked at. */
static uint32_t keep_by_bits(const search *s, const coded_rows *from, uint32_t i, uint32_t *rows,
                             uint32_t count, mv_search_counts *counts)
{
    float bounds[BOUNDED_ROWS];
    if (!from->by_bits) return count;
    flat_bits_bounds(&s->coded[i].bits, &from->codes->bits, rows, count, bounds);
    uint32_t kept = keep_within(rows, bounds, count, s->tops[i].limit);
    counts->code_distances += count - kept;
    return kept;
}

mv_err search_codes_push(const search *s, const coded_rows *from, uint32_t i,
                         mv_search_counts *counts, mv_error *error)
{
    uint32_t rows[2 * BOUNDED_ROWS], kept = 0, count = 0;
    const scan *sc = from->sc;
    for (uint32_t at = scan_find(sc, 0); at < from->count; at = scan_find(sc, at + 1)) {
        rows[kept + count++] = sc->begin + at;
        if (count < BOUNDED_ROWS) continue;
        kept += keep_by_bits(s, from, i, rows + kept, count, counts);
        count = 0;
        if (kept < BOUNDED_ROWS) continue;
        MV_TRY(push_rows(s, from, i, rows, BOUNDED_ROWS, counts, error));
        kept -= BOUNDED_ROWS;
        memmove(rows, rows + BOUNDED_ROWS, kept * sizeof *rows);
    }
    if (count) kept += keep_by_bits(s, from, i, rows + kept, count, counts);
    for (uint32_t done = 0; done < kept; done += BOUNDED_ROWS) {
        count = kept - done < BOUNDED_ROWS ? kept - done : BOUNDED_ROWS;
        MV_TRY(push_rows(s, from, i, rows + done, count, counts, error));
    }
    return MV_OK;
}
