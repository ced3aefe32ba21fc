/* One document and a full-text query.
 *
 * The terms of the document are collected in a hash table, with their tokens as chains. For each
 * leaf of the query the tokens that it asks for are found, and then the nodes are decided from the
 * last to the first, so that all members of a group come before it. */
#include "text/text_match.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"

#define MATCH_SLOTS_FIRST 64u

void text_match_free(text_match *match)
{
    mem_free(match->tokens, match->tokens_capacity * sizeof *match->tokens);
    mem_free(match->terms, match->terms_capacity * sizeof *match->terms);
    mem_buffer_free(&match->bytes);
    mem_free(match->slots, match->slots_count * sizeof *match->slots);
    mem_free(match->places, match->places_capacity * sizeof *match->places);
    mem_free(match->found, match->found_capacity * sizeof *match->found);
    mem_free(match->truths, match->truths_capacity * sizeof *match->truths);
    mem_free(match->walk, match->walk_capacity * sizeof *match->walk);
    *match = (text_match){0};
}

static mv_err fail_match_memory(const text_match *m, mv_error *error)
{
    return error_memory(error, m->tokens_count * sizeof *m->tokens, "the words of a document");
}

/* ---------------------------------------------------------------- the document */

void text_match_begin(text_match *match)
{
    match->tokens_count = match->terms_count = match->length = 0;
    match->bytes.size = 0;
    if (++match->stamp > 0) return;
    if (match->slots) memset(match->slots, 0, match->slots_count * sizeof *match->slots);
    match->stamp = 1;
}

static const uint8_t *term_bytes(const text_match *m, const text_match_term *term)
{
    return m->bytes.data + term->offset;
}

/* The slot of a term, or the free one where it belongs. The table has a free slot. */
static text_match_slot *find_term_slot(const text_match *m, uint64_t hash, const void *bytes,
                                       uint32_t size)
{
    for (uint32_t i = (uint32_t)hash;; i++) {
        text_match_slot *slot = &m->slots[i & (m->slots_count - 1)];
        if (slot->stamp != m->stamp) return slot;
        const text_match_term *term = &m->terms[slot->term];
        if (term->hash == hash && term->size == size &&
            memcmp(term_bytes(m, term), bytes, size) == 0)
            return slot;
    }
}

/* Make the table larger if it is half full. */
static bool reserve_term_slot(text_match *m)
{
    if (m->terms_count < m->slots_count / 2) return true;
    uint32_t count = m->slots_count ? m->slots_count * 2 : MATCH_SLOTS_FIRST;
    if (count < m->slots_count) return false;
    text_match_slot *slots = mem_alloc_zero(mem_array_size(count, sizeof *slots));
    if (!slots) return false;
    mem_free(m->slots, m->slots_count * sizeof *slots);
    m->slots = slots;
    m->slots_count = count;
    for (uint32_t i = 0; i < m->terms_count; i++) {
        const text_match_term *term = &m->terms[i];
        *find_term_slot(m, term->hash, term_bytes(m, term), term->size) =
            (text_match_slot){m->stamp, i};
    }
    return true;
}

/* Find or make a term. False: no memory. */
static bool add_match_term(text_match *m, const void *bytes, uint32_t size, uint32_t *number)
{
    if (!reserve_term_slot(m)) return false;
    uint64_t hash = hash_bytes(bytes, size, 0);
    text_match_slot *slot = find_term_slot(m, hash, bytes, size);
    *number = slot->stamp == m->stamp ? slot->term : m->terms_count;
    if (*number < m->terms_count) return true;
    text_match_term *terms = mem_grow(m->terms, &m->terms_capacity, m->terms_count, sizeof *terms);
    if (!terms) return false;
    m->terms = terms;
    if (m->bytes.size > UINT32_MAX - size || !mem_buffer_append(&m->bytes, bytes, size))
        return false;
    *slot = (text_match_slot){m->stamp, m->terms_count};
    terms[m->terms_count++] = (text_match_term){.hash = hash,
                                                .offset = (uint32_t)m->bytes.size - size,
                                                .size = size,
                                                .first = TEXT_MATCH_NONE};
    return true;
}

