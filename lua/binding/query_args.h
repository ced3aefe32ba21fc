/* The options of c:query and c:cursor, read from Lua. */
#ifndef MV_QUERY_ARGS_H
#define MV_QUERY_ARGS_H

#include "check_args.h"
#include "push_values.h"
#include "read_values.h"

#define HIGHLIGHT_FIELDS_MAX 16

typedef struct query_args {
    const mv_schema *schema; /* set by the caller: the schema that gives the fields their meaning */
    int at;                  /* stack index of the first option */
    int into;                /* stack index of the table `into`; 0: not given */
    uint32_t topk;           /* as given; query.topk is larger for a re-ranker */
    uint32_t offset;         /* as given; query.offset is 0 for a re-ranker */
    bool has_target;         /* one of `vector`, `vectors` and `id` is given */
    mv_vector_options field; /* the vector field to search, if has_target */
    mv_sparse sparse;        /* the sparse vector to search for */
    bool has_vectors;        /* `vectors` is given: the answer is an array of results */
    double min_score;
    double max_distance;
    mv_query query;
    char id_text[ID_TEXT_SIZE];
    char after_text[ID_TEXT_SIZE];
    filter_args filter;
    output out;
    mv_highlight highlight;   /* of each hit, in highlight_fields */
    uint32_t highlight_count; /* of fields; 0: none is wanted */
    uint32_t highlight_fields[HIGHLIGHT_FIELDS_MAX];
} query_args;

/* Read the options table at stack index 2, except the numbers of vectors. `for_rerank`: count the
 * candidates of a re-ranker, which skips `offset` itself. Pushes values that must stay on the stack
 * until the search is done. Raises on a mistake. */
void query_args_read(lua_State *L, query_args *args, bool for_rerank);

/* Read only `topk`, `offset` and `candidates` of the options table at 2. Needs no schema. */
void query_args_read_page(lua_State *L, query_args *args, bool for_rerank);

/* Read the numbers of `vector` or `vectors` into query.vectors. Call this immediately before the
 * search: `scratch` may be overwritten by any Lua code that runs in between. Pushes a block for
 * `vectors`. */
void query_args_read_vectors(lua_State *L, query_args *args, number_scratch *scratch);

/* "graph", the name of a strategy in `params.plan` and in the result of `explain`. */
const char *query_args_strategy_name(mv_strategy strategy);

#endif
