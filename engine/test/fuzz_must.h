/* What must hold whatever the bytes, in a fuzzer that tries several analyzers: MUST in a function
 * with `options`, the position of the one that is tried. */
#ifndef MV_FUZZ_MUST_H
#define MV_FUZZ_MUST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void must(bool ok, const char *what, size_t options)
{
    if (ok) return;
    fprintf(stderr, "options %u: not so: %s\n", (unsigned)options, what);
    abort();
}
#define MUST(condition) must((condition), #condition, options)

#endif
