/* Checking one test of a filter: the field must exist, its type must allow the operator, and the
 * values must fit the type. Values are converted by cell_from_value, as inserted ones are: both
 * sides of a comparison are rounded alike (0.1 finds what was stored as 0.1 in a float field), and
 * the same values are refused.
 *
 * Comparisons of numbers become closed ranges: x < 5 is [lowest, 4]. So one loop for each type
 * evaluates them all. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "query/filter_cost.h"
#include "query/filter_tree.h"
#include "text/text_query.h"

/* ---------------------------------------------------------------- fields */

mv_err filter_check_field(filter_context *c, const filter_token *name, bool negated,
                          filter_node **leaf)
{
    filter_node *node = mem_arena_alloc(c->arena, sizeof *node);
    char *name_copy = mem_arena_alloc(c->arena, name->size + 1);
    if (!node || !name_copy)
        return error_memory(c->error, sizeof *node + name->size + 1, "a filter");
    mv_assert(name->kind == FILTER_TOKEN_WORD);
    memcpy(name_copy, name->text, name->size);
    name_copy[name->size] = 0;
    *node = (filter_node){.negated = negated,
                          .name = name_copy,
                          .field = FILTER_FIELD_ID,
                          .type = MV_STRING,
                          .number = c->filter->nodes_count++};
    *leaf = node;
    if (strcmp(name_copy, "id") == 0) {
        c->filter->uses_id = true;
        return MV_OK;
    }
    if (mv_schema_find_field(c->schema, name->text, name->size, &node->field)) {
        node->type = c->schema->fields[node->field].type;
        bits_set(c->filter->fields, node->field);
        return MV_OK;
    }
    uint32_t vector;
    if (mv_schema_find_vector(c->schema, name->text, name->size, &vector))
        return filter_lex_fail(c->source, name->text, MV_MISUSE, c->error,
                               "field '%s' is a vector: filters test scalar fields", name_copy);
    mv_error cause;
    mv_err err = schema_unknown_field(c->schema, name->text, name->size, false, &cause);
    return filter_lex_fail(c->source, name->text, err, c->error, "%s", cause.text);
}

mv_err filter_check_scalar(filter_context *c, const filter_node *leaf, const char *test,
                           const char *at)
{
    if (type_is_of_vectors(leaf->type))
        return filter_lex_fail(c->source, at, MV_MISUSE, c->error,
                               "field '%s' is %s: filters test it by IS NULL only", leaf->name,
                               type_name(leaf->type));
    if (!(leaf->type & MV_ARRAY)) return MV_OK;
    return filter_lex_fail(
        c->source, at, MV_MISUSE, c->error,
        "field '%s' is %s: %s tests single values (use CONTAIN_ANY, CONTAIN_ALL or array_length)",
        leaf->name, type_name(leaf->type), test);
}

mv_err filter_check_string(filter_context *c, const filter_node *leaf, const char *test,
                           const char *at)
{
    MV_TRY(filter_check_scalar(c, leaf, test, at));
    if (type_is_text(leaf->type)) return MV_OK;
    return filter_lex_fail(c->source, at, MV_MISUSE, c->error, "field '%s' is %s: %s tests strings",
                           leaf->name, type_name(leaf->type), test);
}

mv_err filter_check_array(filter_context *c, const filter_node *leaf, const char *test,
                          const char *at)
{
    if (leaf->type & MV_ARRAY) return MV_OK;
    return filter_lex_fail(c->source, at, MV_MISUSE, c->error,
                           "field '%s' is %s: %s tests arrays%s", leaf->name, type_name(leaf->type),
                           test, strcmp(test, "array_length") == 0 ? "" : " (use IN)");
}

mv_err filter_check_nocase(filter_context *c, filter_node *leaf, const char *at)
{
    leaf->folds = true;
    return filter_check_string(c, leaf, "COLLATE NOCASE", at);
}

/* ---------------------------------------------------------------- leaves without loops */

