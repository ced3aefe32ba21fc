/* The table of index types, and access to their options by the descriptions in it. */
#include "base/index_kind.h"

#include <string.h>

#define KINDS_ADDED_MAX 4u

static const index_kind flat_kind = {
    .info = {.type = MV_INDEX_FLAT, .name = "flat", .of_vectors = true},
    .schema_format = 1,
};

#define INDEX_KIND_ADDRESS(name) &name##_kind,
static const index_kind *const index_kinds[] = {&flat_kind, INDEX_KINDS(INDEX_KIND_ADDRESS)};
#undef INDEX_KIND_ADDRESS

#define INDEX_KINDS_COUNT ((uint32_t)(sizeof index_kinds / sizeof *index_kinds))

static const index_kind *kinds_added[KINDS_ADDED_MAX];
static uint32_t kinds_added_count;

/* ---------------------------------------------------------------- the table */

const index_kind *index_kind_at(uint32_t position)
{
    if (position < INDEX_KINDS_COUNT) return index_kinds[position];
    position -= INDEX_KINDS_COUNT;
    return position < kinds_added_count ? kinds_added[position] : NULL;
}

const index_kind *index_kind_find(mv_index_type type)
{
    const index_kind *kind;
    for (uint32_t i = 0; (kind = index_kind_at(i)); i++)
        if (kind->info.type == type) return kind;
    return NULL;
}

const index_kind *index_kind_of_file(uint32_t file_kind)
{
    const index_kind *kind;
    for (uint32_t i = 0; file_kind && (kind = index_kind_at(i)); i++)
        if (kind->file_kind == file_kind) return kind;
    return NULL;
}

const mv_index_info *mv_index_info_at(uint32_t position)
{
    const index_kind *kind = index_kind_at(position);
    return kind ? &kind->info : NULL;
}

static bool kinds_clash(const index_kind *a, const index_kind *b)
{
    if (a->info.type == b->info.type || strcmp(a->info.name, b->info.name) == 0) return true;
    if (!a->file_kind || !b->file_kind) return false;
    return a->file_kind == b->file_kind || strcmp(a->file_ending, b->file_ending) == 0 ||
           (a->sections_first < b->sections_first + b->sections_count &&
            b->sections_first < a->sections_first + a->sections_count);
}

mv_err index_kind_add(const index_kind *added, mv_error *error)
{
    const index_kind *kind;
    mv_assert(added->info.name);
    mv_assert(!added->info.has_files == !added->file_kind);
    mv_assert(!added->file_kind == !added->file_ending);
    for (uint32_t i = 0; (kind = index_kind_at(i)); i++)
        if (kinds_clash(kind, added))
            return error_set(error, MV_MISUSE, "index type '%s' uses a number or name of '%s'",
                             added->info.name, kind->info.name);
    if (kinds_added_count == KINDS_ADDED_MAX)
        return error_set(error, MV_MISUSE, "index type '%s': at most %u can be added",
                         added->info.name, KINDS_ADDED_MAX);
    kinds_added[kinds_added_count++] = added;
    return MV_OK;
}

/* ---------------------------------------------------------------- options */

static_assert(sizeof(mv_quantize) == sizeof(uint32_t), "an enum is read as four bytes");
static_assert(sizeof(double) == sizeof(uint64_t), "a number is read as eight bytes");

static size_t member_size(const mv_member_info *member)
{
    bool is_large = member->kind == MV_MEMBER_U64 || member->kind == MV_MEMBER_REAL;
    if (member->kind == MV_MEMBER_STOP_WORDS) return sizeof(const char *);
    return is_large ? sizeof(uint64_t) : sizeof(uint32_t);
}

/* Little-endian: the low bytes come first. */
uint64_t index_kind_get(const mv_member_info *option, const mv_index_options *options)
{
    uint64_t value = 0;
    mv_assert(option->offset + member_size(option) <= sizeof *options);
    memcpy(&value, (const uint8_t *)options + option->offset, member_size(option));
    return value;
}

void index_kind_set(const mv_member_info *option, uint64_t value, mv_index_options *options)
{
    mv_assert(option->offset + member_size(option) <= sizeof *options);
    mv_assert(member_size(option) == sizeof value || value <= UINT32_MAX);
    memcpy((uint8_t *)options + option->offset, &value, member_size(option));
}

void index_kind_complete(const index_kind *kind, const mv_index_options *given,
                         mv_index_options *out)
{
    *out = (mv_index_options){.type = kind->info.type};
    for (uint32_t i = 0; i < kind->info.options_count; i++) {
        const mv_member_info *option = &kind->info.options[i];
        uint64_t value = index_kind_get(option, given);
        index_kind_set(option, value ? value : option->default_value, out);
    }
}

bool index_kind_same_value(const mv_member_info *option, const mv_index_options *a,
                           const mv_index_options *b)
{
    if (index_kind_get(option, a) == index_kind_get(option, b)) return true;
    if (option->kind != MV_MEMBER_STOP_WORDS) return false;
    const char *x = index_kind_stop_words(option, a), *y = index_kind_stop_words(option, b);
    return x && y && strcmp(x, y) == 0;
}

bool index_kind_same_options(const mv_index_options *a, const mv_index_options *b)
{
    const index_kind *kind = index_kind_find(a->type);
    if (a->type != b->type) return false;
    for (uint32_t i = 0; kind && i < kind->info.options_count; i++) {
        if (!index_kind_same_value(&kind->info.options[i], a, b)) return false;
    }
    return true;
}

uint32_t index_kind_words(const mv_member_info *option)
{
    uint32_t count = 0;
    mv_assert(index_kind_has_words(option));
    mv_assert(option->words);
    while (option->words[count]) count++;
    return count;
}
