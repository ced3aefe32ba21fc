/* A filter before a table. First every test is estimated, by the dictionaries of inverted lists and
 * by zones. Then lists answer what they can for the whole table, from the leaves up: a group of
 * which all members are known becomes one bitmap, of others what is known becomes one, and only the
 * rest is left to look at rows (filter_eval.c). In an AND the rarest comes first, and a test is
 * left to the rows where so few are in question that looking at them is cheaper. */
#include "query/filter_cost.h"
#include "query/filter_tree.h"

static filter_state *state_of(const filter_table *ft, const filter_node *node)
{
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

/* What went wrong with the lists of a leaf's field. Damage is told of, and the field goes without
 * them from now on: MV_CORRUPT, and all is to be done anew. */
static mv_err fail_lists(filter_table *ft, const filter_node *leaf, mv_err err, const mv_error *why,
                         mv_error *error)
{
    if (err != MV_CORRUPT) return error_set(error, err, "%s", why->text);
    ft->indexes.lists[leaf->field] = NULL;
    if (ft->indexes.note_damage) ft->indexes.note_damage(ft->indexes.ctx, leaf->field, why);
    return err;
}

/* ---------------------------------------------------------------- estimates */

/* Of a test of numbers in a range or a set, by what is known of blocks of rows. */
static void estimate_zones(const filter_table *ft, const filter_node *leaf,
                           const table_column *column, filter_state *state)
{
    uint32_t rows = ft->t->rows, most = 0, least = 0;
    for (uint32_t z = 0; z < table_zones(rows); z++) {
        const table_zone *zone = &column->zones[z];
        uint32_t first = z * TABLE_ZONE_ROWS;
        uint32_t count = rows - first < TABLE_ZONE_ROWS ? rows - first : TABLE_ZONE_ROWS;
        uint32_t values = count - (zone->nulls < count ? zone->nulls : count);
        bool outside = leaf->high < zone->min || leaf->low > zone->max;
        bool inside =
            leaf->kind == FILTER_RANGE && leaf->low <= zone->min && zone->max <= leaf->high;
        if (leaf->negated ? !inside : !outside) most += values;
        if (leaf->negated ? outside : inside) least += values;
    }
    state->low = least;
    state->high = most;
}

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
        state->low = state->high = leaf->negated ? ft->t->rows - nulls : nulls;
        return MV_OK;
    }
    uint64_t price = lists ? filter_lookup_price(leaf, lists) : UINT64_MAX;
    if (price <= ESTIMATE_NS_MAX) return find_values(ft, leaf, error);
    if (price != UINT64_MAX) state->stage = FILTER_DEAR;
    if (column->zones && !cell_is_variable(leaf->type)) estimate_zones(ft, leaf, column, state);
    return MV_OK;
}

/* The next member behind `after` that tests the same scalar field by its lists. */
static const filter_node *next_alike(const filter_table *ft, const filter_node *after)
{
    const filter_state *state = state_of(ft, after);
    for (const filter_node *other = after->next; other; other = other->next) {
        const filter_state *s = state_of(ft, other);
        if (s->stage == FILTER_FOUND && s->lookup.lists == state->lookup.lists) return other;
    }
    return NULL;
}

/* Let members say what the next ones alike say, too, two by two: of many tests of one field each
 * value is copied as often as their number has bits. */
static mv_err merge_pairs(filter_table *ft, const filter_node *group, bool *merged, mv_error *error)
{
    *merged = false;
    for (const filter_node *member = group->as.members; member; member = member->next) {
        filter_state *into = state_of(ft, member);
        if (into->stage != FILTER_FOUND || into->lookup.lists->is_array) continue;
        const filter_node *other = next_alike(ft, member);
        if (!other) continue;
        filter_state *from = state_of(ft, other);
        MV_TRY(filter_lookup_merge(&into->lookup, &from->lookup, group->kind == FILTER_AND,
                                   ft->arena, error));
        from->stage = FILTER_MERGED;
        from->merged_into = member->number;
        into->is_merged = *merged = true;
    }
    return MV_OK;
}

/* Members that test the same scalar field by its lists become one. */
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

static uint64_t *take_segment_bits(filter_table *ft, mv_error *error)
{
    uint64_t *bits = ft->free_bits;
    size_t size = bits_words(ft->t->rows) * sizeof *bits;
    ft->free_bits = NULL;
    if (!bits && !(bits = mem_arena_alloc(ft->arena, size)))
        (void)error_memory(error, size, "evaluating a filter");
    return bits;
}

/* Is it cheaper to ask the lists than to look at those of the table's rows that are in question? */
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

static mv_err make_leaf(filter_table *ft, const filter_node *leaf, uint32_t matching,
                        mv_error *error)
{
    filter_state *state = state_of(ft, leaf);
    uint64_t *spare = NULL;
    if (state->stage == FILTER_DEAR) {
        uint64_t price = filter_lookup_price(leaf, lists_of(ft, leaf));
        if (!is_worth_asking(ft, leaf, price, matching)) {
            state->stage = FILTER_SCAN;
            return MV_OK;
        }
        MV_TRY(find_values(ft, leaf, error));
    }
    if (state->stage != FILTER_FOUND) return MV_OK;
    if (!is_worth_asking(ft, leaf, state->lookup.cost, matching)) return MV_OK;
    if (!(state->bits = take_segment_bits(ft, error))) return MV_NO_MEMORY;
    if (leaf->kind == FILTER_CONTAIN_ALL && !(spare = take_segment_bits(ft, error)))
        return MV_NO_MEMORY;
    mv_error why;
    mv_err err = filter_lookup_mark(leaf, &state->lookup, state->bits, spare, &why);
    if (err) return fail_lists(ft, leaf, err, &why, error);
    if (spare) ft->free_bits = spare;
    state->stage = FILTER_MARKED;
    return MV_OK;
}