void filter_check_constant(filter_node *leaf, bool truth)
{
    leaf->kind = FILTER_CONSTANT;
    leaf->as.truth = truth;
    leaf->cost = COST_CONSTANT_64_NS;
}

void filter_check_null(filter_node *leaf)
{
    leaf->kind = FILTER_IS_NULL;
    leaf->cost = COST_IS_NULL_64_NS;
}

/* The test is unknown for every row, and so is its negation: no row matches. */
static void become_unknown(filter_node *leaf)
{
    filter_check_constant(leaf, false);
}

/* The test, before negation, has this result for every row that is not NULL. */
static void become_constant(filter_node *leaf, bool result)
{
    if (result == leaf->negated) {
        filter_check_constant(leaf, false);
        return;
    }
    leaf->negated = true; /* IS NOT NULL */
    filter_check_null(leaf);
}

/* ---------------------------------------------------------------- literals */

/* Convert the value to a cell of `type`, in c->cell. Errors name the argument, or the position. */
static mv_err bind(filter_context *c, mv_type type, const char *name, const filter_value *value)
{
    mv_error cause;
    c->cell.size = 0;
    mv_err err = cell_from_value(type, &value->value, name, &c->cell, &cause);
    if (err == MV_OK) return MV_OK;
    if (err != MV_MISUSE && err != MV_LIMIT) return error_set(c->error, err, "%s", cause.text);
    if (value->argument)
        return filter_lex_fail(c->source, value->at, err, c->error, "argument %u: %s",
                               value->argument, cause.text);
    return filter_lex_fail(c->source, value->at, err, c->error, "%s", cause.text);
}

/* The same for a string that the leaf keeps: a copy in the arena, folded if the leaf folds case. */
static mv_err bind_text(filter_context *c, const filter_node *leaf, const filter_value *value,
                        uint8_t **bytes, size_t *size)
{
    MV_TRY(bind(c, MV_STRING, leaf->name, value));
    size_t given = c->cell.size, space = leaf->folds ? FILTER_FOLD_SIZE_MAX(given) : given;
    *bytes = mem_arena_alloc(c->arena, space);
    *size = given;
    if (!*bytes) return error_memory(c->error, space, "a string of the filter");
    if (leaf->folds)
        *size = filter_fold_text(c->cell.data, given, *bytes);
    else if (given)
        memcpy(*bytes, c->cell.data, given);
    return MV_OK;
}

#define ID_DIGITS      24u                /* a sign, the digits of a 64-bit number, a zero byte */
#define WHOLE_REAL_MAX 9007199254740992.0 /* 2^53: doubles up to it are exact whole numbers */

/* A whole number that is compared with ids stands for the string of its digits, which is the id
 * that bindings make of it. Returns `given`, or `made`, whose text is in digits[ID_DIGITS]. */
static const filter_value *value_of_id(const filter_node *leaf, const filter_value *given,
                                       filter_value *made, char *digits)
{
    const mv_value *value = &given->value;
    int size = 0;
    if (leaf->field != FILTER_FIELD_ID) return given;
    if (value->kind == MV_KIND_INT)
        size = snprintf(digits, ID_DIGITS, "%" PRId64, value->as.i);
    else if (value->kind == MV_KIND_UINT)
        size = snprintf(digits, ID_DIGITS, "%" PRIu64, value->as.u);
    else if (value->kind == MV_KIND_REAL && floor(value->as.real) == value->as.real &&
             fabs(value->as.real) <= WHOLE_REAL_MAX)
        size = snprintf(digits, ID_DIGITS, "%" PRId64, (int64_t)value->as.real);
    if (!size) return given;
    *made = *given;
    made->value = (mv_value){.kind = MV_KIND_STRING, .as.string = {digits, (size_t)size}};
    return made;
}

/* ---------------------------------------------------------------- ranges */

/* The least and the greatest order key (base/order_key.h) of a fixed type; NaN has none. */
typedef struct domain {
    uint64_t min, max;
} domain;

