/* A schema as bytes: a value of the table `meta` of the catalog. All numbers are little-endian.
 *
 *   offset   size  schema
 *        0      4  format, 1 to 7
 *        4      4  next uid
 *        8      1  size s of the name; 0: unnamed
 *        9      s  the name
 *    9 + s      4  number of scalar fields
 *   13 + s      4  number of vector fields
 *   17 + s      -  the scalar fields, then the vector fields
 *        -      4  since format 6: uid of the field that says when a document expires; 0: none
 *        -      8  since format 6: max_documents; 0: no limit
 *        -      8  since format 6: max_bytes; 0: no limit
 *        -      1  since format 6: mv_evict
 *
 *   offset   size  scalar field
 *        0      4  uid
 *        4      1  type
 *        5      1  flags: 1 nullable, 2 has a default value, 4 has inverted lists (since format 2),
 *                  8 has an index of another type (since format 3)
 *        6      1  size s of the name
 *        7      s  the name
 *    7 + s      4  of several vectors only (since format 5): dim
 *        -      4  with flag 2: size c of the cell of the default value
 *        -      c  with flag 2: the cell (storage/cell.h)
 *        -      1  with flag 8: the index, then its options and file number as of a vector field
 *
 *   offset   size  vector field
 *        0      4  uid
 *        4      1  type
 *        5      1  metric
 *        6      1  index
 *        7      4  dim
 *       11      1  size s of the name
 *       12      s  the name; the rest only with an index that has files:
 *   12 + s      o  the options, in the order of index_kind.info: 1 byte for a word, 4 for a u32, 8
 *                  for a u64 or a double
 *   12+s+o      8  since format 2: number of the first file that was built for these options
 *                  and of each, whatever its index, since format 7:
 *        -      4  uid of the field whose texts are embedded; 0: none, and nothing follows
 *        -    1+s  size and bytes of the name of the model
 *        -    1+s  size and bytes of its fingerprint
 *
 * Options of hnsw: u32 m, u32 ef_construction, u8 quantize, u64 seed. Options of text: u8
 * tokenizer, u8 language, u8 stop_words, f64 k1, f64 b, and since format 5 u8 positions (1:
 * without). Stop words are 0: none, 1: those of the language, or since format 5 2: a list. Behind
 * a 2 are a u32, its size, and the list: words in order, each once, with single spaces between.
 *
 * The numbers of types, metrics, indexes and quantize are those of moonvec.h. An option that was
 * not given is stored as its default. A schema is loaded by calling the functions that build one,
 * so that nothing is loaded that they would refuse, but for schema_index_check.
 *
 * Formats 3 and 4 have the layout of format 2, and more types and metrics. A schema is written in
 * the lowest format, from 2, that has all that it uses. So an older moonvec reads the schemas that
 * it knows, and refuses the others as newer. A reader of format 3 takes a number that it does not
 * know for one of a newer moonvec. */
#include <string.h>

#include "storage/cell.h"
#include "storage/schema.h"

#define SCHEMA_FORMAT     7u             /* the newest that is read */
#define SCHEMA_FORMAT_MIN 2u             /* the oldest that is written */
#define FORMAT_2_TYPE     MV_VECTOR_INT8 /* the last vector type and */
#define FORMAT_2_METRIC   MV_COSINE      /* the last metric that format 2 has */
#define FLAG_NULLABLE     1u
#define FLAG_DEFAULT      2u
#define FLAG_INVERT       4u
#define FLAG_INDEX        8u
#define FLAGS_ALL         15u
#define LIST_FORMAT       5u /* the first with lists of stop words */
#define RETENTION_FORMAT  6u /* the first with retention */
#define EMBED_FORMAT      7u /* the first with models of vector fields */

enum { STOP_WORDS_NONE, STOP_WORDS_OF_LANGUAGE, STOP_WORDS_LIST };

/* ---------------------------------------------------------------- saving */

/* Appends bytes. After a failure to get memory it appends nothing more. */
typedef struct schema_writer {
    mem_buffer *out;
    bool failed;
} schema_writer;

static void put(schema_writer *w, const void *bytes, size_t size)
{
    if (!w->failed) w->failed = !mem_buffer_append(w->out, bytes, size);
}

static void put_u8(schema_writer *w, uint32_t value)
{
    mv_assert(value <= UINT8_MAX);
    uint8_t byte = (uint8_t)value;
    put(w, &byte, 1);
}

static void put_u32(schema_writer *w, uint32_t value)
{
    put(w, &value, 4);
}

static void put_u64(schema_writer *w, uint64_t value)
{
    put(w, &value, 8);
}

