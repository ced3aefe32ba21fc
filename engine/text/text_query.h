/* Full-text queries: a tree, made of what a person typed, node by node, or of an array of nodes.
 *
 *   words    a term, a term that others begin with, a similar term; or several in a sequence
 *   all      every member matches
 *   any      at least one member matches
 *   no       no member matches. Stands in `all` only
 *   maybe    matches always: its members only add to the score. Stands in `all` only
 *
 * A word is read by the analyzer that the documents were read with, and may give several terms.
 * They are a sequence, found where they follow each other as in the word: disk-drive is disk drive,
 * and so are the pairs of characters of scripts without spaces, and the groups of `ngram`. The
 * whole of an identifier (`code`) is found, and so is the sequence of its parts: fooBar is
 * any("foobar" phrase("foo bar" ~0)). In longer sequences only parts count. A word that gives no
 * term (a stop word, punctuation) is left out, and so is a group that is left without members.
 *
 * A query that is complete is only read, by any number of threads. */
#ifndef MV_TEXT_QUERY_H
#define MV_TEXT_QUERY_H

#include "base/mem.h"
#include "text/text.h"
#include "text/text_fuzzy.h"

/* Chosen: more than people type or programs write, and a document is matched within milliseconds.
 */
#define TEXT_QUERY_NODES_MAX MV_MATCH_NODES_MAX
#define TEXT_QUERY_TERMS_MAX 1024u /* of all words and phrases, repeated ones counted again */
#define TEXT_QUERY_DEPTH_MAX MV_MATCH_DEPTH_MAX
#define TEXT_QUERY_SIZE_MAX  MV_MATCH_SIZE_MAX
#define TEXT_QUERY_SLOP_MAX  MV_MATCH_SLOP_MAX
#define TEXT_QUERY_BOOST_MAX MV_MATCH_BOOST_MAX /* also of a term, multiplied and added up */

typedef enum text_leaf_kind {
    TEXT_LEAF_TERM,
    TEXT_LEAF_PREFIX, /* the terms that begin with it */
    TEXT_LEAF_FUZZY,  /* the terms that differ by at most `edits` (text_fuzzy.h) */
} text_leaf_kind;

/* What the query asks of a dictionary of terms. No two leaves are the same. */
typedef struct text_leaf {
    text_leaf_kind kind;
    const char *term; /* UTF-8 of `size` bytes */
    uint32_t size;
    uint32_t characters; /* PREFIX that the analyzer made of a run that is shorter than its groups:
                            its characters; else 0 */
    uint64_t hash;       /* hash_bytes of the term, seed 0 */
    float boost;         /* the sum for all places that are not below `no` */
    const text_fuzzy *fuzzy; /* FUZZY: the term, with the edits */
} text_leaf;

/* A term at its place in a sequence. */
typedef struct text_item {
    text_leaf leaf;    /* while the query is made: all but boost and fuzzy */
    uint32_t edits;    /* FUZZY */
    uint32_t position; /* of its token, while the query is made; then from the first of the items */
    uint32_t begin, end; /* the bytes of the word, while the query is made */
    uint32_t number;     /* of the leaf in text_query.leaves */
} text_item;

typedef enum text_node_kind {
    TEXT_NODE_WORDS,
    TEXT_NODE_ALL,
    TEXT_NODE_ANY,
    TEXT_NODE_NO,
    TEXT_NODE_MAYBE,
} text_node_kind;

/* Nodes are in an array, a group before its members: those of node i begin at i + 1, and the one
 * behind a node is at its `end`. Walking the array backwards, all members come before the group. */
typedef struct text_node {
    text_node_kind kind;
    uint32_t end;                     /* the node behind all that is in it */
    float boost;                      /* its own factor */
    uint32_t first_item, items_count; /* WORDS: in text_query.items, at least one */
    uint32_t slop; /* WORDS: the other words that may stand between those of the sequence, in all */
} text_node;

/* Begins as {0}; text_query_parse and text_query_begin may be called again, and use the memory
 * again. */
typedef struct text_query {
    text_node *nodes; /* the root is nodes[0] */
    text_item *items;
    text_leaf *leaves; /* first those that are not below `no`, in the order of the query */
    uint32_t nodes_count, items_count;
    uint32_t leaves_count;
    uint32_t positive_count; /* of the leaves, those that are not below `no` */
    /* Each `all` has a member that is neither `no` nor `maybe`, so that what matches has one of the
     * positive leaves. Not so: the query has no words (leaves_count is 0), or somewhere only such
     * that exclude. Such a query can be matched, but no index can answer it. */
    bool has_positive;

    /* While it is made: */
    text_analyzer *analyzer;
    float next_boost;
    uint32_t nodes_capacity, items_capacity;
    uint32_t depth;                          /* open groups */
    uint32_t open[TEXT_QUERY_DEPTH_MAX + 1]; /* their nodes; the first is the root */
    mem_arena arena;
} text_query;

void text_query_free(text_query *query);

/* ---------------------------------------------------------------- what a person typed */

