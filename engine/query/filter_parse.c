/* The grammar of filters (filter.h), by recursive descent. Only parentheses and NOT recurse, up to
 * MV_FILTER_DEPTH_MAX; chains of AND and OR are lists. There is no NOT node in the tree: `negated`
 * is passed down instead (filter_tree.h says why). */
#include <string.h>

#include "query/filter_tree.h"

typedef struct filter_parser {
    filter_context check; /* source, arena, error are here */
    size_t at;            /* position in the source behind `token` */
    filter_token token;   /* the next one, not consumed yet */
    filter_token before;  /* the one consumed last, for messages */
    uint32_t depth;       /* open parentheses and NOTs */
    uint32_t tests;       /* parsed so far */
    uint32_t arguments;   /* bound so far */
} filter_parser;

/* The operators that are words. NOT may stand before each. */
typedef enum word_test {
    TEST_BETWEEN,
    TEST_IN,
    TEST_LIKE,
    TEST_ILIKE,
    TEST_MATCH,
    TEST_STARTS, /* WITH follows */
    TEST_CONTAIN_ANY,
    TEST_CONTAIN_ALL,
    WORD_TESTS_COUNT
} word_test;

static const char *const WORD_TESTS[WORD_TESTS_COUNT] = {
    "BETWEEN", "IN", "LIKE", "ILIKE", "MATCH", "STARTS", "CONTAIN_ANY", "CONTAIN_ALL"};

/* ---------------------------------------------------------------- tokens */

static mv_err fail_limit(filter_parser *p, const char *what, uint32_t limit)
{
    return filter_lex_fail(p->check.source, p->token.text, MV_LIMIT, p->check.error,
                           "more than %u %s", limit, what);
}

/* "expected a value after '>=', found the end" */
static mv_err fail_expected(filter_parser *p, const char *what)
{
    char found[FILTER_QUOTE_SIZE], before[FILTER_QUOTE_SIZE];
    bool first = p->before.kind == FILTER_TOKEN_END;
    return filter_lex_fail(p->check.source, p->token.text, MV_MISUSE, p->check.error,
                           "expected %s%s%s, found %s", what, first ? "" : " after ",
                           first ? "" : filter_lex_quote(&p->before, before),
                           filter_lex_quote(&p->token, found));
}

static mv_err next_token(filter_parser *p)
{
    p->before = p->token;
    return filter_lex(p->check.source, &p->at, p->check.arena, &p->token, p->check.error);
}

/* Consume the next token if it is the keyword. */
static mv_err accept_word(filter_parser *p, const char *keyword, bool *accepted)
{
    *accepted = filter_lex_word_is(&p->token, keyword);
    return *accepted ? next_token(p) : MV_OK;
}

static mv_err expect_word(filter_parser *p, const char *keyword)
{
    if (!filter_lex_word_is(&p->token, keyword)) return fail_expected(p, keyword);
    return next_token(p);
}

static mv_err expect_token(filter_parser *p, filter_token_kind kind, const char *what)
{
    if (p->token.kind != kind) return fail_expected(p, what);
    return next_token(p);
}

/* ---------------------------------------------------------------- values */

/* Is the next token a value? If so, *out is the value. Consumes nothing. */
static bool peek_value(filter_parser *p, filter_value *out)
{
    const mv_filter *source = p->check.source;
    *out = (filter_value){.at = p->token.text};
    switch (p->token.kind) {
    case FILTER_TOKEN_VALUE: out->value = p->token.value; return true;
    case FILTER_TOKEN_ARGUMENT:
        mv_assert(p->arguments < source->args_count); /* filter_compile has counted them */
        out->value = source->args[p->arguments];
        out->argument = p->arguments + 1;
        return true;
    case FILTER_TOKEN_WORD:
        out->value.kind = MV_KIND_BOOL;
        out->value.as.boolean = filter_lex_word_is(&p->token, "TRUE");
        return out->value.as.boolean || filter_lex_word_is(&p->token, "FALSE");
    default: return false;
    }
}

/* A name where a value must be is a string without its quotes, or a second field. Before AND or OR
 * the value is missing. */
