/* Counting the values of a field in the documents that match a filter.
 *
 * A hash table has each different value once, at the position at which it was met first; `counts`
 * has how often it was met. The table is limited, and so is memory: counts that leave values out
 * would be wrong. */
#include <stdlib.h>
#include <string.h>

#include "query/filter_tree.h"
#include "read/scan.h"
#include "transaction/handle.h"

struct mv_facets {
    mv_facet *values; /* in `arena` */
    size_t count;
    mem_arena arena; /* also the strings of the values */
};

/* The values met so far. */
typedef struct facet_tally {
    const schema_field *field;
    mv_type type;   /* of a single value */
    uint32_t width; /* of its bytes; 0: a string */
    filter_set *values;
    mem_buffer counts; /* u64, by position in `values` */
    size_t text_size;  /* bytes of the different strings */
    mem_arena *arena;
} facet_tally;

/* A value with what it is sorted by. */
typedef struct ranked {
    uint64_t count;
    uint64_t number; /* the order key, or the size of the text */
    const uint8_t *text;
} ranked;

/* ---------------------------------------------------------------- counting */

static mv_err tally_new(facet_tally *t, filter_key key, mv_error *error)
{
    static const uint64_t one = 1;
    if (t->values->count == MV_FACET_VALUES_MAX)
        return error_set(error, MV_LIMIT,
                         "field '%s' has more than %u different values, the maximum to count",
                         t->field->name, MV_FACET_VALUES_MAX);
    if (key.bytes) t->text_size += (size_t)key.number;
    if (t->text_size > MV_FACET_BYTES_MAX)
        return error_set(error, MV_LIMIT,
                         "field '%s' has more than %u bytes of different values, the maximum to "
                         "count",
                         t->field->name, MV_FACET_BYTES_MAX);
    MV_TRY(filter_set_add(t->values, key, t->arena, error));
    if (mem_buffer_append(&t->counts, &one, sizeof one)) return MV_OK;
    return error_memory(error, t->counts.size, "the values of a field");
}

static mv_err tally_value(facet_tally *t, const uint8_t *bytes, size_t size, mv_error *error)
{
    filter_key key = filter_set_key_of(t->type, bytes, size);
    uint32_t at = filter_set_find(t->values, key);
    if (at == FILTER_SET_NONE) return tally_new(t, key, error);
    ((uint64_t *)(void *)t->counts.data)[at]++;
    return MV_OK;
}

static mv_err fail_row(const facet_tally *t, uint32_t row, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "row %u of '%s' is damaged", row, t->field->name);
}

static mv_err tally_elements(facet_tally *t, const uint8_t *bytes, size_t size, uint32_t row,
                             mv_error *error)
{
    const char *text;
    uint32_t text_size, count = cell_array_count(t->field->type, bytes, size);
    if (count == UINT32_MAX) return fail_row(t, row, error);
    for (uint32_t i = 0; i < count; i++) {
        if (t->width) {
            MV_TRY(tally_value(t, bytes + (size_t)i * t->width, t->width, error));
            continue;
        }
        if (!cell_array_string(bytes, size, i, &text, &text_size)) return fail_row(t, row, error);
        MV_TRY(tally_value(t, (const uint8_t *)text, text_size, error));
    }
    return MV_OK;
}

static mv_err tally_row(facet_tally *t, const table_column *column, uint32_t row, mv_error *error)
{
    const uint8_t *bytes;
    uint64_t size;
    if (table_is_null(column, row)) return MV_OK;
    if (!cell_is_variable(t->field->type))
        return tally_value(t, column->values + (size_t)row * t->width, t->width, error);
    if (!table_cell(column, row, &bytes, &size) || size > MV_ROW_SIZE_MAX)
        return fail_row(t, row, error);
    return t->field->type & MV_ARRAY ? tally_elements(t, bytes, (size_t)size, row, error)
                                     : tally_value(t, bytes, (size_t)size, error);
}

static mv_err tally_rows(facet_tally *t, scan *sc, uint32_t field, mv_error *error)
{
    for (;;) {
        MV_TRY(scan_next(sc, error));
        if (!sc->t) return MV_OK;
        for (uint32_t at = scan_find(sc, 0); at < sc->count; at = scan_find(sc, at + 1))
            MV_TRY(tally_row(t, &sc->t->columns[field], sc->begin + at, error));
    }
}

/* ---------------------------------------------------------------- the most frequent values */

