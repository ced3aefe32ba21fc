/* Values to cells and back. A value is accepted if its type can hold it exactly. Only `float`
 * rounds. */
#include "storage/cell.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/order_key.h"
#include "vector/sparse.h"

#define NUMBER_TEXT_SIZE  (ERROR_QUOTE_SIZE + 2)
#define CONTEXT_TEXT_SIZE 128

/* Which value is converted, for error texts. */
typedef struct value_context {
    const char *field;
    const type_traits *traits; /* of one element */
    size_t element;            /* its number in the list, from 1; 0: no list */
} value_context;

/* ---------------------------------------------------------------- error texts */

static const char *context_text(const value_context *at, char out[CONTEXT_TEXT_SIZE])
{
    if (at->element)
        (void)snprintf(out, CONTEXT_TEXT_SIZE, "element %zu of field '%.64s'", at->element,
                       at->field);
    else
        (void)snprintf(out, CONTEXT_TEXT_SIZE, "field '%.64s'", at->field);
    return out;
}

static const char *kind_text(mv_kind kind)
{
    switch (kind) {
    case MV_KIND_NULL: return "null";
    case MV_KIND_BOOL: return "a boolean";
    case MV_KIND_INT:
    case MV_KIND_UINT:
    case MV_KIND_REAL: return "a number";
    case MV_KIND_STRING: return "a string";
    case MV_KIND_LIST: return "a list";
    case MV_KIND_SPARSE: return "a sparse vector";
    case MV_KIND_MULTI: return "a list of vectors";
    case MV_KIND_MATCH: return "a full-text query";
    }
    return "a value of unknown kind";
}

static mv_err wrong_kind(const value_context *at, mv_kind got, mv_error *error)
{
    char where[CONTEXT_TEXT_SIZE];
    return error_set(error, MV_MISUSE, "%s wants %s, got %s", context_text(at, where),
                     at->traits->wants, kind_text(got));
}

/* The number or string of `value` for an error text. */
static const char *number_text(const mv_value *value, char out[NUMBER_TEXT_SIZE])
{
    char quoted[ERROR_QUOTE_SIZE];
    switch (value->kind) {
    case MV_KIND_INT: (void)snprintf(out, NUMBER_TEXT_SIZE, "%" PRId64, value->as.i); break;
    case MV_KIND_UINT: (void)snprintf(out, NUMBER_TEXT_SIZE, "%" PRIu64, value->as.u); break;
    case MV_KIND_REAL: (void)snprintf(out, NUMBER_TEXT_SIZE, "%.17g", value->as.real); break;
    case MV_KIND_STRING:
        (void)snprintf(out, NUMBER_TEXT_SIZE, "'%s'",
                       error_quote(value->as.string.data, value->as.string.size, quoted));
        break;
    default: out[0] = 0;
    }
    return out;
}

static mv_err refuse_number(const value_context *at, const mv_value *value, const char *why,
                            mv_error *error)
{
    char where[CONTEXT_TEXT_SIZE], number[NUMBER_TEXT_SIZE];
    return error_set(error, MV_MISUSE, "%s is %s: %s %s", context_text(at, where), at->traits->name,
                     number_text(value, number), why);
}

/* ---------------------------------------------------------------- whole numbers to cells */

/* The largest magnitude that a type of whole numbers can hold, below or above zero. */
static uint64_t magnitude_max(const type_traits *traits, bool negative)
{
    mv_assert(traits->width >= 1 && traits->width <= 8);
    uint64_t all = UINT64_MAX >> (64 - 8 * traits->width);
    if (traits->kind == TYPE_SIGNED) return all / 2 + negative;
    return negative ? 0 : all;
}

static mv_err refuse_range(const value_context *at, const mv_value *value, mv_error *error)
{
    char why[96];
    uint64_t lowest = magnitude_max(at->traits, true);
    (void)snprintf(why, sizeof why, "is out of range (%s%" PRIu64 " to %" PRIu64 ")",
                   lowest ? "-" : "", lowest, magnitude_max(at->traits, false));
    return refuse_number(at, value, why, error);
}

static type_whole whole_of_int(int64_t i)
{
    return (type_whole){.negative = i < 0, .magnitude = i < 0 ? 0 - (uint64_t)i : (uint64_t)i};
}

