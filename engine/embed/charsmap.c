/* The map as SentencePiece writes it ("precompiled_charsmap"): the size of a trie in bytes, the
 * trie as Darts-clone builds it, and strings. A unit of the trie is a uint32: bits 0 to 7 and 31
 * are the byte that leads to it, bit 8 says that a value follows, bit 9 that its offset is times
 * 256, bits 10 to 30 are the offset to its children. A value is a place in the strings.
 *
 * What is looked up follows the tokenizers of Hugging Face: a cluster of less than 6 bytes as a
 * whole, of which the shortest match replaces all of it; else each of its characters. */
#include "embed/charsmap.h"

#include <string.h>

#include "text/text_character.h"
#include "text/text_utf8.h"

#define CLUSTER_SIZE_MAX 6u /* bytes; longer clusters are not looked up */

mv_err charsmap_read(charsmap *map, const uint8_t *bytes, size_t size, mv_error *error)
{
    uint32_t trie_size = 0;
    if (size >= sizeof trie_size) memcpy(&trie_size, bytes, sizeof trie_size);
    if (size < sizeof trie_size || trie_size > size - sizeof trie_size || trie_size % 4 ||
        trie_size == 0)
        return error_set(error, MV_CORRUPT,
                         "the normalizer's map of characters has %zu bytes, its trie would have %u",
                         size, (unsigned)trie_size);
    map->units = bytes + sizeof trie_size;
    map->units_count = trie_size / 4;
    map->strings = map->units + trie_size;
    map->strings_size = size - sizeof trie_size - trie_size;
    return MV_OK;
}

/* The unit at a place, or 0, which leads nowhere: the map may be damaged. */
static uint32_t unit_at(const charsmap *map, uint32_t at)
{
    uint32_t unit = 0;
    if (at < map->units_count) memcpy(&unit, map->units + (size_t)at * 4, sizeof unit);
    return unit;
}

static uint32_t unit_offset(uint32_t unit)
{
    return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* Append what replaces `key`. False: nothing does, or no memory, then *has_memory is false. */
static bool replace_key(const charsmap *map, const uint8_t *key, uint32_t size, mem_buffer *out,
                        bool *has_memory)
{
    uint32_t at = unit_offset(unit_at(map, 0));
    for (uint32_t i = 0; i < size && key[i]; i++) {
        at ^= key[i];
        uint32_t unit = unit_at(map, at);
        if ((unit & (1u << 31 | 0xFF)) != key[i]) return false;
        at ^= unit_offset(unit);
        if (!(unit >> 8 & 1)) continue;
        size_t begin = unit_at(map, at) & ~(1u << 31);
        if (begin >= map->strings_size) return false;
        const uint8_t *string = map->strings + begin;
        const uint8_t *end = memchr(string, 0, map->strings_size - begin);
        size_t length = end ? (size_t)(end - string) : map->strings_size - begin;
        if (!mem_buffer_append(out, string, length)) return *has_memory = false;
        return true;
    }
    return false;
}

/* The end of the cluster that begins at `at`. */
static uint32_t cluster_end(const uint8_t *text, uint32_t size, uint32_t at)
{
    uint32_t bytes;
    uint32_t before = text_utf8_decode(text, size, at, &bytes);
    int32_t state = 0;
    for (at += bytes; at < size; at += bytes) {
        uint32_t c = text_utf8_decode(text, size, at, &bytes);
        /* Between two characters of ASCII a cluster ends, but for CR LF. */
        bool breaks = before < 0x80 && c < 0x80 ? !(before == '\r' && c == '\n')
                                                : text_character_breaks(before, c, &state);
        if (breaks) break;
        before = c;
    }
    return at;
}

bool charsmap_apply(const charsmap *map, const uint8_t *text, uint32_t size, mem_buffer *out)
{
    bool has_memory = true;
    for (uint32_t at = 0, end; at < size && has_memory; at = end) {
        end = cluster_end(text, size, at);
        if (end - at < CLUSTER_SIZE_MAX && replace_key(map, text + at, end - at, out, &has_memory))
            continue;
        for (uint32_t bytes; at < end && has_memory; at += bytes) {
            text_utf8_decode(text, size, at, &bytes);
            if (!replace_key(map, text + at, bytes, out, &has_memory) && has_memory)
                has_memory = mem_buffer_append(out, text + at, bytes);
        }
    }
    return has_memory;
}
