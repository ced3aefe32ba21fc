/* Opening and sharing indexes. */
#include "open/shared_index.h"

#include <string.h>

void shared_index_file_name(const shared_index *x, char out[SEGMENT_FILE_NAME_SIZE])
{
    segment_file_name(x->number, &x->record, out);
}

codes_vectors shared_index_vectors(const mv_schema *schema, const segment *s, uint32_t vector_field)
{
    const schema_vector *field = &schema->vectors[vector_field];
    const table_vectors *vectors = &s->table.vectors[vector_field];
    return (codes_vectors){.type = field->type,
                           .metric = field->metric,
                           .dim = field->dim,
                           .rows = s->table.rows,
                           .base = vectors->base,
                           .stride = vectors->stride,
                           .inverse_norms = vectors->inverse_norms};
}

invert_column shared_index_column(const mv_schema *schema, const segment *s, uint32_t field)
{
    const table_column *column = &s->table.columns[field];
    return (invert_column){.type = schema->fields[field].type,
                           .rows = s->table.rows,
                           .nulls = column->nulls,
                           .values = column->values,
                           .ends = column->ends,
                           .bytes = column->bytes,
                           .bytes_size = column->bytes_size,
                           .array_count = cell_array_count,
                           .array_string = cell_array_string};
}

/* ---------------------------------------------------------------- opening */

static mv_err count_sections(const shared_index *x, uint32_t most, mv_error *error)
{
    uint32_t count = section_file_count(x->file);
    if (count <= most) return MV_OK;
    return error_set(error, MV_CORRUPT, "%u sections, %u are possible", count, most);
}

/* Section `at`, whose kind must be one of `kinds` from `first` on: *kind counts from there. */
static mv_err read_section(const shared_index *x, uint32_t at, section_kind first, uint32_t kinds,
                           section *out, uint32_t *kind, uint32_t *column, mv_error *error)
{
    *out = section_file_at(x->file, at, kind, column);
    if (*kind >= (uint32_t)first && *kind < (uint32_t)first + kinds) {
        *kind -= (uint32_t)first;
        return MV_OK;
    }
    return error_set(error, MV_CORRUPT, "section %u has kind %u, %d to %u expected", at, *kind,
                     (int)first, (uint32_t)first + kinds - 1);
}

/* The sections of the file are the parts of the graph. */
static mv_err open_graph(shared_index *x, uint32_t slot, mv_error *error)
{
    hnsw_part parts[HNSW_PARTS_MAX];
    uint32_t count = section_file_count(x->file), kind, level;
    MV_TRY(count_sections(x, HNSW_PARTS_MAX, error));
    for (uint32_t at = 0; at < count; at++) {
        section part;
        MV_TRY(
            read_section(x, at, SECTION_HNSW_FIRST, HNSW_PART_KINDS, &part, &kind, &level, error));
        parts[at] = (hnsw_part){
            .kind = (hnsw_part_kind)kind, .level = level, .bytes = part.bytes, .size = part.size};
    }
    x->vectors = shared_index_vectors(x->of->schema, x->of->s, slot);
    return hnsw_open(parts, count, &x->vectors, &x->graph, error);
}

/* The sections of the file are the parts of the lists. */
static mv_err open_lists(shared_index *x, uint32_t slot, mv_error *error)
{
    invert_part parts[INVERT_PARTS_MAX];
    uint32_t count = section_file_count(x->file), kind, column;
    MV_TRY(count_sections(x, INVERT_PARTS_MAX, error));
    for (uint32_t at = 0; at < count; at++) {
        section part;
        MV_TRY(read_section(x, at, SECTION_INVERT_FIRST, INVERT_PART_KINDS, &part, &kind, &column,
                            error));
        parts[at] = (invert_part){(invert_part_kind)kind, part.bytes, part.size};
    }
    x->column = shared_index_column(x->of->schema, x->of->s, slot - x->of->schema->vectors_count);
    return invert_open(parts, count, &x->column, &x->lists, error);
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
    mv_err err = x->record.kind == SECTION_FILE_HNSW ? open_graph(x, slot, error)
                                                     : open_lists(x, slot, error);
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

static void index_free(shared_index *x)
{
    section_file_close(x->file);
    mem_free(x, sizeof *x);
}

mv_err shared_index_open_locked(engine *e, const index_record *record, shared_segment *of,
                                uint32_t slot, const char *path, shared_index **out,
                                mv_error *error)
{
    mv_error why;
    if ((*out = find_open_index(e, record->number))) return MV_OK;
    shared_index *x = mem_alloc_zero(sizeof *x);
    if (!x) return error_memory(error, sizeof *x, "an index");
    x->number = record->number;
    x->record = record->file;
    x->of = of;
    mv_err err = open_index_file(e, x, slot, path, &why);
    if (err == MV_NO_MEMORY) {
        index_free(x);
        return error_set(error, err, "%s", why.text);
    }
    if (err) {
        x->is_transient = err != MV_CORRUPT && err != MV_WRONG_VERSION;
        memcpy(x->warning, why.text, sizeof x->warning);
        atomic_init(&x->is_damaged, true);
        section_file_close(x->file);
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
        x->of->refs--;
        index_free(x);
    }
}

/* ---------------------------------------------------------------- damage */

void shared_index_note_damage(engine *e, shared_index *x, const mv_error *why)
{
    char name[SEGMENT_FILE_NAME_SIZE];
    mv_error text = *why;
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
        err = x->record.kind == SECTION_FILE_HNSW ? hnsw_check(&x->graph, &why)
                                                  : invert_check(&x->lists, &x->column, &why);
        if (err) (void)error_prefix(&why, err, "%s: ", name);
    }
    if (err == MV_CORRUPT) shared_index_note_damage(e, x, &why);
    return err ? error_set(error, err, "%s", why.text) : MV_OK;
}
