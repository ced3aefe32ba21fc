/* Building lists of weights (sparse_build.h), in three stages:
 *
 *   1. The terms are counted: each index of a vector, those of negative numbers apart, with the
 *      number of its rows and its largest magnitude. Then they are sorted.
 *   2. The entries of some terms are gathered, in a walk over all rows: as many terms as have
 *      GATHERED_MAX entries together, or one. So memory is bounded.
 *   3. The list of each of these terms is written. Then the next terms are gathered. */
#include "index/sparse_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "index/ranked_read.h"
#include "index/ranked_write.h"
#include "vector/sparse.h"

#define GATHERED_MAX       (1u << 24) /* entries, of 8 bytes; chosen */
#define SPARSE_SLOTS_FIRST 1024u
#define STEP_ENTRIES       4096u /* read or written between two looks at the clock */
#define SPARSE_TERMS_MAX   (UINT32_MAX / 4)

typedef struct sparse_term {
    uint64_t key; /* 2 × index, and one more for negative numbers: the order of terms */
    uint32_t rows;
    float most; /* magnitude */
} sparse_term;

struct sparse_builder {
    ranked_head head;
    const index_column *column;
    uint32_t row;       /* the next one of the walk */
    sparse_term *terms; /* at first as they were met; then sorted */
    uint32_t terms_capacity;
    uint32_t *slots; /* hash table: position of the term + 1, or 0 */
    uint32_t slots_count;
    bool is_counted, is_gathered, is_done;
    uint32_t first, end, next; /* terms that are gathered, and the next one to write */
    uint32_t *rows;            /* the entries, by term */
    float *numbers;
    uint32_t capacity;
    uint32_t *fill; /* for each term: where its next entry goes */
    ranked_writer out;
    mem_buffer most;
};

static mv_err no_memory_for_sparse(size_t size, mv_error *error)
{
    return error_memory(error, size, "the lists of sparse vectors");
}

void sparse_build_free(sparse_builder *b)
{
    if (!b) return;
    mem_free(b->terms, b->terms_capacity * sizeof *b->terms);
    mem_free(b->slots, b->slots_count * sizeof *b->slots);
    mem_free(b->rows, b->capacity * sizeof *b->rows);
    mem_free(b->numbers, b->capacity * sizeof *b->numbers);
    mem_free(b->fill, ((size_t)b->head.terms + 1) * sizeof *b->fill);
    ranked_write_free(&b->out);
    mem_buffer_free(&b->most);
    mem_free(b, sizeof *b);
}

mv_err sparse_build_begin(const index_column *column, sparse_builder **out, mv_error *error)
{
    sparse_builder *b = mem_alloc_zero(sizeof *b);
    if (!b) return no_memory_for_sparse(sizeof *b, error);
    b->column = column;
    b->head = (ranked_head){.format = RANKED_FORMAT,
                            .rows = column->rows,
                            .flags = RANKED_WITHOUT_POSITIONS | RANKED_OF_WEIGHTS};
    b->out.rows = column->rows;
    b->slots_count = SPARSE_SLOTS_FIRST;
    b->slots = mem_alloc_zero(SPARSE_SLOTS_FIRST * sizeof *b->slots);
    if (!b->slots) {
        sparse_build_free(b);
        return no_memory_for_sparse(SPARSE_SLOTS_FIRST * sizeof *b->slots, error);
    }
    *out = b;
    return MV_OK;
}

void sparse_build_progress(const sparse_builder *b, uint64_t *done, uint64_t *total)
{
    *total = (uint64_t)b->column->rows * 2;
    *done = b->is_counted ? b->column->rows : b->row;
    if (b->is_counted && b->head.terms)
        *done += (uint64_t)b->column->rows * b->next / b->head.terms;
}

/* ---------------------------------------------------------------- terms */

static uint64_t key_of(uint32_t index, float number)
{
    return (uint64_t)index << 1 | (number < 0);
}

/* The slot of a key: that of its term, or the empty one where it would be. */
static uint32_t slot_of_key(const sparse_builder *b, uint64_t key)
{
    uint32_t mask = b->slots_count - 1;
    uint32_t at = (uint32_t)(key * UINT64_C(11400714819323198485) >> 32) & mask;
    while (b->slots[at] && b->terms[b->slots[at] - 1].key != key) at = (at + 1) & mask;
    return at;
}

