/* Files of word vectors. */
#ifndef MV_WORD_FILE_H
#define MV_WORD_FILE_H

#include "embed/token_rows.h"
#include "embed/word_list.h"

/* Read the mapped file of `rows` (token_rows_map): its words, and their vectors. The vectors of the
 * binary format stay in the file; those of the text format are read into memory, and the file is
 * unmapped. *hash is of what was read. MV_CORRUPT: names the line or the word. */
mv_err word_file_read(word_list *words, token_rows *rows, uint64_t *hash, mv_error *error);

#endif
