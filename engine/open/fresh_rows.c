/* Gathering fresh rows. The chunks of an earlier commit are used again. Added rows become a new
 * chunk, with the last chunks if these have no more rows: so each row is copied log2(512) times at
 * most, and the number of chunks stays small, also if every commit adds one row. */
#include "open/fresh_rows.h"

#include <string.h>

/* Where a row of a new chunk comes from. */
typedef struct row_source {
    uint64_t docid;
    const uint8_t *encoded;   /* in the catalog's pages; NULL: it is in a chunk */
    const fresh_chunk *chunk; /* that has it, */
    uint32_t row;             /* and where */
} row_source;

/* Fresh rows in the making. */
typedef struct fresh_gathering {
    const snapshot *s;
    const mv_schema *schema;
    const fresh_rows *base; /* of an earlier or later commit; NULL: none */
    const bool *wanted;
    fresh_part *parts; /* with a reference of `base` */
    uint32_t kept;     /* parts that stay as they are */
    mem_buffer added;  /* row_source: rows that are not in `base` */
    mem_buffer merged; /* row_source: the rows of new chunks */
    mem_buffer made;   /* fresh_chunk *: with a reference */
    float *scratch;    /* of flat_codes_encode, for the largest dim */
    mem_arena arena;
} fresh_gathering;

/* ---------------------------------------------------------------- life */

static void release_chunk(fresh_chunk *chunk)
{
    mv_assert(chunk->refs > 0);
    if (--chunk->refs) return;
    for (uint32_t i = 0; i < chunk->lists_count; i++) waiting_lists_free(&chunk->lists[i]);
    mem_arena arena = chunk->arena; /* which has the chunk */
    mem_arena_free(&arena);
}

void fresh_rows_release_locked(fresh_rows *f)
{
    if (!f) return;
    mv_assert(f->refs > 0);
    if (--f->refs) return;
    for (uint32_t i = 0; i < f->parts_count; i++) release_chunk(f->parts[i].chunk);
    mem_free(f, f->size);
}

void fresh_rows_release(engine *e, fresh_rows *f)
{
    os_mutex_lock(e->mutex);
    fresh_rows_release_locked(f);
    os_mutex_unlock(e->mutex);
}

/* ---------------------------------------------------------------- what is gathered */

static uint32_t wanted_count(const mv_schema *schema)
{
    return schema->fields_count + schema->vectors_count + 1;
}

static bool has_wanted(const fresh_rows *f, const fresh_wants *wants)
{
    uint32_t fields = f->schema->fields_count, vectors = f->schema->vectors_count;
    for (uint32_t i = 0; wants->fields && i < fields; i++)
        if (wants->fields[i] && !f->wanted[i]) return false;
    if (wants->vector_field != FRESH_NO_VECTOR && !f->wanted[fields + wants->vector_field])
        return false;
    return !wants->id || f->wanted[fields + vectors];
}

/* What is wanted now, and what was wanted before. */
static const bool *add_wants(fresh_gathering *g, const fresh_wants *wants, mv_error *error)
{
    uint32_t fields = g->schema->fields_count, count = wanted_count(g->schema);
    bool *wanted = mem_arena_alloc(&g->arena, count);
    if (!wanted) {
        (void)error_memory(error, count, "fresh rows");
        return NULL;
    }
    memset(wanted, 0, count);
    if (g->base) memcpy(wanted, g->base->wanted, count);
    for (uint32_t i = 0; wants->fields && i < fields; i++) wanted[i] |= wants->fields[i];
    if (wants->vector_field != FRESH_NO_VECTOR) wanted[fields + wants->vector_field] = true;
    wanted[count - 1] |= wants->id;
    return wanted;
}

/* ---------------------------------------------------------------- chunks */

static void *chunk_array(fresh_chunk *chunk, uint64_t count, size_t item_size, mv_err *err,
                         mv_error *error)
{
    size_t size = mem_array_size(count, item_size);
    void *block = mem_arena_alloc(&chunk->arena, size);
    if (!block)
        *err = error_memory(error, size, "fresh rows");
    else
        memset(block, 0, size);
    return block;
}

