/* A full-text query and the ranked lists of one segment (text_segment.h).
 *
 * The tree is evaluated over all rows at once, by bitmaps, from its first node to the last. A stack
 * has the bitmap of each group that is open: the rows that match all members so far, or any of
 * them. */
#include "read/text_segment.h"

#include <string.h>

static mv_err no_memory_for_text(size_t size, mv_error *error)
{
    return error_memory(error, size, "a search by text");
}

void *text_segment_alloc(mem_arena *arena, size_t size, mv_error *error)
{
    void *block = mem_arena_alloc(arena, size ? size : 1);
    if (!block) (void)no_memory_for_text(size, error);
    return block;
}

const ranked_lists *text_segment_lists(const snapshot *s, uint32_t at, uint32_t field,
                                       shared_index **index)
{
    const mv_schema *schema = s->v->schema;
    const view_segment *vs = &s->v->segments[at];
    shared_index *x = vs->indexes[index_slot_of_field(schema, field)];
    *index = x && x->type->ranked && shared_index_is_sound(s->e, x) ? x : NULL;
    return *index ? x->type->ranked(x->opened)
                  : waiting_lists_get(vs->lists[field], schema, field, &vs->table);
}

/* ---------------------------------------------------------------- leaves */

/* Add the frequencies of a term to `sums`, one for each row. */
static mv_err add_frequencies(ranked_cursor *c, const ranked_lists *lists, uint32_t term,
                              uint32_t *sums, mv_error *error)
{
    MV_TRY(ranked_cursor_begin(c, lists, term, error));
    for (; ranked_cursor_last(c) != UINT32_MAX; c->block++) {
        if (!ranked_cursor_read(c)) return ranked_cursor_damaged(error);
        for (uint32_t i = 0; i < c->read_count; i++) sums[c->rows[i]] += c->freqs[i];
    }
    return MV_OK;
}

/* Keep the rows that have a frequency. */
static mv_err keep_rows(text_list *out, const uint32_t *sums, uint32_t rows, mem_arena *arena,
                        mv_error *error)
{
    uint32_t count = 0;
    for (uint32_t row = 0; row < rows; row++) count += sums[row] > 0;
    out->rows = text_segment_alloc(arena, count * sizeof *out->rows, error);
    out->freqs = text_segment_alloc(arena, count * sizeof *out->freqs, error);
    out->blocks = text_segment_alloc(arena, count / RANKED_BLOCK * sizeof *out->blocks, error);
    if (!out->rows || !out->freqs || !out->blocks) return MV_NO_MEMORY;
    for (uint32_t row = 0; row < rows; row++) {
        if (!sums[row]) continue;
        out->rows[out->count] = row;
        out->freqs[out->count++] = sums[row];
    }
    return MV_OK;
}

/* Find the rows of all terms that a leaf asks for, from `first` to before `end`. */
static mv_err find_several(text_segment *s, const text_leaf *leaf, uint32_t first, uint32_t end,
                           mem_arena *arena, text_list *out, mv_error *error)
{
    uint32_t rows = s->lists->head.rows, found = 0;
    ranked_term term;
    uint32_t *sums = text_segment_alloc(arena, rows * sizeof *sums, error);
    if (!sums) return MV_NO_MEMORY;
    memset(sums, 0, rows * sizeof *sums);
    MV_TRY(ranked_term_at(&term, s->lists, first, error));
    while (term.at < end) {
        if (text_query_leaf_matches(leaf, term.bytes, term.size)) {
            MV_TRY(add_frequencies(&s->cursors[0], s->lists, term.at, sums, error));
            found++;
        }
        MV_TRY(ranked_term_next(&term, error));
    }
    return found ? keep_rows(out, sums, rows, arena, error) : MV_OK;
}

static mv_err find_leaf(text_segment *s, const text_leaf *leaf, mem_arena *arena, text_list *out,
                        mv_error *error)
{
    uint32_t first = 0, end = s->lists->head.terms;
    *out = (text_list){.term = RANKED_NONE};
    if (leaf->kind != TEXT_LEAF_FUZZY)
        MV_TRY(ranked_find(s->lists, leaf->term, leaf->size, leaf->kind == TEXT_LEAF_PREFIX, &first,
                           &end, error));
    if (first == end) return MV_OK;
    if (leaf->kind != TEXT_LEAF_TERM) return find_several(s, leaf, first, end, arena, out, error);
    out->term = first;
    return ranked_cursor_count(s->lists, first, &out->count, error);
}

mv_err text_segment_find(text_segment *s, mem_arena *arena, mv_error *error)
{
    for (uint32_t i = 0; i < s->query->leaves_count; i++)
        MV_TRY(find_leaf(s, &s->query->leaves[i], arena, &s->leaves[i], error));
    return MV_OK;
}

mv_err text_segment_open(text_segment *s, uint32_t leaf, mv_error *error)
{
    const text_list *list = &s->leaves[leaf];
    mv_assert(list->count > 0);
    if (list->term != RANKED_NONE)
        return ranked_cursor_begin(&s->cursors[leaf], s->lists, list->term, error);
    ranked_cursor_of_rows(&s->cursors[leaf], s->lists, list->rows, list->freqs, list->count,
                          list->blocks);
    return MV_OK;
}

