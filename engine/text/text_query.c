/* Full-text queries, node by node: words become terms, groups are opened and closed, and in the end
 * equal terms become one leaf. text_query_parse.c reads what people type, text_query_data.c arrays
 * of nodes. */
#include "text/text_query.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "text/text_state.h"
#include "text/text_utf8.h"

void text_query_free(text_query *query)
{
    mem_arena_free(&query->arena);
    *query = (text_query){0};
}

/* ---------------------------------------------------------------- nodes */

/* Make space for one more item in an array of the arena. NULL: no memory. */
static void *arena_grow(mem_arena *arena, void *items, uint32_t *capacity, uint32_t count,
                        size_t item_size)
{
    if (count < *capacity) return items;
    uint32_t more = *capacity ? *capacity * 2 : 16;
    void *grown = mem_arena_alloc(arena, more * item_size);
    if (!grown) return NULL;
    if (count) memcpy(grown, items, count * item_size);
    *capacity = more;
    return grown;
}

static float take_boost(text_query *q)
{
    float boost = q->next_boost;
    q->next_boost = 1;
    return boost;
}

static mv_err add_query_node(text_query *q, text_node_kind kind, float boost, mv_error *error)
{
    if (q->nodes_count == TEXT_QUERY_NODES_MAX)
        return error_set(error, MV_LIMIT, "full-text query: more than %u words and groups",
                         TEXT_QUERY_NODES_MAX);
    text_node *nodes =
        arena_grow(&q->arena, q->nodes, &q->nodes_capacity, q->nodes_count, sizeof *nodes);
    if (!nodes) return error_memory(error, sizeof *nodes, "a full-text query");
    q->nodes = nodes;
    nodes[q->nodes_count] = (text_node){.kind = kind, .end = q->nodes_count + 1, .boost = boost};
    q->nodes_count++;
    return MV_OK;
}

static mv_err add_words_node(text_query *q, uint32_t first_item, uint32_t count, uint32_t slop,
                             float boost, mv_error *error)
{
    mv_assert(count > 0 && first_item + count <= q->items_count);
    MV_TRY(add_query_node(q, TEXT_NODE_WORDS, boost, error));
    text_node *node = &q->nodes[q->nodes_count - 1];
    node->first_item = first_item;
    node->items_count = count;
    node->slop = slop;
    for (uint32_t i = count; i--;)
        q->items[first_item + i].position -= q->items[first_item].position;
    return MV_OK;
}

/* ---------------------------------------------------------------- groups */

mv_err text_query_begin(text_query *query, text_analyzer *analyzer, mv_error *error)
{
    mem_arena arena = query->arena;
    mem_arena_clear(&arena);
    *query = (text_query){.arena = arena, .analyzer = analyzer, .next_boost = 1, .depth = 1};
    return add_query_node(query, TEXT_NODE_ALL, 1, error);
}

mv_err text_query_open(text_query *query, text_node_kind kind, mv_error *error)
{
    static const char *const NAMES[] = {[TEXT_NODE_NO] = "no", [TEXT_NODE_MAYBE] = "maybe"};
    mv_assert(query->depth > 0 && kind != TEXT_NODE_WORDS);
    bool is_in_all = query->nodes[query->open[query->depth - 1]].kind == TEXT_NODE_ALL;
    bool is_for_all = kind == TEXT_NODE_NO || kind == TEXT_NODE_MAYBE;
    if (is_for_all && !is_in_all)
        return error_set(error, MV_MISUSE, "full-text query: '%s' can stand in 'all' only",
                         NAMES[kind]);
    if (query->depth > TEXT_QUERY_DEPTH_MAX)
        return error_set(error, MV_LIMIT, "full-text query: more than %u groups in groups",
                         TEXT_QUERY_DEPTH_MAX);
    MV_TRY(add_query_node(query, kind, take_boost(query), error));
    query->open[query->depth++] = query->nodes_count - 1;
    return MV_OK;
}

/* End the innermost group. It is left out without members; an `all` or `any` of one member is that
 * member. */
static void close_query_group(text_query *q)
{
    uint32_t at = q->open[--q->depth];
    text_node *group = &q->nodes[at], *member = group + 1;
    group->end = q->nodes_count;
    if (group->end == at + 1) {
        q->nodes_count = at;
        return;
    }
    bool is_choice = group->kind == TEXT_NODE_ALL || group->kind == TEXT_NODE_ANY;
    bool is_plain = member->kind != TEXT_NODE_NO && member->kind != TEXT_NODE_MAYBE;
    if (!is_choice || !is_plain || member->end != group->end) return;
    member->boost *= group->boost;
    q->nodes_count--;
    memmove(group, member, (q->nodes_count - at) * sizeof *group);
    for (uint32_t i = at; i < q->nodes_count; i++) q->nodes[i].end--;
}