static mv_err whole_of_real(const value_context *at, const mv_value *value, type_whole *out,
                            mv_error *error)
{
    double real = value->as.real;
    if (isnan(real) || real != trunc(real))
        return refuse_number(at, value, "is not a whole number", error);
    if (fabs(real) >= 0x1p64) return refuse_range(at, value, error);
    if (fabs(real) >= 0x1p53 && at->traits->width == 8)
        return refuse_number(at, value, "may have been rounded: give a decimal string", error);
    *out = (type_whole){.negative = real < 0, .magnitude = (uint64_t)fabs(real)};
    return MV_OK;
}

static mv_err whole_of_text(const value_context *at, const mv_value *value, type_whole *out,
                            mv_error *error)
{
    char why[TYPE_WHY_SIZE];
    if (!at->traits->read) return wrong_kind(at, value->kind, error);
    switch (at->traits->read(value->as.string.data, value->as.string.size, out, why)) {
    case TYPE_READ_RANGE: return refuse_range(at, value, error);
    case TYPE_READ_NOTHING: return refuse_number(at, value, why, error);
    case TYPE_READ: break;
    }
    return MV_OK;
}

static mv_err whole_of_value(const value_context *at, const mv_value *value, type_whole *out,
                             mv_error *error)
{
    switch (value->kind) {
    case MV_KIND_INT: *out = whole_of_int(value->as.i); return MV_OK;
    case MV_KIND_UINT: *out = (type_whole){.magnitude = value->as.u}; return MV_OK;
    case MV_KIND_REAL: return whole_of_real(at, value, out, error);
    case MV_KIND_STRING: return whole_of_text(at, value, out, error);
    default: return wrong_kind(at, value->kind, error);
    }
}

static mv_err put_whole(const value_context *at, const mv_value *value, uint8_t *out,
                        mv_error *error)
{
    type_whole number = {0};
    MV_TRY(whole_of_value(at, value, &number, error));
    if (number.magnitude > magnitude_max(at->traits, number.negative))
        return refuse_range(at, value, error);
    /* Two's complement: the low bytes are the value in the width of the type. */
    uint64_t bits = number.negative ? 0 - number.magnitude : number.magnitude;
    memcpy(out, &bits, at->traits->width);
    return MV_OK;
}

/* ---------------------------------------------------------------- other values to cells */

/* Do the 53 bits of a double hold this number exactly? */
static bool fits_double(uint64_t magnitude)
{
    return magnitude == 0 || magnitude >> MV_LOWEST_BIT(magnitude) < (uint64_t)1 << 53;
}

static mv_err put_real(const value_context *at, const mv_value *value, uint8_t *out,
                       mv_error *error)
{
    bool is_double = at->traits->width == sizeof(double);
    double real;
    if (value->kind == MV_KIND_REAL) {
        real = value->as.real;
        if (isnan(real)) return refuse_number(at, value, "is not a number", error);
    } else if (value->kind == MV_KIND_INT || value->kind == MV_KIND_UINT) {
        type_whole number = value->kind == MV_KIND_INT ? whole_of_int(value->as.i)
                                                       : (type_whole){.magnitude = value->as.u};
        if (is_double && !fits_double(number.magnitude))
            return refuse_number(at, value, "cannot be held exactly", error);
        real = number.negative ? -(double)number.magnitude : (double)number.magnitude;
    } else {
        return wrong_kind(at, value->kind, error);
    }
    if (is_double) {
        memcpy(out, &real, sizeof real);
        return MV_OK;
    }
    if (isfinite(real) && fabs(real) > (double)FLT_MAX)
        return refuse_number(at, value, "is out of range (-3.4028235e+38 to 3.4028235e+38)", error);
    float rounded = (float)real;
    memcpy(out, &rounded, sizeof rounded);
    return MV_OK;
}

/* Write a value of a fixed type to the `width` bytes at `out`. */
static mv_err put_fixed(const value_context *at, const mv_value *value, uint8_t *out,
                        mv_error *error)
{
    mv_assert(at->traits->width > 0);
    switch (at->traits->kind) {
    case TYPE_BOOL:
        if (value->kind != MV_KIND_BOOL) return wrong_kind(at, value->kind, error);
        *out = value->as.boolean;
        return MV_OK;
    case TYPE_REAL: return put_real(at, value, out, error);
    default: return put_whole(at, value, out, error);
    }
}

