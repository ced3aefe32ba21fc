/* A team: the threads that share the vectors of a query. The caller's thread is the first member.
 * The others are started by team_begin, wait for work, and end with team_end. */
#ifndef MV_TEAM_H
#define MV_TEAM_H

#include "index/index.h"
#include "open/engine.h"

typedef struct team team;

/* What a member has for itself while it works. */
typedef struct team_member {
    team *team;
    os_thread *thread;       /* NULL: the caller's */
    index_scratch scratch;   /* acquired from the engine */
    mv_search_counts counts; /* of its work, for team_take_counts */
    mv_error error;          /* of its work that failed */
} team_member;

/* Work on the items [begin, end). A failure fills me->error. */
typedef mv_err team_work(void *ctx, team_member *me, uint32_t begin, uint32_t end);

struct team {
    engine *e;
    uint32_t count;  /* of members, at least 1. With 1 there is neither mutex nor condition */
    os_mutex *mutex; /* guards the fields below, but for `members` */
    os_condition *condition; /* there is work, all work is done, or the team ends */
    team_work *work;
    void *ctx;
    uint32_t items;     /* of the work */
    uint32_t next_item; /* the first that no member has taken */
    uint32_t turn;      /* items that a member takes at a time */
    uint32_t busy;      /* members that work on items */
    mv_err err;         /* of a member that failed; its error is in `error` */
    mv_error error;
    bool is_over;
    team_member members[MV_THREADS_MAX]; /* `count` of them are initialized */
};

/* Begin with up to `threads` members. They are fewer where no further thread can be started. */
void team_begin(team *t, engine *e, uint32_t threads);
/* Work on `items` items, in turns of `turn` items each, and wait until all are done. One
 * member alone takes all items at once. After a failure no further turn begins. */
mv_err team_run(team *t, team_work *work, void *ctx, uint32_t items, uint32_t turn,
                mv_error *error);
/* Add what the members have counted to `sum`, and let them begin at 0. */
void team_take_counts(team *t, mv_search_counts *sum);
void team_end(team *t);

#endif
