#include "embed/word_splitter.h"

#include <string.h>

#include "text/text_character.h"
#include "text/text_utf8.h"
#include "text/text_word.h"

#define TYPED_APOSTROPHE   0x27u
#define PRINTED_APOSTROPHE 0x2019u

/* Write a word in lower case to room->lower. */
static bool lower_word(const uint8_t *text, uint32_t size, mem_buffer *out)
{
    out->size = 0;
    for (uint32_t at = 0, bytes; at < size; at += bytes) {
        uint32_t lower[2], count, c = text_utf8_decode(text, size, at, &bytes);
        count = text_character_lower(c, lower);
        if (!mem_buffer_reserve(out, 8)) return false;
        for (uint32_t i = 0; i < count; i++)
            out->size += text_utf8_encode(lower[i], out->data + out->size);
    }
    return true;
}

/* Look a word up as it is, then in lower case. False: no memory. */
static bool look_up_word(const word_list *words, const uint8_t *text, uint32_t size,
                         word_room *room, uint32_t *id)
{
    *id = word_list_find(words, text, size);
    if (*id != MV_TOKEN_NONE) return true;
    if (!lower_word(text, size, &room->lower)) return false;
    *id = word_list_find(words, room->lower.data, (uint32_t)room->lower.size);
    return true;
}

/* Add the number of a word, if it is known. False: no memory. */
static bool add_known_word(word_room *room, uint32_t id)
{
    return id == MV_TOKEN_NONE || mem_buffer_append(&room->ids, &id, sizeof id);
}

/* Copy a word to room->plain with the apostrophe that is typed. Returns where the last one is. */
static bool plain_word(const uint8_t *text, uint32_t size, mem_buffer *out, uint32_t *apostrophe)
{
    out->size = 0;
    *apostrophe = 0;
    for (uint32_t at = 0, bytes; at < size; at += bytes) {
        uint32_t c = text_utf8_decode(text, size, at, &bytes);
        bool is_apostrophe = c == TYPED_APOSTROPHE || c == PRINTED_APOSTROPHE;
        if (is_apostrophe) *apostrophe = (uint32_t)out->size;
        if (!mem_buffer_append(out, is_apostrophe ? (const void *)"'" : text + at,
                               is_apostrophe ? 1 : bytes))
            return false;
    }
    return true;
}

/* Add a word, or the two parts of it. */
static bool use_word(const word_list *words, const uint8_t *text, uint32_t size, word_room *room)
{
    uint32_t id, apostrophe;
    if (!look_up_word(words, text, size, room, &id)) return false;
    if (id != MV_TOKEN_NONE) return add_known_word(room, id);
    if (!plain_word(text, size, &room->plain, &apostrophe)) return false;
    if (!apostrophe) return true; /* none, or the word begins with it */
    const uint8_t *plain = room->plain.data;
    uint32_t plain_size = (uint32_t)room->plain.size;
    if (!look_up_word(words, plain, plain_size, room, &id)) return false;
    if (id != MV_TOKEN_NONE) return add_known_word(room, id);
    return look_up_word(words, plain, apostrophe, room, &id) && add_known_word(room, id) &&
           look_up_word(words, plain + apostrophe, plain_size - apostrophe, room, &id) &&
           add_known_word(room, id);
}

mv_err word_splitter_run(const word_list *words, mv_text text, uint32_t most, word_room *room,
                         const uint32_t **ids, uint32_t *count, mv_error *error)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    if (text.size > UINT32_MAX / 4)
        return error_set(error, MV_LIMIT, "the text has %zu bytes, at most %u can be embedded",
                         text.size, UINT32_MAX / 4);
    uint32_t size = (uint32_t)text.size;
    room->ids.size = 0;
    for (uint32_t at = 0, end; at < size && room->ids.size / sizeof **ids < most; at = end) {
        uint8_t flags;
        end = text_word_end(bytes, size, at, WORD_RULES_UNICODE, &flags);
        if ((flags & WORD_SEARCHABLE) && !use_word(words, bytes + at, end - at, room))
            return error_memory(error, size, "the words of a text");
    }
    *ids = (const uint32_t *)(const void *)room->ids.data;
    *count = (uint32_t)(room->ids.size / sizeof **ids);
    if (*count > most) *count = most;
    return MV_OK;
}

void word_splitter_free(word_room *room)
{
    mem_buffer_free(&room->ids);
    mem_buffer_free(&room->plain);
    mem_buffer_free(&room->lower);
}