static void put_name(schema_writer *w, const char *name)
{
    size_t size = strlen(name);
    mv_assert(size <= MV_NAME_SIZE_MAX);
    put_u8(w, (uint32_t)size);
    put(w, name, size);
}

/* Bytes of an option. */
static size_t option_size(const mv_member_info *option)
{
    switch (option->kind) {
    case MV_MEMBER_WORD:
    case MV_MEMBER_QUANTIZE: return 1;
    case MV_MEMBER_U32: return 4;
    default: return 8;
    }
}

static void put_stop_words(schema_writer *w, const char *words)
{
    bool has_list = index_kind_has_list(words);
    put_u8(w, has_list ? STOP_WORDS_LIST : words ? STOP_WORDS_OF_LANGUAGE : STOP_WORDS_NONE);
    if (!has_list) return;
    put_u32(w, (uint32_t)strlen(words));
    put(w, words, strlen(words));
}

/* The first format that stores an option of a type. */
static uint32_t option_format(const index_kind *kind, uint32_t option)
{
    return kind->option_formats ? kind->option_formats[option] : kind->schema_format;
}

static void put_index(schema_writer *w, uint32_t format, const mv_index_options *index,
                      uint64_t since)
{
    const index_kind *kind = index_kind_find(index->type);
    for (uint32_t i = 0; i < kind->info.options_count; i++) {
        const mv_member_info *option = &kind->info.options[i];
        if (option_format(kind, i) > format) continue;
        uint64_t value = index_kind_get(option, index);
        if (option->kind == MV_MEMBER_STOP_WORDS)
            put_stop_words(w, index_kind_stop_words(option, index));
        else
            put(w, &value, option_size(option));
    }
    if (kind->file_kind) put(w, &since, 8);
}

static bool has_other_index(const schema_field *field)
{
    return field->index.type != MV_INDEX_NONE && field->index.type != MV_INDEX_INVERT;
}

static void note_format(const mv_index_options *index, uint32_t *format)
{
    const index_kind *kind = index_kind_find(index->type);
    if (kind && kind->schema_format > *format) *format = kind->schema_format;
    for (uint32_t i = 0; kind && i < kind->info.options_count; i++) {
        const mv_member_info *option = &kind->info.options[i];
        if (index_kind_get(option, index) == option->default_value) continue;
        uint32_t needed = option_format(kind, i);
        if (option->kind == MV_MEMBER_STOP_WORDS &&
            index_kind_has_list(index_kind_stop_words(option, index)))
            needed = LIST_FORMAT;
        if (needed > *format) *format = needed;
    }
}

/* The size is written after the cell, when it is known. */
static mv_err put_default(schema_writer *w, const schema_field *field, mv_error *error)
{
    size_t size_at = w->out->size;
    put_u32(w, 0);
    if (w->failed) return MV_OK;
    MV_TRY(cell_from_value(field->type, &field->default_value, field->name, w->out, error));
    uint32_t size = (uint32_t)(w->out->size - size_at - 4);
    memcpy(w->out->data + size_at, &size, 4);
    return MV_OK;
}

static void put_retention(schema_writer *w, const schema_retention *retention)
{
    put_u32(w, retention->expires_uid);
    put_u64(w, retention->max_documents);
    put_u64(w, retention->max_bytes);
    put_u8(w, retention->evict);
}

static void put_embed(schema_writer *w, const schema_vector *vector)
{
    put_u32(w, vector->embed_uid);
    if (!vector->embed_uid) return;
    put_name(w, vector->embed_model);
    put_name(w, vector->embed_fingerprint);
}

/* The lowest format that has all types and options of the schema. */
static uint32_t schema_format_needed(const mv_schema *schema)
{
    uint32_t needed = schema_has_retention(schema) ? RETENTION_FORMAT : SCHEMA_FORMAT_MIN;
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        uint32_t format = type_of(schema->fields[i].type)->schema_format;
        if (format > needed) needed = format;
        note_format(&schema->fields[i].index, &needed);
    }
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        note_format(&schema->vectors[i].index, &needed);
        if (schema->vectors[i].embed_uid) needed = EMBED_FORMAT;
        if (needed < 3 && (schema->vectors[i].type > FORMAT_2_TYPE ||
                           schema->vectors[i].metric > FORMAT_2_METRIC))
            needed = 3;
    }
    return needed;
}

