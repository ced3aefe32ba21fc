/* One test by inverted lists: which values pass, as runs of places in the dictionary, and which
 * rows have them. */
#include "query/filter_cost.h"
#include "query/filter_tree.h"

#define SORTED_MAX 64u   /* values found that are sorted by insertion; more by a bitmap */
#define SUMMED_MAX 1024u /* runs of which rows are counted one by one */
#define ALL_MAX    64u   /* values of a CONTAIN_ALL whose lists are intersected */

static bool is_walk(const filter_node *leaf, const invert_lists *lists)
{
    uint64_t values = lists->values.count;
    if (leaf->kind == FILTER_IN)
        return values * COST_TEST_VALUE_NS < leaf->as.set->count * (uint64_t)COST_FIND_VALUE_NS;
    return leaf->kind == FILTER_LIKE && leaf->as.like.kind != FILTER_LIKE_EXACT &&
           leaf->as.like.kind != FILTER_LIKE_PREFIX;
}

uint64_t filter_lookup_price(const filter_node *leaf, const invert_lists *lists)
{
    uint64_t values = lists->values.count;
    switch (leaf->kind) {
    case FILTER_RANGE:
    case FILTER_STRING: return 2 * COST_FIND_VALUE_NS;
    case FILTER_LIKE:
        if (!is_walk(leaf, lists)) return 2 * COST_FIND_VALUE_NS;
        return values * LIKE_ROWS_PER_VALUE_MIN > lists->head->rows ? UINT64_MAX
                                                                    : values * COST_TEST_VALUE_NS;
    case FILTER_IN:
        if (is_walk(leaf, lists)) return values * COST_TEST_VALUE_NS;
        return leaf->as.set->count * (uint64_t)COST_FIND_VALUE_NS;
    case FILTER_CONTAIN_ALL:
        return leaf->as.set->count > ALL_MAX ? UINT64_MAX
                                             : leaf->as.set->count * COST_FIND_VALUE_NS;
    case FILTER_CONTAIN_ANY: return leaf->as.set->count * (uint64_t)COST_FIND_VALUE_NS;
    default: return UINT64_MAX;
    }
}

/* ---------------------------------------------------------------- values */

static mv_err need_runs(filter_lookup *lookup, uint32_t count, mem_arena *arena, mv_error *error)
{
    size_t size = count * sizeof *lookup->runs;
    lookup->runs = mem_arena_alloc(arena, size);
    return lookup->runs ? MV_OK : error_memory(error, size, "evaluating a filter");
}

static mv_err find_indexed_key(const invert_lists *l, const filter_key *key, invert_range *out,
                               mv_error *error)
{
    uint8_t bytes[8];
    if (key->bytes) {
        MV_TRY(invert_search_text(l, key->bytes, key->number, false, false, &out->first, error));
        return invert_search_text(l, key->bytes, key->number, true, false, &out->end, error);
    }
    memcpy(bytes, &key->number, sizeof bytes); /* little-endian: the low bytes come first */
    uint64_t order = order_key_of(l->type, bytes);
    MV_TRY(invert_search_number(l, order, false, &out->first, error));
    return invert_search_number(l, order, true, &out->end, error);
}

static void insert_run(filter_lookup *lookup, invert_range run)
{
    uint32_t at = lookup->runs_count++;
    for (; at && lookup->runs[at - 1].first > run.first; at--)
        lookup->runs[at] = lookup->runs[at - 1];
    lookup->runs[at] = run;
}

/* The runs of set bits. */
static mv_err copy_bits(const uint64_t *bits, uint32_t count, mem_arena *arena,
                        filter_lookup *lookup, mv_error *error)
{
    uint32_t runs = 0;
    uint64_t before = 0;
    for (size_t i = 0; i < bits_words(count); before = bits[i++] >> 63)
        runs += MV_POPCOUNT(bits[i] & ~(bits[i] << 1 | before)); /* where a run begins */
    MV_TRY(need_runs(lookup, runs, arena, error));
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
    return MV_OK;
}

static uint64_t *clear_bits(uint32_t count, mem_arena *arena, mv_error *error)
{
    size_t size = bits_words(count) * sizeof(uint64_t);
    uint64_t *bits = mem_arena_alloc(arena, size);
    if (bits) return memset(bits, 0, size);
    (void)error_memory(error, size, "evaluating a filter");
    return NULL;
}

/* Every value of the set by itself. */
static mv_err find_set(const filter_node *leaf, const invert_lists *l, mem_arena *arena,
                       filter_lookup *out, mv_error *error)
{
    const filter_set *set = leaf->as.set;
    uint64_t *bits = NULL;
    bool sorts = !l->is_array;
    if (sorts && set->count > SORTED_MAX) {
        if (!(bits = clear_bits(l->values.count, arena, error))) return MV_NO_MEMORY;
    } else {
        MV_TRY(need_runs(out, set->count, arena, error));
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
    return bits ? copy_bits(bits, l->values.count, arena, out, error) : MV_OK;
}

/* Which of values [first, first + count) pass. */
static mv_err look_at_values(const filter_node *leaf, const invert_lists *l, uint32_t first,
                             uint32_t count, uint64_t *pass, mv_error *error)
{
    uint64_t numbers[65]; /* ends of strings, or keys */
    *pass = 0;
    if (!type_is_text(l->type)) {
        MV_TRY(invert_search_read_numbers(l, first, count, numbers, error));
        for (uint32_t i = 0; i < count; i++) {
            filter_key key = {.number = order_bits_of_key(l->type, numbers[i])};
            *pass |= (uint64_t)(filter_set_find(leaf->as.set, key) != FILTER_SET_NONE) << i;
        }
        return MV_OK;
    }
    MV_TRY(invert_search_read_texts(l, first, count, numbers, error));
    table_column texts = {.ends = numbers, .bytes = l->text, .bytes_size = l->text_size};
    if (leaf->kind == FILTER_LIKE && leaf->as.like.kind == FILTER_LIKE_INFIX && count == 64 &&
        filter_like_search(&leaf->as.like, &texts, 1, pass))
        return MV_OK;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = (size_t)(numbers[i + 1] - numbers[i]);
        const uint8_t *text = size ? l->text + numbers[i] : (const uint8_t *)"";
        bool passes = leaf->kind == FILTER_LIKE
                          ? filter_like_match(&leaf->as.like, text, size)
                          : filter_set_find(leaf->as.set, filter_set_key_of(l->type, text, size)) !=
                                FILTER_SET_NONE;
        *pass |= (uint64_t)passes << i;
    }
    return MV_OK;
}