static uint64_t key_of_real(mv_type type, double value)
{
    float narrow = (float)value;
    const void *bytes = cell_width(type) == sizeof narrow ? (const void *)&narrow : &value;
    return order_key_of(type, bytes);
}

static domain domain_of(mv_type type)
{
    const type_traits *traits = type_of(type);
    if (traits->kind == TYPE_BOOL) return (domain){.max = 1};
    if (traits->kind != TYPE_REAL) return (domain){.max = UINT64_MAX >> (64 - 8 * traits->width)};
    return (domain){.min = key_of_real(type, -INFINITY), .max = key_of_real(type, INFINITY)};
}

/* The order keys of the values x for which "x op literal" is true; false: there are none. `op` is
 * EQ, LT or GT, `literal` a cell. */
static bool keys_of(mv_type type, filter_op op, const uint8_t *literal, uint64_t *low_out,
                    uint64_t *high_out)
{
    const type_traits *traits = type_of(type);
    domain d = domain_of(type);
    uint64_t low = order_key_of(type, literal), high = low; /* of the equal values */
    mv_assert(op == FILTER_EQ || op == FILTER_LT || op == FILTER_GT);
    mv_assert(d.min <= low);
    mv_assert(low <= d.max);
    /* filter_compare.c compares bits: a range that contains 0.0 must contain -0.0, too. */
    if (traits->kind == TYPE_REAL && low == order_sign(traits)) low--;
    if (op == FILTER_LT) {
        if (low == d.min) return false;
        high = low - 1, low = d.min;
    } else if (op == FILTER_GT) {
        if (high == d.max) return false;
        low = high + 1, high = d.max;
    }
    *low_out = low;
    *high_out = high;
    return true;
}

static filter_range range_of_keys(mv_type type, uint64_t low, uint64_t high)
{
    mv_assert(low <= high);
    return (filter_range){.low = low ^ order_sign(type_of(type)), .span = high - low};
}

static void become_range(filter_node *leaf, uint64_t low, uint64_t high)
{
    leaf->kind = FILTER_RANGE;
    leaf->cost = COST_RANGE_64_NS;
    leaf->low = low;
    leaf->high = high;
    leaf->as.range = range_of_keys(leaf->type, low, high);
}

/* Express !=, >= and <= as the negations of =, < and >. */
static filter_op without_negation(filter_op op, bool *negated)
{
    if (op == FILTER_EQ || op == FILTER_LT || op == FILTER_GT) return op;
    *negated = !*negated;
    return op == FILTER_NE ? FILTER_EQ : op == FILTER_LE ? FILTER_GT : FILTER_LT;
}

mv_err filter_check_compare(filter_context *c, filter_node *leaf, filter_op op,
                            const filter_value *value)
{
    if (value->value.kind == MV_KIND_NULL) {
        become_unknown(leaf);
        return MV_OK;
    }
    op = without_negation(op, &leaf->negated);
    if (type_is_text(leaf->type)) {
        uint8_t *bytes;
        size_t size;
        filter_value made;
        char digits[ID_DIGITS];
        if (op == FILTER_EQ) value = value_of_id(leaf, value, &made, digits);
        MV_TRY(bind_text(c, leaf, value, &bytes, &size));
        leaf->kind = FILTER_STRING;
        leaf->cost = leaf->folds ? COST_FOLD_64_NS : COST_STRING_64_NS;
        leaf->as.string.op = op;
        leaf->as.string.bytes = bytes;
        leaf->as.string.size = size;
        return MV_OK;
    }
    uint64_t low, high;
    MV_TRY(bind(c, leaf->type, leaf->name, value));
    if (keys_of(leaf->type, op, c->cell.data, &low, &high))
        become_range(leaf, low, high);
    else
        become_constant(leaf, false);
    return MV_OK;
}

