/* Results: hits, and the snapshot that has their rows. */
#ifndef MV_RESULT_H
#define MV_RESULT_H

#include "open/snapshot.h"
#include "text/text_highlight.h"
#include "transaction/handle.h"

/* The source of a hit is the position of its segment in the view, or RESULT_FRESH: then its row is
 * the address of an encoded row in the catalog's pages, which result_add finds. */
#define RESULT_FRESH UINT32_MAX

#define RESULT_SCRATCH_KEPT ((size_t)256 << 10) /* bytes, for the next search */

struct mv_result {
    engine *e; /* a reference */
    uint64_t fork_generation;
    snapshot own; /* closed when `seen` is lent by an iterator, a column or another result */
    const snapshot *seen;      /* of the commit that has the hits; NULL: the result is empty */
    const writer *transaction; /* that `seen` shows, or NULL; read only while it is open */
    uint64_t writer_number;    /* of that transaction */
    uint64_t changes;          /* of that transaction when the result was filled */
    mv_hit *hits;
    size_t hits_count;
    size_t hits_capacity;
    mem_buffer returned;    /* docids (u64) of the hits of earlier steps of the search */
    size_t returned_sorted; /* how many of them result_was_returned looks at; they are ascending */
    mv_plan_step *steps;    /* of the search, in `arena`; NULL: without explain */
    size_t steps_count;
    mem_arena arena;   /* what lasts as long as the hits */
    mem_arena block;   /* what the filter needs for the current block of rows */
    mem_arena values;  /* lists lent by mv_result_value */
    mem_arena scratch; /* of one search that lasts no longer; RESULT_SCRATCH_KEPT are kept */
    mv_match match;    /* what was searched for by text, in `arena`; no nodes: nothing was */
    struct result_query *queries; /* the same for each field that was highlighted, in `arena` */
    text_highlight *highlight;    /* NULL: none was made */
    mv_snippet snippets[MV_SNIPPETS_MAX];
};

/* Empty the result, and open a snapshot of what `c` sees now. */
mv_err result_begin(mv_result *r, mv_collection *c, mv_error *error);
/* Empty the result, and see the commit of `within`, which outlives what the result sees. */
mv_err result_begin_within(mv_result *r, const mv_result *within, mv_error *error);
/* Continue the search that filled the result: add the hits to those that were returned, empty the
 * result, and see the same commit as before. */
mv_err result_continue(mv_result *r, mv_error *error);
/* Remember a hit that the offset skips, as if it had been returned: of a search that is continued,
 * or of the rounds of one (search_vector.c). It counts for result_was_returned after a sort. */
mv_err result_skip(mv_result *r, uint64_t docid, mv_error *error);
void result_sort_returned(mv_result *r);
/* How many hits earlier steps of the search returned, and whether the docid is one of theirs. */
size_t result_returned_count(const mv_result *r);
bool result_was_returned(const mv_result *r, uint64_t docid);
/* Empty the result, and see `s`, which is lent until the result is cleared or filled again. */
mv_err result_begin_lent(mv_result *r, engine *e, const snapshot *s, mv_error *error);
/* MV_BUSY: the result is from before a fork. MV_MISUSE: it is empty, or its transaction has ended
 * or changed something since. */
mv_err result_check(const mv_result *r, mv_error *error);
mv_err result_add(mv_result *r, mv_hit hit, mv_error *error);
/* The encoded row of the fresh row with this docid. MV_CORRUPT: there is none. */
mv_err result_fresh_row(const snapshot *s, uint64_t docid, const uint8_t **encoded,
                        mv_error *error);
/* Prefetch the ids of all hits: callers read them one by one, each from another cache line. */
void result_prefetch_ids(const mv_result *r);
/* Find a document by its id, or by its docid: sets docid, source and row of the hit. */
mv_err result_find(const snapshot *s, const void *id, size_t id_size, mv_hit *hit, bool *found,
                   mv_error *error);
/* The document with this id in the commit of the result. MV_NOT_FOUND. */
mv_err result_need(const mv_result *r, const mv_id *id, mv_hit *hit, mv_error *error);
mv_err result_find_docid(const snapshot *s, uint64_t docid, mv_hit *hit, bool *found,
                         mv_error *error);
/* The cell of a scalar field of a hit, lent. */
mv_err result_cell(const mv_result *r, const mv_hit *hit, uint32_t field, cell *out,
                   mv_error *error);
/* The hits are returned: count the inputs (mv_hit.input) that have some, and those that have none,
 * and note that the documents are used. */
void result_note_use(const mv_result *r, uint64_t inputs);
/* Forget what was searched for by text. */
void result_highlight_forget(mv_result *r);
/* The vector of a hit as stored, lent as long as the snapshot. MV_MISUSE: there is no such field.
 */
mv_err result_elements(const mv_result *r, const mv_hit *hit, uint32_t vector_field,
                       const uint8_t **elements, mv_error *error);

#endif