static mv_err walk_values(const filter_node *leaf, const invert_lists *l, mem_arena *arena,
                          filter_lookup *out, mv_error *error)
{
    uint32_t values = l->values.count;
    uint64_t *bits = clear_bits(values, arena, error);
    if (!bits) return MV_NO_MEMORY;
    for (uint32_t first = 0; first < values; first += 64)
        MV_TRY(look_at_values(leaf, l, first, values - first < 64 ? values - first : 64,
                              &bits[first / 64], error));
    return copy_bits(bits, values, arena, out, error);
}

/* What is compared with one value or two: one run. */
static mv_err find_run(const filter_node *leaf, const invert_lists *l, invert_range *run,
                       mv_error *error)
{
    *run = (invert_range){0, l->values.count};
    if (leaf->kind == FILTER_RANGE) {
        MV_TRY(invert_search_number(l, leaf->low, false, &run->first, error));
        return invert_search_number(l, leaf->high, true, &run->end, error);
    }
    bool is_like = leaf->kind == FILTER_LIKE;
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

/* The other values: no row is left out that is not NULL, and none counted twice. */
static mv_err complement(const invert_lists *l, mem_arena *arena, filter_lookup *lookup,
                         mv_error *error)
{
    filter_lookup others = {0};
    uint32_t at = 0;
    MV_TRY(need_runs(&others, lookup->runs_count + 1, arena, error));
    for (uint32_t i = 0; i < lookup->runs_count; at = lookup->runs[i++].end)
        if (lookup->runs[i].first > at)
            others.runs[others.runs_count++] = (invert_range){at, lookup->runs[i].first};
    if (at < l->values.count)
        others.runs[others.runs_count++] = (invert_range){at, l->values.count};
    lookup->runs = others.runs;
    lookup->runs_count = others.runs_count;
    return MV_OK;
}

/* ---------------------------------------------------------------- rows */

/* How many rows, and what it takes to mark them. */
static mv_err weigh(const filter_node *leaf, filter_lookup *lookup, mv_error *error)
{
    const invert_lists *l = lookup->lists;
    uint64_t rows = 0, words = bits_words(l->head->rows), cost = words / COST_SET_WORDS_PER_NS,
             all = l->head->entries;
    if (l->is_array) all = l->head->rows;
    for (uint32_t i = 0; i < lookup->runs_count; i++) {
        uint32_t count;
        uint64_t one;
        if (lookup->runs_count > SUMMED_MAX) { /* about */
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
    *out = (filter_lookup){.lists = lists};
    if (is_walk(leaf, lists) && !lists->is_array) {
        MV_TRY(walk_values(leaf, lists, arena, out, error));
    } else if (leaf->kind == FILTER_IN || lists->is_array) {
        MV_TRY(find_set(leaf, lists, arena, out, error));
    } else {
        invert_range run;
        MV_TRY(need_runs(out, 1, arena, error));
        MV_TRY(find_run(leaf, lists, &run, error));
        if (run.first < run.end) out->runs[out->runs_count++] = run;
    }
    if (leaf->negated && !lists->is_array) MV_TRY(complement(lists, arena, out, error));
    return weigh(leaf, out, error);
}

mv_err filter_lookup_merge(filter_lookup *into, const filter_lookup *other, bool both,
                           mem_arena *arena, mv_error *error)
{
    filter_lookup merged = {.lists = into->lists};
    uint32_t a = 0, b = 0;
    MV_TRY(need_runs(&merged, into->runs_count + other->runs_count, arena, error));
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
    for (uint32_t i = 0; i < lookup->runs_count; i++) {
        uint32_t count;
        MV_TRY(invert_search_count(lookup->lists, lookup->runs[i], &count, error));
        if (count > left) return error_set(error, MV_CORRUPT, "lists of different values overlap");
        MV_TRY(invert_search_list(lookup->lists, lookup->runs[i], rows, error));
        rows += count;
        left -= count;
    }
    return MV_OK;
}

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
    memset(bits, 0, bits_words(rows) * sizeof *bits);
    if (leaf->kind == FILTER_CONTAIN_ALL)
        MV_TRY(mark_all(lookup, bits, spare, error));
    else
        for (uint32_t i = 0; i < lookup->runs_count; i++)
            MV_TRY(invert_search_add(l, lookup->runs[i], bits, error));
    if (!leaf->negated || !l->is_array) return MV_OK;
    for (size_t i = 0; i < bits_words(rows); i++)
        bits[i] = ~bits[i] & (l->nulls ? ~l->nulls[i] : UINT64_MAX);
    if (rows % 64) bits[rows / 64] &= ((uint64_t)1 << rows % 64) - 1;
    return MV_OK;
}
