/* Userdata that own engine objects: the collection and its parts (results, batches, iterators,
 * jobs).
 *
 * A part must be released before its collection is closed, and Lua finalizes in any order, so:
 * - a collection keeps a list of its living parts and releases them when it is closed;
 * - each part keeps its collection's userdata alive, through its user value.
 * Engine objects are made only after the userdata that will own them, with its metatable, is there:
 * a raise can come at any time and nothing leaks. */
#ifndef MV_OWNED_BOX_H
#define MV_OWNED_BOX_H

#include "raise.h"

typedef struct owned_box owned_box;

typedef struct collection_box {
    mv_collection *collection; /* NULL: closed */
    owned_box *parts;          /* first of the living parts */
    uint32_t calls;            /* that have not returned yet */
    bool is_closing;           /* to be closed by the outermost of them */
    char path[];               /* as given to open */
} collection_box;

/* Calls nest: any allocation may run a finalizer of the program, and that may call us, even to
 * close the very collection at work. So each call is counted, and closing waits for the last one.
 * This is lua_call for such a call: of the function below `args_count` arguments on top, whose
 * results stay there. It is left by every error too, Lua's own included. The collection itself must
 * stand further down. */
void call_guarded(lua_State *L, collection_box *box, int args_count);

/* Close, or have it done when the calls at work are over. */
mv_err collection_close(lua_State *L, collection_box *box, mv_error *error);

/* The first member of every part. */
struct owned_box {
    collection_box *owner; /* NULL: released */
    owned_box *next;       /* in the owner's list */
    owned_box **link;      /* what points to this part there */
    void (*release)(lua_State *L, owned_box *part);
};

/* Slots of a collection's user value, a table. */
enum { SLOT_COLLECTION = 1, SLOT_RESULT = 2, SLOT_JOB = 3, SLOT_BACKGROUND = 4 };

/* The open collection at `index`; raises for anything else, "collection 'books.mv' is closed". */
collection_box *check_collection(lua_State *L, int index, const char *call);
/* Open or closed. */
collection_box *check_collection_box(lua_State *L, int index, const char *call);

/* Push a part of `size` bytes, zero but for its head, belonging to the collection at `index`. */
void *owned_push(lua_State *L, int index, collection_box *owner, size_t size,
                 void (*release)(lua_State *L, owned_box *part));
/* Release what the part owns. Once is enough, more is fine. */
void owned_release(lua_State *L, owned_box *part);

/* Store the value on top in a slot of the collection at `index`, and pop it. */
void slot_store(lua_State *L, int index, int slot);
/* Push the part in a slot, leaving nil there, and return it. NULL, nothing pushed: there is none,
 * or one that the collector has released already (then a finalizer of the program is asking). */
void *slot_take(lua_State *L, int index, int slot);

/* Numbers on their way through: scratch memory from Lua's allocator, grown and kept. */
typedef struct number_room {
    float *numbers;
    size_t capacity;
} number_room;
/* Room for `count` numbers; raises when there is no memory. */
float *number_room_reserve(lua_State *L, number_room *room, size_t count);
void number_room_free(lua_State *L, number_room *room);

/* A result, with the room for the vectors that go in and out with it. */
typedef struct result_box {
    owned_box part;
    mv_result *result;
    number_room room;
} result_box;

/* Push a result of the collection at `index`: the one kept from earlier calls, or, when that is in
 * use or `fresh` is asked for, a new one. NULL: failed, `error` is filled, nothing pushed. */
result_box *result_take(lua_State *L, int index, collection_box *owner, bool fresh,
                        mv_error *error);
/* Release what a result owns; what a part that begins with one does first. */
void result_release(lua_State *L, owned_box *part);
/* The result at `index`; raises for anything else, and for one of another collection. */
result_box *result_check_box(lua_State *L, int index, collection_box *owner, const char *call);
/* Clear the result at `result_index` and keep it for the next call. */
void result_put_back(lua_State *L, int index, int result_index);

/* The metatables' names in the registry. */
#define COLLECTION_TYPE "moonvec.collection"
#define OWNED_TYPE      "moonvec.part"

int owned_gc(lua_State *L);

#endif
