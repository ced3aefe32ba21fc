/* Building views and handing out snapshots. */
#include "collection/snapshot.h"

#include <string.h>

/* ---------------------------------------------------------------- segments shared by views */

static engine_segment *find_open(engine *e, const mv_schema *schema, uint64_t number)
{
    for (engine_segment *shared = e->segments; shared; shared = shared->next)
        if (shared->s->number == number && shared->schema == schema && !shared->is_undone)
            return shared;
    return NULL;
}

/* The same segment under another schema, newest first, whose files need not be opened again. */
static const segment *find_other(const engine *e, uint64_t number)
{
    for (const engine_segment *shared = e->segments; shared; shared = shared->next)
        if (shared->s->number == number && !shared->is_undone) return shared->s;
    return NULL;
}

static mv_err open_locked(engine *e, const mv_schema *schema, const segment_record *record,
                          const char *const *paths, engine_segment **out, mv_error *error)
{
    engine_segment *shared = mem_alloc_zero(sizeof *shared);
    if (!shared) return error_memory(error, sizeof *shared, "a segment");
    segment_place place = {engine_directory(e), paths, find_other(e, record->number)};
    mv_err err = segment_open(schema, record, &place, &shared->s, error);
    if (err) {
        mem_free(shared, sizeof *shared);
        return err;
    }
    shared->schema = schema;
    shared->next = e->segments;
    e->segments = shared;
    *out = shared;
    return MV_OK;
}

static mv_err open_shared(engine *e, const mv_schema *schema, const segment_record *record,
                          engine_segment **out, mv_error *error)
{
    if ((*out = find_open(e, schema, record->number))) return MV_OK;
    return open_locked(e, schema, record, NULL, out, error);
}

mv_err view_adopt_segment(engine *e, const mv_schema *schema, const segment_record *record,
                          const char *const *paths, mv_error *error)
{
    engine_segment *shared = NULL;
    os_mutex_lock(e->mutex);
    mv_err err = open_locked(e, schema, record, paths, &shared, error);
    os_mutex_unlock(e->mutex);
    return err;
}

/* The slot of a record's index; false: the schema wants none such. */
static bool find_slot(const mv_schema *schema, const section_file_record *record, uint32_t *slot)
{
    for (*slot = 0; *slot < index_slots(schema); ++*slot)
        if (index_uid(schema, *slot) == record->column)
            return index_wanted(schema, *slot) == (section_file_kind)record->kind;
    return false;
}

mv_err view_adopt_index(engine *e, const mv_schema *schema, const index_record *record,
                        const char *path, mv_error *error)
{
    engine_index *x = NULL;
    uint32_t slot;
    os_mutex_lock(e->mutex);
    engine_segment *of = find_open(e, schema, record->segment);
    mv_err err = MV_OK;
    if (of && find_slot(schema, &record->file, &slot))
        err = index_open_locked(e, record, of, slot, path, &x, error);
    os_mutex_unlock(e->mutex);
    return err;
}

void view_undo_segment(engine *e, uint64_t number)
{
    os_mutex_lock(e->mutex);
    for (engine_segment *shared = e->segments; shared; shared = shared->next)
        if (shared->s->number == number) shared->is_undone = true;
    os_mutex_unlock(e->mutex);
}

void view_undo_schema(engine *e, const mv_schema *schema)
{
    os_mutex_lock(e->mutex);
    for (engine_segment *shared = e->segments; shared; shared = shared->next)
        if (shared->schema == schema) shared->is_undone = true;
    os_mutex_unlock(e->mutex);
}

static bool names(const view *v, const engine_segment *shared)
{
    for (uint32_t i = 0; v && i < v->segments_count; i++)
        if (v->segments[i].shared == shared) return true;
    return false;
}

static bool names_index(const void *ctx, const engine_index *x)
{
    const view *v = ctx;
    for (uint32_t i = 0; v && i < v->segments_count; i++)
        for (uint32_t slot = 0; slot < index_slots(v->schema); slot++)
            if (v->segments[i].indexes[slot] == x) return true;
    return false;
}

/* Close the indexes and segments that neither `v` nor another view names. */
static void drop_others_locked(engine *e, const view *v)
{
    index_drop_others_locked(e, names_index, v);
    for (engine_segment **link = &e->segments; *link;) {
        engine_segment *shared = *link;
        if (shared->refs || names(v, shared)) {
            link = &shared->next;
            continue;
        }
        *link = shared->next;
        segment_close(shared->s);
        mem_free(shared, sizeof *shared);
    }
}