mv_err schema_format_save(const mv_schema *schema, mem_buffer *out, mv_error *error)
{
    size_t start = out->size;
    uint32_t format = schema_format_needed(schema);
    mv_err err = MV_OK;
    schema_writer w = {.out = out};
    put_u32(&w, format);
    put_u32(&w, schema->next_uid);
    put_name(&w, schema->name);
    put_u32(&w, schema->fields_count);
    put_u32(&w, schema->vectors_count);
    for (uint32_t i = 0; i < schema->fields_count && !err; i++) {
        const schema_field *field = &schema->fields[i];
        put_u32(&w, field->uid);
        put_u8(&w, field->type);
        put_u8(&w, (field->nullable ? FLAG_NULLABLE : 0) | (field->has_default ? FLAG_DEFAULT : 0) |
                       (field->index.type == MV_INDEX_INVERT ? FLAG_INVERT : 0) |
                       (has_other_index(field) ? FLAG_INDEX : 0));
        put_name(&w, field->name);
        if (field->dim) put_u32(&w, field->dim);
        if (field->has_default) err = put_default(&w, field, error);
        if (!has_other_index(field)) continue;
        put_u8(&w, field->index.type);
        put_index(&w, format, &field->index, field->index_since);
    }
    for (uint32_t i = 0; i < schema->vectors_count; i++) {
        const schema_vector *vector = &schema->vectors[i];
        mv_assert(vector->index.type != MV_INDEX_NONE);
        put_u32(&w, vector->uid);
        put_u8(&w, vector->type);
        put_u8(&w, vector->metric);
        put_u8(&w, vector->index.type);
        put_u32(&w, vector->dim);
        put_name(&w, vector->name);
        put_index(&w, format, &vector->index, vector->index_since);
        if (format >= EMBED_FORMAT) put_embed(&w, vector);
    }
    if (format >= RETENTION_FORMAT) put_retention(&w, &schema->retention);
    if (!err && w.failed) err = error_memory(error, out->size - start, "the bytes of a schema");
    if (err) out->size = start;
    return err;
}

/* ---------------------------------------------------------------- loading */

/* Reads bytes. Past the end it reads zeros, and has failed. */
typedef struct reader {
    const uint8_t *at;
    size_t left;
    bool failed;
} reader;

/* The next `size` bytes; NULL: there are fewer. */
static const uint8_t *get(reader *r, size_t size)
{
    if (r->failed || size > r->left) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *bytes = r->at;
    r->at += size;
    r->left -= size;
    return bytes;
}

/* The next number of `size` bytes, 8 at most. */
static uint64_t get_number(reader *r, size_t size)
{
    uint64_t value = 0;
    const uint8_t *bytes = get(r, size);
    if (bytes) memcpy(&value, bytes, size);
    return value;
}

static uint8_t get_u8(reader *r)
{
    return (uint8_t)get_number(r, 1);
}

static uint32_t get_u32(reader *r)
{
    return (uint32_t)get_number(r, 4);
}

static uint64_t get_u64(reader *r)
{
    return get_number(r, 8);
}

static void get_name(reader *r, char out[UINT8_MAX + 1])
{
    size_t size = get_u8(r);
    const uint8_t *bytes = get(r, size);
    if (!bytes || memchr(bytes, 0, size)) {
        r->failed = true;
        size = 0;
    }
    if (size) memcpy(out, bytes, size);
    out[size] = 0;
}

static_assert(MV_NAME_SIZE_MAX <= UINT8_MAX, "the size of a name has one byte");

static mv_err cut_short(mv_error *error)
{
    return error_set(error, MV_CORRUPT, "it ends too early");
}

/* Stop words; a list is copied to the arena. */
static mv_err load_stop_words(reader *r, uint32_t format, mem_arena *arena, const char **words,
                              mv_error *error)
{
    uint8_t what = get_u8(r);
    *words = what == STOP_WORDS_OF_LANGUAGE ? MV_STOP_WORDS_OF_LANGUAGE : NULL;
    if (what < STOP_WORDS_LIST) return MV_OK;
    if (what > STOP_WORDS_LIST || format < LIST_FORMAT)
        return error_set(error, MV_CORRUPT, "it has unknown stop words %u", what);
    size_t size = get_u32(r);
    const uint8_t *bytes = get(r, size);
    if (!bytes || !size) return cut_short(error);
    char *copy = mem_arena_alloc(arena, size + 1);
    if (!copy) return error_memory(error, size, "stop words");
    memcpy(copy, bytes, size);
    copy[size] = 0;
    *words = copy;
    if (strlen(copy) == size && *copy != ' ') return MV_OK;
    return error_set(error, MV_CORRUPT, "its stop words are damaged");
}

/* The options of an index whose type is known, and *since. Zeros would be taken for options left
 * out. */
