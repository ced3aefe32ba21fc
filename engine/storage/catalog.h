/* The catalog: everything of a collection that changes, in one LMDB file of seven tables.
 *
 *   meta      name              -> state, schema
 *   ids       id or its hash    -> docid (catalog_id_* below)
 *   fresh     docid             -> encoded row, until its segment is sealed
 *   deleted   segment, chunk    -> bitmap of deleted rows of a segment, 65,536 rows a chunk
 *   segments  segment number    -> the segment's record: rows, docids, files
 *   indexes   file number       -> an index's record: its segment, its file (index_record.h); a
 *                                  catalog from before there were indexes has no such table
 *   garbage   sequence number   -> a file to unlink, and since which transaction nobody new
 *                                names it
 *
 * Every value starts with a checksum of its key and itself. Keys are u64 (native integers to LMDB)
 * but for meta and ids. A transaction sees one commit; writers exclude each other across processes;
 * a reader never waits. Pointers to values are valid until the transaction ends, in a write
 * transaction until the next change. */
#ifndef MV_CATALOG_H
#define MV_CATALOG_H

#include "base/error.h"

typedef enum catalog_table {
    CATALOG_META,
    CATALOG_IDS,
    CATALOG_FRESH,
    CATALOG_DELETED,
    CATALOG_SEGMENTS,
    CATALOG_INDEXES,
    CATALOG_GARBAGE,
    CATALOG_TABLES
} catalog_table;

#define CATALOG_FILE      "catalog.mdb"
#define CATALOG_LOCK_FILE "catalog.mdb-lock"

typedef struct catalog catalog;
typedef struct catalog_txn catalog_txn;

typedef struct catalog_options {
    bool create;    /* make the tables; else they must be there */
    bool read_only; /* never writes; without a lock file that it may use it reads without lock */
    bool verify;    /* walk every page before LMDB sees it; else only the roots */
} catalog_options;

/* Open the file `path`. The path must stay reachable unless `create` made it just now. */
mv_err catalog_open(const char *path, const catalog_options *options, catalog **out,
                    mv_error *error);
/* No transaction may be open. NULL is fine. */
void catalog_close(catalog *c);
/* True when it reads without a lock: its snapshots are not protected from a writer that starts now.
 */
bool catalog_is_unlocked(const catalog *c);
/* Is there a table `indexes`? Where there is none it reads as empty, and must be created before
 * anything is put into it. */
bool catalog_has_indexes(const catalog *c);
/* Create it, before any other transaction. Waits for other writers. */
mv_err catalog_create_indexes(catalog *c, mv_error *error);

/* ---- transactions */

mv_err catalog_begin_read(catalog *c, catalog_txn **txn, mv_error *error);
/* Waits for other writers. `sync`: the commit returns when it is on disk. */
mv_err catalog_begin_write(catalog *c, bool sync, catalog_txn **txn, mv_error *error);
/* Ends the transaction in any case. */
mv_err catalog_commit(catalog_txn *txn, mv_error *error);
/* Ends a read transaction or undoes a write transaction. NULL is fine. */
void catalog_end(catalog_txn *txn);
/* Number of the LMDB commit that is seen (a write transaction: the one it builds on). */
uint64_t catalog_commit_number(const catalog_txn *txn);
/* All that is committed is on disk when this returns. */
mv_err catalog_sync(catalog *c, mv_error *error);
/* The oldest commit number that any reader in any process still sees; UINT64_MAX: there is none.
 * Slots of dead processes are cleared first. */
mv_err catalog_oldest_reader(catalog *c, uint64_t *number, mv_error *error);

/* ---- values */

typedef struct catalog_value {
    const uint8_t *bytes;
    size_t size;
} catalog_value;

/* *found tells whether there is one. The checksum is verified: MV_CORRUPT. */
mv_err catalog_get(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                   catalog_value *value, bool *found, mv_error *error);
mv_err catalog_get_u64(catalog_txn *txn, catalog_table table, uint64_t key, catalog_value *value,
                       bool *found, mv_error *error);
mv_err catalog_put(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                   const void *bytes, size_t size, mv_error *error);
mv_err catalog_put_u64(catalog_txn *txn, catalog_table table, uint64_t key, const void *bytes,
                       size_t size, mv_error *error);
/* Put in two steps: fill *bytes (`size` of them), then call catalog_put_finish. `key` is the
 * highest of its table. */
mv_err catalog_append_start(catalog_txn *txn, catalog_table table, uint64_t key, size_t size,
                            uint8_t **bytes, mv_error *error);
void catalog_append_finish(uint64_t key, uint8_t *bytes, size_t size);
mv_err catalog_remove(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                      bool *found, mv_error *error);
mv_err catalog_remove_u64(catalog_txn *txn, catalog_table table, uint64_t key, bool *found,
                          mv_error *error);
/* Remove everything in a table. */
mv_err catalog_clear(catalog_txn *txn, catalog_table table, mv_error *error);
mv_err catalog_count(catalog_txn *txn, catalog_table table, uint64_t *count, mv_error *error);

/* Walk a table in key order. */
typedef struct catalog_cursor catalog_cursor;
mv_err catalog_cursor_open(catalog_txn *txn, catalog_table table, catalog_cursor **cursor,
                           mv_error *error);
void catalog_cursor_close(
    catalog_cursor *cursor); /* before the end of the transaction; NULL is fine */
/* Go to the first key not below `key`. The next catalog_cursor_next yields it. */
void catalog_cursor_seek_u64(catalog_cursor *cursor, uint64_t key);
/* The next entry; *found is false at the end. The checksum is not verified: ask catalog_is_intact.
 */
mv_err catalog_cursor_next(catalog_cursor *cursor, catalog_value *key, catalog_value *value,
                           bool *found, mv_error *error);
mv_err catalog_cursor_next_u64(catalog_cursor *cursor, uint64_t *key, catalog_value *value,
                               bool *found, mv_error *error);
/* Does the value belong to the key and is it whole? `value` as lent by get or a cursor. */
bool catalog_is_intact(const void *key, size_t key_size, const catalog_value *value);

/* ---- ids: LMDB keys hold at most 511 bytes, so long ids stand there by their 128-bit hash */

mv_err catalog_id_get(catalog_txn *txn, const void *id, size_t id_size, uint64_t *docid,
                      bool *found, mv_error *error);
/* MV_LIMIT in the one case in 2^64 or so that another long id has the same hash. */
mv_err catalog_id_put(catalog_txn *txn, const void *id, size_t id_size, uint64_t docid,
                      mv_error *error);
mv_err catalog_id_remove(catalog_txn *txn, const void *id, size_t id_size, bool *found,
                         mv_error *error);

/* ---- copies and checks */

/* Write a compact copy of the last commit to a new file. */
mv_err catalog_copy(catalog *c, const char *path, mv_error *error);
/* Verify all pages reachable from what `txn` (a read transaction) sees. */
mv_err catalog_verify(catalog *c, catalog_txn *txn, mv_error *error);

#endif
