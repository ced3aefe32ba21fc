/* Read and write everything in an LMDB file: for catalog_check_test.c, in a process that may
 * die. */
#ifndef MV_CATALOG_USE_H
#define MV_CATALOG_USE_H

#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test/catalog_damage.h"

#define MAP_SIZE     ((size_t)64 << 20)
#define TABLES_MAX   16
#define KEY_SIZE_MAX 511
#define PATH_SIZE    128
#define ENV_FLAGS    (MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS)

/* In a child: an error of LMDB's where none may be ends it. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        int must_ = (call);                                                                        \
        if (must_) {                                                                               \
            printf("line %d: %s: %s\n", __LINE__, #call, mdb_strerror(must_));                     \
            fflush(stdout);                                                                        \
            _exit(2);                                                                              \
        }                                                                                          \
    } while (0)

static MDB_env *env_open(const char *path)
{
    MDB_env *env = NULL;
    MUST(mdb_env_create(&env));
    MUST(mdb_env_set_maxdbs(env, TABLES_MAX));
    MUST(mdb_env_set_mapsize(env, MAP_SIZE));
    MUST(mdb_env_open(env, path, ENV_FLAGS, 0600));
    return env;
}

static void files_remove(const char *path)
{
    char lock_path[PATH_SIZE + 8];
    (void)snprintf(lock_path, sizeof lock_path, "%s-lock", path);
    (void)unlink(path);
    (void)unlink(lock_path);
}

/* A random key of a table: numbers for integer tables, else text of 1 to `size_max` bytes. */
static MDB_val random_key(unsigned flags, size_t size_max, size_t variety,
                          uint8_t key[KEY_SIZE_MAX])
{
    size_t number = random_below(variety);
    if (flags & MDB_INTEGERKEY) {
        memcpy(key, &number, sizeof number);
        return (MDB_val){sizeof number, key};
    }
    size_t size = 8 + number % (size_max - 8 + 1);
    memset(key, 'k', size);
    (void)snprintf((char *)key, 8, "%07u", (unsigned)(number % 10000000));
    return (MDB_val){size, key};
}

static MDB_val random_value(size_t page_size)
{
    static uint8_t bytes[5 * 32768];
    size_t size = random_below(8) ? random_below(120) : random_below(5 * page_size);
    memset(bytes, (int)random_below(256), size);
    return (MDB_val){size, bytes};
}

/* Open each table that the main tree names, as far as names can be given to LMDB. */
static unsigned tables_open(MDB_txn *txn, MDB_dbi tables[TABLES_MAX])
{
    MDB_dbi main_table;
    MDB_cursor *cursor;
    MDB_val key, value;
    char names[TABLES_MAX][KEY_SIZE_MAX + 1];
    unsigned names_count = 0, count = 0;
    int rc;
    MUST(mdb_dbi_open(txn, NULL, 0, &main_table));
    MUST(mdb_cursor_open(txn, main_table, &cursor));
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (names_count == TABLES_MAX || memchr(key.mv_data, 0, key.mv_size)) continue;
        memcpy(names[names_count], key.mv_data, key.mv_size);
        names[names_count++][key.mv_size] = 0;
    }
    if (rc != MDB_NOTFOUND) MUST(rc);
    mdb_cursor_close(cursor);
    for (unsigned i = 0; i < names_count; i++) {
        rc = mdb_dbi_open(txn, names[i], 0, &tables[count]);
        if (!rc)
            count++;
        else if (rc != MDB_INCOMPATIBLE)
            MUST(rc); /* the name of a plain value */
    }
    return count;
}

static volatile uint64_t bytes_sum; /* so that they are really read */

static void touch(MDB_val value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < value.mv_size; i++) sum += ((const uint8_t *)value.mv_data)[i];
    bytes_sum = sum;
}

/* Touch every byte of a table, both ways, and look for random keys. */
static void table_read(MDB_txn *txn, MDB_dbi table)
{
    uint8_t bytes[KEY_SIZE_MAX];
    MDB_cursor *cursor;
    MDB_val key, value;
    MDB_stat stat;
    unsigned flags;
    int rc = 0;
    MUST(mdb_dbi_flags(txn, table, &flags));
    MUST(mdb_stat(txn, table, &stat));
    MUST(mdb_cursor_open(txn, table, &cursor));
    for (int way = 0; way < 2; way++) {
        size_t entries = 0;
        MDB_cursor_op first = way ? MDB_LAST : MDB_FIRST, next = way ? MDB_PREV : MDB_NEXT;
        for (rc = mdb_cursor_get(cursor, &key, &value, first); !rc;
             rc = mdb_cursor_get(cursor, &key, &value, next)) {
            touch(key);
            touch(value);
            entries++;
        }
        if (rc != MDB_NOTFOUND) MUST(rc);
        MUST(entries == stat.ms_entries ? 0 : MDB_CORRUPTED);
    }
    for (int i = 0; i < 20; i++) {
        key = random_key(flags, 400, 4000, bytes);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        if (rc == MDB_NOTFOUND) continue;
        MUST(rc);
        touch(key);
        touch(value);
    }
    mdb_cursor_close(cursor);
}

/* Put, and delete every third key met from a random one on. */
static void table_write(MDB_txn *txn, MDB_dbi table, size_t page_size, int changes)
{
    uint8_t bytes[KEY_SIZE_MAX];
    MDB_cursor *cursor;
    MDB_val key, value;
    unsigned flags;
    MUST(mdb_dbi_flags(txn, table, &flags));
    for (int i = 0; i < changes; i++) {
        key = random_key(flags, random_below(4) ? 60 : KEY_SIZE_MAX, 4000, bytes);
        value = random_value(page_size);
        MUST(mdb_put(txn, table, &key, &value, 0));
    }
    MUST(mdb_cursor_open(txn, table, &cursor));
    key = random_key(flags, 60, 4000, bytes);
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (int i = 0; i < changes && !rc; i++) {
        if (i % 3 == 0) MUST(mdb_cursor_del(cursor, 0));
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (rc && rc != MDB_NOTFOUND) MUST(rc);
    mdb_cursor_close(cursor);
}

static void table_delete_all(MDB_txn *txn, MDB_dbi table)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc;
    MUST(mdb_cursor_open(txn, table, &cursor));
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)) == 0)
        MUST(mdb_cursor_del(cursor, 0));
    if (rc != MDB_NOTFOUND) MUST(rc);
    mdb_cursor_close(cursor);
}

#endif
