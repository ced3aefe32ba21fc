#include "open/waiting_lists.h"

#include <string.h>

/* Of fewer rows the texts are read as fast as lists are begun. Reading takes 3 us a row of 100
 * words. */
#define WAITING_LISTS_ROWS_MIN 32u

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

void waiting_lists_free(waiting_lists *w)
{
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

/* Copy the parts of a builder, which has much other memory. */
static bool copy_parts_of(waiting_lists *w, index_part *parts, uint32_t count)
{
    size_t size = 0, at = 0;
    for (uint32_t i = 0; i < count; i++) size += mem_whole_lines((size_t)parts[i].size);
    if (!(w->memory = mem_alloc_aligned(size))) return false;
    w->size = size;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(w->memory + at, parts[i].bytes, (size_t)parts[i].size);
        parts[i].bytes = w->memory + at;
        at += mem_whole_lines((size_t)parts[i].size);
    }
    return true;
}

static bool make_lists(waiting_lists *w, const mv_schema *schema, uint32_t field, const table *t)
{
    uint32_t slot = index_slot_of_field(schema, field);
    index_part parts[INDEX_PARTS_MAX];
    index_builder *b = NULL;
    mv_error why;
    w->type = index_slot_type(schema, slot);
    w->source = (index_source){.column = shared_index_column(&schema->fields[field], t, field)};
    if (index_build_whole(w->type, &w->source, index_slot_options(schema, slot), &b, &why))
        return false;
    uint32_t count = w->type->build_parts(b, parts);
    bool ok = copy_parts_of(w, parts, count);
    w->type->build_free(b);
    if (ok && !w->type->open(parts, count, &w->source, &w->opened, &why)) return true;
    mem_free(w->memory, w->size);
    w->memory = NULL;
    w->size = 0;
    return false;
}

const struct ranked_lists *waiting_lists_get(waiting_lists *w, const mv_schema *schema,
                                             uint32_t field, const table *t)
{
    if (!w || t->rows < WAITING_LISTS_ROWS_MIN) return NULL;
    bool is_ready = atomic_load_explicit(&w->is_ready, memory_order_acquire);
    if (!is_ready) {
        if (atomic_exchange(&w->is_busy, true)) return NULL;
        is_ready = atomic_load(&w->is_ready); /* since then */
        if (!is_ready) is_ready = make_lists(w, schema, field, t);
        atomic_store_explicit(&w->is_ready, is_ready, memory_order_release);
        atomic_store(&w->is_busy, false);
    }
    return is_ready ? w->type->ranked(w->opened) : NULL;
}
