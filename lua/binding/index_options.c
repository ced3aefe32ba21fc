/* Indexes of fields. */
#include "index_options.h"

#include "check_args.h"
#include "push_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TYPES_MAX   16 /* of indexes */
#define OPTIONS_MAX 64 /* different names of options, "type" included */

/* The types that a field may have, and the names of all their options. */
typedef struct choice {
    word types[TYPES_MAX];
    const mv_index_info *infos[TYPES_MAX];
    int types_count;
    const char *options[OPTIONS_MAX]; /* "type" first */
    int options_count;
} choice;

static int find_option(const choice *c, const char *name)
{
    for (int i = 0; i < c->options_count; i++)
        if (strcmp(c->options[i], name) == 0) return i;
    return -1;
}

static void choose(choice *c, bool of_vectors)
{
    const mv_index_info *info;
    *c = (choice){.options = {"type"}, .options_count = 1};
    for (uint32_t i = 0; (info = mv_index_info_at(i)) && c->types_count < TYPES_MAX; i++) {
        if (info->of_vectors != of_vectors) continue;
        if (info->type == MV_INDEX_SPARSE) continue; /* index_read_sparse */
        c->infos[c->types_count] = info;
        c->types[c->types_count++] = (word){info->name, (int)info->type};
        for (uint32_t j = 0; j < info->options_count && c->options_count < OPTIONS_MAX; j++)
            if (find_option(c, info->options[j].name) < 0)
                c->options[c->options_count++] = info->options[j].name;
    }
}

static const mv_index_info *find_info(mv_index_type type)
{
    const mv_index_info *info = NULL;
    for (uint32_t i = 0; (info = mv_index_info_at(i)); i++)
        if (info->type == type) break;
    return info;
}

/* "'flat', 'hnsw'" */
static void list_types(const choice *c, char *out, size_t size)
{
    size_t used = 0;
    *out = 0;
    for (int i = 0; i < c->types_count && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s'%s'", i ? ", " : "", c->types[i].text);
}

/* ---------------------------------------------------------------- in */

#define WHOLE_WANTED "%s: '%s' must be a whole number from %" PRIu64 " to %" PRIu64 ", got "

/* The number that the string at `index` consists of, or 0. */
static uint64_t digits_value(lua_State *L, int index)
{
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) return 0;
        value = value * 10 + digit;
    }
    return value;
}

/* A number of 64 bits, at least 1. Beyond what Lua's numbers hold, a decimal string. */
static uint64_t check_large(lua_State *L, int index, const char *call, const mv_member_info *option)
{
    mv_value value = {.kind = MV_KIND_NULL};
    int64_t whole;
    uint64_t number = 0;
    size_t size;
    char quoted[MV_QUOTE_SIZE];
    if (lua_type(L, index) == LUA_TSTRING)
        number = digits_value(L, index);
    else if (is_cdata_integer(L, index, &value))
        number = value.kind == MV_KIND_INT && value.as.i < 0 ? 0 : value.as.u;
    else if (is_whole(L, index, &whole) && whole > 0)
        number = (uint64_t)whole;
    if (number && number >= option->min && number <= option->max) return number;
    if (lua_type(L, index) == LUA_TNUMBER)
        raise_misuse(L, WHOLE_WANTED "%.14g", call, option->name, option->min, option->max,
                     lua_tonumber(L, index));
    if (lua_type(L, index) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, index, &size);
        raise_misuse(L, WHOLE_WANTED "'%s'", call, option->name, option->min, option->max,
                     mv_quote(text, size, quoted));
    }
    raise_misuse(L, WHOLE_WANTED "a %s", call, option->name, option->min, option->max,
                 value_type_name(L, index));
}

/* Its values are booleans in Lua. */
static bool is_boolean(const mv_member_info *member)
{
    return member->kind == MV_MEMBER_WORD && member->words[1] &&
           (strcmp(member->words[0], "false") == 0 || strcmp(member->words[0], "true") == 0);
}

static uint64_t check_named(lua_State *L, int index, const char *call, const mv_member_info *option)
{
    if (is_boolean(option)) {
        if (lua_type(L, index) != LUA_TBOOLEAN)
            raise_misuse(L, "%s: '%s' must be true or false, got a %s", call, option->name,
                         value_type_name(L, index));
        return strcmp(option->words[1], lua_toboolean(L, index) ? "true" : "false") == 0;
    }
    word words[WORDS_MAX];
    size_t count = 0;
    error_context within = {.call = call};
    for (; count < WORDS_MAX && option->words[count]; count++)
        words[count] = (word){option->words[count], (int)count};
    return (uint64_t)check_word(L, index, &within, option->name, words, count);
}