typedef enum text_query_words {
    TEXT_WORDS_ALL, /* every word must be there */
    TEXT_WORDS_ANY, /* words add to the score. One must be there if nothing else is demanded */
} text_query_words;

/* Read what a person typed, as search engines for the web do:
 *
 *   disk            a word
 *   "hard disk"     a phrase; is demanded in either mode
 *   +disk           is demanded in either mode
 *   -disk -"a b"    excludes
 *   disk OR drive   one of several neighbours; demanded if one of them is
 *   auto*           words that begin so
 *
 * No text is wrong: a quote that is not closed reaches to the end, a sign before nothing and OR
 * beside nothing (or beside what is excluded) mean nothing. Typographic quotes are quotes. Words
 * end at white space and quotes only: other characters are left to the analyzer. With
 * TEXT_WORDS_ANY, words of a script without spaces that need not be there are their pairs of
 * characters, each for itself: a sentence would not be found as a whole.
 *
 * MV_LIMIT: more than TEXT_QUERY_SIZE_MAX bytes, ..._NODES_MAX nodes or ..._TERMS_MAX terms. After
 * an error the query can only be freed or made again. `typed` and the analyzer are not kept. */
mv_err text_query_parse(const void *typed, size_t size, text_analyzer *analyzer,
                        text_query_words words, text_query *out, mv_error *error);

/* ---------------------------------------------------------------- node by node */

/* Begin a query: an `all`, to which the functions below add members. The analyzer is used until
 * text_query_end. After an error the query can only be freed or begun again. */
mv_err text_query_begin(text_query *query, text_analyzer *analyzer, mv_error *error);

/* Complete the query. MV_MISUSE: a group is open. MV_LIMIT: boosts multiply to too much. */
mv_err text_query_end(text_query *query, mv_error *error);

/* Add a word. MV_LIMIT: too many bytes, nodes or terms. */
mv_err text_query_word(text_query *query, const void *word, size_t size, mv_error *error);
/* Words that begin with this one. Of several terms, the last is the beginning of a term. A stop
 * word is none here, and is not stemmed; other words are: with "english" running* is run*. */
mv_err text_query_prefix(text_query *query, const void *word, size_t size, mv_error *error);
/* Words like this one, with 1 or 2 edits. What the analyzer makes several terms of is found as it
 * is, but an identifier as a whole is similar, too. MV_MISUSE: other edits, or the tokenizer
 * `ngram`, which has no words. */
mv_err text_query_fuzzy(text_query *query, const void *word, size_t size, uint32_t edits,
                        mv_error *error);
/* Words in this order, with at most `slop` other words between them in all. Where the phrase has a
 * stop word, any one word stands in the text. */
mv_err text_query_phrase(text_query *query, const void *words, size_t size, uint32_t slop,
                         mv_error *error);
/* Add what a person typed, as one member. */
mv_err text_query_parse_into(text_query *query, const void *typed, size_t size,
                             text_query_words words, mv_error *error);
/* Add a word to an `any` or `maybe`; the overlapping pairs of characters of scripts without spaces
 * each for itself, instead of in a sequence. */
mv_err text_query_pieces(text_query *query, const void *word, size_t size, mv_error *error);

/* Open a group: what is added until text_query_close is in it. MV_LIMIT: TEXT_QUERY_DEPTH_MAX
 * groups are open. MV_MISUSE: `no` or `maybe` outside of `all`; to close what was not opened. */
mv_err text_query_open(text_query *query, text_node_kind kind, mv_error *error);
mv_err text_query_close(text_query *query, mv_error *error);

/* The factor of what is added next: of a word, or of all in a group. Several are multiplied.
 * MV_MISUSE: it is not a number from 0 to TEXT_QUERY_BOOST_MAX. */
mv_err text_query_boost(text_query *query, double factor, mv_error *error);

/* ---------------------------------------------------------------- from an array of nodes */

/* Make the query that the nodes describe (moonvec.h). `words`: how what is typed is read. The nodes
 * and the analyzer are not kept. MV_MISUSE: nodes are missing or left over, a group has no member,
 * or what the functions above refuse. MV_LIMIT as they have it. */
mv_err text_query_data_read(const mv_match *match, text_analyzer *analyzer, text_query_words words,
                            text_query *out, mv_error *error);

/* Copy the nodes and their texts to the arena. MV_LIMIT: too many nodes. */
mv_err text_query_data_copy(const mv_match *match, mem_arena *arena, mv_match *out,
                            mv_error *error);

/* ---------------------------------------------------------------- what others ask of it */

/* The positive leaves, in the order of the query. *count is how many. */
const text_leaf *text_query_leaves(const text_query *query, uint32_t *count);

/* Is this one of the terms that the leaf asks for? */
bool text_query_leaf_matches(const text_leaf *leaf, const void *term, uint32_t size);

/* Append the tree as text: all("disk" any("auto"* "drive"~1)^2 phrase("hard _ disk" ~3)
 * no("tape")).
 * "_" is a stop word. False: no memory. */
bool text_query_describe(const text_query *query, mem_buffer *out);

#endif
