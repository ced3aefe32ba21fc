/* The C functions of a collection that Lua can call; core.c has their tables. Each reads its
 * arguments (may raise), calls the engine (cannot raise), and pushes the answer. A comment beside a
 * function gives its arguments after the collection, and its results. */
#ifndef MV_CALLS_H
#define MV_CALLS_H

#include "owned_box.h"

/* collection_box.c */
int call_open(lua_State *L);            /* (path [, options]) */
int call_create_and_open(lua_State *L); /* (path, schema [, options]) */
int call_destroy_path(lua_State *L);    /* (path) */
int call_load(lua_State *L);            /* (dump [, options]) */
int call_close(lua_State *L);
int call_destroy(lua_State *L);
int call_gc(lua_State *L);
int call_length(lua_State *L);
int call_tostring(lua_State *L);
int call_index(lua_State *L); /* upvalue 1: the table of methods */

/* maintenance_calls.c */
int call_flush(lua_State *L);
int call_check(lua_State *L);
int call_backup(lua_State *L); /* (path [, options]) */
int call_dump(lua_State *L);   /* -> string */
int call_stats(lua_State *L);
int call_meta(lua_State *L);    /* (key) -> value; (key, value) */
int call_seconds(lua_State *L); /* no collection: -> seconds of a monotonic clock */
int call_hash(lua_State *L);    /* no collection: bytes -> 16 hexadecimal digits */

/* transaction_box.c */
int call_begin(lua_State *L);          /* -> transaction */
int call_commit(lua_State *L);         /* of a transaction */
int call_abort(lua_State *L);          /* of a transaction; does nothing if it has ended */
int call_is_transaction(lua_State *L); /* -> is it the handle of a transaction? */
int call_in_transaction(lua_State *L); /* -> has this thread one open? false if closed */

/* job_box.c; threads 0: the engine chooses the number */
/* (budget_ms, threads, gradual) -> more, done, total, stage */
int call_optimize_step(lua_State *L);
int call_optimize_abandon(lua_State *L); /* ends the job that optimize_step began */
int call_optimize_start(lua_State *L);   /* (threads) -> job */

/* Change the index of field `name` and build it. index_begin: optimize_step continues the job;
 * without a name it only builds missing indexes. index_start: a background job. */
int call_index_begin(lua_State *L); /* (threads [, name, index]) */
int call_index_start(lua_State *L); /* (threads, name, index) -> job */

/* schema_calls.c */
/* -> array of { name, dim, from, model, fingerprint, default }: the vector fields that are made of
 * texts, each with the default of its text; then, whether there is a text index. Nothing if none */
int call_embeds(lua_State *L);
int call_drop_index(lua_State *L);   /* (name) */
int call_drop_column(lua_State *L);  /* (name) */
int call_alter(lua_State *L);        /* (options) */
int call_alter_column(lua_State *L); /* (name, changes) */
/* (field [, output_fields [, include_vector]]) -> column, has an index */
int call_column_begin(lua_State *L);
int call_column_next(lua_State *L);   /* (column) -> document, or false at the end */
int call_column_set(lua_State *L);    /* (column, id, value); id is for messages */
int call_column_commit(lua_State *L); /* (column) */
int call_column_abort(lua_State *L);  /* (column); does nothing if it has ended */

/* write_calls.c */
int call_insert(lua_State *L); /* (document or documents) */
int call_upsert(lua_State *L);
int call_update(lua_State *L);
int call_delete(lua_State *L);           /* (id or ids) */
int call_delete_by_filter(lua_State *L); /* (filter [, args]) */
int call_update_write(lua_State *L);     /* (documents): update, for update_by_filter */

/* write_lines.c: (text, first, rows, size) writes JSON lines from the byte `first` of a text, at
 * most `rows` of at most `size` bytes each -> their number, the byte behind them. Nothing if they
 * were not written because one is not plain or is wrong; nil, message, code for any other failure
 */
int call_insert_lines(lua_State *L);
int call_upsert_lines(lua_State *L);

/* read_calls.c */
int call_fetch(lua_State *L);   /* (id or ids [, options]) */
int call_count(lua_State *L);   /* ([filter [, args]]) */
int call_facet(lua_State *L);   /* (field [, options]) -> array of { value, count } */
int call_iterate(lua_State *L); /* ([options]) */
/* (options of iterate) -> a function that returns the next document, nothing at the end, or nil,
 * message, code */
int call_update_documents(lua_State *L);
int call_export_documents(lua_State *L);

/* query_calls.c */
int call_query(lua_State *L); /* (options [, for_rerank]) -> hits [, topk, offset] */
/* (options, count [, result]) -> the next best `count` hits, result. Called with that result, the
 * search continues in the same commit. */
int call_query_some(lua_State *L);
int call_query_page(lua_State *L); /* (options [, for_rerank]) -> hits to search, topk, offset */
/* -> a result that keeps the newest commit, for query_pinned */
int call_pin(lua_State *L);
int call_query_pinned(lua_State *L);  /* (options, result) -> hits of the commit of that result */
int call_search_pinned(lua_State *L); /* the same -> result */
int call_query_end(lua_State *L);     /* (result) releases the result and its commit */
/* (result) releases its commit, and keeps its memory for the next query: of a result of pin or
 * search_pinned. */
int call_query_recycle(lua_State *L);

/* fuse_calls.c: (results, weights, k, wanted, { output_fields, include_vector }) -> hits */
int call_fuse_pinned(lua_State *L);

#endif
