/* Full-text queries as people type them.
 *
 * First the text is cut into parts: words and phrases with their signs. Parts joined by OR are a
 * chain; any other part is a chain of its own. Then the chains are added by their roles: what is
 * demanded, what only adds to the score, what excludes. */
#include <string.h>

#include "base/error.h"
#include "text/text_query.h"
#include "text/text_utf8.h"

typedef enum typed_kind { TYPED_WORD, TYPED_PREFIX, TYPED_PHRASE } typed_kind;

typedef struct typed_part {
    uint32_t begin, end; /* its bytes, without sign, quotes and star */
    typed_kind kind;
    uint8_t sign;   /* '+', '-' or 0 */
    bool is_before; /* OR stands between it and the next part */
} typed_part;

typedef enum typed_role { TYPED_DEMANDED, TYPED_OPTIONAL, TYPED_EXCLUDED } typed_role;

typedef struct typed_query {
    const uint8_t *text;
    uint32_t size, at;
    text_query_words words;
    typed_part *parts; /* in the arena of the query */
    uint32_t parts_count, parts_capacity;
    bool is_after_or; /* the part to come */
} typed_query;

/* ---------------------------------------------------------------- parts */

static bool is_typed_quote(uint32_t c)
{
    return c == '"' || (c >= 0x201C && c <= 0x201E) || c == 0xFF02;
}

/* The end of what goes on from `at` up to white space, if `stops_at_space`, or a quote. */
static uint32_t find_typed_end(const typed_query *t, uint32_t at, bool stops_at_space)
{
    uint32_t bytes;
    for (; at < t->size; at += bytes) {
        uint32_t c = text_utf8_decode(t->text, t->size, at, &bytes);
        if (is_typed_quote(c) || (stops_at_space && text_utf8_is_space(c))) break;
    }
    return at;
}

/* The sign at t->at, which a word or a phrase must follow; 0: none. */
static uint8_t read_sign(typed_query *t)
{
    uint32_t bytes, next = t->at + 1;
    uint8_t sign = t->text[t->at];
    if ((sign != '+' && sign != '-') || next == t->size) return 0;
    uint32_t c = text_utf8_decode(t->text, t->size, next, &bytes);
    if (c == '+' || c == '-' || text_utf8_is_space(c)) return 0;
    t->at = next;
    return sign;
}

/* Is it a prefix? The star may have punctuation behind it. Cuts both off. */
static bool cut_star(const typed_query *t, typed_part *part)
{
    uint32_t end = part->end;
    while (end > part->begin && strchr(".,;:!?)]}", t->text[end - 1]) && t->text[end - 1]) end--;
    if (end == part->begin || t->text[end - 1] != '*') return false;
    part->end = end - 1;
    return true;
}

/* Read the part at t->at, which is not white space. */
static typed_part read_typed_part(typed_query *t)
{
    uint32_t bytes;
    typed_part part = {.sign = read_sign(t)};
    if (is_typed_quote(text_utf8_decode(t->text, t->size, t->at, &bytes))) {
        part.kind = TYPED_PHRASE;
        part.begin = t->at + bytes;
        part.end = t->at = find_typed_end(t, part.begin, false);
        if (t->at < t->size) {
            (void)text_utf8_decode(t->text, t->size, t->at, &bytes);
            t->at += bytes;
        }
        return part;
    }
    part.begin = t->at;
    part.end = t->at = find_typed_end(t, t->at, true);
    if (cut_star(t, &part)) part.kind = TYPED_PREFIX;
    return part;
}

static bool is_typed_or(const typed_query *t, const typed_part *part)
{
    return part->kind == TYPED_WORD && !part->sign && part->end - part->begin == 2 &&
           memcmp(t->text + part->begin, "OR", 2) == 0;
}

static mv_err push_typed_part(typed_query *t, mem_arena *arena, const typed_part *part,
                              mv_error *error)
{
    typed_part *last = t->parts_count ? &t->parts[t->parts_count - 1] : NULL;
    if (last && t->is_after_or && last->sign != '-' && part->sign != '-') last->is_before = true;
    t->is_after_or = false;
    if (t->parts_count == t->parts_capacity) {
        uint32_t capacity = t->parts_capacity ? t->parts_capacity * 2 : 16;
        typed_part *grown = mem_arena_alloc(arena, capacity * sizeof *grown);
        if (!grown) return error_memory(error, capacity * sizeof *grown, "a full-text query");
        if (t->parts_count) memcpy(grown, t->parts, t->parts_count * sizeof *grown);
        t->parts = grown;
        t->parts_capacity = capacity;
    }
    t->parts[t->parts_count++] = *part;
    return MV_OK;
}

