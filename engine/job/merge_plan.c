/* Planning: only counts are compared, no row or file is read. */
#include "job/merge_plan.h"

#include "transaction/seal.h"

/* An older segment joins a group if it has at most this many times the rows of the group; the
 * second value is for by_levels. */
#define MERGE_RATIO 4u
#define LEVEL_RATIO 3u
/* A segment is rewritten when one of this many rows is deleted; the second value is for
 * by_levels. */
#define MERGE_DELETED_ONE_IN 20u
#define LEVEL_DELETED_ONE_IN 5u
#define MERGE_ALWAYS_BYTES   (64u << 20) /* segments up to this are cheap to copy */
/* The most that the copied rows of a small group may cost: the time of writing this many bytes,
 * about 0.4 s. That is 59,000 rows of 768 dims. Chosen by a simulation of 1,000 such rows a second
 * that come for ten minutes into 200,000. In bytes | times that each row is written | mean cost of
 * a search, of that with 153 MiB: 153 MiB | 6 | 1; 286 MiB | 9 | 0.70; 400 MiB | 10 | 0.64; 572 MiB
 * | 12 | 0.62. */
#define SMALL_COPY_COST ((uint64_t)400 << 20)
/* The most rows that it inserts in an index. ONLY_SMALL_ROWS is the same with only_small: when the
 * small groups have fallen behind, several sealed segments are done at once, for which older rows
 * are copied only once. */
#define MERGE_SMALL_ROWS SEAL_ROWS_MAX
#define ONLY_SMALL_ROWS  (4 * SEAL_ROWS_MAX)
/* To copy the links of a row of an extended graph takes as long as writing this many bytes. */
#define EXTEND_COST_OF_ROW 4000u

/* Maintenance starts by itself when one of four things makes searches slow or takes space.
 *
 * URGENT_ROWS rows have no index. A sealed segment has as many: only fresh rows stay without.
 *
 * URGENT_SEGMENTS segments can be merged: every search walks each of them.
 *
 * One row in URGENT_DELETED_ONE_IN of a group is deleted, and at least URGENT_DELETED_MIN rows:
 * searches walk through deleted rows all the same.
 *
 * URGENT_EXPIRED rows have expired: writers remove them, if there are writers. */
#define URGENT_ROWS           SEAL_ROWS_MIN
#define URGENT_DELETED_MIN    8192u
#define URGENT_SEGMENTS       8u
#define URGENT_DELETED_ONE_IN 4u
#define URGENT_EXPIRED        1024u

merge_plan merge_plan_start(const view *v, bool only_indexes)
{
    return (merge_plan){
        .schema = v->schema, .v = v, .before = v->segments_count, .only_indexes = only_indexes};
}

merge_plan merge_plan_start_newer(const view *v, uint64_t number)
{
    merge_plan p = merge_plan_start(v, false);
    p.by_levels = true;
    p.only_small = true;
    p.first = v->segments_count;
    while (p.first && v->segments[p.first - 1].shared->s->number != number) p.first--;
    if (!p.first) p.first = v->segments_count; /* it is no longer there: none is newer */
    return p;
}

static uint64_t row_bytes(const mv_schema *schema)
{
    uint64_t bytes = 0;
    for (uint32_t v = 0; v < schema->vectors_count; v++) bytes += schema->vectors[v].size;
    return bytes + 16 * ((uint64_t)schema->fields_count + 1);
}

/* Numbers of a vector of the slot; 0: it is of a scalar field. */
static uint32_t vector_numbers(const mv_schema *schema, uint32_t slot)
{
    if (slot >= schema->vectors_count) return 0;
    return (uint32_t)element_count(schema->vectors[slot].type, schema->vectors[slot].dim);
}

static uint64_t slots_cost(const mv_schema *schema, uint32_t begin, uint32_t end)
{
    uint64_t cost = 0;
    for (uint32_t slot = begin; slot < end; slot++)
        if (index_slot_type(schema, slot))
            cost += index_slot_type(schema, slot)->build_cost(vector_numbers(schema, slot));
    return cost;
}

/* The cost of a row that is inserted in the graphs of vector fields, in the unit of mv_progress. */
static uint64_t row_insert_cost(const mv_schema *schema)
{
    return slots_cost(schema, 0, schema->vectors_count);
}

/* The cost of any row of a group. Only the graphs of vector fields are extended: other indexes are
 * made of all rows. */
static uint64_t row_copy_cost(const mv_schema *schema)
{
    return row_bytes(schema) + EXTEND_COST_OF_ROW +
           slots_cost(schema, schema->vectors_count, index_slot_count(schema));
}