static bool is_word(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] <= ' ') return false;
    return size > 0;
}

/* The words of the array at `index`, with spaces between. The string stays on the stack. */
static const char *check_word_list(lua_State *L, int index, const char *call, const char *name)
{
    luaL_Buffer list;
    size_t size;
    char quoted[MV_QUOTE_SIZE];
    error_context where = {.call = call};
    int count = (int)check_array(L, index, &where, "an array of stop words");
    luaL_checkstack(L, LUA_MINSTACK, call);
    luaL_buffinit(L, &list);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, index, i);
        if (lua_type(L, -1) != LUA_TSTRING)
            raise_misuse(L, "%s: '%s' must have strings, element %d is a %s", call, name, i,
                         value_type_name(L, -1));
        const char *text = lua_tolstring(L, -1, &size);
        if (!is_word(text, size))
            raise_misuse(L, "%s: '%s' must have single words, element %d is '%s'", call, name, i,
                         mv_quote(text, size, quoted));
        luaL_addvalue(&list);
        if (i < count) luaL_addchar(&list, ' ');
    }
    luaL_pushresult(&list);
    return lua_tostring(L, -1);
}

static const char *check_stop_words(lua_State *L, int index, const char *call, const char *name)
{
    if (lua_type(L, index) == LUA_TTABLE) return check_word_list(L, index, call, name);
    if (lua_type(L, index) != LUA_TBOOLEAN)
        raise_misuse(L, "%s: '%s' must be true, false or an array of words, got a %s", call, name,
                     value_type_name(L, index));
    return lua_toboolean(L, index) ? MV_STOP_WORDS_OF_LANGUAGE : NULL;
}

/* Set the option from the value at `index`. A string that it points to stays on the stack. */
static void read_option(lua_State *L, int index, const char *call, const mv_member_info *option,
                        mv_index_options *out)
{
    uint8_t *member = (uint8_t *)out + option->offset;
    uint32_t number;
    uint64_t large;
    double real, least, most;
    const char *words;
    switch (option->kind) {
    case MV_MEMBER_WORD:
    case MV_MEMBER_QUANTIZE: number = (uint32_t)check_named(L, index, call, option); break;
    case MV_MEMBER_U32:
        number = check_whole(L, index, call, option->name, (uint32_t)option->min,
                             (uint32_t)option->max, 0);
        break;
    case MV_MEMBER_REAL:
        memcpy(&least, &option->min, sizeof least);
        memcpy(&most, &option->max, sizeof most);
        real = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : -1;
        if (!(real >= least && real <= most))
            raise_misuse(L, "%s: '%s' must be a number from %g to %g", call, option->name, least,
                         most);
        memcpy(member, &real, sizeof real);
        return;
    case MV_MEMBER_STOP_WORDS:
        words = check_stop_words(L, index, call, option->name);
        memcpy(member, &words, sizeof words);
        return;
    default:
        large = check_large(L, index, call, option);
        memcpy(member, &large, sizeof large);
        return;
    }
    memcpy(member, &number, sizeof number);
}

/* "an index is 'flat', 'hnsw' or a table with such a 'type'" */
_Noreturn static void raise_no_index(lua_State *L, const error_context *where, const choice *c,
                                     int index)
{
    char types[128];
    list_types(c, types, sizeof types);
    if (c->types_count == 1)
        raise_at(L, where, "an index is %s or { type = %s }, got a %s", types, types,
                 value_type_name(L, index));
    raise_at(L, where, "an index is %s or a table with such a 'type', got a %s", types,
             value_type_name(L, index));
}

mv_index_options index_read(lua_State *L, int index, const error_context *where, bool of_vectors)
{
    char call[128 + MV_QUOTE_SIZE], types[128], quoted[MV_QUOTE_SIZE];
    choice c;
    mv_index_options out = {.type = MV_INDEX_NONE};
    bool has_options = lua_type(L, index) == LUA_TTABLE;
    if (lua_isnil(L, index)) return out;
    choose(&c, of_vectors);
    (void)snprintf(call, sizeof call, "%s: field '%s': index", where->call,
                   mv_quote(where->field, strlen(where->field), quoted));
    int at = has_options ? check_options(L, index, call, c.options, c.options_count) : index;
    if (has_options && lua_isnil(L, at)) {
        list_types(&c, types, sizeof types);
        raise_misuse(L, "%s has no 'type' (valid: %s)", call, types);
    }
    if (lua_type(L, at) != LUA_TSTRING) raise_no_index(L, where, &c, at);
    out.type = (mv_index_type)check_word(L, at, where,
                                         of_vectors ? "index type" : "index type of a scalar field",
                                         c.types, (size_t)c.types_count);
    if (!has_options) return out;

    const mv_index_info *info = find_info(out.type);
    bool is_known[OPTIONS_MAX] = {true};
    for (uint32_t i = 0; i < info->options_count; i++)
        is_known[find_option(&c, info->options[i].name)] = true;
    for (int i = 0; i < c.options_count; i++)
        if (!is_known[i] && !lua_isnil(L, at + i))
            raise_misuse(L, "%s: %s %s index has no option '%s'", call,
                         strchr("aeiou", *info->name) ? "an" : "a", info->name, c.options[i]);
    for (uint32_t i = 0; i < info->options_count; i++) {
        int option_at = at + find_option(&c, info->options[i].name);
        if (!lua_isnil(L, option_at)) read_option(L, option_at, call, &info->options[i], &out);
    }
    return out;
}

