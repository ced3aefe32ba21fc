/* Numbers as keys of a catalog: whatever LMDB makes of them, they are found and come in order. */
#include <stdlib.h>

#include "storage/catalog.h"
#include "test/sample.h"

enum { KEYS = 3000 }; /* more than a branch page of LMDB has */

static uint64_t keys[KEYS];

/* Some have few bits, some many, and some differ only in the high half. */
static uint64_t key_at(uint64_t i)
{
    switch (i % 3) {
    case 0: return i;
    case 1: return i << 32 | 7;
    default: return mix(i) | 1;
    }
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static void test_put(catalog *c)
{
    catalog_txn *txn = NULL;
    bool in_doubt, found;
    char value[100] = {0};
    WORKS(catalog_begin_write(c, false, -1, &txn, &error));
    for (uint32_t i = 0; i < KEYS; i++) {
        keys[i] = key_at(i);
        memcpy(value, &keys[i], sizeof keys[i]);
        WORKS(catalog_put_u64(txn, CATALOG_FRESH, keys[i], value, sizeof value, &error));
    }
    WORKS(catalog_put_u64(txn, CATALOG_FRESH, UINT64_MAX - 1, value, sizeof value, &error));
    WORKS(catalog_remove_u64(txn, CATALOG_FRESH, UINT64_MAX - 1, &found, &error));
    EXPECT(found);
    uint8_t *bytes = NULL; /* the largest key goes behind all others */
    WORKS(catalog_append_start(txn, CATALOG_FRESH, UINT64_MAX, 8, &bytes, &error));
    memset(bytes, 1, 8);
    catalog_append_finish(UINT64_MAX, bytes, 8);
    WORKS(catalog_commit(txn, &in_doubt, &error));
    catalog_end(txn);
    qsort(keys, KEYS, sizeof *keys, compare_keys);
}

static void test_find(catalog *c)
{
    catalog_txn *txn = NULL;
    catalog_value value;
    bool found;
    WORKS(catalog_begin_read(c, &txn, &error));
    for (uint32_t i = 0; i < KEYS; i++) {
        WORKS(catalog_get_u64(txn, CATALOG_FRESH, keys[i], &value, &found, &error));
        EXPECT(found && !memcmp(value.bytes, &keys[i], sizeof keys[i]));
        EXPECT(found && catalog_is_intact(keys[i], &value) && !catalog_is_intact(~keys[i], &value));
    }
    WORKS(catalog_get_u64(txn, CATALOG_FRESH, (uint64_t)5 << 40, &value, &found, &error));
    EXPECT(!found);
    catalog_end(txn);
}

/* From key `from` on, which is the `at`-th. */
static void walk(catalog_txn *txn, uint64_t from, uint32_t at)
{
    catalog_cursor *cursor = NULL;
    catalog_value value;
    uint64_t key = 0;
    bool found = true;
    WORKS(catalog_cursor_open(txn, CATALOG_FRESH, &cursor, &error));
    if (from) catalog_cursor_seek_u64(cursor, from);
    for (; at < KEYS && found; at++) {
        WORKS(catalog_cursor_next_u64(cursor, &key, &value, &found, &error));
        EXPECT(found && key == keys[at]);
    }
    WORKS(catalog_cursor_next_u64(cursor, &key, &value, &found, &error));
    EXPECT(found && key == UINT64_MAX);
    WORKS(catalog_cursor_next_u64(cursor, &key, &value, &found, &error));
    EXPECT(!found);
    catalog_cursor_close(cursor);
}

static void test_order(catalog *c)
{
    catalog_txn *txn = NULL;
    WORKS(catalog_begin_read(c, &txn, &error));
    walk(txn, 0, 0);
    for (uint32_t at = 1; at < KEYS; at += 97) {
        walk(txn, keys[at], at);
        if (keys[at - 1] + 1 < keys[at]) walk(txn, keys[at - 1] + 1, at);
    }
    WORKS(catalog_verify(c, txn, &error));
    catalog_end(txn);
}

int main(void)
{
    catalog *c = NULL;
    if (!sample_place_make("keys")) return tests_conclude();
    const char *path = sample_path(CATALOG_FILE);
    WORKS(catalog_open(path, &(catalog_options){.create = true}, &c, &error));
    if (c) {
        RUN(test_put(c));
        RUN(test_find(c));
        RUN(test_order(c));
    }
    catalog_close(c);
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