static mv_err fail_no_value(filter_parser *p)
{
    filter_token *t = &p->token;
    uint32_t position;
    char found[FILTER_QUOTE_SIZE];
    if (t->kind != FILTER_TOKEN_WORD || filter_lex_word_is(t, "AND") || filter_lex_word_is(t, "OR"))
        return fail_expected(p, "a value");
    if (mv_schema_find_field(p->check.schema, t->text, t->size, &position))
        return filter_lex_fail(p->check.source, t->text, MV_MISUSE, p->check.error,
                               "a field is compared with a value, not with another field: %s is "
                               "a field (a string is in single quotes)",
                               filter_lex_quote(t, found));
    return filter_lex_fail(p->check.source, t->text, MV_MISUSE, p->check.error,
                           "expected a value, found the name %s (a string is in single quotes, or "
                           "given in 'args' for a '?')",
                           filter_lex_quote(t, found));
}

static mv_err parse_value(filter_parser *p, filter_value *out)
{
    if (!peek_value(p, out)) {
        if (filter_lex_word_is(&p->token, "NULL"))
            return filter_lex_fail(
                p->check.source, p->token.text, MV_MISUSE, p->check.error,
                "NULL is no value to compare with: write IS NULL or IS NOT NULL");
        return fail_no_value(p);
    }
    if (out->argument) p->arguments++;
    return next_token(p);
}

/* "( value, ... )" or "?" bound to a list: every value is added to the leaf. */
static mv_err parse_list(filter_parser *p, filter_node *leaf, filter_kind kind)
{
    filter_context *c = &p->check;
    filter_value value;
    MV_TRY(filter_check_list_begin(c, leaf, kind));
    if (p->token.kind == FILTER_TOKEN_ARGUMENT) {
        MV_TRY(parse_value(p, &value));
        if (value.value.kind != MV_KIND_LIST)
            return filter_lex_fail(c->source, value.at, MV_MISUSE, c->error,
                                   "argument %u is not a list", value.argument);
        const mv_value *items = value.value.as.list.items;
        size_t count = value.value.as.list.count;
        if (count > MV_FILTER_LIST_MAX)
            return filter_lex_fail(c->source, value.at, MV_LIMIT, c->error,
                                   "argument %u has %zu values, a list at most %u", value.argument,
                                   count, MV_FILTER_LIST_MAX);
        for (size_t i = 0; i < count; i++) {
            value.value = items[i];
            MV_TRY(filter_check_list_add(c, leaf, &value));
        }
    } else {
        MV_TRY(expect_token(p, FILTER_TOKEN_OPEN, "'(' or '?'"));
        for (uint32_t count = 0; p->token.kind != FILTER_TOKEN_CLOSE; count++) {
            if (count == MV_FILTER_LIST_MAX)
                return fail_limit(p, "values in a list", MV_FILTER_LIST_MAX);
            if (count) MV_TRY(expect_token(p, FILTER_TOKEN_COMMA, "',' or ')'"));
            MV_TRY(parse_value(p, &value));
            MV_TRY(filter_check_list_add(c, leaf, &value));
        }
        MV_TRY(next_token(p));
    }
    return filter_check_list_end(c, leaf);
}

/* ---------------------------------------------------------------- groups */

static mv_err parse_or(filter_parser *p, bool negated, filter_node **out);

static mv_err create_node(filter_parser *p, filter_kind kind, filter_node **out)
{
    filter_node *node = mem_arena_alloc(p->check.arena, sizeof *node);
    if (!node) return error_memory(p->check.error, sizeof *node, "a filter");
    *node = (filter_node){
        .kind = kind, .or_depth = kind == FILTER_OR, .number = p->check.filter->nodes_count++};
    *out = node;
    return MV_OK;
}

/* Insert a member behind those that cost as much or less. *last is the last member. In long chains
 * most tests are of one kind, so that most members are appended without a search. */
static void group_add(filter_node *group, filter_node **last, filter_node *member)
{
    mv_assert(group->kind == FILTER_AND || group->kind == FILTER_OR);
    mv_assert(!group->negated); /* I17 */
    mv_assert(!member->next);   /* it is in no other group */
    filter_node **link = &group->as.members;
    if (*last && (*last)->cost <= member->cost) link = &(*last)->next;
    while (*link && (*link)->cost <= member->cost) link = &(*link)->next;
    member->next = *link;
    *link = member;
    if (!member->next) *last = member;
    uint32_t or_depth = member->or_depth + (group->kind == FILTER_OR);
    if (or_depth > group->or_depth) group->or_depth = or_depth;
    group->cost += member->cost;
}

