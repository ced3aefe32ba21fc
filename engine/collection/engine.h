/* The engine of one open collection: one per collection and process, however many handles there
 * are.
 *
 * Lock order: process lock (registry) -> engine->mutex. The writers' lock of the catalog is taken
 * with neither held. The mutex guards what is marked so below; everything else is fixed after
 * opening. The schema is a commit's: it is found in its view (snapshot.h). */
#ifndef MV_ENGINE_H
#define MV_ENGINE_H

#include <stdatomic.h>

#include "base/os.h"
#include "index/hnsw.h"
#include "storage/catalog.h"
#include "storage/segment.h"

#define UNSYNCED_FILE "unsynced" /* holds the boot id: there are commits that were not synced */

#define ENGINE_SCRATCHES_MAX 16u /* memories of idle searches kept */

typedef struct engine engine;
struct view;
struct engine_index;
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

/* A schema that some commit has had. */
typedef struct engine_schema {
    struct engine_schema *next;
    mv_schema *schema;
    mem_buffer bytes; /* as the catalog has it: what tells it from others */
} engine_schema;

/* An open segment as a schema sees it, shared by views. */
typedef struct engine_segment {
    struct engine_segment *next;
    segment *s;
    const mv_schema *schema;
    uint32_t refs;  /* views that name it, indexes over it; guarded by the mutex */
    bool is_undone; /* of a transaction that was undone: its names are used again */
} engine_segment;

struct engine {
    const engine_hooks *hooks; /* fixed */
    struct engine *next; /* in the registry; guarded by the process lock, as is refs */
    uint32_t refs;       /* handles and objects that need it */
    uint64_t fork_generation;
    char path[OS_PATH_SIZE]; /* real path of the directory; "" in memory */
    bool in_memory;
    bool read_only;         /* until a handle wants to write; guarded by the mutex */
    os_file presence;       /* shared lock on the catalog's file: keeps mv_destroy away */
    catalog *catalog;       /* guarded by the mutex while `active` is 0, fixed otherwise */
    engine_schema *schemas; /* all that were seen, newest first, kept until the engine is closed */
    _Atomic(const mv_schema *) last_schema; /* that of the commit looked at last */
    os_mutex *mutex;
    uint32_t active;              /* transactions in progress; guarded by the mutex */
    struct view *newest;          /* last commit decoded; guarded by the mutex; NULL at first */
    engine_segment *segments;     /* all open ones; guarded by the mutex */
    struct engine_index *indexes; /* the same */
    hnsw_scratch scratches[ENGINE_SCRATCHES_MAX]; /* guarded by the mutex */
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

/* ---- schemas (known_schema.c) */

/* The schema of the commit that `txn` sees, lent until the engine is closed: two commits have the
 * same pointer if, and only if, they have the same schema. The caller has the mutex. */
mv_err engine_find_schema_locked(engine *e, catalog_txn *txn, const mv_schema **schema,
                                 mv_error *error);
/* The same, of the last commit. */
mv_err engine_look_at_schema(engine *e, const mv_schema **schema, mv_error *error);
mv_err engine_save_schema(catalog_txn *txn, const mv_schema *schema, mv_error *error);
void engine_free_schemas(engine *e);

/* Directory for segment files, or NULL in memory. */
static inline const char *engine_directory(const engine *e)
{
    return e->in_memory ? NULL : e->path;
}

/* ---- registry (registry.c) */

/* Get the engine of an existing collection. It is opened with `hooks` if this process has not
 * opened it yet. */
mv_err registry_open(const char *path, const mv_open_options *options, const engine_hooks *hooks,
                     engine **out, mv_error *error);
/* A new collection in memory. */
mv_err registry_create_in_memory(const mv_schema *schema, const engine_hooks *hooks, engine **out,
                                 mv_error *error);
void registry_keep(engine *e); /* one more reference */
/* Give up a reference; the last one closes the engine. In a forked child the parent's engine is
 * only let go of. NULL is fine. */
void registry_release(engine *e);

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

/* ---- durability (durability.c) */

/* Refuse (MV_CORRUPT) a collection written without syncing before the machine last went down. */
mv_err durability_check(const char *directory, mv_error *error);
bool durability_is_unsynced(const char *directory);
/* Is this the name of a mark that a process died over? Nobody is writing one while the caller has
 * the writers' lock. */
bool durability_is_unfinished_mark(const char *name);
/* Leave the mark that commits from now on are not synced. */
mv_err durability_mark(const char *directory, mv_error *error);
mv_err durability_sync_file(const char *directory, const char *name, mv_error *error);
/* Sync every file that the transaction sees and remove the mark. The caller has the writers' lock.
 */
mv_err durability_sync(engine *e, catalog_txn *txn, mv_error *error);

#endif
