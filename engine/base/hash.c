/* XXH3 behind our own names. */
#define MV_MEM_OWNER /* xxhash.h mentions malloc, which mem.h poisons */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"
#include "moonvec.h"

struct hash_stream {
    XXH3_state_t state; /* must be aligned to 64 bytes */
};

uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

uint64_t mv_hash(const void *bytes, size_t size)
{
    return hash_bytes(bytes, size, 0);
}

void hash_bytes_128(const void *bytes, size_t size, uint8_t out[16])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    memcpy(out, canonical.digest, 16);
}

hash_stream *hash_stream_create(void)
{
    hash_stream *stream = mem_alloc_aligned(sizeof *stream);
    mv_assert((uintptr_t)stream % 64 == 0);
    if (stream) hash_stream_reset(stream);
    return stream;
}

void hash_stream_reset(hash_stream *stream)
{
    (void)XXH3_64bits_reset(&stream->state);
}

void hash_stream_add(hash_stream *stream, const void *bytes, size_t size)
{
    mv_assert(bytes || size == 0);
    (void)XXH3_64bits_update(&stream->state, bytes, size);
}

uint64_t hash_stream_value(const hash_stream *stream)
{
    return XXH3_64bits_digest(&stream->state);
}

void hash_stream_free(hash_stream *stream)
{
    mem_free(stream, sizeof *stream);
}