static mv_err source_cell(const fresh_gathering *g, const row_source *from, uint32_t field,
                          cell *out, mv_error *error)
{
    if (!from->encoded)
        return segment_read_cell(&from->chunk->table, g->schema, field, from->row, out, error);
    row_cell(g->schema, from->encoded, field, out);
    return MV_OK;
}

static mv_err gather_fixed(const fresh_gathering *g, fresh_chunk *chunk, const row_source *from,
                           uint32_t field, mv_error *error)
{
    mv_err err = MV_OK;
    uint32_t rows = chunk->table.rows;
    size_t width = cell_width(g->schema->fields[field].type);
    uint64_t *nulls = chunk_array(chunk, bits_words(rows), sizeof *nulls, &err, error);
    uint8_t *values = chunk_array(chunk, rows, width, &err, error);
    for (uint32_t row = 0; row < rows && !err; row++) {
        cell c;
        if ((err = source_cell(g, &from[row], field, &c, error))) break;
        if (c.state == CELL_NULL)
            bits_set(nulls, row);
        else
            memcpy(values + row * width, c.bytes, width);
    }
    table_column *columns = (table_column *)(uintptr_t)chunk->table.columns;
    columns[field] = (table_column){.nulls = nulls, .values = values};
    return err;
}

static mv_err gather_variable(const fresh_gathering *g, fresh_chunk *chunk, const row_source *from,
                              uint32_t field, mv_error *error)
{
    mv_err err = MV_OK;
    cell c;
    uint64_t size = 0;
    uint32_t rows = chunk->table.rows;
    uint64_t *nulls = chunk_array(chunk, bits_words(rows), sizeof *nulls, &err, error),
             *ends = chunk_array(chunk, rows, sizeof *ends, &err, error);
    for (uint32_t row = 0; row < rows && !err; row++) {
        if ((err = source_cell(g, &from[row], field, &c, error))) break;
        if (c.state == CELL_NULL) bits_set(nulls, row);
        ends[row] = size += c.state == CELL_NULL ? 0 : c.size;
    }
    uint8_t *bytes = err ? NULL : chunk_array(chunk, size + 1, 1, &err, error);
    for (uint32_t row = 0; row < rows && !err; row++) {
        if ((err = source_cell(g, &from[row], field, &c, error))) break;
        if (c.state != CELL_NULL) memcpy(bytes + ends[row] - c.size, c.bytes, c.size);
    }
    table_column *columns = (table_column *)(uintptr_t)chunk->table.columns;
    columns[field] =
        (table_column){.nulls = nulls, .ends = ends, .bytes = bytes, .bytes_size = size};
    return err;
}

static mv_err source_id(const row_source *from, const uint8_t **id, uint64_t *size, mv_error *error)
{
    uint32_t short_size;
    if (!from->encoded) {
        if (table_cell(&from->chunk->table.ids, from->row, id, size)) return MV_OK;
        return error_set(error, MV_CORRUPT, "the id of a fresh row is damaged");
    }
    row_id(from->encoded, id, &short_size);
    *size = short_size;
    return MV_OK;
}

static mv_err gather_ids(fresh_chunk *chunk, const row_source *from, mv_error *error)
{
    mv_err err = MV_OK;
    const uint8_t *id;
    uint64_t size, total = 0;
    uint32_t rows = chunk->table.rows;
    uint64_t *ends = chunk_array(chunk, rows, sizeof *ends, &err, error);
    for (uint32_t row = 0; row < rows && !err; row++) {
        if ((err = source_id(&from[row], &id, &size, error))) break;
        ends[row] = total += size;
    }
    uint8_t *bytes = err ? NULL : chunk_array(chunk, total, 1, &err, error);
    for (uint32_t row = 0; row < rows && !err; row++) {
        if ((err = source_id(&from[row], &id, &size, error))) break;
        memcpy(bytes + ends[row] - size, id, (size_t)size);
    }
    chunk->table.ids = (table_column){.ends = ends, .bytes = bytes, .bytes_size = total};
    return err;
}