static mv_err load_index(reader *r, uint32_t format, const char *noun, const char *name,
                         mem_arena *arena, mv_index_options *index, uint64_t *since,
                         mv_error *error)
{
    const index_kind *kind = index_kind_find(index->type);
    bool has_zero = false;
    if (index->type == MV_INDEX_NONE)
        return error_set(error, MV_CORRUPT, "%s '%s' has the unknown index type 0", noun, name);
    for (uint32_t i = 0; kind && i < kind->info.options_count; i++) {
        const mv_member_info *option = &kind->info.options[i];
        if (option_format(kind, i) > format) continue;
        if (option->kind == MV_MEMBER_STOP_WORDS) {
            const char *words;
            MV_TRY(load_stop_words(r, format, arena, &words, error));
            index_kind_set(option, (uintptr_t)words, index);
            continue;
        }
        uint64_t value = get_number(r, option_size(option));
        has_zero |= !value && option->min;
        index_kind_set(option, value, index);
    }
    if (kind && kind->file_kind && format >= 2) *since = get_u64(r);
    if (r->failed) return cut_short(error);
    if (has_zero)
        return error_set(error, MV_CORRUPT, "%s '%s' has an index with an option that is 0", noun,
                         name);
    return MV_OK;
}

static mv_err load_field(mv_schema *schema, reader *r, uint32_t format, mv_error *error)
{
    char name[UINT8_MAX + 1];
    mv_value default_value;
    uint64_t index_since = 0;
    uint32_t uid = get_u32(r), type = get_u8(r), flags = get_u8(r);
    get_name(r, name);
    mv_field_options options = {
        .name = name, .type = (mv_type)type, .nullable = flags & FLAG_NULLABLE};
    if (type_is_multi(options.type)) options.dim = get_u32(r);
    if (flags & FLAG_INVERT) options.index.type = MV_INDEX_INVERT;
    if (flags & FLAG_DEFAULT) {
        uint32_t size = get_u32(r);
        const uint8_t *bytes = get(r, size);
        if (!bytes) return cut_short(error);
        MV_TRY(cell_to_value(options.type, bytes, size, &schema->arena, &default_value, error));
        options.default_value = &default_value;
    }
    if (r->failed) return cut_short(error);
    if (flags > FLAGS_ALL || (flags & FLAG_INDEX && (flags & FLAG_INVERT || format < 3)))
        return error_set(error, MV_CORRUPT, "field '%s' has unknown flags %u", name, flags);
    if (flags & FLAG_INDEX) {
        options.index.type = (mv_index_type)get_u8(r);
        MV_TRY(load_index(r, format, "field", name, &schema->arena, &options.index, &index_since,
                          error));
    }
    MV_TRY(schema_add_field(schema, &options, true, error));
    schema->fields[schema->fields_count - 1].uid = uid;
    schema->fields[schema->fields_count - 1].index_since = index_since;
    return MV_OK;
}

/* The field with this uid, which `what` names. */
static mv_err find_uid(const mv_schema *schema, uint32_t uid, const char *what,
                       const schema_field **field, mv_error *error)
{
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        *field = &schema->fields[i];
        if ((*field)->uid == uid) return MV_OK;
    }
    return error_set(error, MV_CORRUPT, "%s field number %u, which is missing", what, uid);
}

static mv_err load_embed(mv_schema *schema, reader *r, char model[UINT8_MAX + 1],
                         char fingerprint[UINT8_MAX + 1], mv_embed *embed, mv_error *error)
{
    const schema_field *field;
    uint32_t uid = get_u32(r);
    if (r->failed) return cut_short(error);
    if (!uid) return MV_OK;
    get_name(r, model);
    get_name(r, fingerprint);
    if (r->failed) return cut_short(error);
    MV_TRY(find_uid(schema, uid, "vectors are made of", &field, error));
    *embed = (mv_embed){field->name, model, fingerprint};
    return MV_OK;
}

