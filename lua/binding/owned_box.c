/* Boxes that a collection owns: their list, their release, and the reuse of results. */
#include "owned_box.h"

#include <string.h>

collection_box *check_collection_box(lua_State *L, int index, const char *call)
{
    collection_box *box = luaL_testudata(L, index, COLLECTION_TYPE);
    if (!box)
        raise_misuse(L, "%s: expected a collection, got a %s (call it with ':')", call,
                     value_type_name(L, index));
    return box;
}

collection_box *check_collection(lua_State *L, int index, const char *call)
{
    collection_box *box = check_collection_box(L, index, call);
    if ((!box->collection || box->is_closing) && box->is_transaction)
        raise_misuse(L, "%s: the transaction has ended", call);
    if (!box->collection || box->is_closing)
        raise_misuse(L, "collection '%s' is closed", box->path);
    return box;
}

/* ---------------------------------------------------------------- calls */

static void close_if_due(lua_State *L, collection_box *box)
{
    if (box->calls == 0 && box->is_closing) (void)collection_close(L, box, NULL);
}

void call_guarded(lua_State *L, collection_box *box, int args_count)
{
    collection_box *owner = box->owned.owner; /* a call through a transaction is one of both */
    box->calls++;
    if (owner) owner->calls++;
    int failed = lua_pcall(L, args_count, LUA_MULTRET, 0);
    box->calls--;
    if (owner) owner->calls--;
    close_if_due(L, box);
    if (owner) close_if_due(L, owner);
    if (failed) lua_error(L);
}

mv_err collection_close(lua_State *L, collection_box *box, mv_error *error)
{
    mv_collection *collection = box->collection;
    box->is_closing = box->calls > 0;
    if (box->is_closing) return MV_OK;
    if (box->is_transaction) {
        owned_release(L, &box->owned);
        return MV_OK;
    }
    while (box->first_owned) owned_release(L, box->first_owned);
    box->collection = NULL;
    return mv_close(collection, error);
}

/* ---------------------------------------------------------------- owned boxes */

void *owned_push(lua_State *L, int index, collection_box *owner, size_t size,
                 void (*release)(lua_State *L, owned_box *owned))
{
    owned_box *owned = lua_newuserdata(L, size);
    memset(owned, 0, size);
    lua_getuservalue(L, index);
    lua_setuservalue(L, -2);
    luaL_getmetatable(L, OWNED_TYPE);
    lua_setmetatable(L, -2);

    owned->owner = owner;
    owned->release = release;
    owned->next = owner->first_owned;
    owned->link = &owner->first_owned;
    if (owned->next) owned->next->link = &owned->next;
    owner->first_owned = owned;
    return owned;
}

void owned_release(lua_State *L, owned_box *owned)
{
    if (!owned->owner) return;
    *owned->link = owned->next;
    if (owned->next) owned->next->link = owned->link;
    owned->owner = NULL;
    owned->release(L, owned);
}

int owned_gc(lua_State *L)
{
    owned_box *owned = luaL_testudata(L, 1, OWNED_TYPE);
    if (owned) owned_release(L, owned);
    return 0;
}

/* ---------------------------------------------------------------- slots */

void slot_store(lua_State *L, int index, int slot)
{
    lua_getuservalue(L, index);
    lua_insert(L, -2);
    lua_rawseti(L, -2, slot);
    lua_pop(L, 1);
}

void *slot_take(lua_State *L, int index, int slot)
{
    lua_getuservalue(L, index);
    lua_rawgeti(L, -1, slot);
    lua_pushnil(L);
    lua_rawseti(L, -3, slot);
    lua_remove(L, -2);
    owned_box *owned = lua_touserdata(L, -1);
    if (owned && owned->owner) return owned;
    lua_pop(L, 1);
    return NULL;
}

/* ---------------------------------------------------------------- scratch numbers */

float *number_scratch_reserve(lua_State *L, number_scratch *scratch, size_t count)
{
    if (count <= scratch->capacity) return scratch->numbers;
    void *ctx;
    lua_Alloc allocate = lua_getallocf(L, &ctx);
    size_t size = count * sizeof(float);
    float *numbers = NULL;
    if (size / sizeof(float) == count)
        numbers = allocate(ctx, scratch->numbers, scratch->capacity * sizeof(float), size);
    if (!numbers) raise_misuse(L, "not enough memory for a vector of %zu numbers", count);
    scratch->numbers = numbers;
    scratch->capacity = count;
    return numbers;
}

void number_scratch_free(lua_State *L, number_scratch *scratch)
{
    void *ctx;
    lua_Alloc allocate = lua_getallocf(L, &ctx);
    if (scratch->numbers)
        (void)allocate(ctx, scratch->numbers, scratch->capacity * sizeof(float), 0);
    scratch->numbers = NULL;
    scratch->capacity = 0;
}

/* ---------------------------------------------------------------- results */

void result_release(lua_State *L, owned_box *owned)
{
    result_box *box = (result_box *)owned;
    mv_result_free(box->result);
    box->result = NULL;
    number_scratch_free(L, &box->scratch);
}

result_box *result_acquire(lua_State *L, int index, collection_box *owner, bool fresh,
                           mv_error *error)
{
    result_box *box = NULL;
    for (int i = 0; !fresh && !box && i < RESULTS_KEPT; i++)
        box = slot_take(L, index, SLOT_RESULTS + i);
    if (box) {
        box->is_recycled = false;
        return box;
    }
    box = owned_push(L, index, owner, sizeof *box, result_release);
    if (mv_result_create(owner->collection, &box->result, error)) {
        lua_pop(L, 1);
        return NULL;
    }
    return box;
}

result_box *result_check_box(lua_State *L, int index, collection_box *owner, const char *call)
{
    result_box *box = luaL_testudata(L, index, OWNED_TYPE);
    if (!box || box->owned.release != result_release)
        raise_misuse(L, "%s: expected a result, got a %s", call, value_type_name(L, index));
    if (box->owned.owner && box->owned.owner != owner)
        raise_misuse(L, "%s: the result is of another collection", call);
    return box->result && !box->is_recycled ? box : NULL;
}

result_box *result_need_box(lua_State *L, int index, collection_box *owner, const char *call)
{
    result_box *box = result_check_box(L, index, owner, call);
    if (!box) raise_misuse(L, "%s: the search has ended, or its collection is closed", call);
    return box;
}

/* Push the user value of the collection at `index`. Returns the first empty slot for results; 0:
 * there is none. */
static int push_empty_result_slot(lua_State *L, int index)
{
    lua_getuservalue(L, index);
    for (int slot = SLOT_RESULTS; slot < SLOT_RESULTS + RESULTS_KEPT; slot++) {
        lua_rawgeti(L, -1, slot);
        bool is_empty = lua_isnil(L, -1);
        lua_pop(L, 1);
        if (is_empty) return slot;
    }
    return 0;
}

void result_recycle(lua_State *L, int index, int result_index)
{
    result_box *box = lua_touserdata(L, result_index);
    mv_result_clear(box->result);
    int slot = push_empty_result_slot(L, index);
    if (slot) {
        box->is_recycled = true;
        lua_pushvalue(L, result_index);
        lua_rawseti(L, -2, slot);
    } else {
        owned_release(L, &box->owned);
    }
    lua_pop(L, 1);
}
