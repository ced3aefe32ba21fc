/* All memory of the engine is allocated here: it is counted, and fails on demand in tests.
 *
 * The count is one for the process; the share of a collection is what its structures report. The
 * caller passes the size of a block again when it frees it, so that no block needs a header. */
#ifndef MV_MEM_H
#define MV_MEM_H

#include <stdlib.h> /* included before its names are poisoned below */

#include "base/config.h"

/* NULL: no memory. Contents undefined; aligned for any type. Size 0 gives a block, too. */
void *mem_alloc(size_t size);
void *mem_alloc_zero(size_t size);
/* The same, aligned to 64 bytes: for vectors. Freed by mem_free. */
void *mem_alloc_aligned(size_t size);
/* Resize a block. NULL: no memory, and the old block stays as it is. `old` may be NULL with
 * old_size 0. The result is not aligned to 64 bytes, even if `old` was. */
void *mem_realloc(void *old, size_t old_size, size_t size);
/* `size` is the one that the block was allocated or last resized with. NULL is fine. */
void mem_free(void *block, size_t size);

/* Make space for one more item in an array of `count` items that has space for *capacity, which
 * doubles where it is reached. Returns the array, moved or not. NULL: no memory; the array and
 * *capacity are as before. An array begins as NULL with capacity 0. */
void *mem_grow(void *items, uint32_t *capacity, uint32_t count, size_t item_size);

/* Bytes allocated and not freed, in this process. */
size_t mem_bytes(void);

/* For tests: let the n-th allocation from now fail (1: the next one), and with `persist` also all
 * allocations after it. n 0: let none fail. */
void mem_fail_at(uint64_t n, bool persist);

/* *out = a × b, or a + b. False: the result does not fit in a size_t. */
static inline bool mem_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool mem_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* The size of an array. SIZE_MAX, which no allocation can have, if it does not fit in a size_t: so
 * that one who allocates it has no memory. */
static inline size_t mem_array_size(uint64_t count, size_t item_size)
{
    size_t size;
    return __builtin_mul_overflow(count, item_size, &size) ? SIZE_MAX : size;
}

/* `size` rounded up to whole cache lines of 64 bytes. Arrays of such sizes, laid out one after the
 * other in one block of mem_alloc_aligned, are all aligned. */
static inline size_t mem_whole_lines(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

/* A growing array of bytes. Starts as {0}. */
typedef struct mem_buffer {
    uint8_t *data;
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
} mem_buffer;

/* Make space for `extra` more bytes after `size`. False: no memory, and nothing changed. */
bool mem_buffer_reserve(mem_buffer *buffer, size_t extra);
bool mem_buffer_append(mem_buffer *buffer, const void *bytes, size_t size);
void mem_buffer_free(mem_buffer *buffer);

/* An arena: many allocations, all released at once. Starts as {0}. mem_arena_clear keeps the blocks
 * for the next allocations, so that a warm arena takes no memory from the system. Addresses do not
 * change. */
typedef struct mem_arena {
    struct mem_arena_block *first;   /* chain of blocks */
    struct mem_arena_block *current; /* where the next allocation goes */
} mem_arena;

/* Aligned to 16 bytes, contents undefined. NULL: no memory. */
void *mem_arena_alloc(mem_arena *arena, size_t size);
void *mem_arena_copy(mem_arena *arena, const void *bytes, size_t size);
void mem_arena_clear(mem_arena *arena); /* release all allocations, keep the blocks */
/* The same, but keep only the first blocks, of at most `most` bytes. */
void mem_arena_trim(mem_arena *arena, size_t most);
void mem_arena_free(mem_arena *arena);

#ifndef MV_MEM_OWNER
#pragma GCC poison malloc calloc realloc
#endif

#endif
