#include "embed/word_list.h"

#include <string.h>

#include "base/hash.h"

#define WORDS_COUNT_MAX (1u << 30)

mv_err word_list_add(word_list *words, const void *text, size_t size, mv_error *error)
{
    uint32_t end = (uint32_t)(words->text.size + size);
    if (words->count >= WORDS_COUNT_MAX || words->text.size + size > UINT32_MAX)
        return error_set(error, MV_LIMIT, "more than %u words, or 4 GB of them", WORDS_COUNT_MAX);
    if (!mem_buffer_append(&words->text, text, size) ||
        !mem_buffer_append(&words->ends, &end, sizeof end))
        return error_memory(error, size, "a word");
    words->count++;
    return MV_OK;
}

mv_text word_list_at(const word_list *words, uint32_t number)
{
    const uint32_t *ends = (const uint32_t *)(const void *)words->ends.data;
    uint32_t begin = number ? ends[number - 1] : 0;
    return (mv_text){(const char *)words->text.data + begin, ends[number] - begin};
}

/* The slot of a word: its own, or the free one where it belongs. */
static uint32_t *word_slot(const word_list *words, const void *text, size_t size)
{
    uint32_t mask = (1u << words->slots_bits) - 1;
    uint32_t at = (uint32_t)hash_bytes(text, size, 0) & mask;
    for (;; at = (at + 1) & mask) {
        if (!words->slots[at]) return &words->slots[at];
        mv_text word = word_list_at(words, words->slots[at] - 1);
        if (word.size == size && memcmp(word.data, text, size) == 0) return &words->slots[at];
    }
}

mv_err word_list_close(word_list *words, mv_error *error)
{
    words->slots_bits = 4;
    while (1u << words->slots_bits < words->count * 2) words->slots_bits++;
    size_t size = sizeof *words->slots << words->slots_bits;
    words->slots = mem_alloc_zero(size);
    if (!words->slots) return error_memory(error, size, "a table of words");
    for (uint32_t i = 0; i < words->count; i++) {
        mv_text word = word_list_at(words, i);
        uint32_t *slot = word_slot(words, word.data, word.size);
        if (!*slot) *slot = i + 1;
    }
    return MV_OK;
}

void word_list_free(word_list *words)
{
    mem_buffer_free(&words->text);
    mem_buffer_free(&words->ends);
    if (words->slots) mem_free(words->slots, sizeof *words->slots << words->slots_bits);
    *words = (word_list){0};
}

uint32_t word_list_find(const word_list *words, const void *text, size_t size)
{
    uint32_t slot = *word_slot(words, text, size);
    return slot ? slot - 1 : MV_TOKEN_NONE;
}
