/* Looking after a collection: transactions, optimize, stats, check, backup. */
#include "calls.h"
#include "check_args.h"
#include "push_values.h"

static int push_done(lua_State *L, const char *call, mv_err err, const mv_error *error)
{
    if (err) return push_failure(L, call, error);
    lua_pushboolean(L, 1);
    return 1;
}

int call_flush(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "flush");
    return push_done(L, "flush", mv_flush(box->collection, &error), &error);
}

int call_check(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "check");
    return push_done(L, "check", mv_check(box->collection, &error), &error);
}

int call_backup(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "backup");
    lua_settop(L, 2);
    const char *path = check_string(L, 2, "backup", "path");
    return push_done(L, "backup", mv_backup(box->collection, path, &error), &error);
}

/* ---------------------------------------------------------------- transactions */

int call_begin(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "transaction");
    return push_done(L, "transaction", mv_begin(box->collection, &error), &error);
}

int call_commit(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection(L, 1, "transaction");
    return push_done(L, "transaction", mv_commit(box->collection, &error), &error);
}

int call_abort(lua_State *L)
{
    collection_box *box = check_collection_box(L, 1, "transaction");
    if (box->collection) mv_abort(box->collection);
    return 0;
}

/* ---------------------------------------------------------------- stats */

static void set_unsigned(lua_State *L, const char *key, uint64_t number)
{
    push_unsigned(L, number);
    lua_setfield(L, -2, key);
}

static void push_indexes(lua_State *L, const mv_schema *schema)
{
    mv_vector_options vector;
    lua_newtable(L);
    for (uint32_t i = 0; mv_schema_vector(schema, i, &vector); i++) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, "flat");
        lua_setfield(L, -2, "type");
        lua_pushnumber(L, 1.0); /* an exact scan covers every row */
        lua_setfield(L, -2, "completeness");
        lua_setfield(L, -2, vector.name);
    }
}

int call_stats(lua_State *L)
{
    mv_error error = {0};
    mv_stats stats;
    collection_box *box = check_collection(L, 1, "stats");
    if (mv_get_stats(box->collection, &stats, &error)) return push_failure(L, "stats", &error);
    lua_createtable(L, 0, 10);
    set_unsigned(L, "documents", stats.documents);
    set_unsigned(L, "segments", stats.segments);
    set_unsigned(L, "fresh_rows", stats.fresh_rows);
    set_unsigned(L, "deleted_rows", stats.deleted_rows);
    set_unsigned(L, "disk_bytes", stats.disk_bytes);
    set_unsigned(L, "memory_bytes", stats.memory_bytes);
    set_unsigned(L, "commit", stats.commit);
    lua_pushboolean(L, stats.durable);
    lua_setfield(L, -2, "durable");
    lua_pushstring(L, mv_simd_name());
    lua_setfield(L, -2, "simd");
    push_indexes(L, mv_get_schema(box->collection));
    lua_setfield(L, -2, "indexes");
    return 1;
}

/* ---------------------------------------------------------------- optimize */

/* A job on its way; kept in the collection's slot between the slices. */
typedef struct job_box {
    part_box part;
    mv_job *job;
} job_box;

static void job_box_release(lua_State *L, part_box *part)
{
    (void)L;
    job_box *box = (job_box *)part;
    mv_job_free(box->job);
    box->job = NULL;
}

/* Push the job of the collection at 1, begun if need be. NULL: failed. */
static job_box *job_take(lua_State *L, collection_box *owner, mv_error *error)
{
    job_box *box = slot_take(L, 1, SLOT_JOB);
    if (box) return box;
    box = part_push(L, 1, owner, sizeof *box, job_box_release);
    if (mv_optimize_begin(owner->collection, NULL, &box->job, error)) {
        part_release(L, &box->part);
        return NULL;
    }
    return box;
}

int call_optimize_step(lua_State *L)
{
    bool more = false;
    mv_progress progress = {0};
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, "optimize");
    lua_Number budget_ms = luaL_checknumber(L, 2);
    job_box *box = job_take(L, owner, &error);
    if (!box) return push_failure(L, "optimize", &error);
    if (mv_optimize_step(box->job, budget_ms, &more, &progress, &error)) {
        part_release(L, &box->part);
        return push_failure(L, "optimize", &error);
    }
    if (more) {
        slot_store(L, 1, SLOT_JOB);
    } else {
        part_release(L, &box->part);
    }
    lua_pushboolean(L, more);
    push_unsigned(L, progress.done);
    push_unsigned(L, progress.total);
    lua_pushstring(L, progress.stage);
    return 4;
}

int call_optimize_abandon(lua_State *L)
{
    collection_box *owner = check_collection_box(L, 1, "optimize");
    if (!owner->collection) return 0; /* its jobs went with it */
    part_box *part = slot_take(L, 1, SLOT_JOB);
    if (part) part_release(L, part);
    return 0;
}
