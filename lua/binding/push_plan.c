/* The plan of a query: one table for each step, and the sums over all steps. */
#include "push_plan.h"

#include "push_values.h"
#include "query_args.h"

enum {
    ROWS,
    MATCHES,
    EXACT_DISTANCES,
    CODE_DISTANCES,
    FOLLOWED,
    BRIDGED,
    BLOCKS_READ,
    BLOCKS_SKIPPED,
    COUNTS
};
static const char *const count_names[COUNTS] = {
    [ROWS] = "rows",
    [MATCHES] = "matches",
    [EXACT_DISTANCES] = "exact_distances",
    [CODE_DISTANCES] = "code_distances",
    [FOLLOWED] = "followed",
    [BRIDGED] = "bridged",
    [BLOCKS_READ] = "blocks_read",
    [BLOCKS_SKIPPED] = "blocks_skipped",
};

/* The numbers of a step, or of all steps together. */
typedef struct plan_numbers {
    uint64_t counts[COUNTS];
    double filter_ms;
    double search_ms;
} plan_numbers;

static plan_numbers numbers_of(const mv_plan_step *step)
{
    return (plan_numbers){
        .counts = {[ROWS] = step->rows,
                   [MATCHES] = step->matching,
                   [EXACT_DISTANCES] = step->counts.exact_distances,
                   [CODE_DISTANCES] = step->counts.code_distances,
                   [FOLLOWED] = step->counts.followed,
                   [BRIDGED] = step->counts.bridged,
                   [BLOCKS_READ] = step->counts.blocks_read,
                   [BLOCKS_SKIPPED] = step->counts.blocks_skipped},
        .filter_ms = step->filter_seconds * 1e3,
        .search_ms = step->search_seconds * 1e3,
    };
}

static void add_numbers(plan_numbers *sums, const plan_numbers *numbers)
{
    for (int i = 0; i < COUNTS; i++) sums->counts[i] += numbers->counts[i];
    sums->filter_ms += numbers->filter_ms;
    sums->search_ms += numbers->search_ms;
}

/* Set the numbers in the table on top. */
static void set_numbers(lua_State *L, const plan_numbers *numbers)
{
    for (int i = 0; i < COUNTS; i++) set_unsigned(L, count_names[i], numbers->counts[i]);
    set_number(L, "filter_ms", numbers->filter_ms);
    set_number(L, "search_ms", numbers->search_ms);
}

void push_plan(lua_State *L, const mv_result *result)
{
    size_t count;
    plan_numbers sums = {.filter_ms = 0};
    const mv_plan_step *steps = mv_result_plan(result, &count);
    lua_newtable(L);
    lua_insert(L, -2);
    lua_setfield(L, -2, "hits");
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        const mv_plan_step *step = &steps[i];
        plan_numbers numbers = numbers_of(step);
        add_numbers(&sums, &numbers);
        lua_newtable(L);
        set_string(L, "of", step->is_fresh ? "fresh rows" : "segment");
        set_string(L, "plan", step->last ? query_args_strategy_name(step->last) : "nothing");
        if (step->last && step->expected_recall > 0)
            set_number(L, "expected_recall", step->expected_recall);
        if (step->first != step->last)
            set_string(L, "abandoned", query_args_strategy_name(step->first));
        set_numbers(L, &numbers);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "steps");
    set_numbers(L, &sums);
}