static bool is_cheap(const merge_plan *p, uint64_t rows)
{
    return rows * row_bytes(p->schema) <= MERGE_ALWAYS_BYTES;
}

static bool has_many_deletions(const merge_plan *p, const view_segment *s)
{
    uint64_t deleted = view_deleted_rows(s);
    if (p->by_levels) return deleted && deleted * LEVEL_DELETED_ONE_IN >= s->table.rows;
    return deleted &&
           (deleted * MERGE_DELETED_ONE_IN >= s->table.rows || is_cheap(p, s->table.rows));
}

/* True when the slot should have an index and has none, or one that was built for other options, or
 * a damaged one. An index that could not be opened for a transient reason is not built again. */
static bool lacks_index(const mv_schema *schema, const view_segment *s, uint32_t slot)
{
    const shared_index *x = s->indexes[slot];
    const index_type *wanted = index_slot_type(schema, slot);
    if (!wanted || s->table.rows < wanted->rows_min) return false;
    if (!x || x->number < index_slot_since(schema, slot)) return true;
    return !shared_index_is_usable(x) && !x->is_transient;
}

static bool lacks_indexes(const mv_schema *schema, const view_segment *s)
{
    for (uint32_t slot = 0; slot < index_slot_count(schema); slot++)
        if (lacks_index(schema, s, slot)) return true;
    return false;
}

