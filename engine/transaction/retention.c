/* Removing documents that have expired, and evicting others.
 *
 * Expired rows of segments are those that the writer's view does not show. The oldest document is
 * that of the lowest docid. The least recently used one is not looked for among all: of some chosen
 * at random, the one is taken that was used longest ago (last_use.h), as Redis does. */
#include "transaction/retention.h"

#include <string.h>

#include "base/hash.h"
#include "open/fresh_rows.h"
#include "open/last_use.h"
#include "transaction/seal.h"

/* Expired rows of segments that a write removes, besides twice as many as it writes: chosen so that
 * they grow fewer, and a write stays short. Removing one takes 5 us. */
#define EXPIRED_PER_WRITE 64u

/* Of 1,000 of 10,000 documents, read by a Zipf distribution with exponent 0.9, the share of reads
 * that find theirs is that of exact LRU less 0.001; with 10 samples less 0.003, with 5 less 0.005.
 */
#define EVICT_SAMPLES 16u
#define EVICT_DRAWS   128u /* of rows of a segment until one is found that is not deleted */

/* A row: of a segment, or fresh. */
typedef struct place {
    uint64_t docid;   /* 0: none */
    uint32_t segment; /* position in the view, or PLACE_FRESH */
    uint32_t row;     /* of the segment, or position in a list of fresh rows */
} place;

#define PLACE_FRESH UINT32_MAX

/* ---------------------------------------------------------------- removing */

static mv_err remove_document(writer *w, uint64_t docid, const uint8_t *id, uint64_t id_size,
                              bool is_there, mv_error *error)
{
    uint8_t copy[MV_ID_SIZE_MAX]; /* the row is removed before its id */
    bool found;
    if (id_size > sizeof copy)
        return error_set(error, MV_CORRUPT, "the id of document %llu is damaged",
                         (unsigned long long)docid);
    memcpy(copy, id, (size_t)id_size);
    MV_TRY(writer_delete_row(w, docid, is_there, error));
    return catalog_id_remove(w->txn, copy, (size_t)id_size, &found, error);
}

static mv_err remove_fresh_row(writer *w, uint64_t docid, bool is_there, mv_error *error)
{
    const uint8_t *encoded = NULL, *id;
    uint32_t id_size;
    MV_TRY(fresh_rows_find(w->txn, w->v->schema, docid, &encoded, error));
    mv_assert(encoded);
    row_id(encoded, &id, &id_size);
    return remove_document(w, docid, id, id_size, is_there, error);
}

static mv_err remove_row(writer *w, const view_segment *s, uint32_t row, bool is_there,
                         mv_error *error)
{
    const uint8_t *id;
    uint64_t size;
    if (!table_cell(&s->table.ids, row, &id, &size))
        return error_set(error, MV_CORRUPT, "segment %llu: the id of row %u is damaged",
                         (unsigned long long)s->shared->s->number, row);
    return remove_document(w, s->table.docids[row], id, size, is_there, error);
}

/* The next row of a segment from *row on that is not deleted, and, with `expired`, has expired. */
static bool find_kept_row(const writer *w, const view_segment *s, bool expired, uint32_t *row)
{
    const uint64_t *deleted = NULL, *live = s->live ? s->live->bits : NULL, *seen = s->table.live;
    uint32_t words = (uint32_t)bits_words(s->table.rows), first = *row / 64;
    uint64_t from = UINT64_MAX << *row % 64;
    if (expired && !view_expired_rows(s)) return false;
    for (uint32_t i = first; i < words; i++, from = UINT64_MAX) {
        uint32_t in_chunk = i % (SEGMENT_CHUNK_ROWS / 64);
        if (i == first || !in_chunk) deleted = writer_deleted_chunk(w, s->shared->s, i * 64);
        uint64_t found = from & (deleted ? ~deleted[in_chunk] : live ? live[i] : UINT64_MAX);
        if (expired) found &= ~seen[i];
        if (!found) continue;
        *row = i * 64 + MV_LOWEST_BIT(found);
        return *row < s->table.rows;
    }
    return false;
}

/* ---------------------------------------------------------------- expired documents */

/* List the fresh rows that have expired. *next: when the next one does. */
static mv_err list_expired_fresh(writer *w, mem_buffer *docids, int64_t *next, mv_error *error)
{
    catalog_cursor *cursor = NULL;
    MV_TRY(catalog_cursor_open(w->txn, CATALOG_FRESH, &cursor, error));
    mv_err err = MV_OK;
    *next = SCHEMA_NEVER;
    while (!err) {
        uint64_t docid;
        catalog_value value;
        bool found;
        if ((err = catalog_cursor_next_u64(cursor, &docid, &value, &found, error)) || !found) break;
        if ((err = row_check(w->v->schema, value.bytes, value.size, error))) break;
        int64_t expires = row_expires(w->v->schema, value.bytes);
        if (expires > w->now) {
            if (expires < *next) *next = expires;
        } else if (!mem_buffer_append(docids, &docid, sizeof docid)) {
            err = error_memory(error, docids->size, "expired documents");
        }
    }
    catalog_cursor_close(cursor);
    return err;
}

