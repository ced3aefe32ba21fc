/* Embedders. The parts of a model come as a table that lua/moonvec/embed/static.lua has made and
 * checked; its members are named as in mv_embedder_options. What is wrong with a type raises. */
#include "embedder_box.h"

#include "check_args.h"
#include "vector_box.h"

#include <stdio.h>

#define EMBEDDER_TYPE "moonvec.embedder"

#define TEXTS_AT_ONCE 64 /* texts for one call of the engine: their vectors fit in a cache */

typedef struct embedder_box {
    mv_embedder *embedder; /* NULL: not opened */
} embedder_box;

/* ---------------------------------------------------------------- members of tables */

/* Each reads a member of the table at `index`, and leaves the stack as it was. A string is lent by
 * Lua as long as it is in the table. */

static mv_text text_member(lua_State *L, int index, const char *name)
{
    mv_text text = {NULL, 0};
    lua_getfield(L, index, name);
    if (lua_type(L, -1) == LUA_TSTRING)
        text.data = lua_tolstring(L, -1, &text.size);
    else if (!lua_isnil(L, -1))
        raise_misuse(L, "embed: '%s' must be a string, got a %s", name, value_type_name(L, -1));
    lua_pop(L, 1);
    return text;
}

static bool boolean_member(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* A whole number from 0 to `most`, at most 2^53. */
static uint64_t whole_member(lua_State *L, int index, const char *name, double most,
                             uint64_t otherwise)
{
    lua_getfield(L, index, name);
    uint64_t value = otherwise;
    if (!lua_isnil(L, -1)) {
        double given = (double)lua_tonumber(L, -1);
        if (lua_type(L, -1) != LUA_TNUMBER || !(given >= 0 && given <= most) ||
            given != (double)(uint64_t)given)
            raise_misuse(L, "embed: '%s' must be a whole number from 0 to %.0f", name, most);
        value = (uint64_t)given;
    }
    lua_pop(L, 1);
    return value;
}

static uint32_t small_member(lua_State *L, int index, const char *name, uint32_t otherwise)
{
    return (uint32_t)whole_member(L, index, name, UINT32_MAX, otherwise);
}

/* The number of the word of `words` that a member names. */
static int word_member(lua_State *L, int index, const char *name, const word *words,
                       size_t words_count)
{
    error_context where = {.call = "embed"};
    lua_getfield(L, index, name);
    if (lua_type(L, -1) != LUA_TSTRING)
        raise_misuse(L, "embed: '%s' must be a string, got a %s", name, value_type_name(L, -1));
    int value = check_word(L, lua_gettop(L), &where, name, words, words_count);
    lua_pop(L, 1);
    return value;
}

/* Push the array that a member is, or an empty one, and return its length. */
static uint32_t push_array_member(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    if (!lua_istable(L, -1))
        raise_misuse(L, "embed: '%s' must be an array, got a %s", name, value_type_name(L, -1));
    size_t count = compat_length(L, -1);
    if (count >= UINT32_MAX / 4) raise_misuse(L, "embed: '%s' has too many elements", name);
    return (uint32_t)count;
}

#define MEMBER_WORD(index, name, words)                                                            \
    word_member(L, index, name, words, sizeof(words) / sizeof *(words))

/* ---------------------------------------------------------------- parts of a model */

static const word tensor_types[] = {
    {"F64", MV_TENSOR_F64},   {"F32", MV_TENSOR_F32}, {"F16", MV_TENSOR_F16},
    {"BF16", MV_TENSOR_BF16}, {"I8", MV_TENSOR_I8},   {"I32", MV_TENSOR_I32},
    {"I64", MV_TENSOR_I64},
};

static mv_tensor tensor_member(lua_State *L, int index, const char *name)
{
    mv_tensor tensor = {0};
    lua_getfield(L, index, name);
    if (lua_istable(L, -1)) {
        int at = lua_gettop(L);
        tensor.type = (mv_tensor_type)MEMBER_WORD(at, "type", tensor_types);
        tensor.offset = whole_member(L, at, "offset", 0x1p53, 0);
        tensor.rows = whole_member(L, at, "rows", 0x1p53, 0);
        tensor.columns = whole_member(L, at, "columns", 0x1p53, 1);
    }
    lua_pop(L, 1);
    return tensor;
}

static const word normalizer_kinds[] = {
    {"bert", MV_NORMALIZE_BERT},       {"lower", MV_NORMALIZE_LOWER},
    {"nfd", MV_NORMALIZE_NFD},         {"nfc", MV_NORMALIZE_NFC},
    {"nfkd", MV_NORMALIZE_NFKD},       {"nfkc", MV_NORMALIZE_NFKC},
    {"strip", MV_NORMALIZE_STRIP},     {"strip_accents", MV_NORMALIZE_STRIP_ACCENTS},
    {"replace", MV_NORMALIZE_REPLACE}, {"spaces", MV_NORMALIZE_SPACES},
    {"prepend", MV_NORMALIZE_PREPEND}, {"charsmap", MV_NORMALIZE_CHARSMAP},
    {"nmt", MV_NORMALIZE_NMT},
};

static void read_normalizer(lua_State *L, int at, void *out)
{
    *(mv_normalizer *)out = (mv_normalizer){
        .kind = (mv_normalizer_kind)MEMBER_WORD(at, "kind", normalizer_kinds),
        .cleans = boolean_member(L, at, "cleans"),
        .splits_chinese = boolean_member(L, at, "splits_chinese"),
        .strips_accents = boolean_member(L, at, "strips_accents"),
        .lowers = boolean_member(L, at, "lowers"),
        .left = boolean_member(L, at, "left"),
        .right = boolean_member(L, at, "right"),
        .only_blank = boolean_member(L, at, "only_blank"),
        .spaces_min = small_member(L, at, "spaces_min", 1),
        .pattern = text_member(L, at, "pattern"),
        .content = text_member(L, at, "content"),
    };
}

static const word splitter_kinds[] = {
    {"bert", MV_SPLIT_BERT},     {"whitespace", MV_SPLIT_WHITESPACE},
    {"words", MV_SPLIT_WORDS},   {"punctuation", MV_SPLIT_PUNCTUATION},
    {"digits", MV_SPLIT_DIGITS}, {"metaspace", MV_SPLIT_METASPACE},
    {"bytes", MV_SPLIT_BYTES},
};
static const word prepend_words[] = {
    {"never", MV_PREPEND_NEVER}, {"first", MV_PREPEND_FIRST}, {"always", MV_PREPEND_ALWAYS}};

static void read_splitter(lua_State *L, int at, void *out)
{
    *(mv_splitter *)out = (mv_splitter){
        .kind = (mv_splitter_kind)MEMBER_WORD(at, "kind", splitter_kinds),
        .isolates = boolean_member(L, at, "isolates"),
        .prepends = (mv_prepend)MEMBER_WORD(at, "prepends", prepend_words),
        .replacement = text_member(L, at, "replacement"),
    };
}

static void read_added(lua_State *L, int at, void *out)
{
    *(mv_added_token *)out = (mv_added_token){
        .text = text_member(L, at, "text"),
        .id = small_member(L, at, "id", 0),
        .is_word = boolean_member(L, at, "is_word"),
        .takes_left = boolean_member(L, at, "takes_left"),
        .takes_right = boolean_member(L, at, "takes_right"),
        .is_normalized = boolean_member(L, at, "is_normalized"),
    };
}

/* Read an array of tables into a block, which stays on the stack behind the array. */
static const void *read_members(lua_State *L, const char *name, size_t size, uint32_t *count,
                                void (*read)(lua_State *L, int at, void *out))
{
    *count = push_array_member(L, 1, name);
    int array = lua_gettop(L);
    char *block = check_block(L, *count, size);
    for (uint32_t i = 0; i < *count; i++) {
        lua_rawgeti(L, array, (int)i + 1);
        if (!lua_istable(L, -1)) raise_misuse(L, "embed: '%s' must have tables", name);
        read(L, lua_gettop(L), block + i * size);
        lua_pop(L, 1);
    }
    return block;
}

/* The tokens by id: an array of strings, from id 0 on, with false where there is none. */
static const mv_text *read_tokens(lua_State *L, uint32_t *count)
{
    *count = push_array_member(L, 1, "tokens");
    int array = lua_gettop(L);
    mv_text *tokens = check_block(L, *count, sizeof *tokens);
    for (uint32_t i = 0; i < *count; i++) {
        tokens[i] = (mv_text){NULL, 0};
        lua_rawgeti(L, array, (int)i + 1);
        if (lua_type(L, -1) == LUA_TSTRING) tokens[i].data = lua_tolstring(L, -1, &tokens[i].size);
        lua_pop(L, 1);
    }
    return tokens;
}

/* The scores of as many tokens, or NULL. */
static const double *read_scores(lua_State *L, uint32_t tokens_count)
{
    if (push_array_member(L, 1, "scores") != tokens_count) return NULL;
    int array = lua_gettop(L);
    double *scores = check_block(L, tokens_count, sizeof *scores);
    for (uint32_t i = 0; i < tokens_count; i++) {
        lua_rawgeti(L, array, (int)i + 1);
        scores[i] = (double)lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return scores;
}

/* The merges: left, right, merged of the first, then of the second, ... */
static const mv_merge *read_merges(lua_State *L, uint32_t *count)
{
    uint32_t numbers = push_array_member(L, 1, "merges");
    int array = lua_gettop(L);
    *count = numbers / 3;
    mv_merge *merges = check_block(L, *count, sizeof *merges);
    for (uint32_t i = 0; i < *count; i++) {
        uint32_t ids[3];
        for (int part = 0; part < 3; part++) {
            lua_rawgeti(L, array, (int)(i * 3) + part + 1);
            double id = (double)lua_tonumber(L, -1);
            ids[part] = id >= 0 && id < UINT32_MAX ? (uint32_t)id : MV_TOKEN_NONE;
            lua_pop(L, 1);
        }
        merges[i] = (mv_merge){ids[0], ids[1], ids[2]};
    }
    return merges;
}

static const word token_models[] = {{"WordPiece", MV_WORD_PIECE},
                                    {"Unigram", MV_UNIGRAM},
                                    {"BPE", MV_BPE},
                                    {"WordLevel", MV_WORD_LEVEL}};

/* Read the table at 1. The arrays are in blocks on the stack. */
static mv_embedder_options read_parts(lua_State *L)
{
    mv_embedder_options options = {
        .path = text_member(L, 1, "path").data,
        .embeddings = tensor_member(L, 1, "embeddings"),
        .weights = tensor_member(L, 1, "weights"),
        .mapping = tensor_member(L, 1, "mapping"),
        .normalizes = boolean_member(L, 1, "normalizes"),
        .max_tokens = small_member(L, 1, "max_tokens", 0),
        .identity = text_member(L, 1, "identity"),
        .model = (mv_token_model)MEMBER_WORD(1, "model", token_models),
        .unknown_id = small_member(L, 1, "unknown_id", MV_TOKEN_NONE),
        .drops_unknown = boolean_member(L, 1, "drops_unknown"),
        .prefix = text_member(L, 1, "prefix"),
        .suffix = text_member(L, 1, "suffix"),
        .piece_size_max = small_member(L, 1, "piece_size_max", 100),
        .has_byte_tokens = boolean_member(L, 1, "has_byte_tokens"),
        .fuses_unknown = boolean_member(L, 1, "fuses_unknown"),
        .takes_whole = boolean_member(L, 1, "takes_whole"),
        .truncates_at = small_member(L, 1, "truncates_at", 0),
    };
    if (!options.path) raise_misuse(L, "embed: 'path' must be a string");
    options.tokens = read_tokens(L, &options.tokens_count);
    options.scores = read_scores(L, options.tokens_count);
    options.merges = read_merges(L, &options.merges_count);
    options.normalizers = read_members(L, "normalizers", sizeof(mv_normalizer),
                                       &options.normalizers_count, read_normalizer);
    options.splitters =
        read_members(L, "splitters", sizeof(mv_splitter), &options.splitters_count, read_splitter);
    options.added =
        read_members(L, "added", sizeof(mv_added_token), &options.added_count, read_added);
    return options;
}

/* ---------------------------------------------------------------- calls */

/* Push a box that owns nothing yet. */
static embedder_box *push_embedder(lua_State *L)
{
    embedder_box *box = lua_newuserdata(L, sizeof *box);
    box->embedder = NULL;
    luaL_getmetatable(L, EMBEDDER_TYPE);
    lua_setmetatable(L, -2);
    return box;
}

static embedder_box *check_embedder(lua_State *L)
{
    embedder_box *box = luaL_checkudata(L, 1, EMBEDDER_TYPE);
    if (!box->embedder) raise_misuse(L, "embed: the model is closed");
    return box;
}

/* Push the results of opening; the box is on top. */
static int push_opened(lua_State *L, const embedder_box *box, mv_err err, const mv_error *error)
{
    char fingerprint[17];
    if (err) return push_failure(L, "embed", error);
    snprintf(fingerprint, sizeof fingerprint, "%016llx",
             (unsigned long long)mv_embedder_fingerprint(box->embedder));
    lua_pushinteger(L, (lua_Integer)mv_embedder_dim(box->embedder));
    lua_pushstring(L, fingerprint);
    return 3;
}

int embedder_open_call(lua_State *L)
{
    mv_error error;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkstack(L, 40, "embed");
    mv_embedder_options options = read_parts(L);
    embedder_box *box = push_embedder(L);
    mv_err err = mv_embedder_open(&options, &box->embedder, &error);
    return push_opened(L, box, err, &error);
}

int embedder_words_call(lua_State *L)
{
    mv_error error;
    const char *path = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    mv_words_options options = {
        .normalizes = boolean_member(L, 2, "normalizes"),
        .weighs = boolean_member(L, 2, "weighs"),
        .max_tokens = small_member(L, 2, "max_tokens", 0),
    };
    embedder_box *box = push_embedder(L);
    mv_err err = mv_embedder_open_words(path, &options, &box->embedder, &error);
    return push_opened(L, box, err, &error);
}

/* Read the texts from `first` on, at most TEXTS_AT_ONCE, from the array at 2. */
static size_t read_texts(lua_State *L, size_t first, size_t count, mv_text *texts)
{
    size_t read = 0;
    for (; read < TEXTS_AT_ONCE && first + read < count; read++) {
        lua_rawgeti(L, 2, (int)(first + read) + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            raise_misuse(L, "embed: text %d must be a string, got a %s", (int)(first + read) + 1,
                         value_type_name(L, -1));
        texts[read].data = lua_tolstring(L, -1, &texts[read].size);
        lua_pop(L, 1);
    }
    return read;
}

int embedder_embed_call(lua_State *L)
{
    error_context where = {.call = "embed"};
    mv_text texts[TEXTS_AT_ONCE];
    uint32_t tokens[TEXTS_AT_ONCE];
    mv_error error;
    embedder_box *box = check_embedder(L);
    if (!lua_istable(L, 2))
        raise_misuse(L, "embed: texts must be an array of strings, got a %s",
                     value_type_name(L, 2));
    lua_settop(L, 2);
    size_t count = check_array(L, 2, &where, "an array of texts");
    uint32_t dim = mv_embedder_dim(box->embedder);
    float *vectors = check_block(L, TEXTS_AT_ONCE, dim * sizeof *vectors);
    lua_createtable(L, (int)count, 0);
    lua_pushnil(L); /* becomes the table of failures with the first */
    for (size_t first = 0, read; first < count; first += read) {
        read = read_texts(L, first, count, texts);
        if (mv_embedder_embed(box->embedder, texts, read, vectors, tokens, &error))
            return push_failure(L, "embed", &error);
        for (size_t i = 0; i < read; i++) {
            int at = (int)(first + i) + 1;
            if (tokens[i])
                vector_push(L, MV_VECTOR_FP32, vectors + i * dim, dim, false);
            else
                lua_pushboolean(L, 0);
            lua_rawseti(L, 4, at);
            if (tokens[i]) continue;
            if (lua_isnil(L, 5)) {
                lua_newtable(L);
                lua_replace(L, 5);
            }
            lua_pushliteral(L, "the text has no token that the model knows");
            lua_rawseti(L, 5, at);
        }
    }
    return 2;
}

int embedder_tokens_call(lua_State *L)
{
    mv_error error;
    embedder_box *box = check_embedder(L);
    mv_text text;
    text.data = luaL_checklstring(L, 2, &text.size);
    size_t capacity = 0, count = 0;
    uint32_t *ids = NULL;
    do {
        capacity = count;
        ids = check_block(L, capacity, sizeof *ids);
        if (mv_embedder_tokens(box->embedder, text, ids, capacity, &count, &error))
            return push_failure(L, "embed", &error);
    } while (count > capacity);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)ids[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int embedder_gc(lua_State *L)
{
    embedder_box *box = luaL_checkudata(L, 1, EMBEDDER_TYPE);
    mv_embedder_free(box->embedder);
    box->embedder = NULL;
    return 0;
}

void embedder_register(lua_State *L)
{
    luaL_newmetatable(L, EMBEDDER_TYPE);
    lua_pushcfunction(L, embedder_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
