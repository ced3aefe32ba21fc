/* The catalog: everything of a collection that changes, in one LMDB file of seven tables.
 *
 *   table     key                          value
 *   meta      "state"                      the state of the collection (open/engine.h)
 *             "user:" and a key            a string of the program (collection/meta.c)
 *             "schema"                     the schema (storage/schema_format.c)
 *   ids       0 and the id, or             u64 docid
 *             1 and 16 bytes of hash       u64 docid, the id: for ids of more than 500 bytes
 *   fresh     u64 docid                    an encoded row (storage/row.h), until it is sealed
 *   deleted   u64 segment << 16 | chunk    u64 last commit, u64 bits set, u64 × words: bitmap of
 *                                          deleted rows, 65,536 a chunk (open/deletions.h)
 *   segments  u64 segment number           a segment record (storage/segment.h)
 *   indexes   u64 file number              an index record (storage/index_record.h)
 *   garbage   u64 sequence number          u64 since, the name of a file to unlink; commit
 *                                          `since` and later ones do not name the file
 *
 * A catalog of format 1 has no table `indexes`. Every value is stored behind a checksum:
 *
 *   offset  size  meaning
 *        0     8  XXH3 of the value, seeded by the XXH3 of its key
 *        8     n  the value
 *
 * Keys of type u64 are native integers to LMDB (MDB_INTEGERKEY); with 32 bits, where LMDB has no
 * such integers, they have their highest byte first. LMDB's own numbers have the width of the
 * program that made the file (catalog_layout.h), so a program of the other width refuses it.
 *
 * A transaction sees one commit. Writers exclude each other across processes. A reader never waits.
 * Pointers to values are valid until the transaction ends, in a write transaction until the next
 * change. */
#ifndef MV_CATALOG_H
#define MV_CATALOG_H

#include "storage/catalog_check.h"

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

#define CATALOG_FILE         "catalog.mdb"
#define CATALOG_LOCK_FILE    "catalog.mdb-lock"    /* of LMDB: the slots of readers */
#define CATALOG_WRITERS_FILE "catalog.mdb-writers" /* the mutex of writers */

typedef struct catalog catalog;
typedef struct catalog_txn catalog_txn;

typedef struct catalog_options {
    bool create;    /* create the tables; else they must exist */
    bool read_only; /* never write; if the lock file cannot be written, read without a lock */
    bool verify;    /* verify every page before LMDB reads it; else only the roots */
} catalog_options;

/* Open the file `path`; with `create`, LMDB creates it. Unless it was just created, the path must
 * lead to the file as long as the catalog is open. MV_CORRUPT: the file is damaged. MV_BUSY: other
 * processes wrote to it during every attempt to verify it. */
mv_err catalog_open(const char *path, const catalog_options *options, catalog **out,
                    mv_error *error);
/* Is the file at `path` a catalog? Its content tells, which may be damaged. Writes nothing, and
 * neither opens the file with LMDB. MV_NOT_FOUND. */
mv_err catalog_identify(const char *path, catalog_identity *identity, mv_error *error);
/* No transaction may be open. NULL is fine. */
void catalog_close(catalog *c);
/* Remove the files of a catalog in `directory`, as far as possible. */
void catalog_remove_files(const char *directory);
/* Does it read without a lock? Then a writer that starts now may reuse pages that a reader sees. */
bool catalog_is_unlocked(const catalog *c);
/* Is there a table `indexes`? If not, it reads as empty, and must be created before a value is put
 * into it. */
bool catalog_has_indexes(const catalog *c);
/* Create the table `indexes`. No transaction may be open. Waits for other writers. MV_BUSY: they
 * took too long. */
mv_err catalog_create_indexes(catalog *c, mv_error *error);

/* ---- transactions */

mv_err catalog_begin_read(catalog *c, catalog_txn **txn, mv_error *error);
/* Waits for other writers at most `seconds` (negative: without limit), then answers MV_BUSY.
 * `sync`: the commit returns only when it is on disk. MV_BUSY, too: this thread has a write
 * transaction open. MV_LIMIT: it has LAYOUT_COMMIT_MAX commits. A write transaction belongs to the
 * thread that began it. When that thread has ended, the next one to take the writers' lock ends it.
 */
mv_err catalog_begin_write(catalog *c, bool sync, double seconds, catalog_txn **txn,
                           mv_error *error);
/* Commit. The writers' lock is kept until catalog_end, which the caller calls in any case. After a
 * failure *in_doubt tells whether the commit may have happened nevertheless: its last write failed,
 * which may still reach the disk. Then all later transactions of this catalog fail, and the next
 * writer of another one must call catalog_rewrite before it changes anything. */
mv_err catalog_commit(catalog_txn *txn, bool *in_doubt, mv_error *error);
/* End a read transaction, or a write transaction, which is undone if it was not committed. NULL is
 * fine. Another thread may call it after catalog_lock for a write transaction whose thread has
 * ended. */
void catalog_end(catalog_txn *txn);
/* Take the writers' lock without a transaction; waits as catalog_begin_write does. False: it was
 * not free in time. */
bool catalog_lock(catalog *c, double seconds);
void catalog_unlock(catalog *c);
/* A word that all processes that write to the catalog share, 0 at first. The catalog does not use
 * it. NULL if it was opened read_only. */
