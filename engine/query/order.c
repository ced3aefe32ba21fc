/* order_by: parsing its text, comparing rows, and the bounded heap of the first rows. */
#include "query/order.h"

#include <ctype.h>
#include <string.h>

#include "base/heap.h"
#include "base/order_key.h"

/* ---------------------------------------------------------------- parsing */

/* The next word (letters, digits, underscores) at or after *at; moves *at behind it. Returns the
 * size of the word, 0 if there is none. */
static size_t read_word(const char **at, const char **word)
{
    while (isspace((unsigned char)**at)) ++*at;
    *word = *at;
    while (isalnum((unsigned char)**at) || **at == '_') ++*at;
    return (size_t)(*at - *word);
}

static bool word_is(const char *word, size_t size, const char *wanted)
{
    if (size != strlen(wanted)) return false;
    for (size_t i = 0; i < size; i++)
        if (toupper((unsigned char)word[i]) != wanted[i]) return false;
    return true;
}

static mv_err find_order_key(const mv_schema *schema, const char *name, size_t size, order_key *key,
                             mv_error *error)
{
    if (size == 2 && memcmp(name, "id", 2) == 0) {
        key->field = ORDER_BY_ID;
        return MV_OK;
    }
    if (!mv_schema_find_field(schema, name, size, &key->field)) {
        (void)schema_unknown_field(schema, name, size, false, error);
        return error_prefix(error, MV_MISUSE, "order_by: ");
    }
    mv_type type = schema->fields[key->field].type;
    if (!(type & MV_ARRAY) && !type_is_of_vectors(type)) return MV_OK;
    return error_set(error, MV_MISUSE, "order_by: field '%.*s' is %s, which cannot be sorted by",
                     (int)size, name, type_name(type));
}

mv_err order_parse(const mv_schema *schema, const char *text, order *out, mv_error *error)
{
    *out = (order){0};
    if (!text) return MV_OK;
    for (const char *at = text;; at++) {
        const char *word;
        order_key key = {0};
        size_t size = read_word(&at, &word);
        if (!size)
            return error_set(error, MV_MISUSE, "order_by:%zu: expected a field name",
                             (size_t)(at - text) + 1);
        MV_TRY(find_order_key(schema, word, size, &key, error));
        size = read_word(&at, &word);
        if (word_is(word, size, "DESC"))
            key.descending = true;
        else if (size && !word_is(word, size, "ASC"))
            return error_set(error, MV_MISUSE, "order_by:%zu: expected ASC or DESC",
                             (size_t)(word - text) + 1);
        if (out->count == MV_ORDER_BY_MAX)
            return error_set(error, MV_LIMIT, "order_by: more than %u keys", MV_ORDER_BY_MAX);
        out->keys[out->count++] = key;
        while (isspace((unsigned char)*at)) at++;
        if (!*at) return MV_OK;
        if (*at != ',')
            return error_set(error, MV_MISUSE, "order_by:%zu: expected ',' or the end",
                             (size_t)(at - text) + 1);
    }
}

bool order_uses_field(const order *o, uint32_t field)
{
    for (uint32_t i = 0; i < o->count; i++)
        if (o->keys[i].field == field) return true;
    return false;
}

bool order_uses_id(const order *o)
{
    return order_uses_field(o, ORDER_BY_ID);
}

/* ---------------------------------------------------------------- comparing */

static mv_err text_of(const table_column *column, uint32_t row, const char *name, order_value *out,
                      mv_error *error)
{
    uint64_t size;
    if (!table_cell(column, row, &out->text, &size) || size > MV_ROW_SIZE_MAX)
        return error_set(error, MV_CORRUPT, "row %u of '%s' is damaged", row, name);
    out->size = (uint32_t)size;
    return MV_OK;
}

static mv_err order_value_of(const order_heap *heap, const order_key *key, const table *t,
                             uint32_t row, order_value *out, mv_error *error)
{
    *out = (order_value){0};
    if (key->field == ORDER_BY_ID) return text_of(&t->ids, row, "id", out, error);
    const schema_field *field = &heap->schema->fields[key->field];
    const table_column *column = &t->columns[key->field];
    mv_assert(!(field->type & MV_ARRAY)); /* order_parse refuses arrays and vectors */
    if ((out->is_null = table_is_null(column, row))) return MV_OK;
    if (type_is_text(field->type)) return text_of(column, row, field->name, out, error);
    out->number = order_key_of(field->type, column->values + (size_t)row * cell_width(field->type));
    return MV_OK;
}

