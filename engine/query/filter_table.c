/* A filter bound to a table.
 *
 * First every test is estimated: by the dictionary of its inverted lists, or by the zones of its
 * column.
 *
 * Then the lists answer tests for the whole table, from the leaves up. The members of a group that
 * are answered become one bitmap. If all members are answered, so is the group. The other members
 * are left to filter_eval.c, which scans rows. The members of an AND are answered in the order of
 * their estimates, the rarest first. Once so few rows are left that scanning them is cheaper than
 * asking the lists, the test is left to the scan. */
#include "query/filter_cost.h"
#include "query/filter_tree.h"

/* An IN of more ids compares those of all rows: a lookup takes about 0.3 us. */
#define FOUND_IDS_MAX 1024u

static filter_state *state_of(const filter_table *ft, const filter_node *node)
{
    mv_assert(node->number < ft->f->nodes_count); /* I17 */
    return &ft->states[node->number];
}

static const table_column *table_column_of(const filter_table *ft, const filter_node *node)
{
    return node->field == FILTER_FIELD_ID ? &ft->t->ids : &ft->t->columns[node->field];
}

static const invert_lists *lists_of(const filter_table *ft, const filter_node *node)
{
    if (node->kind == FILTER_CONSTANT || node->field == FILTER_FIELD_ID) return NULL;
    return ft->indexes.lists ? ft->indexes.lists[node->field] : NULL;
}

static bool is_group(const filter_node *node)
{
    return node->kind == FILTER_AND || node->kind == FILTER_OR;
}

/* Using the lists of a leaf's field failed with `err`. If they are damaged, report it and do
 * without them from now on; returns MV_CORRUPT, and the caller starts again
 * (filter_table_estimate_tests). */
static mv_err fail_lists(filter_table *ft, const filter_node *leaf, mv_err err, const mv_error *why,
                         mv_error *error)
{
    if (err != MV_CORRUPT) return error_set(error, err, "%s", why->text);
    ft->indexes.lists[leaf->field] = NULL;
    if (ft->indexes.note_damage) ft->indexes.note_damage(ft->indexes.ctx, leaf->field, why);
    return err;
}

/* ---------------------------------------------------------------- estimates */

/* Estimate a RANGE or an IN of numbers by the zones of its column. */
static void estimate_zones(const filter_table *ft, const filter_node *leaf,
                           const table_column *column, filter_state *state)
{
    uint32_t rows = ft->t->rows, most = 0, least = 0;
    for (uint32_t z = 0; z < table_zones(rows); z++) {
        const table_zone *zone = &column->zones[z];
        uint32_t first = z * TABLE_ZONE_ROWS;
        uint32_t count = rows - first < TABLE_ZONE_ROWS ? rows - first : TABLE_ZONE_ROWS;
        uint32_t values = count - (zone->nulls < count ? zone->nulls : count);
        bool outside = filter_zone_is_outside(leaf, zone);
        bool inside = filter_zone_is_inside(leaf, zone);
        if (leaf->negated ? !inside : !outside) most += values;
        if (leaf->negated ? outside : inside) least += values;
    }
    state->low = least;
    state->high = most;
}

/* Look the values up in the dictionary, which tells how many rows match. */
static mv_err find_values(filter_table *ft, const filter_node *leaf, mv_error *error)
{
    mv_error why;
    filter_state *state = state_of(ft, leaf);
    mv_err err = filter_lookup_find(leaf, lists_of(ft, leaf), ft->arena, &state->lookup, &why);
    if (err) return fail_lists(ft, leaf, err, &why, error);
    state->stage = FILTER_FOUND;
    state->low = state->lookup.low;
    state->high = state->lookup.high;
    return MV_OK;
}

/* Find the rows that a MATCH is true for. */
static mv_err mark_match(filter_table *ft, const filter_node *leaf, const table_column *column,
                         mv_error *error)
{
    filter_state *state = state_of(ft, leaf);
    uint32_t rows = ft->t->rows;
    size_t size = bits_words(rows) * sizeof *state->bits;
    mv_assert(ft->indexes.match);
    if (!(state->bits = mem_arena_alloc(ft->arena, size)))
        return error_memory(error, size, "evaluating a filter");
    MV_TRY(ft->indexes.match(ft->indexes.ctx, leaf->as.match, ft->t, state->bits, error));
    for (size_t i = 0; leaf->negated && i < bits_words(rows); i++) {
        uint64_t all = i < rows / 64 ? UINT64_MAX : ((uint64_t)1 << rows % 64) - 1;
        state->bits[i] = ~state->bits[i] & all & (column->nulls ? ~column->nulls[i] : UINT64_MAX);
    }
    state->low = state->high = (uint32_t)bits_count(state->bits, rows);
    state->stage = FILTER_MARKED;
    return MV_OK;
}

