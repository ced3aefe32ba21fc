/* Values, vectors and documents -> Lua. */
#ifndef MV_PUSH_VALUES_H
#define MV_PUSH_VALUES_H

#include "owned_box.h"

/* Push a number if Lua can represent it exactly, else its decimal string. */
void push_integer(lua_State *L, int64_t number);
void push_unsigned(lua_State *L, uint64_t number);
/* Push a value, a list as a table. NULL is pushed as nil. */
void push_value(lua_State *L, const mv_value *value);

/* Set a key of the table on top. */
void set_unsigned(lua_State *L, const char *key, uint64_t number);
void set_number(lua_State *L, const char *key, double number);
void set_boolean(lua_State *L, const char *key, bool boolean);
void set_string(lua_State *L, const char *key, const char *text);

/* Which fields the documents of an answer have. */
typedef struct output {
    uint32_t fields_count;
    uint32_t vectors_count;
    bool has_score; /* also `score` and `distance`: hits have them, fetched documents do not */
    bool vectors_as_tables; /* else as packed strings */
    uint16_t fields[MV_FIELDS_MAX];
    uint16_t vectors[MV_VECTORS_MAX];
} output;

/* Read the options `output_fields` (nil: all scalar fields) and `include_vector` (nil, false, true,
 * "table") at these stack indexes. A vector field named in `output_fields` is included, too. */
void output_read(lua_State *L, const mv_schema *schema, const char *call, int fields_at,
                 int include_at, output *out);

/* "unknown field 'titel' (did you mean 'title'?)" */
_Noreturn void raise_unknown_field(lua_State *L, const error_context *where,
                                   const mv_schema *schema, const char *given, size_t given_size);

/* Is it `id`, `score` or `distance`? Hits have these keys even if `output_fields` does not name
 * them. */
bool is_hit_key(const char *name, size_t size);

/* Push the keys of these documents, for the functions below; returns the stack index of the first.
 */
int output_push_keys(lua_State *L, const mv_schema *schema, const output *out);

/* Push a table for one document: element `position` of the array at `reuse`, emptied. If that is
 * not a table, or `reuse` is 0, push a new table. */
void output_push_table(lua_State *L, const output *out, int keys, int reuse, size_t position);

/* Fill the table on top with hit `position` of the result. */
mv_err output_fill(lua_State *L, result_box *box, size_t position, const mv_schema *schema,
                   const output *out, int keys, mv_error *error);

#endif
