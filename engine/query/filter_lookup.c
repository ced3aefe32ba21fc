/* One test by inverted lists: which values of the dictionary match, as runs of positions, and which
 * rows have these values. */
#include "query/filter_cost.h"
#include "query/filter_tree.h"

/* Found values that are sorted by insertion: 64 take 1,024 moves on average, about as long as three
 * lookups. More are sorted by a bitmap of the dictionary. */
#define SORTED_MAX 64u
/* Runs whose rows are counted, which takes two lookups a run. With more, all rows are the bound. */
#define SUMMED_MAX 1024u
/* Values of a CONTAIN_ALL whose lists are intersected. Each takes a pass over a bitmap of all rows;
 * with more values the rows are scanned. */
#define ALL_MAX 64u

/* How the matching values of a test are found in the dictionary. */
typedef enum lookup_method {
    LOOKUP_NONE, /* these lists cannot answer the test, or a scan is cheaper */
    LOOKUP_RUN,  /* they are one run, found by its ends: find_run */
    LOOKUP_SET,  /* each value of the set is looked up: find_set */
    LOOKUP_WALK, /* every value of the dictionary is tested: test_values */
} lookup_method;

/* Does each value stand for so many rows that testing the values pays? */
static bool has_many_rows(const invert_lists *lists)
{
    return (uint64_t)lists->values.count * LIKE_ROWS_PER_VALUE_MIN <= lists->head->rows;
}

/* The method for a test, and the rough nanoseconds that it takes: the only function that knows
 * all kinds of tests. */
static lookup_method lookup_method_of(const filter_node *leaf, const invert_lists *lists,
                                      uint64_t *price)
{
    uint64_t values = lists->values.count, walk = values * COST_TEST_VALUE_NS;
    *price = 2 * COST_FIND_VALUE_NS;
    if (leaf->folds) { /* the order of the dictionary is not that of folded values */
        *price = values * (COST_FOLD_64_NS / 64);
        return has_many_rows(lists) ? LOOKUP_WALK : LOOKUP_NONE;
    }
    switch (leaf->kind) {
    case FILTER_RANGE:
    case FILTER_STRING: return LOOKUP_RUN;
    case FILTER_LIKE:
        if (leaf->as.like.kind == FILTER_LIKE_EXACT || leaf->as.like.kind == FILTER_LIKE_PREFIX)
            return LOOKUP_RUN;
        *price = walk;
        return has_many_rows(lists) ? LOOKUP_WALK : LOOKUP_NONE;
    case FILTER_IN:
        *price = leaf->as.set->count * (uint64_t)COST_FIND_VALUE_NS;
        if (walk >= *price) return LOOKUP_SET;
        *price = walk;
        return LOOKUP_WALK;
    case FILTER_CONTAIN_ANY:
    case FILTER_CONTAIN_ALL:
        *price = leaf->as.set->count * (uint64_t)COST_FIND_VALUE_NS;
        return leaf->kind == FILTER_CONTAIN_ALL && leaf->as.set->count > ALL_MAX ? LOOKUP_NONE
                                                                                 : LOOKUP_SET;
    default: return LOOKUP_NONE;
    }
}

uint64_t filter_lookup_price(const filter_node *leaf, const invert_lists *lists)
{
    uint64_t price;
    return lookup_method_of(leaf, lists, &price) == LOOKUP_NONE ? UINT64_MAX : price;
}

/* ---------------------------------------------------------------- values */

/* Allocate space for `count` runs. */
static mv_err alloc_runs(filter_lookup *lookup, uint32_t count, mem_arena *arena, mv_error *error)
{
    size_t size = count * sizeof *lookup->runs;
    lookup->runs = mem_arena_alloc(arena, size);
    return lookup->runs ? MV_OK : error_memory(error, size, "evaluating a filter");
}

/* The run of one value, empty if the dictionary does not have it. */
static mv_err find_indexed_key(const invert_lists *l, const filter_key *key, invert_range *out,
                               mv_error *error)
{
    uint8_t bytes[8];
    if (key->bytes) {
        size_t size = (size_t)key->number;
        MV_TRY(invert_search_text(l, key->bytes, size, false, false, &out->first, error));
        return invert_search_text(l, key->bytes, size, true, false, &out->end, error);
    }
    memcpy(bytes, &key->number, sizeof bytes); /* little-endian: the low bytes come first */
    uint64_t order = order_key_of(l->type, bytes);
    MV_TRY(invert_search_number(l, order, false, &out->first, error));
    return invert_search_number(l, order, true, &out->end, error);
}

/* Insert a run so that they stay sorted. */
static void insert_run(filter_lookup *lookup, invert_range run)
{
    uint32_t at = lookup->runs_count++;
    for (; at && lookup->runs[at - 1].first > run.first; at--)
        lookup->runs[at] = lookup->runs[at - 1];
    lookup->runs[at] = run;
}