mv_err text_match_add(text_match *match, const text_token *token, mv_error *error)
{
    uint32_t number, at = match->tokens_count;
    text_match_token *tokens = mem_grow(match->tokens, &match->tokens_capacity, at, sizeof *tokens);
    if (!tokens) return fail_match_memory(match, error);
    match->tokens = tokens;
    if (!add_match_term(match, token->term, token->size, &number))
        return fail_match_memory(match, error);
    mv_assert(at == 0 || tokens[at - 1].position <= token->position);
    if (at == 0 || tokens[at - 1].position < token->position) match->length++;
    tokens[at] = (text_match_token){.position = token->position,
                                    .begin = token->begin,
                                    .end = token->end,
                                    .term = number,
                                    .next = TEXT_MATCH_NONE};
    text_match_term *term = &match->terms[number];
    if (term->first == TEXT_MATCH_NONE)
        term->first = at;
    else
        tokens[term->last].next = at;
    term->last = at;
    match->tokens_count++;
    return MV_OK;
}

mv_err text_match_read(text_match *match, text_analyzer *analyzer, const void *text, size_t size,
                       mv_error *error)
{
    text_token token;
    text_match_begin(match);
    text_begin(analyzer, text, size, false);
    while (text_next(analyzer, &token)) MV_TRY(text_match_add(match, &token, error));
    return MV_OK;
}

/* ---------------------------------------------------------------- leaves */

/* Append a token to `found`. False: no memory. */
static bool push_found(text_match *m, uint32_t token)
{
    uint32_t *found = mem_grow(m->found, &m->found_capacity, m->found_count, sizeof *found);
    if (!found) return false;
    m->found = found;
    found[m->found_count++] = token;
    return true;
}

/* Append the tokens of a term. */
static bool push_term_tokens(text_match *m, uint32_t first)
{
    for (uint32_t i = first; i != TEXT_MATCH_NONE; i = m->tokens[i].next)
        if (!push_found(m, i)) return false;
    return true;
}

/* Append the tokens that a leaf asks for. */
static bool find_leaf_tokens(text_match *m, const text_leaf *leaf)
{
    if (leaf->kind == TEXT_LEAF_TERM) {
        if (m->terms_count == 0) return true;
        const text_match_slot *slot = find_term_slot(m, leaf->hash, leaf->term, leaf->size);
        return slot->stamp != m->stamp || push_term_tokens(m, m->terms[slot->term].first);
    }
    uint32_t asked = 0;
    for (uint32_t i = 0; i < m->terms_count; i++) {
        text_match_term *term = &m->terms[i];
        term->is_asked = text_query_leaf_matches(leaf, term_bytes(m, term), term->size);
        asked += term->is_asked;
    }
    for (uint32_t i = 0; asked && i < m->tokens_count; i++)
        if (m->terms[m->tokens[i].term].is_asked && !push_found(m, i)) return false;
    return true;
}

/* Make space for `count` items whose contents do not matter. Returns the array. NULL: no memory. */
static void *reserve_items(void *items, uint32_t *capacity, uint32_t count, size_t item_size)
{
    if (items && count <= *capacity) return items;
    void *grown = mem_realloc(items, *capacity * item_size, count * item_size);
    if (grown) *capacity = count;
    return grown;
}

/* False: no memory. */
static bool reserve_for_query(text_match *m, const text_query *q)
{
    text_match_places *places =
        reserve_items(m->places, &m->places_capacity, q->leaves_count, sizeof *places);
    if (!places) return false;
    m->places = places;
    bool *truths = reserve_items(m->truths, &m->truths_capacity, q->nodes_count, sizeof *truths);
    if (!truths) return false;
    m->truths = truths;
    uint32_t *walk = reserve_items(m->walk, &m->walk_capacity, q->items_count, sizeof *walk);
    if (!walk) return false;
    m->walk = walk;
    return true;
}

/* Find the places of a leaf. False: no memory. */
static bool find_leaf_places(text_match *m, const text_query *q, uint32_t leaf)
{
    text_match_places *places = &m->places[leaf];
    places->first = m->found_count;
    if (!find_leaf_tokens(m, &q->leaves[leaf])) return false;
    places->count = m->found_count - places->first;
    return true;
}

