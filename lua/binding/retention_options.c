/* Lua options -> mv_retention, and back. */
#include "retention_options.h"

#include "check_args.h"
#include "push_values.h"

#define LIMIT_MAX ((int64_t)1 << 53)

enum { EXPIRES, MAX_DOCUMENTS, MAX_BYTES, EVICT };

static const word rules[] = {{"oldest", MV_EVICT_OLDEST}, {"least_recent", MV_EVICT_LEAST_RECENT}};
static const size_t rules_count = sizeof rules / sizeof *rules;

static bool is_false(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TBOOLEAN && !lua_toboolean(L, index);
}

static void read_limit(lua_State *L, int index, const char *call, const char *name, uint64_t *limit)
{
    int64_t whole;
    if (lua_isnil(L, index)) return;
    if (is_false(L, index)) {
        *limit = 0;
        return;
    }
    if (!is_whole(L, index, &whole))
        raise_misuse(L, "%s: '%s' must be a whole number, or false for no limit, got %s %s", call,
                     name, lua_type(L, index) == LUA_TNUMBER ? "the number" : "a",
                     lua_type(L, index) == LUA_TNUMBER ? lua_tostring(L, index)
                                                       : value_type_name(L, index));
    if (whole < 1 || whole > LIMIT_MAX)
        raise_misuse(L, "%s: '%s' must be from 1 to 2^53, got %.14g", call, name, (double)whole);
    *limit = (uint64_t)whole;
}

void retention_read(lua_State *L, int at, const char *call, mv_retention *retention)
{
    const error_context where = {.call = call};
    if (is_false(L, at + EXPIRES))
        retention->expires = NULL;
    else if (!lua_isnil(L, at + EXPIRES))
        retention->expires = check_string(L, at + EXPIRES, call, "expires");
    read_limit(L, at + MAX_DOCUMENTS, call, "max_documents", &retention->max_documents);
    read_limit(L, at + MAX_BYTES, call, "max_bytes", &retention->max_bytes);
    bool has_limit = retention->max_documents || retention->max_bytes;
    if (is_false(L, at + EVICT) || (lua_isnil(L, at + EVICT) && !has_limit))
        retention->evict = MV_EVICT_OLDEST;
    else if (!lua_isnil(L, at + EVICT))
        retention->evict = (mv_evict)check_word(L, at + EVICT, &where, "evict", rules, rules_count);
    if (!lua_isnil(L, at + EVICT) && !is_false(L, at + EVICT) && !has_limit)
        raise_misuse(L, "%s: 'evict' needs 'max_documents' or 'max_bytes'", call);
}

void retention_set(lua_State *L, const mv_retention *retention)
{
    if (retention->expires) set_string(L, "expires", retention->expires);
    if (retention->max_documents) set_unsigned(L, "max_documents", retention->max_documents);
    if (retention->max_bytes) set_unsigned(L, "max_bytes", retention->max_bytes);
    if (retention->max_documents || retention->max_bytes)
        set_string(L, "evict", word_text(rules, rules_count, (int)retention->evict));
}
