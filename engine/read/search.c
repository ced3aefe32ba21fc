/* The public search: it checks the query, then searches (search_vector.c, search_multi.c,
 * search_sparse.c, search_text.c), or selects by filter and order (select.c). */
#include "read/search.h"

#include <math.h>

#include "read/explain.h"
#include "read/search_multi.h"
#include "read/search_sparse.h"
#include "read/search_text.h"
#include "read/search_vector.h"
#include "read/select.h"

static bool is_by_text(const mv_query *q)
{
    return q->text || q->match.nodes;
}

static mv_err check_text_query(const mv_query *q, bool has_vector, mv_error *error)
{
    const char *other = has_vector        ? "a vector"
                        : q->order_by     ? "order_by"
                        : q->max_distance ? "max_distance"
                        : q->after.data   ? "after"
                                          : NULL;
    if (q->text && q->match.nodes)
        return error_set(error, MV_MISUSE, "text and match cannot be used together");
    if (other)
        return error_set(error, MV_MISUSE, "%s cannot be used with %s", q->text ? "text" : "match",
                         other);
    if (q->min_score && isnan(*q->min_score))
        return error_set(error, MV_MISUSE, "min_score is NaN");
    return MV_OK;
}

/* Check after, more, within and the limits of scores. `vectors`: how many are searched for. */
static mv_err check_continuation(const mv_query *q, uint32_t vectors, mv_error *error)
{
    if (q->after.data && (q->offset || vectors > 1))
        return error_set(error, MV_MISUSE, "after cannot be used with %s",
                         q->offset ? "an offset" : "several vectors");
    if (q->more && vectors > 1)
        return error_set(error, MV_MISUSE,
                         "only a search for one vector can be continued with 'more'");
    if (q->more && q->within)
        return error_set(error, MV_MISUSE, "'more' and 'within' cannot be used together");
    if ((q->min_score && isnan(*q->min_score)) || (q->max_distance && isnan(*q->max_distance)))
        return error_set(error, MV_MISUSE, "min_score or max_distance is NaN");
    return MV_OK;
}

static mv_err check_sparse_query(const mv_query *q, mv_error *error)
{
    const char *other = q->vectors      ? "a dense vector"
                        : is_by_text(q) ? "a text"
                        : q->order_by   ? "order_by"
                                        : NULL;
    if (other) return error_set(error, MV_MISUSE, "a sparse vector cannot be used with %s", other);
    if (!q->sparse == !q->id.data)
        return error_set(error, MV_MISUSE, "search by a sparse vector or by an id, one of them");
    if (q->strategy > MV_STRATEGY_EXACT)
        return error_set(error, MV_MISUSE, "a sparse vector is searched exactly");
    if (q->sparse && (q->sparse_count < 1 || q->sparse_count > MV_QUERY_VECTORS_MAX))
        return error_set(error, MV_MISUSE, "%u vectors in one query, it must be 1 to %u",
                         q->sparse_count, MV_QUERY_VECTORS_MAX);
    return check_continuation(q, q->sparse ? q->sparse_count : 1, error);
}

static mv_err check_multi_query(const mv_query *q, mv_error *error)
{
    const char *other = is_by_text(q)   ? "a text"
                        : q->order_by   ? "order_by"
                        : q->is_sparse  ? "a sparse vector"
                        : q->after.data ? "after"
                                        : NULL;
    if (other)
        return error_set(error, MV_MISUSE, "several vectors together cannot be used with %s",
                         other);
    if (!q->vectors == !q->id.data)
        return error_set(error, MV_MISUSE, "search by vectors or by an id, one of them");
    if (q->strategy == MV_STRATEGY_CODES || q->strategy == MV_STRATEGY_BRIDGES)
        return error_set(error, MV_MISUSE,
                         "several vectors together are searched exactly or by a graph");
    if (q->vectors_count > MV_MULTI_MAX)
        return error_set(error, MV_MISUSE, "%u vectors together, it must be 1 to %u",
                         q->vectors_count, MV_MULTI_MAX);
    return check_continuation(q, 1, error);
}