static bool find_all_leaves(text_match *m, const text_query *q)
{
    m->found_count = 0;
    if (!reserve_for_query(m, q)) return false;
    for (uint32_t i = 0; i < q->leaves_count; i++)
        if (!find_leaf_places(m, q, i)) return false;
    return true;
}

/* ---------------------------------------------------------------- sequences */

void text_match_walk(text_match *match, const text_node *node)
{
    mv_assert(node->kind == TEXT_NODE_WORDS);
    memset(match->walk, 0, node->items_count * sizeof *match->walk);
}

uint32_t text_match_item(const text_match *match, const text_query *query, const text_node *node,
                         uint32_t i)
{
    const text_item *item = &query->items[node->first_item + i];
    const text_match_places *places = &match->places[item->number];
    /* text_match_next has gone on from the place of the first item. */
    uint32_t place = i == 0 ? match->walk[0] - 1 : match->walk[i];
    mv_assert(place < places->count);
    return match->found[places->first + place];
}

/* Let each item have the first place that is far enough behind the one before. What an item has
 * passed for one place of the first item is too early for all later ones, too; and the earliest
 * places make the shortest sequence from there. */
bool text_match_next(text_match *match, const text_query *query, const text_node *node)
{
    const text_item *items = &query->items[node->first_item];
    const text_match_places *first = &match->places[items->number];
    while (match->walk[0] < first->count) {
        uint32_t begin = match->tokens[match->found[first->first + match->walk[0]++]].position;
        uint64_t position = begin;
        for (uint32_t i = 1; i < node->items_count; i++) {
            const text_match_places *places = &match->places[items[i].number];
            const uint32_t *found = &match->found[places->first];
            uint64_t least = position + items[i].position - items[i - 1].position;
            uint32_t place = match->walk[i];
            while (place < places->count && match->tokens[found[place]].position < least) place++;
            match->walk[i] = place;
            if (place == places->count) return false;
            position = match->tokens[found[place]].position;
        }
        uint32_t span = items[node->items_count - 1].position;
        if (position - begin <= (uint64_t)span + node->slop) return true;
    }
    return false;
}

mv_err text_match_words(text_match *match, const text_query *query, const text_node *node,
                        bool *matches, mv_error *error)
{
    match->found_count = 0;
    if (!reserve_for_query(match, query)) return fail_match_memory(match, error);
    for (uint32_t i = 0; i < node->items_count; i++)
        if (!find_leaf_places(match, query, query->items[node->first_item + i].number))
            return fail_match_memory(match, error);
    text_match_walk(match, node);
    *matches = text_match_next(match, query, node);
    return MV_OK;
}

/* ---------------------------------------------------------------- nodes */

static bool node_is_true(text_match *m, const text_query *q, uint32_t n)
{
    const text_node *node = &q->nodes[n];
    if (node->kind == TEXT_NODE_WORDS) {
        text_match_walk(m, node);
        return text_match_next(m, q, node);
    }
    bool is_all = node->kind == TEXT_NODE_ALL, is_some = false, is_each = true;
    for (uint32_t member = n + 1; member < node->end; member = q->nodes[member].end) {
        is_some |= m->truths[member];
        is_each &= m->truths[member];
    }
    if (node->kind == TEXT_NODE_MAYBE) return true;
    if (node->kind == TEXT_NODE_NO) return !is_some;
    return is_all ? is_each : is_some;
}

mv_err text_match_query(text_match *match, const text_query *query, bool *matches,
                        uint32_t *frequencies, mv_error *error)
{
    *matches = false;
    if (!find_all_leaves(match, query)) return fail_match_memory(match, error);
    for (uint32_t n = query->nodes_count; n--;) match->truths[n] = node_is_true(match, query, n);
    *matches = query->nodes_count > 0 && match->truths[0];
    for (uint32_t i = 0; frequencies && i < query->positive_count; i++)
        frequencies[i] = match->places[i].count;
    return MV_OK;
}