mv_err text_segment_count(text_segment *s, uint32_t leaf, const uint64_t *live, uint32_t *count,
                          mv_error *error)
{
    ranked_cursor *c = &s->cursors[leaf];
    *count = s->leaves[leaf].count;
    if (!live || !*count) return MV_OK;
    MV_TRY(text_segment_open(s, leaf, error));
    *count = 0;
    for (; ranked_cursor_last(c) != UINT32_MAX; c->block++) {
        if (!ranked_cursor_read(c)) return ranked_cursor_damaged(error);
        for (uint32_t i = 0; i < c->read_count; i++) *count += bits_get(live, c->rows[i]);
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- sequences */

/* Set the bits of the rows that have a leaf. */
static mv_err set_leaf(text_segment *s, uint32_t leaf, uint64_t *rows, mv_error *error)
{
    ranked_cursor *c = &s->cursors[leaf];
    memset(rows, 0, bits_words(s->lists->head.rows) * sizeof *rows);
    if (!s->leaves[leaf].count) return MV_OK;
    MV_TRY(text_segment_open(s, leaf, error));
    for (; ranked_cursor_last(c) != UINT32_MAX; c->block++) {
        if (!ranked_cursor_read(c)) return ranked_cursor_damaged(error);
        for (uint32_t i = 0; i < c->read_count; i++) bits_set(rows, c->rows[i]);
    }
    return MV_OK;
}

/* Positions of the items of a sequence in one row: those of item i are at starts[i] to before
 * starts[i + 1]. */
typedef struct sequence {
    const text_item *items;
    uint32_t count;
    uint32_t slop;
    uint32_t *starts;
    uint32_t *walk; /* where the search of each item goes on */
    uint32_t *positions;
    size_t capacity; /* of `positions` */
} sequence;

/* Is there an occurrence of each item at least as far behind the one before as in the query, and
 * all with at most `slop` positions more? From each position of the first item, the nearest of the
 * next ones make the shortest sequence. What an item has passed for one position of the first item
 * is too early for all later ones, too. */
static bool has_sequence(const sequence *q)
{
    memcpy(q->walk, q->starts, q->count * sizeof *q->walk);
    for (uint32_t first = 0; first < q->starts[1]; first++) {
        uint64_t at = q->positions[first], begin = at;
        uint32_t i = 1;
        for (; i < q->count; i++) {
            uint64_t least = at + (q->items[i].position - q->items[i - 1].position);
            uint32_t j = q->walk[i];
            while (j < q->starts[i + 1] && q->positions[j] < least) j++;
            q->walk[i] = j;
            if (j == q->starts[i + 1]) break;
            at = q->positions[j];
        }
        if (i < q->count) return false; /* nor from a later position */
        if (at - begin <= (uint64_t)q->items[q->count - 1].position + q->slop) return true;
    }
    return false;
}

/* Read the positions of all items in a row, in which all have their leaves. */
static mv_err read_positions(text_segment *s, sequence *q, uint32_t row, mv_error *error)
{
    q->starts[0] = 0;
    for (uint32_t i = 0; i < q->count; i++) {
        ranked_cursor *c = &s->cursors[q->items[i].number];
        uint32_t freq;
        if (!ranked_cursor_freq(c, row, &freq) || (freq && !ranked_cursor_has_positions(c)))
            return ranked_cursor_damaged(error);
        size_t wanted = (size_t)q->starts[i] + freq;
        if (wanted > q->capacity) {
            uint32_t *positions = mem_realloc(q->positions, q->capacity * sizeof *positions,
                                              2 * wanted * sizeof *positions);
            if (!positions) return no_memory_for_text(wanted * sizeof *positions, error);
            q->positions = positions;
            q->capacity = 2 * wanted;
        }
        if (freq && !ranked_cursor_positions(c, q->positions + q->starts[i]))
            return error_set(error, MV_CORRUPT, "the positions of a list are damaged");
        q->starts[i + 1] = (uint32_t)wanted;
    }
    return MV_OK;
}

static mv_err match_positions(text_segment *s, sequence *q, uint64_t *rows, mv_error *error)
{
    for (uint32_t i = 0; i < q->count; i++) {
        uint32_t leaf = q->items[i].number;
        if (s->leaves[leaf].count) MV_TRY(text_segment_open(s, leaf, error));
    }
    for (uint32_t word = 0; word < bits_words(s->lists->head.rows); word++) {
        for (uint64_t left = rows[word]; left; left &= left - 1) {
            uint32_t row = word * 64 + MV_LOWEST_BIT(left);
            MV_TRY(read_positions(s, q, row, error));
            if (!has_sequence(q)) bits_unset(rows, row);
        }
    }
    return MV_OK;
}

/* Read the texts: of a term that others begin with, or a similar one, there are no positions, and
 * some lists have none. */
static mv_err match_texts(text_segment *s, const text_node *node, uint64_t *rows, mv_error *error)
{
    for (uint32_t word = 0; word < bits_words(s->terms->column->rows); word++) {
        for (uint64_t left = rows[word]; left; left &= left - 1) {
            uint32_t row = word * 64 + MV_LOWEST_BIT(left);
            bool matches;
            MV_TRY(analysis_match(s->terms, row, s->match, error));
            MV_TRY(text_match_words(s->match, s->query, node, &matches, error));
            if (!matches) bits_unset(rows, row);
        }
    }
    return MV_OK;
}

/* Those of the rows `among` that have the words of a node. */
static mv_err match_words(text_segment *s, const text_node *node, const uint64_t *among,
                          uint64_t *rows, uint64_t *other, mem_arena *arena, mv_error *error)
{
    const text_item *items = s->query->items + node->first_item;
    size_t words = bits_words(s->lists->head.rows);
    bool has_positions = s->lists->positions, has_rows = false;
    for (uint32_t i = 0; i < node->items_count; i++) {
        const text_list *list = &s->leaves[items[i].number];
        has_positions &= list->term != RANKED_NONE;
        MV_TRY(set_leaf(s, items[i].number, i ? other : rows, error));
        for (size_t j = 0; j < words; j++) rows[j] &= i ? other[j] : among[j];
    }
    for (size_t j = 0; j < words; j++) has_rows |= rows[j] != 0;
    if (node->items_count == 1 || !has_rows) return MV_OK;
    if (!has_positions) return match_texts(s, node, rows, error);
    sequence q = {.items = items, .count = node->items_count, .slop = node->slop};
    q.starts = text_segment_alloc(arena, (q.count + 1) * sizeof *q.starts, error);
    q.walk = text_segment_alloc(arena, q.count * sizeof *q.walk, error);
    if (!q.starts || !q.walk) return MV_NO_MEMORY;
    mv_err err = match_positions(s, &q, rows, error);
    mem_free(q.positions, q.capacity * sizeof *q.positions);
    return err;
}

/* ---------------------------------------------------------------- the tree */

bool text_segment_is_any(const text_query *query)
{
    for (uint32_t i = 0; i < query->nodes_count; i++) {
        const text_node *node = &query->nodes[i];
        if (node->kind == TEXT_NODE_NO || node->kind == TEXT_NODE_MAYBE) return false;
        if (node->kind == TEXT_NODE_WORDS && node->items_count > 1) return false;
        if (node->kind == TEXT_NODE_ALL && query->nodes[i + 1].end != node->end) return false;
    }
    return true;
}

typedef struct open_group {
    const text_node *node;
    uint64_t *rows; /* ALL: that match all members so far; else: that match any */
} open_group;

/* Give the rows of a member to its group. */
static void add_group_member(const open_group *group, text_node_kind kind, const uint64_t *rows,
                             size_t words)
{
    bool is_all = group->node->kind == TEXT_NODE_ALL, excludes = kind == TEXT_NODE_NO;
    for (size_t i = 0; i < words; i++) {
        if (is_all)
            group->rows[i] &= excludes ? ~rows[i] : rows[i];
        else
            group->rows[i] |= rows[i];
    }
}

mv_err text_segment_match(text_segment *s, uint64_t *matches, mem_arena *arena, mv_error *error)
{
    const text_query *q = s->query;
    const text_node root = {.kind = TEXT_NODE_ALL};
    const open_group all = {&root, matches};
    open_group groups[TEXT_QUERY_DEPTH_MAX + 2] = {0};
    size_t words = bits_words(s->lists->head.rows), size = words * sizeof(uint64_t);
    uint64_t *rows = text_segment_alloc(arena, size, error),
             *other = text_segment_alloc(arena, size, error);
    uint32_t depth = 0;
    if (!rows || !other) return MV_NO_MEMORY;
    for (uint32_t i = 0; i <= q->nodes_count; i++) {
        while (depth && (i == q->nodes_count || i == groups[depth - 1].node->end)) {
            const open_group *done = &groups[--depth];
            add_group_member(depth ? &groups[depth - 1] : &all, done->node->kind, done->rows,
                             words);
        }
        if (i == q->nodes_count) break;
        const text_node *node = &q->nodes[i];
        if (node->kind == TEXT_NODE_WORDS) {
            MV_TRY(match_words(s, node, matches, rows, other, arena, error));
            add_group_member(depth ? &groups[depth - 1] : &all, node->kind, rows, words);
        } else if (node->kind == TEXT_NODE_MAYBE) {
            i = node->end - 1;
        } else {
            open_group *group = &groups[depth++];
            mv_assert(depth <= TEXT_QUERY_DEPTH_MAX + 2);
            group->node = node;
            if (!group->rows && !(group->rows = text_segment_alloc(arena, size, error)))
                return MV_NO_MEMORY;
            memset(group->rows, node->kind == TEXT_NODE_ALL ? 0xff : 0, size);
        }
    }
    return MV_OK;
}
