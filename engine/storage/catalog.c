/* The catalog over LMDB: opening, transactions, values with checksums.
 *
 * With MDB_NOTLS a read transaction is not bound to a thread: it belongs to the object that began
 * it. Ended read transactions are reset and pooled, since renewing one costs a tenth of beginning
 * one. The map is reserved once, far larger than any catalog grows: address space costs nothing,
 * and resizing it would need a moment without readers.
 *
 * Writers take a mutex of their own (os_shared_mutex) before they begin a transaction of LMDB,
 * whose own mutex they then find free. LMDB's mutex cannot be waited for with a time limit, and
 * after the death of a thread that wrote, LMDB refuses all further use by its process. */
#include "storage/catalog.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/os.h"
#include "storage/catalog_inside.h"
#include "storage/catalog_layout.h"

#define READERS_MAX        1022u  /* read transactions at once in all processes: 64 KiB of slots */
#define POOL_MAX           16u    /* idle read transactions, each with a slot; chosen */
#define BEGIN_TRIES_MAX    100000 /* to begin to read while others commit; chosen */
#define CHECK_TRIES_MAX    1000   /* attempts to verify a file while others write to it; chosen */
#define CREATE_SECONDS_MAX 60     /* wait for a writer while a table is created; chosen */
#define CHECKSUM_SIZE      sizeof(uint64_t)
#define ID_KEY_RAW_MAX     500u /* bytes; part of the format: a longer id has its hash as the key */
#define ID_KEY_SIZE_MAX    (ID_KEY_RAW_MAX + 1)
#define HAS_WIDE_NUMBERS   (LAYOUT_NUMBER_SIZE == sizeof(uint64_t)) /* 64 bits */
/* A disk with less space is full: LMDB writes up to 64 pages at once. */
#define FULL_DISK_BYTES (1u << 16)

static_assert(ID_KEY_SIZE_MAX <= 511, "the longest key of LMDB has 511 bytes");
static_assert(ID_KEY_SIZE_MAX >= 17, "a key of a hash fits");

static const char *const table_names[CATALOG_TABLES] = {"meta",     "ids",     "fresh",  "deleted",
                                                        "segments", "indexes", "garbage"};

static bool table_has_numbers(catalog_table table)
{
    return table != CATALOG_META && table != CATALOG_IDS;
}

/* Where a size_t has 64 bits, LMDB compares the keys of u64 as integers of its own kind. Integer
 * keys of another size than that of a size_t are compared by their low 32 bits on branch pages. So
 * with 32 bits they are stored with the highest byte first, and compared byte by byte. */
static unsigned table_flags(catalog_table table)
{
    return HAS_WIDE_NUMBERS && table_has_numbers(table) ? MDB_INTEGERKEY : 0;
}

/* The bytes of a u64 key as they are stored, or the key of such bytes. */
static uint64_t turn_key(uint64_t key)
{
    return HAS_WIDE_NUMBERS ? key : MV_REVERSE_BYTES(key);
}

mv_err catalog_failed(mv_error *error, int rc, const char *doing)
{
    if (rc > 0) return error_system(error, rc, "catalog: cannot %s", doing);
    mv_err code = MV_IO;
    switch (rc) {
    case MDB_MAP_FULL: code = MV_NO_SPACE; break;
    case MDB_READERS_FULL:
        return error_set(error, MV_LIMIT,
                         "catalog: cannot %s: results, iterators and calls use all %u reader slots",
                         doing, READERS_MAX);
    case MDB_PANIC:
        return error_set(error, MV_IO,
                         "catalog: cannot %s: an earlier write to its file failed, close the "
                         "collection everywhere in this process and open it again",
                         doing);
    case MDB_TXN_FULL:
    case MDB_MAP_RESIZED:
    case MDB_DBS_FULL: code = MV_LIMIT; break;
    case MDB_VERSION_MISMATCH: code = MV_WRONG_VERSION; break;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_NOTFOUND:
    case MDB_INCOMPATIBLE: code = MV_CORRUPT; break;
    default: break;
    }
    return error_set(error, code, "catalog: cannot %s: %s", doing, mdb_strerror(rc));
}

/* The same after a write. LMDB reports a write that the file system cut short as EIO. That happens
 * when the disk is full, and then it is still full: what was written stays in the file. */
static mv_err lmdb_write_failed(const catalog *c, mv_error *error, int rc, const char *doing)
{
    os_file file = OS_FILE_NONE; /* that of LMDB, which closes it */
    uint64_t space;
    if (rc == EIO && !mdb_env_get_fd(c->env, &file) && !os_free_bytes(file, &space) &&
        space < FULL_DISK_BYTES)
        rc = ENOSPC;
    return catalog_failed(error, rc, doing);
}

/* ---------------------------------------------------------------- opening */

