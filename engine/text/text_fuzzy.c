/* Similar terms, by dynamic programming.
 *
 * Of the table of distances between the beginnings of both terms, a cell that is k off the diagonal
 * is at least k. So with two edits a row has five cells that matter, and the table ends where all
 * of them are too large: for most terms in the third row. */
#include "text/text_fuzzy.h"

#include "text/text_utf8.h"

#define FUZZY_BAND (2 * TEXT_FUZZY_EDITS_MAX + 1) /* cells of a row */
#define FUZZY_FAR  1000u                          /* more than any distance that matters */

void text_fuzzy_make(text_fuzzy *fuzzy, const void *term, uint32_t size, uint32_t edits)
{
    uint32_t bytes;
    mv_assert(size <= TEXT_TERM_MAX);
    mv_assert(edits >= 1 && edits <= TEXT_FUZZY_EDITS_MAX);
    fuzzy->edits = edits;
    fuzzy->count = 0;
    for (uint32_t at = 0; at < size; at += bytes)
        fuzzy->points[fuzzy->count++] = text_utf8_decode(term, size, at, &bytes);
}

static uint32_t count_characters(const uint8_t *term, uint32_t size)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < size; i++) count += (term[i] & 0xC0) != 0x80;
    return count;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Rows of the table, each with a cell behind it that is FUZZY_FAR. Cell d of row i is for the first
 * i characters of the term and the first i + d - edits of the fuzzy one. */
typedef struct fuzzy_table {
    uint32_t rows[3][FUZZY_BAND + 1];
    uint32_t *before, *above, *row;
    uint32_t last, point; /* the characters i - 1 and i of the term */
} fuzzy_table;

/* Fill in row i > 0. Returns its least cell. */
static uint32_t fill_row(const text_fuzzy *fuzzy, fuzzy_table *t, uint32_t i)
{
    uint32_t edits = fuzzy->edits, least_cell = FUZZY_FAR;
    for (uint32_t d = 0; d <= 2 * edits; d++) {
        uint32_t cell = FUZZY_FAR, j = i + d - edits; /* wraps around below 0: too large */
        if (j == 0) cell = i;
        if (j > 0 && j <= fuzzy->count) {
            uint32_t c = fuzzy->points[j - 1];
            cell = t->above[d] + (c != t->point);
            cell = smaller(cell, t->above[d + 1] + 1);
            if (d > 0) cell = smaller(cell, t->row[d - 1] + 1);
            bool is_swapped = i > 1 && j > 1 && c == t->last && fuzzy->points[j - 2] == t->point;
            if (is_swapped) cell = smaller(cell, t->before[d] + 1);
        }
        t->row[d] = cell;
        least_cell = smaller(least_cell, cell);
    }
    return least_cell;
}

uint32_t text_fuzzy_distance(const text_fuzzy *fuzzy, const void *term, uint32_t size)
{
    uint32_t edits = fuzzy->edits, count = count_characters(term, size), bytes, i = 0;
    if (count > fuzzy->count + edits || fuzzy->count > count + edits) return edits + 1;

    fuzzy_table t;
    t.before = t.rows[0], t.above = t.rows[1], t.row = t.rows[2];
    t.last = t.point = 0;
    for (uint32_t d = 0; d <= 2 * edits; d++) t.above[d] = d < edits ? FUZZY_FAR : d - edits;
    t.before[2 * edits + 1] = t.above[2 * edits + 1] = t.row[2 * edits + 1] = FUZZY_FAR;
    for (uint32_t at = 0; at < size; at += bytes) {
        t.last = t.point;
        t.point = text_utf8_decode(term, size, at, &bytes);
        if (fill_row(fuzzy, &t, ++i) > edits) return edits + 1;
        uint32_t *spare = t.before;
        t.before = t.above;
        t.above = t.row;
        t.row = spare;
    }
    mv_assert(i == count);
    return smaller(t.above[fuzzy->count + edits - count], edits + 1);
}