bool filter_check_can_span(const filter_node *leaf, const filter_value *from,
                           const filter_value *to)
{
    return !type_is_text(leaf->type) && from->value.kind != MV_KIND_NULL &&
           to->value.kind != MV_KIND_NULL;
}

mv_err filter_check_span(filter_context *c, filter_node *leaf, const filter_value *from,
                         const filter_value *to)
{
    uint64_t low, high, other;
    MV_TRY(bind(c, leaf->type, leaf->name, from));
    (void)keys_of(leaf->type, FILTER_EQ, c->cell.data, &low, &other);
    MV_TRY(bind(c, leaf->type, leaf->name, to));
    (void)keys_of(leaf->type, FILTER_EQ, c->cell.data, &other, &high);
    if (low <= high)
        become_range(leaf, low, high);
    else
        become_constant(leaf, false);
    return MV_OK;
}

mv_err filter_check_length(filter_context *c, filter_node *leaf, filter_op op,
                           const filter_value *value)
{
    if (value->value.kind == MV_KIND_NULL) {
        become_unknown(leaf);
        return MV_OK;
    }
    const mv_value *length = &value->value;
    bool is_whole = length->kind == MV_KIND_INT || length->kind == MV_KIND_UINT ||
                    (length->kind == MV_KIND_REAL && floor(length->as.real) == length->as.real);
    if (!is_whole)
        return filter_lex_fail(c->source, value->at, MV_MISUSE, c->error,
                               "array_length(%s) is compared with whole numbers", leaf->name);
    MV_TRY(bind(c, MV_INT64, leaf->name, value));
    op = without_negation(op, &leaf->negated);
    leaf->kind = FILTER_LENGTH;
    leaf->cost = COST_LENGTH_64_NS;
    uint64_t low, high;
    if (keys_of(MV_INT64, op, c->cell.data, &low, &high))
        leaf->as.range = range_of_keys(MV_INT64, low, high);
    else
        become_constant(leaf, false);
    return MV_OK;
}

/* ---------------------------------------------------------------- patterns and lists */

static mv_err check_escape(filter_context *c, const filter_value *escape)
{
    if (escape->value.kind == MV_KIND_STRING) {
        const char *data = escape->value.as.string.data;
        size_t size = escape->value.as.string.size;
        if (size && filter_like_character_size((const uint8_t *)data, size) == size) return MV_OK;
    }
    return filter_lex_fail(c->source, escape->at, MV_MISUSE, c->error,
                           "ESCAPE wants a string of one character");
}

static void become_like(filter_node *leaf, filter_like like)
{
    if (like.kind == FILTER_LIKE_NOTHING || like.kind == FILTER_LIKE_ANYTHING) {
        become_constant(leaf, like.kind == FILTER_LIKE_ANYTHING);
        return;
    }
    leaf->kind = FILTER_LIKE;
    leaf->cost = leaf->folds ? COST_FOLD_64_NS : COST_LIKE_64_NS;
    leaf->as.like = like;
}

mv_err filter_check_like(filter_context *c, filter_node *leaf, const filter_value *pattern,
                         const filter_value *escape)
{
    const char *escape_data = NULL;
    size_t escape_size = 0;
    if (escape) {
        MV_TRY(check_escape(c, escape));
        escape_data = escape->value.as.string.data;
        escape_size = escape->value.as.string.size;
    }
    if (pattern->value.kind == MV_KIND_NULL) {
        become_unknown(leaf);
        return MV_OK;
    }
    MV_TRY(bind(c, MV_STRING, leaf->name, pattern));
    filter_like like;
    MV_TRY(filter_like_compile((const char *)c->cell.data, c->cell.size, escape_data, escape_size,
                               leaf->folds, c->arena, &like, c->error));
    become_like(leaf, like);
    return MV_OK;
}