mv_err text_query_close(text_query *query, mv_error *error)
{
    if (query->depth <= 1)
        return error_set(error, MV_MISUSE, "full-text query: a group is closed that is not open");
    take_boost(query);
    close_query_group(query);
    return MV_OK;
}

mv_err text_query_boost(text_query *query, double factor, mv_error *error)
{
    double boost = (double)query->next_boost * factor;
    if (!(factor >= 0 && boost <= TEXT_QUERY_BOOST_MAX))
        return error_set(error, MV_MISUSE,
                         "full-text query: boost is %g; it must be a number from 0 to %g", factor,
                         TEXT_QUERY_BOOST_MAX);
    query->next_boost = (float)boost;
    return MV_OK;
}

/* ---------------------------------------------------------------- words */

/* How a word is added. */
typedef struct query_word {
    const void *text;
    size_t size;
    text_leaf_kind kind;
    uint32_t edits, slop;
    bool is_phrase; /* wholes of identifiers do not count */
    bool is_split;  /* terms that overlap each for itself */
} query_word;

/* What the analyzer made of a word: the items from `first` on, and the whole identifier whose parts
 * they are. */
typedef struct query_terms {
    uint32_t first;
    bool has_whole;
    text_item whole;
} query_terms;

static uint32_t count_run_characters(const uint8_t *term, uint32_t size)
{
    uint32_t count = 0, bytes;
    for (uint32_t at = 0; at < size; at += bytes)
        count += !text_fold_is_mark((int32_t)text_utf8_decode(term, size, at, &bytes));
    return count;
}

static mv_err add_query_item(text_query *q, const text_token *token, mv_error *error)
{
    if (q->items_count == TEXT_QUERY_TERMS_MAX)
        return error_set(error, MV_LIMIT, "full-text query: more than %u terms",
                         TEXT_QUERY_TERMS_MAX);
    text_item *items =
        arena_grow(&q->arena, q->items, &q->items_capacity, q->items_count, sizeof *items);
    const uint8_t *term = items ? mem_arena_copy(&q->arena, token->term, token->size) : NULL;
    if (!term) return error_memory(error, sizeof *items, "a full-text query");
    q->items = items;
    text_item *item = &items[q->items_count++];
    *item = (text_item){.position = token->position, .begin = token->begin, .end = token->end};
    item->leaf.kind = token->is_prefix ? TEXT_LEAF_PREFIX : TEXT_LEAF_TERM;
    item->leaf.term = (const char *)term;
    item->leaf.size = token->size;
    item->leaf.hash = hash_bytes(term, token->size, 0);
    if (token->is_prefix) item->leaf.characters = count_run_characters(term, token->size);
    return MV_OK;
}

/* Is `part` a part of the identifier `whole`, and not all of it? */
static bool is_identifier_part(const text_item *whole, const text_token *part)
{
    return part->begin >= whole->begin && part->end <= whole->end &&
           (part->begin > whole->begin || part->end < whole->end);
}

/* Add the terms of a word. Wholes of identifiers are no items; one that is all of the word is
 * terms->whole. */
static mv_err read_query_terms(text_query *q, const query_word *w, query_terms *terms,
                               mv_error *error)
{
    text_token token;
    *terms = (query_terms){.first = q->items_count};
    text_begin(q->analyzer, w->text, w->size, true);
    while (text_next(q->analyzer, &token)) {
        uint32_t count = q->items_count - terms->first;
        const text_item *last = count ? &q->items[q->items_count - 1] : NULL;
        if (last && is_identifier_part(last, &token)) {
            if (count == 1) {
                terms->whole = *last;
                terms->has_whole = true;
            }
            q->items_count--;
        }
        MV_TRY(add_query_item(q, &token, error));
    }
    if (terms->has_whole && q->items[q->items_count - 1].end > terms->whole.end)
        terms->has_whole = false;
    return MV_OK;
}

/* The same without stop words and stemming. */
static mv_err read_plain_terms(text_query *q, const query_word *w, query_terms *terms,
                               mv_error *error)
{
    text_analyzer *a = q->analyzer;
    text_language *language = a->language;
    bool keeps_accents = a->keeps_accents;
    a->language = NULL;
    a->keeps_accents = false;
    mv_err err = read_query_terms(q, w, terms, error);
    a->language = language;
    a->keeps_accents = keeps_accents;
    return err;
}

/* Let the last term of a word be a prefix, or its only term be similar. */
static void set_leaf_kind(text_item *last, const query_word *w, bool is_only)
{
    if (last->leaf.kind == TEXT_LEAF_PREFIX) return;
    if (w->kind == TEXT_LEAF_FUZZY && !is_only) return;
    last->leaf.kind = w->kind;
    last->edits = w->kind == TEXT_LEAF_FUZZY ? w->edits : 0;
}

