/* Retention: when documents expire, and how many are kept. */
#include <math.h>
#include <string.h>

#include "storage/schema.h"

/* A float is not among them: at today's times its steps are 128 seconds. */
static bool can_expire(mv_type type)
{
    return type == MV_INT32 || type == MV_INT64 || type == MV_UINT32 || type == MV_UINT64 ||
           type == MV_DOUBLE || type == MV_TIMESTAMP;
}

bool schema_retention_field(const mv_schema *schema, uint32_t *position)
{
    uint32_t uid = schema->retention.expires_uid;
    for (uint32_t i = 0; uid && i < schema->fields_count; i++) {
        if (schema->fields[i].uid != uid) continue;
        *position = i;
        return true;
    }
    return false;
}

static int64_t whole_second(double seconds)
{
    if (seconds >= 0x1p63) return SCHEMA_NEVER;
    return seconds < -0x1p63 ? INT64_MIN : (int64_t)ceil(seconds);
}

int64_t schema_retention_second(mv_type type, const uint8_t *value)
{
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    double real;
    switch (type) {
    case MV_INT32: memcpy(&i32, value, sizeof i32); return i32;
    case MV_UINT32: memcpy(&u32, value, sizeof u32); return u32;
    case MV_UINT64:
        memcpy(&u64, value, sizeof u64);
        return u64 < INT64_MAX ? (int64_t)u64 : SCHEMA_NEVER;
    case MV_DOUBLE: memcpy(&real, value, sizeof real); return whole_second(real);
    default:
        memcpy(&i64, value, sizeof i64);
        if (type != MV_TIMESTAMP) return i64;
        return i64 / 1000000 + (i64 % 1000000 > 0); /* division rounds towards 0 */
    }
}

static mv_err take_field(const mv_schema *schema, const char *name, uint32_t *uid, mv_error *error)
{
    uint32_t at;
    size_t size = strlen(name);
    if (!mv_schema_find_field(schema, name, size, &at)) {
        mv_err err = schema_unknown_field(schema, name, size, false, error);
        return error_prefix(error, err, "expires: ");
    }
    const schema_field *field = &schema->fields[at];
    *uid = field->uid;
    if (can_expire(field->type)) return MV_OK;
    return error_set(error, MV_MISUSE,
                     "expires: field '%s' is %s, it must be int32, int64, uint32, uint64, double "
                     "(seconds since 1970) or timestamp",
                     field->name, type_name(field->type));
}

mv_err mv_schema_set_retention(mv_schema *schema, const mv_retention *retention, mv_error *error)
{
    schema_retention taken = {.evict = retention->evict,
                              .max_documents = retention->max_documents,
                              .max_bytes = retention->max_bytes};
    if (retention->expires)
        MV_TRY(take_field(schema, retention->expires, &taken.expires_uid, error));
    if ((unsigned)taken.evict > MV_EVICT_LEAST_RECENT)
        return error_set(error, MV_MISUSE, "there is no rule of eviction %d", (int)taken.evict);
    if (taken.evict && !taken.max_documents && !taken.max_bytes)
        return error_set(error, MV_MISUSE, "evict needs max_documents or max_bytes");
    schema->retention = taken;
    return MV_OK;
}

void mv_schema_retention(const mv_schema *schema, mv_retention *retention)
{
    uint32_t at;
    const schema_retention *r = &schema->retention;
    *retention = (mv_retention){
        .evict = r->evict, .max_documents = r->max_documents, .max_bytes = r->max_bytes};
    if (schema_retention_field(schema, &at)) retention->expires = schema->fields[at].name;
}
