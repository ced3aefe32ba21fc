/* Tests of arrays: one cell, or 64 at once.
 *
 * Together, each element is looked up by its head in the probe of the set, without a branch, and a
 * bit is set for the head that it equals. If equal heads are equal values, these bits are the
 * answer. Otherwise a cell that may match by them is tested alone. */
#include "query/filter_tree.h"

#define ELEMENTS_MAX 256u /* gathered before they are looked up: 2.3 KB */

/* ---------------------------------------------------------------- one cell */

/* The key of element `at` of an array; false: the cell is damaged. */
static bool element_key(mv_type type, const uint8_t *bytes, size_t size, uint32_t at,
                        filter_key *key)
{
    mv_type element = type_element(type);
    if (!type_is_text(element)) {
        *key = filter_set_key_of(element, bytes + at * cell_width(element), 0);
        return true;
    }
    const char *data;
    uint32_t data_size;
    if (!cell_array_string(bytes, size, at, &data, &data_size)) return false;
    *key = filter_set_key_of(element, (const uint8_t *)data, data_size);
    return true;
}

static bool contain_any(const filter_node *node, const uint8_t *bytes, size_t size, uint32_t count,
                        bool *result)
{
    *result = false;
    for (uint32_t i = 0; i < count && !*result; i++) {
        filter_key key;
        if (!element_key(node->type, bytes, size, i, &key)) return false;
        *result = filter_set_find(node->as.set, key) != FILTER_SET_NONE;
    }
    return true;
}

/* marks[position] is row + 1 if the value at that position of the set was found in this row. */
static bool contain_all(const filter_node *node, const uint8_t *bytes, size_t size, uint32_t count,
                        uint32_t row, uint32_t *marks, bool *result)
{
    uint32_t missing = node->as.set->count;
    for (uint32_t i = 0; i < count && missing && missing <= count - i; i++) {
        filter_key key;
        if (!element_key(node->type, bytes, size, i, &key)) return false;
        uint32_t position = filter_set_find(node->as.set, key);
        if (position == FILTER_SET_NONE || marks[position] == row + 1) continue;
        marks[position] = row + 1;
        missing--;
    }
    *result = !missing;
    return true;
}

bool filter_array_matches(const filter_node *node, const uint8_t *bytes, size_t size, uint32_t row,
                          uint32_t *marks, bool *result)
{
    uint32_t count = cell_array_count(node->type, bytes, size);
    if (count == UINT32_MAX) return false;
    if (node->kind == FILTER_CONTAIN_ANY) return contain_any(node, bytes, size, count, result);
    if (node->kind == FILTER_CONTAIN_ALL)
        return contain_all(node, bytes, size, count, row, marks, result);
    mv_assert(node->kind == FILTER_LENGTH); /* no other kind tests arrays */
    *result = count - node->as.range.low <= node->as.range.span;
    return true;
}

/* ---------------------------------------------------------------- 64 cells */

/* Elements of some of the cells, gathered so that one loop looks them up: how many elements an
 * array has is hard to predict. Without the list, a loop in each cell took 10.2 ns a row instead of
 * 7.9 (two strings on average). */
typedef struct element_list {
    uint32_t count;
    uint32_t begins[ELEMENTS_MAX], ends[ELEMENTS_MAX]; /* in filter_cells.bytes */
    uint8_t cells[ELEMENTS_MAX];
} element_list;

/* Look the elements up, and empty the list. found[cell] gets the bits of the heads that elements of
 * the cell have. False: an element is damaged. */
static bool look_up(element_list *l, const filter_cells *c, const filter_probe *p,
                    const type_traits *traits, uint64_t found[64])
{
    uint64_t minus_zero = traits->kind == TYPE_REAL ? order_sign(traits) : 0;
    uint32_t damaged = 0, at, count = l->count;
    const filter_probe probe = *p; /* so that stores cannot change it */
    for (uint32_t e = 0; e < count; e++)
        damaged |= (l->ends[e] - l->begins[e]) | (c->ends[64] - l->ends[e]);
    if (damaged >> 31) return false; /* as in filter_cells_load */
    for (uint32_t e = 0; e < count; e++) {
        filter_head head = filter_head_of(c->bytes + l->begins[e], l->ends[e] - l->begins[e]);
        if (traits->kind != TYPE_TEXT) {
            head.word = head.word == minus_zero ? 0 : head.word;
            head.size = 0;
        }
        uint64_t has = filter_probe_has(&probe, head, &at);
        found[l->cells[e]] |= has << at % 64;
    }
    l->count = 0;
    return true;
}

/* Add four elements of cell i, which has `count`, from element `at` on. If it has fewer, the next
 * call writes over those that it does not have. `width` is that of numbers, 0 for strings. */
