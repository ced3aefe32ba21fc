/* Scanning the segments, then the fresh rows. */
#include "read/scan.h"

#include <string.h>

#include "base/sorted.h"
#include "read/result.h"

/* A list of at most this many rows is sorted by insertion: at most 2,016 moves, less than what
 * reading a block of rows costs. Chosen, not measured. */
#define SCAN_SORTED_MAX 64u

static_assert(FRESH_CHUNK_ROWS <= FILTER_BLOCK_ROWS, "a chunk of fresh rows is one block");
static_assert(FILTER_BLOCK_ROWS % 64 == 0, "a block begins with a word of the bitmap");

static mv_err note_wants(scan *sc, const order *o, uint32_t vector_field, mem_arena *arena,
                         mv_error *error)
{
    uint32_t fields = sc->s->v->schema->fields_count;
    bool *wanted = mem_arena_alloc(arena, fields);
    if (!wanted) return error_memory(error, fields, "a scan");
    for (uint32_t f = 0; f < fields; f++)
        wanted[f] = (sc->f && filter_uses_field(sc->f, f)) || (o && order_uses_field(o, f));
    uint32_t expires;
    if (snapshot_expired_field(sc->s, &expires)) wanted[expires] = true;
    sc->wants = (fresh_wants){.id = (sc->f && filter_uses_id(sc->f)) || (o && order_uses_id(o)),
                              .fields = wanted,
                              .vector_field = vector_field};
    return MV_OK;
}

/* ---------------------------------------------------------------- the filter */

static void note_damage(void *ctx, uint32_t field, const mv_error *why)
{
    const scan *sc = ctx;
    const view_segment *s = &sc->s->v->segments[sc->next_segment];
    shared_index_note_damage(sc->s->e, s->indexes[index_slot_of_field(sc->s->v->schema, field)],
                             why);
}

static mv_err match_rows(void *ctx, const filter_match *test, const table *t, uint64_t *rows,
                         mv_error *error)
{
    scan *sc = ctx;
    bool is_segment = sc->next_segment < sc->s->v->segments_count &&
                      t == &sc->s->v->segments[sc->next_segment].table;
    if (is_segment)
        return scan_match_segment(sc->texts, sc->s, sc->next_segment, test, rows, error);
    return scan_match_fresh(sc->texts, sc->s, t, scan_fresh_lists(sc, test->field), test, rows,
                            error);
}

/* The row of an id, by the catalog. */
static mv_err find_id(void *ctx, const table *t, const uint8_t *id, size_t size, uint32_t *row,
                      bool *found, mv_error *error)
{
    const scan *sc = ctx;
    const view *v = sc->s->v;
    uint64_t docid;
    uint32_t at;
    *found = false;
    if (size < 1 || size > MV_ID_SIZE_MAX) return MV_OK;
    MV_TRY(catalog_id_get(sc->s->txn, id, size, &docid, found, error));
    if (!*found) return MV_OK;
    if (t == &sc->fresh_table) {
        *row = sorted_lower_bound(t->docids, sizeof *t->docids, t->rows, docid);
        *found = *row < t->rows && t->docids[*row] == docid;
        return MV_OK;
    }
    *found = view_find(v, docid, &at, row) && t == &v->segments[at].table;
    return MV_OK;
}

static mv_err make_indexes(scan *sc, mem_arena *arena, mv_error *error)
{
    size_t size = sc->s->v->schema->fields_count * sizeof *sc->indexes.lists;
    sc->indexes = (filter_indexes){
        .note_damage = note_damage, .match = match_rows, .find_id = find_id, .ctx = sc};
    if (!sc->f) return MV_OK;
    sc->indexes.lists = mem_arena_alloc(arena, size);
    return sc->indexes.lists ? MV_OK : error_memory(error, size, "a scan");
}

/* Begin the filter over the next segment, unless it is begun already. */
static mv_err begin_segment(scan *sc, mv_error *error)
{
    const mv_schema *schema = sc->s->v->schema;
    const view_segment *s = &sc->s->v->segments[sc->next_segment];
    if (!sc->f || sc->ft) return MV_OK;
    for (uint32_t field = 0; field < schema->fields_count; field++) {
        shared_index *x = s->indexes[index_slot_of_field(schema, field)];
        sc->indexes.lists[field] = NULL;
        if (!filter_uses_field(sc->f, field) || !x || !x->type->lists) continue;
        if (shared_index_is_sound(sc->s->e, x))
            sc->indexes.lists[field] = x->type->lists(x->opened);
    }
    return filter_table_begin(sc->f, &s->table, &sc->indexes, sc->block, &sc->ft, error);
}