void view_drop_others(engine *e, const view *v)
{
    os_mutex_lock(e->mutex);
    drop_others_locked(e, v);
    os_mutex_unlock(e->mutex);
}

/* ---------------------------------------------------------------- live rows */

static size_t live_size(const view_live *live)
{
    return sizeof *live + live->words * sizeof(uint64_t);
}

static void live_release(view_live *live)
{
    if (live && --live->refs == 0) mem_free(live, live_size(live));
}

static mv_err damaged_deletions(const segment *s, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "%s: the deletions of segment %llu are damaged",
                     CATALOG_FILE, (unsigned long long)s->number);
}

/* Take one chunk of deletions into `head_sum` and, if given, out of `live`. */
static mv_err take_chunk(const segment *s, uint64_t key, const catalog_value *value,
                         deleted_head *head_sum, view_live *live, mv_error *error)
{
    uint64_t first_row = (key & 0xffff) * SEGMENT_CHUNK_ROWS;
    deleted_head head;
    if (first_row >= s->table.rows) return damaged_deletions(s, error);
    size_t words = deleted_words(s->table.rows, (uint32_t)first_row);
    if (value->size != sizeof head + words * sizeof(uint64_t)) return damaged_deletions(s, error);
    memcpy(&head, value->bytes, sizeof head);
    if (head.last_change > head_sum->last_change) head_sum->last_change = head.last_change;
    head_sum->count += head.count;
    if (!live) return MV_OK;
    if (!catalog_is_intact(&key, sizeof key, value)) return damaged_deletions(s, error);
    const uint8_t *bits = value->bytes + sizeof head;
    for (size_t i = 0; i < words; i++) {
        uint64_t word;
        memcpy(&word, bits + i * sizeof word, sizeof word);
        live->bits[first_row / 64 + i] &= ~word;
    }
    return MV_OK;
}

static mv_err walk_chunks(catalog_cursor *cursor, const segment *s, deleted_head *head_sum,
                          view_live *live, mv_error *error)
{
    *head_sum = (deleted_head){0};
    catalog_cursor_seek_u64(cursor, deleted_key(s->number, 0));
    for (;;) {
        uint64_t key;
        catalog_value value;
        bool found;
        MV_TRY(catalog_cursor_next_u64(cursor, &key, &value, &found, error));
        if (!found || key >> 16 != s->number) return MV_OK;
        MV_TRY(take_chunk(s, key, &value, head_sum, live, error));
    }
}

static view_live *live_of_newest(const engine *e, const engine_segment *shared)
{
    for (uint32_t i = 0; e->newest && i < e->newest->segments_count; i++)
        if (e->newest->segments[i].shared == shared) return e->newest->segments[i].live;
    return NULL;
}

/* The live rows of a segment: those of the newest view if nothing was deleted since. */
static mv_err open_live(const engine *e, catalog_cursor *cursor, const engine_segment *shared,
                        view_live **out, mv_error *error)
{
    const segment *s = shared->s;
    deleted_head sum;
    *out = NULL;
    MV_TRY(walk_chunks(cursor, s, &sum, NULL, error));
    if (!sum.count) return MV_OK;
    view_live *known = live_of_newest(e, shared);
    if (known && known->last_change == sum.last_change && known->deleted == sum.count) {
        known->refs++;
        *out = known;
        return MV_OK;
    }
    size_t words = bits_words(s->table.rows);
    view_live *live = mem_alloc(sizeof *live + words * sizeof(uint64_t));
    if (!live) return error_memory(error, words * sizeof(uint64_t), "the live rows of a segment");
    *live = (view_live){
        .refs = 1, .words = words, .last_change = sum.last_change, .deleted = sum.count};
    bits_fill(live->bits, s->table.rows);
    mv_err err = walk_chunks(cursor, s, &sum, live, error);
    if (!err && s->table.rows - bits_count(live->bits, s->table.rows) != sum.count)
        err = damaged_deletions(s, error);
    if (err)
        live_release(live);
    else
        *out = live;
    return err;
}

/* ---------------------------------------------------------------- views */

