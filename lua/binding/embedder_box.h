/* Embedders, for lua/moonvec/embed: a userdata that owns an mv_embedder. */
#ifndef MV_EMBEDDER_BOX_H
#define MV_EMBEDDER_BOX_H

#include "raise.h"

int embedder_open_call(lua_State *L);   /* (parts) -> embedder, dim, fingerprint */
int embedder_words_call(lua_State *L);  /* (path, options) -> the same */
int embedder_embed_call(lua_State *L);  /* (embedder, texts) -> vectors, failures */
int embedder_tokens_call(lua_State *L); /* (embedder, text) -> ids */

/* Create the metatable of embedders. */
void embedder_register(lua_State *L);

#endif