/* Find the matching rows of the block. */
static mv_err filter_block_rows(scan *sc, mv_error *error)
{
    const uint64_t *live = sc->t->live ? sc->t->live + sc->begin / 64 : NULL;
    sc->matches = live;
    if (!sc->f) return MV_OK;
    MV_TRY(filter_eval_block(sc->ft, sc->begin, sc->count, sc->bits, error));
    sc->matches = sc->bits;
    for (size_t i = 0; live && i < bits_words(sc->count); i++) sc->bits[i] &= live[i];
    return MV_OK;
}

mv_err scan_estimate(scan *sc, uint32_t *least, uint32_t *most, mv_error *error)
{
    mv_assert(sc->next_segment < sc->s->v->segments_count);
    *least = *most = sc->s->v->segments[sc->next_segment].table.rows;
    MV_TRY(begin_segment(sc, error));
    if (sc->f) filter_table_estimate(sc->ft, least, most);
    return MV_OK;
}

mv_err scan_list(scan *sc, uint32_t **rows, uint32_t *count, mv_error *error)
{
    const table *t = &sc->s->v->segments[sc->next_segment].table;
    uint32_t least, listed, kept = 0;
    *rows = NULL;
    MV_TRY(scan_estimate(sc, &least, &listed, error));
    if (!sc->f || listed > t->rows / SCAN_LIST_ONE_IN) return MV_OK;
    MV_TRY(filter_table_list(sc->ft, rows, error));
    *count = listed;
    if (!*rows || !t->live) return MV_OK;
    for (uint32_t i = 0; i < listed; i++) {
        (*rows)[kept] = (*rows)[i];
        kept += bits_get(t->live, (*rows)[i]);
    }
    *count = kept;
    return MV_OK;
}

mv_err scan_segment(scan *sc, uint64_t *matches, mv_error *error)
{
    const table *t = &sc->s->v->segments[sc->next_segment].table;
    MV_TRY(begin_segment(sc, error));
    if (!sc->f) {
        bits_fill(matches, t->rows);
    } else {
        for (uint32_t begin = 0; begin < t->rows; begin += FILTER_BLOCK_ROWS) {
            uint32_t left = t->rows - begin;
            MV_TRY(filter_eval_block(sc->ft, begin,
                                     left < FILTER_BLOCK_ROWS ? left : FILTER_BLOCK_ROWS,
                                     matches + begin / 64, error));
        }
    }
    for (size_t i = 0; t->live && i < bits_words(t->rows); i++) matches[i] &= t->live[i];
    return MV_OK;
}

/* ---------------------------------------------------------------- blocks */

mv_err scan_begin(scan *sc, const snapshot *s, const filter *f, const order *o,
                  uint32_t vector_field, mem_arena *arena, mem_arena *block, mv_error *error)
{
    sc->s = s;
    sc->f = f;
    sc->block = block;
    sc->next_segment = 0;
    sc->next_row = 0;
    sc->fresh = NULL;
    sc->next_part = 0;
    sc->t = NULL;
    sc->list = NULL;
    sc->ft = NULL;
    sc->texts = NULL;
    mv_err err = make_indexes(sc, arena, error);
    if (!err) err = note_wants(sc, o, vector_field, arena, error);
    if (!err && f) err = scan_match_begin(&sc->texts, s, filter_matches(f), arena, error);
    if (err) scan_end(sc);
    return err;
}

/* Sort the rows if they are few. More rows are used if they are in order already, as the list of
 * one value is. False: they are not in order. */
static bool try_to_sort(uint32_t *rows, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t row = rows[i], at = i;
        if (row > rows[i - 1]) continue;
        if (count > SCAN_SORTED_MAX) return false;
        for (; at && rows[at - 1] > row; at--) rows[at] = rows[at - 1];
        rows[at] = row;
    }
    return true;
}

/* List the matching rows of the next segment, if they are few. */
static mv_err list_segment(scan *sc, mv_error *error)
{
    uint32_t *rows, count;
    MV_TRY(scan_list(sc, &rows, &count, error));
    if (!rows || !try_to_sort(rows, count)) return MV_OK;
    sc->list = rows;
    sc->list_end = rows + count;
    return MV_OK;
}

