/* Jobs of optimize and create_index: run in slices by lua/moonvec/collection.lua, or in the
 * background.
 *
 * The collection refers to its jobs through slots. A job in slices stays in SLOT_JOB until its last
 * slice. A background job stays in SLOT_BACKGROUND until another background job replaces it, so the
 * program may drop the job object and the work continues. Closing the collection ends both jobs. */
#include "job_box.h"

#include "calls.h"
#include "check_args.h"
#include "index_options.h"
#include "push_values.h"

#include <string.h>

#define FOREVER_SECONDS 1e9 /* 32 years: a longer wait has no time limit */

typedef struct job_box {
    owned_box owned;
    mv_job *job;
} job_box;

static void job_box_release(lua_State *L, owned_box *owned)
{
    (void)L;
    job_box *box = (job_box *)owned;
    mv_job_free(box->job);
    box->job = NULL;
}

/* ---------------------------------------------------------------- in slices */

/* Begin a job in slices for the collection at 1, and push it. NULL: failed. */
static job_box *job_begin(lua_State *L, collection_box *owner, const mv_optimize_options *options,
                          mv_error *error)
{
    job_box *box = owned_push(L, 1, owner, sizeof *box, job_box_release);
    if (mv_optimize_begin(owner->collection, options, &box->job, error)) {
        owned_release(L, &box->owned);
        return NULL;
    }
    return box;
}

/* Push the unfinished job, or begin one. NULL: failed. */
static job_box *job_resume(lua_State *L, collection_box *owner, const mv_optimize_options *options,
                           mv_error *error)
{
    job_box *box = slot_take(L, 1, SLOT_JOB);
    return box ? box : job_begin(L, owner, options, error);
}

int call_optimize_step(lua_State *L)
{
    bool more = false;
    mv_progress progress = {0};
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, "optimize");
    lua_Number budget_ms = luaL_checknumber(L, 2);
    mv_optimize_options options = {.threads = (uint32_t)luaL_checknumber(L, 3),
                                   .gradual = lua_toboolean(L, 4)};
    job_box *box = job_resume(L, owner, &options, &error);
    if (!box) return push_failure(L, "optimize", &error);
    if (mv_optimize_step(box->job, budget_ms, &more, &progress, &error)) {
        owned_release(L, &box->owned);
        return push_failure(L, "optimize", &error);
    }
    if (more) {
        slot_store(L, 1, SLOT_JOB);
    } else {
        owned_release(L, &box->owned);
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
    if (!owner->collection) return 0; /* closing released its jobs */
    owned_box *owned = slot_take(L, 1, SLOT_JOB);
    if (owned) owned_release(L, owned);
    return 0;
}

/* The change of an index: the field's name is at 3, the new index at 4. */
static mv_index_change read_change(lua_State *L, collection_box *owner)
{
    uint32_t position;
    mv_field_options field;
    const mv_schema *schema = mv_get_schema(owner->collection);
    mv_index_change change = {.name = check_string(L, 3, "create_index", "name")};
    error_context where = {.call = "create_index", .field = change.name};
    if (lua_isnil(L, 4)) raise_at(L, &where, "no index is given");
    if (mv_schema_find_vector(schema, change.name, strlen(change.name), &position))
        change.index = index_read(L, 4, &where, true);
    else if (mv_schema_find_field(schema, change.name, strlen(change.name), &position) &&
             mv_schema_field(schema, position, &field))
        change.index = field.type == MV_SPARSE_FP32
                           ? index_read_sparse(L, 4, &where)
                           : index_read(L, 4, &where, field.type == MV_MULTI_FP32);
    return change;
}