static inline void add_four(element_list *l, const filter_cells *c, uint32_t i, uint32_t width,
                            uint32_t count, uint32_t at)
{
    const uint8_t *offsets = c->bytes + c->ends[i] + (size_t)4 * at; /* the count, then ends */
    uint32_t base = c->ends[i] + (width ? width * at : 4 + 4 * count), n = l->count;
    uint32_t begins[4] = {0, width, 2 * width, 3 * width};
    uint32_t ends[4] = {width, 2 * width, 3 * width, 4 * width};
    if (!width) {
        memcpy(begins, offsets, sizeof begins);
        memcpy(ends, offsets + 4, sizeof ends);
    }
    for (uint32_t j = 0; j < 4; j++) begins[j] += base;
    for (uint32_t j = 0; j < 4; j++) ends[j] += base;
    memcpy(l->begins + n, begins, sizeof begins);
    memcpy(l->ends + n, ends, sizeof ends);
    memset(l->cells + n, (int)i, 4);
    if (at == 0) l->begins[n] = base; /* instead of the count */
    l->count = n + (count - at < 4 ? count - at : 4);
}

/* The number of elements of cell i. False: it is damaged. */
static inline bool array_elements(const filter_cells *c, uint32_t i, uint32_t width,
                                  uint32_t *count)
{
    const uint8_t *bytes = c->bytes + c->ends[i];
    uint32_t size = c->ends[i + 1] - c->ends[i], end;
    if (size > MV_ROW_SIZE_MAX) return false;
    if (width) {
        *count = size / width;
        return size % width == 0;
    }
    if (size < 4) return false;
    memcpy(count, bytes, 4);
    if (*count > (size - 4) / 4) return false;
    memcpy(&end, bytes + (size_t)4 * *count, 4); /* of no elements: the count, 0 */
    return end == size - 4 - 4 * *count;
}

static bool search_lengths(const filter_node *node, const filter_cells *c, uint64_t *matching)
{
    uint64_t matches = 0;
    for (uint64_t left = *matching; left; left &= left - 1) {
        uint32_t i = MV_LOWEST_BIT(left), count;
        if (!array_elements(c, i, type_of(node->type)->width, &count)) return false;
        matches |= (uint64_t)(count - node->as.range.low <= node->as.range.span) << i;
    }
    *matching = matches;
    return true;
}

/* Set the bits of `found` for the cells in question. */
static bool find_heads(const filter_node *node, const filter_cells *c, uint64_t in_question,
                       uint64_t found[64])
{
    const filter_probe *p = node->as.set->probe;
    const type_traits *traits = type_of(node->type);
    element_list list;
    list.count = 0;
    for (uint64_t left = in_question; left; left &= left - 1) {
        uint32_t i = MV_LOWEST_BIT(left), count, at = 0;
        if (!array_elements(c, i, traits->width, &count)) return false;
        do {
            if (list.count > ELEMENTS_MAX - 4 && !look_up(&list, c, p, traits, found)) return false;
            add_four(&list, c, i, traits->width, count, at);
        } while ((at += 4) < count);
    }
    return look_up(&list, c, p, traits, found);
}

bool filter_array_search(const filter_node *node, const table_column *column, uint32_t first_row,
                         uint32_t *marks, uint64_t *matching)
{
    filter_cells c;
    uint64_t found[64] = {0};
    uint8_t flags[64];
    bool is_length = node->kind == FILTER_LENGTH, is_all = node->kind == FILTER_CONTAIN_ALL;
    const filter_probe *p = is_length ? NULL : node->as.set->probe;
    if (!is_length && (!p || (is_all && p->heads_count > 64))) return false;
    if (!filter_cells_load(column, first_row, &c)) return false;
    if (is_length) return search_lengths(node, &c, matching);
    if (!find_heads(node, &c, *matching, found)) return false;

    uint64_t all = UINT64_MAX >> (64 - (p->heads_count < 64 ? p->heads_count : 64));
    for (uint32_t i = 0; i < 64; i++) flags[i] = is_all ? found[i] == all : found[i] != 0;
    uint64_t matches = filter_pack(flags) & *matching;
    for (uint64_t left = p->is_exact ? 0 : matches; left; left &= left - 1) {
        uint32_t i = MV_LOWEST_BIT(left);
        bool result = false;
        (void)filter_array_matches(node, c.bytes + c.ends[i], c.ends[i + 1] - c.ends[i],
                                   first_row + i, marks, &result); /* it is not damaged */
        if (!result) matches &= ~((uint64_t)1 << i);
    }
    *matching = matches;
    return true;
}