/* Set the bits of the listed rows that are in the block, and advance the list behind it. */
static void match_listed(scan *sc)
{
    mv_assert(sc->list == sc->list_end || *sc->list >= sc->begin);
    memset(sc->bits, 0, sizeof sc->bits);
    for (; sc->list < sc->list_end && *sc->list - sc->begin < sc->count; sc->list++)
        bits_set(sc->bits, *sc->list - sc->begin);
    sc->matches = sc->bits;
}

/* Go to the next block of the segment. If there is none, sc->t is NULL, and the next segment is
 * next. */
static mv_err next_of_segment(scan *sc, mv_error *error)
{
    const table *t = &sc->s->v->segments[sc->next_segment].table;
    MV_TRY(begin_segment(sc, error));
    if (!sc->next_row) MV_TRY(list_segment(sc, error));
    if (sc->list) {
        bool is_over = sc->list == sc->list_end;
        sc->next_row = is_over ? t->rows : *sc->list / FILTER_BLOCK_ROWS * FILTER_BLOCK_ROWS;
    }
    if (sc->next_row < t->rows) {
        uint32_t left = t->rows - sc->next_row;
        sc->t = t;
        sc->source = sc->next_segment;
        sc->begin = sc->next_row;
        sc->count = left < FILTER_BLOCK_ROWS ? left : FILTER_BLOCK_ROWS;
        if (sc->list)
            match_listed(sc);
        else
            MV_TRY(filter_block_rows(sc, error));
        sc->next_row += sc->count;
    }
    mv_assert(sc->next_row <= t->rows);
    if (sc->next_row == t->rows) scan_skip_segment(sc);
    return MV_OK;
}

static mv_err next_of_fresh(scan *sc, mv_error *error)
{
    if (!sc->s->v->state.fresh_rows) return MV_OK;
    if (!sc->fresh) MV_TRY(fresh_rows_acquire(sc->s, &sc->wants, &sc->fresh, error));
    if (sc->next_part == sc->fresh->parts_count) return MV_OK;
    const fresh_part *part = &sc->fresh->parts[sc->next_part++];
    sc->fresh_table = fresh_rows_table(part);
    sc->fresh_codes = part->chunk->codes;
    sc->fresh_lists = part->chunk->lists;
    uint32_t expires;
    if (snapshot_expired_field(sc->s, &expires)) {
        fresh_rows_see(sc->s, part, expires, sc->fresh_seen);
        sc->fresh_table.live = sc->fresh_seen;
    }
    sc->t = &sc->fresh_table;
    sc->source = RESULT_FRESH;
    sc->begin = 0;
    sc->count = sc->t->rows;
    filter_indexes none = {.match = match_rows, .find_id = find_id, .ctx = sc};
    if (sc->f) MV_TRY(filter_table_begin(sc->f, sc->t, &none, sc->block, &sc->ft, error));
    return filter_block_rows(sc, error);
}

mv_err scan_next(scan *sc, mv_error *error)
{
    sc->t = NULL;
    while (sc->next_segment < sc->s->v->segments_count) {
        MV_TRY(next_of_segment(sc, error));
        if (sc->t) return MV_OK;
    }
    return next_of_fresh(sc, error);
}

void scan_end(scan *sc)
{
    if (sc->fresh) fresh_rows_release(sc->s->e, sc->fresh);
    sc->fresh = NULL;
    scan_match_end(sc->texts, sc->s);
    sc->texts = NULL;
}

uint64_t scan_row(const scan *sc, uint32_t at)
{
    mv_assert(at < sc->count);
    return sc->source == RESULT_FRESH ? 0 : sc->begin + at;
}

mv_err scan_docids(const snapshot *s, const mv_filter *source, mem_buffer *docids, mv_error *error)
{
    mv_err err;
    filter *f = NULL;
    mem_arena arena = {0}, block = {0};
    scan sc;
    if (source && (err = filter_compile(s->v->schema, source, &arena, &f, error))) goto done;
    if ((err = scan_begin(&sc, s, f, NULL, FRESH_NO_VECTOR, &arena, &block, error))) goto done;
    while (!(err = scan_next(&sc, error)) && sc.t) {
        for (uint32_t at = scan_find(&sc, 0); at < sc.count && !err; at = scan_find(&sc, at + 1)) {
            if (!mem_buffer_append(docids, &sc.t->docids[sc.begin + at], sizeof(uint64_t)))
                err = error_memory(error, docids->size, "the rows found");
        }
        if (err) break;
    }
    scan_end(&sc);
done:
    mem_arena_free(&arena);
    mem_arena_free(&block);
    return err;
}
