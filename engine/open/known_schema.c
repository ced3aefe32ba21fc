/* The schemas of an open collection.
 *
 * A schema belongs to a commit, and its view points to it. The engine decodes each schema once and
 * keeps it until it is closed: schemas are small (some hundred bytes a field) and few. Results,
 * iterators, jobs and callers of mv_get_schema point to one without counting references. */
#include "open/known_schema.h"

#include <string.h>

static const char schema_key[] = "schema";

static const mv_schema *find_known(const engine *e, const catalog_value *value)
{
    for (const known_schema *known = e->schemas; known; known = known->next)
        if (known->bytes.size == value->size &&
            memcmp(known->bytes.data, value->bytes, value->size) == 0)
            return known->schema;
    return NULL;
}

static void known_free(known_schema *known)
{
    mv_schema_free(known->schema);
    mem_buffer_free(&known->bytes);
    mem_free(known, sizeof *known);
}

static mv_err add_known(engine *e, const catalog_value *value, const mv_schema **schema,
                        mv_error *error)
{
    known_schema *known = mem_alloc_zero(sizeof *known);
    if (!known) return error_memory(error, sizeof *known, "a schema");
    mv_err err = schema_format_load(value->bytes, value->size, &known->schema, error);
    if (!err && !mem_buffer_append(&known->bytes, value->bytes, value->size))
        err = error_memory(error, value->size, "a schema");
    if (err) {
        known_free(known);
        return err;
    }
    known->next = e->schemas;
    e->schemas = known;
    *schema = known->schema;
    return MV_OK;
}

mv_err known_schema_find_locked(engine *e, catalog_txn *txn, const mv_schema **schema,
                                mv_error *error)
{
    catalog_value value;
    bool found;
    MV_TRY(
        catalog_get(txn, CATALOG_META, schema_key, sizeof schema_key - 1, &value, &found, error));
    if (!found) return error_set(error, MV_CORRUPT, "%s: the schema is missing", CATALOG_FILE);
    *schema = find_known(e, &value);
    if (!*schema) MV_TRY(add_known(e, &value, schema, error));
    mv_assert(*schema);
    atomic_store(&e->last_schema, *schema);
    return MV_OK;
}

mv_err known_schema_read(engine *e, const mv_schema **schema, mv_error *error)
{
    catalog_txn *txn = NULL;
    MV_TRY(engine_begin_read(e, &txn, error));
    os_mutex_lock(e->mutex);
    mv_err err = known_schema_find_locked(e, txn, schema, error);
    os_mutex_unlock(e->mutex);
    catalog_end(txn);
    engine_end_read(e);
    return err;
}

mv_err known_schema_save(catalog_txn *txn, const mv_schema *schema, mv_error *error)
{
    mem_buffer bytes = {0};
    mv_err err = schema_format_save(schema, &bytes, error);
    if (!err)
        err = catalog_put(txn, CATALOG_META, schema_key, sizeof schema_key - 1, bytes.data,
                          bytes.size, error);
    mem_buffer_free(&bytes);
    return err;
}

void known_schema_free_all(engine *e)
{
    while (e->schemas) {
        known_schema *known = e->schemas;
        e->schemas = known->next;
        known_free(known);
    }
}
