/* Reciprocal rank fusion of the results of several searches of one commit (Cormack, Clarke,
 * Buettcher, 2009). Only the hits that are wanted become tables, so that a query for a vector and a
 * text costs less than its two searches alone. lua/moonvec/fuse.lua fuses hits that are tables. */
#include "calls.h"
#include "check_args.h"
#include "push_values.h"

#include <stdlib.h>
#include <string.h>

/* Of so many entries all memory is on the stack: a query for a vector and a text has 100. */
#define ENTRIES_FEW 256u
/* Of so many wanted hits each is inserted among the best; more are sorted with all others. */
#define WANTED_FEW 32u

/* A document in one of the results. */
typedef struct list_entry {
    uint32_t list; /* number of the result, from 0 */
    uint32_t rank; /* in it, from 0 */
    uint32_t next; /* the entry of the same document in a later result; NO_ENTRY: none */
} list_entry;

#define NO_ENTRY UINT32_MAX

/* A document: its entries, by list. */
typedef struct fused_hit {
    double score;
    uint64_t docid;
    uint32_t first, last;
} fused_hit;

/* The documents of all results. */
typedef struct fusion {
    list_entry *entries;
    fused_hit *hits;
    uint32_t *slots; /* a hash table of the hits by docid: their number + 1, or 0 */
    uint32_t mask;   /* the number of slots - 1 */
    uint32_t entries_count, hits_count;
} fusion;

/* Memory for a few entries: a query for a vector and a text has about 100. */
typedef struct few_entries {
    list_entry entries[ENTRIES_FEW];
    fused_hit hits[ENTRIES_FEW];
    uint32_t slots[2 * ENTRIES_FEW];
} few_entries;

/* Best first; of equally good ones that comes first which an earlier result has, or has at a better
 * rank: its first entry was added earlier. */
