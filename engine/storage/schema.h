/* The schema of a collection: its scalar fields and vector fields. It is built and changed by
 * schema.c, which has the public functions on mv_schema (moonvec.h), too; compared by
 * schema_compare.c; converted to bytes for the catalog and back by schema_format.c. What documents
 * it lets expire is in schema_retention.c, what its vectors are made of in schema_embed.c. */
#ifndef MV_SCHEMA_H
#define MV_SCHEMA_H

#include "base/index_kind.h"
#include "base/mem.h"
#include "base/type.h"
#include "vector/metric.h"

typedef struct schema_field {
    char name[MV_NAME_SIZE_MAX + 1];
    uint32_t uid; /* unique in the collection for ever: names the files of the field, also after
                   * renames */
    mv_type type;
    bool nullable;
    bool has_default;
    mv_index_options index; /* MV_INDEX_NONE, or an index of scalar fields; complete */
    uint64_t index_since;   /* as that of a vector field; 0 for types whose fields store none */
    uint32_t dim;           /* of MV_MULTI_FP32; else 0 */
    mv_value default_value; /* points into the arena of the schema */
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
    uint32_t size;                 /* bytes of one vector, element_row_size */
    uint32_t embed_uid;            /* of the field whose texts are embedded; 0: none */
    const char *embed_model;       /* in the arena of the schema, as is the next; NULL: none */
    const char *embed_fingerprint; /* "": not known */
} schema_vector;

/* What the collection forgets by itself (mv_retention). */
typedef struct schema_retention {
    uint32_t expires_uid; /* of the field that says when a document expires; 0: none */
    mv_evict evict;
    uint64_t max_documents; /* 0: no limit */
    uint64_t max_bytes;     /* likewise */
} schema_retention;

#define SCHEMA_NEVER INT64_MAX /* the second at which a document expires that does not */

struct mv_schema {
    char name[MV_NAME_SIZE_MAX + 1]; /* "": none */
    uint32_t next_uid;               /* above the uids of all fields, also of dropped ones */
    uint32_t fields_count;
    uint32_t vectors_count;
    schema_field *fields;
    schema_vector *vectors;
    uint32_t fields_capacity;
    uint32_t vectors_capacity;
    schema_retention retention;
    mem_arena arena; /* default values, stop words, models */
};

static inline bool schema_has_retention(const mv_schema *schema)
{
    const schema_retention *r = &schema->retention;
    return r->expires_uid || r->max_documents || r->max_bytes;
}
/* The field that says when a document expires. False: documents do not expire. */
bool schema_retention_field(const mv_schema *schema, uint32_t *position);
/* The first second, since 1970, at which a document with this value of a field of such a type has
 * expired. */
int64_t schema_retention_second(mv_type type, const uint8_t *value);

/* MV_IP for a field of several vectors, which has the indexes of a vector field; else 0. */
static inline mv_metric schema_field_metric(const schema_field *field)
{
    return type_is_multi(field->type) ? MV_IP : (mv_metric)0;
}
/* Check of what the vectors of field `name` are made, and copy it into `vector`. MV_MISUSE, naming
 * the field. */
mv_err schema_embed_take(mv_schema *schema, const char *name, const mv_embed *given,
                         schema_vector *vector, mv_error *error);
/* The same as it was given; what it points to is lent by the schema. */
mv_embed schema_embed_of(const mv_schema *schema, const schema_vector *vector);
/* MV_MISUSE: the fingerprint of a model is not known. A schema that is stored has all. */
mv_err schema_embed_check(const mv_schema *schema, mv_error *error);
/* The vector field that is made of this scalar field; NULL: there is none. */
const schema_vector *schema_embed_find(const mv_schema *schema, const schema_field *field);

/* Bytes of a vector of a field of several vectors. */
static inline size_t schema_field_stride(const schema_field *field)
{
    mv_assert(field->dim > 0);
    return field->dim * sizeof(float);
}
/* Can a cell of the field have this size? */
static inline bool schema_field_fits(const schema_field *field, size_t size)
{
    return !field->dim || size % schema_field_stride(field) == 0;
}

/* mv_schema_add_field, also for a field that is stored: its index is not checked by
 * schema_index_check. */
mv_err schema_add_field(mv_schema *schema, const mv_field_options *options, bool is_stored,
                        mv_error *error);

mv_err schema_format_copy(const mv_schema *schema, mv_schema **copy, mv_error *error);

/* ---- changing a copy. MV_MISUSE: there is no such field, or it cannot be changed like this. */

/* *uid is that of the field: its files can be removed. */
mv_err schema_drop_field(mv_schema *schema, const char *name, uint32_t *uid, mv_error *error);
mv_err schema_rename_field(mv_schema *schema, const char *name, const char *new_name,
                           mv_error *error);
/* Make a scalar field nullable. */
mv_err schema_widen_field(mv_schema *schema, const char *name, mv_error *error);
/* Give a field another index. `since` becomes its index_since when the type or an option differs.
 * *uid is the field's. */
mv_err schema_change_index(mv_schema *schema, const mv_index_change *change, uint64_t since,
                           uint32_t *uid, mv_error *error);

/* MV_SCHEMA_MISMATCH, naming the first difference, unless both have the same fields with the same
 * options. The order of the fields does not count, nor does the name if either has none. */
mv_err schema_compare(const mv_schema *wanted, const mv_schema *found, mv_error *error);

/* Can rows encoded under one schema be used under the other? Names, defaults and indexes may
 * differ. */
bool schema_compare_has_same_rows(const mv_schema *a, const mv_schema *b);
/* Can the files of rows and indexes that were written under one schema be used under the other? */
bool schema_compare_has_same_files(const mv_schema *a, const mv_schema *b);

/* To bytes, appended to `out`, and back. Loading checks all bytes: MV_CORRUPT, or MV_WRONG_VERSION
 * for a newer format. */
mv_err schema_format_save(const mv_schema *schema, mem_buffer *out, mv_error *error);
mv_err schema_format_load(const void *bytes, size_t size, mv_schema **schema, mv_error *error);

/* Complete the index of a field with defaults and check it, before it becomes part of a schema
 * (schema_index.c). What its options point to is copied to the arena of the schema. `metric` is 0
 * for a scalar field. MV_MISUSE, naming the field. */
mv_err schema_index_take(const char *name, mv_type type, mv_metric metric,
                         const mv_index_options *given, mem_arena *arena, mv_index_options *out,
                         mv_error *error);

/* Refuse an index that could not be built, naming the field: options that exclude each other, or
 * (MV_WRONG_VERSION) need a library that this build lacks. A stored schema may have it, from
 * another build. */
mv_err schema_index_check(const char *name, mv_type type, const mv_index_options *index,
                          mv_error *error);

/* MV_MISUSE: "unknown field 'yeer' (did you mean 'year'?)". `vectors`: a vector field was looked
 * for, else a scalar field. */
mv_err schema_unknown_field(const mv_schema *schema, const char *name, size_t size, bool vectors,
                            mv_error *error);

#endif
