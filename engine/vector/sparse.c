/* Sparse vectors: storing, and comparing one with many (sparse.h). */
#include "vector/sparse.h"

#include <math.h>
#include <stdlib.h>

#include "base/bits.h"

#define SLOTS_OF_ENTRY 4u /* at least: most indexes that are looked up are not there */
/* Bits of sparse_query.marks: 32 for each slot, and at most as many as fit into the first-level
 * cache. */
#define MARKS_OF_SLOT_LOG2 5u
#define MARKS_MAX_LOG2     18u

/* ---------------------------------------------------------------- storing */

typedef struct entry {
    uint32_t index;
    float number;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

/* Sort the entries, and leave out zeros. */
static mv_err gather_entries(const char *field, const mv_sparse *given, entry *out, uint32_t *count,
                             mv_error *error)
{
    *count = (uint32_t)given->count;
    for (uint32_t i = 0; i < *count; i++) {
        entry e = {given->indices[i], given->numbers[i]};
        if (!(fabsf(e.number) <= MV_VECTOR_NUMBER_MAX))
            return error_set(error, MV_MISUSE,
                             "field '%.64s': the number at index %u of the sparse vector is %.9g, "
                             "it must be from -1e15 to 1e15",
                             field, e.index, (double)e.number);
        out[i] = e;
    }
    qsort(out, *count, sizeof *out, compare_entries);
    for (uint32_t i = 1; i < *count; i++)
        if (out[i].index == out[i - 1].index)
            return error_set(error, MV_MISUSE,
                             "field '%.64s': the sparse vector has index %u twice", field,
                             out[i].index);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++)
        if (out[i].number != 0) out[kept++] = out[i];
    *count = kept;
    return MV_OK;
}

mv_err sparse_encode(const char *field, const mv_sparse *given, mem_buffer *out, mv_error *error)
{
    uint32_t count;
    if (given->count > MV_SPARSE_MAX)
        return error_set(error, MV_MISUSE,
                         "field '%.64s': the sparse vector has %zu entries, it may have %u", field,
                         given->count, MV_SPARSE_MAX);
    size_t size = given->count * sizeof(entry), cell_size = given->count * (size_t)SPARSE_ENTRY;
    entry *entries = mem_alloc(size + 1);
    if (!entries || !mem_buffer_reserve(out, cell_size + 1)) { /* + 1: of none, too */
        mem_free(entries, size + 1);
        return error_memory(error, size + cell_size, "a sparse vector");
    }
    mv_err err = gather_entries(field, given, entries, &count, error);
    uint8_t *bytes = out->data + out->size;
    for (uint32_t i = 0; !err && i < count; i++) {
        memcpy(bytes + (size_t)4 * i, &entries[i].index, 4);
        memcpy(bytes + (size_t)4 * (count + (size_t)i), &entries[i].number, 4);
    }
    if (!err) out->size += count * (size_t)SPARSE_ENTRY;
    mem_free(entries, size + 1);
    return err;
}

bool sparse_is_sound(const uint8_t *bytes, size_t size)
{
    if (size % SPARSE_ENTRY || size / SPARSE_ENTRY > MV_SPARSE_MAX) return false;
    uint32_t count = sparse_count(size);
    for (uint32_t i = 0; i < count; i++) {
        float number = sparse_number_at(bytes, count, i);
        if (!(fabsf(number) <= MV_VECTOR_NUMBER_MAX) || number == 0) return false;
        if (i && sparse_index_at(bytes, i) <= sparse_index_at(bytes, i - 1)) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- comparing */

/* Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4). */
static inline uint32_t hash_of_index(uint32_t index)
{
    return index * UINT32_C(2654435769);
}

mv_err sparse_prepare(sparse_query *query, const uint8_t *bytes, size_t size, mem_arena *arena,
                      mv_error *error)
{
    uint32_t count = sparse_count(size), bits = 2;
    while (((uint32_t)1 << bits) < SLOTS_OF_ENTRY * count) bits++;
    uint32_t marks_bits = bits + MARKS_OF_SLOT_LOG2;
    if (marks_bits > MARKS_MAX_LOG2) marks_bits = MARKS_MAX_LOG2;
    size_t slots_size = sizeof *query->slots << bits, marks_size = ((size_t)1 << marks_bits) / 8;
    uint32_t *copy = mem_arena_alloc(arena, size + 1);
    *query = (sparse_query){.count = count, .shift = 32 - bits, .marks_shift = 32 - marks_bits};
    query->slots = mem_arena_alloc(arena, slots_size);
    query->marks = mem_arena_alloc(arena, marks_size);
    if (!copy || !query->slots || !query->marks)
        return error_memory(error, size + slots_size + marks_size, "a query");
    if (size) memcpy(copy, bytes, size);
    memset(query->slots, 0, slots_size);
    memset(query->marks, 0, marks_size);
    query->indices = copy;
    query->numbers = (const float *)(const void *)(copy + count);
    uint32_t mask = ((uint32_t)1 << bits) - 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t hash = hash_of_index(copy[i]), at = hash >> query->shift;
        while (query->slots[at]) at = (at + 1) & mask;
        query->slots[at] = i + 1;
        bits_set(query->marks, hash >> query->marks_shift);
    }
    return MV_OK;
}

/* The position of an entry of the query + 1, or 0: it has no such index. */
static inline uint32_t find_entry(const sparse_query *query, uint32_t index)
{
    uint32_t at = hash_of_index(index) >> query->shift, mask = UINT32_MAX >> query->shift, slot;
    while ((slot = query->slots[at]) && query->indices[slot - 1] != index) at = (at + 1) & mask;
    return slot;
}

/* Most entries of a row are not among those of the query. The bitmap tells so without a branch,
 * which the processor could not predict, in a third of the time that the hash table takes. */
float sparse_product(const sparse_query *query, const uint8_t *bytes, size_t size, uint32_t *shared)
{
    uint32_t count = sparse_count(size);
    double sum = 0;
    *shared = 0;
    for (uint32_t begin = 0; begin < count; begin += 64) {
        uint32_t many = count - begin < 64 ? count - begin : 64;
        uint64_t marked = 0;
        for (uint32_t i = 0; i < many; i++) {
            uint32_t mark = hash_of_index(sparse_index_at(bytes, begin + i)) >> query->marks_shift;
            marked |= (query->marks[mark / 64] >> mark % 64 & 1) << i;
        }
        for (; marked; marked &= marked - 1) {
            uint32_t at = begin + MV_LOWEST_BIT(marked),
                     slot = find_entry(query, sparse_index_at(bytes, at));
            if (!slot) continue;
            sum += (double)query->numbers[slot - 1] * (double)sparse_number_at(bytes, count, at);
            ++*shared;
        }
    }
    return (float)sum;
}