/* Verify the file once; *changed: its size changed meanwhile. */
static mv_err look_at_file(const char *path, bool deep, bool *changed, mv_error *error)
{
    os_file file = OS_FILE_NONE;
    uint64_t size = 0, size_after = 0;
    const void *bytes = NULL;
    *changed = false;
    mv_err err = os_open_read(path, &file, &size, error);
    if (err) return err;
    if ((err = os_map(file, size, &bytes, path, error))) goto done;
    if (!deep) os_advise_random(bytes, size);
    err = catalog_check_pages(bytes, (size_t)size, 0, deep, CATALOG_FILE, error);
    *changed = !os_size(file, &size_after, path, NULL) && size_after != size;
done:
    os_unmap(bytes, size);
    os_close(file);
    return err;
}

/* Other processes may write to the file meanwhile: then a fault may be no fault, and the file is
 * verified again. */
static mv_err check_file(const char *path, bool deep, mv_error *error)
{
    mv_err err = MV_OK;
    bool changed = true;
    for (int tries = 0; tries < CHECK_TRIES_MAX; tries++) {
        err = look_at_file(path, deep, &changed, error);
        if (!err || (err != MV_BUSY && !(err == MV_CORRUPT && changed))) return err;
    }
    return err;
}

/* Can the lock file be written? Readers register in it. If it cannot, there is either no writer, or
 * none that would respect this reader. */
static mv_err lock_is_usable(const char *path, bool *usable, mv_error *error)
{
    char lock_path[OS_PATH_SIZE + 8];
    (void)snprintf(lock_path, sizeof lock_path, "%s-lock", path);
    return os_can_write(lock_path, usable, error);
}

static mv_err not_permitted(const char *path, mv_error *error)
{
    return error_set(error, MV_READ_ONLY,
                     "this process runs as user %llu, who may not write '%s': make this user the "
                     "owner of the collection's directory and of all files in it, or open it "
                     "read_only",
                     (unsigned long long)os_owner_self(), path);
}

/* Addresses reserved for the catalog: 2 to the power of the first of these that the system does not
 * refuse. 256 GiB: ids of a billion documents. A 32-bit program has 3 or 4 GiB, and maps segments
 * and other catalogs, too: 256 MiB at most. A program that may have few addresses still opens many
 * collections. */
static const uint8_t map_size_bits[] = {38, 33, 28, 26};

static mv_err open_env(catalog *c, const char *path, const catalog_options *options,
                       mv_error *error)
{
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD;
    bool lockable = true;
    if (options->read_only) {
        flags |= MDB_RDONLY;
        MV_TRY(lock_is_usable(path, &lockable, error));
    }
    c->unlocked = !lockable;
    if (c->unlocked) flags |= MDB_NOLOCK;
    int rc = ENOMEM;
    for (size_t i = HAS_WIDE_NUMBERS ? 0 : 2; rc == ENOMEM && i < sizeof map_size_bits; i++) {
        mdb_env_close(c->env);
        c->env = NULL;
        if ((rc = mdb_env_create(&c->env)))
            return catalog_failed(error, rc, "create an environment");
        (void)mdb_env_set_maxdbs(c->env, CATALOG_TABLES);
        (void)mdb_env_set_maxreaders(c->env, READERS_MAX);
        (void)mdb_env_set_mapsize(c->env, (size_t)1 << map_size_bits[i]);
        rc = mdb_env_open(c->env, path, flags, OS_FILE_MODE);
    }
    if (rc == EACCES && !options->read_only) return not_permitted(path, error);
    if (rc) return catalog_failed(error, rc, "open its file");
    os_file file = OS_FILE_NONE; /* the only descriptor that LMDB leaves open on exec */
    if (!mdb_env_get_fd(c->env, &file)) os_close_on_exec(file);
    return MV_OK;
}

static mv_err open_writers_file(catalog *c, const char *path, mv_error *error)
{
    char writers_path[OS_PATH_SIZE + sizeof CATALOG_WRITERS_FILE];
    (void)snprintf(writers_path, sizeof writers_path, "%s-writers", path);
    mv_err err = os_shared_mutex_open(writers_path, &c->writers, error);
    return err == MV_READ_ONLY ? not_permitted(writers_path, error) : err;
}

/* LMDB has made its files without regard to whose they should be. */
static void inherit_owner_of_files(const char *path)
{
    static const char *const names[] = {CATALOG_FILE, CATALOG_LOCK_FILE, CATALOG_WRITERS_FILE};
    char directory[OS_PATH_SIZE], file[OS_PATH_SIZE];
    if (os_parent(path, directory, NULL)) return;
    for (int i = 0; i < 3; i++)
        if (!os_join(file, directory, names[i], NULL)) os_owner_inherit(file, directory);
}

static int open_table(catalog *c, MDB_txn *txn, catalog_table table, bool create)
{
    unsigned flags = table_flags(table), found = 0;
    MDB_dbi *out = &c->tables[table];
    int rc = mdb_dbi_open(txn, table_names[table], flags | (create ? MDB_CREATE : 0), out);
    if (rc == MDB_NOTFOUND && table == CATALOG_INDEXES) {
        *out = NO_TABLE;
        return 0;
    }
    if (!rc) rc = mdb_dbi_flags(txn, *out, &found);
    return !rc && (found & 0xffffu) != flags ? MDB_INCOMPATIBLE : rc;
}

