/* Userdata that own engine objects: a collection, and the boxes that the collection owns (results,
 * batches, iterators, columns, jobs and transactions).
 *
 * An owned box must be released before its collection is closed, but Lua calls finalizers in any
 * order. Therefore:
 * - a collection has a list of its unreleased boxes, and closing it releases them first;
 * - the user value of each box refers to the collection's userdata and so keeps it alive.
 * An engine object is created only after the userdata that will own it has its metatable, so a
 * raise at any point leaks nothing. */
#ifndef MV_OWNED_BOX_H
#define MV_OWNED_BOX_H

#include "raise.h"

typedef struct owned_box owned_box;
typedef struct collection_box collection_box;

/* The first member of every owned box. */
struct owned_box {
    collection_box *owner; /* NULL: released */
    owned_box *next;       /* in the owner's list */
    owned_box **link;      /* the pointer to this box in that list */
    void (*release)(lua_State *L, owned_box *owned);
};

/* A collection, or a transaction, which is owned by the collection that it was begun on. */
struct collection_box {
    owned_box owned;           /* of a transaction; else all zero */
    mv_collection *collection; /* NULL: closed */
    owned_box *first_owned;    /* list of the unreleased boxes */
    uint32_t calls;            /* calls that have not returned yet */
    bool is_closing;           /* the outermost of these calls closes the collection */
    bool is_transaction;
    uint32_t refused; /* writes in a row that met an open transaction of their thread */
    char path[];      /* as given to open */
};

/* Calls nest: any allocation may run a finalizer of the program, and the finalizer may call the
 * same collection, even to close it. So each call is counted, and closing waits until the outermost
 * call returns. This function is lua_call with that count: it calls the function below the
 * `args_count` arguments on top of the stack and leaves the results there. An error, including one
 * raised by Lua itself, is counted as a return and raised again. The collection's userdata must be
 * on the stack below the function. */
void call_guarded(lua_State *L, collection_box *box, int args_count);

/* Close the collection now, or when its outermost call returns. */
mv_err collection_close(lua_State *L, collection_box *box, mv_error *error);

/* Before a write that the thread's open transaction would refuse: collect garbage, since that
 * transaction may belong to a coroutine that was dropped. Not done for each of many such writes,
 * because it takes long. */
void transaction_collect_dropped(lua_State *L, collection_box *box);

/* A collection's user value is a table with these slots. SLOT_JOB: the unfinished job of
 * optimize_step. SLOT_BACKGROUND: the newest background job. SLOT_OWNER: the collection of a
 * transaction. From SLOT_RESULTS on: results to reuse, as many as a query for a vector and a text
 * has. */
enum { SLOT_COLLECTION = 1, SLOT_JOB, SLOT_BACKGROUND, SLOT_OWNER, SLOT_RESULTS };
#define RESULTS_KEPT 3

/* The open collection at `index`. Raises "collection 'books.mv' is closed" for a closed one, and
 * for any other value. */
collection_box *check_collection(lua_State *L, int index, const char *call);
/* The collection at `index`, open or closed. Raises for any other value. */
collection_box *check_collection_box(lua_State *L, int index, const char *call);

/* Push a box of `size` bytes, owned by the collection at `index`. All bytes after its owned_box are
 * zero. */
void *owned_push(lua_State *L, int index, collection_box *owner, size_t size,
                 void (*release)(lua_State *L, owned_box *owned));
/* Release the engine objects of the box. Does nothing if the box is released already. */
void owned_release(lua_State *L, owned_box *owned);

/* Store the value on top in a slot of the collection at `index`, and pop it. */
void slot_store(lua_State *L, int index, int slot);
/* Push the box in a slot, empty the slot, and return the box. NULL, with nothing pushed, if the
 * slot is empty or its box is released: the collector may have released it before it runs a
 * finalizer of the program that calls this collection. */
void *slot_take(lua_State *L, int index, int slot);

/* Scratch memory for the numbers of vectors, from Lua's allocator. It grows and is reused. */
typedef struct number_scratch {
    float *numbers;
    size_t capacity;
} number_scratch;
/* Memory for `count` numbers; raises if there is not enough. Overwrites earlier contents. */
float *number_scratch_reserve(lua_State *L, number_scratch *scratch, size_t count);
void number_scratch_free(lua_State *L, number_scratch *scratch);

/* A result, with the scratch memory for the vectors of its query and of its hits. */
typedef struct result_box {
    owned_box owned;
    mv_result *result; /* NULL: released */
    bool is_recycled;
    number_scratch scratch;
} result_box;

/* Push a result of the collection at `index`: one recycled by an earlier call if there is one and
 * `fresh` is false, else a new one. NULL: failed, `error` is filled, nothing is pushed. */
result_box *result_acquire(lua_State *L, int index, collection_box *owner, bool fresh,
                           mv_error *error);
/* The release function of a result_box. A box that begins with a result_box calls it first. */
void result_release(lua_State *L, owned_box *owned);
/* The result at `index`; NULL: it is released or recycled. Raises for any other value, and for a
 * result of another collection. */
result_box *result_check_box(lua_State *L, int index, collection_box *owner, const char *call);
/* The same; raises also if it is released or recycled. */
result_box *result_need_box(lua_State *L, int index, collection_box *owner, const char *call);
/* Clear the result at `result_index`, and store it in the collection at `index` for the next
 * result_acquire. It is released if there are RESULTS_KEPT already. */
void result_recycle(lua_State *L, int index, int result_index);

/* Names of the metatables in the registry. */
#define COLLECTION_TYPE "moonvec.collection"
#define OWNED_TYPE      "moonvec.owned"

int owned_gc(lua_State *L);

#endif
