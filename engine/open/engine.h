/* The engine of one open collection: one per collection and process, however many handles there
 * are.
 *
 * Lock order: process lock (registry) -> engine->mutex. The writers' lock of the catalog is taken
 * with neither held. The mutex guards what is marked so below; everything else is fixed after
 * opening. The schema is a commit's: it is found in its view (view.h). */
#ifndef MV_ENGINE_H
#define MV_ENGINE_H

#include <stdatomic.h>

#include "base/os.h"
#include "index/index.h"
#include "storage/catalog.h"
#include "storage/segment.h"

#define ENGINE_SCRATCHES_MAX 16u /* memories of idle searches kept */

typedef struct engine engine;
struct view;
struct known_schema;
struct shared_segment;
struct shared_index;
struct maintainer;

/* What the room above (job/) does for an engine: calls run upwards through this table only. */
typedef struct engine_hooks {
    /* A commit of a handle with automatic maintenance took effect; `v` is what it left, as far as
     * known. `sync`: durability of the handle. Called without locks. */
    void (*on_commit)(engine *e, const struct view *v, bool sync);
    /* Are there threads that must end before the engine is closed? */
    bool (*has_threads)(engine *e);
    /* End these threads and wait for them. Called without locks, with a reference held. */
    void (*stop_threads)(engine *e);
} engine_hooks;

struct engine {
    const engine_hooks *hooks; /* fixed */
    struct engine *next;       /* in the registry; guarded by the process lock, as is refs */
    uint32_t refs;             /* handles and objects that need it */
    uint64_t fork_generation;
    char path[OS_PATH_SIZE]; /* real path of the directory; "" in memory */
    bool in_memory;
    bool read_only;   /* until a handle wants to write; guarded by the mutex */
    os_file presence; /* shared lock on the catalog's file: keeps mv_destroy away */
    catalog *catalog; /* guarded by the mutex while `active` is 0, fixed otherwise */
    struct known_schema
        *schemas; /* all that were seen, newest first, kept until the engine is closed */
    _Atomic(const mv_schema *) last_schema; /* that of the commit looked at last */
    os_mutex *mutex;
    uint32_t active;                 /* transactions in progress; guarded by the mutex */
    struct view *newest;             /* last commit decoded; guarded by the mutex; NULL at first */
    struct shared_segment *segments; /* all open ones; guarded by the mutex */
    struct shared_index *indexes;    /* the same */
    index_scratch scratches[ENGINE_SCRATCHES_MAX]; /* guarded by the mutex */
    uint32_t scratches_count;
    bool is_optimized;      /* a job of this process is at it; guarded by the mutex */
    uint32_t jobs_running;  /* jobs with a thread of their own; guarded by the mutex */
    struct mv_job *orphans; /* given up where their threads could not be waited for; the same */
    struct maintainer *maintainer; /* NULL until needed; guarded by the mutex (maintain.c) */
    bool is_swept; /* leftovers were removed; touched under the writers' lock only */
    atomic_uint_fast64_t writing_thread; /* who has the write transaction; 0: nobody here */
    atomic_uint_fast64_t writers_begun;  /* the number of the write transaction */
};

/* The catalog's account of the collection, one value of its meta table. */
typedef struct engine_state {
    uint64_t format; /* of the catalog: ENGINE_FORMAT */
    uint64_t commit; /* LSN: grows by one with every commit */
    uint64_t next_docid;
    uint64_t next_segment;
    uint64_t next_garbage;
    uint64_t documents;
    uint64_t fresh_rows;
    uint64_t fresh_bytes;
} engine_state;

#define ENGINE_FORMAT 2u /* since 2 segments may have files of single columns */

static_assert(sizeof(engine_state) == 64, "the state has 64 bytes in the catalog");

mv_err engine_load_state(catalog_txn *txn, engine_state *state, mv_error *error);
mv_err engine_save_state(catalog_txn *txn, const engine_state *state, mv_error *error);

/* Directory for segment files, or NULL in memory. */
static inline const char *engine_directory(const engine *e)
{
    return e->in_memory ? NULL : e->path;
}

/* Is this engine of the present process? In a forked child the parent's engines are not used. */
static inline bool engine_is_of_this_process(const engine *e)
{
    return !os_is_forked(e->fork_generation);
}

mv_err engine_create(const engine_hooks *hooks, engine **out, mv_error *error);
mv_err engine_open_catalog(engine *e, bool read_only, bool verify, mv_error *error);

/* Begin a read transaction. The catalog stays until it has ended. */
mv_err engine_begin_read(engine *e, catalog_txn **txn, mv_error *error);
mv_err engine_begin_write(engine *e, bool sync, catalog_txn **txn, mv_error *error);
/* MV_BUSY when this engine reads without a lock (catalog_is_unlocked) while another process has the
 * collection open and may be changing it. */
mv_err engine_check_unlocked(engine *e, mv_error *error);
/* Call after a read, or a write transaction, was ended or committed. */
void engine_end_read(engine *e);
void engine_end_write(engine *e);
/* Is write transaction `number` still open, and the calling thread's? */
bool engine_is_writing(engine *e, uint64_t number);

/* Memory for searches of indexes, kept for the next search: take and give back. */
index_scratch engine_take_scratch(engine *e);
void engine_give_scratch(engine *e, index_scratch scratch);
void engine_free_scratches(engine *e);

#endif
