#include "open/waiting_lists.h"

#include <string.h>

#include "base/os.h"

/* Fewer rows get no lists: to read 32 texts of 100 words takes 100 us, as it does to begin. */
#define WAITING_LISTS_ROWS_MIN 32u
/* To read texts takes 5 ns a byte, and to make lists three times as long. */
#define READ_SECONDS_PER_BYTE 5e-9

bool waiting_lists_are_wanted(const mv_schema *schema, uint32_t field)
{
    const index_type *type = index_slot_type(schema, index_slot_of_field(schema, field));
    return type && type->ranked && !type_is_sparse(schema->fields[field].type);
}

waiting_lists *waiting_lists_create(void)
{
    waiting_lists *w = mem_alloc_zero(sizeof *w);
    if (w) w->refs = 1;
    return w;
}

static void free_lists_builder(waiting_lists *w)
{
    if (w->builder) w->type->build_free(w->builder);
    w->builder = NULL;
}

void waiting_lists_free(waiting_lists *w)
{
    free_lists_builder(w);
    if (w->opened) w->type->close(w->opened);
    mem_free(w->memory, w->size);
}

void waiting_lists_release_locked(waiting_lists *w)
{
    if (!w) return;
    mv_assert(w->refs > 0);
    if (--w->refs) return;
    waiting_lists_free(w);
    mem_free(w, sizeof *w);
}

static mv_err begin_lists(waiting_lists *w, const mv_schema *schema, uint32_t field, const table *t,
                          mv_error *error)
{
    uint32_t slot = index_slot_of_field(schema, field);
    w->type = index_slot_type(schema, slot);
    w->source = (index_source){.column = shared_index_column(&schema->fields[field], t, field)};
    index_request request = {
        .source = &w->source, .options = index_slot_options(schema, slot), .threads = 1};
    return w->type->build_begin(&request, &w->builder, error);
}

/* Copy the parts of the builder, which has much other memory, and open the copy. */
static mv_err open_copy(waiting_lists *w, mv_error *error)
{
    index_part parts[INDEX_PARTS_MAX];
    uint32_t count = w->type->build_parts(w->builder, parts);
    size_t size = 0, at = 0;
    for (uint32_t i = 0; i < count; i++) size += mem_whole_lines((size_t)parts[i].size);
    uint8_t *memory = mem_alloc_aligned(size);
    if (!memory) return error_memory(error, size, "lists of texts");
    for (uint32_t i = 0; i < count; i++) {
        memcpy(memory + at, parts[i].bytes, (size_t)parts[i].size);
        parts[i].bytes = memory + at;
        at += mem_whole_lines((size_t)parts[i].size);
    }
    mv_err err = w->type->open(parts, count, &w->source, &w->opened, error);
    if (err) {
        mem_free(memory, size);
        return err;
    }
    w->memory = memory;
    w->size = size;
    return MV_OK;
}

/* Go on to make the lists. Returns whether they are complete. */
static bool advance_lists(waiting_lists *w, const mv_schema *schema, uint32_t field, const table *t)
{
    double seconds = READ_SECONDS_PER_BYTE * (double)t->columns[field].bytes_size;
    bool more = true;
    mv_error why;
    mv_err err = w->builder ? MV_OK : begin_lists(w, schema, field, t, &why);
    if (!err) err = w->type->build_step(w->builder, os_seconds() + seconds, &more, &why);
    if (!err && !more) err = open_copy(w, &why);
    if (err || !more) free_lists_builder(w);
    w->has_failed = err && err != MV_NO_MEMORY;
    return !err && !more;
}

const struct ranked_lists *waiting_lists_get(waiting_lists *w, const mv_schema *schema,
                                             uint32_t field, const table *t)
{
    if (!w || t->rows < WAITING_LISTS_ROWS_MIN) return NULL;
    bool is_ready = atomic_load_explicit(&w->is_ready, memory_order_acquire);
    if (!is_ready) {
        if (atomic_exchange(&w->is_busy, true)) return NULL;
        is_ready = atomic_load(&w->is_ready); /* another thread may have completed them meanwhile */
        if (!is_ready && !w->has_failed) is_ready = advance_lists(w, schema, field, t);
        atomic_store_explicit(&w->is_ready, is_ready, memory_order_release);
        atomic_store(&w->is_busy, false);
    }
    return is_ready ? w->type->ranked(w->opened) : NULL;
}