static mv_err open_tables(catalog *c, const catalog_options *options, mv_error *error)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(c->env, NULL, options->create ? 0 : MDB_RDONLY, &txn);
    if (rc) return catalog_failed(error, rc, "begin a transaction");
    for (int table = 0; table < CATALOG_TABLES; table++) {
        if ((rc = open_table(c, txn, (catalog_table)table, options->create))) {
            mdb_txn_abort(txn);
            return catalog_failed(error, rc, "open its tables");
        }
    }
    rc = mdb_txn_commit(txn); /* keeps the handles of the tables, also in a read transaction */
    return rc ? lmdb_write_failed(c, error, rc, "create its tables") : MV_OK;
}

/* The tables that every catalog has. */
static const char *const common_names[] = {"meta",    "ids",      "fresh",
                                           "deleted", "segments", "garbage"};

mv_err catalog_identify(const char *path, catalog_identity *identity, mv_error *error)
{
    os_file file = OS_FILE_NONE;
    uint64_t size = 0;
    const void *bytes = NULL;
    mv_err err = os_open_read(path, &file, &size, error);
    if (err) return err;
    if ((err = os_map(file, size, &bytes, path, error))) goto done;
    err = catalog_check_identity(bytes, (size_t)size, common_names,
                                 sizeof common_names / sizeof *common_names, identity, error);
done:
    os_unmap(bytes, size);
    os_close(file);
    return err;
}

mv_err catalog_open(const char *path, const catalog_options *options, catalog **out,
                    mv_error *error)
{
    mv_err err = MV_OK;
    catalog *c = mem_alloc_zero(sizeof *c);
    if (!c) return error_memory(error, sizeof *c, "the catalog");
    if (!(c->mutex = os_mutex_create())) {
        err = error_memory(error, sizeof(void *), "a lock");
        goto done;
    }
    if (!options->create && (err = check_file(path, options->verify, error))) goto done;
    if ((err = open_env(c, path, options, error))) goto done;
    if (!options->read_only && (err = open_writers_file(c, path, error))) goto done;
    if (!options->read_only) inherit_owner_of_files(path);
    if ((err = open_tables(c, options, error))) goto done;
    *out = c;
    c = NULL;
done:
    catalog_close(c);
    return err;
}

/* End the write transaction of a thread that has ended; catalog_end frees it. The caller has the
 * mutex of writers, or is the only user of the catalog. LMDB then unlocks its own mutex, which
 * fails, since another thread has locked it: the next writer, in any process, gets that mutex from
 * the system (EOWNERDEAD). */
static void end_left(catalog *c)
{
    if (!c->writing) return;
    mdb_txn_abort(c->writing->txn);
    c->writing->txn = NULL;
    c->writing = NULL;
}

void catalog_close(catalog *c)
{
    if (!c) return;
    while (c->pool) {
        catalog_txn *txn = c->pool;
        mv_assert(!txn->writes);
        c->pool = txn->next;
        mdb_txn_abort(txn->txn);
        mem_free(txn, sizeof *txn);
    }
    end_left(c);
    mdb_env_close(c->env);
    os_shared_mutex_close(c->writers);
    os_mutex_free(c->mutex);
    mem_free(c, sizeof *c);
}

void catalog_remove_files(const char *directory)
{
    (void)os_remove_in(directory, CATALOG_FILE, NULL);
    (void)os_remove_in(directory, CATALOG_LOCK_FILE, NULL);
    (void)os_remove_in(directory, CATALOG_WRITERS_FILE, NULL);
}

bool catalog_is_unlocked(const catalog *c)
{
    return c->unlocked;
}

bool catalog_has_indexes(const catalog *c)
{
    return c->tables[CATALOG_INDEXES] != NO_TABLE;
}

mv_err catalog_create_indexes(catalog *c, mv_error *error)
{
    catalog_txn *txn = NULL;
    bool in_doubt;
    mv_assert(!catalog_has_indexes(c));
    MV_TRY(catalog_begin_write(c, true, CREATE_SECONDS_MAX, &txn, error));
    int rc = open_table(c, txn->txn, CATALOG_INDEXES, true);
    mv_err err = rc ? catalog_failed(error, rc, "create its table of indexes") : MV_OK;
    if (!err) err = catalog_commit(txn, &in_doubt, error);
    catalog_end(txn);
    if (err) c->tables[CATALOG_INDEXES] = NO_TABLE; /* the handle ended with the transaction */
    return err;
}

/* ---------------------------------------------------------------- transactions */