static mv_err count_test(filter_parser *p)
{
    if (++p->tests > MV_FILTER_TESTS_MAX) return fail_limit(p, "tests", MV_FILTER_TESTS_MAX);
    return MV_OK;
}

/* ---------------------------------------------------------------- tests */

/* name BETWEEN a AND b: one range of numbers; otherwise (name >= a AND name <= b), negated by
 * De Morgan's law. `low`, the leaf of the field, becomes the range or the first comparison. */
static mv_err parse_between(filter_parser *p, filter_node *low, filter_node **out)
{
    filter_context *c = &p->check;
    filter_value from, to;
    filter_node *group = NULL, *last = NULL;
    MV_TRY(filter_check_scalar(c, low, "BETWEEN", p->before.text));
    MV_TRY(parse_value(p, &from));
    MV_TRY(expect_word(p, "AND"));
    MV_TRY(parse_value(p, &to));
    *out = low;
    if (filter_check_can_span(low, &from, &to)) return filter_check_span(c, low, &from, &to);

    filter_node *high = mem_arena_alloc(c->arena, sizeof *high);
    if (!high) return error_memory(c->error, sizeof *high, "a filter");
    *high = *low;
    high->number = c->filter->nodes_count++;
    MV_TRY(create_node(p, low->negated ? FILTER_OR : FILTER_AND, &group));
    MV_TRY(filter_check_compare(c, low, FILTER_GE, &from));
    MV_TRY(filter_check_compare(c, high, FILTER_LE, &to));
    group_add(group, &last, low);
    group_add(group, &last, high);
    *out = group;
    return MV_OK;
}

static mv_err parse_like(filter_parser *p, filter_node *leaf, const char *test, bool folds)
{
    filter_value pattern, escape;
    bool has_escape;
    MV_TRY(filter_check_string(&p->check, leaf, test, p->before.text));
    leaf->folds = folds;
    MV_TRY(parse_value(p, &pattern));
    MV_TRY(accept_word(p, "ESCAPE", &has_escape));
    if (has_escape) MV_TRY(parse_value(p, &escape));
    return filter_check_like(&p->check, leaf, &pattern, has_escape ? &escape : NULL);
}

/* [COLLATE NOCASE], which makes the test of the leaf ignore case. */
static mv_err accept_collation(filter_parser *p, filter_node *leaf)
{
    bool has_collation;
    const char *at = p->token.text;
    MV_TRY(accept_word(p, "COLLATE", &has_collation));
    if (!has_collation) return MV_OK;
    MV_TRY(expect_word(p, "NOCASE"));
    return filter_check_nocase(&p->check, leaf, at);
}

static mv_err parse_match(filter_parser *p, filter_node *leaf)
{
    filter_value what;
    const char *at = p->before.text;
    MV_TRY(parse_value(p, &what));
    return filter_check_match(&p->check, leaf, &what, at);
}

static mv_err parse_starts(filter_parser *p, filter_node *leaf)
{
    filter_value prefix;
    MV_TRY(filter_check_string(&p->check, leaf, "STARTS WITH", p->before.text));
    MV_TRY(expect_word(p, "WITH"));
    MV_TRY(parse_value(p, &prefix));
    MV_TRY(accept_collation(p, leaf));
    return filter_check_prefix(&p->check, leaf, &prefix);
}

/* Behind IN, BETWEEN and LIKE, a COLLATE of SQL does not do what it seems to. */
static mv_err refuse_collation(filter_parser *p, const filter_node *leaf)
{
    if (!filter_lex_word_is(&p->token, "COLLATE")) return MV_OK;
    return filter_lex_fail(p->check.source, p->token.text, MV_MISUSE, p->check.error,
                           "COLLATE stands behind the name: %s COLLATE NOCASE ... "
                           "(for LIKE without case write ILIKE, and no COLLATE)",
                           leaf->name);
}

