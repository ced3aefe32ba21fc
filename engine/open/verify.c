/* Verifying a commit as a whole: the catalog's pages, the checksum of every value and section, and
 * that the tables and the segments agree with each other. The last part also finds a page of the
 * catalog that has an older content than it should: such a page is whole in itself. */
#include "open/verify.h"

#include <inttypes.h>
#include <string.h>

static mv_err bad_catalog(mv_error *error, const char *what)
{
    return error_set(error, MV_CORRUPT, "%s: %s", CATALOG_FILE, what);
}

/* The table of ids must lead from this id to this docid (I6). */
static mv_err check_id(const snapshot *s, const uint8_t *id, uint32_t size, uint64_t docid,
                       mv_error *error)
{
    uint64_t known = 0;
    bool found;
    MV_TRY(catalog_id_get(s->txn, id, size, &known, &found, error));
    if (found && known == docid) return MV_OK;
    char quoted[ERROR_QUOTE_SIZE];
    return error_set(error, MV_CORRUPT, "%s: document '%s' is not where its id says", CATALOG_FILE,
                     error_quote(id, size, quoted));
}

static mv_err check_fresh_row(const snapshot *s, uint64_t docid, const catalog_value *value,
                              mv_error *error)
{
    const mv_schema *schema = s->v->schema;
    const uint8_t *id;
    uint32_t id_size;
    MV_TRY(row_check(schema, value->bytes, value->size, error));
    for (uint32_t f = 0; f < schema->fields_count; f++) {
        cell c;
        row_cell(schema, value->bytes, f, &c);
        if (c.state != CELL_VALUE) continue;
        if (!schema_field_fits(&schema->fields[f], c.size))
            return error_set(error, MV_CORRUPT, "a stored document is damaged: '%s' has %u bytes",
                             schema->fields[f].name, c.size);
        MV_TRY(cell_check(schema->fields[f].type, c.bytes, c.size, error));
    }
    row_id(value->bytes, &id, &id_size);
    return check_id(s, id, id_size, docid, error);
}

static mv_err check_fresh(const snapshot *s, mv_error *error)
{
    catalog_cursor *cursor = NULL;
    MV_TRY(catalog_cursor_open(s->txn, CATALOG_FRESH, &cursor, error));
    mv_err err;
    uint64_t rows = 0, bytes = 0, docid, sealed = 0;
    if (s->v->segments_count)
        sealed = s->v->segments[s->v->segments_count - 1].shared->s->last_docid;
    for (;; rows++) {
        catalog_value value;
        bool found;
        if ((err = catalog_cursor_next_u64(cursor, &docid, &value, &found, error)) || !found) break;
        bytes += value.size;
        if (docid <= sealed || docid >= s->v->state.next_docid)
            err = bad_catalog(error, "a fresh row's docid is out of range");
        if (!err) err = check_fresh_row(s, docid, &value, error);
        if (err) break;
    }
    catalog_cursor_close(cursor);
    if (!err && (rows != s->v->state.fresh_rows || bytes != s->v->state.fresh_bytes))
        err = bad_catalog(error, "the count of fresh rows is wrong");
    return err;
}

/* Every record of an index must name a segment, and a field that has this index. */
static mv_err check_index(void *ctx, uint64_t number, const catalog_value *value, mv_error *error)
{
    const snapshot *s = *(const snapshot *const *)ctx;
    index_record record;
    MV_TRY(index_record_load(number, value->bytes, value->size, &record, error));
    for (uint32_t i = 0; i < s->v->segments_count; i++)
        for (uint32_t slot = 0; slot < index_slot_count(s->v->schema); slot++) {
            const shared_index *x = s->v->segments[i].indexes[slot];
            if (x && x->number == number) return MV_OK;
        }
    return error_set(error, MV_CORRUPT,
                     "%s: index %" PRIu64 " is over segment %" PRIu64
                     ", which is not there or has another one",
                     CATALOG_FILE, number, record.segment);
}

static mv_err check_files_of_indexes(const snapshot *s, const view_segment *checked,
                                     mv_error *error)
{
    for (uint32_t slot = 0; slot < index_slot_count(s->v->schema); slot++)
        if (checked->indexes[slot]) {
            MV_TRY(shared_index_verify(s->e, checked->indexes[slot], error));
            MV_TRY(shared_index_compare(s->e, checked->indexes[slot], s->v->schema, slot, error));
        }
    return MV_OK;
}

static mv_err check_segment(const snapshot *s, const view_segment *checked, uint64_t *live,
                            mv_error *error)
{
    const table *t = &checked->table;
    MV_TRY(segment_verify(checked->shared->s, s->v->schema, error));
    if (checked->shared->s->last_docid >= s->v->state.next_docid)
        return bad_catalog(error, "a segment's docids are out of range");
    for (uint32_t row = 0; row < t->rows; row++) {
        const uint8_t *id;
        uint64_t size;
        if (!view_is_live(checked, row)) continue;
        ++*live;
        if (table_cell(&t->ids, row, &id, &size))
            MV_TRY(check_id(s, id, (uint32_t)size, t->docids[row], error));
    }
    return MV_OK;
}

/* The bytes that the schema limits. */
static mv_err check_bytes(const snapshot *s, mv_error *error)
{
    uint64_t bytes;
    if (!s->v->schema->retention.max_bytes) return MV_OK;
    MV_TRY(view_count_bytes(s->v, &bytes, error));
    if (bytes == s->v->state.bytes) return MV_OK;
    return bad_catalog(error, "the count of the documents' bytes is wrong");
}

mv_err verify_content(const snapshot *s, mv_error *error)
{
    uint64_t ids, live = 0;
    MV_TRY(catalog_verify(s->e->catalog, s->txn, error));
    MV_TRY(catalog_count(s->txn, CATALOG_IDS, &ids, error));
    MV_TRY(check_fresh(s, error));
    for (uint32_t i = 0; i < s->v->segments_count; i++)
        MV_TRY(check_segment(s, &s->v->segments[i], &live, error));
    MV_TRY(catalog_each_u64(s->txn, CATALOG_INDEXES, check_index, &s, error));
    if (live + s->v->state.fresh_rows != s->v->state.documents || ids != s->v->state.documents)
        return bad_catalog(error, "the count of documents is wrong");
    return check_bytes(s, error);
}

mv_err verify_indexes(const snapshot *s, mv_error *error)
{
    for (uint32_t i = 0; i < s->v->segments_count; i++)
        MV_TRY(check_files_of_indexes(s, &s->v->segments[i], error));
    return MV_OK;
}