static void fill_slots(sparse_builder *b)
{
    memset(b->slots, 0, b->slots_count * sizeof *b->slots);
    for (uint32_t i = 0; i < b->head.terms; i++) b->slots[slot_of_key(b, b->terms[i].key)] = i + 1;
}

static bool add_term_at(sparse_builder *b, uint64_t key, uint32_t slot)
{
    sparse_term *terms = mem_grow(b->terms, &b->terms_capacity, b->head.terms, sizeof *terms);
    if (!terms) return false;
    b->terms = terms;
    terms[b->head.terms] = (sparse_term){.key = key};
    b->slots[slot] = ++b->head.terms;
    if (b->head.terms * 2 <= b->slots_count) return true;
    uint32_t *slots =
        mem_realloc(b->slots, b->slots_count * sizeof *slots, b->slots_count * 2 * sizeof *slots);
    if (!slots) return false;
    b->slots = slots;
    b->slots_count *= 2;
    fill_slots(b);
    return true;
}

static mv_err count_entry(sparse_builder *b, uint64_t key, float magnitude, mv_error *error)
{
    uint32_t slot = slot_of_key(b, key), at = b->slots[slot];
    if (!at) {
        if (b->head.terms == SPARSE_TERMS_MAX)
            return error_set(error, MV_LIMIT, "a segment has more than %u different indexes",
                             SPARSE_TERMS_MAX);
        at = b->head.terms + 1;
        if (!add_term_at(b, key, slot))
            return no_memory_for_sparse(b->terms_capacity * sizeof *b->terms, error);
    }
    sparse_term *term = &b->terms[at - 1];
    term->rows++;
    if (magnitude > term->most) term->most = magnitude;
    return MV_OK;
}

