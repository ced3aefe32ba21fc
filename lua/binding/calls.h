/* Every C function that Lua sees of a collection; core.c has their table. Each reads its arguments
 * (may raise), calls the engine (cannot), and pushes the answer. */
#ifndef MV_CALLS_H
#define MV_CALLS_H

#include "owned_box.h"

/* collection_box.c: opening and looking after */
int call_open(lua_State *L);            /* (path [, options]) */
int call_create_and_open(lua_State *L); /* (path, schema [, options]) */
int call_destroy_path(lua_State *L);    /* (path) */
int call_close(lua_State *L);
int call_destroy(lua_State *L);
int call_gc(lua_State *L);
int call_length(lua_State *L);
int call_tostring(lua_State *L);
int call_index(lua_State *L); /* upvalue 1: the methods */

/* maintenance_calls.c */
int call_flush(lua_State *L);
int call_check(lua_State *L);
int call_backup(lua_State *L); /* (path) */
int call_stats(lua_State *L);
int call_begin(lua_State *L);
int call_commit(lua_State *L);
int call_abort(lua_State *L); /* fine when closed or not in a transaction */

/* job_box.c; threads 0: as many as the engine likes */
int call_optimize_step(lua_State *L);    /* (budget_ms, threads) -> more, done, total, stage */
int call_optimize_abandon(lua_State *L); /* gives up what optimize_step has begun */
int call_optimize_start(lua_State *L);   /* (threads) -> job */

/* For create_index, and without a name to build the indexes that are missing: a job that
 * optimize_step goes on with, or one in the background. */
int call_index_begin(lua_State *L); /* (threads [, name, index]) */
int call_index_start(lua_State *L); /* (threads, name, index) -> job */

/* schema_calls.c; column_begin returns the column, and whether it has an index */
int call_drop_index(lua_State *L);    /* (name) */
int call_drop_column(lua_State *L);   /* (name) */
int call_alter_column(lua_State *L);  /* (name, changes) */
int call_column_begin(lua_State *L);  /* (field [, output_fields [, include_vector]]) */
int call_column_next(lua_State *L);   /* (column) -> document, or false at the end */
int call_column_set(lua_State *L);    /* (column, id, value): id for messages */
int call_column_commit(lua_State *L); /* (column) */
int call_column_abort(lua_State *L);  /* (column); fine when it is over or the collection closed */

/* write_calls.c */
int call_insert(lua_State *L); /* (document or documents) */
int call_upsert(lua_State *L);
int call_update(lua_State *L);
int call_delete(lua_State *L);           /* (id or ids) */
int call_delete_by_filter(lua_State *L); /* (filter [, args]) */

/* read_calls.c */
int call_fetch(lua_State *L);   /* (id or ids [, options]) */
int call_count(lua_State *L);   /* ([filter [, args]]) */
int call_iterate(lua_State *L); /* ([options]) */

/* query_call.c */
int call_query(lua_State *L); /* (options [, for_rerank]) -> hits [, topk, offset] */
/* (options, count [, result]) -> the next best `count` hits, result: given again, the search goes
 * on in the same commit */
int call_query_some(lua_State *L);
int call_query_page(lua_State *L); /* (options [, for_rerank]) -> hits to search, topk, offset */
int call_query_end(lua_State *L);  /* (result) lets go of the commit */

#endif
