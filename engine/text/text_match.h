/* One document and a full-text query: does it match, and how often is each term in it? For rows
 * that are not in an index yet, and to compare an index with.
 *
 * A word is found by each of its terms. A sequence of terms is found if they stand in this order,
 * each at least as far behind the one before as in the query, and all of them with at most `slop`
 * positions more from the first to the last than in the query. So with slop 0 they are neighbours,
 * and with slop 2 two other words may stand in one gap, or one in each of two.
 *
 * The frequency of a term is the number of its tokens in the document; of a prefix and a similar
 * term, that of all terms they stand for. It does not matter whether a phrase around it is found.
 */
#ifndef MV_TEXT_MATCH_H
#define MV_TEXT_MATCH_H

#include "base/mem.h"
#include "text/text_query.h"

typedef struct text_match_token {
    uint32_t position;
    uint32_t begin, end; /* the bytes of the text */
    uint32_t term;
    uint32_t next; /* the next token of that term, or TEXT_MATCH_NONE */
} text_match_token;

#define TEXT_MATCH_NONE UINT32_MAX

/* A term of the document. */
typedef struct text_match_term {
    uint64_t hash;
    uint32_t offset, size; /* its bytes in text_match.bytes */
    uint32_t first, last;  /* its tokens; they are in the order of the text */
    bool is_asked;         /* by the leaf that is being looked for */
} text_match_term;

/* The tokens of a document that a leaf asks for, in the order of the text: `count` of them from
 * `first` in text_match.found. */
typedef struct text_match_places {
    uint32_t first, count;
} text_match_places;

typedef struct text_match_slot {
    uint32_t stamp; /* the slot is free unless it is that of the document */
    uint32_t term;
} text_match_slot;

/* A document, and what a query found in it. Begins as {0}. Memory is used again for the next
 * document and query, so that none is taken once it has grown. Used by one thread at a time. */
typedef struct text_match {
    text_match_token *tokens; /* in the order of the text: positions never decrease */
    uint32_t tokens_count, tokens_capacity;
    text_match_term *terms; /* each once */
    uint32_t terms_count, terms_capacity;
    mem_buffer bytes;       /* of the terms */
    text_match_slot *slots; /* the terms by their hash: open addressing, at most half full */
    uint32_t slots_count;   /* a power of two, or 0 */
    uint32_t stamp;         /* of this document */
    uint32_t length;

    text_match_places *places; /* of each leaf of the query */
    uint32_t places_capacity;
    uint32_t *found; /* tokens */
    uint32_t found_count, found_capacity;
    bool *truths; /* of each node */
    uint32_t truths_capacity;
    uint32_t *walk; /* of each item of a sequence, its place; text_match_next */
    uint32_t walk_capacity;
} text_match;

void text_match_free(text_match *match);

/* Begin a document, and add its tokens as the analyzer gives them. MV_NO_MEMORY. */
void text_match_begin(text_match *match);
mv_err text_match_add(text_match *match, const text_token *token, mv_error *error);

/* The same for all tokens of a text of at most UINT32_MAX bytes. */
mv_err text_match_read(text_match *match, text_analyzer *analyzer, const void *text, size_t size,
                       mv_error *error);

/* The length of the document, for BM25: positions with a term. So the whole of an identifier, which
 * shares the position of a part, is not counted again, and stop words are not counted. */
static inline uint32_t text_match_length(const text_match *match)
{
    return match->length;
}

/* Does the document match? Writes to `frequencies` how often each positive leaf is there, in the
 * order of text_query_leaves, whether it matches or not; NULL: not asked for. A query without words
 * matches nothing. MV_NO_MEMORY. */
mv_err text_match_query(text_match *match, const text_query *query, bool *matches,
                        uint32_t *frequencies, mv_error *error);

/* Does the document have the words of this node of the query? MV_NO_MEMORY. */
mv_err text_match_words(text_match *match, const text_query *query, const text_node *node,
                        bool *matches, mv_error *error);

/* The places of the words of a node of the query that text_match_query was given last: begin, and
 * then get one after the other. text_match_next: false: there is none. text_match_item is the token
 * of the i-th item of the sequence. */
void text_match_walk(text_match *match, const text_node *node);
bool text_match_next(text_match *match, const text_query *query, const text_node *node);
uint32_t text_match_item(const text_match *match, const text_query *query, const text_node *node,
                         uint32_t i);

#endif