static mv_err read_typed_parts(typed_query *t, mem_arena *arena, mv_error *error)
{
    while (t->at < t->size) {
        uint32_t bytes, c = text_utf8_decode(t->text, t->size, t->at, &bytes);
        if (text_utf8_is_space(c)) {
            t->at += bytes;
            continue;
        }
        typed_part part = read_typed_part(t);
        if (is_typed_or(t, &part))
            t->is_after_or = true;
        else
            MV_TRY(push_typed_part(t, arena, &part, error));
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- chains */

/* The part behind the chain that begins at `first`. */
static uint32_t chain_end(const typed_query *t, uint32_t first)
{
    while (t->parts[first].is_before) first++;
    mv_assert(first < t->parts_count);
    return first + 1;
}

static typed_role chain_role(const typed_query *t, uint32_t first, uint32_t end)
{
    if (t->parts[first].sign == '-') return TYPED_EXCLUDED;
    if (t->words == TEXT_WORDS_ALL) return TYPED_DEMANDED;
    for (uint32_t i = first; i < end; i++)
        if (t->parts[i].sign == '+' || t->parts[i].kind == TYPED_PHRASE) return TYPED_DEMANDED;
    return TYPED_OPTIONAL;
}

static mv_err add_typed_part(const typed_query *t, text_query *out, const typed_part *part,
                             bool is_optional, mv_error *error)
{
    const uint8_t *text = t->text + part->begin;
    size_t size = part->end - part->begin;
    switch (part->kind) {
    case TYPED_PREFIX: return text_query_prefix(out, text, size, error);
    case TYPED_PHRASE: return text_query_phrase(out, text, size, 0, error);
    default:
        return is_optional ? text_query_pieces(out, text, size, error)
                           : text_query_word(out, text, size, error);
    }
}

static mv_err add_chain(const typed_query *t, text_query *out, uint32_t first, uint32_t end,
                        typed_role role, mv_error *error)
{
    bool is_group = role == TYPED_EXCLUDED || (role == TYPED_DEMANDED && end - first > 1);
    text_node_kind kind = role == TYPED_EXCLUDED ? TEXT_NODE_NO : TEXT_NODE_ANY;
    if (is_group) MV_TRY(text_query_open(out, kind, error));
    for (uint32_t i = first; i < end; i++)
        MV_TRY(add_typed_part(t, out, &t->parts[i], role == TYPED_OPTIONAL, error));
    return is_group ? text_query_close(out, error) : MV_OK;
}

/* Add the chains of a role to the open group. */
static mv_err add_chains(const typed_query *t, text_query *out, typed_role role, mv_error *error)
{
    for (uint32_t first = 0, end; first < t->parts_count; first = end) {
        end = chain_end(t, first);
        if (chain_role(t, first, end) == role) MV_TRY(add_chain(t, out, first, end, role, error));
    }
    return MV_OK;
}

mv_err text_query_parse_into(text_query *query, const void *typed, size_t size,
                             text_query_words words, mv_error *error)
{
    if (size > TEXT_QUERY_SIZE_MAX)
        return error_set(error, MV_LIMIT, "full-text query: it has %zu bytes; %u are possible",
                         size, TEXT_QUERY_SIZE_MAX);
    typed_query t = {.text = typed, .size = (uint32_t)size, .words = words};
    MV_TRY(read_typed_parts(&t, &query->arena, error));
    MV_TRY(text_query_open(query, TEXT_NODE_ALL, error));
    uint32_t nodes_count = query->nodes_count;
    MV_TRY(add_chains(&t, query, TYPED_DEMANDED, error));
    bool is_demanding = query->nodes_count > nodes_count;
    MV_TRY(text_query_open(query, is_demanding ? TEXT_NODE_MAYBE : TEXT_NODE_ANY, error));
    MV_TRY(add_chains(&t, query, TYPED_OPTIONAL, error));
    MV_TRY(text_query_close(query, error));
    MV_TRY(add_chains(&t, query, TYPED_EXCLUDED, error));
    return text_query_close(query, error);
}

mv_err text_query_parse(const void *typed, size_t size, text_analyzer *analyzer,
                        text_query_words words, text_query *out, mv_error *error)
{
    MV_TRY(text_query_begin(out, analyzer, error));
    MV_TRY(text_query_parse_into(out, typed, size, words, error));
    return text_query_end(out, error);
}
