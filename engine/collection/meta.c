/* The program's own strings, in the catalog's table `meta`. */
#include <string.h>

#include "transaction/handle.h"

/* Keys of programs have this prefix, so that they never meet those of the engine. */
#define PREFIX      "user:"
#define PREFIX_SIZE (sizeof PREFIX - 1)

typedef struct meta_key {
    char bytes[PREFIX_SIZE + MV_META_KEY_SIZE_MAX];
    size_t size;
} meta_key;

typedef struct meta_change {
    meta_key key;
    const char *value; /* NULL: remove */
    size_t value_size;
} meta_change;

static mv_err make_key(const char *key, size_t size, meta_key *out, mv_error *error)
{
    if (size < 1 || size > MV_META_KEY_SIZE_MAX)
        return error_set(error, MV_LIMIT, "meta: the key has %zu bytes, 1 to %d are allowed", size,
                         MV_META_KEY_SIZE_MAX);
    memcpy(out->bytes, PREFIX, PREFIX_SIZE);
    memcpy(out->bytes + PREFIX_SIZE, key, size);
    out->size = PREFIX_SIZE + size;
    return MV_OK;
}

static mv_err write_meta(writer *w, bool check_first, void *ctx, mv_error *error)
{
    const meta_change *change = ctx;
    const meta_key *key = &change->key;
    bool found;
    (void)check_first; /* one value: it is changed or not */
    w->changes++;
    w->v_lags = true;
    return change->value
               ? catalog_put(w->txn, CATALOG_META, key->bytes, key->size, change->value,
                             change->value_size, error)
               : catalog_remove(w->txn, CATALOG_META, key->bytes, key->size, &found, error);
}

mv_err mv_set_meta(mv_collection *c, const char *key, size_t key_size, const char *value,
                   size_t value_size, mv_error *error)
{
    meta_change change = {.value = value, .value_size = value_size};
    MV_TRY(make_key(key, key_size, &change.key, error));
    if (value_size > MV_META_VALUE_SIZE_MAX)
        return error_set(error, MV_LIMIT, "meta: the value has %zu bytes, at most %d are allowed",
                         value_size, MV_META_VALUE_SIZE_MAX);
    return handle_write(c, write_meta, &change, error);
}

mv_err mv_get_meta(mv_collection *c, const char *key, size_t key_size, char *out, size_t *size,
                   bool *found, mv_error *error)
{
    meta_key k;
    snapshot s;
    catalog_value value;
    *found = false;
    *size = 0;
    MV_TRY(make_key(key, key_size, &k, error));
    MV_TRY(handle_snapshot(c, &s, error));
    mv_err err = catalog_get(s.txn, CATALOG_META, k.bytes, k.size, &value, found, error);
    if (!err && *found && value.size > MV_META_VALUE_SIZE_MAX)
        err = error_set(error, MV_CORRUPT, "%s: a value of table 'meta' is too long", CATALOG_FILE);
    if (!err && *found) {
        memcpy(out, value.bytes, value.size);
        *size = value.size;
    }
    snapshot_close(&s);
    return err;
}
