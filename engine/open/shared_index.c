/* Opening indexes, sharing them between views, and keeping note of damaged ones. */
#include "open/shared_index.h"

#include <string.h>

void shared_index_file_name(const shared_index *x, char out[SEGMENT_FILE_NAME_SIZE])
{
    segment_file_name(x->number, &x->record, out);
}

static codes_vectors indexed_vectors(const schema_vector *field, const table *t, uint32_t at)
{
    const table_vectors *vectors = &t->vectors[at];
    return (codes_vectors){.type = field->type,
                           .metric = field->metric,
                           .dim = field->dim,
                           .rows = t->rows,
                           .base = vectors->base,
                           .stride = vectors->stride,
                           .inverse_norms = vectors->inverse_norms};
}

/* All vectors of a field of several, one after the other, as its column has them. If there are
 * none, a vector of zeros, which is of no row: an index is of one vector or more. */
static codes_vectors indexed_multi(const schema_field *field, const table *t, uint32_t at)
{
    static float zeros[MV_DIM_MAX]; /* never written; not const, so that no file has its bytes */
    const table_column *column = &t->columns[at];
    size_t stride = schema_field_stride(field);
    uint64_t rows = column->bytes_size / stride;
    bool has_none = rows == 0;
    if (has_none) rows = 1;
    return (codes_vectors){.type = MV_VECTOR_FP32,
                           .metric = MV_IP,
                           .dim = field->dim,
                           .rows = rows < SEGMENT_ROWS_MAX ? (uint32_t)rows : SEGMENT_ROWS_MAX,
                           .base = has_none ? (const uint8_t *)zeros : column->bytes,
                           .stride = stride};
}

index_column shared_index_column(const schema_field *field, const table *t, uint32_t at)
{
    const table_column *column = &t->columns[at];
    return (index_column){.type = field->type,
                          .rows = t->rows,
                          .nulls = column->nulls,
                          .values = column->values,
                          .ends = column->ends,
                          .bytes = column->bytes,
                          .bytes_size = column->bytes_size,
                          .array_count = cell_array_count,
                          .array_string = cell_array_string};
}

index_source shared_index_source(const mv_schema *schema, const segment *s, uint32_t slot)
{
    index_source source = {0};
    uint32_t field = slot - schema->vectors_count;
    mv_assert(slot < index_slot_count(schema));
    if (slot < schema->vectors_count)
        source.vectors = indexed_vectors(&schema->vectors[slot], &s->table, slot);
    else if (type_is_multi(schema->fields[field].type))
        source.vectors = indexed_multi(&schema->fields[field], &s->table, field);
    else
        source.column = shared_index_column(&schema->fields[field], &s->table, field);
    return source;
}

/* ---------------------------------------------------------------- opening */

/* Make the parts of the index from the sections of its file. */
static mv_err read_parts(const shared_index *x, index_part parts[INDEX_PARTS_MAX], uint32_t *count,
                         mv_error *error)
{
    const index_kind *kind = x->type->kind;
    *count = section_file_count(x->file);
    if (*count > INDEX_PARTS_MAX)
        return error_set(error, MV_CORRUPT, "%u sections, %u are possible", *count,
                         INDEX_PARTS_MAX);
    for (uint32_t at = 0; at < *count; at++) {
        index_part *part = &parts[at];
        section found = section_file_at(x->file, at, &part->kind, &part->level);
        part->bytes = found.bytes;
        part->size = found.size;
        if (part->kind - kind->sections_first >= kind->sections_count)
            return error_set(error, MV_CORRUPT, "section %u has kind %u, %u to %u expected", at,
                             part->kind, kind->sections_first,
                             kind->sections_first + kind->sections_count - 1);
        part->kind -= kind->sections_first;
    }
    return MV_OK;
}

static mv_err open_parts(shared_index *x, uint32_t slot, mv_error *error)
{
    index_part parts[INDEX_PARTS_MAX];
    uint32_t count;
    MV_TRY(read_parts(x, parts, &count, error));
    x->source = shared_index_source(x->of->schema, x->of->s, slot);
    return x->type->open(parts, count, &x->source, &x->opened, error);
}

static mv_err open_index_file(const engine *e, shared_index *x, uint32_t slot, const char *path,
                              mv_error *error)
{
    char name[SEGMENT_FILE_NAME_SIZE], joined[OS_PATH_SIZE];
    shared_index_file_name(x, name);
    if (!path) {
        if (e->in_memory) return error_set(error, MV_CORRUPT, "%s: it is not in memory", name);
        MV_TRY(os_join(joined, e->path, name, error));
        path = joined;
    }
    MV_TRY(section_file_open(path, name, x->number, x->of->s->table.rows, &x->record, &x->file,
                             error));
    mv_err err = open_parts(x, slot, error);
    if (err) return error_prefix(error, err, "%s: ", name);
    section_file_read_ahead(x->file);
    return MV_OK;
}

static shared_index *find_open_index(const engine *e, uint64_t number)
{
    for (shared_index *x = e->indexes; x; x = x->next)
        if (x->number == number && !x->is_transient) return x;
    return NULL;
}

static void index_free_locked(engine *e, shared_index *x)
{
    mv_assert(!x->refs); /* I3 */
    if (x->opened) x->type->close(x->opened);
    section_file_close(x->file, &e->closed);
    mem_free(x, sizeof *x);
}