/* Make the runs of the set bits. */
static mv_err runs_of_bits(const uint64_t *bits, uint32_t count, mem_arena *arena,
                           filter_lookup *lookup, mv_error *error)
{
    uint32_t runs = 0;
    uint64_t before = 0;
    for (size_t i = 0; i < bits_words(count); before = bits[i++] >> 63)
        runs += MV_POPCOUNT(bits[i] & ~(bits[i] << 1 | before)); /* where a run begins */
    MV_TRY(alloc_runs(lookup, runs, arena, error));
    for (uint32_t at = 0; at < count; at++) {
        if (at % 64 == 0 && !bits[at / 64]) {
            at += 63;
            continue;
        }
        if (!bits_get(bits, at)) continue;
        uint32_t first = at;
        while (at < count && bits_get(bits, at))
            at += at % 64 == 0 && bits[at / 64] == UINT64_MAX ? 64 : 1;
        lookup->runs[lookup->runs_count++] = (invert_range){first, at < count ? at : count};
    }
    mv_assert(lookup->runs_count == runs);
    return MV_OK;
}

/* A bitmap without set bits; NULL: no memory. */
static uint64_t *alloc_clear_bits(uint32_t count, mem_arena *arena, mv_error *error)
{
    size_t size = bits_words(count) * sizeof(uint64_t);
    uint64_t *bits = mem_arena_alloc(arena, size);
    if (bits) return memset(bits, 0, size);
    (void)error_memory(error, size, "evaluating a filter");
    return NULL;
}

/* Look up each value of the set. Those of scalars have to be sorted: a few by insertion, more by a
 * bitmap of the dictionary. */
static mv_err find_set(const filter_node *leaf, const invert_lists *l, mem_arena *arena,
                       filter_lookup *out, mv_error *error)
{
    const filter_set *set = leaf->as.set;
    uint64_t *bits = NULL;
    bool sorts = !l->is_array;
    if (sorts && set->count > SORTED_MAX) {
        if (!(bits = alloc_clear_bits(l->values.count, arena, error))) return MV_NO_MEMORY;
    } else {
        MV_TRY(alloc_runs(out, set->count, arena, error));
    }
    for (uint32_t i = 0; i < set->count; i++) {
        invert_range found;
        MV_TRY(find_indexed_key(l, &set->keys[i], &found, error));
        if (found.first >= found.end)
            out->is_none |= leaf->kind == FILTER_CONTAIN_ALL;
        else if (bits)
            bits_set(bits, found.first);
        else if (sorts)
            insert_run(out, found);
        else
            out->runs[out->runs_count++] = found;
    }
    return bits ? runs_of_bits(bits, l->values.count, arena, out, error) : MV_OK;
}

/* Test values [first, first + count), at most 64: bit i of *matching is the result for value first
 * + i, before negation. The test is an IN, or one of strings. */
static mv_err test_values(const filter_node *leaf, const invert_lists *l, uint32_t first,
                          uint32_t count, filter_folded *folded, uint64_t *matching,
                          mv_error *error)
{
    uint64_t numbers[65]; /* ends of strings, or order keys */
    mv_assert(count <= 64);
    *matching = 0;
    if (!type_is_text(l->type)) {
        MV_TRY(invert_search_read_numbers(l, first, count, numbers, error));
        for (uint32_t i = 0; i < count; i++) {
            filter_key key = {.number = order_bits_of_key(l->type, numbers[i])};
            *matching |= (uint64_t)(filter_set_find(leaf->as.set, key) != FILTER_SET_NONE) << i;
        }
        return MV_OK;
    }
    MV_TRY(invert_search_read_texts(l, first, count, numbers, error));
    table_column texts = {.ends = numbers, .bytes = l->text, .bytes_size = l->text_size};
    bool is_done = false;
    uint64_t all = UINT64_MAX;
    if (count == 64) MV_TRY(filter_text_search(leaf, folded, &texts, 1, &all, &is_done, error));
    if (is_done) *matching = all;
    for (uint32_t i = 0; i < count && !is_done; i++) {
        uint64_t size = numbers[i + 1] - numbers[i];
        const uint8_t *text = size ? l->text + numbers[i] : (const uint8_t *)"";
        if (leaf->folds) MV_TRY(filter_fold_cell(folded, &text, &size, error));
        *matching |= (uint64_t)filter_text_matches(leaf, text, (size_t)size) << i;
    }
    return MV_OK;
}

