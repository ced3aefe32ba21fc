/* The engine of one open collection. A process has one engine per collection, shared by all of its
 * handles (I1). registry.c has its states, and the order in which its parts are closed.
 *
 * Lock order (I2): process lock (registry) -> engine->fresh_mutex -> engine->mutex. The writers'
 * lock of the catalog is taken with neither held. The mutex guards the members that say so; all
 * others are fixed after opening. A schema belongs to a commit: a reader takes it from its view
 * (view.h). */
#ifndef MV_ENGINE_H
#define MV_ENGINE_H

#include <stdatomic.h>

#include "base/os.h"
#include "index/analysis.h"
#include "storage/catalog.h"
#include "storage/segment.h"

#define ENGINE_SCRATCHES_MAX 16u /* kept; this many threads search without allocating */
#define ENGINE_ANALYZERS_MAX 8u  /* kept: up to 0.3 MB each */

#define ENGINE_UNLINKED_MAX 32u

#define ENGINE_FILE_UNOPENED (OS_FILE_NONE - 1)

/* An analyzer that is not in use, and the options and the type of the fields whose texts it reads.
 * Options point into a schema, which the engine keeps. */
typedef struct engine_analyzer {
    mv_index_options options;
    mv_type type;
    text_analyzer *analyzer;
} engine_analyzer;

/* A file that was unlinked at a time (os_seconds), and is still open (unlinked_files.h). */
typedef struct engine_unlinked {
    os_file file;
    double at;
} engine_unlinked;

typedef struct engine engine;
struct view;
struct known_schema;
struct shared_segment;
struct shared_index;
struct fresh_rows;
struct maintainer;
struct writer;

/* What job/, a layer above, does for an engine. Calls run upwards through this table only. */
typedef struct engine_hooks {
    /* A handle with automatic maintenance has committed. `v`: the writer's view, which may lag
     * behind the commit (I10). `sync`: durability of the handle. Called without locks. */
    void (*on_commit)(engine *e, const struct view *v, bool sync);
    /* A write of a handle with automatic maintenance has been committed, with `rows` new rows. It
     * may have to wait, if more than `limit` rows lack an index (slowdown.h). Called without locks.
     */
    void (*slow_down)(engine *e, uint64_t rows, uint64_t limit);
    /* A handle with automatic maintenance reads a commit, which may be of another process. Called
     * for every read, without locks. */
    void (*on_read)(engine *e, const struct view *v, bool sync);
    /* True when threads must end before the engine is closed. */
    bool (*has_threads)(engine *e);
    /* Wake the thread of maintenance, so that it unmaps closed files. False: there is none. The
     * caller has the mutex. */
    bool (*wake_locked)(engine *e);
    /* End these threads and wait for them. Called without locks. The caller has a reference. */
    void (*stop_threads)(engine *e);
} engine_hooks;

/* Rows that jobs of this process have put into segments since the engine was opened, for tests. */
typedef struct engine_work {
    uint64_t sealed;   /* fresh rows */
    uint64_t copied;   /* of older segments */
    uint64_t inserted; /* in the graphs of these; the links of all others were copied, or they have
                          none */
} engine_work;

struct engine {
    const engine_hooks *hooks; /* fixed */
    struct engine *next;       /* in the registry; guarded by the process lock */
    uint32_t refs;             /* handles, results, iterators, columns and jobs; likewise */
    uint64_t fork_generation;  /* of the process that opened it */
    char path[OS_PATH_SIZE];   /* real path of the directory; "" in memory */
    bool in_memory;
    bool read_only;   /* becomes false when a handle that writes is opened; guarded by the mutex */
    os_file presence; /* shared lock on the catalog's file: mv_destroy answers MV_BUSY */
    catalog *catalog; /* guarded by the mutex while `active` is 0, fixed otherwise */
    struct known_schema *schemas; /* all schemas seen, last seen first; guarded by the mutex */
    _Atomic(const mv_schema *) last_schema; /* of the commit that was read last */
    os_mutex *mutex;
    uint32_t active;                 /* transactions in progress; guarded by the mutex */
    struct view *newest;             /* last commit decoded, or NULL; guarded by the mutex */
    os_mutex *fresh_mutex;           /* taken before the mutex: one thread gathers fresh rows */
    struct fresh_rows *fresh;        /* gathered last, or NULL; guarded by the mutex */
    struct shared_segment *segments; /* all open segments; guarded by the mutex */
    struct shared_index *indexes;    /* all open indexes; guarded by the mutex */
    index_scratch scratches[ENGINE_SCRATCHES_MAX]; /* guarded by the mutex */
    uint32_t scratches_count;
    engine_analyzer analyzers[ENGINE_ANALYZERS_MAX]; /* guarded by the mutex */
    uint32_t analyzers_count;
    bool is_optimized;               /* a job of this process has the turn; guarded by the mutex */
    uint32_t jobs_running;           /* jobs with a thread of their own; guarded by the mutex */
    engine_work work;                /* of jobs; changed by the one that has the turn */
    struct maintainer *maintainer;   /* NULL until needed; guarded by the mutex (maintain.c) */
    atomic_uint maintenance_threads; /* of the handle opened last that gave it; 0: none has */
    atomic_uint_fast64_t looked_at;  /* number of the view in which work for maintenance was last
                                      * looked for; 0: none */
    atomic_uint_fast64_t lacking_rows; /* of the last view looked at: rows that lack an index */
    atomic_uint_fast64_t slowed_us;    /* how long writes of this process were slowed down */
    section_file *closed; /* files that no view names any more, and that are still mapped; guarded by
                           * the mutex (unlinked_files.h) */
    engine_unlinked unlinked[ENGINE_UNLINKED_MAX]; /* the oldest first; guarded by the mutex */
    atomic_uint unlinked_count;                    /* changed under the mutex */
    bool is_swept; /* leftovers of dead processes were removed; guarded by the writers' lock */
    struct writer *writing; /* the transaction that was begun last, if it is open (writer.c);
                             * guarded by the writers' lock */
    /* The thread that has the write transaction; 0: none of this process. */
    atomic_uint_fast64_t writing_thread;
    atomic_uint_fast64_t writers_begun; /* number of the last write transaction */
    atomic_int last_uses;               /* an os_file, or ENGINE_FILE_UNOPENED (last_use.c) */
    atomic_uint_fast64_t hits;          /* mv_stats */
    atomic_uint_fast64_t misses;        /* likewise */
};

