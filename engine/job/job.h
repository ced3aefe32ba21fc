/* Jobs: optimize in progress. For the files that do a part of it: optimize.c (stages), merge.c (the
 * rows of a new segment), index_build.c (indexes), job.c (the public calls), maintain.c. */
#ifndef MV_JOB_H
#define MV_JOB_H

#include "job/merge_plan.h"
#include "transaction/handle.h"

typedef enum job_stage {
    JOB_CHANGE, /* the index of a field */
    JOB_SEAL,
    JOB_PLAN,
    JOB_VERIFY, /* what is to be copied, or to be built from */
    JOB_WRITE,
    JOB_INDEX,
    JOB_SWAP,
    JOB_CLEAN,
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

typedef struct job_build {
    index_build_stage stage;
    uint32_t slot;        /* in hand */
    uint64_t next_number; /* of a file: reserved */
    segment *built;       /* the new segment, mapped; NULL: not opened, or nothing was written */
    const segment *over;  /* whose rows are indexed */
    const index_type *type;
    index_source source; /* the rows of the field */
    shared_index *base;  /* the index that the builder starts from, or NULL */
    uint32_t base_at;    /* its segment in the view */
    section_check check; /* of the base */
    uint32_t *base_rows; /* index_request.base_rows */
    index_builder *builder;
    index_part parts[INDEX_PARTS_MAX];
    uint32_t parts_count;
    uint32_t part_at; /* being written */
    uint64_t part_offset;
    section_writer *file;
    job_index *indexes; /* one per slot */
} job_build;

struct mv_job {
    engine *e;
    uint64_t fork_generation;
    bool keeps_engine; /* maintenance does not: it is stopped when the engine is closed */
    bool sync;
    bool keeps_durable; /* runs beside its handle, and so leaves a synced collection synced */
    uint32_t threads;
    bool only_indexes;
    mv_index_change change;          /* name NULL: none */
    char name[MV_NAME_SIZE_MAX + 1]; /* of the change */
    os_file lock;                    /* exclusive, on the directory */
    bool has_flag;                   /* e->is_optimized is ours */
    job_stage stage;
    view *v;                 /* what is being merged */
    const mv_schema *schema; /* of that */
    merge_plan p;            /* the group in hand */
    section_check check;
    uint32_t check_segment; /* being verified */
    uint32_t check_file;
    segment_writer *written; /* the new segment, or NULL when no row is left */
    segment_source source;
    uint32_t at_segment; /* where the source's walk is: a row and its number among the live ones */
    uint32_t at_row;
    uint32_t at_live;
    job_build build;
    uint64_t done_bytes;
    uint64_t total_bytes;
    uint64_t shown_bytes; /* the most that was told to be done */
    atomic_bool is_cancelled;
    /* Of a job in the background. */
    os_thread *thread;
    os_mutex *mutex;       /* guards the rest */
    os_condition *changed; /* is_over was set */
    bool is_over;
    mv_progress progress;
    mv_error failure; /* code MV_OK: none */
    mv_job *next;     /* orphan */
};

/* ---- job.c */

mv_err job_create(engine *e, bool sync, uint32_t threads, mv_job **out, mv_error *error);
/* One job at a time: MV_BUSY when another is at it, here or in another process. */
mv_err job_take_turn(mv_job *job, mv_error *error);
/* Let go of everything in hand, and of the turn. */
void job_give_up(mv_job *job);
void job_free(mv_job *job);
/* Wait for the jobs whose owners could not. */
void job_join_orphans(engine *e);

/* ---- optimize.c */

/* One small step, until about `until` (os_seconds) where a step can be as small as one likes. A
 * failure leaves a job that may be stepped again. */
mv_err optimize_work(mv_job *job, double until, mv_error *error);
/* Give up the group in hand: the next step looks at the collection anew. */
void optimize_start_over(mv_job *job);
mv_progress optimize_progress(mv_job *job);

/* ---- merge.c */

/* The live rows of the group, as one segment's. */
segment_source merge_source(mv_job *job);

/* ---- index_build.c */

/* How many indexes the group in hand wants. */
uint32_t index_build_count(const mv_job *job);
/* Begin with the indexes of the group in hand, whose files get numbers from `first_number` on. */
mv_err index_build_begin(mv_job *job, uint64_t first_number, mv_error *error);
/* *more is false when all stand. */
mv_err index_build_step(mv_job *job, double until, bool *more, mv_error *error);
/* Enter what was built. Takes the files. */
mv_err index_build_enter(mv_job *job, writer *w, mv_error *error);
/* In mv_progress's unit: of the index in hand. */
uint64_t index_build_done(const mv_job *job);
/* Remove what was not entered. */
void index_build_end(mv_job *job);

#endif
