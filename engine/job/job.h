/* Jobs: an optimize in progress. This header is shared by optimize.c (the stages), merge.c (the
 * rows of a merged segment), index_build.c (indexes), newer_groups.c (small groups before a large
 * one), gradual.c and pack.c (gradual jobs), turn.c (one job at a time), job.c (the public calls)
 * and maintain.c.
 *
 * The work on a group of segments (merge_plan.h) takes the stages VERIFY to SWAP. A job has at most
 * one group in progress (I13); one by levels may put it aside for a newer, small one.
 *
 *   stage    what a step does                          next, by the function that makes it
 *   CHANGE   commit the change of a field's index      EXPIRE: change_index_first
 *   EXPIRE   commit the removal of some expired rows   SEAL; PLAN of maintenance; WAIT of a gradual
 *                                                      job: expire, when no row is left
 *   SEAL     seal the fresh rows, committed            PLAN: seal
 *   WAIT     look for work (gradual.c)                 EXPIRE, COPY, PLAN, CLEAN: gradual_look
 *                                                      DONE: gradual_look, nothing is left
 *   COPY     copy a piece of the fresh rows (pack.c)   PACK: pack_copy, enough are copied
 *                                                      WAIT, PLAN: pack_copy, there are none
 *   PACK     write a piece of a segment of the copies  ENTER: pack_write
 *   ENTER    commit: that segment in, its rows out of  COPY: enter_packed
 *            the table of fresh rows
 *   PLAN     take a view; choose the next group        VERIFY: begin_group
 *                                                      SWAP: begin_group, no row of it is left
 *                                                      CLEAN: choose_group, there is no other group
 *   VERIFY   a piece of the checksums of the files     WRITE: begin_writing, the group is merged
 *            that are copied or built from             INDEX: begin_writing, it only lacks indexes
 *   WRITE    a piece of the new segment                INDEX: write_group
 *   INDEX    a piece of an index (index_build.c)       SWAP: index_group
 *   SWAP     commit: the old segments out, the new     PLAN: swap_group; also when the schema has
 *            one and its indexes in                    changed, and the group is abandoned
 *                                                      WAIT: the same of a gradual job
 *   CLEAN    commit: unlink what no reader needs       TRIM: clean; WAIT: clean, of a gradual job
 *   TRIM     give free pages of the catalog back to    DONE: trim_catalog
 *            the file system, some at a time
 *   DONE     nothing                                   -
 *
 * A job begins at CHANGE or EXPIRE, and a gradual one at WAIT. Once a gradual job finishes
 * (job_gradual.finishes), it goes the way of any other job from PLAN on. What can interrupt a job:
 *
 * - A step fails. In COPY to ENTER and VERIFY to SWAP the work is abandoned and its files are
 *   removed (optimize_abandon_group): PLAN, or WAIT of a gradual job. In other stages the stage
 *   stays. The owner may step the job again; a thread ends.
 *   A small group of newer segments fails: the large group goes on (newer_groups.c).
 * - The job is cancelled (mv_job_cancel). The next step, or the thread between two steps, abandons
 *   the group. What was committed stays.
 * - The turn is released (turn_release). The group is abandoned; another job may begin.
 * - Another process has the turn, or other writers have the collection, until the step must end.
 *   The stage stays, and the next step tries again. So no thread of a job waits for longer than a
 *   slice.
 * - The engine is closed, or another job begins. Maintenance stops between two steps, and releases
 *   its turn. */
#ifndef MV_JOB_H
#define MV_JOB_H

#include "job/merge_plan.h"
#include "transaction/handle.h"
#include "transaction/seal.h"

/* A thread works in slices of this length, and looks after each whether it should stop. Chosen so
 * that cancelling a job or closing a collection waits for some milliseconds. A single step may take
 * longer, such as a commit that is synced. */
#define JOB_SLICE_SECONDS 0.01
/* What a commit may take: 3 ms for 20,000 rows of 384 dims. */
#define JOB_COMMIT_SECONDS 0.003
/* Threads of a build without `threads`: the number of cores, at most this. More threads share the
 * memory's bandwidth and gain little. */
#define JOB_THREADS_DEFAULT 8u
/* The same of maintenance: half of the cores, at most this. The others are the program's. */
#define JOB_THREADS_MAINTENANCE 4u

typedef enum job_stage {
    JOB_CHANGE,
    JOB_EXPIRE,
    JOB_SEAL,
    JOB_WAIT,
    JOB_COPY,
    JOB_PACK,
    JOB_ENTER,
    JOB_PLAN,
    JOB_VERIFY,
    JOB_WRITE,
    JOB_INDEX,
    JOB_SWAP,
    JOB_CLEAN,
    JOB_TRIM,
    JOB_DONE
} job_stage;

