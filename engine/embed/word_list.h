/* Words with numbers from 0, and a hash table to look them up. Read-only once it is made. */
#ifndef MV_WORD_LIST_H
#define MV_WORD_LIST_H

#include "base/error.h"
#include "base/mem.h"

typedef struct word_list {
    mem_buffer text; /* of all words */
    mem_buffer ends; /* of uint32_t: where each word ends in `text` */
    uint32_t count;
    uint32_t *slots; /* of the hash table: number of a word + 1; 0: free */
    uint32_t slots_bits;
} word_list;

/* Append a word. MV_LIMIT: too many, or too long together. */
mv_err word_list_add(word_list *words, const void *text, size_t size, mv_error *error);
/* Make the hash table, once all words are there. Of equal words the first is found. */
mv_err word_list_close(word_list *words, mv_error *error);
void word_list_free(word_list *words);

/* The word with this number; lent. */
mv_text word_list_at(const word_list *words, uint32_t number);
/* The number of a word, or MV_TOKEN_NONE. */
uint32_t word_list_find(const word_list *words, const void *text, size_t size);

#endif
