/* Reading arguments. All of these raise on a mistake and hold nothing that a raise could leak. */
#ifndef MV_CHECK_ARGS_H
#define MV_CHECK_ARGS_H

#include "raise.h"

/* Push the values of the options table at `table` (nil and none: an empty one) in the order of
 * `names`, nil for those not given; returns the index of the first. Raises for a name that is not
 * in `names`. */
int check_options(lua_State *L, int table, const char *call, const char *const *names,
                  int names_count);

/* options(call, table, name, ...) -> value, ...: the same for the Lua half. */
int options_call(lua_State *L);

/* The option at `index`, called `name` in messages, or `otherwise` when it is nil. */
bool check_boolean(lua_State *L, int index, const char *call, const char *name, bool otherwise);
uint32_t check_whole(lua_State *L, int index, const char *call, const char *name, uint32_t min,
                     uint32_t max, uint32_t otherwise);
double check_number(lua_State *L, int index, const char *call, const char *name);
const char *check_string(lua_State *L, int index, const char *call, const char *name);

/* A word that stands for a constant. */
typedef struct word {
    const char *text;
    int value;
} word;

#define WORDS_MAX 64

/* The constant meant by the string at `index`; raises "unknown <kind> '...'" when it is none of
 * them, with the nearest or with all of them. */
int check_word(lua_State *L, int index, const error_context *where, const char *kind,
               const word *words, size_t words_count);
/* The word for `value`. */
const char *word_text(const word *words, size_t words_count, int value);

/* Is the value at `index` a whole number that is surely the one that was meant (an integer, a float
 * below 2^53, an int64_t cdata)? */
bool is_whole(lua_State *L, int index, int64_t *whole);

/* Is it an int64_t or uint64_t cdata of LuaJIT? These print as "-5LL" and "5ULL". */
bool is_cdata_integer(lua_State *L, int index, mv_value *value);

/* Number of elements of the array at `index`; raises when it has other keys than 1, 2, 3, ...: what
 * stands behind a hole would be lost without a word. */
size_t check_array(lua_State *L, int index, const error_context *where, const char *what);

#define ID_TEXT_SIZE 24 /* decimal digits of any 64-bit integer, sign and zero */

/* The document id at `index`: a string, lent by Lua, or a whole number, written into `text`. */
mv_id check_id(lua_State *L, int index, const error_context *where, char text[ID_TEXT_SIZE]);

typedef struct id_list {
    mv_id *ids;
    size_t count;
} id_list;

/* The ids in the array at `index`; pushes the block that holds them. */
id_list check_ids(lua_State *L, int index, const error_context *where);

#endif
