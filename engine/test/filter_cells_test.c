/* Filters over 64 cells at once: a plain loop over the rows must find the same rows, and so must
 * the tests of single cells, which answer where a block has fewer than 64 rows. What is damaged
 * must be reported alike. */
#include <stdio.h>
#include <string.h>

#include "query/filter_tree.h"
#include "test/expect.h"
#include "test/random_bits.h"

enum { ROWS = 64 * 20 + 17, TEXT = 0, TAGS, NUMS, N, SMALL, X, Y, FIELDS };
enum { PICKED_MAX = 300 };

static const mv_field_options OPTIONS[FIELDS] = {
    [TEXT] = {.name = "text", .type = MV_STRING, .nullable = true},
    [TAGS] = {.name = "tags", .type = MV_ARRAY | MV_STRING, .nullable = true},
    [NUMS] = {.name = "nums", .type = MV_ARRAY | MV_FLOAT, .nullable = true},
    [N] = {.name = "n", .type = MV_INT64, .nullable = true},
    [SMALL] = {.name = "small", .type = MV_INT32, .nullable = true},
    [X] = {.name = "x", .type = MV_DOUBLE, .nullable = true},
    [Y] = {.name = "y", .type = MV_FLOAT, .nullable = true},
};

static mv_schema *schema;
static table sheet;
static table_column columns[FIELDS];
static mem_buffer cells[FIELDS], ends[FIELDS];
static uint64_t nulls[FIELDS][(ROWS + 63) / 64];

static uint32_t below(uint32_t n)
{
    return random_bits() % n;
}

/* ---------------------------------------------------------------- random values */

typedef struct random_value {
    mv_value value;
    char text[4096];
} random_value;

/* A text of few letters, so that many are equal or begin or end alike: empty, short, of a prefix
 * that many have, with bytes 0, or long. */
static void make_text(random_value *out, uint32_t longest)
{
    static const char LETTERS[] = "abA\0";
    uint32_t size = below(4) ? below(5) : below(24), begins = 0;
    if (below(5) == 0) begins = (uint32_t)(stpcpy(out->text, "the same 17 bytes") - out->text);
    if (longest > 24 && below(2)) size = below(longest);
    for (uint32_t i = 0; i < size; i++) out->text[begins + i] = LETTERS[below(4)];
    out->value = (mv_value){.kind = MV_KIND_STRING, .as.string = {out->text, begins + size}};
}