static catalog_txn *pool_pop(catalog *c)
{
    os_mutex_lock(c->mutex);
    catalog_txn *txn = c->pool;
    if (txn) {
        mv_assert(c->pool_count > 0);
        c->pool = txn->next;
        c->pool_count--;
    }
    os_mutex_unlock(c->mutex);
    return txn;
}

/* False: the pool is full, and the caller still owns the transaction. */
static bool pool_push(catalog *c, catalog_txn *txn)
{
    mv_assert(!txn->writes);
    os_mutex_lock(c->mutex);
    bool has_space = c->pool_count < POOL_MAX;
    if (has_space) {
        txn->next = c->pool;
        c->pool = txn;
        c->pool_count++;
    }
    os_mutex_unlock(c->mutex);
    return has_space;
}

/* May the transaction see a later commit than its number says? LMDB notes commit n in the reader's
 * slot, and then copies the roots of the tables from meta page n % 2. If two commits were made in
 * between, the copy has the roots of commit n + 2: a sound commit, which the slot protects, under
 * the number n. The meta page of commit n + 2 is written after n + 1 was published to readers. So
 * if a reader that begins now still gets n, the copy was made in time. */
static int has_passed(const catalog *c, const catalog_txn *txn, bool *passed)
{
    MDB_envinfo info;
    MDB_txn *probe = NULL;
    size_t number = mdb_txn_id(txn->txn);
    *passed = false;
    atomic_thread_fence(memory_order_acquire); /* the copy is made before the looks */
    (void)mdb_env_info(c->env, &info);         /* fails for NULL only */
    if (info.me_last_txnid <= number) return 0;
    int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &probe);
    if (rc) return rc;
    *passed = mdb_txn_id(probe) != number;
    mdb_txn_abort(probe);
    return 0;
}

/* Begin the transaction again until its number is that of the commit it sees. */
static int renew_until_current(const catalog *c, const catalog_txn *txn)
{
    bool passed = true;
    for (int tries = 0; tries < BEGIN_TRIES_MAX; tries++) {
        int rc = has_passed(c, txn, &passed);
        if (rc || !passed) return rc;
        mdb_txn_reset(txn->txn);
        if ((rc = mdb_txn_renew(txn->txn))) return rc;
    }
    return MDB_CORRUPTED;
}

mv_err catalog_begin_read(catalog *c, catalog_txn **out, mv_error *error)
{
    catalog_txn *txn = pool_pop(c);
    int rc;
    if (txn) {
        rc = mdb_txn_renew(txn->txn);
    } else {
        txn = mem_alloc_zero(sizeof *txn);
        if (!txn) return error_memory(error, sizeof *txn, "a transaction");
        txn->owner = c;
        rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn->txn);
    }
    if (!rc) rc = renew_until_current(c, txn);
    if (rc) {
        if (txn->txn) mdb_txn_abort(txn->txn);
        mem_free(txn, sizeof *txn);
        return catalog_failed(error, rc, "begin a read transaction");
    }
    *out = txn;
    return MV_OK;
}

bool catalog_lock(catalog *c, double seconds)
{
    if (os_shared_mutex_lock(c->writers, seconds) != OS_LOCKED) return false;
    end_left(c);
    return true;
}

void catalog_unlock(catalog *c)
{
    os_shared_mutex_unlock(c->writers);
}

_Atomic uint64_t *catalog_shared_word(catalog *c, catalog_word word)
{
    return c->writers ? os_shared_mutex_words(c->writers) + word : NULL;
}

static mv_err lock_writers(catalog *c, double seconds, mv_error *error)
{
    mv_assert(c->writers);
    switch (os_shared_mutex_lock(c->writers, seconds)) {
    case OS_LOCKED: end_left(c); return MV_OK;
    case OS_LOCKED_BEFORE:
        return error_set(error, MV_BUSY,
                         "this thread has a transaction open on the collection: write through its "
                         "handle (tx), or end it first");
    case OS_LOCK_BROKEN:
        return error_set(error, MV_IO,
                         "%s is damaged: close the collection everywhere, and open it again",
                         CATALOG_WRITERS_FILE);
    case OS_LOCK_TIMED_OUT: break;
    }
    if (!(seconds > 0)) return error_set(error, MV_BUSY, "another writer has the collection");
    return error_set(error, MV_BUSY, "waited %.0f ms for another writer (busy_ms)", seconds * 1000);
}

/* Free the transaction, which LMDB has ended, and let the next writer in. */
static void finish_write(catalog_txn *txn)
{
    catalog *c = txn->owner;
    mv_assert(c->writing == txn);
    c->writing = NULL;
    mem_free(txn, sizeof *txn);
    catalog_unlock(c);
}

