/* Building views of commits: the records of segments, sorted by docid, then their live rows, then
 * the records of indexes. */
#include "open/view.h"

#include "open/fresh_rows.h"
#include "open/known_schema.h"

/* ---------------------------------------------------------------- closing what no view names */

static bool names_segment(const view *v, const shared_segment *shared)
{
    for (uint32_t i = 0; v && i < v->segments_count; i++)
        if (v->segments[i].shared == shared) return true;
    return false;
}

static bool names_index(const void *ctx, const shared_index *x)
{
    const view *v = ctx;
    for (uint32_t i = 0; v && i < v->segments_count; i++)
        for (uint32_t slot = 0; slot < index_slot_count(v->schema); slot++)
            if (v->segments[i].indexes[slot] == x) return true;
    return false;
}

/* Indexes first: each has a reference to its segment. */
static void close_unused_locked(engine *e, const view *v)
{
    shared_index_drop_others_locked(e, names_index, v);
    for (shared_segment **link = &e->segments; *link;) {
        shared_segment *shared = *link;
        if (shared->refs || names_segment(v, shared)) {
            link = &shared->next;
            continue;
        }
        *link = shared->next;
        segment_close(shared->s, &e->closed);
        expiry_free(shared->expiry);
        mem_free(shared, sizeof *shared);
    }
}

/* Release the mutex after views may have been released. Files that were closed with them are
 * unmapped afterwards, by the thread of maintenance if there is one: a query or an insert would take
 * as long, and others would wait for the mutex. */
static void unlock_and_unmap(engine *e)
{
    section_file *closed = e->closed;
    if (closed && e->hooks->wake_locked(e)) closed = NULL;
    if (closed) e->closed = NULL;
    os_mutex_unlock(e->mutex);
    section_file_unmap(closed);
}

/* Segments without indexes only: an index has a reference to its segment. */
static bool discard_segments_locked(engine *e, const view *v, double until)
{
    for (shared_segment *shared = e->segments; shared; shared = shared->next) {
        if (shared->refs || names_segment(v, shared)) continue;
        for (uint32_t file = 0; file < shared->s->files_count; file++)
            while (section_file_discard(shared->s->files[file]))
                if (os_seconds() >= until) return false;
    }
    return true;
}

bool view_discard_unused(engine *e, const view *v, double until)
{
    os_mutex_lock(e->mutex);
    bool is_done = shared_index_discard_others_locked(e, names_index, v, until);
    if (is_done) {
        shared_index_drop_others_locked(e, names_index, v);
        is_done = discard_segments_locked(e, v, until);
    }
    if (is_done) close_unused_locked(e, v);
    unlock_and_unmap(e);
    return is_done;
}

void view_close_unused(engine *e, const view *v)
{
    os_mutex_lock(e->mutex);
    close_unused_locked(e, v);
    unlock_and_unmap(e);
}

/* ---------------------------------------------------------------- views */

/* A segment in the newest view, where it most often has the same position `at`. */
static const view_segment *segment_of_newest(const engine *e, const shared_segment *shared,
                                             uint32_t at)
{
    const view *newest = e->newest;
    if (!newest) return NULL;
    if (at < newest->segments_count && newest->segments[at].shared == shared)
        return &newest->segments[at];
    for (uint32_t i = 0; i < newest->segments_count; i++)
        if (newest->segments[i].shared == shared) return &newest->segments[i];
    return NULL;
}

/* An empty view. Its memory has the capacity for `segments_count` segments, followed by their slots
 * of indexes, of waiting codes and of waiting lists. */
static view *view_create(const mv_schema *schema, uint32_t segments_count, uint64_t number)
{
    size_t slots = index_slot_count(schema), fields = schema->vectors_count;
    size_t size = sizeof(view) + segments_count * sizeof(view_segment) +
                  segments_count * slots * sizeof(shared_index *) +
                  segments_count * fields * sizeof(waiting_codes *) +
                  segments_count * schema->fields_count * sizeof(waiting_lists *);
    view *v = mem_alloc_zero(size);
    if (!v) return NULL;
    shared_index **indexes = (shared_index **)(void *)(v->segments + segments_count);
    *v = (view){.refs = 1, .size = size, .number = number, .until = SCHEMA_NEVER, .schema = schema};
    waiting_codes **codes = (waiting_codes **)(void *)(indexes + segments_count * slots);
    waiting_lists **lists = (waiting_lists **)(void *)(codes + segments_count * fields);
    for (uint32_t i = 0; i < segments_count; i++) {
        v->segments[i].indexes = indexes + i * slots;
        v->segments[i].codes = codes + i * fields;
        v->segments[i].lists = lists + i * schema->fields_count;
    }
    return v;
}