/* Does the test name the ids of its rows, few enough to be looked up? */
static bool names_ids(const filter_table *ft, const filter_node *leaf)
{
    if (leaf->field != FILTER_FIELD_ID || !ft->indexes.find_id) return false;
    if (leaf->negated || leaf->folds) return false;
    if (leaf->kind == FILTER_IN) return leaf->as.set->count <= FOUND_IDS_MAX;
    return leaf->kind == FILTER_STRING && leaf->as.string.op == FILTER_EQ;
}

/* Look up the rows of the ids. */
static mv_err find_ids(filter_table *ft, const filter_node *leaf, mv_error *error)
{
    const filter_key one = {leaf->as.string.size, leaf->as.string.bytes},
                     *keys = leaf->kind == FILTER_IN ? leaf->as.set->keys : &one;
    uint32_t count = leaf->kind == FILTER_IN ? leaf->as.set->count : 1;
    filter_state *state = state_of(ft, leaf);
    size_t size = bits_words(ft->t->rows) * sizeof *state->bits;
    state->bits = mem_arena_alloc(ft->arena, size);
    state->rows = mem_arena_alloc(ft->arena, count * sizeof *state->rows);
    if (!state->bits || !state->rows) return error_memory(error, size, "evaluating a filter");
    memset(state->bits, 0, size);
    state->high = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row;
        bool found;
        MV_TRY(ft->indexes.find_id(ft->indexes.ctx, ft->t, keys[i].bytes, (size_t)keys[i].number,
                                   &row, &found, error));
        if (!found) continue;
        bits_set(state->bits, row);
        state->rows[state->high++] = row;
    }
    state->low = state->high;
    state->stage = FILTER_MARKED;
    return MV_OK;
}

static mv_err estimate_leaf(filter_table *ft, const filter_node *leaf, mv_error *error)
{
    filter_state *state = state_of(ft, leaf);
    const invert_lists *lists = lists_of(ft, leaf);
    *state = (filter_state){.high = ft->t->rows};
    if (leaf->kind == FILTER_CONSTANT) {
        if (leaf->as.truth)
            state->low = state->high;
        else
            state->high = 0;
        return MV_OK;
    }
    const table_column *column = table_column_of(ft, leaf);
    if (leaf->kind == FILTER_IS_NULL) {
        uint32_t nulls = column->nulls ? (uint32_t)bits_count(column->nulls, ft->t->rows) : 0;
        if (nulls > ft->t->rows) nulls = ft->t->rows; /* bits behind the last row: damaged */
        state->low = state->high = leaf->negated ? ft->t->rows - nulls : nulls;
        return MV_OK;
    }
    if (leaf->kind == FILTER_MATCH) return mark_match(ft, leaf, column, error);
    if (names_ids(ft, leaf)) return find_ids(ft, leaf, error);
    uint64_t price = lists ? filter_lookup_price(leaf, lists) : UINT64_MAX;
    if (price <= ESTIMATE_NS_MAX) return find_values(ft, leaf, error);
    if (price != UINT64_MAX) state->stage = FILTER_DEFERRED;
    if (column->zones && !cell_is_variable(leaf->type)) estimate_zones(ft, leaf, column, state);
    return MV_OK;
}

/* The next member behind `after` that tests the same field by the same lists, or NULL. */
static const filter_node *next_alike(const filter_table *ft, const filter_node *after)
{
    const filter_state *state = state_of(ft, after);
    for (const filter_node *other = after->next; other; other = other->next) {
        const filter_state *s = state_of(ft, other);
        if (s->stage == FILTER_FOUND && s->lookup.lists == state->lookup.lists) return other;
    }
    return NULL;
}

/* Merge each test with the next one of the same scalar field. Repeated until nothing is left to
 * merge, this copies the values of n tests log2(n) times. */