/* Make space for a cell of `size` bytes at the end of `out`. */
static mv_err reserve_cell(const value_context *at, size_t size, mem_buffer *out, mv_error *error)
{
    if (size > MV_ROW_SIZE_MAX)
        return error_set(error, MV_LIMIT,
                         "field '%.64s' has %zu bytes, a document holds at most %u", at->field,
                         size, MV_ROW_SIZE_MAX);
    if (!mem_buffer_reserve(out, size)) return error_memory(error, size, "a value");
    return MV_OK;
}

static mv_err put_string(const value_context *at, const mv_value *value, mem_buffer *out,
                         mv_error *error)
{
    if (value->kind != MV_KIND_STRING) return wrong_kind(at, value->kind, error);
    MV_TRY(reserve_cell(at, value->as.string.size, out, error));
    (void)mem_buffer_append(out, value->as.string.data, value->as.string.size);
    return MV_OK;
}

static mv_err put_sparse(const value_context *at, const mv_value *value, mem_buffer *out,
                         mv_error *error)
{
    if (value->kind != MV_KIND_SPARSE) return wrong_kind(at, value->kind, error);
    return sparse_encode(at->field, &value->as.sparse, out, error);
}

/* Are these float32, at any address, numbers that vectors may have? */
static bool are_vector_numbers(const void *bytes, size_t count)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        float number;
        memcpy(&number, (const uint8_t *)bytes + i * sizeof number, sizeof number);
        ok &= fabsf(number) <= MV_VECTOR_NUMBER_MAX;
    }
    return ok;
}

static mv_err put_multi(const value_context *at, const mv_value *value, mem_buffer *out,
                        mv_error *error)
{
    const mv_multi *multi = &value->as.multi;
    if (value->kind != MV_KIND_MULTI) return wrong_kind(at, value->kind, error);
    if (!are_vector_numbers(multi->numbers, multi->count))
        return error_set(error, MV_MISUSE,
                         "field '%.64s': a number of a vector is not from -1e15 to 1e15",
                         at->field);
    size_t size = mem_array_size(multi->count, sizeof *multi->numbers);
    MV_TRY(reserve_cell(at, size, out, error));
    (void)mem_buffer_append(out, multi->numbers, size);
    return MV_OK;
}

static mv_err put_fixed_array(value_context *at, const mv_value *list, mem_buffer *out,
                              mv_error *error)
{
    size_t width = at->traits->width, count = list->as.list.count, size;
    if (!mem_mul(count, width, &size)) size = SIZE_MAX;
    MV_TRY(reserve_cell(at, size, out, error));
    for (size_t i = 0; i < count; i++) {
        at->element = i + 1;
        MV_TRY(put_fixed(at, &list->as.list.items[i], out->data + out->size + i * width, error));
    }
    mv_assert(out->size + size <= out->capacity);
    out->size += size;
    return MV_OK;
}

static mv_err put_string_array(value_context *at, const mv_value *list, mem_buffer *out,
                               mv_error *error)
{
    size_t count = list->as.list.count, strings = 0, size;
    const mv_value *items = list->as.list.items;
    for (size_t i = 0; i < count; i++) {
        at->element = i + 1;
        if (items[i].kind != MV_KIND_STRING) return wrong_kind(at, items[i].kind, error);
        if (!mem_add(strings, items[i].as.string.size, &strings)) strings = SIZE_MAX;
    }
    if (!mem_mul(count, 4, &size) || !mem_add(size, 4, &size) || !mem_add(size, strings, &size))
        size = SIZE_MAX;
    MV_TRY(reserve_cell(at, size, out, error));

    /* The appends below cannot fail, nor can numbers overflow: `size` was reserved and limited. */
    size_t size_before = out->size;
    uint32_t count32 = (uint32_t)count, end = 0;
    (void)mem_buffer_append(out, &count32, 4);
    for (size_t i = 0; i < count; i++) {
        end += (uint32_t)items[i].as.string.size;
        (void)mem_buffer_append(out, &end, 4);
    }
    for (size_t i = 0; i < count; i++)
        (void)mem_buffer_append(out, items[i].as.string.data, items[i].as.string.size);
    mv_assert(out->size == size_before + size);
    (void)size_before;
    return MV_OK;
}

