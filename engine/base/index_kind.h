/* What every room must know of an index type, and no function of it.
 *
 * Storage names the files of indexes, checks and stores their options; the room index has the
 * functions that build and search them. Neither may include the other, so that what both need lies
 * beneath them: a constant for each type, of the name of its file (base/hnsw_kind.c). It is data,
 * so that base calls nothing above it. */
#ifndef MV_INDEX_KIND_H
#define MV_INDEX_KIND_H

#include "base/error.h"

/* The types that have files. For each name X there are `X_kind` here and `X_index` in
 * index/index.h: this list is all that names them. */
#define INDEX_KINDS(X)                                                                             \
    X(hnsw)                                                                                        \
    X(invert)

typedef struct index_kind {
    mv_index_info info;
    /* Of its files; the numbers are part of the format. All 0: it has none. */
    uint32_t file_kind;      /* as section_file_kind, of which it is one more */
    const char *file_ending; /* "000004.2.<ending>" */
    uint32_t sections_first; /* kinds of sections: this one and those behind it */
    uint32_t sections_count;
    uint32_t
        schema_format; /* the first format of schemas that has it (storage/schema_format_save.c) */
    /* May a field of this type have it? `metric` is 0 for scalar fields. NULL: any may. */
    bool (*takes)(mv_type type, mv_metric metric);
} index_kind;

#define INDEX_KIND_DECLARE(name) extern const index_kind name##_kind;
INDEX_KINDS(INDEX_KIND_DECLARE)
#undef INDEX_KIND_DECLARE

/* All types, counted from 0, MV_INDEX_FLAT being the first; NULL: there are no more. */
const index_kind *index_kind_at(uint32_t position);
/* NULL: there is no such type, or no type with files of that kind. */
const index_kind *index_kind_find(mv_index_type type);
const index_kind *index_kind_of_file(uint32_t file_kind);

/* Add a type, which stays until the process ends, while no other thread is in the engine. For tests
 * (index_add). MV_MISUSE: a number or name of it is in use. */
mv_err index_kind_add(const index_kind *kind, mv_error *error);

/* ---- options, of which the type is known */

uint64_t index_kind_get(const mv_member_info *option, const mv_index_options *options);
/* `out` becomes what was given, with the defaults of what was left out. */
void index_kind_complete(const index_kind *kind, const mv_index_options *given,
                         mv_index_options *out);
void index_kind_set(const mv_member_info *option, uint64_t value, mv_index_options *options);
/* The same type, and the same options? Of those that the type does not have the bytes do not count.
 */
bool index_kind_same_options(const mv_index_options *a, const mv_index_options *b);
/* Is it an enum, whose values have names? */
static inline bool index_kind_has_words(const mv_member_info *member)
{
    return member->kind == MV_MEMBER_WORD || member->kind == MV_MEMBER_QUANTIZE;
}
/* How many names such a member has. */
uint32_t index_kind_words(const mv_member_info *option);

#endif
