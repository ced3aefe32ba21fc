/* Learners and learnt models. Each is a userdata that owns an object of the engine. */
#include "learnt_box.h"

#include "check_args.h"

#include <inttypes.h>
#include <stdio.h>

#define LEARNER_TYPE "moonvec.learner"
#define LEARNT_TYPE  "moonvec.learnt"

/* Size of the garbage collector step after a model was made, since the collector cannot see its
 * memory. Chosen. */
#define MODEL_KIB 1024

typedef struct learner_box {
    mv_learner *learner; /* NULL: finished */
} learner_box;

typedef struct learnt_box {
    mv_learnt *model;
} learnt_box;

static const char learn[] = "embed.learn";

static learner_box *check_learner(lua_State *L)
{
    learner_box *box = luaL_checkudata(L, 1, LEARNER_TYPE);
    if (!box->learner) raise_misuse(L, "%s: the learner has finished", learn);
    return box;
}

static mv_learnt *check_learnt(lua_State *L)
{
    return ((learnt_box *)luaL_checkudata(L, 1, LEARNT_TYPE))->model;
}

static learnt_box *push_learnt(lua_State *L)
{
    learnt_box *box = lua_newuserdata(L, sizeof *box);
    box->model = NULL;
    luaL_getmetatable(L, LEARNT_TYPE);
    lua_setmetatable(L, -2);
    return box;
}

int learnt_learner_call(lua_State *L)
{
    static const word tokenizers[] = {{"unicode", MV_TOKENIZER_UNICODE},
                                      {"code", MV_TOKENIZER_CODE},
                                      {"ngram", MV_TOKENIZER_NGRAM},
                                      {"whitespace", MV_TOKENIZER_WHITESPACE}};
    enum { DIM = 1, TOKENIZER, LANGUAGE, STOP_WORDS, MIN_COUNT, TERMS_MAX, SEED };
    const error_context where = {.call = learn};
    mv_error error = {0};
    lua_settop(L, SEED);
    const mv_learn_options options = {
        .dim = (uint32_t)luaL_optinteger(L, DIM, 0),
        .tokenizer = (mv_tokenizer)check_word(L, TOKENIZER, &where, "tokenizer", tokenizers, 4),
        .language = luaL_optstring(L, LANGUAGE, NULL),
        .stop_words = lua_toboolean(L, STOP_WORDS),
        .min_count = (uint32_t)luaL_checkinteger(L, MIN_COUNT),
        .terms_max = (uint32_t)luaL_checkinteger(L, TERMS_MAX),
        .seed = (uint64_t)luaL_checknumber(L, SEED),
    };
    learner_box *box = lua_newuserdata(L, sizeof *box);
    box->learner = NULL;
    luaL_getmetatable(L, LEARNER_TYPE);
    lua_setmetatable(L, -2);
    if (mv_learner_create(&options, &box->learner, &error)) return push_failure(L, learn, &error);
    return 1;
}

int learnt_add_call(lua_State *L)
{
    size_t size;
    mv_error error = {0};
    learner_box *box = check_learner(L);
    const char *text = luaL_checklstring(L, 2, &size);
    return push_outcome(L, learn, mv_learner_add(box->learner, text, size, &error), &error);
}

int learnt_finish_call(lua_State *L)
{
    mv_error error = {0};
    learner_box *box = check_learner(L);
    learnt_box *made = push_learnt(L);
    mv_err err = mv_learner_finish(box->learner, &made->model, &error);
    mv_learner_free(box->learner);
    box->learner = NULL;
    if (err) return push_failure(L, learn, &error);
    (void)lua_gc(L, LUA_GCSTEP, (LUA_GC_SIZE)MODEL_KIB);
    return 1;
}

int learnt_load_call(lua_State *L)
{
    mv_error error = {0};
    const char *path = luaL_checkstring(L, 1);
    learnt_box *box = push_learnt(L);
    if (mv_learnt_load(path, &box->model, &error)) return push_failure(L, "embed.load", &error);
    (void)lua_gc(L, LUA_GCSTEP, (LUA_GC_SIZE)MODEL_KIB);
    return 1;
}

int learnt_save_call(lua_State *L)
{
    mv_error error = {0};
    const mv_learnt *model = check_learnt(L);
    const char *path = luaL_checkstring(L, 2);
    return push_outcome(L, "save", mv_learnt_save(model, path, &error), &error);
}

int learnt_info_call(lua_State *L)
{
    mv_learnt_info info;
    char checksum[24];
    mv_learnt_describe(check_learnt(L), &info);
    (void)snprintf(checksum, sizeof checksum, "%016" PRIx64, info.checksum);
    lua_pushinteger(L, (lua_Integer)info.dim);
    lua_pushinteger(L, (lua_Integer)info.terms);
    lua_pushnumber(L, (lua_Number)info.texts);
    lua_pushstring(L, checksum);
    return 4;
}

int learnt_embed_call(lua_State *L)
{
    mv_error error = {0};
    mv_learnt_info info;
    mv_learnt *model = check_learnt(L);
    mv_learnt_describe(model, &info);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    int count = (int)lua_rawlen(L, 2);
    lua_createtable(L, count, 0);
    float *vector = check_block(L, info.dim, sizeof *vector);
    for (int i = 1; i <= count; i++) {
        size_t size;
        lua_rawgeti(L, 2, i);
        if (lua_type(L, -1) != LUA_TSTRING)
            raise_misuse(L, "embed: text %d must be a string, got a %s", i, value_type_name(L, -1));
        const char *text = lua_tolstring(L, -1, &size);
        if (mv_learnt_embed(model, text, size, vector, &error))
            return push_failure(L, "embed", &error);
        lua_pushlstring(L, (const char *)vector, mv_vector_size(MV_VECTOR_FP32, info.dim));
        lua_rawseti(L, 3, i);
        lua_pop(L, 1);
    }
    lua_settop(L, 3);
    return 1;
}

static int learner_gc(lua_State *L)
{
    learner_box *box = luaL_testudata(L, 1, LEARNER_TYPE);
    if (box) mv_learner_free(box->learner);
    if (box) box->learner = NULL;
    return 0;
}

static int learnt_gc(lua_State *L)
{
    learnt_box *box = luaL_testudata(L, 1, LEARNT_TYPE);
    if (box) mv_learnt_free(box->model);
    if (box) box->model = NULL;
    return 0;
}

void learnt_register(lua_State *L)
{
    luaL_newmetatable(L, LEARNER_TYPE);
    lua_pushcfunction(L, learner_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newmetatable(L, LEARNT_TYPE);
    lua_pushcfunction(L, learnt_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 2);
}
