/* "Did you mean": the name nearest to a mistyped one. The distance is that of optimal string
 * alignment: the number of letters inserted, deleted or replaced, and of neighbours swapped. Case
 * costs nothing, so that 'topK' finds 'topk'. */
#include <string.h>

#include "base/config.h"
#include "moonvec.h"

#define SUGGEST_SIZE_MAX 64u /* bytes; no name that is suggested is longer (MV_NAME_SIZE_MAX) */

static_assert(SUGGEST_SIZE_MAX >= MV_NAME_SIZE_MAX, "the names of fields are suggested");

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The distance between a and b. Of the table of dynamic programming only three rows are needed. */
static uint32_t mistakes_between(const char *a, size_t a_size, const char *b, size_t b_size)
{
    uint32_t rows[3][SUGGEST_SIZE_MAX + 1];
    uint32_t *before = rows[0], *above = rows[1], *row = rows[2];
    mv_assert(a_size <= SUGGEST_SIZE_MAX);
    mv_assert(b_size <= SUGGEST_SIZE_MAX);
    for (size_t j = 0; j <= b_size; j++) above[j] = (uint32_t)j;
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= b_size; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
            bool swapped = i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]);
            if (swapped) row[j] = least(row[j], before[j - 2] + 1);
        }
        uint32_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    mv_assert(above[b_size] <= (a_size > b_size ? a_size : b_size));
    return above[b_size];
}

const char *mv_nearest_name(const char *given, size_t size, const char *const *names,
                            size_t names_count)
{
    if (size == 0 || size > SUGGEST_SIZE_MAX) return NULL;
    uint32_t allowed = size < 4 ? 1 : 2;
    if (size / 3 > allowed) allowed = (uint32_t)(size / 3);

    const char *nearest = NULL;
    for (size_t i = 0; i < names_count; i++) {
        if (!names[i]) continue;
        size_t name_size = strnlen(names[i], SUGGEST_SIZE_MAX + 1);
        if (name_size > SUGGEST_SIZE_MAX) continue;
        uint32_t mistakes = mistakes_between(given, size, names[i], name_size);
        /* A name in which every letter is a mistake has nothing in common with the given one. */
        if (mistakes > allowed || mistakes >= name_size) continue;
        nearest = names[i];
        if (mistakes == 0) break;
        allowed = mistakes - 1;
    }
    return nearest;
}