/* Of the tests that are words, only these can ignore case by COLLATE NOCASE. */
static mv_err check_collation(filter_parser *p, const filter_node *leaf)
{
    static const char *const COLLATED[] = {"BETWEEN", "IN", "STARTS"};
    if (!leaf->folds) return MV_OK;
    for (size_t i = 0; i < sizeof COLLATED / sizeof *COLLATED; i++)
        if (filter_lex_word_is(&p->token, COLLATED[i])) return MV_OK;
    return fail_expected(p,
                         "a comparison, BETWEEN, IN or STARTS WITH (LIKE without case is ILIKE)");
}

/* One of WORD_TESTS, at its word. *out is the leaf, or the group that a BETWEEN may become. */
static mv_err parse_word_test(filter_parser *p, filter_node *leaf, filter_node **out)
{
    uint32_t which = 0;
    while (which < WORD_TESTS_COUNT && !filter_lex_word_is(&p->token, WORD_TESTS[which])) which++;
    if (which == WORD_TESTS_COUNT) return fail_expected(p, "an operator");
    MV_TRY(next_token(p));

    *out = leaf;
    switch ((word_test)which) {
    case TEST_BETWEEN: return parse_between(p, leaf, out);
    case TEST_LIKE: return parse_like(p, leaf, "LIKE", false);
    case TEST_ILIKE: return parse_like(p, leaf, "ILIKE", true);
    case TEST_MATCH: return parse_match(p, leaf);
    case TEST_STARTS: return parse_starts(p, leaf);
    case TEST_IN:
        MV_TRY(filter_check_scalar(&p->check, leaf, "IN", p->before.text));
        return parse_list(p, leaf, FILTER_IN);
    case TEST_CONTAIN_ANY:
        MV_TRY(filter_check_array(&p->check, leaf, "CONTAIN_ANY", p->before.text));
        return parse_list(p, leaf, FILTER_CONTAIN_ANY);
    case TEST_CONTAIN_ALL:
        MV_TRY(filter_check_array(&p->check, leaf, "CONTAIN_ALL", p->before.text));
        return parse_list(p, leaf, FILTER_CONTAIN_ALL);
    case WORD_TESTS_COUNT: break;
    }
    mv_assert(false); /* WORD_TESTS has no other rows */
    return fail_expected(p, "an operator");
}

/* array_length(name) op integer, at the parenthesis. */
static mv_err parse_length(filter_parser *p, bool negated, filter_node **out)
{
    filter_value value;
    MV_TRY(next_token(p)); /* ( */
    if (p->token.kind != FILTER_TOKEN_WORD) return fail_expected(p, "the name of a field");
    MV_TRY(filter_check_field(&p->check, &p->token, negated, out));
    MV_TRY(filter_check_array(&p->check, *out, "array_length", p->token.text));
    MV_TRY(next_token(p));
    MV_TRY(expect_token(p, FILTER_TOKEN_CLOSE, "')'"));
    filter_op op = p->token.op;
    MV_TRY(expect_token(p, FILTER_TOKEN_OPERATOR, "a comparison"));
    MV_TRY(parse_value(p, &value));
    return filter_check_length(&p->check, *out, op, &value);
}

/* The operator and its values. The name of the field has been consumed, `leaf` was made for it. */
static mv_err parse_field_test(filter_parser *p, filter_node *leaf, filter_node **out)
{
    filter_value value;
    bool inverted;
    *out = leaf;
    MV_TRY(accept_collation(p, leaf));
    if (p->token.kind == FILTER_TOKEN_OPERATOR) {
        filter_op op = p->token.op;
        char test[FILTER_QUOTE_SIZE];
        MV_TRY(
            filter_check_scalar(&p->check, leaf, filter_lex_quote(&p->token, test), p->token.text));
        MV_TRY(next_token(p));
        MV_TRY(parse_value(p, &value));
        MV_TRY(accept_collation(p, leaf));
        return filter_check_compare(&p->check, leaf, op, &value);
    }
    bool is_null = false;
    if (!leaf->folds) MV_TRY(accept_word(p, "IS", &is_null));
    MV_TRY(accept_word(p, "NOT", &inverted));
    leaf->negated ^= inverted;
    MV_TRY(check_collation(p, leaf));
    if (!is_null) {
        MV_TRY(parse_word_test(p, leaf, out));
        return refuse_collation(p, leaf);
    }
    filter_check_null(leaf);
    return expect_word(p, "NULL");
}