/* The index in the making (index_build.c). */
typedef enum index_build_stage {
    INDEX_BUILD_NEXT,
    INDEX_BUILD_VERIFY_BASE,
    INDEX_BUILD_ROWS,
    INDEX_BUILD_WRITE
} index_build_stage;

typedef struct job_index {
    index_record record;
    section_writer *file; /* finished; NULL: none was built in this slot */
} job_index;

/* An index that a builder starts from. */
typedef struct job_base {
    shared_index *index;
    uint32_t at;    /* its segment in the view */
    uint32_t *rows; /* index_base.rows */
} job_base;

typedef struct job_build {
    index_build_stage stage;
    uint32_t slot;        /* being built */
    uint64_t next_number; /* of a file: reserved */
    segment *built;       /* the new segment, mapped; NULL: not opened, or nothing was written */
    const segment *over;  /* whose rows are indexed */
    const index_type *type;
    index_source source; /* the rows of the field */
    job_base *bases;     /* the indexes that the builder starts from */
    uint32_t bases_count, bases_capacity;
    uint32_t base_at;    /* the one that is being verified */
    section_check check; /* of that one */
    index_base *lent;    /* index_request.bases */
    index_builder *builder;
    index_part parts[INDEX_PARTS_MAX];
    uint32_t parts_count;
    uint32_t part_at; /* being written */
    uint64_t part_offset;
    section_writer *file;
    job_index *indexes; /* one per slot */
} job_build;

/* Fresh rows on their way into a segment (pack.c). */
typedef struct job_pack {
    mem_arena rows;          /* copies of them */
    const uint8_t **encoded; /* where they are in it */
    uint64_t *docids;
    uint32_t encoded_capacity, docids_capacity;
    uint64_t bytes;
    bool is_copied; /* all rows that the segment is to have are copied */
    sealing s;
    segment_source source;
    segment_writer *written;
} job_pack;

/* A job that works in slices between writes (gradual.c). */
typedef struct job_gradual {
    bool is_on;            /* mv_optimize_options.gradual; else the others have no meaning */
    bool is_idle;          /* nothing is done in this slice, since little is left */
    uint32_t idle_slices;  /* one after the other, up to now */
    bool finishes;         /* it does all that is left, as any other job does */
    bool has_worked;       /* something was done since the job began */
    bool must_clean;       /* files were replaced since the last CLEAN */
    double slice_ms;       /* budget of this slice */
    double spare_ms;       /* the sum for idle slices since the last write */
    uint64_t commits_seen; /* state.commit when it last looked */
    uint64_t commits_made; /* by this job, since then */
    uint64_t seal_before;  /* only rows with lower docids are packed */
} job_gradual;

struct mv_job {
    engine *e; /* a reference, if retains_engine */
    uint64_t fork_generation;
    bool retains_engine; /* false for maintenance: closing the engine joins it */
    bool sync;
    bool keeps_synced; /* runs beside its handle, and so leaves a synced collection synced */
    uint32_t threads;
    bool only_indexes;
    bool seals;     /* at SEAL. Not maintenance: writers seal when it is due */
    bool by_levels; /* merge_plan.by_levels; a new view is taken after each group */
    job_gradual gradual;
    job_pack pack;
    mv_index_change change;    /* points into changed_schema; name NULL: none */
    mv_schema *changed_schema; /* NULL: nothing is changed */
    os_file lock;              /* on the directory: exclusive, when is_alone */
    bool has_turn;             /* e->is_optimized is ours */
    bool is_alone;             /* no job of another process has the turn */
    double turn_seconds;       /* the longest wait for the turn of another process */
    double turn_until;         /* os_seconds at which that wait fails */
    job_stage stage;
    double until;            /* os_seconds at which the current step ends */
    bool was_kept_out;       /* by other writers, when it last wanted to write */
    view *v;                 /* a reference; whose segments are merged; NULL: none is chosen */
    const mv_schema *schema; /* of `v` */
    merge_plan p;            /* the current group */
    section_check check;     /* of the file that is being verified */
    uint32_t check_segment;  /* position in `v` of that file's segment */
    uint32_t check_file;     /* position of that file in its segment */
    segment_writer *written; /* the new segment, or NULL when no row is left */
    segment_source source;
    uint32_t at_segment; /* where the source is (merge.c): position of a segment in `v`, */
    uint32_t at_row;     /* a row of it that is not deleted, */
    uint32_t at_live;    /* and the number of that row in the new segment */
    job_build build;
    uint64_t newer_than; /* plan only small groups of newer segments than this one; 0: all */
    struct mv_job
        *newer;          /* does such groups while ours is put aside (newer_groups.c); NULL: none */
    bool newer_is_on;    /* it is doing one */
    double newer_began;  /* os_seconds when its group began */
    double newer_at;     /* os_seconds before which no other small group begins */
    uint64_t trim_page;  /* of the catalog, where trimming goes on */
    uint64_t done_bytes; /* of finished groups and indexes, in the unit of mv_progress */
    uint64_t total_bytes; /* that, and of all groups of the plan */
    uint64_t shown_bytes; /* the most that was reported as done: progress never falls */
    atomic_bool is_cancelled;
    /* Of a job in the background. */
    os_thread *thread;
    os_mutex *mutex;       /* guards the rest */
    os_condition *changed; /* is_over was set */
    bool is_over;
    mv_progress progress;
    mv_error failure; /* code MV_OK: none */
};

