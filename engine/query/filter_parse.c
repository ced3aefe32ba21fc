/* The grammar of filters (filter.h), by recursive descent. Only parentheses and NOT recurse, and
 * they are counted; chains of AND and OR are lists. NOT is not in the tree: `negated` is handed
 * down instead (filter_tree.h says why). */
#include <string.h>

#include "query/filter_tree.h"

typedef struct filter_parser {
    filter_context check; /* source, arena, error are here */
    size_t at;            /* after `token` */
    filter_token token;   /* the next one */
    filter_token before;  /* the one consumed last, for messages */
    uint32_t depth;
    uint32_t tests;
    uint32_t arguments; /* taken */
} filter_parser;

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

/* Consume the keyword if it is next. */
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

/* Is the next token a value? Then say which, without consuming it. */
static bool peek_value(filter_parser *p, filter_value *out)
{
    const mv_filter *source = p->check.source;
    *out = (filter_value){.at = p->token.text};
    switch (p->token.kind) {
    case FILTER_TOKEN_VALUE: out->value = p->token.value; return true;
    case FILTER_TOKEN_ARGUMENT:
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

static mv_err parse_value(filter_parser *p, filter_value *out)
{
    if (!peek_value(p, out)) {
        if (filter_lex_word_is(&p->token, "NULL"))
            return filter_lex_fail(
                p->check.source, p->token.text, MV_MISUSE, p->check.error,
                "NULL is no value to compare with: write IS NULL or IS NOT NULL");
        return fail_expected(p, "a value");
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
    filter_check_list_end(leaf);
    return MV_OK;
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

/* Add a member behind those that cost as much or less. Chains are mostly of one kind of test, so
 * most members go straight behind the last. */
static void group_add(filter_node *group, filter_node **last, filter_node *member)
{
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

/* name BETWEEN a AND b: one range of numbers; else (name >= a AND name <= b), by De Morgan when
 * negated. `low` comes with the field and becomes the first half. */
static mv_err parse_between(filter_parser *p, filter_node *low, filter_node **out)
{
    filter_context *c = &p->check;
    filter_value from, to;
    filter_node *group = NULL, *last = NULL, *high = mem_arena_alloc(c->arena, sizeof *high);
    if (!high) return error_memory(c->error, sizeof *high, "a filter");
    *high = *low;
    high->number = c->filter->nodes_count++;
    MV_TRY(filter_check_scalar(c, low, "BETWEEN", p->before.text));
    MV_TRY(create_node(p, low->negated ? FILTER_OR : FILTER_AND, &group));
    MV_TRY(parse_value(p, &from));
    MV_TRY(expect_word(p, "AND"));
    MV_TRY(parse_value(p, &to));
    *out = low;
    if (filter_check_can_span(low, &from, &to)) return filter_check_span(c, low, &from, &to);
    MV_TRY(filter_check_compare(c, low, FILTER_GE, &from));
    MV_TRY(filter_check_compare(c, high, FILTER_LE, &to));
    group_add(group, &last, low);
    group_add(group, &last, high);
    *out = group;
    return MV_OK;
}

static mv_err parse_like(filter_parser *p, filter_node *leaf)
{
    filter_value pattern, escape;
    bool has_escape;
    MV_TRY(filter_check_string(&p->check, leaf, "LIKE", p->before.text));
    MV_TRY(parse_value(p, &pattern));
    MV_TRY(accept_word(p, "ESCAPE", &has_escape));
    if (has_escape) MV_TRY(parse_value(p, &escape));
    return filter_check_like(&p->check, leaf, &pattern, has_escape ? &escape : NULL);
}

/* The tests that may have a NOT before their name: BETWEEN, IN, LIKE, CONTAIN_ANY, CONTAIN_ALL. */
static mv_err parse_word_test(filter_parser *p, filter_node *leaf, filter_node **out)
{
    static const char *const WORDS[] = {"BETWEEN", "IN", "LIKE", "CONTAIN_ANY", "CONTAIN_ALL"};
    enum { BETWEEN, IN, LIKE, CONTAIN_ANY, CONTAIN_ALL, NONE };
    int which = BETWEEN;
    while (which < NONE && !filter_lex_word_is(&p->token, WORDS[which])) which++;
    if (which == NONE) return fail_expected(p, "an operator");
    MV_TRY(next_token(p));

    *out = leaf;
    switch (which) {
    case BETWEEN: return parse_between(p, leaf, out);
    case LIKE: return parse_like(p, leaf);
    case IN:
        MV_TRY(filter_check_scalar(&p->check, leaf, "IN", p->before.text));
        return parse_list(p, leaf, FILTER_IN);
    default:
        MV_TRY(filter_check_array(&p->check, leaf, WORDS[which], p->before.text));
        return parse_list(p, leaf, which == CONTAIN_ANY ? FILTER_CONTAIN_ANY : FILTER_CONTAIN_ALL);
    }
}

/* array_length(name) op integer, after the word */
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

/* After the name of the field that `leaf` is about. */
static mv_err parse_field_test(filter_parser *p, filter_node *leaf, filter_node **out)
{
    filter_value value;
    bool inverted;
    *out = leaf;
    if (p->token.kind == FILTER_TOKEN_OPERATOR) {
        filter_op op = p->token.op;
        char test[FILTER_QUOTE_SIZE];
        MV_TRY(
            filter_check_scalar(&p->check, leaf, filter_lex_quote(&p->token, test), p->token.text));
        MV_TRY(next_token(p));
        MV_TRY(parse_value(p, &value));
        return filter_check_compare(&p->check, leaf, op, &value);
    }
    bool is_null;
    MV_TRY(accept_word(p, "IS", &is_null));
    MV_TRY(accept_word(p, "NOT", &inverted));
    leaf->negated ^= inverted;
    if (!is_null) return parse_word_test(p, leaf, out);
    filter_check_null(leaf);
    return expect_word(p, "NULL");
}

/* Words that cannot begin a test. (They may be names of fields all the same.) */
static bool is_keyword(const filter_token *token)
{
    static const char *const KEYWORDS[] = {"AND", "OR", "BETWEEN", "IN", "LIKE", "IS", "NULL"};
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof *KEYWORDS; i++)
        if (filter_lex_word_is(token, KEYWORDS[i])) return true;
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

/* member { keyword member }: a group of `kind`, or the member itself when it is alone. */
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
    mem_buffer_free(&p.check.cell);
    return err;
}