mv_index_options index_read_sparse(lua_State *L, int index, const error_context *where)
{
    static const word types[] = {{"sparse", MV_INDEX_SPARSE}, {"flat", MV_INDEX_NONE}};
    static const char *const options[] = {"type"};
    mv_index_options out = {.type = MV_INDEX_SPARSE};
    if (lua_isnil(L, index)) return out;
    if (lua_type(L, index) == LUA_TTABLE) index = check_options(L, index, where->call, options, 1);
    if (lua_type(L, index) != LUA_TSTRING)
        raise_at(L, where, "an index is 'sparse', 'flat' or a table with such a 'type', got a %s",
                 value_type_name(L, index));
    out.type = (mv_index_type)check_word(L, index, where, "index type of a sparse vector", types,
                                         sizeof types / sizeof *types);
    return out;
}

/* ---------------------------------------------------------------- out */

/* Set stop words in the table on top: true, false or the list. */
static void set_stop_words(lua_State *L, const char *name, const char *words)
{
    if (!words || strcmp(words, MV_STOP_WORDS_OF_LANGUAGE) == 0) {
        set_boolean(L, name, words != NULL);
        return;
    }
    lua_newtable(L);
    for (int i = 1; *words; i++) {
        size_t size = strcspn(words, " ");
        lua_pushlstring(L, words, size);
        lua_rawseti(L, -2, i);
        words += size + (words[size] == ' ');
    }
    lua_setfield(L, -2, name);
}

/* Set the members described in the table on top, read from `from`. */
static void set_members(lua_State *L, const mv_member_info *members, uint32_t count,
                        const void *from)
{
    for (uint32_t i = 0; i < count; i++) {
        const mv_member_info *member = &members[i];
        const uint8_t *at = (const uint8_t *)from + member->offset;
        uint32_t number;
        uint64_t large;
        double real;
        const char *stop_words;
        memcpy(&number, at, sizeof number);
        switch (member->kind) {
        case MV_MEMBER_WORD:
        case MV_MEMBER_QUANTIZE:
            if (is_boolean(member))
                set_boolean(L, member->name, strcmp(member->words[number], "true") == 0);
            else
                set_string(L, member->name, member->words[number]);
            break;
        case MV_MEMBER_U32: set_unsigned(L, member->name, number); break;
        case MV_MEMBER_U64:
            memcpy(&large, at, sizeof large);
            set_unsigned(L, member->name, large);
            break;
        case MV_MEMBER_REAL:
            memcpy(&real, at, sizeof real);
            set_number(L, member->name, real);
            break;
        case MV_MEMBER_STOP_WORDS:
            memcpy(&stop_words, at, sizeof stop_words);
            set_stop_words(L, member->name, stop_words);
            break;
        }
    }
}

void index_push(lua_State *L, const mv_index_options *options)
{
    const mv_index_info *info = find_info(options->type);
    lua_createtable(L, 0, 1 + (int)info->options_count);
    set_string(L, "type", info->name);
    set_members(L, info->options, info->options_count, options);
}

void index_push_stats(lua_State *L, const mv_index_stats *stats)
{
    const mv_index_info *info = find_info(stats->type);
    lua_createtable(L, 0, 10);
    set_string(L, "type", info->name);
    set_unsigned(L, "rows", stats->rows);
    set_number(L, "completeness",
               !info->has_files || !stats->rows
                   ? 1.0 /* every row is looked at */
                   : (double)stats->indexed_rows / (double)stats->rows);
    if (!info->has_files) return;
    set_unsigned(L, "indexed_rows", stats->indexed_rows);
    set_unsigned(L, info->plural, stats->segments);
    set_unsigned(L, "bytes", stats->bytes);
    if (*stats->warning) set_string(L, "warning", stats->warning);
    if (stats->segments) set_members(L, info->stats, info->stats_count, stats);
}
