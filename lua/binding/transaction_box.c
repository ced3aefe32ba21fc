/* Transactions: userdata with the methods of a collection, owned by the collection they were begun
 * on. One that is collected as garbage is undone, so that a coroutine that was dropped in the
 * middle of its transaction does not keep other writers out. */
#include "calls.h"
#include "check_args.h"

#include <string.h>

/* Garbage is collected for the first, second, fourth, ... of the writes that are refused in a row,
 * and for each one of this many. Chosen. */
#define COLLECT_EVERY 64

static void transaction_release(lua_State *L, owned_box *owned)
{
    collection_box *box = (collection_box *)owned;
    while (box->first_owned) owned_release(L, box->first_owned);
    mv_abort(box->collection);
    box->collection = NULL;
}

/* Push the box of a transaction on the collection at 1. Its own slots keep that collection alive.
 */
static collection_box *push_transaction(lua_State *L, collection_box *owner)
{
    size_t path_size = strlen(owner->path) + 1;
    collection_box *box = owned_push(L, 1, owner, sizeof *box + path_size, transaction_release);
    box->is_transaction = true;
    memcpy(box->path, owner->path, path_size);
    lua_createtable(L, SLOT_RESULTS + RESULTS_KEPT - 1, 0);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, SLOT_COLLECTION);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, SLOT_OWNER);
    lua_setuservalue(L, -2);
    luaL_getmetatable(L, COLLECTION_TYPE);
    lua_setmetatable(L, -2);
    return box;
}

int call_begin(lua_State *L)
{
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, "transaction");
    collection_box *box = push_transaction(L, owner);
    if (mv_begin(owner->collection, &box->collection, &error)) {
        owned_release(L, &box->owned);
        return push_failure(L, "transaction", &error);
    }
    return 1;
}

int call_commit(lua_State *L)
{
    mv_error error = {0};
    collection_box *box = check_collection_box(L, 1, "transaction");
    if (!box->collection)
        raise_misuse(L, "transaction: it was closed, and so undone, before its function returned");
    if (box->calls > 1) raise_misuse(L, "transaction: it is in use by another call");
    while (box->first_owned) owned_release(L, box->first_owned);
    mv_err err = mv_commit(box->collection, &error);
    if (err != MV_BUSY) box->collection = NULL; /* MV_BUSY: it is another thread's */
    owned_release(L, &box->owned);
    return push_outcome(L, "transaction", err, &error);
}

int call_abort(lua_State *L)
{
    collection_box *box = check_collection_box(L, 1, "transaction");
    (void)collection_close(L, box, NULL);
    return 0;
}

int call_is_transaction(lua_State *L)
{
    lua_pushboolean(L, check_collection_box(L, 1, "transaction")->is_transaction);
    return 1;
}

int call_in_transaction(lua_State *L)
{
    collection_box *box = check_collection_box(L, 1, "transaction");
    lua_pushboolean(L, box->collection && mv_in_transaction(box->collection));
    return 1;
}

void transaction_collect_dropped(lua_State *L, collection_box *box)
{
    if (box->is_transaction || !box->collection) return;
    bool is_refused = mv_in_transaction(box->collection);
    box->refused = is_refused ? box->refused + 1 : 0;
    bool is_power_of_two = (box->refused & (box->refused - 1)) == 0;
    if (is_refused && (is_power_of_two || box->refused % COLLECT_EVERY == 0))
        (void)lua_gc(L, LUA_GCCOLLECT, 0);
}
