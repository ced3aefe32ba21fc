/* The schema of a collection: scalar fields and vector fields, checked, found by name, and turned
 * into bytes for the catalog and back. Public functions on mv_schema (moonvec.h) are in schema.c
 * too. */
#ifndef MV_SCHEMA_H
#define MV_SCHEMA_H

#include "base/index_kind.h"
#include "base/mem.h"
#include "base/type.h"
#include "vector/metric.h"

typedef struct schema_field {
    char name[MV_NAME_SIZE_MAX + 1];
    uint32_t uid; /* never reused within a collection: names its bytes on disk through renames */
    mv_type type;
    bool nullable;
    bool has_default;
    mv_index_options index; /* MV_INDEX_NONE, or of scalar fields; complete */
    uint64_t index_since;   /* as of a vector field; 0 for types whose fields store none */
    mv_value default_value; /* points into the schema's arena */
} schema_field;

typedef struct schema_vector {
    char name[MV_NAME_SIZE_MAX + 1];
    uint32_t uid;
    mv_type type;
    mv_metric metric;
    mv_index_options index; /* not MV_INDEX_NONE; complete */
    uint64_t index_since;   /* indexes with lower file numbers were built for other options: they
                             * are searched until others have been built */
    uint32_t dim;
    uint32_t size; /* bytes of one vector, element_row_size */
} schema_vector;

struct mv_schema {
    char name[MV_NAME_SIZE_MAX + 1];
    uint32_t next_uid;
    uint32_t fields_count;
    uint32_t vectors_count;
    schema_field *fields;
    schema_vector *vectors;
    uint32_t fields_capacity;
    uint32_t vectors_capacity;
    mem_arena arena; /* default values */
};

mv_err schema_format_copy(const mv_schema *schema, mv_schema **copy, mv_error *error);

/* ---- changing a copy. MV_MISUSE: there is no such field, or it cannot be changed like that. */

/* *uid is what names its bytes on disk. */
mv_err schema_drop_field(mv_schema *schema, const char *name, uint32_t *uid, mv_error *error);
mv_err schema_rename_field(mv_schema *schema, const char *name, const char *new_name,
                           mv_error *error);
/* Let a scalar field be NULL. */
mv_err schema_widen_field(mv_schema *schema, const char *name, mv_error *error);
/* Give a field another index. `since` becomes its index_since when the type or an option differs.
 * *uid is the field's. */
mv_err schema_change_index(mv_schema *schema, const mv_index_change *change, uint64_t since,
                           uint32_t *uid, mv_error *error);

/* MV_SCHEMA_MISMATCH, naming the first difference, unless both have the same fields with the same
 * options, those left out being their defaults. The order of the fields and an empty name on either
 * side do not count. */
mv_err schema_compare(const mv_schema *wanted, const mv_schema *found, mv_error *error);

/* Do rows made for one fit the other? Names, defaults and indexes do not count. */
bool schema_compare_has_same_rows(const mv_schema *a, const mv_schema *b);
/* Do the files made for one, rows and indexes, fit the other? */
bool schema_compare_has_same_files(const mv_schema *a, const mv_schema *b);

/* To bytes (appended) and back. Reading checks everything: MV_CORRUPT. */
mv_err schema_format_save(const mv_schema *schema, mem_buffer *out, mv_error *error);
mv_err schema_format_load(const void *bytes, size_t size, mv_schema **schema, mv_error *error);

/* Complete and check the index of a field, before it becomes part of a schema (schema_index.c). The
 * field is a scalar one when `metric` is 0. MV_MISUSE, naming the field. */
mv_err schema_index_take(const char *name, mv_type type, mv_metric metric,
                         const mv_index_options *given, mv_index_options *out, mv_error *error);

/* MV_MISUSE: "unknown field 'yeer' (did you mean 'year'?)", of scalar or vector fields. */
mv_err schema_unknown_field(const mv_schema *schema, const char *name, size_t size, bool vectors,
                            mv_error *error);

#endif