mv_err catalog_begin_write(catalog *c, bool sync, double seconds, catalog_txn **out,
                           mv_error *error)
{
    catalog_txn *txn = mem_alloc_zero(sizeof *txn);
    if (!txn) return error_memory(error, sizeof *txn, "a transaction");
    mv_err err = lock_writers(c, seconds, error);
    if (err) {
        mem_free(txn, sizeof *txn);
        return err;
    }
    *txn = (catalog_txn){.owner = c, .writes = true, .thread = os_thread_id()};
    c->writing = txn;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn->txn);
    if (rc) {
        finish_write(txn);
        return catalog_failed(error, rc, "begin a write transaction");
    }
    if (catalog_commit_number(txn) >= LAYOUT_COMMIT_MAX) {
        mdb_txn_abort(txn->txn);
        finish_write(txn);
        return error_set(
            error, MV_LIMIT,
            "the catalog has %llu commits and cannot count more: a backup counts from 1",
            (unsigned long long)LAYOUT_COMMIT_MAX);
    }
    /* The flag is one for the environment: only the holder of the writers' lock changes it. */
    (void)mdb_env_set_flags(c->env, MDB_NOSYNC, !sync);
    *out = txn;
    return MV_OK;
}

/* LMDB refuses all transactions of an environment that could not write its meta page. */
static bool has_failed_meta(catalog *c)
{
    catalog_txn *probe = NULL;
    bool failed = catalog_begin_read(c, &probe, NULL) != MV_OK;
    catalog_end(probe);
    return failed;
}

mv_err catalog_commit(catalog_txn *txn, bool *in_doubt, mv_error *error)
{
    mv_assert(txn->writes);
    catalog *c = txn->owner;
    mv_assert(txn->thread == os_thread_id());
    int rc = mdb_txn_commit(txn->txn);
    txn->txn = NULL;
    *in_doubt = rc && has_failed_meta(c);
    return rc ? lmdb_write_failed(c, error, rc, "commit") : MV_OK;
}

void catalog_end(catalog_txn *txn)
{
    if (!txn) return;
    if (txn->writes && txn->owner->writing != txn) {
        mem_free(txn, sizeof *txn); /* end_left has ended it */
    } else if (txn->writes) {
        mv_assert(txn->thread == os_thread_id());
        if (txn->txn) mdb_txn_abort(txn->txn); /* else it was committed */
        finish_write(txn);
    } else {
        mdb_txn_reset(txn->txn);
        if (pool_push(txn->owner, txn)) return;
        mdb_txn_abort(txn->txn);
        mem_free(txn, sizeof *txn);
    }
}

uint64_t catalog_commit_number(const catalog_txn *txn)
{
    uint64_t number = mdb_txn_id(txn->txn);
    return txn->writes ? number - 1 : number;
}

mv_err catalog_sync(catalog *c, mv_error *error)
{
    int rc = mdb_env_sync(c->env, 1);
    return rc ? catalog_failed(error, rc, "sync") : MV_OK;
}

/* One line of the reader list of LMDB: "pid thread txnid", with "-" as the txnid of an idle slot.
 * The heading has no numbers, either. */
static int note_reader(const char *line, void *ctx)
{
    catalog_reader *oldest = ctx;
    unsigned long long pid, commit;
    if (sscanf(line, "%llu %*s %llu", &pid, &commit) == 2 && commit < oldest->commit)
        *oldest = (catalog_reader){commit, pid};
    return 0;
}

mv_err catalog_oldest_reader(catalog *c, catalog_reader *oldest, mv_error *error)
{
    int dead = 0;
    int rc = mdb_reader_check(c->env, &dead);
    *oldest = (catalog_reader){.commit = UINT64_MAX};
    if (!rc) rc = mdb_reader_list(c->env, note_reader, oldest);
    return rc < 0 ? catalog_failed(error, rc, "list its readers") : MV_OK;
}

/* ---------------------------------------------------------------- values */

static uint64_t checksum_of(const void *key, size_t key_size, const void *bytes, size_t size)
{
    return hash_bytes(bytes, size, hash_bytes(key, key_size, 0));
}

static bool is_intact(const void *key, size_t key_size, const catalog_value *value)
{
    uint64_t stored;
    memcpy(&stored, value->bytes - CHECKSUM_SIZE, CHECKSUM_SIZE);
    return stored == checksum_of(key, key_size, value->bytes, value->size);
}

bool catalog_is_intact(uint64_t key, const catalog_value *value)
{
    key = turn_key(key);
    return is_intact(&key, sizeof key, value);
}

static mv_err damaged_table(catalog_table table, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "%s: a value of table '%s' is damaged", CATALOG_FILE,
                     table_names[table]);
}

/* Leave out the checksum in front of a value. */
static mv_err split_value(catalog_table table, const MDB_val *data, catalog_value *value,
                          mv_error *error)
{
    if (data->mv_size < CHECKSUM_SIZE) return damaged_table(table, error);
    value->bytes = (const uint8_t *)data->mv_data + CHECKSUM_SIZE;
    value->size = data->mv_size - CHECKSUM_SIZE;
    return MV_OK;
}

/* A key for LMDB, whose keys are not const although it does not write to them. */
static MDB_val lmdb_key(const void *key, size_t size)
{
    MDB_val val = {.mv_size = size};
    memcpy(&val.mv_data, &key, sizeof key);
    return val;
}

