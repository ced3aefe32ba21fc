/* Checksums: XXH3 with 64 bits, as fast as memory is read. Compiled from the header of xxHash; no
 * library is linked. */
#ifndef MV_HASH_H
#define MV_HASH_H

#include "base/config.h"

uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed);

/* XXH3 with 128 bits, big-endian: the catalog keys of long ids. */
void hash_bytes_128(const void *bytes, size_t size, uint8_t out[16]);

/* A checksum of bytes that come in several pieces. Its value is that of hash_bytes over all bytes
 * added, with seed 0. */
typedef struct hash_stream hash_stream;
hash_stream *hash_stream_create(void); /* NULL: no memory */
void hash_stream_reset(hash_stream *stream);
void hash_stream_add(hash_stream *stream, const void *bytes, size_t size);
uint64_t hash_stream_value(const hash_stream *stream);
void hash_stream_free(hash_stream *stream);

#endif