/* Is it a word of the language that cannot begin a test? It does so where a field has that name. */
static bool is_keyword(const filter_token *token)
{
    static const char *const KEYWORDS[] = {"AND", "OR", "IS", "NULL"};
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof *KEYWORDS; i++)
        if (filter_lex_word_is(token, KEYWORDS[i])) return true;
    for (size_t i = 0; i < WORD_TESTS_COUNT; i++)
        if (filter_lex_word_is(token, WORD_TESTS[i])) return true;
    return false;
}

static mv_err parse_test(filter_parser *p, bool negated, filter_node **out)
{
    filter_token word = p->token;
    filter_node *leaf;
    uint32_t position;
    if (word.kind != FILTER_TOKEN_WORD) return fail_expected(p, "a test");
    MV_TRY(count_test(p));
    bool truth = filter_lex_word_is(&word, "TRUE");
    if (truth || filter_lex_word_is(&word, "FALSE")) {
        MV_TRY(create_node(p, FILTER_CONSTANT, out));
        filter_check_constant(*out, truth != negated);
        return next_token(p);
    }
    if (is_keyword(&word) &&
        !mv_schema_find_field(p->check.schema, word.text, word.size, &position))
        return fail_expected(p, "a test");
    MV_TRY(next_token(p));
    if (filter_lex_word_is(&word, "ARRAY_LENGTH") && p->token.kind == FILTER_TOKEN_OPEN)
        return parse_length(p, negated, out);
    MV_TRY(filter_check_field(&p->check, &word, negated, &leaf));
    return parse_field_test(p, leaf, out);
}

/* ---------------------------------------------------------------- NOT, AND, OR */

static mv_err parse_not(filter_parser *p, bool negated, filter_node **out)
{
    bool is_not = filter_lex_word_is(&p->token, "NOT");
    if (!is_not && p->token.kind != FILTER_TOKEN_OPEN) return parse_test(p, negated, out);

    if (++p->depth > MV_FILTER_DEPTH_MAX)
        return fail_limit(p, "levels of parentheses and NOT", MV_FILTER_DEPTH_MAX);
    MV_TRY(next_token(p));
    if (is_not) {
        MV_TRY(parse_not(p, !negated, out));
    } else {
        MV_TRY(parse_or(p, negated, out));
        MV_TRY(expect_token(p, FILTER_TOKEN_CLOSE, "AND, OR or ')'"));
    }
    p->depth--;
    return MV_OK;
}

typedef mv_err parse_function(filter_parser *p, bool negated, filter_node **out);

/* member { keyword member }: a group of `kind`, or the member itself if there is only one. */
static mv_err parse_chain(filter_parser *p, const char *keyword, filter_kind kind,
                          parse_function *parse_member, bool negated, filter_node **out)
{
    filter_node *group = NULL, *last = NULL, *member = NULL;
    bool more;
    MV_TRY(parse_member(p, negated, &member));
    for (;;) {
        MV_TRY(accept_word(p, keyword, &more));
        if (!more) break;
        if (!group) {
            MV_TRY(create_node(p, kind, &group));
            group_add(group, &last, member);
        }
        MV_TRY(parse_member(p, negated, &member));
        group_add(group, &last, member);
    }
    *out = group ? group : member;
    return MV_OK;
}

static mv_err parse_and(filter_parser *p, bool negated, filter_node **out)
{
    return parse_chain(p, "AND", negated ? FILTER_OR : FILTER_AND, parse_not, negated, out);
}

static mv_err parse_or(filter_parser *p, bool negated, filter_node **out)
{
    return parse_chain(p, "OR", negated ? FILTER_AND : FILTER_OR, parse_and, negated, out);
}

/* ---------------------------------------------------------------- the whole */

mv_err filter_parse(const mv_schema *schema, const mv_filter *source, mem_arena *arena, filter *f,
                    mv_error *error)
{
    filter_parser p = {0};
    p.check = (filter_context){
        .schema = schema, .source = source, .arena = arena, .filter = f, .error = error};
    mv_err err = next_token(&p);
    if (err == MV_OK) err = parse_or(&p, false, &f->root);
    if (err == MV_OK && p.token.kind != FILTER_TOKEN_END)
        err = fail_expected(&p, "AND, OR or the end");
    mv_assert(err || p.depth == 0);
    mv_assert(err || f->root->number < f->nodes_count); /* I17 */
    mem_buffer_free(&p.check.cell);
    return err;
}
