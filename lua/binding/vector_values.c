/* Values that are vectors (vector_values.h). The table of a sparse vector is walked twice: to count
 * its entries, and to read them. */
#include "vector_values.h"

#include "check_args.h"
#include "push_values.h"
#include "read_vectors.h"
#include "vector_box.h"

#include <string.h>

#define ENTRY_SIZE (sizeof(uint32_t) + sizeof(float))

/* ---------------------------------------------------------------- in */

size_t sparse_size(lua_State *L, int index, const error_context *where)
{
    size_t count = 0;
    if (lua_type(L, index) == LUA_TSTRING) {
        (void)lua_tolstring(L, index, &count);
        if (count % ENTRY_SIZE)
            raise_at(L, where, "a packed sparse vector has 8 bytes for each entry, got %zu bytes",
                     count);
        count /= ENTRY_SIZE;
    } else if (lua_type(L, index) == LUA_TTABLE) {
        for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) count++;
    } else {
        raise_at(L, where,
                 "a sparse vector is a table of numbers by index, or a packed string, got a %s",
                 value_type_name(L, index));
    }
    if (count > MV_SPARSE_MAX)
        raise_at(L, where, "the sparse vector has %zu entries, the maximum is %u", count,
                 MV_SPARSE_MAX);
    return count;
}

/* The index at stack index `at`. */
static uint32_t check_sparse_index(lua_State *L, int at, const error_context *where)
{
    int64_t whole;
    if (lua_type(L, at) != LUA_TNUMBER)
        raise_at(L, where, "the keys of a sparse vector are whole numbers, got a %s",
                 value_type_name(L, at));
    if (!is_whole(L, at, &whole) || whole < 0 || whole > UINT32_MAX)
        raise_at(L, where,
                 "an index of a sparse vector is a whole number from 0 to 4294967295, got %.14g",
                 (double)lua_tonumber(L, at));
    return (uint32_t)whole;
}

static float check_sparse_number(lua_State *L, int at, const error_context *where, uint32_t index)
{
    if (lua_type(L, at) != LUA_TNUMBER)
        raise_at(L, where, "the value at index %u of the sparse vector is a %s, expected a number",
                 index, value_type_name(L, at));
    return (float)lua_tonumber(L, at);
}

void sparse_copy(lua_State *L, int index, const error_context *where, uint32_t *indices,
                 float *numbers)
{
    size_t size, at = 0;
    if (lua_type(L, index) == LUA_TSTRING) {
        const char *bytes = lua_tolstring(L, index, &size);
        size_t half = size / ENTRY_SIZE * sizeof *indices;
        if (half) memcpy(indices, bytes, half);
        if (half) memcpy(numbers, bytes + half, half);
        return;
    }
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), at++) {
        int value_at = lua_gettop(L);
        indices[at] = check_sparse_index(L, value_at - 1, where);
        numbers[at] = check_sparse_number(L, value_at, where, indices[at]);
    }
}

void read_sparse(lua_State *L, int index, const error_context *where, number_scratch *scratch,
                 mv_sparse *out)
{
    size_t count = sparse_size(L, index, where);
    float *numbers = number_scratch_reserve(L, scratch, 2 * count + 1);
    uint32_t *indices = (uint32_t *)(void *)(numbers + count);
    sparse_copy(L, index, where, indices, numbers);
    *out = (mv_sparse){indices, numbers, count};
}

/* ---------------------------------------------------------------- several vectors, in */

/* A packed string of several vectors. */
static void read_packed_vectors(lua_State *L, int index, const error_context *where, uint32_t dim,
                                number_scratch *scratch, mv_multi *out)
{
    size_t size;
    const char *bytes = lua_tolstring(L, index, &size);
    if (size % (dim * sizeof(float)))
        raise_at(L, where,
                 "a packed string of vectors of %u numbers has %zu bytes for each, got %zu", dim,
                 dim * sizeof(float), size);
    out->count = size / sizeof(float);
    float *numbers = number_scratch_reserve(L, scratch, out->count + 1);
    if (size) memcpy(numbers, bytes, size);
    out->numbers = numbers;
}