static mv_err gather_codes(const fresh_gathering *g, fresh_chunk *chunk, const row_source *from,
                           uint32_t at, mv_error *error)
{
    mv_err err = MV_OK;
    const schema_vector *field = &g->schema->vectors[at];
    fresh_codes *out = &chunk->codes[at];
    out->codes.wants_bits = index_slot_type(g->schema, at) != NULL;
    out->codes.vectors = (codes_vectors){.type = field->type,
                                         .metric = field->metric,
                                         .dim = field->dim,
                                         .rows = chunk->table.rows,
                                         .stride = field->size};
    uint8_t *memory = chunk_array(chunk, 1, flat_codes_size(&out->codes), &err, error);
    if (err) return err;
    flat_codes_begin(&out->codes, memory);
    out->is_used = true;
    for (uint32_t row = 0; row < chunk->table.rows; row++) {
        const row_source *r = &from[row];
        if (r->encoded)
            flat_codes_encode(&out->codes, row, row_vector(g->schema, r->encoded, at),
                              row_inverse_norm(g->schema, r->encoded, at), g->scratch);
        else
            flat_codes_copy(&out->codes, row, &r->chunk->codes[at].codes, r->row);
    }
    return MV_OK;
}

static mv_err gather_vectors(const fresh_gathering *g, fresh_chunk *chunk, const row_source *from,
                             uint32_t at, mv_error *error)
{
    mv_err err = MV_OK;
    uint32_t rows = chunk->table.rows;
    const schema_vector *field = &g->schema->vectors[at];
    if (flat_codes_can(field->type, field->metric, field->dim))
        return gather_codes(g, chunk, from, at, error);
    uint8_t *base = chunk_array(chunk, rows, field->size, &err, error);
    float *norms = chunk_array(chunk, rows, sizeof *norms, &err, error);
    for (uint32_t row = 0; row < rows && !err; row++) {
        const row_source *r = &from[row];
        const table_vectors *of = r->encoded ? NULL : &r->chunk->table.vectors[at];
        memcpy(base + (size_t)row * field->size,
               of ? of->base + (size_t)r->row * of->stride : row_vector(g->schema, r->encoded, at),
               field->size);
        if (metric_has_norms(field->metric))
            norms[row] =
                of ? of->inverse_norms[r->row] : row_inverse_norm(g->schema, r->encoded, at);
    }
    table_vectors *vectors = (table_vectors *)(uintptr_t)chunk->table.vectors;
    vectors[at] = (table_vectors){.base = base, .stride = field->size};
    if (metric_has_norms(field->metric)) vectors[at].inverse_norms = norms;
    return err;
}

/* Are there lists to be made of a gathered field, that last? A write transaction gathers its rows
 * again for each search. */
static bool wants_lists(const fresh_gathering *g)
{
    for (uint32_t f = 0; g->s->v->number && f < g->schema->fields_count; f++)
        if (g->wanted[f] && waiting_lists_are_wanted(g->schema, f)) return true;
    return false;
}

static mv_err fill_chunk(const fresh_gathering *g, fresh_chunk *chunk, const row_source *from,
                         mv_error *error)
{
    mv_err err = MV_OK;
    uint32_t fields = g->schema->fields_count, vectors = g->schema->vectors_count;
    uint64_t *docids = chunk_array(chunk, chunk->table.rows, sizeof *docids, &err, error);
    chunk->table.docids = docids;
    chunk->table.columns = chunk_array(chunk, fields, sizeof(table_column), &err, error);
    chunk->table.vectors = chunk_array(chunk, vectors, sizeof(table_vectors), &err, error);
    chunk->codes = chunk_array(chunk, vectors, sizeof *chunk->codes, &err, error);
    if (wants_lists(g)) {
        chunk->lists = chunk_array(chunk, fields, sizeof *chunk->lists, &err, error);
        if (chunk->lists) chunk->lists_count = fields;
    }
    for (uint32_t row = 0; row < chunk->table.rows && !err; row++) docids[row] = from[row].docid;
    for (uint32_t f = 0; f < fields && !err; f++) {
        if (!g->wanted[f]) continue;
        err = cell_is_variable(g->schema->fields[f].type)
                  ? gather_variable(g, chunk, from, f, error)
                  : gather_fixed(g, chunk, from, f, error);
    }
    for (uint32_t v = 0; v < vectors && !err; v++)
        if (g->wanted[fields + v]) err = gather_vectors(g, chunk, from, v, error);
    if (!err && g->wanted[fields + vectors]) err = gather_ids(chunk, from, error);
    return err;
}

