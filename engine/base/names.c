/* The names of types, indexes and quantizers, and the numbers that belong to names. */
#include <string.h>

#include "base/index_kind.h"
#include "base/type.h"

#define NAMES_TYPE_END 128u /* all numbers of types are below */

static_assert((MV_ARRAY | (TYPE_COUNT - 1)) < NAMES_TYPE_END, "every scalar type is found by name");
static_assert(MV_VECTOR_INT8 < NAMES_TYPE_END, "every vector type is found by name");

static bool names_equal(const char *own, const char *name, size_t size)
{
    return own && strlen(own) == size && memcmp(own, name, size) == 0;
}

const char *mv_type_name(mv_type type)
{
    switch (type) {
    case MV_VECTOR_FP32: return "vector_fp32";
    case MV_VECTOR_FP16: return "vector_fp16";
    case MV_VECTOR_INT8: return "vector_int8";
    case MV_VECTOR_BINARY: return "vector_binary";
    default: return type & MV_ARRAY ? type_of(type)->array_name : type_of(type)->name;
    }
}

bool mv_type_from_name(const char *name, size_t size, mv_type *type)
{
    for (unsigned i = 0; i < NAMES_TYPE_END; i++) {
        if (!names_equal(mv_type_name((mv_type)i), name, size)) continue;
        *type = (mv_type)i;
        return true;
    }
    return false;
}

const char *mv_index_name(mv_index_type index)
{
    const index_kind *kind = index_kind_find(index);
    if (index == MV_INDEX_NONE) return "none";
    return kind ? kind->info.name : NULL;
}

bool mv_index_from_name(const char *name, size_t size, mv_index_type *index)
{
    for (int i = 0; mv_index_name((mv_index_type)i); i++) {
        if (!names_equal(mv_index_name((mv_index_type)i), name, size)) continue;
        *index = (mv_index_type)i;
        return true;
    }
    return false;
}

const char *const names_of_quantizers[QUANTIZERS_COUNT + 1] = {
    [MV_QUANTIZE_AUTO] = "auto", [MV_QUANTIZE_NONE] = "none", [MV_QUANTIZE_FP16] = "fp16",
    [MV_QUANTIZE_INT8] = "int8", [MV_QUANTIZE_INT4] = "int4", NULL};

const char *mv_quantize_name(mv_quantize quantize)
{
    size_t count = sizeof names_of_quantizers / sizeof *names_of_quantizers;
    return (size_t)quantize < count ? names_of_quantizers[quantize] : NULL;
}

bool mv_quantize_from_name(const char *name, size_t size, mv_quantize *quantize)
{
    for (int i = 0; mv_quantize_name((mv_quantize)i); i++) {
        if (!names_equal(mv_quantize_name((mv_quantize)i), name, size)) continue;
        *quantize = (mv_quantize)i;
        return true;
    }
    return false;
}
