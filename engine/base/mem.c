/* Counted memory from the allocator of the program, buffers and arenas. */
#define MV_MEM_OWNER
#include "base/mem.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "moonvec.h"

#if defined(_WIN32) /* aligned blocks have a free of their own there: so all blocks are aligned */
#include <malloc.h>
static void *windows_zeroed(size_t size)
{
    void *block = _aligned_malloc(size, 16);
    return block ? memset(block, 0, size) : NULL;
}
#define malloc(size)               _aligned_malloc(size, 16)
#define calloc(one, size)          windows_zeroed(size)
#define realloc(block, size)       _aligned_realloc(block, size, 16)
#define aligned_alloc(align, size) _aligned_malloc(size, align)
#define free(block)                _aligned_free(block)
#endif

#define MEM_ALIGN      64 /* bytes of a cache line */
#define MEM_GROW_FIRST 8u /* items; chosen: most arrays that grow have fewer */
/* Bytes of an arena's first block, chosen. The n-th has 2^(n - 1) times as many, up to the maximum;
 * one for a larger allocation has the size of that. */
#define MEM_ARENA_BLOCK     16384u
#define MEM_ARENA_BLOCK_MAX (1u << 20)

static atomic_size_t bytes_in_use;
static atomic_uint_fast64_t fail_countdown; /* 0: off */
static atomic_bool fail_persist;

static bool fails_now(void)
{
    uint_fast64_t n = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    if (MV_LIKELY(n == 0)) return false;
    if (n > 1) {
        atomic_store(&fail_countdown, n - 1);
        return false;
    }
    if (!atomic_load(&fail_persist)) atomic_store(&fail_countdown, 0);
    return true;
}

void mem_fail_at(uint64_t n, bool persist)
{
    atomic_store(&fail_persist, persist);
    atomic_store(&fail_countdown, n);
}

size_t mem_bytes(void)
{
    return atomic_load(&bytes_in_use);
}

static void *system_allocate(void *ctx, void *block, size_t old_size, size_t size, size_t alignment)
{
    (void)ctx, (void)old_size;
    if (!size) {
        free(block);
        return NULL;
    }
    if (block) return realloc(block, size);
    if (alignment <= alignof(max_align_t)) return malloc(size);
    size_t rounded;
    if (!mem_add(size, alignment - 1, &rounded)) return NULL;
    return aligned_alloc(alignment, rounded & ~(alignment - 1));
}

/* Set before the first allocation (mv_set_allocator), and only read afterwards. */
static mv_allocate allocate = system_allocate;
static void *allocate_ctx;

void mv_set_allocator(mv_allocate by, void *ctx)
{
    allocate = by;
    allocate_ctx = ctx;
}

/* A block of size 0 is one of a byte. */
static void *resize(void *block, size_t old_size, size_t size, size_t alignment)
{
    return allocate(allocate_ctx, block, block && !old_size ? 1 : old_size, size ? size : 1,
                    alignment);
}

static void *counted(void *block, size_t size)
{
    if (block) atomic_fetch_add_explicit(&bytes_in_use, size, memory_order_relaxed);
    return block;
}

/* A block that is freed with a larger size than it was allocated with shows here at the latest when
 * it is the last one. */
static void uncounted(size_t size)
{
    size_t before = atomic_fetch_sub_explicit(&bytes_in_use, size, memory_order_relaxed);
    mv_assert(before >= size);
    (void)before;
}

void *mem_alloc(size_t size)
{
    if (fails_now()) return NULL;
    return counted(resize(NULL, 0, size, alignof(max_align_t)), size);
}

/* calloc does not touch the pages of a large block. */
void *mem_alloc_zero(size_t size)
{
    if (fails_now()) return NULL;
    if (allocate == system_allocate) return counted(calloc(1, size ? size : 1), size);
    void *block = resize(NULL, 0, size, alignof(max_align_t));
    return counted(block ? memset(block, 0, size) : NULL, size);
}

void *mem_alloc_aligned(size_t size)
{
    if (fails_now()) return NULL;
    return counted(resize(NULL, 0, size, MEM_ALIGN), size);
}

void *mem_realloc(void *old, size_t old_size, size_t size)
{
    mv_assert(old || old_size == 0);
    if (fails_now()) return NULL;
    void *block = resize(old, old_size, size, alignof(max_align_t));
    if (!block) return NULL;
    uncounted(old_size);
    return counted(block, size);
}

void mem_free(void *block, size_t size)
{
    if (!block) return;
    uncounted(size);
    allocate(allocate_ctx, block, size ? size : 1, 0, alignof(max_align_t));
}