/* ---- job.c */

/* A job at the stage EXPIRE, without a reference to the engine and without the turn. */
mv_err job_create(engine *e, bool sync, uint32_t threads, mv_job **out, mv_error *error);
/* The turn was released, and the thread was joined. Releases the reference to the engine. */
void job_free(mv_job *job);

/* ---- turn.c */

/* Acquire the turn within the process, and among processes if no other has it: is_alone tells.
 * Interrupts the maintenance of this process, and may so wait for it. MV_BUSY: another job of this
 * process has the turn; or one of another process, and turn_seconds, the longest wait for that, is
 * 0. Also after a failure the caller calls turn_release. */
mv_err turn_acquire(mv_job *job, mv_error *error);
/* Wait until about `until` (os_seconds) for another process to release the turn, and ask its
 * maintenance to do so. MV_OK with is_alone false: `until` came first, or the job is cancelled.
 * MV_BUSY: the longest wait has passed since turn_acquire; the call may be repeated. */
mv_err turn_wait(mv_job *job, double until, mv_error *error);
/* Has a job of another process asked for the turn within the last second? */
bool turn_is_asked_for(const mv_job *job);
/* Abandon the group in progress, and release the turn. */
void turn_release(mv_job *job);

/* ---- optimize.c */

/* Do one small step; where a step can be of any size, or waits for other writers, it ends at about
 * `until` (os_seconds). The calling thread has no transaction open. After a failure the job may be
 * stepped again. The job has the turn among processes, too (is_alone). */
mv_err optimize_work(mv_job *job, double until, mv_error *error);
/* Abandon the group in progress and remove its files (I13). The next step takes a new view. */
void optimize_abandon_group(mv_job *job);
/* Progress of the job. Only by the thread that steps it. */
mv_progress optimize_progress(mv_job *job);

/* Reserve numbers of files in a transaction of its own: a number is never used twice, even if later
 * changes are undone (I7). *got is false when other writers are in the way. */
mv_err optimize_reserve_numbers(mv_job *job, uint64_t count, uint64_t *first, bool *got,
                                mv_error *error);
/* Take a view of the last commit, and plan its groups. */
mv_err optimize_take_view(mv_job *job, mv_error *error);

/* ---- newer_groups.c */

/* Let `newer`, a job without the turn, do small groups for a job by levels. */
void newer_groups_lend(mv_job *job, mv_job *newer);
/* Do one step, as optimize_work: of a small group of newer segments, if such segments wait while
 * the group in progress is a large one. */
mv_err newer_groups_work(mv_job *job, double until, mv_error *error);
/* Abandon the small group, if there is one. Before the turn is released. */
void newer_groups_end(mv_job *job);

/* ---- gradual.c */

/* A step of WAIT. */
mv_err gradual_look(mv_job *job, mv_error *error);
/* Leave COPY: no row is left that is to be packed now. */
void gradual_end_packing(mv_job *job);

/* ---- pack.c */

/* A step of COPY, and of PACK. */
mv_err pack_copy(mv_job *job, mv_error *error);
mv_err pack_write(mv_job *job, mv_error *error);
/* Enter the new segment, unless other writers have changed what it was made of: then there is
 * nothing to commit. */
mv_err pack_enter(mv_job *job, writer *w, mv_error *error);
/* Free everything, and remove the files that were not entered. */
void pack_end(mv_job *job);

/* ---- merge.c */

/* The rows of the group that are not deleted, as the source of one segment. */
segment_source merge_source(mv_job *job);

/* ---- index_build.c */

/* How many indexes the current group is to have. */
uint32_t index_build_count(const mv_job *job);
/* Begin to build the indexes of the current group. Their files get numbers from `first_number` on.
 */
mv_err index_build_begin(mv_job *job, uint64_t first_number, mv_error *error);
/* Do one step; *more is false when all indexes are finished. */
mv_err index_build_step(mv_job *job, double until, bool *more, mv_error *error);
/* Enter the finished indexes in the catalog. Takes their files. */
mv_err index_build_enter(mv_job *job, writer *w, mv_error *error);
/* Progress of the current index, in the unit of mv_progress. */
uint64_t index_build_done(const mv_job *job);
/* Free everything, and remove the files that were not entered. */
void index_build_end(mv_job *job);

#endif
