/* Verifying one page: first where the nodes lie, then what they contain, then the order of keys.
 *
 * LMDB deletes and inserts by moving all bytes between `upper` and a node, and splits and merges
 * pages by adding up the sizes of their nodes. So it is not enough that each node lies within the
 * page. The nodes must cover the page from `upper` to its end exactly. And no node may be larger
 * than the ones that LMDB makes, which have at most half a page. */
#include "storage/catalog_page.h"

#include <string.h>

#include "base/bits.h"

#define FLAG_BRANCH      0x01u
#define FLAG_LEAF        0x02u
#define FLAG_OVERFLOW    0x04u
#define NODE_HEADER_SIZE 8u
#define KEY_SIZE_MAX     511u /* that of LMDB */
#define FIRST_PAGE       2u   /* pages 0 and 1 are the meta pages */

static_assert(2 * (NODE_HEADER_SIZE + KEY_SIZE_MAX + LAYOUT_NUMBER_SIZE + 4) + LAYOUT_HEADER_SIZE <=
                  CATALOG_PAGE_SIZE_MIN,
              "two nodes with the longest keys fit on the smallest page");

uint16_t catalog_page_u16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

uint32_t catalog_page_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

uint64_t catalog_page_number(const uint8_t *at)
{
    size_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

mv_err catalog_page_claim(catalog_file *file, uint64_t first, uint64_t count, bool in_use)
{
    mv_assert(file->last_page < UINT64_MAX); /* it was verified */
    uint64_t end = file->last_page + 1;
    if (in_use && end > file->pages_count) end = file->pages_count;
    if (first < FIRST_PAGE || first >= end || count > end - first)
        return CATALOG_PAGE_FAIL(file, first,
                                 "%s, %" PRIu64 " long, expected within pages %u to %" PRIu64,
                                 in_use ? "in use" : "free", count, FIRST_PAGE, end - 1);
    for (uint64_t page = first; file->claimed && page < first + count; page++) {
        if (bits_get(file->claimed, (size_t)page))
            return CATALOG_PAGE_FAIL(file, page,
                                     "%s and in use or free elsewhere, expected only once",
                                     in_use ? "in use" : "free");
        bits_set(file->claimed, (size_t)page);
    }
    return MV_OK;
}

/* The bytes that LMDB counts for the node at `offset`, not yet rounded up. */
static uint64_t node_size(const uint8_t *node, bool is_leaf)
{
    uint64_t size = NODE_HEADER_SIZE + (uint64_t)catalog_page_u16(node + 6);
    if (!is_leaf) return size;
    bool has_overflow = catalog_page_u16(node + 4) & CATALOG_NODE_OVERFLOW;
    return size + (has_overflow ? LAYOUT_NUMBER_SIZE : catalog_page_u32(node));
}

catalog_node catalog_page_node(const catalog_page *page, uint32_t at)
{
    mv_assert(at < page->count);
    const uint8_t *node =
        page->bytes + catalog_page_u16(page->bytes + LAYOUT_HEADER_SIZE + 2 * (size_t)at);
    unsigned flags = catalog_page_u16(node + 4);
    uint32_t low = catalog_page_u32(node);
    catalog_node found = {.key = {node + NODE_HEADER_SIZE, catalog_page_u16(node + 6)}};
    if (page->is_leaf) {
        found.flags = flags;
        found.value_size = low;
        found.rest = found.key.data + found.key.size;
    } else {
        found.child = low | (uint64_t)flags << 32;
    }
    return found;
}

static int compare_keys(catalog_key a, catalog_key b, bool integer_keys)
{
    if (integer_keys) {
        mv_assert(a.size == LAYOUT_NUMBER_SIZE);
        mv_assert(b.size == LAYOUT_NUMBER_SIZE);
        uint64_t x = catalog_page_number(a.data), y = catalog_page_number(b.data);
        return (x > y) - (x < y);
    }
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* The header is that of the position, and `lower` and `upper` are in range. Sets page->count. */
static mv_err check_page_header(catalog_file *file, const catalog_page_position *position,
                                catalog_page *page)
{
    uint64_t number = catalog_page_number(page->bytes);
    unsigned flags = catalog_page_u16(page->bytes + LAYOUT_FLAGS_AT);
    unsigned lower = catalog_page_u16(page->bytes + LAYOUT_LOWER_AT);
    unsigned upper = catalog_page_u16(page->bytes + LAYOUT_UPPER_AT);
    unsigned flags_wanted = position->is_leaf ? FLAG_LEAF : FLAG_BRANCH;
    uint32_t count_min = position->is_leaf ? 1 : 2;
    if (number != position->number)
        return CATALOG_PAGE_FAIL(file, position->number, "its header says number %" PRIu64, number);
    if (flags != flags_wanted)
        return CATALOG_PAGE_FAIL(file, number, "flags %#x, expected %#x", flags, flags_wanted);
    if (upper > file->page_size || upper % 2 || lower > upper || lower % 2 ||
        lower < LAYOUT_HEADER_SIZE)
        return CATALOG_PAGE_FAIL(file, number,
                                 "free from %u to %u, expected even numbers from %u to %zu", lower,
                                 upper, LAYOUT_HEADER_SIZE, file->page_size);
    page->count = (lower - LAYOUT_HEADER_SIZE) / 2;
    if (page->count < count_min)
        return CATALOG_PAGE_FAIL(file, number, "%u nodes, expected at least %u", page->count,
                                 count_min);
    return MV_OK;
}

/* The nodes cover the page from `upper` to its end. The size of each node is noted at its offset.
 * Then the nodes are followed, each to where the next begins: this takes as many steps as there are
 * nodes, and the last node ends where the page ends. */
static mv_err check_layout(catalog_file *file, const catalog_page *page)
{
    size_t upper = catalog_page_u16(page->bytes + LAYOUT_UPPER_AT), end = file->page_size;
    uint64_t size_max = (((end - LAYOUT_HEADER_SIZE) / 2) & ~(size_t)1) - 2; /* as LMDB has it */
    memset(file->node_sizes, 0, end);
    for (uint32_t i = 0; i < page->count; i++) {
        size_t offset = catalog_page_u16(page->bytes + LAYOUT_HEADER_SIZE + 2 * (size_t)i);
        if (offset % 2 || offset < upper || offset > end - NODE_HEADER_SIZE)
            return CATALOG_PAGE_FAIL(file, page->number,
                                     "node %u at %zu, expected an even number from %zu to %zu", i,
                                     offset, upper, end - NODE_HEADER_SIZE);
        uint64_t size = node_size(page->bytes + offset, page->is_leaf);
        uint64_t size_allowed = end - offset < size_max ? end - offset : size_max;
        if (size > size_allowed)
            return CATALOG_PAGE_FAIL(file, page->number,
                                     "node %u has %" PRIu64 " bytes, expected at most %" PRIu64, i,
                                     size, size_allowed);
        file->node_sizes[offset / 2] = (uint16_t)(size + size % 2);
    }
    uint32_t seen = 0;
    size_t offset = upper;
    for (; offset < end && file->node_sizes[offset / 2]; seen++)
        offset += file->node_sizes[offset / 2];
    if (offset != end || seen != page->count)
        return CATALOG_PAGE_FAIL(
            file, page->number,
            "%u of %u nodes follow each other up to %zu, expected all up to %zu", seen, page->count,
            offset, end);
    return MV_OK;
}

static mv_err check_key(catalog_file *file, const catalog_page *page, uint32_t at, size_t size,
                        bool integer_keys)
{
    if (!page->is_leaf && at == 0) { /* not compared, and mostly empty */
        if (size <= KEY_SIZE_MAX) return MV_OK;
    } else if (integer_keys ? size == LAYOUT_NUMBER_SIZE : size >= 1 && size <= KEY_SIZE_MAX) {
        return MV_OK;
    }
    return CATALOG_PAGE_FAIL(
        file, page->number, "node %u has a key of %zu bytes, expected %u to %u", at, size,
        integer_keys ? LAYOUT_NUMBER_SIZE : 1, integer_keys ? LAYOUT_NUMBER_SIZE : KEY_SIZE_MAX);
}

static mv_err check_flags(catalog_file *file, const catalog_page *page, uint32_t at,
                          const catalog_node *node)
{
    if (node->flags > CATALOG_NODE_TABLE)
        return CATALOG_PAGE_FAIL(file, page->number,
                                 "node %u has flags %#x, expected 0, %#x or %#x", at, node->flags,
                                 CATALOG_NODE_OVERFLOW, CATALOG_NODE_TABLE);
    if (node->flags == CATALOG_NODE_TABLE && node->value_size != LAYOUT_TREE_SIZE)
        return CATALOG_PAGE_FAIL(file, page->number,
                                 "node %u has a table record of %" PRIu64 " bytes, expected %u", at,
                                 node->value_size, LAYOUT_TREE_SIZE);
    return MV_OK;
}

/* Keys ascend, and lie between the separators above. The first key of a branch is not compared. */
static mv_err check_nodes(catalog_file *file, const catalog_page_position *position,
                          const catalog_page *page)
{
    catalog_key previous = position->lowest;
    /* The separator above a leaf may be its first key. It is no separator of a branch again. */
    bool may_equal = page->is_leaf;
    for (uint32_t i = 0; i < page->count; i++) {
        catalog_node node = catalog_page_node(page, i);
        MV_TRY(check_key(file, page, i, node.key.size, position->integer_keys));
        if (page->is_leaf) MV_TRY(check_flags(file, page, i, &node));
        if (!page->is_leaf && i == 0) continue;
        if (previous.data &&
            compare_keys(node.key, previous, position->integer_keys) < (may_equal ? 0 : 1))
            return CATALOG_PAGE_FAIL(file, page->number, "key %u is not above the one before it",
                                     i);
        previous = node.key;
        may_equal = false;
    }
    if (position->beyond.data &&
        compare_keys(previous, position->beyond, position->integer_keys) >= 0)
        return CATALOG_PAGE_FAIL(file, page->number, "key %u belongs on a later page",
                                 page->count - 1);
    return MV_OK;
}

mv_err catalog_page_read(catalog_file *file, const catalog_page_position *position, uint8_t *copy,
                         catalog_page *page)
{
    mv_assert(file->page_size >= CATALOG_PAGE_SIZE_MIN);
    mv_assert(file->page_size <= CATALOG_PAGE_SIZE_MAX);
    MV_TRY(catalog_page_claim(file, position->number, 1, true));
    memcpy(copy, file->bytes + (size_t)position->number * file->page_size, file->page_size);
    catalog_page found = {.bytes = copy, .number = position->number, .is_leaf = position->is_leaf};
    MV_TRY(check_page_header(file, position, &found));
    MV_TRY(check_layout(file, &found));
    MV_TRY(check_nodes(file, position, &found));
    mv_assert(found.count >= 1);
    *page = found;
    return MV_OK;
}

mv_err catalog_page_overflow(catalog_file *file, const catalog_node *node, const uint8_t **value,
                             uint64_t *pages_count)
{
    mv_assert(node->flags == CATALOG_NODE_OVERFLOW);
    uint64_t first = catalog_page_number(node->rest);
    uint8_t header[LAYOUT_HEADER_SIZE];
    if (first >= file->pages_count)
        return catalog_page_claim(file, first, 1, true); /* fails, and says why */
    const uint8_t *start = file->bytes + (size_t)first * file->page_size;
    memcpy(header, start, sizeof header);
    uint64_t number = catalog_page_number(header), count = catalog_page_u32(header + LAYOUT_RUN_AT);
    unsigned flags = catalog_page_u16(header + LAYOUT_FLAGS_AT);
    if (number != first || flags != FLAG_OVERFLOW)
        return CATALOG_PAGE_FAIL(file, first,
                                 "number %" PRIu64
                                 " and flags %#x in its header, expected an overflow page",
                                 number, flags);
    /* There may be more pages than the value needs: LMDB does not shrink a run that it just wrote.
     */
    uint64_t wanted =
        (LAYOUT_HEADER_SIZE + node->value_size + file->page_size - 1) / file->page_size;
    if (count < wanted)
        return CATALOG_PAGE_FAIL(file, first,
                                 "a run of %" PRIu64 " overflow pages, expected at least %" PRIu64,
                                 count, wanted);
    MV_TRY(catalog_page_claim(file, first, count, true));
    *value = start + sizeof header;
    *pages_count = count;
    return MV_OK;
}