typedef enum catalog_word {
    CATALOG_WORD_TURN,  /* until when a job asks for the turn (turn.c) */
    CATALOG_WORD_SEARCH /* when a search last looked at rows without an index (slowdown.h) */
} catalog_word;
_Atomic uint64_t *catalog_shared_word(catalog *c, catalog_word word);
/* The number of the LMDB commit that the transaction sees; of a write transaction, the one that it
 * builds on. */
uint64_t catalog_commit_number(const catalog_txn *txn);
/* Write all commits to disk. After a failure a second call may succeed although the disk does not
 * have them: see catalog_rewrite. */
mv_err catalog_sync(catalog *c, mv_error *error);
/* Write the bytes of the file again, and sync them; with `whole` false only those of the meta
 * pages. A meta page that is newer than the last commit is taken back. `txn` is a write transaction
 * that has changed nothing. Call catalog_verify afterwards: what the system had lost is not there.
 */
mv_err catalog_rewrite(catalog *c, catalog_txn *txn, bool whole, mv_error *error);
/* A read transaction in any process. */
typedef struct catalog_reader {
    uint64_t commit; /* that it sees */
    uint64_t pid;
} catalog_reader;
/* The reader of the oldest commit; its commit is UINT64_MAX if there is no reader. Clears the slots
 * of dead processes first. */
mv_err catalog_oldest_reader(catalog *c, catalog_reader *oldest, mv_error *error);

/* ---- values */

typedef struct catalog_value {
    const uint8_t *bytes;
    size_t size;
} catalog_value;

/* Get the value of a key; *found: there is one. MV_CORRUPT: its checksum is wrong. */
mv_err catalog_get(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                   catalog_value *value, bool *found, mv_error *error);
mv_err catalog_get_u64(catalog_txn *txn, catalog_table table, uint64_t key, catalog_value *value,
                       bool *found, mv_error *error);
mv_err catalog_put(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                   const void *bytes, size_t size, mv_error *error);
mv_err catalog_put_u64(catalog_txn *txn, catalog_table table, uint64_t key, const void *bytes,
                       size_t size, mv_error *error);
/* Put a value in two steps: fill the `size` bytes at *bytes, then call catalog_append_finish with
 * the same key, bytes and size, before any other change. `key` must be above all keys of the table.
 */
mv_err catalog_append_start(catalog_txn *txn, catalog_table table, uint64_t key, size_t size,
                            uint8_t **bytes, mv_error *error);
void catalog_append_finish(uint64_t key, uint8_t *bytes, size_t size);
mv_err catalog_remove(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                      bool *found, mv_error *error);
mv_err catalog_remove_u64(catalog_txn *txn, catalog_table table, uint64_t key, bool *found,
                          mv_error *error);
/* Remove all values of a table. */
mv_err catalog_clear(catalog_txn *txn, catalog_table table, mv_error *error);
mv_err catalog_count(catalog_txn *txn, catalog_table table, uint64_t *count, mv_error *error);

/* Walk a table in key order. */
typedef struct catalog_cursor catalog_cursor;
mv_err catalog_cursor_open(catalog_txn *txn, catalog_table table, catalog_cursor **cursor,
                           mv_error *error);
/* Before the transaction ends. NULL is fine. */
void catalog_cursor_close(catalog_cursor *cursor);
/* Go to the first key not below `key`: the next catalog_cursor_next returns it. */
void catalog_cursor_seek_u64(catalog_cursor *cursor, uint64_t key);
/* The next entry; *found is false at the end. The checksum is not verified: call catalog_is_intact.
 */
mv_err catalog_cursor_next(catalog_cursor *cursor, catalog_value *key, catalog_value *value,
                           bool *found, mv_error *error);
mv_err catalog_cursor_next_u64(catalog_cursor *cursor, uint64_t *key, catalog_value *value,
                               bool *found, mv_error *error);
typedef mv_err (*catalog_visit)(void *ctx, uint64_t key, const catalog_value *value,
                                mv_error *error);
/* Call `visit` for each entry of a table, in the order of the keys. Stops at its first failure, and
 * returns it. */
mv_err catalog_each_u64(catalog_txn *txn, catalog_table table, catalog_visit visit, void *ctx,
                        mv_error *error);
/* Is the checksum of key and value right? `value` is one that a cursor returned. */
bool catalog_is_intact(uint64_t key, const catalog_value *value);

/* ---- ids: keys of LMDB have at most 511 bytes, so a long id has its 128-bit hash as the key */

mv_err catalog_id_get(catalog_txn *txn, const void *id, size_t id_size, uint64_t *docid,
                      bool *found, mv_error *error);
/* MV_LIMIT: another long id has the same hash. The chance is about 1 in 2^64 at 2^32 long ids. */
mv_err catalog_id_put(catalog_txn *txn, const void *id, size_t id_size, uint64_t docid,
                      mv_error *error);
mv_err catalog_id_remove(catalog_txn *txn, const void *id, size_t id_size, bool *found,
                         mv_error *error);

/* ---- copies and checks */

/* Write a compact copy of the last commit to a new file. */
mv_err catalog_copy(catalog *c, const char *path, mv_error *error);
/* Verify all pages of the commit that `txn` sees, and the checksum of every value. A write
 * transaction must not have changed anything. MV_BUSY: other processes have made two commits since
 * a read transaction began. */
mv_err catalog_verify(catalog *c, catalog_txn *txn, mv_error *error);

#endif