void read_multi(lua_State *L, int index, const error_context *where, uint32_t dim,
                number_scratch *scratch, mv_multi *out)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        read_packed_vectors(L, index, where, dim, scratch, out);
        return;
    }
    if (lua_type(L, index) != LUA_TTABLE)
        raise_at(L, where, "expected a list of vectors, or a packed string of them, got a %s",
                 value_type_name(L, index));
    size_t count = check_array(L, index, where, "a list of vectors");
    float *numbers = number_scratch_reserve(L, scratch, count * dim + 1);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        int at = lua_gettop(L);
        if (lua_type(L, at) == LUA_TNUMBER)
            raise_at(L, where, "element %zu of the list is a number, expected a vector", i + 1);
        size_t size = vector_size(L, at, where);
        if (size != dim)
            raise_at(L, where, "vector %zu of the list has %zu numbers, expected %u", i + 1, size,
                     dim);
        vector_copy(L, at, where, numbers + i * dim, dim);
        lua_pop(L, 1);
    }
    *out = (mv_multi){numbers, count * dim};
}

void read_field_value(lua_State *L, int index, const error_context *where,
                      const mv_field_options *field, mv_value *value, value_scratch *values,
                      number_scratch *scratch)
{
    if (!is_field_of_vectors(field) || lua_touserdata(L, index) == (const void *)&null_marker) {
        read_value(L, index, where, value, values);
    } else if (field->type == MV_SPARSE_FP32) {
        value->kind = MV_KIND_SPARSE;
        read_sparse(L, index, where, scratch, &value->as.sparse);
    } else {
        value->kind = MV_KIND_MULTI;
        read_multi(L, index, where, field->dim, scratch, &value->as.multi);
    }
}

/* ---------------------------------------------------------------- out */

void push_multi(lua_State *L, const mv_multi *multi, uint32_t dim, bool as_tables)
{
    lua_createtable(L, (int)(multi->count / dim), 0);
    for (size_t i = 0; i < multi->count / dim; i++) {
        vector_push(L, MV_VECTOR_FP32, multi->numbers + i * dim, dim, as_tables);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

void push_sparse(lua_State *L, const mv_sparse *sparse)
{
    lua_createtable(L, 0, (int)sparse->count);
    for (size_t i = 0; i < sparse->count; i++) {
        push_unsigned(L, sparse->indices[i]);
        lua_pushnumber(L, (lua_Number)sparse->numbers[i]);
        lua_rawset(L, -3);
    }
}

/* Read the two arrays of the same length at 1 and 2. */
static void read_arrays(lua_State *L, const error_context *where, size_t count, uint32_t *indices,
                        float *numbers)
{
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (int)i + 1);
        lua_rawgeti(L, 2, (int)i + 1);
        int value_at = lua_gettop(L);
        indices[i] = check_sparse_index(L, value_at - 1, where);
        numbers[i] = check_sparse_number(L, value_at, where, indices[i]);
        lua_pop(L, 2);
    }
}

int sparse_pack(lua_State *L)
{
    static const error_context where = {.call = "pack_sparse"};
    size_t count;
    luaL_checkany(L, 1);
    bool has_arrays = !lua_isnoneornil(L, 2);
    lua_settop(L, 2);
    if (!has_arrays) {
        count = sparse_size(L, 1, &where);
    } else {
        count = check_array(L, 1, &where, "the indexes");
        size_t numbers = check_array(L, 2, &where, "the numbers");
        if (numbers != count)
            raise_misuse(L, "pack_sparse: %zu indexes and %zu numbers, expected as many of both",
                         count, numbers);
        if (count > MV_SPARSE_MAX)
            raise_misuse(L, "pack_sparse: %zu entries, the maximum is %u", count, MV_SPARSE_MAX);
    }
    uint32_t *indices = check_block(L, count + 1, ENTRY_SIZE);
    float *numbers = (float *)(void *)(indices + count);
    if (has_arrays)
        read_arrays(L, &where, count, indices, numbers);
    else
        sparse_copy(L, 1, &where, indices, numbers);
    lua_pushlstring(L, (const char *)indices, count * ENTRY_SIZE);
    return 1;
}

int sparse_unpack(lua_State *L)
{
    static const error_context where = {.call = "unpack_sparse"};
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    size_t count = sparse_size(L, 1, &where);
    uint32_t *indices = check_block(L, count + 1, ENTRY_SIZE);
    float *numbers = (float *)(void *)(indices + count);
    sparse_copy(L, 1, &where, indices, numbers);
    mv_sparse sparse = {indices, numbers, count};
    push_sparse(L, &sparse);
    return 1;
}