static int compare_terms(const void *a, const void *b)
{
    const sparse_term *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* All rows are counted: make space for what is gathered at a time. */
static mv_err end_counting(sparse_builder *b, mv_error *error)
{
    uint32_t largest = 0;
    if (b->head.terms) qsort(b->terms, b->head.terms, sizeof *b->terms, compare_terms);
    fill_slots(b);
    for (uint32_t i = 0; i < b->head.terms; i++)
        if (b->terms[i].rows > largest) largest = b->terms[i].rows;
    uint64_t capacity = b->head.tokens < GATHERED_MAX ? b->head.tokens : GATHERED_MAX;
    b->capacity = largest > capacity ? largest : (uint32_t)capacity;
    size_t size = b->capacity * sizeof *b->rows;
    b->rows = mem_alloc(size);
    b->numbers = mem_alloc(size);
    b->fill = mem_alloc(((size_t)b->head.terms + 1) * sizeof *b->fill);
    if (!b->rows || !b->numbers || !b->fill) return no_memory_for_sparse(2 * size, error);
    b->is_counted = true;
    b->is_gathered = true; /* nothing; the next step begins with term 0 */
    return MV_OK;
}

/* ---------------------------------------------------------------- gathering */

/* Choose the next terms. */
static void begin_sparse_gathering(sparse_builder *b)
{
    uint32_t entries = 0;
    b->first = b->end;
    for (; b->end < b->head.terms && b->terms[b->end].rows <= b->capacity - entries; b->end++) {
        b->fill[b->end] = entries;
        entries += b->terms[b->end].rows;
    }
    mv_assert(b->end > b->first);
    b->row = 0;
    b->is_gathered = false;
}

static void gather_sparse_entry(sparse_builder *b, uint32_t row, uint64_t key, float magnitude)
{
    uint32_t term = b->slots[slot_of_key(b, key)] - 1;
    if (term < b->first || term >= b->end) return;
    uint32_t at = b->fill[term]++;
    b->rows[at] = row;
    b->numbers[at] = magnitude;
}

/* Count or gather the entries of a row. */
static mv_err read_sparse_row(sparse_builder *b, uint32_t row, uint32_t *entries, mv_error *error)
{
    const uint8_t *bytes;
    size_t size;
    *entries = 0;
    if (b->column->nulls && bits_get(b->column->nulls, row)) return MV_OK;
    if (!index_column_cell(b->column, row, &bytes, &size) || !sparse_is_sound(bytes, size))
        return error_set(error, MV_CORRUPT, "the sparse vector of row %u is damaged", row);
    *entries = sparse_count(size);
    for (uint32_t i = 0; i < *entries; i++) {
        float number = sparse_number_at(bytes, *entries, i), magnitude = fabsf(number);
        uint64_t key = key_of(sparse_index_at(bytes, i), number);
        if (b->is_counted)
            gather_sparse_entry(b, row, key, magnitude);
        else
            MV_TRY(count_entry(b, key, magnitude, error));
    }
    if (!b->is_counted) b->head.tokens += *entries;
    return MV_OK;
}

/* Read some rows. */
static mv_err read_some(sparse_builder *b, mv_error *error)
{
    for (uint32_t read = 0, entries; read < STEP_ENTRIES && b->row < b->column->rows;
         read += entries + 8)
        MV_TRY(read_sparse_row(b, b->row++, &entries, error));
    if (b->row < b->column->rows) return MV_OK;
    if (!b->is_counted) return end_counting(b, error);
    b->is_gathered = true;
    b->next = b->first;
    return MV_OK;
}

/* ---------------------------------------------------------------- writing */

/* Rounded up, so that no score computed from the lists is less than the exact one. */
static uint32_t stored_weight(float magnitude, float most)
{
    double units = ceil((double)magnitude / (double)most * 255);
    return units < 1 ? 1 : units < 255 ? (uint32_t)units : 255;
}

static bool write_sparse_term(sparse_builder *b, const sparse_term *term, uint32_t first)
{
    uint32_t freqs[RANKED_BLOCK], before = UINT32_MAX, count;
    bool ok = mem_buffer_append(&b->most, &term->most, sizeof term->most);
    ranked_write_begin(&b->out);
    for (uint32_t done = 0; done < term->rows && ok; done += count) {
        const uint32_t *rows = b->rows + first + done;
        uint32_t most = 0;
        count = term->rows - done < RANKED_BLOCK ? term->rows - done : RANKED_BLOCK;
        for (uint32_t i = 0; i < count; i++) {
            freqs[i] = stored_weight(b->numbers[first + done + i], term->most);
            if (freqs[i] > most) most = freqs[i];
        }
        ok = ranked_write_rows(&b->out, &(ranked_rows){.rows = rows,
                                                       .freqs = freqs,
                                                       .count = count,
                                                       .before = before,
                                                       .bound = (uint8_t)most});
        before = rows[count - 1];
    }
    char name[RANKED_INDEX_SIZE];
    uint32_t size = ranked_index_term((uint32_t)(term->key >> 1), term->key & 1, name);
    return ok && ranked_write_list(&b->out, name, size, term->rows);
}

/* Write some of the lists that are gathered. */
static mv_err write_some(sparse_builder *b, mv_error *error)
{
    bool ok = true;
    for (uint32_t written = 0; written < STEP_ENTRIES && b->next < b->end && ok; b->next++) {
        const sparse_term *term = &b->terms[b->next];
        ok = write_sparse_term(b, term, b->fill[b->next] - term->rows);
        written += term->rows;
    }
    if (ok && b->next == b->end) {
        if (b->end < b->head.terms)
            begin_sparse_gathering(b);
        else
            ok = b->is_done = ranked_write_end(&b->out);
    }
    return ok ? MV_OK : no_memory_for_sparse(b->out.lists.size, error);
}

mv_err sparse_build_step(sparse_builder *b, double until, bool *more, mv_error *error)
{
    do MV_TRY(b->is_gathered ? write_some(b, error) : read_some(b, error));
    while (!b->is_done && os_seconds() < until);
    *more = !b->is_done;
    return MV_OK;
}

uint32_t sparse_build_parts(const sparse_builder *b, index_part parts[INDEX_PARTS_MAX])
{
    uint32_t count = 0;
    mv_assert(b->is_done);
    parts[count++] = (index_part){RANKED_PART_HEAD, 0, &b->head, sizeof b->head};
    count += ranked_write_parts(&b->out, parts + count);
    return count + ranked_write_part(&b->most, RANKED_PART_MOST, parts + count);
}
