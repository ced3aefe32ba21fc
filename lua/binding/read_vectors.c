/* Lua -> vectors. Reading a table of 768 numbers takes about 10 us; the other forms are not copied.
 */
#include "read_vectors.h"
#include "read_values.h"

#include <string.h>

/* A hint for the frequent mistake of passing the JSON text of an embedding service undecoded. */
static const char *hint_for(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && strchr(" \t\r\n", text[at]) && text[at]) at++;
    return at < size && text[at] == '[' ? "; it looks like JSON text: decode it first" : "";
}

static void read_table(lua_State *L, int index, const error_context *where, float *out, size_t dim)
{
    for (size_t i = 0; i < dim; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        if (lua_type(L, -1) != LUA_TNUMBER)
            raise_at(L, where, "element %zu of the vector is a %s, expected a number", i + 1,
                     value_type_name(L, -1));
        out[i] = (float)lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

static _Noreturn void raise_not_a_vector(lua_State *L, int index, const error_context *where)
{
    raise_at(L, where,
             "a vector is a table of numbers, a packed string or a moonvec.vector, got a %s",
             value_type_name(L, index));
}

/* Pack zeros and ones: those of the table at `index`, or `numbers`. */
static void pack_bits(lua_State *L, int index, const error_context *where, const float *numbers,
                      uint8_t *out, size_t dim)
{
    memset(out, 0, mv_vector_size(MV_VECTOR_BINARY, dim));
    for (size_t i = 0; i < dim; i++) {
        double number = numbers ? (double)numbers[i] : 0;
        if (!numbers) {
            lua_rawgeti(L, index, (int)i + 1);
            if (lua_type(L, -1) != LUA_TNUMBER)
                raise_at(L, where, "element %zu of the vector is a %s, expected 0 or 1", i + 1,
                         value_type_name(L, -1));
            number = lua_tonumber(L, -1);
            lua_pop(L, 1);
        }
        if (number != 0 && number != 1)
            raise_at(L, where, "element %zu of the vector is %.14g, vector_binary holds 0 and 1",
                     i + 1, number);
        if (number != 0) out[i / 8] |= (uint8_t)(0x80u >> i % 8);
    }
}

const void *read_vector(lua_State *L, int index, const error_context *where,
                        const mv_vector_options *field, number_scratch *scratch)
{
    size_t count, dim = field->dim, wanted = mv_vector_size(field->type, dim);
    bool is_binary = field->type == MV_VECTOR_BINARY;
    const float *numbers = NULL;
    const vector_box *box;
    if (lua_type(L, index) == LUA_TSTRING) {
        size_t size;
        const char *bytes = lua_tolstring(L, index, &size);
        if (size != wanted)
            raise_at(L, where, "vector string has %zu bytes, field '%s' wants %zu (%s)%s", size,
                     field->name, wanted, is_binary ? "8 bits each" : "4 per number",
                     hint_for(bytes, size));
        return bytes;
    } else if (lua_type(L, index) == LUA_TTABLE) {
        count = compat_length(L, index);
    } else if ((box = luaL_testudata(L, index, VECTOR_TYPE))) {
        count = box->dim;
        numbers = box->numbers;
    } else if (lua_touserdata(L, index) == (const void *)&null_marker) {
        raise_at(L, where, "field '%s' is a vector field, which cannot be NULL", field->name);
    } else {
        raise_not_a_vector(L, index, where);
    }
    if (count != dim)
        raise_at(L, where, "vector has %zu numbers, field '%s' wants %zu", count, field->name, dim);
    if (numbers && !is_binary) return numbers;
    float *out = number_scratch_reserve(L, scratch, wanted / sizeof(float) + 1);
    if (is_binary)
        pack_bits(L, index, where, numbers, (uint8_t *)out, dim);
    else
        read_table(L, index, where, out, dim);
    return out;
}

size_t vector_size(lua_State *L, int index, const error_context *where)
{
    size_t count = 0;
    const vector_box *box = luaL_testudata(L, index, VECTOR_TYPE);
    if (box) {
        count = box->dim;
    } else if (lua_type(L, index) == LUA_TTABLE) {
        count = compat_length(L, index);
    } else if (lua_type(L, index) == LUA_TSTRING) {
        size_t size;
        const char *bytes = lua_tolstring(L, index, &size);
        if (size % sizeof(float))
            raise_at(L, where, "vector string has %zu bytes, expected 4 per number%s", size,
                     hint_for(bytes, size));
        count = size / sizeof(float);
    } else {
        raise_not_a_vector(L, index, where);
    }
    if (count < 1 || count > MV_DIM_MAX)
        raise_at(L, where, "a vector has 1 to %u numbers, got %zu", MV_DIM_MAX, count);
    return count;
}

void vector_copy(lua_State *L, int index, const error_context *where, float *out, size_t dim)
{
    const vector_box *box = luaL_testudata(L, index, VECTOR_TYPE);
    if (box) {
        memcpy(out, box->numbers, dim * sizeof(float));
    } else if (lua_type(L, index) == LUA_TSTRING) {
        memcpy(out, lua_tostring(L, index), dim * sizeof(float));
    } else {
        read_table(L, index, where, out, dim);
    }
}
