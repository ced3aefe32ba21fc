/* The names of types, indexes and quantizers, and from a name back to its number. */
#include <string.h>

#include "base/type.h"

#define NAMES_TYPE_END 128u /* numbers of types are below */

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
    switch (index) {
    case MV_INDEX_NONE: return "none";
    case MV_INDEX_FLAT: return "flat";
    case MV_INDEX_HNSW: return "hnsw";
    case MV_INDEX_INVERT: return "invert";
    }
    return NULL;
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

const char *mv_quantize_name(mv_quantize quantize)
{
    switch (quantize) {
    case MV_QUANTIZE_AUTO: return "auto";
    case MV_QUANTIZE_NONE: return "none";
    case MV_QUANTIZE_FP16: return "fp16";
    case MV_QUANTIZE_INT8: return "int8";
    case MV_QUANTIZE_INT4: return "int4";
    }
    return NULL;
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