static mv_err make_chunk(fresh_gathering *g, const row_source *from, uint32_t rows, mv_error *error)
{
    mem_arena arena = {0};
    fresh_chunk *chunk = mem_arena_alloc(&arena, sizeof *chunk);
    if (!chunk) return error_memory(error, sizeof *chunk, "fresh rows");
    *chunk = (fresh_chunk){.refs = 1, .table = {.rows = rows}, .arena = arena};
    mv_err err = fill_chunk(g, chunk, from, error);
    if (!err && !mem_buffer_append(&g->made, &chunk, sizeof chunk))
        err = error_memory(error, sizeof chunk, "fresh rows");
    if (err) release_chunk(chunk);
    return err;
}

/* ---------------------------------------------------------------- rows of the commit */

mv_err fresh_rows_find(catalog_txn *txn, const mv_schema *schema, uint64_t docid,
                       const uint8_t **encoded, mv_error *error)
{
    catalog_value value;
    bool found;
    MV_TRY(catalog_get_u64(txn, CATALOG_FRESH, docid, &value, &found, error));
    *encoded = found ? value.bytes : NULL;
    return found ? row_check(schema, value.bytes, value.size, error) : MV_OK;
}

/* Read the rows with docids of at least `from`. */
static mv_err read_added(fresh_gathering *g, catalog_cursor *cursor, uint64_t from, mv_error *error)
{
    g->added.size = 0;
    catalog_cursor_seek_u64(cursor, from);
    for (;;) {
        row_source row = {0};
        catalog_value value;
        bool found;
        MV_TRY(catalog_cursor_next_u64(cursor, &row.docid, &value, &found, error));
        if (!found) return MV_OK;
        MV_TRY(row_check(g->schema, value.bytes, value.size, error));
        row.encoded = value.bytes;
        if (!mem_buffer_append(&g->added, &row, sizeof row))
            return error_memory(error, sizeof row, "fresh rows");
    }
}

static uint32_t added_count(const fresh_gathering *g)
{
    return (uint32_t)(g->added.size / sizeof(row_source));
}

/* Find which rows of the base the commit still has. *has_others: it has rows among them that the
 * base has not, since it is an earlier commit. */
static mv_err mark_live(fresh_gathering *g, catalog_cursor *cursor, bool *has_others,
                        mv_error *error)
{
    uint32_t part = 0, row = 0;
    *has_others = false;
    for (uint32_t i = 0; i < g->kept; i++) {
        memset(g->parts[i].live, 0, sizeof g->parts[i].live);
        g->parts[i].live_rows = 0;
    }
    catalog_cursor_seek_u64(cursor, 0);
    for (;;) {
        uint64_t docid;
        catalog_value value;
        bool found;
        MV_TRY(catalog_cursor_next_u64(cursor, &docid, &value, &found, error));
        if (!found || docid >= g->base->next_docid) return MV_OK;
        for (; part < g->kept; part++, row = 0) {
            const table *t = &g->parts[part].chunk->table;
            while (row < t->rows && t->docids[row] < docid) row++;
            if (row < t->rows) break;
        }
        *has_others = part == g->kept || g->parts[part].chunk->table.docids[row] != docid;
        if (*has_others) return MV_OK;
        bits_set(g->parts[part].live, row);
        g->parts[part].live_rows++;
    }
}

static mv_err copy_parts(fresh_gathering *g, mv_error *error)
{
    uint32_t count = g->base ? g->base->parts_count : 0;
    g->kept = count;
    g->parts = mem_arena_alloc(&g->arena, count * sizeof *g->parts);
    if (!g->parts) return error_memory(error, count * sizeof *g->parts, "fresh rows");
    if (count) memcpy(g->parts, g->base->parts, count * sizeof *g->parts);
    return MV_OK;
}