static mv_err merge_pairs(filter_table *ft, const filter_node *group, bool *merged, mv_error *error)
{
    *merged = false;
    for (const filter_node *member = group->as.members; member; member = member->next) {
        filter_state *into = state_of(ft, member);
        if (into->stage != FILTER_FOUND || into->lookup.lists->is_array) continue;
        const filter_node *other = next_alike(ft, member);
        if (!other) continue;
        filter_state *from = state_of(ft, other);
        mv_assert(from != into);
        mv_assert(from->stage == FILTER_FOUND);
        MV_TRY(filter_lookup_merge(&into->lookup, &from->lookup, group->kind == FILTER_AND,
                                   ft->arena, error));
        from->stage = FILTER_MERGED;
        from->merged_into = member->number;
        into->is_merged = *merged = true;
    }
    return MV_OK;
}

/* Merge all members that test the same scalar field by its lists into one lookup a field. */
static mv_err merge_members(filter_table *ft, const filter_node *group, mv_error *error)
{
    bool merged = true;
    while (merged) MV_TRY(merge_pairs(ft, group, &merged, error));
    for (const filter_node *member = group->as.members; member; member = member->next) {
        mv_error why;
        filter_state *state = state_of(ft, member);
        if (state->stage != FILTER_FOUND || !state->is_merged) continue;
        mv_err err = filter_lookup_weigh(&state->lookup, &why);
        if (err) return fail_lists(ft, member, err, &why, error);
        state->low = state->lookup.low;
        state->high = state->lookup.high;
    }
    return MV_OK;
}

static mv_err estimate(filter_table *ft, const filter_node *node, mv_error *error);

static mv_err estimate_group(filter_table *ft, const filter_node *group, mv_error *error)
{
    uint64_t rows = ft->t->rows, sum = 0, missing = 0, high_min = rows, low_max = 0;
    filter_state *state = state_of(ft, group);
    *state = (filter_state){0};
    mv_assert(group->as.members);
    for (const filter_node *member = group->as.members; member; member = member->next)
        MV_TRY(estimate(ft, member, error));
    MV_TRY(merge_members(ft, group, error));
    for (const filter_node *member = group->as.members; member; member = member->next) {
        const filter_state *s = state_of(ft, member);
        if (s->stage == FILTER_MERGED) continue;
        sum += s->high;
        missing += rows - s->low;
        if (s->high < high_min) high_min = s->high;
        if (s->low > low_max) low_max = s->low;
    }
    if (group->kind == FILTER_AND) {
        state->high = (uint32_t)high_min;
        state->low = missing < rows ? (uint32_t)(rows - missing) : 0;
    } else {
        state->high = (uint32_t)(sum < rows ? sum : rows);
        state->low = (uint32_t)low_max;
    }
    return MV_OK;
}

/* Recursion is as deep as parentheses and NOT were (MV_FILTER_DEPTH_MAX). */
static mv_err estimate(filter_table *ft, const filter_node *node, mv_error *error)
{
    return is_group(node) ? estimate_group(ft, node, error) : estimate_leaf(ft, node, error);
}

/* ---------------------------------------------------------------- bitmaps */

/* A bitmap of the table, with undefined contents; NULL: no memory. */
static uint64_t *acquire_bits(filter_table *ft, mv_error *error)
{
    uint64_t *bits = ft->free_bits;
    size_t size = bits_words(ft->t->rows) * sizeof *bits;
    ft->free_bits = NULL;
    if (!bits && !(bits = mem_arena_alloc(ft->arena, size)))
        (void)error_memory(error, size, "evaluating a filter");
    return bits;
}

/* Are the lists, at `price`, cheaper than scanning? `matching` rows are left to be tested. */
static bool is_worth_asking(const filter_table *ft, const filter_node *leaf, uint64_t price,
                            uint32_t matching)
{
    uint64_t words = bits_words(ft->t->rows), looks;
    if (cell_is_variable(leaf->type))
        looks = (uint64_t)matching * leaf->cost / 64;
    else
        looks = (matching < words ? matching : words) * leaf->cost;
    return price + words / COST_COMBINE_WORDS_PER_NS <= looks + words / COST_SET_WORDS_PER_NS;
}