static mv_err check_query(const mv_query *q, mv_error *error)
{
    if (!q->topk) return error_set(error, MV_MISUSE, "topk is 0, it must be 1 or more");
    if (q->topk > MV_TOPK_MAX || q->offset > MV_TOPK_MAX || q->topk + q->offset > MV_TOPK_MAX)
        return error_set(error, MV_MISUSE,
                         "topk is %u and offset is %u, their sum must be at most %u", q->topk,
                         q->offset, MV_TOPK_MAX);
    if ((unsigned)q->strategy > MV_STRATEGY_BRIDGES)
        return error_set(error, MV_MISUSE, "there is no search strategy %d", (int)q->strategy);
    if (q->ef > MV_EF_MAX)
        return error_set(error, MV_MISUSE, "ef is %u, it must be at most %u", q->ef, MV_EF_MAX);
    if (!(q->recall >= 0 && q->recall <= 1))
        return error_set(error, MV_MISUSE, "recall is %g, it must be more than 0 and at most 1",
                         q->recall);
    if (q->recall > 0 && q->ef)
        return error_set(error, MV_MISUSE, "only one of recall and ef can be given");
    if (q->vectors && q->id.data)
        return error_set(error, MV_MISUSE, "search by a vector or by an id, not both");
    if (q->vectors && (q->vectors_count < 1 || q->vectors_count > MV_QUERY_VECTORS_MAX))
        return error_set(error, MV_MISUSE, "%u vectors in one query, it must be 1 to %u",
                         q->vectors_count, MV_QUERY_VECTORS_MAX);
    if (q->threads > MV_THREADS_MAX)
        return error_set(error, MV_MISUSE, "threads is %u, it must be at most %u", q->threads,
                         MV_THREADS_MAX);
    if (q->is_multi) return check_multi_query(q, error);
    if (q->is_sparse) return check_sparse_query(q, error);
    bool has_vector = q->vectors || q->id.data;
    if (is_by_text(q)) return check_text_query(q, has_vector, error);
    if (has_vector && q->order_by)
        return error_set(error, MV_MISUSE,
                         "order_by cannot be used with a vector: hits are ordered by score");
    if (!has_vector && (q->min_score || q->max_distance))
        return error_set(error, MV_MISUSE, "min_score and max_distance need a vector");
    return check_continuation(q, q->vectors_count, error);
}

/* Let the result see the commit that the query searches. */
static mv_err begin_result(mv_collection *c, const mv_query *q, mv_result *result, mv_error *error)
{
    if (q->more) return result_continue(result, error);
    if (q->within) return result_begin_within(result, q->within, error);
    return result_begin(result, c, error);
}

/* Vectors of a query, each of which is searched for alone. */
static uint32_t count_inputs(const mv_query *q)
{
    if (q->is_multi) return 1;
    return q->sparse ? q->sparse_count : q->vectors ? q->vectors_count : 1;
}

mv_err mv_search(mv_collection *c, const mv_query *query, mv_result *result, mv_error *error)
{
    search s = {.q = query, .r = result};
    mv_error own;
    if (!error) error = &own; /* a search reads what is wrong with an index, and goes on without */
    MV_TRY(check_query(query, error));
    mv_err err = begin_result(c, query, result, error);
    if (!err && query->schema && query->schema != mv_result_schema(result))
        err = error_set(error, MV_SCHEMA_MISMATCH,
                        "the schema has changed since the query was created: create another query");
    if (!err) err = explain_begin(&s, error);
    if (!err && query->filter)
        err = filter_compile(result->seen->v->schema, query->filter, &result->arena, &s.f, error);
    if (!err)
        err = query->is_multi                    ? search_multi(&s, error)
              : query->is_sparse                 ? search_sparse(&s, error)
              : is_by_text(query)                ? search_text(&s, error)
              : query->vectors || query->id.data ? search_vector(&s, error)
                                                 : select_rows(&s, error);
    if (err)
        mv_result_clear(result);
    else
        result_note_use(result, count_inputs(query));
    return err;
}
