#include "open/waiting_codes.h"

#include "open/index_slot.h"

/* Rows that one search encodes: 0.8 ms at 768 dims. */
#define ENCODED_ROWS 256u

waiting_codes *waiting_codes_create(const mv_schema *schema, const segment *s, uint32_t field)
{
    const schema_vector *vector = &schema->vectors[field];
    const table_vectors *rows = &s->table.vectors[field];
    if (!flat_codes_can(vector->type, vector->metric, vector->dim)) return NULL;
    waiting_codes *w = mem_alloc_zero(sizeof *w);
    if (!w) return NULL;
    w->refs = 1;
    w->field = field;
    w->codes.wants_bits = index_slot_type(schema, field) != NULL;
    w->codes.vectors = (codes_vectors){.type = vector->type,
                                       .metric = vector->metric,
                                       .dim = vector->dim,
                                       .rows = s->table.rows,
                                       .base = rows->base,
                                       .stride = rows->stride,
                                       .inverse_norms = rows->inverse_norms};
    return w;
}

void waiting_codes_release_locked(waiting_codes *w)
{
    if (!w) return;
    mv_assert(w->refs > 0);
    if (--w->refs) return;
    if (w->memory) mem_free(w->memory, flat_codes_size(&w->codes));
    mem_free(w, sizeof *w);
}

static bool begin_codes(waiting_codes *w)
{
    if (w->memory) return true;
    w->memory = mem_alloc_aligned(flat_codes_size(&w->codes));
    if (w->memory) flat_codes_begin(&w->codes, w->memory);
    return w->memory;
}

static uint32_t encode_rows(waiting_codes *w, uint32_t first)
{
    const codes_vectors *v = &w->codes.vectors;
    uint32_t end = v->rows - first < ENCODED_ROWS ? v->rows : first + ENCODED_ROWS;
    size_t size = flat_codes_scratch(v->dim) * sizeof(float);
    float *scratch = begin_codes(w) ? mem_alloc_aligned(size) : NULL;
    if (!scratch) return first;
    for (uint32_t row = first; row < end; row++)
        flat_codes_encode(&w->codes, row, v->base + (size_t)row * v->stride,
                          v->inverse_norms ? v->inverse_norms[row] : 0, scratch);
    mem_free(scratch, size);
    return end;
}

uint32_t waiting_codes_advance(waiting_codes *w)
{
    uint32_t encoded = waiting_codes_encoded(w);
    if (encoded == w->codes.vectors.rows || atomic_exchange(&w->is_busy, true)) return encoded;
    encoded = encode_rows(w, waiting_codes_encoded(w));
    atomic_store_explicit(&w->encoded, encoded, memory_order_release);
    atomic_store(&w->is_busy, false);
    return encoded;
}

uint64_t waiting_codes_bytes(const waiting_codes *w)
{
    return flat_codes_size(&w->codes);
}