/* The state of the collection: value "state" of the catalog's meta table, 64 bytes little-endian,
 * from format 3 on 96.
 *
 *   offset size
 *        0    8  format        of the catalog: at most ENGINE_FORMAT
 *        8    8  commit        LSN: grows by one with every commit
 *       16    8  next_docid    above every docid of the commit (I5)
 *       24    8  next_segment  number of the next file (I7)
 *       32    8  next_garbage  key of the next entry of the garbage table
 *       40    8  documents     rows that are not deleted (I6), fresh and expired ones included
 *       48    8  fresh_rows    entries of the fresh table
 *       56    8  fresh_bytes   sum of their sizes
 *       64    8  fresh_expires no fresh row expires before this second
 *       72    8  bytes         sum of the sizes of all documents, encoded; 0 without max_bytes
 *       80    8  expired       documents that were removed because they had expired
 *       88    8  evicted       documents that were removed because of a limit */
typedef struct engine_state {
    uint64_t format;
    uint64_t commit;
    uint64_t next_docid;
    uint64_t next_segment;
    uint64_t next_garbage;
    uint64_t documents;
    uint64_t fresh_rows;
    uint64_t fresh_bytes;
    int64_t fresh_expires;
    uint64_t bytes;
    uint64_t expired;
    uint64_t evicted;
} engine_state;

/* From format 2 on, segments may have files of single columns; from format 3 on, documents may have
 * a retention. The lowest format that a schema needs is written, from 2. */
#define ENGINE_FORMAT     3u
#define ENGINE_FORMAT_MIN 2u
#define ENGINE_STATE_SIZE 64u /* before format 3 */

static_assert(sizeof(engine_state) == 96, "the state has 96 bytes in the catalog");

static inline uint64_t engine_format_needed(const mv_schema *schema)
{
    return schema_has_retention(schema) ? ENGINE_FORMAT : ENGINE_FORMAT_MIN;
}

/* MV_CORRUPT: the state is missing. MV_WRONG_VERSION: a newer moonvec wrote it. */
mv_err engine_load_state(catalog_txn *txn, engine_state *state, mv_error *error);
mv_err engine_save_state(catalog_txn *txn, const engine_state *state, mv_error *error);

/* Directory for segment files, or NULL in memory. */
static inline const char *engine_directory(const engine *e)
{
    return e->in_memory ? NULL : e->path;
}

/* False in a forked child: it never uses an engine of its parent (I1). */
static inline bool engine_is_of_this_process(const engine *e)
{
    return !os_is_forked(e->fork_generation);
}

/* An engine with one reference and no catalog. */
mv_err engine_create(const engine_hooks *hooks, engine **out, mv_error *error);
/* Open the catalog at e->path. On failure the engine has no catalog. The caller has the mutex, or
 * is the only one that has the engine. */
mv_err engine_open_catalog(engine *e, bool read_only, bool verify, mv_error *error);

/* Begin a read transaction. The engine keeps its catalog open until engine_end_read. MV_BUSY: see
 * engine_check_unlocked. */
mv_err engine_begin_read(engine *e, catalog_txn **txn, mv_error *error);
/* Begin a write transaction: waits at most `seconds` (negative: without limit) while another thread
 * or process writes. MV_BUSY: it still writes, or the calling thread has a write transaction of
 * this engine open. The caller holds no lock (I2). */
mv_err engine_begin_write(engine *e, bool sync, double seconds, catalog_txn **txn, mv_error *error);
/* MV_BUSY when this engine reads without a lock (catalog_is_unlocked) while another process has the
 * collection open and may be changing it. */
mv_err engine_check_unlocked(engine *e, mv_error *error);
/* Call after the catalog's transaction was ended or committed. */
void engine_end_read(engine *e);
void engine_end_write(engine *e);
/* True when the calling thread has a write transaction open. */
bool engine_is_writing(const engine *e);
/* True when that is write transaction `number`. */
bool engine_is_writing_number(const engine *e, uint64_t number);

/* A search looks at rows of segments that wait for an index. Writers of all processes get to know
 * it (slowdown.h), unless this one has opened the collection read_only. */
void engine_note_waiting(engine *e);

/* Memory for searches of indexes, kept by the engine between searches. An acquired scratch is the
 * caller's until it is released, with what the search allocated in it. */
index_scratch engine_acquire_scratch(engine *e);
void engine_release_scratch(engine *e, index_scratch scratch);
void engine_free_scratches(engine *e);

/* The analyzer of a text index with these options (complete ones), over a field of this type.
 * Making one takes up to 0.2 ms: the engine keeps those that are released. As analysis_begin. */
mv_err engine_acquire_analyzer(engine *e, const mv_index_options *options, mv_type type,
                               text_analyzer **out, mv_error *error);
void engine_release_analyzer(engine *e, const mv_index_options *options, mv_type type,
                             text_analyzer *analyzer);

#endif