void *mem_grow(void *items, uint32_t *capacity, uint32_t count, size_t item_size)
{
    mv_assert(count <= *capacity);
    mv_assert((items == NULL) == (*capacity == 0));
    uint32_t more = *capacity ? *capacity * 2 : MEM_GROW_FIRST;
    size_t size;
    if (count < *capacity) return items;
    if (*capacity > UINT32_MAX / 2 || !mem_mul(more, item_size, &size)) return NULL;
    void *grown = mem_realloc(items, *capacity * item_size, size);
    if (grown) *capacity = more;
    return grown;
}

bool mem_buffer_reserve(mem_buffer *buffer, size_t extra)
{
    size_t needed;
    mv_assert(buffer->size <= buffer->capacity);
    if (!mem_add(buffer->size, extra, &needed)) return false;
    if (needed <= buffer->capacity) return true;
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
    while (capacity < needed)
        if (!mem_mul(capacity, 2, &capacity)) return false;
    uint8_t *data = mem_realloc(buffer->data, buffer->capacity, capacity);
    if (!data) return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

bool mem_buffer_append(mem_buffer *buffer, const void *bytes, size_t size)
{
    if (!mem_buffer_reserve(buffer, size)) return false;
    if (size) memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
    mv_assert(buffer->size <= buffer->capacity);
    return true;
}

void mem_buffer_free(mem_buffer *buffer)
{
    mem_free(buffer->data, buffer->capacity);
    *buffer = (mem_buffer){0};
}

struct mem_arena_block {
    struct mem_arena_block *next;
    size_t capacity; /* bytes after this header */
    size_t used;
    size_t padding; /* makes the header a multiple of 16 bytes, so that the bytes are aligned */
};

static_assert(sizeof(struct mem_arena_block) % 16 == 0, "allocations are aligned to 16 bytes");
static_assert(MEM_ARENA_BLOCK_MAX % MEM_ARENA_BLOCK == 0, "doubling comes to the limit");

/* A block after the current one with `size` bytes free: an old one, or a new one at the end of the
 * chain. NULL: no memory. */
static struct mem_arena_block *arena_block_with(mem_arena *arena, size_t size)
{
    struct mem_arena_block **link = &arena->first;
    size_t capacity = MEM_ARENA_BLOCK, total;
    bool is_after = false;
    for (; *link; link = &(*link)->next) {
        if (is_after) (*link)->used = 0;
        is_after |= *link == arena->current;
        if (is_after && (*link)->capacity - (*link)->used >= size) return *link;
        if (capacity < MEM_ARENA_BLOCK_MAX) capacity *= 2;
    }
    if (capacity < size) capacity = size;
    if (!mem_add(capacity, sizeof(struct mem_arena_block), &total)) return NULL;
    struct mem_arena_block *block = mem_alloc(total);
    if (!block) return NULL;
    *block = (struct mem_arena_block){.capacity = capacity};
    *link = block;
    return block;
}

void *mem_arena_alloc(mem_arena *arena, size_t size)
{
    size_t rounded;
    if (!mem_add(size, 15, &rounded)) return NULL;
    rounded &= ~(size_t)15;
    struct mem_arena_block *block = arena->current;
    if (!block || block->capacity - block->used < rounded) {
        block = arena_block_with(arena, rounded);
        if (!block) return NULL;
        arena->current = block;
    }
    void *bytes = (uint8_t *)(block + 1) + block->used;
    block->used += rounded;
    mv_assert(block->used <= block->capacity);
    mv_assert((uintptr_t)bytes % 16 == 0);
    return bytes;
}

void *mem_arena_copy(mem_arena *arena, const void *bytes, size_t size)
{
    void *copy = mem_arena_alloc(arena, size);
    if (copy && size) memcpy(copy, bytes, size);
    return copy;
}

void mem_arena_clear(mem_arena *arena)
{
    arena->current = arena->first;
    if (arena->first) arena->first->used = 0;
}

void mem_arena_trim(mem_arena *arena, size_t most)
{
    struct mem_arena_block **link = &arena->first;
    size_t kept = 0;
    for (; *link && kept + (*link)->capacity <= most; link = &(*link)->next)
        kept += (*link)->capacity;
    struct mem_arena_block *block = *link;
    *link = NULL;
    while (block) {
        struct mem_arena_block *next = block->next;
        mem_free(block, block->capacity + sizeof *block);
        block = next;
    }
    mem_arena_clear(arena);
}

void mem_arena_free(mem_arena *arena)
{
    mem_arena_trim(arena, 0);
}