static bool table_is_there(const catalog_txn *txn, catalog_table table)
{
    return txn->owner->tables[table] != NO_TABLE;
}

mv_err catalog_get(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                   catalog_value *value, bool *found, mv_error *error)
{
    MDB_val k = lmdb_key(key, key_size), data;
    *found = false;
    if (!table_is_there(txn, table)) return MV_OK;
    int rc = mdb_get(txn->txn, txn->owner->tables[table], &k, &data);
    *found = rc == 0;
    if (rc == MDB_NOTFOUND) return MV_OK;
    if (rc) return catalog_failed(error, rc, "get a value");
    MV_TRY(split_value(table, &data, value, error));
    return is_intact(key, key_size, value) ? MV_OK : damaged_table(table, error);
}

mv_err catalog_get_u64(catalog_txn *txn, catalog_table table, uint64_t key, catalog_value *value,
                       bool *found, mv_error *error)
{
    key = turn_key(key);
    return catalog_get(txn, table, &key, sizeof key, value, found, error);
}

/* Put a value whose bytes the caller fills in at *bytes. */
static mv_err put_reserved(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                           size_t size, unsigned flags, uint8_t **bytes, mv_error *error)
{
    MDB_val k = lmdb_key(key, key_size), data = {.mv_size = size + CHECKSUM_SIZE};
    mv_assert(txn->writes);
    mv_assert(table_is_there(txn, table));
    mv_assert(!table_has_numbers(table) || key_size == sizeof(uint64_t));
    int rc = mdb_put(txn->txn, txn->owner->tables[table], &k, &data, MDB_RESERVE | flags);
    if (rc) return lmdb_write_failed(txn->owner, error, rc, "put a value");
    *bytes = (uint8_t *)data.mv_data + CHECKSUM_SIZE;
    return MV_OK;
}

static void put_checksum(const void *key, size_t key_size, uint8_t *bytes, size_t size)
{
    uint64_t checksum = checksum_of(key, key_size, bytes, size);
    memcpy(bytes - CHECKSUM_SIZE, &checksum, CHECKSUM_SIZE);
}

mv_err catalog_put(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                   const void *bytes, size_t size, mv_error *error)
{
    uint8_t *out = NULL;
    MV_TRY(put_reserved(txn, table, key, key_size, size, 0, &out, error));
    memcpy(out, bytes, size);
    put_checksum(key, key_size, out, size);
    return MV_OK;
}

mv_err catalog_put_u64(catalog_txn *txn, catalog_table table, uint64_t key, const void *bytes,
                       size_t size, mv_error *error)
{
    key = turn_key(key);
    return catalog_put(txn, table, &key, sizeof key, bytes, size, error);
}

mv_err catalog_append_start(catalog_txn *txn, catalog_table table, uint64_t key, size_t size,
                            uint8_t **bytes, mv_error *error)
{
    key = turn_key(key);
    return put_reserved(txn, table, &key, sizeof key, size, MDB_APPEND, bytes, error);
}

void catalog_append_finish(uint64_t key, uint8_t *bytes, size_t size)
{
    key = turn_key(key);
    put_checksum(&key, sizeof key, bytes, size);
}

mv_err catalog_remove(catalog_txn *txn, catalog_table table, const void *key, size_t key_size,
                      bool *found, mv_error *error)
{
    MDB_val k = lmdb_key(key, key_size);
    mv_assert(txn->writes);
    *found = false;
    if (!table_is_there(txn, table)) return MV_OK;
    int rc = mdb_del(txn->txn, txn->owner->tables[table], &k, NULL);
    *found = rc == 0;
    return rc && rc != MDB_NOTFOUND ? lmdb_write_failed(txn->owner, error, rc, "remove a value")
                                    : MV_OK;
}

mv_err catalog_remove_u64(catalog_txn *txn, catalog_table table, uint64_t key, bool *found,
                          mv_error *error)
{
    key = turn_key(key);
    return catalog_remove(txn, table, &key, sizeof key, found, error);
}

mv_err catalog_clear(catalog_txn *txn, catalog_table table, mv_error *error)
{
    mv_assert(txn->writes);
    if (!table_is_there(txn, table)) return MV_OK;
    int rc = mdb_drop(txn->txn, txn->owner->tables[table], 0);
    return rc ? lmdb_write_failed(txn->owner, error, rc, "clear a table") : MV_OK;
}

mv_err catalog_count(catalog_txn *txn, catalog_table table, uint64_t *count, mv_error *error)
{
    MDB_stat stat;
    *count = 0;
    if (!table_is_there(txn, table)) return MV_OK;
    int rc = mdb_stat(txn->txn, txn->owner->tables[table], &stat);
    if (rc) return catalog_failed(error, rc, "count a table");
    *count = stat.ms_entries;
    return MV_OK;
}

/* ---------------------------------------------------------------- cursors */

