/* Filling results, reading their hits, and finding documents by id. */
#include "read/result.h"

#include <stdlib.h>
#include <string.h>

#include "open/fresh_rows.h"
#include "open/last_use.h"
#include "open/registry.h"
#include "transaction/handle.h"
#include "vector/element.h"

/* ---------------------------------------------------------------- life */

mv_err mv_result_create(mv_collection *c, mv_result **result, mv_error *error)
{
    *result = NULL;
    engine *e = NULL;
    MV_TRY(handle_engine(c, &e, error));
    mv_result *r = mem_alloc_zero(sizeof *r);
    if (!r) return error_memory(error, sizeof *r, "a result");
    r->fork_generation = os_fork_generation();
    r->e = e;
    registry_retain(e);
    *result = r;
    return MV_OK;
}

void mv_result_clear(mv_result *r)
{
    if (os_is_forked(r->fork_generation)) r->own = (snapshot){0}; /* the parent's */
    snapshot_close(&r->own);
    r->seen = NULL;
    r->hits_count = 0;
    r->returned.size = 0;
    r->returned_sorted = 0;
    r->steps = NULL;
    r->steps_count = 0;
    result_highlight_forget(r);
    mem_arena_clear(&r->arena);
    mem_arena_clear(&r->values);
}

void mv_result_free(mv_result *r)
{
    if (!r) return;
    mv_result_clear(r);
    mem_arena_free(&r->arena);
    mem_arena_free(&r->block);
    mem_arena_free(&r->values);
    mem_arena_free(&r->scratch);
    mem_free(r->hits, r->hits_capacity * sizeof *r->hits);
    mem_buffer_free(&r->returned);
    registry_release(r->e);
    if (r->highlight) text_highlight_free(r->highlight);
    mem_free(r->highlight, sizeof *r->highlight);
    mem_free(r, sizeof *r);
}

/* After a fork the collection has another engine. */
static void use_engine(mv_result *r, engine *e)
{
    if (r->e == e) return;
    registry_retain(e);
    registry_release(r->e);
    r->e = e;
}

static void note_writer(mv_result *r, const writer *w)
{
    r->transaction = w;
    r->writer_number = atomic_load(&r->e->writers_begun);
    r->changes = w ? w->changes : 0;
}

mv_err result_begin(mv_result *r, mv_collection *c, mv_error *error)
{
    mv_result_clear(r);
    r->fork_generation = os_fork_generation();
    engine *e = NULL;
    MV_TRY(handle_engine(c, &e, error));
    use_engine(r, e);
    MV_TRY(handle_snapshot(c, &r->own, error));
    r->seen = &r->own;
    note_writer(r, c->w);
    return MV_OK;
}

mv_err mv_result_pin(mv_result *r, mv_collection *c, mv_error *error)
{
    mv_err err = result_begin(r, c, error);
    if (err) mv_result_clear(r);
    return err;
}

mv_err result_begin_within(mv_result *r, const mv_result *within, mv_error *error)
{
    mv_assert(r != within);
    MV_TRY(result_check(within, error));
    MV_TRY(engine_check_unlocked(within->e, error));
    MV_TRY(result_begin_lent(r, within->e, within->seen, error));
    r->transaction = within->transaction;
    r->writer_number = within->writer_number;
    r->changes = within->changes;
    return MV_OK;
}