mv_err cell_from_value(mv_type type, const mv_value *value, const char *field, mem_buffer *out,
                       mv_error *error)
{
    value_context at = {.field = field, .traits = type_of(type)};
    bool is_text = at.traits->kind == TYPE_TEXT;
    if (type & MV_ARRAY) {
        if (value->kind != MV_KIND_LIST)
            return error_set(error, MV_MISUSE, "field '%.64s' wants a list, got %s", field,
                             kind_text(value->kind));
        return is_text ? put_string_array(&at, value, out, error)
                       : put_fixed_array(&at, value, out, error);
    }
    if (is_text) return put_string(&at, value, out, error);
    if (type_is_sparse(type)) return put_sparse(&at, value, out, error);
    if (type_is_multi(type)) return put_multi(&at, value, out, error);
    MV_TRY(reserve_cell(&at, at.traits->width, out, error));
    MV_TRY(put_fixed(&at, value, out->data + out->size, error));
    out->size += at.traits->width;
    return MV_OK;
}

/* ---------------------------------------------------------------- from cells to values */

/* The value of a fixed type. False: a bool that is neither 0 nor 1. */
static bool get_fixed(const type_traits *traits, const uint8_t *bytes, mv_value *value)
{
    bool is_wide = traits->width == 8;
    uint64_t bits = order_bits(traits, bytes);
    uint32_t low = (uint32_t)bits;
    float narrow;
    *value = (mv_value){.kind = MV_KIND_INT};
    switch (traits->kind) {
    case TYPE_BOOL:
        *value = (mv_value){.kind = MV_KIND_BOOL, .as.boolean = bits == 1};
        return bits <= 1;
    case TYPE_SIGNED: value->as.i = is_wide ? (int64_t)bits : (int32_t)low; break;
    case TYPE_REAL:
        value->kind = MV_KIND_REAL;
        memcpy(&narrow, &low, sizeof narrow);
        if (is_wide)
            memcpy(&value->as.real, &bits, sizeof bits);
        else
            value->as.real = (double)narrow;
        break;
    default:
        value->as.u = bits;
        if (bits > INT64_MAX) value->kind = MV_KIND_UINT;
    }
    return true;
}

static mv_err damaged_value(mv_type type, size_t size, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "a value of type %s is damaged (%zu bytes)",
                     type_name(type), size);
}

uint32_t cell_array_count(mv_type type, const uint8_t *bytes, size_t size)
{
    const type_traits *element = type_of(type);
    if (size > MV_ROW_SIZE_MAX) return UINT32_MAX;
    if (element->kind != TYPE_TEXT) {
        size_t width = element->width;
        return width == 0 || size % width ? UINT32_MAX : (uint32_t)(size / width);
    }
    uint32_t count, end = 0;
    if (size < 4) return UINT32_MAX;
    memcpy(&count, bytes, 4);
    if (count > (size - 4) / 4) return UINT32_MAX;
    if (count) memcpy(&end, bytes + (size_t)4 * count, 4);
    return end == size - 4 - (size_t)4 * count ? count : UINT32_MAX;
}

bool cell_array_string(const uint8_t *bytes, size_t size, uint32_t at, const char **data,
                       uint32_t *data_size)
{
    uint32_t count, start = 0, end;
    mv_assert(size >= 4);
    memcpy(&count, bytes, 4);
    mv_assert(at < count);
    size_t strings = 4 + (size_t)4 * count;
    if (at) memcpy(&start, bytes + (size_t)4 * at, 4);
    memcpy(&end, bytes + 4 + (size_t)4 * at, 4);
    if (start > end || end > size - strings) return false;
    *data = (const char *)bytes + strings + start;
    *data_size = end - start;
    return true;
}

