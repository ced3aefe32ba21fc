/* Files in memory, and damage done to them that is likely to hurt: for catalog_check_test.c. */
#ifndef MV_CATALOG_DAMAGE_H
#define MV_CATALOG_DAMAGE_H

#include <string.h>

#include "storage/catalog_check.h"
#include "storage/catalog_layout.h"

#define PAGE_BRANCH   0x01u
#define PAGE_LEAF     0x02u
#define NODE_OVERFLOW 0x01u

typedef struct image {
    uint8_t *bytes;
    size_t size;
    size_t page_size;
} image;

static uint64_t random_state;

static uint64_t random_next(void) /* splitmix64 */
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t random_below(size_t limit)
{
    return (size_t)(random_next() % limit);
}

static mv_err check(const image *i, bool deep)
{
    mv_error error;
    return catalog_check_pages(i->bytes, i->size, 0, deep, "catalog.mdb", &error);
}

static uint64_t number_at(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

/* A page number, count or commit. */
static uint64_t layout_number(const uint8_t *at)
{
    return number_at(at, LAYOUT_NUMBER_SIZE);
}

/* Replace a number by one that is likely to hurt. */
static void spoil(image *i, size_t at, size_t size)
{
    if (at > i->size - size) return;
    size_t pages = i->size / i->page_size;
    uint64_t value = number_at(i->bytes + at, size);
    switch (random_below(10)) {
    case 0: value = random_below(20); break;
    case 1: value += 1 + random_below(8); break;
    case 2: value -= 1 + random_below(8); break;
    case 3: value ^= (uint64_t)1 << random_below(8 * size); break;
    case 4: value = UINT64_MAX - random_below(3); break;
    case 5: value = i->page_size - random_below(20); break;
    case 6: value = random_next(); break;
    case 7: value = (uint64_t)0x8000 + random_below(3) - 1; break;
    default: value = random_below(pages + 2); break;
    }
    memcpy(i->bytes + at, &value, size);
}

/* Mostly one of a tree. */
static uint8_t *random_page(const image *i)
{
    uint8_t *page = i->bytes;
    for (int tries = 0; tries < 6; tries++) {
        size_t number = random_below(i->size / i->page_size);
        page = i->bytes + number * i->page_size;
        uint64_t flags = number_at(page + LAYOUT_FLAGS_AT, 2);
        if (layout_number(page) == number && (flags == PAGE_BRANCH || flags == PAGE_LEAF)) break;
    }
    return page;
}

/* The place in the file of a random node of a page, if it has nodes. */
static size_t random_node(const image *i, const uint8_t *page)
{
    size_t lower = (size_t)number_at(page + LAYOUT_LOWER_AT, 2);
    if (lower < LAYOUT_HEADER_SIZE + 2 || lower > i->page_size) return (size_t)(page - i->bytes);
    size_t slot = LAYOUT_HEADER_SIZE + 2 * random_below((lower - LAYOUT_HEADER_SIZE) / 2);
    return (size_t)(page - i->bytes) + (size_t)number_at(page + slot, 2);
}

/* Exchange two pages or overwrite one by another; half of the time with the right number. */
static void move_pages(image *i)
{
    uint8_t keep[32768], *a = random_page(i), *b = random_page(i);
    bool renumber = random_below(2), exchange = random_below(2);
    memcpy(keep, a, i->page_size);
    memmove(a, b, i->page_size);
    if (exchange) memcpy(b, keep, i->page_size);
    uint64_t number_a = (uint64_t)(a - i->bytes) / i->page_size,
             number_b = (uint64_t)(b - i->bytes) / i->page_size;
    if (renumber) memcpy(a, &number_a, LAYOUT_NUMBER_SIZE);
    if (renumber && exchange) memcpy(b, &number_b, LAYOUT_NUMBER_SIZE);
}

/* Keep only `keep` nodes of a leaf, from node `first` on, laid out as LMDB would. */
static void leaf_rebuild(const image *i, uint8_t *page, size_t first, size_t keep)
{
    uint8_t old[32768];
    uint16_t upper = (uint16_t)i->page_size, lower = (uint16_t)(LAYOUT_HEADER_SIZE + 2 * keep);
    memcpy(old, page, i->page_size);
    for (size_t n = 0; n < keep; n++) {
        const uint8_t *node = old + number_at(old + LAYOUT_HEADER_SIZE + 2 * (first + n), 2);
        size_t value_size = number_at(node + 4, 2) & NODE_OVERFLOW ? LAYOUT_NUMBER_SIZE
                                                                   : (size_t)number_at(node, 4);
        size_t size = 8 + (size_t)number_at(node + 6, 2) + value_size;
        upper = (uint16_t)(upper - (size + size % 2));
        memcpy(page + upper, node, size);
        memcpy(page + LAYOUT_HEADER_SIZE + 2 * n, &upper, 2);
    }
    memcpy(page + LAYOUT_LOWER_AT, &lower, 2);
    memcpy(page + LAYOUT_UPPER_AT, &upper, 2);
}

/* Leave few nodes on a leaf and set its table's record right: a tree that LMDB takes, not makes. */
static void thin_out(image *i)
{
    const uint8_t *first = i->bytes, *second = i->bytes + i->page_size;
    const uint8_t *newest =
        layout_number(first + LAYOUT_COMMIT_AT) < layout_number(second + LAYOUT_COMMIT_AT) ? second
                                                                                           : first;
    uint64_t main_root = layout_number(newest + LAYOUT_MAIN_AT + LAYOUT_TREE_ROOT_AT);
    if (main_root >= i->size / i->page_size) return;
    uint8_t keep_page[32768], *tables = i->bytes + main_root * i->page_size, *page = random_page(i);
    size_t count = (size_t)(number_at(page + LAYOUT_LOWER_AT, 2) - LAYOUT_HEADER_SIZE) / 2;
    if (check(i, true) || page == tables || number_at(page + LAYOUT_FLAGS_AT, 2) != PAGE_LEAF ||
        count < 2)
        return;
    memcpy(keep_page, page, i->page_size);
    size_t keep = 1 + random_below(random_below(2) ? 1 : count - 1);
    leaf_rebuild(i, page, random_below(count - keep), keep);
    for (size_t table = 0;
         table < (number_at(tables + LAYOUT_LOWER_AT, 2) - LAYOUT_HEADER_SIZE) / 2; table++) {
        uint8_t *node = tables + number_at(tables + LAYOUT_HEADER_SIZE + 2 * table, 2);
        uint8_t *entries = node + 8 + number_at(node + 6, 2) + LAYOUT_TREE_ENTRIES_AT;
        uint64_t before = layout_number(entries), after = before - (count - keep);
        memcpy(entries, &after, LAYOUT_NUMBER_SIZE);
        if (!check(i, true)) return;
        memcpy(entries, &before, LAYOUT_NUMBER_SIZE);
    }
    memcpy(page, keep_page, i->page_size); /* a leaf of no table, or overflow pages went with it */
}

static void damage(image *i)
{
    static const size_t header_at[] = {0, LAYOUT_NUMBER_SIZE, LAYOUT_FLAGS_AT, LAYOUT_LOWER_AT,
                                       LAYOUT_UPPER_AT},
                        header_size[] = {LAYOUT_NUMBER_SIZE, 2, 2, 2, 2};
    uint8_t *page = random_page(i);
    size_t at = (size_t)(page - i->bytes), field = random_below(5), node = random_node(i, page);
    switch (random_below(9)) {
    case 0: spoil(i, at + header_at[field], header_size[field]); break;
    case 1: spoil(i, at + LAYOUT_HEADER_SIZE + 2 * random_below(40), 2); break;
    case 2: spoil(i, node + 2 * random_below(4), 2); break;  /* sizes, flags, child */
    case 3: spoil(i, node + 8 + random_below(24), 1); break; /* key */
    case 4:
        spoil(i, node + 8 + random_below(72), LAYOUT_NUMBER_SIZE);
        break; /* record, free list */
    case 5: spoil(i, at + 8 * random_below(i->page_size / 8), 8); break;
    case 6:
        spoil(i,
              random_below(2) * i->page_size + LAYOUT_MAGIC_AT +
                  4 * random_below((LAYOUT_META_SIZE - LAYOUT_HEADER_SIZE) / 4),
              random_below(2) ? 4 : 8);
        break;
    case 7: i->bytes[random_below(i->size)] ^= (uint8_t)(1u << random_below(8)); break;
    default: move_pages(i); break;
    }
}

#endif
