/* Rough times of the steps of a filter, in nanoseconds. By these it decides between inverted lists
 * and a scan (filter_table.c), and in which order the members of a group are tested. They affect
 * how long a filter takes, never which rows match.
 *
 * Fitted by `./run bench fit`, which measures each on the machine where it runs and prints the
 * result beside the value it reads from this file. What a list costs beyond its dictionary is in
 * index/invert.h. */
#ifndef MV_FILTER_COST_H
#define MV_FILTER_COST_H

/* A test of 64 rows without lists. One figure serves all types that a test takes, except IN, which
 * has one for numbers and one for strings. Only the order and the rough size count: IN and LIKE
 * depend on their values, CONTAIN on the elements of a row. Tests of strings and arrays have the
 * cost of cells tested one by one: 64 cells at once take a fifth to a half of it, but lists are
 * compared with a scan where few rows are left. */
enum {
    COST_CONSTANT_64_NS = 0,
    COST_IS_NULL_64_NS = 1,
    COST_RANGE_64_NS = 50,
    COST_IN_64_NS = 60,
    COST_STRING_64_NS = 400,
    COST_LENGTH_64_NS = 500,
    COST_STRING_IN_64_NS = 800,
    COST_CONTAIN_64_NS = 2000,
    COST_LIKE_64_NS = 2000,
    COST_FOLD_64_NS = 2000, /* any test of strings that ignores case */
};

/* Finding a value of a set in a dictionary by binary search, or one bound of a range; and testing
 * each value of a dictionary in turn. */
#define COST_FIND_VALUE_NS 300u
#define COST_TEST_VALUE_NS 15u

/* A LIKE that is neither exact nor a prefix is tested on the dictionary where each value stands for
 * at least this many rows: 64 cells of a column are searched together in about a third of the time
 * that as many values of a dictionary take, and the rows of the matching values are then marked one
 * by one. */
#define LIKE_ROWS_PER_VALUE_MIN 4u

/* Words of a bitmap in a nanosecond: set to a constant, and combined with another and counted. */
#define COST_SET_WORDS_PER_NS     4u
#define COST_COMBINE_WORDS_PER_NS 2u

/* Values are looked up to estimate a test if that takes no longer than this. Chosen, not fitted:
 * the estimate decides how a graph is searched, which is worth 10 to 500 µs. */
#define ESTIMATE_NS_MAX 20000u

#endif
