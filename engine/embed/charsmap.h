/* The precompiled map of SentencePiece: from characters and clusters to what replaces them. */
#ifndef MV_CHARSMAP_H
#define MV_CHARSMAP_H

#include "base/error.h"
#include "base/mem.h"

typedef struct charsmap {
    const uint8_t *units; /* of a double-array trie: units_count little-endian uint32 */
    uint32_t units_count;
    const uint8_t *strings; /* the replacements, each followed by a zero byte */
    size_t strings_size;
} charsmap;

/* Find the parts of a map, whose bytes stay lent. MV_CORRUPT: the sizes do not fit. */
mv_err charsmap_read(charsmap *map, const uint8_t *bytes, size_t size, mv_error *error);

/* Append the text, which is valid UTF-8, with its characters replaced. False: no memory. */
bool charsmap_apply(const charsmap *map, const uint8_t *text, uint32_t size, mem_buffer *out);

#endif
