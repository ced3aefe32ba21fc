/* All of the engine's memory: counted, and failing on demand in tests.
 *
 * The count is global; a collection's share is what its own structures report. Sizes are given back
 * at free so that no block needs a header. */
#ifndef MV_MEM_H
#define MV_MEM_H

#include <stdlib.h> /* before its names are poisoned below */

#include "base/config.h"

/* NULL when there is no memory (or `size` is absurd). Contents undefined; aligned for any type. */
void *mem_alloc(size_t size);
void *mem_alloc_zero(size_t size);
/* 64-byte aligned, for vectors; freed by mem_free like any other. */
void *mem_alloc_aligned(size_t size);
/* On failure NULL, and the old block stays. `old` may be NULL with old_size 0. Not for aligned
 * blocks. */
void *mem_realloc(void *old, size_t old_size, size_t size);
void mem_free(void *block, size_t size); /* NULL is fine */

/* Make space for one more item in an array of `count` items that has space for *capacity, which
 * doubles where it is reached. Returns the array, moved or not. NULL: no memory; the array and
 * *capacity are as before. An array begins as NULL with capacity 0. */
void *mem_grow(void *items, uint32_t *capacity, uint32_t count, size_t item_size);

/* Bytes allocated and not freed, in this process. */
size_t mem_bytes(void);

/* Tests: let the n-th allocation from now fail (1 = the next), and with `persist` all after it too;
 * 0 switches it off. */
void mem_fail_at(uint64_t n, bool persist);

/* a × b, or false when it does not fit. */
static inline bool mem_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool mem_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* `size` rounded up to whole cache lines, as mem_alloc_aligned aligns: parts of one block laid out
 * behind each other stay aligned. */
static inline size_t mem_whole_lines(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

/* A growing array of bytes. Starts as zeros: {0}. */
typedef struct mem_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
} mem_buffer;

/* Make room for `extra` more bytes after `size`. False: no memory, nothing changed. */
bool mem_buffer_reserve(mem_buffer *buffer, size_t extra);
bool mem_buffer_append(mem_buffer *buffer, const void *bytes, size_t size);
void mem_buffer_free(mem_buffer *buffer);

/* An arena: allocations that are all released at once. Starts as zeros: {0}. Blocks are kept by
 * mem_arena_clear for the next round, so that a warm arena allocates nothing. Addresses are stable.
 */
typedef struct mem_arena {
    struct mem_arena_block *first;   /* chain of blocks */
    struct mem_arena_block *current; /* where the next allocation goes */
} mem_arena;

void *mem_arena_alloc(mem_arena *arena,
                      size_t size); /* 16-byte aligned, contents undefined; NULL: no memory */
void *mem_arena_copy(mem_arena *arena, const void *bytes, size_t size);
void mem_arena_clear(mem_arena *arena);
void mem_arena_free(mem_arena *arena);

#ifndef MV_MEM_OWNER
#pragma GCC poison malloc calloc realloc
#endif

#endif