/* Add any(whole, parts). */
static mv_err add_whole_or_parts(text_query *q, const query_word *w, query_terms *terms,
                                 float boost, mv_error *error)
{
    uint32_t parts_count = q->items_count - terms->first, at = q->nodes_count;
    text_token token = {.term = terms->whole.leaf.term, .size = terms->whole.leaf.size};
    MV_TRY(add_query_item(q, &token, error));
    set_leaf_kind(&q->items[q->items_count - 1], w, true);
    MV_TRY(add_query_node(q, TEXT_NODE_ANY, boost, error));
    MV_TRY(add_words_node(q, q->items_count - 1, 1, 0, 1, error));
    MV_TRY(add_words_node(q, terms->first, parts_count, 0, 1, error));
    q->nodes[at].end = q->nodes_count;
    return MV_OK;
}

/* Add sequences, ended where two terms overlap. */
static mv_err add_split_words(text_query *q, uint32_t first, float boost, mv_error *error)
{
    uint32_t end = q->items_count;
    for (uint32_t i = first; i < end; i++) {
        if (i + 1 < end && q->items[i + 1].begin >= q->items[i].end) continue;
        MV_TRY(add_words_node(q, first, i + 1 - first, 0, boost, error));
        first = i + 1;
    }
    return MV_OK;
}

static mv_err add_query_word(text_query *q, const query_word *w, mv_error *error)
{
    query_terms terms;
    float boost = take_boost(q);
    mv_assert(q->depth > 0); /* it was begun */
    if (w->size > TEXT_QUERY_SIZE_MAX)
        return error_set(error, MV_LIMIT,
                         "full-text query: a word or phrase has %zu bytes; %u are possible",
                         w->size, TEXT_QUERY_SIZE_MAX);
    MV_TRY(read_query_terms(q, w, &terms, error));
    if (q->items_count == terms.first && w->kind == TEXT_LEAF_PREFIX)
        MV_TRY(read_plain_terms(q, w, &terms, error));
    uint32_t count = q->items_count - terms.first;
    if (count == 0) return MV_OK;
    set_leaf_kind(&q->items[q->items_count - 1], w, count == 1 && !terms.has_whole);
    if (terms.has_whole && !w->is_phrase) return add_whole_or_parts(q, w, &terms, boost, error);
    if (w->is_split) return add_split_words(q, terms.first, boost, error);
    return add_words_node(q, terms.first, count, w->slop, boost, error);
}

mv_err text_query_word(text_query *query, const void *word, size_t size, mv_error *error)
{
    return add_query_word(query, &(query_word){.text = word, .size = size}, error);
}

mv_err text_query_pieces(text_query *query, const void *word, size_t size, mv_error *error)
{
    bool is_split = query->analyzer->tokenizer != TEXT_NGRAM;
    return add_query_word(query, &(query_word){.text = word, .size = size, .is_split = is_split},
                          error);
}

mv_err text_query_prefix(text_query *query, const void *word, size_t size, mv_error *error)
{
    return add_query_word(
        query, &(query_word){.text = word, .size = size, .kind = TEXT_LEAF_PREFIX}, error);
}

mv_err text_query_fuzzy(text_query *query, const void *word, size_t size, uint32_t edits,
                        mv_error *error)
{
    if (edits < 1 || edits > TEXT_FUZZY_EDITS_MAX)
        return error_set(error, MV_MISUSE,
                         "full-text query: a word with %u edits; 1 to %u are possible", edits,
                         TEXT_FUZZY_EDITS_MAX);
    if (query->analyzer->tokenizer == TEXT_NGRAM)
        return error_set(error, MV_MISUSE,
                         "full-text query: with tokenizer 'ngram' there are no similar words: it "
                         "has no words");
    return add_query_word(
        query, &(query_word){.text = word, .size = size, .kind = TEXT_LEAF_FUZZY, .edits = edits},
        error);
}

mv_err text_query_phrase(text_query *query, const void *words, size_t size, uint32_t slop,
                         mv_error *error)
{
    if (slop > TEXT_QUERY_SLOP_MAX)
        return error_set(error, MV_LIMIT, "full-text query: a phrase with slop %u; %u is possible",
                         slop, TEXT_QUERY_SLOP_MAX);
    return add_query_word(
        query, &(query_word){.text = words, .size = size, .slop = slop, .is_phrase = true}, error);
}

/* ---------------------------------------------------------------- leaves */