/* An empty view with room for segments, and for the indexes behind them. */
static view *view_create(const mv_schema *schema, uint32_t segments_count, uint64_t number)
{
    size_t slots = index_slots(schema);
    size_t size = sizeof(view) + segments_count * sizeof(view_segment) +
                  segments_count * slots * sizeof(engine_index *);
    view *v = mem_alloc_zero(size);
    if (!v) return NULL;
    engine_index **indexes = (engine_index **)(void *)(v->segments + segments_count);
    *v = (view){.refs = 1, .size = size, .number = number, .schema = schema};
    for (uint32_t i = 0; i < segments_count; i++) v->segments[i].indexes = indexes + i * slots;
    return v;
}

/* Release what the view holds; the caller has the mutex. */
static void view_free_locked(engine *e, view *v)
{
    for (uint32_t i = 0; i < v->segments_count; i++) {
        view_segment *s = &v->segments[i];
        for (uint32_t slot = 0; slot < index_slots(v->schema); slot++)
            if (s->indexes[slot]) s->indexes[slot]->refs--;
        live_release(s->live);
        s->shared->refs--;
    }
    mem_free(v, v->size);
    if (!e->in_memory)
        drop_others_locked(e, NULL); /* in memory they stay until the catalog forgets them */
}

static void view_close_locked(engine *e, view *v)
{
    if (v && --v->refs == 0) view_free_locked(e, v);
}

static mv_err add_segment(engine *e, view *v, const segment_record *record, catalog_cursor *deleted,
                          mv_error *error)
{
    view_segment *out = &v->segments[v->segments_count];
    MV_TRY(open_shared(e, v->schema, record, &out->shared, error));
    MV_TRY(open_live(e, deleted, out->shared, &out->live, error));
    out->shared->refs++;
    v->segments_count++; /* from here on the view gives it back */
    out->table = out->shared->s->table;
    out->table.live = out->live ? out->live->bits : NULL;
    if (v->segments_count > 1 &&
        v->segments[v->segments_count - 2].shared->s->last_docid >= record->first_docid)
        return error_set(error, MV_CORRUPT, "%s: the docids of segment %llu overlap those before",
                         CATALOG_FILE, (unsigned long long)record->number);
    return MV_OK;
}

static view_segment *find_segment(view *v, uint64_t number)
{
    for (uint32_t i = 0; i < v->segments_count; i++)
        if (v->segments[i].shared->s->number == number) return &v->segments[i];
    return NULL;
}

/* Let the view have the index of a record. Of two over the same field the newer one counts. */
static mv_err add_index(engine *e, view *v, const index_record *record, mv_error *error)
{
    uint32_t slot;
    engine_index *x = NULL;
    view_segment *s = find_segment(v, record->segment);
    if (!s || !find_slot(v->schema, &record->file, &slot)) return MV_OK;
    MV_TRY(index_open_locked(e, record, s->shared, slot, NULL, &x, error));
    if (s->indexes[slot]) s->indexes[slot]->refs--;
    s->indexes[slot] = x;
    x->refs++;
    return MV_OK;
}

static mv_err add_indexes(engine *e, catalog_txn *txn, view *v, mv_error *error)
{
    catalog_cursor *cursor = NULL;
    MV_TRY(catalog_cursor_open(txn, CATALOG_INDEXES, &cursor, error));
    mv_err err = MV_OK;
    while (!err) {
        uint64_t number;
        catalog_value value;
        index_record record;
        bool found;
        err = catalog_cursor_next_u64(cursor, &number, &value, &found, error);
        if (err || !found) break;
        if (!catalog_is_intact(&number, sizeof number, &value))
            err = error_set(error, MV_CORRUPT, "%s: the record of index %llu is damaged",
                            CATALOG_FILE, (unsigned long long)number);
        else
            err = index_record_load(number, value.bytes, value.size, &record, error);
        if (!err) err = add_index(e, v, &record, error);
    }
    catalog_cursor_close(cursor);
    return err;
}

/* Segments by docid, which is not always by number: a merge gives old rows a new number. */
static void sort_by_docid(segment_record *records, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) { /* nearly sorted, few */
        segment_record r = records[i];
        uint32_t at = i;
        for (; at && records[at - 1].first_docid > r.first_docid; at--)
            records[at] = records[at - 1];
        records[at] = r;
    }
}