mv_err filter_check_prefix(filter_context *c, filter_node *leaf, const filter_value *prefix)
{
    uint8_t *bytes;
    size_t size;
    if (prefix->value.kind == MV_KIND_NULL) {
        become_unknown(leaf);
        return MV_OK;
    }
    MV_TRY(bind_text(c, leaf, prefix, &bytes, &size));
    become_like(leaf, filter_like_prefix(bytes, size));
    return MV_OK;
}

mv_err filter_check_match(filter_context *c, filter_node *leaf, const filter_value *what,
                          const char *at)
{
    mv_error cause;
    mv_match_node typed = {.kind = MV_MATCH_TYPED};
    mv_match given = {&typed, 1};
    if (leaf->field == FILTER_FIELD_ID ||
        c->schema->fields[leaf->field].index.type != MV_INDEX_TEXT)
        return filter_lex_fail(c->source, at, MV_MISUSE, c->error,
                               "MATCH needs a field with a text index, '%s' has none", leaf->name);
    if (what->value.kind == MV_KIND_NULL) {
        become_unknown(leaf);
        return MV_OK;
    }
    if (what->value.kind == MV_KIND_MATCH) {
        given = what->value.as.match;
    } else {
        MV_TRY(bind(c, MV_STRING, leaf->name, what));
        typed.text = (const char *)c->cell.data;
        typed.size = c->cell.size;
    }
    filter_match *match = mem_arena_alloc(c->arena, sizeof *match);
    if (!match) return error_memory(c->error, sizeof *match, "a filter");
    *match = (filter_match){.field = leaf->field, .next = c->filter->matches};
    mv_err err = text_query_data_copy(&given, c->arena, &match->what, &cause);
    if (err) return filter_lex_fail(c->source, what->at, err, c->error, "%s", cause.text);
    c->filter->matches = match;
    leaf->kind = FILTER_MATCH;
    leaf->cost = COST_CONSTANT_64_NS; /* its rows are found before others are tested */
    leaf->as.match = match;
    return MV_OK;
}

mv_err filter_check_list_begin(filter_context *c, filter_node *leaf, filter_kind kind)
{
    mv_assert(kind == FILTER_IN || type_element(leaf->type) != leaf->type);
    leaf->kind = kind;
    leaf->cost = COST_CONTAIN_64_NS;
    if (kind == FILTER_IN)
        leaf->cost = leaf->folds                ? COST_FOLD_64_NS
                     : type_is_text(leaf->type) ? COST_STRING_IN_64_NS
                                                : COST_IN_64_NS;
    leaf->low = UINT64_MAX;
    leaf->high = 0;
    return filter_set_create(c->arena, &leaf->as.set, c->error);
}

mv_err filter_check_list_add(filter_context *c, filter_node *leaf, const filter_value *value)
{
    mv_type type = type_element(leaf->type);
    filter_value made;
    char digits[ID_DIGITS];
    value = value_of_id(leaf, value, &made, digits);
    if (leaf->folds) {
        uint8_t *bytes;
        size_t size;
        MV_TRY(bind_text(c, leaf, value, &bytes, &size));
        return filter_set_add(leaf->as.set, filter_set_key_of(type, bytes, size), c->arena,
                              c->error);
    }
    MV_TRY(bind(c, type, leaf->name, value));
    uint64_t key = type_is_text(type) ? 0 : order_key_of(type, c->cell.data);
    if (key < leaf->low) leaf->low = key;
    if (key > leaf->high) leaf->high = key;
    return filter_set_add(leaf->as.set, filter_set_key_of(type, c->cell.data, c->cell.size),
                          c->arena, c->error);
}

mv_err filter_check_list_end(filter_context *c, filter_node *leaf)
{
    if (leaf->as.set->count) return filter_set_finish(leaf->as.set, c->arena, c->error);
    /* IN () is false even for NULL, as in SQLite: nothing is compared. */
    if (leaf->kind == FILTER_IN)
        filter_check_constant(leaf, leaf->negated);
    else
        become_constant(leaf, leaf->kind == FILTER_CONTAIN_ALL);
    return MV_OK;
}