static void view_free_locked(engine *e, view *v)
{
    mv_assert(v != e->newest);
    for (uint32_t i = 0; i < v->segments_count; i++) {
        view_segment *s = &v->segments[i];
        for (uint32_t slot = 0; slot < index_slot_count(v->schema); slot++) {
            if (!s->indexes[slot]) continue;
            mv_assert(s->indexes[slot]->refs > 0); /* I3 */
            s->indexes[slot]->refs--;
        }
        for (uint32_t field = 0; field < v->schema->vectors_count; field++)
            waiting_codes_release_locked(s->codes[field]);
        for (uint32_t field = 0; field < v->schema->fields_count; field++)
            waiting_lists_release_locked(s->lists[field]);
        deletions_release_live(s->live);
        deletions_release_live(s->seen);
        mv_assert(s->shared->refs > 0); /* I3 */
        s->shared->refs--;
    }
    mem_free(v, v->size);
    /* In memory a segment can be opened only once: it stays until the catalog stops naming it. */
    if (!e->in_memory) close_unused_locked(e, NULL);
}

static void view_release_locked(engine *e, view *v)
{
    if (!v) return;
    mv_assert(v->refs > 0);
    if (--v->refs == 0) view_free_locked(e, v);
}

static mv_err add_segment(engine *e, view *v, const segment_record *record, catalog_cursor *deleted,
                          mv_error *error)
{
    view_segment *out = &v->segments[v->segments_count];
    MV_TRY(shared_segment_get_locked(e, v->schema, record, &out->shared, error));
    const view_segment *before = segment_of_newest(e, out->shared, v->segments_count);
    MV_TRY(deletions_acquire_live(deleted, out->shared->s, before ? before->live : NULL, &out->live,
                                  error));
    out->shared->refs++;
    v->segments_count++; /* from here on view_free_locked releases it */
    out->table = out->shared->s->table;
    out->table.live = out->live ? out->live->bits : NULL;
    if (v->segments_count > 1 &&
        v->segments[v->segments_count - 2].shared->s->last_docid >= record->first_docid) /* I4 */
        return error_set(error, MV_CORRUPT, "%s: the docids of segment %llu overlap those before",
                         CATALOG_FILE, (unsigned long long)record->number);
    return MV_OK;
}

static view_segment *segment_of_number(view *v, uint64_t number)
{
    for (uint32_t i = 0; i < v->segments_count; i++)
        if (v->segments[i].shared->s->number == number) return &v->segments[i];
    return NULL;
}

typedef struct index_visit {
    engine *e;
    view *v;
} index_visit;

/* Add the index of a record to the view. Records come in ascending order of numbers, so that the
 * newer of two indexes over a field replaces the older one. */
static mv_err add_index(void *ctx, uint64_t number, const catalog_value *value, mv_error *error)
{
    const index_visit *visit = ctx;
    view *v = visit->v;
    uint32_t slot;
    shared_index *x = NULL;
    index_record record;
    if (!catalog_is_intact(number, value))
        return error_set(error, MV_CORRUPT, "%s: the record of index %llu is damaged", CATALOG_FILE,
                         (unsigned long long)number);
    MV_TRY(index_record_load(number, value->bytes, value->size, &record, error));
    view_segment *s = segment_of_number(v, record.segment);
    if (!s || !index_slot_of_file(v->schema, &record.file, &slot)) return MV_OK;
    MV_TRY(shared_index_open_locked(visit->e, &record, s->shared, slot, NULL, &x, error));
    if (s->indexes[slot]) s->indexes[slot]->refs--;
    s->indexes[slot] = x;
    x->refs++;
    return MV_OK;
}

/* Give the fields whose graph is missing codes: those that the newest view has, or new ones. The
 * first ones get them, up to WAITING_CODES_BYTES_MAX. */
static void add_codes(engine *e, view *v)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < v->segments_count; i++) {
        view_segment *s = &v->segments[i];
        const view_segment *before = segment_of_newest(e, s->shared, i);
        for (uint32_t field = 0; field < v->schema->vectors_count; field++) {
            if (!index_slot_type(v->schema, field) || shared_index_is_usable(s->indexes[field]))
                continue;
            waiting_codes *w = before ? before->codes[field] : NULL;
            if (w)
                w->refs++;
            else if (!(w = waiting_codes_create(v->schema, s->shared->s, field)))
                continue;
            s->codes[field] = w;
            bytes += waiting_codes_bytes(w);
            if (bytes <= WAITING_CODES_BYTES_MAX) continue;
            waiting_codes_release_locked(w);
            s->codes[field] = NULL;
            return;
        }
    }
}

