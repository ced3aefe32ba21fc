/* Results: hits and where their rows are. */
#ifndef MV_RESULT_H
#define MV_RESULT_H

#include "read/fresh.h"
#include "transaction/handle.h"

#define RESULT_FRESH UINT32_MAX /* as a hit's source: its row is the address of an encoded row */

struct mv_result {
    engine *e; /* kept alive */
    uint64_t fork_generation;
    snapshot own;              /* what it pins, unless it lends from an iterator */
    const snapshot *seen;      /* what the hits are of; NULL: nothing */
    const writer *transaction; /* whose view `seen` is, or NULL */
    uint64_t writer_number;    /* its number, and its changes then */
    uint64_t changes;
    mv_hit *hits;
    size_t hits_count;
    size_t hits_capacity;
    mem_buffer given; /* docids (u64) of hits before those, ascending: of a search that goes on */
    mv_plan_step *parts; /* of the search, in `arena`; NULL: nobody asked */
    size_t parts_count;
    mem_arena arena;  /* of the query in hand */
    mem_arena block;  /* of the block of rows in hand */
    mem_arena values; /* lists lent by mv_result_value */
    fresh_reader fresh;
};

/* Empty the result and let it see what `c` sees now. */
mv_err result_start(mv_result *r, mv_collection *c, mv_error *error);
/* Put the hits to those that were given, and see the same as before. */
mv_err result_go_on(mv_result *r, mv_error *error);
size_t result_given_count(const mv_result *r);
bool result_was_given(const mv_result *r, uint64_t docid);
/* Empty the result and let it see what `s` sees, lent. */
mv_err result_lend(mv_result *r, engine *e, const snapshot *s, mv_error *error);
/* MV_BUSY or MV_MISUSE when what the result points to may be gone. */
mv_err result_check(const mv_result *r, mv_error *error);
/* Add a hit. */
mv_err result_add(mv_result *r, mv_hit hit, mv_error *error);
/* The ids of all hits will be asked for: prefetch them together. */
void result_bring_ids(const mv_result *r);
/* Find a document: its hit's docid, source and row. */
mv_err result_find(const snapshot *s, const void *id, size_t id_size, mv_hit *hit, bool *found,
                   mv_error *error);
mv_err result_find_docid(const snapshot *s, uint64_t docid, mv_hit *hit, bool *found,
                         mv_error *error);
/* The vector of a hit as stored. */
mv_err result_elements(const mv_result *r, const mv_hit *hit, uint32_t vector_field,
                       const uint8_t **elements, mv_error *error);

#endif
