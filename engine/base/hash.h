/* Checksums: XXH3, 64 bits, at memory speed. Inlined from the header; no library is linked. */
#ifndef MV_HASH_H
#define MV_HASH_H

#include "base/config.h"

uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed);

/* 128 bits, for the keys of long ids. */
void hash_bytes_128(const void *bytes, size_t size, uint8_t out[16]);

/* A checksum built piece by piece: equal to hash_bytes over all pieces with seed 0. */
typedef struct hash_stream hash_stream;
hash_stream *hash_stream_create(void); /* NULL: no memory */
void hash_stream_reset(hash_stream *stream);
void hash_stream_add(hash_stream *stream, const void *bytes, size_t size);
uint64_t hash_stream_value(const hash_stream *stream);
void hash_stream_free(hash_stream *stream);

#endif
