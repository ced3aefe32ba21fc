/* The facts of index types that more than one folder needs.
 *
 * storage/ names the files of indexes, and checks and stores their options. index/ has the
 * functions that build and search them. Neither may include the other, so the facts that both need
 * are in base/, below them: one constant for each type (base/hnsw_kind.c). A constant holds data
 * and no functions of index/, so that base/ calls nothing above it. Storage needs only this data,
 * and the table of types is complete without a call that registers them. */
#ifndef MV_INDEX_KIND_H
#define MV_INDEX_KIND_H

#include <string.h>

#include "base/error.h"

/* The types that have files. For each name there are two constants: <name>_kind, declared here, and
 * <name>_index, declared in index/index.h. Both tables are made from this list. */
#define INDEX_KINDS(X)                                                                             \
    X(hnsw)                                                                                        \
    X(invert)                                                                                      \
    X(fulltext)                                                                                    \
    X(sparse)

typedef struct index_kind {
    mv_index_info info;
    /* The files of a type that has files. The numbers are part of the format of collections. */
    uint32_t file_kind;      /* a number beside those of section_file_kind (storage/section_file.h);
                              * 0: the type has no files */
    const char *file_ending; /* of file names: "hnsw" in 000004.2.hnsw */
    uint32_t sections_first; /* its section kinds: this one and the sections_count - 1 after it */
    uint32_t sections_count;
    uint32_t schema_format; /* a schema with this index has this format, or a newer one */
    /* For each option the first format of schemas that stores it: with another value than the
     * default, a schema has this format, or a newer one. NULL: schema_format. */
    const uint8_t *option_formats;
    /* True when a field of this type and metric (scalar fields: 0) may have the index. NULL: always
     * true. */
    bool (*takes)(mv_type type, mv_metric metric);
} index_kind;

#define INDEX_KIND_DECLARE(name) extern const index_kind name##_kind;
INDEX_KINDS(INDEX_KIND_DECLARE)
#undef INDEX_KIND_DECLARE

/* All types, from position 0 on; MV_INDEX_FLAT is the first. NULL: there are no more. */
const index_kind *index_kind_at(uint32_t position);
/* The type with this number, or whose files are of this kind. NULL: there is none. */
const index_kind *index_kind_find(mv_index_type type);
const index_kind *index_kind_of_file(uint32_t file_kind);

/* Add a type until the process ends. For index_add, which is for tests; no other thread may use the
 * engine meanwhile. MV_MISUSE: another type has the same name, file ending or number. */
mv_err index_kind_add(const index_kind *kind, mv_error *error);

/* ---- options */

/* Read or set one option. That of stop words is a pointer. */
uint64_t index_kind_get(const mv_member_info *option, const mv_index_options *options);
void index_kind_set(const mv_member_info *option, uint64_t value, mv_index_options *options);
static inline const char *index_kind_stop_words(const mv_member_info *option,
                                                const mv_index_options *options)
{
    return (const char *)(uintptr_t)index_kind_get(option, options);
}
/* True when these stop words are a list of the user's own. */
static inline bool index_kind_has_list(const char *stop_words)
{
    return stop_words && strcmp(stop_words, MV_STOP_WORDS_OF_LANGUAGE) != 0;
}
/* Copy the options of the type to `out`. An option that is 0 gets its default. */
void index_kind_complete(const index_kind *kind, const mv_index_options *given,
                         mv_index_options *out);
bool index_kind_same_value(const mv_member_info *option, const mv_index_options *a,
                           const mv_index_options *b);
/* True when both have the same type, and the same values of all options of that type. */
bool index_kind_same_options(const mv_index_options *a, const mv_index_options *b);
/* True when the member is an enum whose values have names. */
static inline bool index_kind_has_words(const mv_member_info *member)
{
    return member->kind == MV_MEMBER_WORD || member->kind == MV_MEMBER_QUANTIZE;
}
/* The number of names of such a member. */
uint32_t index_kind_words(const mv_member_info *option);

#endif
