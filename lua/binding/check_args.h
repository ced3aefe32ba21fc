/* Read arguments of calls: options tables, numbers, strings, arrays, ids. These functions raise if
 * an argument is wrong. They own nothing that a raise could leak. */
#ifndef MV_CHECK_ARGS_H
#define MV_CHECK_ARGS_H

#include "raise.h"

/* Push the values of the options table at `table` in the order of `names`, nil for an option that
 * is not given. Nil or no value at `table` means no options. Returns the stack index of the first
 * value. Raises for an option that is not in `names`. */
int check_options(lua_State *L, int table, const char *call, const char *const *names,
                  int names_count);

/* options(call, table, name, ...) -> value, ...: check_options for lua/moonvec. */
int options_call(lua_State *L);

/* The option `name` at `index`, or `otherwise` if it is nil. */
bool check_boolean(lua_State *L, int index, const char *call, const char *name, bool otherwise);
uint32_t check_whole(lua_State *L, int index, const char *call, const char *name, uint32_t min,
                     uint32_t max, uint32_t otherwise);
double check_number(lua_State *L, int index, const char *call, const char *name);
const char *check_string(lua_State *L, int index, const char *call, const char *name);

/* Is the value at `index` the string `text`? A string with a zero byte is not. */
bool is_text(lua_State *L, int index, const char *text);

/* Is the value at `index` a table with the metatable that the registry has as `type`? lua/moonvec
 * builds filters and full-text queries so. */
bool is_built(lua_State *L, int index, const char *type);

/* word(call, kind, text, word, ...) -> text: check_word for lua/moonvec. */
int word_call(lua_State *L);

/* A name in Lua for a constant of the engine. */
typedef struct word {
    const char *text;
    int value;
} word;

#define WORDS_MAX 64

/* The constant named by the string at `index`. Raises "unknown <kind> '...'", with the nearest or
 * with all valid names, if no word has this text, and if the string contains a zero byte. */
int check_word(lua_State *L, int index, const error_context *where, const char *kind,
               const word *words, size_t words_count);
/* The text of the word with `value`. */
const char *word_text(const word *words, size_t words_count, int value);

/* Is the value at `index` a whole number without rounding: an integer, a float between -2^53 and
 * 2^53, or an int64_t cdata? */
bool is_whole(lua_State *L, int index, int64_t *whole);
/* The same for a float. */
bool is_whole_number(double number, int64_t *whole);

/* Is the value at `index` an int64_t or uint64_t cdata of LuaJIT? tostring gives "-5LL" and "5ULL"
 * for these. */
bool is_cdata_integer(lua_State *L, int index, mv_value *value);

/* The number of elements of the array at `index`. Raises if it has other keys than 1, 2, 3, ...,
 * because elements after a hole would be ignored silently. */
size_t check_array(lua_State *L, int index, const error_context *where, const char *what);

/* Push a block for `count` items of `size` bytes. Raises if no memory can be so large. */
void *check_block(lua_State *L, size_t count, size_t size);

#define ID_TEXT_SIZE 24 /* any 64-bit integer in decimal, with sign and zero byte */

/* The document id at `index`. A string is lent by Lua; a whole number is written into `text`. */
mv_id check_id(lua_State *L, int index, const error_context *where, char text[ID_TEXT_SIZE]);

typedef struct id_list {
    mv_id *ids;
    size_t count;
} id_list;

/* The ids in the array at `index`. Pushes the block that contains them, which must stay on the
 * stack while they are used. */
id_list check_ids(lua_State *L, int index, const error_context *where);

#endif
