/* The known words of a text, for files of word vectors (mv_embedder_open_words). */
#ifndef MV_WORD_SPLITTER_H
#define MV_WORD_SPLITTER_H

#include "embed/word_list.h"

/* Memory that a call needs. Starts as {0}; the caller keeps it for the next text. */
typedef struct word_room {
    mem_buffer ids, plain, lower;
} word_room;

/* The numbers of the first words of a text, at most `most`: *ids is in the room. */
mv_err word_splitter_run(const word_list *words, mv_text text, uint32_t most, word_room *room,
                         const uint32_t **ids, uint32_t *count, mv_error *error);
void word_splitter_free(word_room *room);

#endif