mv_err shared_index_open_locked(engine *e, const index_record *record, shared_segment *of,
                                uint32_t slot, const char *path, shared_index **out,
                                mv_error *error)
{
    mv_error why;
    mv_assert(record->segment == of->s->number); /* I14 */
    if ((*out = find_open_index(e, record->number))) return MV_OK;
    shared_index *x = mem_alloc_zero(sizeof *x);
    if (!x) return error_memory(error, sizeof *x, "an index");
    x->number = record->number;
    x->record = record->file;
    x->type = index_slot_type(of->schema, slot);
    x->of = of;
    mv_err err = open_index_file(e, x, slot, path, &why);
    if (err == MV_NO_MEMORY) {
        index_free_locked(e, x);
        return error_set(error, err, "%s", why.text);
    }
    if (err) {
        x->is_transient = err != MV_CORRUPT && err != MV_WRONG_VERSION;
        memcpy(x->warning, why.text, sizeof x->warning);
        atomic_init(&x->is_damaged, true);
        section_file_close(x->file, &e->closed);
        x->file = NULL;
    }
    of->refs++;
    x->next = e->indexes;
    e->indexes = x;
    *out = x;
    return MV_OK;
}

mv_err shared_index_adopt(engine *e, const mv_schema *schema, const index_record *record,
                          const char *path, mv_error *error)
{
    shared_index *x = NULL;
    uint32_t slot;
    os_mutex_lock(e->mutex);
    shared_segment *of = shared_segment_find_locked(e, schema, record->segment);
    mv_err err = MV_OK;
    if (of && index_slot_of_file(schema, &record->file, &slot))
        err = shared_index_open_locked(e, record, of, slot, path, &x, error);
    os_mutex_unlock(e->mutex);
    return err;
}

bool shared_index_discard_others_locked(engine *e,
                                        bool (*is_named)(const void *ctx, const shared_index *x),
                                        const void *ctx, double until)
{
    for (shared_index *x = e->indexes; x; x = x->next)
        while (!x->refs && x->file && !is_named(ctx, x) && section_file_discard(x->file))
            if (os_seconds() >= until) return false;
    return true;
}

void shared_index_drop_others_locked(engine *e,
                                     bool (*is_named)(const void *ctx, const shared_index *x),
                                     const void *ctx)
{
    for (shared_index **link = &e->indexes; *link;) {
        shared_index *x = *link;
        if (x->refs || is_named(ctx, x)) {
            link = &x->next;
            continue;
        }
        *link = x->next;
        mv_assert(x->of->refs > 0);
        x->of->refs--;
        index_free_locked(e, x);
    }
}

void shared_index_prefault(const engine *e, const shared_index *x)
{
    char name[SEGMENT_FILE_NAME_SIZE], path[OS_PATH_SIZE];
    mv_assert(x->file);
    shared_index_file_name(x, name);
    if (!os_join(path, e->path, name, NULL)) section_file_prefault(x->file, path);
}

/* ---------------------------------------------------------------- damage */

void shared_index_note_damage(engine *e, shared_index *x, const mv_error *why)
{
    char name[SEGMENT_FILE_NAME_SIZE];
    mv_error text = *why;
    mv_assert(why->text[0]);
    shared_index_file_name(x, name);
    if (strncmp(text.text, name, strlen(name)) != 0)
        (void)error_prefix(&text, MV_CORRUPT, "%s: ", name);
    os_mutex_lock(e->mutex);
    if (!x->warning[0]) memcpy(x->warning, text.text, sizeof x->warning);
    os_mutex_unlock(e->mutex);
    atomic_store_explicit(&x->is_damaged, true, memory_order_release);
}

bool shared_index_is_sound(engine *e, shared_index *x)
{
    mv_error why;
    if (!shared_index_is_usable(x)) return false;
    mv_assert(x->file); /* a usable index has one */
    if (atomic_load_explicit(&x->is_hashed, memory_order_acquire)) return true;
    mv_err err = section_file_verify(x->file, &why);
    if (err == MV_CORRUPT) shared_index_note_damage(e, x, &why);
    if (!err) atomic_store_explicit(&x->is_hashed, true, memory_order_release);
    return !err;
}

bool shared_index_read_warning(engine *e, shared_index *x, char out[MV_ERROR_TEXT_SIZE])
{
    os_mutex_lock(e->mutex);
    memcpy(out, x->warning, sizeof x->warning);
    os_mutex_unlock(e->mutex);
    return out[0] != 0;
}

mv_err shared_index_compare(engine *e, shared_index *x, const mv_schema *schema, uint32_t slot,
                            mv_error *error)
{
    char name[SEGMENT_FILE_NAME_SIZE];
    mv_error why = {0};
    if (x->number < index_slot_since(schema, slot)) return MV_OK;
    mv_err err =
        index_compare(x->type, x->opened, &x->source, index_slot_options(schema, slot), &why);
    if (!err) return MV_OK;
    shared_index_file_name(x, name);
    (void)error_prefix(&why, err, "%s: ", name);
    if (err == MV_CORRUPT) shared_index_note_damage(e, x, &why);
    return error_set(error, err, "%s", why.text);
}

mv_err shared_index_verify(engine *e, shared_index *x, mv_error *error)
{
    mv_error why = {0};
    char name[SEGMENT_FILE_NAME_SIZE];
    if (!shared_index_is_usable(x)) {
        (void)shared_index_read_warning(e, x, why.text);
        return error_set(error, x->is_transient ? MV_IO : MV_CORRUPT, "%s", why.text);
    }
    shared_index_file_name(x, name);
    mv_err err = section_file_verify(x->file, &why);
    if (!err) {
        err = x->type->check(x->opened, &why);
        if (err) (void)error_prefix(&why, err, "%s: ", name);
    }
    if (err == MV_CORRUPT) shared_index_note_damage(e, x, &why);
    return err ? error_set(error, err, "%s", why.text) : MV_OK;
}