/* The member that lists may answer, of which the fewest rows may pass; NULL: all were tried. */
static const filter_node *next_member(const filter_table *ft, const filter_node *group)
{
    const filter_node *best = NULL;
    for (const filter_node *member = group->as.members; member; member = member->next) {
        const filter_state *s = state_of(ft, member);
        bool may = is_group(member) || s->stage == FILTER_DEAR || s->stage == FILTER_FOUND;
        if (may && !s->is_tried && (!best || s->high < state_of(ft, best)->high)) best = member;
    }
    return best;
}

/* Take the member's bitmap into that of its group. Returns how many rows it then has. */
static uint32_t take_member(filter_table *ft, const filter_node *group, const filter_node *member)
{
    filter_state *into = state_of(ft, group), *from = state_of(ft, member);
    size_t words = bits_words(ft->t->rows);
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

/* Of the member that answers for this one. */
static const filter_state *state_of_merged(const filter_table *ft, const filter_state *state)
{
    while (state->stage == FILTER_MERGED) state = &ft->states[state->merged_into];
    return state;
}

static mv_err make(filter_table *ft, const filter_node *node, uint32_t matching, mv_error *error);

static mv_err make_group(filter_table *ft, const filter_node *group, uint32_t matching,
                         mv_error *error)
{
    filter_state *state = state_of(ft, group);
    const filter_node *member;
    bool is_whole = true;
    while ((member = next_member(ft, group))) {
        filter_state *s = state_of(ft, member);
        s->is_tried = true;
        MV_TRY(make(ft, member, matching, error));
        if (s->stage != FILTER_MARKED) continue;
        uint32_t count = take_member(ft, group, member);
        if (group->kind != FILTER_AND) continue;
        matching = count < matching ? count : matching;
        if (!matching) break; /* nothing is left to be asked */
    }
    for (member = group->as.members; member; member = member->next) {
        filter_state *s = state_of(ft, member);
        if (s->stage == FILTER_MERGED && state_of_merged(ft, s)->stage != FILTER_DONE)
            s->stage = FILTER_SCAN; /* as what it was merged into */
        if (s->stage != FILTER_DONE && s->stage != FILTER_MERGED) is_whole = false;
    }
    if (!state->bits) return MV_OK;
    if (group->kind == FILTER_AND && !matching) is_whole = true;
    state->stage = is_whole ? FILTER_MARKED : FILTER_PARTLY;
    return MV_OK;
}

/* Recursion as above. */
static mv_err make(filter_table *ft, const filter_node *node, uint32_t matching, mv_error *error)
{
    return is_group(node) ? make_group(ft, node, matching, error)
                          : make_leaf(ft, node, matching, error);
}

/* What is left to rows needs some memory, too. */
static mv_err reserve_lookups(filter_table *ft, const filter_node *node, mv_error *error)
{
    filter_state *state = state_of(ft, node);
    if (state->stage == FILTER_MARKED || state->stage == FILTER_DONE) return MV_OK;
    if (is_group(node)) {
        for (const filter_node *member = node->as.members; member; member = member->next)
            MV_TRY(reserve_lookups(ft, member, error));
        return MV_OK;
    }
    if (node->kind != FILTER_CONTAIN_ALL) return MV_OK;
    size_t size = node->as.set->count * sizeof *state->marks;
    if (!(state->marks = mem_arena_alloc(ft->arena, size)))
        return error_memory(error, size, "evaluating a filter");
    memset(state->marks, 0, size);
    return MV_OK;
}

mv_err filter_table_make(filter_table *ft, mv_error *error)
{
    mv_err err;
    const filter_node *root = ft->f->root;
    size_t spare_size = root->or_depth * 2 * bits_words(FILTER_BLOCK_ROWS) * sizeof(uint64_t);
    while ((err = make(ft, root, ft->t->rows, error)) == MV_CORRUPT) {
        ft->free_bits = NULL;
        MV_TRY(filter_table_estimate_tests(ft, error));
    }
    if (err) return err;
    if (!(ft->spare = mem_arena_alloc(ft->arena, spare_size)))
        return error_memory(error, spare_size, "evaluating a filter");
    MV_TRY(reserve_lookups(ft, root, error));
    ft->is_made = true;
    return MV_OK;
}

mv_err filter_table_estimate_tests(filter_table *ft, mv_error *error)
{
    mv_err err;
    do err = estimate(ft, ft->f->root, error);
    while (err == MV_CORRUPT); /* each time some lists fewer */
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

/* The test that answers for the whole filter by the lists of a scalar field, or NULL. */
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
    return state && state->stage == FILTER_FOUND && filter_lookup_can_list(&state->lookup) ? only
                                                                                           : NULL;
}

mv_err filter_table_list(filter_table *ft, uint32_t **rows, mv_error *error)
{
    mv_error why;
    const filter_node *test = only_test(ft);
    *rows = NULL;
    if (!test) return MV_OK;
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
