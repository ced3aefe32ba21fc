/* Learners and learnt models, for lua/moonvec/embed/learn.lua, which checks the options. */
#ifndef MV_LEARNT_BOX_H
#define MV_LEARNT_BOX_H

#include "raise.h"

/* (dim, tokenizer, language, stop_words, min_count, terms_max, seed) -> learner; dim may be nil */
int learnt_learner_call(lua_State *L);
int learnt_add_call(lua_State *L);    /* (learner, text) -> true */
int learnt_finish_call(lua_State *L); /* (learner) -> model; the learner is freed */
int learnt_load_call(lua_State *L);   /* (path) -> model */
int learnt_save_call(lua_State *L);   /* (model, path) -> true */
int learnt_info_call(lua_State *L);   /* (model) -> dim, terms, texts, checksum as a string */
int learnt_embed_call(lua_State *L);  /* (model, texts) -> array of packed vectors */

/* Create the metatables of learners and models. */
void learnt_register(lua_State *L);

#endif