struct catalog_cursor {
    MDB_cursor *cursor; /* NULL: the table does not exist */
    catalog_table table;
    MDB_cursor_op next_op; /* how to reach the next entry */
    uint64_t seek_key;     /* with MDB_SET_RANGE; as it is stored */
};

mv_err catalog_cursor_open(catalog_txn *txn, catalog_table table, catalog_cursor **out,
                           mv_error *error)
{
    catalog_cursor *cursor = mem_alloc_zero(sizeof *cursor);
    if (!cursor) return error_memory(error, sizeof *cursor, "a cursor");
    int rc = 0;
    if (table_is_there(txn, table))
        rc = mdb_cursor_open(txn->txn, txn->owner->tables[table], &cursor->cursor);
    if (rc) {
        mem_free(cursor, sizeof *cursor);
        return catalog_failed(error, rc, "open a cursor");
    }
    cursor->table = table;
    cursor->next_op = MDB_FIRST;
    *out = cursor;
    return MV_OK;
}

void catalog_cursor_close(catalog_cursor *cursor)
{
    if (!cursor) return;
    if (cursor->cursor) mdb_cursor_close(cursor->cursor);
    mem_free(cursor, sizeof *cursor);
}

void catalog_cursor_seek_u64(catalog_cursor *cursor, uint64_t key)
{
    mv_assert(table_has_numbers(cursor->table));
    cursor->seek_key = turn_key(key);
    cursor->next_op = MDB_SET_RANGE;
}

mv_err catalog_cursor_next(catalog_cursor *cursor, catalog_value *key, catalog_value *value,
                           bool *found, mv_error *error)
{
    MDB_val k = {0}, data;
    *found = false;
    if (!cursor->cursor) return MV_OK;
    if (cursor->next_op == MDB_SET_RANGE) k = lmdb_key(&cursor->seek_key, sizeof cursor->seek_key);
    int rc = mdb_cursor_get(cursor->cursor, &k, &data, cursor->next_op);
    *found = rc == 0;
    if (rc == MDB_NOTFOUND) return MV_OK;
    if (rc) return catalog_failed(error, rc, "walk a table");
    cursor->next_op = MDB_NEXT;
    *key = (catalog_value){k.mv_data, k.mv_size};
    return split_value(cursor->table, &data, value, error);
}

mv_err catalog_cursor_next_u64(catalog_cursor *cursor, uint64_t *key, catalog_value *value,
                               bool *found, mv_error *error)
{
    catalog_value k;
    MV_TRY(catalog_cursor_next(cursor, &k, value, found, error));
    if (!*found) return MV_OK;
    if (k.size != sizeof *key) return damaged_table(cursor->table, error);
    memcpy(key, k.bytes, sizeof *key);
    *key = turn_key(*key);
    return MV_OK;
}

mv_err catalog_each_u64(catalog_txn *txn, catalog_table table, catalog_visit visit, void *ctx,
                        mv_error *error)
{
    catalog_cursor *cursor = NULL;
    MV_TRY(catalog_cursor_open(txn, table, &cursor, error));
    mv_err err;
    for (;;) {
        uint64_t key;
        catalog_value value;
        bool found;
        if ((err = catalog_cursor_next_u64(cursor, &key, &value, &found, error)) || !found) break;
        if ((err = visit(ctx, key, &value, error))) break;
    }
    catalog_cursor_close(cursor);
    return err;
}

/* ---------------------------------------------------------------- ids */

/* The key of an id (catalog.h): 0 and the id, or 1 and the hash of a long id. Returns its size. */
static size_t id_key(const void *id, size_t id_size, uint8_t out[ID_KEY_SIZE_MAX])
{
    mv_assert(id_size <= MV_ID_SIZE_MAX);
    if (id_size <= ID_KEY_RAW_MAX) {
        out[0] = 0;
        memcpy(out + 1, id, id_size);
        return id_size + 1;
    }
    out[0] = 1;
    hash_bytes_128(id, id_size, out + 1);
    return 17;
}

/* Is the value that of this id, not of another id with the same hash? */
static bool value_is_of_id(const catalog_value *value, const void *id, size_t id_size)
{
    if (id_size <= ID_KEY_RAW_MAX) return value->size == sizeof(uint64_t);
    return value->size == sizeof(uint64_t) + id_size &&
           memcmp(value->bytes + sizeof(uint64_t), id, id_size) == 0;
}

mv_err catalog_id_get(catalog_txn *txn, const void *id, size_t id_size, uint64_t *docid,
                      bool *found, mv_error *error)
{
    uint8_t key[ID_KEY_SIZE_MAX];
    size_t key_size = id_key(id, id_size, key);
    catalog_value value;
    MV_TRY(catalog_get(txn, CATALOG_IDS, key, key_size, &value, found, error));
    if (!*found) return MV_OK;
    *found = value_is_of_id(&value, id, id_size);
    if (*found) memcpy(docid, value.bytes, sizeof *docid);
    return MV_OK;
}