static mv_err find_rows(fresh_gathering *g, catalog_cursor *cursor, mv_error *error)
{
    uint64_t entries;
    bool has_others = false,
         is_later = !g->s->v->number || (g->base && g->s->v->number >= g->base->number);
    MV_TRY(catalog_count(g->s->txn, CATALOG_FRESH, &entries, error));
    MV_TRY(copy_parts(g, error));
    MV_TRY(read_added(g, cursor, g->base ? g->base->next_docid : 0, error));
    if (!g->base || (is_later && g->base->rows + added_count(g) == entries)) return MV_OK;
    MV_TRY(mark_live(g, cursor, &has_others, error));
    if (!has_others) return MV_OK;
    g->base = NULL;
    g->kept = 0;
    return read_added(g, cursor, 0, error);
}

/* Drop the parts without rows, and choose the last ones that go into a new chunk. */
static mv_err plan_merge(fresh_gathering *g, mv_error *error)
{
    uint32_t kept = 0, total = added_count(g);
    for (uint32_t i = 0; i < g->kept; i++)
        if (g->parts[i].live_rows) g->parts[kept++] = g->parts[i];
    uint32_t end = kept;
    while (total && kept && g->parts[kept - 1].live_rows <= total &&
           g->parts[kept - 1].live_rows + total <= FRESH_CHUNK_ROWS)
        total += g->parts[--kept].live_rows;
    g->kept = kept;
    for (uint32_t i = kept; i < end; i++) {
        const fresh_part *part = &g->parts[i];
        for (uint32_t row = 0; row < part->chunk->table.rows; row++) {
            row_source from = {part->chunk->table.docids[row], NULL, part->chunk, row};
            if (!bits_get(part->live, row)) continue;
            if (!mem_buffer_append(&g->merged, &from, sizeof from))
                return error_memory(error, sizeof from, "fresh rows");
        }
    }
    if (g->added.size && !mem_buffer_append(&g->merged, g->added.data, g->added.size))
        return error_memory(error, g->added.size, "fresh rows");
    return MV_OK;
}

static mv_err make_chunks(fresh_gathering *g, mv_error *error)
{
    const row_source *from = (const row_source *)(const void *)g->merged.data;
    uint32_t count = (uint32_t)(g->merged.size / sizeof *from), dim = 1;
    for (uint32_t v = 0; v < g->schema->vectors_count; v++)
        if (g->schema->vectors[v].dim > dim) dim = g->schema->vectors[v].dim;
    size_t size = flat_codes_scratch(dim) * sizeof(float);
    if (!(g->scratch = mem_alloc_aligned(size))) return error_memory(error, size, "fresh rows");
    mv_err err = MV_OK;
    for (uint32_t done = 0; done < count && !err; done += FRESH_CHUNK_ROWS) {
        uint32_t left = count - done;
        err = make_chunk(g, from + done, left < FRESH_CHUNK_ROWS ? left : FRESH_CHUNK_ROWS, error);
    }
    mem_free(g->scratch, size);
    return err;
}

/* ---------------------------------------------------------------- the fresh rows */

static void add_part(fresh_rows *f, const fresh_part *part)
{
    f->parts[f->parts_count++] = *part;
    f->rows += part->live_rows;
    const table *t = &part->chunk->table;
    f->next_docid = t->docids[t->rows - 1] + 1;
}

/* From the parts that are kept, and the chunks made, whose references move. */
static mv_err collect(fresh_gathering *g, fresh_rows **out, mv_error *error)
{
    fresh_chunk **made = (fresh_chunk **)(void *)g->made.data;
    uint32_t made_count = (uint32_t)(g->made.size / sizeof *made), count = g->kept + made_count,
             wanted = wanted_count(g->schema);
    size_t size = sizeof(fresh_rows) + count * sizeof(fresh_part) + wanted;
    fresh_rows *f = mem_alloc_zero(size);
    if (!f) return error_memory(error, size, "fresh rows");
    f->refs = 1;
    f->size = size;
    f->schema = g->schema;
    f->number = g->s->v->number;
    f->wanted = (bool *)(f->parts + count);
    memcpy(f->wanted, g->wanted, wanted);
    os_mutex_lock(g->s->e->mutex);
    for (uint32_t i = 0; i < g->kept; i++) {
        g->parts[i].chunk->refs++;
        add_part(f, &g->parts[i]);
    }
    os_mutex_unlock(g->s->e->mutex);
    for (uint32_t i = 0; i < made_count; i++) {
        fresh_part part = {.chunk = made[i], .live_rows = made[i]->table.rows};
        bits_fill(part.live, part.live_rows);
        add_part(f, &part);
    }
    g->made.size = 0;
    if (g->base && g->base->next_docid > f->next_docid) f->next_docid = g->base->next_docid;
    *out = f;
    return MV_OK;
}