static void make_number(random_value *out, mv_type type)
{
    static const int64_t WHOLE[] = {0, -1, 1, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
    static const double REALS[] = {0.0, -0.0, 1e-40, -1e30, 0.5, 1e30};
    if (type == MV_DOUBLE || type == MV_FLOAT) {
        double real = below(2) ? REALS[below(6)] : (double)below(400) / 4;
        out->value = (mv_value){.kind = MV_KIND_REAL, .as.real = real};
        return;
    }
    int64_t whole = below(2) ? WHOLE[below(type == MV_INT32 ? 5 : 7)] : (int64_t)below(400) - 200;
    out->value = (mv_value){.kind = MV_KIND_INT, .as.i = whole};
}

static void make_value(random_value *out, mv_type type, uint32_t longest)
{
    if (type_element(type) == MV_STRING)
        make_text(out, longest);
    else
        make_number(out, type_element(type));
}

static void fill(uint32_t longest)
{
    static random_value picked[40];
    mv_value items[40];
    for (uint32_t f = 0; f < FIELDS; f++) {
        cells[f].size = ends[f].size = 0;
        memset(nulls[f], 0, sizeof nulls[f]);
        bool has_nulls = below(3) > 0, ok = true;
        for (uint32_t row = 0; row < ROWS; row++) {
            static const uint8_t ZEROS[8];
            mv_type type = OPTIONS[f].type;
            uint32_t count = type & MV_ARRAY ? below(8) ? below(6) : below(40) : 1;
            for (uint32_t i = 0; i < count; i++) {
                make_value(&picked[i], type, longest);
                items[i] = picked[i].value;
            }
            mv_value value = picked[0].value;
            if (type & MV_ARRAY)
                value = (mv_value){.kind = MV_KIND_LIST, .as.list = {items, count}};
            if (has_nulls && below(5) == 0) {
                bits_set(nulls[f], row);
                ok &= mem_buffer_append(&cells[f], ZEROS, cell_width(type));
            } else {
                ok &= !cell_from_value(type, &value, OPTIONS[f].name, &cells[f], NULL);
            }
            uint64_t end = cells[f].size;
            ok &= mem_buffer_append(&ends[f], &end, sizeof end);
        }
        EXPECT(ok);
        columns[f] = (table_column){.nulls = has_nulls ? nulls[f] : NULL,
                                    .values = cells[f].data,
                                    .ends = (const void *)ends[f].data,
                                    .bytes = cells[f].data,
                                    .bytes_size = cells[f].size};
    }
    sheet = (table){.rows = ROWS, .columns = columns};
}

/* ---------------------------------------------------------------- plain answers */

typedef struct piece {
    const uint8_t *bytes;
    size_t size;
} piece;

static piece cell_of(uint32_t f, uint32_t row)
{
    uint64_t begin = row ? columns[f].ends[row - 1] : 0;
    return (piece){columns[f].bytes + begin, (size_t)(columns[f].ends[row] - begin)};
}

static bool same_piece(mv_type type, piece a, piece b)
{
    double x, y;
    float p, q;
    if (type == MV_DOUBLE) {
        memcpy(&x, a.bytes, 8), memcpy(&y, b.bytes, 8);
        return x == y;
    }
    if (type == MV_FLOAT) {
        memcpy(&p, a.bytes, 4), memcpy(&q, b.bytes, 4);
        return p == q;
    }
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* Element `at` of an array, which is not damaged. */
static piece element_of(mv_type type, piece array, uint32_t at)
{
    const char *data;
    uint32_t size, width = (uint32_t)cell_width(type_element(type));
    if (width) return (piece){array.bytes + (size_t)at * width, width};
    (void)cell_array_string(array.bytes, array.size, at, &data, &size);
    return (piece){(const uint8_t *)data, size};
}

typedef enum test_kind { EQUALS, BEGINS, ENDS, HAS, IS_IN, ANY, ALL, LENGTH, KINDS } test_kind;

typedef struct plain_test {
    test_kind kind;
    uint32_t field;
    uint32_t count; /* of `wanted`, the cells of the arguments; LENGTH: the number */
    piece wanted[PICKED_MAX];
} plain_test;

static bool holds(const plain_test *t, uint32_t row)
{
    mv_type type = OPTIONS[t->field].type, element = type_element(type);
    piece here = cell_of(t->field, row), wanted = t->wanted[0];
    uint32_t elements = type & MV_ARRAY ? cell_array_count(type, here.bytes, here.size) : 0;
    uint32_t found = 0;
    switch (t->kind) {
    case EQUALS: return same_piece(type, here, wanted);
    case BEGINS:
        return here.size >= wanted.size && memcmp(here.bytes, wanted.bytes, wanted.size) == 0;
    case ENDS:
        return here.size >= wanted.size &&
               memcmp(here.bytes + here.size - wanted.size, wanted.bytes, wanted.size) == 0;
    case HAS: return memmem(here.bytes, here.size, wanted.bytes, wanted.size) != NULL;
    case LENGTH: return elements == t->count;
    default: break;
    }
    for (uint32_t w = 0; w < t->count; w++) {
        bool is_here = t->kind == IS_IN && same_piece(type, here, t->wanted[w]);
        for (uint32_t e = 0; e < elements && !is_here; e++)
            is_here = same_piece(element, element_of(type, here, e), t->wanted[w]);
        found += is_here;
    }
    return t->kind == ALL ? found == t->count : found > 0;
}

/* ---------------------------------------------------------------- comparing */

typedef struct answer {
    mv_err err;
    mv_error error;
    uint64_t matches[(ROWS + 63) / 64];
} answer;

/* Evaluate the filter in blocks of `block` rows, of which `counted` are asked for. */
static void evaluate(const mv_filter *source, uint32_t block, uint32_t counted, answer *out)
{
    mem_arena arena = {0}, scratch = {0};
    filter *f;
    filter_table *ft;
    memset(out, 0, sizeof *out);
    EXPECT(!filter_compile(schema, source, &arena, &f, &out->error));
    EXPECT(!filter_table_begin(f, &sheet, NULL, &scratch, &ft, &out->error));
    for (uint32_t begin = 0; begin < ROWS && !out->err; begin += block) {
        uint32_t count = ROWS - begin < counted ? ROWS - begin : counted;
        out->err = filter_eval_block(ft, begin, count, out->matches + begin / 64, &out->error);
    }
    mem_arena_free(&arena);
    mem_arena_free(&scratch);
}

/* A random test: its text, its arguments, and what a plain loop needs. */
static random_value picked[PICKED_MAX];
static mem_buffer picked_cells[PICKED_MAX];
static mv_value picked_items[PICKED_MAX];

static const char *make_test(plain_test *t, mv_value *argument, uint32_t longest)
{
    static const char *const TEXTS[KINDS] = {
        "%s = ?",  "%s STARTS WITH ?", "%s LIKE ?",        "%s LIKE ?",
        "%s IN ?", "%s CONTAIN_ANY ?", "%s CONTAIN_ALL ?", "array_length(%s) = ?"};
    static char text[64], pattern[sizeof picked[0].text + 2];
    t->kind = below(KINDS);
    t->field = t->kind == EQUALS || t->kind == IS_IN ? (below(2) ? TEXT : N + below(4))
               : t->kind >= ANY                      ? TAGS + below(2)
                                                     : TEXT;
    mv_type type = type_element(OPTIONS[t->field].type);
    bool is_list = t->kind >= IS_IN && t->kind < LENGTH;
    t->count = !is_list ? 1 : 1 + (below(3) ? below(6) : below(t->kind == ALL ? 12 : PICKED_MAX));
    for (uint32_t i = 0; i < t->count; i++) {
        make_value(&picked[i], type, longest);
        if ((t->kind == HAS || t->kind == ENDS) && !picked[i].value.as.string.size)
            picked[i].value.as.string.size = 1, picked[i].text[0] = 'a';
        picked_cells[i].size = 0;
        EXPECT(!cell_from_value(type, &picked[i].value, "picked", &picked_cells[i], NULL));
        t->wanted[i] = (piece){picked_cells[i].data, picked_cells[i].size};
        picked_items[i] = picked[i].value;
    }
    *argument = picked[0].value;
    if (is_list) *argument = (mv_value){.kind = MV_KIND_LIST, .as.list = {picked_items, t->count}};
    if (t->kind == HAS || t->kind == ENDS) {
        size_t size = picked[0].value.as.string.size;
        pattern[0] = '%';
        memcpy(pattern + 1, picked[0].text, size);
        pattern[size + 1] = '%';
        argument->as.string.data = pattern;
        argument->as.string.size = size + 1 + (t->kind == HAS);
    }
    if (t->kind == LENGTH) {
        t->count = below(7);
        *argument = (mv_value){.kind = MV_KIND_INT, .as.i = t->count};
    }
    (void)snprintf(text, sizeof text, TEXTS[t->kind], OPTIONS[t->field].name);
    return text;
}

/* The test alone, negated, and for part of the rows. */
static void compare(const plain_test *t, const char *text, const mv_value *argument)
{
    static const char *const FORMS[] = {"%s", "NOT %s", "small < 0 AND %s", "small < 0 OR NOT %s"};
    for (uint32_t form = 0; form < 4; form++) {
        char whole[128];
        (void)snprintf(whole, sizeof whole, FORMS[form], text);
        mv_filter source = {
            .text = whole, .size = strlen(whole), .args = argument, .args_count = 1};
        answer got, single;
        evaluate(&source, FILTER_BLOCK_ROWS, FILTER_BLOCK_ROWS, &got);
        evaluate(&source, 64, 63, &single);
        EXPECT(!got.err && !single.err);
        uint32_t wrong = 0;
        for (uint32_t row = 0; row < ROWS; row++) {
            int32_t small;
            memcpy(&small, columns[SMALL].values + row * 4, 4);
            bool is_small = small < 0 && !table_is_null(&columns[SMALL], row);
            bool is_true = !table_is_null(&columns[t->field], row) && holds(t, row) == !(form % 2);
            if (form == 2) is_true = is_true && is_small;
            if (form == 3) is_true = is_true || is_small;
            wrong += bits_get(got.matches, row) != is_true;
            if (row % 64 < 63) wrong += bits_get(single.matches, row) != is_true;
        }
        doing_now("%s, %u values", whole, t->count);
        EXPECT(wrong == 0);
    }
}

static void test_many(uint32_t longest, uint32_t rounds)
{
    static plain_test t;
    for (uint32_t round = 0; round < rounds; round++) {
        fill(longest);
        for (uint32_t i = 0; i < 120; i++) {
            mv_value argument;
            const char *text = make_test(&t, &argument, longest);
            compare(&t, text, &argument);
        }
    }
}

/* A hit that begins in a cell and ends in the next is none. */
static void test_borders(void)
{
    fill(24);
    for (uint32_t row = 0; row < ROWS; row++) memcpy(cells[TEXT].data + row * 2, "ba", 2);
    for (uint32_t row = 0; row < ROWS; row++)
        ((uint64_t *)(void *)ends[TEXT].data)[row] = 2 * (uint64_t)(row + 1);
    columns[TEXT].nulls = NULL;
    columns[TEXT].bytes_size = 2 * ROWS;
    static const char *const NONE[] = {"text LIKE '%ab%'", "text LIKE '%bab%'", "text LIKE '%aba'",
                                       "text STARTS WITH 'bab'", "text = 'bab'"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        answer got;
        mv_filter source = {.text = NONE[i], .size = strlen(NONE[i])};
        evaluate(&source, FILTER_BLOCK_ROWS, FILTER_BLOCK_ROWS, &got);
        EXPECT(!got.err && bits_count(got.matches, ROWS) == 0);
    }
    answer got;
    mv_filter source = {.text = "text LIKE '%ba%'", .size = 16};
    evaluate(&source, FILTER_BLOCK_ROWS, FILTER_BLOCK_ROWS, &got);
    EXPECT(!got.err && bits_count(got.matches, ROWS) == ROWS);
}

/* Offsets of columns and bytes of arrays changed by lot: both ways of testing find the same rows,
 * or the same damage. */
static void test_damage(void)
{
    static plain_test t;
    uint32_t damages = 0;
    for (uint32_t round = 0; round < 3000; round++) {
        if (round % 200 == 0) fill(24);
        mv_value argument;
        const char *text = make_test(&t, &argument, 24);
        uint32_t row = below(ROWS / 64) * 64 + below(62), f = t.field;
        if (!cell_is_variable(OPTIONS[f].type)) continue;
        uint64_t *end = (uint64_t *)(void *)ends[f].data + row, end_before = *end;
        piece here = cell_of(f, row);
        uint8_t *byte = cells[f].data + (here.bytes - cells[f].data), byte_before = 0;
        bool is_in_cell = f != TEXT && here.size && below(2);
        if (is_in_cell) {
            byte += below((uint32_t)here.size);
            byte_before = *byte;
            *byte = below(2) ? (uint8_t)below(256) : (uint8_t)(byte_before + 1);
        } else {
            static const uint64_t FAR[] = {1u << 30,          1u << 31,   UINT32_MAX,
                                           (uint64_t)1 << 62, UINT64_MAX, UINT64_MAX - 2,
                                           (uint64_t)1 << 32};
            *end = below(2) ? FAR[below(7)] : *end + below(9) - 4;
        }
        answer together, single;
        mv_filter source = {.text = text, .size = strlen(text), .args = &argument, .args_count = 1};
        evaluate(&source, FILTER_BLOCK_ROWS, FILTER_BLOCK_ROWS, &together);
        evaluate(&source, 64, 63, &single);
        damages += single.err != MV_OK;
        EXPECT(together.err == single.err);
        EXPECT(strcmp(together.error.text, single.error.text) == 0);
        uint32_t wrong = 0;
        for (uint32_t i = 0; i < ROWS && !single.err; i++)
            wrong += i % 64 < 63 && bits_get(together.matches, i) != bits_get(single.matches, i);
        EXPECT(wrong == 0);
        *end = end_before;
        if (is_in_cell) *byte = byte_before;
    }
    EXPECT(damages > 100);
}

int main(void)
{
    EXPECT(!mv_schema_create("test", &schema, NULL));
    for (uint32_t f = 0; f < FIELDS; f++) EXPECT(!mv_schema_add_field(schema, &OPTIONS[f], NULL));
    mv_vector_options vector = {.name = "v",
                                .type = MV_VECTOR_FP32,
                                .dim = 2,
                                .metric = MV_L2,
                                .index.type = MV_INDEX_FLAT};
    EXPECT(!mv_schema_add_vector(schema, &vector, NULL));
    RUN(test_many(24, 10));
    RUN(test_many(4000, 2)); /* too large to be searched as one text */
    RUN(test_borders());
    RUN(test_damage());
    for (uint32_t f = 0; f < FIELDS; f++) mem_buffer_free(&cells[f]), mem_buffer_free(&ends[f]);
    for (uint32_t i = 0; i < PICKED_MAX; i++) mem_buffer_free(&picked_cells[i]);
    mv_schema_free(schema);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