static int compare_order_values(const order_value *a, const order_value *b)
{
    if (a->is_null || b->is_null) return (int)b->is_null - (int)a->is_null;
    if (!a->text) return a->number < b->number ? -1 : a->number > b->number;
    size_t size = a->size < b->size ? a->size : b->size;
    int order_of_bytes = size ? memcmp(a->text, b->text, size) : 0;
    if (order_of_bytes) return order_of_bytes;
    return a->size < b->size ? -1 : a->size > b->size;
}

/* Does the first entry come after the second? `ctx` is the order. */
static bool is_after(const void *ctx, const void *first, const void *second)
{
    const order *o = ctx;
    const order_entry *a = first, *b = second;
    for (uint32_t i = 0; i < o->count; i++) {
        int difference = compare_order_values(&a->values[i], &b->values[i]);
        if (difference) return o->keys[i].descending ? difference < 0 : difference > 0;
    }
    return a->docid > b->docid;
}

/* ---------------------------------------------------------------- the heap */

mv_err order_start(order_heap *heap, const order *o, const mv_schema *schema, uint32_t capacity,
                   mem_arena *arena, mv_error *error)
{
    mv_assert(capacity >= 1);
    mv_assert(o->count <= MV_ORDER_BY_MAX);
    *heap = (order_heap){.o = o, .schema = schema, .arena = arena, .capacity = capacity};
    heap->entries = mem_arena_alloc(arena, capacity * sizeof *heap->entries);
    return heap->entries ? MV_OK
                         : error_memory(error, capacity * sizeof *heap->entries, "ordered rows");
}

/* Copy the values into the entry: into `reused`, the array of the entry that it replaces, or (NULL)
 * into a new array. Strings are copied, too: a block of fresh rows is overwritten by the next. */
static mv_err copy_values(order_heap *heap, order_entry *entry, const order_value *values,
                          order_value *reused, mv_error *error)
{
    size_t size = heap->o->count * sizeof *values;
    entry->values = reused ? reused : mem_arena_alloc(heap->arena, size);
    if (!entry->values) return error_memory(error, size, "ordered rows");
    if (size) memcpy(entry->values, values, size);
    for (uint32_t i = 0; i < heap->o->count; i++) {
        order_value *value = &entry->values[i];
        if (!value->text) continue;
        value->text = mem_arena_copy(heap->arena, value->text, value->size);
        if (!value->text) return error_memory(error, value->size, "ordered rows");
    }
    return MV_OK;
}

mv_err order_begin_after(order_heap *heap, const table *t, uint32_t row, mv_error *error)
{
    order_value values[MV_ORDER_BY_MAX];
    order_entry *after = mem_arena_alloc(heap->arena, sizeof *after);
    if (!after) return error_memory(error, sizeof *after, "ordered rows");
    *after = (order_entry){.docid = t->docids[row]};
    for (uint32_t i = 0; i < heap->o->count; i++)
        MV_TRY(order_value_of(heap, &heap->o->keys[i], t, row, &values[i], error));
    MV_TRY(copy_values(heap, after, values, NULL, error));
    heap->after = after;
    return MV_OK;
}

mv_err order_push(order_heap *heap, const table *t, uint32_t row, uint32_t source,
                  uint64_t caller_row, mv_error *error)
{
    order_value values[MV_ORDER_BY_MAX];
    mv_assert(row < t->rows);
    mv_assert(heap->count <= heap->capacity);
    order_entry entry = {
        .docid = t->docids[row], .row = caller_row, .source = source, .values = values};
    for (uint32_t i = 0; i < heap->o->count; i++)
        MV_TRY(order_value_of(heap, &heap->o->keys[i], t, row, &values[i], error));
    if (heap->after && !is_after(heap->o, &entry, heap->after)) return MV_OK;
    if (heap->count < heap->capacity) {
        MV_TRY(copy_values(heap, &entry, values, NULL, error));
        heap_sift_up(heap->entries, heap->count++, &entry, sizeof entry, is_after, heap->o);
        return MV_OK;
    }
    if (!is_after(heap->o, &heap->entries[0], &entry)) return MV_OK; /* I16 */
    MV_TRY(copy_values(heap, &entry, values, heap->entries[0].values, error));
    heap_sift_down(heap->entries, heap->count, 0, &entry, sizeof entry, is_after, heap->o);
    return MV_OK;
}

void order_finish(order_heap *heap)
{
    for (uint32_t count = heap->count; count > 1; count--) {
        order_entry last = heap->entries[count - 1];
        heap->entries[count - 1] = heap->entries[0];
        heap_sift_down(heap->entries, count - 1, 0, &last, sizeof last, is_after, heap->o);
    }
}