mv_err catalog_id_put(catalog_txn *txn, const void *id, size_t id_size, uint64_t docid,
                      mv_error *error)
{
    uint8_t key[ID_KEY_SIZE_MAX];
    size_t key_size = id_key(id, id_size, key);
    if (id_size <= ID_KEY_RAW_MAX)
        return catalog_put(txn, CATALOG_IDS, key, key_size, &docid, sizeof docid, error);
    catalog_value old;
    bool found;
    mv_assert(id_size <= MV_ID_SIZE_MAX);
    MV_TRY(catalog_get(txn, CATALOG_IDS, key, key_size, &old, &found, error));
    if (found && !value_is_of_id(&old, id, id_size))
        return error_set(error, MV_LIMIT,
                         "another id longer than %u bytes has the same hash: use another id",
                         ID_KEY_RAW_MAX);
    uint8_t value[sizeof docid + MV_ID_SIZE_MAX];
    memcpy(value, &docid, sizeof docid);
    memcpy(value + sizeof docid, id, id_size);
    return catalog_put(txn, CATALOG_IDS, key, key_size, value, sizeof docid + id_size, error);
}

mv_err catalog_id_remove(catalog_txn *txn, const void *id, size_t id_size, bool *found,
                         mv_error *error)
{
    uint8_t key[ID_KEY_SIZE_MAX];
    size_t key_size = id_key(id, id_size, key);
    return catalog_remove(txn, CATALOG_IDS, key, key_size, found, error);
}

/* ---------------------------------------------------------------- copies and checks */

mv_err catalog_copy(catalog *c, const char *path, mv_error *error)
{
    os_file file = OS_FILE_NONE;
    MV_TRY(os_create(path, &file, error));
    int rc = mdb_env_copyfd2(c->env, file, MDB_CP_COMPACT);
    mv_err err = rc ? catalog_failed(error, rc, "copy its file") : os_sync(file, path, error);
    os_close(file);
    return err;
}

static mv_err verify_pages(catalog *c, catalog_txn *txn, mv_error *error)
{
    os_file file = OS_FILE_NONE; /* that of LMDB, which closes it */
    uint64_t size = 0;
    const void *bytes = NULL;
    if (mdb_env_get_fd(c->env, &file))
        return error_set(error, MV_IO, "catalog: its file is not open");
    MV_TRY(os_size(file, &size, CATALOG_FILE, error));
    MV_TRY(os_map(file, size, &bytes, CATALOG_FILE, error));
    mv_err err = catalog_check_pages(bytes, (size_t)size, catalog_commit_number(txn), true,
                                     CATALOG_FILE, error);
    os_unmap(bytes, size);
    return err;
}

static mv_err verify_values(catalog_txn *txn, catalog_table table, mv_error *error)
{
    catalog_cursor *cursor = NULL;
    MV_TRY(catalog_cursor_open(txn, table, &cursor, error));
    mv_err err;
    for (;;) {
        catalog_value key, value;
        bool found;
        if ((err = catalog_cursor_next(cursor, &key, &value, &found, error)) || !found) break;
        if (!is_intact(key.bytes, key.size, &value)) {
            err = damaged_table(table, error);
            break;
        }
    }
    catalog_cursor_close(cursor);
    return err;
}

mv_err catalog_verify(catalog *c, catalog_txn *txn, mv_error *error)
{
    MV_TRY(verify_pages(c, txn, error));
    for (int table = 0; table < CATALOG_TABLES; table++)
        MV_TRY(verify_values(txn, (catalog_table)table, error));
    return MV_OK;
}

/* LMDB takes a commit back by giving its meta page the number of an older commit. Do the same where
 * that failed: `last` is the last commit that happened. */
static mv_err take_back(catalog *c, uint64_t last, uint64_t page_size, const char *path,
                        mv_error *error)
{
    MDB_envinfo info;
    os_file file;
    (void)mdb_env_info(c->env, &info);
    if (info.me_last_txnid <= last) return MV_OK;
    size_t older = last ? (size_t)(last - 1) : 0; /* as LMDB has it in the page */
    uint64_t page = info.me_last_txnid % 2;
    MV_TRY(os_open_write(path, &file, error));
    mv_err err =
        os_write_at(file, &older, sizeof older, page * page_size + LAYOUT_COMMIT_AT, path, error);
    os_close(file);
    return err;
}

mv_err catalog_rewrite(catalog *c, catalog_txn *txn, bool whole, mv_error *error)
{
    MDB_stat stat;
    const char *path = NULL;
    mv_assert(txn->writes);
    int rc = mdb_env_stat(c->env, &stat);
    if (!rc) rc = mdb_env_get_path(c->env, &path);
    if (rc) return catalog_failed(error, rc, "write its file again");
    MV_TRY(take_back(c, catalog_commit_number(txn), stat.ms_psize, path, error));
    return os_rewrite(path, whole ? UINT64_MAX : 2 * (uint64_t)stat.ms_psize, error);
}