/* Test every value of the dictionary. */
static mv_err walk_values(const filter_node *leaf, const invert_lists *l, mem_arena *arena,
                          filter_lookup *out, mv_error *error)
{
    uint32_t values = l->values.count;
    filter_folded folded = {.arena = arena};
    uint64_t *bits = alloc_clear_bits(values, arena, error);
    if (!bits) return MV_NO_MEMORY;
    for (uint32_t first = 0; first < values; first += 64)
        MV_TRY(test_values(leaf, l, first, values - first < 64 ? values - first : 64, &folded,
                           &bits[first / 64], error));
    return runs_of_bits(bits, values, arena, out, error);
}

/* The run of a comparison, or of a LIKE that is exact or a prefix. */
static mv_err find_run(const filter_node *leaf, const invert_lists *l, invert_range *run,
                       mv_error *error)
{
    *run = (invert_range){0, l->values.count};
    if (leaf->kind == FILTER_RANGE) {
        MV_TRY(invert_search_number(l, leaf->low, false, &run->first, error));
        return invert_search_number(l, leaf->high, true, &run->end, error);
    }
    bool is_like = leaf->kind == FILTER_LIKE;
    mv_assert(is_like || leaf->kind == FILTER_STRING);
    const uint8_t *bytes = is_like ? leaf->as.like.bytes : leaf->as.string.bytes;
    size_t size = is_like ? leaf->as.like.size : leaf->as.string.size;
    filter_op op = is_like ? FILTER_EQ : leaf->as.string.op;
    bool as_prefix = is_like && leaf->as.like.kind == FILTER_LIKE_PREFIX;
    if (op != FILTER_LT)
        MV_TRY(invert_search_text(l, bytes, size, op == FILTER_GT, as_prefix, &run->first, error));
    if (op != FILTER_GT)
        MV_TRY(invert_search_text(l, bytes, size, op == FILTER_EQ, as_prefix, &run->end, error));
    return MV_OK;
}

/* Replace the runs by those of all other values. Each row of a scalar that is not NULL has exactly
 * one value, so these are the rows of the negated test. */
static mv_err complement(const invert_lists *l, mem_arena *arena, filter_lookup *lookup,
                         mv_error *error)
{
    filter_lookup others = {0};
    uint32_t at = 0;
    mv_assert(!l->is_array);
    MV_TRY(alloc_runs(&others, lookup->runs_count + 1, arena, error));
    for (uint32_t i = 0; i < lookup->runs_count; at = lookup->runs[i++].end)
        if (lookup->runs[i].first > at)
            others.runs[others.runs_count++] = (invert_range){at, lookup->runs[i].first};
    if (at < l->values.count)
        others.runs[others.runs_count++] = (invert_range){at, l->values.count};
    mv_assert(others.runs_count <= lookup->runs_count + 1);
    lookup->runs = others.runs;
    lookup->runs_count = others.runs_count;
    return MV_OK;
}

/* ---------------------------------------------------------------- rows */

/* Set the bounds of the number of rows, and the cost of marking them. */
static mv_err weigh(const filter_node *leaf, filter_lookup *lookup, mv_error *error)
{
    const invert_lists *l = lookup->lists;
    uint64_t rows = 0, words = bits_words(l->head->rows), cost = words / COST_SET_WORDS_PER_NS,
             all = l->head->entries;
    if (l->is_array) all = l->head->rows;
    for (uint32_t i = 0; i < lookup->runs_count; i++) {
        uint32_t count;
        uint64_t one;
        if (lookup->runs_count > SUMMED_MAX) { /* only an upper bound */
            rows = all, cost += all * INVERT_COST_ROW_NS;
            break;
        }
        MV_TRY(invert_search_count(l, lookup->runs[i], &count, error));
        MV_TRY(invert_search_cost(l, lookup->runs[i], &one, error));
        bool keeps_least = leaf->kind == FILTER_CONTAIN_ALL;
        rows = !keeps_least ? rows + count : i == 0 || count < rows ? count : rows;
        cost += one + (keeps_least ? words : 0);
    }
    if (lookup->is_none) rows = 0;
    if (rows > all) rows = all;
    bool is_exact = !l->is_array && lookup->runs_count <= SUMMED_MAX;
    lookup->low = is_exact ? (uint32_t)rows : 0;
    lookup->high = l->is_array && leaf->negated ? l->head->rows : (uint32_t)rows;
    lookup->cost = cost;
    return MV_OK;
}

mv_err filter_lookup_find(const filter_node *leaf, const invert_lists *lists, mem_arena *arena,
                          filter_lookup *out, mv_error *error)
{
    uint64_t price;
    invert_range run;
    *out = (filter_lookup){.lists = lists};
    switch (lookup_method_of(leaf, lists, &price)) {
    case LOOKUP_NONE: mv_assert(false); break; /* filter_lookup_price refuses */
    case LOOKUP_WALK: MV_TRY(walk_values(leaf, lists, arena, out, error)); break;
    case LOOKUP_SET: MV_TRY(find_set(leaf, lists, arena, out, error)); break;
    case LOOKUP_RUN:
        MV_TRY(alloc_runs(out, 1, arena, error));
        MV_TRY(find_run(leaf, lists, &run, error));
        if (run.first < run.end) out->runs[out->runs_count++] = run;
        break;
    }
    if (leaf->negated && !lists->is_array) MV_TRY(complement(lists, arena, out, error));
    return weigh(leaf, out, error);
}