/* An unfinished job of optimize is released first; the segments that it finished stay. */
int call_index_begin(lua_State *L)
{
    mv_error error = {0};
    mv_index_change change;
    collection_box *owner = check_collection(L, 1, "create_index");
    lua_settop(L, 4);
    mv_optimize_options options = {.threads = (uint32_t)luaL_checknumber(L, 2),
                                   .only_indexes = true};
    if (!lua_isnil(L, 3)) {
        change = read_change(L, owner);
        options.index_change = &change;
    }
    owned_box *before = slot_take(L, 1, SLOT_JOB);
    if (before) owned_release(L, before);
    if (!job_begin(L, owner, &options, &error)) return push_failure(L, "create_index", &error);
    slot_store(L, 1, SLOT_JOB);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---------------------------------------------------------------- in the background */

static int start(lua_State *L, collection_box *owner, const char *call,
                 const mv_optimize_options *options)
{
    mv_error error = {0};
    job_box *box = owned_push(L, 1, owner, sizeof *box, job_box_release);
    luaL_getmetatable(L, JOB_TYPE);
    lua_setmetatable(L, -2);
    if (mv_optimize_start(owner->collection, options, &box->job, &error)) {
        owned_release(L, &box->owned);
        return push_failure(L, call, &error);
    }
    lua_pushvalue(L, -1);
    slot_store(L, 1, SLOT_BACKGROUND);
    return 1;
}

int call_optimize_start(lua_State *L)
{
    collection_box *owner = check_collection(L, 1, "optimize");
    mv_optimize_options options = {.threads = (uint32_t)luaL_checknumber(L, 2)};
    return start(L, owner, "optimize", &options);
}

int call_index_start(lua_State *L)
{
    collection_box *owner = check_collection(L, 1, "create_index");
    lua_settop(L, 4);
    mv_optimize_options options = {.threads = (uint32_t)luaL_checknumber(L, 2)};
    mv_index_change change = read_change(L, owner);
    options.index_change = &change;
    return start(L, owner, "create_index", &options);
}

/* The job at 1, for the method `call`. */
static mv_job *check_job(lua_State *L, const char *call)
{
    job_box *box = luaL_testudata(L, 1, JOB_TYPE);
    if (!box)
        raise_misuse(L, "%s: expected a job, got a %s (call it with ':')", call,
                     value_type_name(L, 1));
    if (!box->job) raise_misuse(L, "%s: the job ended when its collection was closed", call);
    return box->job;
}

/* No Lua code runs between check_job and mv_job_wait, so no finalizer can release the job. */
static int job_wait(lua_State *L)
{
    bool done = false;
    mv_error error = {0};
    mv_job *job = check_job(L, "wait");
    lua_settop(L, 2);
    double seconds = lua_isnil(L, 2) ? -1 : check_number(L, 2, "wait", "seconds");
    if (!lua_isnil(L, 2) && !(seconds >= 0))
        raise_misuse(L, "wait: 'seconds' must be 0 or more, got %.14g", seconds);
    if (seconds > FOREVER_SECONDS) seconds = -1;
    if (mv_job_wait(job, seconds, &done, &error)) return push_failure(L, "wait", &error);
    lua_pushboolean(L, done);
    return 1;
}

static int job_progress(lua_State *L)
{
    mv_progress progress = {0};
    mv_job_progress(check_job(L, "progress"), &progress);
    push_unsigned(L, progress.done);
    push_unsigned(L, progress.total);
    lua_pushstring(L, progress.stage);
    return 3;
}

static int job_cancel(lua_State *L)
{
    mv_job_cancel(check_job(L, "cancel"));
    return 0;
}

static int job_gc(lua_State *L)
{
    job_box *box = luaL_testudata(L, 1, JOB_TYPE);
    if (box) owned_release(L, &box->owned);
    return 0;
}

static int job_tostring(lua_State *L)
{
    job_box *box = luaL_testudata(L, 1, JOB_TYPE);
    mv_progress progress = {.stage = "closed"};
    if (box && box->job) mv_job_progress(box->job, &progress);
    lua_pushfstring(L, "moonvec.job: %s", progress.stage);
    return 1;
}

static const luaL_Reg job_methods[] = {
    {"cancel", job_cancel},
    {"progress", job_progress},
    {"wait", job_wait},
    {NULL, NULL},
};

void job_register(lua_State *L)
{
    luaL_newmetatable(L, JOB_TYPE);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushcfunction(L, job_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, job_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_newtable(L);
    luaL_setfuncs(L, job_methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