static mv_err load_vector(mv_schema *schema, reader *r, uint32_t format, mv_error *error)
{
    char name[UINT8_MAX + 1], model[UINT8_MAX + 1], fingerprint[UINT8_MAX + 1];
    uint64_t index_since = 0;
    uint32_t uid = get_u32(r);
    mv_vector_options options = {.name = name};
    options.type = (mv_type)get_u8(r);
    options.metric = (mv_metric)get_u8(r);
    options.index.type = (mv_index_type)get_u8(r);
    options.dim = get_u32(r);
    get_name(r, name);
    if (r->failed) return cut_short(error);
    if (format >= 3 && (!element_size(options.type) || !mv_metric_name(options.metric)))
        return error_set(error, MV_WRONG_VERSION,
                         "vector field '%s' has type %d and metric %d, which a newer moonvec knows",
                         name, (int)options.type, (int)options.metric);
    MV_TRY(load_index(r, format, "vector field", name, &schema->arena, &options.index, &index_since,
                      error));
    if (format >= EMBED_FORMAT)
        MV_TRY(load_embed(schema, r, model, fingerprint, &options.embed, error));
    MV_TRY(mv_schema_add_vector(schema, &options, error));
    schema->vectors[schema->vectors_count - 1].uid = uid;
    schema->vectors[schema->vectors_count - 1].index_since = index_since;
    return MV_OK;
}

static mv_err load_retention(mv_schema *schema, reader *r, mv_error *error)
{
    const schema_field *field;
    uint32_t uid = get_u32(r);
    mv_retention retention = {.max_documents = get_u64(r)};
    retention.max_bytes = get_u64(r);
    retention.evict = (mv_evict)get_u8(r);
    if (r->failed) return cut_short(error);
    if (uid) {
        MV_TRY(find_uid(schema, uid, "documents expire by", &field, error));
        retention.expires = field->name;
    }
    return mv_schema_set_retention(schema, &retention, error);
}

static uint32_t uid_at(const mv_schema *schema, uint32_t at)
{
    return at < schema->fields_count ? schema->fields[at].uid
                                     : schema->vectors[at - schema->fields_count].uid;
}

static mv_err check_uids(const mv_schema *schema, mv_error *error)
{
    uint32_t count = schema->fields_count + schema->vectors_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t uid = uid_at(schema, i);
        if (uid == 0 || uid >= schema->next_uid)
            return error_set(error, MV_CORRUPT, "field number %u is not between 1 and %u", uid,
                             schema->next_uid);
        for (uint32_t j = 0; j < i; j++)
            if (uid_at(schema, j) == uid)
                return error_set(error, MV_CORRUPT, "field number %u is there twice", uid);
    }
    return MV_OK;
}

static uint32_t newest_format(void)
{
    uint32_t format = SCHEMA_FORMAT;
    const index_kind *kind;
    for (uint32_t i = 0; (kind = index_kind_at(i)); i++)
        if (kind->schema_format > format) format = kind->schema_format;
    return format;
}

static mv_err load(reader *r, mv_schema **schema, mv_error *error)
{
    char name[UINT8_MAX + 1];
    uint32_t format = get_u32(r), next_uid = get_u32(r);
    uint32_t newest = newest_format();
    if (format > newest)
        return error_set(error, MV_WRONG_VERSION, "it has format %u, this moonvec reads up to %u",
                         format, newest);
    if (format == 0) return error_set(error, MV_CORRUPT, "it has format 0");
    get_name(r, name);
    uint32_t fields = get_u32(r), vectors = get_u32(r);
    if (r->failed) return cut_short(error);
    if (next_uid == 0) return error_set(error, MV_CORRUPT, "its next field number is 0");
    MV_TRY(mv_schema_create(name, schema, error));
    for (uint32_t i = 0; i < fields; i++) MV_TRY(load_field(*schema, r, format, error));
    for (uint32_t i = 0; i < vectors; i++) MV_TRY(load_vector(*schema, r, format, error));
    if (format >= RETENTION_FORMAT) MV_TRY(load_retention(*schema, r, error));
    if (r->left) return error_set(error, MV_CORRUPT, "%zu bytes are left over at its end", r->left);
    (*schema)->next_uid = next_uid;
    return check_uids(*schema, error);
}

mv_err schema_format_load(const void *bytes, size_t size, mv_schema **schema, mv_error *error)
{
    reader r = {.at = bytes, .left = size};
    *schema = NULL;
    mv_err err = load(&r, schema, error);
    if (!err) return MV_OK;
    mv_schema_free(*schema);
    *schema = NULL;
    if (err == MV_NO_MEMORY) return err;
    if (err != MV_WRONG_VERSION) err = MV_CORRUPT; /* the functions called report MV_MISUSE */
    return error_prefix(error, err, "the stored schema cannot be read: ");
}

mv_err schema_format_copy(const mv_schema *schema, mv_schema **copy, mv_error *error)
{
    mem_buffer bytes = {0};
    *copy = NULL;
    mv_err err = schema_format_save(schema, &bytes, error);
    if (!err) err = schema_format_load(bytes.data, bytes.size, copy, error);
    mem_buffer_free(&bytes);
    return err;
}