mv_err filter_lookup_merge(filter_lookup *into, const filter_lookup *other, bool both,
                           mem_arena *arena, mv_error *error)
{
    filter_lookup merged = {.lists = into->lists};
    uint32_t a = 0, b = 0;
    mv_assert(into->lists == other->lists);
    mv_assert(!into->lists->is_array);
    MV_TRY(alloc_runs(&merged, into->runs_count + other->runs_count, arena, error));
    while (both && a < into->runs_count && b < other->runs_count) {
        invert_range x = into->runs[a], y = other->runs[b];
        invert_range run = {x.first > y.first ? x.first : y.first, x.end < y.end ? x.end : y.end};
        if (run.first < run.end) merged.runs[merged.runs_count++] = run;
        if (x.end < y.end)
            a++;
        else
            b++;
    }
    while (!both && (a < into->runs_count || b < other->runs_count)) {
        bool takes_a = b == other->runs_count ||
                       (a < into->runs_count && into->runs[a].first < other->runs[b].first);
        invert_range run = takes_a ? into->runs[a++] : other->runs[b++];
        invert_range *last = merged.runs_count ? &merged.runs[merged.runs_count - 1] : NULL;
        if (!last || run.first > last->end)
            merged.runs[merged.runs_count++] = run;
        else if (run.end > last->end)
            last->end = run.end;
    }
    mv_assert(merged.runs_count <= into->runs_count + other->runs_count);
    into->runs = merged.runs;
    into->runs_count = merged.runs_count;
    return MV_OK;
}

mv_err filter_lookup_weigh(filter_lookup *merged, mv_error *error)
{
    static const filter_node plain = {.kind = FILTER_RANGE};
    return weigh(&plain, merged, error);
}

mv_err filter_lookup_list(const filter_lookup *lookup, uint32_t *rows, mv_error *error)
{
    uint32_t left = lookup->high;
    mv_assert(filter_lookup_can_list(lookup));
    for (uint32_t i = 0; i < lookup->runs_count; i++) {
        uint32_t count;
        MV_TRY(invert_search_count(lookup->lists, lookup->runs[i], &count, error));
        if (count > left)
            return error_set(error, MV_CORRUPT,
                             "the inverted index has a row in two lists of values");
        MV_TRY(invert_search_list(lookup->lists, lookup->runs[i], rows, error));
        rows += count;
        left -= count;
    }
    return MV_OK;
}

/* CONTAIN_ALL: the rows that are in the lists of all values. */
static mv_err mark_all(const filter_lookup *lookup, uint64_t *bits, uint64_t *spare,
                       mv_error *error)
{
    size_t words = bits_words(lookup->lists->head->rows);
    if (lookup->is_none) return MV_OK;
    for (uint32_t i = 0; i < lookup->runs_count; i++) {
        uint64_t *one = i ? spare : bits;
        if (i) memset(spare, 0, words * sizeof *spare);
        MV_TRY(invert_search_add(lookup->lists, lookup->runs[i], one, error));
        for (size_t word = 0; i && word < words; word++) bits[word] &= spare[word];
    }
    return MV_OK;
}

mv_err filter_lookup_mark(const filter_node *leaf, const filter_lookup *lookup, uint64_t *bits,
                          uint64_t *spare, mv_error *error)
{
    const invert_lists *l = lookup->lists;
    uint32_t rows = l->head->rows;
    mv_assert(bits);
    mv_assert(spare || leaf->kind != FILTER_CONTAIN_ALL);
    memset(bits, 0, bits_words(rows) * sizeof *bits);
    if (leaf->kind == FILTER_CONTAIN_ALL)
        MV_TRY(mark_all(lookup, bits, spare, error));
    else
        for (uint32_t i = 0; i < lookup->runs_count; i++)
            MV_TRY(invert_search_add(l, lookup->runs[i], bits, error));
    if (!leaf->negated || !l->is_array) return MV_OK; /* scalars: filter_lookup_find negated them */
    for (size_t i = 0; i < bits_words(rows); i++)
        bits[i] = ~bits[i] & (l->nulls ? ~l->nulls[i] : UINT64_MAX);
    if (rows % 64) bits[rows / 64] &= ((uint64_t)1 << rows % 64) - 1;
    return MV_OK;
}