static bool has_all_indexes(const mv_schema *schema, const view_segment *s)
{
    for (uint32_t slot = 0; slot < index_slot_count(schema); slot++) {
        const shared_index *x = s->indexes[slot];
        if (!index_slot_type(schema, slot)) continue;
        if (!shared_index_is_usable(x) || x->number < index_slot_since(schema, slot)) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- groups */

static void set_group(merge_plan *p, uint32_t begin, uint32_t end)
{
    p->begin = begin;
    p->end = end;
    p->merges =
        !p->only_indexes && (end - begin > 1 || has_many_deletions(p, &p->v->segments[begin]));
}

bool merge_plan_may_extend(const merge_plan *p, const view_segment *s)
{
    uint64_t live = view_live_rows(s);
    return p->merges && live * 2 >= merge_plan_rows(p) && live * 2 >= s->table.rows;
}

uint64_t merge_plan_inserted_rows(const merge_plan *p)
{
    bool builds = false;
    uint64_t most = 0;
    for (uint32_t slot = 0; slot < index_slot_count(p->schema); slot++)
        builds |= merge_plan_builds(p, slot);
    if (!builds) return 0;
    for (uint32_t i = p->begin; i < p->end; i++) {
        const view_segment *s = &p->v->segments[i];
        uint64_t rows = view_live_rows(s);
        if (rows > most && merge_plan_may_extend(p, s) && has_all_indexes(p->schema, s))
            most = rows;
    }
    return merge_plan_rows(p) - most;
}

bool merge_plan_is_small(const merge_plan *p)
{
    uint64_t most = p->only_small ? ONLY_SMALL_ROWS : MERGE_SMALL_ROWS,
             copied = p->merges ? merge_plan_rows(p) : 0;
    return copied * row_copy_cost(p->schema) <= SMALL_COPY_COST &&
           merge_plan_inserted_rows(p) <= most;
}

static bool try_group(merge_plan *p, uint32_t begin, uint32_t end)
{
    merge_plan tried = *p;
    set_group(&tried, begin, end);
    if (!merge_plan_is_small(&tried)) return false;
    *p = tried;
    return true;
}

/* Make the group small, if it has a segment that lacks an index: that one, and its neighbours as
 * long as the group is small with them. */
static void limit_group(merge_plan *p)
{
    uint32_t begin = p->begin, end = p->end, at = begin;
    while (at < end && !lacks_indexes(p->schema, &p->v->segments[at])) at++;
    if (at == end || merge_plan_is_small(p)) return;
    set_group(p, at, at + 1);
    while (p->begin > begin && try_group(p, p->begin - 1, p->end)) continue;
    while (p->end < end && try_group(p, p->begin, p->end + 1)) continue;
}

/* Does an older segment join a group of `rows` rows? By levels also if the group stays small and
 * copying the older rows takes no longer than inserting the others. */
static bool is_to_join(const merge_plan *p, uint64_t older_rows, uint64_t rows)
{
    if (!p->by_levels) return older_rows <= rows * MERGE_RATIO || is_cheap(p, older_rows);
    uint64_t copy = row_copy_cost(p->schema), insert = row_insert_cost(p->schema);
    if ((older_rows + rows) * copy <= SMALL_COPY_COST && older_rows * copy <= rows * insert)
        return true;
    return older_rows <= rows * LEVEL_RATIO;
}

bool merge_plan_next(merge_plan *p)
{
    while (p->before > p->first) {
        uint32_t end = p->before, begin = end - 1;
        uint64_t rows = view_live_rows(&p->v->segments[begin]);
        while (begin > p->first && !p->only_indexes) {
            const view_segment *older = &p->v->segments[begin - 1];
            uint64_t older_rows = view_live_rows(older);
            if (!is_to_join(p, older_rows, rows)) break;
            if (older_rows + rows > SEGMENT_ROWS_MAX) break;
            rows += older_rows;
            begin--;
        }
        p->before = begin;
        set_group(p, begin, end);
        if (p->by_levels) limit_group(p);
        if (p->only_small && !merge_plan_is_small(p)) continue;
        if (p->merges || lacks_indexes(p->schema, &p->v->segments[p->begin])) return true;
    }
    return false;
}

uint64_t merge_plan_rows(const merge_plan *p)
{
    uint64_t rows = 0;
    for (uint32_t i = p->begin; i < p->end; i++) rows += view_live_rows(&p->v->segments[i]);
    return rows;
}

bool merge_plan_builds(const merge_plan *p, uint32_t slot)
{
    if (!p->merges) return lacks_index(p->schema, &p->v->segments[p->begin], slot);
    const index_type *wanted = index_slot_type(p->schema, slot);
    return wanted && merge_plan_rows(p) >= wanted->rows_min;
}

uint64_t merge_plan_write_cost(const merge_plan *p)
{
    return p->merges ? merge_plan_rows(p) * row_bytes(p->schema) : 0;
}

uint64_t merge_plan_build_cost(const merge_plan *p, uint32_t slot)
{
    if (!merge_plan_builds(p, slot)) return 0;
    uint64_t rows = p->merges ? merge_plan_rows(p) : p->v->segments[p->begin].table.rows;
    return rows * index_slot_type(p->schema, slot)->build_cost(vector_numbers(p->schema, slot));
}

/* ---------------------------------------------------------------- what there is to do */

/* The cost of writing `rows` rows, of which `inserted` are inserted in indexes that are extended. */
static uint64_t rewrite_cost(const mv_schema *schema, uint64_t rows, uint64_t inserted)
{
    return rows * row_copy_cost(schema) + inserted * row_insert_cost(schema);
}

uint64_t merge_plan_rest_cost(const view *v)
{
    const merge_plan start = merge_plan_start(v, false);
    uint64_t cost = 0, rows = v->state.fresh_rows;
    for (merge_plan p = start; merge_plan_next(&p);)
        cost += rewrite_cost(v->schema, merge_plan_rows(&p), merge_plan_inserted_rows(&p));
    if (!rows) return cost;
    for (uint32_t i = v->segments_count; i; i--) {
        uint64_t older = view_live_rows(&v->segments[i - 1]);
        if (!is_to_join(&start, older, rows)) break;
        rows += older;
    }
    return cost + rewrite_cost(v->schema, rows, v->state.fresh_rows);
}

uint64_t merge_plan_lacking_rows(const view *v, uint32_t first)
{
    uint64_t rows = 0;
    for (uint32_t i = first; i < v->segments_count; i++)
        if (lacks_indexes(v->schema, &v->segments[i])) rows += view_live_rows(&v->segments[i]);
    return rows;
}

uint64_t merge_plan_pending_rows(const view *v)
{
    for (uint32_t slot = 0; slot < index_slot_count(v->schema); slot++)
        if (index_slot_type(v->schema, slot))
            return merge_plan_lacking_rows(v, 0) + v->state.fresh_rows;
    return 0;
}

bool merge_plan_lacks_many(const view *v, uint32_t first)
{
    return merge_plan_lacking_rows(v, first) >= URGENT_ROWS;
}

bool merge_plan_is_urgent(const view *v)
{
    if (merge_plan_lacks_many(v, 0) || v->expired >= URGENT_EXPIRED) return true;
    for (merge_plan p = merge_plan_start(v, false); merge_plan_next(&p);) {
        uint64_t rows = 0, deleted = 0;
        if (!p.merges) continue;
        if (p.end - p.begin >= URGENT_SEGMENTS) return true;
        for (uint32_t i = p.begin; i < p.end; i++) {
            rows += v->segments[i].table.rows;
            deleted += view_deleted_rows(&v->segments[i]);
        }
        if (deleted >= URGENT_DELETED_MIN && deleted * URGENT_DELETED_ONE_IN >= rows) return true;
    }
    return false;
}