static int compare_docids(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

size_t result_returned_count(const mv_result *r)
{
    return r->returned.size / sizeof(uint64_t);
}

bool result_was_returned(const mv_result *r, uint64_t docid)
{
    return r->returned_sorted &&
           bsearch(&docid, r->returned.data, r->returned_sorted, sizeof docid, compare_docids);
}

mv_err result_skip(mv_result *r, uint64_t docid, mv_error *error)
{
    if (mem_buffer_append(&r->returned, &docid, sizeof docid)) return MV_OK;
    return error_memory(error, r->returned.size, "the hits returned");
}

void result_sort_returned(mv_result *r)
{
    r->returned_sorted = result_returned_count(r);
    if (r->returned_sorted)
        qsort(r->returned.data, r->returned_sorted, sizeof(uint64_t), compare_docids);
}

mv_err result_continue(mv_result *r, mv_error *error)
{
    MV_TRY(result_check(r, error));
    for (size_t i = 0; i < r->hits_count; i++) MV_TRY(result_skip(r, r->hits[i].docid, error));
    result_sort_returned(r);
    r->hits_count = 0;
    r->steps = NULL;
    r->steps_count = 0;
    result_highlight_forget(r);
    mem_arena_clear(&r->arena);
    mem_arena_clear(&r->values);
    return MV_OK;
}

mv_err result_begin_lent(mv_result *r, engine *e, const snapshot *s, mv_error *error)
{
    (void)error;
    mv_result_clear(r);
    r->fork_generation = os_fork_generation();
    use_engine(r, e);
    r->seen = s;
    note_writer(r, NULL);
    return MV_OK;
}

mv_err result_check(const mv_result *r, mv_error *error)
{
    if (os_is_forked(r->fork_generation)) return error_set_forked(error, "the result");
    if (!r->seen) return error_set(error, MV_MISUSE, "the result is empty");
    if (r->transaction && (!engine_is_writing_number(r->e, r->writer_number) ||
                           r->changes != r->transaction->changes))
        return error_set(
            error, MV_MISUSE,
            "the transaction of the result has changed something or ended since: search again");
    return MV_OK;
}

mv_err result_fresh_row(const snapshot *s, uint64_t docid, const uint8_t **encoded, mv_error *error)
{
    MV_TRY(fresh_rows_find(s->txn, s->v->schema, docid, encoded, error));
    if (*encoded) return MV_OK;
    return error_set(error, MV_CORRUPT, "%s: fresh row %llu is missing", CATALOG_FILE,
                     (unsigned long long)docid);
}

mv_err result_add(mv_result *r, mv_hit hit, mv_error *error)
{
    mv_assert(r->seen);
    mv_assert(hit.source == RESULT_FRESH || hit.source < r->seen->v->segments_count);
    if (hit.source == RESULT_FRESH && !hit.row) {
        const uint8_t *encoded = NULL;
        MV_TRY(result_fresh_row(r->seen, hit.docid, &encoded, error));
        hit.row = (uint64_t)(uintptr_t)encoded;
    }
    if (r->hits_count == r->hits_capacity) {
        size_t capacity = r->hits_capacity ? r->hits_capacity * 2 : 16;
        mv_hit *hits =
            mem_realloc(r->hits, r->hits_capacity * sizeof *hits, capacity * sizeof *hits);
        if (!hits) return error_memory(error, capacity * sizeof *hits, "hits");
        r->hits = hits;
        r->hits_capacity = capacity;
    }
    r->hits[r->hits_count++] = hit;
    return MV_OK;
}

void result_prefetch_ids(const mv_result *r)
{
    for (size_t i = 0; i < r->hits_count; i++) {
        const mv_hit *hit = &r->hits[i];
        if (hit->source == RESULT_FRESH) continue;
        MV_PREFETCH(&r->seen->v->segments[hit->source].table.ids.ends[hit->row]);
    }
    for (size_t i = 0; i < r->hits_count; i++) {
        const mv_hit *hit = &r->hits[i];
        const uint8_t *bytes;
        uint64_t size;
        if (hit->source == RESULT_FRESH) continue;
        if (table_cell(&r->seen->v->segments[hit->source].table.ids, (uint32_t)hit->row, &bytes,
                       &size))
            MV_PREFETCH(bytes);
    }
}

const mv_schema *mv_result_schema(const mv_result *r)
{
    return r->seen ? r->seen->v->schema : NULL;
}

const mv_plan_step *mv_result_plan(const mv_result *r, size_t *count)
{
    *count = r->steps_count;
    return r->steps;
}

const mv_hit *mv_result_hits(const mv_result *r, size_t *count)
{
    *count = r->hits_count;
    return r->hits;
}

/* ---------------------------------------------------------------- reading hits */

static const uint8_t *encoded_row(const mv_hit *hit)
{
    return (const uint8_t *)(uintptr_t)hit->row;
}

static mv_err get_hit(const mv_result *r, size_t position, const mv_hit **hit, mv_error *error)
{
    MV_TRY(result_check(r, error));
    if (position >= r->hits_count)
        return error_set(error, MV_MISUSE, "the result has %zu hits, there is no hit %zu",
                         r->hits_count, position);
    *hit = &r->hits[position];
    return MV_OK;
}

mv_err mv_result_id(mv_result *r, size_t position, mv_id *id, mv_error *error)
{
    const mv_hit *hit = NULL;
    const uint8_t *bytes;
    uint64_t size;
    MV_TRY(get_hit(r, position, &hit, error));
    if (hit->source == RESULT_FRESH) {
        uint32_t short_size;
        row_id(encoded_row(hit), &bytes, &short_size);
        size = short_size;
    } else if (!table_cell(&r->seen->v->segments[hit->source].table.ids, (uint32_t)hit->row, &bytes,
                           &size)) {
        return error_set(error, MV_CORRUPT, "the id of row %u is damaged", (unsigned)hit->row);
    }
    *id = (mv_id){(const char *)bytes, (size_t)size};
    return MV_OK;
}

mv_err result_cell(const mv_result *r, const mv_hit *hit, uint32_t field, cell *out,
                   mv_error *error)
{
    const view *v = r->seen->v;
    if (hit->source != RESULT_FRESH)
        return segment_read_cell(&v->segments[hit->source].table, v->schema, field,
                                 (uint32_t)hit->row, out, error);
    row_cell(v->schema, encoded_row(hit), field, out);
    return MV_OK;
}

mv_err mv_result_value(mv_result *r, size_t position, uint32_t field, mv_value *value,
                       mv_error *error)
{
    const mv_hit *hit = NULL;
    cell c;
    MV_TRY(get_hit(r, position, &hit, error));
    const mv_schema *schema = r->seen->v->schema;
    if (field >= schema->fields_count)
        return error_set(error, MV_MISUSE, "there is no scalar field %u, the schema has %u", field,
                         schema->fields_count);
    MV_TRY(result_cell(r, hit, field, &c, error));
    if (c.state != CELL_NULL)
        return cell_to_value(schema->fields[field].type, c.bytes, c.size, &r->values, value, error);
    *value = (mv_value){.kind = MV_KIND_NULL};
    return MV_OK;
}

mv_err result_elements(const mv_result *r, const mv_hit *hit, uint32_t vector_field,
                       const uint8_t **elements, mv_error *error)
{
    const mv_schema *schema = r->seen->v->schema;
    if (vector_field >= schema->vectors_count)
        return error_set(error, MV_MISUSE, "there is no vector field %u, the schema has %u",
                         vector_field, schema->vectors_count);
    if (hit->source == RESULT_FRESH) {
        *elements = row_vector(schema, encoded_row(hit), vector_field);
    } else {
        const table_vectors *vectors =
            &r->seen->v->segments[hit->source].table.vectors[vector_field];
        *elements = vectors->base + hit->row * vectors->stride;
    }
    return MV_OK;
}

mv_err mv_result_vector(mv_result *r, size_t position, uint32_t vector_field, void *out, size_t dim,
                        mv_error *error)
{
    const mv_hit *hit = NULL;
    const uint8_t *elements = NULL;
    MV_TRY(get_hit(r, position, &hit, error));
    MV_TRY(result_elements(r, hit, vector_field, &elements, error));
    const schema_vector *field = &r->seen->v->schema->vectors[vector_field];
    if (dim != field->dim)
        return error_set(error, MV_MISUSE, "the output array has %zu numbers, field '%s' has %u",
                         dim, field->name, field->dim);
    element_to_given(field->type, elements, dim, out);
    return MV_OK;
}

/* ---------------------------------------------------------------- finding documents */

/* Find the row of a docid, also of an expired document. */
static mv_err find_stored(const snapshot *s, uint64_t docid, mv_hit *hit, bool *found,
                          bool *expired, mv_error *error)
{
    uint32_t at, row;
    if (view_find(s->v, docid, &at, &row)) {
        *found = view_is_live(&s->v->segments[at], row);
        *expired = *found && !view_is_seen(&s->v->segments[at], row);
        *hit = (mv_hit){.docid = docid, .source = at, .row = row};
        return MV_OK;
    }
    const uint8_t *encoded = NULL;
    MV_TRY(fresh_rows_find(s->txn, s->v->schema, docid, &encoded, error));
    *found = encoded;
    *expired = encoded && row_expires(s->v->schema, encoded) <= snapshot_fresh_expired(s);
    *hit = (mv_hit){.docid = docid, .source = RESULT_FRESH, .row = (uint64_t)(uintptr_t)encoded};
    return MV_OK;
}

mv_err result_find_docid(const snapshot *s, uint64_t docid, mv_hit *hit, bool *found,
                         mv_error *error)
{
    bool expired = false;
    MV_TRY(find_stored(s, docid, hit, found, &expired, error));
    *found &= !expired;
    return MV_OK;
}

mv_err result_find(const snapshot *s, const void *id, size_t id_size, mv_hit *hit, bool *found,
                   mv_error *error)
{
    uint64_t docid;
    *found = false;
    if (id_size < 1 || id_size > MV_ID_SIZE_MAX) return MV_OK;
    MV_TRY(catalog_id_get(s->txn, id, id_size, &docid, found, error));
    if (!*found) return MV_OK;
    bool expired = false;
    MV_TRY(find_stored(s, docid, hit, found, &expired, error));
    char quoted[ERROR_QUOTE_SIZE];
    if (!*found)
        return error_set(error, MV_CORRUPT, "%s: document '%s' has no row", CATALOG_FILE,
                         error_quote(id, id_size, quoted));
    *found = !expired;
    return MV_OK;
}

mv_err result_need(const mv_result *r, const mv_id *id, mv_hit *hit, mv_error *error)
{
    bool found;
    char quoted[ERROR_QUOTE_SIZE];
    MV_TRY(result_find(r->seen, id->data, id->size, hit, &found, error));
    if (found) return MV_OK;
    return error_set(error, MV_NOT_FOUND, "document '%s' not found",
                     error_quote(id->data, id->size, quoted));
}

void result_note_use(const mv_result *r, uint64_t inputs)
{
    const mv_schema *schema = r->seen->v->schema;
    if (!schema_has_retention(schema)) return;
    uint64_t found = 0;
    for (size_t i = 0; i < r->hits_count; i++)
        found += !i || r->hits[i].input != r->hits[i - 1].input;
    atomic_fetch_add(&r->e->hits, found);
    atomic_fetch_add(&r->e->misses, inputs - found);
    if (schema->retention.evict != MV_EVICT_LEAST_RECENT) return;
    for (size_t i = 0; i < r->hits_count; i++) last_use_note(r->e, r->hits[i].docid, 1);
}

mv_err mv_fetch(mv_collection *c, const mv_id *ids, size_t ids_count, mv_result *result,
                mv_error *error)
{
    mv_err err = result_begin(result, c, error);
    for (size_t i = 0; i < ids_count && !err; i++) {
        mv_hit hit;
        bool found;
        err = result_find(result->seen, ids[i].data, ids[i].size, &hit, &found, error);
        if (err || !found) continue;
        hit.input = (uint32_t)i;
        err = result_add(result, hit, error);
    }
    if (err)
        mv_result_clear(result);
    else
        result_note_use(result, ids_count);
    return err;
}
