/* moonvec.core: the C part of the Lua module. The tables below list its functions; the Lua part is
 * lua/moonvec. */
#include "calls.h"
#include "check_args.h"
#include "embedder_box.h"
#include "job_box.h"
#include "learnt_box.h"
#include "read_match.h"
#include "read_values.h"
#include "schema_box.h"
#include "vector_box.h"
#include "vector_values.h"

/* ---------------------------------------------------------------- tables of functions */

/* Methods of a collection in C. lua/moonvec/collection.lua adds the methods in Lua. */
static const luaL_Reg collection_methods[] = {
    {"backup", call_backup}, {"check", call_check},
    {"count", call_count},   {"destroy", call_destroy},
    {"dump", call_dump},     {"facet", call_facet},
    {"fetch", call_fetch},   {"iterate", call_iterate},
    {"stats", call_stats},   {NULL, NULL},
};

static const luaL_Reg collection_writes[] = {
    {"alter", call_alter},
    {"alter_column", call_alter_column},
    {"delete", call_delete},
    {"delete_by_filter", call_delete_by_filter},
    {"drop_column", call_drop_column},
    {"drop_index", call_drop_index},
    {"flush", call_flush},
    {"meta", call_meta},
    {NULL, NULL},
};

/* Functions with a collection as first argument from which lua/moonvec builds methods. */
static const luaL_Reg collection_steps[] = {
    {"abort", call_abort},
    {"column_abort", call_column_abort},
    {"column_commit", call_column_commit},
    {"column_next", call_column_next},
    {"column_set", call_column_set},
    {"commit", call_commit},
    {"embeds", call_embeds},
    {"export_documents", call_export_documents},
    {"in_transaction", call_in_transaction},
    {"is_transaction", call_is_transaction},
    {"optimize_abandon", call_optimize_abandon},
    {"fuse_pinned", call_fuse_pinned},
    {"pin", call_pin},
    {"query", call_query},
    {"query_end", call_query_end},
    {"query_page", call_query_page},
    {"query_pinned", call_query_pinned},
    {"query_recycle", call_query_recycle},
    {"query_some", call_query_some},
    {"search_pinned", call_search_pinned},
    {"update_documents", call_update_documents},
    {NULL, NULL},
};

static const luaL_Reg collection_write_steps[] = {
    {"begin", call_begin},
    {"column_begin", call_column_begin},
    {"index_begin", call_index_begin},
    {"index_start", call_index_start},
    {"insert", call_insert},
    {"insert_lines", call_insert_lines},
    {"optimize_start", call_optimize_start},
    {"optimize_step", call_optimize_step},
    {"update", call_update},
    {"update_write", call_update_write},
    {"upsert", call_upsert},
    {"upsert_lines", call_upsert_lines},
    {NULL, NULL},
};

static const luaL_Reg collection_metamethods[] = {
    {"__len", call_length},
    {"__tostring", call_tostring},
    {NULL, NULL},
};

static const luaL_Reg owned_metamethods[] = {
    {"__close", owned_gc},
    {"__gc", owned_gc},
    {NULL, NULL},
};

static const luaL_Reg core_functions[] = {
    {"create_and_open", call_create_and_open},
    {"destroy", call_destroy_path},
    {"embedder_embed", embedder_embed_call},
    {"embedder_open", embedder_open_call},
    {"embedder_tokens", embedder_tokens_call},
    {"embedder_words", embedder_words_call},
    {"hash", call_hash},
    {"learner", learnt_learner_call},
    {"learner_add", learnt_add_call},
    {"learner_finish", learnt_finish_call},
    {"learnt_embed", learnt_embed_call},
    {"learnt_info", learnt_info_call},
    {"learnt_load", learnt_load_call},
    {"learnt_save", learnt_save_call},
    {"load", call_load},
    {"open", call_open},
    {"options", options_call},
    {"pack", vector_pack},
    {"pack_sparse", sparse_pack},
    {"quote", raise_quote_call},
    {"raise", raise_call},
    {"raise_if_synonym", raise_if_synonym_call},
    {"raise_own_folder", raise_own_call},
    {"schema", schema_call},
    {"seconds", call_seconds},
    {"unpack", vector_unpack},
    {"unpack_sparse", sparse_unpack},
    {"vector", vector_create},
    {"word", word_call},
    {NULL, NULL},
};