/* Get the bitmap of a leaf from its lists, if that is cheaper than scanning `matching` rows. */
static mv_err mark_leaf(filter_table *ft, const filter_node *leaf, uint32_t matching,
                        mv_error *error)
{
    filter_state *state = state_of(ft, leaf);
    uint64_t *spare = NULL;
    if (state->stage == FILTER_DEFERRED) {
        uint64_t price = filter_lookup_price(leaf, lists_of(ft, leaf));
        if (!is_worth_asking(ft, leaf, price, matching)) {
            state->stage = FILTER_SCAN;
            return MV_OK;
        }
        MV_TRY(find_values(ft, leaf, error));
    }
    if (state->stage != FILTER_FOUND) return MV_OK;
    if (!is_worth_asking(ft, leaf, state->lookup.cost, matching)) return MV_OK;
    if (!(state->bits = acquire_bits(ft, error))) return MV_NO_MEMORY;
    if (leaf->kind == FILTER_CONTAIN_ALL && !(spare = acquire_bits(ft, error))) return MV_NO_MEMORY;
    mv_error why;
    mv_err err = filter_lookup_mark(leaf, &state->lookup, state->bits, spare, &why);
    if (err) return fail_lists(ft, leaf, err, &why, error);
    if (spare) ft->free_bits = spare;
    state->stage = FILTER_MARKED;
    return MV_OK;
}

/* Of the members that lists may answer and that were not tried, the one that the fewest rows can
 * match; NULL: all were tried. */
static const filter_node *next_member(const filter_table *ft, const filter_node *group)
{
    const filter_node *best = NULL;
    for (const filter_node *member = group->as.members; member; member = member->next) {
        const filter_state *s = state_of(ft, member);
        bool may = is_group(member) || s->stage == FILTER_DEFERRED || s->stage == FILTER_FOUND ||
                   s->stage == FILTER_MARKED;
        if (may && !s->is_tried && (!best || s->high < state_of(ft, best)->high)) best = member;
    }
    return best;
}

/* Combine the member's bitmap with that of its group. Returns how many rows the latter then has. */
static uint32_t combine_member(filter_table *ft, const filter_node *group,
                               const filter_node *member)
{
    filter_state *into = state_of(ft, group), *from = state_of(ft, member);
    size_t words = bits_words(ft->t->rows);
    mv_assert(from->stage == FILTER_MARKED);
    mv_assert(from->bits);
    from->stage = FILTER_DONE;
    if (!into->bits) {
        into->bits = from->bits;
        return (uint32_t)bits_count(into->bits, ft->t->rows);
    }
    uint64_t *bits = into->bits, *other = from->bits;
    for (size_t i = 0; i < words; i++)
        bits[i] = group->kind == FILTER_AND ? bits[i] & other[i] : bits[i] | other[i];
    ft->free_bits = other;
    return (uint32_t)bits_count(bits, ft->t->rows);
}

/* The state of the member that a merged member finally became part of. */
static const filter_state *state_of_merged(const filter_table *ft, const filter_state *state)
{
    while (state->stage == FILTER_MERGED) state = &ft->states[state->merged_into];
    return state;
}

static mv_err mark_node(filter_table *ft, const filter_node *node, uint32_t matching,
                        mv_error *error);

/* Get the bitmap of a group from those of its members. `matching` rows are left to be tested; each
 * bitmap of an AND may leave fewer. */
static mv_err mark_group(filter_table *ft, const filter_node *group, uint32_t matching,
                         mv_error *error)
{
    filter_state *state = state_of(ft, group);
    const filter_node *member;
    bool is_whole = true;
    while ((member = next_member(ft, group))) {
        filter_state *s = state_of(ft, member);
        s->is_tried = true;
        MV_TRY(mark_node(ft, member, matching, error));
        if (s->stage != FILTER_MARKED) continue;
        uint32_t count = combine_member(ft, group, member);
        if (group->kind != FILTER_AND) continue;
        matching = count < matching ? count : matching;
        if (!matching) break; /* no row is left to be tested */
    }
    for (member = group->as.members; member; member = member->next) {
        filter_state *s = state_of(ft, member);
        if (s->stage == FILTER_MERGED && state_of_merged(ft, s)->stage != FILTER_DONE)
            s->stage = FILTER_SCAN; /* like the member that it was merged into */
        if (s->stage != FILTER_DONE && s->stage != FILTER_MERGED) is_whole = false;
    }
    if (!state->bits) return MV_OK;
    if (group->kind == FILTER_AND && !matching) is_whole = true;
    state->stage = is_whole ? FILTER_MARKED : FILTER_PARTLY;
    return MV_OK;
}

/* Recursion is as deep as parentheses and NOT were (MV_FILTER_DEPTH_MAX). */
static mv_err mark_node(filter_table *ft, const filter_node *node, uint32_t matching,
                        mv_error *error)
{
    return is_group(node) ? mark_group(ft, node, matching, error)
                          : mark_leaf(ft, node, matching, error);
}

