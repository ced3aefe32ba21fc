/* What every test in C begins with: expectations, counted; those that do not hold are printed. */
#ifndef MV_EXPECT_H
#define MV_EXPECT_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int passed, failed;
static char doing[128]; /* what the test is at: printed with what does not hold, unless empty */

static inline void expect(bool ok, const char *what, const char *file, int line)
{
    const char *slash = strrchr(file, '/');
    if (ok) {
        passed++;
        return;
    }
    failed++;
    printf("%s:%d: not so: %s", slash ? slash + 1 : file, line, what);
    printf(*doing ? " (%s)\n" : "\n", doing);
}
#define EXPECT(condition) expect((condition), #condition, __FILE__, __LINE__)

#endif