/* ---------------------------------------------------------------- building the module */

/* The function that Lua calls for a method, which is upvalue 1. The collection stays at the bottom
 * of the stack, as call_guarded requires. */
static int guarded_call(lua_State *L)
{
    int args_count = lua_gettop(L);
    collection_box *box = luaL_testudata(L, 1, COLLECTION_TYPE);
    if (!box) return lua_tocfunction(L, lua_upvalueindex(1))(L); /* raises what it expected */
    lua_pushvalue(L, 1);
    lua_insert(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 2);
    call_guarded(L, box, args_count);
    return lua_gettop(L) - 1;
}

/* The same for a method that writes. */
static int guarded_write(lua_State *L)
{
    collection_box *box = luaL_testudata(L, 1, COLLECTION_TYPE);
    if (box) transaction_collect_dropped(L, box);
    return guarded_call(L);
}

/* Set the functions in the table on top, each wrapped by `guard`. */
static void set_guarded(lua_State *L, const luaL_Reg *functions, lua_CFunction guard)
{
    for (; functions->name; functions++) {
        lua_pushcfunction(L, functions->func);
        lua_pushcclosure(L, guard, 1);
        lua_setfield(L, -2, functions->name);
    }
}

/* Push a new metatable that getmetatable does not return. */
static void push_metatable(lua_State *L, const char *name)
{
    luaL_newmetatable(L, name);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

/* Create the metatable of collections, and push the table of their methods. */
static void push_methods(lua_State *L)
{
    lua_newtable(L);
    set_guarded(L, collection_methods, guarded_call);
    set_guarded(L, collection_writes, guarded_write);
    lua_pushcfunction(L, call_close); /* not guarded: closing waits for guarded calls */
    lua_setfield(L, -2, "close");

    push_metatable(L, COLLECTION_TYPE);
    set_guarded(L, collection_metamethods, guarded_call);
    lua_pushcfunction(L, call_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, call_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, call_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

MV_API int luaopen_moonvec_core(lua_State *L);

MV_API int luaopen_moonvec_core(lua_State *L)
{
    luaL_checkversion(L);
    embedder_register(L);
    job_register(L);
    learnt_register(L);
    schema_register(L);
    vector_register(L);
    push_metatable(L, OWNED_TYPE);
    luaL_setfuncs(L, owned_metamethods, 0);
    lua_pop(L, 1);

    lua_newtable(L);
    luaL_setfuncs(L, core_functions, 0);
    set_guarded(L, collection_steps, guarded_call);
    set_guarded(L, collection_write_steps, guarded_write);
    push_methods(L);
    lua_setfield(L, -2, "methods");
    luaL_newmetatable(L, FILTER_TYPE);
    lua_setfield(L, -2, "filter_metatable");
    luaL_newmetatable(L, MATCH_TYPE);
    lua_setfield(L, -2, "match_metatable");
    /* Only the address is used; no code writes through it. */
    lua_pushlightuserdata(L, (void *)(uintptr_t)&null_marker);
    lua_setfield(L, -2, "null");
    lua_pushstring(L, mv_simd_name());
    lua_setfield(L, -2, "simd");
    lua_pushstring(L, "moonvec " MV_VERSION);
    lua_setfield(L, -2, "version");
    /* load_core.lua looks for this text in a file that does not load. */
    lua_pushstring(L, "moonvec.core for " LUA_VERSION);
    lua_setfield(L, -2, "built_for");
    return 1;
}