static mv_err array_to_value(mv_type type, const uint8_t *bytes, size_t size, mem_arena *arena,
                             mv_value *value, mv_error *error)
{
    uint32_t count = cell_array_count(type, bytes, size);
    if (count == UINT32_MAX) return damaged_value(type, size, error);
    const type_traits *element = type_of(type);
    size_t width = element->width, items_size = count * sizeof(mv_value);
    mv_value *items = mem_arena_alloc(arena, items_size);
    if (!items) return error_memory(error, items_size, "a list");
    for (uint32_t i = 0; i < count; i++) {
        if (element->kind != TYPE_TEXT) {
            if (!get_fixed(element, bytes + i * width, &items[i]))
                return damaged_value(type, size, error);
            continue;
        }
        const char *data;
        uint32_t data_size;
        if (!cell_array_string(bytes, size, i, &data, &data_size))
            return damaged_value(type, size, error);
        items[i] = (mv_value){.kind = MV_KIND_STRING, .as.string = {data, data_size}};
    }
    *value = (mv_value){.kind = MV_KIND_LIST, .as.list = {items, count}};
    return MV_OK;
}

static mv_err sparse_to_value(const uint8_t *bytes, size_t size, mem_arena *arena, mv_value *value,
                              mv_error *error)
{
    if (!sparse_is_sound(bytes, size)) return damaged_value(MV_SPARSE_FP32, size, error);
    uint32_t count = sparse_count(size), *copy = mem_arena_alloc(arena, size + 1);
    if (!copy) return error_memory(error, size, "a sparse vector");
    if (size) memcpy(copy, bytes, size); /* a cell may have any address */
    mv_sparse sparse = {copy, (const float *)(const void *)(copy + count), count};
    *value = (mv_value){.kind = MV_KIND_SPARSE, .as.sparse = sparse};
    return MV_OK;
}

static mv_err multi_to_value(const uint8_t *bytes, size_t size, mem_arena *arena, mv_value *value,
                             mv_error *error)
{
    size_t count = size / sizeof(float);
    if (size % sizeof(float)) return damaged_value(MV_MULTI_FP32, size, error);
    float *copy = mem_arena_alloc(arena, size + 1);
    if (!copy) return error_memory(error, size, "a list of vectors");
    if (size) memcpy(copy, bytes, size); /* a cell may have any address */
    *value = (mv_value){.kind = MV_KIND_MULTI, .as.multi = {copy, count}};
    return MV_OK;
}

mv_err cell_to_value(mv_type type, const uint8_t *bytes, size_t size, mem_arena *arena,
                     mv_value *value, mv_error *error)
{
    if (type & MV_ARRAY) return array_to_value(type, bytes, size, arena, value, error);
    if (type_is_text(type)) {
        const char *data = size ? (const char *)bytes : ""; /* not NULL, also when it is empty */
        *value = (mv_value){.kind = MV_KIND_STRING, .as.string = {data, size}};
        return MV_OK;
    }
    if (type_is_sparse(type)) return sparse_to_value(bytes, size, arena, value, error);
    if (type_is_multi(type)) return multi_to_value(bytes, size, arena, value, error);
    if (size == 0 || size != cell_width(type) || !get_fixed(type_of(type), bytes, value))
        return damaged_value(type, size, error);
    return MV_OK;
}

mv_err cell_check(mv_type type, const uint8_t *bytes, size_t size, mv_error *error)
{
    const type_traits *element = type_of(type);
    bool is_text = element->kind == TYPE_TEXT;
    mv_value value;
    if (type_is_text(type)) return MV_OK;
    if (type_is_sparse(type))
        return sparse_is_sound(bytes, size) ? MV_OK : damaged_value(type, size, error);
    if (type_is_multi(type))
        return size % sizeof(float) || !are_vector_numbers(bytes, size / sizeof(float))
                   ? damaged_value(type, size, error)
                   : MV_OK;
    uint32_t count = cell_array_count((mv_type)(MV_ARRAY | type), bytes, size);
    if (count == UINT32_MAX || (!(type & MV_ARRAY) && count != 1))
        return damaged_value(type, size, error);
    for (uint32_t i = 0; i < count; i++) {
        const char *data;
        uint32_t data_size;
        if (is_text ? !cell_array_string(bytes, size, i, &data, &data_size)
                    : !get_fixed(element, bytes + i * element->width, &value))
            return damaged_value(type, size, error);
    }
    return MV_OK;
}