/* Allocate what scanning the tests that are left needs. */
static mv_err alloc_marks(filter_table *ft, const filter_node *node, mv_error *error)
{
    filter_state *state = state_of(ft, node);
    if (state->stage == FILTER_MARKED || state->stage == FILTER_DONE) return MV_OK;
    if (is_group(node)) {
        for (const filter_node *member = node->as.members; member; member = member->next)
            MV_TRY(alloc_marks(ft, member, error));
        return MV_OK;
    }
    if (node->kind != FILTER_CONTAIN_ALL) return MV_OK;
    size_t size = node->as.set->count * sizeof *state->marks;
    if (!(state->marks = mem_arena_alloc(ft->arena, size)))
        return error_memory(error, size, "evaluating a filter");
    memset(state->marks, 0, size);
    return MV_OK;
}

mv_err filter_table_mark(filter_table *ft, mv_error *error)
{
    mv_err err;
    const filter_node *root = ft->f->root;
    size_t spare_size = root->or_depth * 2 * bits_words(FILTER_BLOCK_ROWS) * sizeof(uint64_t);
    mv_assert(!ft->is_marked);
    while ((err = mark_node(ft, root, ft->t->rows, error)) == MV_CORRUPT)
        MV_TRY(filter_table_estimate_tests(ft, error));
    if (err) return err;
    if (!(ft->spare = mem_arena_alloc(ft->arena, spare_size)))
        return error_memory(error, spare_size, "evaluating a filter");
    MV_TRY(alloc_marks(ft, root, error));
    ft->is_marked = true;
    return MV_OK;
}

mv_err filter_table_estimate_tests(filter_table *ft, mv_error *error)
{
    mv_err err;
    do err = estimate(ft, ft->f->root, error);
    while (err == MV_CORRUPT); /* ends: each time one field has lost its lists (fail_lists) */
    return err;
}

mv_err filter_table_begin(const filter *f, const table *t, const filter_indexes *indexes,
                          mem_arena *arena, filter_table **out, mv_error *error)
{
    mem_arena_clear(arena);
    filter_table *ft = mem_arena_alloc(arena, sizeof *ft);
    size_t states_size = f->nodes_count * sizeof *ft->states;
    filter_state *states = mem_arena_alloc(arena, states_size);
    if (!ft || !states) return error_memory(error, states_size, "evaluating a filter");
    *ft = (filter_table){.f = f, .t = t, .arena = arena, .states = states};
    ft->folded.arena = arena;
    if (indexes) ft->indexes = *indexes;
    MV_TRY(filter_table_estimate_tests(ft, error));
    *out = ft;
    return MV_OK;
}

void filter_table_estimate(const filter_table *ft, uint32_t *least, uint32_t *most)
{
    const filter_state *state = state_of(ft, ft->f->root);
    *least = state->low;
    *most = state->high;
}

/* The one test that the filter consists of, after merging, if its rows can be listed; or NULL. */
static const filter_node *only_test(const filter_table *ft)
{
    const filter_node *root = ft->f->root, *only = is_group(root) ? NULL : root;
    for (const filter_node *member = is_group(root) ? root->as.members : NULL; member;
         member = member->next) {
        if (state_of(ft, member)->stage == FILTER_MERGED) continue;
        if (only) return NULL;
        only = member;
    }
    const filter_state *state = only ? state_of(ft, only) : NULL;
    if (!state) return NULL;
    bool is_found = state->stage == FILTER_FOUND && filter_lookup_can_list(&state->lookup);
    return is_found || state->rows ? only : NULL;
}

mv_err filter_table_list(filter_table *ft, uint32_t **rows, mv_error *error)
{
    mv_error why;
    const filter_node *test = only_test(ft);
    *rows = NULL;
    if (!test) return MV_OK;
    if ((*rows = state_of(ft, test)->rows)) return MV_OK;
    const filter_lookup *lookup = &state_of(ft, test)->lookup;
    size_t size = lookup->high * sizeof **rows;
    if (!(*rows = mem_arena_alloc(ft->arena, size)))
        return error_memory(error, size, "evaluating a filter");
    mv_err err = filter_lookup_list(lookup, *rows, &why);
    if (!err) return MV_OK;
    *rows = NULL;
    err = fail_lists(ft, test, err, &why, error);
    return err == MV_CORRUPT ? filter_table_estimate_tests(ft, error) : err;
}