/* A group that the walk over the nodes is in. */
typedef struct query_scope {
    uint32_t end;
    double boost; /* of all groups up to here */
    bool is_excluded;
} query_scope;

static bool are_same_leaf(const text_leaf *a, const text_leaf *b, uint32_t b_edits)
{
    uint32_t a_edits = a->fuzzy ? a->fuzzy->edits : 0;
    return a->hash == b->hash && a->kind == b->kind && a->size == b->size && a_edits == b_edits &&
           a->characters == b->characters && memcmp(a->term, b->term, a->size) == 0;
}

/* Find or make the leaf of an item. */
static mv_err number_item(text_query *q, text_item *item, double boost, mv_error *error)
{
    uint32_t i = 0;
    while (i < q->leaves_count && !are_same_leaf(&q->leaves[i], &item->leaf, item->edits)) i++;
    text_leaf *leaf = &q->leaves[i];
    item->number = i;
    if (i == q->leaves_count) {
        *leaf = item->leaf;
        q->leaves_count++;
        if (leaf->kind == TEXT_LEAF_FUZZY) {
            text_fuzzy *fuzzy = mem_arena_alloc(&q->arena, sizeof *fuzzy);
            if (!fuzzy) return error_memory(error, sizeof *fuzzy, "a full-text query");
            text_fuzzy_make(fuzzy, leaf->term, leaf->size, item->edits);
            leaf->fuzzy = fuzzy;
        }
    }
    boost += (double)leaf->boost;
    if (boost > TEXT_QUERY_BOOST_MAX)
        return error_set(error, MV_LIMIT,
                         "full-text query: the boosts of a word make %g; %g is possible", boost,
                         TEXT_QUERY_BOOST_MAX);
    leaf->boost = (float)boost;
    return MV_OK;
}

/* Number the leaves that are not below `no`, or those that are. */
static mv_err number_leaves(text_query *q, bool is_excluded, mv_error *error)
{
    query_scope scopes[TEXT_QUERY_DEPTH_MAX + 4] = {{q->nodes_count, 1, false}};
    uint32_t depth = 0;
    for (uint32_t n = 0; n < q->nodes_count; n++) {
        const text_node *node = &q->nodes[n];
        while (n >= scopes[depth].end) depth--;
        query_scope scope = scopes[depth];
        scope.end = node->end;
        scope.boost *= (double)node->boost;
        scope.is_excluded |= node->kind == TEXT_NODE_NO;
        if (node->kind != TEXT_NODE_WORDS) {
            mv_assert(depth + 1 < sizeof scopes / sizeof *scopes);
            scopes[++depth] = scope;
            continue;
        }
        if (scope.is_excluded != is_excluded) continue;
        for (uint32_t i = 0; i < node->items_count; i++)
            MV_TRY(number_item(q, &q->items[node->first_item + i], is_excluded ? 0 : scope.boost,
                               error));
    }
    return MV_OK;
}

/* Has each `all` a member that is neither `no` nor `maybe`? */
static bool is_positive_everywhere(const text_query *q)
{
    for (uint32_t n = 0; n < q->nodes_count; n++) {
        if (q->nodes[n].kind != TEXT_NODE_ALL) continue;
        uint32_t member = n + 1, end = q->nodes[n].end;
        for (; member < end; member = q->nodes[member].end)
            if (q->nodes[member].kind < TEXT_NODE_NO) break;
        if (member >= end) return false;
    }
    return q->nodes_count > 0;
}

mv_err text_query_end(text_query *query, mv_error *error)
{
    if (query->depth != 1)
        return error_set(error, MV_MISUSE, "full-text query: a group is not closed");
    close_query_group(query);
    query->leaves = mem_arena_alloc(&query->arena, query->items_count * sizeof *query->leaves);
    if (!query->leaves)
        return error_memory(error, query->items_count * sizeof *query->leaves, "a full-text query");
    MV_TRY(number_leaves(query, false, error));
    query->positive_count = query->leaves_count;
    MV_TRY(number_leaves(query, true, error));
    query->has_positive = is_positive_everywhere(query);
    query->analyzer = NULL;
    return MV_OK;
}

const text_leaf *text_query_leaves(const text_query *query, uint32_t *count)
{
    *count = query->positive_count;
    return query->leaves;
}

bool text_query_leaf_matches(const text_leaf *leaf, const void *term, uint32_t size)
{
    switch (leaf->kind) {
    case TEXT_LEAF_PREFIX: return size >= leaf->size && memcmp(term, leaf->term, leaf->size) == 0;
    case TEXT_LEAF_FUZZY: return text_fuzzy_distance(leaf->fuzzy, term, size) <= leaf->fuzzy->edits;
    default: return size == leaf->size && memcmp(term, leaf->term, size) == 0;
    }
}