static mv_err gather(const snapshot *s, const fresh_rows *base, const fresh_wants *wants,
                     fresh_rows **out, mv_error *error)
{
    mv_err err;
    fresh_gathering g = {.s = s, .schema = s->v->schema, .base = base};
    catalog_cursor *cursor = NULL;
    if (!(g.wanted = add_wants(&g, wants, error))) {
        err = MV_NO_MEMORY;
        goto done;
    }
    if (base && !has_wanted(base, wants)) g.base = NULL; /* all rows are gathered again */
    if ((err = catalog_cursor_open(s->txn, CATALOG_FRESH, &cursor, error))) goto done;
    if ((err = find_rows(&g, cursor, error))) goto done;
    if ((err = plan_merge(&g, error))) goto done;
    if ((err = make_chunks(&g, error))) goto done;
    err = collect(&g, out, error);
done:
    for (size_t i = 0; i < g.made.size / sizeof(fresh_chunk *); i++)
        release_chunk(((fresh_chunk **)(void *)g.made.data)[i]);
    catalog_cursor_close(cursor);
    mem_buffer_free(&g.added);
    mem_buffer_free(&g.merged);
    mem_buffer_free(&g.made);
    mem_arena_free(&g.arena);
    return err;
}

/* The newest fresh rows of the engine, with a reference, if they are under the same schema. */
static fresh_rows *newest_of(engine *e, const mv_schema *schema)
{
    os_mutex_lock(e->mutex);
    fresh_rows *f = e->fresh && e->fresh->schema == schema ? e->fresh : NULL;
    if (f) f->refs++;
    os_mutex_unlock(e->mutex);
    return f;
}

/* Let the engine keep the fresh rows, unless they are a write transaction's or of an older commit.
 */
static void keep_newest(engine *e, fresh_rows *f)
{
    if (!f->number) return;
    os_mutex_lock(e->mutex);
    if (!e->fresh || e->fresh->number <= f->number) {
        fresh_rows_release_locked(e->fresh);
        e->fresh = f;
        f->refs++;
    }
    os_mutex_unlock(e->mutex);
}

mv_err fresh_rows_acquire(const snapshot *s, const fresh_wants *wants, fresh_rows **out,
                          mv_error *error)
{
    engine *e = s->e;
    const view *v = s->v;
    os_mutex_lock(e->fresh_mutex);
    fresh_rows *base = newest_of(e, v->schema);
    mv_err err = MV_OK;
    if (base && base->number == v->number && has_wanted(base, wants)) {
        *out = base;
        base = NULL;
    } else {
        err = gather(s, base, wants, out, error);
        if (!err) keep_newest(e, *out);
    }
    os_mutex_unlock(e->fresh_mutex);
    fresh_rows_release(e, base);
    return err;
}

void fresh_rows_see(const snapshot *s, const fresh_part *part, uint32_t field,
                    uint64_t seen[FRESH_CHUNK_ROWS / 64])
{
    mv_type type = s->v->schema->fields[field].type;
    int64_t expired = snapshot_fresh_expired(s);
    const table_column *column = &part->chunk->table.columns[field];
    size_t width = cell_width(type);
    memcpy(seen, part->live, sizeof part->live);
    for (uint32_t row = 0; row < part->chunk->table.rows; row++) {
        if (table_is_null(column, row)) continue;
        if (schema_retention_second(type, column->values + row * width) <= expired)
            bits_unset(seen, row);
    }
}