/* Give the text fields whose full-text index is missing lists: those that the newest view has, or
 * new ones. Segments get them in order, as long as their texts take at most WAITING_LISTS_BYTES_MAX
 * together. */
static void add_lists(engine *e, view *v)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < v->segments_count; i++) {
        view_segment *s = &v->segments[i];
        const view_segment *before = segment_of_newest(e, s->shared, i);
        for (uint32_t field = 0; field < v->schema->fields_count; field++) {
            uint64_t size = s->table.columns[field].bytes_size;
            if (!waiting_lists_are_wanted(v->schema, field) ||
                shared_index_is_usable(s->indexes[index_slot_of_field(v->schema, field)]) ||
                size > WAITING_LISTS_BYTES_MAX - bytes)
                continue;
            bytes += size;
            s->lists[field] = before ? before->lists[field] : NULL;
            if (s->lists[field])
                s->lists[field]->refs++;
            else
                s->lists[field] = waiting_lists_create();
        }
    }
}

/* Sort segments by docid (I4). That is not the order of numbers: a merged segment has a new number
 * and old docids. Insertion sort: a collection has few segments, and they are nearly sorted. */
static void sort_by_docid(segment_record *records, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
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
    size_t size = mem_array_size(entries, sizeof **records);
    if (!(*records = mem_arena_alloc(arena, size)))
        return error_memory(error, size, "segment records");
    MV_TRY(catalog_cursor_open(txn, CATALOG_SEGMENTS, &cursor, error));
    mv_err err = MV_OK;
    bool found = true;
    for (*count = 0; !err && *count < entries;) {
        uint64_t number;
        catalog_value value;
        err = catalog_cursor_next_u64(cursor, &number, &value, &found, error);
        if (err || !found) break;
        if (!catalog_is_intact(number, &value))
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

/* ---------------------------------------------------------------- the time of a view */

static void read_clock(const mv_schema *schema, int64_t *now)
{
    uint32_t field;
    if (!*now && schema_retention_field(schema, &field)) *now = os_now() / 1000000;
}

static mv_err derive_seen_locked(const engine *e, view *v, uint32_t at, uint32_t field,
                                 mv_error *error)
{
    view_segment *s = &v->segments[at];
    const view_segment *known = segment_of_newest(e, s->shared, at);
    if (!known || known->live != s->live || e->newest->now > v->now || known->until <= v->now)
        return expiry_derive_locked(s->shared, field, s->live, v->now, &s->seen, &s->until, error);
    s->until = known->until;
    if ((s->seen = known->seen)) s->seen->refs++;
    return MV_OK;
}

/* Hide the rows of a new view that have expired at `now`. */
static mv_err expire_locked(const engine *e, view *v, int64_t now, mv_error *error)
{
    uint32_t field;
    v->now = now;
    if (!schema_retention_field(v->schema, &field)) return MV_OK;
    for (uint32_t i = 0; i < v->segments_count; i++) {
        view_segment *s = &v->segments[i];
        MV_TRY(derive_seen_locked(e, v, i, field, error));
        if (s->seen) s->table.live = s->seen->bits;
        if (s->until < v->until) v->until = s->until;
        v->expired += view_expired_rows(s);
    }
    return MV_OK;
}

/* Make a view of the same commit at another second. */
static mv_err view_at_locked(engine *e, const view *other, int64_t now, view **out, mv_error *error)
{
    view *v = view_create(other->schema, other->segments_count, other->number);
    if (!v) return error_memory(error, other->size, "a view");
    v->state = other->state;
    for (uint32_t i = 0; i < other->segments_count; i++) {
        const view_segment *from = &other->segments[i];
        view_segment *s = &v->segments[v->segments_count++];
        s->shared = from->shared;
        s->shared->refs++;
        if ((s->live = from->live)) s->live->refs++;
        s->table = from->table;
        s->table.live = s->live ? s->live->bits : NULL;
        for (uint32_t slot = 0; slot < index_slot_count(v->schema); slot++)
            if ((s->indexes[slot] = from->indexes[slot])) s->indexes[slot]->refs++;
        for (uint32_t at = 0; at < v->schema->vectors_count; at++)
            if ((s->codes[at] = from->codes[at])) s->codes[at]->refs++;
        for (uint32_t at = 0; at < v->schema->fields_count; at++)
            if ((s->lists[at] = from->lists[at])) s->lists[at]->refs++;
    }
    mv_err err = expire_locked(e, v, now, error);
    if (err)
        view_free_locked(e, v);
    else
        *out = v;
    return err;
}

/* ---------------------------------------------------------------- opening */

static mv_err view_open_locked(engine *e, catalog_txn *txn, uint64_t number, int64_t *now,
                               view **out, mv_error *error)
{
    mv_err err;
    mem_arena arena = {0};
    catalog_cursor *deleted = NULL;
    segment_record *records = NULL;
    uint32_t count = 0;
    view *v = NULL;
    const mv_schema *schema = NULL;
    if ((err = known_schema_find_locked(e, txn, &schema, error))) return err;
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
    index_visit indexes = {e, v};
    if ((err = catalog_each_u64(txn, CATALOG_INDEXES, add_index, &indexes, error))) goto done;
    mv_assert(v->segments_count == count);
    add_codes(e, v);
    add_lists(e, v);
    read_clock(schema, now);
    if ((err = expire_locked(e, v, *now, error))) goto done;
    *out = v;
done:
    if (err && v) view_free_locked(e, v);
    catalog_cursor_close(deleted);
    mem_arena_free(&arena);
    return err;
}

/* Keep a view for the next reader. */
static void keep_newest_locked(engine *e, view *v)
{
    view *older = e->newest;
    e->newest = v;
    v->refs++;
    view_release_locked(e, older);
    if (v->state.fresh_rows) return;
    fresh_rows_release_locked(e->fresh); /* they were sealed or deleted */
    e->fresh = NULL;
}

mv_err view_open(engine *e, catalog_txn *txn, uint64_t number, int64_t *now, view **out,
                 mv_error *error)
{
    mv_assert(engine_is_of_this_process(e)); /* I1 */
    os_mutex_lock(e->mutex);
    mv_err err = MV_OK;
    view *newest = e->newest;
    if (number && newest && newest->number == number) {
        read_clock(newest->schema, now);
        if (newest->now <= *now && *now < newest->until) {
            *out = newest;
            newest->refs++;
        } else if (!(err = view_at_locked(e, newest, *now, out, error))) {
            keep_newest_locked(e, *out);
            atomic_store(&e->looked_at, 0); /* expired rows may be work for maintenance */
        }
    } else {
        err = view_open_locked(e, txn, number, now, out, error);
        if (!err && number && (!newest || newest->number < number)) keep_newest_locked(e, *out);
    }
    unlock_and_unmap(e);
    return err;
}

void view_retain(engine *e, view *v)
{
    os_mutex_lock(e->mutex);
    mv_assert(v->refs > 0);
    v->refs++;
    os_mutex_unlock(e->mutex);
}

void view_release(engine *e, view *v)
{
    if (!v) return;
    os_mutex_lock(e->mutex);
    view_release_locked(e, v);
    unlock_and_unmap(e);
}

bool view_find(const view *v, uint64_t docid, uint32_t *segment_at, uint32_t *row)
{
    uint32_t low = 0, high = v->segments_count;
    while (low < high) { /* the first segment whose last docid is not below `docid` (I4) */
        uint32_t middle = low + (high - low) / 2;
        if (v->segments[middle].shared->s->last_docid < docid)
            low = middle + 1;
        else
            high = middle;
    }
    *segment_at = low;
    return low < v->segments_count && segment_find_row(v->segments[low].shared->s, docid, row);
}

/* ---------------------------------------------------------------- counting bytes */

static mv_err add_segment_bytes(const view *v, const view_segment *s, row_parts *parts,
                                uint64_t *bytes, mv_error *error)
{
    for (uint32_t row = 0; row < s->table.rows; row++) {
        size_t size;
        if (!view_is_live(s, row)) continue;
        MV_TRY(segment_read_row(&s->table, v->schema, row, parts, error));
        MV_TRY(row_encoded_size(v->schema, parts, &size, error));
        *bytes += size;
    }
    return MV_OK;
}

mv_err view_count_bytes(const view *v, uint64_t *bytes, mv_error *error)
{
    mem_arena arena = {0};
    row_parts parts;
    *bytes = v->state.fresh_bytes;
    mv_err err = row_create(v->schema, &arena, &parts, error);
    for (uint32_t i = 0; i < v->segments_count && !err; i++)
        err = add_segment_bytes(v, &v->segments[i], &parts, bytes, error);
    mem_arena_free(&arena);
    return err;
}