static mv_err load_records(catalog_txn *txn, mem_arena *arena, segment_record **records,
                           uint32_t *count, mv_error *error)
{
    uint64_t entries;
    catalog_cursor *cursor = NULL;
    MV_TRY(catalog_count(txn, CATALOG_SEGMENTS, &entries, error));
    *records = mem_arena_alloc(arena, (size_t)entries * sizeof **records);
    if (!*records)
        return error_memory(error, (size_t)entries * sizeof **records, "segment records");
    MV_TRY(catalog_cursor_open(txn, CATALOG_SEGMENTS, &cursor, error));
    mv_err err = MV_OK;
    bool found = true;
    for (*count = 0; !err && *count < entries;) {
        uint64_t number;
        catalog_value value;
        err = catalog_cursor_next_u64(cursor, &number, &value, &found, error);
        if (err || !found) break;
        if (!catalog_is_intact(&number, sizeof number, &value))
            err = error_set(error, MV_CORRUPT, "%s: the record of segment %llu is damaged",
                            CATALOG_FILE, (unsigned long long)number);
        else
            err = segment_record_load(number, value.bytes, value.size, arena, &(*records)[*count],
                                      error);
        if (!err) ++*count;
    }
    catalog_cursor_close(cursor);
    return err;
}

static mv_err view_open_locked(engine *e, catalog_txn *txn, uint64_t number, view **out,
                               mv_error *error)
{
    mv_err err;
    mem_arena arena = {0};
    catalog_cursor *deleted = NULL;
    segment_record *records = NULL;
    uint32_t count = 0;
    view *v = NULL;
    const mv_schema *schema = NULL;
    if ((err = engine_find_schema_locked(e, txn, &schema, error))) return err;
    if ((err = load_records(txn, &arena, &records, &count, error))) goto done;
    sort_by_docid(records, count);
    if (!(v = view_create(schema, count, number))) {
        err = error_memory(error, sizeof *v + count * sizeof *v->segments, "a view");
        goto done;
    }
    if ((err = engine_load_state(txn, &v->state, error))) goto done;
    if ((err = catalog_cursor_open(txn, CATALOG_DELETED, &deleted, error))) goto done;
    for (uint32_t i = 0; i < count; i++)
        if ((err = add_segment(e, v, &records[i], deleted, error))) goto done;
    if ((err = add_indexes(e, txn, v, error))) goto done;
    *out = v;
done:
    if (err && v) view_free_locked(e, v);
    catalog_cursor_close(deleted);
    mem_arena_free(&arena);
    return err;
}

mv_err view_open(engine *e, catalog_txn *txn, uint64_t number, view **out, mv_error *error)
{
    os_mutex_lock(e->mutex);
    mv_err err = MV_OK;
    if (number && e->newest && e->newest->number == number) {
        *out = e->newest;
        e->newest->refs++;
    } else {
        err = view_open_locked(e, txn, number, out, error);
        if (!err && number && (!e->newest || e->newest->number < number)) {
            view_close_locked(e, e->newest);
            e->newest = *out;
            (*out)->refs++;
        }
    }
    os_mutex_unlock(e->mutex);
    return err;
}

void view_keep(engine *e, view *v)
{
    os_mutex_lock(e->mutex);
    v->refs++;
    os_mutex_unlock(e->mutex);
}

void view_close(engine *e, view *v)
{
    if (!v) return;
    os_mutex_lock(e->mutex);
    view_close_locked(e, v);
    os_mutex_unlock(e->mutex);
}

bool view_find(const view *v, uint64_t docid, uint32_t *segment_at, uint32_t *row)
{
    uint32_t low = 0, high = v->segments_count;
    while (low < high) { /* the first segment that does not end before it */
        uint32_t middle = low + (high - low) / 2;
        if (v->segments[middle].shared->s->last_docid < docid)
            low = middle + 1;
        else
            high = middle;
    }
    *segment_at = low;
    return low < v->segments_count && segment_find_row(v->segments[low].shared->s, docid, row);
}

/* ---------------------------------------------------------------- snapshots */

mv_err snapshot_open(engine *e, snapshot *s, mv_error *error)
{
    *s = (snapshot){0};
    catalog_txn *txn = NULL;
    MV_TRY(engine_begin_read(e, &txn, error));
    mv_err err = view_open(e, txn, catalog_commit_number(txn), &s->v, error);
    if (err) {
        catalog_end(txn);
        engine_end_read(e);
        return err;
    }
    s->e = e;
    s->txn = txn;
    return MV_OK;
}

void snapshot_close(snapshot *s)
{
    if (!s->e) return;
    view_close(s->e, s->v);
    if (!s->is_of_writer) {
        catalog_end(s->txn);
        engine_end_read(s->e);
    }
    *s = (snapshot){0};
}
