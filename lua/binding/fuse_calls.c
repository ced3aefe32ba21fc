/* Reciprocal rank fusion of the results of several searches of one commit (Cormack, Clarke,
 * Buettcher, 2009). Only the hits that are wanted become tables, so that a query for a vector and a
 * text costs less than its two searches alone. lua/moonvec/fuse.lua fuses hits that are tables. */
#include "calls.h"
#include "check_args.h"
#include "push_values.h"

#include <stdlib.h>

/* A document in one of the results. */
typedef struct list_entry {
    uint64_t docid;
    uint32_t list; /* number of the result, from 0 */
    uint32_t rank; /* in it, from 0 */
} list_entry;

/* A document: its entries among all, which are sorted. */
typedef struct fused_hit {
    double score;
    const list_entry *entries; /* by list */
    size_t count;
} fused_hit;

static int compare_list_entries(const void *a, const void *b)
{
    const list_entry *x = a, *y = b;
    if (x->docid != y->docid) return x->docid < y->docid ? -1 : 1;
    return (x->list > y->list) - (x->list < y->list);
}

/* Best first; of equally good ones that comes first which an earlier result has, or has at a better
 * rank. */
static int compare_fused(const void *a, const void *b)
{
    const fused_hit *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->entries->list != y->entries->list) return x->entries->list < y->entries->list ? -1 : 1;
    return (x->entries->rank > y->entries->rank) - (x->entries->rank < y->entries->rank);
}

/* ---------------------------------------------------------------- the results */

/* Result `i`, from 0, of the array at 2. */
static result_box *result_at(lua_State *L, collection_box *owner, size_t i)
{
    lua_rawgeti(L, 2, (int)i + 1);
    result_box *box = result_check_box(L, lua_gettop(L), owner, "multi_query");
    lua_pop(L, 1); /* the array keeps it */
    if (!box->result)
        raise_misuse(L, "multi_query: the search has ended, or its collection is closed");
    return box;
}

static double weight_at(lua_State *L, size_t i)
{
    lua_rawgeti(L, 3, (int)i + 1);
    double weight = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return weight;
}

/* All entries of `lists` results, sorted, in a block that is pushed. */
static list_entry *gather_entries(lua_State *L, collection_box *owner, size_t lists, size_t *total)
{
    size_t count, at = 0;
    *total = 0;
    for (size_t i = 0; i < lists; i++) {
        (void)mv_result_hits(result_at(L, owner, i)->result, &count);
        *total += count;
    }
    list_entry *entries = check_block(L, *total, sizeof *entries);
    for (size_t i = 0; i < lists; i++) {
        const mv_hit *hits = mv_result_hits(result_at(L, owner, i)->result, &count);
        for (size_t rank = 0; rank < count; rank++)
            entries[at++] = (list_entry){hits[rank].docid, (uint32_t)i, (uint32_t)rank};
    }
    if (*total) qsort(entries, *total, sizeof *entries, compare_list_entries);
    return entries;
}

/* The documents, best first, in a block that is pushed. */
static fused_hit *fuse_entries(lua_State *L, const list_entry *entries, size_t total, double k,
                               size_t *count)
{
    fused_hit *fused = check_block(L, total, sizeof *fused);
    *count = 0;
    for (size_t i = 0; i < total; i++) {
        if (!i || entries[i].docid != entries[i - 1].docid)
            fused[(*count)++] = (fused_hit){.entries = &entries[i]};
        fused_hit *hit = &fused[*count - 1];
        hit->score += weight_at(L, entries[i].list) * (1 / (k + entries[i].rank + 1));
        hit->count++;
    }
    if (*count) qsort(fused, *count, sizeof *fused, compare_fused);
    return fused;
}

/* ---------------------------------------------------------------- hits */

/* Set `score` and `parts` of the hit on top. */
static void set_fused(lua_State *L, collection_box *owner, const fused_hit *hit)
{
    size_t count;
    set_number(L, "score", hit->score);
    lua_createtable(L, 2, 0);
    for (size_t i = 0; i < hit->count; i++) {
        const list_entry *entry = &hit->entries[i];
        const mv_hit *hits = mv_result_hits(result_at(L, owner, entry->list)->result, &count);
        lua_createtable(L, 0, 2);
        lua_pushinteger(L, (lua_Integer)entry->rank + 1);
        lua_setfield(L, -2, "rank");
        set_number(L, "score", hits[entry->rank].score);
        lua_rawseti(L, -2, (int)entry->list + 1);
    }
    lua_setfield(L, -2, "parts");
}

/* Push the array of the hits. */
static mv_err push_fused(lua_State *L, collection_box *owner, const fused_hit *fused, size_t count,
                         const output *out, mv_error *error)
{
    const mv_schema *schema = NULL;
    int keys = 0;
    lua_createtable(L, (int)count, 0);
    int list = lua_gettop(L);
    for (size_t i = 0; i < count; i++) {
        const list_entry *entry = fused[i].entries;
        result_box *box = result_at(L, owner, entry->list);
        if (!schema) {
            schema = mv_result_schema(box->result);
            keys = output_push_keys(L, schema, out);
        }
        output_push_table(L, out, keys, 0, 0);
        mv_err err = output_fill(L, box, entry->rank, schema, out, keys, error);
        if (err) return err;
        set_fused(L, owner, &fused[i]);
        lua_rawseti(L, list, (int)i + 1);
    }
    lua_settop(L, list);
    return MV_OK;
}

int call_fuse_pinned(lua_State *L)
{
    enum { OUTPUT_FIELDS, INCLUDE_VECTOR, NAMES };
    static const char *const names[NAMES] = {"output_fields", "include_vector"};
    mv_error error = {0};
    output out;
    size_t total, count;
    collection_box *owner = check_collection(L, 1, "multi_query");
    lua_settop(L, 6);
    size_t lists = compat_length(L, 2);
    double k = luaL_checknumber(L, 4);
    size_t wanted = (size_t)luaL_checknumber(L, 5);
    if (!lists) raise_misuse(L, "multi_query: there are no searches");
    int at = check_options(L, 6, "multi_query", names, NAMES);
    const mv_schema *schema = mv_result_schema(result_at(L, owner, 0)->result);
    output_read(L, schema, "multi_query", at + OUTPUT_FIELDS, at + INCLUDE_VECTOR, &out);
    out.has_score = false; /* each search has its own: these hits have the fused one */
    const list_entry *entries = gather_entries(L, owner, lists, &total);
    const fused_hit *fused = fuse_entries(L, entries, total, k, &count);
    if (push_fused(L, owner, fused, count < wanted ? count : wanted, &out, &error))
        return push_failure(L, "multi_query", &error);
    return 1;
}
