/* The public changes of the schema, but for adding a field (column_change.c). Each is one write
 * transaction; transaction/schema_write.c says what it does with the segments. */
#include <string.h>

#include "transaction/handle.h"
#include "transaction/retention.h"
#include "transaction/schema_write.h"
#include "transaction/seal.h"
#include "transaction/writer_files.h"

typedef struct change {
    const char *name;
    const mv_column_change *column;
    const mv_retention *retention;
    mv_schema *schema; /* the copy that is changed */
} change;

static mv_err run_change(mv_collection *c, handle_write_fn write, change *made, mv_error *error)
{
    MV_TRY(handle_check_collection(c, error));
    mv_err err = handle_write(c, write, made, error);
    mv_schema_free(made->schema);
    return err;
}

static mv_err drop_column(writer *w, bool check_first, void *ctx, mv_error *error)
{
    change *made = ctx;
    uint32_t uid = 0;
    (void)check_first;
    MV_TRY(schema_format_copy(w->v->schema, &made->schema, error));
    MV_TRY(schema_drop_field(made->schema, made->name, &uid, error));
    MV_TRY(seal_rows(w, NULL, 0, 0, error));
    MV_TRY(schema_write_begin(w, made->schema, error));
    for (uint32_t i = 0; i < w->v->segments_count; i++)
        MV_TRY(writer_files_drop_column(w, w->v->segments[i].shared->s->number, uid, error));
    MV_TRY(writer_settle(w, error));
    return retention_apply_schema(w, error);
}

mv_err mv_drop_column(mv_collection *c, const char *name, mv_error *error)
{
    return run_change(c, drop_column, &(change){.name = name}, error);
}

static mv_err alter_column(writer *w, bool check_first, void *ctx, mv_error *error)
{
    change *made = ctx;
    (void)check_first;
    MV_TRY(schema_format_copy(w->v->schema, &made->schema, error));
    if (made->column->nullable) MV_TRY(schema_widen_field(made->schema, made->name, error));
    if (made->column->new_name)
        MV_TRY(schema_rename_field(made->schema, made->name, made->column->new_name, error));
    MV_TRY(schema_write_begin(w, made->schema, error));
    return writer_settle(w, error);
}

mv_err mv_alter_column(mv_collection *c, const char *name, const mv_column_change *column,
                       mv_error *error)
{
    return run_change(c, alter_column, &(change){.name = name, .column = column}, error);
}

/* What has expired by the rule until now is removed, so that no other rule brings it back. */
static mv_err set_retention(writer *w, bool check_first, void *ctx, mv_error *error)
{
    change *made = ctx;
    uint64_t removed = 0;
    (void)check_first;
    MV_TRY(schema_format_copy(w->v->schema, &made->schema, error));
    MV_TRY(mv_schema_set_retention(made->schema, made->retention, error));
    MV_TRY(retention_expire(w, UINT64_MAX, &removed, error));
    MV_TRY(schema_write_begin(w, made->schema, error));
    MV_TRY(writer_settle(w, error));
    bool expires = made->schema->retention.expires_uid;
    w->state.fresh_expires = expires ? INT64_MIN : SCHEMA_NEVER; /* not known, or never */
    return retention_apply_schema(w, error);
}

mv_err mv_set_retention(mv_collection *c, const mv_retention *retention, mv_error *error)
{
    return run_change(c, set_retention, &(change){.retention = retention}, error);
}

static mv_err drop_index(writer *w, bool check_first, void *ctx, mv_error *error)
{
    const change *made = ctx;
    uint32_t at;
    (void)check_first;
    const mv_schema *schema = w->v->schema;
    bool is_scalar = mv_schema_find_field(schema, made->name, strlen(made->name), &at) &&
                     !schema_field_metric(&schema->fields[at]);
    mv_index_change none = {.name = made->name,
                            .index.type = is_scalar ? MV_INDEX_NONE : MV_INDEX_FLAT};
    return schema_write_index(w, &none, error);
}

mv_err mv_drop_index(mv_collection *c, const char *name, mv_error *error)
{
    return run_change(c, drop_index, &(change){.name = name}, error);
}
