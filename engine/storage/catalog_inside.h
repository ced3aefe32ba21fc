/* The inside of a catalog, for catalog.c and catalog_space.c only. */
#ifndef MV_CATALOG_INSIDE_H
#define MV_CATALOG_INSIDE_H

#include <limits.h>
#include <lmdb.h>

#include "base/os.h"
#include "storage/catalog.h"

#define NO_TABLE UINT_MAX

struct catalog_txn {
    catalog *owner;
    MDB_txn *txn;
    struct catalog_txn *next; /* in the pool */
    bool writes;              /* a write transaction: never pooled */
    uint64_t thread;          /* that began the write transaction */
};

struct catalog {
    MDB_env *env;
    MDB_dbi tables[CATALOG_TABLES]; /* NO_TABLE: not there; only `indexes` may be missing */
    os_shared_mutex *writers;       /* taken by each write transaction; NULL: read only */
    catalog_txn *writing;           /* the write transaction; guarded by `writers` */
    os_mutex *mutex;                /* guards the pool */
    catalog_txn *pool;              /* reset read transactions */
    uint32_t pool_count;
    uint64_t trim_page; /* where writers go on to trim (catalog_space.h); guarded by `writers` */
    bool unlocked;      /* reads without a lock */
};

/* The failure `rc` of LMDB, an errno or a number of its own. */
mv_err catalog_failed(mv_error *error, int rc, const char *doing);

#endif
