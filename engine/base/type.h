/* The types of scalar fields: how each is named, stored, compared and read, in one table. The table
 * is in base because storage, index and query all need it, and index and storage may not include
 * each other.
 *
 * The code for values depends on kind and width, not on the type. A type that is stored and
 * compared like another one is a number in moonvec.h and a row of the table in type.c: cells, order
 * keys, zones, filters, inverted lists and order_by then work for it. */
#ifndef MV_TYPE_H
#define MV_TYPE_H

#include "base/config.h"
#include "moonvec.h"

typedef enum type_kind {
    TYPE_NONE = 0, /* no scalar type */
    TYPE_TEXT,     /* bytes of any size, compared byte by byte */
    TYPE_BOOL,     /* one byte, 0 or 1 */
    TYPE_SIGNED,   /* whole numbers in two's complement */
    TYPE_UNSIGNED,
    TYPE_REAL,   /* IEEE 754 */
    TYPE_SPARSE, /* a sparse vector (vector/sparse.h): of any size, and without an order */
    TYPE_MULTI,  /* several vectors: likewise */
} type_kind;

/* A whole number from -2^63 to 2^64 - 1. */
typedef struct type_whole {
    bool negative; /* never for zero */
    uint64_t magnitude;
} type_whole;

/* Read a whole number from text. */
typedef enum type_reading {
    TYPE_READ = 0,
    TYPE_READ_RANGE,   /* a number, but beyond 64 bits */
    TYPE_READ_NOTHING, /* no number: an error shows the text, a space, and `why` */
} type_reading;
#define TYPE_WHY_SIZE 128
typedef type_reading type_reader(const char *text, size_t size, type_whole *out,
                                 char why[TYPE_WHY_SIZE]);

typedef struct type_traits {
    const char *name;       /* NULL: there is no such type */
    const char *array_name; /* of MV_ARRAY | type; NULL: there is no such type */
    type_kind kind;
    uint32_t width;         /* bytes of a value; 0: values differ in size */
    uint32_t schema_format; /* the first format of stored schemas with the type (schema_format.c) */
    const char *wants;      /* what values a field of the type accepts, for error texts */
    type_reader *read;      /* whole numbers only: reads one from text. NULL: text is refused */
} type_traits;

#define TYPE_COUNT 32u /* all numbers of scalar types are below; MV_ARRAY is the next bit */
extern const type_traits type_table[TYPE_COUNT];

/* The type of a single value: without MV_ARRAY. */
static inline mv_type type_element(mv_type type)
{
    return (mv_type)((unsigned)type & ~(unsigned)MV_ARRAY);
}

/* The traits of a scalar type, or of the elements of an array type. Any other number has the traits
 * of TYPE_NONE, with name NULL and width 0. */
static inline const type_traits *type_of(mv_type type)
{
    unsigned element = (unsigned)type & ~(unsigned)MV_ARRAY;
    return &type_table[element < TYPE_COUNT ? element : 0];
}

/* Is a value of the type one text (not an array of texts)? */
static inline bool type_is_text(mv_type type)
{
    return !(type & MV_ARRAY) && type_of(type)->kind == TYPE_TEXT;
}

static inline bool type_is_sparse(mv_type type)
{
    return type_of(type)->kind == TYPE_SPARSE;
}
static inline bool type_is_multi(mv_type type)
{
    return type_of(type)->kind == TYPE_MULTI;
}
/* Is a value of the type a vector or several? Such values are not compared. */
static inline bool type_is_of_vectors(mv_type type)
{
    return type_is_sparse(type) || type_is_multi(type);
}

/* For error texts: mv_type_name (names.c), or "unknown". */
const char *type_name(mv_type type);

/* The names of mv_quantize, from 0 on, up to a NULL (names.c). */
enum { QUANTIZERS_COUNT = MV_QUANTIZE_INT4 + 1 };
extern const char *const names_of_quantizers[QUANTIZERS_COUNT + 1];
/* Languages of stemming: "none", then as Snowball names them. NULL at the end. */
extern const char *const names_of_languages[];

#endif
