/* What every test in C begins with: expectations, and the tests that they make up.
 *
 * A test is a function without a result, called by RUN from main() or from what main() calls. It
 * passed when it expected something and all of it held. An expectation between tests (while what
 * the tests share is made) is no test; all of those that did not hold count as one failed test.
 * main() ends with `return tests_conclude();`. */
#ifndef MV_EXPECT_H
#define MV_EXPECT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

static int held, unmet;                /* expectations so far, in this process */
static int unmet_between;              /* of `unmet`, those between tests */
static int tests_passed, tests_failed; /* so far */
static const char *test_name;          /* of the test that runs; NULL between tests */
static const char *test_with; /* what distinguishes this run of the test; "" when it runs once */
static char doing[128]; /* what the test is at: printed with what does not hold, unless empty */

static inline bool expect(bool ok, const char *what, const char *file, int line)
{
    const char *slash = strrchr(file, '/');
    if (ok) {
        held++;
        return true;
    }
    unmet++;
    unmet_between += test_name == NULL;
    if (test_name)
        printf("%s%s%s: ", test_name, *test_with ? ", " : "", test_with);
    else
        printf("between tests: ");
    printf("%s:%d: not so: %s", slash ? slash + 1 : file, line, what);
    printf(*doing ? " (%s)\n" : "\n", doing);
    return false;
}
#define EXPECT(condition) expect((condition), #condition, __FILE__, __LINE__)

/* What hangs is ended after this long. A test may not depend on the speed of the machine: one that
 * passes takes far less, even on a small machine that others keep busy. */
#define HANG_SECONDS 600

/* Expect that another thread or process makes the condition true, and wait for it. */
#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        bool is_so_ = (condition);                                                                 \
        time_t limit_ = time(NULL) + HANG_SECONDS;                                                 \
        for (; !is_so_ && time(NULL) < limit_; is_so_ = (condition)) (void)usleep(2000);           \
        expect(is_so_, #condition, __FILE__, __LINE__);                                            \
    } while (0)

/* Set `doing`. It is cleared at the end of each test. */
static inline void doing_now(const char *format, ...) MV_PRINTF(1, 2);
static inline void doing_now(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(doing, sizeof doing, format, arguments);
    va_end(arguments);
}

/* Run and count the test that `call` is, such as RUN(test_sizes(4096)). Its name is the call. */
#define RUN(call) RUN_WITH("", call)

/* The same for a test that runs several times in a loop: `with` says what it runs with. */
#define RUN_WITH(with, call)                                                                       \
    do {                                                                                           \
        int held_before_ = held, unmet_before_ = unmet;                                            \
        test_name = #call;                                                                         \
        test_with = (with);                                                                        \
        call;                                                                                      \
        test_end(held_before_, unmet_before_);                                                     \
    } while (0)

static inline void test_end(int held_before, int unmet_before)
{
    bool is_empty = held == held_before && unmet == unmet_before;
    if (is_empty) printf("%s: expected nothing\n", test_name);
    if (is_empty || unmet > unmet_before)
        tests_failed++;
    else
        tests_passed++;
    test_name = NULL;
    doing[0] = 0;
}

/* The last test of a program: all memory but `bytes` was given back. */
static inline void test_memory_is_freed(size_t bytes)
{
    EXPECT(mem_bytes() == bytes);
}

/* Print the closing line, which ./run reads. Returns the exit code. */
static inline int tests_conclude(void)
{
    if (tests_passed + tests_failed == 0) printf("no test was run\n");
    if (tests_passed + tests_failed == 0 || unmet_between) tests_failed++;
    printf("%d passed, %d failed\n", tests_passed, tests_failed);
    return tests_failed != 0;
}

#endif
