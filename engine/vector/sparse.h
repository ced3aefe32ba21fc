/* Sparse vectors: the numbers that are not zero, each with its index. Their score is the inner
 * product, as of the metric `ip`.
 *
 * A stored sparse vector of n entries is the cell of its field:
 *
 *   offset  size  meaning
 *        0    4n  u32 index of each entry, ascending
 *       4n    4n  the number of each entry, a float that is finite and not zero
 *
 * It may have any address. */
#ifndef MV_SPARSE_H
#define MV_SPARSE_H

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define SPARSE_ENTRY 8u /* bytes of an entry */

/* Append the cell of a vector: sorted, without zeros. MV_MISUSE, naming `field`: more than
 * MV_SPARSE_MAX entries, an index twice, a number beyond MV_VECTOR_NUMBER_MAX. */
mv_err sparse_encode(const char *field, const mv_sparse *given, mem_buffer *out, mv_error *error);

/* Are the bytes a stored sparse vector? */
bool sparse_is_sound(const uint8_t *bytes, size_t size);

/* The number of entries. */
static inline uint32_t sparse_count(size_t size)
{
    return (uint32_t)(size / SPARSE_ENTRY);
}
static inline uint32_t sparse_index_at(const uint8_t *bytes, uint32_t at)
{
    uint32_t index;
    memcpy(&index, bytes + (size_t)4 * at, sizeof index);
    return index;
}
static inline float sparse_number_at(const uint8_t *bytes, uint32_t count, uint32_t at)
{
    float number;
    memcpy(&number, bytes + (size_t)4 * (count + (size_t)at), sizeof number);
    return number;
}

/* A vector to compare with many: its entries, sorted; a hash table of them; and a bitmap, in which
 * few indexes are marked that are not among them. */
typedef struct sparse_query {
    uint32_t count;          /* of entries */
    const uint32_t *indices; /* ascending */
    const float *numbers;
    uint32_t *slots; /* position of the entry + 1, or 0 */
    uint32_t shift;  /* of the hash, 32 - log2 of the number of slots */
    uint64_t *marks;
    uint32_t marks_shift; /* likewise */
} sparse_query;

/* Prepare a stored vector. Memory comes from `arena`. MV_NO_MEMORY. */
mv_err sparse_prepare(sparse_query *query, const uint8_t *bytes, size_t size, mem_arena *arena,
                      mv_error *error);

/* The inner product with a stored vector, added up by ascending index; *shared is how many indexes
 * both have. */
float sparse_product(const sparse_query *query, const uint8_t *bytes, size_t size,
                     uint32_t *shared);

#endif