static int compare_fused(const void *a, const void *b)
{
    const fused_hit *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

/* ---------------------------------------------------------------- the results */

/* Result `i`, from 0, of the array at 2. */
static result_box *result_at(lua_State *L, collection_box *owner, size_t i)
{
    lua_rawgeti(L, 2, (int)i + 1);
    result_box *box = result_need_box(L, lua_gettop(L), owner, "multi_query");
    lua_pop(L, 1); /* the array keeps it */
    return box;
}

static double weight_at(lua_State *L, size_t i)
{
    lua_rawgeti(L, 3, (int)i + 1);
    double weight = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return weight;
}

/* Lay out memory for the entries of `lists` results: `few`, or a block that is pushed. */
static void begin_fusion(lua_State *L, collection_box *owner, size_t lists, few_entries *few,
                         fusion *f)
{
    size_t total = 0, slots = ENTRIES_FEW, count;
    for (size_t i = 0; i < lists; i++) {
        (void)mv_result_hits(result_at(L, owner, i)->result, &count);
        total += count;
    }
    while (slots < 2 * total) slots *= 2;
    if (slots > UINT32_MAX / 2) raise_misuse(L, "multi_query: the searches have too many hits");
    *f = (fusion){few->entries, few->hits, few->slots, (uint32_t)slots - 1, 0, 0};
    if (total > ENTRIES_FEW) {
        f->entries = check_block(L, total, sizeof *f->entries);
        f->hits = check_block(L, total, sizeof *f->hits);
        f->slots = check_block(L, slots, sizeof *f->slots);
    }
    memset(f->slots, 0, slots * sizeof *f->slots);
}

/* The hit of a document, an old or a new one. */
static fused_hit *hit_of(fusion *f, uint64_t docid)
{
    uint32_t at = (uint32_t)(docid * UINT64_C(0x9e3779b97f4a7c15) >> 32) & f->mask;
    for (; f->slots[at]; at = (at + 1) & f->mask)
        if (f->hits[f->slots[at] - 1].docid == docid) return &f->hits[f->slots[at] - 1];
    fused_hit *hit = &f->hits[f->hits_count++];
    f->slots[at] = f->hits_count;
    *hit = (fused_hit){.docid = docid, .first = NO_ENTRY};
    return hit;
}

/* Add the hits of result `list`. */
static void fuse_list(fusion *f, const mv_result *result, uint32_t list, double weight, double k)
{
    size_t count;
    const mv_hit *hits = mv_result_hits(result, &count);
    for (size_t rank = 0; rank < count; rank++) {
        fused_hit *hit = hit_of(f, hits[rank].docid);
        uint32_t entry = f->entries_count++;
        f->entries[entry] = (list_entry){list, (uint32_t)rank, NO_ENTRY};
        if (hit->first == NO_ENTRY)
            hit->first = entry;
        else
            f->entries[hit->last].next = entry;
        hit->last = entry;
        hit->score += weight * (1 / (k + (double)rank + 1));
    }
}

/* Put the best `wanted` hits first, sorted. Returns how many they are. */
static uint32_t sort_fused(fusion *f, size_t wanted)
{
    fused_hit *hits = f->hits;
    uint32_t best = 0;
    if (wanted > WANTED_FEW) {
        qsort(hits, f->hits_count, sizeof *hits, compare_fused);
        return f->hits_count < wanted ? f->hits_count : (uint32_t)wanted;
    }
    for (uint32_t i = 0; i < f->hits_count; i++) {
        fused_hit hit = hits[i];
        if (best == wanted && compare_fused(&hit, &hits[best - 1]) > 0) continue;
        uint32_t at = best < wanted ? best++ : best - 1;
        hits[i] = hits[at];
        for (; at && compare_fused(&hit, &hits[at - 1]) < 0; at--) hits[at] = hits[at - 1];
        hits[at] = hit;
    }
    return best;
}

/* ---------------------------------------------------------------- hits */

/* Set `score` and `parts` of the hit on top. */
static void set_fused(lua_State *L, collection_box *owner, const fusion *f, const fused_hit *hit)
{
    size_t count;
    set_number(L, "score", hit->score);
    lua_createtable(L, 2, 0);
    for (uint32_t at = hit->first; at != NO_ENTRY; at = f->entries[at].next) {
        const list_entry *entry = &f->entries[at];
        const mv_hit *hits = mv_result_hits(result_at(L, owner, entry->list)->result, &count);
        lua_createtable(L, 0, 2);
        lua_pushinteger(L, (lua_Integer)entry->rank + 1);
        lua_setfield(L, -2, "rank");
        set_number(L, "score", hits[entry->rank].score);
        lua_rawseti(L, -2, (int)entry->list + 1);
    }
    lua_setfield(L, -2, "parts");
}

/* Push the array of the best `count` hits. */
static mv_err push_fused(lua_State *L, collection_box *owner, const fusion *f, uint32_t count,
                         const output *out, mv_error *error)
{
    const mv_schema *schema = NULL;
    int keys = 0;
    lua_createtable(L, (int)count, 0);
    int list = lua_gettop(L);
    for (uint32_t i = 0; i < count; i++) {
        const list_entry *entry = &f->entries[f->hits[i].first];
        result_box *box = result_at(L, owner, entry->list);
        if (!schema) {
            schema = mv_result_schema(box->result);
            keys = output_push_keys(L, schema, out);
        }
        output_push_table(L, out, keys, 0, 0);
        mv_err err = output_fill(L, box, entry->rank, schema, out, keys, error);
        if (err) return err;
        set_fused(L, owner, f, &f->hits[i]);
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
    fusion f;
    few_entries few;
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
    begin_fusion(L, owner, lists, &few, &f);
    for (size_t i = 0; i < lists; i++)
        fuse_list(&f, result_at(L, owner, i)->result, (uint32_t)i, weight_at(L, i), k);
    if (push_fused(L, owner, &f, sort_fused(&f, wanted), &out, &error))
        return push_failure(L, "multi_query", &error);
    return 1;
}
