/* Full-text queries from arrays of nodes, as a program gives them (mv_match). */
#include <string.h>

#include "base/error.h"
#include "text/text_query.h"

/* Add a word, or open a group. */
static mv_err add_given_node(text_query *out, const mv_match_node *node, text_query_words words,
                             mv_error *error)
{
    switch (node->kind) {
    case MV_MATCH_WORD: return text_query_word(out, node->text, node->size, error);
    case MV_MATCH_PREFIX: return text_query_prefix(out, node->text, node->size, error);
    case MV_MATCH_FUZZY:
        return text_query_fuzzy(out, node->text, node->size, node->edits ? node->edits : 1, error);
    case MV_MATCH_PHRASE: return text_query_phrase(out, node->text, node->size, node->slop, error);
    case MV_MATCH_TYPED: return text_query_parse_into(out, node->text, node->size, words, error);
    case MV_MATCH_ALL: return text_query_open(out, TEXT_NODE_ALL, error);
    case MV_MATCH_ANY: return text_query_open(out, TEXT_NODE_ANY, error);
    case MV_MATCH_NO: return text_query_open(out, TEXT_NODE_NO, error);
    case MV_MATCH_MAYBE: return text_query_open(out, TEXT_NODE_MAYBE, error);
    }
    return error_set(error, MV_MISUSE, "full-text query: there is no kind of node %d",
                     (int)node->kind);
}

static bool is_given_group(const mv_match_node *node)
{
    return node->kind >= MV_MATCH_ALL && node->kind <= MV_MATCH_MAYBE;
}

static mv_err check_given_node(const mv_match_node *node, bool is_first, mv_error *error)
{
    if (is_first && (node->kind == MV_MATCH_NO || node->kind == MV_MATCH_MAYBE))
        return error_set(error, MV_MISUSE, "full-text query: '%s' can stand in 'all' only",
                         node->kind == MV_MATCH_NO ? "no" : "maybe");
    if (is_given_group(node) && !node->members)
        return error_set(error, MV_MISUSE, "full-text query: a group has no members");
    return MV_OK;
}

mv_err text_query_data_read(const mv_match *match, text_analyzer *analyzer, text_query_words words,
                            text_query *out, mv_error *error)
{
    uint32_t missing[TEXT_QUERY_DEPTH_MAX + 1] = {1}; /* members of each open group; the first: 1 */
    uint32_t depth = 0;
    MV_TRY(text_query_begin(out, analyzer, error));
    for (uint32_t i = 0; i < match->count; i++) {
        const mv_match_node *node = &match->nodes[i];
        if (!missing[depth])
            return error_set(error, MV_MISUSE,
                             "full-text query: it has %u nodes, the tree ends with %u",
                             match->count, i);
        missing[depth]--;
        MV_TRY(check_given_node(node, i == 0, error));
        if (node->boost != 0) MV_TRY(text_query_boost(out, node->boost, error));
        MV_TRY(add_given_node(out, node, words, error));
        if (is_given_group(node)) missing[++depth] = node->members;
        for (; depth && !missing[depth]; depth--) MV_TRY(text_query_close(out, error));
    }
    if (missing[depth])
        return error_set(error, MV_MISUSE,
                         "full-text query: it has %u nodes, %u members are missing", match->count,
                         missing[depth]);
    return text_query_end(out, error);
}

mv_err text_query_data_copy(const mv_match *match, mem_arena *arena, mv_match *out, mv_error *error)
{
    if (match->count > MV_MATCH_NODES_MAX)
        return error_set(error, MV_LIMIT, "full-text query: it has %u nodes; %u are possible",
                         match->count, MV_MATCH_NODES_MAX);
    size_t size = match->count * sizeof *match->nodes;
    mv_match_node *nodes = mem_arena_copy(arena, match->nodes, size);
    if (!nodes) return error_memory(error, size, "a full-text query");
    for (uint32_t i = 0; i < match->count; i++) {
        mv_match_node *node = &nodes[i];
        if (is_given_group(node)) continue;
        node->text = mem_arena_copy(arena, node->text, node->size);
        if (!node->text) return error_memory(error, node->size, "a full-text query");
    }
    *out = (mv_match){nodes, match->count};
    return MV_OK;
}