static mv_err expire_fresh(writer *w, uint64_t *removed, mv_error *error)
{
    mem_buffer docids = {0};
    int64_t next;
    if (w->now < w->state.fresh_expires) return MV_OK;
    mv_err err = list_expired_fresh(w, &docids, &next, error);
    const uint64_t *list = (const uint64_t *)(const void *)docids.data;
    for (size_t i = 0; i < docids.size / sizeof *list && !err; i++) {
        err = remove_fresh_row(w, list[i], false, error);
        ++*removed;
    }
    mem_buffer_free(&docids);
    if (err) return err;
    w->state.fresh_expires = next;
    w->changes++; /* also if that row had been deleted: else a job would find it for ever */
    return MV_OK;
}

mv_err retention_expire(writer *w, uint64_t most, uint64_t *removed, mv_error *error)
{
    if (!w->v->schema->retention.expires_uid) return MV_OK;
    MV_TRY(expire_fresh(w, removed, error));
    for (uint32_t i = 0; i < w->v->segments_count && most; i++) {
        const view_segment *s = &w->v->segments[i];
        for (uint32_t row = 0; most && row < s->table.rows && find_kept_row(w, s, true, &row);
             row++) {
            MV_TRY(remove_row(w, s, row, false, error));
            ++*removed;
            most--;
        }
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- eviction */

typedef struct eviction {
    writer *w;
    place oldest;     /* where the search for the oldest document goes on */
    uint64_t draws;   /* of random numbers */
    mem_buffer fresh; /* docids (u64) of fresh rows to choose from */
} eviction;

/* A random number below `bound`. The same transaction draws the same ones. */
static uint64_t draw(eviction *x, uint64_t bound)
{
    x->draws++;
    return hash_bytes(&x->draws, sizeof x->draws, x->w->state.next_docid) % bound;
}

/* List the fresh rows, if there are enough of them to choose from them, too. Fewer are skipped:
 * they are the last ones written. */
static mv_err list_fresh(eviction *x, mv_error *error)
{
    writer *w = x->w;
    catalog_cursor *cursor = NULL;
    bool found = true;
    if (w->state.fresh_rows * SEAL_ROWS_ONE_IN <= w->state.documents) return MV_OK;
    MV_TRY(catalog_cursor_open(w->txn, CATALOG_FRESH, &cursor, error));
    mv_err err = MV_OK;
    for (uint32_t i = 0; i < SEAL_ROWS_MAX && !err; i++) {
        uint64_t docid;
        catalog_value value;
        err = catalog_cursor_next_u64(cursor, &docid, &value, &found, error);
        if (err || !found) break;
        if (!mem_buffer_append(&x->fresh, &docid, sizeof docid))
            err = error_memory(error, x->fresh.size, "fresh rows");
    }
    catalog_cursor_close(cursor);
    return err;
}

static bool is_kept(const writer *w, const view_segment *s, uint32_t row)
{
    const uint64_t *deleted = writer_deleted_chunk(w, s->shared->s, row);
    return deleted ? !bits_get(deleted, row % SEGMENT_CHUNK_ROWS) : view_is_live(s, row);
}

/* Choose a row of a segment at random. Where most rows are deleted, those behind many deleted ones
 * are chosen more often. False: no row is left. */
static bool sample_segment(eviction *x, const view_segment *s, uint32_t *row)
{
    for (uint32_t i = 0; i < EVICT_DRAWS; i++) {
        *row = (uint32_t)draw(x, s->table.rows);
        if (is_kept(x->w, s, *row)) return true;
    }
    if (find_kept_row(x->w, s, false, row)) return true;
    *row = 0;
    return find_kept_row(x->w, s, false, row);
}

/* Choose a document at random. *out is none if a segment was chosen that has no row any more. */
static void sample(eviction *x, place *out)
{
    const view *v = x->w->v;
    const uint64_t *fresh = (const uint64_t *)(const void *)x->fresh.data;
    uint64_t fresh_count = x->fresh.size / sizeof *fresh, rows = fresh_count;
    for (uint32_t i = 0; i < v->segments_count; i++) rows += view_live_rows(&v->segments[i]);
    *out = (place){0};
    if (!rows) return;
    uint64_t at = draw(x, rows);
    if (at < fresh_count) {
        *out = (place){fresh[at], PLACE_FRESH, (uint32_t)at};
        return;
    }
    at -= fresh_count;
    uint32_t i = 0, row;
    for (; at >= view_live_rows(&v->segments[i]); i++) at -= view_live_rows(&v->segments[i]);
    const view_segment *s = &v->segments[i];
    if (sample_segment(x, s, &row)) *out = (place){s->table.docids[row], i, row};
}

static void find_least_recent(eviction *x, place *out)
{
    uint64_t least = UINT64_MAX;
    *out = (place){0};
    for (uint32_t i = 0; i < EVICT_SAMPLES; i++) {
        place p;
        sample(x, &p);
        if (!p.docid) continue;
        uint64_t used = last_use_of(x->w->e, p.docid);
        if (used > least || (used == least && p.docid > out->docid)) continue;
        least = used;
        *out = p;
    }
    if (out->docid && out->segment == PLACE_FRESH) { /* the last one takes its place in the list */
        uint64_t *fresh = (uint64_t *)(void *)x->fresh.data;
        x->fresh.size -= sizeof *fresh;
        fresh[out->row] = fresh[x->fresh.size / sizeof *fresh];
    }
}

static mv_err find_first_fresh(writer *w, place *out, mv_error *error)
{
    catalog_cursor *cursor = NULL;
    catalog_value value;
    bool found = false;
    *out = (place){.segment = PLACE_FRESH};
    MV_TRY(catalog_cursor_open(w->txn, CATALOG_FRESH, &cursor, error));
    mv_err err = catalog_cursor_next_u64(cursor, &out->docid, &value, &found, error);
    catalog_cursor_close(cursor);
    if (!found) out->docid = 0;
    return err;
}

static mv_err find_oldest_document(eviction *x, place *out, mv_error *error)
{
    const writer *w = x->w;
    place *p = &x->oldest;
    for (; p->segment < w->v->segments_count; p->segment++, p->row = 0) {
        const view_segment *s = &w->v->segments[p->segment];
        if (!find_kept_row(w, s, false, &p->row)) continue;
        *out = (place){s->table.docids[p->row], p->segment, p->row};
        return MV_OK;
    }
    return find_first_fresh(x->w, out, error);
}

static mv_err evict_one(eviction *x, mv_error *error)
{
    writer *w = x->w;
    place p = {0};
    if (w->v->schema->retention.evict == MV_EVICT_LEAST_RECENT) find_least_recent(x, &p);
    if (!p.docid) MV_TRY(find_oldest_document(x, &p, error));
    if (!p.docid)
        return error_set(error, MV_CORRUPT, "%s: the count of documents is wrong", CATALOG_FILE);
    w->state.evicted++;
    return p.segment == PLACE_FRESH ? remove_fresh_row(w, p.docid, true, error)
                                    : remove_row(w, &w->v->segments[p.segment], p.row, true, error);
}

static bool is_over(const writer *w)
{
    const schema_retention *r = &w->v->schema->retention;
    return (r->max_documents && w->state.documents > r->max_documents) ||
           (r->max_bytes && w->state.bytes > r->max_bytes);
}

static mv_err evict(writer *w, mv_error *error)
{
    mv_err err = MV_OK;
    eviction x = {.w = w};
    if (w->v->schema->retention.evict == MV_EVICT_LEAST_RECENT) err = list_fresh(&x, error);
    while (!err && is_over(w)) err = evict_one(&x, error);
    mem_buffer_free(&x.fresh);
    return err;
}

mv_err retention_apply(writer *w, uint64_t first, mv_error *error)
{
    const mv_schema *schema = w->v->schema;
    uint64_t written = w->state.next_docid - first, removed = 0, before;
    if (!schema_has_retention(schema)) return MV_OK;
    if (schema->retention.evict == MV_EVICT_LEAST_RECENT) last_use_note(w->e, first, written);
    MV_TRY(retention_expire(w, EXPIRED_PER_WRITE + 2 * written, &removed, error));
    do {
        before = removed;
        if (is_over(w)) MV_TRY(retention_expire(w, EXPIRED_PER_WRITE, &removed, error));
    } while (removed > before);
    return is_over(w) ? evict(w, error) : MV_OK;
}

/* ---------------------------------------------------------------- a changed schema */

mv_err retention_apply_schema(writer *w, mv_error *error)
{
    mv_assert(!w->v_lags);
    w->state.bytes = 0;
    if (w->v->schema->retention.max_bytes) MV_TRY(view_count_bytes(w->v, &w->state.bytes, error));
    MV_TRY(retention_apply(w, w->state.next_docid, error));
    return writer_settle(w, error);
}