/* Most frequent first, then by value. */
static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    if (x->text) {
        size_t size = (size_t)(x->number < y->number ? x->number : y->number);
        int order_of_bytes = size ? memcmp(x->text, y->text, size) : 0;
        if (order_of_bytes) return order_of_bytes;
    }
    return (x->number > y->number) - (x->number < y->number);
}

/* All values, sorted; in the arena. NULL: no memory. */
static ranked *rank_values(const facet_tally *t)
{
    uint32_t count = t->values->count;
    const uint64_t *counts = (const uint64_t *)(const void *)t->counts.data;
    ranked *all = mem_arena_alloc(t->arena, count * sizeof *all);
    if (!all) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        filter_key key = t->values->keys[i];
        uint64_t number =
            t->width ? order_key_of(t->type, (const uint8_t *)&key.number) : key.number;
        all[i] = (ranked){.count = counts[i], .number = number, .text = key.bytes};
    }
    qsort(all, count, sizeof *all, compare_ranked);
    return all;
}

static mv_err keep_values(const facet_tally *t, uint32_t wanted, mv_facets *out, mv_error *error)
{
    uint32_t count = t->values->count < wanted ? t->values->count : wanted;
    if (!count) return MV_OK;
    const ranked *all = rank_values(t);
    out->values = mem_arena_alloc(t->arena, count * sizeof *out->values);
    if (!all || !out->values)
        return error_memory(error, t->values->count * sizeof *all, "the values of a field");
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = t->width ? order_bits_of_key(t->type, all[i].number) : 0;
        const uint8_t *bytes = t->width ? (const uint8_t *)&bits : all[i].text;
        size_t size = t->width ? t->width : (size_t)all[i].number;
        out->values[i].count = all[i].count;
        MV_TRY(cell_to_value(t->type, bytes, size, t->arena, &out->values[i].value, error));
    }
    out->count = count;
    return MV_OK;
}

/* ---------------------------------------------------------------- the public calls */

static mv_err count_values(const snapshot *s, uint32_t field, const mv_filter *source,
                           uint32_t wanted, mv_facets *out, mv_error *error)
{
    mv_err err;
    filter *f = NULL;
    mem_arena arena = {0}, block = {0};
    scan sc;
    const order gathered = {.count = 1, .keys = {{.field = field}}}; /* of fresh rows */
    facet_tally t = {.field = &s->v->schema->fields[field], .arena = &out->arena};
    t.type = type_element(t.field->type);
    t.width = type_of(t.type)->width;
    if (source && (err = filter_compile(s->v->schema, source, &arena, &f, error))) goto done;
    if ((err = filter_set_create(t.arena, &t.values, error))) goto done;
    if ((err = scan_begin(&sc, s, f, &gathered, FRESH_NO_VECTOR, &arena, &block, error))) goto done;
    err = tally_rows(&t, &sc, field, error);
    scan_end(&sc);
    if (!err) err = keep_values(&t, wanted, out, error);
done:
    mem_buffer_free(&t.counts);
    mem_arena_free(&arena);
    mem_arena_free(&block);
    return err;
}

mv_err mv_facets_create(mv_collection *c, const char *field, size_t field_size,
                        const mv_filter *source, uint32_t wanted, mv_facets **facets,
                        mv_error *error)
{
    uint32_t position;
    snapshot s = {0};
    *facets = NULL;
    if (!wanted || wanted > MV_TOPK_MAX)
        return error_set(error, MV_MISUSE, "topk is %u, it must be 1 to %u", wanted, MV_TOPK_MAX);
    mv_facets *out = mem_alloc_zero(sizeof *out);
    if (!out) return error_memory(error, sizeof *out, "the values of a field");
    mv_err err = handle_snapshot(c, &s, error);
    if (!err && !mv_schema_find_field(s.v->schema, field, field_size, &position))
        err = schema_unknown_field(s.v->schema, field, field_size, false, error);
    if (!err && type_is_of_vectors(s.v->schema->fields[position].type))
        err = error_set(error, MV_MISUSE, "field '%s' is %s: its values cannot be counted",
                        s.v->schema->fields[position].name,
                        type_name(s.v->schema->fields[position].type));
    if (!err) err = count_values(&s, position, source, wanted, out, error);
    snapshot_close(&s);
    if (err)
        mv_facets_free(out);
    else
        *facets = out;
    return err;
}

const mv_facet *mv_facets_values(const mv_facets *facets, size_t *count)
{
    *count = facets->count;
    return facets->values;
}

void mv_facets_free(mv_facets *facets)
{
    if (!facets) return;
    mem_arena_free(&facets->arena);
    mem_free(facets, sizeof *facets);
}
