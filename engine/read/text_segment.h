/* A full-text query and the ranked lists of one table, a segment or a chunk of fresh rows: the rows
 * of each leaf of the query, and the rows that match its tree. */
#ifndef MV_TEXT_SEGMENT_H
#define MV_TEXT_SEGMENT_H

#include "index/analysis.h"
#include "index/ranked.h"
#include "open/snapshot.h"
#include "text/text_match.h"

/* The rows of one leaf. */
typedef struct text_list {
    uint32_t count;         /* rows, deleted ones included; 0: none */
    uint32_t term;          /* in the dictionary; RANKED_NONE: there are several, or none */
    uint32_t *rows, *freqs; /* of several terms, merged */
    ranked_block *blocks;   /* memory for a cursor over them */
} text_list;

typedef struct text_segment {
    const ranked_lists *lists;
    const text_query *query;
    text_list *leaves;      /* one for each leaf of the query */
    ranked_cursor *cursors; /* one for each leaf; their state does not last */
    const analysis *terms;  /* texts are read where positions do not tell */
    text_match *match;
} text_segment;

/* The lists of a segment of the view, over a text field. *index has them; NULL: they are of rows
 * that wait for an index. NULL: there are none, and the texts are to be read. */
const ranked_lists *text_segment_lists(const snapshot *s, uint32_t at, uint32_t field,
                                       shared_index **index);
/* Memory for a search by text; NULL is MV_NO_MEMORY. */
void *text_segment_alloc(mem_arena *arena, size_t size, mv_error *error);
/* Find the rows of all leaves. Memory comes from `arena`. MV_CORRUPT. */
mv_err text_segment_find(text_segment *s, mem_arena *arena, mv_error *error);
/* Begin to read the rows of a leaf that has some, with its cursor. MV_CORRUPT. */
mv_err text_segment_open(text_segment *s, uint32_t leaf, mv_error *error);
/* How many of the rows of a leaf are not deleted. `live`: bit set = not deleted; NULL: none is. */
mv_err text_segment_count(text_segment *s, uint32_t leaf, const uint64_t *live, uint32_t *count,
                          mv_error *error);
/* Does every row match that has a positive leaf? */
bool text_segment_is_any(const text_query *query);
/* Leave in `matches` only rows that match the tree. */
mv_err text_segment_match(text_segment *s, uint64_t *matches, mem_arena *arena, mv_error *error);

#endif
